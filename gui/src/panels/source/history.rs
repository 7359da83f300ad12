//! Undo and redo: the texts of a file, whoever changed them.

use std::sync::Arc;

use super::lines::Change;

/// How long nothing may be typed before an undo stops there, in seconds.
const PAUSE_S: f64 = 0.4;

/// Steps that are kept.
const MOST_STEPS: usize = 1000;

/// Bytes of steps that are kept.
const MOST_BYTES: usize = 32 << 20;

/// A part of the text that was replaced.
#[derive(Clone, Debug)]
struct Step {
    at: usize,
    old: String,
    new: String,
}

/// The texts of a file, as steps from one to the next.
#[derive(Debug, Default)]
pub(super) struct History {
    text: Option<Arc<str>>,
    undone: Vec<Step>,
    done: Vec<Step>,
    /// When the text was changed last.
    time: f64,
    bytes: usize,
}

/// A text, and where it differs from the one before.
pub(super) struct Stop {
    /// The text.
    pub text: String,
    /// The end of the part that differs, in bytes.
    pub cursor: usize,
}

impl History {
    /// Notes the text that is shown at a time in seconds.
    pub fn see(&mut self, text: &Arc<str>, now: f64) {
        let old = self.text.replace(Arc::clone(text));
        let Some(old) = old.filter(|old| old != text) else { return };
        let Change { old: before, new: after } = Change::between(&old, text);
        let step =
            Step { at: before.start, old: old[before].to_owned(), new: text[after].to_owned() };
        self.undone.clear();
        let goes_on = now - self.time < PAUSE_S;
        self.time = now;
        let joined = self.done.last_mut().is_some_and(|last| goes_on && last.join(&step));
        self.bytes += step.bytes();
        if !joined {
            self.done.push(step);
        }
        while self.done.len() > MOST_STEPS || (self.bytes > MOST_BYTES && self.done.len() > 1) {
            self.bytes = self.bytes.saturating_sub(self.done.remove(0).bytes());
        }
    }

    /// The text before the last step.
    pub fn undo(&mut self) -> Option<Stop> {
        let step = self.done.pop()?;
        let stop = self.replace(step.at, step.new.len(), &step.old);
        self.undone.push(step);
        stop
    }

    /// The text after the step that was undone last.
    pub fn redo(&mut self) -> Option<Stop> {
        let step = self.undone.pop()?;
        let stop = self.replace(step.at, step.old.len(), &step.new);
        self.done.push(step);
        stop
    }

    fn replace(&mut self, at: usize, length: usize, by: &str) -> Option<Stop> {
        let mut text = self.text.as_ref()?.to_string();
        text.replace_range(at..at + length, by);
        self.text = Some(Arc::from(text.as_str()));
        // What is typed next is a step of its own.
        self.time = f64::NEG_INFINITY;
        Some(Stop { text, cursor: at + by.len() })
    }
}

impl Step {
    const fn bytes(&self) -> usize {
        self.old.len() + self.new.len()
    }

    /// Takes in the next step if it goes on typing or deleting where this one ended.
    fn join(&mut self, next: &Self) -> bool {
        if next.old.is_empty() && next.at == self.at + self.new.len() {
            self.new.push_str(&next.new);
            return true;
        }
        let deletes = self.new.is_empty() && next.new.is_empty();
        if deletes && next.at + next.old.len() == self.at {
            self.at = next.at;
            self.old.insert_str(0, &next.old);
            return true;
        }
        if deletes && next.at == self.at {
            self.old.push_str(&next.old);
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(texts: &[(&str, f64)]) -> History {
        let mut history = History::default();
        texts.iter().for_each(|(text, time)| history.see(&Arc::from(*text), *time));
        history
    }

    #[test]
    fn what_is_typed_without_a_pause_is_one_step() {
        let mut history =
            seen(&[("", 0.0), ("a", 1.0), ("ab", 1.1), ("ab c", 9.0), ("ab", 9.1), ("a", 9.2)]);
        let undo = |history: &mut History| history.undo().map(|stop| (stop.text, stop.cursor));
        assert_eq!(undo(&mut history), Some(("ab c".to_owned(), 4)));
        assert_eq!(undo(&mut history), Some(("ab".to_owned(), 2)));
        assert_eq!(undo(&mut history), Some((String::new(), 0)));
        assert_eq!(undo(&mut history), None);
    }

    #[test]
    fn steps_are_redone_until_something_else_is_typed() {
        let mut history = seen(&[("one", 0.0), ("one two", 5.0), ("one 2", 9.0)]);
        assert_eq!(history.undo().unwrap().text, "one two");
        assert_eq!(history.redo().unwrap().text, "one 2");
        assert!(history.redo().is_none());
        history.undo();
        history.see(&Arc::from("one two!"), 9.1);
        assert!(history.redo().is_none());
        assert_eq!(history.undo().unwrap().text, "one two");
    }
}
