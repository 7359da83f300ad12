//! Advanced SIMD of 64-bit ARM: a block of channels is four registers.

use std::arch::aarch64::*;

use super::{Simd, Work};

#[derive(Clone, Copy)]
pub(super) struct Neon;

/// Does some work with Advanced SIMD.
///
/// # Safety
/// See [`Work::run`]; every 64-bit ARM processor has the instructions.
#[target_feature(enable = "neon")]
pub(super) unsafe fn run(work: &impl Work) {
    // SAFETY: the caller's promise is the same.
    unsafe { work.run::<Neon>() }
}

/// Four quarters of sixteen numbers.
type Quarters = [float32x4_t; 4];

/// Applies something to each of the four quarters.
macro_rules! each {
    (|$i:ident| $e:expr) => {{
        // SAFETY: the trait's own contract.
        unsafe {
            [
                {
                    let $i = 0;
                    $e
                },
                {
                    let $i = 1;
                    $e
                },
                {
                    let $i = 2;
                    $e
                },
                {
                    let $i = 3;
                    $e
                },
            ]
        }
    }};
}

impl Simd for Neon {
    type V = Quarters;
    type Mask = [uint32x4_t; 4];
    const SUMS: usize = 6;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Quarters {
        each!(|_i| vdupq_n_f32(x))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Quarters {
        each!(|i| vld1q_f32(from.add(4 * i)))
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, x: Quarters) {
        each!(|i| vst1q_f32(to.add(4 * i), x[i]));
    }

    #[inline(always)]
    fn prefetch(_from: *const f32) {}

    #[inline(always)]
    unsafe fn add(a: Quarters, b: Quarters) -> Quarters {
        each!(|i| vaddq_f32(a[i], b[i]))
    }

    #[inline(always)]
    unsafe fn sub(a: Quarters, b: Quarters) -> Quarters {
        each!(|i| vsubq_f32(a[i], b[i]))
    }

    #[inline(always)]
    unsafe fn mul(a: Quarters, b: Quarters) -> Quarters {
        each!(|i| vmulq_f32(a[i], b[i]))
    }

    #[inline(always)]
    unsafe fn div(a: Quarters, b: Quarters) -> Quarters {
        each!(|i| vdivq_f32(a[i], b[i]))
    }

    #[inline(always)]
    unsafe fn mul_add(a: Quarters, b: Quarters, c: Quarters) -> Quarters {
        each!(|i| vfmaq_f32(c[i], a[i], b[i]))
    }

    #[inline(always)]
    unsafe fn max(a: Quarters, b: Quarters) -> Quarters {
        each!(|i| vbslq_f32(vcgtq_f32(a[i], b[i]), a[i], b[i]))
    }

    #[inline(always)]
    unsafe fn min(a: Quarters, b: Quarters) -> Quarters {
        each!(|i| vbslq_f32(vcltq_f32(a[i], b[i]), a[i], b[i]))
    }

    #[inline(always)]
    unsafe fn greater(a: Quarters, b: Quarters) -> Self::Mask {
        each!(|i| vcgtq_f32(a[i], b[i]))
    }

    #[inline(always)]
    unsafe fn is_nan(a: Quarters) -> Self::Mask {
        each!(|i| vmvnq_u32(vceqq_f32(a[i], a[i])))
    }

    #[inline(always)]
    unsafe fn select(mask: Self::Mask, yes: Quarters, no: Quarters) -> Quarters {
        each!(|i| vbslq_f32(mask[i], yes[i], no[i]))
    }

    #[inline(always)]
    unsafe fn exp2_whole(n: Quarters) -> Quarters {
        each!(|i| {
            let biased = vaddq_s32(vcvtnq_s32_f32(n[i]), vdupq_n_s32(127));
            vreinterpretq_f32_s32(vshlq_n_s32::<23>(biased))
        })
    }

    #[inline(always)]
    unsafe fn split_exponent(x: Quarters) -> (Quarters, Quarters) {
        let exponent = each!(|i| {
            let biased = vreinterpretq_s32_u32(vshrq_n_u32::<23>(vreinterpretq_u32_f32(x[i])));
            vcvtq_f32_s32(vsubq_s32(biased, vdupq_n_s32(127)))
        });
        let mantissa = each!(|i| {
            let digits = vandq_u32(vreinterpretq_u32_f32(x[i]), vdupq_n_u32(0x007f_ffff));
            vreinterpretq_f32_u32(vorrq_u32(digits, vdupq_n_u32(0x3f80_0000)))
        });
        (exponent, mantissa)
    }
}
