//! Tooltips for each square of a scatter plot of a space: a tooltip for each of thousands of points would make the page
//! too large.

use std::collections::BTreeMap;

use super::space::Place;
use crate::cloud::{Cloud, SpaceSample};
use inceptive_draw::chart::{
    canvas::{Canvas, TEXT},
    networks,
};
use inceptive_draw::text::{clean, shortened};
use inceptive_format::{bytes, short_count};
use inceptive_results::{Metric, Unit};

/// Sides of squares, in pixels: the smallest of which there are not too many.
const SQUARES: [i32; 4] = [10, 16, 24, 40];
const MOST_SQUARES: usize = 350;

/// The widest list of values, in pixels.
const LIST: f64 = 620.0;

/// Adds a tooltip to each square of the chart; `places` are the positions of the space's points.
pub(super) fn say(canvas: &mut Canvas, cloud: &Cloud, places: &[Place]) {
    let squares = |side: i32| {
        let mut squares: BTreeMap<Place, Vec<&SpaceSample>> = BTreeMap::new();
        for (point, (x, y)) in cloud.points.iter().zip(places) {
            squares.entry((x / side * side, y / side * side)).or_default().push(point);
        }
        (side, squares)
    };
    let mut made = SQUARES.map(squares).into_iter();
    let few = made.find(|(_, squares)| squares.len() <= MOST_SQUARES);
    let (side, squares) = few.unwrap_or_else(|| squares(2 * SQUARES[3]));
    for ((x, y), points) in squares {
        let corners = [(x, y), (x + side, y + side)];
        canvas.hit_bar(corners, &networks(points.len()), &square(cloud, &points));
    }
}

/// The tooltip of a square: the range of counts, and the values of one network.
fn square(cloud: &Cloud, points: &[&SpaceSample]) -> String {
    let range = |metric: Metric| {
        let counts = points.iter().map(|point| point.count(metric));
        let [least, most] =
            [counts.clone().min(), counts.max()].map(|count| short(metric, count.unwrap_or(0)));
        let range = if least == most { least } else { format!("{least} to {most}") };
        format!("{range} {}", metric.label())
    };
    let [across, up] = cloud.axes();
    let values = points.first().map(|point| {
        let pairs = cloud.variables.iter().zip(&point.values);
        pairs.map(|((name, _), value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    });
    let values = values.unwrap_or_default();
    let values = clean(&values);
    let inside = points.iter().filter(|point| point.is_inside).count();
    let limits = match (cloud.constraints.is_empty(), inside) {
        (true, _) => String::new(),
        (false, 0) => ", violates constraints".to_owned(),
        (false, inside) if inside == points.len() => ", satisfies constraints".to_owned(),
        (false, inside) => format!(", {inside} satisfy constraints"),
    };
    let such_as = if points.len() == 1 { "" } else { "such as " };
    format!("{}, {}{limits}; {such_as}{}", range(up), range(across), shortened(&values, TEXT, LIST))
}

/// A count with its unit.
fn short(metric: Metric, count: u64) -> String {
    match metric.unit() {
        Unit::Bytes => bytes(count),
        _ => short_count(count),
    }
}
