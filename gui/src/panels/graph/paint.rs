//! Ink: cards, frames and lines of a scene, as much of them as can be seen.

use egui::{
    Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Theme,
    vec2,
};
use inceptive_draw::{Card, DETAIL_PX, Frame, Kind, LINE_PX, Line, SHAPE_PX, Scene, TITLE_PX};
use inceptive_ir::Path as NodePath;

use super::camera::{Camera, point, rect};
use crate::theme::{Palette, card_colors, palette, text_on};

/// Text smaller than this, in screen pixels, is not drawn.
const LEGIBLE: f32 = 6.0;

/// Below this size, in screen pixels, fewer and larger lines are drawn on a card.
const READABLE: f32 = 7.5;

/// Those are not larger than this, in screen pixels.
const LARGE: f32 = 11.5;

/// From this scale on, the corner of a frame has room for a title that can be read.
const ROOMY: f32 = 0.45;

/// Lines closer than this to each other, in screen pixels, are drawn straight and without arrows.
const SMALL: f32 = 0.35;

/// Size of the number of equal modules, in screen pixels.
const TIMES: f32 = 11.0;

/// How cards are filled.
pub trait Paint {
    /// Fill of a card; `None` for the colour of its kind.
    fn fill(&self, index: usize) -> Option<Color32>;
}

/// What was found in a scene.
#[derive(Debug)]
pub struct Hits {
    /// Whether something was found in each card.
    pub cards: Vec<bool>,
    /// Whether each frame was found.
    pub frames: Vec<bool>,
}

/// Where and how a scene is drawn.
pub struct Canvas<'a> {
    /// Where to.
    pub painter: &'a Painter,
    /// The part of the screen that it takes.
    pub screen: Rect,
    /// From where it is seen.
    pub camera: Camera,
    /// Light or dark.
    pub theme: Theme,
    /// The node or module that is selected.
    pub selected: Option<&'a NodePath>,
    /// What was found, if something is looked for.
    pub hits: Option<&'a Hits>,
}

impl Canvas<'_> {
    /// Draws the visible part of a scene.
    pub fn scene(&self, scene: &Scene, paint: &dyn Paint) {
        let visible = self.camera.visible(self.screen);
        for frame in scene.frames.iter().filter(|frame| rect(frame.rect).intersects(visible)) {
            self.frame(frame);
        }
        for frame in self.found(&scene.frames, |hits| &hits.frames) {
            self.hit(rect(frame.rect), 8.0);
        }
        for line in scene.lines.iter().filter(|line| bounds(line).intersects(visible)) {
            self.line(line);
        }
        for (index, card) in scene.cards.iter().enumerate() {
            if rect(card.rect).intersects(visible) {
                self.card(card, paint.fill(index));
            }
        }
        let frames = scene.frames.iter().map(|frame| (frame.rect, frame.repeats));
        let cards = scene.cards.iter().map(|card| (card.rect, card.repeats));
        for (place, count) in frames.chain(cards).filter(|(_, count)| *count > 1) {
            self.times(rect(place), count);
        }
        for card in self.found(&scene.cards, |hits| &hits.cards) {
            self.hit(rect(card.rect), 5.0);
        }
    }

    /// Those of some things that were found.
    fn found<'t, T>(
        &self,
        things: &'t [T],
        marks: impl Fn(&Hits) -> &[bool],
    ) -> impl Iterator<Item = &'t T> {
        let marks: &[bool] = self.hits.map_or(&[], |hits| marks(hits));
        things.iter().zip(marks).filter(|(_, is_hit)| **is_hit).map(|(thing, _)| thing)
    }

    /// Says for how many equal modules one is drawn, in its upper right corner, so that it can be read at any scale.
    fn times(&self, place: Rect, count: usize) {
        let place = self.camera.rect_to_screen(self.screen, place);
        if !place.intersects(self.screen) {
            return;
        }
        let ink = self.palette().canvas;
        let font = FontId::proportional(TIMES);
        let galley = self.painter.layout_no_wrap(format!("x {count}"), font, ink);
        let size = galley.size() + vec2(10.0, 2.0);
        let ground =
            Rect::from_min_size(place.right_top() - vec2(size.x - 6.0, size.y / 2.0), size);
        self.painter.rect_filled(ground, size.y / 2.0, self.palette().accent);
        self.painter.galley(ground.min + vec2(5.0, 1.0), galley, ink);
    }

    /// Marks something that was found, so that it is seen at any scale.
    fn hit(&self, place: Rect, radius: f32) {
        let place = self.camera.rect_to_screen(self.screen, place).expand(2.0);
        if place.intersects(self.screen) {
            let stroke = Stroke::new(2.5, self.palette().hit);
            self.painter.rect(
                place,
                self.radius(radius),
                self.palette().hit.gamma_multiply(0.16),
                stroke,
                StrokeKind::Outside,
            );
        }
    }

    fn palette(&self) -> &'static Palette {
        palette(self.theme)
    }

    fn frame(&self, frame: &Frame) {
        let palette = self.palette();
        let place = self.camera.rect_to_screen(self.screen, rect(frame.rect));
        let radius = self.radius(8.0);
        self.painter.rect_filled(place, radius, palette.frame_fill);
        let is_selected = self.selected == Some(&frame.path);
        let stroke = if is_selected {
            Stroke::new(2.5, palette.accent)
        } else {
            Stroke::new(1.0, palette.frame)
        };
        self.outline(place, radius, stroke, frame.is_auxiliary);
        let size = TITLE_PX as f32 * self.camera.zoom;
        // The upper left corner of a frame is free, unless everything is small.
        let has_room = self.camera.zoom > ROOMY && largest(&frame.title, place, 1) >= LARGE;
        let size = if has_room { size.max(LARGE - 2.0) } else { size };
        if let Some(font) = font(size) {
            let at = place.min + vec2(8.0, 5.0) * self.camera.zoom;
            self.painter.text(at, Align2::LEFT_TOP, &frame.title, font, palette.card_weak);
        }
    }

    fn line(&self, line: &Line) {
        let stroke = Stroke::new((1.2 * self.camera.zoom).clamp(0.5, 2.0), self.palette().line);
        let points: Vec<Pos2> =
            line.points.iter().map(|&at| self.camera.to_screen(self.screen, point(at))).collect();
        let points = if self.camera.zoom < SMALL {
            points
        } else {
            rounded(&points, 10.0 * self.camera.zoom)
        };
        if line.is_auxiliary && self.camera.zoom >= SMALL {
            let dash = 5.0 * self.camera.zoom;
            self.painter.extend(Shape::dashed_line(&points, stroke, dash, 0.8 * dash));
        } else {
            self.painter.add(Shape::line(points.clone(), stroke));
        }
        if line.has_arrow && self.camera.zoom >= SMALL {
            self.arrow(&points, stroke.color);
        }
    }

    fn arrow(&self, points: &[Pos2], color: Color32) {
        let [.., from, to] = points else { return };
        let along = (*to - *from).normalized() * 6.0 * self.camera.zoom;
        let across = along.rot90() * 0.45;
        let tip = vec![*to, *to - along + across, *to - along - across];
        self.painter.add(Shape::convex_polygon(tip, color, Stroke::NONE));
    }

    fn card(&self, card: &Card, fill: Option<Color32>) {
        let place = self.camera.rect_to_screen(self.screen, rect(card.rect));
        let (kind_fill, stroke) = card_colors(card.kind, self.theme);
        let ground = fill.unwrap_or(kind_fill);
        let radius = match card.kind {
            Kind::Input => self.radius(20.0),
            _ => self.radius(5.0),
        };
        if card.is_module {
            // Like a stack: there is more inside.
            let below = place.translate(vec2(3.0, 3.0) * self.camera.zoom);
            self.painter.rect(below, radius, ground, Stroke::new(1.0, stroke), StrokeKind::Inside);
        }
        self.painter.rect_filled(place, radius, ground);
        let is_selected = self.selected == Some(&card.path);
        let stroke = if is_selected {
            Stroke::new(2.5, self.palette().accent)
        } else {
            Stroke::new(1.0, stroke)
        };
        self.outline(place, radius, stroke, card.is_auxiliary);
        self.words(card, place, fill.map(text_on));
    }

    /// The lines of text on a card: all of them where they can be read, else fewer and larger ones.
    fn words(&self, card: &Card, place: Rect, ink: Option<Color32>) {
        let palette = self.palette();
        let strong = ink.unwrap_or(palette.card_text);
        let weak = ink.unwrap_or(palette.card_weak);
        let zoom = self.camera.zoom;
        let lines = [
            (card.title.as_str(), TITLE_PX as f32 * zoom, strong),
            (card.detail.as_str(), DETAIL_PX as f32 * zoom, strong),
            (card.shape.as_str(), SHAPE_PX as f32 * zoom, weak),
        ];
        let lines = lines.into_iter().filter(|(text, ..)| !text.is_empty());
        if SHAPE_PX as f32 * zoom >= READABLE {
            self.lines(lines, LINE_PX as f32 * zoom, place);
            return;
        }
        let short = [(card.title.as_str(), strong), (card.shape.as_str(), weak)];
        for count in [2, 1] {
            let lines = short[..count].iter().filter(|(text, _)| !text.is_empty());
            let size = |text: &str| largest(text, place, count);
            let sized = lines.map(|&(text, color)| (text, size(text), color));
            if count == 1 || sized.clone().all(|(_, size, _)| size >= READABLE) {
                self.lines(sized, place.height() * 0.44, place);
                return;
            }
        }
    }

    /// Lines of text in the middle of a place, one below the other.
    fn lines<'t>(
        &self,
        lines: impl Iterator<Item = (&'t str, f32, Color32)> + Clone,
        height: f32,
        place: Rect,
    ) {
        let above = (lines.clone().count() as f32 - 1.0) * height / 2.0;
        let mut at = place.center() - vec2(0.0, above);
        for (text, size, color) in lines {
            if let Some(font) = font(size) {
                self.painter.text(at, Align2::CENTER_CENTER, text, font, color);
            }
            at.y += height;
        }
    }

    fn radius(&self, pixels: f32) -> CornerRadius {
        CornerRadius::from(pixels * self.camera.zoom)
    }

    fn outline(&self, place: Rect, radius: CornerRadius, stroke: Stroke, is_dashed: bool) {
        if !is_dashed || self.camera.zoom < SMALL {
            self.painter.rect_stroke(place, radius, stroke, StrokeKind::Inside);
            return;
        }
        let corners = [
            place.left_top(),
            place.right_top(),
            place.right_bottom(),
            place.left_bottom(),
            place.left_top(),
        ];
        let dash = 5.0 * self.camera.zoom;
        self.painter.extend(Shape::dashed_line(&corners, stroke, dash, 0.8 * dash));
    }
}

/// A font of a size in pixels; `None` if it could not be read. Sizes go in steps, for every size of every letter is kept
/// in a texture.
fn font(size: f32) -> Option<FontId> {
    let step = if size < 16.0 { 0.5 } else { 2.0 };
    (size >= LEGIBLE).then(|| FontId::proportional((size / step).floor() * step))
}

/// The largest font size, in pixels, at which a text fits into a card with this number of lines.
fn largest(text: &str, place: Rect, lines: usize) -> f32 {
    // Letters of the interface's font are on average half as wide as they are high.
    let by_width = (place.width() - 4.0) / (0.55 * text.chars().count().max(1) as f32);
    let by_height = place.height() * 0.8 / lines as f32;
    by_width.min(by_height).min(LARGE)
}

/// The smallest rectangle around a line.
fn bounds(line: &Line) -> Rect {
    Rect::from_points(&line.points.iter().map(|&at| point(at)).collect::<Vec<Pos2>>()).expand(1.0)
}

/// The points with each corner cut by a short curve.
fn rounded(points: &[Pos2], radius: f32) -> Vec<Pos2> {
    let mut path = Vec::with_capacity(points.len() * 4);
    for (index, &corner) in points.iter().enumerate() {
        let (Some(next), true) = (points.get(index + 1), index > 0) else {
            path.push(corner);
            continue;
        };
        let toward = |other: Pos2| {
            let way = other - corner;
            corner + way * (radius / way.length().max(1e-3)).min(0.5)
        };
        let (start, end) = (toward(points[index - 1]), toward(*next));
        for step in 0..=3_u8 {
            let t = f32::from(step) / 3.0;
            let (a, b) = (start.lerp(corner, t), corner.lerp(end, t));
            path.push(a.lerp(b, t));
        }
    }
    path
}
