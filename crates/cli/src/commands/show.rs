//! `inceptive show`.

use std::{collections::BTreeSet, path::PathBuf};

use clap::{Args, ValueEnum};
use inceptive_app::{is_onnx, read_onnx};
use inceptive_cost::{Cost, Mode, by_module};
use inceptive_draw::{Drawing, Open};
use inceptive_dsl::{Disk, Loaded, resolve};
use inceptive_files::{InputFiles, replace_file};
use inceptive_format::exact;
use inceptive_ir::{Graph, NodeId};

use crate::{
    commands::import::as_yaml,
    input::{Settings, read},
    output::{self, Outcome},
    table::{Column, Grid},
};

/// Show a network as a table or a graph.
#[derive(Args, Debug)]
#[command(before_help = "Examples:
  inceptive show architectures/googlenet.yaml --depth 1
  inceptive show architectures/googlenet.yaml --depth 2 --format svg -o googlenet.svg
  inceptive show architectures/resnet18.yaml --format dot | dot -Tpdf > resnet18.pdf
  inceptive show architectures/googlenet.yaml --depth 1 --format mermaid
  inceptive show architectures/spaces/googlenet-widths.yaml --set width=0.5 --format yaml -o x.yaml
  inceptive show model.onnx --format yaml -o model.yaml")]
pub struct Show {
    /// An architecture, a space with --set, or an ONNX file
    file: PathBuf,
    /// Path segments to show: 1 for modules, 2 for their branches; default: every node
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..))]
    depth: Option<u8>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

/// What a network is shown as.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A text table
    Table,
    /// Graphviz
    Dot,
    /// A Mermaid flowchart
    Mermaid,
    /// An SVG picture
    Svg,
    /// One self-contained YAML file with settings applied, also of an ONNX file; ignores --depth
    Yaml,
}

impl Show {
    /// Shows the network, auxiliary heads included.
    ///
    /// # Errors
    /// When the output file cannot be written or is the input, or the picture would be too large.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let Some(loaded) = read(&self.file, &self.settings) else {
            return Ok(Outcome { text: String::new(), failed: true });
        };
        let depth = self.depth.map(usize::from);
        let graph = &loaded.architecture.graph;
        let text = match (self.format, depth) {
            (Format::Table, None) => nodes(&loaded),
            (Format::Table, Some(depth)) => modules(graph, depth),
            (Format::Dot, depth) => drawn(inceptive_draw::dot(graph, &Open::above(depth))),
            (Format::Mermaid, depth) => drawn(inceptive_draw::mermaid(graph, &Open::above(depth))),
            (Format::Svg, depth) => drawn(inceptive_draw::svg(graph, &Open::above(depth))?),
            (Format::Yaml, _) if is_onnx(&self.file) => {
                as_yaml(&self.file, &read_onnx(&self.file, &self.settings.all())?)?.yaml
            }
            (Format::Yaml, _) => resolve(&Disk, &self.file, &self.settings.all())?,
        };
        let Some(path) = self.output else { return Ok(Outcome::new(text)) };
        replace_file(&path, text.as_bytes(), &InputFiles::of(loaded.sources.paths()))?;
        output::wrote(&path);
        Ok(Outcome::default())
    }
}

/// A drawing's text; prints a note if it is simplified.
fn drawn(drawing: Drawing) -> String {
    if let Some(simplified) = drawing.simplified {
        output::warn(&format!("note: {simplified}"));
    }
    drawing.text
}

fn nodes(loaded: &Loaded) -> String {
    let graph = &loaded.architecture.graph;
    let mut grid = Grid::new(vec![
        Column::Left("node"),
        Column::Left("op"),
        Column::Right("output"),
        Column::Left("reads"),
        Column::Left("attributes"),
        Column::Left("written in"),
    ]);
    for (id, node) in graph.nodes() {
        let mut attributes: Vec<String> =
            node.op.attributes().iter().map(|(name, value)| format!("{name} {value}")).collect();
        if !node.shared.is_empty() {
            attributes.push(format!("shares {}", node.shared));
        }
        let place = node.span.and_then(|span| loaded.sources.locate(span));
        grid.row(vec![
            node.path.to_string(),
            node.op.name().to_owned(),
            node.shape.to_string(),
            inputs(graph, id),
            attributes.join(", "),
            place.map_or_else(String::new, |(file, at)| format!("{}:{}", file.display(), at.line)),
        ]);
    }
    grid.render()
}

fn inputs(graph: &Graph, id: NodeId) -> String {
    let paths: Vec<String> =
        graph.inputs(id).into_iter().map(|input| graph.node(input).path.to_string()).collect();
    paths.join(", ")
}

fn modules(graph: &Graph, depth: usize) -> String {
    let mut grid = Grid::new(vec![
        Column::Left("module"),
        Column::Right("output"),
        Column::Right("nodes"),
        Column::Right("parameters"),
        Column::Right("MACs"),
        Column::Left("reads"),
    ]);
    let cost = Cost::new(graph, Mode::Training);
    for module in by_module(graph, &cost, depth) {
        let inputs = module.nodes.iter().flat_map(|&id| graph.inputs(id));
        let reads: BTreeSet<NodeId> =
            inputs.filter(|&id| !graph.node(id).path.is_within(&module.path)).collect();
        let reads: Vec<&str> = reads.iter().map(|&id| graph.node(id).path.as_str()).collect();
        grid.row(vec![
            if module.path.is_root() { "(all)".to_owned() } else { module.path.to_string() },
            module.output.to_string(),
            exact(module.totals.nodes),
            exact(module.totals.params),
            exact(module.totals.macs),
            reads.join(", "),
        ]);
    }
    grid.render()
}
