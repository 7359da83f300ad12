//! Where the time of a network goes.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::AtomicBool},
};

use inceptive_cost::{Cost, Mode};
use inceptive_ir::{Graph, NodeId, Op, Path};

use inceptive_results::{NodeProfile, Precision, Profile, statistics::median};

use crate::engine::{Engine, EngineError, Model, NodeTimes, ProgressFn, Setup};

/// Minimum number of runs of a profile that is stopped, unless fewer were requested.
const FEWEST_WHEN_STOPPED: usize = 5;

/// Profiles a network. When it is stopped, a profile with enough runs is returned.
///
/// # Errors
/// When the engine cannot run the network, or does not support per-node timing.
pub fn profile(
    engine: &dyn Engine,
    model: &Model,
    setup: &Setup,
    input: Arc<[f32]>,
    runs: usize,
    stop: &AtomicBool,
    listen: &mut ProgressFn<'_>,
) -> Result<Option<Profile>, EngineError> {
    let times = engine.node_times(model, setup, input, runs, stop, listen)?;
    if times.runs.len() < runs.min(FEWEST_WHEN_STOPPED) {
        return Ok(None);
    }
    let cost = Cost::new(&model.graph, Mode::Inference).scaled(setup.batch);
    let cost = cost.map_err(|error| EngineError::Failed {
        engine: engine.name(),
        message: error.to_string(),
    })?;
    Ok(Some(joined(&model.graph, &cost, times.precision, &times.runs)))
}

/// A line of a profile before its work is known.
struct Timed {
    name: String,
    path: Option<Path>,
    fused: Vec<Path>,
    /// Its time in each run that has it, and the last of these runs.
    times_ms: Vec<f64>,
    last_run: usize,
}

/// Joins times with the work of nodes.
fn joined(graph: &Graph, cost: &Cost, precision: Precision, runs: &[NodeTimes]) -> Profile {
    let lines = lines(runs);
    let mut fused = fused(graph, &lines);
    let memory = Memory::new(graph, cost);
    let total_ms: f64 = lines.iter().map(|line| median(&line.times_ms)).sum();
    let part = |line: &Timed| {
        let time_ms = median(&line.times_ms);
        let ids = line.path.as_ref().and_then(|path| fused.remove(path)).unwrap_or_default();
        let costs: Vec<_> = ids.iter().filter_map(|&id| cost.get(id)).collect();
        let main = costs.iter().max_by_key(|cost| cost.flops);
        let ops: Vec<&str> = ids.iter().map(|&id| graph.node(id).op.name()).collect();
        NodeProfile {
            name: main
                .map_or_else(|| line.name.clone(), |cost| graph.node(cost.id).path.to_string()),
            ops: ops.join("+"),
            time_ms,
            share: time_ms / total_ms,
            flops: costs.iter().map(|cost| cost.flops).sum(),
            moved_bytes: moved_bytes(graph, cost, &memory, &ids),
        }
    };
    Profile { precision, nodes: lines.iter().map(part).collect(), total_ms, runs: runs.len() }
}

/// The engine's nodes with their times in all runs, in the order of the first. Nodes of one name in a run are one line.
fn lines(runs: &[NodeTimes]) -> Vec<Timed> {
    let mut lines: Vec<Timed> = Vec::new();
    let mut position: HashMap<&str, usize> = HashMap::new();
    for (run, node) in
        runs.iter().enumerate().flat_map(|(run, nodes)| nodes.iter().map(move |node| (run, node)))
    {
        let at = *position.entry(&node.name).or_insert_with(|| {
            lines.push(Timed {
                name: node.name.clone(),
                path: node.path.clone(),
                fused: node.fused.clone(),
                times_ms: Vec::with_capacity(runs.len()),
                last_run: run,
            });
            lines.len() - 1
        });
        let (line, time_ms) = (&mut lines[at], node.time.as_secs_f64() * 1e3);
        match line.times_ms.last_mut() {
            Some(sum) if line.last_run == run => *sum += time_ms,
            _ => line.times_ms.push(time_ms),
        }
        line.last_run = run;
    }
    lines
}

/// For each node with a time, by its path, the nodes that were fused with it, in execution order.
///
/// Where an engine does not say what it fused: engines fuse an activation or a sum into the layer before it and name the
/// result after either one. So a layer without a time belongs to its reader, if it has only one reader; any other node
/// without a time belongs to its input.
fn fused(graph: &Graph, lines: &[Timed]) -> HashMap<Path, Vec<NodeId>> {
    let timed: HashSet<&Path> = lines.iter().filter_map(|line| line.path.as_ref()).collect();
    let has_time = |id: NodeId| timed.contains(&graph.node(id).path);
    let mut said: HashMap<&Path, &Path> = HashMap::new();
    for line in lines {
        said.extend(
            line.path.iter().flat_map(|host| line.fused.iter().map(move |node| (node, host))),
        );
    }
    let said = |id: NodeId| graph.find(said.get(&graph.node(id).path)?);
    let mut fused: HashMap<Path, Vec<NodeId>> = HashMap::new();
    // The nearest node with a time, on the way that the data came.
    let mut before: Vec<Option<NodeId>> = Vec::with_capacity(graph.len());
    for id in graph.ids() {
        let own = Some(id).filter(|&id| has_time(id)).or_else(|| said(id));
        let input = || before[graph.inputs(id).first()?.index()];
        let nearest = own.or_else(input);
        let host = own.or_else(|| after(graph, id).filter(|&reader| has_time(reader)));
        if let Some(host) = host.or(nearest) {
            fused.entry(graph.node(host).path.clone()).or_default().push(id);
        }
        before.push(nearest);
    }
    fused
}

/// Which outputs share memory, and the readers of each.
struct Memory {
    /// For each node the one whose result is in the same memory: a result that is its input seen differently is in that
    /// input's memory.
    owner: Vec<NodeId>,
    /// For each node, the readers of its memory, repeated if they read it several times.
    readers: Vec<Vec<NodeId>>,
}

impl Memory {
    fn new(graph: &Graph, cost: &Cost) -> Self {
        let mut owner: Vec<NodeId> = graph.ids().collect();
        let mut readers = vec![Vec::new(); graph.len()];
        for id in graph.ids() {
            let inputs = graph.inputs(id);
            if let (0, Some(input)) = (result_bytes(cost, id), inputs.first()) {
                owner[id.index()] = owner[input.index()];
            }
            for input in inputs {
                readers[owner[input.index()].index()].push(id);
            }
        }
        Self { owner, readers }
    }
}

/// Bytes of a node's output; 0 if it is a view of its input.
fn result_bytes(cost: &Cost, id: NodeId) -> u64 {
    cost.get(id).map_or(0, |cost| cost.activation_bytes)
}

/// Bytes that nodes which run as one move: what they read from others, each once, their learned numbers and
/// statistics, and their results that others read.
fn moved_bytes(graph: &Graph, cost: &Cost, memory: &Memory, ids: &[NodeId]) -> u64 {
    let inside: HashSet<NodeId> = ids.iter().copied().collect();
    let moving = || ids.iter().copied().filter_map(|id| cost.get(id)).filter(|c| c.moved_bytes > 0);
    let owner = |id: NodeId| memory.owner[id.index()];
    let read: HashSet<NodeId> = moving()
        .flat_map(|cost| graph.inputs(cost.id))
        .map(owner)
        .filter(|id| !inside.contains(id))
        .collect();
    let learned = moving().map(|cost| cost.read_weight_bytes);
    let is_read_outside = |id: NodeId| {
        let mut readers = memory.readers[id.index()].iter();
        graph.outputs().any(|output| owner(output) == id)
            || readers.any(|reader| !inside.contains(reader))
    };
    let written = moving().filter(|cost| is_read_outside(cost.id)).map(|c| c.activation_bytes);
    let read = read.into_iter().map(|id| result_bytes(cost, id));
    read.chain(learned).chain(written).sum()
}

/// The elementwise operator that alone reads a layer.
fn after(graph: &Graph, layer: NodeId) -> Option<NodeId> {
    let is_layer = matches!(graph.node(layer).op, Op::Conv(_) | Op::Linear(_) | Op::Activation(_));
    let reader = graph.only_consumer(layer)?;
    let is_elementwise =
        matches!(graph.node(reader).op, Op::Activation(_) | Op::Add { .. } | Op::Multiply);
    (is_layer && is_elementwise).then_some(reader)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::NodeTime;
    use inceptive_ir::{Activation, Conv, NewNode, Padding, Shape, Size};
    use std::time::Duration;

    /// A convolution and its activation, which is added to the image.
    fn graph() -> Graph {
        let mut graph = Graph::new(Shape::map(8, 4, 4), None).unwrap();
        let conv = Conv {
            out_channels: 8,
            kernel: Size::square(1),
            stride: Size::square(1),
            padding: Padding::default(),
            dilation: Size::square(1),
            groups: 1,
            bias: false,
        };
        let image = graph.input();
        let mut add = |op, name: &str, inputs: &[NodeId]| {
            graph.add(NewNode::new(op, Path::new(name)), inputs).unwrap()
        };
        let conv = add(Op::Conv(conv), "conv", &[image]);
        let relu = add(Op::Activation(Activation::Relu), "conv/relu", &[conv]);
        add(Op::Add { scales: vec![1.0; 2] }, "add", &[relu, image]);
        graph
    }

    #[test]
    fn what_stays_inside_of_fused_nodes_is_not_moved() {
        let graph = graph();
        let (image, weights): (u64, u64) = (8 * 4 * 4 * 4, 8 * 8 * 4);
        let moved = |timed: &[&str]| {
            let time = |name: &&str| NodeTime {
                name: (*name).to_owned(),
                path: Some(Path::new(name)),
                fused: vec![],
                time: Duration::from_millis(1),
            };
            let runs = [timed.iter().map(time).collect()];
            let cost = Cost::new(&graph, Mode::Inference);
            let profile = joined(&graph, &cost, Precision::Fp32, &runs);
            profile.nodes.iter().map(|part| part.moved_bytes).collect::<Vec<_>>()
        };
        let (conv, relu, add) = (2 * image + weights, 2 * image, 3 * image);
        assert_eq!(moved(&["conv", "conv/relu", "add"]), [conv, relu, add]);
        // The output of the convolution stays in registers, that of the activation is written.
        assert_eq!(moved(&["conv/relu", "add"]), [conv, add]);
        let ids: Vec<NodeId> = graph.ids().skip(1).collect();
        let cost = Cost::new(&graph, Mode::Inference);
        let memory = Memory::new(&graph, &cost);
        // Of three fused nodes, only the image is read, and only the sum is written.
        assert_eq!(moved_bytes(&graph, &cost, &memory, &ids), 2 * image + weights);
        // An output that other nodes read too is written as well.
        assert_eq!(moved_bytes(&graph, &cost, &memory, &ids[1..]), 3 * image);
    }
    /// A sum whose first term is not the layer that an engine fuses it into.
    #[test]
    fn engines_that_say_what_they_fuse_are_believed() {
        let mut graph = graph();
        let [image, relu] =
            ["input", "conv/relu"].map(|name| graph.find(&Path::new(name)).unwrap());
        let mut add = |op, name: &str, inputs: &[NodeId]| {
            graph.add(NewNode::new(op, Path::new(name)), inputs).unwrap()
        };
        let pool = add(Op::Activation(Activation::Relu6), "other", &[image]);
        add(Op::Add { scales: vec![1.0; 2] }, "sum", &[pool, relu]);
        let time = |name: &str, fused: &[&str]| NodeTime {
            name: name.to_owned(),
            path: Some(Path::new(name)),
            fused: fused.iter().map(|name| Path::new(name)).collect(),
            time: Duration::from_millis(1),
        };
        let ops = |fused: &[&str]| {
            // The other one has two steps.
            let run = vec![time("other", &[]), time("conv", fused), time("other", &[])];
            let cost = Cost::new(&graph, Mode::Inference);
            let profile = joined(&graph, &cost, Precision::Fp32, &[run.clone(), run]);
            let parts = profile.nodes.iter().map(|part| (part.ops.clone(), part.time_ms));
            parts.collect::<Vec<_>>()
        };
        let expected = |other: &str, conv: &str| [(other.to_owned(), 2.0), (conv.to_owned(), 1.0)];
        assert_eq!(ops(&["conv/relu", "add", "sum"]), expected("relu6", "conv+relu+add+add"));
        assert_eq!(ops(&[]), expected("relu6+add", "conv+relu+add"));
    }
}
