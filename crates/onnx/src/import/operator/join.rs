//! Concatenations, sums and products of computed values.

use inceptive_ir::{Axis, Op, Rearrange, Rescale};

use crate::{
    export::HELPER,
    import::{
        attribute::int,
        constant::Constant,
        error::UnsupportedOp,
        importer::{Importer, Value},
        layout::{self, Layout},
        math::Function,
    },
    proto::NodeProto,
};

/// An operand of a sum or product: a node, the order of its values, and what it is multiplied with.
struct Term {
    source: usize,
    layout: Layout,
    scale: f32,
}

impl Importer {
    pub(super) fn concat(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let operands: Vec<(usize, Layout)> =
            (0..node.input.len()).map(|at| self.operand(node, at)).collect::<Result<_, _>>()?;
        let Some((_, first)) = operands.first() else {
            return Err(UnsupportedOp::because("of nothing"));
        };
        let at = axis(int(node, "axis").unwrap_or(1), first.rank())?;
        let rest = first.reduced(at);
        for (source, layout) in &operands {
            let shape = self.drafts[*source].shape;
            let is_channels = match layout.sizes().get(at) {
                Some(1) => shape.channels() == 1,
                _ => layout.axis(at, shape) == Some(layout::Axis::Channels),
            };
            if layout.rank() != first.rank() {
                return Err(UnsupportedOp::because(
                    "of values with different numbers of dimensions",
                ));
            }
            if !is_channels || layout.reduced(at) != rest {
                return Err(UnsupportedOp::because("along an axis other than the channels"));
            }
        }
        let sources: Vec<usize> = operands.iter().map(|(source, _)| *source).collect();
        if let [(only, layout)] = &operands[..] {
            return Ok(self.viewed(*only, layout.clone()));
        }
        let value = match self.scaled_slices(node, &sources)? {
            Some(value) => value,
            None => self.push(node, Op::Concat, sources, vec![])?,
        };
        let Value::Node(draft) = value else { return Ok(value) };
        let channels = self.drafts[draft].shape.channels();
        match rest.grown(at, layout::Axis::Channels, channels.into()) {
            Some(layout) => Ok(self.viewed(draft, layout)),
            None => Err(UnsupportedOp::because("along an axis other than the channels")),
        }
    }

    /// All channels of a result, one after the other, each with numbers of its own: as torchvision transforms images.
    fn scaled_slices(
        &mut self,
        node: &NodeProto,
        sources: &[usize],
    ) -> Result<Option<Value>, UnsupportedOp> {
        let mut whole: Option<usize> = None;
        let (mut scales, mut shifts) = (Vec::new(), Vec::new());
        for (position, &source) in sources.iter().enumerate() {
            let draft = &self.drafts[source];
            let Op::Rescale(Rescale { scale, shift }) = &draft.op else { return Ok(None) };
            let slice = &self.drafts[draft.inputs[0]];
            let Op::Rearrange(Rearrange::Slice { axis: Axis::Channels, start, count: 1, .. }) =
                slice.op
            else {
                return Ok(None);
            };
            let of = slice.inputs[0];
            if u32::try_from(position).ok() != Some(start) || *whole.get_or_insert(of) != of {
                return Ok(None);
            }
            scales.push(scale.first().copied().unwrap_or(1.0));
            shifts.push(shift.first().copied().unwrap_or(0.0));
        }
        let Some(whole) = whole else { return Ok(None) };
        if self.drafts[whole].shape.channels() as usize != sources.len() {
            return Ok(None);
        }
        let op = Op::Rescale(Rescale { scale: scales, shift: shifts });
        self.push(node, op, vec![whole], vec![]).map(Some)
    }

    pub(super) fn add(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if let Some(value) = self.with_constant(node, |importer, node, at, constant| {
            importer.add_constant(node, at, constant)
        }) {
            return value;
        }
        if self.reads_math(node) {
            return self.math(node, Function::Add);
        }
        let terms: Vec<Term> =
            (0..node.input.len()).map(|at| self.term(node, at)).collect::<Result<_, _>>()?;
        self.sum(node, terms)
    }

    pub(super) fn sub(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if let Some(value) = self.with_constant(node, |importer, node, at, constant| {
            importer.subtract_constant(node, at, constant)
        }) {
            return value;
        }
        if self.reads_math(node) {
            return self.subtract_math(node);
        }
        let (first, second) = (self.term(node, 0)?, self.term(node, 1)?);
        let second = Term { scale: -second.scale, ..second };
        self.sum(node, vec![first, second])
    }

    /// What is computed with the only constant of two inputs, if there is one and nothing is arithmetic; `at` is the position
    /// of the other.
    fn with_constant(
        &mut self,
        node: &NodeProto,
        compute: impl FnOnce(&mut Self, &NodeProto, usize, Constant) -> Result<Value, UnsupportedOp>,
    ) -> Option<Result<Value, UnsupportedOp>> {
        if node.input.len() != 2 || self.reads_math(node) {
            return None;
        }
        let constant = |at: usize| match self.input(node, at) {
            Ok(Value::Constant(constant)) => Some(constant),
            _ => None,
        };
        let found = (0..2).find_map(|at| Some((1 - at, constant(at)?)));
        found.map(|(other, constant)| compute(self, node, other, constant))
    }

    /// An operand of a sum, with a factor that waited for it.
    fn term(&mut self, node: &NodeProto, position: usize) -> Result<Term, UnsupportedOp> {
        match self.input(node, position)? {
            Value::Scaled(source, scale) => Ok(Term { source, layout: self.layout(source), scale }),
            _ => {
                let (source, layout) = self.broadcast_operand(node, position)?;
                Ok(Term { source, layout, scale: 1.0 })
            }
        }
    }

    /// An operand that stands for all positions of the others where it has one.
    fn broadcast_operand(
        &mut self,
        node: &NodeProto,
        position: usize,
    ) -> Result<(usize, Layout), UnsupportedOp> {
        if let Value::Expanded(source, shape) = self.input(node, position)? {
            // Another operand is as large.
            let others = (0..node.input.len()).filter(|&other| other != position);
            let mut inputs = others.filter_map(|other| self.input(node, other).ok()?.draft());
            if inputs.any(|draft| self.drafts[draft].shape == shape) {
                return Ok((source, self.layout(source)));
            }
        }
        self.operand(node, position)
    }

    fn sum(&mut self, node: &NodeProto, terms: Vec<Term>) -> Result<Value, UnsupportedOp> {
        let layout = joined(terms.iter().map(|term| &term.layout))?;
        let sources: Vec<usize> = terms.iter().map(|term| term.source).collect();
        let scales: Vec<f32> = terms.iter().map(|term| term.scale).collect();
        match (&sources[..], &scales[..]) {
            (&[only], &[1.0]) => Ok(self.viewed(only, layout)),
            (&[only], &[scale]) => Ok(Value::Scaled(only, scale)),
            _ => {
                self.push(node, Op::Add { scales }, sources, vec![])?;
                self.absorb_partial_sum(node);
                Ok(self.viewed(self.drafts.len() - 1, layout))
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

    pub(super) fn mul(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if let Some(value) = self.with_constant(node, |importer, node, at, constant| {
            importer.mul_constant(node, at, constant)
        }) {
            return value;
        }
        if self.reads_math(node) {
            return self.math(node, Function::Mul);
        }
        let (a, first) = self.broadcast_operand(node, 0)?;
        let (b, second) = self.broadcast_operand(node, 1)?;
        let layout = joined([&first, &second])?;
        if let Some(gated) = self.gated(a, b).or_else(|| self.gated(b, a)) {
            return Ok(self.viewed(gated, layout));
        }
        match self.push(node, Op::Multiply, vec![a, b], vec![])? {
            Value::Node(draft) => {
                let product = self.viewed(draft, layout);
                self.completed(node, product)
            }
            other => Ok(other),
        }
    }

    pub(super) fn div(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let divisor = self.input(node, 1)?;
        match divisor {
            Value::Constant(divisor) if !self.reads_math(node) => {
                let inverse = self.computations.inverted(&divisor)?;
                self.mul_constant(node, 0, inverse)
            }
            _ => self.math(node, Function::Div),
        }
    }

    /// The larger or the smaller of two values, or of a value and a number.
    pub(super) fn extreme(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let is_max = node.op_type == "Max";
        let with_constant = self.with_constant(node, |importer, node, at, constant| {
            let refusal = || UnsupportedOp::because("with a constant that is not one number");
            let number = constant.to_scalar().ok_or_else(refusal)?;
            let (source, layout) = importer.operand(node, at)?;
            let (low, high) =
                if is_max { (number, f32::INFINITY) } else { (f32::NEG_INFINITY, number) };
            importer.clipped(node, source, layout, low, high)
        });
        if let Some(value) = with_constant {
            return value;
        }
        if self.reads_math(node) || !is_max {
            return self.math(node, if is_max { Function::Max } else { Function::Min });
        }
        let operands: Vec<(usize, Layout)> =
            (0..node.input.len()).map(|at| self.operand(node, at)).collect::<Result<_, _>>()?;
        let layout = joined(operands.iter().map(|(_, layout)| layout))?;
        let sources: Vec<usize> = operands.into_iter().map(|(source, _)| source).collect();
        if let [only] = sources[..] {
            return Ok(self.viewed(only, layout));
        }
        match self.push(node, Op::Maximum, sources, vec![])? {
            Value::Node(draft) => {
                let largest = self.viewed(draft, layout);
                self.completed(node, largest)
            }
            other => Ok(other),
        }
    }
}

/// The order of values that are joined position by position.
fn joined<'a>(layouts: impl IntoIterator<Item = &'a Layout>) -> Result<Layout, UnsupportedOp> {
    let mut layouts = layouts.into_iter();
    let first = layouts.next().ok_or_else(|| UnsupportedOp::because("of nothing"))?.clone();
    layouts.try_fold(first, |joined, next| {
        joined.joined(next).ok_or_else(|| {
            UnsupportedOp::because("of values whose dimensions have different orders or numbers")
        })
    })
}

/// An axis, counted from the front.
pub(in crate::import) fn axis(axis: i64, rank: usize) -> Result<usize, UnsupportedOp> {
    let signed = i64::try_from(rank)?;
    let at = if axis < 0 { axis.saturating_add(signed) } else { axis };
    let at = usize::try_from(at).ok().filter(|&at| at < rank);
    at.ok_or_else(|| UnsupportedOp::because(&format!("along axis {axis} of {rank} dimensions")))
}
