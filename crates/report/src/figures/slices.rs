//! What accuracy is at each value of a variable, and of two variables that depend on each other.

use inceptive_draw::{
    chart::{
        Figure, INK,
        axes::{Frame, Scale, Tick, plain_text},
        canvas::{Canvas, TEXT},
        key::{self, MARKS, Sample, Shape, origin_color},
    },
    text::{clean, shortened},
};
use inceptive_explore::{Interaction, Slice, Slices};
use inceptive_format::{counted, percent};
use inceptive_results::OriginKind;
use plotters::prelude::Color;

use crate::explored::Explored;

/// Variables that are drawn at most.
const MOST: usize = 12;

/// Size of the field of a variable, and the distance from one to the next.
const FIELD: (i32, i32) = (380, 150);
const STEP: (i32, i32) = (470, 226);

/// Left end of the first field.
const LEFT: i32 = 68;

const HEIGHT: i32 = 320;

/// The widest name of a variable, and the widest value in a key.
const WIDEST: f64 = 300.0;
const WIDEST_IN_KEY: f64 = 130.0;

const EVIDENCE: OriginKind = OriginKind::Trained;

/// The figures of a search; `number` counts the searches from 1.
pub(super) fn charts(explored: &Explored, number: usize) -> Vec<Option<Figure>> {
    let Some(slices) = &explored.understood.slices else { return vec![] };
    vec![by_variable(explored, slices, number), by_two(explored, slices, number)]
}

/// A field for each variable, with the mean accuracy at each of its values.
fn by_variable(explored: &Explored, slices: &Slices, number: usize) -> Option<Figure> {
    let understood = &explored.understood;
    let known: Vec<(usize, &Vec<Slice>)> = slices
        .of_variables
        .iter()
        .enumerate()
        .filter_map(|(at, slices)| Some((at, slices.as_ref()?)))
        .take(MOST)
        .collect();
    if known.is_empty() {
        return None;
    }
    let title = "Accuracy by the values of each variable";
    let caption = format!(
        "Mean validation accuracy after the first comparison, with what the other variables do taken away: a sum over the variables, \
         fitted to {}. Intervals are 95%. Many numbers are put in groups.",
        counted(understood.networks, "network", "networks")
    );
    let (mut canvas, top) = Canvas::new(title, &caption);
    let accuracies: Vec<f64> = known
        .iter()
        .flat_map(|(_, slices)| slices.iter().flat_map(|it| [it.accuracy.low, it.accuracy.high]))
        .collect();
    let mut bottom = top;
    for ((variable, slices), place) in known.iter().zip(0..) {
        let (column, row) = (place % 2, place / 2);
        let (left, top) = (LEFT + column * STEP.0, top + 34 + row * STEP.1);
        let frame = Frame { left, right: left + FIELD.0, top, bottom: top + FIELD.1 };
        bottom = frame.bottom;
        let y = Scale::percent(accuracies.iter().copied(), (frame.bottom, frame.top));
        let labels: Vec<String> =
            slices.iter().map(|it| understood.range(*variable, it.values)).collect();
        let columns = columns(&mut canvas, frame, &labels);
        let name = clean(&understood.variables[*variable]);
        frame.lines(&mut canvas, &y.ticks(&plain_text, false), &shortened(&name, TEXT, WIDEST));
        frame.sides(&mut canvas);
        let color = origin_color(EVIDENCE).to_rgba();
        let places: Vec<(i32, i32)> = columns
            .iter()
            .zip(slices.iter())
            .map(|(&x, slice)| (x, y.at(slice.accuracy.value)))
            .collect();
        if understood.is_number(*variable) {
            canvas.line(places.clone(), color.mix(0.5).stroke_width(1));
        }
        for ((&place, slice), label) in places.iter().zip(slices.iter()).zip(&labels) {
            let ends = [slice.accuracy.low, slice.accuracy.high].map(|it| (place.0, y.at(it)));
            key::upright_whisker(&mut canvas, ends, 5, color);
            key::mark(&mut canvas, Shape::Diamond, place, color);
            let facts = format!(
                "{:.2}%; {}",
                slice.accuracy.value,
                counted(slice.networks, "network", "networks")
            );
            canvas.hit(place, 6, &format!("{name} = {}", clean(label)), &facts);
        }
    }
    let alternative = "Mean validation accuracy at each value of each variable".to_owned();
    Some(canvas.finish(&format!("exploration-{number}-slices"), title, alternative, bottom + 30))
}

/// Draws equally wide columns with labels; returns their middles.
fn columns(canvas: &mut Canvas, frame: Frame, labels: &[String]) -> Vec<i32> {
    let count = i32::try_from(labels.len()).unwrap_or(i32::MAX).max(1);
    let width = (frame.right - frame.left) / count;
    let tick = |(label, at): (&String, i32)| Tick {
        at_px: frame.left + at * width + width / 2,
        text: shortened(&clean(label), TEXT, f64::from(width - 6)).into_owned(),
    };
    let ticks: Vec<Tick> = labels.iter().zip(0..).map(tick).collect();
    frame.columns(canvas, &ticks);
    ticks.iter().map(|tick| tick.at_px).collect()
}

/// The two variables that depend on each other most.
fn by_two(explored: &Explored, slices: &Slices, number: usize) -> Option<Figure> {
    let found = slices.interaction.as_ref()?;
    let understood = &explored.understood;
    let name = |at: usize| shortened(&clean(&understood.variables[at]), TEXT, WIDEST).into_owned();
    let [first, second] = found.variables.map(name);
    let title = "Two variables together";
    let caption = format!(
        "Mean validation accuracy for the values of {first} and {second}, with what the other variables do taken away. {}",
        told(found)
    );
    let (mut canvas, top) = Canvas::new(title, &caption);
    let frame = Frame { left: LEFT, right: 826, top: top + 30, bottom: top + 30 + HEIGHT };
    let known = found.means.iter().flatten().flatten().copied();
    let y = Scale::percent(known, (frame.bottom, frame.top));
    let [across, down] = [0, 1].map(|of: usize| -> Vec<String> {
        let groups = found.groups[of].iter();
        groups.map(|&values| understood.range(found.variables[of], values)).collect()
    });
    let columns = columns(&mut canvas, frame, &across);
    frame.name_columns(&mut canvas, &first);
    frame.lines(&mut canvas, &y.ticks(&plain_text, false), "validation accuracy, percent");
    frame.sides(&mut canvas);
    let mut entries = vec![(Sample::Mark(Shape::Disc, INK.mix(0.0)), in_key(&second))];
    for ((means, label), (shape, color)) in
        found.means.iter().zip(&down).zip(MARKS.into_iter().cycle())
    {
        let color = color.to_rgba();
        let places: Vec<((i32, i32), f64, &String)> = columns
            .iter()
            .zip(means)
            .zip(&across)
            .filter_map(|((&x, mean), value)| Some(((x, y.at((*mean)?)), (*mean)?, value)))
            .collect();
        canvas.line(places.iter().map(|it| it.0).collect(), color.mix(0.5).stroke_width(1));
        for (place, mean, value) in places {
            key::mark(&mut canvas, shape, place, color);
            let name = format!("{first} = {}, {second} = {}", clean(value), clean(label));
            canvas.hit(place, 6, &name, &format!("{mean:.2}%"));
        }
        entries.push((Sample::Mark(shape, color), in_key(&clean(label))));
    }
    key::column(&mut canvas, &entries, frame.top);
    let alternative = format!("Mean validation accuracy for the values of {first} and {second}");
    let id = format!("exploration-{number}-interaction");
    Some(canvas.finish(&id, title, alternative, frame.bottom + 56))
}

fn in_key(text: &str) -> String {
    shortened(text, TEXT, WIDEST_IN_KEY).into_owned()
}

/// How much the two depend on each other, in words.
fn told(found: &Interaction) -> String {
    match found.is_real() {
        true => format!(
            "Of all pairs they depend on each other most: beyond what each does alone, they explain {} of the variance.",
            percent(found.share)
        ),
        false => {
            "Of all pairs they depend on each other most, but no more than chance gives.".to_owned()
        }
    }
}
