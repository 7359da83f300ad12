//! The networks of a space by two counts, with named architectures among them, as Radosavovic et al.
//! 2020, *Designing Network Design Spaces*, look at samples of a space instead of single networks.

use std::collections::BTreeMap;

use plotters::prelude::Color;

use super::{facts, squares};
use crate::{
    axis::{Axis, on_front},
    candidate::NetworkEntry,
    cloud::Cloud,
    way::BenchConfig,
};
use inceptive_draw::chart::{
    Figure, GREY, MOST_NAMED, SKY, VERMILLION,
    axes::{Frame, Scale, count_text},
    canvas::{Canvas, TEXT},
    drawn,
    key::{self, Sample, Shape},
    labels::{self, Named, Rect},
    named, networks, thinned,
};
use inceptive_draw::text::{clean, shortened};
use inceptive_format::{combinations, exact};
use inceptive_results::{Metric, Unit};

const HEIGHT: i32 = 480;

/// Diameter of a dot. Dots nearer than `PLACE` look like one and are drawn as one.
const DOT: i32 = 5;
const PLACE: i32 = 2;

/// Maximum number of dots; of more, an even sample is drawn.
const MOST_DOTS: usize = 2000;

/// The widest list of constraints, in pixels.
const LIST: f64 = 620.0;

/// A named architecture is drawn if its cost is at most this factor outside of the range of the space.
const REACH: f64 = 1.5;

/// Maximum number of named architectures; of more, an even sample is drawn.
const MOST_KNOWN: usize = 200;

/// Half the side of the mark of a named architecture.
const MARK: i32 = 6;

/// A point of a chart, in pixels.
pub(super) type Place = (i32, i32);

/// A named architecture in the chart.
struct Known<'a> {
    candidate: &'a NetworkEntry,
    at: Place,
    is_on_front: bool,
    is_of_space: bool,
}

/// A cloud of networks; `None` if there are none. `number` counts the spaces from 1.
pub(super) fn chart(
    cloud: &Cloud,
    number: usize,
    candidates: &[NetworkEntry],
    way: Option<&BenchConfig>,
) -> Option<Figure> {
    if cloud.points.is_empty() {
        return None;
    }
    let (known, far) = near(cloud, candidates);
    let near_count = known.len();
    let mut known = drawn(known, MOST_KNOWN, |known| known.is_on_front);
    let left_out = [far, near_count - known.len()];
    let title = format!("Networks of a space: {}", clean(&cloud.title));
    let (mut canvas, top) = Canvas::new(&title, &caption(cloud, known.len(), left_out));
    let frame = Frame { left: 68, right: 826, top: top + 30, bottom: top + 30 + HEIGHT };
    let axes = cloud.axes();
    let [across, up] = axes;
    let (x, y) = scales(cloud, axes, &known, frame);
    for known in &mut known {
        let at = |metric| float(known.candidate.count(metric).unwrap_or(0));
        known.at = (x.at(at(across)), y.at(at(up)));
    }
    frame.columns(&mut canvas, &x.ticks(&|value| tick(across, value), true));
    frame.name_columns(&mut canvas, &axis_name(across));
    frame.lines(&mut canvas, &y.ticks(&|value| tick(up, value), false), &axis_name(up));
    frame.sides(&mut canvas);
    let places: Vec<Place> = cloud
        .points
        .iter()
        .map(|point| (x.at(float(point.count(across))), y.at(float(point.count(up)))))
        .collect();
    let (inside, outside) = dots(cloud, &places);
    canvas.dots(&outside, DOT, GREY);
    canvas.dots(&inside, DOT, SKY);
    name_known(&mut canvas, &known, &places, frame);
    key::column(&mut canvas, &entries(cloud, &known), frame.top);
    squares::say(&mut canvas, cloud, &places);
    for Known { candidate, at, .. } in &known {
        canvas.hit(*at, MARK, &facts::long_name(candidate), &facts::facts(candidate, way));
    }
    let alternative = format!(
        "{} against {} of {} networks of the space {}",
        capitalized(up.label()),
        across.label(),
        exact(cloud.points.len() as u64),
        clean(&cloud.title)
    );
    let title = shortened(&title, TEXT, LIST).into_owned();
    Some(canvas.finish(&format!("space-{number}"), &title, alternative, frame.bottom + 56))
}

#[expect(clippy::cast_precision_loss, reason = "a place in a chart")]
fn float(count: u64) -> f64 {
    count as f64
}

/// The architectures whose cost is like that of the space, and the number of the others.
fn near<'a>(cloud: &Cloud, candidates: &'a [NetworkEntry]) -> (Vec<Known<'a>>, usize) {
    let front = on_front(candidates, Axis::Macs);
    let near = |metric: Metric| {
        let counts = cloud.points.iter().map(|point| point.count(metric));
        let least = float(counts.clone().min().unwrap_or(0)) / REACH;
        let most = float(counts.max().unwrap_or(0)) * REACH;
        move |candidate: &NetworkEntry| {
            candidate.count(metric).is_some_and(|count| (least..=most).contains(&float(count)))
        }
    };
    let nearby = cloud.axes().map(near);
    let networks: Vec<(usize, &NetworkEntry)> = candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| candidate.network.is_some())
        .collect();
    let is_near = |candidate: &NetworkEntry| nearby.iter().all(|is_near| is_near(candidate));
    let known: Vec<Known<'a>> = networks
        .iter()
        .filter(|(_, candidate)| is_near(candidate))
        .map(|&(at, candidate)| Known {
            candidate,
            at: (0, 0),
            is_on_front: front.contains(&at),
            is_of_space: candidate.subject.file == cloud.file,
        })
        .collect();
    let far = networks.len() - known.len();
    (known, far)
}

fn caption(cloud: &Cloud, known: usize, [far, skipped]: [usize; 2]) -> String {
    let count = cloud.points.len() as u64;
    let mut text = match cloud.seed {
        Some(seed) => {
            let size = combinations(cloud.size);
            format!("{} of its {size} networks, sampled with seed {seed}.", exact(count))
        }
        None => format!("All {} networks.", exact(count)),
    };
    if cloud.failed > 0 {
        text.push_str(&format!(
            " {} more are invalid (shapes do not fit).",
            exact(cloud.failed as u64)
        ));
    }
    if !cloud.constraints.is_empty() {
        let inside = match cloud.points.iter().filter(|point| point.is_inside).count() {
            inside if inside == cloud.points.len() => "All".to_owned(),
            0 => "None".to_owned(),
            inside => exact(inside as u64),
        };
        let list = cloud.constraints.join(" and ");
        let list = clean(&list);
        let list = shortened(&list, TEXT, LIST);
        text.push_str(&format!(" {inside} of them satisfy {list}."));
    }
    if known > MOST_NAMED {
        text.push_str(
            " Only architectures that are Pareto-optimal in accuracy and MACs are labelled.",
        );
    }
    if far > 0 {
        text.push_str(&format!(" Not shown, far outside the range: {}.", networks(far)));
    }
    if skipped > 0 {
        text.push_str(&format!(
            " Omitted evenly to limit the number of points: {}.",
            networks(skipped)
        ));
    }
    text
}

fn scales(
    cloud: &Cloud,
    [across, up]: [Metric; 2],
    known: &[Known<'_>],
    frame: Frame,
) -> (Scale, Scale) {
    let scale = |metric: Metric, ends: (i32, i32)| {
        let known = known.iter().filter_map(|known| known.candidate.count(metric));
        let counts = cloud.points.iter().map(|point| point.count(metric)).chain(known);
        Scale::log(counts.map(float), room(cloud, metric), ends)
    };
    (scale(across, (frame.left, frame.right)), scale(up, (frame.bottom, frame.top)))
}

/// Little room around little difference, so that it can be seen.
fn room(cloud: &Cloud, metric: Metric) -> f64 {
    let counts = cloud.points.iter().map(|point| point.count(metric));
    let ratio =
        float(counts.clone().max().unwrap_or(1)) / float(counts.min().unwrap_or(1)).max(1.0);
    ratio.powf(0.2).clamp(1.02, 1.5)
}

/// A value at an axis.
fn tick(metric: Metric, value: f64) -> String {
    match metric.unit() {
        Unit::Bytes => metric.short(value),
        _ => count_text(value),
    }
}

fn axis_name(metric: Metric) -> String {
    match metric {
        Metric::Macs => "multiply-accumulates of one image (logarithmic)".to_owned(),
        _ => format!("{} (logarithmic)", metric.label()),
    }
}

/// A sentence starts with it.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The dots within the constraints and the others, each place once.
fn dots(cloud: &Cloud, places: &[Place]) -> (Vec<Place>, Vec<Place>) {
    let mut merged: BTreeMap<Place, bool> = BTreeMap::new();
    for (point, (x, y)) in cloud.points.iter().zip(places) {
        *merged.entry((x / PLACE * PLACE, y / PLACE * PLACE)).or_default() |= point.is_inside;
    }
    let merged: Vec<(Place, bool)> = merged.into_iter().collect();
    let kept = || thinned(merged.len(), MOST_DOTS).map(|at| merged[at]);
    let that_are = |wanted: bool| {
        kept().filter(|(_, is_inside)| *is_inside == wanted).map(|(place, _)| place).collect()
    };
    (that_are(true), that_are(false))
}

/// Marks and names of architectures.
fn name_known(canvas: &mut Canvas, known: &[Known<'_>], places: &[Place], frame: Frame) {
    for known in known.iter().filter(|known| !known.is_of_space) {
        key::mark(canvas, Shape::Diamond, known.at, VERMILLION.to_rgba());
    }
    let name = |known: &Known<'_>| Named {
        at: known.at,
        radius: MARK,
        name: facts::name(known.candidate),
    };
    let names: Vec<Named> = named(known, |known| known.is_on_front).into_iter().map(name).collect();
    let marks = known.iter().map(|known| Rect::around(known.at, known.at, f64::from(MARK)));
    // Labels may cover dots, but preferably do not.
    let dots = thinned(places.len(), 500).map(|at| Rect::around(places[at], places[at], 1.0));
    labels::draw(canvas, &names, &marks.chain(dots).collect::<Vec<Rect>>(), &frame.rect());
}

fn entries(cloud: &Cloud, known: &[Known<'_>]) -> Vec<(Sample, String)> {
    let dot = |color: plotters::style::RGBColor, text: &str| {
        (Sample::Mark(Shape::Disc, color.to_rgba()), text.to_owned())
    };
    let mut entries = match cloud.constraints.is_empty() {
        true => vec![dot(SKY, "in the space")],
        false => vec![dot(SKY, "satisfies constraints")],
    };
    if cloud.points.iter().any(|point| !point.is_inside) {
        entries.push(dot(GREY, "violates constraints"));
    }
    if known.iter().any(|known| !known.is_of_space) {
        entries
            .push((Sample::Mark(Shape::Diamond, VERMILLION.to_rgba()), "architecture".to_owned()));
    }
    entries
}
