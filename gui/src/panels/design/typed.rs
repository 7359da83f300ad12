//! A number that is typed: taken exactly, or refused.

use egui::{Id, Key, Role, TextEdit, Ui, WidgetInfo};

use crate::{panels::stay_on_enter, theme::colors};

/// What can be typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Whole numbers from 1.
    Whole,
    /// Any number.
    All,
}

impl Numbers {
    fn parse(self, text: &str) -> Result<f64, &'static str> {
        let found = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        match self {
            Self::Whole => {
                let is_whole = |number: &f64| number.fract() == 0.0 && *number >= 1.0;
                found.filter(is_whole).ok_or("A whole number from 1, such as 48")
            }
            Self::All => found.ok_or("A number, such as 1.5"),
        }
    }
}

/// Width of the field.
const WIDTH: f32 = 46.0;

/// Draws a field with a number; returns another one when it was typed to the end. What is no such number stays in the
/// field, marked and with the reason, until it is corrected, or dropped with Esc.
pub fn typed(ui: &mut Ui, key: &str, value: f64, numbers: Numbers) -> Option<f64> {
    let id = ui.make_persistent_id(("typed", key));
    let typed: Option<String> = ui.data(|data| data.get_temp(id));
    let mut text = typed.clone().unwrap_or_else(|| value.to_string());
    let problem = numbers.parse(&text).err().filter(|_| typed.is_some());
    let mut field = TextEdit::singleline(&mut text).id(id.with("field")).desired_width(WIDTH);
    if problem.is_some() {
        field = field.text_color(colors(ui).error);
    }
    let response = ui.add(field);
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, format!("{key} as text")));
    if response.changed() {
        ui.data_mut(|data| data.insert_temp(id, text.clone()));
    }
    let is_over = response.lost_focus();
    if let Some(problem) = problem {
        stay_on_enter(ui, &response);
        match response.has_focus() {
            true => response.show_tooltip_text(problem),
            false => drop(response.on_hover_text(problem)),
        }
    }
    if !is_over {
        return None;
    }
    if ui.input(|input| input.key_pressed(Key::Escape)) {
        forget(ui, id);
        return None;
    }
    typed?;
    let number = numbers.parse(&text).ok()?;
    forget(ui, id);
    (number != value).then_some(number)
}

fn forget(ui: &Ui, id: Id) {
    ui.data_mut(|data| data.remove::<String>(id));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_exactly_or_refused() {
        assert_eq!(Numbers::Whole.parse(" 48 "), Ok(48.0));
        assert_eq!(Numbers::All.parse("37.5"), Ok(37.5));
        for text in ["37.5", "0", "-3", "", "48px", "inf", "NaN"] {
            assert!(Numbers::Whole.parse(text).is_err(), "{text}");
        }
        assert!(Numbers::All.parse("inf").is_err());
    }
}
