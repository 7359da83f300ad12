//! The peak speed of multiply-adds of a thread.

use std::{cell::Cell, hint::black_box};

use crate::simd::{Isa, LANES, Simd, Work};

/// Computes multiply-adds on registers, and returns the number of floating-point operations: two for each multiply-add of
/// a number; 0 if the processor lacks the instruction set.
pub fn multiply_add(isa: Isa, rounds: usize) -> usize {
    if !isa.is_available() {
        return 0;
    }
    let work = MultiplyAdd { rounds, operations: Cell::new(0) };
    // SAFETY: the processor has the instruction set, and the work has no pointers.
    unsafe { isa.run(&work) };
    work.operations.get()
}

struct MultiplyAdd {
    rounds: usize,
    operations: Cell<usize>,
}

impl MultiplyAdd {
    /// With so many independent sums: a multiply-add takes four cycles and two start in each.
    #[inline(always)]
    unsafe fn chains<S: Simd, const CHAINS: usize>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let factor = S::splat(black_box(0.999));
            let summand = S::splat(black_box(0.001));
            let mut sums = [S::splat(1.0); CHAINS];
            for _ in 0..self.rounds {
                for sum in &mut sums {
                    *sum = S::mul_add(*sum, factor, summand);
                }
            }
            let mut lanes = [0.0; LANES];
            for sum in sums {
                S::store(lanes.as_mut_ptr(), S::add(sum, S::load(lanes.as_ptr())));
            }
            black_box(lanes);
        }
        self.operations.set(self.rounds * CHAINS * LANES * 2);
    }
}

impl Work for MultiplyAdd {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            match S::SUMS {
                12.. => self.chains::<S, 12>(),
                6.. => self.chains::<S, 6>(),
                _ => self.chains::<S, 2>(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted() {
        for isa in Isa::ALL {
            let counted = multiply_add(isa, 10);
            assert_eq!(counted > 0, isa.is_available(), "{isa}");
            assert_eq!(counted % (10 * LANES * 2), 0);
        }
    }
}
