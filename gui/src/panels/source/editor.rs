//! The text with line numbers, colours and marks.

use std::{ops::Range, sync::Arc};

use egui::{
    Align, Align2, Color32, Event, EventFilter, FontId, Frame, Galley, Id, Key, Modifiers, Pos2,
    Rect, RichText, ScrollArea, Shape, Stroke, TextBuffer, TextEdit, TextStyle, Ui,
    text::{CCursor, CCursorRange},
    text_edit::{TextEditOutput, TextEditState},
    util::undoer::{Settings, Undoer},
    vec2,
};

use super::{
    layout::Painted,
    lines::Lines,
    marks::{Mark, Problem},
};
use crate::theme::colors;

/// Margin of a line that is brought into view, in points.
const AROUND: f32 = 40.0;

/// The editor of a text.
#[derive(Default)]
pub(super) struct Editor {
    painted: Painted,
    lines: Lines,
}

/// What is shown in the text.
pub(super) struct Shown<'a> {
    pub id: Id,
    pub problems: &'a [Problem],
    pub marks: &'a [Mark],
    /// What was found, and the hit that was gone to.
    pub hits: (&'a [Range<usize>], Option<usize>),
    /// The step of the node that is selected in the graph.
    pub selected: Option<Range<usize>>,
    /// Whether Esc does not leave the text.
    pub keeps_escape: bool,
}

/// Where to go in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// To a line, from 1, with the keyboard.
    Line(usize),
    /// Selects a part.
    Select(Range<usize>),
    /// Shows a part, and leaves the cursor where it is.
    Show(Range<usize>),
}

/// What the user did in the text.
pub(super) struct Edited {
    /// The text if it was changed.
    pub text: Option<String>,
    /// Selected bytes; empty at the cursor.
    pub selection: Option<Range<usize>>,
    /// Where the cursor is on the screen.
    pub cursor: Option<Rect>,
    /// The byte under the pointer, if that is over text.
    pub hovered: Option<usize>,
    pub response: egui::Response,
}

impl Editor {
    /// The lines of the text as it was drawn last.
    pub const fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The selected bytes of a text; empty at the cursor.
    pub fn selection(&mut self, ui: &Ui, id: Id, text: &str) -> Option<Range<usize>> {
        self.lines.update(text);
        let range = TextEditState::load(ui.ctx(), id)?.cursor.char_range()?;
        Some(self.bytes(range))
    }

    fn bytes(&self, range: CCursorRange) -> Range<usize> {
        let [start, end] = range.sorted_cursors();
        self.lines.byte_of(start.index.0)..self.lines.byte_of(end.index.0)
    }

    /// Draws a text.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        text: &str,
        shown: &Shown<'_>,
        wanted: Option<Wanted>,
    ) -> Edited {
        let id = shown.id;
        let mut buffer = text.to_owned();
        if ui.memory(|memory| memory.has_focus(id)) {
            type_spaces_for_tab(ui);
        }
        keep_no_steps(ui, id);
        self.lines.update(text);
        let font = TextStyle::Monospace.resolve(ui.style());
        let digits = self.lines.count().to_string().len().max(3);
        let gutter = font.size * 0.62 * digits as f32 + 26.0;
        let keys = EventFilter {
            tab: true,
            horizontal_arrows: true,
            vertical_arrows: true,
            escape: shown.keeps_escape,
        };
        let scrolled = ScrollArea::both().id_salt(id).auto_shrink(false).show(ui, |ui| {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                ui.add_space(gutter);
                let ground = ui.painter().add(Shape::Noop);
                let painted = &mut self.painted;
                let mut layouter = |ui: &Ui, text: &dyn TextBuffer, _: f32| -> Arc<Galley> {
                    painted.of(ui, text.as_str(), shown.marks)
                };
                let size = ui.available_size();
                let edit = TextEdit::multiline(&mut buffer)
                    .id(id)
                    .code_editor()
                    .event_filter(keys)
                    .cursor_at_end(false)
                    .frame(Frame::NONE)
                    .layouter(&mut layouter)
                    .min_size(size)
                    .desired_width(f32::INFINITY);
                let mut output = edit.show(ui);
                self.lines.update(&buffer);
                keep_cursor_in_view(ui, &output);
                if let Some(wanted) = &wanted {
                    self.go_to(ui, &mut output, wanted, gutter);
                }
                let spots = self.spots(ui, &output, shown);
                ui.painter().set(ground, Shape::Vec(spots));
                output
            })
            .inner
        });
        let output = scrolled.inner;
        ui.ctx().accesskit_node_builder(id, |node| node.set_label("Text of the file"));
        self.numbers(ui, &output, gutter, &font, shown.marks, scrolled.inner_rect);
        let range = output.state.cursor.char_range();
        let place = |range: CCursorRange| {
            let cursor = output.galley.pos_from_cursor(range.primary);
            cursor.translate(output.galley_pos.to_vec2())
        };
        let hovered = self.hovered(&output);
        Edited {
            selection: range.map(|range| self.bytes(range)),
            cursor: range.map(place),
            hovered,
            response: output.response.response.clone(),
            text: (buffer != text).then_some(buffer),
        }
    }

    /// The byte under the pointer, if that is over text.
    fn hovered(&self, output: &TextEditOutput) -> Option<usize> {
        let at = output.response.hover_pos()? - output.galley_pos;
        let row = row_at(&output.galley, at.y);
        let row = output.galley.rows.get(row).filter(|row| row.rect().contains(at.to_pos2()))?;
        (at.x < row.rect().right()).then_some(())?;
        let cursor = output.galley.cursor_from_pos(at);
        Some(self.lines.byte_of(cursor.index.0))
    }

    /// Grounds of the hits and of the selected step, as far as they are seen.
    fn spots(&self, ui: &Ui, output: &TextEditOutput, shown: &Shown<'_>) -> Vec<Shape> {
        let seen = ui.clip_rect();
        let (hits, at) = shown.hits;
        let palette = colors(ui);
        let mut spots = Vec::new();
        let rows = &output.galley.rows;
        let first = row_at(&output.galley, seen.top() - output.galley_pos.y);
        for (number, row) in rows.iter().enumerate().skip(first) {
            let place = row.rect().translate(output.galley_pos.to_vec2());
            if place.top() > seen.bottom() {
                break;
            }
            let line = self.lines.range(number);
            let x = |byte: usize| {
                let column = self.lines.column_of(byte.clamp(line.start, line.end));
                place.left() + row.x_offset(column.into())
            };
            let part = |range: &Range<usize>| {
                let (left, right) = (x(range.start), x(range.end).max(x(range.start) + 2.0));
                Rect::from_x_y_ranges(left..=right, place.y_range())
            };
            if let Some(range) = &shown.selected
                && range.start <= line.end
                && line.start < range.end
            {
                let fill = palette.accent.gamma_multiply(0.16);
                let whole = Rect::from_x_y_ranges(seen.x_range(), place.y_range());
                spots.push(Shape::rect_filled(whole, 0.0, fill));
                let bar = whole.with_max_x(seen.left() + 2.5);
                spots.push(Shape::rect_filled(bar, 0.0, palette.accent));
            }
            let begin = hits.partition_point(|hit| hit.end <= line.start);
            let here = hits.iter().enumerate().skip(begin);
            for (index, hit) in here.take_while(|(_, hit)| hit.start <= line.end) {
                let strength = if at == Some(index) { 0.7 } else { 0.28 };
                let fill = palette.warning.gamma_multiply(strength);
                spots.push(Shape::rect_filled(part(hit), 2.0, fill));
            }
        }
        spots
    }

    /// Moves the cursor or the view; lines are shown from where they begin, if that leaves room for the place.
    fn go_to(&self, ui: &Ui, output: &mut TextEditOutput, wanted: &Wanted, gutter: f32) {
        let range = match wanted {
            Wanted::Line(line) => {
                let start = self.lines.range(line.saturating_sub(1)).start;
                start..start
            }
            Wanted::Select(range) | Wanted::Show(range) => range.clone(),
        };
        let [start, end] =
            [range.start, range.end].map(|byte| CCursor::new(self.lines.char_of(byte)));
        let seen = ui.clip_rect().expand2(vec2(1.0, -8.0));
        let place = |cursor| {
            let place = output.galley.pos_from_cursor(cursor);
            let place = place.translate(output.galley_pos.to_vec2()).expand2(vec2(AROUND, 0.0));
            let begin = output.galley_pos.x - gutter;
            match place.right() - begin < seen.width() {
                true => place.with_min_x(begin),
                false => place,
            }
        };
        let is_seen = seen.contains_rect(place(start));
        if !is_seen || matches!(wanted, Wanted::Line(_)) {
            ui.scroll_to_rect(place(start), Some(Align::Center));
        }
        if matches!(wanted, Wanted::Show(_)) {
            return;
        }
        output.state.cursor.set_char_range(Some(CCursorRange::two(start, end)));
        output.state.clone().store(ui.ctx(), output.response.id);
        if matches!(wanted, Wanted::Line(_)) {
            output.response.request_focus();
        }
    }

    /// Draws line numbers and a sign at lines where something is wrong.
    fn numbers(
        &self,
        ui: &Ui,
        output: &TextEditOutput,
        gutter: f32,
        font: &FontId,
        marks: &[Mark],
        screen: Rect,
    ) {
        let palette = colors(ui);
        let main = marks.iter().filter(|mark| mark.is_main);
        let wrong: Vec<usize> = main.map(|mark| self.lines.line_of(mark.range.start)).collect();
        let current = output.cursor_range.map(|range| {
            let byte = self.lines.byte_of(range.primary.index.0);
            self.lines.line_of(byte)
        });
        let left = screen.left();
        let strip = Rect::from_min_max(screen.min, Pos2::new(left + gutter - 6.0, screen.bottom()));
        let painter = ui.painter_at(strip);
        painter.rect_filled(strip, 0.0, ui.visuals().extreme_bg_color);
        let first = row_at(&output.galley, screen.top() - output.galley_pos.y);
        for (line, row) in output.galley.rows.iter().enumerate().skip(first) {
            let y = output.galley_pos.y + row.rect().center().y;
            if y > screen.bottom() + 20.0 {
                break;
            }
            let is_wrong = wrong.contains(&line);
            let color = match (is_wrong, current == Some(line)) {
                (true, _) => palette.error,
                (false, true) => ui.visuals().text_color(),
                (false, false) => palette.weak,
            };
            let at = Pos2::new(strip.right() - 8.0, y);
            painter.text(at, Align2::RIGHT_CENTER, (line + 1).to_string(), font.clone(), color);
            if is_wrong {
                sign(&painter, Pos2::new(left + 9.0, y), palette.error);
            }
        }
    }
}

/// The row at a height.
fn row_at(galley: &Galley, y: f32) -> usize {
    galley.rows.partition_point(|row| row.rect().bottom() < y)
}

/// Keeps the cursor visible when a list of errors opens below the text.
fn keep_cursor_in_view(ui: &Ui, output: &TextEditOutput) {
    let id = output.response.id.with("height");
    let height = ui.clip_rect().height();
    let before = ui.data_mut(|data| {
        let before = data.get_temp::<f32>(id);
        data.insert_temp(id, height);
        before
    });
    let is_smaller = before.is_some_and(|before| height < before);
    if let Some(range) = output.cursor_range.filter(|_| is_smaller && output.response.has_focus()) {
        let place = output.galley.pos_from_cursor(range.primary);
        ui.scroll_to_rect(place.translate(output.galley_pos.to_vec2()), None);
    }
}

/// Undo steps are kept by file, not by the field: it would keep one for each move of the cursor.
fn keep_no_steps(ui: &Ui, id: Id) {
    if TextEditState::load(ui.ctx(), id).is_none() {
        let settings = Settings { max_undos: 1, ..Settings::default() };
        let mut state = TextEditState::default();
        state.set_undoer(Undoer::with_settings(settings));
        state.store(ui.ctx(), id);
    }
}

/// YAML has no tabs: the key types two spaces.
fn type_spaces_for_tab(ui: &Ui) {
    ui.input_mut(|input| {
        for event in &mut input.events {
            if let Event::Key { key: Key::Tab, pressed, modifiers: Modifiers::NONE, .. } = event {
                *event = Event::Text(if *pressed { "  ".to_owned() } else { String::new() });
            }
        }
    });
}

/// A disc with a bar: the shape marks an error, not only the colour.
fn sign(painter: &egui::Painter, at: Pos2, color: Color32) {
    painter.circle_filled(at, 5.0, color);
    let bar = [at - vec2(2.6, 0.0), at + vec2(2.6, 0.0)];
    painter.line_segment(bar, Stroke::new(1.6, Color32::WHITE));
}

/// Puts the cursor before a character.
pub(super) fn put_cursor(ui: &Ui, id: Id, char: usize) {
    if let Some(mut state) = TextEditState::load(ui.ctx(), id) {
        state.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(char))));
        state.store(ui.ctx(), id);
    }
}

/// The errors at a byte.
pub(super) fn mistakes<'a>(shown: &'a Shown<'_>, byte: usize) -> Vec<&'a Mark> {
    shown.marks.iter().filter(|mark| mark.range.contains(&byte)).collect()
}

/// Describes errors.
pub(super) fn describe(ui: &mut Ui, marks: &[&Mark], problems: &[Problem]) {
    for mark in marks {
        let Some(problem) = problems.get(mark.problem) else { continue };
        ui.label(RichText::new(&problem.message).strong());
        if !mark.label.is_empty() {
            ui.label(&mark.label);
        }
        if let Some(help) = &problem.help {
            ui.label(RichText::new(format!("help: {help}")).color(colors(ui).accent));
        }
    }
}
