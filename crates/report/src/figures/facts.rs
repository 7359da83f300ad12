//! Tooltips of networks.

use inceptive_results::{Measurement, statistics::Estimate};

use crate::{
    candidate::NetworkEntry,
    training::{TrainedNetwork, TrainingGroup},
    way::BenchConfig,
};
use inceptive_draw::chart::canvas::TEXT;
use inceptive_draw::text::{clean, shortened};
use inceptive_format::{counted, decimals, short_count, significant};

/// The widest name in a chart, in pixels.
const NAME: f64 = 230.0;

/// The widest name that is shown for a point that is pointed at.
const LONG_NAME: f64 = 600.0;

/// A name as shown in a chart.
pub(super) fn name(candidate: &NetworkEntry) -> String {
    shortened(&clean(&candidate.name), TEXT, NAME).into_owned()
}

/// A name with more of it.
pub(super) fn long_name(candidate: &NetworkEntry) -> String {
    let name = clean(&candidate.name);
    let name = if name.trim().is_empty() { "(no name)" } else { &name };
    shortened(name, TEXT, LONG_NAME).into_owned()
}

/// Everything that charts show of a candidate.
pub(super) fn facts(candidate: &NetworkEntry, way: Option<&BenchConfig>) -> String {
    let mut facts = Vec::new();
    if let Some(top1) = candidate.top1() {
        facts.push(format!("{}% top-1 (published)", decimals(top1, 1)));
    }
    facts.push(format!("{} parameters", short_count(candidate.subject.params)));
    facts.push(format!("{} MACs", short_count(candidate.subject.macs)));
    if let Some(measurement) = way.and_then(|way| way.of(candidate)) {
        facts.push(latency(measurement));
    }
    facts.join(", ")
}

/// The data set and the recipe of networks that were trained, short enough for a caption.
pub(super) fn training_label(group: &TrainingGroup) -> String {
    const WIDEST: f64 = 800.0;
    shortened(&clean(&group.label()), TEXT, WIDEST).into_owned()
}

/// A name of a network that was trained.
pub(super) fn trained_name(network: &TrainedNetwork, is_short: bool) -> String {
    let name = clean(&network.name);
    let name = if name.trim().is_empty() { "(no name)" } else { &name };
    shortened(name, TEXT, if is_short { NAME } else { LONG_NAME }).into_owned()
}

/// Everything that charts show of a network that was trained.
pub(super) fn trained(
    network: &TrainedNetwork,
    candidate: &NetworkEntry,
    way: Option<&BenchConfig>,
) -> String {
    let mut facts = Vec::new();
    if let Some(Estimate { value, low, high }) = network.accuracy.top1 {
        let [value, low, high] = [value, low, high].map(|percent| decimals(percent, 2));
        let seeds = counted(network.accuracy.seeds.len(), "seed", "seeds");
        facts.push(format!("{value}% test top-1 ({low} to {high}, trained, {seeds})"));
    }
    facts.push(format!("{} parameters", short_count(candidate.subject.params)));
    facts.push(format!("{} MACs", short_count(candidate.subject.macs)));
    facts.extend(way.and_then(|way| way.of(candidate)).map(latency));
    facts.join(", ")
}

/// A latency with its interval and grade.
pub(super) fn latency(measurement: &Measurement) -> String {
    let Estimate { value, low, high } = measurement.latency_ms.median;
    let interval = format!("{} to {}", significant(low), significant(high));
    format!("{} ms ({interval}), grade {}", significant(value), measurement.grade)
}

/// Three significant digits.
pub(super) fn three_digits(value: f64) -> String {
    let digits = match value {
        value if value >= 99.95 => 0,
        value if value >= 9.995 => 1,
        _ => 2,
    };
    decimals(value, digits)
}

/// An interval that can be drawn: around its value, and positive.
pub(super) fn drawable(estimate: Estimate) -> Option<Estimate> {
    let Estimate { value, low, high } = estimate;
    let is_known = value > 0.0 && value.is_finite();
    let or_value = |end: f64| if end > 0.0 && end.is_finite() { end } else { value };
    is_known.then(|| Estimate {
        value,
        low: or_value(low).min(value),
        high: or_value(high).max(value),
    })
}
