//! Where the parameters and the MACs of each network are, by kind of layer.

use plotters::{coord::Shift, prelude::*, style::text_anchor::HPos};

use super::{FAINT, Figure, pixel, text_style, text_width};
use crate::{
    candidate::Candidate,
    layer::{Layer, Quantity, by_layer},
    numbers::short_count,
    text::{clean, shortened},
    way::Way,
};

const WIDTH: u32 = 1000;
const ROW: u32 = 26;
const TOP: u32 = 92;
const BOTTOM: u32 = 40;

/// Where the bars begin and end, in pixels.
const BARS: (i32, i32) = (270, 910);

/// Size of names and numbers, in pixels.
const SMALL: f64 = 12.0;

/// Colours of Okabe and Ito, which people with any colour vision tell apart, and greys.
const fn color(layer: Layer) -> RGBColor {
    match layer {
        Layer::Pointwise => RGBColor(86, 180, 233),
        Layer::Spatial => RGBColor(0, 114, 178),
        Layer::Asymmetric => RGBColor(0, 158, 115),
        Layer::Grouped => RGBColor(240, 228, 66),
        Layer::Linear => RGBColor(213, 94, 0),
        Layer::Norm => RGBColor(204, 121, 167),
        Layer::Pool => RGBColor(230, 159, 0),
        Layer::Join => RGBColor(120, 124, 130),
        Layer::Other => RGBColor(190, 194, 200),
    }
}

const fn title(quantity: Quantity) -> (&'static str, &'static str) {
    match quantity {
        Quantity::Params => ("where-params", "Where the parameters are"),
        Quantity::Macs => ("where-macs", "Where the multiply-accumulates are"),
        Quantity::Memory => ("where-memory", "Where the bytes of results are"),
        Quantity::Time => ("where-time", "Where the time goes"),
    }
}

/// Bars of a quantity by kind of layer; none if it is not known of any candidate.
pub(crate) fn bars(
    candidates: &[Candidate],
    way: Option<&Way>,
    quantity: Quantity,
) -> Option<Figure> {
    let rows: Vec<(&str, [u64; 9])> = candidates
        .iter()
        .filter_map(|candidate| {
            let profile = way.and_then(|way| way.profile_of(candidate));
            let shares = by_layer(candidate.network.as_ref()?, profile, quantity)?;
            Some((candidate.name.as_str(), shares))
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let (id, title) = title(quantity);
    let height = TOP + ROW * u32::try_from(rows.len()).unwrap_or(u32::MAX).min(10_000) + BOTTOM;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        // Drawing into a string does not fail.
        let _ = draw(&root, &rows, title, height);
    }
    let alternative = format!("{title}, by kind of layer, for each network");
    Some(Figure { id: id.to_owned(), title: title.to_owned(), alternative, svg })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(root: &Area<'_>, rows: &[(&str, [u64; 9])], title: &str, height: u32) -> Drawn {
    root.fill(&WHITE)?;
    root.draw(&Text::new(title.to_owned(), (24, 26), text_style(18.0, HPos::Left)))?;
    key(root, rows)?;
    axis(root, height)?;
    for (row, (name, shares)) in (0_u32..).zip(rows) {
        let top = i32::try_from(TOP + ROW * row).unwrap_or(i32::MAX);
        bar(root, top, name, shares)?;
    }
    Ok(())
}

/// The kinds of layers that occur.
fn key(root: &Area<'_>, all: &[(&str, [u64; 9])]) -> Drawn {
    let style = text_style(SMALL, HPos::Left);
    let mut x = BARS.0;
    for layer in Layer::ALL {
        if all.iter().all(|(_, shares)| shares[layer as usize] == 0) {
            continue;
        }
        root.draw(&Rectangle::new([(x, 54), (x + 12, 66)], color(layer).filled()))?;
        root.draw(&Text::new(layer.name(), (x + 17, 60), style.clone()))?;
        x += 17 + text_width(layer.name(), SMALL) + 18;
    }
    Ok(())
}

/// Lines at every fifth, percent below.
fn axis(root: &Area<'_>, height: u32) -> Drawn {
    let style = text_style(SMALL, HPos::Center);
    let bottom = i32::try_from(height - BOTTOM).unwrap_or(i32::MAX);
    let top = i32::try_from(TOP).unwrap_or(0) - 6;
    for fifth in 0..=5 {
        let x = BARS.0 + (BARS.1 - BARS.0) * fifth / 5;
        root.draw(&PathElement::new(vec![(x, top), (x, bottom)], FAINT))?;
        let text = format!("{}%", 20 * fifth);
        root.draw(&Text::new(text, (x, bottom + 14), style.clone()))?;
    }
    Ok(())
}

fn bar(root: &Area<'_>, top: i32, name: &str, shares: &[u64; 9]) -> Drawn {
    let middle = top + 9;
    let name = shortened(&clean(name), SMALL, f64::from(BARS.0 - 30)).into_owned();
    root.draw(&Text::new(name, (BARS.0 - 10, middle), text_style(SMALL, HPos::Right)))?;
    let total: u64 = shares.iter().sum();
    let mut before = 0;
    for (layer, share) in Layer::ALL.into_iter().zip(shares) {
        let ends = [before, before + share].map(|sum| BARS.0 + along(sum, total));
        if ends[0] < ends[1] {
            let corners = [(ends[0], top), (ends[1], top + 17)];
            root.draw(&Rectangle::new(corners, color(layer).filled()))?;
        }
        before += share;
    }
    root.draw(&Text::new(
        short_count(total),
        (BARS.1 + 10, middle),
        text_style(SMALL, HPos::Left),
    ))?;
    Ok(())
}

/// A part of the bar's length, in pixels.
#[expect(clippy::cast_precision_loss, reason = "a place in a chart")]
fn along(part: u64, whole: u64) -> i32 {
    pixel(f64::from(BARS.1 - BARS.0) * part as f64 / whole.max(1) as f64)
}
