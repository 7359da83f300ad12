//! Counts of a network as Python values.

use inceptive_cost::{Cost, Totals, by_module, by_op};
use inceptive_dsl::Loaded;
use inceptive_ir::{AttributeValue, Graph, Size};
use inceptive_results::Metric;
use pyo3::prelude::*;

use crate::table::{Columns, counts, text};

/// Counts of a whole network.
#[derive(IntoPyObject)]
pub struct Counted {
    counts: Vec<(&'static str, u64)>,
    flops_per_byte: Option<f64>,
    receptive_field: Field,
}

/// A receptive field; `None` where it is irregular or too large to be counted.
#[derive(IntoPyObject)]
struct Field {
    size: Option<(u32, u32)>,
    stride: Option<(u32, u32)>,
    gated: bool,
    at: String,
}

impl Counted {
    /// The counts of a graph.
    pub fn new(graph: &Graph, cost: &Cost) -> Self {
        let count = |metric: Metric| match metric {
            Metric::PeakActivationBytes => Some((metric.id(), cost.peak.bytes)),
            other => Some((other.id(), other.total(&cost.total)?)),
        };
        let pair = |size: Size| (size.height, size.width);
        let field = cost.receptive_field;
        Self {
            counts: Metric::costs().filter_map(count).collect(),
            flops_per_byte: cost.intensity(),
            receptive_field: Field {
                size: field.size.map(pair),
                stride: field.stride.map(pair),
                gated: field.is_gated,
                at: graph.node(cost.feature_map).path.to_string(),
            },
        }
    }
}

/// A row for each node.
pub fn layers(loaded: &Loaded, cost: &Cost) -> Columns {
    let graph = &loaded.architecture.graph;
    let nodes = || cost.nodes.iter().map(|node| graph.node(node.id));
    let reads = cost.nodes.iter().map(|node| {
        let inputs = graph.inputs(node.id);
        inputs.iter().map(|&id| graph.node(id).path.as_str()).collect::<Vec<_>>().join(", ")
    });
    let places = nodes().map(|node| {
        let place = node.span.and_then(|span| loaded.sources.locate(span));
        place.map_or_else(String::new, |(file, at)| format!("{}:{}", file.display(), at.line))
    });
    let rows: Vec<Totals> = cost.nodes.iter().map(Totals::from).collect();
    let mut columns = vec![
        text("path", nodes().map(|node| node.path.to_string())),
        text("op", nodes().map(|node| node.op.name().to_owned())),
        text("output", nodes().map(|node| node.shape.to_string())),
        text("reads", reads),
        text("attributes", nodes().map(|node| attributes(&node.op.attributes()))),
    ];
    columns.extend(counts(&rows).into_iter().filter(|(name, _)| name != Metric::Nodes.id()));
    columns.push(text("written_in", places));
    columns
}

/// As `kernel 3x3, stride 2`.
fn attributes(attributes: &[(&str, AttributeValue)]) -> String {
    let pair = |(name, value): &(&str, AttributeValue)| format!("{name} {value}");
    attributes.iter().map(pair).collect::<Vec<_>>().join(", ")
}

/// A row for each module `depth` segments of a path down.
pub fn modules(graph: &Graph, cost: &Cost, depth: usize) -> Columns {
    let modules = by_module(graph, cost, depth);
    let rows: Vec<Totals> = modules.iter().map(|module| module.totals).collect();
    let mut columns = vec![
        text("path", modules.iter().map(|module| module.path.to_string())),
        text("output", modules.iter().map(|module| module.output.to_string())),
    ];
    columns.extend(counts(&rows));
    columns
}

/// A row for each operator.
pub fn operators(graph: &Graph, cost: &Cost) -> Columns {
    let operators = by_op(graph, cost);
    let rows: Vec<Totals> = operators.iter().map(|one| one.totals).collect();
    let mut columns = vec![text("op", operators.iter().map(|one| one.op.to_owned()))];
    columns.extend(counts(&rows));
    columns
}
