//! The cost of a network, compared with its cost before the changes.

use egui::{Align, Grid, Layout, RichText, Ui};
use inceptive_app::{Inspected, counts_by_name};
use inceptive_dsl::{Constraint, Margin};
use inceptive_format::{change, decimals, percent_change, short_count};
use inceptive_results::{Metric, Unit};

use crate::{
    format::{compute_unit, exact},
    jobs::METRICS,
    model::Model,
    theme::colors,
};

/// Width of the whole table, in points.
const WIDE: f32 = 300.0;

/// A count before and after a change.
struct Row {
    name: String,
    /// Whose unit the counts have.
    metric: Metric,
    before: u64,
    after: u64,
}

impl Row {
    /// A signed difference; empty if there is none.
    fn difference(&self) -> String {
        let Self { metric, before, after, .. } = *self;
        match metric.unit() {
            _ if before == after => String::new(),
            Unit::Bytes => {
                let sign = if after > before { '+' } else { '-' };
                format!("{sign}{}", metric.exact(before.abs_diff(after)))
            }
            _ => change(before, after),
        }
    }
}

/// Draws the table, and which constraints and targets hold.
pub fn ui<'a>(
    ui: &mut Ui,
    base: &Inspected,
    now: &Inspected,
    limits: impl IntoIterator<Item = &'a Constraint>,
    model: &Model,
) {
    let convention = model.settings.convention();
    let count = |network: &Inspected, metric: Metric| match metric {
        Metric::Macs => Some(convention.total(&network.architecture.graph)),
        _ => metric.count(&network.architecture.graph, &network.cost),
    };
    let mut rows: Vec<Row> = METRICS
        .into_iter()
        .filter_map(|metric| {
            let name = match metric {
                Metric::Macs => compute_unit(convention),
                _ => metric.label().to_owned(),
            };
            let (before, after) = (count(base, metric)?, count(now, metric)?);
            Some(Row { name, metric, before, after })
        })
        .collect();
    let field = |network: &Inspected| Some(u64::from(network.cost.receptive_field.size?.height));
    if let (Some(before), Some(after)) = (field(base), field(now)) {
        let name = "receptive field".to_owned();
        rows.push(Row { name, metric: Metric::InputSize, before, after });
    }
    let training = base.training_params.zip(now.training_params);
    if let (Some((before, after)), false) =
        (training, now.architecture.graph.auxiliary().is_empty())
    {
        let name = "training parameters".to_owned();
        rows.push(Row { name, metric: Metric::Params, before, after });
    }
    if ui.available_width() < WIDE {
        short_table(ui, &rows);
    } else {
        table(ui, &rows);
    }
    for head in &now.architecture.unfit_heads {
        let note = format!("{head}; it is only used in training");
        ui.label(RichText::new(note).color(colors(ui).warning));
    }
    conditions(ui, now, limits);
}

/// Draws the counts in short, where there is little room.
fn short_table(ui: &mut Ui, rows: &[Row]) {
    Grid::new("numbers in short").num_columns(3).striped(true).spacing([5.0, 3.0]).show(ui, |ui| {
        for row in rows {
            let Row { name, metric, before, after } = row;
            let short = match metric.unit() {
                Unit::Bytes => metric.exact(*after),
                _ => short_count(*after),
            };
            ui.label(RichText::new(name).small()).on_hover_text(format!(
                "{} before, {} now",
                metric.exact(*before),
                metric.exact(*after)
            ));
            right(ui, RichText::new(short).small().strong());
            ui.label(RichText::new(percent_change(*before, *after)).small());
            ui.end_row();
        }
    });
}

/// Draws the counts before and after, with their differences.
fn table(ui: &mut Ui, rows: &[Row]) {
    Grid::new("numbers").num_columns(5).striped(true).spacing([9.0, 3.0]).show(ui, |ui| {
        for title in ["", "now", "base", "difference", ""] {
            right(ui, RichText::new(title).weak());
        }
        ui.end_row();
        for row in rows {
            let Row { name, metric, before, after } = row;
            let (before, after) = (*before, *after);
            ui.label(name);
            let number = RichText::new(metric.exact(after)).monospace().strong();
            right(ui, number).widget_info(|| {
                let text = format!("{name}: {}", exact(after));
                egui::WidgetInfo::labeled(egui::Role::Label, true, text)
            });
            right(ui, RichText::new(metric.exact(before)).monospace().weak());
            right(ui, RichText::new(row.difference()).monospace());
            // The last column is as wide as its words: to the right, it would take all the room.
            let percent = percent_change(before, after);
            ui.label(RichText::new(format!("{percent:>7}")).monospace());
            ui.end_row();
        }
    });
}

fn right(ui: &mut Ui, text: RichText) -> egui::Response {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(text)).inner
}

/// Shows for each condition whether it is satisfied, and what is left of it.
fn conditions<'a>(ui: &mut Ui, now: &Inspected, limits: impl IntoIterator<Item = &'a Constraint>) {
    let palette = colors(ui);
    let counts = counts_by_name(&now.architecture.graph, &now.cost);
    for condition in limits {
        let holds = condition.holds(&counts) != Some(false);
        let (words, color) = match holds {
            true => ("is satisfied", palette.good),
            false => ("is violated", palette.error),
        };
        let left = condition.margin(&counts).map(|margin| room(margin, holds)).unwrap_or_default();
        ui.label(RichText::new(format!("{condition} {words}{left}")).color(color));
    }
}

/// What is left of a condition, in words.
fn room(margin: Margin, holds: bool) -> String {
    let Margin { left, metric } = margin;
    let amount = match metric {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an amount of counts, which are whole and below 2^53"
        )]
        Some(metric) => metric.exact(left.abs().round() as u64),
        None => decimals(left.abs(), 2),
    };
    match holds {
        true => format!(", {amount} left"),
        false => format!(" by {amount}"),
    }
}
