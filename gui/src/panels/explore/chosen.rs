//! The chosen network, and what can be done with it.

use std::sync::Arc;

use egui::{Button, Label, RichText, Ui};

use super::{Asks, Subject};
use crate::{
    command::{Command, Commands},
    file::FilePath,
    model::Model,
    panels::tradeoff::save::SavePoints,
    theme::colors,
};

/// Variables with their values.
pub(super) type Point = Vec<(String, String)>;

/// The network that was clicked last.
#[derive(Default)]
pub(super) struct Chosen {
    /// The file of its space.
    of: Option<FilePath>,
    point: Option<Point>,
    save: SavePoints,
}

impl Chosen {
    /// Forgets the network if it is of another space.
    pub fn keep_to(&mut self, file: &FilePath) {
        if self.of.as_ref() != Some(file) {
            (self.of, self.point) = (Some(Arc::clone(file)), None);
        }
    }

    /// Chooses a network.
    pub fn set(&mut self, point: Point) {
        self.point = Some(point);
    }

    /// The network.
    pub fn point(&self) -> Option<&Point> {
        self.point.as_ref()
    }

    /// Draws what can be done with the network; `facts` are its numbers.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        subject: Subject<'_>,
        facts: Option<&str>,
        commands: &mut Commands,
    ) {
        let Some(point) = self.point.clone() else {
            ui.weak(
                "Click a network in the plot or in the table to open it in Design or to save it.",
            );
            return;
        };
        ui.horizontal_wrapped(|ui| {
            let open = ui.button("Open in Design").on_hover_text("Make a design of this network");
            if open.clicked() {
                show(subject, &point, commands);
            }
            let save = ui.add(Button::new("Save as YAML…"));
            let save = save.on_hover_text("Write a file that extends the network of the space");
            if save.clicked() {
                self.open(point.clone(), subject.model);
            }
            let values: Vec<String> =
                point.iter().map(|(name, value)| format!("{name}={value}")).collect();
            ui.add(Label::new(RichText::new(values.join(", ")).strong()).wrap());
            if let Some(facts) = facts {
                ui.add(Label::new(RichText::new(facts).color(colors(ui).weak)).wrap());
            }
        });
    }

    /// Does what was asked for by keys.
    pub fn act(&mut self, subject: Subject<'_>, commands: &mut Commands) {
        let Asks { opens, saves, .. } = subject.asks;
        match self.point.clone() {
            Some(point) if opens => show(subject, &point, commands),
            Some(point) if saves => self.open(point, subject.model),
            None if opens || saves => {
                commands.push(Command::Say("choose a network in Explore first".to_owned()));
            }
            _ => {}
        }
    }

    fn open(&mut self, point: Point, model: &Model) {
        if let Some(file) = &self.of {
            self.save.open(vec![(Arc::clone(file), point)], 0, model);
        }
    }

    /// Draws the question for the name of the file.
    pub fn dialog(&mut self, ui: &Ui, commands: &mut Commands) {
        self.save.dialog(ui, commands);
    }
}

/// Has a design made of a network.
fn show(subject: Subject<'_>, point: &Point, commands: &mut Commands) {
    commands.push(Command::ShowPoint(Arc::clone(&subject.entry.file), point.clone()));
}
