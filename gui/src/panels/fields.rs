//! Lines to type in.

use std::path::{Path, PathBuf};

use egui::{ComboBox, Key, Response, RichText, Role, TextEdit, Ui, WidgetInfo};
use inceptive_bench::Isa;
use inceptive_files::disk;

use crate::{
    command::{Command, Commands},
    model::Model,
    theme::colors,
};

/// Maximum of each number.
const MOST: u32 = 65_536;

/// A list of numbers.
pub(super) fn list(ui: &mut Ui, text: &mut String, name: &str, hint: &str, hover: &str) {
    field(ui, text, name, hint, 78.0).on_hover_text(hover);
}

/// An input line whose name is also available to screen readers.
pub(super) fn field(
    ui: &mut Ui,
    text: &mut String,
    name: &str,
    hint: &str,
    width: f32,
) -> Response {
    let response = ui.add(TextEdit::singleline(text).hint_text(hint).desired_width(width));
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, name));
    response
}

/// The instruction set of the native engine, on processors that have several.
pub(super) fn instruction_set(ui: &mut Ui, chosen: &mut Option<Isa>) {
    let widest = Isa::best();
    if Isa::available().nth(1).is_none() {
        return;
    }
    let label = ui.label("instruction set");
    let list = ComboBox::from_id_salt("instruction set").width(76.0);
    let list = list.selected_text(chosen.map_or("widest", Isa::name));
    let shown = list.show_ui(ui, |ui| {
        for isa in Isa::available() {
            match isa == widest {
                true => ui.selectable_value(chosen, None, format!("widest: {isa}")),
                false => ui.selectable_value(chosen, Some(isa), isa.name()),
            };
        }
    });
    let hover = "Instruction set of the native engine. A narrower one shows the speed on processors without the widest one.";
    shown.response.labelled_by(label.id).on_hover_text(hover);
}

/// The answer to the question where to write.
pub(super) enum PathAnswer {
    /// There is none yet.
    None,
    /// Nowhere.
    Cancelled,
    /// To this file.
    Path(PathBuf),
}

/// Asks for the path of a file to write.
pub(super) fn ask_for_path(
    ui: &Ui,
    heading: &str,
    path: &mut String,
    focuses: &mut bool,
) -> PathAnswer {
    ask_for_path_and(ui, heading, path, focuses, |_| ())
}

/// Asks for the path of a file to write, and what `more` draws below it.
pub(super) fn ask_for_path_and(
    ui: &Ui,
    heading: &str,
    path: &mut String,
    focuses: &mut bool,
    more: impl FnOnce(&mut Ui),
) -> PathAnswer {
    let modal = super::question(ui.ctx(), heading, 460.0, |ui| {
        ui.heading(heading);
        let field = ui.add(TextEdit::singleline(path).desired_width(f32::INFINITY));
        field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Path"));
        super::focus_once(&field, focuses);
        let exists = disk::exists(Path::new(path.trim()));
        if exists {
            let note = RichText::new("The file exists and will be replaced.");
            ui.label(note.color(colors(ui).warning));
        }
        more(ui);
        let enter = ui.input(|input| input.key_pressed(Key::Enter));
        ui.horizontal(|ui| {
            let title = if exists { "Replace" } else { "Export" };
            let writes = ui.button(title).clicked() || enter;
            (writes && !path.trim().is_empty(), ui.button("Cancel").clicked())
        })
        .inner
    });
    match modal.inner {
        (true, _) => PathAnswer::Path(PathBuf::from(path.trim())),
        (_, true) => PathAnswer::Cancelled,
        _ if modal.should_close() => PathAnswer::Cancelled,
        _ => PathAnswer::None,
    }
}

/// The path of the store; another one is taken when it was typed to the end.
#[derive(Default)]
pub(super) struct StoreField {
    /// The path while it is typed.
    typed: Option<String>,
}

impl StoreField {
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let now = model.store.display().to_string();
        let mut text = self.typed.clone().unwrap_or_else(|| now.clone());
        let response = field(ui, &mut text, "Store", "inceptive.db", 260.0);
        if response.changed() {
            self.typed = Some(text);
        }
        if response.lost_focus()
            && let Some(text) = self.typed.take()
            && !text.trim().is_empty()
            && text != now
        {
            commands.push(Command::KeepIn(PathBuf::from(text.trim())));
        }
    }
}

/// Numbers from 1, separated by commas or spaces.
pub(super) fn numbers(text: &str) -> Result<Vec<u32>, String> {
    let words = text.split([',', ' ', ';']).filter(|word| !word.is_empty());
    let number = |word: &str| match word.parse() {
        Ok(number) if (1..=MOST).contains(&number) => Ok(number),
        _ => Err(format!("`{word}` is not a whole number from 1 to {MOST}")),
    };
    words.map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_numbers_are_read() {
        assert_eq!(numbers("1, 8 32"), Ok(vec![1, 8, 32]));
        assert_eq!(numbers(" "), Ok(vec![]));
        for wrong in ["0", "x", "-1", "1.5", "99999999999"] {
            assert!(numbers(wrong).is_err_and(|problem| problem.contains(wrong)), "{wrong}");
        }
    }
}
