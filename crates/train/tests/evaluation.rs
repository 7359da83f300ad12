//! Metrics against numbers by hand and plain definitions, and evaluations of checkpoints against those of training.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::path::Path;

use common::{GO_ON, NETWORK, data, graph, machine};
use inceptive_data::{Augment, Augmenter, Views};
use inceptive_dsl::Memory;
use inceptive_ir::passes;
use inceptive_train::{
    Backend, CheckpointInfo, Evaluation, ImageResult, Images, Intervals, Machine, Predictions,
    Recipe, Task, TrainError, Trainer, calibration, evaluate, expect_fit,
};
use inceptive_weights::Weights;
use proptest::prelude::*;

fn results(predictions: &Predictions, labels: &[u16]) -> Vec<ImageResult> {
    predictions.results(labels.iter().copied()).collect()
}

fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < 1e-6 * expected.abs().max(1e-3),
        "{found} is not {expected}"
    );
}

/// Four images of three classes, as a softmax gave them.
#[test]
fn metrics_are_those_by_hand() {
    let probabilities =
        [[0.75, 0.125, 0.125], [0.25, 0.5, 0.25], [0.625, 0.25, 0.125], [0.125, 0.125, 0.75]];
    let mut predictions = Predictions::new(4, 3);
    predictions.add(0, probabilities.as_flattened(), true, 1.0);
    let found = results(&predictions, &[0, 1, 1, 0]);
    let evaluation = Evaluation::of(&found, 3);
    assert_eq!((evaluation.images, evaluation.top1, evaluation.top5), (4, 2, 4));
    assert_eq!(evaluation.confusion.matrix().unwrap(), [1, 0, 1, 1, 1, 0, 0, 0, 0]);
    assert_eq!(evaluation.confusion.unpredicted(), [0; 3]);
    close(evaluation.loss, -(0.75_f64.ln() + 0.5_f64.ln() + 0.25_f64.ln() + 0.125_f64.ln()) / 4.0);
    // A bin of 0.75 twice, once right; one of 0.5, right; one of 0.625, wrong.
    close(evaluation.calibration_error, (0.5 + 0.5 + 0.625) / 4.0);
    let bins = calibration(found.iter());
    assert_eq!((bins[11].images, bins[11].right, bins[11].confidence), (2, 1, 1.5));
    assert_eq!((bins[7].images, bins[9].images), (1, 1));

    let intervals = Intervals::of(&evaluation, &found);
    // Wilson's interval of 2 of 4.
    close(intervals.top1.low, 15.003_898);
    close(intervals.top1.high, 84.996_101);
    assert_eq!((intervals.top1.value, intervals.top5.high), (50.0, 100.0));
    // Student's, with three degrees of freedom.
    let losses = [0.75, 0.5, 0.25, 0.125].map(|p: f64| -p.ln());
    let mean: f64 = losses.iter().sum::<f64>() / 4.0;
    let squares: f64 = losses.iter().map(|loss| (loss - mean).powi(2)).sum();
    close(intervals.loss.high - mean, 3.182_45 * (squares / 12.0).sqrt());
    let error = intervals.calibration_error;
    assert!(0.0 <= error.low && error.low < error.value && error.value <= error.high, "{error:?}");
    assert_eq!(Intervals::of(&evaluation, &found), intervals);
}

/// Confidences that are as often right as they say have no calibration error; those that are twice as large have theirs.
#[test]
fn the_calibration_error_is_how_far_confidence_is_from_accuracy() {
    let of = |confidence: f32| {
        let mut predictions = Predictions::new(1000, 2);
        let numbers: Vec<f32> = (0..1000).flat_map(|_| [confidence, 1.0 - confidence]).collect();
        predictions.add(0, &numbers, true, 1.0);
        let labels: Vec<u16> = (0..1000).map(|image| u16::from(image % 10 >= 6)).collect();
        let found = results(&predictions, &labels);
        let evaluation = Evaluation::of(&found, 2);
        (evaluation.calibration_error, Intervals::of(&evaluation, &found).calibration_error)
    };
    close(of(0.6).0 + 1.0, 1.0);
    let (error, interval) = of(0.9);
    close(error, 0.3);
    // That of a share of 1000: 1.96 x sqrt(0.6 x 0.4 / 1000).
    assert!((interval.high - error - 0.0304).abs() < 0.004, "{interval:?}");
    assert!((error - interval.low - 0.0304).abs() < 0.004, "{interval:?}");
}

#[test]
fn ties_go_to_the_first_class_and_what_is_no_number_is_wrong() {
    let mut predictions = Predictions::new(3, 6);
    let tied = [1.0_f32; 6];
    let broken = [f32::NAN, 1.0, 2.0, 3.0, 4.0, 5.0];
    let sixth = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0];
    predictions.add(0, [tied, broken, sixth].as_flattened(), false, 1.0);
    let evaluation = Evaluation::of(&results(&predictions, &[3, 0, 5]), 6);
    assert_eq!((evaluation.top1, evaluation.top5), (0, 1));
    assert!(evaluation.loss.is_nan());
    let matrix = evaluation.confusion.matrix().unwrap();
    assert_eq!((matrix[18], matrix[0], matrix.iter().sum::<u64>()), (1, 0, 2));
    assert_eq!(evaluation.confusion.unpredicted(), [1, 0, 0, 0, 0, 0]);
    // Without a prediction, an image is wrong even if there are fewer than five classes.
    for is_softmax in [false, true] {
        let mut predictions = Predictions::new(1, 3);
        predictions.add(0, &[0.5, f32::NAN, 0.25], is_softmax, 1.0);
        assert_eq!(predictions.predicted().collect::<Vec<_>>(), [None]);
        let evaluation = Evaluation::of(&results(&predictions, &[0]), 3);
        assert_eq!((evaluation.top1, evaluation.top5), (0, 0));
        assert!(evaluation.loss.is_nan());
        assert_eq!(evaluation.confusion.unpredicted(), [1, 0, 0]);
    }
    assert_eq!(Evaluation::of(&[], 2).loss, 0.0);
}

/// A matrix of 65,536 classes would need 32 GiB.
#[test]
fn confusions_of_many_classes_take_little_memory() {
    let mut predictions = Predictions::new(2, 1 << 16);
    let outputs: Vec<f32> = (0..2 << 16).map(|at| if at == 7 { 1.0 } else { 0.0 }).collect();
    predictions.add(0, &outputs, false, 1.0);
    let evaluation = Evaluation::of(&results(&predictions, &[7, u16::MAX]), 1 << 16);
    assert_eq!((evaluation.top1, evaluation.confusion.matrix()), (1, None));
    let pairs: Vec<_> = evaluation.confusion.pairs().collect();
    assert_eq!(pairs, [(7, 7, 1), (usize::from(u16::MAX), 0, 1)]);
}

proptest! {
    /// Means of views and networks are those of probabilities.
    #[test]
    fn means_are_of_probabilities(
        logits in prop::collection::vec(-30.0_f32..30.0, 2 * 3 * 5 * 4),
        labels in prop::collection::vec(0_u16..4, 5),
    ) {
        let (images, classes) = (5, 4);
        let networks: Vec<&[f32]> = logits.chunks(3 * images * classes).collect();
        let shares = [0.5, 0.375, 0.125];
        let softmax = |numbers: &[f32]| -> Vec<f64> {
            let powers: Vec<f64> = numbers.iter().map(|x| f64::from(*x).exp()).collect();
            let sum: f64 = powers.iter().sum();
            powers.iter().map(|power| power / sum).collect()
        };
        let mut expected = vec![0.0; images * classes];
        let mut all = Vec::new();
        for network in &networks {
            let mut predictions = Predictions::new(images, classes);
            for (view, share) in network.chunks(images * classes).zip(shares) {
                // Batches of two images.
                for (first, batch) in (0..).step_by(2).zip(view.chunks(2 * classes)) {
                    predictions.add(first, batch, false, share);
                }
                let of_view = view.chunks(classes).flat_map(softmax);
                expected.iter_mut().zip(of_view).for_each(|(sum, p)| *sum += share * p / 2.0);
            }
            all.push(predictions);
        }
        let mean = Predictions::mean(&all);
        for (found, expected) in mean.probabilities().zip(&expected) {
            prop_assert!((found - expected).abs() < 1e-12 + 1e-9 * expected, "{found} {expected}");
        }
        let found = results(&mean, &labels);
        let evaluation = Evaluation::of(&found, classes);
        let loss = labels.iter().zip(expected.chunks(classes));
        let loss = loss.map(|(&label, p)| -p[usize::from(label)].ln()).sum::<f64>() / 5.0;
        prop_assert!((evaluation.loss - loss).abs() < 1e-9 * loss.max(1.0));
        prop_assert_eq!(evaluation.confusion.pairs().map(|(_, _, count)| count).sum::<u64>(), 5);
    }
}

#[test]
fn a_checkpoint_is_evaluated_to_the_numbers_of_training() {
    let (graph, data, machine) = (graph(NETWORK), data(400, 130), machine(2));
    for more in ["", "average: 0.9\n"] {
        let text = format!(
            "name: test\nepochs: 1\nbatch: 20\nlearning_rate: 0.05\naugment: {{crop: 1}}\n{more}"
        );
        let files = Memory::default().with("recipe.yaml", text);
        let recipe = Recipe::load(&files, Path::new("recipe.yaml"), &[]).unwrap().0;
        let task = Task { graph: &graph, data: &data, recipe: &recipe, seed: 7 };
        let mut trainer = Trainer::new(task, &Backend::Native, machine, &GO_ON).unwrap();
        trainer.epoch(&GO_ON, || None, |_| {}).unwrap();
        let bytes = trainer.checkpoint().unwrap();

        let info = CheckpointInfo::read(&bytes).unwrap().unwrap();
        assert_eq!((info.seed, info.held_out, info.averages), (7, 40, !more.is_empty()));
        assert_eq!(info.network, graph.fingerprint().to_string());
        let partition = data.hold_out(info.held_out, info.seed).unwrap();
        let stats = data.train.channel_stats(&partition.train);
        let augmenter = Augmenter::new(&Augment::default(), data.shape(), &stats, 0).unwrap();
        let (inference, test) = (passes::inference(&graph).unwrap(), data.test.indices());
        let weights = || info.weights(&bytes, &inference).unwrap();
        let one = Machine { threads: 1, ..machine };
        let of = |images| evaluate(&inference, weights(), images, one, &GO_ON).unwrap();
        assert_eq!(of((&augmenter, &data.test, &test)), trainer.test(&GO_ON).unwrap());
        let validation = of((&augmenter, &data.train, &partition.validation));
        let [epoch] = trainer.history() else { panic!("one epoch") };
        assert_eq!(
            (epoch.val_loss, epoch.val_top1),
            (Some(validation.loss), Some(validation.top1_percent()))
        );
    }
    let weights = Weights::seeded(&graph, 1).to_safetensors(&graph).unwrap();
    assert_eq!(CheckpointInfo::read(&weights).unwrap(), None);
    assert!(CheckpointInfo::read(&&weights[..100]).is_err());
    let small = NETWORK.replace("classes: 10", "classes: 3");
    let error = expect_fit(&common::graph(&small), &data).unwrap_err();
    assert!(matches!(error, TrainError::Classes { network: 3, data: 10 }));
}

/// In place of a network, the sum of the left half of an image, for all views and odd batches.
#[test]
fn views_are_averaged_over_all_images() {
    let (graph, data) = (graph(NETWORK), data(400, 130));
    let stats = data.train.channel_stats(&data.train.indices());
    let augmenter = Augmenter::new(&Augment::default(), data.shape(), &stats, 0).unwrap();
    let indices: Vec<u32> = (3..26).collect();
    let images = Images { augmenter: &augmenter, split: &data.test, indices: &indices };
    let answer = |pixels: &[f32]| -> Vec<f32> {
        let rows = pixels.chunks(16);
        let left: f32 = rows.map(|row| row[..8].iter().sum::<f32>()).sum();
        (0..10).map(|class| left / 100.0 * class as f32).collect()
    };
    for views in Views::ALL {
        let (views, mut heard) = (views.of(data.shape()), vec![]);
        let run = |pixels: &[f32], share| {
            heard.push(share);
            Ok::<_, ()>(pixels.chunks(256).flat_map(answer).collect())
        };
        let predictions = images.predict(&views, 7, &graph, run).unwrap();
        assert_eq!(heard.len(), 4 * views.len());
        assert!(heard.is_sorted() && heard[0] == 0.0 && heard.iter().all(|share| *share < 1.0));
        let found: Vec<f64> = predictions.probabilities().collect();
        for (place, &image) in indices.iter().enumerate() {
            let mut expected = [0.0; 10];
            let total: u32 = views.iter().map(|view| view.weight()).sum();
            for view in &views {
                let mut pixels = vec![0.0; 256];
                augmenter.fill_view(&data.test, &[image], *view, &mut pixels);
                let powers: Vec<f64> =
                    answer(&pixels).iter().map(|x| f64::from(*x).exp()).collect();
                let sum: f64 =
                    powers.iter().sum::<f64>() * f64::from(total) / f64::from(view.weight());
                expected.iter_mut().zip(powers).for_each(|(mean, power)| *mean += power / sum);
            }
            for (found, expected) in found[10 * place..][..10].iter().zip(expected) {
                assert!((found - expected).abs() < 1e-9, "{found} {expected}");
            }
        }
    }
}
