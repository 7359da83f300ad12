//! Each operator of ONNX in our terms.

mod activation;
mod affine;
mod constant;
mod join;
mod layer;
mod norm;
mod padding;
mod pool;
mod quantised;
mod resize;
mod row;
mod saturation;
mod shape;
mod slice;

use std::collections::HashSet;

use inceptive_ir::{Activation, BlockOrder, Op, PoolKind, Rearrange};

use crate::{
    import::{
        attribute::{find, float, int, unsigned},
        error::UnsupportedOp,
        importer::{Importer, Value},
        math,
    },
    proto::NodeProto,
};

pub(super) use join::axis;

pub(super) fn is_standard(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// The supported operators.
const KNOWN: [&str; 93] = [
    "Abs",
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "CastLike",
    "Ceil",
    "Celu",
    "Clip",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "ConvInteger",
    "ConvTranspose",
    "DepthToSpace",
    "DequantizeLinear",
    "Div",
    "Dropout",
    "DynamicQuantizeLinear",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "GatherND",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "Greater",
    "GreaterOrEqual",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "LRN",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "LpPool",
    "MatMul",
    "MatMulInteger",
    "Max",
    "MaxPool",
    "Min",
    "Mish",
    "Mod",
    "Mul",
    "Neg",
    "PRelu",
    "Pad",
    "Pow",
    "QLinearConv",
    "QuantizeLinear",
    "Range",
    "Reciprocal",
    "ReduceL2",
    "ReduceMax",
    "ReduceMean",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "Relu",
    "Reshape",
    "Resize",
    "Selu",
    "Shape",
    "Sigmoid",
    "Sign",
    "Size",
    "Slice",
    "Softmax",
    "Softplus",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Swish",
    "Tanh",
    "Transpose",
    "Unsqueeze",
    "Upsample",
    "Where",
];

/// Whether a node's operator is read at all.
pub(super) fn is_known(node: &NodeProto) -> bool {
    is_standard(&node.domain) && KNOWN.contains(&node.op_type.as_str())
}

/// Whether a node's result has its values in another order than its input, or other dimensions.
pub(super) fn changes_dimensions(node: &NodeProto) -> bool {
    matches!(
        node.op_type.as_str(),
        "Expand" | "Flatten" | "Reshape" | "Squeeze" | "Transpose" | "Unsqueeze"
    )
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
    /// The values that a node computes, as far as they are read.
    pub(super) fn operator(&mut self, node: &NodeProto) -> Result<Vec<Value>, UnsupportedOp> {
        if !is_known(node) {
            return Err(UnsupportedOp::UNKNOWN);
        }
        if let Some(key) = repeated(node) {
            return Err(UnsupportedOp::because(&format!("with the attribute `{key}` twice")));
        }
        if let Some(computed) = self.folded(node)? {
            return Ok(vec![Value::Constant(computed)]);
        }
        node.input.iter().for_each(|name| self.settle_mean(node, name));
        match node.op_type.as_str() {
            "Split" => return self.split(node),
            "DynamicQuantizeLinear" => return self.quantise_dynamically(node),
            _ => {}
        }
        if let Some(row) = self.on_row(node)? {
            return Ok(vec![row]);
        }
        self.result(node).map(|value| vec![value])
    }

    /// The only value that a node computes.
    fn result(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        match node.op_type.as_str() {
            "Constant" => constant::constant(node, &self.stored).map(Value::Constant),
            "Identity" => self.input(node, 0),
            "Cast" => self.cast(node),
            "CastLike" => self.cast_like(node),
            "ConstantOfShape" => self.constant_of_shape(node),
            "Shape" => self.shape_of(node),
            "Expand" => self.expand(node),
            "Unsqueeze" => self.unsqueeze(node),
            "Concat" => self.concat(node),
            "Gather" | "GatherND" => self.gather(node),
            "Slice" => self.slice(node),
            "Conv" => self.conv(node),
            "ConvTranspose" => self.conv_transpose(node),
            "Gemm" => self.gemm(node),
            "MatMul" => self.matmul(node),
            "BatchNormalization" => self.batch_norm(node),
            "InstanceNormalization" => self.instance_norm(node),
            "LayerNormalization" => self.layer_norm(node),
            "GroupNormalization" => self.group_norm(node),
            "LRN" => self.lrn(node),
            "PRelu" => self.prelu(node),
            "HardSigmoid" => self.hard_sigmoid(node),
            "Clip" => self.clip(node),
            "Max" | "Min" => self.extreme(node),
            "MaxPool" => self.pool(node, PoolKind::Max),
            "AveragePool" => self.pool(node, PoolKind::Average),
            "LpPool" => self.pool(node, PoolKind::L2),
            "GlobalAveragePool" => self.unary(node, Op::GlobalPool(PoolKind::Average)),
            "GlobalMaxPool" => self.unary(node, Op::GlobalPool(PoolKind::Max)),
            "GlobalLpPool" if int(node, "p").unwrap_or(2) == 2 => self.global_l2_pool(node),
            "GlobalLpPool" => Err(UnsupportedOp::because("with a norm other than the second")),
            "ReduceMean" => self.reduce(node, PoolKind::Average),
            "ReduceMax" => self.reduce(node, PoolKind::Max),
            "ReduceSum" => self.reduce_sum(node),
            "Pad" => self.pad(node),
            "Resize" | "Upsample" => self.resize(node),
            "DepthToSpace" | "SpaceToDepth" => self.blocks(node),
            "Add" | "Sum" => self.add(node),
            "Sub" => self.sub(node),
            "Mul" => self.mul(node),
            "Div" => self.div(node),
            "Neg" => {
                let (source, layout) = self.operand(node, 0)?;
                self.scaled(node, source, layout, -1.0)
            }
            "Flatten" => self.flatten(node),
            "Reshape" => self.reshape(node),
            "Squeeze" => self.squeeze(node),
            "Transpose" => self.transpose(node),
            "Dropout" => self.dropout(node),
            "Softmax" => self.softmax(node),
            "QuantizeLinear" => self.quantize(node),
            "DequantizeLinear" => self.dequantize(node),
            "QLinearConv" => self.quantised_conv(node),
            "ConvInteger" => self.integer_conv(node),
            "MatMulInteger" => self.integer_matmul(node),
            "Celu" => self.celu(node),
            "Where" => self.chosen_by_value(node),
            "Selu" => self.selu(node),
            "Gelu" => self.gelu(node),
            _ => self.pointwise_function(node),
        }
    }

    /// An operator that is an activation, or a part of one.
    fn pointwise_function(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let activation = match node.op_type.as_str() {
            "Relu" => Activation::Relu,
            "Sigmoid" => Activation::Sigmoid,
            "HardSwish" => Activation::HardSwish,
            "Tanh" => Activation::Tanh,
            "Softplus" => Activation::Softplus,
            "Mish" => Activation::Mish,
            "LeakyRelu" => Activation::LeakyRelu { slope: float(node, "alpha").unwrap_or(0.01) },
            "Elu" => Activation::Elu { alpha: float(node, "alpha").unwrap_or(1.0) },
            "Swish" if float(node, "alpha").unwrap_or(1.0) == 1.0 => Activation::Silu,
            _ => {
                return match math::function(node) {
                    Some(function) => self.math(node, function),
                    None => Err(UnsupportedOp::because("of computed values")),
                };
            }
        };
        self.activation(node, activation)
    }

    /// Blocks of pixels that become channels, or the reverse.
    fn blocks(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let block = unsigned(int(node, "blocksize").unwrap_or(0))?;
        let rearrange = if node.op_type == "SpaceToDepth" {
            Rearrange::SpaceToDepth { block, order: BlockOrder::PixelsFirst }
        } else {
            let order = match find(node, "mode").map(|mode| mode.s.as_ref()) {
                None | Some(b"DCR") => BlockOrder::PixelsFirst,
                Some(b"CRD") => BlockOrder::ChannelsFirst,
                Some(_) => return Err(UnsupportedOp::because("with an unknown mode")),
            };
            Rearrange::DepthToSpace { block, order }
        };
        self.unary(node, Op::Rearrange(rearrange))
    }
}
