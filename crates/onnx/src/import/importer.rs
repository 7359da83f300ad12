//! A file on its way to a graph.

use std::collections::{BTreeMap, HashMap};

use inceptive_ir::{Op, Padding, Role, Shape};

use super::{
    attribute::find, computation::Computations, constant::Constant, error::UnsupportedOp,
    name::Names,
};
use crate::proto::NodeProto;

/// The value of a name in the file.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A known tensor.
    Constant(Constant),
    /// The result of a node.
    Node(usize),
    /// The result of a node, multiplied by a number that a sum will take in.
    Scaled(usize, f32),
    /// The result of a node with zeros around it, for a window to take in.
    Padded(usize, Padding),
    /// Channels split into groups, the start of a shuffle.
    Split(usize, u32),
    /// Groups swapped, the middle of a shuffle.
    Swapped(usize, u32),
    /// Averages over this number of windows of rows, the first half of an adaptive pooling.
    Rows(usize, u32),
    /// The result of something that is not supported.
    Unknown,
}

impl Value {
    /// The node whose result it is or is made of.
    pub(super) const fn draft(&self) -> Option<usize> {
        match *self {
            Self::Node(draft)
            | Self::Scaled(draft, _)
            | Self::Padded(draft, _)
            | Self::Split(draft, _)
            | Self::Swapped(draft, _)
            | Self::Rows(draft, _) => Some(draft),
            Self::Constant(_) | Self::Unknown => None,
        }
    }
}

/// A node to be.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) op: Op,
    pub(super) path: String,
    pub(super) inputs: Vec<usize>,
    pub(super) shape: Shape,
    pub(super) tensors: Vec<(Role, Constant)>,
    /// Whether its result is read more than once, under any of its names. Only a result that is read once may be
    /// changed into that of its reader.
    pub(super) is_read_again: bool,
    /// The nodes of the file that it is made of, by their places among those that are read.
    pub(super) origins: Vec<usize>,
}

/// A file on its way to a graph.
pub(super) struct Importer {
    pub(super) drafts: Vec<Draft>,
    pub(super) values: HashMap<String, Value>,
    /// The nodes of the file that wait under the name of their result until a later one takes them in.
    pub(super) waiting: HashMap<String, Vec<usize>>,
    /// How often the values of each name are read; 0 if only its shape or type is.
    pub(super) reads: HashMap<String, usize>,
    pub(super) names: Names,
    /// The sum that was read last if it is a helper in one of our files: of which node, and where it is.
    pub(super) partial_sum: Option<(String, usize)>,
    pub(super) computations: Computations,
    pub(super) unsupported: BTreeMap<String, usize>,
    pub(super) opset: i64,
    /// The batch size; 1 in files that leave it open.
    pub(super) batch: i64,
    pub(super) is_ours: bool,
}

impl Importer {
    /// The input of a node at a position.
    pub(super) fn input(&self, node: &NodeProto, position: usize) -> Result<Value, UnsupportedOp> {
        let name = node.input.get(position).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| UnsupportedOp::because("an input is missing"))?;
        let value = self.values.get(name).cloned();
        value.ok_or_else(|| {
            UnsupportedOp::because(&format!("reads `{name}`, which no node computes"))
        })
    }

    /// A constant that a node reads; `None` if it is left out.
    pub(super) fn optional_constant(
        &self,
        node: &NodeProto,
        position: usize,
    ) -> Result<Option<Constant>, UnsupportedOp> {
        match node.input.get(position) {
            Some(name) if !name.is_empty() => self.constant_input(node, position).map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn constant_input(
        &self,
        node: &NodeProto,
        position: usize,
    ) -> Result<Constant, UnsupportedOp> {
        match self.input(node, position)? {
            Value::Constant(constant) => Ok(constant),
            _ => Err(UnsupportedOp::because("a weight, shape or axis computed from the input")),
        }
    }

    /// Integers from an attribute, as in older operator sets, or from an input.
    pub(super) fn ints(
        &self,
        node: &NodeProto,
        key: &str,
        position: usize,
    ) -> Result<Option<Vec<i64>>, UnsupportedOp> {
        if let Some(attribute) = find(node, key) {
            return Ok(Some(attribute.ints.clone()));
        }
        let constant = self.optional_constant(node, position)?;
        let ints = |constant: Constant| {
            constant.to_ints().ok_or_else(|| UnsupportedOp::because(&format!("non-integer {key}")))
        };
        constant.map(ints).transpose()
    }

    /// The node whose result is read at a position, as it is.
    pub(super) fn source(&self, node: &NodeProto, position: usize) -> Result<usize, UnsupportedOp> {
        match self.input(node, position)? {
            Value::Node(draft) => Ok(draft),
            Value::Constant(_) => {
                Err(UnsupportedOp::because("a constant where a computed value is expected"))
            }
            Value::Scaled(..) => {
                Err(UnsupportedOp::because("multiplication by a constant, except in a sum"))
            }
            Value::Padded(..) => {
                Err(UnsupportedOp::because("padding, except before a convolution or average"))
            }
            Value::Split(..) | Value::Swapped(..) => {
                Err(UnsupportedOp::because("reshape to five dimensions"))
            }
            Value::Rows(..) | Value::Unknown => {
                Err(UnsupportedOp::because("a product with a matrix of rows"))
            }
        }
    }

    /// Adds a node.
    pub(super) fn push(
        &mut self,
        node: &NodeProto,
        op: Op,
        inputs: Vec<usize>,
        tensors: Vec<(Role, Constant)>,
    ) -> Result<Value, UnsupportedOp> {
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.drafts[input].shape).collect();
        if !op.arity().admits(shapes.len()) {
            return Err(UnsupportedOp::because(&format!(
                "takes {} inputs, has {}",
                op.arity(),
                shapes.len()
            )));
        }
        let shape = op.infer(&shapes)?;
        let path = if self.is_ours {
            self.names.unique(&node.name, op.name())
        } else {
            let weight =
                (!tensors.is_empty()).then(|| node.input.get(1).map_or("", String::as_str));
            self.names.path(node, op.name(), weight)
        };
        let (is_read_again, origins) = (false, Vec::new());
        self.drafts.push(Draft { op, path, inputs, shape, tensors, is_read_again, origins });
        Ok(Value::Node(self.drafts.len() - 1))
    }

    pub(super) fn unary(&mut self, node: &NodeProto, op: Op) -> Result<Value, UnsupportedOp> {
        let source = self.source(node, 0)?;
        self.push(node, op, vec![source], vec![])
    }
}
