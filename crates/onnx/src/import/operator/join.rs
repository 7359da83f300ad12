//! Concatenations, sums and products.

use inceptive_ir::{BatchNorm, Conv, Linear, Op, Role};

use crate::{
    export::HELPER,
    import::{
        attribute::int,
        computation::Computation,
        constant::Constant,
        error::UnsupportedOp,
        importer::{Importer, Value},
    },
    proto::NodeProto,
};

use super::shape::rank;

impl Importer {
    pub(super) fn concat(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let values: Vec<Value> =
            (0..node.input.len()).map(|at| self.input(node, at)).collect::<Result<_, _>>()?;
        let constants: Option<Vec<(usize, Vec<i64>)>> = values
            .iter()
            .map(|value| match value {
                Value::Constant(constant) => Some((constant.dims.len(), constant.to_ints()?)),
                _ => None,
            })
            .collect();
        if let Some(parts) = constants {
            let is_vector = matches!(int(node, "axis"), Some(0 | -1));
            if !is_vector || parts.iter().any(|(rank, _)| *rank != 1) {
                return Err(UnsupportedOp::because("of constants that are no vectors"));
            }
            let ints: Vec<i64> = parts.into_iter().flat_map(|(_, ints)| ints).collect();
            return Ok(Value::Constant(Constant::ints(&ints)));
        }
        let sources: Vec<usize> =
            (0..node.input.len()).map(|at| self.source(node, at)).collect::<Result<_, _>>()?;
        let rank = i64::try_from(rank(self.drafts[sources[0]].shape))?;
        let axis = int(node, "axis").unwrap_or(1);
        if axis != 1 && axis != 1 - rank {
            return Err(UnsupportedOp::because("along an axis other than the channels"));
        }
        match sources[..] {
            [only] => Ok(Value::Node(only)),
            _ => self.push(node, Op::Concat, sources, vec![]),
        }
    }

    pub(super) fn add(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let mut sources = Vec::with_capacity(node.input.len());
        let mut scales = Vec::with_capacity(node.input.len());
        for position in 0..node.input.len() {
            match self.input(node, position)? {
                Value::Scaled(source, scale) => {
                    sources.push(source);
                    scales.push(scale);
                }
                Value::Constant(constant) if node.input.len() == 2 => {
                    let source = self.source(node, 1 - position)?;
                    return self.add_constant(node, source, &constant);
                }
                _ => {
                    sources.push(self.source(node, position)?);
                    scales.push(1.0);
                }
            }
        }
        match sources[..] {
            [only] if scales == [1.0] => Ok(Value::Node(only)),
            [only] => Ok(Value::Scaled(only, scales[0])),
            _ => {
                self.push(node, Op::Add { scales }, sources, vec![])?;
                self.absorb_partial_sum(node);
                Ok(Value::Node(self.drafts.len() - 1))
            }
        }
    }

    /// Our files write a sum of three and more as a chain of nodes, all but the last of which are helpers; each is taken
    /// into the next one again.
    fn absorb_partial_sum(&mut self, node: &NodeProto) {
        let helper_of =
            node.name.rsplit_once(HELPER).filter(|(_, number)| number.parse::<u32>().is_ok());
        let base = helper_of.map_or(node.name.as_str(), |(base, _)| base);
        let last = self.drafts.len() - 1;
        let before =
            self.partial_sum.take().filter(|(of, helper)| of == base && helper + 1 == last);
        let before = before.filter(|(_, helper)| {
            let [first, others @ ..] = &*self.drafts[last].inputs else { return false };
            let is_plain = match &self.drafts[last].op {
                Op::Add { scales } => scales.first() == Some(&1.0),
                _ => false,
            };
            let is_read_once = !self.drafts[*helper].is_read_again;
            first == helper && !others.contains(helper) && is_plain && is_read_once
        });
        let sum = match (before, self.drafts.pop()) {
            (Some((_, helper)), Some(whole)) => {
                let draft = &mut self.drafts[helper];
                draft.path = whole.path;
                draft.inputs.extend(&whole.inputs[1..]);
                if let (Op::Add { scales }, Op::Add { scales: more }) = (&mut draft.op, &whole.op) {
                    scales.extend(&more[1..]);
                }
                helper
            }
            (None, Some(whole)) => {
                self.drafts.push(whole);
                last
            }
            (_, None) => return,
        };
        if self.is_ours && helper_of.is_some() {
            self.partial_sum = Some((base.to_owned(), sum));
        }
    }

    /// A number for each channel, added to a layer without a bias or to a normalisation.
    fn add_constant(
        &mut self,
        node: &NodeProto,
        source: usize,
        constant: &Constant,
    ) -> Result<Value, UnsupportedOp> {
        let bias = self.channels_of(node, source, constant)?;
        let Self { drafts, computations, .. } = self;
        let draft = &mut drafts[source];
        let has_bias = match &mut draft.op {
            Op::Conv(Conv { bias, .. }) | Op::Linear(Linear { bias, .. }) if !*bias => bias,
            Op::BatchNorm(BatchNorm { center, .. }) => center,
            _ => {
                return Err(UnsupportedOp::because(
                    "of a constant to something other than a layer",
                ));
            }
        };
        if draft.is_read_again {
            return self.affine(node, source, (Role::Bias, bias));
        }
        *has_bias = true;
        match draft.tensors.iter_mut().find(|(role, _)| *role == Role::Bias) {
            Some((_, beta)) => *beta = computations.combined(Computation::Sum, beta, &bias)?,
            None => draft.tensors.push((Role::Bias, bias)),
        }
        Ok(Value::Node(source))
    }

    /// What a constant adds to or multiplies the channels of a result with, as a normalisation of its own that neither
    /// shifts nor scales anything else. It is for results that something else reads too.
    fn affine(
        &mut self,
        node: &NodeProto,
        source: usize,
        tensor: (Role, Constant),
    ) -> Result<Value, UnsupportedOp> {
        let (scale, center) = (tensor.0 == Role::Weight, tensor.0 == Role::Bias);
        let statistics = [(Role::Mean, 0.0), (Role::Variance, 1.0 - AFFINE_EPS)];
        let statistics = statistics.map(|(role, value)| (role, tensor.1.filled(value)));
        let op = Op::BatchNorm(BatchNorm { eps: AFFINE_EPS, scale, center });
        self.push(node, op, vec![source], [vec![tensor], statistics.to_vec()].concat())
    }

    pub(super) fn mul(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        for (at, other) in [(0, 1), (1, 0)] {
            if let Value::Constant(constant) = self.input(node, at)? {
                let source = self.source(node, other)?;
                return self.mul_constant(node, source, &constant);
            }
        }
        let (a, b) = (self.source(node, 0)?, self.source(node, 1)?);
        if let Some(gated) = self.gated(node, a, b).or_else(|| self.gated(node, b, a)) {
            return Ok(gated);
        }
        self.push(node, Op::Multiply, vec![a, b], vec![])
    }

    /// A number for each channel, multiplied into a normalisation; a single number waits for a sum.
    fn mul_constant(
        &mut self,
        node: &NodeProto,
        source: usize,
        constant: &Constant,
    ) -> Result<Value, UnsupportedOp> {
        if let Some(scale) = constant.to_scalar() {
            return Ok(Value::Scaled(source, scale));
        }
        let factor = self.channels_of(node, source, constant)?;
        let Self { drafts, computations, .. } = self;
        let draft = &mut drafts[source];
        let Op::BatchNorm(BatchNorm { scale, .. }) = &mut draft.op else {
            return Err(UnsupportedOp::because(
                "by a number for each channel, outside of a normalisation",
            ));
        };
        if draft.is_read_again {
            return self.affine(node, source, (Role::Weight, factor));
        }
        for (role, tensor) in &mut draft.tensors {
            if matches!(role, Role::Weight | Role::Bias) {
                *tensor = computations.combined(Computation::Product, tensor, &factor)?;
            }
        }
        if !*scale {
            *scale = true;
            draft.tensors.push((Role::Weight, factor));
        }
        Ok(Value::Node(source))
    }

    /// A constant that is added to or multiplied with a result, as one number for each channel.
    fn channels_of(
        &self,
        node: &NodeProto,
        source: usize,
        constant: &Constant,
    ) -> Result<Constant, UnsupportedOp> {
        let shape = self.drafts[source].shape;
        let channels = shape.channels() as usize;
        let is_along_axis = self.opset < BROADCAST_AT_THE_END && int(node, "axis") == Some(1);
        let rank = if is_along_axis { 1 } else { rank(shape) };
        per_channel(constant, rank, channels)
    }
}

/// Epsilon of a normalisation that only adds or only multiplies.
const AFFINE_EPS: f32 = 1e-5;

/// The first version of the operator set in which the dimensions of operands are aligned at the end.
const BROADCAST_AT_THE_END: i64 = 7;

/// A constant with one value for each channel, as a vector. Its dimensions are aligned at the end with those of a
/// result of this rank: vectors have channels in dimension 0 of 1 or 1 of 2, maps in 1 of 4.
pub(super) fn per_channel(
    constant: &Constant,
    rank: usize,
    channels: usize,
) -> Result<Constant, UnsupportedOp> {
    let axis = usize::from(rank > 1);
    let missing = rank.checked_sub(constant.dims.len());
    let fits = missing.is_some_and(|missing| {
        let own = std::iter::repeat_n(&1, missing).chain(&constant.dims);
        own.enumerate().all(|(at, &size)| size == if at == axis { channels } else { 1 })
    });
    let refusal =
        || UnsupportedOp::because("with a constant that is not one number for each channel");
    constant.reshaped(vec![channels]).filter(|_| fits).ok_or_else(refusal)
}
