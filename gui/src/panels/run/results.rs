//! Latencies in the store, by network, as they land there.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use egui::{Align, Color32, ComboBox, Label, Layout, RichText, TextEdit, Ui, WidgetInfo};
use egui_extras::{Column as Width, TableBuilder, TableRow};
use inceptive_format::counted;
use inceptive_results::date::{utc, utc_day};
use inceptive_results::{Accelerator, Grade, Measurement};
use inceptive_store::Stored;
use serde::{Deserialize, Serialize};

use super::verdict;
use crate::{
    format::{milliseconds, share},
    model::{Entry, Model},
    panels::sort::Sort,
    theme::{Palette, colors},
};

const ROW: f32 = 21.0;

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Network,
    Label,
    Engine,
    Precision,
    Batch,
    Threads,
    Median,
    Interval,
    Verdict,
    Grade,
    Gflops,
    Peak,
    Time,
}

impl Column {
    /// Each with its title, its width, and whether numbers are in it.
    const ALL: [(Self, &'static str, f32, bool); 13] = [
        (Self::Network, "network", 160.0, false),
        (Self::Time, "date (UTC)", 142.0, true),
        (Self::Label, "label", 62.0, false),
        (Self::Engine, "engine", 70.0, false),
        (Self::Precision, "precision", 66.0, false),
        (Self::Batch, "batch", 48.0, true),
        (Self::Threads, "threads", 58.0, true),
        (Self::Median, "median", 76.0, true),
        (Self::Interval, "95% interval", 130.0, true),
        (Self::Verdict, "verdict", 98.0, false),
        (Self::Grade, "grade", 52.0, true),
        (Self::Gflops, "GFLOP/s", 70.0, true),
        (Self::Peak, "of peak", 62.0, true),
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
            Self::Peak => {
                let [x, y] = [x, y].map(|it| it.share_of_peak().unwrap_or(-1.0));
                x.total_cmp(&y)
            }
            Self::Time | Self::Label | Self::Verdict => a.id.cmp(&b.id),
        }
    }
}

/// What is kept of the table for the next run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Remembered {
    /// Labels of results.
    labels: BTreeMap<String, String>,
    /// Results that are not shown. They stay in the store.
    hidden: BTreeSet<String>,
}

/// Identifies a result, whichever store it is read from.
fn key(result: &Measurement) -> String {
    let Measurement { subject, runtime, finished_unix_ms, .. } = result;
    let fingerprint = &subject.fingerprint;
    format!("{finished_unix_ms} {fingerprint} {} {}", runtime.batch, runtime.threads)
}

/// The table of latencies.
pub(super) struct Results {
    /// What the network has to contain.
    network: String,
    /// The engine, if only one is wanted.
    engine: Option<String>,
    sort: Sort<Column>,
    /// Whether each network has its results below it.
    is_grouped: bool,
    /// Networks whose results are not shown at the moment.
    closed: BTreeSet<String>,
    pub remembered: Remembered,
}

/// A row of the table.
#[derive(Clone, Copy)]
enum Row<'a> {
    /// A network, with its number of results.
    Network(&'a str, usize),
    /// A result.
    Result(&'a Measurement),
}

impl Default for Results {
    fn default() -> Self {
        let sort = Sort { by: Column::Time, is_descending: true };
        Self {
            network: String::new(),
            engine: None,
            sort,
            is_grouped: true,
            closed: BTreeSet::new(),
            remembered: Remembered::default(),
        }
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
        ui.checkbox(&mut self.is_grouped, "by network");
        let hidden = self.remembered.hidden.len();
        if hidden > 0 && ui.button(format!("Show hidden ({hidden})")).clicked() {
            self.remembered.hidden.clear();
        }
    }

    /// Draws the table.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model) {
        let wanted = self.network.to_lowercase();
        let hidden = &self.remembered.hidden;
        let designs = Designs::new(model);
        let is_wanted = |stored: &&Stored<Measurement>| {
            let Measurement { subject, runtime, .. } = &stored.result;
            let is_named = designs.name(&stored.result).to_lowercase().contains(&wanted)
                || subject.name.to_lowercase().contains(&wanted)
                || subject.file.to_lowercase().contains(&wanted);
            let is_hidden = !hidden.is_empty() && hidden.contains(&key(&stored.result));
            !is_hidden
                && is_named
                && self.engine.as_ref().is_none_or(|engine| *engine == runtime.engine)
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
        let rows = self.rows(&rows, &designs);
        let base = verdict::base(model);
        let (mut toggled, mut hidden) = (None, None);
        let (labels, is_grouped, closed) =
            (&mut self.remembered.labels, self.is_grouped, &self.closed);
        let sort = &mut self.sort;
        // Wider than a small window.
        egui::ScrollArea::horizontal().id_salt("latencies").show(ui, |ui| {
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
                    header.col(|ui| sort.title(ui, column, title, is_number));
                }
            });
            table.body(|body| {
                body.rows(ROW, rows.len(), |mut row| match rows[row.index()] {
                    Row::Network(name, count) => {
                        if network(&mut row, name, count, closed.contains(name)) {
                            toggled = Some(name);
                        }
                    }
                    Row::Result(result) => {
                        let outcome = base.and_then(|base| verdict::outcome(result, base, model));
                        let name = designs.name(result);
                        if line(&mut row, (result, name), is_grouped, labels, outcome) {
                            hidden = Some(key(result));
                        }
                    }
                });
            });
        });
        if let Some(name) = toggled
            && !self.closed.remove(name)
        {
            self.closed.insert(name.to_owned());
        }
        self.remembered.hidden.extend(hidden);
    }

    /// The results, each network's below it if that is wanted, in the order of its first one.
    fn rows<'a>(&self, sorted: &[&'a Stored<Measurement>], designs: &Designs<'a>) -> Vec<Row<'a>> {
        let results = sorted.iter().map(|stored| &stored.result);
        if !self.is_grouped {
            return results.map(Row::Result).collect();
        }
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut groups: Vec<(&str, Vec<&Measurement>)> = vec![];
        for result in results {
            let name = designs.name(result);
            let place = *places.entry(name).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((_, group)) => group.push(result),
                None => groups.push((name, vec![result])),
            }
        }
        let rows = groups.into_iter().flat_map(|(name, group)| {
            let count = group.len();
            let shown = if self.closed.contains(name) { vec![] } else { group };
            std::iter::once(Row::Network(name, count)).chain(shown.into_iter().map(Row::Result))
        });
        rows.collect()
    }
}

/// The names of designs of the list. What is measured of one that is not saved is stored under the network that it is made
/// of, with its settings.
struct Designs<'a>(HashMap<&'a str, &'a str>);

impl<'a> Designs<'a> {
    fn new(model: &'a Model) -> Self {
        let of = |entry: &'a Entry| {
            let network = entry.design.as_ref().and(entry.network.as_ref())?;
            Some((network.fingerprint.as_str(), network.architecture.name.as_str()))
        };
        Self(model.entries.values().filter_map(of).collect())
    }

    /// The name of the network of a result.
    fn name(&self, result: &'a Measurement) -> &'a str {
        let subject = &result.subject;
        let design = self.0.get(subject.fingerprint.as_str()).copied();
        design.filter(|_| !subject.point.is_empty()).unwrap_or(&subject.name)
    }
}

/// Draws a network above its results; returns whether it was clicked.
fn network(row: &mut TableRow<'_, '_>, name: &str, count: usize, is_closed: bool) -> bool {
    let mut is_clicked = false;
    row.col(|ui| {
        ui.monospace(if is_closed { "+" } else { "−" });
        let link = egui::Link::new(RichText::new(name).strong());
        let hint = if is_closed { "Show its results" } else { "Hide its results" };
        is_clicked = ui.add(link).on_hover_text(hint).clicked();
    });
    row.col(|ui| {
        ui.weak(counted(count, "result", "results"));
    });
    for _ in 2..Column::ALL.len() {
        row.col(|_| {});
    }
    is_clicked
}

/// Draws a result; returns whether it is to be hidden.
fn line(
    row: &mut TableRow<'_, '_>,
    (result, name): (&Measurement, &str),
    is_grouped: bool,
    labels: &mut BTreeMap<String, String>,
    outcome: Option<verdict::Outcome>,
) -> bool {
    let Measurement { subject, runtime, latency_ms, .. } = result;
    let median = latency_ms.median;
    let mut is_hidden = false;
    row.col(|ui| {
        let hide = ui.small_button("×").on_hover_text("Hide this result; it stays in the store");
        hide.widget_info(|| {
            WidgetInfo::labeled(egui::Role::Button, true, format!("Hide a result of {name}"))
        });
        is_hidden = hide.clicked();
        let point = subject.point.join(" ");
        let text = match (is_grouped, point.is_empty()) {
            (true, true) => "details",
            (true, false) => point.as_str(),
            (false, _) => name,
        };
        let text = RichText::new(text);
        let text = if is_grouped { text.weak() } else { text };
        ui.add(Label::new(text).truncate()).on_hover_ui(|ui| about(ui, result));
    });
    row.col(|ui| {
        let date = utc(result.finished_unix_ms);
        number(ui, date.trim_end_matches(" UTC"));
    });
    row.col(|ui| label(ui, result, labels));
    row.col(|ui| {
        let label = Label::new(runtime.engine.as_str()).truncate();
        let version = format!("{} on {}", runtime.engine_version, runtime.device_and_mode());
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
    row.col(|ui| {
        if let Some(verdict::Outcome { words, reason }) = outcome {
            ui.label(words).on_hover_text(reason);
        }
    });
    row.col(|ui| grade(ui, result));
    row.col(|ui| number(ui, &format!("{:.1}", result.gflops().value)));
    row.col(|ui| number(ui, &result.share_of_peak().map_or_else(String::new, share)));
    is_hidden
}

/// Draws the label of a result, which can be typed.
fn label(ui: &mut Ui, result: &Measurement, labels: &mut BTreeMap<String, String>) {
    let key = key(result);
    let mut text = labels.get(&key).cloned().unwrap_or_default();
    let field =
        TextEdit::singleline(&mut text).desired_width(f32::INFINITY).frame(egui::Frame::NONE);
    let response = ui.add(field).on_hover_text("A label of your own for this result");
    response
        .widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, "Label of the result"));
    if response.changed() {
        match text.is_empty() {
            true => drop(labels.remove(&key)),
            false => drop(labels.insert(key, text)),
        }
    }
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
    if let Some(Accelerator { name, driver, platform, .. }) = &result.accelerator {
        let driver = driver.as_ref().map(|driver| format!("driver {driver}"));
        let facts = [Some(name.clone()), platform.clone(), driver];
        ui.label(facts.into_iter().flatten().collect::<Vec<_>>().join(", "));
    }
    if !result.runtime.is_on_cpu() {
        return;
    }
    let best = result.best_roofline();
    ui.label(format!(
        "machine peak: {:.0} GFLOP/s, measured {}; {:.0} when this result was measured",
        best.roofline.peak_gflops,
        utc_day(best.peak_unix_ms),
        result.roofline.peak_gflops
    ));
}
