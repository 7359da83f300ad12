//! A line of the list.

use std::sync::Arc;

use egui::{
    Align2, Color32, FontId, Galley, Pos2, Rect, Response, RichText, Role, Sense, Stroke,
    TextFormat, TextStyle, Ui, UiBuilder, WidgetInfo, pos2,
    text::{LayoutJob, TextWrapping},
    vec2,
};
use inceptive_app::{Content, error_chain};

use crate::{
    command::Commands,
    file::{FileOrder, file_name, stem},
    format::short_count,
    model::{Entry, Model, State},
    panels::evidence::Evidence,
    theme::colors,
};

use super::order::order_menu;

/// Height of a row.
pub(super) const ROW: f32 = 22.0;

/// Width of a column of numbers, and in a narrow list, where names need the room.
const NUMBER: f32 = 54.0;
const SHORT_NUMBER: f32 = 44.0;

/// Below this width, in points, a list is narrow.
const NARROW: f32 = 250.0;

fn number_width(rect: Rect) -> f32 {
    if rect.width() < NARROW { SHORT_NUMBER } else { NUMBER }
}

/// Where the columns of numbers end, from the right edge of a row.
fn columns(rect: Rect) -> [f32; 2] {
    let right = rect.right() - if rect.width() < NARROW { 4.0 } else { 10.0 };
    [right - number_width(rect), right]
}

/// Draws the order of files and the names of the columns.
pub(super) fn header(ui: &mut Ui, model: &Model, commands: &mut Commands) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
    ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| order_menu(ui, model, commands));
    let weak = colors(ui).weak;
    let font = TextStyle::Small.resolve(ui.style());
    for (right, text) in columns(rect).into_iter().zip(["params", "MACs"]) {
        ui.painter().text(
            pos2(right, rect.center().y),
            Align2::RIGHT_CENTER,
            text,
            font.clone(),
            weak,
        );
    }
}

/// Draws a folder inside the open one.
pub(super) fn folder_row(ui: &mut Ui, folder: &std::path::Path) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let text = format!("{}/", folder.display());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
    let font = TextStyle::Small.resolve(ui.style());
    let at = pos2(rect.left() + 4.0, rect.center().y + 2.0);
    ui.painter().text(at, Align2::LEFT_CENTER, text, font, colors(ui).weak);
}

/// Draws a file with its mark and counts; what Enter would take has a frame.
pub(super) fn file_row(ui: &mut Ui, entry: &Entry, is_best: bool, model: &Model) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::CLICK);
    let is_selected = model.selection.contains(&entry.file);
    let is_current = model.selection.last() == Some(&entry.file);
    let name = stem(&entry.file);
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_selected, &name));
    let visuals = ui.visuals();
    let palette = colors(ui);
    let fill = match (is_selected, response.hovered()) {
        (true, _) => visuals.selection.bg_fill,
        (false, true) => visuals.widgets.hovered.weak_bg_fill,
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, 4.0, fill);
    if is_best {
        let stroke = Stroke::new(1.0, palette.accent);
        ui.painter().rect_stroke(rect.shrink(1.0), 4.0, stroke, egui::StrokeKind::Inside);
    }
    if is_current {
        let bar = Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
        ui.painter().rect_filled(bar, 1.0, palette.accent);
    }
    mark(ui, pos2(rect.left() + 14.0, rect.center().y), &entry.state);
    let font = TextStyle::Body.resolve(ui.style());
    let small = FontId::proportional(12.0);
    let [params_right, macs_right] = columns(rect);
    let name_rect = Rect::from_min_max(
        pos2(rect.left() + 26.0, rect.top()),
        pos2(params_right - number_width(rect) + 4.0, rect.bottom()),
    );
    let color = if entry.is_wrong() { palette.error } else { visuals.text_color() };
    let galley = name_galley(ui, &font, color, name_rect.width(), (entry, model));
    ui.painter().galley(name_rect.left_center() - vec2(0.0, galley.size().y / 2.0), galley, color);
    let numbers = numbers(entry);
    let said = match (&entry.state, &entry.network) {
        _ if is_best => "Enter opens it".to_owned(),
        (State::Wrong(_), _) => "has errors".to_owned(),
        (State::Gone, _) => "deleted or moved".to_owned(),
        (_, Some(_)) => format!("{} params, {} MACs", numbers[0], numbers[1]),
        (_, None) => numbers.join(" "),
    };
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(said));
    for (right, text) in [params_right, macs_right].into_iter().zip(numbers) {
        ui.painter().text(
            pos2(right, rect.center().y),
            Align2::RIGHT_CENTER,
            text,
            small.clone(),
            palette.weak,
        );
    }
    response.on_hover_ui(|ui| tooltip(ui, entry, model))
}

/// The name of a file with its extension, which is left out where there is no room for it. A name that is still too long is
/// cut in the middle: names of a family differ at the end.
fn name_galley(
    ui: &Ui,
    font: &FontId,
    color: Color32,
    width: f32,
    (entry, model): (&Entry, &Model),
) -> Arc<Galley> {
    let (name, end) = shown_name(entry, model);
    let laid_out = |name: &str, end: &str| {
        let weak = TextFormat::simple(font.clone(), colors(ui).weak);
        let mut job = LayoutJob::simple_singleline(name.to_owned(), font.clone(), color);
        job.append(end, 0.0, weak);
        if entry.draft.is_some() {
            job.append(" •", 0.0, TextFormat::simple(font.clone(), color));
        }
        job.wrap = TextWrapping::truncate_at_width(width);
        ui.painter().layout_job(job)
    };
    let whole = laid_out(&name, &end);
    if !whole.elided {
        return whole;
    }
    let alone = laid_out(&name, "");
    if !alone.elided {
        return alone;
    }
    let mut cuts =
        (1..name.chars().count()).rev().map(|kept| laid_out(&without_middle(&name, kept), ""));
    cuts.find(|cut| !cut.elided).unwrap_or(alone)
}

/// The start and the end of a name, with dots for what is between; so many characters are kept.
fn without_middle(name: &str, kept: usize) -> String {
    let count = name.chars().count();
    let start = kept.div_ceil(2);
    let end = count.saturating_sub(kept - start);
    name.chars().take(start).chain(['…']).chain(name.chars().skip(end)).collect()
}

/// The name of a file, and how it ends; where files of a folder are not together, with the folder.
fn shown_name(entry: &Entry, model: &Model) -> (String, String) {
    let name = match model.settings.order {
        FileOrder::Name => file_name(&entry.file),
        _ => model.name_of(&entry.file).display().to_string(),
    };
    let end = entry.file.extension().map_or(0, |end| end.to_string_lossy().len() + 1);
    let (before, end) = name.split_at(name.len().saturating_sub(end));
    (before.to_owned(), end.to_owned())
}

/// The contents of the two columns.
fn numbers(entry: &Entry) -> [String; 2] {
    match (&entry.state, &entry.network) {
        (State::Good(Content::Space(space)), _) => {
            ["space".to_owned(), short_count(u64::try_from(space.size()).unwrap_or(u64::MAX))]
        }
        (State::Good(Content::Library(library)), _) => {
            ["blocks".to_owned(), library.blocks.len().to_string()]
        }
        (_, Some(network)) => {
            let total = &network.cost.total;
            [short_count(total.params), short_count(total.macs)]
        }
        (_, None) => [String::new(), String::new()],
    }
}

/// A tick, a cross or dots: the shape carries the meaning, not only the colour.
fn mark(ui: &Ui, at: Pos2, state: &State) {
    let palette = colors(ui);
    let line = |from: egui::Vec2, to: egui::Vec2, color| {
        ui.painter().line_segment([at + from, at + to], Stroke::new(1.8, color));
    };
    match state {
        State::Unread => {
            for x in [-4.0, 0.0, 4.0] {
                ui.painter().circle_filled(at + vec2(x, 0.0), 1.2, palette.weak);
            }
        }
        State::Good(_) => {
            line(vec2(-4.0, 0.0), vec2(-1.0, 3.0), palette.good);
            line(vec2(-1.0, 3.0), vec2(4.0, -3.5), palette.good);
        }
        State::Wrong(_) => {
            line(vec2(-3.5, -3.5), vec2(3.5, 3.5), palette.error);
            line(vec2(-3.5, 3.5), vec2(3.5, -3.5), palette.error);
        }
        State::Gone => line(vec2(-4.0, 0.0), vec2(4.0, 0.0), palette.error),
    }
}

fn tooltip(ui: &mut Ui, entry: &Entry, model: &Model) {
    ui.set_max_width(420.0);
    ui.label(RichText::new(entry.name()).strong());
    ui.label(RichText::new(entry.file.display().to_string()).weak());
    match &entry.state {
        State::Unread => {
            ui.label("not read yet");
        }
        State::Wrong(error) => {
            ui.label(RichText::new(error_chain(&**error)).monospace().color(colors(ui).error));
        }
        State::Gone => {
            ui.label("deleted or moved");
        }
        State::Good(_) => {}
    }
    let Some(network) = &entry.network else { return };
    if let Some(text) = &network.architecture.description {
        ui.label(text);
    }
    Evidence::default().figures(ui, (&stem(&entry.file), network), None, model);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_in_the_middle() {
        for (kept, expected) in [(1, "i…"), (2, "i…4"), (5, "inc…v4"), (11, "incept…on-v4")]
        {
            assert_eq!(without_middle("inception-v4", kept), expected);
        }
        assert_eq!(without_middle("äöü", 2), "ä…ü");
    }
}
