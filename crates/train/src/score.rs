//! Metrics of predicted probabilities: accuracy, loss, confusion matrix and calibration.

use std::collections::BTreeMap;

use inceptive_results::statistics::{Estimate, mean, proportion, resampled};

/// Bins of the calibration error (Guo et al. 2017, *On calibration of modern neural networks*, arXiv:1706.04599).
pub const CALIBRATION_BINS: usize = 15;

/// Maximum number of classes for which a confusion matrix has a count for each pair of classes.
const MAX_MATRIX_CLASSES: usize = 1000;

/// Seed of resamples.
const SEED: u64 = 0;

/// The predicted log-probability of each class for each image. Over several views or networks, probabilities are averaged,
/// not their logarithms.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    classes: usize,
    logarithms: Vec<f64>,
}

impl Predictions {
    /// With probabilities of 0, to which outputs are added.
    pub fn new(images: usize, classes: usize) -> Self {
        Self { classes, logarithms: vec![f64::NEG_INFINITY; images * classes] }
    }

    /// The mean of several networks; without any images if there are no networks.
    pub fn mean(all: &[Self]) -> Self {
        let (images, classes) = all.first().map_or((0, 0), |one| (one.images(), one.classes));
        let mut sum = Self::new(images, classes);
        let share = -(all.len() as f64).ln();
        for predictions in all {
            for (sum, logarithm) in sum.logarithms.iter_mut().zip(&predictions.logarithms) {
                *sum = sum_of(*sum, logarithm + share);
            }
        }
        sum
    }

    /// Without any images, with memory for this number of images.
    pub(crate) fn with_capacity(images: usize, classes: usize) -> Self {
        Self { classes, logarithms: Vec::with_capacity(images * classes) }
    }

    /// Bytes that the predictions for some images need.
    pub const fn bytes(images: usize, classes: usize) -> u64 {
        (images as u64).saturating_mul(classes as u64).saturating_mul(size_of::<f64>() as u64)
    }

    /// Appends the predictions for further images.
    pub(crate) fn append(&mut self, mut further: Self) {
        self.logarithms.append(&mut further.logarithms);
    }

    /// Number of images.
    pub fn images(&self) -> usize {
        self.logarithms.len() / self.classes.max(1)
    }

    /// Adds the outputs of a network for consecutive images, starting with the image `first`: `images x classes` numbers,
    /// weighted with `share`. `is_softmax` says whether they are probabilities rather than logits.
    pub fn add(&mut self, first: usize, outputs: &[f32], is_softmax: bool, share: f64) {
        let share = share.ln();
        let classes = self.classes.max(1);
        let images = self.logarithms.chunks_exact_mut(classes).skip(first);
        for (image, numbers) in images.zip(outputs.chunks_exact(classes)) {
            let largest = f64::from(numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            let apart = |x: &f32| (f64::from(*x) - largest).exp();
            let all = largest + numbers.iter().map(apart).sum::<f64>().ln();
            for (sum, &number) in image.iter_mut().zip(numbers) {
                let number = f64::from(number);
                let logarithm = if is_softmax { number.ln() } else { number - all };
                *sum = sum_of(*sum, logarithm + share);
            }
        }
    }

    /// The probabilities of the classes, image by image.
    pub fn probabilities(&self) -> impl Iterator<Item = f64> {
        self.logarithms.iter().map(|logarithm| logarithm.exp())
    }

    /// The predicted class of each image: the one with the largest probability; `None` if a probability is NaN.
    pub fn predicted(&self) -> impl Iterator<Item = Option<usize>> {
        self.logarithms.chunks_exact(self.classes.max(1)).map(largest)
    }

    /// The result of each image.
    pub fn results<'a>(
        &'a self,
        labels: impl IntoIterator<Item = u16, IntoIter: 'a>,
    ) -> impl Iterator<Item = ImageResult> + 'a {
        let images = self.logarithms.chunks_exact(self.classes.max(1));
        images.zip(labels).map(|(numbers, label)| ImageResult::new(numbers, label))
    }
}

/// The logarithm of the sum of two numbers that are given as logarithms.
fn sum_of(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY {
        return b;
    }
    let largest = a.max(b);
    largest + ((a - largest).exp() + (b - largest).exp()).ln()
}

/// The index of the largest number; `None` if a number is NaN.
fn largest(numbers: &[f64]) -> Option<usize> {
    if numbers.iter().any(|x| x.is_nan()) {
        return None;
    }
    let largest = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    numbers.iter().position(|x| *x == largest)
}

/// The result of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageResult {
    /// Its true class.
    pub label: u16,
    /// The class with the largest probability; `None` if a probability is NaN.
    pub predicted: Option<usize>,
    /// Number of classes ranked before the true class: with a larger probability, or with the same one and a smaller index;
    /// `usize::MAX` without a prediction, which is always wrong.
    pub rank: usize,
    /// The cross-entropy; NaN without a prediction.
    pub loss: f64,
    /// The largest probability; NaN without a prediction.
    pub confidence: f64,
}

impl ImageResult {
    /// From the log-probabilities of all classes.
    fn new(numbers: &[f64], label: u16) -> Self {
        let own = usize::from(label);
        let (Some(predicted), Some(&right)) = (largest(numbers), numbers.get(own)) else {
            let (rank, loss, confidence) = (usize::MAX, f64::NAN, f64::NAN);
            return Self { label, predicted: None, rank, loss, confidence };
        };
        // Ties are broken by class index, so that a network with constant outputs is not counted as correct.
        let is_before = |(class, x): (usize, &f64)| *x > right || (*x == right && class < own);
        let rank = numbers.iter().enumerate().filter(|it| is_before(*it)).count();
        let confidence = numbers[predicted].exp();
        Self { label, predicted: Some(predicted), rank, loss: -right, confidence }
    }

    fn is_right(&self) -> bool {
        self.rank == 0
    }
}

/// Numbers of images by true and predicted class. Only pairs that occur take memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    pairs: BTreeMap<(usize, usize), u64>,
    unpredicted: BTreeMap<usize, u64>,
}

impl Confusion {
    fn of(results: &[ImageResult], classes: usize) -> Self {
        let mut confusion = Self { classes, ..Self::default() };
        for result in results {
            let label = usize::from(result.label);
            let count = match result.predicted {
                Some(predicted) => confusion.pairs.entry((label, predicted)).or_default(),
                None => confusion.unpredicted.entry(label).or_default(),
            };
            *count += 1;
        }
        confusion
    }

    /// The true class, the predicted class and the number of images, of each pair of classes that occurs.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        self.pairs.iter().map(|(&(label, predicted), &count)| (label, predicted, count))
    }

    /// Number of images of each true class for which no class is predicted, because the network outputs NaN.
    pub fn unpredicted(&self) -> Vec<u64> {
        (0..self.classes).map(|class| self.unpredicted.get(&class).copied().unwrap_or(0)).collect()
    }

    /// Number of images of each true class (row) by predicted class (column), row by row; `None` with more than
    /// 1000 classes.
    pub fn matrix(&self) -> Option<Vec<u64>> {
        if self.classes > MAX_MATRIX_CLASSES {
            return None;
        }
        let mut matrix = vec![0; self.classes * self.classes];
        for (label, predicted, count) in self.pairs() {
            if let Some(place) = matrix.get_mut(label * self.classes + predicted) {
                *place = count;
            }
        }
        Some(matrix)
    }
}

/// The metrics of a network on a set of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Number of images.
    pub images: usize,
    /// The mean cross-entropy.
    pub loss: f64,
    /// Number of images whose true class has the largest probability.
    pub top1: usize,
    /// Number of images whose true class is among the five most probable.
    pub top5: usize,
    /// Number of images by true and predicted class.
    pub confusion: Confusion,
    /// The expected calibration error, from 0 to 1: the mean difference between confidence and accuracy over
    /// [`CALIBRATION_BINS`] bins of equal width, weighted by their numbers of images.
    pub calibration_error: f64,
}

impl Evaluation {
    /// From the result of each image.
    pub fn of(results: &[ImageResult], classes: usize) -> Self {
        let images = results.len();
        Self {
            images,
            loss: results.iter().map(|result| result.loss).sum::<f64>() / images.max(1) as f64,
            top1: results.iter().filter(|result| result.is_right()).count(),
            top5: results.iter().filter(|result| result.rank < 5).count(),
            confusion: Confusion::of(results, classes),
            calibration_error: calibration_error(results.iter()),
        }
    }

    /// Top-1 accuracy in percent.
    pub fn top1_percent(&self) -> f64 {
        100.0 * self.top1 as f64 / self.images.max(1) as f64
    }

    /// Top-5 accuracy in percent.
    pub fn top5_percent(&self) -> f64 {
        100.0 * self.top5 as f64 / self.images.max(1) as f64
    }
}

/// The metrics of an evaluation with 95% confidence intervals, which cover the random choice of images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intervals {
    /// Top-1 accuracy in percent.
    pub top1: Estimate,
    /// Top-5 accuracy in percent.
    pub top5: Estimate,
    /// The mean cross-entropy.
    pub loss: Estimate,
    /// The calibration error, from 0 to 1.
    pub calibration_error: Estimate,
}

impl Intervals {
    /// From the result of each image: Wilson's for accuracies, Student's for the loss, and a bootstrap for the calibration
    /// error.
    pub fn of(evaluation: &Evaluation, results: &[ImageResult]) -> Self {
        let percent = |percent: f64| {
            let share = proportion(percent / 100.0, results.len() as u64);
            let share = share.unwrap_or(Estimate::without_interval(percent / 100.0));
            Estimate { value: percent, ..share.map(|share| 100.0 * share) }
        };
        let losses: Vec<f64> = results.iter().map(|result| result.loss).collect();
        let error = resampled(evaluation.calibration_error, results.len(), SEED, |places| {
            calibration_error(places.iter().map(|&place| &results[place]))
        });
        Self {
            top1: percent(evaluation.top1_percent()),
            top5: percent(evaluation.top5_percent()),
            loss: mean(&losses).unwrap_or(Estimate::without_interval(evaluation.loss)),
            calibration_error: error.map(|end| end.clamp(0.0, 1.0)),
        }
    }
}

/// Images whose confidence is in a range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CalibrationBin {
    /// Number of images.
    pub images: usize,
    /// Number of correctly classified images.
    pub right: usize,
    /// The sum of their confidences.
    pub confidence: f64,
}

/// Groups images by confidence. Each bin includes its upper bound, but not its lower one.
pub fn calibration<'a>(
    results: impl Iterator<Item = &'a ImageResult>,
) -> [CalibrationBin; CALIBRATION_BINS] {
    let mut bins = [CalibrationBin::default(); CALIBRATION_BINS];
    for result in results {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to the number of bins; NaN becomes 0 and goes to the first bin"
        )]
        let above = (result.confidence * CALIBRATION_BINS as f64).ceil() as usize;
        let bin = &mut bins[above.clamp(1, CALIBRATION_BINS) - 1];
        bin.images += 1;
        bin.right += usize::from(result.is_right());
        bin.confidence += result.confidence;
    }
    bins
}

/// The expected calibration error; 0 without images.
fn calibration_error<'a>(results: impl Iterator<Item = &'a ImageResult>) -> f64 {
    let bins = calibration(results);
    let images: usize = bins.iter().map(|bin| bin.images).sum();
    let apart = |bin: &CalibrationBin| (bin.right as f64 - bin.confidence).abs();
    bins.iter().map(apart).sum::<f64>() / images.max(1) as f64
}
