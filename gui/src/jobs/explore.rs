//! Counts whole spaces, searches and compares them, as [`inceptive_app`] does it.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use inceptive_app::{
    CompareSpacesPlan, CountRequest, ExplorePlan, SpaceCounts, SpacePoints, Task, TaskContext,
    TaskOutcome, TrainPlan, count_space, error_chain,
};
use inceptive_dsl::{Constraint, Setting, Space};
use inceptive_explore::Understood;
use inceptive_format::exact;
use inceptive_results::{Exploration, Objective, Preference, ProxyScore};
use inceptive_store::Store;

use super::{
    Output, Progress, Reporter, Tools,
    measure::chosen,
    train::{TrainingGuard, follow},
};
use crate::file::FilePath;

/// Networks that are drawn at random to be shown: a plot by density looks the same with more.
const SAMPLE: usize = 100_000;

/// A space whose networks are all counted.
#[derive(Clone, Debug)]
pub struct CountSpaceRequest {
    /// The file.
    pub file: FilePath,
    /// The space as read from its file.
    pub space: Arc<Space>,
    /// Conditions beside those of the space.
    pub conditions: Vec<Constraint>,
    /// The objectives; of the space, if there are none.
    pub objectives: Vec<Objective>,
}

impl CountSpaceRequest {
    /// Whether both count the same.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.space, &other.space)
            && self.conditions == other.conditions
            && self.objectives == other.objectives
    }
}

/// What counting a space gave.
#[derive(Debug)]
pub struct CountedNetworks {
    /// What was counted.
    pub request: CountSpaceRequest,
    /// What was found; the networks of the front and of the sample are below.
    pub counts: SpaceCounts,
    /// The Pareto-optimal networks.
    pub front: SpacePoints,
    /// How many networks of the space have the objectives of each of them, itself included.
    pub equal: Vec<u64>,
    /// Networks that satisfy all conditions, drawn at random; all of them, if there are few.
    pub sample: SpacePoints,
}

/// Counts all networks of a space, or as many as a very large one allows.
pub(super) fn count(request: CountSpaceRequest, report: &Reporter) -> Output {
    let wanted = CountRequest {
        conditions: request.conditions.clone(),
        objectives: request.objectives.clone(),
        sample: SAMPLE,
        seed: 0,
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    };
    let mut counts = count_space(&request.space, &wanted, &|done, of| {
        let activity = format!("{} of {} networks", exact(done as u64), exact(of as u64));
        report.progress(Progress { share: done as f32 / of.max(1) as f32, activity });
        if report.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let (variables, survey) = (request.space.variables.len(), &mut counts.survey);
    let sample = std::mem::take(&mut survey.sample);
    let front = std::mem::take(&mut survey.front);
    Output::SpaceCounted(Arc::new(CountedNetworks {
        front: SpacePoints::of_survey(variables, front.iter().map(|member| &member.network)),
        equal: front.iter().map(|member| member.equal).collect(),
        sample: SpacePoints::of_survey(variables, sample.iter()),
        request,
        counts,
    }))
}

/// A search whose networks are looked at: what do they say about the variables?
#[derive(Clone, Debug)]
pub struct UnderstandRequest {
    /// Its number in the store.
    pub id: i64,
    /// What it found.
    pub exploration: Arc<Exploration>,
}

/// Finds which variables decide about accuracy; the intervals take a while.
pub(super) fn understand(request: &UnderstandRequest) -> Output {
    Output::Understood(request.id, Arc::new(Understood::of(&request.exploration)))
}

/// A search in a space under a budget of time.
#[derive(Clone, Debug)]
pub struct ExploreRequest {
    /// The file of the space.
    pub space: FilePath,
    /// Conditions beside those of the space.
    pub conditions: Vec<String>,
    /// The objectives; of the space, if there are none.
    pub objectives: Vec<Objective>,
    /// The data set.
    pub data: String,
    /// The recipe: a name or a file.
    pub recipe: String,
    /// Settings of the recipe.
    pub recipe_settings: Vec<Setting>,
    /// Time for the whole search.
    pub budget: Duration,
    /// The number of networks to train, whatever the budget.
    pub networks: Option<u32>,
    /// Seeds of each finalist.
    pub seeds: u32,
    /// The engine that latencies are measured with; `None` to measure none.
    pub engine: Option<String>,
    /// Scores of untrained networks that the surrogate may use.
    pub scores: Vec<ProxyScore>,
    /// Where results are saved; weights and checkpoints are saved beside it.
    pub store: PathBuf,
}

/// Searches a space. What was trained and measured before a stop is in the store, and the same search continues from there.
pub(super) fn explore(
    request: &ExploreRequest,
    tools: Tools,
    report: &Reporter,
) -> Result<Output, String> {
    let threads = tools.machine.default_threads().get();
    let task = Task::Explore(ExplorePlan {
        space: request.space.to_path_buf(),
        conditions: request.conditions.clone(),
        objectives: request.objectives.clone(),
        data: request.data.clone(),
        recipe: request.recipe.clone(),
        recipe_settings: request.recipe_settings.clone(),
        budget: request.budget,
        networks: request.networks,
        seeds: request.seeds,
        seed: 0,
        threads,
        latency_threads: threads,
        engine: request.engine.clone(),
        side_by_side: None,
        folder: TrainPlan::folder_beside(&request.store),
        again: false,
        scores: request.scores.clone(),
        preference: Preference::default(),
    });
    let outcome = run(&task, request.engine.as_ref(), &request.store, tools, report)?;
    match outcome.exploration {
        _ if report.is_stopped() => Err("stopped".to_owned()),
        None => Err("the search ended without a result".to_owned()),
        Some(_) => Ok(Output::Trained(outcome.inputs)),
    }
}

/// Two spaces to compare by networks that are drawn from each.
#[derive(Clone, Debug)]
pub struct CompareSpacesRequest {
    /// The files of the spaces.
    pub spaces: [FilePath; 2],
    /// Conditions beside those of the spaces.
    pub conditions: Vec<String>,
    /// The data set.
    pub data: String,
    /// The recipe: a name or a file.
    pub recipe: String,
    /// Settings of the recipe.
    pub recipe_settings: Vec<Setting>,
    /// Networks that are drawn from each space.
    pub networks: u32,
    /// Where results are saved; weights and checkpoints are saved beside it.
    pub store: PathBuf,
}

/// Compares two spaces. What was trained before a stop is in the store.
pub(super) fn compare(
    request: &CompareSpacesRequest,
    tools: Tools,
    report: &Reporter,
) -> Result<Output, String> {
    let task = Task::CompareSpaces(CompareSpacesPlan {
        spaces: request.spaces.each_ref().map(|file| file.to_path_buf()),
        conditions: request.conditions.clone(),
        data: request.data.clone(),
        recipe: request.recipe.clone(),
        recipe_settings: request.recipe_settings.clone(),
        networks: request.networks,
        seed: 0,
        threads: tools.machine.default_threads().get(),
        folder: TrainPlan::folder_beside(&request.store),
    });
    let outcome = run(&task, None, &request.store, tools, report)?;
    match outcome.space_comparison {
        _ if report.is_stopped() => Err("stopped".to_owned()),
        None => Err("the comparison ended without a result".to_owned()),
        Some(found) => Ok(Output::SpacesCompared(Arc::new(found), outcome.inputs)),
    }
}

/// Runs a task that trains, and measures with an engine if one is named; reports its events.
fn run(
    task: &Task,
    engine: Option<&String>,
    store: &Path,
    tools: Tools,
    report: &Reporter,
) -> Result<TaskOutcome, String> {
    let engines = match engine {
        Some(engine) => chosen(tools.engines, std::slice::from_ref(engine), task.device(), report)?,
        None => vec![],
    };
    let mut store = Store::open(store).map_err(|error| error_chain(&error))?;
    let turns = report.turns();
    let _guard = TrainingGuard::new(turns);
    let context = TaskContext {
        engines: &engines,
        host: tools.host.as_ref(),
        machine: &tools.machine,
        roofline: &tools.roofline,
        available_bytes: tools.available_bytes,
        stop: report.stop_flag(),
        wait: turns.measures(),
    };
    Ok(task.run(&context, &mut store, &mut follow(report)))
}
