//! Predicting the latency of a network.

use inceptive_format::percent;
use inceptive_results::{KernelKind, KernelShape, KindModel, LatencyModel, statistics::Estimate};

use super::{
    features::{features, terms, weights_of},
    process::{mean, nearest},
};

/// Times below this are not told apart, in milliseconds.
pub(super) const FLOOR_MS: f64 = 5e-4;

/// Coefficients of the correction of whole networks.
pub(super) const CORRECTION: usize = 3;

/// How far a feature may be outside of what was measured: most are logarithms to the base of 2.
const MARGIN: f64 = 1.0;

/// Distances beyond this are not told apart.
const MOST_NOVEL: f64 = 2.0;

/// The share of a latency that kernels outside of that range may have.
const MOST_OUTSIDE: f64 = 0.2;

/// Why the latency of a network is not predicted.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum LatencyRefusal {
    /// It has kernels of a kind that was not measured.
    #[error("no network with {} was measured", name(*.0))]
    Kind(KernelKind),
    /// Its kernels are much larger or smaller than those that were measured.
    #[error("{} of the time is for kernels larger or smaller than any that was measured", percent(*.0))]
    Size(f64),
    /// The model gives no number, as if it had been changed.
    #[error("the calibration gives no finite number; calibrate again")]
    NotFinite,
}

/// A kind of kernels, for people.
const fn name(kind: KernelKind) -> &'static str {
    match kind {
        KernelKind::Pointwise => "1x1 convolutions",
        KernelKind::Conv => "convolutions larger than 1x1",
        KernelKind::Grouped => "grouped convolutions",
        KernelKind::Depthwise => "depthwise convolutions",
        KernelKind::Linear => "fully connected layers",
        KernelKind::MaxPool => "max pooling",
        KernelKind::AveragePool => "average pooling",
        KernelKind::GlobalPool => "global pooling",
        KernelKind::Join => "sums, products or maxima of maps",
        KernelKind::Activation => "activation functions that run by themselves",
        KernelKind::Normalise => "normalisations that run by themselves",
        KernelKind::Lrn => "local response normalisation",
        KernelKind::Softmax => "softmax",
        KernelKind::Move => "copies of maps",
    }
}

/// The sum of the terms of a kernel, each with its factor.
pub(super) fn sum_of_terms(factors: &[f64], shape: &KernelShape) -> f64 {
    terms(shape).iter().zip(factors).map(|(term, factor)| term * factor).sum()
}

fn kind_of<'m>(
    model: &'m LatencyModel,
    shape: &KernelShape,
) -> Result<&'m KindModel, LatencyRefusal> {
    let kind = model.kinds.iter().find(|kind| kind.kind == shape.kind);
    kind.ok_or(LatencyRefusal::Kind(shape.kind))
}

/// The time of a kernel in a network with so many weights.
fn kernel_ms(kind: &KindModel, shape: &KernelShape, of_network: u64) -> f64 {
    let sum = sum_of_terms(&kind.terms, shape) + FLOOR_MS;
    let log = mean(&kind.lengths, &kind.points, &kind.weights, &features(shape, of_network));
    (sum * log.exp() - FLOOR_MS).max(0.0)
}

/// Whether a kernel is like those that were measured.
fn is_known(kind: &KindModel, shape: &KernelShape, of_network: u64) -> bool {
    let features = features(shape, of_network);
    let mut ranges = features.iter().zip(&kind.ranges);
    ranges.all(|(feature, [low, high])| (low - MARGIN..=high + MARGIN).contains(feature))
}

/// The sum of the times of kernels.
pub(super) fn total_ms(
    model: &LatencyModel,
    shapes: &[KernelShape],
) -> Result<f64, LatencyRefusal> {
    let weights = weights_of(shapes);
    shapes.iter().map(|shape| Ok(kernel_ms(kind_of(model, shape)?, shape, weights))).sum()
}

/// How unlike the measured ones the kernels of a network are: distances to the nearest ones that a process remembers, weighted
/// by time.
pub(super) fn novelty(model: &LatencyModel, shapes: &[KernelShape]) -> f64 {
    let weights = weights_of(shapes);
    let (mut total, mut sum) = (0.0, 0.0);
    for shape in shapes {
        let Ok(kind) = kind_of(model, shape) else { continue };
        let time = kernel_ms(kind, shape, weights);
        let distance = nearest(&kind.lengths, &kind.points, &features(shape, weights));
        total += time;
        sum += time * distance.min(MOST_NOVEL);
    }
    if total > 0.0 { sum / total } else { 0.0 }
}

/// The expected error of a prediction, as a difference of logarithms.
pub(super) fn expected_error([constant, factor]: [f64; 2], novelty: f64) -> f64 {
    constant + factor * novelty
}

/// What the correction of a network is a sum of, up to a factor each.
#[expect(clippy::cast_precision_loss, reason = "few kernels")]
pub(super) fn factor_of(shapes: &[KernelShape], total_ms: f64) -> [f64; CORRECTION] {
    let kernels = shapes.len().max(1) as f64;
    [1.0, total_ms.max(FLOOR_MS).ln(), kernels.ln()]
}

/// The logarithm of the latency of a network over the sum of its kernels.
pub(super) fn correction(model: &LatencyModel, shapes: &[KernelShape], total_ms: f64) -> f64 {
    let factors = factor_of(shapes, total_ms);
    factors.iter().zip(&model.correction).map(|(factor, each)| factor * each).sum()
}

/// Predicts the latency of a network with these kernels, in milliseconds, with an interval that is meant to hold 90% of
/// latencies.
///
/// # Errors
/// When the network is unlike those that were measured.
pub fn predict_latency(
    model: &LatencyModel,
    shapes: &[KernelShape],
) -> Result<Estimate, LatencyRefusal> {
    let weights = weights_of(shapes);
    let (mut total, mut unknown) = (0.0, 0.0);
    for shape in shapes {
        let kind = kind_of(model, shape)?;
        let time = kernel_ms(kind, shape, weights);
        total += time;
        unknown += if is_known(kind, shape, weights) { 0.0 } else { time };
    }
    if unknown > MOST_OUTSIDE * total {
        return Err(LatencyRefusal::Size(unknown / total));
    }
    let value = total.max(FLOOR_MS) * correction(model, shapes, total).exp();
    let expected = expected_error(model.spread, novelty(model, shapes));
    let factor = (model.half_width * expected).exp();
    let estimate = Estimate { value, low: value / factor, high: value * factor };
    match [estimate.value, estimate.low, estimate.high].iter().all(|number| number.is_finite()) {
        true => Ok(estimate),
        false => Err(LatencyRefusal::NotFinite),
    }
}
