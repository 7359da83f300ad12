//! Which networks no other one beats.

use inceptive_dsl::{Architecture, Published};
use inceptive_exec::statistics::Estimate;

/// Two values of a network.
pub type Pair = [Estimate; 2];

/// The places of those that no other one beats, in the order of their first values. One beats another if it is
/// nowhere worse, and better in one of the two beyond the intervals.
pub fn front(points: &[Pair], wants_more: [bool; 2]) -> Vec<usize> {
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

/// The published accuracy that may stand beside those of other networks: ImageNet-1k, one model, one crop, at the
/// size that is counted; the first such entry that gives a top-1 accuracy.
pub fn comparable(architecture: &Architecture) -> Option<&Published> {
    let graph = &architecture.graph;
    let side = graph.node(graph.input()).shape.size().height;
    architecture.published.iter().find(|published| {
        published.dataset == "imagenet-1k"
            && (published.crops, published.models) == (1, 1)
            && published.resolution.is_none_or(|resolution| resolution == side)
            && published.top1.is_some()
    })
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
        assert_eq!(front(&points, [false, true]), [1, 0]);
        assert_eq!(front(&points, [true, true]), [0, 3]);
        assert_eq!(front(&points, [false, false]), [1]);
        // Equal ones beat neither.
        assert_eq!(front(&[point(1.0, 1.0), point(1.0, 1.0)], [false, true]).len(), 2);
    }

    #[test]
    fn a_difference_within_the_intervals_beats_nobody() {
        let measured = |value| Estimate { value, low: value - 1.0, high: value + 1.0 };
        let points = [[measured(10.0), exact(70.0)], [measured(11.0), exact(70.0)]];
        assert_eq!(front(&points, [false, true]), [0, 1]);
        let points = [[measured(10.0), exact(70.0)], [measured(13.0), exact(70.0)]];
        assert_eq!(front(&points, [false, true]), [0]);
    }
}
