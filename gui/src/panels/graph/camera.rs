//! From where a picture is seen.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

use serde::{Deserialize, Serialize};

/// Screen pixels for one of the picture.
const LEAST: f32 = 0.01;
const MOST: f32 = 4.0;

/// The largest scale when a picture is fitted to the screen.
const FIT_MOST: f32 = 1.4;

/// A fitted picture at a scale below this is a needle if it takes less than this share of the screen in one direction.
const SMALL: f32 = 0.3;
const NEEDLE: f32 = 0.3;

/// The least scale at which the boxes of a complete picture can be seen.
const SMALLEST: f32 = 0.06;

/// Margin around a fitted picture, in screen pixels.
const MARGIN: f32 = 24.0;

/// The point at the centre of the screen, and the scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// The point of the picture in the middle.
    center: (f32, f32),
    /// Screen pixels for one of the picture.
    pub zoom: f32,
}

impl Camera {
    /// Shows a part of the picture as large as it fits.
    pub fn fitting(part: Rect, screen: Rect) -> Self {
        let room = (screen.size() - Vec2::splat(2.0 * MARGIN)).max(Vec2::splat(1.0));
        let scale = room / part.size().max(Vec2::splat(1.0));
        let zoom = scale.x.min(scale.y).clamp(LEAST, FIT_MOST);
        Self { center: part.center().into(), zoom }
    }

    /// Shows a tall picture from its top, as wide as it fits but legible.
    pub fn at_top(whole: Rect, screen: Rect) -> Self {
        let fit = Self::fitting(whole, screen);
        if fit.zoom >= 0.5 {
            return fit;
        }
        let across = (screen.width() - 2.0 * MARGIN) / whole.width().max(1.0);
        let zoom = across.clamp(0.35, 1.0);
        let y = whole.top() + (screen.height() / 2.0 - MARGIN) / zoom;
        Self { center: (whole.center().x, y), zoom }
    }

    /// Shows a picture from where it begins: all of it if that is legible, else a tall one from its top and a wide one
    /// from its left.
    pub fn at_start(whole: Rect, screen: Rect) -> Self {
        if whole.width() * screen.height() <= whole.height() * screen.width() {
            return Self::at_top(whole, screen);
        }
        let fit = Self::fitting(whole, screen);
        if fit.zoom >= 0.5 {
            return fit;
        }
        let down = (screen.height() - 2.0 * MARGIN) / whole.height().max(1.0);
        let zoom = down.clamp(0.35, 1.0);
        let x = whole.left() + (screen.width() / 2.0 - MARGIN) / zoom;
        Self { center: (x, whole.center().y), zoom }
    }

    /// Whether a picture that is fitted to the screen is so narrow or so flat that nothing can be seen in it.
    pub fn is_needle(whole: Rect, screen: Rect) -> bool {
        let zoom = Self::fitting(whole, screen).zoom;
        let taken = whole.size() * zoom / screen.size();
        zoom < SMALL && taken.min_elem() < NEEDLE
    }

    /// Shows all of a picture, or if it is too large for that, the part around its first box, legible: a picture may begin
    /// anywhere between its corners.
    pub fn fitting_or_start(whole: Rect, first: Rect, screen: Rect) -> Self {
        let fit = Self::fitting(whole, screen);
        if fit.zoom >= SMALLEST {
            return fit;
        }
        let zoom = 0.5;
        let half = (screen.size() / 2.0 - Vec2::splat(MARGIN)) / zoom;
        // No farther over the edges of the picture than has to be.
        let within = |at: f32, low: f32, high: f32, half: f32| {
            if high - low <= 2.0 * half {
                f32::midpoint(low, high)
            } else {
                at.clamp(low + half, high - half)
            }
        };
        let at = first.center();
        let x = within(at.x, whole.left(), whole.right(), half.x);
        let y = within(at.y, whole.top(), whole.bottom(), half.y);
        Self { center: (x, y), zoom }
    }

    /// Shows a tall picture from its top, all of it from left to right however small that is.
    pub fn across(whole: Rect, screen: Rect) -> Self {
        let fit = Self::fitting(whole, screen);
        let across = (screen.width() - 2.0 * MARGIN) / whole.width().max(1.0);
        let zoom = across.clamp(LEAST, 1.0);
        if fit.zoom >= zoom {
            return fit;
        }
        let y = whole.top() + (screen.height() / 2.0 - MARGIN) / zoom;
        Self { center: (whole.center().x, y), zoom }
    }

    /// Where a point of the picture is on the screen.
    pub fn to_screen(&self, screen: Rect, point: Pos2) -> Pos2 {
        screen.center() + (point - Pos2::from(self.center)) * self.zoom
    }

    /// Where a rectangle of the picture is on the screen.
    pub fn rect_to_screen(&self, screen: Rect, rect: Rect) -> Rect {
        Rect::from_min_max(self.to_screen(screen, rect.min), self.to_screen(screen, rect.max))
    }

    /// The position in the picture of a point on the screen.
    pub fn to_picture(&self, screen: Rect, point: Pos2) -> Pos2 {
        Pos2::from(self.center) + (point - screen.center()) / self.zoom
    }

    /// The part of the picture that is visible on the screen.
    pub fn visible(&self, screen: Rect) -> Rect {
        Rect::from_center_size(self.center.into(), screen.size() / self.zoom)
    }

    /// Moves the view by this number of screen pixels.
    pub fn pan(&mut self, by: Vec2) {
        self.center = (Pos2::from(self.center) - by / self.zoom).into();
    }

    /// Zooms, keeping the point under `at` in place.
    pub fn zoom_at(&mut self, screen: Rect, at: Pos2, factor: f32) {
        let fixed = self.to_picture(screen, at);
        self.zoom = (self.zoom * factor).clamp(LEAST, MOST);
        let center = fixed - (at - screen.center()) / self.zoom;
        self.center = center.into();
    }

    /// Moves as little as it takes to see a part of the picture.
    pub fn reveal(&mut self, screen: Rect, part: Rect) {
        let room = screen.shrink(MARGIN);
        let place = self.rect_to_screen(screen, part);
        let shift = |least: f32, most: f32, from: f32, to: f32| match () {
            () if from < least => least - from,
            () if to > most => (most - to).max(least - from),
            () => 0.0,
        };
        self.pan(vec2(
            shift(room.left(), room.right(), place.left(), place.right()),
            shift(room.top(), room.bottom(), place.top(), place.bottom()),
        ));
    }

    /// Brings a point of the picture to a point of the screen.
    pub fn put(&mut self, screen: Rect, point: Pos2, at: Pos2) {
        self.center = (point - (at - screen.center()) / self.zoom).into();
    }
}

/// A rectangle of a scene.
#[expect(clippy::cast_possible_truncation, reason = "scenes are smaller than 2^24 pixels")]
pub fn rect(rect: inceptive_draw::Rect) -> Rect {
    let inceptive_draw::Rect { x, y, width, height } = rect;
    Rect::from_min_size(pos2(x as f32, y as f32), vec2(width as f32, height as f32))
}

/// A point of a scene.
#[expect(clippy::cast_possible_truncation, reason = "scenes are smaller than 2^24 pixels")]
pub fn point(point: inceptive_draw::Point) -> Pos2 {
    pos2(point.x as f32, point.y as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Rect = Rect { min: pos2(100.0, 50.0), max: pos2(900.0, 650.0) };

    #[test]
    fn zooming_keeps_what_is_under_the_cursor() {
        let mut camera =
            Camera::fitting(Rect::from_min_size(Pos2::ZERO, vec2(400.0, 3000.0)), SCREEN);
        let cursor = pos2(300.0, 200.0);
        let before = camera.to_picture(SCREEN, cursor);
        camera.zoom_at(SCREEN, cursor, 1.7);
        assert!((camera.to_picture(SCREEN, cursor) - before).length() < 0.01);
        assert!((camera.to_screen(SCREEN, before) - cursor).length() < 0.01);
    }

    #[test]
    fn what_is_revealed_can_be_seen_and_nothing_moves_without_need() {
        let mut camera =
            Camera::fitting(Rect::from_min_size(Pos2::ZERO, vec2(400.0, 400.0)), SCREEN);
        let before = camera;
        camera.reveal(SCREEN, Rect::from_min_size(pos2(10.0, 10.0), vec2(80.0, 40.0)));
        assert_eq!(camera, before);
        let far = Rect::from_min_size(pos2(2_000.0, -900.0), vec2(80.0, 40.0));
        camera.reveal(SCREEN, far);
        assert!(SCREEN.contains_rect(camera.rect_to_screen(SCREEN, far)));
    }

    #[test]
    fn fitting_shows_everything() {
        let whole = Rect::from_min_size(Pos2::ZERO, vec2(400.0, 30_000.0));
        let camera = Camera::fitting(whole, SCREEN);
        assert!(SCREEN.contains_rect(camera.rect_to_screen(SCREEN, whole)));
        assert!(camera.visible(SCREEN).contains_rect(whole));
    }

    #[test]
    fn a_picture_is_seen_from_its_start_and_never_as_a_needle() {
        let picture =
            |width: f32, height: f32| Rect::from_min_size(Pos2::ZERO, vec2(width, height));
        let tall = picture(300.0, 40_000.0);
        assert!(
            Camera::is_needle(tall, SCREEN) && Camera::is_needle(picture(40_000.0, 300.0), SCREEN)
        );
        assert!(!Camera::is_needle(picture(3_000.0, 2_000.0), SCREEN));
        assert!(!Camera::is_needle(picture(100.0, 800.0), SCREEN), "it is legible");
        let corner = |whole: Rect| {
            let camera = Camera::at_start(whole, SCREEN);
            assert!(camera.zoom >= 0.35, "{whole:?}");
            camera.to_screen(SCREEN, whole.min)
        };
        assert!((corner(tall).y - SCREEN.top() - MARGIN).abs() < 0.5);
        assert!((corner(picture(40_000.0, 300.0)).x - SCREEN.left() - MARGIN).abs() < 0.5);
        let huge = picture(60_000.0, 40_000.0);
        for first in [pos2(30.0, 10.0), pos2(29_000.0, 10.0), pos2(59_990.0, 39_000.0)] {
            let first = Rect::from_center_size(first, vec2(20.0, 10.0));
            let camera = Camera::fitting_or_start(huge, first, SCREEN);
            assert!(
                camera.zoom > 0.3 && SCREEN.contains_rect(camera.rect_to_screen(SCREEN, first))
            );
        }
    }

    #[test]
    fn a_wide_picture_is_seen_from_left_to_right_and_a_tall_one_from_its_top() {
        let seen = |size: Vec2| {
            let camera = Camera::across(Rect::from_min_size(Pos2::ZERO, size), SCREEN);
            (camera.rect_to_screen(SCREEN, Rect::from_min_size(Pos2::ZERO, size)), camera.zoom)
        };
        let (wide, _) = seen(vec2(9_000.0, 30_000.0));
        let across = SCREEN.x_range().shrink(MARGIN - 0.5);
        assert!(across.contains(wide.left()) && across.contains(wide.right()), "{wide:?}");
        assert!((wide.top() - SCREEN.top() - MARGIN).abs() < 0.5, "{wide:?}");
        let (small, zoom) = seen(vec2(100.0, 100.0));
        assert!(zoom >= 1.0 && (small.center() - SCREEN.center()).length() < 0.5);
    }
}
