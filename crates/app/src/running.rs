//! Running tasks: their events, and saving results while they run.
//!
//! A [`crate::Task`] and its [`TaskEvent`]s are plain data, so they can be stored, or sent to another process. Every task
//! saves each result before it reports it, continues after an error with one network, and checks between two runs of a
//! network whether to stop. Results finished before a stop are kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use inceptive_bench::{Copies, Host};
use inceptive_files::InputFiles;
use inceptive_results::{
    Calibration, CalibrationSample, Exploration, Machine, Measurement, ProfileRecord, Record,
    Roofline, TrainingRun,
};
use inceptive_store::{Filter, Store};
use serde::{Deserialize, Serialize};

use crate::{
    engines::AvailableEngine,
    error::{TaskError, error_chain},
    exploring::ExploreEvent,
    measured::{Network, Request},
    memory::Purpose,
    network::{ReadError, WeightSource},
    notes::Note,
    space_comparison::SpaceComparison,
    training::TrainingEvent,
};

/// The engines and the machine that a task runs on.
pub struct TaskContext<'a> {
    /// The engines.
    pub engines: &'a [AvailableEngine],
    /// Time, load and memory of the machine.
    pub host: &'a dyn Host,
    /// The description of the machine.
    pub machine: &'a Machine,
    /// Measures the limits of the machine with this number of threads; it ends early when the task is stopped, and its
    /// result is not used then.
    pub roofline: &'a dyn Fn(u32, &AtomicBool) -> Roofline,
    /// Bytes of memory that are free.
    pub available_bytes: u64,
    /// Set to stop the task: finished results are still saved.
    pub stop: &'a AtomicBool,
    /// Set while something else needs the machine to itself: training waits, and says so.
    pub wait: &'a AtomicBool,
}

impl TaskContext<'_> {
    /// Copies of the weights of a network that all engines hold at once.
    pub(crate) fn copies(&self) -> Copies {
        Copies::together(self.engines.iter().map(|found| found.engine.copies()))
    }

    /// Whether the task was asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether something else needs the machine to itself.
    pub(crate) fn waits(&self) -> bool {
        self.wait.load(Ordering::SeqCst)
    }
}

/// Milliseconds since 1970 (UTC).
pub(crate) fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Time between two looks at whether to stop or to wait.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// What [`TaskContext::wait`] refers to where nothing else needs the machine.
pub static NEVER: AtomicBool = AtomicBool::new(false);

/// Events of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskEvent {
    /// The number of results to find.
    Planned(usize),
    /// A network was read with its weights.
    Loaded {
        /// Its name.
        network: String,
        /// What the user should know about it.
        notes: Vec<Note>,
    },
    /// The task went on.
    Progress {
        /// The number of results done, with fractions.
        done: f64,
        /// The current activity, such as `warming up GoogLeNet`.
        activity: String,
    },
    /// A result was saved.
    Kept(TaskRecord),
    /// What happens in training.
    Training(TrainingEvent),
    /// What happens in a search.
    Exploring(ExploreEvent),
    /// An error in a part of the task; the other parts continue.
    Failed(TaskFailure),
}

/// A result of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskRecord {
    /// A latency.
    Measurement(Box<Measurement>),
    /// Times of nodes.
    Profile(Box<ProfileRecord>),
    /// A network trained once.
    TrainingRun(Box<TrainingRun>),
    /// A search: its plan, or the plan with its results.
    Exploration(Box<Exploration>),
    /// A network that was measured for a calibration.
    CalibrationSample(Box<CalibrationSample>),
    /// A model of latencies.
    Calibration(Box<Calibration>),
}

/// An error of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskFailure {
    /// The error with its causes, on one line.
    pub message: String,
    /// The error itself; `None` in another process.
    #[serde(skip)]
    pub error: Option<Arc<TaskError>>,
}

impl TaskFailure {
    pub(crate) fn new(error: TaskError) -> Self {
        Self { message: error_chain(&error), error: Some(Arc::new(error)) }
    }

    /// Whether the network could not be read.
    pub fn is_reading(&self) -> bool {
        matches!(self.error.as_deref(), Some(TaskError::Read(_)))
    }
}

/// The results of a task.
#[derive(Debug, Default)]
pub struct TaskOutcome {
    /// Latencies in the order of the plan, those that could not be saved included.
    pub measurements: Vec<Measurement>,
    /// Profiles in the order in which they were made, those that could not be saved included.
    pub profiles: Vec<ProfileRecord>,
    /// Training runs in the order of the plan, those that the store had before included.
    pub training_runs: Vec<TrainingRun>,
    /// The search with its results, if it came to its end.
    pub exploration: Option<Exploration>,
    /// The comparison of two spaces, if it came to its end.
    pub space_comparison: Option<SpaceComparison>,
    /// The model of latencies, if there is one.
    pub calibration: Option<Calibration>,
    /// The files of the recipe, the data set and the networks of a training task, which no output may replace.
    pub inputs: InputFiles,
    /// The number of saved results.
    pub kept: usize,
    /// Whether a part of it failed.
    pub failed: bool,
}

/// What a task found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) measurements: Vec<Measurement>,
    pub(crate) profiles: Vec<ProfileRecord>,
    pub(crate) training_runs: Vec<TrainingRun>,
    pub(crate) exploration: Option<Exploration>,
    pub(crate) space_comparison: Option<SpaceComparison>,
    pub(crate) calibration: Option<Calibration>,
    pub(crate) inputs: InputFiles,
}

/// A running task: reports its events and saves its results.
pub(crate) struct Running<'a> {
    pub(crate) context: &'a TaskContext<'a>,
    store: &'a mut Store,
    listen: &'a mut dyn FnMut(TaskEvent),
    planned: usize,
    /// The last reported progress: percent and activity.
    told: (f64, String),
    /// Whether results cannot be saved any more, so that going on would lose more of them.
    must_stop: bool,
    kept: usize,
    failed: bool,
}

impl<'a> Running<'a> {
    pub(crate) fn new(
        context: &'a TaskContext<'a>,
        store: &'a mut Store,
        listen: &'a mut dyn FnMut(TaskEvent),
    ) -> Self {
        Self {
            context,
            store,
            listen,
            planned: 0,
            told: (-1.0, String::new()),
            must_stop: false,
            kept: 0,
            failed: false,
        }
    }

    pub(crate) fn tell(&mut self, event: TaskEvent) {
        (self.listen)(event);
    }

    /// Reports what happens in training.
    pub(crate) fn tell_training(&mut self, event: TrainingEvent) {
        self.tell(TaskEvent::Training(event));
    }

    /// The store that results are saved to.
    pub(crate) fn store(&self) -> &Store {
        self.store
    }

    /// Runs another task as a part of this one.
    pub(crate) fn within(
        &mut self,
        task: impl FnOnce(&TaskContext<'_>, &mut Store, &mut dyn FnMut(TaskEvent)) -> TaskOutcome,
    ) -> TaskOutcome {
        let outcome = task(self.context, self.store, self.listen);
        self.kept += outcome.kept;
        self.failed |= outcome.failed;
        outcome
    }

    /// Reports the number of results to find.
    pub(crate) fn plan(&mut self, results: usize) {
        self.planned = results;
        self.tell(TaskEvent::Planned(results));
    }

    /// Reports an error; the task goes on.
    pub(crate) fn fail(&mut self, error: TaskError) {
        self.failed = true;
        self.tell(TaskEvent::Failed(TaskFailure::new(error)));
    }

    /// Waits while something else needs the machine to itself, and says so.
    pub(crate) fn wait_for_machine(&mut self) {
        if !self.context.waits() || self.wants_stop() {
            return;
        }
        self.tell_training(TrainingEvent::Waiting(true));
        while self.context.waits() && !self.wants_stop() {
            while self.context.waits() && !self.wants_stop() {
                thread::sleep(TICK);
            }
            self.tell_training(TrainingEvent::Waiting(false));
            // A measurement may have started before that.
            if self.context.waits() && !self.wants_stop() {
                self.tell_training(TrainingEvent::Waiting(true));
            }
        }
    }

    pub(crate) fn wants_stop(&self) -> bool {
        self.must_stop || self.context.is_stopped()
    }

    /// Reports progress, if it changed by a percent, or the activity did.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
    pub(crate) fn progress(&mut self, done: f64, activity: String) {
        let percent = done / self.planned.max(1) as f64 * 100.0;
        if activity != self.told.1 || percent >= self.told.0 + 1.0 {
            self.told = (percent, activity.clone());
            self.tell(TaskEvent::Progress { done, activity });
        }
    }

    /// Reads a network with its weights; `None` if that fails.
    pub(crate) fn load(
        &mut self,
        request: &Request,
        weights: &WeightSource,
        purpose: Purpose,
    ) -> Option<Network> {
        match Network::load(request, weights, purpose, self.context.stop) {
            Ok(network) => {
                let notes = network.notes(weights);
                self.tell(TaskEvent::Loaded { network: network.subject.name.clone(), notes });
                Some(network)
            }
            Err(TaskError::Read(ReadError::Stopped)) => None,
            Err(error) => {
                self.fail(error);
                None
            }
        }
    }

    /// Saves a result and reports it. A result that cannot be saved ends the task, but is still returned at the end.
    /// Returns whether it was saved.
    pub(crate) fn keep<R: Record>(&mut self, record: &R, wrap: fn(Box<R>) -> TaskRecord) -> bool {
        match self.store.append(record) {
            Ok(_) => {
                self.kept += 1;
                self.tell(TaskEvent::Kept(wrap(Box::new(record.clone()))));
                true
            }
            Err(error) => {
                self.fail(TaskError::Store(error));
                self.must_stop = true;
                false
            }
        }
    }

    /// Ends the task: its results are compared with the highest limits ever measured on their machine. One that was
    /// stopped before it had any has failed.
    pub(crate) fn finish(mut self, found: Found) -> TaskOutcome {
        let Found {
            mut measurements,
            mut profiles,
            training_runs,
            exploration,
            space_comparison,
            calibration,
            inputs,
        } = found;
        let has_none = measurements.is_empty() && profiles.is_empty() && training_runs.is_empty();
        let has_none = has_none && exploration.is_none() && calibration.is_none();
        if self.context.is_stopped() && has_none && !self.failed {
            self.fail(TaskError::Stopped);
        }
        match self.store.rooflines(&Filter::default()) {
            Ok(known) => {
                measurements.iter_mut().for_each(|it| known.hold(it));
                profiles.iter_mut().for_each(|it| known.hold(it));
            }
            Err(error) => self.fail(TaskError::Store(error)),
        }
        let (kept, failed) = (self.kept, self.failed);
        TaskOutcome {
            measurements,
            profiles,
            training_runs,
            exploration,
            space_comparison,
            calibration,
            inputs,
            kept,
            failed,
        }
    }
}
