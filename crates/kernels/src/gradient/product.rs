//! The gradient of products, and sums over maps and images.

use crate::{
    blockwise::{Blockwise, is_table, same_maps, size_of},
    memory::{Buffer, Place, View},
    run::{Context, Reason, Run},
    simd::{LANES, Simd, Work},
};

/// The gradient of one factor of a product: that of the product times the other factors. If the factor is a map of one
/// pixel, the gradient is summed over the map; without other factors, that is the gradient of a bias.
#[derive(Clone, Debug)]
pub struct ProductBack {
    dz: View,
    others: Vec<View>,
    to: View,
    adds: bool,
    size: (usize, usize),
}

impl ProductBack {
    /// `dz` is the gradient of the product, `to` that of the factor.
    pub fn new(buffers: &[Buffer], dz: View, others: Vec<View>, to: View, adds: bool) -> Self {
        Self { dz, others, to, adds, size: size_of(buffers, dz) }
    }
}

/// Rows of a block, with one more factor, or the sum of it.
struct Rows {
    x: *const f32,
    x_row: usize,
    /// Zero where one number stands for all; the factor is null where there is none.
    factor: *const f32,
    factor_row: usize,
    factor_step: usize,
    to: *mut f32,
    to_row: usize,
    sums: bool,
    adds: bool,
    rows: usize,
    columns: usize,
}

impl Work for Rows {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let zero = S::splat(0.0);
            let mut sum = if self.sums && self.adds { S::load(self.to) } else { zero };
            for row in 0..self.rows {
                for column in 0..self.columns {
                    let mut x = S::load(self.x.add(row * self.x_row + column * LANES));
                    if !self.factor.is_null() {
                        let at = row * self.factor_row + column * self.factor_step;
                        x = S::mul(x, S::load(self.factor.add(at)));
                    }
                    if self.sums {
                        sum = S::add(sum, x);
                        continue;
                    }
                    let to = self.to.add(row * self.to_row + column * LANES);
                    S::store(to, if self.adds { S::add(x, S::load(to)) } else { x });
                }
            }
            if self.sums {
                S::store(self.to, sum);
            }
        }
    }
}

impl ProductBack {
    fn sums(to: &Buffer, dz: &Buffer) -> bool {
        to.height * to.width == 1 && dz.height * dz.width > 1
    }
}

impl Blockwise for ProductBack {
    const NAME: &'static str = "product back";

    fn reads(&self) -> Vec<View> {
        let added = self.adds.then_some(self.to);
        [self.dz].into_iter().chain(self.others.iter().copied()).chain(added).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fits(&self, buffers: &[Buffer]) -> bool {
        let dz = &buffers[self.dz.buffer];
        let size = |buffer: &Buffer| (buffer.height, buffer.width);
        let fits = |view: &View| {
            let buffer = &buffers[view.buffer];
            buffer.images == dz.images
                && view.blocks == self.dz.blocks
                && buffer.pixel == LANES
                && (size(buffer) == size(dz) || size(buffer) == (1, 1))
        };
        self.size == size_of(buffers, self.dz)
            && dz.pixel == LANES
            && self.others.len() <= 1
            && self.others.iter().chain([&self.to]).all(fits)
    }

    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the block of the image.
        unsafe {
            let (dz, to) = (context.place(self.dz), context.place(self.to));
            let factor: Option<Place> = self.others.first().map(|view| context.place(*view));
            let is_map = |place: &&Place| place.buffer.height * place.buffer.width > 1;
            let map = factor.as_ref().filter(is_map);
            let (factor_row, factor_step) = map.map_or((0, 0), |place| (place.buffer.row(), LANES));
            let sums = Self::sums(&to.buffer, &dz.buffer);
            let Buffer { height, width, .. } = dz.buffer;
            for (rows, columns) in context.pieces(0..height, width, 1) {
                let (row, column) = (rows.start, columns.start);
                let factor = factor.as_ref().map_or(std::ptr::null(), |place| {
                    let right = row * factor_row + column * factor_step;
                    place.at(image, block).wrapping_add(right).cast_const()
                });
                context.isa.run(&Rows {
                    x: dz.pixel(image, block, row, column),
                    x_row: dz.buffer.row(),
                    factor,
                    factor_row,
                    factor_step,
                    to: if sums {
                        to.at(image, block)
                    } else {
                        to.pixel(image, block, row, column)
                    },
                    to_row: to.buffer.row(),
                    sums,
                    adds: self.adds || (sums && row + column > 0),
                    rows: rows.len(),
                    columns: columns.len(),
                });
            }
            to.clear_border(image, block, 0..to.buffer.height);
        }
    }
}

/// The sum over images of a number for each channel.
#[derive(Clone, Debug)]
pub struct SumImages {
    from: View,
    to: View,
    adds: bool,
    /// The channel of each lane.
    channels: Vec<Option<usize>>,
}

impl SumImages {
    /// From maps of one pixel to a vector of channels.
    pub fn new(from: View, to: View, adds: bool, channels: Vec<Option<usize>>) -> Self {
        Self { from, to, adds, channels }
    }
}

impl Run for SumImages {
    fn name(&self) -> &'static str {
        "sum images"
    }

    fn reads(&self) -> Vec<View> {
        if self.adds { vec![self.from, self.to] } else { vec![self.from] }
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let most = self.channels.iter().flatten().max().map_or(0, |last| last + 1);
        let images = buffers[self.from.buffer].images;
        let is_valid = is_table(buffers, self.from, images, self.from.blocks, 1)
            && buffers[self.to.buffer].is_vector()
            && self.to.blocks * LANES >= most
            && self.channels.len() == self.from.blocks * LANES;
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        self.from.blocks
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "summed in double precision, kept in single"
    )]
    unsafe fn run(&self, context: &Context<'_>, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the channels of its block.
        unsafe {
            let (from, to) = (context.place(self.from), context.place(self.to).at(0, 0));
            for lane in 0..LANES {
                let Some(channel) = self.channels[block * LANES + lane] else { continue };
                if context.is_stopped() {
                    return;
                }
                let of_image = |image| f64::from(from.at(image, block).wrapping_add(lane).read());
                let sum = (0..from.buffer.images).map(of_image).sum::<f64>() as f32;
                let to = to.wrapping_add(channel);
                to.write(if self.adds { to.read() + sum } else { sum });
            }
        }
    }
}

/// The gradient of one of two maps of a maximum: that of the maximum where the map is the larger one, half of it where both
/// are equal.
#[derive(Clone, Debug)]
pub struct MaxBack {
    dz: View,
    own: View,
    other: View,
    to: View,
    adds: bool,
    size: (usize, usize),
}

impl MaxBack {
    /// `dz` is the gradient of the maximum, `to` that of `own`.
    pub fn new(
        buffers: &[Buffer],
        dz: View,
        (own, other): (View, View),
        to: View,
        adds: bool,
    ) -> Self {
        Self { dz, own, other, to, adds, size: size_of(buffers, to) }
    }
}

/// Rows of a block of a maximum.
struct MaxRows {
    dz: *const f32,
    own: *const f32,
    other: *const f32,
    to: *mut f32,
    /// Numbers from a row to the next one, in this order.
    steps: [usize; 4],
    rows: usize,
    columns: usize,
    adds: bool,
}

impl Work for MaxRows {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        let [dz_row, own_row, other_row, to_row] = self.steps;
        // SAFETY: the caller's promise.
        unsafe {
            let (zero, half) = (S::splat(0.0), S::splat(0.5));
            for row in 0..self.rows {
                for column in 0..self.columns {
                    let at = column * LANES;
                    let dz = S::load(self.dz.add(row * dz_row + at));
                    let own = S::load(self.own.add(row * own_row + at));
                    let other = S::load(self.other.add(row * other_row + at));
                    let equal = S::select(S::greater(other, own), zero, S::mul(dz, half));
                    let gradient = S::select(S::greater(own, other), dz, equal);
                    let to = self.to.add(row * to_row + at);
                    let sum = if self.adds { S::add(gradient, S::load(to)) } else { gradient };
                    S::store(to, sum);
                }
            }
        }
    }
}

impl Blockwise for MaxBack {
    const NAME: &'static str = "maximum back";

    fn reads(&self) -> Vec<View> {
        let added = self.adds.then_some(self.to);
        [self.dz, self.own, self.other].into_iter().chain(added).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fits(&self, buffers: &[Buffer]) -> bool {
        self.size == size_of(buffers, self.to)
            && same_maps(buffers, &[self.dz, self.own, self.other, self.to])
    }

    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the block of the image.
        unsafe {
            let (dz, to) = (context.place(self.dz), context.place(self.to));
            let (own, other) = (context.place(self.own), context.place(self.other));
            let Buffer { height, width, .. } = to.buffer;
            for (rows, columns) in context.pieces(0..height, width, 1) {
                let (row, column) = (rows.start, columns.start);
                context.isa.run(&MaxRows {
                    dz: dz.pixel(image, block, row, column),
                    own: own.pixel(image, block, row, column),
                    other: other.pixel(image, block, row, column),
                    to: to.pixel(image, block, row, column),
                    steps: [&dz, &own, &other, &to].map(|place| place.buffer.row()),
                    rows: rows.len(),
                    columns: columns.len(),
                    adds: self.adds,
                });
            }
            to.clear_border(image, block, 0..height);
        }
    }
}

/// The sum of the first numbers of a vector: the gradient of a number that all channels have in common.
#[derive(Clone, Debug)]
pub struct Total {
    from: View,
    count: usize,
    to: View,
    adds: bool,
}

impl Total {
    /// The sum of `count` numbers, as the first number of `to`.
    pub fn new(from: View, count: usize, to: View, adds: bool) -> Self {
        Self { from, count, to, adds }
    }
}

impl Run for Total {
    fn name(&self) -> &'static str {
        "total"
    }

    fn reads(&self) -> Vec<View> {
        if self.adds { vec![self.from, self.to] } else { vec![self.from] }
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let is_vector = |view: View| buffers[view.buffer].is_vector();
        let is_valid = is_vector(self.from)
            && is_vector(self.to)
            && self.count <= self.from.blocks * LANES
            && self.from != self.to;
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        1
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "summed in double precision, kept in single"
    )]
    unsafe fn run(&self, context: &Context<'_>, _task: usize) {
        // SAFETY: the program has checked the views; nothing else writes the number.
        unsafe {
            let numbers = context.place(self.from).row_of(0, self.from.blocks);
            let sum = numbers[..self.count].iter().map(|x| f64::from(*x)).sum::<f64>() as f32;
            let to = context.place(self.to).at(0, 0);
            to.write(if self.adds { to.read() + sum } else { sum });
        }
    }
}
