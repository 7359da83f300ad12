//! Controls for widths and choices, and their effect on the numbers.
//!
//! Moving a control makes a design: a network of its own in the list. Its settings are in the model; a worker writes it
//! as text and counts it: the newest settings are asked for as soon as the last answer is there, so that numbers follow
//! a slider.

mod bars;
mod controls;
mod head;
mod numbers;
mod save_space;
mod steps;
mod targets;
mod typed;
mod variables;

use std::sync::Arc;

use egui::{Event, Frame, Id, Label, Margin, Panel, RichText, ScrollArea, Ui, UiBuilder, vec2};
use inceptive_app::{Content, error_chain, is_onnx};

use crate::{
    changes::Changes,
    command::{Command, Commands},
    file::{FilePath, stem},
    model::{Entry, Model, Original, State},
    panels::{
        evidence::Evidence,
        tradeoff::{Rows, mini},
    },
    theme::colors,
};

/// Below this width, in points, sizes that were dragged are remembered apart.
const ROOMY: f32 = 800.0;

/// Below this height, in points, what is at the right scrolls as a whole.
const HIGH: f32 = 560.0;

/// Heights of the plot and of the bars there.
const LOW_PLOT: f32 = 150.0;
const LOW_BARS: f32 = 180.0;

/// Height of the area for errors, in points.
const PROBLEM: f32 = 110.0;

/// The design tab.
#[derive(Default)]
pub struct Design {
    /// The text that names of widths must contain.
    filter: String,
    /// A number of the movement of the pointer, or of the key, that may change something now.
    gesture: u64,
    /// What the bars of modules show.
    bars: bars::Shown,
    rows: Rows,
    head: head::Head,
    evidence: Evidence,
    save_space: save_space::SaveSpace,
}

/// The settings of a network of a space; `None` if the space has no such variable or value.
pub(crate) fn point(
    model: &Model,
    file: &FilePath,
    values: &[(String, String)],
) -> Option<Changes> {
    variables::changes(model.entries.get(file)?.space()?, values)
}

impl Design {
    /// Draws the controls at the left, and their effects at the right.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let Some(entry) = super::current_or_hint(ui, model) else { return };
        let Some(from) = model.original_of(entry) else {
            let from = entry.design.as_ref().map(|design| design.from.display().to_string());
            super::nothing(
                ui,
                &format!(
                    "{} is missing; this design is made of it. Put it back, or edit the text in Source.",
                    from.unwrap_or_default()
                ),
            );
            return;
        };
        let base = match base(from) {
            Ok(base) => base,
            Err(hint) => {
                super::caveat_line(ui, entry, model, commands);
                super::nothing(ui, hint);
                return;
            }
        };
        if let Some(job) = model.wants_original(from, &base) {
            commands.push(Command::Start(job));
        }
        steps::keys(ui, entry, commands);
        ui.add_space(4.0);
        // What is to be said of a design stands beside its settings and below them, so that they stay where they are.
        if entry.design.is_none() || matches!(entry.state, State::Gone) {
            super::caveat_line(ui, entry, model, commands);
        }
        let original = model.original.as_ref().filter(|it| it.is_about(&from.file, &base));
        let width = ui.available_width();
        // A small window has a width of its own, which does not stay when it is enlarged.
        Panel::left(if width < ROOMY { "variables in little room" } else { "variables" })
            .resizable(true)
            .default_size((width * 0.42).min(430.0))
            .size_range(330.0_f32.min(width * 0.54)..=width * 0.6)
            .show(ui, |ui| self.left(ui, entry, &base, original, model, commands));
        let margin = Frame::NONE.inner_margin(Margin::symmetric(10, 4));
        margin.show(ui, |ui| self.right(ui, entry, &base, original, model, commands));
    }

    /// A number that stays the same from the press of a button to its release.
    fn gesture(&mut self, ui: &Ui) -> u64 {
        let begins = ui.input(|input| {
            let is_key = |event: &Event| {
                matches!(event, Event::Key { pressed: true, .. } | Event::AccessKitActionRequest(_))
            };
            input.pointer.any_pressed() || input.events.iter().any(is_key)
        });
        self.gesture += u64::from(begins);
        self.gesture
    }

    fn left(
        &mut self,
        ui: &mut Ui,
        entry: &Entry,
        base: &Content,
        original: Option<&Original>,
        model: &Model,
        commands: &mut Commands,
    ) {
        let gesture = self.gesture(ui);
        let before = entry.design.as_ref().map(|design| design.changes().clone());
        let before = before.unwrap_or_default();
        let mut changes = before.clone();
        let settables = original.and_then(|original| original.settables.as_deref());
        let settings = (&before, settables.is_some());
        let head::Asked { resets, makes_space } =
            self.head.ui(ui, entry, settings, model, commands);
        if let (true, Some(settables), Some(from)) =
            (makes_space, settables, model.original_of(entry))
        {
            self.save_space.open(&from.file, settables, &before);
        }
        self.save_space.ui(ui, settables, model, commands);
        if let Some(from) = model.original_of(entry) {
            targets::ui(ui, entry, from, model, commands);
        }
        ui.separator();
        // Below, so that the slider being dragged does not move.
        if let (Some(_), State::Wrong(problem)) = (&entry.design, &entry.state) {
            let color = colors(ui).error;
            Panel::bottom("problem").exact_size(PROBLEM).show(ui, |ui| {
                ScrollArea::both().id_salt("problem").auto_shrink(false).show(ui, |ui| {
                    ui.label(RichText::new("These settings have errors:").color(color));
                    let text = RichText::new(error_chain(&**problem)).monospace().size(11.5);
                    ui.add(Label::new(text.color(color)).extend());
                });
            });
        }
        let costs = original.and_then(|original| {
            let steps =
                controls::next_steps(original.settables.as_ref()?, model.settings.snap, &before);
            let (costs, job) = model.step_costs(entry, model.original_of(entry)?, steps);
            if let Some(job) = job {
                commands.push(Command::Start(job));
            }
            costs
        });
        let shown = (costs.map(Arc::as_ref), self.bars.0);
        let stopped = entry.design.as_ref().and_then(|design| design.stopped.as_ref());
        let targets = model.original_of(entry).map(|from| model.targets_of(&from.file));
        let is_violated =
            targets.is_some_and(|targets| targets::violated(entry, &targets).is_some());
        let (filter, snap) = (&mut self.filter, model.settings.snap);
        // With a fixed id, so that a dragged control stays the same when controls around it change.
        let named = UiBuilder::new().scope_id(Id::unique("design controls"));
        ui.scope_builder(named, |ui| {
            ScrollArea::vertical().id_salt("controls").auto_shrink(false).show(ui, |ui| {
                match (base, original.and_then(|original| original.settables.as_ref())) {
                    (Content::Space(space), _) => variables::ui(ui, space, &mut changes),
                    (_, Some(settables)) => {
                        controls::snapping(ui, snap, shown.1, commands);
                        let known = (stopped, is_violated);
                        controls::ui(ui, settables, (filter, snap), shown, known, &mut changes);
                    }
                    (_, None) if original.is_some() => {
                        ui.label("The settings of this network cannot be read; see Source.");
                    }
                    (_, None) => {
                        ui.label(RichText::new("Loading settings…").weak());
                    }
                }
            });
        });
        let file = FilePath::clone(&entry.file);
        if resets {
            let changes = Changes::default();
            commands.push(Command::Design { file, changes, gesture: None });
        } else if changes != before {
            commands.push(Command::Design { file, changes, gesture: Some(gesture) });
        }
    }

    fn right(
        &mut self,
        ui: &mut Ui,
        entry: &Entry,
        base: &Content,
        original: Option<&Original>,
        model: &Model,
        commands: &mut Commands,
    ) {
        let base_network = match original.map(|original| &original.network) {
            Some(Ok(network)) => network,
            Some(Err(problem)) => {
                ui.label(RichText::new(problem).color(colors(ui).error));
                return;
            }
            None => return,
        };
        let now = match &entry.design {
            Some(_) => entry.network.as_ref().unwrap_or(base_network),
            None => base_network,
        };
        let is_old = entry.design.is_some() && entry.is_wrong();
        if is_old {
            ui.label(RichText::new("Last valid design:").color(colors(ui).warning));
        }
        let limits = match base {
            Content::Space(space) => space.constraints.as_slice(),
            _ => &now.architecture.constraints,
        };
        let targets = model.original_of(entry).map(|from| model.targets_of(&from.file));
        let targets = targets.unwrap_or_default();
        let name_of = |entry: &Entry| stem(&entry.file);
        let base_name = model.original_of(entry).map(name_of).unwrap_or_default();
        let own_name = name_of(entry);
        self.rows.update(model, None, None);
        let Self { rows, bars: shown, evidence, .. } = self;
        let mut figures = |ui: &mut Ui, commands: &mut Commands| {
            // Differences may be wider than a small window has room for.
            ScrollArea::horizontal().id_salt("numbers").show(ui, |ui| {
                numbers::ui(ui, base_network, now, limits.iter().chain(&*targets), model);
            });
            let (now, base) = ((own_name.as_str(), &**now), (&*base_name, &**base_network));
            evidence.ui(ui, now, Some(base), model, commands);
            ui.separator();
        };
        ui.scope(|ui| {
            if is_old {
                ui.disable();
            }
            if ui.available_height() < HIGH {
                ScrollArea::vertical().id_salt("in little room").show(ui, |ui| {
                    figures(ui, commands);
                    let width = ui.available_width();
                    ui.allocate_ui(vec2(width, LOW_PLOT), |ui| mini(ui, rows, model));
                    bars::ui(ui, base_network, now, &mut shown.0, Some(LOW_BARS));
                });
                return;
            }
            figures(ui, commands);
            Panel::bottom("design plot")
                .resizable(true)
                .default_size(ui.available_height() * 0.42)
                .size_range(80.0..=ui.available_height() * 0.7)
                .show(ui, |ui| mini(ui, rows, model));
            bars::ui(ui, base_network, now, &mut shown.0, None);
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
