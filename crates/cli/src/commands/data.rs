//! `inceptive data`.

use std::{
    io::{self, IsTerminal},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::bail;
use clap::{Args, Subcommand};
use inceptive_bench::available_memory;
use inceptive_data::{
    CATALOG, DataName, Dataset, Downloader, FileReport, FileState, ImageShape, KnownSet, Places,
    Plan, PlannedFile, Progress, Shapes, load,
};
use inceptive_format::{bytes, decimals, exact};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::{
    commands::bench::stop_on_interrupt,
    json::number,
    output::{self, Outcome},
    table::{Column, Grid, one_line},
};

/// Maximum wait for a server's answer, and for its next bytes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Minimum time between two lines of progress where there is no bar.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// List, download and check data sets of images.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive data list
  inceptive data get fashion-mnist --dry-run
  inceptive data check shapes:size=32,channels=3
  inceptive data check folder:size=64=photos",
    after_help = "NAME is fashion-mnist, mnist, cifar10 or cifar100, optionally with =PATH; idx=FOLDER, npz=FILE or
folder=FOLDER; or shapes, which is generated. Without a path, published data sets are looked for in
$INCEPTIVE_DATA (default: ~/.local/share/inceptive), then in /usr/share/datasets."
)]
pub struct Data {
    #[command(subcommand)]
    action: Action,
}

/// What to do with data sets.
#[derive(Debug, Subcommand)]
enum Action {
    /// List the known data sets, and where they were found
    #[command(before_help = "Example:
  inceptive data list")]
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Download a data set
    #[command(
        before_help = "Examples:
  inceptive data get fashion-mnist
  inceptive data get cifar10 --mirror https://mirror.example.org/cifar --folder /data/cifar10",
        after_help = "The files, their sizes and addresses are printed first. An interrupted download is resumed. A file
is named FILE.part until its SHA-256 has been verified. Downloads need the program curl."
    )]
    Get {
        /// Name of a published data set, see `inceptive data list`
        name: DataName,
        /// Download the same files from the folder at another address
        #[arg(long, value_name = "URL")]
        mirror: Option<String>,
        /// Folder to write to; default: NAME in $INCEPTIVE_DATA or in ~/.local/share/inceptive
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
        /// Print what would be downloaded, and download nothing
        #[arg(long)]
        dry_run: bool,
        /// Print one JSON document at the end
        #[arg(long)]
        json: bool,
    },
    /// Read a data set and print its classes, checksums and statistics
    #[command(before_help = "Examples:
  inceptive data check fashion-mnist
  inceptive data check mnist=/data/mnist
  inceptive data check shapes:train=60000,seed=2 --json")]
    Check {
        /// The data set
        name: DataName,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
}

impl Data {
    /// Runs the action.
    ///
    /// # Errors
    /// When a data set is not found, cannot be read or cannot be downloaded.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let places = Places::from_env();
        match self.action {
            Action::List { json: false } => Ok(Outcome::new(list(&places))),
            Action::List { json: true } => Ok(Outcome::new(output::json(&list_json(&places))?)),
            Action::Get { name, mirror, folder, dry_run, json } => {
                let got = get(&places, &name, mirror.as_deref(), folder, dry_run)?;
                let document = json.then(|| output::json(&got)).transpose()?;
                Ok(Outcome::new(document.unwrap_or_default()))
            }
            Action::Check { name, json } => check(&places, &name, json),
        }
    }
}

fn list(places: &Places) -> String {
    let mut grid = Grid::new(vec![
        Column::Left("name"),
        Column::Right("classes"),
        Column::Left("images"),
        Column::Right("training"),
        Column::Right("test"),
        Column::Right("download"),
        Column::Left("licence"),
        Column::Left("found in"),
    ]);
    for set in &CATALOG {
        let found = places.find(set);
        grid.row(vec![
            set.name.to_owned(),
            set.classes.len().to_string(),
            set.shape.to_string(),
            exact(set.train as u64),
            exact(set.test as u64),
            bytes(set.download_bytes()),
            set.licence.to_owned(),
            found.map_or_else(
                || format!("- (inceptive data get {})", set.name),
                |path| path.display().to_string(),
            ),
        ]);
    }
    let shapes = Shapes::default();
    grid.row(vec![
        "shapes".to_owned(),
        Shapes::CLASSES.to_string(),
        shapes.shape().to_string(),
        exact(shapes.train.into()),
        exact(shapes.test.into()),
        "-".to_owned(),
        "-".to_owned(),
        "generated; any size and number: shapes:size=32,channels=3,train=50000,test=10000,seed=2"
            .to_owned(),
    ]);
    grid.render() + "\nOwn data: idx=FOLDER, npz=FILE, folder:size=32,channels=3=FOLDER\n"
}

fn shape_json(shape: ImageShape) -> Value {
    json!([shape.channels, shape.height, shape.width])
}

fn list_json(places: &Places) -> Vec<Value> {
    let published = CATALOG.iter().map(|set| {
        json!({
            "name": set.name,
            "title": set.title,
            "generated": false,
            "found": places.find(set),
            "classes": set.classes.len(),
            "shape": shape_json(set.shape),
            "train": set.train,
            "test": set.test,
            "download_bytes": set.download_bytes(),
            "licence": set.licence,
            "page": set.page,
        })
    });
    let shapes = Shapes::default();
    let generated = json!({
        "name": "shapes",
        "title": "Shapes",
        "generated": true,
        "found": null,
        "classes": Shapes::CLASSES,
        "shape": shape_json(shapes.shape()),
        "train": shapes.train,
        "test": shapes.test,
        "download_bytes": 0,
        "licence": null,
        "page": null,
    });
    published.chain([generated]).collect()
}

/// Downloads a data set, and returns what is printed with `--json`.
fn get(
    places: &Places,
    name: &DataName,
    mirror: Option<&str>,
    folder: Option<PathBuf>,
    is_dry: bool,
) -> anyhow::Result<Value> {
    let Some(set) = name.known() else {
        bail!("`{name}` cannot be downloaded; `inceptive data list` shows what can be");
    };
    if name.path().is_some() {
        return Err(output::usage(format!(
            "error: name the folder with `--folder`: inceptive data get {} --folder FOLDER",
            set.name
        )));
    }
    if folder.is_none()
        && let Some(found) = places.find(set)
    {
        let shown = one_line(&found.display().to_string());
        output::warn(&format!("{} was found in {shown}; there is nothing to download", set.name));
        return Ok(get_json(set, &Plan { folder: found, files: Vec::new() }, is_dry));
    }
    let Some(folder) = folder.or_else(|| places.folder_of(set)) else {
        bail!("no folder for data sets is known: set INCEPTIVE_DATA, or use `--folder`");
    };
    let plan = Plan::new(set, &folder, mirror);
    describe(set, &plan);
    if !is_dry && plan.missing_bytes() > 0 {
        let stop = stop_on_interrupt("downloaded bytes are kept")?;
        let watch = Watch::new(&plan);
        let fetched = Downloader::new(PATIENCE).fetch(&plan, &mut |progress| {
            watch.step(progress);
            match stop.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        watch.bar.finish_and_clear();
        fetched?;
        plan.files.iter().for_each(|file| output::wrote(&file.target));
    }
    Ok(get_json(set, &plan, is_dry))
}

/// The files that were or would be downloaded, with their states before.
fn get_json(set: &KnownSet, plan: &Plan, is_dry: bool) -> Value {
    let file = |file: &PlannedFile| {
        json!({
            "url": file.url,
            "path": file.target,
            "bytes": file.bytes,
            "sha256": file.sha256,
            "state_before": match file.state {
                FileState::Present => "present",
                FileState::Different => "different",
                FileState::Partial(_) => "partial",
                FileState::Missing => "missing",
            },
            "download_bytes": file.missing_bytes(),
        })
    };
    json!({
        "name": set.name,
        "folder": plan.folder,
        "dry_run": is_dry,
        "download_bytes": plan.missing_bytes(),
        "files": plan.files.iter().map(file).collect::<Vec<_>>(),
    })
}

/// Prints what will be downloaded.
fn describe(set: &KnownSet, plan: &Plan) {
    let missing = bytes(plan.missing_bytes());
    let folder = one_line(&plan.folder.display().to_string());
    output::warn(&format!("{}: {missing} to download into {folder}", set.title));
    output::warn(&format!("licence: {}; {}", set.licence, set.page));
    for file in &plan.files {
        let state = match file.state {
            FileState::Present => ", already there".to_owned(),
            FileState::Different => ", but another file has this name".to_owned(),
            FileState::Partial(received) => format!(", {} of it already there", bytes(received)),
            FileState::Missing => String::new(),
        };
        output::warn(&format!("  {} ({}{state})", one_line(&file.url), bytes(file.bytes)));
    }
}

/// The progress of a download on standard error: a bar on a terminal, else a line every few seconds.
struct Watch<'a> {
    plan: &'a Plan,
    bar: ProgressBar,
    last_line: Option<std::cell::Cell<Instant>>,
}

impl<'a> Watch<'a> {
    fn new(plan: &'a Plan) -> Self {
        let bar = ProgressBar::new(plan.files.iter().map(|file| file.bytes).sum());
        let is_terminal = io::stderr().is_terminal();
        if !is_terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = "{wide_bar} {bytes} of {total_bytes} {bytes_per_sec} {eta} {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let last_line = (!is_terminal).then(|| std::cell::Cell::new(Instant::now()));
        Self { plan, bar, last_line }
    }

    fn step(&self, progress: &Progress<'_>) {
        let before = self.plan.files.iter().take_while(|file| *file != progress.file);
        let received = before.map(|file| file.bytes).sum::<u64>() + progress.received;
        let name = name_of(&progress.file.target);
        self.bar.set_position(received);
        self.bar.set_message(name.clone());
        if let Some(last) = &self.last_line
            && last.get().elapsed() >= BETWEEN_LINES
        {
            last.set(Instant::now());
            let (received, all) = (bytes(progress.received), bytes(progress.file.bytes));
            output::warn(&format!("{name}: {received} of {all}"));
        }
    }
}

/// The last part of a path.
fn name_of(path: &Path) -> String {
    one_line(&path.file_name().unwrap_or_default().to_string_lossy())
}

fn check(places: &Places, name: &DataName, is_json: bool) -> anyhow::Result<Outcome> {
    let data = load(name, places, available_memory(), &AtomicBool::new(false))?;
    let found = || name.known().and_then(|set| places.find(set));
    let path = name.path().map(Path::to_owned).or_else(found);
    let files = match (name.known(), &path) {
        (Some(set), Some(path)) => set.report_files(path)?,
        _ => Vec::new(),
    };
    let fingerprint = data.fingerprint().to_string();
    let published = name.known().and_then(|set| set.fingerprint);
    let is_published = published.map(|published| published == fingerprint);
    // Content that differs from the published one is shown too; the exit code signals it to scripts.
    let failed = files.iter().map(|file| file.is_published).chain([is_published]);
    let failed = failed.into_iter().any(|published| published == Some(false));
    let checked = Checked { data, path, fingerprint, is_published, files };
    let text = match is_json {
        true => output::json(&check_json(&checked))?,
        false => check_text(&checked),
    };
    Ok(Outcome { text, failed })
}

/// A data set that was read.
struct Checked {
    data: Dataset,
    path: Option<PathBuf>,
    fingerprint: String,
    /// Whether the content is the published one; `None` if not known.
    is_published: Option<bool>,
    files: Vec<FileReport>,
}

fn check_json(checked: &Checked) -> Value {
    let Checked { data, path, fingerprint, is_published, files } = checked;
    let stats = data.train.channel_stats(&data.train.indices());
    let numbers = |values: &[f32]| values.iter().map(|&value| number(value)).collect::<Vec<_>>();
    let counts = class_counts(data);
    let classes = data.classes.iter().zip(counts);
    let classes = classes
        .map(|(name, (train, test))| json!({ "name": name, "train": train, "test": test }))
        .collect::<Vec<_>>();
    let file = |file: &FileReport| {
        json!({
            "path": file.path,
            "bytes": file.bytes,
            "sha256": file.sha256.to_string(),
            "published": file.is_published,
        })
    };
    json!({
        "name": data.name,
        "path": path,
        "fingerprint": fingerprint,
        "published": is_published,
        "shape": shape_json(data.shape()),
        "train": data.train.len(),
        "test": data.test.len(),
        "mean": numbers(&stats.mean),
        "std": numbers(&stats.std),
        "classes": classes,
        "files": files.iter().map(file).collect::<Vec<_>>(),
    })
}

/// Number of training and test images of each class.
fn class_counts(data: &Dataset) -> impl Iterator<Item = (usize, usize)> {
    let [train, test] =
        [&data.train, &data.test].map(|split| split.class_counts(data.classes.len()));
    train.into_iter().zip(test)
}

fn check_text(checked: &Checked) -> String {
    let Checked { data, path, fingerprint, is_published, files } = checked;
    let stats = data.train.channel_stats(&data.train.indices());
    let channels = |values: &[f32]| {
        let values = values.iter().map(|&value| decimals(value.into(), 4));
        values.collect::<Vec<_>>().join(", ")
    };
    let mut facts = Grid::bare(2);
    let mut fact = |key: &str, value: String| facts.row(vec![key.to_owned(), value]);
    fact("data set", data.name.clone());
    if let Some(path) = path {
        fact("path", path.display().to_string());
    }
    let (train, test) = (exact(data.train.len() as u64), exact(data.test.len() as u64));
    fact("images", format!("{train} training, {test} test, {}", data.shape()));
    fact("mean", channels(&stats.mean));
    fact("standard deviation", channels(&stats.std));
    let published = match is_published {
        Some(true) => ", as published",
        Some(false) => ", not as published",
        None => "",
    };
    fact("fingerprint", format!("{fingerprint}{published}"));
    let mut classes =
        Grid::new(vec![Column::Left("class"), Column::Right("training"), Column::Right("test")]);
    for (name, (train, test)) in data.classes.iter().zip(class_counts(data)) {
        classes.row(vec![name.clone(), exact(train as u64), exact(test as u64)]);
    }
    let mut text = facts.render() + "\n" + &classes.render();
    if !files.is_empty() {
        text += "\n";
        text += &files_text(files);
    }
    text
}

fn files_text(files: &[FileReport]) -> String {
    let mut grid = Grid::new(vec![
        Column::Left("file"),
        Column::Right("bytes"),
        Column::Left("SHA-256"),
        Column::Left("published"),
    ]);
    for file in files {
        let published = match file.is_published {
            Some(true) => "yes",
            Some(false) => "no: different bytes",
            None => "unknown: not compressed as published",
        };
        grid.row(vec![
            name_of(&file.path),
            exact(file.bytes),
            file.sha256.to_string(),
            published.to_owned(),
        ]);
    }
    grid.render()
}
