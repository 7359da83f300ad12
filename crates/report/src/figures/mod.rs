//! Charts of many candidates.

mod accuracy;
mod labels;
mod shares;

pub(crate) use accuracy::accuracy_macs;
pub(crate) use shares::{where_macs, where_params};

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::text::{FONT, width_px};

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
