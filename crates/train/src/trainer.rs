//! Training a network, epoch by epoch.

use std::{
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use inceptive_data::{Augmenter, Dataset, Partition, Split, Views, epoch_order};
use inceptive_engine::{Outcome, Rates};
use inceptive_ir::{Graph, passes};
use inceptive_results::Accelerator;
use inceptive_weights::Weights;
use serde::{Deserialize, Serialize};

use crate::{
    backend::{Backend, Session},
    cause::find_cause,
    error::{Cause, TrainError},
    evaluate::{EVALUATION_BATCH, Images, classes_of, evaluate},
    fit::{expect_fit, expect_heads},
    initial::initial_weights,
    machine::Machine,
    recipe::Recipe,
    score::Evaluation,
};

/// How a checkpoint says that PyTorch computed, before the device.
pub(crate) const PYTORCH: &str = "pytorch";

/// A network to train, with its data set and recipe.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The network, with its auxiliary heads.
    pub graph: &'a Graph,
    /// The images.
    pub data: &'a Dataset,
    /// The recipe.
    pub recipe: &'a Recipe,
    /// Determines initial weights, validation images, the order of images, augmentation and dropout.
    pub seed: u64,
}

/// A finished epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number, counted from 1.
    pub epoch: u32,
    /// The mean training loss, on augmented images and without the losses of auxiliary heads.
    pub loss: f64,
    /// The training accuracy in percent, on augmented images.
    pub train_top1: f64,
    /// The validation loss; `None` without validation images.
    pub val_loss: Option<f64>,
    /// The validation accuracy in percent; `None` without validation images.
    pub val_top1: Option<f64>,
    /// The learning rate of its last step.
    pub learning_rate: f32,
    /// Duration of its training steps in seconds, without validation.
    pub seconds: f64,
    /// Duration of its validation in seconds.
    pub validation_seconds: f64,
    /// Training images per second.
    pub images_per_s: f64,
}

/// Progress within an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The epoch, counted from 1.
    pub epoch: u32,
    /// Number of finished steps.
    pub step: u64,
    /// Steps per epoch.
    pub steps: u64,
    /// The mean loss of the epoch so far.
    pub loss: f64,
    /// The loss of this step.
    pub step_loss: f64,
    /// The share of training images of the epoch that were right so far, in percent.
    pub top1: f64,
}

/// A network that is being trained.
pub struct Trainer<'a> {
    pub(crate) task: Task<'a>,
    pub(crate) graph: Graph,
    machine: Machine,
    pub(crate) session: Session<'a>,
    partition: Partition,
    augmenter: Augmenter,
    pub(crate) history: Vec<Epoch>,
}

impl<'a> Trainer<'a> {
    /// Starts with random weights. Allocating memory takes a while, so it returns early, soon after `stop` is set.
    ///
    /// # Errors
    /// When data and network do not fit together, the backend is not there or cannot train the network, or it was stopped.
    pub fn new(
        task: Task<'a>,
        backend: &'a Backend,
        machine: Machine,
        stop: &AtomicBool,
    ) -> Result<Self, TrainError> {
        let Task { graph, data, recipe, seed } = task;
        expect_fit(graph, data)?;
        let graph = match recipe.auxiliary {
            true => graph.clone(),
            false => graph.apply(&passes::drop_auxiliary(graph))?,
        };
        expect_heads(&graph, data)?;
        let partition = data.hold_out(recipe.held_out(data.train.len()), seed)?;
        let batch = recipe.batch as usize;
        if batch > partition.train.len() {
            return Err(TrainError::Batch { batch, images: partition.train.len() });
        }
        let stats = data.train.channel_stats(&partition.train);
        let augmenter = Augmenter::new(&recipe.augment, data.shape(), &stats, seed)?;
        let session = Session::new(backend, (&graph, recipe, seed), machine, stop)?;
        let history = Vec::new();
        Ok(Self { task, graph, machine, session, partition, augmenter, history })
    }

    /// Epochs that are finished.
    pub fn history(&self) -> &[Epoch] {
        &self.history
    }

    /// Whether all epochs are finished.
    pub fn is_finished(&self) -> bool {
        self.history.len() >= self.task.recipe.epochs as usize
    }

    /// Threads that compute.
    pub fn threads(&self) -> usize {
        self.machine.threads
    }

    /// What computes it, in the words of a checkpoint: an instruction set of the native engine, or `pytorch` with the device.
    pub(crate) fn computed_by(&self) -> String {
        match &self.session {
            Session::Native(_) => self.machine.isa.name().to_owned(),
            Session::PyTorch(session) => format!("{PYTORCH} {}", session.device()),
        }
    }

    /// The instruction set of the processor that computes; `None` where the backend does not say.
    pub fn isa(&self) -> Option<&str> {
        match &self.session {
            Session::Native(_) => Some(self.machine.isa.name()),
            Session::PyTorch(session) => session.isa(),
        }
    }

    /// The version of PyTorch, if it computes.
    pub fn pytorch_version(&self) -> Option<&str> {
        match &self.session {
            Session::Native(_) => None,
            Session::PyTorch(session) => Some(session.version()),
        }
    }

    /// The device that computes, if that is not the processor.
    pub fn accelerator(&self) -> Option<Accelerator> {
        match &self.session {
            Session::Native(_) => None,
            Session::PyTorch(session) => session.accelerator(),
        }
    }

    /// Steps per epoch. The last images of an epoch are skipped if they do not fill a batch.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.partition.train.len() / self.task.recipe.batch as usize) as u64
    }

    /// The training and the validation images.
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// The weights for evaluation: the averages, if the recipe has `average`.
    ///
    /// # Errors
    /// When the backend fails.
    pub fn weights(&self) -> Result<Weights, TrainError> {
        self.session.averages()
    }

    /// Trains the next epoch and evaluates the network on the validation images. The time spent in `progress` is
    /// not counted, so it may block. If the loss is NaN or infinite, `last` reads the checkpoint of the previous epoch, from
    /// which the steps are repeated to find the cause. After an error, resume from that checkpoint: a part of the epoch
    /// may have changed the weights.
    ///
    /// # Errors
    /// When it was stopped, or the loss is NaN or infinite.
    pub fn epoch(
        &mut self,
        stop: &AtomicBool,
        last: impl FnOnce() -> Option<Vec<u8>>,
        mut progress: impl FnMut(Progress),
    ) -> Result<&Epoch, TrainError> {
        let Task { data, recipe, seed, .. } = self.task;
        let index = u32::try_from(self.history.len()).unwrap_or(u32::MAX);
        let (epoch, steps) = (index.saturating_add(1), self.steps_per_epoch());
        let batch = recipe.batch as usize;
        let of_image = data.shape().pixels();
        let order = epoch_order(&self.partition.train, seed, index);
        let batches: Vec<&[u32]> = order.chunks_exact(batch).collect();
        let mut pixels = self.first_pixels(&batches);
        let (mut loss, mut right) = (0.0, 0);
        let (start, mut told) = (Instant::now(), Duration::ZERO);
        let mut rates = recipe.rates(u64::from(index) * steps, steps);
        for (step, at) in (0..steps).zip(0..) {
            let outcome;
            (outcome, rates) =
                self.step(u64::from(index) * steps + step, &batches[at..], &mut pixels, stop)?;
            let of_step = outcome.losses.first().copied().unwrap_or(f64::NAN);
            if !of_step.is_finite() {
                let cause = self.cause(last, &batches[..=at], stop)?;
                let (step, rate) = (step + 1, rates.learning);
                return Err(TrainError::Diverged { epoch, step, rate, loss: of_step, cause });
            }
            loss += of_step;
            right += outcome.top1;
            let done = (step + 1) as f64;
            let call = Instant::now();
            progress(Progress {
                epoch,
                step: step + 1,
                steps,
                loss: loss / done,
                step_loss: of_step,
                top1: 100.0 * right as f64 / (done * batch as f64),
            });
            told += call.elapsed();
        }
        let seconds = start.elapsed().saturating_sub(told).as_secs_f64();
        let trained = steps as f64 * batch as f64;
        let start = Instant::now();
        let validation = self.validate(stop)?;
        let validation_seconds = start.elapsed().as_secs_f64();
        if let Some(Evaluation { loss, .. }) = validation
            && !loss.is_finite()
        {
            let images = &self.partition.validation[..batch.min(self.partition.validation.len())];
            let mut pixels = vec![0.0; images.len() * of_image];
            self.augmenter.fill_plain(&data.train, images, &mut pixels);
            let seen = (pixels.as_slice(), images.len());
            let cause = find_cause(&self.graph, &self.weights()?, seen, self.machine, stop)?;
            let (step, rate) = (steps, rates.learning);
            return Err(TrainError::Diverged { epoch, step, rate, loss, cause });
        }
        self.history.push(Epoch {
            epoch,
            loss: loss / steps.max(1) as f64,
            train_top1: 100.0 * right as f64 / trained.max(1.0),
            val_loss: validation.as_ref().map(|found| found.loss),
            val_top1: validation.as_ref().map(Evaluation::top1_percent),
            learning_rate: rates.learning,
            seconds,
            validation_seconds,
            images_per_s: trained / seconds.max(1e-9),
        });
        Ok(&self.history[self.history.len() - 1])
    }

    /// The epoch that is trained, counted from 0.
    fn epoch_index(&self) -> u32 {
        u32::try_from(self.history.len()).unwrap_or(u32::MAX)
    }

    /// The pixels of the first of some batches, and room for those of the second.
    fn first_pixels(&self, batches: &[&[u32]]) -> [Vec<f32>; 2] {
        let Some(images) = batches.first() else { return Default::default() };
        let room = vec![0.0; images.len() * self.task.data.shape().pixels()];
        let mut pixels = [room.clone(), room];
        self.augmenter.fill(&self.task.data.train, images, self.epoch_index(), &mut pixels[0]);
        pixels
    }

    /// Takes a step with the first of some batches, whose pixels are the first; the first step of the training is 0. Makes the
    /// pixels of the second batch the first, which are prepared meanwhile. Returns the result of the step and its rates.
    fn step(
        &mut self,
        step: u64,
        batches: &[&[u32]],
        pixels: &mut [Vec<f32>; 2],
        stop: &AtomicBool,
    ) -> Result<(Outcome, Rates), TrainError> {
        let Task { data, recipe, seed, .. } = self.task;
        let (index, augmenter) = (self.epoch_index(), &self.augmenter);
        let labels = data.train.labels_of(batches[0]);
        let rates = recipe.rates(step, self.steps_per_epoch());
        // Dropout depends on the seed and the step.
        let key = seed ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let [now, next] = pixels;
        let prepare = || {
            if let Some(images) = batches.get(1) {
                augmenter.fill(&data.train, images, index, next);
            }
        };
        let outcome = self.session.step(now, &labels, rates, key, stop, prepare)?;
        pixels.swap(0, 1);
        Ok((outcome, rates))
    }

    /// Goes back to the start of the epoch: to random weights, or to the last checkpoint. Returns whether that is possible.
    fn go_back(&mut self, last: impl FnOnce() -> Option<Vec<u8>>) -> Result<bool, TrainError> {
        if !self.history.is_empty() {
            return Ok(last().is_some_and(|checkpoint| self.go_back_to(&checkpoint).is_ok()));
        }
        let weights = initial_weights(&self.graph, self.task.seed);
        self.session.set_weights(&weights)?;
        self.session.set_averages(&weights)?;
        let mut state = self.session.state()?;
        state.iter_mut().for_each(|numbers| numbers.fill(0.0));
        self.session.set_state(&state, 0)
    }

    /// Finds why the loss of the last of these steps is NaN or infinite. That step has spread it to all weights, so the steps
    /// before it are repeated from the start of the epoch.
    fn cause(
        &mut self,
        last: impl FnOnce() -> Option<Vec<u8>>,
        taken: &[&[u32]],
        stop: &AtomicBool,
    ) -> Result<Cause, TrainError> {
        if !self.go_back(last)? {
            return Ok(Cause::Unknown);
        }
        let Some(last) = taken.last() else { return Ok(Cause::Loss) };
        let mut pixels = self.first_pixels(taken);
        let first = self.history.len() as u64 * self.steps_per_epoch();
        for (step, at) in (first..).zip(0..taken.len() - 1) {
            self.step(step, &taken[at..], &mut pixels, stop)?;
        }
        let weights = self.session.weights()?;
        match find_cause(&self.graph, &weights, (&pixels[0], last.len()), self.machine, stop) {
            // There is no memory for the outputs of all layers beside the training.
            Err(TrainError::Plan(_) | TrainError::Start(_)) => Ok(Cause::Unknown),
            found => found,
        }
    }

    /// Takes steps for about this time, and returns images per second. The weights are useless afterwards.
    ///
    /// # Errors
    /// When it was stopped.
    pub fn measure_speed(&mut self, time: Duration, stop: &AtomicBool) -> Result<f64, TrainError> {
        let Task { data, seed, .. } = self.task;
        let batch = self.task.recipe.batch as usize;
        let mut pixels = vec![0.0; batch * data.shape().pixels()];
        let order = epoch_order(&self.partition.train, seed, 0);
        let (mut steps, mut start) = (0_u32, Instant::now());
        for images in order.chunks_exact(batch).cycle() {
            self.augmenter.fill(&data.train, images, 0, &mut pixels);
            let labels = data.train.labels_of(images);
            let rates = Rates { learning: 0.0, ..self.task.recipe.rates(0, 1) };
            self.session.step(&pixels, &labels, rates, seed, stop, || ())?;
            steps += 1;
            // The first step fills caches.
            if steps == 1 {
                start = Instant::now();
            } else if start.elapsed() >= time {
                break;
            }
        }
        let images = f64::from(steps.saturating_sub(1)) * batch as f64;
        Ok(images / start.elapsed().as_secs_f64().max(1e-9))
    }

    /// Evaluates the network on the validation images; `None` if there are none.
    fn validate(&self, stop: &AtomicBool) -> Result<Option<Evaluation>, TrainError> {
        let images = &self.partition.validation;
        if images.is_empty() {
            return Ok(None);
        }
        self.evaluate(&self.task.data.train, images, stop).map(Some)
    }

    /// Evaluates the network on the test images, which are used for nothing else.
    ///
    /// # Errors
    /// When it was stopped.
    pub fn test(&self, stop: &AtomicBool) -> Result<Evaluation, TrainError> {
        self.evaluate(&self.task.data.test, &self.task.data.test.indices(), stop)
    }

    fn evaluate(
        &self,
        split: &Split,
        indices: &[u32],
        stop: &AtomicBool,
    ) -> Result<Evaluation, TrainError> {
        let augmenter = &self.augmenter;
        let session = match &self.session {
            Session::Native(_) => {
                let images = (augmenter, split, indices);
                return evaluate(&self.graph, self.weights()?, images, self.machine, stop);
            }
            Session::PyTorch(session) => session,
        };
        let graph = passes::inference(&self.graph)?;
        let images = Images { augmenter, split, indices };
        let batch = images.batch(EVALUATION_BATCH);
        let run = |pixels: &[f32], _| session.predict(pixels, stop);
        let results = images.evaluate(&Views::One.of(split.shape()), batch, &graph, run)?;
        Ok(Evaluation::of(&results, classes_of(&graph)))
    }
}
