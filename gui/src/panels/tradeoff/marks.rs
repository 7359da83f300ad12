//! Balls, squares and other marks, and the axes around them.

use egui::{Align2, Color32, Painter, Pos2, Shape, Stroke, TextStyle, Ui, Vec2, pos2, vec2};

use super::{metric::AxisMetric, scale::Field};
use crate::theme::colors;

/// The shape of a mark, so that series are not distinguished by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Circle,
    Square,
    Diamond,
    Up,
    Down,
    Hexagon,
    Pentagon,
}

impl Form {
    /// The form of the n-th series; alone ones are circles.
    pub const fn of(series: Option<usize>) -> Self {
        const FORMS: [Form; 7] = [
            Form::Square,
            Form::Diamond,
            Form::Up,
            Form::Down,
            Form::Hexagon,
            Form::Pentagon,
            Form::Circle,
        ];
        match series {
            Some(series) => FORMS[series % FORMS.len()],
            None => Self::Circle,
        }
    }

    /// Corners and the angle of the first, in turns clockwise from the right; `None` for a circle.
    const fn corners(self) -> Option<(u16, f32)> {
        match self {
            Self::Circle => None,
            Self::Square => Some((4, 0.125)),
            Self::Diamond => Some((4, 0.0)),
            Self::Up => Some((3, -0.25)),
            Self::Down => Some((3, 0.25)),
            Self::Hexagon => Some((6, 0.0)),
            Self::Pentagon => Some((5, -0.25)),
        }
    }
}

/// Draws a mark.
pub fn mark(painter: &Painter, form: Form, at: Pos2, radius: f32, fill: Color32, stroke: Stroke) {
    let Some((count, first)) = form.corners() else {
        painter.circle(at, radius, fill, stroke);
        return;
    };
    // Forms of about the same area.
    let radius = radius * if count == 3 { 1.3 } else { 1.12 };
    let corner = |number: u16| {
        let turns = first + f32::from(number) / f32::from(count);
        at + radius * Vec2::angled(turns * std::f32::consts::TAU)
    };
    let corners = (0..count).map(corner).collect();
    painter.add(Shape::convex_polygon(corners, fill, stroke));
}

/// Room for numbers and titles at the axes, in pixels: at the left and below.
pub const ROOM: Vec2 = vec2(64.0, 40.0);

/// Draws ground, lines, numbers and titles of axes.
pub fn axes(ui: &Ui, field: &Field, titles: [&str; 2]) {
    let (painter, palette) = (ui.painter(), colors(ui));
    let rect = field.rect;
    painter.rect_filled(rect, 2.0, palette.canvas);
    let grid = Stroke::new(1.0, palette.frame.gamma_multiply(0.28));
    let small = TextStyle::Small.resolve(ui.style());
    for tick in field.x.ticks(rect.width()) {
        let x = field.x_at(tick);
        painter.vline(x, rect.y_range(), grid);
        let at = pos2(x, rect.bottom() + 4.0);
        let text = field.x.metric.tick(tick);
        painter.text(at, Align2::CENTER_TOP, text, small.clone(), palette.weak);
    }
    for tick in field.y.ticks(rect.height() * 1.5) {
        let y = field.y_at(tick);
        painter.hline(rect.x_range(), y, grid);
        let at = pos2(rect.left() - 6.0, y);
        let text = field.y.metric.tick(tick);
        painter.text(at, Align2::RIGHT_CENTER, text, small.clone(), palette.weak);
    }
    let edge = Stroke::new(1.0, palette.frame);
    painter.rect_stroke(rect, 2.0, edge, egui::StrokeKind::Outside);
    let font = TextStyle::Body.resolve(ui.style());
    let color = ui.visuals().text_color();
    let below = pos2(rect.center().x, rect.bottom() + ROOM.y);
    painter.text(below, Align2::CENTER_BOTTOM, titles[0], font.clone(), color);
    let galley = painter.layout_no_wrap(titles[1].to_owned(), font, color);
    let beside = pos2(rect.left() - ROOM.x, rect.center().y + galley.size().x / 2.0);
    let turned = egui::epaint::TextShape::new(beside, galley, color)
        .with_angle(-std::f32::consts::FRAC_PI_2);
    painter.add(turned);
}

/// Draws an interval from left to right or from bottom to top.
pub fn interval(painter: &Painter, from: Pos2, to: Pos2, stroke: Stroke) {
    painter.line_segment([from, to], stroke);
    let across = (to - from).normalized().rot90() * 3.0;
    for end in [from, to] {
        painter.line_segment([end - across, end + across], stroke);
    }
}
