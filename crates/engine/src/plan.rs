//! A network as a program: phases of steps, and the memory that they share.

use std::sync::{Arc, atomic::AtomicBool};

use inceptive_ir::{Graph, Path};
use inceptive_kernels::{
    LANES,
    conv::Segment,
    memory::{Buffer, View},
    program::{Phase, Program},
    step::Store,
};
use inceptive_weights::Weights;

use crate::{
    fuse::{Fused, Purpose, fuse},
    layout::{Layout, Schedule},
    methods::Methods,
    options::{Needs, Options, PlanError, check_memory},
    place::place,
    rounds::images_at_once,
    steps::Making,
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
    heads: Vec<usize>,
    schedule: Schedule,
    methods: Methods,
    layout: Layout,
    /// Those of one round.
    options: Options,
}

impl Drawn {
    fn new(graph: &Graph, options: Options) -> Result<Self, PlanError> {
        let Fused { mut units, output, heads } = fuse(graph, Purpose::Inference)?;
        // The outputs of heads are kept for the whole batch.
        let at_once = match heads.is_empty() {
            true => images_at_once(&units, options),
            false => options.batch,
        };
        let places = place(&mut units);
        // These do not depend on the number of threads, so that results do not.
        let methods = Methods::new(&units, options);
        let options = Options { batch: at_once, ..options };
        let schedule = Schedule::new(&units);
        let results: Vec<usize> = heads.iter().copied().chain([output]).collect();
        let batch = options.batch;
        let layout = Layout::new(graph, &units, &places, &schedule, &results, &methods, batch)?;
        Ok(Self { units, output, heads, schedule, methods, layout, options })
    }

    /// What the steps are made from.
    fn making<'a>(
        &'a self,
        graph: &'a Graph,
        weights: &'a Weights,
        stop: &'a AtomicBool,
    ) -> Making<'a> {
        let Self { units, methods, layout, options, .. } = self;
        let options = *options;
        Making { graph, weights, units, methods, layout, options, stop }
    }

    /// What a plan with these options takes, of which a round is made.
    fn needs(&self, making: &Making<'_>, options: Options) -> Result<Needs, PlanError> {
        let mut needs = making.needs(self.output)?;
        let rounds = options.batch / self.options.batch.max(1);
        needs.output = needs.output.saturating_mul(rounds as u64);
        check_memory(needs.total(), options.most_bytes)?;
        Ok(needs)
    }
}

/// The location of the output of an auxiliary head.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) view: View,
    segments: Arc<[Segment]>,
}

impl Head {
    /// Reads the output from the numbers of its buffer, as `images x channels x height x width`.
    pub(crate) fn read(&self, buffer: &Buffer, numbers: &[f32]) -> Vec<f32> {
        let channels: usize = self.segments.iter().map(|segment| segment.channels).sum();
        let Buffer { images, height, width, .. } = *buffer;
        let mut output = Vec::with_capacity(images * channels * height * width);
        for image in 0..images {
            for segment in &*self.segments {
                for channel in 0..segment.channels {
                    let block = self.view.first + segment.block + channel / LANES;
                    let plane = image * buffer.image() + block * buffer.plane();
                    let first = plane + buffer.inset() + channel % LANES;
                    for y in 0..height {
                        let row = numbers[first + y * buffer.row()..].iter();
                        output.extend(row.step_by(LANES).take(width));
                    }
                }
            }
        }
        output
    }
}

/// How a network is computed.
#[derive(Debug)]
pub struct Plan {
    pub(crate) program: Arc<Program>,
    /// The auxiliary heads, in the order of the graph.
    pub(crate) heads: Vec<Head>,
    /// For each phase and step.
    pub(crate) labels: Vec<Vec<Label>>,
    pub(crate) options: Options,
    /// How often the program runs for a batch.
    pub(crate) rounds: usize,
    weight_bytes: usize,
}

impl Plan {
    /// Plans an inference graph. Its normalisations should be folded before. The outputs of auxiliary heads, which may be
    /// any nodes, are kept for [`Session::heads`](crate::Session::heads).
    ///
    /// Packing weights takes a while, so it returns early, soon after `stop` is set.
    ///
    /// # Errors
    /// When weights are missing, the processor lacks the instruction set, the network is too large, or it was stopped.
    pub fn new(
        graph: &Graph,
        weights: &Weights,
        options: Options,
        stop: &AtomicBool,
    ) -> Result<Self, PlanError> {
        if !options.isa.is_available() {
            return Err(PlanError::Isa(options.isa));
        }
        let drawn = Drawn::new(graph, options)?;
        let making = drawn.making(graph, weights, stop);
        drawn.needs(&making, options)?;
        let mut made = making.make_all()?;
        let rounds = options.batch / drawn.options.batch.max(1);
        let Drawn { units, output, heads, schedule, layout, .. } = drawn;
        let mut phases: Vec<Phase> = (0..schedule.phases).map(|_| Vec::new()).collect();
        let mut labels: Vec<Vec<Label>> = vec![Vec::new(); schedule.phases];
        let mut weight_bytes = 0;
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
        let head = |&unit: &usize| {
            let segments = Arc::clone(&units[unit].segments);
            Head { view: layout.view(unit), segments }
        };
        let heads = heads.iter().map(head).collect();
        let program = Arc::new(Program::new(layout.buffers, phases)?);
        Ok(Self { program, heads, labels, options, rounds, weight_bytes })
    }

    /// What the plan of an inference graph would take.
    ///
    /// # Errors
    /// When that is more than there may be, or the network cannot be computed.
    pub fn needs(graph: &Graph, options: Options) -> Result<Needs, PlanError> {
        let drawn = Drawn::new(graph, options)?;
        let (weights, stop) = (&Weights::default(), &AtomicBool::new(false));
        drawn.needs(&drawn.making(graph, weights, stop), options)
    }

    /// For each phase its steps, which run side by side.
    pub fn labels(&self) -> &[Vec<Label>] {
        &self.labels
    }

    /// How it is run.
    pub fn options(&self) -> Options {
        self.options
    }

    /// How many images of the batch are computed at once.
    pub fn images_at_once(&self) -> usize {
        self.options.batch / self.rounds.max(1)
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
