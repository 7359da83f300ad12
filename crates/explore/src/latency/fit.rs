//! Fitting a model of latencies.
//!
//! 1. For each kind of kernels, nonnegative least squares of relative errors gives the factors of the terms that its time
//!    is a sum of.
//! 2. A gaussian process over features of kernels predicts by what factor that is wrong.
//! 3. A linear model predicts by what factor the latency of a network differs from the sum of its kernels.
//! 4. Networks that are left out in turn say how wide an interval has to be (Vovk, Gammerman and Shafer 2005, *Algorithmic
//!    learning in a random world*, section 2.2).

use std::collections::BTreeMap;

use inceptive_results::{CalibrationSample, KernelKind, KernelShape, KindModel, LatencyModel};
use nalgebra::{DMatrix, DVector};

use super::{
    features::{FEATURES, TERMS, features, terms, weights_of},
    predict::{
        CORRECTION, FLOOR_MS, correction, expected_error, factor_of, novelty, sum_of_terms,
        total_ms,
    },
    process::{Process, Similarity, choose_similarity},
};

/// Parts that networks are left out in.
const FOLDS: usize = 5;

/// The share of networks whose latency is meant to be in its interval.
const COVERAGE: f64 = 0.9;

/// The least expected error, as a share of the mean error.
const LEAST_SPREAD: f64 = 0.25;

/// Added to the diagonal of the normal equations of the correction, for each network.
const RIDGE: f64 = 1e-3;

/// Rounds of coordinate descent.
const DESCENTS: usize = 3000;

/// The times of the kernels of a kind, each shape once in networks with equally many weights.
type Times = BTreeMap<(KernelShape, u64), Vec<f64>>;

/// The similarity of the kernels of each kind.
type Similarities = BTreeMap<KernelKind, Similarity>;

/// Fits a model to measured networks. Where an engine does not say what kernels take, the terms are fitted to whole
/// networks. `None` if there is nothing to fit.
pub fn fit_latency(samples: &[&CalibrationSample]) -> Option<LatencyModel> {
    let similarities = similarities(samples);
    let mut model = fit(samples, &similarities)?;
    let mut errors: Vec<[f64; 2]> = vec![];
    for fold in 0..FOLDS {
        let part = |left_out: bool| -> Vec<&CalibrationSample> {
            let places = samples.iter().enumerate();
            let chosen = places.filter(|(at, _)| (at % FOLDS == fold) == left_out);
            chosen.map(|(_, &sample)| sample).collect()
        };
        let Some(model) = fit(&part(false), &similarities) else { continue };
        let error = |sample: &&CalibrationSample| {
            Some([novelty(&model, &shapes(sample)), log_ratio(&model, sample)?.abs()])
        };
        errors.extend(part(true).iter().filter_map(error));
    }
    model.spread = fit_spread(&errors);
    let relative = |[novelty, error]: &[f64; 2]| error / expected_error(model.spread, *novelty);
    model.half_width = conformal(errors.iter().map(relative).collect())?;
    Some(model)
}

/// The expected error as a line over novelty. The constant is at least a part of the mean error, so that no network seems to be
/// known exactly.
#[expect(clippy::cast_precision_loss, reason = "few networks")]
fn fit_spread(errors: &[[f64; 2]]) -> [f64; 2] {
    let mut gram = DMatrix::zeros(2, 2);
    let mut right = DVector::zeros(2);
    for &[novelty, error] in errors {
        let row = DVector::from_column_slice(&[1.0, novelty]);
        gram += &row * row.transpose();
        right += row * error;
    }
    let mean = errors.iter().map(|[_, error]| error).sum::<f64>() / errors.len().max(1) as f64;
    let least = (mean * LEAST_SPREAD).max(1e-6);
    match nonnegative(&gram, &right)[..] {
        [constant, factor] => [constant.max(least), factor],
        _ => [least, 0.0],
    }
}

/// The error that a share [`COVERAGE`] of networks does not exceed, one that is not there yet included; the largest if there
/// are too few.
fn conformal(mut errors: Vec<f64>) -> Option<f64> {
    errors.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "few networks"
    )]
    let place = ((errors.len() + 1) as f64 * COVERAGE).ceil() as usize;
    errors.get(place.clamp(1, errors.len().max(1)) - 1).copied()
}

/// The logarithm of the measured latency over the predicted one.
fn log_ratio(model: &LatencyModel, sample: &CalibrationSample) -> Option<f64> {
    let shapes = shapes(sample);
    let total = total_ms(model, &shapes).ok()?;
    let predicted = total.max(FLOOR_MS).ln() + correction(model, &shapes, total);
    Some(sample.latency_ms.value.max(FLOOR_MS).ln() - predicted)
}

fn shapes(sample: &CalibrationSample) -> Vec<KernelShape> {
    sample.kernels.iter().map(|kernel| kernel.shape).collect()
}

/// The times of kernels by kind.
fn times_of(samples: &[&CalibrationSample]) -> BTreeMap<KernelKind, Times> {
    let mut all: BTreeMap<KernelKind, Times> = BTreeMap::new();
    for sample in samples {
        let weights = weights_of(sample.kernels.iter().map(|kernel| &kernel.shape));
        for kernel in &sample.kernels {
            if let Some(time) = kernel.time_ms {
                let of_kind = all.entry(kernel.shape.kind).or_default();
                of_kind.entry((kernel.shape, weights)).or_default().push(time);
            }
        }
    }
    all
}

/// The similarity of the kernels of each kind.
fn similarities(samples: &[&CalibrationSample]) -> Similarities {
    let similarity = |(kind, times): (KernelKind, Times)| {
        let terms = fit_terms(&times);
        let (points, values) = residuals(&terms, &times);
        let points: Vec<&[f64]> = points.iter().map(|point| point.as_slice()).collect();
        (kind, choose_similarity(FEATURES, &points, &values))
    };
    times_of(samples).into_iter().map(similarity).collect()
}

/// Fits a model without its interval.
fn fit(samples: &[&CalibrationSample], similarities: &Similarities) -> Option<LatencyModel> {
    let times = times_of(samples);
    let kinds = match times.is_empty() {
        true => fit_whole_networks(samples),
        false => {
            times.iter().map(|(&kind, times)| fit_kind(kind, times, &similarities[&kind])).collect()
        }
    };
    let mut model = LatencyModel {
        kinds,
        correction: vec![0.0; CORRECTION],
        spread: [0.0; 2],
        half_width: 0.0,
    };
    let rows: Vec<([f64; CORRECTION], f64)> = samples
        .iter()
        .filter_map(|sample| {
            let shapes = shapes(sample);
            let total = total_ms(&model, &shapes).ok()?;
            Some((factor_of(&shapes, total), log_ratio(&model, sample)?))
        })
        .collect();
    model.correction = fit_correction(&rows)?;
    Some(model)
}

/// The coefficients of the correction of whole networks, by ridge regression.
fn fit_correction(rows: &[([f64; CORRECTION], f64)]) -> Option<Vec<f64>> {
    if rows.is_empty() {
        return None;
    }
    let matrix = DMatrix::from_fn(rows.len(), CORRECTION, |row, column| rows[row].0[column]);
    let values = DVector::from_fn(rows.len(), |row, _| rows[row].1);
    #[expect(clippy::cast_precision_loss, reason = "few networks")]
    let ridge = DMatrix::from_diagonal_element(CORRECTION, CORRECTION, RIDGE * rows.len() as f64);
    let solved = (matrix.transpose() * &matrix + ridge).cholesky()?;
    Some(solved.solve(&(matrix.transpose() * values)).iter().copied().collect())
}

fn fit_kind(kind: KernelKind, times: &Times, similarity: &Similarity) -> KindModel {
    let terms = fit_terms(times);
    let (points, values) = residuals(&terms, times);
    let points: Vec<&[f64]> = points.iter().map(|point| point.as_slice()).collect();
    let ranges = ranges(&points);
    let Process { lengths, points, weights } = Process::fit(similarity, &points, &values);
    KindModel { kind, terms, lengths, points, weights, ranges }
}

/// The smallest and largest value of each feature.
fn ranges(points: &[&[f64]]) -> Vec<[f64; 2]> {
    let range = |feature: usize| {
        let values = points.iter().map(|point| point[feature]);
        let [low, high] = [f64::INFINITY, f64::NEG_INFINITY];
        values.fold([low, high], |[low, high], value| [low.min(value), high.max(value)])
    };
    (0..points.first().map_or(0, |point| point.len())).map(range).collect()
}

/// The factors of the terms of a kind, with the smallest relative errors.
fn fit_terms(times: &Times) -> Vec<f64> {
    let mut gram = DMatrix::zeros(TERMS, TERMS);
    let mut right = DVector::zeros(TERMS);
    for ((shape, _), times) in times {
        let terms = DVector::from_column_slice(&terms(shape));
        for time in times {
            let weight = (time + FLOOR_MS).powi(-2);
            gram += &terms * terms.transpose() * weight;
            right += &terms * (time * weight);
        }
    }
    nonnegative(&gram, &right)
}

/// Features of each shape, and the logarithm of its time over the sum of its terms.
fn residuals(factors: &[f64], times: &Times) -> (Vec<[f64; FEATURES]>, Vec<f64>) {
    let residual = |((shape, weights), times): (&(KernelShape, u64), &Vec<f64>)| {
        let sum = sum_of_terms(factors, shape) + FLOOR_MS;
        let logs = times.iter().map(|time| ((time + FLOOR_MS) / sum).ln());
        #[expect(clippy::cast_precision_loss, reason = "few times")]
        let mean = logs.sum::<f64>() / times.len() as f64;
        (features(shape, *weights), mean)
    };
    times.iter().map(residual).unzip()
}

/// Terms of all kinds that explain the latencies of whole networks best.
fn fit_whole_networks(samples: &[&CalibrationSample]) -> Vec<KindModel> {
    let mut kinds: Vec<KernelKind> =
        samples.iter().flat_map(|sample| &sample.kernels).map(|it| it.shape.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let count = kinds.len() * TERMS;
    let mut gram = DMatrix::zeros(count, count);
    let mut right = DVector::zeros(count);
    for sample in samples {
        let mut row = DVector::zeros(count);
        for kernel in &sample.kernels {
            let Ok(place) = kinds.binary_search(&kernel.shape.kind) else { continue };
            for (at, term) in terms(&kernel.shape).into_iter().enumerate() {
                row[place * TERMS + at] += term;
            }
        }
        let weight = (sample.latency_ms.value + FLOOR_MS).powi(-2);
        gram += &row * row.transpose() * weight;
        right += row * (sample.latency_ms.value * weight);
    }
    let all = nonnegative(&gram, &right);
    let terms = all.chunks_exact(TERMS).map(<[f64]>::to_vec);
    let model = |(kind, terms): (KernelKind, Vec<f64>)| {
        let mut points: Vec<[f64; FEATURES]> = vec![];
        for sample in samples {
            let shapes = || sample.kernels.iter().map(|kernel| &kernel.shape);
            let weights = weights_of(shapes());
            points.extend(
                shapes().filter(|shape| shape.kind == kind).map(|shape| features(shape, weights)),
            );
        }
        let points: Vec<&[f64]> = points.iter().map(|point| point.as_slice()).collect();
        let ranges = ranges(&points);
        KindModel { kind, terms, lengths: vec![], points: vec![], weights: vec![], ranges }
    };
    kinds.into_iter().zip(terms).map(model).collect()
}

/// The nonnegative solution of least squares with these normal equations, by coordinate descent.
fn nonnegative(gram: &DMatrix<f64>, right: &DVector<f64>) -> Vec<f64> {
    let mut x: DVector<f64> = DVector::zeros(right.len());
    for _ in 0..DESCENTS {
        let mut change: f64 = 0.0;
        for at in 0..x.len() {
            let diagonal = gram[(at, at)];
            if diagonal <= 0.0 {
                continue;
            }
            let gradient = right[at] - gram.row(at).transpose().dot(&x);
            let next = (x[at] + gradient / diagonal).max(0.0);
            change = change.max((next - x[at]).abs() * diagonal.sqrt());
            x[at] = next;
        }
        if change < 1e-12 {
            break;
        }
    }
    x.iter().copied().collect()
}
