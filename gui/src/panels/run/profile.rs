//! The profile of a network: a table of its nodes or modules, and a roofline chart.

use std::{cmp::Ordering, sync::Arc};

use egui::{Align, ComboBox, Label, Layout, Link, RichText, Ui, pos2, vec2};
use egui_extras::{Column as Width, TableBuilder, TableRow};
use inceptive_format::counted;
use inceptive_ir::Path;
use inceptive_results::{Bound, NodeProfile, ProfileRecord, Roofline};
use inceptive_store::Stored;

use super::roofline;
use crate::{
    command::{Command, Commands},
    file::FilePath,
    format::{milliseconds, share, way},
    model::Model,
    panels::sort::Sort,
};

const ROW: f32 = 21.0;

/// Room for the plot at least, and between it and the table.
const PLOT: f32 = 330.0;
const GAP: f32 = 10.0;

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    /// The order of execution.
    Name,
    Ops,
    Time,
    Share,
    Gflops,
    Peak,
    Intensity,
    Bound,
}

impl Column {
    /// Each with its title, its width, and whether numbers are in it.
    const ALL: [(Self, &'static str, f32, bool); 8] = [
        (Self::Name, "part", 130.0, false),
        (Self::Ops, "ops", 80.0, false),
        (Self::Time, "time", 66.0, true),
        (Self::Share, "share", 56.0, true),
        (Self::Gflops, "GFLOP/s", 66.0, true),
        (Self::Peak, "of peak", 60.0, true),
        (Self::Intensity, "FLOP/B", 58.0, true),
        (Self::Bound, "bound", 62.0, false),
    ];

    fn order(self, a: &NodeProfile, b: &NodeProfile, roof: &Roofline) -> Ordering {
        let bound = |part: &NodeProfile| part.bound(roof).map_or("", Bound::name);
        match self {
            Self::Name => Ordering::Equal,
            Self::Ops => a.ops.cmp(&b.ops),
            Self::Time | Self::Share => a.time_ms.total_cmp(&b.time_ms),
            Self::Gflops | Self::Peak => a.gflops().total_cmp(&b.gflops()),
            Self::Intensity => a.intensity().total_cmp(&b.intensity()),
            Self::Bound => bound(a).cmp(bound(b)),
        }
    }
}

/// The view of a profile.
pub(super) struct Profile {
    /// The number of the profile in the store; that of the current network, or the latest, without a choice.
    chosen: Option<i64>,
    /// Path segments of a part; `None` for nodes.
    depth: Option<usize>,
    sort: Sort<Column>,
    /// The part that was clicked last.
    selected: Option<String>,
}

impl Default for Profile {
    fn default() -> Self {
        let sort = Sort { by: Column::Name, is_descending: false };
        Self { chosen: None, depth: None, sort, selected: None }
    }
}

impl Profile {
    /// Draws which profile is shown, and in what detail.
    pub fn choices(&mut self, ui: &mut Ui, model: &Model) {
        let Some(now) = self.record(model) else { return };
        let name = title(&now.result);
        let list = ComboBox::from_id_salt("profile").selected_text(&name).width(320.0);
        let shown = list.show_ui(ui, |ui| {
            for stored in model.results.profiles.iter().rev() {
                if ui.selectable_label(stored.id == now.id, title(&stored.result)).clicked() {
                    self.chosen = Some(stored.id);
                }
            }
        });
        shown.response.on_hover_text(format!("Which profile is shown: {name}"));
        ui.selectable_value(&mut self.depth, None, "nodes");
        ui.selectable_value(&mut self.depth, Some(1), "modules");
        ui.selectable_value(&mut self.depth, Some(2), "branches");
        let profile = &now.result.profile;
        let total = milliseconds(profile.total_ms);
        ui.end_row();
        let runs = counted(profile.runs, "run", "runs");
        ui.weak(format!("{total} in total, median of {runs}"));
    }

    /// Draws the profile.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let Some(stored) = self.record(model) else {
            if model.results.problem.is_none() {
                ui.weak("No profiles yet: choose Profile above and press Start.");
            }
            return;
        };
        let record = &stored.result;
        let roof = record.best_roofline().roofline;
        let mut parts = match self.depth {
            None => record.profile.nodes.clone(),
            Some(depth) => record.profile.by_module(depth),
        };
        parts.sort_by(|a, b| self.sort.directed(self.sort.by.order(a, b, &roof)));
        let whole = ui.available_rect_before_wrap();
        let wanted: f32 = Column::ALL.iter().map(|(_, _, width, _)| width + 8.0).sum();
        let table = wanted.min(whole.width() - PLOT - GAP).max(200.0);
        let left = egui::Rect::from_min_size(whole.min, vec2(table, whole.height()));
        let right = egui::Rect::from_min_max(pos2(left.right() + GAP, whole.top()), whole.max);
        let _ = ui.allocate_rect(whole, egui::Sense::hover());
        let mut clicked = None;
        ui.scope_builder(egui::UiBuilder::new().max_rect(left), |ui| {
            ui.set_clip_rect(left.intersect(ui.clip_rect()));
            egui::ScrollArea::horizontal().show(ui, |ui| {
                clicked = self.table(ui, &parts, &roof);
            });
        });
        ui.scope_builder(egui::UiBuilder::new().max_rect(right), |ui| {
            let selected = self.selected.as_deref();
            clicked = clicked.take().or(roofline::ui(ui, &parts, &roof, selected));
        });
        if let Some(name) = clicked {
            show(&name, record, model, commands);
            self.selected = Some(name);
        }
    }

    /// The shown profile: the chosen one, else the latest of the current network, else the latest.
    fn record<'a>(&self, model: &'a Model) -> Option<&'a Stored<ProfileRecord>> {
        let profiles = &model.results.profiles;
        let latest = |is: &dyn Fn(&Stored<ProfileRecord>) -> bool| {
            profiles.iter().rev().find(|stored| is(stored))
        };
        let current = model.network().map(|network| network.fingerprint.as_str());
        latest(&|stored| Some(stored.id) == self.chosen)
            .or_else(|| {
                latest(&|stored| Some(stored.result.subject.fingerprint.as_str()) == current)
            })
            .or(profiles.last())
    }

    /// Draws the table; returns the row that was clicked.
    fn table(&mut self, ui: &mut Ui, parts: &[NodeProfile], roof: &Roofline) -> Option<String> {
        let mut table = TableBuilder::new(ui)
            .id_salt("profile")
            .cell_layout(Layout::left_to_right(Align::Center))
            .striped(true)
            .resizable(true)
            .auto_shrink(false);
        for (_, _, width, _) in Column::ALL {
            table = table.column(Width::initial(width).at_least(40.0).clip(true));
        }
        let table = table.header(24.0, |mut header| {
            for (column, title, _, is_number) in Column::ALL {
                header.col(|ui| self.sort.title(ui, column, title, is_number));
            }
        });
        let mut clicked = None;
        table.body(|body| {
            body.rows(ROW, parts.len(), |mut row| {
                let part = &parts[row.index()];
                row.set_selected(self.selected.as_ref() == Some(&part.name));
                if line(&mut row, part, roof) {
                    clicked = Some(part.name.clone());
                }
            });
        });
        clicked
    }
}

/// Draws a row; returns whether it was clicked.
fn line(row: &mut TableRow<'_, '_>, part: &NodeProfile, roof: &Roofline) -> bool {
    let mut is_clicked = false;
    row.col(|ui| {
        let link = Link::new(part.name.as_str());
        is_clicked = ui.add(link).on_hover_text("Show it in the graph").clicked();
    });
    row.col(|ui| {
        let ops = if part.ops.is_empty() { "–" } else { part.ops.as_str() };
        ui.add(Label::new(ops).truncate());
    });
    let has_work = part.flops > 0;
    let or_nothing = |text: String| if has_work { text } else { "–".to_owned() };
    for text in [
        milliseconds(part.time_ms),
        share(part.share),
        or_nothing(format!("{:.1}", part.gflops())),
        part.peak_share(roof).map_or_else(|| "–".to_owned(), share),
        or_nothing(format!("{:.1}", part.intensity())),
    ] {
        row.col(|ui| {
            let text = RichText::new(text).monospace();
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(text));
        });
    }
    row.col(|ui| {
        ui.label(part.bound(roof).map_or("–", Bound::name));
    });
    is_clicked
}

fn title(record: &ProfileRecord) -> String {
    let ProfileRecord { subject, runtime, .. } = record;
    format!("{}: {}", subject.name, way(runtime))
}

/// Brings a part to the front in the graph, if its network is open.
fn show(name: &str, record: &ProfileRecord, model: &Model, commands: &mut Commands) {
    let wanted = &record.subject.fingerprint;
    let is_it = |file: &FilePath| {
        let entry = model.entries.get(file);
        entry.and_then(|it| it.network.as_ref()).is_some_and(|it| it.fingerprint == *wanted)
    };
    let selected = model.selection.iter().rev().find(|file| is_it(file));
    let Some(file) = selected.or_else(|| model.entries.keys().find(|file| is_it(file))) else {
        return;
    };
    let mut selection = model.selection.clone();
    match selection.iter().position(|known| known == file) {
        Some(at) => {
            let file = selection.remove(at);
            selection.push(file);
        }
        None => selection = vec![Arc::clone(file)],
    }
    commands.push(Command::Select(selection));
    commands.push(Command::ShowNode(Path::new(name)));
}
