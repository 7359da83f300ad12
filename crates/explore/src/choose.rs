//! Which networks of a space are worth training.

use inceptive_dsl::Space;
use inceptive_results::Metric;

use crate::{
    axes::{Axis, axes, distance},
    surveyed::Surveyed,
};

/// Chooses networks that differ in cost and in their values: the range of a cost, on a logarithmic scale, is divided into
/// equal parts, as many as networks are wanted. Of each part that has some, the one that differs most from those chosen
/// before is taken, then the rest in the same way from all. Returns the places, in the order of choice; those in `first`
/// come first. The choice depends on nothing else.
pub fn diverse(
    space: &Space,
    networks: &[Surveyed],
    metric: Metric,
    first: &[usize],
    most: usize,
) -> Vec<usize> {
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    let cost =
        |at: usize| (networks[at].counts.get(metric).unwrap_or_default() as f64).max(1.0).ln();
    let mut picks = Picks::new(space, networks);
    for &at in first.iter().take(most) {
        picks.take(at);
    }
    let costs: Vec<f64> = (0..networks.len()).map(cost).collect();
    let low = costs.iter().copied().fold(f64::INFINITY, f64::min);
    let width = costs.iter().copied().fold(f64::NEG_INFINITY, f64::max) - low;
    let part = |at: usize| part_of(costs[at] - low, width, most);
    let mut parts: Vec<Vec<usize>> = vec![vec![]; most];
    (0..networks.len()).for_each(|at| parts[part(at)].push(at));
    let has_first: Vec<usize> = picks.taken.iter().map(|&at| part(at)).collect();
    for (number, part) in parts.iter().enumerate() {
        if picks.taken.len() < most && !has_first.contains(&number) {
            picks.take_farthest(part.iter().copied());
        }
    }
    while picks.taken.len() < most && picks.take_farthest(0..networks.len()) {}
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
    axes: Vec<Axis>,
    networks: &'p [Surveyed],
    taken: Vec<usize>,
    /// The distance of each network to the nearest one that was chosen; below zero for those.
    distances: Vec<f64>,
}

impl<'p> Picks<'p> {
    fn new(space: &Space, networks: &'p [Surveyed]) -> Self {
        Self {
            axes: axes(space),
            networks,
            taken: vec![],
            distances: vec![f64::INFINITY; networks.len()],
        }
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
        for other in 0..self.networks.len() {
            let (one, other_one) = (&self.networks[at].choices, &self.networks[other].choices);
            let distance = distance(&self.axes, one, other_one);
            self.distances[other] = self.distances[other].min(distance);
        }
        self.distances[at] = -1.0;
    }
}
