//! The bar at the lower edge: messages, activity, and settings of the window.

use std::time::Duration;

use egui::{Align, Context, Layout, ProgressBar, RichText, ScrollArea, ThemePreference, Ui};
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

/// How long a message of success stays, in seconds.
const SUCCESS_S: f64 = 12.0;

/// Since when messages of success are shown.
#[derive(Default)]
pub(crate) struct Successes(Vec<(String, f64)>);

impl Successes {
    /// Takes messages of success away that were there long enough.
    pub fn pass(&mut self, ctx: &Context, model: &Model, commands: &mut Commands) {
        let now = ctx.input(|input| input.time);
        let done = model.messages.iter().enumerate().filter_map(|(at, message)| match message {
            Message::Done(text) => Some((at, text)),
            Message::Problem(_) => None,
        });
        let mut known = std::mem::take(&mut self.0);
        let mut over = vec![];
        for (at, text) in done {
            let place = known.iter().position(|(other, _)| other == text);
            let since = place.map_or(now, |place| known.swap_remove(place).1);
            match now - since < SUCCESS_S {
                true => self.0.push((text.clone(), since)),
                false => over.push(at),
            }
        }
        // From the end, so that the places of those before stay what they are.
        commands.push_all(over.into_iter().rev().map(Command::Dismiss));
        let first = self.0.iter().map(|(_, since)| *since).fold(f64::INFINITY, f64::min);
        if first.is_finite() {
            let rest = (first + SUCCESS_S - now).max(0.0) + 0.05;
            ctx.request_repaint_after(Duration::from_secs_f64(rest));
        }
    }
}

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
