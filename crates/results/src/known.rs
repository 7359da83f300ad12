//! The highest limits of all machines in the results.

use std::collections::HashMap;

use crate::{best::BestRoofline, machine::Machine, record::Record};

/// The highest limits of every machine in the results. Another system or more memory does not make another machine here:
/// its processor has the same limits.
#[derive(Clone, Debug, Default)]
pub struct KnownRooflines(HashMap<Processor, BestRoofline>);

/// What the limits of a machine depend on, with the number of threads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Processor {
    cpu: String,
    arch: String,
    cores: [u32; 2],
    isa: Vec<String>,
    threads: u32,
}

impl Processor {
    fn new(machine: &Machine, threads: u32) -> Self {
        Self {
            cpu: machine.cpu.clone(),
            arch: machine.arch.clone(),
            cores: [machine.physical_cores, machine.logical_cores],
            isa: machine.isa.clone(),
            threads,
        }
    }
}

impl KnownRooflines {
    /// Adds a measurement of a machine.
    pub fn add(&mut self, machine: &Machine, measured: BestRoofline) {
        self.insert(Processor::new(machine, measured.roofline.threads), measured);
    }

    /// Adds the limits of another collection; returns whether any of them was higher.
    pub fn extend(&mut self, other: &Self) -> bool {
        let mut is_better = false;
        for (key, &best) in &other.0 {
            is_better |= self.insert(key.clone(), best);
        }
        is_better
    }

    /// Returns whether it is higher than before.
    fn insert(&mut self, key: Processor, measured: BestRoofline) -> bool {
        let before = self.0.get(&key).copied();
        let best = before.map_or(measured, |before| before.best(measured));
        self.0.insert(key, best);
        before != Some(best)
    }

    /// The highest limits ever measured on a machine with this number of threads.
    pub fn best(&self, machine: &Machine, threads: u32) -> Option<BestRoofline> {
        self.0.get(&Processor::new(machine, threads)).copied()
    }

    /// Compares a record with the highest limits ever measured on its machine.
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
    use crate::roofline::Roofline;

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
        let updated = Machine { kernel: "another".to_owned(), memory_bytes: 1, ..machine.clone() };
        assert_eq!(known.best(&updated, 2), Some(best), "the same processor");
        let mut more = KnownRooflines::default();
        more.add(&machine, measured(200.0, 1.0, 5));
        assert!(known.extend(&more));
        assert!(!known.extend(&more), "nothing new");
        assert_eq!(known.best(&machine, 2).unwrap().roofline.peak_gflops, 200.0);
        assert_eq!(known.best(&machine, 2).unwrap().roofline.bandwidth_gbps, 30.0);
    }
}
