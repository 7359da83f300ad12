//! Shape inference: what each operator makes of its inputs' shapes, and when it refuses them.

use std::fmt;

use crate::{
    op::{Arity, BatchNorm, Conv, Linear, Lrn, Op, Pool},
    shape::{Padding, Shape, Size},
};

/// Why an operator does not accept its inputs.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// The number of inputs is wrong.
    #[error("{op} takes {expected} input(s), got {found}")]
    Arity {
        /// The operator's name.
        op: &'static str,
        /// The number of inputs that it takes.
        expected: Arity,
        /// The number of inputs that it got.
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
        /// The allowed values.
        expected: String,
    },
    /// A map was expected and a vector came, or the reverse.
    #[error("{op} needs a {expected}, but its input is {found}")]
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
        /// The requirement.
        reason: &'static str,
    },
    /// The result, or the work to compute it, is larger than the program counts exactly.
    #[error("{op} is too large: {what} would exceed {limit}")]
    TooLarge {
        /// The operator's name.
        op: &'static str,
        /// The quantity that is too large.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
}

impl Op {
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

    /// The work of a node that makes `output`, of which [`crate::Graph::MAX_WORK`] is the limit for all together: its
    /// output elements times the values read for each, and the elements of its inputs. `None` if it is beyond all limits.
    pub fn work(&self, inputs: &[Shape], output: Shape) -> Option<u128> {
        let elements = u128::from(output.channels()) * u128::from(output.size().area());
        let read: u128 = inputs.iter().map(|shape| u128::from(shape.elements())).sum();
        elements.checked_mul(self.work_per_output(inputs).max(1))?.checked_add(read)
    }

    /// Learned and stored values per output element's worth of work: the multiply-accumulates, window
    /// positions or neighbours that one output value needs. Bounds every count made of a node.
    fn work_per_output(&self, inputs: &[Shape]) -> u128 {
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

    /// Number of window positions along one axis; `None` if the window does not fit once.
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
