//! The bar at the lower edge: messages, activity, and settings of the window.

use egui::{Align, Layout, ProgressBar, RichText, ScrollArea, ThemePreference, Ui};
use inceptive_cost::Convention;
use inceptive_format::counted;

use crate::{
    actions::{Action, asked},
    command::{Command, Commands},
    format::compute_unit,
    model::{Message, Model, Status},
    theme::colors,
};

/// Draws the bar.
pub(crate) fn bar(ui: &mut Ui, model: &Model, commands: &mut Commands) {
    ui.horizontal(|ui| {
        activity(ui, model, commands);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("?").on_hover_text("Shortcuts (F1)").clicked() {
                commands.push(Command::ToggleShortcuts);
            }
            theme_switch(ui, model.settings.theme);
            scale(ui);
            convention_choice(ui, model.settings.convention(), commands);
        });
    });
}

fn activity(ui: &mut Ui, model: &Model, commands: &mut Commands) {
    let running = model.jobs.long().filter_map(|state| match &state.status {
        Status::Running(progress) => Some((state, progress)),
        _ => None,
    });
    // What training waits for is shown first.
    let Some((state, progress)) = running.min_by_key(|(state, _)| state.training.waits) else {
        let count = model.entries.len();
        let wrong = model.entries.values().filter(|entry| entry.is_wrong()).count();
        let mut text = counted(count, "file", "files");
        let drafts = model.entries.values().filter(|entry| entry.draft.is_some()).count();
        if wrong > 0 {
            text.push_str(&format!(", {wrong} with errors"));
        }
        if drafts > 0 {
            text.push_str(&format!(", {drafts} unsaved"));
        }
        if model.selection.len() > 1 {
            text.push_str(&format!(", {} selected", model.selection.len()));
        }
        ui.label(text);
        return;
    };
    ui.label(state.job.title());
    ui.add(ProgressBar::new(progress.share).desired_width(120.0).show_percentage());
    ui.label(RichText::new(&progress.activity).weak());
    if ui.small_button("Cancel").clicked() {
        commands.push(Command::Stop(state.id));
    }
}

/// How large everything is.
fn scale(ui: &mut Ui) {
    let factor = ui.ctx().zoom_factor();
    let inner = ui.menu_button(format!("{:.0}%", factor * 100.0), |ui| {
        for percent in [75.0_f32, 100.0, 125.0, 150.0, 200.0, 250.0] {
            let is_now = (factor * 100.0 - percent).abs() < 1.0;
            if ui.selectable_label(is_now, format!("{percent:.0}%")).clicked() {
                ui.ctx().set_zoom_factor(percent / 100.0);
            }
        }
    });
    inner.response.on_hover_text("Zoom (Ctrl + and Ctrl −)");
}

fn theme_switch(ui: &mut Ui, now: ThemePreference) {
    let (next, name) = match now {
        ThemePreference::System => (ThemePreference::Light, "Theme: system"),
        ThemePreference::Light => (ThemePreference::Dark, "Theme: light"),
        ThemePreference::Dark => (ThemePreference::System, "Theme: dark"),
    };
    let button = ui.button(name).on_hover_text("Light, dark or system theme");
    if button.clicked() || asked(ui.ctx(), Action::Theme) {
        ui.ctx().set_theme(next);
    }
}

fn convention_choice(ui: &mut Ui, now: Convention, commands: &mut Commands) {
    let shown = egui::ComboBox::from_id_salt("convention").selected_text(compute_unit(now));
    let inner = shown.show_ui(ui, |ui| {
        for convention in Convention::ALL {
            if ui.selectable_label(now == convention, compute_unit(convention)).clicked() {
                commands.push(Command::Count(convention));
            }
        }
    });
    inner.response.on_hover_text("Counting convention of compute");
}

/// Height of messages, in points; with more of them, they scroll.
const MESSAGES: f32 = 78.0;

/// Draws messages that have no other place, each to be taken away by a click.
pub(crate) fn messages(ui: &mut Ui, model: &Model, commands: &mut Commands) {
    if model.messages.len() > 1 && ui.small_button("Dismiss all").clicked() {
        commands.push_all(model.messages.iter().map(|_| Command::Dismiss(0)));
    }
    let area = ScrollArea::vertical().id_salt("messages").max_height(MESSAGES);
    area.stick_to_bottom(true).show(ui, |ui| {
        for (index, message) in model.messages.iter().enumerate() {
            ui.horizontal_wrapped(|ui| {
                if ui.small_button("Dismiss").clicked() {
                    commands.push(Command::Dismiss(index));
                }
                match message {
                    Message::Problem(text) => {
                        ui.label(RichText::new(text).color(colors(ui).warning));
                    }
                    Message::Done(text) => {
                        ui.label(text);
                    }
                }
            });
        }
    });
}
