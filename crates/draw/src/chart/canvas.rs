//! Paper to draw on.

use std::fmt::Write as _;

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{Figure, INK, PAPER};
use crate::text::{FONT, clean, shortened, width_px, xml};

/// Width of every chart, in pixels.
pub const WIDTH: i32 = 1000;

/// Room at the sides, in pixels.
pub const MARGIN: i32 = 24;

/// Size of titles, in pixels.
const TITLE: f64 = 18.0;

/// Size of all other text, in pixels.
pub const TEXT: f64 = 12.0;

/// From a line of text to the next, in pixels.
const LINE: i32 = 17;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// A chart that is being drawn.
pub struct Canvas {
    shapes: String,
    hits: String,
}

impl Canvas {
    /// A chart with a title and a caption; also returns the vertical position below them.
    pub fn new(title: &str, caption: &str) -> (Self, i32) {
        let mut canvas = Self { shapes: String::new(), hits: String::new() };
        let wide = f64::from(WIDTH - 2 * MARGIN);
        canvas.text_of(&shortened(&clean(title), TITLE, wide), (MARGIN, 26), TITLE, HPos::Left);
        let mut y = 50;
        for line in wrapped(&clean(caption), wide) {
            canvas.text(&line, (MARGIN, y), HPos::Left);
            y += LINE;
        }
        (canvas, y)
    }

    /// Adds shapes that plotters draws.
    pub fn plot(&mut self, draw: impl FnOnce(&Area<'_>) -> Drawn) {
        let mut document = String::new();
        {
            // As high as any chart, for what is outside is cut off.
            let size = (WIDTH.unsigned_abs(), 100_000);
            let area = SVGBackend::with_string(&mut document, size).into_drawing_area();
            // Drawing into a string does not fail.
            let _ = draw(&area);
        }
        for line in document.lines() {
            match line {
                _ if line.starts_with("<svg") || line.starts_with("</svg") => {}
                "</text>" => self.shapes.push_str("</text>\n"),
                _ if line.starts_with("<text") => self.shapes.push_str(&brief(line)),
                _ if line.starts_with('<') => {
                    self.shapes.push_str(&brief(line));
                    self.shapes.push('\n');
                }
                text => self.shapes.push_str(text),
            }
        }
    }

    /// A text in the usual size that begins at, ends at or is centred around a point.
    pub fn text(&mut self, text: &str, at: (i32, i32), side: HPos) {
        self.text_of(text, at, TEXT, side);
    }

    fn text_of(&mut self, text: &str, at: (i32, i32), size: f64, side: HPos) {
        let text = clean(text);
        if text.trim().is_empty() {
            return;
        }
        // plotters writes 1 / 1.24 of the size that it is given into an SVG.
        let font = (FONT, size * 1.24).into_font().color(&INK);
        let style = font.pos(Pos::new(side, VPos::Center));
        self.plot(|area| Ok(area.draw(&Text::new(text.into_owned(), at, style))?));
    }

    /// A line through points.
    pub fn line(&mut self, points: Vec<(i32, i32)>, style: impl Into<ShapeStyle>) {
        self.plot(|area| Ok(area.draw(&PathElement::new(points, style))?));
    }

    /// A bar between two corners.
    pub fn bar(&mut self, corners: [(i32, i32); 2], color: RGBColor) {
        self.plot(|area| Ok(area.draw(&Rectangle::new(corners, color.filled()))?));
    }

    /// A disc or, without `filled`, a ring.
    pub fn circle(&mut self, center: (i32, i32), radius: i32, style: impl Into<ShapeStyle>) {
        self.plot(|area| Ok(area.draw(&Circle::new(center, radius, style))?));
    }

    /// Thousands of equal dots, as one shape.
    pub fn dots(&mut self, centers: &[(i32, i32)], diameter: i32, color: RGBColor) {
        if centers.is_empty() {
            return;
        }
        let RGBColor(red, green, blue) = color;
        let places: String = centers.iter().map(|(x, y)| format!("M{x} {y}h0")).collect();
        // Writing to a string does not fail.
        let _ = writeln!(
            self.shapes,
            "<path d=\"{places}\" fill=\"none\" stroke=\"#{red:02X}{green:02X}{blue:02X}\" stroke-width=\"{diameter}\" \
             stroke-linecap=\"round\"/>"
        );
    }

    /// Adds a tooltip to the point at a position.
    pub fn hit(&mut self, center: (i32, i32), radius: i32, name: &str, facts: &str) {
        let (x, y) = center;
        let shape = format!("circle class=\"hit\" cx=\"{x}\" cy=\"{y}\" r=\"{}\"", radius.max(7));
        self.add_hit(&shape, "circle", name, facts);
    }

    /// Adds a tooltip to the bar between two corners.
    pub fn hit_bar(&mut self, corners: [(i32, i32); 2], name: &str, facts: &str) {
        let [(left, top), (right, bottom)] = corners;
        let (width, height) = ((right - left).max(1), (bottom - top).max(1));
        let shape = format!(
            "rect class=\"hit\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\""
        );
        self.add_hit(&shape, "rect", name, facts);
    }

    fn add_hit(&mut self, shape: &str, tag: &str, name: &str, facts: &str) {
        let (name, facts) = (xml(name), xml(facts));
        let _ = writeln!(
            self.hits,
            "<{shape} data-name=\"{name}\"><title>{name}: {facts}</title></{tag}>"
        );
    }

    /// The finished chart.
    pub fn finish(self, id: &str, title: &str, alternative: String, height: i32) -> Figure {
        let RGBColor(red, green, blue) = PAPER;
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#{red:02X}{green:02X}{blue:02X}\"/>\n{}\
             <g class=\"hits\" fill=\"none\" pointer-events=\"all\">\n{}</g>\n</svg>\n",
            xml(&alternative),
            self.shapes,
            self.hits
        );
        Figure { id: id.to_owned(), title: title.to_owned(), alternative, svg }
    }
}

/// An element without attributes that have their default values.
fn brief(line: &str) -> String {
    line.replace(" opacity=\"1\"", "")
        .replace(" stroke-width=\"1\"", "")
        .replace(" stroke=\"none\"", "")
}

/// A text broken into lines of at most this width.
fn wrapped(text: &str, limit_px: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = shortened(word, TEXT, limit_px);
        match lines.last_mut() {
            Some(line) if width_px(line, TEXT) + width_px(&word, TEXT) + TEXT <= limit_px => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word.into_owned()),
        }
    }
    lines
}

/// The nearest pixel.
#[expect(clippy::cast_possible_truncation, reason = "a pixel of a chart of known size")]
pub fn pixel(x: f64) -> i32 {
    x.round() as i32
}

/// Width of a text in pixels, rounded up.
pub fn text_width(text: &str) -> i32 {
    pixel(width_px(text, TEXT).ceil())
}
