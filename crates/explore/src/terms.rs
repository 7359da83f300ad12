//! What one node adds to the counts of a network, as polynomials in the channels of its input and its output.

use inceptive_cost::{Mode, Totals};
use inceptive_dsl::{OpenNetwork, Symbol};
use inceptive_ir::{Conv, ConvTranspose, Linear, NodeId, Op, Part, Shape};

/// Counts that are sums over nodes.
pub(crate) const SUMS: usize = 8;

/// The places of counts among the sums.
pub(crate) const PARAMS: usize = 0;
pub(crate) const BUFFERS: usize = 1;
pub(crate) const MACS: usize = 2;
pub(crate) const FLOPS: usize = 3;
pub(crate) const ACTS: usize = 4;
pub(crate) const ACTIVATION_BYTES: usize = 5;
pub(crate) const MOVED_BYTES: usize = 6;
/// What `Graph::MAX_WORK` limits, auxiliary heads included.
pub(crate) const WORK: usize = 7;

/// A number for each sum.
pub(crate) type Coefficients = [f64; SUMS];

/// A number of channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Channels {
    /// The same at every point.
    Fixed(u32),
    /// A formula.
    Open(Symbol),
}

/// What a node adds: `constant + input * x + output * y + product * x * y` with its channels of input and output.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Terms {
    pub(crate) x: Channels,
    /// Groups that the channels of the input are divided by.
    pub(crate) groups: f64,
    pub(crate) y: Channels,
    pub(crate) constant: Coefficients,
    pub(crate) input: Coefficients,
    pub(crate) output: Coefficients,
    pub(crate) product: Coefficients,
}

/// The channels of a node.
pub(crate) fn channels(network: &OpenNetwork, node: NodeId) -> Channels {
    match network.channels(node) {
        Some(symbol) => Channels::Open(symbol),
        None => Channels::Fixed(network.graph.node(node).shape.channels()),
    }
}

impl Terms {
    /// What a node adds, found by counting it at a few numbers of channels. `None` if it shares tensors with other nodes.
    pub(crate) fn new(network: &OpenNetwork, id: NodeId) -> Option<Self> {
        let graph = &network.graph;
        if graph.shares_tensors(id) {
            return None;
        }
        let node = graph.node(id);
        let site = Site {
            op: &node.op,
            inputs: graph.input_shapes(id),
            output: node.shape,
            runs: node.part == Part::Main,
            is_depthwise: network.is_depthwise(id),
        };
        let y = channels(network, id);
        let x = graph.inputs(id).first().map_or(y, |&input| channels(network, input));
        let groups = match &node.op {
            Op::Conv(conv) if !site.is_depthwise => conv.groups,
            Op::ConvTranspose(conv) => conv.groups,
            _ => 1,
        };
        // The kernels of a transposed convolution have whole outputs for each group.
        let step = match &node.op {
            Op::ConvTranspose(conv) => conv.groups,
            _ => 1,
        };
        let [at00, at10, at01, at11] =
            [[1, 1], [2, 1], [1, 2], [2, 2]].map(|[x, y]| site.counts(x * groups, y * step));
        let each = |value: &dyn Fn(usize) -> f64| std::array::from_fn(value);
        let product: Coefficients = each(&|sum| at11[sum] - at10[sum] - at01[sum] + at00[sum]);
        let input: Coefficients = each(&|sum| at10[sum] - at00[sum] - product[sum]);
        let output: Coefficients = each(&|sum| at01[sum] - at00[sum] - product[sum]);
        let constant = each(&|sum| at00[sum] - input[sum] - output[sum] - product[sum]);
        let product = product.map(|each| each / f64::from(step));
        let output = output.map(|each| each / f64::from(step));
        Some(Self { x, groups: groups.into(), y, constant, input, output, product })
    }
}

/// A node whose channels are changed.
struct Site<'n> {
    op: &'n Op,
    inputs: Vec<Shape>,
    output: Shape,
    /// Whether it runs in inference.
    runs: bool,
    is_depthwise: bool,
}

impl Site<'_> {
    /// What it adds with `x` channels of its input and `y` of its output.
    fn counts(&self, x: u32, y: u32) -> Coefficients {
        let with = |shape: Shape, channels: u32| match shape {
            Shape::Map { size, .. } => Shape::Map { channels, size },
            Shape::Vector { .. } => Shape::vector(channels),
        };
        let mut inputs = self.inputs.clone();
        let op = match self.op {
            Op::Conv(conv) => {
                inputs[0] = with(inputs[0], x);
                let groups = if self.is_depthwise { x } else { conv.groups };
                Op::Conv(Conv { out_channels: y, groups, ..*conv })
            }
            Op::ConvTranspose(conv) => {
                inputs[0] = with(inputs[0], x);
                Op::ConvTranspose(ConvTranspose { out_channels: y, ..*conv })
            }
            Op::Rearrange(_) | Op::ChannelMax | Op::ChannelMean => {
                inputs[0] = with(inputs[0], x);
                self.op.clone()
            }
            Op::Add { .. } | Op::Multiply => {
                // A single channel that stands for all stays one.
                let is_single = |input: &Shape| input.channels() == 1 && self.output.channels() > 1;
                for input in inputs.iter_mut().filter(|input| !is_single(input)) {
                    *input = with(*input, y);
                }
                self.op.clone()
            }
            Op::Linear(linear) => {
                inputs[0] = with(inputs[0], x);
                Op::Linear(Linear { out_features: y, ..*linear })
            }
            Op::Concat => {
                // Of all inputs together.
                for (number, input) in inputs.iter_mut().enumerate() {
                    *input = with(*input, if number == 0 { y } else { 0 });
                }
                self.op.clone()
            }
            Op::Flatten => {
                // Only its output is looked at; the elements of its input are as many.
                inputs[0] = Shape::vector(y);
                self.op.clone()
            }
            // As many channels as its inputs.
            Op::Input(_)
            | Op::BatchNorm(_)
            | Op::Norm(_)
            | Op::Lrn(_)
            | Op::Activation(_)
            | Op::Prelu { .. }
            | Op::Pool(_)
            | Op::GlobalPool(_)
            | Op::AdaptiveAvgPool { .. }
            | Op::Maximum
            | Op::Dropout { .. }
            | Op::DropPath { .. }
            | Op::Softmax
            | Op::ChannelShuffle { .. }
            | Op::Scale(_)
            | Op::Rescale(_)
            | Op::Resize(_) => {
                inputs.iter_mut().for_each(|input| *input = with(*input, y));
                self.op.clone()
            }
        };
        let output = with(self.output, y);
        let mut counts = [0.0; SUMS];
        if self.runs {
            let totals = Totals::of_node(&op, &inputs, output, Mode::Inference);
            let sums = [
                (PARAMS, totals.params),
                (BUFFERS, totals.buffers),
                (MACS, totals.macs),
                (FLOPS, totals.flops),
                (ACTS, totals.acts),
                (ACTIVATION_BYTES, totals.activation_bytes),
                (MOVED_BYTES, totals.moved_bytes),
            ];
            for (sum, count) in sums {
                counts[sum] = number(count.into());
            }
        }
        counts[WORK] = op.work(&inputs, output).map_or(f64::INFINITY, number);
        counts
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of few channels are below 2^53")]
fn number(count: u128) -> f64 {
    count as f64
}
