//! Tables that are sorted by a click on a column's title.

use std::cmp::Ordering;

use egui::{Align, Button, Layout, RichText, Sense, Shape, Stroke, Ui, vec2};

/// By which column a table is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort<C> {
    pub by: C,
    pub is_descending: bool,
}

impl<C: Copy + PartialEq> Sort<C> {
    /// Draws a title; a click sorts by the column, another one the other way round.
    pub fn title(&mut self, ui: &mut Ui, column: C, title: &str, is_number: bool) {
        let is_by = self.by == column;
        let button = Button::new(RichText::new(title).strong()).frame(false);
        let layout = match is_number {
            true => Layout::right_to_left(Align::Center),
            false => Layout::left_to_right(Align::Center),
        };
        let clicked = ui.with_layout(layout, |ui| {
            let clicked = ui.add(button).clicked();
            if is_by {
                arrow(ui, self.is_descending);
            }
            clicked
        });
        let clicked = clicked.inner;
        if clicked {
            // Numbers are sorted in descending order first.
            self.is_descending = if is_by { !self.is_descending } else { is_number };
            self.by = column;
        }
    }

    /// An order the way round that was chosen.
    pub fn directed(&self, order: Ordering) -> Ordering {
        if self.is_descending { order.reverse() } else { order }
    }
}

/// A triangle: down where the most comes first.
fn arrow(ui: &mut Ui, is_descending: bool) {
    let (rect, _) = ui.allocate_exact_size(vec2(8.0, 6.0), Sense::hover());
    let corners = match is_descending {
        true => vec![rect.left_top(), rect.right_top(), rect.center_bottom()],
        false => vec![rect.left_bottom(), rect.center_top(), rect.right_bottom()],
    };
    let color = ui.visuals().text_color();
    ui.painter().add(Shape::convex_polygon(corners, color, Stroke::NONE));
}
