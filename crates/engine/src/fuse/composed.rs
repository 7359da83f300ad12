//! Operators that become several units, and sums.

use std::sync::Arc;

use inceptive_ir::{
    Axis, Conv, ConvTranspose, Interpolation, Node, NodeId, Padding, Pool, PoolKind, Rearrange,
    Scale, Size,
};
use inceptive_kernels::activation::Function;

use super::{Builder, Purpose};
use crate::{
    options::PlanError,
    resample::{in_blocks, moved, resized, spread_out, taps_of_pool},
    units::{Kind, channels, compact},
};

impl Builder<'_> {
    pub(super) fn rearrange(
        &mut self,
        id: NodeId,
        rearrange: &Rearrange,
        node: &Node,
        input: usize,
    ) -> Result<usize, PlanError> {
        let (from, to) = (self.units[input].size, node.shape.size());
        if let Rearrange::Slice { axis: Axis::Channels, start, count, step } = *rearrange {
            let lanes = self.lanes(id, input)?;
            let taken = lanes.into_iter().skip(start as usize).step_by(step.max(1) as usize);
            let taken: Vec<usize> = taken.take(count as usize).collect();
            let segments = compact(taken.len());
            return Ok(self.add(id, Kind::Gather(taken.into()), vec![input], segments));
        }
        if let Some(resampled) = moved(rearrange, from, to) {
            return Ok(self.resample(id, resampled, input));
        }
        let lanes = self.lanes(id, input)?;
        let places = from.area().max(to.area()) / from.area().min(to.area()).max(1);
        let places = usize::try_from(places).unwrap_or(usize::MAX);
        self.count(id, channels(node.shape).saturating_mul(places))?;
        let resampled = in_blocks(rearrange, &lanes, channels(node.shape), from, to);
        let kind = Kind::Resample(Arc::new(resampled));
        Ok(self.add(id, kind, vec![input], compact(channels(node.shape))))
    }

    /// A transposed convolution: zeros between the pixels and around them, and a convolution with the kernels turned around.
    pub(super) fn conv_transpose(
        &mut self,
        id: NodeId,
        conv: &ConvTranspose,
        input: usize,
    ) -> usize {
        let (resampled, size) =
            spread_out(conv, self.units[input].size, self.graph.node(id).shape.size());
        let spread = self.resample(id, resampled, input);
        self.units[spread].size = size;
        let kind = Kind::Conv(Conv {
            kernel: conv.kernel,
            out_channels: conv.out_channels,
            stride: Size::square(1),
            padding: Padding::NONE,
            dilation: conv.dilation,
            groups: conv.groups,
            bias: conv.bias,
        });
        let unit = self.add(id, kind, vec![spread], compact(conv.out_channels as usize));
        self.units[unit].is_turned = true;
        unit
    }

    /// What is above zero, and a learned factor of what is below.
    pub(super) fn prelu(&mut self, id: NodeId, shared: bool, input: usize) -> usize {
        let above = self.function(id, Function::Relu, input);
        let below = self.function(id, Function::Clip(f32::NEG_INFINITY, 0.0), input);
        let slope = Scale { scale: true, center: false, shared };
        let below = self.like(id, Kind::Scale(slope), below);
        let segments = Arc::clone(&self.units[input].segments);
        self.add(id, Kind::Sum(vec![1.0, 1.0]), vec![above, below], segments)
    }

    pub(super) fn pool(
        &mut self,
        id: NodeId,
        pool: &Pool,
        input: usize,
    ) -> Result<usize, PlanError> {
        match pool.kind {
            PoolKind::Max if pool.dilation != Size::square(1) => {
                let (from, to) = (self.units[input].size, self.graph.node(id).shape.size());
                let of_tap = usize::try_from(u64::from(to.height) + u64::from(to.width));
                let taps = usize::try_from(pool.kernel.area()).unwrap_or(usize::MAX);
                self.count(id, of_tap.unwrap_or(usize::MAX).saturating_mul(taps))?;
                let mut maps = Vec::with_capacity(taps);
                for resampled in taps_of_pool(pool, from, to) {
                    maps.push(self.resample(id, resampled, input));
                }
                Ok(self.pairwise(id, &Kind::Maximum, maps))
            }
            PoolKind::Max | PoolKind::Average => Ok(self.like(id, Kind::Pool(*pool), input)),
            PoolKind::L2 => {
                // The root of the mean of squares times their number.
                let (size, segments) =
                    (self.units[input].size, Arc::clone(&self.units[input].segments));
                let square = self.add(id, Kind::Product, vec![input, input], Arc::clone(&segments));
                self.units[square].size = size;
                let mean = Pool { kind: PoolKind::Average, count_include_pad: true, ..*pool };
                let mean = self.like(id, Kind::Pool(mean), square);
                #[expect(clippy::cast_precision_loss, reason = "a number of pixels")]
                let area = pool.kernel.area() as f32;
                let sum = self.add(id, Kind::Sum(vec![area]), vec![mean], segments);
                Ok(self.function(id, Function::SquareRoot, sum))
            }
        }
    }

    /// For training, a plain sum of two as a part of the normalisation that computes one of them.
    pub(super) fn sum_in_norm(
        &mut self,
        id: NodeId,
        scales: &[f32],
        inputs: &[NodeId],
    ) -> Option<usize> {
        let is_plain = scales.iter().all(|scale| *scale == 1.0) && self.is_training();
        let ([a, b], true) = (inputs, is_plain) else { return None };
        let mut pairs = [(*a, *b), (*b, *a)];
        // The one that is computed later; the other is there by then.
        pairs.sort_by_key(|(node, _)| {
            std::cmp::Reverse(self.units[self.root[node.index()]].position)
        });
        let (node, other) = pairs[0];
        let (unit, residual) = (self.root[node.index()], self.root[other.index()]);
        let of = &self.units[unit];
        let fits = matches!(of.kind, Kind::BatchNorm(_))
            && unit != residual
            && of.residual.is_none()
            && of.function == Function::Identity
            && of.segments == self.units[residual].segments
            && !matches!(self.units[residual].kind, Kind::Input)
            && self.ends_with(unit, node);
        if !fits {
            return None;
        }
        self.units[unit].residual = Some(residual);
        Some(self.absorb(id, unit))
    }

    /// A sum: part of the convolution that computes one of two terms, if nothing else reads that.
    pub(super) fn sum(
        &mut self,
        id: NodeId,
        scales: &[f32],
        inputs: &[NodeId],
    ) -> Result<usize, PlanError> {
        let scale = |index: usize| scales.get(index).copied().unwrap_or(1.0);
        let shape = |id: NodeId| self.graph.node(id).shape;
        if inputs.iter().any(|&input| shape(input) != shape(id)) {
            return self.broadcast_sum(id, (0..inputs.len()).map(scale).collect(), inputs);
        }
        if let ([a, b], Purpose::Inference) = (inputs, self.purpose) {
            let (a, b) = (*a, *b);
            let mut pairs = [(a, b, scale(0), scale(1)), (b, a, scale(1), scale(0))];
            // The one that is computed later; the other is there by then.
            pairs.sort_by_key(|(node, ..)| {
                std::cmp::Reverse(self.units[self.root[node.index()]].position)
            });
            for (node, other, factor, other_factor) in pairs {
                let (unit, residual) = (self.root[node.index()], self.root[other.index()]);
                let is_conv = matches!(self.units[unit].kind, Kind::Conv(_));
                if is_conv
                    && unit != residual
                    && other_factor == 1.0
                    && self.units[unit].residual.is_none()
                    && self.units[unit].function == Function::Identity
                    && self.units[residual].is_compact()
                    && !matches!(self.units[residual].kind, Kind::Input)
                    && self.ends_with(unit, node)
                {
                    self.units[unit].residual = Some(residual);
                    self.units[unit].factor = factor;
                    return Ok(self.absorb(id, unit));
                }
            }
        }
        if let Some(unit) = self.sum_in_norm(id, scales, inputs) {
            return Ok(unit);
        }
        let roots = self.same_layout(id, self.roots(inputs))?;
        let segments = Arc::clone(&self.units[roots[0]].segments);
        let scales = (0..inputs.len()).map(scale).collect();
        Ok(self.add(id, Kind::Sum(scales), roots, segments))
    }

    /// A sum of maps of which some have a single channel or pixel.
    pub(super) fn broadcast_sum(
        &mut self,
        id: NodeId,
        scales: Vec<f32>,
        inputs: &[NodeId],
    ) -> Result<usize, PlanError> {
        let size = self.graph.node(id).shape.size();
        let mut roots = self.all_channels(id, inputs)?;
        for root in &mut roots {
            let own = self.units[*root].size;
            if own != size {
                let parts = resized(Interpolation::Nearest, own, size);
                *root = self.resample(id, parts, *root);
            }
        }
        let roots = self.same_layout(id, roots)?;
        let segments = Arc::clone(&self.units[roots[0]].segments);
        Ok(self.add(id, Kind::Sum(scales), roots, segments))
    }
}
