//! Find and replace.

use std::{ops::Range, sync::Arc};

use egui::{
    EventFilter, Id, Key, Label, Modifiers, RichText, Role, TextEdit, Ui, WidgetInfo, vec2,
};

use crate::actions::{Action, asked};
use crate::theme::colors;

/// Hits that are found at most.
const MOST: usize = 100_000;

/// Width of the two fields, in points.
const WIDTH: f32 = 180.0;

/// Width of the number of hits, in points: nothing moves when there are others.
const COUNT_WIDTH: f32 = 92.0;

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    text: String,
    matches_case: bool,
    whole_words: bool,
}

/// The bar above the text.
#[derive(Default)]
pub(super) struct Find {
    is_open: bool,
    replaces: bool,
    focuses: bool,
    wanted: Wanted,
    by: String,
    /// What the hits were found for.
    basis: Option<(Arc<str>, Wanted)>,
    hits: Vec<Range<usize>>,
    /// The hit that was gone to last.
    at: Option<usize>,
}

/// What the bar asks the editor to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Shows and selects a part of the text.
    Select(Range<usize>),
    /// Takes another text, and selects a part of it.
    Replace(String, Range<usize>),
    /// Gives the keyboard back to the text, with the hit that was gone to selected.
    Leave(Option<Range<usize>>),
}

impl Find {
    /// Every hit, and the one that was gone to last.
    pub fn hits(&self) -> (&[Range<usize>], Option<usize>) {
        if self.is_open { (&self.hits, self.at) } else { (&[], None) }
    }

    /// Whether the bar is shown.
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether it is about to get the keyboard.
    pub const fn takes_focus(&self) -> bool {
        self.focuses
    }

    /// Hides the bar.
    pub const fn close(&mut self) {
        self.is_open = false;
    }

    /// Takes the keys that open the bar, or go from hit to hit.
    pub fn keys(&mut self, ui: &Ui, text: &Arc<str>, selection: &Range<usize>) -> Option<Ask> {
        let asks = |action| asked(ui.ctx(), action);
        let (finds, replaces) = (asks(Action::Find), asks(Action::Replace));
        let (back, on) = (asks(Action::FindPrevious), asks(Action::FindNext));
        if finds || replaces || (!self.is_open && (back || on)) {
            let selected = text.get(selection.clone()).unwrap_or("");
            if !selected.is_empty() && !selected.contains('\n') {
                selected.clone_into(&mut self.wanted.text);
            }
            self.is_open = true;
            self.replaces |= replaces;
            self.focuses = true;
            self.at = None;
        }
        if !self.is_open {
            return None;
        }
        self.update(text);
        (back || on).then(|| self.step(on, selection))?
    }

    /// Draws the bar.
    pub fn ui(&mut self, ui: &mut Ui, text: &Arc<str>, selection: &Range<usize>) -> Option<Ask> {
        if !self.is_open {
            return None;
        }
        let mut ask = None;
        ui.horizontal_wrapped(|ui| {
            ui.add_space(4.0);
            let before = self.wanted.clone();
            let (leaves, enter) = field(ui, &mut self.wanted.text, "Find", &mut self.focuses);
            ui.toggle_value(&mut self.wanted.matches_case, "Aa").on_hover_text("Match case");
            ui.toggle_value(&mut self.wanted.whole_words, "Word").on_hover_text("Whole words only");
            self.update(text);
            if self.wanted != before {
                self.at = self.first_after(selection.start);
                ask = self.select();
            }
            let back = ui.button("<").on_hover_text("Previous (Shift F3)").clicked();
            let on = ui.button(">").on_hover_text("Next (Enter, F3)").clicked();
            if back || enter == Some(false) {
                ask = self.step(false, selection);
            } else if on || enter == Some(true) {
                ask = self.step(true, selection);
            }
            self.show_count(ui);
            ui.toggle_value(&mut self.replaces, "Replace…").on_hover_text("Replace (Ctrl H)");
            if ui.button("Close").on_hover_text("Esc").clicked() || leaves {
                ask = Some(self.leave());
            }
        });
        if self.replaces {
            ui.horizontal_wrapped(|ui| {
                ui.add_space(4.0);
                let (leaves, enter) = field(ui, &mut self.by, "Replace with", &mut false);
                let can = !self.hits.is_empty();
                let one = ui.add_enabled(can, egui::Button::new("Replace")).clicked();
                if one || (can && enter == Some(true)) {
                    ask = self.replace(text, selection);
                }
                if ui.add_enabled(can, egui::Button::new("Replace all")).clicked() {
                    ask = Some(self.replace_all(text));
                }
                if leaves {
                    ask = Some(self.leave());
                }
            });
        }
        ask
    }

    fn leave(&mut self) -> Ask {
        self.is_open = false;
        Ask::Leave(self.at.and_then(|at| self.hits.get(at)).cloned())
    }

    /// Draws how many hits there are, in room that is always taken.
    fn show_count(&self, ui: &mut Ui) {
        let size = vec2(COUNT_WIDTH, ui.spacing().interact_size.y);
        let text = self.count();
        if text.is_empty() {
            ui.allocate_space(size);
            return;
        }
        let is_missing = self.hits.is_empty();
        let color = if is_missing { colors(ui).error } else { colors(ui).weak };
        ui.add_sized(size, Label::new(RichText::new(text).color(color)).truncate());
    }

    /// How many hits there are, and which one was gone to.
    fn count(&self) -> String {
        let count = match self.hits.len() {
            0 if self.wanted.text.is_empty() => return String::new(),
            0 => return "No matches".to_owned(),
            MOST => format!("{MOST} or more"),
            count => count.to_string(),
        };
        match self.at {
            Some(at) => format!("{} of {count}", at + 1),
            None if self.hits.len() == 1 => "1 match".to_owned(),
            None => format!("{count} matches"),
        }
    }

    /// Finds the hits, unless nothing changed.
    fn update(&mut self, text: &Arc<str>) {
        let is_known = self.basis.as_ref().is_some_and(|(known, wanted)| {
            *wanted == self.wanted && (Arc::ptr_eq(known, text) || known == text)
        });
        if is_known {
            return;
        }
        self.hits = find(text, &self.wanted);
        self.at = self.at.filter(|&at| at < self.hits.len());
        self.basis = Some((Arc::clone(text), self.wanted.clone()));
    }

    fn first_after(&self, byte: usize) -> Option<usize> {
        let after = self.hits.partition_point(|hit| hit.start < byte);
        (!self.hits.is_empty()).then(|| after % self.hits.len())
    }

    /// Goes to the next hit, or the previous one.
    fn step(&mut self, forward: bool, selection: &Range<usize>) -> Option<Ask> {
        let count = self.hits.len();
        if count == 0 {
            return None;
        }
        self.at = match (self.at, forward) {
            (Some(at), true) => Some((at + 1) % count),
            (Some(at), false) => Some((at + count - 1) % count),
            (None, true) => self.first_after(selection.start),
            (None, false) => {
                let before = self.hits.partition_point(|hit| hit.start < selection.start);
                Some((before + count - 1) % count)
            }
        };
        self.select()
    }

    fn select(&self) -> Option<Ask> {
        self.at.and_then(|at| self.hits.get(at)).cloned().map(Ask::Select)
    }

    /// Replaces the hit that was gone to, or goes to one.
    fn replace(&mut self, text: &str, selection: &Range<usize>) -> Option<Ask> {
        let Some(hit) = self.at.and_then(|at| self.hits.get(at)).cloned() else {
            return self.step(true, selection);
        };
        let mut text = text.to_owned();
        text.replace_range(hit.clone(), &self.by);
        let end = hit.start + self.by.len();
        // The next one is gone to in the new text.
        self.update(&Arc::from(text.as_str()));
        self.at = self.first_after(end);
        let next = self.at.and_then(|at| self.hits.get(at)).cloned();
        Some(Ask::Replace(text, next.unwrap_or(end..end)))
    }

    fn replace_all(&mut self, text: &str) -> Ask {
        let mut new = String::with_capacity(text.len());
        let mut end = 0;
        for hit in &self.hits {
            new.push_str(&text[end..hit.start]);
            new.push_str(&self.by);
            end = hit.end;
        }
        let cursor = new.len();
        new.push_str(&text[end..]);
        self.at = None;
        Ask::Replace(new, cursor..cursor)
    }
}

/// A field of the bar. Returns whether Esc was pressed in it, and Enter: forward, or back with Shift.
fn field(ui: &mut Ui, text: &mut String, name: &str, focuses: &mut bool) -> (bool, Option<bool>) {
    let keys = EventFilter { escape: true, horizontal_arrows: true, ..EventFilter::default() };
    let field = TextEdit::singleline(text).hint_text(name).desired_width(WIDTH).event_filter(keys);
    // Taken before the field leaves the keyboard to others.
    let id = Id::unique(("find in the source", name));
    let mut enter = None;
    if ui.memory(|memory| memory.has_focus(id)) {
        ui.input_mut(|input| {
            if input.consume_key(Modifiers::SHIFT, Key::Enter) {
                enter = Some(false);
            } else if input.consume_key(Modifiers::NONE, Key::Enter) {
                enter = Some(true);
            }
        });
    }
    let response = ui.add(field.id(id));
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, name));
    super::super::focus_once(&response, focuses);
    let leaves = response.has_focus()
        && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
    (leaves, enter)
}

/// Every place of a text, none inside another.
fn find(text: &str, wanted: &Wanted) -> Vec<Range<usize>> {
    if wanted.text.is_empty() {
        return vec![];
    }
    let is_word = |range: &Range<usize>| {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !wanted.whole_words
            || (!is_part(text[..range.start].chars().next_back())
                && !is_part(text[range.end..].chars().next()))
    };
    if wanted.matches_case {
        let all = text.match_indices(&wanted.text).map(|(at, hit)| at..at + hit.len());
        return all.filter(is_word).take(MOST).collect();
    }
    let folded: Vec<char> = wanted.text.chars().flat_map(char::to_lowercase).collect();
    let mut hits = Vec::new();
    let mut free = 0;
    for (at, _) in text.char_indices() {
        if at < free {
            continue;
        }
        let Some(length) = folded_prefix(&text[at..], &folded) else { continue };
        let hit = at..at + length;
        if is_word(&hit) {
            free = hit.end;
            hits.push(hit);
            if hits.len() == MOST {
                break;
            }
        }
    }
    hits
}

/// Bytes at the start of a text that are these letters in upper or lower case.
fn folded_prefix(text: &str, folded: &[char]) -> Option<usize> {
    let mut rest = folded.iter();
    let mut length = 0;
    for c in text.chars() {
        if rest.len() == 0 {
            break;
        }
        length += c.len_utf8();
        if !c.to_lowercase().all(|lower| rest.next() == Some(&lower)) {
            return None;
        }
    }
    (rest.len() == 0).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, wanted: &str, matches_case: bool, whole_words: bool) -> Vec<usize> {
        let wanted = Wanted { text: wanted.to_owned(), matches_case, whole_words };
        find(text, &wanted).into_iter().map(|hit| hit.start).collect()
    }

    #[test]
    fn case_and_words_are_minded_if_that_is_wanted() {
        let text = "conv Conv reconvert conv_1 CONV";
        assert_eq!(found(text, "conv", false, false), [0, 5, 12, 20, 27]);
        assert_eq!(found(text, "conv", true, false), [0, 12, 20]);
        assert_eq!(found(text, "conv", false, true), [0, 5, 27]);
        assert_eq!(found(text, "conv", true, true), [0]);
        assert_eq!(found("aaaa", "aa", false, false), [0, 2]);
        assert_eq!(found("ÄÖ äö", "äö", false, false), [0, 5]);
        assert!(found(text, "", false, false).is_empty());
    }

    #[test]
    fn one_hit_or_all_are_replaced() {
        let text: Arc<str> = Arc::from("a b a b a");
        let mut find = Find {
            wanted: Wanted { text: "a".to_owned(), ..Wanted::default() },
            by: "long".to_owned(),
            ..Find::default()
        };
        find.update(&text);
        assert_eq!(find.replace(&text, &(1..1)), Some(Ask::Select(4..5)));
        let replaced = "a b long b a".to_owned();
        assert_eq!(find.replace(&text, &(1..1)), Some(Ask::Replace(replaced, 11..12)));
        find.update(&text);
        let all = "long b long b long".to_owned();
        assert_eq!(find.replace_all(&text), Ask::Replace(all, 18..18));
    }
}
