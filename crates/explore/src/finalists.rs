//! The networks that a search ends with, compared with each other.

use inceptive_results::{
    Direction, Exploration, ExploredNetwork, ExploredOutcome, Metric, Objective,
    statistics::Estimate,
};

use crate::pareto::knee;

/// A network that was trained with all seeds, and how it compares with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finalist {
    /// Its place among the networks of the exploration.
    pub network: usize,
    /// Whether it is the knee of the front of accuracy and the first cost.
    pub is_knee: bool,
    /// The place of the most accurate of the finalists that cost no more and whose accuracies cannot be told apart from
    /// its own, because the intervals overlap.
    pub tied_with: Option<usize>,
}

/// The cost that accuracy is weighed against: the first objective that is no accuracy, or multiply-accumulates.
pub fn first_cost(exploration: &Exploration) -> Objective {
    let first = costs(exploration).into_iter().next();
    first.unwrap_or(Objective { metric: Metric::Macs, direction: Direction::Minimize })
}

/// The finalists of a search, those of the lowest first cost first.
pub fn finalists(exploration: &Exploration) -> Vec<Finalist> {
    let costs = costs(exploration);
    let first = first_cost(exploration);
    let cost =
        |network: &ExploredNetwork| as_cost(network, first).map_or(f64::INFINITY, |it| it.value);
    let mut known: Vec<(usize, &ExploredNetwork, &ExploredOutcome)> = exploration
        .networks
        .iter()
        .enumerate()
        .filter_map(|(at, network)| Some((at, network, network.outcome.as_ref()?)))
        .filter(|(.., outcome)| outcome.probability.is_some())
        .collect();
    known.sort_by(|(_, a, _), (_, b, _)| cost(a).total_cmp(&cost(b)));
    let front: Vec<_> = known.iter().filter(|(.., outcome)| outcome.on_front).collect();
    let pairs: Vec<[f64; 2]> =
        front.iter().map(|(_, network, outcome)| [cost(network), -outcome.top1.value]).collect();
    let knee = knee(&pairs).map(|place| front[place].0);
    let tied_with = |(at, network, outcome): (usize, &ExploredNetwork, &ExploredOutcome)| {
        let ties = known.iter().filter(|(other, rival, its)| {
            *other != at
                && its.top1.overlaps(&outcome.top1)
                && costs_no_more(rival, network, &costs)
        });
        let best = ties.max_by(|(.., a), (.., b)| a.top1.value.total_cmp(&b.top1.value));
        best.map(|(other, ..)| *other)
    };
    known
        .iter()
        .map(|&(at, network, outcome)| Finalist {
            network: at,
            is_knee: knee == Some(at),
            tied_with: tied_with((at, network, outcome)),
        })
        .collect()
}

/// The objectives other than accuracy.
fn costs(exploration: &Exploration) -> Vec<Objective> {
    let all = exploration.request.objectives.iter().map(|&objective| Objective::from(objective));
    all.filter(|objective| objective.metric != Metric::Top1).collect()
}

/// A value of a network with its interval.
pub(crate) fn estimate(network: &ExploredNetwork, metric: Metric) -> Option<Estimate> {
    match metric {
        Metric::Top1 => Some(network.outcome.as_ref()?.top1),
        Metric::Latency => network.outcome.as_ref()?.latency_ms,
        other => Some(Estimate::exact(network.value(other)?)),
    }
}

/// A value of a network as a cost, with its interval; smaller is better.
pub(crate) fn as_cost(network: &ExploredNetwork, objective: Objective) -> Option<Estimate> {
    let estimate = estimate(network, objective.metric)?;
    Some(match objective.direction {
        Direction::Minimize => estimate,
        Direction::Maximize => estimate.map_reversed(|value| -value),
    })
}

/// Whether a network costs no more than another one in any objective, as far as the intervals tell.
fn costs_no_more(one: &ExploredNetwork, other: &ExploredNetwork, costs: &[Objective]) -> bool {
    costs.iter().all(|&objective| match (as_cost(one, objective), as_cost(other, objective)) {
        (Some(one), Some(other)) => one.low <= other.high,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use inceptive_results::example;

    use super::*;

    /// Finalists with these multiply-accumulates and accuracies, each with an interval of half a point on both sides.
    fn exploration(all: &[(u64, f64)]) -> Exploration {
        let mut exploration = example::exploration();
        let best = exploration.networks[0].clone();
        let network = |&(macs, top1): &(u64, f64)| {
            let mut network = best.clone();
            network.subject.macs = macs;
            if let Some(outcome) = &mut network.outcome {
                outcome.top1 = Estimate { value: top1, low: top1 - 0.5, high: top1 + 0.5 };
            }
            network
        };
        exploration.networks = all.iter().map(network).collect();
        exploration
    }

    #[test]
    fn a_network_is_tied_with_one_that_costs_no_more() {
        let found = finalists(&exploration(&[(300, 80.6), (100, 70.0), (200, 80.0)]));
        let ties: Vec<_> = found.iter().map(|it| (it.network, it.tied_with)).collect();
        assert_eq!(ties, [(1, None), (2, None), (0, Some(2))]);
        // It bends at the second one.
        assert_eq!(found.iter().map(|it| it.is_knee).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn only_networks_with_all_seeds_are_finalists() {
        let mut exploration = exploration(&[(100, 70.0), (200, 80.0)]);
        if let Some(outcome) = &mut exploration.networks[0].outcome {
            outcome.probability = None;
        }
        exploration.networks[1].outcome = None;
        assert_eq!(finalists(&exploration), []);
    }
}
