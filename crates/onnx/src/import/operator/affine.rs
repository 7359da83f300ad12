//! Sums and products with constants: biases, factors of normalisations, learned scales, and the constants of an input's
//! normalisation.

use inceptive_ir::{BatchNorm, Conv, ConvTranspose, Linear, Norm, Op, Rescale, Role, Scale};

use crate::{
    export::HELPER,
    import::{
        attribute::int,
        computation::Computation,
        constant::{Constant, Origin},
        error::{UnsupportedOp, unread},
        importer::{Importer, Value},
        layout::Layout,
    },
    proto::NodeProto,
};

/// The first version of the operator set in which the dimensions of operands are aligned at the end.
const BROADCAST_AT_THE_END: i64 = 7;

/// Epsilon of a normalisation that only adds or only multiplies.
const AFFINE_EPS: f32 = 1e-5;

/// Last words of the names of learned numbers; others, such as `mean` or `onnx::Mul_25`, are constants of the network.
const LEARNED: [&str; 8] =
    ["weight", "bias", "gamma", "beta", "scale", "alpha", "layer_scale", "lambda"];

/// A constant along the channels of a result.
enum Numbers {
    One(f32),
    Channels(Constant),
}

/// What a file of ours says about a constant, by its name.
#[derive(Clone, Copy, PartialEq)]
enum Named {
    Fixed,
    Learned,
    No,
}

impl Importer {
    /// The constant that is added to or multiplied with a result, as one number or one for each channel.
    fn numbers(
        &self,
        node: &NodeProto,
        source: usize,
        layout: &Layout,
        constant: &Constant,
    ) -> Result<Numbers, UnsupportedOp> {
        let shape = self.drafts[source].shape;
        let channels = shape.channels() as usize;
        let is_along_axis = self.opset < BROADCAST_AT_THE_END && int(node, "axis") == Some(1);
        if is_along_axis && constant.dims.len() == 1 {
            return per_channel(constant, 1, 0, channels).map(Numbers::Channels);
        }
        if constant.len() == 1 && constant.dims.len() <= layout.rank() {
            return match channels == 1 && !constant.dims.is_empty() {
                true => Ok(Numbers::Channels(constant.flat())),
                false => constant.to_scalar().map(Numbers::One).ok_or_else(unread),
            };
        }
        let refusal = || {
            UnsupportedOp::because(
                "with a constant that is neither one number nor one for each channel",
            )
        };
        let at = layout.channels(shape).ok_or_else(refusal)?;
        per_channel(constant, layout.rank(), at, channels).map(Numbers::Channels)
    }

    /// What one of our files says about a constant of a node.
    fn named(&self, node: &NodeProto, constant: &Constant) -> Named {
        let name = constant.origin().and_then(Origin::name).filter(|_| self.is_ours);
        let Some(name) = name else { return Named::No };
        let base = node.name.split_once(HELPER).map_or(node.name.as_str(), |(base, _)| base);
        match name.rsplit_once('.') {
            Some((of, "scale" | "shift")) if of == base => Named::Fixed,
            Some((_, "weight" | "bias")) => Named::Learned,
            _ => Named::No,
        }
    }

    /// Whether a constant looks like a parameter: an initializer with the name of one.
    fn is_learned(&self, constant: &Constant) -> bool {
        let Some(Origin::File(name)) = constant.origin() else { return false };
        let last = name.rsplit(['.', '/', ':']).next().unwrap_or_default();
        self.initializers.contains(&**name) && LEARNED.contains(&last)
    }

    /// Adds a constant to the operand at a position.
    pub(super) fn add_constant(
        &mut self,
        node: &NodeProto,
        position: usize,
        constant: Constant,
    ) -> Result<Value, UnsupportedOp> {
        if constant.is_zero_splat() && constant.len() == 1 {
            return self.input(node, position);
        }
        if let Value::Scaled(source, scale) = self.input(node, position)?
            && let Some(shift) = constant.to_scalar()
        {
            let layout = self.layout(source);
            return self.rescaled(node, source, layout, vec![scale], vec![shift]);
        }
        let (source, layout) = self.operand(node, position)?;
        let named = self.named(node, &constant);
        let bias = match self.numbers(node, source, &layout, &constant)? {
            Numbers::One(number) if named != Named::Learned => {
                return self.rescaled(node, source, layout, vec![], vec![number]);
            }
            Numbers::One(_) => constant.flat(),
            Numbers::Channels(bias) => bias,
        };
        if named == Named::Fixed {
            let shift = values(&bias)?;
            return self.rescaled(node, source, layout, vec![], shift);
        }
        if named != Named::Learned
            && let Some(value) = self.biased(node, source, &layout, &bias)?
        {
            return Ok(value);
        }
        if named == Named::Learned || self.is_learned(&bias) {
            return self.learned(node, source, layout, Role::Bias, bias);
        }
        let shift = values(&bias)?;
        self.rescaled(node, source, layout, vec![], shift)
    }

    /// A number for each channel as the bias of a layer without one, or of a normalisation.
    fn biased(
        &mut self,
        node: &NodeProto,
        source: usize,
        layout: &Layout,
        bias: &Constant,
    ) -> Result<Option<Value>, UnsupportedOp> {
        let Self { drafts, computations, .. } = self;
        let draft = &mut drafts[source];
        let has_bias = match &mut draft.op {
            Op::Conv(Conv { bias, .. })
            | Op::ConvTranspose(ConvTranspose { bias, .. })
            | Op::Linear(Linear { bias, .. })
                if !*bias =>
            {
                bias
            }
            Op::BatchNorm(BatchNorm { center, .. }) => center,
            Op::Norm(Norm { center, .. }) if !draft.is_read_again => center,
            _ => return Ok(None),
        };
        if draft.is_read_again {
            return self.affine(node, source, layout, (Role::Bias, bias.clone())).map(Some);
        }
        *has_bias = true;
        match draft.tensors.iter_mut().find(|(role, _)| *role == Role::Bias) {
            Some((_, beta)) => *beta = computations.combined(Computation::Sum, beta, bias)?,
            None => draft.tensors.push((Role::Bias, bias.clone())),
        }
        Ok(Some(self.viewed(source, layout.clone())))
    }

    /// What a constant adds to or multiplies the channels of a result with, as a normalisation of its own that neither
    /// shifts nor scales anything else. It is for results that something else reads too.
    fn affine(
        &mut self,
        node: &NodeProto,
        source: usize,
        layout: &Layout,
        tensor: (Role, Constant),
    ) -> Result<Value, UnsupportedOp> {
        let (scale, center) = (tensor.0 == Role::Weight, tensor.0 == Role::Bias);
        let statistics = [(Role::Mean, 0.0), (Role::Variance, 1.0 - AFFINE_EPS)];
        let statistics = statistics.map(|(role, value)| (role, tensor.1.filled(value)));
        let op = Op::BatchNorm(BatchNorm { eps: AFFINE_EPS, scale, center });
        let tensors = [vec![tensor], statistics.to_vec()].concat();
        self.elementwise_with(node, op, source, layout.clone(), tensors)
    }

    /// Takes a constant off the operand at a position, or the operand off the constant.
    pub(super) fn subtract_constant(
        &mut self,
        node: &NodeProto,
        position: usize,
        constant: Constant,
    ) -> Result<Value, UnsupportedOp> {
        if position == 0 {
            let negative = self.computations.negated(&constant)?;
            return self.add_constant(node, 0, negative);
        }
        let (source, layout) = self.operand(node, 1)?;
        let shift = match self.numbers(node, source, &layout, &constant)? {
            Numbers::One(number) => vec![number],
            Numbers::Channels(numbers) => values(&numbers)?,
        };
        self.rescaled(node, source, layout, vec![-1.0], shift)
    }

    /// Multiplies the operand at a position with a constant. A single number waits for a sum.
    pub(super) fn mul_constant(
        &mut self,
        node: &NodeProto,
        position: usize,
        constant: Constant,
    ) -> Result<Value, UnsupportedOp> {
        let named = self.named(node, &constant);
        if let (Value::Scaled(source, scale), Named::No) = (self.input(node, position)?, named)
            && let Some(more) = constant.to_scalar()
        {
            return Ok(Value::Scaled(source, scale * more));
        }
        let (source, layout) = self.operand(node, position)?;
        if self.unscaled.contains(&source) && self.scaled_integers(source, &constant)? {
            return Ok(self.viewed(source, layout));
        }
        let factor = match self.numbers(node, source, &layout, &constant)? {
            Numbers::One(number) if named == Named::No && !self.is_learned(&constant) => {
                return self.scaled(node, source, layout, number);
            }
            Numbers::One(number) if named == Named::Fixed => {
                return self.rescaled(node, source, layout, vec![number], vec![]);
            }
            Numbers::One(_) => constant.flat(),
            Numbers::Channels(factor) => factor,
        };
        if named == Named::Fixed {
            let scale = values(&factor)?;
            return self.rescaled(node, source, layout, scale, vec![]);
        }
        if named == Named::No
            && let Some(value) = self.multiplied(node, source, &layout, &factor)?
        {
            return Ok(value);
        }
        if named == Named::Learned || self.is_learned(&factor) {
            return self.learned(node, source, layout, Role::Weight, factor);
        }
        let scale = values(&factor)?;
        self.rescaled(node, source, layout, scale, vec![])
    }

    /// A result times a number.
    pub(super) fn scaled(
        &mut self,
        node: &NodeProto,
        source: usize,
        layout: Layout,
        number: f32,
    ) -> Result<Value, UnsupportedOp> {
        if let Some(activation) = self.scaled_activation(source, number) {
            let (of, activation) = activation;
            return self.elementwise_with(node, Op::Activation(activation), of, layout, vec![]);
        }
        // One that is its own takes the number in; a sum takes that of another.
        let is_rescale = matches!(self.drafts[source].op, Op::Rescale(_));
        if is_rescale && self.is_part(node, source) || layout != self.layout(source) {
            return self.rescaled(node, source, layout, vec![number], vec![]);
        }
        Ok(Value::Scaled(source, number))
    }

    /// A number for each channel, multiplied into a normalisation.
    fn multiplied(
        &mut self,
        node: &NodeProto,
        source: usize,
        layout: &Layout,
        factor: &Constant,
    ) -> Result<Option<Value>, UnsupportedOp> {
        if factor.len() != self.drafts[source].shape.channels() as usize {
            return Ok(None);
        }
        let Self { drafts, computations, .. } = self;
        let draft = &mut drafts[source];
        match &mut draft.op {
            Op::Norm(_) if draft.is_read_again => return Ok(None),
            Op::BatchNorm(_) if draft.is_read_again => {
                return self.affine(node, source, layout, (Role::Weight, factor.clone())).map(Some);
            }
            Op::BatchNorm(BatchNorm { scale, .. }) | Op::Norm(Norm { scale, .. }) => {
                for (role, tensor) in &mut draft.tensors {
                    if matches!(role, Role::Weight | Role::Bias) {
                        *tensor = computations.combined(Computation::Product, tensor, factor)?;
                    }
                }
                if !*scale {
                    *scale = true;
                    draft.tensors.push((Role::Weight, factor.clone()));
                }
            }
            _ => return Ok(None),
        }
        Ok(Some(self.viewed(source, layout.clone())))
    }

    /// A learned factor or shift, of its own or of a normalisation or another factor just before.
    fn learned(
        &mut self,
        node: &NodeProto,
        source: usize,
        layout: Layout,
        role: Role,
        tensor: Constant,
    ) -> Result<Value, UnsupportedOp> {
        let channels = self.drafts[source].shape.channels() as usize;
        let is_one = tensor.len() == 1 && channels > 1;
        let path = self.path(node, "scale", None);
        let draft = &mut self.drafts[source];
        let is_own = !draft.is_read_again && (!self.is_ours || draft.path == path);
        let slot = match (&mut draft.op, role) {
            (Op::Norm(Norm { scale, center, .. }), Role::Weight)
                if !*scale && !*center && !is_one =>
            {
                Some(scale)
            }
            (Op::Norm(Norm { center, .. }), Role::Bias) if !*center && !is_one => Some(center),
            (Op::Scale(Scale { center, shared, .. }), Role::Bias)
                if !*center && *shared == is_one =>
            {
                Some(center)
            }
            _ => None,
        };
        if let Some(slot) = slot.filter(|_| is_own) {
            *slot = true;
            draft.tensors.push((role, tensor));
            return Ok(self.viewed(source, layout));
        }
        let (scale, center) = (role == Role::Weight, role == Role::Bias);
        let op = Op::Scale(Scale { scale, center, shared: is_one });
        self.elementwise_with(node, op, source, layout, vec![(role, tensor)])
    }

    /// Whether a factor or a shift may be merged into the rescaling before it.
    fn is_part(&self, node: &NodeProto, source: usize) -> bool {
        let draft = &self.drafts[source];
        !draft.is_read_again && (!self.is_ours || draft.path == self.path(node, "rescale", None))
    }

    /// A constant factor and shift, merged into one just before.
    pub(super) fn rescaled(
        &mut self,
        node: &NodeProto,
        source: usize,
        layout: Layout,
        scale: Vec<f32>,
        shift: Vec<f32>,
    ) -> Result<Value, UnsupportedOp> {
        let is_own = self.is_part(node, source);
        let draft = &mut self.drafts[source];
        if let Op::Rescale(before) = &mut draft.op
            && is_own
        {
            *before = merged(before, &Rescale { scale, shift });
            let value = self.viewed(source, layout);
            return self.completed(node, value);
        }
        let op = Op::Rescale(Rescale { scale, shift });
        let value = self.elementwise_with(node, op, source, layout, vec![])?;
        self.completed(node, value)
    }
}

/// A factor and shift, and then another.
fn merged(first: &Rescale, second: &Rescale) -> Rescale {
    let at = |list: &[f32], at: usize, absent: f32| match list {
        [] => absent,
        [one] => *one,
        many => many.get(at).copied().unwrap_or(absent),
    };
    let longest = |lists: &[&Vec<f32>]| lists.iter().map(|list| list.len()).max().unwrap_or(0);
    let scales = longest(&[&first.scale, &second.scale]);
    let shifts = match first.shift.is_empty() {
        true => second.shift.len(),
        false => longest(&[&first.shift, &second.shift, &second.scale]),
    };
    let scale = |position| at(&first.scale, position, 1.0) * at(&second.scale, position, 1.0);
    let shift = |position| {
        at(&first.shift, position, 0.0) * at(&second.scale, position, 1.0)
            + at(&second.shift, position, 0.0)
    };
    Rescale { scale: (0..scales).map(scale).collect(), shift: (0..shifts).map(shift).collect() }
}

/// Numbers that an operator keeps.
fn values(constant: &Constant) -> Result<Vec<f32>, UnsupportedOp> {
    constant.floats().ok_or_else(unread)
}

/// A constant with one value for each channel, as a vector. Its dimensions are aligned at the end with those of a result
/// of this rank, which has its channels at `axis`.
pub(super) fn per_channel(
    constant: &Constant,
    rank: usize,
    axis: usize,
    channels: usize,
) -> Result<Constant, UnsupportedOp> {
    let missing = rank.checked_sub(constant.dims.len());
    let fits = missing.is_some_and(|missing| {
        let own = std::iter::repeat_n(&1, missing).chain(&constant.dims);
        own.enumerate().all(|(at, &size)| size == if at == axis { channels } else { 1 })
    });
    let refusal = || {
        UnsupportedOp::because(
            "with a constant that is neither one number nor one for each channel",
        )
    };
    constant.reshaped(vec![channels]).filter(|_| fits).ok_or_else(refusal)
}
