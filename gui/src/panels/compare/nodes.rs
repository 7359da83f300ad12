//! Nodes that differ, as a table.

use std::collections::HashSet;

use egui::{Align, Label, Layout, Link, RichText, TextEdit, Ui, WidgetInfo};
use egui_extras::{Column, TableBuilder, TableRow};
use inceptive_cost::{NodeChange, NodeSide, Totals};
use inceptive_format::{bytes, change};

use super::{
    jump,
    pair::{Mark, Pair},
};
use crate::{command::Commands, model::Model, theme::colors};

const ROW: f32 = 21.0;

/// The table of nodes.
#[derive(Default)]
pub(super) struct Nodes {
    /// The text that a node, operator or attribute must contain.
    filter: String,
    /// Kinds of changes that are not shown.
    hidden: HashSet<Mark>,
    /// Whether nodes are shown that only read something that was added, removed or renamed.
    shows_consequences: bool,
}

impl Nodes {
    pub fn ui(&mut self, ui: &mut Ui, pair: &Pair, model: &Model, commands: &mut Commands) {
        ui.horizontal_wrapped(|ui| self.filters(ui, pair));
        if let Some(verdict) = pair.verdict() {
            ui.label(verdict);
        }
        let wanted = self.filter.to_lowercase();
        let shown: Vec<&NodeChange> = pair
            .diff
            .nodes
            .iter()
            .filter(|node| match node.is_consequence() {
                true => self.shows_consequences,
                false => !self.hidden.contains(&Mark::of(&node.change)),
            })
            .filter(|node| wanted.is_empty() || words(node).to_lowercase().contains(&wanted))
            .collect();
        if shown.is_empty() && !pair.diff.nodes.is_empty() {
            ui.weak("No matches");
            return;
        }
        let table = TableBuilder::new(ui)
            .id_salt("nodes")
            .striped(true)
            .resizable(true)
            .auto_shrink(false)
            .cell_layout(Layout::left_to_right(Align::Center))
            .column(Column::exact(18.0))
            .column(Column::initial(180.0).at_least(80.0).clip(true))
            .column(Column::initial(80.0).at_least(50.0).clip(true))
            .column(Column::initial(100.0).at_least(60.0).clip(true))
            .column(Column::initial(80.0).at_least(60.0))
            .column(Column::initial(150.0).at_least(60.0))
            .column(Column::initial(90.0).at_least(60.0))
            .column(Column::remainder().clip(true))
            .header(24.0, |mut header| {
                for (index, title) in
                    ["", "node", "op", "output", "params", "MACs", "memory", "what differs"]
                        .into_iter()
                        .enumerate()
                {
                    header.col(|ui| match index {
                        4..=6 => right(ui, RichText::new(title).strong()),
                        _ => {
                            ui.strong(title);
                        }
                    });
                }
            });
        table.body(|body| {
            body.rows(ROW, shown.len(), |mut row| {
                let node = shown[row.index()];
                if line(&mut row, node) {
                    let side = match node.change.after().map(Box::as_ref) {
                        Some(_) => &pair.after,
                        None => &pair.before,
                    };
                    jump(&side.file, node.path.clone(), model, commands);
                }
            });
        });
    }

    fn filters(&mut self, ui: &mut Ui, pair: &Pair) {
        let filter = TextEdit::singleline(&mut self.filter)
            .hint_text("Filter by node, op or attribute")
            .desired_width(220.0);
        ui.add(filter)
            .widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, "Filter nodes"));
        for mark in Mark::ALL {
            let nodes = pair.diff.nodes.iter().filter(|node| !node.is_consequence());
            let count = nodes.filter(|node| Mark::of(&node.change) == mark).count();
            let text = format!("{} {count} {}", mark.sign(), mark.word());
            let is_shown = !self.hidden.contains(&mark);
            if ui.selectable_label(is_shown, text).on_hover_text("Show or hide").clicked() {
                if is_shown {
                    self.hidden.insert(mark);
                } else {
                    self.hidden.remove(&mark);
                }
            }
        }
        let count = pair.diff.nodes.iter().filter(|node| node.is_consequence()).count();
        if count > 0 {
            let text = format!("{count} unchanged, next to changes");
            ui.toggle_value(&mut self.shows_consequences, text).on_hover_text(
                "Nodes that compute the same, but whose inputs were added, removed or renamed",
            );
        }
    }
}

/// Draws a node; returns whether it was clicked.
fn line(row: &mut TableRow<'_, '_>, node: &NodeChange) -> bool {
    let (before, after) =
        (node.change.before().map(Box::as_ref), node.change.after().map(Box::as_ref));
    let mark = Mark::of(&node.change);
    let mut is_clicked = false;
    row.col(|ui| {
        let text = RichText::new(mark.sign()).strong().color(mark.color(colors(ui)));
        ui.label(text).on_hover_text(mark.word());
    });
    row.col(|ui| {
        let link = ui.add(Link::new(node.path.as_str())).on_hover_text("Show it in the graph");
        is_clicked = link.clicked();
    });
    let of = |of: fn(&NodeSide) -> String| both(before.map(of), after.map(of));
    for text in [of(|side| side.op.name().to_owned()), of(|side| side.shape.to_string())] {
        row.col(|ui| cut(ui, &text));
    }
    let totals = |side: Option<&NodeSide>| side.map(|side| side.totals).unwrap_or_default();
    let (old, new) = (totals(before), totals(after));
    for text in [delta(old.params, new.params), delta(old.macs, new.macs), memory(&old, &new)] {
        row.col(|ui| right(ui, RichText::new(text).monospace()));
    }
    row.col(|ui| cut(ui, &differences(node)));
    is_clicked
}

/// The difference of a count; empty if there is none.
fn delta(before: u64, after: u64) -> String {
    if before == after { String::new() } else { change(before, after) }
}

fn memory(before: &Totals, after: &Totals) -> String {
    let (before, after) = (before.activation_bytes, after.activation_bytes);
    match after.cmp(&before) {
        std::cmp::Ordering::Equal => String::new(),
        std::cmp::Ordering::Greater => format!("+{}", bytes(after - before)),
        std::cmp::Ordering::Less => format!("-{}", bytes(before - after)),
    }
}

/// One value, or both with an arrow.
fn both(before: Option<String>, after: Option<String>) -> String {
    match (before, after) {
        (Some(before), Some(after)) if before != after => format!("{before} -> {after}"),
        (_, Some(only)) | (Some(only), None) => only,
        (None, None) => String::new(),
    }
}

/// Attributes that differ, and inputs if they matter: not if a node was only inserted between.
fn differences(node: &NodeChange) -> String {
    let value = |value: Option<inceptive_ir::AttributeValue>| {
        value.map_or_else(|| "none".to_owned(), |value| value.to_string())
    };
    let mut parts: Vec<String> = node
        .attributes()
        .into_iter()
        .map(|it| format!("{}: {} -> {}", it.name, value(it.before), value(it.after)))
        .collect();
    if let (Some(before), Some(after)) =
        (node.change.before().map(Box::as_ref), node.change.after().map(Box::as_ref))
        && before.inputs != after.inputs
        && (node.is_rewired || node.is_consequence())
    {
        let names = |side: &NodeSide| {
            let names: Vec<&str> = side.inputs.iter().map(|input| input.as_str()).collect();
            names.join(", ")
        };
        parts.push(format!("inputs {} -> {}", names(before), names(after)));
    }
    parts.join("; ")
}

/// What the filter looks at.
fn words(node: &NodeChange) -> String {
    let op = |side: Option<&NodeSide>| side.map_or("", |side| side.op.name());
    let (before, after) =
        (op(node.change.before().map(Box::as_ref)), op(node.change.after().map(Box::as_ref)));
    format!("{} {before} {after} {}", node.path.as_str(), differences(node))
}

/// A text that is cut at the end of its cell, and shown completely on hover.
fn cut(ui: &mut Ui, text: &str) {
    ui.add(Label::new(text).truncate());
}

fn right(ui: &mut Ui, text: RichText) {
    if !text.text().is_empty() {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(text));
    }
}
