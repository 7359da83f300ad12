//! What is known about the accuracy and the latency of a network, and how it is known.

use egui::{Grid, RichText, Ui};
use inceptive_app::Inspected;
use inceptive_format::{counted, decimals};
use inceptive_results::{Measurement, Runtime, Value, statistics::Estimate};

use crate::{
    command::{Command, Commands},
    model::Model,
    pane::Pane,
    theme::colors,
};

/// Figures of a kind that are listed.
const MOST: usize = 3;

/// A figure, and how it is known.
#[derive(Clone, Debug, PartialEq)]
struct Figure {
    text: String,
    kind: String,
}

/// The figures of a network, looked up once for each change of the results.
#[derive(Default)]
pub struct Evidence {
    key: Option<(u64, String, Option<String>)>,
    accuracy: Vec<Figure>,
    latency: Vec<Figure>,
}

impl Evidence {
    /// Draws what is known of a network, or else of the one that it is made of, with buttons to find out.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        network: &Inspected,
        base: Option<&Inspected>,
        model: &Model,
        commands: &mut Commands,
    ) {
        self.update(network, base, model);
        Grid::new("evidence").num_columns(3).spacing([12.0, 3.0]).show(ui, |ui| {
            for (name, figures) in [("accuracy", &self.accuracy), ("latency", &self.latency)] {
                for (at, figure) in figures.iter().enumerate() {
                    ui.label(if at == 0 { name } else { "" });
                    ui.label(RichText::new(&figure.text).monospace());
                    ui.label(RichText::new(&figure.kind).color(colors(ui).weak));
                    ui.end_row();
                }
            }
        });
        ui.horizontal(|ui| {
            for (button, pane) in [("Train…", Pane::Train), ("Measure…", Pane::Run)] {
                if ui.small_button(button).clicked() {
                    commands.push(Command::Show(pane));
                }
            }
        });
    }

    fn update(&mut self, network: &Inspected, base: Option<&Inspected>, model: &Model) {
        let base = base.filter(|base| base.fingerprint != network.fingerprint);
        let of_base = base.map(|base| base.fingerprint.clone());
        let key = (model.results.reading, network.fingerprint.clone(), of_base);
        if self.key.as_ref() == Some(&key) {
            return;
        }
        self.key = Some(key);
        let known =
            |figures: fn(&Inspected, &Model) -> Vec<Figure>| {
                let mut found = figures(network, model);
                if found.is_empty() {
                    let unknown = Figure { text: "unknown".to_owned(), kind: String::new() };
                    found.push(unknown);
                    let of_base = base.and_then(|base| figures(base, model).into_iter().next());
                    found.extend(of_base.map(|Figure { text, kind }| Figure {
                        text,
                        kind: format!("base, {kind}"),
                    }));
                }
                found
            };
        self.accuracy = known(accuracy);
        self.latency = known(latency);
    }
}

/// Top-1 accuracies: of training runs, then the published one.
fn accuracy(network: &Inspected, model: &Model) -> Vec<Figure> {
    let results = &model.results;
    let trained = results.trained_on().into_iter().filter_map(|on| {
        let runs = results.trained(&network.fingerprint, &on);
        let top1 = Value::trained_top1(&runs)?.estimate;
        let seeds = counted(runs.len(), "seed", "seeds");
        let kind = format!("trained, {}, {seeds}", on.label());
        Some(Figure { text: with_interval(top1, 2, "%"), kind })
    });
    let published = network.architecture.comparable().and_then(|published| published.top1);
    let published = published.map(|top1| Figure {
        text: format!("{}%", decimals(top1, 1)),
        kind: "published".to_owned(),
    });
    trained.take(MOST).chain(published).collect()
}

/// Latencies, each with the way in which it was measured.
fn latency(network: &Inspected, model: &Model) -> Vec<Figure> {
    let measured = model.results.of(&network.fingerprint).into_iter().rev().take(MOST);
    let figure = |measurement: &Measurement| Figure {
        text: with_interval(measurement.latency_ms.median, 2, " ms"),
        kind: way(measurement),
    };
    measured.map(figure).collect()
}

fn way(measurement: &Measurement) -> String {
    let Runtime { engine, batch, threads, .. } = &measurement.runtime;
    let threads = counted(*threads as usize, "thread", "threads");
    format!("measured, {engine}, batch {batch}, {threads}")
}

fn with_interval(estimate: Estimate, places: usize, unit: &str) -> String {
    let Estimate { value, low, high } = estimate;
    let [value, low, high] = [value, low, high].map(|number| decimals(number, places));
    format!("{value}{unit} ({low} to {high})")
}
