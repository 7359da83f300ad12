//! Threads that do jobs.

use std::{sync::PoisonError, thread};

use super::{
    Lane,
    worker::{Runner, Shared, Task},
};

/// A thread for each: one of a lane, more where several jobs are waited for at once. One of a layout more than a
/// place may take, so that the others do not wait for it, and one for statistics.
const THREADS: [Lane; 10] = [
    Lane::Quick,
    Lane::Quick,
    Lane::Layout,
    Lane::Layout,
    Lane::Layout,
    Lane::Layout,
    Lane::Background,
    Lane::Background,
    Lane::Measure,
    Lane::Train,
];

/// The threads; they end with the queue.
pub(super) struct Lanes;

impl Lanes {
    /// Starts them.
    pub fn start(runner: Runner) -> Self {
        for lane in THREADS {
            let runner = runner.clone();
            thread::spawn(move || {
                while let Some(task) = next(lane, &runner.shared) {
                    runner.run(task);
                }
            });
        }
        Self
    }

    /// Does nothing: they go on by themselves.
    pub const fn go_on(&self) {}
}

/// Waits for the next job of a lane; `None` when the queue is closed.
fn next(lane: Lane, shared: &Shared) -> Option<Task> {
    let mut queue = shared.lock();
    loop {
        if queue.is_closed {
            return None;
        }
        if let Some(task) = queue.take(lane) {
            return Some(task);
        }
        queue = shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_measures_and_one_trains() {
        for wanted in [Lane::Measure, Lane::Train] {
            assert_eq!(THREADS.iter().filter(|&&lane| lane == wanted).count(), 1, "{wanted:?}");
        }
    }
}
