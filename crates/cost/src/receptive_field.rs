//! Receptive fields.

use std::fmt;

use inceptive_ir::{
    Axis as MapAxis, Conv, Graph, Node, NodeId, NormOver, Op, Padding, Pool, Rearrange, Shape, Size,
};

/// The receptive field of one value of a feature map: the part of the input image that it depends on (Araujo et al.
/// 2019, *Computing Receptive Fields of Convolutional Neural Networks*). It may extend beyond the border of the image
/// where padding is large.
///
/// Size and stride are those along the path of the map. A gate, a 1x1 map that is multiplied with a larger one or added to
/// it as in squeeze-and-excitation, does not change them if it depends on the whole image; nor does a normalisation with
/// the statistics of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceptiveField {
    /// Rows and columns of the input that a value depends on, padding included; those of the value that has most.
    /// Where branches join, the smallest rectangle that holds those of all branches. None from 2^32 on, and after
    /// windows over the result of windows of different sizes.
    pub size: Option<Size>,
    /// How many rows and columns of the input lie between neighbouring values. None from 2^32 on, and where it is not
    /// the same everywhere.
    pub stride: Option<Size>,
    /// Whether a value also depends on the whole image, through a gate or a normalisation with its statistics.
    pub is_gated: bool,
    /// Whether size or stride is None because it is not the same everywhere: after adaptive pooling to a size that does
    /// not divide the map's, after a map was enlarged, and where branches of different stride join.
    pub is_irregular: bool,
}

impl ReceptiveField {
    /// The larger side in pixels, if it can be counted.
    pub fn longest(&self) -> Option<u32> {
        self.size.map(|size| size.height.max(size.width))
    }
}

/// As `25x25, stride 2, and the whole image through a gate or a normalisation`.
impl fmt::Display for ReceptiveField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |f: &mut fmt::Formatter<'_>, side: Option<Size>| match side {
            Some(Size { height, width }) if height == width => write!(f, "{height}"),
            Some(size) => write!(f, "{size}"),
            None if self.is_irregular => f.write_str("irregular"),
            None => f.write_str("2^32 or more"),
        };
        match self.size {
            Some(size) => write!(f, "{size}")?,
            None => side(f, None)?,
        }
        f.write_str(", stride ")?;
        side(f, self.stride)?;
        if self.is_gated {
            f.write_str(", and the whole image through a gate or a normalisation")?;
        }
        Ok(())
    }
}

/// What the values of a map see along one axis: value `i` sees `first + stride * i` to `last + stride * i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    first: i64,
    last: i64,
    stride: i64,
}

impl Line {
    const PIXEL: Self = Self { first: 0, last: 0, stride: 1 };

    /// After a window of `reach + 1` positions (dilation included) that starts `before` earlier.
    fn windowed(self, reach: u64, stride: u32, before: u32) -> Self {
        let reach = i64::try_from(reach).unwrap_or(i64::MAX);
        let shift = self.stride.saturating_mul(i64::from(before));
        Self {
            first: self.first.saturating_sub(shift),
            last: self.last.saturating_add(self.stride.saturating_mul(reach)).saturating_sub(shift),
            stride: self.stride.saturating_mul(i64::from(stride)),
        }
    }

    /// Of every `step`-th value from `start` on.
    fn sliced(self, start: u32, step: u32) -> Self {
        let shift = self.stride.saturating_mul(i64::from(start));
        Self {
            first: self.first.saturating_add(shift),
            last: self.last.saturating_add(shift),
            stride: self.stride.saturating_mul(i64::from(step)),
        }
    }

    /// The first and last position that a value sees.
    fn seen(self, value: u32) -> (i64, i64) {
        let shift = self.stride.saturating_mul(i64::from(value));
        (self.first.saturating_add(shift), self.last.saturating_add(shift))
    }
}

/// One axis of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Axis {
    /// A value sees everything from the first to the last position of these lines. They have different strides: those
    /// of branches that were joined, and 0 for a gate, which is the same for every value.
    Lines(Vec<Line>),
    /// Windows of different sizes: the length of the largest, and the line of one window over all of them.
    Uneven(i64, Line),
    /// Computed from such windows by other windows.
    Unknown,
}

/// Maximum number of different strides that are kept apart.
const MOST_LINES: usize = 8;

impl Axis {
    fn pixel() -> Self {
        Self::Lines(vec![Line::PIXEL])
    }

    fn windowed(self, reach: u64, stride: u32, before: u32) -> Self {
        match self {
            Self::Lines(lines) => {
                let after = |line: Line| line.windowed(reach, stride, before);
                Self::Lines(lines.into_iter().map(after).collect())
            }
            Self::Uneven(..) if (reach, stride, before) == (0, 1, 0) => self,
            Self::Uneven(..) | Self::Unknown => Self::Unknown,
        }
    }

    /// Of every `step`-th value from `start` on.
    fn sliced(self, start: u32, step: u32) -> Self {
        match self {
            Self::Lines(lines) => {
                Self::Lines(lines.into_iter().map(|line| line.sliced(start, step)).collect())
            }
            Self::Uneven(..) | Self::Unknown => Self::Unknown,
        }
    }

    /// Of a map that is `factor` times as long: the values between those of the map see what their neighbours see.
    fn enlarged(self, factor: u32) -> Self {
        if factor == 1 { self } else { Self::Unknown }
    }

    /// After one window over a map of this length.
    fn whole(self, length: u32) -> Self {
        match self {
            Self::Uneven(_, line) => Self::Lines(vec![line]),
            other => other.windowed(u64::from(length.max(1)) - 1, length, 0),
        }
    }

    /// After averages over parts of a map of `from` values.
    fn averaged(self, from: u32, parts: u32) -> Self {
        let divisor = gcd(from, parts);
        let (length, phases) = (from / divisor, parts / divisor);
        if phases == 1 {
            return self.windowed(u64::from(length) - 1, length, 0);
        }
        // Part i is floor(i * length / phases) to ceil((i + 1) * length / phases).
        let largest = (u64::from(length) + u64::from(phases) - 1).div_ceil(u64::from(phases));
        let window = self.clone().windowed(largest - 1, 1, 0);
        match (window.length(from), self.whole(from)) {
            (Some(largest), Self::Lines(lines)) if lines.len() == 1 => {
                Self::Uneven(largest, lines[0])
            }
            _ => Self::Unknown,
        }
    }

    /// The smallest field that holds both.
    fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::Lines(mut lines), Self::Lines(others)) => {
                for line in others {
                    match lines.iter_mut().find(|known| known.stride == line.stride) {
                        Some(known) => {
                            known.first = known.first.min(line.first);
                            known.last = known.last.max(line.last);
                        }
                        None => lines.push(line),
                    }
                }
                if lines.len() > MOST_LINES { Self::Unknown } else { Self::Lines(lines) }
            }
            (one, other) if one == other => one,
            _ => Self::Unknown,
        }
    }

    /// The same for every value of a larger map, as the value of a gate.
    fn fixed(self) -> Self {
        match self {
            Self::Lines(lines) => {
                let first = lines.iter().map(|line| line.first).min().unwrap_or(0);
                let last = lines.iter().map(|line| line.last).max().unwrap_or(0);
                Self::Lines(vec![Line { first, last, stride: 0 }])
            }
            Self::Uneven(..) | Self::Unknown => Self::Unknown,
        }
    }

    /// Whether the first value sees an image of this length.
    fn covers(&self, image: u32) -> bool {
        match self {
            Self::Lines(lines) => {
                lines.iter().any(|line| line.first <= 0)
                    && lines.iter().any(|line| line.last >= i64::from(image) - 1)
            }
            Self::Uneven(..) | Self::Unknown => false,
        }
    }

    /// The largest number of positions that a value of a map of `values` sees. The length of the smallest interval that
    /// holds several lines is convex, so that it is largest at an end. Positions saturate far above the displayed
    /// range.
    fn length(&self, values: u32) -> Option<i64> {
        let lines = match self {
            Self::Lines(lines) => lines,
            Self::Uneven(largest, _) => return Some(*largest),
            Self::Unknown => return None,
        };
        let length = |value: u32| {
            let seen = || lines.iter().map(|line| line.seen(value));
            let (first, last) =
                (seen().map(|(first, _)| first).min()?, seen().map(|(_, last)| last).max()?);
            Some(last.saturating_sub(first).saturating_add(1))
        };
        length(0).max(length(values.max(1) - 1))
    }

    /// The distance between the fields of neighbouring values, if it is the same everywhere.
    fn stride(&self) -> Option<i64> {
        let Self::Lines(lines) = self else { return None };
        let mut moving = lines.iter().map(|line| line.stride).filter(|&stride| stride != 0);
        match (moving.next(), moving.next()) {
            (None, _) => Some(1),
            (stride, None) => stride,
            _ => None,
        }
    }
}

/// The greatest common divisor of two sizes.
fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

#[derive(Clone, Debug)]
struct Field {
    rows: Axis,
    columns: Axis,
    is_gated: bool,
}

impl Field {
    fn windowed(self, reach: (u64, u64), stride: Size, padding: Padding) -> Self {
        Self {
            rows: self.rows.windowed(reach.0, stride.height, padding.top),
            columns: self.columns.windowed(reach.1, stride.width, padding.left),
            is_gated: self.is_gated,
        }
    }

    fn enlarged(self, factor: Size) -> Self {
        let (rows, columns) =
            (self.rows.enlarged(factor.height), self.columns.enlarged(factor.width));
        Self { rows, columns, ..self }
    }

    fn joined(self, other: Self) -> Self {
        Self {
            rows: self.rows.joined(other.rows),
            columns: self.columns.joined(other.columns),
            is_gated: self.is_gated || other.is_gated,
        }
    }

    /// The field of a map that is multiplied by this one, a gate.
    fn gating(self, map: Self, image: Size) -> Self {
        if self.is_gated || self.rows.covers(image.height) && self.columns.covers(image.width) {
            return Self { is_gated: true, ..map };
        }
        map.joined(Self { rows: self.rows.fixed(), columns: self.columns.fixed(), is_gated: false })
    }

    /// The field after one window over the complete map.
    fn whole(self, input: Shape) -> Self {
        let Size { height, width } = input.size();
        let (rows, columns) = (self.rows.whole(height), self.columns.whole(width));
        Self { rows, columns, ..self }
    }

    fn public(&self, map: Size) -> ReceptiveField {
        let lengths = (self.rows.length(map.height), self.columns.length(map.width));
        let strides = (self.rows.stride(), self.columns.stride());
        let is_known = |pair: (Option<i64>, Option<i64>)| pair.0.is_some() && pair.1.is_some();
        let counted = |side: Option<i64>| u32::try_from(side?).ok();
        let size = |(rows, columns)| Some(Size::new(counted(rows)?, counted(columns)?));
        ReceptiveField {
            size: size(lengths),
            stride: size(strides),
            is_gated: self.is_gated,
            is_irregular: !is_known(lengths) || !is_known(strides),
        }
    }
}

/// The receptive field of every node, in execution order.
pub(crate) fn receptive_fields(graph: &Graph) -> Vec<ReceptiveField> {
    let mut fields: Vec<Field> = Vec::with_capacity(graph.len());
    let image = graph.nodes().next().map_or(Size::square(1), |(_, input)| input.shape.size());
    for (id, node) in graph.nodes() {
        let pixel = || Field { rows: Axis::pixel(), columns: Axis::pixel(), is_gated: false };
        let inputs = graph.inputs(id);
        let (gates, maps): (Vec<NodeId>, Vec<NodeId>) =
            inputs.iter().partition(|input| is_gate(graph, id, **input));
        let field = |input: NodeId| fields[input.index()].clone();
        let map = maps.into_iter().map(field).reduce(Field::joined).unwrap_or_else(pixel);
        let before = gates.into_iter().fold(map, |map, gate| field(gate).gating(map, image));
        fields.push(after(graph, id, &node.op, before));
    }
    let public = |(field, (_, node)): (&Field, (NodeId, &Node))| field.public(node.shape.size());
    fields.iter().zip(graph.nodes()).map(public).collect()
}

/// Whether an input of a node is multiplied with, or added to, all pixels of a larger map.
fn is_gate(graph: &Graph, id: NodeId, input: NodeId) -> bool {
    let node = graph.node(id);
    let broadcasts = matches!(node.op, Op::Multiply | Op::Add { .. });
    broadcasts && graph.node(input).shape.size() != node.shape.size()
}

fn after(graph: &Graph, id: NodeId, op: &Op, before: Field) -> Field {
    let input = || graph.input_shapes(id).first().copied().unwrap_or(Shape::vector(1));
    match op {
        Op::Conv(Conv { kernel, stride, padding, dilation, .. }) => {
            before.windowed(reach(*kernel, *dilation), *stride, *padding)
        }
        Op::Pool(Pool { kernel, stride, padding, dilation, .. }) => {
            before.windowed(reach(*kernel, *dilation), *stride, *padding)
        }
        Op::AdaptiveAvgPool { output } => {
            let size = input().size();
            Field {
                rows: before.rows.averaged(size.height, output.height),
                columns: before.columns.averaged(size.width, output.width),
                ..before
            }
        }
        Op::GlobalPool(_) | Op::Flatten => before.whole(input()),
        Op::Input(_)
        | Op::BatchNorm(_)
        | Op::Lrn(_)
        | Op::Activation(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Linear(_)
        | Op::Dropout { .. }
        | Op::Softmax
        | Op::ChannelShuffle { .. }
        | Op::Maximum
        | Op::DropPath { .. }
        | Op::Prelu { .. }
        | Op::Scale(_)
        | Op::Rescale(_) => before,
        Op::Norm(norm) => match norm.over {
            NormOver::Channels => before,
            NormOver::Groups(_) | NormOver::Instance => Field { is_gated: true, ..before },
        },
        Op::ConvTranspose(conv) if conv.stride == Size::square(1) => {
            let reach = reach(conv.kernel, conv.dilation);
            let before_of = |reach: u64, cut: u32| {
                u32::try_from(reach.saturating_sub(cut.into())).unwrap_or(u32::MAX)
            };
            let Padding { top, left, .. } = conv.padding;
            let padding = Padding {
                top: before_of(reach.0, top),
                left: before_of(reach.1, left),
                ..Padding::NONE
            };
            before.windowed(reach, Size::square(1), padding)
        }
        Op::ConvTranspose(conv) => before.enlarged(conv.stride),
        Op::Resize(_) => {
            let (from, to) = (input().size(), graph.node(id).shape.size());
            let factor = |from: u32, to: u32| if from == to { 1 } else { 0 };
            let factor = Size::new(factor(from.height, to.height), factor(from.width, to.width));
            before.enlarged(factor)
        }
        Op::Rearrange(rearrange) => rearranged(rearrange, before),
    }
}

fn rearranged(rearrange: &Rearrange, before: Field) -> Field {
    match *rearrange {
        Rearrange::Slice { axis, start, step, .. } => match axis {
            MapAxis::Channels => before,
            MapAxis::Height => Field { rows: before.rows.sliced(start, step), ..before },
            MapAxis::Width => Field { columns: before.columns.sliced(start, step), ..before },
        },
        Rearrange::Pad { padding, .. } => before.windowed((0, 0), Size::square(1), padding),
        Rearrange::SpaceToDepth { block, .. } => {
            let reach = u64::from(block.max(1) - 1);
            before.windowed((reach, reach), Size::square(block), Padding::NONE)
        }
        Rearrange::DepthToSpace { block, .. } => before.enlarged(Size::square(block)),
    }
}

/// Positions from the first to the last tap of a kernel.
fn reach(kernel: Size, dilation: Size) -> (u64, u64) {
    let along = |kernel: u32, dilation: u32| u64::from(kernel.max(1) - 1) * u64::from(dilation);
    (along(kernel.height, dilation.height), along(kernel.width, dilation.width))
}
