//! `inceptive cost` for people.

use std::fmt::Write;

use inceptive_app::violated_constraints;
use inceptive_cost::{Convention, ReceptiveField, Reconciliation, by_module, by_op};
use inceptive_format::{self, bytes, exact, signed, significant};
use inceptive_ir::{Graph, NodeId, Size};
use inceptive_results::{Origin, Value, statistics::Estimate};

use super::{
    By, Counted,
    json::{share, tool_count},
};
use crate::table::{Column, Grid, one_line};

/// One card for one file, one table for many; then the other sections requested.
pub fn page(counted: &[Counted], by: Option<By>, depth: usize) -> String {
    let mut text = match counted {
        [] => String::new(),
        [only] => card(only),
        many => overview(many),
    };
    for counted in counted {
        if let Some(by) = by {
            section(&mut text, counted, &parts(counted, by, depth));
        }
        if let Some(reconciliation) = &counted.reconciliation {
            section(&mut text, counted, &reconciled(&counted.architecture.graph, reconciliation));
        }
    }
    text
}

fn section(text: &mut String, counted: &Counted, table: &str) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\n{}\n{table}", title(counted));
}

fn title(counted: &Counted) -> String {
    let point: Vec<String> =
        counted.architecture.point.iter().map(|(key, value)| format!(" {key}={value}")).collect();
    one_line(&format!("{}{}", counted.architecture.name, point.concat()))
}

fn card(counted: &Counted) -> String {
    let Counted { architecture, cost, .. } = counted;
    let (graph, total) = (&architecture.graph, &cost.total);
    let mut grid = Grid::bare(3);
    let mut row = |name: &str, value: String, note: String| {
        grid.row(vec![format!("  {name}"), value, note]);
    };
    let batch = format!("batch {}, {}", counted.batch, counted.mode.name());
    row("input", graph.node(graph.input()).shape.to_string(), batch);
    row("parameters", exact(total.params), bytes(total.weight_bytes));
    if total.buffers > 0 {
        row("buffers", exact(total.buffers), "running means and variances".to_owned());
    }
    row("MACs", exact(total.macs), "of convolutions and linear layers, without bias".to_owned());
    row("FLOPs", exact(total.flops), "2 x MACs and everything else".to_owned());
    if let Some((convention, count)) = counted.convention {
        row(convention.name(), exact(count), format!("{} by this tool's rules", convention.unit()));
    }
    row("activations", exact(total.acts), "outputs of convolutions and linear layers".to_owned());
    let all = format!("{} for all feature maps", bytes(total.activation_bytes));
    let peak = graph.node(cost.peak.at).path.as_str();
    row("peak memory", bytes(cost.peak.bytes), format!("of feature maps, at {peak}; {all}"));
    let intensity = cost.intensity().map_or_else(String::new, |x| format!("{x:.1} FLOPs per byte"));
    row("memory traffic", bytes(total.moved_bytes), intensity);
    let at = graph.node(cost.feature_map).path.as_str();
    let gated = match cost.receptive_field.is_gated {
        true => "; gates depend on the whole image",
        false => "",
    };
    row("receptive field", field(cost.receptive_field), format!("at {at}{gated}"));
    if let Some(latency) = &counted.latency {
        let (value, note) = match latency {
            Ok(value) => predicted(value),
            Err(error) => ("unknown".to_owned(), error.to_string()),
        };
        row("predicted latency", value, note);
    }
    row("nodes", exact(total.nodes), String::new());
    for constraint in &architecture.constraints {
        let holds = !violated_constraints(architecture, cost).contains(&constraint);
        row(
            "constraint",
            if holds { "holds" } else { "violated" }.to_owned(),
            constraint.to_string(),
        );
    }
    row("fingerprint", graph.fingerprint().to_string(), String::new());
    let file = one_line(&architecture.file.to_string_lossy());
    format!("{} ({file})\n{}", title(counted), grid.render())
}

/// A predicted latency, and what it is predicted for.
fn predicted(latency: &Value) -> (String, String) {
    let Estimate { value, low, high } = latency.estimate;
    let interval = format!("90% interval {} to {}", significant(low), significant(high));
    let of = model_of(latency);
    (format!("{} ms", significant(value)), format!("not measured; {interval}; {of}"))
}

/// What a latency is predicted for.
fn model_of(latency: &Value) -> &str {
    match &latency.origin {
        Origin::Predicted { model, .. } => model,
        _ => "",
    }
}

/// As `25x25/2`, with a `+` if values also depend on the whole image through a gate.
fn field(field: ReceptiveField) -> String {
    let ReceptiveField { size, stride, is_gated, is_irregular } = field;
    let absent = if is_irregular { "irregular" } else { "large" };
    let size = size.map_or_else(|| absent.to_owned(), |size| size.to_string());
    let stride = match stride {
        Some(Size { height, width }) if height == width => height.to_string(),
        Some(stride) => stride.to_string(),
        None => absent.to_owned(),
    };
    format!("{size}/{stride}{}", if is_gated { "+" } else { "" })
}

fn overview(counted: &[Counted]) -> String {
    let mut columns = vec![
        Column::Left("network"),
        Column::Right("input"),
        Column::Right("parameters"),
        Column::Right("MACs"),
        Column::Right("FLOPs"),
    ];
    let tool = counted.first().and_then(|counted| counted.convention);
    columns.extend(tool.map(|(convention, _)| Column::Right(convention.name())));
    columns.extend([
        Column::Right("activations"),
        Column::Right("peak memory"),
        Column::Right("field"),
    ]);
    if counted.iter().any(|counted| counted.latency.is_some()) {
        columns.extend([Column::Right("predicted ms"), Column::Right("90% interval")]);
    }
    let mut grid = Grid::new(columns);
    for counted in counted {
        let (graph, total) = (&counted.architecture.graph, &counted.cost.total);
        let mut cells = vec![
            title(counted),
            graph.node(graph.input()).shape.to_string(),
            exact(total.params),
            exact(total.macs),
            exact(total.flops),
        ];
        cells.extend(counted.convention.map(|(_, count)| exact(count)));
        cells.extend([
            exact(total.acts),
            bytes(counted.cost.peak.bytes),
            field(counted.cost.receptive_field),
        ]);
        grid.row(cells);
    }
    let mut text = grid.render();
    text.push_str(&legend(counted));
    text
}

fn legend(counted: &[Counted]) -> String {
    let Some(Counted { batch, mode, convention, .. }) = counted.first() else {
        return String::new();
    };
    let mut text = format!(
        "\nBatch {batch}, {}. MACs: of convolutions and linear layers, without bias. FLOPs: 2 x MACs and \
         everything else.\nActivations: outputs of convolutions and linear layers. Field: receptive field \
         and stride before the classifier.\n",
        mode.name()
    );
    if let Some((convention, _)) = convention {
        let _ = writeln!(text, "{convention}: its own count of {}.", convention.unit());
    }
    let predicted = counted.iter().filter_map(|counted| counted.latency.as_ref()?.as_ref().ok());
    if let Some(latency) = predicted.into_iter().next() {
        let _ = writeln!(text, "Predicted latency: not measured; {}.", model_of(latency));
    }
    text
}

fn parts(counted: &Counted, by: By, depth: usize) -> String {
    match by {
        By::Layer => layers(counted),
        By::Module => modules(counted, depth),
        By::Op => ops(counted),
    }
}

fn layers(counted: &Counted) -> String {
    let graph = &counted.architecture.graph;
    let mut columns = vec![
        Column::Left("layer"),
        Column::Left("op"),
        Column::Right("output"),
        Column::Right("parameters"),
        Column::Right("MACs"),
        Column::Right("FLOPs"),
    ];
    columns.extend(tool_column(counted));
    columns.extend([
        Column::Right("activations"),
        Column::Right("memory"),
        Column::Right("FLOPs/byte"),
        Column::Right("field"),
    ]);
    let mut grid = Grid::new(columns);
    for cost in &counted.cost.nodes {
        let node = graph.node(cost.id);
        let mut cells = vec![
            node.path.to_string(),
            node.op.name().to_owned(),
            node.shape.to_string(),
            exact(cost.params),
            exact(cost.macs),
            exact(cost.flops),
        ];
        cells.extend(tool_cell(counted, &[cost.id]));
        cells.extend([
            exact(cost.acts),
            bytes(cost.activation_bytes),
            cost.intensity().map_or_else(String::new, |x| format!("{x:.1}")),
            field(cost.receptive_field),
        ]);
        match &counted.latency {
            None => {}
            Some(Ok(Value { estimate: Estimate { value, low, high }, .. })) => {
                let interval = format!("{} to {}", significant(*low), significant(*high));
                cells.extend([significant(*value), interval]);
            }
            Some(Err(_)) => cells.extend(["unknown".to_owned(), String::new()]),
        }
        grid.row(cells);
    }
    let total = &counted.cost.total;
    let mut cells = vec![
        "total".to_owned(),
        String::new(),
        String::new(),
        exact(total.params),
        exact(total.macs),
        exact(total.flops),
    ];
    cells.extend(counted.convention.map(|(_, count)| exact(count)));
    cells.extend([exact(total.acts), bytes(total.activation_bytes)]);
    grid.total(cells);
    grid.render()
}

/// The column of the tool that was asked for.
fn tool_column(counted: &Counted) -> Option<Column> {
    counted.convention.map(|(tool, _)| Column::Right(tool.name()))
}

fn tool_cell(counted: &Counted, nodes: &[NodeId]) -> Option<String> {
    tool_count(counted, nodes).map(|(_, count)| exact(count))
}

fn modules(counted: &Counted, depth: usize) -> String {
    let of = if depth > 1 { "of its module" } else { "of all" };
    let mut columns = vec![
        Column::Left("module"),
        Column::Right("output"),
        Column::Right("parameters"),
        Column::Right(of),
        Column::Right("MACs"),
        Column::Right(of),
    ];
    columns.extend(tool_column(counted));
    columns.extend([Column::Right("activations"), Column::Right("memory")]);
    let mut grid = Grid::new(columns);
    let part = |part, whole| share(part, whole).map_or_else(String::new, inceptive_format::share);
    for module in by_module(&counted.architecture.graph, &counted.cost, depth) {
        let (own, parent) = (&module.totals, &module.parent);
        let mut cells = vec![
            module.path.to_string(),
            module.output.to_string(),
            exact(own.params),
            part(own.params, parent.params),
            exact(own.macs),
            part(own.macs, parent.macs),
        ];
        cells.extend(tool_cell(counted, &module.nodes));
        cells.extend([exact(own.acts), bytes(own.activation_bytes)]);
        grid.row(cells);
    }
    let total = &counted.cost.total;
    let mut cells = vec![
        "total".to_owned(),
        String::new(),
        exact(total.params),
        String::new(),
        exact(total.macs),
        String::new(),
    ];
    cells.extend(counted.convention.map(|(_, count)| exact(count)));
    cells.extend([exact(total.acts), bytes(total.activation_bytes)]);
    grid.total(cells);
    grid.render()
}

fn ops(counted: &Counted) -> String {
    let mut columns = vec![
        Column::Left("op"),
        Column::Right("nodes"),
        Column::Right("parameters"),
        Column::Right("MACs"),
        Column::Right("FLOPs"),
        Column::Right("of all"),
    ];
    columns.extend(tool_column(counted));
    columns.push(Column::Right("memory"));
    let mut grid = Grid::new(columns);
    let total = &counted.cost.total;
    for op in by_op(&counted.architecture.graph, &counted.cost) {
        let own = &op.totals;
        let mut cells = vec![
            op.op.to_owned(),
            exact(own.nodes),
            exact(own.params),
            exact(own.macs),
            exact(own.flops),
            share(own.flops, total.flops).map_or_else(String::new, inceptive_format::share),
        ];
        cells.extend(tool_cell(counted, &op.nodes));
        cells.push(bytes(own.activation_bytes));
        grid.row(cells);
    }
    let mut cells = vec![
        "total".to_owned(),
        exact(total.nodes),
        exact(total.params),
        exact(total.macs),
        exact(total.flops),
        String::new(),
    ];
    cells.extend(counted.convention.map(|(_, count)| exact(count)));
    cells.push(bytes(total.activation_bytes));
    grid.total(cells);
    grid.render()
}

fn reconciled(graph: &Graph, both: &Reconciliation) -> String {
    let [a, b] = both.conventions.map(Convention::name);
    let mut text = format!(
        "{a} counts {}, {b} {}: {} (batch 1, auxiliary heads off)\n",
        exact(both.totals[0]),
        exact(both.totals[1]),
        signed(both.difference())
    );
    if both.rows.is_empty() {
        text.push_str("They agree on every node.\n");
        return text;
    }
    text.push('\n');
    text.push_str(&reasons(both, a, b));
    text.push('\n');
    text.push_str(&rows(graph, both, a, b));
    text
}

fn reasons(both: &Reconciliation, a: &'static str, b: &'static str) -> String {
    let mut grid = Grid::new(vec![
        Column::Left("op"),
        Column::Right("nodes"),
        Column::Right("difference"),
        Column::Left(a),
        Column::Left(b),
    ]);
    for reason in &both.reasons {
        grid.row(vec![
            reason.op.to_owned(),
            exact(reason.nodes),
            signed(reason.difference),
            reason.rules[0].to_owned(),
            reason.rules[1].to_owned(),
        ]);
    }
    grid.total(vec!["total".to_owned(), exact(both.rows.len() as u64), signed(both.difference())]);
    grid.render()
}

fn rows(graph: &Graph, both: &Reconciliation, a: &'static str, b: &'static str) -> String {
    let mut grid = Grid::new(vec![
        Column::Left("layer"),
        Column::Left("op"),
        Column::Right(a),
        Column::Right(b),
        Column::Right("difference"),
    ]);
    for row in &both.rows {
        let node = graph.node(row.id);
        grid.row(vec![
            node.path.to_string(),
            node.op.name().to_owned(),
            exact(row.rules[0].count),
            exact(row.rules[1].count),
            signed(row.difference()),
        ]);
    }
    grid.render()
}
