//! Subnormal numbers are treated as zero during a run, because operations with them take many times as long.

/// Whether subnormal numbers are treated as zero during a run on this kind of processor.
pub const FLUSHES_SUBNORMALS: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

/// Flushes subnormal numbers to zero on this thread as long as it lives.
pub(crate) struct FlushToZero {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    before: u64,
}

#[cfg(target_arch = "x86_64")]
mod control {
    use std::arch::asm;

    /// Flush to zero and denormals are zero, in MXCSR.
    const FLUSH: u32 = 1 << 15 | 1 << 6;

    pub(super) fn read() -> u64 {
        let mut word = 0_u32;
        // SAFETY: stores the control word of this thread, which every x86-64 processor has, in `word`.
        unsafe { asm!("stmxcsr [{}]", in(reg) &mut word, options(nostack, preserves_flags)) };
        u64::from(word)
    }

    pub(super) fn write(word: u64) {
        let word = (word & u64::from(u32::MAX)) as u32;
        // SAFETY: loads the control word of this thread; the word is one that was read, with two defined bits set.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &word, options(nostack, preserves_flags)) };
    }

    pub(super) fn flushing(word: u64) -> u64 {
        word | u64::from(FLUSH)
    }
}

#[cfg(target_arch = "aarch64")]
mod control {
    use std::arch::asm;

    pub(super) fn read() -> u64 {
        let word: u64;
        // SAFETY: reads the control word of this thread.
        unsafe { asm!("mrs {}, fpcr", out(reg) word, options(nomem, nostack, preserves_flags)) };
        word
    }

    pub(super) fn write(word: u64) {
        // SAFETY: writes the control word of this thread; the word is one that was read, with one defined bit set.
        unsafe { asm!("msr fpcr, {}", in(reg) word, options(nomem, nostack, preserves_flags)) };
    }

    pub(super) fn flushing(word: u64) -> u64 {
        word | 1 << 24
    }
}

impl FlushToZero {
    pub(crate) fn set() -> Self {
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        {
            let before = control::read();
            control::write(control::flushing(before));
            Self { before }
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        Self {}
    }
}

impl Drop for FlushToZero {
    fn drop(&mut self) {
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        control::write(self.before);
    }
}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn subnormal_numbers_are_zero_as_long_as_asked_for() {
        let halve = || black_box(f32::MIN_POSITIVE) * black_box(0.5);
        assert!(halve() > 0.0);
        let guard = FlushToZero::set();
        assert_eq!(halve(), 0.0);
        drop(guard);
        assert!(halve() > 0.0);
    }
}
