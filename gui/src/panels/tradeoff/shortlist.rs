//! Networks that were marked in plots or in the table, to be compared, opened or saved.

use std::{collections::HashSet, sync::Arc};

use egui::{Button, Frame, Grid, RichText, Role, ScrollArea, Ui, WidgetInfo};
use inceptive_format::counted;
use inceptive_report::SpaceSample;

use super::{Shared, cloud::CloudView, save::SavePoints};
use crate::{
    command::{Command, Commands},
    file::FilePath,
    pane::Pane,
    theme::colors,
};

/// Networks that one box adds at most.
const MOST_OF_A_BOX: usize = 100;

/// Networks that are compared at most: their columns are side by side.
const MOST_COMPARED: usize = 12;

/// A network, whatever is drawn at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// A network of the list.
    File(FilePath),
    /// A network of a space: its file, and the variables with their values.
    OfSpace(FilePath, Vec<(String, String)>),
}

/// A row of the table, whatever is drawn at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RowId {
    /// A network.
    Network(Point),
    /// A training run, by its number in the store.
    Run(i64),
}

/// A network of the shortlist.
struct Entry {
    point: Point,
    name: String,
    /// Its variables and costs.
    facts: Vec<(String, String)>,
    /// Its place among the networks of the space that is drawn.
    place: Option<usize>,
}

/// The networks that were marked, and those that stay on top of the table.
#[derive(Default)]
pub struct Shortlist {
    entries: Vec<Entry>,
    marked: HashSet<Point>,
    pinned: HashSet<RowId>,
    /// The space that the places of entries are of.
    cloud: Option<usize>,
    /// What a box left out.
    note: Option<String>,
    save: SavePoints,
}

impl Shortlist {
    /// Finds the networks again if another space is drawn.
    pub fn update(&mut self, cloud: Option<&CloudView>) {
        let id = cloud.map(|view| Arc::as_ptr(view.cloud()) as usize);
        if self.cloud == id {
            return;
        }
        self.cloud = id;
        for entry in &mut self.entries {
            entry.place = match (&entry.point, cloud) {
                (Point::OfSpace(file, settings), Some(view)) => find(view, file, settings),
                _ => None,
            };
        }
    }

    /// Whether nothing is on it.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a row is on it.
    pub fn has(&self, row: &RowId) -> bool {
        matches!(row, RowId::Network(point) if self.marked.contains(point))
    }

    /// Whether a row stays on top of the table.
    pub fn is_pinned(&self, row: &RowId) -> bool {
        self.pinned.contains(row)
    }

    /// Whether any row stays on top of the table.
    pub fn has_pins(&self) -> bool {
        !self.pinned.is_empty()
    }

    /// Has a row stay on top of the table, or not.
    pub fn pin(&mut self, row: RowId) {
        if !self.pinned.remove(&row) {
            self.pinned.insert(row);
        }
    }

    /// The places of its networks among those of the space.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.entries.iter().filter_map(|entry| entry.place)
    }

    /// Adds a network of the table, or takes it off.
    pub fn toggle(&mut self, row: usize, shared: &Shared<'_>) {
        let RowId::Network(point) = shared.id(row) else { return };
        match self.marked.contains(&point) {
            true => self.remove(&point),
            false => self.add(row, shared),
        }
    }

    /// Adds a network of the table.
    pub fn add(&mut self, row: usize, shared: &Shared<'_>) {
        let RowId::Network(point) = shared.id(row) else { return };
        if !self.marked.insert(point.clone()) {
            return;
        }
        let data = shared.data();
        let mut facts = vec![];
        if let (Some(at), Some(view)) = (data.point(row), shared.cloud) {
            facts.extend(view.settings(at));
            if !view.points().is_inside(at) {
                facts.push(("constraints".to_owned(), "violated".to_owned()));
            }
        }
        for metric in SpaceSample::metrics() {
            let field = super::data::Field::Metric(metric);
            facts.push((metric.label().to_owned(), data.cell(field, row)));
        }
        let (name, place) = (data.name(row), data.point(row));
        self.entries.push(Entry { point, name, facts, place });
    }

    /// Adds networks of the space; of too many, those on the front and then evenly spread ones.
    pub fn add_box(&mut self, places: &[usize], front: &[usize], shared: &Shared<'_>) {
        let networks = shared.rows.rows.len();
        let inside: HashSet<usize> = places.iter().copied().collect();
        let best = front.iter().copied().filter(|at| inside.contains(at));
        let step = places.len().div_ceil(MOST_OF_A_BOX).max(1);
        let all: Vec<usize> = match places.len() > MOST_OF_A_BOX {
            false => places.to_vec(),
            true => best.chain(places.iter().copied().step_by(step)).collect(),
        };
        let before = self.entries.len();
        let mut seen = HashSet::new();
        let all = all.into_iter().filter(|at| seen.insert(*at)).take(MOST_OF_A_BOX);
        all.for_each(|at| self.add(networks + at, shared));
        let added = self.entries.len() - before;
        self.note = (places.len() > MOST_OF_A_BOX).then(|| {
            let text = counted(places.len(), "network", "networks");
            format!("{text} in the box; {added} added: the Pareto front, and others evenly.")
        });
    }

    fn remove(&mut self, point: &Point) {
        self.marked.remove(point);
        self.entries.retain(|entry| entry.point != *point);
        self.note = None;
    }

    fn clear(&mut self) {
        self.marked.clear();
        self.entries.clear();
        self.note = None;
    }

    /// Draws the list, the last one first.
    pub fn ui(&mut self, ui: &mut Ui, shared: &Shared<'_>, commands: &mut Commands) {
        ui.horizontal_wrapped(|ui| {
            ui.strong(format!("Shortlist ({})", self.entries.len()));
            if ui.button("Clear").on_hover_text("Remove all from the shortlist").clicked() {
                self.clear();
            }
        });
        ui.horizontal_wrapped(|ui| self.actions(ui, shared, commands));
        if self.entries.len() > MOST_COMPARED {
            let text = format!("Compare shows {MOST_COMPARED} networks at most.");
            ui.label(RichText::new(text).small().color(colors(ui).weak));
        }
        if let Some(note) = &self.note {
            ui.label(RichText::new(note.as_str()).small().color(colors(ui).warning));
        }
        ui.separator();
        let mut removed = None;
        ScrollArea::vertical().id_salt("shortlist").auto_shrink(false).show(ui, |ui| {
            for entry in self.entries.iter().rev() {
                let frame = Frame::group(ui.style()).inner_margin(6.0);
                frame.show(ui, |ui| {
                    ui.set_width(ui.available_width());
                    if card(ui, entry, shared, commands) {
                        removed = Some(entry.point.clone());
                    }
                });
            }
        });
        if let Some(point) = removed {
            self.remove(&point);
        }
        self.save.dialog(ui, commands);
    }

    fn actions(&mut self, ui: &mut Ui, shared: &Shared<'_>, commands: &mut Commands) {
        let files: Vec<FilePath> = self.entries.iter().filter_map(Entry::file).collect();
        let points: Vec<(FilePath, Vec<(String, String)>)> =
            self.entries.iter().filter_map(Entry::of_space).collect();
        let (written, count) = (files.len(), files.len() + points.len());
        let can = (2..=MOST_COMPARED).contains(&count);
        let title = if can { format!("Compare {count}") } else { "Compare".to_owned() };
        let compare = ui.add_enabled(can, Button::new(title));
        let hint = format!(
            "Compare 2 to {MOST_COMPARED} networks. Networks of a space become designs in the list."
        );
        if compare.on_hover_text(&hint).on_disabled_hover_text(hint).clicked() {
            commands.push(Command::Select(files));
            commands.push(Command::AddPoints(points.clone()));
            commands.push(Command::Show(Pane::Compare));
        }
        let save = ui.add_enabled(!points.is_empty(), Button::new("Save as files…"));
        let hint = "Save each network of a space as a file that extends the network of the space";
        let none = "The networks of the shortlist are files already";
        if save.on_hover_text(hint).on_disabled_hover_text(none).clicked() {
            self.save.open(points, written, shared.model);
        }
    }
}

impl Entry {
    fn file(&self) -> Option<FilePath> {
        match &self.point {
            Point::File(file) => Some(Arc::clone(file)),
            Point::OfSpace(..) => None,
        }
    }

    fn of_space(&self) -> Option<(FilePath, Vec<(String, String)>)> {
        match &self.point {
            Point::File(_) => None,
            Point::OfSpace(file, settings) => Some((Arc::clone(file), settings.clone())),
        }
    }
}

/// Draws a network; returns whether it is to be removed.
fn card(ui: &mut Ui, entry: &Entry, shared: &Shared<'_>, commands: &mut Commands) -> bool {
    ui.add(egui::Label::new(RichText::new(&entry.name).strong()).truncate());
    Grid::new(("shortlisted", &entry.name)).num_columns(2).spacing([10.0, 1.0]).show(ui, |ui| {
        for (name, value) in &entry.facts {
            ui.label(RichText::new(name).small().weak());
            ui.label(RichText::new(value).small().monospace());
            ui.end_row();
        }
    });
    ui.horizontal(|ui| {
        let (is_open, hint) = match &entry.point {
            Point::File(file) => (shared.model.entries.contains_key(file), "Show its graph"),
            Point::OfSpace(file, _) => {
                (shared.model.entries.contains_key(file), "Open it in Design")
            }
        };
        let open = ui.add_enabled(is_open, Button::new("Open").small()).on_hover_text(hint);
        open.widget_info(|| {
            WidgetInfo::labeled(Role::Button, true, format!("Open {}", entry.name))
        });
        if open.clicked() {
            match &entry.point {
                Point::File(file) => {
                    commands.push(Command::Select(vec![Arc::clone(file)]));
                    commands.push(Command::Show(Pane::Graph));
                }
                Point::OfSpace(file, settings) => {
                    commands.push(Command::ShowPoint(Arc::clone(file), settings.clone()));
                }
            }
        }
        let remove = ui.small_button("Remove");
        remove.widget_info(|| {
            WidgetInfo::labeled(Role::Button, true, format!("Remove {}", entry.name))
        });
        remove.clicked()
    })
    .inner
}

/// The place of the network with these values.
fn find(view: &CloudView, file: &FilePath, settings: &[(String, String)]) -> Option<usize> {
    if view.cloud().file != *file || settings.len() != view.variables().len() {
        return None;
    }
    let choice = |(variable, (_, value)): (usize, &(String, String))| {
        let place = view.variables().labels(variable).iter().position(|label| label == value)?;
        u16::try_from(place).ok()
    };
    let wanted: Vec<u16> = settings.iter().enumerate().map(choice).collect::<Option<_>>()?;
    let points = view.points();
    let is_it = |at: &usize| {
        wanted.iter().enumerate().all(|(variable, &choice)| points.choices(variable)[*at] == choice)
    };
    (0..points.len()).find(is_it)
}
