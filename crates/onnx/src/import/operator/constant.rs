//! What only computes constants, such as shapes.

use crate::{
    import::{
        attribute::{find, int},
        constant::{Constant, Element},
        error::UnsupportedOp,
        importer::{Importer, Value},
    },
    proto::NodeProto,
};

impl Importer {
    /// Arithmetic on shapes; none if it is not that.
    pub(super) fn arithmetic(&self, node: &NodeProto) -> Result<Option<Constant>, UnsupportedOp> {
        let compute: fn(i64, i64) -> Option<i64> = match node.op_type.as_str() {
            "Add" => i64::checked_add,
            "Sub" => i64::checked_sub,
            "Mul" => i64::checked_mul,
            "Div" => i64::checked_div,
            _ => return Ok(None),
        };
        let operand = |position: usize| match self.input(node, position) {
            Ok(Value::Constant(constant)) => constant.to_ints().map(|ints| (constant.dims, ints)),
            _ => None,
        };
        let Some(((dims, a), (other_dims, b))) = operand(0).zip(operand(1)) else {
            return Ok(None);
        };
        let is_single = |dims: &[usize], beside: &[usize]| {
            dims.iter().all(|&dim| dim == 1) && dims.len() <= beside.len()
        };
        let dims = if dims == other_dims || is_single(&other_dims, &dims) {
            dims
        } else if is_single(&dims, &other_dims) {
            other_dims
        } else {
            return Err(UnsupportedOp::because("of integers in different shapes"));
        };
        let at = |list: &[i64], at: usize| list.get(if list.len() == 1 { 0 } else { at }).copied();
        // Of integers of 32 bits, it would wrap around.
        let fits = |value: &i64| i32::try_from(*value).is_ok();
        let value = |position| compute(at(&a, position)?, at(&b, position)?).filter(fits);
        let values: Option<Vec<i64>> = (0..a.len().max(b.len())).map(value).collect();
        let computed = values.and_then(|values| Constant::ints(&values).reshaped(dims));
        let refusal = || UnsupportedOp::because("of integers, beyond 32 bits or by zero");
        computed.map(Some).ok_or_else(refusal)
    }

    pub(super) fn constant_of_shape(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let dims = self.constant_input(node, 0)?.to_ints();
        let value = match find(node, "value").and_then(|value| value.t.as_ref()) {
            Some(tensor) => {
                let value = Constant::read(tensor)?;
                value.to_scalar().map(|number| (number, value.element()))
            }
            None => Some((0.0, Element::Float)),
        };
        let known = dims.zip(value);
        let (dims, (value, element)) =
            known.ok_or_else(|| UnsupportedOp::because("a shape that is not a vector of sizes"))?;
        Ok(Value::Constant(Constant::splat(value, &dims, element)?))
    }

    pub(super) fn shape_of(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let dims: Vec<i64> = match self.input(node, 0)? {
            Value::Constant(constant) => {
                constant.dims.iter().filter_map(|&dim| dim.try_into().ok()).collect()
            }
            _ => self.dimensions(self.drafts[self.source(node, 0)?].shape),
        };
        let rank = i64::try_from(dims.len())?;
        let at = |key, default| -> Result<usize, UnsupportedOp> {
            let position = int(node, key).unwrap_or(default);
            let position = if position < 0 { position + rank } else { position };
            Ok(usize::try_from(position.clamp(0, rank))?)
        };
        let (start, end) = (at("start", 0)?, at("end", rank)?);
        Ok(Value::Constant(Constant::ints(dims.get(start..end).unwrap_or_default())))
    }

    pub(super) fn expand(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let constant = self.constant_input(node, 0)?;
        let dims = self.constant_input(node, 1)?.to_ints();
        let own = || constant.dims.iter().map(|&dim| i64::try_from(dim).unwrap_or(0));
        if dims
            .as_ref()
            .is_some_and(|dims| dims.iter().all(|&dim| dim == 1) || own().eq(dims.iter().copied()))
        {
            return Ok(Value::Constant(constant));
        }
        let known = constant.to_scalar().zip(dims);
        let (value, dims) =
            known.ok_or_else(|| UnsupportedOp::because("more than a single number"))?;
        Ok(Value::Constant(Constant::splat(value, &dims, constant.element())?))
    }

    pub(super) fn cast(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        self.cast_to(node, Element::new(int(node, "to").unwrap_or(0))?)
    }

    /// A cast to the type of another value.
    pub(super) fn cast_like(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let to = match self.input(node, 1)? {
            Value::Constant(constant) => constant.element(),
            _ => Element::Float,
        };
        self.cast_to(node, to)
    }

    /// Numbers stay as they are among floating-point types.
    fn cast_to(&self, node: &NodeProto, to: Element) -> Result<Value, UnsupportedOp> {
        match self.input(node, 0)? {
            Value::Constant(constant) => constant.cast(to).map(Value::Constant),
            computed if to == Element::Float => Ok(computed),
            _ => Err(UnsupportedOp::because("of a computed value to integers")),
        }
    }

    pub(super) fn unsqueeze(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let constant = self
            .constant_input(node, 0)
            .map_err(|_| UnsupportedOp::because("of a computed value"))?;
        let axes = self.ints(node, "axes", 1)?.unwrap_or_default();
        let rank = constant.dims.len() + axes.len();
        if rank > MAX_RANK {
            return Err(UnsupportedOp::because("to more dimensions than a layer's tensor has"));
        }
        let axes = positions(&axes, rank)?;
        let mut own = constant.dims.iter().copied();
        let dims = (0..rank).map(|axis| if axes.contains(&axis) { Some(1) } else { own.next() });
        unit_dims(dims.collect(), &constant)
    }

    /// A constant without some of its dimensions of size 1; without all of them if `axes` is absent.
    pub(super) fn squeezed(
        constant: &Constant,
        axes: Option<&[i64]>,
    ) -> Result<Value, UnsupportedOp> {
        let axes = axes.map(|axes| positions(axes, constant.dims.len())).transpose()?;
        let stays = |&(axis, size): &(usize, usize)| match &axes {
            Some(axes) => !axes.contains(&axis),
            None => size != 1,
        };
        let dims = constant.dims.iter().copied().enumerate().filter(stays);
        unit_dims(dims.map(|(_, size)| Some(size)).collect(), constant)
    }

    pub(super) fn gather(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let refusal = || UnsupportedOp::because("of something other than a shape");
        let data = self.constant_input(node, 0)?;
        if data.dims.len() != 1 || !matches!(int(node, "axis").unwrap_or(0), 0 | -1) {
            return Err(refusal());
        }
        let data = data.to_ints().ok_or_else(refusal)?;
        let positions = self.constant_input(node, 1)?;
        let indices = positions.to_ints().ok_or_else(refusal)?;
        let len = i64::try_from(data.len()).map_err(|_| refusal())?;
        let at = |index: i64| {
            let index = if index < 0 { index + len } else { index };
            usize::try_from(index).ok().and_then(|index| data.get(index)).copied()
        };
        let gathered: Option<Vec<i64>> = indices.into_iter().map(at).collect();
        let gathered = gathered.and_then(|ints| Constant::ints(&ints).reshaped(positions.dims));
        gathered.map(Value::Constant).ok_or_else(refusal)
    }
}

/// The most dimensions of a constant that are changed.
const MAX_RANK: usize = 8;

/// Axes counted from the front.
fn positions(axes: &[i64], rank: usize) -> Result<Vec<usize>, UnsupportedOp> {
    let signed = i64::try_from(rank)?;
    let position = |&axis: &i64| -> Result<usize, UnsupportedOp> {
        let position = if axis < 0 { axis.saturating_add(signed) } else { axis };
        let position = usize::try_from(position)?;
        let refusal = || UnsupportedOp::because("of an axis that there is not");
        (position < rank).then_some(position).ok_or_else(refusal)
    };
    axes.iter().map(position).collect()
}

/// A constant in a shape with more or fewer dimensions of size 1.
fn unit_dims(dims: Option<Vec<usize>>, constant: &Constant) -> Result<Value, UnsupportedOp> {
    let changed = dims.and_then(|dims| constant.reshaped(dims));
    let refusal = || UnsupportedOp::because("of a dimension whose size is not 1");
    changed.map(Value::Constant).ok_or_else(refusal)
}

/// The value of a `Constant` node.
pub(super) fn constant(node: &NodeProto) -> Result<Constant, UnsupportedOp> {
    let attribute = node.attribute.first().ok_or(UnsupportedOp::UNKNOWN)?;
    match (attribute.name.as_str(), &attribute.t) {
        ("value", Some(tensor)) => Constant::read(tensor),
        ("value_float", _) => Ok(Constant::scalar(attribute.f)),
        ("value_int", _) => {
            Constant::ints(&[attribute.i]).reshaped(vec![]).ok_or(UnsupportedOp::UNKNOWN)
        }
        ("value_ints", _) => Ok(Constant::ints(&attribute.ints)),
        (other, _) => Err(UnsupportedOp::because(&format!("given as {other}"))),
    }
}
