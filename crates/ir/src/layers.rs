//! Attributes of the operators that are used less often than a convolution or a pool.

use crate::shape::{Padding, Size};

/// Attributes of a transposed convolution: the gradient of a convolution with respect to its input, used as a layer
/// (Zeiler et al. 2010). Input channels come from the input's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTranspose {
    /// Height and width of the kernel.
    pub kernel: Size,
    /// Output channels.
    pub out_channels: u32,
    /// Distance in the output between neighbours of the input.
    pub stride: Size,
    /// Rows and columns that are cut from the output.
    pub padding: Padding,
    /// Rows and columns that are added at the bottom and at the right of the output.
    pub output_padding: Size,
    /// Distance between kernel taps; 1 for a dense kernel.
    pub dilation: Size,
    /// Groups; input and output channels are multiples of it.
    pub groups: u32,
    /// Whether a bias per output channel is learned.
    pub bias: bool,
}

/// Over which values of an image a normalisation takes mean and variance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NormOver {
    /// All pixels of the channels of each group (Wu and He 2018).
    Groups(u32),
    /// All pixels of each channel (Ulyanov et al. 2016).
    Instance,
    /// All channels of each pixel, or all features of a vector (Ba et al. 2016, as ConvNeXt uses it).
    Channels,
}

/// Attributes of a normalisation with the statistics of each image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm {
    /// What mean and variance are taken over.
    pub over: NormOver,
    /// Added to the variance.
    pub eps: f32,
    /// Whether a factor of each channel is learned (else 1).
    pub scale: bool,
    /// Whether a shift of each channel is learned (else 0).
    pub center: bool,
}

/// A learned factor and a learned shift of each channel, or of all channels together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Whether the factor is learned (else 1).
    pub scale: bool,
    /// Whether the shift is learned (else 0).
    pub center: bool,
    /// Whether all channels have the same factor and shift.
    pub shared: bool,
}

/// A constant factor and a constant shift: `x * scale + shift`. Each list has a number for each channel, one for all, or
/// none, which changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rescale {
    /// Factors.
    pub scale: Vec<f32>,
    /// Shifts.
    pub shift: Vec<f32>,
}

/// How large a map becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResizeTo {
    /// So many times as high and wide.
    Factor(Size),
    /// So high and wide.
    Size(Size),
}

/// How the values between those of a map are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// The value of output row `i` is that of input row `floor(i * height / output_height)`, as PyTorch's `nearest` does.
    Nearest,
    /// Linear between the four values around, with the centres of pixels at halves.
    Bilinear,
    /// Linear, with the corners of both maps at the same places.
    BilinearCorners,
}

impl Interpolation {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
            Self::BilinearCorners => "bilinear_corners",
        }
    }
}

/// Attributes of a change of a map's height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Resize {
    /// How large the map becomes.
    pub to: ResizeTo,
    /// How values are made.
    pub mode: Interpolation,
}

/// An axis of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Axis {
    /// Channels of a map, features of a vector.
    Channels,
    /// Rows.
    Height,
    /// Columns.
    Width,
}

impl Axis {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Channels => "channels",
            Self::Height => "height",
            Self::Width => "width",
        }
    }
}

/// What stands in the padding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PadMode {
    /// One number.
    Constant(f32),
    /// The map mirrored at its border, without the border itself.
    Reflect,
    /// The border's values.
    Edge,
}

impl PadMode {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant(_) => "constant",
            Self::Reflect => "reflect",
            Self::Edge => "edge",
        }
    }
}

/// The order of the channels that become pixels, or the reverse, in blocks of `b` x `b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockOrder {
    /// Channel `(c * b + row) * b + column`, as in PyTorch's pixel shuffle; ONNX's `CRD`.
    ChannelsFirst,
    /// Channel `(row * b + column) * channels + c`, as in TensorFlow; ONNX's `DCR`.
    PixelsFirst,
}

impl BlockOrder {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChannelsFirst => "channels_first",
            Self::PixelsFirst => "pixels_first",
        }
    }
}

/// Operators that move values, leave some out, or put others around them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rearrange {
    /// `count` of the positions of an axis, from `start` on, every `step`-th.
    Slice {
        /// The axis.
        axis: Axis,
        /// The first position.
        start: u32,
        /// Number of positions.
        count: u32,
        /// Distance between them.
        step: u32,
    },
    /// More rows and columns around a map.
    Pad {
        /// How many.
        padding: Padding,
        /// What is in them.
        mode: PadMode,
    },
    /// Blocks of `block` x `block` pixels become channels.
    SpaceToDepth {
        /// Side of a block.
        block: u32,
        /// Order of the channels.
        order: BlockOrder,
    },
    /// Channels become blocks of `block` x `block` pixels (Shi et al. 2016).
    DepthToSpace {
        /// Side of a block.
        block: u32,
        /// Order of the channels.
        order: BlockOrder,
    },
}

impl Rearrange {
    /// The operator's name, as the YAML language, tables and paths use it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Slice { .. } => "slice",
            Self::Pad { .. } => "pad",
            Self::SpaceToDepth { .. } => "space_to_depth",
            Self::DepthToSpace { .. } => "depth_to_space",
        }
    }
}
