//! What accuracy is set against, and which candidates are worth their cost.

use inceptive_exec::statistics::Estimate;

use crate::{candidate::Candidate, way::Way};

/// What a candidate costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Axis<'a> {
    /// Multiply-accumulates.
    Macs,
    /// Learned numbers.
    Params,
    /// Measured milliseconds.
    Latency(&'a Way),
}

impl Axis<'_> {
    /// What a candidate costs; counts are exact, latencies have an interval. None where it is not known.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn cost(&self, candidate: &Candidate) -> Option<Estimate> {
        let exact = |count: u64| {
            let value = count as f64;
            (count > 0).then_some(Estimate { value, low: value, high: value })
        };
        match self {
            Self::Macs => exact(candidate.subject.macs),
            Self::Params => exact(candidate.subject.params),
            Self::Latency(way) => way.of(candidate).map(|m| m.latency_ms.median),
        }
    }
}

/// The candidates with a comparable accuracy that no other beats: with more accuracy for no more cost, or with
/// as much accuracy for less cost beyond the intervals. In the order of their costs.
pub fn front(candidates: &[Candidate], axis: Axis<'_>) -> Vec<usize> {
    let points: Vec<(usize, f64, Estimate)> = candidates
        .iter()
        .enumerate()
        .filter_map(|(at, candidate)| Some((at, candidate.top1()?, axis.cost(candidate)?)))
        .collect();
    let beats = |(_, a_top1, a): &(usize, f64, Estimate),
                 (_, b_top1, b): &(usize, f64, Estimate)| {
        (a_top1 > b_top1 && a.value <= b.value) || (a_top1 >= b_top1 && a.high < b.low)
    };
    let mut front: Vec<&(usize, f64, Estimate)> =
        points.iter().filter(|point| !points.iter().any(|other| beats(other, point))).collect();
    front.sort_by(|(_, _, a), (_, _, b)| a.value.total_cmp(&b.value));
    front.into_iter().map(|(at, _, _)| *at).collect()
}
