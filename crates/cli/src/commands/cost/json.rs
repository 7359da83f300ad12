//! `inceptive cost --json`.

use anyhow::Context;
use inceptive_cost::{Convention, ModuleCost, NodeCost, OpCost, Reconciliation, by_module, by_op};
use inceptive_ir::{Graph, Part};
use inceptive_jobs::broken;
use serde_json::{Map, Value, json};

use super::{By, Counted};
use crate::json;

/// The document: one object a file.
pub fn document(counted: &[Counted], by: Option<By>, depth: usize) -> anyhow::Result<String> {
    let objects: Vec<Value> = counted.iter().map(|counted| object(counted, by, depth)).collect();
    let text = serde_json::to_string_pretty(&objects).context("the counts cannot be written")?;
    Ok(text + "\n")
}

fn object(counted: &Counted, by: Option<By>, depth: usize) -> Value {
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
    if !architecture.constraints.is_empty() {
        put("constraints", constraints(counted));
    }
    if let Some((convention, total)) = counted.convention {
        let unit = convention.unit();
        put("convention", json!({"name": convention.name(), "total": total, "unit": unit}));
    }
    if let Some(reconciliation) = &counted.reconciliation {
        put("reconciliation", reconciled(graph, reconciliation));
    }
    if by == Some(By::Module) {
        put("modules", by_module(graph, cost, depth).iter().map(module).collect());
    }
    if by == Some(By::Op) {
        put("ops", by_op(graph, cost).iter().map(op).collect());
    }
    put("layers", cost.nodes.iter().map(|node| layer(counted, node)).collect());
    object.into()
}

fn constraints(counted: &Counted) -> Value {
    let broken = broken(&counted.architecture, &counted.cost);
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
    put("attributes", json::attributes(node));
    put("inputs", json!(paths));
    put("output", json::shape(node.shape));
    put("auxiliary", json!(node.part != Part::Main));
    let totals = inceptive_cost::Totals::from(cost);
    for (key, count) in json::totals(&totals).into_iter().filter(|(key, _)| key != "nodes") {
        put(&key, count);
    }
    put("flops_per_byte", json!(cost.intensity()));
    put("receptive_field", json::receptive_field(cost.receptive_field).into());
    if let Some((convention, _)) = counted.convention {
        put(convention.name(), json!(tool_count(graph, cost, convention, counted.batch)));
    }
    if let Some((file, position)) = place {
        put("file", json!(file.to_string_lossy()));
        put("line", json!(position.line));
        put("column", json!(position.column));
    }
    object.into()
}

/// What another tool counts for a node.
pub fn tool_count(graph: &Graph, cost: &NodeCost, convention: Convention, batch: u32) -> u64 {
    convention.rule(graph, cost.id).count.saturating_mul(u64::from(batch))
}

fn module(module: &ModuleCost) -> Value {
    let mut object = Map::new();
    object.insert("path".to_owned(), json!(module.path.as_str()));
    object.insert("output".to_owned(), json::shape(module.output));
    object.extend(json::totals(&module.totals));
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

/// A part of a whole; none of nothing.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn op(op: &OpCost) -> Value {
    let mut object = Map::new();
    object.insert("op".to_owned(), json!(op.op));
    object.extend(json::totals(&op.totals));
    object.into()
}

fn reconciled(graph: &Graph, both: &Reconciliation) -> Value {
    let names = both.conventions.map(Convention::name);
    let row = |row: &inceptive_cost::Row| {
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
    json!({
        "conventions": names,
        "totals": both.totals,
        "difference": difference(both.difference()),
        "reasons": both.reasons.iter().map(reason).collect::<Vec<Value>>(),
        "nodes": both.rows.iter().map(row).collect::<Vec<Value>>(),
    })
}

/// Differences of counts are far below 2^63.
fn difference(difference: i128) -> Value {
    i64::try_from(difference).map_or(Value::Null, |difference| json!(difference))
}
