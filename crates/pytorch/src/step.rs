//! One line of a module: an operator, with its normalisation and activation.

use inceptive_ir::{
    Activation, BatchNorm, Conv, ConvTranspose, Linear, Lrn, Op, Padding, Pool, Shape, Size,
};

/// An operator, with its normalisation and activation.
#[derive(Clone, Debug)]
pub struct Step {
    /// The operator.
    pub op: Op,
    /// The normalisation after a convolution or linear layer.
    pub norm: Option<BatchNorm>,
    /// The activation after them.
    pub activation: Option<Activation>,
    /// Shape of the first input.
    pub input: Shape,
    /// Shape of the operator's result.
    pub output: Shape,
}

/// A number of a step, which may be another in another instance of the same module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// Channels of an input, by its position.
    Input(usize),
    /// Output channels or features.
    Width,
    /// Height and width of a window.
    Kernel,
    /// Its step.
    Stride,
    /// Padding.
    Padding,
    /// Distance between kernel taps.
    Dilation,
    /// Groups of channels.
    Groups,
    /// Probability of dropout.
    Probability,
    /// Channels of a sum, or height and width of a result.
    Size,
    /// Scale of a local response normalisation.
    Alpha,
    /// Its exponent.
    Beta,
    /// Its offset.
    Offset,
    /// The epsilon added to a variance.
    Epsilon,
    /// Factor of an input of a sum, by its position.
    Scale(usize),
}

impl Field {
    /// The last word of a parameter that holds the number; widths are named by their layer alone.
    pub const fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Input(_) => Some("in_channels"),
            Self::Width => None,
            Self::Kernel => Some("kernel"),
            Self::Stride => Some("stride"),
            Self::Padding => Some("padding"),
            Self::Dilation => Some("dilation"),
            Self::Groups => Some("groups"),
            Self::Probability => Some("p"),
            Self::Size => Some("size"),
            Self::Alpha => Some("alpha"),
            Self::Beta => Some("beta"),
            Self::Offset => Some("k"),
            Self::Epsilon => Some("eps"),
            Self::Scale(_) => Some("scale"),
        }
    }
}

/// The value of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A count.
    Count(u32),
    /// A number.
    Number(f32),
    /// A height and a width.
    Size(Size),
    /// Padding that differs between opposite sides.
    Sides(Padding),
}

impl Value {
    /// As Python writes it; sides in the order of `F.pad`.
    pub fn text(self) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Number(x) if x.is_finite() => format!("{x:?}"),
            Self::Number(x) => format!("float(\"{x}\")"),
            Self::Size(Size { height, width }) if height == width => height.to_string(),
            Self::Size(Size { height, width }) => format!("({height}, {width})"),
            Self::Sides(Padding { top, left, bottom, right }) => {
                format!("({left}, {right}, {top}, {bottom})")
            }
        }
    }

    /// The type that a parameter for it has.
    pub fn annotation(self) -> &'static str {
        match self {
            Self::Count(_) => "int",
            Self::Number(_) => "float",
            Self::Size(Size { height, width }) if height == width => "int",
            Self::Size(_) => "tuple[int, int]",
            Self::Sides(_) => "tuple[int, int, int, int]",
        }
    }
}

/// Padding as one number a direction, or each side by itself.
fn padding(padding: Padding) -> Value {
    if is_symmetric(padding) {
        Value::Size(Size::new(padding.top, padding.left))
    } else {
        Value::Sides(padding)
    }
}

/// Whether PyTorch's own pools pad so: alike on opposite sides, and by no more than half a kernel.
pub const fn is_padded_by_torch(pool: &Pool) -> bool {
    let Padding { top, left, .. } = pool.padding;
    let fits = top <= pool.kernel.height / 2 && left <= pool.kernel.width / 2;
    is_symmetric(pool.padding) && fits
}

/// Whether opposite sides are padded alike.
pub const fn is_symmetric(padding: Padding) -> bool {
    padding.top == padding.bottom && padding.left == padding.right
}

impl Step {
    /// Whether every channel has a filter of its own, and one only.
    pub fn is_depthwise(&self) -> bool {
        let channels = self.input.channels();
        matches!(self.op, Op::Conv(conv) if channels > 1 && conv.groups == channels && conv.out_channels == channels)
    }

    /// Everything but the numbers; equal for steps that one line can write.
    pub fn structure(&self) -> String {
        let own = match &self.op {
            Op::Conv(conv) => {
                let Conv { padding, bias, .. } = conv;
                format!("{bias} {} {}", is_symmetric(*padding), self.is_depthwise())
            }
            Op::BatchNorm(norm) => format!("{} {}", norm.scale, norm.center),
            Op::Lrn(lrn) => (lrn.size % 2).to_string(),
            Op::Pool(pool) => {
                let Pool { kind, ceil, count_include_pad, .. } = pool;
                format!("{kind:?} {} {ceil} {count_include_pad}", is_padded_by_torch(pool))
            }
            Op::GlobalPool(kind) => format!("{kind:?}"),
            Op::Add { scales } => {
                format!("{:?} {}", self.plain_inputs(scales), self.keeps_channels())
            }
            Op::Multiply => self.keeps_channels().to_string(),
            // Their numbers are part of the line, but for channels.
            Op::ConvTranspose(conv) => {
                let numbers = ConvTranspose { out_channels: 0, ..*conv };
                format!("{numbers:?}")
            }
            Op::Norm(_) | Op::Scale(_) | Op::Rescale(_) | Op::Resize(_) | Op::Rearrange(_) => {
                format!("{:?}", self.op)
            }
            Op::Prelu { shared } => shared.to_string(),
            Op::Activation(activation) => format!("{activation:?}"),
            Op::DropPath { p } => p.to_string(),
            Op::Linear(linear) => linear.bias.to_string(),
            Op::Input(_)
            | Op::ChannelMax
            | Op::ChannelMean
            | Op::AdaptiveAvgPool { .. }
            | Op::Concat
            | Op::Maximum
            | Op::Flatten
            | Op::Dropout { .. }
            | Op::Softmax
            | Op::ChannelShuffle { .. } => String::new(),
        };
        let is_map = matches!(self.input, Shape::Map { .. });
        let Self { op, norm, activation, input: _, output: _ } = self;
        format!("{} {own} {is_map} {norm:?} {activation:?}", op.name())
    }

    /// Whether the result has as many channels as the first input.
    pub fn keeps_channels(&self) -> bool {
        self.input.channels() == self.output.channels()
    }

    /// Which inputs of a sum have no factor.
    fn plain_inputs(&self, scales: &[f32]) -> Vec<bool> {
        scales.iter().map(|&scale| scale == 1.0).collect()
    }

    /// The number of a field; `None` if it has no such field.
    pub fn number(&self, field: Field) -> Option<Value> {
        // A sum may have very many inputs, and each asks for its own factor.
        if let (Op::Add { scales }, Field::Scale(input)) = (&self.op, field) {
            return scales.get(input).map(|&scale| Value::Number(scale));
        }
        self.numbers().into_iter().find_map(|(own, value)| (own == field).then_some(value))
    }

    /// All numbers but the factors of a sum.
    fn numbers(&self) -> Vec<(Field, Value)> {
        match &self.op {
            Op::Conv(conv) => vec![
                (Field::Width, Value::Count(conv.out_channels)),
                (Field::Kernel, Value::Size(conv.kernel)),
                (Field::Stride, Value::Size(conv.stride)),
                (Field::Padding, padding(conv.padding)),
                (Field::Dilation, Value::Size(conv.dilation)),
                (Field::Groups, Value::Count(conv.groups)),
            ],
            Op::Linear(Linear { out_features, bias: _ }) => {
                vec![(Field::Width, Value::Count(*out_features))]
            }
            Op::BatchNorm(norm) => vec![(Field::Epsilon, Value::Number(norm.eps))],
            Op::Lrn(Lrn { size, alpha, beta, k }) => vec![
                (Field::Size, Value::Count(*size)),
                (Field::Alpha, Value::Number(*alpha)),
                (Field::Beta, Value::Number(*beta)),
                (Field::Offset, Value::Number(*k)),
            ],
            Op::Pool(pool) => vec![
                (Field::Kernel, Value::Size(pool.kernel)),
                (Field::Stride, Value::Size(pool.stride)),
                (
                    Field::Padding,
                    match is_padded_by_torch(pool) {
                        true => padding(pool.padding),
                        false => Value::Sides(pool.padding),
                    },
                ),
                (Field::Dilation, Value::Size(pool.dilation)),
            ],
            Op::ConvTranspose(conv) => vec![(Field::Width, Value::Count(conv.out_channels))],
            Op::AdaptiveAvgPool { output } => vec![(Field::Size, Value::Size(*output))],
            Op::Dropout { p } => vec![(Field::Probability, Value::Number(*p))],
            Op::ChannelShuffle { groups } => vec![(Field::Groups, Value::Count(*groups))],
            Op::Input(_)
            | Op::Activation(_)
            | Op::GlobalPool(_)
            | Op::ChannelMax
            | Op::ChannelMean
            | Op::Add { .. }
            | Op::Concat
            | Op::Multiply
            | Op::Maximum
            | Op::Flatten
            | Op::DropPath { .. }
            | Op::Norm(_)
            | Op::Prelu { .. }
            | Op::Scale(_)
            | Op::Rescale(_)
            | Op::Resize(_)
            | Op::Rearrange(_)
            | Op::Softmax => vec![],
        }
    }
}
