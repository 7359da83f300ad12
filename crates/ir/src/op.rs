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
    /// Maximum or average over the whole map: CxHxW to Cx1x1.
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

/// What a pooling window computes.
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

/// Why an operator does not accept its inputs.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// The number of inputs is wrong.
    #[error("{op} takes {expected} input(s), got {found}")]
    Arity {
        /// The operator's name.
        op: &'static str,
        /// What it takes.
        expected: Arity,
        /// What it was given.
        found: usize,
    },
    /// An attribute that must be positive is zero, or one is out of its range.
    #[error("{op} has {attribute} {value}, which must be {expected}")]
    Attribute {
        /// The operator's name.
        op: &'static str,
        /// The attribute's name.
        attribute: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        expected: String,
    },
    /// A map was expected and a vector came, or the reverse.
    #[error("{op} needs a {expected}, its input is {found}")]
    Rank {
        /// The operator's name.
        op: &'static str,
        /// `feature map (channels x height x width)` or `vector`.
        expected: &'static str,
        /// The input's shape.
        found: Shape,
    },
    /// The window is larger than the padded input.
    #[error("{op} window {window} is larger than its input {input} with padding {padding}")]
    Window {
        /// The operator's name.
        op: &'static str,
        /// Extent of the window, dilation included.
        window: Size,
        /// The input's shape.
        input: Shape,
        /// Padding.
        padding: Padding,
    },
    /// Channels cannot be divided into the groups.
    #[error("{op} cannot divide {channels} {which} channels into {groups} groups")]
    Groups {
        /// The operator's name.
        op: &'static str,
        /// `input` or `output`.
        which: &'static str,
        /// Number of channels.
        channels: u32,
        /// Number of groups.
        groups: u32,
    },
    /// Two inputs of a joining operator do not fit.
    #[error("{op} cannot join {first} with {other}: {reason}")]
    Join {
        /// The operator's name.
        op: &'static str,
        /// Shape of the first input.
        first: Shape,
        /// Shape of the input that does not fit.
        other: Shape,
        /// Position of that input, from 0.
        input: usize,
        /// What must agree.
        reason: &'static str,
    },
    /// The result, or the work to compute it, is larger than the program counts exactly.
    #[error("{op} is too large: {what} would exceed {limit}")]
    TooLarge {
        /// The operator's name.
        op: &'static str,
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
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

    /// The shape that the operator makes of its inputs' shapes.
    ///
    /// # Errors
    /// When the number of inputs, an attribute or a shape does not fit.
    pub fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        if !self.arity().admits(inputs.len()) {
            return Err(ShapeError::Arity {
                op: self.name(),
                expected: self.arity(),
                found: inputs.len(),
            });
        }
        match self {
            Self::Input(shape) => infer_input(*shape),
            Self::Conv(conv) => infer_conv(conv, inputs[0]),
            Self::BatchNorm(bn) => infer_batch_norm(bn, inputs[0]),
            Self::Lrn(lrn) => infer_lrn(lrn, inputs[0]),
            Self::Activation(_) | Self::Softmax => Ok(inputs[0]),
            Self::Pool(pool) => infer_pool(self.name(), pool, inputs[0]),
            Self::GlobalPool(_) => {
                let (channels, _) = expect_map(self.name(), inputs[0])?;
                Ok(Shape::map(channels, 1, 1))
            }
            Self::AdaptiveAvgPool { output } => {
                let (channels, _) = expect_map(self.name(), inputs[0])?;
                expect_positive(self.name(), "size", *output)?;
                Ok(Shape::Map { channels, size: *output })
            }
            Self::Concat => infer_concat(inputs),
            Self::Add { .. } => infer_add(inputs),
            Self::Multiply => infer_multiply(inputs),
            Self::Linear(linear) => infer_linear(linear, inputs[0]),
            Self::Flatten => infer_flatten(inputs[0]),
            Self::Dropout { p } => {
                if (0.0..1.0).contains(p) {
                    Ok(inputs[0])
                } else {
                    Err(out_of_range("dropout", "p", p, "at least 0 and below 1"))
                }
            }
            Self::ChannelShuffle { groups } => {
                let (channels, _) = expect_map(self.name(), inputs[0])?;
                expect_groups("shuffle", "input", channels, *groups)?;
                Ok(inputs[0])
            }
        }
    }

    /// Learned and stored values per output element's worth of work: the multiply-accumulates, window
    /// positions or neighbours that one output value needs. Bounds every count made of a node.
    pub(crate) fn work_per_output(&self, inputs: &[Shape]) -> u128 {
        let area = |size: Size| u128::from(size.area());
        let channels = inputs.first().map_or(1, |shape| u128::from(shape.channels()));
        match self {
            Self::Conv(conv) => area(conv.kernel) * channels / u128::from(conv.groups.max(1)),
            Self::Linear(_) => channels,
            Self::Pool(pool) => area(pool.kernel),
            Self::GlobalPool(_) | Self::AdaptiveAvgPool { .. } => area(inputs[0].size()),
            Self::Lrn(lrn) => u128::from(lrn.size),
            Self::Concat | Self::Add { .. } | Self::Multiply => inputs.len() as u128,
            Self::Input(_)
            | Self::BatchNorm(_)
            | Self::Activation(_)
            | Self::Flatten
            | Self::Dropout { .. }
            | Self::Softmax
            | Self::ChannelShuffle { .. } => 1,
        }
    }
}

fn out_of_range(
    op: &'static str,
    attribute: &'static str,
    value: impl fmt::Display,
    expected: &str,
) -> ShapeError {
    ShapeError::Attribute { op, attribute, value: value.to_string(), expected: expected.to_owned() }
}

fn expect_map(op: &'static str, shape: Shape) -> Result<(u32, Size), ShapeError> {
    match shape {
        Shape::Map { channels, size } => Ok((channels, size)),
        Shape::Vector { .. } => Err(ShapeError::Rank {
            op,
            expected: "feature map (channels x height x width)",
            found: shape,
        }),
    }
}

fn expect_positive(
    op: &'static str,
    attribute: &'static str,
    size: Size,
) -> Result<(), ShapeError> {
    if size.height > 0 && size.width > 0 {
        Ok(())
    } else {
        Err(out_of_range(op, attribute, size, "positive"))
    }
}

fn expect_groups(
    op: &'static str,
    which: &'static str,
    channels: u32,
    groups: u32,
) -> Result<(), ShapeError> {
    if groups == 0 {
        Err(out_of_range(op, "groups", groups, "positive"))
    } else if channels.is_multiple_of(groups) {
        Ok(())
    } else {
        Err(ShapeError::Groups { op, which, channels, groups })
    }
}

fn infer_input(shape: Shape) -> Result<Shape, ShapeError> {
    if shape.elements() > 0 {
        Ok(shape)
    } else {
        Err(out_of_range("input", "shape", shape, "positive"))
    }
}

fn infer_conv(conv: &Conv, input: Shape) -> Result<Shape, ShapeError> {
    let (channels, size) = expect_map("conv", input)?;
    expect_positive("conv", "kernel", conv.kernel)?;
    expect_positive("conv", "stride", conv.stride)?;
    expect_positive("conv", "dilation", conv.dilation)?;
    if conv.out_channels == 0 {
        return Err(out_of_range("conv", "width", 0, "positive"));
    }
    expect_groups("conv", "input", channels, conv.groups)?;
    expect_groups("conv", "output", conv.out_channels, conv.groups)?;
    let window = dilated(conv.kernel, conv.dilation);
    let slide =
        Slide { op: "conv", window, stride: conv.stride, padding: conv.padding, ceil: false };
    Ok(Shape::Map { channels: conv.out_channels, size: slide.output(input, size)? })
}

fn infer_batch_norm(bn: &BatchNorm, input: Shape) -> Result<Shape, ShapeError> {
    if bn.eps > 0.0 && bn.eps.is_finite() {
        Ok(input)
    } else {
        Err(out_of_range("bn", "eps", bn.eps, "positive"))
    }
}

fn infer_lrn(lrn: &Lrn, input: Shape) -> Result<Shape, ShapeError> {
    expect_map("lrn", input)?;
    if lrn.size == 0 {
        return Err(out_of_range("lrn", "size", 0, "positive"));
    }
    for (name, value) in [("alpha", lrn.alpha), ("beta", lrn.beta), ("k", lrn.k)] {
        if !value.is_finite() {
            return Err(out_of_range("lrn", name, value, "a finite number"));
        }
    }
    Ok(input)
}

fn infer_pool(op: &'static str, pool: &Pool, input: Shape) -> Result<Shape, ShapeError> {
    let (channels, size) = expect_map(op, input)?;
    expect_positive(op, "kernel", pool.kernel)?;
    expect_positive(op, "stride", pool.stride)?;
    let Padding { top, left, bottom, right } = pool.padding;
    if top.max(bottom) > pool.kernel.height / 2 || left.max(right) > pool.kernel.width / 2 {
        return Err(out_of_range(op, "pad", pool.padding, "at most half the kernel"));
    }
    let slide = Slide {
        op,
        window: pool.kernel,
        stride: pool.stride,
        padding: pool.padding,
        ceil: pool.ceil,
    };
    Ok(Shape::Map { channels, size: slide.output(input, size)? })
}

fn dilated(kernel: Size, dilation: Size) -> Size {
    let extent = |k: u32, d: u32| (k - 1).saturating_mul(d).saturating_add(1);
    Size::new(extent(kernel.height, dilation.height), extent(kernel.width, dilation.width))
}

/// A window that slides over a map.
struct Slide {
    op: &'static str,
    window: Size,
    stride: Size,
    padding: Padding,
    ceil: bool,
}

impl Slide {
    fn output(&self, input: Shape, size: Size) -> Result<Size, ShapeError> {
        let (pad, window, stride) = (self.padding, self.window, self.stride);
        let rows = self.positions(size.height, pad.rows(), pad.top, window.height, stride.height);
        let columns =
            self.positions(size.width, pad.columns(), pad.left, window.width, stride.width);
        match (rows, columns) {
            (Some(height), Some(width)) => Ok(Size { height, width }),
            _ => Err(ShapeError::Window { op: self.op, window, input, padding: pad }),
        }
    }

    /// Number of window positions along one axis; none when the window does not fit once.
    fn positions(
        &self,
        input: u32,
        padding: u64,
        before: u32,
        window: u32,
        stride: u32,
    ) -> Option<u32> {
        let (input, before) = (u64::from(input), u64::from(before));
        let (window, stride) = (u64::from(window), u64::from(stride));
        let room = (input + padding).checked_sub(window)?;
        let mut positions = if self.ceil { room.div_ceil(stride) } else { room / stride } + 1;
        if self.ceil && (positions - 1) * stride >= input + before {
            positions -= 1;
        }
        u32::try_from(positions).ok()
    }
}

fn sum_features(op: &'static str, total: u64) -> Result<u32, ShapeError> {
    u32::try_from(total).map_err(|_| ShapeError::TooLarge {
        op,
        what: "features",
        limit: u32::MAX.into(),
    })
}

fn infer_concat(inputs: &[Shape]) -> Result<Shape, ShapeError> {
    let first = inputs[0];
    for (input, &other) in inputs.iter().enumerate().skip(1) {
        let agree = match (first, other) {
            (Shape::Map { size: a, .. }, Shape::Map { size: b, .. }) => a == b,
            (Shape::Vector { .. }, Shape::Vector { .. }) => true,
            (Shape::Map { .. }, Shape::Vector { .. })
            | (Shape::Vector { .. }, Shape::Map { .. }) => false,
        };
        if !agree {
            let reason = "height and width must be equal";
            return Err(ShapeError::Join { op: "concat", first, other, input, reason });
        }
    }
    let total = inputs.iter().map(|shape| u64::from(shape.channels())).sum();
    let channels = sum_features("concat", total)?;
    Ok(match first {
        Shape::Map { size, .. } => Shape::Map { channels, size },
        Shape::Vector { .. } => Shape::Vector { features: channels },
    })
}

fn infer_add(inputs: &[Shape]) -> Result<Shape, ShapeError> {
    let first = inputs[0];
    match inputs.iter().position(|&other| other != first) {
        None => Ok(first),
        Some(input) => Err(ShapeError::Join {
            op: "add",
            first,
            other: inputs[input],
            input,
            reason: "shapes must be equal",
        }),
    }
}

fn infer_multiply(inputs: &[Shape]) -> Result<Shape, ShapeError> {
    let widest = inputs.iter().copied().max_by_key(|shape| shape.size().area());
    let whole = widest.unwrap_or(inputs[0]);
    let fits = |shape: Shape| {
        shape == whole
            || matches!((shape, whole), (Shape::Map { channels, size }, Shape::Map { channels: all, .. })
                if channels == all && size == Size::square(1))
    };
    match inputs.iter().position(|&shape| !fits(shape)) {
        None => Ok(whole),
        Some(input) => Err(ShapeError::Join {
            op: "multiply",
            first: whole,
            other: inputs[input],
            input,
            reason: "shapes must be equal, or channels x 1 x 1",
        }),
    }
}

fn infer_linear(linear: &Linear, input: Shape) -> Result<Shape, ShapeError> {
    if linear.out_features == 0 {
        return Err(out_of_range("linear", "width", 0, "positive"));
    }
    match input {
        Shape::Vector { .. } => Ok(Shape::vector(linear.out_features)),
        Shape::Map { .. } => {
            Err(ShapeError::Rank { op: "linear", expected: "vector", found: input })
        }
    }
}

fn infer_flatten(input: Shape) -> Result<Shape, ShapeError> {
    sum_features("flatten", input.elements()).map(Shape::vector)
}
