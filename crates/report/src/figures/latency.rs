//! Latency of each network in every way that it was measured in.

use inceptive_results::{Grade, Measurement};
use plotters::{prelude::Color, style::text_anchor::HPos};

use super::facts;
use crate::{
    axis::{Axis, on_front},
    candidate::NetworkEntry,
    way::BenchConfig,
};
use inceptive_draw::chart::{
    FAINT, Figure,
    axes::{Frame, Scale, plain_text},
    canvas::Canvas,
    key::{self, MARKS, Sample},
    rows,
};
use inceptive_format::significant;

const TITLE: &str = "Latency";

/// From a way to the next in a row, and room between rows, in pixels.
const WAY: i32 = 9;
const ROOM: i32 = 15;

/// How strongly marks are drawn whose measurement can hardly be trusted.
const PALE: f64 = 0.4;

/// One row per network, with a mark for each configuration; `None` without measurements.
pub(super) fn chart(candidates: &[NetworkEntry], ways: &[BenchConfig]) -> Option<Figure> {
    let main = ways.first()?;
    let shown_ways = &ways[..ways.len().min(MARKS.len())];
    let sort_key = |candidate: &NetworkEntry| {
        let median = |way: &BenchConfig| way.of(candidate).map(|m| m.latency_ms.median.value);
        shown_ways.iter().enumerate().find_map(|(at, way)| Some((at, median(way)?)))
    };
    let key = |(at, candidate): (usize, &NetworkEntry)| sort_key(candidate).map(|key| (at, key));
    let mut all: Vec<(usize, (usize, f64))> =
        candidates.iter().enumerate().filter_map(key).collect();
    all.sort_by(|(_, a), (_, b)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let (rows, left_out) =
        rows::shown(all, |(at, _)| *at, &on_front(candidates, Axis::Latency(main)));
    let shown: Vec<&NetworkEntry> = rows.iter().map(|(at, _)| &candidates[*at]).collect();
    let caption = caption(main, left_out, ways.len() - shown_ways.len());
    let (mut canvas, top) = Canvas::new(TITLE, &caption);
    let top = key::lines(&mut canvas, &entries(shown_ways), (rows::LEFT, 976), top + 4);
    let heights: Vec<i32> = shown.iter().map(|candidate| height(candidate, shown_ways)).collect();
    let bottom = top + 6 + heights.iter().sum::<i32>();
    let frame = Frame { left: rows::LEFT, right: 900, top, bottom };
    let times = shown.iter().flat_map(|candidate| shown_ways.iter().map(|way| (way, *candidate)));
    let times =
        times.filter_map(|(way, candidate)| facts::drawable(way.of(candidate)?.latency_ms.median));
    let x =
        Scale::log(times.flat_map(|ms| [ms.low, ms.high]), 1.15, (frame.left + 8, frame.right - 8));
    frame.columns(&mut canvas, &x.ticks(&plain_text, true));
    frame.name_columns(
        &mut canvas,
        "median latency of a batch in ms (logarithmic), with 95% interval",
    );
    let mut row_top = frame.top + 3;
    for (candidate, height) in shown.into_iter().zip(heights) {
        row(&mut canvas, frame, (row_top, height), (candidate, shown_ways), &x);
        row_top += height;
    }
    let alternative =
        "Median latency of each network with its 95% interval, by engine, batch and threads";
    Some(canvas.finish("latency", TITLE, alternative.to_owned(), frame.bottom + 56))
}

fn caption(main: &BenchConfig, left_out: usize, other_ways: usize) -> String {
    let mut text = format!(
        "Networks whose intervals overlap are indistinguishable. Pale marks: grade C, where differences of a few \
         percent are noise, or D, which gives the order of magnitude only. On the right: ms with {}.",
        main.label()
    );
    text.push_str(&rows::rest(left_out, "latency"));
    if other_ways > 0 {
        text.push_str(&format!(" {other_ways} other configurations are not shown."));
    }
    text
}

/// The ways with their marks; with their machines, if there are several.
fn entries(ways: &[BenchConfig]) -> Vec<(Sample, String)> {
    let has_one_machine = ways.windows(2).all(|pair| pair[0].machine == pair[1].machine);
    let text = |way: &BenchConfig| match has_one_machine {
        true => way.label(),
        false => format!("{}, {}", way.label(), way.machine.cpu),
    };
    let entry = |(way, (shape, color)): (&BenchConfig, (_, plotters::style::RGBColor))| {
        (Sample::Mark(shape, color.to_rgba()), text(way))
    };
    ways.iter().zip(MARKS).map(entry).collect()
}

/// Height of a candidate's row: a line for each way that it was measured in.
fn height(candidate: &NetworkEntry, ways: &[BenchConfig]) -> i32 {
    let lines = ways.iter().filter(|way| way.of(candidate).is_some()).count();
    ROOM + WAY * i32::try_from(lines).unwrap_or(1)
}

/// A candidate's marks, below each other.
fn row(
    canvas: &mut Canvas,
    frame: Frame,
    (top, height): (i32, i32),
    (candidate, ways): (&NetworkEntry, &[BenchConfig]),
    x: &Scale,
) {
    let middle = top + height / 2;
    rows::name(canvas, &candidate.name, middle);
    canvas.line(vec![(frame.left, top + height), (frame.right, top + height)], FAINT);
    if let Some(measurement) = ways.first().and_then(|way| way.of(candidate)) {
        let text = significant(measurement.latency_ms.median.value);
        canvas.text(&text, (frame.right + 10, middle), HPos::Left);
    }
    let mut y = top + (ROOM + WAY) / 2;
    for (index, way) in ways.iter().enumerate() {
        let Some(measurement) = way.of(candidate) else { continue };
        mark(canvas, (index, y), measurement, x);
        let facts = format!("{} with {}", facts::latency(measurement), way.label());
        let at = (x.at(measurement.latency_ms.median.value), y);
        canvas.hit(at, 7, &facts::long_name(candidate), &facts);
        y += WAY;
    }
}

fn mark(canvas: &mut Canvas, (index, y): (usize, i32), measurement: &Measurement, x: &Scale) {
    let Some(ms) = facts::drawable(measurement.latency_ms.median) else { return };
    let (shape, color) = MARKS[index];
    let strength = if measurement.grade >= Grade::C { PALE } else { 1.0 };
    key::whisker(canvas, [(x.at(ms.low), y), (x.at(ms.high), y)], 4, color.mix(strength));
    key::mark(canvas, shape, (x.at(ms.value), y), color.mix(strength));
}
