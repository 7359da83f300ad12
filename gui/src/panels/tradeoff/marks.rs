//! Balls, squares and other marks, and the axes around them.

use egui::{
    Align2, Color32, Painter, Pos2, Shape, Stroke, TextStyle, Ui, Vec2, pos2,
    text::{LayoutJob, TextWrapping},
    vec2,
};

use super::{quantity::Quantity, scale::Field};
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
    Left,
    Right,
    Wide,
    Tall,
    Narrow,
}

impl Form {
    /// The form of the n-th family; networks that are alone are circles.
    pub const fn of(family: Option<usize>) -> Self {
        const FORMS: [Form; 11] = [
            Form::Square,
            Form::Diamond,
            Form::Up,
            Form::Down,
            Form::Hexagon,
            Form::Pentagon,
            Form::Left,
            Form::Right,
            Form::Wide,
            Form::Tall,
            Form::Narrow,
        ];
        match family {
            Some(family) => FORMS[family % FORMS.len()],
            None => Self::Circle,
        }
    }

    /// Corners and the angle of the first, in turns clockwise from the right; `None` for a circle.
    const fn corners(self) -> Option<(u16, f32)> {
        match self {
            Self::Circle => None,
            Self::Square | Self::Wide | Self::Tall => Some((4, 0.125)),
            Self::Diamond | Self::Narrow => Some((4, 0.0)),
            Self::Up => Some((3, -0.25)),
            Self::Down => Some((3, 0.25)),
            Self::Left => Some((3, 0.5)),
            Self::Right => Some((3, 0.0)),
            Self::Hexagon => Some((6, 0.0)),
            Self::Pentagon => Some((5, -0.25)),
        }
    }

    /// By how much it is wider and higher than its radius says.
    const fn stretch(self) -> Vec2 {
        match self {
            Self::Wide => vec2(1.4, 0.7),
            Self::Tall => vec2(0.7, 1.4),
            Self::Narrow => vec2(0.65, 1.5),
            _ => Vec2::splat(1.0),
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
        at + radius * form.stretch() * Vec2::angled(turns * std::f32::consts::TAU)
    };
    let corners = (0..count).map(corner).collect();
    painter.add(Shape::convex_polygon(corners, fill, stroke));
}

/// Room for numbers and titles at the axes, in pixels: at the left and below.
pub const ROOM: Vec2 = vec2(64.0, 40.0);

/// Draws ground, lines, numbers and titles of axes; `tick` writes a value, where one is to be written.
pub fn axes(
    ui: &Ui,
    field: &Field,
    [across, up]: [String; 2],
    tick: impl Fn(Quantity, f64) -> Option<String>,
) {
    let (painter, palette) = (ui.painter(), colors(ui));
    let rect = field.rect;
    painter.rect_filled(rect, 2.0, palette.canvas);
    let grid = Stroke::new(1.0, palette.frame.gamma_multiply(0.28));
    let small = TextStyle::Small.resolve(ui.style());
    for value in field.x.ticks(rect.width()) {
        let Some(text) = tick(field.x.quantity, value) else { continue };
        let x = field.x_at(value);
        painter.vline(x, rect.y_range(), grid);
        let at = pos2(x, rect.bottom() + 4.0);
        painter.text(at, Align2::CENTER_TOP, text, small.clone(), palette.weak);
    }
    for value in field.y.ticks(rect.height() * 1.5) {
        let Some(text) = tick(field.y.quantity, value) else { continue };
        let y = field.y_at(value);
        painter.hline(rect.x_range(), y, grid);
        let at = pos2(rect.left() - 6.0, y);
        painter.text(at, Align2::RIGHT_CENTER, text, small.clone(), palette.weak);
    }
    let edge = Stroke::new(1.0, palette.frame);
    painter.rect_stroke(rect, 2.0, edge, egui::StrokeKind::Outside);
    let font = TextStyle::Body.resolve(ui.style());
    let color = ui.visuals().text_color();
    let below = pos2(rect.center().x, rect.bottom() + ROOM.y);
    painter.text(below, Align2::CENTER_BOTTOM, across, font.clone(), color);
    // In a small window, the legend is above.
    let mut job = LayoutJob::simple_singleline(up, font, color);
    job.wrap = TextWrapping::truncate_at_width(rect.height() + 12.0);
    let galley = painter.layout_job(job);
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

/// The corners of a front with those of its steps: no point lies beyond them. The points are sorted from left to right;
/// `first_up` says whether the step is up or across after one, as where more is better on the x axis.
pub fn front_steps(points: &[Pos2], first_up: bool) -> Vec<Pos2> {
    let mut line: Vec<Pos2> = vec![];
    for &at in points {
        if let Some(&last) = line.last() {
            line.push(if first_up { pos2(last.x, at.y) } else { pos2(at.x, last.y) });
        }
        line.push(at);
    }
    line
}
