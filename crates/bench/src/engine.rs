//! What every engine can do.

use std::{
    ops::ControlFlow,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use inceptive_ir::{Activation, Graph, Op, Path, Pool, PoolKind};
use inceptive_onnx::{Batch, ExportError, LrnForm, Opset, Options, WeightType, to_onnx};
use inceptive_results::{Accelerator, Precision, Subnormals};
use inceptive_weights::{FoldError, Weights};
use serde::{Deserialize, Serialize};

use crate::need::Copies;
use crate::subnormal::count_subnormals;

/// The precision that a user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PrecisionRequest {
    /// Single precision, so that engines can be compared.
    #[default]
    Fp32,
    /// The engine's own default; the precision used is recorded with each result.
    EngineDefault,
    /// Single precision with products rounded to 10 bits of fraction.
    Tf32,
    /// Half precision.
    Fp16,
    /// Brain floating point.
    Bf16,
}

impl PrecisionRequest {
    /// The precision that has to be used; `None` if the engine chooses.
    pub const fn exactly(self) -> Option<Precision> {
        match self {
            Self::Fp32 => Some(Precision::Fp32),
            Self::EngineDefault => None,
            Self::Tf32 => Some(Precision::Tf32),
            Self::Fp16 => Some(Precision::Fp16),
            Self::Bf16 => Some(Precision::Bf16),
        }
    }

    /// Checks that an engine which computes in single precision only can do what is asked for.
    ///
    /// # Errors
    /// When another precision is asked for.
    pub(crate) fn expect_fp32(self, engine: &'static str) -> Result<(), EngineError> {
        match self.exactly() {
            None | Some(Precision::Fp32) => Ok(()),
            Some(other) => {
                Err(EngineError::Lacks { engine, what: format!("precision {other} is") })
            }
        }
    }
}

/// How a network is to be run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Batch size.
    pub batch: u32,
    /// Threads that compute one run.
    pub threads: u32,
    /// The precision wished for.
    pub precision: PrecisionRequest,
    /// The device, by a name that [`Description::devices`] lists.
    pub device: String,
}

/// Description of an engine on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its version.
    pub version: String,
    /// Where its library is; `None` if it is a part of this program.
    pub library: Option<PathBuf>,
    /// Devices that it can run on; the first is the default.
    pub devices: Vec<String>,
    /// Precisions that it can compute in.
    pub precisions: Vec<Precision>,
    /// Whether it supports per-node timing.
    pub has_node_times: bool,
    /// The instruction set that it computes with; `None` where it does not say.
    pub isa: Option<String>,
    /// Whether subnormal numbers count as zero while it runs; `None` where it does not say.
    pub flushes_subnormals: Option<bool>,
    /// How it starts the operators of a network; `None` where there is one way only.
    pub mode: Option<String>,
}

/// A network ready for engines: its inference graph with normalisations folded, and the weights of it.
#[derive(Clone, Debug)]
pub struct Model {
    /// The displayed name.
    pub name: String,
    /// The graph to run.
    pub graph: Graph,
    /// How many of its weights are subnormal.
    pub subnormals: Subnormals,
    weights: Weights,
}

impl Model {
    /// Folds the normalisations of an inference graph, as every engine does for deployment.
    ///
    /// # Errors
    /// When weights are missing.
    pub fn new(name: &str, inference: &Graph, weights: Weights) -> Result<Self, FoldError> {
        let (graph, weights) = weights.fold_batch_norm(inference)?;
        let subnormals = count_subnormals(&weights);
        Ok(Self { name: name.to_owned(), graph, subnormals, weights })
    }

    /// The network as an ONNX file for a fixed batch.
    ///
    /// # Errors
    /// When the file would be too large.
    pub fn to_onnx(&self, batch: u32, lrn: LrnForm) -> Result<Vec<u8>, ExportError> {
        let (name, batch) = (self.name.clone(), Batch::Fixed(batch));
        let (opset, weights) = (Opset::DEFAULT, WeightType::Float32);
        to_onnx(&self.graph, &self.weights, &Options { name, opset, batch, lrn, weights })
    }

    /// The weights of its graph.
    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// How many nodes it has in an ONNX file, at most.
    pub(crate) fn onnx_nodes(&self) -> OnnxNodes {
        let (mut all, mut rows) = (0_usize, Vec::<usize>::with_capacity(self.graph.len()));
        for (id, node) in self.graph.nodes() {
            let inputs = self.graph.inputs(id);
            let before = inputs.iter().map(|input| rows[input.index()]).max().unwrap_or(0);
            let own = onnx_nodes_of(&node.op, inputs.len());
            rows.push(before.saturating_add(own));
            all = all.saturating_add(own);
        }
        OnnxNodes { all, longest_row: rows.into_iter().max().unwrap_or(0) }
    }

    /// The shape of a batch of inputs.
    pub fn input_shape(&self, batch: u32) -> [usize; 4] {
        let shape = self.graph.node(self.graph.input()).shape;
        let size = shape.size();
        [batch, shape.channels(), size.height, size.width].map(|dim| dim as usize)
    }
}

/// Nodes of a network in an ONNX file, which spells some operators as several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OnnxNodes {
    /// All of them.
    pub(crate) all: usize,
    /// How many read each other in a row at most.
    pub(crate) longest_row: usize,
}

/// How many nodes an operator becomes in an ONNX file, at most; they may follow each other.
fn onnx_nodes_of(op: &Op, inputs: usize) -> usize {
    match op {
        Op::Input(_) => 0,
        // Each input but the first is added to those before; each may have a factor.
        Op::Add { .. } => 2 * inputs,
        Op::Multiply => inputs,
        // Written as arithmetic for engines that lack it.
        Op::Lrn(_) => 8,
        Op::ChannelShuffle { .. } => 3,
        Op::Activation(Activation::Silu) | Op::AdaptiveAvgPool { .. } => 2,
        // One for each channel's factors, and the shape around them.
        Op::Norm(_) => 6,
        Op::Scale(_) | Op::Rescale(_) => 2,
        Op::Maximum => 1,
        Op::Activation(Activation::Gelu | Activation::GeluTanh | Activation::Mish) => 9,
        Op::Pool(Pool { kind: PoolKind::L2, .. }) => 1,
        Op::ConvTranspose(_)
        | Op::DropPath { .. }
        | Op::Prelu { .. }
        | Op::Resize(_)
        | Op::Rearrange(_)
        | Op::Activation(_)
        | Op::Conv(_)
        | Op::Linear(_)
        | Op::BatchNorm(_)
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::Concat
        | Op::Flatten
        | Op::Dropout { .. }
        | Op::Softmax => 1,
    }
}

/// Time of one of an engine's nodes in one run.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeTime {
    /// What the engine calls it.
    pub name: String,
    /// The node of our graph that it computes; `None` for what the engine does for itself, such as changes of
    /// layout. Of nodes that it runs as one, the one that it names.
    pub path: Option<Path>,
    /// The other nodes that it computes, where the engine says; what it does not say is guessed from the graph.
    pub fused: Vec<Path>,
    /// How long it took.
    pub time: Duration,
}

/// What each node of a run took, in the order of execution.
pub type NodeTimes = Vec<NodeTime>;

/// The times of nodes in several runs.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeTimings {
    /// The precision that was computed in.
    pub precision: Precision,
    /// One for each run.
    pub runs: Vec<NodeTimes>,
}

/// An engine failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// It is not on this machine.
    #[error("{engine} was not found: {how}")]
    Missing {
        /// The engine.
        engine: &'static str,
        /// How to get it.
        how: String,
    },
    /// It is there but refused.
    #[error("{engine} failed: {message}")]
    Failed {
        /// The engine.
        engine: &'static str,
        /// Its message.
        message: String,
    },
    /// It does not have something.
    #[error("{what} not available with {engine}")]
    Lacks {
        /// The engine.
        engine: &'static str,
        /// The missing feature, with its verb.
        what: String,
    },
    /// A chain of nodes is so long that it would take too long, or need a larger stack than there is.
    #[error("{engine} cannot load a network with a chain of {row} nodes; the limit is {limit}")]
    TooDeep {
        /// The engine.
        engine: &'static str,
        /// The longest row of nodes, as the engine sees them.
        row: usize,
        /// The longest that can be.
        limit: usize,
    },
    /// There are so many nodes that it would take too long.
    #[error("{engine} cannot load a network of {nodes} nodes; the limit is {limit}")]
    TooManyNodes {
        /// The engine.
        engine: &'static str,
        /// The nodes, as the engine sees them.
        nodes: usize,
        /// The most that can be.
        limit: usize,
    },
    /// A run was stopped before its end.
    #[error("stopped")]
    Stopped,
    /// The network cannot be written for it.
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// Something that runs networks.
pub trait Engine {
    /// The name on the command line and in results.
    fn name(&self) -> &'static str;

    /// Its description on this machine.
    ///
    /// # Errors
    /// When it is not there, with how to get it.
    fn describe(&self) -> Result<Description, EngineError>;

    /// Copies of a network's weights that it has beside ours; as many as the engine that has most, if it does not say.
    fn copies(&self) -> Copies {
        Copies::new(2, 4)
    }

    /// Prepares a network to be run. An engine that can ends early once `stop` is set.
    ///
    /// # Errors
    /// When the engine is not there or cannot run it so, and [`EngineError::Stopped`] when it ended early.
    fn compile(
        &self,
        model: &Model,
        setup: &Setup,
        stop: &AtomicBool,
    ) -> Result<Box<dyn Session>, EngineError>;

    /// How it would compute a network, as text: which kernels compute what, and where its memory goes.
    ///
    /// # Errors
    /// When the engine does not show that, or cannot run the network.
    fn plan(&self, _model: &Model, _setup: &Setup) -> Result<String, EngineError> {
        Err(EngineError::Lacks { engine: self.name(), what: "a plan to show is".to_owned() })
    }

    /// The time of each node in each of `runs` runs, after a few warm-up runs. When it is stopped, the times of the
    /// finished runs are returned, even if there are none. An engine that can ends a run early once `stop` is set.
    ///
    /// # Errors
    /// When the engine was not found, fails or does not support per-node timing.
    fn node_times(
        &self,
        model: &Model,
        setup: &Setup,
        input: Arc<[f32]>,
        runs: usize,
        stop: &AtomicBool,
        listen: &mut ProgressFn<'_>,
    ) -> Result<NodeTimings, EngineError>;
}

/// Called with the fraction that is done, from 0 to 1, wherever an engine can stop; returns whether to go on.
pub type ProgressFn<'a> = dyn FnMut(f64) -> ControlFlow<()> + 'a;

/// Steps done as a fraction of all steps.
#[expect(clippy::cast_precision_loss, reason = "step counts are below 2^52")]
pub(crate) fn share(done: usize, all: usize) -> f64 {
    done as f64 / all.max(1) as f64
}

/// Where the memory of a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionMemory {
    /// In this process, whose growth is measured.
    InProcess,
    /// In another process or on a device: what loading and the first run took at most in bytes, if that is known.
    Elsewhere(Option<u64>),
}

/// A network prepared by an engine.
pub trait Session {
    /// The precision that it really computes in.
    fn precision(&self) -> Precision;

    /// Sets what [`Session::run`] reads: `batch x channels x height x width` values.
    ///
    /// # Errors
    /// When the engine refuses it.
    fn set_input(&mut self, input: Arc<[f32]>) -> Result<(), EngineError>;

    /// Runs once and does nothing else: this is timed. An engine that can ends early once `stop` is set.
    ///
    /// # Errors
    /// When the engine fails, and [`EngineError::Stopped`] when it ended early.
    fn run(&mut self, stop: &AtomicBool) -> Result<(), EngineError>;

    /// Runs several times, and returns the time of each run by the clock of its device; `None`, without a run, where the
    /// caller's clock is to be used. An engine that can ends early once `stop` is set.
    ///
    /// # Errors
    /// When the engine fails, and [`EngineError::Stopped`] when it ended early.
    fn timed_runs(
        &mut self,
        _runs: usize,
        _stop: &AtomicBool,
    ) -> Result<Option<Vec<Duration>>, EngineError> {
        Ok(None)
    }

    /// Where its memory is.
    fn memory(&self) -> SessionMemory {
        SessionMemory::InProcess
    }

    /// The device that it runs on, if that is not the processor and the engine describes it.
    fn accelerator(&self) -> Option<Accelerator> {
        None
    }

    /// Whether the output of the last run has only finite numbers; `None` if the session keeps no output.
    fn is_output_finite(&self) -> Option<bool> {
        None
    }

    /// Runs once and returns the output: `batch x classes` values.
    ///
    /// # Errors
    /// When the engine fails.
    fn output(&mut self) -> Result<Vec<f32>, EngineError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use inceptive_ir::{NewNode, Shape};

    #[test]
    fn nodes_are_counted_as_engines_see_them() {
        let mut graph = Graph::new(Shape::map(2, 2, 2), None).unwrap();
        let input = graph.input();
        let mut add = |op, name: &str, inputs: &[_]| {
            graph.add(NewNode::new(op, Path::new(name)), inputs).unwrap()
        };
        let relu = add(Op::Activation(Activation::Relu), "relu", &[input]);
        let silu = add(Op::Activation(Activation::Silu), "silu", &[input]);
        add(Op::Add { scales: vec![1.0, 0.5, 1.0] }, "add", &[relu, silu, input]);
        let model = Model::new("m", &graph, Weights::default()).unwrap();
        // One and two for the activations, two for each input of the sum.
        assert_eq!(model.onnx_nodes(), OnnxNodes { all: 9, longest_row: 8 });
    }
}
