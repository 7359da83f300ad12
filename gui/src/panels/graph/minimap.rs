//! The complete picture in a corner, with the visible part marked.

use egui::{Mesh, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};
use inceptive_draw::Scene;

use super::{
    camera::{Camera, rect},
    paint::{Hits, Paint},
};
use crate::theme::{card_colors, colors};

/// The largest size, in points. A very long picture is squeezed along its length, so that it stays a picture.
const WIDEST: f32 = 150.0;
const NARROWEST: f32 = 46.0;
const TALLEST: f32 = 200.0;
const SHORTEST: f32 = 46.0;

/// Draws the map in the lower right corner, unless all can be seen anyway; a click or drag goes there.
pub(super) fn minimap(
    ui: &mut Ui,
    screen: Rect,
    scene: &Scene,
    (paint, hits): (&dyn Paint, Option<&Hits>),
    camera: &mut Camera,
    whole: Rect,
) {
    let visible = camera.visible(screen);
    if visible.contains_rect(whole) || screen.width() < 400.0 || screen.height() < 300.0 {
        return;
    }
    let scale = (WIDEST / whole.width().max(1.0)).min(TALLEST / whole.height().max(1.0));
    let size = vec2(
        (whole.width() * scale).clamp(NARROWEST, WIDEST),
        (whole.height() * scale).clamp(SHORTEST, TALLEST),
    );
    let place = Rect::from_min_size(screen.right_bottom() - size - vec2(12.0, 12.0), size);
    let ground = place.expand(5.0);
    let palette = colors(ui);
    let painter = ui.painter_at(ground);
    painter.rect(
        ground,
        5.0,
        ui.visuals().panel_fill.gamma_multiply(0.94),
        Stroke::new(1.0, palette.frame.gamma_multiply(0.5)),
        StrokeKind::Inside,
    );
    let ratio = size / whole.size().max(vec2(1.0, 1.0));
    let on_map = |part: Rect| {
        let min = place.min + (part.min - whole.min) * ratio;
        Rect::from_min_size(min, (part.size() * ratio).max(vec2(1.0, 1.0)))
    };
    let mut mesh = Mesh::default();
    for (index, card) in scene.cards.iter().enumerate() {
        let (_, stroke) = card_colors(card.kind, ui.ctx().theme());
        mesh.add_colored_rect(on_map(rect(card.rect)), paint.fill(index).unwrap_or(stroke));
    }
    let marks = hits.map_or(&[][..], |hits| &hits.cards);
    for (card, _) in scene.cards.iter().zip(marks).filter(|(_, is_hit)| **is_hit) {
        let place = on_map(rect(card.rect));
        mesh.add_colored_rect(place.expand(1.0), palette.hit);
    }
    painter.add(Shape::mesh(mesh));
    let seen = on_map(visible.intersect(whole)).expand(1.0).intersect(ground);
    painter.rect(
        seen,
        1.0,
        palette.accent.gamma_multiply(0.18),
        Stroke::new(1.5, palette.accent),
        StrokeKind::Inside,
    );
    let response = ui.interact(ground, ui.scope_id().with("minimap"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "minimap"));
    if (response.clicked() || response.dragged())
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let to = (pointer - place.min) / ratio;
        camera.put(screen, whole.min + to, pos2(screen.center().x, screen.center().y));
    }
}
