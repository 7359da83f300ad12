//! What a training does.

use std::path::{Path, PathBuf};

use inceptive_dsl::Setting;
use serde::{Deserialize, Serialize};

use super::TrainerName;
use crate::measured::Request;

/// What to train, and how: every network with every seed. All networks are trained with the first seed before any is
/// trained with the second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainPlan {
    /// The networks.
    pub requests: Vec<Request>,
    /// The data set, such as `fashion-mnist` or `shapes:size=28`.
    pub data: String,
    /// The recipe: a name of [`inceptive_train::recipe::shipped`], or a file.
    pub recipe: String,
    /// Settings of the recipe.
    pub recipe_settings: Vec<Setting>,
    /// The seeds; each is trained separately.
    pub seeds: Vec<u64>,
    /// Total number of threads of all runs.
    pub threads: u32,
    /// Number of runs at the same time; `None` to measure which is fastest.
    pub side_by_side: Option<u32>,
    /// The instruction set of the native trainer; `None` for the widest of this processor.
    pub isa: Option<String>,
    /// What computes the steps.
    #[serde(default)]
    pub trainer: TrainerName,
    /// The device, such as `cpu` or `cuda`; the native trainer has the processor only.
    #[serde(default = "cpu")]
    pub device: String,
    /// The Python that has PyTorch; one is searched for if it is not named.
    #[serde(default)]
    pub python: Option<PathBuf>,
    /// Where checkpoints and trained weights are kept.
    pub folder: PathBuf,
    /// The folder of a report that is written after the training, if there will be one.
    pub report: Option<PathBuf>,
    /// Whether runs that are already in the store are repeated.
    pub again: bool,
    /// The epoch after which runs pause at a checkpoint; a later call goes on from there. `None` to train to the end.
    #[serde(default)]
    pub until: Option<u32>,
}

fn cpu() -> String {
    "cpu".to_owned()
}

impl TrainPlan {
    /// One of its networks with one seed, alone. The other networks are not copied.
    pub(crate) fn only(&self, request: Request, seed: u64) -> Self {
        Self {
            requests: vec![request],
            seeds: vec![seed],
            side_by_side: Some(1),
            data: self.data.clone(),
            recipe: self.recipe.clone(),
            recipe_settings: self.recipe_settings.clone(),
            isa: self.isa.clone(),
            device: self.device.clone(),
            python: self.python.clone(),
            folder: self.folder.clone(),
            report: self.report.clone(),
            threads: self.threads,
            trainer: self.trainer,
            again: self.again,
            until: self.until,
        }
    }

    /// Where checkpoints and trained weights are kept unless another folder is chosen: `trained` beside the store.
    pub fn folder_beside(store: &Path) -> PathBuf {
        store.parent().unwrap_or(Path::new("")).join("trained")
    }
}
