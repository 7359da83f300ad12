//! Training steps.

use std::sync::{Arc, atomic::AtomicBool};

use inceptive_kernels::{
    Feed, Rates,
    program::{self, RunError, Runner, Times},
    step::OUTCOMES,
};
use inceptive_weights::{Missing, Weights};

use super::{TrainOptions, TrainPlan};

/// A network that is being trained.
pub struct TrainSession {
    plan: Arc<TrainPlan>,
    runner: Runner,
    outcomes: Vec<f32>,
}

/// Why a step was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrainError {
    /// The run was stopped, or an input has the wrong length.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A label is not a class of the network.
    #[error(
        "image {image} has label {label}, but the network has {classes} classes, numbered from 0"
    )]
    Label {
        /// The label.
        label: u32,
        /// The index of the image in the batch.
        image: usize,
        /// Number of classes of the network.
        classes: usize,
    },
}

/// The losses and accuracy of a step, before it changed the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The mean losses of the network and of each auxiliary head, not multiplied by the heads' weights.
    pub losses: Vec<f64>,
    /// Number of images for which the right class has the largest logit.
    pub top1: usize,
    /// Number of images for which the logit of the right class is among the five largest.
    pub top5: usize,
}

impl TrainSession {
    /// Allocates memory, starts threads, and copies the weights. It returns early, soon after `stop` is set.
    ///
    /// # Errors
    /// When weights are missing, the system has no more threads or memory, or it was stopped.
    pub fn new(
        plan: Arc<TrainPlan>,
        weights: &Weights,
        stop: &AtomicBool,
    ) -> Result<Self, StartError> {
        let TrainOptions { isa, threads, .. } = plan.options;
        let runner = Runner::new(Arc::clone(&plan.program), isa, threads, stop)?;
        let outcomes = vec![0.0; plan.program.output_len()];
        let mut session = Self { plan, runner, outcomes };
        session.set_weights(weights)?;
        session.set_averages(weights)?;
        Ok(session)
    }

    /// The plan.
    pub fn plan(&self) -> &TrainPlan {
        &self.plan
    }

    /// Replaces the weights. The optimizer's state does not change.
    ///
    /// # Errors
    /// When some are missing.
    pub fn set_weights(&mut self, weights: &Weights) -> Result<(), Missing> {
        let plan = Arc::clone(&self.plan);
        for tensor in plan.tensors.iter() {
            let values = weights.get(&tensor.path, tensor.role)?;
            if values.len() != tensor.len {
                return Err(Missing(format!("{}.{}", tensor.path, tensor.role.name())));
            }
            tensor.write(values, self.runner.numbers_mut(tensor.values.buffer));
        }
        Ok(())
    }

    /// The averages of the parameters, or the parameters where there are no averages, and the current running statistics.
    pub fn averages(&self) -> Weights {
        let mut weights = Weights::default();
        for tensor in self.plan.tensors.iter() {
            let view = tensor.average.unwrap_or(tensor.values);
            let values = tensor.read(self.runner.numbers(view.buffer));
            weights.set(tensor.path.clone(), tensor.role, values);
        }
        weights
    }

    /// Replaces the averages, if there are any.
    ///
    /// # Errors
    /// When some are missing.
    pub fn set_averages(&mut self, weights: &Weights) -> Result<(), Missing> {
        let plan = Arc::clone(&self.plan);
        for tensor in plan.tensors.iter() {
            let Some(view) = tensor.average else { continue };
            let values = weights.get(&tensor.path, tensor.role)?;
            if values.len() != tensor.len {
                return Err(Missing(format!("{}.{}", tensor.path, tensor.role.name())));
            }
            tensor.write(values, self.runner.numbers_mut(view.buffer));
        }
        Ok(())
    }

    /// The current weights and running statistics.
    pub fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        for tensor in self.plan.tensors.iter() {
            let values = tensor.read(self.runner.numbers(tensor.values.buffer));
            weights.set(tensor.path.clone(), tensor.role, values);
        }
        weights
    }

    /// The gradients of the last step.
    pub fn gradients(&self) -> Weights {
        let mut gradients = Weights::default();
        for tensor in self.plan.tensors.iter() {
            if let Some(gradient) = tensor.gradient() {
                let values = tensor.read(self.runner.numbers(gradient.buffer));
                gradients.set(tensor.path.clone(), tensor.role, values);
            }
        }
        gradients
    }

    /// The optimizer's state: for each of its vectors, the numbers of all tensors, concatenated.
    pub fn state(&self) -> Vec<Vec<f32>> {
        let rule = self.plan.options.rule;
        let of = |index: usize| {
            let tensors = self.plan.tensors.iter();
            let numbers = tensors.filter_map(|tensor| {
                let view = tensor.states.get(index)?;
                Some(tensor.read(self.runner.numbers(view.buffer)))
            });
            numbers.flatten().collect()
        };
        (0..rule.states()).map(of).collect()
    }

    /// Restores the state of the optimizer from [`TrainSession::state`].
    ///
    /// # Errors
    /// When it belongs to another network or optimizer; then nothing is changed.
    pub fn set_state(&mut self, state: &[Vec<f32>]) -> Result<(), StateError> {
        let plan = Arc::clone(&self.plan);
        let len: usize = plan.tensors.iter().filter(|t| !t.states.is_empty()).map(|t| t.len).sum();
        if state.len() != plan.options.rule.states() || state.iter().any(|s| s.len() != len) {
            return Err(StateError);
        }
        for (index, numbers) in state.iter().enumerate() {
            let mut rest = numbers.as_slice();
            for tensor in plan.tensors.iter() {
                let Some(view) = tensor.states.get(index) else { continue };
                let (own, others) = rest.split_at(tensor.len);
                tensor.write(own, self.runner.numbers_mut(view.buffer));
                rest = others;
            }
        }
        Ok(())
    }

    /// Takes a step on a batch: `batch x channels x height x width` numbers and a label for each image. `seed` determines
    /// dropout. If the step is stopped, weights and state may be partly updated; restore them from a copy.
    ///
    /// # Errors
    /// When it was stopped, a length is wrong or a label is not a class.
    pub fn step(
        &mut self,
        images: &[f32],
        labels: &[u32],
        rates: Rates,
        seed: u64,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        self.check(labels)?;
        let feed = Feed { input: images, labels, rates, seed };
        self.runner.run_fed(feed, &mut self.outcomes, stop)?;
        Ok(self.outcome())
    }

    /// Takes a step and measures the time of each phase.
    ///
    /// # Errors
    /// See [`TrainSession::step`].
    pub fn step_timed(
        &mut self,
        images: &[f32],
        labels: &[u32],
        rates: Rates,
        seed: u64,
    ) -> Result<Times, TrainError> {
        self.check(labels)?;
        let feed = Feed { input: images, labels, rates, seed };
        let stop = AtomicBool::new(false);
        Ok(self.runner.run_fed_timed(feed, &mut self.outcomes, &stop)?)
    }

    /// The steps of each phase, as `operator node`.
    pub fn phases(&self) -> &[Vec<String>] {
        &self.plan.labels
    }

    fn check(&self, labels: &[u32]) -> Result<(), TrainError> {
        let classes = self.plan.classes;
        let wrong = labels.iter().position(|&label| label as usize >= classes);
        match wrong {
            Some(image) => Err(TrainError::Label { label: labels[image], image, classes }),
            None => Ok(()),
        }
    }

    fn outcome(&self) -> Outcome {
        let batch = self.plan.options.batch;
        let heads = self.outcomes.chunks_exact(batch * OUTCOMES);
        let mean = |head: &[f32]| {
            let losses = head.chunks_exact(OUTCOMES).map(|of_image| f64::from(of_image[0]));
            losses.sum::<f64>() / batch as f64
        };
        let ranks = self.outcomes.chunks_exact(OUTCOMES).take(batch).map(|of_image| of_image[1]);
        Outcome {
            losses: heads.map(mean).collect(),
            top1: ranks.clone().filter(|rank| *rank < 1.0).count(),
            top5: ranks.filter(|rank| *rank < 5.0).count(),
        }
    }
}

/// Training cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Weights are missing.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The system has no more threads or memory, or it was stopped.
    #[error(transparent)]
    Start(#[from] program::StartError),
}

/// The optimizer's state is that of another network or optimizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state of the optimizer belongs to another network or another optimizer")]
pub struct StateError;
