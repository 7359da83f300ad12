//! Controls for widths and choices, and their effect on the numbers.
//!
//! Settings are kept for each file until they are reset. A worker does the counting: the newest settings are requested
//! as soon as the last request is answered, so that numbers follow a slider.

mod bars;
mod changes;
mod controls;
mod numbers;
mod save;
mod variables;

use std::{collections::HashMap, sync::Arc};

use egui::{Frame, Id, Label, Margin, Panel, RichText, ScrollArea, Ui, UiBuilder};
use inceptive_app::{Content, is_onnx};

use crate::{
    command::{Command, Commands},
    file::FilePath,
    jobs::{DesignRequest, Job},
    model::{Entry, Model, State},
    panels::tradeoff::{Rows, mini},
    theme::colors,
};

use changes::Changes;

/// Below this width, in points, sizes that were dragged are remembered apart.
const ROOMY: f32 = 800.0;

/// Height of the area for errors, in points.
const PROBLEM: f32 = 110.0;

/// The design tab.
#[derive(Default)]
pub struct Design {
    /// The settings, by file.
    changes: HashMap<FilePath, Changes>,
    /// The last request.
    asked: Option<DesignRequest>,
    /// The text that names of widths must contain.
    filter: String,
    /// What the bars of modules show.
    bars: bars::Shown,
    rows: Rows,
    save: save::Save,
}

impl Design {
    /// Applies the values of a network of a space as settings. Returns whether the space has them.
    pub(crate) fn show_point(
        &mut self,
        model: &Model,
        file: &FilePath,
        values: &[(String, String)],
    ) -> bool {
        let space = model.entries.get(file).and_then(Entry::space);
        let Some(space) = space else { return false };
        let changes = variables::changes(space, values);
        let has_them = changes.is_some();
        self.changes.extend(changes.map(|changes| (Arc::clone(file), changes)));
        has_them
    }

    /// Draws the controls at the left, and their effects at the right.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let Some(entry) = super::current_or_hint(ui, model) else { return };
        let base = match base(entry) {
            Ok(base) => base,
            Err(hint) => {
                super::caveat_line(ui, entry, model, commands);
                super::nothing(ui, hint);
                return;
            }
        };
        self.ask(entry, &base, model, commands);
        ui.add_space(4.0);
        super::caveat_line(ui, entry, model, commands);
        let width = ui.available_width();
        // A small window has a width of its own, which does not stay when it is enlarged.
        Panel::left(if width < ROOMY { "variables in little room" } else { "variables" })
            .resizable(true)
            .default_size((width * 0.42).min(430.0))
            .size_range(260.0..=width * 0.6)
            .show(ui, |ui| self.left(ui, entry, &base, model, commands));
        let margin = Frame::NONE.inner_margin(Margin::symmetric(10, 4));
        margin.show(ui, |ui| self.right(ui, model));
    }

    /// Requests the numbers of the current settings, once the last request is answered.
    fn ask(&mut self, entry: &Entry, base: &Content, model: &Model, commands: &mut Commands) {
        // What can be set is known once the network was counted without changes.
        let settings = match model.design.is_about(base) {
            true => self.changes.get(&entry.file).map(Changes::settings).unwrap_or_default(),
            false => Vec::new(),
        };
        let request = DesignRequest {
            file: entry.file.clone(),
            // While the text has mistakes, that of the last valid version.
            text: entry.good.as_ref().and_then(|good| good.text.clone()),
            base: base.clone(),
            settings,
        };
        let is_busy = model.jobs.active().any(|state| matches!(state.job, Job::Design(_)));
        let is_known = model.design.request.as_ref() == Some(&request);
        if !is_busy && !is_known && self.asked.as_ref() != Some(&request) {
            commands.push(Command::Start(Job::Design(request.clone())));
            self.asked = Some(request);
        } else if is_known {
            // The same settings may be wanted again later.
            self.asked = None;
        }
    }

    fn left(
        &mut self,
        ui: &mut Ui,
        entry: &Entry,
        base: &Content,
        model: &Model,
        commands: &mut Commands,
    ) {
        let changes = self.changes.entry(entry.file.clone()).or_default();
        let name = RichText::new(entry.name()).heading();
        ui.add(Label::new(name).truncate()).on_hover_text(entry.name());
        ui.horizontal(|ui| {
            let count = changes.len();
            if ui.add_enabled(count > 0, egui::Button::new("Reset")).clicked() {
                changes.clear();
            }
            self.save.ui(ui, entry, changes, model, commands);
            let text = match count {
                0 => "as in the file".to_owned(),
                1 => "1 change".to_owned(),
                _ => format!("{count} changes"),
            };
            ui.label(RichText::new(text).weak());
        });
        ui.separator();
        // Below, so that the slider being dragged does not move.
        if let Some(problem) = &model.design.problem {
            let color = colors(ui).error;
            Panel::bottom("problem").exact_size(PROBLEM).show(ui, |ui| {
                ScrollArea::both().id_salt("problem").auto_shrink(false).show(ui, |ui| {
                    ui.label(RichText::new("These settings are invalid:").color(color));
                    let text = RichText::new(problem).monospace().size(11.5).color(color);
                    ui.add(Label::new(text).extend());
                });
            });
        }
        let filter = &mut self.filter;
        // With a fixed id, so that a dragged control stays the same when controls around it change.
        let named = UiBuilder::new().scope_id(Id::unique("design controls"));
        ui.scope_builder(named, |ui| {
            ScrollArea::vertical().id_salt("controls").auto_shrink(false).show(
                ui,
                |ui| match base {
                    Content::Space(space) => variables::ui(ui, space, changes),
                    _ => match &model.design.settables {
                        Some(settables) if model.design.is_about(base) => {
                            controls::ui(ui, settables, filter, changes);
                        }
                        _ => {
                            ui.label(RichText::new("Loading settings…").weak());
                        }
                    },
                },
            );
        });
    }

    fn right(&mut self, ui: &mut Ui, model: &Model) {
        let (Some(base), Some(now)) = (&model.design.base, &model.design.network) else { return };
        let is_old = model.design.problem.is_some();
        if is_old {
            ui.label(RichText::new("Last valid design:").color(colors(ui).warning));
        }
        ui.scope(|ui| {
            if is_old {
                ui.disable();
            }
            // Differences may be wider than a small window has room for.
            ScrollArea::horizontal().id_salt("numbers").show(ui, |ui| {
                numbers::ui(ui, base, now, model);
            });
            ui.separator();
            self.rows.update(model, None, None);
            let height = ui.available_height();
            Panel::bottom(if height < ROOMY / 2.0 { "plot in little room" } else { "design plot" })
                .resizable(true)
                .default_size(height * 0.42)
                .size_range(80.0..=height * 0.7)
                .show(ui, |ui| mini(ui, &self.rows, model));
            bars::ui(ui, base, now, &mut self.bars.0);
        });
    }
}

/// What the file holds that can be changed, or a hint why nothing.
fn base(entry: &Entry) -> Result<Content, &'static str> {
    if let (Some(space), false) = (entry.space(), matches!(entry.state, State::Gone)) {
        return Ok(Content::Space(Arc::clone(space)));
    }
    match (&entry.state, &entry.network) {
        (State::Gone, _) => Err("The file was deleted."),
        _ if is_onnx(&entry.file) => Err("The widths of an ONNX file cannot be changed."),
        (_, Some(network)) => Ok(Content::Network(network.clone())),
        (State::Good(Content::Library(_)), _) => {
            Err("A library of blocks has no widths; select a network or a space.")
        }
        (State::Unread, _) => Err("Reading…"),
        _ => Err("The file has errors."),
    }
}
