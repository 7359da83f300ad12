//! The text with line numbers, colours and marks.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use egui::{
    Align, Align2, Color32, Event, FontId, Frame, Galley, Id, Key, Modifiers, Pos2, Rect, RichText,
    ScrollArea, Stroke, TextBuffer, TextEdit, TextFormat, TextStyle, Theme, Ui,
    text::{CCursor, CCursorRange, LayoutJob},
    text_edit::{TextEditOutput, TextEditState},
    util::undoer::{Settings, Undoer},
    vec2,
};

use super::{
    highlight::{Token, tokens},
    marks::{Mark, Problem},
};
use crate::theme::colors;

/// How long nothing may be typed before an undo stops there.
const PAUSE_S: f32 = 0.4;

/// Text laid out with colours, kept while nothing of it changes.
#[derive(Default)]
pub(super) struct Painted {
    basis: u64,
    job: LayoutJob,
}

impl Painted {
    fn of(&mut self, ui: &Ui, text: &str, marks: &[Mark]) -> LayoutJob {
        let theme = ui.ctx().theme();
        let font = TextStyle::Monospace.resolve(ui.style());
        let mut hasher = DefaultHasher::new();
        (text, marks, theme == Theme::Dark, font.size.to_bits()).hash(&mut hasher);
        let basis = hasher.finish();
        if basis != self.basis {
            self.basis = basis;
            self.job = job(ui, text, marks, theme, &font);
        }
        self.job.clone()
    }
}

fn job(ui: &Ui, text: &str, marks: &[Mark], theme: Theme, font: &FontId) -> LayoutJob {
    let mut job = LayoutJob { text: text.to_owned(), ..LayoutJob::default() };
    job.wrap.max_width = f32::INFINITY;
    job.keep_trailing_whitespace = true;
    let palette = colors(ui);
    let mut edges: Vec<usize> =
        marks.iter().flat_map(|mark| [mark.range.start, mark.range.end]).collect();
    edges.sort_unstable();
    for (range, token) in tokens(text) {
        let inner = edges.iter().copied().filter(|&edge| range.start < edge && edge < range.end);
        let mut start = range.start;
        for end in inner.chain([range.end]).collect::<Vec<usize>>() {
            if start == end {
                continue;
            }
            let covers = |mark: &&Mark| mark.range.start < end && start < mark.range.end;
            let mut format = TextFormat::simple(font.clone(), ink(token, theme, ui));
            if let Some(mark) = marks.iter().filter(covers).max_by_key(|mark| mark.is_main) {
                let color = if mark.is_main { palette.error } else { palette.accent };
                format.underline = Stroke::new(1.5, color);
                format.background = color.gamma_multiply(0.14);
            }
            job.append_section(start, end, format);
            start = end;
        }
    }
    job
}

/// Adds a part of the text that a job has already.
trait Sections {
    fn append_section(&mut self, start: usize, end: usize, format: TextFormat);
}

impl Sections for LayoutJob {
    fn append_section(&mut self, start: usize, end: usize, format: TextFormat) {
        self.sections.push(egui::text::LayoutSection {
            leading_space: 0.0,
            byte_range: start.into()..end.into(),
            format,
        });
    }
}

fn ink(token: Token, theme: Theme, ui: &Ui) -> Color32 {
    let pick = |light: (u8, u8, u8), dark: (u8, u8, u8)| {
        let (r, g, b) = if theme == Theme::Light { light } else { dark };
        Color32::from_rgb(r, g, b)
    };
    match token {
        Token::Comment => pick((97, 110, 122), (139, 150, 161)),
        Token::Key => pick((0, 84, 147), (120, 190, 240)),
        Token::Operator => pick((130, 44, 120), (226, 152, 206)),
        Token::Quoted => pick((0, 103, 79), (98, 205, 166)),
        Token::Literal => pick((163, 67, 0), (246, 170, 96)),
        Token::Variable => pick((112, 80, 0), (236, 205, 92)),
        Token::Punctuation => colors(ui).weak,
        Token::Plain => ui.visuals().text_color(),
    }
}

/// Draws the text; scrolls to a line, counted from 1, if one is given; returns the text if it was changed.
pub(super) fn editor(
    ui: &mut Ui,
    id: Id,
    text: &str,
    painted: &mut Painted,
    (problems, marks): (&[Problem], &[Mark]),
    wanted: Option<usize>,
) -> Option<String> {
    let mut buffer = text.to_owned();
    if ui.memory(|memory| memory.has_focus(id)) {
        type_spaces_for_tab(ui);
    }
    undo_by_pauses(ui, id);
    let font = TextStyle::Monospace.resolve(ui.style());
    let lines = text.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let digits = lines.to_string().len().max(3);
    let gutter = font.size * 0.62 * digits as f32 + 26.0;
    let scrolled = ScrollArea::both().id_salt(id).auto_shrink(false).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.add_space(gutter);
            let mut layouter = |ui: &Ui, text: &dyn TextBuffer, _: f32| -> Arc<Galley> {
                let job = painted.of(ui, text.as_str(), marks);
                ui.fonts_mut(|fonts| fonts.layout_job(job))
            };
            let size = ui.available_size();
            let edit = TextEdit::multiline(&mut buffer)
                .id(id)
                .code_editor()
                .cursor_at_end(false)
                .frame(Frame::NONE)
                .layouter(&mut layouter)
                .min_size(size)
                .desired_width(f32::INFINITY);
            let output = edit.show(ui);
            keep_cursor_in_view(ui, &output);
            output
        })
        .inner
    });
    let mut output = scrolled.inner;
    ui.ctx().accesskit_node_builder(id, |node| node.set_label("Text of the file"));
    if let Some(line) = wanted {
        go_to(ui, &mut output, line, text);
    }
    numbers(ui, &output, gutter, &font, marks, text, scrolled.inner_rect);
    hover(&output, &buffer, problems, marks);
    (buffer != text).then_some(buffer)
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

/// Text typed without a pause is one undo step.
fn undo_by_pauses(ui: &Ui, id: Id) {
    if TextEditState::load(ui.ctx(), id).is_none() {
        let settings = Settings { stable_time: PAUSE_S, ..Settings::default() };
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

/// Moves the cursor to the start of a line, and centres that line.
fn go_to(ui: &Ui, output: &mut TextEditOutput, line: usize, text: &str) {
    let before = text.split_inclusive('\n').take(line.saturating_sub(1));
    let index: usize = before.map(|line| line.chars().count()).sum();
    let cursor = CCursor::new(index);
    let place = output.galley.pos_from_cursor(cursor).translate(output.galley_pos.to_vec2());
    ui.scroll_to_rect(place.expand2(vec2(40.0, 0.0)), Some(Align::Center));
    output.state.cursor.set_char_range(Some(CCursorRange::one(cursor)));
    output.state.clone().store(ui.ctx(), output.response.id);
    output.response.request_focus();
}

/// Draws line numbers and a sign at lines where something is wrong.
fn numbers(
    ui: &Ui,
    output: &TextEditOutput,
    gutter: f32,
    font: &FontId,
    marks: &[Mark],
    text: &str,
    screen: Rect,
) {
    let palette = colors(ui);
    let line_of = |byte: usize| text[..byte.min(text.len())].matches('\n').count();
    let wrong: Vec<usize> =
        marks.iter().filter(|mark| mark.is_main).map(|mark| line_of(mark.range.start)).collect();
    let current = output.cursor_range.map(|range| {
        let index = range.primary.index.0;
        text.chars().take(index).filter(|&c| c == '\n').count()
    });
    let left = screen.left();
    let strip = Rect::from_min_max(screen.min, Pos2::new(left + gutter - 6.0, screen.bottom()));
    let painter = ui.painter_at(strip);
    painter.rect_filled(strip, 0.0, ui.visuals().extreme_bg_color);
    for (line, row) in output.galley.rows.iter().enumerate() {
        let y = output.galley_pos.y + row.rect().center().y;
        if y < screen.top() - 20.0 || y > screen.bottom() + 20.0 {
            continue;
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

/// A disc with a bar: the shape marks an error, not only the colour.
fn sign(painter: &egui::Painter, at: Pos2, color: Color32) {
    painter.circle_filled(at, 5.0, color);
    let bar = [at - vec2(2.6, 0.0), at + vec2(2.6, 0.0)];
    painter.line_segment(bar, Stroke::new(1.6, Color32::WHITE));
}

/// Shows the error under the pointer.
fn hover(output: &TextEditOutput, text: &str, problems: &[Problem], marks: &[Mark]) {
    let Some(pointer) = output.response.hover_pos() else { return };
    let cursor = output.galley.cursor_from_pos(pointer - output.galley_pos);
    let byte = text.char_indices().nth(cursor.index.0).map_or(text.len(), |(at, _)| at);
    let here: Vec<&Mark> = marks.iter().filter(|mark| mark.range.contains(&byte)).collect();
    if here.is_empty() {
        return;
    }
    output.response.response.clone().on_hover_ui_at_pointer(|ui| {
        for mark in here {
            let Some(problem) = problems.get(mark.problem) else { continue };
            ui.label(RichText::new(&problem.message).strong());
            if !mark.label.is_empty() {
                ui.label(&mark.label);
            }
            if let Some(help) = &problem.help {
                ui.label(RichText::new(format!("help: {help}")).color(colors(ui).accent));
            }
        }
    });
}
