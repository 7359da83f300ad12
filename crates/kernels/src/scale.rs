//! A factor and a shift of each channel, from memory or fixed.

use crate::{
    blockwise::{Blockwise, is_table, same_maps, size_of},
    memory::{Aligned, Buffer, View},
    run::Context,
    simd::{LANES, Simd, Work},
};

/// A number for each lane of a map's blocks.
#[derive(Clone, Debug)]
pub enum Factor {
    /// In the arena: a vector.
    At(View),
    /// Always these.
    Fixed(Aligned),
}

/// `x * factor + shift`, with a factor and a shift for each lane.
#[derive(Clone, Debug)]
pub struct ChannelScale {
    x: View,
    y: View,
    factor: Option<Factor>,
    shift: Option<Factor>,
    adds: bool,
    size: (usize, usize),
}

impl ChannelScale {
    /// From `x` to `y`, which may be the same; `adds` adds to what is there.
    pub fn new(
        buffers: &[Buffer],
        (x, y): (View, View),
        factor: Option<Factor>,
        shift: Option<Factor>,
        adds: bool,
    ) -> Self {
        Self { x, y, factor, shift, adds, size: size_of(buffers, y) }
    }

    fn vectors(&self) -> impl Iterator<Item = View> {
        let at = |factor: &Option<Factor>| match factor {
            Some(Factor::At(view)) => Some(*view),
            Some(Factor::Fixed(_)) | None => None,
        };
        [at(&self.factor), at(&self.shift)].into_iter().flatten()
    }
}

/// Rows of a block.
struct Rows {
    x: *const f32,
    y: *mut f32,
    /// Sixteen numbers, or null.
    factor: *const f32,
    shift: *const f32,
    x_row: usize,
    y_row: usize,
    rows: usize,
    columns: usize,
    adds: bool,
}

impl Work for Rows {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let or = |at: *const f32, other: f32| {
                if at.is_null() { S::splat(other) } else { S::load(at) }
            };
            let (factor, shift) = (or(self.factor, 1.0), or(self.shift, 0.0));
            for row in 0..self.rows {
                for column in 0..self.columns {
                    let x = S::load(self.x.add(row * self.x_row + column * LANES));
                    let y = self.y.add(row * self.y_row + column * LANES);
                    let scaled = S::mul_add(x, factor, shift);
                    S::store(y, if self.adds { S::add(scaled, S::load(y)) } else { scaled });
                }
            }
        }
    }
}

impl Blockwise for ChannelScale {
    const NAME: &'static str = "scale";

    fn reads(&self) -> Vec<View> {
        let added = self.adds.then_some(self.y);
        [self.x].into_iter().chain(self.vectors()).chain(added).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fits(&self, buffers: &[Buffer]) -> bool {
        let blocks = self.y.blocks;
        let has_all = |factor: &Option<Factor>| match factor {
            Some(Factor::At(view)) => {
                is_table(buffers, *view, 1, view.blocks, 1)
                    && buffers[view.buffer].is_vector()
                    && view.blocks >= blocks
            }
            Some(Factor::Fixed(numbers)) => numbers.len() >= blocks * LANES,
            None => true,
        };
        self.size == size_of(buffers, self.y)
            && same_maps(buffers, &[self.x, self.y])
            && has_all(&self.factor)
            && has_all(&self.shift)
    }

    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the block of the image.
        unsafe {
            let (x, y) = (context.place(self.x), context.place(self.y));
            let numbers = |factor: &Option<Factor>| match factor {
                None => std::ptr::null(),
                Some(Factor::At(view)) => {
                    context.place(*view).at(0, 0).wrapping_add(block * LANES).cast_const()
                }
                Some(Factor::Fixed(numbers)) => numbers.as_slice()[block * LANES..].as_ptr(),
            };
            let Buffer { height, width, .. } = y.buffer;
            for (rows, columns) in context.pieces(0..height, width, 1) {
                let (row, column) = (rows.start, columns.start);
                context.isa.run(&Rows {
                    x: x.pixel(image, block, row, column),
                    y: y.pixel(image, block, row, column),
                    factor: numbers(&self.factor),
                    shift: numbers(&self.shift),
                    x_row: x.buffer.row(),
                    y_row: y.buffer.row(),
                    rows: rows.len(),
                    columns: columns.len(),
                    adds: self.adds,
                });
            }
            y.clear_border(image, block, 0..height);
        }
    }
}
