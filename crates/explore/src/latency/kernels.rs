//! From a network to the kernels that engines run.

use std::collections::HashSet;

use inceptive_ir::{
    Activation, Conv, Graph, GraphError, NodeId, Op, Pool, PoolKind, Shape, passes,
};
use inceptive_results::{KernelKind, KernelShape};

/// A kernel of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// What it computes.
    pub shape: KernelShape,
    /// Every node that it computes, in execution order.
    pub nodes: Vec<NodeId>,
}

/// The network that engines run: without auxiliary heads and dropout, with normalisations folded into the layers before
/// them.
///
/// # Errors
/// When that is no valid graph.
pub fn deployed(graph: &Graph) -> Result<Graph, GraphError> {
    let inference = passes::inference(graph)?;
    let (rewrite, _) = passes::fold_batch_norm(&inference);
    inference.apply(&rewrite)
}

/// The kernels of a network as engines fuse its nodes: activation functions, and a sum of two maps, run as a part of the
/// layer before them; what only names numbers differently runs with what computes them. The graph is one that
/// [`deployed`] returned.
pub fn kernels(graph: &Graph) -> Vec<Kernel> {
    let mut grouping = Grouping {
        graph,
        results: graph.results(),
        copied: copied_by_concats(graph),
        kernels: Vec::with_capacity(graph.len()),
        of_node: Vec::with_capacity(graph.len()),
        last: Vec::with_capacity(graph.len()),
        is_open: Vec::with_capacity(graph.len()),
    };
    for id in graph.ids() {
        let kernel = grouping.node(id);
        grouping.of_node.push(kernel);
    }
    grouping.kernels
}

struct Grouping<'g> {
    graph: &'g Graph,
    results: HashSet<NodeId>,
    /// For each node, the numbers that it has to copy if it is a concatenation.
    copied: Vec<u64>,
    kernels: Vec<Kernel>,
    /// The kernel that computes each node.
    of_node: Vec<usize>,
    /// The node whose result each kernel writes.
    last: Vec<NodeId>,
    /// Whether a function can still be computed by each kernel.
    is_open: Vec<bool>,
}

impl Grouping<'_> {
    /// The kernel that computes a node: a new one, or one before it.
    fn node(&mut self, id: NodeId) -> usize {
        let inputs = self.graph.inputs(id);
        let Some(&first) = inputs.first() else { return self.add(id, KernelKind::Move, false) };
        let before = self.of_node[first.index()];
        match &self.graph.node(id).op {
            Op::Input(_) => self.add(id, KernelKind::Move, false),
            Op::Activation(activation) => {
                let has_exponential = has_exponential(*activation);
                if self.is_open[before] && self.alone_after(before, first) {
                    self.kernels[before].shape.has_exponential |= has_exponential;
                    self.is_open[before] = false;
                    return self.absorb(id, before);
                }
                let kernel = self.add(id, KernelKind::Activation, false);
                self.kernels[kernel].shape.has_exponential = has_exponential;
                kernel
            }
            Op::Conv(conv) => self.conv(id, conv),
            Op::ConvTranspose(conv) => {
                let kernel = self.add(id, KernelKind::Conv, true);
                let shape = &mut self.kernels[kernel].shape;
                (shape.window, shape.groups) = (pair(conv.kernel), conv.groups);
                kernel
            }
            Op::Linear(_) => self.add(id, KernelKind::Linear, true),
            Op::Pool(pool) => self.pool(id, pool),
            Op::GlobalPool(_) | Op::AdaptiveAvgPool { .. } | Op::ChannelMax | Op::ChannelMean => {
                self.add(id, KernelKind::GlobalPool, false)
            }
            Op::Concat => {
                let kernel = self.add(id, KernelKind::Move, false);
                self.kernels[kernel].shape.reads = self.copied[id.index()];
                kernel
            }
            Op::Add { .. } => {
                let host = self.host_of_sum(id, &inputs);
                host.unwrap_or_else(|| self.add(id, KernelKind::Join, true))
            }
            Op::Multiply | Op::Maximum => self.add(id, KernelKind::Join, true),
            Op::BatchNorm(_) => self.add(id, KernelKind::Normalise, true),
            Op::Norm(_) | Op::Prelu { .. } | Op::Scale(_) | Op::Rescale(_) => {
                self.add(id, KernelKind::Normalise, false)
            }
            Op::Lrn(_) => self.add(id, KernelKind::Lrn, false),
            Op::Softmax => self.add(id, KernelKind::Softmax, false),
            Op::Dropout { .. } | Op::DropPath { .. } => self.absorb(id, before),
            Op::Flatten => {
                let is_linear = |id: &NodeId| matches!(self.graph.node(*id).op, Op::Linear(_));
                let is_view = numbers(self.graph.node(first).shape)
                    == u64::from(self.graph.node(first).shape.channels())
                    || self.graph.consumers(id).iter().all(is_linear);
                match is_view {
                    true => self.absorb(id, before),
                    false => self.add(id, KernelKind::Move, false),
                }
            }
            Op::ChannelShuffle { .. } | Op::Resize(_) | Op::Rearrange(_) => {
                self.add(id, KernelKind::Move, false)
            }
        }
    }

    /// A kernel with the shapes of a node.
    fn add(&mut self, id: NodeId, kind: KernelKind, is_open: bool) -> usize {
        let to = self.graph.node(id).shape;
        let read = self.graph.input_shapes(id);
        let from = read.first().copied().unwrap_or(to);
        let reads = match read.is_empty() {
            true => numbers(to),
            false => read.into_iter().map(numbers).fold(0, u64::saturating_add),
        };
        let shape = KernelShape {
            kind,
            window: [1, 1],
            stride: [1, 1],
            dilation: [1, 1],
            groups: 1,
            inputs: from.channels(),
            outputs: to.channels(),
            from: pair(from.size()),
            to: pair(to.size()),
            reads,
            has_exponential: false,
        };
        self.kernels.push(Kernel { shape, nodes: vec![id] });
        self.last.push(id);
        self.is_open.push(is_open);
        self.kernels.len() - 1
    }

    fn conv(&mut self, id: NodeId, conv: &Conv) -> usize {
        let inputs = self.graph.input_shapes(id).first().map_or(1, |shape| shape.channels());
        let is_depthwise = conv.groups > 1 && conv.groups == inputs && conv.out_channels == inputs;
        let kind = match conv.groups {
            1 if conv.kernel.area() == 1 => KernelKind::Pointwise,
            1 => KernelKind::Conv,
            _ if is_depthwise => KernelKind::Depthwise,
            _ => KernelKind::Grouped,
        };
        let kernel = self.add(id, kind, true);
        let shape = &mut self.kernels[kernel].shape;
        shape.window = pair(conv.kernel);
        shape.stride = pair(conv.stride);
        shape.dilation = pair(conv.dilation);
        shape.groups = conv.groups;
        kernel
    }

    fn pool(&mut self, id: NodeId, pool: &Pool) -> usize {
        let kind = match pool.kind {
            PoolKind::Max => KernelKind::MaxPool,
            PoolKind::Average | PoolKind::L2 => KernelKind::AveragePool,
        };
        let kernel = self.add(id, kind, false);
        let shape = &mut self.kernels[kernel].shape;
        shape.window = pair(pool.kernel);
        shape.stride = pair(pool.stride);
        shape.dilation = pair(pool.dilation);
        kernel
    }

    /// The convolution that computes one of the two terms of a sum, the later one, if it can add the other.
    fn host_of_sum(&mut self, id: NodeId, inputs: &[NodeId]) -> Option<usize> {
        let [a, b] = inputs else { return None };
        let shape = |id: NodeId| self.graph.node(id).shape;
        if shape(*a) != shape(id) || shape(*b) != shape(id) {
            return None;
        }
        let mut terms = [*a, *b];
        terms
            .sort_unstable_by_key(|&term| std::cmp::Reverse(self.last[self.of_node[term.index()]]));
        for (term, other) in [(terms[0], terms[1]), (terms[1], terms[0])] {
            let kernel = self.of_node[term.index()];
            let kind = self.kernels[kernel].shape.kind;
            let is_layer =
                matches!(kind, KernelKind::Pointwise | KernelKind::Conv | KernelKind::Grouped);
            let reads = self.kernels[kernel].shape.reads;
            let from = self.graph.input_shapes(self.kernels[kernel].nodes[0]);
            let has_sum = reads != from.into_iter().map(numbers).fold(0, u64::saturating_add);
            let is_open = self.is_open[kernel] && !has_sum && self.alone_after(kernel, term);
            if is_layer && is_open && kernel != self.of_node[other.index()] {
                let read = numbers(self.graph.node(other).shape);
                self.kernels[kernel].shape.reads = reads.saturating_add(read);
                return Some(self.absorb(id, kernel));
            }
        }
        None
    }

    /// Whether a kernel writes the result of a node that one other node alone reads.
    fn alone_after(&self, kernel: usize, id: NodeId) -> bool {
        let is_result = self.results.contains(&id);
        self.last[kernel] == id && !is_result && self.graph.only_consumer(id).is_some()
    }

    /// Makes a node the last one of a kernel.
    fn absorb(&mut self, id: NodeId, kernel: usize) -> usize {
        let before = self.graph.inputs(id);
        if before.iter().any(|&input| self.last[kernel] == input && self.alone_after(kernel, input))
        {
            self.last[kernel] = id;
        }
        self.kernels[kernel].nodes.push(id);
        kernel
    }
}

/// For each concatenation, the numbers of the inputs that cannot be computed at their places in it, because they are the
/// network's input or already have a place in another one. Those that come last choose first, as in DenseNet, where each
/// concatenation is a part of the next.
fn copied_by_concats(graph: &Graph) -> Vec<u64> {
    let mut copied = vec![0; graph.len()];
    let mut has_place = vec![false; graph.len()];
    let ids: Vec<NodeId> = graph.ids().collect();
    for &id in ids.iter().rev() {
        if !matches!(graph.node(id).op, Op::Concat) {
            continue;
        }
        let inputs = graph.inputs(id);
        // A part of another one, whose own parts are all there already.
        if has_place[id.index()] && inputs.iter().all(|input| has_place[input.index()]) {
            continue;
        }
        for input in inputs {
            let node = graph.node(input);
            if has_place[input.index()] || matches!(node.op, Op::Input(_)) {
                copied[id.index()] += numbers(node.shape);
            }
            has_place[input.index()] = true;
        }
    }
    copied
}

/// Numbers of a map or vector.
fn numbers(shape: Shape) -> u64 {
    shape.size().area().saturating_mul(u64::from(shape.channels()))
}

fn pair(size: inceptive_ir::Size) -> [u32; 2] {
    [size.height, size.width]
}

/// Whether a function needs an exponential of each number.
const fn has_exponential(activation: Activation) -> bool {
    match activation {
        Activation::Relu
        | Activation::Relu6
        | Activation::HardSigmoid
        | Activation::HardSwish
        | Activation::LeakyRelu { .. }
        | Activation::Clip { .. } => false,
        Activation::Sigmoid
        | Activation::Silu
        | Activation::Elu { .. }
        | Activation::Selu
        | Activation::Gelu
        | Activation::GeluTanh
        | Activation::Mish
        | Activation::Softplus
        | Activation::Tanh => true,
    }
}
