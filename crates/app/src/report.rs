//! Reports on gathered networks with their results in stores.

use std::{
    cell::OnceCell,
    collections::HashMap,
    path::{Path, PathBuf},
};

use inceptive_dsl::Setting;
use inceptive_files::InputFiles;
use inceptive_format::counted;
use inceptive_report::{Explored, NetworkEntry, Report};
use inceptive_results::{
    Calibration, Exploration, ImportedResult, Measurement, NetworkInfo, NetworkNames,
    ProfileRecord, Record, TrainingRun, latest,
};
use inceptive_store::{Filter, Store, StoreState, Stored};

use crate::{
    error::{TaskError, error_chain},
    gather::{GatherPlan, Gathered, GoesOn, candidate, gather},
    measured::Request,
    network::{ReadError, is_onnx, read},
    predict::LatencyPredictor,
    report_input::named_input,
    repro_command::ReproCommand,
    texts::Texts,
};

/// Which results of a store to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreQuery {
    /// The store.
    pub path: PathBuf,
    /// Which of its results.
    pub filter: Filter,
    /// Whether networks that only its results speak of are candidates too. Such a store has to be there; another one
    /// need not.
    pub with_others: bool,
}

impl StoreQuery {
    /// That the store has none of the results.
    fn no_results(&self) -> TaskError {
        let Filter { model, fingerprint, engine, machine, up_to: _ } = &self.filter;
        let wishes = [
            ("model", model),
            ("fingerprint", fingerprint),
            ("engine", engine),
            ("machine", machine),
        ];
        let wishes =
            wishes.iter().filter_map(|(key, wish)| Some(format!("{key}={}", wish.as_ref()?)));
        let wishes: Vec<String> = wishes.collect();
        let wishes =
            if wishes.is_empty() { vec![] } else { vec![" with ".to_owned(), wishes.join("&")] };
        TaskError::NoResults { store: self.path.clone(), wishes: wishes.concat() }
    }
}

/// A report on files with their results in a store, as the dashboard makes it; `None` if it was stopped. Inputs that
/// cannot be read are reported as events, and the others are used. The command records the state of the stores.
///
/// # Errors
/// When there is nothing to report on, an input is malformed, or the store cannot be read.
pub fn report_on(
    command: &ReproCommand,
    goes_on: GoesOn<'_>,
    tell: &mut dyn FnMut(&TaskError),
) -> Result<Option<(Report, InputFiles)>, TaskError> {
    let inputs: Result<Vec<Request>, _> = command.inputs.iter().map(|it| named_input(it)).collect();
    let plan = GatherPlan {
        inputs: inputs?,
        settings: command.settings.clone(),
        samples: command.samples,
        seed: command.seed,
    };
    let Some(mut gathered) = gather(&plan, goes_on) else { return Ok(None) };
    let (path, filter) = (command.store.clone(), Filter::default());
    let states = gathered.join(&[StoreQuery { path, filter, with_others: false }])?;
    gathered.troubles.iter().for_each(tell);
    if gathered.is_empty() {
        return Err(TaskError::NothingToReport);
    }
    let inputs = std::mem::take(&mut gathered.inputs);
    Ok(Some((gathered.into_report(&ReproCommand { states, ..command.clone() }), inputs)))
}

impl Gathered {
    /// How to read every network that can be measured: those of files, and those that only results in stores speak of.
    ///
    /// # Errors
    /// When a store cannot be read.
    pub fn requests_with(&mut self, stores: &[StoreQuery]) -> Result<Vec<Request>, TaskError> {
        let (networks, troubles) = (self.candidates.len(), self.troubles.len());
        self.join(stores)?;
        let mut requests: Vec<Request> = Vec::new();
        for request in self.requests.iter().flatten() {
            if !requests.contains(request) {
                requests.push(request.clone());
            }
        }
        // Stores are joined after all measurements, as when the report is made again.
        self.candidates.truncate(networks);
        self.requests.truncate(networks);
        self.troubles.truncate(troubles);
        for candidate in &mut self.candidates {
            candidate.measured.clear();
            candidate.predicted.clear();
            candidate.profiles.clear();
            candidate.imported.clear();
            candidate.trained.clear();
        }
        Ok(requests)
    }

    /// Adds the results in stores: those of the networks read from files, and, if wanted, networks that are known from
    /// results only. Returns the state of each store.
    ///
    /// # Errors
    /// When a store cannot be read, or does not hold the results that are wanted.
    pub fn join(&mut self, stores: &[StoreQuery]) -> Result<Vec<StoreState>, TaskError> {
        stores.iter().map(|query| self.join_one(query)).collect()
    }

    fn join_one(&mut self, query: &StoreQuery) -> Result<StoreState, TaskError> {
        let wanted = query.filter.up_to.as_ref();
        let is_nothing = |state: &StoreState| *state == StoreState::default();
        if !query.with_others && !query.path.exists() && wanted.is_none_or(is_nothing) {
            return Ok(StoreState::default());
        }
        let store = Store::open_to_read(&query.path)?;
        self.inputs.add_store(&query.path);
        let state = match wanted {
            Some(wanted) => store.state_up_to(wanted)?,
            None => store.state()?,
        };
        let filter = Filter { up_to: Some(state.clone()), ..query.filter.clone() };
        let measurements = store.records::<Measurement>(&filter)?;
        let profiles = store.records::<ProfileRecord>(&filter)?;
        let trained = store.records::<TrainingRun>(&filter)?;
        let unreadable = measurements.unreadable.into_iter().chain(profiles.unreadable);
        let imported = store.records::<ImportedResult>(&filter)?;
        let explorations = store.records::<Exploration>(&filter)?;
        let unreadable = unreadable.chain(trained.unreadable).chain(imported.unreadable);
        let calibrations = store.records::<Calibration>(&filter)?;
        let unreadable = unreadable.chain(explorations.unreadable).chain(calibrations.unreadable);
        // A store may be named twice.
        let known: Vec<String> = self.troubles.iter().map(|trouble| error_chain(trouble)).collect();
        let unreadable = unreadable.map(TaskError::Store);
        self.troubles.extend(unreadable.filter(|trouble| !known.contains(&error_chain(trouble))));
        let (measurements, profiles) = (measurements.readable, profiles.readable);
        let trained = trained.readable;
        self.add_explorations(&explorations.readable, query.with_others);
        if query.with_others {
            let is_empty = measurements.is_empty() && profiles.is_empty() && trained.is_empty();
            if is_empty && imported.readable.is_empty() && explorations.readable.is_empty() {
                self.troubles.push(query.no_results());
            }
            let measured = measurements.iter().map(|stored| &stored.result.subject);
            let profiled = profiles.iter().map(|stored| &stored.result.subject);
            let runs = trained.iter().map(|stored| &stored.result.subject);
            measured.chain(profiled).chain(runs).for_each(|subject| self.other(subject));
        }
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, candidate) in self.candidates.iter().enumerate() {
            places.entry(candidate.subject.fingerprint.clone()).or_default().push(at);
        }
        add(&mut self.candidates, &places, measurements, |candidate| &mut candidate.measured);
        add(&mut self.candidates, &places, profiles, |candidate| &mut candidate.profiles);
        add_trained(&mut self.candidates, &places, trained);
        add_imported(&mut self.candidates, &imported.readable);
        for candidate in &mut self.candidates {
            keep_latest(&mut candidate.measured);
            keep_latest(&mut candidate.profiles);
            keep_latest(&mut candidate.imported);
            keep_latest(&mut candidate.trained);
        }
        let calibrations = calibrations.readable.into_iter().map(|stored| stored.result);
        self.calibrations.extend(calibrations);
        self.predict();
        // Limits of a machine in one store apply to the results in the others.
        self.known.extend(&store.rooflines(&filter)?);
        for candidate in &mut self.candidates {
            candidate.measured.iter_mut().for_each(|it| self.known.hold(&mut it.result));
            candidate.profiles.iter_mut().for_each(|it| self.known.hold(&mut it.result));
        }
        Ok(state)
    }

    /// Predicts the latencies of networks in the configurations that they were not measured in.
    fn predict(&mut self) {
        let mut calibrations = self.calibrations.clone();
        calibrations.retain(|it| it.version == env!("CARGO_PKG_VERSION"));
        calibrations.sort_by_key(|calibration| calibration.finished_unix_ms);
        let predictors = LatencyPredictor::by_conditions(calibrations);
        for candidate in &mut self.candidates {
            candidate.predicted.clear();
            let Some(network) = &candidate.network else { continue };
            let measured: Vec<_> =
                candidate.measured.iter().map(|stored| stored.result.key()).collect();
            let wanted = predictors.iter().filter(|it| !measured.contains(&it.conditions()));
            let predicted = wanted.filter_map(|it| it.predict(&network.graph).ok());
            candidate.predicted = predicted.collect();
        }
    }

    /// Adds the latest of each search in the spaces, or of all searches, that was finished.
    fn add_explorations(&mut self, found: &[Stored<Exploration>], with_others: bool) {
        for stored in latest(found.iter(), |stored| &stored.result) {
            let exploration = &stored.result;
            let is_of_space = self.space_fingerprints.contains(&exploration.space.fingerprint);
            let is_known = self.explorations.iter().any(|it| it.exploration == *exploration);
            if exploration.is_finished() && (is_of_space || with_others) && !is_known {
                self.explorations.push(Explored::new(exploration.clone()));
            }
        }
    }

    /// The report about all of it.
    pub fn into_report(self, command: &ReproCommand) -> Report {
        let count = self.candidates.len();
        let title = command.title.clone().unwrap_or_else(|| match self.clouds.first() {
            Some(cloud) if count <= cloud.points.len() => cloud.title.clone(),
            _ => counted(count, "convolutional network", "convolutional networks"),
        });
        let troubles = self.troubles.iter().map(|trouble| error_chain(trouble));
        Report {
            title,
            warnings: command.notes.iter().cloned().chain(troubles).collect(),
            candidates: self.candidates,
            clouds: self.clouds,
            explorations: self.explorations,
            networks: self.networks,
            command: command.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Adds a network known from a result: from its file, if the file still describes the same network, else from the
    /// facts that the result records.
    fn other(&mut self, subject: &NetworkInfo) {
        let is_it = |candidate: &NetworkEntry| candidate.subject.fingerprint == subject.fingerprint;
        if self.candidates.iter().any(is_it) {
            return;
        }
        let file = PathBuf::from(&subject.file);
        let settings: Option<Vec<Setting>> =
            subject.point.iter().map(|setting| setting.parse().ok()).collect();
        let from_file = settings.and_then(|settings| {
            let loaded = match read(&file, &settings) {
                Ok(loaded) => loaded,
                Err(error) => {
                    if let ReadError::Yaml(failure) = &error {
                        self.inputs.extend(&InputFiles::of(failure.sources.paths()));
                    }
                    return None;
                }
            };
            self.inputs.extend(&InputFiles::of(loaded.sources.paths()));
            let found = candidate(&loaded, &file).ok()?;
            if !is_it(&found) {
                return None;
            }
            Texts::in_one_of(&self.folders, &mut self.networks, &loaded, &file, &settings);
            Some((found, Request { file, settings }))
        });
        let (candidate, request) = match from_file {
            Some((candidate, request)) => (candidate, Some(request)),
            None => (known_from_results(subject), None),
        };
        self.candidates.push(candidate);
        self.requests.push(request);
    }
}

/// Adds results to their networks.
fn add<R: Record + Clone>(
    candidates: &mut [NetworkEntry],
    places: &HashMap<String, Vec<usize>>,
    results: Vec<Stored<R>>,
    of: fn(&mut NetworkEntry) -> &mut Vec<Stored<R>>,
) {
    for stored in results {
        let of_network = stored.result.run().and_then(|run| places.get(&run.subject.fingerprint));
        for &at in of_network.into_iter().flatten() {
            of(&mut candidates[at]).push(stored.clone());
        }
    }
}

/// Adds training runs to the networks whose graphs were trained, with dropout and auxiliary heads; where there is none, to
/// those that are the same in inference.
fn add_trained(
    candidates: &mut [NetworkEntry],
    places: &HashMap<String, Vec<usize>>,
    runs: Vec<Stored<TrainingRun>>,
) {
    let fingerprints = vec![OnceCell::<Option<String>>::new(); candidates.len()];
    for stored in runs {
        let run = &stored.result;
        let Some(alike) = places.get(&run.subject.fingerprint) else { continue };
        let is_trained = |at: &usize| candidates[*at].fingerprint == run.training_fingerprint;
        let mut found: Vec<usize> = alike.iter().copied().filter(is_trained).collect();
        if found.is_empty() {
            found.clone_from(alike);
        }
        // Of networks that differ in the names of their layers, the one that was trained.
        let is_same = |at: &usize| {
            let fingerprint = fingerprints[*at].get_or_init(|| {
                let network = candidates[*at].network.as_ref()?;
                Some(network.graph.fingerprint_with_paths().to_string())
            });
            fingerprint.is_some() && *fingerprint == run.fingerprint_with_paths
        };
        if found.len() > 1 && found.iter().any(is_same) {
            found.retain(is_same);
        }
        for at in found {
            candidates[at].trained.push(stored.clone());
        }
    }
}

/// Adds what tables say about networks.
fn add_imported(candidates: &mut [NetworkEntry], results: &[Stored<ImportedResult>]) {
    let mut by_name: HashMap<&str, Vec<&Stored<ImportedResult>>> = HashMap::new();
    for stored in results {
        let ImportedResult { network, fingerprint, .. } = &stored.result;
        by_name.entry(fingerprint.as_ref().unwrap_or(network)).or_default().push(stored);
    }
    for candidate in candidates {
        // A point of a space has the file of the space, and a title of its own.
        let file = Path::new(&candidate.subject.file);
        let is_file = candidate.subject.point.is_empty() || is_onnx(file);
        let stem = file.file_stem().unwrap_or_default();
        let network = NetworkNames {
            stem: is_file.then(|| stem.to_string_lossy().into_owned()),
            title: candidate.name.clone(),
            fingerprint: candidate.subject.fingerprint.clone(),
            training_fingerprint: candidate.fingerprint.clone(),
        };
        let mut names: Vec<&str> = network.all().chain([&*network.training_fingerprint]).collect();
        names.sort_unstable();
        names.dedup();
        let found = names.iter().filter_map(|name| by_name.get(name)).flatten();
        let found = found.filter(|stored| stored.result.is_of(&network));
        let mut found: Vec<Stored<ImportedResult>> = found.map(|it| (*it).clone()).collect();
        found.sort_by_key(|stored| stored.id);
        candidate.imported.extend(found);
    }
}

fn keep_latest<R: Record + Clone>(results: &mut Vec<Stored<R>>) {
    *results = latest(results.iter(), |stored| &stored.result).into_iter().cloned().collect();
}

fn known_from_results(subject: &NetworkInfo) -> NetworkEntry {
    NetworkEntry {
        name: subject.name_with_point(),
        fingerprint: subject.fingerprint.clone(),
        subject: subject.clone(),
        network: None,
        description: None,
        notes: vec![],
        cite: vec![],
        published: vec![],
        variant: None,
        measured: vec![],
        predicted: vec![],
        profiles: vec![],
        imported: vec![],
        trained: vec![],
    }
}
