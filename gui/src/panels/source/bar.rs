//! The line above the text, and the question when another program changed the file.

use std::sync::Arc;

use egui::{Button, RichText, Ui};

use inceptive_format::counted;

use crate::{
    actions::{Action, asked},
    command::{Command, Commands},
    jobs::SaveProblem,
    model::{Entry, Model, State},
    theme::colors,
};

/// The line above the text: the file, whether it is saved, and the buttons.
pub(super) fn header(
    ui: &mut Ui,
    entry: &Entry,
    (is_beside, mistakes): (bool, usize),
    model: &Model,
    commands: &mut Commands,
) {
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
        // A file that was never written has nothing to go back to.
        let can_revert = is_dirty && !entry.is_new();
        let revert = ui.add_enabled(can_revert, Button::new("Revert"));
        let revert = match entry.is_new() {
            true => revert.on_disabled_hover_text("The file was never saved; delete it instead"),
            false => revert.on_hover_text("Discard unsaved changes"),
        };
        if revert.clicked() || (asked(ui.ctx(), Action::Revert) && can_revert) {
            commands.push(Command::Discard(Arc::clone(file)));
        }
        let mut beside = is_beside;
        let toggle = ui.toggle_value(&mut beside, "Beside graph");
        if toggle.on_hover_text("Show text and graph side by side (Ctrl \\)").clicked() {
            commands.push(Command::ToggleBeside);
        }
        let palette = colors(ui);
        match (&entry.state, is_dirty) {
            (State::Good(_), true) => {
                ui.label(RichText::new("valid, not saved").color(palette.warning))
            }
            (State::Good(_), false) => ui.label(RichText::new("valid").color(palette.good)),
            (State::Wrong(_), _) => {
                let text = counted(mistakes, "error", "errors");
                ui.label(RichText::new(text).color(palette.error))
            }
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
            let text =
                "A file of this name exists already; give this one another name (File, Rename).";
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
pub(super) fn conflict(ui: &Ui, entry: &Entry, commands: &mut Commands) -> bool {
    if entry.save_problem != Some(SaveProblem::Changed) {
        return false;
    }
    let file = || Arc::clone(&entry.file);
    let modal = crate::panels::question(ui.ctx(), "conflict", 430.0, |ui| {
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
