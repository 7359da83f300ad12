//! Labels that overlap neither points nor each other.

use egui::{Pos2, Rect, Vec2, vec2};

/// A name to be placed.
pub struct Wish {
    /// The point.
    pub at: Pos2,
    /// The radius of its ball.
    pub radius: f32,
    /// The size of the text.
    pub size: Vec2,
}

/// Where the texts go, those that come first having the choice; `None` if there is no room. They stay away from
/// `lines` where they can.
pub fn place(wishes: &[Wish], lines: &[Rect], bounds: Rect) -> Vec<Option<Rect>> {
    let balls: Vec<Rect> = wishes
        .iter()
        .map(|wish| Rect::from_center_size(wish.at, Vec2::splat(2.0 * wish.radius)))
        .collect();
    let mut taken: Vec<Rect> = Vec::with_capacity(wishes.len());
    let mut places = Vec::with_capacity(wishes.len());
    for (number, wish) in wishes.iter().enumerate() {
        let is_free = |rect: &Rect| {
            bounds.contains_rect(*rect)
                && taken.iter().all(|other| !other.intersects(*rect))
                && balls
                    .iter()
                    .enumerate()
                    .all(|(at, ball)| at == number || !ball.intersects(*rect))
        };
        let places_around = around(wish);
        let free = || places_around.into_iter().filter(is_free);
        let is_clear = |rect: &Rect| !lines.iter().any(|line| line.intersects(*rect));
        let place = free().find(is_clear).or_else(|| free().next());
        taken.extend(place);
        places.push(place);
    }
    places
}

/// Places around a point, the best first.
fn around(wish: &Wish) -> [Rect; 8] {
    let (size, gap) = (wish.size, wish.radius + 3.0);
    let (right, left) = (gap + size.x / 2.0, -gap - size.x / 2.0);
    let (up, down) = (-gap - size.y / 2.0, gap + size.y / 2.0);
    [
        vec2(right, 0.0),
        vec2(left, 0.0),
        vec2(0.0, up),
        vec2(0.0, down),
        vec2(right, up),
        vec2(left, up),
        vec2(right, down),
        vec2(left, down),
    ]
    .map(|offset| Rect::from_center_size(wish.at + offset, size))
}

#[cfg(test)]
mod tests {
    use egui::pos2;

    use super::*;

    #[test]
    fn texts_cover_nothing_and_are_left_out_where_there_is_no_room() {
        let bounds = Rect::from_min_size(Pos2::ZERO, vec2(120.0, 60.0));
        let wishes: Vec<Wish> = (0..12_u8)
            .map(|at| Wish {
                at: pos2(20.0 + 7.0 * f32::from(at), 30.0),
                radius: 4.0,
                size: vec2(40.0, 12.0),
            })
            .collect();
        let places = place(&wishes, &[], bounds);
        let placed: Vec<Rect> = places.iter().flatten().copied().collect();
        assert!(placed.len() >= 2 && placed.len() < 12, "{placed:?}");
        for (at, rect) in placed.iter().enumerate() {
            assert!(bounds.contains_rect(*rect));
            assert!(placed[..at].iter().all(|other| !other.intersects(*rect)));
        }
    }
}
