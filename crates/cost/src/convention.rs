//! Counts by the rules of other tools.
//!
//! The rules are those of the tools' sources: fvcore 0.1.5, ptflops 0.7.5 (PyTorch backend), thop 0.1.1, torchinfo
//! 1.8.0 and torch 2.15's `FlopCounterMode`. They are described in `docs/counting.md`.

use std::{fmt, str::FromStr};

use inceptive_ir::{
    Activation, BatchNorm, Conv, ConvTranspose, Form, Graph, Interpolation, Linear, NodeId, Norm,
    NormOver, Op, Padding, Part, Pool, PoolKind, Resize, Scale, Shape, Size,
};

use crate::node::macs;

/// A way to count compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Convention {
    /// Multiply-accumulates of convolutions and linear layers, nothing else: ours.
    Inceptive,
    /// fvcore's `FlopCountAnalysis`.
    Fvcore,
    /// ptflops' `get_model_complexity_info`, PyTorch backend.
    Ptflops,
    /// thop's `profile`.
    Thop,
    /// torchinfo's `summary`.
    Torchinfo,
    /// `torch.utils.flop_counter`.
    Torch,
}

/// How a convention counts one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The count at batch 1.
    pub count: u64,
    /// The rule in words.
    pub text: &'static str,
}

/// The name of no convention.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown convention `{0}`; known conventions: inceptive, fvcore, ptflops, thop, torchinfo, torch"
)]
pub struct UnknownConvention(String);

impl Convention {
    /// Every convention.
    pub const ALL: [Self; 6] =
        [Self::Inceptive, Self::Fvcore, Self::Ptflops, Self::Thop, Self::Torchinfo, Self::Torch];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inceptive => "inceptive",
            Self::Fvcore => "fvcore",
            Self::Ptflops => "ptflops",
            Self::Thop => "thop",
            Self::Torchinfo => "torchinfo",
            Self::Torch => "torch",
        }
    }

    /// What the tool calls its unit.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Inceptive | Self::Ptflops | Self::Thop => "MACs",
            Self::Fvcore => "flops (1 multiply-add = 1)",
            Self::Torchinfo => "mult-adds",
            Self::Torch => "FLOPs (1 multiply-add = 2)",
        }
    }

    /// The tool's count for a whole network at batch 1, auxiliary heads off.
    pub fn total(self, graph: &Graph) -> u64 {
        let main = graph.nodes().filter(|(_, node)| node.part == Part::Main);
        main.map(|(id, _)| self.rule(graph, id).count).sum()
    }

    /// How the tool counts one node.
    pub fn rule(self, graph: &Graph, id: NodeId) -> Rule {
        let node = graph.node(id);
        let inputs = graph.input_shapes(id);
        let Some(&input) = inputs.first() else { return NOTHING };
        let site = Site {
            macs: macs(&node.op, &inputs, node.shape),
            input,
            output: node.shape,
            form: node.form,
        };
        match self {
            Self::Inceptive => inceptive(&node.op, &site),
            Self::Fvcore => fvcore(&node.op, &site),
            Self::Ptflops => ptflops(&node.op, &site),
            Self::Thop => thop(&node.op, &site),
            Self::Torchinfo => torchinfo(&node.op, &site),
            Self::Torch => torch(&node.op, &site),
        }
    }
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Convention {
    type Err = UnknownConvention;

    fn from_str(text: &str) -> Result<Self, UnknownConvention> {
        let found = Self::ALL.into_iter().find(|convention| convention.name() == text);
        found.ok_or_else(|| UnknownConvention(text.to_owned()))
    }
}

/// The properties of a node that the rules use, besides its operator.
struct Site {
    macs: u64,
    input: Shape,
    output: Shape,
    form: Form,
}

const NOTHING: Rule = Rule { count: 0, text: "not counted as compute" };

const fn rule(count: u64, text: &'static str) -> Rule {
    Rule { count, text }
}

impl Site {
    fn macs(&self) -> Rule {
        rule(self.macs, "multiply-accumulates without bias")
    }

    fn macs_and_bias(&self, bias: bool) -> Rule {
        match bias {
            true => rule(
                self.macs + self.output.elements(),
                "multiply-accumulates and 1 per output for the bias",
            ),
            false => self.macs(),
        }
    }

    fn per_output(&self, factor: u64, text: &'static str) -> Rule {
        rule(factor * self.output.elements(), text)
    }

    fn per_input(&self, factor: u64, text: &'static str) -> Rule {
        rule(factor * self.input.elements(), text)
    }
}

fn inceptive(op: &Op, site: &Site) -> Rule {
    match op {
        Op::Conv(_) | Op::ConvTranspose(_) | Op::Linear(_) => site.macs(),
        Op::Input(_)
        | Op::BatchNorm(_)
        | Op::Lrn(_)
        | Op::Activation(_)
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::AdaptiveAvgPool { .. }
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Flatten
        | Op::Dropout { .. }
        | Op::Softmax
        | Op::ChannelShuffle { .. }
        | Op::Maximum
        | Op::DropPath { .. }
        | Op::Norm(_)
        | Op::Prelu { .. }
        | Op::Scale(_)
        | Op::Rescale(_)
        | Op::Resize(_)
        | Op::Rearrange(_) => NOTHING,
    }
}

fn fvcore(op: &Op, site: &Site) -> Rule {
    match op {
        Op::Conv(_) | Op::ConvTranspose(_) | Op::Linear(_) => site.macs(),
        Op::BatchNorm(BatchNorm { scale: true, .. }) => site.per_input(2, "2 per value"),
        Op::BatchNorm(BatchNorm { scale: false, .. }) => {
            site.per_input(1, "1 per value, as it has no gamma")
        }
        Op::GlobalPool(PoolKind::Average) | Op::AdaptiveAvgPool { .. } => {
            site.per_input(1, "1 per input value")
        }
        Op::Norm(Norm { scale: true, .. }) => site.per_input(5, "5 per value"),
        Op::Norm(Norm { scale: false, .. }) => {
            site.per_input(4, "4 per value, as it has no factors")
        }
        Op::Resize(Resize { mode: Interpolation::Nearest, .. }) => {
            site.per_output(1, "1 per output value")
        }
        Op::Resize(_) => site.per_output(4, "4 per output value"),
        Op::Input(_)
        | Op::Lrn(_)
        | Op::Activation(_)
        | Op::Pool(_)
        | Op::GlobalPool(PoolKind::Max | PoolKind::L2)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Flatten
        | Op::Dropout { .. }
        | Op::Softmax
        | Op::ChannelShuffle { .. }
        | Op::Maximum
        | Op::DropPath { .. }
        | Op::Prelu { .. }
        | Op::Scale(_)
        | Op::Rescale(_)
        | Op::Rearrange(_) => NOTHING,
    }
}

/// ptflops hooks modules and also replaces the functions of `torch.nn.functional`, which most of those
/// modules call: they are counted twice.
fn ptflops(op: &Op, site: &Site) -> Rule {
    let hooked = || match site.form {
        Form::Module => {
            site.per_input(2, "1 per input value, twice: as a module and as its function")
        }
        Form::Functional => site.per_input(1, "1 per input value"),
    };
    match op {
        Op::Conv(Conv { bias, .. })
        | Op::ConvTranspose(ConvTranspose { bias, .. })
        | Op::Linear(Linear { bias, .. }) => site.macs_and_bias(*bias),
        Op::BatchNorm(BatchNorm { scale: false, center: false, .. }) => {
            site.per_input(1, "1 per value, as it is not affine")
        }
        Op::BatchNorm(_) => site.per_input(2, "2 per value"),
        // Over the channels of maps it is a class of its own. Of vectors, it has the attribute that decides under another
        // name.
        Op::Norm(Norm { over: NormOver::Channels, .. }) => match site.input {
            Shape::Map { .. } => NOTHING,
            Shape::Vector { .. } => site.per_input(1, "1 per value"),
        },
        Op::Norm(Norm { scale: false, center: false, .. }) => {
            site.per_input(1, "1 per value, as it is not affine")
        }
        Op::Norm(_) => site.per_input(2, "2 per value"),
        Op::Prelu { .. }
        | Op::Activation(Activation::Elu { .. } | Activation::Gelu | Activation::GeluTanh) => {
            hooked()
        }
        Op::Activation(Activation::LeakyRelu { .. }) => match site.form {
            Form::Module => site.per_input(1, "1 per value"),
            Form::Functional => NOTHING,
        },
        Op::Resize(_) => match site.form {
            Form::Module => {
                site.per_output(2, "1 per output value, twice: as a module and as its function")
            }
            Form::Functional => site.per_output(1, "1 per output value"),
        },
        Op::Scale(_) => NOTHING,
        Op::Lrn(lrn) => {
            // Computed with two products, a sum and an average over channels padded by size - 1.
            let channels = u64::from(site.input.channels());
            let padded = (channels + u64::from(lrn.size) - 1) * site.input.size().area();
            rule(
                3 * site.input.elements() + padded,
                "3 per value, and the padded input of an average over channels",
            )
        }
        Op::Pool(Pool { kind: PoolKind::L2, padding, .. }) => ptflops_l2(site, *padding),
        Op::GlobalPool(PoolKind::L2) => ptflops_l2(site, Padding::NONE),
        Op::Activation(Activation::Relu)
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::AdaptiveAvgPool { .. } => hooked(),
        Op::Activation(Activation::Relu6 | Activation::Silu) | Op::Softmax => {
            site.per_input(1, "1 per value")
        }
        Op::Activation(
            Activation::Sigmoid
            | Activation::HardSigmoid
            | Activation::HardSwish
            | Activation::Selu
            | Activation::Mish
            | Activation::Softplus
            | Activation::Tanh
            | Activation::Clip { .. },
        ) => NOTHING,
        Op::Input(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Flatten
        | Op::Dropout { .. }
        | Op::ChannelShuffle { .. }
        | Op::Maximum
        | Op::DropPath { .. }
        | Op::Rescale(_)
        | Op::Rearrange(_) => NOTHING,
    }
}

/// PyTorch's L2 pooling averages the squares of a map that was padded before, takes a relu of the averages and multiplies
/// them by the window's area; ptflops counts these functions, not the module.
fn ptflops_l2(site: &Site, padding: Padding) -> Rule {
    let Size { height, width } = site.input.size();
    let rows = u64::from(height) + u64::from(padding.top) + u64::from(padding.bottom);
    let columns = u64::from(width) + u64::from(padding.left) + u64::from(padding.right);
    let padded = u64::from(site.input.channels()) * rows * columns;
    rule(
        padded + 2 * site.output.elements(),
        "1 per padded input value and 2 per output, as an average, a relu and a product",
    )
}

/// thop hooks modules by their exact type; functions are invisible to it.
fn thop(op: &Op, site: &Site) -> Rule {
    let is_module = site.form == Form::Module;
    match op {
        Op::Conv(_) | Op::Linear(_) => site.macs(),
        Op::ConvTranspose(conv) => {
            let in_group = u64::from(site.input.channels() / conv.groups);
            rule(
                site.output.elements() * in_group * conv.kernel.area(),
                "as if every output value had a whole kernel",
            )
        }
        Op::Norm(Norm { over: NormOver::Groups(_), .. }) => NOTHING,
        // Over the channels of maps it is a class of its own.
        Op::Norm(Norm { over: NormOver::Channels, .. })
            if matches!(site.input, Shape::Map { .. }) =>
        {
            NOTHING
        }
        Op::Norm(Norm { scale: false, center: false, .. }) => {
            site.per_input(2, "2 per value, as it is not affine")
        }
        Op::Norm(_) => site.per_input(4, "4 per value"),
        Op::Prelu { .. } => site.per_input(1, "1 per value"),
        Op::Resize(Resize { mode: Interpolation::Nearest, .. }) if is_module => {
            site.per_output(1, "1 per output value")
        }
        Op::Resize(_) if is_module => site.per_output(11, "11 per output value"),
        Op::BatchNorm(BatchNorm { scale: false, center: false, .. }) => {
            site.per_input(2, "2 per value, as it is not affine")
        }
        Op::BatchNorm(_) => site.per_input(4, "4 per value"),
        Op::Pool(Pool { kind: PoolKind::Average, .. }) if is_module => {
            rule(site.output.elements(), "1 per output, for any window size")
        }
        Op::GlobalPool(PoolKind::Average) | Op::AdaptiveAvgPool { .. } if is_module => {
            rule(thop_adaptive(site), "the mean window size plus 1 per output")
        }
        Op::Softmax if is_module => {
            let n = u64::from(site.input.channels());
            let rows = site.input.size().area();
            rule(rows * (3 * n - 1), "3 n - 1 over n values")
        }
        Op::Input(_)
        | Op::Lrn(_)
        | Op::Activation(_)
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::AdaptiveAvgPool { .. }
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Flatten
        | Op::Dropout { .. }
        | Op::Softmax
        | Op::ChannelShuffle { .. }
        | Op::Maximum
        | Op::DropPath { .. }
        | Op::Scale(_)
        | Op::Rescale(_)
        | Op::Resize(_)
        | Op::Rearrange(_) => NOTHING,
    }
}

/// In double precision and cut off, as thop computes it: `int((h_in / h_out * w_in / w_out + 1) * outputs)`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the tool's own arithmetic"
)]
fn thop_adaptive(site: &Site) -> u64 {
    let (input, output) = (site.input.size(), site.output.size());
    let rows = f64::from(input.height) / f64::from(output.height);
    let columns = f64::from(input.width) / f64::from(output.width);
    ((rows * columns + 1.0) * site.output.elements() as f64) as u64
}

fn torchinfo(op: &Op, site: &Site) -> Rule {
    match op {
        Op::Conv(Conv { bias, .. }) | Op::Linear(Linear { bias, .. }) => site.macs_and_bias(*bias),
        Op::ConvTranspose(conv) => {
            let in_group = u64::from(site.input.channels() / conv.groups);
            let bias = u64::from(conv.bias);
            rule(
                site.output.elements() * (in_group * conv.kernel.area() + bias),
                "its parameters at every output position",
            )
        }
        Op::Norm(Norm { scale, center, .. })
        | Op::Scale(Scale { scale, center, shared: false }) => {
            let affine = u64::from(*scale) + u64::from(*center);
            rule(
                affine * u64::from(site.input.channels()),
                "its parameters once, not once per value",
            )
        }
        Op::Scale(Scale { scale, center, shared: true }) => {
            rule(u64::from(*scale) + u64::from(*center), "its parameters once, not once per value")
        }
        Op::Prelu { shared } => {
            let slopes = if *shared { 1 } else { site.input.channels() };
            rule(slopes.into(), "its parameters once, not once per value")
        }
        Op::BatchNorm(BatchNorm { scale, center, .. }) => {
            let affine = u64::from(*scale) + u64::from(*center);
            rule(
                affine * u64::from(site.input.channels()),
                "its parameters once, not once per value",
            )
        }
        Op::Input(_)
        | Op::Lrn(_)
        | Op::Activation(_)
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::AdaptiveAvgPool { .. }
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Flatten
        | Op::Dropout { .. }
        | Op::Softmax
        | Op::ChannelShuffle { .. }
        | Op::Maximum
        | Op::DropPath { .. }
        | Op::Rescale(_)
        | Op::Resize(_)
        | Op::Rearrange(_) => NOTHING,
    }
}

fn torch(op: &Op, site: &Site) -> Rule {
    match op {
        Op::Conv(_) | Op::ConvTranspose(_) | Op::Linear(_) => {
            rule(2 * site.macs, "2 per multiply-accumulate, without bias")
        }
        Op::Input(_)
        | Op::BatchNorm(_)
        | Op::Lrn(_)
        | Op::Activation(_)
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::AdaptiveAvgPool { .. }
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Flatten
        | Op::Dropout { .. }
        | Op::Softmax
        | Op::ChannelShuffle { .. }
        | Op::Maximum
        | Op::DropPath { .. }
        | Op::Norm(_)
        | Op::Prelu { .. }
        | Op::Scale(_)
        | Op::Rescale(_)
        | Op::Resize(_)
        | Op::Rearrange(_) => NOTHING,
    }
}
