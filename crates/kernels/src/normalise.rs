//! Batch normalisation with the statistics of the batch, and its gradient (Ioffe and Szegedy 2015, Algorithm 1).
//!
//! Sums over a batch are computed for each image, and combined in double precision in the order of the images. This avoids
//! cancellation, and results do not depend on the number of threads.

mod gradient;

use crate::{
    activation::Function,
    blockwise::{Blockwise, is_table, same_maps, size_of},
    memory::{Buffer, View},
    pointwise::AffineRows,
    run::{Context, Reason, Run},
    simd::{LANES, Simd, Work},
};

pub use gradient::{GradientSums, NormaliseBack, NormaliseGradient, Normalised};

/// Pixels of a table of [`Moments`]: a number near the mean, and the sums of the differences from it and of their
/// squares.
pub const MOMENTS: usize = 3;

/// Pixels of a table of [`BatchStatistics`]: scale, shift, mean, and one over the standard deviation.
pub const FACTORS: usize = 4;

/// Pixels of a table of [`GradientSums`].
pub const SUMS: usize = 2;

/// Pixels of a table of [`NormaliseGradient`]: what the values and one are multiplied by.
pub const COEFFICIENTS: usize = 2;

/// Sums over each map: of the differences from its first pixel, and of their squares.
#[derive(Clone, Debug)]
pub struct Moments {
    x: View,
    to: View,
    size: (usize, usize),
}

impl Moments {
    /// `to` is a table of [`MOMENTS`] pixels for each image and block.
    pub fn new(buffers: &[Buffer], x: View, to: View) -> Self {
        Self { x, to, size: size_of(buffers, x) }
    }
}

/// Rows of a block.
struct MomentRows {
    /// The first pixel of the block.
    near: *const f32,
    x: *const f32,
    x_row: usize,
    rows: usize,
    columns: usize,
    to: *mut f32,
    /// Whether sums go on with what is there.
    adds: bool,
}

impl Work for MomentRows {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let zero = S::splat(0.0);
            let near = S::load(self.near);
            // Two of each, so that additions wait less for each other.
            let (mut sum, mut squares) = (zero, zero);
            let (mut other_sum, mut other_squares) = (zero, zero);
            for row in 0..self.rows {
                let x = self.x.add(row * self.x_row);
                let mut column = 0;
                while column + 2 <= self.columns {
                    let a = S::sub(S::load(x.add(column * LANES)), near);
                    let b = S::sub(S::load(x.add((column + 1) * LANES)), near);
                    sum = S::add(sum, a);
                    squares = S::mul_add(a, a, squares);
                    other_sum = S::add(other_sum, b);
                    other_squares = S::mul_add(b, b, other_squares);
                    column += 2;
                }
                if column < self.columns {
                    let a = S::sub(S::load(x.add(column * LANES)), near);
                    sum = S::add(sum, a);
                    squares = S::mul_add(a, a, squares);
                }
            }
            let (mut sum, mut squares) = (S::add(sum, other_sum), S::add(squares, other_squares));
            if self.adds {
                sum = S::add(sum, S::load(self.to.add(LANES)));
                squares = S::add(squares, S::load(self.to.add(2 * LANES)));
            }
            S::store(self.to, near);
            S::store(self.to.add(LANES), sum);
            S::store(self.to.add(2 * LANES), squares);
        }
    }
}

impl Blockwise for Moments {
    const NAME: &'static str = "moments";

    fn reads(&self) -> Vec<View> {
        vec![self.x]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fits(&self, buffers: &[Buffer]) -> bool {
        self.size == size_of(buffers, self.x)
            && buffers[self.x.buffer].pixel == LANES
            && is_table(buffers, self.to, self.size.0, self.size.1, MOMENTS)
    }

    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the table of the block.
        unsafe {
            let (x, to) = (context.place(self.x), context.place(self.to));
            let Buffer { height, width, .. } = x.buffer;
            for (index, (rows, columns)) in context.pieces(0..height, width, 1).enumerate() {
                context.isa.run(&MomentRows {
                    near: x.at(image, block),
                    x: x.pixel(image, block, rows.start, columns.start),
                    x_row: x.buffer.row(),
                    rows: rows.len(),
                    columns: columns.len(),
                    to: to.at(image, block),
                    adds: index > 0,
                });
            }
        }
    }
}

/// The parameters of a normalisation and its running statistics: vectors of a number for each channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NormTensors {
    /// Scale; 1 if there is none.
    pub gamma: Option<View>,
    /// Shift; 0 if there is none.
    pub beta: Option<View>,
    /// Running mean.
    pub mean: View,
    /// Running variance, with Bessel's correction as PyTorch keeps it.
    pub variance: View,
}

impl NormTensors {
    fn learned(&self) -> impl Iterator<Item = View> {
        [self.gamma, self.beta].into_iter().flatten()
    }
}

/// Mean and variance of a batch, from [`Moments`], as a scale and a shift for each lane. Updates the running statistics.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    from: View,
    to: View,
    tensors: NormTensors,
    /// The channel of each lane.
    channels: Vec<Option<usize>>,
    /// Pixels of a map.
    area: usize,
    eps: f32,
    momentum: f32,
}

impl BatchStatistics {
    /// `from` is the table of [`Moments`] of maps of `area` pixels; `to` is a table of [`FACTORS`] pixels for each block.
    /// `momentum` is the weight of the batch when a running statistic is updated.
    pub fn new(
        (from, to): (View, View),
        tensors: NormTensors,
        channels: Vec<Option<usize>>,
        area: usize,
        (eps, momentum): (f32, f32),
    ) -> Self {
        Self { from, to, tensors, channels, area, eps, momentum }
    }
}

/// Whether vectors have a number for each channel.
fn have_channels(
    buffers: &[Buffer],
    views: impl IntoIterator<Item = View>,
    channels: &[Option<usize>],
) -> bool {
    let most = channels.iter().flatten().max().map_or(0, |last| last + 1);
    views.into_iter().all(|view| buffers[view.buffer].is_vector() && view.blocks * LANES >= most)
}

#[expect(clippy::cast_possible_truncation, reason = "computed in double precision, kept in single")]
fn narrow(x: f64) -> f32 {
    x as f32
}

impl Run for BatchStatistics {
    fn name(&self) -> &'static str {
        "batch statistics"
    }

    fn reads(&self) -> Vec<View> {
        let running = [self.tensors.mean, self.tensors.variance];
        self.tensors.learned().chain(running).chain([self.from]).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to, self.tensors.mean, self.tensors.variance]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let images = buffers[self.from.buffer].images;
        let is_valid = is_table(buffers, self.from, images, self.from.blocks, MOMENTS)
            && is_table(buffers, self.to, 1, self.from.blocks, FACTORS)
            && self.channels.len() == self.from.blocks * LANES
            && have_channels(
                buffers,
                Run::reads(self).into_iter().filter(|v| *v != self.from),
                &self.channels,
            );
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        self.to.blocks
    }

    unsafe fn run(&self, context: &Context<'_>, block: usize) {
        // SAFETY: the program has checked the views; this task alone uses the channels of its block.
        unsafe {
            let from = context.place(self.from);
            let images = from.buffer.images;
            let to = context.place(self.to).at(0, block);
            let number =
                |view: View, channel: usize| context.place(view).at(0, 0).wrapping_add(channel);
            let area = self.area as f64;
            let count = area * images as f64;
            let mut statistics = Statistics { mean: [0.0; LANES], sum: [0.0; LANES] };
            context.isa.run(&CombineMoments {
                from: from.at(0, block),
                image: from.buffer.image(),
                images,
                area,
                to: &raw mut statistics,
            });
            for lane in 0..LANES {
                let put = |factor: usize, x: f32| to.wrapping_add(factor * LANES + lane).write(x);
                let Some(channel) = self.channels[block * LANES + lane] else {
                    (0..FACTORS).for_each(|factor| put(factor, 0.0));
                    continue;
                };
                let (mean, sum) = (statistics.mean[lane], statistics.sum[lane].max(0.0));
                let inverse = 1.0 / (sum / count + f64::from(self.eps)).sqrt();
                let gamma =
                    self.tensors.gamma.map_or(1.0, |view| f64::from(number(view, channel).read()));
                let beta =
                    self.tensors.beta.map_or(0.0, |view| f64::from(number(view, channel).read()));
                put(0, narrow(gamma * inverse));
                put(1, narrow(beta - mean * gamma * inverse));
                put(2, narrow(mean));
                put(3, narrow(inverse));
                let unbiased = sum / (count - 1.0).max(1.0);
                for (view, new) in [(self.tensors.mean, mean), (self.tensors.variance, unbiased)] {
                    let running = number(view, channel);
                    running.write(
                        running.read() * (1.0 - self.momentum) + narrow(new) * self.momentum,
                    );
                }
            }
        }
    }
}

/// The mean of a batch and the sum of squared differences from it, of sixteen channels.
struct Statistics {
    mean: [f64; LANES],
    sum: [f64; LANES],
}

/// Combines the moments of all images of a block (Chan et al. 1983).
struct CombineMoments {
    from: *const f32,
    image: usize,
    images: usize,
    area: f64,
    to: *mut Statistics,
}

impl CombineMoments {
    /// The moments of an image: numbers near the mean, sums and sums of squares.
    #[inline(always)]
    unsafe fn moments(&self, image: usize) -> [[f64; LANES]; MOMENTS] {
        let mut moments = [[0.0; LANES]; MOMENTS];
        for (index, moment) in moments.iter_mut().enumerate() {
            for (lane, number) in moment.iter_mut().enumerate() {
                // SAFETY: the caller's promise.
                *number =
                    f64::from(unsafe { *self.from.add(image * self.image + index * LANES + lane) });
            }
        }
        moments
    }
}

impl Work for CombineMoments {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        let (mut mean, mut sum) = ([0.0; LANES], [0.0; LANES]);
        let one = 1.0 / self.area;
        // SAFETY: the caller's promise.
        unsafe {
            for image in 0..self.images {
                let [near, sums, _] = self.moments(image);
                for lane in 0..LANES {
                    mean[lane] += near[lane] + sums[lane] * one;
                }
            }
            for mean in &mut mean {
                *mean /= self.images as f64;
            }
            for image in 0..self.images {
                let [near, sums, squares] = self.moments(image);
                for lane in 0..LANES {
                    let apart = near[lane] + sums[lane] * one - mean[lane];
                    let own = squares[lane] - sums[lane] * sums[lane] * one;
                    sum[lane] += own + self.area * apart * apart;
                }
            }
            self.to.write(Statistics { mean, sum });
        }
    }
}

/// Normalises with the factors of [`BatchStatistics`], and clips to the range of a function.
#[derive(Clone, Debug)]
pub struct Normalise {
    x: View,
    y: View,
    factors: View,
    /// Added before the function.
    residual: Option<View>,
    function: Function,
    size: (usize, usize),
}

impl Normalise {
    /// The function must only clip to a range.
    pub fn new(buffers: &[Buffer], x: View, y: View, factors: View, function: Function) -> Self {
        Self { x, y, factors, residual: None, function, size: size_of(buffers, y) }
    }

    /// Adds a map before the function.
    #[must_use]
    pub fn with_residual(self, residual: Option<View>) -> Self {
        Self { residual, ..self }
    }
}

/// Rows of a block to which others are added.
struct AddingRows {
    rows: AffineRows,
    residual: *const f32,
    residual_row: usize,
}

impl Work for AddingRows {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        let of = &self.rows;
        // SAFETY: the caller's promise.
        unsafe {
            let (scale, shift) = (S::load(of.scale), S::load(of.shift));
            let (low, high) = of.function.range();
            let (low, high) = (S::splat(low), S::splat(high));
            for row in 0..of.rows {
                for column in 0..of.columns {
                    let at = column * LANES;
                    let added = S::load(self.residual.add(row * self.residual_row + at));
                    let x = S::load(of.x.add(row * of.x_row + at));
                    let sum = S::add(S::mul_add(x, scale, shift), added);
                    S::store(of.y.add(row * of.y_row + at), S::min(high, S::max(low, sum)));
                }
            }
        }
    }
}

impl Blockwise for Normalise {
    const NAME: &'static str = "normalise";

    fn reads(&self) -> Vec<View> {
        [self.x, self.factors].into_iter().chain(self.residual).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fits(&self, buffers: &[Buffer]) -> bool {
        self.size == size_of(buffers, self.y)
            && same_maps(buffers, &[self.x, self.y, self.residual.unwrap_or(self.y)])
            && is_table(buffers, self.factors, 1, self.y.blocks, FACTORS)
            && self.function.is_range()
    }

    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the block of the image.
        unsafe {
            let (x, y) = (context.place(self.x), context.place(self.y));
            let factors = context.place(self.factors).at(0, block);
            let residual = self.residual.map(|view| context.place(view));
            let Buffer { height, width, .. } = y.buffer;
            for (rows, columns) in context.pieces(0..height, width, 1) {
                let (row, column) = (rows.start, columns.start);
                let work = AffineRows {
                    x: x.pixel(image, block, row, column),
                    y: y.pixel(image, block, row, column),
                    scale: factors,
                    shift: factors.wrapping_add(LANES),
                    x_row: x.buffer.row(),
                    y_row: y.buffer.row(),
                    rows: rows.len(),
                    columns: columns.len(),
                    function: self.function,
                };
                match &residual {
                    None => context.isa.run(&work),
                    Some(place) => context.isa.run(&AddingRows {
                        rows: work,
                        residual: place.pixel(image, block, row, column),
                        residual_row: place.buffer.row(),
                    }),
                }
            }
            y.clear_border(image, block, 0..height);
        }
    }
}
