//! A gaussian process over many points, which remembers some of them.
//!
//! Subset of regressors (Rasmussen and Williams 2006, section 8.3.1): the mean is a sum of kernels around chosen points, fitted
//! to all points. The chosen ones are far from each other (Gonzalez 1985, *Clustering to minimize the maximum intercluster
//! distance*).

use nalgebra::{DMatrix, DVector};

/// Points that a process remembers, at most.
const REMEMBERED: usize = 240;

/// Points that lengths are chosen with, at most.
const SEARCHED: usize = 500;

/// Lengths that are tried for each feature; 0 leaves it out.
const LENGTHS: [f64; 6] = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0];

/// The length that the search begins with.
const FIRST_LENGTH: f64 = 2.0;

/// Rounds of the search over all features.
const ROUNDS: usize = 2;

/// Variances of what the features do not explain, as shares of the variance that they do; the search begins with the first.
const NOISES: [f64; 4] = [0.1, 0.01, 0.03, 0.3];

/// One of so many points is held out to choose lengths.
const HELD_OUT: usize = 4;

/// Fewest points that lengths are chosen with.
const FEWEST: usize = 20;

/// How similar the values of similar points are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Similarity {
    /// The length of each feature.
    pub(super) lengths: Vec<f64>,
    /// Variance of what the features do not explain.
    pub(super) noise: f64,
}

/// The mean of a process: a sum of kernels around points.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Process {
    pub(super) lengths: Vec<f64>,
    /// Feature by feature, point by point.
    pub(super) points: Vec<f64>,
    pub(super) weights: Vec<f64>,
}

impl Process {
    /// Fits a process; one that is 0 everywhere if there is nothing to fit.
    pub(super) fn fit(similarity: &Similarity, points: &[&[f64]], values: &[f64]) -> Self {
        let Similarity { lengths, noise } = similarity;
        let chosen = far_from_each_other(lengths, points);
        let between = |one: usize, other: usize| covariance(lengths, points[one], points[other]);
        let cross = DMatrix::from_fn(points.len(), chosen.len(), |row, column| {
            between(row, chosen[column])
        });
        let inner = DMatrix::from_fn(chosen.len(), chosen.len(), |row, column| {
            between(chosen[row], chosen[column])
        });
        let jitter = DMatrix::from_diagonal_element(chosen.len(), chosen.len(), 1e-8);
        let system = cross.transpose() * &cross + (inner + jitter) * *noise;
        let right = cross.transpose() * DVector::from_column_slice(values);
        let weights = system.cholesky().map(|factor| factor.solve(&right));
        let Some(weights) = weights.filter(|it| it.iter().all(|weight| weight.is_finite())) else {
            return Self { lengths: lengths.clone(), points: vec![], weights: vec![] };
        };
        Self {
            lengths: lengths.clone(),
            points: chosen.into_iter().flat_map(|at| points[at].iter().copied()).collect(),
            weights: weights.iter().copied().collect(),
        }
    }

    /// Its mean at a point.
    pub(super) fn mean(&self, point: &[f64]) -> f64 {
        mean(&self.lengths, &self.points, &self.weights, point)
    }
}

/// The mean of a process at a point.
pub(super) fn mean(lengths: &[f64], points: &[f64], weights: &[f64], point: &[f64]) -> f64 {
    let known = points.chunks_exact(lengths.len().max(1));
    known.zip(weights).map(|(known, weight)| weight * covariance(lengths, known, point)).sum()
}

/// The distance to the nearest point that a process remembers; 0 if it remembers none.
pub(super) fn nearest(lengths: &[f64], points: &[f64], point: &[f64]) -> f64 {
    let known = points.chunks_exact(lengths.len().max(1));
    known.map(|known| distance(lengths, known, point)).min_by(f64::total_cmp).unwrap_or(0.0)
}

/// Matern's covariance with smoothness 3/2 (Rasmussen and Williams 2006, equation 4.17).
fn covariance(lengths: &[f64], one: &[f64], other: &[f64]) -> f64 {
    let distance = 3.0_f64.sqrt() * distance(lengths, one, other);
    (1.0 + distance) * (-distance).exp()
}

fn distance(lengths: &[f64], one: &[f64], other: &[f64]) -> f64 {
    let each = lengths.iter().zip(one.iter().zip(other));
    let squares = each.filter(|(length, _)| **length > 0.0);
    squares.map(|(length, (a, b))| ((a - b) / length).powi(2)).sum::<f64>().sqrt()
}

/// Places of points such that each next one is as far from those before as possible.
fn far_from_each_other(lengths: &[f64], points: &[&[f64]]) -> Vec<usize> {
    let mut chosen = vec![];
    let mut nearest = vec![f64::INFINITY; points.len()];
    let mut next = (!points.is_empty()).then_some(0);
    while let Some(at) = next.filter(|&at| chosen.len() < REMEMBERED && nearest[at] > 1e-6) {
        chosen.push(at);
        for (distance_of, point) in nearest.iter_mut().zip(points) {
            *distance_of = distance_of.min(distance(lengths, points[at], point));
        }
        next = (0..points.len()).max_by(|&a, &b| nearest[a].total_cmp(&nearest[b]));
    }
    chosen
}

/// The similarity with the smallest error at points that are held out, one feature after the other.
pub(super) fn choose_similarity(features: usize, points: &[&[f64]], values: &[f64]) -> Similarity {
    let mut best = Similarity { lengths: vec![FIRST_LENGTH; features], noise: NOISES[0] };
    if points.len() < FEWEST {
        return best;
    }
    let step = points.len().div_ceil(SEARCHED);
    let part = |held_out: bool| {
        let places = (0..points.len()).step_by(step).enumerate();
        let chosen = places.filter(move |(place, _)| (place % HELD_OUT == 0) == held_out);
        chosen.map(|(_, at)| (points[at], values[at])).unzip::<_, _, Vec<&[f64]>, Vec<f64>>()
    };
    let ((learned, known), (held_out, truth)) = (part(false), part(true));
    let error = |similarity: &Similarity| -> f64 {
        let process = Process::fit(similarity, &learned, &known);
        let errors = held_out.iter().zip(&truth).map(|(point, value)| process.mean(point) - value);
        errors.map(f64::abs).sum()
    };
    for feature in 0..features {
        if points.iter().all(|point| point[feature] == points[0][feature]) {
            best.lengths[feature] = 0.0;
        }
    }
    let mut least = error(&best);
    for _ in 0..ROUNDS {
        let used = (0..features).filter(|&feature| best.lengths[feature] > 0.0);
        let mut changes: Vec<(Option<usize>, f64)> =
            used.flat_map(|feature| LENGTHS.map(|length| (Some(feature), length))).collect();
        changes.extend(NOISES.map(|noise| (None, noise)));
        for (feature, value) in changes {
            let mut other = best.clone();
            match feature {
                Some(feature) => other.lengths[feature] = value,
                None => other.noise = value,
            }
            let error = error(&other);
            if error < least {
                (least, best) = (error, other);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_recovers_a_smooth_function_and_leaves_out_what_does_not_matter() {
        // The second feature is a hash of the place, which the value does not depend on.
        let points: Vec<Vec<f64>> = (0..400_u32)
            .map(|at| {
                vec![f64::from(at) / 40.0, f64::from(at.wrapping_mul(2_654_435_761) >> 24) / 25.6]
            })
            .collect();
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let values: Vec<f64> = points.iter().map(|point| point[0].sin()).collect();
        let similarity = choose_similarity(2, &points, &values);
        let lengths = &similarity.lengths;
        assert!(lengths[0] > 0.0, "{lengths:?}");
        assert!(lengths[1] == 0.0 || lengths[1] > lengths[0], "{lengths:?}");
        let process = Process::fit(&similarity, &points, &values);
        for at in [0.513, 3.217, 7.771] {
            let found = process.mean(&[at, 5.0]);
            assert!((found - at.sin()).abs() < 0.05, "{found} at {at}");
        }
    }

    #[test]
    fn nothing_is_learned_from_nothing() {
        let similarity = choose_similarity(1, &[], &[]);
        assert_eq!(Process::fit(&similarity, &[], &[]).mean(&[3.0]), 0.0);
    }

    #[test]
    fn equal_points_are_remembered_once() {
        let points: [&[f64]; 4] = [&[1.0], &[1.0], &[2.0], &[1.0]];
        let similarity = Similarity { lengths: vec![1.0], noise: 0.01 };
        let process = Process::fit(&similarity, &points, &[3.0, 3.0, 5.0, 3.0]);
        assert_eq!(process.points, [1.0, 2.0]);
        assert!((process.mean(&[1.0]) - 3.0).abs() < 0.1, "{process:?}");
    }
}
