//! Windows that slide over each channel by itself: depthwise convolution and pooling.

use std::ops::Range;

use crate::{
    activation::{Function, apply_in_place},
    conv::Window,
    memory::{Aligned, Buffer, Place, View},
    numbers::Numbers,
    run::{Context, Reason, Run},
    simd::{Isa, LANES, Simd, Work},
};

/// Rows of an image that one task computes, at most.
const ROWS_OF_TASK: usize = 28;

/// Tasks of a step that works on blocks of images by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tasks {
    images: usize,
    blocks: usize,
    bands: usize,
}

impl Tasks {
    fn new(buffers: &[Buffer], y: View) -> Self {
        let buffer = buffers.get(y.buffer);
        let bands = buffer.map_or(0, |buffer| buffer.height.div_ceil(ROWS_OF_TASK));
        Self { images: buffer.map_or(0, |buffer| buffer.images), blocks: y.blocks, bands }
    }

    const fn count(self) -> usize {
        self.images * self.blocks * self.bands
    }

    /// Image, block and rows of a task.
    fn task(self, task: usize, height: usize) -> (usize, usize, Range<usize>) {
        let (rest, band) = (task / self.bands, task % self.bands);
        let rows = height.div_ceil(self.bands);
        let rows = (band * rows).min(height)..((band + 1) * rows).min(height);
        (rest / self.blocks, rest % self.blocks, rows)
    }
}

/// Rows and columns of a view.
fn size(buffers: &[Buffer], view: View) -> [usize; 2] {
    buffers.get(view.buffer).map_or([0, 0], |buffer| [buffer.height, buffer.width])
}

/// Whether two views have the same blocks and images.
fn fits(buffers: &[Buffer], x: View, y: View, tasks: Tasks) -> bool {
    let (from, to) = (&buffers[x.buffer], &buffers[y.buffer]);
    x.blocks == y.blocks
        && from.images == to.images
        && (from.pixel, to.pixel) == (LANES, LANES)
        && tasks == Tasks::new(buffers, y)
}

/// A convolution of each channel with a kernel of its own.
#[derive(Clone, Debug)]
pub struct Depthwise {
    x: View,
    y: View,
    window: Window,
    /// For each block, row and column of the kernel, sixteen weights.
    weights: Numbers,
    bias: Numbers,
    function: Function,
    tasks: Tasks,
}

impl Depthwise {
    /// `weights` has, for each lane of the view, `rows x columns` numbers; `bias` one.
    pub fn new(
        buffers: &[Buffer],
        (x, y): (View, View),
        window: Window,
        weights: &[f32],
        bias: &[f32],
        function: Function,
    ) -> Self {
        let taps = window.kernel[0] * window.kernel[1];
        let mut packed = Aligned::zeros(y.blocks * taps * LANES);
        let mut padded = Aligned::zeros(y.blocks * LANES);
        for (lane, kernel) in weights.chunks_exact(taps).take(y.blocks * LANES).enumerate() {
            for (tap, weight) in kernel.iter().enumerate() {
                let at = (lane / LANES * taps + tap) * LANES + lane % LANES;
                packed.as_mut_slice()[at] = *weight;
            }
        }
        for (to, from) in padded.as_mut_slice().iter_mut().zip(bias) {
            *to = *from;
        }
        let tasks = Tasks::new(buffers, y);
        let (weights, bias) = (Numbers::own(packed), Numbers::own(padded));
        Self { x, y, window, weights, bias, function, tasks }
    }

    /// With vectors of weights and, if there is one, of a bias in the order of [`Spread`](crate::step::Spread), which
    /// other steps write.
    pub fn shared(
        buffers: &[Buffer],
        (x, y): (View, View),
        window: Window,
        (weights, bias): (View, Option<View>),
        function: Function,
    ) -> Self {
        let bias = match bias {
            Some(view) => Numbers::Shared(view),
            None => Numbers::own(Aligned::zeros(y.blocks * LANES)),
        };
        let tasks = Tasks::new(buffers, y);
        Self { x, y, window, weights: Numbers::Shared(weights), bias, function, tasks }
    }
}

/// A row of one block of [`Depthwise`].
struct DepthwiseRow {
    x: *const f32,
    y: *mut f32,
    weights: *const f32,
    bias: *const f32,
    kernel: [usize; 2],
    x_tap_row: usize,
    x_tap: usize,
    x_step: usize,
    columns: usize,
    range: (f32, f32),
}

impl DepthwiseRow {
    #[inline(always)]
    unsafe fn pixels<S: Simd, const P: usize, const STEP: usize>(&self, first: usize) {
        let step = if STEP == 0 { self.x_step } else { STEP };
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [S::load(self.bias); P];
            let mut weights = self.weights;
            for row in 0..self.kernel[0] {
                let mut tap = self.x.add(first * step + row * self.x_tap_row);
                for _ in 0..self.kernel[1] {
                    let w = S::load(weights);
                    weights = weights.add(LANES);
                    for (p, sum) in sums.iter_mut().enumerate() {
                        *sum = S::mul_add(S::load(tap.add(p * step)), w, *sum);
                    }
                    tap = tap.add(self.x_tap);
                }
            }
            let (low, high) = (S::splat(self.range.0), S::splat(self.range.1));
            for (p, sum) in sums.into_iter().enumerate() {
                S::store(self.y.add((first + p) * LANES), S::min(high, S::max(low, sum)));
            }
        }
    }

    #[inline(always)]
    unsafe fn row<S: Simd, const STEP: usize>(&self) {
        let mut column = 0;
        // SAFETY: the caller's promise.
        unsafe {
            if S::SUMS >= 8 {
                while column + 8 <= self.columns {
                    self.pixels::<S, 8, STEP>(column);
                    column += 8;
                }
            }
            while column + 4 <= self.columns {
                self.pixels::<S, 4, STEP>(column);
                column += 4;
            }
            while column < self.columns {
                self.pixels::<S, 1, STEP>(column);
                column += 1;
            }
        }
    }
}

impl Work for DepthwiseRow {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.x_step {
                LANES => self.row::<S, LANES>(),
                32 => self.row::<S, 32>(),
                _ => self.row::<S, 0>(),
            }
        }
    }
}

impl Run for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise conv"
    }

    fn reads(&self) -> Vec<View> {
        let numbers = [self.weights.view(), self.bias.view()];
        [self.x].into_iter().chain(numbers.into_iter().flatten()).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, to) = (&buffers[self.x.buffer], &buffers[self.y.buffer]);
        let [rows, columns] = self.window.kernel;
        let lanes = self.y.blocks * LANES;
        let has_numbers =
            self.weights.has(buffers, lanes * rows * columns) && self.bias.has(buffers, lanes);
        if !fits(buffers, self.x, self.y, self.tasks) || !has_numbers {
            return Some(Reason::Buffer);
        }
        let needs = self.window.border([from.height, from.width], [to.height, to.width]);
        (!from.border.covers(needs)).then_some(Reason::Border)
    }

    fn tasks(&self) -> usize {
        self.tasks.count()
    }

    fn images(&self) -> Option<usize> {
        Some(self.tasks.images)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        // SAFETY: the program has checked the views; this task alone writes the rows of the block.
        unsafe {
            let (x, y) = (context.place(self.x), context.place(self.y));
            let (weights, bias) = (self.weights.at(context), self.bias.at(context));
            let (image, block, rows) = self.tasks.task(task, y.buffer.height);
            let Window { kernel, stride, dilation, padding } = self.window;
            let from = &x.buffer;
            let inset = padding[0] * from.row() + padding[1] * LANES;
            for row in rows.clone() {
                let work = DepthwiseRow {
                    x: x.at(image, block)
                        .wrapping_sub(inset)
                        .wrapping_add(row * stride[0] * from.row()),
                    y: y.at(image, block).wrapping_add(row * y.buffer.row()),
                    weights: weights.wrapping_add(block * kernel[0] * kernel[1] * LANES),
                    bias: bias.wrapping_add(block * LANES),
                    kernel,
                    x_tap_row: dilation[0] * from.row(),
                    x_tap: dilation[1] * LANES,
                    x_step: stride[1] * LANES,
                    columns: y.buffer.width,
                    range: self.function.range(),
                };
                context.isa.run(&work);
            }
            apply_in_place(context.isa, self.function, &y, image, block, rows.clone());
            y.clear_border(image, block, rows);
        }
    }
}

/// What a pool computes of the numbers in its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The largest.
    Max,
    /// The mean.
    Average {
        /// Whether the zeros of the padding count; then the window's rows and columns beyond this much padding below
        /// and to the right do not.
        padding: Option<[usize; 2]>,
    },
}

/// Which rows or columns of the input each output reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    /// Input positions for each output position.
    pub(crate) windows: Vec<Range<usize>>,
    /// How many positions count in a mean.
    pub(crate) counts: Vec<usize>,
}

/// The maximum or the mean of windows of a map.
#[derive(Clone, Debug)]
pub struct Pool {
    pub(crate) x: View,
    pub(crate) y: View,
    pub(crate) is_max: bool,
    pub(crate) rows: Axis,
    pub(crate) columns: Axis,
    tasks: Tasks,
}

impl Pool {
    /// Slides a window; positions outside of the map are left out.
    pub fn sliding(buffers: &[Buffer], x: View, y: View, window: Window, kind: PoolKind) -> Self {
        let (from, to) = (size(buffers, x), size(buffers, y));
        let axis = |axis: usize| {
            let [kernel, stride, before] =
                [window.kernel[axis], window.stride[axis], window.padding[axis]];
            let windows = (0..to[axis]).map(|position| {
                let start = position * stride;
                let end = (start + kernel).saturating_sub(before).min(from[axis]);
                start.saturating_sub(before)..end
            });
            let windows: Vec<Range<usize>> = windows.collect();
            let counts = match kind {
                PoolKind::Average { padding: Some(behind) } => (0..to[axis])
                    .map(|position| {
                        let start = position * stride;
                        (start + kernel)
                            .min(before + from[axis] + behind[axis])
                            .saturating_sub(start)
                    })
                    .collect(),
                _ => windows.iter().map(ExactSizeIterator::len).collect(),
            };
            Axis { windows, counts }
        };
        let is_max = kind == PoolKind::Max;
        Self { x, y, is_max, rows: axis(0), columns: axis(1), tasks: Tasks::new(buffers, y) }
    }

    /// Means of a grid of windows that covers the map, as PyTorch's adaptive pooling; of one window, the whole map.
    pub fn grid(buffers: &[Buffer], x: View, y: View, is_max: bool) -> Self {
        let (from, to) = (size(buffers, x), size(buffers, y));
        let axis = |axis: usize| {
            let (from, to) = (from[axis], to[axis]);
            let window =
                |position: usize| position * from / to..((position + 1) * from).div_ceil(to);
            let windows: Vec<Range<usize>> = (0..to).map(window).collect();
            Axis { counts: windows.iter().map(ExactSizeIterator::len).collect(), windows }
        };
        Self { x, y, is_max, rows: axis(0), columns: axis(1), tasks: Tasks::new(buffers, y) }
    }
}

/// A row of one block of [`Pool`].
struct PoolRow<'a> {
    pool: &'a Pool,
    x: *const f32,
    y: *mut f32,
    x_row: usize,
    row: usize,
}

impl Work for PoolRow<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        let pool = self.pool;
        let rows = pool.rows.windows[self.row].clone();
        for (column, columns) in pool.columns.windows.iter().enumerate() {
            // SAFETY: the caller's promise; windows are inside of the map.
            unsafe {
                let result = if pool.is_max {
                    let mut largest = S::splat(f32::NEG_INFINITY);
                    let mut nan = S::splat(0.0);
                    for row in rows.clone() {
                        for column in columns.clone() {
                            let x = S::load(self.x.add(row * self.x_row + column * LANES));
                            largest = S::max(x, largest);
                            // Zero, or NaN: infinities less themselves too, so they are left out.
                            nan = S::select(S::is_nan(x), x, nan);
                        }
                    }
                    S::select(S::is_nan(nan), nan, largest)
                } else {
                    let mut sum = S::splat(0.0);
                    for row in rows.clone() {
                        for column in columns.clone() {
                            sum =
                                S::add(sum, S::load(self.x.add(row * self.x_row + column * LANES)));
                        }
                    }
                    let count = pool.rows.counts[self.row] * pool.columns.counts[column];
                    S::div(sum, S::splat(count as f32))
                };
                S::store(self.y.add(column * LANES), result);
            }
        }
    }
}

impl Run for Pool {
    fn name(&self) -> &'static str {
        if self.is_max { "max pool" } else { "average pool" }
    }

    fn reads(&self) -> Vec<View> {
        vec![self.x]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, to) = (&buffers[self.x.buffer], &buffers[self.y.buffer]);
        let covers = |axis: &Axis, input: usize, output: usize| {
            axis.windows.len() == output
                && axis.counts.len() == output
                && axis.windows.iter().all(|window| window.end <= input)
        };
        let is_valid = fits(buffers, self.x, self.y, self.tasks)
            && self.x != self.y
            && covers(&self.rows, from.height, to.height)
            && covers(&self.columns, from.width, to.width);
        (!is_valid).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.tasks.count()
    }

    fn images(&self) -> Option<usize> {
        Some(self.tasks.images)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        // SAFETY: the program has checked the views; this task alone writes the rows of the block.
        unsafe {
            let (x, y) = (context.place(self.x), context.place(self.y));
            let (image, block, rows) = self.tasks.task(task, y.buffer.height);
            self.rows_of(context.isa, (&x, &y), (image, block), rows.clone());
            y.clear_border(image, block, rows);
        }
    }
}

impl Pool {
    /// # Safety
    /// See [`Run::run`].
    unsafe fn rows_of(
        &self,
        isa: Isa,
        (x, y): (&Place, &Place),
        (image, block): (usize, usize),
        rows: Range<usize>,
    ) {
        for row in rows {
            let work = PoolRow {
                pool: self,
                x: x.at(image, block),
                y: y.at(image, block).wrapping_add(row * y.buffer.row()),
                x_row: x.buffer.row(),
                row,
            };
            // SAFETY: the caller's promise.
            unsafe { isa.run(&work) };
        }
    }
}
