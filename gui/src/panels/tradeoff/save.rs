//! Saves networks of a space, each as a file that extends the network of the space.

use std::path::PathBuf;

use egui::{Button, Grid, Key, RichText, Role, ScrollArea, TextEdit, Ui, WidgetInfo, vec2};
use inceptive_app::{Content, NewFile, yaml_file_name};
use inceptive_dsl::{Setting, Space};
use inceptive_files::disk;
use inceptive_format::counted;

use crate::{
    command::{Command, Commands},
    file::{FilePath, stem},
    jobs::Job,
    model::{Model, State},
    panels::question,
    theme::colors,
};

/// Width of the dialog and of its columns, in points.
const WIDTH: f32 = 620.0;
const FILE_WIDTH: f32 = 250.0;

/// Room around it in a small window.
const AROUND: [f32; 2] = [90.0, 200.0];

/// The dialog.
#[derive(Default)]
pub struct SavePoints {
    files: Vec<NewFile>,
    /// The folders of the files, as long as they are.
    folders: Vec<PathBuf>,
    /// Networks of the shortlist that are files already.
    written: usize,
    /// Networks of spaces that cannot be read at the moment.
    unreadable: usize,
    is_open: bool,
}

impl SavePoints {
    /// Opens the dialog for these networks of spaces; so many others are files already.
    pub fn open(
        &mut self,
        points: Vec<(FilePath, Vec<(String, String)>)>,
        written: usize,
        model: &Model,
    ) {
        let count = points.len();
        let with_space = points.into_iter().filter_map(|(file, settings)| {
            match &model.entries.get(&file)?.state {
                State::Good(Content::Space(space)) => Some(new_file(space, &settings, model)),
                _ => None,
            }
        });
        let (files, folders): (Vec<_>, Vec<_>) = with_space.unzip();
        let unreadable = count - files.len();
        *self = Self { files, folders, written, unreadable, is_open: true };
    }

    /// Draws the dialog if it is open.
    pub fn dialog(&mut self, ui: &Ui, commands: &mut Commands) {
        if !self.is_open {
            return;
        }
        let problems: Vec<Option<String>> =
            (0..self.files.len()).map(|at| self.problem(at)).collect();
        let can = !self.files.is_empty() && problems.iter().all(Option::is_none);
        let screen = ui.ctx().content_rect();
        let width = WIDTH.min(screen.width() - AROUND[0]);
        let height = (screen.height() - AROUND[1]).max(80.0);
        let modal = question(ui.ctx(), "save points", width, |ui| {
            ui.heading("Save as files");
            self.notes(ui);
            ScrollArea::vertical().max_height(height).show(ui, |ui| {
                self.lines(ui, width, &problems);
            });
            ui.add_space(6.0);
            let enter = ui.input(|input| input.key_pressed(Key::Enter));
            ui.horizontal(|ui| {
                let title = format!("Save {}", counted(self.files.len(), "file", "files"));
                let saves = ui.add_enabled(can, Button::new(title)).clicked() || (can && enter);
                (saves, ui.button("Cancel").clicked())
            })
            .inner
        });
        let (saves, cancels) = modal.inner;
        if saves {
            commands.push(Command::Start(Job::SavePoints(self.files.clone())));
        }
        self.is_open = !saves && !cancels && !modal.should_close();
    }

    /// Says which networks of the shortlist are not saved.
    fn notes(&self, ui: &mut Ui) {
        let written = counted(self.written, "network is a file", "networks are files");
        let unreadable =
            counted(self.unreadable, "network is of a space", "networks are of spaces");
        for (count, text) in [
            (self.written, format!("{written} already.")),
            (self.unreadable, format!("{unreadable} with errors, and cannot be saved.")),
        ] {
            if count > 0 {
                ui.label(RichText::new(text).color(colors(ui).weak));
            }
        }
    }

    fn lines(&mut self, ui: &mut Ui, width: f32, problems: &[Option<String>]) {
        Grid::new("points to save").num_columns(2).spacing([8.0, 4.0]).show(ui, |ui| {
            ui.weak("file");
            ui.weak("name");
            ui.end_row();
            // Room for the scroll bar.
            let rest = width - FILE_WIDTH - 24.0;
            for (at, (new, problem)) in self.files.iter_mut().zip(problems).enumerate() {
                line(ui, &mut new.file_name, FILE_WIDTH, format!("File {}", at + 1));
                line(ui, &mut new.name, rest, format!("Name {}", at + 1));
                ui.end_row();
                if let Some(problem) = problem {
                    ui.label(RichText::new(problem).small().color(colors(ui).error));
                    ui.end_row();
                }
            }
        });
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
        let exists = disk::exists(&self.folders[at].join(name));
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
    // A cell of a grid is as wide as what was there before.
    let size = vec2(width, ui.spacing().interact_size.y);
    let response = ui.add_sized(size, TextEdit::singleline(text));
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, &name));
}
