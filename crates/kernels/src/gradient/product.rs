//! The gradient of products, and sums over maps and images.

use crate::{
    blockwise::{Blockwise, is_table, size_of},
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
