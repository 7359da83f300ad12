//! Latencies in the store, as they land there.

use std::{cmp::Ordering, collections::BTreeSet};

use egui::{Align, Color32, ComboBox, Label, Layout, RichText, TextEdit, Ui, WidgetInfo};
use egui_extras::{Column as Width, TableBuilder, TableRow};
use inceptive_format::counted;
use inceptive_results::date::utc_day;
use inceptive_results::{Grade, Measurement};
use inceptive_store::Stored;

use crate::{
    format::{milliseconds, share},
    model::Model,
    panels::sort::Sort,
    theme::{Palette, colors},
};

const ROW: f32 = 21.0;

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Network,
    Engine,
    Precision,
    Batch,
    Threads,
    Median,
    Interval,
    Grade,
    Gflops,
    Peak,
    /// Not shown: the order in which results came.
    Time,
}

impl Column {
    /// Each with its title, its width, and whether numbers are in it.
    const ALL: [(Self, &'static str, f32, bool); 10] = [
        (Self::Network, "network", 190.0, false),
        (Self::Engine, "engine", 100.0, false),
        (Self::Precision, "precision", 66.0, false),
        (Self::Batch, "batch", 48.0, true),
        (Self::Threads, "threads", 58.0, true),
        (Self::Median, "median", 82.0, true),
        (Self::Interval, "95% interval", 150.0, true),
        (Self::Grade, "grade", 60.0, true),
        (Self::Gflops, "GFLOP/s", 76.0, true),
        (Self::Peak, "of peak", 66.0, true),
    ];

    fn order(self, a: &Stored<Measurement>, b: &Stored<Measurement>) -> Ordering {
        let (x, y) = (&a.result, &b.result);
        let spread = |it: &Measurement| it.latency_ms.median.relative_spread();
        match self {
            Self::Network => x.subject.name.cmp(&y.subject.name),
            Self::Engine => x.runtime.engine.cmp(&y.runtime.engine),
            Self::Precision => x.runtime.precision.cmp(&y.runtime.precision),
            Self::Batch => x.runtime.batch.cmp(&y.runtime.batch),
            Self::Threads => x.runtime.threads.cmp(&y.runtime.threads),
            Self::Median => x.latency_ms.median.value.total_cmp(&y.latency_ms.median.value),
            Self::Interval => spread(x).total_cmp(&spread(y)),
            Self::Grade => x.grade.cmp(&y.grade),
            Self::Gflops => x.gflops().value.total_cmp(&y.gflops().value),
            Self::Peak => x.share_of_peak().total_cmp(&y.share_of_peak()),
            Self::Time => a.id.cmp(&b.id),
        }
    }
}

/// The table of latencies.
pub(super) struct Results {
    /// What the network has to contain.
    network: String,
    /// The engine, if only one is wanted.
    engine: Option<String>,
    sort: Sort<Column>,
}

impl Default for Results {
    fn default() -> Self {
        let sort = Sort { by: Column::Time, is_descending: true };
        Self { network: String::new(), engine: None, sort }
    }
}

impl Results {
    /// Draws the filters of the table.
    pub fn filters(&mut self, ui: &mut Ui, model: &Model) {
        let filter = TextEdit::singleline(&mut self.network)
            .hint_text("Filter by network")
            .desired_width(180.0);
        ui.add(filter)
            .widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, "Filter results"));
        let all = model.results.measurements.iter();
        let engines: BTreeSet<&str> = all.map(|it| it.result.runtime.engine.as_str()).collect();
        let shown = self.engine.as_deref().unwrap_or("all engines").to_owned();
        let list = ComboBox::from_id_salt("engine").selected_text(shown);
        let shown = list.show_ui(ui, |ui| {
            ui.selectable_value(&mut self.engine, None, "all engines");
            for engine in engines {
                ui.selectable_value(&mut self.engine, Some(engine.to_owned()), engine);
            }
        });
        shown.response.on_hover_text("Filter by engine");
        if self.sort.by != Column::Time && ui.button("Latest first").clicked() {
            self.sort = Self::default().sort;
        }
    }

    /// Draws the table.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model) {
        let wanted = self.network.to_lowercase();
        let is_wanted = |stored: &&Stored<Measurement>| {
            let Measurement { subject, runtime, .. } = &stored.result;
            let is_named = subject.name.to_lowercase().contains(&wanted)
                || subject.file.to_lowercase().contains(&wanted);
            is_named && self.engine.as_ref().is_none_or(|engine| *engine == runtime.engine)
        };
        let mut rows: Vec<_> = model.results.measurements.iter().filter(is_wanted).collect();
        if rows.is_empty() {
            if model.results.problem.is_none() {
                ui.weak(match model.results.measurements.is_empty() {
                    true => "No results yet: select networks and press Start.",
                    false => "No matches",
                });
            }
            return;
        }
        rows.sort_by(|a, b| self.sort.directed(self.sort.by.order(a, b)));
        let mut table = TableBuilder::new(ui)
            .id_salt("latencies")
            .cell_layout(Layout::left_to_right(Align::Center))
            .striped(true)
            .resizable(true)
            .auto_shrink(false);
        for (_, _, width, _) in Column::ALL {
            table = table.column(Width::initial(width).at_least(40.0).clip(true));
        }
        let table = table.header(24.0, |mut header| {
            for (column, title, _, is_number) in Column::ALL {
                header.col(|ui| self.sort.title(ui, column, title, is_number));
            }
        });
        table.body(|body| {
            body.rows(ROW, rows.len(), |mut row| {
                let result = &rows[row.index()].result;
                line(&mut row, result);
            });
        });
    }
}

fn line(row: &mut TableRow<'_, '_>, result: &Measurement) {
    let Measurement { subject, runtime, latency_ms, .. } = result;
    let median = latency_ms.median;
    row.col(|ui| {
        let label = Label::new(subject.name.as_str()).truncate();
        ui.add(label).on_hover_ui(|ui| about(ui, result));
    });
    row.col(|ui| {
        let label = Label::new(runtime.engine.as_str()).truncate();
        let version = format!("{} on {}", runtime.engine_version, runtime.device);
        ui.add(label).on_hover_text(version);
    });
    row.col(|ui| {
        ui.label(runtime.precision.name());
    });
    let interval = format!("{:.2} … {:.2} ms", median.low, median.high);
    for text in [
        runtime.batch.to_string(),
        runtime.threads.to_string(),
        milliseconds(median.value),
        interval,
    ] {
        row.col(|ui| number(ui, &text));
    }
    row.col(|ui| grade(ui, result));
    row.col(|ui| number(ui, &format!("{:.1}", result.gflops().value)));
    row.col(|ui| number(ui, &share(result.share_of_peak())));
}

fn number(ui: &mut Ui, text: &str) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.monospace(text));
}

/// The grade, with the problems of the result on hover.
fn grade(ui: &mut Ui, result: &Measurement) {
    let color = grade_color(result.grade, colors(ui), ui.visuals().text_color());
    let text = RichText::new(result.grade.to_string()).strong().color(color);
    let label = ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(text)).inner;
    label.on_hover_ui(|ui| {
        ui.set_max_width(380.0);
        if result.findings.is_empty() {
            ui.label("No problems found.");
        }
        for finding in &result.findings {
            let word = if finding.is_serious { "serious: " } else { "" };
            ui.label(format!("{word}{}", finding));
        }
    });
}

const fn grade_color(grade: Grade, palette: &Palette, text: Color32) -> Color32 {
    match grade {
        Grade::A => palette.good,
        Grade::B => text,
        Grade::C => palette.warning,
        Grade::D => palette.error,
    }
}

fn about(ui: &mut Ui, result: &Measurement) {
    ui.set_max_width(420.0);
    let Measurement { subject, machine, latency_ms, .. } = result;
    ui.strong(subject.name.as_str());
    ui.label(subject.file.as_str());
    if !subject.point.is_empty() {
        ui.label(subject.point.join(", "));
    }
    ui.label(format!(
        "{} in {}; mean {}, min {}, max {}",
        counted(latency_ms.count, "run", "runs"),
        counted(result.turns_ms.len(), "turn", "turns"),
        milliseconds(latency_ms.mean),
        milliseconds(latency_ms.min),
        milliseconds(latency_ms.max)
    ));
    ui.label(format!("{}, {} cores, {}", machine.cpu, machine.physical_cores, machine.os));
    let best = result.best_roofline();
    ui.label(format!(
        "machine peak: {:.0} GFLOP/s, measured {}; {:.0} when this result was measured",
        best.roofline.peak_gflops,
        utc_day(best.peak_unix_ms),
        result.roofline.peak_gflops
    ));
}
