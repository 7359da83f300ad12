//! What a trained network uses of itself: which channels have almost no weight, which are never active, how many
//! dimensions feature maps fill, which branches get gradients, and what is lost without a branch.

mod branches;
mod rank;

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, atomic::AtomicBool},
};

use inceptive_data::Views;
use inceptive_engine::{
    Options, Plan, Rates, Rule, Session, TrainOptions, TrainPlan, TrainSession,
};
use inceptive_ir::{Activation, Graph, NodeId, Op, Path, Role, passes};
use inceptive_results::statistics::{Estimate, mean, proportion};
use inceptive_weights::{Weights, node_slots};
use serde::{Deserialize, Serialize};

use crate::{
    error::TrainError,
    evaluate::{EVALUATION_BATCH, Images},
    machine::Machine,
    score::ImageResult,
};
use branches::{Branch, branches, module, name, silenced, up_to};
use rank::Covariance;

/// A channel has almost no weight if the norm of its kernel is below this share of the largest one of its layer.
pub const NEAR_ZERO_NORM: f64 = 0.01;

/// A weight is near zero if it is below this share of the root mean square of its layer's.
pub const NEAR_ZERO_WEIGHT: f64 = 0.01;

/// Places of a feature map that go into the effective rank, of each image, about.
const PLACES: usize = 64;

/// Images of a training step.
const STEP: usize = 32;

/// Training steps whose gradients are taken.
const STEPS: usize = 8;

/// What a trained network uses of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anatomy {
    /// Images that feature maps are of.
    pub images: usize,
    /// Images that accuracies are of.
    pub evaluated: usize,
    /// Training images that gradients are of.
    pub trained: usize,
    /// Top-1 accuracy of the whole network, in percent.
    pub top1: Estimate,
    /// Convolutions and linear layers, in execution order.
    pub layers: Vec<LayerState>,
    /// Inputs of concatenations and sums, in execution order.
    pub branches: Vec<BranchState>,
}

/// A convolution or linear layer, with the normalisation that is folded into it and the activation behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerState {
    /// Its path.
    pub path: String,
    /// The norm of each output channel's kernel, normalisation folded in, as a share of the largest one.
    pub norms: Vec<f64>,
    /// How many of these are below [`NEAR_ZERO_NORM`].
    pub near_zero_channels: usize,
    /// The share of weights below [`NEAR_ZERO_WEIGHT`] times the root mean square of the layer's.
    pub near_zero_weights: f64,
    /// Weights of the kernel.
    pub weights: usize,
    /// Channels whose ReLU gave 0 everywhere on all images; `None` without a ReLU.
    pub dead: Option<Vec<usize>>,
    /// Effective rank of its result; `None` of a single channel.
    pub effective_rank: Option<f64>,
    /// Root mean square over steps of the norm of the gradient of its weights, those of its normalisation among them.
    pub gradient: f64,
}

/// A branch of a module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BranchState {
    /// The module; empty for the network itself.
    pub module: String,
    /// The branch.
    pub name: String,
    /// The concatenation or sum that it goes into.
    pub join: String,
    /// Which of the inputs of that.
    pub input: usize,
    /// The node that it ends with.
    pub end: String,
    /// The paths of its convolutions and linear layers; none of a shortcut or a pool.
    pub layers: Vec<String>,
    /// Channels of its result.
    pub channels: usize,
    /// The share of its layers' channels with almost no weight; `None` without layers.
    pub near_zero_channels: Option<f64>,
    /// The share of its layers' weights near zero; `None` without layers.
    pub near_zero_weights: Option<f64>,
    /// The share of its ReLUs' channels that are dead; `None` without any.
    pub dead: Option<f64>,
    /// Effective rank of its result; `None` of a single channel.
    pub effective_rank: Option<f64>,
    /// Root mean square over steps of the norm of the gradient of its weights; `None` without weights.
    pub gradient: Option<f64>,
    /// Top-1 accuracy that is lost when the join gets zeros in its place, in percentage points. The interval is that of
    /// paired images.
    pub top1_lost: Estimate,
}

impl Anatomy {
    /// The layer at a path.
    pub fn layer(&self, path: &Path) -> Option<&LayerState> {
        self.layers.iter().find(|layer| layer.path == path.as_str())
    }

    /// The innermost branch that a node is in.
    pub fn branch_of(&self, path: &Path) -> Option<&BranchState> {
        let is_in = |branch: &&BranchState| {
            branch.end == path.as_str() || branch.layers.iter().any(|layer| layer == path.as_str())
        };
        self.branches.iter().filter(is_in).min_by_key(|branch| branch.layers.len())
    }
}

/// A network to inspect.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The network, with the auxiliary heads that the weights are of.
    pub graph: &'a Graph,
    /// Its weights.
    pub weights: &'a Weights,
    /// Images that feature maps are computed of.
    pub seen: Images<'a>,
    /// Images that accuracies are of.
    pub evaluated: Images<'a>,
    /// Training images.
    pub trained: Images<'a>,
}

/// Inspects a trained network. `listen` hears which share is done.
///
/// # Errors
/// When the network cannot be run, or it was stopped.
pub fn inspect(
    subject: Subject<'_>,
    machine: Machine,
    stop: &AtomicBool,
    listen: &mut dyn FnMut(f64),
) -> Result<Anatomy, TrainError> {
    let plain = passes::inference(subject.graph)?;
    let (graph, weights) = subject.weights.clone().fold_batch_norm(&plain)?;
    let gradients = gradients(subject, machine, stop)?;
    let eyes = Eyes { graph: &graph, weights: &weights, machine, stop };
    let (plain_branches, all) = (branches(&plain), branches(&graph));
    let layers: Vec<NodeId> = graph.ids().filter(|id| is_layer(&graph, *id)).collect();
    let (mut done, total) = (0.0, (layers.len() + all.len()) as f64);
    let mut heard = |work: f64| {
        done += work;
        listen((done / total.max(1.0)).min(1.0));
    };
    let mut maps: HashMap<NodeId, MapState> = HashMap::new();
    let ends = all.iter().map(|branch| branch.end);
    for node in layers.iter().map(|layer| after(&graph, *layer)).chain(ends) {
        if let Entry::Vacant(entry) = maps.entry(node) {
            entry.insert(eyes.map(node, subject.seen)?);
            heard(1.0);
        }
    }
    let layers: Vec<LayerState> = layers
        .iter()
        .map(|&id| {
            let map = maps.get(&after(&graph, id));
            layer(&graph, &weights, id, map, &plain, &gradients)
        })
        .collect::<Result<_, TrainError>>()?;
    let whole = eyes.results(&graph, &weights, subject.evaluated)?;
    let mut states = Vec::with_capacity(all.len());
    for (branch, unfolded) in all.iter().zip(&plain_branches) {
        let (silent, zeros) = silenced(&graph, &weights, branch)?;
        let without = eyes.results(&silent, &zeros, subject.evaluated)?;
        let map = maps.get(&branch.end);
        let own = unfolded.nodes.iter().map(|id| plain.node(*id).path.clone());
        let gradient = norm_of(own.filter_map(|path| gradients.get(&path).copied()));
        states.push(branch_state(&graph, branch, &layers, map, gradient, lost(&whole, &without)));
        heard(1.0);
    }
    let right = whole.iter().filter(|result| result.rank == 0).count();
    let share = right as f64 / whole.len().max(1) as f64;
    let top1 = proportion(share, whole.len() as u64).unwrap_or(Estimate::without_interval(share));
    Ok(Anatomy {
        images: subject.seen.indices.len(),
        evaluated: whole.len(),
        trained: batch_of(subject) * steps_of(subject),
        top1: top1.map(|share| 100.0 * share),
        layers,
        branches: states,
    })
}

fn is_layer(graph: &Graph, id: NodeId) -> bool {
    matches!(graph.node(id).op, Op::Conv(_) | Op::Linear(_))
}

/// The activation behind a layer, or the layer.
fn after(graph: &Graph, layer: NodeId) -> NodeId {
    let mut id = layer;
    while let Some(next) = graph.only_consumer(id)
        && matches!(graph.node(next).op, Op::Activation(_) | Op::BatchNorm(_))
    {
        id = next;
    }
    id
}

/// Computes feature maps and results.
struct Eyes<'a> {
    graph: &'a Graph,
    weights: &'a Weights,
    machine: Machine,
    stop: &'a AtomicBool,
}

/// What a feature map is like.
#[derive(Clone, Debug, PartialEq)]
struct MapState {
    dead: Option<Vec<usize>>,
    effective_rank: Option<f64>,
}

impl Eyes<'_> {
    fn session(
        &self,
        graph: &Graph,
        weights: &Weights,
        batch: usize,
    ) -> Result<Session, TrainError> {
        let Machine { threads, isa, most_bytes } = self.machine;
        let options = Options { batch, threads, isa, winograd: true, most_bytes };
        Ok(Session::new(Arc::new(Plan::new(graph, weights, options)?))?)
    }

    /// What images get.
    fn results(
        &self,
        graph: &Graph,
        weights: &Weights,
        images: Images<'_>,
    ) -> Result<Vec<ImageResult>, TrainError> {
        let batch = images.batch(EVALUATION_BATCH);
        let mut session = self.session(graph, weights, batch)?;
        let views = Views::One.of(images.split.shape());
        let run = |pixels: &[f32], _| session.run(pixels, self.stop).map(<[f32]>::to_vec);
        let answers = images.answers(&views, batch, graph, run)?;
        Ok(images.results(&answers))
    }

    /// What the result of a node is like.
    fn map(&self, node: NodeId, images: Images<'_>) -> Result<MapState, TrainError> {
        let graph = up_to(self.graph, node)?;
        let batch = images.batch(EVALUATION_BATCH);
        let mut session = self.session(&graph, self.weights, batch)?;
        let (op, shape) = (&self.graph.node(node).op, self.graph.node(node).shape);
        let channels = shape.channels() as usize;
        let plane = usize::try_from(shape.size().area()).unwrap_or(usize::MAX).max(1);
        let of_image = images.split.shape().pixels();
        let mut pixels = vec![0.0; batch * of_image];
        let mut covariance = Covariance::new(channels);
        let mut sample = vec![0.0; channels];
        let mut is_active = vec![false; channels];
        for chunk in images.indices.chunks(batch) {
            let place = &mut pixels[..chunk.len() * of_image];
            images.augmenter.fill_plain(images.split, chunk, place);
            let maps = session.run(&pixels, self.stop)?;
            for map in maps.chunks_exact(channels * plane).take(chunk.len()) {
                for (is_active, channel) in is_active.iter_mut().zip(map.chunks_exact(plane)) {
                    *is_active |= channel.iter().any(|value| *value != 0.0);
                }
                for place in (0..plane).step_by(plane.div_ceil(PLACES)) {
                    for (value, channel) in sample.iter_mut().zip(map.chunks_exact(plane)) {
                        *value = f64::from(channel[place]);
                    }
                    covariance.add(&sample);
                }
            }
        }
        let is_relu = matches!(op, Op::Activation(Activation::Relu | Activation::Relu6));
        let dead = (0..channels).filter(|channel| !is_active[*channel]).collect();
        Ok(MapState {
            dead: is_relu.then_some(dead),
            effective_rank: (channels > 1).then(|| covariance.effective_rank()),
        })
    }
}

fn batch_of(subject: Subject<'_>) -> usize {
    subject.trained.batch(STEP)
}

fn steps_of(subject: Subject<'_>) -> usize {
    (subject.trained.indices.len() / batch_of(subject)).min(STEPS)
}

/// The root mean square over some training steps of the norm of the gradient of each node's tensors. The weights stay as
/// they are: the learning rate is 0.
fn gradients(
    subject: Subject<'_>,
    machine: Machine,
    stop: &AtomicBool,
) -> Result<HashMap<Path, f64>, TrainError> {
    let Subject { graph, weights, trained, .. } = subject;
    let (batch, steps) = (batch_of(subject), steps_of(subject));
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
    let mut session = TrainSession::new(Arc::new(TrainPlan::new(graph, options)?), weights)?;
    let mut pixels = vec![0.0; batch * trained.split.shape().pixels()];
    let mut squares: HashMap<Path, f64> = HashMap::new();
    for (step, images) in (0..).zip(trained.indices.chunks_exact(batch).take(steps)) {
        trained.augmenter.fill_plain(trained.split, images, &mut pixels);
        let label = |image: &u32| u32::from(trained.split.labels()[*image as usize]);
        let labels: Vec<u32> = images.iter().map(label).collect();
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
    }
    let root = |square: f64| (square / steps.max(1) as f64).sqrt();
    Ok(squares.into_iter().map(|(path, square)| (path, root(square))).collect())
}

/// The norm of all, of the norms of the parts; `None` of no parts.
fn norm_of(parts: impl Iterator<Item = f64>) -> Option<f64> {
    let square = |sum: Option<f64>, part: f64| Some(sum.unwrap_or(0.0) + part * part);
    parts.fold(None, square).map(f64::sqrt)
}

fn layer(
    graph: &Graph,
    weights: &Weights,
    id: NodeId,
    map: Option<&MapState>,
    plain: &Graph,
    gradients: &HashMap<Path, f64>,
) -> Result<LayerState, TrainError> {
    let node = graph.node(id);
    let kernel = weights.of(node, Role::Weight)?;
    let of_channel = (kernel.len() / node.shape.channels().max(1) as usize).max(1);
    let square = |numbers: &[f32]| numbers.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    let norms: Vec<f64> = kernel.chunks(of_channel).map(|row| square(row).sqrt()).collect();
    let largest = norms.iter().copied().fold(0.0, f64::max);
    let share = |norm: f64| if largest > 0.0 { norm / largest } else { 0.0 };
    let norms: Vec<f64> = norms.into_iter().map(share).collect();
    let floor = NEAR_ZERO_WEIGHT * (square(kernel) / kernel.len().max(1) as f64).sqrt();
    let near_zero = kernel.iter().filter(|x| f64::from(x.abs()) <= floor).count();
    // The normalisation that was folded into it follows it.
    let norm = plain.find(&node.path).and_then(|id| plain.only_consumer(id));
    let norm = norm.filter(|id| matches!(plain.node(*id).op, Op::BatchNorm(_)));
    let own = [Some(node.path.clone()), norm.map(|id| plain.node(id).path.clone())];
    let gradient =
        norm_of(own.into_iter().flatten().filter_map(|path| gradients.get(&path).copied()));
    Ok(LayerState {
        path: node.path.to_string(),
        near_zero_channels: norms.iter().filter(|norm| **norm < NEAR_ZERO_NORM).count(),
        norms,
        near_zero_weights: near_zero as f64 / kernel.len().max(1) as f64,
        weights: kernel.len(),
        dead: map.and_then(|map| map.dead.clone()),
        effective_rank: map.and_then(|map| map.effective_rank),
        gradient: gradient.unwrap_or(0.0),
    })
}

fn branch_state(
    graph: &Graph,
    branch: &Branch,
    layers: &[LayerState],
    map: Option<&MapState>,
    gradient: Option<f64>,
    top1_lost: Estimate,
) -> BranchState {
    let paths = branch.nodes.iter().filter(|id| is_layer(graph, **id));
    let paths: Vec<String> = paths.map(|id| graph.node(*id).path.to_string()).collect();
    let own: Vec<&LayerState> = layers.iter().filter(|layer| paths.contains(&layer.path)).collect();
    let share = |part: f64, all: usize| (all > 0).then(|| part / all as f64);
    let sum = |number: &dyn Fn(&LayerState) -> usize| own.iter().map(|layer| number(layer)).sum();
    let with_relu = |layer: &LayerState| layer.dead.as_ref().map_or(0, |_| layer.norms.len());
    let dead: usize = sum(&|layer| layer.dead.as_ref().map_or(0, Vec::len));
    let near_zero: f64 =
        own.iter().map(|layer| layer.near_zero_weights * layer.weights as f64).sum();
    let near_zero_channels: usize = sum(&|layer| layer.near_zero_channels);
    BranchState {
        module: module(graph, branch).to_string(),
        name: name(graph, branch).to_string(),
        join: graph.node(branch.join).path.to_string(),
        input: branch.input,
        end: graph.node(branch.end).path.to_string(),
        channels: graph.node(branch.end).shape.channels() as usize,
        near_zero_channels: share(near_zero_channels as f64, sum(&|layer| layer.norms.len())),
        near_zero_weights: share(near_zero, sum(&|layer| layer.weights)),
        dead: share(dead as f64, sum(&with_relu)),
        effective_rank: map.and_then(|map| map.effective_rank),
        gradient,
        layers: paths,
        top1_lost,
    }
}

/// By how many percentage points fewer images are right, with the interval of their differences.
fn lost(whole: &[ImageResult], without: &[ImageResult]) -> Estimate {
    let right = |result: &ImageResult| if result.rank == 0 { 100.0 } else { 0.0 };
    let pairs = whole.iter().zip(without);
    let apart: Vec<f64> = pairs.map(|(with, without)| right(with) - right(without)).collect();
    let plain = apart.iter().sum::<f64>() / apart.len().max(1) as f64;
    mean(&apart).unwrap_or(Estimate::without_interval(plain))
}
