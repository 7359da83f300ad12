//! The files of the open folder.

use std::{path::PathBuf, sync::Arc};

use egui::{
    Align2, FontId, Key, Modifiers, Pos2, Rect, Response, RichText, Role, ScrollArea, Sense,
    Stroke, TextEdit, TextStyle, Ui, WidgetInfo, pos2, vec2,
};
use inceptive_jobs::Content;

use crate::{
    command::{Command, Commands},
    format::short_count,
    model::{Entry, FilePath, Model, State, stem},
    theme::colors,
};

/// Height of a row.
const ROW: f32 = 22.0;

/// Width of a column of numbers.
const NUMBER: f32 = 54.0;

/// The list of files.
#[derive(Default)]
pub struct Browser {
    /// What names have to contain.
    search: String,
    /// Where a range of files begins.
    anchor: Option<FilePath>,
}

/// A line of the list.
enum Row<'a> {
    /// A folder inside the open one.
    Folder(PathBuf),
    File(&'a Entry),
}

impl Browser {
    /// Draws the list.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        ui.add_space(4.0);
        ui.add(
            egui::Label::new(RichText::new(model.folder.display().to_string()).strong()).truncate(),
        );
        let search = TextEdit::singleline(&mut self.search)
            .hint_text("Search files")
            .desired_width(f32::INFINITY);
        let response = ui.add(search);
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Search files"));
        if ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::P)) {
            response.request_focus();
        }
        if let Some(problem) = &model.folder_problem {
            ui.label(RichText::new(problem).color(colors(ui).error));
            if ui.button("Try again").clicked() {
                commands.push(Command::Reload);
            }
        }
        header(ui);
        let rows = self.rows(model);
        if rows.is_empty() && model.is_listed && model.folder_problem.is_none() {
            let text = if self.search.is_empty() {
                "No .yaml or .onnx files here"
            } else {
                "Nothing found"
            };
            ui.label(RichText::new(text).weak());
        }
        self.keys(ui, &rows, model, commands);
        ScrollArea::vertical().auto_shrink(false).show_rows(ui, ROW, rows.len(), |ui, range| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for row in &rows[range] {
                match row {
                    Row::Folder(folder) => folder_row(ui, folder),
                    Row::File(entry) => {
                        if file_row(ui, entry, model).clicked() {
                            self.click(ui, entry, &rows, model, commands);
                        }
                    }
                }
            }
        });
    }

    /// What is shown: files that match, each folder before its files.
    fn rows<'a>(&self, model: &'a Model) -> Vec<Row<'a>> {
        let wanted = self.search.to_lowercase();
        let matches = |entry: &&Entry| {
            let path = model.name_of(&entry.file).to_string_lossy().to_lowercase();
            path.contains(&wanted) || entry.name().to_lowercase().contains(&wanted)
        };
        // Files of the folder itself before those in folders inside it.
        let mut entries: Vec<&Entry> = model.entries.values().filter(matches).collect();
        entries.sort_by_key(|entry| {
            let name = model.name_of(&entry.file);
            (name.components().count() > 1, name.to_owned())
        });
        let mut rows = Vec::new();
        let mut last = PathBuf::new();
        for entry in entries {
            let name = model.name_of(&entry.file);
            let folder = name.parent().map(PathBuf::from).unwrap_or_default();
            if folder != last {
                rows.push(Row::Folder(folder.clone()));
                last = folder;
            }
            rows.push(Row::File(entry));
        }
        rows
    }

    fn click(
        &mut self,
        ui: &Ui,
        entry: &Entry,
        rows: &[Row<'_>],
        model: &Model,
        commands: &mut Commands,
    ) {
        let file = Arc::clone(&entry.file);
        let modifiers = ui.input(|input| input.modifiers);
        let mut selection = model.selection.clone();
        if modifiers.shift
            && let Some(range) = self.range(&file, rows)
        {
            selection = range;
        } else if modifiers.command {
            match selection.iter().position(|known| *known == file) {
                Some(place) if selection.len() > 1 => {
                    selection.remove(place);
                }
                Some(_) => {}
                None => selection.push(Arc::clone(&file)),
            }
            self.anchor = Some(file);
        } else {
            selection = vec![Arc::clone(&file)];
            self.anchor = Some(file);
        }
        commands.push(Command::Select(selection));
    }

    /// The files from the anchor to `end`, which comes last.
    fn range(&self, end: &FilePath, rows: &[Row<'_>]) -> Option<Vec<FilePath>> {
        let files: Vec<&FilePath> = files(rows).collect();
        let anchor = self.anchor.as_ref()?;
        let from = files.iter().position(|file| *file == anchor)?;
        let to = files.iter().position(|file| *file == end)?;
        let mut range: Vec<FilePath> =
            files[from.min(to)..=from.max(to)].iter().map(|&file| Arc::clone(file)).collect();
        if to < from {
            range.reverse();
        }
        Some(range)
    }

    /// Up and down go through the list while nothing else has the keyboard.
    fn keys(&mut self, ui: &Ui, rows: &[Row<'_>], model: &Model, commands: &mut Commands) {
        let has_pointer = ui.rect_contains_pointer(ui.max_rect());
        if ui.ctx().egui_wants_keyboard_input() || !has_pointer {
            return;
        }
        let step = ui.input_mut(|input| {
            i32::from(input.consume_key(Modifiers::NONE, Key::ArrowDown))
                - i32::from(input.consume_key(Modifiers::NONE, Key::ArrowUp))
        });
        let files: Vec<&FilePath> = files(rows).collect();
        let now = model
            .selection
            .last()
            .and_then(|current| files.iter().position(|file| *file == current));
        let next = match (now, step) {
            (_, 0) => return,
            (Some(now), 1) => now + 1,
            (Some(now), _) => now.saturating_sub(1),
            (None, _) => 0,
        };
        if let Some(&file) = files.get(next) {
            self.anchor = Some(Arc::clone(file));
            commands.push(Command::Select(vec![Arc::clone(file)]));
        }
    }
}

fn files<'a>(rows: &'a [Row<'_>]) -> impl Iterator<Item = &'a FilePath> {
    rows.iter().filter_map(|row| match row {
        Row::File(entry) => Some(&entry.file),
        Row::Folder(_) => None,
    })
}

/// Where the columns of numbers end, from the right edge of a row.
fn columns(rect: Rect) -> [f32; 2] {
    let right = rect.right() - 10.0;
    [right - NUMBER, right]
}

fn header(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 16.0), Sense::hover());
    let weak = colors(ui).weak;
    let font = TextStyle::Small.resolve(ui.style());
    for (right, text) in columns(rect).into_iter().zip(["params", "MACs"]) {
        ui.painter().text(
            pos2(right, rect.center().y),
            Align2::RIGHT_CENTER,
            text,
            font.clone(),
            weak,
        );
    }
}

fn folder_row(ui: &mut Ui, folder: &std::path::Path) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let text = format!("{}/", folder.display());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
    let font = TextStyle::Small.resolve(ui.style());
    let at = pos2(rect.left() + 4.0, rect.center().y + 2.0);
    ui.painter().text(at, Align2::LEFT_CENTER, text, font, colors(ui).weak);
}

/// Draws a file with its mark and counts.
fn file_row(ui: &mut Ui, entry: &Entry, model: &Model) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let is_selected = model.selection.contains(&entry.file);
    let is_current = model.selection.last() == Some(&entry.file);
    let name = stem(&entry.file);
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_selected, &name));
    let visuals = ui.visuals();
    let palette = colors(ui);
    let fill = match (is_selected, response.hovered()) {
        (true, _) => visuals.selection.bg_fill,
        (false, true) => visuals.widgets.hovered.weak_bg_fill,
        (false, false) => egui::Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, 4.0, fill);
    if is_current {
        let bar = Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
        ui.painter().rect_filled(bar, 1.0, palette.accent);
    }
    mark(ui, pos2(rect.left() + 14.0, rect.center().y), &entry.state);
    let font = TextStyle::Body.resolve(ui.style());
    let small = FontId::proportional(12.0);
    let [params_right, macs_right] = columns(rect);
    let name_rect = Rect::from_min_max(
        pos2(rect.left() + 26.0, rect.top()),
        pos2(params_right - NUMBER + 8.0, rect.bottom()),
    );
    let color = if entry.is_wrong() { palette.error } else { visuals.text_color() };
    let shown = if entry.draft.is_some() { format!("{name} •") } else { name };
    let mut job = egui::text::LayoutJob::simple_singleline(shown, font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(name_rect.width());
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(name_rect.left_center() - vec2(0.0, galley.size().y / 2.0), galley, color);
    let numbers = match &entry.state {
        State::Good(Content::Space(space)) => {
            ["space".to_owned(), short_count(u64::try_from(space.size()).unwrap_or(u64::MAX))]
        }
        State::Good(Content::Library(library)) => {
            ["blocks".to_owned(), library.blocks.len().to_string()]
        }
        _ => match &entry.network {
            Some(network) => {
                let total = &network.cost.total;
                [short_count(total.params), short_count(total.macs)]
            }
            None => [String::new(), String::new()],
        },
    };
    for (right, text) in [params_right, macs_right].into_iter().zip(numbers) {
        ui.painter().text(
            pos2(right, rect.center().y),
            Align2::RIGHT_CENTER,
            text,
            small.clone(),
            palette.weak,
        );
    }
    response.on_hover_ui(|ui| tooltip(ui, entry))
}

/// A tick, a cross or dots: the shape says it, not only the colour.
fn mark(ui: &Ui, at: Pos2, state: &State) {
    let palette = colors(ui);
    let line = |from: egui::Vec2, to: egui::Vec2, color| {
        ui.painter().line_segment([at + from, at + to], Stroke::new(1.8, color));
    };
    match state {
        State::Unread => {
            for x in [-4.0, 0.0, 4.0] {
                ui.painter().circle_filled(at + vec2(x, 0.0), 1.2, palette.weak);
            }
        }
        State::Good(_) => {
            line(vec2(-4.0, 0.0), vec2(-1.0, 3.0), palette.good);
            line(vec2(-1.0, 3.0), vec2(4.0, -3.5), palette.good);
        }
        State::Wrong(_) => {
            line(vec2(-3.5, -3.5), vec2(3.5, 3.5), palette.error);
            line(vec2(-3.5, 3.5), vec2(3.5, -3.5), palette.error);
        }
        State::Gone => line(vec2(-4.0, 0.0), vec2(4.0, 0.0), palette.error),
    }
}

fn tooltip(ui: &mut Ui, entry: &Entry) {
    ui.set_max_width(420.0);
    ui.label(RichText::new(entry.name()).strong());
    ui.label(RichText::new(entry.file.display().to_string()).weak());
    match &entry.state {
        State::Unread => {
            ui.label("not read yet");
        }
        State::Wrong(error) => {
            ui.label(RichText::new(error.to_string()).monospace().color(colors(ui).error));
        }
        State::Gone => {
            ui.label("deleted or moved");
        }
        State::Good(_) => {}
    }
    if let Some(text) =
        entry.network.as_ref().and_then(|network| network.architecture.description.as_ref())
    {
        ui.label(text);
    }
}
