//! Activation functions.

use std::ops::Range;

use crate::{
    memory::Place,
    run::Context,
    simd::{LANES, Simd, Work},
};

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// `x`.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x * sigmoid(x)`.
    Silu,
    /// `min(max(x + 3, 0), 6) / 6`.
    HardSigmoid,
    /// `x * hard_sigmoid(x)`.
    HardSwish,
}

impl Function {
    /// The range that a result is cut to before anything else; for those that do nothing else, all of the function.
    pub(crate) const fn range(self) -> (f32, f32) {
        match self {
            Self::Relu => (0.0, f32::INFINITY),
            Self::Relu6 => (0.0, 6.0),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        }
    }

    /// Whether it only clips to a range.
    pub const fn is_range(self) -> bool {
        matches!(self, Self::Identity | Self::Relu | Self::Relu6)
    }

    /// The function of sixteen numbers.
    ///
    /// # Safety
    /// The processor has `S`.
    #[inline(always)]
    pub(crate) unsafe fn of<S: Simd>(self, x: S::V) -> S::V {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Self::Identity | Self::Relu | Self::Relu6 => {
                    let (low, high) = self.range();
                    S::min(S::splat(high), S::max(S::splat(low), x))
                }
                Self::Sigmoid => sigmoid::<S>(x),
                Self::Silu => S::mul(x, sigmoid::<S>(x)),
                Self::HardSigmoid => hard_sigmoid::<S>(x),
                Self::HardSwish => S::mul(x, hard_sigmoid::<S>(x)),
            }
        }
    }
}

/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn hard_sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        let shifted = S::max(S::splat(0.0), S::add(x, S::splat(3.0)));
        S::div(S::min(S::splat(6.0), shifted), S::splat(6.0))
    }
}

/// # Safety
/// The processor has `S`.
#[inline(always)]
pub(crate) unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        let one = S::splat(1.0);
        S::div(one, S::add(one, exp::<S>(S::sub(S::splat(0.0), x))))
    }
}

/// `e^x`, within two units of the last place; 0 and infinity beyond what single precision holds, NaN of NaN.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // e^x = 2^n * e^r with n whole and |r| <= ln(2) / 2; e^r by its Taylor series, which is exact enough there.
    const LARGEST: f32 = 88.37;
    const SMALLEST: f32 = -87.3;
    const SERIES: [f32; 6] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];
    // Adding and subtracting this rounds to whole numbers.
    const ROUND: f32 = 12_582_912.0;
    // ln(2) in two parts, the first of few digits, so that n times it is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // SAFETY: the caller's promise.
    unsafe {
        let cut = S::min(S::splat(LARGEST), S::max(S::splat(SMALLEST), x));
        let round = S::splat(ROUND);
        let scaled = S::mul_add(cut, S::splat(std::f32::consts::LOG2_E), round);
        let n = S::sub(scaled, round);
        let r = S::mul_add(n, S::splat(-LN2_HIGH), cut);
        let r = S::mul_add(n, S::splat(-LN2_LOW), r);
        let mut sum = S::splat(1.0 / 5040.0);
        for term in SERIES {
            sum = S::mul_add(sum, r, S::splat(term));
        }
        let whole = S::mul_add(sum, r, S::splat(1.0));
        let result = S::mul(whole, S::exp2_whole(n));
        let result = S::select(S::greater(x, S::splat(LARGEST)), S::splat(f32::INFINITY), result);
        let result = S::select(S::greater(S::splat(SMALLEST), x), S::splat(0.0), result);
        S::select(S::is_nan(x), x, result)
    }
}

/// Vectors that are computed for a function of one, about.
const VECTORS_OF_FUNCTION: usize = 8;

/// A function of runs of pixels.
struct Apply {
    function: Function,
    from: *const f32,
    to: *mut f32,
    from_row: usize,
    to_row: usize,
    rows: usize,
    len: usize,
}

impl Work for Apply {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        macro_rules! apply {
            ($($function:ident),*) => {
                match self.function {
                    $(Function::$function => {
                        for row in 0..self.rows {
                            for pixel in 0..self.len {
                                // SAFETY: the caller's promise.
                                unsafe {
                                    let from = self.from.add(row * self.from_row + pixel * LANES);
                                    let to = self.to.add(row * self.to_row + pixel * LANES);
                                    S::store(to, Function::$function.of::<S>(S::load(from)));
                                }
                            }
                        }
                    })*
                }
            };
        }
        apply!(Identity, Relu, Relu6, Sigmoid, Silu, HardSigmoid, HardSwish);
    }
}

/// Applies what is left of a function to rows that were just cut to its range.
///
/// # Safety
/// The processor has the instruction set, and nothing else uses these rows of the block.
pub(crate) unsafe fn apply_in_place(
    context: &Context<'_>,
    function: Function,
    place: &Place,
    image: usize,
    block: usize,
    rows: Range<usize>,
) {
    if function.is_range() {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe { apply(context, function, place, place, (image, block), (image, block), rows) };
}

/// Applies a function to some rows of a block, and writes the results elsewhere.
///
/// # Safety
/// The processor has the instruction set; the rows are in both places; nothing else writes the first or uses the
/// second.
pub(crate) unsafe fn apply(
    context: &Context<'_>,
    function: Function,
    from: &Place,
    to: &Place,
    (from_image, from_block): (usize, usize),
    (to_image, to_block): (usize, usize),
    rows: Range<usize>,
) {
    let (from_row, to_row) = (from.buffer.row(), to.buffer.row());
    for (rows, columns) in context.pieces(rows, to.buffer.width, VECTORS_OF_FUNCTION) {
        let (from_at, to_at) = (from.at(from_image, from_block), to.at(to_image, to_block));
        let right = columns.start * LANES;
        let work = Apply {
            function,
            from: from_at.wrapping_add(rows.start * from_row + right),
            to: to_at.wrapping_add(rows.start * to_row + right),
            from_row,
            to_row,
            rows: rows.len(),
            len: columns.len(),
        };
        // SAFETY: the caller's promise.
        unsafe { context.isa.run(&work) };
    }
}
