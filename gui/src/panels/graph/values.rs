//! A window with all values of a tensor, by their indices.

use std::sync::Arc;

use egui::{Button, Key, RichText, ScrollArea, Ui, Window, vec2};
use inceptive_app::TensorValues;

use crate::{
    command::{Command, Commands},
    format::{exact, significant},
    jobs::{Job, TensorRequest, WriteTensorRequest},
    model::Model,
    panels::fields::{PathAnswer, ask_for_path},
    theme::colors,
};

/// Values beside each other.
const COLUMNS: usize = 8;

/// The window.
#[derive(Default)]
pub(super) struct Values {
    open: Option<Shown>,
    /// The path that is asked for.
    export: Option<String>,
    /// Whether the path is to get the keyboard.
    focuses: bool,
}

/// The tensor that is shown.
struct Shown {
    request: TensorRequest,
    name: String,
}

impl Values {
    /// Shows a tensor.
    pub fn open(&mut self, request: TensorRequest, name: String) {
        self.open = Some(Shown { request, name });
    }

    /// Draws the window if it is open.
    pub fn ui(&mut self, ui: &Ui, model: &Model, commands: &mut Commands) {
        let Some(shown) = &self.open else { return };
        if model.wants_tensor(&shown.request) {
            commands.push(Command::Start(Job::Tensor(shown.request.clone())));
        }
        let found = model.tensor(&shown.request);
        let mut is_open = true;
        let room = ui.ctx().content_rect().size() - vec2(40.0, 80.0);
        let window = Window::new("Values of a tensor").open(&mut is_open).collapsible(false);
        let center = ui.ctx().content_rect().center();
        let window = window.pivot(egui::Align2::CENTER_CENTER).default_pos(center);
        let window = window.default_size(vec2(660.0, 420.0).min(room)).max_size(room);
        let mut saves = false;
        window.show(ui.ctx(), |ui| {
            ui.add(egui::Label::new(RichText::new(&shown.name).monospace()).truncate());
            match found {
                None => drop(ui.label(RichText::new("Reading…").weak())),
                Some(Err(problem)) => {
                    ui.label(RichText::new(problem).color(colors(ui).error));
                }
                Some(Ok(tensor)) => {
                    ui.horizontal_wrapped(|ui| {
                        ui.label(RichText::new(about(tensor)).color(colors(ui).weak));
                        saves = ui.add(Button::new("Save as .npy…")).clicked();
                    });
                    ui.separator();
                    rows(ui, tensor);
                }
            }
        });
        if saves {
            let folder = std::env::current_dir().unwrap_or_default();
            let name = shown.name.replace(['/', '\\'], "-");
            let path = folder.join(name).with_added_extension("npy");
            (self.export, self.focuses) = (Some(path.display().to_string()), true);
        }
        let tensor = found.and_then(|found| found.as_ref().ok()).cloned();
        let is_escaped = self.export.is_none() && ui.input(|input| input.key_pressed(Key::Escape));
        if !is_open || is_escaped {
            *self = Self::default();
        }
        self.ask(ui, tensor, model, commands);
    }

    /// Asks where to, and writes.
    fn ask(
        &mut self,
        ui: &Ui,
        tensor: Option<Arc<TensorValues>>,
        model: &Model,
        commands: &mut Commands,
    ) {
        let (Some(path), Some(tensor)) = (&mut self.export, tensor) else { return };
        match ask_for_path(ui, "Save the tensor", path, &mut self.focuses) {
            PathAnswer::None => return,
            PathAnswer::Cancelled => {}
            PathAnswer::Path(path) => {
                let request = WriteTensorRequest { path, tensor, inputs: model.inputs() };
                commands.push(Command::Start(Job::WriteTensor(request)));
            }
        }
        self.export = None;
    }
}

fn about(tensor: &TensorValues) -> String {
    let sizes: Vec<String> = tensor.sizes.iter().map(usize::to_string).collect();
    format!("{}, {} values", sizes.join("x"), exact(tensor.values.len() as u64))
}

/// Draws the lines that are in view.
fn rows(ui: &mut Ui, tensor: &TensorValues) {
    let lines = Lines::new(&tensor.sizes);
    let height = ui.spacing().interact_size.y;
    ScrollArea::both().auto_shrink(false).show_rows(ui, height, lines.count(), |ui, range| {
        for line in range {
            let (index, start, end) = lines.at(line);
            let values = tensor.values.get(start..end).unwrap_or_default();
            let values: Vec<String> =
                values.iter().map(|&value| format!("{:>12}", significant(value.into()))).collect();
            ui.horizontal(|ui| {
                ui.monospace(RichText::new(format!("{index:<20}")).color(colors(ui).weak));
                ui.add(egui::Label::new(RichText::new(values.concat()).monospace()).extend());
            });
        }
    });
}

/// A tensor as lines: each has a few values along the last size that is not 1.
struct Lines {
    /// Sizes before the last one.
    outer: Vec<usize>,
    /// The last size.
    inner: usize,
    /// Lines for each index of the sizes before.
    each: usize,
}

impl Lines {
    fn new(sizes: &[usize]) -> Self {
        let end = sizes.iter().rposition(|size| *size != 1).map_or(0, |last| last + 1);
        let (inner, outer) = sizes[..end].split_last().map_or((1, &[][..]), |it| (*it.0, it.1));
        Self { outer: outer.to_vec(), inner, each: inner.div_ceil(COLUMNS) }
    }

    fn count(&self) -> usize {
        self.outer.iter().product::<usize>() * self.each
    }

    /// The index of the first value of a line, and the places of its values.
    fn at(&self, line: usize) -> (String, usize, usize) {
        let (mut outer, first) = (line / self.each, line % self.each * COLUMNS);
        let start = outer * self.inner;
        let mut index = vec![first];
        for size in self.outer.iter().rev() {
            index.push(outer % size);
            outer /= size;
        }
        let index: Vec<String> = index.iter().rev().map(usize::to_string).collect();
        let end = start + (first + COLUMNS).min(self.inner);
        (format!("[{}]", index.join(", ")), start + first, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_line() {
        for sizes in [vec![], vec![1], vec![20], vec![2, 3, 5, 11], vec![4, 3, 1, 1]] {
            let lines = Lines::new(&sizes);
            let mut next = 0;
            for line in 0..lines.count() {
                let (_, start, end) = lines.at(line);
                assert_eq!(start, next);
                assert!(end - start <= COLUMNS && end > start);
                next = end;
            }
            assert_eq!(next, sizes.iter().product::<usize>());
        }
        assert_eq!(Lines::new(&[2, 3, 20]).at(10), ("[1, 0, 8]".to_owned(), 68, 76));
        assert_eq!(Lines::new(&[2, 3, 1, 1]).at(1), ("[1, 0]".to_owned(), 3, 6));
    }
}
