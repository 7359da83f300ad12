//! Long tasks.

use inceptive_store::Store;
use serde::{Deserialize, Serialize};

use crate::{
    bench::{BenchPlan, bench},
    calibrate::{CalibratePlan, calibrate},
    compare_spaces::{CompareSpacesPlan, compare_spaces},
    explore::{ExplorePlan, explore},
    profile::{ProfilePlan, profile},
    running::{TaskContext, TaskEvent, TaskOutcome},
    train::{TrainPlan, train},
};

/// A request for a long task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Measure latencies.
    Bench(BenchPlan),
    /// Measure the time of each node.
    Profile(ProfilePlan),
    /// Train networks.
    Train(TrainPlan),
    /// Search a space of networks.
    Explore(ExplorePlan),
    /// Compare two spaces of networks.
    CompareSpaces(CompareSpacesPlan),
    /// Fit a model of latencies.
    Calibrate(CalibratePlan),
}

impl Task {
    /// Runs it to its end, or until it is stopped. Each result is in the store before it is reported.
    pub fn run(
        &self,
        context: &TaskContext<'_>,
        store: &mut Store,
        listen: &mut dyn FnMut(TaskEvent),
    ) -> TaskOutcome {
        match self {
            Self::Bench(plan) => bench(plan, context, store, listen),
            Self::Profile(plan) => profile(plan, context, store, listen),
            Self::Train(plan) => train(plan, context, store, listen),
            Self::Explore(plan) => explore(plan, context, store, listen),
            Self::CompareSpaces(plan) => compare_spaces(plan, context, store, listen),
            Self::Calibrate(plan) => calibrate(plan, context, store, listen),
        }
    }

    /// The device that its engines use.
    pub fn device(&self) -> &str {
        match self {
            Self::Bench(plan) => &plan.device,
            Self::Profile(plan) => &plan.device,
            Self::Train(plan) => &plan.device,
            Self::Explore(_) | Self::CompareSpaces(_) => "cpu",
            Self::Calibrate(plan) => &plan.device,
        }
    }
}
