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
    jobs::{Counts, METRICS, StepCosts, Stopped},
    panels::{drag_leaves_field, stay_on_enter},
    theme::colors,
};

/// Width of the names before sliders, and where there is little room.
const NAME: f32 = 118.0;
const SHORT_NAME: f32 = 88.0;

/// Below this width of a line, in points, there is little room.
const ROOMY: f32 = 366.0;

/// Width of the real widths after sliders.
const REAL: f32 = 44.0;

/// Width of what a step costs, and where there is little room.
const COST: f32 = 48.0;
const SHORT_COST: f32 = 46.0;

/// Widths beyond the next place of a slider that are looked at for one that makes another layer.
const MOST_TRIED: usize = 64;

/// Steps of the width multiplier.
const MULTIPLIER_STEP: f64 = 0.05;

/// Sliders whose steps are counted: more are seldom in view.
const MOST_STEPS: usize = 1000;

/// Modules that are open at first, if there are not more of them.
const MOST_OPEN: usize = 24;

/// What sliders of widths can stop at.
const SNAPS: [f64; 6] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// What a setting is called in the window.
pub fn shown(key: &str) -> &str {
    match key {
        "width_multiplier" => "width multiplier",
        "input.size" => "input size",
        _ => key,
    }
}

/// Draws the choice of where sliders of widths stop, and which cost stands beside them.
pub fn snapping(ui: &mut Ui, snap: f64, metric: Metric, commands: &mut Commands) {
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
        let cost = RichText::new(format!("next step: {}", metric.label())).weak();
        ui.add(egui::Label::new(cost).truncate()).on_hover_text(
            "What stands beside each slider: how much more the network needs after its next step. By module chooses \
             the metric",
        );
    });
}

/// Draws everything that can be set.
pub fn ui(
    ui: &mut Ui,
    settables: &Settables,
    (filter, snap): (&mut String, f64),
    (costs, metric): (Option<&StepCosts>, Metric),
    (stopped, is_violated): (Option<&Stopped>, bool),
    changes: &mut Changes,
) {
    let field =
        TextEdit::singleline(filter).hint_text("Filter widths").desired_width(f32::INFINITY);
    let field = ui.add(field);
    field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter widths"));
    stay_on_enter(ui, &field);
    let wanted = filter.trim().to_lowercase();
    let matches = |key: &str| key.to_lowercase().contains(&wanted);
    let rule = rule_of(settables, changes);
    let widths = Widths { rule, snap, costs, metric, stopped, is_violated };
    if matches("width multiplier") {
        let own = settables.width_rule.multiplier;
        let range = 0.1..=(2.0 * own).max(2.0);
        let limits = Limits { range, step: MULTIPLIER_STEP, typed: Numbers::All };
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

/// How widths are multiplied; `None` where that is not known: with other parameters, the rule may be another one.
fn rule_of(settables: &Settables, changes: &Changes) -> Option<WidthRule> {
    let is_parameter = |settable: &&Settable| settable.kind == SettableKind::Parameter;
    let mut parameters = settables.values.iter().filter(is_parameter);
    let is_known = settables.has_fixed_rule || !parameters.any(|it| changes.get(&it.key).is_some());
    is_known.then(|| {
        let multiplier = changes.number("width_multiplier", settables.width_rule.multiplier);
        WidthRule { multiplier, ..settables.width_rule }
    })
}

/// The width that a width becomes.
fn real(rule: Option<WidthRule>, width: f64) -> Option<u32> {
    let is_width = width.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&width);
    rule.filter(|_| is_width).map(|rule| rule.apply(width as u32))
}

/// The next place where a slider stops.
fn next_stop(value: f64, step: f64) -> f64 {
    exact(((value / step + 1e-6).floor() + 1.0) * step)
}

/// The place before one where a slider stops.
fn stop_before(stop: f64, step: f64) -> f64 {
    exact(stop - step)
}

/// Without the error of sums: steps of 0.05 are not exact.
fn exact(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// The value that a slider would have after one step: of a width, after the first one that makes another layer.
fn next_value(settable: &Settable, snap: f64, rule: Option<WidthRule>, changes: &Changes) -> f64 {
    let step = step_of(settable, snap);
    let now = changes.number(&settable.key, settable.value);
    let rule = rule.filter(|_| settable.kind != SettableKind::Parameter);
    let before = real(rule, now);
    let first = next_stop(now, step);
    let stops = std::iter::successors(Some(first), |stop| Some(next_stop(*stop, step)));
    let makes_another = |stop: &f64| before.is_none() || real(rule, *stop) != before;
    stops.take(MOST_TRIED).find(makes_another).unwrap_or(first)
}

/// The values that sliders would have after one step.
pub fn next_steps(settables: &Settables, snap: f64, changes: &Changes) -> Vec<Setting> {
    let tails = &settables.tails;
    let tail = tails.iter().find(|choice| changes.get("tail") == choice.value.as_deref());
    let widths = settables.values.iter().chain(tail.into_iter().flat_map(|tail| &tail.widths));
    let rule = rule_of(settables, changes);
    let setting = |key: &str, value: f64| Setting { key: key.to_owned(), value: value.to_string() };
    let plain =
        |key: &str, own: f64, step: f64| setting(key, next_stop(changes.number(key, own), step));
    let multiplier = plain("width_multiplier", settables.width_rule.multiplier, MULTIPLIER_STEP);
    let size = settables.input_size.map(|size| plain("input.size", f64::from(size), 1.0));
    let next =
        |settable: &Settable| setting(&settable.key, next_value(settable, snap, rule, changes));
    [multiplier].into_iter().chain(size).chain(widths.take(MOST_STEPS).map(next)).collect()
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
    /// Whether a target is missed already, which is said once above all sliders.
    is_violated: bool,
}

impl Widths<'_> {
    /// A slider for something that the network was given.
    fn ui(&self, ui: &mut Ui, settable: &Settable, name: &str, changes: &mut Changes) {
        let own = settable.value;
        let (range, step) = range(own);
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
        let width = changes.number(&settable.key, own);
        let rule = self.rule.filter(|_| settable.kind != SettableKind::Parameter);
        let real = real(rule, width).filter(|real| f64::from(*real) != width);
        let next = next_value(settable, self.snap, self.rule, changes);
        let cost = self.cost(&settable.key, next);
        let lock = self.lock(&settable.key, own, stop_before(next, step), changes);
        slider(ui, (&settable.key, name), own, limits, changes, Beside { real, cost, lock });
    }

    fn cost(&self, key: &str, next: f64) -> Option<StepCost> {
        let after = self.costs?.after.get(key)?;
        Some(StepCost::new(&self.costs?.before, after, next, self.metric))
    }

    /// A slider of something that is no width.
    fn plain(
        &self,
        ui: &mut Ui,
        (key, name): (&str, &str),
        own: f64,
        limits: Limits,
        changes: &mut Changes,
    ) {
        let next = next_stop(changes.number(key, own), limits.step);
        let lock = self.lock(key, own, stop_before(next, limits.step), changes);
        let beside = Beside { real: None, cost: self.cost(key, next), lock };
        slider(ui, (key, name), own, limits, changes, beside);
    }

    /// How far a slider can be moved before a target is broken, as far as that is known: to `last` at least, which makes
    /// the same network.
    fn lock(&self, key: &str, own: f64, last: f64, changes: &Changes) -> Lock {
        let mut lock = Lock::default();
        if let Some(target) = self.costs.and_then(|costs| costs.broken.get(key)) {
            lock.high = changes.number(key, own).max(last);
            lock.target = Some(target.clone()).filter(|_| !self.is_violated);
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
    fn new(before: &Counts, after: &Counts, next: f64, shown: Metric) -> Self {
        let each = || METRICS.into_iter().zip(*before).zip(after);
        let lines = each().map(|((metric, before), after)| {
            let sign = if *after < before { '-' } else { '+' };
            let amount = metric.exact(before.abs_diff(*after));
            let percent = percent_change(before, *after);
            format!("{}: {sign}{amount} {percent}", metric.label())
        });
        let all = format!("The next step, to {next}\n{}", lines.collect::<Vec<_>>().join("\n"));
        let short = each().find(|((metric, _), _)| *metric == shown);
        let short = short.map(|((_, before), after)| {
            let sign = if *after < before { "-" } else { "+" };
            // Nothing is neither more nor less.
            let sign = if *after == before { "" } else { sign };
            format!("{sign}{}", short_count(before.abs_diff(*after)))
        });
        Self { short: short.unwrap_or_default(), all }
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
        let is_narrow = ui.available_width() < ROOMY;
        match (is_narrow, beside.real) {
            // There is no room for a column of real widths.
            (true, Some(real)) => name_cell(ui, key, &format!("= {real} {name}"), is_changed),
            _ => name_cell(ui, key, name, is_changed),
        }
        // The width left by the name, the number box, what stands beside it, and the button.
        let (beside_slider, cost_width) = match is_narrow {
            true => (138.0, SHORT_COST),
            false => (200.0, COST),
        };
        if is_narrow {
            ui.spacing_mut().item_spacing.x = 4.0;
        }
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
        drag_leaves_field(&response);
        response.widget_info(|| WidgetInfo::slider(true, now, key));
        if now != value {
            changes.set_number(key, now, own);
        }
        if let Some(value) = typed(ui, key, value, numbers) {
            changes.set_number(key, value, own);
        }
        if !is_narrow {
            let real = beside.real.map(|real| format!("= {real}")).unwrap_or_default();
            cell(ui, (REAL, false), &real, "The width after the width multiplier and rounding");
        }
        let (short, all) = match (&beside.lock.target, &beside.cost) {
            (Some(target), _) => ("at max", format!("One step to the right would break {target}")),
            (None, Some(cost)) => (&*cost.short, cost.all.clone()),
            (None, None) => ("", String::new()),
        };
        cell(ui, (cost_width, is_narrow), short, &all);
        reset(ui, key, is_changed, changes);
    });
}

/// A text of fixed width; the explanation is shown under the pointer.
fn cell(ui: &mut Ui, (width, is_small): (f32, bool), text: &str, explanation: &str) {
    let size = vec2(width, ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(egui::Align::Center), |ui| {
        ui.set_min_width(width);
        if !text.is_empty() {
            let text = RichText::new(text).weak();
            let text = if is_small { text.small() } else { text };
            ui.add(egui::Label::new(text).truncate()).on_hover_text(explanation);
        }
    });
}

/// A name of fixed width; values that differ from the file are emphasised.
pub fn name_cell(ui: &mut Ui, key: &str, name: &str, is_changed: bool) {
    let text = match is_changed {
        true => RichText::new(name).strong().color(colors(ui).accent),
        false => RichText::new(name),
    };
    let width = if ui.available_width() < ROOMY { SHORT_NAME } else { NAME };
    let size = vec2(width, ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(egui::Align::Center), |ui| {
        ui.set_min_width(width);
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
