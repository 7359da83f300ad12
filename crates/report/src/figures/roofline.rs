//! The speed of networks and the limits of the machine: the chart of Williams, Waterman and Patterson 2009, *Roofline:
//! An Insightful Visual Performance Model for Multicore Architectures*, Figure 1.

use inceptive_results::statistics::Estimate;
use plotters::prelude::Color;

use super::facts;
use crate::{
    axis::{Axis, on_front},
    candidate::NetworkEntry,
    layer::attainable_gflops,
    way::BenchConfig,
};
use inceptive_draw::chart::{
    BLUE, Figure, INK, MOST_NAMED, MOST_POINTS, VERMILLION,
    axes::{Frame, Scale, plain_text},
    canvas::Canvas,
    drawn,
    key::{self, Sample, Shape},
    labels::{self, Named, Rect},
    named, networks,
};
use inceptive_format::share;

const HEIGHT: i32 = 460;
const TITLE: &str = "Speed against the machine's limits";

/// Radius of a point, in pixels.
const POINT: i32 = 5;

/// A measured network.
struct Point<'a> {
    candidate: &'a NetworkEntry,
    intensity: f64,
    gflops: Estimate,
    at: (i32, i32),
    is_on_front: bool,
}

/// Measured speed against intensity under the roofline; `None` without measurements or limits of the machine.
pub(super) fn chart(candidates: &[NetworkEntry], way: &BenchConfig) -> Option<Figure> {
    // The limits are those of the processor.
    if !way.runtime.is_on_cpu() {
        return None;
    }
    let limits = way.best.roofline;
    let is_known = |limit: f64| limit.is_finite() && limit > 0.0;
    let all = points(candidates, way);
    if all.is_empty() || !is_known(limits.peak_gflops) || !is_known(limits.bandwidth_gbps) {
        return None;
    }
    let measured = all.len();
    let mut points = drawn(all, MOST_POINTS, |point| point.is_on_front);
    let caption = caption(way, &points, measured);
    let (mut canvas, top) = Canvas::new(TITLE, &caption);
    let frame = Frame { left: 68, right: 826, top: top + 30, bottom: top + 30 + HEIGHT };
    let intensities = points.iter().map(|point| point.intensity).chain([limits.ridge()]);
    let x = Scale::log(intensities, 1.7, (frame.left, frame.right));
    let speeds = points.iter().map(|point| point.gflops.value).chain([limits.peak_gflops]);
    let y = Scale::log(speeds, 1.6, (frame.bottom, frame.top));
    for point in &mut points {
        point.at = (x.at(point.intensity), y.at(point.gflops.value));
    }
    frame.columns(&mut canvas, &x.ticks(&plain_text, true));
    frame.name_columns(
        &mut canvas,
        "operations per byte moved: 2 x MACs / bytes read and written, layer by layer (logarithmic)",
    );
    frame.lines(
        &mut canvas,
        &y.ticks(&plain_text, false),
        "measured GFLOP/s: 2 x MACs / time (logarithmic)",
    );
    frame.sides(&mut canvas);
    let roof = Roof::new(way, &x, &y, frame);
    roof.draw(&mut canvas, frame);
    for point in &points {
        canvas.circle(point.at, POINT, BLUE.mix(0.75).filled());
    }
    let mut marks = roof.marks();
    marks.extend(points.iter().map(|point| Rect::around(point.at, point.at, f64::from(POINT))));
    let names: Vec<Named> = roof.names().into_iter().chain(names(&points)).collect();
    labels::draw(&mut canvas, &names, &marks, &frame.rect());
    let entries = [
        (Sample::Mark(Shape::Disc, BLUE.mix(0.75)), "network".to_owned()),
        (Sample::Line(VERMILLION), "measured limits".to_owned()),
    ];
    key::column(&mut canvas, &entries, frame.top);
    for point in &points {
        canvas.hit(point.at, POINT, &facts::long_name(point.candidate), &facts(point, way));
    }
    let alternative = "Measured speed of each network against its operations per byte moved, below the limits of \
     the machine";
    Some(canvas.finish("roofline", TITLE, alternative.to_owned(), frame.bottom + 56))
}

fn points<'a>(candidates: &'a [NetworkEntry], way: &BenchConfig) -> Vec<Point<'a>> {
    let front = on_front(candidates, Axis::Latency(way));
    let point = |(at, candidate): (usize, &'a NetworkEntry)| {
        let gflops = facts::drawable(way.of(candidate)?.gflops())?;
        let intensity = intensity(candidate, way.runtime.batch)?;
        Some(Point { candidate, intensity, gflops, at: (0, 0), is_on_front: front.contains(&at) })
    };
    candidates.iter().enumerate().filter_map(point).collect()
}

/// Operations for each byte moved, counted as the measured speed counts them: two for each multiply-accumulate.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn intensity(candidate: &NetworkEntry, batch: u32) -> Option<f64> {
    let cost = candidate.network.as_ref()?.cost.clone();
    let moved = cost.scaled(batch).ok()?.total.moved_bytes;
    let operations = 2.0 * candidate.subject.macs as f64 * f64::from(batch);
    (moved > 0 && operations > 0.0).then(|| operations / moved as f64)
}

fn caption(way: &BenchConfig, points: &[Point<'_>], measured: usize) -> String {
    let mut text = format!(
        "Networks below the slanted roof are memory bound, below the flat one compute bound. Bytes are counted \
         as if every layer read and wrote memory; engines fuse layers and use caches, so \
         points may be above the slanted roof. {} on {}.",
        way.label(),
        way.machine.cpu
    );
    if points.iter().any(|point| point.gflops.value > way.best.roofline.peak_gflops) {
        text.push_str(" Points above the peak need fewer multiplications than are counted (Winograd's method), or the peak was measured too low.");
    }
    if measured > MOST_NAMED {
        text.push_str(
            " Only networks that are Pareto-optimal in accuracy and latency are labelled.",
        );
    }
    if measured > points.len() {
        let skipped = networks(measured - points.len());
        text.push_str(&format!(" Omitted evenly to limit the number of points: {skipped}."));
    }
    text
}

/// The limits as they are drawn.
struct Roof {
    /// Left end, ridge and right end.
    line: [(i32, i32); 3],
    texts: [String; 3],
}

impl Roof {
    fn new(way: &BenchConfig, x: &Scale, y: &Scale, frame: Frame) -> Self {
        let limits = way.best.roofline;
        let ridge = limits.ridge();
        // Where the slanted part comes in: at the left side or from below.
        let start = x.range().0.max(y.range().0 / limits.bandwidth_gbps);
        let flat = y.at(limits.peak_gflops);
        let line = [
            (x.at(start), y.at(limits.bandwidth_gbps * start)),
            (x.at(ridge), flat),
            (frame.right, flat),
        ];
        let texts = [
            format!("memory: {} GB/s", facts::three_digits(limits.bandwidth_gbps)),
            format!("ridge: {} operations per byte", facts::three_digits(ridge)),
            format!("peak: {} GFLOP/s", facts::three_digits(limits.peak_gflops)),
        ];
        Self { line, texts }
    }

    fn draw(&self, canvas: &mut Canvas, frame: Frame) {
        let (x, y) = self.line[1];
        canvas.line(vec![(x, y), (x, frame.bottom)], INK.mix(0.35));
        canvas.line(self.line.to_vec(), VERMILLION.stroke_width(2));
        canvas.circle((x, y), 4, VERMILLION.filled());
    }

    /// The areas that labels should not cover.
    fn marks(&self) -> Vec<Rect> {
        const PARTS: i32 = 40;
        let [(x, y), ridge, end] = self.line;
        let along = |part: i32| {
            let at = (x + (ridge.0 - x) * part / PARTS, y + (ridge.1 - y) * part / PARTS);
            Rect::around(at, at, 6.0)
        };
        (0..=PARTS).map(along).chain([Rect::around(ridge, end, 3.0)]).collect()
    }

    fn names(&self) -> Vec<Named> {
        let [start, ridge, end] = self.line;
        let places =
            [((start.0 + ridge.0) / 2, (start.1 + ridge.1) / 2), ridge, (end.0 - 70, end.1)];
        let named = |(at, name): ((i32, i32), &String)| Named { at, radius: 5, name: name.clone() };
        places.into_iter().zip(&self.texts).map(named).collect()
    }
}

fn names(points: &[Point<'_>]) -> impl Iterator<Item = Named> {
    named(points, |point| point.is_on_front).into_iter().map(|point| Named {
        at: point.at,
        radius: POINT,
        name: facts::name(point.candidate),
    })
}

fn facts(point: &Point<'_>, way: &BenchConfig) -> String {
    let roof = attainable_gflops(&way.best.roofline, point.intensity);
    format!(
        "{} GFLOP/s ({} to {}), {} of the roof at {} operations per byte",
        facts::three_digits(point.gflops.value),
        facts::three_digits(point.gflops.low),
        facts::three_digits(point.gflops.high),
        share(point.gflops.value / roof),
        facts::three_digits(point.intensity)
    )
}
