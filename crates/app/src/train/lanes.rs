//! Runs that are trained at the same time.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::Sender,
    },
    thread,
    time::Duration,
};

use inceptive_train::{Machine, Task, TrainError, Trainer};

use super::{Message, RunId, Shared, SideBySide, run::train_one};
use crate::error::TaskError;

/// Duration of each speed measurement.
const TRIAL: Duration = Duration::from_millis(600);

/// Pending runs, and the threads of active ones.
pub(super) struct Lanes {
    /// In reverse order.
    waiting: Mutex<Vec<RunId>>,
    active: AtomicUsize,
    threads: u32,
    /// Threads of each run while others are pending.
    threads_of_each: u32,
}

impl Lanes {
    pub fn new(pending: &[RunId], chosen: SideBySide, threads: u32) -> Self {
        Self {
            waiting: Mutex::new(pending.iter().rev().copied().collect()),
            active: AtomicUsize::new(0),
            threads,
            threads_of_each: chosen.threads,
        }
    }

    /// Trains runs until none is pending.
    pub fn work(&self, shared: &Shared<'_>, sender: &Sender<Message>) {
        while !shared.halt.load(Ordering::Relaxed)
            && let Some(id) = self.take()
        {
            let ended = Box::new(train_one(shared, id, self, sender));
            self.active.fetch_sub(1, Ordering::SeqCst);
            // The receiver waits for all runs.
            let _ = sender.send(Message::Ended { run: id.run, ended });
        }
    }

    fn take(&self) -> Option<RunId> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let next = waiting.pop()?;
        self.active.fetch_add(1, Ordering::SeqCst);
        Some(next)
    }

    /// Number of runs that have started and not ended.
    pub fn active(&self) -> usize {
        self.active.load(Ordering::SeqCst)
    }

    /// Number of threads that a run may use from now on. When no run is pending, the active ones share all threads.
    pub fn threads(&self) -> usize {
        let none_waits = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let active = u32::try_from(self.active()).unwrap_or(u32::MAX).max(1);
        let threads = match none_waits {
            true => (self.threads / active).max(self.threads_of_each),
            false => self.threads_of_each,
        };
        threads as usize
    }
}

/// Chooses the number of runs at the same time: the requested one, or the faster one, measured with the first network: one
/// run on all threads or one run per thread.
pub(super) fn choose(
    shared: &Shared<'_>,
    first: RunId,
    pending: usize,
) -> Result<SideBySide, TaskError> {
    let threads = shared.plan.threads.max(1);
    let most = u32::try_from(pending).unwrap_or(u32::MAX).min(threads);
    let with = |runs: u32| SideBySide { runs, threads: threads / runs, images_per_s: None };
    match shared.plan.side_by_side {
        Some(runs) => Ok(with(runs.clamp(1, most))),
        None if most == 1 => Ok(with(1)),
        None => {
            let label = || shared.subjects[first.subject].info.name.clone();
            match measure(shared, first, most) {
                Ok([single, parallel]) => {
                    let runs = if parallel > single { most } else { 1 };
                    Ok(SideBySide { images_per_s: Some([single, parallel]), ..with(runs) })
                }
                Err(TrainError::Stopped) => Err(TaskError::Stopped),
                // The run itself reports it.
                Err(TrainError::Diverged { .. } | TrainError::Plan(_)) => Ok(with(most)),
                Err(error) => Err(TaskError::train(label(), error)),
            }
        }
    }
}

/// Images per second of one run on all threads, and in total of several at the same time.
fn measure(shared: &Shared<'_>, first: RunId, runs: u32) -> Result<[f64; 2], TrainError> {
    let threads = shared.plan.threads.max(1);
    let stop = shared.stop;
    let single = speed(shared, first, threads, 1, stop)?;
    let parallel = thread::scope(|scope| {
        let trials: Vec<_> = (0..runs)
            .map(|_| scope.spawn(|| speed(shared, first, threads / runs, runs, stop)))
            .collect();
        trials
            .into_iter()
            .map(|trial| trial.join().unwrap_or(Err(TrainError::Stopped)))
            .sum::<Result<f64, TrainError>>()
    })?;
    Ok([single, parallel])
}

fn speed(
    shared: &Shared<'_>,
    id: RunId,
    threads: u32,
    runs: u32,
    stop: &AtomicBool,
) -> Result<f64, TrainError> {
    let mut trainer =
        Trainer::new_until(shared.task(id), shared.machine(threads as usize, runs), stop)?;
    trainer.measure_speed(TRIAL, stop)
}

impl Shared<'_> {
    /// The training task of a run.
    pub fn task(&self, id: RunId) -> Task<'_> {
        let graph = &self.subjects[id.subject].graph;
        Task { graph, data: &self.data, recipe: &self.recipe, seed: id.seed }
    }

    /// The resources of a run, of which there are this many at the same time.
    pub fn machine(&self, threads: usize, runs: u32) -> Machine {
        let most_bytes = self.available_bytes / u64::from(runs.max(1));
        Machine { threads, isa: self.isa, most_bytes }
    }
}
