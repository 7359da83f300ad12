//! What is said of a search while it runs.

use inceptive_results::{CountedSpace, Exploration};
use serde::{Deserialize, Serialize};

/// Events of a search.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExploreEvent {
    /// The space was counted.
    Counted(CountedSpace),
    /// The plan was made, or taken up from the store; a search that was finished before has its results.
    Planned(Box<Exploration>),
    /// Networks are trained up to an epoch.
    Rung {
        /// Its place among the rungs.
        rung: usize,
        /// The epoch.
        epochs: u32,
        /// How many networks.
        networks: usize,
    },
    /// The networks of a wave were chosen; the plan has them.
    Chosen {
        /// The plan.
        plan: Box<Exploration>,
        /// The place of the wave.
        wave: usize,
    },
    /// Latencies are measured.
    Measuring {
        /// Of how many networks.
        networks: usize,
    },
    /// Latencies stayed imprecise, because other programs disturbed them.
    Doubtful {
        /// Of how many networks.
        networks: usize,
    },
    /// The networks that are trained with all seeds, by their places in the plan.
    Finalists(Vec<usize>),
}
