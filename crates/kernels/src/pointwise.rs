//! Operators on single pixels: affine functions of channels, sums, products, softmax.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    activation::{self, Function},
    conv::Segment,
    memory::{Aligned, Buffer, Place, View},
    run::{Context, Reason, Run},
    simd::{LANES, Simd, Work},
};

/// Whether views of whole maps have the same size.
fn same_size(buffers: &[Buffer], a: View, b: View) -> bool {
    let size = |view: View| {
        let buffer = &buffers[view.buffer];
        (buffer.images, buffer.height, buffer.width, buffer.pixel, view.blocks)
    };
    size(a) == size(b) && buffers[a.buffer].pixel == LANES
}

fn images(buffers: &[Buffer], view: View) -> usize {
    buffers.get(view.buffer).map_or(0, |buffer| buffer.images)
}

/// `function(scale * x + shift)`, with a scale and a shift for each channel: normalisation with fixed statistics, an
/// activation function, or a copy.
#[derive(Clone, Debug)]
pub struct Affine {
    x: View,
    y: View,
    /// Scales and shifts, sixteen for each block; none leaves the numbers as they are.
    factors: Option<(Aligned, Aligned)>,
    function: Function,
    images: usize,
}

impl Affine {
    /// A function of each number.
    pub fn new(buffers: &[Buffer], x: View, y: View, function: Function) -> Self {
        Self { x, y, factors: None, function, images: images(buffers, y) }
    }

    /// Multiplies lanes of the view first, and adds to them; sixteen numbers for each block.
    #[must_use]
    pub fn with_factors(mut self, scales: Aligned, shifts: Aligned) -> Self {
        self.factors = Some((scales, shifts));
        self
    }
}

/// Rows of one block, on the way through [`Affine`].
pub(crate) struct AffineRows {
    pub(crate) x: *const f32,
    pub(crate) y: *mut f32,
    pub(crate) scale: *const f32,
    pub(crate) shift: *const f32,
    pub(crate) x_row: usize,
    pub(crate) y_row: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) function: Function,
}

impl Work for AffineRows {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let (scale, shift) = (S::load(self.scale), S::load(self.shift));
            let (low, high) = self.function.range();
            let (low, high) = (S::splat(low), S::splat(high));
            for row in 0..self.rows {
                for pixel in 0..self.columns {
                    let x = S::load(self.x.add(row * self.x_row + pixel * LANES));
                    let sum = S::mul_add(x, scale, shift);
                    let y = self.y.add(row * self.y_row + pixel * LANES);
                    S::store(y, S::min(high, S::max(low, sum)));
                }
            }
        }
    }
}

impl Run for Affine {
    fn name(&self) -> &'static str {
        "affine"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.x]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let len = self.y.blocks * LANES;
        let factors = self.factors.as_ref();
        let has_factors = factors.is_none_or(|(a, b)| a.len() == len && b.len() == len);
        let fits = same_size(buffers, self.x, self.y)
            && has_factors
            && self.images == buffers[self.y.buffer].images;
        (!fits).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.images * self.y.blocks
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let (image, block) = (task / self.y.blocks, task % self.y.blocks);
        // SAFETY: the program has checked the views; this task alone writes the block of the image.
        unsafe {
            let (x, y) = (context.place(self.x), context.place(self.y));
            let rows = 0..y.buffer.height;
            let at = (image, block);
            if let Some((scales, shifts)) = &self.factors {
                for (rows, columns) in context.pieces(rows.clone(), y.buffer.width, 1) {
                    let right = columns.start * LANES;
                    let (x_row, y_row) = (x.buffer.row(), y.buffer.row());
                    let work = AffineRows {
                        x: x.at(image, block).wrapping_add(rows.start * x_row + right),
                        y: y.at(image, block).wrapping_add(rows.start * y_row + right),
                        scale: scales.as_slice()[block * LANES..].as_ptr(),
                        shift: shifts.as_slice()[block * LANES..].as_ptr(),
                        x_row,
                        y_row,
                        rows: rows.len(),
                        columns: columns.len(),
                        function: self.function,
                    };
                    context.isa.run(&work);
                }
                activation::apply_in_place(context, self.function, &y, image, block, rows.clone());
            } else {
                activation::apply(context, self.function, &x, &y, at, at, rows.clone());
            }
            y.clear_border(image, block, rows);
        }
    }
}

/// How several maps become one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Join {
    Sum,
    Product,
    Max,
}

/// An input of a sum, a product or a maximum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// The map; in a product, a map of one pixel is broadcast.
    pub view: View,
    /// Its factor.
    pub scale: f32,
}

/// The sum, the product or the maximum of maps.
#[derive(Clone, Debug)]
pub struct Joined {
    join: Join,
    terms: Vec<Term>,
    y: View,
    function: Function,
    images: usize,
}

impl Joined {
    /// The sum of maps, each times its scale.
    pub fn sum(buffers: &[Buffer], terms: Vec<Term>, y: View, function: Function) -> Self {
        Self { join: Join::Sum, terms, y, function, images: images(buffers, y) }
    }

    /// The maximum of maps.
    pub fn max(buffers: &[Buffer], terms: Vec<Term>, y: View, function: Function) -> Self {
        Self { join: Join::Max, terms, y, function, images: images(buffers, y) }
    }

    /// The product of maps.
    pub fn product(buffers: &[Buffer], terms: Vec<Term>, y: View, function: Function) -> Self {
        Self { join: Join::Product, terms, y, function, images: images(buffers, y) }
    }
}

/// One more term on rows of a block.
struct JoinRows {
    join: Join,
    is_first: bool,
    x: *const f32,
    y: *mut f32,
    scale: f32,
    /// Zero where one number stands for all.
    x_step: usize,
    x_row: usize,
    y_row: usize,
    rows: usize,
    columns: usize,
    /// The range that the result is cut to.
    range: (f32, f32),
}

impl Work for JoinRows {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let scale = S::splat(self.scale);
            let (low, high) = (S::splat(self.range.0), S::splat(self.range.1));
            for row in 0..self.rows {
                for pixel in 0..self.columns {
                    let x = S::load(self.x.add(row * self.x_row + pixel * self.x_step));
                    let y = self.y.add(row * self.y_row + pixel * LANES);
                    let joined = if self.is_first {
                        S::mul(x, scale)
                    } else if self.join == Join::Sum {
                        S::mul_add(x, scale, S::load(y))
                    } else if self.join == Join::Product {
                        S::mul(x, S::load(y))
                    } else {
                        let most = S::load(y);
                        // A maximum of a NaN is one, whichever it is.
                        S::select(S::is_nan(x), x, S::max(x, most))
                    };
                    S::store(y, S::min(high, S::max(low, joined)));
                }
            }
        }
    }
}

impl Run for Joined {
    fn name(&self) -> &'static str {
        match self.join {
            Join::Sum => "add",
            Join::Product => "multiply",
            Join::Max => "maximum",
        }
    }

    fn reads(&self) -> Vec<View> {
        self.terms.iter().map(|term| term.view).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let to = &buffers[self.y.buffer];
        let fits = |(index, term): (usize, &Term)| {
            let from = &buffers[term.view.buffer];
            let broadcasts = self.join == Join::Product
                && (from.height, from.width, from.pixel) == (1, 1, LANES)
                && (from.images, term.view.blocks) == (to.images, self.y.blocks);
            // The first term is written before the others are read.
            let is_kept = index == 0 || term.view != self.y;
            is_kept && (broadcasts || same_size(buffers, term.view, self.y))
        };
        let is_valid = !self.terms.is_empty()
            && self.terms.iter().enumerate().all(fits)
            && to.pixel == LANES
            && self.images == to.images;
        (!is_valid).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.images * self.y.blocks
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let (image, block) = (task / self.y.blocks, task % self.y.blocks);
        // SAFETY: the program has checked the views; this task alone writes the block of the image.
        unsafe {
            let y = context.place(self.y);
            let Buffer { height, width, .. } = y.buffer;
            for (index, term) in self.terms.iter().enumerate() {
                let x: Place = context.place(term.view);
                let broadcasts = x.buffer.height * x.buffer.width == 1;
                let is_last = index + 1 == self.terms.len();
                let x_step = if broadcasts { 0 } else { LANES };
                let x_row = if broadcasts { 0 } else { x.buffer.row() };
                let y_row = y.buffer.row();
                for (rows, columns) in context.pieces(0..height, width, 1) {
                    let work = JoinRows {
                        join: self.join,
                        is_first: index == 0,
                        x: x.at(image, block)
                            .wrapping_add(rows.start * x_row + columns.start * x_step),
                        y: y.at(image, block)
                            .wrapping_add(rows.start * y_row + columns.start * LANES),
                        scale: term.scale,
                        x_step,
                        x_row,
                        y_row,
                        rows: rows.len(),
                        columns: columns.len(),
                        range: if is_last {
                            self.function.range()
                        } else {
                            Function::Identity.range()
                        },
                    };
                    context.isa.run(&work);
                }
            }
            activation::apply_in_place(context, self.function, &y, image, block, 0..height);
            y.clear_border(image, block, 0..height);
        }
    }
}

/// Softmax over the channels of each pixel.
#[derive(Clone, Debug)]
pub struct Softmax {
    x: View,
    y: View,
    segments: Arc<[Segment]>,
    images: usize,
}

impl Softmax {
    /// Over the channels of these segments; the output has the same layout.
    pub fn new(buffers: &[Buffer], x: View, y: View, segments: impl Into<Arc<[Segment]>>) -> Self {
        Self { x, y, segments: segments.into(), images: images(buffers, y) }
    }
}

impl Run for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.x]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let fits =
            |segment: &Segment| segment.block + segment.channels.div_ceil(LANES) <= self.x.blocks;
        let is_valid = same_size(buffers, self.x, self.y)
            && self.segments.iter().all(fits)
            && self.images == buffers[self.y.buffer].images;
        (!is_valid).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.images
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        // SAFETY: the program has checked the views.
        let (x, y) = unsafe { (context.place(self.x), context.place(self.y)) };
        let Buffer { height, width, .. } = y.buffer;
        let channels: Vec<(usize, usize)> = self
            .segments
            .iter()
            .flat_map(|segment| {
                (0..segment.channels).map(|lane| (segment.block + lane / LANES, lane % LANES))
            })
            .collect();
        for row in 0..height {
            for column in 0..width {
                if context.is_stopped() {
                    return;
                }
                let at = |place: &Place, (block, lane): (usize, usize)| {
                    let pixel = row * place.buffer.row() + column * LANES + lane;
                    place.at(task, block).wrapping_add(pixel)
                };
                // SAFETY: lanes of a pixel of the views; this task alone writes those of its image.
                unsafe {
                    let read = |channel: &(usize, usize)| at(&x, *channel).read();
                    let largest = channels.iter().map(read).fold(f32::NEG_INFINITY, f32::max);
                    let mut sum = 0.0;
                    for channel in &channels {
                        let value = (read(channel) - largest).exp();
                        sum += value;
                        at(&y, *channel).write(value);
                    }
                    for channel in &channels {
                        let value = at(&y, *channel);
                        value.write(value.read() / sum);
                    }
                }
            }
        }
        for block in 0..self.y.blocks {
            // SAFETY: borders of blocks of the image that this task alone writes.
            unsafe { y.clear_border(task, block, 0..height) };
        }
    }
}

/// Local response normalisation across channels: `x / (k + alpha / size * sum(x^2)) ^ beta`, with the sum over `size`
/// neighbouring channels (Krizhevsky et al. 2012, section 3.3).
#[derive(Clone, Debug)]
pub struct Lrn {
    x: View,
    y: View,
    factors: LrnFactors,
    images: usize,
    height: usize,
}

/// The numbers of [`Lrn`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrnFactors {
    /// Channels of the map, from the first lane of the view on.
    pub channels: usize,
    /// Channels in the sum.
    pub size: usize,
    /// Scale, divided by `size`.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// Offset.
    pub k: f32,
}

impl LrnFactors {
    /// Neighbours before and behind a channel, as ONNX counts them; none beyond the channels, which add nothing.
    pub(crate) fn neighbours(&self) -> (usize, usize) {
        let before = (self.size - 1) / 2;
        (before.min(self.channels), (self.size - 1 - before).min(self.channels))
    }
}

impl Lrn {
    /// Normalises a view.
    pub fn new(buffers: &[Buffer], x: View, y: View, factors: LrnFactors) -> Self {
        let height = buffers.get(y.buffer).map_or(0, |buffer| buffer.height);
        Self { x, y, factors, images: images(buffers, y), height }
    }

    /// Numbers of the squares of a pixel, with zeros for the neighbours that there are not.
    fn squares_len(&self) -> usize {
        let (before, behind) = self.factors.neighbours();
        before + self.x.blocks * LANES + behind + LANES
    }
}

/// One row of pixels of [`Lrn`].
struct LrnRow<'a> {
    lrn: &'a Lrn,
    x: *const f32,
    y: *mut f32,
    x_plane: usize,
    y_plane: usize,
    columns: usize,
    squares: *mut f32,
    stop: &'a AtomicBool,
}

/// Channels in a sum from which on sums are made of parts.
const LONG_SUM: usize = 64;

/// Sums of so many numbers that follow each other, from each place on: each is the end of one run of so many and the
/// start of the next one, so that it takes two additions, and a number that is not finite is only in its own sums.
fn sums_of(numbers: &[f32], count: usize, ends: &mut [f32], starts: &mut [f32]) {
    for ((run, ends), starts) in
        numbers.chunks(count).zip(ends.chunks_mut(count)).zip(starts.chunks_mut(count))
    {
        let mut sum = 0.0;
        for (start, number) in starts.iter_mut().zip(run) {
            sum += number;
            *start = sum;
        }
        let mut sum = 0.0;
        for (end, number) in ends.iter_mut().zip(run).rev() {
            sum += number;
            *end = sum;
        }
    }
    // The sum from `at` on ends at `at + count - 1`, in the next run unless it is a whole one.
    for at in 0..(numbers.len() + 1).saturating_sub(count) {
        if !at.is_multiple_of(count) {
            ends[at] += starts[at + count - 1];
        }
    }
}

/// For each of some numbers, the sum of its neighbours and itself; in time and memory that grow with the numbers alone.
pub(crate) struct NeighbourSums<'a> {
    /// The numbers, with zeros around them.
    numbers: &'a [f32],
    /// The sums, where they are long.
    sums: &'a [f32],
    count: usize,
}

impl<'a> NeighbourSums<'a> {
    /// Memory for sums of `count` numbers, the neighbours included.
    pub(crate) fn len(numbers: usize, count: usize) -> usize {
        (numbers + count - 1) * if count < LONG_SUM { 1 } else { 3 }
    }

    /// Sums of what `number` gives, with so many neighbours before and behind.
    pub(crate) fn new(
        memory: &'a mut [f32],
        len: usize,
        (before, behind): (usize, usize),
        number: impl Fn(usize) -> f32,
    ) -> Self {
        let count = before + 1 + behind;
        let (numbers, rest) = memory.split_at_mut(len + count - 1);
        numbers[..before].fill(0.0);
        numbers[before + len..].fill(0.0);
        for (at, to) in numbers[before..][..len].iter_mut().enumerate() {
            *to = number(at);
        }
        if count >= LONG_SUM {
            let (ends, starts) = rest.split_at_mut(numbers.len());
            sums_of(numbers, count, ends, &mut starts[..numbers.len()]);
        }
        Self { numbers, sums: rest, count }
    }

    /// The sum around a number.
    pub(crate) fn of(&self, at: usize) -> f32 {
        if self.count < LONG_SUM {
            self.numbers[at..at + self.count].iter().sum()
        } else {
            self.sums[at]
        }
    }
}

impl Work for LrnRow<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        let lrn = self.lrn;
        let LrnFactors { channels, size, alpha, beta, k } = lrn.factors;
        let (before, behind) = lrn.factors.neighbours();
        // Caffe and PyTorch divide by the full size at the edges too.
        let alpha = alpha / size as f32;
        // SAFETY: the caller's promise; the squares have room for every block and the neighbours on both sides.
        unsafe {
            for column in 0..self.columns {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                for block in 0..lrn.x.blocks {
                    let x = S::load(self.x.add(block * self.x_plane + column * LANES));
                    S::store(self.squares.add(before + block * LANES), S::mul(x, x));
                }
                // Lanes behind the last channel hold anything.
                self.squares.add(before + channels).write_bytes(0, behind + LANES);
                let in_sum = before + 1 + behind;
                let sums = self.squares.add(lrn.squares_len());
                if in_sum >= LONG_SUM {
                    let squares = std::slice::from_raw_parts(self.squares, lrn.squares_len());
                    let both = std::slice::from_raw_parts_mut(sums, 2 * lrn.squares_len());
                    let (ends, starts) = both.split_at_mut(lrn.squares_len());
                    sums_of(squares, in_sum, ends, starts);
                }
                for block in 0..lrn.x.blocks {
                    let mut sum = S::splat(0.0);
                    if in_sum >= LONG_SUM {
                        sum = S::load(sums.add(block * LANES));
                    } else {
                        for neighbour in 0..in_sum {
                            let square = self.squares.add(block * LANES + neighbour);
                            sum = S::add(sum, S::load(square));
                        }
                    }
                    let base = S::mul_add(sum, S::splat(alpha), S::splat(k));
                    let power = S::mul(activation::ln::<S>(base), S::splat(-beta));
                    let x = S::load(self.x.add(block * self.x_plane + column * LANES));
                    let y = self.y.add(block * self.y_plane + column * LANES);
                    S::store(y, S::mul(x, activation::exp::<S>(power)));
                }
            }
        }
    }
}

impl Run for Lrn {
    fn name(&self) -> &'static str {
        "lrn"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.x]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let to = &buffers[self.y.buffer];
        let fits = same_size(buffers, self.x, self.y)
            && self.x != self.y
            && self.factors.size > 0
            && self.factors.channels.div_ceil(LANES) == self.x.blocks
            && (self.images, self.height) == (to.images, to.height);
        (!fits).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.images * self.height
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    fn scratch(&self) -> usize {
        let (before, behind) = self.factors.neighbours();
        // Where sums are long, two more numbers for each.
        self.squares_len() * if before + 1 + behind >= LONG_SUM { 3 } else { 1 }
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let (image, row) = (task / self.height, task % self.height);
        // SAFETY: the program has checked the views; this task alone writes the row of the image.
        unsafe {
            let (x, y) = (context.place(self.x), context.place(self.y));
            // Nothing before the first channel.
            context.scratch.write_bytes(0, self.factors.neighbours().0);
            let work = LrnRow {
                lrn: self,
                x: x.at(image, 0).wrapping_add(row * x.buffer.row()),
                y: y.at(image, 0).wrapping_add(row * y.buffer.row()),
                x_plane: x.buffer.plane(),
                y_plane: y.buffer.plane(),
                columns: y.buffer.width,
                squares: context.scratch,
                stop: context.stop,
            };
            context.isa.run(&work);
            for block in 0..self.y.blocks {
                y.clear_border(image, block, row..row + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sums_are_made_of_their_numbers_alone() {
        for len in [1, 7, 64, 65, 200] {
            let mut numbers: Vec<f32> = (0..len).map(|at| (at * 7 % 13) as f32).collect();
            numbers[len / 2] = f32::INFINITY;
            for count in (1..=len).filter(|count| count % 9 < 2) {
                let (mut sums, mut starts) = (vec![0.0; len], vec![0.0; len]);
                sums_of(&numbers, count, &mut sums, &mut starts);
                for (at, of) in numbers.windows(count).enumerate() {
                    assert_eq!(sums[at], of.iter().sum::<f32>(), "{len}, {count}, {at}");
                }
            }
        }
    }
}
