//! Axes, and boxes that are dragged in plots.

use egui::{
    Color32, PointerButton, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo, vec2,
};
use inceptive_results::Metric;

use crate::{
    panels::tradeoff::{
        marks::{ROOM, axes},
        metric::AxisMetric,
        scale::{Axis, Field},
    },
    theme::colors,
};

/// Distance from a point within which the pointer selects it, in points.
pub(super) const REACH: f32 = 8.0;

/// How many times larger the largest value is than the smallest one where an axis is by powers of ten.
const LOG_FROM: f64 = 8.0;

/// The ranges of two axes.
pub(super) type Area = [[f64; 2]; 2];

/// An axis around values; by powers of ten if they differ much.
pub(super) fn axis(metric: Metric, values: impl Iterator<Item = f64> + Clone) -> Axis {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.clone().fold(f64::NEG_INFINITY, f64::max);
    let is_log = metric.is_log() && low > 0.0 && high > LOG_FROM * low;
    Axis::around(metric, is_log, values)
}

/// Takes the room for a plot and draws its axes; nothing where there is too little of it.
pub(super) fn frame(
    ui: &mut Ui,
    name: &str,
    height: f32,
    [x, y]: [Axis; 2],
    titles: [String; 2],
) -> Option<(Response, Field)> {
    let size = vec2(ui.available_width(), height);
    let (whole, canvas) = ui.allocate_exact_size(size, Sense::click_and_drag());
    canvas.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, name));
    let rect = Rect::from_min_max(
        whole.min + vec2(ROOM.x + 4.0, 6.0),
        whole.max - vec2(12.0, ROOM.y + 2.0),
    );
    if rect.width() < 40.0 || rect.height() < 40.0 {
        return None;
    }
    let field = Field { rect, x, y };
    axes(ui, &field, titles, |quantity, value| Some(quantity.metric()?.tick(value)));
    Some((canvas, field))
}

/// Draws a table in room of its own, if any of that is in view: the bar of a table that is scrolled out of view would be
/// drawn over what is.
pub(super) fn if_seen<T>(
    ui: &mut Ui,
    size: Vec2,
    content: impl FnOnce(&mut Ui) -> Option<T>,
) -> Option<T> {
    let rect = Rect::from_min_size(ui.cursor().min, size);
    if ui.is_rect_visible(rect) {
        return ui.allocate_ui(size, content).inner;
    }
    let _ = ui.allocate_space(size);
    None
}

/// The part of a screen for the inside of a plot.
pub(super) fn inside(ui: &mut Ui, field: &Field) -> Ui {
    let mut inner = ui.new_child(egui::UiBuilder::new().max_rect(field.rect));
    inner.set_clip_rect(field.rect.intersect(ui.clip_rect()));
    inner
}

/// A box that was dragged in a plot.
#[derive(Default)]
pub(super) struct Brush {
    corner: Option<Pos2>,
    area: Option<Area>,
}

impl Brush {
    /// The ranges of the box.
    pub const fn area(&self) -> Option<Area> {
        self.area
    }

    /// Takes the box away.
    pub const fn clear(&mut self) {
        (self.corner, self.area) = (None, None);
    }

    /// Takes what is dragged, and draws the box.
    pub fn ui(&mut self, ui: &Ui, canvas: &Response, field: &Field) {
        if canvas.drag_started_by(PointerButton::Primary) {
            self.corner = ui.input(|input| input.pointer.press_origin());
        }
        if canvas.double_clicked() {
            self.clear();
        }
        let accent = colors(ui).accent;
        let draw = |rect: Rect, fill: Color32| {
            ui.painter().rect(rect, 0.0, fill, Stroke::new(1.0, accent), StrokeKind::Inside);
        };
        let dragged = self.corner.zip(canvas.interact_pointer_pos());
        match dragged {
            Some((corner, pointer)) => {
                let rect = Rect::from_two_pos(corner, pointer);
                draw(rect, accent.gamma_multiply(0.12));
                if canvas.drag_stopped() {
                    self.corner = None;
                    self.area = Some(area(rect.intersect(field.rect), field));
                    // The table, which was drawn before, is filtered by it.
                    ui.ctx().request_repaint();
                }
            }
            None => {
                if let Some([x, y]) = self.area {
                    let rect = Rect::from_two_pos(field.at(x[0], y[0]), field.at(x[1], y[1]));
                    draw(rect, accent.gamma_multiply(0.06));
                }
            }
        }
    }
}

/// The values at the sides of a part of a plot.
fn area(rect: Rect, field: &Field) -> Area {
    let place = rect.translate(-field.rect.min.to_vec2());
    let (width, height) = (field.rect.width(), field.rect.height());
    let x = |at: f32| field.x.value(f64::from(at / width));
    let y = |at: f32| field.y.value(f64::from(1.0 - at / height));
    [[x(place.left()), x(place.right())], [y(place.bottom()), y(place.top())]]
}

/// Whether a pair of values is in a box; all are in none.
pub(super) fn is_inside(area: Option<Area>, x: f64, y: f64) -> bool {
    let is_in = |[low, high]: [f64; 2], value: f64| low <= value && value <= high;
    area.is_none_or(|[across, up]| is_in(across, x) && is_in(up, y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_holds_the_values_between_its_sides() {
        let rect = Rect::from_min_size(Pos2::new(10.0, 20.0), vec2(100.0, 50.0));
        let values = |low: f64, high: f64| [low, high].into_iter();
        let (x, y) =
            (axis(Metric::Macs, values(1e3, 1e6)), axis(Metric::Params, values(10.0, 20.0)));
        assert!(x.is_log && !y.is_log);
        let field = Field { rect, x, y };
        let corner = |x, y| field.at(x, y);
        let found = area(Rect::from_two_pos(corner(1e4, 12.0), corner(1e5, 18.0)), &field);
        assert!(is_inside(Some(found), 2e4, 15.0));
        for (x, y) in [(9e3, 15.0), (1.1e5, 15.0), (2e4, 11.9), (2e4, 18.1)] {
            assert!(!is_inside(Some(found), x, y), "{x} {y}");
        }
        assert!(is_inside(None, f64::NAN, 0.0));
    }
}
