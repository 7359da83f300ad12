//! From nodes to units: what one kernel can do at once becomes one unit.

mod composed;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use inceptive_ir::{Activation, Graph, Node, NodeId, Norm, Op, Scale};
use inceptive_kernels::{LANES, activation::Function, conv::Segment};

use crate::{
    options::PlanError,
    resample::resized,
    units::{Kind, Resampled, Unit, channels, compact},
};

/// Segments and lanes in all lists together, at most: a concatenation in a chain has a longer list than the one before.
const MOST_ENTRIES: usize = 1 << 22;

/// What units are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To compute the output.
    Inference,
    /// To compute gradients too: a unit takes only what can be undone from its result. A softmax that is a result is
    /// left to the loss.
    Training,
}

/// Units of a graph, in the order in which they are computed.
pub(crate) struct Fused {
    pub(crate) units: Vec<Unit>,
    /// The unit that computes the network's output.
    pub(crate) output: usize,
    /// The units that compute the outputs of auxiliary heads, in their order.
    pub(crate) heads: Vec<usize>,
}

pub(crate) fn fuse(graph: &Graph, purpose: Purpose) -> Result<Fused, PlanError> {
    let mut builder = Builder {
        graph,
        purpose,
        results: graph.results(),
        units: Vec::with_capacity(graph.len()),
        root: Vec::with_capacity(graph.len()),
        tail: Vec::with_capacity(graph.len()),
        entries: 0,
        gathered: HashMap::new(),
        functions: HashMap::new(),
    };
    for (id, node) in graph.nodes() {
        let inputs = graph.inputs(id);
        let root = builder.node(id, node, &inputs)?;
        builder.root.push(root);
    }
    let output = builder.root[graph.output().index()];
    let heads = graph.auxiliary().iter().map(|head| builder.root[head.output.index()]).collect();
    Ok(Fused { units: builder.units, output, heads })
}

struct Builder<'a> {
    graph: &'a Graph,
    purpose: Purpose,
    results: HashSet<NodeId>,
    units: Vec<Unit>,
    /// The unit that computes each node.
    root: Vec<usize>,
    /// The node whose result each unit ends with; none once several nodes have the same result.
    tail: Vec<Option<NodeId>>,
    /// Segments and lanes of the lists so far.
    entries: usize,
    /// Units that close the gaps between the channels of others.
    gathered: HashMap<usize, usize>,
    /// The units that are a function of their input alone, by that input.
    functions: HashMap<usize, Vec<usize>>,
}

/// Blocks from which on gaps between channels matter.
const MANY_BLOCKS: usize = 64;

/// Functions of one input that a new one is compared with.
const MOST_COMPARED: usize = 16;

/// Lanes for each channel from which on gaps are closed.
const WASTE: usize = 4;

/// Whether an operator computes all lanes of its input's blocks, those without a channel too.
const fn computes_every_lane(op: &Op) -> bool {
    match op {
        Op::Activation(_)
        | Op::BatchNorm(_)
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::AdaptiveAvgPool { .. }
        | Op::Norm(_)
        | Op::Prelu { .. }
        | Op::Scale(_)
        | Op::Rescale(_)
        | Op::Resize(_)
        | Op::Rearrange(_) => true,
        // Sums, products and depthwise convolutions see to it themselves; the others read channels alone.
        Op::Input(_)
        | Op::Conv(_)
        | Op::Linear(_)
        | Op::Lrn(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::Softmax
        | Op::Dropout { .. }
        | Op::Flatten
        | Op::ChannelShuffle { .. }
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Maximum
        | Op::DropPath { .. }
        | Op::ConvTranspose(_) => false,
    }
}

fn function_of(activation: Activation) -> Function {
    match activation {
        Activation::Relu => Function::Relu,
        Activation::Relu6 => Function::Relu6,
        Activation::Sigmoid => Function::Sigmoid,
        Activation::Silu => Function::Silu,
        Activation::HardSigmoid => Function::HardSigmoid,
        Activation::HardSwish => Function::HardSwish,
        Activation::LeakyRelu { slope } => Function::LeakyRelu(slope),
        Activation::Elu { alpha } => Function::Elu(1.0, alpha),
        Activation::Selu => Function::Elu(Activation::SELU_SCALE, Activation::SELU_ALPHA),
        Activation::Gelu => Function::Gelu,
        Activation::GeluTanh => Function::GeluTanh,
        Activation::Mish => Function::Mish,
        Activation::Softplus => Function::Softplus,
        Activation::Tanh => Function::Tanh,
        Activation::Clip { low, high } => Function::Clip(low, high),
    }
}

impl Builder<'_> {
    /// The unit that computes a node: a new one, or the one that it is fused into.
    fn node(&mut self, id: NodeId, node: &Node, inputs: &[NodeId]) -> Result<usize, PlanError> {
        let mut first = inputs.first().map(|input| self.root[input.index()]);
        if let Some(unit) = first
            && computes_every_lane(&node.op)
        {
            first = Some(self.without_waste(id, unit)?);
        }
        Ok(match (&node.op, first) {
            (Op::Input(shape), _) => self.add(id, Kind::Input, vec![], compact(channels(*shape))),
            (_, None) => self.add(id, Kind::Function, vec![], compact(channels(node.shape))),
            (Op::Dropout { p }, Some(first)) if self.is_training() && *p > 0.0 => {
                self.like(id, Kind::Dropout(*p), first)
            }
            (Op::Dropout { .. }, Some(first)) => self.alias(id, inputs[0], first),
            (Op::Softmax, Some(first)) if self.is_training() && self.results.contains(&id) => first,
            (Op::Activation(activation), Some(first)) => {
                let function = function_of(*activation);
                // The gradient of a normalisation knows these two.
                let can = match self.purpose {
                    Purpose::Inference => true,
                    Purpose::Training => matches!(function, Function::Relu | Function::Relu6),
                };
                if can && self.takes_function(first) && self.ends_with(first, inputs[0]) {
                    self.units[first].function = function;
                    return Ok(self.absorb(id, first));
                }
                self.function(id, function, first)
            }
            (Op::Conv(conv), Some(first)) => {
                let ins = self.units[first].channels();
                let outs = conv.out_channels as usize;
                if conv.groups as usize == ins && outs == ins && ins > 1 {
                    let first = self.without_waste(id, first)?;
                    self.like(id, Kind::Depthwise(*conv), first)
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
            (Op::Pool(pool), Some(first)) => self.pool(id, pool, first)?,
            (Op::GlobalPool(kind), Some(first)) => {
                let is_max = *kind == inceptive_ir::PoolKind::Max;
                self.like(id, Kind::Grid { is_max }, first)
            }
            (Op::AdaptiveAvgPool { .. }, Some(first)) => {
                self.like(id, Kind::Grid { is_max: false }, first)
            }
            (op @ (Op::ChannelMax | Op::ChannelMean), Some(first)) => {
                let is_max = *op == Op::ChannelMax;
                self.add(id, Kind::ChannelPool { is_max }, vec![first], compact(1))
            }
            (Op::Softmax, Some(first)) => self.like(id, Kind::Softmax, first),
            (Op::Lrn(lrn), Some(first)) => {
                let first = self.compacted(id, first)?;
                self.like(id, Kind::Lrn(*lrn), first)
            }
            (Op::Flatten, Some(first)) => self.flatten(id, node, inputs[0], first),
            (Op::ChannelShuffle { groups }, Some(first)) => {
                let lanes = self.lanes(id, first)?;
                let groups = *groups as usize;
                let of_group = lanes.len() / groups.max(1);
                // Channel `i` of the result is the one in row `i % groups` and column `i / groups`.
                let shuffled = (0..lanes.len()).map(|i| lanes[i % groups * of_group + i / groups]);
                let kind = Kind::Gather(shuffled.collect());
                self.add(id, kind, vec![first], compact(lanes.len()))
            }
            (Op::Concat, Some(_)) => {
                let roots = self.roots(inputs);
                let segments = self.one_behind_the_other(id, &roots)?;
                self.add(id, Kind::Concat, roots, segments)
            }
            (Op::Add { scales }, Some(_)) => self.sum(id, scales, inputs)?,
            (Op::Multiply, Some(_)) => {
                let roots = self.all_channels(id, inputs)?;
                let roots = self.same_layout(id, roots)?;
                self.pairwise(id, &Kind::Product, roots)
            }
            (Op::Maximum, Some(_)) => {
                let roots = self.same_layout(id, self.roots(inputs))?;
                self.pairwise(id, &Kind::Maximum, roots)
            }
            (Op::DropPath { p }, Some(first)) if self.is_training() && *p > 0.0 => {
                self.like(id, Kind::DropPath(*p), first)
            }
            (Op::DropPath { .. }, Some(first)) => self.alias(id, inputs[0], first),
            (Op::ConvTranspose(conv), Some(first)) => self.conv_transpose(id, conv, first),
            (Op::Norm(norm), Some(first)) => {
                let unit = self.like(id, Kind::Standardise(*norm), first);
                let Norm { scale, center, .. } = *norm;
                match scale || center {
                    true => {
                        let scale = Scale { scale, center, shared: false };
                        self.like(id, Kind::Scale(scale), unit)
                    }
                    false => unit,
                }
            }
            (Op::Prelu { shared }, Some(first)) => self.prelu(id, *shared, first),
            (Op::Scale(scale), Some(first)) => self.like(id, Kind::Scale(*scale), first),
            (Op::Rescale(rescale), Some(first)) => {
                self.like(id, Kind::Rescale(Arc::new(rescale.clone())), first)
            }
            (Op::Resize(resize), Some(first)) => {
                let parts = resized(resize.mode, self.units[first].size, node.shape.size());
                self.resample(id, parts, first)
            }
            (Op::Rearrange(rearrange), Some(first)) => {
                self.rearrange(id, rearrange, node, first)?
            }
        })
    }

    /// A function of its own, or the unit that computes the same one of the same input: cells such as NASNet-A's begin every
    /// branch with a ReLU.
    fn function(&mut self, id: NodeId, function: Function, input: usize) -> usize {
        let known = self.functions.entry(input).or_default();
        if let Some(&unit) = known
            .iter()
            .rev()
            .take(MOST_COMPARED)
            .find(|&&unit| self.units[unit].function == function)
        {
            self.units[unit].nodes.push(id);
            self.tail[unit] = None;
            return unit;
        }
        let unit = self.like(id, Kind::Function, input);
        self.units[unit].function = function;
        self.functions.entry(input).or_default().push(unit);
        unit
    }

    /// A unit of which each lane is the same one of its input.
    fn resample(&mut self, id: NodeId, resampled: Resampled, input: usize) -> usize {
        self.like(id, Kind::Resample(Arc::new(resampled)), input)
    }

    /// The units of inputs that are multiplied or added: a single channel that stands for all is copied to them.
    fn all_channels(&mut self, id: NodeId, inputs: &[NodeId]) -> Result<Vec<usize>, PlanError> {
        let all = channels(self.graph.node(id).shape);
        let mut roots = self.roots(inputs);
        for root in &mut roots {
            if all > 1 && self.units[*root].channels() == 1 {
                let lane = self.lanes(id, *root)?[0];
                self.count(id, all)?;
                let size = self.units[*root].size;
                let kind = Kind::Gather(vec![lane; all].into());
                *root = self.add(id, kind, vec![*root], compact(all));
                self.units[*root].size = size;
            }
        }
        Ok(roots)
    }

    fn is_training(&self) -> bool {
        self.purpose == Purpose::Training
    }

    /// A product or a maximum; for training of two maps at a time.
    fn pairwise(&mut self, id: NodeId, kind: &Kind, mut roots: Vec<usize>) -> usize {
        let segments = Arc::clone(&self.units[roots[0]].segments);
        // The largest maps first, so that every product is as large as its first factor.
        roots.sort_by_key(|&root| std::cmp::Reverse(self.units[root].size.area()));
        let size = self.units[roots[0]].size;
        if !self.is_training() {
            let unit = self.add(id, kind.clone(), roots, segments);
            self.units[unit].size = size;
            return unit;
        }
        let mut joined = roots[0];
        for &other in &roots[1..] {
            joined = self.add(id, kind.clone(), vec![joined, other], Arc::clone(&segments));
            self.units[joined].size = size;
        }
        joined
    }

    /// The units that compute some nodes.
    fn roots(&self, nodes: &[NodeId]) -> Vec<usize> {
        nodes.iter().map(|node| self.root[node.index()]).collect()
    }

    /// Counts the entries of a list that a node needs, and refuses one that makes all lists together too long.
    fn count(&mut self, id: NodeId, entries: usize) -> Result<(), PlanError> {
        self.entries = self.entries.saturating_add(entries);
        if self.entries > MOST_ENTRIES {
            let node = self.graph.node(id).path.clone();
            return Err(PlanError::Parts { node, most: MOST_ENTRIES });
        }
        Ok(())
    }

    /// The lane of each channel of a unit, for a node that moves them.
    fn lanes(&mut self, id: NodeId, unit: usize) -> Result<Vec<usize>, PlanError> {
        self.count(id, self.units[unit].channels())?;
        Ok(self.units[unit].lanes().collect())
    }

    /// Where the channels of units lie whose blocks follow each other; segments without a gap between them become one.
    fn one_behind_the_other(
        &mut self,
        id: NodeId,
        units: &[usize],
    ) -> Result<Arc<[Segment]>, PlanError> {
        let mut joined: Vec<Segment> = Vec::new();
        let mut block = 0;
        for &unit in units {
            let before = joined.len();
            for segment in &*self.units[unit].segments {
                let segment = Segment { block: segment.block + block, ..*segment };
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
            self.count(id, joined.len() - before)?;
            block += self.units[unit].blocks();
        }
        Ok(joined.into())
    }

    fn add(
        &mut self,
        id: NodeId,
        kind: Kind,
        inputs: Vec<usize>,
        segments: Arc<[Segment]>,
    ) -> usize {
        let node = self.graph.node(id);
        self.units.push(Unit {
            kind,
            inputs,
            node: id,
            nodes: vec![id],
            function: Function::Identity,
            residual: None,
            factor: 1.0,
            is_turned: false,
            position: id.index(),
            segments,
            size: node.shape.size(),
        });
        self.tail.push(Some(id));
        self.units.len() - 1
    }

    /// A unit with the layout of its input.
    fn like(&mut self, id: NodeId, kind: Kind, input: usize) -> usize {
        let segments = Arc::clone(&self.units[input].segments);
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
        self.tail[unit] = Some(id);
        unit
    }

    /// Whether a unit's result is that of `node`, which one other node alone uses.
    fn ends_with(&self, unit: usize, node: NodeId) -> bool {
        let is_result = self.results.contains(&node);
        self.tail[unit] == Some(node) && !is_result && self.graph.only_consumer(node).is_some()
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
            | Kind::Product
            | Kind::Maximum => true,
            Kind::Input
            | Kind::Pool(_)
            | Kind::Grid { .. }
            | Kind::Function
            | Kind::ChannelPool { .. }
            | Kind::Softmax
            | Kind::Lrn(_)
            | Kind::Flatten
            | Kind::Gather(_)
            | Kind::Concat
            | Kind::Dropout(_)
            | Kind::DropPath(_)
            | Kind::Resample(_)
            | Kind::Scale(_)
            | Kind::Rescale(_)
            | Kind::Standardise(_)
            | Kind::Copy => false,
        };
        can && unit.function == Function::Identity
    }

    /// A map of one pixel is a vector already, and fully connected layers read maps; else its numbers are moved.
    fn flatten(&mut self, id: NodeId, node: &Node, input: NodeId, root: usize) -> usize {
        let is_linear = |reader: &NodeId| matches!(self.graph.node(*reader).op, Op::Linear(_));
        let readers = self.graph.consumers(id);
        let only_linear =
            !readers.is_empty() && readers.iter().all(is_linear) && !self.results.contains(&id);
        if only_linear || self.units[root].size.area() == 1 {
            return self.alias(id, input, root);
        }
        self.add(id, Kind::Flatten, vec![root], compact(channels(node.shape)))
    }

    /// The unit itself if its channels have no gaps, else one that closes them.
    fn compacted(&mut self, id: NodeId, unit: usize) -> Result<usize, PlanError> {
        if self.units[unit].is_compact() {
            return Ok(unit);
        }
        let lanes = self.lanes(id, unit)?;
        let (count, size) = (lanes.len(), self.units[unit].size);
        let gather = self.add(id, Kind::Gather(lanes.into()), vec![unit], compact(count));
        self.units[gather].size = size;
        Ok(gather)
    }

    /// The unit itself, or one that closes the gaps between its channels where they are most of its lanes: whatever is
    /// computed of it then, and of the result, takes a fraction of the time.
    fn without_waste(&mut self, id: NodeId, unit: usize) -> Result<usize, PlanError> {
        let (blocks, channels) = (self.units[unit].blocks(), self.units[unit].channels());
        if blocks < MANY_BLOCKS || blocks * LANES < WASTE * channels {
            return Ok(unit);
        }
        if let Some(&gather) = self.gathered.get(&unit) {
            return Ok(gather);
        }
        let gather = self.compacted(id, unit)?;
        self.gathered.insert(unit, gather);
        Ok(gather)
    }

    /// Units in the same layout.
    fn same_layout(&mut self, id: NodeId, roots: Vec<usize>) -> Result<Vec<usize>, PlanError> {
        let roots: Vec<usize> =
            roots.into_iter().map(|root| self.without_waste(id, root)).collect::<Result<_, _>>()?;
        let segments = |unit: usize| &self.units[unit].segments;
        let first = segments(roots[0]);
        if roots.iter().all(|&root| Arc::ptr_eq(segments(root), first) || segments(root) == first) {
            return Ok(roots);
        }
        roots.into_iter().map(|root| self.compacted(id, root)).collect()
    }
}

#[cfg(test)]
mod tests {
    use inceptive_ir::{NewNode, Path, Shape};

    use super::*;

    /// A hundred channels that each have a block are seven blocks once something is computed of them.
    #[test]
    fn gaps_that_are_most_of_the_lanes_are_closed_once() -> Result<(), Box<dyn std::error::Error>> {
        let mut graph = Graph::new(Shape::map(1, 4, 4), None)?;
        let input = graph.input();
        let mut add = |name: &str, op: Op, inputs: &[NodeId]| {
            graph.add(NewNode::new(op, Path::new(name)), inputs)
        };
        let parts = add("parts", Op::Concat, &[input; 100])?;
        let relu = add("relu", Op::Activation(Activation::Relu), &[parts])?;
        let sigmoid = add("sigmoid", Op::Activation(Activation::Sigmoid), &[parts])?;
        let sum = add("sum", Op::Add { scales: vec![] }, &[relu, sigmoid])?;
        graph.set_output(sum);
        for purpose in [Purpose::Inference, Purpose::Training] {
            let units = fuse(&graph, purpose)?.units;
            let blocks: Vec<usize> = units.iter().map(Unit::blocks).collect();
            assert_eq!(blocks, [1, 100, 7, 7, 7, 7]);
        }
        Ok(())
    }

    /// Three branches that begin with the same activation read one map, and what follows one of them is not fused into it.
    #[test]
    fn equal_functions_of_one_input_are_computed_once() -> Result<(), Box<dyn std::error::Error>> {
        let mut graph = Graph::new(Shape::map(3, 4, 4), None)?;
        let input = graph.input();
        let mut add = |name: &str, op: Op, inputs: &[NodeId]| {
            graph.add(NewNode::new(op, Path::new(name)), inputs)
        };
        let relu = || Op::Activation(Activation::Relu);
        let first = add("first", relu(), &[input])?;
        let second = add("second", relu(), &[input])?;
        let other = add("other", Op::Activation(Activation::Sigmoid), &[input])?;
        let dropout = add("dropout", Op::Dropout { p: 0.5 }, &[second])?;
        let third = add("third", relu(), &[input])?;
        let again = add("again", relu(), &[first])?;
        let sum =
            add("sum", Op::Add { scales: vec![1.0; 5] }, &[first, other, dropout, third, again])?;
        graph.set_output(sum);
        let fused = fuse(&graph, Purpose::Inference)?;
        assert_eq!(fused.units.len(), 5, "input, two functions, one of a function, sum");
        assert_eq!(fused.units[1].nodes, [first, second, third]);
        assert_eq!(fused.units[1].position, first.index());
        assert_eq!(fused.units[4].inputs, [1, 2, 1, 1, 3]);
        // In training, dropout computes something.
        assert_eq!(fuse(&graph, Purpose::Training)?.units.len(), 6);
        Ok(())
    }

    /// A list that is only passed on is not copied, and equal lists need no unit that moves channels.
    #[test]
    fn units_with_the_layout_of_their_input_share_its_list()
    -> Result<(), Box<dyn std::error::Error>> {
        let mut graph = Graph::new(Shape::map(3, 4, 4), None)?;
        let input = graph.input();
        let mut add = |name: &str, op: Op, inputs: &[NodeId]| {
            graph.add(NewNode::new(op, Path::new(name)), inputs)
        };
        let twice = add("twice", Op::Concat, &[input, input])?;
        let again = add("again", Op::Concat, &[input, input])?;
        let relu = add("relu", Op::Activation(Activation::Relu), &[twice])?;
        let sum = add("sum", Op::Add { scales: vec![] }, &[again, relu])?;
        graph.set_output(sum);
        let units = fuse(&graph, Purpose::Inference)?.units;
        assert_eq!(units.len(), 5, "input, two concatenations, activation and sum");
        assert_eq!(units[1].segments.len(), 2);
        assert!(Arc::ptr_eq(&units[1].segments, &units[3].segments));
        assert!(Arc::ptr_eq(&units[2].segments, &units[4].segments));
        Ok(())
    }
}
