//! What designs are kept within, as it is typed.

use egui::{Label, RichText, Role, TextEdit, Ui, WidgetInfo};
use inceptive_app::counts_by_name;
use inceptive_dsl::Constraint;

use super::controls::shown;
use crate::{
    command::{Command, Commands},
    model::{Entry, Model},
    theme::colors,
};

/// The first target that a network misses already.
pub fn violated<'a>(entry: &Entry, targets: &'a [Constraint]) -> Option<&'a Constraint> {
    let network = entry.network.as_ref()?;
    let counts = counts_by_name(&network.architecture.graph, &network.cost);
    targets.iter().find(|target| target.holds(&counts) == Some(false))
}

/// Draws the field for targets; below it is a line for what is wrong with them, or which setting they stopped.
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
    let design = entry.design.as_ref();
    let stopped = design.and_then(|design| {
        design.stopped.as_ref().filter(|stopped| *design.changes() == stopped.changes)
    });
    let of_base = model.targets_of(&from.file);
    let missed = || violated(entry, &of_base);
    let (text, color) = match (targets.map(|targets| &targets.conditions), stopped) {
        (Some(Err(problem)), _) => (problem.clone(), palette.error),
        (_, Some(stopped)) => (stopped.sentence(shown(&stopped.key)), palette.warning),
        _ => match missed() {
            Some(target) => {
                (format!("{target} is violated: sliders only move towards it"), palette.warning)
            }
            // The line is there always, so that nothing below moves.
            None => (" ".to_owned(), palette.weak),
        },
    };
    ui.add(Label::new(RichText::new(text).small().color(color)).truncate());
}
