//! `inceptive diff`.

use std::{cmp::Ordering, collections::HashSet, fmt::Write, path::PathBuf};

use clap::Args;
use inceptive_cost::{
    AttributeChange, Change, Diff as Difference, HeadChange, HeadSide, Mode, ModuleChange,
    ModuleCost, NodeChange, NodeSide, Totals, diff,
};
use inceptive_dsl::{Loaded, Setting};
use inceptive_format::{bytes, change, exact, percent_change};
use inceptive_ir::{Path, Shape};
use inceptive_results::{Metric, Unit};
use serde_json::{Map, Value, json};

use crate::{
    input::{ModeName, Settings, read_for},
    json::{self, Document, List},
    output::{Outcome, print_json},
    table::{Column, Grid, one_line},
};

/// Compare two networks node by node and module by module.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive diff architectures/googlenet.yaml architectures/googlenet-bn.yaml
  inceptive diff architectures/googlenet.yaml architectures/googlenet.yaml --set-b 4a.c3=256
  inceptive diff architectures/resnet18.yaml architectures/resnet34.yaml --depth 2 --json",
    after_help = "Changes are from A, the base, to B. Nodes are matched by their paths, which come from
the names in the YAML."
)]
pub struct Diff {
    /// The base network
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The network that is compared with the base
    #[arg(value_name = "B")]
    b: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Module depth: 1 for whole modules, 2 for their branches
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..))]
    depth: u8,
    /// Compare the networks as deployed, or with auxiliary heads and dropout
    #[arg(long, value_name = "MODE", default_value = "inference")]
    mode: ModeName,
    /// Like --set, for A only
    #[arg(long, value_name = "KEY=VALUE")]
    set_a: Vec<Setting>,
    /// Like --set, for B only
    #[arg(long, value_name = "KEY=VALUE")]
    set_b: Vec<Setting>,
    #[command(flatten)]
    settings: Settings,
}

impl Diff {
    /// Compares two valid networks.
    ///
    /// # Errors
    /// When the document cannot be written.
    pub fn run(self) -> anyhow::Result<Outcome> {
        // Both are read before giving up, so that both files' errors are shown.
        let a = read_for(self.mode, &self.a, &self.settings.and(&self.set_a));
        let b = read_for(self.mode, &self.b, &self.settings.and(&self.set_b));
        let (Some(a), Some(b)) = (a, b) else {
            let text = if self.json { "null\n" } else { "" };
            return Ok(Outcome { text: text.to_owned(), failed: true });
        };
        let mode = Mode::from(self.mode);
        let graphs = (&a.architecture.graph, &b.architecture.graph);
        let difference = diff(graphs.0, graphs.1, mode, self.depth.into());
        if self.json {
            print_json(&document(&a, &b, &difference, mode))?;
            return Ok(Outcome::default());
        }
        Ok(Outcome::new(page(&a, &b, &difference, mode)))
    }
}

fn title(loaded: &Loaded) -> String {
    let architecture = &loaded.architecture;
    let point: Vec<String> =
        architecture.point.iter().map(|(key, value)| format!(" {key}={value}")).collect();
    one_line(&format!("{}{} ({})", architecture.name, point.concat(), architecture.file.display()))
}

fn page(a: &Loaded, b: &Loaded, difference: &Difference, mode: Mode) -> String {
    let mut text = format!("A: {}\nB: {}\n\n{}", title(a), title(b), totals(difference, mode));
    text.push_str(verdict(difference, mode));
    if mode == Mode::Training && !difference.heads.is_empty() {
        let _ = write!(text, "\nAuxiliary heads that differ\n{}", heads(&difference.heads));
    }
    if !difference.modules.is_empty() {
        let _ = write!(text, "\nModules that differ\n{}", modules(&difference.modules));
    }
    if !difference.nodes.is_empty() {
        text.push_str("\nNodes that differ\n");
        text.push_str(&nodes(&difference.nodes));
    }
    text
}

fn verdict(difference: &Difference, mode: Mode) -> &'static str {
    let are_equal = difference.nodes.is_empty() && difference.heads.is_empty();
    match (difference.same_structure, mode, difference.heads.is_empty()) {
        (true, ..) if are_equal => "\nThe networks are the same.\n",
        (true, ..) => "\nThe networks are the same except for names.\n",
        (false, Mode::Inference, false) if difference.nodes.is_empty() => {
            "\nThey differ only in auxiliary heads, which are for training: see --mode training.\n"
        }
        (false, Mode::Inference, false) => {
            "\nTheir auxiliary heads, which are for training, differ too: see --mode training.\n"
        }
        (false, ..) => "",
    }
}

fn heads(changes: &[HeadChange]) -> String {
    let mut grid = Grid::new(vec![
        Column::Left(""),
        Column::Left("head"),
        Column::Left("weight"),
        Column::Left("reads"),
        Column::Left("nodes"),
        Column::Right("parameters"),
        Column::Right("MACs"),
    ]);
    for HeadChange { name, change } in changes {
        let (before, after) = (change.before(), change.after());
        let reads =
            |side: &HeadSide| side.reads.iter().map(Path::as_str).collect::<Vec<&str>>().join(", ");
        let totals = map(change, |side| side.totals);
        grid.row(vec![
            mark(change).to_owned(),
            name.clone(),
            both(before.map(|side| side.weight), after.map(|side| side.weight)),
            both(before.map(reads), after.map(reads)),
            both(before.map(|side| side.nodes.len()), after.map(|side| side.nodes.len())),
            count_change(&totals, |t| t.params),
            count_change(&totals, |t| t.macs),
        ]);
    }
    grid.render()
}

fn totals(difference: &Difference, mode: Mode) -> String {
    let mut grid = Grid::new(vec![
        Column::Left(mode.name()),
        Column::Right("A"),
        Column::Right("B"),
        Column::Right("change"),
        Column::Right(""),
    ]);
    let [a, b] = &difference.totals;
    let counts = Metric::costs().filter(|metric| metric.unit() == Unit::Count);
    for (metric, a, b) in
        counts.filter_map(|metric| Some((metric, metric.total(a)?, metric.total(b)?)))
    {
        let name = metric.label().to_owned();
        grid.row(vec![name, exact(a), exact(b), change(a, b), percent_change(a, b)]);
    }
    let [a, b] = difference.peak_bytes;
    let cells = vec![
        "peak memory".to_owned(),
        bytes(a),
        bytes(b),
        bytes_change(a, b),
        percent_change(a, b),
    ];
    grid.row(cells);
    grid.render()
}

/// A word for the kind of change, as a diff marks lines.
fn mark<T>(change: &Change<T>) -> &'static str {
    match change {
        Change::Removed(_) => "-",
        Change::Added(_) => "+",
        Change::Changed(..) => "~",
    }
}

/// One value, or both with an arrow.
fn both<T: PartialEq + ToString>(before: Option<T>, after: Option<T>) -> String {
    match (before, after) {
        (Some(before), Some(after)) if before == after => after.to_string(),
        (Some(before), Some(after)) => format!("{} -> {}", before.to_string(), after.to_string()),
        (Some(only), None) | (None, Some(only)) => only.to_string(),
        (None, None) => String::new(),
    }
}

fn count_change(change_of: &Change<Totals>, count: impl Fn(&Totals) -> u64) -> String {
    let count = |side: Option<&Totals>| side.map_or(0, &count);
    change(count(change_of.before()), count(change_of.after()))
}

/// A difference in the unit that suits it: `+1.50 MiB`.
fn bytes_change(before: u64, after: u64) -> String {
    let sign = match after.cmp(&before) {
        Ordering::Less => "-",
        Ordering::Equal => return "0".to_owned(),
        Ordering::Greater => "+",
    };
    format!("{sign}{}", bytes(before.abs_diff(after)))
}

fn modules(changes: &[ModuleChange]) -> String {
    let mut grid = Grid::new(vec![
        Column::Left(""),
        Column::Left("module"),
        Column::Left("output"),
        Column::Right("parameters"),
        Column::Right("MACs"),
        Column::Right("FLOPs"),
        Column::Right("activations"),
        Column::Right("memory"),
    ]);
    for ModuleChange { path, change } in changes {
        let outputs = |side: Option<&Box<ModuleCost>>| side.map(|module| module.output);
        let totals = map(change, |module| module.totals);
        grid.row(vec![
            mark(change).to_owned(),
            path.to_string(),
            both::<Shape>(outputs(change.before()), outputs(change.after())),
            count_change(&totals, |t| t.params),
            count_change(&totals, |t| t.macs),
            count_change(&totals, |t| t.flops),
            count_change(&totals, |t| t.acts),
            count_change(&totals, |t| t.activation_bytes),
        ]);
    }
    grid.render()
}

fn map<T, U>(change: &Change<T>, f: impl Fn(&T) -> U) -> Change<U> {
    match change {
        Change::Removed(before) => Change::Removed(f(before)),
        Change::Added(after) => Change::Added(f(after)),
        Change::Changed(before, after) => Change::Changed(f(before), f(after)),
    }
}

fn nodes(changes: &[NodeChange]) -> String {
    let mut grid = Grid::new(vec![
        Column::Left(""),
        Column::Left("node"),
        Column::Left("op"),
        Column::Left("output"),
        Column::Right("parameters"),
        Column::Right("MACs"),
        Column::Right("activations"),
        Column::Right("memory"),
        Column::Left("attributes"),
    ]);
    for node in changes {
        let (before, after) = (node.change.before(), node.change.after());
        let totals = map(&node.change, |side| side.totals);
        grid.row(vec![
            mark(&node.change).to_owned(),
            node.path.to_string(),
            both(before.map(|side| side.op.name()), after.map(|side| side.op.name())),
            both(before.map(|side| side.shape), after.map(|side| side.shape)),
            count_change(&totals, |t| t.params),
            count_change(&totals, |t| t.macs),
            count_change(&totals, |t| t.acts),
            count_change(&totals, |t| t.activation_bytes),
            details(node),
        ]);
    }
    grid.render()
}

/// Attributes and inputs that differ.
fn details(node: &NodeChange) -> String {
    let mut details: Vec<String> = node
        .attributes()
        .into_iter()
        .map(|AttributeChange { name, before, after }| format!("{name} {}", both(before, after)))
        .collect();
    if let Change::Changed(before, after) = &node.change
        && before.inputs != after.inputs
    {
        details.push(format!("reads {}", input_changes(&before.inputs, &after.inputs)));
    }
    details.join("; ")
}

/// Inputs that went and that came: `-4a/concat +4a/add`.
fn input_changes(before: &[Path], after: &[Path]) -> String {
    let marked = |mark: &'static str, side: &[Path], other: &[Path]| -> Vec<String> {
        let other: HashSet<&Path> = other.iter().collect();
        let only = side.iter().filter(|path| !other.contains(path));
        only.map(|path| format!("{mark}{path}")).collect()
    };
    let changes = [marked("-", before, after), marked("+", after, before)].concat();
    match changes.is_empty() {
        true => "the same inputs in another order".to_owned(),
        false => changes.join(" "),
    }
}

fn document<'a>(a: &Loaded, b: &Loaded, difference: &'a Difference, mode: Mode) -> Document<'a> {
    let network = |loaded: &Loaded, side: usize| {
        let architecture = &loaded.architecture;
        let mut object = Map::new();
        object.insert("name".to_owned(), json!(architecture.name));
        object.insert("file".to_owned(), json!(architecture.file.to_string_lossy()));
        object
            .insert("fingerprint".to_owned(), json!(architecture.graph.fingerprint().to_string()));
        let point: Map<String, Value> =
            architecture.point.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        object.insert("point".to_owned(), point.into());
        object.extend(json::totals(&difference.totals[side]));
        object.insert("peak_activation_bytes".to_owned(), json!(difference.peak_bytes[side]));
        Value::from(object)
    };
    let head = [
        ("a", network(a, 0)),
        ("b", network(b, 1)),
        ("mode", json!(mode.name())),
        ("same_structure", json!(difference.same_structure)),
    ];
    Document {
        head: head.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        parts: vec![
            ("heads", List::of(&difference.heads, head_object)),
            ("modules", List::of(&difference.modules, module_object)),
            ("nodes", List::of(&difference.nodes, node_object)),
        ],
    }
}

fn changed<T>(
    name: (&str, &str),
    change: &Change<T>,
    side: impl Fn(&T) -> Value,
) -> Map<String, Value> {
    let word = match change {
        Change::Removed(_) => "removed",
        Change::Added(_) => "added",
        Change::Changed(..) => "changed",
    };
    let mut object = Map::new();
    object.insert(name.0.to_owned(), json!(name.1));
    object.insert("change".to_owned(), json!(word));
    object.insert("a".to_owned(), change.before().map_or(Value::Null, &side));
    object.insert("b".to_owned(), change.after().map_or(Value::Null, &side));
    object
}

fn module_object(module: &ModuleChange) -> Value {
    let side = |cost: &ModuleCost| {
        let mut object = Map::new();
        object.insert("output".to_owned(), json::shape(cost.output));
        object.extend(json::totals(&cost.totals));
        object.into()
    };
    changed(("path", module.path.as_str()), &module.change, |cost| side(cost)).into()
}

fn head_object(head: &HeadChange) -> Value {
    let side = |side: &HeadSide| {
        let nodes = side.nodes.iter().map(|(path, node)| {
            let mut object = Map::new();
            object.insert("path".to_owned(), json!(path.as_str()));
            object.extend(node_side(node));
            Value::from(object)
        });
        let mut object = Map::new();
        object.insert("weight".to_owned(), json::number(side.weight));
        object.insert("reads".to_owned(), paths(&side.reads));
        object.extend(json::totals(&side.totals).into_iter().filter(|(name, _)| name != "nodes"));
        object.insert("nodes".to_owned(), nodes.collect());
        object.into()
    };
    changed(("name", &head.name), &head.change, side).into()
}

fn node_object(node: &NodeChange) -> Value {
    changed(("path", node.path.as_str()), &node.change, |side| node_side(side).into()).into()
}

fn node_side(side: &NodeSide) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("op".to_owned(), json!(side.op.name()));
    object.insert("attributes".to_owned(), json::attributes(&side.op));
    object.insert("inputs".to_owned(), paths(&side.inputs));
    object.insert("output".to_owned(), json::shape(side.shape));
    object.extend(json::totals(&side.totals).into_iter().filter(|(name, _)| name != "nodes"));
    object
}

fn paths(paths: &[Path]) -> Value {
    paths.iter().map(|path| json!(path.as_str())).collect()
}
