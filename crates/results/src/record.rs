//! What all kinds of records have in common.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    best::BestRoofline,
    machine::Machine,
    measurement::{Conditions, Measurement, NetworkInfo, ProfileRecord},
    plausible::{check_measurement, check_profile},
    roofline::Roofline,
};

/// A kind of record. A store keeps each kind in a table of its own.
pub trait Record: Clone + Serialize + DeserializeOwned {
    /// The table.
    const TABLE: &'static str;
    /// What one is called.
    const NAME: &'static str;
    /// What several are called.
    const PLURAL: &'static str;
    /// Whether this program makes them, so that [`Record::run`] is known and their table has a column for the machine.
    const IS_OURS: bool = true;
    /// Whether reports show them, so that the state of a store counts them.
    const IS_SHOWN: bool = Self::IS_OURS;

    /// What a newer record of a network has in common with the older one whose place it takes.
    type Key<'r>: Eq + Hash
    where
        Self: 'r;

    /// What has to be equal, beside the network, for a newer one to take its place.
    fn key(&self) -> Self::Key<'_>;

    /// What ran, where and when; nothing is known of what other programs made.
    fn run(&self) -> Option<Run<'_>>;

    /// Checks that its numbers are possible. A store neither saves nor reads other records.
    ///
    /// # Errors
    /// What is wrong, in words.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// What was measured with it of the limits of its machine.
    fn roofline(&self) -> Option<&Roofline> {
        None
    }

    /// Holds it against the best that its machine ever showed, where it says something about speed.
    fn hold_against(&mut self, _best: BestRoofline) {}

    /// What is kept of it: nothing that was learned from other records.
    fn to_keep(&self) -> Cow<'_, Self> {
        Cow::Borrowed(self)
    }
}

/// What a record is about.
#[derive(Clone, Copy, Debug)]
pub struct Run<'r> {
    /// The network.
    pub subject: &'r NetworkInfo,
    /// The engine or trainer that ran it.
    pub engine: &'r str,
    /// What it ran on.
    pub machine: &'r Machine,
    /// When it was finished, in milliseconds since 1970 (UTC).
    pub finished_unix_ms: u64,
}

impl Record for Measurement {
    const TABLE: &'static str = "measurement";
    const NAME: &'static str = "measurement";
    const PLURAL: &'static str = "measurements";

    type Key<'r> = Conditions<'r>;

    fn key(&self) -> Conditions<'_> {
        Conditions { machine: &self.machine, runtime: &self.runtime }
    }

    fn run(&self) -> Option<Run<'_>> {
        Some(Run {
            subject: &self.subject,
            engine: &self.runtime.engine,
            machine: &self.machine,
            finished_unix_ms: self.finished_unix_ms,
        })
    }

    fn check(&self) -> Result<(), String> {
        check_measurement(self)
    }

    fn roofline(&self) -> Option<&Roofline> {
        Some(&self.roofline)
    }

    fn hold_against(&mut self, best: BestRoofline) {
        Self::hold_against(self, best);
    }

    fn to_keep(&self) -> Cow<'_, Self> {
        Cow::Owned(self.alone())
    }
}

impl Record for ProfileRecord {
    const TABLE: &'static str = "profile";
    const NAME: &'static str = "profile";
    const PLURAL: &'static str = "profiles";

    type Key<'r> = Conditions<'r>;

    fn key(&self) -> Conditions<'_> {
        Conditions { machine: &self.machine, runtime: &self.runtime }
    }

    fn run(&self) -> Option<Run<'_>> {
        Some(Run {
            subject: &self.subject,
            engine: &self.runtime.engine,
            machine: &self.machine,
            finished_unix_ms: self.finished_unix_ms,
        })
    }

    fn check(&self) -> Result<(), String> {
        check_profile(self)
    }

    fn roofline(&self) -> Option<&Roofline> {
        Some(&self.roofline)
    }

    fn hold_against(&mut self, best: BestRoofline) {
        Self::hold_against(self, best);
    }
}

/// For each network and configuration, the record that was finished last, regardless of its position: in a merged
/// store, older records may follow newer ones. Configurations are in the order of their first record. `record` returns
/// the record of an item.
pub fn latest<'r, T, R: Record + 'r>(
    items: impl IntoIterator<Item = &'r T>,
    record: impl Fn(&'r T) -> &'r R,
) -> Vec<&'r T> {
    let finished = |item| record(item).run().map(|run| run.finished_unix_ms);
    let mut kept: Vec<&T> = Vec::new();
    let mut places: HashMap<(&str, R::Key<'r>), usize> = HashMap::new();
    for item in items {
        let network = record(item).run().map_or("", |run| run.subject.fingerprint.as_str());
        match places.entry((network, record(item).key())) {
            Entry::Occupied(known) => {
                let known = &mut kept[*known.get()];
                if finished(*known) <= finished(item) {
                    *known = item;
                }
            }
            Entry::Vacant(new) => {
                new.insert(kept.len());
                kept.push(item);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Machine, Runtime, example};

    #[test]
    fn the_latest_counts_wherever_it_stands() {
        let result = |network: &str, batch: u32, cpu: &str, finished: u64| {
            let subject = NetworkInfo {
                name: network.to_owned(),
                fingerprint: network.to_owned(),
                ..example::subject()
            };
            let runtime = Runtime { batch, ..example::runtime() };
            let mut result = example::measurement(subject, runtime, vec![vec![1.0]]);
            result.machine = Machine { cpu: cpu.to_owned(), ..example::machine() };
            result.finished_unix_ms = finished;
            result
        };
        let all = [
            result("a", 1, "x", 5),
            result("a", 8, "x", 1),
            result("b", 1, "x", 2),
            result("a", 1, "y", 1),
            // Merged from elsewhere: older, and of the same time.
            result("a", 1, "x", 4),
            result("b", 1, "x", 2),
            result("a", 8, "x", 9),
        ];
        let kept: Vec<usize> = latest(&all, |it| it)
            .into_iter()
            .map(|kept| all.iter().position(|it| std::ptr::eq(it, kept)).unwrap())
            .collect();
        assert_eq!(kept, [0, 6, 5, 3]);
    }
}
