//! Runs side by side.

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

use super::{Message, RunId, Shared, SideBySide, run::one};
use crate::error::TaskError;

/// Time of each measurement.
const TRIAL: Duration = Duration::from_millis(600);

/// Runs that wait, and threads for those that go on.
pub(super) struct Lanes {
    /// In reverse order.
    waiting: Mutex<Vec<RunId>>,
    going: AtomicUsize,
    threads: u32,
    /// Threads of a run while others wait.
    threads_of_each: u32,
}

impl Lanes {
    pub fn new(pending: &[RunId], chosen: SideBySide, threads: u32) -> Self {
        Self {
            waiting: Mutex::new(pending.iter().rev().copied().collect()),
            going: AtomicUsize::new(0),
            threads,
            threads_of_each: chosen.threads,
        }
    }

    /// Takes runs until none waits.
    pub fn work(&self, shared: &Shared<'_>, sender: &Sender<Message>) {
        while !shared.halt.load(Ordering::Relaxed)
            && let Some(id) = self.take()
        {
            let ended = Box::new(one(shared, id, self, sender));
            self.going.fetch_sub(1, Ordering::SeqCst);
            // The receiver waits for all runs.
            let _ = sender.send(Message::Ended { run: id.run, ended });
        }
    }

    fn take(&self) -> Option<RunId> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let next = waiting.pop()?;
        self.going.fetch_add(1, Ordering::SeqCst);
        Some(next)
    }

    /// Runs that have started and not ended.
    pub fn going(&self) -> usize {
        self.going.load(Ordering::SeqCst)
    }

    /// Threads that a run may use from now on: when none waits any more, the last ones get those of the others.
    pub fn threads(&self) -> usize {
        let none_waits = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let going = u32::try_from(self.going()).unwrap_or(u32::MAX).max(1);
        let threads = match none_waits {
            true => (self.threads / going).max(self.threads_of_each),
            false => self.threads_of_each,
        };
        threads as usize
    }
}

/// Chooses how many runs go side by side: as asked for, or what is faster with the first network, all threads for one run
/// or a run on each thread.
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
                Ok([together, apart]) => {
                    let runs = if apart > together { most } else { 1 };
                    Ok(SideBySide { images_per_s: Some([together, apart]), ..with(runs) })
                }
                Err(TrainError::Stopped) => Err(TaskError::Stopped),
                // Its run reports it.
                Err(TrainError::Diverged { .. } | TrainError::Plan(_)) => Ok(with(most)),
                Err(error) => Err(TaskError::train(label(), error)),
            }
        }
    }
}

/// Images a second of one run on all threads, and of several side by side together.
fn measure(shared: &Shared<'_>, first: RunId, runs: u32) -> Result<[f64; 2], TrainError> {
    let threads = shared.plan.threads.max(1);
    let stop = shared.stop;
    let together = speed(shared, first, threads, 1, stop)?;
    let apart = thread::scope(|scope| {
        let trials: Vec<_> = (0..runs)
            .map(|_| scope.spawn(|| speed(shared, first, threads / runs, runs, stop)))
            .collect();
        trials
            .into_iter()
            .map(|trial| trial.join().unwrap_or(Err(TrainError::Stopped)))
            .sum::<Result<f64, TrainError>>()
    })?;
    Ok([together, apart])
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
    /// What a run trains.
    pub fn task(&self, id: RunId) -> Task<'_> {
        let graph = &self.subjects[id.subject].graph;
        Task { graph, data: &self.data, recipe: &self.recipe, seed: id.seed }
    }

    /// What a run computes with, beside others.
    pub fn machine(&self, threads: usize, runs: u32) -> Machine {
        let most_bytes = self.available_bytes / u64::from(runs.max(1));
        Machine { threads, isa: self.isa, most_bytes }
    }
}
