//! The controls for axes and filters.

use egui::{ComboBox, DragValue, Role, TextEdit, Ui, WidgetInfo};
use inceptive_cost::Convention;
use inceptive_report::space_axes;
use inceptive_results::Metric;

use super::{
    View,
    look::{ColorBy, PlotSettings},
    metric::AxisMetric,
    rows::{Rows, chosen},
    scatter::Scatter,
};
use crate::{
    command::{Command, Commands},
    jobs::{CloudRequest, Job},
    model::Model,
};

/// Room for the choice of accuracies with its label, in points.
const ACCURACY_WIDTH: f32 = 240.0;

/// Draws the choices.
pub fn ui(
    ui: &mut Ui,
    (look, view, scatter, most): (&mut PlotSettings, &mut View, &mut Scatter, &mut usize),
    rows: &Rows,
    model: &Model,
    commands: &mut Commands,
) {
    let convention = model.settings.convention();
    ui.horizontal_wrapped(|ui| {
        for (axis, name) in ["x axis", "y axis"].into_iter().enumerate() {
            let before = look.metrics[axis];
            metric_choice(ui, name, &mut look.metrics[axis], rows, convention);
            if look.metrics[axis] != before {
                look.is_log[axis] = look.metrics[axis].is_log();
            }
            ui.checkbox(&mut look.is_log[axis], "log").on_hover_text("Logarithmic scale");
            ui.separator();
        }
        size_choice(ui, look, rows, convention);
        color_choice(ui, look, rows, convention);
    });
    ui.horizontal_wrapped(|ui| {
        for (choice, name) in
            [(View::Both, "Both"), (View::Scatter, "Scatter"), (View::Parallel, "Parallel")]
        {
            ui.selectable_value(view, choice, name);
        }
        ui.separator();
        let filter =
            TextEdit::singleline(&mut look.filter).hint_text("Filter").desired_width(100.0);
        ui.add(filter)
            .on_hover_text("Filter by words in the name of the file or network")
            .widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter networks"));
        if ui.add_enabled(!look.brushes.is_empty(), egui::Button::new("Clear filters")).clicked() {
            look.brushes.clear();
        }
        let fit = ui.add_enabled(scatter.is_zoomed(), egui::Button::new("Fit"));
        if fit.on_hover_text("Fit all points").clicked() {
            scatter.fit();
        }
        way_choice(ui, look, rows);
        accuracy_choice(ui, look, scatter, rows);
        cloud(ui, (look, most), model, commands);
    });
}

/// A choice with a name before it.
fn labelled(ui: &mut Ui, name: &str, shown: &str, width: f32, list: impl FnOnce(&mut Ui)) {
    let label = ui.label(name);
    let combo = ComboBox::from_id_salt(name).selected_text(shown).width(width).height(480.0);
    let combo = combo.truncate();
    combo.show_ui(ui, list).response.labelled_by(label.id);
}

/// Every metric, the main ones first.
fn offered() -> impl Iterator<Item = Metric> {
    let (main, others): (Vec<Metric>, Vec<Metric>) =
        Metric::ALL.into_iter().partition(|metric| metric.is_main());
    main.into_iter().chain(others)
}

fn metric_choice(
    ui: &mut Ui,
    name: &str,
    metric: &mut Metric,
    rows: &Rows,
    convention: Convention,
) {
    let now = *metric;
    labelled(ui, name, &rows.title(now, convention), 160.0, |ui| {
        for choice in offered() {
            ui.selectable_value(metric, choice, rows.title(choice, convention));
        }
    });
}

fn size_choice(ui: &mut Ui, look: &mut PlotSettings, rows: &Rows, convention: Convention) {
    let shown = look.size.map_or_else(|| "same".to_owned(), |it| rows.title(it, convention));
    labelled(ui, "size", &shown, 100.0, |ui| {
        ui.selectable_value(&mut look.size, None, "same");
        for metric in offered() {
            ui.selectable_value(&mut look.size, Some(metric), rows.title(metric, convention));
        }
    });
}

fn color_choice(ui: &mut Ui, look: &mut PlotSettings, rows: &Rows, convention: Convention) {
    let shown = match look.color {
        ColorBy::Family => "family".to_owned(),
        ColorBy::Metric(metric) => rows.title(metric, convention),
    };
    labelled(ui, "colour", &shown, 100.0, |ui| {
        ui.selectable_value(&mut look.color, ColorBy::Family, "family");
        for metric in offered() {
            let choice = ColorBy::Metric(metric);
            ui.selectable_value(&mut look.color, choice, rows.title(metric, convention));
        }
    });
}

/// Which latencies: those of different engines, batches and threads never share an axis.
fn way_choice(ui: &mut Ui, look: &mut PlotSettings, rows: &Rows) {
    let Some(shown) = chosen(&rows.ways, look.way.as_deref()) else { return };
    ui.separator();
    let shown = shown.label();
    labelled(ui, "latency with", &shown, 150.0, |ui| {
        for way in &rows.ways {
            let label = way.label();
            if ui.selectable_label(label == shown, &label).clicked() {
                look.way = Some(label);
            }
        }
    });
}

/// Which accuracies: published ones and those of each data set and recipe never share an axis or a front.
fn accuracy_choice(ui: &mut Ui, look: &mut PlotSettings, scatter: &mut Scatter, rows: &Rows) {
    if rows.trained.is_empty() {
        return;
    }
    match ui.available_size_before_wrap().x < ACCURACY_WIDTH {
        true => ui.end_row(),
        false => {
            ui.separator();
        }
    }
    let before = look.trained.clone();
    let title = |label: &str| format!("trained: {label}");
    let shown = rows.accuracy().map_or_else(|| "published".to_owned(), title);
    labelled(ui, "accuracy", &shown, 150.0, |ui| {
        ui.selectable_value(&mut look.trained, None, "published");
        for (on, label) in &rows.trained {
            ui.selectable_value(&mut look.trained, Some(on.exact_label()), title(label));
        }
    });
    if look.trained != before {
        look.brushes.retain(|metric, _| !metric.is_accuracy());
        scatter.fit();
    }
}

/// Networks of the current space as a cloud.
fn cloud(
    ui: &mut Ui,
    (look, most): (&mut PlotSettings, &mut usize),
    model: &Model,
    commands: &mut Commands,
) {
    let Some(entry) = model.current() else { return };
    let Some(space) = entry.space() else { return };
    ui.separator();
    let counts = DragValue::new(most).range(100..=100_000).speed(100.0).suffix(" networks");
    ui.add(counts).on_hover_text("Maximum number of networks to count");
    let is_counting = model.jobs.active().any(|state| matches!(state.job, Job::Cloud(_)));
    let button = egui::Button::new("Draw the space");
    if ui
        .add_enabled(!is_counting, button)
        .on_hover_text(
            "Count a sample of the space's networks (the same sample as in a report) and plot it",
        )
        .clicked()
    {
        if !space.objectives.is_empty() {
            look.metrics = space_axes(&space.objectives);
            look.is_log = look.metrics.map(AxisMetric::is_log);
        }
        let (file, space) = (entry.file.clone(), space.clone());
        commands.push(Command::Start(Job::Cloud(CloudRequest { file, space, most: *most })));
    }
}
