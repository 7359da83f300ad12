//! Marks and what they mean.

use inceptive_results::OriginKind;
use plotters::{prelude::*, style::text_anchor::HPos};

use super::{
    BLUE, GREEN, INK, ORANGE, PURPLE, SKY, VERMILLION,
    canvas::{Canvas, TEXT, text_width},
};
use crate::text::{clean, shortened};

/// The colour of values of a kind. Kinds never share a front, and never look alike.
pub const fn origin_color(kind: OriginKind) -> RGBColor {
    match kind {
        OriginKind::Counted => INK,
        OriginKind::Published => BLUE,
        OriginKind::Measured => GREEN,
        OriginKind::Trained => VERMILLION,
        OriginKind::Predicted => PURPLE,
    }
}

/// Shapes that can be distinguished without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A filled circle.
    Disc,
    /// A filled square.
    Square,
    /// A filled triangle, its tip up.
    Triangle,
    /// A filled square on its tip.
    Diamond,
    /// Two diagonal lines.
    Cross,
    /// A circle that is not filled.
    Ring,
    /// Two lines along the axes.
    Plus,
}

/// Shapes with colours, for things that have no order.
pub const MARKS: [(Shape, RGBColor); 7] = [
    (Shape::Disc, BLUE),
    (Shape::Square, VERMILLION),
    (Shape::Triangle, GREEN),
    (Shape::Diamond, PURPLE),
    (Shape::Cross, ORANGE),
    (Shape::Ring, INK),
    (Shape::Plus, SKY),
];

/// Draws a shape about ten pixels wide.
pub fn mark(canvas: &mut Canvas, shape: Shape, (x, y): (i32, i32), color: RGBAColor) {
    let mut polygon = |points: Vec<(i32, i32)>| {
        canvas.plot(|area| Ok(area.draw(&Polygon::new(points, color.filled()))?));
    };
    match shape {
        Shape::Disc => canvas.circle((x, y), 5, color.filled()),
        Shape::Ring => canvas.circle((x, y), 4, color.stroke_width(2)),
        Shape::Square => {
            polygon(vec![(x - 4, y - 4), (x + 4, y - 4), (x + 4, y + 4), (x - 4, y + 4)])
        }
        Shape::Triangle => polygon(vec![(x - 5, y + 4), (x + 5, y + 4), (x, y - 5)]),
        Shape::Diamond => polygon(vec![(x - 6, y), (x, y - 6), (x + 6, y), (x, y + 6)]),
        Shape::Cross => {
            canvas.line(vec![(x - 4, y - 4), (x + 4, y + 4)], color.stroke_width(2));
            canvas.line(vec![(x - 4, y + 4), (x + 4, y - 4)], color.stroke_width(2));
        }
        Shape::Plus => {
            canvas.line(vec![(x - 5, y), (x + 5, y)], color.stroke_width(2));
            canvas.line(vec![(x, y - 5), (x, y + 5)], color.stroke_width(2));
        }
    }
}

/// The sample of a legend entry.
#[derive(Clone, Copy)]
pub enum Sample {
    /// A shape.
    Mark(Shape, RGBAColor),
    /// A line.
    Line(RGBColor),
    /// An interval.
    Whisker(RGBColor),
    /// A bar.
    Bar(RGBColor),
    /// A ring of a radius.
    Size(i32),
}

impl Sample {
    fn draw(self, canvas: &mut Canvas, (x, y): (i32, i32)) {
        match self {
            Self::Mark(shape, color) => mark(canvas, shape, (x, y), color),
            Self::Line(color) => canvas.line(vec![(x - 8, y), (x + 8, y)], color.stroke_width(2)),
            Self::Whisker(color) => whisker(canvas, [(x - 8, y), (x + 8, y)], 0, color.into()),
            Self::Bar(color) => canvas.bar([(x - 6, y - 6), (x + 6, y + 6)], color),
            Self::Size(radius) => canvas.circle((x, y), radius, INK.mix(0.7)),
        }
    }

    fn half_height(self) -> i32 {
        if let Self::Size(radius) = self { radius.max(6) } else { 6 }
    }
}

/// An interval with ends; nothing where a mark of that radius hides it.
pub fn whisker(canvas: &mut Canvas, ends: [(i32, i32); 2], radius: i32, color: RGBAColor) {
    let [(left, y), (right, _)] = ends;
    if right - left <= 2 * radius {
        return;
    }
    let points =
        vec![(left, y - 3), (left, y + 3), (left, y), (right, y), (right, y - 3), (right, y + 3)];
    canvas.line(points, color);
}

/// The same upright: `ends` are the lower and the upper one.
pub fn upright_whisker(canvas: &mut Canvas, ends: [(i32, i32); 2], radius: i32, color: RGBAColor) {
    let [(x, bottom), (_, top)] = ends;
    if bottom - top <= 2 * radius {
        return;
    }
    let points =
        vec![(x - 3, bottom), (x + 3, bottom), (x, bottom), (x, top), (x - 3, top), (x + 3, top)];
    canvas.line(points, color);
}

/// Where the samples of a column are centred, and the texts begin.
const SAMPLES: i32 = 858;
const TEXTS: i32 = 896;

/// A key in a column right of a chart.
pub fn column(canvas: &mut Canvas, entries: &[(Sample, String)], top: i32) {
    let mut y = top;
    for (sample, text) in entries {
        y += sample.half_height();
        let is_wide = matches!(sample, Sample::Size(_));
        let (x, text_x) = if is_wide { (SAMPLES, TEXTS) } else { (SAMPLES - 14, SAMPLES + 2) };
        sample.draw(canvas, (x, y));
        canvas.text(text, (text_x, y), HPos::Left);
        y += sample.half_height() + 8;
    }
}

/// A legend in lines between two sides; returns the vertical position of its end.
pub fn lines(
    canvas: &mut Canvas,
    entries: &[(Sample, String)],
    sides: (i32, i32),
    top: i32,
) -> i32 {
    const BEFORE: i32 = 22;
    const AFTER: i32 = 20;
    let (mut x, mut y) = (sides.0, top + 8);
    for (sample, text) in entries {
        let text = clean(text);
        let text = shortened(&text, TEXT, f64::from(sides.1 - sides.0 - BEFORE));
        let width = BEFORE + text_width(&text);
        if x > sides.0 && x + width > sides.1 {
            (x, y) = (sides.0, y + 20);
        }
        sample.draw(canvas, (x + 8, y));
        canvas.text(&text, (x + BEFORE, y), HPos::Left);
        x += width + AFTER;
    }
    y + 12
}
