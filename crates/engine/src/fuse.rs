//! From nodes to units: what one kernel can do at once becomes one unit.

use inceptive_ir::{Activation, Graph, Node, NodeId, Op};
use inceptive_kernels::{LANES, activation::Function, conv::Segment};

use crate::units::{Kind, Unit, channels, compact};

/// Units of an inference graph, in the order in which they are computed.
pub(crate) struct Fused {
    pub(crate) units: Vec<Unit>,
    /// The unit that computes the network's output.
    pub(crate) output: usize,
}

pub(crate) fn fuse(graph: &Graph) -> Fused {
    let mut builder = Builder {
        graph,
        units: Vec::with_capacity(graph.len()),
        root: Vec::with_capacity(graph.len()),
        tail: Vec::with_capacity(graph.len()),
    };
    for (id, node) in graph.nodes() {
        let inputs = graph.inputs(id);
        let root = builder.node(id, node, &inputs);
        builder.root.push(root);
    }
    let output = builder.root[graph.output().index()];
    Fused { units: builder.units, output }
}

struct Builder<'a> {
    graph: &'a Graph,
    units: Vec<Unit>,
    /// The unit that computes each node.
    root: Vec<usize>,
    /// The node whose result each unit ends with.
    tail: Vec<NodeId>,
}

fn function_of(activation: Activation) -> Function {
    match activation {
        Activation::Relu => Function::Relu,
        Activation::Relu6 => Function::Relu6,
        Activation::Sigmoid => Function::Sigmoid,
        Activation::Silu => Function::Silu,
        Activation::HardSigmoid => Function::HardSigmoid,
        Activation::HardSwish => Function::HardSwish,
    }
}

impl Builder<'_> {
    /// The unit that computes a node: a new one, or the one that it is fused into.
    fn node(&mut self, id: NodeId, node: &Node, inputs: &[NodeId]) -> usize {
        let first = inputs.first().map(|input| self.root[input.index()]);
        match (&node.op, first) {
            (Op::Input(shape), _) => self.add(id, Kind::Input, vec![], compact(channels(*shape))),
            (_, None) => self.add(id, Kind::Function, vec![], compact(channels(node.shape))),
            (Op::Dropout { .. }, Some(first)) => self.alias(id, inputs[0], first),
            (Op::Activation(activation), Some(first)) => {
                let function = function_of(*activation);
                if self.takes_function(first) && self.ends_with(first, inputs[0]) {
                    self.units[first].function = function;
                    return self.absorb(id, first);
                }
                let segments = self.units[first].segments.clone();
                let unit = self.add(id, Kind::Function, vec![first], segments);
                self.units[unit].function = function;
                unit
            }
            (Op::Conv(conv), Some(first)) => {
                let ins = self.units[first].channels();
                let outs = conv.out_channels as usize;
                if conv.groups as usize == ins && outs == ins && ins > 1 {
                    let segments = self.units[first].segments.clone();
                    self.add(id, Kind::Depthwise(*conv), vec![first], segments)
                } else {
                    self.add(id, Kind::Conv(*conv), vec![first], compact(outs))
                }
            }
            (Op::Linear(linear), Some(first)) => {
                let outputs = linear.out_features as usize;
                let kind = Kind::Linear { outputs, has_bias: linear.bias };
                self.add(id, kind, vec![first], compact(outputs))
            }
            (Op::BatchNorm(norm), Some(first)) => self.like(id, Kind::BatchNorm(*norm), first),
            (Op::Pool(pool), Some(first)) => self.like(id, Kind::Pool(*pool), first),
            (Op::GlobalPool(kind), Some(first)) => {
                let is_max = *kind == inceptive_ir::PoolKind::Max;
                self.like(id, Kind::Grid { is_max }, first)
            }
            (Op::AdaptiveAvgPool { .. }, Some(first)) => {
                self.like(id, Kind::Grid { is_max: false }, first)
            }
            (Op::Softmax, Some(first)) => self.like(id, Kind::Softmax, first),
            (Op::Lrn(lrn), Some(first)) => {
                let first = self.compacted(id, first);
                self.like(id, Kind::Lrn(*lrn), first)
            }
            (Op::Flatten, Some(first)) => self.flatten(id, node, inputs[0], first),
            (Op::ChannelShuffle { groups }, Some(first)) => {
                let lanes: Vec<usize> = self.units[first].lanes().collect();
                let groups = *groups as usize;
                let of_group = lanes.len() / groups.max(1);
                // Channel `i` of the result is the one in row `i % groups` and column `i / groups`.
                let shuffled = (0..lanes.len()).map(|i| lanes[i % groups * of_group + i / groups]);
                let kind = Kind::Gather(shuffled.collect());
                self.add(id, kind, vec![first], compact(lanes.len()))
            }
            (Op::Concat, Some(_)) => {
                let roots: Vec<usize> =
                    inputs.iter().map(|input| self.root[input.index()]).collect();
                let mut segments: Vec<Segment> = Vec::new();
                let mut block = 0;
                for root in &roots {
                    let unit = &self.units[*root];
                    let moved = |s: &Segment| Segment { block: s.block + block, ..*s };
                    segments.extend(unit.segments.iter().map(moved));
                    block += unit.blocks();
                }
                self.add(id, Kind::Concat, roots, joined(segments))
            }
            (Op::Add { scales }, Some(_)) => self.sum(id, scales, inputs),
            (Op::Multiply, Some(_)) => {
                let roots = self.same_layout(id, inputs);
                let segments = self.units[roots[0]].segments.clone();
                self.add(id, Kind::Product, roots, segments)
            }
        }
    }

    fn add(&mut self, id: NodeId, kind: Kind, inputs: Vec<usize>, segments: Vec<Segment>) -> usize {
        let node = self.graph.node(id);
        self.units.push(Unit {
            kind,
            inputs,
            node: id,
            nodes: vec![id],
            function: Function::Identity,
            residual: None,
            factor: 1.0,
            position: id.index(),
            segments,
            size: node.shape.size(),
        });
        self.tail.push(id);
        self.units.len() - 1
    }

    /// A unit with the layout of its input.
    fn like(&mut self, id: NodeId, kind: Kind, input: usize) -> usize {
        let segments = self.units[input].segments.clone();
        self.add(id, kind, vec![input], segments)
    }

    /// A node that computes nothing.
    fn alias(&mut self, id: NodeId, input: NodeId, root: usize) -> usize {
        if self.ends_with(root, input) { self.absorb(id, root) } else { root }
    }

    /// Makes a node the last one of a unit.
    fn absorb(&mut self, id: NodeId, unit: usize) -> usize {
        self.units[unit].nodes.push(id);
        self.units[unit].position = id.index();
        self.tail[unit] = id;
        unit
    }

    /// Whether a unit's result is that of `node`, which one other node alone uses.
    fn ends_with(&self, unit: usize, node: NodeId) -> bool {
        let is_result = self.graph.output() == node;
        self.tail[unit] == node && !is_result && self.graph.only_consumer(node).is_some()
    }

    /// Whether a function can be applied to a unit's result before it is stored.
    fn takes_function(&self, unit: usize) -> bool {
        let unit = &self.units[unit];
        let can = match unit.kind {
            Kind::Conv(_)
            | Kind::Depthwise(_)
            | Kind::Linear { .. }
            | Kind::BatchNorm(_)
            | Kind::Sum(_)
            | Kind::Product => true,
            Kind::Input
            | Kind::Pool(_)
            | Kind::Grid { .. }
            | Kind::Function
            | Kind::Softmax
            | Kind::Lrn(_)
            | Kind::Flatten
            | Kind::Gather(_)
            | Kind::Concat
            | Kind::Copy => false,
        };
        can && unit.function == Function::Identity
    }

    /// A map of one pixel is a vector already, and fully connected layers read maps; else its numbers are moved.
    fn flatten(&mut self, id: NodeId, node: &Node, input: NodeId, root: usize) -> usize {
        let is_linear = |reader: &NodeId| matches!(self.graph.node(*reader).op, Op::Linear(_));
        let readers = self.graph.consumers(id);
        let only_linear =
            !readers.is_empty() && readers.iter().all(is_linear) && self.graph.output() != id;
        if only_linear || self.units[root].size.area() == 1 {
            return self.alias(id, input, root);
        }
        self.add(id, Kind::Flatten, vec![root], compact(channels(node.shape)))
    }

    /// The unit itself if its channels have no gaps, else one that closes them.
    fn compacted(&mut self, id: NodeId, unit: usize) -> usize {
        if self.units[unit].is_compact() {
            return unit;
        }
        let lanes: Vec<usize> = self.units[unit].lanes().collect();
        let (count, size) = (lanes.len(), self.units[unit].size);
        let gather = self.add(id, Kind::Gather(lanes), vec![unit], compact(count));
        self.units[gather].size = size;
        gather
    }

    /// The units of some nodes, in the same layout.
    fn same_layout(&mut self, id: NodeId, inputs: &[NodeId]) -> Vec<usize> {
        let roots: Vec<usize> = inputs.iter().map(|input| self.root[input.index()]).collect();
        let lanes = |unit: usize| self.units[unit].lanes().collect::<Vec<usize>>();
        let first = lanes(roots[0]);
        if roots.iter().all(|root| lanes(*root) == first) {
            return roots;
        }
        roots.into_iter().map(|root| self.compacted(id, root)).collect()
    }

    /// A sum: part of the convolution that computes one of two terms, if nothing else reads that.
    fn sum(&mut self, id: NodeId, scales: &[f32], inputs: &[NodeId]) -> usize {
        let scale = |index: usize| scales.get(index).copied().unwrap_or(1.0);
        if let [a, b] = *inputs {
            let mut pairs = [(a, b, scale(0), scale(1)), (b, a, scale(1), scale(0))];
            // The one that is computed later; the other is there by then.
            pairs.sort_by_key(|(node, ..)| {
                std::cmp::Reverse(self.units[self.root[node.index()]].position)
            });
            for (node, other, factor, other_factor) in pairs {
                let (unit, residual) = (self.root[node.index()], self.root[other.index()]);
                let is_conv = matches!(self.units[unit].kind, Kind::Conv(_));
                if is_conv
                    && unit != residual
                    && other_factor == 1.0
                    && self.units[unit].residual.is_none()
                    && self.units[unit].function == Function::Identity
                    && self.units[residual].is_compact()
                    && !matches!(self.units[residual].kind, Kind::Input)
                    && self.ends_with(unit, node)
                {
                    self.units[unit].residual = Some(residual);
                    self.units[unit].factor = factor;
                    return self.absorb(id, unit);
                }
            }
        }
        let roots = self.same_layout(id, inputs);
        let segments = self.units[roots[0]].segments.clone();
        let scales = (0..inputs.len()).map(scale).collect();
        self.add(id, Kind::Sum(scales), roots, segments)
    }
}

/// Segments that follow each other without a gap as one.
fn joined(segments: Vec<Segment>) -> Vec<Segment> {
    let mut joined: Vec<Segment> = Vec::with_capacity(segments.len());
    for segment in segments {
        match joined.last_mut() {
            Some(last)
                if last.channels.is_multiple_of(LANES)
                    && last.block + last.channels / LANES == segment.block =>
            {
                last.channels += segment.channels;
            }
            _ => joined.push(segment),
        }
    }
    joined
}
