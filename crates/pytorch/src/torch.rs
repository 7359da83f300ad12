//! Operators as PyTorch's modules.

use inceptive_ir::{
    Activation, Axis, BatchNorm, BlockOrder, ConvTranspose, Interpolation, Norm, NormOver, Op,
    PadMode, PoolKind, Rearrange, Rescale, Resize, ResizeTo, Scale, Shape, Size,
};

use super::{
    expr::{Argument, Expr},
    helper::Helper,
    step::{Field, Step, Value, is_padded_by_torch, is_symmetric},
};

/// A number at a place in the text.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    /// Always the same.
    Literal(Value),
    /// A parameter, or a sum of them.
    Sum(Expr),
}

impl Number {
    /// As an expression.
    pub fn expr(self) -> Expr {
        match self {
            Self::Literal(value) => Expr::Atom(value.text()),
            Self::Sum(sum) => sum,
        }
    }

    /// Whether it is this count, in both directions.
    fn is(&self, count: u32) -> bool {
        match *self {
            Self::Literal(Value::Count(own)) => own == count,
            Self::Literal(Value::Size(size)) => size.height == count && size.width == count,
            Self::Literal(Value::Number(_) | Value::Sides(_)) | Self::Sum(_) => false,
        }
    }
}

/// The arguments of a module.
struct Arguments<'a> {
    number: &'a mut dyn FnMut(Field) -> Number,
    list: Vec<Argument>,
}

impl Arguments<'_> {
    fn positional(mut self, field: Field) -> Self {
        self.list.push(Argument::positional((self.number)(field).expr()));
        self
    }

    fn named(mut self, name: &str, field: Field) -> Self {
        self.list.push(Argument::named(name, (self.number)(field).expr()));
        self
    }

    /// A number that need not be said where it is `default`.
    fn unless(mut self, name: &str, field: Field, default: u32) -> Self {
        let number = (self.number)(field);
        if !number.is(default) {
            self.list.push(Argument::named(name, number.expr()));
        }
        self
    }

    fn flag(mut self, name: &str, value: bool, default: bool) -> Self {
        if value != default {
            self.list.push(Argument::named(name, flag(value)));
        }
        self
    }

    fn call(self, function: &str) -> Expr {
        Expr::call(function, self.list)
    }
}

fn flag(value: bool) -> Expr {
    Expr::atom(if value { "True" } else { "False" })
}

/// The module of a step, with the name of the class that fuses it if there is one; `None` for an expression.
pub fn module(
    step: &Step,
    fused: Option<&str>,
    number: &mut dyn FnMut(Field) -> Number,
) -> Option<Expr> {
    let arguments = Arguments { number, list: vec![] };
    Some(match &step.op {
        Op::Input(_) | Op::Concat | Op::Add { .. } | Op::Multiply | Op::Maximum => return None,
        Op::Conv(_) => convolution(step, fused, arguments),
        Op::Linear(linear) => arguments
            .positional(Field::Input(0))
            .positional(Field::Width)
            .flag("bias", linear.bias || step.norm.is_some(), true)
            .call(fused.unwrap_or("nn.Linear")),
        Op::BatchNorm(norm) => {
            let channels = (arguments.number)(Field::Input(0)).expr();
            let epsilon = (arguments.number)(Field::Epsilon);
            batch_norm(norm, channels, epsilon, matches!(step.input, Shape::Map { .. }))
        }
        Op::Lrn(lrn) => arguments
            .positional(Field::Size)
            .named("alpha", Field::Alpha)
            .named("beta", Field::Beta)
            .named("k", Field::Offset)
            .call(if lrn.size % 2 == 0 { Helper::EvenLrn.name() } else { "nn.LocalResponseNorm" }),
        Op::Activation(own) => Expr::call(names(*own).0, options(*own)),
        Op::Pool(_) => pool(step, arguments)?,
        Op::GlobalPool(kind) => global(*kind, step.input.size()),
        Op::ChannelMax => arguments.call(Helper::ChannelMax.name()),
        Op::ChannelMean => arguments.call(Helper::ChannelMean.name()),
        Op::AdaptiveAvgPool { .. } => {
            arguments.positional(Field::Size).call("nn.AdaptiveAvgPool2d")
        }
        Op::Flatten => arguments.call("nn.Flatten"),
        Op::Dropout { .. } => arguments.positional(Field::Probability).call("nn.Dropout"),
        Op::Softmax => Expr::call("nn.Softmax", vec![Argument::named("dim", Expr::atom("1"))]),
        Op::ChannelShuffle { .. } => arguments.positional(Field::Groups).call("nn.ChannelShuffle"),
        Op::ConvTranspose(conv) => transposed(conv, arguments),
        Op::DropPath { p } => {
            Expr::apply(Helper::DropPath.name(), vec![literal(Value::Number(*p))])
        }
        Op::Norm(norm) => {
            let channels = (arguments.number)(Field::Input(0)).expr();
            image_norm(norm, channels, matches!(step.input, Shape::Map { .. }))
        }
        Op::Prelu { shared } => match shared {
            true => arguments.call("nn.PReLU"),
            false => arguments.positional(Field::Input(0)).call("nn.PReLU"),
        },
        Op::Scale(Scale { scale, center, shared }) => {
            let arguments = match shared {
                true => {
                    Arguments { list: vec![Argument::positional(Expr::atom("1"))], ..arguments }
                }
                false => arguments.positional(Field::Input(0)),
            };
            let is_map = matches!(step.input, Shape::Map { .. });
            let arguments = arguments.flag("scale", *scale, true).flag("center", *center, false);
            arguments.flag("maps", is_map, true).call(Helper::Scale.name())
        }
        Op::Rescale(rescale) => constants(rescale, matches!(step.input, Shape::Map { .. })),
        Op::Resize(resize) => upsample(resize),
        Op::Rearrange(rearrange) => rearranged(rearrange),
    })
}

fn literal(value: Value) -> Expr {
    Expr::atom(value.text())
}

fn named(name: &str, value: Value) -> Argument {
    Argument::named(name, literal(value))
}

fn transposed(conv: &ConvTranspose, arguments: Arguments<'_>) -> Expr {
    let mut call = arguments.positional(Field::Input(0)).positional(Field::Width);
    let is_symmetric = is_symmetric(conv.padding);
    call.list.push(Argument::positional(literal(Value::Size(conv.kernel))));
    call.list.push(named("stride", Value::Size(conv.stride)));
    if !is_symmetric {
        call.list.push(named("sides", Value::Sides(conv.padding)));
    } else if conv.padding != inceptive_ir::Padding::NONE {
        let (height, width) = (conv.padding.top, conv.padding.left);
        call.list.push(named("padding", Value::Size(Size { height, width })));
    }
    let more = conv.output_padding;
    if (more.height, more.width) != (0, 0) {
        call.list.push(named("output_padding", Value::Size(more)));
    }
    if conv.dilation != Size::square(1) {
        call.list.push(named("dilation", Value::Size(conv.dilation)));
    }
    if conv.groups != 1 {
        call.list.push(named("groups", Value::Count(conv.groups)));
    }
    let plain = if is_symmetric { "nn.ConvTranspose2d" } else { Helper::ConvTranspose.name() };
    call.flag("bias", conv.bias, true).call(plain)
}

fn image_norm(norm: &Norm, channels: Expr, is_map: bool) -> Expr {
    let Norm { over, eps, scale, center } = *norm;
    let mut list = Vec::new();
    if let NormOver::Groups(groups) = over {
        list.push(Argument::positional(literal(Value::Count(groups))));
    }
    list.push(Argument::positional(channels));
    if eps != 1e-5 {
        list.push(named("eps", Value::Number(eps)));
    }
    let is_affine = scale && center;
    let is_plain = scale == center;
    match over {
        NormOver::Groups(_) if is_plain => {
            list.extend((!is_affine).then(|| Argument::named("affine", flag(false))));
            Expr::call("nn.GroupNorm", list)
        }
        NormOver::Instance if is_plain => {
            list.extend(is_affine.then(|| Argument::named("affine", flag(true))));
            Expr::call("nn.InstanceNorm2d", list)
        }
        NormOver::Channels if is_plain && !is_map => {
            list.extend((!is_affine).then(|| Argument::named("elementwise_affine", flag(false))));
            Expr::call("nn.LayerNorm", list)
        }
        NormOver::Groups(_) | NormOver::Instance | NormOver::Channels => {
            let helper = match over {
                NormOver::Groups(_) => Helper::GroupNorm,
                NormOver::Instance => Helper::InstanceNorm,
                NormOver::Channels => Helper::LayerNorm,
            };
            list.extend((!scale).then(|| Argument::named("scale", flag(false))));
            list.extend((!center).then(|| Argument::named("center", flag(false))));
            Expr::call(helper.name(), list)
        }
    }
}

fn constants(rescale: &Rescale, is_map: bool) -> Expr {
    let list = |numbers: &[f32]| {
        Expr::List(numbers.iter().map(|&number| literal(Value::Number(number))).collect())
    };
    let mut arguments = Vec::new();
    if !rescale.scale.is_empty() {
        arguments.push(Argument::named("scale", list(&rescale.scale)));
    }
    if !rescale.shift.is_empty() {
        arguments.push(Argument::named("shift", list(&rescale.shift)));
    }
    arguments.extend((!is_map).then(|| Argument::named("maps", flag(false))));
    Expr::call(Helper::Rescale.name(), arguments)
}

fn upsample(resize: &Resize) -> Expr {
    let mut arguments = vec![match resize.to {
        ResizeTo::Factor(factor) => named("scale_factor", Value::Size(factor)),
        ResizeTo::Size(size) => named("size", Value::Size(size)),
    }];
    match resize.mode {
        Interpolation::Nearest => {}
        Interpolation::Bilinear => {
            arguments.push(Argument::named("mode", Expr::atom("\"bilinear\"")));
        }
        Interpolation::BilinearCorners => {
            arguments.push(Argument::named("mode", Expr::atom("\"bilinear\"")));
            arguments.push(Argument::named("align_corners", flag(true)));
        }
    }
    Expr::call("nn.Upsample", arguments)
}

fn rearranged(rearrange: &Rearrange) -> Expr {
    let count = |count: u32| literal(Value::Count(count));
    match *rearrange {
        Rearrange::Slice { axis, start, count: number, step } => {
            let axis = match axis {
                Axis::Channels => 1,
                Axis::Height => 2,
                Axis::Width => 3,
            };
            let mut arguments = vec![count(axis), count(start), count(number)];
            arguments.extend((step != 1).then(|| count(step)));
            Expr::apply(Helper::Slice.name(), arguments)
        }
        Rearrange::Pad { padding, mode } => {
            let sides = literal(Value::Sides(padding));
            match mode {
                PadMode::Constant(0.0) => Expr::apply("nn.ZeroPad2d", vec![sides]),
                PadMode::Constant(value) => {
                    Expr::apply("nn.ConstantPad2d", vec![sides, literal(Value::Number(value))])
                }
                PadMode::Reflect => Expr::apply("nn.ReflectionPad2d", vec![sides]),
                PadMode::Edge => Expr::apply("nn.ReplicationPad2d", vec![sides]),
            }
        }
        Rearrange::SpaceToDepth { block, order } => match order {
            BlockOrder::ChannelsFirst => Expr::apply("nn.PixelUnshuffle", vec![count(block)]),
            BlockOrder::PixelsFirst => Expr::apply(Helper::SpaceToDepth.name(), vec![count(block)]),
        },
        Rearrange::DepthToSpace { block, order } => match order {
            BlockOrder::ChannelsFirst => Expr::apply("nn.PixelShuffle", vec![count(block)]),
            BlockOrder::PixelsFirst => Expr::apply(Helper::DepthToSpace.name(), vec![count(block)]),
        },
    }
}

fn convolution(step: &Step, fused: Option<&str>, arguments: Arguments<'_>) -> Expr {
    let Op::Conv(conv) = step.op else { return arguments.call("nn.Conv2d") };
    let is_symmetric = is_symmetric(conv.padding);
    let arguments =
        arguments.positional(Field::Input(0)).positional(Field::Width).positional(Field::Kernel);
    let arguments = arguments.unless("stride", Field::Stride, 1);
    let arguments = match is_symmetric {
        true => arguments.unless("padding", Field::Padding, 0),
        false => arguments.named("sides", Field::Padding),
    };
    let plain = if is_symmetric { "nn.Conv2d" } else { Helper::Conv.name() };
    arguments
        .unless("dilation", Field::Dilation, 1)
        .unless("groups", Field::Groups, 1)
        // With a normalisation the class says it.
        .flag("bias", conv.bias || step.norm.is_some(), true)
        .call(fused.unwrap_or(plain))
}

fn pool(step: &Step, arguments: Arguments<'_>) -> Option<Expr> {
    let Op::Pool(pool) = step.op else { return None };
    let is_symmetric = is_padded_by_torch(&pool);
    let arguments = arguments.positional(Field::Kernel).named("stride", Field::Stride);
    let is_padded = !(arguments.number)(Field::Padding).is(0);
    let arguments = match is_symmetric {
        true => arguments.unless("padding", Field::Padding, 0),
        false => arguments.named("sides", Field::Padding),
    };
    let arguments = match pool.kind {
        PoolKind::Max => arguments.unless("dilation", Field::Dilation, 1),
        PoolKind::Average | PoolKind::L2 => arguments,
    };
    let arguments = arguments.flag("ceil_mode", pool.ceil, false);
    Some(match pool.kind {
        PoolKind::L2 => {
            let mut arguments = arguments;
            arguments.list.insert(0, Argument::positional(Expr::atom("2")));
            let is_plain = is_symmetric && !is_padded;
            let class = if is_plain { "nn.LPPool2d" } else { Helper::L2Pool.name() };
            arguments.call(class)
        }
        PoolKind::Max if is_symmetric => arguments.call("nn.MaxPool2d"),
        PoolKind::Max => arguments.call(Helper::MaxPool.name()),
        PoolKind::Average => {
            let counts = pool.count_include_pad || !is_padded;
            let class = if is_symmetric { "nn.AvgPool2d" } else { Helper::AvgPool.name() };
            arguments.flag("count_include_pad", counts, true).call(class)
        }
    })
}

fn global(kind: PoolKind, map: Size) -> Expr {
    let one = || Expr::atom("1");
    match kind {
        PoolKind::Average => Expr::apply("nn.AdaptiveAvgPool2d", vec![one()]),
        PoolKind::Max => Expr::apply("nn.AdaptiveMaxPool2d", vec![one()]),
        PoolKind::L2 => {
            Expr::apply("nn.LPPool2d", vec![Expr::atom("2"), literal(Value::Size(map))])
        }
    }
}

/// A batch normalisation over maps or vectors.
pub fn batch_norm(norm: &BatchNorm, channels: Expr, epsilon: Number, is_map: bool) -> Expr {
    let BatchNorm { eps: _, scale, center } = *norm;
    let plain = if is_map { "nn.BatchNorm2d" } else { "nn.BatchNorm1d" };
    let helper = if is_map { Helper::BatchNorm2d } else { Helper::BatchNorm1d };
    let mut arguments = vec![Argument::positional(channels)];
    // PyTorch's default.
    if epsilon != Number::Literal(Value::Number(1e-5)) {
        arguments.push(Argument::named("eps", epsilon.expr()));
    }
    match (scale, center) {
        (true, true) => Expr::call(plain, arguments),
        (false, false) => {
            arguments.push(Argument::named("affine", flag(false)));
            Expr::call(plain, arguments)
        }
        (true, false) | (false, true) => {
            arguments.push(Argument::named("scale", flag(scale)));
            Expr::call(helper.name(), arguments)
        }
    }
}

/// Module and function of an activation.
const fn names(activation: Activation) -> (&'static str, &'static str) {
    match activation {
        Activation::Relu => ("nn.ReLU", "F.relu"),
        Activation::Relu6 => ("nn.ReLU6", "F.relu6"),
        Activation::Sigmoid => ("nn.Sigmoid", "torch.sigmoid"),
        Activation::Silu => ("nn.SiLU", "F.silu"),
        Activation::HardSigmoid => ("nn.Hardsigmoid", "F.hardsigmoid"),
        Activation::HardSwish => ("nn.Hardswish", "F.hardswish"),
        Activation::LeakyRelu { .. } => ("nn.LeakyReLU", "F.leaky_relu"),
        Activation::Elu { .. } => ("nn.ELU", "F.elu"),
        Activation::Selu => ("nn.SELU", "F.selu"),
        Activation::Gelu | Activation::GeluTanh => ("nn.GELU", "F.gelu"),
        Activation::Mish => ("nn.Mish", "F.mish"),
        Activation::Softplus => ("nn.Softplus", "F.softplus"),
        Activation::Tanh => ("nn.Tanh", "torch.tanh"),
        Activation::Clip { .. } => ("nn.Hardtanh", "F.hardtanh"),
    }
}

/// The numbers of an activation.
fn options(activation: Activation) -> Vec<Argument> {
    let numbers = |numbers: &[f32]| -> Vec<Argument> {
        let number = |&number: &f32| Argument::positional(literal(Value::Number(number)));
        numbers.iter().map(number).collect()
    };
    match activation {
        Activation::LeakyRelu { slope } => numbers(&[slope]),
        Activation::Elu { alpha } => numbers(&[alpha]),
        Activation::Clip { low, high } => numbers(&[low, high]),
        Activation::GeluTanh => {
            vec![Argument::named("approximate", Expr::atom("\"tanh\""))]
        }
        Activation::Relu
        | Activation::Relu6
        | Activation::Sigmoid
        | Activation::Silu
        | Activation::HardSigmoid
        | Activation::HardSwish
        | Activation::Selu
        | Activation::Gelu
        | Activation::Mish
        | Activation::Softplus
        | Activation::Tanh => vec![],
    }
}

/// An activation of a value.
pub fn activation(activation: Activation, value: Expr) -> Expr {
    let arguments = [Argument::positional(value)].into_iter().chain(options(activation));
    Expr::call(names(activation).1, arguments.collect())
}

/// Softmax of a value.
pub fn softmax(value: Expr) -> Expr {
    let dim = Argument::named("dim", Expr::atom("1"));
    Expr::call("F.softmax", vec![Argument::positional(value), dim])
}

/// Whether a step in a class is a plain expression of its inputs, without a module.
pub const fn is_expression(step: &Step) -> bool {
    match &step.op {
        Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Maximum
        | Op::Activation(_)
        | Op::Flatten
        | Op::Softmax => true,
        Op::Input(_)
        | Op::Conv(_)
        | Op::BatchNorm(_)
        | Op::Lrn(_)
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::AdaptiveAvgPool { .. }
        | Op::Linear(_)
        | Op::Dropout { .. }
        | Op::ChannelShuffle { .. }
        | Op::DropPath { .. }
        | Op::ConvTranspose(_)
        | Op::Norm(_)
        | Op::Prelu { .. }
        | Op::Scale(_)
        | Op::Rescale(_)
        | Op::Resize(_)
        | Op::Rearrange(_) => false,
    }
}
