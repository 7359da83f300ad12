//! Gradients of weights in training steps.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicBool},
};

use inceptive_engine::{Rates, Rule, TrainOptions, TrainPlan, TrainSession};
use inceptive_ir::Path;
use inceptive_weights::node_slots;

use super::{Progress, Subject};
use crate::{error::TrainError, evaluate::Images, machine::Machine};

/// Batch size of a training step.
pub(super) const STEP: usize = 32;

/// Number of training steps whose gradients are averaged.
const STEPS: usize = 8;

/// The norms of the gradients of each node's tensors.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gradients {
    /// Number of images that they were computed from.
    pub images: usize,
    norms: HashMap<Path, f64>,
}

impl Gradients {
    /// The norm of the gradients of several nodes together; `None` if none has weights.
    pub fn of<'a>(&self, nodes: impl Iterator<Item = &'a Path>) -> Option<f64> {
        let square = |sum: Option<f64>, part: &f64| Some(sum.unwrap_or(0.0) + part * part);
        nodes.filter_map(|node| self.norms.get(node)).fold(None, square).map(f64::sqrt)
    }
}

/// Number of training steps whose gradients are computed.
pub(super) fn steps(trained: Images<'_>) -> usize {
    (trained.indices.len() / trained.batch(STEP)).min(STEPS)
}

/// The root mean square over some training steps of the norm of the gradient of each node's tensors. The weights are not
/// changed: the learning rate is 0.
pub(super) fn gradients(
    subject: Subject<'_>,
    machine: Machine,
    stop: &AtomicBool,
    progress: &mut Progress<'_>,
) -> Result<Gradients, TrainError> {
    let Subject { graph, weights, trained, .. } = subject;
    let (batch, steps) = (trained.batch(STEP), steps(trained));
    let Machine { threads, isa, most_bytes } = machine;
    let options = TrainOptions {
        batch,
        threads,
        isa,
        most_bytes,
        smoothing: 0.0,
        rule: Rule::Sgd { momentum: 0.0, nesterov: false },
        clip: None,
        momentum: 0.0,
        averages: false,
    };
    let mut session = TrainSession::new(Arc::new(TrainPlan::new(graph, options)?), weights, stop)?;
    let mut pixels = vec![0.0; batch * trained.split.shape().pixels()];
    let mut squares: HashMap<Path, f64> = HashMap::new();
    for (step, images) in (0..).zip(trained.indices.chunks_exact(batch).take(steps)) {
        trained.augmenter.fill_plain(trained.split, images, &mut pixels);
        let labels = trained.split.labels_of(images);
        let rates = Rates { learning: 0.0, decay: 0.0, average: 0.0, steps: step };
        session.step(&pixels, &labels, rates, step, stop)?;
        let gradients = session.gradients();
        for (id, node) in graph.nodes() {
            for slot in node_slots(graph, id) {
                let Ok(gradient) = gradients.get(&slot.path, slot.role) else { continue };
                let square: f64 = gradient.iter().map(|x| f64::from(*x).powi(2)).sum();
                *squares.entry(node.path.clone()).or_default() += square;
            }
        }
        progress.advance();
    }
    let root = |square: f64| (square / steps.max(1) as f64).sqrt();
    let norms = squares.into_iter().map(|(path, square)| (path, root(square))).collect();
    Ok(Gradients { images: batch * steps, norms })
}
