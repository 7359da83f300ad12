//! Screens. Each is a value with a `Default` and one `ui` function, which looks at the model and pushes commands.

pub mod browser;
mod caveat;
mod choices;
pub mod compare;
mod data_choice;
pub mod design;
mod evidence;
pub mod explore;
mod fields;
pub mod graph;
pub mod import;
mod onnx;
mod queue;
pub mod run;
mod sort;
pub mod source;
mod start;
pub mod tradeoff;
pub mod train;

use egui::{Response, RichText, Ui};

use crate::model::{Entry, Model};

pub(crate) use caveat::{caveat, caveat_line, caveat_lines, job_caveats, mistake};
pub(crate) use choices::entries;

/// All screens.
#[derive(Default)]
pub struct Panels {
    /// Files.
    pub browser: browser::Browser,
    /// The network as a picture.
    pub graph: graph::Graph,
    /// Its text.
    pub source: source::Source,
    /// Its widths and choices.
    pub design: design::Design,
    /// All networks as points.
    pub tradeoff: tradeoff::Tradeoff,
    /// Selected networks side by side.
    pub compare: compare::Compare,
    /// Measuring.
    pub run: run::Run,
    /// Training.
    pub train: train::Train,
    /// Whole spaces.
    pub explore: explore::Explore,
    /// The question for a table of results.
    pub import: import::Import,
}

/// Whether keys are for a screen: no text is typed, no menu is open, and no question is asked.
pub(crate) fn keys_are_free(ui: &Ui) -> bool {
    let ctx = ui.ctx();
    let is_asked = ctx.memory(|memory| memory.top_modal_layer().is_some());
    !ctx.egui_wants_keyboard_input() && !egui::Popup::is_any_open(ctx) && !is_asked
}

/// Takes the keyboard from a field when something else is dragged, as a click does.
pub(crate) fn drag_leaves_field(response: &Response) {
    if response.drag_started() {
        response.ctx.memory_mut(egui::Memory::stop_text_input);
    }
}

/// Begins a new line of a wrapped row where what follows would be taken apart; so wide it is, in points.
pub(crate) fn keep_together(ui: &mut Ui, width: f32) {
    if ui.available_size_before_wrap().x < width && ui.cursor().left() > ui.max_rect().left() {
        ui.end_row();
    }
}

/// Keeps a name and the list after it in one line of a wrapped row; the list shows a choice, and has a width at least.
pub(crate) fn keep_with_list(ui: &mut Ui, name: &str, shown: &str, least: f32) {
    let before = ui.cursor().left();
    let spacing = ui.spacing();
    let beside_text = spacing.icon_width + spacing.icon_spacing + 2.0 * spacing.button_padding.x;
    let gap = spacing.item_spacing.x;
    let list = (text_width(ui, shown) + beside_text).max(least);
    keep_together(ui, text_width(ui, name) + gap + list);
    if ui.cursor().left() < before {
        // Else the name, which is first in the line, is above the middle of the list.
        ui.set_row_height(ui.spacing().interact_size.y);
    }
}

/// Width of a text of the body, in points.
pub(crate) fn text_width(ui: &Ui, text: &str) -> f32 {
    let font = egui::TextStyle::Body.resolve(ui.style());
    ui.painter().layout_no_wrap(text.to_owned(), font, egui::Color32::WHITE).size().x
}

/// Shows a modal question in the middle of the window.
pub(crate) fn question<T>(
    ctx: &egui::Context,
    name: &str,
    width: f32,
    content: impl FnOnce(&mut Ui) -> T,
) -> egui::ModalResponse<T> {
    let frame = egui::Frame::popup(&ctx.style_of(ctx.theme())).inner_margin(16.0);
    let modal = egui::Modal::new(egui::Id::unique(("question", name))).frame(frame);
    modal.show(ctx, |ui| {
        ui.set_width(width);
        content(ui)
    })
}

/// The button of a dialog that has the keyboard when the dialog opens.
pub(crate) fn first_button(ui: &mut Ui, text: &str) -> egui::Response {
    /// Passes without the button after which its dialog is a new one.
    const GONE: u64 = 2;
    let button = ui.button(text);
    // A dialog is measured before it is shown, when nothing in it can have the focus.
    if button.enabled() {
        let (id, now) = (egui::Id::unique(("first button", text)), ui.ctx().cumulative_pass_nr());
        let last = ui.data_mut(|data| {
            let last = data.get_temp::<u64>(id);
            data.insert_temp(id, now);
            last
        });
        if last.is_none_or(|last| now > last + GONE) {
            button.request_focus();
        }
    }
    button
}

/// Moves the keyboard focus to a field if that is wanted. A dialog is measured before it is shown, when nothing in it
/// can have the focus.
pub(crate) fn focus_once(field: &egui::Response, is_wanted: &mut bool) {
    if *is_wanted && field.enabled() {
        field.request_focus();
        *is_wanted = false;
    }
}

/// Leaves the keyboard focus in a field when Enter is pressed there.
pub(crate) fn stay_on_enter(ui: &Ui, field: &egui::Response) {
    if field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter)) {
        field.request_focus();
    }
}

/// Shows in the middle of a screen why there is nothing to show.
pub(crate) fn nothing(ui: &mut Ui, text: &str) {
    ui.centered_and_justified(|ui| ui.label(RichText::new(text).weak()));
}

/// The current file; shows a hint if there is none.
pub(crate) fn current_or_hint<'a>(ui: &mut Ui, model: &'a Model) -> Option<&'a Entry> {
    let entry = model.current();
    if entry.is_none() {
        let text = match (&model.folder_problem, model.is_listed) {
            (Some(problem), _) => format!("{}: {problem}", model.folder.display()),
            (None, false) => "Reading…".to_owned(),
            (None, true) if model.entries.is_empty() => {
                "No networks here. Drop a .yaml, .yml or .onnx file or a folder onto the window."
                    .to_owned()
            }
            (None, true) => "Select a file.".to_owned(),
        };
        nothing(ui, &text);
    }
    entry
}
