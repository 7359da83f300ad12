//! The highest limits ever measured on each machine.
//!
//! Disturbances such as other programs, a hypervisor or heat only lower the measured limits of a machine. So the
//! highest of all measurements on a machine with the same number of threads is the closest to its real limit, and
//! speeds are compared with it. The limits that were measured together with a result stay recorded in that result: if
//! they are much lower, the machine was slower than usual, and the result may be too.

use std::collections::HashMap;

use crate::machine::Machine;
use crate::measurement::{Measurement, ProfileRecord, unix_ms};
use crate::roofline::Roofline;

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

/// The highest limits of every machine in the results. Machines are identified by [`Machine::id`], which includes their
/// instruction sets.
#[derive(Clone, Debug, Default)]
pub struct KnownRooflines(HashMap<(String, u32), BestRoofline>);

impl KnownRooflines {
    /// Adds a measurement of a machine.
    pub fn add(&mut self, machine: &Machine, measured: BestRoofline) {
        self.insert((machine.id(), measured.roofline.threads), measured);
    }

    /// Adds the limits of another collection.
    pub fn extend(&mut self, other: &Self) {
        for (key, &best) in &other.0 {
            self.insert(key.clone(), best);
        }
    }

    fn insert(&mut self, key: (String, u32), measured: BestRoofline) {
        self.0.entry(key).and_modify(|best| *best = best.best(measured)).or_insert(measured);
    }

    /// The highest limits ever measured on a machine with this number of threads.
    pub fn best(&self, machine: &Machine, threads: u32) -> Option<BestRoofline> {
        self.0.get(&(machine.id(), threads)).copied()
    }

    /// Compares a result with the highest limits ever measured on its machine.
    pub fn hold(&self, measurement: &mut Measurement) {
        if let Some(best) = self.best(&measurement.machine, measurement.roofline.threads) {
            measurement.hold_against(best);
        }
    }

    /// Compares a profile with the highest limits ever measured on its machine.
    pub fn hold_profile(&self, profile: &mut ProfileRecord) {
        if let Some(best) = self.best(&profile.machine, profile.roofline.threads) {
            profile.hold_against(best);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(peak_gflops: f64, bandwidth_gbps: f64, unix_ms: u64) -> BestRoofline {
        BestRoofline::measured(Roofline { threads: 2, peak_gflops, bandwidth_gbps }, unix_ms)
    }

    #[test]
    fn the_highest_of_each_limit_is_kept_with_its_time() {
        let mut known = KnownRooflines::default();
        let machine = crate::example::machine();
        for (peak, bandwidth, time) in [
            (101.0, 30.0, 10),
            (181.0, 20.0, 20),
            (181.0, 30.0, 30),
            (f64::NAN, f64::INFINITY, 40),
            (-1.0, 0.0, 50),
        ] {
            known.add(&machine, measured(peak, bandwidth, time));
        }
        let best = known.best(&machine, 2).unwrap();
        assert_eq!((best.roofline.peak_gflops, best.peak_unix_ms), (181.0, 20));
        assert_eq!((best.roofline.bandwidth_gbps, best.bandwidth_unix_ms), (30.0, 10));
        assert_eq!(known.best(&machine, 1), None, "another number of threads");
        let other = Machine { isa: vec!["none".to_owned()], ..machine.clone() };
        assert_eq!(known.best(&other, 2), None, "other instructions");
        let mut more = KnownRooflines::default();
        more.add(&machine, measured(200.0, 1.0, 5));
        known.extend(&more);
        assert_eq!(known.best(&machine, 2).unwrap().roofline.peak_gflops, 200.0);
        assert_eq!(known.best(&machine, 2).unwrap().roofline.bandwidth_gbps, 30.0);
    }

    #[test]
    fn an_unknown_limit_gives_way_to_any() {
        let unknown = BestRoofline::measured(Roofline::UNKNOWN, 1);
        assert_eq!(unknown.best(measured(5.0, 6.0, 9)).roofline.peak_gflops, 5.0);
    }
}
