//! Receptive fields.

use std::fmt;

use inceptive_ir::{Conv, Graph, NodeId, Op, Padding, Pool, Shape, Size};

/// The receptive field of one value of a feature map: the part of the input image that it depends on (Araujo et al.
/// 2019, *Computing Receptive Fields of Convolutional Neural Networks*). It may extend beyond the border of the image
/// where padding is large.
///
/// Size and stride are those along the path of the map. A gate, a 1x1 map that is multiplied with a larger one as in
/// squeeze-and-excitation, depends on the whole image, and does not change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceptiveField {
    /// Rows and columns of the input that a value depends on, padding included. Where branches join,
    /// the smallest rectangle that holds those of all branches. None from 2^32 on.
    pub size: Option<Size>,
    /// How many rows and columns of the input lie between neighbouring values. None from 2^32 on.
    pub stride: Option<Size>,
    /// Whether a value also depends on the whole image, through a gate.
    pub is_gated: bool,
}

impl ReceptiveField {
    /// The larger side in pixels, if it can be counted.
    pub fn longest(&self) -> Option<u32> {
        self.size.map(|size| size.height.max(size.width))
    }
}

/// As `25x25, stride 2, and the whole image through a gate`.
impl fmt::Display for ReceptiveField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |f: &mut fmt::Formatter<'_>, side: Option<Size>| match side {
            Some(Size { height, width }) if height == width => write!(f, "{height}"),
            Some(size) => write!(f, "{size}"),
            None => f.write_str("2^32 or more"),
        };
        match self.size {
            Some(size) => write!(f, "{size}")?,
            None => side(f, None)?,
        }
        f.write_str(", stride ")?;
        side(f, self.stride)?;
        if self.is_gated {
            f.write_str(", and the whole image through a gate")?;
        }
        Ok(())
    }
}

/// One axis of a field: what the first value of a map sees, as positions on the input.
#[derive(Clone, Copy, Debug)]
struct Axis {
    first: i64,
    last: i64,
    stride: i64,
}

impl Axis {
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

    /// The smallest field that holds both.
    fn joined(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            stride: self.stride.max(other.stride),
        }
    }

    /// Positions saturate far above the displayed range, so a saturated length is `None`.
    fn length(self) -> Option<u32> {
        u32::try_from(self.last.saturating_sub(self.first).saturating_add(1)).ok()
    }

    fn step(self) -> Option<u32> {
        u32::try_from(self.stride).ok()
    }
}

#[derive(Clone, Copy, Debug)]
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

    fn joined(self, other: Self) -> Self {
        Self {
            rows: self.rows.joined(other.rows),
            columns: self.columns.joined(other.columns),
            is_gated: self.is_gated || other.is_gated,
        }
    }

    /// The field after one window over the complete map.
    fn whole(self, input: Shape) -> Self {
        let Size { height, width } = input.size();
        let reach = (u64::from(height.max(1)) - 1, u64::from(width.max(1)) - 1);
        self.windowed(reach, input.size(), Padding::NONE)
    }
}

/// The receptive field of every node, in execution order.
pub(crate) fn receptive_fields(graph: &Graph) -> Vec<ReceptiveField> {
    let mut fields: Vec<Field> = Vec::with_capacity(graph.len());
    for (id, node) in graph.nodes() {
        let pixel = Field { rows: Axis::PIXEL, columns: Axis::PIXEL, is_gated: false };
        let inputs = graph.inputs(id);
        let is_gate = |input: &&NodeId| is_gate(graph, id, **input);
        let map = inputs.iter().filter(|input| !is_gate(input)).map(|input| fields[input.index()]);
        let mut before = map.reduce(Field::joined).unwrap_or(pixel);
        before.is_gated |= inputs.iter().any(|input| is_gate(&input));
        fields.push(after(graph, id, &node.op, before));
    }
    let size = |rows: Option<u32>, columns: Option<u32>| Some(Size::new(rows?, columns?));
    let public = |field: Field| ReceptiveField {
        size: size(field.rows.length(), field.columns.length()),
        stride: size(field.rows.step(), field.columns.step()),
        is_gated: field.is_gated,
    };
    fields.into_iter().map(public).collect()
}

/// Whether an input of a node is multiplied over a larger map.
fn is_gate(graph: &Graph, id: NodeId, input: NodeId) -> bool {
    let node = graph.node(id);
    matches!(node.op, Op::Multiply) && graph.node(input).shape.size() != node.shape.size()
}

fn after(graph: &Graph, id: NodeId, op: &Op, before: Field) -> Field {
    let input = || graph.input_shapes(id).first().copied().unwrap_or(Shape::vector(1));
    match op {
        Op::Conv(Conv { kernel, stride, padding, dilation, .. }) => {
            before.windowed(reach(*kernel, *dilation), *stride, *padding)
        }
        Op::Pool(Pool { kernel, stride, padding, .. }) => {
            before.windowed(reach(*kernel, Size::square(1)), *stride, *padding)
        }
        Op::AdaptiveAvgPool { output } => {
            let size = input().size();
            // The largest window; windows of different sizes have no exact stride.
            let window =
                Size::new(size.height.div_ceil(output.height), size.width.div_ceil(output.width));
            before.windowed(reach(window, Size::square(1)), window, Padding::NONE)
        }
        Op::GlobalPool(_) | Op::Flatten => before.whole(input()),
        Op::Input(_)
        | Op::BatchNorm(_)
        | Op::Lrn(_)
        | Op::Activation(_)
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Linear(_)
        | Op::Dropout { .. }
        | Op::Softmax
        | Op::ChannelShuffle { .. } => before,
    }
}

/// Positions from the first to the last tap of a kernel.
fn reach(kernel: Size, dilation: Size) -> (u64, u64) {
    let along = |kernel: u32, dilation: u32| u64::from(kernel.max(1) - 1) * u64::from(dilation);
    (along(kernel.height, dilation.height), along(kernel.width, dilation.width))
}
