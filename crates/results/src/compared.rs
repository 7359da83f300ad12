//! Networks compared by their training runs. Commands, reports and windows share this rule.

use std::{cmp::Ordering, collections::HashMap, hash::Hash, ops::Range};

use crate::{TrainingRun, Value, record::latest, statistics::Estimate};

/// The accuracy of one network with one data set and one recipe, over runs with different seeds. Means are over the finished
/// runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainedAccuracy {
    /// Top-1 accuracy on the test set in percent, as computed by [`Value::trained_top1`].
    pub top1: Option<Estimate>,
    /// The lowest and the highest test accuracy of the seeds; `None` with fewer than two.
    pub range: Option<[f64; 2]>,
    /// Mean top-1 accuracy on the validation set in percent.
    pub val_top1: Option<f64>,
    /// Mean number of images per second.
    pub images_per_s: Option<f64>,
    /// Mean duration in seconds.
    pub seconds: Option<f64>,
    /// The seeds of the runs that finished.
    pub seeds: Vec<u64>,
    /// Number of runs that diverged.
    pub diverged: usize,
}

impl TrainedAccuracy {
    /// From all runs; of repeated runs, only the latest counts.
    pub fn new(runs: &[&TrainingRun]) -> Self {
        let runs = latest(runs.iter().copied(), |run| run);
        let (finished, diverged): (Vec<&TrainingRun>, Vec<&TrainingRun>) =
            runs.iter().copied().partition(|run| run.is_finished());
        let tested: Vec<f64> = finished.iter().filter_map(|run| run.test_top1).collect();
        let low = tested.iter().copied().fold(f64::INFINITY, f64::min);
        let high = tested.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self {
            top1: Value::trained_top1(&runs).map(|value| value.estimate),
            range: (tested.len() > 1).then_some([low, high]),
            val_top1: mean(finished.iter().filter_map(|run| run.val_top1)),
            images_per_s: mean(finished.iter().map(|run| run.images_per_s)),
            seconds: mean(finished.iter().map(|run| run.seconds)),
            seeds: finished.iter().map(|run| run.seed).collect(),
            diverged: diverged.len(),
        }
    }

    /// Whether the interval is that of the mean over seeds, not that of the test images.
    pub const fn is_over_seeds(&self) -> bool {
        self.seeds.len() > 1
    }
}

#[expect(clippy::cast_precision_loss, reason = "lists are shorter than 2^52")]
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_usize, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f64)
}

/// A network with its training runs on one data set with one recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct RankedNetwork<T> {
    /// Its runs, at least one, including those that diverged.
    pub runs: Vec<T>,
    /// Its accuracy over all seeds.
    pub accuracy: TrainedAccuracy,
}

/// Networks that were trained on one data set with one recipe, the best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking<T> {
    /// The networks by test accuracy; those without one are last.
    pub networks: Vec<RankedNetwork<T>>,
    /// Ranges of two or more consecutive ranks whose networks are indistinguishable: all their intervals overlap. No range is
    /// contained in another one, but a network may be in several.
    pub ties: Vec<Range<usize>>,
}

impl<T> Ranking<T> {
    /// From the runs of all networks; items with equal `key`s belong to the same network. `run` returns the run of an item.
    pub fn new<'r, K: Eq + Hash>(
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> K,
        run: impl Fn(&T) -> &'r TrainingRun,
    ) -> Self {
        let mut places: HashMap<K, usize> = HashMap::new();
        let mut groups: Vec<Vec<T>> = vec![];
        for item in items {
            let place = *places.entry(key(&item)).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.push(item),
                None => groups.push(vec![item]),
            }
        }
        let network = |items: Vec<T>| {
            let runs: Vec<&TrainingRun> = items.iter().map(&run).collect();
            RankedNetwork { accuracy: TrainedAccuracy::new(&runs), runs: items }
        };
        let mut networks: Vec<RankedNetwork<T>> = groups.into_iter().map(network).collect();
        let value = |network: &RankedNetwork<T>| {
            network.accuracy.top1.map_or(f64::NEG_INFINITY, |top1| top1.value)
        };
        networks.sort_by(|a, b| value(b).partial_cmp(&value(a)).unwrap_or(Ordering::Equal));
        let ties = ties(networks.iter().map(|network| &network.accuracy));
        Self { networks, ties }
    }
}

/// Computes the [`Ranking::ties`] of ranked networks.
fn ties<'r>(ranking: impl IntoIterator<Item = &'r TrainedAccuracy>) -> Vec<Range<usize>> {
    let ranking: Vec<Estimate> = ranking.into_iter().map_while(|it| it.top1).collect();
    let mut groups: Vec<Range<usize>> = vec![];
    for (start, first) in ranking.iter().enumerate() {
        let (mut low, mut high) = (first.low, first.high);
        let overlaps = |other: &&Estimate| {
            (low, high) = (low.max(other.low), high.min(other.high));
            low <= high
        };
        let end = start + 1 + ranking[start + 1..].iter().take_while(overlaps).count();
        let is_new = groups.last().is_none_or(|last| last.end < end);
        if end > start + 1 && is_new {
            groups.push(start..end);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TrainingOutcome, example::training_run};

    fn accuracy(top1: &[f64]) -> TrainedAccuracy {
        let runs: Vec<TrainingRun> =
            (0..).zip(top1).map(|(seed, top1)| training_run(seed, *top1)).collect();
        TrainedAccuracy::new(&runs.iter().collect::<Vec<_>>())
    }

    #[test]
    fn means_are_over_the_runs_that_finished() {
        let (one, two, mut third) =
            (training_run(0, 90.0), training_run(1, 92.0), training_run(2, 0.0));
        third.outcome = TrainingOutcome::Diverged { epoch: 1, step: 1, what: String::new() };
        third.test_top1 = None;
        let found = TrainedAccuracy::new(&[&one, &two, &third, &two]);
        assert_eq!((found.seeds.as_slice(), found.diverged), ([0, 1].as_slice(), 1));
        assert_eq!((found.top1.unwrap().value, found.range), (91.0, Some([90.0, 92.0])));
        assert_eq!((found.val_top1, found.seconds), (Some(85.0), Some(5.0)));
        assert!(found.is_over_seeds());
        let alone = TrainedAccuracy::new(&[&third]);
        assert_eq!((alone.top1, alone.val_top1, alone.diverged), (None, None, 1));
    }

    #[test]
    fn networks_are_ranked_by_their_means() {
        let mut diverged = training_run(0, 0.0);
        diverged.outcome = TrainingOutcome::Diverged { epoch: 1, step: 1, what: String::new() };
        diverged.test_top1 = None;
        let runs = [
            ("none", diverged),
            ("b", training_run(0, 79.99)),
            ("best", training_run(0, 90.0)),
            ("a", training_run(0, 80.0)),
            ("b", training_run(1, 80.01)),
            ("a", training_run(1, 80.02)),
        ];
        let Ranking { networks, ties } = Ranking::new(&runs, |item| item.0, |item| &item.1);
        let names: Vec<(&str, usize)> =
            networks.iter().map(|network| (network.runs[0].0, network.runs.len())).collect();
        assert_eq!(names, [("best", 1), ("a", 2), ("b", 2), ("none", 1)]);
        assert_eq!(networks[1].accuracy.seeds, [0, 1]);
        assert_eq!(ties.last(), Some(&Range { start: 1, end: 3 }));
    }

    #[test]
    fn groups_with_overlapping_intervals_are_ties() {
        let sharp = |top1: f64| accuracy(&[top1 - 0.01, top1, top1 + 0.01]);
        let all = [accuracy(&[90.0]), sharp(80.01), sharp(80.0), sharp(70.0), accuracy(&[])];
        assert_eq!(ties(&all), vec![Range { start: 1, end: 3 }]);
        assert_eq!(ties(&[]), []);
        // The first and the last are distinguishable, but neither from the one between them.
        let with = |low: f64, high: f64| TrainedAccuracy {
            top1: Some(Estimate { value: (low + high) / 2.0, low, high }),
            ..TrainedAccuracy::default()
        };
        let chain = [with(80.0, 84.0), with(77.0, 81.0), with(74.0, 78.0), with(70.0, 71.0)];
        assert_eq!(ties(&chain), vec![0..2, 1..3]);
        // A wide one overlaps two that do not overlap each other.
        let wide = [with(70.0, 90.0), with(79.0, 79.2), with(78.0, 78.2)];
        assert_eq!(ties(&wide), vec![Range { start: 0, end: 2 }]);
    }
}
