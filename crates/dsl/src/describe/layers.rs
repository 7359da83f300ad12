//! Nodes as layers: an operator, with the normalisation and the activation that are written with it.

use std::collections::HashMap;

use inceptive_ir::{Graph, Node, NodeId, Op};

use super::{DescribeError, args};

/// A layer; the first one is the network's input.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) main: NodeId,
    pub(super) norm: Option<NodeId>,
    pub(super) activation: Option<NodeId>,
    /// The layers that it reads.
    pub(super) reads: Vec<usize>,
}

/// A network as layers, in an order in which they can be computed.
pub(super) struct Layers<'a> {
    pub(super) graph: &'a Graph,
    pub(super) all: Vec<Layer>,
    /// The layers that read each one, each once.
    pub(super) readers: Vec<Vec<usize>>,
    /// Where everything leads: the layer of the output, or one past all layers if there are several outputs.
    pub(super) output: usize,
    /// The layers of the outputs.
    pub(super) outputs: Vec<usize>,
    /// Arguments of steps that most of a kind have, by the step's name.
    pub(super) common: HashMap<&'static str, Vec<args::Argument>>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(graph: &'a Graph) -> Result<Self, DescribeError> {
        if graph.outputs().any(|output| output == graph.input()) {
            return Err(DescribeError::Empty);
        }
        let is_output = |id: NodeId| graph.outputs().any(|output| output == id);
        let common = common_arguments(graph);
        let mut layer_of = vec![usize::MAX; graph.len()];
        let mut all: Vec<Layer> = Vec::new();
        for (id, node) in graph.nodes() {
            if layer_of[id.index()] != usize::MAX {
                continue;
            }
            let number = all.len();
            layer_of[id.index()] = number;
            let mut layer = Layer { main: id, norm: None, activation: None, reads: Vec::new() };
            if is_written_with_others(&node.op) {
                let mut last = id;
                while let Some(next) = graph.only_consumer(last).filter(|_| !is_output(last)) {
                    let op = &graph.node(next).op;
                    let is_common = args::word(op, None).is_some_and(|word| {
                        let own = args::of(graph, next);
                        common.get(word).map_or(own.is_empty(), |common| *common == own)
                    });
                    if !is_common || graph.shares_tensors(next) {
                        break;
                    }
                    match op {
                        Op::BatchNorm(_) | Op::Norm(_)
                            if layer.norm.is_none() && layer.activation.is_none() =>
                        {
                            layer.norm = Some(next);
                        }
                        Op::Activation(_) | Op::Prelu { .. } if layer.activation.is_none() => {
                            layer.activation = Some(next);
                        }
                        _ => break,
                    }
                    layer_of[next.index()] = number;
                    last = next;
                }
            }
            all.push(layer);
        }
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
        for (number, layer) in all.iter_mut().enumerate() {
            let inputs = graph.inputs(layer.main).into_iter();
            layer.reads = inputs.map(|input| layer_of[input.index()]).collect();
            for &read in &layer.reads {
                if readers[read].last() != Some(&number) {
                    readers[read].push(number);
                }
            }
        }
        let outputs: Vec<usize> = graph.outputs().map(|id| layer_of[id.index()]).collect();
        let output = match *outputs {
            [only] => only,
            _ => {
                outputs.iter().for_each(|&output| readers[output].push(all.len()));
                readers.push(Vec::new());
                all.len()
            }
        };
        Ok(Self { graph, all, readers, output, outputs, common })
    }

    /// The layers that a layer reads; behind all of them, the outputs.
    pub(super) fn reads(&self, layer: usize) -> &[usize] {
        self.all.get(layer).map_or(&self.outputs, |layer| &layer.reads)
    }

    pub(super) fn node(&self, layer: usize) -> &'a Node {
        self.graph.node(self.all[layer].main)
    }

    pub(super) fn op(&self, layer: usize) -> &'a Op {
        &self.node(layer).op
    }
}

/// Whether a step of this operator may have a normalisation and an activation.
pub(super) const fn is_written_with_others(op: &Op) -> bool {
    matches!(op, Op::Conv(_) | Op::ConvTranspose(_) | Op::Linear(_))
}

/// What most steps of each kind that stands behind layers are given.
fn common_arguments(graph: &Graph) -> HashMap<&'static str, Vec<args::Argument>> {
    let mut counts: HashMap<(&'static str, Vec<args::Argument>), usize> = HashMap::new();
    for (id, node) in graph.nodes() {
        let stands_behind = matches!(
            node.op,
            Op::BatchNorm(_) | Op::Norm(_) | Op::Activation(_) | Op::Prelu { .. }
        );
        if let (true, Some(word)) = (stands_behind, args::word(&node.op, None)) {
            *counts.entry((word, args::of(graph, id))).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
    let mut common = HashMap::new();
    for ((word, arguments), _) in counts {
        common.entry(word).or_insert(arguments);
    }
    common.retain(|_, arguments| !arguments.is_empty());
    common
}
