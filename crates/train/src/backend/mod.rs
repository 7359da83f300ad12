//! What computes the steps of a training: the native engine, or PyTorch in a process of its own.

mod pytorch;

use std::sync::{Arc, atomic::AtomicBool};

use inceptive_engine::{Outcome, Rates, TrainOptions, TrainPlan, TrainSession};
use inceptive_ir::Graph;
use inceptive_weights::Weights;

pub use pytorch::PyTorch;

use crate::{error::TrainError, initial::initial_weights, machine::Machine, recipe::Recipe};
use pytorch::PyTorchSession;

/// What computes the steps of a training.
#[derive(Debug, Default)]
pub enum Backend {
    /// The native engine.
    #[default]
    Native,
    /// PyTorch.
    PyTorch(PyTorch),
}

/// A network that is being trained, by one of the backends. Weights, averages and the optimizer's state are the same for all.
pub(crate) enum Session<'a> {
    Native(Box<TrainSession>),
    PyTorch(Box<PyTorchSession<'a>>),
}

#[expect(clippy::cast_possible_truncation, reason = "the engine computes in single precision")]
fn narrow(number: f64) -> f32 {
    number as f32
}

/// The plan of a step of the native engine.
fn plan(graph: &Graph, recipe: &Recipe, machine: Machine) -> Result<TrainPlan, TrainError> {
    let options = TrainOptions {
        batch: recipe.batch as usize,
        threads: machine.threads,
        isa: machine.isa,
        most_bytes: machine.most_bytes,
        smoothing: narrow(recipe.label_smoothing),
        rule: recipe.rule(),
        clip: recipe.clip.map(narrow),
        momentum: narrow(recipe.norm_momentum),
        averages: recipe.average.is_some(),
    };
    Ok(TrainPlan::new(graph, options)?)
}

impl<'a> Session<'a> {
    /// Starts with random weights.
    pub fn new(
        backend: &'a Backend,
        (graph, recipe, seed): (&Graph, &Recipe, u64),
        machine: Machine,
        stop: &AtomicBool,
    ) -> Result<Self, TrainError> {
        let weights = initial_weights(graph, seed);
        match backend {
            Backend::Native => {
                let plan = Arc::new(plan(graph, recipe, machine)?);
                Ok(Self::Native(Box::new(TrainSession::new(plan, &weights, stop)?)))
            }
            Backend::PyTorch(pytorch) => {
                // The order of the optimizer's state, for any batch and memory.
                let one = Recipe { batch: 1, ..recipe.clone() };
                let plan = plan(graph, &one, Machine { most_bytes: u64::MAX, ..machine })?;
                let session =
                    PyTorchSession::new(pytorch, &plan, (graph, recipe), machine, &weights, stop)?;
                Ok(Self::PyTorch(Box::new(session)))
            }
        }
    }

    /// Takes a step. `meanwhile` is called once, while another process computes the step if there is one.
    pub fn step(
        &mut self,
        pixels: &[f32],
        labels: &[u32],
        rates: Rates,
        seed: u64,
        stop: &AtomicBool,
        meanwhile: impl FnOnce(),
    ) -> Result<Outcome, TrainError> {
        match self {
            Self::Native(session) => {
                let outcome = session.step(pixels, labels, rates, seed, stop)?;
                meanwhile();
                Ok(outcome)
            }
            Self::PyTorch(session) => session.step(pixels, labels, rates, seed, stop, meanwhile),
        }
    }

    /// The current weights and running statistics.
    pub fn weights(&self) -> Result<Weights, TrainError> {
        match self {
            Self::Native(session) => Ok(session.weights()),
            Self::PyTorch(session) => session.weights(),
        }
    }

    /// The averages of what is learned, or the weights where there are none, and the current running statistics.
    pub fn averages(&self) -> Result<Weights, TrainError> {
        match self {
            Self::Native(session) => Ok(session.averages()),
            Self::PyTorch(session) => session.averages(),
        }
    }

    /// The optimizer's state: for each of its vectors, the numbers of all tensors, concatenated.
    pub fn state(&self) -> Result<Vec<Vec<f32>>, TrainError> {
        match self {
            Self::Native(session) => Ok(session.state()),
            Self::PyTorch(session) => session.state(),
        }
    }

    pub fn set_weights(&mut self, weights: &Weights) -> Result<(), TrainError> {
        match self {
            Self::Native(session) => Ok(session.set_weights(weights)?),
            Self::PyTorch(session) => session.set_weights(weights),
        }
    }

    /// Replaces the averages, if there are any.
    pub fn set_averages(&mut self, weights: &Weights) -> Result<(), TrainError> {
        match self {
            Self::Native(session) => Ok(session.set_averages(weights)?),
            Self::PyTorch(session) => session.set_averages(weights),
        }
    }

    /// Restores the optimizer's state after `steps` steps; returns whether it has the right size.
    pub fn set_state(&mut self, state: &[Vec<f32>], steps: u64) -> Result<bool, TrainError> {
        match self {
            Self::Native(session) => Ok(session.set_state(state).is_ok()),
            Self::PyTorch(session) => session.set_state(state, steps),
        }
    }
}
