//! Scores of networks that were not trained (zero-cost proxies: Abdelfattah et al. 2021).

mod naswot;
mod synflow;
#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicBool;

use inceptive_ir::{Graph, GraphError, passes};
use inceptive_results::ProxyScore;

use crate::{error::TrainError, initial::initial_weights, machine::Machine};

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
/// When the score is not defined for the network, it cannot be run, or it was stopped.
pub fn proxy_score(
    score: ProxyScore,
    graph: &Graph,
    seed: u64,
    machine: Machine,
    stop: &AtomicBool,
) -> Result<f64, ScoreError> {
    let graph = passes::inference(graph)?;
    let weights = initial_weights(&graph, seed);
    match score {
        ProxyScore::Naswot => naswot::score(&graph, weights, seed, machine, stop),
        ProxyScore::Synflow => synflow::score(&graph, &weights),
    }
}
