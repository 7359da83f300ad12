//! The common parts of charts of accuracy against a cost: scales, the Pareto front, captions and legends.

use inceptive_draw::chart::{
    axes::{Frame, Scale, count_text, plain_text},
    canvas::Canvas,
    key::{Sample, Shape, origin_color},
    labels::Rect,
    networks,
};
use inceptive_results::{OriginKind, statistics::Estimate};
use plotters::prelude::Color;

use crate::axis::Axis;

/// Opacity of the front.
const LINE: f64 = 0.5;

/// The frame of a chart below its caption.
pub(super) const fn frame(top: i32, height: i32) -> Frame {
    Frame { left: 68, right: 826, top: top + 30, bottom: top + 30 + height }
}

/// A logarithmic scale for costs, with some room at both ends.
pub(super) fn costs(costs: impl Iterator<Item = Estimate>, room: f64, frame: Frame) -> Scale {
    Scale::log(costs.flat_map(|cost| [cost.low, cost.high]), room, (frame.left, frame.right))
}

/// Draws the frame with the ticks and titles of both scales.
pub(super) fn scales(
    canvas: &mut Canvas,
    frame: Frame,
    (x, axis): (&Scale, Axis<'_>),
    (y, accuracy): (&Scale, &str),
) {
    let (ticks, cost) = match axis {
        Axis::Macs => {
            (x.ticks(&count_text, true), "multiply-accumulates of one image (logarithmic)")
        }
        Axis::Params => (x.ticks(&count_text, true), "parameters (logarithmic)"),
        Axis::Latency(_) => (x.ticks(&plain_text, true), "median latency in ms (logarithmic)"),
    };
    frame.columns(canvas, &ticks);
    frame.name_columns(canvas, cost);
    frame.lines(canvas, &y.ticks(&plain_text, false), accuracy);
    frame.sides(canvas);
}

/// Draws the front through its points; returns the area that it covers.
pub(super) fn front(
    canvas: &mut Canvas,
    front: Vec<(i32, i32)>,
    frame: Frame,
    evidence: OriginKind,
) -> Vec<Rect> {
    let steps = steps(front, frame);
    canvas.line(steps.clone(), origin_color(evidence).mix(LINE).stroke_width(2));
    steps.windows(2).map(|s| Rect::around(s[0], s[1], 1.0)).collect()
}

/// The highest accuracy up to each cost, as steps to the right edge.
fn steps(mut front: Vec<(i32, i32)>, frame: Frame) -> Vec<(i32, i32)> {
    // Pixels count downwards, so among equal costs the most accurate one is last.
    front.sort_by_key(|&(x, y)| (x, -y));
    let mut steps: Vec<(i32, i32)> = Vec::with_capacity(2 * front.len() + 1);
    for (x, y) in front {
        if let Some(&(_, before)) = steps.last() {
            steps.push((x, before));
        }
        steps.push((x, y));
    }
    if let Some(&(_, y)) = steps.last() {
        steps.push((frame.right, y));
    }
    steps
}

/// A caption: what is drawn, how the cost was measured, how the front is marked, whether only the front is labelled, and how
/// many networks are omitted: those `without` a cost or an accuracy, and those `skipped` to limit the number of points.
pub(super) fn caption(
    drawn: &str,
    axis: Axis<'_>,
    marked: &str,
    named_few: bool,
    [without, skipped]: [usize; 2],
) -> String {
    let mut text = drawn.to_owned();
    if let Axis::Latency(way) = axis {
        text.push_str(&format!(" Measured with {} on {}.", way.label(), way.machine.cpu));
    }
    text.push_str(&format!(" {marked}."));
    if named_few {
        text.push_str(" Only those are labelled.");
    }
    if without > 0 {
        text.push_str(&format!(" Omitted, as one of the two is unknown: {}.", networks(without)));
    }
    if skipped > 0 {
        text.push_str(&format!(
            " Omitted evenly to limit the number of points: {}.",
            networks(skipped)
        ));
    }
    text
}

/// Legend entries of points on the front, of points off the front, and of the front.
pub(super) fn entries(
    evidence: OriginKind,
    shape: Shape,
    [strong, muted]: [f64; 2],
) -> Vec<(Sample, String)> {
    let color = origin_color(evidence);
    vec![
        (Sample::Mark(shape, color.mix(strong)), format!("{}, optimal", evidence.name())),
        (Sample::Mark(shape, color.mix(muted)), format!("{}, dominated", evidence.name())),
        (Sample::Line(color), "Pareto front".to_owned()),
    ]
}

/// The legend entry of intervals.
pub(super) fn interval_entry(evidence: OriginKind) -> (Sample, String) {
    (Sample::Whisker(origin_color(evidence)), "95% interval".to_owned())
}
