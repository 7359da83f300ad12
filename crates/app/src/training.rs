//! Events of training tasks.

use inceptive_format::{counted, form};
use inceptive_train::{Epoch, Progress};
use serde::{Deserialize, Serialize};

/// Events of a training task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainingEvent {
    /// All runs, in the order in which they start.
    Runs(Vec<PlannedRun>),
    /// Number of runs at the same time.
    SideBySide(SideBySide),
    /// A run has started, or resumed from a checkpoint.
    Started {
        /// Its place in the list of runs.
        run: usize,
        /// Epochs that were finished before.
        history: Vec<Epoch>,
    },
    /// A run has taken training steps.
    Step {
        /// Its place in the list of runs.
        run: usize,
        /// Progress within its epoch.
        progress: Progress,
        /// Images per second in this epoch.
        images_per_s: f64,
    },
    /// A run has finished an epoch.
    Epoch {
        /// Its place in the list of runs.
        run: usize,
        /// The epoch.
        epoch: Epoch,
    },
    /// A run has ended.
    Ended {
        /// Its place in the list of runs.
        run: usize,
        /// Its final state.
        state: RunState,
    },
    /// All runs are paused because a measurement needs the machine to itself (true), or have resumed (false).
    Waiting(bool),
}

/// A run that is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRun {
    /// The network, with its settings.
    pub network: String,
    /// Its file.
    pub file: String,
    /// The seed.
    pub seed: u64,
    /// Epochs of the recipe.
    pub epochs: u32,
    /// Its state before it starts.
    pub state: RunState,
}

impl PlannedRun {
    /// How many runs the store had before: `2 of 3 runs are already in the store`; `None` if there are none.
    pub fn known(runs: &[Self]) -> Option<String> {
        let known = runs.iter().filter(|run| run.state == RunState::Known).count();
        let are = form(known as u128, "is", "are");
        let all = counted(runs.len(), "run", "runs");
        (known > 0).then(|| format!("{known} of {all} {are} already in the store"))
    }
}

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It has not started.
    Waiting,
    /// It is running.
    Running,
    /// The store had it before.
    Known,
    /// It finished.
    Finished,
    /// It diverged.
    Diverged,
    /// It failed; the error was reported.
    Failed,
    /// It reached the epoch until which it was to be trained.
    Paused,
    /// It was stopped; its last epoch is kept.
    Stopped,
}

/// The number of runs at the same time, and the measured speeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SideBySide {
    /// Number of runs at the same time.
    pub runs: u32,
    /// Threads of each.
    pub threads: u32,
    /// Images per second of one run on all threads, and in total of one run per thread, if measured.
    pub images_per_s: Option<[f64; 2]>,
}
