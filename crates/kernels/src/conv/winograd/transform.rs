//! The transforms of Winograd's method: those of Lavin and Gray, but kernels are transformed without factors, which takes
//! fewer operations. The factors, times -6, are in the transform of the products; -1/6 in both directions is [`FACTOR`].

use std::cell::Cell;

use super::{POINTS, SIDE};
use crate::simd::{LANES, Simd, Work};

/// What products that were transformed back have to be multiplied with.
const FACTOR: f32 = 1.0 / 36.0;

/// `B' d` of six numbers.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn transform_input<S: Simd>(d: [S::V; 6]) -> [S::V; 6] {
    // SAFETY: the caller's promise.
    unsafe {
        let (four, five, two) = (S::splat(4.0), S::splat(5.0), S::splat(2.0));
        let minus_four = S::splat(-4.0);
        let a = S::mul_add(minus_four, d[2], d[4]);
        let b = S::mul_add(minus_four, d[1], d[3]);
        let c = S::sub(d[4], d[2]);
        let e = S::mul(two, S::sub(d[3], d[1]));
        let first = S::mul_add(four, d[0], S::sub(d[4], S::mul(five, d[2])));
        let last = S::mul_add(four, d[1], S::sub(d[5], S::mul(five, d[3])));
        [first, S::add(a, b), S::sub(a, b), S::add(c, e), S::sub(c, e), last]
    }
}

/// `A' m` of six numbers that have -6 times their factors: -3/2, 1, 1, -1/4, -1/4 and -6.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn transform_output<S: Simd>(m: [S::V; 6]) -> [S::V; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let (sum, difference) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
        let (outer_sum, outer_difference) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
        let first = S::mul_add(S::splat(-1.5), m[0], sum);
        let last = S::mul_add(S::splat(-2.0), outer_difference, difference);
        [
            S::mul_add(S::splat(-0.25), outer_sum, first),
            S::mul_add(S::splat(-0.5), outer_difference, difference),
            S::sub(sum, outer_sum),
            S::mul_add(S::splat(-6.0), m[5], last),
        ]
    }
}

/// Kernels of some input channels and output blocks.
pub(super) struct KernelRows {
    /// Nine vectors of each.
    pub(super) from: *const f32,
    /// A vector of each; points are `point` apart.
    pub(super) to: *mut f32,
    pub(super) point: usize,
    pub(super) count: usize,
}

impl KernelRows {
    /// A column of a row of the transformed kernel at `from`.
    ///
    /// # Safety
    /// The processor has `S`, and `from` is a kernel, or as many columns further.
    #[inline(always)]
    unsafe fn column<S: Simd, const ROW: usize>(from: *const f32) -> S::V {
        // SAFETY: the caller's promise.
        unsafe {
            let (a, b, c) = (from, from.add(3 * LANES), from.add(6 * LANES));
            match ROW {
                0 => S::load(a),
                1 => S::add(S::add(S::load(a), S::load(c)), S::load(b)),
                2 => S::sub(S::add(S::load(a), S::load(c)), S::load(b)),
                3 => {
                    let outer = S::mul_add(S::splat(4.0), S::load(c), S::load(a));
                    S::mul_add(S::splat(2.0), S::load(b), outer)
                }
                4 => {
                    let outer = S::mul_add(S::splat(4.0), S::load(c), S::load(a));
                    S::mul_add(S::splat(-2.0), S::load(b), outer)
                }
                _ => S::load(c),
            }
        }
    }

    /// Transforms a row of the kernel at `from`.
    ///
    /// # Safety
    /// See [`Work::run`].
    #[inline(always)]
    unsafe fn row<S: Simd, const ROW: usize>(&self, from: *const f32, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe {
            let to = to.add(6 * ROW * self.point);
            let a = Self::column::<S, ROW>(from);
            let b = Self::column::<S, ROW>(from.add(LANES));
            let c = Self::column::<S, ROW>(from.add(2 * LANES));
            let inner = S::add(a, c);
            let outer = S::mul_add(S::splat(4.0), c, a);
            S::store(to, a);
            S::store(to.add(self.point), S::add(inner, b));
            S::store(to.add(2 * self.point), S::sub(inner, b));
            S::store(to.add(3 * self.point), S::mul_add(S::splat(2.0), b, outer));
            S::store(to.add(4 * self.point), S::mul_add(S::splat(-2.0), b, outer));
            S::store(to.add(5 * self.point), c);
        }
    }
}

impl Work for KernelRows {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        for index in 0..self.count {
            // SAFETY: the caller's promise.
            unsafe {
                let from = self.from.add(index * 9 * LANES);
                let to = self.to.add(index * LANES);
                self.row::<S, 0>(from, to);
                self.row::<S, 1>(from, to);
                self.row::<S, 2>(from, to);
                self.row::<S, 3>(from, to);
                self.row::<S, 4>(from, to);
                self.row::<S, 5>(from, to);
            }
        }
    }
}

/// A row of tiles of one input block.
pub(super) struct InputRow {
    pub(super) x: *const f32,
    pub(super) x_row: usize,
    /// The first point of the first tile; tiles follow each other, points are `point` apart.
    pub(super) to: *mut f32,
    pub(super) point: usize,
    pub(super) tiles: usize,
}

impl Work for InputRow {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        for tile in 0..self.tiles {
            let x = self.x.wrapping_add(tile * SIDE * LANES);
            let to = self.to.wrapping_add(tile * LANES);
            // Written out, like the tiles of convolutions, so that all of it stays in registers.
            macro_rules! row {
                ($row:literal, $($column:literal)*) => {
                    transform_input::<S>([$(
                        S::load(x.wrapping_add($row * self.x_row + $column * LANES))
                    ),*])
                };
            }
            macro_rules! column {
                ($rows:ident, $column:literal, $($row:literal)*) => {
                    let points = transform_input::<S>([$($rows[$row][$column]),*]);
                    $(S::store(to.wrapping_add(($row * 6 + $column) * self.point), points[$row]);)*
                };
            }
            // SAFETY: the caller's promise.
            unsafe {
                let rows = [
                    row!(0, 0 1 2 3 4 5),
                    row!(1, 0 1 2 3 4 5),
                    row!(2, 0 1 2 3 4 5),
                    row!(3, 0 1 2 3 4 5),
                    row!(4, 0 1 2 3 4 5),
                    row!(5, 0 1 2 3 4 5),
                ];
                column!(rows, 0, 0 1 2 3 4 5);
                column!(rows, 1, 0 1 2 3 4 5);
                column!(rows, 2, 0 1 2 3 4 5);
                column!(rows, 3, 0 1 2 3 4 5);
                column!(rows, 4, 0 1 2 3 4 5);
                column!(rows, 5, 0 1 2 3 4 5);
            }
        }
    }
}

/// A row of tiles of one output block.
pub(super) struct OutputRow {
    pub(super) from: *const f32,
    pub(super) point: usize,
    pub(super) tiles: usize,
    pub(super) y: *mut f32,
    pub(super) y_row: usize,
    /// Rows and columns of the map from the first tile on.
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) bias: *const f32,
    pub(super) residual: *const f32,
    pub(super) residual_row: usize,
    pub(super) range: (f32, f32),
    /// Set if a result is not finite before it is cut to the range.
    pub(super) is_not_finite: Cell<bool>,
}

impl OutputRow {
    /// Finishes and stores a pixel, unless it is beyond the map.
    ///
    /// # Safety
    /// See [`Work::run`].
    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, pixel: S::V, row: usize, column: usize, zeros: &mut S::V) {
        if column >= self.columns {
            return;
        }
        // SAFETY: the caller's promise.
        unsafe {
            let mut sum = S::mul_add(pixel, S::splat(FACTOR), S::load(self.bias));
            if !self.residual.is_null() {
                let at = row * self.residual_row + column * LANES;
                sum = S::add(sum, S::load(self.residual.add(at)));
            }
            // Zero, unless it is not finite.
            *zeros = S::mul_add(sum, S::splat(0.0), *zeros);
            let cut = S::min(S::splat(self.range.1), S::max(S::splat(self.range.0), sum));
            S::store(self.y.add(row * self.y_row + column * LANES), cut);
        }
    }
}

impl Work for OutputRow {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        let mut zeros = unsafe { S::splat(0.0) };
        for tile in 0..self.tiles {
            let from = self.from.wrapping_add(tile * LANES);
            macro_rules! column {
                ($column:literal, $($row:literal)*) => {
                    transform_output::<S>([$(
                        S::load(from.wrapping_add(($row * 6 + $column) * self.point))
                    ),*])
                };
            }
            macro_rules! row {
                ($columns:ident, $zeros:ident, $row:literal, $($column:literal)*) => {
                    if $row < self.rows {
                        let pixels = transform_output::<S>([$($columns[$column][$row]),*]);
                        self.finish::<S>(pixels[0], $row, tile * SIDE, &mut $zeros);
                        self.finish::<S>(pixels[1], $row, tile * SIDE + 1, &mut $zeros);
                        self.finish::<S>(pixels[2], $row, tile * SIDE + 2, &mut $zeros);
                        self.finish::<S>(pixels[3], $row, tile * SIDE + 3, &mut $zeros);
                    }
                };
            }
            // SAFETY: the caller's promise.
            unsafe {
                let columns = [
                    column!(0, 0 1 2 3 4 5),
                    column!(1, 0 1 2 3 4 5),
                    column!(2, 0 1 2 3 4 5),
                    column!(3, 0 1 2 3 4 5),
                    column!(4, 0 1 2 3 4 5),
                    column!(5, 0 1 2 3 4 5),
                ];
                row!(columns, zeros, 0, 0 1 2 3 4 5);
                row!(columns, zeros, 1, 0 1 2 3 4 5);
                row!(columns, zeros, 2, 0 1 2 3 4 5);
                row!(columns, zeros, 3, 0 1 2 3 4 5);
            }
        }
        let mut lanes = [0.0_f32; LANES];
        // SAFETY: the caller's promise.
        unsafe { S::store(lanes.as_mut_ptr(), zeros) };
        self.is_not_finite.set(lanes.iter().any(|zero| zero.is_nan()));
    }
}

/// Differences of a kernel that was transformed and back, of its largest number, are below this.
const ROUNDING: f64 = 1e-6;

/// The kernel that was transformed, within rounding.
#[expect(clippy::cast_possible_truncation, reason = "computed in double precision, kept in single")]
pub(super) fn kernel_of(points: &[f32; POINTS]) -> [f32; 9] {
    let three = |of: [f64; 6]| [of[0], (of[1] - of[2]) / 2.0, of[5]];
    let rows: [[f64; 3]; 6] = std::array::from_fn(|row| {
        three(std::array::from_fn(|column| f64::from(points[row * 6 + column])))
    });
    let columns: [[f64; 3]; 3] =
        std::array::from_fn(|column| three(std::array::from_fn(|row| rows[row][column])));
    let largest = columns.iter().flatten().fold(0.0, |most: f64, x| most.max(x.abs()));
    // An infinity times zero is NaN, so what was zero is zero again.
    let exact = |x: f64| if x.abs() < ROUNDING * largest { 0.0 } else { x as f32 };
    std::array::from_fn(|tap| exact(columns[tap % 3][tap / 3]))
}
