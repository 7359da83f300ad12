//! Checkpoints: the state of a training run, or its final weights, in one safetensors file.

use std::{collections::HashMap, sync::atomic::AtomicBool};

use inceptive_data::Checksum;
use inceptive_ir::Graph;
use inceptive_weights::{
    FormatError, Missing, Named, SafeTensorError, Source, TensorFile, Weights, digest_of, slots,
    tensors_with_texts,
};
use serde::{Deserialize, Serialize};

use crate::{
    backend::Backend,
    error::TrainError,
    machine::Machine,
    trainer::{Epoch, PYTORCH, Task, Trainer},
};

/// The only metadata key. Its value is the SHA-256 of everything else, a space, and the [`CheckpointInfo`]. The safetensors
/// writer does not keep the order of keys: with two keys, equal runs could give different bytes.
const ABOUT: &str = "inceptive.training";

/// The version of the metadata.
const VERSION: u32 = 2;

/// Maximum duration of an epoch in seconds: 30 years, so that sums stay finite.
const MAX_SECONDS: f64 = 1e9;

/// Maximum number of training images per second, beyond any machine.
const MAX_IMAGES_PER_S: f64 = 1e12;

/// Prefixes of tensor names: weights, their averages, and the optimizer's state.
const WEIGHTS: &str = "";
const AVERAGES: &str = "average/";
const STATE: &str = "optimizer/";

/// The training run that a checkpoint belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointInfo {
    version: u32,
    /// Fingerprint of the network that was trained, with its auxiliary heads and dropout.
    pub network: String,
    /// The same fingerprint with the paths of its nodes; `None` in files of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_with_paths: Option<String>,
    /// Fingerprint of the data set.
    pub data: String,
    /// Fingerprint of the recipe.
    pub recipe: String,
    /// The seed.
    pub seed: u64,
    /// Training images that were held out for validation.
    pub held_out: usize,
    /// Whether it has averaged weights, which are then used for inference.
    pub averages: bool,
    /// What computed it: an instruction set of the native engine, or `pytorch` with the device.
    isa: String,
    /// Finished epochs; empty in a file of trained weights.
    pub history: Vec<Epoch>,
}

impl CheckpointInfo {
    /// Reads the metadata of a safetensors file; `None` if it is not a checkpoint.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn read(checkpoint: &dyn Source) -> Result<Option<Self>, CheckpointError> {
        Self::of(&TensorFile::open(checkpoint)?)
    }

    fn of(file: &TensorFile<'_>) -> Result<Option<Self>, CheckpointError> {
        let Some(text) = file.text(ABOUT) else { return Ok(None) };
        let (written, about) = text.split_once(' ').ok_or(CheckpointError::About(None))?;
        if written != digest(about, &file.digest()?) {
            return Err(CheckpointError::Damaged);
        }
        let found =
            serde_json::from_str(about).map_err(|error| CheckpointError::About(Some(error)))?;
        Ok(Some(found))
    }

    /// Reads the weights of a graph for inference from the checkpoint that this was read from.
    ///
    /// # Errors
    /// When some are missing, or have another shape.
    pub fn weights(
        &self,
        checkpoint: &dyn Source,
        graph: &Graph,
    ) -> Result<Weights, CheckpointError> {
        let file = TensorFile::open(checkpoint)?;
        read_weights(&file, graph, if self.averages { AVERAGES } else { WEIGHTS })
    }
}

/// The weights of a graph whose names have a prefix.
fn read_weights(
    file: &TensorFile<'_>,
    graph: &Graph,
    prefix: &str,
) -> Result<Weights, CheckpointError> {
    let mut weights = Weights::default();
    for slot in slots(graph) {
        let name = format!("{prefix}{slot}");
        let Some(tensor) = file.tensor(&name)? else { return Err(Missing(name).into()) };
        if tensor.shape != slot.shape {
            let (found, expected) = (tensor.shape, slot.shape);
            return Err(CheckpointError::Shape { name, found, expected });
        }
        weights.set(slot.path, slot.role, tensor.values);
    }
    Ok(weights)
}

/// A checkpoint cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It is not a checkpoint.
    #[error("the file is not a checkpoint")]
    Format(#[from] FormatError),
    /// Its metadata cannot be read.
    #[error("the metadata of the checkpoint cannot be read")]
    About(#[source] Option<serde_json::Error>),
    /// It has changed since it was written.
    #[error("the checkpoint is damaged: it does not match its checksum")]
    Damaged,
    /// Its history cannot be that of a training run.
    #[error("the history of the checkpoint is impossible")]
    History,
    /// It belongs to another training run.
    #[error("the checkpoint was written with a different {0}")]
    Other(&'static str),
    /// A tensor has another shape.
    #[error("`{name}` has the shape {found:?}; the network needs {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The network's.
        expected: Vec<usize>,
    },
    /// A tensor is missing.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] SafeTensorError),
    /// The training cannot start.
    #[error(transparent)]
    Train(#[from] TrainError),
}

impl Trainer<'_> {
    fn about(&self) -> CheckpointInfo {
        let Task { graph, data, recipe, seed } = self.task;
        CheckpointInfo {
            version: VERSION,
            network: graph.fingerprint().to_string(),
            network_with_paths: Some(graph.fingerprint_with_paths().to_string()),
            data: data.fingerprint().to_string(),
            recipe: recipe.fingerprint().to_string(),
            seed,
            held_out: self.partition().validation.len(),
            averages: recipe.average.is_some(),
            isa: self.computed_by(),
            history: self.history.clone(),
        }
    }

    /// The state of the training run as a safetensors file. Weights have their usual names, so the file can also be used as
    /// a weights file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn checkpoint(&self) -> Result<Vec<u8>, CheckpointError> {
        let (weights, averages) = (self.session.weights()?, self.session.averages()?);
        let state = self.session.state()?;
        let slots = slots(&self.graph);
        let names: Vec<[String; 2]> = slots
            .iter()
            .map(|slot| [format!("{WEIGHTS}{slot}"), format!("{AVERAGES}{slot}")])
            .collect();
        let states: Vec<(String, [usize; 1])> =
            state.iter().enumerate().map(|(at, s)| (format!("{STATE}{at}"), [s.len()])).collect();
        let mut tensors: Vec<Named<'_>> = Vec::new();
        for (slot, [weight, average]) in slots.iter().zip(&names) {
            tensors.push((weight, &slot.shape, weights.get(&slot.path, slot.role)?));
            if self.task.recipe.average.is_some() {
                tensors.push((average, &slot.shape, averages.get(&slot.path, slot.role)?));
            }
        }
        for ((name, shape), numbers) in states.iter().zip(&state) {
            tensors.push((name, shape, numbers));
        }
        with_info(&tensors, &self.about())
    }

    /// The trained weights, averaged if the recipe has `average`, as a safetensors file with the metadata of the training
    /// run. The same training gives the same bytes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn trained(&self) -> Result<Vec<u8>, CheckpointError> {
        let (weights, slots) = (self.weights()?, slots(&self.graph));
        let names: Vec<String> = slots.iter().map(ToString::to_string).collect();
        let mut tensors: Vec<Named<'_>> = Vec::new();
        for (slot, name) in slots.iter().zip(&names) {
            tensors.push((name, &slot.shape, weights.get(&slot.path, slot.role)?));
        }
        // The history contains durations, which would change the bytes.
        with_info(&tensors, &CheckpointInfo { averages: false, history: vec![], ..self.about() })
    }
}

fn with_info(tensors: &[Named<'_>], info: &CheckpointInfo) -> Result<Vec<u8>, CheckpointError> {
    let about = serde_json::to_string(info).map_err(|error| CheckpointError::About(Some(error)))?;
    let text = format!("{} {about}", digest(&about, &digest_of(tensors)));
    Ok(tensors_with_texts(tensors, HashMap::from([(ABOUT.to_owned(), text)]))?)
}

fn digest(about: &str, of_tensors: &str) -> String {
    Checksum::of(format!("{of_tensors}{about}").as_bytes()).to_string()
}

/// Whether a training goes on from what another backend computed. Different instruction sets of the native engine would give
/// different bits, without being asked for.
fn may_follow(found: &str, own: &str) -> bool {
    found == own || [found, own].iter().any(|one| one.starts_with(PYTORCH))
}

/// Whether a history is possible for a training run with this number of epochs.
fn is_plausible(history: &[Epoch], epochs: u32) -> bool {
    let is_amount = |x: f64| x.is_finite() && x >= 0.0;
    let is_duration = |x: f64| (0.0..=MAX_SECONDS).contains(&x);
    let is_percent = |x: f64| (0.0..=100.0).contains(&x);
    history.len() <= epochs as usize
        && history.iter().zip(1..).all(|(epoch, number)| {
            epoch.epoch == number
                && [epoch.loss, f64::from(epoch.learning_rate)]
                    .into_iter()
                    .chain(epoch.val_loss)
                    .all(is_amount)
                && [epoch.seconds, epoch.validation_seconds].into_iter().all(is_duration)
                && (0.0..=MAX_IMAGES_PER_S).contains(&epoch.images_per_s)
                && [epoch.train_top1].into_iter().chain(epoch.val_top1).all(is_percent)
        })
}

impl<'a> Trainer<'a> {
    /// Resumes from a checkpoint, see [`Trainer::new`]. The results are bit-identical to those without an interruption, unless
    /// another backend wrote the checkpoint.
    ///
    /// # Errors
    /// When the checkpoint is damaged or belongs to another training run, training cannot start, or it was stopped.
    pub fn resume(
        task: Task<'a>,
        backend: &'a Backend,
        machine: Machine,
        checkpoint: &[u8],
        stop: &AtomicBool,
    ) -> Result<Self, CheckpointError> {
        let mut trainer = Self::new(task, backend, machine, stop)?;
        trainer.history = trainer.restore(checkpoint, |_| true)?;
        Ok(trainer)
    }

    /// Goes back to the checkpoint after the last finished epoch.
    pub(crate) fn go_back_to(&mut self, checkpoint: &[u8]) -> Result<(), CheckpointError> {
        let epochs = self.history.len();
        self.restore(checkpoint, |history| history.len() == epochs).map(drop)
    }

    /// Replaces weights, averages and the optimizer's state by those of a checkpoint, if its history is the expected one;
    /// returns the history.
    fn restore(
        &mut self,
        checkpoint: &[u8],
        is_expected: impl FnOnce(&[Epoch]) -> bool,
    ) -> Result<Vec<Epoch>, CheckpointError> {
        let file = TensorFile::open(&checkpoint)?;
        let found = CheckpointInfo::of(&file)?.ok_or(CheckpointError::About(None))?;
        let own = self.about();
        for (what, is_same) in [
            ("version", found.version == own.version),
            ("network", found.network == own.network),
            ("names of the layers", found.network_with_paths == own.network_with_paths),
            ("data set", found.data == own.data),
            ("recipe", found.recipe == own.recipe),
            ("seed", found.seed == own.seed),
            ("instruction set", may_follow(&found.isa, &own.isa)),
            ("number of validation images", found.held_out == own.held_out),
            ("use of averages", found.averages == own.averages),
            ("number of epochs", is_expected(&found.history)),
        ] {
            if !is_same {
                return Err(CheckpointError::Other(what));
            }
        }
        if !is_plausible(&found.history, self.task.recipe.epochs) {
            return Err(CheckpointError::History);
        }
        let read = |prefix| read_weights(&file, &self.graph, prefix);
        let weights = read(WEIGHTS)?;
        let averages = if own.averages { Some(read(AVERAGES)?) } else { None };
        let mut state = Vec::new();
        for index in 0..self.task.recipe.rule().states() {
            let name = format!("{STATE}{index}");
            state.push(file.tensor(&name)?.ok_or(Missing(name))?.values);
        }
        self.session.set_weights(&weights)?;
        if let Some(averages) = averages {
            self.session.set_averages(&averages)?;
        }
        let steps = found.history.len() as u64 * self.steps_per_epoch();
        if !self.session.set_state(&state, steps)? {
            return Err(CheckpointError::Other("optimizer"));
        }
        Ok(found.history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_histories_are_found() {
        let epoch = |epoch| Epoch {
            epoch,
            loss: 0.5,
            train_top1: 80.0,
            val_loss: Some(0.6),
            val_top1: None,
            learning_rate: 0.1,
            seconds: 2.0,
            validation_seconds: 0.1,
            images_per_s: 900.0,
        };
        let history = [epoch(1), epoch(2)];
        assert!(is_plausible(&history, 2) && is_plausible(&[], 2));
        assert!(!is_plausible(&history, 1) && !is_plausible(&history[1..], 2));
        let changes: [fn(&mut Epoch); 9] = [
            |it| it.epoch = 77,
            |it| it.loss = f64::NAN,
            |it| it.seconds = -1.0,
            |it| it.seconds = 1.7e308,
            |it| it.validation_seconds = 1e10,
            |it| it.images_per_s = 1e300,
            |it| it.learning_rate = f32::INFINITY,
            |it| it.val_top1 = Some(1e5),
            |it| it.val_loss = Some(f64::INFINITY),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let mut changed = history.clone();
            change(&mut changed[1]);
            assert!(!is_plausible(&changed, 2), "{at}");
        }
    }
}
