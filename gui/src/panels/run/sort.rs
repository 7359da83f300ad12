//! Tables that are sorted by a click on a column's title.

use std::cmp::Ordering;

use egui::{Align, Button, Layout, RichText, Ui};

/// By which column a table is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sort<C> {
    pub by: C,
    pub is_descending: bool,
}

impl<C: Copy + PartialEq> Sort<C> {
    /// Draws a title; a click sorts by the column, another one the other way round.
    pub fn title(&mut self, ui: &mut Ui, column: C, title: &str, is_number: bool) {
        let is_by = self.by == column;
        let arrow = match (is_by, self.is_descending) {
            (false, _) => "",
            (true, true) => " ⬇",
            (true, false) => " ⬆",
        };
        let button = Button::new(RichText::new(format!("{title}{arrow}")).strong()).frame(false);
        let layout = match is_number {
            true => Layout::right_to_left(Align::Center),
            false => Layout::left_to_right(Align::Center),
        };
        let clicked = ui.with_layout(layout, |ui| ui.add(button).clicked()).inner;
        if clicked {
            // What is most is looked for among numbers.
            self.is_descending = if is_by { !self.is_descending } else { is_number };
            self.by = column;
        }
    }

    /// An order the way round that was chosen.
    pub fn directed(&self, order: Ordering) -> Ordering {
        if self.is_descending { order.reverse() } else { order }
    }
}
