//! Points, the Pareto front, and labels.

use super::{
    Shared,
    labels::{Wish, place},
    look::PlotSettings,
    marks::{Form, front_steps, interval, mark},
    quantity::Quantity,
    rows::{Row, design_values},
    scale::Field,
};
use crate::{model::Model, theme::colors};
use egui::{Color32, FontId, Pos2, Rect, Stroke, Ui};
use inceptive_report::{Pair, front_of};

/// Names that are tried at most; more find no place.
const MOST_NAMES: usize = 400;

/// How far the ring of a selected or Pareto-optimal network is around a hollow mark.
const RING: f32 = 2.5;

/// A network on the screen.
pub struct Dot<'a> {
    /// The network.
    pub row: &'a Row,
    /// Its values.
    pub pair: Pair,
    /// Its place.
    pub at: Pos2,
    /// The radius of its ball.
    pub radius: f32,
    /// Whether no other one beats it.
    pub is_front: bool,
    /// Whether it is in every range.
    pub is_brushed: bool,
    /// Whether it is selected.
    pub is_selected: bool,
}

/// The networks that are shown, large ones first.
pub fn dots<'a>(field: &Field, look: &PlotSettings, shared: &Shared<'a>) -> Vec<Dot<'a>> {
    let [x, y] = look.axes;
    let Shared { rows, model, .. } = *shared;
    let shown = rows.rows.iter().filter(|row| row.is_shown);
    let mut dots: Vec<Dot<'_>> = shown
        .filter_map(|row| {
            let pair = [row.get(x)?, row.get(y)?];
            Some(Dot {
                row,
                pair,
                at: field.at(pair[0].value, pair[1].value),
                radius: look.radius(row, rows),
                is_front: false,
                is_brushed: look.is_brushed(row),
                is_selected: model.selection.contains(&row.file),
            })
        })
        .collect();
    let brushed: Vec<usize> = (0..dots.len()).filter(|&at| dots[at].is_brushed).collect();
    let pairs: Vec<_> = brushed.iter().map(|&at| dots[at].pair).collect();
    if let [Some(x), Some(y)] = look.axes.map(Quantity::wants_more) {
        for at in front_of(&pairs, [x, y]) {
            dots[brushed[at]].is_front = true;
        }
    }
    // Large ones first, so that they hide nothing.
    dots.sort_by(|a, b| b.radius.total_cmp(&a.radius));
    dots
}

/// Draws the Pareto front as steps: no point lies beyond them. Returns the steps.
pub fn paint_front(ui: &Ui, field: &Field, dots: &[Dot<'_>]) -> Vec<Rect> {
    let mut front: Vec<Pos2> = dots.iter().filter(|dot| dot.is_front).map(|dot| dot.at).collect();
    front.sort_by(|a, b| a.x.total_cmp(&b.x));
    let first_up = field.x.quantity.wants_more() == Some(true);
    let line = front_steps(&front, first_up);
    let steps = line.windows(2).map(|ends| Rect::from_two_pos(ends[0], ends[1])).collect();
    ui.painter().line(line, Stroke::new(1.5, colors(ui).accent));
    steps
}

/// Draws marks and intervals.
pub fn paint_dots(
    ui: &Ui,
    field: &Field,
    look: &PlotSettings,
    shared: &Shared<'_>,
    dots: &[Dot<'_>],
) {
    let palette = colors(ui);
    let shades = look.colors(shared.rows, shared.cloud, ui.ctx().theme());
    let is_trained =
        shared.rows.accuracy().is_some() && look.axes.iter().any(|axis| axis.is_accuracy());
    for dot in dots {
        let color = match dot.is_brushed {
            true => shades.of(dot.row),
            false => palette.frame.gamma_multiply(0.5),
        };
        let thin = Stroke::new(1.2, color);
        let [x, y] = dot.pair;
        if x.low < x.high {
            let (from, to) = (field.at(x.low, y.value), field.at(x.high, y.value));
            interval(ui.painter(), from, to, thin);
        }
        if y.low < y.high {
            let (from, to) = (field.at(x.value, y.low), field.at(x.value, y.high));
            interval(ui.painter(), from, to, thin);
        }
        let form = Form::of(dot.row.family);
        let outline = match (dot.is_selected, dot.is_front) {
            (true, _) => Stroke::new(2.5, ui.visuals().text_color()),
            (false, true) => Stroke::new(1.8, palette.accent),
            (false, false) => Stroke::new(1.0, palette.canvas),
        };
        if is_trained {
            // Hollow, so that nobody takes it for a published one.
            mark(ui.painter(), form, dot.at, dot.radius + RING, Color32::TRANSPARENT, outline);
            mark(ui.painter(), form, dot.at, dot.radius, palette.canvas, Stroke::new(2.0, color));
        } else {
            mark(ui.painter(), form, dot.at, dot.radius, color.gamma_multiply(0.82), outline);
        }
    }
}

/// Draws the network that is being designed, with a line from its original; returns its position.
pub fn paint_design(ui: &Ui, field: &Field, model: &Model) -> Option<Pos2> {
    let network = model.shown_design()?;
    let place = |network| {
        let values = design_values(model, network);
        let value = |quantity: Quantity| Some(values[quantity.metric()?.index()]?.value);
        Some(field.at(value(field.x.quantity)?, value(field.y.quantity)?))
    };
    let at = place(network)?;
    let color = colors(ui).error;
    if let Some(from) = model.base_of_design().and_then(|base| place(base)) {
        ui.painter().line_segment([from, at], Stroke::new(1.2, color));
    }
    mark(ui.painter(), Form::Diamond, at, 6.5, Color32::TRANSPARENT, Stroke::new(2.5, color));
    Some(at)
}

/// Labels of points; selected points and those on the Pareto front are labelled first.
pub fn paint_labels(ui: &Ui, dots: &[Dot<'_>], design: Option<Pos2>, lines: &[Rect]) {
    let font = FontId::proportional(11.5);
    let (strong, palette) = (ui.visuals().text_color(), colors(ui));
    let mut named: Vec<&Dot<'_>> = dots.iter().filter(|dot| dot.is_brushed).collect();
    named.sort_by_key(|dot| (!dot.is_selected, !dot.is_front));
    let texts = design.map(|at| (at, 7.0, "design", palette.error)).into_iter().chain(
        named.iter().take(MOST_NAMES).map(|dot| {
            let color = if dot.is_selected || dot.is_front { strong } else { palette.weak };
            (dot.at, dot.radius, dot.row.name.as_str(), color)
        }),
    );
    let (wishes, galleys): (Vec<Wish>, Vec<_>) = texts
        .map(|(at, radius, text, color)| {
            let galley = ui.painter().layout_no_wrap(text.to_owned(), font.clone(), color);
            (Wish { at, radius, size: galley.size() }, (galley, color))
        })
        .unzip();
    for (rect, (galley, color)) in place(&wishes, lines, ui.max_rect()).into_iter().zip(galleys) {
        if let Some(rect) = rect {
            // The line of the front stays behind the words.
            let ground = palette.canvas.gamma_multiply(0.8);
            ui.painter().rect_filled(rect, 2.0, ground);
            ui.painter().galley(rect.min, galley, color);
        }
    }
}
