//! The gradient of pooling.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{
    blockwise::{Blockwise, size_of},
    memory::{Buffer, View},
    run::{Context, Run},
    simd::{LANES, Simd, Work},
    window::Pool,
};

/// The gradient of a pool's input: that of a maximum goes to the first of the largest numbers, that of a mean is divided
/// equally.
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

/// Columns of a window from which on a stop is looked for at each window of a row, not only at each row.
const LONG_WINDOW: usize = 64;

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
    /// Rows and columns of the input, where its gradient starts with zeros.
    zeros: Option<(usize, usize)>,
    stop: &'a AtomicBool,
    /// A pixel for each column of the output.
    left: *mut f32,
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
                    if self.stop.load(Ordering::Relaxed) {
                        return;
                    }
                    for column in 0..width {
                        S::store(self.dx.add(row * self.dx_row + column * LANES), zero);
                    }
                }
            }
            for (row, rows) in pool.rows.windows.iter().enumerate() {
                if pool.is_max {
                    self.row::<S>(row, rows.clone());
                    continue;
                }
                for (column, columns) in pool.columns.windows.iter().enumerate() {
                    let dz = S::load(self.dz.add(row * self.dz_row + column * LANES));
                    let count = pool.rows.counts[row] * pool.columns.counts[column];
                    let share = S::div(dz, S::splat(count as f32));
                    for y in rows.clone() {
                        if self.stop.load(Ordering::Relaxed) {
                            return;
                        }
                        for x in columns.clone() {
                            let dx = self.dx.add(y * self.dx_row + x * LANES);
                            S::store(dx, S::add(S::load(dx), share));
                        }
                    }
                }
            }
        }
    }
}

impl Block<'_> {
    /// A row of maxima: row by row of the windows, so that numbers of neighbouring windows stay in registers. What has
    /// not been given away yet is kept in the scratch memory.
    #[inline(always)]
    unsafe fn row<S: Simd>(&self, row: usize, rows: std::ops::Range<usize>) {
        let columns = &self.pool.columns;
        let threes = columns.three;
        let all = columns.windows.len();
        // A row of short windows takes no longer than it takes to read it.
        let looks = columns.longest >= LONG_WINDOW;
        // SAFETY: the caller's promise.
        unsafe {
            for column in 0..all {
                let dz = S::load(self.dz.add(row * self.dz_row + column * LANES));
                S::store(self.left.add(column * LANES), dz);
            }
            let z = self.z.add(row * self.z_row);
            for y in rows {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                let (x, dx) = (self.x.add(y * self.x_row), self.dx.add(y * self.dx_row));
                for column in (0..threes.first).chain(threes.first + threes.count..all) {
                    let largest = S::load(z.add(column * LANES));
                    let mut left = S::load(self.left.add(column * LANES));
                    if looks && self.stop.load(Ordering::Relaxed) {
                        return;
                    }
                    for at in columns.windows[column].clone() {
                        let dx = dx.add(at * LANES);
                        let (sum, rest) =
                            give::<S>(largest, S::load(x.add(at * LANES)), S::load(dx), left);
                        S::store(dx, sum);
                        left = rest;
                    }
                    S::store(self.left.add(column * LANES), left);
                }
                if threes.count > 0 {
                    let at = columns.windows[threes.first].start;
                    let from = threes.first * LANES;
                    let (x, dx) = (x.add(at * LANES), dx.add(at * LANES));
                    let (z, left) = (z.add(from), self.left.add(from));
                    if threes.step == 1 {
                        threes_of_row::<S, 1>(x, dx, z, left, threes.count);
                    } else {
                        threes_of_row::<S, 2>(x, dx, z, left, threes.count);
                    }
                }
            }
        }
    }
}

/// Gives what is left to a number if it is the largest: the sum that the number has then, and what is left.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn give<S: Simd>(largest: S::V, x: S::V, sum: S::V, left: S::V) -> (S::V, S::V) {
    // SAFETY: the caller's promise.
    unsafe {
        let zero = S::splat(0.0);
        let is_less = S::greater(largest, x);
        (S::add(sum, S::select(is_less, zero, left)), S::select(is_less, left, zero))
    }
}

/// A row of windows of three numbers, each `STEP` (1 or 2) behind the one before.
///
/// # Safety
/// The processor has `S`; the windows lie in the rows at `x` and `dx`, and `z` and `left` have a pixel for each.
#[inline(always)]
unsafe fn threes_of_row<S: Simd, const STEP: usize>(
    x: *const f32,
    dx: *mut f32,
    z: *const f32,
    left: *mut f32,
    count: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let (mut x0, mut x1) = (S::load(x), S::load(x.add(LANES)));
        let (mut d0, mut d1) = (S::load(dx), S::load(dx.add(LANES)));
        for window in 0..count {
            let at = window * STEP * LANES;
            let (x2, d2) = (S::load(x.add(at + 2 * LANES)), S::load(dx.add(at + 2 * LANES)));
            let largest = S::load(z.add(window * LANES));
            let rest = S::load(left.add(window * LANES));
            let (a, rest) = give::<S>(largest, x0, d0, rest);
            let (b, rest) = give::<S>(largest, x1, d1, rest);
            let (c, rest) = give::<S>(largest, x2, d2, rest);
            S::store(left.add(window * LANES), rest);
            S::store(dx.add(at), a);
            if STEP == 1 {
                (x0, d0, x1, d1) = (x1, b, x2, c);
                if window + 1 == count {
                    S::store(dx.add(at + LANES), b);
                    S::store(dx.add(at + 2 * LANES), c);
                }
                continue;
            }
            S::store(dx.add(at + LANES), b);
            (x0, d0) = (x2, c);
            if window + 1 == count {
                S::store(dx.add(at + 2 * LANES), c);
            } else {
                (x1, d1) = (S::load(x.add(at + 3 * LANES)), S::load(dx.add(at + 3 * LANES)));
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

    fn scratch(&self) -> usize {
        self.pool.columns.windows.len() * LANES
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
                stop: context.stop,
                left: context.scratch,
            });
            dx.clear_border(image, block, 0..height);
        }
    }
}
