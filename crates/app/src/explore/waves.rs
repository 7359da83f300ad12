//! Choosing the networks of a search in waves, those of later ones with the help of a surrogate.

use std::collections::HashSet;

use inceptive_dsl::Space;
use inceptive_explore::{Proposer, Surveyed, SurveyedPool, spread_order};
use inceptive_results::{AccuracyJudgement, Wave};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::plan::{Candidate, candidate};
use crate::error::TaskError;

/// Of so many networks of a wave one is as it was planned, whatever the surrogate says.
const ONE_PLANNED_OF: usize = 5;

/// Puts networks into an order in which each of the waves has some of all costs.
pub(super) fn spread(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut left: Vec<Option<Candidate>> = candidates.into_iter().map(Some).collect();
    let order = spread_order(left.len());
    order.into_iter().filter_map(|at| left[at].take()).collect()
}

/// The networks of a wave, before they are chosen.
pub(super) struct NextWave<'s> {
    pub(super) space: &'s Space,
    /// The networks that can be chosen.
    pub(super) networks: &'s [Surveyed],
    /// What is known of them.
    pub(super) pool: &'s SurveyedPool,
    /// The networks of all waves, as they are planned.
    pub(super) candidates: &'s mut Vec<Candidate>,
    /// Networks of the waves before.
    pub(super) before: usize,
    pub(super) seed: u64,
}

impl NextWave<'_> {
    /// Chooses the networks of the wave, with the validation accuracies of those before it: proposed ones replace planned ones if
    /// the surrogate is good enough.
    pub(super) fn choose(&mut self, wave: &mut Wave) -> Result<(), TaskError> {
        let (space, networks, pool) = (self.space, self.networks, self.pool);
        let proposer = Proposer::new(pool.pool());
        let known: Vec<(usize, f64)> = self.candidates[..self.before]
            .iter()
            .filter_map(|it| {
                Some((proposer.place(&it.choices)?, it.network.rungs.first().copied()??))
            })
            .collect();
        let judgement = proposer.judge(&known, self.seed);
        let size = wave.networks as usize;
        let wanted = match judgement.as_ref().is_some_and(AccuracyJudgement::is_good) {
            true => size - size.div_ceil(ONE_PLANNED_OF),
            false => 0,
        };
        let uses_scores = judgement.as_ref().is_some_and(|it| it.uses_scores);
        // The planned ones that stay are the first of the wave, which differ most in cost.
        let planned = self.before + size - wanted;
        let trained = &self.candidates[..planned];
        let mut graphs: HashSet<String> =
            trained.iter().map(|it| it.network.training_fingerprint.clone()).collect();
        let mut excluded: HashSet<usize> =
            trained.iter().filter_map(|it| proposer.place(&it.choices)).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed.wrapping_add(self.before as u64));
        let mut proposed = vec![];
        while proposed.len() < wanted {
            let left = wanted - proposed.len();
            let places = proposer.propose(&known, &excluded, uses_scores, left, &mut rng);
            if places.is_empty() {
                break;
            }
            for at in places {
                excluded.insert(at);
                let new = candidate(space, &networks[at])?;
                if graphs.insert(new.network.training_fingerprint.clone()) {
                    proposed.push(new);
                }
            }
        }
        wave.judgement = judgement;
        wave.proposed = Some(u32::try_from(proposed.len()).unwrap_or(u32::MAX));
        for (at, new) in (planned..).zip(proposed) {
            self.put(at, new);
        }
        Ok(())
    }

    /// Puts a network in the place of a planned one; if it is planned itself, they change places.
    fn put(&mut self, at: usize, new: Candidate) {
        let graph = &new.network.training_fingerprint;
        let is_it = |it: &Candidate| it.network.training_fingerprint == *graph;
        match self.candidates[at..].iter().position(is_it) {
            Some(later) => self.candidates.swap(at, at + later),
            None => self.candidates[at] = new,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{ops::ControlFlow, path::Path};

    use inceptive_results::{Direction, Metric, Objective};

    use super::{
        super::{
            count::{CountRequest, count_space, read_space},
            plan::choose,
        },
        *,
    };

    struct Case {
        space: Space,
        networks: Vec<Surveyed>,
        pool: SurveyedPool,
        candidates: Vec<Candidate>,
    }

    fn case() -> Case {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../architectures/spaces/small-modules.yaml");
        let space = read_space(&file).unwrap();
        let objectives = vec![Objective { metric: Metric::Macs, direction: Direction::Minimize }];
        let request = CountRequest {
            conditions: vec![],
            objectives: objectives.clone(),
            sample: 4096,
            seed: 0,
            threads: 1,
        };
        let counts = count_space(&space, &request, &|_, _| ControlFlow::Continue(()));
        let networks = counts.survey.sample;
        let pool = SurveyedPool::new(&space, &networks, Metric::Macs);
        let candidates = spread(choose(&space, &networks, &objectives, false, 60).unwrap());
        Case { space, networks, pool, candidates }
    }

    impl Case {
        /// Trains all networks before a place, and chooses a wave of 20 after them.
        fn choose(&mut self, before: usize, accuracy: impl Fn(&[usize]) -> f64) -> Wave {
            for it in &mut self.candidates[..before] {
                it.network.rungs = vec![Some(accuracy(&it.choices))];
            }
            let mut wave = Wave { networks: 20, judgement: None, proposed: None };
            let Self { space, networks, pool, candidates } = self;
            NextWave { space, networks, pool, candidates, before, seed: 1 }
                .choose(&mut wave)
                .unwrap();
            wave
        }
    }

    /// What the kind of module and the tail decide about, and not the width.
    fn accuracy(choices: &[usize]) -> f64 {
        [0.0, 8.0, 4.0, 6.0, 2.0][choices[0]] + [0.0, 3.0][choices[3]]
    }

    /// From 0 to 1, for each network and seed as if drawn at random.
    fn noise(choices: &[usize], seed: u64) -> f64 {
        let hash = choices.iter().fold(seed + 7, |sum, &it| {
            (sum ^ it as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
        });
        f64::from(u32::try_from(hash % 1000).unwrap()) / 1000.0
    }

    #[test]
    fn a_good_surrogate_proposes_four_of_five() {
        let mut case = case();
        let planned = case.candidates.clone();
        let wave = case.choose(30, accuracy);
        assert!(wave.judgement.as_ref().unwrap().is_good(), "{wave:?}");
        assert_eq!(wave.proposed, Some(16));
        let graphs: HashSet<&str> =
            case.candidates.iter().map(|it| it.network.training_fingerprint.as_str()).collect();
        assert_eq!(graphs.len(), 60, "none is twice in the plan");
        let values =
            |all: &[Candidate]| all.iter().map(|it| it.choices.clone()).collect::<Vec<_>>();
        assert_eq!(values(&case.candidates[..34]), values(&planned[..34]));
        let mean = |all: &[Candidate]| {
            all.iter().map(|it| accuracy(&it.choices)).sum::<f64>() / f64::from(16_u8)
        };
        let [proposed, replaced] = [&case.candidates, &planned].map(|all| mean(&all[34..50]));
        assert!(proposed > replaced + 1.0, "{proposed} against {replaced}");
        // The same accuracies give the same choice.
        let mut again = self::case();
        assert_eq!(again.choose(30, accuracy), wave);
        assert_eq!(values(&again.candidates), values(&case.candidates));
    }

    #[test]
    fn the_plan_stays_where_nothing_can_be_predicted() {
        let mut case = case();
        let planned = case.candidates.clone();
        let wave = case.choose(30, |choices| noise(choices, 0));
        assert!(!wave.judgement.as_ref().unwrap().is_good(), "{wave:?}");
        assert_eq!(wave.proposed, Some(0));
        // Of too few networks, nothing is said.
        let few = case.choose(5, accuracy);
        assert_eq!((few.judgement, few.proposed), (None, Some(0)));
        let values =
            |all: &[Candidate]| all.iter().map(|it| it.choices.clone()).collect::<Vec<_>>();
        assert_eq!(values(&case.candidates), values(&planned));
    }

    /// The mean over limits of MACs of the best accuracy below each.
    fn below_limits(case: &Case, accuracy: impl Fn(&[usize]) -> f64) -> f64 {
        let macs = |it: &Candidate| f64::from(u32::try_from(it.network.subject.macs).unwrap());
        let best = |limit: f64| {
            let below = case.candidates.iter().filter(|it| macs(it) <= limit);
            below.map(|it| accuracy(&it.choices)).fold(60.0, f64::max)
        };
        (0..20).map(|step| best(1e6 * 1.17_f64.powi(step))).sum::<f64>() / 20.0
    }

    /// On a space where width, kind, reduction and tail all matter, chance does too, and good kinds cost more.
    #[test]
    fn waves_find_better_fronts_than_choosing_all_at_once() {
        let mut better = vec![];
        for seed in 0..6 {
            let accuracy = |choices: &[usize]| {
                let width = f64::from(u32::try_from(choices[1]).unwrap());
                let reduce = f64::from(u32::try_from(choices[2]).unwrap());
                70.0 + [4.0, 5.0, 2.0, 3.0, 0.0][choices[0]] - (reduce - 2.0).powi(2) / 2.0
                    + [0.0, 2.0][choices[3]]
                    + 2.0 * (1.0 + width).ln()
                    + noise(choices, seed)
            };
            let mut case = case();
            let planned = below_limits(&case, accuracy);
            let mut before = 20;
            let mut proposed = 0;
            while before < 60 {
                proposed += case.choose(before, accuracy).proposed.unwrap();
                before += 20;
            }
            assert!(proposed > 0);
            better.push(below_limits(&case, accuracy) - planned);
        }
        let mean = better.iter().sum::<f64>() / f64::from(6_u8);
        assert!(mean > 0.0 && better.iter().all(|&it| it > -0.2), "{better:?}");
    }
}
