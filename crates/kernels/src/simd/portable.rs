//! Plain Rust; the compiler makes vectors of it as it can.

use super::{LANES, Simd};

#[derive(Clone, Copy)]
pub(super) struct Portable;

/// Sixteen numbers.
type Array = [f32; LANES];

/// A value for each lane. Not `std::array::from_fn`, which is a call for each number unless units are optimised together.
#[inline(always)]
fn lanes<T: Copy + Default>(of: impl Fn(usize) -> T) -> [T; LANES] {
    let mut lanes = [T::default(); LANES];
    let mut lane = 0;
    while lane < LANES {
        lanes[lane] = of(lane);
        lane += 1;
    }
    lanes
}

#[inline(always)]
fn pairwise(a: Array, b: Array, f: impl Fn(f32, f32) -> f32) -> Array {
    lanes(|i| f(a[i], b[i]))
}

impl Simd for Portable {
    type V = Array;
    type Mask = [bool; LANES];
    const SUMS: usize = 3;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Array {
        [x; LANES]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Array {
        // SAFETY: sixteen numbers may be read there.
        unsafe { from.cast::<Array>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, x: Array) {
        // SAFETY: sixteen numbers may be written there.
        unsafe { to.cast::<Array>().write_unaligned(x) }
    }

    #[inline(always)]
    fn prefetch(_from: *const f32) {}

    #[inline(always)]
    unsafe fn add(a: Array, b: Array) -> Array {
        pairwise(a, b, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn sub(a: Array, b: Array) -> Array {
        pairwise(a, b, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn mul(a: Array, b: Array) -> Array {
        pairwise(a, b, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn div(a: Array, b: Array) -> Array {
        pairwise(a, b, |a, b| a / b)
    }

    #[inline(always)]
    unsafe fn mul_add(a: Array, b: Array, c: Array) -> Array {
        // Not `f32::mul_add`: without the instruction that is a slow function.
        lanes(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    unsafe fn max(a: Array, b: Array) -> Array {
        pairwise(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn min(a: Array, b: Array) -> Array {
        pairwise(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    unsafe fn greater(a: Array, b: Array) -> [bool; LANES] {
        lanes(|i| a[i] > b[i])
    }

    #[inline(always)]
    unsafe fn is_nan(a: Array) -> [bool; LANES] {
        lanes(|i| a[i].is_nan())
    }

    #[inline(always)]
    unsafe fn select(mask: [bool; LANES], yes: Array, no: Array) -> Array {
        lanes(|i| if mask[i] { yes[i] } else { no[i] })
    }

    #[inline(always)]
    unsafe fn exp2_whole(n: Array) -> Array {
        // A cast of a whole number in range is exact.
        lanes(|i| f32::from_bits(((n[i] as i32 + 127) as u32) << 23))
    }

    #[inline(always)]
    unsafe fn split_exponent(x: Array) -> (Array, Array) {
        let exponent = lanes(|i| ((x[i].to_bits() >> 23) as i32 - 127) as f32);
        (exponent, lanes(|i| f32::from_bits((x[i].to_bits() & 0x007f_ffff) | 0x3f80_0000)))
    }
}
