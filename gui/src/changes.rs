//! The settings that make a design of a network, and the steps that led to them.

use std::collections::BTreeMap;

use inceptive_dsl::Setting;
use serde::{Deserialize, Serialize};

/// Settings by their keys, as YAML.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Changes(BTreeMap<String, String>);

impl Changes {
    /// No settings.
    pub(crate) const NONE: Self = Self(BTreeMap::new());

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys whose values differ from those of other settings; the value is `None` if the original's is kept.
    pub fn differences<'a>(&'a self, from: &'a Self) -> Vec<(&'a str, Option<&'a str>)> {
        let set = self.0.iter().filter(|(key, value)| from.0.get(*key) != Some(value));
        let set = set.map(|(key, value)| (key.as_str(), Some(value.as_str())));
        let reset = from.0.keys().filter(|key| !self.0.contains_key(*key));
        set.chain(reset.map(|key| (key.as_str(), None))).collect()
    }

    /// The setting of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The number that is set for a key, else that of the file.
    pub fn number(&self, key: &str, own: f64) -> f64 {
        self.get(key).and_then(|text| text.parse().ok()).unwrap_or(own)
    }

    /// Sets a key; none takes what the file has.
    pub fn set(&mut self, key: &str, value: Option<String>) {
        match value {
            Some(value) => self.0.insert(key.to_owned(), value),
            None => self.0.remove(key),
        };
    }

    /// Removes the settings of keys with this prefix.
    pub fn forget(&mut self, start: &str) {
        self.0.retain(|key, _| !key.starts_with(start));
    }

    /// Sets a number, unless it is that of the file.
    pub fn set_number(&mut self, key: &str, value: f64, own: f64) {
        // Steps of sliders are not exact; nobody sets more than six decimals.
        let value = (value * 1e6).round() / 1e6;
        let is_own = (value - own).abs() < 1e-9;
        self.set(key, (!is_own).then(|| value.to_string()));
    }

    /// All of them.
    pub fn settings(&self) -> Vec<Setting> {
        let all = self.0.iter();
        all.map(|(key, value)| Setting { key: key.clone(), value: value.clone() }).collect()
    }
}

/// Steps that are remembered.
const MOST_STEPS: usize = 500;

/// The steps of a design, and at which one it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    steps: Vec<Changes>,
    at: usize,
    /// The movement of the pointer that made the last step, and may still change it.
    #[serde(skip)]
    gesture: Option<u64>,
    /// The steps that were undone before the last step was made: they come back if it is taken back.
    #[serde(skip)]
    undone: Vec<Changes>,
}

impl History {
    /// Begins with the settings of the original, and goes on to these.
    pub(crate) fn new(changes: Changes) -> Self {
        let mut history = Self { steps: vec![Changes::default()], ..Self::default() };
        history.go_on(changes, None);
        history
    }

    /// Says which movement of the pointer made the last step, so that the same one changes it.
    pub(crate) const fn made_by(&mut self, gesture: Option<u64>) {
        self.gesture = gesture;
    }

    /// The settings of every step, those of the original first.
    pub fn steps(&self) -> &[Changes] {
        &self.steps
    }

    /// Which step is current.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The settings of the current step.
    pub fn current(&self) -> Option<&Changes> {
        self.steps.get(self.at)
    }

    /// Makes a step. All steps of one gesture are a single one; those that were undone are forgotten, unless it is taken
    /// back.
    pub(crate) fn go_on(&mut self, changes: Changes, gesture: Option<u64>) {
        if self.current() == Some(&changes) {
            return;
        }
        if gesture.is_some() && self.gesture == gesture && self.at > 0 {
            self.replace(changes);
            return;
        }
        self.undone = self.steps.split_off((self.at + 1).min(self.steps.len()));
        self.gesture = gesture;
        self.steps.push(changes);
        if self.steps.len() > MOST_STEPS {
            // The settings of the original stay.
            self.steps.remove(1);
        }
        self.at = self.steps.len() - 1;
    }

    /// Gives the current step other settings; the gesture that made it may still change it. A step that is then the one
    /// before is taken back, and steps that were undone before it can be redone again.
    pub(crate) fn replace(&mut self, changes: Changes) {
        if self.at > 0 && self.steps[self.at - 1] == changes {
            self.steps.remove(self.at);
            self.at -= 1;
            self.gesture = None;
            self.steps.append(&mut self.undone);
        } else if let Some(step) = self.steps.get_mut(self.at) {
            *step = changes;
        }
    }

    /// Goes to a step, or to the last one.
    pub(crate) fn go_to(&mut self, step: usize) {
        self.at = step.min(self.steps.len().saturating_sub(1));
        self.gesture = None;
        self.undone.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(width: u32) -> Changes {
        let mut changes = Changes::default();
        changes.set("stem.width", Some(width.to_string()));
        changes
    }

    #[test]
    fn a_gesture_is_one_step_and_undone_steps_are_forgotten() {
        let mut history = History::new(changes(8));
        history.go_on(changes(9), Some(1));
        history.go_on(changes(10), Some(1));
        history.go_on(changes(10), Some(1));
        history.go_on(changes(11), Some(2));
        assert_eq!(history.steps(), [Changes::default(), changes(8), changes(10), changes(11)]);
        history.go_to(1);
        history.go_on(changes(12), Some(2));
        assert_eq!(history.steps(), [Changes::default(), changes(8), changes(12)]);
        assert_eq!(history.at(), 2);
    }

    #[test]
    fn a_step_that_is_taken_back_leaves_what_was_undone() {
        let mut history = History::new(changes(8));
        history.go_on(changes(9), None);
        history.go_on(changes(10), None);
        history.go_to(1);
        let before = history.steps().to_vec();
        // Dragged, and stopped where it began.
        history.go_on(changes(20), Some(1));
        history.go_on(changes(30), Some(1));
        history.replace(changes(8));
        assert_eq!((history.steps(), history.at()), (&*before, 1));
        // Dragged there and back.
        history.go_on(changes(20), Some(2));
        history.go_on(changes(8), Some(2));
        assert_eq!((history.steps(), history.at()), (&*before, 1));
        history.go_on(changes(20), Some(2));
        assert_eq!(history.steps(), [Changes::default(), changes(8), changes(20)]);
        // A step that was made and undone brings nothing back.
        history.go_to(1);
        history.go_on(changes(21), None);
        history.go_to(1);
        assert_eq!(history.steps(), [Changes::default(), changes(8), changes(21)]);
    }

    #[test]
    fn old_steps_are_forgotten_except_for_the_original() {
        let mut history = History::new(changes(1));
        for width in 2..2000 {
            history.go_on(changes(width), None);
        }
        assert_eq!(history.steps().len(), MOST_STEPS);
        assert!(history.steps()[0].is_empty());
        assert_eq!(history.current(), Some(&changes(1999)));
    }
}
