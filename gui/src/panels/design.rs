//! Widths and choices, to be moved.

use egui::{Grid, RichText, ScrollArea, Ui};
use inceptive_jobs::Content;

use crate::{
    command::Commands,
    model::{Model, State},
};

/// The design tab.
#[derive(Default)]
pub struct Design {}

impl Design {
    /// Draws the variables of the current space.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, _: &mut Commands) {
        let Some(entry) = super::current_or_hint(ui, model) else { return };
        super::caveat_line(ui, entry);
        let State::Good(Content::Space(space)) = &entry.state else {
            super::nothing(ui, "Select a space to see its variables.");
            return;
        };
        ui.heading(&space.title);
        ScrollArea::vertical().show(ui, |ui| {
            Grid::new("variables").num_columns(3).striped(true).show(ui, |ui| {
                for variable in &space.variables {
                    ui.label(RichText::new(&variable.name).strong());
                    ui.label(format!("{} values", variable.values.len()));
                    ui.label(variable.values[variable.default].label.as_str());
                    ui.end_row();
                }
            });
        });
    }
}
