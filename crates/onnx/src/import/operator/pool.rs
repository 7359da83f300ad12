//! Poolings.

use inceptive_ir::{Op, Padding, Pool, PoolKind, Shape, Size};

use crate::{
    export::{averages, averages_across},
    import::{
        attribute::{flag, size},
        constant::Constant,
        error::UnsupportedOp,
        importer::{Importer, Value},
    },
    proto::NodeProto,
};

use super::padding::{added, grown, padding};

impl Importer {
    pub(super) fn pool(
        &mut self,
        node: &NodeProto,
        kind: PoolKind,
    ) -> Result<Value, UnsupportedOp> {
        let (source, before) = match (kind, self.input(node, 0)?) {
            (PoolKind::Average, Value::Padded(source, padding)) => (source, padding),
            _ => (self.source(node, 0)?, Padding::NONE),
        };
        if size(node, "dilations")? != Size::square(1) {
            return Err(UnsupportedOp::because("with dilation"));
        }
        if node.output.get(1).is_some_and(|indices| self.reads.contains_key(indices)) {
            return Err(UnsupportedOp::because("whose indices are used"));
        }
        let (kernel, stride) = (size(node, "kernel_shape")?, size(node, "strides")?);
        let from = self.drafts[source].shape.size();
        if self.is_ours && before == Padding::NONE && is_grid(node, kind, from) {
            let output = Size::new(from.height / stride.height, from.width / stride.width);
            return self.push(node, Op::AdaptiveAvgPool { output }, vec![source], vec![]);
        }
        let padded = grown(from, before)?;
        let own = padding(node, padded, kernel, stride)?;
        let counts = kind == PoolKind::Average && flag(node, "count_include_pad", false)?;
        if before != Padding::NONE && own != Padding::NONE && !counts {
            return Err(UnsupportedOp::because("with padding of two kinds"));
        }
        let padding = added(own, before)?;
        let ceil = flag(node, "ceil_mode", false)?;
        let count_include_pad = counts && padding != Padding::NONE || before != Padding::NONE;
        let pool = Pool { kind, kernel, stride, padding, ceil, count_include_pad };
        // The last window may start in padding that is a node of its own, but not in that of a window.
        let windows = |pool: Pool, from: Size| {
            let output = Op::Pool(pool).infer(&[Shape::map(1, from.height, from.width)]);
            Ok::<Size, UnsupportedOp>(output?.size())
        };
        if before != Padding::NONE
            && windows(pool, from)? != windows(Pool { padding: own, ..pool }, padded)?
        {
            return Err(UnsupportedOp::because("whose last window starts in padding"));
        }
        let op = Op::Pool(rounded_up(pool, from));
        self.push(node, op, vec![source], vec![])
    }

    /// A reduction over height and width is global pooling; without those dimensions, flattened too.
    pub(super) fn reduce(
        &mut self,
        node: &NodeProto,
        kind: PoolKind,
    ) -> Result<Value, UnsupportedOp> {
        let axes = self.ints(node, "axes", 1)?.unwrap_or_default();
        let mut axes: Vec<i64> =
            axes.into_iter().map(|axis| if axis < 0 { axis + 4 } else { axis }).collect();
        axes.sort_unstable();
        if axes != [2, 3] {
            return Err(UnsupportedOp::because("over axes other than height and width"));
        }
        let keeps_dims = flag(node, "keepdims", true)?;
        let pooled = self.unary(node, Op::GlobalPool(kind))?;
        match pooled {
            Value::Node(source) if !keeps_dims => {
                self.push(node, Op::Flatten, vec![source], vec![])
            }
            _ => Ok(pooled),
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
            && matrix.floats().is_some_and(|values| values == averages_across(from, columns));
        if !is_average {
            return Err(UnsupportedOp::because("of averages over rows"));
        }
        let op = Op::AdaptiveAvgPool { output: Size::new(rows, columns) };
        self.push(node, op, vec![source], vec![])
    }
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

/// Our exports write rounding up as padding below and to the right; this turns it back into rounding up if the windows
/// are the same. Padding never affects a maximum, nor an average over real values only.
fn rounded_up(pool: Pool, from: Size) -> Pool {
    let Padding { top, left, bottom, right } = pool.padding;
    let padding = Padding::symmetric(Size::new(top, left));
    let candidate = Pool { padding, ceil: true, ..pool };
    let windows = |from: u32, pads: [u32; 2], kernel: u32, stride: u32| {
        let room = u64::from(from) + u64::from(pads[0]) + u64::from(pads[1]);
        room.checked_sub(u64::from(kernel)).map(|room| room / u64::from(stride) + 1)
    };
    let rows = windows(from.height, [top, bottom], pool.kernel.height, pool.stride.height);
    let columns = windows(from.width, [left, right], pool.kernel.width, pool.stride.width);
    let shape = Op::Pool(candidate).infer(&[Shape::map(1, from.height, from.width)]).ok();
    let gives_same = shape.is_some_and(|shape| {
        let size = shape.size();
        (Some(u64::from(size.height)), Some(u64::from(size.width))) == (rows, columns)
    });
    let is_grown = bottom > top || right > left;
    if is_grown && !pool.ceil && !pool.count_include_pad && gives_same { candidate } else { pool }
}
