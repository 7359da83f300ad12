//! A small plot of params against compute: where a network that is being changed is, and where it came from.

use egui::{Rect, Sense, Stroke, Ui, vec2};
use inceptive_results::Metric;

use super::{
    dots::paint_design,
    marks::{Form, ROOM, axes, mark},
    quantity::Names,
    rows::{Rows, design_values},
    scale::{Axis, Field},
};
use crate::{model::Model, theme::colors};

/// Draws all networks in grey and the one that is being changed in colour, as high as there is room.
pub(crate) fn mini(ui: &mut Ui, rows: &Rows, model: &Model) {
    let (whole, _) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
    let rect = Rect::from_min_max(
        whole.min + vec2(ROOM.x + 4.0, 6.0),
        whole.max - vec2(12.0, ROOM.y + 2.0),
    );
    if rect.width() < 60.0 || rect.height() < 40.0 {
        return;
    }
    let design = model.shown_design().map(|network| design_values(model, network));
    let [x, y] = [Metric::Macs, Metric::Params].map(|metric| {
        let known = rows.rows.iter().filter_map(|row| row.get(metric));
        let own = design.iter().filter_map(|values| values[metric.index()]);
        Axis::around(metric, true, known.chain(own).map(|estimate| estimate.value))
    });
    let field = Field { rect, x, y };
    let names = Names { rows, variables: None, convention: model.settings.convention() };
    let titles = [field.x, field.y].map(|axis| names.title(axis.quantity));
    axes(ui, &field, titles, |quantity, value| names.tick(quantity, value));
    let palette = colors(ui);
    for row in &rows.rows {
        if let (Some(x), Some(y)) = (row.get(Metric::Macs), row.get(Metric::Params)) {
            let is_selected = model.selection.contains(&row.file);
            let color = if is_selected { palette.accent } else { palette.frame };
            let at = field.at(x.value, y.value);
            mark(ui.painter(), Form::of(row.family), at, 4.0, color, Stroke::NONE);
        }
    }
    paint_design(ui, &field, model);
}
