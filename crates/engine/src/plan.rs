//! A network as a program: phases of steps, and the memory that they share.

use std::sync::{Arc, atomic::AtomicBool};

use inceptive_ir::{Graph, Path};
use inceptive_kernels::{
    program::{Phase, Program},
    step::Store,
};
use inceptive_weights::Weights;

use crate::{
    fuse::{Fused, Purpose, fuse},
    layout::{Layout, Schedule},
    options::{Needs, Options, PlanError},
    place::place,
    steps,
    units::Unit,
};

/// A step, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// The nodes that it computes, in execution order.
    pub nodes: Vec<Path>,
    /// Which kernel, and how it is cut.
    pub kernel: String,
    /// The buffer that it writes, by its position in the plan; `None` for what takes the output out.
    pub buffer: Option<usize>,
    /// Bytes of its packed weights.
    pub weight_bytes: usize,
}

/// What is computed when and where, without the steps.
struct Drawn {
    units: Vec<Unit>,
    output: usize,
    schedule: Schedule,
    layout: Layout,
}

impl Drawn {
    fn new(graph: &Graph, options: Options) -> Result<Self, PlanError> {
        let Fused { mut units, output, .. } = fuse(graph, Purpose::Inference)?;
        let places = place(&mut units);
        let schedule = Schedule::new(&units);
        let layout = Layout::new(graph, &units, &places, &schedule, output, options)?;
        Ok(Self { units, output, schedule, layout })
    }
}

/// How a network is computed.
#[derive(Debug)]
pub struct Plan {
    pub(crate) program: Arc<Program>,
    /// For each phase and step.
    pub(crate) labels: Vec<Vec<Label>>,
    pub(crate) options: Options,
    weight_bytes: usize,
}

impl Plan {
    /// Plans an inference graph. Its normalisations should be folded before.
    ///
    /// # Errors
    /// When weights are missing, the processor lacks the instruction set, or the network is too large.
    pub fn new(graph: &Graph, weights: &Weights, options: Options) -> Result<Self, PlanError> {
        Self::new_until(graph, weights, options, &AtomicBool::new(false))
    }

    /// The same; weights are packed no longer soon after `stop` is set.
    ///
    /// # Errors
    /// See [`Plan::new`], and [`PlanError::Stopped`].
    pub fn new_until(
        graph: &Graph,
        weights: &Weights,
        options: Options,
        stop: &AtomicBool,
    ) -> Result<Self, PlanError> {
        if !options.isa.is_available() {
            return Err(PlanError::Isa(options.isa));
        }
        let Drawn { units, output, schedule, layout } = Drawn::new(graph, options)?;
        let mut phases: Vec<Phase> = (0..schedule.phases).map(|_| Vec::new()).collect();
        let mut labels: Vec<Vec<Label>> = vec![Vec::new(); schedule.phases];
        let context =
            steps::Making { graph, weights, units: &units, layout: &layout, options, stop };
        let mut weight_bytes = 0;
        context.needs(output)?;
        let mut made = context.make_all()?;
        for &unit in &schedule.order {
            let Some(made) = made[unit].take() else { continue };
            let phase = schedule.phase_of[unit];
            weight_bytes += made.weight_bytes;
            phases[phase].push(made.step);
            labels[phase].push(Label {
                nodes: units[unit]
                    .nodes
                    .iter()
                    .map(|&node| graph.node(node).path.clone())
                    .collect(),
                kernel: made.kernel,
                buffer: Some(layout.view(unit).buffer),
                weight_bytes: made.weight_bytes,
            });
        }
        let segments = Arc::clone(&units[output].segments);
        let store = Store::new(&layout.buffers, layout.view(output), segments);
        phases.push(vec![store.into()]);
        labels.push(vec![Label { kernel: "store".to_owned(), ..Label::default() }]);
        let program = Arc::new(Program::new(layout.buffers, phases)?);
        Ok(Self { program, labels, options, weight_bytes })
    }

    /// What the plan of an inference graph would take.
    ///
    /// # Errors
    /// When that is more than there may be, or the network cannot be computed.
    pub fn needs(graph: &Graph, options: Options) -> Result<Needs, PlanError> {
        let Drawn { units, output, layout, .. } = Drawn::new(graph, options)?;
        let (weights, stop) = (&Weights::default(), &AtomicBool::new(false));
        let context =
            steps::Making { graph, weights, units: &units, layout: &layout, options, stop };
        context.needs(output)
    }

    /// For each phase its steps, which run side by side.
    pub fn labels(&self) -> &[Vec<Label>] {
        &self.labels
    }

    /// How it is run.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Bytes of all feature maps, which share memory.
    pub fn activation_bytes(&self) -> usize {
        self.program.arena_bytes()
    }

    /// Bytes that the threads need beside.
    pub fn scratch_bytes(&self) -> usize {
        self.program.scratch_bytes() * self.options.threads
    }

    /// Bytes of the weights as kernels read them.
    pub fn weight_bytes(&self) -> usize {
        self.weight_bytes
    }
}
