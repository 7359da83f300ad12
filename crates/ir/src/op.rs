//! The closed set of operators, and what each does to shapes.
//!
//! Everything that depends on the operator (shape, cost, export, execution) matches exhaustively on
//! [`Op`] without a default arm, so that the compiler names every place a new operator must be
//! handled.

use std::fmt;

use crate::{
    activation::Activation,
    layers::{ConvTranspose, Norm, NormOver, PadMode, Rearrange, Rescale, Resize, ResizeTo, Scale},
    shape::{Padding, Shape, Size},
};

/// One operator with its attributes.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The network's input. Has no inputs of its own.
    Input(Shape),
    /// 2-D convolution (cross-correlation), map to map.
    Conv(Conv),
    /// Batch normalisation per channel (Ioffe and Szegedy 2015, Algorithm 1), with running statistics.
    BatchNorm(BatchNorm),
    /// Local response normalisation across channels (Krizhevsky et al. 2012, section 3.3).
    Lrn(Lrn),
    /// An elementwise nonlinearity.
    Activation(Activation),
    /// Maximum or average over a sliding window, map to map.
    Pool(Pool),
    /// Maximum or average over all rows and columns of the map: CxHxW to Cx1x1.
    GlobalPool(PoolKind),
    /// Maximum over the channels of each pixel: CxHxW to 1xHxW (the spatial gate of CBAM: Woo et al. 2018, section 3).
    ChannelMax,
    /// Mean over the channels of each pixel: CxHxW to 1xHxW.
    ChannelMean,
    /// Average over a grid of windows that covers the map: CxHxW to Cx`output`.
    AdaptiveAvgPool {
        /// Height and width of the result.
        output: Size,
    },
    /// Concatenation along channels, in input order; two inputs or more.
    Concat,
    /// Elementwise sum, input `i` multiplied by `scales[i]`, with broadcasting: inputs of one channel, or of 1x1 pixels,
    /// stand for all channels or pixels. Two inputs or more.
    Add {
        /// One factor an input; 1 for a plain sum.
        scales: Vec<f32>,
    },
    /// Elementwise product, with broadcasting. Two inputs or more.
    Multiply,
    /// Elementwise maximum of equal shapes; two inputs or more.
    Maximum,
    /// Fully connected layer, vector to vector.
    Linear(Linear),
    /// Map to vector, in C, H, W order.
    Flatten,
    /// Dropout (Srivastava et al. 2014); the identity at inference.
    Dropout {
        /// Probability that a value is set to zero in training.
        p: f32,
    },
    /// Stochastic depth (Huang et al. 2016): in training, sets whole images of a branch to zero; the identity at inference.
    DropPath {
        /// Probability that an image is set to zero in training.
        p: f32,
    },
    /// Softmax over channels or features.
    Softmax,
    /// Channel shuffle (Zhang et al. 2017, ShuffleNet).
    ChannelShuffle {
        /// Number of groups; divides the channels.
        groups: u32,
    },
    /// Transposed convolution, map to map.
    ConvTranspose(ConvTranspose),
    /// Normalisation with the statistics of each image.
    Norm(Norm),
    /// `x` where it is positive, else a learned slope times `x` (He et al. 2015).
    Prelu {
        /// Whether all channels have the same slope.
        shared: bool,
    },
    /// A learned factor and shift of each channel (layer scale: Touvron et al. 2021).
    Scale(Scale),
    /// A constant factor and shift of each channel.
    Rescale(Rescale),
    /// A map of another height and width.
    Resize(Resize),
    /// Values moved, left out, or surrounded by others.
    Rearrange(Rearrange),
}

/// Attributes of a convolution. Input channels come from the input's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Height and width of the kernel.
    pub kernel: Size,
    /// Output channels.
    pub out_channels: u32,
    /// Step of the window.
    pub stride: Size,
    /// Zero padding.
    pub padding: Padding,
    /// Distance between kernel taps; 1 for a dense kernel.
    pub dilation: Size,
    /// Groups; input and output channels are multiples of it.
    pub groups: u32,
    /// Whether a bias per output channel is learned.
    pub bias: bool,
}

/// Attributes of batch normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Added to the variance.
    pub eps: f32,
    /// Whether gamma is learned (else 1).
    pub scale: bool,
    /// Whether beta is learned (else 0).
    pub center: bool,
}

/// Attributes of local response normalisation: `x / (k + alpha / size * sum(x^2)) ^ beta`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lrn {
    /// Number of neighbouring channels in the sum.
    pub size: u32,
    /// Scale, divided by `size` as Caffe and PyTorch do.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// Offset.
    pub k: f32,
}

/// Maximum or average.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The largest value.
    Max,
    /// The mean.
    Average,
    /// The square root of the sum of squares.
    L2,
}

/// Attributes of sliding-window pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Maximum or average.
    pub kind: PoolKind,
    /// Height and width of the window.
    pub kernel: Size,
    /// Step of the window.
    pub stride: Size,
    /// Distance between the positions of a window; 1 for a dense window.
    pub dilation: Size,
    /// Padding; never larger than half the window.
    pub padding: Padding,
    /// Round the number of windows up instead of down. A last window that would start in the
    /// bottom or right padding is dropped, as Caffe and PyTorch do.
    pub ceil: bool,
    /// Whether zeros of the padding count in an average's denominator. False for maxima.
    pub count_include_pad: bool,
}

/// Attributes of a fully connected layer. Input features come from the input's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// Output features.
    pub out_features: u32,
    /// Whether a bias per output is learned.
    pub bias: bool,
}

/// How many inputs an operator takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// Exactly this many.
    Exactly(usize),
    /// This many or more.
    AtLeast(usize),
}

impl Arity {
    /// Whether `count` inputs are right.
    pub const fn admits(self, count: usize) -> bool {
        match self {
            Self::Exactly(n) => count == n,
            Self::AtLeast(n) => count >= n,
        }
    }
}

impl fmt::Display for Arity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(n) => write!(f, "{n}"),
            Self::AtLeast(n) => write!(f, "at least {n}"),
        }
    }
}

/// The value of an attribute, for tables, labels, differences and the fingerprint.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// A count.
    Count(u64),
    /// A number.
    Number(f32),
    /// A switch.
    Flag(bool),
    /// A height and a width.
    Size(Size),
    /// Padding.
    Padding(Padding),
    /// A shape.
    Shape(Shape),
    /// Several numbers.
    Numbers(Vec<f32>),
    /// A word from a closed set.
    Word(&'static str),
    /// A text.
    Text(String),
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(n) => write!(f, "{n}"),
            Self::Number(x) => write!(f, "{x}"),
            Self::Flag(b) => write!(f, "{b}"),
            Self::Size(size) => write!(f, "{size}"),
            Self::Padding(padding) => write!(f, "{padding}"),
            Self::Shape(shape) => write!(f, "{shape}"),
            Self::Numbers(xs) => {
                let parts: Vec<String> = xs.iter().map(f32::to_string).collect();
                write!(f, "{}", parts.join(","))
            }
            Self::Word(word) => write!(f, "{word}"),
            Self::Text(text) => write!(f, "{text}"),
        }
    }
}

impl PoolKind {
    /// `max` or `average`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Average => "average",
            Self::L2 => "l2",
        }
    }
}

impl Pool {
    /// Height and width of the part of the map that one window covers.
    pub fn window(&self) -> Size {
        let extent = |kernel: u32, dilation: u32| {
            kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1)
        };
        Size::new(
            extent(self.kernel.height, self.dilation.height),
            extent(self.kernel.width, self.dilation.width),
        )
    }

    /// The same maximum or average with padding below and to the right written as rounding up, for maps of this size;
    /// unchanged if that gives other windows. Padding never affects a maximum, nor an average over real values only. What is
    /// rounded up has as much padding on both sides, or, if that gives other windows and what it has now is more than half
    /// the kernel, as little below and to the right as there can be.
    #[must_use]
    pub fn rounded_up(self, from: Size) -> Self {
        let Padding { top, left, bottom, right } = self.padding;
        let is_grown = bottom > top || right > left;
        if !is_grown || self.ceil || self.count_include_pad || self.kind == PoolKind::L2 {
            return self;
        }
        let (window, stride) = (self.window(), self.stride);
        let windows = |from: u32, pads: [u32; 2], window: u32, stride: u32| {
            let room = u64::from(from) + u64::from(pads[0]) + u64::from(pads[1]);
            room.checked_sub(u64::from(window)).map(|room| room / u64::from(stride) + 1)
        };
        let rows = windows(from.height, [top, bottom], window.height, stride.height);
        let columns = windows(from.width, [left, right], window.width, stride.width);
        let (Some(rows), Some(columns)) = (rows, columns) else { return self };
        let map = [Shape::map(1, from.height, from.width)];
        let rounding = |padding: Padding| {
            let candidate = Self { padding, ceil: true, ..self };
            let size = Op::Pool(candidate).infer(&map).ok()?.size();
            let is_same = (u64::from(size.height), u64::from(size.width)) == (rows, columns);
            is_same.then_some(candidate)
        };
        if let Some(candidate) = rounding(Padding::symmetric(Size::new(top, left))) {
            return candidate;
        }
        if Op::Pool(self).infer(&map).is_ok() {
            return self;
        }
        // The last window but one has to end before the last row.
        let least = |count: u64, stride: u32, window: u32, have: u32| {
            let room = match count {
                0 | 1 => u64::from(window),
                count => (count - 2) * u64::from(stride) + u64::from(window) + 1,
            };
            u32::try_from(room.saturating_sub(u64::from(have))).ok()
        };
        let bottom = least(rows, stride.height, window.height, from.height.saturating_add(top));
        let right = least(columns, stride.width, window.width, from.width.saturating_add(left));
        let least = bottom.zip(right).map(|(bottom, right)| Padding { top, left, bottom, right });
        least.and_then(rounding).unwrap_or(self)
    }

    /// The padding with which windows that begin where these do end in the padding at the latest, without rounding up: for
    /// maps of the first size, with as many windows as the second.
    pub fn whole_padding(&self, from: Size, to: Size) -> Padding {
        let (window, Padding { top, left, bottom, right }) = (self.window(), self.padding);
        let missing = |from: u32, to: u32, before: u32, window: u32, stride: u32| {
            let span = u64::from(to.saturating_sub(1)) * u64::from(stride) + u64::from(window);
            let missing = span.saturating_sub(u64::from(from) + u64::from(before));
            u32::try_from(missing).unwrap_or(u32::MAX)
        };
        let below = missing(from.height, to.height, top, window.height, self.stride.height);
        let behind = missing(from.width, to.width, left, window.width, self.stride.width);
        Padding { top, left, bottom: bottom.max(below), right: right.max(behind) }
    }
}

impl Op {
    /// The operator's name, as the YAML language, tables and paths use it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Input(_) => "input",
            Self::Conv(_) => "conv",
            Self::BatchNorm(_) => "bn",
            Self::Lrn(_) => "lrn",
            Self::Activation(activation) => activation.name(),
            Self::Pool(Pool { kind: PoolKind::Max, .. }) => "maxpool",
            Self::Pool(Pool { kind: PoolKind::Average, .. }) => "avgpool",
            Self::Pool(Pool { kind: PoolKind::L2, .. }) => "l2pool",
            Self::GlobalPool(PoolKind::Average) => "gap",
            Self::GlobalPool(PoolKind::Max) => "gmp",
            Self::GlobalPool(PoolKind::L2) => "global_l2pool",
            Self::ChannelMax => "channel_max",
            Self::ChannelMean => "channel_mean",
            Self::AdaptiveAvgPool { .. } => "adaptive_avgpool",
            Self::Concat => "concat",
            Self::Add { .. } => "add",
            Self::Multiply => "multiply",
            Self::Maximum => "maximum",
            Self::Linear(_) => "linear",
            Self::Flatten => "flatten",
            Self::Dropout { .. } => "dropout",
            Self::Softmax => "softmax",
            Self::ChannelShuffle { .. } => "shuffle",
            Self::DropPath { .. } => "drop_path",
            Self::ConvTranspose(_) => "conv_transpose",
            Self::Norm(Norm { over: NormOver::Groups(_), .. }) => "group_norm",
            Self::Norm(Norm { over: NormOver::Instance, .. }) => "instance_norm",
            Self::Norm(Norm { over: NormOver::Channels, .. }) => "layer_norm",
            Self::Prelu { .. } => "prelu",
            Self::Scale(_) => "scale",
            Self::Rescale(_) => "rescale",
            Self::Resize(_) => "resize",
            Self::Rearrange(rearrange) => rearrange.name(),
        }
    }

    /// How many inputs the operator takes.
    pub fn arity(&self) -> Arity {
        match self {
            Self::Input(_) => Arity::Exactly(0),
            Self::Concat | Self::Multiply | Self::Maximum => Arity::AtLeast(2),
            Self::Add { scales } => Arity::Exactly(scales.len().max(2)),
            Self::Conv(_)
            | Self::BatchNorm(_)
            | Self::Lrn(_)
            | Self::Activation(_)
            | Self::Pool(_)
            | Self::GlobalPool(_)
            | Self::ChannelMax
            | Self::ChannelMean
            | Self::AdaptiveAvgPool { .. }
            | Self::Linear(_)
            | Self::Flatten
            | Self::Dropout { .. }
            | Self::Softmax
            | Self::ChannelShuffle { .. }
            | Self::DropPath { .. }
            | Self::ConvTranspose(_)
            | Self::Norm(_)
            | Self::Prelu { .. }
            | Self::Scale(_)
            | Self::Rescale(_)
            | Self::Resize(_)
            | Self::Rearrange(_) => Arity::Exactly(1),
        }
    }

    /// All attributes by name, in a fixed order. The one list that tables, graph labels, the
    /// semantic diff and the fingerprint read: an attribute missing here is missing everywhere.
    pub fn attributes(&self) -> Vec<(&'static str, AttributeValue)> {
        use AttributeValue as V;
        match self {
            Self::Input(shape) => vec![("shape", V::Shape(*shape))],
            Self::Conv(conv) => {
                let Conv { kernel, out_channels, stride, padding, dilation, groups, bias } = *conv;
                vec![
                    ("kernel", V::Size(kernel)),
                    ("width", V::Count(out_channels.into())),
                    ("stride", V::Size(stride)),
                    ("pad", V::Padding(padding)),
                    ("dilation", V::Size(dilation)),
                    ("groups", V::Count(groups.into())),
                    ("bias", V::Flag(bias)),
                ]
            }
            Self::BatchNorm(BatchNorm { eps, scale, center }) => vec![
                ("eps", V::Number(*eps)),
                ("scale", V::Flag(*scale)),
                ("center", V::Flag(*center)),
            ],
            Self::Lrn(Lrn { size, alpha, beta, k }) => vec![
                ("size", V::Count((*size).into())),
                ("alpha", V::Number(*alpha)),
                ("beta", V::Number(*beta)),
                ("k", V::Number(*k)),
            ],
            Self::Pool(pool) => {
                let Pool { kind, kernel, stride, dilation, padding, ceil, count_include_pad } =
                    *pool;
                // Written only where it is not 1, as it is almost everywhere: fingerprints stay what they were.
                let dilated =
                    (dilation != Size::square(1)).then_some(("dilation", V::Size(dilation)));
                let always = [
                    ("kind", V::Word(kind.name())),
                    ("kernel", V::Size(kernel)),
                    ("stride", V::Size(stride)),
                    ("pad", V::Padding(padding)),
                    ("ceil", V::Flag(ceil)),
                    ("count_include_pad", V::Flag(count_include_pad)),
                ];
                always.into_iter().chain(dilated).collect()
            }
            Self::AdaptiveAvgPool { output } => vec![("size", V::Size(*output))],
            Self::Add { scales } => vec![("scale", V::Numbers(scales.clone()))],
            Self::Linear(Linear { out_features, bias }) => {
                vec![("width", V::Count((*out_features).into())), ("bias", V::Flag(*bias))]
            }
            Self::Dropout { p } => vec![("p", V::Number(*p))],
            Self::ChannelShuffle { groups } => vec![("groups", V::Count((*groups).into()))],
            Self::DropPath { p } => vec![("p", V::Number(*p))],
            Self::Activation(activation) => {
                let numbers = activation.numbers().into_iter();
                numbers.map(|(name, number)| (name, V::Number(number))).collect()
            }
            Self::ConvTranspose(conv) => vec![
                ("kernel", V::Size(conv.kernel)),
                ("width", V::Count(conv.out_channels.into())),
                ("stride", V::Size(conv.stride)),
                ("pad", V::Padding(conv.padding)),
                ("output_pad", V::Size(conv.output_padding)),
                ("dilation", V::Size(conv.dilation)),
                ("groups", V::Count(conv.groups.into())),
                ("bias", V::Flag(conv.bias)),
            ],
            Self::Norm(Norm { over, eps, scale, center }) => {
                let groups = match over {
                    NormOver::Groups(groups) => Some(("groups", V::Count((*groups).into()))),
                    NormOver::Instance | NormOver::Channels => None,
                };
                let others = [
                    ("eps", V::Number(*eps)),
                    ("scale", V::Flag(*scale)),
                    ("center", V::Flag(*center)),
                ];
                groups.into_iter().chain(others).collect()
            }
            Self::Prelu { shared } => vec![("shared", V::Flag(*shared))],
            Self::Scale(Scale { scale, center, shared }) => vec![
                ("scale", V::Flag(*scale)),
                ("center", V::Flag(*center)),
                ("shared", V::Flag(*shared)),
            ],
            Self::Rescale(Rescale { scale, shift }) => {
                vec![("scale", V::Numbers(scale.clone())), ("shift", V::Numbers(shift.clone()))]
            }
            Self::Resize(Resize { to, mode }) => vec![
                match to {
                    ResizeTo::Factor(factor) => ("factor", V::Size(*factor)),
                    ResizeTo::Size(size) => ("size", V::Size(*size)),
                },
                ("mode", V::Word(mode.name())),
            ],
            Self::Rearrange(rearrange) => rearranged(rearrange),
            Self::GlobalPool(_)
            | Self::ChannelMax
            | Self::ChannelMean
            | Self::Concat
            | Self::Multiply
            | Self::Maximum
            | Self::Flatten
            | Self::Softmax => vec![],
        }
    }
}

fn rearranged(rearrange: &Rearrange) -> Vec<(&'static str, AttributeValue)> {
    use AttributeValue as V;
    match rearrange {
        Rearrange::Slice { axis, start, count, step } => vec![
            ("axis", V::Word(axis.name())),
            ("start", V::Count((*start).into())),
            ("count", V::Count((*count).into())),
            ("step", V::Count((*step).into())),
        ],
        Rearrange::Pad { padding, mode } => {
            let value = match mode {
                PadMode::Constant(value) => Some(("value", V::Number(*value))),
                PadMode::Reflect | PadMode::Edge => None,
            };
            let always = [("pad", V::Padding(*padding)), ("mode", V::Word(mode.name()))];
            always.into_iter().chain(value).collect()
        }
        Rearrange::SpaceToDepth { block, order } | Rearrange::DepthToSpace { block, order } => {
            vec![("block", V::Count((*block).into())), ("order", V::Word(order.name()))]
        }
    }
}
