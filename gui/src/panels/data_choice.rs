//! The choice of a data set and a recipe.

use egui::{Button, ComboBox, Label, RichText, Ui};
use inceptive_app::error_chain;
use inceptive_data::DataName;
use inceptive_dsl::Setting;

use super::fields::field;
use crate::{
    command::{Command, Commands},
    jobs::{Job, TrainingChoices},
    model::Model,
    theme::colors,
};

/// The data set that needs no download: its name and description.
const GENERATED: (&str, &str) = ("shapes", "generated images, nothing to download");

/// What is known of a data set before it is read.
pub(super) enum Data {
    /// Probably available; its description.
    There(DataName, String),
    /// Not downloaded yet; the download command.
    Absent(String),
    /// Its name is invalid; the error.
    Wrong(String),
}

impl Data {
    /// Looks up a data set by its name.
    pub fn named(text: &str, choices: Option<&TrainingChoices>) -> Self {
        let name: DataName = match text.trim().parse() {
            Ok(name) => name,
            Err(error) => return Self::Wrong(error_chain(&error)),
        };
        let known = name.known().filter(|_| name.path().is_none());
        let state =
            known.and_then(|set| choices?.sets.iter().find(|state| state.set.name == set.name));
        let Some(state) = state else {
            let place = match name.path() {
                Some(path) => format!("in {}", path.display()),
                None if known.is_some() => "searching".to_owned(),
                None => "generated".to_owned(),
            };
            let text = format!("{}{place}", images(&name));
            return Self::There(name, text);
        };
        let set = state.set;
        match &state.folder {
            Some(folder) => {
                let text = format!("{}in {}", images(&name), folder.display());
                Self::There(name, text)
            }
            None => Self::Absent(format!(
                "{} is not on this machine: `inceptive data get {}` downloads it ({} MB)",
                set.title,
                set.name,
                set.download_bytes().div_ceil(1_000_000)
            )),
        }
    }
}

fn images(name: &DataName) -> String {
    let shape =
        name.shape().map(|it| format!("{}x{}x{} images, ", it.channels, it.height, it.width));
    let classes = name.classes().map(|classes| format!("{} classes, ", classes.len()));
    shape.unwrap_or_default() + &classes.unwrap_or_default()
}

/// A data set and a recipe, as they are typed.
pub(super) struct DataAndRecipe {
    /// The name of the data set.
    pub data: String,
    recipe: String,
    settings: String,
}

impl Default for DataAndRecipe {
    fn default() -> Self {
        let (data, recipe) = (GENERATED.0.to_owned(), "quick".to_owned());
        Self { data, recipe, settings: String::new() }
    }
}

impl DataAndRecipe {
    /// What is known of the data set.
    pub fn known(&self, model: &Model) -> Data {
        Data::named(&self.data, model.training_choices.as_ref())
    }

    /// The name or the file of the recipe.
    pub fn recipe(&self) -> &str {
        &self.recipe
    }

    /// The settings of the recipe.
    pub fn settings(&self) -> Result<Vec<Setting>, String> {
        let settings: Result<Vec<Setting>, _> =
            self.settings.split_whitespace().map(str::parse).collect();
        settings.map_err(|error| format!("recipe: {error}"))
    }

    /// The name of the data set, and whether it is available.
    pub fn data_ui(&mut self, ui: &mut Ui, data: &Data, model: &Model, commands: &mut Commands) {
        ui.horizontal(|ui| {
            let hover = "NAME, NAME:OPTION=VALUE or NAME=PATH, such as shapes:size=32,channels=3, cifar10 or \
                         folder:size=32=my-images; docs/data.md has the full syntax";
            field(ui, &mut self.data, "Data", "shapes", 250.0).on_hover_text(hover);
            let list = ComboBox::from_id_salt("data sets").selected_text("choose").width(70.0);
            let shown = list.show_ui(ui, |ui| self.data_sets(ui, model));
            shown.response.on_hover_text("Data sets");
        });
        let palette = colors(ui);
        match data {
            Data::There(_, text) => {
                ui.label(RichText::new(text).small().color(palette.weak));
            }
            Data::Wrong(problem) => {
                ui.label(RichText::new(problem).color(palette.error));
            }
            Data::Absent(text) => {
                ui.add(Label::new(RichText::new(text).color(palette.warning)).wrap());
                if ui
                    .small_button("Search again")
                    .on_hover_text("Search for data sets again")
                    .clicked()
                {
                    commands.push(Command::Start(Job::TrainingChoices(model.folder.clone())));
                }
            }
        }
    }

    fn data_sets(&mut self, ui: &mut Ui, model: &Model) {
        let (generated, what) = GENERATED;
        let is_it = |data: &str, name: &str| data.split([':', '=']).next() == Some(name);
        if ui
            .selectable_label(is_it(&self.data, generated), format!("{generated}: {what}"))
            .clicked()
        {
            self.data = generated.to_owned();
        }
        let sets = model.training_choices.iter().flat_map(|choices| &choices.sets);
        for state in sets {
            let where_it_is = match &state.folder {
                Some(folder) => format!("in {}", folder.display()),
                None => "to be downloaded".to_owned(),
            };
            let text = format!("{}: {where_it_is}", state.set.name);
            if ui.selectable_label(is_it(&self.data, state.set.name), text).clicked() {
                self.data = state.set.name.to_owned();
            }
        }
    }

    /// The recipe and its settings.
    pub fn recipe_ui(&mut self, ui: &mut Ui, model: &Model) {
        let recipes = model.training_choices.iter().flat_map(|choices| &choices.recipes);
        let list = ComboBox::from_id_salt("recipes").selected_text(&self.recipe).width(120.0);
        let shown = list.show_ui(ui, |ui| {
            for state in recipes.clone() {
                let about = state.description.as_ref().unwrap_or_else(|problem| problem);
                let choice = Button::selectable(self.recipe == state.name, &state.name);
                let response = ui.add_enabled(state.description.is_ok(), choice);
                let response = response.on_hover_text(about).on_disabled_hover_text(about);
                if response.clicked() {
                    self.recipe.clone_from(&state.name);
                }
            }
        });
        let about = recipes.clone().find(|state| state.name == self.recipe);
        let about = about.and_then(|state| state.description.as_deref().ok()).unwrap_or("Recipe");
        shown.response.on_hover_text(about);
        ui.label("with");
        let hover = "Settings of the recipe, separated by spaces, such as epochs=10 batch=32";
        field(ui, &mut self.settings, "Settings of the recipe", "epochs=10", 160.0)
            .on_hover_text(hover);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use inceptive_data::CATALOG;

    use super::*;
    use crate::jobs::DataSetState;

    #[test]
    fn data_that_is_missing_comes_with_the_command_that_gets_it() {
        let choices = TrainingChoices {
            sets: CATALOG
                .iter()
                .map(|set| DataSetState {
                    set,
                    folder: (set.name == "mnist").then(|| PathBuf::from("/data/mnist")),
                })
                .collect(),
            recipes: vec![],
        };
        for (text, told) in [
            ("mnist", "1x28x28 images, 10 classes, in /data/mnist"),
            ("cifar10", "`inceptive data get cifar10` downloads it (171 MB)"),
            ("cifar10=/mine", "3x32x32 images, 10 classes, in /mine"),
            (" shapes:size=16 ", "1x16x16 images, 10 classes, generated"),
            ("folder:size=32=pictures", "3x32x32 images, in pictures"),
            ("npz", "`npz` needs a path"),
            ("cifar", "unknown data set `cifar`"),
            ("", "unknown data set"),
        ] {
            let data = Data::named(text, Some(&choices));
            let (Data::There(_, said) | Data::Absent(said) | Data::Wrong(said)) = data;
            assert!(said.contains(told), "{text}: {said}");
        }
        assert!(matches!(Data::named("cifar10", None), Data::There(..)), "nothing is known yet");
    }
}
