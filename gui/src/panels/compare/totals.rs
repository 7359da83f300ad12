//! Counts, accuracies and latencies, with differences to the first network.

use std::cmp::Reverse;

use egui::{Align, Label, Layout, RichText, ScrollArea, Ui};
use egui_extras::{Column, TableBody, TableBuilder};
use inceptive_format::{change, percent_change};
use inceptive_report::PROTOCOL;
use inceptive_results::{Measurement, Metric, Precision, Record, Runtime, statistics::Estimate};

use super::Compared;
use crate::{
    format::{NOT_COMPARED, compute_unit, exact, milliseconds},
    model::Model,
    theme::colors,
};

const ROW: f32 = 21.0;
const HEADER: f32 = 26.0;

/// Counts, from above.
const METRICS: [Metric; 5] =
    [Metric::Params, Metric::Macs, Metric::Flops, Metric::Acts, Metric::PeakActivationBytes];

/// Widths of columns.
#[derive(Clone, Copy)]
struct Widths {
    title: f32,
    number: f32,
    /// Without it, the difference is under the pointer only.
    difference: Option<f32>,
    percent: f32,
}

/// From the widest to the narrowest.
const WIDTHS: [Widths; 3] = [
    Widths { title: 245.0, number: 150.0, difference: Some(125.0), percent: 70.0 },
    Widths { title: 245.0, number: 150.0, difference: None, percent: 70.0 },
    Widths { title: 160.0, number: 118.0, difference: None, percent: 62.0 },
];

impl Widths {
    /// The widest that fit, else the narrowest.
    fn that_fit(room: f32, networks: usize, spacing: f32) -> Self {
        let needed = |it: &Self| {
            let columns = [Some(it.number), it.difference, Some(it.percent)];
            let other: f32 = columns.into_iter().flatten().map(|width| width + spacing).sum();
            it.title + it.number + 2.0 * spacing + other * networks.saturating_sub(1) as f32
        };
        let [.., narrowest] = WIDTHS;
        WIDTHS.into_iter().find(|it| needed(it) <= room).unwrap_or(narrowest)
    }
}

/// A number of a network, and how it differs from the first one's.
#[derive(Default)]
struct Cell {
    text: String,
    difference: String,
    percent: String,
    hover: String,
}

/// A number of all networks.
struct Row {
    title: String,
    hover: String,
    cells: Vec<Cell>,
}

/// Draws the table.
pub(super) fn table(ui: &mut Ui, networks: &[Compared<'_>], model: &Model) {
    let mut rows = counts(networks, model);
    rows.push(accuracies(networks));
    rows.extend(latencies(networks, model));
    let has_latency = rows.iter().any(|row| row.title.starts_with("latency"));
    let spacing = ui.spacing().item_spacing.x;
    let widths = Widths::that_fit(ui.available_width(), networks.len(), spacing);
    let has_difference = widths.difference.is_some();
    ScrollArea::horizontal().id_salt("totals").show(ui, |ui| {
        let mut table = TableBuilder::new(ui)
            .id_salt(("totals", networks.len(), widths.title as u32, has_difference))
            .striped(true)
            .vscroll(false)
            .cell_layout(Layout::left_to_right(Align::Center))
            .column(Column::exact(widths.title))
            .column(Column::exact(widths.number));
        for _ in 1..networks.len() {
            table = table.column(Column::exact(widths.number));
            if let Some(difference) = widths.difference {
                table = table.column(Column::exact(difference));
            }
            table = table.column(Column::exact(widths.percent));
        }
        let table = table.header(HEADER, |mut header| {
            header.col(|_| {});
            for (index, network) in networks.iter().enumerate() {
                header.col(|ui| name(ui, network));
                if index > 0 {
                    if has_difference {
                        header.col(|ui| right(ui, RichText::new("difference").weak(), ""));
                    }
                    header.col(|ui| right(ui, RichText::new("%").weak(), ""));
                }
            }
        });
        table.body(|body| fill(body, &rows, has_difference));
    });
    if !has_latency {
        let text = "No latencies yet: measure them in Run.";
        ui.label(RichText::new(text).color(colors(ui).weak));
    }
}

fn fill(mut body: TableBody<'_>, rows: &[Row], has_difference: bool) {
    for row in rows {
        body.row(ROW, |mut line| {
            line.col(|ui| {
                let label = ui.add(Label::new(row.title.as_str()).truncate());
                if !row.hover.is_empty() {
                    label.on_hover_text(row.hover.as_str());
                }
            });
            for (index, cell) in row.cells.iter().enumerate() {
                let Cell { text, difference, percent, hover } = cell;
                line.col(|ui| right(ui, RichText::new(text).monospace(), hover));
                if index > 0 {
                    if has_difference {
                        let difference = RichText::new(difference).monospace().weak();
                        line.col(|ui| right(ui, difference, hover));
                    }
                    line.col(|ui| right(ui, RichText::new(percent).monospace().weak(), hover));
                }
            }
        });
    }
}

fn name(ui: &mut Ui, network: &Compared<'_>) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let label = Label::new(RichText::new(&network.name).strong()).truncate();
        ui.add(label).on_hover_text(network.network.architecture.name.as_str());
    });
}

/// A text at the right edge of its cell; an empty one is nothing.
fn right(ui: &mut Ui, text: RichText, hover: &str) {
    if text.text().is_empty() {
        return;
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let label = ui.add(Label::new(text).truncate());
        if !hover.is_empty() {
            label.on_hover_text(hover);
        }
    });
}

fn counts(networks: &[Compared<'_>], model: &Model) -> Vec<Row> {
    let convention = model.settings.convention();
    let count = |title: &str,
                 hover: &str,
                 show: &dyn Fn(u64) -> String,
                 of: &dyn Fn(&Compared<'_>) -> u64| {
        let values: Vec<u64> = networks.iter().map(of).collect();
        let cell = |&value: &u64| Cell {
            text: show(value),
            difference: match value.cmp(&values[0]) {
                std::cmp::Ordering::Equal => "0".to_owned(),
                std::cmp::Ordering::Greater => format!("+{}", show(value - values[0])),
                std::cmp::Ordering::Less => format!("-{}", show(values[0] - value)),
            },
            percent: percent_change(values[0], value),
            hover: format!("{} ({})", exact(value), change(values[0], value)),
        };
        Row {
            title: title.to_owned(),
            hover: hover.to_owned(),
            cells: values.iter().map(cell).collect(),
        }
    };
    let of = |metric: Metric, it: &Compared<'_>| match metric {
        Metric::Macs => convention.total(&it.network.architecture.graph),
        _ => metric.count(&it.network.architecture.graph, &it.network.cost).unwrap_or(0),
    };
    let mut rows: Vec<Row> = METRICS
        .into_iter()
        .map(|metric| match metric {
            Metric::Macs => {
                let hover = "Compute for one image, in the convention chosen below";
                count(&compute_unit(convention), hover, &exact, &|it| of(metric, it))
            }
            _ => {
                let hover = format!("{}, for one image", metric.description());
                count(metric.label(), &hover, &|value| metric.exact(value), &|it| of(metric, it))
            }
        })
        .collect();
    let field = |it: &Compared<'_>| Some(u64::from(it.network.cost.receptive_field.size?.height));
    if networks.iter().all(|it| field(it).is_some()) {
        let hover = "Of the last feature map, in input pixels, without gates (which depend on the whole image)";
        rows.push(count("receptive field", hover, &exact, &|it| field(it).unwrap_or(0)));
    }
    rows
}

/// Published accuracies that can be compared, as everywhere.
fn accuracies(networks: &[Compared<'_>]) -> Row {
    let top1 = |compared: &Compared<'_>| compared.network.architecture.comparable()?.top1;
    let first = networks.first().and_then(top1);
    let cell = |(index, compared): (usize, &Compared<'_>)| {
        let architecture = &compared.network.architecture;
        let Some((top1, published)) = top1(compared).zip(architecture.comparable()) else {
            let hover = match architecture.published.is_empty() {
                true => String::new(),
                false => NOT_COMPARED.to_owned(),
            };
            return Cell { text: "–".to_owned(), hover, ..Cell::default() };
        };
        let difference =
            first.filter(|_| index > 0).map(|first| format!("{:+.2} points", top1 - first));
        Cell {
            text: format!("{top1:.2}%"),
            difference: difference.unwrap_or_default(),
            percent: String::new(),
            hover: published.source.clone(),
        }
    };
    Row {
        title: "published top-1".to_owned(),
        hover: PROTOCOL.to_owned(),
        cells: networks.iter().enumerate().map(cell).collect(),
    }
}

/// A row for each configuration that any of the networks was measured in, the latest first; the latest result counts.
fn latencies(networks: &[Compared<'_>], model: &Model) -> Vec<Row> {
    let measured: Vec<Vec<&Measurement>> =
        networks.iter().map(|it| model.results.of(&it.network.fingerprint)).collect();
    let mut configurations: Vec<&Measurement> = vec![];
    for result in measured.iter().flatten().copied() {
        let known = configurations.iter_mut().find(|it| it.key() == result.key());
        match known {
            Some(known) if known.finished_unix_ms < result.finished_unix_ms => *known = result,
            Some(_) => {}
            None => configurations.push(result),
        }
    }
    configurations.sort_by_key(|result| Reverse(result.finished_unix_ms));
    let row = |of: &Measurement| {
        let mut found: Vec<Option<&Measurement>> = vec![];
        for all in &measured {
            found.push(all.iter().copied().find(|result| result.key() == of.key()));
        }
        latency_row(&of.runtime, &found)
    };
    configurations.into_iter().map(row).collect()
}

fn latency_row(runtime: &Runtime, found: &[Option<&Measurement>]) -> Row {
    let first = found.first().copied().flatten().map(|it| it.latency_ms.median);
    let cell = |(index, found): (usize, &Option<&Measurement>)| {
        let Some(result) = found else { return Cell { text: "–".to_owned(), ..Cell::default() } };
        let median = result.latency_ms.median;
        let (difference, percent) = match first {
            Some(first) if index > 0 => difference(first, median),
            _ => <(String, String)>::default(),
        };
        Cell {
            text: format!(
                "{} ±{:.1}%",
                milliseconds(median.value),
                median.relative_spread() * 100.0
            ),
            difference,
            percent,
            hover: format!(
                "median between {} and {} (95%)\ngrade {}, {} runs on {}",
                milliseconds(median.low),
                milliseconds(median.high),
                result.grade,
                result.latency_ms.count,
                result.machine.cpu
            ),
        }
    };
    let Runtime { engine, precision, batch, threads, .. } = runtime;
    // The usual precision is not shown.
    let format = match precision {
        Precision::Fp32 => String::new(),
        other => format!(" {other}"),
    };
    Row {
        title: format!("latency: {engine}{format}, batch {batch}, threads {threads}"),
        hover: format!(
            "{engine} {} on {} in {precision}, batch {batch}, threads: {threads}",
            runtime.engine_version,
            runtime.device_and_mode()
        ),
        cells: found.iter().enumerate().map(cell).collect(),
    }
}

/// The difference between two latencies, if they are distinguishable.
fn difference(first: Estimate, other: Estimate) -> (String, String) {
    if first.overlaps(&other) {
        return ("indistinguishable".to_owned(), String::new());
    }
    let by = other.value - first.value;
    let sign = if by < 0.0 { "-" } else { "+" };
    let percent = (other.value / first.value - 1.0) * 100.0;
    (format!("{sign}{}", milliseconds(by.abs())), format!("{percent:+.1}%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_whose_intervals_overlap_are_not_told_apart() {
        let estimate = |value: f64, by: f64| Estimate { value, low: value - by, high: value + by };
        let (text, percent) = difference(estimate(10.0, 1.0), estimate(11.5, 1.0));
        assert_eq!((text.as_str(), percent.as_str()), ("indistinguishable", ""));
        let (text, percent) = difference(estimate(10.0, 0.1), estimate(7.5, 0.1));
        assert_eq!((text.as_str(), percent.as_str()), ("-2.50 ms", "-25.0%"));
    }
}
