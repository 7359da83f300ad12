//! Completion of the word at the cursor.

use std::ops::Range;

use egui::{
    Align, Align2, Area, Event, Frame, Id, Key, Modifiers, Order, Rect, RichText, ScrollArea, Ui,
    text::LayoutJob,
};

use super::{
    lines::Lines,
    spot::{Spot, spot},
    vocabulary::{Choice, Vocabulary},
};
use crate::actions::{Action, asked};
use crate::theme::colors;

/// Choices that are listed.
const MOST: usize = 100;

/// Width and height of the list, in points.
const WIDTH: f32 = 380.0;
const HEIGHT: f32 = 180.0;

/// Characters of a description.
const MOST_ABOUT: usize = 48;

/// The list of words at the cursor.
#[derive(Default)]
pub(super) struct Complete {
    open: Option<Open>,
    /// Whether the list is asked for in this frame.
    is_asked: bool,
    /// Where the list was drawn: a click there takes the keyboard from the text.
    area: Option<Rect>,
}

/// A list that is shown.
struct Open {
    editor: Id,
    choices: Vec<Choice>,
    word: Range<usize>,
    at: usize,
    /// Whether another choice was gone to.
    moved: bool,
}

/// A text with the word that was chosen.
pub(super) struct Completed {
    pub text: String,
    /// Where the cursor is to be, in bytes.
    pub cursor: usize,
}

impl Complete {
    /// Whether the list is shown.
    pub const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Takes the keys of the list, while the text has the keyboard.
    pub fn keys(&mut self, ui: &Ui, editor: Id, text: &str) -> Option<Completed> {
        let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
        self.is_asked = asked(ui.ctx(), Action::Complete);
        let open = self.open.as_mut().filter(|open| open.editor == editor)?;
        let step = isize::from(pressed(Modifiers::NONE, Key::ArrowDown))
            - isize::from(pressed(Modifiers::NONE, Key::ArrowUp));
        if step != 0 {
            let count = open.choices.len() as isize;
            open.at = (open.at as isize + step).rem_euclid(count) as usize;
            open.moved = true;
        }
        if pressed(Modifiers::NONE, Key::Escape) {
            self.open = None;
            return None;
        }
        // A word that is already there needs no key: Enter begins the next line.
        let is_there = text.get(open.word.clone()) == Some(open.choices[open.at].name.as_str());
        let accepts = !is_there
            && (pressed(Modifiers::NONE, Key::Enter) || pressed(Modifiers::NONE, Key::Tab));
        let at = open.at;
        accepts.then(|| self.accept(at, text))?
    }

    fn accept(&mut self, at: usize, text: &str) -> Option<Completed> {
        let open = self.open.take()?;
        let choice = open.choices.get(at)?;
        let (before, after) = (text.get(..open.word.start)?, text.get(open.word.end..)?);
        let colon = if choice.is_key && !after.starts_with(':') { ": " } else { "" };
        let start = format!("{before}{}{colon}", choice.name);
        Some(Completed { cursor: start.len(), text: start + after })
    }

    /// The place whose words are wanted, as something was typed or the list was asked for; closes a list that is over.
    pub fn wanted(
        &mut self,
        ui: &Ui,
        editor: Id,
        lines: &Lines,
        cursor: usize,
        is_changed: bool,
    ) -> Option<Spot> {
        let is_letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
        let typed = |event: &Event| matches!(event, Event::Text(text) if text.ends_with(is_letter));
        let types = is_changed && ui.input(|input| input.events.iter().any(typed));
        let is_asked = std::mem::take(&mut self.is_asked);
        let known = self.open.as_ref().filter(|open| open.editor == editor);
        let stays = known.is_some_and(|open| !is_changed && open.word.end == cursor);
        let goes_on = known.is_some() && is_changed;
        if stays && !is_asked {
            return None;
        }
        self.open = None;
        if !types && !is_asked && !goes_on {
            return None;
        }
        spot(lines, cursor).filter(|spot| is_asked || !spot.word.is_empty())
    }

    /// Opens the list of the words at a place.
    pub fn show(&mut self, editor: Id, lines: &Lines, spot: Spot, vocabulary: Vocabulary<'_>) {
        let word = &lines.text()[spot.word.clone()];
        let choices = ranked(vocabulary.choices(&spot, word), word);
        let is_there = matches!(choices.as_slice(), [only] if only.name == word);
        if !choices.is_empty() && !is_there {
            self.open = Some(Open { editor, choices, word: spot.word, at: 0, moved: true });
        }
    }

    /// Draws the list at the cursor; returns the text if a word was clicked.
    pub fn ui(&mut self, ui: &Ui, text: &str, cursor: Option<Rect>) -> Option<Completed> {
        let (Some(open), Some(cursor)) = (&mut self.open, cursor) else {
            self.area = None;
            return None;
        };
        let screen = ui.ctx().content_rect();
        let is_low = cursor.bottom() + HEIGHT + 16.0 > screen.bottom();
        let (pivot, at) = match is_low {
            true => (Align2::LEFT_BOTTOM, cursor.left_top()),
            false => (Align2::LEFT_TOP, cursor.left_bottom()),
        };
        let area = Area::new(open.editor.with("completion")).order(Order::Foreground);
        let shown = area.fixed_pos(at).pivot(pivot).constrain_to(screen).show(ui.ctx(), |ui| {
            let frame = Frame::popup(ui.style());
            frame.show(ui, |ui| open.list(ui)).inner
        });
        self.area = Some(shown.response.rect);
        shown.inner.and_then(|clicked| self.accept(clicked, text))
    }

    /// Closes the list when the text has lost the keyboard, except to a click on the list.
    pub fn leave(&mut self, ui: &Ui) {
        let pointer = ui.input(|input| input.pointer.interact_pos());
        let is_at_list =
            self.area.zip(pointer).is_some_and(|(area, pointer)| area.contains(pointer));
        if !is_at_list {
            self.open = None;
        }
    }
}

impl Open {
    /// Draws the words; returns the one that was clicked.
    fn list(&mut self, ui: &mut Ui) -> Option<usize> {
        let width = WIDTH.min(ui.ctx().content_rect().width() - 40.0);
        ui.set_width(width);
        let mut clicked = None;
        let moved = std::mem::take(&mut self.moved);
        ScrollArea::vertical().max_height(HEIGHT).show(ui, |ui| {
            ui.set_width(ui.available_width());
            for (index, choice) in self.choices.iter().enumerate() {
                let is_selected = index == self.at;
                let row = ui.selectable_label(is_selected, line(ui, choice));
                let row = row.on_hover_text(&choice.about);
                if is_selected && moved {
                    row.scroll_to_me(Some(Align::Center));
                }
                if row.clicked() {
                    clicked = Some(index);
                }
            }
        });
        clicked
    }
}

/// A word with the start of its description.
fn line(ui: &Ui, choice: &Choice) -> LayoutJob {
    let mut job = LayoutJob::default();
    let short: String = choice.about.chars().take(MOST_ABOUT).collect();
    let more = if choice.about.chars().nth(MOST_ABOUT).is_some() { "…" } else { "" };
    let about = RichText::new(format!("   {short}{more}")).color(colors(ui).weak).small();
    for text in [RichText::new(&choice.name).monospace(), about] {
        text.append_to(&mut job, ui.style(), egui::FontSelection::Default, Align::Center);
    }
    job
}

/// The choices that fit a word: those that begin with it first.
fn ranked(mut choices: Vec<Choice>, word: &str) -> Vec<Choice> {
    let word = word.to_lowercase();
    choices.retain(|choice| choice.name.to_lowercase().contains(&word));
    choices.sort_by_key(|choice| !choice.name.to_lowercase().starts_with(&word));
    choices.truncate(MOST);
    choices
}
