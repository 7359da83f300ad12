//! Poolings.

use inceptive_ir::{Activation, Op, PadMode, Padding, Pool, PoolKind, Rearrange, Shape, Size};

use crate::{
    export::{averages, averages_across},
    import::{
        attribute::{flag, int, size},
        constant::Constant,
        error::UnsupportedOp,
        importer::{Draft, Importer, Value},
        layout::{Axis, Layout},
        math::{Function, Operand},
    },
    proto::NodeProto,
};

use super::{
    join::axis,
    padding::{added, grown, padding, reach},
};

/// Maximum number of values of a matrix that may be one of averages.
const MAX_AVERAGES: usize = 1 << 24;

impl Importer {
    pub(super) fn pool(
        &mut self,
        node: &NodeProto,
        kind: PoolKind,
    ) -> Result<Value, UnsupportedOp> {
        if kind == PoolKind::Average
            && let Value::Math(math) = self.input(node, 0)?
            && let Some(source) = self.squared(Operand::Math(math))
        {
            return self.pool_of_squares(node, source);
        }
        let (source, before) = match (kind, self.input(node, 0)?) {
            (PoolKind::Average, Value::Padded(source, padding)) => (source, padding),
            (PoolKind::Max, Value::Padded(source, padding)) if self.is_positive(source) => {
                return self.pool_of_padded(node, source, padding);
            }
            (PoolKind::Max, Value::Node(source)) => self.without_own_padding(node, source),
            _ => (self.source(node, 0)?, Padding::NONE),
        };
        if kind == PoolKind::L2 && int(node, "p").unwrap_or(2) != 2 {
            return Err(UnsupportedOp::because("with a norm other than the second"));
        }
        let op = self.windows(node, kind, source, before)?;
        match op {
            Op::Pool(pool) if kind == PoolKind::L2 => self.sum_of_squares(node, pool, source),
            op => self.push(node, op, vec![source], vec![]),
        }
    }

    /// The result before the padding that our exports write in front of a maximum, and that padding.
    fn without_own_padding(&self, node: &NodeProto, source: usize) -> (usize, Padding) {
        let Draft { op, path, inputs, is_read_again, .. } = &self.drafts[source];
        match (op, &inputs[..]) {
            (&Op::Rearrange(Rearrange::Pad { padding, mode }), &[inner])
                if self.is_ours
                    && !is_read_again
                    && mode == PadMode::Constant(f32::NEG_INFINITY)
                    && *path == self.path(node, "", None) =>
            {
                (inner, padding)
            }
            _ => (source, Padding::NONE),
        }
    }

    /// An L2 pooling. Zeros add nothing to its sums, so that windows that are rounded up are those of a map with padding; a
    /// padding that is more than a window may have is a node of its own.
    fn sum_of_squares(
        &mut self,
        node: &NodeProto,
        pool: Pool,
        source: usize,
    ) -> Result<Value, UnsupportedOp> {
        let shape = self.drafts[source].shape;
        if Op::Pool(pool).infer(&[shape]).is_ok() || pool.padding == Padding::NONE {
            return self.push(node, Op::Pool(pool), vec![source], vec![]);
        }
        let (padding, mode) = (pool.padding, PadMode::Constant(0.0));
        let op = Op::Rearrange(Rearrange::Pad { padding, mode });
        let path = self.path(node, op.name(), None);
        let padded = self.draft(path, op, vec![source], vec![])?;
        let pool = Pool { padding: Padding::NONE, ..pool };
        self.push(node, Op::Pool(pool), vec![padded], vec![])
    }

    /// The mean of squares, as the square of an L2 pooling over their number. It is a part of that pooling as PyTorch
    /// exports it, and nothing else here.
    fn pool_of_squares(&mut self, node: &NodeProto, source: usize) -> Result<Value, UnsupportedOp> {
        let op = self.windows(node, PoolKind::Average, source, Padding::NONE)?;
        let refusal = || UnsupportedOp::because("of squares over windows of different sizes");
        let Op::Pool(pool) = op else { return Err(refusal()) };
        if pool.ceil || pool.padding != Padding::NONE && !pool.count_include_pad {
            return Err(refusal());
        }
        let norm = Pool { kind: PoolKind::L2, count_include_pad: false, ..pool };
        let path = self.path(node, "l2pool", None);
        let pooled = self.draft(path, Op::Pool(norm), vec![source], vec![])?;
        let layout = self.layout(pooled);
        let operands = vec![Operand::Draft(pooled), Operand::Number(2.0)];
        let Value::Math(squares) = self.keep_math(node, Function::Pow, operands, layout.clone())?
        else {
            return Err(refusal());
        };
        let Size { height, width } = pool.kernel;
        #[expect(clippy::cast_precision_loss, reason = "a number of pixels")]
        let count = (u64::from(height) * u64::from(width)) as f32;
        let operands = vec![Operand::Math(squares), Operand::Number(count)];
        self.keep_math(node, Function::Div, operands, layout)
    }

    /// A pooling as an operator of ours, of a result with padding before.
    fn windows(
        &self,
        node: &NodeProto,
        kind: PoolKind,
        source: usize,
        before: Padding,
    ) -> Result<Op, UnsupportedOp> {
        let dilation = size(node, "dilations")?;
        if node.output.get(1).is_some_and(|indices| self.reads.contains_key(indices)) {
            return Err(UnsupportedOp::because("whose indices are used"));
        }
        let (kernel, stride) = (size(node, "kernel_shape")?, size(node, "strides")?);
        let from = self.drafts[source].shape.size();
        if self.is_ours && before == Padding::NONE && is_grid(node, kind, from) {
            let output = Size::new(from.height / stride.height, from.width / stride.width);
            return Ok(Op::AdaptiveAvgPool { output });
        }
        let padded = grown(from, before)?;
        let window =
            Size::new(reach(kernel.height, dilation.height)?, reach(kernel.width, dilation.width)?);
        let own = padding(node, padded, window, stride)?;
        let counts = kind == PoolKind::Average && flag(node, "count_include_pad", false)?;
        if before != Padding::NONE && own != Padding::NONE && !counts {
            return Err(UnsupportedOp::because("with padding of two kinds"));
        }
        let padding = added(own, before)?;
        let ceil = flag(node, "ceil_mode", false)?;
        let is_average = kind == PoolKind::Average;
        let count_include_pad =
            is_average && (counts && padding != Padding::NONE || before != Padding::NONE);
        let pool = Pool { kind, kernel, stride, dilation, padding, ceil, count_include_pad };
        if kind == PoolKind::L2 && ceil {
            let to = Op::Pool(pool).infer(&[Shape::map(1, from.height, from.width)])?;
            let padding = pool.whole_padding(from, to.size());
            return Ok(Op::Pool(Pool { padding, ceil: false, ..pool }));
        }
        // The last window may start in padding that is a node of its own, but not in that of a window.
        let windows = |pool: Pool, from: Size| {
            let output = Op::Pool(pool).infer(&[Shape::map(1, from.height, from.width)]);
            Ok::<Size, UnsupportedOp>(output?.size())
        };
        if before != Padding::NONE
            && kind != PoolKind::Max
            && windows(pool, from)? != windows(Pool { padding: own, ..pool }, padded)?
        {
            return Err(UnsupportedOp::because("whose last window starts in padding"));
        }
        // Our exports write rounding up as padding below and to the right.
        Ok(Op::Pool(pool.rounded_up(from)))
    }

    /// One window over the whole map, as the language has it.
    pub(super) fn global_l2_pool(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let source = self.source(node, 0)?;
        let kernel = self.drafts[source].shape.size();
        let pool = Pool {
            kind: PoolKind::L2,
            kernel,
            stride: kernel,
            dilation: Size::square(1),
            padding: Padding::NONE,
            ceil: false,
            count_include_pad: false,
        };
        self.push(node, Op::Pool(pool), vec![source], vec![])
    }

    /// Whether a result has nothing below zero, so that zeros around it never are its maximum alone.
    fn is_positive(&self, draft: usize) -> bool {
        matches!(
            self.drafts[draft].op,
            Op::Activation(
                Activation::Relu
                    | Activation::Relu6
                    | Activation::Sigmoid
                    | Activation::HardSigmoid
                    | Activation::Softplus
            )
        )
    }

    /// The maximum over windows of a map that has nothing below zero, with zeros around it.
    fn pool_of_padded(
        &mut self,
        node: &NodeProto,
        source: usize,
        before: Padding,
    ) -> Result<Value, UnsupportedOp> {
        let (kernel, stride) = (size(node, "kernel_shape")?, size(node, "strides")?);
        let dilation = size(node, "dilations")?;
        let own = padding(node, grown(self.drafts[source].shape.size(), before)?, kernel, stride)?;
        let padding = added(own, before)?;
        let kind = PoolKind::Max;
        let (ceil, count_include_pad) = (false, false);
        let pool = Pool { kind, kernel, stride, dilation, padding, ceil, count_include_pad };
        let is_plain = own == Padding::NONE
            && !flag(node, "ceil_mode", false)?
            && dilation == Size::square(1)
            && node.output.get(1).is_none_or(|indices| !self.reads.contains_key(indices));
        // Every window needs a pixel of the map.
        if is_plain && Op::Pool(pool).infer(&[self.drafts[source].shape]).is_ok() {
            return self.push(node, Op::Pool(pool), vec![source], vec![]);
        }
        self.source(node, 0)?;
        self.pool(node, PoolKind::Max)
    }

    /// A reduction over height and width is global pooling; without those dimensions, flattened too. One over the channels
    /// leaves one of them.
    pub(super) fn reduce(
        &mut self,
        node: &NodeProto,
        kind: PoolKind,
    ) -> Result<Value, UnsupportedOp> {
        if let Value::Math(_) = self.input(node, 0)? {
            return self.reduced_math(node, kind);
        }
        let (mut source, mut layout) = self.operand(node, 0)?;
        let rank = layout.rank();
        let mut axes: Vec<usize> = match self.ints(node, "axes", 1)? {
            None => return Err(UnsupportedOp::because("over all dimensions")),
            Some(axes) => axes.iter().map(|&at| axis(at, rank)).collect::<Result<_, _>>()?,
        };
        axes.sort_unstable();
        axes.dedup();
        let shape = self.drafts[source].shape;
        let keeps = flag(node, "keepdims", true)?;
        let is_map = matches!(shape, Shape::Map { .. });
        // A single channel is one that a file can be meant to take a maximum of, too.
        let is_over_channels = axes.len() == 1 && layout.channels(shape) == Some(axes[0])
            || axes == [1] && is_map && layout == self.layout(source);
        if is_over_channels && kind == PoolKind::Average && keeps {
            return self.channel_mean(node, axes[0]);
        }
        // The axes of ours that they are.
        let refusal = || {
            UnsupportedOp::because("over other axes than the channels, or than height and width")
        };
        let mut over = Vec::new();
        for &at in &axes {
            over.extend(layout.axes(at, shape).ok_or_else(refusal)?);
        }
        let is_over_channels = is_over_channels && is_map;
        let is_plane = |axis: &Axis| matches!(axis, Axis::Height | Axis::Width);
        if !is_over_channels && !over.iter().all(is_plane) {
            return Err(refusal());
        }
        let is_single = |axis, length: u32| length == 1 || over.contains(&axis);
        let size = shape.size();
        let all = is_single(Axis::Height, size.height) && is_single(Axis::Width, size.width);
        if is_over_channels {
            let op = match kind {
                PoolKind::Max => Op::ChannelMax,
                PoolKind::Average | PoolKind::L2 => Op::ChannelMean,
            };
            (source, layout) = self.reduced_to(node, source, layout, op)?;
        } else if is_map && (all && size != Size::square(1) || axes == [2, 3]) {
            (source, layout) = self.reduced_to(node, source, layout, Op::GlobalPool(kind))?;
        } else if !over.is_empty() {
            (source, layout) =
                self.reduced_axis(node, source, layout, kind, over.contains(&Axis::Height))?;
        }
        if keeps {
            return Ok(self.viewed(source, layout));
        }
        let squeezed = axes.iter().rev().try_fold(layout, |layout, &at| layout.without(at));
        let refusal = || UnsupportedOp::because("of the batch");
        let path = self.path(node, Op::Flatten.name(), None);
        self.formed(path, source, squeezed.ok_or_else(refusal)?)
    }

    /// The mean or maximum over rows or over columns alone. What is left of a mean over both is a mean over all.
    fn reduced_axis(
        &mut self,
        node: &NodeProto,
        source: usize,
        layout: Layout,
        kind: PoolKind,
        over_rows: bool,
    ) -> Result<(usize, Layout), UnsupportedOp> {
        let size = self.drafts[source].shape.size();
        let kernel = match over_rows {
            true => Size::new(size.height, 1),
            false => Size::new(1, size.width),
        };
        let (stride, dilation, padding) = (kernel, Size::square(1), Padding::NONE);
        let (ceil, count_include_pad) = (false, false);
        let pool = Pool { kind, kernel, stride, dilation, padding, ceil, count_include_pad };
        self.reduced_to(node, source, layout, Op::Pool(pool))
    }

    /// A pooling whose result has fewer pixels. One of all that another of the same kind left is one of all.
    fn reduced_to(
        &mut self,
        node: &NodeProto,
        source: usize,
        layout: Layout,
        op: Op,
    ) -> Result<(usize, Layout), UnsupportedOp> {
        let shape = self.drafts[source].shape;
        let before = &self.drafts[source];
        let from = match (&op, &before.op) {
            (Op::GlobalPool(kind), Op::Pool(pool))
                if pool.kind == *kind
                    && *kind != PoolKind::L2
                    && pool.padding == Padding::NONE
                    && pool.kernel == pool.stride
                    && is_row_or_column(
                        pool.kernel,
                        self.drafts[before.inputs[0]].shape.size(),
                    ) =>
            {
                before.inputs[0]
            }
            _ => source,
        };
        let Value::Node(pooled) = self.push(node, op, vec![from], vec![])? else {
            return Err(UnsupportedOp::because("of something that is no result"));
        };
        let resized = layout.resized(shape, self.drafts[pooled].shape);
        let refusal = || UnsupportedOp::because("over part of an axis");
        Ok((pooled, resized.ok_or_else(refusal)?))
    }

    /// The sum over height and width, as a mean times the number of pixels.
    pub(super) fn reduce_sum(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let before = match self.input(node, 0)? {
            Value::Math(_) => return Err(UnsupportedOp::because("of arithmetic")),
            _ => self.operand(node, 0)?.1.sizes(),
        };
        let axes = self.ints(node, "axes", 1)?.unwrap_or_default();
        let count: i64 = axes
            .iter()
            .map(|&at| axis(at, before.len()).map(|at| before[at]))
            .product::<Result<i64, _>>()?;
        let mean = self.reduce(node, PoolKind::Average)?;
        #[expect(clippy::cast_precision_loss, reason = "a number of pixels")]
        let count = count as f32;
        match mean {
            Value::Node(source) => {
                let layout = self.layout(source);
                self.scaled(node, source, layout, count)
            }
            Value::View(source, layout) => self.scaled(node, source, layout, count),
            Value::Math(math) => {
                let refusal = || UnsupportedOp::because("over the channels");
                let (source, layout) = self.math_result(math).ok_or_else(refusal)?;
                self.scaled(node, source, layout, count)
            }
            _ => Err(UnsupportedOp::because("over the channels")),
        }
    }

    /// A mean over the channels of arithmetic, as in a normalisation that is spelled out.
    fn reduced_math(&mut self, node: &NodeProto, kind: PoolKind) -> Result<Value, UnsupportedOp> {
        let Value::Math(math) = self.input(node, 0)? else {
            return Err(UnsupportedOp::because("of something that is no arithmetic"));
        };
        let axes = self.ints(node, "axes", 1)?.unwrap_or_default();
        let is_mean = kind == PoolKind::Average && flag(node, "keepdims", true)?;
        match axes[..] {
            [at] if is_mean && self.is_channel_axis(math, at) => {
                let rank = self.maths[math].sizes().len();
                self.channel_mean(node, axis(at, rank)?)
            }
            _ => Err(self.unfinished(math)),
        }
    }

    /// The first of the two products that adaptive pooling is written as.
    pub(super) fn average_rows(
        &self,
        matrix: &Constant,
        source: usize,
    ) -> Result<Value, UnsupportedOp> {
        let Shape::Map { size, .. } = self.drafts[source].shape else {
            return Err(UnsupportedOp::because("of a vector from the left"));
        };
        // A stack of matrices would be another product, of a map for each of them.
        let [rows, from] = sizes(matrix).unwrap_or_default();
        let is_average = rows > 0
            && from == size.height
            && matrix.splatted().is_none()
            && matrix.len() <= MAX_AVERAGES
            && matrix.floats().is_some_and(|values| values == averages(from, rows));
        if is_average {
            Ok(Value::Rows(source, rows))
        } else {
            Err(UnsupportedOp::because("from the left"))
        }
    }

    pub(super) fn average_columns(
        &mut self,
        node: &NodeProto,
        source: usize,
        rows: u32,
        matrix: &Constant,
    ) -> Result<Value, UnsupportedOp> {
        let [from, columns] = sizes(matrix).unwrap_or_default();
        let is_average = columns > 0
            && from == self.drafts[source].shape.size().width
            && matrix.splatted().is_none()
            && matrix.len() <= MAX_AVERAGES
            && matrix.floats().is_some_and(|values| values == averages_across(from, columns));
        if !is_average {
            return Err(UnsupportedOp::because("of averages over rows"));
        }
        let op = Op::AdaptiveAvgPool { output: Size::new(rows, columns) };
        self.push(node, op, vec![source], vec![])
    }
}

/// Whether a window is all of a row or all of a column.
fn is_row_or_column(window: Size, map: Size) -> bool {
    window == Size::new(1, map.width) || window == Size::new(map.height, 1)
}

/// Rows and columns of a matrix; nothing else has them.
fn sizes(matrix: &Constant) -> Option<[u32; 2]> {
    let &[rows, columns] = matrix.dims.as_slice() else { return None };
    Some([rows.try_into().ok()?, columns.try_into().ok()?])
}

/// Whether a pooling is how our exports write adaptive pooling: averages over a grid that divides the map, without the
/// attributes that other poolings are written with. Any program can claim to be the producer of a file.
fn is_grid(node: &NodeProto, kind: PoolKind, from: Size) -> bool {
    let is_plain = kind == PoolKind::Average
        && node.attribute.iter().all(|it| matches!(&*it.name, "kernel_shape" | "strides"));
    let (kernel, stride) = (size(node, "kernel_shape"), size(node, "strides"));
    is_plain
        && kernel == stride
        && kernel.is_ok_and(|kernel| {
            from.height.is_multiple_of(kernel.height) && from.width.is_multiple_of(kernel.width)
        })
}
