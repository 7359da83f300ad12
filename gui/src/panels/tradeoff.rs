//! All networks as points.

use egui::Ui;
use egui_plot::{MarkerShape, Plot, PlotPoint, PlotPoints, Points, Text};

use crate::{command::Commands, model::Model, theme::series};

/// The trade-off tab.
#[derive(Default)]
pub struct Tradeoff {}

impl Tradeoff {
    /// Draws parameters against compute, both by powers of ten.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, _: &mut Commands) {
        if model.networks().next().is_none() {
            super::nothing(ui, "There are no networks to compare.");
            return;
        }
        Plot::new("tradeoff").x_axis_label("log10 MACs").y_axis_label("log10 params").show(
            ui,
            |plot| {
                for (_, network) in model.networks() {
                    let total = &network.cost.total;
                    let at = [log10(total.macs), log10(total.params)];
                    let name = network.architecture.name.as_str();
                    let point = Points::new(name, PlotPoints::from(at));
                    plot.points(point.radius(5.0).shape(MarkerShape::Circle).color(series(0)));
                    plot.text(Text::new(name, PlotPoint::new(at[0], at[1] + 0.03), name));
                }
            },
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown on a screen")]
fn log10(count: u64) -> f64 {
    (count.max(1) as f64).log10()
}
