//! Evaluation of a network.

use std::sync::{Arc, atomic::AtomicBool};

use inceptive_data::{Augmenter, Split, View, Views};
use inceptive_engine::{Options, Plan, Session};
use inceptive_ir::{AuxiliaryHead, Graph, NodeId, Op, passes};
use inceptive_weights::Weights;

use crate::{
    error::TrainError,
    machine::Machine,
    score::{Evaluation, ImageResult, Predictions},
};

/// Batch size of evaluations.
pub const EVALUATION_BATCH: usize = 100;

/// Images to evaluate on.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    /// Normalises them as in training.
    pub augmenter: &'a Augmenter,
    /// The split that they belong to.
    pub split: &'a Split,
    /// Their indices in the split.
    pub indices: &'a [u32],
}

impl Images<'_> {
    /// The batch size: at most `most`, and at most the number of images.
    pub fn batch(&self, most: usize) -> usize {
        most.min(self.indices.len()).max(1)
    }

    /// Runs a network on views of all images, batch by batch, and averages the probabilities. `run` gets `batch x channels x
    /// height x width` pixels and the progress from 0 to 1, and returns `batch x classes` outputs. The last batch may be
    /// incomplete; outputs beyond its images are ignored.
    ///
    /// # Errors
    /// When a run fails.
    pub fn predict<E>(
        &self,
        views: &[View],
        batch: usize,
        graph: &Graph,
        run: impl FnMut(&[f32], f64) -> Result<Vec<f32>, E>,
    ) -> Result<Predictions, E> {
        let mut all = Predictions::with_capacity(self.indices.len(), classes_of(graph));
        self.each_batch(views, batch, graph, run, |_, predictions| all.append(predictions))?;
        Ok(all)
    }

    /// The same, but only the result of each image is kept, which takes less memory with many classes.
    ///
    /// # Errors
    /// When a run fails.
    pub fn evaluate<E>(
        &self,
        views: &[View],
        batch: usize,
        graph: &Graph,
        run: impl FnMut(&[f32], f64) -> Result<Vec<f32>, E>,
    ) -> Result<Vec<ImageResult>, E> {
        let labels = self.split.labels();
        let mut all = Vec::with_capacity(self.indices.len());
        self.each_batch(views, batch, graph, run, |chunk, predictions| {
            all.extend(predictions.results(chunk.iter().map(|&image| labels[image as usize])));
        })?;
        Ok(all)
    }

    /// Calls `take` with the indices and the predictions of each batch.
    fn each_batch<E>(
        &self,
        views: &[View],
        batch: usize,
        graph: &Graph,
        mut run: impl FnMut(&[f32], f64) -> Result<Vec<f32>, E>,
        mut take: impl FnMut(&[u32], Predictions),
    ) -> Result<(), E> {
        let is_softmax = matches!(graph.node(graph.output()).op, Op::Softmax);
        let of_image = self.split.shape().pixels();
        let mut pixels = vec![0.0; batch * of_image];
        let runs = self.indices.len().div_ceil(batch) * views.len();
        let total: u32 = views.iter().map(|view| view.weight()).sum();
        let mut done = 0_u32;
        for chunk in self.indices.chunks(batch) {
            let mut predictions = Predictions::new(chunk.len(), classes_of(graph));
            for view in views {
                let place = &mut pixels[..chunk.len() * of_image];
                self.augmenter.fill_view(self.split, chunk, *view, place);
                let outputs = run(&pixels, f64::from(done) / runs as f64)?;
                let share = f64::from(view.weight()) / f64::from(total);
                predictions.add(0, &outputs, is_softmax, share);
                done += 1;
            }
            take(chunk, predictions);
        }
        Ok(())
    }

    /// The result of each image.
    pub fn results(&self, predictions: &Predictions) -> Vec<ImageResult> {
        let labels = self.split.labels();
        predictions.results(self.indices.iter().map(|&image| labels[image as usize])).collect()
    }
}

/// The number of classes that a network distinguishes.
pub fn classes_of(graph: &Graph) -> usize {
    usize::try_from(graph.node(graph.output()).shape.elements()).unwrap_or(usize::MAX)
}

/// A session that runs an inference graph. It can be stopped, because packing weights and clearing memory take a while.
pub(crate) fn session(
    graph: &Graph,
    weights: &Weights,
    batch: usize,
    machine: Machine,
    stop: &AtomicBool,
) -> Result<Session, TrainError> {
    let Machine { threads, isa, most_bytes } = machine;
    let options = Options { batch, threads, isa, winograd: true, most_bytes };
    let plan = Plan::new(graph, weights, options, stop)?;
    Ok(Session::new(Arc::new(plan), stop)?)
}

/// An inference graph whose session keeps the outputs of some nodes, which are added as heads.
pub(crate) fn keeping(graph: &Graph, nodes: &[NodeId]) -> Graph {
    let mut kept = graph.clone();
    for &output in nodes {
        let name = graph.node(output).path.to_string();
        kept.add_auxiliary(AuxiliaryHead { name, output, weight: 0.0 });
    }
    kept
}

/// Evaluates weights on images, without auxiliary heads and dropout, and with running statistics.
///
/// # Errors
/// When the network cannot be run, or it was stopped.
pub fn evaluate(
    graph: &Graph,
    weights: Weights,
    (augmenter, split, indices): (&Augmenter, &Split, &[u32]),
    machine: Machine,
    stop: &AtomicBool,
) -> Result<Evaluation, TrainError> {
    let graph = passes::inference(graph)?;
    let (graph, weights) = weights.fold_batch_norm(&graph)?;
    let images = Images { augmenter, split, indices };
    let batch = images.batch(EVALUATION_BATCH);
    let mut session = session(&graph, &weights, batch, machine, stop)?;
    let views = Views::One.of(split.shape());
    let run = |pixels: &[f32], _| session.run(pixels, stop).map(<[f32]>::to_vec);
    let results = images.evaluate(&views, batch, &graph, run)?;
    Ok(Evaluation::of(&results, classes_of(&graph)))
}
