//! Closing the window while texts are not saved.

use std::sync::Arc;

use egui::{Button, Context, ViewportCommand};

use crate::{
    command::{Command, Commands},
    file::{FilePath, stem},
    model::Model,
    pane::Pane,
    panels::{first_button, question},
};

/// The state of closing the window.
#[derive(Default, PartialEq, Eq)]
pub(super) enum Closing {
    /// Not closing.
    #[default]
    No,
    /// The user is asked what to do with drafts.
    Asks,
    /// Drafts are being saved.
    Saves,
    /// Nothing is in the way.
    Goes {
        /// Whether drafts are not wanted any more.
        loses_drafts: bool,
    },
}

impl Closing {
    /// Holds the window open while there are drafts, and asks.
    pub fn ui(&mut self, ctx: &Context, model: &Model, can_keep: bool, commands: &mut Commands) {
        let drafts = || model.entries.values().filter(|entry| entry.draft.is_some());
        let is_wanted = ctx.input(|input| input.viewport().close_requested());
        if is_wanted && !matches!(self, Self::Goes { .. }) && drafts().next().is_some() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            *self = Self::Asks;
        }
        match self {
            Self::No | Self::Goes { .. } => {}
            Self::Asks => {
                let files: Vec<FilePath> = drafts().map(|entry| Arc::clone(&entry.file)).collect();
                self.ask(ctx, &files, can_keep, commands);
            }
            Self::Saves => {
                if let Some(stuck) = drafts().find(|entry| entry.save_problem.is_some()) {
                    *self = Self::No;
                    commands.push(Command::Select(vec![Arc::clone(&stuck.file)]));
                    commands.push(Command::Show(Pane::Source));
                } else if drafts().next().is_none() {
                    self.go(ctx, false);
                }
            }
        }
    }

    /// Whether drafts are to be forgotten.
    pub const fn loses_drafts(&self) -> bool {
        matches!(self, Self::Goes { loses_drafts: true })
    }

    fn go(&mut self, ctx: &Context, loses_drafts: bool) {
        *self = Self::Goes { loses_drafts };
        ctx.send_viewport_cmd(ViewportCommand::Close);
    }

    /// Asks; drafts can be kept for the next run if there is a place for them.
    fn ask(&mut self, ctx: &Context, files: &[FilePath], can_keep: bool, commands: &mut Commands) {
        let names: Vec<String> = files.iter().map(|file| stem(file)).collect();
        let modal = question(ctx, "closing", 480.0, |ui| {
            ui.heading("There are unsaved changes");
            ui.label(names.join(", "));
            ui.add_space(6.0);
            ui.horizontal(|ui| {
                let save = first_button(ui, "Save and quit").clicked();
                let keep = ui
                    .add_enabled(can_keep, Button::new("Quit and restore next time"))
                    .on_hover_text(
                        "Files stay unchanged; unsaved changes are restored at the next start",
                    )
                    .on_disabled_hover_text("There is no folder to save them in")
                    .clicked();
                let lose = ui.button("Quit without saving").clicked();
                (save, keep, lose, ui.button("Cancel").clicked())
            })
            .inner
        });
        let (save, keep, lose, cancel) = modal.inner;
        if save {
            *self = Self::Saves;
            for file in files {
                commands.push(Command::Save { file: Arc::clone(file), overwrite: false });
            }
        } else if keep || lose {
            self.go(ctx, lose);
        } else if cancel || modal.should_close() {
            *self = Self::No;
        }
    }
}
