//! Windows that slide over each channel separately: depthwise convolution and pooling.

use std::{
    cell::Cell,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{
    activation::{Function, apply_in_place},
    conv::Window,
    memory::{Aligned, Buffer, Place, View},
    numbers::Numbers,
    run::{Context, Reason, Run, VECTORS_BETWEEN_LOOKS},
    simd::{LANES, Simd, Work},
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

/// A depthwise convolution: each channel has its own kernel.
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
pub(crate) struct DepthwiseRow {
    pub(crate) x: *const f32,
    pub(crate) y: *mut f32,
    /// Weights of the first tap, and how far those of the next one are.
    pub(crate) weights: *const f32,
    pub(crate) weight_step: isize,
    pub(crate) bias: *const f32,
    pub(crate) kernel: [usize; 2],
    pub(crate) x_tap_row: usize,
    pub(crate) x_tap: usize,
    pub(crate) x_step: usize,
    pub(crate) columns: usize,
    /// Whether sums start with what the output holds instead of the bias.
    pub(crate) adds: bool,
    pub(crate) range: (f32, f32),
}

impl DepthwiseRow {
    #[inline(always)]
    unsafe fn pixels<S: Simd, const P: usize, const STEP: usize>(&self, first: usize) {
        let step = if STEP == 0 { self.x_step } else { STEP };
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [S::load(self.bias); P];
            if self.adds {
                for (p, sum) in sums.iter_mut().enumerate() {
                    *sum = S::load(self.y.add((first + p) * LANES));
                }
            }
            let mut weights = self.weights;
            for row in 0..self.kernel[0] {
                let mut tap = self.x.add(first * step + row * self.x_tap_row);
                for _ in 0..self.kernel[1] {
                    let w = S::load(weights);
                    weights = weights.wrapping_offset(self.weight_step);
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
            let taps = kernel[0] * kernel[1];
            let pieces = context.pieces(rows.clone(), y.buffer.width, taps);
            for (row, columns) in
                pieces.flat_map(|(rows, columns)| rows.map(move |row| (row, columns.clone())))
            {
                let right = columns.start * stride[1] * LANES;
                let work = DepthwiseRow {
                    x: x.at(image, block)
                        .wrapping_sub(inset)
                        .wrapping_add(row * stride[0] * from.row() + right),
                    y: y.at(image, block)
                        .wrapping_add(row * y.buffer.row() + columns.start * LANES),
                    weights: weights.wrapping_add(block * taps * LANES),
                    weight_step: LANES.cast_signed(),
                    adds: false,
                    bias: bias.wrapping_add(block * LANES),
                    kernel,
                    x_tap_row: dilation[0] * from.row(),
                    x_tap: dilation[1] * LANES,
                    x_step: stride[1] * LANES,
                    columns: columns.len(),
                    range: self.function.range(),
                };
                context.isa.run(&work);
            }
            apply_in_place(context, self.function, &y, image, block, rows.clone());
            y.clear_border(image, block, rows);
        }
    }
}

/// The operation of a pool on the numbers in its window.
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
    /// The end of the last window.
    end: usize,
    /// Positions of the largest window.
    pub(crate) longest: usize,
    pub(crate) three: Threes,
}

/// Windows of three positions, each `step` behind the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Threes {
    pub(crate) first: usize,
    pub(crate) count: usize,
    pub(crate) step: usize,
}

impl Threes {
    fn new(windows: &[Range<usize>]) -> Self {
        let is_three = |window: &Range<usize>| window.len() == 3;
        let Some(first) = windows.iter().position(is_three) else { return Self::default() };
        let step = windows.get(first + 1).map_or(1, |next| next.start - windows[first].start);
        let follows = |(at, window): (usize, &Range<usize>)| {
            is_three(window) && window.start == windows[first].start + at * step
        };
        let count = windows[first..].iter().enumerate().take_while(|it| follows(*it)).count();
        if matches!(step, 1 | 2) { Self { first, count, step } } else { Self::default() }
    }
}

impl Axis {
    fn new(windows: Vec<Range<usize>>, counts: Vec<usize>) -> Self {
        let end = windows.iter().map(|window| window.end).max().unwrap_or(0);
        let longest = windows.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        Self { three: Threes::new(&windows), end, longest, windows, counts }
    }

    /// Positions of the largest window, if neighbours have positions in common.
    fn shared(&self) -> Option<usize> {
        let has_common = |pair: &[Range<usize>]| pair[0].end > pair[1].start;
        self.windows.windows(2).any(has_common).then_some(self.longest)
    }
}

/// The maximum or the mean of windows of a map.
#[derive(Clone, Debug)]
pub struct Pool {
    pub(crate) x: View,
    pub(crate) y: View,
    pub(crate) is_max: bool,
    pub(crate) rows: Axis,
    pub(crate) columns: Axis,
    /// Rows of a window at most, if windows have rows in common.
    shared_rows: Option<usize>,
    tasks: Tasks,
}

impl Pool {
    /// A sliding window; positions outside of the map are ignored.
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
            Axis::new(windows, counts)
        };
        Self::new(buffers, (x, y), kind == PoolKind::Max, axis(0), axis(1))
    }

    /// Means of a grid of windows that covers the map, as PyTorch's adaptive pooling; of one window, the whole map.
    pub fn grid(buffers: &[Buffer], x: View, y: View, is_max: bool) -> Self {
        let (from, to) = (size(buffers, x), size(buffers, y));
        let axis = |axis: usize| {
            let (from, to) = (from[axis], to[axis]);
            let window =
                |position: usize| position * from / to..((position + 1) * from).div_ceil(to);
            let windows: Vec<Range<usize>> = (0..to).map(window).collect();
            let counts = windows.iter().map(ExactSizeIterator::len).collect();
            Axis::new(windows, counts)
        };
        Self::new(buffers, (x, y), is_max, axis(0), axis(1))
    }

    fn new(
        buffers: &[Buffer],
        (x, y): (View, View),
        is_max: bool,
        rows: Axis,
        columns: Axis,
    ) -> Self {
        let shared_rows = rows.shared();
        Self { x, y, is_max, rows, columns, shared_rows, tasks: Tasks::new(buffers, y) }
    }
}

/// Some columns of a row of one block of [`Pool`].
struct PoolRow<'a> {
    pool: &'a Pool,
    x: *const f32,
    y: *mut f32,
    x_row: usize,
    row: usize,
    columns: Range<usize>,
    /// To look at in the midst of a window, if one takes long.
    stop: Option<&'a AtomicBool>,
}

impl PoolRow<'_> {
    #[inline(always)]
    fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

impl Work for PoolRow<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        let pool = self.pool;
        let rows = pool.rows.windows[self.row].clone();
        for column in self.columns.clone() {
            let columns = &pool.columns.windows[column];
            // SAFETY: the caller's promise; windows are inside of the map.
            unsafe {
                let result = if pool.is_max {
                    let mut largest = S::splat(f32::NEG_INFINITY);
                    let mut nan = S::splat(0.0);
                    for row in rows.clone() {
                        if self.is_stopped() {
                            return;
                        }
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
                        if self.is_stopped() {
                            return;
                        }
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

/// Rows of one block of [`Pool`] whose windows have rows in common: each row of the input is reduced to the maxima or
/// sums of its part of the windows once, and windows are made of these.
struct SharedRows<'a> {
    pool: &'a Pool,
    x: *const f32,
    y: *mut f32,
    x_row: usize,
    y_row: usize,
    rows: Range<usize>,
    /// The last reduced rows, `ring` of them: each at its number modulo `ring`.
    reduced: *mut f32,
    ring: usize,
    /// Whether there may be a NaN, which maxima are not made for.
    may_have_nan: Cell<bool>,
    stop: &'a AtomicBool,
    /// Whether to look at `stop` for each window of a row too.
    is_long: bool,
}

impl SharedRows<'_> {
    #[inline(always)]
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn reduced(&self, row: usize) -> *mut f32 {
        let width = self.pool.columns.windows.len() * LANES;
        self.reduced.wrapping_add(row % self.ring * width)
    }

    /// One more number of a window. Of equal maxima, zeros of both signs, the first one stays.
    #[inline(always)]
    unsafe fn join<S: Simd, const MAX: bool>(all: S::V, x: S::V) -> S::V {
        // SAFETY: the caller's promise.
        unsafe { if MAX { S::max(x, all) } else { S::add(all, x) } }
    }

    /// Reduces a row of the input.
    #[inline(always)]
    unsafe fn reduce<S: Simd, const MAX: bool>(&self, row: usize) {
        let neutral = if MAX { f32::NEG_INFINITY } else { 0.0 };
        let from = self.x.wrapping_add(row * self.x_row);
        let to = self.reduced(row);
        let windows = &self.pool.columns.windows;
        let mut column = 0;
        while column < windows.len() {
            if self.is_long && self.is_stopped() {
                return;
            }
            let run = &self.pool.columns.three;
            // SAFETY: the caller's promise; windows are inside of the map.
            unsafe {
                if column == run.first && run.count > 0 {
                    let x = from.add(windows[column].start * LANES);
                    let to = to.add(column * LANES);
                    match run.step {
                        1 => Self::threes::<S, MAX, 1>(x, to, run.count),
                        _ => Self::threes::<S, MAX, 2>(x, to, run.count),
                    }
                    column += run.count;
                    continue;
                }
                let window = &windows[column];
                let mut reduced = S::splat(neutral);
                let mut at = window.start;
                while at < window.end {
                    reduced = Self::join::<S, MAX>(reduced, S::load(from.add(at * LANES)));
                    at += 1;
                }
                S::store(to.add(column * LANES), reduced);
                column += 1;
            }
        }
    }

    /// Reduces windows of three pixels, each `STEP` behind the one before it.
    #[inline(always)]
    unsafe fn threes<S: Simd, const MAX: bool, const STEP: usize>(
        x: *const f32,
        to: *mut f32,
        count: usize,
    ) {
        let mut window = 0;
        // SAFETY: the caller's promise.
        unsafe {
            while window < count {
                let x = x.add(window * STEP * LANES);
                let two = Self::join::<S, MAX>(S::load(x), S::load(x.add(LANES)));
                let three = Self::join::<S, MAX>(two, S::load(x.add(2 * LANES)));
                S::store(to.add(window * LANES), three);
                window += 1;
            }
        }
    }

    /// A sum of all numbers of a row: NaN if one of them is, or if there are infinities of both signs.
    #[inline(always)]
    unsafe fn sum<S: Simd>(&self, row: usize, sums: &mut [S::V; 4]) {
        let from = self.x.wrapping_add(row * self.x_row);
        let end = self.pool.columns.end;
        let mut pixel = 0;
        // SAFETY: the caller's promise; windows are inside of the map.
        unsafe {
            while pixel + 4 <= end {
                let x = from.add(pixel * LANES);
                sums[0] = S::add(sums[0], S::load(x));
                sums[1] = S::add(sums[1], S::load(x.add(LANES)));
                sums[2] = S::add(sums[2], S::load(x.add(2 * LANES)));
                sums[3] = S::add(sums[3], S::load(x.add(3 * LANES)));
                pixel += 4;
            }
            while pixel < end {
                sums[0] = S::add(sums[0], S::load(from.add(pixel * LANES)));
                pixel += 1;
            }
        }
    }

    /// Makes an output row of reduced rows.
    #[inline(always)]
    unsafe fn finish<S: Simd, const MAX: bool>(&self, row: usize) {
        let (rows, columns) = (&self.pool.rows, &self.pool.columns);
        let window = rows.windows[row].clone();
        let y = self.y.wrapping_add(row * self.y_row);
        let width = columns.windows.len();
        let row_len = width * LANES;
        let last = self.reduced.wrapping_add((self.ring - 1) * row_len);
        let [a, b, c] = [
            self.reduced(window.start),
            self.reduced(window.start + 1),
            self.reduced(window.start + 2),
        ];
        let is_three = window.end == window.start + 3;
        let mut column = 0;
        while column < width {
            if self.is_long && self.is_stopped() {
                return;
            }
            let at = column * LANES;
            // SAFETY: the caller's promise; all rows of the window are reduced.
            unsafe {
                let mut all = S::splat(if MAX { f32::NEG_INFINITY } else { 0.0 });
                if is_three {
                    all = Self::join::<S, MAX>(S::load(a.add(at)), S::load(b.add(at)));
                    all = Self::join::<S, MAX>(all, S::load(c.add(at)));
                } else {
                    let (mut reduced, mut row) = (a, window.start);
                    while row < window.end {
                        all = Self::join::<S, MAX>(all, S::load(reduced.add(at)));
                        reduced = if reduced == last { self.reduced } else { reduced.add(row_len) };
                        row += 1;
                    }
                }
                if !MAX {
                    let count = rows.counts[row] * columns.counts[column];
                    all = S::div(all, S::splat(count as f32));
                }
                S::store(y.add(at), all);
            }
            column += 1;
        }
    }

    #[inline(always)]
    unsafe fn all<S: Simd, const MAX: bool>(&self) {
        let windows = &self.pool.rows.windows;
        let mut next = windows.get(self.rows.start).map_or(0, |window| window.start);
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [S::splat(0.0); 4];
            let mut row = self.rows.start;
            while row < self.rows.end {
                let window = &windows[row];
                next = next.max(window.start);
                while next < window.end {
                    if self.is_stopped() {
                        return;
                    }
                    self.reduce::<S, MAX>(next);
                    if MAX {
                        self.sum::<S>(next, &mut sums);
                    }
                    next += 1;
                }
                if self.is_stopped() {
                    return;
                }
                self.finish::<S, MAX>(row);
                row += 1;
            }
            let [a, b, c, d] = sums;
            let mut lanes = [0.0; LANES];
            S::store(lanes.as_mut_ptr(), S::add(S::add(a, b), S::add(c, d)));
            self.may_have_nan.set(lanes.iter().any(|sum: &f32| sum.is_nan()));
        }
    }
}

impl Work for SharedRows<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            if self.pool.is_max {
                self.all::<S, true>();
            } else {
                self.all::<S, false>();
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
            let at = (image, block);
            let is_done = self
                .shared_rows
                .is_some_and(|ring| self.shared_rows_of(context, (&x, &y), at, rows.clone(), ring));
            if !is_done {
                self.rows_of(context, (&x, &y), at, rows.clone());
            }
            y.clear_border(image, block, rows);
        }
    }

    fn scratch(&self) -> usize {
        self.shared_rows.map_or(0, |ring| ring * self.columns.windows.len() * LANES)
    }
}

impl Pool {
    /// Returns whether the rows are right: maxima are not if there is a NaN.
    ///
    /// # Safety
    /// See [`Run::run`].
    unsafe fn shared_rows_of(
        &self,
        context: &Context<'_>,
        (x, y): (&Place, &Place),
        (image, block): (usize, usize),
        rows: Range<usize>,
        ring: usize,
    ) -> bool {
        let work = SharedRows {
            pool: self,
            x: x.at(image, block),
            y: y.at(image, block),
            x_row: x.buffer.row(),
            y_row: y.buffer.row(),
            rows,
            reduced: context.scratch,
            ring,
            may_have_nan: Cell::new(false),
            stop: context.stop,
            is_long: self.columns.windows.len() * ring.max(self.columns.longest)
                > VECTORS_BETWEEN_LOOKS,
        };
        // SAFETY: the caller's promise; the scratch memory has room for `ring` rows.
        unsafe { context.isa.run(&work) };
        !work.may_have_nan.get()
    }

    /// # Safety
    /// See [`Run::run`].
    unsafe fn rows_of(
        &self,
        context: &Context<'_>,
        (x, y): (&Place, &Place),
        (image, block): (usize, usize),
        rows: Range<usize>,
    ) {
        let of_window = self.rows.longest * self.columns.longest;
        for (rows, columns) in context.pieces(rows, y.buffer.width, of_window) {
            for row in rows {
                let work = PoolRow {
                    pool: self,
                    x: x.at(image, block),
                    y: y.at(image, block).wrapping_add(row * y.buffer.row()),
                    x_row: x.buffer.row(),
                    row,
                    columns: columns.clone(),
                    stop: (of_window > VECTORS_BETWEEN_LOOKS).then_some(context.stop),
                };
                // SAFETY: the caller's promise.
                unsafe { context.isa.run(&work) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{memory::Border, simd::Isa};

    /// A buffer of one block and image.
    fn buffer(offset: usize, [height, width]: [usize; 2]) -> Buffer {
        let border = Border::default();
        Buffer { offset, images: 1, blocks: 1, height, width, border, pixel: LANES }
    }

    /// The result of a pool of a map with and without rows that windows have in common, as bits; whether the former is
    /// right by itself.
    fn both(
        isa: Isa,
        pool: &Pool,
        buffers: &[Buffer],
        values: &[f32],
    ) -> (Vec<u32>, Vec<u32>, bool) {
        let [from, to] = [&buffers[0], &buffers[1]];
        let ring = pool.shared_rows.unwrap();
        let mut scratch = Aligned::zeros(pool.scratch());
        let mut run = |is_shared: bool| {
            let mut arena = Aligned::zeros(to.offset + to.len());
            arena.as_mut_slice()[..from.len()].copy_from_slice(values);
            let context = Context {
                isa,
                arena: arena.as_mut_slice().as_mut_ptr(),
                buffers,
                feed: crate::run::Feed {
                    input: &[],
                    labels: &[],
                    rates: crate::run::Rates::default(),
                    seed: 0,
                },
                output: std::ptr::null_mut(),
                scratch: scratch.as_mut_slice().as_mut_ptr(),
                clocks: None,
                stop: &AtomicBool::new(false),
            };
            // SAFETY: both buffers are in the arena, and the windows in the map; nothing else runs.
            let is_right = unsafe {
                let (x, y) = (context.place(pool.x), context.place(pool.y));
                let rows = 0..to.height;
                if is_shared {
                    pool.shared_rows_of(&context, (&x, &y), (0, 0), rows, ring)
                } else {
                    pool.rows_of(&context, (&x, &y), (0, 0), rows);
                    true
                }
            };
            let bits = arena.as_slice()[to.offset..][..to.len()].iter().map(|x| x.to_bits());
            (bits.collect::<Vec<u32>>(), is_right)
        };
        let ((shared, is_right), (plain, _)) = (run(true), run(false));
        (shared, plain, is_right)
    }

    /// Kernel, stride, padding, and sizes of the map that leave windows at its edges.
    const WINDOWS: [(usize, usize, usize, [usize; 2]); 7] = [
        (3, 1, 1, [7, 7]),
        (3, 1, 0, [28, 9]),
        (3, 2, 1, [14, 15]),
        (3, 2, 0, [9, 3]),
        (2, 1, 0, [5, 6]),
        (5, 1, 2, [13, 4]),
        (5, 3, 2, [11, 17]),
    ];

    fn pool(kind: PoolKind, window: (usize, usize, usize, [usize; 2])) -> (Pool, Vec<Buffer>) {
        let (kernel, stride, padding, size) = window;
        let to = size.map(|size| (size + 2 * padding - kernel) / stride + 1);
        let x = buffer(0, size);
        let buffers = vec![x, buffer(x.len(), to)];
        let view = |buffer| View { buffer, first: 0, blocks: 1 };
        let window = Window {
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1, 1],
            padding: [padding; 2],
        };
        (Pool::sliding(&buffers, view(0), view(1), window, kind), buffers)
    }

    /// Numbers of few values, so that many are equal, with zeros of both signs, infinities and the smallest numbers.
    fn values(len: usize) -> Vec<f32> {
        let few = [0.0, -0.0, -1.0, 1.5, f32::INFINITY, f32::NEG_INFINITY, 1e-45, -1e-45];
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        // Mostly small ones: a large one hides what is beside it.
        (0..len).map(|_| few[(next() % 8 * (next() % 2)) as usize]).collect()
    }

    #[test]
    fn maxima_of_shared_rows_are_the_same_to_the_bit() {
        for isa in Isa::available() {
            for window in WINDOWS {
                let (pool, buffers) = pool(PoolKind::Max, window);
                let mut values = values(buffers[0].len());
                values.iter_mut().filter(|x| x.is_infinite()).for_each(|x| *x = -2.0);
                let (shared, plain, is_right) = both(isa, &pool, &buffers, &values);
                assert!(is_right && shared == plain, "{isa}, {window:?}");
            }
        }
    }

    #[test]
    fn a_nan_anywhere_is_noticed() {
        let window = (3, 1, 1, [4, 5]);
        for isa in Isa::available() {
            let (pool, buffers) = pool(PoolKind::Max, window);
            for at in 0..buffers[0].len() {
                let mut values = vec![1.0; buffers[0].len()];
                values[at] = -f32::NAN;
                assert!(!both(isa, &pool, &buffers, &values).2, "{isa}, {at}");
            }
        }
    }

    #[test]
    fn means_of_shared_rows_are_the_same_within_rounding() {
        for isa in Isa::available() {
            for padding in [None, Some([1, 1])] {
                for window in WINDOWS {
                    let (pool, buffers) = pool(PoolKind::Average { padding }, window);
                    let (shared, plain, _) = both(isa, &pool, &buffers, &values(buffers[0].len()));
                    for (shared, plain) in shared.into_iter().zip(plain) {
                        let [a, b] = [shared, plain].map(f32::from_bits);
                        let is_same = a == b || (a - b).abs() < 1e-6 || a.is_nan() && b.is_nan();
                        assert!(is_same, "{isa}, {window:?}: {a} and {b}");
                    }
                }
            }
        }
    }
}
