//! Shape inference: what each operator makes of its inputs' shapes, and when it refuses them.

use std::fmt;

use crate::{
    activation::Activation,
    layers::{Axis, ConvTranspose, Norm, NormOver, PadMode, Rearrange, Rescale, Resize, ResizeTo},
    op::{Arity, BatchNorm, Conv, Linear, Lrn, Op, Pool, PoolKind},
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
            Self::Activation(activation) => infer_activation(*activation, inputs[0]),
            Self::Softmax | Self::Prelu { .. } | Self::Scale(_) => Ok(inputs[0]),
            Self::Pool(pool) => infer_pool(self.name(), pool, inputs[0]),
            Self::GlobalPool(kind) => {
                let (channels, _) = expect_map(self.name(), inputs[0])?;
                if *kind == PoolKind::L2 {
                    return Err(out_of_range("pool", "kind", kind.name(), "max or average"));
                }
                Ok(Shape::map(channels, 1, 1))
            }
            Self::ChannelMax | Self::ChannelMean => {
                let (_, size) = expect_map(self.name(), inputs[0])?;
                Ok(Shape::Map { channels: 1, size })
            }
            Self::AdaptiveAvgPool { output } => {
                let (channels, _) = expect_map(self.name(), inputs[0])?;
                expect_positive(self.name(), "size", *output)?;
                Ok(Shape::Map { channels, size: *output })
            }
            Self::Concat => infer_concat(inputs),
            Self::Add { .. } | Self::Multiply => infer_broadcast(self.name(), inputs),
            Self::Maximum => infer_equal(self.name(), inputs),
            Self::Linear(linear) => infer_linear(linear, inputs[0]),
            Self::Flatten => infer_flatten(inputs[0]),
            Self::Dropout { p } | Self::DropPath { p } => {
                if (0.0..1.0).contains(p) {
                    Ok(inputs[0])
                } else {
                    Err(out_of_range(self.name(), "p", p, "at least 0 and below 1"))
                }
            }
            Self::ChannelShuffle { groups } => {
                let (channels, _) = expect_map(self.name(), inputs[0])?;
                expect_groups("shuffle", "input", channels, *groups)?;
                Ok(inputs[0])
            }
            Self::ConvTranspose(conv) => infer_conv_transpose(conv, inputs[0]),
            Self::Norm(norm) => infer_norm(self.name(), norm, inputs[0]),
            Self::Rescale(rescale) => infer_rescale(rescale, inputs[0]),
            Self::Resize(resize) => infer_resize(resize, inputs[0]),
            Self::Rearrange(rearrange) => infer_rearrange(rearrange, inputs[0]),
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
            Self::Linear(_) | Self::ChannelMax | Self::ChannelMean => channels,
            Self::Pool(pool) => area(pool.kernel),
            Self::GlobalPool(_) | Self::AdaptiveAvgPool { .. } => area(inputs[0].size()),
            Self::Lrn(lrn) => u128::from(lrn.size),
            Self::Concat | Self::Add { .. } | Self::Multiply | Self::Maximum => {
                inputs.len() as u128
            }
            // At most as if every output pixel read every tap.
            Self::ConvTranspose(conv) => {
                area(conv.kernel) * channels / u128::from(conv.groups.max(1))
            }
            Self::Norm(_) => 8,
            Self::Resize(_) => 8,
            Self::Input(_)
            | Self::BatchNorm(_)
            | Self::Activation(_)
            | Self::Flatten
            | Self::Dropout { .. }
            | Self::Softmax
            | Self::ChannelShuffle { .. }
            | Self::DropPath { .. }
            | Self::Prelu { .. }
            | Self::Scale(_)
            | Self::Rescale(_)
            | Self::Rearrange(_) => 1,
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
    expect_positive(op, "dilation", pool.dilation)?;
    if pool.kind != PoolKind::Max && pool.dilation != Size::square(1) {
        return Err(out_of_range(op, "dilation", pool.dilation, "1, as it is no maximum"));
    }
    let Padding { top, left, bottom, right } = pool.padding;
    let window = dilated(pool.kernel, pool.dilation);
    if top.max(bottom) > window.height / 2 || left.max(right) > window.width / 2 {
        return Err(out_of_range(op, "pad", pool.padding, "at most half the kernel"));
    }
    let slide = Slide { op, window, stride: pool.stride, padding: pool.padding, ceil: pool.ceil };
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

fn infer_equal(op: &'static str, inputs: &[Shape]) -> Result<Shape, ShapeError> {
    let first = inputs[0];
    let reason = "shapes must be equal";
    match inputs.iter().position(|&other| other != first) {
        None => Ok(first),
        Some(input) => Err(ShapeError::Join { op, first, other: inputs[input], input, reason }),
    }
}

/// Shapes that are equal, but for maps of one channel, or of 1x1 pixels, which stand for all channels or pixels.
fn infer_broadcast(op: &'static str, inputs: &[Shape]) -> Result<Shape, ShapeError> {
    let larger = |a: Shape, b: &Shape| if b.elements() > a.elements() { *b } else { a };
    let whole = inputs.iter().fold(inputs[0], larger);
    let fits = |shape: Shape| match (shape, whole) {
        (Shape::Map { channels, size }, Shape::Map { channels: all, size: whole }) => {
            (channels == all || channels == 1) && (size == whole || size == Size::square(1))
        }
        (Shape::Vector { .. }, _) | (_, Shape::Vector { .. }) => shape == whole,
    };
    let reason = "shapes must be equal, or channels x 1 x 1, or 1 x height x width";
    match inputs.iter().position(|&shape| !fits(shape)) {
        None => Ok(whole),
        Some(input) => {
            Err(ShapeError::Join { op, first: whole, other: inputs[input], input, reason })
        }
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

fn infer_activation(activation: Activation, input: Shape) -> Result<Shape, ShapeError> {
    let name = activation.name();
    if let Activation::Clip { low, high } = activation
        && (low.is_nan() || high.is_nan() || low > high)
    {
        return Err(out_of_range(name, "low", low, "at most `high`"));
    }
    if let Activation::LeakyRelu { slope: number } | Activation::Elu { alpha: number } = activation
        && !number.is_finite()
    {
        let attribute = activation.numbers()[0].0;
        return Err(out_of_range(name, attribute, number, "a finite number"));
    }
    Ok(input)
}

fn infer_norm(op: &'static str, norm: &Norm, input: Shape) -> Result<Shape, ShapeError> {
    if !(norm.eps > 0.0 && norm.eps.is_finite()) {
        return Err(out_of_range(op, "eps", norm.eps, "positive"));
    }
    match norm.over {
        NormOver::Channels => {}
        NormOver::Instance => {
            expect_map(op, input)?;
        }
        NormOver::Groups(groups) => expect_groups(op, "input", input.channels(), groups)?,
    }
    Ok(input)
}

fn infer_rescale(rescale: &Rescale, input: Shape) -> Result<Shape, ShapeError> {
    for (name, numbers) in [("scale", &rescale.scale), ("shift", &rescale.shift)] {
        let fits = numbers.len() <= 1 || numbers.len() == input.channels() as usize;
        if !fits {
            let expected = format!("one number, or one for each of {} channels", input.channels());
            let found = format!("{} numbers", numbers.len());
            return Err(out_of_range("rescale", name, found, &expected));
        }
        if let Some(number) = numbers.iter().find(|number| !number.is_finite()) {
            return Err(out_of_range("rescale", name, number, "finite numbers"));
        }
    }
    Ok(input)
}

fn infer_conv_transpose(conv: &ConvTranspose, input: Shape) -> Result<Shape, ShapeError> {
    let op = "conv_transpose";
    let (channels, size) = expect_map(op, input)?;
    expect_positive(op, "kernel", conv.kernel)?;
    expect_positive(op, "stride", conv.stride)?;
    expect_positive(op, "dilation", conv.dilation)?;
    if conv.out_channels == 0 {
        return Err(out_of_range(op, "width", 0, "positive"));
    }
    let Size { height, width } = conv.output_padding;
    let (stride, dilation) = (conv.stride, conv.dilation);
    if height >= stride.height.max(dilation.height) || width >= stride.width.max(dilation.width) {
        let expected = "smaller than the stride or the dilation";
        return Err(out_of_range(op, "output_pad", conv.output_padding, expected));
    }
    expect_groups(op, "input", channels, conv.groups)?;
    expect_groups(op, "output", conv.out_channels, conv.groups)?;
    let window = dilated(conv.kernel, conv.dilation);
    let padding = conv.padding;
    let along = |input: u32, stride: u32, window: u32, cut: u64, more: u32| {
        let whole =
            u64::from(input.max(1) - 1) * u64::from(stride) + u64::from(window) + u64::from(more);
        whole
            .checked_sub(cut)
            .filter(|&length| length > 0)
            .and_then(|length| u32::try_from(length).ok())
    };
    let rows = along(size.height, stride.height, window.height, padding.rows(), height);
    let columns = along(size.width, stride.width, window.width, padding.columns(), width);
    match (rows, columns) {
        (Some(height), Some(width)) => {
            Ok(Shape::Map { channels: conv.out_channels, size: Size { height, width } })
        }
        _ => Err(out_of_range(op, "pad", padding, "smaller than the output")),
    }
}

fn infer_resize(resize: &Resize, input: Shape) -> Result<Shape, ShapeError> {
    let (channels, size) = expect_map("resize", input)?;
    let size = match resize.to {
        ResizeTo::Factor(factor) => {
            expect_positive("resize", "factor", factor)?;
            let times = |a: u32, b: u32| a.checked_mul(b);
            let both = (times(size.height, factor.height), times(size.width, factor.width));
            let (Some(height), Some(width)) = both else {
                let (op, what, limit) = ("resize", "height or width", u32::MAX.into());
                return Err(ShapeError::TooLarge { op, what, limit });
            };
            Size { height, width }
        }
        ResizeTo::Size(size) => size,
    };
    expect_positive("resize", "size", size)?;
    Ok(Shape::Map { channels, size })
}

fn infer_rearrange(rearrange: &Rearrange, input: Shape) -> Result<Shape, ShapeError> {
    let op = rearrange.name();
    match *rearrange {
        Rearrange::Slice { axis, start, count, step } => {
            let length = match axis {
                Axis::Channels => input.channels(),
                Axis::Height => expect_map(op, input)?.1.height,
                Axis::Width => expect_map(op, input)?.1.width,
            };
            if count == 0 || step == 0 {
                let (name, value) = if count == 0 { ("count", count) } else { ("step", step) };
                return Err(out_of_range(op, name, value, "positive"));
            }
            let last = u64::from(start) + u64::from(count - 1) * u64::from(step);
            if last >= u64::from(length) {
                let expected = format!("such that position {last} is below {length}");
                return Err(out_of_range(op, "count", count, &expected));
            }
            Ok(match (input, axis) {
                (Shape::Vector { .. }, _) => Shape::vector(count),
                (Shape::Map { size, .. }, Axis::Channels) => Shape::Map { channels: count, size },
                (Shape::Map { channels, size }, Axis::Height) => {
                    Shape::Map { channels, size: Size { height: count, ..size } }
                }
                (Shape::Map { channels, size }, Axis::Width) => {
                    Shape::Map { channels, size: Size { width: count, ..size } }
                }
            })
        }
        Rearrange::Pad { padding, mode } => infer_pad(padding, mode, input),
        Rearrange::SpaceToDepth { block, .. } => {
            let (channels, size) = expect_map(op, input)?;
            if block == 0 || !size.height.is_multiple_of(block) || !size.width.is_multiple_of(block)
            {
                let expected = format!("a divisor of the height and the width of {input}");
                return Err(out_of_range(op, "block", block, &expected));
            }
            let area = u64::from(block) * u64::from(block);
            let channels = sum_features(op, u64::from(channels).saturating_mul(area))?;
            let size = Size::new(size.height / block, size.width / block);
            Ok(Shape::Map { channels, size })
        }
        Rearrange::DepthToSpace { block, .. } => {
            let (channels, size) = expect_map(op, input)?;
            let area = u64::from(block) * u64::from(block);
            if area == 0 || !u64::from(channels).is_multiple_of(area) {
                let expected = format!("a number whose square divides {channels} channels");
                return Err(out_of_range(op, "block", block, &expected));
            }
            let sides = (size.height.checked_mul(block), size.width.checked_mul(block));
            let (Some(height), Some(width)) = sides else {
                let limit = u32::MAX.into();
                return Err(ShapeError::TooLarge { op, what: "height or width", limit });
            };
            let channels = sum_features(op, u64::from(channels) / area)?;
            Ok(Shape::Map { channels, size: Size { height, width } })
        }
    }
}

fn infer_pad(padding: Padding, mode: PadMode, input: Shape) -> Result<Shape, ShapeError> {
    let (channels, size) = expect_map("pad", input)?;
    let Padding { top, left, bottom, right } = padding;
    match mode {
        PadMode::Constant(value) if value.is_nan() => {
            return Err(out_of_range("pad", "value", value, "a number"));
        }
        PadMode::Reflect if top.max(bottom) >= size.height || left.max(right) >= size.width => {
            return Err(out_of_range(
                "pad",
                "pad",
                padding,
                "smaller than the map, as it is mirrored",
            ));
        }
        PadMode::Constant(_) | PadMode::Reflect | PadMode::Edge => {}
    }
    let along = |length: u32, more: u64| u32::try_from(u64::from(length) + more).ok();
    match (along(size.height, padding.rows()), along(size.width, padding.columns())) {
        (Some(height), Some(width)) => Ok(Shape::Map { channels, size: Size { height, width } }),
        _ => {
            let limit = u32::MAX.into();
            Err(ShapeError::TooLarge { op: "pad", what: "height or width", limit })
        }
    }
}
