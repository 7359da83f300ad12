//! What the machine can do at best: arithmetic and memory.

use std::{
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

use rten_simd::{
    Isa, SimdOp,
    ops::{BitOps, NumOps},
};
use serde::{Deserialize, Serialize};

/// The limits of a roofline (Williams, Waterman and Patterson 2009), measured for a number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roofline {
    /// Threads that computed at once.
    pub threads: u32,
    /// Single-precision multiply-adds, counted as two, in 10^9 a second.
    pub peak_gflops: f64,
    /// Bytes read and written by a long `a = b + s * c`, in 10^9 a second.
    pub bandwidth_gbps: f64,
}

/// How long each probe runs on each thread, and how often; the best counts.
const LENGTH: Duration = Duration::from_millis(40);
const REPEATS: usize = 4;

/// Values in each of the three arrays of the memory probe, over all threads: 64 MiB, past any cache that one
/// process has to itself.
const ARRAY: usize = 16 << 20;

impl Roofline {
    /// The limits where only counting matters, as on a machine that is made up.
    pub const UNKNOWN: Self = Self { threads: 0, peak_gflops: f64::NAN, bandwidth_gbps: f64::NAN };

    /// Measures with so many threads; takes half a second.
    pub fn measure(threads: u32) -> Self {
        Self { threads, peak_gflops: peak(threads), bandwidth_gbps: bandwidth(threads) }
    }

    /// The higher limits of two measurements with equal threads: whatever disturbs one makes it lower.
    #[must_use]
    pub fn best(self, other: Self) -> Self {
        Self {
            threads: self.threads,
            peak_gflops: self.peak_gflops.max(other.peak_gflops),
            bandwidth_gbps: self.bandwidth_gbps.max(other.bandwidth_gbps),
        }
    }

    /// Intensity, in FLOPs a byte, from which on arithmetic is the limit.
    pub fn ridge(&self) -> f64 {
        self.peak_gflops / self.bandwidth_gbps
    }
}

/// Multiply-adds on enough registers to hide their latency.
struct MultiplyAdd {
    rounds: usize,
}

/// Independent chains: on current cores a multiply-add takes 4 cycles and two start in each, so 8 are needed at
/// least, and 16 registers are there.
const CHAINS: usize = 12;

impl SimdOp for MultiplyAdd {
    /// Floating-point operations done, and a value that depends on all of them.
    type Output = (usize, f32);

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) -> Self::Output {
        let ops = isa.f32();
        let factor = ops.splat(black_box(0.999_f32));
        let summand = ops.splat(black_box(0.001_f32));
        let mut sums = [ops.splat(1.0); CHAINS];
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = ops.mul_add(*sum, factor, summand);
            }
        }
        let total = sums.into_iter().fold(ops.zero(), |total, sum| ops.add(total, sum));
        let mut lanes = [0.0_f32; 64];
        ops.store(total, &mut lanes[..ops.len()]);
        (self.rounds * CHAINS * ops.len() * 2, lanes[0])
    }
}

fn peak(threads: u32) -> f64 {
    best(threads, |_| {
        let (operations, value) = MultiplyAdd { rounds: 20_000 }.dispatch();
        black_box(value);
        operations
    })
}

fn bandwidth(threads: u32) -> f64 {
    let length = ARRAY / threads.max(1) as usize;
    best(threads, move |arrays| {
        if arrays.is_empty() {
            arrays.extend([vec![0.0_f32; length], vec![1.0; length], vec![2.0; length]]);
        }
        let [a, b, c] = arrays.as_mut_slice() else { return 0 };
        let scale = black_box(0.5_f32);
        for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
            *a = *b + scale * *c;
        }
        black_box(&a[length / 2]);
        3 * length * size_of::<f32>()
    })
}

/// The best rate, in 10^9 units a second, of work that all threads do at once. The work gives its units, and
/// keeps what it needs between calls.
fn best(threads: u32, work: impl Fn(&mut Vec<Vec<f32>>) -> usize + Sync) -> f64 {
    let once = |kept: &mut Vec<Vec<f32>>| {
        let start = Instant::now();
        let mut units = 0;
        while start.elapsed() < LENGTH {
            units += work(kept);
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate does not need the last digit")]
        let rate = units as f64 / start.elapsed().as_secs_f64() / 1e9;
        rate
    };
    let rates: Vec<Vec<f64>> = thread::scope(|scope| {
        let worker = || {
            let mut kept = Vec::new();
            work(&mut kept);
            (0..REPEATS).map(|_| once(&mut kept)).collect()
        };
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    (0..REPEATS).map(|at| rates.iter().map(|thread| thread[at]).sum()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_measure_something() {
        let roofline = Roofline::measure(1);
        assert!(roofline.peak_gflops > 0.1, "{roofline:?}");
        assert!(roofline.bandwidth_gbps > 0.01, "{roofline:?}");
        assert!(roofline.ridge() > 0.0);
    }
}
