//! The learned numbers of a network.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    panic::resume_unwind,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use inceptive_ir::{Graph, GraphError, Node, NodeId, Op, Path, Role, passes};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, Uniform};
use sha2::{Digest, Sha256};

/// A place for a tensor in a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The layer.
    pub path: Path,
    /// Which of its tensors.
    pub role: Role,
    /// Dimensions, outermost first: `[out, in / groups, height, width]` of a convolution, `[out, in]` of a
    /// linear layer, `[channels]` else.
    pub shape: Vec<usize>,
}

impl Slot {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Never true: dimensions are positive.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values that each output is computed from; 1 for vectors.
    fn fan_in(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

/// The name in files: `4a/3x3/reduce.weight`.
impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.path, self.role.name())
    }
}

/// All tensors that a network has, in execution order; one that several nodes share is there once.
pub fn slots(graph: &Graph) -> Vec<Slot> {
    let all = graph.ids().flat_map(|id| node_slots(graph, id));
    if !graph.has_shared_tensors() {
        return all.collect();
    }
    let mut seen = HashSet::new();
    all.filter(|slot| seen.insert((slot.path.clone(), slot.role))).collect()
}

/// The tensors of one node; those that it shares with others are at the paths that they are kept under.
pub fn node_slots(graph: &Graph, id: NodeId) -> Vec<Slot> {
    let node = graph.node(id);
    let tensors = node.op.tensors(&graph.input_shapes(id)).into_iter();
    let slot = |(role, shape)| Slot { path: node.tensor_path(role).clone(), role, shape };
    tensors.map(slot).collect()
}

/// Values for the slots of a network, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights(HashMap<(Path, Role), Vec<f32>>);

/// The weights have no values for a slot of the network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no weights for `{0}`")]
pub struct Missing(pub String);

impl Weights {
    /// Random weights that keep signals at a normal scale through any depth, so that the network can be run
    /// and measured without having been trained:
    ///
    /// - kernels of convolutions: normal with variance 2 / fan-in (He et al. 2015, equation 10, which
    ///   torchvision's ResNets use too);
    /// - matrices and biases of linear layers and biases of convolutions: uniform in ±1 / sqrt(fan-in), as
    ///   PyTorch does;
    /// - normalisation: gamma and variance uniform in 0.8..1.2, beta and mean uniform in ±0.1. Ones and zeros
    ///   would hide mistakes in what reads them.
    ///
    /// Every tensor has a random stream of its own, so a change elsewhere in the network leaves it as it was.
    pub fn seeded(graph: &Graph, seed: u64) -> Self {
        Self::seeded_until(graph, seed, &AtomicBool::new(false)).unwrap_or_default()
    }

    /// The same; `None` soon after `stop` is set.
    pub fn seeded_until(graph: &Graph, seed: u64, stop: &AtomicBool) -> Option<Self> {
        let mut tensors = Vec::new();
        let mut seen = HashSet::new();
        for (id, node) in graph.nodes() {
            let slots = node_slots(graph, id);
            let fan_in = slots.first().map_or(1, Slot::fan_in);
            for slot in slots {
                if !graph.has_shared_tensors() || seen.insert((slot.path.clone(), slot.role)) {
                    tensors.push((&node.op, slot, fan_in));
                }
            }
        }
        let next = AtomicUsize::new(0);
        let draw = || {
            let mut drawn = Vec::new();
            while let Some((op, slot, fan_in)) = tensors.get(next.fetch_add(1, Ordering::Relaxed)) {
                let values = initial(op, slot, *fan_in, &mut stream(seed, slot), stop);
                drawn.push(((slot.path.clone(), slot.role), values));
            }
            drawn
        };
        let threads = thread::available_parallelism().map_or(1, usize::from).min(tensors.len());
        let drawn = thread::scope(|scope| {
            let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(draw)).collect();
            let mut drawn = draw();
            for helper in helpers {
                drawn.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            drawn
        });
        (!stop.load(Ordering::Relaxed)).then(|| Self(drawn.into_iter().collect()))
    }

    /// The values of a tensor.
    ///
    /// # Errors
    /// When there are none.
    pub fn get(&self, path: &Path, role: Role) -> Result<&[f32], Missing> {
        let missing = || Missing(format!("{path}.{}", role.name()));
        self.0.get(&(path.clone(), role)).map(Vec::as_slice).ok_or_else(missing)
    }

    /// The values of a tensor of a node, wherever they are kept.
    ///
    /// # Errors
    /// When there are none.
    pub fn of(&self, node: &Node, role: Role) -> Result<&[f32], Missing> {
        self.get(node.tensor_path(role), role)
    }

    /// The values of every tensor, in no order.
    pub fn tensors(&self) -> impl Iterator<Item = &[f32]> {
        self.0.values().map(Vec::as_slice)
    }

    /// Takes the values of a tensor out; `None` if there are none.
    pub fn take(&mut self, path: &Path, role: Role) -> Option<Vec<f32>> {
        self.0.remove(&(path.clone(), role))
    }

    /// Sets the values of a tensor.
    pub fn set(&mut self, path: Path, role: Role, values: Vec<f32>) {
        self.0.insert((path, role), values);
    }

    /// Folds normalisations into the layers before them, wherever [`passes::fold_batch_norm`] can, and
    /// multiplies them into the weights. The result computes the same up to rounding.
    ///
    /// # Errors
    /// When the graph is not valid or values are missing.
    pub fn fold_batch_norm(mut self, graph: &Graph) -> Result<(Graph, Self), FoldError> {
        let (rewrite, folds) = passes::fold_batch_norm(graph);
        let mut folded = HashSet::new();
        for fold in folds {
            let (layer, norm) = (graph.node(fold.layer), graph.node(fold.norm));
            let Op::BatchNorm(attributes) = &norm.op else { continue };
            let channels = norm.shape.channels() as usize;
            let scales = self.scales(norm, attributes.eps)?;
            let mut bias = self.of(layer, Role::Bias).map_or(vec![0.0; channels], <[f32]>::to_vec);
            let mean = self.of(norm, Role::Mean)?;
            let beta = self.of(norm, Role::Bias).ok();
            for (channel, bias) in bias.iter_mut().enumerate() {
                let shifted = (f64::from(*bias) - f64::from(mean[channel])) * scales[channel];
                let beta = beta.map_or(0.0, |beta| f64::from(beta[channel]));
                *bias = narrow(shifted + beta);
            }
            // A layer that shares its kernel is not folded into, so the kernel can be changed where it is.
            let missing = || Missing(format!("{}.{}", layer.path, Role::Weight.name()));
            let kernel = self.0.get_mut(&(layer.path.clone(), Role::Weight));
            let kernel = kernel.ok_or_else(missing)?;
            let per_channel = kernel.len() / channels;
            for (row, scale) in kernel.chunks_mut(per_channel).zip(&scales) {
                row.iter_mut().for_each(|w| *w = narrow(f64::from(*w) * scale));
            }
            self.set(layer.path.clone(), Role::Bias, bias);
            if !graph.shares_tensors(fold.norm) {
                folded.insert(norm.path.clone());
            }
        }
        self.0.retain(|(path, _), _| !folded.contains(path));
        Ok((graph.apply(&rewrite)?, self))
    }

    /// What each channel is multiplied by: gamma / sqrt(variance + eps).
    fn scales(&self, norm: &Node, eps: f32) -> Result<Vec<f64>, Missing> {
        let gamma = self.of(norm, Role::Weight).ok();
        let variance = self.of(norm, Role::Variance)?;
        let scale = |(channel, variance): (usize, &f32)| {
            let gamma = gamma.map_or(1.0, |gamma| f64::from(gamma[channel]));
            gamma / (f64::from(*variance) + f64::from(eps)).sqrt()
        };
        Ok(variance.iter().enumerate().map(scale).collect())
    }
}

/// Why normalisations could not be folded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FoldError {
    /// A tensor has no values.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The graph without the normalisations is not valid.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// The random numbers of one tensor.
fn stream(seed: u64, slot: &Slot) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(Sha256::digest(format!("{seed} {slot}")).into())
}

/// First values of a tensor of a node whose layer has this fan-in; not all of them once `stop` is set.
fn initial(op: &Op, slot: &Slot, fan_in: usize, rng: &mut impl Rng, stop: &AtomicBool) -> Vec<f32> {
    let mut uniform = |low, high| match Uniform::new_inclusive(low, high) {
        Ok(uniform) => drawn(slot.len(), stop, || uniform.sample(rng)),
        Err(_) => vec![low; slot.len()],
    };
    #[expect(clippy::cast_precision_loss, reason = "a spread does not need the last digit")]
    let fan_in = fan_in as f32;
    match (op, slot.role) {
        (Op::BatchNorm(_), Role::Weight | Role::Variance)
        | (Op::Norm(_) | Op::Scale(_), Role::Weight) => uniform(0.8, 1.2),
        (Op::BatchNorm(_), Role::Bias | Role::Mean) | (Op::Norm(_) | Op::Scale(_), Role::Bias) => {
            uniform(-0.1, 0.1)
        }
        (Op::Prelu { .. }, Role::Weight) => uniform(0.1, 0.4),
        (Op::Conv(_) | Op::ConvTranspose(_), Role::Weight) => {
            let deviation = (2.0 / fan_in).sqrt();
            drawn(slot.len(), stop, || {
                let normal: f32 = StandardNormal.sample(rng);
                deviation * normal
            })
        }
        _ => uniform(-fan_in.sqrt().recip(), fan_in.sqrt().recip()),
    }
}

/// Numbers that are drawn between two looks at whether they are still wanted.
const BETWEEN_LOOKS: usize = 1 << 16;

/// So many numbers, or fewer once `stop` is set.
fn drawn(count: usize, stop: &AtomicBool, mut draw: impl FnMut() -> f32) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(count);
    while numbers.len() < count && !stop.load(Ordering::Relaxed) {
        let more = BETWEEN_LOOKS.min(count - numbers.len());
        numbers.extend((0..more).map(|_| draw()));
    }
    numbers
}

#[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
fn narrow(value: f64) -> f32 {
    value as f32
}
