//! AVX2 and FMA: a block of channels is two registers.

use std::arch::x86_64::*;

use super::{Simd, Work};

#[derive(Clone, Copy)]
pub(super) struct Avx2;

/// Does some work with AVX2 and FMA.
///
/// # Safety
/// The processor has AVX2 and FMA, and see [`Work::run`].
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run(work: &impl Work) {
    // SAFETY: the caller's promise is the same.
    unsafe { work.run::<Avx2>() }
}

/// Two halves of sixteen numbers.
type Halves = [__m256; 2];

// SAFETY of the whole implementation: the intrinsics need AVX2 and FMA and, where they have pointers, eight numbers
// at the pointer and eight behind them, as the trait's own contract says.
#[expect(clippy::undocumented_unsafe_blocks, reason = "said once above, for all of them")]
impl Simd for Avx2 {
    type V = Halves;
    type Mask = Halves;
    const SUMS: usize = 6;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Halves {
        unsafe { [_mm256_set1_ps(x); 2] }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Halves {
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, x: Halves) {
        unsafe {
            _mm256_storeu_ps(to, x[0]);
            _mm256_storeu_ps(to.add(8), x[1]);
        }
    }

    #[inline(always)]
    fn prefetch(from: *const f32) {
        // A hint: no address is wrong.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) }
    }

    #[inline(always)]
    unsafe fn add(a: Halves, b: Halves) -> Halves {
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn sub(a: Halves, b: Halves) -> Halves {
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn mul(a: Halves, b: Halves) -> Halves {
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn div(a: Halves, b: Halves) -> Halves {
        unsafe { [_mm256_div_ps(a[0], b[0]), _mm256_div_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn mul_add(a: Halves, b: Halves, c: Halves) -> Halves {
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    unsafe fn max(a: Halves, b: Halves) -> Halves {
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn min(a: Halves, b: Halves) -> Halves {
        unsafe { [_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn greater(a: Halves, b: Halves) -> Halves {
        unsafe {
            [_mm256_cmp_ps::<_CMP_GT_OQ>(a[0], b[0]), _mm256_cmp_ps::<_CMP_GT_OQ>(a[1], b[1])]
        }
    }

    #[inline(always)]
    unsafe fn is_nan(a: Halves) -> Halves {
        unsafe {
            [_mm256_cmp_ps::<_CMP_UNORD_Q>(a[0], a[0]), _mm256_cmp_ps::<_CMP_UNORD_Q>(a[1], a[1])]
        }
    }

    #[inline(always)]
    unsafe fn select(mask: Halves, yes: Halves, no: Halves) -> Halves {
        unsafe {
            [_mm256_blendv_ps(no[0], yes[0], mask[0]), _mm256_blendv_ps(no[1], yes[1], mask[1])]
        }
    }

    #[inline(always)]
    unsafe fn exp2_whole(n: Halves) -> Halves {
        let power = |n| unsafe {
            let biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
        };
        [power(n[0]), power(n[1])]
    }

    #[inline(always)]
    unsafe fn split_exponent(x: Halves) -> (Halves, Halves) {
        let exponent = |x| unsafe {
            let bits = _mm256_castps_si256(x);
            let biased = _mm256_srli_epi32::<23>(bits);
            _mm256_cvtepi32_ps(_mm256_sub_epi32(biased, _mm256_set1_epi32(127)))
        };
        let mantissa = |x| unsafe {
            let bits = _mm256_castps_si256(x);
            let digits = _mm256_and_si256(bits, _mm256_set1_epi32(0x007f_ffff));
            _mm256_castsi256_ps(_mm256_or_si256(digits, _mm256_set1_epi32(0x3f80_0000)))
        };
        ([exponent(x[0]), exponent(x[1])], [mantissa(x[0]), mantissa(x[1])])
    }
}
