//! What the probabilities of classes are worth: accuracy, loss, confusion and calibration.

use inceptive_results::statistics::{Estimate, mean, proportion, resampled};

/// Bins of the calibration error (Guo et al. 2017, *On calibration of modern neural networks*, arXiv:1706.04599).
pub const CALIBRATION_BINS: usize = 15;

/// Seed of resamples.
const SEED: u64 = 0;

/// The logarithms of the probabilities that a network, or several, gave to each class of each image: means over views
/// and networks are means of probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    classes: usize,
    logarithms: Vec<f64>,
}

impl Answers {
    /// Of some images, before anything was added.
    pub fn new(images: usize, classes: usize) -> Self {
        Self { classes, logarithms: vec![f64::NEG_INFINITY; images * classes] }
    }

    /// The mean of several; of no images, if there are none.
    pub fn mean(all: &[Self]) -> Self {
        let (images, classes) = all.first().map_or((0, 0), |one| (one.images(), one.classes));
        let mut sum = Self::new(images, classes);
        let share = -(all.len() as f64).ln();
        for answers in all {
            for (sum, logarithm) in sum.logarithms.iter_mut().zip(&answers.logarithms) {
                *sum = sum_of(*sum, logarithm + share);
            }
        }
        sum
    }

    /// Number of images.
    pub fn images(&self) -> usize {
        self.logarithms.len() / self.classes.max(1)
    }

    /// Adds what a network gave for images from the place `first` on, classes of an image side by side: a share of the
    /// mean. `is_softmax` says whether these are probabilities already.
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

    /// The class with the largest probability, of each image.
    pub fn predicted(&self) -> impl Iterator<Item = usize> {
        self.logarithms.chunks_exact(self.classes.max(1)).map(largest)
    }

    /// What each image got.
    pub fn results<'a>(
        &'a self,
        labels: impl IntoIterator<Item = u16, IntoIter: 'a>,
    ) -> impl Iterator<Item = ImageResult> + 'a {
        let images = self.logarithms.chunks_exact(self.classes.max(1));
        images.zip(labels).map(|(numbers, label)| ImageResult::new(numbers, label))
    }
}

/// The logarithm of the sum of two numbers, of their logarithms.
fn sum_of(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY {
        return b;
    }
    let largest = a.max(b);
    largest + ((a - largest).exp() + (b - largest).exp()).ln()
}

/// The place of the largest number.
fn largest(numbers: &[f64]) -> usize {
    let largest = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    numbers.iter().position(|x| *x == largest).unwrap_or(0)
}

/// What an image got.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageResult {
    /// Its class.
    pub label: u16,
    /// The class with the largest probability.
    pub predicted: usize,
    /// How many classes have a larger probability than its own, or the same and come before it.
    pub rank: usize,
    /// The cross-entropy.
    pub loss: f64,
    /// The largest probability.
    pub confidence: f64,
}

impl ImageResult {
    /// Of the logarithms of probabilities.
    fn new(numbers: &[f64], label: u16) -> Self {
        let right = numbers.get(usize::from(label)).copied().unwrap_or(f64::NAN);
        let own = usize::from(label);
        // Of equal ones the first class comes first, so that a network that cannot decide is not right. What is not a
        // number is larger than nothing, and nothing is right then.
        let is_before = |(class, x): (usize, &f64)| {
            class != own && (*x > right || (*x == right && class < own) || right.is_nan())
        };
        let rank = numbers.iter().enumerate().filter(|it| is_before(*it)).count();
        let predicted = largest(numbers);
        let confidence = numbers.get(predicted).map_or(f64::NAN, |largest| largest.exp());
        Self { label, predicted, rank, loss: -right, confidence }
    }

    fn is_right(&self) -> bool {
        self.rank == 0
    }
}

/// How often a network is right on some images.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Images.
    pub images: usize,
    /// The mean cross-entropy.
    pub loss: f64,
    /// Images whose class got the largest number.
    pub top1: usize,
    /// Images whose class was among the five largest.
    pub top5: usize,
    /// How many images of each class (row) were taken for each class (column); rows one behind the other.
    pub confusion: Vec<u64>,
    /// The calibration error, from 0 to 1: by how much confidence and accuracy differ, in the mean over images; in
    /// [`CALIBRATION_BINS`] bins of equal width.
    pub calibration_error: f64,
}

impl Evaluation {
    /// Of what each image got.
    pub fn of(results: &[ImageResult], classes: usize) -> Self {
        let mut confusion = vec![0; classes * classes];
        for result in results {
            let place = usize::from(result.label) * classes + result.predicted;
            if let Some(count) = confusion.get_mut(place) {
                *count += 1;
            }
        }
        let images = results.len();
        Self {
            images,
            loss: results.iter().map(|result| result.loss).sum::<f64>() / images.max(1) as f64,
            top1: results.iter().filter(|result| result.is_right()).count(),
            top5: results.iter().filter(|result| result.rank < 5).count(),
            confusion,
            calibration_error: calibration_error(results.iter()),
        }
    }

    /// The share of images that are right, in percent.
    pub fn top1_percent(&self) -> f64 {
        100.0 * self.top1 as f64 / self.images.max(1) as f64
    }

    /// The share of images whose class is among the five largest, in percent.
    pub fn top5_percent(&self) -> f64 {
        100.0 * self.top5 as f64 / self.images.max(1) as f64
    }
}

/// The results of an evaluation with the intervals that other images of the same kind would lie in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intervals {
    /// Images whose class got the largest probability, in percent.
    pub top1: Estimate,
    /// Images whose class was among the five largest, in percent.
    pub top5: Estimate,
    /// The mean cross-entropy.
    pub loss: Estimate,
    /// The calibration error, from 0 to 1.
    pub calibration_error: Estimate,
}

impl Intervals {
    /// Of what each image got: Wilson's for shares, Student's for the loss, and a bootstrap for the calibration error.
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
    /// Images.
    pub images: usize,
    /// How many of them are right.
    pub right: usize,
    /// The sum of their confidences.
    pub confidence: f64,
}

/// The images by their confidence: each bin reaches from above its lower end to its upper end.
pub fn calibration<'a>(
    results: impl Iterator<Item = &'a ImageResult>,
) -> [CalibrationBin; CALIBRATION_BINS] {
    let mut bins = [CalibrationBin::default(); CALIBRATION_BINS];
    for result in results {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of the bins; what is no number is in the first"
        )]
        let above = (result.confidence * CALIBRATION_BINS as f64).ceil() as usize;
        let bin = &mut bins[above.clamp(1, CALIBRATION_BINS) - 1];
        bin.images += 1;
        bin.right += usize::from(result.is_right());
        bin.confidence += result.confidence;
    }
    bins
}

/// The calibration error of images; 0 of none.
fn calibration_error<'a>(results: impl Iterator<Item = &'a ImageResult>) -> f64 {
    let bins = calibration(results);
    let images: usize = bins.iter().map(|bin| bin.images).sum();
    let apart = |bin: &CalibrationBin| (bin.right as f64 - bin.confidence).abs();
    bins.iter().map(apart).sum::<f64>() / images.max(1) as f64
}
