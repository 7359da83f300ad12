//! Where names go in a chart, so that they cover neither each other nor the points.

use plotters::{prelude::Color, style::text_anchor::HPos};

use super::{
    INK,
    canvas::{Canvas, TEXT, pixel, text_width},
};

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Rect {
    /// Around two points, with room on all sides.
    pub fn around(a: (i32, i32), b: (i32, i32), room: f64) -> Self {
        Self {
            left: f64::from(a.0.min(b.0)) - room,
            top: f64::from(a.1.min(b.1)) - room,
            width: f64::from((a.0 - b.0).abs()) + 2.0 * room,
            height: f64::from((a.1 - b.1).abs()) + 2.0 * room,
        }
    }

    /// The area of what two have in common.
    pub fn overlap(&self, other: &Self) -> f64 {
        let side = |a: f64, a_length: f64, b: f64, b_length: f64| {
            ((a + a_length).min(b + b_length) - a.max(b)).max(0.0)
        };
        side(self.left, self.width, other.left, other.width)
            * side(self.top, self.height, other.top, other.height)
    }

    /// Whether none of it lies outside of another.
    fn is_within(&self, frame: &Self) -> bool {
        self.left >= frame.left
            && self.top >= frame.top
            && self.left + self.width <= frame.left + frame.width
            && self.top + self.height <= frame.top + frame.height
    }

    /// Its point that is nearest to another point.
    fn nearest(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (x.clamp(self.left, self.left + self.width), y.clamp(self.top, self.top + self.height))
    }

    /// The same with room around it.
    fn wider(&self, room: f64) -> Self {
        Self {
            left: self.left - room,
            top: self.top - room / 2.0,
            width: self.width + 2.0 * room,
            height: self.height + room,
        }
    }

    fn contains(&self, (x, y): (f64, f64)) -> bool {
        self.nearest((x, y)) == (x, y)
    }
}

/// A point to be named.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its place.
    pub at: (i32, i32),
    /// Radius of its mark.
    pub radius: i32,
    /// Its name, short enough.
    pub name: String,
}

/// A name's place, and the line from the point to it.
#[derive(Clone, Copy, Debug)]
struct Placed {
    rect: Rect,
    leader: [(f64, f64); 2],
}

/// Names nearer to their points than this need no line.
const NEAR: f64 = 8.0;

/// Penalty of a line that crosses a name or a mark, in square pixels of covered area.
const CROSSING: f64 = 150.0;

/// A name stays so far from the marks of others, lest it be taken for theirs.
const APART: f64 = 6.0;

/// Covering a mark is penalised this many times as much as being near it.
const COVERING: f64 = 3.0;

/// How often each name chooses its place.
const ROUNDS: usize = 3;

/// With more marks than this a line may cross them.
const MOST_MARKS: usize = 200;

/// Penalty per pixel of distance, in square pixels of covered area.
const FARTHER: f64 = 1.2;

impl Named {
    fn center(&self) -> (f64, f64) {
        (f64::from(self.at.0), f64::from(self.at.1))
    }

    /// Places for its name, nearer ones first: at its sides, above and below, and between.
    fn places(&self) -> impl Iterator<Item = Placed> + '_ {
        const DIRECTIONS: [(f64, f64); 12] = [
            (1.0, 0.0),
            (-1.0, 0.0),
            (0.0, -1.0),
            (0.0, 1.0),
            (0.7, -0.7),
            (0.7, 0.7),
            (-0.7, -0.7),
            (-0.7, 0.7),
            (0.38, -0.92),
            (0.38, 0.92),
            (-0.38, -0.92),
            (-0.38, 0.92),
        ];
        const GAPS: [f64; 12] =
            [3.0, 8.0, 14.0, 22.0, 32.0, 44.0, 60.0, 80.0, 105.0, 135.0, 170.0, 220.0];
        let (width, height) = (f64::from(text_width(&self.name)), TEXT + 3.0);
        GAPS.iter().flat_map(move |gap| {
            DIRECTIONS.iter().map(move |(dx, dy)| {
                let reach = f64::from(self.radius) + gap;
                let (x, y) = self.center();
                let (x, y) = (x + dx * reach, y + dy * reach);
                let side = if *dx == 0.0 { 0.5 } else { f64::from(u8::from(*dx < 0.0)) };
                let top = y - height * (1.0 - dy) / 2.0;
                self.placed(Rect { left: x - width * side, top, width, height })
            })
        })
    }

    /// Whether a mark is its own: around its place.
    fn is_marked_by(&self, mark: &Rect) -> bool {
        let (x, y) = self.center();
        (mark.left + mark.width / 2.0 - x).abs() < 1.0
            && (mark.top + mark.height / 2.0 - y).abs() < 1.0
    }

    fn placed(&self, rect: Rect) -> Placed {
        let (center, end) = (self.center(), rect.nearest(self.center()));
        let distance = (end.0 - center.0).hypot(end.1 - center.1);
        let part = (f64::from(self.radius) / distance.max(1.0)).min(1.0);
        let start = (center.0 + (end.0 - center.0) * part, center.1 + (end.1 - center.1) * part);
        Placed { rect, leader: [start, end] }
    }
}

impl Placed {
    fn length(&self) -> f64 {
        let [start, end] = self.leader;
        (end.0 - start.0).hypot(end.1 - start.1)
    }

    fn has_leader(&self) -> bool {
        self.length() > NEAR
    }

    /// Whether its line runs through a name.
    fn crosses(&self, name: &Rect) -> bool {
        const PARTS: i32 = 24;
        let [start, end] = self.leader;
        self.has_leader()
            && (0..PARTS).any(|part| {
                let share = f64::from(part) / f64::from(PARTS);
                let along = |from: f64, to: f64| from + (to - from) * share;
                name.contains((along(start.0, end.0), along(start.1, end.1)))
            })
    }
}

/// A place within the frame for each name, apart from all others, that covers least of the marks; `None` if
/// every place is taken. Earlier names choose first; then each may move, as it knows the others.
fn place(names: &[Named], marks: &[Rect], frame: &Rect) -> Vec<Option<Placed>> {
    let mut places: Vec<Option<Placed>> = vec![None; names.len()];
    for _ in 0..ROUNDS {
        for (at, named) in names.iter().enumerate() {
            places[at] = None;
            let taken: Vec<Placed> = places.iter().flatten().copied().collect();
            places[at] = best(named, &taken, marks, frame);
        }
    }
    places
}

/// The best free place for a label.
fn best(named: &Named, taken: &[Placed], marks: &[Rect], frame: &Rect) -> Option<Placed> {
    let others: Vec<&Rect> = marks.iter().filter(|mark| !named.is_marked_by(mark)).collect();
    let cost = |place: &Placed| {
        let is_free = place.rect.is_within(frame)
            && taken.iter().all(|other| place.rect.overlap(&other.rect) == 0.0);
        is_free.then(|| {
            let near = place.rect.wider(APART);
            let covered = |mark: &&Rect| near.overlap(mark) + COVERING * place.rect.overlap(mark);
            let covered: f64 = others.iter().map(covered).sum();
            let crosses_name =
                |other: &&Placed| place.crosses(&other.rect) || other.crosses(&place.rect);
            let mut crossings = taken.iter().filter(crosses_name).count();
            if marks.len() <= MOST_MARKS {
                crossings += others.iter().filter(|mark| place.crosses(mark)).count();
            }
            #[expect(clippy::cast_precision_loss, reason = "a few")]
            let crossings = CROSSING * crossings as f64;
            covered + crossings + FARTHER * place.length()
        })
    };
    let possible = named.places().filter_map(|place| Some((cost(&place)?, place)));
    possible.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, place)| place)
}

/// Writes names next to their points, with lines to those that are farther off.
pub fn draw(canvas: &mut Canvas, names: &[Named], marks: &[Rect], frame: &Rect) {
    let names: Vec<Named> =
        names.iter().filter(|named| !named.name.trim().is_empty()).cloned().collect();
    for (named, placed) in names.iter().zip(place(&names, marks, frame)) {
        let Some(placed) = placed else { continue };
        let Placed { rect, leader } = placed;
        if placed.has_leader() {
            let line = leader.map(|(x, y)| (pixel(x), pixel(y))).to_vec();
            canvas.line(line, INK.mix(0.45));
        }
        let start = (pixel(rect.left), pixel(rect.top + rect.height / 2.0));
        canvas.text(&named.name, start, HPos::Left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_crowd_do_not_touch() {
        let named = |i: i32| Named {
            at: (200 + 14 * (i % 4), 200 + 14 * (i / 4)),
            radius: 6,
            name: "Inception".to_owned(),
        };
        let names: Vec<Named> = (0..12).map(named).collect();
        let frame = Rect { left: 0.0, top: 0.0, width: 400.0, height: 400.0 };
        let places: Vec<Rect> =
            place(&names, &[], &frame).into_iter().map(|placed| placed.unwrap().rect).collect();
        for (index, name) in places.iter().enumerate() {
            assert!(name.is_within(&frame));
            for other in &places[index + 1..] {
                assert!(name.overlap(other) < 1e-9, "{name:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_name_without_room_is_left_out() {
        let named = Named { at: (5, 5), radius: 3, name: "too wide for it".to_owned() };
        let frame = Rect { left: 0.0, top: 0.0, width: 40.0, height: 40.0 };
        assert!(place(&[named], &[], &frame)[0].is_none());
    }
}
