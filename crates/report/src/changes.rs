//! What changed between two snapshots, and whether it is too much.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    str::FromStr,
};

use inceptive_results::{Metric, statistics::Estimate};

use crate::snapshot::{Snapshot, SnapshotNetwork};

/// What changed between two snapshots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Names of networks that are only in the old one.
    pub removed: Vec<String>,
    /// Networks that are only in the new one.
    pub added: Vec<NewNetwork>,
    /// Networks that are in both, those without any change included.
    pub networks: Vec<NetworkChange>,
}

/// A network that was not there before.
#[derive(Clone, Debug, PartialEq)]
pub struct NewNetwork {
    /// The displayed name.
    pub name: String,
    /// Its metrics.
    pub metrics: Vec<NewMetric>,
}

/// A metric on the new side.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMetric {
    /// Its name, as `--fail-if` takes it.
    pub metric: Metric,
    /// How it was measured; empty for counts.
    pub way: String,
    /// Now.
    pub value: Estimate,
}

/// What changed of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkChange {
    /// The displayed name in the new report.
    pub name: String,
    /// Whether it computes something else.
    pub differs: bool,
    /// Metrics that are known on both sides and differ.
    pub metrics: Vec<MetricChange>,
    /// Metrics that are only known on the new side, such as a latency that was measured since.
    pub new_metrics: Vec<NewMetric>,
    /// Metrics that are known on both sides and equal.
    pub same_metrics: Vec<NewMetric>,
    /// Modules that came, went or have other counts, by path.
    pub modules: Vec<String>,
}

/// A metric that differs. Counts are exact; latencies have intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricChange {
    /// Its name, as `--fail-if` takes it.
    pub metric: Metric,
    /// How it was measured; empty for counts.
    pub way: String,
    /// Before.
    pub old: Estimate,
    /// Now.
    pub new: Estimate,
}

/// The metrics that a threshold can name.
fn compared() -> impl Iterator<Item = Metric> {
    Metric::costs().chain([Metric::Top1, Metric::Latency])
}

impl MetricChange {
    /// Whether intervals leave no doubt that it changed.
    pub fn is_certain(&self) -> bool {
        !self.old.overlaps(&self.new)
    }
}

/// Compares snapshots. Networks are matched by file and settings, and by name where files were moved.
pub fn changes<'a>(old: &'a Snapshot, new: &'a Snapshot) -> Changes {
    let mut partners = Partners::new(&old.networks);
    let mut changes = Changes::default();
    for network in &new.networks {
        match partners.take(network) {
            Some(at) => changes.networks.push(change(&old.networks[at], network)),
            None => {
                let (name, metrics) = (network.name.clone(), metrics(network));
                changes.added.push(NewNetwork { name, metrics });
            }
        }
    }
    let left = old.networks.iter().zip(&partners.is_taken).filter(|(_, taken)| !**taken);
    changes.removed = left.map(|(network, _)| network.name.clone()).collect();
    changes
}

/// Networks by what they are found by, those that are free in the order of the snapshot.
struct Partners<'a> {
    by_file: HashMap<(&'a str, &'a [String]), VecDeque<usize>>,
    by_name: HashMap<&'a str, VecDeque<usize>>,
    is_taken: Vec<bool>,
}

impl<'a> Partners<'a> {
    fn new(networks: &'a [SnapshotNetwork]) -> Self {
        let (mut by_file, mut by_name) = (HashMap::new(), HashMap::new());
        for (at, network) in networks.iter().enumerate() {
            let file = (network.file.as_str(), network.point.as_slice());
            by_file.entry(file).or_insert_with(VecDeque::new).push_back(at);
            by_name.entry(network.name.as_str()).or_insert_with(VecDeque::new).push_back(at);
        }
        Self { by_file, by_name, is_taken: vec![false; networks.len()] }
    }

    /// Takes the first free one with the same file and settings, or else with the same name.
    fn take(&mut self, network: &'a SnapshotNetwork) -> Option<usize> {
        let is_taken = &self.is_taken;
        let first_free = |places: Option<&mut VecDeque<usize>>| {
            let places = places?;
            while places.front().is_some_and(|at| is_taken[*at]) {
                places.pop_front();
            }
            places.front().copied()
        };
        let same_file = self.by_file.get_mut(&(network.file.as_str(), network.point.as_slice()));
        let found = first_free(same_file)
            .or_else(|| first_free(self.by_name.get_mut(network.name.as_str())))?;
        self.is_taken[found] = true;
        Some(found)
    }
}

/// Everything that is known about a network.
fn metrics(network: &SnapshotNetwork) -> Vec<NewMetric> {
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    let exact = |count: u64| point(count as f64);
    let metric = |metric: Metric, way: &str, value: Estimate| NewMetric {
        metric,
        way: way.to_owned(),
        value,
    };
    let counts = network.counts.iter().map(|(name, count)| metric(*name, "", exact(*count)));
    let top1 = network.top1.iter().map(|top1| metric(Metric::Top1, "", point(*top1)));
    let latencies = network.latencies_ms.iter().map(|(way, ms)| metric(Metric::Latency, way, *ms));
    counts.chain(top1).chain(latencies).collect()
}

fn change(old: &SnapshotNetwork, new: &SnapshotNetwork) -> NetworkChange {
    let before = metrics(old);
    let known: HashMap<(Metric, &str), Estimate> =
        before.iter().rev().map(|old| ((old.metric, old.way.as_str()), old.value)).collect();
    let (mut changed, mut new_metrics, mut same_metrics) = (Vec::new(), Vec::new(), Vec::new());
    for now in metrics(new) {
        match known.get(&(now.metric, now.way.as_str())) {
            Some(old) if *old == now.value => same_metrics.push(now),
            Some(&old) => {
                let new = now.value;
                changed.push(MetricChange { metric: now.metric, way: now.way, old, new });
            }
            None => new_metrics.push(now),
        }
    }
    NetworkChange {
        name: new.name.clone(),
        differs: old.fingerprint != new.fingerprint,
        metrics: changed,
        new_metrics,
        same_metrics,
        modules: modules(old, new),
    }
}

const fn point(value: f64) -> Estimate {
    Estimate { value, low: value, high: value }
}

fn modules(old: &SnapshotNetwork, new: &SnapshotNetwork) -> Vec<String> {
    // The modules of networks that are known from results only are unknown.
    if old.modules.is_empty() || new.modules.is_empty() {
        return Vec::new();
    }
    let differing = |side: &SnapshotNetwork, other: &SnapshotNetwork| -> Vec<String> {
        let known: HashSet<&(String, [u64; 2])> = other.modules.iter().collect();
        let gone = side.modules.iter().filter(|module| !known.contains(module));
        gone.map(|(path, _)| path.clone()).collect()
    };
    let (mut changed, removed) = (differing(new, old), differing(old, new));
    let known: HashSet<String> = changed.iter().cloned().collect();
    changed.extend(removed.into_iter().filter(|path| !known.contains(path)));
    changed
}

/// A limit for a metric: `macs > +2%`, `params > 8M`, `median_ms > +5%`.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    text: String,
    metric: Metric,
    is_above: bool,
    limit: Limit,
}

/// The value that is limited.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    /// The new value.
    Value(f64),
    /// The difference to the old value.
    Difference(f64),
    /// The relative difference to the old value.
    Share(f64),
}

/// The text is no threshold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not METRIC > LIMIT or METRIC < LIMIT, such as `macs > +2%`, `params > 8M` or `median_ms > +5%`; \
     metrics: {list}", list = compared().map(Metric::id).collect::<Vec<_>>().join(", ")
)]
pub struct MalformedThreshold(String);

impl FromStr for Threshold {
    type Err = MalformedThreshold;

    fn from_str(text: &str) -> Result<Self, MalformedThreshold> {
        let malformed = || MalformedThreshold(text.to_owned());
        let at = text.find(['<', '>']).ok_or_else(malformed)?;
        let (metric, rest) = (text[..at].trim(), &text[at..]);
        let metric = compared().find(|known| known.id() == metric).ok_or_else(malformed)?;
        let limit = limit(rest[1..].trim()).ok_or_else(malformed)?;
        Ok(Self { text: text.trim().to_owned(), metric, is_above: rest.starts_with('>'), limit })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn limit(text: &str) -> Option<Limit> {
    let is_change = text.starts_with(['+', '-']);
    let (number, unit) =
        text.split_at(text.find(|c: char| !"+-.0123456789".contains(c)).unwrap_or(text.len()));
    let number: f64 = number.parse().ok().filter(|number: &f64| number.is_finite())?;
    let factor = match unit.trim() {
        "%" => return is_change.then_some(Limit::Share(number / 100.0)),
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        _ => return None,
    };
    Some(if is_change { Limit::Difference(number * factor) } else { Limit::Value(number * factor) })
}

impl Threshold {
    /// Whether a change exceeds the limit beyond measurement error: for a latency, for all values in both intervals. A
    /// value without an old value has no change, and can only exceed an absolute limit.
    fn is_broken_by(&self, old: Option<Estimate>, new: Estimate) -> bool {
        // The least change that the intervals allow.
        let old = old.map(|old| if self.is_above { old.high } else { old.low });
        let new = if self.is_above { new.low } else { new.high };
        let limit = match (self.limit, old) {
            (Limit::Value(limit), _) => limit,
            (Limit::Difference(limit), Some(old)) => old + limit,
            (Limit::Share(limit), Some(old)) => old * (1.0 + limit),
            (Limit::Difference(_) | Limit::Share(_), None) => return false,
        };
        // A value equal to the limit is allowed, despite rounding of percentages.
        let rounding = limit.abs() * 1e-12;
        if self.is_above { new > limit + rounding } else { new < limit - rounding }
    }

    /// The networks that exceed it. Networks are checked if they or their metric are new, or if the metric changed. A limit
    /// of the value also applies to changed networks with an equal metric, a limit of the change to all: no change is above
    /// `-5%`. Removed networks are not checked.
    pub fn broken<'c>(&'c self, changes: &'c Changes) -> Vec<Breach<'c>> {
        let mut breaches = Vec::new();
        for network in &changes.networks {
            for it in &network.metrics {
                self.hold(&network.name, (it.metric, &it.way), Some(it.old), it.new, &mut breaches);
            }
            for it in &network.new_metrics {
                self.hold(&network.name, (it.metric, &it.way), None, it.value, &mut breaches);
            }
            let holds_for_equal = match self.limit {
                Limit::Value(_) => network.differs,
                // No change may be more than is allowed, such as less than 5% less.
                Limit::Difference(_) | Limit::Share(_) => true,
            };
            if holds_for_equal {
                for it in &network.same_metrics {
                    let value = Some(it.value);
                    self.hold(&network.name, (it.metric, &it.way), value, it.value, &mut breaches);
                }
            }
        }
        for network in &changes.added {
            for it in &network.metrics {
                self.hold(&network.name, (it.metric, &it.way), None, it.value, &mut breaches);
            }
        }
        breaches
    }

    /// Whether its metric is unknown for all networks of the new side, so that it limits nothing.
    pub fn is_unchecked(&self, changes: &Changes) -> bool {
        let of_networks = changes.networks.iter().flat_map(|network| {
            let changed = network.metrics.iter().map(|it| it.metric);
            let others = network.new_metrics.iter().chain(&network.same_metrics);
            changed.chain(others.map(|it| it.metric))
        });
        let added = changes.added.iter().flat_map(|network| &network.metrics);
        !of_networks.chain(added.map(|it| it.metric)).any(|metric| metric == self.metric)
    }

    fn hold<'c>(
        &'c self,
        network: &'c str,
        (metric, way): (Metric, &'c str),
        old: Option<Estimate>,
        new: Estimate,
        breaches: &mut Vec<Breach<'c>>,
    ) {
        if metric == self.metric && self.is_broken_by(old, new) {
            breaches.push(Breach { threshold: self, network, metric, way, old, new });
        }
    }
}

/// A limit that was exceeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breach<'c> {
    /// The threshold.
    pub threshold: &'c Threshold,
    /// The name of the network.
    pub network: &'c str,
    /// The metric.
    pub metric: Metric,
    /// How it was measured; empty for counts.
    pub way: &'c str,
    /// Before; `None` if it was not known.
    pub old: Option<Estimate>,
    /// Now.
    pub new: Estimate,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(metric: Metric, old: [f64; 3], new: [f64; 3]) -> Changes {
        let estimate = |[low, value, high]: [f64; 3]| Estimate { value, low, high };
        let metric =
            MetricChange { metric, way: String::new(), old: estimate(old), new: estimate(new) };
        let network = NetworkChange {
            name: "n".to_owned(),
            differs: true,
            metrics: vec![metric],
            new_metrics: vec![],
            same_metrics: vec![],
            modules: vec![],
        };
        Changes { networks: vec![network], ..Changes::default() }
    }

    fn breaks(threshold: &str, changes: &Changes) -> bool {
        !threshold.parse::<Threshold>().unwrap().broken(changes).is_empty()
    }

    #[test]
    fn thresholds_are_about_values_and_changes() {
        let more = change(Metric::Macs, [100.0; 3], [103.0; 3]);
        assert!(breaks("macs > +2%", &more));
        assert!(!breaks("macs > +3%", &more));
        assert!(breaks("macs>+2", &more));
        assert!(breaks("macs > 102", &more));
        assert!(!breaks("params > +2%", &more));
        assert!(!breaks("macs < -2%", &more));
        assert!(breaks("macs < -2%", &change(Metric::Macs, [100.0; 3], [97.0; 3])));
    }

    #[test]
    fn limits_of_unknown_metrics_are_told() {
        let changes = change(Metric::Macs, [100.0; 3], [103.0; 3]);
        let is_unchecked = |text: &str| text.parse::<Threshold>().unwrap().is_unchecked(&changes);
        assert!(!is_unchecked("macs > +9%"));
        assert!(is_unchecked("top1 < 80") && is_unchecked("median_ms > +5%"));
    }

    #[test]
    fn latencies_need_intervals_that_leave_no_doubt() {
        assert!(!breaks(
            "median_ms > +5%",
            &change(Metric::Latency, [9.0, 10.0, 11.0], [10.5, 11.0, 12.0])
        ));
        assert!(breaks(
            "median_ms > +5%",
            &change(Metric::Latency, [9.9, 10.0, 10.1], [11.0, 11.1, 11.2])
        ));
    }

    /// There is nothing to compare new metrics with, so only limits of the value apply.
    #[test]
    fn what_is_new_is_held_against_values() {
        let metric = |metric: Metric, value: f64| NewMetric {
            metric,
            way: String::new(),
            value: Estimate { value, low: value * 0.9, high: value * 1.1 },
        };
        let network = |metrics| NewNetwork { name: "n".to_owned(), metrics };
        let new = Changes {
            added: vec![network(vec![metric(Metric::Params, 9e6)])],
            ..Changes::default()
        };
        assert!(breaks("params > 8M", &new));
        assert!(!breaks("params > 8.5M", &new), "the interval reaches below");
        assert!(!breaks("params > +2%", &new) && !breaks("params > +1M", &new));
        assert!(breaks("params < 10M", &new) && !breaks("macs > 1", &new));
        // A latency that was only measured now.
        let mut known = change(Metric::Macs, [1.0; 3], [2.0; 3]);
        known.networks[0].new_metrics.push(metric(Metric::Latency, 20.0));
        assert!(breaks("median_ms > 10", &known) && !breaks("median_ms > +1%", &known));
    }

    /// A limit of the value applies to a changed network even if the metric is equal, a limit of the change to all networks.
    #[test]
    fn equal_metrics_of_changed_networks_are_held_against_values() {
        let exact = |value: f64| Estimate { value, low: value, high: value };
        let metric = |metric: Metric, value: f64| NewMetric {
            metric,
            way: String::new(),
            value: exact(value),
        };
        let mut changed = change(Metric::Macs, [1.0; 3], [2.0; 3]);
        changed.networks[0].same_metrics =
            vec![metric(Metric::Params, 9e6), metric(Metric::Top1, 70.0)];
        assert!(breaks("params > 8M", &changed) && breaks("top1 < 99", &changed));
        assert!(!breaks("params > 9M", &changed), "a value equal to the limit is allowed");
        assert!(breaks("params > -1%", &changed) && breaks("params < +1", &changed));
        assert!(!breaks("params > +0", &changed) && !breaks("params < -1%", &changed));
        changed.networks[0].differs = false;
        assert!(breaks("params > -1%", &changed));
        assert!(!breaks("params > 8M", &changed), "the network is the same");
    }

    #[test]
    fn malformed_thresholds_are_refused() {
        for text in
            ["", "macs", "macs >", "macs > x", "mac > +2%", "macs > 2%", "macs > +2Q", "macs > +-2"]
        {
            assert!(text.parse::<Threshold>().is_err(), "{text}");
        }
    }
}
