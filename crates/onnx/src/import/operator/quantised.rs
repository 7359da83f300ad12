//! Values that a quantised file keeps as integers. The network is read as if nothing was rounded: the integers of weights are
//! turned back into the numbers that they stand for.

use inceptive_ir::Role;

use crate::{
    import::{
        attribute::int,
        computation::Recipe,
        constant::{Constant, Element},
        error::{UnsupportedOp, unread},
        importer::{Importer, Value},
        integers::Rounding,
    },
    proto::NodeProto,
};

use super::join::axis;

/// How far apart two scales may be, relative to one of them, that are the same.
const SAME_SCALE: f32 = 1e-6;

impl Importer {
    /// Rounding of a computed value, which is left out.
    pub(super) fn quantize(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let value = self.unrounded(node)?;
        self.saturated(node, value, 1)
    }

    /// A value as if it had not been rounded.
    fn unrounded(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        self.quantised += 1;
        self.input(node, 0)
    }

    pub(super) fn dequantize(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        self.check_types(node, 0, 2)?;
        let values = match self.input(node, 0)? {
            Value::Constant(values) if values.element() != Element::Float => values,
            // They were not rounded here.
            Value::Constant(_) => return self.unrounded(node),
            _ => {
                self.check_scale(node, 1)?;
                return match self.other_scale(node, 1)? {
                    None => self.unrounded(node),
                    Some(other) => self.with_scale(node, other),
                };
            }
        };
        self.quantised += 1;
        let scale = self.constant_input(node, 1)?;
        let zero = self.optional_constant(node, 2)?;
        let at = match scale.len() {
            1 => 0,
            _ => axis(int(node, "axis").unwrap_or(1), values.dims.len())?,
        };
        self.numbers_of(&values, &scale, zero.as_ref(), at).map(Value::Constant)
    }

    /// What integers that were rounded with one scale and zero point stand for with those at a position: a factor and a
    /// shift. `None` if they stand for what was rounded.
    fn other_scale(
        &self,
        node: &NodeProto,
        at: usize,
    ) -> Result<Option<(f32, f32)>, UnsupportedOp> {
        let own = Rounding::at(&node.input, at);
        let (made, made_zero) = match self.integers.made_with(node) {
            Some(Some(made)) if *made == own => return Ok(None),
            Some(Some(made)) => self.scale_and_zero(made)?,
            Some(None) => {
                return Err(UnsupportedOp::because("of integers whose scale is not known"));
            }
            None => (vec![1.0], vec![0.0]),
        };
        let (own, own_zero) = self.scale_and_zero(&own)?;
        let is_equal = |(own, made): (&f32, &f32)| (own / made - 1.0).abs() <= SAME_SCALE;
        if own.len() == made.len() && own_zero == made_zero && own.iter().zip(&made).all(is_equal) {
            return Ok(None);
        }
        match (&own[..], &made[..], &own_zero[..], &made_zero[..]) {
            (&[own], &[made], &[own_zero], &[made_zero]) => {
                Ok(Some((own / made, (made_zero - own_zero) * own)))
            }
            _ => Err(UnsupportedOp::because(
                "with other scales of the channels than those that its integers were rounded with",
            )),
        }
    }

    /// The numbers of a scale and of a zero point.
    fn scale_and_zero(&self, of: &Rounding) -> Result<(Vec<f32>, Vec<f32>), UnsupportedOp> {
        let numbers = |name: &String| match self.values.get(name) {
            Some(Value::Constant(constant)) => constant.floats().ok_or_else(unread),
            _ => Err(UnsupportedOp::because("with a scale that is computed from the input")),
        };
        let scale = numbers(&of.scale)?;
        let zero = match of.zero.is_empty() {
            true => vec![0.0; scale.len()],
            false => numbers(&of.zero)?,
        };
        Ok((scale, zero))
    }

    /// A value as if it had not been rounded, times a factor and shifted.
    fn with_scale(
        &mut self,
        node: &NodeProto,
        (factor, shift): (f32, f32),
    ) -> Result<Value, UnsupportedOp> {
        self.quantised += 1;
        if shift == 0.0 {
            return self.mul_constant(node, 0, Constant::scalar(factor));
        }
        let (source, layout) = self.operand(node, 0)?;
        let scale = if factor == 1.0 { vec![] } else { vec![factor] };
        self.rescaled(node, source, layout, scale, vec![shift])
    }

    /// `(values - zero) * scale`, with one scale or one for each position of an axis.
    pub(super) fn numbers_of(
        &mut self,
        values: &Constant,
        scale: &Constant,
        zero: Option<&Constant>,
        at: usize,
    ) -> Result<Constant, UnsupportedOp> {
        self.computations.charge(values.len(), &[values])?;
        let numbers = values.floats().ok_or_else(unread)?;
        let scales = scale.floats().ok_or_else(unread)?;
        let zeros = zero.map(|zero| zero.floats().ok_or_else(unread)).transpose()?;
        let zeros = zeros.unwrap_or_else(|| vec![0.0; scales.len()]);
        let length = values.dims.get(at).copied().unwrap_or(1);
        let fits = scales.len() == 1 || scales.len() == length;
        if !fits || zeros.len() != scales.len() || scales.is_empty() {
            return Err(UnsupportedOp::because("in blocks"));
        }
        let inner: usize = values.dims.get(at + 1..).unwrap_or_default().iter().product();
        let position = |index: usize| match scales.len() {
            1 => 0,
            count => index / inner.max(1) % count,
        };
        let number = |(index, number): (usize, f32)| {
            (number - zeros[position(index)]) * scales[position(index)]
        };
        let numbers = numbers.into_iter().enumerate().map(number).collect();
        Constant::tensor(values.dims.clone(), numbers).ok_or_else(unread)
    }

    /// Rounding of a computed value with a scale that follows from it: the value, the scale 1 and the zero 0.
    pub(super) fn quantise_dynamically(
        &mut self,
        node: &NodeProto,
    ) -> Result<Vec<Value>, UnsupportedOp> {
        let value = self.unrounded(node)?;
        let zero = Constant::integers(vec![], vec![0], Element::Int32);
        let refusal = || UnsupportedOp::because("of nothing");
        let (scale, zero) = (Constant::scalar(1.0), zero.ok_or_else(refusal)?);
        Ok(vec![value, Value::Constant(scale), Value::Constant(zero)])
    }

    /// The integers of a layer without their zero. What they are multiplied by follows in the file.
    fn integers(&mut self, node: &NodeProto, at: usize) -> Result<Constant, UnsupportedOp> {
        self.check_types(node, 1, 3)?;
        if let Some(zero) = self.optional_constant(node, 2)?
            && zero.to_scalar() != Some(0.0)
        {
            return Err(UnsupportedOp::because("with a zero point of its input"));
        }
        let (weight, zero) = (self.constant_input(node, 1)?, self.optional_constant(node, 3)?);
        let ones = Constant::vector(&vec![1.0; zero.as_ref().map_or(1, Constant::len)]);
        self.quantised += 1;
        let recipe = Recipe::new("without zero", &[at], &[Some(&weight), zero.as_ref()]);
        self.numbers_once(recipe, |importer| importer.numbers_of(&weight, &ones, zero.as_ref(), at))
    }

    /// Numbers of integers, computed once for all layers that read the same tensors.
    fn numbers_once(
        &mut self,
        recipe: Option<Recipe>,
        compute: impl FnOnce(&mut Self) -> Result<Constant, UnsupportedOp>,
    ) -> Result<Constant, UnsupportedOp> {
        if let Some(known) = recipe.as_ref().and_then(|recipe| self.computations.made(recipe, 0)) {
            return Ok(known);
        }
        let computed = compute(self)?;
        Ok(self.computations.keep(recipe, computed))
    }

    /// A convolution of integers that are scaled after it.
    pub(super) fn integer_conv(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        // ONNX Runtime refuses a zero point for each channel.
        if self.optional_constant(node, 3)?.is_some_and(|zero| zero.len() != 1) {
            return Err(UnsupportedOp::because("with several zero points"));
        }
        let kernel = self.integers(node, 0)?;
        let value = self.convolution(node, kernel, None)?;
        self.unscaled.extend(value.draft());
        Ok(value)
    }

    /// A product of integers that are scaled after it.
    pub(super) fn integer_matmul(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let matrix = self.integers(node, 1)?;
        let value = self.linear(node, &matrix, false, None)?;
        self.unscaled.extend(value.draft());
        Ok(value)
    }

    /// A layer of integers, with its bias, and its scale, which a product brings: one number, or one for each channel.
    pub(super) fn scaled_integers(
        &mut self,
        source: usize,
        scale: &Constant,
    ) -> Result<bool, UnsupportedOp> {
        let draft = &self.drafts[source];
        let channels = draft.shape.channels() as usize;
        if draft.is_read_again || !(scale.len() == 1 || scale.len() == channels) {
            return Ok(false);
        }
        let weight = draft.tensors.iter().find(|(role, _)| *role == Role::Weight);
        let fits = weight.is_some_and(|(_, weight)| weight.dims.first() == Some(&channels));
        if !fits || !self.unscaled.remove(&source) {
            return Ok(false);
        }
        // A bias that was added before is one of integers too.
        for at in 0..self.drafts[source].tensors.len() {
            let tensor = self.drafts[source].tensors[at].1.clone();
            let recipe = Recipe::new("scaled", &[], &[Some(&tensor), Some(scale)]);
            self.drafts[source].tensors[at].1 = self.numbers_once(recipe, |importer| {
                importer.numbers_of(&tensor, &scale.flat(), None, 0)
            })?;
        }
        Ok(true)
    }

    /// A convolution of integers, as the one of numbers that it stands for.
    pub(super) fn quantised_conv(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        self.check_types(node, 0, 2)?;
        self.check_types(node, 3, 5)?;
        self.check_scale(node, 1)?;
        if self.other_scale(node, 1)?.is_some() {
            return Err(UnsupportedOp::because(
                "with another scale of its input than that which its integers were rounded with",
            ));
        }
        let (input_scale, scale) = (self.constant_input(node, 1)?, self.constant_input(node, 4)?);
        let kernel = self.constant_input(node, 3)?;
        let zero = self.constant_input(node, 5)?;
        let recipe = Recipe::new("weight", &[], &[Some(&kernel), Some(&scale), Some(&zero)]);
        let weight = self.numbers_once(recipe, |importer| {
            importer.numbers_of(&kernel, &scale, Some(&zero), 0)
        })?;
        let bias = match self.optional_constant(node, 8)? {
            None => None,
            Some(bias) if bias.element() == Element::Float => {
                return Err(UnsupportedOp::because("with a bias that is no integers"));
            }
            Some(bias) => {
                let refusal = || UnsupportedOp::because("with a scale that is not one number");
                let input_scale_of = &input_scale;
                let input_scale = input_scale.to_scalar().ok_or_else(refusal)?;
                let scales = scale.floats().ok_or_else(refusal)?;
                let scales: Vec<f32> = scales.iter().map(|scale| scale * input_scale).collect();
                let recipe =
                    Recipe::new("bias", &[], &[Some(&bias), Some(&scale), Some(input_scale_of)]);
                Some(self.numbers_once(recipe, |importer| {
                    importer.numbers_of(&bias, &Constant::vector(&scales), None, 0)
                })?)
            }
        };
        self.quantised += 1;
        let value = self.convolution(node, weight, bias)?;
        self.saturated(node, value, 6)
    }
}
