//! The cost of a network, compared with its cost before the changes.

use egui::{Align, Grid, Layout, RichText, Ui};
use inceptive_app::{Inspected, violated_constraints};
use inceptive_format::{change, percent_change};

use crate::{
    format::{bytes, compute_unit, exact},
    model::Model,
    theme::colors,
};

/// How a count is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Count,
    Bytes,
}

impl Unit {
    fn text(self, count: u64) -> String {
        match self {
            Self::Count => exact(count),
            Self::Bytes => bytes(count),
        }
    }

    /// A signed difference; empty if there is none.
    fn difference(self, before: u64, after: u64) -> String {
        match self {
            _ if before == after => String::new(),
            Self::Count => change(before, after),
            Self::Bytes => {
                let sign = if after > before { '+' } else { '-' };
                format!("{sign}{}", bytes(before.abs_diff(after)))
            }
        }
    }
}

/// Draws the table, and which constraints of a space hold.
pub fn ui(ui: &mut Ui, base: &Inspected, now: &Inspected, model: &Model) {
    let convention = model.settings.convention();
    let compute = |network: &Inspected| convention.total(&network.architecture.graph);
    let compute_name = compute_unit(convention);
    let field = |network: &Inspected| Some(u64::from(network.cost.receptive_field.size?.height));
    let mut rows: Vec<(&str, Unit, u64, u64)> = vec![
        ("params", Unit::Count, base.cost.total.params, now.cost.total.params),
        (&compute_name, Unit::Count, compute(base), compute(now)),
        ("FLOPs", Unit::Count, base.cost.total.flops, now.cost.total.flops),
        ("acts", Unit::Count, base.cost.total.acts, now.cost.total.acts),
        ("weights", Unit::Bytes, base.cost.total.weight_bytes, now.cost.total.weight_bytes),
        ("peak memory", Unit::Bytes, base.cost.peak.bytes, now.cost.peak.bytes),
    ];
    if let (Some(before), Some(after)) = (field(base), field(now)) {
        rows.push(("receptive field", Unit::Count, before, after));
    }
    let training = base.training_params.zip(now.training_params);
    if let (Some((before, after)), false) =
        (training, now.architecture.graph.auxiliary().is_empty())
    {
        rows.push(("training params", Unit::Count, before, after));
    }
    Grid::new("numbers").num_columns(5).striped(true).spacing([16.0, 3.0]).show(ui, |ui| {
        for title in ["", "now", "base", "difference", ""] {
            right(ui, RichText::new(title).weak());
        }
        ui.end_row();
        for (name, unit, before, after) in rows {
            ui.label(name);
            let number = RichText::new(unit.text(after)).monospace().strong();
            right(ui, number).widget_info(|| {
                let text = format!("{name}: {}", exact(after));
                egui::WidgetInfo::labeled(egui::Role::Label, true, text)
            });
            right(ui, RichText::new(unit.text(before)).monospace().weak());
            right(ui, RichText::new(unit.difference(before, after)).monospace());
            // The last column is as wide as its words: to the right, it would take all the room.
            let percent = percent_change(before, after);
            ui.label(RichText::new(format!("{percent:>8}")).monospace());
            ui.end_row();
        }
    });
    for head in &now.architecture.unfit_heads {
        let note = format!("{head}; it is only used in training");
        ui.label(RichText::new(note).color(colors(ui).warning));
    }
    constraints(ui, now);
}

fn right(ui: &mut Ui, text: RichText) -> egui::Response {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(text)).inner
}

/// Shows for each constraint whether it is satisfied.
fn constraints(ui: &mut Ui, now: &Inspected) {
    let architecture = &now.architecture;
    let broken = violated_constraints(architecture, &now.cost);
    for constraint in &architecture.constraints {
        let holds = !broken.contains(&constraint);
        let palette = colors(ui);
        let (words, color) = match holds {
            true => ("is satisfied", palette.good),
            false => ("is violated", palette.error),
        };
        ui.label(RichText::new(format!("{constraint} {words}")).color(color));
    }
}
