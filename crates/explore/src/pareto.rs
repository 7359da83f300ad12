//! The order of few networks by several objectives.

use std::cmp::Ordering;

/// Orders points, the best first: by the number of the Pareto front that they are on when those before it are taken away,
/// and on one front by the distance of their neighbours (Deb et al. 2002, *A Fast and Elitist Multiobjective Genetic
/// Algorithm: NSGA-II*). Each point has the same number of costs; smaller is better, and NaN is the worst.
pub fn by_front_and_crowding(points: &[Vec<f64>]) -> Vec<usize> {
    let mut order = vec![];
    for front in fronts(points) {
        order.extend(by_crowding(front, points));
    }
    order
}

/// The Pareto fronts, the best first; each in the order of the points.
pub fn fronts(points: &[Vec<f64>]) -> Vec<Vec<usize>> {
    let mut left: Vec<usize> = (0..points.len()).collect();
    let mut fronts = vec![];
    while !left.is_empty() {
        let is_dominated =
            |&at: &usize| left.iter().any(|&other| dominates(&points[other], &points[at]));
        let (rest, front): (Vec<usize>, Vec<usize>) = left.iter().partition(|at| is_dominated(at));
        left = rest;
        fronts.push(front);
    }
    fronts
}

/// The points that no other one dominates, in their order. It takes as many comparisons as there are points times points of
/// the front at most.
pub fn pareto_front(points: &[Vec<f64>]) -> Vec<usize> {
    let compare = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).map(|(a, b)| order(*a, *b)).find(|it| it.is_ne()).unwrap_or(Ordering::Equal)
    };
    let mut sorted: Vec<usize> = (0..points.len()).collect();
    sorted.sort_by(|&a, &b| compare(&points[a], &points[b]));
    let mut front: Vec<usize> = vec![];
    // Whatever dominates a point comes before it.
    for at in sorted {
        if !front.iter().rev().any(|&other| dominates(&points[other], &points[at])) {
            front.push(at);
        }
    }
    front.sort_unstable();
    front
}

/// Whether the first point is nowhere worse than the second one, and somewhere better.
pub fn dominates(one: &[f64], other: &[f64]) -> bool {
    let mut is_better = false;
    for (one, other) in one.iter().zip(other) {
        match order(*one, *other) {
            Ordering::Greater => return false,
            Ordering::Less => is_better = true,
            Ordering::Equal => {}
        }
    }
    is_better
}

/// NaN is the largest number.
fn order(one: f64, other: f64) -> Ordering {
    one.partial_cmp(&other).unwrap_or_else(|| one.is_nan().cmp(&other.is_nan()))
}

/// Points of a front, those with the most distant neighbours first.
fn by_crowding(front: Vec<usize>, points: &[Vec<f64>]) -> Vec<usize> {
    let costs = front.first().map_or(0, |&at| points[at].len());
    let mut distance = vec![0.0; front.len()];
    let along = |cost: usize| -> Vec<f64> { front.iter().map(|&at| points[at][cost]).collect() };
    for values in (0..costs).map(along) {
        let mut sorted: Vec<usize> = (0..front.len()).collect();
        sorted.sort_by(|&a, &b| order(values[a], values[b]));
        let (first, last) = (sorted[0], sorted[sorted.len() - 1]);
        let range = values[last] - values[first];
        if range > 0.0 {
            distance[first] = f64::INFINITY;
            distance[last] = f64::INFINITY;
            for three in sorted.windows(3) {
                distance[three[1]] += (values[three[2]] - values[three[0]]) / range;
            }
        }
    }
    let mut places: Vec<usize> = (0..front.len()).collect();
    places.sort_by(|&a, &b| order(distance[b], distance[a]));
    places.into_iter().map(|place| front[place]).collect()
}

/// The knee of a front of two costs: the point that is farthest below the line between the two ends, both costs scaled to
/// the range of the front (Das 1999, *On Characterizing the "Knee" of the Pareto Curve*). `None` for fewer than three
/// points, or if none is below the line.
pub fn knee(points: &[[f64; 2]]) -> Option<usize> {
    let range = |cost: usize| {
        let low = points.iter().map(|point| point[cost]).fold(f64::INFINITY, f64::min);
        let high = points.iter().map(|point| point[cost]).fold(f64::NEG_INFINITY, f64::max);
        (low, high - low)
    };
    let ranges = [range(0), range(1)];
    if points.len() < 3 || !ranges.iter().all(|(_, width)| *width > 0.0) {
        return None;
    }
    // The ends are (0, 1) and (1, 0).
    let below = |point: &[f64; 2]| {
        1.0 - (0..2).map(|cost| (point[cost] - ranges[cost].0) / ranges[cost].1).sum::<f64>()
    };
    let (at, most) = points.iter().map(below).enumerate().max_by(|(_, a), (_, b)| order(*a, *b))?;
    (most > 1e-9).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fronts_come_one_after_the_other() {
        let points: Vec<Vec<f64>> =
            [[1.0, 4.0], [2.0, 2.0], [3.0, 3.0], [4.0, 1.0], [5.0, 5.0], [2.0, 2.0]]
                .map(|point| point.to_vec())
                .to_vec();
        assert_eq!(fronts(&points), [vec![0, 1, 3, 5], vec![2], vec![4]]);
        assert_eq!(pareto_front(&points), [0, 1, 3, 5]);
        let order = by_front_and_crowding(&points);
        assert_eq!(order[..2], [0, 3], "the ends first");
        assert_eq!(order[4..], [2, 4]);
    }

    #[test]
    fn nan_is_the_worst() {
        let points = [vec![f64::NAN, 1.0], vec![1.0, 1.0], vec![f64::NAN, 2.0]];
        assert_eq!(fronts(&points), [vec![1], vec![0], vec![2]]);
        assert_eq!(pareto_front(&points), [1]);
        assert_eq!(by_front_and_crowding(&points), [1, 0, 2]);
    }

    #[test]
    fn the_knee_is_where_the_front_bends() {
        let front = [[0.0, 10.0], [1.0, 4.0], [2.0, 1.0], [6.0, 0.5], [10.0, 0.0]];
        assert_eq!(knee(&front), Some(2));
        assert_eq!(knee(&[[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]]), None, "a line");
        assert_eq!(knee(&front[..2]), None);
    }
}
