//! Searching networks whose accuracies cost something to know.

use std::{collections::HashSet, ops::ControlFlow};

use inceptive_results::AccuracyJudgement;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{pool::Pool, proposals::Proposer, surrogate::FEWEST_JUDGED};

/// Networks that are drawn before a surrogate is asked.
const FIRST: usize = 20;

/// Networks that are evaluated between two times that the surrogate learns. One of them is drawn at random.
const BATCH: usize = 5;

/// What a search evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Places in the pool, in the order of evaluation, with their accuracies.
    pub networks: Vec<(usize, f64)>,
    /// How many of them the surrogate chose.
    pub guided: usize,
    /// The last judgement on the surrogate.
    pub judgement: Option<AccuracyJudgement>,
}

/// Evaluates up to `most` networks of a pool, none twice, and those first that are likely to be better than all that were
/// evaluated at their cost or below. Accuracies are predicted by a surrogate as long as it is better than the number of
/// parameters and than chance by its [`AccuracyJudgement`]; networks are drawn at random otherwise. With costs, each choice is for a
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
    let proposer = Proposer::new(pool);
    let mut left = shuffled.into_iter();
    let mut seen: HashSet<usize> = HashSet::new();
    let mut found = Evaluated { networks: vec![], guided: 0, judgement: None };
    let most = most.min(pool.points.len());
    let mut judged_at = 0;
    while found.networks.len() < most {
        let count = found.networks.len();
        let first = FIRST.min(most.div_ceil(4)).max(FEWEST_JUDGED).min(most);
        // Judging costs as much as learning five times: it is repeated when there is a fifth more to learn from.
        if count >= first && count * 5 >= judged_at * 6 {
            found.judgement = proposer.judge(&found.networks, seed);
            judged_at = count;
        }
        let batch = if count < first { first - count } else { BATCH.min(most - count) };
        let is_good = found.judgement.as_ref().is_some_and(AccuracyJudgement::is_good);
        let uses_scores = found.judgement.as_ref().is_some_and(|it| it.uses_scores);
        let chosen = if count >= first && is_good {
            let most = batch - usize::from(batch > 1);
            proposer.propose(&found.networks, &seen, uses_scores, most, &mut rng)
        } else {
            vec![]
        };
        found.guided += chosen.len();
        let drawn = batch - chosen.len();
        for at in chosen.into_iter().map(Some).chain((0..drawn).map(|_| None)) {
            let next = at.or_else(|| left.find(|at| !seen.contains(at)));
            let Some(at) = next else { return found };
            seen.insert(at);
            match evaluate(at) {
                ControlFlow::Continue(accuracy) => found.networks.push((at, accuracy)),
                ControlFlow::Break(()) => return found,
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axes::Axis;

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
        let pool = Pool { axes: &axes, points: &points, params: &params, costs: &[], scores: &[] };
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
        let pool = Pool { axes: &axes, points, params: &params, costs: &costs, scores: &[] };
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
