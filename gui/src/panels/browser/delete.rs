//! The question before files are deleted.

use std::sync::Arc;

use egui::{RichText, Ui};

use crate::{
    IN_BROWSER,
    command::{Command, Commands},
    file::{FilePath, file_name},
    model::Model,
    panels::{first_button, question},
    theme::colors,
};

/// Files that are deleted if the user agrees.
pub(super) struct Delete {
    files: Vec<FilePath>,
    /// What will happen.
    lines: Vec<String>,
    /// What will be lost or broken.
    warnings: Vec<String>,
}

impl Delete {
    /// The selected files.
    pub fn of(model: &Model) -> Self {
        let files = model.selection.clone();
        let of = |is_wanted: &dyn Fn(&crate::model::Entry) -> bool| {
            let found = model.selected().filter(|entry| is_wanted(entry));
            found.map(|entry| Arc::clone(&entry.file)).collect::<Vec<FilePath>>()
        };
        let (new, written) = (of(&|entry| entry.is_new()), of(&|entry| !entry.is_new()));
        let drafts = of(&|entry| !entry.is_new() && entry.draft.is_some());
        let mut lines = vec![];
        if !written.is_empty() {
            let where_to = if IN_BROWSER { "removed from this page" } else { "moved to the trash" };
            lines.push(format!("Will be {where_to}: {}", names(&written)));
        }
        if !new.is_empty() {
            lines.push(format!("Never saved, will be lost for good: {}", names(&new)));
        }
        let mut warnings = vec![];
        if !drafts.is_empty() {
            warnings.push(format!("Unsaved changes will be lost: {}", names(&drafts)));
        }
        warnings.extend(broken(&files, false, model));
        Self { files, lines, warnings }
    }

    /// Draws the question; returns whether it stays open.
    pub fn ui(&self, ui: &Ui, commands: &mut Commands) -> bool {
        let modal = question(ui.ctx(), "delete", 420.0, |ui| {
            ui.heading(match &*self.files {
                [file] => format!("Delete {}?", file_name(file)),
                files => format!("Delete {} files?", files.len()),
            });
            for line in &self.lines {
                ui.label(line);
            }
            for warning in &self.warnings {
                ui.label(RichText::new(warning).color(colors(ui).warning));
            }
            ui.add_space(6.0);
            ui.horizontal(|ui| {
                (first_button(ui, "Delete").clicked(), ui.button("Cancel").clicked())
            })
            .inner
        });
        let (deletes, cancels) = modal.inner;
        if deletes {
            commands.push(Command::Delete(self.files.clone()));
        }
        !deletes && !cancels && !modal.should_close()
    }
}

/// Warns of files that are made of these, unless they are among them, or follow them when they are renamed.
pub(super) fn broken(files: &[FilePath], follows: bool, model: &Model) -> Option<String> {
    let mut made: Vec<FilePath> = files.iter().flat_map(|file| model.made_of(file)).collect();
    // A design that is not written follows the file that it is made of.
    let is_written = |file: &FilePath| model.entries.get(file).is_some_and(|it| !it.is_new());
    made.retain(|file| !follows || is_written(file));
    made.retain(|file| !files.contains(file));
    made.sort();
    made.dedup();
    (!made.is_empty())
        .then(|| format!("Files that are made of it become invalid: {}", names(&made)))
}

/// Files that are named.
const MOST_NAMED: usize = 8;

fn names(files: &[FilePath]) -> String {
    let named: Vec<String> = files.iter().take(MOST_NAMED).map(|file| file_name(file)).collect();
    let more = match files.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    named.join(", ") + &more
}
