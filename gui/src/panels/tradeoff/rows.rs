//! Networks with everything that is known about them as numbers.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    mem,
    path::Path,
    sync::Arc,
};

use inceptive_app::Inspected;
use inceptive_cost::Convention;
use inceptive_report::{BenchConfig, density, ways_of};
use inceptive_results::{ImportedResult, Metric, Origin, Source, Value, statistics::Estimate};

use super::{metric::AxisMetric, quantity::Quantity, runs::RunRow};
use crate::{
    file::{FilePath, stem},
    model::{Entry, Model},
    results::TrainedOn,
};

/// The lower end of an interval that includes nothing, as a share of the value.
const LEAST_SHARE: f64 = 0.01;

/// A value of each metric, as far as it is known.
pub type Values = [Option<Estimate>; Metric::ALL.len()];

/// A network with its numbers.
#[derive(Debug)]
pub struct Row {
    /// Its file.
    pub file: FilePath,
    /// Its name in plots.
    pub name: String,
    /// The symbol and colour of its family; `None` if it is alone.
    pub family: Option<usize>,
    /// The network.
    pub network: Arc<Inspected>,
    /// Its numbers.
    pub values: Values,
    /// The seeds of its accuracies; none of published ones.
    pub seeds: Vec<u64>,
    /// Its published top-1 and top-5 accuracies, whichever are on axes.
    pub published: [Option<Estimate>; 2],
    /// Those that it was trained to, on the chosen data or else on those of the latest run.
    pub trained: [Option<Estimate>; 2],
    /// The latest top-1 and top-5 accuracy and latency in the user's own tables.
    pub imported: [Option<Estimate>; 3],
    /// Whether the filter lets it through.
    pub is_shown: bool,
}

impl Row {
    /// A number; none of variables of a space.
    pub fn get(&self, quantity: impl Into<Quantity>) -> Option<Estimate> {
        quantity.into().metric().and_then(|metric| self.values[metric.index()])
    }
}

/// All networks with their numbers.
#[derive(Debug, Default)]
pub struct Rows {
    /// The networks, in the order of files.
    pub rows: Vec<Row>,
    /// The symbols and colours of families. A family keeps its own when files come and go.
    pub families: BTreeMap<String, usize>,
    /// Ways that these networks were measured in, those with most networks first.
    pub ways: Vec<BenchConfig>,
    /// What these networks were trained on, with labels, that of the latest run first.
    pub trained: Vec<(TrainedOn, String)>,
    /// Which of these accuracies are of; published ones without it.
    pub chosen: Option<usize>,
    /// Training runs, if the table lists them.
    pub runs: Vec<RunRow>,
    /// Of which reading of the store they are.
    runs_of: Option<u64>,
    /// Another number whenever the numbers change.
    pub key: u64,
}

impl Rows {
    /// Gathers the numbers again if something changed.
    pub fn update(&mut self, model: &Model, way: Option<&str>, trained: Option<&str>) {
        let key = key(model, way, trained);
        if self.key == key && !self.rows.is_empty() {
            return;
        }
        let ways = ways(model);
        let way = chosen(&ways, way);
        let all = trained_on(model);
        let of_label = |label| all.iter().position(|(known, _)| known.exact_label() == label);
        let chosen = trained.and_then(of_label);
        let on = chosen.map(|at| &all[at].0);
        let latest = on.or_else(|| all.first().map(|(on, _)| on));
        let mut families = mem::take(&mut self.families);
        add_families(&mut families, model);
        let row = |(entry, network): (&Entry, &Arc<Inspected>)| Row {
            file: Arc::clone(&entry.file),
            name: stem(&entry.file),
            family: families.get(&family(entry, model)).copied(),
            network: Arc::clone(network),
            values: values(model, network, way, on),
            seeds: on.map(|on| seeds(model, network, on)).unwrap_or_default(),
            published: accuracies(model, network, None),
            trained: latest.map_or([None; 2], |on| accuracies(model, network, Some(on))),
            imported: imported(model, &stem(&entry.file), network),
            is_shown: true,
        };
        let rows = model.networks().map(row).collect();
        *self = Self { rows, families, ways, trained: all, chosen, key, ..Self::default() };
    }

    /// Gathers training runs again if something changed.
    pub fn update_runs(&mut self, model: &Model, are_listed: bool) {
        let of = are_listed.then_some(model.results.reading);
        if self.runs_of != of {
            self.runs_of = of;
            self.runs = if are_listed { RunRow::all(model) } else { vec![] };
        }
    }

    /// Of which reading of the store the training runs are; `None` if they are not listed.
    pub const fn runs_of(&self) -> Option<u64> {
        self.runs_of
    }

    /// The label of what accuracies were trained on; `None` if they are published ones.
    pub fn accuracy(&self) -> Option<&str> {
        self.chosen.map(|at| self.trained[at].1.as_str())
    }

    /// The name of a metric, with its unit and where its values come from.
    pub fn title(&self, metric: Metric, convention: Convention) -> String {
        match self.accuracy().filter(|_| metric.is_accuracy()) {
            Some(label) => format!("{}: {label}", metric.trained_title()),
            None => metric.title(convention),
        }
    }

    /// The title without what accuracies were trained on.
    pub fn short_title(&self, metric: Metric, convention: Convention) -> String {
        match self.accuracy().is_some() && metric.is_accuracy() {
            true => metric.trained_title(),
            false => metric.title(convention),
        }
    }
}

/// Gives symbols and colours to new families with at least two networks.
fn add_families(families: &mut BTreeMap<String, usize>, model: &Model) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (entry, _) in model.networks() {
        *counts.entry(family(entry, model)).or_default() += 1;
    }
    for name in counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name) {
        let is_free = |slot: &usize| !families.values().any(|taken| taken == slot);
        if let Some(slot) = (0..).find(is_free) {
            families.entry(name).or_insert(slot);
        }
    }
}

/// What the networks were trained on, with labels.
fn trained_on(model: &Model) -> Vec<(TrainedOn, String)> {
    let known: HashSet<&str> =
        model.networks().map(|(_, network)| network.fingerprint.as_str()).collect();
    let runs = || model.results.training_runs.iter().map(|stored| &stored.result);
    let is_of_one = |on: &TrainedOn| {
        runs().any(|run| on.is_of(run) && known.contains(run.subject.fingerprint.as_str()))
    };
    let all: Vec<TrainedOn> = model.results.trained_on().into_iter().filter(is_of_one).collect();
    let labels = TrainedOn::labels(&all);
    all.into_iter().zip(labels).collect()
}

/// The seeds that a network was trained with.
fn seeds(model: &Model, network: &Inspected, on: &TrainedOn) -> Vec<u64> {
    let runs = model.results.trained(&network.fingerprint, on);
    match Value::trained_top1(&runs).map(|value| value.origin) {
        Some(Origin::Trained { seeds, .. }) => seeds,
        _ => vec![],
    }
}

/// The way with this label; the first one if there is none.
pub(super) fn chosen<'a>(ways: &'a [BenchConfig], label: Option<&str>) -> Option<&'a BenchConfig> {
    ways.iter().find(|known| Some(&*known.label()) == label).or(ways.first())
}

/// Changes whenever the numbers do.
fn key(model: &Model, way: Option<&str>, trained: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (entry, network) in model.networks() {
        entry.file.hash(&mut hasher);
        Arc::as_ptr(network).hash(&mut hasher);
    }
    model.results.reading.hash(&mut hasher);
    model.settings.convention().to_string().hash(&mut hasher);
    way.hash(&mut hasher);
    trained.hash(&mut hasher);
    hasher.finish()
}

/// The first word of a file's name, with the folder that it is in: `resnet` of `resnet50.yaml`, `small/single` of
/// `small/single-3x3.yaml`. A design is of the family of the network that it is made of, whatever its file is called.
fn family(entry: &Entry, model: &Model) -> String {
    let original = model.original_of(entry).unwrap_or(entry);
    let is_design = entry.design.is_some();
    let base = original.space().filter(|_| is_design).map(|space| space.base_file.as_path());
    let file = base.unwrap_or(&original.file);
    let name = stem(file);
    let end = name.find(|c: char| !c.is_alphabetic()).unwrap_or(name.len());
    let folder = model.name_of(file).parent().unwrap_or(Path::new(""));
    folder.join(&name[..end]).display().to_string()
}

/// All ways that the networks were measured in.
fn ways(model: &Model) -> Vec<BenchConfig> {
    let networks = model.networks();
    let measured = networks.map(|(_, network)| model.results.of(&network.fingerprint));
    ways_of(measured.flatten())
}

/// An estimate whose interval every axis can show; none of nothing.
fn positive(estimate: Estimate) -> Option<Estimate> {
    let low = estimate.low.max(estimate.value * LEAST_SHARE);
    (estimate.value > 0.0).then_some(Estimate { low, ..estimate })
}

/// A number without doubt; none of nothing, which no axis by powers of ten can show.
fn exact(value: f64) -> Option<Estimate> {
    (value > 0.0).then_some(Estimate { value, low: value, high: value })
}

/// Top-1 and top-5 accuracies: published ones, or those of training runs.
fn accuracies(
    model: &Model,
    network: &Inspected,
    trained: Option<&TrainedOn>,
) -> [Option<Estimate>; 2] {
    match trained {
        Some(on) => {
            let runs = model.results.trained(&network.fingerprint, on);
            [Value::trained_top1(&runs), Value::trained_top5(&runs)]
                .map(|it| positive(it?.estimate))
        }
        None => {
            let published = network.architecture.comparable();
            [published.and_then(|it| it.top1), published.and_then(|it| it.top5)]
                .map(|it| exact(it?))
        }
    }
}

/// The latest top-1 and top-5 accuracy and latency in the user's own tables.
fn imported(model: &Model, name: &str, network: &Inspected) -> [Option<Estimate>; 3] {
    let results = model.results.imported(name, network);
    let of: [fn(&ImportedResult) -> Option<f64>; 3] =
        [|result| result.top1, |result| result.top5, |result| result.latency_ms];
    of.map(|of| results.iter().rev().find_map(|result| of(result)).and_then(exact))
}

fn values(
    model: &Model,
    network: &Inspected,
    way: Option<&BenchConfig>,
    trained: Option<&TrainedOn>,
) -> Values {
    let (graph, cost) = (&network.architecture.graph, &network.cost);
    let [top1, top5] = accuracies(model, network, trained);
    let density_of = |top1: Estimate| {
        let per_million = density(1.0, cost.total.params)?;
        Some(top1.map(|points| points * per_million))
    };
    let latency = way.and_then(|way| {
        let measured = model.results.of(&network.fingerprint);
        measured.into_iter().find(|measurement| way.is_of(measurement))
    });
    Metric::ALL.map(|metric| match metric {
        Metric::Macs => on_axis(metric, model.settings.convention().total(graph)),
        Metric::Top1 => top1,
        Metric::Top5 => top5,
        Metric::AccuracyDensity => top1.and_then(density_of),
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
    let mut values = values(model, network, None, None);
    for metric in Metric::from_source(Source::Accuracy) {
        values[metric.index()] = None;
    }
    values
}
