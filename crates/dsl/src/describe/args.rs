//! Operators as steps with arguments, without what is the default of the language.

use inceptive_ir::{
    Activation, Axis, BlockOrder, Conv, ConvTranspose, Graph, Interpolation, NodeId, Norm,
    NormOver, Op, PadMode, Padding, Pool, PoolKind, Rearrange, ResizeTo, Scale, Shape, Size,
};

/// A key of a step and its value.
pub(super) type Argument = (&'static str, String);

/// The name of the step; a convolution is told apart from a depthwise one by its input. `None` of an input.
pub(super) fn word(op: &Op, input: Option<Shape>) -> Option<&'static str> {
    Some(match op {
        Op::Input(_) => return None,
        Op::Conv(conv) if input.is_some_and(|input| is_depthwise(conv, input)) => "depthwise",
        Op::GlobalPool(PoolKind::L2) => return None,
        // As the language calls the join.
        Op::Maximum => "max",
        other => other.name(),
    })
}

/// Whether a convolution is written as a depthwise one.
pub(super) fn is_depthwise(conv: &Conv, input: Shape) -> bool {
    conv.groups > 1
        && conv.groups == input.channels()
        && conv.out_channels.is_multiple_of(conv.groups)
}

/// The arguments of a node's own step, but for normalisation, activation and shared tensors.
pub(super) fn of(graph: &Graph, id: NodeId) -> Vec<Argument> {
    let node = graph.node(id);
    let inputs = graph.input_shapes(id);
    let input = inputs.first().copied().unwrap_or(node.shape);
    match &node.op {
        Op::Input(_)
        | Op::GlobalPool(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Maximum
        | Op::Flatten
        | Op::Softmax => vec![],
        Op::Conv(conv) => of_conv(conv, input),
        Op::ConvTranspose(conv) => of_conv_transpose(conv),
        Op::Linear(linear) => vec![("width", linear.out_features.to_string())],
        Op::BatchNorm(norm) => of_norm(1e-5, norm.eps, norm.scale, norm.center),
        Op::Norm(Norm { over, eps, scale, center }) => {
            let groups = match over {
                NormOver::Groups(32) | NormOver::Instance | NormOver::Channels => None,
                NormOver::Groups(groups) => Some(("groups", groups.to_string())),
            };
            groups.into_iter().chain(of_norm(1e-5, *eps, *scale, *center)).collect()
        }
        Op::Lrn(lrn) => {
            let size = (lrn.size != 5).then(|| ("size", lrn.size.to_string()));
            let numbers = [
                unless("alpha", lrn.alpha, 1e-4),
                unless("beta", lrn.beta, 0.75),
                unless("k", lrn.k, 1.0),
            ];
            size.into_iter().chain(numbers.into_iter().flatten()).collect()
        }
        Op::Activation(activation) => of_activation(*activation),
        Op::Prelu { shared } => flag("shared", *shared, false).into_iter().collect(),
        Op::Pool(pool) => of_pool(pool, input),
        Op::AdaptiveAvgPool { output } => vec![("size", size(*output))],
        Op::Dropout { p } | Op::DropPath { p } => unless("p", *p, 0.5).into_iter().collect(),
        Op::ChannelShuffle { groups } => vec![("groups", groups.to_string())],
        Op::Scale(Scale { scale, center, shared }) => {
            let flags = [
                flag("scale", *scale, true),
                flag("center", *center, false),
                flag("shared", *shared, false),
            ];
            flags.into_iter().flatten().collect()
        }
        Op::Rescale(rescale) => {
            let lists = [("scale", &rescale.scale), ("shift", &rescale.shift)];
            let given = lists.into_iter().filter(|(_, numbers)| !numbers.is_empty());
            given.map(|(key, numbers)| (key, list(numbers))).collect()
        }
        Op::Resize(resize) => {
            let to = match resize.to {
                ResizeTo::Factor(factor) => ("factor", size(factor)),
                ResizeTo::Size(to) => ("size", size(to)),
            };
            let mode = (resize.mode != Interpolation::Nearest)
                .then(|| ("mode", resize.mode.name().to_owned()));
            [to].into_iter().chain(mode).collect()
        }
        Op::Rearrange(rearrange) => of_rearrange(rearrange),
    }
}

fn of_conv(conv: &Conv, input: Shape) -> Vec<Argument> {
    let mut arguments = vec![("kernel", size(conv.kernel))];
    let is_depthwise = is_depthwise(conv, input);
    if !is_depthwise {
        arguments.push(("width", conv.out_channels.to_string()));
    }
    arguments.extend(of_stride(conv.stride));
    let window = Window { kernel: conv.kernel, stride: conv.stride, dilation: conv.dilation };
    arguments.extend(pad(conv.padding, &window, input.size()));
    arguments.extend(of_dilation(conv.dilation));
    match is_depthwise {
        true if conv.out_channels != conv.groups => {
            arguments.push(("multiplier", (conv.out_channels / conv.groups).to_string()));
        }
        false if conv.groups != 1 => arguments.push(("groups", conv.groups.to_string())),
        true | false => {}
    }
    arguments
}

fn of_conv_transpose(conv: &ConvTranspose) -> Vec<Argument> {
    let mut arguments =
        vec![("kernel", size(conv.kernel)), ("width", conv.out_channels.to_string())];
    arguments.extend(of_stride(conv.stride));
    let window = Window { kernel: conv.kernel, stride: conv.stride, dilation: conv.dilation };
    // Half the window, whatever the input.
    if conv.padding != window.half() {
        arguments.push(("pad", padding(conv.padding)));
    }
    let more = conv.output_padding;
    if more != Size::square(0) {
        arguments.push(("output_pad", size(more)));
    }
    arguments.extend(of_dilation(conv.dilation));
    if conv.groups != 1 {
        arguments.push(("groups", conv.groups.to_string()));
    }
    arguments
}

fn of_pool(pool: &Pool, input: Shape) -> Vec<Argument> {
    let mut arguments = vec![("kernel", size(pool.kernel))];
    if pool.stride != pool.kernel {
        arguments.push(("stride", size(pool.stride)));
    }
    let window = Window { kernel: pool.kernel, stride: pool.stride, dilation: pool.dilation };
    match pool.kind {
        PoolKind::L2 if pool.padding == Padding::NONE => {}
        PoolKind::L2 => arguments.push(("pad", padding(pool.padding))),
        PoolKind::Max | PoolKind::Average => {
            arguments.extend(pad(pool.padding, &window, input.size()));
        }
    }
    arguments.extend(of_dilation(pool.dilation));
    arguments.extend(flag("ceil", pool.ceil, false));
    if pool.kind == PoolKind::Average {
        arguments.extend(flag("count_include_pad", pool.count_include_pad, true));
    }
    arguments
}

fn of_activation(activation: Activation) -> Vec<Argument> {
    match activation {
        Activation::LeakyRelu { slope } => unless("slope", slope, 0.01).into_iter().collect(),
        Activation::Elu { alpha } => unless("alpha", alpha, 1.0).into_iter().collect(),
        Activation::Clip { low, high } => {
            let limit = |key, limit: f32, usual| match limit.is_finite() {
                true => unless(key, limit, usual),
                false => Some((key, "none".to_owned())),
            };
            [limit("low", low, -1.0), limit("high", high, 1.0)].into_iter().flatten().collect()
        }
        Activation::Relu
        | Activation::Relu6
        | Activation::Sigmoid
        | Activation::Silu
        | Activation::HardSigmoid
        | Activation::HardSwish
        | Activation::Selu
        | Activation::Gelu
        | Activation::GeluTanh
        | Activation::Mish
        | Activation::Softplus
        | Activation::Tanh => vec![],
    }
}

fn of_rearrange(rearrange: &Rearrange) -> Vec<Argument> {
    match *rearrange {
        Rearrange::Slice { axis, start, count, step } => {
            let axis = (axis != Axis::Channels).then(|| ("axis", axis.name().to_owned()));
            let start = (start != 0).then(|| ("start", start.to_string()));
            let step = (step != 1).then(|| ("step", step.to_string()));
            let count = [("count", count.to_string())];
            axis.into_iter().chain(start).chain(count).chain(step).collect()
        }
        Rearrange::Pad { padding: by, mode } => {
            let mode = match mode {
                PadMode::Constant(0.0) => None,
                PadMode::Constant(f32::NEG_INFINITY) => Some(("mode", "minus_infinity".to_owned())),
                PadMode::Constant(value) => Some(("value", float(value))),
                PadMode::Reflect => Some(("mode", "reflect".to_owned())),
                PadMode::Edge => Some(("mode", "edge".to_owned())),
            };
            [("size", padding(by))].into_iter().chain(mode).collect()
        }
        Rearrange::SpaceToDepth { block, order } | Rearrange::DepthToSpace { block, order } => {
            let order = match order {
                BlockOrder::ChannelsFirst => None,
                BlockOrder::PixelsFirst => Some(("order", order.name().to_owned())),
            };
            [("block", block.to_string())].into_iter().chain(order).collect()
        }
    }
}

fn of_norm(usual: f32, eps: f32, scale: bool, center: bool) -> Vec<Argument> {
    let all = [unless("eps", eps, usual), flag("scale", scale, true), flag("center", center, true)];
    all.into_iter().flatten().collect()
}

fn of_stride(stride: Size) -> Option<Argument> {
    (stride != Size::square(1)).then(|| ("stride", size(stride)))
}

fn of_dilation(dilation: Size) -> Option<Argument> {
    (dilation != Size::square(1)).then(|| ("dilation", size(dilation)))
}

fn unless(key: &'static str, number: f32, usual: f32) -> Option<Argument> {
    (number != usual).then(|| (key, float(number)))
}

fn flag(key: &'static str, value: bool, usual: bool) -> Option<Argument> {
    (value != usual).then(|| (key, value.to_string()))
}

/// A window that slides over a map.
struct Window {
    kernel: Size,
    stride: Size,
    dilation: Size,
}

impl Window {
    fn reach(&self) -> (u32, u32) {
        let along = |kernel: u32, dilation: u32| (kernel - 1) * dilation;
        (
            along(self.kernel.height, self.dilation.height),
            along(self.kernel.width, self.dilation.width),
        )
    }

    /// `pad: half`.
    fn half(&self) -> Padding {
        let (rows, columns) = self.reach();
        Padding::symmetric(Size::new(rows / 2, columns / 2))
    }

    /// `pad: same`.
    fn same(&self, input: Size) -> Padding {
        let total = |input: u32, stride: u32, reach: u32| {
            ((input.div_ceil(stride) - 1) * stride + reach + 1).saturating_sub(input)
        };
        let (rows, columns) = self.reach();
        let rows = total(input.height, self.stride.height, rows);
        let columns = total(input.width, self.stride.width, columns);
        Padding {
            top: rows / 2,
            left: columns / 2,
            bottom: rows - rows / 2,
            right: columns - columns / 2,
        }
    }
}

/// Padding, unless it is `half`.
fn pad(by: Padding, window: &Window, input: Size) -> Option<Argument> {
    if by == window.half() {
        return None;
    }
    let text = match by {
        Padding::NONE => "valid".to_owned(),
        _ if by == window.same(input) => "same".to_owned(),
        _ => padding(by),
    };
    Some(("pad", text))
}

fn padding(by: Padding) -> String {
    let Padding { top, left, bottom, right } = by;
    match (top == bottom && left == right, top == left) {
        (true, true) => top.to_string(),
        (true, false) => format!("[{top}, {left}]"),
        (false, _) => format!("[{top}, {left}, {bottom}, {right}]"),
    }
}

fn size(size: Size) -> String {
    match size.height == size.width {
        true => size.height.to_string(),
        false => format!("[{}, {}]", size.height, size.width),
    }
}

/// A number as YAML and our reader have it: the shortest digits that are this one in single precision.
pub(super) fn float(number: f32) -> String {
    match number {
        _ if number.fract() == 0.0 && number.abs() < 1e7 => format!("{number}"),
        _ if (1e-4..1e7).contains(&number.abs()) => format!("{number}"),
        _ => format!("{number:e}").replace('e', "e"),
    }
}

fn list(numbers: &[f32]) -> String {
    match numbers {
        [only] => float(*only),
        all => format!("[{}]", all.iter().map(|x| float(*x)).collect::<Vec<_>>().join(", ")),
    }
}
