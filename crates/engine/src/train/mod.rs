//! Training steps: forward pass, loss, backward pass and optimizer as one program.
//!
//! [`TrainPlan::new`] lists the steps of the forward and backward pass in order. From the buffers that each step reads and
//! writes, [`schedule`] finds which consecutive steps can run as a chain, on a part of the batch at a time, so that feature
//! maps stay in caches. It also finds where all threads must synchronize: for the statistics of a batch, for weights that
//! are read once for all images, and for the optimizer.

mod backward;
mod forward;
mod maps;
mod schedule;
mod session;
mod tensors;

use std::sync::Arc;

use inceptive_ir::{Graph, NodeId, Path, Role};
use inceptive_kernels::{
    LANES,
    conv::{Outermost, Places, Widths, Window},
    memory::{Border, Buffer, View},
    program::Program,
    step::{CrossEntropy, Learned, Loss, Rule, Squares, Step, Update},
};

use crate::{
    fuse::{Fused, Purpose, fuse},
    layout::Schedule,
    options::PlanError,
    place::{Place, place},
    units::{Kind, Unit, pair, window},
};
use maps::Maps;
pub use session::{Outcome, StartError, StateError, TrainError, TrainSession};
use tensors::Tensors;

/// Maximum number of parts of a batch that run in parallel; each sums its own gradients of weights.
const PARTS: usize = 16;

/// Bytes of packed weights that fit into a cache together with the feature maps of some images.
const WEIGHTS_IN_CACHE: usize = 192 << 10;

/// Maximum bytes of feature maps that a chain of steps processes at a time.
const MAPS_IN_CACHE: usize = 1 << 20;

/// Options of a training plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainOptions {
    /// Images per step.
    pub batch: usize,
    /// Threads that compute one step.
    pub threads: usize,
    /// The instruction set.
    pub isa: inceptive_kernels::Isa,
    /// Maximum memory in bytes.
    pub most_bytes: u64,
    /// Label smoothing: the share of each target that is distributed equally over all classes.
    pub smoothing: f32,
    /// The optimizer.
    pub rule: Rule,
    /// Gradient clipping: the maximum norm of all gradients together.
    pub clip: Option<f32>,
    /// The weight of the current batch when running statistics are updated.
    pub momentum: f32,
    /// Whether to keep a moving average of the parameters, see [`Rates::average`](inceptive_kernels::Rates::average).
    pub averages: bool,
}

impl TrainOptions {
    /// Number of parts of a batch that may run in parallel; it does not depend on the number of threads.
    fn parts(&self) -> usize {
        self.batch.div_ceil(self.images_of_part())
    }

    /// Images per part; the last part may have fewer.
    fn images_of_part(&self) -> usize {
        self.batch.div_ceil(PARTS).max(1)
    }
}

/// The program of a training step.
#[derive(Debug)]
pub struct TrainPlan {
    program: Arc<Program>,
    tensors: Tensors,
    options: TrainOptions,
    classes: usize,
    /// Number of outputs with a loss: the network's own, and those of its auxiliary heads.
    results: usize,
    /// The nodes of the steps of each phase.
    labels: Vec<Vec<String>>,
}

impl TrainPlan {
    /// Plans the training steps of a network with its auxiliary heads.
    ///
    /// # Errors
    /// When the processor lacks the instruction set, a result is not a vector, or the network is too large.
    pub fn new(graph: &Graph, options: TrainOptions) -> Result<Self, PlanError> {
        if !options.isa.is_available() {
            return Err(PlanError::Isa(options.isa));
        }
        let Fused { mut units, output, heads } = fuse(graph, Purpose::Training)?;
        let places = place(&mut units);
        let schedule = Schedule::new(&units);
        let results: Vec<(usize, f32)> = [(output, 1.0)]
            .into_iter()
            .chain(heads.into_iter().zip(graph.auxiliary().iter().map(|head| head.weight)))
            .collect();
        if results.iter().any(|(unit, _)| units[*unit].size.area() != 1) {
            return Err(PlanError::NoClasses);
        }
        let maps = Maps::new(graph, &units, &places, &results, options)?;
        let mut planner = Planner {
            graph,
            units: &units,
            options,
            tensors: Tensors::default(),
            maps,
            steps: Vec::new(),
            node: graph.input(),
            memory: vec![Memory::default(); units.len()],
        };
        for &unit in &schedule.order {
            planner.forward(unit)?;
        }
        for (head, &(unit, weight)) in results.iter().enumerate() {
            planner.loss(head, unit, weight);
        }
        for &unit in schedule.order.iter().rev() {
            planner.backward(unit)?;
        }
        planner.update();
        let Planner { steps, maps, tensors, .. } = planner;
        let (program, labels) = schedule::program(graph, steps, maps, options)?;
        Ok(Self {
            program: Arc::new(program),
            tensors,
            options,
            classes: units[output].channels(),
            results: results.len(),
            labels,
        })
    }

    /// Its options.
    pub fn options(&self) -> TrainOptions {
        self.options
    }

    /// Total bytes: feature maps, gradients, weights and the optimizer's state.
    pub fn bytes(&self) -> usize {
        self.program.arena_bytes() + self.program.scratch_bytes() * self.options.threads
    }

    /// The tensors that are learned, in the order of the optimizer's state, and whether weight decay applies to them.
    pub fn learned(&self) -> impl Iterator<Item = (&Path, Role, bool)> {
        self.tensors.learned_tensors()
    }

    /// Number of classes of the network.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of outputs with a loss: the network's own, and those of its auxiliary heads.
    pub fn results(&self) -> usize {
        self.results
    }
}

/// What a unit keeps from the forward pass for the backward pass.
#[derive(Clone, Debug, Default)]
struct Memory {
    factors: Option<View>,
    packed: Option<View>,
}

/// A step with the node that it is for.
struct Planned {
    step: Step,
    node: NodeId,
}

/// Lists steps in order.
struct Planner<'a> {
    graph: &'a Graph,
    units: &'a [Unit],
    options: TrainOptions,
    tensors: Tensors,
    maps: Maps,
    steps: Vec<Planned>,
    /// The node of the steps that are being added.
    node: NodeId,
    memory: Vec<Memory>,
}

impl Planner<'_> {
    fn step(&mut self, step: impl Into<Step>) {
        self.steps.push(Planned { step: step.into(), node: self.node });
    }

    /// A vector of so many numbers.
    fn vector(&mut self, len: usize) -> View {
        self.maps.table(1, len.div_ceil(LANES), 1)
    }

    /// The channel of each lane of a unit's blocks.
    fn channels(&self, unit: usize) -> Vec<Option<usize>> {
        let unit = &self.units[unit];
        let mut channels = vec![None; unit.blocks() * LANES];
        for (channel, lane) in unit.lanes().enumerate() {
            channels[lane] = Some(channel);
        }
        channels
    }

    /// The window, channels and places of a convolution or a fully connected layer.
    fn conv(&self, unit: usize) -> Option<(Window, Widths)> {
        let of = &self.units[unit];
        let (outputs, groups) = match &of.kind {
            Kind::Conv(conv) => (conv.out_channels as usize, conv.groups as usize),
            Kind::Linear { outputs, .. } => (*outputs, 1),
            _ => return None,
        };
        Some((window(of, self.units).unwrap_or(Window::POINT), Widths { outputs, groups }))
    }

    /// Where a layer reads, and where its result or the gradient of that lies.
    fn places(&self, unit: usize, y: View) -> Places<'_> {
        let input = self.units[unit].inputs[0];
        Places {
            buffers: &self.maps.buffers,
            x: self.maps.value(input),
            segments: &self.units[input].segments,
            y,
        }
    }

    /// The outermost loop of a layer: weights that are large compared with the feature maps of some images are read once.
    fn outermost(&self, unit: usize, weights: usize) -> Outermost {
        let input = self.units[unit].inputs[0];
        let bytes = |unit: usize| {
            let view = self.maps.value(unit);
            4 * view.blocks * self.maps.buffers[view.buffer].plane()
        };
        let maps = self.options.images_of_part() * (bytes(input) + bytes(unit));
        let weights = 4 * weights;
        if weights > WEIGHTS_IN_CACHE && weights > maps {
            Outermost::Weights
        } else {
            Outermost::Images
        }
    }

    /// The loss of an output, and its gradient.
    fn loss(&mut self, head: usize, unit: usize, weight: f32) {
        self.node = self.units[unit].node;
        let target = self.maps.target(unit);
        let loss = Loss { head, smoothing: self.options.smoothing, weight };
        let (logits, segments) = (self.maps.value(unit), Arc::clone(&self.units[unit].segments));
        let step = CrossEntropy::new(&self.maps.buffers, logits, target.view, segments, loss);
        self.step(step);
        self.finish(target);
    }

    /// The optimizer, for every tensor that has a gradient.
    fn update(&mut self) {
        let learned: Vec<Learned> =
            self.tensors.learned(self.options.rule, self.options.averages, &mut self.maps);
        if learned.is_empty() {
            return;
        }
        let clip = self.options.clip.map(|limit| {
            let squares = self.vector(Squares::pieces(&learned));
            self.step(Squares::new(learned.clone(), squares));
            (limit, squares)
        });
        self.step(Update::new(learned, self.options.rule, clip));
    }
}

/// Whether a unit has parameters.
fn learns(unit: &Unit) -> bool {
    match &unit.kind {
        Kind::Conv(_) | Kind::Depthwise(_) | Kind::Linear { .. } => true,
        Kind::BatchNorm(norm) => norm.scale || norm.center,
        Kind::Scale(scale) => scale.scale || scale.center,
        _ => false,
    }
}

/// The border of a buffer that is wide enough for all its uses.
fn widen(buffer: &mut Buffer, border: Border) {
    buffer.border = buffer.border.union(border);
}

/// Which units need a gradient: those with parameters, and those after them.
fn needs_gradient(units: &[Unit], order: &[usize]) -> Vec<bool> {
    let mut needs = vec![false; units.len()];
    for &unit in order {
        needs[unit] = learns(&units[unit]) || units[unit].reads().any(|read| needs[read]);
    }
    needs
}

/// The height and width of a unit's map.
fn size(unit: &Unit) -> [usize; 2] {
    pair(unit.size)
}

/// Where the result of a unit lies, by the unit that owns the buffer.
type Owners = [Place];
