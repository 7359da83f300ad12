//! The accuracies of networks while and after they are trained.

use std::collections::{BTreeMap, HashMap};

use inceptive_explore::Uncertain;
use inceptive_results::{
    Direction, ExploredNetwork, ExploredOutcome, Metric, Objective, TrainingRun,
    statistics::{Estimate, mean},
};

use super::{elsewhere::TrainedElsewhere, plan::Candidate};
use crate::training::TrainingEvent;

/// Standard errors on each side of a 95% interval.
const NORMAL_95: f64 = 1.96;

/// What training networks gave.
pub(super) struct Trained {
    pub(super) histories: Histories,
    /// Those that ended.
    pub(super) runs: Vec<TrainingRun>,
}

/// The validation accuracies of runs, by network.
#[derive(Default)]
pub(super) struct Histories {
    networks: Vec<String>,
    accuracies: HashMap<String, HashMap<u32, Option<f64>>>,
}

impl Histories {
    pub(super) fn take_in(&mut self, event: &TrainingEvent) {
        let (run, epochs) = match event {
            TrainingEvent::Runs(planned) => {
                self.networks = planned.iter().map(|run| run.network.clone()).collect();
                return;
            }
            TrainingEvent::Started { run, history } => (*run, history.as_slice()),
            TrainingEvent::Epoch { run, epoch } => (*run, std::slice::from_ref(epoch)),
            _ => return,
        };
        let Some(network) = self.networks.get(run) else { return };
        let of_network = self.accuracies.entry(network.clone()).or_default();
        for epoch in epochs {
            of_network.insert(epoch.epoch, epoch.val_top1);
        }
    }
}

impl Trained {
    /// What training elsewhere gave; `name` names the network at a place of its plan.
    pub(super) fn elsewhere(
        trained: Vec<TrainedElsewhere>,
        name: impl Fn(usize) -> String,
    ) -> Self {
        let mut histories = Histories::default();
        let mut runs = vec![];
        for TrainedElsewhere { network, run, epochs } in trained {
            let of_network = histories.accuracies.entry(name(network)).or_default();
            of_network.extend(epochs.iter().map(|epoch| (epoch.epoch, epoch.val_top1)));
            runs.extend(run);
        }
        Self { histories, runs }
    }

    /// The validation accuracy of a network after an epoch.
    pub(super) fn accuracy(&self, candidate: &Candidate, epoch: u32) -> Option<f64> {
        let subject = &candidate.network.subject;
        let in_record = || {
            let run = self.runs.iter().find(|run| {
                run.subject.fingerprint == subject.fingerprint && run.subject.point == subject.point
            })?;
            run.history.iter().find(|record| record.epoch == epoch)?.val_top1
        };
        let of_network = self.histories.accuracies.get(&subject.name_with_point());
        of_network.and_then(|epochs| epochs.get(&epoch).copied()).unwrap_or_else(in_record)
    }
}

/// The accuracies of networks over their seeds.
pub(super) struct Accuracies {
    /// Test accuracies of each network.
    seeds: Vec<Vec<f64>>,
    /// Variance between seeds of one network, over all networks with several, and its degrees of freedom.
    between: Option<(f64, f64)>,
    test_images: u64,
}

impl Accuracies {
    pub(super) fn new(candidates: &[Candidate], runs: &[TrainingRun]) -> Self {
        let of = |candidate: &Candidate| {
            let subject = &candidate.network.subject;
            let own =
                runs.iter().filter(|run| run.is_finished() && run.subject.point == subject.point);
            let by_seed: BTreeMap<u64, f64> =
                own.filter_map(|run| Some((run.seed, run.test_top1?))).collect();
            by_seed.into_values().collect::<Vec<f64>>()
        };
        let seeds: Vec<Vec<f64>> = candidates.iter().map(of).collect();
        let between = pooled(&seeds);
        let test_images = runs.iter().map(|run| run.dataset.test_images).max().unwrap_or(0);
        Self { seeds, between, test_images }
    }

    /// The mean over the seeds of a network with its interval, its standard error, and the seeds.
    #[expect(clippy::cast_precision_loss, reason = "few seeds")]
    pub(super) fn of(&self, at: usize) -> Option<(Estimate, f64, Vec<f64>)> {
        let seeds = self.seeds[at].clone();
        let value = seeds.iter().sum::<f64>() / seeds.len() as f64;
        let error = self.error(value, seeds.len())?;
        let estimate = match mean(&seeds) {
            Some(estimate) if seeds.len() > 1 => estimate,
            _ => {
                Estimate { value, low: value - NORMAL_95 * error, high: value + NORMAL_95 * error }
            }
        };
        let within = |value: f64| value.clamp(0.0, 100.0);
        let estimate = Estimate {
            value,
            low: within(estimate.low).min(value),
            high: within(estimate.high).max(value),
        };
        Some((estimate, error, seeds))
    }

    /// The standard error of a mean over seeds: from the spread over seeds of all networks, else from the number of test
    /// images alone.
    #[expect(clippy::cast_precision_loss, reason = "few seeds and images")]
    fn error(&self, value: f64, seeds: usize) -> Option<f64> {
        if seeds == 0 {
            return None;
        }
        let variance = match self.between {
            Some((variance, _)) => variance,
            None => value * (100.0 - value) / (self.test_images.max(1) as f64),
        };
        Some((variance / seeds as f64).sqrt())
    }

    /// An objective of a network as an uncertain cost.
    pub(super) fn cost(
        &self,
        network: &ExploredNetwork,
        Objective { metric, direction }: Objective,
    ) -> Uncertain {
        let sign = match direction {
            Direction::Minimize => 1.0,
            Direction::Maximize => -1.0,
        };
        let outcome = network.outcome.as_ref();
        match (metric, outcome) {
            (Metric::Top1, Some(outcome)) => Uncertain {
                value: sign * outcome.top1.value,
                error: outcome.top1_error,
                freedom: self.between.map(|(_, freedom)| freedom),
            },
            (Metric::Latency, Some(ExploredOutcome { latency_ms: Some(latency), .. })) => {
                Uncertain {
                    value: sign * latency.value,
                    error: (latency.high - latency.low) / (2.0 * NORMAL_95),
                    freedom: None,
                }
            }
            _ => Uncertain::exact(sign * network.value(metric).unwrap_or(f64::NAN)),
        }
    }
}

/// The correlation that two seeds of the same network have after an epoch (the intraclass correlation): one less the variance
/// between seeds of a network as a share of the variance over all networks, whose validation accuracies are `all`. `None` if no
/// network has several seeds.
pub(super) fn seed_correlation(
    candidates: &[Candidate],
    runs: &[TrainingRun],
    epoch: u32,
    all: &[f64],
) -> Option<f64> {
    let of = |candidate: &Candidate| -> Vec<f64> {
        let subject = &candidate.network.subject;
        let own = runs.iter().filter(|run| run.subject.point == subject.point);
        let by_seed: BTreeMap<u64, f64> = own
            .filter_map(|run| {
                let record = run.history.iter().find(|record| record.epoch == epoch)?;
                Some((run.seed, record.val_top1?))
            })
            .collect();
        by_seed.into_values().collect()
    };
    let seeds: Vec<Vec<f64>> = candidates.iter().map(of).collect();
    let (between, _) = pooled(&seeds)?;
    let (whole, _) = pooled(std::slice::from_ref(&all.to_vec()))?;
    (whole > 0.0).then(|| (1.0 - between / whole).max(0.0))
}

/// The variance within groups of values, and its degrees of freedom; `None` if no group has several.
#[expect(clippy::cast_precision_loss, reason = "few values")]
fn pooled(groups: &[Vec<f64>]) -> Option<(f64, f64)> {
    let (mut squares, mut freedom) = (0.0, 0.0);
    for values in groups.iter().filter(|values| values.len() > 1) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        squares += values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        freedom += values.len() as f64 - 1.0;
    }
    (freedom > 0.0).then(|| (squares / freedom, freedom))
}
