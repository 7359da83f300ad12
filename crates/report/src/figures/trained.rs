//! Trained accuracy against cost, of networks that were trained on the same images with the same recipe. Published
//! accuracies are in charts of their own.

use inceptive_results::{OriginKind, statistics::Estimate};
use plotters::prelude::Color;

use super::{against, facts};
use crate::{
    axis::Axis,
    candidate::NetworkEntry,
    training::{TrainedNetwork, TrainingGroup},
    way::BenchConfig,
};
use inceptive_draw::chart::{
    Figure, MOST_NAMED,
    axes::Scale,
    canvas::Canvas,
    drawn,
    key::{self, Shape, origin_color},
    labels::{self, Named, Rect},
    named,
};

/// Height of the chart itself, in pixels.
const HEIGHT: i32 = 440;

/// Half the width of a mark, in pixels.
const MARK: i32 = 6;

/// Maximum number of points, of which an even sample is drawn if there are more.
const MOST: usize = 500;

/// Opacity of points that others dominate.
const MUTED: f64 = 0.35;

/// The origin of the accuracies that are drawn.
const EVIDENCE: OriginKind = OriginKind::Trained;

/// A network with its position in the chart.
struct Point<'a> {
    network: &'a TrainedNetwork,
    cost: Estimate,
    top1: Estimate,
    is_on_front: bool,
    at: (i32, i32),
}

/// Test accuracy against a cost on a logarithmic scale, with the front of these networks. `None` without a network that has
/// both.
pub(super) fn chart(
    candidates: &[NetworkEntry],
    number: usize,
    group: &TrainingGroup,
    way: Option<&BenchConfig>,
    axis: Axis<'_>,
) -> Option<Figure> {
    let (kind, title, cost) = match axis {
        Axis::Macs => ("macs", "Trained accuracy against compute", "MACs"),
        Axis::Params => return None,
        Axis::Latency(_) => ("latency", "Trained accuracy against latency", "measured latency"),
    };
    let all = points(candidates, group, axis);
    if all.is_empty() {
        return None;
    }
    let known = all.len();
    let mut points = drawn(all, MOST, |point| point.is_on_front);
    let omitted = [group.networks.len() - known, known - points.len()];
    let (mut canvas, top) = Canvas::new(title, &caption(group, axis, omitted, known > MOST_NAMED));
    let frame = against::frame(top, HEIGHT);
    let x = against::costs(points.iter().map(|point| point.cost), 1.25, frame);
    let accuracies = points.iter().flat_map(|point| [point.top1.low, point.top1.high]);
    let y = Scale::percent(accuracies, (frame.bottom, frame.top));
    for point in &mut points {
        point.at = (x.at(point.cost.value), y.at(point.top1.value));
    }
    let accuracy = "trained top-1 accuracy, percent of test images";
    against::scales(&mut canvas, frame, (&x, axis), (&y, accuracy));
    let front = points.iter().filter(|point| point.is_on_front).map(|point| point.at);
    let mut marks = against::front(&mut canvas, front.collect(), frame, EVIDENCE);
    draw_points(&mut canvas, &points, (&x, &y));
    for Point { at, cost, top1, .. } in &points {
        marks.push(Rect::around(*at, *at, f64::from(MARK)));
        let (left, right) = (x.at(cost.low), x.at(cost.high));
        marks.push(Rect::around((left, at.1), (right, at.1), 1.0));
        marks.push(Rect::around((at.0, y.at(top1.low)), (at.0, y.at(top1.high)), 1.0));
    }
    let name = |point: &Point<'_>| Named {
        at: point.at,
        radius: MARK,
        name: facts::trained_name(point.network, true),
    };
    let names: Vec<Named> =
        named(&points, |point| point.is_on_front).into_iter().map(name).collect();
    labels::draw(&mut canvas, &names, &marks, &frame.rect());
    let mut entries = against::entries(EVIDENCE, Shape::Diamond, [1.0, MUTED]);
    entries.push(against::interval_entry(EVIDENCE));
    key::column(&mut canvas, &entries, frame.top);
    for Point { network, at, .. } in &points {
        let facts = facts::trained(network, &candidates[network.at], way);
        canvas.hit(*at, MARK, &facts::trained_name(network, false), &facts);
    }
    let label = facts::training_label(group);
    let alternative = format!(
        "Test top-1 accuracy of trained networks against {cost}, with 95% intervals: {label}"
    );
    Some(canvas.finish(&format!("training-{number}-{kind}"), title, alternative, frame.bottom + 56))
}

fn points<'a>(
    candidates: &'a [NetworkEntry],
    group: &'a TrainingGroup,
    axis: Axis<'_>,
) -> Vec<Point<'a>> {
    let front = group.on_front(candidates, axis);
    let point = |(place, network): (usize, &'a TrainedNetwork)| {
        let cost = facts::drawable(axis.cost(&candidates[network.at])?)?;
        let top1 = network.accuracy.top1?;
        Some(Point { network, cost, top1, is_on_front: front.contains(&place), at: (0, 0) })
    };
    group.networks.iter().enumerate().filter_map(point).collect()
}

fn caption(group: &TrainingGroup, axis: Axis<'_>, omitted: [usize; 2], named_few: bool) -> String {
    let drawn = format!(
        "Top-1 on {} test images after training on {}; {}. Not comparable with published accuracies.",
        group.dataset.test_images,
        facts::training_label(group),
        match group.has_seeds() {
            true =>
                "means over seeds with their 95% intervals, of one seed those of the test images",
            false => "one seed each, with the 95% interval of the test images",
        }
    );
    let marked = "Strong colour: Pareto-optimal among these networks";
    against::caption(&drawn, axis, marked, named_few, omitted)
}

fn draw_points(canvas: &mut Canvas, points: &[Point<'_>], (x, y): (&Scale, &Scale)) {
    for point in points {
        let color = origin_color(EVIDENCE).mix(if point.is_on_front { 1.0 } else { MUTED });
        key::mark(canvas, Shape::Diamond, point.at, color);
        if point.is_on_front || points.len() <= MOST_NAMED {
            let costs = [point.cost.low, point.cost.high].map(|cost| (x.at(cost), point.at.1));
            key::whisker(canvas, costs, MARK, color);
            let ends = [point.top1.low, point.top1.high].map(|top1| (point.at.0, y.at(top1)));
            key::upright_whisker(canvas, ends, MARK, color);
        }
    }
}
