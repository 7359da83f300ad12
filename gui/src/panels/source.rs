//! The text of the current file.

use std::sync::Arc;

use egui::{RichText, ScrollArea, TextEdit, Ui};

use crate::{
    command::Commands,
    model::{FilePath, Model, State},
    theme::colors,
};

/// The source tab.
#[derive(Default)]
pub struct Source {
    /// The line to show next, from 1.
    wanted: Option<(FilePath, usize)>,
}

impl Source {
    /// Brings a line, from 1, into view.
    pub(crate) fn show_line(&mut self, file: FilePath, line: usize) {
        self.wanted = Some((file, line));
    }

    /// Draws the text of the current file and what is wrong with it.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, _: &mut Commands) {
        let Some(entry) = super::current_or_hint(ui, model) else { return };
        super::caveat_line(ui, entry);
        if let State::Wrong(error) = &entry.state {
            let color = colors(ui).error;
            ui.label(RichText::new(error.to_string()).monospace().color(color));
        }
        if let Some((file, line)) = &self.wanted
            && *file == entry.file
        {
            ui.label(format!("line {line}"));
        }
        let Some(text) = entry.network.as_ref().and_then(|network| {
            network.sources.iter().next().map(|source| Arc::clone(&source.text))
        }) else {
            super::nothing(ui, "There is no text to show.");
            return;
        };
        ScrollArea::both().show(ui, |ui| {
            let mut text: &str = &text;
            ui.add(TextEdit::multiline(&mut text).code_editor().desired_width(f32::INFINITY));
        });
    }
}
