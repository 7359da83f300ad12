//! Saves what sliders have set as a space: each setting becomes a variable with a range.

use std::{path::PathBuf, sync::Arc};

use egui::{
    Checkbox, ComboBox, DragValue, Grid, Id, Label, RichText, Role, ScrollArea, TextEdit, Ui,
    WidgetInfo,
};
use inceptive_app::yaml_file_name;
use inceptive_dsl::{Settables, Setting};
use inceptive_format::combinations;

use crate::{
    changes::Changes,
    command::{Command, Commands},
    file::{FilePath, file_name, stem},
    model::Model,
    panels::{choices::entries, focus_once, question},
    templates::{self, Varied},
    theme::colors,
};

/// Width of the dialog, and the height that its variables may take.
const WIDTH: f32 = 520.0;
const MOST_HEIGHT: f32 = 260.0;

/// Values of a variable that is suggested, at most.
const MOST_VALUES: f64 = 9.0;

/// Room around the variables in a low window.
const AROUND: f32 = 260.0;

/// A setting, and whether it varies.
struct Row {
    varies: bool,
    varied: Varied,
    is_whole: bool,
}

/// The dialog.
#[derive(Default)]
pub(super) struct SaveSpace {
    open: Option<Open>,
}

struct Open {
    /// The file that the settings change.
    base: FilePath,
    rows: Vec<Row>,
    /// Settings that are no numbers: every network of the space has them.
    fixed: Vec<Setting>,
    name: String,
    focuses: bool,
}

impl SaveSpace {
    /// Opens it for a design, or for a network without changes.
    pub fn open(&mut self, base: &FilePath, settables: &Settables, changes: &Changes) {
        let (mut rows, mut fixed) = (vec![], vec![]);
        for Setting { key, value } in changes.settings() {
            match (settables.number(&key), value.parse::<f64>().ok()) {
                (Some(own), Some(now)) => rows.push(Row::new(&key, own, now)),
                _ => fixed.push(Setting { key, value }),
            }
        }
        if rows.is_empty() {
            let own = settables.width_rule.multiplier;
            rows.push(Row::new("width_multiplier", own, own));
        }
        let name = format!("{}-space", stem(base));
        self.open = Some(Open { base: Arc::clone(base), rows, fixed, name, focuses: true });
    }

    /// Draws it if it is open.
    pub fn ui(
        &mut self,
        ui: &Ui,
        settables: Option<&Settables>,
        model: &Model,
        commands: &mut Commands,
    ) {
        let Some(open) = &mut self.open else { return };
        let screen = ui.ctx().content_rect();
        let modal = question(ui.ctx(), "save space", WIDTH.min(screen.width() - 60.0), |ui| {
            ui.heading("Save as a space");
            let weak = colors(ui).weak;
            let about =
                "Each variable gets the values of its range, and Explore counts all combinations.";
            ui.add(Label::new(RichText::new(about).color(weak)).wrap());
            let height = (screen.height() - AROUND).clamp(60.0, MOST_HEIGHT);
            ScrollArea::vertical().max_height(height).show(ui, |ui| open.rows(ui));
            if let Some(settables) = settables {
                open.more(ui, settables);
            }
            ui.add_space(4.0);
            let size = open.size();
            let networks = format!("{} networks", combinations(size));
            ui.label(RichText::new(if size == 1 { "1 network" } else { &networks }).color(weak));
            let field = TextEdit::singleline(&mut open.name).desired_width(f32::INFINITY);
            let field = ui.add(field);
            field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "File name"));
            focus_once(&field, &mut open.focuses);
            let target = open.target(model);
            if let Err(problem) = &target {
                ui.label(RichText::new(problem).color(colors(ui).error));
            }
            let enter = ui.input(|input| input.key_pressed(egui::Key::Enter));
            ui.add_space(4.0);
            ui.horizontal(|ui| {
                let save = ui.add_enabled(target.is_ok(), egui::Button::new("Make space"));
                let makes = save.clicked() || enter;
                (target.ok().filter(|_| makes), ui.button("Cancel").clicked())
            })
            .inner
        });
        let closes = modal.should_close();
        match modal.inner {
            (Some(file), _) => {
                let text = open.text(&stem(&file));
                commands.push(Command::New(Arc::from(file), Arc::from(text)));
                self.open = None;
            }
            (None, cancels) if cancels || closes => self.open = None,
            (None, _) => {}
        }
    }
}

impl Row {
    fn new(key: &str, own: f64, now: f64) -> Self {
        let is_whole = key != "width_multiplier" && own.fract() == 0.0 && now.fract() == 0.0;
        let (low, high) = match (own.min(now), own.max(now)) {
            (low, high) if high > low => (low, high),
            (low, high) => (low / 2.0, high * 1.5),
        };
        let step = match is_whole {
            true => whole_step(high - low),
            false => 0.125,
        };
        // The value of the network is one of the range.
        let down = |value: f64| (own - ((own - value) / step).ceil() * step).max(step);
        let (from, to) = match is_whole {
            true => (down(low), own + ((high - own) / step).ceil() * step),
            false => (low, high),
        };
        let varied = Varied { key: key.to_owned(), from, to: to.max(from), step, now };
        Self { varies: true, varied, is_whole }
    }

    /// How many values it has.
    fn values(&self) -> u128 {
        if !self.varies {
            return 1;
        }
        let Varied { from, to, step, .. } = self.varied;
        if step > 0.0 { ((to - from) / step + 1e-9).floor().max(0.0) as u128 + 1 } else { 1 }
    }
}

/// A power of two by which a width makes no more than [`MOST_VALUES`] steps.
fn whole_step(width: f64) -> f64 {
    let steps = (0..16).map(|power| f64::from(1_u32 << power));
    steps.into_iter().find(|step| width / step < MOST_VALUES).unwrap_or(width)
}

impl Open {
    fn rows(&mut self, ui: &mut Ui) {
        Grid::new("variables of a new space").num_columns(5).spacing([10.0, 4.0]).show(ui, |ui| {
            for title in ["variable", "from", "to", "step", "values"] {
                ui.strong(title);
            }
            ui.end_row();
            for row in &mut self.rows {
                let key = row.varied.key.clone();
                ui.add(Checkbox::new(&mut row.varies, super::controls::shown(&key)))
                    .on_hover_text("Without the mark, all networks have the value of the design");
                let Varied { from, to, step, .. } = &mut row.varied;
                let least = if row.is_whole { 1.0 } else { 0.01 };
                let number = |ui: &mut Ui, value: &mut f64, name: &str, range| {
                    let speed = if row.is_whole { 1.0 } else { 0.01 };
                    let field = DragValue::new(value).range(range).speed(speed).max_decimals(4);
                    let response = ui.add_enabled(row.varies, field);
                    let now = *value;
                    response.widget_info(|| {
                        let mut info = WidgetInfo::drag_value(row.varies, now);
                        info.label = Some(format!("{name} of {key}"));
                        info
                    });
                };
                number(ui, from, "from", least..=1e6);
                number(ui, to, "to", *from..=1e6);
                number(ui, step, "step", least..=1e6);
                ui.monospace(row.values().to_string());
                ui.end_row();
            }
        });
        if !self.fixed.is_empty() {
            let fixed: Vec<&str> = self.fixed.iter().map(|it| it.key.as_str()).collect();
            let text = format!("As in the design: {}", fixed.join(", "));
            ui.add(Label::new(RichText::new(text).color(colors(ui).weak)).truncate());
        }
    }

    /// The choice of another setting.
    fn more(&mut self, ui: &mut Ui, settables: &Settables) {
        let known = |key: &str| {
            self.rows.iter().any(|row| row.varied.key == key)
                || self.fixed.iter().any(|setting| setting.key == key)
        };
        let size = settables.input_size.map(|_| "input.size");
        let first = ["width_multiplier"].into_iter().chain(size);
        let all = first.chain(settables.values.iter().map(|it| it.key.as_str()));
        let keys: Vec<String> = all.filter(|key| !known(key)).map(str::to_owned).collect();
        if keys.is_empty() {
            return;
        }
        let id = Id::unique("another variable");
        let list = ComboBox::from_id_salt(id).selected_text("Add a variable").width(180.0);
        let shown = list.show_ui(ui, |ui| {
            let all = keys.into_iter().map(|key| {
                let title = super::controls::shown(&key).to_owned();
                (key, title)
            });
            entries(ui, "another variable", &String::new(), all)
        });
        shown.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "Add a variable"));
        if let Some(key) = shown.inner.flatten()
            && let Some(own) = settables.number(&key)
        {
            self.rows.push(Row::new(&key, own, own));
        }
    }

    fn size(&self) -> u128 {
        self.rows.iter().map(Row::values).fold(1, u128::saturating_mul)
    }

    /// The path of the file, or why there is none.
    fn target(&self, model: &Model) -> Result<PathBuf, String> {
        if !self.rows.iter().any(|row| row.varies) {
            return Err("Mark at least one variable.".to_owned());
        }
        let name = yaml_file_name(&self.name).map_err(|error| error.to_string())?;
        let file = self.base.with_file_name(name);
        match model.is_taken(&file) {
            true => Err(format!("{} exists already.", file_name(&file))),
            false => Ok(file),
        }
    }

    fn text(&self, title: &str) -> String {
        let (varied, others): (Vec<&Row>, Vec<&Row>) = self.rows.iter().partition(|row| row.varies);
        let varied: Vec<Varied> = varied.into_iter().map(|row| row.varied.clone()).collect();
        let fixed = others
            .into_iter()
            .map(|row| Setting { key: row.varied.key.clone(), value: row.varied.now.to_string() });
        let fixed: Vec<Setting> = fixed.chain(self.fixed.iter().cloned()).collect();
        templates::space_of(title, &file_name(&self.base), &varied, &fixed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_reach_from_the_original_to_the_design() {
        let range = |own, now| {
            let row = Row::new("4a.c3", own, now);
            let Varied { from, to, step, .. } = row.varied;
            (from, to, step, row.values())
        };
        assert_eq!(range(208.0, 96.0), (96.0, 208.0, 16.0, 8));
        assert_eq!(range(16.0, 17.0), (16.0, 17.0, 1.0, 2));
        assert_eq!(range(64.0, 64.0), (32.0, 96.0, 8.0, 9));
        let width = Row::new("width_multiplier", 1.0, 1.0);
        assert_eq!((width.varied.from, width.varied.to, width.values()), (0.5, 1.5, 9));
    }
}
