//! What only computes constants, such as shapes.

use std::sync::Arc;

use inceptive_ir::{Shape, Size};

use crate::{
    import::{
        attribute::{find, int, unsigned},
        constant::{Constant, Element},
        error::UnsupportedOp,
        importer::{Importer, Value},
        source::Stored,
    },
    proto::{DataType, NodeProto},
};

impl Importer {
    pub(super) fn constant_of_shape(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let dims = self.constant_input(node, 0)?.to_ints();
        let value = match find(node, "value").and_then(|value| value.t.as_ref()) {
            Some(tensor) => {
                let value = Constant::read(tensor, &self.stored)?;
                value.to_scalar().map(|number| (number, value.element()))
            }
            None => Some((0.0, Element::Float)),
        };
        let known = dims.zip(value);
        let (dims, (value, element)) =
            known.ok_or_else(|| UnsupportedOp::because("a shape that is not a vector of sizes"))?;
        Ok(Value::Constant(Constant::splat(value, &dims, element)?))
    }

    pub(super) fn shape_of(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let dims: Vec<i64> = match self.input(node, 0)? {
            Value::Constant(constant) => {
                constant.dims.iter().filter_map(|&dim| dim.try_into().ok()).collect()
            }
            Value::Scaled(source, _) => self.layout(source).sizes(),
            Value::Math(math) => self.maths[math].sizes(),
            _ => self.operand(node, 0)?.1.sizes(),
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

    pub(super) fn expand(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let dims = self.constant_input(node, 1)?.to_ints();
        let dims =
            dims.ok_or_else(|| UnsupportedOp::because("to a shape that is no vector of sizes"))?;
        let Value::Constant(constant) = self.input(node, 0)? else {
            return self.expanded(node, &dims);
        };
        let own = || constant.dims.iter().map(|&dim| i64::try_from(dim).unwrap_or(0));
        if dims.iter().all(|&dim| dim == 1) || own().eq(dims.iter().copied()) {
            return Ok(Value::Constant(constant));
        }
        let value = constant.to_scalar();
        let value = value.ok_or_else(|| UnsupportedOp::because("of more than a single number"))?;
        Ok(Value::Constant(Constant::splat(value, &dims, constant.element())?))
    }

    /// A map of one pixel or one channel, repeated.
    fn expanded(&mut self, node: &NodeProto, dims: &[i64]) -> Result<Value, UnsupportedOp> {
        let (source, layout) = self.operand(node, 0)?;
        let own = layout.sizes();
        if dims.len() <= own.len()
            && dims.iter().rev().zip(own.iter().rev()).all(|(dim, own)| *dim == 1 || dim == own)
        {
            return Ok(self.viewed(source, layout));
        }
        let shape = self.drafts[source].shape;
        let size = match (shape, dims) {
            (Shape::Map { channels, size }, &[_, across, height, width])
                if layout == self.layout(source)
                    && size == Size::square(1)
                    && (across == i64::from(channels) || across == 1) =>
            {
                Size::new(unsigned(height)?, unsigned(width)?)
            }
            _ => return Err(UnsupportedOp::because("of more than a map of one pixel")),
        };
        Ok(Value::Expanded(source, Shape::Map { channels: shape.channels(), size }))
    }

    pub(super) fn cast(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let to =
            int(node, "to").and_then(|kind| DataType::try_from(i32::try_from(kind).ok()?).ok());
        let is_half = matches!(to, Some(DataType::Float16 | DataType::Bfloat16));
        if is_half && !matches!(self.input(node, 0)?, Value::Constant(_)) {
            self.halved += 1;
        }
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

    /// Numbers stay as they are among floating-point types. What the file has in integers at its input is read as numbers.
    fn cast_to(&self, node: &NodeProto, to: Element) -> Result<Value, UnsupportedOp> {
        match self.input(node, 0)? {
            Value::Constant(constant) => constant.cast(to).map(Value::Constant),
            computed if to == Element::Float => Ok(computed),
            _ => Err(UnsupportedOp::because("of a computed value to integers")),
        }
    }

    pub(super) fn unsqueeze(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let Value::Constant(constant) = self.input(node, 0)? else {
            return self.unsqueezed(node);
        };
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
pub(super) fn constant(node: &NodeProto, stored: &Arc<Stored>) -> Result<Constant, UnsupportedOp> {
    let attribute = node.attribute.first().ok_or(UnsupportedOp::UNKNOWN)?;
    match (attribute.name.as_str(), &attribute.t) {
        ("value", Some(tensor)) => Constant::read(tensor, stored),
        ("value_float", _) => Ok(Constant::scalar(attribute.f)),
        ("value_int", _) => {
            Constant::ints(&[attribute.i]).reshaped(vec![]).ok_or(UnsupportedOp::UNKNOWN)
        }
        ("value_ints", _) => Ok(Constant::ints(&attribute.ints)),
        (other, _) => Err(UnsupportedOp::because(&format!("given as {other}"))),
    }
}
