//! AVX-512: a block of channels is one register.

use std::arch::x86_64::*;

use super::{Simd, Work};

#[derive(Clone, Copy)]
pub(super) struct Avx512;

/// Does some work with AVX-512.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, AVX2 and FMA, and see [`Work::run`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
pub(super) unsafe fn run(work: &impl Work) {
    // SAFETY: the caller's promise is the same.
    unsafe { work.run::<Avx512>() }
}

// SAFETY of the whole implementation: the intrinsics need AVX-512 and, where they have pointers, sixteen numbers
// there, as the trait's own contract says.
#[expect(clippy::undocumented_unsafe_blocks, reason = "said once above, for all of them")]
impl Simd for Avx512 {
    type V = __m512;
    type Mask = __mmask16;
    const SUMS: usize = 28;

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m512 {
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, x: __m512) {
        unsafe { _mm512_storeu_ps(to, x) }
    }

    #[inline(always)]
    fn prefetch(from: *const f32) {
        // A hint: no address is wrong.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) }
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn greater(a: __m512, b: __m512) -> __mmask16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b) }
    }

    #[inline(always)]
    unsafe fn is_nan(a: __m512) -> __mmask16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a) }
    }

    #[inline(always)]
    unsafe fn select(mask: __mmask16, yes: __m512, no: __m512) -> __m512 {
        unsafe { _mm512_mask_blend_ps(mask, no, yes) }
    }

    #[inline(always)]
    unsafe fn exp2_whole(n: __m512) -> __m512 {
        unsafe {
            let biased = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(biased))
        }
    }

    #[inline(always)]
    unsafe fn split_exponent(x: __m512) -> (__m512, __m512) {
        unsafe {
            let bits = _mm512_castps_si512(x);
            let exponent = _mm512_sub_epi32(_mm512_srli_epi32::<23>(bits), _mm512_set1_epi32(127));
            let mantissa = _mm512_and_si512(bits, _mm512_set1_epi32(0x007f_ffff));
            let one = _mm512_set1_epi32(0x3f80_0000);
            (_mm512_cvtepi32_ps(exponent), _mm512_castsi512_ps(_mm512_or_si512(mantissa, one)))
        }
    }
}
