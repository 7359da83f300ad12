//! The steps of a design: going back, going on, and their list.

use std::sync::Arc;

use egui::{Button, ScrollArea, Ui};
use inceptive_format::counted;

use crate::{
    actions::{Action, asked, chosen},
    changes::{Changes, History},
    command::{Command, Commands},
    model::{Design, Entry},
    panels::keys_are_free,
};

/// Height of the list of steps, in points.
const MOST_HEIGHT: f32 = 300.0;

/// Settings that are named in a line.
const MOST_NAMED: usize = 2;

/// Takes the keys that undo and redo.
pub fn keys(ui: &Ui, entry: &Entry, commands: &mut Commands) {
    let Some(design) = &entry.design else { return };
    let does = |action| match keys_are_free(ui) {
        true => asked(ui.ctx(), action),
        false => chosen(ui.ctx(), action),
    };
    if does(Action::RedoStep) {
        redo(entry, design, commands);
    } else if does(Action::UndoStep) {
        undo(entry, design, commands);
    }
}

fn undo(entry: &Entry, design: &Design, commands: &mut Commands) {
    if design.can_undo() {
        commands.push(Command::GoTo(Arc::clone(&entry.file), design.history.at() - 1));
    }
}

fn redo(entry: &Entry, design: &Design, commands: &mut Commands) {
    if design.can_redo() {
        commands.push(Command::GoTo(Arc::clone(&entry.file), design.history.at() + 1));
    }
}

/// Draws the buttons, and the list of steps.
pub fn ui(ui: &mut Ui, entry: &Entry, commands: &mut Commands) {
    let button = |ui: &mut Ui, name: &str, hover: &str, can| {
        ui.add_enabled(can, Button::new(name)).on_hover_text(hover).clicked()
    };
    let Some(design) = &entry.design else {
        // As much room as there will be for a design.
        for name in ["Undo", "Redo", "Steps"] {
            ui.add_enabled(false, Button::new(name));
        }
        return;
    };
    if button(ui, "Undo", "Ctrl Z", design.can_undo()) {
        undo(entry, design, commands);
    }
    if button(ui, "Redo", "Ctrl Shift Z", design.can_redo()) {
        redo(entry, design, commands);
    }
    ui.menu_button("Steps", |ui| {
        ScrollArea::vertical().max_height(MOST_HEIGHT).show(ui, |ui| {
            let history = &design.history;
            for step in (0..history.steps().len()).rev() {
                let is_current = step == history.at();
                if ui.selectable_label(is_current, described(history, step)).clicked() {
                    commands.push(Command::GoTo(Arc::clone(&entry.file), step));
                    ui.close();
                }
            }
        });
    });
}

/// What a step changed: `2: 4a.c3 = 256`.
fn described(history: &History, step: usize) -> String {
    let steps = history.steps();
    let Some(before) = step.checked_sub(1).and_then(|before| steps.get(before)) else {
        return "0: as in the file".to_owned();
    };
    let none = Changes::default();
    let after = steps.get(step).unwrap_or(&none);
    let differences = after.differences(before);
    let named = differences.iter().take(MOST_NAMED).map(|(key, value)| match value {
        Some(value) => format!("{key} = {value}"),
        None => format!("{key} reset"),
    });
    let mut text = named.collect::<Vec<_>>().join(", ");
    if differences.len() > MOST_NAMED {
        let more = counted(differences.len() - MOST_NAMED, "more value", "more values");
        text.push_str(&format!(", {more}"));
    }
    format!("{step}: {text}")
}
