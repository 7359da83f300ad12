//! The networks of a search as a table.

use std::cmp::Ordering;

use egui::{Align, Color32, Label, Layout, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo};
use egui_extras::{Column as Width, TableBuilder, TableRow};
use inceptive_format::{exact, percent, significant};
use inceptive_results::{Exploration, Metric};

use super::{
    chosen::Point,
    explored::{Explored, Fate},
};
use crate::{
    panels::sort::Sort,
    theme::{Palette, colors},
};

const ROW: f32 = 21.0;

/// Width of the numbers of rows.
const NUMBER: f32 = 46.0;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Variable(usize),
    Metric(Metric),
    Epochs,
    Validation,
    Test,
    Interval,
    Probability,
    Fate,
}

impl Column {
    /// Title, width and meaning of a column that is no variable.
    fn about(self) -> (&'static str, f32, &'static str) {
        match self {
            Self::Variable(_) => ("", 0.0, "A variable of the space"),
            Self::Metric(metric) => (metric.label(), 90.0, metric.description()),
            Self::Epochs => ("epochs", 62.0, "Epochs that it was trained for with the first seed"),
            Self::Validation => {
                ("validation", 86.0, "Top-1 accuracy on validation images after them, in percent")
            }
            Self::Test => {
                ("test", 62.0, "Mean top-1 accuracy on test images over its seeds, in percent")
            }
            Self::Interval => {
                ("95% interval", 112.0, "Where the mean accuracy over all seeds lies")
            }
            Self::Probability => (
                "probability",
                88.0,
                "The probability that it is Pareto-optimal among the finalists, from the spread over seeds and the \
                 intervals of latencies",
            ),
            Self::Fate => ("result", 150.0, "What became of it"),
        }
    }

    const fn is_number(self) -> bool {
        !matches!(self, Self::Variable(_) | Self::Fate)
    }
}

/// The table.
pub(super) struct Outcomes {
    sort: Sort<Option<Column>>,
}

impl Default for Outcomes {
    fn default() -> Self {
        Self { sort: Sort { by: None, is_descending: false } }
    }
}

impl Outcomes {
    /// Draws the networks; returns the place of the one that was clicked.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        exploration: &Exploration,
        networks: &[Explored<'_>],
        chosen: Option<&Point>,
    ) -> Option<usize> {
        let columns = columns(exploration, networks);
        let order = self.order(networks);
        let mut clicked = None;
        ScrollArea::horizontal().id_salt("explored networks").show(ui, |ui| {
            let mut table = TableBuilder::new(ui)
                .id_salt(("explored networks", columns.len()))
                .cell_layout(Layout::left_to_right(Align::Center))
                .striped(true)
                .resizable(true)
                .sense(Sense::click())
                .auto_shrink(false)
                .min_scrolled_height(0.0)
                .column(Width::exact(NUMBER));
            for &column in &columns {
                let width = width(exploration, networks, column);
                table = table.column(Width::initial(width).at_least(40.0).clip(true));
            }
            let table = table.header(24.0, |mut header| {
                header.col(|_| {});
                for &column in &columns {
                    let (title, _, hover) = column.about();
                    let title = match column {
                        Column::Variable(at) => &exploration.space.variables[at],
                        _ => title,
                    };
                    let (_, response) = header
                        .col(|ui| self.sort.title(ui, Some(column), title, column.is_number()));
                    response.on_hover_text(hover);
                }
            });
            table.body(|body| {
                body.rows(ROW, order.len(), |mut row| {
                    let at = order[row.index()];
                    let is_chosen =
                        chosen.is_some_and(|chosen| *chosen == networks[at].point(exploration));
                    row.set_selected(is_chosen);
                    if first(&mut row, at + 1, is_chosen) {
                        clicked = Some(at);
                    }
                    for &column in &columns {
                        cell(&mut row, column, networks, at);
                    }
                    if row.response().clicked() {
                        clicked = Some(at);
                    }
                });
            });
        });
        clicked
    }

    /// The places of networks: the front first, then other finalists, then by epochs and accuracy; or by a column.
    fn order(&self, networks: &[Explored<'_>]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..networks.len()).collect();
        let rank = |network: &Explored<'_>| {
            let outcome = network.outcome();
            let (on_front, probability) =
                outcome.map_or((false, None), |it| (it.on_front, it.probability));
            (on_front, probability.is_some(), network.epochs)
        };
        order.sort_by(|&a, &b| {
            let (a, b) = (&networks[a], &networks[b]);
            rank(b).cmp(&rank(a)).then_with(|| {
                let accuracy = |it: &Explored<'_>| it.validation.unwrap_or(f64::NEG_INFINITY);
                accuracy(b).total_cmp(&accuracy(a))
            })
        });
        let Some(by) = self.sort.by else { return order };
        order.sort_by(|&a, &b| {
            let (a, b) = (&networks[a], &networks[b]);
            match by {
                Column::Variable(at) => self.sort.directed(compared(value(a, at), value(b, at))),
                Column::Fate => self.sort.directed(fate(a).0.cmp(&fate(b).0)),
                _ => {
                    let [x, y] = [a, b].map(|it| number(it, by));
                    // Unknown values are last.
                    x.is_none().cmp(&y.is_none()).then_with(|| {
                        let values = x.unwrap_or_default().total_cmp(&y.unwrap_or_default());
                        self.sort.directed(values)
                    })
                }
            }
        });
        order
    }
}

/// The value of a variable.
fn value<'a>(network: &Explored<'a>, variable: usize) -> &'a str {
    network.network.values.get(variable).map_or("", String::as_str)
}

/// Numbers by their size, words by their letters.
fn compared(a: &str, b: &str) -> Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}

/// The columns with values.
fn columns(exploration: &Exploration, networks: &[Explored<'_>]) -> Vec<Column> {
    let variables = (0..exploration.space.variables.len()).map(Column::Variable);
    let objectives = exploration.request.objectives.iter().map(|objective| objective.metric);
    let mut metrics: Vec<Metric> = vec![];
    for metric in [Metric::Params, Metric::Macs, Metric::Latency].into_iter().chain(objectives) {
        let is_known = networks.iter().any(|network| network.cost(metric).is_some());
        if metric != Metric::Top1 && is_known && !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
    let has_outcomes = networks.iter().any(|network| network.outcome().is_some());
    let end = [Column::Test, Column::Interval, Column::Probability];
    let metrics = metrics.into_iter().map(Column::Metric);
    let of_end = end.into_iter().filter(|_| has_outcomes);
    // The result first: it is what people look for.
    variables
        .chain([Column::Fate])
        .chain(of_end)
        .chain(metrics)
        .chain([Column::Epochs, Column::Validation])
        .collect()
}

/// The width of a column: of a variable, as its longest value needs it.
fn width(exploration: &Exploration, networks: &[Explored<'_>], column: Column) -> f32 {
    let Column::Variable(at) = column else { return column.about().1 };
    let letters = |text: &str| text.chars().count() as f32;
    let title = letters(&exploration.space.variables[at]).mul_add(7.0, 26.0);
    let longest = networks.iter().map(|it| letters(value(it, at))).fold(0.0, f32::max);
    title.max(longest.mul_add(7.5, 12.0)).clamp(50.0, 160.0)
}

/// The number in a column.
fn number(network: &Explored<'_>, column: Column) -> Option<f64> {
    match column {
        Column::Metric(metric) => network.cost(metric).map(|cost| cost.value),
        Column::Epochs => Some(f64::from(network.epochs)),
        Column::Validation => network.validation,
        Column::Test => network.outcome().map(|outcome| outcome.top1.value),
        Column::Interval => network.outcome().map(|outcome| outcome.top1.high - outcome.top1.low),
        Column::Probability => network.outcome().and_then(|outcome| outcome.probability),
        Column::Variable(_) | Column::Fate => None,
    }
}

/// What became of a network in words, and whether that is good news.
pub(super) fn fate(network: &Explored<'_>) -> (String, fn(&Palette) -> Color32) {
    let weak: fn(&Palette) -> Color32 = |palette| palette.weak;
    let after = |what: &str| match network.epochs {
        0 => what.to_owned(),
        1 => format!("{what} after 1 epoch"),
        epochs => format!("{what} after {epochs} epochs"),
    };
    match network.fate {
        Fate::Waits => ("not trained".to_owned(), weak),
        Fate::Trains => ("training".to_owned(), |palette| palette.accent),
        Fate::Dropped => (after("dropped"), weak),
        Fate::Diverged => (after("diverged"), |palette| palette.error),
        Fate::Whole => ("trained, one seed".to_owned(), weak),
        Fate::Finalist(finalist) => {
            let on_front = network.outcome().is_some_and(|outcome| outcome.on_front);
            let place = if on_front { "front" } else { "dominated" };
            let knee = if finalist.is_knee { ", knee" } else { "" };
            let tie = if finalist.tied_with.is_some() { ", tie" } else { "" };
            let color: fn(&Palette) -> Color32 = match on_front {
                true => |palette| palette.good,
                false => weak,
            };
            (format!("{place}{knee}{tie}"), color)
        }
    }
}

/// The numbers of a network in words.
pub(super) fn facts(network: &Explored<'_>) -> String {
    let counts = [Metric::Params, Metric::Macs].map(|metric| {
        let count = network.cost(metric).map(|cost| metric.short(cost.value));
        format!("{}: {}", metric.label(), count.unwrap_or_default())
    });
    let accuracy = match (network.outcome(), network.validation) {
        (Some(outcome), _) => {
            Some(format!("test accuracy: {}", Metric::Top1.with_interval(outcome.top1)))
        }
        (None, Some(top1)) => Some(format!("validation accuracy: {top1:.2}%")),
        (None, None) => None,
    };
    counts.into_iter().chain(accuracy).collect::<Vec<_>>().join(", ")
}

/// The number of a network, which chooses it by the keyboard, too.
fn first(row: &mut TableRow<'_, '_>, number: usize, is_chosen: bool) -> bool {
    let mut is_clicked = false;
    row.col(|ui| {
        let label = ui.selectable_label(is_chosen, number.to_string());
        label.widget_info(|| {
            WidgetInfo::selected(Role::Button, true, is_chosen, format!("Network {number}"))
        });
        is_clicked = label.clicked();
    });
    is_clicked
}

fn cell(row: &mut TableRow<'_, '_>, column: Column, networks: &[Explored<'_>], at: usize) {
    let network = &networks[at];
    match column {
        Column::Variable(variable) => {
            row.col(|ui| {
                ui.add(Label::new(value(network, variable)).truncate().selectable(false));
            });
        }
        Column::Fate => {
            let (text, color) = fate(network);
            row.col(|ui| {
                let text = RichText::new(&text).color(color(colors(ui)));
                let label = ui.add(Label::new(text).truncate().selectable(false));
                if let Fate::Finalist(finalist) = network.fate
                    && let Some(other) = finalist.tied_with
                {
                    label.on_hover_text(format!(
                        "Tie: its accuracy cannot be told apart from that of network {}, which costs no more",
                        other + 1
                    ));
                }
            });
        }
        _ => {
            let text = written(network, column);
            row.col(|ui| {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.add(Label::new(RichText::new(text).monospace()).selectable(false));
                });
            });
        }
    }
}

/// A number as it is written.
fn written(network: &Explored<'_>, column: Column) -> String {
    let Some(value) = number(network, column) else { return "–".to_owned() };
    match column {
        Column::Metric(Metric::Latency) => significant(value),
        Column::Metric(_) => exact(value.round().max(0.0) as u64),
        Column::Epochs => value.to_string(),
        Column::Probability => percent(value),
        Column::Interval => network.outcome().map_or_else(String::new, |outcome| {
            format!("{:.2} to {:.2}", outcome.top1.low, outcome.top1.high)
        }),
        _ => format!("{value:.2}"),
    }
}
