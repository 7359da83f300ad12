//! Keeping a design within its targets: a setting that would break one stops before.

use std::sync::Arc;

use inceptive_app::{Inspected, OverlayFiles, design};
use inceptive_dsl::{Constraint, settables};

use crate::{changes::Changes, file::FilePath, targets::broken};

/// What a design is kept within.
#[derive(Clone, Debug, PartialEq)]
pub struct Keep {
    /// The conditions.
    pub targets: Arc<[Constraint]>,
    /// The settings that were counted last.
    pub from: Changes,
    /// Sliders of widths stop at multiples of this.
    pub snap: f64,
}

/// A setting that was stopped by a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Stopped {
    /// The key.
    pub key: String,
    /// What it was to be.
    pub wanted: String,
    /// The number where it stopped; `None` of what is no number.
    pub at: Option<f64>,
    /// The target.
    pub target: String,
    /// The settings with the last value that the targets allow.
    pub changes: Changes,
}

impl Stopped {
    /// The number at which its key stopped, and whether larger ones are refused, else smaller ones.
    fn limit(&self) -> Option<(f64, bool)> {
        let wanted: f64 = self.wanted.parse().ok()?;
        let at = self.at?;
        Some((at, wanted > at))
    }

    /// What stopped, in a sentence. `name` is what the key is called in the window.
    pub fn sentence(&self, name: &str) -> String {
        let Self { wanted, target, .. } = self;
        match self.limit() {
            Some((at, true)) => format!("{name}: {at} at most; {wanted} would break {target}"),
            Some((at, false)) => format!("{name}: {at} at least; {wanted} would break {target}"),
            None => format!("{name}: this choice would break {target}"),
        }
    }

    /// Where a number of these settings has its limit, and whether larger ones are refused, else smaller ones.
    pub fn limit_of(&self, key: &str, changes: &Changes) -> Option<(f64, bool)> {
        let differences = changes.differences(&self.changes);
        let is_same = differences.iter().all(|(other, _)| *other == key);
        self.limit().filter(|_| self.key == key && is_same)
    }

    /// Whether settings are refused for the same reason.
    pub fn refuses(&self, changes: &Changes) -> bool {
        let differences = changes.differences(&self.changes);
        let [(key, Some(value))] = differences.as_slice() else { return false };
        let is_beyond = || {
            let (at, is_above) = self.limit()?;
            let value: f64 = value.parse().ok()?;
            Some(if is_above { value > at } else { value < at })
        };
        *key == self.key && is_beyond().unwrap_or(*value == self.wanted)
    }
}

/// Where a change stops that would break a target; `None` if it breaks none. Only a single setting is stopped: several
/// at once are a step of the history, or a network of its own.
pub(super) fn stop(
    files: &OverlayFiles,
    file: &FilePath,
    keep: &Keep,
    changes: &Changes,
) -> Option<Stopped> {
    let Keep { targets, from, snap } = keep;
    let differences = changes.differences(from);
    let [(key, wanted)] = differences.as_slice() else { return None };
    let counted =
        |changes: &Changes| -> Option<Inspected> { design(files, file, &changes.settings()).ok() };
    let before = counted(from)?;
    let target = broken(targets, &before, &counted(changes)?)?.to_string();
    let own = settables(files, file).ok().and_then(|all| all.number(key));
    let number = |text: Option<&str>| text.map_or(own, |text| text.parse().ok());
    let (old, end) = (number(from.get(key)), number(*wanted));
    let (mut stopped, mut stop) = (from.clone(), old);
    if let (Some(old), Some(end)) = (old, end) {
        let at = |number: f64| {
            let mut changes = from.clone();
            changes.set(key, (Some(number) != own).then(|| number.to_string()));
            changes
        };
        let is_allowed = |number: &f64| {
            let after = counted(&at(*number));
            after.is_some_and(|after| broken(targets, &before, &after).is_none())
        };
        let steps = Steps::between(old, end, *snap);
        // What costs more with each step is allowed up to one of them.
        let (mut allowed, mut refused) = (0, steps.count + 1);
        while refused - allowed > 1 {
            let middle = u32::midpoint(allowed, refused);
            match is_allowed(&steps.at(middle)) {
                true => allowed = middle,
                false => refused = middle,
            }
        }
        if allowed > 0 {
            (stopped, stop) = (at(steps.at(allowed)), Some(steps.at(allowed)));
        }
    }
    let wanted = wanted.map(str::to_owned).or(end.map(|end| end.to_string()));
    let wanted = wanted.unwrap_or_else(|| "that of the file".to_owned());
    Some(Stopped { key: (*key).to_owned(), wanted, at: stop, target, changes: stopped })
}

/// Numbers on a way, without its ends.
#[derive(Debug)]
struct Steps {
    /// The multiple of the unit that is the first.
    first: f64,
    /// From one to the next: 1 or -1.
    direction: f64,
    /// Units in 1: whole, so that decimals are exact.
    per_one: f64,
    /// Numbers are multiples of this many units.
    multiple: f64,
    /// How many there are.
    count: u32,
}

/// Steps of a number that is not whole, at least.
const FEWEST: f64 = 20.0;

/// Steps at most: as far as anybody moves a slider.
const MOST: f64 = 1e6;

impl Steps {
    /// Whole numbers, or multiples of `snap` where the end is one; else decimals.
    fn between(old: f64, wanted: f64, snap: f64) -> Self {
        let is_whole = old.fract() == 0.0 && wanted.fract() == 0.0;
        let (per_one, multiple) = match is_whole {
            true if snap >= 1.0 && wanted % snap == 0.0 => (1.0, snap),
            true => (1.0, 1.0),
            false => {
                (10_f64.powf((FEWEST / (wanted - old).abs()).log10().ceil()).clamp(1.0, 1e6), 1.0)
            }
        };
        let unit = per_one / multiple;
        let (from, to) = (old * unit, wanted * unit);
        let (first, last, direction) = match from < to {
            true => (from.floor() + 1.0, to.ceil() - 1.0, 1.0),
            false => (from.ceil() - 1.0, to.floor() + 1.0, -1.0),
        };
        let count = ((last - first) * direction + 1.0).clamp(0.0, MOST);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let count = count as u32;
        Self { first, direction, per_one, multiple, count }
    }

    /// The number at a place, from 1.
    fn at(&self, place: u32) -> f64 {
        (self.first + self.direction * f64::from(place - 1)) * self.multiple / self.per_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: f64, wanted: f64, snap: f64, expected: &[f64]) {
        let steps = Steps::between(old, wanted, snap);
        let found: Vec<f64> = (1..=steps.count).map(|place| steps.at(place)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn numbers_between_two_are_those_where_a_slider_stops() {
        check(64.0, 68.0, 1.0, &[65.0, 66.0, 67.0]);
        check(64.0, 61.0, 1.0, &[63.0, 62.0]);
        check(60.0, 96.0, 16.0, &[64.0, 80.0]);
        check(100.0, 64.0, 16.0, &[96.0, 80.0]);
        // A number that was typed past the multiples.
        check(64.0, 67.0, 16.0, &[65.0, 66.0]);
        check(64.0, 65.0, 1.0, &[]);
        let steps = Steps::between(1.0, 1.35, 1.0);
        assert_eq!((steps.at(1), steps.at(steps.count), steps.count), (1.01, 1.34, 34));
    }

    #[test]
    fn what_was_stopped_once_is_refused_until_something_else_changes() {
        let changes = |pairs: &[(&str, &str)]| {
            let mut changes = Changes::default();
            pairs.iter().for_each(|(key, value)| changes.set(key, Some((*value).to_owned())));
            changes
        };
        let stopped = Stopped {
            key: "a".to_owned(),
            wanted: "100".to_owned(),
            at: Some(87.0),
            target: "macs < 1G".to_owned(),
            changes: changes(&[("a", "87"), ("b", "3")]),
        };
        assert!(stopped.refuses(&changes(&[("a", "88"), ("b", "3")])));
        assert!(!stopped.refuses(&changes(&[("a", "86"), ("b", "3")])));
        assert!(!stopped.refuses(&changes(&[("a", "88"), ("b", "2")])));
        assert!(!stopped.refuses(&changes(&[("a", "88")])));
        let tail = Stopped {
            key: "tail".to_owned(),
            wanted: "fc".to_owned(),
            at: None,
            changes: Changes::default(),
            ..stopped.clone()
        };
        assert!(tail.refuses(&changes(&[("tail", "fc")])));
        assert!(!tail.refuses(&changes(&[("tail", "none")])));
        assert_eq!(stopped.sentence("a"), "a: 87 at most; 100 would break macs < 1G");
        assert_eq!(tail.sentence("tail"), "tail: this choice would break macs < 1G");
    }
}
