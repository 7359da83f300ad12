//! Counts of parts of spaces.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    exploration::{ObjectiveInfo, SpaceInfo},
    machine::Machine,
    plausible::{is_finish, is_seconds},
    record::{Record, Run},
};

/// What counting a part of a space gave: consecutive points, the last variable changing fastest. The parts of a space together
/// say what counting all of it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpaceCount {
    /// The space.
    pub space: SpaceInfo,
    /// Conditions of networks of interest.
    pub conditions: Vec<String>,
    /// The objectives of the front.
    pub objectives: Vec<ObjectiveInfo>,
    /// Networks in the space.
    pub size: u64,
    /// The number of the first point, from 0.
    pub first: u64,
    /// How many points were counted.
    pub points: u64,
    /// How many of them are no network, because their values do not fit together.
    pub refused: u64,
    /// How many satisfy all conditions.
    pub feasible: u64,
    /// For each condition, how many networks satisfy it, and how many fail only this one.
    pub tallies: Vec<[u64; 2]>,
    /// The Pareto-optimal networks among those that satisfy all conditions.
    pub front: Vec<CountedNetwork>,
    /// The values of networks that have the lowest or highest value of a metric, or come closest to a condition.
    pub others: Vec<Vec<String>>,
    /// The machine.
    pub machine: Machine,
    /// The version of this program.
    pub version: String,
    /// How long counting took, in seconds.
    pub seconds: f64,
    /// When it was finished, in milliseconds since 1970 (UTC).
    pub finished_unix_ms: u64,
}

/// A network on the front of a part of a space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedNetwork {
    /// The value of each variable.
    pub values: Vec<String>,
    /// What it costs, by the names of metrics.
    pub counts: BTreeMap<String, u64>,
    /// How many networks of the part have its values of the objectives, itself included.
    pub equal: u64,
}

/// What a count replaces an older one of: the same part of the same space with the same conditions and objectives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpaceCountKey<'r> {
    space: &'r str,
    conditions: &'r [String],
    objectives: Vec<(&'static str, bool)>,
    first: u64,
    points: u64,
}

impl Record for SpaceCount {
    const TABLE: &'static str = "space_count";
    const NAME: &'static str = "count of a space";
    const PLURAL: &'static str = "counts of spaces";
    // It is of many networks.
    const IS_OURS: bool = false;

    type Key<'r> = SpaceCountKey<'r>;

    fn key(&self) -> SpaceCountKey<'_> {
        let objectives = self.objectives.iter().map(|it| (it.metric.id(), it.maximize)).collect();
        SpaceCountKey {
            space: &self.space.fingerprint,
            conditions: &self.conditions,
            objectives,
            first: self.first,
            points: self.points,
        }
    }

    fn run(&self) -> Option<Run<'_>> {
        None
    }

    fn check(&self) -> Result<(), String> {
        is_seconds("seconds", self.seconds)?;
        is_finish(self.finished_unix_ms)?;
        if self.first.checked_add(self.points).is_none_or(|end| end > self.size) {
            return Err(format!(
                "{} points from {} on are not in {}",
                self.points, self.first, self.size
            ));
        }
        let networks = self.points.checked_sub(self.refused);
        let Some(networks) = networks else {
            return Err("more points were refused than were counted".to_owned());
        };
        if self.feasible > networks || self.tallies.iter().flatten().any(|&count| count > networks)
        {
            return Err("more networks satisfy conditions than were counted".to_owned());
        }
        if self.tallies.len() != self.conditions.len() {
            return Err(format!(
                "there are {} tallies of {} conditions",
                self.tallies.len(),
                self.conditions.len()
            ));
        }
        let variables = self.space.variables.len();
        let front = self.front.iter().map(|network| &network.values);
        match front.chain(&self.others).find(|values| values.len() != variables) {
            Some(values) => {
                Err(format!("a network has {} values of {variables} variables", values.len()))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::space_count;

    #[test]
    fn impossible_counts_are_told() {
        let good = space_count();
        assert_eq!(good.check(), Ok(()));
        type Change = fn(&mut SpaceCount);
        let cases: [(&str, Change); 6] = [
            ("are not in", |it| it.first = u64::MAX),
            ("seconds is NaN", |it| it.seconds = f64::NAN),
            ("more points were refused", |it| it.refused = it.points + 1),
            ("more networks satisfy", |it| it.feasible = it.points + 1),
            ("0 tallies of 1 conditions", |it| it.tallies.clear()),
            ("a network has 0 values", |it| it.front[0].values.clear()),
        ];
        for (expected, change) in cases {
            let mut bad = good.clone();
            change(&mut bad);
            let found = bad.check().unwrap_err();
            assert!(found.contains(expected), "{expected}: {found}");
        }
    }

    #[test]
    fn parts_have_different_keys() {
        let (one, mut other) = (space_count(), space_count());
        other.seconds += 1.0;
        assert_eq!(one.key(), other.key());
        other.first += 1;
        assert_ne!(one.key(), other.key());
    }
}
