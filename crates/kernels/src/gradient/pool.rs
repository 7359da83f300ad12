//! The gradient of pooling.

use crate::{
    blockwise::{Blockwise, size_of},
    memory::{Buffer, View},
    run::{Context, Run},
    simd::{LANES, Simd, Work},
    window::Pool,
};

/// The gradient of a pool's input: what a maximum gets goes to the first number that was the largest, what a mean gets
/// is shared.
#[derive(Clone, Debug)]
pub struct PoolBack {
    pool: Pool,
    dz: View,
    dx: View,
    adds: bool,
    size: (usize, usize),
}

impl PoolBack {
    /// `dz` is the gradient of the pool's result, `dx` that of its input.
    pub fn new(buffers: &[Buffer], pool: Pool, dz: View, dx: View, adds: bool) -> Self {
        Self { pool, dz, dx, adds, size: size_of(buffers, dx) }
    }
}

/// A block.
struct Block<'a> {
    pool: &'a Pool,
    x: *const f32,
    z: *const f32,
    dz: *const f32,
    dx: *mut f32,
    x_row: usize,
    z_row: usize,
    dz_row: usize,
    dx_row: usize,
    zeros: Option<(usize, usize)>,
}

impl Work for Block<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        let pool = self.pool;
        // SAFETY: the caller's promise; windows are inside of the map.
        unsafe {
            let zero = S::splat(0.0);
            if let Some((height, width)) = self.zeros {
                for row in 0..height {
                    for column in 0..width {
                        S::store(self.dx.add(row * self.dx_row + column * LANES), zero);
                    }
                }
            }
            for (row, rows) in pool.rows.windows.iter().enumerate() {
                for (column, columns) in pool.columns.windows.iter().enumerate() {
                    let dz = S::load(self.dz.add(row * self.dz_row + column * LANES));
                    if !pool.is_max {
                        let count = pool.rows.counts[row] * pool.columns.counts[column];
                        let share = S::div(dz, S::splat(count as f32));
                        for y in rows.clone() {
                            for x in columns.clone() {
                                let dx = self.dx.add(y * self.dx_row + x * LANES);
                                S::store(dx, S::add(S::load(dx), share));
                            }
                        }
                        continue;
                    }
                    let largest = S::load(self.z.add(row * self.z_row + column * LANES));
                    let mut left = dz;
                    for y in rows.clone() {
                        for x in columns.clone() {
                            let value = S::load(self.x.add(y * self.x_row + x * LANES));
                            let is_less = S::greater(largest, value);
                            let dx = self.dx.add(y * self.dx_row + x * LANES);
                            let share = S::select(is_less, zero, left);
                            S::store(dx, S::add(S::load(dx), share));
                            left = S::select(is_less, left, zero);
                        }
                    }
                }
            }
        }
    }
}

impl Blockwise for PoolBack {
    const NAME: &'static str = "pool back";

    fn reads(&self) -> Vec<View> {
        let added = self.adds.then_some(self.dx);
        let values = [self.pool.x, self.pool.y].into_iter().filter(|_| self.pool.is_max);
        [self.dz].into_iter().chain(values).chain(added).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.dx]
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fits(&self, buffers: &[Buffer]) -> bool {
        let same = |a: View, b: View| {
            let size = |view: View| {
                let buffer = &buffers[view.buffer];
                (buffer.images, buffer.height, buffer.width, buffer.pixel, view.blocks)
            };
            size(a) == size(b)
        };
        self.size == size_of(buffers, self.dx)
            && same(self.pool.x, self.dx)
            && same(self.pool.y, self.dz)
            && Run::check(&self.pool, buffers).is_none()
    }

    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the block of the image.
        unsafe {
            let (x, z) = (context.place(self.pool.x), context.place(self.pool.y));
            let (dx, dz) = (context.place(self.dx), context.place(self.dz));
            let Buffer { height, width, .. } = dx.buffer;
            context.isa.run(&Block {
                pool: &self.pool,
                x: x.at(image, block),
                z: z.at(image, block),
                dz: dz.at(image, block),
                dx: dx.at(image, block),
                x_row: x.buffer.row(),
                z_row: z.buffer.row(),
                dz_row: dz.buffer.row(),
                dx_row: dx.buffer.row(),
                zeros: (!self.adds).then_some((height, width)),
            });
            dx.clear_border(image, block, 0..height);
        }
    }
}
