//! What each module costs, as bars.

use egui::{
    Align2, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, pos2,
    vec2,
};
use inceptive_app::Inspected;
use inceptive_cost::by_module;
use inceptive_format::percent_change;
use inceptive_results::Metric;

use crate::{
    format::short_count,
    theme::{colors, series},
};

/// Height of a bar with the room around it.
const ROW: f32 = 19.0;

/// Width of the names.
const NAME: f32 = 110.0;

/// Width of the numbers.
const NUMBER: f32 = 120.0;

/// What the bars show.
pub struct Shown(pub Metric);

impl Default for Shown {
    fn default() -> Self {
        Self(Metric::Macs)
    }
}

/// What they can show: what is a sum over the nodes of a module.
const METRICS: [Metric; 3] = [Metric::Params, Metric::Macs, Metric::Acts];

/// A module before and after.
struct Row {
    name: String,
    before: u64,
    after: u64,
}

/// Draws a bar for each module that costs something; the outline is the value before the change.
///
/// They take the room that is left, or this height.
pub fn ui(
    ui: &mut Ui,
    base: &Inspected,
    now: &Inspected,
    metric: &mut Metric,
    height: Option<f32>,
) {
    ui.horizontal_wrapped(|ui| {
        ui.label("By module");
        for choice in METRICS {
            ui.selectable_value(metric, choice, choice.label());
        }
        ui.label(egui::RichText::new("outline: base").weak());
    });
    let rows = rows(base, now, *metric);
    let most = rows.iter().map(|row| row.before.max(row.after)).max().unwrap_or(0).max(1);
    let area = ScrollArea::vertical().id_salt("bars").min_scrolled_height(0.0).auto_shrink(false);
    let area = area.max_height(height.unwrap_or(f32::INFINITY));
    area.show_rows(ui, ROW, rows.len(), |ui, range| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for row in &rows[range] {
            draw(ui, row, most);
        }
    });
}

fn rows(base: &Inspected, now: &Inspected, metric: Metric) -> Vec<Row> {
    let counts = |network: &Inspected| -> Vec<(String, u64)> {
        let modules = by_module(&network.architecture.graph, &network.cost, 1);
        let count = |module: inceptive_cost::ModuleCost| {
            (module.path.to_string(), metric.total(&module.totals).unwrap_or(0))
        };
        modules.into_iter().map(count).collect()
    };
    let before = counts(base);
    let mut rows: Vec<Row> = counts(now)
        .into_iter()
        .map(|(name, after)| {
            let old = before.iter().find(|(known, _)| *known == name);
            Row { before: old.map_or(0, |(_, count)| *count), name, after }
        })
        .collect();
    for (name, before) in before {
        if !rows.iter().any(|row| row.name == name) {
            rows.push(Row { name, before, after: 0 });
        }
    }
    rows.retain(|row| row.before > 0 || row.after > 0);
    rows
}

#[expect(clippy::cast_precision_loss, reason = "shown as pixels")]
fn draw(ui: &mut Ui, row: &Row, most: u64) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    response.widget_info(|| {
        let text = format!("module {}: {}", row.name, row.after);
        WidgetInfo::labeled(Role::Label, true, text)
    });
    let palette = colors(ui);
    let font = TextStyle::Small.resolve(ui.style());
    let color = ui.visuals().text_color();
    let painter = ui.painter();
    let name_end = rect.left() + NAME;
    let clipped =
        painter.with_clip_rect(Rect::from_min_max(rect.min, pos2(name_end, rect.bottom())));
    let at = pos2(rect.left() + 2.0, rect.center().y);
    clipped.text(at, Align2::LEFT_CENTER, &row.name, font.clone(), color);
    let room = (rect.width() - NAME - NUMBER).max(10.0);
    let bar = |count: u64| {
        let width = room * (count as f32 / most as f32);
        Rect::from_min_size(pos2(name_end, rect.top() + 3.0), vec2(width, ROW - 6.0))
    };
    painter.rect_filled(bar(row.after), 1.0, series(0));
    if row.before != row.after {
        let outline = Stroke::new(1.2, palette.weak);
        painter.rect_stroke(bar(row.before), 1.0, outline, StrokeKind::Inside);
    }
    let number = format!("{} {}", short_count(row.after), percent_change(row.before, row.after));
    let end = pos2(bar(row.before.max(row.after)).right() + 6.0, rect.center().y);
    painter.text(end, Align2::LEFT_CENTER, number.trim_end(), font, palette.weak);
}
