//! The open folder, and the way to another.

use std::path::{Path, PathBuf};

use egui::{Align, Button, Key, Label, Layout, RichText, Role, TextEdit, Ui, WidgetInfo};
use inceptive_files::disk;

use super::ask::Ask;
use crate::{
    IN_BROWSER,
    actions::{Action, asked},
    choose::Wanted,
    command::{Command, Commands},
    file::problem_opening,
    model::Model,
    panels::text_width,
    theme::colors,
};

/// The line with the open folder and the menus.
#[derive(Default)]
pub(super) struct Place {
    typed: Option<Typed>,
}

/// A path that is being typed.
struct Typed {
    path: String,
    /// Why it cannot be opened.
    problem: Option<String>,
    /// Whether the field is to get the keyboard.
    focuses: bool,
}

impl Place {
    pub fn ui(&mut self, ui: &mut Ui, ask: &mut Ask, model: &Model, commands: &mut Commands) {
        let is_free = ui.memory(|memory| memory.top_modal_layer().is_none());
        let asked = |action| is_free && asked(ui.ctx(), action);
        if asked(Action::ChooseFolder) {
            commands.push(Command::Choose(Wanted::Folder));
        }
        if asked(Action::ChooseFile) {
            commands.push(Command::Choose(Wanted::File));
        }
        if asked(Action::Import) {
            commands.push(Command::AskToImport);
        }
        if asked(Action::Open) {
            match IN_BROWSER {
                true => commands.push(Command::Choose(Wanted::File)),
                false if self.typed.take().is_none() => self.type_path(model),
                false => {}
            }
        }
        if asked(Action::NewFile) {
            ask.new_file(model);
        }
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let menu = ui.menu_button("Open", |ui| self.menu(ui, model, commands));
                menu.response.on_hover_text("Open another folder or file");
                let menu = ui.menu_button("File", |ui| ask.menu(ui, model, commands));
                menu.response.on_hover_text("Rename, duplicate, delete or export the selection");
                if ui.button("New…").on_hover_text("New file (Ctrl N)").clicked() {
                    ask.new_file(model);
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    folder_label(ui, &model.folder);
                });
            });
        });
        self.field(ui, commands);
    }

    /// Shows the field for a path.
    pub fn type_path(&mut self, model: &Model) {
        let path = model.folder.display().to_string();
        self.typed = Some(Typed { path, problem: None, focuses: true });
    }

    fn menu(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        if IN_BROWSER {
            if ui.button("File…").clicked() {
                commands.push(Command::Choose(Wanted::File));
            }
            return;
        }
        for (wanted, title) in [(Wanted::Folder, "Folder…"), (Wanted::File, "File…")] {
            if ui.button(title).clicked() {
                commands.push(Command::Choose(wanted));
            }
        }
        if ui.button("Path…").on_hover_text("Type the path of a folder or file (Ctrl O)").clicked()
        {
            self.type_path(model);
        }
        let open = disk::absolute(&model.folder).unwrap_or_default();
        let mut recent = model.recent.iter().filter(|folder| **folder != open).peekable();
        if recent.peek().is_some() {
            ui.separator();
            ui.label(RichText::new("Recent folders").weak());
        }
        for folder in recent {
            if ui.add(Button::new(folder.display().to_string())).clicked() {
                commands.push(Command::Open(folder.clone()));
            }
        }
    }

    /// Draws the field for a path; a path that cannot be opened stays in it.
    fn field(&mut self, ui: &mut Ui, commands: &mut Commands) {
        let Some(typed) = &mut self.typed else { return };
        let field = ui.add(TextEdit::singleline(&mut typed.path).desired_width(f32::INFINITY));
        field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Path to open"));
        crate::panels::focus_once(&field, &mut typed.focuses);
        if field.changed() {
            typed.problem = None;
        }
        if let Some(problem) = &typed.problem {
            ui.label(RichText::new(problem).color(colors(ui).error));
        }
        if !field.lost_focus() {
            return;
        }
        let pressed = |key| ui.input(|input| input.key_pressed(key));
        if pressed(Key::Enter) {
            let path = from_home(typed.path.trim());
            typed.problem = problem_opening(&path);
            typed.focuses = typed.problem.is_some();
            if typed.problem.is_none() {
                commands.push(Command::Open(path));
                self.typed = None;
            }
        } else if pressed(Key::Escape) {
            self.typed = None;
        }
    }
}

/// Draws the open folder; where there is no room for all of its path, only its name.
fn folder_label(ui: &mut Ui, folder: &Path) {
    let whole = folder.display().to_string();
    let is_too_long = text_width(ui, &whole) > ui.available_width();
    let name = folder.file_name().filter(|_| is_too_long);
    let shown = name.map_or_else(|| whole.clone(), |name| format!("…/{}", name.to_string_lossy()));
    let response = ui.add(Label::new(RichText::new(&shown).strong()).truncate());
    if shown != whole {
        response.on_hover_text(whole);
    }
}

/// A path that was typed; `~` stands for the home folder.
fn from_home(typed: &str) -> PathBuf {
    let inside = typed.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match inside.zip(std::env::home_dir()) {
        Some((rest, home)) => home.join(rest.trim_start_matches('/')),
        None => PathBuf::from(typed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_the_home_folder() {
        let home = std::env::home_dir().unwrap();
        assert_eq!(from_home("~"), home);
        assert_eq!(from_home("~/nets"), home.join("nets"));
        for path in ["/a/~", "~other/nets", "nets"] {
            assert_eq!(from_home(path), PathBuf::from(path));
        }
    }
}
