//! The costs that accuracy is plotted against, and Pareto fronts.

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

/// Two values of a network.
pub type Pair = [Estimate; 2];

/// The indices of the Pareto-optimal points, in the order of their first values; `wants_more` says for each of the two
/// values whether more is better. One point dominates another if it is nowhere worse, and better in one of the two
/// beyond the intervals.
pub fn front_of(points: &[Pair], wants_more: [bool; 2]) -> Vec<usize> {
    let is_beaten = |b: &Pair| points.iter().any(|a| beats(a, b, wants_more));
    let mut front: Vec<usize> =
        (0..points.len()).filter(|&place| !is_beaten(&points[place])).collect();
    front.sort_by(|&a, &b| points[a][0].value.total_cmp(&points[b][0].value));
    front
}

fn beats(a: &Pair, b: &Pair, wants_more: [bool; 2]) -> bool {
    let mut is_better = false;
    for ((a, b), wants_more) in a.iter().zip(b).zip(wants_more) {
        let (is_worse, is_beyond) = match wants_more {
            true => (a.value < b.value, a.low > b.high),
            false => (a.value > b.value, a.high < b.low),
        };
        if is_worse {
            return false;
        }
        is_better |= is_beyond;
    }
    is_better
}

#[cfg(test)]
mod tests {
    use super::*;

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
