//! Which networks of a space are worth training.

use crate::{axes::distance, pool::Pool};

/// Chooses networks that differ in cost and in their values: the range of the cost, on a logarithmic scale, is divided into
/// equal parts, as many as networks are wanted. Of each part that has some, the one that differs most from those chosen
/// before is taken, then the rest in the same way from all. Returns the places, in the order of choice; those in `first`
/// come first. The choice depends on nothing else.
pub fn diverse(pool: Pool<'_>, first: &[usize], most: usize) -> Vec<usize> {
    let cost = |at: usize| pool.costs.get(at).copied().unwrap_or(1.0).max(1.0).ln();
    let mut picks = Picks::new(pool);
    for &at in first.iter().take(most) {
        picks.take(at);
    }
    let costs: Vec<f64> = (0..pool.points.len()).map(cost).collect();
    let low = costs.iter().copied().fold(f64::INFINITY, f64::min);
    let width = costs.iter().copied().fold(f64::NEG_INFINITY, f64::max) - low;
    let part = |at: usize| part_of(costs[at] - low, width, most);
    let mut parts: Vec<Vec<usize>> = vec![vec![]; most];
    (0..pool.points.len()).for_each(|at| parts[part(at)].push(at));
    let has_first: Vec<usize> = picks.taken.iter().map(|&at| part(at)).collect();
    for (number, part) in parts.iter().enumerate() {
        if picks.taken.len() < most && !has_first.contains(&number) {
            picks.take_farthest(part.iter().copied());
        }
    }
    while picks.taken.len() < most && picks.take_farthest(0..pool.points.len()) {}
    picks.taken
}

#[expect(clippy::cast_precision_loss, reason = "few parts")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to the number of parts"
)]
fn part_of(above: f64, width: f64, parts: usize) -> usize {
    let share = if width > 0.0 { above / width } else { 0.0 };
    ((share * parts as f64) as usize).min(parts.saturating_sub(1))
}

/// Networks that were chosen.
struct Picks<'p> {
    pool: Pool<'p>,
    taken: Vec<usize>,
    /// The distance of each network to the nearest one that was chosen; below zero for those.
    distances: Vec<f64>,
}

impl<'p> Picks<'p> {
    fn new(pool: Pool<'p>) -> Self {
        Self { pool, taken: vec![], distances: vec![f64::INFINITY; pool.points.len()] }
    }

    /// Takes the first of the networks that are farthest from all that were taken; whether there is one.
    fn take_farthest(&mut self, among: impl Iterator<Item = usize>) -> bool {
        let mut farthest: Option<usize> = None;
        for at in among {
            let is_farther = farthest.is_none_or(|best| self.distances[at] > self.distances[best]);
            if self.distances[at] >= 0.0 && is_farther {
                farthest = Some(at);
            }
        }
        if let Some(at) = farthest {
            self.take(at);
        }
        farthest.is_some()
    }

    fn take(&mut self, at: usize) {
        if self.distances[at] < 0.0 {
            return;
        }
        self.taken.push(at);
        let Pool { axes, points, .. } = self.pool;
        for (before, point) in self.distances.iter_mut().zip(points) {
            *before = before.min(distance(axes, &points[at], point));
        }
        self.distances[at] = -1.0;
    }
}
