//! New files, copies and deleted files.

use std::sync::Arc;

use super::App;
use crate::{
    changes::Changes,
    file::{FilePath, stem},
    jobs::{Job, TrashRequest},
    pane::Pane,
    templates, tiles,
};

impl App {
    /// Puts a text on the list that is not written yet, and shows it.
    pub(super) fn new_text(&mut self, file: &FilePath, text: Arc<str>) {
        if self.model.is_taken(file) {
            return;
        }
        self.model.add_text(file, text);
        self.read(Arc::clone(file));
        self.panels.source.focus();
        tiles::show(&mut self.tree, Pane::Source);
    }

    /// Makes a design of a file, and shows its text.
    pub(super) fn vary(&mut self, of: &FilePath, name: &str, file_name: &str) {
        let Some(new) = self.model.new_design(of, Changes::default()) else { return };
        self.rename(&new, name, file_name);
        let renamed = new.with_file_name(file_name);
        let file =
            if self.model.entries.contains_key(&*renamed) { Arc::from(renamed) } else { new };
        self.model.selection = vec![file];
        tiles::show(&mut self.tree, Pane::Source);
    }

    /// Makes a copy of a design, or of the text of a file.
    pub(super) fn copy(&mut self, file: &FilePath) {
        let Some(entry) = self.model.entries.get(file) else { return };
        if entry.design.is_some() {
            self.duplicate(file);
            return;
        }
        let Some(text) = entry.shown_text() else { return };
        let (name, stem) = (entry.name(), stem(file));
        let copies = (1_u32..).map(|number| {
            let copy = file.with_file_name(format!("{stem}-copy-{number}.yaml"));
            (copy, format!("{name} (copy {number})"))
        });
        let mut free = copies.filter(|(copy, _)| !self.model.is_taken(copy));
        let Some((copy, name)) = free.next() else { return };
        let text = templates::renamed(text, &name);
        let copy: FilePath = Arc::from(copy);
        self.model.add_text(&copy, Arc::from(text));
        self.read(copy);
    }

    /// Forgets what is not saved of a file.
    pub(super) fn discard(&mut self, file: FilePath) {
        let job = match self.model.discard(&file) {
            true => Job::Read(self.model.read_request(&file)),
            // It is off the list; another program may have written a file of its name.
            false => Job::List(self.model.folder.clone()),
        };
        self.start(job);
    }

    /// Moves files to the trash; takes those off the list that were never saved.
    pub(super) fn delete(&mut self, files: Vec<FilePath>) {
        let is_new = |file: &FilePath| self.model.entries.get(file).is_some_and(|it| it.is_new());
        let (new, written): (Vec<_>, Vec<_>) = files.into_iter().partition(is_new);
        new.into_iter().for_each(|file| self.discard(file));
        if !written.is_empty() {
            let trash = self.trash.clone();
            self.start(Job::Trash(TrashRequest { files: written, trash }));
        }
    }
}
