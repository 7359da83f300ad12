//! Vectors of sixteen single-precision numbers, on each instruction set.
//!
//! A kernel is written once, generic over [`Simd`], as a [`Work`]; [`Isa::run`] compiles it for each instruction set
//! and picks one when it runs.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

use std::{fmt, str::FromStr};

/// Numbers in a block of channels, whatever the width of the machine's vectors.
pub const LANES: usize = 16;

/// What kernels need of an instruction set.
///
/// # Safety
/// Every method may execute instructions of its instruction set; the processor must have them. Methods that take
/// pointers read or write sixteen numbers there (four bytes each, at any alignment), which must be allowed.
pub(crate) trait Simd: Copy {
    /// Sixteen numbers.
    type V: Copy;
    /// A yes or no for each of sixteen numbers.
    type Mask: Copy;
    /// Vectors of sixteen that fit in the registers as sums, beside the operands of the multiplications.
    const SUMS: usize;

    unsafe fn splat(x: f32) -> Self::V;
    unsafe fn load(from: *const f32) -> Self::V;
    unsafe fn store(to: *mut f32, x: Self::V);
    /// Asks for a line of memory that will be read soon; any address will do.
    fn prefetch(from: *const f32);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`; rounded once where the instruction set can.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger one; `b` if either is NaN.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller one; `b` if either is NaN.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// Whether `a > b`; no if either is NaN.
    unsafe fn greater(a: Self::V, b: Self::V) -> Self::Mask;
    /// Whether `a` is NaN.
    unsafe fn is_nan(a: Self::V) -> Self::Mask;
    /// `yes` where the mask is set, else `no`.
    unsafe fn select(mask: Self::Mask, yes: Self::V, no: Self::V) -> Self::V;
    /// `2^n`, for whole `n` from -126 to 127.
    unsafe fn exp2_whole(n: Self::V) -> Self::V;
    /// The exponent and the mantissa of positive normal numbers: `x = m * 2^e` with `m` in `1..2`.
    unsafe fn split_exponent(x: Self::V) -> (Self::V, Self::V);
}

/// A kernel: something to be compiled for every instruction set.
pub(crate) trait Work {
    /// Does it. Implementations are `#[inline(always)]`, so that they are compiled with the instruction set of the
    /// function that calls them.
    ///
    /// # Safety
    /// The processor has `S`, and what the work points to may be read or written as its description says.
    unsafe fn run<S: Simd>(&self);
}

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Isa {
    /// AVX-512 (F, BW, DQ, VL) on x86-64: 16 numbers a register, 32 registers.
    Avx512,
    /// AVX2 and FMA on x86-64: 8 numbers a register, 16 registers.
    Avx2,
    /// Advanced SIMD of 64-bit ARM: 4 numbers a register, 32 registers.
    Neon,
    /// What every processor of the target has; rounds after each multiplication.
    Portable,
}

impl Isa {
    /// Every instruction set, the widest first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Portable];

    /// `avx512`, `avx2`, `neon` or `portable`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Neon => "neon",
            Self::Portable => "portable",
        }
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && Self::Avx2.is_available()
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
            Self::Portable => true,
            #[cfg(not(all(target_arch = "x86_64", target_arch = "aarch64")))]
            _ => false,
        }
    }

    /// The instruction sets of this processor, the widest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available())
    }

    /// The widest instruction set of this processor.
    pub fn best() -> Self {
        Self::available().next().unwrap_or(Self::Portable)
    }

    /// Vectors of sixteen that fit in its registers as sums.
    pub(crate) const fn sums(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => <avx512::Avx512 as Simd>::SUMS,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => <avx2::Avx2 as Simd>::SUMS,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => <neon::Neon as Simd>::SUMS,
            _ => <portable::Portable as Simd>::SUMS,
        }
    }

    /// Does some work with this instruction set.
    ///
    /// # Safety
    /// The processor has the instruction set, and see [`Work::run`].
    pub(crate) unsafe fn run(self, work: &impl Work) {
        // SAFETY: the caller's promise is that of each of these.
        unsafe {
            match self {
                #[cfg(target_arch = "x86_64")]
                Self::Avx512 => avx512::run(work),
                #[cfg(target_arch = "x86_64")]
                Self::Avx2 => avx2::run(work),
                #[cfg(target_arch = "aarch64")]
                Self::Neon => neon::run(work),
                _ => work.run::<portable::Portable>(),
            }
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is not the name of an instruction set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no instruction set is named `{0}`; there are avx512, avx2, neon and portable")]
pub struct UnknownIsa(String);

impl FromStr for Isa {
    type Err = UnknownIsa;

    fn from_str(name: &str) -> Result<Self, UnknownIsa> {
        let known = Self::ALL.into_iter().find(|isa| isa.name() == name);
        known.ok_or_else(|| UnknownIsa(name.to_owned()))
    }
}
