//! Concatenations, sums and products.

use inceptive_ir::{Conv, Linear, Op, Role};

use crate::{
    export::HELPER,
    import::{
        attribute::int,
        constant::Constant,
        error::UnsupportedOp,
        importer::{Draft, Importer, Value},
    },
    proto::NodeProto,
};

use super::shape::dimensions;

impl Importer {
    pub(super) fn concat(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let values: Vec<Value> =
            (0..node.input.len()).map(|at| self.input(node, at)).collect::<Result<_, _>>()?;
        let constants: Option<Vec<i64>> = values
            .iter()
            .map(|value| match value {
                Value::Constant(constant) => constant.to_ints(),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .map(|parts| parts.concat());
        if let Some(ints) = constants {
            return Ok(Value::Constant(Constant::ints(&ints)));
        }
        let sources: Vec<usize> =
            (0..node.input.len()).map(|at| self.source(node, at)).collect::<Result<_, _>>()?;
        let rank = i64::try_from(dimensions(self.drafts[sources[0]].shape).len()).unwrap_or(4);
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
                    return self.add_constant(self.source(node, 1 - position)?, &constant);
                }
                _ => {
                    sources.push(self.source(node, position)?);
                    scales.push(1.0);
                }
            }
        }
        match sources[..] {
            [only] => Ok(Value::Node(only)),
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
            let is_read_once = node.input.first().and_then(|name| self.reads.get(name)) == Some(&1);
            first == helper && !others.contains(helper) && is_read_once
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
    fn add_constant(&mut self, source: usize, constant: &Constant) -> Result<Value, UnsupportedOp> {
        let channels = self.drafts[source].shape.channels() as usize;
        let bias = per_channel(constant, channels)?;
        let draft = &mut self.drafts[source];
        match &mut draft.op {
            Op::Conv(Conv { bias: has_bias, .. }) | Op::Linear(Linear { bias: has_bias, .. })
                if !*has_bias =>
            {
                *has_bias = true;
                draft.tensors.push((Role::Bias, bias));
            }
            Op::BatchNorm(_) => combine(draft, Role::Bias, &bias, |beta, added| beta + added)?,
            _ => {
                return Err(UnsupportedOp::because(
                    "of a constant to something other than a layer",
                ));
            }
        }
        Ok(Value::Node(source))
    }

    pub(super) fn mul(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        for (at, other) in [(0, 1), (1, 0)] {
            if let Value::Constant(constant) = self.input(node, at)? {
                let source = self.source(node, other)?;
                return self.mul_constant(source, &constant);
            }
        }
        let (a, b) = (self.source(node, 0)?, self.source(node, 1)?);
        if let Some(gated) = self.gated(node, a, b).or_else(|| self.gated(node, b, a)) {
            return Ok(gated);
        }
        self.push(node, Op::Multiply, vec![a, b], vec![])
    }

    /// A number for each channel, multiplied into a normalisation; a single number waits for a sum.
    fn mul_constant(&mut self, source: usize, constant: &Constant) -> Result<Value, UnsupportedOp> {
        if let Some(scale) = constant.to_scalar() {
            return Ok(Value::Scaled(source, scale));
        }
        let channels = self.drafts[source].shape.channels() as usize;
        let factor = per_channel(constant, channels)?;
        let draft = &mut self.drafts[source];
        if !matches!(draft.op, Op::BatchNorm(_)) {
            return Err(UnsupportedOp::because(
                "by a number for each channel, outside of a normalisation",
            ));
        }
        combine(draft, Role::Weight, &factor, |gamma, factor| gamma * factor)?;
        combine(draft, Role::Bias, &factor, |beta, factor| beta * factor)?;
        Ok(Value::Node(source))
    }
}

/// Changes a normalisation's tensor channel by channel.
fn combine(
    draft: &mut Draft,
    role: Role,
    with: &Constant,
    change: impl Fn(f32, f32) -> f32,
) -> Result<(), UnsupportedOp> {
    let absent = || UnsupportedOp::because("of a normalisation whose values are in another file");
    let tensor = draft.tensors.iter_mut().find(|(own, _)| *own == role).ok_or_else(absent)?;
    let (own, with) = tensor.1.floats().zip(with.floats()).ok_or_else(absent)?;
    let changed: Vec<f32> =
        own.into_iter().zip(with).map(|(own, with)| change(own, with)).collect();
    tensor.1 = Constant::vector(&changed);
    Ok(())
}

/// A constant with one value for each channel, as a vector.
pub(super) fn per_channel(constant: &Constant, channels: usize) -> Result<Constant, UnsupportedOp> {
    let refusal =
        || UnsupportedOp::because("with a constant that is not one number for each channel");
    constant.reshaped(vec![channels]).ok_or_else(refusal)
}
