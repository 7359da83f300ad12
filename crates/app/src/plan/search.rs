//! Searches whose stages are plans: each stage is written when the results of the one before are there.

use std::path::{Path, PathBuf};

use inceptive_results::{Exploration, Measurement, TrainingRun};
use inceptive_store::Store;

use super::{
    result::Results,
    tasks::{EngineChoice, OpenPlan},
    write::{WrittenPlan, write_bench, write_training},
};
use crate::{
    bench::BenchPlan,
    error::{PlanError, TaskError},
    explore::{Elsewhere, ExplorePlan, TrainedElsewhere, explore_elsewhere, read_space},
    running::{TaskContext, TaskEvent},
    train::TrainPlan,
};

/// Where checkpoints and weights are, as seen from the plan of a stage: all stages go on with them.
const TRAINED: &str = "../trained";

/// How far a search is.
#[derive(Clone, Debug)]
pub enum SearchStage {
    /// The tasks of a plan have to be done first.
    Waiting {
        /// The folder of the plan.
        folder: PathBuf,
        /// Its tasks.
        tasks: usize,
        /// How many of them have no result.
        missing: usize,
        /// Whether the plan was written just now.
        is_new: bool,
    },
    /// It came to its end.
    Finished(Box<Exploration>),
}

/// Goes on with a search whose networks are trained and measured by tasks of plans: a folder for each stage. Writes the plan
/// of the stage that the results allow, or finishes the search, which is saved in the store.
///
/// # Errors
/// When the space, the data set or a result cannot be read, a folder has something else, or no number of networks is given.
pub fn explore_planned(
    plan: &ExplorePlan,
    engines: EngineChoice,
    folder: &Path,
    context: &TaskContext<'_>,
    store: &mut Store,
    listen: &mut dyn FnMut(TaskEvent),
) -> Result<SearchStage, TaskError> {
    if plan.networks.is_none() {
        return Err(PlanError::NoNetworks.into());
    }
    let files = read_space(&plan.space)?.files;
    let mut stages = Stages { folder, engines, files, waiting: None };
    match explore_elsewhere(plan, &mut stages, context, store, listen) {
        Ok(Some(exploration)) => Ok(SearchStage::Finished(Box::new(exploration))),
        Ok(None) => Err(TaskError::NoResult),
        Err(TaskError::NotYet) => stages.waiting.ok_or(TaskError::NotYet),
        Err(other) => Err(other),
    }
}

/// The plans of a search.
struct Stages<'s> {
    folder: &'s Path,
    engines: EngineChoice,
    /// The files of the space.
    files: Vec<PathBuf>,
    /// The stage whose results are missing.
    waiting: Option<SearchStage>,
}

impl Stages<'_> {
    /// The results of all tasks of a stage, in order.
    fn results(
        &mut self,
        folder: PathBuf,
        written: &WrittenPlan,
    ) -> Result<Vec<super::result::TaskResult>, TaskError> {
        let open = OpenPlan::read(&folder)?;
        let results = Results::of_plan(&open.folder)?;
        let tasks = written.plan.len();
        let found: Vec<_> =
            (0..tasks).filter_map(|it| results.get(&open.task_id(it)).cloned()).collect();
        if found.len() == tasks {
            return Ok(found);
        }
        let (missing, is_new) = (tasks - found.len(), written.is_new);
        self.waiting = Some(SearchStage::Waiting { folder, tasks, missing, is_new });
        Err(TaskError::NotYet)
    }
}

impl Elsewhere for Stages<'_> {
    fn train(
        &mut self,
        plan: &TrainPlan,
        rung: Option<usize>,
    ) -> Result<Vec<TrainedElsewhere>, TaskError> {
        let name = match rung {
            Some(rung) => format!("rung-{}", rung + 1),
            None => "seeds".to_owned(),
        };
        let folder = self.folder.join(name);
        let written = write_training(plan, self.files.clone(), &folder, TRAINED)?;
        let networks = plan.requests.len();
        let results = self.results(folder, &written)?;
        let trained = results.into_iter().map(|result| TrainedElsewhere {
            network: result.task % networks,
            run: result.records.iter().find_map(|record| record.read::<TrainingRun>()),
            epochs: result.epochs,
        });
        Ok(trained.collect())
    }

    fn measure(&mut self, plan: &BenchPlan) -> Result<Vec<Measurement>, TaskError> {
        let folder = self.folder.join("latencies");
        let written = write_bench(plan, self.engines.clone(), self.files.clone(), &folder)?;
        let results = self.results(folder, &written)?;
        let records = results.iter().flat_map(|result| &result.records);
        Ok(records.filter_map(|record| record.read()).collect())
    }
}
