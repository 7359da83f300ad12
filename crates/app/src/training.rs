//! What training tasks report.

use inceptive_train::{Epoch, Progress};
use serde::{Deserialize, Serialize};

/// Events of a training task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainingEvent {
    /// All runs, in the order in which they start.
    Runs(Vec<PlannedRun>),
    /// How many runs go side by side.
    SideBySide(SideBySide),
    /// A run starts, or goes on from a checkpoint.
    Started {
        /// Its place in the list of runs.
        run: usize,
        /// Epochs that were finished before.
        history: Vec<Epoch>,
    },
    /// A run took steps.
    Step {
        /// Its place in the list of runs.
        run: usize,
        /// How far its epoch is.
        progress: Progress,
        /// Images a second in this epoch.
        images_per_s: f64,
    },
    /// A run finished an epoch.
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
        /// How.
        state: RunState,
    },
    /// Nothing is computed until something that needs the machine to itself is over, or training goes on.
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
    /// What is known of it before it starts.
    pub state: RunState,
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
    /// It was stopped; its last epoch is kept.
    Stopped,
}

/// How many runs go side by side, and why.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SideBySide {
    /// Runs at a time.
    pub runs: u32,
    /// Threads of each.
    pub threads: u32,
    /// Images a second of one run on all threads, and of runs side by side on a thread each, if that was measured.
    pub images_per_s: Option<[f64; 2]>,
}
