//! Sliders for the widths of a network.

use std::ops::RangeInclusive;

use egui::{
    CollapsingHeader, ComboBox, RichText, Role, Slider, SliderClamping, TextEdit, Ui, WidgetInfo,
    vec2,
};
use inceptive_dsl::{Settable, SettableKind, Settables, Setting, WidthRule};
use inceptive_format::percent_change;
use inceptive_results::Metric;

use super::typed::{Numbers, typed};
use crate::{
    changes::Changes,
    command::{Command, Commands},
    format::short_count,
    jobs::{METRICS, StepCosts, Stopped},
    theme::colors,
};

/// Width of the names before sliders.
const NAME: f32 = 118.0;

/// Width of the real widths after sliders.
const REAL: f32 = 44.0;

/// Width of what a step costs.
const COST: f32 = 48.0;

/// Sliders whose steps are counted: more are seldom in view.
const MOST_STEPS: usize = 1000;

/// Modules that are open at first, if there are not more of them.
const MOST_OPEN: usize = 24;

/// What sliders of widths can stop at.
const SNAPS: [f64; 6] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// Draws the choice of where sliders of widths stop.
pub fn snapping(ui: &mut Ui, snap: f64, commands: &mut Commands) {
    ui.horizontal(|ui| {
        let label = ui.label("widths in steps of");
        let list = ComboBox::from_id_salt("steps of widths").width(50.0);
        let shown = list.selected_text(snap.to_string()).show_ui(ui, |ui| {
            for choice in SNAPS {
                if ui.selectable_label(snap == choice, choice.to_string()).clicked() {
                    commands.push(Command::Snap(choice));
                }
            }
        });
        shown.response.labelled_by(label.id);
    });
}

/// Draws everything that can be set.
pub fn ui(
    ui: &mut Ui,
    settables: &Settables,
    (filter, snap): (&mut String, f64),
    (costs, metric): (Option<&StepCosts>, Metric),
    stopped: Option<&Stopped>,
    changes: &mut Changes,
) {
    let field =
        TextEdit::singleline(filter).hint_text("Filter widths").desired_width(f32::INFINITY);
    ui.add(field).widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter widths"));
    let wanted = filter.trim().to_lowercase();
    let matches = |key: &str| key.to_lowercase().contains(&wanted);
    let is_parameter = |settable: &&Settable| settable.kind == SettableKind::Parameter;
    let mut parameters = settables.values.iter().filter(is_parameter);
    // With other parameters, the rule may be another one.
    let is_known = settables.has_fixed_rule || !parameters.any(|it| changes.get(&it.key).is_some());
    let rule = is_known.then_some(settables.width_rule);
    let widths = Widths { rule, snap, costs, metric, stopped };
    if matches("width multiplier") {
        let own = settables.width_rule.multiplier;
        let limits = Limits { range: 0.1..=(2.0 * own).max(2.0), step: 0.05, typed: Numbers::All };
        widths.plain(ui, ("width_multiplier", "width multiplier"), own, limits, changes);
    }
    if let Some(size) = settables.input_size.filter(|_| matches("input size")) {
        let own = f64::from(size);
        let range = 8.0..=(2.0 * own).max(64.0);
        let limits = Limits { range, step: 1.0, typed: Numbers::Whole };
        widths.plain(ui, ("input.size", "input size"), own, limits, changes);
    }
    tail(ui, settables, &matches, &widths, changes);
    let groups = groups(settables, &matches);
    let is_open = groups.len() <= MOST_OPEN;
    for (title, members) in groups {
        let count = members.iter().filter(|it| changes.get(&it.key).is_some()).count();
        let is_head = members.iter().all(|it| it.kind == SettableKind::HeadWidth);
        let mut text = title.to_owned();
        if is_head {
            text.push_str(", in training only");
        }
        if count > 0 {
            text.push_str(&format!(" ({count} changed)"));
        }
        CollapsingHeader::new(RichText::new(text).strong())
            .id_salt(title)
            .default_open(is_open)
            .open((!wanted.is_empty()).then_some(true))
            .show_unindented(ui, |ui| {
                for settable in members {
                    let name = settable.key.strip_prefix(title).unwrap_or(&settable.key);
                    widths.ui(ui, settable, name.trim_start_matches(['/', '.']), changes);
                }
            });
    }
}

/// Values by the outermost module that they belong to.
fn groups<'a>(
    settables: &'a Settables,
    matches: &dyn Fn(&str) -> bool,
) -> Vec<(&'a str, Vec<&'a Settable>)> {
    let mut groups: Vec<(&str, Vec<&Settable>)> = Vec::new();
    for settable in settables.values.iter().filter(|settable| matches(&settable.key)) {
        let step = settable.step();
        let title = match step.split('/').next() {
            Some("") | None => "parameters",
            Some(first) => first,
        };
        match groups.iter_mut().find(|(known, _)| *known == title) {
            Some((_, members)) => members.push(settable),
            None => groups.push((title, vec![settable])),
        }
    }
    groups
}

/// The step of a slider of a width or parameter.
fn step_of(settable: &Settable, snap: f64) -> f64 {
    let (_, step) = range(settable.value);
    match is_whole_width(settable, step) {
        true => snap.max(step),
        false => step,
    }
}

fn is_whole_width(settable: &Settable, step: f64) -> bool {
    settable.kind != SettableKind::Parameter && step >= 1.0
}

/// The values that sliders would have after one step.
pub fn next_steps(settables: &Settables, snap: f64, changes: &Changes) -> Vec<Setting> {
    let tails = &settables.tails;
    let tail = tails.iter().find(|choice| changes.get("tail") == choice.value.as_deref());
    let widths = settables.values.iter().chain(tail.into_iter().flat_map(|tail| &tail.widths));
    let next = |settable: &Settable| {
        let step = step_of(settable, snap);
        // The next place where the slider stops.
        let value = ((changes.number(&settable.key, settable.value) / step).floor() + 1.0) * step;
        Setting { key: settable.key.clone(), value: value.to_string() }
    };
    widths.take(MOST_STEPS).map(next).collect()
}

/// How widths are shown and moved.
struct Widths<'a> {
    /// How widths are multiplied, if that is known.
    rule: Option<WidthRule>,
    /// Sliders stop at multiples of this.
    snap: f64,
    /// What a step costs.
    costs: Option<&'a StepCosts>,
    /// The metric that is shown of it.
    metric: Metric,
    /// The last setting that a target stopped.
    stopped: Option<&'a Stopped>,
}

impl Widths<'_> {
    /// A slider for something that the network was given.
    fn ui(&self, ui: &mut Ui, settable: &Settable, name: &str, changes: &mut Changes) {
        let own = settable.value;
        let (range, step) = range(own);
        let is_width = settable.kind != SettableKind::Parameter;
        let is_whole = is_whole_width(settable, step);
        let step = step_of(settable, self.snap);
        let limits = match is_whole {
            true => {
                let range = self.snap.max(*range.start())..=*range.end();
                Limits { range, step, typed: Numbers::Whole }
            }
            // A parameter may be multiplied with anything.
            false => Limits { range, step, typed: Numbers::All },
        };
        let rule = self.rule.map(|rule| WidthRule {
            multiplier: changes.number("width_multiplier", rule.multiplier),
            ..rule
        });
        let width = changes.number(&settable.key, own);
        let whole =
            is_width && width.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&width);
        let real = rule.filter(|_| whole).map(|rule| rule.apply(width as u32));
        let real = real.filter(|real| f64::from(*real) != width);
        let cost = self.costs.and_then(|costs| StepCost::of(costs, &settable.key, self.metric));
        let lock = self.lock(&settable.key, own, changes);
        slider(ui, (&settable.key, name), own, limits, changes, Beside { real, cost, lock });
    }

    /// A slider with nothing beside it.
    fn plain(
        &self,
        ui: &mut Ui,
        (key, name): (&str, &str),
        own: f64,
        limits: Limits,
        changes: &mut Changes,
    ) {
        let beside = Beside { lock: self.lock(key, own, changes), ..Beside::default() };
        slider(ui, (key, name), own, limits, changes, beside);
    }

    /// How far a slider can be moved before a target is broken, as far as that is known.
    fn lock(&self, key: &str, own: f64, changes: &Changes) -> Lock {
        let mut lock = Lock::default();
        if let Some(target) = self.costs.and_then(|costs| costs.broken.get(key)) {
            lock.high = changes.number(key, own);
            lock.target = Some(target.clone());
        }
        match self.stopped.and_then(|stopped| stopped.limit_of(key, changes)) {
            Some((limit, true)) => lock.high = limit,
            Some((limit, false)) => lock.low = limit,
            None => {}
        }
        lock
    }
}

/// Between which values targets hold a slider.
struct Lock {
    low: f64,
    high: f64,
    /// The target that the next step would break.
    target: Option<String>,
}

impl Default for Lock {
    fn default() -> Self {
        Self { low: f64::NEG_INFINITY, high: f64::INFINITY, target: None }
    }
}

/// What stands beside a slider.
#[derive(Default)]
pub struct Beside {
    /// The width that it really gives, if that is another one.
    real: Option<u32>,
    /// What a step costs.
    cost: Option<StepCost>,
    /// How far it can be moved.
    lock: Lock,
}

/// What a step costs: in one metric, and in all.
struct StepCost {
    short: String,
    all: String,
}

impl StepCost {
    fn of(costs: &StepCosts, key: &str, shown: Metric) -> Option<Self> {
        let after = costs.after.get(key)?;
        let each = || METRICS.into_iter().zip(costs.before).zip(after);
        let lines = each().map(|((metric, before), after)| {
            let sign = if *after < before { '-' } else { '+' };
            let amount = metric.exact(before.abs_diff(*after));
            let percent = percent_change(before, *after);
            format!("{}: {sign}{amount} {percent}", metric.label())
        });
        let all = format!("One step to the right\n{}", lines.collect::<Vec<_>>().join("\n"));
        let short = each().find(|((metric, _), _)| *metric == shown);
        let short = short.filter(|((_, before), after)| before != *after);
        let short = short.map(|((_, before), after)| {
            let sign = if *after < before { '-' } else { '+' };
            format!("{sign}{}", short_count(before.abs_diff(*after)))
        });
        Some(Self { short: short.unwrap_or_default(), all })
    }
}

/// The values of a slider.
pub struct Limits {
    /// From the left end to the right one; other values can be typed.
    range: RangeInclusive<f64>,
    /// Where it stops.
    step: f64,
    /// What can be typed.
    typed: Numbers,
}

/// The range of a slider: up to four times the file's value, in steps of a hundredth if it is not a whole number.
fn range(own: f64) -> (RangeInclusive<f64>, f64) {
    if own.fract() == 0.0 && own >= 0.0 {
        (1.0_f64.min(own)..=(4.0 * own).max(8.0), 1.0)
    } else {
        ((4.0 * own).min(0.0)..=(4.0 * own).max(0.0), (own.abs() / 100.0).max(1e-4))
    }
}

/// A slider with its name, the width that it really gives if that is another one, and a button that goes back to the
/// file.
pub fn slider(
    ui: &mut Ui,
    (key, name): (&str, &str),
    own: f64,
    limits: Limits,
    changes: &mut Changes,
    beside: Beside,
) {
    let is_changed = changes.get(key).is_some();
    let value = changes.number(key, own);
    let mut now = value;
    let Limits { range, step, typed: numbers } = limits;
    // A typed value beyond the ends moves them.
    let range = range.start().min(value)..=range.end().max(value);
    ui.horizontal(|ui| {
        name_cell(ui, key, name, is_changed);
        // The width left by the name, the number box, what stands beside it, and the button.
        let is_narrow = ui.available_width() < 240.0;
        let beside_slider = if is_narrow { 200.0 - COST } else { 200.0 };
        ui.spacing_mut().slider_width = (ui.available_width() - beside_slider).max(40.0);
        // Only a movement is held to the steps: a value that was typed stays as it is.
        let lock = &beside.lock;
        let slider = Slider::from_get_set(range, |moved| {
            // What is beyond the limits already may only come nearer.
            let held = |moved: f64| moved.clamp(lock.low.min(value), lock.high.max(value));
            now = moved.map_or(now, held);
            now
        });
        let slider = slider.step_by(step).show_value(false);
        let slider = slider.clamping(SliderClamping::Never);
        let response = ui.add(slider);
        response.widget_info(|| WidgetInfo::slider(true, now, key));
        if now != value {
            changes.set_number(key, now, own);
        }
        if let Some(value) = typed(ui, key, value, numbers) {
            changes.set_number(key, value, own);
        }
        let real = beside.real.map(|real| format!("= {real}")).unwrap_or_default();
        cell(ui, REAL, &real, "The width after the width multiplier and rounding");
        let (short, all) = match (&beside.lock.target, &beside.cost) {
            (Some(target), _) => ("at max", format!("One step to the right would break {target}")),
            (None, Some(cost)) => (&*cost.short, cost.all.clone()),
            (None, None) => ("", String::new()),
        };
        if is_narrow {
            // There is room for it under the pointer.
            if !all.is_empty() {
                response.on_hover_text(all);
            }
        } else {
            cell(ui, COST, short, &all);
        }
        reset(ui, key, is_changed, changes);
    });
}

/// A text of fixed width; the explanation is shown under the pointer.
fn cell(ui: &mut Ui, width: f32, text: &str, explanation: &str) {
    let size = vec2(width, ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(egui::Align::Center), |ui| {
        ui.set_min_width(width);
        if !text.is_empty() {
            ui.add(egui::Label::new(RichText::new(text).weak()).truncate())
                .on_hover_text(explanation);
        }
    });
}

/// A name of fixed width; values that differ from the file are emphasised.
pub fn name_cell(ui: &mut Ui, key: &str, name: &str, is_changed: bool) {
    let text = match is_changed {
        true => RichText::new(name).strong().color(colors(ui).accent),
        false => RichText::new(name),
    };
    let size = vec2(NAME, ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(egui::Align::Center), |ui| {
        ui.set_min_width(NAME);
        ui.add(egui::Label::new(text).truncate()).on_hover_text(key);
    });
}

/// A button that goes back to the file.
pub fn reset(ui: &mut Ui, key: &str, is_changed: bool, changes: &mut Changes) {
    if is_changed {
        let response = ui.small_button("×").on_hover_text("Reset to the value in the file");
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Reset {key}")));
        if response.clicked() {
            changes.set(key, None);
        }
    }
}

/// What the network ends in, and the widths of that. Those of another end are forgotten when it is chosen.
fn tail(
    ui: &mut Ui,
    settables: &Settables,
    matches: &dyn Fn(&str) -> bool,
    numbers: &Widths<'_>,
    changes: &mut Changes,
) {
    let tails = &settables.tails;
    if tails.len() > 1 && matches("tail") {
        ui.horizontal(|ui| {
            name_cell(ui, "tail", "tail", changes.get("tail").is_some());
            for choice in tails {
                let is_chosen = changes.get("tail") == choice.value.as_deref();
                if ui.radio(is_chosen, choice.label).clicked() && !is_chosen {
                    changes.set("tail", choice.value.clone());
                    changes.forget("tail/");
                }
            }
        });
    }
    let chosen = tails.iter().find(|choice| changes.get("tail") == choice.value.as_deref());
    let widths = chosen.into_iter().flat_map(|choice| &choice.widths);
    for settable in widths.filter(|settable| matches(&settable.key)) {
        numbers.ui(ui, settable, &settable.key, changes);
    }
}
