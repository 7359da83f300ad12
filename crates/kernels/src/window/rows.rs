//! Rows of pools.

use std::{
    cell::Cell,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use super::pool::Pool;
use crate::simd::{LANES, Simd, Work};

/// Some columns of a row of one block of [`Pool`].
pub(super) struct PoolRow<'a> {
    pub(super) pool: &'a Pool,
    pub(super) x: *const f32,
    pub(super) y: *mut f32,
    pub(super) x_row: usize,
    pub(super) row: usize,
    pub(super) columns: Range<usize>,
    /// To look at in the midst of a window, if one takes long.
    pub(super) stop: Option<&'a AtomicBool>,
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
pub(super) struct SharedRows<'a> {
    pub(super) pool: &'a Pool,
    pub(super) x: *const f32,
    pub(super) y: *mut f32,
    pub(super) x_row: usize,
    pub(super) y_row: usize,
    pub(super) rows: Range<usize>,
    /// The last reduced rows, `ring` of them: each at its number modulo `ring`.
    pub(super) reduced: *mut f32,
    pub(super) ring: usize,
    /// Whether there may be a NaN, which maxima are not made for.
    pub(super) may_have_nan: Cell<bool>,
    pub(super) stop: &'a AtomicBool,
    /// Whether to look at `stop` for each window of a row too.
    pub(super) is_long: bool,
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
