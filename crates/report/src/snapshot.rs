//! Networks as they were at some time: read from a report's `data.json`, or made from candidates.

use inceptive_results::{Measurement, Metric, statistics::Estimate};
use serde::Deserialize;

use crate::{
    candidate::NetworkEntry,
    layer::by_part,
    report::Analysis,
    way::{WayIndex, batch_and_threads},
};

/// Networks at some time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The networks.
    pub networks: Vec<SnapshotNetwork>,
}

/// A network at some time.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotNetwork {
    /// The displayed name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Values that were set, as `key=value`.
    pub point: Vec<String>,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Counts by name.
    pub counts: Vec<(Metric, u64)>,
    /// Published top-1 accuracy in percent that was compared.
    pub top1: Option<f64>,
    /// Latencies in milliseconds by the way to run.
    pub latencies_ms: Vec<(String, Estimate)>,
    /// Parameters and MACs of modules, by path.
    pub modules: Vec<(String, [u64; 2])>,
}

/// The file is no report's data.
#[derive(Debug, thiserror::Error)]
#[error("this is not the data.json of a report: {0}")]
pub struct NotAReport(#[from] serde_json::Error);

/// `data.json`, as far as it is compared.
#[derive(Deserialize)]
struct Document {
    candidates: Vec<Network>,
}

#[derive(Deserialize)]
struct Network {
    name: String,
    file: String,
    #[serde(default)]
    point: Vec<String>,
    fingerprint: String,
    /// All other keys, counts among them.
    #[serde(flatten)]
    others: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    published: Vec<Published>,
    #[serde(default)]
    measurements: Vec<Measured>,
    #[serde(default)]
    modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Published {
    top1: Option<f64>,
    compared: bool,
}

#[derive(Deserialize)]
struct Measured {
    machine: String,
    engine: String,
    engine_version: String,
    device: String,
    precision: String,
    batch: u32,
    threads: u32,
    #[serde(default)]
    isa: Option<String>,
    median_ms: f64,
    low_ms: f64,
    high_ms: f64,
}

#[derive(Deserialize)]
struct Module {
    path: String,
    depth: usize,
    params: u64,
    macs: u64,
}

impl Snapshot {
    /// Reads a report's `data.json`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_json(text: &str) -> Result<Self, NotAReport> {
        let document: Document = serde_json::from_str(text)?;
        Ok(Self { networks: document.candidates.into_iter().map(from_document).collect() })
    }

    /// The current state of networks.
    pub fn of(candidates: &[NetworkEntry]) -> Self {
        let ways = Analysis::new(candidates).ways;
        let index = WayIndex::new(&ways);
        Self { networks: candidates.iter().map(|candidate| now(candidate, &index)).collect() }
    }
}

/// The counts that are known, by metric.
fn known_counts(count: impl Fn(Metric) -> Option<u64>) -> Vec<(Metric, u64)> {
    Metric::costs().filter_map(|metric| Some((metric, count(metric)?))).collect()
}

/// Batch, threads and, where it is known, the instruction set.
fn load(batch: u32, threads: u32, isa: Option<&str>) -> String {
    let isa = isa.map_or_else(String::new, |isa| format!(", {isa}"));
    batch_and_threads(batch, threads) + &isa
}

fn from_document(network: Network) -> SnapshotNetwork {
    let latency = |m: &Measured| {
        let Measured { machine, engine, engine_version, device, precision, .. } = m;
        let load = load(m.batch, m.threads, m.isa.as_deref());
        let way = format!(
            "{engine} {engine_version} on {device}, {precision}, {load}, machine {machine}"
        );
        (way, Estimate { value: m.median_ms, low: m.low_ms, high: m.high_ms })
    };
    let compared = network.published.iter().find(|published| published.compared);
    let outer = network.modules.into_iter().filter(|module| module.depth == 1);
    SnapshotNetwork {
        name: network.name,
        file: network.file,
        point: network.point,
        fingerprint: network.fingerprint,
        counts: known_counts(|metric| network.others.get(metric.id())?.as_u64()),
        top1: compared.and_then(|published| published.top1),
        latencies_ms: network.measurements.iter().map(latency).collect(),
        modules: outer.map(|module| (module.path, [module.params, module.macs])).collect(),
    }
}

fn now(candidate: &NetworkEntry, ways: &WayIndex<'_>) -> SnapshotNetwork {
    let subject = &candidate.subject;
    let latency = |(_, m): (usize, &Measurement)| {
        let r = &m.runtime;
        let name = format!(
            "{} {} on {}, {}, {}, machine {}",
            r.engine,
            r.engine_version,
            r.device_and_mode(),
            r.precision,
            load(r.batch, r.threads, r.isa.as_deref()),
            m.machine.id()
        );
        (name, m.latency_ms.median)
    };
    let parts = candidate.network.as_ref().map_or_else(Vec::new, |network| by_part(network, None));
    let outer = parts.into_iter().filter(|part| part.depth == 1);
    SnapshotNetwork {
        name: candidate.name.clone(),
        file: subject.file.clone(),
        point: subject.point.clone(),
        fingerprint: candidate.fingerprint.clone(),
        counts: known_counts(|metric| candidate.count(metric)),
        top1: candidate.top1(),
        latencies_ms: ways.measurements(candidate).into_iter().map(latency).collect(),
        modules: outer.map(|part| (part.path.to_string(), [part.params, part.macs])).collect(),
    }
}
