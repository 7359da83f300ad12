//! Buffers of feature maps, of their gradients, and of tables and vectors.

use inceptive_ir::Graph;
use inceptive_kernels::{
    LANES,
    activation::Function,
    conv::{ConvData, Window},
    memory::{Border, Buffer, View},
    step::DepthwiseData,
};

use super::{Owners, TrainOptions, needs_gradient, size, widen};
use crate::{
    layout::{buffer, input_pixel},
    options::PlanError,
    units::{Kind, Unit, window},
};

/// The buffers and views of all feature maps and gradients, without offsets.
pub(super) struct Maps {
    pub(super) buffers: Vec<Buffer>,
    /// Whether a buffer keeps its numbers from one training step to the next.
    pub(super) is_kept: Vec<bool>,
    values: Vec<View>,
    /// The gradient of each unit's result; `None` if it needs none.
    gradients: Vec<Option<View>>,
    /// For each buffer of gradients, whether each block has been written in this step.
    written: Vec<Vec<bool>>,
    needs_gradient: Vec<bool>,
    /// Whether the gradient of a unit is that of the sum that reads it.
    is_passed_on: Vec<bool>,
}

/// The place to write a gradient to.
pub(super) struct Target {
    pub(super) view: View,
    pub(super) adds: bool,
    /// Copies to make afterwards, as source, destination, and whether to add: needed if only a part of a map has a gradient
    /// already.
    pub(super) then: Vec<(View, View, bool)>,
}

impl Maps {
    pub(super) fn new(
        graph: &Graph,
        units: &[Unit],
        places: &Owners,
        results: &[(usize, f32)],
        options: TrainOptions,
    ) -> Result<Self, PlanError> {
        let mut order: Vec<usize> = (0..units.len()).collect();
        order.sort_by_key(|&unit| (units[unit].position, matches!(units[unit].kind, Kind::Concat)));
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); units.len()];
        for (unit, of) in units.iter().enumerate() {
            of.reads().for_each(|input| readers[input].push(unit));
        }
        let needs = needs_gradient(units, &order);
        let mut maps = Self {
            buffers: Vec::new(),
            is_kept: Vec::new(),
            values: Vec::new(),
            gradients: Vec::new(),
            written: Vec::new(),
            needs_gradient: needs,
            is_passed_on: vec![false; units.len()],
        };
        let is_result = |unit: usize| results.iter().any(|(result, _)| *result == unit);
        let mut of_owner = vec![[usize::MAX; 2]; units.len()];
        for unit in (0..units.len()).filter(|&unit| places[unit].owner == unit) {
            let pixel = match units[unit].kind {
                Kind::Input if !is_result(unit) => input_pixel(units, unit),
                _ => LANES,
            };
            let map = buffer(graph, &units[unit], Border::default(), pixel, options.batch)?;
            of_owner[unit][0] = maps.add(map, false);
            if maps.needs_gradient[unit] {
                of_owner[unit][1] = maps.add(Buffer { pixel: LANES, ..map }, false);
            }
        }
        for (unit, of) in units.iter().enumerate() {
            let place = places[unit];
            let view = |buffer: usize| View { buffer, first: place.block, blocks: of.blocks() };
            let [value, gradient] = of_owner[place.owner];
            maps.values.push(view(value));
            // If only a normalisation reads a result, its gradient overwrites it after the normalisation's gradient read it.
            let is_layer =
                matches!(of.kind, Kind::Conv(_) | Kind::Depthwise(_) | Kind::Linear { .. });
            let is_plain = of.function == Function::Identity;
            let is_normalised = match readers[unit].as_slice() {
                [reader] => {
                    let reader = &units[*reader];
                    matches!(reader.kind, Kind::BatchNorm(_)) && reader.residual != Some(unit)
                }
                _ => false,
            };
            let takes_place = is_layer && is_plain && is_normalised && !is_result(unit);
            let gradient = if takes_place { value } else { gradient };
            maps.gradients.push(maps.needs_gradient[unit].then(|| view(gradient)));
        }
        maps.pass_on(units, places, &readers, &is_result);
        for (unit, of) in units.iter().enumerate() {
            let (Some(window), Some(&input)) = (window(of, units), of.inputs.first()) else {
                continue;
            };
            maps.widen_for(units, unit, input, window);
        }
        for (unit, of) in units.iter().enumerate() {
            let map = maps.buffers[maps.values[unit].buffer];
            buffer(graph, of, map.border, map.pixel, options.batch)?;
        }
        Ok(maps)
    }

    /// A result that only a sum reads has the sum's gradient, unless it is modified in place.
    fn pass_on(
        &mut self,
        units: &[Unit],
        places: &Owners,
        readers: &[Vec<usize>],
        is_result: &dyn Fn(usize) -> bool,
    ) {
        for (unit, of) in units.iter().enumerate().rev() {
            let [reader] = *readers[unit].as_slice() else { continue };
            let sum = &units[reader];
            let is_passed_on = match &sum.kind {
                Kind::Sum(scales) => scales.iter().all(|scale| *scale == 1.0),
                Kind::BatchNorm(_) => sum.residual == Some(unit),
                _ => false,
            };
            let is_plain = of.function == Function::Identity && !matches!(of.kind, Kind::Concat);
            if is_passed_on && is_plain && places[unit].owner == unit && !is_result(unit) {
                self.is_passed_on[unit] = true;
                if self.needs_gradient[unit] {
                    self.gradients[unit] = self.gradients[reader];
                }
            }
        }
    }

    /// Makes the borders wide enough for a layer, forward and backward.
    fn widen_for(&mut self, units: &[Unit], unit: usize, input: usize, window: Window) {
        let (from, to) = (size(&units[input]), size(&units[unit]));
        widen(&mut self.buffers[self.values[input].buffer], window.border(from, to));
        if let (Some(gradient), true) = (self.gradients[unit], self.needs_gradient[input]) {
            let border = match units[unit].kind {
                Kind::Depthwise(_) => DepthwiseData::border(&window, from, to),
                _ => ConvData::border(&window, from, to),
            };
            widen(&mut self.buffers[gradient.buffer], border);
        }
    }

    fn add(&mut self, buffer: Buffer, is_kept: bool) -> usize {
        self.buffers.push(buffer);
        self.is_kept.push(is_kept);
        self.written.push(vec![false; buffer.blocks]);
        self.buffers.len() - 1
    }

    /// A table of `width` pixels for each image and block.
    pub(super) fn table(&mut self, images: usize, blocks: usize, width: usize) -> View {
        let border = Border::default();
        let blocks = blocks.max(1);
        let buffer = Buffer { offset: 0, images, blocks, height: 1, width, border, pixel: LANES };
        View { buffer: self.add(buffer, false), first: 0, blocks }
    }

    /// A vector that keeps its numbers from one training step to the next.
    pub(super) fn kept(&mut self, blocks: usize) -> View {
        let view = self.table(1, blocks, 1);
        self.is_kept[view.buffer] = true;
        view
    }

    /// Where the result of a unit lies.
    pub(super) fn value(&self, unit: usize) -> View {
        self.values[unit]
    }

    /// Whether the gradient of a unit is needed.
    pub(super) fn needs(&self, unit: usize) -> bool {
        self.needs_gradient[unit]
    }

    /// Whether the gradient of a unit is that of the sum that reads it.
    pub(super) fn is_passed_on(&self, unit: usize) -> bool {
        self.is_passed_on[unit]
    }

    /// The gradient of a unit, if something has been written there.
    pub(super) fn gradient(&self, unit: usize) -> Option<View> {
        let view = self.gradients[unit]?;
        let written = &self.written[view.buffer][view.first..view.first + view.blocks];
        written.iter().all(|is_written| *is_written).then_some(view)
    }

    /// Where the next part of the gradient of a unit is to be written.
    pub(super) fn target(&mut self, unit: usize) -> Target {
        let Some(view) = self.gradients[unit] else {
            // Nothing reads it.
            let value = self.values[unit];
            let Buffer { images, height, width, .. } = self.buffers[value.buffer];
            let view = self.scratch(images, value.blocks, [height, width]);
            return Target { view, adds: false, then: Vec::new() };
        };
        let range = view.first..view.first + view.blocks;
        let written = self.written[view.buffer][range.clone()].to_vec();
        self.written[view.buffer][range].fill(true);
        if let Some(&adds) = written.first()
            && written.iter().all(|is_written| *is_written == adds)
        {
            return Target { view, adds, then: Vec::new() };
        }
        let Buffer { images, height, width, .. } = self.buffers[view.buffer];
        let temporary = self.scratch(images, view.blocks, [height, width]);
        let mut then = Vec::new();
        let mut start = 0;
        while start < view.blocks {
            let adds = written[start];
            let len = written[start..].iter().take_while(|other| **other == adds).count();
            let part = |of: View| View { first: of.first + start, blocks: len, ..of };
            then.push((part(temporary), part(view), adds));
            start += len;
        }
        Target { view: temporary, adds: false, then }
    }

    fn scratch(&mut self, images: usize, blocks: usize, [height, width]: [usize; 2]) -> View {
        let border = Border::default();
        let buffer = Buffer { offset: 0, images, blocks, height, width, border, pixel: LANES };
        View { buffer: self.add(buffer, false), first: 0, blocks }
    }
}
