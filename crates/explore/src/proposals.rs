//! Networks that are likely to be better than those whose accuracies are known.

use std::collections::{HashMap, HashSet};

use inceptive_results::{AccuracyJudgement, ScoreJudgement};
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    axes::Axis,
    pool::{Pool, Scored},
    ranks::rank_correlation,
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
    /// The variables and the scores as coordinates, and those of each network; none without scores.
    scored: Option<(Vec<Axis>, Vec<Vec<usize>>)>,
}

/// Equal parts of the networks by a score that are told apart.
const LEVELS: u32 = 33;

/// The part of each network by a score.
fn levels(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut levels = vec![0; values.len()];
    let mut level = 0;
    for (rank, &at) in order.iter().enumerate() {
        // Equal scores are in one part.
        if rank == 0 || values[order[rank - 1]] < values[at] {
            level = rank * (LEVELS as usize - 1) / (values.len() - 1).max(1);
        }
        levels[at] = level;
    }
    levels
}

impl<'p> Proposer<'p> {
    /// Proposes networks of this pool.
    pub fn new(pool: Pool<'p>) -> Self {
        let places = pool.points.iter().enumerate().map(|(at, it)| (it.as_slice(), at)).collect();
        let scored = (!pool.scores.is_empty()).then(|| {
            let mut axes = pool.axes.to_vec();
            let mut points = pool.points.to_vec();
            for scored in pool.scores {
                axes.push(Axis::levels(LEVELS));
                for (point, level) in points.iter_mut().zip(levels(&scored.values)) {
                    point.push(level);
                }
            }
            (axes, points)
        });
        Self { pool, places, scored }
    }

    /// The place of a network in the pool, by the positions of its values.
    pub fn place(&self, point: &[usize]) -> Option<usize> {
        self.places.get(point).copied()
    }

    /// Judges a surrogate on networks whose accuracies are known, by their places. If it predicts better with the scores, it
    /// uses them.
    pub fn judge(&self, known: &[(usize, f64)], seed: u64) -> Option<AccuracyJudgement> {
        let params: Vec<f64> = known.iter().map(|&(at, _)| self.pool.params[at]).collect();
        let judged = |uses_scores| {
            let (axes, points) = self.inputs(uses_scores);
            let (points, accuracies) = learned(points, known);
            let judgement = judge(axes, &points, &accuracies, &params, seed)?;
            Some(AccuracyJudgement { uses_scores, ..judgement })
        };
        let mut judgement = judged(false)?;
        if self.scored.is_some()
            && let Some(with) = judged(true)
            && with.correlation > judgement.correlation
        {
            judgement = with;
        }
        judgement.scores = self.judged_scores(known, judgement.best);
        Some(judgement)
    }

    /// How well the scores rank networks.
    fn judged_scores(&self, known: &[(usize, f64)], best: usize) -> Vec<ScoreJudgement> {
        let mut known = known.to_vec();
        known.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let correlation = |values: &[f64], known: &[(usize, f64)]| {
            let (scores, accuracies): (Vec<f64>, Vec<f64>) =
                known.iter().map(|&(at, accuracy)| (values[at], accuracy)).unzip();
            rank_correlation(&scores, &accuracies)
        };
        let judged = |scored: &Scored| ScoreJudgement {
            score: scored.score,
            correlation: correlation(&scored.values, &known).unwrap_or(0.0),
            among_best: correlation(&scored.values, &known[..best.min(known.len())]),
        };
        self.pool.scores.iter().map(judged).collect()
    }

    /// The coordinates that a surrogate learns from.
    fn inputs(&self, uses_scores: bool) -> (&[Axis], &[Vec<usize>]) {
        match &self.scored {
            Some((axes, points)) if uses_scores => (axes.as_slice(), points.as_slice()),
            _ => (self.pool.axes, self.pool.points),
        }
    }

    /// Networks that are expected to improve most on those that are known, each below a cost limit of its own, drawn at random
    /// from the costs of the pool. Those that are excluded are not proposed; nothing is if too few are known.
    pub fn propose(
        &self,
        known: &[(usize, f64)],
        excluded: &HashSet<usize>,
        uses_scores: bool,
        most: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<usize> {
        let (axes, inputs) = self.inputs(uses_scores);
        // The latest, if there are very many.
        let (points, accuracies) =
            learned(inputs, &known[known.len().saturating_sub(MOST_LEARNED)..]);
        let Some(surrogate) = Surrogate::learn(axes, &points, &accuracies) else {
            return vec![];
        };
        let asked = self.asked(known, excluded, rng);
        let of = |places: &[usize]| -> Vec<&[usize]> {
            places.iter().map(|&at| inputs[at].as_slice()).collect()
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

fn learned(points: &[Vec<usize>], known: &[(usize, f64)]) -> (Vec<Vec<usize>>, Vec<f64>) {
    known.iter().map(|&(at, accuracy)| (points[at].clone(), accuracy)).unzip()
}

#[cfg(test)]
mod tests {
    use inceptive_results::ProxyScore;
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn parts_by_a_score_have_equally_many_networks() {
        let values: Vec<f64> = (0..66).rev().map(f64::from).collect();
        let levels = levels(&values);
        assert_eq!([levels[0], levels[65]], [LEVELS as usize - 1, 0]);
        assert!((0..LEVELS as usize).all(|level| levels.contains(&level)));
        assert_eq!(super::levels(&[3.0, 3.0, f64::NEG_INFINITY]), [16, 16, 0], "ties are equal");
        assert_eq!([super::levels(&[1.0]), super::levels(&[])], [vec![0], vec![]]);
    }

    #[test]
    fn scores_are_used_if_predictions_are_better_with_them() {
        let axes = vec![Axis::new(["a", "b", "c", "d", "e"]); 3];
        let points: Vec<Vec<usize>> =
            (0..125).map(|at| vec![at / 25, at / 5 % 5, at % 5]).collect();
        let params = vec![1.0; 125];
        // They follow no variable.
        let mut accuracies: Vec<f64> = (0..125).map(f64::from).collect();
        accuracies.shuffle(&mut ChaCha8Rng::seed_from_u64(3));
        let known: Vec<(usize, f64)> = (0..60).map(|at| (at * 2, accuracies[at * 2])).collect();
        let judged = |scores: &[Scored]| {
            let pool = Pool { axes: &axes, points: &points, params: &params, costs: &[], scores };
            let proposer = Proposer::new(pool);
            let judgement = proposer.judge(&known, 1).unwrap();
            let excluded = known.iter().map(|&(at, _)| at).collect();
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let proposed = proposer.propose(&known, &excluded, judgement.uses_scores, 5, &mut rng);
            (judgement, proposed)
        };
        let (without, _) = judged(&[]);
        assert!(!without.is_good() && without.scores.is_empty(), "{without:?}");
        let naswot = Scored { score: ProxyScore::Naswot, values: accuracies.clone() };
        let (with, proposed) = judged(std::slice::from_ref(&naswot));
        assert!(with.is_good() && with.uses_scores, "{with:?}");
        assert!((with.scores[0].correlation - 1.0).abs() < 1e-12, "{with:?}");
        let mean = proposed.iter().map(|&at| accuracies[at]).sum::<f64>() / 5.0;
        assert!(mean > 90.0, "they are among the best: {mean}");
        // A score that says nothing changes nothing.
        let constant = Scored { score: ProxyScore::Synflow, values: vec![1.0; 125] };
        let (with, _) = judged(std::slice::from_ref(&constant));
        assert!(!with.uses_scores && with.scores[0].correlation == 0.0, "{with:?}");
    }
}
