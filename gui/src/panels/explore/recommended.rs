//! One of the finalists, for what somebody wants.

use egui::{Button, DragValue, Label, RichText, Role, TextEdit, Ui, WidgetInfo};
use inceptive_explore::recommendation;
use inceptive_results::{Exploration, Metric, Preference};

use crate::{panels::stay_on_enter, theme::colors};

/// The largest weight.
const MAX_WEIGHT: f64 = 1000.0;

/// What is wanted.
#[derive(Default)]
pub(super) struct Recommended {
    /// The condition as it was typed; that of the search while the field was not used.
    condition: Option<String>,
    /// How much accuracy weighs against every other objective; the knee without a weight.
    weight: Option<f64>,
}

impl Recommended {
    /// Draws the wish and the network that is recommended; returns the place of this network if it is to be chosen.
    pub fn ui(&mut self, ui: &mut Ui, exploration: &Exploration) -> Option<usize> {
        let own = &exploration.preference;
        let mut condition =
            self.condition.clone().or_else(|| own.condition.clone()).unwrap_or_default();
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("recommend where");
            let field =
                TextEdit::singleline(&mut condition).hint_text("median_ms < 2").desired_width(150.0);
            let response = ui.add(field).labelled_by(label.id).on_hover_text(
                "A condition on the finalists, such as top1 > 90, median_ms < 2 and params < 1M, or a variable of the space",
            );
            response.widget_info(|| {
                WidgetInfo::labeled(Role::TextInput, true, "Condition on finalists")
            });
            stay_on_enter(ui, &response);
            if response.changed() {
                self.condition = Some(condition.clone());
            }
            let mut is_weighted = self.weight.is_some();
            let hover = "Weigh accuracy against the other objectives, every value scaled to the range of the front";
            if ui.checkbox(&mut is_weighted, "by weight").on_hover_text(hover).changed() {
                self.weight = is_weighted.then_some(1.0);
            }
            if let Some(weight) = &mut self.weight {
                let field = DragValue::new(weight).range(0.0..=MAX_WEIGHT).speed(0.05);
                let response = ui.add(field.prefix("accuracy ")).on_hover_text(hover);
                response.widget_info(|| {
                    WidgetInfo::labeled(Role::SpinButton, true, "Weight of accuracy")
                });
            }
        });
        let condition = Some(condition.trim().to_owned()).filter(|text| !text.is_empty());
        let weights = match self.weight {
            Some(weight) => vec![(Metric::Top1, weight)],
            None => own.weights.clone(),
        };
        match recommendation(exploration, &Preference { condition, weights }) {
            Ok(Some(found)) => {
                let text = format!("Recommended: {}.", found.reason);
                match found.network {
                    Some(at) => {
                        let button = Button::new(text).frame(false).wrap();
                        ui.add(button).on_hover_text("Choose it").clicked().then_some(at)
                    }
                    None => {
                        ui.add(Label::new(RichText::new(text).color(colors(ui).warning)).wrap());
                        None
                    }
                }
            }
            Ok(None) => None,
            Err(problem) => {
                ui.add(Label::new(RichText::new(problem).color(colors(ui).error)).wrap());
                None
            }
        }
    }
}
