//! What was measured.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use inceptive_exec::{Measurement, ProfileRecord};
use inceptive_jobs::chain;
use inceptive_store::{Filter, Store, StoreError, Stored};

/// The number of the next reading.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Everything in a store.
#[derive(Debug, Default)]
pub struct Results {
    /// Another number for each reading: what is made of results is made again when it changes.
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
            Err(error) => Self { reading, problem: Some(chain(&error)), ..Self::default() },
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

    /// The latest profile of a network that was made as another one was: on the same machine in the same way.
    pub fn profile_like(&self, fingerprint: &str, way: &ProfileRecord) -> Option<&ProfileRecord> {
        let mut all = self.profiles.iter().rev().map(|stored| &stored.result);
        all.find(|record| record.subject.fingerprint == fingerprint && is_like(record, way))
    }

    /// For each way in which any of these networks was profiled its latest profile; ways with most networks first,
    /// of those with as many the latest.
    pub fn profiled_ways(&self, fingerprints: &[&str]) -> Vec<&ProfileRecord> {
        let mut ways: Vec<&ProfileRecord> = vec![];
        for stored in self.profiles.iter().rev() {
            let record = &stored.result;
            let is_wanted = fingerprints.contains(&record.subject.fingerprint.as_str());
            if is_wanted && !ways.iter().any(|way| is_like(record, way)) {
                ways.push(record);
            }
        }
        let coverage = |way: &&ProfileRecord| {
            fingerprints.iter().filter(|it| self.profile_like(it, way).is_some()).count()
        };
        ways.sort_by_cached_key(|way| std::cmp::Reverse(coverage(way)));
        ways
    }
}

/// The most rows that cannot be read that are told one by one.
const MOST_TOLD: usize = 3;

/// What is wrong with some results.
fn told(problems: &[&StoreError]) -> Option<String> {
    let (first, more) = problems.split_at(problems.len().min(MOST_TOLD));
    let mut text: Vec<String> = first.iter().map(ToString::to_string).collect();
    if !more.is_empty() {
        text.push(format!("and {} more", more.len()));
    }
    (!text.is_empty()).then(|| text.join("; "))
}

/// Whether two profiles can be compared.
fn is_like(a: &ProfileRecord, b: &ProfileRecord) -> bool {
    a.conditions() == b.conditions()
}
