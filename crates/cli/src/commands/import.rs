//! `inceptive import`.

use std::{
    collections::HashMap,
    fmt::Write,
    path::{Path, PathBuf},
};

use clap::Args;
use inceptive_app::{WeightSource, files_of, import_notes, own_weights, read_onnx, weight_notes};
use inceptive_cost::{Cost, Mode, Totals, by_op};
use inceptive_dsl::{Described, describe};
use inceptive_files::{InputFiles, replace_file, replace_file_with};
use inceptive_format::exact;
use inceptive_ir::{Graph, Path as NodePath, Role};
use inceptive_onnx::Imported;
use inceptive_weights::{Missing, Weights};

use crate::{
    input::{Settings, print_note},
    output::{self, Outcome},
    table::{Column, Grid, one_line},
};

/// Read an ONNX file and print a summary.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive import model.onnx
  inceptive import model.onnx -o model.yaml --save-weights model.safetensors
  inceptive cost model.onnx --by layer",
    after_help = "Every command that takes a YAML file takes an ONNX file too. Unsupported operators are listed with
their counts."
)]
pub struct Import {
    /// An ONNX file
    file: PathBuf,
    /// Also write the network as YAML that can be edited, varied and trained
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Also write the weights as safetensors, for the YAML file if there is one, under the names that `show` prints
    #[arg(long, value_name = "FILE")]
    save_weights: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

impl Import {
    /// Reads the file and writes the weights, if that was asked for.
    ///
    /// # Errors
    /// When the file holds unsupported operators, or a file cannot be read or written.
    pub fn run(self) -> anyhow::Result<Outcome> {
        if let (Some(yaml), Some(weights)) = (&self.output, &self.save_weights)
            && InputFiles::of([yaml]).check(weights).is_err()
        {
            return Err(output::usage("--output and --save-weights name the same file"));
        }
        let imported = read_onnx(&self.file, &self.settings.all())?;
        for note in import_notes(&imported) {
            output::warn(&format!("note: {}", one_line(&note)));
        }
        let inputs = InputFiles::of(files_of(&self.file, &imported));
        let described = match &self.output {
            Some(_) => Some(as_yaml(&self.file, &imported)?),
            None => None,
        };
        if let (Some(target), Some(described)) = (&self.output, &described) {
            replace_file(target, described.yaml.as_bytes(), &inputs)?;
        }
        if let Some(target) = &self.save_weights {
            let weights = own_weights(&self.file, &imported)?;
            weight_notes(
                &WeightSource::default(),
                None,
                inceptive_bench::count_subnormals(&weights),
            )
            .iter()
            .for_each(print_note);
            let (weights, graph) = match &described {
                Some(described) => (moved(weights, &imported.graph, described)?, &described.graph),
                None => (weights, &imported.graph),
            };
            let file = weights.safetensors_file(graph)?;
            replace_file_with(target, &inputs, |out| file.write(out))?;
        }
        Ok(Outcome::new(summary(&imported)))
    }
}

/// The network of an ONNX file as YAML.
pub fn as_yaml(file: &Path, imported: &Imported) -> anyhow::Result<Described> {
    Ok(describe(&imported.graph, &title(file, imported))?)
}

/// The name of the network: the graph's, unless exporters give it to every one.
fn title(file: &Path, imported: &Imported) -> String {
    let given = imported.name.trim();
    let says_nothing = ["", "main_graph", "torch_jit", "torch-jit-export", "tf2onnx", "graph"];
    match says_nothing.contains(&given) {
        true => file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into()),
        false => given.to_owned(),
    }
}

/// The weights of a network under the names of the YAML file that describes it. They are moved, not copied.
fn moved(mut weights: Weights, graph: &Graph, described: &Described) -> Result<Weights, Missing> {
    let mut moved = Weights::default();
    let mut places: HashMap<(&NodePath, Role), &NodePath> = HashMap::new();
    for ((id, node), &to) in graph.nodes().zip(&described.nodes) {
        for (role, _) in node.op.tensors(&graph.input_shapes(id)) {
            let from = node.tensor_path(role);
            let to = described.graph.node(to).tensor_path(role);
            let values = match places.get(&(from, role)) {
                Some(&place) if place == to => continue,
                Some(&place) => moved.get(place, role)?.to_vec(),
                None => {
                    let missing = || Missing(format!("{from}.{role}"));
                    weights.take(from, role).ok_or_else(missing)?
                }
            };
            places.entry((from, role)).or_insert(to);
            moved.set(to.clone(), role, values);
        }
    }
    Ok(moved)
}

/// What the file is, and how many nodes of each operator it has.
fn summary(imported: &Imported) -> String {
    let graph = &imported.graph;
    let cost = Cost::new(graph, Mode::Training);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}, written by {}; input {}, output {}, fingerprint {}\n",
        one_line(if imported.name.is_empty() { "unnamed graph" } else { &imported.name }),
        one_line(if imported.producer.is_empty() {
            "an unknown program"
        } else {
            &imported.producer
        }),
        graph.node(graph.input()).shape,
        graph.node(graph.output()).shape,
        graph.fingerprint(),
    );
    let columns = ["nodes", "parameters", "MACs"].map(Column::Right);
    let mut grid = Grid::new([Column::Left("operator")].into_iter().chain(columns).collect());
    let cells = |name: &str, totals: &Totals| {
        let counts = [totals.nodes, totals.params, totals.macs].map(exact);
        [name.to_owned()].into_iter().chain(counts).collect()
    };
    for op in by_op(graph, &cost) {
        grid.row(cells(op.op, &op.totals));
    }
    grid.total(cells("all", &cost.total));
    text + &grid.render()
}
