//! Charts of many candidates.

mod accuracy;
mod labels;
mod shares;

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::text::{FONT, width_px};

use crate::{
    layer::Quantity,
    report::{Findings, Report},
};

/// A picture with what to say of it.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// A word for it, by which pages and files name it.
    pub id: String,
    /// What it shows, in a few words.
    pub title: String,
    /// What it shows, for those who do not see it.
    pub alternative: String,
    /// The picture: an SVG document.
    pub svg: String,
}

/// All figures of a report that there are numbers for.
pub(crate) fn all(report: &Report, findings: &Findings) -> Vec<Figure> {
    let candidates = report.candidates.as_slice();
    let way = findings.main_way();
    let mut figures = vec![accuracy::balls(candidates)];
    figures.extend(Quantity::ALL.into_iter().filter_map(|q| shares::bars(candidates, way, q)));
    figures
}

/// Ink of text and axes.
const INK: RGBColor = RGBColor(40, 44, 52);

/// Lines that stay in the background.
const FAINT: RGBColor = RGBColor(218, 222, 228);

/// The nearest pixel.
#[expect(clippy::cast_possible_truncation, reason = "a pixel of a chart of known size")]
fn pixel(x: f64) -> i32 {
    x.round() as i32
}

/// Ink of a text `size` pixels high that ends, begins or is centred at a point.
fn text_style(size: f64, side: HPos) -> TextStyle<'static> {
    // plotters writes 1 / 1.24 of the size that it is given into an SVG.
    let font = (FONT, size * 1.24).into_font();
    font.color(&INK).pos(Pos::new(side, VPos::Center))
}

/// Width of a text in pixels, rounded up.
fn text_width(text: &str, size: f64) -> i32 {
    pixel(width_px(text, size).ceil())
}
