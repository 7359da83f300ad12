//! Parts of results.

use inceptive_ir::{Axis, Interpolation, Op, Rearrange, Resize, ResizeTo, Size};

use crate::{
    import::{
        attribute::{int, whole},
        constant::Constant,
        error::UnsupportedOp,
        fold::Steps,
        importer::{Importer, Value},
        layout::{self, Layout},
    },
    proto::NodeProto,
};

use super::join::axis;

/// Maximum number of runs of channels that are put together in another order.
const MAX_RUNS: usize = 16;

impl Importer {
    pub(super) fn slice(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let (mut source, mut layout) = self.operand(node, 0)?;
        let sizes: Vec<usize> =
            layout.sizes().into_iter().map(usize::try_from).collect::<Result<_, _>>()?;
        let ranges = self.ranges(node, &sizes)?;
        // Our files have no slice without a reason.
        let kept = match self.is_ours {
            true => self.ints(node, "axes", 3)?.and_then(|axes| axes.first().copied()),
            false => None,
        };
        for (at, (steps, size)) in ranges.into_iter().zip(sizes).enumerate() {
            if !steps.is_all(size) || kept.is_some_and(|kept| usize::try_from(kept) == Ok(at)) {
                (source, layout) = self.sliced(node, source, layout, at, steps)?;
            }
        }
        Ok(self.viewed(source, layout))
    }

    /// Some positions of a dimension.
    fn sliced(
        &mut self,
        node: &NodeProto,
        source: usize,
        layout: Layout,
        at: usize,
        steps: Steps,
    ) -> Result<(usize, Layout), UnsupportedOp> {
        if steps.count == 0 {
            return Err(UnsupportedOp::because("of nothing"));
        }
        if steps.step < 0 {
            return self.picked_out(node, source, layout, at, &steps.positions());
        }
        let shape = self.drafts[source].shape;
        let axis = axis_of(&layout, at, shape)?;
        let step = if steps.count == 1 { 1 } else { u32::try_from(steps.step)? };
        let (start, count) = (whole(steps.start)?, whole(steps.count)?);
        let op = Op::Rearrange(Rearrange::Slice { axis, start, count, step });
        let Value::Node(slice) = self.push(node, op, vec![source], vec![])? else {
            return Err(UnsupportedOp::because("of something that is no result"));
        };
        self.relaid_by(source, slice, &layout)
    }

    /// The layout of a result for another one that has other lengths.
    fn relaid_by(
        &self,
        from: usize,
        to: usize,
        layout: &Layout,
    ) -> Result<(usize, Layout), UnsupportedOp> {
        let resized = layout.resized(self.drafts[from].shape, self.drafts[to].shape);
        let refusal = || UnsupportedOp::because("of part of an axis");
        resized.map(|layout| (to, layout)).ok_or_else(refusal)
    }

    /// Positions of a dimension in any order, as runs that are put together.
    fn picked_out(
        &mut self,
        node: &NodeProto,
        source: usize,
        layout: Layout,
        at: usize,
        positions: &[usize],
    ) -> Result<(usize, Layout), UnsupportedOp> {
        let runs = runs(positions);
        if let [only] = runs[..] {
            return self.sliced(node, source, layout, at, only);
        }
        if axis_of(&layout, at, self.drafts[source].shape)? != Axis::Channels
            || runs.len() > MAX_RUNS
        {
            return Err(UnsupportedOp::because("of positions that are not evenly spaced"));
        }
        let parts: Vec<usize> = runs
            .into_iter()
            .map(|run| Ok(self.sliced(node, source, layout.clone(), at, run)?.0))
            .collect::<Result<_, UnsupportedOp>>()?;
        match self.push(node, Op::Concat, parts, vec![])? {
            Value::Node(draft) => self.relaid_by(source, draft, &layout),
            _ => Err(UnsupportedOp::because("of something that is no result")),
        }
    }

    /// The parts of a result that a node cuts it into, one for each of its outputs.
    pub(super) fn split(&mut self, node: &NodeProto) -> Result<Vec<Value>, UnsupportedOp> {
        if let Value::Constant(constant) = self.input(node, 0)? {
            return self.split_constant(node, &constant);
        }
        let (source, layout) = self.operand(node, 0)?;
        let at = axis(int(node, "axis").unwrap_or(0), layout.rank())?;
        let size = usize::try_from(layout.sizes()[at])?;
        let parts = self.parts(node, size)?;
        let mut start = 0;
        let mut values = Vec::with_capacity(parts.len());
        for (count, output) in parts.into_iter().zip(&node.output) {
            let steps = Steps { start, count, step: 1 };
            start += count;
            values.push(if steps.is_all(size) {
                self.viewed(source, layout.clone())
            } else if output.is_empty() || !self.reads.contains_key(output) {
                Value::Unknown
            } else {
                let (part, layout) = self.sliced(node, source, layout.clone(), at, steps)?;
                self.viewed(part, layout)
            });
        }
        Ok(values)
    }

    /// The parts of a constant, such as the matrices of an attention that are one tensor in the file.
    fn split_constant(
        &mut self,
        node: &NodeProto,
        constant: &Constant,
    ) -> Result<Vec<Value>, UnsupportedOp> {
        let at = axis(int(node, "axis").unwrap_or(0), constant.dims.len())?;
        let parts = self.parts(node, constant.dims[at])?;
        let refusal = || UnsupportedOp::because("of constants that do not fit each other");
        let mut start = 0;
        let mut values = Vec::with_capacity(parts.len());
        for (count, output) in parts.into_iter().zip(&node.output) {
            let part = start..start + count;
            start += count;
            values.push(if output.is_empty() || !self.reads.contains_key(output) {
                Value::Unknown
            } else {
                Value::Constant(self.part(constant, at, part)?.ok_or_else(refusal)?)
            });
        }
        Ok(values)
    }

    /// How many positions each part of a split has.
    fn parts(&self, node: &NodeProto, size: usize) -> Result<Vec<usize>, UnsupportedOp> {
        let parts = match self.ints(node, "split", 1)? {
            Some(parts) => parts.into_iter().map(usize::try_from).collect::<Result<Vec<_>, _>>()?,
            None => {
                let count = match int(node, "num_outputs") {
                    Some(count) => usize::try_from(count)?,
                    None => node.output.len(),
                };
                let part = size.div_ceil(count.max(1));
                (0..count).map(|at| part.min(size.saturating_sub(at * part))).collect()
            }
        };
        if parts.iter().try_fold(0_usize, |sum, &part| sum.checked_add(part)) != Some(size) {
            return Err(UnsupportedOp::because("into parts that are not all of it"));
        }
        Ok(parts)
    }

    /// Positions of an axis of a result.
    pub(super) fn gather(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let indices = self.constant_input(node, 1)?;
        let refusal = || UnsupportedOp::because("of positions that are no integers");
        let wanted = indices.to_ints().ok_or_else(refusal)?;
        if let Value::NearestRows(source, rows) = self.input(node, 0)? {
            return self.nearest_columns(node, source, rows, &wanted);
        }
        // Positions of the first dimension, each as a vector of one number, are those of a plain gather.
        let is_nd = node.op_type == "GatherND";
        let positions_dims = match &indices.dims[..] {
            &[count, 1] if is_nd && int(node, "batch_dims").unwrap_or(0) == 0 => vec![count],
            _ if is_nd => return Err(UnsupportedOp::because("of single values")),
            dims => dims.to_vec(),
        };
        let (source, layout) = self.operand(node, 0)?;
        let at = axis(int(node, "axis").unwrap_or(0), layout.rank())?;
        let (size, rank) = (layout.sizes()[at], layout.rank());
        let position = |&index: &i64| {
            let index = if index < 0 { index.saturating_add(size) } else { index };
            usize::try_from(index).ok().filter(|_| index < size)
        };
        let positions: Option<Vec<usize>> = wanted.iter().map(position).collect();
        let missing = || UnsupportedOp::because("of a position that there is not");
        let positions = positions.ok_or_else(missing)?;
        let map = self.drafts[source].shape.size();
        let is_map = indices.dims.len() == 1 && rank == 4 && layout == self.layout(source);
        let stretches = self.is_ours || positions.len() > usize::try_from(size)?;
        if is_map && at == 2 && stretches && is_nearest(map.height, &positions) {
            return Ok(Value::NearestRows(source, whole(positions.len())?));
        }
        if is_map && at == 3 && stretches && is_nearest(map.width, &positions) {
            return self.nearest_columns(node, source, map.height, &wanted);
        }
        let all: Vec<usize> = (0..usize::try_from(size)?).collect();
        let (part, layout) = match positions == all {
            true => (source, layout),
            false => self.picked_out(node, source, layout, at, &positions)?,
        };
        let layout = match positions_dims.len() {
            0 => layout.without(at),
            1 => Some(layout),
            _ => None,
        };
        let refusal = || UnsupportedOp::because("to more dimensions");
        Ok(self.viewed(part, layout.ok_or_else(refusal)?))
    }

    /// The second half of a change of size that is written as two gathers.
    fn nearest_columns(
        &mut self,
        node: &NodeProto,
        source: usize,
        rows: u32,
        columns: &[i64],
    ) -> Result<Value, UnsupportedOp> {
        let columns: Vec<usize> =
            columns.iter().map(|&at| usize::try_from(at)).collect::<Result<_, _>>()?;
        let width = self.drafts[source].shape.size().width;
        if int(node, "axis") != Some(3) || !is_nearest(width, &columns) {
            return Err(UnsupportedOp::because("of rows that were gathered"));
        }
        let to = ResizeTo::Size(Size::new(rows, whole(columns.len())?));
        let op = Op::Resize(Resize { to, mode: Interpolation::Nearest });
        self.push(node, op, vec![source], vec![])
    }
}

/// The axis of ours that a dimension is.
fn axis_of(layout: &Layout, at: usize, shape: inceptive_ir::Shape) -> Result<Axis, UnsupportedOp> {
    match layout.axis(at, shape) {
        Some(layout::Axis::Channels) => Ok(Axis::Channels),
        Some(layout::Axis::Height) => Ok(Axis::Height),
        Some(layout::Axis::Width) => Ok(Axis::Width),
        Some(layout::Axis::Batch) => Err(UnsupportedOp::because("along the batch")),
        None => {
            Err(UnsupportedOp::because("along a dimension that is not one whole axis of a map"))
        }
    }
}

/// Positions as runs that are evenly spaced and go forwards.
fn runs(positions: &[usize]) -> Vec<Steps> {
    let mut runs: Vec<Steps> = Vec::new();
    for &position in positions {
        if let Some(run) = runs.last_mut() {
            let last = i64::try_from(run.start).unwrap_or(0)
                + run.step * i64::try_from(run.count - 1).unwrap_or(0);
            let step = i64::try_from(position).unwrap_or(0) - last;
            if step > 0 && (run.count == 1 || run.step == step) {
                *run = Steps { count: run.count + 1, step, ..*run };
                continue;
            }
        }
        runs.push(Steps { start: position, count: 1, step: 1 });
    }
    runs
}

/// Whether positions are the nearest ones, rounded down, of a length that is stretched to theirs.
fn is_nearest(from: u32, positions: &[usize]) -> bool {
    let (from, to) = (from as usize, positions.len());
    positions.iter().enumerate().all(|(index, &at)| at == index * from / to)
}
