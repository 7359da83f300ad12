//! What conditions leave of a space, and what each variable decides.

use egui::{Align, ComboBox, Grid, Label, Layout, RichText, Sense, Ui, vec2};
use inceptive_format::{exact, percent};
use inceptive_results::Metric;

use crate::{jobs::CountedNetworks, panels::choices::entries, theme::colors};

/// Width of a bar of 100%, in points.
const BAR: f32 = 110.0;

/// Draws what each condition leaves, and what it alone excludes.
pub(super) fn conditions(ui: &mut Ui, counted: &CountedNetworks) {
    let counts = &counted.counts;
    if counts.conditions.is_empty() {
        return;
    }
    ui.add_space(4.0);
    Grid::new("conditions").num_columns(3).striped(true).spacing([12.0, 3.0]).show(ui, |ui| {
        ui.strong("condition");
        ui.strong("satisfied by").on_hover_text("Networks that satisfy this condition");
        ui.strong("fail only this").on_hover_text(
            "Networks that satisfy all other conditions: they are excluded by this one alone",
        );
        ui.end_row();
        for (condition, tally) in counts.conditions.iter().zip(&counts.survey.tallies) {
            ui.add(Label::new(condition.to_string()).truncate());
            number(ui, exact(tally.satisfied));
            number(ui, exact(tally.only_this_fails));
            ui.end_row();
        }
    });
}

fn number(ui: &mut Ui, text: String) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.monospace(text));
}

/// The shares of variance of one metric.
pub(super) struct Shares {
    metric: Metric,
}

impl Default for Shares {
    fn default() -> Self {
        Self { metric: Metric::Macs }
    }
}

impl Shares {
    /// Draws a bar for each variable.
    pub fn ui(&mut self, ui: &mut Ui, counted: &CountedNetworks) {
        let survey = &counted.counts.survey;
        let known = survey.shares.iter().filter(|shares| shares.of_variables.is_some());
        let metrics: Vec<Metric> = known.map(|shares| shares.metric).collect();
        let variables = &counted.request.space.variables;
        let Some(&first) = metrics.first().filter(|_| variables.len() > 1) else { return };
        if !metrics.contains(&self.metric) {
            self.metric = first;
        }
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            let label = ui.strong("What decides");
            let list = ComboBox::from_id_salt("metric of shares").selected_text(self.metric.label());
            let shown = list.show_ui(ui, |ui| {
                let all = metrics.iter().map(|&metric| (metric, metric.label().to_owned()));
                if let Some(metric) = entries(ui, "metric of shares", &self.metric, all) {
                    self.metric = metric;
                }
            });
            shown.response.labelled_by(label.id);
        })
        .response
        .on_hover_text(
            "Share of the variance of a cost over all networks that a variable explains alone (first-order Sobol' index)",
        );
        let of_metric = survey.shares.iter().find(|shares| shares.metric == self.metric);
        let Some(shares) = of_metric.and_then(|shares| shares.of_variables.as_ref()) else {
            return;
        };
        let together = (1.0 - shares.iter().sum::<f64>()).max(0.0);
        Grid::new("shares").num_columns(3).spacing([10.0, 3.0]).show(ui, |ui| {
            for (variable, &share) in variables.iter().zip(shares) {
                ui.label(&variable.name);
                bar(ui, share);
                ui.monospace(percent(share));
                ui.end_row();
            }
            ui.label(RichText::new("together").color(colors(ui).weak))
                .on_hover_text("What the variables explain only in combination");
            bar(ui, together);
            ui.monospace(percent(together));
            ui.end_row();
        });
    }
}

fn bar(ui: &mut Ui, share: f64) {
    let (rect, _) = ui.allocate_exact_size(vec2(BAR, 12.0), Sense::hover());
    let palette = colors(ui);
    ui.painter().rect_filled(rect, 2.0, palette.frame.gamma_multiply(0.25));
    let mut filled = rect;
    filled.set_width(rect.width() * (share as f32).clamp(0.0, 1.0));
    ui.painter().rect_filled(filled, 2.0, palette.accent);
}
