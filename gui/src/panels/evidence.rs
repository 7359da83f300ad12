//! What is known about the accuracy and the latency of a network, and how it is known.

use egui::{Color32, Grid, RichText, TextStyle, Ui};
use inceptive_app::Inspected;
use inceptive_format::{counted, decimals};
use inceptive_results::{Measurement, Runtime, Value, statistics::Estimate};

use crate::{
    IN_BROWSER,
    command::{Command, Commands},
    model::Model,
    pane::Pane,
    panels::text_width,
    theme::colors,
};

/// A network, with the name of its file.
pub(crate) type Named<'a> = (&'a str, &'a Inspected);

/// Room between a figure and what is beside it.
const SPACING: f32 = 12.0;

/// Figures of a kind that are listed.
const MOST: usize = 3;

/// The kind of figures that nobody measured.
const PREDICTED: &str = "predicted";

/// A figure, and how it is known.
struct Figure {
    text: String,
    /// Measured, predicted, trained, imported or published.
    kind: &'static str,
    /// With what: the engine, or the data and the recipe.
    with: String,
}

/// A line of the table: a figure, and its source in words.
struct Line {
    text: String,
    source: String,
}

impl Line {
    fn new(figure: Figure) -> Self {
        let Figure { text, kind, with } = figure;
        let with = if with.is_empty() { with } else { format!(", {with}") };
        Self { text, source: format!("{kind}{with}") }
    }

    /// The figure of the network that another one is made of; there is little room to say so.
    fn of_base(figure: Figure) -> Self {
        let Figure { text, kind, with } = figure;
        let source = match (kind, with.as_str()) {
            (kind, "") => format!("base, {kind}"),
            (PREDICTED, with) => format!("base, {PREDICTED}, {with}"),
            (_, with) => format!("base, {with}"),
        };
        Self { text, source }
    }
}

/// The figures of a network, looked up once for each change of the results.
#[derive(Default)]
pub(crate) struct Evidence {
    key: Option<[String; 5]>,
    accuracy: Vec<Line>,
    latency: Vec<Line>,
}

impl Evidence {
    /// Draws what is known of a network, or else of the one that it is made of, with buttons to find out.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        network: Named<'_>,
        base: Option<Named<'_>>,
        model: &Model,
        commands: &mut Commands,
    ) {
        self.update(network, base, model);
        let is_wide = self.width(ui) <= ui.available_width();
        self.table(ui, is_wide);
        buttons(ui, commands);
    }

    /// Draws only the figures of a network, or else of the one that it is made of, where there is little room.
    pub fn figures(
        &mut self,
        ui: &mut Ui,
        network: Named<'_>,
        base: Option<Named<'_>>,
        model: &Model,
    ) {
        self.update(network, base, model);
        self.table(ui, false);
    }

    /// The width of the figures with their sources behind them.
    fn width(&self, ui: &Ui) -> f32 {
        let all = || self.accuracy.iter().chain(&self.latency);
        let mono = TextStyle::Monospace.resolve(ui.style());
        let figure = |line: &Line| {
            let galley =
                ui.painter().layout_no_wrap(line.text.clone(), mono.clone(), Color32::WHITE);
            galley.size().x
        };
        let texts = all().map(figure).fold(0.0, f32::max);
        let sources = all().map(|line| text_width(ui, &line.source)).fold(0.0, f32::max);
        text_width(ui, "accuracy") + texts + sources + 2.0 * SPACING
    }

    /// Draws the figures with their sources behind them, or below where there is little room.
    fn table(&self, ui: &mut Ui, is_wide: bool) {
        let weak = colors(ui).weak;
        if !is_wide {
            self.lines(ui);
            return;
        }
        Grid::new("evidence").num_columns(3).spacing([SPACING, 3.0]).show(ui, |ui| {
            for (name, lines) in [("accuracy", &self.accuracy), ("latency", &self.latency)] {
                for (at, Line { text, source }) in lines.iter().enumerate() {
                    ui.label(RichText::new(if at == 0 { name } else { "" }).color(weak));
                    let text = RichText::new(text).monospace();
                    let source = RichText::new(source).color(weak);
                    ui.label(text);
                    ui.label(source);
                    ui.end_row();
                }
            }
        });
    }

    /// Draws the figures with their sources below.
    fn lines(&self, ui: &mut Ui) {
        let weak = colors(ui).weak;
        for (name, lines) in [("accuracy", &self.accuracy), ("latency", &self.latency)] {
            for Line { text, source } in lines {
                ui.horizontal_wrapped(|ui| {
                    ui.label(RichText::new(name).color(weak));
                    ui.label(RichText::new(text).monospace());
                    ui.label(RichText::new(source).color(weak).small());
                });
            }
        }
    }

    fn update(&mut self, network: Named<'_>, base: Option<Named<'_>>, model: &Model) {
        let base = base.filter(|(_, base)| base.fingerprint != network.1.fingerprint);
        let reading = model.results.reading.to_string();
        let parts = |(name, network): Named<'_>| (name.to_owned(), network.fingerprint.clone());
        let (own, of_base) = (parts(network), base.map(parts).unwrap_or_default());
        let key = [reading, own.0, own.1, of_base.0, of_base.1];
        if self.key.as_ref() == Some(&key) {
            return;
        }
        self.key = Some(key);
        self.accuracy = lines(network, base, model, accuracy);
        self.latency = lines(network, base, model, latency);
    }
}

/// Draws the ways to find out, of which a browser has none.
pub(crate) fn buttons(ui: &mut Ui, commands: &mut Commands) {
    if IN_BROWSER {
        return;
    }
    ui.horizontal(|ui| {
        for (button, pane) in [("Train…", Pane::Train), ("Measure…", Pane::Run)] {
            if ui.small_button(button).clicked() {
                commands.push(Command::Show(pane));
            }
        }
        let hint = "Read accuracies and latencies from a CSV file";
        if ui.small_button("Import…").on_hover_text(hint).clicked() {
            commands.push(Command::AskToImport);
        }
    });
}

/// What is known of a network; if nothing is, that, and the first figure of the one that it is made of.
fn lines(
    network: Named<'_>,
    base: Option<Named<'_>>,
    model: &Model,
    figures: fn(Named<'_>, &Model) -> Vec<Figure>,
) -> Vec<Line> {
    let found = figures(network, model);
    if !found.is_empty() {
        return found.into_iter().map(Line::new).collect();
    }
    let unknown = Line { text: "unknown".to_owned(), source: String::new() };
    let of_base = base.and_then(|base| figures(base, model).into_iter().next());
    [unknown].into_iter().chain(of_base.map(Line::of_base)).collect()
}

/// Top-1 accuracies: of training runs, then imported ones and the published one.
fn accuracy((name, network): Named<'_>, model: &Model) -> Vec<Figure> {
    let results = &model.results;
    let trained = results.trained_on().into_iter().filter_map(|on| {
        let runs = results.trained(&network.fingerprint, &on);
        let top1 = Value::trained_top1(&runs)?.estimate;
        let with = format!("{}, {}", on.label(), counted(runs.len(), "seed", "seeds"));
        Some(Figure { text: with_interval(top1, "%"), kind: "trained", with })
    });
    let published = network.architecture.comparable().and_then(|published| published.top1);
    let published = published.map(|top1| Figure {
        text: format!("{}%", decimals(top1, 1)),
        kind: "published",
        with: String::new(),
    });
    let imported = results.imported(name, network).into_iter().rev().filter_map(|result| {
        let text = format!("{}%", decimals(result.top1?, 2));
        let dataset = result.dataset.iter().map(String::as_str);
        let with: Vec<&str> = dataset.chain([&*result.source]).collect();
        Some(Figure { text, kind: "imported", with: with.join(", ") })
    });
    trained.take(MOST).chain(imported.take(MOST)).chain(published).collect()
}

/// Latencies, each with the way in which it was measured; the latest first, then those that are predicted for other
/// configurations, and imported ones.
fn latency((name, network): Named<'_>, model: &Model) -> Vec<Figure> {
    let known = model.results.of(&network.fingerprint);
    let is_measured = |runtime: &Runtime| known.iter().any(|it| it.runtime == *runtime);
    let predictors = model.results.predictors.iter().filter(|it| !is_measured(it.runtime()));
    let predicted = predictors.filter_map(|predictor| {
        let value = predictor.predict(&network.architecture.graph).ok()?;
        Some(Figure {
            text: with_interval(value.estimate, " ms"),
            kind: PREDICTED,
            with: way(predictor.runtime()),
        })
    });
    let measured = known.iter().copied().rev().take(MOST);
    let figure = |measurement: &Measurement| Figure {
        text: with_interval(measurement.latency_ms.median, " ms"),
        kind: "measured",
        with: way(&measurement.runtime),
    };
    let imported = model.results.imported(name, network).into_iter().rev().filter_map(|result| {
        let text = format!("{} ms", decimals(result.latency_ms?, 2));
        Some(Figure { text, kind: "imported", with: result.source.clone() })
    });
    measured.map(figure).chain(predicted.take(MOST)).chain(imported.take(MOST)).collect()
}

fn way(runtime: &Runtime) -> String {
    let Runtime { engine, batch, threads, .. } = runtime;
    let threads = counted(*threads as usize, "thread", "threads");
    format!("{engine}, batch {batch}, {threads}")
}

fn with_interval(estimate: Estimate, unit: &str) -> String {
    let Estimate { value, low, high } = estimate;
    let [value, low, high] = [value, low, high].map(|number| decimals(number, 2));
    format!("{value}{unit} ({low} to {high})")
}
