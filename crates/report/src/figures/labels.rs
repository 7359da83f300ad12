//! Where names go in a chart, so that they cover neither each other nor the points.

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    fn overlap(&self, other: &Self) -> f64 {
        let side = |a: f64, a_length: f64, b: f64, b_length: f64| {
            ((a + a_length).min(b + b_length) - a.max(b)).max(0.0)
        };
        side(self.left, self.width, other.left, other.width)
            * side(self.top, self.height, other.top, other.height)
    }

    /// How much of it lies outside of another.
    fn outside(&self, frame: &Self) -> f64 {
        self.width * self.height - self.overlap(frame)
    }
}

/// A ball to be named: its centre and radius, and the size of its name, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ball {
    pub x: f64,
    pub y: f64,
    pub radius: f64,
    pub name_width: f64,
    pub name_height: f64,
}

impl Ball {
    fn square(&self) -> Rect {
        let side = 2.0 * self.radius;
        Rect { left: self.x - self.radius, top: self.y - self.radius, width: side, height: side }
    }

    /// Places for its name, the best first: at its sides, then above and below, then farther off.
    fn places(&self) -> impl Iterator<Item = Rect> + '_ {
        const DIRECTIONS: [(f64, f64); 8] = [
            (1.0, 0.0),
            (-1.0, 0.0),
            (0.0, -1.0),
            (0.0, 1.0),
            (0.7, -0.7),
            (0.7, 0.7),
            (-0.7, -0.7),
            (-0.7, 0.7),
        ];
        const GAPS: [f64; 6] = [3.0, 10.0, 18.0, 28.0, 40.0, 56.0];
        GAPS.iter().flat_map(move |gap| {
            DIRECTIONS.iter().map(move |(dx, dy)| {
                let reach = self.radius + gap;
                let (x, y) = (self.x + dx * reach, self.y + dy * reach);
                Rect {
                    left: x - self.name_width * (1.0 - dx.signum() * dx.abs().ceil()) / 2.0,
                    top: y - self.name_height * (1.0 - dy) / 2.0,
                    width: self.name_width,
                    height: self.name_height,
                }
            })
        })
    }
}

/// A place for the name of each ball: the first that covers nothing, else the one that covers least.
pub(crate) fn place(balls: &[Ball], frame: Rect) -> Vec<Rect> {
    let mut placed: Vec<Rect> = Vec::with_capacity(balls.len());
    for ball in balls {
        let cost = |rect: &Rect| {
            let on_balls: f64 = balls.iter().map(|other| rect.overlap(&other.square())).sum();
            let on_names: f64 = placed.iter().map(|other| rect.overlap(other)).sum();
            on_balls + 4.0 * on_names + 16.0 * rect.outside(&frame)
        };
        let mut best: Option<(f64, Rect)> = None;
        for rect in ball.places() {
            let cost = cost(&rect);
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, rect));
            }
            if cost == 0.0 {
                break;
            }
        }
        let fallback = Rect { left: ball.x, top: ball.y, width: 0.0, height: 0.0 };
        placed.push(best.map_or(fallback, |(_, rect)| rect));
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_crowd_do_not_touch() {
        let ball = |x: f64, y: f64| Ball { x, y, radius: 6.0, name_width: 60.0, name_height: 12.0 };
        let balls: Vec<Ball> = (0..12)
            .map(|i| ball(200.0 + 14.0 * f64::from(i % 4), 200.0 + 14.0 * f64::from(i / 4)))
            .collect();
        let frame = Rect { left: 0.0, top: 0.0, width: 400.0, height: 400.0 };
        let names = place(&balls, frame);
        for (index, name) in names.iter().enumerate() {
            assert!(name.outside(&frame) < 1e-9);
            for other in &names[index + 1..] {
                assert!(name.overlap(other) < 1e-9, "{name:?} {other:?}");
            }
        }
    }
}
