//! What is done of a plan.

use inceptive_dsl::Space;
use inceptive_results::{Machine, Objective, SpaceCount};

use super::{
    result::{BrokenFile, Results},
    tasks::{OpenPlan, TaskPart, Work},
    worker::WorkerPlan,
};
use crate::{
    error::{PlanError, TaskError},
    explore::{PartPlan, SpaceCounts, read_conditions, read_space},
};

/// What is done of a plan.
#[derive(Debug)]
pub struct PlanStatus {
    /// Number of tasks.
    pub tasks: usize,
    /// The tasks without a result: number and name.
    pub missing: Vec<(usize, String)>,
    /// Results of tasks that have another one, which counts.
    pub repeated: usize,
    /// Files that are no results.
    pub broken: Vec<BrokenFile>,
}

impl PlanStatus {
    pub(super) fn new(open: &OpenPlan) -> Result<Self, PlanError> {
        let results = Results::of_plan(open)?;
        let tasks = open.plan.len();
        let lacks = |number: &usize| results.get(&open.task_id(*number)).is_none();
        let missing = (0..tasks).filter(lacks).map(|number| (number, open.plan.name(number)));
        Ok(Self {
            tasks,
            missing: missing.collect(),
            repeated: results.tasks.values().map(|files| files.len() - 1).sum(),
            broken: results.broken,
        })
    }

    /// How many tasks have a result.
    pub fn done(&self) -> usize {
        self.tasks - self.missing.len()
    }
}

/// What the parts of a space say together, those that were counted; `None` if none was.
///
/// # Errors
/// When the space or the results cannot be read, or the plan is not one of counting.
pub fn united_counts(
    plan: &WorkerPlan,
    machine: &Machine,
    threads: usize,
) -> Result<Option<(Space, SpaceCounts)>, TaskError> {
    let open = &plan.open;
    let Work::Count { space, conditions, objectives, .. } = &open.plan.work else {
        return Err(PlanError::Choice("the plan does not count a space".to_owned()).into());
    };
    let results = Results::of_plan(open)?;
    let mut parts: Vec<SpaceCount> = vec![];
    for task in 0..open.plan.len() {
        let found = results.get(&open.task_id(task)).and_then(|it| it.records.first()?.read());
        let (Some(part), Some(TaskPart::Count(planned))) = (found, open.plan.part(task)) else {
            continue;
        };
        let part: SpaceCount = part;
        let found = part.first..part.first.saturating_add(part.points);
        if found != planned {
            return Err(PlanError::Part { task, found, planned }.into());
        }
        parts.push(part);
    }
    if parts.is_empty() {
        return Ok(None);
    }
    let space = read_space(&open.inputs().join(space))?;
    let (conditions, objectives) = (
        read_conditions(conditions)?,
        objectives.iter().copied().map(Objective::from).collect::<Vec<_>>(),
    );
    let part = PartPlan {
        space: &space,
        conditions: &conditions,
        objectives: &objectives,
        threads,
        machine,
    };
    let counts = part.unite(&parts);
    Ok(counts.map(|counts| (space, counts)))
}
