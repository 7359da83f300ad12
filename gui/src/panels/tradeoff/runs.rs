//! Training runs as rows of the table.

use std::{collections::HashMap, sync::Arc};

use inceptive_results::{Metric, TrainingRun, statistics::Estimate};

use super::metric::AxisMetric;
use crate::{
    file::{FilePath, stem},
    model::Model,
};

/// A column that only training runs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunField {
    /// The data set.
    Data,
    /// The recipe.
    Recipe,
    /// The seed.
    Seed,
    /// The epochs.
    Epochs,
}

impl RunField {
    /// All of them, by the names of their columns.
    pub const ALL: [(&'static str, Self); 4] = [
        ("data", Self::Data),
        ("recipe", Self::Recipe),
        ("seed", Self::Seed),
        ("epochs", Self::Epochs),
    ];

    /// The name of its column.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }

    /// Whether its cells hold numbers.
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Seed | Self::Epochs)
    }
}

/// A training run.
#[derive(Debug)]
pub struct RunRow {
    /// Its number in the store.
    pub id: i64,
    /// Its network, if that is on the list.
    pub file: Option<FilePath>,
    /// Its name: that of the network, and the seed.
    pub name: String,
    /// What was trained, and how.
    pub run: Arc<TrainingRun>,
    /// Whether the filter lets it through.
    pub is_shown: bool,
}

impl RunRow {
    /// The runs of the store, the latest first.
    pub fn all(model: &Model) -> Vec<Self> {
        let networks = model.networks();
        let files: HashMap<&str, &FilePath> =
            networks.map(|(entry, network)| (network.fingerprint.as_str(), &entry.file)).collect();
        let row = |stored: &inceptive_store::Stored<TrainingRun>| {
            let run = &stored.result;
            let file = files.get(run.subject.fingerprint.as_str()).copied().cloned();
            let network =
                file.as_ref().map_or_else(|| run.subject.name_with_point(), |it| stem(it));
            Self {
                id: stored.id,
                file,
                name: format!("{network}, seed {}", run.seed),
                run: Arc::new(run.clone()),
                is_shown: true,
            }
        };
        model.results.training_runs.iter().rev().map(row).collect()
    }

    /// A count as axes show it, as it was recorded.
    pub fn count(&self, metric: Metric) -> Option<Estimate> {
        let count = metric.recorded(&self.run.subject)?;
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
        Some(Estimate::exact(metric.on_axis(count as f64)))
    }

    /// The accuracy on the test images.
    pub fn accuracy(&self, top: u8) -> Option<Estimate> {
        match top {
            1 => self.run.interval_of_test_top1(),
            _ => self.run.test_top5.map(Estimate::exact),
        }
    }

    /// A number of its own.
    pub fn number(&self, field: RunField) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a seed of a person has fewer digits")]
        match field {
            RunField::Seed => Some(self.run.seed as f64),
            RunField::Epochs => Some(f64::from(self.run.epochs)),
            RunField::Data | RunField::Recipe => None,
        }
    }

    /// A text of its own.
    pub fn words(&self, field: RunField) -> Option<&str> {
        match field {
            RunField::Data => Some(&self.run.dataset.label),
            RunField::Recipe => Some(&self.run.recipe.name),
            RunField::Seed | RunField::Epochs => None,
        }
    }
}
