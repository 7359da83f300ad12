//! The gradients of a depthwise convolution, and the conversion of its weights between tensor and lanes.

use std::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{
    blockwise::{Blockwise, size_of},
    conv::{ConvData, Window},
    memory::{Aligned, Border, Buffer, View},
    run::{Context, Part, Reason, Run},
    simd::{LANES, Simd, Work},
    window::DepthwiseRow,
};

/// Converts numbers of channels to lanes of a view: `each` numbers of a channel become as many rows of sixteen.
#[derive(Clone, Debug)]
pub struct Spread {
    tensor: View,
    to: View,
    /// The channel of each lane.
    channels: Vec<Option<usize>>,
    each: usize,
}

impl Spread {
    /// From a vector of `channels x each` numbers to a vector of `blocks x each x 16`.
    pub fn new(tensor: View, to: View, channels: Vec<Option<usize>>, each: usize) -> Self {
        Self { tensor, to, channels, each }
    }
}

/// Whether a vector has `each` numbers for each channel.
fn has_channels(buffers: &[Buffer], view: View, channels: &[Option<usize>], each: usize) -> bool {
    let most = channels.iter().flatten().max().map_or(0, |last| last + 1);
    buffers[view.buffer].is_vector() && view.blocks * LANES >= most * each
}

impl Run for Spread {
    fn name(&self) -> &'static str {
        "spread"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.tensor]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let is_valid = has_channels(buffers, self.tensor, &self.channels, self.each)
            && buffers[self.to.buffer].is_vector()
            && self.channels.len().is_multiple_of(LANES)
            && self.to.blocks * LANES >= self.channels.len() * self.each;
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        self.channels.len() / LANES
    }

    unsafe fn run(&self, context: &Context<'_>, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the numbers of its block.
        unsafe {
            let tensor = context.place(self.tensor).at(0, 0);
            let to = context.place(self.to).at(0, 0).wrapping_add(block * self.each * LANES);
            for lane in 0..LANES {
                if context.is_stopped() {
                    return;
                }
                let channel = self.channels[block * LANES + lane];
                for index in 0..self.each {
                    let number = channel.map_or(0.0, |c| tensor.add(c * self.each + index).read());
                    to.add(index * LANES + lane).write(number);
                }
            }
        }
    }
}

/// The inverse of [`Spread`], for gradients: sums the parts, and converts lanes to channels.
#[derive(Clone, Debug)]
pub struct Collect {
    from: View,
    tensor: View,
    adds: bool,
    channels: Vec<Option<usize>>,
    each: usize,
}

impl Collect {
    /// From as many vectors of `blocks x each x 16` numbers as there are parts to a vector of `channels x each`.
    pub fn new(
        from: View,
        tensor: View,
        adds: bool,
        channels: Vec<Option<usize>>,
        each: usize,
    ) -> Self {
        Self { from, tensor, adds, channels, each }
    }
}

impl Run for Collect {
    fn name(&self) -> &'static str {
        "collect"
    }

    fn reads(&self) -> Vec<View> {
        if self.adds { vec![self.from, self.tensor] } else { vec![self.from] }
    }

    fn writes(&self) -> Vec<View> {
        vec![self.tensor]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let is_valid = has_channels(buffers, self.tensor, &self.channels, self.each)
            && buffers[self.from.buffer].is_rows()
            && self.channels.len().is_multiple_of(LANES)
            && self.from.blocks * LANES >= self.channels.len() * self.each;
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        self.channels.len() / LANES
    }

    unsafe fn run(&self, context: &Context<'_>, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the channels of its block.
        unsafe {
            let (from, tensor) = (context.place(self.from), context.place(self.tensor).at(0, 0));
            for lane in 0..LANES {
                let Some(channel) = self.channels[block * LANES + lane] else { continue };
                if context.is_stopped() {
                    return;
                }
                for index in 0..self.each {
                    let at = (block * self.each + index) * LANES + lane;
                    let part = |part| from.at(part, 0).wrapping_add(at).read();
                    let sum: f32 = (0..from.buffer.images).map(part).sum();
                    let to = tensor.add(channel * self.each + index);
                    to.write(if self.adds { to.read() + sum } else { sum });
                }
            }
        }
    }
}

/// The gradient of the input of a depthwise convolution.
#[derive(Clone, Debug)]
pub struct DepthwiseData {
    dy: View,
    dx: View,
    window: Window,
    weights: View,
    adds: bool,
    /// With stride 1, a convolution of the output's gradient with the kernel turned round.
    gathers: bool,
    zeros: Aligned,
    size: (usize, usize),
}

impl DepthwiseData {
    /// `weights` is a vector in the order of [`Spread`].
    pub fn new(
        buffers: &[Buffer],
        (dy, dx): (View, View),
        window: Window,
        weights: View,
        adds: bool,
    ) -> Self {
        let gathers = Self::gathers(&window);
        let (zeros, size) = (Aligned::zeros(LANES), size_of(buffers, dx));
        Self { dy, dx, window, weights, adds, gathers, zeros, size }
    }

    fn gathers(window: &Window) -> bool {
        window.stride == [1, 1]
    }

    /// The border of zeros that the output's gradient needs.
    pub fn border(window: &Window, input: [usize; 2], output: [usize; 2]) -> Border {
        if Self::gathers(window) {
            ConvData::border(window, input, output)
        } else {
            Border::default()
        }
    }

    /// A block, row by row.
    ///
    /// # Safety
    /// See [`Run::run`].
    unsafe fn gather(&self, context: &Context<'_>, image: usize, block: usize) {
        let Window { kernel, dilation, padding, .. } = self.window;
        let taps = kernel[0] * kernel[1];
        // SAFETY: the program has checked the views.
        unsafe {
            let (dy, dx) = (context.place(self.dy), context.place(self.dx));
            let row_of = dy.buffer.row();
            // How far the last tap is behind the pixel that it belongs to.
            let behind = |axis: usize| {
                padding[axis].cast_signed() - ((kernel[axis] - 1) * dilation[axis]).cast_signed()
            };
            let first = behind(0) * row_of.cast_signed() + behind(1) * LANES.cast_signed();
            let pieces = context.pieces(0..dx.buffer.height, dx.buffer.width, taps);
            for (row, columns) in
                pieces.flat_map(|(rows, columns)| rows.map(move |row| (row, columns.clone())))
            {
                context.isa.run(&DepthwiseRow {
                    x: dy.pixel(image, block, row, columns.start).wrapping_offset(first),
                    y: dx.pixel(image, block, row, columns.start),
                    weights: context.place(self.weights).at(0, (block + 1) * taps - 1),
                    weight_step: -LANES.cast_signed(),
                    bias: self.zeros.as_slice().as_ptr(),
                    kernel,
                    x_tap_row: dilation[0] * row_of,
                    x_tap: dilation[1] * LANES,
                    x_step: LANES,
                    columns: columns.len(),
                    adds: self.adds,
                    range: (f32::NEG_INFINITY, f32::INFINITY),
                });
            }
        }
    }
}

/// Outputs whose tap is inside of the map: from the first to the one behind the last.
fn inside(window: &Window, axis: usize, tap: usize, input: usize, output: usize) -> Range<usize> {
    let (stride, padding) = (window.stride[axis], window.padding[axis]);
    let offset = tap * window.dilation[axis];
    let first = padding.saturating_sub(offset).div_ceil(stride);
    // The last one reads at most the last position.
    let end = (input + padding).checked_sub(offset + 1).map_or(0, |most| most / stride + 1);
    first.min(output)..end.min(output).max(first.min(output))
}

/// A block of [`DepthwiseData`].
struct DataBlock<'a> {
    window: &'a Window,
    weights: *const f32,
    dy: *const f32,
    dy_row: usize,
    output: [usize; 2],
    dx: *mut f32,
    dx_row: usize,
    input: [usize; 2],
    adds: bool,
    stop: &'a AtomicBool,
}

impl Work for DataBlock<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        let Window { kernel, stride, dilation, padding } = *self.window;
        // SAFETY: the caller's promise; taps outside of the map are left out.
        unsafe {
            if !self.adds {
                for row in 0..self.input[0] {
                    if self.stop.load(Ordering::Relaxed) {
                        return;
                    }
                    for column in 0..self.input[1] {
                        S::store(self.dx.add(row * self.dx_row + column * LANES), S::splat(0.0));
                    }
                }
            }
            for tap_row in 0..kernel[0] {
                let rows = inside(self.window, 0, tap_row, self.input[0], self.output[0]);
                for tap_column in 0..kernel[1] {
                    let columns = inside(self.window, 1, tap_column, self.input[1], self.output[1]);
                    let w = S::load(self.weights.add((tap_row * kernel[1] + tap_column) * LANES));
                    for row in rows.clone() {
                        if self.stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let y = row * stride[0] + tap_row * dilation[0] - padding[0];
                        let dy = self.dy.add(row * self.dy_row);
                        let dx = self.dx.add(y * self.dx_row);
                        for column in columns.clone() {
                            let x = column * stride[1] + tap_column * dilation[1] - padding[1];
                            let dx = dx.add(x * LANES);
                            let d = S::load(dy.add(column * LANES));
                            S::store(dx, S::mul_add(d, w, S::load(dx)));
                        }
                    }
                }
            }
        }
    }
}

impl Blockwise for DepthwiseData {
    const NAME: &'static str = "depthwise data";

    fn reads(&self) -> Vec<View> {
        let added = self.adds.then_some(self.dx);
        [self.dy, self.weights].into_iter().chain(added).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.dx]
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fits(&self, buffers: &[Buffer]) -> bool {
        let (from, to) = (&buffers[self.dy.buffer], &buffers[self.dx.buffer]);
        let taps = self.window.kernel[0] * self.window.kernel[1];
        self.size == size_of(buffers, self.dx)
            && from.images == to.images
            && self.dy.blocks == self.dx.blocks
            && (from.pixel, to.pixel) == (LANES, LANES)
            && self.window.stride.iter().all(|stride| *stride > 0)
            && buffers[self.weights.buffer].is_vector()
            && self.weights.blocks >= self.dx.blocks * taps
            && taps > 0
            && from.border.covers(Self::border(
                &self.window,
                [to.height, to.width],
                [from.height, from.width],
            ))
    }

    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the block of the image.
        unsafe {
            let (dy, dx) = (context.place(self.dy), context.place(self.dx));
            if self.gathers {
                self.gather(context, image, block);
                dx.clear_border(image, block, 0..dx.buffer.height);
                return;
            }
            let taps = self.window.kernel[0] * self.window.kernel[1];
            context.isa.run(&DataBlock {
                window: &self.window,
                weights: context.place(self.weights).at(0, block * taps),
                dy: dy.at(image, block),
                dy_row: dy.buffer.row(),
                output: [dy.buffer.height, dy.buffer.width],
                dx: dx.at(image, block),
                dx_row: dx.buffer.row(),
                input: [dx.buffer.height, dx.buffer.width],
                adds: self.adds,
                stop: context.stop,
            });
            dx.clear_border(image, block, 0..dx.buffer.height);
        }
    }
}

/// The gradient of the weights of a depthwise convolution, in the order of [`Spread`].
#[derive(Clone, Debug)]
pub struct DepthwiseWeights {
    x: View,
    dy: View,
    to: View,
    window: Window,
    images: usize,
}

impl DepthwiseWeights {
    /// `to` has a vector of `blocks x taps x 16` numbers for each part of the images.
    pub fn new(buffers: &[Buffer], x: View, dy: View, window: Window, to: View) -> Self {
        Self { x, dy, to, window, images: size_of(buffers, dy).0 }
    }
}

/// One tap of a block of [`DepthwiseWeights`], over some images.
struct TapSum {
    x: *const f32,
    x_step: usize,
    x_row: usize,
    x_image: usize,
    dy: *const f32,
    dy_row: usize,
    dy_image: usize,
    rows: usize,
    columns: usize,
    images: usize,
    to: *mut f32,
    adds: bool,
}

/// The sums of three taps side by side: [`TapSum`] for the first of them, the others follow it.
struct ThreeTaps(TapSum);

impl Work for ThreeTaps {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        let of = &self.0;
        // SAFETY: the caller's promise.
        unsafe {
            let zero = S::splat(0.0);
            // For each of three pixels a sum of each tap, so that additions wait less for each other.
            let (mut a0, mut a1, mut a2) = (zero, zero, zero);
            let (mut b0, mut b1, mut b2) = (zero, zero, zero);
            let (mut c0, mut c1, mut c2) = (zero, zero, zero);
            for image in 0..of.images {
                for row in 0..of.rows {
                    let x = of.x.add(image * of.x_image + row * of.x_row);
                    let dy = of.dy.add(image * of.dy_image + row * of.dy_row);
                    let x_at = |pixel: usize| S::load(x.add(pixel * LANES));
                    let dy_at = |column: usize| S::load(dy.add(column * LANES));
                    let mut column = 0;
                    if of.x_step == LANES {
                        let (mut x0, mut x1) = (x_at(0), x_at(1));
                        while column + 3 <= of.columns {
                            let (x2, x3, x4) =
                                (x_at(column + 2), x_at(column + 3), x_at(column + 4));
                            let (p, q, r) = (dy_at(column), dy_at(column + 1), dy_at(column + 2));
                            (a0, a1, a2) = (
                                S::mul_add(x0, p, a0),
                                S::mul_add(x1, p, a1),
                                S::mul_add(x2, p, a2),
                            );
                            (b0, b1, b2) = (
                                S::mul_add(x1, q, b0),
                                S::mul_add(x2, q, b1),
                                S::mul_add(x3, q, b2),
                            );
                            (c0, c1, c2) = (
                                S::mul_add(x2, r, c0),
                                S::mul_add(x3, r, c1),
                                S::mul_add(x4, r, c2),
                            );
                            (x0, x1) = (x3, x4);
                            column += 3;
                        }
                    }
                    let step = of.x_step / LANES;
                    while column < of.columns {
                        let (p, at) = (dy_at(column), column * step);
                        a0 = S::mul_add(x_at(at), p, a0);
                        a1 = S::mul_add(x_at(at + 1), p, a1);
                        a2 = S::mul_add(x_at(at + 2), p, a2);
                        column += 1;
                    }
                }
            }
            let sums = [
                S::add(S::add(a0, b0), c0),
                S::add(S::add(a1, b1), c1),
                S::add(S::add(a2, b2), c2),
            ];
            for (tap, sum) in sums.into_iter().enumerate() {
                let to = of.to.add(tap * LANES);
                S::store(to, if of.adds { S::add(sum, S::load(to)) } else { sum });
            }
        }
    }
}

impl Work for TapSum {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let zero = S::splat(0.0);
            let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
            for image in 0..self.images {
                for row in 0..self.rows {
                    let x = self.x.add(image * self.x_image + row * self.x_row);
                    let dy = self.dy.add(image * self.dy_image + row * self.dy_row);
                    let x_at = |column: usize| S::load(x.add(column * self.x_step));
                    let dy_at = |column: usize| S::load(dy.add(column * LANES));
                    let mut column = 0;
                    while column + 4 <= self.columns {
                        a = S::mul_add(x_at(column), dy_at(column), a);
                        b = S::mul_add(x_at(column + 1), dy_at(column + 1), b);
                        c = S::mul_add(x_at(column + 2), dy_at(column + 2), c);
                        d = S::mul_add(x_at(column + 3), dy_at(column + 3), d);
                        column += 4;
                    }
                    while column < self.columns {
                        a = S::mul_add(x_at(column), dy_at(column), a);
                        column += 1;
                    }
                }
            }
            let sum = S::add(S::add(a, b), S::add(c, d));
            S::store(self.to, if self.adds { S::add(sum, S::load(self.to)) } else { sum });
        }
    }
}

impl Run for DepthwiseWeights {
    fn name(&self) -> &'static str {
        "depthwise weights"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.x, self.dy]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, of) = (&buffers[self.x.buffer], &buffers[self.dy.buffer]);
        let needs = self.window.border([from.height, from.width], [of.height, of.width]);
        if !from.border.covers(needs) {
            return Some(Reason::Border);
        }
        let taps = self.window.kernel[0] * self.window.kernel[1];
        let is_valid = from.images == of.images
            && of.images == self.images
            && self.x.blocks == self.dy.blocks
            && (from.pixel, of.pixel) == (LANES, LANES)
            && buffers[self.to.buffer].is_rows()
            && self.to.blocks >= self.dy.blocks * taps;
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        self.images
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    fn parts(&self) -> Vec<View> {
        vec![self.to]
    }

    unsafe fn run_images(&self, context: &Context<'_>, images: Range<usize>, part: Part) {
        let Window { kernel, stride, dilation, padding } = self.window;
        let taps = kernel[0] * kernel[1];
        // SAFETY: the program has checked the views; the numbers of the part are this task's alone.
        unsafe {
            let (x, dy, to) =
                (context.place(self.x), context.place(self.dy), context.place(self.to));
            let (from, of) = (&x.buffer, &dy.buffer);
            let inset = padding[0] * from.row() + padding[1] * LANES;
            let has_threes = kernel[1] == 3 && dilation[1] == 1;
            for block in 0..self.dy.blocks {
                for tap in (0..taps).step_by(if has_threes { 3 } else { 1 }) {
                    let (row, column) = (tap / kernel[1], tap % kernel[1]);
                    let at = row * dilation[0] * from.row() + column * dilation[1] * LANES;
                    let mut adds = !part.is_first;
                    for (own, rows, columns) in
                        context.pieces_of_images(images.len(), of.height, of.width, 1)
                    {
                        let image = images.start + own.start;
                        let first =
                            rows.start * stride[0] * from.row() + columns.start * stride[1] * LANES;
                        let work = TapSum {
                            x: x.at(image, block).wrapping_sub(inset).wrapping_add(at + first),
                            x_step: stride[1] * LANES,
                            x_row: stride[0] * from.row(),
                            x_image: from.image(),
                            dy: dy.pixel(image, block, rows.start, columns.start),
                            dy_row: of.row(),
                            dy_image: of.image(),
                            rows: rows.len(),
                            columns: columns.len(),
                            images: own.len(),
                            to: to.at(part.index, block * taps + tap),
                            adds,
                        };
                        if has_threes {
                            context.isa.run(&ThreeTaps(work));
                        } else {
                            context.isa.run(&work);
                        }
                        adds = true;
                    }
                }
            }
        }
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let part = Part { index: 0, is_first: task == 0 };
        // SAFETY: the caller's promise.
        unsafe { self.run_images(context, task..task + 1, part) };
    }
}
