//! Why a file is not shown as it is: a line above what is shown instead, with the first mistake and its place.

use std::sync::Arc;

use egui::{RichText, Ui};

use super::{onnx, source::first_problem};
use crate::{
    command::{Command, Commands},
    model::{Entry, Model, State},
    theme::colors,
};

/// Files whose mistakes are listed.
const MOST: usize = 3;

/// Why a file cannot be shown as it is, as a note above the last version that is shown instead; `None` if it can.
pub(crate) const fn caveat(entry: &Entry) -> Option<&'static str> {
    match entry.state {
        State::Gone => Some("File deleted; showing the last version."),
        State::Wrong(_) if entry.good.is_some() => {
            Some("The file has errors; showing the last valid version.")
        }
        _ if entry.draft.is_some() => Some("Not saved yet."),
        State::Unread | State::Wrong(_) | State::Good(_) => None,
    }
}

/// Draws [`caveat`] as a line of its own, with the first mistake.
pub(crate) fn caveat_line(ui: &mut Ui, entry: &Entry, model: &Model, commands: &mut Commands) {
    let text = caveat(entry);
    if text.is_none() && !entry.is_wrong() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.add_space(4.0);
        if let Some(text) = text {
            ui.label(RichText::new(text).color(colors(ui).warning));
        }
        mistake(ui, entry, model, commands);
    });
}

/// Draws a line for each selected file with mistakes, on screens of several networks.
pub(crate) fn caveat_lines(ui: &mut Ui, model: &Model, commands: &mut Commands) {
    let is_wrong = |entry: &&Entry| matches!(entry.state, State::Wrong(_));
    for entry in model.selected().filter(is_wrong).take(MOST) {
        ui.horizontal_wrapped(|ui| {
            let name = model.name_of(&entry.file).display();
            let text = match entry.good {
                Some(_) => format!("{name} has errors; the last valid version is used."),
                None => format!("{name} has errors."),
            };
            ui.label(RichText::new(text).color(colors(ui).warning));
            mistake(ui, entry, model, commands);
        });
    }
    let more = model.selected().filter(is_wrong).skip(MOST).count();
    if more > 0 {
        let text = format!("{more} more selected files have errors.");
        ui.label(RichText::new(text).color(colors(ui).warning));
    }
}

/// Draws a line for each selected file that jobs do not take as it is shown: they read what is saved.
pub(crate) fn job_caveats(ui: &mut Ui, model: &Model, commands: &mut Commands) {
    let noted = model.selected().filter_map(|entry| Some((entry, job_caveat(entry)?)));
    for (entry, text) in noted.take(MOST) {
        ui.horizontal_wrapped(|ui| {
            let text = format!("{} {text}", model.name_of(&entry.file).display());
            ui.label(RichText::new(text).color(colors(ui).warning));
            mistake(ui, entry, model, commands);
        });
    }
}

/// What is not as shown when a job takes a file; `None` if all is.
const fn job_caveat(entry: &Entry) -> Option<&'static str> {
    let is_typed = entry.draft.is_some() && entry.design.is_none() && !entry.is_new();
    match (&entry.state, is_typed) {
        (State::Gone, _) => Some("was deleted: jobs with it fail."),
        (State::Wrong(_), true) => {
            Some("has unsaved changes with errors; jobs use the saved file.")
        }
        (_, true) => Some("has unsaved changes; jobs use the saved file."),
        (State::Wrong(_), false) => Some("has errors: jobs with it fail until they are corrected."),
        (State::Unread | State::Good(_), false) => None,
    }
}

/// Draws the first mistake in a file, with a link to its place, or with fields for what can be set so that it is none.
pub(crate) fn mistake(ui: &mut Ui, entry: &Entry, model: &Model, commands: &mut Commands) {
    let Some(problem) = first_problem(entry) else { return };
    if let Some((file, line, column)) = &problem.place {
        let place = match file {
            Some(file) => format!("{}:{line}:{column}", model.name_of(file).display()),
            None => format!("line {line}"),
        };
        if ui.link(place).on_hover_text("Show it in the source").clicked() {
            let other = file.as_deref().map(|path| super::source::known(path, model));
            let file = other.unwrap_or_else(|| Arc::clone(&entry.file));
            commands.push(Command::ShowLine(file, *line));
        }
    }
    ui.label(RichText::new(&problem.message).color(colors(ui).error));
    onnx::fields(ui, entry, model, commands);
}
