//! Lines that differ.

use std::{ops::Range, sync::Arc};

use egui::{Align2, FontId, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};
use inceptive_app::Inspected;
use similar::{ChangeTag, TextDiff};

use super::pair::{Mark, Pair, Side};
use crate::theme::colors;

const ROW: f32 = 17.0;

/// Equal lines around those that differ.
const AROUND: usize = 3;

/// A line of one text or both.
struct Line {
    mark: Option<Mark>,
    /// Its numbers, from 1.
    before: Option<usize>,
    after: Option<usize>,
    text: String,
}

/// Both texts line by line.
#[derive(Default)]
struct Lines {
    all: Vec<Line>,
    /// The lines shown when unchanged lines are hidden: lines that differ and some around them.
    near: Vec<Range<usize>>,
    /// Characters of the longest line.
    widest: usize,
    /// Why the texts with everything in them cannot be had.
    problem: Option<String>,
}

/// The difference of two texts.
pub(super) struct Text {
    is_resolved: bool,
    shows_all: bool,
    /// Whose texts they are, and in which form.
    of: Option<(Arc<Inspected>, Arc<Inspected>, bool)>,
    lines: Lines,
}

impl Default for Text {
    fn default() -> Self {
        Self { is_resolved: true, shows_all: false, of: None, lines: Lines::default() }
    }
}

impl Text {
    pub fn ui(&mut self, ui: &mut Ui, pair: &Pair) {
        let (Some(before), Some(after)) = (pair.before.written(), pair.after.written()) else {
            super::super::nothing(ui, "An ONNX file has no text to compare.");
            return;
        };
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut self.is_resolved, true, "resolved")
                .on_hover_text("Including everything that the file extends and uses");
            ui.selectable_value(&mut self.is_resolved, false, "as written")
                .on_hover_text("The two files");
            ui.separator();
            ui.checkbox(&mut self.shows_all, "Show unchanged lines");
            let count = |mark| self.lines.all.iter().filter(|line| line.mark == Some(mark)).count();
            let (removed, added) = (count(Mark::Removed), count(Mark::Added));
            ui.separator();
            ui.colored_label(colors(ui).error, format!("− {removed} only in {}", pair.before.name));
            ui.colored_label(colors(ui).good, format!("+ {added} only in {}", pair.after.name));
        });
        if let Some(base) = &pair.after.network.architecture.extends
            && !self.is_resolved
        {
            let text = format!("{} is a variant of {}", pair.after.name, base.display());
            ui.weak(text);
        }
        self.prepare(pair, before, after);
        if let Some(problem) = &self.lines.problem {
            ui.colored_label(colors(ui).warning, format!("Shown as written: {problem}"));
        }
        if self.lines.near.is_empty() && !self.shows_all {
            ui.label("The texts are identical.");
            return;
        }
        self.show(ui);
    }

    fn prepare(&mut self, pair: &Pair, before: &str, after: &str) {
        let is_known = self.of.as_ref().is_some_and(|(a, b, is_resolved)| {
            Arc::ptr_eq(a, &pair.before.network)
                && Arc::ptr_eq(b, &pair.after.network)
                && *is_resolved == self.is_resolved
        });
        if is_known {
            return;
        }
        let networks = [&pair.before, &pair.after].map(|side: &Side| Arc::clone(&side.network));
        let [a, b] = networks;
        self.of = Some((a, b, self.is_resolved));
        let resolved = match self.is_resolved {
            true => {
                pair.before.network.resolved().and_then(|a| Ok((a, pair.after.network.resolved()?)))
            }
            false => Ok((before.to_owned(), after.to_owned())),
        };
        self.lines = match resolved {
            Ok((before, after)) => lines(&before, &after),
            Err(problem) => Lines { problem: Some(problem), ..lines(before, after) },
        };
    }

    fn show(&self, ui: &mut Ui) {
        let lines = &self.lines;
        let rows: Vec<Option<&Line>> = match self.shows_all {
            true => lines.all.iter().map(Some).collect(),
            false => lines
                .near
                .iter()
                .flat_map(|near| {
                    let gap = (near.start > 0).then_some(None);
                    gap.into_iter().chain(lines.all[near.clone()].iter().map(Some))
                })
                .collect(),
        };
        ui.spacing_mut().item_spacing.y = 0.0;
        let width = 110.0 + 7.9 * lines.widest as f32;
        ScrollArea::both().auto_shrink(false).show_rows(ui, ROW, rows.len(), |ui, range| {
            ui.set_min_width(width);
            for row in &rows[range] {
                paint(ui, *row);
            }
        });
    }
}

/// Draws a line with its numbers and its mark; `None` for lines that were left out.
fn paint(ui: &mut Ui, line: Option<&Line>) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let (font, palette) = (FontId::monospace(12.5), colors(ui));
    let Some(Line { mark, before, after, text }) = line else {
        ui.painter().rect_filled(rect, 0.0, ui.visuals().faint_bg_color);
        let at = pos2(rect.left() + 92.0, rect.center().y);
        ui.painter().text(at, Align2::LEFT_CENTER, "…", font, palette.weak);
        return;
    };
    let sign = mark.map_or(" ", Mark::sign);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{sign} {text}")));
    if let Some(mark) = mark {
        ui.painter().rect_filled(rect, 0.0, mark.color(palette).gamma_multiply(0.16));
    }
    let ink = ui.visuals().text_color();
    let color = mark.map_or(ink, |mark| mark.color(palette));
    let y = rect.center().y;
    for (right, number) in [(34.0, before), (72.0, after)] {
        if let Some(number) = number {
            let at = pos2(rect.left() + right, y);
            let font = FontId::monospace(11.0);
            ui.painter().text(at, Align2::RIGHT_CENTER, number.to_string(), font, palette.weak);
        }
    }
    ui.painter().text(pos2(rect.left() + 82.0, y), Align2::LEFT_CENTER, sign, font.clone(), color);
    ui.painter().text(pos2(rect.left() + 96.0, y), Align2::LEFT_CENTER, text, font, ink);
}

fn lines(before: &str, after: &str) -> Lines {
    let diff = TextDiff::from_lines(before, after);
    let line = |change: similar::Change<&str>| Line {
        mark: match change.tag() {
            ChangeTag::Equal => None,
            ChangeTag::Delete => Some(Mark::Removed),
            ChangeTag::Insert => Some(Mark::Added),
        },
        before: change.old_index().map(|index| index + 1),
        after: change.new_index().map(|index| index + 1),
        text: change.value().trim_end().to_owned(),
    };
    let all: Vec<Line> = diff.iter_all_changes().map(line).collect();
    let mut near: Vec<Range<usize>> = vec![];
    for (at, _) in all.iter().enumerate().filter(|(_, line)| line.mark.is_some()) {
        let (start, end) = (at.saturating_sub(AROUND), (at + AROUND + 1).min(all.len()));
        match near.last_mut() {
            Some(last) if last.end >= start => last.end = end,
            _ => near.push(start..end),
        }
    }
    let widest = all.iter().map(|line| line.text.chars().count()).max().unwrap_or(0);
    Lines { all, near, widest, problem: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_are_shown_with_some_around() {
        let before: String = (1..=20).map(|line| format!("line {line}\n")).collect();
        let after = before.replace("line 10\n", "line ten\n");
        let found = lines(&before, &after);
        let marked: Vec<&str> = found
            .all
            .iter()
            .filter(|line| line.mark.is_some())
            .map(|line| line.text.as_str())
            .collect();
        assert_eq!(marked, ["line 10", "line ten"]);
        let near: Vec<(usize, usize)> = found.near.iter().map(|it| (it.start, it.end)).collect();
        assert_eq!(near, [(6, 14)]);
        assert!(lines(&before, &before).near.is_empty());
    }
}
