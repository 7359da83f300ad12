//! The ends of the integers that values are rounded to. Where they begin at the number 0, rounding sets negative values to 0,
//! and quantisers leave out the `Relu` or the `Clip` before it. Values are not rounded here, so the activation is put back.

use inceptive_ir::{Activation, Op, PadMode, PoolKind, Rearrange, Rescale};

use crate::{
    import::{
        error::UnsupportedOp,
        importer::{Draft, Importer, Value},
        integers::limits,
    },
    proto::NodeProto,
};

/// How far the highest number may be from 6, in half precision, for a limit of 6.
const NEAR_SIX: f32 = 3e-3;

/// Maximum number of nodes that are looked at to find whether a value may be negative.
const MOST_VISITED: usize = 128;

/// The lowest and the highest number that the integers of a channel stand for.
type Ends = (f32, f32);

/// What follows about a node's result from its operator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Always,
    /// If it holds for all inputs.
    ForInputs,
    Unknown,
}

impl Importer {
    /// A value that a node rounds to integers, with the activation that this stands for. Its scale is at a position, its
    /// zero point behind it.
    pub(super) fn saturated(
        &mut self,
        node: &NodeProto,
        value: Value,
        scale: usize,
    ) -> Result<Value, UnsupportedOp> {
        if matches!(value, Value::Constant(_)) {
            return Ok(value);
        }
        let ends = self.ends(node, scale)?;
        let starts_at_zero = |&(low, _): &Ends| low == 0.0;
        // Arithmetic on the way to an activation has no other one inside.
        let Some(of) = value.draft().filter(|_| ends.iter().any(starts_at_zero)) else {
            return Ok(value);
        };
        let is_turned = matches!(value, Value::Scaled(_, factor) if factor < 0.0);
        if !is_turned && self.holds(of, is_not_negative) {
            return Ok(value);
        }
        if self.holds(of, is_input) {
            self.integers.clips_input = true;
            return Ok(value);
        }
        if !ends.iter().all(starts_at_zero) {
            return Err(UnsupportedOp::because(
                "to integers that begin at 0 in some channels only",
            ));
        }
        let (source, layout) = match value {
            Value::Node(draft) => (draft, self.layout(draft)),
            _ => self.operand(node, 0)?,
        };
        let ends_at_six = ends.iter().all(|(_, high)| (high - 6.0).abs() < NEAR_SIX);
        let activation = self.activation_of(source, ends_at_six)?;
        Ok(self.viewed(activation, layout))
    }

    /// The activation of a result that rounding stands for. Those that are rounded several times have it once.
    fn activation_of(&mut self, source: usize, ends_at_six: bool) -> Result<usize, UnsupportedOp> {
        if let Some(&known) = self.integers.activations.get(&(source, ends_at_six)) {
            self.drafts[known].is_read_again = true;
            return Ok(known);
        }
        let op = Op::Activation(if ends_at_six { Activation::Relu6 } else { Activation::Relu });
        let path = format!("{}/{}", self.drafts[source].path, op.name());
        let made = self.draft(path, op, vec![source], vec![])?;
        self.integers.activations.insert((source, ends_at_six), made);
        Ok(made)
    }

    /// Records that a layer of integers comes from a node of the file, if the result of that node is the activation that its
    /// rounding stands for.
    pub(in crate::import) fn keep_layer(&mut self, place: usize, node: &NodeProto, result: usize) {
        let Draft { op, inputs, .. } = &self.drafts[result];
        if let ("QLinearConv", Op::Activation(_), &[layer]) =
            (node.op_type.as_str(), op, inputs.as_slice())
        {
            self.drafts[layer].origins.push(place);
        }
    }

    /// The ends of the integers, once or for each channel; none if the file computes the scale or the zero point.
    fn ends(&mut self, node: &NodeProto, at: usize) -> Result<Vec<Ends>, UnsupportedOp> {
        let Value::Constant(scale) = self.input(node, at)? else { return Ok(vec![]) };
        let zero = match Self::has_input(node, at + 1) {
            false => None,
            true => match self.input(node, at + 1)? {
                Value::Constant(zero) => Some(zero),
                _ => return Ok(vec![]),
            },
        };
        let kind = self.integers.rounded_type(node, at + 1).and_then(limits);
        let unknown = || UnsupportedOp::because("to integers whose type is not known");
        let (low, high) = kind.ok_or_else(unknown)?;
        let mut stand_for = |end: f32| {
            let numbers = self.numbers_of(&scale.filled(end), &scale, zero.as_ref(), 0)?;
            numbers.floats().ok_or_else(unknown)
        };
        let ends: Vec<Ends> = stand_for(low)?.into_iter().zip(stand_for(high)?).collect();
        match ends.iter().all(|(low, high)| low < high && (high - low).is_finite()) {
            true => Ok(ends),
            false => Err(no_scale()),
        }
    }

    /// Refuses a scale of a computed value that is no scale.
    pub(super) fn check_scale(&mut self, node: &NodeProto, at: usize) -> Result<(), UnsupportedOp> {
        let Value::Constant(scale) = self.input(node, at)? else { return Ok(()) };
        let scales = self.numbers_of(&scale.filled(1.0), &scale, None, 0)?;
        let is_scale = |scale: &f32| *scale > 0.0 && scale.is_finite();
        match scales.floats().is_some_and(|scales| scales.iter().all(is_scale)) {
            true => Ok(()),
            false => Err(no_scale()),
        }
    }

    /// Refuses integers whose zero point is of another type, as runtimes do.
    pub(super) fn check_types(
        &self,
        node: &NodeProto,
        values: usize,
        zero: usize,
    ) -> Result<(), UnsupportedOp> {
        let type_of = |at| self.integers.type_of(node, at);
        match type_of(values).zip(type_of(zero)) {
            Some((own, of_zero)) if own != of_zero => {
                Err(UnsupportedOp::because("with a zero point of another type than its values"))
            }
            _ => Ok(()),
        }
    }

    /// What is otherwise in the network than in a quantised file, in sentences.
    pub(in crate::import) fn remarks_on_integers(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.quantised > 0 {
            remarks.push(
                "the file is quantised; it is read as its network of numbers, without rounding and without the highest and the lowest number of its integers, so outputs differ a little"
                    .to_owned(),
            );
        }
        match self.integers.activations.len() {
            0 => {}
            1 => remarks.push(
                "1 activation is in the file only as integers that begin at 0; here it is a node"
                    .to_owned(),
            ),
            count => remarks.push(format!(
                "{count} activations are in the file only as integers that begin at 0; here they are nodes"
            )),
        }
        if self.integers.clips_input {
            remarks.push(
                "the file sets negative values of its input to 0, because its integers begin there; here they stay as they are"
                    .to_owned(),
            );
        }
        remarks
    }

    /// Whether something holds for a node's result, by its operator and those before it; not if these are too many.
    fn holds(&self, draft: usize, by_operator: fn(&Op) -> Holds) -> bool {
        let mut visited = vec![draft];
        let mut next = 0;
        while let Some(&at) = visited.get(next) {
            next += 1;
            match by_operator(&self.drafts[at].op) {
                Holds::Always => {}
                Holds::Unknown => return false,
                Holds::ForInputs => {
                    for &input in &self.drafts[at].inputs {
                        if visited.len() >= MOST_VISITED {
                            return false;
                        }
                        if !visited.contains(&input) {
                            visited.push(input);
                        }
                    }
                }
            }
        }
        true
    }
}

fn no_scale() -> UnsupportedOp {
    UnsupportedOp::because("with a scale that is not positive, or too large")
}

/// Whether no value is negative.
fn is_not_negative(op: &Op) -> Holds {
    let of_inputs = |holds| if holds { Holds::ForInputs } else { Holds::Unknown };
    match op {
        Op::Softmax => Holds::Always,
        Op::Activation(activation) => sign(*activation),
        Op::Pool(pool) => of_pool(pool.kind),
        Op::GlobalPool(kind) => of_pool(*kind),
        Op::ChannelMax
        | Op::ChannelMean
        | Op::AdaptiveAvgPool { .. }
        | Op::Concat
        | Op::Multiply
        | Op::Maximum
        | Op::Flatten
        | Op::Dropout { .. }
        | Op::DropPath { .. }
        | Op::ChannelShuffle { .. }
        | Op::Lrn(_)
        | Op::Resize(_) => Holds::ForInputs,
        Op::Add { scales } => of_inputs(scales.iter().all(|&scale| scale >= 0.0)),
        Op::Rescale(Rescale { scale, shift }) => {
            of_inputs(scale.iter().chain(shift).all(|&number| number >= 0.0))
        }
        Op::Rearrange(Rearrange::Pad { mode: PadMode::Constant(value), .. }) => {
            of_inputs(*value >= 0.0)
        }
        Op::Rearrange(_) => Holds::ForInputs,
        Op::Input(_)
        | Op::Conv(_)
        | Op::ConvTranspose(_)
        | Op::Linear(_)
        | Op::BatchNorm(_)
        | Op::Norm(_)
        | Op::Prelu { .. }
        | Op::Scale(_) => Holds::Unknown,
    }
}

fn of_pool(kind: PoolKind) -> Holds {
    match kind {
        PoolKind::Max | PoolKind::Average => Holds::ForInputs,
        PoolKind::L2 => Holds::Always,
    }
}

/// Whether an activation has no negative values. All of them have none for values that are not negative.
fn sign(activation: Activation) -> Holds {
    match activation {
        Activation::Relu
        | Activation::Relu6
        | Activation::Sigmoid
        | Activation::HardSigmoid
        | Activation::Softplus => Holds::Always,
        Activation::Clip { low, high } => match (low >= 0.0, high >= 0.0) {
            (true, _) => Holds::Always,
            (false, true) => Holds::ForInputs,
            (false, false) => Holds::Unknown,
        },
        Activation::Silu
        | Activation::HardSwish
        | Activation::LeakyRelu { .. }
        | Activation::Elu { .. }
        | Activation::Selu
        | Activation::Gelu
        | Activation::GeluTanh
        | Activation::Mish
        | Activation::Tanh => Holds::ForInputs,
    }
}

/// Whether it is the image, in another order, size or scale: what a network does before its first layer.
fn is_input(op: &Op) -> Holds {
    match op {
        Op::Input(_) => Holds::Always,
        Op::Concat | Op::Rescale(_) | Op::Resize(_) | Op::Rearrange(_) => Holds::ForInputs,
        Op::Conv(_)
        | Op::ConvTranspose(_)
        | Op::Linear(_)
        | Op::BatchNorm(_)
        | Op::Norm(_)
        | Op::Lrn(_)
        | Op::Prelu { .. }
        | Op::Scale(_)
        | Op::Activation(_)
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::AdaptiveAvgPool { .. }
        | Op::Add { .. }
        | Op::Multiply
        | Op::Maximum
        | Op::Flatten
        | Op::Dropout { .. }
        | Op::DropPath { .. }
        | Op::Softmax
        | Op::ChannelShuffle { .. } => Holds::Unknown,
    }
}
