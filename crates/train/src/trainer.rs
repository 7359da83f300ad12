//! Training a network, epoch by epoch.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use inceptive_data::{Augmenter, Dataset, Partition, epoch_order};
use inceptive_engine::{TrainOptions, TrainPlan, TrainSession};
use inceptive_ir::{Graph, passes};
use inceptive_weights::Weights;
use serde::{Deserialize, Serialize};

use crate::{
    error::TrainError,
    evaluate::{classes_of, evaluate},
    initial::initial_weights,
    machine::Machine,
    recipe::Recipe,
    score::Evaluation,
};

/// What is trained.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The network, with its auxiliary heads.
    pub graph: &'a Graph,
    /// The images.
    pub data: &'a Dataset,
    /// How.
    pub recipe: &'a Recipe,
    /// Decides the first weights, the validation split, the order of images, and how they are changed.
    pub seed: u64,
}

/// A finished epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number, from 1 on.
    pub epoch: u32,
    /// The mean training loss of the network's own result, of images as they were changed.
    pub loss: f64,
    /// The share of training images that were right, in percent.
    pub train_top1: f64,
    /// The loss on the images that are held out, if there are any.
    pub val_loss: Option<f64>,
    /// The share of them that are right, in percent.
    pub val_top1: Option<f64>,
    /// The learning rate of its last step.
    pub learning_rate: f32,
    /// Seconds of its training steps.
    pub seconds: f64,
    /// Training images a second.
    pub images_per_s: f64,
}

/// How far an epoch is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The epoch, from 1 on.
    pub epoch: u32,
    /// Steps that are done, and steps of the epoch.
    pub step: u64,
    /// Steps of an epoch.
    pub steps: u64,
    /// The mean loss so far.
    pub loss: f64,
}

/// Checks that a network reads the images of a data set, and tells their classes.
///
/// # Errors
/// When it does not.
pub fn expect_fit(graph: &Graph, data: &Dataset) -> Result<(), TrainError> {
    let (input, images) = (graph.node(graph.input()).shape, data.shape());
    let is_same = input.channels() == images.channels
        && input.size().height == images.height
        && input.size().width == images.width;
    if !is_same {
        return Err(TrainError::Images { input, images });
    }
    let (network, classes) = (classes_of(graph), data.classes.len());
    match network == classes {
        true => Ok(()),
        false => Err(TrainError::Classes { network, data: classes }),
    }
}

/// A network that is being trained.
pub struct Trainer<'a> {
    pub(crate) task: Task<'a>,
    pub(crate) graph: Graph,
    machine: Machine,
    pub(crate) session: TrainSession,
    partition: Partition,
    augmenter: Augmenter,
    pub(crate) history: Vec<Epoch>,
}

impl<'a> Trainer<'a> {
    /// Starts with random weights.
    ///
    /// # Errors
    /// When data and network do not fit together, or the engine cannot train the network.
    pub fn new(task: Task<'a>, machine: Machine) -> Result<Self, TrainError> {
        let Task { graph, data, recipe, seed } = task;
        expect_fit(graph, data)?;
        let graph = match recipe.auxiliary {
            true => graph.clone(),
            false => graph.apply(&passes::drop_auxiliary(graph))?,
        };
        let partition = data.hold_out(recipe.held_out(data.train.len()), seed)?;
        let batch = recipe.batch as usize;
        if batch > partition.train.len() {
            return Err(TrainError::Batch { batch, images: partition.train.len() });
        }
        let stats = data.train.channel_stats(&partition.train);
        let augmenter = Augmenter::new(&recipe.augment, data.shape(), &stats, seed)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the engine computes in single precision"
        )]
        let narrow = |number: f64| number as f32;
        let plan = Arc::new(TrainPlan::new(
            &graph,
            TrainOptions {
                batch,
                threads: machine.threads,
                isa: machine.isa,
                most_bytes: machine.most_bytes,
                smoothing: narrow(recipe.label_smoothing),
                rule: recipe.rule(),
                clip: recipe.clip.map(narrow),
                momentum: narrow(recipe.norm_momentum),
                averages: recipe.average.is_some(),
            },
        )?);
        let session = TrainSession::new(plan, &initial_weights(&graph, seed))?;
        Ok(Self { task, graph, machine, session, partition, augmenter, history: Vec::new() })
    }

    /// Epochs that are finished.
    pub fn history(&self) -> &[Epoch] {
        &self.history
    }

    /// Whether the recipe is done.
    pub fn is_finished(&self) -> bool {
        self.history.len() >= self.task.recipe.epochs as usize
    }

    /// Steps of an epoch: images that do not fill a batch wait for another epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.partition.train.len() / self.task.recipe.batch as usize) as u64
    }

    /// The images that are held out, and the other ones.
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// The weights to be used: averages, if the recipe makes any.
    pub fn weights(&self) -> Weights {
        self.session.averages()
    }

    /// Trains the next epoch and evaluates the network on the images that are held out. After an error, take up the last
    /// checkpoint: the weights may be those of the midst of an epoch.
    ///
    /// # Errors
    /// When it was stopped, or the loss is no number any more.
    pub fn epoch(
        &mut self,
        stop: &AtomicBool,
        mut progress: impl FnMut(Progress),
    ) -> Result<&Epoch, TrainError> {
        let Task { data, recipe, seed, .. } = self.task;
        let index = u32::try_from(self.history.len()).unwrap_or(u32::MAX);
        let (epoch, steps) = (index.saturating_add(1), self.steps_per_epoch());
        let batch = recipe.batch as usize;
        let mut pixels = vec![0.0; batch * data.shape().pixels()];
        let mut labels = vec![0; batch];
        let order = epoch_order(&self.partition.train, seed, index);
        let (mut loss, mut right) = (0.0, 0);
        let start = Instant::now();
        let mut rates = recipe.rates(u64::from(index) * steps, steps);
        for (step, images) in (0..steps).zip(order.chunks_exact(batch)) {
            self.augmenter.fill(&data.train, images, index, &mut pixels);
            for (label, image) in labels.iter_mut().zip(images) {
                *label = u32::from(data.train.labels()[*image as usize]);
            }
            let before = u64::from(index) * steps + step;
            rates = recipe.rates(before, steps);
            // What dropout drops depends on the seed and the step.
            let key = seed ^ before.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let outcome = self.session.step(&pixels, &labels, rates, key, stop)?;
            let of_step = outcome.losses.first().copied().unwrap_or(f64::NAN);
            if !of_step.is_finite() {
                let (step, rate) = (step + 1, rates.learning);
                return Err(TrainError::Diverged { epoch, step, rate, loss: of_step });
            }
            loss += of_step;
            right += outcome.top1;
            let mean = loss / (step + 1) as f64;
            progress(Progress { epoch, step: step + 1, steps, loss: mean });
        }
        let seconds = start.elapsed().as_secs_f64();
        let trained = steps as f64 * batch as f64;
        let validation = self.validate(stop)?;
        self.history.push(Epoch {
            epoch,
            loss: loss / steps.max(1) as f64,
            train_top1: 100.0 * right as f64 / trained.max(1.0),
            val_loss: validation.as_ref().map(|found| found.loss),
            val_top1: validation.as_ref().map(Evaluation::top1_percent),
            learning_rate: rates.learning,
            seconds,
            images_per_s: trained / seconds.max(1e-9),
        });
        Ok(&self.history[self.history.len() - 1])
    }

    /// Evaluates the network on the images that are held out; `None` if there are none.
    fn validate(&self, stop: &AtomicBool) -> Result<Option<Evaluation>, TrainError> {
        let images = &self.partition.validation;
        if images.is_empty() {
            return Ok(None);
        }
        let split = (&self.augmenter, &self.task.data.train, images.as_slice());
        evaluate(&self.graph, self.weights(), split, self.machine, stop).map(Some)
    }

    /// Evaluates the network on the test set, which nothing else looks at.
    ///
    /// # Errors
    /// When it was stopped.
    pub fn test(&self, stop: &AtomicBool) -> Result<Evaluation, TrainError> {
        let images = self.task.data.test.indices();
        let split = (&self.augmenter, &self.task.data.test, images.as_slice());
        evaluate(&self.graph, self.weights(), split, self.machine, stop)
    }
}
