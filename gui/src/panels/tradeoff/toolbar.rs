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
    format::exact,
    jobs::{CloudRequest, Job},
    model::Model,
    panels::{entries, keep_with_list},
};

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

/// Below this height, in points, the lists are hidden until they are asked for, so that there is room for plots.
const LOW: f32 = 460.0;

/// Actions that open a list of the plot.
const OF_LISTS: [Action; 4] =
    [Action::XAxis, Action::YAxis, Action::PointSize, Action::PointColour];

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
    /// Whether lists are shown where there is little room.
    pub shows_lists: &'a mut bool,
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
    let Controls { look, page, view, scatter, most, shows_lists } = controls;
    let variables = cloud.map(CloudView::variables);
    let names = Names { rows, variables, convention: model.settings.convention() };
    let is_low = ui.available_height() < LOW;
    *shows_lists |= OF_LISTS.iter().any(|action| is_chosen(ui.ctx(), *action));
    let has_lists = !is_low || *shows_lists || *page == Page::Table;
    if *page != Page::Table && has_lists {
        ui.horizontal_wrapped(|ui| plot_choices(ui, look, &names));
    }
    ui.horizontal_wrapped(|ui| {
        page_choice(ui, page);
        ui.separator();
        if *page != Page::Table {
            view_choice(ui, view);
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
            let can = scatter.is_zoomed() || has_any;
            let fit = ui.add_enabled(can, egui::Button::new("Fit"));
            let hint = "Fit all points that the filters let through";
            if fit.on_hover_text(hint).clicked() || asked(ui.ctx(), Action::FitPoints) {
                match has_any {
                    true => scatter.fit_shown(look, rows, cloud),
                    false => scatter.fit(),
                }
            }
        }
        if let Some(cloud) = cloud {
            shown(ui, look, page, scatter, cloud);
        }
        if is_low && *page != Page::Table {
            let hint = "Axes, size and colour of points, and which latencies and accuracies";
            ui.toggle_value(shows_lists, "Axes").on_hover_text(hint);
        }
        if has_lists {
            way_choice(ui, look, rows);
            accuracy_choice(ui, look, scatter, rows);
        }
        draw_space(ui, (look, most, scatter), model, commands);
    });
}

/// Draws the choices of the axes, and of the size and the colour of points.
fn plot_choices(ui: &mut Ui, look: &mut PlotSettings, names: &Names<'_>) {
    let [x, y, size, color] = plot_lists(names);
    for (axis, (action, list)) in [(Action::XAxis, x), (Action::YAxis, y)].into_iter().enumerate() {
        let now = PlotChoice::Axis(axis, look.axes[axis]);
        plot_choice(ui, (action, 160.0), now, list, look);
        ui.checkbox(&mut look.is_log[axis], "log").on_hover_text("Logarithmic scale");
        ui.separator();
    }
    let now = PlotChoice::Size(look.size);
    plot_choice(ui, (Action::PointSize, 100.0), now, size, look);
    let now = PlotChoice::Color(look.color);
    plot_choice(ui, (Action::PointColour, 100.0), now, color, look);
}

/// Draws the choice between plots and the table; an action that needs one of them shows it.
fn page_choice(ui: &mut Ui, page: &mut Page) {
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
}

/// Draws the choice of the plots.
fn view_choice(ui: &mut Ui, view: &mut View) {
    for (choice, name, action) in [
        (View::Both, "Both", Action::Both),
        (View::Scatter, "Scatter", Action::Scatter),
        (View::Parallel, "Parallel", Action::Parallel),
    ] {
        ui.selectable_value(view, choice, name);
        if asked(ui.ctx(), action) {
            *view = choice;
        }
    }
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
        let all = all.map(|(shown, name)| (shown, name.to_owned()));
        if let Some(shown) = entries(ui, "show", &look.shown, all) {
            look.shown = shown;
            scatter.fit();
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
    keep_with_list(ui, name, shown, width);
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

/// What can be chosen of the plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlotChoice {
    /// What an axis shows: the horizontal one is 0.
    Axis(usize, Quantity),
    /// What the size of points shows.
    Size(Option<Metric>),
    /// What their colour shows.
    Color(ColorBy),
}

impl PlotChoice {
    /// Takes the choice.
    pub fn apply(self, look: &mut PlotSettings) {
        match self {
            Self::Axis(axis, quantity) => {
                if look.axes[axis] != quantity {
                    (look.axes[axis], look.is_log[axis]) = (quantity, quantity.is_log());
                }
            }
            Self::Size(size) => look.size = size,
            Self::Color(color) => look.color = color,
        }
    }
}

/// The lists of the plot, each with its name, and with its choices and their names.
pub fn plot_lists(names: &Names<'_>) -> [(&'static str, Vec<(PlotChoice, String)>); 4] {
    let offered = names.offered();
    let quantities = |choice: &dyn Fn(Quantity) -> PlotChoice| -> Vec<(PlotChoice, String)> {
        offered.iter().map(|&quantity| (choice(quantity), names.title(quantity))).collect()
    };
    let metrics = offered.iter().filter_map(|quantity| quantity.metric());
    let size = |metric: Metric| (PlotChoice::Size(Some(metric)), names.title(metric.into()));
    let same = (PlotChoice::Size(None), "same".to_owned());
    let family = (PlotChoice::Color(ColorBy::Family), "family".to_owned());
    let colors = quantities(&|quantity| PlotChoice::Color(ColorBy::Metric(quantity)));
    [
        ("x axis", quantities(&|quantity| PlotChoice::Axis(0, quantity))),
        ("y axis", quantities(&|quantity| PlotChoice::Axis(1, quantity))),
        ("size", [same].into_iter().chain(metrics.map(size)).collect()),
        ("colour", [family].into_iter().chain(colors).collect()),
    ]
}

/// Draws a list of the plot.
fn plot_choice(
    ui: &mut Ui,
    (action, width): (Action, f32),
    now: PlotChoice,
    (name, all): (&str, Vec<(PlotChoice, String)>),
    look: &mut PlotSettings,
) {
    let shown = all.iter().find(|(choice, _)| *choice == now);
    let shown = shown.map(|(_, title)| title.clone()).unwrap_or_default();
    opened(ui, (name, action), &shown, width, |ui| {
        if let Some(choice) = entries(ui, name, &now, all) {
            choice.apply(look);
        }
    });
}

/// Which latencies: those of different engines, batches and threads never share an axis.
fn way_choice(ui: &mut Ui, look: &mut PlotSettings, rows: &Rows) {
    let Some(shown) = chosen(&rows.ways, look.way.as_deref()) else { return };
    ui.separator();
    let shown = shown.label();
    labelled(ui, "latency with", &shown, 150.0, |ui| {
        let all = rows.ways.iter().map(|way| (way.label(), way.label()));
        if let Some(label) = entries(ui, "latency with", &shown, all) {
            look.way = Some(label);
        }
    });
}

/// Which accuracies: published ones and those of each data set and recipe never share an axis or a front.
fn accuracy_choice(ui: &mut Ui, look: &mut PlotSettings, scatter: &mut Scatter, rows: &Rows) {
    if rows.trained.is_empty() {
        return;
    }
    ui.separator();
    let before = look.trained.clone();
    let title = |label: &str| format!("trained: {label}");
    let shown = rows.accuracy().map_or_else(|| "published".to_owned(), title);
    labelled(ui, "accuracy", &shown, 150.0, |ui| {
        let trained = rows.trained.iter();
        let trained = trained.map(|(on, label)| (Some(on.exact_label()), title(label)));
        let all = [(None, "published".to_owned())].into_iter().chain(trained);
        if let Some(trained) = entries(ui, "accuracy", &before, all) {
            look.trained = trained;
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
    let counts = counts
        .custom_formatter(|count, _| exact(count as u64))
        .custom_parser(|text| text.replace(',', "").trim().parse().ok());
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
