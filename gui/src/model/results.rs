//! Measured results.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use inceptive_app::error_chain;
use inceptive_results::{Measurement, ProfileRecord, latest};
use inceptive_store::{Filter, Store, StoreError, Stored};

/// The number of the next reading.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Everything in a store.
#[derive(Debug, Default)]
pub struct Results {
    /// Changes with each reading of the store, so that values derived from results are computed again.
    pub reading: u64,
    /// Latencies, oldest first.
    pub measurements: Vec<Stored<Measurement>>,
    /// Where time goes, oldest first.
    pub profiles: Vec<Stored<ProfileRecord>>,
    /// Why the store, or some of its results, cannot be read; one that is not there yet is just empty.
    pub problem: Option<String>,
}

impl Results {
    /// Reads a store.
    pub fn read(path: &Path) -> Self {
        let reading = NEXT.fetch_add(1, Ordering::Relaxed);
        let everything = Filter::default();
        let read = Store::open_to_read(path)
            .and_then(|store| Ok((store.measurements(&everything)?, store.profiles(&everything)?)));
        match read {
            Ok((measurements, profiles)) => {
                let unreadable = measurements.unreadable.iter().chain(&profiles.unreadable);
                let problems: Vec<&StoreError> = unreadable.collect();
                Self {
                    reading,
                    measurements: measurements.readable,
                    profiles: profiles.readable,
                    problem: told(&problems),
                }
            }
            Err(StoreError::Missing(_)) => Self { reading, ..Self::default() },
            Err(error) => Self { reading, problem: Some(error_chain(&error)), ..Self::default() },
        }
    }

    /// The latest latency of a network, by its fingerprint, in each configuration that it was measured in.
    pub fn of(&self, fingerprint: &str) -> Vec<&Measurement> {
        let all = self.measurements.iter().map(|stored| &stored.result);
        latest(all.filter(|measurement| measurement.subject.fingerprint == fingerprint))
    }

    /// The latest profile of a network in each configuration that it was profiled in.
    pub fn profiles_of(&self, fingerprint: &str) -> Vec<&ProfileRecord> {
        let all = self.profiles.iter().map(|stored| &stored.result);
        latest(all.filter(|record| record.subject.fingerprint == fingerprint))
    }

    /// Where the time of a network goes, as it was seen last.
    pub fn profile(&self, fingerprint: &str) -> Option<&ProfileRecord> {
        self.profiles_of(fingerprint).into_iter().max_by_key(|record| record.finished_unix_ms)
    }
}

/// Maximum number of unreadable rows that are listed one by one.
const MOST_TOLD: usize = 3;

/// The errors of unreadable results.
fn told(problems: &[&StoreError]) -> Option<String> {
    let (first, more) = problems.split_at(problems.len().min(MOST_TOLD));
    let mut text: Vec<String> = first.iter().map(ToString::to_string).collect();
    if !more.is_empty() {
        text.push(format!("and {} more", more.len()));
    }
    (!text.is_empty()).then(|| text.join("; "))
}
