//! Training networks.

mod files;
mod lanes;
mod plan;
mod recipe;
mod run;
mod subject;
mod trainer_name;

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use inceptive_bench::Isa;
use inceptive_data::{DataName, Dataset, Places, load as load_data};
use inceptive_files::InputFiles;
use inceptive_results::{Machine, Record, TrainingKey, TrainingRun};
use inceptive_store::{Filter, Store, StoreError};
use inceptive_train::{Backend, PyTorch, Recipe, TrainError};

use crate::{
    error::TaskError,
    notes::Note,
    running::{Found, Running, TICK, TaskContext, TaskEvent, TaskOutcome, TaskRecord},
    training::{PlannedRun, RunState, SideBySide, TrainingEvent},
};

use files::{RunFiles, RunName, plain};
use lanes::Lanes;
pub use plan::TrainPlan;
use recipe::load_recipe;
pub use recipe::read_recipe;
pub(crate) use recipe::{recipe_file, recipe_files, shipped_recipe_file};
use run::Ended;
pub(crate) use run::epoch_record;
use subject::Subject;
pub use trainer_name::TrainerName;

/// Messages from a run to its task.
enum Message {
    Event(TrainingEvent),
    /// An error that does not end the run, such as a checkpoint that could not be written.
    Error(TaskError),
    /// A run has locked its files. It asks for its result, which another program may have saved before.
    Locked {
        id: RunId,
        known: Sender<Option<Box<TrainingRun>>>,
    },
    Ended {
        run: usize,
        ended: Box<Ended>,
    },
}

/// What all runs of a task share.
struct Shared<'a> {
    plan: &'a TrainPlan,
    machine: &'a Machine,
    available_bytes: u64,
    /// Set by the caller.
    stop: &'a AtomicBool,
    /// The recipe, the data set and the networks.
    inputs: InputFiles,
    data: Dataset,
    data_fingerprint: String,
    recipe: Recipe,
    recipe_fingerprint: String,
    isa: Isa,
    backend: Backend,
    subjects: Vec<Subject>,
    /// Set to end all runs.
    halt: AtomicBool,
    /// Set while all runs have to pause.
    must_pause: AtomicBool,
    /// Number of paused lanes.
    paused: AtomicUsize,
}

/// A network with a seed.
#[derive(Clone, Copy)]
struct RunId {
    /// Its place in the list of runs.
    run: usize,
    subject: usize,
    seed: u64,
}

/// Trains networks. Each run is saved to the store before it is reported. After a stop, or if the program is killed,
/// each run resumes from its last whole epoch the next time.
pub(crate) fn train(
    plan: &TrainPlan,
    context: &TaskContext<'_>,
    store: &mut Store,
    listen: &mut dyn FnMut(TaskEvent),
) -> TaskOutcome {
    let mut running = Running::new(context, store, listen);
    running.plan(plan.requests.len() * plan.seeds.len());
    running.wait_for_machine();
    let trained = prepare(plan, context, &mut running).and_then(|shared| {
        let inputs = shared.inputs.clone();
        Ok((PreparedTask { shared, running: &mut running }.run()?, inputs))
    });
    let (training_runs, inputs) = trained.unwrap_or_else(|error| {
        running.fail(error);
        Default::default()
    });
    running.finish(Found { training_runs, inputs, ..Found::default() })
}

/// Reads the recipe, the data set and the networks.
fn prepare<'a>(
    plan: &'a TrainPlan,
    context: &'a TaskContext<'a>,
    running: &mut Running<'_>,
) -> Result<Shared<'a>, TaskError> {
    let (recipe, sources) = load_recipe(&plan.recipe, &plan.recipe_settings)?;
    let mut inputs = InputFiles::of(sources);
    let isa = plan.isa.as_ref().map_or(Ok(Isa::best()), |name| name.parse())?;
    running.progress(0.0, format!("reading {}", plan.data));
    let name = plan.data.parse::<DataName>()?;
    let data = load_data(&name, &Places::from_env(), context.available_bytes, context.stop)?;
    inputs.extend(data.inputs());
    refuse_classes(plan, &data)?;
    let subjects: Vec<Subject> =
        plan.requests.iter().filter_map(|request| Subject::load(request, &data, running)).collect();
    subjects.iter().for_each(|subject| inputs.extend(&subject.inputs));
    Ok(Shared {
        plan,
        machine: context.machine,
        available_bytes: context.available_bytes.saturating_sub(data.bytes()),
        stop: context.stop,
        inputs,
        data_fingerprint: data.fingerprint().to_string(),
        data,
        recipe_fingerprint: recipe.fingerprint().to_string(),
        recipe,
        isa,
        backend: match plan.trainer {
            TrainerName::Native => Backend::Native,
            TrainerName::PyTorch => {
                Backend::PyTorch(PyTorch::new(plan.python.clone(), &plan.device))
            }
        },
        subjects,
        halt: AtomicBool::new(false),
        must_pause: AtomicBool::new(false),
        paused: AtomicUsize::new(0),
    })
}

/// What training depends on beside the networks.
pub(crate) struct Basis {
    /// The data set, by its name.
    pub(crate) data: String,
    pub(crate) data_fingerprint: String,
    /// Images that are trained on.
    pub(crate) training_images: usize,
    pub(crate) validation_images: usize,
    pub(crate) recipe: Recipe,
    pub(crate) recipe_fingerprint: String,
    /// The files of recipe and data set.
    pub(crate) inputs: InputFiles,
}

/// Reads the recipe and the data set.
pub(crate) fn basis(plan: &TrainPlan, running: &mut Running<'_>) -> Result<Basis, TaskError> {
    let shared = prepare(plan, running.context, running)?;
    let images = shared.data.train.len();
    let validation_images = shared.recipe.held_out(images);
    Ok(Basis {
        data: shared.data.name.clone(),
        data_fingerprint: shared.data_fingerprint,
        training_images: images - validation_images.min(images),
        validation_images,
        recipe: shared.recipe,
        recipe_fingerprint: shared.recipe_fingerprint,
        inputs: shared.inputs,
    })
}

/// Measures how fast networks are trained, one at a time on all threads: for each that can be trained, its
/// multiply-accumulates and images per second.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub(crate) fn speeds(
    plan: &TrainPlan,
    running: &mut Running<'_>,
) -> Result<Vec<(f64, f64)>, TaskError> {
    let shared = prepare(plan, running.context, running)?;
    let mut speeds = vec![];
    for (at, subject) in shared.subjects.iter().enumerate() {
        let id = RunId { run: at, subject: at, seed: plan.seeds.first().copied().unwrap_or(0) };
        match lanes::speed(&shared, id, plan.threads.max(1), 1) {
            Ok(speed) => speeds.push((subject.info.macs as f64, speed)),
            Err(TrainError::Stopped) => return Err(TaskError::Stopped),
            Err(error) => running.fail(TaskError::train(subject.info.name_with_point(), error)),
        }
    }
    Ok(speeds)
}

/// Checks that no folder of the task would become a class of its data set.
fn refuse_classes(plan: &TrainPlan, data: &Dataset) -> Result<(), TaskError> {
    let runs = (&plan.folder, "--out or --store");
    let report = plan.report.as_ref().map(|report| (report, "--report"));
    for (folder, options) in [runs].into_iter().chain(report) {
        if let Some(classes) = data.classes_around(folder) {
            let (folder, classes) = (folder.clone(), classes.to_owned());
            return Err(TaskError::InClasses { folder, classes, options });
        }
    }
    Ok(())
}

/// A task whose inputs have been read.
struct PreparedTask<'t, 'a, 'r> {
    shared: Shared<'a>,
    running: &'t mut Running<'r>,
}

impl PreparedTask<'_, '_, '_> {
    /// Trains the runs that are not in the store; returns all runs, including those from the store.
    fn run(self) -> Result<Vec<TrainingRun>, TaskError> {
        let Self { shared, running } = self;
        let ids: Vec<RunId> = shared
            .plan
            .seeds
            .iter()
            .flat_map(|&seed| (0..shared.subjects.len()).map(move |subject| (subject, seed)))
            .enumerate()
            .map(|(run, (subject, seed))| RunId { run, subject, seed })
            .collect();
        running.plan(ids.len());
        let first_equal = shared.first_equal(&ids);
        let mut results = shared.known(&ids, running.store())?;
        for (id, known) in ids.iter().zip(&mut results) {
            if let Some(run) = known {
                shared.expect_weights(*id, run, running);
            }
        }
        let planned = ids.iter().zip(&results).map(|(id, known)| {
            let info = &shared.subjects[id.subject].info;
            let state = if known.is_some() { RunState::Known } else { RunState::Waiting };
            PlannedRun {
                network: info.name_with_point(),
                file: info.file.clone(),
                seed: id.seed,
                epochs: shared.recipe.epochs,
                state,
            }
        });
        running.tell_training(TrainingEvent::Runs(planned.collect()));
        let is_pending = |id: &&RunId| results[id.run].is_none() && first_equal[id.run] == id.run;
        let pending: Vec<RunId> = ids.iter().filter(is_pending).copied().collect();
        let mut progress = vec![0.0; ids.len()];
        for (done, result) in progress.iter_mut().zip(&results) {
            *done = f64::from(u8::from(result.is_some()));
        }
        if pending.is_empty() {
            return Ok(results.into_iter().flatten().collect());
        }
        let activity = "choosing the number of runs at the same time";
        running.progress(progress.iter().sum(), activity.to_owned());
        running.wait_for_machine();
        match lanes::choose(&shared, &pending) {
            Ok(chosen) => {
                running.tell_training(TrainingEvent::SideBySide(chosen));
                let lanes = Lanes::new(&pending, chosen, shared.plan.threads);
                let mut monitor = RunMonitor {
                    shared: &shared,
                    ids: &ids,
                    first_equal: &first_equal,
                    lanes: &lanes,
                    running,
                    results: &mut results,
                    progress,
                    is_waiting: false,
                };
                monitor.train(chosen.runs);
            }
            // The results from the store are still returned.
            Err(error) => running.fail(error),
        }
        Ok(results.into_iter().flatten().collect())
    }
}

impl Shared<'_> {
    /// The stored result of each run, if any.
    fn known(&self, ids: &[RunId], store: &Store) -> Result<Vec<Option<TrainingRun>>, StoreError> {
        if self.plan.again {
            return Ok(vec![None; ids.len()]);
        }
        // Of one run, only the records of its network are read.
        let fingerprint = match ids {
            [id] => Some(self.subjects[id.subject].info.fingerprint.clone()),
            _ => None,
        };
        let filter = Filter { fingerprint, ..Filter::default() };
        let rows = store.records::<TrainingRun>(&filter)?.readable;
        let mut known: HashMap<TrainingKey<'_>, Vec<&TrainingRun>> = HashMap::new();
        for stored in &rows {
            known.entry(stored.result.key()).or_default().push(&stored.result);
        }
        let find = |id: &RunId| {
            let subject = &self.subjects[id.subject];
            let key = TrainingKey {
                network: &subject.training_fingerprint,
                dataset: &self.data_fingerprint,
                recipe: &self.recipe_fingerprint,
                seed: id.seed,
            };
            let is_same =
                |run: &&&TrainingRun| run.is_of(&subject.info, &subject.fingerprint_with_paths);
            let runs = known.get(&key).into_iter().flatten().filter(is_same);
            let trainer = self.plan.trainer.name();
            let is_wanted = |run: &TrainingRun| {
                let has_isa = trainer != TrainerName::Native.name() || run.isa == self.isa.name();
                run.trainer == trainer && run.device == self.plan.device && has_isa
            };
            let latest = runs.max_by_key(|run| (is_wanted(run), run.finished_unix_ms));
            let known = latest.map(|run| self.shown(*id, run));
            // If the weights could not be written but the checkpoint exists, the run is resumed to write them.
            let lacks_weights = known.as_ref().is_some_and(|run| {
                let file = run.checkpoint.as_ref();
                run.is_finished() && file.is_none_or(|file| !Path::new(file).is_file())
            });
            let has_checkpoint =
                || self.with_name(*id, |name| RunFiles::has_checkpoint(&self.plan.folder, name));
            known.filter(|_| !(lacks_weights && has_checkpoint()))
        };
        Ok(ids.iter().map(find).collect())
    }

    /// The result of a run, with the name and the file that its network was requested by: an equal network may have been
    /// trained under others.
    fn shown(&self, id: RunId, run: &TrainingRun) -> TrainingRun {
        TrainingRun { subject: self.subjects[id.subject].info.clone(), ..run.clone() }
    }

    /// For each run the first one of the same network and seed, often itself: equal runs are trained once.
    fn first_equal(&self, ids: &[RunId]) -> Vec<usize> {
        let mut first: HashMap<(&str, u64), usize> = HashMap::new();
        let of = |id: &RunId| {
            let network = self.subjects[id.subject].fingerprint_with_paths.as_str();
            *first.entry((network, id.seed)).or_insert(id.run)
        };
        ids.iter().map(of).collect()
    }

    /// Warns if the file of the trained weights of a stored run is gone, and removes it from the result.
    fn expect_weights(&self, id: RunId, run: &mut TrainingRun, running: &mut Running<'_>) {
        let Some(file) = run.checkpoint.take_if(|file| !Path::new(file).is_file()) else { return };
        let network = self.subjects[id.subject].info.name_with_point();
        let text = format!(
            "{network}, seed {}: the result is in the store, but its trained weights are not in `{file}`; --again trains \
             it again",
            id.seed
        );
        running.tell(TaskEvent::Loaded { network, notes: vec![Note { is_warning: true, text }] });
    }

    /// Calls a function with the name that identifies the files of a run.
    fn with_name<T>(&self, id: RunId, work: impl FnOnce(&RunName<'_>) -> T) -> T {
        let computed_by = match self.plan.trainer {
            TrainerName::Native => self.isa.name().to_owned(),
            TrainerName::PyTorch => format!("pytorch-{}", plain(&self.plan.device)),
        };
        let subject = &self.subjects[id.subject];
        work(&RunName {
            network: &subject.info.name_with_point(),
            recipe: &self.recipe.name,
            data: &self.data.name,
            seed: id.seed,
            computed_by: &computed_by,
            fingerprints: [
                &subject.fingerprint_with_paths,
                &self.recipe_fingerprint,
                &self.data_fingerprint,
            ],
        })
    }

    /// The epoch after which runs end or pause.
    fn last_epoch(&self) -> u32 {
        let epochs = self.recipe.epochs;
        self.plan.until.map_or(epochs, |until| until.clamp(1, epochs.max(1)))
    }

    /// Waits while runs have to pause; returns for how long.
    fn wait(&self) -> Duration {
        if !self.must_pause.load(Ordering::SeqCst) {
            return Duration::ZERO;
        }
        let start = Instant::now();
        self.paused.fetch_add(1, Ordering::SeqCst);
        while self.must_pause.load(Ordering::SeqCst) && !self.halt.load(Ordering::Relaxed) {
            thread::sleep(TICK);
        }
        self.paused.fetch_sub(1, Ordering::SeqCst);
        start.elapsed()
    }
}

/// Receives the messages of runs, saves their results, pauses and stops them.
struct RunMonitor<'w, 'a, 'r> {
    shared: &'w Shared<'a>,
    /// All runs, and for each the first equal one.
    ids: &'w [RunId],
    first_equal: &'w [usize],
    lanes: &'w Lanes,
    running: &'w mut Running<'r>,
    results: &'w mut [Option<TrainingRun>],
    /// Progress of each run, from 0 to 1.
    progress: Vec<f64>,
    /// Whether the current pause was reported.
    is_waiting: bool,
}

impl RunMonitor<'_, '_, '_> {
    fn train(&mut self, side_by_side: u32) {
        let (sender, receiver) = channel();
        let (shared, lanes) = (self.shared, self.lanes);
        thread::scope(|scope| {
            for _ in 0..side_by_side {
                let sender = sender.clone();
                scope.spawn(move || lanes.work(shared, &sender));
            }
            drop(sender);
            self.receive(&receiver);
        });
    }

    /// Handles messages until all runs have ended.
    fn receive(&mut self, receiver: &Receiver<Message>) {
        loop {
            if self.running.wants_stop() {
                self.shared.halt.store(true, Ordering::Relaxed);
            }
            self.let_wait();
            match receiver.recv_timeout(TICK) {
                Ok(Message::Event(event)) => self.event(event),
                Ok(Message::Error(error)) => self.running.fail(error),
                Ok(Message::Locked { id, known }) => {
                    let found = self.shared.known(&[id], self.running.store());
                    let found = found.map(|found| found.into_iter().flatten().next());
                    // A store that cannot be read is reported when the result is saved.
                    let _ = known.send(found.unwrap_or_default().map(Box::new));
                }
                Ok(Message::Ended { run, ended }) => self.ended(run, *ended),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Pauses and resumes all runs. A pause is reported when the last run has finished its step, the end of a pause before
    /// the first run resumes.
    fn let_wait(&mut self) {
        let must_wait = self.running.context.waits();
        if must_wait {
            self.shared.must_pause.store(true, Ordering::SeqCst);
        }
        let is_waiting =
            must_wait && self.shared.paused.load(Ordering::SeqCst) >= self.lanes.open();
        if self.is_waiting != is_waiting {
            self.is_waiting = is_waiting;
            self.running.tell_training(TrainingEvent::Waiting(is_waiting));
        }
        // A measurement may have started before the end of the pause was reported: then the pause goes on.
        if !must_wait && !self.running.context.waits() {
            self.shared.must_pause.store(false, Ordering::SeqCst);
        }
    }

    fn event(&mut self, event: TrainingEvent) {
        let epochs = f64::from(self.shared.last_epoch());
        let at = match &event {
            TrainingEvent::Step { run, progress, .. } => {
                let share = progress.step as f64 / progress.steps.max(1) as f64;
                Some((*run, f64::from(progress.epoch - 1) + share))
            }
            TrainingEvent::Epoch { run, epoch } => Some((*run, f64::from(epoch.epoch))),
            TrainingEvent::Started { run, history } => Some((*run, history.len() as f64)),
            _ => None,
        };
        if let Some((run, done)) = at {
            self.progress[run] = done / epochs;
        }
        self.running.tell_training(event);
        self.running.progress(self.progress.iter().sum(), "training".to_owned());
    }

    fn ended(&mut self, run: usize, ended: Ended) {
        let state = match ended {
            Ended::Done { result, files } => {
                let (is_finished, has_weights) =
                    (result.is_finished(), result.checkpoint.is_some());
                let kept = self.running.keep(&*result, TaskRecord::TrainingRun);
                self.results[run] = Some(*result);
                // Without a weights file, the checkpoint has the only copy of the weights.
                if kept && (has_weights || !is_finished) {
                    files.remove_checkpoint();
                }
                if is_finished { RunState::Finished } else { RunState::Diverged }
            }
            Ended::Known(result) => {
                self.results[run] = Some(*result);
                RunState::Known
            }
            Ended::Paused => RunState::Paused,
            Ended::Stopped => RunState::Stopped,
            Ended::Failed(error) => {
                self.running.fail(error);
                RunState::Failed
            }
        };
        let equal = self.ids.iter().filter(|id| self.first_equal[id.run] == run);
        for id in equal {
            if id.run != run && self.results[id.run].is_none() {
                let result = self.results[run].as_ref();
                self.results[id.run] = result.map(|result| self.shared.shown(*id, result));
            }
            if state != RunState::Stopped {
                self.progress[id.run] = 1.0;
            }
            self.running.tell_training(TrainingEvent::Ended { run: id.run, state });
        }
        self.running.progress(self.progress.iter().sum(), "training".to_owned());
    }
}
