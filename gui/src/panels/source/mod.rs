//! The text of the current file, to be edited; it is checked as the user types.
//!
//! | part | file |
//! |---|---|
//! | keys, the order of the parts, the list of errors | this one |
//! | the line above the text, saving | `bar` |
//! | the text with numbers and marks | `editor`, `layout`, `lines` |
//! | colours | `highlight` |
//! | errors and their places | `marks` |
//! | undo and redo | `history` |
//! | find and replace | `find` |
//! | the link with the graph | `link` |
//! | completion, hints | `complete`, `hints` |
//! | their words and places | `vocabulary`, `words`, `outline`, `spot` |

mod bar;
mod complete;
mod editor;
mod find;
mod highlight;
mod hints;
mod history;
mod layout;
mod lines;
mod link;
mod marks;
mod outline;
mod spot;
mod vocabulary;
mod words;

use std::{collections::HashMap, path::Path, sync::Arc};

use egui::{Id, Key, Modifiers, Panel, RichText, ScrollArea, Ui};
use inceptive_app::error_chain;
use inceptive_dsl::Trace;
use inceptive_files::disk;
use inceptive_ir::Path as NodePath;

use crate::{
    actions::{Action, asked, chosen},
    command::{Command, Commands},
    file::FilePath,
    model::{Entry, Model, State},
    panels::onnx,
    theme::colors,
};

use complete::Complete;
use editor::{Edited, Editor, Shown, Wanted};
use find::{Ask, Find};
use hints::Hint;
use history::History;
use link::Link;
pub(crate) use marks::first_problem;
use marks::{Problem, problems};
use words::Words;

/// The source tab.
#[derive(Default)]
pub struct Source {
    /// The line to show next, from 1.
    wanted: Option<(FilePath, usize)>,
    /// Whether the text is to get the keyboard.
    focuses: bool,
    /// Whether the text is shown beside the graph.
    is_beside: bool,
    editor: Editor,
    find: Find,
    link: Link,
    complete: Complete,
    words: Words,
    /// Undo and redo, by file.
    histories: HashMap<FilePath, History>,
}

/// What keys ask for, before the text is drawn.
#[derive(Default)]
struct Next {
    /// A text to take.
    text: Option<String>,
    /// Where to go.
    wanted: Option<Wanted>,
}

impl Source {
    /// Brings a line, from 1, into view.
    pub(crate) fn show_line(&mut self, file: FilePath, line: usize) {
        self.wanted = Some((file, line));
    }

    /// Moves the keyboard focus to the text.
    pub(crate) const fn focus(&mut self) {
        self.focuses = true;
    }

    /// Tells whether the text is shown beside the graph.
    pub(crate) const fn set_beside(&mut self, is_beside: bool) {
        self.is_beside = is_beside;
    }

    /// Marks the step of the node that is selected in the graph of a file.
    pub(crate) fn mark(&mut self, file: FilePath, node: Option<NodePath>) {
        self.link.select(file, node);
    }

    /// Draws the text of the current file and its errors.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let Some(entry) = super::current_or_hint(ui, model) else { return };
        self.focuses |= bar::conflict(ui, entry, commands);
        let Some(text) = entry.shown_text().map(Arc::clone) else {
            no_text(ui, entry, model, commands);
            self.focuses = false;
            return;
        };
        let (problems, marks) = problems(entry, &text);
        bar::header(ui, entry, (self.is_beside, problems.len()), model, commands);
        let id = editor_of(entry);
        let mut next = self.keys(ui, id, entry, &text);
        self.find_bar(ui, id, &text, &mut next);
        let trace = self.link.trace(entry, &text, model, commands);
        let marked = trace.and_then(|trace| self.link.marked(trace, &entry.file));
        if let (Some(marked), Some(trace)) = (&marked, trace) {
            marked.ui(ui, trace, self.editor.lines(), model, commands);
        }
        if !problems.is_empty() {
            let panel = Panel::bottom("problems").resizable(true).default_size(120.0);
            panel.size_range(48.0..=ui.available_height() * 0.6).show(ui, |ui| {
                list(ui, entry, &problems, model, commands);
            });
        }
        let line = self.wanted.take_if(|(file, _)| *file == entry.file);
        let line = line.map(|(_, line)| Wanted::Line(line)).or(next.wanted);
        let wanted = self.link.wanted(marked.as_ref());
        self.give_focus(ui, id);
        let shown = Shown {
            id,
            problems: &problems,
            marks: &marks,
            hits: self.find.hits(),
            selected: marked.and_then(|marked| marked.range),
            keeps_escape: self.find.is_open() || self.complete.is_open(),
        };
        let now = next.text.as_deref().unwrap_or(&text);
        let edited = self.editor.ui(ui, now, &shown, line.or(wanted));
        if let Some(byte) = edited.hovered.filter(|_| !self.complete.is_open()) {
            let lines = self.editor.lines();
            let mut hint = Hint::of(lines, byte, self.words.of(lines.text(), trace));
            hint.mistakes = editor::mistakes(&shown, byte);
            hint.expression = trace.and_then(|trace| self.link.values(trace, byte));
            hint.show(&edited.response, shown.problems);
        }
        let completed = self.complete(ui, id, &edited, trace);
        if let (Some(trace), Some(selection)) = (trace, &edited.selection) {
            self.link.light(trace, &entry.file, selection.end, commands);
        }
        if let Some(new) = completed.or(edited.text).or(next.text) {
            commands.push(Command::Edit(Arc::clone(&entry.file), Some(new)));
        }
    }

    /// Takes keys before the text does.
    fn keys(&mut self, ui: &Ui, id: Id, entry: &Entry, text: &Arc<str>) -> Next {
        let mut next = Next::default();
        let history = self.histories.entry(Arc::clone(&entry.file)).or_default();
        history.see(text, ui.input(|input| input.time));
        if ui.memory(|memory| memory.top_modal_layer().is_some()) {
            return next;
        }
        let has_focus = ui.memory(|memory| memory.has_focus(id));
        let does = |action| match has_focus {
            true => asked(ui.ctx(), action),
            false => chosen(ui.ctx(), action),
        };
        let stop = if does(Action::Redo) {
            history.redo()
        } else {
            does(Action::Undo).then(|| history.undo()).flatten()
        };
        if let Some(stop) = stop {
            next.wanted = Some(Wanted::Select(stop.cursor..stop.cursor));
            next.text = Some(stop.text);
        }
        if has_focus {
            if let Some(completed) = self.complete.keys(ui, id, text) {
                next.wanted = Some(Wanted::Select(completed.cursor..completed.cursor));
                next.text = Some(completed.text);
            }
            let escapes = || ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
            if self.find.is_open() && escapes() {
                self.find.close();
            }
        }
        next
    }

    /// Draws the bar to find and replace.
    fn find_bar(&mut self, ui: &mut Ui, id: Id, text: &Arc<str>, next: &mut Next) {
        let selection = self.editor.selection(ui, id, text).unwrap_or(0..0);
        let by_key = match ui.memory(|memory| memory.top_modal_layer().is_some()) {
            true => None,
            false => self.find.keys(ui, text, &selection),
        };
        // The text gets the keyboard only if the bar does not.
        self.focuses &= !self.find.takes_focus();
        match by_key.or_else(|| self.find.ui(ui, text, &selection)) {
            Some(Ask::Select(range)) => next.wanted = Some(Wanted::Select(range)),
            Some(Ask::Replace(text, range)) => {
                next.wanted = Some(Wanted::Select(range));
                next.text = Some(text);
            }
            Some(Ask::Leave(hit)) => {
                self.focuses = true;
                next.wanted = hit.map(Wanted::Select);
            }
            None => {}
        }
    }

    /// Shows the words that can be written at the cursor; returns the text with one that was clicked.
    fn complete(
        &mut self,
        ui: &Ui,
        id: Id,
        edited: &Edited,
        trace: Option<&Arc<Trace>>,
    ) -> Option<String> {
        let lines = self.editor.lines();
        let cursor = edited.selection.as_ref().map_or(0, |selection| selection.end);
        if ui.memory(|memory| memory.has_focus(id)) {
            let is_changed = edited.text.is_some();
            let place = self.complete.wanted(ui, id, lines, cursor, is_changed);
            if let Some(place) = place {
                let words = self.words.of(lines.text(), trace);
                self.complete.show(id, lines, place, words);
            }
        } else {
            self.complete.leave(ui);
        }
        let completed = self.complete.ui(ui, lines.text(), edited.cursor)?;
        editor::put_cursor(ui, id, completed.text[..completed.cursor].chars().count());
        self.focuses = true;
        Some(completed.text)
    }

    /// Moves the keyboard focus to the editor once no question is open; widgets below a question cannot have it.
    fn give_focus(&mut self, ui: &Ui, editor: Id) {
        if !self.focuses {
            return;
        }
        if ui.memory(|memory| memory.top_modal_layer().is_some()) {
            ui.ctx().request_repaint();
        } else {
            self.focuses = false;
            ui.memory_mut(|memory| memory.request_focus(editor));
        }
    }
}

/// Lists the errors, each with a link to its place.
fn list(ui: &mut Ui, entry: &Entry, problems: &[Problem], model: &Model, commands: &mut Commands) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for problem in problems {
            let Problem { code, message, help, place } = problem;
            ui.horizontal_wrapped(|ui| {
                let text = match place {
                    Some((None, line, column)) => format!("{line}:{column}"),
                    Some((Some(file), line, column)) => {
                        format!("{}:{line}:{column}", model.name_of(file).display())
                    }
                    None => "file".to_owned(),
                };
                let link = ui.link(RichText::new(text).monospace());
                ui.label(RichText::new(code).monospace().color(colors(ui).error));
                ui.label(message);
                match place {
                    Some((file, line, _)) if link.clicked() => {
                        let other = file.as_deref().map(|path| known(path, model));
                        let file = other.unwrap_or_else(|| Arc::clone(&entry.file));
                        commands.push(Command::ShowLine(file, *line));
                    }
                    _ => {}
                }
            });
            if let Some(help) = help {
                ui.label(RichText::new(format!("help: {help}")).color(colors(ui).weak));
            }
        }
    });
}

/// Which editor has the cursor of a file.
fn editor_of(entry: &Entry) -> Id {
    Id::unique(("source", &*entry.file))
}

/// The file of the folder at a path.
pub(crate) fn known(path: &Path, model: &Model) -> FilePath {
    let same = |file: &&FilePath| disk::canonicalize(file).ok() == disk::canonicalize(path).ok();
    model.entries.keys().find(same).map_or_else(|| Arc::from(path), Arc::clone)
}

/// Shows why there is no text.
fn no_text(ui: &mut Ui, entry: &Entry, model: &Model, commands: &mut Commands) {
    let text = match &entry.state {
        State::Unread => "Reading…".to_owned(),
        State::Gone => "The file was deleted.".to_owned(),
        State::Wrong(error) => error_chain(&**error),
        State::Good(_) => {
            "An ONNX file has no text. Graph and Compare show what is in it.".to_owned()
        }
    };
    if !onnx::has_fields(entry, model) {
        super::nothing(ui, &text);
        return;
    }
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.4);
        ui.label(RichText::new(text).weak());
        onnx::fields(ui, entry, model, commands);
    });
}
