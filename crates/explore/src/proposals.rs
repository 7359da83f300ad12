//! Networks that are likely to be better than those whose accuracies are known.

use std::collections::{HashMap, HashSet};

use inceptive_results::AccuracyJudgement;
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    pool::Pool,
    surrogate::{MOST_LEARNED, Prediction, Surrogate, judge},
};

/// Networks that a surrogate is asked about between two times that it learns: of the pool at random, and those that differ in
/// one variable from one of the best.
const ASKED: usize = 3000;
const BEST: usize = 10;

/// Proposes networks of a pool.
#[derive(Debug)]
pub struct Proposer<'p> {
    pool: Pool<'p>,
    /// The place of each point.
    places: HashMap<&'p [usize], usize>,
}

impl<'p> Proposer<'p> {
    /// Proposes networks of this pool.
    pub fn new(pool: Pool<'p>) -> Self {
        let places = pool.points.iter().enumerate().map(|(at, it)| (it.as_slice(), at)).collect();
        Self { pool, places }
    }

    /// The place of a network in the pool, by the positions of its values.
    pub fn place(&self, point: &[usize]) -> Option<usize> {
        self.places.get(point).copied()
    }

    /// Judges a surrogate on networks whose accuracies are known, by their places.
    pub fn judge(&self, known: &[(usize, f64)], seed: u64) -> Option<AccuracyJudgement> {
        let (points, accuracies) = self.learned(known);
        let params: Vec<f64> = known.iter().map(|&(at, _)| self.pool.params[at]).collect();
        judge(self.pool.axes, &points, &accuracies, &params, seed)
    }

    fn learned(&self, known: &[(usize, f64)]) -> (Vec<Vec<usize>>, Vec<f64>) {
        known.iter().map(|&(at, accuracy)| (self.pool.points[at].clone(), accuracy)).unzip()
    }

    /// Networks that are expected to improve most on those that are known, each below a cost limit of its own, drawn at random
    /// from the costs of the pool. Those that are excluded are not proposed; nothing is if too few are known.
    pub fn propose(
        &self,
        known: &[(usize, f64)],
        excluded: &HashSet<usize>,
        most: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<usize> {
        // The latest, if there are very many.
        let (points, accuracies) = self.learned(&known[known.len().saturating_sub(MOST_LEARNED)..]);
        let Some(surrogate) = Surrogate::learn(self.pool.axes, &points, &accuracies) else {
            return vec![];
        };
        let asked = self.asked(known, excluded, rng);
        let of = |places: &[usize]| -> Vec<&[usize]> {
            places.iter().map(|&at| self.pool.points[at].as_slice()).collect()
        };
        let predicted = surrogate.predict(&of(&asked));
        let known: Vec<usize> = known.iter().map(|&(at, _)| at).collect();
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
            let gain = |it: &Prediction| {
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

    /// The networks that a surrogate is asked about.
    fn asked(
        &self,
        known: &[(usize, f64)],
        excluded: &HashSet<usize>,
        rng: &mut ChaCha8Rng,
    ) -> Vec<usize> {
        let mut asked: Vec<usize> =
            (0..self.pool.points.len()).filter(|at| !excluded.contains(at)).collect();
        if asked.len() > ASKED {
            asked.shuffle(rng);
            let mut is_left: HashSet<usize> = asked.drain(ASKED..).collect();
            asked.extend(self.neighbours(known).into_iter().filter(|at| is_left.remove(at)));
        }
        asked
    }

    /// The networks that differ in one variable from one of the best.
    fn neighbours(&self, known: &[(usize, f64)]) -> Vec<usize> {
        let mut known = known.to_vec();
        known.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let mut found = vec![];
        for (at, _) in known.into_iter().take(BEST) {
            let mut point = self.pool.points[at].clone();
            for (variable, axis) in self.pool.axes.iter().enumerate() {
                let own = point[variable];
                for value in 0..axis.values {
                    point[variable] = value;
                    found.extend(self.place(&point));
                }
                point[variable] = own;
            }
        }
        found
    }

    /// A limit of costs: that of a network of the pool.
    fn limit(&self, rng: &mut ChaCha8Rng) -> f64 {
        match self.pool.costs {
            [] => f64::INFINITY,
            costs => costs[rng.random_range(0..costs.len())],
        }
    }
}
