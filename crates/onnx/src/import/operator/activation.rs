//! Activations, softmax and dropout.

use inceptive_ir::{Activation, Op, Rescale, Role};

use crate::{
    import::{
        attribute::{find, flag, float, int},
        error::UnsupportedOp,
        importer::{Importer, Value},
        layout::Layout,
        math::{Function, is_sixth},
    },
    proto::NodeProto,
};

use super::{affine::per_channel, join::axis};

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
        if self.reads_math(node) {
            return self.math(node, Function::Activation(activation));
        }
        self.elementwise(node, Op::Activation(activation))
    }

    /// `min(max(alpha x + beta, 0), 1)`.
    pub(super) fn hard_sigmoid(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if is_sixth(node) {
            return self.activation(node, Activation::HardSigmoid);
        }
        let (alpha, beta) =
            (float(node, "alpha").unwrap_or(0.2), float(node, "beta").unwrap_or(0.5));
        let (source, layout) = self.operand(node, 0)?;
        let value = self.rescaled(node, source, layout, vec![alpha], vec![beta])?;
        let (Some(source), Value::Node(_) | Value::View(..)) = (value.draft(), &value) else {
            return Err(UnsupportedOp::because("of something that is no result"));
        };
        let layout = match value {
            Value::View(_, layout) => layout,
            _ => self.layout(source),
        };
        self.clipped(node, source, layout, 0.0, 1.0)
    }

    /// `alpha elu(x / alpha)`.
    pub(super) fn celu(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let alpha = float(node, "alpha").unwrap_or(1.0);
        let elu = Op::Activation(Activation::Elu { alpha: 1.0 });
        let (source, layout) = self.operand(node, 0)?;
        if alpha == 1.0 {
            return self.elementwise_with(node, elu, source, layout, vec![]);
        }
        let scaled = |scale: f32| Op::Rescale(Rescale { scale: vec![scale], shift: vec![] });
        let mut draft = source;
        for op in [scaled(alpha.recip()), elu, scaled(alpha)] {
            let path = self.path(node, op.name(), None);
            draft = self.draft(path, op, vec![draft], vec![])?;
        }
        Ok(self.viewed(draft, layout))
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
        let low = limit("min", 1)?.unwrap_or(f32::NEG_INFINITY);
        let high = limit("max", 2)?.unwrap_or(f32::INFINITY);
        let (source, layout) = self.operand(node, 0)?;
        self.clipped(node, source, layout, low, high)
    }

    /// A result within a range.
    pub(super) fn clipped(
        &mut self,
        node: &NodeProto,
        source: usize,
        layout: Layout,
        low: f32,
        high: f32,
    ) -> Result<Value, UnsupportedOp> {
        let (low, high) = match (low, high) {
            // As far as single precision goes.
            (low, high) if high >= f32::MAX => (low, f32::INFINITY),
            (low, high) if low <= f32::MIN => (f32::NEG_INFINITY, high),
            range => range,
        };
        let activation = match (low, high) {
            (f32::NEG_INFINITY | f32::MIN, f32::INFINITY) => return Ok(self.viewed(source, layout)),
            (0.0, 6.0) => Activation::Relu6,
            (0.0, f32::INFINITY) => Activation::Relu,
            // After a limit from below, one from above.
            (f32::NEG_INFINITY, 6.0)
                if self.drafts[source].op == Op::Activation(Activation::Relu)
                    && !self.drafts[source].is_read_again =>
            {
                let before = self.drafts[source].inputs[0];
                let op = Op::Activation(Activation::Relu6);
                return self.elementwise_with(node, op, before, layout, vec![]);
            }
            _ => Activation::Clip { low, high },
        };
        let value =
            self.elementwise_with(node, Op::Activation(activation), source, layout, vec![])?;
        if low == 0.0 && high == 1.0 { self.completed(node, value) } else { Ok(value) }
    }

    /// An activation whose slope below zero is learned.
    pub(super) fn prelu(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let slope = self.constant_input(node, 1)?;
        let (source, layout) = self.operand(node, 0)?;
        let shape = self.drafts[source].shape;
        let channels = shape.channels() as usize;
        let (shared, slope) = if slope.len() == 1 {
            (channels > 1, slope.flat())
        } else {
            let refusal =
                || UnsupportedOp::because("with slopes that are not one, or one for each channel");
            let at = layout.channels(shape).ok_or_else(refusal)?;
            (false, per_channel(&slope, layout.rank(), at, channels)?)
        };
        let op = Op::Prelu { shared };
        self.elementwise_with(node, op, source, layout, vec![(Role::Weight, slope)])
    }

    /// A node whose numbers are those of the only form that is known here.
    pub(super) fn selu(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let is_near = |key, expected: f32| {
            float(node, key).is_none_or(|value| (value - expected).abs() <= 1e-5)
        };
        if !is_near("alpha", Activation::SELU_ALPHA) || !is_near("gamma", Activation::SELU_SCALE) {
            return Err(UnsupportedOp::because(
                "with other numbers than those of Klambauer et al.",
            ));
        }
        self.activation(node, Activation::Selu)
    }

    pub(super) fn gelu(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let is_tanh = find(node, "approximate").is_some_and(|form| form.s == b"tanh"[..]);
        self.activation(node, if is_tanh { Activation::GeluTanh } else { Activation::Gelu })
    }

    /// `x * sigmoid(x)`, when nothing else reads the sigmoid.
    pub(super) fn gated(&mut self, value: usize, gate: usize) -> Option<usize> {
        let draft = self.drafts.get(gate)?;
        let activation = match draft.op {
            Op::Activation(Activation::Sigmoid) => Activation::Silu,
            Op::Activation(Activation::HardSigmoid) => Activation::HardSwish,
            _ => return None,
        };
        if draft.inputs != [value] || draft.is_read_again {
            return None;
        }
        let draft = &mut self.drafts[gate];
        if !self.is_ours {
            let mut segments: Vec<&str> = draft.path.split('/').collect();
            segments.pop();
            segments.push(activation.name());
            draft.path = segments.join("/");
        }
        draft.op = Op::Activation(activation);
        Some(gate)
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
        self.elementwise(node, Op::Dropout { p: ratio.unwrap_or(0.5) })
    }

    /// Refuses a node of an old set of operators, where an attribute alone says that it does not train.
    pub(super) fn refuse_training(&self, node: &NodeProto) -> Result<(), UnsupportedOp> {
        if self.opset < WITHOUT_IS_TEST && !flag(node, "is_test", false)? {
            return Err(UnsupportedOp::because("in training mode, which is_test = 1 ends"));
        }
        Ok(())
    }

    pub(super) fn softmax(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let (source, layout) = self.operand(node, 0)?;
        let shape = self.drafts[source].shape;
        let default = if self.opset < SOFTMAX_BY_AXIS { 1 } else { -1 };
        let at = axis(int(node, "axis").unwrap_or(default), layout.rank())?;
        let is_channels = layout.channels(shape) == Some(at)
            || shape.channels() == 1 && layout == self.layout(source) && at == 1;
        let sizes = layout.sizes();
        // Before, the axis and all behind it were one.
        let is_last = sizes[at + 1..].iter().all(|&size| size == 1);
        if !is_channels || self.opset < SOFTMAX_BY_AXIS && !is_last {
            return Err(UnsupportedOp::because("along an axis other than the channels"));
        }
        self.elementwise_with(node, Op::Softmax, source, layout, vec![])
    }
}
