//! What is shown about the place under the pointer.

use egui::{Grid, Response, RichText, Ui};
use inceptive_dsl::Values;

use super::{
    editor::describe,
    lines::Lines,
    marks::{Mark, Problem},
    outline::Block,
    spot::{spot, word_at},
    vocabulary::Vocabulary,
};
use crate::theme::colors;

/// Width of a hint, in points.
const WIDTH: f32 = 420.0;

/// What is known about a place.
pub(super) struct Hint<'a> {
    /// Errors.
    pub mistakes: Vec<&'a Mark>,
    /// An expression with its values in the calls of the network.
    pub expression: Option<(&'a str, &'a Values)>,
    /// A word with its meaning.
    word: Option<(String, String)>,
    block: Option<&'a Block>,
}

impl<'a> Hint<'a> {
    /// Looks up the word at a byte.
    pub fn of(lines: &Lines, byte: usize, vocabulary: Vocabulary<'a>) -> Self {
        let range = word_at(lines.text(), byte);
        let word = &lines.text()[range.clone()];
        let place = spot(lines, range.end).filter(|_| !word.is_empty());
        let block = place.as_ref().and_then(|place| vocabulary.block_at(place, word));
        let about = place.as_ref().and_then(|place| vocabulary.about(place, word));
        let word = about.filter(|_| block.is_none()).map(|about| (word.to_owned(), about));
        Self { mistakes: vec![], expression: None, word, block }
    }

    /// Shows it at the pointer, unless nothing is known.
    pub fn show(&self, response: &Response, problems: &[Problem]) {
        let is_empty = self.mistakes.is_empty()
            && self.expression.is_none()
            && self.word.is_none()
            && self.block.is_none();
        if !is_empty {
            response.clone().on_hover_ui_at_pointer(|ui| self.ui(ui, problems));
        }
    }

    fn ui(&self, ui: &mut Ui, problems: &[Problem]) {
        ui.set_max_width(WIDTH);
        describe(ui, &self.mistakes, problems);
        if let Some((text, values)) = &self.expression {
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(*text).monospace());
                ui.label(RichText::new(format!("= {}", shown(values))).monospace().strong());
            });
        }
        if let Some((word, about)) = &self.word {
            ui.label(RichText::new(word).monospace().strong());
            ui.label(about);
        }
        if let Some(block) = self.block {
            block_ui(ui, block);
        }
    }
}

/// The different values of an expression.
fn shown(values: &Values) -> String {
    let more = if values.has_more { ", …" } else { "" };
    format!("{}{more}", values.shown.join(", "))
}

/// Draws a block with its parameters.
fn block_ui(ui: &mut Ui, block: &Block) {
    ui.label(RichText::new(format!("block {}", block.name)).monospace().strong());
    if !matches!(block.description.as_str(), "" | ">-" | "|") {
        ui.label(&block.description);
    }
    if block.parameters.is_empty() {
        ui.label(RichText::new("It has no parameters.").color(colors(ui).weak));
    }
    Grid::new("parameters").num_columns(2).spacing([12.0, 2.0]).show(ui, |ui| {
        for it in &block.parameters {
            ui.monospace(&it.name);
            let default = match &it.default {
                Some(default) => RichText::new(format!("default {default}")).monospace(),
                None => RichText::new("required"),
            };
            ui.label(default.color(colors(ui).weak));
            ui.end_row();
        }
    });
}
