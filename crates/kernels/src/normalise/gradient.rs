//! The gradient of batch normalisation.

use super::{COEFFICIENTS, FACTORS, SUMS, have_channels, narrow};
use crate::{
    activation::Function,
    blockwise::{Blockwise, is_table, same_maps, size_of},
    memory::{Buffer, View},
    run::{Context, Reason, Run},
    simd::{LANES, Simd, Work},
};

/// How much of a gradient goes through the function behind a normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    All,
    Positive,
    Inside,
}

impl Gate {
    fn of(function: Function) -> Self {
        match function {
            Function::Relu => Self::Positive,
            Function::Relu6 => Self::Inside,
            _ => Self::All,
        }
    }
}

/// What goes through the gate, where the function's argument is `scale * x + shift`.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn through<S: Simd, const GATE: u8>(x: S::V, scale: S::V, shift: S::V, dz: S::V) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        let zero = S::splat(0.0);
        if GATE == 0 {
            return dz;
        }
        let argument = S::mul_add(x, scale, shift);
        let through = S::select(S::greater(argument, zero), dz, zero);
        if GATE == 1 {
            return through;
        }
        S::select(S::greater(S::splat(6.0), argument), through, zero)
    }
}

/// Rows of a block on the way back.
struct BackRows {
    gate: Gate,
    x: *const f32,
    dz: *const f32,
    x_row: usize,
    dz_row: usize,
    rows: usize,
    columns: usize,
    factors: *const f32,
    /// Sums are written here, or the gradient, which uses the coefficients.
    to: *mut f32,
    to_row: usize,
    coefficients: *const f32,
    /// Whether sums go on with what is there, or the gradient is added to it.
    adds: bool,
}

impl BackRows {
    #[inline(always)]
    unsafe fn sums<S: Simd, const GATE: u8>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let zero = S::splat(0.0);
            let factor = |index: usize| S::load(self.factors.add(index * LANES));
            let (scale, shift, mean, inverse) = (factor(0), factor(1), factor(2), factor(3));
            let (mut sum, mut product) = (zero, zero);
            let (mut other_sum, mut other_product) = (zero, zero);
            for row in 0..self.rows {
                let (x, dz) = (self.x.add(row * self.x_row), self.dz.add(row * self.dz_row));
                let mut column = 0;
                while column + 2 <= self.columns {
                    let at = column * LANES;
                    let (a, b) = (S::load(x.add(at)), S::load(x.add(at + LANES)));
                    let da = through::<S, GATE>(a, scale, shift, S::load(dz.add(at)));
                    let db = through::<S, GATE>(b, scale, shift, S::load(dz.add(at + LANES)));
                    sum = S::add(sum, da);
                    product = S::mul_add(da, S::sub(a, mean), product);
                    other_sum = S::add(other_sum, db);
                    other_product = S::mul_add(db, S::sub(b, mean), other_product);
                    column += 2;
                }
                if column < self.columns {
                    let a = S::load(x.add(column * LANES));
                    let da = through::<S, GATE>(a, scale, shift, S::load(dz.add(column * LANES)));
                    sum = S::add(sum, da);
                    product = S::mul_add(da, S::sub(a, mean), product);
                }
            }
            let mut sum = S::add(sum, other_sum);
            let mut product = S::mul(inverse, S::add(product, other_product));
            if self.adds {
                sum = S::add(sum, S::load(self.to));
                product = S::add(product, S::load(self.to.add(LANES)));
            }
            S::store(self.to, sum);
            S::store(self.to.add(LANES), product);
        }
    }

    #[inline(always)]
    unsafe fn gradient<S: Simd, const GATE: u8>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let (scale, shift) = (S::load(self.factors), S::load(self.factors.add(LANES)));
            let of_x = S::load(self.coefficients);
            let of_one = S::load(self.coefficients.add(LANES));
            for row in 0..self.rows {
                let (x, dz) = (self.x.add(row * self.x_row), self.dz.add(row * self.dz_row));
                let to = self.to.add(row * self.to_row);
                for column in 0..self.columns {
                    let at = column * LANES;
                    let value = S::load(x.add(at));
                    let d = through::<S, GATE>(value, scale, shift, S::load(dz.add(at)));
                    let rest = S::mul_add(value, of_x, of_one);
                    let rest = if self.adds { S::add(rest, S::load(to.add(at))) } else { rest };
                    S::store(to.add(at), S::mul_add(d, scale, rest));
                }
            }
        }
    }
}

impl Work for BackRows {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            match (self.gate, self.coefficients.is_null()) {
                (Gate::All, true) => self.sums::<S, 0>(),
                (Gate::Positive, true) => self.sums::<S, 1>(),
                (Gate::Inside, true) => self.sums::<S, 2>(),
                (Gate::All, false) => self.gradient::<S, 0>(),
                (Gate::Positive, false) => self.gradient::<S, 1>(),
                (Gate::Inside, false) => self.gradient::<S, 2>(),
            }
        }
    }
}

/// The inputs of the gradient of a normalisation.
#[derive(Clone, Copy, Debug)]
pub struct Normalised {
    /// The normalisation's input.
    pub x: View,
    /// The gradient of its output, after the function.
    pub dz: View,
    /// The table of [`BatchStatistics`](super::BatchStatistics).
    pub factors: View,
    /// The function, which only clips to a range.
    pub function: Function,
}

impl Normalised {
    fn fits(&self, buffers: &[Buffer]) -> bool {
        same_maps(buffers, &[self.x, self.dz])
            && is_table(buffers, self.factors, 1, self.x.blocks, FACTORS)
            && self.function.is_range()
    }

    /// Pieces of a block.
    ///
    /// # Safety
    /// The program has checked the views.
    unsafe fn pieces(
        &self,
        context: &Context<'_>,
        image: usize,
        block: usize,
    ) -> impl Iterator<Item = (usize, usize, BackRows)> {
        // SAFETY: the caller's promise.
        let (x, dz, factors) =
            unsafe { (context.place(self.x), context.place(self.dz), context.place(self.factors)) };
        let gate = Gate::of(self.function);
        let pieces = context.pieces(0..x.buffer.height, x.buffer.width, 1);
        pieces.map(move |(rows, columns)| {
            let (row, column) = (rows.start, columns.start);
            let rows = BackRows {
                gate,
                x: x.pixel(image, block, row, column),
                dz: dz.pixel(image, block, row, column),
                x_row: x.buffer.row(),
                dz_row: dz.buffer.row(),
                rows: rows.len(),
                columns: columns.len(),
                factors: factors.at(0, block),
                to: std::ptr::null_mut(),
                to_row: 0,
                coefficients: std::ptr::null(),
                adds: false,
            };
            (row, column, rows)
        })
    }
}

/// Sums over each map: of the gradient of a normalisation's output, and of its products with the normalised values.
#[derive(Clone, Debug)]
pub struct GradientSums {
    of: Normalised,
    to: View,
    size: (usize, usize),
}

impl GradientSums {
    /// `to` is a table of [`SUMS`] pixels for each image and block.
    pub fn new(buffers: &[Buffer], of: Normalised, to: View) -> Self {
        Self { of, to, size: size_of(buffers, of.x) }
    }
}

impl Blockwise for GradientSums {
    const NAME: &'static str = "gradient sums";

    fn reads(&self) -> Vec<View> {
        vec![self.of.x, self.of.dz, self.of.factors]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fits(&self, buffers: &[Buffer]) -> bool {
        self.size == size_of(buffers, self.of.x)
            && self.of.fits(buffers)
            && is_table(buffers, self.to, self.size.0, self.size.1, SUMS)
    }

    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the table of the block.
        unsafe {
            let to = context.place(self.to).at(image, block);
            for (row, column, rows) in self.of.pieces(context, image, block) {
                context.isa.run(&BackRows { to, adds: row + column > 0, ..rows });
            }
        }
    }
}

/// The gradients of a normalisation's scale and shift, and the coefficients of its input's gradient.
#[derive(Clone, Debug)]
pub struct NormaliseGradient {
    sums: View,
    factors: View,
    to: View,
    /// Vectors for the gradients of scale and shift, and whether they are added to.
    gradients: [Option<(View, bool)>; 2],
    channels: Vec<Option<usize>>,
    area: usize,
}

impl NormaliseGradient {
    /// `sums` is the table of [`GradientSums`], `factors` that of [`BatchStatistics`](super::BatchStatistics); `to` is a table of
    /// [`COEFFICIENTS`] pixels for each block.
    pub fn new(
        (sums, factors, to): (View, View, View),
        gradients: [Option<(View, bool)>; 2],
        channels: Vec<Option<usize>>,
        area: usize,
    ) -> Self {
        Self { sums, factors, to, gradients, channels, area }
    }
}

impl Run for NormaliseGradient {
    fn name(&self) -> &'static str {
        "normalise gradient"
    }

    fn reads(&self) -> Vec<View> {
        let added = self.gradients.iter().flatten().filter(|(_, adds)| *adds);
        [self.sums, self.factors].into_iter().chain(added.map(|(view, _)| *view)).collect()
    }

    fn writes(&self) -> Vec<View> {
        let gradients = self.gradients.iter().flatten().map(|(view, _)| *view);
        gradients.chain([self.to]).collect()
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let images = buffers[self.sums.buffer].images;
        let blocks = self.sums.blocks;
        let vectors = self.gradients.iter().flatten().map(|(view, _)| *view);
        let is_valid = is_table(buffers, self.sums, images, blocks, SUMS)
            && is_table(buffers, self.factors, 1, blocks, FACTORS)
            && is_table(buffers, self.to, 1, blocks, COEFFICIENTS)
            && self.channels.len() == blocks * LANES
            && have_channels(buffers, vectors, &self.channels);
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        self.to.blocks
    }

    unsafe fn run(&self, context: &Context<'_>, block: usize) {
        // SAFETY: the program has checked the views; this task alone uses the channels of its block.
        unsafe {
            let sums = context.place(self.sums);
            let images = sums.buffer.images;
            let to = context.place(self.to).at(0, block);
            let factors = context.place(self.factors).at(0, block);
            let count = (self.area * images) as f64;
            for lane in 0..LANES {
                let put =
                    |index: usize, x: f64| to.wrapping_add(index * LANES + lane).write(narrow(x));
                let Some(channel) = self.channels[block * LANES + lane] else {
                    (0..COEFFICIENTS).for_each(|index| put(index, 0.0));
                    continue;
                };
                if context.is_stopped() {
                    return;
                }
                let total = |index: usize| -> f64 {
                    let at = |image| sums.at(image, block).wrapping_add(index * LANES + lane);
                    (0..images).map(|image| f64::from(at(image).read())).sum()
                };
                let (sum, product) = (total(0), total(1));
                let factor =
                    |index: usize| f64::from(factors.wrapping_add(index * LANES + lane).read());
                let (scale, mean, inverse) = (factor(0), factor(2), factor(3));
                let of_x = -scale * inverse * product / count;
                put(0, of_x);
                put(1, -scale * sum / count - of_x * mean);
                for (gradient, new) in self.gradients.iter().zip([product, sum]) {
                    if let Some((view, adds)) = *gradient {
                        let at = context.place(view).at(0, 0).wrapping_add(channel);
                        at.write(if adds { at.read() + narrow(new) } else { narrow(new) });
                    }
                }
            }
        }
    }
}

/// The gradient of a normalisation's input.
#[derive(Clone, Debug)]
pub struct NormaliseBack {
    of: Normalised,
    coefficients: View,
    to: View,
    adds: bool,
    size: (usize, usize),
}

impl NormaliseBack {
    /// `coefficients` is the table of [`NormaliseGradient`]. The gradient may take the place of the input.
    pub fn new(
        buffers: &[Buffer],
        of: Normalised,
        coefficients: View,
        to: View,
        adds: bool,
    ) -> Self {
        Self { of, coefficients, to, adds, size: size_of(buffers, of.x) }
    }
}

impl Blockwise for NormaliseBack {
    const NAME: &'static str = "normalise back";

    fn reads(&self) -> Vec<View> {
        let added = self.adds.then_some(self.to);
        let reads = [self.of.x, self.of.dz, self.of.factors, self.coefficients];
        reads.into_iter().chain(added).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fits(&self, buffers: &[Buffer]) -> bool {
        self.size == size_of(buffers, self.of.x)
            && self.of.fits(buffers)
            && same_maps(buffers, &[self.of.x, self.to])
            && is_table(buffers, self.coefficients, 1, self.size.1, COEFFICIENTS)
    }

    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the block of the image.
        unsafe {
            let to = context.place(self.to);
            for (row, column, rows) in self.of.pieces(context, image, block) {
                context.isa.run(&BackRows {
                    to: to.pixel(image, block, row, column),
                    to_row: to.buffer.row(),
                    coefficients: context.place(self.coefficients).at(0, block),
                    adds: self.adds,
                    ..rows
                });
            }
            to.clear_border(image, block, 0..to.buffer.height);
        }
    }
}
