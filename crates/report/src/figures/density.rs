//! Accuracy for each parameter: the accuracy density of Bianco et al. 2018, *Benchmark Analysis of
//! Representative Deep Neural Network Architectures*, Figure 2.

use plotters::style::text_anchor::HPos;

use super::facts;
use crate::{
    axis::{Axis, on_front},
    candidate::NetworkEntry,
    way::BenchConfig,
};
use inceptive_draw::chart::{
    BLUE, Figure,
    axes::{Frame, Scale, plain_text},
    canvas::Canvas,
    rows,
};

const TITLE: &str = "Accuracy density";

/// Bars of top-1 points per million parameters, the densest first; `None` if no accuracy is known.
pub(super) fn bars(candidates: &[NetworkEntry], way: Option<&BenchConfig>) -> Option<Figure> {
    let dense = |(at, candidate): (usize, &NetworkEntry)| {
        let density = candidate.density().filter(|density| density.is_finite());
        density.map(|density| (at, density))
    };
    let mut all: Vec<(usize, f64)> = candidates.iter().enumerate().filter_map(dense).collect();
    all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let most = all.first()?.1;
    let (shown, left_out) = rows::shown(all, |(at, _)| *at, &on_front(candidates, Axis::Params));
    let caption = format!(
        "Published top-1 percent divided by millions of parameters: parameter efficiency, not quality.{}",
        rows::rest(left_out, "parameters")
    );
    let (mut canvas, top) = Canvas::new(TITLE, &caption);
    let count = i32::try_from(shown.len()).unwrap_or(i32::MAX);
    let frame =
        Frame { left: rows::LEFT, right: 900, top: top + 8, bottom: top + 16 + rows::ROW * count };
    let x = Scale::from_zero(most, (frame.left, frame.right));
    frame.columns(&mut canvas, &x.ticks(&plain_text, true));
    frame.name_columns(&mut canvas, "top-1 points per million parameters");
    for (row, (at, density)) in (0..).zip(shown) {
        let y = frame.top + 8 + rows::ROW * row;
        let corners = [(frame.left, y), (x.at(density).max(frame.left + 1), y + rows::BAR)];
        let middle = y + rows::BAR / 2;
        canvas.bar(corners, BLUE);
        rows::name(&mut canvas, &candidates[at].name, middle);
        canvas.text(&facts::three_digits(density), (corners[1].0 + 6, middle), HPos::Left);
        let facts = format!(
            "{} points per million parameters; {}",
            facts::three_digits(density),
            facts::facts(&candidates[at], way)
        );
        canvas.hit_bar(corners, &facts::long_name(&candidates[at]), &facts);
    }
    let alternative = "Top-1 points per million parameters of each network".to_owned();
    Some(canvas.finish("density", TITLE, alternative, frame.bottom + 56))
}
