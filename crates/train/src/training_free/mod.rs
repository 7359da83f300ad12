//! Scores of networks that were not trained (zero-cost proxies: Abdelfattah et al. 2021).

mod naswot;
mod synflow;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};

use inceptive_engine::PlanError;
use inceptive_ir::{Graph, GraphError, passes};
use inceptive_results::ProxyScore;
use inceptive_weights::node_slots;

use crate::{error::TrainError, initial::initial_weights_until, machine::Machine};

/// A network has no score of a kind.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// It has an operator that the score is not defined for.
    #[error("{} is not defined for networks with `{op}`", .score.title())]
    Operator {
        /// The score.
        score: ProxyScore,
        /// The name of the operator.
        op: &'static str,
    },
    /// It has no ReLU.
    #[error("NASWOT compares what ReLUs do, and the network has none")]
    NoRelu,
    /// It cannot be run.
    #[error(transparent)]
    Train(#[from] TrainError),
}

impl From<GraphError> for ScoreError {
    fn from(error: GraphError) -> Self {
        Self::Train(error.into())
    }
}

/// The score of a network, larger for networks that should reach higher accuracies; minus infinity is the lowest. Dropout and
/// auxiliary heads are left out. It is the same for a seed, whatever the number of threads.
///
/// # Errors
/// When the score is not defined for the network, it cannot be run or does not fit into the memory of the machine, or, soon
/// after `stop` is set, that it was stopped.
pub fn proxy_score(
    score: ProxyScore,
    graph: &Graph,
    seed: u64,
    machine: Machine,
    stop: &AtomicBool,
) -> Result<f64, ScoreError> {
    go_on(stop)?;
    let graph = passes::inference(graph)?;
    let maps = match score {
        ProxyScore::Naswot => naswot::needed_bytes(&graph),
        ProxyScore::Synflow => synflow::needed_bytes(&graph),
    };
    let (needed, most) = (weight_bytes(&graph).saturating_add(maps), machine.most_bytes);
    if needed > most {
        return Err(TrainError::from(PlanError::Memory { needed, most }).into());
    }
    let weights = initial_weights_until(&graph, seed, stop).ok_or(TrainError::Stopped)?;
    match score {
        ProxyScore::Naswot => naswot::score(&graph, weights, seed, machine, stop),
        ProxyScore::Synflow => synflow::score(&graph, &weights, stop),
    }
}

/// An error once the score is no longer wanted.
fn go_on(stop: &AtomicBool) -> Result<(), ScoreError> {
    match stop.load(Ordering::Relaxed) {
        true => Err(TrainError::Stopped.into()),
        false => Ok(()),
    }
}

/// The size of all weights in single precision.
fn weight_bytes(graph: &Graph) -> u64 {
    let slots = graph.ids().flat_map(|id| node_slots(graph, id));
    slots.map(|slot| (slot.len() as u64).saturating_mul(size_of::<f32>() as u64)).sum()
}
