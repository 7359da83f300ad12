//! The steps of the forward pass.

use std::sync::Arc;

use inceptive_ir::{BatchNorm, Role, Scale};
use inceptive_kernels::{
    LANES,
    activation::Function,
    conv::{Conv, SharedNumbers, Window},
    step::{
        BatchStatistics, ChannelScale, Depthwise, Dropout, FACTORS, Factor, MOMENTS, Moments,
        NormTensors, Normalise, Spread,
    },
};

use super::Planner;
use crate::{
    options::PlanError,
    steps::plain,
    units::{Kind, pair, window},
};

impl Planner<'_> {
    /// Adds the steps that compute a unit.
    pub(super) fn forward(&mut self, unit: usize) -> Result<(), PlanError> {
        let of = &self.units[unit];
        self.node = of.node;
        match &of.kind {
            Kind::Conv(conv) => self.forward_conv(unit, conv.bias)?,
            Kind::Linear { has_bias, .. } => self.forward_conv(unit, *has_bias)?,
            Kind::Depthwise(conv) => self.forward_depthwise(unit, conv.bias),
            Kind::BatchNorm(norm) => self.forward_norm(unit, norm),
            Kind::Scale(scale) => self.forward_scale(unit, *scale),
            Kind::Dropout(probability) => {
                let views = (self.maps.value(of.inputs[0]), self.maps.value(unit));
                let layer = self.layer(unit);
                self.step(Dropout::new(&self.maps.buffers, views, *probability, layer, false));
            }
            Kind::DropPath(probability) => {
                let views = (self.maps.value(of.inputs[0]), self.maps.value(unit));
                let layer = self.layer(unit);
                let step = Dropout::new(&self.maps.buffers, views, *probability, layer, false);
                self.step(step.of_images());
            }
            _ => {
                let value = |unit: usize| self.maps.value(unit);
                if let Some(step) = plain(&self.maps.buffers, self.units, unit, &value) {
                    self.step(step);
                }
            }
        }
        Ok(())
    }

    /// A number that identifies a node in the generation of random numbers.
    pub(super) fn layer(&self, unit: usize) -> u32 {
        u32::try_from(self.units[unit].node.index()).unwrap_or(u32::MAX)
    }

    fn forward_conv(&mut self, unit: usize, has_bias: bool) -> Result<(), PlanError> {
        let Some((window, widths)) = self.conv(unit) else { return Ok(()) };
        let y = self.maps.value(unit);
        let (isa, function) = (self.options.isa, self.units[unit].function);
        let reading = Conv::reading_of(isa, self.places(unit, y), window, widths)?;
        let len = reading.len();
        let node = self.graph.node(self.node);
        let tensor_len = self.weight_len(unit);
        let tensor = if self.is_packed(unit) {
            None
        } else {
            Some(self.tensors.values(node, Role::Weight, tensor_len, &mut self.maps))
        };
        let packed = match tensor {
            Some(_) => self.vector(len),
            None => self.tensors.packed(node, tensor_len, reading, &mut self.maps),
        };
        let bias =
            has_bias.then(|| self.tensors.values(node, Role::Bias, widths.outputs, &mut self.maps));
        let shared = SharedNumbers { weights: packed, bias };
        let order = self.outermost(unit, len);
        let places = self.places(unit, y);
        let conv = Conv::shared(isa, places, window, widths, shared, order, function)?;
        if let Some(pack) = tensor.and_then(|tensor| conv.pack(tensor)) {
            self.step(pack);
        }
        self.memory[unit].packed = Some(packed);
        self.step(conv);
        Ok(())
    }

    /// Whether a layer's weights are stored in the order in which its convolution reads them: then a step neither packs nor
    /// unpacks them. Grouped convolutions are excluded, because their order has padding that must stay zero.
    pub(super) fn is_packed(&self, unit: usize) -> bool {
        let of = &self.units[unit];
        let is_plain = match &of.kind {
            Kind::Conv(conv) => conv.groups == 1,
            Kind::Linear { .. } => true,
            _ => false,
        };
        is_plain && !self.graph.shares_tensors(of.node)
    }

    /// Numbers of the weights of a layer.
    pub(super) fn weight_len(&self, unit: usize) -> usize {
        let of = &self.units[unit];
        let input = &self.units[of.inputs[0]];
        let window = window(of, self.units).unwrap_or(Window::POINT);
        let taps = window.kernel[0] * window.kernel[1];
        match &of.kind {
            Kind::Conv(conv) => {
                conv.out_channels as usize * (input.channels() / conv.groups as usize) * taps
            }
            Kind::Linear { outputs, .. } => outputs * input.channels() * taps,
            _ => of.channels() * taps,
        }
    }

    fn forward_depthwise(&mut self, unit: usize, has_bias: bool) {
        let of = &self.units[unit];
        let (x, y) = (self.maps.value(of.inputs[0]), self.maps.value(unit));
        let window = window(of, self.units).unwrap_or(Window::POINT);
        let taps = window.kernel[0] * window.kernel[1];
        let channels = self.channels(unit);
        let packed = self.vector(channels.len() * taps);
        let node = self.graph.node(self.node);
        let tensor = self.tensors.values(node, Role::Weight, self.weight_len(unit), &mut self.maps);
        self.step(Spread::new(tensor, packed, channels.clone(), taps));
        let bias = has_bias.then(|| {
            let tensor = self.tensors.values(node, Role::Bias, of.channels(), &mut self.maps);
            let bias = self.vector(channels.len());
            self.step(Spread::new(tensor, bias, channels, 1));
            bias
        });
        self.memory[unit].packed = Some(packed);
        let (buffers, function) = (&self.maps.buffers, of.function);
        let step = Depthwise::shared(buffers, (x, y), window, (packed, bias), function);
        self.step(step);
    }

    /// The channel of each lane of a unit among learned factors: the only one, where all channels have the same.
    pub(super) fn factor_channels(&self, unit: usize, is_shared: bool) -> Vec<Option<usize>> {
        let mut channels = self.channels(unit);
        if is_shared {
            channels.iter_mut().flatten().for_each(|channel| *channel = 0);
        }
        channels
    }

    fn forward_scale(&mut self, unit: usize, scale: Scale) {
        let of = &self.units[unit];
        let views = (self.maps.value(of.inputs[0]), self.maps.value(unit));
        let channels = self.factor_channels(unit, scale.shared);
        let len = if scale.shared { 1 } else { of.channels() };
        let node = self.graph.node(self.node);
        let mut spread = |role, is_learned: bool| {
            is_learned.then(|| {
                let tensor = self.tensors.values(node, role, len, &mut self.maps);
                let lanes = self.vector(channels.len());
                self.step(Spread::new(tensor, lanes, channels.clone(), 1));
                lanes
            })
        };
        let factor = spread(Role::Weight, scale.scale);
        let shift = spread(Role::Bias, scale.center);
        self.memory[unit].packed = factor;
        let (factor, shift) = (factor.map(Factor::At), shift.map(Factor::At));
        self.step(ChannelScale::new(&self.maps.buffers, views, factor, shift, false));
    }

    fn forward_norm(&mut self, unit: usize, norm: &BatchNorm) {
        let of = &self.units[unit];
        let (x, y) = (self.maps.value(of.inputs[0]), self.maps.value(unit));
        let channels = self.channels(unit);
        let blocks = channels.len() / LANES;
        let node = self.graph.node(self.node);
        let mut tensor = |role| self.tensors.values(node, role, of.channels(), &mut self.maps);
        let tensors = NormTensors {
            gamma: norm.scale.then(|| tensor(Role::Weight)),
            beta: norm.center.then(|| tensor(Role::Bias)),
            mean: tensor(Role::Mean),
            variance: tensor(Role::Variance),
        };
        let moments = self.maps.table(self.options.batch, blocks, MOMENTS);
        let factors = self.maps.table(1, blocks, FACTORS);
        self.step(Moments::new(&self.maps.buffers, x, moments));
        let area = pair(of.size).iter().product();
        let numbers = (norm.eps, self.options.momentum);
        self.step(BatchStatistics::new((moments, factors), tensors, channels, area, numbers));
        self.memory[unit].factors = Some(factors);
        let function: Function = of.function;
        let residual = of.residual.map(|residual| self.maps.value(residual));
        let buffers = &self.maps.buffers;
        let step = Normalise::new(buffers, x, y, factors, function).with_residual(residual);
        self.step(step);
    }
}

/// Segments as kernels take them.
pub(super) type Segments = Arc<[inceptive_kernels::conv::Segment]>;
