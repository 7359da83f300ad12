//! Commands on designs.

use std::sync::Arc;

use super::App;
use crate::{
    changes::Changes, file::FilePath, jobs::Job, model::Message, pane::Pane, panels, tiles,
};

impl App {
    /// Gives a design these settings; makes a new one of a file that is none.
    pub(super) fn design(&mut self, file: &FilePath, changes: Changes, gesture: Option<u64>) {
        let entry = self.model.entries.get_mut(file);
        if let Some(design) = entry.and_then(|entry| entry.design.as_mut()) {
            design.change(changes, gesture);
            return;
        }
        if changes.is_empty() {
            return;
        }
        let Some(new) = self.model.new_design(file, changes) else { return };
        let selection = &mut self.model.selection;
        match selection.iter_mut().find(|known| *known == file) {
            Some(known) => *known = Arc::clone(&new),
            None => *selection = vec![Arc::clone(&new)],
        }
        let entry = self.model.entries.get_mut(&new);
        if let Some(design) = entry.and_then(|entry| entry.design.as_mut()) {
            design.begin_at(Changes::default());
            design.history.made_by(gesture);
        }
    }

    /// Goes to a step of a design.
    pub(super) fn go_to(&mut self, file: &FilePath, step: usize) {
        let entry = self.model.entries.get_mut(file);
        if let Some(design) = entry.and_then(|entry| entry.design.as_mut()) {
            design.go_to(step);
        }
    }

    /// Makes a design of a point of a space, and shows it.
    pub(super) fn show_point(&mut self, file: &FilePath, values: &[(String, String)]) {
        if let Some(new) = self.new_point(file, values) {
            self.model.selection = vec![new];
            tiles::show(&mut self.tree, Pane::Design);
        }
    }

    /// Makes designs of points of spaces, and adds them to the selection.
    pub(super) fn add_points(&mut self, points: &[(FilePath, Vec<(String, String)>)]) {
        for (file, values) in points {
            let Some(new) = self.new_point(file, values) else { return };
            self.model.selection.push(new);
        }
    }

    fn new_point(&mut self, file: &FilePath, values: &[(String, String)]) -> Option<FilePath> {
        let changes = panels::design::point(&self.model, file, values);
        let new = changes.and_then(|changes| self.model.new_design(file, changes));
        if new.is_none() {
            let text = "the space has changed; count or draw it again".to_owned();
            self.model.messages.push(Message::Problem(text));
        }
        new
    }

    /// Makes a design with the settings of a file, and selects it.
    pub(super) fn duplicate(&mut self, file: &FilePath) {
        let Some(entry) = self.model.entries.get(file) else { return };
        let design = entry.design.as_ref();
        let changes = design.map(|design| design.changes().clone()).unwrap_or_default();
        if let Some(new) = self.model.new_design(file, changes) {
            self.model.selection = vec![new];
        }
    }

    pub(super) fn rename(&mut self, file: &FilePath, name: &str, file_name: &str) {
        match self.model.rename_design(file, name, file_name) {
            // A file of the old name may be there, from another program.
            Ok(renamed) if renamed != *file => self.start(Job::List(self.model.folder.clone())),
            Ok(_) => {}
            Err(problem) => self.model.messages.push(Message::Problem(problem)),
        }
    }

    pub(super) fn count_designs(&mut self) {
        for job in self.model.wants_designs() {
            self.start(job);
        }
    }

    /// Saves what is not saved of these files; the job starts when all of it is.
    pub(super) fn save_then(&mut self, files: Vec<FilePath>, job: Job) {
        for file in &files {
            self.save_draft(Arc::clone(file), false);
        }
        self.waiting.push((files, job));
    }

    /// Starts jobs whose files are written by now; forgets those whose files cannot be.
    pub(super) fn start_waiting(&mut self) {
        for (files, job) in std::mem::take(&mut self.waiting) {
            let entries = || files.iter().filter_map(|file| self.model.entries.get(file));
            let stuck = entries().find(|entry| entry.save_problem.is_some());
            if let Some(entry) = stuck {
                let text = format!("{} was not saved; see Source", entry.name());
                self.model.messages.push(Message::Problem(text));
            } else if entries().any(|entry| entry.draft.is_some()) {
                self.waiting.push((files, job));
            } else {
                self.start(job);
            }
        }
    }
}
