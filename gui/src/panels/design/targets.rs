//! What designs are kept within, as it is typed.

use egui::{RichText, Role, TextEdit, Ui, WidgetInfo};

use crate::{
    command::{Command, Commands},
    jobs::Stopped,
    model::{Entry, Model},
    theme::colors,
};

/// Draws the field for targets, what is wrong with them, and which setting they stopped.
pub fn ui(ui: &mut Ui, entry: &Entry, from: &Entry, model: &Model, commands: &mut Commands) {
    let targets = model.targets.get(&from.file);
    let mut text = targets.map(|targets| targets.text.clone()).unwrap_or_default();
    ui.horizontal(|ui| {
        ui.label("keep").on_hover_text(
            "Conditions that designs of this network are kept within: a setting that would break \
             one stops before",
        );
        let field = TextEdit::singleline(&mut text)
            .hint_text("macs <= 1.5G and params < 7M")
            .desired_width(f32::INFINITY);
        let response = ui.add(field);
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Targets"));
        if response.changed() {
            commands.push(Command::Target(from.file.clone(), text));
        }
    });
    let palette = colors(ui);
    if let Some(Err(problem)) = targets.map(|targets| &targets.conditions) {
        ui.label(RichText::new(problem).small().color(palette.error));
    }
    let design = entry.design.as_ref();
    let stopped = design.and_then(|design| Some((design, design.stopped.as_ref()?)));
    if let Some((_, stopped)) = stopped.filter(|(design, it)| *design.changes() == it.changes) {
        let Stopped { key, wanted, target, changes } = stopped;
        let at = changes.get(key).map(|at| format!(" at {at}")).unwrap_or_default();
        let text = format!("{key} stops{at}, not {wanted}: {target}");
        ui.label(RichText::new(text).small().color(palette.warning));
    }
}
