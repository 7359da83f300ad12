//! The parameters, MACs, memory and time of each network, by kind of layer.

use plotters::style::{RGBColor, text_anchor::HPos};

use super::facts;
use crate::{
    axis::{Axis, on_front},
    candidate::NetworkEntry,
    layer::{BreakdownMetric, Layer, by_layer},
    way::BenchConfig,
};
use inceptive_draw::chart::{
    BLUE, FAINT, Figure, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, YELLOW,
    axes::{Frame, Tick},
    canvas::{Canvas, pixel},
    key::{self, Sample},
    rows,
};
use inceptive_format::{bytes, share, short_count, significant};

/// The colour of a kind of layer.
const fn color(layer: Layer) -> RGBColor {
    match layer {
        Layer::Pointwise => SKY,
        Layer::Spatial => BLUE,
        Layer::Asymmetric => GREEN,
        Layer::Grouped => YELLOW,
        Layer::Linear => VERMILLION,
        Layer::Norm => PURPLE,
        Layer::Pool => ORANGE,
        Layer::Join => GREY,
        Layer::Other => FAINT,
    }
}

/// The texts of a chart.
struct Words {
    id: &'static str,
    title: &'static str,
    caption: &'static str,
}

const fn words(quantity: BreakdownMetric) -> Words {
    match quantity {
        BreakdownMetric::Params => Words {
            id: "breakdown-params",
            title: "Parameters by kind of layer",
            caption: "Share of the learned values by kind of layer; the total is on the right.",
        },
        BreakdownMetric::Macs => Words {
            id: "breakdown-macs",
            title: "Multiply-accumulates by kind of layer",
            caption: "Share of the multiply-accumulates by kind of layer, for one image; the total is on the right.",
        },
        BreakdownMetric::Memory => Words {
            id: "breakdown-memory",
            title: "Memory by kind of layer",
            caption: "Share of the bytes of all feature maps by kind of layer, for one image in single precision. \
             The total is on the right; not all of it is in memory at the same time.",
        },
        BreakdownMetric::Time => Words {
            id: "breakdown-time",
            title: "Time by kind of layer",
            caption: "Share of the profiled time by kind of layer. Engines fuse layers: activation functions and sums \
             count with the layer they were fused into. The total is on the right.",
        },
    }
}

fn amount(quantity: BreakdownMetric, amount: u64) -> String {
    match quantity {
        BreakdownMetric::Params | BreakdownMetric::Macs => short_count(amount),
        BreakdownMetric::Memory => bytes(amount),
        #[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
        BreakdownMetric::Time => format!("{} ms", significant(amount as f64 / 1e6)),
    }
}

/// A candidate with its shares.
struct Row {
    at: usize,
    shares: [u64; 9],
    total: u64,
}

/// Bars of a quantity by kind of layer, the largest total first; `None` if it is not known of any candidate.
pub(super) fn bars(
    candidates: &[NetworkEntry],
    way: Option<&BenchConfig>,
    quantity: BreakdownMetric,
) -> Option<Figure> {
    let row = |(at, candidate): (usize, &NetworkEntry)| {
        let profile = way.and_then(|way| way.profile_of(candidate));
        let shares = by_layer(candidate.network.as_ref()?, profile, quantity)?;
        let total = shares.iter().sum();
        (total > 0).then_some(Row { at, shares, total })
    };
    let mut all: Vec<Row> = candidates.iter().enumerate().filter_map(row).collect();
    if all.is_empty() {
        return None;
    }
    all.sort_by_key(|row| std::cmp::Reverse(row.total));
    let (rows, left_out) = rows::shown(all, |row| row.at, &on_front(candidates, Axis::Macs));
    let Words { id, title, caption } = words(quantity);
    let mut caption = caption.to_owned();
    if let (BreakdownMetric::Time, Some(way)) = (quantity, way) {
        caption.push_str(&format!(" {} on {}.", way.label(), way.machine.cpu));
    }
    caption.push_str(&rows::rest(left_out, "MACs"));
    let (mut canvas, top) = Canvas::new(title, &caption);
    let top = key::lines(&mut canvas, &entries(&rows), (rows::LEFT, 976), top + 4);
    let count = i32::try_from(rows.len()).unwrap_or(i32::MAX);
    let frame = Frame { left: rows::LEFT, right: 890, top, bottom: top + 8 + rows::ROW * count };
    frame.columns(&mut canvas, &fifths(frame));
    for (index, row) in (0..).zip(&rows) {
        let y = frame.top + 8 + rows::ROW * index;
        rows::name(&mut canvas, &candidates[row.at].name, y + rows::BAR / 2);
        let name = facts::long_name(&candidates[row.at]);
        bar(&mut canvas, frame, y, row, (&name, quantity));
    }
    let alternative = format!("{title}, for each network");
    Some(canvas.finish(id, title, alternative, frame.bottom + 34))
}

/// The kinds of layers that occur.
fn entries(rows: &[Row]) -> Vec<(Sample, String)> {
    let occurs = |layer: &Layer| rows.iter().any(|row| row.shares[*layer as usize] > 0);
    let entry = |layer: Layer| (Sample::Bar(color(layer)), layer.name().to_owned());
    Layer::ALL.into_iter().filter(occurs).map(entry).collect()
}

/// Every fifth of the length of a bar.
fn fifths(frame: Frame) -> Vec<Tick> {
    let tick = |fifth: i32| Tick {
        at_px: frame.left + (frame.right - frame.left) * fifth / 5,
        text: format!("{}%", 20 * fifth),
    };
    (0..=5).map(tick).collect()
}

fn bar(
    canvas: &mut Canvas,
    frame: Frame,
    y: i32,
    row: &Row,
    (name, quantity): (&str, BreakdownMetric),
) {
    let mut before = 0;
    for (layer, &part) in Layer::ALL.iter().zip(&row.shares) {
        let ends = [before, before + part].map(|sum| frame.left + along(frame, sum, row.total));
        before += part;
        if ends[0] == ends[1] {
            continue;
        }
        // A line of paper sets it apart from the next one.
        let end = if ends[1] - ends[0] > 3 { ends[1] - 1 } else { ends[1] };
        let corners = [(ends[0], y), (end, y + rows::BAR)];
        canvas.bar(corners, color(*layer));
        let facts = format!(
            "{} {} ({} of {})",
            layer.name(),
            share(fraction(part, row.total)),
            amount(quantity, part),
            amount(quantity, row.total)
        );
        canvas.hit_bar(corners, name, &facts);
    }
    let place = (frame.right + 10, y + rows::BAR / 2);
    canvas.text(&amount(quantity, row.total), place, HPos::Left);
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn fraction(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// A part of the bar's length, in pixels.
fn along(frame: Frame, part: u64, whole: u64) -> i32 {
    pixel(f64::from(frame.right - frame.left) * fraction(part, whole))
}
