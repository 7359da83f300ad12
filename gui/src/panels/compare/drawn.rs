//! Two graphs with their marks: alignment, cameras, painting.

use std::{collections::HashMap, sync::Arc};

use egui::{
    Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Stroke, StrokeKind, pos2, vec2,
};
use inceptive_draw::{Card, Kind, Scene};
use inceptive_ir::{Graph, Path};

use super::{
    align::{Alignment, FIRST, OTHER},
    pair::{Mark, Pair},
};
use crate::{
    panels::graph::{
        camera::{Camera, rect},
        paint::{Canvas, Paint},
    },
    theme::{Palette, palette},
};

/// A laid-out graph with values that are computed once.
pub(super) struct Drawn {
    pub scenes: [Arc<Scene>; 2],
    /// Marks of the cards of each.
    pub marks: [Vec<Option<Mark>>; 2],
    alignment: Alignment,
}

/// Cards in the colours of their marks; unchanged ones are dimmed.
struct Marked<'a> {
    marks: &'a [Option<Mark>],
    palette: &'static Palette,
}

impl Paint for Marked<'_> {
    fn fill(&self, index: usize) -> Option<Color32> {
        let mark = self.marks.get(index).copied().flatten();
        let ground = self.palette.canvas;
        Some(match mark {
            Some(mark) => ground.lerp_to_gamma(mark.color(self.palette), 0.30),
            None => ground.lerp_to_gamma(self.palette.frame, 0.18),
        })
    }
}

impl Drawn {
    pub fn new(scenes: [Arc<Scene>; 2], pair: &Pair) -> Self {
        let graphs = [&pair.before, &pair.after].map(|side| &side.network.architecture.graph);
        let marks = [FIRST, OTHER].map(|at| {
            let cards = scenes[at].cards.iter();
            cards.map(|card| mark_of(card, graphs[at], &pair.marks)).collect()
        });
        let alignment = Alignment::new(&scenes[FIRST], &scenes[OTHER]);
        Self { scenes, marks, alignment }
    }

    /// Draws the visible part of a graph, with its marks.
    pub fn paint(&self, canvas: &Canvas<'_>, at: usize) {
        let Canvas { painter, screen, camera, theme, .. } = canvas;
        let (scene, marks, colors) = (&self.scenes[at], &self.marks[at], palette(*theme));
        canvas.scene(scene, &Marked { marks, palette: colors });
        for (card, mark) in scene.cards.iter().zip(marks) {
            let place = camera.rect_to_screen(*screen, rect(card.rect));
            let corner = if card.kind == Kind::Input { 20.0 } else { 5.0 };
            let radius = CornerRadius::from(corner * camera.zoom);
            match mark {
                _ if !place.intersects(*screen) => {}
                Some(mark) => badge(painter, place, radius, (*mark, colors)),
                None => {
                    let behind = card.is_module.then_some(3.0 * camera.zoom);
                    quiet(painter, (place, radius), behind, colors);
                }
            }
        }
    }

    /// The first picture from its top, so that both fit from left to right.
    pub fn start(&self, screen: Rect) -> Camera {
        let scene = &self.scenes[FIRST];
        Camera::across(self.around(scene.height as f32 / 2.0, scene.height as f32), screen)
    }

    /// The first picture, so that all of both is seen.
    pub fn whole(&self, screen: Rect) -> Camera {
        let [first, other] = self.scenes.each_ref().map(|scene| scene.height as f32);
        let middle = first / 2.0;
        // The other one stands where what both have is beside each other.
        let led = self.alignment.map(pos2(0.0, middle), FIRST, OTHER).y;
        let half = middle.max(led).max(other - led);
        Camera::fitting(self.around(middle, 2.0 * half), screen)
    }

    /// A part of the first picture around a height, as wide as the wider one.
    fn around(&self, y: f32, height: f32) -> Rect {
        let widest = self.scenes.iter().map(|scene| scene.width).fold(0.0, f64::max);
        let middle = pos2(self.scenes[FIRST].width as f32 / 2.0, y);
        Rect::from_center_size(middle, vec2(widest as f32, height))
    }

    /// From where a picture is seen while the first one is seen from `first`.
    pub fn seen(&self, first: Camera, at: usize, screens: [Rect; 2]) -> Camera {
        if at == FIRST {
            return first;
        }
        let mut camera = first;
        let middle = first.visible(screens[FIRST]).center();
        let screen = screens[at];
        camera.put(screen, self.alignment.map(middle, FIRST, at), screen.center());
        camera
    }

    /// From where the first picture is seen while the other one is seen from `other`.
    pub fn led(&self, other: Camera, screens: [Rect; 2]) -> Camera {
        let mut camera = other;
        let middle = other.visible(screens[OTHER]).center();
        let screen = screens[FIRST];
        camera.put(screen, self.alignment.map(middle, OTHER, FIRST), screen.center());
        camera
    }

    /// The differences, from top to bottom: the centre in the first graph, or where it would be, and the path.
    pub fn differences(&self) -> Vec<(Pos2, Path)> {
        let middle = |card: &Card| rect(card.rect).center();
        let mut all: Vec<(Pos2, Path)> = vec![];
        for at in [FIRST, OTHER] {
            for (card, mark) in self.scenes[at].cards.iter().zip(&self.marks[at]) {
                let is_new =
                    at == FIRST || !self.scenes[FIRST].cards.iter().any(|it| it.path == card.path);
                if mark.is_some() && is_new {
                    let point = match at {
                        FIRST => middle(card),
                        _ => self.alignment.map(middle(card), at, FIRST),
                    };
                    all.push((point, card.path.clone()));
                }
            }
        }
        all.sort_by(|(a, _), (b, _)| a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x)));
        all
    }
}

/// The mark of a card: that of its nodes if all are alike.
fn mark_of(card: &Card, graph: &Graph, marks: &HashMap<Path, Mark>) -> Option<Mark> {
    let mut all = card.nodes.iter().map(|&id| marks.get(&graph.node(id).path).copied());
    let first = all.next()?;
    let is_same = all.clone().all(|mark| mark == first);
    match is_same {
        true => first,
        false => Some(Mark::Changed),
    }
}

/// An outline without the colour of a kind, which would look like a mark; a module has an edge behind it.
fn quiet(
    painter: &Painter,
    (place, radius): (Rect, CornerRadius),
    behind: Option<f32>,
    palette: &Palette,
) {
    let stroke = Stroke::new(1.5, palette.frame);
    painter.rect_stroke(place, radius, stroke, StrokeKind::Inside);
    if let Some(by) = behind {
        let edge = place.translate(vec2(by, by)).shrink(0.5);
        painter.line(vec![edge.right_top(), edge.right_bottom(), edge.left_bottom()], stroke);
    }
}

/// A sign at the corner of a card.
fn badge(painter: &Painter, place: Rect, corner: CornerRadius, (mark, palette): (Mark, &Palette)) {
    let color = mark.color(palette);
    let radius = (place.height() * 0.3).clamp(3.0, 9.0);
    painter.rect_stroke(place, corner, Stroke::new(1.5, color), StrokeKind::Inside);
    if place.height() < 14.0 {
        return;
    }
    let at = place.left_top();
    painter.circle_filled(at, radius, color);
    let font = FontId::monospace(radius * 1.8);
    painter.text(at, Align2::CENTER_CENTER, mark.sign(), font, palette.canvas);
}
