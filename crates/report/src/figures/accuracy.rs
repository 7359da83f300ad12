//! Accuracy against cost: the chart of Canziani et al. 2016, *An Analysis of Deep Neural Network Models for
//! Practical Applications*, Figure 2, for MACs, parameters and latency, with the front of those that nothing beats.

use inceptive_results::{OriginKind, statistics::Estimate};
use plotters::{prelude::Color, style::ShapeStyle};

use super::{against, facts};
use crate::{
    axis::{Axis, on_front},
    candidate::NetworkEntry,
    way::BenchConfig,
};
use inceptive_draw::chart::{
    Figure, MOST_NAMED, MOST_POINTS,
    axes::{Frame, Scale, count_text},
    canvas::{Canvas, pixel},
    drawn,
    key::{self, Sample, Shape, origin_color},
    labels::{self, Named, Rect},
    named,
};

/// Height of the chart itself, in pixels.
const HEIGHT: i32 = 500;

/// Radius of the largest circle, and of points of equal size.
const LARGEST_BALL: f64 = 30.0;
const POINT: i32 = 6;

/// Minimum radius of a circle, so that it is visible.
const SMALLEST_BALL: f64 = 2.5;

/// Opacity of points on the Pareto front and of others.
const STRONG: f64 = 0.85;
const MUTED: f64 = 0.25;

/// With more points than this, only those on the Pareto front show their size and interval.
const MOST_DETAILED: usize = 200;

/// The origin of the accuracies that are drawn.
const EVIDENCE: OriginKind = OriginKind::Published;

/// A network with its position in the chart.
struct Point<'a> {
    candidate: &'a NetworkEntry,
    cost: Estimate,
    top1: f64,
    is_on_front: bool,
    radius: i32,
    at: (i32, i32),
}

/// The texts of a chart.
struct Words {
    id: &'static str,
    title: &'static str,
    alternative: &'static str,
}

const fn words(axis: Axis<'_>) -> Words {
    match axis {
        Axis::Macs => Words {
            id: "accuracy-macs",
            title: "Accuracy against compute",
            alternative: "Top-1 accuracy against MACs; circle area shows parameters",
        },
        Axis::Params => Words {
            id: "accuracy-params",
            title: "Accuracy against parameters",
            alternative: "Top-1 accuracy against parameters",
        },
        Axis::Latency(_) => Words {
            id: "accuracy-latency",
            title: "Accuracy against latency",
            alternative: "Top-1 accuracy against measured latency, with 95% intervals",
        },
    }
}

/// Top-1 accuracy against a cost on a logarithmic scale, with the front. None without a candidate that has both.
pub(super) fn chart(
    candidates: &[NetworkEntry],
    way: Option<&BenchConfig>,
    axis: Axis<'_>,
) -> Option<Figure> {
    let all = points(candidates, axis);
    if all.is_empty() {
        return None;
    }
    let (known, named_few) = (all.len(), all.len() > MOST_NAMED);
    let mut points = drawn(all, MOST_POINTS, |point| point.is_on_front);
    let Words { id, title, alternative } = words(axis);
    let omitted = [candidates.len() - known, known - points.len()];
    let caption = caption(axis, omitted, named_few);
    let (mut canvas, top) = Canvas::new(title, &caption);
    let frame = against::frame(top, HEIGHT);
    let (x, y) = scales(&points, axis, frame);
    for point in &mut points {
        point.at = (x.at(point.cost.value), y.at(point.top1));
    }
    against::scales(&mut canvas, frame, (&x, axis), (&y, "top-1 accuracy, percent"));
    let front = points.iter().filter(|point| point.is_on_front).map(|point| point.at);
    let mut marks = against::front(&mut canvas, front.collect(), frame, EVIDENCE);
    draw_points(&mut canvas, &points, &x);
    marks.extend(points.iter().map(|p| Rect::around(p.at, p.at, f64::from(p.radius))));
    labels::draw(&mut canvas, &names(&points), &marks, &frame.rect());
    key::column(&mut canvas, &entries(&points, axis), frame.top);
    for point in &points {
        let facts = facts::facts(point.candidate, way);
        canvas.hit(point.at, point.radius, &facts::long_name(point.candidate), &facts);
    }
    Some(canvas.finish(id, title, alternative.to_owned(), frame.bottom + 56))
}

/// The candidates with an accuracy and a cost, large balls before small ones, so that none is hidden.
fn points<'a>(candidates: &'a [NetworkEntry], axis: Axis<'_>) -> Vec<Point<'a>> {
    let front = on_front(candidates, axis);
    let largest = candidates.iter().map(|candidate| candidate.subject.params).max().unwrap_or(1);
    let point = |(at, candidate): (usize, &'a NetworkEntry)| {
        let cost = facts::drawable(axis.cost(candidate)?)?;
        let top1 = candidate.top1().filter(|top1| top1.is_finite())?;
        let radius = match axis {
            Axis::Macs => radius(candidate.subject.params, largest),
            Axis::Params | Axis::Latency(_) => POINT,
        };
        let is_on_front = front.contains(&at);
        Some(Point { candidate, cost, top1, is_on_front, radius, at: (0, 0) })
    };
    let mut points: Vec<Point<'a>> = candidates.iter().enumerate().filter_map(point).collect();
    points.sort_by_key(|point| std::cmp::Reverse(point.radius));
    points
}

fn caption(axis: Axis<'_>, omitted: [usize; 2], named_few: bool) -> String {
    let cost = match axis {
        Axis::Macs => " Circle area: parameters. MACs are not latency.",
        Axis::Params => " Parameters determine neither compute nor latency.",
        Axis::Latency(_) => "",
    };
    let drawn = format!("ImageNet-1k top-1 of one model on one crop, as published.{cost}");
    against::caption(&drawn, axis, "Filled: Pareto-optimal", named_few, omitted)
}

fn scales(points: &[Point<'_>], axis: Axis<'_>, frame: Frame) -> (Scale, Scale) {
    let room = if matches!(axis, Axis::Latency(_)) { 1.25 } else { 1.6 };
    let x = against::costs(points.iter().map(|point| point.cost), room, frame);
    let y = Scale::linear(points.iter().map(|point| point.top1), (frame.bottom, frame.top));
    (x, y)
}

fn draw_points(canvas: &mut Canvas, points: &[Point<'_>], x: &Scale) {
    let color = origin_color(EVIDENCE);
    for point in points {
        let strength = if point.is_on_front { STRONG } else { MUTED };
        canvas.circle(point.at, point.radius, color.mix(strength).filled());
        if point.is_on_front || points.len() <= MOST_DETAILED {
            canvas.circle(point.at, point.radius, ShapeStyle::from(color));
            let ends = [point.cost.low, point.cost.high].map(|cost| (x.at(cost), point.at.1));
            key::whisker(canvas, ends, point.radius, color.to_rgba());
        }
    }
}

fn names(points: &[Point<'_>]) -> Vec<Named> {
    let name = |point: &Point<'_>| Named {
        at: point.at,
        radius: point.radius,
        name: facts::name(point.candidate),
    };
    named(points, |point| point.is_on_front).into_iter().map(name).collect()
}

fn entries(points: &[Point<'_>], axis: Axis<'_>) -> Vec<(Sample, String)> {
    let mut entries = against::entries(EVIDENCE, Shape::Disc, [STRONG, MUTED]);
    match axis {
        Axis::Macs => {
            let largest =
                points.iter().map(|point| point.candidate.subject.params).max().unwrap_or(1);
            let sizes =
                [largest, largest / 4, largest / 16].map(round).into_iter().filter(|&n| n > 0);
            entries.extend(sizes.map(|params| {
                #[expect(clippy::cast_precision_loss, reason = "a round number")]
                let text = format!("{} params", count_text(params as f64));
                (Sample::Size(radius(params, largest)), text)
            }));
        }
        Axis::Latency(_) => entries.push(against::interval_entry(EVIDENCE)),
        Axis::Params => {}
    }
    entries
}

/// The largest of 1, 2 and 5 times a power of ten that is no more; 0 for 0.
fn round(count: u64) -> u64 {
    let Some(digits) = count.checked_ilog10() else { return 0 };
    let power = 10_u64.pow(digits);
    match count / power {
        5.. => 5 * power,
        2..=4 => 2 * power,
        _ => power,
    }
}

/// Area proportional to the parameters.
#[expect(clippy::cast_precision_loss, reason = "a radius in a chart")]
fn radius(params: u64, largest: u64) -> i32 {
    let share = params as f64 / largest.max(1) as f64;
    pixel((LARGEST_BALL * share.sqrt()).max(SMALLEST_BALL))
}
