//! The menu of files, and the questions that it asks.

use std::sync::Arc;

use egui::{Button, Response, Ui};
use inceptive_app::WeightType;
use inceptive_files::disk;

use super::{delete::Delete, new::New, rename::Rename};
use crate::{
    actions::{Action, asked, chosen},
    command::{Command, Commands},
    file::{FilePath, stem},
    jobs::{ExportFormat, ExportRequest, Job},
    model::{Entry, Model},
    pane::Pane,
    panels::fields::{PathAnswer, ask_for_path_and},
};

/// A question about files.
#[derive(Default)]
pub(super) enum Ask {
    /// None is open.
    #[default]
    Nothing,
    /// What a new file is, and its name.
    New(New),
    /// The new name of a file.
    Rename(Rename),
    /// Whether files are to be deleted.
    Delete(Delete),
    /// Where a network is to be written.
    Export {
        file: FilePath,
        format: ExportFormat,
        /// The type of the weights in an ONNX file.
        weight_type: WeightType,
        path: String,
        /// Whether the path is to get the keyboard.
        focuses: bool,
    },
}

impl Ask {
    /// Asks for a new file.
    pub fn new_file(&mut self, model: &Model) {
        *self = Self::New(New::of(model));
    }

    /// Asks for the new name of the current file.
    pub fn rename(&mut self, model: &Model) {
        if let Some(entry) = model.current() {
            *self = Self::Rename(Rename::of(entry, model));
        }
    }

    /// Asks whether the selected files are to be deleted.
    pub fn delete(&mut self, model: &Model) {
        if model.current().is_some() {
            *self = Self::Delete(Delete::of(model));
        }
    }

    /// Draws what can be done with the selected files.
    pub fn menu(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let selected: Vec<&Entry> = model.selected().collect();
        let Some(current) = selected.last() else {
            ui.label("No file is selected.");
            return;
        };
        ui.menu_button("Show in", |ui| {
            for pane in Pane::ALL {
                if ui.button(pane.title()).clicked() {
                    commands.push(Command::Show(pane));
                }
            }
        });
        ui.separator();
        let rename = item(ui, selected.len() == 1, "Rename…", "Select one file to rename it");
        if rename.on_hover_text("F2").clicked() {
            self.rename(model);
        }
        let has_text = selected.iter().all(|entry| entry.shown_text().is_some());
        if item(ui, has_text, "Duplicate", "Only text files can be duplicated").clicked() {
            copy(model, commands);
        }
        if ui.button("Delete…").on_hover_text("Move to the trash (Delete)").clicked() {
            self.delete(model);
        }
        ui.separator();
        ui.menu_button("Export as", |ui| self.formats(ui, current));
        if ui.button("Copy path").clicked() {
            copy_paths(ui, model);
        }
    }

    fn formats(&mut self, ui: &mut Ui, entry: &Entry) {
        for format in ExportFormat::ALL {
            let can = can_export(entry, format);
            let why = can.err().unwrap_or_default();
            let hover = match format {
                ExportFormat::Onnx => {
                    "The network as deployed; weights are random unless the file has its own"
                }
                ExportFormat::Pytorch => "A module to train, in one file that needs only torch",
                ExportFormat::Yaml if entry.shown_text().is_none() => {
                    "What the ONNX file says, as YAML with modules, to vary and to train"
                }
                ExportFormat::Yaml => "One file with everything that the network extends and uses",
            };
            let title = format!("{}…", format.name());
            if item(ui, can.is_ok(), &title, why).on_hover_text(hover).clicked() {
                self.export(entry, format);
            }
        }
    }

    /// Asks where a network is to be written.
    fn export(&mut self, entry: &Entry, format: ExportFormat) {
        let name = match format {
            ExportFormat::Yaml if entry.shown_text().is_some() => {
                format!("{}-complete", stem(&entry.file))
            }
            ExportFormat::Yaml | ExportFormat::Onnx | ExportFormat::Pytorch => stem(&entry.file),
        };
        let folder = std::env::current_dir().unwrap_or_default();
        let path = folder.join(name).with_added_extension(format.extension());
        let (file, path) = (Arc::clone(&entry.file), path.display().to_string());
        let weight_type = WeightType::Float32;
        *self = Self::Export { file, format, weight_type, path, focuses: true };
    }

    /// Does what is asked for by keys of the list, if they are for it, or in the palette.
    pub fn actions(&mut self, ui: &Ui, has_keys: bool, model: &Model, commands: &mut Commands) {
        let ctx = ui.ctx();
        let asked = |action| if has_keys { asked(ctx, action) } else { chosen(ctx, action) };
        if asked(Action::RenameFile) {
            self.rename(model);
        }
        if asked(Action::DeleteFiles) {
            self.delete(model);
        }
        if asked(Action::CopyFiles) {
            copy(model, commands);
        }
        if asked(Action::CopyPath) {
            copy_paths(ui, model);
        }
        let exports = [
            (Action::ExportOnnx, ExportFormat::Onnx),
            (Action::ExportPytorch, ExportFormat::Pytorch),
            (Action::ExportYaml, ExportFormat::Yaml),
        ];
        for (action, format) in exports {
            if asked(action)
                && let Some(entry) = model.current()
            {
                match can_export(entry, format) {
                    Ok(()) => self.export(entry, format),
                    Err(why) => commands.push(Command::Say(why.to_owned())),
                }
            }
        }
    }

    /// Draws the question that is open.
    pub fn ui(&mut self, ui: &Ui, model: &Model, commands: &mut Commands) {
        let is_open = match self {
            Self::Nothing => true,
            Self::New(new) => new.ui(ui, model, commands),
            Self::Rename(rename) => rename.ui(ui, model, commands),
            Self::Delete(delete) => delete.ui(ui, commands),
            Self::Export { file, format, weight_type, path, focuses } => {
                let heading = format!("Export {} as {}", stem(file), format.name());
                let more = |ui: &mut Ui| {
                    if *format == ExportFormat::Onnx {
                        weight_types(ui, weight_type);
                    }
                };
                match ask_for_path_and(ui, &heading, path, focuses, more) {
                    PathAnswer::None => true,
                    PathAnswer::Cancelled => false,
                    PathAnswer::Path(path) => {
                        let network = model.entries.get(file).and_then(|it| it.network.clone());
                        commands.push_all(network.map(|network| {
                            let (format, weight_type) = (*format, *weight_type);
                            let inputs = model.inputs();
                            let request =
                                ExportRequest { network, format, weight_type, path, inputs };
                            Command::Start(Job::Export(request))
                        }));
                        false
                    }
                }
            }
        };
        if !is_open {
            *self = Self::Nothing;
        }
    }
}

/// Whether a file can be exported, or why not.
fn can_export(entry: &Entry, format: ExportFormat) -> Result<(), &'static str> {
    match format {
        _ if entry.network.is_none() || entry.is_wrong() => {
            Err("Select a valid network to export it")
        }
        ExportFormat::Onnx | ExportFormat::Pytorch | ExportFormat::Yaml => Ok(()),
    }
}

/// Draws the types that weights can have in an ONNX file.
fn weight_types(ui: &mut Ui, chosen: &mut WeightType) {
    ui.horizontal(|ui| {
        ui.label("Weights");
        ui.radio_value(chosen, WeightType::Float32, "float32");
        ui.radio_value(chosen, WeightType::Float16, "float16")
            .on_hover_text("Half the size of the file; the network still computes in float32");
        ui.radio_value(chosen, WeightType::Float64, "float64")
            .on_hover_text("Twice the size of the file; the network still computes in float32");
    });
}

/// Makes copies of the selected files that have a text.
fn copy(model: &Model, commands: &mut Commands) {
    let texts = model.selected().filter(|entry| entry.shown_text().is_some());
    commands.push_all(texts.map(|entry| Command::Copy(Arc::clone(&entry.file))));
}

fn copy_paths(ui: &Ui, model: &Model) {
    let paths: Vec<String> = model.selected().map(path_of).collect();
    ui.ctx().copy_text(paths.join("\n"));
}

/// A button of a menu, and why it cannot be used.
fn item(ui: &mut Ui, can: bool, title: &str, why: &str) -> Response {
    ui.add_enabled(can, Button::new(title)).on_disabled_hover_text(why)
}

fn path_of(entry: &Entry) -> String {
    let path = disk::absolute(&entry.file);
    path.unwrap_or_else(|_| entry.file.to_path_buf()).display().to_string()
}
