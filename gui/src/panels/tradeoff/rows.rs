//! Networks with everything that is known about them as numbers.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use inceptive_app::Inspected;
use inceptive_report::{BenchConfig, density, ways_of};
use inceptive_results::{Metric, Source, statistics::Estimate};

use super::metric::AxisMetric;
use crate::{
    file::{FilePath, stem},
    model::Model,
};

/// A value of each metric, as far as it is known.
pub type Values = [Option<Estimate>; Metric::ALL.len()];

/// A network with its numbers.
#[derive(Debug)]
pub struct Row {
    /// Its file.
    pub file: FilePath,
    /// Its name in plots.
    pub name: String,
    /// The place of its family in [`Rows::families`]; `None` if it is alone.
    pub family: Option<usize>,
    /// The network.
    pub network: Arc<Inspected>,
    /// Its numbers.
    pub values: Values,
}

impl Row {
    /// A number.
    pub fn get(&self, metric: Metric) -> Option<Estimate> {
        self.values[metric.index()]
    }
}

/// All networks with their numbers.
#[derive(Debug, Default)]
pub struct Rows {
    /// The networks, in the order of files.
    pub rows: Vec<Row>,
    /// Families with at least two networks.
    pub families: Vec<String>,
    /// Ways that these networks were measured in, those with most networks first.
    pub ways: Vec<BenchConfig>,
    key: u64,
}

impl Rows {
    /// Gathers the numbers again if something changed.
    pub fn update(&mut self, model: &Model, way: Option<&str>) {
        let key = key(model, way);
        if self.key == key && !self.rows.is_empty() {
            return;
        }
        let ways = ways(model);
        let chosen = chosen(&ways, way);
        let mut families: BTreeMap<String, usize> = BTreeMap::new();
        for (entry, _) in model.networks() {
            *families.entry(family(&entry.file)).or_default() += 1;
        }
        families.retain(|_, count| *count > 1);
        let families: Vec<String> = families.into_keys().collect();
        let row = |(entry, network): (&crate::model::Entry, &Arc<Inspected>)| Row {
            file: Arc::clone(&entry.file),
            name: stem(&entry.file),
            family: families.binary_search(&family(&entry.file)).ok(),
            network: Arc::clone(network),
            values: values(model, network, chosen),
        };
        let rows = model.networks().map(row).collect();
        *self = Self { rows, families, ways, key };
    }
}

/// The way with this label; the first one if there is none.
pub(super) fn chosen<'a>(ways: &'a [BenchConfig], label: Option<&str>) -> Option<&'a BenchConfig> {
    ways.iter().find(|known| Some(&*known.label()) == label).or(ways.first())
}

/// Changes whenever the numbers do.
fn key(model: &Model, way: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (entry, network) in model.networks() {
        entry.file.hash(&mut hasher);
        Arc::as_ptr(network).hash(&mut hasher);
    }
    model.results.reading.hash(&mut hasher);
    model.settings.convention().to_string().hash(&mut hasher);
    way.hash(&mut hasher);
    hasher.finish()
}

/// The first word of a file's name: `resnet` of `resnet50.yaml`.
fn family(file: &std::path::Path) -> String {
    let name = stem(file);
    let end = name.find(|c: char| !c.is_alphabetic()).unwrap_or(name.len());
    name[..end].to_owned()
}

/// All ways that the networks were measured in.
fn ways(model: &Model) -> Vec<BenchConfig> {
    let networks = model.networks();
    let measured = networks.map(|(_, network)| model.results.of(&network.fingerprint));
    ways_of(measured.flatten())
}

/// A number without doubt; none of nothing, which no axis by powers of ten can show.
fn exact(value: f64) -> Option<Estimate> {
    (value > 0.0).then_some(Estimate { value, low: value, high: value })
}

fn values(model: &Model, network: &Inspected, way: Option<&BenchConfig>) -> Values {
    let (graph, cost) = (&network.architecture.graph, &network.cost);
    let published = network.architecture.comparable();
    let top1 = published.and_then(|published| published.top1);
    let latency = way.and_then(|way| {
        let measured = model.results.of(&network.fingerprint);
        measured.into_iter().find(|measurement| way.is_of(measurement))
    });
    Metric::ALL.map(|metric| match metric {
        Metric::Macs => on_axis(metric, model.settings.convention().total(graph)),
        Metric::Top1 => top1.and_then(exact),
        Metric::Top5 => published.and_then(|published| published.top5).and_then(exact),
        Metric::AccuracyDensity => top1.and_then(|top1| exact(density(top1, cost.total.params)?)),
        Metric::Latency => latency.map(|measurement| measurement.latency_ms.median),
        _ => metric.count(graph, cost).and_then(|count| on_axis(metric, count)),
    })
}

/// A count as axes show it; none of nothing, which no axis by powers of ten can show.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub(super) fn on_axis(metric: Metric, count: u64) -> Option<Estimate> {
    exact(metric.on_axis(count as f64))
}

/// Values of a network that is being designed, which has no published or measured values.
pub(super) fn design_values(model: &Model, network: &Inspected) -> Values {
    let mut values = values(model, network, None);
    for metric in Metric::from_source(Source::Accuracy) {
        values[metric.index()] = None;
    }
    values
}
