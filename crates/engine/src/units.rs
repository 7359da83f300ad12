//! What one kernel computes: a node of the network, with those that are fused into it.

use std::sync::Arc;

use inceptive_ir::{BatchNorm, Conv, Lrn, NodeId, Norm, Pool, Rescale, Scale, Shape, Size};
use inceptive_kernels::{
    LANES,
    activation::Function,
    conv::{Segment, Window},
    step::Part,
};

/// The operator of a unit.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Input,
    Conv(Conv),
    /// A convolution of each channel by itself.
    Depthwise(Conv),
    /// A fully connected layer, also straight from a map that is flattened.
    Linear {
        outputs: usize,
        has_bias: bool,
    },
    Pool(Pool),
    /// Means or maxima of a grid that covers the map.
    Grid {
        is_max: bool,
    },
    /// The maximum or the mean over the channels of each pixel.
    ChannelPool {
        is_max: bool,
    },
    BatchNorm(BatchNorm),
    /// Only the function.
    Function,
    Sum(Vec<f32>),
    Product,
    Softmax,
    Lrn(Lrn),
    Flatten,
    /// Lanes of the input, for each lane of the output.
    Gather(Arc<[usize]>),
    Concat,
    /// Dropout with a probability, in training.
    Dropout(f32),
    /// Its input at its place in a concatenation that cannot be made in place.
    Copy,
    Maximum,
    /// Stochastic depth with a probability, in training.
    DropPath(f32),
    /// Positions of the input, moved or mixed.
    Resample(Arc<Resampled>),
    /// Learned factors and shifts of the node, for each channel or for all.
    Scale(Scale),
    /// Constant factors and shifts of each channel; either list may be empty.
    Rescale(Arc<Rescale>),
    /// A normalisation with the statistics of each image, without factors.
    Standardise(Norm),
}

/// What becomes of the positions of a map.
#[derive(Clone, Debug)]
pub(crate) struct Resampled {
    pub(crate) parts: Arc<[Part]>,
    /// What is where no position of the input is.
    pub(crate) fill: f32,
}

/// A unit of the plan.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) kind: Kind,
    /// The units that it reads.
    pub(crate) inputs: Vec<usize>,
    /// The node that gives it its weights.
    pub(crate) node: NodeId,
    /// Every node that it computes, in execution order.
    pub(crate) nodes: Vec<NodeId>,
    /// Applied last.
    pub(crate) function: Function,
    /// A unit whose result is added to it.
    pub(crate) residual: Option<usize>,
    /// What weights and bias are multiplied by.
    pub(crate) factor: f32,
    /// Whether it is the convolution behind the map of a transposed one, whose kernels are turned around.
    pub(crate) is_turned: bool,
    /// When it is computed: after every unit with a lower number.
    pub(crate) position: usize,
    /// Where the channels lie in its blocks. Segments that follow each other without a gap are one, so that equal lists
    /// mean equal lanes. Units with the same layout share it.
    pub(crate) segments: Arc<[Segment]>,
    pub(crate) size: Size,
}

impl Unit {
    pub(crate) fn channels(&self) -> usize {
        self.segments.iter().map(|segment| segment.channels).sum()
    }

    /// Blocks from its first to its last.
    pub(crate) fn blocks(&self) -> usize {
        let ends = self.segments.iter().map(|s| s.block + s.channels.div_ceil(LANES));
        ends.max().unwrap_or(0)
    }

    /// Whether its channels fill its lanes without gaps.
    pub(crate) fn is_compact(&self) -> bool {
        matches!(*self.segments, [] | [Segment { block: 0, .. }])
    }

    /// The lane of each channel.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = usize> {
        let lanes = |s: &Segment| s.block * LANES..s.block * LANES + s.channels;
        self.segments.iter().flat_map(lanes)
    }

    /// The units that it reads, with what is added.
    pub(crate) fn reads(&self) -> impl Iterator<Item = usize> {
        self.inputs.iter().copied().chain(self.residual)
    }
}

/// Channels from the first lane on.
pub(crate) fn compact(channels: usize) -> Arc<[Segment]> {
    Arc::new([Segment { block: 0, channels }])
}

/// A size as the kernels write it.
pub(crate) fn pair(size: Size) -> [usize; 2] {
    [size.height as usize, size.width as usize]
}

/// Channels or features.
pub(crate) fn channels(shape: Shape) -> usize {
    shape.channels() as usize
}

/// The window of a unit that reads the border of its input.
pub(crate) fn window(unit: &Unit, units: &[Unit]) -> Option<Window> {
    match &unit.kind {
        Kind::Conv(conv) | Kind::Depthwise(conv) => Some(Window {
            kernel: pair(conv.kernel),
            stride: pair(conv.stride),
            dilation: pair(conv.dilation),
            padding: [conv.padding.top as usize, conv.padding.left as usize],
        }),
        Kind::Linear { .. } => {
            Some(Window { kernel: pair(units[unit.inputs[0]].size), ..Window::POINT })
        }
        _ => None,
    }
}
