//! The question for the new name of a file.

use std::{path::PathBuf, sync::Arc};

use egui::{Button, Key, RichText, Role, TextEdit, Ui, WidgetInfo};
use inceptive_app::{is_onnx, yaml_file_name};

use super::delete::broken;
use crate::{
    command::{Command, Commands},
    file::{FilePath, file_name},
    jobs::{Job, RenameRequest},
    model::{Entry, Model},
    panels::{focus_once, question},
    theme::colors,
};

/// A file and its new name.
pub(super) struct Rename {
    file: FilePath,
    name: String,
    /// What will be broken.
    warning: Option<String>,
    /// Whether the field is to get the keyboard.
    focuses: bool,
}

impl Rename {
    pub fn of(entry: &Entry, model: &Model) -> Self {
        let file = Arc::clone(&entry.file);
        let warning = match entry.is_new() {
            // Designs of it go with it.
            true => None,
            false => broken(std::slice::from_ref(&file), true, model),
        };
        Self { name: file_name(&file), file, warning, focuses: true }
    }

    /// Draws the question; returns whether it stays open.
    pub fn ui(&mut self, ui: &Ui, model: &Model, commands: &mut Commands) -> bool {
        let target = self.target(model);
        let modal = question(ui.ctx(), "rename", 420.0, |ui| {
            ui.heading(format!("Rename {}", file_name(&self.file)));
            let name = field(ui, &mut self.name, &mut self.focuses);
            let problem = target.as_ref().err().filter(|_| !name.trim().is_empty());
            if let Some(problem) = problem {
                ui.label(RichText::new(problem).color(colors(ui).error));
            }
            if let Some(warning) = &self.warning {
                ui.label(RichText::new(warning).color(colors(ui).warning));
            }
            answer(ui, "Rename", target.is_ok(), &mut self.focuses)
        });
        let (renames, cancels) = modal.inner;
        match target.ok().filter(|_| renames) {
            Some(to) => {
                commands.push_all(self.command(to, model));
                false
            }
            None => !cancels && !modal.should_close(),
        }
    }

    fn command(&self, to: PathBuf, model: &Model) -> Option<Command> {
        let entry = model.entries.get(&self.file)?;
        if *to == *self.file {
            return None;
        }
        let (file, to) = (Arc::clone(&self.file), FilePath::from(to));
        if !entry.is_new() {
            return Some(Command::Start(Job::Rename(RenameRequest { from: file, to })));
        }
        let name = entry.design.as_ref().map_or_else(|| entry.name(), |it| it.name.clone());
        Some(Command::Rename { file, name, file_name: file_name(&to) })
    }

    /// The new path, or why the name cannot be taken.
    fn target(&self, model: &Model) -> Result<PathBuf, String> {
        let typed = self.name.trim();
        let name = match is_onnx(&self.file) {
            true => {
                let stem = typed.strip_suffix(".onnx").unwrap_or(typed);
                yaml_file_name(stem).map(|_| format!("{stem}.onnx"))
            }
            false => yaml_file_name(typed),
        };
        let to = self.file.with_file_name(name.map_err(|error| error.to_string())?);
        match *to != *self.file && model.is_taken(&to) {
            true => Err(format!("{} exists already.", file_name(&to))),
            false => Ok(to),
        }
    }
}

/// Draws the field for the name of a file.
pub(super) fn field<'a>(ui: &mut Ui, name: &'a mut String, focuses: &mut bool) -> &'a str {
    let field = ui.add(TextEdit::singleline(name).desired_width(f32::INFINITY));
    field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "File name"));
    focus_once(&field, focuses);
    name
}

/// Draws the buttons; Enter is the first one, and stays in the field if that cannot be taken. Returns whether it was taken,
/// and whether the question was cancelled.
pub(super) fn answer(ui: &mut Ui, title: &str, can: bool, focuses: &mut bool) -> (bool, bool) {
    let enter = ui.input(|input| input.key_pressed(Key::Enter));
    *focuses |= enter && !can;
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        let takes = ui.add_enabled(can, Button::new(title)).clicked() || (can && enter);
        (takes, ui.button("Cancel").clicked())
    })
    .inner
}
