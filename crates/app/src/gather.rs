//! Gathers the networks and spaces of a report from files.

use std::{
    collections::HashMap,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{
    Architecture, Checked, Disk, Failure, Files, Kind, Loaded, Setting, Space, check, kind,
};
use inceptive_files::{InputFiles, untrusted_link};
use inceptive_ir::passes;
use inceptive_report::{Cloud, Explored, NetworkCost, NetworkEntry, Networks, Variant};
use inceptive_results::{Calibration, KnownRooflines, NetworkInfo};

use crate::{
    error::TaskError,
    git::{GitError, GitFiles},
    inspect::networks_in,
    measured::Request,
    network::{ReadError, files_beside, is_onnx, read, read_from},
    space::{CloudPlan, choices, cloud, space_fingerprint},
    texts::Texts,
};

/// Maximum number of networks of a space that are listed one by one, and not only as points of a plot.
pub const SMALL_SPACE: u128 = 32;

/// The inputs of a report.
#[derive(Clone, Debug)]
pub struct GatherPlan {
    /// Networks, spaces, folders of networks; each with settings of its own.
    pub inputs: Vec<Request>,
    /// The settings of each network.
    pub settings: Vec<Setting>,
    /// Maximum number of points of a space that are counted.
    pub samples: usize,
    /// The seed that they are drawn with.
    pub seed: u64,
}

/// Events while the inputs of a report are gathered.
#[derive(Clone, Copy, Debug)]
pub enum GatherEvent<'a> {
    /// A file is read.
    Reading(&'a Path),
    /// The number of networks of a space that are counted.
    Counting {
        /// The space.
        space: &'a str,
        /// Networks that are counted.
        done: usize,
        /// Networks that are to be counted.
        of: usize,
    },
}

/// Receives events, and decides whether to go on.
pub type GoesOn<'a> = &'a (dyn Fn(GatherEvent<'_>) -> ControlFlow<()> + Sync);

/// The networks and spaces of a report, as read from files.
#[derive(Default)]
pub struct Gathered {
    /// How each candidate is named in files, in the order of `candidates`; `None` for those that only a store knows.
    pub requests: Vec<Option<Request>>,
    /// The candidates.
    pub candidates: Vec<NetworkEntry>,
    /// The spaces.
    pub clouds: Vec<Cloud>,
    /// Searches in spaces, from the stores that were joined.
    pub explorations: Vec<Explored>,
    /// The calibrations of all stores, in the order in which they were read.
    pub(crate) calibrations: Vec<Calibration>,
    /// SHA-256 of the files of each space.
    pub(crate) space_fingerprints: Vec<String>,
    /// The texts of networks and spaces that may be published.
    pub(crate) networks: Networks,
    /// The folders of the inputs, whose texts may be published.
    pub(crate) folders: Vec<PathBuf>,
    /// Inputs that could not be read; the others are included.
    pub troubles: Vec<TaskError>,
    /// All files that were read, stores included.
    pub inputs: InputFiles,
    /// The highest limits of each machine, from all stores that were joined.
    pub(crate) known: KnownRooflines,
}

/// Reads networks and spaces. `None` if it was stopped, because a report on a part of the inputs could not be
/// reproduced.
pub fn gather(plan: &GatherPlan, goes_on: GoesOn<'_>) -> Option<Gathered> {
    let (origin, found) = (Origin::Disk, Gathered::default());
    let settings = vec![];
    let mut gatherer = Gatherer { plan, origin, goes_on, found, settings, quotable: None };
    for Request { file: input, settings } in &plan.inputs {
        gatherer.quotable = quotable_folder(input);
        gatherer.found.folders.extend(gatherer.quotable.clone());
        gatherer.settings = plan.settings.iter().chain(settings).cloned().collect();
        let flow = match input.is_dir() {
            true => gatherer.folder(input),
            false => gatherer.file(input, false),
        };
        if flow.is_break() {
            return None;
        }
    }
    let mut gathered = gatherer.found;
    gathered.name_bases();
    Some(gathered)
}

/// Networks as they were at a revision: a file, or all of a folder. Chosen and read as [`gather`] does.
///
/// # Errors
/// When git is not there, or has no such file.
pub fn gather_revision(
    files: &GitFiles,
    path: &Path,
    plan: &GatherPlan,
) -> Result<Gathered, GitError> {
    let (origin, goes_on) = (Origin::Git(files), &|_: GatherEvent<'_>| ControlFlow::Continue(()));
    let (found, settings) = (Gathered::default(), plan.settings.clone());
    let mut gatherer = Gatherer { plan, origin, goes_on, found, settings, quotable: None };
    // It is never told to stop.
    let _ = match files.folder(path)? {
        Some(networks) => gatherer.files(path, &networks),
        None => gatherer.file(path, false),
    };
    Ok(gatherer.found)
}

impl Gathered {
    /// Whether there is nothing to report on.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty() && self.clouds.is_empty()
    }

    /// The number of inputs found, valid or not.
    fn len(&self) -> usize {
        self.candidates.len() + self.clouds.len() + self.troubles.len()
    }

    /// Calls the bases of variants what their candidates call them.
    fn name_bases(&mut self) {
        let canonical = |file: &str| fs::canonicalize(file).ok();
        let files: HashMap<PathBuf, String> = self
            .candidates
            .iter()
            .filter(|candidate| candidate.subject.point.is_empty())
            .filter_map(|candidate| {
                let file = &candidate.subject.file;
                Some((canonical(file)?, file.clone()))
            })
            .collect();
        for candidate in &mut self.candidates {
            if let Some(variant) = &mut candidate.variant
                && let Some(file) = canonical(&variant.base).and_then(|path| files.get(&path))
            {
                variant.base.clone_from(file);
            }
        }
    }
}

/// Where files are.
#[derive(Clone, Copy)]
enum Origin<'a> {
    Disk,
    Git(&'a GitFiles),
}

impl Origin<'_> {
    fn files(&self) -> &dyn Files {
        match self {
            Self::Disk => &Disk,
            Self::Git(files) => *files,
        }
    }

    fn read(&self, path: &Path, settings: &[Setting]) -> Result<Loaded, ReadError> {
        match self {
            Self::Disk => read(path, settings),
            Self::Git(files) => read_from(*files, path, settings),
        }
    }
}

/// Reads one file after the other.
struct Gatherer<'a> {
    plan: &'a GatherPlan,
    origin: Origin<'a>,
    goes_on: GoesOn<'a>,
    found: Gathered,
    /// The settings of the networks of an input.
    settings: Vec<Setting>,
    /// Errors may quote only files in this folder.
    quotable: Option<PathBuf>,
}

/// The folder of an input; errors may quote only files in it. Reports are published, and an untrusted network must not put
/// a private file of the user into one, neither by naming it as its base nor through a link.
fn quotable_folder(input: &Path) -> Option<PathBuf> {
    let folder = if input.is_dir() { input } else { input.parent()? };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if untrusted_link(folder).is_some() {
        return None;
    }
    let folder = fs::canonicalize(folder).ok()?;
    // The usual layout: a folder of networks that contains `blocks/` and `spaces/`.
    let is_part = folder.ends_with("blocks") || folder.ends_with("spaces");
    let around = folder.parent().filter(|_| is_part);
    let named = folder.ancestors().find(|folder| folder.ends_with("architectures"));
    Some(named.or(around).unwrap_or(&folder).to_owned())
}

impl Gatherer<'_> {
    fn folder(&mut self, folder: &Path) -> ControlFlow<()> {
        match networks_in(folder) {
            Ok(files) => self.files(folder, &files),
            Err(error) => {
                self.trouble(folder, ReadError::File { path: folder.to_owned(), error });
                ControlFlow::Continue(())
            }
        }
    }

    /// The files of a folder. Libraries of blocks among them are for the others, recipes for training; a folder without anything else is no
    /// folder to report on.
    fn files(&mut self, folder: &Path, files: &[PathBuf]) -> ControlFlow<()> {
        let known = self.found.len();
        for file in files {
            self.file(file, true)?;
        }
        if self.found.len() == known {
            self.found.troubles.push(TaskError::NoNetworks { folder: folder.to_owned() });
        }
        ControlFlow::Continue(())
    }

    fn file(&mut self, file: &Path, is_of_folder: bool) -> ControlFlow<()> {
        (self.goes_on)(GatherEvent::Reading(file))?;
        // Invalid files must not be overwritten either.
        self.found.inputs.add(file);
        if self.settings.is_empty() && !is_onnx(file) {
            let files = self.origin.files();
            if is_of_folder && kind(files, file) == Some(Kind::Recipe) {
                return ControlFlow::Continue(());
            }
            match check(files, file) {
                Ok(Checked::Space(space)) => return self.space(&space),
                Ok(Checked::Architecture(loaded)) => {
                    self.network(*loaded, file, &[]);
                    return ControlFlow::Continue(());
                }
                Ok(Checked::Library(_)) if is_of_folder => return ControlFlow::Continue(()),
                // Reading it as a network says what is wrong.
                Ok(Checked::Library(_)) => {}
                Err(failure) if kind(files, file) == Some(Kind::Space) => {
                    // Its default point may be right; that is not what was asked for.
                    self.trouble(file, ReadError::Yaml(failure));
                    return ControlFlow::Continue(());
                }
                Err(failure) => self.opened(&failure),
            }
        }
        match self.origin.read(file, &self.settings) {
            Ok(loaded) => {
                let settings = self.settings.clone();
                self.network(loaded, file, &settings);
            }
            Err(error) => {
                if is_onnx(file) {
                    self.found.inputs.extend(&InputFiles::of(files_beside(file)));
                }
                self.trouble(file, error);
            }
        }
        ControlFlow::Continue(())
    }

    /// Protects the files that were opened before a mistake was found: a base, libraries.
    fn opened(&mut self, failure: &Failure) {
        self.found.inputs.extend(&InputFiles::of(failure.sources.paths()));
    }

    fn trouble(&mut self, file: &Path, error: ReadError) {
        if let ReadError::Yaml(failure) = &error {
            self.opened(failure);
        }
        let error = match self.may_quote(file, &error) {
            true => error,
            false => ReadError::Outside(file.to_owned()),
        };
        self.found.troubles.push(error.into());
    }

    /// Whether all files that an error quotes are in the folder that is given on the command line.
    fn may_quote(&self, file: &Path, error: &ReadError) -> bool {
        let is_inside = |path: &Path| {
            // Only files have a text.
            !path.is_file()
                || self.quotable.as_ref().is_some_and(|folder| {
                    fs::canonicalize(path).is_ok_and(|path| path.starts_with(folder))
                })
        };
        match (self.origin, error) {
            (Origin::Git(_), _) => true,
            (Origin::Disk, ReadError::Yaml(failure)) => {
                is_inside(file) && failure.sources.paths().all(is_inside)
            }
            (Origin::Disk, ReadError::Onnx { .. } | ReadError::Values { .. }) => is_inside(file),
            (Origin::Disk, _) => true,
        }
    }

    fn network(&mut self, loaded: Loaded, file: &Path, settings: &[Setting]) {
        self.found.inputs.extend(&InputFiles::of(loaded.sources.paths()));
        match candidate(&loaded, file) {
            Ok(candidate) => {
                if matches!(self.origin, Origin::Disk) {
                    Texts::new(&mut self.found.networks, self.quotable.as_deref())
                        .network(&loaded, file, settings);
                }
                let request = Request { file: file.to_owned(), settings: settings.to_vec() };
                self.found.requests.push(Some(request));
                self.found.candidates.push(candidate);
            }
            Err(error) => self.trouble(file, error),
        }
    }

    fn space(&mut self, space: &Space) -> ControlFlow<()> {
        self.found.inputs.extend(&InputFiles::of(&space.files));
        let plan = CloudPlan { most: self.plan.samples, seed: self.plan.seed };
        let goes_on =
            |done, of| (self.goes_on)(GatherEvent::Counting { space: &space.title, done, of });
        let counted = cloud(space, plan, &goes_on);
        // A space that was counted in part is not included.
        (self.goes_on)(GatherEvent::Reading(&space.file))?;
        self.found.clouds.push(counted);
        Texts::new(&mut self.found.networks, self.quotable.as_deref()).space(space);
        self.found.space_fingerprints.extend(space_fingerprint(space));
        if space.size() > SMALL_SPACE {
            return ControlFlow::Continue(());
        }
        for at in 0..space.size() {
            (self.goes_on)(GatherEvent::Reading(&space.file))?;
            let choices = choices(space, at);
            let setting = |(variable, &choice): (&inceptive_dsl::Variable, &usize)| Setting {
                key: variable.name.clone(),
                value: variable.values[choice].label.clone(),
            };
            let settings: Vec<Setting> =
                space.variables.iter().zip(&choices).map(setting).collect();
            match self.origin.read(&space.file, &settings) {
                Ok(loaded) => {
                    self.network(loaded, &space.file, &settings);
                    if let Some(candidate) = self.found.candidates.last_mut() {
                        candidate.name = candidate.subject.point.join(", ");
                    }
                }
                Err(error) => self.trouble(&space.file, error),
            }
        }
        ControlFlow::Continue(())
    }
}

/// A network with its counts.
pub(crate) fn candidate(loaded: &Loaded, file: &Path) -> Result<NetworkEntry, ReadError> {
    let architecture = &loaded.architecture;
    let graph = passes::inference(&architecture.graph)?;
    let point = architecture.point.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let subject = NetworkInfo::new(&architecture.name, &file.to_string_lossy(), point, &graph);
    let variant = architecture.extends.as_ref().map(|base| Variant {
        base: base.to_string_lossy().into_owned(),
        yaml: loaded.sources.get(0).map_or_else(String::new, |source| changes(&source.text)),
    });
    Ok(NetworkEntry {
        name: subject.name_with_point(),
        fingerprint: architecture.graph.fingerprint().to_string(),
        subject,
        network: Some(NetworkCost {
            cost: Cost::new(&architecture.graph, Mode::Inference),
            graph: architecture.graph.clone(),
        }),
        description: architecture.description.clone(),
        notes: notes(architecture),
        cite: architecture.cite.clone(),
        published: architecture.published.clone(),
        variant,
        measured: vec![],
        predicted: vec![],
        profiles: vec![],
        imported: vec![],
        trained: vec![],
    })
}

/// Notes on a network: those in its file, several outputs, and the auxiliary heads that do not fit.
fn notes(architecture: &Architecture) -> Vec<String> {
    let heads = architecture.unfit_heads.iter();
    let heads = heads.map(|head| format!("{head}; it is only used in training."));
    let outputs = crate::notes::outputs_note(architecture).map(|note| format!("{note}."));
    architecture.notes.iter().cloned().chain(outputs).chain(heads).collect()
}

/// Keys that describe a network rather than change it.
const ABOUT: [&str; 6] = ["name", "description", "notes", "cite", "published", "extends"];

/// The changes in a file to the one that it extends: its text without the keys that only describe it.
fn changes(text: &str) -> String {
    let mut is_kept = true;
    let mut kept = String::new();
    for line in text.lines() {
        let starts_key =
            line.starts_with(|c: char| !c.is_whitespace() && c != '#' && c != '}' && c != ']');
        if starts_key {
            let key = line.split(':').next().unwrap_or_default();
            is_kept = !ABOUT.contains(&key);
        }
        if is_kept {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_describes_is_left_out() {
        let text = "name: A\ncite: >-\n  a paper\nextends: b.yaml\n\n# Wider.\nset:\n  4a: {c1: 3}\npublished:\n  - {top1: 3}\n";
        assert_eq!(changes(text), "set:\n  4a: {c1: 3}");
    }

    const BASE: &str = "name: B\nparams: {c: 1}\ninput: {channels: 3, size: 8}\nbody: [conv: {kernel: 1, width: $c}]\ntail: []\n";

    fn input(file: PathBuf) -> Request {
        Request { file, settings: vec![] }
    }

    /// A large space and its base.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let space = "space: S\nbase: base.yaml\nvary:\n  c: {from: 1, to: 3000, step: 1}\n";
        for (name, text) in [("base.yaml", BASE), ("s.yml", space)] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn counting_a_space_stops_when_it_is_told_to() {
        let folder = folder();
        let plan = GatherPlan {
            inputs: vec![input(folder.path().to_owned())],
            settings: vec![],
            samples: 3000,
            seed: 0,
        };
        let most = std::sync::atomic::AtomicUsize::new(0);
        let stops = |event: GatherEvent<'_>| match event {
            GatherEvent::Counting { done, of, .. } => {
                assert_eq!(of, 3000);
                most.fetch_max(done, std::sync::atomic::Ordering::Relaxed);
                ControlFlow::Break(())
            }
            GatherEvent::Reading(_) if most.load(std::sync::atomic::Ordering::Relaxed) > 0 => {
                ControlFlow::Break(())
            }
            GatherEvent::Reading(_) => ControlFlow::Continue(()),
        };
        assert!(gather(&plan, &stops).is_none());
        assert!((1..2000).contains(&most.into_inner()));
        let all = gather(&plan, &|_| ControlFlow::Continue(())).unwrap();
        assert_eq!((all.candidates.len(), all.clouds[0].points.len()), (1, 3000));
    }

    #[test]
    fn a_space_with_a_mistake_is_no_network() {
        let folder = folder();
        let space = "space: S\nbase: base.yaml\nvary: {c: {values: [1, 2, 0]}}\n";
        fs::write(folder.path().join("s.yml"), space).unwrap();
        let inputs = vec![input(folder.path().join("s.yml"))];
        let plan = GatherPlan { inputs, settings: vec![], samples: 1, seed: 0 };
        let gathered = gather(&plan, &|_| ControlFlow::Continue(())).unwrap();
        assert!(gathered.candidates.is_empty() && gathered.clouds.is_empty());
        let trouble = gathered.troubles[0].to_string();
        assert!(
            trouble.contains("expected a number from 1") && trouble.contains("c=0"),
            "{trouble}"
        );
    }

    #[test]
    fn a_folder_without_networks_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let library = "blocks:\n  b: {params: {w}, steps: [conv: {kernel: 1, width: $w}]}\n";
        for (name, text) in [("notes.md", "x"), (".hidden.yaml", BASE), ("b.yaml", library)] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::create_dir(folder.path().join("inside.yaml")).unwrap();
        let (inputs, settings) = (vec![input(folder.path().to_owned())], vec![]);
        let plan = GatherPlan { inputs, settings, samples: 1, seed: 0 };
        let gathered = gather(&plan, &|_| ControlFlow::Continue(())).unwrap();
        assert!(gathered.is_empty());
        let troubles: Vec<String> = gathered.troubles.iter().map(ToString::to_string).collect();
        assert_eq!(troubles.len(), 1, "{troubles:?}");
        assert!(troubles[0].starts_with("no networks in `"), "{troubles:?}");
    }

    #[test]
    fn places_of_a_space_are_all_different() {
        let yaml = "space: S\nbase: base.yaml\nvary:\n  a: {values: [1, 2, 3]}\n  b: {values: [1, 2]}\nwith: {params: {c: $a + $b}}\n";
        let base = "name: B\nparams: {c: 1}\ninput: {channels: 3, size: 8}\nbody: [conv: {kernel: 1, width: $c}]\ntail: []\n";
        let files = inceptive_dsl::Memory::default().with("s.yaml", yaml).with("base.yaml", base);
        let space = inceptive_dsl::load_space(&files, Path::new("s.yaml")).unwrap();
        let all: std::collections::BTreeSet<Vec<usize>> =
            (0..space.size()).map(|at| choices(&space, at)).collect();
        assert_eq!(all.len(), 6);
        let cloud =
            |most, seed| cloud(&space, CloudPlan { most, seed }, &|_, _| ControlFlow::Continue(()));
        let whole = cloud(100, 0);
        assert_eq!((whole.points.len(), whole.failed, whole.seed), (6, 0, None));
        let some = cloud(4, 1);
        assert_eq!((some.points.len(), some.seed), (4, Some(1)));
        assert_eq!(some, cloud(4, 1), "the seed decides");
    }
}
