//! A graph as units: operators with the normalisations and activations that belong to them.

use inceptive_ir::{Graph, NodeId, Op, Part, Path, Shape};

use super::step::Step;

/// A step at its place in the network.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Its operator, normalisation and activation.
    pub step: Step,
    /// The path of its operator.
    pub path: Path,
    /// The units that it reads; none is the network's input.
    pub reads: Vec<Option<usize>>,
    /// Shape of the result.
    pub shape: Shape,
    /// Main network or auxiliary head.
    pub part: Part,
}

/// The network as units, in an order in which they can run.
#[derive(Clone, Debug)]
pub struct Units {
    /// The units.
    pub all: Vec<Unit>,
    /// The unit that outputs the network's logits; `None` for the network's input.
    pub output: Option<usize>,
    /// The units that output the logits of the auxiliary heads.
    pub auxiliary: Vec<Option<usize>>,
    /// Whether a softmax turns the logits into probabilities.
    pub softmax: bool,
}

/// The units of a graph. A normalisation belongs to its layer if it is at `LAYER/bn`, as the language puts it, and an
/// activation if it is under the layer's path, so their tensors keep their names. A softmax at the end of the network
/// is left out.
pub fn units(graph: &Graph) -> Units {
    let output = graph.output();
    let softmax = graph.node(output).op == Op::Softmax
        && graph.consumers(output).is_empty()
        && !is_head(graph, output);
    let mut all: Vec<(NodeId, Vec<NodeId>, Unit)> = Vec::new();
    let mut is_taken = vec![false; graph.len()];
    for (id, node) in graph.nodes() {
        let is_end = softmax && id == output;
        if matches!(node.op, Op::Input(_)) || is_taken[id.index()] || is_end {
            continue;
        }
        let (step, last) = fuse(graph, id, &mut is_taken);
        let unit = Unit {
            step,
            path: node.path.clone(),
            reads: vec![],
            shape: graph.node(last).shape,
            part: node.part,
        };
        all.push((last, graph.inputs(id), unit));
    }
    all.sort_by_key(|(last, ..)| *last);
    let mut unit_of: Vec<Option<usize>> = vec![None; graph.len()];
    for (at, (last, ..)) in all.iter().enumerate() {
        unit_of[last.index()] = Some(at);
    }
    let logits = if softmax { graph.inputs(output)[0] } else { output };
    let heads = graph.auxiliary().iter().map(|head| unit_of[head.output.index()]);
    let read = |(_, inputs, unit): (_, Vec<NodeId>, Unit)| Unit {
        reads: inputs.into_iter().map(|input| unit_of[input.index()]).collect(),
        ..unit
    };
    Units {
        output: unit_of[logits.index()],
        auxiliary: heads.collect(),
        softmax,
        all: all.into_iter().map(read).collect(),
    }
}

/// A node with what belongs to it, and the last of these nodes.
fn fuse(graph: &Graph, id: NodeId, is_taken: &mut [bool]) -> (Step, NodeId) {
    let node = graph.node(id);
    let input = graph.input_shapes(id).first().copied().unwrap_or(node.shape);
    let op = match &node.op {
        // PyTorch's own pools round up, and their exports are read everywhere; those of a helper with padding on single sides
        // divide by a computed map.
        Op::Pool(pool) => Op::Pool(pool.rounded_up(input.size())),
        op => op.clone(),
    };
    let mut step = Step { op, norm: None, activation: None, input, output: node.shape };
    let mut last = id;
    if !matches!(node.op, Op::Conv(_) | Op::Linear(_)) {
        return (step, last);
    }
    while let Some(next) =
        only_reader(graph, last).filter(|&next| graph.node(next).part == node.part)
    {
        let Some(name) = own_name(&node.path, &graph.node(next).path) else { break };
        match &graph.node(next).op {
            Op::BatchNorm(norm) if step.norm.is_none() && name == "bn" => step.norm = Some(*norm),
            Op::Activation(activation) => step.activation = Some(*activation),
            _ => break,
        }
        is_taken[next.index()] = true;
        last = next;
        if step.activation.is_some() {
            break;
        }
    }
    (step, last)
}

/// The one node that reads a node, if it reads it once and the node is no result.
fn only_reader(graph: &Graph, id: NodeId) -> Option<NodeId> {
    graph.only_consumer(id).filter(|_| id != graph.output() && !is_head(graph, id))
}

fn is_head(graph: &Graph, id: NodeId) -> bool {
    graph.auxiliary().iter().any(|head| head.output == id)
}

/// The name of a path directly under another.
fn own_name<'a>(layer: &Path, path: &'a Path) -> Option<&'a str> {
    let name = path.as_str().strip_prefix(layer.as_str())?.strip_prefix('/')?;
    (!name.contains('/')).then_some(name)
}
