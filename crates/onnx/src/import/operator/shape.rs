//! What only changes the dimensions of a result, or their order.

use inceptive_ir::Op;

use crate::{
    import::{
        attribute::{find, flag, int},
        error::UnsupportedOp,
        importer::{Importer, Value, sizes_text},
        layout::{Form, Layout},
    },
    proto::NodeProto,
};

use super::join::axis;

impl Importer {
    pub(super) fn flatten(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if let Value::Constant(_) = self.input(node, 0)? {
            return Err(UnsupportedOp::because("of a constant"));
        }
        let (source, layout) = self.operand(node, 0)?;
        let at = match int(node, "axis").unwrap_or(1) {
            end if usize::try_from(end) == Ok(layout.rank()) => layout.rank(),
            other => axis(other, layout.rank())?,
        };
        let sizes = layout.sizes();
        let product =
            |sizes: &[i64]| sizes.iter().try_fold(1_i64, |all, &size| all.checked_mul(size));
        let (Some(rows), Some(columns)) = (product(&sizes[..at]), product(&sizes[at..])) else {
            return Err(UnsupportedOp::because("to sizes that are too large"));
        };
        self.relaid(
            node,
            source,
            layout.reshaped(&[rows, columns]),
            "along an axis other than the batch",
        )
    }

    /// A result in other dimensions, as what they amount to.
    fn relaid(
        &mut self,
        node: &NodeProto,
        source: usize,
        layout: Option<Layout>,
        refusal: &str,
    ) -> Result<Value, UnsupportedOp> {
        let layout = layout.ok_or_else(|| UnsupportedOp::because(refusal))?;
        let path = match layout.form(self.drafts[source].shape, self.batch) {
            Form::Op(op) => self.path(node, op.name(), None),
            _ => self.path(node, Op::Flatten.name(), None),
        };
        self.formed(path, source, layout)
    }

    pub(super) fn reshape(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let dims = self.ints(node, "shape", 1)?.unwrap_or_default();
        let allow_zero = flag(node, "allowzero", false)?;
        if allow_zero && dims.contains(&0) {
            return Err(UnsupportedOp::because("to a shape with a size below 1"));
        }
        match self.input(node, 0)? {
            Value::Constant(constant) => {
                let dims = resolve(&dims, &constant.dims);
                let reshaped = dims.and_then(|dims| constant.reshaped(dims));
                return reshaped
                    .map(Value::Constant)
                    .ok_or_else(|| UnsupportedOp::because("of a constant to another size"));
            }
            Value::Grouped(grouped) => return self.regrouped(node, *grouped, &dims),
            _ => {}
        }
        let (source, layout) = self.operand(node, 0)?;
        let wanted: Vec<String> = dims.iter().map(i64::to_string).collect();
        let refusal = format!(
            "of {} to {}, which cuts through its dimensions",
            sizes_text(&layout.sizes()),
            wanted.join(" x ")
        );
        let target = layout.resolved(&dims, allow_zero);
        let target = target.and_then(|sizes| layout.reshaped(&sizes));
        self.relaid(node, source, target, &refusal)
    }

    pub(super) fn squeeze(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let axes = self.ints(node, "axes", 1)?;
        if let Value::Constant(constant) = self.input(node, 0)? {
            return Self::squeezed(&constant, axes.as_deref());
        }
        let (source, layout) = self.operand(node, 0)?;
        let sizes = layout.sizes();
        let mut at: Vec<usize> = match axes {
            Some(axes) => axes.iter().map(|&at| axis(at, sizes.len())).collect::<Result<_, _>>()?,
            None => (0..sizes.len()).filter(|&at| sizes[at] == 1).collect(),
        };
        at.sort_unstable();
        at.dedup();
        let squeezed = at.iter().rev().try_fold(layout, |layout, &at| layout.without(at));
        self.relaid(node, source, squeezed, "of a dimension whose size is not 1")
    }

    /// A computed value with more dimensions of size 1.
    pub(super) fn unsqueezed(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let axes = self.ints(node, "axes", 1)?.unwrap_or_default();
        let (source, layout) = self.operand(node, 0)?;
        let rank = layout.rank() + axes.len();
        let mut at: Vec<usize> = axes.iter().map(|&at| axis(at, rank)).collect::<Result<_, _>>()?;
        at.sort_unstable();
        let more = at.iter().try_fold(layout, |layout, &at| layout.with_unit(at));
        self.relaid(node, source, more, "to too many dimensions")
    }

    pub(super) fn transpose(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let (source, layout) = self.operand(node, 0)?;
        let rank = layout.rank();
        let order: Vec<usize> = match find(node, "perm") {
            None => (0..rank).rev().collect(),
            Some(order) => order.ints.iter().map(|&at| axis(at, rank)).collect::<Result<_, _>>()?,
        };
        self.relaid(node, source, layout.permuted(&order), "with an order that is no permutation")
    }
}

/// Target dimensions of a constant with at most one -1 filled in, and sizes that stay.
fn resolve(dims: &[i64], own: &[usize]) -> Option<Vec<usize>> {
    let total = own.iter().try_fold(1_usize, |all, &dim| all.checked_mul(dim))?;
    let fixed = |(at, &dim): (usize, &i64)| match dim {
        -1 => Some(1),
        0 => own.get(at).copied(),
        dim => usize::try_from(dim).ok(),
    };
    let mut sizes: Vec<usize> = dims.iter().enumerate().map(fixed).collect::<Option<_>>()?;
    let known = sizes.iter().try_fold(1_usize, |all, &dim| all.checked_mul(dim))?;
    if let Some(open) = dims.iter().position(|&dim| dim == -1) {
        sizes[open] = total.checked_div(known)?;
    }
    Some(sizes)
}
