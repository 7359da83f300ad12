//! Networks of the list and of the space as a table.

use egui::{Align, Label, Layout, Link, RichText, Role, Ui, WidgetInfo};
use egui_extras::{Column as Width, TableBuilder, TableRow};
use inceptive_dsl::ColumnType;
use inceptive_format::{counted, exact};

use super::{
    Shared,
    data::{Data, Field},
    look::PlotSettings,
    picture::Kept,
    scatter::click,
    shortlist::Shortlist,
};
use crate::{
    actions::{Action, asked},
    command::{Command, Commands},
    jobs::{Cells, Job, TableRequest},
    panels::fields::{PathAnswer, ask_for_path},
    panels::sort::Sort,
};

const ROW: f32 = 21.0;

/// Widths of the columns of marks and pins, and of names.
const MARKS: f32 = 58.0;
const NAME: f32 = 170.0;

/// What the order of rows depends on: the filters, the column, the direction, and the pins.
type OrderKey = (u64, u64, Vec<u64>, Option<(Field, bool)>, u64);

/// What was clicked in a row, if anything was.
#[derive(Default)]
struct Clicked {
    marked: Option<usize>,
    pinned: Option<usize>,
    opened: Option<usize>,
}

/// The table.
pub struct PointTable {
    sort: Sort<Option<Field>>,
    order: Kept<OrderKey, Vec<u32>>,
    /// Another number whenever pins change.
    pins: u64,
    /// The path that is asked for.
    export: Option<String>,
    focuses: bool,
}

impl Default for PointTable {
    fn default() -> Self {
        let sort = Sort { by: None, is_descending: false };
        Self { sort, order: Kept::default(), pins: 0, export: None, focuses: false }
    }
}

impl PointTable {
    /// Draws the table.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        look: &mut PlotSettings,
        filters: u64,
        shared: &Shared<'_>,
        shortlist: &mut Shortlist,
        commands: &mut Commands,
    ) {
        let data = shared.data();
        let brushes = look.brushes.values().flatten().map(|end| end.to_bits()).collect();
        let by = self.sort.by.map(|field| (field, self.sort.is_descending));
        let view = shared.cloud.map_or(0, |view| view.version() + 1);
        let key = (filters, view, brushes, by, self.pins);
        let order = self.order.get(key, |_| order(look, shared, by, shortlist)).clone();
        ui.horizontal_wrapped(|ui| {
            let all = match shared.rows.runs.is_empty() {
                true => counted(data.len(), "network", "networks"),
                false => counted(data.len(), "row", "rows"),
            };
            ui.label(RichText::new(format!("{} of {all}", exact(order.len() as u64))).weak());
            let export = ui.add_enabled(!order.is_empty(), egui::Button::new("Export CSV…"));
            let hint = "Write the rows that are shown to a CSV file";
            if export.on_hover_text(hint).clicked() || asked(ui.ctx(), Action::ExportTable) {
                let folder = std::env::current_dir().unwrap_or_default();
                self.export = Some(folder.join("networks.csv").display().to_string());
                self.focuses = true;
            }
            let runs = shared.model.results.training_runs.len();
            let runs = egui::Checkbox::new(&mut look.lists_runs, format!("training runs ({runs})"));
            ui.add(runs).on_hover_text("List each training run of the store, with its seed");
        });
        let clicked = self.rows(ui, &order, shared, shortlist);
        if let Some(row) = clicked.opened {
            let file = match data.run(row) {
                Some(run) => run.file.as_ref(),
                None => shared.rows.rows.get(row).map(|row| &row.file),
            };
            match file {
                Some(file) => click(ui, file, shared.model, commands),
                None if data.point(row).is_some() => shortlist.toggle(row, shared),
                None => {}
            }
        }
        if let Some(row) = clicked.marked {
            shortlist.toggle(row, shared);
        }
        if let Some(row) = clicked.pinned {
            shortlist.pin(shared.id(row));
            self.pins += 1;
        }
        self.ask(ui, &order, shared, commands);
    }

    /// Draws the rows; returns what was clicked.
    fn rows(
        &mut self,
        ui: &mut Ui,
        order: &[u32],
        shared: &Shared<'_>,
        shortlist: &Shortlist,
    ) -> Clicked {
        let data = shared.data();
        let fields = data.shown();
        let mut clicked = Clicked::default();
        egui::ScrollArea::horizontal().id_salt("points").show(ui, |ui| {
            let mut table = TableBuilder::new(ui)
                .id_salt(("points", fields.len()))
                .cell_layout(Layout::left_to_right(Align::Center))
                .striped(true)
                .resizable(true)
                .auto_shrink(false)
                .min_scrolled_height(0.0)
                .column(Width::exact(MARKS));
            for &field in &fields {
                let width = if field == Field::Name { NAME } else { width(field, shared) };
                table = table.column(Width::initial(width).at_least(40.0).clip(true));
            }
            let table = table.header(24.0, |mut header| {
                header.col(|_| {});
                for &field in &fields {
                    let is_number = is_number(&data, field);
                    let title = title(field, shared);
                    header.col(|ui| self.sort.title(ui, Some(field), &title, is_number));
                }
            });
            table.body(|body| {
                body.rows(ROW, order.len(), |mut row| {
                    let at = order[row.index()] as usize;
                    let id = shared.id(at);
                    let is_marked = shortlist.has(&id);
                    row.set_selected(is_marked);
                    let can_mark = data.run(at).is_none();
                    let is = [is_marked, shortlist.is_pinned(&id)];
                    let [marks, pins] = marks(&mut row, &data.name(at), can_mark, is);
                    clicked.marked = clicked.marked.or(marks.then_some(at));
                    clicked.pinned = clicked.pinned.or(pins.then_some(at));
                    for &field in &fields {
                        if cell(&mut row, &data, field, at) {
                            clicked.opened = Some(at);
                        }
                    }
                });
            });
        });
        clicked
    }

    /// Asks where to write the rows.
    fn ask(&mut self, ui: &Ui, rows: &[u32], shared: &Shared<'_>, commands: &mut Commands) {
        let Self { export: Some(path), focuses, .. } = self else { return };
        match ask_for_path(ui, "Export the table", path, focuses) {
            PathAnswer::None => return,
            PathAnswer::Cancelled => {}
            PathAnswer::Path(path) => {
                let columns = columns(&shared.data(), rows).into();
                let request = TableRequest { path, columns, inputs: shared.model.inputs() };
                commands.push(Command::Start(Job::Table(request)));
            }
        }
        self.export = None;
    }
}

/// The rows that are shown: pinned ones first, then by the column; unknown values are last.
fn order(
    look: &PlotSettings,
    shared: &Shared<'_>,
    by: Option<(Field, bool)>,
    shortlist: &Shortlist,
) -> Vec<u32> {
    let data = shared.data();
    let networks = shared.rows.rows.len();
    let of_list = shared.rows.rows.iter().enumerate();
    let of_list = of_list.filter(|(_, row)| row.is_shown && look.is_brushed(row));
    let mut rows: Vec<u32> = of_list.map(|(at, _)| at as u32).collect();
    if let Some(view) = shared.cloud {
        rows.extend(view.kept().iter().map(|&at| at + networks as u32));
    }
    let runs = shared.rows.runs.iter().enumerate().filter(|(_, run)| run.is_shown);
    let before = networks + data.points();
    rows.extend(runs.map(|(at, _)| (before + at) as u32));
    if let Some((field, is_descending)) = by {
        let directed = |order: std::cmp::Ordering| match is_descending {
            true => order.reverse(),
            false => order,
        };
        if is_number(&data, field) {
            let keyed = rows.iter().map(|&row| (data.value(field, row as usize), row));
            let mut keyed: Vec<(f64, u32)> = keyed.collect();
            keyed.sort_by(|(a, _), (b, _)| {
                a.is_nan().cmp(&b.is_nan()).then_with(|| directed(a.total_cmp(b)))
            });
            rows = keyed.into_iter().map(|(_, row)| row).collect();
        } else {
            let words = |row: u32| data.words(field, row as usize);
            rows.sort_by(|&a, &b| {
                let (a, b) = (words(a), words(b));
                a.is_none().cmp(&b.is_none()).then_with(|| directed(a.cmp(&b)))
            });
        }
    }
    if shortlist.has_pins() {
        rows.sort_by_key(|&row| !shortlist.is_pinned(&shared.id(row as usize)));
    }
    rows
}

/// Draws the mark and the pin as they are; returns which of them was clicked.
fn marks(
    row: &mut TableRow<'_, '_>,
    name: &str,
    can_mark: bool,
    [is_marked, is_pinned]: [bool; 2],
) -> [bool; 2] {
    let mut clicked = [false; 2];
    row.col(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let mut now = is_marked;
        let mark = ui.add_enabled(can_mark, egui::Checkbox::without_text(&mut now));
        let mark = mark.on_hover_text("Add to the shortlist");
        mark.widget_info(|| {
            WidgetInfo::selected(Role::CheckBox, can_mark, is_marked, format!("Mark {name}"))
        });
        let pin = ui.selectable_label(is_pinned, "pin").on_hover_text("Keep at the top");
        pin.widget_info(|| {
            WidgetInfo::selected(Role::Button, true, is_pinned, format!("Pin {name}"))
        });
        clicked = [mark.clicked(), pin.clicked()];
    });
    clicked
}

/// Draws a cell; returns whether it was clicked.
fn cell(row: &mut TableRow<'_, '_>, data: &Data<'_>, field: Field, at: usize) -> bool {
    let mut is_clicked = false;
    let text = data.cell(field, at);
    row.col(|ui| match field {
        Field::Name => {
            let title = data.words(Field::Title, at).unwrap_or_default();
            is_clicked = ui.add(Link::new(text)).on_hover_text(title).clicked();
        }
        _ if is_number(data, field) => {
            let text = RichText::new(text).monospace();
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(text));
        }
        _ => {
            ui.add(Label::new(text).truncate());
        }
    });
    is_clicked
}

fn is_number(data: &Data<'_>, field: Field) -> bool {
    data.holds(field) == ColumnType::Number
}

fn title(field: Field, shared: &Shared<'_>) -> String {
    Data::title(field, &shared.names)
}

fn width(field: Field, shared: &Shared<'_>) -> f32 {
    // About seven pixels for each letter, and room for the arrow.
    (title(field, shared).chars().count() as f32).mul_add(7.0, 26.0).clamp(64.0, 190.0)
}

/// The rows as columns of a file: numbers as they are counted or measured.
fn columns(data: &Data<'_>, rows: &[u32]) -> Vec<(String, Cells)> {
    let names = data.columns();
    let titled = |field: Field| {
        let known = names.iter().rev().find(|(_, known)| *known == field);
        known.map_or_else(String::new, |(name, _)| name.clone())
    };
    let cells = |field: Field| match data.holds(field) {
        ColumnType::Number => {
            Cells::Numbers(rows.iter().map(|&row| data.value(field, row as usize)).collect())
        }
        ColumnType::Text => {
            let text = |&row: &u32| match field {
                Field::Name => data.name(row as usize),
                _ => data.words(field, row as usize).unwrap_or_default().to_owned(),
            };
            Cells::Texts(rows.iter().map(text).collect())
        }
    };
    data.shown().into_iter().map(|field| (titled(field), cells(field))).collect()
}
