//! The limits of a machine.

use serde::{Deserialize, Serialize};

/// The limits of a roofline (Williams, Waterman and Patterson 2009), measured for a number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roofline {
    /// Threads that may compute at once.
    pub threads: u32,
    /// Single-precision multiply-adds, counted as two, in 10^9 a second.
    pub peak_gflops: f64,
    /// Bytes read and written by a long `a = b + s * c`, in 10^9 a second.
    pub bandwidth_gbps: f64,
}

impl Roofline {
    /// The limits where only counting matters, as on a machine that is made up.
    pub const UNKNOWN: Self = Self { threads: 0, peak_gflops: f64::NAN, bandwidth_gbps: f64::NAN };

    /// The higher limits of two measurements with equal threads, because disturbances only lower them.
    #[must_use]
    pub fn best(self, other: Self) -> Self {
        Self {
            threads: self.threads,
            peak_gflops: self.peak_gflops.max(other.peak_gflops),
            bandwidth_gbps: self.bandwidth_gbps.max(other.bandwidth_gbps),
        }
    }

    /// Intensity, in FLOPs per byte, from which on arithmetic is the limit.
    pub fn ridge(&self) -> f64 {
        self.peak_gflops / self.bandwidth_gbps
    }
}
