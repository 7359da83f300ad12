//! Controls for the variables of a space.

use egui::{ComboBox, Role, Slider, Ui, WidgetInfo};
use inceptive_dsl::{Space, Variable};

use super::controls::{name_cell, reset};
use crate::changes::Changes;

/// Values that are shown side by side; more of them, in a list.
const MOST_SIDE_BY_SIDE: usize = 4;

/// Draws a control for each variable.
pub fn ui(ui: &mut Ui, space: &Space, changes: &mut Changes) {
    if let Some(description) = &space.description {
        ui.label(description);
        ui.add_space(4.0);
    }
    for variable in &space.variables {
        ui.horizontal(|ui| control(ui, variable, changes));
    }
}

/// The values that differ from the defaults, each with the name of its variable; `None` if the space has no such
/// variable or value.
pub fn changes(space: &Space, values: &[(String, String)]) -> Option<Changes> {
    let mut changes = Changes::default();
    for (name, value) in values {
        let variable = space.variables.iter().find(|variable| variable.name == *name)?;
        let place = variable.values.iter().position(|choice| choice.label == *value)?;
        changes.set(name, (place != variable.default).then(|| quoted(value)));
    }
    Some(changes)
}

fn control(ui: &mut Ui, variable: &Variable, changes: &mut Changes) {
    let (key, labels) = (variable.name.as_str(), &variable.values);
    let is_changed = changes.get(key).is_some();
    let now = changes.get(key).and_then(unquoted);
    let before = now
        .and_then(|now| labels.iter().position(|choice| choice.label == now))
        .unwrap_or(variable.default);
    let mut place = before;
    name_cell(ui, key, key, is_changed);
    let is_number = |label: &str| label.parse::<f64>().is_ok();
    if labels.len() > 2 && labels.iter().all(|choice| is_number(&choice.label)) {
        slider(ui, variable, &mut place);
    } else if labels.len() <= MOST_SIDE_BY_SIDE {
        for (at, choice) in labels.iter().enumerate() {
            if ui.radio(at == place, &choice.label).clicked() {
                place = at;
            }
        }
    } else {
        let combo = ComboBox::from_id_salt(key).selected_text(&labels[place].label);
        let response = combo.show_index(ui, &mut place, labels.len(), |at| &labels[at].label);
        let text = &labels[before].label;
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::ComboBox, true, key);
            info.current_text_value = Some(text.clone());
            info
        });
    }
    reset(ui, key, is_changed, changes);
    if place != before {
        let is_default = place == variable.default;
        changes.set(key, (!is_default).then(|| quoted(&labels[place].label)));
    }
}

/// A slider over the positions of values, which shows the values.
fn slider(ui: &mut Ui, variable: &Variable, place: &mut usize) {
    let labels = &variable.values;
    ui.spacing_mut().slider_width = (ui.available_width() - 92.0).max(60.0);
    let last = labels.len() - 1;
    let response = ui.add(
        Slider::new(place, 0..=last)
            .custom_formatter(|at, _| labels[(at as usize).min(last)].label.clone())
            .custom_parser(|text| nearest(variable, text.trim().parse().ok()?)),
    );
    crate::panels::drag_leaves_field(&response);
    let value = *place as f64;
    response.widget_info(|| WidgetInfo::slider(true, value, &variable.name));
}

/// The position of the value that is nearest to a number.
fn nearest(variable: &Variable, wanted: f64) -> Option<f64> {
    let distance =
        |label: &str| label.parse::<f64>().map_or(f64::INFINITY, |it| (it - wanted).abs());
    let all = variable.values.iter().map(|choice| distance(&choice.label)).enumerate();
    let (at, _) = all.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    Some(at as f64)
}

/// A label as YAML text, whatever it looks like.
fn quoted(label: &str) -> String {
    format!("\"{}\"", label.replace('\\', "\\\\").replace('"', "\\\""))
}

fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.replace("\\\"", "\"").replace("\\\\", "\\"))
}
