//! The distribution of errors over the networks of spaces that were trained on the same images with the same recipe, as
//! Radosavovic et al. 2020, *Designing Network Design Spaces*, compare spaces.

use std::{collections::BTreeMap, path::Path};

use inceptive_draw::{
    chart::{
        Figure,
        axes::{Scale, plain_text},
        canvas::Canvas,
        key::{self, MARKS, Sample},
    },
    text::clean,
};
use inceptive_explore::distribution;
use inceptive_format::counted;
use inceptive_results::statistics::Estimate;
use plotters::prelude::Color;

use super::{against, facts};
use crate::{candidate::NetworkEntry, training::TrainingGroup};

const HEIGHT: i32 = 400;

/// Fewest networks of a space, and fewest spaces.
const FEWEST_NETWORKS: usize = 4;
const FEWEST_SPACES: usize = 2;

/// Opacity of the ends of bands.
const MUTED: f64 = 0.35;

/// The distributions of a group; `None` unless there are two spaces with four networks each.
pub(super) fn chart(
    candidates: &[NetworkEntry],
    number: usize,
    group: &TrainingGroup,
) -> Option<Figure> {
    let mut spaces: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for network in &group.networks {
        let subject = &candidates[network.at].subject;
        if let Some(top1) = network.accuracy.top1.filter(|_| !subject.point.is_empty()) {
            spaces.entry(&subject.file).or_default().push(100.0 - top1.value);
        }
    }
    spaces.retain(|_, errors| errors.len() >= FEWEST_NETWORKS);
    if spaces.len() < FEWEST_SPACES {
        return None;
    }
    let title = "Errors of the networks of spaces";
    let caption = format!(
        "Share of the trained networks of a space whose test error is not above a value; {}. Further left is better. Thin lines: \
         95% bands from resampling the networks. Spaces are comparable only if their networks cost alike.",
        facts::training_label(group)
    );
    let (mut canvas, top) = Canvas::new(title, &caption);
    let frame = against::frame(top, HEIGHT);
    let x = Scale::percent(spaces.values().flatten().copied(), (frame.left, frame.right));
    let y = Scale::from_zero(1.0, (frame.bottom, frame.top));
    frame.columns(&mut canvas, &x.ticks(&plain_text, true));
    frame.name_columns(&mut canvas, "test error, percent");
    let share = |share: f64| format!("{:.0}%", share * 100.0);
    frame.lines(&mut canvas, &y.ticks(&share, false), "share of the networks");
    frame.sides(&mut canvas);
    let mut entries = vec![];
    for ((file, errors), (_, color)) in spaces.iter().zip(MARKS) {
        let steps = distribution(errors, 0);
        for (end, strength, width) in [(0, MUTED, 1), (1, MUTED, 1), (2, 1.0, 2)] {
            let mut places = vec![];
            let mut before = frame.bottom;
            for step in &steps {
                let at = x.at(step.error);
                places.push((at, before));
                let Estimate { value, low, high } = step.share;
                before = y.at([low, high, value][end]);
                places.push((at, before));
            }
            places.push((frame.right, before));
            canvas.line(places, color.mix(strength).stroke_width(width));
        }
        let name = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
        let name = clean(&name).into_owned();
        for step in &steps {
            let facts =
                format!("{} have at most {:.2}% errors", share(step.share.value), step.error);
            canvas.hit((x.at(step.error), y.at(step.share.value)), 5, &name, &facts);
        }
        let networks = counted(errors.len(), "network", "networks");
        entries.push((Sample::Line(color), format!("{name}, {networks}")));
    }
    key::column(&mut canvas, &entries, frame.top);
    let alternative =
        format!("Distribution of test errors by space: {}", facts::training_label(group));
    Some(canvas.finish(&format!("training-{number}-spaces"), title, alternative, frame.bottom + 56))
}
