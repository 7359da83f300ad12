//! The best that machines ever showed.
//!
//! What disturbs a measurement of a machine's limits only makes them lower: other programs, a hypervisor, heat. So of all
//! that were ever made of a machine with as many threads, the highest is nearest to what it can do, and speeds are held
//! against that one. What a result says of the limits when it was made stays a fact of that result: where it is much
//! lower, the machine was slower than it can be, and so may be the result.

use std::collections::HashMap;

use crate::{machine::Machine, measurement::unix_ms, record::Record, roofline::Roofline};

/// The highest limits that were ever measured of a machine with so many threads, and when.
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
    /// What was measured at one time.
    pub const fn measured(roofline: Roofline, unix_ms: u64) -> Self {
        Self { roofline, peak_unix_ms: unix_ms, bandwidth_unix_ms: unix_ms }
    }

    /// What was measured just now.
    pub fn now(roofline: Roofline) -> Self {
        Self::measured(roofline, unix_ms())
    }

    /// The higher limits of two with equal threads; of equal ones the earlier. What is no number is no limit.
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

/// The best of every machine that results tell of. Machines are told apart by [`Machine::id`], in which their
/// instruction sets are.
#[derive(Clone, Debug, Default)]
pub struct KnownRooflines(HashMap<(String, u32), BestRoofline>);

impl KnownRooflines {
    /// Adds what was measured of a machine.
    pub fn add(&mut self, machine: &Machine, measured: BestRoofline) {
        self.insert((machine.id(), measured.roofline.threads), measured);
    }

    /// Adds what is known elsewhere; whether that was better than what was known here.
    pub fn extend(&mut self, other: &Self) -> bool {
        let mut is_better = false;
        for (key, &best) in &other.0 {
            is_better |= self.insert(key.clone(), best);
        }
        is_better
    }

    /// Whether it is better than what was known.
    fn insert(&mut self, key: (String, u32), measured: BestRoofline) -> bool {
        let before = self.0.get(&key).copied();
        let best = before.map_or(measured, |before| before.best(measured));
        self.0.insert(key, best);
        before != Some(best)
    }

    /// The best that a machine ever showed with so many threads.
    pub fn best(&self, machine: &Machine, threads: u32) -> Option<BestRoofline> {
        self.0.get(&(machine.id(), threads)).copied()
    }

    /// Holds a record against the best that its machine ever showed.
    pub fn hold<R: Record>(&self, record: &mut R) {
        let best = match (record.run(), record.roofline()) {
            (Some(run), Some(roofline)) => self.best(run.machine, roofline.threads),
            _ => None,
        };
        if let Some(best) = best {
            record.hold_against(best);
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
        assert!(known.extend(&more));
        assert!(!known.extend(&more), "nothing new");
        assert_eq!(known.best(&machine, 2).unwrap().roofline.peak_gflops, 200.0);
        assert_eq!(known.best(&machine, 2).unwrap().roofline.bandwidth_gbps, 30.0);
    }

    #[test]
    fn an_unknown_limit_gives_way_to_any() {
        let unknown = BestRoofline::measured(Roofline::UNKNOWN, 1);
        assert_eq!(unknown.best(measured(5.0, 6.0, 9)).roofline.peak_gflops, 5.0);
    }
}
