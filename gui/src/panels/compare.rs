//! Selected networks side by side.

use egui::{Grid, RichText, ScrollArea, Ui};

use crate::{
    command::Commands,
    format::{bytes, exact},
    model::Model,
};

/// The comparison tab.
#[derive(Default)]
pub struct Compare {}

impl Compare {
    /// Draws the counts of what is selected.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, _: &mut Commands) {
        let selected: Vec<_> =
            model.selected().filter_map(|entry| Some((entry, entry.network.as_ref()?))).collect();
        if selected.len() < 2 {
            super::nothing(ui, "Select two or more networks: Ctrl click in the list of files.");
            return;
        }
        ScrollArea::both().show(ui, |ui| {
            Grid::new("compare").num_columns(5).striped(true).spacing([20.0, 6.0]).show(ui, |ui| {
                for title in ["network", "params", "MACs", "peak activations", "receptive field"] {
                    ui.label(RichText::new(title).strong());
                }
                ui.end_row();
                for (entry, network) in selected {
                    ui.label(entry.name());
                    ui.monospace(exact(network.cost.total.params));
                    ui.monospace(exact(network.cost.total.macs));
                    ui.monospace(bytes(network.cost.peak.bytes));
                    ui.monospace(network.cost.receptive_field.size.to_string());
                    ui.end_row();
                }
            });
        });
    }
}
