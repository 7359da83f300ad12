//! A space: its variables, and what is wanted of its networks.

use egui::{CollapsingHeader, Grid, Label, RichText, Ui};
use inceptive_app::MOST_COUNTED;
use inceptive_dsl::{Constraint, Space, Variable, read_objectives};
use inceptive_format::{combinations, exact};
use inceptive_results::Objective;

use crate::{panels::fields::field, theme::colors};

/// Values of a variable that are listed; of more numbers, the ends.
const MOST_LISTED: usize = 6;

/// What is wanted of networks, as it is typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Wishes {
    /// Conditions beside those of the space.
    pub conditions: String,
    /// The objectives; of the space, if there is no text.
    pub objectives: String,
}

/// What is wanted of networks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wanted {
    pub conditions: Vec<Constraint>,
    /// The objectives; of the space, if there are none.
    pub objectives: Vec<Objective>,
}

/// Draws what a space is; where there is little room, only when it is opened.
pub(super) fn describe(ui: &mut Ui, space: &Space, is_narrow: bool) {
    let title = RichText::new(&space.title).strong();
    if is_narrow {
        CollapsingHeader::new(title).id_salt("space").show_unindented(ui, |ui| details(ui, space));
        return;
    }
    ui.add(Label::new(title).truncate()).on_hover_text(&space.title);
    details(ui, space);
}

fn details(ui: &mut Ui, space: &Space) {
    if let Some(description) = &space.description {
        ui.add(Label::new(RichText::new(description).color(colors(ui).weak)).wrap());
    }
    let size = space.size();
    let networks = match size {
        1 => "1 network".to_owned(),
        size => format!("{} networks", combinations(size)),
    };
    ui.label(networks).on_hover_text("The number of combinations of all values");
    if size > MOST_COUNTED {
        let most = exact(u64::try_from(MOST_COUNTED).unwrap_or(u64::MAX));
        let text = format!("More than {most}: networks that are drawn at random are counted.");
        ui.label(RichText::new(text).color(colors(ui).warning));
    }
    ui.add_space(2.0);
    Grid::new("variables of the space").num_columns(2).spacing([10.0, 3.0]).show(ui, |ui| {
        for variable in &space.variables {
            ui.label(&variable.name);
            let all: Vec<&str> = variable.values.iter().map(|it| it.label.as_str()).collect();
            let default = all.get(variable.default).copied().unwrap_or_default();
            let hover = format!("{}\ndefault: {default}", all.join(", "));
            let text = RichText::new(values(variable)).color(colors(ui).weak);
            ui.add(Label::new(text).truncate()).on_hover_text(hover);
            ui.end_row();
        }
    });
}

/// The values of a variable in short: `0.5 to 2, 13 values`.
fn values(variable: &Variable) -> String {
    let labels: Vec<&str> = variable.values.iter().map(|it| it.label.as_str()).collect();
    let are_numbers = labels.iter().all(|label| label.parse::<f64>().is_ok());
    match labels.as_slice() {
        [first, .., last] if are_numbers && labels.len() > MOST_LISTED => {
            format!("{first} to {last}, {} values", labels.len())
        }
        labels => labels.join(", "),
    }
}

impl Wishes {
    /// Draws objectives and conditions; returns what is wanted, or what is wrong with a text.
    pub fn ui(&mut self, ui: &mut Ui, space: &Space) -> Result<Wanted, String> {
        ui.add_space(4.0);
        let width = (ui.available_width() - 96.0).max(120.0);
        let own: Vec<String> = space.objectives.iter().map(ToString::to_string).collect();
        let own = if own.is_empty() { "macs, params".to_owned() } else { own.join(", ") };
        let objectives = read(&self.objectives, read_objectives);
        let conditions = Constraint::all(&self.conditions);
        Grid::new("wishes").num_columns(2).spacing([10.0, 3.0]).show(ui, |ui| {
            ui.label("objectives");
            ui.vertical(|ui| {
                let hover = "What is wanted, such as macs, maximize params; empty: the objectives of the space";
                field(ui, &mut self.objectives, "Objectives", &own, width).on_hover_text(hover);
                problem(ui, objectives.as_ref().err());
            });
            ui.end_row();
            ui.label("conditions");
            ui.vertical(|ui| {
                for condition in &space.constraints {
                    ui.add(Label::new(condition.to_string()).truncate())
                        .on_hover_text("A condition of the space");
                }
                let hover = "More conditions, such as params < 1M and macs < 50M";
                field(ui, &mut self.conditions, "Conditions", "params < 1M", width)
                    .on_hover_text(hover);
                problem(ui, conditions.as_ref().err());
            });
            ui.end_row();
        });
        Ok(Wanted { conditions: conditions?, objectives: objectives? })
    }
}

/// Reads a text, if there is any.
fn read<T>(text: &str, read: impl Fn(&str) -> Result<Vec<T>, String>) -> Result<Vec<T>, String> {
    if text.trim().is_empty() { Ok(vec![]) } else { read(text) }
}

fn problem(ui: &mut Ui, problem: Option<&String>) {
    if let Some(problem) = problem {
        let text = RichText::new(problem).color(colors(ui).error);
        ui.add(Label::new(text).wrap());
    }
}
