//! Comparing two spaces by networks that are drawn at random from each and trained.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use inceptive_dsl::{Setting, Space};
use inceptive_explore::{Surveyed, compare, distribution};
use inceptive_results::TrainingRun;
use inceptive_store::Store;
use serde::{Deserialize, Serialize};

use crate::{
    error::{ExploreError, LEAST_NETWORKS, TaskError},
    explore::{CountRequest, count_space, labels, read_conditions, read_space},
    measured::Request,
    running::{Found, Running, TaskContext, TaskEvent, TaskOutcome},
    space_comparison::{ComparedSpace, SpaceComparison},
    train::{TrainPlan, TrainerName, train},
};

/// Two spaces to compare, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompareSpacesPlan {
    /// The files of the spaces.
    pub spaces: [PathBuf; 2],
    /// Conditions beside those of the spaces, such as `macs < 10M`.
    pub conditions: Vec<String>,
    /// The data set.
    pub data: String,
    /// The recipe.
    pub recipe: String,
    /// Settings of the recipe.
    pub recipe_settings: Vec<Setting>,
    /// Networks that are drawn from each space.
    pub networks: u32,
    /// The seed of the draw and of training.
    pub seed: u64,
    /// Total number of threads.
    pub threads: u32,
    /// Where checkpoints and trained weights are kept.
    pub folder: PathBuf,
}

/// Draws networks from both spaces, trains them, and compares. Runs that are in the store are not repeated.
pub(crate) fn compare_spaces(
    plan: &CompareSpacesPlan,
    context: &TaskContext<'_>,
    store: &mut Store,
    listen: &mut dyn FnMut(TaskEvent),
) -> TaskOutcome {
    let mut running = Running::new(context, store, listen);
    let found = compared(plan, &mut running).unwrap_or_else(|error| {
        running.fail(error);
        Found::default()
    });
    running.finish(found)
}

fn compared(plan: &CompareSpacesPlan, running: &mut Running<'_>) -> Result<Found, TaskError> {
    if (plan.networks as usize) < LEAST_NETWORKS {
        return Err(ExploreError::FewCompared(plan.networks).into());
    }
    let [first, second] = [Drawn::new(plan, 0, running)?, Drawn::new(plan, 1, running)?];
    let requests = [first.requests.clone(), second.requests.clone()].concat();
    let training = plan.training(requests);
    let outcome = running.within(|context, store, listen| train(&training, context, store, listen));
    if running.wants_stop() {
        return Err(TaskError::Paused);
    }
    let runs = outcome.training_runs;
    let spaces = [first.compared(&runs, plan.seed), second.compared(&runs, plan.seed)];
    let comparison = compare(&spaces[0].accuracies, &spaces[1].accuracies, plan.seed);
    let (data, recipe) = (plan.data.clone(), plan.recipe.clone());
    Ok(Found {
        training_runs: runs,
        space_comparison: Some(SpaceComparison { data, recipe, spaces, comparison }),
        inputs: outcome.inputs,
        ..Found::default()
    })
}

impl CompareSpacesPlan {
    fn training(&self, requests: Vec<Request>) -> TrainPlan {
        TrainPlan {
            requests,
            data: self.data.clone(),
            recipe: self.recipe.clone(),
            recipe_settings: self.recipe_settings.clone(),
            seeds: vec![self.seed],
            threads: self.threads,
            side_by_side: None,
            isa: None,
            trainer: TrainerName::Native,
            device: "cpu".to_owned(),
            python: None,
            folder: self.folder.clone(),
            report: None,
            again: false,
            until: None,
        }
    }
}

/// A space, and networks that were drawn from it.
struct Drawn {
    title: String,
    file: PathBuf,
    requests: Vec<Request>,
}

impl Drawn {
    fn new(
        plan: &CompareSpacesPlan,
        at: usize,
        running: &mut Running<'_>,
    ) -> Result<Self, TaskError> {
        let space = read_space(&plan.spaces[at])?;
        running.progress(0.0, format!("counting {}", space.title));
        let wanted = CountRequest {
            conditions: read_conditions(&plan.conditions)?,
            objectives: vec![],
            sample: plan.networks as usize,
            seed: plan.seed,
            threads: plan.threads as usize,
        };
        let stop: &AtomicBool = running.context.stop;
        let counts = count_space(&space, &wanted, &|_, _| match stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
        if running.wants_stop() {
            return Err(TaskError::Stopped);
        }
        if counts.survey.inside == 0 {
            let reasons = counts.reasons(&space);
            return Err(ExploreError::Nothing { space: space.title.clone(), reasons }.into());
        }
        let drawn = |network: &Surveyed| request(&space, network);
        Ok(Self {
            title: space.title.clone(),
            file: space.file.clone(),
            requests: counts.survey.sample.iter().map(drawn).collect(),
        })
    }

    fn compared(self, runs: &[TrainingRun], seed: u64) -> ComparedSpace {
        let is_own =
            |run: &&TrainingRun| Path::new(&run.subject.file) == self.file && run.is_finished();
        let accuracies: Vec<f64> =
            runs.iter().filter(is_own).filter_map(|run| run.test_top1).collect();
        let errors: Vec<f64> = accuracies.iter().map(|accuracy| 100.0 - accuracy).collect();
        ComparedSpace {
            title: self.title,
            file: self.file,
            drawn: self.requests.len(),
            accuracies,
            distribution: distribution(&errors, seed),
        }
    }
}

fn request(space: &Space, network: &Surveyed) -> Request {
    let names = space.variables.iter().map(|variable| variable.name.clone());
    let settings = names
        .zip(labels(space, &network.choices))
        .map(|(key, value)| Setting { key, value })
        .collect();
    Request { file: space.file.clone(), settings }
}
