//! `inceptive cost --json`.

use inceptive_app::violated_constraints;
use inceptive_cost::{
    Convention, ModuleCost, NodeCost, OpCost, Reconciliation, Totals, by_module, by_op,
};
use inceptive_dsl::UnfitHead;
use inceptive_ir::{Graph, NodeId};
use serde_json::{Map, Value, json};

use super::{By, Counted};
use crate::json::{self, Document, List, Part};

/// The document: one object a file.
pub fn documents(counted: &[Counted], by: Option<By>, depth: usize) -> Vec<Document<'_>> {
    counted
        .iter()
        .map(|counted| Document { head: head(counted), parts: parts(counted, by, depth) })
        .collect()
}

fn parts(counted: &Counted, by: Option<By>, depth: usize) -> Vec<(&'static str, Part<'_>)> {
    let Counted { architecture, cost, reconciliation, .. } = counted;
    let graph = &architecture.graph;
    let both = reconciliation.as_ref().map(|both| ("reconciliation", reconciled(graph, both)));
    let parts = match by {
        Some(By::Module) => {
            let modules = by_module(graph, cost, depth);
            Some(("modules", List::of(modules, |part| module(counted, part))))
        }
        Some(By::Op) => {
            let ops = by_op(graph, cost);
            Some(("ops", List::of(ops, |part| op(counted, part))))
        }
        Some(By::Layer) | None => None,
    };
    let layers = List::of(&cost.nodes, |node| layer(counted, node));
    both.into_iter().chain(parts).chain([("layers", layers)]).collect()
}

fn head(counted: &Counted) -> Map<String, Value> {
    let Counted { architecture, cost, .. } = counted;
    let graph = &architecture.graph;
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("name", json!(architecture.name));
    put("file", json!(architecture.file.to_string_lossy()));
    put("fingerprint", json!(graph.fingerprint().to_string()));
    put("input", json::shape(graph.node(graph.input()).shape));
    put("mode", json!(counted.mode.name()));
    put("batch", json!(counted.batch));
    put(
        "point",
        architecture.point.iter().map(|(k, v)| (k.clone(), json!(v))).collect::<Map<_, _>>().into(),
    );
    for (key, count) in json::totals(&cost.total) {
        put(&key, count);
    }
    put("peak_activation_bytes", json!(cost.peak.bytes));
    put("peak_at", json!(graph.node(cost.peak.at).path.as_str()));
    put("flops_per_byte", json!(cost.intensity()));
    let mut field = json::receptive_field(cost.receptive_field);
    field.insert("at".to_owned(), json!(graph.node(cost.feature_map).path.as_str()));
    put("receptive_field", field.into());
    if let Some(latency) = &counted.latency {
        put("predicted_latency_ms", json!(latency.as_ref().ok()));
    }
    if !architecture.constraints.is_empty() {
        put("constraints", constraints(counted));
    }
    if !architecture.unfit_heads.is_empty() {
        put("unfit_heads", architecture.unfit_heads.iter().map(unfit_head).collect());
    }
    if let Some((convention, total)) = counted.convention {
        let unit = convention.unit();
        put("convention", json!({"name": convention.name(), "total": total, "unit": unit}));
    }
    object
}

fn unfit_head(head: &UnfitHead) -> Value {
    let reasons: Vec<&str> = head.diagnostics.iter().map(|it| &*it.message).collect();
    json!({"name": head.name, "reasons": reasons})
}

fn constraints(counted: &Counted) -> Value {
    let broken = violated_constraints(&counted.architecture, &counted.cost);
    let all = counted.architecture.constraints.iter();
    all.map(|constraint| json!({"constraint": constraint.to_string(), "holds": !broken.contains(&constraint)})).collect()
}

fn layer(counted: &Counted, cost: &NodeCost) -> Value {
    let graph = &counted.architecture.graph;
    let node = graph.node(cost.id);
    let inputs = graph.inputs(cost.id);
    let paths: Vec<&str> = inputs.iter().map(|&id| graph.node(id).path.as_str()).collect();
    let place = node.span.and_then(|span| counted.sources.locate(span));
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("path", json!(node.path.as_str()));
    put("op", json!(node.op.name()));
    put("attributes", json::attributes(&node.op));
    put("inputs", json!(paths));
    put("output", json::shape(node.shape));
    put("auxiliary", json!(node.part != inceptive_ir::Part::Main));
    let totals = Totals::from(cost);
    for (key, count) in json::totals(&totals).into_iter().filter(|(key, _)| key != "nodes") {
        put(&key, count);
    }
    if !node.shared.is_empty() {
        let tensor = |(role, path)| json!(format!("{path}.{role}"));
        put("shares", node.shared.iter().map(tensor).collect());
    }
    put("flops_per_byte", json!(cost.intensity()));
    put("receptive_field", json::receptive_field(cost.receptive_field).into());
    if let Some((tool, count)) = tool_count(counted, &[cost.id]) {
        put(tool.name(), json!(count));
    }
    if let Some((file, position)) = place {
        put("file", json!(file.to_string_lossy()));
        put("line", json!(position.line));
        put("column", json!(position.column));
    }
    object.into()
}

/// What the tool that was asked for counts for some nodes.
pub fn tool_count(counted: &Counted, nodes: &[NodeId]) -> Option<(Convention, u64)> {
    let (tool, _) = counted.convention?;
    let graph = &counted.architecture.graph;
    let one: u64 = nodes.iter().map(|&id| tool.rule(graph, id).count).sum();
    Some((tool, one.saturating_mul(counted.batch.into())))
}

/// Counts of some nodes, that of another tool included.
fn counts(counted: &Counted, totals: &Totals, nodes: &[NodeId]) -> Map<String, Value> {
    let mut object = json::totals(totals);
    let tool = tool_count(counted, nodes);
    object.extend(tool.map(|(tool, count)| (tool.name().to_owned(), json!(count))));
    object
}

fn module(counted: &Counted, module: &ModuleCost) -> Value {
    let mut object = Map::new();
    object.insert("path".to_owned(), json!(module.path.as_str()));
    object.insert("output".to_owned(), json::shape(module.output));
    object.extend(counts(counted, &module.totals, &module.nodes));
    object.insert(
        "share_of_parent".to_owned(),
        json!({
            "params": share(module.totals.params, module.parent.params),
            "macs": share(module.totals.macs, module.parent.macs),
            "acts": share(module.totals.acts, module.parent.acts),
        }),
    );
    object.into()
}

/// A fraction; `None` if the whole is 0.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn op(counted: &Counted, op: &OpCost) -> Value {
    let mut object = Map::new();
    object.insert("op".to_owned(), json!(op.op));
    object.extend(counts(counted, &op.totals, &op.nodes));
    object.into()
}

fn reconciled<'a>(graph: &'a Graph, both: &'a Reconciliation) -> Part<'a> {
    let names = both.conventions.map(Convention::name);
    let row = move |row: &inceptive_cost::Row| {
        json!({
            "path": graph.node(row.id).path.as_str(),
            "op": graph.node(row.id).op.name(),
            "counts": row.rules.map(|rule| rule.count),
            "rules": row.rules.map(|rule| rule.text),
        })
    };
    let reason = |reason: &inceptive_cost::Reason| {
        json!({
            "op": reason.op,
            "nodes": reason.nodes,
            "rules": reason.rules,
            "difference": difference(reason.difference),
        })
    };
    let head = [
        ("conventions", json!(names)),
        ("totals", json!(both.totals)),
        ("difference", difference(both.difference())),
        ("reasons", both.reasons.iter().map(reason).collect()),
    ];
    Part::Object(Document {
        head: head.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        parts: vec![("nodes", List::of(&both.rows, row))],
    })
}

/// Differences of counts are far below 2^63.
fn difference(difference: i128) -> Value {
    i64::try_from(difference).map_or(Value::Null, |difference| json!(difference))
}
