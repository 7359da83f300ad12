//! Where the time of a network goes.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use inceptive_cost::{Cost, Mode};
use inceptive_ir::{Graph, NodeId, Op, Path};
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, EngineError, Model, NodeTimes, Precision, Setup};
use crate::probe::Roofline;
use crate::statistics::median;

/// What limits a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Arithmetic: its intensity is above the ridge of the roofline.
    Compute,
    /// Memory: its intensity is below.
    Memory,
}

impl Bound {
    /// `compute` or `memory`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Memory => "memory",
        }
    }
}

/// A node or a module with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its path; for what the engine does for itself, the engine's name of it.
    pub name: String,
    /// The operators that run as one, joined by `+`; empty for what the engine does for itself.
    pub ops: String,
    /// Median over runs, in milliseconds.
    pub time_ms: f64,
    /// Share of the time of all parts.
    pub share: f64,
    /// Floating-point operations of the batch.
    pub flops: u64,
    /// Bytes read and written, weights included, for the batch.
    pub moved_bytes: u64,
}

impl Part {
    /// Operations in 10^9 a second.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn gflops(&self) -> f64 {
        self.flops as f64 / self.time_ms / 1e6
    }

    /// Operations for each byte.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn intensity(&self) -> f64 {
        if self.moved_bytes == 0 { 0.0 } else { self.flops as f64 / self.moved_bytes as f64 }
    }

    /// What limits it at best; nothing is known about what the engine does for itself.
    pub fn bound(&self, roofline: &Roofline) -> Option<Bound> {
        let known = self.moved_bytes > 0;
        let bound =
            if self.intensity() >= roofline.ridge() { Bound::Compute } else { Bound::Memory };
        known.then_some(bound)
    }
}

/// Where the time of a network goes. Nodes that the engine runs as one are one part, with the work of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The precision that was computed in.
    pub precision: Precision,
    /// Nodes in execution order, and what the engine does for itself after the node before it.
    pub nodes: Vec<Part>,
    /// Sum of all parts, in milliseconds.
    pub total_ms: f64,
    /// Runs that medians are over.
    pub runs: usize,
}

/// Profiles a network.
///
/// # Errors
/// When the engine cannot run it, or cannot say what nodes take.
pub fn profile(
    engine: &dyn Engine,
    model: &Model,
    setup: &Setup,
    input: Arc<[f32]>,
    runs: usize,
) -> Result<Profile, EngineError> {
    let times = engine.node_times(model, setup, input, runs)?;
    let cost = Cost::new(&model.graph, Mode::Inference).scaled(setup.batch);
    let cost = cost.map_err(|error| EngineError::Failed {
        engine: engine.name(),
        message: error.to_string(),
    })?;
    Ok(Profile::new(&model.graph, &cost, times.precision, &times.runs))
}

/// A line of a profile before its work is known.
struct Timed {
    name: String,
    path: Option<Path>,
    times_ms: Vec<f64>,
}

impl Profile {
    /// Joins times with the work of nodes.
    fn new(graph: &Graph, cost: &Cost, precision: Precision, runs: &[NodeTimes]) -> Self {
        let lines = lines(runs);
        let mut fused = fused(graph, &lines);
        let total_ms: f64 = lines.iter().map(|line| median(&line.times_ms)).sum();
        let part = |line: &Timed| {
            let time_ms = median(&line.times_ms);
            let ids = line.path.as_ref().and_then(|path| fused.remove(path)).unwrap_or_default();
            let costs: Vec<_> = ids.iter().filter_map(|&id| cost.get(id)).collect();
            let main = costs.iter().max_by_key(|cost| cost.flops);
            let ops: Vec<&str> = ids.iter().map(|&id| graph.node(id).op.name()).collect();
            Part {
                name: main
                    .map_or_else(|| line.name.clone(), |cost| graph.node(cost.id).path.to_string()),
                ops: ops.join("+"),
                time_ms,
                share: time_ms / total_ms,
                flops: costs.iter().map(|cost| cost.flops).sum(),
                moved_bytes: costs.iter().map(|cost| cost.moved_bytes).sum(),
            }
        };
        Self { precision, nodes: lines.iter().map(part).collect(), total_ms, runs: runs.len() }
    }

    /// The parts by module, `depth` path segments down, in execution order.
    pub fn by_module(&self, depth: usize) -> Vec<Part> {
        let mut modules: Vec<Part> = Vec::new();
        for node in &self.nodes {
            let name = match node.ops.as_str() {
                "" => "(engine)".to_owned(),
                _ => Path::new(&node.name).truncated(depth).to_string(),
            };
            match modules.iter_mut().find(|module| module.name == name) {
                Some(module) => {
                    module.time_ms += node.time_ms;
                    module.share += node.share;
                    module.flops += node.flops;
                    module.moved_bytes += node.moved_bytes;
                }
                None => modules.push(Part { name, ops: String::new(), ..node.clone() }),
            }
        }
        modules
    }
}

/// The engine's nodes with their times in all runs, in the order of the first.
fn lines(runs: &[NodeTimes]) -> Vec<Timed> {
    let mut lines: Vec<Timed> = Vec::new();
    let mut position: HashMap<&str, usize> = HashMap::new();
    for node in runs.iter().flatten() {
        let at = *position.entry(&node.name).or_insert_with(|| {
            lines.push(Timed {
                name: node.name.clone(),
                path: node.path.clone(),
                times_ms: Vec::with_capacity(runs.len()),
            });
            lines.len() - 1
        });
        lines[at].times_ms.push(node.time.as_secs_f64() * 1e3);
    }
    lines
}

/// For each node that has a time the nodes that ran as one with it, in execution order, by its path.
///
/// Engines take an activation or a sum into the layer before it and name the result after either, so a layer
/// without a time belongs to what reads it, if that is all that does; anything else to what it reads.
fn fused(graph: &Graph, lines: &[Timed]) -> HashMap<Path, Vec<NodeId>> {
    let timed: HashSet<&Path> = lines.iter().filter_map(|line| line.path.as_ref()).collect();
    let has_time = |id: NodeId| timed.contains(&graph.node(id).path);
    let mut fused: HashMap<Path, Vec<NodeId>> = HashMap::new();
    for id in graph.ids() {
        let host = if has_time(id) {
            Some(id)
        } else {
            after(graph, id)
                .filter(|&reader| has_time(reader))
                .or_else(|| before(graph, id, &has_time))
        };
        if let Some(host) = host {
            fused.entry(graph.node(host).path.clone()).or_default().push(id);
        }
    }
    fused
}

/// The elementwise operator that alone reads a layer.
fn after(graph: &Graph, layer: NodeId) -> Option<NodeId> {
    let is_layer = matches!(graph.node(layer).op, Op::Conv(_) | Op::Linear(_) | Op::Activation(_));
    let &[reader] = graph.consumers(layer).as_slice() else { return None };
    let is_elementwise =
        matches!(graph.node(reader).op, Op::Activation(_) | Op::Add { .. } | Op::Multiply);
    (is_layer && is_elementwise).then_some(reader)
}

/// The nearest node on the way that the data came that has a time.
fn before(graph: &Graph, id: NodeId, has_time: &impl Fn(NodeId) -> bool) -> Option<NodeId> {
    let mut id = id;
    while !has_time(id) {
        id = *graph.inputs(id).first()?;
    }
    Some(id)
}
