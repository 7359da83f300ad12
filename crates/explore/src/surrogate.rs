//! Predicting the accuracies of networks from those of other networks of their space.

use std::f64::consts::PI;

use inceptive_results::AccuracyJudgement;
use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::{
    axes::{Axis, distance},
    ranks::{normal_scores, rank_correlation},
};

/// Points that a surrogate learns from at most; its cost grows with their third power.
pub(crate) const MOST_LEARNED: usize = 400;

/// Fewest networks that a surrogate is judged on.
pub const FEWEST_JUDGED: usize = 10;

/// Distances within which accuracies are similar, in variables that differ.
const LENGTHS: [f64; 5] = [0.5, 1.0, 2.0, 4.0, 8.0];

/// Variances of what no variable explains, as shares of what they do.
const NOISES: [f64; 5] = [0.01, 0.05, 0.2, 0.5, 1.0];

/// Parts of a cross-validation.
const FOLDS: usize = 5;

/// A gaussian process over the points of a space (Rasmussen and Williams 2006, algorithm 2.1). Accuracies are replaced by
/// normal scores of their ranks, so that networks that fail do not decide about the rest. Their covariance is an
/// exponential of the distance, which is the number of variables that differ if they are no numbers; its length and the noise
/// are those of a grid that have the largest marginal likelihood.
#[derive(Clone, Debug)]
pub struct Surrogate<'a> {
    axes: &'a [Axis],
    points: Vec<Vec<usize>>,
    factor: Cholesky<f64, Dyn>,
    /// The inverse of the covariance times the scores.
    weights: DVector<f64>,
    length: f64,
    amplitude: f64,
}

/// What a surrogate says of a network: a normal score, 0 for the middle of the networks that it learned from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The score; larger is better.
    pub score: f64,
    /// Its standard error.
    pub error: f64,
}

impl Prediction {
    /// By how much it is expected to be above a score (Jones, Schonlau and Welch 1998, equation 15).
    pub fn improvement(self, best: f64) -> f64 {
        let normal = Normal::standard();
        let z = (self.score - best) / self.error;
        let density = (-z * z / 2.0).exp() / (2.0 * PI).sqrt();
        self.error * (z * normal.cdf(z) + density)
    }
}

impl<'a> Surrogate<'a> {
    /// Learns from networks by the positions of their values, the first 400 of them. `None` for fewer than two.
    pub fn learn(axes: &'a [Axis], points: &[Vec<usize>], accuracies: &[f64]) -> Option<Self> {
        let count = points.len().min(accuracies.len()).min(MOST_LEARNED);
        let points = &points[..count];
        let scores = DVector::from_vec(normal_scores(&accuracies[..count]));
        let distances = DMatrix::from_fn(count, count, |one, other| {
            distance(axes, &points[one], &points[other])
        });
        let mut best: Option<(f64, Self)> = None;
        for length in LENGTHS {
            let covariance = distances.map(|distance| (-distance / length).exp());
            for noise in NOISES {
                let with_noise = &covariance + DMatrix::from_diagonal_element(count, count, noise);
                let Some(factor) = with_noise.cholesky().filter(|_| count > 1) else { continue };
                let weights = factor.solve(&scores);
                #[expect(clippy::cast_precision_loss, reason = "few points")]
                let (count, half) = (count as f64, scores.dot(&weights) / 2.0);
                let amplitude = 2.0 * half / count;
                // The amplitude that is most likely is that of the data.
                let determinant: f64 = factor.l_dirty().diagonal().iter().map(|it| it.ln()).sum();
                let likelihood = -count / 2.0 * amplitude.ln() - determinant;
                if likelihood.is_finite()
                    && best.as_ref().is_none_or(|(before, _)| likelihood > *before)
                {
                    let points = points.to_vec();
                    best = Some((
                        likelihood,
                        Self { axes, points, factor, weights, length, amplitude },
                    ));
                }
            }
        }
        best.map(|(_, surrogate)| surrogate)
    }

    /// Predicts networks by the positions of their values.
    pub fn predict(&self, points: &[&[usize]]) -> Vec<Prediction> {
        let covariance = DMatrix::from_fn(self.points.len(), points.len(), |learned, new| {
            (-distance(self.axes, &self.points[learned], points[new]) / self.length).exp()
        });
        let mut explained = covariance.clone();
        // The factor of a positive definite matrix has no zero on its diagonal.
        self.factor.l_dirty().solve_lower_triangular_mut(&mut explained);
        let predict = |new: usize| {
            let variance = self.amplitude * (1.0 - explained.column(new).norm_squared());
            Prediction {
                score: covariance.column(new).dot(&self.weights),
                error: variance.max(1e-12).sqrt(),
            }
        };
        (0..points.len()).map(predict).collect()
    }
}

/// Judges a surrogate by cross-validation on networks, by the positions of their values. `None` for fewer than
/// [`FEWEST_JUDGED`] networks, and where all accuracies are equal.
#[expect(clippy::cast_precision_loss, reason = "few networks")]
pub fn judge(
    axes: &[Axis],
    points: &[Vec<usize>],
    accuracies: &[f64],
    params: &[f64],
    seed: u64,
) -> Option<AccuracyJudgement> {
    let count = points.len().min(accuracies.len()).min(params.len());
    if count < FEWEST_JUDGED {
        return None;
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    order.truncate(MOST_LEARNED);
    let mut predicted = vec![f64::NAN; count];
    for fold in 0..FOLDS {
        let is_new = |place: usize| place % FOLDS == fold;
        let part = |new: bool| {
            order
                .iter()
                .enumerate()
                .filter(move |(place, _)| is_new(*place) == new)
                .map(|(_, &at)| at)
        };
        let (learned, known): (Vec<_>, Vec<_>) =
            part(false).map(|at| (points[at].clone(), accuracies[at])).unzip();
        let surrogate = Surrogate::learn(axes, &learned, &known)?;
        let new: Vec<usize> = part(true).collect();
        let of_new: Vec<&[usize]> = new.iter().map(|&at| points[at].as_slice()).collect();
        for (at, prediction) in new.into_iter().zip(surrogate.predict(&of_new)) {
            predicted[at] = prediction.score;
        }
    }
    let of = |values: &[f64], among: &[usize]| -> Vec<f64> {
        among.iter().map(|&at| values[at]).collect()
    };
    let correlation = |values: &[f64], among: &[usize]| {
        rank_correlation(&of(values, among), &of(accuracies, among))
    };
    let mut best = order.clone();
    best.sort_by(|&a, &b| accuracies[b].total_cmp(&accuracies[a]));
    best.truncate((order.len() / 10).max(1));
    Some(AccuracyJudgement {
        networks: order.len(),
        correlation: correlation(&predicted, &order)?,
        of_params: correlation(params, &order).unwrap_or(0.0),
        of_chance: 1.645 / (order.len() as f64 - 1.0).sqrt(),
        best: best.len(),
        among_best: correlation(&predicted, &best),
        of_params_among_best: correlation(params, &best),
        scores: vec![],
        uses_scores: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All points of variables of five values, and an accuracy that two of them decide together.
    fn space() -> (Vec<Axis>, Vec<Vec<usize>>, Vec<f64>) {
        let axes = vec![Axis::new(["a", "b", "c", "d", "e"]); 3];
        let points: Vec<Vec<usize>> =
            (0..125).map(|at| vec![at / 25, at / 5 % 5, at % 5]).collect();
        let accuracy = |point: &Vec<usize>| {
            if point[0] == point[1] { 90.0 } else { 50.0 + [0.0, 9.0, 3.0, 6.0, 1.0][point[0]] }
        };
        let accuracies = points.iter().map(accuracy).collect();
        (axes, points, accuracies)
    }

    #[test]
    fn predictions_are_those_of_the_posterior() {
        // By hand: two points that differ in one variable, length 1 and noise as chosen.
        let axes = vec![Axis::new(["a", "b"])];
        let points = vec![vec![0], vec![1]];
        let surrogate = Surrogate::learn(&axes, &points, &[1.0, 2.0]).unwrap();
        let found = surrogate.predict(&[&[0], &[1]]);
        assert!((found[0].score + found[1].score).abs() < 1e-12, "the middle is 0");
        assert!(found[1].score > 0.0 && found[1].score < 0.674_5, "shrunk towards the middle");
        assert!(Surrogate::learn(&axes, &points[..1], &[1.0]).is_none());
    }

    #[test]
    fn expected_improvement_is_that_of_a_normal_distribution() {
        let even = Prediction { score: 1.0, error: 1.0 };
        assert!((even.improvement(1.0) - 1.0 / (2.0 * PI).sqrt()).abs() < 1e-12);
        let sure = Prediction { score: 3.0, error: 1e-6 };
        assert!((sure.improvement(1.0) - 2.0).abs() < 1e-9);
        assert!(Prediction { score: -9.0, error: 1.0 }.improvement(1.0).abs() < 1e-9);
    }

    #[test]
    fn it_is_used_where_it_knows_more_than_the_parameters() {
        let (axes, points, accuracies) = space();
        let params: Vec<f64> =
            points.iter().map(|point| f64::from(u8::try_from(point[2]).unwrap())).collect();
        let judgement = judge(&axes, &points, &accuracies, &params, 1).unwrap();
        assert!(judgement.is_good(), "{judgement:?}");
        assert!(judgement.correlation > 0.6, "{judgement:?}");
        assert_eq!((judgement.networks, judgement.best), (125, 12));
        // Accuracies that follow the parameters exactly are better predicted by them.
        let judgement = judge(&axes, &points, &params, &params, 1).unwrap();
        assert!(!judgement.is_good(), "{judgement:?}");
        assert_eq!(judge(&axes, &points[..9], &accuracies, &params, 1), None);
        assert_eq!(judge(&axes, &points, &[1.0; 125], &params, 1), None, "nothing to rank");
    }

    #[test]
    fn it_is_not_used_where_nothing_can_be_known() {
        let (axes, points, _) = space();
        let mut noise: Vec<f64> = (0..125).map(f64::from).collect();
        noise.shuffle(&mut ChaCha8Rng::seed_from_u64(3));
        let params = vec![1.0; 125];
        let judgement = judge(&axes, &points, &noise, &params, 1).unwrap();
        assert!(!judgement.is_good(), "{judgement:?}");
    }
}
