//! Exploring spaces: counting all of their networks, and searching the best under a budget of time.

mod accuracies;
mod accuracy_table;
mod count;
mod elsewhere;
mod latencies;
mod parts;
mod plan;
mod planning;
mod scores;
mod search;
mod table;
mod waves;

use std::{path::PathBuf, time::Duration};

use inceptive_dsl::Setting;
use inceptive_results::{Objective, Preference, ProxyScore};
use serde::{Deserialize, Serialize};

use crate::{
    measured::Request,
    train::{TrainPlan, TrainerName},
};

pub use count::{
    CountRequest, MOST_COUNTED, SpaceCounts, count_space, labels, read_conditions, read_space,
};
pub(crate) use elsewhere::{Elsewhere, TrainStage, TrainedElsewhere};
pub(crate) use parts::PartPlan;
pub(crate) use search::{explore, explore_elsewhere};
pub use table::{TableNetwork, TableRequest, TableSearch, search_table};

/// A search in a space under a budget of time: what to look for, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExplorePlan {
    /// The file of the space.
    pub space: PathBuf,
    /// Conditions beside those of the space, such as `params < 1M`.
    pub conditions: Vec<String>,
    /// The objectives; of the space, if there are none.
    #[serde(skip)]
    pub objectives: Vec<Objective>,
    /// The data set.
    pub data: String,
    /// The recipe.
    pub recipe: String,
    /// Settings of the recipe.
    pub recipe_settings: Vec<Setting>,
    /// Time that the search may need; it decides how many networks are trained.
    pub budget: Duration,
    /// The number of networks, whatever the budget.
    pub networks: Option<u32>,
    /// Seeds of each finalist.
    pub seeds: u32,
    /// The seed of the choice, and the first seed of training.
    pub seed: u64,
    /// Total number of threads of training.
    pub threads: u32,
    /// Threads that latencies are measured with.
    pub latency_threads: u32,
    /// The engine that latencies are measured with.
    pub engine: Option<String>,
    /// Number of runs at the same time; `None` to measure which is fastest.
    pub side_by_side: Option<u32>,
    /// Where checkpoints and trained weights are kept.
    pub folder: PathBuf,
    /// Whether a search that is in the store is repeated; its runs are not.
    pub again: bool,
    /// Scores of untrained networks that the surrogate may use.
    #[serde(default)]
    pub scores: Vec<ProxyScore>,
    /// Which of the finalists is wanted.
    #[serde(default)]
    pub preference: Preference,
}

impl ExplorePlan {
    /// Training some networks of it.
    fn training(&self, requests: Vec<Request>, seeds: &[u64], until: Option<u32>) -> TrainPlan {
        TrainPlan {
            requests,
            data: self.data.clone(),
            recipe: self.recipe.clone(),
            recipe_settings: self.recipe_settings.clone(),
            seeds: seeds.to_vec(),
            threads: self.threads,
            side_by_side: self.side_by_side,
            isa: None,
            trainer: TrainerName::Native,
            device: "cpu".to_owned(),
            python: None,
            folder: self.folder.clone(),
            report: None,
            again: false,
            until,
        }
    }
}
