//! What conditions leave of a space, and what each variable decides about costs and accuracy.

use egui::{ComboBox, Grid, Label, RichText, Sense, Stroke, Ui, vec2};
use inceptive_explore::{Understood, wave_sentences};
use inceptive_format::{counted, exact, percent};
use inceptive_results::{Exploration, Metric, statistics::Estimate};

use crate::{jobs::CountedNetworks, panels::choices::entries, theme::colors};

/// Width of a bar of 100%, in points.
const BAR: f32 = 110.0;

/// Draws what each condition leaves, and what it alone excludes.
pub(super) fn conditions(ui: &mut Ui, found: &CountedNetworks) {
    let counts = &found.counts;
    if counts.conditions.is_empty() {
        return;
    }
    ui.add_space(4.0);
    Grid::new("conditions").num_columns(3).striped(true).spacing([12.0, 3.0]).show(ui, |ui| {
        ui.strong("satisfied by").on_hover_text("Networks that satisfy this condition");
        ui.strong("fail only this").on_hover_text(
            "Networks that satisfy all other conditions: they are excluded by this one alone",
        );
        ui.strong("condition");
        ui.end_row();
        for (condition, tally) in counts.conditions.iter().zip(&counts.survey.tallies) {
            for count in [tally.satisfied, tally.only_this_fails] {
                ui.monospace(format!("{:>11}", exact(count)));
            }
            ui.add(Label::new(condition.to_string()).truncate());
            ui.end_row();
        }
    });
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
    pub fn ui(&mut self, ui: &mut Ui, found: &CountedNetworks) {
        let survey = &found.counts.survey;
        let known = survey.shares.iter().filter(|shares| shares.of_variables.is_some());
        let metrics: Vec<Metric> = known.map(|shares| shares.metric).collect();
        let variables = &found.request.space.variables;
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
                bar(ui, Estimate::exact(share));
                ui.monospace(percent(share));
                ui.end_row();
            }
            ui.label(RichText::new("together").color(colors(ui).weak))
                .on_hover_text("What the variables explain only in combination");
            bar(ui, Estimate::exact(together));
            ui.monospace(percent(together));
            ui.end_row();
        });
    }
}

/// Draws how much each variable decides about accuracy, and what each does, in words.
pub(super) fn importance(ui: &mut Ui, understood: &Understood) {
    let Some(importance) = &understood.importance else {
        let text = "Too few networks were trained to say what decides about accuracy.";
        ui.label(RichText::new(text).color(colors(ui).weak));
        return;
    };
    ui.strong("What decides about accuracy").on_hover_text(format!(
        "Share of the variance of validation accuracy after the first stage that a variable explains by itself, with a 95% \
         interval, by {}",
        counted(understood.networks, "network", "networks")
    ));
    let has_good = importance.iter().any(|it| it.among_good.is_some());
    Grid::new("importance").num_columns(4).spacing([10.0, 3.0]).show(ui, |ui| {
        for (name, importance) in understood.variables.iter().zip(importance) {
            ui.label(name);
            bar(ui, importance.overall);
            interval(ui, importance.overall);
            if let (true, Some(good)) = (has_good, importance.among_good) {
                ui.label(RichText::new(format!("good: {}", percent(good.value))).color(colors(ui).weak))
                    .on_hover_text(format!(
                        "How much it decides whether a network of the better half is among the best: {} to {}",
                        percent(good.low),
                        percent(good.high)
                    ));
            }
            ui.end_row();
        }
    });
    for sentence in understood.sentences() {
        ui.add(Label::new(RichText::new(sentence).small()).wrap());
    }
}

/// Draws how the networks of a search were chosen, in words; nothing if they were chosen all at once.
pub(super) fn choice(ui: &mut Ui, exploration: &Exploration) {
    let sentences = wave_sentences(exploration);
    if sentences.is_empty() {
        return;
    }
    ui.add_space(8.0);
    ui.strong("How the networks were chosen").on_hover_text(
        "A surrogate predicts the accuracies of networks from those that are trained. It proposes networks if it ranks them better \
         than the number of parameters and than chance.",
    );
    for sentence in sentences {
        ui.add(Label::new(RichText::new(sentence).small()).wrap());
    }
}

fn interval(ui: &mut Ui, Estimate { value, low, high }: Estimate) {
    ui.monospace(format!("{} ({} to {})", percent(value), percent(low), percent(high)));
}

/// A bar with a line for the interval.
fn bar(ui: &mut Ui, Estimate { value, low, high }: Estimate) {
    let (rect, _) = ui.allocate_exact_size(vec2(BAR, 12.0), Sense::hover());
    let palette = colors(ui);
    ui.painter().rect_filled(rect, 2.0, palette.frame.gamma_multiply(0.25));
    let at = |share: f64| rect.left() + rect.width() * (share as f32).clamp(0.0, 1.0);
    let mut filled = rect;
    filled.max.x = at(value);
    ui.painter().rect_filled(filled, 2.0, palette.accent);
    if low < high {
        let stroke = Stroke::new(1.5, ui.visuals().text_color());
        ui.painter().hline(at(low)..=at(high), rect.center().y, stroke);
    }
}
