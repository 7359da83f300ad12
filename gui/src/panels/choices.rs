//! The entries of a list, which are also found by their first letters.

use egui::{Event, Id, Key, Modifiers, Ui};

/// How long letters belong together, in seconds.
const PAUSE_S: f64 = 1.0;

/// The letters that were typed last, and when.
#[derive(Clone, Default)]
struct Typed {
    text: String,
    time: f64,
}

/// Draws the entries of a list that is open; returns the one that was chosen, which closes it. Letters that are typed go to
/// the first entry that begins with them, or else has them.
pub(crate) fn entries<T: PartialEq>(
    ui: &mut Ui,
    list: &str,
    now: &T,
    all: impl IntoIterator<Item = (T, String)>,
) -> Option<T> {
    let all: Vec<(T, String)> = all.into_iter().collect();
    let wanted = typed(ui, list).and_then(|text| {
        let titles = || all.iter().map(|(_, title)| title.to_lowercase());
        let begins = titles().position(|title| title.starts_with(&text));
        begins.or_else(|| titles().position(|title| title.contains(&text)))
    });
    let mut chosen = None;
    for (at, (choice, title)) in all.into_iter().enumerate() {
        let entry = ui.selectable_label(choice == *now, title);
        if wanted == Some(at) {
            entry.request_focus();
            entry.scroll_to_me(None);
        }
        if entry.clicked() {
            chosen = Some(choice);
        }
    }
    if chosen.is_some() {
        ui.close();
    }
    chosen
}

/// What was typed up to now, if a letter was typed in this frame.
fn typed(ui: &Ui, list: &str) -> Option<String> {
    let id = Id::unique(("letters typed in a list", list));
    let mut typed: Typed = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    let new = ui.input_mut(|input| {
        if input.time - typed.time > PAUSE_S {
            typed.text.clear();
        }
        let mut new = String::new();
        for event in &input.events {
            if let Event::Text(text) = event {
                new.push_str(text);
            }
        }
        if typed.text.is_empty() {
            // A space alone presses the entry that has the keyboard.
            new = new.trim_start().to_owned();
        } else {
            input.consume_key(Modifiers::NONE, Key::Space);
        }
        if !new.is_empty() {
            typed.time = input.time;
        }
        new.to_lowercase()
    });
    if new.is_empty() {
        return None;
    }
    typed.text.push_str(&new);
    ui.data_mut(|data| data.insert_temp(id, typed.clone()));
    Some(typed.text)
}
