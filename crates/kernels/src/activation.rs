//! Activation functions.

use std::ops::Range;

use crate::{
    memory::Place,
    run::Context,
    simd::{LANES, Simd, Work},
};

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq)]
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
    /// `min(max(x, low), high)`.
    Clip(f32, f32),
    /// `x` where it is positive, else this times `x`.
    LeakyRelu(f32),
    /// `scale * x` where `x` is positive, else `scale * alpha * (e^x - 1)`: scale and alpha.
    Elu(f32, f32),
    /// `x` times the distribution function of the normal distribution.
    Gelu,
    /// Its approximation by a hyperbolic tangent.
    GeluTanh,
    /// `x * tanh(ln(1 + e^x))`.
    Mish,
    /// `ln(1 + e^x)`.
    Softplus,
    /// The hyperbolic tangent.
    Tanh,
    /// The square root; 0 of negative numbers.
    SquareRoot,
}

/// What `with` makes of each function, as an expression of `x`: compiled once for each, and not for each within each.
macro_rules! by_function {
    ($function:expr, $s:ident, $x:ident, $with:ident) => {
        match $function {
            range
            @ (Function::Identity | Function::Relu | Function::Relu6 | Function::Clip(..)) => {
                $with!($s, $x, {
                    let (low, high) = range.range();
                    $s::min($s::splat(high), $s::max($s::splat(low), $x))
                })
            }
            Function::Sigmoid => $with!($s, $x, sigmoid::<$s>($x)),
            Function::Silu => $with!($s, $x, $s::mul($x, sigmoid::<$s>($x))),
            Function::HardSigmoid => $with!($s, $x, hard_sigmoid::<$s>($x)),
            Function::HardSwish => $with!($s, $x, $s::mul($x, hard_sigmoid::<$s>($x))),
            Function::LeakyRelu(slope) => $with!($s, $x, {
                let is_positive = $s::greater($x, $s::splat(0.0));
                $s::select(is_positive, $x, $s::mul($x, $s::splat(slope)))
            }),
            Function::Elu(scale, alpha) => $with!($s, $x, {
                let (one, is_positive) = ($s::splat(1.0), $s::greater($x, $s::splat(0.0)));
                let below = $s::mul($s::splat(alpha), $s::sub(exp::<$s>($x), one));
                $s::mul($s::splat(scale), $s::select(is_positive, $x, below))
            }),
            Function::Gelu => $with!($s, $x, $s::mul($x, normal::<$s>($x))),
            Function::GeluTanh => $with!($s, $x, {
                let half = $s::mul($x, $s::splat(0.5));
                $s::mul_add(half, tanh::<$s>(gelu_argument::<$s>($x)), half)
            }),
            Function::Mish => $with!($s, $x, $s::mul($x, tanh_of_softplus::<$s>($x))),
            Function::Softplus => $with!($s, $x, {
                let zero = $s::splat(0.0);
                let size = $s::max($x, $s::sub(zero, $x));
                let small = ln::<$s>($s::add($s::splat(1.0), exp::<$s>($s::sub(zero, size))));
                $s::select($s::is_nan($x), $x, $s::add($s::max($x, zero), small))
            }),
            Function::Tanh => $with!($s, $x, tanh::<$s>($x)),
            Function::SquareRoot => $with!($s, $x, {
                let power = $s::mul(ln::<$s>($x), $s::splat(0.5));
                let root = exp::<$s>(power);
                // One step of Newton's method makes it exact but for rounding.
                let better = $s::mul($s::splat(0.5), $s::add(root, $s::div($x, root)));
                let root = $s::select($s::greater($x, $s::splat(0.0)), better, $s::splat(0.0));
                // Of infinity, and of what is no number, itself.
                let is_other = $s::greater($x, $s::splat(f32::MAX));
                let root = $s::select(is_other, $x, root);
                $s::select($s::is_nan($x), $x, root)
            }),
        }
    };
}

impl Function {
    /// The range that a result is cut to before anything else; for those that do nothing else, all of the function.
    pub(crate) const fn range(self) -> (f32, f32) {
        match self {
            Self::Relu => (0.0, f32::INFINITY),
            Self::Relu6 => (0.0, 6.0),
            Self::Clip(low, high) => (low, high),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        }
    }

    /// Whether it only clips to a range.
    pub const fn is_range(self) -> bool {
        matches!(self, Self::Identity | Self::Relu | Self::Relu6 | Self::Clip(..))
    }
}

/// The factor of the argument of the hyperbolic tangent in [`Function::GeluTanh`], and that of its cube.
pub(crate) const GELU: (f32, f32) = (0.797_884_6, 0.044_715);

/// `sqrt(2 / pi) * (x + 0.044715 x^3)`.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
pub(crate) unsafe fn gelu_argument<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        let square = S::mul(x, x);
        let cubic = S::mul_add(S::mul(square, S::splat(GELU.1)), x, x);
        S::mul(S::splat(GELU.0), cubic)
    }
}

/// The hyperbolic tangent.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
pub(crate) unsafe fn tanh<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        let twice = sigmoid::<S>(S::add(x, x));
        S::sub(S::add(twice, twice), S::splat(1.0))
    }
}

/// `tanh(ln(1 + e^x))`, which is `(e^2x + 2 e^x) / (e^2x + 2 e^x + 2)`.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
pub(crate) unsafe fn tanh_of_softplus<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        // From here on the quotient is one.
        let most = S::splat(20.0);
        let e = exp::<S>(S::select(S::greater(x, most), most, x));
        let n = S::mul(e, S::add(e, S::splat(2.0)));
        S::div(n, S::add(n, S::splat(2.0)))
    }
}

/// The distribution function of the normal distribution, to 1e-7 (Abramowitz and Stegun 1964, 7.1.26).
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
pub(crate) unsafe fn normal<S: Simd>(x: S::V) -> S::V {
    const SERIES: [f32; 4] = [-1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6];
    // SAFETY: the caller's promise.
    unsafe {
        let (zero, one) = (S::splat(0.0), S::splat(1.0));
        let size = S::mul(S::max(x, S::sub(zero, x)), S::splat(std::f32::consts::FRAC_1_SQRT_2));
        let t = S::div(one, S::mul_add(size, S::splat(0.327_591_1), one));
        let mut sum = S::splat(1.061_405_4);
        for term in SERIES {
            sum = S::mul_add(sum, t, S::splat(term));
        }
        let tail = S::mul(S::mul(sum, t), exp::<S>(S::sub(zero, S::mul(size, size))));
        let half = S::mul(S::splat(0.5), tail);
        let value = S::select(S::greater(x, zero), S::sub(one, half), half);
        S::select(S::is_nan(x), x, value)
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

/// The natural logarithm of positive normal numbers and infinity; what is not positive gives NaN.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
pub(crate) unsafe fn ln<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        let (exponent, mantissa) = S::split_exponent(x);
        // Halve mantissas above the square root of two, so that they are around one.
        let is_large = S::greater(mantissa, S::splat(std::f32::consts::SQRT_2));
        let half = S::mul(mantissa, S::splat(0.5));
        let mantissa = S::select(is_large, half, mantissa);
        let exponent = S::select(is_large, S::add(exponent, S::splat(1.0)), exponent);
        // ln(m) = 2 artanh((m - 1) / (m + 1)), by its series.
        let one = S::splat(1.0);
        let t = S::div(S::sub(mantissa, one), S::add(mantissa, one));
        let square = S::mul(t, t);
        let mut sum = S::splat(2.0 / 9.0);
        for term in [2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0, 2.0] {
            sum = S::mul_add(sum, square, S::splat(term));
        }
        let result = S::mul_add(exponent, S::splat(std::f32::consts::LN_2), S::mul(sum, t));
        let is_infinite = S::greater(x, S::splat(f32::MAX));
        let result = S::select(is_infinite, x, result);
        let is_positive = S::greater(x, S::splat(0.0));
        S::select(is_positive, result, S::splat(f32::NAN))
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
        macro_rules! rows {
            ($s:ident, $x:ident, $value:expr) => {
                for row in 0..self.rows {
                    for pixel in 0..self.len {
                        let $x = $s::load(self.from.add(row * self.from_row + pixel * LANES));
                        let to = self.to.add(row * self.to_row + pixel * LANES);
                        $s::store(to, $value);
                    }
                }
            };
        }
        // SAFETY: the caller's promise.
        unsafe { by_function!(self.function, S, x, rows) }
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
