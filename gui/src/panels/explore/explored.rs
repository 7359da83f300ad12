//! The networks of a search, as far as they are known.

use inceptive_explore::{Finalist, finalists};
use inceptive_results::{
    Direction, Exploration, ExploredNetwork, ExploredOutcome, Metric, Objective,
    statistics::Estimate,
};

use super::{chosen::Point, list::Shown};
use crate::model::Search;

/// What became of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is not trained yet.
    Waits,
    /// It is trained now.
    Trains,
    /// It is not trained further.
    Dropped,
    /// It diverged.
    Diverged,
    /// It was trained with the whole recipe, but with one seed only.
    Whole,
    /// It was trained with all seeds.
    Finalist(Finalist),
}

/// A network of a search.
pub(super) struct Explored<'a> {
    pub network: &'a ExploredNetwork,
    /// Finished epochs of the first seed.
    pub epochs: u32,
    /// Accuracy on validation images after them, in percent.
    pub validation: Option<f64>,
    pub fate: Fate,
}

impl<'a> Explored<'a> {
    /// What is known of it at the end.
    pub fn outcome(&self) -> Option<&'a ExploredOutcome> {
        self.network.outcome.as_ref()
    }

    /// A cost with its interval.
    pub fn cost(&self, metric: Metric) -> Option<Estimate> {
        match metric {
            Metric::Latency => self.outcome()?.latency_ms,
            other => self.network.value(other).map(Estimate::exact),
        }
    }

    /// Its values.
    pub fn point(&self, exploration: &Exploration) -> Point {
        let names = exploration.space.variables.iter().cloned();
        names.zip(self.network.values.iter().cloned()).collect()
    }
}

/// The networks of a search, in the order of its plan.
pub(super) fn networks(shown: Shown<'_>) -> Vec<Explored<'_>> {
    let Some(exploration) = shown.exploration() else { return vec![] };
    let search = match shown {
        Shown::Live(job) if !exploration.is_finished() => Some(&job.search),
        _ => None,
    };
    let finalists = finalists(exploration);
    let all = exploration.networks.iter().enumerate();
    all.map(|(at, network)| {
        let (epochs, validation, fate) = match search {
            Some(search) => following(network, search, search.finalists.contains(&at)),
            None => {
                let finalist = finalists.iter().find(|it| it.network == at).copied();
                over(network, exploration, finalist)
            }
        };
        Explored { network, epochs, validation, fate }
    })
    .collect()
}

/// A network of a search that runs.
fn following(
    network: &ExploredNetwork,
    search: &Search,
    is_finalist: bool,
) -> (u32, Option<f64>, Fate) {
    let reached = search.reached(network);
    let fate = match reached {
        _ if search.is_training(network) => Fate::Trains,
        None => Fate::Waits,
        Some(reached) if reached.top1.is_none() => Fate::Diverged,
        Some(_) if is_finalist => Fate::Whole,
        Some(_) => Fate::Dropped,
    };
    let epochs = reached.map_or(0, |reached| reached.epochs);
    (epochs, reached.and_then(|reached| reached.top1), fate)
}

/// A network of a search that is over, or was interrupted.
fn over(
    network: &ExploredNetwork,
    exploration: &Exploration,
    finalist: Option<Finalist>,
) -> (u32, Option<f64>, Fate) {
    let rungs = network.rungs.len();
    let epochs = rungs.checked_sub(1).and_then(|rung| exploration.rungs.get(rung));
    let epochs = epochs.map_or(0, |[epochs, _]| *epochs);
    let last = network.rungs.last().copied();
    let fate = match (finalist, last) {
        (Some(finalist), _) => Fate::Finalist(finalist),
        (None, None) => Fate::Waits,
        (None, Some(None)) => Fate::Diverged,
        (None, Some(Some(_))) if network.outcome.is_some() => Fate::Whole,
        (None, Some(Some(_))) => Fate::Dropped,
    };
    (epochs, last.flatten(), fate)
}

/// The costs that networks can be drawn by: the objectives first.
pub(super) fn costs(exploration: &Exploration, networks: &[Explored<'_>]) -> Vec<Metric> {
    let objectives = exploration.request.objectives.iter().map(|objective| objective.metric);
    let wanted = objectives.filter(|&metric| metric != Metric::Top1);
    let others = [Metric::Macs, Metric::Params, Metric::Acts, Metric::Flops, Metric::Latency];
    let mut costs: Vec<Metric> = vec![];
    for metric in wanted.chain(others) {
        let is_known = networks.iter().any(|network| network.cost(metric).is_some());
        if is_known && !costs.contains(&metric) {
            costs.push(metric);
        }
    }
    costs
}

/// Whether more of a metric is wanted.
pub(super) fn wants_more(exploration: &Exploration, metric: Metric) -> bool {
    let all = exploration.request.objectives.iter().map(|&objective| Objective::from(objective));
    let own = all.into_iter().find(|objective| objective.metric == metric);
    own.map_or(metric.direction(), |objective| objective.direction) == Direction::Maximize
}
