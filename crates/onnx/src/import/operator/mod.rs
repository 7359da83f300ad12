//! Each operator of ONNX in our terms.

mod activation;
mod constant;
mod join;
mod layer;
mod norm;
mod padding;
mod pool;
mod shape;

use std::collections::HashSet;

use inceptive_ir::{Activation, Op, PoolKind};

use crate::{
    import::{
        error::UnsupportedOp,
        importer::{Importer, Value},
    },
    proto::NodeProto,
};

pub(super) fn is_standard(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// The supported operators.
const KNOWN: [&str; 38] = [
    "Constant",
    "Identity",
    "Cast",
    "CastLike",
    "ConstantOfShape",
    "Shape",
    "Expand",
    "Unsqueeze",
    "Concat",
    "Gather",
    "Conv",
    "Gemm",
    "MatMul",
    "BatchNormalization",
    "LRN",
    "Relu",
    "Sigmoid",
    "HardSigmoid",
    "HardSwish",
    "Clip",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "ReduceMean",
    "ReduceMax",
    "Pad",
    "Add",
    "Sum",
    "Mul",
    "Sub",
    "Div",
    "Flatten",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Dropout",
    "Softmax",
];

/// Whether a node's operator is read at all.
pub(super) fn is_known(node: &NodeProto) -> bool {
    is_standard(&node.domain) && KNOWN.contains(&node.op_type.as_str())
}

/// An attribute that a node has twice, so that programs differ in its value.
fn repeated(node: &NodeProto) -> Option<&str> {
    let mut keys = HashSet::with_capacity(node.attribute.len());
    node.attribute.iter().map(|it| it.name.as_str()).find(|&key| !keys.insert(key))
}

/// Whether a node reads the values of an input, not only its shape or type.
pub(super) fn reads_values(node: &NodeProto, position: usize) -> bool {
    !matches!((node.op_type.as_str(), position), ("Shape", _) | ("CastLike", 1))
}

impl Importer {
    /// The value that a node computes.
    pub(super) fn operator(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if !is_known(node) {
            return Err(UnsupportedOp::UNKNOWN);
        }
        if let Some(key) = repeated(node) {
            return Err(UnsupportedOp::because(&format!("with the attribute `{key}` twice")));
        }
        if let Some(computed) = self.arithmetic(node)? {
            return Ok(Value::Constant(computed));
        }
        match node.op_type.as_str() {
            "Constant" => constant::constant(node).map(Value::Constant),
            "Identity" => self.input(node, 0),
            "Cast" => self.cast(node),
            "CastLike" => self.cast_like(node),
            "ConstantOfShape" => self.constant_of_shape(node),
            "Shape" => self.shape_of(node),
            "Expand" => self.expand(node),
            "Unsqueeze" => self.unsqueeze(node),
            "Concat" => self.concat(node),
            "Gather" => self.gather(node),
            "Conv" => self.conv(node),
            "Gemm" => self.gemm(node),
            "MatMul" => self.matmul(node),
            "BatchNormalization" => self.batch_norm(node),
            "LRN" => self.lrn(node),
            "Relu" => self.activation(node, Activation::Relu),
            "Sigmoid" => self.activation(node, Activation::Sigmoid),
            "HardSigmoid" => self.hard_sigmoid(node),
            "HardSwish" => self.activation(node, Activation::HardSwish),
            "Clip" => self.clip(node),
            "MaxPool" => self.pool(node, PoolKind::Max),
            "AveragePool" => self.pool(node, PoolKind::Average),
            "GlobalAveragePool" => self.unary(node, Op::GlobalPool(PoolKind::Average)),
            "GlobalMaxPool" => self.unary(node, Op::GlobalPool(PoolKind::Max)),
            "ReduceMean" => self.reduce(node, PoolKind::Average),
            "ReduceMax" => self.reduce(node, PoolKind::Max),
            "Pad" => self.pad(node),
            "Add" | "Sum" => self.add(node),
            "Mul" => self.mul(node),
            "Flatten" => self.flatten(node),
            "Reshape" => self.reshape(node),
            "Squeeze" => self.squeeze(node),
            "Transpose" => self.transpose(node),
            "Dropout" => self.dropout(node),
            "Softmax" => self.softmax(node),
            _ => Err(UnsupportedOp::UNKNOWN),
        }
    }
}
