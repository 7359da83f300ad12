//! Searching networks whose accuracies cost something to know.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
};

use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    axes::Axis,
    surrogate::{FEWEST_JUDGED, Judgement, MOST_LEARNED, Surrogate, judge},
};

/// Networks that are drawn before a surrogate is asked.
const FIRST: usize = 20;

/// Networks that are evaluated between two times that the surrogate learns. One of them is drawn at random.
const BATCH: usize = 5;

/// Networks that a surrogate is asked about between two times that it learns: of the pool at random, and those that differ in
/// one variable from one of the best.
const ASKED: usize = 3000;
const BEST: usize = 10;

/// The networks that a search may choose from.
#[derive(Clone, Copy, Debug)]
pub struct Pool<'p> {
    /// The variables.
    pub axes: &'p [Axis],
    /// The positions of the values of each network.
    pub points: &'p [Vec<usize>],
    /// Its number of parameters.
    pub params: &'p [f64],
    /// The cost that its accuracy is weighed against; empty if there is none.
    pub costs: &'p [f64],
}

/// What a search evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Places in the pool, in the order of evaluation, with their accuracies.
    pub networks: Vec<(usize, f64)>,
    /// How many of them the surrogate chose.
    pub guided: usize,
    /// The last judgement on the surrogate.
    pub judgement: Option<Judgement>,
}

/// Evaluates up to `most` networks of a pool, none twice, and those first that are likely to be better than all that were
/// evaluated at their cost or below. Accuracies are predicted by a [`Surrogate`] as long as it is better than the number of
/// parameters and than chance by its [`Judgement`]; networks are drawn at random otherwise. With costs, each choice is for a
/// cost limit of its own, drawn at random from the costs of the pool. The same seed gives the same search.
pub fn guided(
    pool: Pool<'_>,
    most: usize,
    seed: u64,
    evaluate: &mut dyn FnMut(usize) -> ControlFlow<(), f64>,
) -> Evaluated {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut shuffled: Vec<usize> = (0..pool.points.len()).collect();
    shuffled.shuffle(&mut rng);
    let places = pool.points.iter().enumerate().map(|(at, point)| (point.as_slice(), at)).collect();
    let mut search = Search {
        pool,
        places,
        left: shuffled.into_iter(),
        seen: HashSet::new(),
        found: Evaluated { networks: vec![], guided: 0, judgement: None },
    };
    let most = most.min(pool.points.len());
    let mut judged_at = 0;
    while search.found.networks.len() < most {
        let count = search.found.networks.len();
        let first = FIRST.min(most.div_ceil(4)).max(FEWEST_JUDGED).min(most);
        // Judging costs as much as learning five times: it is repeated when there is a fifth more to learn from.
        if count >= first && count * 5 >= judged_at * 6 {
            search.judge(seed);
            judged_at = count;
        }
        let batch = if count < first { first - count } else { BATCH.min(most - count) };
        let is_good = search.found.judgement.is_some_and(|judgement| judgement.is_good());
        let chosen = if count >= first && is_good {
            search.likely(batch - usize::from(batch > 1), &mut rng)
        } else {
            vec![]
        };
        search.found.guided += chosen.len();
        let drawn = batch - chosen.len();
        for at in chosen.into_iter().map(Some).chain((0..drawn).map(|_| None)) {
            let Some(at) = at.or_else(|| search.draw()) else { return search.found };
            search.seen.insert(at);
            match evaluate(at) {
                ControlFlow::Continue(accuracy) => search.found.networks.push((at, accuracy)),
                ControlFlow::Break(()) => return search.found,
            }
        }
    }
    search.found
}

struct Search<'p> {
    pool: Pool<'p>,
    /// The place of each point.
    places: HashMap<&'p [usize], usize>,
    /// Places in a random order.
    left: std::vec::IntoIter<usize>,
    seen: HashSet<usize>,
    found: Evaluated,
}

impl Search<'_> {
    fn draw(&mut self) -> Option<usize> {
        let seen = &self.seen;
        self.left.find(|at| !seen.contains(at))
    }

    /// The networks that are learned from: the latest, if there are very many.
    fn learned(&self) -> (Vec<Vec<usize>>, Vec<f64>) {
        let known = &self.found.networks;
        let latest = &known[known.len().saturating_sub(MOST_LEARNED)..];
        latest.iter().map(|&(at, accuracy)| (self.pool.points[at].clone(), accuracy)).unzip()
    }

    fn judge(&mut self, seed: u64) {
        let known = &self.found.networks;
        let points: Vec<Vec<usize>> =
            known.iter().map(|&(at, _)| self.pool.points[at].clone()).collect();
        let accuracies: Vec<f64> = known.iter().map(|&(_, accuracy)| accuracy).collect();
        let params: Vec<f64> = known.iter().map(|&(at, _)| self.pool.params[at]).collect();
        self.found.judgement = judge(self.pool.axes, &points, &accuracies, &params, seed);
    }

    /// Networks that are expected to improve most on what is known.
    fn likely(&self, most: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let (points, accuracies) = self.learned();
        let Some(surrogate) = Surrogate::learn(self.pool.axes, &points, &accuracies) else {
            return vec![];
        };
        let mut asked: Vec<usize> =
            (0..self.pool.points.len()).filter(|at| !self.seen.contains(at)).collect();
        if asked.len() > ASKED {
            asked.shuffle(rng);
            let mut is_asked: HashSet<usize> = asked.drain(ASKED..).collect();
            let near = self.neighbours().into_iter().filter(|at| is_asked.remove(at));
            asked.extend(near);
        }
        let of = |places: &[usize]| -> Vec<&[usize]> {
            places.iter().map(|&at| self.pool.points[at].as_slice()).collect()
        };
        let predicted = surrogate.predict(&of(&asked));
        let known: Vec<usize> = self.found.networks.iter().map(|&(at, _)| at).collect();
        let of_known = surrogate.predict(&of(&known));
        let mut chosen = vec![];
        while chosen.len() < most {
            let limit = self.limit(rng);
            let is_below = |at: usize| self.pool.costs.get(at).is_none_or(|&cost| cost <= limit);
            let best = known
                .iter()
                .zip(&of_known)
                .filter(|(at, _)| is_below(**at))
                .map(|(_, it)| it.score);
            let best = best.fold(f64::NEG_INFINITY, f64::max);
            // Where nothing is known below the limit, the best score is wanted.
            let gain = |it: &crate::surrogate::Prediction| {
                if best.is_finite() { it.improvement(best) } else { it.score }
            };
            let candidates = asked
                .iter()
                .zip(&predicted)
                .filter(|(at, _)| is_below(**at) && !chosen.contains(*at));
            let most_likely = candidates.max_by(|(_, a), (_, b)| gain(a).total_cmp(&gain(b)));
            match most_likely {
                Some((&at, _)) => chosen.push(at),
                None if self.pool.costs.is_empty() => break,
                None if chosen.len() == asked.len() => break,
                None => {}
            }
        }
        chosen
    }

    /// The networks that differ in one variable from one of the best.
    fn neighbours(&self) -> Vec<usize> {
        let mut known = self.found.networks.clone();
        known.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let mut found = vec![];
        for (at, _) in known.into_iter().take(BEST) {
            let mut point = self.pool.points[at].clone();
            for (variable, axis) in self.pool.axes.iter().enumerate() {
                let own = point[variable];
                for value in 0..axis.values {
                    point[variable] = value;
                    let place = self.places.get(point.as_slice()).copied();
                    found.extend(place.filter(|at| !self.seen.contains(at)));
                }
                point[variable] = own;
            }
        }
        found
    }

    /// A limit of costs: that of a network that is not evaluated.
    fn limit(&self, rng: &mut ChaCha8Rng) -> f64 {
        match self.pool.costs {
            [] => f64::INFINITY,
            costs => costs[rng.random_range(0..costs.len())],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> (Vec<Axis>, Vec<Vec<usize>>) {
        let axes = vec![Axis::new(["a", "b", "c", "d", "e"]); 4];
        let points = (0..625).map(|at| vec![at / 125, at / 25 % 5, at / 5 % 5, at % 5]).collect();
        (axes, points)
    }

    fn accuracy(point: &[usize]) -> f64 {
        let worth = [0.0, 2.0, 5.0, 3.0, 1.0];
        point.iter().map(|&value| worth[value]).sum::<f64>()
            + if point[0] == point[3] { 4.0 } else { 0.0 }
    }

    #[test]
    fn it_finds_the_best_in_far_fewer_evaluations_than_chance() {
        let (axes, points) = pool();
        let params = vec![1.0; points.len()];
        let pool = Pool { axes: &axes, points: &points, params: &params, costs: &[] };
        let mut best = 0;
        for seed in 0..5 {
            let found =
                guided(pool, 60, seed, &mut |at| ControlFlow::Continue(accuracy(&points[at])));
            let places: HashSet<usize> = found.networks.iter().map(|&(at, _)| at).collect();
            assert_eq!((places.len(), found.networks.len()), (60, 60), "none twice");
            assert!(found.guided > 10, "{}", found.guided);
            best += usize::from(found.networks.iter().any(|&(_, accuracy)| accuracy == 24.0));
            assert_eq!(
                found,
                guided(pool, 60, seed, &mut |at| ControlFlow::Continue(accuracy(&points[at])))
            );
        }
        // By chance the best one of 625 is among 60 in one of ten searches.
        assert!(best >= 4, "{best} of 5");
    }

    #[test]
    fn all_of_a_small_pool_are_evaluated_and_a_stop_stops() {
        let (axes, points) = pool();
        let points = &points[..12];
        let params = vec![1.0; 12];
        let costs: Vec<f64> = (0..12).map(f64::from).collect();
        let pool = Pool { axes: &axes, points, params: &params, costs: &costs };
        let found = guided(pool, 100, 1, &mut |at| ControlFlow::Continue(accuracy(&points[at])));
        assert_eq!(found.networks.len(), 12);
        let mut left = 3;
        let found = guided(pool, 100, 1, &mut |_| {
            left -= 1;
            if left < 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(1.0) }
        });
        assert_eq!(found.networks.len(), 3);
        assert_eq!(found.judgement, None);
    }
}
