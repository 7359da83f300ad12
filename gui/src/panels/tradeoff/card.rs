//! The details of a point, next to the pointer.

use egui::{Grid, RichText, Ui};
use inceptive_report::SpaceSample;
use inceptive_results::{Metric, statistics::Estimate};

use super::{Shared, cloud::CloudView, metric::AxisMetric, rows::Row};
use crate::format::NOT_COMPARED;

/// A network.
pub fn network(ui: &mut Ui, row: &Row, shared: &Shared<'_>, is_front: bool) {
    let Shared { rows, model, .. } = *shared;
    let architecture = &row.network.architecture;
    ui.set_max_width(380.0);
    ui.label(RichText::new(&architecture.name).strong());
    ui.label(RichText::new(model.name_of(&row.file).display().to_string()).weak());
    if let Some(description) = &architecture.description {
        ui.label(description);
    }
    if is_front {
        ui.label("On the Pareto front of these axes");
    }
    Grid::new("card").num_columns(2).spacing([16.0, 2.0]).show(ui, |ui| {
        for metric in Metric::ALL.into_iter().filter(|metric| metric.is_main()) {
            let Some(value) = row.get(metric) else { continue };
            line(ui, &rows.short_title(metric, model.settings.convention()), &text(metric, value));
        }
        let field = row.network.cost.receptive_field;
        line(ui, "receptive field", &field.to_string());
    });
    for (way, measurement) in rows.ways.iter().filter_map(|way| {
        let mut measured = model.results.of(&row.network.fingerprint).into_iter();
        Some((way, measured.find(|measurement| way.is_of(measurement))?))
    }) {
        let latency = text(Metric::Latency, measurement.latency_ms.median);
        ui.label(format!("measured: {latency}, {:?}", measurement.grade));
        ui.label(RichText::new(way.label()).weak());
    }
    if let Some(label) = rows.accuracy() {
        let seeds: Vec<String> = row.seeds.iter().map(ToString::to_string).collect();
        ui.label(match seeds.as_slice() {
            [] => format!("not trained: {label}"),
            [only] => format!("trained: {label}; seed {only}, interval over test images"),
            seeds => format!("trained: {label}; interval over seeds {}", seeds.join(", ")),
        });
        return;
    }
    match architecture.comparable() {
        Some(published) => {
            ui.label(format!("published: {}, 1 crop, {}", published.dataset, published.source));
            if let Some(note) = &published.note {
                ui.label(RichText::new(note).weak());
            }
        }
        None if architecture.published.is_empty() => {
            ui.label("no published accuracy");
        }
        None => {
            ui.label(NOT_COMPARED);
        }
    }
}

/// A network of a space.
pub fn cloud_point(ui: &mut Ui, view: &CloudView, at: usize) {
    ui.label(RichText::new(format!("A network of {}", view.cloud().counts.title)).strong());
    Grid::new("cloud card").num_columns(2).spacing([16.0, 2.0]).show(ui, |ui| {
        for (variable, value) in view.settings(at) {
            line(ui, &variable, &value);
        }
        for metric in SpaceSample::metrics() {
            let count = view.points().counts(metric).map_or(0, |counts| counts[at]);
            line(ui, metric.label(), &metric.exact(count));
        }
    });
    if !view.points().is_inside(at) {
        ui.label("Violates a constraint of the space.");
    }
}

/// A value, with its interval if it has one.
fn text(metric: Metric, value: Estimate) -> String {
    let median = metric.text(value.value);
    if value.low < value.high {
        format!("{median} ({} to {})", metric.text(value.low), metric.text(value.high))
    } else {
        median
    }
}

fn line(ui: &mut Ui, name: &str, value: &str) {
    ui.label(RichText::new(name).weak());
    ui.monospace(value);
    ui.end_row();
}
