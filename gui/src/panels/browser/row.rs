//! A line of the list.

use egui::{
    Align2, FontId, Pos2, Rect, Response, RichText, Role, Sense, Stroke, TextStyle, Ui, WidgetInfo,
    pos2, vec2,
};
use inceptive_app::{Content, error_chain};

use crate::{
    file::stem,
    format::short_count,
    model::{Entry, Model, State},
    panels::evidence::Evidence,
    theme::colors,
};

/// Height of a row.
pub(super) const ROW: f32 = 22.0;

/// Width of a column of numbers.
const NUMBER: f32 = 54.0;

/// Where the columns of numbers end, from the right edge of a row.
fn columns(rect: Rect) -> [f32; 2] {
    let right = rect.right() - 10.0;
    [right - NUMBER, right]
}

/// Draws the names of the columns.
pub(super) fn header(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 16.0), Sense::hover());
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

/// Draws a file with its mark and counts.
pub(super) fn file_row(ui: &mut Ui, entry: &Entry, model: &Model) -> Response {
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
        (false, false) => egui::Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, 4.0, fill);
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
        pos2(params_right - NUMBER + 8.0, rect.bottom()),
    );
    let color = if entry.is_wrong() { palette.error } else { visuals.text_color() };
    let shown = if entry.draft.is_some() { format!("{name} •") } else { name };
    let mut job = egui::text::LayoutJob::simple_singleline(shown, font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(name_rect.width());
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(name_rect.left_center() - vec2(0.0, galley.size().y / 2.0), galley, color);
    let numbers = numbers(entry);
    let said = match (&entry.state, &entry.network) {
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
    Evidence::default().figures(ui, network, model);
}
