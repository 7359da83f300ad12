//! Searching a space whose accuracies are known from a table.

use std::{collections::BTreeMap, ops::ControlFlow, path::PathBuf, sync::atomic::AtomicBool};

use inceptive_dsl::{Constraint, Space};
use inceptive_explore::{
    Counted, Evaluated, Observed, Pool, Proposer, Scored, Understood, axes, count, counted_cost,
    guided, knee, pareto_front, rank_correlation,
};
use inceptive_results::{
    AccuracyJudgement, Counts, Direction, Metric, Objective, ProxyScore, Source,
};

use super::{accuracy_table, count::labels, scores::Scoring};
use crate::error::{ExploreError, TaskError};

/// A search in a space whose accuracies are known.
#[derive(Clone, Debug)]
pub struct TableRequest {
    /// The table: a column for each variable of the space, one for `accuracy` in percent, and optionally one for `seed`.
    pub table: PathBuf,
    /// Conditions that networks satisfy, beside those of the space.
    pub conditions: Vec<Constraint>,
    /// The objectives; of the space, if there are none.
    pub objectives: Vec<Objective>,
    /// How many networks may be looked up; all of them, if none is given.
    pub networks: Option<usize>,
    /// Scores of untrained networks that the surrogate may use.
    pub scores: Vec<ProxyScore>,
    /// Maximum memory in bytes, which scores need.
    pub most_bytes: u64,
    /// The seed of the search.
    pub seed: u64,
    /// Number of threads.
    pub threads: usize,
}

/// A network of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableNetwork {
    /// The value of each variable.
    pub values: Vec<String>,
    /// What it costs.
    pub counts: Counts,
    /// Its mean accuracy over the rows of the table, in percent.
    pub accuracy: f64,
    /// How many rows.
    pub rows: usize,
    /// Whether it is Pareto-optimal among those that were looked up.
    pub on_front: bool,
}

/// What a search in a table found.
#[derive(Clone, Debug)]
pub struct TableSearch {
    /// Networks in the table.
    pub listed: usize,
    /// How many of them are no network in the space, because their values do not fit together; they are left out.
    pub refused: usize,
    /// How many of them satisfy all conditions.
    pub feasible: usize,
    /// The objectives that could be used.
    pub objectives: Vec<Objective>,
    /// Objectives that a table cannot know.
    pub unknown: Vec<Metric>,
    /// The networks that were looked up, in this order.
    pub networks: Vec<TableNetwork>,
    /// How many of them a surrogate chose.
    pub guided: usize,
    /// The last judgement on the surrogate.
    pub judgement: Option<AccuracyJudgement>,
    /// Rank correlation between the first two seeds of each network of the table: what no prediction exceeds by much.
    pub ceiling: Option<f64>,
    /// The place in `networks` of the knee, for accuracy and one cost.
    pub knee: Option<usize>,
    /// The best accuracy of the networks of the table that satisfy all conditions.
    pub best: Option<f64>,
    /// What the networks that were looked up say about the variables.
    pub understood: Understood,
}

impl TableSearch {
    /// The networks on the front, the cheapest first.
    pub fn front(&self) -> Vec<&TableNetwork> {
        let mut front: Vec<&TableNetwork> = self.networks.iter().filter(|it| it.on_front).collect();
        front.sort_by(|a, b| a.accuracy.total_cmp(&b.accuracy));
        front
    }
}

/// Searches a space with the accuracies of a table. `goes_on` is told how many networks of how many have their scores, and
/// decides whether to go on; a score that is being computed is given up soon after `stop` is set.
///
/// # Errors
/// When the table cannot be read or is about other networks, no network of it satisfies the conditions, or one has no score
/// that is wanted.
pub fn search_table(
    space: &Space,
    request: &TableRequest,
    stop: &AtomicBool,
    goes_on: &(dyn Fn(usize, usize) -> ControlFlow<()> + Sync),
) -> Result<TableSearch, TaskError> {
    let table = accuracy_table::read(space, &request.table)?;
    let points: Vec<Vec<usize>> = table.keys().cloned().collect();
    let counted = count(space, &points, request.threads, &|_| goes_on(0, points.len()));
    if counted.len() < points.len() {
        return Err(TaskError::Stopped);
    }
    let conditions = [space.constraints.clone(), request.conditions.clone()].concat();
    let feasible = Feasible::new(&table, &counted, &conditions);
    if feasible.rows.is_empty() {
        let networks = format!("none of the {} networks satisfies all conditions", table.len());
        return Err(ExploreError::Table { file: request.table.clone(), problem: networks }.into());
    }
    let own = if request.objectives.is_empty() { &space.objectives } else { &request.objectives };
    let (objectives, unknown) = usable(own);
    let evaluated = feasible.look_up(space, request, &objectives, stop, goes_on)?;
    let mut networks: Vec<TableNetwork> = evaluated
        .networks
        .iter()
        .map(|&(at, accuracy)| feasible.network(space, at, accuracy))
        .collect();
    let knee = mark_front(&mut networks, &objectives);
    let understood = understood(space, &networks, counted_cost(objectives.iter().copied()));
    Ok(TableSearch {
        listed: table.len(),
        refused: feasible.refused,
        feasible: feasible.rows.len(),
        objectives,
        unknown,
        guided: evaluated.guided,
        judgement: evaluated.judgement.or_else(|| understood.judgement.clone()),
        ceiling: ceiling(&table),
        knee,
        best: feasible.rows.iter().map(|row| mean(row.accuracies)).max_by(f64::total_cmp),
        understood,
        networks,
    })
}

/// The networks of a table that satisfy all conditions.
struct Feasible<'t> {
    rows: Vec<Row<'t>>,
    /// How many others are no networks.
    refused: usize,
}

struct Row<'t> {
    point: &'t [usize],
    counts: Counts,
    accuracies: &'t [f64],
}

impl<'t> Feasible<'t> {
    fn new(
        table: &'t BTreeMap<Vec<usize>, Vec<f64>>,
        counted: &[Counted],
        conditions: &[Constraint],
    ) -> Self {
        let mut feasible = Self { rows: vec![], refused: 0 };
        for ((point, accuracies), counted) in table.iter().zip(counted) {
            let Some(network) = counted.network else {
                feasible.refused += 1;
                continue;
            };
            let counts = network.counts;
            if conditions.iter().all(|it| it.holds(&|name| counts.by_name(name)) != Some(false)) {
                feasible.rows.push(Row { point, counts, accuracies });
            }
        }
        feasible
    }

    /// Looks up as many networks as may be, those that a surrogate chooses where it can.
    fn look_up(
        &self,
        space: &Space,
        request: &TableRequest,
        objectives: &[Objective],
        stop: &AtomicBool,
        goes_on: &(dyn Fn(usize, usize) -> ControlFlow<()> + Sync),
    ) -> Result<Evaluated, TaskError> {
        let means: Vec<f64> = self.rows.iter().map(|row| mean(row.accuracies)).collect();
        let most = request.networks.unwrap_or(means.len());
        let is_whole = most >= means.len();
        if is_whole && request.scores.is_empty() {
            let networks = means.into_iter().enumerate().collect();
            return Ok(Evaluated { networks, guided: 0, judgement: None });
        }
        let all = |metric| self.rows.iter().map(|row| value(&row.counts, metric)).collect();
        let weighs = objectives.iter().any(|it| it.metric.source() == Source::Counted);
        let metric = counted_cost(objectives.iter().copied());
        let points: Vec<Vec<usize>> = self.rows.iter().map(|row| row.point.to_vec()).collect();
        let params: Vec<f64> = all(Metric::Params);
        let costs: Vec<f64> = if weighs { all(metric) } else { vec![] };
        let total = points.len();
        let scores = self.scores(space, request, stop, goes_on)?;
        let (axes, costs, scores) = (&axes(space), &costs, &scores);
        let pool = Pool { axes, points: &points, params: &params, costs, scores };
        if is_whole {
            let networks: Vec<(usize, f64)> = means.into_iter().enumerate().collect();
            let judgement = Proposer::new(pool).judge(&networks, request.seed);
            return Ok(Evaluated { networks, guided: 0, judgement });
        }
        Ok(guided(pool, most, request.seed, &mut |at| match goes_on(total, total) {
            ControlFlow::Continue(()) => ControlFlow::Continue(means[at]),
            ControlFlow::Break(()) => ControlFlow::Break(()),
        }))
    }

    /// The scores of all networks.
    fn scores(
        &self,
        space: &Space,
        request: &TableRequest,
        stop: &AtomicBool,
        goes_on: &(dyn Fn(usize, usize) -> ControlFlow<()> + Sync),
    ) -> Result<Vec<Scored>, TaskError> {
        let points: Vec<&[usize]> = self.rows.iter().map(|row| row.point).collect();
        let scoring = Scoring {
            space,
            wanted: &request.scores,
            seed: request.seed,
            threads: request.threads,
            most_bytes: request.most_bytes,
            stop,
        };
        match request.scores.is_empty() {
            true => Ok(vec![]),
            false => scoring.scores(&points, &mut |done| goes_on(done, points.len())),
        }
    }

    fn network(&self, space: &Space, at: usize, accuracy: f64) -> TableNetwork {
        let row = &self.rows[at];
        TableNetwork {
            values: labels(space, row.point),
            counts: row.counts,
            accuracy,
            rows: row.accuracies.len(),
            on_front: false,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn value(counts: &Counts, metric: Metric) -> f64 {
    counts.get(metric).map_or(f64::NAN, |count| count as f64)
}

/// What networks that were looked up say about the variables.
fn understood(space: &Space, networks: &[TableNetwork], metric: Metric) -> Understood {
    let names: Vec<String> = space.variables.iter().map(|variable| variable.name.clone()).collect();
    let observed: Vec<Observed> = networks
        .iter()
        .map(|it| Observed {
            values: it.values.clone(),
            accuracy: it.accuracy,
            params: value(&it.counts, Metric::Params),
            cost: value(&it.counts, metric),
        })
        .collect();
    Understood::new(&names, &observed, metric)
}

/// The objectives that a table and counting decide, with an accuracy, and the metrics of the others.
fn usable(own: &[Objective]) -> (Vec<Objective>, Vec<Metric>) {
    let is_known =
        |it: &&Objective| it.metric == Metric::Top1 || it.metric.source() == Source::Counted;
    let mut usable: Vec<Objective> = own.iter().filter(is_known).copied().collect();
    let unknown = own.iter().filter(|it| !is_known(it)).map(|it| it.metric).collect();
    if usable.iter().all(|it| it.metric != Metric::Top1) {
        usable.insert(0, Objective { metric: Metric::Top1, direction: Direction::Maximize });
    }
    (usable, unknown)
}

/// Marks the networks of the front; the place of its knee, for two objectives.
fn mark_front(networks: &mut [TableNetwork], objectives: &[Objective]) -> Option<usize> {
    let cost = |network: &TableNetwork, Objective { metric, direction }: &Objective| {
        let value = match metric {
            Metric::Top1 => network.accuracy,
            other => value(&network.counts, *other),
        };
        if *direction == Direction::Minimize { value } else { -value }
    };
    let costs: Vec<Vec<f64>> = networks
        .iter()
        .map(|network| objectives.iter().map(|it| cost(network, it)).collect())
        .collect();
    let front = pareto_front(&costs);
    for &at in &front {
        networks[at].on_front = true;
    }
    let pairs: Option<Vec<[f64; 2]>> =
        front.iter().map(|&at| costs[at].clone().try_into().ok()).collect();
    pairs.and_then(|pairs| knee(&pairs)).map(|place| front[place])
}

#[expect(clippy::cast_precision_loss, reason = "few rows")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn ceiling(table: &BTreeMap<Vec<usize>, Vec<f64>>) -> Option<f64> {
    let pairs: (Vec<f64>, Vec<f64>) =
        table.values().filter_map(|seeds| Some((*seeds.first()?, *seeds.get(1)?))).unzip();
    rank_correlation(&pairs.0, &pairs.1)
}
