//! `inceptive results`.

mod grids;

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use inceptive_app::{Imported, MergedTasks, broken_result, check_plans, is_plan, merge_file};
use inceptive_files::{InputFiles, replace_file};
use inceptive_format::{counted, significant};
use inceptive_results::{
    Calibration, CalibrationSample, Exploration, ImportedResult, Measurement, ProfileRecord,
    Record, SpaceCount, TrainingRun,
};
use inceptive_store::{
    Cell, Filter, ForeignMeasurement, Format, Rows, Store, StoreError, Stored, Table as Tabular,
    write, write_timm,
};
use serde_json::{Map, Value, json};

use self::grids::{
    calibration_samples, calibrations, epochs, explorations, imported, measurements, profiles,
    space_counts, training_runs,
};
use crate::{
    commands::{bench::text::findings, worker},
    limited::ROWS,
    output::{self, Outcome},
    table::Grid,
};

/// List, show, export and merge results of measuring and training.
#[derive(Args, Debug)]
#[command(before_help = "Examples:
  inceptive results list
  inceptive results list --model googlenet --engine rten
  inceptive results show 3
  inceptive results export csv -o results.csv
  inceptive results export csv --kind training-runs -o trained.csv
  inceptive results import benchmark-infer.csv
  inceptive results merge inceptive.db laptop.db
  inceptive results merge inceptive.db my-plan")]
pub struct Results {
    #[command(subcommand)]
    action: Action,
}

/// What to do with results.
#[derive(Debug, Subcommand)]
enum Action {
    /// List results, one per line
    #[command(before_help = "Examples:
  inceptive results list --model googlenet --engine rten
  inceptive results list --kind training-runs")]
    List {
        /// Print one JSON document: an array for each kind of result, with the columns of `export csv`
        #[arg(long)]
        json: bool,
        /// Only this kind of result
        #[arg(long, value_enum)]
        kind: Option<RecordKind>,
        #[command(flatten)]
        from: From,
    },
    /// Show all columns of one result
    #[command(before_help = "Example:
  inceptive results show 3")]
    Show {
        /// Id of the result in `inceptive results list`
        id: i64,
        /// Kind of result
        #[arg(long, value_enum, default_value_t)]
        kind: RecordKind,
        /// Store of results
        #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
        store: PathBuf,
    },
    /// Write results as a table for other programs
    #[command(before_help = "Example:
  inceptive results export csv -o results.csv")]
    Export {
        /// Output format
        format: Table,
        /// Kind of result
        #[arg(long, value_enum, default_value_t)]
        kind: RecordKind,
        /// Write to a file instead of standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        from: From,
    },
    /// Import accuracies and latencies from a CSV file
    ///
    /// The file has a column `network`, with names of files, titles or fingerprints, and at least one of `top1`, `top5`
    /// (percent) and `latency_ms`; `dataset`, `source` and `note` are optional. Files written by timm's benchmark.py are
    /// read too.
    #[command(before_help = "Example:
  inceptive results import accuracies.csv
  inceptive results import benchmark-infer.csv")]
    Import {
        /// The CSV file
        file: PathBuf,
        /// Store of results
        #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
        store: PathBuf,
    },
    /// Add the results of other stores, or of plans, to the first, without duplicates
    ///
    /// Of a plan, each task counts once, however often it ran. Files that were cut off or changed are named and left out; the
    /// exit code is 1 then.
    #[command(before_help = "Examples:
  inceptive results merge inceptive.db laptop.db
  inceptive results merge inceptive.db my-plan")]
    Merge {
        /// Store to add to
        into: PathBuf,
        /// Stores, folders of plans, or files of single results to add
        #[arg(required = true)]
        from: Vec<PathBuf>,
    },
}

/// Which results.
#[derive(Args, Debug)]
struct From {
    /// Store of results
    #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
    store: PathBuf,
    /// Only networks whose name or file contains this text
    #[arg(long, value_name = "TEXT")]
    model: Option<String>,
    /// Only networks with this fingerprint
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<String>,
    /// Only this engine
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,
    /// Only this machine, by the id that `show` prints
    #[arg(long, value_name = "HEX")]
    machine: Option<String>,
}

/// Kinds of results that are written as tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum RecordKind {
    /// Latencies
    #[default]
    Measurements,
    /// Where the time of networks goes
    Profiles,
    /// Trained networks
    TrainingRuns,
    /// Accuracies and latencies from imported tables
    Imported,
    /// Searches in spaces
    Explorations,
    /// Models that predict latencies
    Calibrations,
    /// Networks that were measured for calibrations
    CalibrationSamples,
    /// Counts of parts of spaces
    SpaceCounts,
}

/// Tables for other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Table {
    /// One row per result
    Csv,
    /// Everything, including the time of every run, or every epoch
    Json,
    /// One row per result, with types; only if built with `--features parquet`
    Parquet,
    /// The table of timm's benchmark.py, including imported rows
    Timm,
}

impl From {
    fn open(self) -> anyhow::Result<Chosen> {
        let Self { store: path, model, fingerprint, engine, machine } = self;
        let store = Store::open_to_read(&path)?;
        Ok(Chosen {
            store,
            path,
            filter: Filter { model, fingerprint, engine, machine, up_to: None },
        })
    }
}

/// The chosen results of a store.
struct Chosen {
    store: Store,
    path: PathBuf,
    filter: Filter,
}

impl Chosen {
    fn records<R: Record>(&self) -> anyhow::Result<Vec<Stored<R>>> {
        Ok(readable(self.store.records(&self.filter)?))
    }

    /// Notes that there are no results of a kind.
    fn note_none<R: Record>(&self) {
        let matching = if self.filter == Filter::default() { "" } else { " that match" };
        output::warn(&format!("note: `{}` has no {}{matching}", self.path.display(), R::PLURAL));
    }
}

/// The readable rows; prints why the others were left out.
fn readable<T>(rows: Rows<T>) -> Vec<Stored<T>> {
    warn_of(&rows.unreadable);
    rows.readable
}

fn warn_of(unreadable: &[StoreError]) {
    for error in unreadable.iter().filter(|_| ROWS.admit(1)) {
        output::warn(&format!("left out: {error}"));
    }
}

impl Results {
    /// Runs the action.
    ///
    /// # Errors
    /// When a store cannot be read or written.
    pub fn run(self) -> anyhow::Result<Outcome> {
        match self.action {
            Action::List { json: false, kind, from } => list(from, kind),
            Action::List { json: true, kind, from } => list_json(from, kind),
            Action::Show { id, kind, store } => show(id, kind, &store),
            Action::Export { format, kind, output, from } => {
                export(format, kind, output.as_deref(), from)
            }
            Action::Import { file, store } => import(&file, &store),
            Action::Merge { into, from } => merge(&into, &from),
        }
    }
}

fn list(from: From, kind: Option<RecordKind>) -> anyhow::Result<Outcome> {
    let chosen = from.open()?;
    match kind {
        None => list_all(&chosen),
        Some(RecordKind::Measurements) => list_of(&chosen, measurements),
        Some(RecordKind::Profiles) => list_of(&chosen, profiles),
        Some(RecordKind::TrainingRuns) => list_of(&chosen, training_runs),
        Some(RecordKind::Imported) => list_of(&chosen, imported),
        Some(RecordKind::Explorations) => list_of(&chosen, explorations),
        Some(RecordKind::Calibrations) => list_of(&chosen, calibrations),
        Some(RecordKind::CalibrationSamples) => list_of(&chosen, calibration_samples),
        Some(RecordKind::SpaceCounts) => list_of(&chosen, space_counts),
    }
}

/// The results of a kind, one per line.
fn list_of<R: Record>(
    chosen: &Chosen,
    grid: fn(&[Stored<R>]) -> String,
) -> anyhow::Result<Outcome> {
    let found = chosen.records::<R>()?;
    if found.is_empty() {
        chosen.note_none::<R>();
        return Ok(Outcome::default());
    }
    Ok(Outcome::new(grid(&found)))
}

fn list_all(chosen: &Chosen) -> anyhow::Result<Outcome> {
    let (measured, trained) = (chosen.records()?, chosen.records()?);
    let store = &chosen.store;
    let mut text = match (measured.is_empty(), trained.is_empty()) {
        (true, true) => {
            chosen.note_none::<Measurement>();
            String::new()
        }
        (true, false) => training_runs(&trained),
        (false, true) => measurements(&measured),
        (false, false) => format!("{}\n{}", measurements(&measured), training_runs(&trained)),
    };
    let profiles = readable(store.records::<ProfileRecord>(&Filter::default())?).len();
    if profiles > 0 {
        let profiles = counted(profiles, ProfileRecord::NAME, ProfileRecord::PLURAL);
        text.push_str(&format!(
            "\nand {profiles}, which `inceptive report` and the dashboard show\n"
        ));
    }
    let others = readable(store.records::<ImportedResult>(&Filter::default())?).len();
    if others > 0 {
        let results = counted(others, ImportedResult::NAME, ImportedResult::PLURAL);
        text.push_str(&format!("\nand {results}, see `results list --kind imported`\n"));
    }
    let searches = readable(store.records::<Exploration>(&Filter::default())?).len();
    if searches > 0 {
        let results = counted(searches, Exploration::NAME, Exploration::PLURAL);
        text.push_str(&format!("\nand {results}, see `results list --kind explorations`\n"));
    }
    let models = readable(store.records::<Calibration>(&Filter::default())?).len();
    if models > 0 {
        let results = counted(models, Calibration::NAME, Calibration::PLURAL);
        text.push_str(&format!("\nand {results}, see `results list --kind calibrations`\n"));
    }
    let counts = readable(store.records::<SpaceCount>(&Filter::default())?).len();
    if counts > 0 {
        let results = counted(counts, SpaceCount::NAME, SpaceCount::PLURAL);
        text.push_str(&format!("\nand {results}, see `results list --kind space-counts`\n"));
    }
    let foreign = readable(store.records::<ForeignMeasurement>(&Filter::default())?).len();
    if foreign > 0 {
        let rows = counted(foreign, ForeignMeasurement::NAME, ForeignMeasurement::PLURAL);
        text.push_str(&format!("\nand {rows} from timm's tables, see `results export timm`\n"));
    }
    Ok(Outcome::new(text))
}

fn list_json(from: From, kind: Option<RecordKind>) -> anyhow::Result<Outcome> {
    let chosen = from.open()?;
    let document = match kind {
        None => return list_all_json(&chosen),
        Some(RecordKind::Measurements) => {
            json!({ "measurements": objects(&chosen.records::<Measurement>()?) })
        }
        Some(RecordKind::Profiles) => {
            json!({ "profiles": objects(&chosen.records::<ProfileRecord>()?) })
        }
        Some(RecordKind::TrainingRuns) => {
            json!({ "training_runs": objects(&chosen.records::<TrainingRun>()?) })
        }
        Some(RecordKind::Imported) => {
            json!({ "imported": objects(&chosen.records::<ImportedResult>()?) })
        }
        Some(RecordKind::Explorations) => {
            json!({ "explorations": objects(&chosen.records::<Exploration>()?) })
        }
        Some(RecordKind::Calibrations) => {
            json!({ "calibrations": objects(&chosen.records::<Calibration>()?) })
        }
        Some(RecordKind::CalibrationSamples) => {
            json!({ "calibration_samples": objects(&chosen.records::<CalibrationSample>()?) })
        }
        Some(RecordKind::SpaceCounts) => {
            json!({ "space_counts": objects(&chosen.records::<SpaceCount>()?) })
        }
    };
    Ok(Outcome::new(output::json(&document)?))
}

fn list_all_json(chosen: &Chosen) -> anyhow::Result<Outcome> {
    let (measured, trained) = (chosen.records::<Measurement>()?, chosen.records::<TrainingRun>()?);
    if measured.is_empty() && trained.is_empty() {
        chosen.note_none::<Measurement>();
    }
    let foreign: Vec<_> =
        chosen.records::<ForeignMeasurement>()?.into_iter().map(|stored| stored.result).collect();
    Ok(Outcome::new(output::json(&json!({
        "measurements": objects(&measured),
        "profiles": objects(&chosen.records::<ProfileRecord>()?),
        "training_runs": objects(&trained),
        "imported": objects(&chosen.records::<ImportedResult>()?),
        "explorations": objects(&chosen.records::<Exploration>()?),
        "calibrations": objects(&chosen.records::<Calibration>()?),
        "space_counts": objects(&chosen.records::<SpaceCount>()?),
        "timm_rows": foreign,
    }))?))
}

/// The columns of results as objects.
fn objects<R: Tabular>(found: &[Stored<R>]) -> Vec<Map<String, Value>> {
    let columns = R::columns();
    let object = |stored| {
        let value = |cell| match cell {
            Cell::Text(text) => text.into(),
            Cell::Count(count) => count.into(),
            Cell::Number(number) => number.into(),
            Cell::Absent => Value::Null,
        };
        columns.iter().map(|it| (it.name.to_owned(), value(it.value(stored)))).collect()
    };
    found.iter().map(object).collect()
}

fn show(id: i64, kind: RecordKind, store: &Path) -> anyhow::Result<Outcome> {
    let text = match kind {
        RecordKind::Measurements => {
            let stored = stored::<Measurement>(id, store)?;
            columns(&stored) + &findings(&[stored.result])
        }
        RecordKind::Profiles => columns(&stored::<ProfileRecord>(id, store)?),
        RecordKind::TrainingRuns => {
            let stored = stored::<TrainingRun>(id, store)?;
            columns(&stored) + &epochs(&stored.result)
        }
        RecordKind::Imported => columns(&stored::<ImportedResult>(id, store)?),
        RecordKind::Explorations => columns(&stored::<Exploration>(id, store)?),
        RecordKind::Calibrations => columns(&stored::<Calibration>(id, store)?),
        RecordKind::CalibrationSamples => columns(&stored::<CalibrationSample>(id, store)?),
        RecordKind::SpaceCounts => columns(&stored::<SpaceCount>(id, store)?),
    };
    Ok(Outcome::new(text))
}

fn stored<R: Record>(id: i64, store: &Path) -> anyhow::Result<Stored<R>> {
    let Some(result) = Store::open_to_read(store)?.record(id)? else {
        let kind = if R::TABLE == Measurement::TABLE { "result" } else { R::NAME };
        bail!("`{}` has no {kind} {id}", store.display());
    };
    Ok(Stored { id, result })
}

/// All columns of a result, one per line.
fn columns<R: Tabular>(stored: &Stored<R>) -> String {
    let mut grid = Grid::bare(2);
    for column in R::columns() {
        let value = match column.value(stored) {
            Cell::Text(text) => text,
            Cell::Count(count) => count.to_string(),
            Cell::Number(number) => significant(number),
            Cell::Absent => "unknown".to_owned(),
        };
        grid.row(vec![column.name.to_owned(), value]);
    }
    grid.render()
}

fn export(
    table: Table,
    kind: RecordKind,
    output: Option<&Path>,
    from: From,
) -> anyhow::Result<Outcome> {
    let chosen = from.open()?;
    let content = match (table, kind) {
        (Table::Timm, RecordKind::Measurements) => timm(&chosen)?,
        (Table::Timm, _) => {
            bail!("timm's table has measurements only: omit --kind")
        }
        (Table::Csv, kind) => written(&chosen, Format::Csv, kind)?,
        (Table::Json, kind) => written(&chosen, Format::Json, kind)?,
        (Table::Parquet, kind) => written(&chosen, Format::Parquet, kind)?,
    };
    match (output, String::from_utf8(content)) {
        (Some(path), text) => {
            let content = text.map_or_else(|error| error.into_bytes(), String::into_bytes);
            let mut inputs = InputFiles::default();
            inputs.add_store(&chosen.path);
            replace_file(path, &content, &inputs)?;
            output::wrote(path);
            Ok(Outcome::default())
        }
        (None, Ok(text)) => Ok(Outcome::new(text)),
        (None, Err(_)) => bail!("Parquet is a binary format: name a file with -o"),
    }
}

/// Results of a kind as a table.
fn written(chosen: &Chosen, format: Format, kind: RecordKind) -> anyhow::Result<Vec<u8>> {
    match kind {
        RecordKind::Measurements => written_of::<Measurement>(chosen, format),
        RecordKind::Profiles => written_of::<ProfileRecord>(chosen, format),
        RecordKind::TrainingRuns => written_of::<TrainingRun>(chosen, format),
        RecordKind::Imported => written_of::<ImportedResult>(chosen, format),
        RecordKind::Explorations => written_of::<Exploration>(chosen, format),
        RecordKind::Calibrations => written_of::<Calibration>(chosen, format),
        RecordKind::CalibrationSamples => written_of::<CalibrationSample>(chosen, format),
        RecordKind::SpaceCounts => written_of::<SpaceCount>(chosen, format),
    }
}

fn written_of<R: Tabular>(chosen: &Chosen, format: Format) -> anyhow::Result<Vec<u8>> {
    let found = chosen.records::<R>()?;
    if found.is_empty() {
        chosen.note_none::<R>();
    }
    let mut content = Vec::new();
    write(format, &found, &mut content)?;
    Ok(content)
}

/// Measurements, and all imported rows, as timm's table.
fn timm(chosen: &Chosen) -> anyhow::Result<Vec<u8>> {
    let found = chosen.records::<Measurement>()?;
    if found.is_empty() {
        chosen.note_none::<Measurement>();
    }
    let foreign = readable(chosen.store.records::<ForeignMeasurement>(&Filter::default())?);
    let foreign: Vec<_> = foreign.into_iter().map(|stored| stored.result).collect();
    let mut content = Vec::new();
    write_timm(found.iter().map(|stored| &stored.result), &foreign, &mut content)?;
    Ok(content)
}

fn import(file: &Path, store: &Path) -> anyhow::Result<Outcome> {
    let Imported { rows, added, .. } = inceptive_app::import(file, store, &[])?;
    let rows = counted(rows, "row", "rows");
    Ok(Outcome::new(format!("{added} of {rows} added\n")))
}

fn merge(into: &Path, from: &[PathBuf]) -> anyhow::Result<Outcome> {
    let (results, stores): (Vec<&PathBuf>, Vec<&PathBuf>) =
        from.iter().partition(|path| path.is_dir() || is_result(path));
    let (plans, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
        results.into_iter().partition(|path| path.is_dir());
    // Where one of them is missing, no store is made and nothing is added.
    for other in &stores {
        Store::open_to_read(other)?;
    }
    if let Some(other) = plans.iter().find(|path| !is_plan(path)) {
        bail!(
            "`{}` is not a results store, nor the folder of a plan: it has no `plan.json`",
            other.display()
        );
    }
    for plan in &plans {
        check_plans(plan)?;
    }
    if let Some(broken) = files.iter().find_map(|file| broken_result(file)) {
        bail!("`{}` is not the result of a task: {}", broken.path.display(), broken.reason);
    }
    let mut store = Store::open(into)?;
    let mut text = String::new();
    for other in stores {
        let merged = store.merge(other)?;
        warn_of(&merged.unreadable);
        text.push_str(&format!("{}: {}\n", other.display(), new_results(merged.added)));
    }
    let mut failed = false;
    let mut said = |what: &str, merged: &MergedTasks| {
        worker::warn_of(&merged.broken);
        failed |= !merged.broken.is_empty();
        let of = if merged.planned > 0 { format!(" of {}", merged.planned) } else { String::new() };
        let tasks = counted(merged.tasks, "task", "tasks");
        let (new, repeated) = (new_results(merged.added), merged.repeated);
        let again = match repeated {
            0 => String::new(),
            _ => {
                format!(", {} left out of tasks that ran again", counted(repeated, "file", "files"))
            }
        };
        text.push_str(&format!("{what}: {new}; {tasks}{of} with a result{again}\n"));
    };
    if !plans.is_empty() {
        // Together, so that a task counts once that has results in several copies of its plan.
        let names: Vec<String> = plans.iter().map(|path| path.display().to_string()).collect();
        let paths: Vec<PathBuf> = plans.into_iter().cloned().collect();
        said(&names.join(", "), &inceptive_app::merge(&mut store, &paths)?);
    }
    for file in files {
        said(&file.display().to_string(), &merge_file(&mut store, file)?);
    }
    Ok(Outcome { text, failed })
}

fn new_results(added: usize) -> String {
    counted(added, "new result", "new results")
}

/// Whether a file is the result of a task, by its name.
fn is_result(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}
