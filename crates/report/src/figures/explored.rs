//! Searches in spaces: accuracy against cost, accuracies while the search goes on, and which variables decide.

use inceptive_draw::{
    chart::{
        Figure,
        axes::{Frame, Scale, count_text, plain_text},
        canvas::{Canvas, TEXT},
        key::{self, Sample, Shape, origin_color},
        labels::{self, Named, Rect},
    },
    text::{clean, shortened},
};
use inceptive_format::counted;
use inceptive_results::{Metric, OriginKind, Unit, statistics::Estimate};
use plotters::{prelude::Color, style::text_anchor::HPos};

use super::against;
use crate::explored::{Explored, Member};

const HEIGHT: i32 = 400;

/// Half the width of a mark, in pixels.
const MARK: i32 = 6;

/// Opacity of networks that others dominate, and of lines of those that did not go on.
const MUTED: f64 = 0.35;

/// Height of a bar with its space.
const ROW: i32 = 34;

/// Variables that are drawn at most.
const MOST_VARIABLES: usize = 20;

/// The widest name of a variable.
const WIDEST: f64 = 150.0;

const EVIDENCE: OriginKind = OriginKind::Trained;

/// All figures of a search; `number` counts the searches from 1.
pub(super) fn charts(explored: &Explored, number: usize) -> Vec<Option<Figure>> {
    vec![accuracy(explored, number), rungs(explored, number), importance(explored, number)]
}

fn cost(member: &Member<'_>, metric: Metric) -> Option<Estimate> {
    match metric {
        Metric::Latency => member.outcome.latency_ms,
        metric => member.network.value(metric).map(Estimate::exact),
    }
    .filter(|cost| cost.value > 0.0 && cost.low > 0.0)
}

/// Test accuracy of the networks that were trained with all epochs, against the cost.
fn accuracy(explored: &Explored, number: usize) -> Option<Figure> {
    let metric = explored.cost().metric;
    let members: Vec<(Member<'_>, Estimate)> =
        explored.members().into_iter().filter_map(|it| Some((it, cost(&it, metric)?))).collect();
    if members.is_empty() {
        return None;
    }
    let request = &explored.exploration.request;
    let title = "What the search found";
    let caption = format!(
        "Top-1 on test images after training on {} with recipe {}: means over {} of finalists, one seed of the others, with \
         95% intervals. Strong colour: on the front. Numbers are those of the table; a ring marks the knee.",
        clean(&request.dataset),
        clean(&request.recipe),
        counted(request.seeds as usize, "seed", "seeds"),
    );
    let (mut canvas, top) = Canvas::new(title, &caption);
    let frame = against::frame(top, HEIGHT);
    let x = against::costs(members.iter().map(|(_, cost)| *cost), 1.15, frame);
    let top1 = |member: &Member<'_>| member.outcome.top1;
    let accuracies = members.iter().flat_map(|(it, _)| [top1(it).low, top1(it).high]);
    let y = Scale::percent(accuracies, (frame.bottom, frame.top));
    let text: &dyn Fn(f64) -> String = match metric.unit() {
        Unit::Milliseconds => &plain_text,
        _ => &count_text,
    };
    frame.columns(&mut canvas, &x.ticks(text, true));
    let unit = if metric.unit() == Unit::Milliseconds { " in ms" } else { "" };
    frame.name_columns(&mut canvas, &format!("{}{unit} (logarithmic)", metric.label()));
    frame.lines(&mut canvas, &y.ticks(&plain_text, false), "top-1, percent of test images");
    frame.sides(&mut canvas);
    let at = |(member, cost): &(Member<'_>, Estimate)| (x.at(cost.value), y.at(top1(member).value));
    let front: Vec<(i32, i32)> =
        members.iter().filter(|(it, _)| it.outcome.on_front).map(at).collect();
    let mut marks = against::front(&mut canvas, front, frame, EVIDENCE);
    let knee = explored.knee();
    for it in &members {
        marks.extend(draw_member(&mut canvas, it, [&x, &y]));
        if knee == Some(it.0.place) {
            canvas.circle(at(it), 10, origin_color(EVIDENCE).stroke_width(1));
        }
    }
    let names: Vec<Named> = members
        .iter()
        .filter(|(member, _)| member.is_finalist())
        .map(|it| Named { at: at(it), radius: MARK, name: it.0.number().to_string() })
        .collect();
    labels::draw(&mut canvas, &names, &marks, &frame.rect());
    let mut entries = against::entries(EVIDENCE, Shape::Diamond, [1.0, MUTED]);
    entries.push(against::interval_entry(EVIDENCE));
    key::column(&mut canvas, &entries, frame.top);
    for it in &members {
        let (member, cost) = it;
        let facts = format!(
            "{}; top-1 {:.2}%; {} {}",
            point(explored, member),
            top1(member).value,
            metric.label(),
            metric.short(cost.value)
        );
        canvas.hit(at(it), MARK, &format!("network {}", member.number()), &facts);
    }
    let alternative = format!(
        "Test accuracy of the networks that the search trained with all epochs, against {}",
        metric.label()
    );
    Some(canvas.finish(
        &format!("exploration-{number}-found"),
        title,
        alternative,
        frame.bottom + 56,
    ))
}

/// Draws a network with its intervals; returns what it covers.
fn draw_member(
    canvas: &mut Canvas,
    (member, cost): &(Member<'_>, Estimate),
    [x, y]: [&Scale; 2],
) -> Vec<Rect> {
    let top1 = member.outcome.top1;
    let place = (x.at(cost.value), y.at(top1.value));
    let color = origin_color(EVIDENCE).mix(if member.outcome.on_front { 1.0 } else { MUTED });
    key::mark(canvas, Shape::Diamond, place, color);
    let mut covered = vec![Rect::around(place, place, f64::from(MARK))];
    if member.is_finalist() {
        let ends = [cost.low, cost.high].map(|cost| (x.at(cost), place.1));
        key::whisker(canvas, ends, MARK, color);
        let ends = [top1.low, top1.high].map(|it| (place.0, y.at(it)));
        key::upright_whisker(canvas, ends, MARK, color);
        covered.push(Rect::around(ends[0], ends[1], 1.0));
    }
    covered
}

/// The values of a network.
fn point(explored: &Explored, member: &Member<'_>) -> String {
    let names = &explored.exploration.space.variables;
    let pair = |(name, value): (&String, &String)| format!("{}={}", clean(name), clean(value));
    names.iter().zip(&member.network.values).map(pair).collect::<Vec<_>>().join(", ")
}

/// Validation accuracy of each network after the epochs at which networks were compared.
fn rungs(explored: &Explored, number: usize) -> Option<Figure> {
    let exploration = &explored.exploration;
    let known = |rungs: &Vec<Option<f64>>| -> Vec<(f64, f64)> {
        let pair = |(&[epochs, _], accuracy): (&[u32; 2], &Option<f64>)| {
            Some((f64::from(epochs), (*accuracy)?))
        };
        exploration.rungs.iter().zip(rungs).map_while(pair).collect()
    };
    let lines: Vec<(usize, Vec<(f64, f64)>)> =
        exploration.networks.iter().map(|it| known(&it.rungs)).enumerate().collect();
    let accuracies: Vec<f64> =
        lines.iter().flat_map(|(_, line)| line.iter().map(|it| it.1)).collect();
    if exploration.rungs.len() < 2 || accuracies.is_empty() {
        return None;
    }
    let title = "Who went on";
    let stages: Vec<String> = exploration
        .rungs
        .iter()
        .map(|[epochs, networks]| format!("{networks} up to epoch {epochs}"))
        .collect();
    let caption = format!(
        "Validation accuracy after the epochs at which networks were compared: {}. Which go on follows from accuracy and costs \
         together, so that cheap networks go on with lower accuracies. Strong colour: on the front at the end.",
        stages.join(", ")
    );
    let (mut canvas, top) = Canvas::new(title, &caption);
    let frame = against::frame(top, HEIGHT);
    let epochs = exploration.rungs.iter().map(|[epochs, _]| f64::from(*epochs));
    let x = Scale::log(epochs, 1.1, (frame.left, frame.right));
    let y = Scale::percent(accuracies, (frame.bottom, frame.top));
    frame.columns(&mut canvas, &x.ticks(&plain_text, true));
    frame.name_columns(&mut canvas, "epochs (logarithmic)");
    frame.lines(&mut canvas, &y.ticks(&plain_text, false), "validation accuracy, percent");
    frame.sides(&mut canvas);
    let is_on_front =
        |at: usize| exploration.networks[at].outcome.as_ref().is_some_and(|it| it.on_front);
    // Those of the front are above the others.
    for strong in [false, true] {
        for (at, line) in lines.iter().filter(|(at, _)| is_on_front(*at) == strong) {
            let color = origin_color(EVIDENCE).mix(if strong { 1.0 } else { MUTED });
            let places: Vec<(i32, i32)> =
                line.iter().map(|&(epochs, accuracy)| (x.at(epochs), y.at(accuracy))).collect();
            canvas.line(places.clone(), color.stroke_width(if strong { 2 } else { 1 }));
            for (&place, (epochs, accuracy)) in places.iter().zip(line) {
                canvas.circle(place, 3, color.filled());
                let facts = format!("validation {accuracy:.2}% after {epochs} epochs");
                canvas.hit(place, 4, &format!("network {}", at + 1), &facts);
            }
        }
    }
    let entries = [(1.0, "on the front"), (MUTED, "others")].map(|(strength, text)| {
        (Sample::Mark(Shape::Disc, origin_color(EVIDENCE).mix(strength)), text.to_owned())
    });
    key::column(&mut canvas, &entries, frame.top);
    let alternative =
        "Validation accuracy of each network after the epochs at which networks were compared"
            .to_owned();
    Some(canvas.finish(
        &format!("exploration-{number}-rungs"),
        title,
        alternative,
        frame.bottom + 56,
    ))
}

/// How much each variable decides about accuracy.
fn importance(explored: &Explored, number: usize) -> Option<Figure> {
    let understood = &explored.understood;
    let importance = understood.importance.as_ref()?;
    let title = "What decides about accuracy";
    let caption = format!(
        "Share of the variance of accuracy that a variable explains by itself, over {} after the first comparison, with 95% \
         intervals.",
        counted(understood.networks, "network", "networks")
    );
    let (mut canvas, top) = Canvas::new(title, &caption);
    let rows = importance.len().min(MOST_VARIABLES);
    let height = i32::try_from(rows).unwrap_or(0) * ROW;
    let frame = Frame { left: 190, right: 826, top: top + 20, bottom: top + 20 + height };
    let x = Scale::from_zero(1.0, (frame.left, frame.right));
    frame.columns(&mut canvas, &x.ticks(&|share| format!("{:.0}%", share * 100.0), true));
    frame.name_columns(&mut canvas, "share of the variance of accuracy");
    for ((name, importance), row) in understood.variables.iter().zip(importance).zip(0..).take(rows)
    {
        let middle = frame.top + row * ROW + ROW / 2;
        let Estimate { value, low, high } = importance.overall;
        let corners = [(frame.left, middle - 9), (x.at(value), middle + 9)];
        canvas.bar(corners, origin_color(EVIDENCE));
        let ends = [low, high].map(|share| (x.at(share), middle));
        key::whisker(&mut canvas, ends, 0, inceptive_draw::chart::INK.to_rgba());
        let name = clean(name);
        canvas.text(&shortened(&name, TEXT, WIDEST), (frame.left - 8, middle), HPos::Right);
        let facts = format!("{:.0}% ({:.0}% to {:.0}%)", value * 100.0, low * 100.0, high * 100.0);
        canvas.hit_bar(corners, &name, &facts);
    }
    let alternative = "Share of the variance of accuracy that each variable explains".to_owned();
    Some(canvas.finish(
        &format!("exploration-{number}-importance"),
        title,
        alternative,
        frame.bottom + 56,
    ))
}
