//! Depthwise convolution.

use super::{Tasks, fits};
use crate::{
    activation::{Function, apply_in_place},
    conv::Window,
    memory::{Aligned, Buffer, View},
    numbers::Numbers,
    run::{Context, Reason, Run},
    simd::{LANES, Simd, Work},
};

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
