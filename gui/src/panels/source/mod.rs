//! The text of the current file, to be edited; it is checked as the user types.
//!
//! | part | file |
//! |---|---|
//! | the controls around the text, saving | this one |
//! | the text with numbers and marks | `editor` |
//! | colours | `highlight` |
//! | errors and their places | `marks` |

mod editor;
mod highlight;
mod marks;

use std::{path::Path, sync::Arc};

use egui::{Button, Id, Panel, RichText, ScrollArea, Ui};
use inceptive_app::error_chain;

use crate::{
    command::{Command, Commands},
    file::FilePath,
    jobs::SaveProblem,
    model::{Entry, Model, State},
    theme::colors,
};

use editor::{Painted, editor};
use marks::{Problem, problems};

/// The source tab.
#[derive(Default)]
pub struct Source {
    /// The line to show next, from 1.
    wanted: Option<(FilePath, usize)>,
    /// Whether the text is to get the keyboard.
    focuses: bool,
    painted: Painted,
}

impl Source {
    /// Brings a line, from 1, into view.
    pub(crate) fn show_line(&mut self, file: FilePath, line: usize) {
        self.wanted = Some((file, line));
    }

    /// Moves the keyboard focus to the text.
    pub(crate) const fn focus(&mut self) {
        self.focuses = true;
    }

    /// Draws the text of the current file and its errors.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let Some(entry) = super::current_or_hint(ui, model) else { return };
        self.focuses |= conflict(ui, entry, commands);
        let Some(text) = entry.shown_text().map(Arc::clone) else {
            no_text(ui, entry);
            self.focuses = false;
            return;
        };
        let (problems, marks) = problems(entry, &text);
        header(ui, entry, model, commands);
        if !problems.is_empty() {
            let panel = Panel::bottom("problems").resizable(true).default_size(120.0);
            panel.size_range(48.0..=ui.available_height() * 0.6).show(ui, |ui| {
                self.list(ui, entry, &problems, model, commands);
            });
        }
        let line = self.wanted.take_if(|(file, _)| *file == entry.file).map(|(_, line)| line);
        let id = editor_of(entry);
        self.give_focus(ui, id);
        let place = (problems.as_slice(), marks.as_slice());
        if let Some(new) = editor(ui, id, &text, &mut self.painted, place, line) {
            commands.push(Command::Edit(Arc::clone(&entry.file), Some(new)));
        }
    }

    /// Moves the keyboard focus to the editor once no question is open; widgets below a question cannot have it.
    fn give_focus(&mut self, ui: &Ui, editor: Id) {
        if !self.focuses {
            return;
        }
        if ui.memory(|memory| memory.top_modal_layer().is_some()) {
            ui.ctx().request_repaint();
        } else {
            self.focuses = false;
            ui.memory_mut(|memory| memory.request_focus(editor));
        }
    }

    /// Lists the errors, each with a link to its place.
    fn list(
        &mut self,
        ui: &mut Ui,
        entry: &Entry,
        problems: &[Problem],
        model: &Model,
        commands: &mut Commands,
    ) {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            for problem in problems {
                let Problem { code, message, help, place } = problem;
                ui.horizontal_wrapped(|ui| {
                    let text = match place {
                        Some((None, line, column)) => format!("{line}:{column}"),
                        Some((Some(file), line, column)) => {
                            format!("{}:{line}:{column}", model.name_of(file).display())
                        }
                        None => "file".to_owned(),
                    };
                    let link = ui.link(RichText::new(text).monospace());
                    ui.label(RichText::new(code).monospace().color(colors(ui).error));
                    ui.label(message);
                    match place {
                        Some((file, line, _)) if link.clicked() => {
                            let other = file.as_deref().map(|path| known(path, model));
                            let file = other.unwrap_or_else(|| Arc::clone(&entry.file));
                            commands.push(Command::ShowLine(file, *line));
                        }
                        _ => {}
                    }
                });
                if let Some(help) = help {
                    ui.label(RichText::new(format!("help: {help}")).color(colors(ui).weak));
                }
            }
        });
    }
}

/// Which editor has the cursor and the undo steps of a file.
fn editor_of(entry: &Entry) -> Id {
    Id::unique(("source", &*entry.file))
}

/// The file of the folder at a path.
fn known(path: &Path, model: &Model) -> FilePath {
    let same = |file: &&FilePath| file.canonicalize().ok() == path.canonicalize().ok();
    model.entries.keys().find(same).map_or_else(|| Arc::from(path), Arc::clone)
}

/// The line above the text: the file, whether it is saved, and the buttons.
fn header(ui: &mut Ui, entry: &Entry, model: &Model, commands: &mut Commands) {
    let file = &entry.file;
    let is_dirty = entry.draft.is_some();
    ui.add_space(3.0);
    ui.horizontal_wrapped(|ui| {
        ui.add_space(4.0);
        let name = model.name_of(file).display();
        ui.label(RichText::new(format!("{name}{}", if is_dirty { " •" } else { "" })).strong());
        let save = ui.add_enabled(entry.to_save().is_some(), Button::new("Save"));
        if save.on_hover_text("Save to the file (Ctrl S)").clicked() {
            commands.push(Command::Save { file: Arc::clone(file), overwrite: false });
        }
        let revert = ui.add_enabled(is_dirty, Button::new("Revert"));
        if revert.on_hover_text("Discard unsaved changes").clicked() {
            commands.push(Command::Edit(Arc::clone(file), None));
        }
        let palette = colors(ui);
        match (&entry.state, is_dirty) {
            (State::Good(_), true) => {
                ui.label(RichText::new("valid, not saved").color(palette.warning))
            }
            (State::Good(_), false) => ui.label(RichText::new("valid").color(palette.good)),
            (State::Wrong(_), _) => ui.label(RichText::new("invalid").color(palette.error)),
            (State::Gone, _) => {
                ui.label(RichText::new("file deleted; saving restores it").color(palette.error))
            }
            (State::Unread, _) => ui.label(RichText::new("reading…").color(palette.weak)),
        };
        if let Some(SaveProblem::Failed(why)) = &entry.save_problem {
            let text = format!("Cannot save: {why}. Nothing is lost: the text is still here.");
            ui.label(RichText::new(text).color(palette.error));
        }
        if entry.save_problem == Some(SaveProblem::Exists) {
            let text = "A file of this name exists already; choose another name in Design.";
            ui.label(RichText::new(text).color(palette.error));
        }
        if entry.is_restored {
            ui.label(RichText::new("Restored unsaved changes.").color(palette.warning));
        }
        if entry.changed_elsewhere() {
            ui.label(RichText::new("The file changed on disk.").color(palette.warning));
        }
    });
    ui.add_space(2.0);
}

/// Asks what to do if another program changed the file that is to be saved. Returns whether the question was dismissed
/// without an answer.
fn conflict(ui: &Ui, entry: &Entry, commands: &mut Commands) -> bool {
    if entry.save_problem != Some(SaveProblem::Changed) {
        return false;
    }
    let file = || Arc::clone(&entry.file);
    let modal = super::question(ui.ctx(), "conflict", 430.0, |ui| {
        ui.heading("The file changed on disk");
        let name = crate::file::stem(&entry.file);
        ui.label(format!(
            "Another program changed {name} since you began to edit it. Overwriting loses its changes, reloading \
             loses yours."
        ));
        ui.add_space(6.0);
        ui.horizontal(|ui| {
            if ui.button("Overwrite").clicked() {
                commands.push(Command::Save { file: file(), overwrite: true });
            }
            if ui.button("Reload").clicked() {
                commands.push(Command::Edit(file(), None));
            }
            ui.button("Cancel").clicked()
        })
        .inner
    });
    let is_left = modal.inner || modal.should_close();
    if is_left {
        // The same text again: only the question goes away.
        let text = entry.draft.as_ref().map(|text| text.to_string());
        commands.push(Command::Edit(file(), text));
    }
    is_left
}

/// Shows why there is no text.
fn no_text(ui: &mut Ui, entry: &Entry) {
    let text = match &entry.state {
        State::Unread => "Reading…".to_owned(),
        State::Gone => "The file was deleted.".to_owned(),
        State::Wrong(error) => error_chain(&**error),
        State::Good(_) => {
            "An ONNX file has no text. Graph and Compare show what is in it.".to_owned()
        }
    };
    super::nothing(ui, &text);
}
