//! The gradients of operators across the channels of each pixel: softmax and local response normalisation.

use std::sync::Arc;

use crate::{
    blockwise::{same_maps, size_of},
    conv::Segment,
    memory::{Buffer, View},
    pointwise::{LrnFactors, NeighbourSums},
    run::{Context, Reason, Run},
    simd::LANES,
};

/// The gradient of a softmax over channels: `y * (dz - sum(dz * y))`.
#[derive(Clone, Debug)]
pub struct SoftmaxBack {
    y: View,
    dz: View,
    to: View,
    adds: bool,
    segments: Arc<[Segment]>,
    images: usize,
}

impl SoftmaxBack {
    /// `y` is the softmax, whose channels lie in `segments`; `dz` its gradient, `to` that of its argument.
    pub fn new(
        buffers: &[Buffer],
        (y, dz, to): (View, View, View),
        segments: Arc<[Segment]>,
        adds: bool,
    ) -> Self {
        Self { y, dz, to, adds, segments, images: size_of(buffers, to).0 }
    }
}

/// Calls `with` with the place of each pixel of an image, until the run is stopped.
fn each_pixel(context: &Context<'_>, buffer: &Buffer, mut with: impl FnMut(usize, usize)) {
    for row in 0..buffer.height {
        for column in 0..buffer.width {
            if context.is_stopped() {
                return;
            }
            with(row, column);
        }
    }
}

impl Run for SoftmaxBack {
    fn name(&self) -> &'static str {
        "softmax back"
    }

    fn reads(&self) -> Vec<View> {
        let added = self.adds.then_some(self.to);
        [self.y, self.dz].into_iter().chain(added).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let fits = |s: &Segment| s.block + s.channels.div_ceil(LANES) <= self.y.blocks;
        let is_valid = same_maps(buffers, &[self.y, self.dz, self.to])
            && self.segments.iter().all(fits)
            && self.images == buffers[self.to.buffer].images;
        (!is_valid).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.images
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    unsafe fn run(&self, context: &Context<'_>, image: usize) {
        // SAFETY: the program has checked the views; this task alone writes the image.
        unsafe {
            let (y, dz, to) =
                (context.place(self.y), context.place(self.dz), context.place(self.to));
            let channels: Vec<(usize, usize)> = self
                .segments
                .iter()
                .flat_map(|s| (0..s.channels).map(|lane| (s.block + lane / LANES, lane % LANES)))
                .collect();
            each_pixel(context, &to.buffer, |row, column| {
                let at = |place: &crate::memory::Place, (block, lane): (usize, usize)| {
                    let pixel = row * place.buffer.row() + column * LANES + lane;
                    place.at(image, block).wrapping_add(pixel)
                };
                let product = |c: &(usize, usize)| {
                    f64::from(at(&y, *c).read()) * f64::from(at(&dz, *c).read())
                };
                let sum: f64 = channels.iter().map(product).sum();
                for c in &channels {
                    let gradient = at(&y, *c).read() * (at(&dz, *c).read() - narrow(sum));
                    let to = at(&to, *c);
                    to.write(if self.adds { to.read() + gradient } else { gradient });
                }
            });
            for block in 0..self.to.blocks {
                to.clear_border(image, block, 0..to.buffer.height);
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "summed in double precision, kept in single")]
fn narrow(x: f64) -> f32 {
    x as f32
}

/// The gradient of local response normalisation, see [`Lrn`](crate::step::Lrn).
#[derive(Clone, Debug)]
pub struct LrnBack {
    x: View,
    dz: View,
    to: View,
    adds: bool,
    factors: LrnFactors,
    images: usize,
}

impl LrnBack {
    /// `x` is the argument, whose channels have no gaps; `dz` the gradient of the result, `to` that of the argument.
    pub fn new(
        buffers: &[Buffer],
        (x, dz, to): (View, View, View),
        factors: LrnFactors,
        adds: bool,
    ) -> Self {
        Self { x, dz, to, adds, factors, images: size_of(buffers, to).0 }
    }
}

impl Run for LrnBack {
    fn name(&self) -> &'static str {
        "lrn back"
    }

    fn reads(&self) -> Vec<View> {
        let added = self.adds.then_some(self.to);
        [self.x, self.dz].into_iter().chain(added).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let is_valid = same_maps(buffers, &[self.x, self.dz, self.to])
            && self.factors.size > 0
            && self.factors.channels <= self.x.blocks * LANES
            && self.images == buffers[self.to.buffer].images;
        (!is_valid).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.images
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    fn scratch(&self) -> usize {
        let (before, behind) = self.factors.neighbours();
        let channels = self.factors.channels;
        2 * channels + NeighbourSums::len(channels, before + 1 + behind)
    }

    unsafe fn run(&self, context: &Context<'_>, image: usize) {
        let LrnFactors { channels, size, alpha, beta, k } = self.factors;
        let (before, behind) = self.factors.neighbours();
        let share = alpha / size as f32;
        // SAFETY: the program has checked the views; this task alone writes the image, and the scratch memory is this
        // thread's.
        unsafe {
            let (x, dz, to) =
                (context.place(self.x), context.place(self.dz), context.place(self.to));
            let scratch = std::slice::from_raw_parts_mut(context.scratch, Run::scratch(self));
            let (bases, rest) = scratch.split_at_mut(channels);
            let (powers, sums) = rest.split_at_mut(channels);
            each_pixel(context, &to.buffer, |row, column| {
                let at = |place: &crate::memory::Place, channel: usize| {
                    let pixel = row * place.buffer.row() + column * LANES + channel % LANES;
                    place.at(image, channel / LANES).wrapping_add(pixel)
                };
                let number = |channel: usize| at(&x, channel).read();
                let squares = |channel: usize| number(channel) * number(channel);
                let squares = NeighbourSums::new(sums, channels, (before, behind), squares);
                for channel in 0..channels {
                    bases[channel] = k + share * squares.of(channel);
                    powers[channel] = bases[channel].powf(-beta);
                }
                let product = |channel: usize| {
                    let gradient = at(&dz, channel).read();
                    gradient * number(channel) * powers[channel] / bases[channel]
                };
                // A channel is in the windows of those that are behind of it as far as it looks ahead.
                let products = NeighbourSums::new(sums, channels, (behind, before), product);
                for (channel, power) in powers.iter().enumerate() {
                    let direct = at(&dz, channel).read() * power;
                    let sum = products.of(channel);
                    let gradient = direct - 2.0 * share * beta * number(channel) * sum;
                    let to = at(&to, channel);
                    to.write(if self.adds { to.read() + gradient } else { gradient });
                }
            });
            for block in 0..self.to.blocks {
                to.clear_border(image, block, 0..to.buffer.height);
            }
        }
    }
}
