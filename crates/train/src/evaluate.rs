//! Evaluation of a network: loss, accuracy and confusion matrix.

use std::sync::{Arc, atomic::AtomicBool};

use inceptive_data::{Augmenter, Split};
use inceptive_engine::{Options, Plan, Session};
use inceptive_ir::{Graph, Op, passes};
use inceptive_weights::Weights;

use crate::{error::TrainError, machine::Machine};

/// Images per run of the engine.
const BATCH: usize = 100;

/// Loss, accuracy and confusion matrix of a network on some images.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Number of images.
    pub images: usize,
    /// The mean cross-entropy.
    pub loss: f64,
    /// Number of images for which the output of the right class is the largest.
    pub top1: usize,
    /// Number of images for which the output of the right class is among the five largest.
    pub top5: usize,
    /// The confusion matrix, row by row: a row for each true class, a column for each predicted class.
    pub confusion: Vec<u64>,
}

impl Evaluation {
    /// Top-1 accuracy in percent.
    pub fn top1_percent(&self) -> f64 {
        100.0 * self.top1 as f64 / self.images.max(1) as f64
    }

    /// Top-5 accuracy in percent.
    pub fn top5_percent(&self) -> f64 {
        100.0 * self.top5 as f64 / self.images.max(1) as f64
    }
}

/// Evaluates weights on some images, without auxiliary heads and dropout and with running statistics.
///
/// # Errors
/// When the network cannot be run, or it was stopped.
pub fn evaluate(
    graph: &Graph,
    weights: Weights,
    (augmenter, split, images): (&Augmenter, &Split, &[u32]),
    machine: Machine,
    stop: &AtomicBool,
) -> Result<Evaluation, TrainError> {
    let graph = passes::inference(graph)?;
    let is_softmax = matches!(graph.node(graph.output()).op, Op::Softmax);
    let (graph, weights) = weights.fold_batch_norm(&graph)?;
    let batch = BATCH.min(images.len()).max(1);
    let Machine { threads, isa, most_bytes } = machine;
    let options = Options { batch, threads, isa, winograd: true, most_bytes };
    let plan = Arc::new(Plan::new(&graph, &weights, options)?);
    let mut session = Session::new(plan)?;
    let mut pixels = vec![0.0; batch * split.shape().pixels()];
    let mut of_all: Option<Evaluation> = None;
    for chunk in images.chunks(batch) {
        augmenter.fill_plain(split, chunk, &mut pixels[..chunk.len() * split.shape().pixels()]);
        let output = session.run(&pixels, stop)?;
        let classes = output.len() / batch;
        let sums = of_all.get_or_insert_with(|| Evaluation {
            images: 0,
            loss: 0.0,
            top1: 0,
            top5: 0,
            confusion: vec![0; classes * classes],
        });
        for (&image, numbers) in chunk.iter().zip(output.chunks_exact(classes.max(1))) {
            sums.add(numbers, usize::from(split.labels()[image as usize]), is_softmax);
        }
    }
    let mut all = of_all.unwrap_or(Evaluation {
        images: 0,
        loss: 0.0,
        top1: 0,
        top5: 0,
        confusion: Vec::new(),
    });
    all.loss /= all.images.max(1) as f64;
    Ok(all)
}

impl Evaluation {
    /// Counts an image, from its logits or, with a softmax, its probabilities.
    fn add(&mut self, numbers: &[f32], label: usize, is_softmax: bool) {
        let right = numbers.get(label).copied().unwrap_or(f32::NAN);
        let largest = numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        self.loss += if is_softmax {
            -f64::from(right).ln()
        } else {
            let apart = |x: &f32| (f64::from(*x) - f64::from(largest)).exp();
            f64::from(largest) + numbers.iter().map(apart).sum::<f64>().ln() - f64::from(right)
        };
        // If the output of the right class is NaN, the image counts as wrong.
        let is_larger =
            |(class, x): (usize, &f32)| class != label && (*x > right || right.is_nan());
        let larger = numbers.iter().enumerate().filter(|it| is_larger(*it)).count();
        self.images += 1;
        self.top1 += usize::from(larger == 0);
        self.top5 += usize::from(larger < 5);
        let taken = numbers.iter().position(|x| *x == largest).unwrap_or(0);
        if let Some(count) = self.confusion.get_mut(label * numbers.len() + taken) {
            *count += 1;
        }
    }
}
