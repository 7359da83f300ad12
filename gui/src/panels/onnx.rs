//! What can be set of an ONNX file that cannot be read as it is.

use std::sync::Arc;

use egui::{Align, Button, Id, Key, Layout, Ui, vec2};
use inceptive_app::{OpenSettings, is_onnx};

use super::{fields::field, text_width};
use crate::{
    command::{Command, Commands},
    model::{Entry, Model, State},
    onnx_settings::OnnxSettings,
};

/// The name of the field, and of its button.
const SIZE: &str = "input size";
const READ: &str = "Read";

/// Width of the field, in points.
const FIELD: f32 = 96.0;

/// What can be set of a file, or was set.
struct Fields {
    /// What was set.
    chosen: OnnxSettings,
    /// A size as it can be written, if there is a field for it.
    size: Option<String>,
    /// Whether the file can be cut.
    cut: bool,
}

impl Fields {
    /// `None` if nothing has to be set.
    fn of(entry: &Entry, model: &Model) -> Option<Self> {
        if !is_onnx(&entry.file) {
            return None;
        }
        let chosen = model.onnx.of(&entry.file);
        let open = match &entry.state {
            State::Wrong(error) => error.open_settings(),
            State::Unread | State::Good(_) | State::Gone => OpenSettings::default(),
        };
        let was_set = (!chosen.input_size.is_empty()).then(|| "224x224".to_owned());
        let (size, cut) = (open.size.or(was_set), open.cut || chosen.cut);
        (size.is_some() || cut).then_some(Self { chosen, size, cut })
    }
}

/// Whether something can be set of a file.
pub(super) fn has_fields(entry: &Entry, model: &Model) -> bool {
    Fields::of(entry, model).is_some()
}

/// Draws a field for the size of the input and a box to read the part before what is not supported; each only if it helps
/// or was used.
pub(super) fn fields(ui: &mut Ui, entry: &Entry, model: &Model, commands: &mut Commands) {
    let Some(Fields { chosen, size, cut }) = Fields::of(entry, model) else { return };
    let mut wanted = chosen.clone();
    if let Some(example) = size {
        size_field(ui, entry, &example, &mut wanted.input_size);
    }
    if cut {
        ui.checkbox(&mut wanted.cut, "Read up to what is not supported")
            .on_hover_text("The maps before it become the outputs of the network");
    }
    if wanted != chosen {
        commands.push(Command::SetOnnx(Arc::clone(&entry.file), wanted));
    }
}

/// Draws the field; the size is taken by Enter or the button.
fn size_field(ui: &mut Ui, entry: &Entry, example: &str, size: &mut String) {
    // Every tab shows what was typed in one.
    let id = Id::unique(("input size", &*entry.file));
    let mut text = ui.data(|data| data.get_temp(id)).unwrap_or_else(|| size.clone());
    let spacing = ui.spacing();
    let gaps = 2.0 * spacing.item_spacing.x + 4.0 * spacing.button_padding.x;
    let width = text_width(ui, SIZE) + FIELD + text_width(ui, READ) + gaps;
    let row = vec2(width, ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(row, Layout::left_to_right(Align::Center), |ui| {
        ui.label(SIZE);
        let response = field(ui, &mut text, "Input size", example, FIELD).on_hover_text(
            "Height x width, such as 224x224 or 640x480; with the channels 3x640x480",
        );
        let is_other = text.trim() != size;
        let enter = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let reads = ui.add_enabled(is_other, Button::new(READ)).clicked();
        if is_other && (reads || enter) {
            text.trim().clone_into(size);
            ui.data_mut(|data| data.remove::<String>(id));
        } else if response.changed() {
            ui.data_mut(|data| data.insert_temp(id, text));
        }
    });
}
