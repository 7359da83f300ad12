//! The closed set of operators, and what each does to shapes.
//!
//! Everything that depends on the operator (shape, cost, export, execution) matches exhaustively on
//! [`Op`] without a default arm, so that the compiler names every place a new operator must be
//! handled.

use std::fmt;

use crate::shape::{Padding, Shape, Size};

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
    /// Average over a grid of windows that covers the map: CxHxW to Cx`output`.
    AdaptiveAvgPool {
        /// Height and width of the result.
        output: Size,
    },
    /// Concatenation along channels, in input order; two inputs or more.
    Concat,
    /// Elementwise sum of equal shapes, input `i` multiplied by `scales[i]`; two inputs or more.
    Add {
        /// One factor an input; 1 for a plain sum.
        scales: Vec<f32>,
    },
    /// Elementwise product; Cx1x1 inputs are broadcast over the map. Two inputs or more.
    Multiply,
    /// Fully connected layer, vector to vector.
    Linear(Linear),
    /// Map to vector, in C, H, W order.
    Flatten,
    /// Dropout (Srivastava et al. 2014); the identity at inference.
    Dropout {
        /// Probability that a value is set to zero in training.
        p: f32,
    },
    /// Softmax over channels or features.
    Softmax,
    /// Channel shuffle (Zhang et al. 2017, ShuffleNet).
    ChannelShuffle {
        /// Number of groups; divides the channels.
        groups: u32,
    },
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

/// The elementwise nonlinearities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x * sigmoid(x)`, also called swish.
    Silu,
    /// `min(max(x + 3, 0), 6) / 6`.
    HardSigmoid,
    /// `x * hard_sigmoid(x)`.
    HardSwish,
}

/// Maximum or average.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The largest value.
    Max,
    /// The mean.
    Average,
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
    /// Padding; never larger than half the kernel.
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

impl Activation {
    /// The name that the YAML language, tables and paths use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::Sigmoid => "sigmoid",
            Self::Silu => "silu",
            Self::HardSigmoid => "hard_sigmoid",
            Self::HardSwish => "hard_swish",
        }
    }

    /// Every activation.
    pub const ALL: [Self; 6] =
        [Self::Relu, Self::Relu6, Self::Sigmoid, Self::Silu, Self::HardSigmoid, Self::HardSwish];
}

impl PoolKind {
    /// `max` or `average`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Average => "average",
        }
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
            Self::GlobalPool(PoolKind::Average) => "gap",
            Self::GlobalPool(PoolKind::Max) => "gmp",
            Self::AdaptiveAvgPool { .. } => "adaptive_avgpool",
            Self::Concat => "concat",
            Self::Add { .. } => "add",
            Self::Multiply => "multiply",
            Self::Linear(_) => "linear",
            Self::Flatten => "flatten",
            Self::Dropout { .. } => "dropout",
            Self::Softmax => "softmax",
            Self::ChannelShuffle { .. } => "shuffle",
        }
    }

    /// How many inputs the operator takes.
    pub fn arity(&self) -> Arity {
        match self {
            Self::Input(_) => Arity::Exactly(0),
            Self::Concat | Self::Multiply => Arity::AtLeast(2),
            Self::Add { scales } => Arity::Exactly(scales.len().max(2)),
            Self::Conv(_)
            | Self::BatchNorm(_)
            | Self::Lrn(_)
            | Self::Activation(_)
            | Self::Pool(_)
            | Self::GlobalPool(_)
            | Self::AdaptiveAvgPool { .. }
            | Self::Linear(_)
            | Self::Flatten
            | Self::Dropout { .. }
            | Self::Softmax
            | Self::ChannelShuffle { .. } => Arity::Exactly(1),
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
                let Pool { kind, kernel, stride, padding, ceil, count_include_pad } = *pool;
                vec![
                    ("kind", V::Word(kind.name())),
                    ("kernel", V::Size(kernel)),
                    ("stride", V::Size(stride)),
                    ("pad", V::Padding(padding)),
                    ("ceil", V::Flag(ceil)),
                    ("count_include_pad", V::Flag(count_include_pad)),
                ]
            }
            Self::AdaptiveAvgPool { output } => vec![("size", V::Size(*output))],
            Self::Add { scales } => vec![("scale", V::Numbers(scales.clone()))],
            Self::Linear(Linear { out_features, bias }) => {
                vec![("width", V::Count((*out_features).into())), ("bias", V::Flag(*bias))]
            }
            Self::Dropout { p } => vec![("p", V::Number(*p))],
            Self::ChannelShuffle { groups } => vec![("groups", V::Count((*groups).into()))],
            Self::Activation(_)
            | Self::GlobalPool(_)
            | Self::Concat
            | Self::Multiply
            | Self::Flatten
            | Self::Softmax => vec![],
        }
    }
}
