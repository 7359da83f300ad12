//! The changes of variants to the network that they extend, and their effect on cost.

use inceptive_cost::{Diff, Mode, diff};
use inceptive_results::statistics::Estimate;

use crate::{candidate::NetworkEntry, way::BenchConfig};

/// A variant compared with its base.
#[derive(Clone, Debug, PartialEq)]
pub struct VariantCost {
    /// The base.
    pub base: usize,
    /// The variant.
    pub variant: usize,
    /// The differences by node and module.
    pub diff: Diff,
    /// Latency of the variant over that of the base, with the interval that both intervals allow.
    pub latency: Option<Estimate>,
}

/// The variants whose base is there too.
pub fn variants(candidates: &[NetworkEntry], way: Option<&BenchConfig>) -> Vec<VariantCost> {
    let pair = |(at, candidate): (usize, &NetworkEntry)| {
        let wanted = &candidate.variant.as_ref()?.base;
        let is_base =
            |other: &NetworkEntry| other.subject.file == *wanted && other.subject.point.is_empty();
        let base = candidates.iter().position(is_base)?;
        let graphs =
            (&candidates[base].network.as_ref()?.graph, &candidate.network.as_ref()?.graph);
        let latency = way.and_then(|way| latency_ratio(way, candidate, &candidates[base]));
        let diff = diff(graphs.0, graphs.1, Mode::Inference, 1);
        Some(VariantCost { base, variant: at, diff, latency })
    };
    candidates.iter().enumerate().filter_map(pair).collect()
}

/// Latency of `a` over that of `b`: the ratio of their medians, with the widest interval that theirs allow,
/// as they need not have taken turns. There is none to a latency of zero, which a store from elsewhere may hold.
pub fn latency_ratio(way: &BenchConfig, a: &NetworkEntry, b: &NetworkEntry) -> Option<Estimate> {
    let (a, b) = (way.of(a)?.latency_ms.median, way.of(b)?.latency_ms.median);
    let ratio = Estimate { value: a.value / b.value, low: a.low / b.high, high: a.high / b.low };
    [ratio.value, ratio.low, ratio.high].iter().all(|it| it.is_finite()).then_some(ratio)
}
