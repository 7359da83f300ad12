//! Designs: networks that are made of others by settings.

use std::sync::Arc;

use inceptive_app::{Content, Inspected};
use inceptive_dsl::{Settables, Setting};

use crate::{
    changes::{Changes, History},
    file::FilePath,
    jobs::{DesignRequest, Made, OriginalRequest, Stopped},
};

/// How a network is made of another one.
#[derive(Clone, Debug)]
pub struct Design {
    /// The network that is changed, or the space that it is a point of.
    pub from: FilePath,
    /// The name of the network that it makes.
    pub name: String,
    /// Its steps.
    pub history: History,
    /// The text of the file on the disk, and the settings that it has.
    saved: Option<(Arc<str>, Changes)>,
    /// Its name and settings when its text was read, which need not be written again.
    read: Option<(String, Changes)>,
    /// The last request to count it.
    asked: Option<DesignRequest>,
    /// The settings that were counted last, if the current ones are a change of these.
    pub(super) counted: Option<Changes>,
    /// The last setting that a target stopped.
    pub stopped: Option<Stopped>,
}

impl Design {
    /// A design with its first step.
    pub(crate) fn new(from: FilePath, name: String, changes: Changes) -> Self {
        Self::restored(from, name, History::new(changes))
    }

    /// A design of an earlier run.
    pub(crate) fn restored(from: FilePath, name: String, history: History) -> Self {
        Self {
            from,
            name,
            history,
            saved: None,
            read: None,
            asked: None,
            counted: None,
            stopped: None,
        }
    }

    /// The design that a text makes.
    pub(super) fn made(made: Made) -> Self {
        Self::new(made.from, made.name, made.changes)
    }

    /// Takes the settings and the name of a text that was typed as a step. All that is typed is one step.
    pub(super) fn take_typed(&mut self, made: Made) {
        const TYPED: u64 = u64::MAX;
        self.history.go_on(made.changes, Some(TYPED));
        self.name = made.name;
    }

    /// Its settings.
    pub fn changes(&self) -> &Changes {
        const NONE: &Changes = &Changes::NONE;
        self.history.current().unwrap_or(NONE)
    }

    /// Its settings, as they are given to a command.
    pub fn settings(&self) -> Vec<Setting> {
        self.changes().settings()
    }

    /// Whether there is a step to go back to.
    pub const fn can_undo(&self) -> bool {
        self.history.at() > 0
    }

    /// Whether there is a step that was undone.
    pub fn can_redo(&self) -> bool {
        self.history.at() + 1 < self.history.steps().len()
    }

    /// Takes other settings, unless a target has refused them already.
    pub(crate) fn change(&mut self, changes: Changes, gesture: Option<u64>) {
        if gesture.is_none() {
            (self.counted, self.stopped) = (None, None);
        }
        let stopped = self.stopped.as_ref().filter(|stopped| stopped.refuses(&changes));
        let changes = stopped.map_or(changes, |stopped| stopped.changes.clone());
        self.history.go_on(changes, gesture);
    }

    /// Takes in that its settings were counted, and at which of them a target stopped.
    pub(super) fn take_counted(&mut self, stopped: Option<Stopped>) {
        if let Some(stopped) = stopped {
            self.history.replace(stopped.changes.clone());
            if let Some(asked) = &mut self.asked {
                asked.changes = stopped.changes.clone();
            }
            self.stopped = Some(stopped);
        }
        // The settings may have changed since, by a slider that is still dragged.
        let counted = self.asked.as_ref().map(|asked| asked.changes.clone());
        self.counted = counted.or_else(|| Some(self.changes().clone()));
    }

    /// Says that the current settings are a change of these, which targets may stop.
    pub(crate) fn begin_at(&mut self, changes: Changes) {
        self.counted = Some(changes);
    }

    /// Forgets what targets have stopped.
    pub(crate) fn release(&mut self) {
        self.stopped = None;
    }

    pub(crate) fn go_to(&mut self, step: usize) {
        self.history.go_to(step);
        (self.counted, self.stopped) = (None, None);
    }

    /// Remembers that this text, with the current settings, is in its file.
    pub(super) fn written(&mut self, text: &Arc<str>) {
        self.saved = Some((Arc::clone(text), self.changes().clone()));
    }

    /// Whether its file had this text when it was written or read last.
    pub(super) fn is_saved_as(&self, text: Option<&Arc<str>>) -> bool {
        self.saved.as_ref().is_some_and(|(saved, _)| Some(saved) == text)
    }

    /// Whether its file had another text when it was written or read last.
    pub(super) fn is_saved_otherwise(&self, text: Option<&Arc<str>>) -> bool {
        self.saved.is_some() && !self.is_saved_as(text)
    }

    /// Remembers that the text that was just read is that of the current settings.
    pub(super) fn is_as_read(&mut self) {
        self.read = Some((self.name.clone(), self.changes().clone()));
        (self.counted, self.stopped) = (Some(self.changes().clone()), None);
    }

    /// Goes back to the settings that its file has; false if these are not known.
    pub(super) fn revert(&mut self) -> bool {
        let Some((_, saved)) = self.saved.clone() else { return false };
        self.history.go_on(saved, None);
        (self.counted, self.stopped) = (None, None);
        true
    }

    /// Whether a request is about its current settings.
    pub(super) fn is_about(&self, request: &DesignRequest) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.is_same(request))
    }

    /// Remembers a request; returns whether it is another one than the last, and its answer is not known already.
    pub(super) fn ask(&mut self, request: &DesignRequest) -> bool {
        let is_new = !self.is_about(request);
        if is_new {
            self.asked = Some(request.clone());
        }
        let is_read =
            |(name, changes): (String, Changes)| name == request.name && changes == request.changes;
        !self.read.take().is_some_and(is_read) && is_new
    }
}

/// What designs are compared with: the network of a file, or the default network of a space.
#[derive(Debug)]
pub struct Original {
    /// What it was read from.
    pub request: OriginalRequest,
    /// The network, or why there is none.
    pub network: Result<Arc<Inspected>, String>,
    /// The settable values; `None` for a space, which has variables instead.
    pub settables: Option<Arc<Settables>>,
}

impl Original {
    /// Whether it is about this reading of a file.
    pub fn is_about(&self, file: &FilePath, content: &Content) -> bool {
        self.request.is_about(file, content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::Text;

    /// A design, and what it asks for with an input of so many pixels.
    fn dragged(design: &mut Design, size: u32) -> DesignRequest {
        let mut changes = design.changes().clone();
        changes.set("input.size", Some(size.to_string()));
        design.change(changes.clone(), Some(1));
        let file: FilePath = Arc::from(std::path::Path::new("b.yaml"));
        let from = Text { file: Arc::clone(&design.from), text: None };
        DesignRequest { file, from, changes, name: design.name.clone(), keep: None }
    }

    #[test]
    fn what_a_slider_did_since_does_not_count_as_counted() {
        let from: FilePath = Arc::from(std::path::Path::new("a.yaml"));
        let mut design = Design::new(from, "B".to_owned(), Changes::default());
        let first = dragged(&mut design, 225);
        design.ask(&first);
        // Dragged on before the answer is there, and not asked yet.
        dragged(&mut design, 380);
        assert!(design.is_about(&first));
        design.take_counted(None);
        assert_eq!(design.counted, Some(first.changes));
    }
}
