//! What one line of a module does: an operator, with the normalisation and the activation that belong to it.

use inceptive_ir::{
    Activation, BatchNorm, Conv, Graph, Linear, Lrn, NodeId, Op, Padding, Part, Path, Pool, Shape,
    Size,
};

/// An operator, with what [`fuse`] put to it.
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
    /// What is added to a variance.
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
                let Pool { kind, padding, ceil, count_include_pad, .. } = pool;
                format!("{kind:?} {} {ceil} {count_include_pad}", is_symmetric(*padding))
            }
            Op::GlobalPool(kind) => format!("{kind:?}"),
            Op::Add { scales } => format!("{:?}", self.plain_inputs(scales)),
            Op::Linear(linear) => linear.bias.to_string(),
            Op::Input(_)
            | Op::Activation(_)
            | Op::AdaptiveAvgPool { .. }
            | Op::Concat
            | Op::Multiply
            | Op::Flatten
            | Op::Dropout { .. }
            | Op::Softmax
            | Op::ChannelShuffle { .. } => String::new(),
        };
        let is_map = matches!(self.input, Shape::Map { .. });
        let Self { op, norm, activation, input: _ } = self;
        format!("{} {own} {is_map} {norm:?} {activation:?}", op.name())
    }

    /// Which inputs of a sum have no factor.
    fn plain_inputs(&self, scales: &[f32]) -> Vec<bool> {
        scales.iter().map(|&scale| scale == 1.0).collect()
    }

    /// The number of a field; none if it has no such field.
    pub fn number(&self, field: Field) -> Option<Value> {
        self.numbers().into_iter().find_map(|(own, value)| (own == field).then_some(value))
    }

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
                (Field::Padding, padding(pool.padding)),
            ],
            Op::AdaptiveAvgPool { output } => vec![(Field::Size, Value::Size(*output))],
            Op::Add { scales } => {
                let scales = scales.iter().map(|&scale| Value::Number(scale)).enumerate();
                scales.map(|(at, scale)| (Field::Scale(at), scale)).collect()
            }
            Op::Dropout { p } => vec![(Field::Probability, Value::Number(*p))],
            Op::ChannelShuffle { groups } => vec![(Field::Groups, Value::Count(*groups))],
            Op::Input(_)
            | Op::Activation(_)
            | Op::GlobalPool(_)
            | Op::Concat
            | Op::Multiply
            | Op::Flatten
            | Op::Softmax => vec![],
        }
    }
}

/// A step at its place in the network.
#[derive(Clone, Debug)]
pub struct Unit {
    /// What it does.
    pub step: Step,
    /// The path of its operator.
    pub path: Path,
    /// The units that it reads; none is the network's input.
    pub reads: Vec<Option<usize>>,
    /// Shape of the result.
    pub shape: Shape,
    /// Main network or auxiliary head.
    pub part: Part,
}

/// The network as units, in an order in which they can run.
#[derive(Clone, Debug)]
pub struct Units {
    /// The units.
    pub all: Vec<Unit>,
    /// Which gives the network's logits; none is the network's input.
    pub output: Option<usize>,
    /// Which give the logits of the auxiliary heads.
    pub auxiliary: Vec<Option<usize>>,
    /// Whether a softmax turns the logits into probabilities.
    pub softmax: bool,
}

/// The units of a graph. A normalisation goes to its layer where the language puts it there, at `LAYER/bn`,
/// and an activation where it stands under the layer's path; so their tensors keep their names. A softmax at
/// the end of the network is left out.
pub fn units(graph: &Graph) -> Units {
    let output = graph.output();
    let softmax = graph.node(output).op == Op::Softmax
        && graph.consumers(output).is_empty()
        && !is_head(graph, output);
    let mut all: Vec<(NodeId, Vec<NodeId>, Unit)> = Vec::new();
    let mut is_taken = vec![false; graph.len()];
    for (id, node) in graph.nodes() {
        let is_end = softmax && id == output;
        if matches!(node.op, Op::Input(_)) || is_taken[id.index()] || is_end {
            continue;
        }
        let (step, last) = fuse(graph, id, &mut is_taken);
        let unit = Unit {
            step,
            path: node.path.clone(),
            reads: vec![],
            shape: graph.node(last).shape,
            part: node.part,
        };
        all.push((last, graph.inputs(id), unit));
    }
    all.sort_by_key(|(last, ..)| *last);
    let mut unit_of: Vec<Option<usize>> = vec![None; graph.len()];
    for (at, (last, ..)) in all.iter().enumerate() {
        unit_of[last.index()] = Some(at);
    }
    let logits = if softmax { graph.inputs(output)[0] } else { output };
    let heads = graph.auxiliary().iter().map(|head| unit_of[head.output.index()]);
    let read = |(_, inputs, unit): (_, Vec<NodeId>, Unit)| Unit {
        reads: inputs.into_iter().map(|input| unit_of[input.index()]).collect(),
        ..unit
    };
    Units {
        output: unit_of[logits.index()],
        auxiliary: heads.collect(),
        softmax,
        all: all.into_iter().map(read).collect(),
    }
}

/// A node with what belongs to it, and the last of these nodes.
fn fuse(graph: &Graph, id: NodeId, is_taken: &mut [bool]) -> (Step, NodeId) {
    let node = graph.node(id);
    let input = graph.input_shapes(id).first().copied().unwrap_or(node.shape);
    let mut step = Step { op: node.op.clone(), norm: None, activation: None, input };
    let mut last = id;
    if !matches!(node.op, Op::Conv(_) | Op::Linear(_)) {
        return (step, last);
    }
    while let Some(next) =
        only_reader(graph, last).filter(|&next| graph.node(next).part == node.part)
    {
        let Some(name) = own_name(&node.path, &graph.node(next).path) else { break };
        match &graph.node(next).op {
            Op::BatchNorm(norm) if step.norm.is_none() && name == "bn" => step.norm = Some(*norm),
            Op::Activation(activation) => step.activation = Some(*activation),
            _ => break,
        }
        is_taken[next.index()] = true;
        last = next;
        if step.activation.is_some() {
            break;
        }
    }
    (step, last)
}

/// The one node that reads a node, if it reads it once and the node is no result.
fn only_reader(graph: &Graph, id: NodeId) -> Option<NodeId> {
    match graph.consumers(id)[..] {
        [only] if id != graph.output() && !is_head(graph, id) => Some(only),
        _ => None,
    }
}

fn is_head(graph: &Graph, id: NodeId) -> bool {
    graph.auxiliary().iter().any(|head| head.output == id)
}

/// The name of a path directly under another.
fn own_name<'a>(layer: &Path, path: &'a Path) -> Option<&'a str> {
    let name = path.as_str().strip_prefix(layer.as_str())?.strip_prefix('/')?;
    (!name.contains('/')).then_some(name)
}
