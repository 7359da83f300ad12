//! The maximum or the mean over the channels of each pixel, and its gradient.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    blockwise::size_of,
    conv::Segment,
    memory::{Buffer, Place, View},
    run::{Context, Reason, Run},
    simd::{LANES, Simd, Work},
};

/// The numbers of the lanes.
const NUMBERS: [f32; LANES] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];

/// The maximum or the mean over the channels of each pixel, in the first lane of a block; the other lanes become 0.
#[derive(Clone, Debug)]
pub struct ChannelPool {
    x: View,
    y: View,
    segments: Arc<[Segment]>,
    is_max: bool,
    images: usize,
    height: usize,
}

impl ChannelPool {
    /// From `x`, whose channels lie in `segments`, to `y`.
    pub fn new(
        buffers: &[Buffer],
        (x, y): (View, View),
        segments: Arc<[Segment]>,
        is_max: bool,
    ) -> Self {
        let (images, height) = (size_of(buffers, y).0, height_of(buffers, y));
        Self { x, y, segments, is_max, images, height }
    }
}

/// The gradient of the input of [`ChannelPool`]: that of a maximum goes to the first of the largest channels, that of a mean
/// is divided equally.
#[derive(Clone, Debug)]
pub struct ChannelPoolBack {
    pool: ChannelPool,
    dz: View,
    to: View,
    adds: bool,
}

impl ChannelPoolBack {
    /// `dz` is the gradient of the pool's result, `to` that of its input.
    pub fn new(pool: ChannelPool, dz: View, to: View, adds: bool) -> Self {
        Self { pool, dz, to, adds }
    }
}

fn height_of(buffers: &[Buffer], view: View) -> usize {
    buffers.get(view.buffer).map_or(0, |buffer| buffer.height)
}

/// Whether a view has all channels of segments, and another one a block for each of its pixels.
fn fits(buffers: &[Buffer], all: View, single: View, segments: &[Segment]) -> bool {
    let size = |view: View| {
        let buffer = &buffers[view.buffer];
        (buffer.images, buffer.height, buffer.width, buffer.pixel)
    };
    let is_inside =
        |segment: &Segment| segment.block + segment.channels.div_ceil(LANES) <= all.blocks;
    size(all) == size(single)
        && single.blocks == 1
        && buffers[all.buffer].pixel == LANES
        && segments.iter().any(|segment| segment.channels > 0)
        && segments.iter().all(is_inside)
}

fn channels_of(segments: &[Segment]) -> f64 {
    let channels: usize = segments.iter().map(|segment| segment.channels).sum();
    channels as f64
}

/// A row of pixels.
struct PoolRow<'a> {
    x: &'a Place,
    y: *mut f32,
    image: usize,
    row: usize,
    columns: usize,
    segments: &'a [Segment],
    is_max: bool,
    channels: f64,
    stop: &'a AtomicBool,
}

impl Work for PoolRow<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        let neutral = if self.is_max { f32::NEG_INFINITY } else { 0.0 };
        // SAFETY: the caller's promise.
        unsafe {
            let (start, numbers) = (S::splat(neutral), S::load(NUMBERS.as_ptr()));
            for column in 0..self.columns {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                let mut all = start;
                for segment in self.segments {
                    let blocks = segment.channels / LANES;
                    for block in segment.block..segment.block + blocks {
                        let x = S::load(self.x.pixel(self.image, block, self.row, column));
                        all = joined::<S>(self.is_max, x, all);
                    }
                    let rest = segment.channels % LANES;
                    if rest > 0 {
                        let block = segment.block + blocks;
                        let x = S::load(self.x.pixel(self.image, block, self.row, column));
                        let is_channel = S::greater(S::splat(rest as f32), numbers);
                        all = joined::<S>(self.is_max, S::select(is_channel, x, start), all);
                    }
                }
                let mut lanes = [0.0_f32; LANES];
                S::store(lanes.as_mut_ptr(), all);
                let y = self.y.add(column * LANES);
                S::store(y, S::splat(0.0));
                *y = if self.is_max {
                    let mut largest = lanes[0];
                    for x in lanes {
                        // Once it is NaN, nothing is larger.
                        if x > largest || x.is_nan() {
                            largest = x;
                        }
                    }
                    largest
                } else {
                    let mut sum = 0.0;
                    for x in lanes {
                        sum += f64::from(x);
                    }
                    (sum / self.channels) as f32
                };
            }
        }
    }
}

/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn joined<S: Simd>(is_max: bool, x: S::V, all: S::V) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        match is_max {
            // A maximum of a NaN is one, whichever it is.
            true => S::select(S::is_nan(x), x, S::max(x, all)),
            false => S::add(x, all),
        }
    }
}

impl Run for ChannelPool {
    fn name(&self) -> &'static str {
        "channel pool"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.x]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let is_valid = fits(buffers, self.x, self.y, &self.segments)
            && self.images == buffers[self.y.buffer].images
            && self.height == buffers[self.y.buffer].height;
        (!is_valid).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.images * self.height
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let (image, row) = (task / self.height, task % self.height);
        // SAFETY: the program has checked the views; this task alone writes the row of the image.
        unsafe {
            let (x, y) = (context.place(self.x), context.place(self.y));
            context.isa.run(&PoolRow {
                x: &x,
                y: y.pixel(image, 0, row, 0),
                image,
                row,
                columns: y.buffer.width,
                segments: &self.segments,
                is_max: self.is_max,
                channels: channels_of(&self.segments),
                stop: context.stop,
            });
            y.clear_border(image, 0, row..row + 1);
        }
    }
}

/// A row of gradients, which a number of each pixel is added to.
struct SpreadRow<'a> {
    dz: *const f32,
    to: &'a Place,
    image: usize,
    row: usize,
    columns: usize,
    blocks: usize,
    segments: &'a [Segment],
    channels: f64,
    is_max: bool,
    adds: bool,
    /// The pool's input and its result, of a maximum.
    x: &'a Place,
    z: *const f32,
    stop: &'a AtomicBool,
}

impl Work for SpreadRow<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            for column in 0..self.columns {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                if !self.adds {
                    for block in 0..self.blocks {
                        let to = self.to.pixel(self.image, block, self.row, column);
                        S::store(to, S::splat(0.0));
                    }
                }
                let dz = *self.dz.add(column * LANES);
                if self.is_max {
                    self.to_largest(column, dz);
                } else {
                    self.to_all::<S>(column, (f64::from(dz) / self.channels) as f32);
                }
            }
        }
    }
}

impl SpreadRow<'_> {
    /// Adds a number to all channels of a pixel.
    #[inline(always)]
    unsafe fn to_all<S: Simd>(&self, column: usize, share: f32) {
        // SAFETY: the caller's promise.
        unsafe {
            let (zero, numbers) = (S::splat(0.0), S::load(NUMBERS.as_ptr()));
            let share = S::splat(share);
            for segment in self.segments {
                let blocks = segment.channels / LANES;
                for block in segment.block..segment.block + blocks {
                    let to = self.to.pixel(self.image, block, self.row, column);
                    S::store(to, S::add(S::load(to), share));
                }
                let rest = segment.channels % LANES;
                if rest > 0 {
                    let to = self.to.pixel(self.image, segment.block + blocks, self.row, column);
                    let is_channel = S::greater(S::splat(rest as f32), numbers);
                    S::store(to, S::add(S::load(to), S::select(is_channel, share, zero)));
                }
            }
        }
    }

    /// Adds a number to the first of the largest channels of a pixel.
    #[inline(always)]
    unsafe fn to_largest(&self, column: usize, dz: f32) {
        // SAFETY: the caller's promise.
        unsafe {
            let largest = *self.z.add(column * LANES);
            for segment in self.segments {
                for channel in 0..segment.channels {
                    let (block, lane) = (segment.block + channel / LANES, channel % LANES);
                    let x = *self.x.pixel(self.image, block, self.row, column).add(lane);
                    if largest > x {
                        continue;
                    }
                    *self.to.pixel(self.image, block, self.row, column).add(lane) += dz;
                    return;
                }
            }
        }
    }
}

impl Run for ChannelPoolBack {
    fn name(&self) -> &'static str {
        "channel pool back"
    }

    fn reads(&self) -> Vec<View> {
        let added = self.adds.then_some(self.to);
        let values = [self.pool.x, self.pool.y].into_iter().filter(|_| self.pool.is_max);
        [self.dz].into_iter().chain(values).chain(added).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let is_valid = fits(buffers, self.to, self.dz, &self.pool.segments)
            && self.to.blocks == self.pool.x.blocks
            && Run::check(&self.pool, buffers).is_none()
            && self.pool.images == buffers[self.to.buffer].images
            && self.pool.height == buffers[self.to.buffer].height
            && buffers[self.pool.x.buffer].width == buffers[self.to.buffer].width;
        (!is_valid).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.pool.tasks()
    }

    fn images(&self) -> Option<usize> {
        Some(self.pool.images)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let (image, row) = (task / self.pool.height, task % self.pool.height);
        // SAFETY: the program has checked the views; this task alone writes the row of the image.
        unsafe {
            let (x, z) = (context.place(self.pool.x), context.place(self.pool.y));
            let (dz, to) = (context.place(self.dz), context.place(self.to));
            context.isa.run(&SpreadRow {
                dz: dz.pixel(image, 0, row, 0),
                to: &to,
                image,
                row,
                columns: to.buffer.width,
                blocks: self.to.blocks,
                segments: &self.pool.segments,
                channels: channels_of(&self.pool.segments),
                is_max: self.pool.is_max,
                adds: self.adds,
                x: &x,
                z: z.pixel(image, 0, row, 0),
                stop: context.stop,
            });
            for block in 0..self.to.blocks {
                to.clear_border(image, block, row..row + 1);
            }
        }
    }
}
