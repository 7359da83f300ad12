//! Two spaces compared by networks that were drawn at random from each.

use std::path::PathBuf;

use inceptive_explore::{Comparison, Step};
use inceptive_format::percent;
use inceptive_results::statistics::Estimate;

/// Confidence from which one space is called better.
const CONFIDENT: f64 = 0.95;

/// A space with the accuracies of networks that were drawn from it.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedSpace {
    /// Its title.
    pub title: String,
    /// Its file.
    pub file: PathBuf,
    /// How many networks were drawn.
    pub drawn: usize,
    /// Top-1 accuracies on test images, in percent, of those that were trained to the end.
    pub accuracies: Vec<f64>,
    /// The distribution of their errors.
    pub distribution: Vec<Step>,
}

/// Two spaces compared.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceComparison {
    /// The data set.
    pub data: String,
    /// The recipe.
    pub recipe: String,
    /// The spaces.
    pub spaces: [ComparedSpace; 2],
    /// How they compare; `None` with fewer than four networks of one of them.
    pub comparison: Option<Comparison>,
}

impl ComparedSpace {
    /// The mean accuracy, if there is one.
    #[expect(clippy::cast_precision_loss, reason = "few networks")]
    pub fn mean(&self) -> Option<f64> {
        let count = self.accuracies.len() as f64;
        (count > 0.0).then(|| self.accuracies.iter().sum::<f64>() / count)
    }

    /// The error that this share of the networks does not exceed.
    pub fn error_at(&self, share: f64) -> Option<f64> {
        let step = self.distribution.iter().find(|step| step.share.value >= share);
        step.map(|step| step.error)
    }
}

impl SpaceComparison {
    /// Which space is better, in sentences without their stops.
    pub fn sentences(&self) -> Vec<String> {
        let Some(comparison) = self.comparison else {
            return vec![
                "too few networks were trained to compare the spaces: four of each are needed"
                    .to_owned(),
            ];
        };
        vec![
            self.told("Mean of all networks", comparison.mean, comparison.first_has_higher_mean),
            self.told("Best quarter", comparison.best_quarter, comparison.first_has_better_best),
        ]
    }

    fn told(&self, what: &str, estimate: Estimate, share: f64) -> String {
        let [first, second] = [0, 1].map(|at| self.spaces[at].title.as_str());
        let (better, difference) = match estimate.value >= 0.0 {
            true => (first, estimate),
            false => (second, estimate.map_reversed(|value| -value)),
        };
        let confidence = Comparison::confidence(share);
        let verdict = match confidence >= CONFIDENT {
            true => format!("`{better}` is better"),
            false => format!("no difference can be told; `{better}` is ahead"),
        };
        format!(
            "{what}: {verdict} by {:.2} points ({:.2} to {:.2}), with a confidence of {}",
            difference.value,
            difference.low,
            difference.high,
            percent(confidence)
        )
    }
}
