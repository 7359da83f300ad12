//! The text as it is drawn: each line is laid out once and kept until it changes.

use std::{collections::HashMap, sync::Arc};

use egui::{
    Color32, FontId, Galley, Stroke, TextFormat, TextStyle, Theme, Ui,
    text::{LayoutJob, LayoutSection},
};

use super::{
    highlight::{Token, tokens},
    lines::{Change, Lines},
    marks::Mark,
};
use crate::theme::colors;

/// What all lines depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Look {
    is_dark: bool,
    font_size: f32,
    pixels_per_point: f32,
}

/// A line as it is drawn.
struct Line {
    galley: Arc<Galley>,
    has_mark: bool,
}

/// A text laid out with colours, kept while nothing of it changes.
#[derive(Default)]
pub(super) struct Painted {
    index: Lines,
    marks: Vec<Mark>,
    look: Look,
    /// How full the texture of letters was: it is emptied at times, and then no line can be drawn any more.
    filled: f32,
    lines: Vec<Line>,
    whole: Option<Arc<Galley>>,
}

impl Painted {
    /// The text with its colours and marks.
    pub fn of(&mut self, ui: &Ui, text: &str, marks: &[Mark]) -> Arc<Galley> {
        let font = TextStyle::Monospace.resolve(ui.style());
        let look = Look {
            is_dark: ui.ctx().theme() == Theme::Dark,
            font_size: font.size,
            pixels_per_point: ui.ctx().pixels_per_point(),
        };
        let filled = ui.fonts(|fonts| fonts.font_atlas_fill_ratio());
        if look != self.look || filled < self.filled {
            self.lines.clear();
            self.whole = None;
            self.look = look;
        }
        self.filled = filled;
        if let Some(whole) = &self.whole
            && self.index.text() == text
            && self.marks == marks
        {
            return Arc::clone(whole);
        }
        self.lay_out(ui, text, marks, &font);
        let galleys: Vec<Arc<Galley>> =
            self.lines.iter().map(|line| Arc::clone(&line.galley)).collect();
        // A text without sections is not painted; the colours are those of the lines.
        let format = TextFormat::simple(font, ui.visuals().text_color());
        let mut job = LayoutJob::single_section(text.to_owned(), format);
        job.round_output_to_gui = false;
        let whole = Galley::concat(Arc::new(job), &galleys, look.pixels_per_point);
        let whole = Arc::new(whole);
        self.whole = Some(Arc::clone(&whole));
        whole
    }

    /// Lays out the lines that changed.
    fn lay_out(&mut self, ui: &Ui, text: &str, marks: &[Mark], font: &FontId) {
        let change = Change::between(self.index.text(), text);
        self.index.update(text);
        let all = self.index.count();
        let mut old = std::mem::take(&mut self.lines);
        let (before, after) = match old.is_empty() {
            true => (0, 0),
            false => {
                let last = self.index.line_of(change.new.end);
                (self.index.line_of(change.new.start), all - 1 - last)
            }
        };
        let mut end = old.split_off(old.len().saturating_sub(after)).into_iter();
        old.truncate(before);
        let mut start = old.into_iter();
        let mut marked: HashMap<usize, Vec<&Mark>> = HashMap::new();
        for mark in marks {
            marked.entry(self.index.line_of(mark.range.start)).or_default().push(mark);
        }
        let mut lines = Vec::with_capacity(all);
        for number in 0..all {
            let own = marked.get(&number).map_or(&[][..], Vec::as_slice);
            let known = match number {
                _ if number < before => start.next(),
                _ if number + after >= all => end.next(),
                _ => None,
            };
            let known = known.filter(|line| !line.has_mark && own.is_empty());
            lines.push(known.unwrap_or_else(|| {
                let job =
                    job(ui, self.index.line(number), self.index.range(number).start, own, font);
                let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
                Line { galley, has_mark: !own.is_empty() }
            }));
        }
        self.lines = lines;
        self.marks = marks.to_vec();
    }
}

/// A line that starts at a byte of its text.
fn job(ui: &Ui, line: &str, start: usize, marks: &[&Mark], font: &FontId) -> LayoutJob {
    let mut job = LayoutJob { text: line.to_owned(), ..LayoutJob::default() };
    job.wrap.max_width = f32::INFINITY;
    job.keep_trailing_whitespace = true;
    let palette = colors(ui);
    let theme = ui.ctx().theme();
    let inside = |at: usize| at.saturating_sub(start).min(line.len());
    let mut edges: Vec<usize> =
        marks.iter().flat_map(|mark| [inside(mark.range.start), inside(mark.range.end)]).collect();
    edges.sort_unstable();
    for (range, token) in tokens(line) {
        let inner = edges.iter().copied().filter(|&edge| range.start < edge && edge < range.end);
        let mut from = range.start;
        for end in inner.chain([range.end]).collect::<Vec<usize>>() {
            if from == end {
                continue;
            }
            let covers =
                |mark: &&&Mark| mark.range.start < start + end && start + from < mark.range.end;
            let mut format = TextFormat::simple(font.clone(), ink(token, theme, ui));
            if let Some(mark) = marks.iter().filter(covers).max_by_key(|mark| mark.is_main) {
                let color = if mark.is_main { palette.error } else { palette.accent };
                format.underline = Stroke::new(1.5, color);
                format.background = color.gamma_multiply(0.14);
            }
            let byte_range = from.into()..end.into();
            job.sections.push(LayoutSection { leading_space: 0.0, byte_range, format });
            from = end;
        }
    }
    if job.sections.is_empty() {
        // An empty line is as high as others.
        let format = TextFormat::simple(font.clone(), ui.visuals().text_color());
        job.sections.push(LayoutSection {
            leading_space: 0.0,
            byte_range: 0.into()..0.into(),
            format,
        });
    }
    job
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
