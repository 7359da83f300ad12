//! What all kinds of results have in common.

use std::collections::HashMap;

use crate::measurement::{Conditions, Measurement, NetworkInfo, ProfileRecord};

/// A result of a network that ran on a machine.
pub trait Record {
    /// What ran.
    fn subject(&self) -> &NetworkInfo;
    /// What another one has to have in common with it to be compared.
    fn conditions(&self) -> Conditions<'_>;
    /// When it was finished, in milliseconds since 1970 (UTC).
    fn finished_unix_ms(&self) -> u64;
}

impl Record for Measurement {
    fn subject(&self) -> &NetworkInfo {
        &self.subject
    }

    fn conditions(&self) -> Conditions<'_> {
        Conditions { machine: &self.machine, runtime: &self.runtime }
    }

    fn finished_unix_ms(&self) -> u64 {
        self.finished_unix_ms
    }
}

impl Record for ProfileRecord {
    fn subject(&self) -> &NetworkInfo {
        &self.subject
    }

    fn conditions(&self) -> Conditions<'_> {
        Conditions { machine: &self.machine, runtime: &self.runtime }
    }

    fn finished_unix_ms(&self) -> u64 {
        self.finished_unix_ms
    }
}

/// For each network and configuration, the result that was finished last, regardless of its position: in a merged
/// store, older results may follow newer ones. Configurations are in the order of their first result.
pub fn latest<'r, R: Record>(records: impl IntoIterator<Item = &'r R>) -> Vec<&'r R> {
    let mut kept: Vec<&R> = Vec::new();
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for record in records {
        let of_network = places.entry(record.subject().fingerprint.as_str()).or_default();
        let known =
            of_network.iter().copied().find(|&at| kept[at].conditions() == record.conditions());
        match known {
            Some(at) if kept[at].finished_unix_ms() <= record.finished_unix_ms() => {
                kept[at] = record;
            }
            Some(_) => {}
            None => {
                of_network.push(kept.len());
                kept.push(record);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Machine, Precision, Runtime, example};

    struct Fake(NetworkInfo, Runtime, Machine, u64);

    impl Record for Fake {
        fn subject(&self) -> &NetworkInfo {
            &self.0
        }

        fn conditions(&self) -> Conditions<'_> {
            Conditions { machine: &self.2, runtime: &self.1 }
        }

        fn finished_unix_ms(&self) -> u64 {
            self.3
        }
    }

    #[test]
    fn the_latest_counts_wherever_it_stands() {
        let result = |network: &str, batch: u32, cpu: &str, finished: u64| {
            let subject = NetworkInfo {
                name: network.to_owned(),
                file: String::new(),
                point: vec![],
                fingerprint: network.to_owned(),
                input: [3, 8, 8],
                params: 1,
                macs: 1,
                flops: 1,
                acts: 1,
            };
            let runtime = Runtime {
                engine: "e".to_owned(),
                engine_version: "1".to_owned(),
                device: "cpu".to_owned(),
                precision: Precision::Fp32,
                batch,
                threads: 1,
            };
            let machine = Machine { cpu: cpu.to_owned(), ..example::machine() };
            Fake(subject, runtime, machine, finished)
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
        let kept: Vec<usize> = latest(&all)
            .into_iter()
            .map(|kept| all.iter().position(|it| std::ptr::eq(it, kept)).unwrap())
            .collect();
        assert_eq!(kept, [0, 6, 5, 3]);
    }
}
