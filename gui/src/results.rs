//! Measured results.

use std::{
    mem,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use inceptive_app::{Inspected, LatencyPredictor, calibrations_of, error_chain};
use inceptive_results::{
    Calibration, Exploration, ImportedResult, KnownRooflines, Measurement, ProfileRecord, Record,
    TrainingRun, latest,
};
use inceptive_store::{Position, Rows, Store, StoreError, Stored};

/// The number of the next reading.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Everything in a store.
#[derive(Debug, Default)]
pub struct Results {
    /// Another number whenever they change: what is made of results is made again then.
    pub reading: u64,
    /// Latencies, oldest first.
    pub measurements: Vec<Stored<Measurement>>,
    /// Where time goes, oldest first.
    pub profiles: Vec<Stored<ProfileRecord>>,
    /// Networks trained once, oldest first.
    pub training_runs: Vec<Stored<TrainingRun>>,
    /// Searches of spaces: their plans, and those that were finished; oldest first.
    pub explorations: Vec<Stored<Exploration>>,
    /// What predicts latencies on this machine, one for each configuration that was calibrated.
    pub predictors: Vec<LatencyPredictor>,
    /// Accuracies and latencies from the user's tables, oldest first.
    pub imported: Vec<Stored<ImportedResult>>,
    /// Why the store, or some of its results, cannot be read; one that is not there yet is just empty.
    pub problem: Option<String>,
    /// What is wrong with results that cannot be read.
    unreadable: Vec<StoreError>,
    /// The best that each machine ever showed.
    known: KnownRooflines,
    /// How far the store was read.
    seen: Position,
}

/// A store, and how far it was read already.
#[derive(Clone, Debug)]
pub struct ResultsRequest {
    /// Its file.
    pub store: PathBuf,
    /// After this the new results come.
    pub seen: Position,
}

/// What came of reading a store.
#[derive(Debug)]
pub struct ResultsReading {
    /// After this the new results come.
    seen: Position,
    /// The results, or why there are none.
    new: Result<Box<NewResults>, StoreError>,
}

/// Results that were not read before.
#[derive(Debug)]
struct NewResults {
    /// Whether they take the place of those that were.
    are_all: bool,
    measurements: Rows<Measurement>,
    profiles: Rows<ProfileRecord>,
    training_runs: Rows<TrainingRun>,
    explorations: Rows<Exploration>,
    /// Models of latencies for this machine, oldest first.
    calibrations: Vec<Calibration>,
    imported: Rows<ImportedResult>,
    /// The best that each machine showed by them. They are held against it.
    known: KnownRooflines,
    /// How far the store was read with them.
    position: Position,
}

impl ResultsRequest {
    /// Reads what is new.
    pub fn read(self) -> ResultsReading {
        let new = NewResults::read(&self.store, &self.seen);
        ResultsReading { seen: self.seen, new }
    }
}

impl NewResults {
    fn read(store: &Path, seen: &Position) -> Result<Box<Self>, StoreError> {
        let store = Store::open_to_read(store)?;
        let new = store.records_after(seen)?;
        let (known, position) = (new.rooflines()?, new.position().clone());
        let (mut measurements, mut profiles) = (new.of()?, new.of()?);
        hold(&known, &mut measurements.readable);
        hold(&known, &mut profiles.readable);
        let (training_runs, explorations) = (new.of()?, new.of()?);
        let (imported, are_all) = (new.of()?, new.are_all());
        let calibrations = for_this_machine(new.of()?);
        Ok(Box::new(Self {
            are_all,
            measurements,
            profiles,
            training_runs,
            explorations,
            calibrations,
            imported,
            known,
            position,
        }))
    }
}

/// The calibrations for this machine, oldest first. One that cannot be read predicts nothing.
fn for_this_machine(rows: Rows<Calibration>) -> Vec<Calibration> {
    if rows.readable.is_empty() {
        return vec![];
    }
    let machine = inceptive_bench::this_machine();
    let found = calibrations_of(rows.readable.iter().map(|stored| &stored.result), &machine);
    found.into_iter().rev().cloned().collect()
}

fn hold<R: Record>(known: &KnownRooflines, results: &mut [Stored<R>]) {
    results.iter_mut().for_each(|stored| known.hold(&mut stored.result));
}

impl Results {
    /// Has the store read from here on.
    pub fn request(&self, store: &Path) -> ResultsRequest {
        ResultsRequest { store: store.to_owned(), seen: self.seen.clone() }
    }

    /// Has the store read from its start the next time; until then these stay.
    pub fn read_again(&mut self) {
        self.seen = Position::default();
    }

    /// Takes in what was read. False if that goes on from another place than these end at, so that the store has to be
    /// read again.
    #[must_use]
    pub fn take_in(&mut self, reading: ResultsReading) -> bool {
        match reading.new {
            Ok(new) if new.are_all => self.replace(*new),
            Ok(new) if reading.seen == self.seen => self.add(*new),
            Ok(_) => return false,
            Err(StoreError::Missing(_)) => *self = Self { reading: next(), ..Self::default() },
            Err(error) => {
                let problem = Some(error_chain(&error));
                *self = Self { reading: next(), problem, ..Self::default() };
            }
        }
        true
    }

    fn replace(&mut self, new: NewResults) {
        let mut unreadable = new.measurements.unreadable;
        unreadable.extend(new.profiles.unreadable);
        unreadable.extend(new.training_runs.unreadable);
        unreadable.extend(new.explorations.unreadable);
        unreadable.extend(new.imported.unreadable);
        *self = Self {
            reading: next(),
            measurements: new.measurements.readable,
            profiles: new.profiles.readable,
            training_runs: new.training_runs.readable,
            explorations: new.explorations.readable,
            predictors: LatencyPredictor::by_conditions(new.calibrations),
            imported: new.imported.readable,
            problem: told(&unreadable),
            unreadable,
            known: new.known,
            seen: new.position,
        };
    }

    fn add(&mut self, new: NewResults) {
        if mem::replace(&mut self.seen, new.position.clone()) == new.position {
            return;
        }
        self.reading = next();
        let is_better = self.known.extend(&new.known);
        let before = (self.measurements.len(), self.profiles.len());
        self.measurements.extend(new.measurements.readable);
        self.profiles.extend(new.profiles.readable);
        self.training_runs.extend(new.training_runs.readable);
        self.explorations.extend(new.explorations.readable);
        let known = mem::take(&mut self.predictors)
            .into_iter()
            .flat_map(LatencyPredictor::into_calibrations);
        self.predictors = LatencyPredictor::by_conditions(known.chain(new.calibrations));
        self.imported.extend(new.imported.readable);
        // A higher peak counts for all results of its machine.
        let from = if is_better { (0, 0) } else { before };
        hold(&self.known, &mut self.measurements[from.0..]);
        hold(&self.known, &mut self.profiles[from.1..]);
        self.unreadable.extend(new.measurements.unreadable);
        self.unreadable.extend(new.profiles.unreadable);
        self.unreadable.extend(new.training_runs.unreadable);
        self.unreadable.extend(new.explorations.unreadable);
        self.unreadable.extend(new.imported.unreadable);
        self.problem = told(&self.unreadable);
    }

    /// The latest latency of a network, by its fingerprint, in each configuration that it was measured in.
    pub fn of(&self, fingerprint: &str) -> Vec<&Measurement> {
        let all = self.measurements.iter().map(|stored| &stored.result);
        latest(all.filter(|measurement| measurement.subject.fingerprint == fingerprint), |it| it)
    }

    /// The latest profile of a network in each configuration that it was profiled in.
    pub fn profiles_of(&self, fingerprint: &str) -> Vec<&ProfileRecord> {
        let all = self.profiles.iter().map(|stored| &stored.result);
        latest(all.filter(|record| record.subject.fingerprint == fingerprint), |it| it)
    }

    /// What the user's tables say of a network: the latest of each data set and source. `stem` is the name of its file
    /// without the extension.
    pub fn imported(&self, stem: &str, network: &Inspected) -> Vec<&ImportedResult> {
        if self.imported.is_empty() {
            return vec![];
        }
        let network = network.names(stem);
        let all = self.imported.iter().map(|stored| &stored.result);
        latest(all.filter(|result| result.is_of(&network)), |it| it)
    }

    /// The searches of a space, the latest first: of each request the one with results, or else its plan.
    pub fn searches(&self, of: impl Fn(&Exploration) -> bool) -> Vec<&Stored<Exploration>> {
        let mut kept: Vec<&Stored<Exploration>> = vec![];
        for stored in self.explorations.iter().rev().filter(|stored| of(&stored.result)) {
            let key = stored.result.key();
            match kept.iter_mut().find(|known| known.result.key() == key) {
                Some(known) if !known.result.is_finished() && stored.result.is_finished() => {
                    *known = stored;
                }
                Some(_) => {}
                None => kept.push(stored),
            }
        }
        kept
    }

    /// The data and recipes of all training runs, those of the latest run first.
    pub fn trained_on(&self) -> Vec<TrainedOn> {
        let mut all: Vec<TrainedOn> = vec![];
        for stored in self.training_runs.iter().rev() {
            if !all.iter().any(|known| known.is_of(&stored.result)) {
                all.push(TrainedOn::new(&stored.result));
            }
        }
        all
    }

    /// The runs of a network, by its fingerprint, with the same data and recipe as the latest of them was trained.
    pub fn trained(&self, fingerprint: &str, on: &TrainedOn) -> Vec<&TrainingRun> {
        let all = self.training_runs.iter().rev().map(|stored| &stored.result);
        let of_network: Vec<&TrainingRun> =
            all.filter(|run| run.subject.fingerprint == fingerprint && on.is_of(run)).collect();
        // Networks that differ only in training, as in their dropout, are not the same.
        let latest = of_network.first().map(|run| run.training_fingerprint.as_str());
        let is_same = |run: &&TrainingRun| Some(run.training_fingerprint.as_str()) == latest;
        of_network.into_iter().filter(is_same).rev().collect()
    }

    /// Where the time of a network goes, as it was seen last.
    pub fn profile(&self, fingerprint: &str) -> Option<&ProfileRecord> {
        self.profiles_of(fingerprint).into_iter().max_by_key(|record| record.finished_unix_ms)
    }
}

/// The data and the recipe of training runs: accuracies are compared only where both are the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrainedOn {
    dataset: String,
    dataset_fingerprint: String,
    recipe: String,
    recipe_fingerprint: String,
}

/// Characters of a fingerprint that tell two recipes apart for people.
const DIGITS: usize = 8;

impl TrainedOn {
    /// Those of a run.
    pub fn new(run: &TrainingRun) -> Self {
        let (dataset, recipe) = (&run.dataset, &run.recipe);
        Self {
            dataset: dataset.label.clone(),
            dataset_fingerprint: dataset.fingerprint.clone(),
            recipe: recipe.name.clone(),
            recipe_fingerprint: recipe.fingerprint.clone(),
        }
    }

    /// Whether a run has them.
    pub fn is_of(&self, run: &TrainingRun) -> bool {
        self.dataset_fingerprint == run.dataset.fingerprint
            && self.recipe_fingerprint == run.recipe.fingerprint
    }

    /// `fashion-mnist, quick`; `shapes:size=28, quick` with all options of the data set.
    pub fn label(&self) -> String {
        format!("{}, {}", self.dataset, self.recipe)
    }

    /// The label without the options of the data set: `shapes, quick`.
    fn short_label(&self) -> String {
        let name = self.dataset.split(':').next().unwrap_or_default();
        format!("{name}, {}", self.recipe)
    }

    /// The shortest label of each that no other one has.
    pub fn labels(all: &[Self]) -> Vec<String> {
        let labels = |label: fn(&Self) -> String| all.iter().map(label).collect::<Vec<_>>();
        let (short, long) = (labels(Self::short_label), labels(Self::label));
        let is_unique = |labels: &[String], at: usize| {
            labels.iter().filter(|it| **it == labels[at]).count() == 1
        };
        let label = |(at, data): (usize, &Self)| match () {
            () if is_unique(&short, at) => short[at].clone(),
            () if is_unique(&long, at) => long[at].clone(),
            () => data.exact_label(),
        };
        all.iter().enumerate().map(label).collect()
    }

    /// The label with what tells recipes of the same name apart.
    pub fn exact_label(&self) -> String {
        let fingerprint = &self.recipe_fingerprint;
        format!("{} {}", self.label(), fingerprint.get(..DIGITS).unwrap_or(fingerprint))
    }
}

fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Maximum number of unreadable rows that are listed one by one.
const MOST_TOLD: usize = 3;

/// The errors of unreadable results.
fn told(problems: &[StoreError]) -> Option<String> {
    let (first, more) = problems.split_at(problems.len().min(MOST_TOLD));
    let mut text: Vec<String> = first.iter().map(ToString::to_string).collect();
    if !more.is_empty() {
        text.push(format!("and {} more", more.len()));
    }
    (!text.is_empty()).then(|| text.join("; "))
}

#[cfg(test)]
mod tests {
    use inceptive_results::example;
    use inceptive_store::Filter;

    use super::*;

    fn measurement(peak_gflops: f64) -> Measurement {
        let mut result =
            example::measurement(example::subject(), example::runtime(), vec![vec![1.0]]);
        result.roofline.peak_gflops = peak_gflops;
        result
    }

    /// The results hold what reading everything gives.
    fn are_up_to_date(results: &Results, path: &Path) {
        let all = Store::open_to_read(path).unwrap().records(&Filter::default()).unwrap();
        assert_eq!(results.measurements, all.readable);
        assert_eq!(results.problem, told(&all.unreadable));
    }

    #[test]
    fn new_results_come_behind_those_that_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.db");
        let mut results = Results::default();
        assert!(results.take_in(results.request(&path).read()));
        assert!(results.measurements.is_empty() && results.problem.is_none(), "no file yet");
        let mut store = Store::open(&path).unwrap();
        for peak in [100.0, 200.0, 150.0] {
            store.append(&measurement(peak)).unwrap();
            assert!(results.take_in(results.request(&path).read()));
            are_up_to_date(&results, &path);
        }
        let reading = results.reading;
        assert!(results.take_in(results.request(&path).read()));
        assert_eq!(results.reading, reading, "nothing is new");

        // Two readings from the same place: the second would add the same again.
        store.append(&measurement(300.0)).unwrap();
        let [first, second] = [results.request(&path).read(), results.request(&path).read()];
        assert!(results.take_in(first));
        assert!(!results.take_in(second));
        are_up_to_date(&results, &path);

        // Another file in its place.
        drop(store);
        std::fs::remove_file(&path).unwrap();
        Store::open(&path).unwrap().append(&measurement(50.0)).unwrap();
        assert!(results.take_in(results.request(&path).read()));
        are_up_to_date(&results, &path);
        results.read_again();
        assert!(results.take_in(results.request(&path).read()));
        are_up_to_date(&results, &path);
    }
}
