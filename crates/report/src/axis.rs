//! The costs that accuracy is plotted against, and Pareto fronts.

use std::collections::HashSet;

use inceptive_results::{Metric, statistics::Estimate};

use crate::{candidate::NetworkEntry, way::BenchConfig};

/// A kind of cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Axis<'a> {
    /// Multiply-accumulates.
    Macs,
    /// Learned numbers.
    Params,
    /// Measured milliseconds.
    Latency(&'a BenchConfig),
}

impl Axis<'_> {
    /// The metric.
    pub const fn metric(&self) -> Metric {
        match self {
            Self::Macs => Metric::Macs,
            Self::Params => Metric::Params,
            Self::Latency(_) => Metric::Latency,
        }
    }

    /// The cost of a network; counts are exact, latencies have an interval. `None` if it is not known.
    pub fn cost(&self, candidate: &NetworkEntry) -> Option<Estimate> {
        let config = match self {
            Self::Macs | Self::Params => None,
            Self::Latency(config) => Some(*config),
        };
        let value = candidate.value(self.metric(), config)?;
        (value.estimate.value > 0.0).then_some(value.estimate)
    }
}

/// The candidates with a comparable accuracy that no other beats: with more accuracy for no more cost, or with
/// as much accuracy for less cost beyond the intervals. In the order of their costs.
pub fn front(candidates: &[NetworkEntry], axis: Axis<'_>) -> Vec<usize> {
    let pair = |candidate: &NetworkEntry| {
        Some([axis.cost(candidate)?, candidate.value(Metric::Top1, None)?.estimate])
    };
    let (places, points): (Vec<usize>, Vec<Pair>) =
        candidates.iter().enumerate().filter_map(|(at, it)| Some((at, pair(it)?))).unzip();
    front_of(&points, [false, true]).into_iter().map(|at| places[at]).collect()
}

/// The candidates of [`front`], to look them up.
pub(crate) fn on_front(candidates: &[NetworkEntry], axis: Axis<'_>) -> HashSet<usize> {
    front(candidates, axis).into_iter().collect()
}

/// Two values of a network.
pub type Pair = [Estimate; 2];

/// The indices of the Pareto-optimal points, in the order of their first values; `wants_more` says for each of the two
/// values whether more is better. One point dominates another if it is nowhere worse, and better in one of the two
/// beyond the intervals.
pub fn front_of(points: &[Pair], wants_more: [bool; 2]) -> Vec<usize> {
    let costs: Vec<Pair> = points.iter().map(|pair| as_costs(pair, wants_more)).collect();
    // Whatever is lower beyond the intervals is lower by its value too, so one sorted list for each of the two ways to
    // be better is enough.
    let by_value = Lowest::new(&costs, |[x, y]| (x.value, y.high));
    let by_high = Lowest::new(&costs, |[x, y]| (x.high, y.value));
    let is_dominated = |[x, y]: &Pair| {
        by_value.up_to(|key| key <= x.value).is_some_and(|high| high < y.low)
            || by_high.up_to(|key| key < x.low).is_some_and(|value| value <= y.value)
    };
    let mut front: Vec<usize> = (0..points.len()).filter(|&at| !is_dominated(&costs[at])).collect();
    front.sort_by(|&a, &b| points[a][0].value.total_cmp(&points[b][0].value));
    front
}

/// The pair as two costs, with each value in its interval.
fn as_costs(pair: &Pair, wants_more: [bool; 2]) -> Pair {
    let cost = |at: usize| {
        let Estimate { value, low, high } = pair[at];
        let (low, high) = (low.min(value), high.max(value));
        match wants_more[at] {
            true => Estimate { value: -value, low: -high, high: -low },
            false => Estimate { value, low, high },
        }
    };
    [cost(0), cost(1)]
}

/// The lowest second number among the pairs whose first number is small enough.
struct Lowest(Vec<(f64, f64)>);

impl Lowest {
    fn new(points: &[Pair], numbers: impl Fn(&Pair) -> (f64, f64)) -> Self {
        let mut sorted: Vec<(f64, f64)> = points.iter().map(numbers).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut lowest = f64::INFINITY;
        for (_, second) in &mut sorted {
            lowest = lowest.min(*second);
            *second = lowest;
        }
        Self(sorted)
    }

    fn up_to(&self, is_small: impl Fn(f64) -> bool) -> Option<f64> {
        let count = self.0.partition_point(|(key, _)| is_small(*key));
        self.0[..count].last().map(|(_, lowest)| *lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the definition, on points with ties and overlapping intervals.
    #[test]
    fn the_front_agrees_with_its_definition() {
        let mut state: u64 = 7;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) % 15) as f64
        };
        for wants_more in [[false, false], [false, true], [true, false], [true, true]] {
            let mut estimate = || {
                let value = next();
                Estimate { value, low: value - next() / 5.0, high: value + next() / 5.0 }
            };
            let points: Vec<Pair> = (0..200).map(|_| [estimate(), estimate()]).collect();
            let dominates = |a: &Pair, b: &Pair| {
                let parts = || a.iter().zip(b).zip(wants_more);
                let is_worse = |((a, b), more): ((&Estimate, &Estimate), bool)| {
                    if more { a.value < b.value } else { a.value > b.value }
                };
                let is_better = |((a, b), more): ((&Estimate, &Estimate), bool)| {
                    if more { a.low > b.high } else { a.high < b.low }
                };
                !parts().any(is_worse) && parts().any(is_better)
            };
            let is_dominated = |b: &Pair| points.iter().any(|a| dominates(a, b));
            let expected: Vec<usize> =
                (0..points.len()).filter(|&at| !is_dominated(&points[at])).collect();
            let mut found = front_of(&points, wants_more);
            let firsts: Vec<f64> = found.iter().map(|&at| points[at][0].value).collect();
            assert!(firsts.is_sorted(), "{wants_more:?}");
            found.sort_unstable();
            assert_eq!(found, expected, "{wants_more:?}");
        }
    }

    fn exact(value: f64) -> Estimate {
        Estimate { value, low: value, high: value }
    }

    #[test]
    fn only_what_nobody_beats_is_on_the_front() {
        let point = |cost, top1| [exact(cost), exact(top1)];
        let points = [point(3.0, 70.0), point(1.0, 60.0), point(2.0, 60.0), point(4.0, 69.0)];
        assert_eq!(front_of(&points, [false, true]), [1, 0]);
        assert_eq!(front_of(&points, [true, true]), [0, 3]);
        assert_eq!(front_of(&points, [false, false]), [1]);
        // Equal points do not dominate each other.
        assert_eq!(front_of(&[point(1.0, 1.0), point(1.0, 1.0)], [false, true]).len(), 2);
    }

    #[test]
    fn a_difference_within_the_intervals_beats_nobody() {
        let measured = |value| Estimate { value, low: value - 1.0, high: value + 1.0 };
        let points = [[measured(10.0), exact(70.0)], [measured(11.0), exact(70.0)]];
        assert_eq!(front_of(&points, [false, true]), [0, 1]);
        let points = [[measured(10.0), exact(70.0)], [measured(13.0), exact(70.0)]];
        assert_eq!(front_of(&points, [false, true]), [0]);
    }
}
