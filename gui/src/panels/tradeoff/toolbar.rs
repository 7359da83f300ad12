//! The controls for axes and filters.

use egui::{ComboBox, DragValue, Popup, Response, Ui};
use inceptive_report::space_axes;
use inceptive_results::Metric;

use super::{
    Page, View,
    cloud::CloudView,
    filter,
    look::{ColorBy, PlotSettings, Shown},
    quantity::{Names, Quantity},
    rows::{Rows, chosen},
    scatter::Scatter,
};
use crate::{
    actions::{Action, asked, is_chosen},
    command::{Command, Commands},
    jobs::{CloudRequest, Job},
    model::Model,
};

/// Room for the choice of accuracies with its label, in points.
const ACCURACY_WIDTH: f32 = 240.0;

/// Actions that show the plots.
const OF_PLOTS: [Action; 8] = [
    Action::Both,
    Action::Scatter,
    Action::Parallel,
    Action::FitSpace,
    Action::XAxis,
    Action::YAxis,
    Action::PointSize,
    Action::PointColour,
];

/// What the controls change.
pub struct Controls<'a> {
    /// Axes, colours and filters.
    pub look: &'a mut PlotSettings,
    /// Plots, table, or both.
    pub page: &'a mut Page,
    /// Which plots.
    pub view: &'a mut View,
    /// Its zoom.
    pub scatter: &'a mut Scatter,
    /// Networks of a space that are counted at most.
    pub most: &'a mut usize,
}

/// Draws the choices.
pub fn ui(
    ui: &mut Ui,
    controls: Controls<'_>,
    rows: &Rows,
    cloud: Option<&CloudView>,
    model: &Model,
    commands: &mut Commands,
) {
    let Controls { look, page, view, scatter, most } = controls;
    let variables = cloud.map(CloudView::variables);
    let names = Names { rows, variables, convention: model.settings.convention() };
    if *page != Page::Table {
        ui.horizontal_wrapped(|ui| {
            let axes = [("x axis", Action::XAxis), ("y axis", Action::YAxis)];
            for (axis, (name, action)) in axes.into_iter().enumerate() {
                let before = look.axes[axis];
                axis_choice(ui, (name, action), &mut look.axes[axis], &names);
                if look.axes[axis] != before {
                    look.is_log[axis] = look.axes[axis].is_log();
                }
                ui.checkbox(&mut look.is_log[axis], "log").on_hover_text("Logarithmic scale");
                ui.separator();
            }
            size_choice(ui, look, &names);
            color_choice(ui, look, &names);
        });
    }
    ui.horizontal_wrapped(|ui| {
        for (choice, name, action) in [
            (Page::Plot, "Plot", Action::Plot),
            (Page::Table, "Table", Action::Table),
            (Page::Both, "Plot and table", Action::PlotAndTable),
        ] {
            ui.selectable_value(page, choice, name);
            if asked(ui.ctx(), action) {
                *page = choice;
            }
        }
        if *page == Page::Table && OF_PLOTS.iter().any(|action| is_chosen(ui.ctx(), *action)) {
            *page = Page::Plot;
        }
        if *page == Page::Plot && is_chosen(ui.ctx(), Action::ExportTable) {
            *page = Page::Both;
        }
        ui.separator();
        if *page != Page::Table {
            let views = [
                (View::Both, "Both", Action::Both),
                (View::Scatter, "Scatter", Action::Scatter),
                (View::Parallel, "Parallel", Action::Parallel),
            ];
            for (choice, name, action) in views {
                ui.selectable_value(view, choice, name);
                if asked(ui.ctx(), action) {
                    *view = choice;
                }
            }
            ui.separator();
        }
        filter::field(ui, &mut look.filter);
        let has_any = !look.brushes.is_empty() || !look.filter.is_empty();
        let clear = ui.add_enabled(has_any, egui::Button::new("Clear filters"));
        if clear.clicked() || asked(ui.ctx(), Action::ClearFilters) {
            look.brushes.clear();
            look.filter.clear();
        }
        if *page != Page::Table {
            let fit = ui.add_enabled(scatter.is_zoomed(), egui::Button::new("Fit"));
            if fit.on_hover_text("Fit all points").clicked() || asked(ui.ctx(), Action::FitPoints) {
                scatter.fit();
            }
        }
        if let Some(cloud) = cloud {
            shown(ui, look, page, scatter, cloud);
        }
        way_choice(ui, look, rows);
        accuracy_choice(ui, look, scatter, rows);
        draw_space(ui, (look, most, scatter), model, commands);
    });
}

/// Which points are shown, and the zoom to those of the space.
fn shown(
    ui: &mut Ui,
    look: &mut PlotSettings,
    page: &Page,
    scatter: &mut Scatter,
    cloud: &CloudView,
) {
    if *page != Page::Table && look.shown != Shown::Networks {
        let fit = ui.button("Fit space").on_hover_text("Zoom to the networks of the space");
        if fit.clicked() || asked(ui.ctx(), Action::FitSpace) {
            scatter.fit_space(look, cloud);
        }
    }
    let all = [
        (Shown::All, "list and space"),
        (Shown::Networks, "list only"),
        (Shown::Space, "space only"),
    ];
    let name = all.iter().find(|(shown, _)| *shown == look.shown).map_or("", |(_, name)| *name);
    labelled(ui, "show", name, 110.0, |ui| {
        for (shown, name) in all {
            if ui.selectable_value(&mut look.shown, shown, name).clicked() {
                scatter.fit();
            }
        }
    });
}

/// A choice with a name before it.
fn labelled(
    ui: &mut Ui,
    name: &str,
    shown: &str,
    width: f32,
    list: impl FnOnce(&mut Ui),
) -> Response {
    let label = ui.label(name);
    let combo = ComboBox::from_id_salt(name).selected_text(shown).width(width).height(480.0);
    let combo = combo.truncate();
    combo.show_ui(ui, list).response.labelled_by(label.id)
}

/// The same choice, which an action opens.
fn opened(
    ui: &mut Ui,
    (name, action): (&str, Action),
    shown: &str,
    width: f32,
    list: impl FnOnce(&mut Ui),
) {
    let choice = labelled(ui, name, shown, width, list);
    if asked(ui.ctx(), action) {
        // The name that `ComboBox` gives its list.
        Popup::open_id(ui.ctx(), choice.id.with("popup"));
        choice.request_focus();
    }
}

fn axis_choice(ui: &mut Ui, name: (&str, Action), axis: &mut Quantity, names: &Names<'_>) {
    let now = *axis;
    opened(ui, name, &names.title(now), 160.0, |ui| {
        for choice in names.offered() {
            ui.selectable_value(axis, choice, names.title(choice));
        }
    });
}

fn size_choice(ui: &mut Ui, look: &mut PlotSettings, names: &Names<'_>) {
    let title = |metric: Metric| names.title(metric.into());
    let shown = look.size.map_or_else(|| "same".to_owned(), title);
    opened(ui, ("size", Action::PointSize), &shown, 100.0, |ui| {
        ui.selectable_value(&mut look.size, None, "same");
        for metric in names.offered().into_iter().filter_map(Quantity::metric) {
            ui.selectable_value(&mut look.size, Some(metric), title(metric));
        }
    });
}

fn color_choice(ui: &mut Ui, look: &mut PlotSettings, names: &Names<'_>) {
    let shown = match look.color {
        ColorBy::Family => "family".to_owned(),
        ColorBy::Metric(quantity) => names.title(quantity),
    };
    opened(ui, ("colour", Action::PointColour), &shown, 100.0, |ui| {
        ui.selectable_value(&mut look.color, ColorBy::Family, "family");
        for quantity in names.offered() {
            let choice = ColorBy::Metric(quantity);
            ui.selectable_value(&mut look.color, choice, names.title(quantity));
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
        look.brushes.retain(|quantity, _| !quantity.is_accuracy());
        scatter.fit();
    }
}

/// Draws networks of the current space.
fn draw_space(
    ui: &mut Ui,
    (look, most, scatter): (&mut PlotSettings, &mut usize, &mut Scatter),
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
    let button = ui.add_enabled(!is_counting, button).on_hover_text(
        "Count a sample of the space's networks (the same sample as in a report) and plot it",
    );
    if button.clicked() || (asked(ui.ctx(), Action::DrawSpace) && !is_counting) {
        if !space.objectives.is_empty() {
            look.axes = space_axes(&space.objectives).map(Quantity::Metric);
            look.is_log = look.axes.map(Quantity::is_log);
            scatter.fit();
        }
        let (file, space) = (entry.file.clone(), space.clone());
        commands.push(Command::Start(Job::Cloud(CloudRequest { file, space, most: *most })));
    }
}
