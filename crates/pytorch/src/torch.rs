//! Operators as PyTorch's modules.

use inceptive_ir::{Activation, BatchNorm, Op, PoolKind, Shape};

use super::{
    expr::{Argument, Expr},
    helper::Helper,
    step::{Field, Step, Value, is_symmetric},
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
        Op::Input(_) | Op::Concat | Op::Add { .. } | Op::Multiply => return None,
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
        Op::Activation(activation) => arguments.call(names(*activation).0),
        Op::Pool(_) => pool(step, arguments)?,
        Op::GlobalPool(kind) => Expr::apply(global(*kind), vec![Expr::atom("1")]),
        Op::AdaptiveAvgPool { .. } => {
            arguments.positional(Field::Size).call("nn.AdaptiveAvgPool2d")
        }
        Op::Flatten => arguments.call("nn.Flatten"),
        Op::Dropout { .. } => arguments.positional(Field::Probability).call("nn.Dropout"),
        Op::Softmax => Expr::call("nn.Softmax", vec![Argument::named("dim", Expr::atom("1"))]),
        Op::ChannelShuffle { .. } => arguments.positional(Field::Groups).call("nn.ChannelShuffle"),
    })
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
    let is_symmetric = is_symmetric(pool.padding);
    let arguments = arguments.positional(Field::Kernel).named("stride", Field::Stride);
    let is_padded = !(arguments.number)(Field::Padding).is(0);
    let arguments = match is_symmetric {
        true => arguments.unless("padding", Field::Padding, 0),
        false => arguments.named("sides", Field::Padding),
    };
    let arguments = arguments.flag("ceil_mode", pool.ceil, false);
    Some(match pool.kind {
        PoolKind::Max if is_symmetric => arguments.call("nn.MaxPool2d"),
        PoolKind::Max => arguments.call(Helper::MaxPool.name()),
        PoolKind::Average => {
            let counts = pool.count_include_pad || !is_padded;
            let class = if is_symmetric { "nn.AvgPool2d" } else { Helper::AvgPool.name() };
            arguments.flag("count_include_pad", counts, true).call(class)
        }
    })
}

const fn global(kind: PoolKind) -> &'static str {
    match kind {
        PoolKind::Average => "nn.AdaptiveAvgPool2d",
        PoolKind::Max => "nn.AdaptiveMaxPool2d",
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
    }
}

/// An activation of a value.
pub fn activation(activation: Activation, value: Expr) -> Expr {
    Expr::apply(names(activation).1, vec![value])
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
        | Op::Activation(_)
        | Op::Flatten
        | Op::Softmax => true,
        Op::Input(_)
        | Op::Conv(_)
        | Op::BatchNorm(_)
        | Op::Lrn(_)
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::AdaptiveAvgPool { .. }
        | Op::Linear(_)
        | Op::Dropout { .. }
        | Op::ChannelShuffle { .. } => false,
    }
}
