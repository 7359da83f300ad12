//! What is typed right after a shortcut that moves the keyboard waits until the keyboard is there.
//!
//! On a slow machine, or under a fast hand, `Ctrl P` and letters come in the same frame, before the field that the letters
//! are meant for has the keyboard.

use std::collections::VecDeque;

use egui::{Context, Event, Id, Key, Plugin, RawInput, Ui};

use super::{TABLE, is_press};

/// Frames until a field that is asked for has the keyboard: its tab comes to the front, and a dialog is measured before
/// it can have the keyboard.
const FRAMES: u8 = 3;

/// Keys and letters that wait.
#[derive(Default)]
pub(crate) struct Held {
    events: VecDeque<Event>,
    /// Frames that they still wait.
    frames: u8,
}

/// Where it is noted that Enter moves the keyboard, as it does in the palette.
fn enter() -> Id {
    Id::unique("enter moves the keyboard")
}

/// Tells whether Enter moves the keyboard.
pub(crate) fn set_enter_moves(ctx: &Context, moves: bool) {
    ctx.data_mut(|data| data.insert_temp(enter(), moves));
}

const fn is_typed(event: &Event) -> bool {
    matches!(
        event,
        Event::Key { .. }
            | Event::Text(_)
            | Event::Ime(_)
            | Event::Paste(_)
            | Event::Copy
            | Event::Cut
    )
}

/// Whether a text is what the key before types, as `/` does, and not meant for the field that the key leads to.
fn is_own_text(key: &Event, text: &Event) -> bool {
    match (key, text) {
        (Event::Key { key, .. }, Event::Text(text)) => text == key.symbol_or_name(),
        _ => false,
    }
}

/// How many frames an event takes to move the keyboard; none if it does not.
fn frames(ctx: &Context, event: &Event) -> u8 {
    let Event::Key { key, pressed: true, modifiers, repeat, .. } = event else { return 0 };
    // Without Ctrl it is a letter of the text.
    let is_free = modifiers.command || !ctx.text_edit_focused();
    let mut moving = TABLE.iter().filter(|spec| spec.moves && is_free && !repeat);
    match key {
        // egui moves it at the beginning of a frame, once.
        Key::Tab => 1,
        Key::Enter if ctx.data(|data| data.get_temp(enter())).unwrap_or(false) => FRAMES,
        _ if moving.any(|spec| spec.keys.iter().any(|keys| is_press(event, *keys))) => FRAMES,
        _ => 0,
    }
}

impl Plugin for Held {
    fn debug_name(&self) -> &'static str {
        "held keys"
    }

    fn input_hook(&mut self, ctx: &Context, input: &mut RawInput) {
        self.frames = self.frames.saturating_sub(1);
        let mut now = Vec::with_capacity(input.events.len());
        for event in std::mem::take(&mut input.events) {
            match is_typed(&event) {
                true => self.events.push_back(event),
                false => now.push(event),
            }
        }
        while self.frames == 0
            && let Some(event) = self.events.pop_front()
        {
            self.frames = frames(ctx, &event);
            let is_release = |event: &&Event| matches!(event, Event::Key { pressed: false, .. });
            let next = self.events.iter().take_while(is_release).count();
            if self.frames > 0
                && self.events.get(next).is_some_and(|text| is_own_text(&event, text))
            {
                self.events.remove(next);
            }
            now.push(event);
        }
        input.events = now;
    }

    fn on_begin_pass(&mut self, ui: &mut Ui) {
        if self.frames > 0 || !self.events.is_empty() {
            ui.ctx().request_repaint();
        }
    }
}
