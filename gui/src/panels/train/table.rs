//! The table of runs.

use egui::{Align, Label, Layout, Link, RichText, Sense, Shape, Stroke, Ui, pos2, vec2};
use egui_extras::{Column as Width, TableBuilder, TableRow};
use inceptive_format::significant;

use super::{
    curves::{CurveStyle, DASH},
    rows::{Row, RowId},
};
use crate::theme::colors;

const ROW: f32 = 21.0;

/// Columns: title, width, whether numbers are in it, and what it means.
const COLUMNS: [(&str, f32, bool, &str); 10] = [
    (
        "network",
        220.0,
        false,
        "The network with its settings, and its file if others have the same name",
    ),
    ("seed", 36.0, true, "Seed of weights, order and augmentation"),
    ("state", 60.0, false, "State of the run"),
    ("epoch", 62.0, true, "Finished epochs of all epochs of the recipe"),
    ("test", 48.0, true, "Top-1 accuracy on test images after the last epoch, in percent"),
    (
        "accuracy",
        60.0,
        true,
        "Top-1 accuracy on validation images (training images if there are none), in percent",
    ),
    ("loss", 48.0, true, "Mean training loss of the epoch"),
    ("images/s", 66.0, true, "Training images per second"),
    ("time", 86.0, true, "Time left, or duration of a finished run"),
    ("data, recipe", 160.0, false, "Data set and recipe"),
];

/// Draws the table; `networks` has the name of each row's network, `styles` the curve styles of the first rows. Returns the row
/// that was clicked.
pub(super) fn ui<'r, 'a>(
    ui: &mut Ui,
    rows: &'r [Row<'a>],
    networks: &[String],
    styles: &[CurveStyle],
    chosen: Option<RowId>,
) -> Option<&'r Row<'a>> {
    let mut table = TableBuilder::new(ui)
        .id_salt("training runs")
        .cell_layout(Layout::left_to_right(Align::Center))
        .striped(true)
        .resizable(true)
        .auto_shrink(false);
    for (_, width, ..) in COLUMNS {
        table = table.column(Width::initial(width).at_least(36.0).clip(true));
    }
    let table = table.header(24.0, |mut header| {
        for (title, _, is_number, about) in COLUMNS {
            header.col(|ui| {
                aligned(ui, is_number, |ui| {
                    ui.strong(title).on_hover_text(about);
                })
            });
        }
    });
    let mut clicked = None;
    table.body(|body| {
        body.rows(ROW, rows.len(), |mut row| {
            let at = row.index();
            row.set_selected(Some(rows[at].id()) == chosen);
            if line(&mut row, &rows[at], &networks[at], styles.get(at)) {
                clicked = Some(&rows[at]);
            }
        });
    });
    clicked
}

/// Draws a row; returns whether it was clicked.
fn line(
    row: &mut TableRow<'_, '_>,
    run: &Row<'_>,
    network: &str,
    style: Option<&CurveStyle>,
) -> bool {
    let mut is_clicked = false;
    row.col(|ui| {
        if let Some(style) = style {
            swatch(ui, style);
        }
        let hover = format!("{network}, seed {}: show its result", run.seed());
        is_clicked = ui.add(Link::new(network)).on_hover_text(hover).clicked();
    });
    number(row, Some(run.seed().to_string()));
    row.col(|ui| {
        let (state, palette) = (run.state(), colors(ui));
        let color = match state {
            "failed" | "diverged" => palette.error,
            "waits for a measurement" => palette.warning,
            "running" => palette.accent,
            "finished" => palette.good,
            _ => palette.weak,
        };
        ui.add(Label::new(RichText::new(state).color(color)).truncate()).on_hover_text(state);
    });
    let percent = |value: Option<f64>| value.map(|value| format!("{value:.2}"));
    number(row, Some(run.epoch()));
    number(row, percent(run.test_top1()));
    number(row, percent(run.accuracy()));
    number(row, run.loss().map(|loss| format!("{loss:.3}")));
    number(row, run.images_per_s().map(significant));
    number(row, run.time());
    row.col(|ui| {
        let text = run.trained_on();
        ui.add(Label::new(&text).truncate()).on_hover_text(&text);
    });
    is_clicked
}

fn number(row: &mut TableRow<'_, '_>, text: Option<String>) {
    row.col(|ui| {
        aligned(ui, true, |ui| {
            ui.monospace(text.as_deref().unwrap_or("–"));
        });
    });
}

fn aligned(ui: &mut Ui, is_number: bool, content: impl FnOnce(&mut Ui)) {
    let layout = match is_number {
        true => Layout::right_to_left(Align::Center),
        false => Layout::left_to_right(Align::Center),
    };
    ui.with_layout(layout, content);
}

/// A sample of the line style of the run's curves.
fn swatch(ui: &mut Ui, style: &CurveStyle) {
    let (rect, _) = ui.allocate_exact_size(vec2(18.0, 8.0), Sense::hover());
    let ends = [pos2(rect.left(), rect.center().y), pos2(rect.right(), rect.center().y)];
    let stroke = Stroke::new(2.5, style.color);
    match style.is_dashed {
        true => ui.painter().extend(Shape::dashed_line(&ends, stroke, DASH, DASH / 2.0)),
        false => {
            ui.painter().line_segment(ends, stroke);
        }
    }
}
