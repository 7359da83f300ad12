//! The question what a new file is.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use egui::{RichText, Ui};
use inceptive_app::{is_onnx, yaml_file_name};

use super::rename::{answer, field};
use crate::{
    command::{Command, Commands},
    file::{FilePath, file_name, stem},
    jobs::{CreateRequest, Job, new_recipe_folder},
    model::Model,
    panels::question,
    templates,
    theme::colors,
};

/// What a new file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Template {
    Network,
    Module,
    Variant,
    Space,
    Recipe,
}

impl Template {
    const ALL: [Self; 5] = [Self::Network, Self::Module, Self::Variant, Self::Space, Self::Recipe];

    const fn title(self) -> &'static str {
        match self {
            Self::Network => "Network",
            Self::Module => "Module",
            Self::Variant => "Variant",
            Self::Space => "Space",
            Self::Recipe => "Recipe",
        }
    }

    /// Whether it is made of a network.
    const fn needs_base(self) -> bool {
        matches!(self, Self::Variant | Self::Space)
    }
}

/// A new file.
pub(super) struct New {
    template: Template,
    name: String,
    /// The network that variants and spaces are made of: its file and its name.
    base: Option<(FilePath, String)>,
    /// The folder of recipes.
    recipes: PathBuf,
    /// Whether the field is to get the keyboard.
    focuses: bool,
}

impl New {
    pub fn of(model: &Model) -> Self {
        let base = model.current().and_then(|entry| model.original_of(entry));
        let base = base.filter(|entry| {
            entry.network.is_some() && entry.space().is_none() && !is_onnx(&entry.file)
        });
        Self {
            template: Template::Network,
            name: String::new(),
            base: base.map(|entry| (Arc::clone(&entry.file), entry.name())),
            recipes: new_recipe_folder(&model.folder),
            focuses: true,
        }
    }

    /// Draws the question; returns whether it stays open.
    pub fn ui(&mut self, ui: &Ui, model: &Model, commands: &mut Commands) -> bool {
        let modal = question(ui.ctx(), "new", 440.0, |ui| {
            ui.heading("New file");
            self.templates(ui);
            ui.label(RichText::new(self.described()).color(colors(ui).weak));
            ui.add_space(4.0);
            field(ui, &mut self.name, &mut self.focuses);
            let target = self.target(model);
            match &target {
                Err(problem) if !self.name.trim().is_empty() => {
                    ui.label(RichText::new(problem).color(colors(ui).error));
                }
                _ => {
                    let place = format!("in {}", self.folder(model).display());
                    ui.label(RichText::new(place).color(colors(ui).weak));
                }
            }
            let (makes, cancels) = answer(ui, "Create", target.is_ok(), &mut self.focuses);
            (target.ok().filter(|_| makes), cancels)
        });
        match modal.inner {
            (Some(file), _) => {
                commands.push_all(self.command(file));
                false
            }
            (None, cancels) => !cancels && !modal.should_close(),
        }
    }

    fn templates(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            for template in Template::ALL {
                let can = !template.needs_base() || self.base.is_some();
                ui.add_enabled_ui(can, |ui| {
                    let is_chosen = self.template == template;
                    let label = ui.selectable_label(is_chosen, template.title());
                    let why = "Select a network in a YAML file first";
                    if label.on_disabled_hover_text(why).clicked() {
                        (self.template, self.focuses) = (template, true);
                    }
                });
            }
        });
    }

    fn described(&self) -> String {
        let base = self.base.as_ref().map_or("", |(_, name)| name);
        match self.template {
            Template::Network => "A network with two Inception modules".to_owned(),
            Template::Module => "One Inception module without a classifier".to_owned(),
            Template::Variant => format!("A file that extends {base}"),
            Template::Space => format!("{base} in several widths"),
            Template::Recipe => {
                "How networks are trained; written at once, and offered in Train".to_owned()
            }
        }
    }

    fn folder(&self, model: &Model) -> PathBuf {
        let base = self.base.as_ref().and_then(|(file, _)| file.parent());
        match self.template {
            Template::Network | Template::Module => model.folder.clone(),
            Template::Variant | Template::Space => base.unwrap_or(Path::new("")).to_owned(),
            Template::Recipe => self.recipes.clone(),
        }
    }

    /// The path of the file, or why there is none.
    fn target(&self, model: &Model) -> Result<PathBuf, String> {
        let name = yaml_file_name(&self.name).map_err(|error| error.to_string())?;
        let file = self.folder(model).join(name);
        match model.is_taken(&file) {
            true => Err(format!("{} exists already.", file_name(&file))),
            false => Ok(file),
        }
    }

    fn command(&self, file: PathBuf) -> Option<Command> {
        let name = stem(&file);
        let new = |text: String| Command::New(Arc::from(file.as_path()), Arc::from(text));
        Some(match (self.template, &self.base) {
            (Template::Network, _) => new(templates::network(&name)),
            (Template::Module, _) => new(templates::module(&name)),
            (Template::Variant, Some((of, _))) => {
                Command::Vary { of: Arc::clone(of), name, file_name: file_name(&file) }
            }
            (Template::Space, Some((of, _))) => new(templates::space(&name, &file_name(of))),
            (Template::Recipe, _) => {
                let text = Arc::from(templates::recipe(&name));
                Command::Start(Job::Create(CreateRequest { file, text }))
            }
            (Template::Variant | Template::Space, None) => return None,
        })
    }
}
