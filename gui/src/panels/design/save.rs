//! Saves the settings as a file that extends the original.

use std::sync::Arc;

use egui::{Grid, Key, Response, RichText, Role, TextEdit, Ui, WidgetInfo, Window};
use inceptive_app::{NewFile, SaveError, error_chain};

use super::changes::Changes;
use crate::{
    command::{Command, Commands},
    file::stem,
    jobs::Job,
    model::{Entry, Model},
    theme::colors,
};

/// The dialog.
#[derive(Default)]
pub struct Save {
    is_open: bool,
    /// Whether the first field is to get the keyboard.
    focuses: bool,
    name: String,
    file_name: String,
    /// The pending request.
    asked: Option<NewFile>,
}

impl Save {
    /// Draws the button, and the dialog once it was clicked.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        entry: &Entry,
        changes: &Changes,
        model: &Model,
        commands: &mut Commands,
    ) {
        let hint = match &entry.draft {
            Some(_) => "Save the text in Source first",
            None => "Save as a new file that extends this one",
        };
        let can = entry.draft.is_none() && !entry.is_wrong() && model.design.problem.is_none();
        let button = ui.add_enabled(can, egui::Button::new("Save as…"));
        if button.on_hover_text(hint).on_disabled_hover_text(hint).clicked() {
            self.is_open = true;
            self.focuses = true;
            self.name = format!("{} changed", entry.name());
            self.file_name = format!("{}-changed.yaml", stem(&entry.file));
            self.asked = None;
        }
        if self.is_open {
            self.dialog(ui, entry, changes, model, commands);
        }
    }

    fn dialog(
        &mut self,
        ui: &mut Ui,
        entry: &Entry,
        changes: &Changes,
        model: &Model,
        commands: &mut Commands,
    ) {
        let mut is_open = true;
        let is_saving = model.jobs.active().any(|state| matches!(state.job, Job::SaveDesign(_)));
        let is_asked = |new: &NewFile| {
            Some(new) == self.asked.as_ref()
                && (&new.name, &new.file_name) == (&self.name, &self.file_name)
        };
        let answer = model.design.saved.as_ref().filter(|(new, _)| !is_saving && is_asked(new));
        let exists = matches!(answer, Some((_, Err(SaveError::Exists(_)))));
        let title =
            Window::new("Save the design").open(&mut is_open).collapsible(false).resizable(false);
        let center = ui.ctx().content_rect().center();
        title.pivot(egui::Align2::CENTER_CENTER).default_pos(center).show(ui.ctx(), |ui| {
            let fields = Grid::new("save").num_columns(2).spacing([12.0, 6.0]).show(ui, |ui| {
                let name = field(ui, "Name", &mut self.name);
                crate::panels::focus_once(&name, &mut self.focuses);
                let file_name = field(ui, "File", &mut self.file_name);
                name.lost_focus() || file_name.lost_focus()
            });
            let entered = fields.inner && ui.input(|input| input.key_pressed(Key::Enter));
            if let Some((_, Err(problem))) = answer {
                ui.label(RichText::new(error_chain(problem)).color(colors(ui).error));
            }
            let text = if exists { "Replace it" } else { "Save" };
            ui.horizontal(|ui| {
                if ui.button(text).clicked() || (entered && !exists) {
                    let new = NewFile {
                        from: entry.file.to_path_buf(),
                        settings: changes.settings(),
                        name: self.name.clone(),
                        file_name: self.file_name.clone(),
                        replaces: exists,
                    };
                    commands.push(Command::Start(Job::SaveDesign(new.clone())));
                    self.asked = Some(new);
                }
                if ui.button("Cancel").clicked() {
                    self.is_open = false;
                }
            });
        });
        if let Some((_, Ok(path))) = answer {
            commands.push(Command::Select(vec![Arc::from(path.as_path())]));
            self.is_open = false;
        }
        if !is_open || ui.input(|input| input.key_pressed(Key::Escape)) {
            self.is_open = false;
        }
    }
}

/// A line of text with its name.
fn field(ui: &mut Ui, name: &str, text: &mut String) -> Response {
    ui.label(name);
    let response = ui.add(TextEdit::singleline(text).desired_width(320.0));
    response.widget_info(|| {
        WidgetInfo::labeled(Role::TextInput, true, format!("{name} of the design"))
    });
    ui.end_row();
    response
}
