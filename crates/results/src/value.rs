//! Values with their origin.
//!
//! A count, a published figure, a measurement, a training run and a prediction are different kinds of evidence. A
//! [`Value`] carries its kind, so that they are labelled and drawn differently and never share a Pareto front.

use serde::{Deserialize, Serialize};

use crate::{
    Calibration, Measurement, Precision, Record, TrainingKey, TrainingRun, latest,
    statistics::{Estimate, mean},
};

/// A published accuracy, with its source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The data set.
    pub dataset: String,
    /// Top-1 accuracy in percent.
    pub top1: Option<f64>,
    /// Top-5 accuracy in percent.
    pub top5: Option<f64>,
    /// Number of crops that were averaged.
    pub crops: u32,
    /// Number of models that were averaged.
    pub models: u32,
    /// Resolution of a crop in pixels; `None` for that of the network.
    pub resolution: Option<u32>,
    /// Where the figure was published.
    pub source: String,
    /// What else a reader must know.
    pub note: Option<String>,
}

/// The data set whose accuracies are compared.
const COMPARED_DATASET: &str = "imagenet-1k";

impl Published {
    /// Whether it can be compared with those of other networks, for a network with an input of `side` pixels: a top-1
    /// accuracy on ImageNet of one model on one crop of that size.
    pub fn is_comparable(&self, side: u32) -> bool {
        self.dataset == COMPARED_DATASET
            && (self.crops, self.models) == (1, 1)
            && self.resolution.is_none_or(|resolution| resolution == side)
            && self.top1.is_some()
    }
}

/// The first accuracy that can be compared with those of other networks, for a network with an input of `side` pixels.
/// Every table, figure and screen uses this rule.
pub fn comparable(published: &[Published], side: u32) -> Option<&Published> {
    published.iter().find(|published| published.is_comparable(side))
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "origin", rename_all = "snake_case")]
pub enum Origin {
    /// Counted from the graph.
    Counted,
    /// A published value.
    Published(Published),
    /// Measured on a machine.
    Measured {
        /// The machine's id.
        machine: String,
        /// The engine.
        engine: String,
        /// The engine's version.
        engine_version: String,
        /// The precision that was used.
        precision: Precision,
        /// Batch size.
        batch: u32,
        /// Threads per inference.
        threads: u32,
        /// When it was finished, in milliseconds since 1970 (UTC).
        finished_unix_ms: u64,
    },
    /// Trained on real data.
    Trained {
        /// The data set.
        dataset: String,
        /// The training recipe.
        recipe: String,
        /// Number of epochs.
        epochs: u32,
        /// The seeds, one per run. The interval is over them; with one, it is over test images.
        seeds: Vec<u64>,
    },
    /// Predicted by a model.
    Predicted {
        /// The model.
        model: String,
        /// Its mean absolute error on held-out points, in the unit of the value.
        held_out_error: f64,
    },
}

/// The kind of an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// Counted from the graph.
    Counted,
    /// A published value.
    Published,
    /// Measured on a machine.
    Measured,
    /// Trained on real data.
    Trained,
    /// Predicted by a model.
    Predicted,
}

impl Origin {
    /// Its kind.
    pub const fn kind(&self) -> OriginKind {
        match self {
            Self::Counted => OriginKind::Counted,
            Self::Published(_) => OriginKind::Published,
            Self::Measured { .. } => OriginKind::Measured,
            Self::Trained { .. } => OriginKind::Trained,
            Self::Predicted { .. } => OriginKind::Predicted,
        }
    }
}

impl OriginKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Counted, Self::Published, Self::Measured, Self::Trained, Self::Predicted];

    /// Its name in keys, tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Published => "published",
            Self::Measured => "measured",
            Self::Trained => "trained",
            Self::Predicted => "predicted",
        }
    }
}

/// A value of a metric, with its interval and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// The value and its interval; low and high are equal where it is exact.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// Where it comes from.
    #[serde(flatten)]
    pub origin: Origin,
}

impl Value {
    /// A count.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub const fn counted(count: u64) -> Self {
        Self { estimate: Estimate::exact(count as f64), origin: Origin::Counted }
    }

    /// The latency of a measurement, in milliseconds.
    pub fn measured_latency(measurement: &Measurement) -> Self {
        let runtime = &measurement.runtime;
        let origin = Origin::Measured {
            machine: measurement.machine.id(),
            engine: runtime.engine.clone(),
            engine_version: runtime.engine_version.clone(),
            precision: runtime.precision,
            batch: runtime.batch,
            threads: runtime.threads,
            finished_unix_ms: measurement.finished_unix_ms,
        };
        Self { estimate: measurement.latency_ms.median, origin }
    }

    /// A latency that a calibration predicts, in milliseconds.
    pub fn predicted_latency(calibration: &Calibration, estimate: Estimate) -> Self {
        let origin = Origin::Predicted {
            model: calibration.runtime.label(),
            held_out_error: calibration.judgement.mean_error * estimate.value,
        };
        Self { estimate, origin }
    }

    /// A published top-1 accuracy; `None` if the entry has none.
    pub fn published_top1(published: &Published) -> Option<Self> {
        let estimate = Estimate::exact(published.top1?);
        Some(Self { estimate, origin: Origin::Published(published.clone()) })
    }

    /// A published top-5 accuracy; `None` if the entry has none.
    pub fn published_top5(published: &Published) -> Option<Self> {
        let estimate = Estimate::exact(published.top5?);
        Some(Self { estimate, origin: Origin::Published(published.clone()) })
    }

    /// The top-1 accuracy of runs of one network, data set and recipe on the test set, in percent: their mean, with its
    /// interval over seeds; of one run, with that of the test images. Runs that diverged do not count, repeated ones count
    /// once. `None` if there is none, or if they differ in more than the seed.
    pub fn trained_top1(runs: &[&TrainingRun]) -> Option<Self> {
        trained(runs, TrainingRun::interval_of_test_top1)
    }

    /// The same for the top-5 accuracy.
    pub fn trained_top5(runs: &[&TrainingRun]) -> Option<Self> {
        trained(runs, TrainingRun::interval_of_test_top5)
    }
}

/// The mean accuracy of runs that differ in nothing but their seed.
fn trained(
    runs: &[&TrainingRun],
    accuracy: impl Fn(&TrainingRun) -> Option<Estimate>,
) -> Option<Value> {
    let (&first, others) = runs.split_first()?;
    let seedless = |run: &TrainingRun| {
        let TrainingKey { network, dataset, recipe, seed: _ } = run.key();
        [network, dataset, recipe].map(str::to_owned)
    };
    if others.iter().any(|run| seedless(run) != seedless(first)) {
        return None;
    }
    let mut seeds: Vec<u64> = vec![];
    let mut values: Vec<Estimate> = vec![];
    for run in latest(runs.iter().copied().filter(|run| run.is_finished()), |run| run) {
        seeds.push(run.seed);
        values.push(accuracy(run)?);
    }
    let over_seeds = mean(&values.iter().map(|estimate| estimate.value).collect::<Vec<_>>());
    let over_seeds = over_seeds.map(|estimate| estimate.map(|percent| percent.clamp(0.0, 100.0)));
    let origin = Origin::Trained {
        dataset: first.dataset.label.clone(),
        recipe: first.recipe.name.clone(),
        epochs: first.epochs,
        seeds,
    };
    Some(Value { estimate: over_seeds.or_else(|| values.first().copied())?, origin })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::training_run;

    #[test]
    fn several_seeds_make_one_value() {
        let runs = [(0, 90.0), (1, 91.0), (2, 92.0)].map(|(seed, top1)| training_run(seed, top1));
        let one = Value::trained_top1(&[&runs[0]]).unwrap();
        assert_eq!(Some(one.estimate), runs[0].interval_of_test_top1());
        let Value { estimate, origin } = Value::trained_top1(&runs.each_ref()).unwrap();
        assert_eq!(estimate.value, 91.0);
        assert!((estimate.low - 88.515_9).abs() < 1e-3, "{estimate:?}");
        let Origin::Trained { seeds, .. } = origin else { panic!("{origin:?}") };
        assert_eq!(seeds, [0, 1, 2]);
        // A run that was repeated counts once, one with another recipe is no repetition.
        let again = Value::trained_top5(&[&runs[0], &runs[0]]).unwrap();
        assert_eq!(Some(again.estimate), runs[0].interval_of_test_top5());
        let mut other = runs[1].clone();
        other.recipe.fingerprint = "0".repeat(64);
        assert_eq!(Value::trained_top1(&[&runs[0], &other]), None);
        assert_eq!(Value::trained_top1(&[]), None);
    }

    #[test]
    fn values_say_in_json_where_they_come_from() {
        let trained = Value {
            estimate: Estimate { value: 91.5, low: 91.2, high: 91.8 },
            origin: Origin::Trained {
                dataset: "fashion-mnist".to_owned(),
                recipe: "small".to_owned(),
                epochs: 10,
                seeds: vec![0, 1, 2],
            },
        };
        for value in [Value::counted(6_998_552), trained] {
            let json = serde_json::to_value(&value).unwrap();
            assert_eq!(json["origin"], value.origin.kind().name());
            assert_eq!(serde_json::from_value::<Value>(json).unwrap(), value);
        }
    }
}
