//! Runs that are trained at the same time.

use std::{
    panic::resume_unwind,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::Sender,
    },
    thread,
    time::Duration,
};

use inceptive_train::{Backend, Machine, Task, TrainError, Trainer};

use super::{Message, RunId, Shared, SideBySide, run::train_one};
use crate::error::TaskError;

/// Duration of each speed measurement.
const TRIAL: Duration = Duration::from_millis(600);

/// Pending runs, and the threads and memory of active ones.
pub(super) struct Lanes {
    /// In reverse order.
    waiting: Mutex<Vec<RunId>>,
    /// Number of lanes that have not ended.
    open: AtomicUsize,
    threads: u32,
    chosen: SideBySide,
}

impl Lanes {
    pub fn new(pending: &[RunId], chosen: SideBySide, threads: u32) -> Self {
        Self {
            waiting: Mutex::new(pending.iter().rev().copied().collect()),
            open: AtomicUsize::new(chosen.runs as usize),
            threads,
            chosen,
        }
    }

    /// Trains runs until none is pending.
    pub fn work(&self, shared: &Shared<'_>, sender: &Sender<Message>) {
        loop {
            shared.wait();
            let next = if shared.halt.load(Ordering::Relaxed) { None } else { self.take() };
            let Some(id) = next else { break };
            let ended = Box::new(train_one(shared, id, self, sender));
            // The receiver waits for all runs.
            let _ = sender.send(Message::Ended { run: id.run, ended });
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    fn take(&self) -> Option<RunId> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Number of lanes that have not ended.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// The number of threads that a run may use from now on, and the number of runs that share the memory. When no run is
    /// pending, the active runs share all threads and all memory.
    pub fn share(&self) -> (usize, u32) {
        let none_waits = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let open = u32::try_from(self.open()).unwrap_or(u32::MAX).max(1);
        let SideBySide { runs, threads, .. } = self.chosen;
        match none_waits {
            true => ((self.threads / open).max(threads) as usize, open),
            false => (threads as usize, runs),
        }
    }
}

/// Chooses the number of runs at the same time: the requested one, or the faster one, measured with the first network that
/// can be trained: one run on all threads or one run per thread. Errors of a network are reported by its runs.
pub(super) fn choose(shared: &Shared<'_>, pending: &[RunId]) -> Result<SideBySide, TaskError> {
    let threads = shared.plan.threads.max(1);
    let most = u32::try_from(pending.len()).unwrap_or(u32::MAX).min(threads);
    let with = |runs: u32| SideBySide { runs, threads: threads / runs, images_per_s: None };
    match shared.plan.side_by_side {
        Some(runs) => return Ok(with(runs.clamp(1, most))),
        // A GPU is busy with one run, and PyTorch has threads of its own.
        None if matches!(shared.backend, Backend::PyTorch(_)) => return Ok(with(1)),
        None if most == 1 => return Ok(with(1)),
        None => {}
    }
    // The first seed has every network.
    let networks = pending.iter().take_while(|id| id.seed == pending[0].seed);
    for &id in networks {
        let single = match speed(shared, id, threads, 1) {
            Ok(images_per_s) => images_per_s,
            Err(TrainError::Stopped) => return Err(TaskError::Stopped),
            Err(_) => continue,
        };
        return match speed_in_parallel(shared, id, most) {
            Ok(parallel) => {
                let runs = if parallel > single { most } else { 1 };
                Ok(SideBySide { images_per_s: Some([single, parallel]), ..with(runs) })
            }
            Err(TrainError::Stopped) => Err(TaskError::Stopped),
            // There is no memory for several.
            Err(_) => Ok(with(1)),
        };
    }
    Ok(with(1))
}

/// Images per second in total of several runs at the same time.
fn speed_in_parallel(shared: &Shared<'_>, id: RunId, runs: u32) -> Result<f64, TrainError> {
    let threads = shared.plan.threads.max(1) / runs;
    thread::scope(|scope| {
        let trials: Vec<_> =
            (0..runs).map(|_| scope.spawn(|| speed(shared, id, threads, runs))).collect();
        let speeds =
            trials.into_iter().map(|trial| trial.join().unwrap_or_else(|it| resume_unwind(it)));
        speeds.sum()
    })
}

/// Images per second of a run beside others.
pub(super) fn speed(
    shared: &Shared<'_>,
    id: RunId,
    threads: u32,
    runs: u32,
) -> Result<f64, TrainError> {
    let stop = shared.stop;
    let machine = shared.machine(threads as usize, runs);
    let mut trainer = Trainer::new(shared.task(id), &shared.backend, machine, stop)?;
    trainer.measure_speed(TRIAL, stop)
}

impl Shared<'_> {
    /// The training task of a run.
    pub fn task(&self, id: RunId) -> Task<'_> {
        let graph = &self.subjects[id.subject].graph;
        Task { graph, data: &self.data, recipe: &self.recipe, seed: id.seed }
    }

    /// The resources of a run when this many runs are trained at the same time.
    pub fn machine(&self, threads: usize, runs: u32) -> Machine {
        let most_bytes = self.available_bytes / u64::from(runs.max(1));
        Machine { threads, isa: self.isa, most_bytes }
    }
}
