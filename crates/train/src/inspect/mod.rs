//! Inspection of a trained network: near-zero channels, dead channels, effective ranks of feature maps, gradients, and the
//! accuracy that is lost without each branch.

mod branches;
mod describe;
mod gradients;
mod look;
mod rank;

use std::sync::atomic::AtomicBool;

use inceptive_ir::{Graph, NodeId, Path, passes};
use inceptive_results::statistics::{Estimate, mean, proportion};
use inceptive_weights::Weights;
use serde::{Deserialize, Serialize};

use crate::{error::TrainError, evaluate::Images, machine::Machine, score::ImageResult};
use branches::{branches, without_branch};
use describe::{Findings, after, is_layer};
use gradients::gradients;
use look::{Runner, map_runs, result_runs};

/// A channel is near zero if the norm of its kernel is below this fraction of the largest norm of its layer.
pub const NEAR_ZERO_NORM: f64 = 0.01;

/// Maximum number of channels of a feature map whose effective rank is exact; that of a wider one is estimated from as many
/// random combinations of its channels.
pub const MAX_RANK_CHANNELS: usize = 2048;

/// A weight is near zero if it is below this fraction of the root mean square of its layer's weights.
pub const NEAR_ZERO_WEIGHT: f64 = 0.01;

/// The results of the inspection of a trained network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InspectionResult {
    /// Number of images for which feature maps were computed.
    pub images: usize,
    /// Number of images on which accuracies were measured.
    pub evaluated: usize,
    /// Number of these for which the network outputs NaN; they count as wrong.
    pub nan_images: usize,
    /// Number of training images from which gradients were computed.
    pub trained: usize,
    /// Top-1 accuracy of the whole network, in percent.
    pub top1: Estimate,
    /// Convolutions and linear layers, in execution order.
    pub layers: Vec<LayerState>,
    /// Inputs of concatenations and sums, in execution order.
    pub branches: Vec<BranchState>,
}

/// A convolution or linear layer, with the normalisation folded into it and the activation after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerState {
    /// Its path.
    pub path: String,
    /// The kernel norm of each output channel, with the normalisation folded in, relative to the largest one.
    pub norms: Vec<f64>,
    /// How many of these are below [`NEAR_ZERO_NORM`].
    pub near_zero_channels: usize,
    /// The share of weights below [`NEAR_ZERO_WEIGHT`] times the root mean square of the layer's.
    pub near_zero_weights: f64,
    /// Number of weights of the kernel.
    pub weights: usize,
    /// Channels whose ReLU outputs 0 at all positions of all images; `None` without a ReLU, or if the outputs are not finite.
    pub dead: Option<Vec<usize>>,
    /// Effective rank of its output; `None` for a single channel, or if the output is not finite.
    pub effective_rank: Option<f64>,
    /// Root mean square over steps of the norm of the gradient of its weights, including those of its normalisation.
    pub gradient: f64,
}

/// A branch of a module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BranchState {
    /// The module; empty for the network itself.
    pub module: String,
    /// The branch.
    pub name: String,
    /// The concatenation or sum that joins it.
    pub join: String,
    /// The index of the join's input.
    pub input: usize,
    /// The node that it ends with.
    pub end: String,
    /// The paths of the nodes that contribute to this input of the join and to no other; empty for an identity shortcut.
    pub nodes: Vec<String>,
    /// The paths of its convolutions and linear layers; empty for a shortcut or a pool.
    pub layers: Vec<String>,
    /// Number of channels of its output.
    pub channels: usize,
    /// The fraction of near-zero channels in its layers; `None` without layers.
    pub near_zero_channels: Option<f64>,
    /// The fraction of near-zero weights in its layers; `None` without layers.
    pub near_zero_weights: Option<f64>,
    /// The fraction of dead channels in its layers with a ReLU; `None` without any.
    pub dead: Option<f64>,
    /// Effective rank of its output; `None` for a single channel.
    pub effective_rank: Option<f64>,
    /// Root mean square over steps of the norm of the gradient of its weights; `None` without weights.
    pub gradient: Option<f64>,
    /// Top-1 accuracy lost when its output is replaced by zeros, in percentage points, with the interval of the paired
    /// difference over images.
    pub top1_lost: Estimate,
}

impl InspectionResult {
    /// The layer at a path.
    pub fn layer(&self, path: &Path) -> Option<&LayerState> {
        self.layers.iter().find(|layer| layer.path == path.as_str())
    }

    /// The innermost branch that a node is in.
    pub fn branch_of(&self, path: &Path) -> Option<&BranchState> {
        let is_in = |branch: &&BranchState| branch.nodes.iter().any(|node| node == path.as_str());
        self.branches.iter().filter(is_in).min_by_key(|branch| branch.nodes.len())
    }
}

/// A network to inspect.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The network, including the auxiliary heads that the weights belong to.
    pub graph: &'a Graph,
    /// Its weights.
    pub weights: &'a Weights,
    /// Images for which feature maps are computed.
    pub seen: Images<'a>,
    /// Images on which accuracies are measured.
    pub evaluated: Images<'a>,
    /// Training images.
    pub trained: Images<'a>,
}

/// Counts the batches that were run, and the feature maps whose rank was computed.
struct Progress<'a> {
    done: usize,
    total: usize,
    listen: &'a mut dyn FnMut(f64),
}

impl Progress<'_> {
    /// Reports that one of them is done.
    fn advance(&mut self) {
        self.done += 1;
        (self.listen)(self.done as f64 / self.total as f64);
    }
}

/// Inspects a trained network. `listen` is called with the progress after each batch of images and each effective rank, up to 1.
///
/// # Errors
/// When the network cannot be run, or it was stopped.
pub fn inspect(
    subject: Subject<'_>,
    machine: Machine,
    stop: &AtomicBool,
    listen: &mut dyn FnMut(f64),
) -> Result<InspectionResult, TrainError> {
    let plain = passes::inference(subject.graph)?;
    let (graph, weights) = subject.weights.clone().fold_batch_norm(&plain)?;
    let (plain_branches, all) = (branches(&plain)?, branches(&graph)?);
    let evaluations = (1 + all.len()) * result_runs(subject.evaluated);
    let runner = Runner { graph: &graph, weights: &weights, machine, stop };
    let layers: Vec<NodeId> = graph.ids().filter(|id| is_layer(&graph, *id)).collect();
    let ends = all.iter().map(|branch| branch.end);
    let mut looked: Vec<NodeId> =
        layers.iter().map(|layer| after(&graph, *layer)).chain(ends).collect();
    looked.sort_unstable();
    looked.dedup();
    runner.expect_memory(&looked)?;
    let total =
        gradients::steps(subject.trained) + map_runs(subject.seen) + looked.len() + evaluations;
    let mut progress = Progress { done: 0, total, listen };
    let gradients = gradients(subject, machine, stop, &mut progress)?;
    let maps = runner.maps(&looked, subject.seen, &mut progress)?;
    let findings = Findings {
        plain: &plain,
        graph: &graph,
        weights: &weights,
        gradients: &gradients,
        maps: &maps,
    };
    let layers: Vec<LayerState> =
        layers.into_iter().map(|id| findings.layer(id)).collect::<Result<_, TrainError>>()?;
    let whole = runner.results(&graph, &weights, subject.evaluated, &mut progress)?;
    let mut states = Vec::with_capacity(all.len());
    for (branch, unfolded) in all.iter().zip(&plain_branches) {
        let (zeroed, zeros) = without_branch(&graph, &weights, branch)?;
        let without = runner.results(&zeroed, &zeros, subject.evaluated, &mut progress)?;
        states.push(findings.branch(branch, unfolded, &layers, lost(&whole, &without)));
    }
    let right = whole.iter().filter(|result| result.rank == 0).count();
    let share = right as f64 / whole.len().max(1) as f64;
    let top1 = proportion(share, whole.len() as u64).unwrap_or(Estimate::without_interval(share));
    Ok(InspectionResult {
        images: subject.seen.indices.len(),
        evaluated: whole.len(),
        nan_images: whole.iter().filter(|result| result.loss.is_nan()).count(),
        trained: gradients.images,
        top1: top1.map(|share| 100.0 * share),
        layers,
        branches: states,
    })
}

/// The accuracy lost in percentage points, with the interval of the paired difference over images.
fn lost(whole: &[ImageResult], without: &[ImageResult]) -> Estimate {
    let right = |result: &ImageResult| if result.rank == 0 { 100.0 } else { 0.0 };
    let pairs = whole.iter().zip(without);
    let apart: Vec<f64> = pairs.map(|(with, without)| right(with) - right(without)).collect();
    let plain = apart.iter().sum::<f64>() / apart.len().max(1) as f64;
    mean(&apart).unwrap_or(Estimate::without_interval(plain))
}
