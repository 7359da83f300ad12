//! The files of the open folder.

mod ask;
mod delete;
mod new;
mod order;
mod place;
mod rename;
mod row;

use std::{path::PathBuf, sync::Arc};

use egui::{
    Event, Key, Modifiers, Rect, RichText, Role, ScrollArea, TextEdit, Ui, WidgetInfo, pos2,
    text::{CCursor, CCursorRange},
    text_edit::TextEditState,
    vec2,
};

use crate::{
    actions::{Action, asked, chosen},
    command::{Command, Commands},
    file::{FileOrder, FilePath, stem},
    model::{Entry, Model},
    pane::Pane,
    theme::colors,
};

use ask::Ask;
use order::sorted;
use place::Place;
use row::{ROW, file_row, folder_row, header};

/// The list of files.
#[derive(Default)]
pub struct Browser {
    /// The text that names must contain.
    search: String,
    /// Where a range of files begins.
    anchor: Option<FilePath>,
    /// Whether the last click was elsewhere, so that keys are meant for something else.
    is_left: bool,
    /// A file to bring into view.
    revealed: Option<FilePath>,
    /// The file that was current when the list was drawn last, or that was clicked since.
    current: Option<FilePath>,
    place: Place,
    ask: Ask,
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
        self.notice_clicks(ui);
        ui.add_space(4.0);
        self.place.ui(ui, &mut self.ask, model, commands);
        self.ask.ui(ui, model, commands);
        let (takes_best, is_searching) = self.search_field(ui);
        header(ui, model, commands);
        let mut rows = self.rows(model);
        if takes_best && let Some(best) = self.best(&rows) {
            self.anchor = Some(Arc::clone(&best));
            self.revealed = Some(Arc::clone(&best));
            commands.push(Command::Select(vec![best]));
            self.search.clear();
            rows = self.rows(model);
        }
        if rows.is_empty() {
            self.nothing(ui, model, commands);
            return;
        }
        if let Some(problem) = &model.folder_problem {
            problem_line(ui, problem, commands);
        }
        self.keys(ui, &rows, model, commands);
        let best = self.best(&rows).filter(|_| is_searching);
        self.list(ui, &rows, best.as_ref(), model, commands);
    }

    /// Shows the field for a path to open.
    pub(crate) fn type_path(&mut self, model: &Model) {
        self.place.type_path(model);
    }

    /// The list has the keyboard focus until something else is clicked.
    fn notice_clicks(&mut self, ui: &Ui) {
        let here = ui.max_rect();
        let pressed = ui.input(|input| {
            input.pointer.any_pressed().then(|| input.pointer.interact_pos()).flatten()
        });
        if let Some(at) = pressed {
            self.is_left = !here.contains(at);
        }
    }

    /// Draws the search field; returns whether Enter selects the best match, and whether it would.
    fn search_field(&mut self, ui: &mut Ui) -> (bool, bool) {
        let search = TextEdit::singleline(&mut self.search)
            .hint_text("Search files  Ctrl P")
            .desired_width(f32::INFINITY);
        let response = ui.add(search);
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Search files"));
        if asked(ui.ctx(), Action::SearchFiles) {
            response.request_focus();
            // What is typed next takes the place of the last search.
            select_all(ui.ctx(), response.id, &self.search);
        }
        if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Escape)) {
            self.search.clear();
        }
        // Enter is for the search alone: in the list it would show the graph.
        let takes_best = response.lost_focus()
            && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
        if takes_best {
            self.is_left = false;
        }
        (takes_best, response.has_focus() && !self.search.is_empty())
    }

    /// Of the files that match the search: the one that is called so, else one whose name begins so, else the first.
    fn best(&self, rows: &[Row<'_>]) -> Option<FilePath> {
        let wanted = self.search.to_lowercase();
        let rank = |file: &&FilePath| {
            let name = stem(file).to_lowercase();
            (name != wanted, !name.starts_with(&wanted))
        };
        files(rows).min_by_key(rank).cloned()
    }

    /// Shows why the list is empty.
    fn nothing(&self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        if let Some(problem) = &model.folder_problem {
            problem_line(ui, problem, commands);
        } else if !self.search.is_empty() {
            ui.label(RichText::new("No matches.").weak());
        } else if model.is_listed {
            let text = "No .yaml, .yml or .onnx files here. Drop some onto the window or open another folder.";
            ui.label(RichText::new(text).weak());
        } else {
            ui.label(RichText::new("Reading…").weak());
        }
    }

    /// Draws the rows; `best` is what Enter would take.
    fn list(
        &mut self,
        ui: &mut Ui,
        rows: &[Row<'_>],
        best: Option<&FilePath>,
        model: &Model,
        commands: &mut Commands,
    ) {
        ui.spacing_mut().item_spacing.y = 0.0;
        let current = model.selection.last();
        if current != self.current.as_ref() {
            // It was chosen elsewhere: what is clicked is in view, and is not to move under the pointer.
            self.current = current.cloned();
            self.revealed = self.revealed.take().or_else(|| current.cloned());
        }
        let revealed = self.revealed.take();
        let place = revealed.and_then(|wanted| {
            rows.iter().position(|row| matches!(row, Row::File(entry) if entry.file == wanted))
        });
        ScrollArea::vertical().auto_shrink(false).show_rows(ui, ROW, rows.len(), |ui, range| {
            if let Some(place) = place {
                let y = ui.max_rect().top() + (place as f32 - range.start as f32) * ROW;
                let row = Rect::from_min_size(pos2(ui.max_rect().left(), y), vec2(10.0, ROW));
                // Not where the ends of the list fade.
                ui.scroll_to_rect(row.expand2(vec2(0.0, ROW)), None);
            }
            for row in &rows[range] {
                match row {
                    Row::Folder(folder) => folder_row(ui, folder),
                    Row::File(entry) => {
                        let response = file_row(ui, entry, best == Some(&entry.file), model);
                        if response.clicked() {
                            self.click(ui, entry, rows, model, commands);
                        }
                        if response.double_clicked() {
                            commands.push(Command::Show(Pane::Graph));
                        }
                        if response.secondary_clicked() && !model.selection.contains(&entry.file) {
                            self.current = Some(Arc::clone(&entry.file));
                            commands.push(Command::Select(vec![Arc::clone(&entry.file)]));
                        }
                        response.context_menu(|ui| self.ask.menu(ui, model, commands));
                    }
                }
            }
        });
    }

    /// The shown rows: files that match, each folder before its files.
    fn rows<'a>(&self, model: &'a Model) -> Vec<Row<'a>> {
        let wanted = self.search.to_lowercase();
        let matches = |entry: &&Entry| {
            let path = model.name_of(&entry.file).to_string_lossy().to_lowercase();
            path.contains(&wanted) || entry.name().to_lowercase().contains(&wanted)
        };
        let entries = sorted(model.entries.values().filter(matches).collect(), model);
        let mut rows = Vec::new();
        let mut last = PathBuf::new();
        for entry in entries {
            let folder = model.name_of(&entry.file).parent().map(PathBuf::from).unwrap_or_default();
            // In another order, files of a folder are not together.
            if folder != last && model.settings.order == FileOrder::Name {
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
        self.current = selection.last().cloned();
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

    /// Up and down go through the list, with Shift from the anchor; Enter shows the graph.
    fn keys(&mut self, ui: &Ui, rows: &[Row<'_>], model: &Model, commands: &mut Commands) {
        let is_free = super::keys_are_free(ui) && !self.is_left;
        if chosen(ui.ctx(), Action::SelectAll) || (is_free && asked(ui.ctx(), Action::SelectAll)) {
            commands.push(Command::Select(files(rows).cloned().collect()));
            return;
        }
        self.ask.actions(ui, is_free, model, commands);
        if !is_free {
            return;
        }
        if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter)) {
            commands.push(Command::Show(Pane::Graph));
            self.is_left = true;
            return;
        }
        let files: Vec<&FilePath> = files(rows).collect();
        let current = model.selection.last();
        let mut now = current.and_then(|current| files.iter().position(|file| *file == current));
        let mut selection = None;
        for Step { by, extends } in steps(ui) {
            let place = now.map_or(0, |now| now.saturating_add_signed(by));
            let place = place.min(files.len().saturating_sub(1));
            let Some(&file) = files.get(place) else { return };
            now = Some(place);
            self.revealed = Some(Arc::clone(file));
            let range = self.range(file, rows).filter(|_| extends);
            if range.is_none() {
                self.anchor = Some(Arc::clone(file));
            }
            selection = Some(range.unwrap_or_else(|| vec![Arc::clone(file)]));
        }
        if let Some(selection) = selection {
            commands.push(Command::Select(selection));
        }
    }
}

/// Selects the whole text of a field.
fn select_all(ctx: &egui::Context, field: egui::Id, text: &str) {
    let mut state = TextEditState::load(ctx, field).unwrap_or_default();
    let all = CCursorRange::two(CCursor::new(0), CCursor::new(text.chars().count()));
    state.cursor.set_char_range(Some(all));
    state.store(ctx, field);
}

/// A way through the list.
struct Step {
    /// How many files down.
    by: isize,
    /// Whether the files between belong to the selection.
    extends: bool,
}

/// Steps that were pressed since the last frame, which on a slow machine are several.
fn steps(ui: &Ui) -> Vec<Step> {
    const FAR: isize = isize::MAX / 2;
    const KEYS: [(Key, isize); 6] = [
        (Key::ArrowDown, 1),
        (Key::ArrowUp, -1),
        (Key::PageDown, 20),
        (Key::PageUp, -20),
        (Key::Home, -FAR),
        (Key::End, FAR),
    ];
    let mut steps = Vec::new();
    ui.input_mut(|input| {
        input.events.retain(|event| {
            let Event::Key { key, pressed: true, modifiers, .. } = event else { return true };
            let step = KEYS.iter().find(|(known, _)| known == key);
            let Some((_, by)) = step.filter(|_| !modifiers.command && !modifiers.alt) else {
                return true;
            };
            steps.push(Step { by: *by, extends: modifiers.shift });
            false
        });
    });
    steps
}

fn problem_line(ui: &mut Ui, problem: &str, commands: &mut Commands) {
    ui.label(RichText::new(problem).color(colors(ui).error));
    if ui.button("Try again").clicked() {
        commands.push(Command::Reload);
    }
}

fn files<'a>(rows: &'a [Row<'_>]) -> impl Iterator<Item = &'a FilePath> {
    rows.iter().filter_map(|row| match row {
        Row::File(entry) => Some(&entry.file),
        Row::Folder(_) => None,
    })
}
