//! Which networks of a space are trained, and for how long.

use std::collections::HashSet;

use inceptive_dsl::{Setting, Space};
use inceptive_explore::{Rung, Surveyed, SurveyedPool, counted_cost, diverse, epochs, rungs};
use inceptive_ir::passes;
use inceptive_results::{ExploredNetwork, NetworkInfo, Objective};

use super::count::labels;
use crate::{
    error::{LEAST_NETWORKS, TaskError},
    measured::Request,
    network::ReadError,
};

/// The most networks that are trained.
const MOST_NETWORKS: usize = 2000;

/// The range of the number of finalists.
const FEWEST_FINALISTS: usize = 3;
const MOST_FINALISTS: usize = 8;

/// Time for what is not training: compiling, validation, checkpoints, as a share of the training.
const OVERHEAD: f64 = 0.12;

/// How many networks are trained for how many epochs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Schedule {
    pub(super) rungs: Vec<Rung>,
    pub(super) finalists: usize,
    pub(super) seconds: f64,
}

/// The number of finalists of so many networks.
fn finalists(networks: usize) -> usize {
    (networks / 4).clamp(FEWEST_FINALISTS, MOST_FINALISTS).min(networks)
}

/// What training costs on this machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TrainingCost {
    /// Seconds for an image, and for each multiply-accumulate of an image.
    pub(super) per_image: f64,
    pub(super) per_mac: f64,
    /// Training images.
    pub(super) images: f64,
    /// Epochs of the recipe.
    pub(super) epochs: u32,
    /// Seeds of each finalist.
    pub(super) seeds: u32,
    /// Seconds for the latency of a network.
    pub(super) latency: f64,
}

impl TrainingCost {
    /// The line through measured speeds: pairs of multiply-accumulates and images per second.
    #[expect(clippy::cast_precision_loss, reason = "few measurements")]
    pub(super) fn fit(speeds: &[(f64, f64)]) -> Option<(f64, f64)> {
        let seconds: Vec<(f64, f64)> = speeds
            .iter()
            .filter(|(_, speed)| *speed > 0.0)
            .map(|&(macs, speed)| (macs, 1.0 / speed))
            .collect();
        let count = seconds.len() as f64;
        let mean =
            |value: &dyn Fn(&(f64, f64)) -> f64| seconds.iter().map(value).sum::<f64>() / count;
        let (macs, time) = (mean(&|it| it.0), mean(&|it| it.1));
        let spread = seconds.iter().map(|it| (it.0 - macs).powi(2)).sum::<f64>();
        let both = seconds.iter().map(|it| (it.0 - macs) * (it.1 - time)).sum::<f64>();
        let per_mac = if spread > 0.0 { (both / spread).max(0.0) } else { 0.0 };
        (count > 0.0).then(|| ((time - per_mac * macs).max(0.0), per_mac))
    }

    /// Seconds for an epoch of a network.
    fn epoch(&self, macs: f64) -> f64 {
        self.images * (self.per_image + self.per_mac * macs) * (1.0 + OVERHEAD)
    }

    /// The schedule for a number of networks that need this many multiply-accumulates on average.
    #[expect(clippy::cast_precision_loss, reason = "few networks")]
    pub(super) fn schedule(&self, networks: usize, macs: f64) -> Schedule {
        let finalists = finalists(networks);
        let rungs = rungs(networks, self.epochs, finalists);
        let again =
            finalists as f64 * f64::from(self.seeds.saturating_sub(1)) * f64::from(self.epochs);
        let whole = rungs.last().map_or(0, |rung| rung.networks) as f64;
        let seconds = (epochs(&rungs) as f64 + again) * self.epoch(macs) + whole * self.latency;
        Schedule { rungs, finalists, seconds }
    }

    /// The most networks that a budget allows.
    pub(super) fn networks(&self, budget: f64, macs: f64) -> usize {
        let fits = |networks: usize| self.schedule(networks, macs).seconds <= budget;
        (0..=MOST_NETWORKS)
            .take_while(|&networks| networks == 0 || fits(networks))
            .last()
            .unwrap_or(0)
    }
}

impl Schedule {
    /// The time of the smallest search.
    pub(super) fn least(cost: &TrainingCost, macs: f64) -> f64 {
        cost.schedule(LEAST_NETWORKS, macs).seconds
    }
}

/// A network of a space that may be trained.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The positions of its values.
    pub(super) choices: Vec<usize>,
    pub(super) network: ExploredNetwork,
    pub(super) request: Request,
}

/// Chooses networks: different graphs of different costs, the default values of the space among them if they are in the
/// pool's first place.
pub(super) fn choose(
    space: &Space,
    pool: &[Surveyed],
    objectives: &[Objective],
    has_default: bool,
    most: usize,
) -> Result<Vec<Candidate>, TaskError> {
    let metric = counted_cost(objectives.iter().copied());
    let mut left = pool.to_vec();
    let mut first: Vec<usize> = if has_default { vec![0] } else { vec![] };
    loop {
        let places = diverse(SurveyedPool::new(space, &left, metric).pool(), &first, most);
        let mut graphs = HashSet::new();
        let (mut candidates, mut equal) = (vec![], HashSet::new());
        for at in places {
            let candidate = candidate(space, &left[at])?;
            if graphs.insert(candidate.network.training_fingerprint.clone()) {
                candidates.push(candidate);
            } else {
                equal.insert(at);
            }
        }
        if equal.is_empty() {
            return Ok(candidates);
        }
        // Others take the place of those whose graph is that of another.
        first = if has_default { vec![0] } else { vec![] };
        left = left
            .into_iter()
            .enumerate()
            .filter(|(at, _)| !equal.contains(at))
            .map(|(_, it)| it)
            .collect();
    }
}

/// Builds a network of a space.
pub(super) fn candidate(space: &Space, network: &Surveyed) -> Result<Candidate, TaskError> {
    let values = labels(space, &network.choices);
    let architecture = space
        .network(&network.choices)
        .map_err(|failure| TaskError::Read(ReadError::Yaml(failure)))?;
    let inference = passes::inference(&architecture.graph).map_err(ReadError::Graph)?;
    let point: Vec<String> =
        architecture.point.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let subject =
        NetworkInfo::new(&architecture.name, &space.file.to_string_lossy(), point, &inference);
    let names = space.variables.iter().map(|variable| variable.name.clone());
    let setting = |(key, value): (String, &String)| Setting { key, value: value.clone() };
    let settings = names.zip(&values).map(setting).collect();
    Ok(Candidate {
        choices: network.choices.clone(),
        network: ExploredNetwork {
            values,
            subject,
            training_fingerprint: architecture.graph.fingerprint().to_string(),
            rungs: vec![],
            outcome: None,
        },
        request: Request { file: space.file.clone(), settings },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost() -> TrainingCost {
        TrainingCost {
            per_image: 1e-4,
            per_mac: 1e-11,
            images: 10_000.0,
            epochs: 4,
            seeds: 3,
            latency: 2.0,
        }
    }

    #[test]
    fn speeds_give_a_line() {
        let speed = |macs: f64| 1.0 / (2e-4 + macs * 3e-11);
        let (per_image, per_mac) =
            TrainingCost::fit(&[1e6, 5e6, 2e7].map(|macs| (macs, speed(macs)))).unwrap();
        assert!((per_image - 2e-4).abs() < 1e-9 && (per_mac - 3e-11).abs() < 1e-16);
        assert_eq!(TrainingCost::fit(&[(1e6, 100.0)]), Some((0.01, 0.0)), "one network");
        assert_eq!(TrainingCost::fit(&[]), None);
    }

    #[test]
    fn a_budget_is_used_up_to_the_next_network() {
        let cost = cost();
        let networks = cost.networks(600.0, 1e7);
        assert!(networks > 8, "{networks}");
        assert!(cost.schedule(networks, 1e7).seconds <= 600.0);
        assert!(cost.schedule(networks + 1, 1e7).seconds > 600.0);
        assert!(cost.networks(1.0, 1e7) < LEAST_NETWORKS);
        assert!(cost.networks(Schedule::least(&cost, 1e7), 1e7) >= LEAST_NETWORKS);
    }
}
