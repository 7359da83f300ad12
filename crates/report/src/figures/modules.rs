//! Single modules side by side: the kinds of modules of the Inception family with the same input, starting with those
//! of Szegedy et al. 2014, *Going Deeper with Convolutions*, Figure 2.

use std::collections::HashSet;

use plotters::style::{RGBColor, text_anchor::HPos};

use super::facts;
use crate::{candidate::NetworkEntry, way::BenchConfig};
use inceptive_draw::chart::{
    BLUE, Figure, GREEN, ORANGE, PURPLE,
    canvas::{Canvas, pixel},
    rows,
};
use inceptive_format::{bytes, share, short_count, significant};

const TITLE: &str = "Modules side by side";

/// Networks with an input of a smaller side than this, and without an accuracy, are modules.
const LARGEST_SIDE: u32 = 64;

/// From a panel to the next, and the longest bar in one, in pixels.
const PANEL: i32 = 178;
const LONGEST: i32 = 96;

/// The quantities by which modules are compared.
struct Panel {
    title: &'static str,
    color: RGBColor,
    values: Vec<Option<f64>>,
    text: fn(f64) -> String,
}

/// Bars of relative MACs, parameters, memory and time; `None` if there are fewer than two modules with equal inputs.
pub(super) fn bars(candidates: &[NetworkEntry], way: Option<&BenchConfig>) -> Option<Figure> {
    let all = modules(candidates);
    if all.len() < 2 {
        return None;
    }
    let (mut shown, left_out) = rows::shown(all, |at| *at, &HashSet::new());
    shown.sort_by_key(|&at| std::cmp::Reverse(candidates[at].subject.macs));
    let modules: Vec<&NetworkEntry> = shown.into_iter().map(|at| &candidates[at]).collect();
    let (mut canvas, top) = Canvas::new(TITLE, &caption(&modules, way, left_out));
    let top = top + 34;
    for (row, module) in (0..).zip(&modules) {
        rows::name(&mut canvas, &module.name, top + rows::ROW * row + rows::BAR / 2);
    }
    for (column, panel) in (0..).zip(panels(&modules, way)) {
        draw(&mut canvas, (rows::LEFT + PANEL * column, top), &panel, &modules);
    }
    let count = i32::try_from(modules.len()).unwrap_or(i32::MAX);
    let alternative = "MACs, parameters, peak memory and time of modules with the same input";
    Some(canvas.finish("modules", TITLE, alternative.to_owned(), top + rows::ROW * count + 16))
}

/// The modules of the input that most of them have.
fn modules(candidates: &[NetworkEntry]) -> Vec<usize> {
    let is_module = |candidate: &NetworkEntry| {
        let [_, height, width] = candidate.subject.input;
        height.max(width) < LARGEST_SIDE
            && candidate.top1().is_none()
            && candidate.network.is_some()
    };
    let all: Vec<usize> = (0..candidates.len()).filter(|&at| is_module(&candidates[at])).collect();
    let alike = |at: usize| -> Vec<usize> {
        let input = candidates[at].subject.input;
        all.iter().copied().filter(|&other| candidates[other].subject.input == input).collect()
    };
    let mut inputs: Vec<[u32; 3]> = Vec::new();
    let mut most: Vec<usize> = Vec::new();
    for &at in &all {
        let input = candidates[at].subject.input;
        if !inputs.contains(&input) {
            inputs.push(input);
            let group = alike(at);
            if group.len() > most.len() {
                most = group;
            }
        }
    }
    most
}

fn caption(modules: &[&NetworkEntry], way: Option<&BenchConfig>, left_out: usize) -> String {
    let [channels, height, width] = modules.first().map_or([0; 3], |module| module.subject.input);
    let mut text = format!(
        "Each for one input of {height}x{width} with {channels} channels. Bars are relative to the largest of their \
         column."
    );
    match way.filter(|way| modules.iter().any(|module| way.of(module).is_some())) {
        Some(way) => {
            text.push_str(&format!(" Time: median with {} on {}.", way.label(), way.machine.cpu))
        }
        None => text.push_str(" No latency was measured."),
    }
    text.push_str(&rows::rest(left_out, "MACs"));
    text
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn panels(modules: &[&NetworkEntry], way: Option<&BenchConfig>) -> Vec<Panel> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "was a count")]
    const fn count(value: f64) -> u64 {
        value as u64
    }
    let exact = |of: &dyn Fn(&NetworkEntry) -> Option<u64>| -> Vec<Option<f64>> {
        modules.iter().map(|module| of(module).map(|count| count as f64)).collect()
    };
    let peak =
        |module: &NetworkEntry| module.network.as_ref().map(|network| network.cost.peak.bytes);
    let times: Vec<Option<f64>> = modules
        .iter()
        .map(|module| {
            let median = way.and_then(|way| way.of(module))?.latency_ms.median;
            facts::drawable(median).map(|median| median.value)
        })
        .collect();
    let mut panels = vec![
        Panel {
            title: "MACs",
            color: BLUE,
            values: exact(&|module| Some(module.subject.macs)),
            text: |value| short_count(count(value)),
        },
        Panel {
            title: "parameters",
            color: ORANGE,
            values: exact(&|module| Some(module.subject.params)),
            text: |value| short_count(count(value)),
        },
        Panel {
            title: "peak memory",
            color: GREEN,
            values: exact(&peak),
            text: |value| bytes(count(value)),
        },
        Panel {
            title: "time",
            color: PURPLE,
            values: times,
            text: |value| format!("{} ms", significant(value)),
        },
    ];
    panels.retain(|panel| panel.values.iter().any(Option::is_some));
    panels
}

fn draw(canvas: &mut Canvas, (left, top): (i32, i32), panel: &Panel, modules: &[&NetworkEntry]) {
    canvas.text(panel.title, (left, top - 16), HPos::Left);
    let largest = panel.values.iter().flatten().copied().fold(0.0, f64::max);
    for (row, (value, module)) in (0..).zip(panel.values.iter().zip(modules)) {
        let y = top + rows::ROW * row;
        let middle = y + rows::BAR / 2;
        let Some(value) = *value else {
            canvas.text("not known", (left, middle), HPos::Left);
            continue;
        };
        let part = if largest > 0.0 { value / largest } else { 0.0 };
        let length = pixel(f64::from(LONGEST) * part).max(1);
        let corners = [(left, y), (left + length, y + rows::BAR)];
        canvas.bar(corners, panel.color);
        let text = (panel.text)(value);
        canvas.text(&text, (left + length + 6, middle), HPos::Left);
        let facts = format!("{} {text}, {} of the largest", panel.title, share(part));
        canvas.hit_bar(corners, &facts::long_name(module), &facts);
    }
}
