//! Searches whose stages are plans: each stage is written when the results of the one before are there.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use inceptive_files::{InputFiles, read_text, replace_file};
use inceptive_results::{Exploration, Measurement, TrainingRun};
use inceptive_store::Store;

use super::{
    result::Results,
    tasks::{EngineChoice, OpenPlan, TRAINED},
    write::{WrittenPlan, write_bench, write_training},
};
use crate::{
    bench::BenchPlan,
    error::{PlanError, TaskError},
    explore::{
        Elsewhere, ExplorePlan, TrainStage, TrainedElsewhere, explore_elsewhere, read_space,
    },
    running::{TaskContext, TaskEvent},
    train::TrainPlan,
};

/// The numbers of the tasks of a stage that the search goes on without, one a line. Results that come later do not count, so that
/// the stages after it stay as they are.
const LEFT_OUT_FILE: &str = "left-out.txt";

/// Maximum size of this file.
const MAX_LEFT_OUT_BYTES: u64 = 1 << 24;

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
/// of the stage that the results allow, or finishes the search, which is saved in the store. `leaves_out` makes it go on without
/// the tasks of a stage that have no result, if others have one.
///
/// # Errors
/// When the space, the data set or a result cannot be read, a folder has something else, or no number of networks is given.
pub fn explore_planned(
    plan: &ExplorePlan,
    engines: EngineChoice,
    leaves_out: bool,
    folder: &Path,
    context: &TaskContext<'_>,
    store: &mut Store,
    listen: &mut dyn FnMut(TaskEvent),
) -> Result<SearchStage, TaskError> {
    if plan.networks.is_none() {
        return Err(PlanError::NoNetworks.into());
    }
    let files = read_space(&plan.space)?.files;
    let mut stages = Stages { folder, engines, files, leaves_out, waiting: None };
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
    /// Whether to go on without the tasks that have no result.
    leaves_out: bool,
    /// The stage whose results are missing.
    waiting: Option<SearchStage>,
}

impl Stages<'_> {
    /// The results of the tasks of a stage, in order, without those that were left out.
    fn results(
        &mut self,
        folder: PathBuf,
        written: &WrittenPlan,
    ) -> Result<Vec<super::result::TaskResult>, TaskError> {
        let open = OpenPlan::read(&folder)?;
        let results = Results::of_plan(&open)?;
        let tasks = written.plan.len();
        let file = folder.join(LEFT_OUT_FILE);
        let mut left_out = read_left_out(&file)?;
        let is_missing = |task: &usize| results.get(&open.task_id(*task)).is_none();
        let mut missing: Vec<usize> =
            (0..tasks).filter(|task| !left_out.contains(task) && is_missing(task)).collect();
        if self.leaves_out && !missing.is_empty() && missing.len() + left_out.len() < tasks {
            left_out.extend(missing.drain(..));
            let text: String = left_out.iter().map(|task| format!("{task}\n")).collect();
            replace_file(&file, text.as_bytes(), &InputFiles::default())
                .map_err(PlanError::Write)?;
        }
        if missing.is_empty() {
            let counted = (0..tasks).filter(|task| !left_out.contains(task));
            return Ok(counted
                .filter_map(|task| results.get(&open.task_id(task)).cloned())
                .collect());
        }
        let (missing, is_new) = (missing.len(), written.is_new);
        self.waiting = Some(SearchStage::Waiting { folder, tasks, missing, is_new });
        Err(TaskError::NotYet)
    }
}

/// The tasks that are left out of a stage; none without the file.
fn read_left_out(file: &Path) -> Result<BTreeSet<usize>, PlanError> {
    if !file.exists() {
        return Ok(BTreeSet::new());
    }
    let text = read_text(file, MAX_LEFT_OUT_BYTES)
        .map_err(|error| PlanError::Read { path: file.to_owned(), error })?;
    // The line is not quoted: the folder may be a stranger's, and the file a link to another one.
    let number = |(at, line): (usize, &str)| {
        line.trim().parse().map_err(|_| PlanError::Unreadable {
            file: file.to_owned(),
            reason: format!("line {} is not the number of a task", at + 1),
        })
    };
    text.lines().enumerate().map(number).collect()
}

impl Elsewhere for Stages<'_> {
    fn train(
        &mut self,
        plan: &TrainPlan,
        stage: TrainStage,
    ) -> Result<Vec<TrainedElsewhere>, TaskError> {
        let name = match stage {
            TrainStage::Rung(rung, 0) => format!("rung-{}", rung + 1),
            TrainStage::Rung(rung, wave) => format!("rung-{}-wave-{}", rung + 1, wave + 1),
            TrainStage::Seeds => "seeds".to_owned(),
        };
        let folder = self.folder.join(name);
        // As seen from the plan of a stage: all stages go on with the same checkpoints.
        let trained = Path::new("..").join(TRAINED);
        let written = write_training(plan, self.files.clone(), &folder, &trained)?;
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
