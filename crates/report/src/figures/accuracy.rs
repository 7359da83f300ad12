//! Accuracy against compute, the chart of Canziani et al. 2016, *An Analysis of Deep Neural Network
//! Models for Practical Applications*, Figure 2.

use plotters::{
    coord::{
        Shift,
        combinators::{BindKeyPoints, IntoLogRange},
    },
    prelude::*,
    style::text_anchor::HPos,
};

use super::{
    FAINT, Figure, INK,
    labels::{Ball, Rect, place},
    pixel, text_style, text_width,
};
use crate::{
    candidate::Candidate,
    numbers::short_count,
    text::{FONT, clean, shortened},
};

const WIDTH: u32 = 1000;
const HEIGHT: u32 = 640;

/// Room around the axes, in pixels.
const MARGIN: u32 = 24;
const X_AXIS: u32 = 48;
const Y_AXIS: u32 = 64;
const CAPTION: u32 = 62;

/// Size of names, in pixels.
const NAME_SIZE: f64 = 12.0;

/// Radius of the largest ball, in pixels.
const LARGEST_BALL: f64 = 34.0;

/// Radius that a ball has at least, to be seen.
const SMALLEST_BALL: f64 = 2.5;

const BALL: RGBColor = RGBColor(31, 119, 180);

/// A candidate with a place in the chart.
struct Point<'a> {
    name: &'a str,
    gmacs: f64,
    top1: f64,
    params: u64,
}

/// Top-1 against MACs on a logarithmic axis, the area of a ball proportional to its parameters. Shows
/// the candidates with a comparable accuracy and names the number of the others.
pub(crate) fn balls(candidates: &[Candidate]) -> Figure {
    let mut points: Vec<Point<'_>> = candidates.iter().filter_map(point).collect();
    // Small balls last, so that large ones do not hide them.
    points.sort_by_key(|point| std::cmp::Reverse(point.params));
    let left_out = candidates.len() - points.len();
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        // Drawing into a string does not fail.
        let _ = draw(&root, &points, left_out);
    }
    Figure {
        id: "accuracy-macs".to_owned(),
        title: "Published accuracy against compute".to_owned(),
        alternative:
            "Published top-1 accuracy against MACs; the area of a ball is its number of parameters"
                .to_owned(),
        svg,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a place in a chart")]
fn point(candidate: &Candidate) -> Option<Point<'_>> {
    let top1 = candidate.comparable()?.top1?;
    let macs = candidate.subject.macs;
    let gmacs = macs as f64 / 1e9;
    let params = candidate.subject.params;
    (macs > 0).then_some(Point { name: &candidate.name, gmacs, top1, params })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(root: &Area<'_>, points: &[Point<'_>], left_out: usize) -> Drawn {
    root.fill(&WHITE)?;
    caption(root, left_out)?;
    if points.is_empty() {
        let style = (FONT, 16).into_font().color(&INK);
        root.draw(&Text::new(
            "None of these networks has an accuracy that can be compared.",
            (60, 200),
            style,
        ))?;
        return Ok(());
    }
    let (x, y) = (log_range(points), linear_range(points));
    let mut chart = ChartBuilder::on(root)
        .margin(MARGIN)
        .margin_top(CAPTION)
        .x_label_area_size(X_AXIS)
        .y_label_area_size(Y_AXIS)
        .build_cartesian_2d(x.clone().log_scale().with_key_points(ticks(&x)), y)?;
    chart
        .configure_mesh()
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .x_desc("GMACs of one image (logarithmic)")
        .y_desc("top-1 accuracy, percent")
        .label_style((FONT, 15).into_font().color(&INK))
        .axis_desc_style((FONT, 16).into_font().color(&INK))
        .x_label_formatter(&|x| trimmed(*x))
        .y_label_formatter(&|y| trimmed(*y))
        .draw()?;

    let largest = points.iter().map(|point| point.params).max().unwrap_or(1);
    let balls: Vec<Ball> = points
        .iter()
        .map(|point| {
            let (x, y) = chart.backend_coord(&(point.gmacs, point.top1));
            let name_width = f64::from(text_width(&name(point), NAME_SIZE));
            Ball {
                x: f64::from(x),
                y: f64::from(y),
                radius: radius(point.params, largest),
                name_width,
                name_height: NAME_SIZE + 2.0,
            }
        })
        .collect();
    for ball in &balls {
        let fill = BALL.mix(0.35).filled();
        root.draw(&Circle::new((pixel(ball.x), pixel(ball.y)), pixel(ball.radius), fill))?;
        root.draw(&Circle::new((pixel(ball.x), pixel(ball.y)), pixel(ball.radius), BALL))?;
    }
    names(root, points, &balls)?;
    key(root, largest)
}

fn caption(root: &Area<'_>, left_out: usize) -> Drawn {
    let title = "Published accuracy against compute";
    root.draw(&Text::new(title, (24, 24), text_style(18.0, HPos::Left)))?;
    let others = match left_out {
        0 => String::new(),
        1 => "; 1 network without such a figure is left out".to_owned(),
        n => format!("; {n} networks without such a figure are left out"),
    };
    let text = format!(
        "ImageNet-1k top-1 of one model on one crop, as published; area of a ball: parameters{others}. \
         MACs are not latency."
    );
    root.draw(&Text::new(text, (24, 47), text_style(11.0, HPos::Left)))?;
    Ok(())
}

fn name(point: &Point<'_>) -> String {
    shortened(&clean(point.name), NAME_SIZE, 260.0).into_owned()
}

fn names(root: &Area<'_>, points: &[Point<'_>], balls: &[Ball]) -> Drawn {
    let frame = Rect {
        left: f64::from(MARGIN + Y_AXIS),
        top: f64::from(CAPTION),
        width: f64::from(WIDTH - 2 * MARGIN - Y_AXIS),
        height: f64::from(HEIGHT - MARGIN - CAPTION - X_AXIS),
    };
    let style = text_style(NAME_SIZE, HPos::Left);
    for ((point, ball), rect) in points.iter().zip(balls).zip(place(balls, frame)) {
        leader(root, ball, rect)?;
        let start = (pixel(rect.left), pixel(rect.top + rect.height / 2.0));
        root.draw(&Text::new(name(point), start, style.clone()))?;
    }
    Ok(())
}

/// A thin line from a ball to a name that is not next to it.
fn leader(root: &Area<'_>, ball: &Ball, name: Rect) -> Drawn {
    let x = ball.x.clamp(name.left, name.left + name.width);
    let y = ball.y.clamp(name.top, name.top + name.height);
    let distance = (x - ball.x).hypot(y - ball.y);
    if distance > ball.radius + 8.0 {
        let part = ball.radius / distance;
        let start = (ball.x + (x - ball.x) * part, ball.y + (y - ball.y) * part);
        let line = vec![(pixel(start.0), pixel(start.1)), (pixel(x), pixel(y))];
        root.draw(&PathElement::new(line, INK.mix(0.5)))?;
    }
    Ok(())
}

/// What the sizes of the balls mean, in the lower right corner.
fn key(root: &Area<'_>, largest: u64) -> Drawn {
    let style = text_style(11.0, HPos::Right);
    let right = i32::try_from(WIDTH - MARGIN).unwrap_or(i32::MAX) - 80;
    let mut bottom = f64::from(HEIGHT - MARGIN - X_AXIS) - 12.0;
    for params in [largest, largest / 4, largest / 16].map(round).into_iter().filter(|&n| n > 0) {
        let radius = radius(params, largest);
        let center = (right, pixel(bottom - radius));
        root.draw(&Circle::new(center, pixel(radius), INK.mix(0.6)))?;
        let text = format!("{} params", short_count(params));
        let place = (right - pixel(LARGEST_BALL) - 8, center.1);
        root.draw(&Text::new(text, place, style.clone()))?;
        bottom -= 2.0 * radius + 6.0;
    }
    Ok(())
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
fn radius(params: u64, largest: u64) -> f64 {
    let share = params as f64 / largest.max(1) as f64;
    (LARGEST_BALL * share.sqrt()).max(SMALLEST_BALL)
}

/// Room around the smallest and the largest, by a factor.
fn log_range(points: &[Point<'_>]) -> std::ops::Range<f64> {
    let least = points.iter().map(|point| point.gmacs).fold(f64::INFINITY, f64::min);
    let most = points.iter().map(|point| point.gmacs).fold(0.0, f64::max);
    least / 1.6..most * 1.9
}

/// 1, 2 and 5 times the powers of ten in a range; only the powers if there are many.
fn ticks(range: &std::ops::Range<f64>) -> Vec<f64> {
    let decades = (range.end / range.start).log10();
    let steps: &[f64] = if decades < 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    (-12..=12)
        .flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)))
        .filter(|tick| range.contains(tick))
        .collect()
}

fn linear_range(points: &[Point<'_>]) -> std::ops::Range<f64> {
    let least = points.iter().map(|point| point.top1).fold(f64::INFINITY, f64::min);
    let most = points.iter().map(|point| point.top1).fold(0.0, f64::max);
    let room = ((most - least) * 0.12).max(1.0);
    least - room..most + room
}

/// Two decimals at most, without zeros at the end.
fn trimmed(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
