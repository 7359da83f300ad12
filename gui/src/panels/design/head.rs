//! The name of a design, and what can be done with it as a whole.

use std::sync::Arc;

use egui::{Align, Button, Label, Layout, RichText, Role, TextEdit, Ui, WidgetInfo};
use inceptive_format::counted;

use super::steps;
use crate::{
    actions::{Action, asked},
    changes::Changes,
    command::{Command, Commands},
    file::FilePath,
    jobs::{Job, SaveProblem},
    model::{Design, Entry, Model},
    panels::{first_button, question},
    theme::colors,
};

/// The head of the controls.
#[derive(Default)]
pub struct Head {
    /// Names as they are typed.
    typed: Option<Names>,
    /// A design that is to be discarded, if the user agrees.
    discards: Option<FilePath>,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Asked {
    /// Whether all changes are to be taken back.
    pub resets: bool,
    /// Whether the settings are to become the variables of a space.
    pub makes_space: bool,
}

/// The names of a design.
struct Names {
    of: FilePath,
    name: String,
    file_name: String,
}

impl Head {
    /// Draws names and buttons; returns what else is asked for. A space can be made of what has settings.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        entry: &Entry,
        (changes, has_settings): (&Changes, bool),
        model: &Model,
        commands: &mut Commands,
    ) -> Asked {
        // As high before a slider moves as after it, when there is a design: the slider stays where the pointer holds it.
        ui.scope(|ui| {
            ui.set_min_height(2.0 * ui.spacing().interact_size.y + ui.spacing().item_spacing.y);
            match &entry.design {
                Some(design) => self.names(ui, entry, design, commands),
                None => {
                    let name = RichText::new(entry.name()).heading();
                    ui.add(Label::new(name).truncate()).on_hover_text(entry.name());
                }
            }
        });
        let row = ui.horizontal_wrapped(|ui| {
            // All fit into one line of a window of the usual size.
            ui.spacing_mut().item_spacing.x = 4.0;
            steps::ui(ui, entry, commands);
            let resets = ui.add_enabled(!changes.is_empty(), Button::new("Reset")).clicked()
                || asked(ui.ctx(), Action::Reset);
            let hint = "A new design with the same settings";
            let duplicates = ui.button("Duplicate").on_hover_text(hint).clicked();
            if duplicates || asked(ui.ctx(), Action::Duplicate) {
                commands.push(Command::Duplicate(Arc::clone(&entry.file)));
            }
            self.saving(ui, entry, model, commands);
            resets
        });
        let count = match changes.len() {
            0 if entry.design.is_some() => "no changes".to_owned(),
            0 => "Move a slider to make a design of this network.".to_owned(),
            count => counted(count, "change", "changes"),
        };
        let from = entry.design.as_ref().map(|design| model.name_of(&design.from).display());
        let of = from.map(|from| format!(" to {from}")).unwrap_or_default();
        let is_unsaved = entry.design.is_some() && entry.draft.is_some();
        let of = of + if is_unsaved { ", not saved" } else { "" };
        let makes_space = ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let button = Button::new("Save as space…").small();
                let button = has_settings.then(|| ui.add(button));
                let hint = "A file in which these settings vary, to be explored";
                let clicked = button.is_some_and(|button| button.on_hover_text(hint).clicked());
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(Label::new(RichText::new(count + &of).weak()).truncate());
                });
                clicked || (has_settings && asked(ui.ctx(), Action::SaveSpace))
            })
            .inner
        });
        self.question(ui, entry, commands);
        Asked { resets: row.inner, makes_space: makes_space.inner }
    }

    fn names(&mut self, ui: &mut Ui, entry: &Entry, design: &Design, commands: &mut Commands) {
        let file_name = entry.file.file_name().unwrap_or_default().to_string_lossy();
        let names = self.typed.take().filter(|names| names.of == entry.file);
        let mut names = names.unwrap_or_else(|| Names {
            of: Arc::clone(&entry.file),
            name: design.name.clone(),
            file_name: file_name.clone().into_owned(),
        });
        let can_move = entry.is_new();
        let field = |ui: &mut Ui, label: &str, text: &mut String, can| {
            let field = TextEdit::singleline(text).desired_width(f32::INFINITY);
            let response = ui.add_enabled(can, field);
            response.widget_info(|| WidgetInfo::labeled(Role::TextInput, can, label));
            response
        };
        let name = field(ui, "Name of the design", &mut names.name, true);
        let file = field(ui, "File of the design", &mut names.file_name, can_move)
            .on_disabled_hover_text("The file is written already");
        let is_same = names.name == design.name && names.file_name == file_name;
        if (name.lost_focus() || file.lost_focus()) && !is_same {
            commands.push(Command::Rename {
                file: Arc::clone(&entry.file),
                name: names.name,
                file_name: names.file_name,
            });
        } else if name.has_focus() || file.has_focus() {
            self.typed = Some(names);
        }
    }

    fn saving(&mut self, ui: &mut Ui, entry: &Entry, model: &Model, commands: &mut Commands) {
        let is_saving = model
            .jobs
            .active()
            .any(|state| matches!(&state.job, Job::Save(it) if it.file == entry.file));
        let is_design = entry.design.is_some();
        let can = is_design && entry.draft.is_some() && !entry.is_wrong() && !is_saving;
        let save = ui.add_enabled(can, Button::new("Save"));
        if save.on_hover_text("Write the file (Ctrl S)").clicked() {
            let file = Arc::clone(&entry.file);
            commands.push(Command::Save { file, overwrite: false });
        }
        let can = is_design && (entry.draft.is_some() || entry.is_new());
        let discard = ui.add_enabled(can, Button::new("Discard…"));
        let discards = discard.on_hover_text("Forget what is not saved").clicked();
        if discards || (asked(ui.ctx(), Action::Discard) && can) {
            self.discards = Some(Arc::clone(&entry.file));
        }
        let problem = match &entry.save_problem {
            _ if !is_design => return,
            Some(SaveProblem::Exists) => {
                "A file of this name exists already; choose another name.".to_owned()
            }
            Some(SaveProblem::Changed) => "The file changed on disk; see Source.".to_owned(),
            Some(SaveProblem::Failed(why)) => format!("Cannot save: {why}"),
            None => return,
        };
        ui.label(RichText::new(problem).color(colors(ui).error));
    }

    /// Asks before a design is lost.
    fn question(&mut self, ui: &Ui, entry: &Entry, commands: &mut Commands) {
        let Some(file) = self.discards.take().filter(|file| *file == entry.file) else { return };
        let modal = question(ui.ctx(), "discard", 380.0, |ui| {
            ui.heading("Discard the design?");
            ui.label(match entry.is_new() {
                true => format!("{} was never saved and is removed from the list.", entry.name()),
                false => format!("{} returns to the saved version.", entry.name()),
            });
            ui.add_space(6.0);
            ui.horizontal(|ui| {
                (first_button(ui, "Discard").clicked(), ui.button("Cancel").clicked())
            })
            .inner
        });
        let (discards, cancels) = modal.inner;
        if discards {
            commands.push(Command::Discard(file));
        } else if !cancels && !modal.should_close() {
            self.discards = Some(file);
        }
    }
}
