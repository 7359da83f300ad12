//! Training runs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    accelerator::Accelerator,
    machine::Machine,
    measurement::NetworkInfo,
    plausible::{is_amount, is_finish, is_rate, is_seconds},
    record::{Record, Run},
    statistics::{Estimate, proportion},
};

/// Maximum number of classes of a data set: labels have 16 bits.
const MAX_CLASSES: u32 = 1 << 16;

/// Characters of a SHA-256 in hexadecimal.
const SHA256_LENGTH: usize = 64;

/// The result of one training of a network, with all that is needed to repeat it. Accuracies are in percent, losses are
/// means over images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingRun {
    /// The network.
    pub subject: NetworkInfo,
    /// Fingerprint of the graph that was trained, with dropout and auxiliary heads, which the inference graph lacks.
    pub training_fingerprint: String,
    /// Fingerprint of that graph with the paths of its nodes, on which initial weights and the names of trained weights
    /// depend; `None` in records of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint_with_paths: Option<String>,
    /// The data set.
    pub dataset: DatasetInfo,
    /// The recipe.
    pub recipe: RecipeInfo,
    /// Seed of the weights, the order of the images, their augmentation and dropout.
    pub seed: u64,
    /// Epochs of the recipe.
    pub epochs: u32,
    /// Images per step.
    pub batch: u32,
    /// The engine that trained it, such as `native`.
    pub trainer: String,
    /// Its version; `None` for the native engine, whose version is this program's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trainer_version: Option<String>,
    /// The device.
    pub device: String,
    /// The accelerator that trained it; `None` on the processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<Accelerator>,
    /// Number of threads.
    pub threads: u32,
    /// The instruction set of the processor; empty if an accelerator computed. Only runs with the same instruction set are
    /// bit-identical.
    pub isa: String,
    /// Whether auxiliary heads were trained with it.
    pub auxiliary: bool,
    /// The machine that trained it.
    pub machine: Machine,
    /// The version of this program.
    pub version: String,
    /// When it was finished, in milliseconds since 1970 (UTC).
    pub finished_unix_ms: u64,
    /// Images per second in training steps, augmentation included.
    pub images_per_s: f64,
    /// Total time in seconds, evaluation included.
    pub seconds: f64,
    /// Training loss of the last complete epoch; `None` if no epoch was completed.
    pub train_loss: Option<f64>,
    /// Loss on the validation set at the end; `None` without a validation set.
    pub val_loss: Option<f64>,
    /// Top-1 accuracy on the validation set at the end.
    pub val_top1: Option<f64>,
    /// Loss on the test set; `None` without a test set, and for runs that diverged.
    pub test_loss: Option<f64>,
    /// Top-1 accuracy on the test set.
    pub test_top1: Option<f64>,
    /// Top-5 accuracy on the test set.
    pub test_top5: Option<f64>,
    /// The confusion matrix of the test set, `classes x classes`, row by row: a row for each true class, a column for each
    /// predicted class. Empty if it was not recorded, as for very many classes.
    pub confusion: Vec<u64>,
    /// The epochs, in order.
    pub history: Vec<EpochRecord>,
    /// The file of the trained weights.
    pub checkpoint: Option<String>,
    /// How it ended.
    pub outcome: TrainingOutcome,
}

/// The data set of a training run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetInfo {
    /// Its name with options, such as `fashion-mnist` or `shapes:size=28`.
    pub label: String,
    /// SHA-256 of its content, in hexadecimal.
    pub fingerprint: String,
    /// Number of classes.
    pub classes: u32,
    /// Number of images that were trained on, without validation images.
    pub training_images: u64,
    /// Number of images that were held out for validation.
    pub validation_images: u64,
    /// Number of images in the test set.
    pub test_images: u64,
}

/// The recipe of a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecipeInfo {
    /// Its name.
    pub name: String,
    /// SHA-256 of all keys that affect the training, in hexadecimal.
    pub fingerprint: String,
    /// The whole recipe: an object.
    pub content: serde_json::Value,
}

/// An epoch of a training run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Its number, counted from 1.
    pub epoch: u32,
    /// Mean training loss.
    pub loss: f64,
    /// Top-1 accuracy on the training images.
    pub train_top1: Option<f64>,
    /// Loss on the validation set after it.
    pub val_loss: Option<f64>,
    /// Top-1 accuracy on the validation set after it.
    pub val_top1: Option<f64>,
    /// Learning rate of its last step.
    pub learning_rate: f64,
    /// Its duration in seconds.
    pub seconds: f64,
}

/// How a training run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TrainingOutcome {
    /// After all epochs.
    Finished,
    /// It computed NaN or infinity, or a loss that is too large.
    Diverged {
        /// The epoch, counted from 1.
        epoch: u32,
        /// The step of the run, counted from 1.
        step: u64,
        /// The reason, such as `the loss is NaN`.
        what: String,
    },
}

impl fmt::Display for TrainingOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::Diverged { epoch, step, what } => {
                write!(f, "diverged in epoch {epoch}, step {step}: {what}")
            }
        }
    }
}

/// The key of a training run: a finished run is not repeated for the same key unless requested. The instruction set is not
/// part of the key, although the last bits of a result depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TrainingKey<'a> {
    /// Fingerprint of the graph that was trained: [`TrainingRun::training_fingerprint`].
    pub network: &'a str,
    /// Fingerprint of the data set.
    pub dataset: &'a str,
    /// Fingerprint of the recipe.
    pub recipe: &'a str,
    /// The seed.
    pub seed: u64,
}

impl TrainingRun {
    /// Whether it trained a network that has this fingerprint with paths. Older records lack that fingerprint: theirs is
    /// that of their file with their settings.
    pub fn is_of(&self, subject: &NetworkInfo, fingerprint_with_paths: &str) -> bool {
        match &self.fingerprint_with_paths {
            Some(own) => own == fingerprint_with_paths,
            None => (&self.subject.file, &self.subject.point) == (&subject.file, &subject.point),
        }
    }

    /// Whether all epochs were trained.
    pub const fn is_finished(&self) -> bool {
        matches!(self.outcome, TrainingOutcome::Finished)
    }

    /// Top-1 accuracy on the test set with its interval, for the error from the limited number of test images. The interval
    /// does not cover the spread over seeds.
    pub fn interval_of_test_top1(&self) -> Option<Estimate> {
        self.of_test_images(self.test_top1?)
    }

    /// Top-5 accuracy on the test set with its interval.
    pub fn interval_of_test_top5(&self) -> Option<Estimate> {
        self.of_test_images(self.test_top5?)
    }

    /// A percentage of the test images with its interval.
    fn of_test_images(&self, percent: f64) -> Option<Estimate> {
        let estimate = proportion(percent / 100.0, self.dataset.test_images)?;
        let ends = estimate.map(|share| share * 100.0);
        Some(Estimate { value: percent, ..ends })
    }

    fn check_facts(&self) -> Result<(), String> {
        let DatasetInfo { fingerprint, classes, .. } = &self.dataset;
        is_sha256("dataset.fingerprint", fingerprint)?;
        is_sha256("recipe.fingerprint", &self.recipe.fingerprint)?;
        if !self.recipe.content.is_object() {
            return Err("recipe.content is not an object".to_owned());
        }
        if !(1..=MAX_CLASSES).contains(classes) {
            return Err(format!("dataset.classes is {classes}"));
        }
        for (name, count) in
            [("epochs", self.epochs), ("batch", self.batch), ("threads", self.threads)]
        {
            if count == 0 {
                return Err(format!("{name} is 0"));
            }
        }
        is_rate("images_per_s", self.images_per_s)?;
        is_seconds("seconds", self.seconds)?;
        is_finish(self.finished_unix_ms)
    }

    fn check_results(&self) -> Result<(), String> {
        let (losses, accuracies) = (
            [
                ("train_loss", self.train_loss),
                ("val_loss", self.val_loss),
                ("test_loss", self.test_loss),
            ],
            [
                ("val_top1", self.val_top1),
                ("test_top1", self.test_top1),
                ("test_top5", self.test_top5),
            ],
        );
        for (name, loss) in losses {
            loss.map_or(Ok(()), |loss| is_amount(name, loss))?;
        }
        for (name, accuracy) in accuracies {
            accuracy.map_or(Ok(()), |accuracy| is_percent(name, accuracy))?;
        }
        if let (Some(top1), Some(top5)) = (self.test_top1, self.test_top5)
            && top1 > top5
        {
            return Err(format!("test_top1 is {top1}, more than test_top5, {top5}"));
        }
        let DatasetInfo { validation_images, test_images, .. } = self.dataset;
        let needed_if_finished = [
            ("train_loss", self.train_loss, true),
            ("test_loss", self.test_loss, test_images > 0),
            ("test_top1", self.test_top1, test_images > 0),
            ("test_top5", self.test_top5, test_images > 0),
        ];
        let missing =
            needed_if_finished.iter().find(|(_, value, needed)| *needed && value.is_none());
        if let (true, Some((name, ..))) = (self.is_finished(), missing) {
            return Err(format!("{name} is missing in a run that has finished"));
        }
        let of_none = losses.into_iter().chain(accuracies).find(|(name, value)| {
            let is_of = |set, images| name.starts_with(set) && images == 0;
            value.is_some() && (is_of("val_", validation_images) || is_of("test_", test_images))
        });
        match of_none {
            Some((name, _)) => Err(format!("{name} has a value, but there are no images for it")),
            None => self.check_confusion(),
        }
    }

    fn check_confusion(&self) -> Result<(), String> {
        if self.confusion.is_empty() {
            return Ok(());
        }
        let (classes, counts) = (u64::from(self.dataset.classes), self.confusion.len());
        if u64::try_from(counts) != Ok(classes * classes) {
            return Err(format!("confusion has {counts} counts for {classes} classes"));
        }
        let total = self.confusion.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        let images = self.dataset.test_images;
        match total == Some(images) {
            true => Ok(()),
            false => Err(format!("confusion does not count the {images} test images")),
        }
    }

    fn check_history(&self) -> Result<(), String> {
        let mut before = 0;
        for record in &self.history {
            let EpochRecord { epoch, loss, train_top1, val_loss, val_top1, learning_rate, seconds } =
                *record;
            if epoch <= before || epoch > self.epochs {
                return Err(format!(
                    "epoch {epoch} follows {before} in the history of {}",
                    self.epochs
                ));
            }
            before = epoch;
            let amounts = [
                ("loss", Some(loss)),
                ("val_loss", val_loss),
                ("learning_rate", Some(learning_rate)),
            ];
            is_seconds("seconds", seconds)?;
            for (name, value) in amounts {
                value.map_or(Ok(()), |value| is_amount(name, value))?;
            }
            for (name, value) in [("train_top1", train_top1), ("val_top1", val_top1)] {
                value.map_or(Ok(()), |value| is_percent(name, value))?;
            }
        }
        match self.outcome {
            TrainingOutcome::Diverged { epoch, .. } if !(1..=self.epochs).contains(&epoch) => {
                Err(format!("diverged in epoch {epoch} of {}", self.epochs))
            }
            TrainingOutcome::Diverged { .. } | TrainingOutcome::Finished => Ok(()),
        }
    }
}

fn is_sha256(name: &str, text: &str) -> Result<(), String> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    match text.len() == SHA256_LENGTH && text.bytes().all(is_hex) {
        true => Ok(()),
        false => Err(format!("{name} is not a SHA-256")),
    }
}

fn is_percent(name: &str, value: f64) -> Result<(), String> {
    match (0.0..=100.0).contains(&value) {
        true => Ok(()),
        false => Err(format!("{name} is {value}, not a percentage")),
    }
}

impl Record for TrainingRun {
    const TABLE: &'static str = "training_run";
    const NAME: &'static str = "training run";
    const PLURAL: &'static str = "training runs";

    type Key<'r> = TrainingKey<'r>;

    fn key(&self) -> TrainingKey<'_> {
        TrainingKey {
            network: &self.training_fingerprint,
            dataset: &self.dataset.fingerprint,
            recipe: &self.recipe.fingerprint,
            seed: self.seed,
        }
    }

    fn run(&self) -> Option<Run<'_>> {
        Some(Run {
            subject: &self.subject,
            engine: &self.trainer,
            machine: &self.machine,
            finished_unix_ms: self.finished_unix_ms,
        })
    }

    fn check(&self) -> Result<(), String> {
        self.check_facts()?;
        self.check_results()?;
        self.check_history()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::training_run;

    #[test]
    fn the_interval_is_that_of_the_test_images() {
        let mut run = training_run(0, 90.0);
        let estimate = run.interval_of_test_top1().unwrap();
        assert_eq!(estimate.value, 90.0);
        assert!(estimate.low < 90.0 && 90.0 < estimate.high && estimate.high < 100.0);
        run.test_top1 = None;
        assert_eq!(run.interval_of_test_top1(), None);
    }

    #[test]
    fn impossible_runs_are_told() {
        let good = training_run(0, 90.0);
        assert_eq!(good.check(), Ok(()));
        let diverged = |epoch| TrainingOutcome::Diverged { epoch, step: 3, what: String::new() };
        type Change = fn(&mut TrainingRun);
        let cases: [(&str, Change); 18] = [
            ("test_top1 is NaN", |run| run.test_top1 = Some(f64::NAN)),
            ("val_top1 is 100.5", |run| run.val_top1 = Some(100.5)),
            ("test_top1 is 99.5, more than", |run| run.test_top1 = Some(99.5)),
            ("train_loss is inf", |run| run.train_loss = Some(f64::INFINITY)),
            ("test_loss is missing", |run| run.test_loss = None),
            ("test_loss has a value, but", |run| run.dataset.test_images = 0),
            ("val_loss has a value, but", |run| run.dataset.validation_images = 0),
            ("seconds is -1", |run| run.seconds = -1.0),
            ("seconds is 1.7e308", |run| run.history[0].seconds = 1.7e308),
            ("images_per_s is 1", |run| run.images_per_s = 1e300),
            ("finished_unix_ms is", |run| run.finished_unix_ms = 1_796_000_000_000_000),
            ("dataset.classes is 0", |run| run.dataset.classes = 0),
            ("confusion has 3 counts", |run| run.confusion.truncate(3)),
            ("confusion does not count", |run| run.confusion[0] = u64::MAX),
            ("recipe.fingerprint is not", |run| run.recipe.fingerprint.push('0')),
            ("recipe.content is not", |run| run.recipe.content = serde_json::Value::Null),
            ("epoch 1 follows 1", |run| run.history[1].epoch = 1),
            ("learning_rate is NaN", |run| run.history[0].learning_rate = f64::NAN),
        ];
        for (expected, change) in cases {
            let mut run = good.clone();
            change(&mut run);
            let told = run.check().unwrap_err();
            assert!(told.contains(expected), "{told} is not about {expected}");
        }
        let mut late = good.clone();
        late.outcome = diverged(3);
        assert_eq!(late.check().unwrap_err(), "diverged in epoch 3 of 2");
        let mut early = good;
        early.outcome = diverged(1);
        (early.test_loss, early.test_top1, early.test_top5) = (None, None, None);
        (early.train_loss, early.history, early.confusion) = (None, vec![], vec![]);
        assert_eq!(early.check(), Ok(()));
    }
}
