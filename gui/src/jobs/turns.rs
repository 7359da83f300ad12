//! Measuring and training share the machine: while something is measured, training waits.

use std::sync::atomic::{AtomicBool, Ordering};

/// Who uses the machine.
#[derive(Debug, Default)]
pub struct Turns {
    /// Whether a measurement waits or runs.
    measures: AtomicBool,
    /// Whether training computes.
    trains: AtomicBool,
}

impl Turns {
    /// Set while a measurement waits or runs: training has to wait then.
    pub const fn measures(&self) -> &AtomicBool {
        &self.measures
    }

    /// Whether training computes: a measurement begins only when it does not.
    pub fn is_training(&self) -> bool {
        self.trains.load(Ordering::SeqCst)
    }

    pub(super) fn set_measures(&self, measures: bool) {
        self.measures.store(measures, Ordering::SeqCst);
    }

    /// Says whether training computes.
    pub fn set_trains(&self, trains: bool) {
        self.trains.store(trains, Ordering::SeqCst);
    }
}
