//! Normalisation with the mean and the variance of each image: over groups of channels, or over the channels of each pixel;
//! and its gradient.

use std::sync::Arc;

use crate::{
    blockwise::{same_maps, size_of},
    memory::{Buffer, Place, View},
    run::{Context, Reason, Run},
    simd::{LANES, Simd, Work},
};

/// What mean and variance are taken over.
#[derive(Clone, Debug, PartialEq)]
pub enum Over {
    /// All channels of each pixel: whether each lane is a channel.
    Pixels(Arc<[bool]>),
    /// All pixels of the channels of a group: the group of each lane, `None` of a lane that is no channel.
    Groups(Arc<[Option<usize>]>),
}

impl Over {
    fn lanes(&self) -> usize {
        match self {
            Self::Pixels(lanes) => lanes.len(),
            Self::Groups(lanes) => lanes.len(),
        }
    }
}

/// `(x - mean) / sqrt(variance + epsilon)`.
#[derive(Clone, Debug)]
pub struct Standardise {
    x: View,
    y: View,
    over: Over,
    epsilon: f32,
    images: usize,
}

impl Standardise {
    /// From `x` to `y`.
    pub fn new(buffers: &[Buffer], (x, y): (View, View), over: Over, epsilon: f32) -> Self {
        Self { x, y, over, epsilon, images: size_of(buffers, y).0 }
    }
}

/// The gradient of [`Standardise`] with respect to its argument.
#[derive(Clone, Debug)]
pub struct StandardiseBack {
    x: View,
    dz: View,
    to: View,
    over: Over,
    epsilon: f32,
    adds: bool,
    images: usize,
}

impl StandardiseBack {
    /// `x` is the argument, `dz` the gradient of the result, `to` that of the argument.
    pub fn new(
        buffers: &[Buffer],
        (x, dz, to): (View, View, View),
        over: Over,
        epsilon: f32,
        adds: bool,
    ) -> Self {
        Self { x, dz, to, over, epsilon, adds, images: size_of(buffers, to).0 }
    }
}

/// Sums of a row of pixels for each lane: of `a`, of `(a - mean)^2`, of `b`, and of `b * (a - mean)`.
struct SumRow {
    a: *const f32,
    /// Null where there is no second map.
    b: *const f32,
    columns: usize,
    mean: [f32; LANES],
    sums: *mut [[f32; LANES]; 4],
}

impl Work for SumRow {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let mean = S::load(self.mean.as_ptr());
            let mut sums = [S::splat(0.0); 4];
            for column in 0..self.columns {
                let a = S::load(self.a.add(column * LANES));
                let from_mean = S::sub(a, mean);
                sums[0] = S::add(sums[0], a);
                sums[1] = S::mul_add(from_mean, from_mean, sums[1]);
                if !self.b.is_null() {
                    let b = S::load(self.b.add(column * LANES));
                    sums[2] = S::add(sums[2], b);
                    sums[3] = S::mul_add(b, from_mean, sums[3]);
                }
            }
            for (sum, to) in sums.into_iter().zip(&mut *self.sums) {
                S::store(to.as_mut_ptr(), sum);
            }
        }
    }
}

/// `y = x * factor + dz * other + shift` for a row of pixels, with numbers of each lane.
struct MixRow {
    x: *const f32,
    /// Null where there is no second map.
    dz: *const f32,
    y: *mut f32,
    columns: usize,
    factor: [f32; LANES],
    other: [f32; LANES],
    shift: [f32; LANES],
    adds: bool,
}

impl Work for MixRow {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let factor = S::load(self.factor.as_ptr());
            let (other, shift) = (S::load(self.other.as_ptr()), S::load(self.shift.as_ptr()));
            for column in 0..self.columns {
                let at = column * LANES;
                let mut sum = S::mul_add(S::load(self.x.add(at)), factor, shift);
                if !self.dz.is_null() {
                    sum = S::mul_add(S::load(self.dz.add(at)), other, sum);
                }
                let y = self.y.add(at);
                S::store(y, if self.adds { S::add(sum, S::load(y)) } else { sum });
            }
        }
    }
}

/// Sums of groups, of all pixels.
struct Groups<'a> {
    of_lane: &'a [Option<usize>],
    count: usize,
}

impl<'a> Groups<'a> {
    fn new(of_lane: &'a [Option<usize>]) -> Self {
        Self { of_lane, count: of_lane.iter().flatten().max().map_or(0, |last| last + 1) }
    }

    /// A number of each lane of a block, by its group; 0 of a lane without one.
    fn lanes(&self, block: usize, of_group: impl Fn(usize) -> f64) -> [f32; LANES] {
        std::array::from_fn(|lane| match self.of_lane[block * LANES + lane] {
            Some(group) => narrow(of_group(group)),
            None => 0.0,
        })
    }

    /// One of the sums of [`SumRow`], of each group, and the numbers of pixels of each.
    ///
    /// # Safety
    /// See [`Run::run`].
    unsafe fn sums(
        &self,
        context: &Context<'_>,
        image: usize,
        (x, dz): (&Place, Option<&Place>),
        mean: &[f64],
        which: &[usize],
    ) -> Vec<Vec<f64>> {
        let Buffer { height, width, .. } = x.buffer;
        let mut sums = vec![vec![0.0; self.count]; which.len()];
        for block in 0..self.of_lane.len() / LANES {
            let of_block = self.lanes(block, |group| mean[group]);
            for row in 0..height {
                if context.is_stopped() {
                    return sums;
                }
                let mut of_row = [[0.0; LANES]; 4];
                let work = SumRow {
                    a: x.pixel(image, block, row, 0),
                    b: dz.map_or(std::ptr::null(), |dz| dz.pixel(image, block, row, 0)),
                    columns: width,
                    mean: of_block,
                    sums: &raw mut of_row,
                };
                // SAFETY: the caller's promise.
                unsafe { context.isa.run(&work) };
                for (sums, &which) in sums.iter_mut().zip(which) {
                    for (lane, sum) in of_row[which].iter().enumerate() {
                        if let Some(group) = self.of_lane[block * LANES + lane] {
                            sums[group] += f64::from(*sum);
                        }
                    }
                }
            }
        }
        sums
    }

    /// Number of values of each group.
    fn values(&self, area: usize) -> Vec<f64> {
        let mut values = vec![0.0; self.count];
        #[expect(clippy::cast_precision_loss, reason = "a number of pixels")]
        self.of_lane.iter().flatten().for_each(|&group| values[group] += area as f64);
        values
    }

    /// The mean of each group, and one over its standard deviation.
    ///
    /// # Safety
    /// See [`Run::run`].
    unsafe fn statistics(
        &self,
        context: &Context<'_>,
        image: usize,
        x: &Place,
        epsilon: f32,
    ) -> (Vec<f64>, Vec<f64>) {
        let values = self.values(x.buffer.height * x.buffer.width);
        let zeros = vec![0.0; self.count];
        // SAFETY: the caller's promise.
        let mut mean = unsafe { self.sums(context, image, (x, None), &zeros, &[0]) }.remove(0);
        mean.iter_mut().zip(&values).for_each(|(sum, values)| *sum /= values);
        // As the vectors hold it, so that the sum of differences is that from this number.
        mean.iter_mut().for_each(|mean| *mean = f64::from(narrow(*mean)));
        // SAFETY: the caller's promise.
        let squares = unsafe { self.sums(context, image, (x, None), &mean, &[1]) }.remove(0);
        let inverse = squares
            .iter()
            .zip(&values)
            .map(|(sum, values)| 1.0 / (sum / values + f64::from(epsilon)).sqrt());
        (mean, inverse.collect())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "summed in double precision, kept in single")]
fn narrow(x: f64) -> f32 {
    x as f32
}

/// The pixels of an image, each with the lanes that are channels.
struct Pixels<'a> {
    is_channel: &'a [bool],
    channels: f64,
}

impl<'a> Pixels<'a> {
    fn new(is_channel: &'a [bool]) -> Self {
        let channels = is_channel.iter().filter(|is_channel| **is_channel).count();
        #[expect(clippy::cast_precision_loss, reason = "a number of channels")]
        let channels = channels as f64;
        Self { is_channel, channels }
    }

    /// The sum over the channels of a pixel.
    fn sum(&self, of: impl Fn(usize, usize) -> f64) -> f64 {
        let lanes = self.is_channel.iter().enumerate().filter(|(_, is_channel)| **is_channel);
        lanes.map(|(lane, _)| of(lane / LANES, lane % LANES)).sum()
    }

    /// The mean of a pixel, and one over its standard deviation.
    fn statistics(&self, of: impl Fn(usize, usize) -> f64, epsilon: f32) -> (f64, f64) {
        let mean = self.sum(&of) / self.channels;
        let variance = self.sum(|block, lane| (of(block, lane) - mean).powi(2)) / self.channels;
        (mean, 1.0 / (variance + f64::from(epsilon)).sqrt())
    }
}

fn fits(buffers: &[Buffer], views: &[View], over: &Over, images: usize) -> bool {
    let view = views[0];
    same_maps(buffers, views)
        && over.lanes() == view.blocks * LANES
        && images == buffers[view.buffer].images
}

impl Run for Standardise {
    fn name(&self) -> &'static str {
        "standardise"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.x]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let is_valid = fits(buffers, &[self.x, self.y], &self.over, self.images);
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
            let (x, y) = (context.place(self.x), context.place(self.y));
            let Buffer { height, width, .. } = y.buffer;
            match &self.over {
                Over::Groups(of_lane) => {
                    let groups = Groups::new(of_lane);
                    let (mean, inverse) = groups.statistics(context, image, &x, self.epsilon);
                    for block in 0..self.y.blocks {
                        let factor = groups.lanes(block, |group| inverse[group]);
                        let shift = groups.lanes(block, |group| -mean[group] * inverse[group]);
                        for row in 0..height {
                            if context.is_stopped() {
                                return;
                            }
                            context.isa.run(&MixRow {
                                x: x.pixel(image, block, row, 0),
                                dz: std::ptr::null(),
                                y: y.pixel(image, block, row, 0),
                                columns: width,
                                factor,
                                other: [0.0; LANES],
                                shift,
                                adds: false,
                            });
                        }
                    }
                }
                Over::Pixels(is_channel) => {
                    let pixels = Pixels::new(is_channel);
                    for row in 0..height {
                        for column in 0..width {
                            if context.is_stopped() {
                                return;
                            }
                            let of = |block: usize, lane: usize| {
                                let pixel = x.pixel(image, block, row, column);
                                f64::from(pixel.wrapping_add(lane).read())
                            };
                            let (mean, inverse) = pixels.statistics(of, self.epsilon);
                            for (lane, is_channel) in is_channel.iter().enumerate() {
                                let (block, lane) = (lane / LANES, lane % LANES);
                                let value = match is_channel {
                                    true => narrow((of(block, lane) - mean) * inverse),
                                    false => 0.0,
                                };
                                y.pixel(image, block, row, column).wrapping_add(lane).write(value);
                            }
                        }
                    }
                }
            }
            for block in 0..self.y.blocks {
                y.clear_border(image, block, 0..height);
            }
        }
    }
}

impl Run for StandardiseBack {
    fn name(&self) -> &'static str {
        "standardise back"
    }

    fn reads(&self) -> Vec<View> {
        let added = self.adds.then_some(self.to);
        [self.x, self.dz].into_iter().chain(added).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let is_valid = fits(buffers, &[self.x, self.dz, self.to], &self.over, self.images);
        (!is_valid).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.images
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    /// With `z` the result and `n` values: `(dz - sum(dz) / n - z * sum(dz * z) / n) / deviation`.
    unsafe fn run(&self, context: &Context<'_>, image: usize) {
        // SAFETY: the program has checked the views; this task alone writes the image.
        unsafe {
            let (x, dz, to) =
                (context.place(self.x), context.place(self.dz), context.place(self.to));
            let Buffer { height, width, .. } = to.buffer;
            match &self.over {
                Over::Groups(of_lane) => {
                    let groups = Groups::new(of_lane);
                    let values = groups.values(height * width);
                    let (mean, inverse) = groups.statistics(context, image, &x, self.epsilon);
                    let sums = groups.sums(context, image, (&x, Some(&dz)), &mean, &[2, 3]);
                    let of_dz = |group: usize| sums[0][group] / values[group];
                    // Of the product with the result, over the deviation.
                    let of_z =
                        |group: usize| sums[1][group] * inverse[group].powi(2) / values[group];
                    for block in 0..self.to.blocks {
                        let factor = groups.lanes(block, |group| -inverse[group] * of_z(group));
                        let other = groups.lanes(block, |group| inverse[group]);
                        let shift = groups.lanes(block, |group| {
                            inverse[group] * (mean[group] * of_z(group) - of_dz(group))
                        });
                        for row in 0..height {
                            if context.is_stopped() {
                                return;
                            }
                            context.isa.run(&MixRow {
                                x: x.pixel(image, block, row, 0),
                                dz: dz.pixel(image, block, row, 0),
                                y: to.pixel(image, block, row, 0),
                                columns: width,
                                factor,
                                other,
                                shift,
                                adds: self.adds,
                            });
                        }
                    }
                }
                Over::Pixels(is_channel) => {
                    let pixels = Pixels::new(is_channel);
                    for row in 0..height {
                        for column in 0..width {
                            if context.is_stopped() {
                                return;
                            }
                            let read = |place: &Place, block: usize, lane: usize| {
                                let pixel = place.pixel(image, block, row, column);
                                f64::from(pixel.wrapping_add(lane).read())
                            };
                            let of = |block: usize, lane: usize| read(&x, block, lane);
                            let (mean, inverse) = pixels.statistics(of, self.epsilon);
                            let z = |block: usize, lane: usize| (of(block, lane) - mean) * inverse;
                            let n = pixels.channels;
                            let of_dz = pixels.sum(|block, lane| read(&dz, block, lane)) / n;
                            let of_z = pixels.sum(|b, l| read(&dz, b, l) * z(b, l)) / n;
                            for (lane, is_channel) in is_channel.iter().enumerate() {
                                let (block, lane) = (lane / LANES, lane % LANES);
                                let own = read(&dz, block, lane) - of_dz - z(block, lane) * of_z;
                                let gradient =
                                    if *is_channel { narrow(own * inverse) } else { 0.0 };
                                let at = to.pixel(image, block, row, column).wrapping_add(lane);
                                at.write(if self.adds { at.read() + gradient } else { gradient });
                            }
                        }
                    }
                }
            }
            for block in 0..self.to.blocks {
                to.clear_border(image, block, 0..height);
            }
        }
    }
}
