//! Flattening, reshaping and channel shuffles.

use inceptive_ir::{Op, Shape, Size};

use crate::{
    import::{
        attribute::{find, flag, int, unsigned},
        error::UnsupportedOp,
        importer::{Importer, Value},
    },
    proto::NodeProto,
};

impl Importer {
    pub(super) fn flatten(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if int(node, "axis").unwrap_or(1) != 1 {
            return Err(UnsupportedOp::because("along an axis other than the batch"));
        }
        self.flattened(node)
    }

    fn flattened(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let source = self.source(node, 0)?;
        match self.drafts[source].shape {
            Shape::Vector { .. } => Ok(Value::Node(source)),
            Shape::Map { .. } => self.push(node, Op::Flatten, vec![source], vec![]),
        }
    }

    pub(super) fn reshape(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let dims = self.ints(node, "shape", 1)?.unwrap_or_default();
        if flag(node, "allowzero", false)? && dims.contains(&0) {
            return Err(UnsupportedOp::because("to a shape with a size below 1"));
        }
        let value = self.input(node, 0)?;
        if let Value::Constant(constant) = value {
            let dims = resolve(&dims, &[constant.len() as u64]);
            let dims =
                dims.and_then(|dims| dims.iter().map(|&dim| usize::try_from(dim).ok()).collect());
            let reshaped = dims.and_then(|dims| constant.reshaped(dims));
            return reshaped
                .map(Value::Constant)
                .ok_or_else(|| UnsupportedOp::because("of a constant to another size"));
        }
        let other = || {
            UnsupportedOp::because(
                "to something other than a vector, its own shape or groups of channels",
            )
        };
        if let Value::Swapped(source, groups) = value {
            // A zero would be a size of the five dimensions there are now.
            let same = self.is_shape_of(source, &dims) && !dims.iter().skip(1).any(|&dim| dim == 0);
            let op = Op::ChannelShuffle { groups };
            return if same { self.push(node, op, vec![source], vec![]) } else { Err(other()) };
        }
        let source = self.source(node, 0)?;
        let shape = self.drafts[source].shape;
        if self.is_shape_of(source, &dims) {
            return Ok(Value::Node(source));
        }
        if !self.keeps_batch(&dims) {
            return Err(UnsupportedOp::because("to another batch size"));
        }
        match (dims.len(), shape) {
            (2, Shape::Map { .. }) => {
                let features = i64::try_from(shape.elements()).unwrap_or(0);
                if dims[1] == features || dims[1] == -1 && dims[0] != -1 {
                    self.flattened(node)
                } else {
                    Err(other())
                }
            }
            (5, Shape::Map { channels, size }) => {
                let [_, groups, per_group, height, width] = dims[..] else { return Err(other()) };
                let is_map = height == i64::from(size.height) && width == i64::from(size.width);
                let groups = unsigned(groups)?;
                let whole = groups > 0
                    && u64::from(groups) * unsigned(per_group)? as u64 == u64::from(channels);
                if is_map && whole { Ok(Value::Split(source, groups)) } else { Err(other()) }
            }
            _ => Err(other()),
        }
    }

    /// Whether dimensions, batch included, are those that a node's result has already.
    fn is_shape_of(&self, source: usize, dims: &[i64]) -> bool {
        let own = self.dimensions(self.drafts[source].shape);
        own.len() == dims.len()
            && self.keeps_batch(dims)
            && own.iter().zip(dims).skip(1).all(|(own, dim)| dim == own || *dim == 0 || *dim == -1)
            && dims.iter().filter(|&&dim| dim == -1).count() <= 1
    }

    /// Whether the first of dimensions is that of the batch: by its size, as it was, or as what the others leave.
    fn keeps_batch(&self, dims: &[i64]) -> bool {
        dims.first().is_some_and(|&batch| batch == self.batch || batch == 0 || batch == -1)
    }

    /// Dimensions of a value, the batch first.
    pub(super) fn dimensions(&self, shape: Shape) -> Vec<i64> {
        let channels = i64::from(shape.channels());
        match shape {
            Shape::Vector { .. } => vec![self.batch, channels],
            Shape::Map { size, .. } => {
                vec![self.batch, channels, i64::from(size.height), i64::from(size.width)]
            }
        }
    }

    pub(super) fn squeeze(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if let Value::Constant(constant) = self.input(node, 0)? {
            return Self::squeezed(&constant, self.ints(node, "axes", 1)?.as_deref());
        }
        let source = self.source(node, 0)?;
        let mut axes = self.ints(node, "axes", 1)?.unwrap_or_default();
        axes.iter_mut().for_each(|axis| *axis += if *axis < 0 { 4 } else { 0 });
        axes.sort_unstable();
        match self.drafts[source].shape {
            Shape::Map { size, .. } if axes == [2, 3] && size == Size::square(1) => {
                self.flattened(node)
            }
            _ => Err(UnsupportedOp::because("of axes other than height and width")),
        }
    }

    pub(super) fn transpose(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let order = find(node, "perm").map(|order| order.ints.as_slice());
        match (self.input(node, 0)?, order) {
            (Value::Split(source, groups), Some([0, 2, 1, 3, 4])) => {
                Ok(Value::Swapped(source, groups))
            }
            _ => Err(UnsupportedOp::because("outside of a channel shuffle")),
        }
    }
}

/// Number of dimensions of a value, the batch included.
pub(super) const fn rank(shape: Shape) -> usize {
    match shape {
        Shape::Vector { .. } => 2,
        Shape::Map { .. } => 4,
    }
}

/// Target dimensions with at most one -1 filled in, for a tensor with this number of elements.
fn resolve(dims: &[i64], elements: &[u64]) -> Option<Vec<u64>> {
    let total: u64 = elements.iter().product();
    let known: u64 = dims
        .iter()
        .filter(|&&dim| dim != -1)
        .try_fold(1_u64, |product, &dim| product.checked_mul(u64::try_from(dim).ok()?))?;
    let fill =
        |dim: i64| if dim == -1 { total.checked_div(known) } else { u64::try_from(dim).ok() };
    dims.iter().map(|&dim| fill(dim)).collect()
}
