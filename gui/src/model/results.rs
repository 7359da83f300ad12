//! What was measured.

use std::path::Path;

use inceptive_exec::{Measurement, ProfileRecord};
use inceptive_store::{Filter, Store, StoreError, Stored};

/// Everything in a store.
#[derive(Debug, Default)]
pub struct Results {
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
        let everything = Filter::default();
        let read = Store::open_to_read(path)
            .and_then(|store| Ok((store.measurements(&everything)?, store.profiles(&everything)?)));
        match read {
            Ok((measurements, profiles)) => {
                let unreadable = measurements.unreadable.iter().chain(&profiles.unreadable);
                let problems: Vec<String> = unreadable.map(ToString::to_string).collect();
                Self {
                    measurements: measurements.readable,
                    profiles: profiles.readable,
                    problem: (!problems.is_empty()).then(|| problems.join("; ")),
                }
            }
            Err(StoreError::Missing(_)) => Self::default(),
            Err(error) => Self { problem: Some(error.to_string()), ..Self::default() },
        }
    }

    /// Latencies of a network by its fingerprint, oldest first.
    pub fn of<'a>(&'a self, fingerprint: &'a str) -> impl Iterator<Item = &'a Measurement> {
        let all = self.measurements.iter().map(|stored| &stored.result);
        all.filter(move |measurement| measurement.subject.fingerprint == fingerprint)
    }

    /// Where the time of a network goes, as it was seen last.
    pub fn profile(&self, fingerprint: &str) -> Option<&ProfileRecord> {
        let all = self.profiles.iter().rev().map(|stored| &stored.result);
        all.into_iter().find(|record| record.subject.fingerprint == fingerprint)
    }
}
