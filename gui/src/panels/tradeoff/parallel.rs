//! Networks as lines across one axis for each number; dragging on an axis keeps those in a range.

use egui::{
    Align2, CursorIcon, Id, Pos2, Rect, Role, Sense, Stroke, TextStyle, Ui, WidgetInfo, pos2,
    text::{LayoutJob, TextWrapping},
    vec2,
};
use inceptive_results::Metric;

use super::{
    Shared,
    cloud::CloudView,
    cloud_lines::CloudLines,
    look::{PlotSettings, Shown},
    quantity::Quantity,
    rows::Row,
    scale::{Axis, Column},
    scatter::click,
};
use crate::{command::Commands, panels::drag_leaves_field, theme::colors};

/// Half the width of the part of an axis that can be dragged on.
const GRIP: f32 = 14.0;

/// Room at both sides, and between two axes at least.
const MARGINS: f32 = 64.0;
const LEAST_GAP: f32 = 58.0;

/// Distance of labels from their axis.
const TICK: f32 = 7.0;

/// Distance from a line within which the pointer selects it, in pixels.
const REACH: f32 = 5.0;

/// The state kept from frame to frame.
#[derive(Default)]
pub struct Parallel {
    /// The axis that is being brushed, and where the brush began.
    drag: Option<(Quantity, f32)>,
    cloud: CloudLines,
}

impl Parallel {
    /// Draws the lines and axes; where there is little room, they can be scrolled.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        look: &mut PlotSettings,
        shared: &Shared<'_>,
        commands: &mut Commands,
    ) {
        let scroll = egui::ScrollArea::horizontal().id_salt("parallel").auto_shrink(false);
        scroll.show(ui, |ui| self.content(ui, look, shared, commands));
    }

    fn content(
        &mut self,
        ui: &mut Ui,
        look: &mut PlotSettings,
        shared: &Shared<'_>,
        commands: &mut Commands,
    ) {
        let Shared { rows, model, .. } = *shared;
        let cloud = shared.cloud.filter(|_| look.shown != Shown::Networks);
        let shown: Vec<&Row> = rows.rows.iter().filter(|row| row.is_shown).collect();
        let all = quantities(&shown, shared, look.shown);
        let least = MARGINS.mul_add(2.0, LEAST_GAP * all.len().saturating_sub(1) as f32);
        let size = vec2(ui.available_width().max(least), ui.available_height());
        let (whole, canvas) = ui.allocate_exact_size(size, Sense::click());
        canvas.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, "Parallel coordinates"));
        let margin = vec2(MARGINS, 0.0);
        let rect = Rect::from_min_max(
            whole.min + margin + vec2(0.0, 38.0),
            whole.max - margin - vec2(0.0, 12.0),
        );
        let columns = columns(rect, &all, &shown, cloud);
        if columns.len() < 2 || rect.height() < 30.0 {
            return;
        }
        let hovered =
            canvas.hover_pos().and_then(|pointer| nearest(&shown, &columns, rect, pointer));
        if let Some(view) = cloud {
            let shades = look.colors(rows, shared.cloud, ui.ctx().theme());
            self.cloud.paint(ui, view, (&columns, rect), shades);
        }
        lines(ui, look, shared, (&shown, &columns, rect, hovered));
        let gap = rect.width() / (columns.len() - 1) as f32;
        for column in &columns {
            let title = shared.names.short_title(column.axis.quantity);
            draw_axis(ui, column, (rect, whole, gap), &title, shared);
            self.brush(ui, column, rect, &title, look);
        }
        if let Some(row) = hovered {
            if canvas.clicked() {
                click(ui, &row.file, model, commands);
            }
            canvas.on_hover_cursor(CursorIcon::PointingHand).on_hover_ui_at_pointer(|ui| {
                super::card::network(ui, row, shared, false);
            });
        }
    }

    /// Takes and draws the range of an axis; a click removes it.
    fn brush(
        &mut self,
        ui: &Ui,
        column: &Column,
        rect: Rect,
        title: &str,
        look: &mut PlotSettings,
    ) {
        let quantity = column.axis.quantity;
        let grip = Rect::from_x_y_ranges(
            column.x - GRIP..=column.x + GRIP,
            rect.top() - 6.0..=rect.bottom() + 6.0,
        );
        let id = Id::unique(("brush", quantity));
        let response = ui.interact(grip, id, Sense::click_and_drag());
        response.widget_info(|| {
            let name = format!("Filter {title}");
            WidgetInfo::labeled(Role::Slider, true, name)
        });
        drag_leaves_field(&response);
        if response.drag_started()
            && let Some(origin) = ui.input(|input| input.pointer.press_origin())
        {
            self.drag = Some((quantity, origin.y));
        }
        if let (Some((dragged, from)), Some(pointer)) = (self.drag, response.interact_pointer_pos())
            && dragged == quantity
        {
            let share = |y: f32| f64::from((rect.bottom() - y) / rect.height()).clamp(0.0, 1.0);
            let (a, b) = (share(from), share(pointer.y));
            look.brushes.insert(quantity, [a.min(b), a.max(b)].map(|s| column.axis.value(s)));
        }
        if response.drag_stopped() {
            self.drag = None;
        }
        if response.clicked() {
            look.brushes.remove(&quantity);
        }
        if let Some(&[low, high]) = look.brushes.get(&quantity) {
            let y = |value| column.y(rect, value);
            let range = Rect::from_x_y_ranges(column.x - 6.0..=column.x + 6.0, y(high)..=y(low));
            let accent = colors(ui).accent;
            let stroke = Stroke::new(1.5, accent);
            let fill = accent.gamma_multiply(0.25);
            ui.painter().rect(range, 2.0, fill, stroke, egui::StrokeKind::Inside);
        }
        response
            .on_hover_cursor(CursorIcon::ResizeVertical)
            .on_hover_text("Drag to filter by a range; click to clear");
    }
}

/// Where a network's line crosses an axis.
fn crossing(column: &Column, rect: Rect, row: &Row) -> Option<Pos2> {
    row.get(column.axis.quantity).map(|value| column.at(rect, value.value))
}

/// Each variable of the space, and every number that some network has.
fn quantities(shown: &[&Row], shared: &Shared<'_>, which: Shown) -> Vec<Quantity> {
    let cloud = shared.cloud.filter(|_| which != Shown::Networks);
    let known = |quantity: &Quantity| {
        shown.iter().any(|row| row.get(*quantity).is_some())
            || cloud.is_some_and(|view| view.span(*quantity).is_some())
    };
    let metrics = Metric::ALL.into_iter().filter(|metric| metric.is_main());
    let variables = 0..cloud.map_or(0, |view| view.variables().len());
    let all = variables.map(Quantity::Variable).chain(metrics.map(Quantity::Metric));
    all.filter(known).collect()
}

/// An axis for each quantity.
fn columns(rect: Rect, all: &[Quantity], shown: &[&Row], cloud: Option<&CloudView>) -> Vec<Column> {
    let gaps = all.len().saturating_sub(1).max(1) as f32;
    let column = |(at, &quantity): (usize, &Quantity)| {
        let values = shown.iter().filter_map(|row| row.get(quantity)).map(|value| value.value);
        let span = cloud.and_then(|view| view.span(quantity));
        let values = values.chain(span.into_iter().flatten());
        let axis = Axis::around(quantity, quantity.is_log(), values);
        Column { axis, x: rect.left() + rect.width() * at as f32 / gaps }
    };
    all.iter().enumerate().map(column).collect()
}

/// The parts of a network's line; it has gaps where a number is not known.
fn parts<'a>(
    row: &'a Row,
    columns: &'a [Column],
    rect: Rect,
) -> impl Iterator<Item = [Pos2; 2]> + 'a {
    columns.windows(2).filter_map(move |pair| {
        Some([crossing(&pair[0], rect, row)?, crossing(&pair[1], rect, row)?])
    })
}

fn nearest<'a>(
    shown: &[&'a Row],
    columns: &[Column],
    rect: Rect,
    pointer: Pos2,
) -> Option<&'a Row> {
    let distance = |row: &Row| {
        let all = parts(row, columns, rect).map(|[a, b]| {
            let along = ((pointer - a).dot(b - a) / (b - a).length_sq()).clamp(0.0, 1.0);
            pointer.distance(a + along * (b - a))
        });
        all.fold(f32::INFINITY, f32::min)
    };
    let all = shown.iter().map(|row| (*row, distance(row)));
    let (row, distance) = all.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (distance < REACH).then_some(row)
}

/// Draws the lines: grey ones, then coloured ones, then selected ones.
fn lines(
    ui: &Ui,
    look: &PlotSettings,
    shared: &Shared<'_>,
    (shown, columns, rect, hovered): (&[&Row], &[Column], Rect, Option<&Row>),
) {
    let palette = colors(ui);
    let shades = look.colors(shared.rows, shared.cloud, ui.ctx().theme());
    let is_selected = |row: &Row| shared.model.selection.contains(&row.file);
    let is_hovered = |row: &Row| hovered.is_some_and(|hovered| hovered.file == row.file);
    let mut order: Vec<&Row> = shown.to_vec();
    order.sort_by_key(|row| (look.is_brushed(row), is_selected(row), is_hovered(row)));
    for row in order {
        let color = shades.of(row);
        let stroke = match (look.is_brushed(row), is_selected(row) || is_hovered(row)) {
            (false, _) => Stroke::new(1.0, palette.frame.gamma_multiply(0.35)),
            (true, false) => Stroke::new(1.3, color.gamma_multiply(0.85)),
            (true, true) => Stroke::new(3.0, color),
        };
        for part in parts(row, columns, rect) {
            ui.painter().line_segment(part, stroke);
        }
        for at in columns.iter().filter_map(|column| crossing(column, rect, row)) {
            ui.painter().circle_filled(at, stroke.width + 1.0, stroke.color);
        }
    }
}

fn draw_axis(
    ui: &Ui,
    column: &Column,
    (rect, whole, gap): (Rect, Rect, f32),
    title: &str,
    shared: &Shared<'_>,
) {
    let (painter, palette) = (ui.painter(), colors(ui));
    painter.vline(column.x, rect.y_range(), Stroke::new(1.0, palette.frame));
    let small = TextStyle::Small.resolve(ui.style());
    // The kind of number is on a separate line.
    let kinds = ["published ", "trained ", "measured "];
    let kind = kinds.into_iter().find(|kind| title.starts_with(kind)).unwrap_or_default();
    for (text, color, above) in
        [(kind, palette.weak, 36.0), (&title[kind.len()..], ui.visuals().text_color(), 22.0)]
    {
        // No title runs into the next one.
        let mut job =
            LayoutJob::simple_singleline(text.trim_end().to_owned(), small.clone(), color);
        job.wrap = TextWrapping::truncate_at_width(gap - 6.0);
        let galley = painter.layout_job(job);
        let half = galley.size().x / 2.0;
        let center = column.x.min(whole.right() - half - 4.0).max(whole.left() + half + 4.0);
        let place = Rect::from_min_size(pos2(center - half, rect.top() - above), galley.size());
        painter.galley(place.min, galley, color);
        let id = Id::unique(("title", column.axis.quantity, above.to_bits()));
        ui.interact(place, id, Sense::hover())
            .on_hover_text(shared.names.title(column.axis.quantity));
    }
    for tick in column.axis.ticks(rect.height() * 1.6) {
        let Some(text) = shared.names.tick(column.axis.quantity, tick) else { continue };
        let y = column.y(rect, tick);
        painter.hline(column.x - 3.0..=column.x + 3.0, y, Stroke::new(1.0, palette.frame));
        // No label runs into the axis before it, or out of the picture.
        let room = (gap - 2.0 * TICK).min(column.x - TICK - whole.left()).max(0.0);
        let mut job = LayoutJob::simple_singleline(text.clone(), small.clone(), palette.weak);
        job.wrap = TextWrapping::truncate_at_width(room);
        let galley = painter.layout_job(job);
        let is_cut = galley.elided;
        let place = Align2::RIGHT_CENTER.anchor_size(pos2(column.x - TICK, y), galley.size());
        painter.rect_filled(place.expand(1.0), 2.0, palette.canvas.gamma_multiply(0.85));
        painter.galley(place.min, galley, palette.weak);
        if is_cut {
            let id = Id::unique(("tick", column.axis.quantity, tick.to_bits()));
            ui.interact(place, id, Sense::hover()).on_hover_text(text);
        }
    }
}
