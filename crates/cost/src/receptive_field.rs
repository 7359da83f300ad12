//! What a value sees of the input image.

use inceptive_ir::{Conv, Graph, NodeId, Op, Padding, Pool, Shape, Size};

/// What one value of a feature map sees of the input image (Araujo et al. 2019, *Computing Receptive
/// Fields of Convolutional Neural Networks*). It reaches over the border where padding is large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceptiveField {
    /// Rows and columns of the input that a value depends on, padding included. Where branches join,
    /// the smallest rectangle that holds those of all branches.
    pub size: Size,
    /// How many rows and columns of the input lie between neighbouring values.
    pub stride: Size,
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

    fn length(self) -> u32 {
        let length = self.last.saturating_sub(self.first).saturating_add(1);
        u32::try_from(length).unwrap_or(u32::MAX)
    }

    fn step(self) -> u32 {
        u32::try_from(self.stride).unwrap_or(u32::MAX)
    }
}

#[derive(Clone, Copy, Debug)]
struct Field {
    rows: Axis,
    columns: Axis,
}

impl Field {
    fn windowed(self, reach: (u64, u64), stride: Size, padding: Padding) -> Self {
        Self {
            rows: self.rows.windowed(reach.0, stride.height, padding.top),
            columns: self.columns.windowed(reach.1, stride.width, padding.left),
        }
    }

    fn joined(self, other: Self) -> Self {
        Self { rows: self.rows.joined(other.rows), columns: self.columns.joined(other.columns) }
    }

    /// After one window over a whole map.
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
        let inputs = graph.inputs(id).into_iter().map(|input| fields[input.index()]);
        let pixel = Field { rows: Axis::PIXEL, columns: Axis::PIXEL };
        let before = inputs.reduce(Field::joined).unwrap_or(pixel);
        fields.push(after(graph, id, &node.op, before));
    }
    let public = |field: Field| ReceptiveField {
        size: Size::new(field.rows.length(), field.columns.length()),
        stride: Size::new(field.rows.step(), field.columns.step()),
    };
    fields.into_iter().map(public).collect()
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
