//! Activations, softmax and dropout.

use inceptive_ir::{Activation, Op, Size};

use crate::{
    import::{
        attribute::{flag, float, int},
        error::UnsupportedOp,
        importer::{Importer, Value},
    },
    proto::NodeProto,
};

use super::shape::rank;

/// The first version of the operator set in which softmax works along one axis.
const SOFTMAX_BY_AXIS: i64 = 13;

/// The first version of the operator set in which dropout and normalisation do not train without being told to.
const WITHOUT_IS_TEST: i64 = 7;

impl Importer {
    pub(super) fn activation(
        &mut self,
        node: &NodeProto,
        activation: Activation,
    ) -> Result<Value, UnsupportedOp> {
        self.unary(node, Op::Activation(activation))
    }

    pub(super) fn hard_sigmoid(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let (alpha, beta) =
            (float(node, "alpha").unwrap_or(0.2), float(node, "beta").unwrap_or(0.5));
        if (alpha - 1.0 / 6.0).abs() > 1e-6 || beta != 0.5 {
            return Err(UnsupportedOp::because(&format!(
                "clamp({alpha} x + {beta}), not (x / 6 + 0.5)"
            )));
        }
        self.activation(node, Activation::HardSigmoid)
    }

    pub(super) fn clip(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let limit = |key, position| -> Result<Option<f32>, UnsupportedOp> {
            match float(node, key) {
                Some(limit) => Ok(Some(limit)),
                None => {
                    let unknown = || UnsupportedOp::because("to a range that is no known number");
                    let limit = self.optional_constant(node, position)?;
                    limit.map(|limit| limit.to_scalar().ok_or_else(unknown)).transpose()
                }
            }
        };
        let (low, high) = (limit("min", 1)?, limit("max", 2)?);
        match (low, high) {
            (Some(0.0), Some(6.0)) => self.activation(node, Activation::Relu6),
            (Some(0.0), None) => self.activation(node, Activation::Relu),
            (Some(0.0), Some(high)) if high >= f32::MAX => self.activation(node, Activation::Relu),
            _ => Err(UnsupportedOp::because("to a range other than 0 to 6")),
        }
    }

    /// `x * sigmoid(x)`, when nothing else reads the sigmoid.
    pub(super) fn gated(&mut self, node: &NodeProto, value: usize, gate: usize) -> Option<Value> {
        let draft = self.drafts.get(gate)?;
        let activation = match draft.op {
            Op::Activation(Activation::Sigmoid) => Activation::Silu,
            Op::Activation(Activation::HardSigmoid) => Activation::HardSwish,
            _ => return None,
        };
        if draft.inputs != [value] || draft.is_read_again {
            return None;
        }
        let path = if self.is_ours {
            self.names.unique(&node.name, activation.name())
        } else {
            let mut segments: Vec<&str> = draft.path.split('/').collect();
            segments.pop();
            segments.push(activation.name());
            self.names.unique(&segments.join("/"), activation.name())
        };
        let draft = &mut self.drafts[gate];
        draft.op = Op::Activation(activation);
        draft.path = path;
        Some(Value::Node(gate))
    }

    pub(super) fn dropout(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        self.refuse_training(node)?;
        let is_training = self.optional_constant(node, 2)?;
        if is_training.is_some_and(|it| it.to_scalar() != Some(0.0)) {
            return Err(UnsupportedOp::because("in training mode"));
        }
        let ratio = match float(node, "ratio") {
            Some(ratio) => Some(ratio),
            None => self.optional_constant(node, 1)?.and_then(|ratio| ratio.to_scalar()),
        };
        self.unary(node, Op::Dropout { p: ratio.unwrap_or(0.5) })
    }

    /// Refuses a node of an old set of operators, where an attribute alone says that it does not train.
    pub(super) fn refuse_training(&self, node: &NodeProto) -> Result<(), UnsupportedOp> {
        if self.opset < WITHOUT_IS_TEST && !flag(node, "is_test", false)? {
            return Err(UnsupportedOp::because("in training mode, which is_test = 1 ends"));
        }
        Ok(())
    }

    pub(super) fn softmax(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let source = self.source(node, 0)?;
        let shape = self.drafts[source].shape;
        let last = i64::try_from(rank(shape))? - 1;
        let default = if self.opset < SOFTMAX_BY_AXIS { 1 } else { -1 };
        let axis = int(node, "axis").unwrap_or(default);
        let axis = if axis < 0 { axis + last + 1 } else { axis };
        let flattens = self.opset < SOFTMAX_BY_AXIS && shape.size() != Size::square(1);
        if axis != 1 || flattens {
            return Err(UnsupportedOp::because("along an axis other than the channels"));
        }
        self.unary(node, Op::Softmax)
    }
}
