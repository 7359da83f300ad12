//! Which height of one picture belongs to which of another, by cards with one path.

use std::collections::HashMap;

use egui::{Pos2, pos2};
use inceptive_draw::Scene;
use inceptive_ir::Path;

/// Points of two pictures that belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Alignment {
    /// Heights in the first and the other, both growing.
    heights: Vec<[f32; 2]>,
    /// The middles of both, from left to right.
    middles: [f32; 2],
}

/// A picture by its place in the pair.
pub(super) const FIRST: usize = 0;
pub(super) const OTHER: usize = 1;

impl Alignment {
    pub fn new(first: &Scene, other: &Scene) -> Self {
        let tops = |scene: &Scene| -> Vec<(Path, f32)> {
            let cards = scene.cards.iter().map(|card| (card.path.clone(), card.rect.y as f32));
            let frames = scene.frames.iter().map(|it| (it.path.clone(), it.rect.y as f32));
            cards.chain(frames).collect()
        };
        let known: HashMap<Path, f32> = tops(other).into_iter().collect();
        let mut both: Vec<[f32; 2]> = tops(first)
            .into_iter()
            .filter_map(|(path, top)| Some([top, *known.get(&path)?]))
            .collect();
        both.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
        let mut heights: Vec<[f32; 2]> = vec![];
        for pair in both {
            // If branches are in another order, the first match counts.
            if heights.last().is_none_or(|last| pair[0] > last[0] + 1.0 && pair[1] > last[1] + 1.0)
            {
                heights.push(pair);
            }
        }
        let middles = [first, other].map(|scene| scene.width as f32 / 2.0);
        Self { heights, middles }
    }

    /// The point of the picture `to` that belongs to one of the picture `from`.
    pub fn map(&self, point: Pos2, from: usize, to: usize) -> Pos2 {
        let x = point.x - self.middles[from] + self.middles[to];
        let after = self.heights.partition_point(|pair| pair[from] <= point.y);
        let y = match (after.checked_sub(1).map(|at| self.heights[at]), self.heights.get(after)) {
            (Some(low), Some(high)) => {
                let share = (point.y - low[from]) / (high[from] - low[from]);
                low[to] + share * (high[to] - low[to])
            }
            (Some(only), None) | (None, Some(&only)) => point.y - only[from] + only[to],
            (None, None) => point.y,
        };
        pos2(x, y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_follow_what_both_have_and_lead_back() {
        let alignment =
            Alignment { heights: vec![[10.0, 10.0], [20.0, 50.0]], middles: [100.0, 200.0] };
        let map = |y| alignment.map(pos2(100.0, y), FIRST, OTHER);
        assert_eq!(map(15.0), pos2(200.0, 30.0));
        assert_eq!(map(5.0), pos2(200.0, 5.0));
        assert_eq!(map(25.0), pos2(200.0, 55.0));
        for y in [0.0, 12.0, 20.0, 33.0] {
            assert!((alignment.map(map(y), OTHER, FIRST).y - y).abs() < 1e-3);
        }
    }
}
