//! The words on a block of a drawing, and its kind, which decides its colour.

use inceptive_ir::{
    Activation, Conv, Graph, Node, NodeId, Norm, NormOver, Op, Pool, Rearrange, Resize, ResizeTo,
    Shape, Size,
};

use super::view::{Block, View};

/// The kind of computation of a block; it determines the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The network's input.
    Input,
    /// A dense or grouped convolution.
    Conv,
    /// A depthwise convolution: as many groups as input channels.
    Depthwise,
    /// A fully connected layer.
    Linear,
    /// Pooling of any sort.
    Pool,
    /// Concatenation, sum or product of branches.
    Join,
    /// Normalisation.
    Norm,
    /// An elementwise nonlinearity.
    Activation,
    /// Softmax.
    Softmax,
    /// Operators that only move or mask values: flatten, dropout, shuffle.
    Reshape,
    /// Several operators in one closed box.
    Module,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Input,
        Self::Conv,
        Self::Depthwise,
        Self::Linear,
        Self::Pool,
        Self::Join,
        Self::Norm,
        Self::Activation,
        Self::Softmax,
        Self::Reshape,
        Self::Module,
    ];

    /// A word for it, usable as an identifier.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Conv => "conv",
            Self::Depthwise => "depthwise",
            Self::Linear => "linear",
            Self::Pool => "pool",
            Self::Join => "join",
            Self::Norm => "norm",
            Self::Activation => "activation",
            Self::Softmax => "softmax",
            Self::Reshape => "reshape",
            Self::Module => "module",
        }
    }

    /// Fill and outline as `#rrggbb`. The hues are those of the figures of Szegedy et al. 2014:
    /// convolutions blue, pooling red, joins green, softmax yellow.
    pub const fn colors(self) -> (&'static str, &'static str) {
        match self {
            Self::Input => ("#ffffff", "#495057"),
            Self::Conv => ("#cfe2f7", "#3b76b4"),
            Self::Depthwise => ("#c9ecec", "#2b8c8c"),
            Self::Linear => ("#e3d7f4", "#7a55b0"),
            Self::Pool => ("#f9d5cf", "#c4594a"),
            Self::Join => ("#d2ebcd", "#4f9547"),
            Self::Norm => ("#e9ead8", "#8d8f5f"),
            Self::Activation => ("#eceef0", "#848c94"),
            Self::Softmax => ("#fbeab0", "#b8921d"),
            Self::Reshape => ("#f4f4f4", "#9aa0a6"),
            Self::Module => ("#fff3e2", "#c98a33"),
        }
    }

    /// The kind of a node.
    pub fn of(op: &Op, input: Option<Shape>) -> Self {
        match op {
            Op::Input(_) => Self::Input,
            Op::Conv(conv) if is_depthwise(conv, input) => Self::Depthwise,
            Op::Conv(_) | Op::ConvTranspose(_) => Self::Conv,
            Op::BatchNorm(_) | Op::Norm(_) | Op::Lrn(_) | Op::Scale(_) | Op::Rescale(_) => {
                Self::Norm
            }
            Op::Activation(_) | Op::Prelu { .. } => Self::Activation,
            Op::Pool(_)
            | Op::GlobalPool(_)
            | Op::AdaptiveAvgPool { .. }
            | Op::ChannelMax
            | Op::ChannelMean => Self::Pool,
            Op::Concat | Op::Add { .. } | Op::Multiply | Op::Maximum => Self::Join,
            Op::Linear(_) => Self::Linear,
            Op::Flatten
            | Op::Dropout { .. }
            | Op::DropPath { .. }
            | Op::ChannelShuffle { .. }
            | Op::Resize(_)
            | Op::Rearrange(_) => Self::Reshape,
            Op::Softmax => Self::Softmax,
        }
    }

    /// Whether such a node is a detail of the node before it when both are in one box.
    const fn is_minor(self) -> bool {
        matches!(self, Self::Norm | Self::Activation | Self::Reshape)
    }
}

/// Whether each group of a convolution sees one channel only.
pub(super) fn is_depthwise(conv: &Conv, input: Option<Shape>) -> bool {
    conv.groups > 1 && input.is_some_and(|input| input.channels() == conv.groups)
}

/// The words on a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// Its name inside of the module around it, in full.
    pub title: String,
    /// The operator with its main attributes, or a summary of the operators inside; empty if the title is enough.
    pub detail: String,
    /// Shape of the result.
    pub shape: String,
    /// Everything: path, shapes and all attributes, one fact a line.
    pub tooltip: String,
    /// The kind of computation, for the colour.
    pub kind: Kind,
}

/// The words on a block of a view.
pub(super) fn label(graph: &Graph, view: &View, index: usize) -> Label {
    let block = &view.blocks[index];
    let title = view.block_name(index);
    let kinds = kinds(graph, block.own());
    let detail = match block.own() {
        [only] => operator(graph, *only),
        nodes if is_compound(&kinds) => compound(graph, nodes, &|op| op.name()),
        nodes => summary(graph, nodes, &kinds),
    };
    let shape = block.own().last().map_or_else(String::new, |&id| graph.node(id).shape.to_string());
    let detail = match &block.range {
        Some(range) => format!("x {}: {detail}", range.count),
        None if detail == title => String::new(),
        None => detail,
    };
    let kind = match kinds.as_slice() {
        [only] => *only,
        [first, ..] if is_compound(&kinds) => *first,
        _ => Kind::Module,
    };
    Label { title, detail, tooltip: tooltip(graph, block, &shape), shape, kind }
}

/// A description of a module of few nodes, such as `conv 5x5, 32 + ReLU`. `None` for other modules.
pub fn caption(graph: &Graph, nodes: &[NodeId]) -> Option<String> {
    is_compound(&kinds(graph, nodes)).then(|| compound(graph, nodes, &written))
}

/// An operator as papers write it.
const fn written(op: &Op) -> &'static str {
    match op {
        Op::BatchNorm(_) => "batch norm",
        Op::Activation(Activation::Relu) => "ReLU",
        Op::Activation(Activation::Relu6) => "ReLU6",
        Op::Activation(Activation::Silu) => "SiLU",
        Op::Activation(Activation::HardSigmoid) => "hard sigmoid",
        Op::Activation(Activation::HardSwish) => "hard swish",
        Op::Activation(Activation::LeakyRelu { .. }) => "leaky ReLU",
        Op::Activation(Activation::Elu { .. }) => "ELU",
        Op::Activation(Activation::Selu) => "SELU",
        Op::Activation(Activation::Gelu | Activation::GeluTanh) => "GELU",
        Op::Activation(Activation::Mish) => "Mish",
        Op::Prelu { .. } => "PReLU",
        Op::ChannelMax => "channel max",
        Op::ChannelMean => "channel mean",
        Op::Norm(Norm { over: NormOver::Groups(_), .. }) => "group norm",
        Op::Norm(Norm { over: NormOver::Instance, .. }) => "instance norm",
        Op::Norm(Norm { over: NormOver::Channels, .. }) => "layer norm",
        _ => op.name(),
    }
}

fn kinds(graph: &Graph, nodes: &[NodeId]) -> Vec<Kind> {
    let kind = |&id: &NodeId| Kind::of(&graph.node(id).op, graph.input_shapes(id).first().copied());
    nodes.iter().map(kind).collect()
}

/// A major operator followed by a few minor ones.
fn is_compound(kinds: &[Kind]) -> bool {
    matches!(kinds, [first, rest @ ..]
        if !first.is_minor() && rest.len() <= 3 && rest.iter().all(|kind| kind.is_minor()))
}

fn compound(graph: &Graph, nodes: &[NodeId], name: &dyn Fn(&Op) -> &'static str) -> String {
    let Some((&first, rest)) = nodes.split_first() else { return String::new() };
    let mut text = operator(graph, first);
    for &id in rest {
        text.push_str(" + ");
        text.push_str(name(&graph.node(id).op));
    }
    text
}

/// How often each operator occurs, in order of first occurrence, minor ones only if there is nothing
/// else.
fn summary(graph: &Graph, nodes: &[NodeId], kinds: &[Kind]) -> String {
    let only_minor = kinds.iter().all(|kind| kind.is_minor());
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for (&id, kind) in nodes.iter().zip(kinds) {
        if kind.is_minor() && !only_minor {
            continue;
        }
        let name = graph.node(id).op.name();
        match counts.iter_mut().find(|(counted, _)| *counted == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let parts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    parts.join(", ")
}

/// A node's operator with the attributes that are usual in figures of papers.
fn operator(graph: &Graph, id: NodeId) -> String {
    let Node { op, .. } = graph.node(id);
    match op {
        Op::Conv(conv) => convolution(conv, graph.input_shapes(id).first().copied()),
        Op::Pool(Pool { kernel, stride, .. }) => {
            format!("{} {}", op.name(), window(*kernel, *stride))
        }
        Op::AdaptiveAvgPool { output } => format!("{} {output}", op.name()),
        Op::Linear(linear) => format!("linear {}", linear.out_features),
        Op::Dropout { p } => format!("dropout {p}"),
        Op::Lrn(lrn) => format!("lrn {}", lrn.size),
        Op::ChannelShuffle { groups } => format!("shuffle {groups}"),
        Op::ConvTranspose(conv) => {
            let window = window(conv.kernel, conv.stride);
            format!("transposed conv {window}, {}", conv.out_channels)
        }
        Op::DropPath { p } => format!("drop path {p}"),
        Op::Resize(Resize { to: ResizeTo::Factor(factor), .. }) => format!("resize x {factor}"),
        Op::Resize(Resize { to: ResizeTo::Size(size), .. }) => format!("resize to {size}"),
        Op::Rearrange(rearrange) => match rearrange {
            Rearrange::Slice { axis, start, count, step: 1 } => {
                format!("{} {start} to {}", axis.name(), u64::from(*start) + u64::from(*count) - 1)
            }
            Rearrange::Slice { axis, count, step, .. } => {
                format!("{count} {}, every {step}", axis.name())
            }
            Rearrange::Pad { padding, .. } => format!("pad {padding}"),
            Rearrange::SpaceToDepth { block, .. } => format!("space to depth {block}"),
            Rearrange::DepthToSpace { block, .. } => format!("depth to space {block}"),
        },
        Op::Add { scales } if scales.iter().any(|&scale| scale != 1.0) => {
            let factors: Vec<String> = scales.iter().map(f32::to_string).collect();
            format!("add x({})", factors.join(", "))
        }
        Op::Input(_)
        | Op::BatchNorm(_)
        | Op::Activation(_)
        | Op::GlobalPool(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Maximum
        | Op::Flatten
        | Op::Norm(_)
        | Op::Prelu { .. }
        | Op::Scale(_)
        | Op::Rescale(_)
        | Op::Softmax => op.name().to_owned(),
    }
}

fn convolution(conv: &Conv, input: Option<Shape>) -> String {
    let depthwise = is_depthwise(conv, input);
    let name = if depthwise { "depthwise" } else { "conv" };
    let mut text = format!("{name} {}, {}", window(conv.kernel, conv.stride), conv.out_channels);
    if conv.dilation != Size::square(1) {
        text.push_str(&format!(", dilation {}", side(conv.dilation)));
    }
    if conv.groups > 1 && !depthwise {
        text.push_str(&format!(", {} groups", conv.groups));
    }
    text
}

/// `3x3`, with the stride as the paper's tables write it, `3x3/2`, unless it is 1.
fn window(kernel: Size, stride: Size) -> String {
    match stride {
        Size { height: 1, width: 1 } => kernel.to_string(),
        _ => format!("{kernel}/{}", side(stride)),
    }
}

/// One number for a square.
fn side(size: Size) -> String {
    if size.height == size.width { size.height.to_string() } else { size.to_string() }
}

fn tooltip(graph: &Graph, block: &Block, shape: &str) -> String {
    let path = if block.path.is_root() { "network" } else { block.path.as_str() };
    let mut lines = vec![path.to_owned()];
    if block.times > 1 {
        lines.push(format!("{} times in the network", block.times));
    }
    match block.own() {
        [only] => {
            let inputs: Vec<String> =
                graph.input_shapes(*only).iter().map(Shape::to_string).collect();
            lines.push(graph.node(*only).op.name().to_owned());
            lines.push(match inputs.is_empty() {
                true => shape.to_owned(),
                false => format!("{} -> {shape}", inputs.join(" + ")),
            });
            let attributes = graph.node(*only).op.attributes();
            lines.extend(attributes.iter().map(|(name, value)| format!("{name}: {value}")));
            let shared = &graph.node(*only).shared;
            if !shared.is_empty() {
                lines.push(format!("shares: {shared}"));
            }
        }
        nodes => {
            lines.push(format!("{} nodes", nodes.len()));
            lines.push(format!("-> {shape}"));
        }
    }
    lines.join("\n")
}
