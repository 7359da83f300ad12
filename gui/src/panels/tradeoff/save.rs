//! Saves networks of a space, each as a file that extends the network of the space.

use std::path::PathBuf;

use egui::{Grid, RichText, Role, ScrollArea, TextEdit, Ui, WidgetInfo, Window};
use inceptive_app::{Content, NewFile, yaml_file_name};
use inceptive_dsl::{Setting, Space};

use crate::{
    command::{Command, Commands},
    file::{FilePath, stem},
    jobs::Job,
    model::{Model, State},
    theme::colors,
};

/// The dialog.
#[derive(Default)]
pub struct SavePoints {
    files: Vec<NewFile>,
    /// The folders of the files, as long as they are.
    folders: Vec<PathBuf>,
    is_open: bool,
}

impl SavePoints {
    /// Opens the dialog for these networks.
    pub fn open(&mut self, points: Vec<(FilePath, Vec<(String, String)>)>, model: &Model) {
        let with_space = points.into_iter().filter_map(|(file, settings)| {
            match &model.entries.get(&file)?.state {
                State::Good(Content::Space(space)) => Some(new_file(space, &settings, model)),
                _ => None,
            }
        });
        (self.files, self.folders) = with_space.unzip();
        self.is_open = !self.files.is_empty();
    }

    /// Draws the dialog if it is open.
    pub fn dialog(&mut self, ui: &Ui, model: &Model, commands: &mut Commands) {
        if !self.is_open {
            return;
        }
        let mut is_open = true;
        let window = Window::new("Save as files").open(&mut is_open).collapsible(false);
        let center = ui.ctx().content_rect().center();
        let height = (ui.ctx().content_rect().height() - 160.0).max(80.0);
        let window = window.pivot(egui::Align2::CENTER_CENTER).default_pos(center);
        let mut is_done = false;
        window.resizable(false).show(ui.ctx(), |ui| {
            let problems: Vec<Option<String>> =
                (0..self.files.len()).map(|at| self.problem(at)).collect();
            ScrollArea::vertical().max_height(height).show(ui, |ui| {
                Grid::new("points to save").num_columns(2).spacing([8.0, 4.0]).show(ui, |ui| {
                    ui.weak("file");
                    ui.weak("name");
                    ui.end_row();
                    for (at, (new, problem)) in self.files.iter_mut().zip(&problems).enumerate() {
                        line(ui, &mut new.file_name, 200.0, format!("File {}", at + 1));
                        line(ui, &mut new.name, 260.0, format!("Name {}", at + 1));
                        ui.end_row();
                        if let Some(problem) = problem {
                            ui.label(RichText::new(problem).small().color(colors(ui).error));
                            ui.end_row();
                        }
                    }
                });
            });
            ui.horizontal(|ui| {
                let can = problems.iter().all(Option::is_none);
                let title = format!("Save {}", self.files.len());
                if ui.add_enabled(can, egui::Button::new(title)).clicked() {
                    commands.push(Command::Start(Job::SavePoints(self.files.clone())));
                    is_done = true;
                }
                is_done |= ui.button("Cancel").clicked();
            });
        });
        let is_escaped = ui.input(|input| input.key_pressed(egui::Key::Escape));
        self.is_open = is_open && !is_done && !is_escaped && !model.entries.is_empty();
    }

    /// Why a file cannot be written, as far as is known before.
    fn problem(&self, at: usize) -> Option<String> {
        let new = &self.files[at];
        let same = self.files[..at].iter().any(|other| other.file_name == new.file_name);
        if same {
            return Some("another file has this name".to_owned());
        }
        let name = match yaml_file_name(&new.file_name) {
            Ok(name) => name,
            Err(error) => return Some(error.to_string()),
        };
        let exists = self.folders[at].join(name).exists();
        exists.then(|| "the file exists already".to_owned())
    }
}

/// A network of a space as a new file, and its folder.
fn new_file(space: &Space, settings: &[(String, String)], model: &Model) -> (NewFile, PathBuf) {
    let base = &space.base_file;
    let known = model.entries.values().find(|entry| *entry.file == **base);
    let base_name = known.map_or_else(|| stem(base), crate::model::Entry::name);
    let point: Vec<String> =
        settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let values: Vec<String> = settings.iter().map(|(_, value)| plain(value)).collect();
    let setting = |(key, value): &(String, String)| Setting {
        key: key.clone(),
        value: format!("'{}'", value.replace('\'', "''")),
    };
    let new = NewFile {
        from: space.file.clone(),
        settings: settings.iter().map(setting).collect(),
        name: format!("{base_name} {}", point.join(" ")),
        file_name: format!("{}-{}.yaml", stem(base), values.join("-")),
        replaces: false,
    };
    (new, base.parent().map(PathBuf::from).unwrap_or_default())
}

/// A value as a part of a file's name.
fn plain(value: &str) -> String {
    let allowed = |c: char| if c.is_alphanumeric() || c == '.' || c == '_' { c } else { '-' };
    value.chars().map(allowed).collect()
}

fn line(ui: &mut Ui, text: &mut String, width: f32, name: String) {
    let response = ui.add(TextEdit::singleline(text).desired_width(width));
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, &name));
}
