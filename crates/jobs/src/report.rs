//! Gathering what a report is about: networks, spaces and stored results.

use std::{
    collections::HashMap,
    error::Error,
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Architecture, Checked, Disk, Loaded, Published, Setting, Space, check, load};
use inceptive_exec::{Conditions, KnownRooflines, Measurement, ProfileRecord, Subject};
use inceptive_ir::passes;
use inceptive_report::{Accuracy, Candidate, Cloud, NetworkCost, Report, Variant};
use inceptive_store::{Filter, Store, Stored};

use crate::{
    bench::{Request, Trouble},
    git::{GitError, GitFiles},
    network::{ReadError, is_onnx, read},
    recipe::Recipe,
    space::{CloudPlan, choices, cloud},
};

/// The networks of a space are candidates, and not only points of a cloud, if there are at most so many.
const SMALL_SPACE: u128 = 32;

/// What is said of results that are in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreQuery {
    /// The store.
    pub path: PathBuf,
    /// Which of its results.
    pub filter: Filter,
}

/// What a report is to be about.
#[derive(Clone, Debug)]
pub struct GatherPlan {
    /// Networks, spaces, folders of networks.
    pub inputs: Vec<PathBuf>,
    /// What is set in each.
    pub settings: Vec<Setting>,
    /// The most points of a space that are counted.
    pub samples: usize,
    /// The seed that they are drawn with.
    pub seed: u64,
}

/// What a report is about, as far as files tell.
#[derive(Default)]
pub struct Gathered {
    /// How each candidate is named in files, in the order of `candidates`; none for those that only a store knows.
    pub requests: Vec<Option<Request>>,
    /// The candidates.
    pub candidates: Vec<Candidate>,
    /// The spaces.
    pub clouds: Vec<Cloud>,
    /// What could not be read; the rest goes on.
    pub troubles: Vec<Trouble>,
    /// The best that machines ever showed, by all stores that were joined.
    known: KnownRooflines,
}

/// Reads networks and spaces.
pub fn gather(plan: &GatherPlan) -> Gathered {
    let mut gathered = Gathered::default();
    for input in &plan.inputs {
        if input.is_dir() {
            match networks_in(input) {
                Ok(files) => files.iter().for_each(|file| gathered.file(file, plan)),
                Err(error) => {
                    let path = input.clone();
                    gathered.troubles.push(ReadError::File { path, error }.into());
                }
            }
        } else {
            gathered.file(input, plan);
        }
    }
    gathered.name_bases();
    gathered
}

/// Networks as they were at a revision: a file, or all of a folder.
///
/// # Errors
/// When git is not there, or has no such file.
pub fn gather_revision(files: &GitFiles, path: &Path) -> Result<Gathered, GitError> {
    let mut gathered = Gathered::default();
    for file in files.networks(path)? {
        let read = load(files, &file, &[]).map_err(ReadError::Yaml);
        match read.and_then(|loaded| candidate(&loaded, &file)) {
            Ok(candidate) => {
                gathered.candidates.push(candidate);
                gathered.requests.push(None);
            }
            Err(error) => gathered.troubles.push(error.into()),
        }
    }
    Ok(gathered)
}

/// The networks of a folder, in the order of their names.
///
/// # Errors
/// When the folder cannot be read.
fn networks_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml");
        if (is_yaml || is_onnx(&path)) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

impl Gathered {
    /// Reads one file.
    fn file(&mut self, file: &Path, plan: &GatherPlan) {
        if plan.settings.is_empty() && !is_onnx(file) {
            match check(&Disk, file) {
                Ok(Checked::Space(space)) => return self.space(&space, plan),
                Ok(Checked::Architecture(loaded)) => return self.network(*loaded, file, &[]),
                // Reading it as a network says what is wrong.
                Ok(Checked::Library(_)) | Err(_) => {}
            }
        }
        match read(file, &plan.settings) {
            Ok(loaded) => self.network(loaded, file, &plan.settings),
            Err(error) => self.troubles.push(error.into()),
        }
    }

    fn network(&mut self, loaded: Loaded, file: &Path, settings: &[Setting]) {
        match candidate(&loaded, file) {
            Ok(candidate) => {
                let request = Request { file: file.to_owned(), settings: settings.to_vec() };
                self.requests.push(Some(request));
                self.candidates.push(candidate);
            }
            Err(error) => self.troubles.push(error.into()),
        }
    }

    fn space(&mut self, space: &Space, plan: &GatherPlan) {
        let cloud_plan = CloudPlan { most: plan.samples, seed: plan.seed };
        self.clouds.push(cloud(space, cloud_plan, &|_, _| ControlFlow::Continue(())));
        if space.size() > SMALL_SPACE {
            return;
        }
        for at in 0..space.size() {
            let choices = choices(space, at);
            let setting = |(variable, &choice): (&inceptive_dsl::Variable, &usize)| Setting {
                key: variable.name.clone(),
                value: variable.values[choice].label.clone(),
            };
            let settings: Vec<Setting> =
                space.variables.iter().zip(&choices).map(setting).collect();
            match read(&space.file, &settings) {
                Ok(loaded) => {
                    self.network(loaded, &space.file, &settings);
                    if let Some(candidate) = self.candidates.last_mut() {
                        candidate.name = candidate.subject.point.join(", ");
                    }
                }
                Err(error) => self.troubles.push(error.into()),
            }
        }
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

    /// Adds what a store knows: results of the candidates, and networks that only results speak of if
    /// `with_others` is set. Gives the number of the last result that was there.
    ///
    /// # Errors
    /// When the store cannot be read; nothing is added then.
    pub fn join(&mut self, query: &StoreQuery, with_others: bool) -> Result<Option<i64>, Trouble> {
        let store = Store::open_to_read(&query.path)?;
        let measurements = store.measurements(&query.filter)?;
        let profiles = store.profiles(&query.filter)?;
        let unreadable = measurements.unreadable.into_iter().chain(profiles.unreadable);
        self.troubles.extend(unreadable.map(Trouble::Store));
        let (measurements, profiles) = (measurements.readable, profiles.readable);
        let last = measurements.iter().map(|stored| stored.id);
        let last = last.chain(profiles.iter().map(|stored| stored.id)).max();
        if with_others {
            for stored in &measurements {
                self.other(&stored.result.subject);
            }
        }
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, candidate) in self.candidates.iter().enumerate() {
            places.entry(candidate.subject.fingerprint.clone()).or_default().push(at);
        }
        let places_of = |subject: &Subject| places.get(&subject.fingerprint).cloned();
        for stored in measurements {
            for at in places_of(&stored.result.subject).unwrap_or_default() {
                keep_last(
                    &mut self.candidates[at].measured,
                    stored.clone(),
                    Measurement::conditions,
                );
            }
        }
        for stored in profiles {
            for at in places_of(&stored.result.subject).unwrap_or_default() {
                keep_last(
                    &mut self.candidates[at].profiles,
                    stored.clone(),
                    ProfileRecord::conditions,
                );
            }
        }
        // What one store tells of a machine counts for the results of another.
        self.known.extend(&store.rooflines(&query.filter)?);
        for candidate in &mut self.candidates {
            candidate.measured.iter_mut().for_each(|it| self.known.hold(&mut it.result));
            candidate.profiles.iter_mut().for_each(|it| self.known.hold_profile(&mut it.result));
        }
        Ok(last)
    }

    /// The report about all of it.
    pub fn into_report(self, recipe: &Recipe) -> Report {
        let count = self.candidates.len();
        let title = recipe.title.clone().unwrap_or_else(|| match self.clouds.first() {
            Some(cloud) if count <= cloud.points.len() => cloud.title.clone(),
            _ => format!("{count} convolutional networks"),
        });
        let troubles = self.troubles.iter().map(|trouble| chain(trouble));
        Report {
            title,
            warnings: recipe.notes.iter().cloned().chain(troubles).collect(),
            candidates: self.candidates,
            clouds: self.clouds,
            command: recipe.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// A network that a result speaks of: from its file, if that still is the same network, else what the
    /// result says.
    fn other(&mut self, subject: &Subject) {
        let is_it = |candidate: &Candidate| candidate.subject.fingerprint == subject.fingerprint;
        if self.candidates.iter().any(is_it) {
            return;
        }
        let file = PathBuf::from(&subject.file);
        let settings: Option<Vec<Setting>> =
            subject.point.iter().map(|setting| setting.parse().ok()).collect();
        let from_file = settings.and_then(|settings| {
            let found = candidate(&read(&file, &settings).ok()?, &file).ok()?;
            is_it(&found).then_some((found, Request { file, settings }))
        });
        let (candidate, request) = match from_file {
            Some((candidate, request)) => (candidate, Some(request)),
            None => (known_from_results(subject), None),
        };
        self.candidates.push(candidate);
        self.requests.push(request);
    }
}

/// What went wrong with all that led to it, in a line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Messages that hold their cause say it once.
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// Replaces an earlier result of the same way to run.
fn keep_last<T>(
    kept: &mut Vec<Stored<T>>,
    stored: Stored<T>,
    conditions: impl Fn(&T) -> Conditions<'_>,
) {
    match kept.iter_mut().find(|known| conditions(&known.result) == conditions(&stored.result)) {
        Some(known) => *known = stored,
        None => kept.push(stored),
    }
}

/// A network with its counts.
fn candidate(loaded: &Loaded, file: &Path) -> Result<Candidate, ReadError> {
    let architecture = &loaded.architecture;
    let graph = passes::inference(&architecture.graph)?;
    let point = architecture.point.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let subject = Subject::new(&architecture.name, &file.to_string_lossy(), point, &graph);
    let variant = architecture.extends.as_ref().map(|base| Variant {
        base: base.to_string_lossy().into_owned(),
        yaml: loaded.sources.get(0).map_or_else(String::new, |source| changes(&source.text)),
    });
    let name = match subject.point.as_slice() {
        [] => architecture.name.clone(),
        point => format!("{} {}", architecture.name, point.join(" ")),
    };
    Ok(Candidate {
        name,
        fingerprint: architecture.graph.fingerprint().to_string(),
        subject,
        network: Some(NetworkCost {
            cost: Cost::new(&architecture.graph, Mode::Inference),
            graph: architecture.graph.clone(),
        }),
        description: architecture.description.clone(),
        notes: architecture.notes.clone(),
        cite: architecture.cite.clone(),
        published: architecture.published.iter().cloned().map(accuracy).collect(),
        variant,
        measured: vec![],
        profiles: vec![],
    })
}

/// The published accuracy of a network that may stand beside those of others, as reports choose it.
pub fn comparable(architecture: &Architecture) -> Option<Accuracy> {
    let graph = &architecture.graph;
    let side = graph.node(graph.input()).shape.size().height;
    let all = architecture.published.iter().cloned().map(accuracy);
    all.into_iter().find(|accuracy| accuracy.is_comparable(side))
}

fn accuracy(published: Published) -> Accuracy {
    let Published { dataset, top1, top5, crops, models, resolution, source, note } = published;
    Accuracy { dataset, top1, top5, crops, models, resolution, source, note }
}

fn known_from_results(subject: &Subject) -> Candidate {
    Candidate {
        name: [std::slice::from_ref(&subject.name), &subject.point].concat().join(" "),
        fingerprint: subject.fingerprint.clone(),
        subject: subject.clone(),
        network: None,
        description: None,
        notes: vec![],
        cite: vec![],
        published: vec![],
        variant: None,
        measured: vec![],
        profiles: vec![],
    }
}

/// Keys that say what a network is, not what it changes.
const ABOUT: [&str; 6] = ["name", "description", "notes", "cite", "published", "extends"];

/// What a file changes of the one that it extends: its text without the keys that only describe it.
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
