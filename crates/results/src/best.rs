//! The highest limits ever measured on each machine.
//!
//! Disturbances such as other programs, a hypervisor or heat only lower the measured limits of a machine. So the
//! highest of all measurements on a machine with the same number of threads is the closest to its real limit, and
//! speeds are compared with it. The limits that were measured together with a result stay recorded in that result: if
//! they are much lower, the machine was slower than usual, and the result may be too.

use crate::{date::unix_ms, roofline::Roofline};

/// The highest limits ever measured on a machine with this number of threads, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestRoofline {
    /// The limits, each the highest of all.
    pub roofline: Roofline,
    /// When the peak was measured, in milliseconds since 1970 (UTC).
    pub peak_unix_ms: u64,
    /// When the bandwidth was.
    pub bandwidth_unix_ms: u64,
}

impl BestRoofline {
    /// Limits measured at the given time.
    pub const fn measured(roofline: Roofline, unix_ms: u64) -> Self {
        Self { roofline, peak_unix_ms: unix_ms, bandwidth_unix_ms: unix_ms }
    }

    /// Limits measured now.
    pub fn now(roofline: Roofline) -> Self {
        Self::measured(roofline, unix_ms())
    }

    /// The higher limits of two with equal threads; the earlier if they are equal. Limits that are not finite are ignored.
    #[must_use]
    pub fn best(self, other: Self) -> Self {
        let is_better = |new: (f64, u64), old: (f64, u64)| {
            let is_limit = new.0.is_finite() && new.0 > 0.0;
            is_limit && (new.0 > old.0 || old.0.is_nan() || (new.0 == old.0 && new.1 < old.1))
        };
        let choose = |old, new| if is_better(new, old) { new } else { old };
        let (peak_gflops, peak_unix_ms) = choose(
            (self.roofline.peak_gflops, self.peak_unix_ms),
            (other.roofline.peak_gflops, other.peak_unix_ms),
        );
        let (bandwidth_gbps, bandwidth_unix_ms) = choose(
            (self.roofline.bandwidth_gbps, self.bandwidth_unix_ms),
            (other.roofline.bandwidth_gbps, other.bandwidth_unix_ms),
        );
        let roofline = Roofline { threads: self.roofline.threads, peak_gflops, bandwidth_gbps };
        Self { roofline, peak_unix_ms, bandwidth_unix_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_limit_gives_way_to_any() {
        let unknown = BestRoofline::measured(Roofline::UNKNOWN, 1);
        assert_eq!(
            unknown
                .best(BestRoofline::measured(
                    Roofline { threads: 2, peak_gflops: 5.0, bandwidth_gbps: 6.0 },
                    9,
                ))
                .roofline
                .peak_gflops,
            5.0
        );
    }
}
