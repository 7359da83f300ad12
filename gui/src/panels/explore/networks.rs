//! The networks that were counted as a table.

use egui::{Align, Label, Layout, Role, ScrollArea, Sense, Ui, WidgetInfo};
use egui_extras::{Column as Width, TableBuilder, TableRow};
use inceptive_app::SpacePoints;
use inceptive_format::exact;
use inceptive_results::Metric;

use super::{
    density::value,
    plot::{Area, is_inside},
};
use crate::{
    jobs::CountedNetworks,
    panels::{sort::Sort, tradeoff::picture::Kept},
};

const ROW: f32 = 21.0;

/// Width of the numbers of rows.
const NUMBER: f32 = 46.0;

/// Which networks the table lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Listed {
    /// Those that no other network beats.
    #[default]
    Front,
    /// All, or some that were drawn at random.
    Sample,
}

impl Listed {
    pub const fn points(self, counted: &CountedNetworks) -> &SpacePoints {
        match self {
            Self::Front => &counted.front,
            Self::Sample => &counted.sample,
        }
    }
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Variable(usize),
    Metric(Metric),
    /// How many networks have the same objectives.
    Equal,
}

/// What the order of rows depends on.
type Key = (usize, Listed, Option<[[u64; 2]; 2]>, [Metric; 2], Option<(Column, bool)>);

/// The table.
pub(super) struct Table {
    sort: Sort<Option<Column>>,
    order: Kept<Key, Vec<u32>>,
}

impl Default for Table {
    fn default() -> Self {
        Self { sort: Sort { by: None, is_descending: false }, order: Kept::default() }
    }
}

impl Table {
    /// How many networks were listed last.
    pub fn len(&self) -> usize {
        self.order.0.as_ref().map_or(0, |(_, order)| order.len())
    }

    /// Draws the networks in the box; returns the place of the one that was clicked.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        counted: &CountedNetworks,
        listed: Listed,
        (area, axes): (Option<Area>, [Metric; 2]),
        chosen: Option<&[usize]>,
    ) -> Option<usize> {
        let points = listed.points(counted);
        let columns = columns(counted, listed);
        if self.sort.by.is_some_and(|by| !columns.contains(&by)) {
            self.sort.by = None;
        }
        let by = self.sort.by.map(|by| (by, self.sort.is_descending));
        let bits = area.map(|area| area.map(|ends| ends.map(f64::to_bits)));
        let key = (std::ptr::from_ref(counted) as usize, listed, bits, axes, by);
        let order = self.order.get(key, |_| order(counted, listed, (area, axes), by)).clone();
        if order.is_empty() {
            ui.weak("No network of this list is in the box.");
            return None;
        }
        let mut clicked = None;
        ScrollArea::horizontal().id_salt("counted networks").show(ui, |ui| {
            let mut table = TableBuilder::new(ui)
                .id_salt(("counted networks", columns.len()))
                .cell_layout(Layout::left_to_right(Align::Center))
                .striped(true)
                .resizable(true)
                .sense(Sense::click())
                .auto_shrink(false)
                .min_scrolled_height(0.0)
                .column(Width::exact(NUMBER));
            for &column in &columns {
                let width = width(counted, column);
                table = table.column(Width::initial(width).at_least(40.0).clip(true));
            }
            let table = table.header(24.0, |mut header| {
                header.col(|_| {});
                for &column in &columns {
                    let is_number = is_number(counted, column);
                    let title = title(counted, column);
                    header.col(|ui| self.sort.title(ui, Some(column), &title, is_number));
                }
            });
            table.body(|body| {
                body.rows(ROW, order.len(), |mut row| {
                    let (number, at) = (row.index() + 1, order[row.index()] as usize);
                    let is_chosen = chosen.is_some_and(|chosen| *chosen == *points.point(at));
                    row.set_selected(is_chosen);
                    if first(&mut row, number, is_chosen) {
                        clicked = Some(at);
                    }
                    for &column in &columns {
                        cell(&mut row, counted, listed, column, at);
                    }
                    if row.response().clicked() {
                        clicked = Some(at);
                    }
                });
            });
        });
        clicked
    }
}

/// The number of a row, which chooses it by the keyboard, too.
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

/// Variables, the objectives, and then the costs that are asked for most.
fn columns(counted: &CountedNetworks, listed: Listed) -> Vec<Column> {
    let variables = (0..counted.request.space.variables.len()).map(Column::Variable);
    let mut metrics: Vec<Metric> =
        counted.counts.objectives.iter().map(|objective| objective.metric).collect();
    for metric in [Metric::Params, Metric::Macs, Metric::Acts, Metric::PeakActivationBytes] {
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
    metrics.retain(|&metric| counted.sample.counts(metric).is_some());
    let equal = (listed == Listed::Front && counted.equal.iter().any(|&equal| equal > 1))
        .then_some(Column::Equal);
    variables.chain(metrics.into_iter().map(Column::Metric)).chain(equal).collect()
}

fn title(counted: &CountedNetworks, column: Column) -> String {
    match column {
        Column::Variable(at) => counted.request.space.variables[at].name.clone(),
        Column::Metric(metric) => metric.label().to_owned(),
        Column::Equal => "equal networks".to_owned(),
    }
}

/// The width of a column: about seven pixels for each letter, and room for the arrow.
fn width(counted: &CountedNetworks, column: Column) -> f32 {
    let letters = |text: &str| text.chars().count() as f32;
    let title = letters(&title(counted, column)).mul_add(7.0, 26.0);
    match column {
        Column::Variable(at) => {
            let values = counted.request.space.variables[at].values.iter();
            let longest = values.map(|value| letters(&value.label)).fold(0.0, f32::max);
            title.max(longest.mul_add(7.5, 12.0)).clamp(60.0, 160.0)
        }
        Column::Metric(_) | Column::Equal => title.clamp(98.0, 190.0),
    }
}

fn is_number(counted: &CountedNetworks, column: Column) -> bool {
    match column {
        Column::Variable(at) => {
            let values = &counted.request.space.variables[at].values;
            values.iter().all(|value| value.number().is_some())
        }
        Column::Metric(_) | Column::Equal => true,
    }
}

fn cell(
    row: &mut TableRow<'_, '_>,
    counted: &CountedNetworks,
    listed: Listed,
    column: Column,
    at: usize,
) {
    let points = listed.points(counted);
    let text = match column {
        Column::Variable(variable) => {
            let values = &counted.request.space.variables[variable].values;
            let choice = values.get(usize::from(points.choices(variable)[at]));
            choice.map(|choice| choice.label.clone()).unwrap_or_default()
        }
        Column::Metric(metric) => {
            points.counts(metric).map(|counts| metric.exact(counts[at])).unwrap_or_default()
        }
        Column::Equal => counted.equal.get(at).map(|&equal| exact(equal)).unwrap_or_default(),
    };
    row.col(|ui| match is_number(counted, column) {
        true => {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add(Label::new(egui::RichText::new(text).monospace()).selectable(false));
            });
        }
        false => {
            ui.add(Label::new(text).truncate().selectable(false));
        }
    });
}

/// The networks in the box, sorted.
fn order(
    counted: &CountedNetworks,
    listed: Listed,
    (area, [x, y]): (Option<Area>, [Metric; 2]),
    by: Option<(Column, bool)>,
) -> Vec<u32> {
    let points = listed.points(counted);
    let is_in = |at: &u32| {
        let at = *at as usize;
        area.is_none() || is_inside(area, value(points, at, x), value(points, at, y))
    };
    let mut order: Vec<u32> = (0..points.len() as u32).filter(is_in).collect();
    let Some((column, is_descending)) = by else { return order };
    let key = |at: u32| -> u64 {
        let at = at as usize;
        match column {
            Column::Variable(variable) => u64::from(points.choices(variable)[at]),
            Column::Metric(metric) => points.counts(metric).map_or(0, |counts| counts[at]),
            Column::Equal => counted.equal.get(at).copied().unwrap_or_default(),
        }
    };
    match is_descending {
        true => order.sort_by_key(|&at| std::cmp::Reverse(key(at))),
        false => order.sort_by_key(|&at| key(at)),
    }
    order
}
