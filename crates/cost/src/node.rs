//! Counts of one node.

use std::{collections::HashSet, iter::Sum};

use inceptive_ir::{
    Activation, Conv, ConvTranspose, Graph, Interpolation, Linear, NodeId, Norm, Op, Path, Pool,
    PoolKind, Resize, Role, Scale, Shape, Size,
};

use crate::{BYTES_PER_VALUE, mode::Mode, receptive_field::ReceptiveField, totals::Totals};

/// Counts of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeCost {
    /// The node.
    pub id: NodeId,
    /// Learned numbers. Those that several nodes share count at the first of them.
    pub params: u64,
    /// Running means and variances of batch normalisation; shared ones likewise.
    pub buffers: u64,
    /// Multiply-accumulates of a convolution or linear layer, bias apart.
    pub macs: u64,
    /// Floating-point operations, by the table on this crate's front page.
    pub flops: u64,
    /// Elements of the result of a convolution or linear layer (`acts` of timm; pycls leaves linear
    /// layers out).
    pub acts: u64,
    /// Bytes of the learned numbers.
    pub weight_bytes: u64,
    /// Bytes of the result; 0 where it is its input seen differently (flatten, dropout at inference).
    pub activation_bytes: u64,
    /// Memory traffic in bytes: inputs, parameters, statistics and output, each once; 0 for nodes that move no data.
    /// Shared parameters count for every node that reads them.
    pub moved_bytes: u64,
    /// Bytes of learned numbers and statistics that are in `moved_bytes`.
    pub read_weight_bytes: u64,
    /// The receptive field of one output value.
    pub receptive_field: ReceptiveField,
}

impl NodeCost {
    /// Counts a node at batch 1. `counted` has the shared tensors of the nodes before it.
    pub(crate) fn new(
        graph: &Graph,
        id: NodeId,
        mode: Mode,
        receptive_field: ReceptiveField,
        counted: &mut SharedTensors,
    ) -> Self {
        let node = graph.node(id);
        let shares = graph.shares_tensors(id);
        let is_first = |role| !shares || counted.insert((node.tensor_path(role).clone(), role));
        let (counts, read_weight_bytes) =
            counts(&node.op, &graph.input_shapes(id), node.shape, mode, is_first);
        Self {
            id,
            params: counts.params,
            buffers: counts.buffers,
            macs: counts.macs,
            flops: counts.flops,
            acts: counts.acts,
            weight_bytes: counts.weight_bytes,
            activation_bytes: counts.activation_bytes,
            moved_bytes: counts.moved_bytes,
            read_weight_bytes,
            receptive_field,
        }
    }

    /// The same node for `batch` images: weights are read once.
    pub(crate) fn scaled(self, batch: u64) -> Self {
        let weights = self.read_weight_bytes;
        Self {
            macs: self.macs * batch,
            flops: self.flops * batch,
            acts: self.acts * batch,
            activation_bytes: self.activation_bytes * batch,
            moved_bytes: (self.moved_bytes - weights) * batch + weights,
            ..self
        }
    }

    /// FLOPs per byte moved (Williams et al. 2009, Roofline); `None` if nothing moves.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn intensity(&self) -> Option<f64> {
        (self.moved_bytes > 0).then(|| self.flops as f64 / self.moved_bytes as f64)
    }
}

impl From<&NodeCost> for Totals {
    fn from(node: &NodeCost) -> Self {
        Self {
            nodes: 1,
            params: node.params,
            buffers: node.buffers,
            macs: node.macs,
            flops: node.flops,
            acts: node.acts,
            weight_bytes: node.weight_bytes,
            activation_bytes: node.activation_bytes,
            moved_bytes: node.moved_bytes,
        }
    }
}

impl<'a> Sum<&'a NodeCost> for Totals {
    fn sum<I: Iterator<Item = &'a NodeCost>>(nodes: I) -> Self {
        nodes.map(Self::from).sum()
    }
}

/// Whether the result is the input's memory, seen differently.
pub(crate) fn is_view(op: &Op, mode: Mode) -> bool {
    match op {
        Op::Flatten => true,
        Op::Dropout { .. } | Op::DropPath { .. } => mode == Mode::Inference,
        Op::Input(_)
        | Op::Conv(_)
        | Op::BatchNorm(_)
        | Op::Lrn(_)
        | Op::Activation(_)
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::AdaptiveAvgPool { .. }
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Linear(_)
        | Op::Softmax
        | Op::ChannelShuffle { .. }
        | Op::Maximum
        | Op::ConvTranspose(_)
        | Op::Norm(_)
        | Op::Prelu { .. }
        | Op::Scale(_)
        | Op::Rescale(_)
        | Op::Resize(_)
        | Op::Rearrange(_) => false,
    }
}

/// The shared tensors that were counted already.
pub(crate) type SharedTensors = HashSet<(Path, Role)>;

/// The counts of a node at batch 1, and the bytes of learned numbers and statistics that it reads. `is_first` says whether
/// a tensor was not counted at a node before.
fn counts(
    op: &Op,
    inputs: &[Shape],
    output: Shape,
    mode: Mode,
    is_first: impl FnMut(Role) -> bool,
) -> (Totals, u64) {
    let weights = weights(op, inputs, is_first);
    let macs = macs(op, inputs, output);
    let activation_bytes = match is_view(op, mode) {
        true => 0,
        false => output.elements() * BYTES_PER_VALUE,
    };
    let read: u64 = inputs.iter().map(|shape| shape.elements()).sum();
    let moves = !inputs.is_empty() && !is_view(op, mode);
    let has_acts = matches!(op, Op::Conv(_) | Op::ConvTranspose(_) | Op::Linear(_));
    let read_weight_bytes = if moves { weights.read * BYTES_PER_VALUE } else { 0 };
    let totals = Totals {
        nodes: 1,
        params: weights.params,
        buffers: weights.buffers,
        macs,
        flops: 2 * macs + other_flops(op, inputs, output, mode),
        acts: if has_acts { output.elements() } else { 0 },
        weight_bytes: weights.params * BYTES_PER_VALUE,
        activation_bytes,
        moved_bytes: match moves {
            true => read * BYTES_PER_VALUE + read_weight_bytes + activation_bytes,
            false => 0,
        },
    };
    (totals, read_weight_bytes)
}

impl Totals {
    /// The counts of one node at batch 1, whatever network it is in, if it shares no tensor with another one.
    pub fn of_node(op: &Op, inputs: &[Shape], output: Shape, mode: Mode) -> Self {
        counts(op, inputs, output, mode, |_| true).0
    }
}

/// Numbers that a node keeps.
#[derive(Clone, Copy, Default)]
struct Weights {
    /// Learned, and not counted at a node before.
    params: u64,
    /// Statistics, and not counted at a node before.
    buffers: u64,
    /// All that it reads.
    read: u64,
}

fn weights(op: &Op, inputs: &[Shape], mut is_first: impl FnMut(Role) -> bool) -> Weights {
    let mut weights = Weights::default();
    for (role, dims) in op.tensors(inputs) {
        let values: u64 = dims.iter().map(|&dim| dim as u64).product();
        weights.read += values;
        if !is_first(role) {
            continue;
        }
        match role.is_learned() {
            true => weights.params += values,
            false => weights.buffers += values,
        }
    }
    weights
}

/// Weights per output channel of a convolution.
fn taps(conv: &Conv, in_channels: u64) -> u64 {
    conv.kernel.area() * (in_channels / u64::from(conv.groups))
}

/// Multiply-accumulates of a node that makes `output`.
pub(crate) fn macs(op: &Op, inputs: &[Shape], output: Shape) -> u64 {
    let channels = inputs.first().map_or(0, |shape| u64::from(shape.channels()));
    match op {
        Op::Conv(conv) => output.elements() * taps(conv, channels),
        Op::Linear(_) => output.elements() * channels,
        // Every input value meets every weight of its channel, whatever is cut from the output.
        Op::ConvTranspose(conv) => {
            let input = inputs.first().map_or(0, |shape| shape.elements());
            input * conv.kernel.area() * u64::from(conv.out_channels / conv.groups)
        }
        Op::Input(_)
        | Op::BatchNorm(_)
        | Op::Lrn(_)
        | Op::Activation(_)
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::AdaptiveAvgPool { .. }
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Flatten
        | Op::Dropout { .. }
        | Op::Softmax
        | Op::ChannelShuffle { .. }
        | Op::Maximum
        | Op::DropPath { .. }
        | Op::Norm(_)
        | Op::Prelu { .. }
        | Op::Scale(_)
        | Op::Rescale(_)
        | Op::Resize(_)
        | Op::Rearrange(_) => 0,
    }
}

/// FLOPs that are no multiply-accumulates; the table on this crate's front page.
fn other_flops(op: &Op, inputs: &[Shape], output: Shape, mode: Mode) -> u64 {
    let values = output.elements();
    let joined = (inputs.len() as u64).saturating_sub(1);
    match op {
        Op::Conv(Conv { bias, .. })
        | Op::ConvTranspose(ConvTranspose { bias, .. })
        | Op::Linear(Linear { bias, .. }) => values * u64::from(*bias),
        // A sum for the mean; a difference, a square and a sum for the variance; a difference and a product.
        Op::Norm(Norm { scale, center, .. }) => {
            values * (6 + u64::from(*scale) + u64::from(*center))
        }
        Op::Scale(Scale { scale, center, .. }) => values * (u64::from(*scale) + u64::from(*center)),
        Op::Rescale(rescale) => {
            let changes = |numbers: &[f32], neutral: f32| {
                u64::from(numbers.iter().any(|&number| number != neutral))
            };
            values * (changes(&rescale.scale, 1.0) + changes(&rescale.shift, 0.0))
        }
        Op::Prelu { .. } => 2 * values,
        Op::Resize(Resize { mode, .. }) => match mode {
            Interpolation::Nearest => 0,
            // Four products and three sums.
            Interpolation::Bilinear | Interpolation::BilinearCorners => 7 * values,
        },
        Op::BatchNorm(_) => 2 * values,
        Op::Lrn(lrn) => values * (2 * u64::from(lrn.size) + 3),
        Op::Activation(activation) => values * per_value(*activation),
        Op::Pool(Pool { kind, kernel, .. }) => values * window(*kind, kernel.area()),
        Op::GlobalPool(kind) => {
            values * window(*kind, inputs.first().map_or(1, |shape| shape.size().area()))
        }
        Op::ChannelMax | Op::ChannelMean => {
            let kind = match op {
                Op::ChannelMax => PoolKind::Max,
                _ => PoolKind::Average,
            };
            values * window(kind, inputs.first().map_or(1, |shape| u64::from(shape.channels())))
        }
        Op::AdaptiveAvgPool { output: grid } => {
            let size = inputs.first().map_or(Size::square(1), |shape| shape.size());
            u64::from(output.channels()) * adaptive_windows(size, *grid)
        }
        Op::Add { scales } => {
            let factors = scales.iter().filter(|&&scale| scale != 1.0).count() as u64;
            values * (joined + factors)
        }
        Op::Multiply | Op::Maximum => values * joined,
        Op::Softmax => {
            // Over channels at every position; over the features of a vector.
            let n = u64::from(output.channels());
            (5 * n).saturating_sub(2) * output.size().area()
        }
        Op::Dropout { .. } | Op::DropPath { .. } => match mode {
            Mode::Inference => 0,
            Mode::Training => 2 * values,
        },
        Op::Input(_) | Op::Concat | Op::Flatten | Op::ChannelShuffle { .. } | Op::Rearrange(_) => 0,
    }
}

const fn per_value(activation: Activation) -> u64 {
    match activation {
        Activation::Relu | Activation::Tanh => 1,
        Activation::Relu6 | Activation::LeakyRelu { .. } | Activation::Clip { .. } => 2,
        Activation::Softplus => 3,
        Activation::Sigmoid | Activation::HardSigmoid | Activation::Elu { .. } => 4,
        Activation::Silu
        | Activation::HardSwish
        | Activation::Selu
        | Activation::Gelu
        | Activation::Mish => 5,
        Activation::GeluTanh => 9,
    }
}

/// FLOPs of one window: a maximum has area - 1, a mean area - 1 sums and a quotient, a norm area squares, area - 1 sums
/// and a root.
const fn window(kind: PoolKind, area: u64) -> u64 {
    match kind {
        PoolKind::Max => area.saturating_sub(1),
        PoolKind::Average => area,
        PoolKind::L2 => 2 * area,
    }
}

/// The areas of all windows of an adaptive pooling of one channel, added up. Window `i` of `n` covers
/// the rows from `floor(i h / n)` to `ceil((i + 1) h / n)`: neighbours share a row unless the border
/// between them falls on one, which happens `gcd(h, n) - 1` times.
fn adaptive_windows(input: Size, grid: Size) -> u64 {
    let along = |input: u32, windows: u32| {
        u64::from(input) + u64::from(windows) - u64::from(gcd(input, windows))
    };
    along(input.height, grid.height) * along(input.width, grid.width)
}

fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adaptive_windows_are_counted_one_by_one() {
        let slow = |input: u32, windows: u32| -> u64 {
            let size = |i: u32| ((i + 1) * input).div_ceil(windows) - i * input / windows;
            (0..windows).map(|i| u64::from(size(i))).sum()
        };
        for input in 1..30 {
            for windows in 1..30 {
                let grid = adaptive_windows(Size::new(input, 1), Size::new(windows, 1));
                assert_eq!(grid, slow(input, windows), "{input} rows, {windows} windows");
            }
        }
    }
}
