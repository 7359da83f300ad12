//! The steps of the backward pass.

use std::sync::Arc;

use inceptive_ir::{BatchNorm, Role, Scale};
use inceptive_kernels::{
    LANES,
    activation::Function,
    conv::{Conv, ConvData, ConvWeights, Outermost, Places, WeightsOf, Window},
    memory::View,
    step::{
        COEFFICIENTS, ChannelPool, ChannelPoolBack, ChannelScale, Collect, DepthwiseData,
        DepthwiseWeights, Dropout, Factor, FlattenBack, FunctionBack, GatherBack, GradientSums,
        Joined, LrnBack, MaxBack, NormaliseBack, NormaliseGradient, Normalised, Part, PoolBack,
        ProductBack, Resample, SUMS, SoftmaxBack, StandardiseBack, SumImages, SumParts, Term,
        Total,
    },
};

use super::{Planner, forward::Segments, maps::Target};
use crate::{
    options::PlanError,
    steps::{constant_factor, lrn_factors, over, pool_step},
    units::{Kind, pair, window},
};

impl Planner<'_> {
    /// Adds the steps that compute the gradients of a unit's inputs and parameters.
    pub(super) fn backward(&mut self, unit: usize) -> Result<(), PlanError> {
        let of = &self.units[unit];
        self.node = of.node;
        let Some(dy) = self.maps.gradient(unit) else { return Ok(()) };
        // A normalisation to which nothing is added looks at its function itself.
        let looks_itself = match of.kind {
            Kind::BatchNorm(_) => of.residual.is_none(),
            Kind::Function => true,
            _ => false,
        };
        if of.function != Function::Identity && !looks_itself {
            let views = (self.maps.value(unit), dy, dy);
            self.step(FunctionBack::new(&self.maps.buffers, of.function, views, false));
        }
        match &of.kind {
            Kind::Input | Kind::Concat => {}
            Kind::Conv(conv) => self.backward_conv(unit, dy, conv.bias)?,
            Kind::Linear { has_bias, .. } => self.backward_conv(unit, dy, *has_bias)?,
            Kind::Depthwise(conv) => self.backward_depthwise(unit, dy, conv.bias),
            Kind::BatchNorm(norm) => {
                if let Some(residual) = of.residual {
                    self.pass_on(residual, dy, 1.0);
                }
                self.backward_norm(unit, dy, norm);
            }
            Kind::Sum(scales) => {
                for (&input, &scale) in of.inputs.iter().zip(scales) {
                    self.pass_on(input, dy, scale);
                }
            }
            Kind::Copy => self.pass_on(of.inputs[0], dy, 1.0),
            Kind::Product => {
                for (index, &input) in of.inputs.iter().enumerate() {
                    let others = of.inputs.iter().enumerate().filter(|(other, _)| *other != index);
                    let others = others.map(|(_, &other)| self.maps.value(other)).collect();
                    self.give(input, |planner, target| {
                        let buffers = &planner.maps.buffers;
                        ProductBack::new(buffers, dy, others, target.view, target.adds).into()
                    });
                }
            }
            Kind::Maximum => {
                if let [a, b] = *of.inputs {
                    for (own, other) in [(a, b), (b, a)] {
                        let pair = (self.maps.value(own), self.maps.value(other));
                        self.give(own, |planner, target| {
                            let buffers = &planner.maps.buffers;
                            MaxBack::new(buffers, dy, pair, target.view, target.adds).into()
                        });
                    }
                }
            }
            Kind::Scale(scale) => self.backward_scale(unit, dy, *scale),
            _ => self.backward_plain(unit, dy),
        }
        Ok(())
    }

    /// Adds a step that writes the gradient of an input, if the input needs one.
    fn give(
        &mut self,
        input: usize,
        step: impl FnOnce(&Self, &Target) -> inceptive_kernels::step::Step,
    ) {
        if !self.maps.needs(input) {
            return;
        }
        let target = self.maps.target(input);
        let step = step(self, &target);
        self.step(step);
        self.finish(target);
    }

    /// Copies or adds a gradient to its final place.
    pub(super) fn finish(&mut self, target: Target) {
        for (from, to, adds) in target.then {
            self.add(from, to, 1.0, adds);
        }
    }

    fn add(&mut self, from: View, to: View, scale: f32, adds: bool) {
        let kept = adds.then_some(Term { view: to, scale: 1.0 });
        let terms = kept.into_iter().chain([Term { view: from, scale }]).collect();
        self.step(Joined::sum(&self.maps.buffers, terms, to, Function::Identity));
    }

    /// Passes a gradient on, multiplied by a factor.
    fn pass_on(&mut self, input: usize, dy: View, scale: f32) {
        if self.maps.needs(input) && !self.maps.is_passed_on(input) {
            let target = self.maps.target(input);
            self.add(dy, target.view, scale, target.adds);
            self.finish(target);
        }
    }

    /// Units with one input and no parameters.
    fn backward_plain(&mut self, unit: usize, dy: View) {
        let of = &self.units[unit];
        let input = of.inputs[0];
        let (x, z) = (self.maps.value(input), self.maps.value(unit));
        let segments: Segments = Arc::clone(&self.units[input].segments);
        let layer = self.layer(unit);
        self.give(input, |planner, &Target { view: to, adds, .. }| {
            let buffers = &planner.maps.buffers;
            match &of.kind {
                Kind::Dropout(p) => Dropout::new(buffers, (dy, to), *p, layer, adds).into(),
                Kind::DropPath(p) => {
                    Dropout::new(buffers, (dy, to), *p, layer, adds).of_images().into()
                }
                Kind::Resample(resampled) => {
                    let size = pair(planner.units[input].size);
                    let back = |part: &Part| part.transposed(to.blocks, size);
                    let parts = resampled.parts.iter().map(back).collect();
                    Resample::new(buffers, (dy, to), parts, 0.0, adds).into()
                }
                Kind::Rescale(rescale) => {
                    let factor = constant_factor(of, &rescale.scale);
                    ChannelScale::new(buffers, (dy, to), factor, None, adds).into()
                }
                Kind::Standardise(norm) => {
                    StandardiseBack::new(buffers, (x, dy, to), over(of, norm), norm.eps, adds)
                        .into()
                }
                Kind::ChannelPool { is_max } => {
                    let pool = ChannelPool::new(buffers, (x, z), segments, *is_max);
                    ChannelPoolBack::new(pool, dy, to, adds).into()
                }
                Kind::Softmax => SoftmaxBack::new(buffers, (z, dy, to), segments, adds).into(),
                Kind::Lrn(lrn) => {
                    LrnBack::new(buffers, (x, dy, to), lrn_factors(of, lrn), adds).into()
                }
                Kind::Flatten => FlattenBack::new(buffers, dy, to, segments, adds).into(),
                Kind::Gather(lanes) => GatherBack::new(buffers, dy, to, lanes, adds).into(),
                kind => match pool_step(buffers, kind, x, z) {
                    Some(pool) => PoolBack::new(buffers, pool, dy, to, adds).into(),
                    None => {
                        let value = if of.function.derives_from_result() { z } else { x };
                        FunctionBack::new(buffers, of.function, (value, dy, to), adds).into()
                    }
                },
            }
        });
    }

    fn backward_scale(&mut self, unit: usize, dy: View, scale: Scale) {
        let input = self.units[unit].inputs[0];
        let x = self.maps.value(input);
        if scale.center {
            self.backward_factor(unit, dy, None, Role::Bias, scale.shared);
        }
        if scale.scale {
            self.backward_factor(unit, dy, Some(x), Role::Weight, scale.shared);
        }
        let factor = self.memory[unit].packed.map(Factor::At);
        self.give(input, |planner, target| {
            let views = (dy, target.view);
            ChannelScale::new(&planner.maps.buffers, views, factor, None, target.adds).into()
        });
    }

    /// The gradient of factors, or without `x` of shifts: sums over maps, then over images, then over channels that have the
    /// same.
    fn backward_factor(
        &mut self,
        unit: usize,
        dy: View,
        x: Option<View>,
        role: Role,
        is_shared: bool,
    ) {
        let sums = self.maps.table(self.options.batch, dy.blocks, 1);
        let factors = x.into_iter().collect();
        self.step(ProductBack::new(&self.maps.buffers, dy, factors, sums, false));
        let node = self.graph.node(self.node);
        let (channels, all) = (self.channels(unit), self.units[unit].channels());
        let len = if is_shared { 1 } else { all };
        let (to, adds) = self.tensors.gradient(node, role, len, &mut self.maps);
        if !is_shared {
            self.step(SumImages::new(sums, to, adds, channels));
            return;
        }
        let of_channels = self.vector(all);
        self.step(SumImages::new(sums, of_channels, false, channels));
        self.step(Total::new(of_channels, all, to, adds));
    }

    /// The gradient of a bias: sums over maps, then over images.
    fn backward_bias(&mut self, unit: usize, dy: View) {
        let (channels, blocks) = (self.channels(unit), dy.blocks);
        let sums = self.maps.table(self.options.batch, blocks, 1);
        self.step(ProductBack::new(&self.maps.buffers, dy, Vec::new(), sums, false));
        let node = self.graph.node(self.node);
        let len = self.units[unit].channels();
        let (to, adds) = self.tensors.gradient(node, Role::Bias, len, &mut self.maps);
        self.step(SumImages::new(sums, to, adds, channels));
    }

    fn backward_conv(&mut self, unit: usize, dy: View, has_bias: bool) -> Result<(), PlanError> {
        let Some((window, widths)) = self.conv(unit) else { return Ok(()) };
        if has_bias {
            self.backward_bias(unit, dy);
        }
        let isa = self.options.isa;
        let len = Conv::reading_of(isa, self.places(unit, dy), window, widths)?.len();
        let order = self.outermost(unit, len);
        let parts = match order {
            Outermost::Images => self.options.parts(),
            Outermost::Weights => 1,
        };
        let is_packed = self.is_packed(unit);
        let node = self.graph.node(self.node);
        let blocks = len.div_ceil(LANES);
        let tensor_len = self.weight_len(unit);
        // A gradient that is written at once is kept, so that it can be read after a step.
        let sums = if is_packed && parts == 1 {
            self.maps.kept(blocks)
        } else {
            self.maps.table(parts, blocks, 1)
        };
        let weights = ConvWeights::new(isa, self.places(unit, dy), window, widths, sums, order)?;
        if is_packed {
            self.step(weights);
            let gradient = if parts == 1 { sums } else { self.maps.kept(blocks) };
            if parts > 1 {
                self.step(SumParts::new(sums, gradient));
            }
            self.tensors.set_gradient(node, gradient);
        } else {
            let (to, adds) = self.tensors.gradient(node, Role::Weight, tensor_len, &mut self.maps);
            let unpack = weights.unpack(to, adds);
            self.step(weights);
            self.step(unpack);
        }
        let input = self.units[unit].inputs[0];
        if !self.maps.needs(input) {
            return Ok(());
        }
        let forward = self.memory[unit].packed.filter(|_| is_packed);
        let (from, weights_of) = match forward {
            Some(packed) => (packed, WeightsOf::Forward),
            None => {
                let values = &mut self.tensors;
                let tensor = values.values(node, Role::Weight, tensor_len, &mut self.maps);
                (tensor, WeightsOf::Tensor)
            }
        };
        let target = self.maps.target(input);
        let places = Places { x: target.view, ..self.places(unit, dy) };
        let len = ConvData::packed_len(isa, places, window, widths)?;
        let packed = self.vector(len);
        let places = Places { x: target.view, ..self.places(unit, dy) };
        let to = (packed, target.adds);
        let data = ConvData::new(isa, places, window, widths, to, order, weights_of)?;
        let pack = data.pack(from);
        self.step(pack);
        self.step(data);
        self.finish(target);
        Ok(())
    }

    fn backward_depthwise(&mut self, unit: usize, dy: View, has_bias: bool) {
        if has_bias {
            self.backward_bias(unit, dy);
        }
        let of = &self.units[unit];
        let input = of.inputs[0];
        let x = self.maps.value(input);
        let window = window(of, self.units).unwrap_or(Window::POINT);
        let taps = window.kernel[0] * window.kernel[1];
        let sums = self.maps.table(self.options.parts(), dy.blocks * taps, 1);
        self.step(DepthwiseWeights::new(&self.maps.buffers, x, dy, window, sums));
        let node = self.graph.node(self.node);
        let len = self.weight_len(unit);
        let (to, adds) = self.tensors.gradient(node, Role::Weight, len, &mut self.maps);
        self.step(Collect::new(sums, to, adds, self.channels(unit), taps));
        if let Some(packed) = self.memory[unit].packed {
            self.give(input, |planner, target| {
                let views = (dy, target.view);
                let buffers = &planner.maps.buffers;
                DepthwiseData::new(buffers, views, window, packed, target.adds).into()
            });
        }
    }

    fn backward_norm(&mut self, unit: usize, dz: View, norm: &BatchNorm) {
        let of = &self.units[unit];
        let input = of.inputs[0];
        let x = self.maps.value(input);
        let Some(factors) = self.memory[unit].factors else { return };
        let function = if of.residual.is_some() { Function::Identity } else { of.function };
        let normalised = Normalised { x, dz, factors, function };
        let channels = self.channels(unit);
        let blocks = x.blocks;
        let sums = self.maps.table(self.options.batch, blocks, SUMS);
        let coefficients = self.maps.table(1, blocks, COEFFICIENTS);
        self.step(GradientSums::new(&self.maps.buffers, normalised, sums));
        let node = self.graph.node(self.node);
        let mut gradient = |role| self.tensors.gradient(node, role, of.channels(), &mut self.maps);
        let gradients =
            [norm.scale.then(|| gradient(Role::Weight)), norm.center.then(|| gradient(Role::Bias))];
        let area = pair(of.size).iter().product();
        let tables = (sums, factors, coefficients);
        self.step(NormaliseGradient::new(tables, gradients, channels, area));
        self.give(input, |planner, target| {
            let buffers = &planner.maps.buffers;
            NormaliseBack::new(buffers, normalised, coefficients, target.view, target.adds).into()
        });
    }
}
