//! Doing tasks of a plan.

use std::{
    env,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use inceptive_format::counted;
use inceptive_results::{EpochRecord, MAX_THREADS_PER_CORE, Objective};
use inceptive_store::{LooseRecord, Store, StoreError};

use super::{
    node::MachineLock,
    result::{BrokenFile, Results, TaskResult},
    status::PlanStatus,
    tasks::{EngineChoice, OpenPlan, Plan, Programs, TaskPart, Work},
};
use crate::{
    bench::BenchPlan,
    engines::{ChoiceError, choose},
    error::{PlanError, TaskError},
    explore::{PartPlan, read_conditions, read_space},
    running::{TaskContext, TaskEvent, TaskFailure, TaskRecord},
    task::Task,
    train::{TrainPlan, TrainerName, epoch_record},
    training::{RunState, TrainingEvent},
};

/// A plan that a worker does tasks of.
#[derive(Clone, Debug)]
pub struct WorkerPlan {
    pub(super) open: OpenPlan,
}

/// What happens while tasks are done.
#[derive(Clone, Debug)]
pub enum WorkerEvent {
    /// A task has a result already.
    Known {
        /// The task.
        task: usize,
    },
    /// A task begins.
    Started {
        /// The task.
        task: usize,
        /// What it does.
        name: String,
    },
    /// Another task has the machine to itself, or this one needs it so.
    Waiting,
    /// What happens in a task.
    Task(Box<TaskEvent>),
    /// The result of a task was written.
    Written {
        /// The task.
        task: usize,
        /// The file.
        file: PathBuf,
    },
    /// A task failed; it has no result.
    Failed {
        /// The task.
        task: usize,
    },
    /// A file of results is not whole. The task is done again.
    Broken(BrokenFile),
}

/// What a worker did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerOutcome {
    /// Tasks that were done.
    pub done: usize,
    /// Tasks that had a result already.
    pub known: usize,
    /// Tasks that failed.
    pub failed: usize,
    /// Whether it was stopped before the last task was done.
    pub is_stopped: bool,
}

/// What a task found: its records, and the epochs of a training that paused.
type Found = (Vec<LooseRecord>, Vec<EpochRecord>);

impl WorkerPlan {
    /// Opens the plan of a folder.
    ///
    /// # Errors
    /// When there is none, or its inputs were changed.
    pub fn open(folder: &Path) -> Result<Self, PlanError> {
        let open = OpenPlan::read(folder)?;
        open.check_inputs()?;
        Ok(Self { open })
    }

    /// The plan.
    pub const fn plan(&self) -> &Plan {
        &self.open.plan
    }

    /// The folder, as an absolute path.
    pub fn folder(&self) -> &Path {
        &self.open.folder
    }

    /// Makes the folder of inputs the working folder of the process, which paths of the plan are relative to.
    ///
    /// # Errors
    /// When it cannot be entered.
    pub fn enter(&self) -> Result<(), PlanError> {
        let path = self.open.inputs();
        env::set_current_dir(&path).map_err(|error| PlanError::Read { path, error })
    }

    /// What is done of it.
    ///
    /// # Errors
    /// When results cannot be read.
    pub fn status(&self) -> Result<PlanStatus, PlanError> {
        PlanStatus::new(&self.open)
    }
}

/// Does tasks of a plan, one after the other, in the folder of inputs ([`WorkerPlan::enter`]). The result of each is
/// written as soon as it is done. Tasks that have one are left out. `programs` are those of the worker's user.
///
/// # Errors
/// When the engines of the plan are not there, or results cannot be read.
pub fn work(
    plan: &WorkerPlan,
    tasks: &[usize],
    threads: Option<u32>,
    programs: &Programs,
    context: &TaskContext<'_>,
    listen: &mut dyn FnMut(WorkerEvent),
) -> Result<WorkerOutcome, TaskError> {
    let open = &plan.open;
    let mut outcome = WorkerOutcome::default();
    for &task in tasks {
        if context.is_stopped() {
            outcome.is_stopped = true;
            break;
        }
        let results = Results::of_task(open, task)?;
        results.broken.into_iter().for_each(|broken| listen(WorkerEvent::Broken(broken)));
        if !results.tasks.is_empty() {
            outcome.known += 1;
            listen(WorkerEvent::Known { task });
            continue;
        }
        listen(WorkerEvent::Started { task, name: open.plan.name(task) });
        let worker = Worker { open, context, threads, programs };
        let found = worker.run(task, &mut |event| listen(event));
        let written = found.and_then(|(records, epochs)| {
            Ok(TaskResult::new(&open.digest, task, records, epochs).write(&open.folder)?)
        });
        match written {
            Ok(file) => {
                outcome.done += 1;
                listen(WorkerEvent::Written { task, file });
            }
            Err(TaskError::Stopped) if context.is_stopped() => outcome.is_stopped = true,
            Err(error) => {
                outcome.failed += 1;
                if !matches!(error, TaskError::NoResult) {
                    let failed = TaskEvent::Failed(TaskFailure::new(error));
                    listen(WorkerEvent::Task(Box::new(failed)));
                }
                listen(WorkerEvent::Failed { task });
            }
        }
    }
    Ok(outcome)
}

struct Worker<'w, 'c> {
    open: &'w OpenPlan,
    context: &'w TaskContext<'c>,
    threads: Option<u32>,
    programs: &'w Programs,
}

impl Worker<'_, '_> {
    /// The number of threads of a task whose result does not depend on it; 0 planned are all of the machine.
    fn threads(&self, planned: u32) -> Result<u32, PlanError> {
        match (self.threads, planned) {
            (Some(threads), _) => Ok(threads),
            (None, 0) => Ok(self.context.machine.default_threads().get()),
            (None, planned) => self.possible(planned),
        }
    }

    /// The number of threads of a plan, if this machine can start them: a plan may be a stranger's, or another machine's.
    fn possible(&self, planned: u32) -> Result<u32, PlanError> {
        let most = self.context.machine.max_threads();
        if planned > most {
            return Err(PlanError::Choice(format!(
                "it is planned with {planned} threads, and this machine starts at most {most}, {MAX_THREADS_PER_CORE} per core"
            )));
        }
        Ok(planned)
    }

    /// The number of threads of a measurement: a number that the plan names is a part of what is measured.
    fn threads_of_bench(&self, planned: Option<u32>) -> Result<u32, PlanError> {
        match (planned, self.threads) {
            (Some(planned), Some(given)) if planned > given => Err(PlanError::Choice(format!(
                "it measures with {}, and the worker may use {given} (--threads)",
                counted(planned as usize, "thread", "threads")
            ))),
            (Some(planned), _) => self.possible(planned),
            (None, _) => self.threads(0),
        }
    }

    fn run(&self, task: usize, listen: &mut dyn FnMut(WorkerEvent)) -> Result<Found, TaskError> {
        let owns = self.open.plan.owns_machine();
        let lock = MachineLock::wait(owns, self.context.stop, || listen(WorkerEvent::Waiting))?;
        // Until the task is done.
        let Some(_machine) = lock else { return Err(TaskError::Stopped) };
        let part = self.open.plan.part(task);
        part.as_ref().map_or(Ok(()), |part| self.open.check_references(part))?;
        match (part, &self.open.plan.work) {
            (Some(TaskPart::Train(plan)), _) => self.train(plan, listen),
            (Some(TaskPart::Bench(plan)), Work::Bench { engines, .. }) => {
                self.bench(plan, engines, listen)
            }
            (
                Some(TaskPart::Count(range)),
                Work::Count { space, conditions, objectives, size, .. },
            ) => {
                let space = read_space(space)?;
                if space.size() != u128::from(*size) {
                    let (title, networks) = (&space.title, space.size());
                    let message = format!("`{title}` has {networks} networks, not {size}");
                    return Err(PlanError::Choice(message).into());
                }
                let conditions = read_conditions(conditions)?;
                let objectives: Vec<Objective> =
                    objectives.iter().copied().map(Objective::from).collect();
                let part = PartPlan {
                    space: &space,
                    conditions: &conditions,
                    objectives: &objectives,
                    threads: self.threads(0)? as usize,
                    machine: self.context.machine,
                };
                let stop = self.context.stop;
                let goes_on = || match stop.load(Ordering::Relaxed) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                };
                let count = part.count(range, &goes_on)?;
                Ok((vec![LooseRecord::new(&count)?], vec![]))
            }
            _ => Err(PlanError::Choice(format!("there is no task {task}")).into()),
        }
    }

    fn train(
        &self,
        plan: TrainPlan,
        listen: &mut dyn FnMut(WorkerEvent),
    ) -> Result<Found, TaskError> {
        let plan = TrainPlan {
            threads: self.threads(plan.threads)?,
            python: self.programs.python.clone().filter(|_| plan.trainer == TrainerName::PyTorch),
            folder: self.open.folder.join(&plan.folder),
            ..plan
        };
        let mut epochs: Vec<EpochRecord> = vec![];
        let mut is_paused = false;
        let records = self.run_task(&Task::Train(plan), self.context, &mut |event| {
            match &event {
                TaskEvent::Training(TrainingEvent::Started { history, .. }) => {
                    epochs = history.iter().map(epoch_record).collect();
                }
                TaskEvent::Training(TrainingEvent::Epoch { epoch, .. }) => {
                    epochs.push(epoch_record(epoch));
                }
                TaskEvent::Training(TrainingEvent::Ended { state: RunState::Paused, .. }) => {
                    is_paused = true;
                }
                _ => {}
            }
            listen(WorkerEvent::Task(Box::new(event)));
        })?;
        match records.is_empty() {
            true if is_paused => Ok((records, epochs)),
            true => Err(self.no_result()),
            false => Ok((records, vec![])),
        }
    }

    fn bench(
        &self,
        plan: BenchPlan,
        engines: &EngineChoice,
        listen: &mut dyn FnMut(WorkerEvent),
    ) -> Result<Found, TaskError> {
        let options = engines.options(self.programs)?;
        let failed = |error: ChoiceError| PlanError::Choice(error.to_string());
        let found = choose(&options, &engines.names, &plan.device).map_err(failed)?;
        let threads = self.threads_of_bench(plan.threads.first().copied())?;
        let plan = BenchPlan { threads: vec![threads], ..plan };
        let expected = plan.requests.len() * found.len();
        let context = TaskContext { engines: &found, ..*self.context };
        let mut listen = |event| listen(WorkerEvent::Task(Box::new(event)));
        let records = self.run_task(&Task::Bench(plan), &context, &mut listen)?;
        match records.len() == expected && expected > 0 {
            true => Ok((records, vec![])),
            false => Err(self.no_result()),
        }
    }

    /// Why a task has no result, after its events said more.
    fn no_result(&self) -> TaskError {
        match self.context.is_stopped() {
            true => TaskError::Stopped,
            false => TaskError::NoResult,
        }
    }

    /// Runs a task with a store of its own in memory; returns what it saved there.
    fn run_task(
        &self,
        task: &Task,
        context: &TaskContext<'_>,
        listen: &mut dyn FnMut(TaskEvent),
    ) -> Result<Vec<LooseRecord>, TaskError> {
        let mut store = Store::temporary()?;
        let mut records: Vec<Result<LooseRecord, StoreError>> = vec![];
        task.run(context, &mut store, &mut |event| {
            if let TaskEvent::Kept(record) = &event {
                records.push(match record {
                    TaskRecord::Measurement(record) => LooseRecord::new(&**record),
                    TaskRecord::Profile(record) => LooseRecord::new(&**record),
                    TaskRecord::TrainingRun(record) => LooseRecord::new(&**record),
                    TaskRecord::Exploration(record) => LooseRecord::new(&**record),
                    TaskRecord::CalibrationSample(record) => LooseRecord::new(&**record),
                    TaskRecord::Calibration(record) => LooseRecord::new(&**record),
                });
            }
            listen(event);
        });
        Ok(records.into_iter().collect::<Result<_, _>>()?)
    }
}
