//! Programs: steps over one block of memory, run by several threads.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    memory::{Aligned, Buffer, View},
    pool::{Barrier, Pool, TooFewThreads},
    run::{Context, Feed, Invalid, Rates, Reason},
    simd::{Isa, LANES},
    step::Step,
};

/// Steps that do not depend on each other: their tasks may run in any order.
pub type Phase = Vec<Step>;

/// Steps over buffers in an arena.
#[derive(Debug)]
pub struct Program {
    buffers: Vec<Buffer>,
    phases: Vec<Phase>,
    arena_len: usize,
    scratch_len: usize,
    input_len: usize,
    output_len: usize,
    labels_len: usize,
    stretches: Vec<Stretch>,
}

/// Phases at whose ends threads do not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    phases: Range<usize>,
    /// Whether each of its phases has a single task, so that one thread does all of them.
    is_for_one: bool,
}

/// Phases with a single task become one stretch with those behind them; the others are stretches by themselves.
fn stretches(phases: &[Phase]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (index, phase) in phases.iter().enumerate() {
        let tasks: usize = phase.iter().map(Step::tasks).sum();
        let is_for_one = tasks <= 1;
        match stretches.last_mut() {
            Some(last) if is_for_one && last.is_for_one => last.phases.end = index + 1,
            _ => stretches.push(Stretch { phases: index..index + 1, is_for_one }),
        }
    }
    stretches
}

impl Program {
    /// Checks the steps: every address that they can compute lies in their buffers, and steps of one phase do not use
    /// what another of them writes.
    ///
    /// # Errors
    /// When that is not so.
    pub fn new(buffers: Vec<Buffer>, phases: Vec<Phase>) -> Result<Self, Invalid> {
        let arena = |buffer: &Buffer| {
            let pixel_fits = (1..=LANES).contains(&buffer.pixel)
                && (buffer.pixel == LANES || buffer.blocks == 1);
            let size = [buffer.images, buffer.blocks, buffer.height, buffer.width];
            let is_filled = size.into_iter().all(|size| size > 0);
            let is_valid = pixel_fits && is_filled && buffer.offset.is_multiple_of(LANES);
            is_valid.then(|| buffer.offset + buffer.len())
        };
        let ends: Option<Vec<usize>> = buffers.iter().map(arena).collect();
        let Some(ends) = ends else { return Err(Invalid::new("program", Reason::Arena)) };
        let (mut input_len, mut output_len, mut scratch_len) = (0, 0, 0);
        let mut labels_len = 0;
        for phase in &phases {
            for step in phase {
                let run = step.as_run();
                let refuse = |reason| Err(Invalid::new(run.name(), reason));
                let is_inside = |view: &View| {
                    let buffer = buffers.get(view.buffer);
                    view.blocks > 0
                        && buffer.is_some_and(|buffer| view.first + view.blocks <= buffer.blocks)
                };
                if !run.reads().iter().chain(&run.writes()).all(is_inside) {
                    return refuse(Reason::Buffer);
                }
                if let Some(reason) = run.check(&buffers) {
                    return refuse(reason);
                }
                input_len = input_len.max(run.input_len(&buffers));
                output_len = output_len.max(run.output_len(&buffers));
                labels_len = labels_len.max(run.labels_len(&buffers));
                scratch_len = scratch_len.max(run.scratch());
            }
            check_phase(&buffers, phase)?;
        }
        let arena_len = ends.into_iter().max().unwrap_or(0);
        let stretches = stretches(&phases);
        Ok(Self {
            buffers,
            phases,
            arena_len,
            scratch_len,
            input_len,
            output_len,
            labels_len,
            stretches,
        })
    }

    /// Its phases, in order.
    pub fn phases(&self) -> &[Phase] {
        &self.phases
    }

    /// Where feature maps lie.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// Bytes of the arena.
    pub fn arena_bytes(&self) -> usize {
        4 * self.arena_len
    }

    /// Bytes of scratch memory of each thread.
    pub fn scratch_bytes(&self) -> usize {
        4 * self.scratch_len.next_multiple_of(LANES)
    }

    /// Number of input values.
    pub fn input_len(&self) -> usize {
        self.input_len
    }

    /// Number of output values.
    pub fn output_len(&self) -> usize {
        self.output_len
    }
}

/// Checks that no step of a phase uses what another one, or it at another place, writes.
fn check_phase(buffers: &[Buffer], phase: &[Step]) -> Result<(), Invalid> {
    let mut uses = Vec::new();
    for (index, step) in phase.iter().enumerate() {
        let run = step.as_run();
        let (reads, writes) = (run.reads(), run.writes());
        let is_wrong = match step {
            // Its own steps may use what others of them wrote for the same image; it has checked that.
            Step::Chain(chain) => chain.has_conflict(buffers),
            _ => clashes(&reads, &writes),
        };
        if is_wrong {
            return Err(Invalid::new(run.name(), Reason::Conflict));
        }
        uses.extend(reads.into_iter().map(|view| Use { view, step: index, is_write: false }));
        uses.extend(writes.into_iter().map(|view| Use { view, step: index, is_write: true }));
    }
    let conflict = |step: usize| Err(Invalid::new(phase[step].as_run().name(), Reason::Conflict));
    let views = || uses.iter().map(|of| (of.view.buffer, of.is_write));
    if let Some(buffer) = overlapping(buffers, views()) {
        let user = uses.iter().find(|of| of.view.buffer == buffer);
        return conflict(user.map_or(0, |of| of.step));
    }
    // Blocks of a buffer in ascending order, so that those before may share blocks with it if they end after its start.
    uses.sort_unstable_by_key(|of| (of.view.buffer, of.view.first));
    for of_buffer in uses.chunk_by(|a, b| a.view.buffer == b.view.buffer) {
        let (mut written, mut used) = (Ends::default(), Ends::default());
        for of in of_buffer {
            let View { first, blocks, .. } = of.view;
            let others = if of.is_write { &used } else { &written };
            if others.end_of_others(of.step) > first {
                return conflict(of.step);
            }
            used.add(of.step, first + blocks);
            if of.is_write {
                written.add(of.step, first + blocks);
            }
        }
    }
    Ok(())
}

/// Whether a step reads blocks that it writes at another place.
fn clashes(reads: &[View], writes: &[View]) -> bool {
    let mut of_buffer: HashMap<usize, Vec<&View>> = HashMap::new();
    reads.iter().for_each(|read| of_buffer.entry(read.buffer).or_default().push(read));
    writes.iter().any(|write| {
        let reads = of_buffer.get(&write.buffer).into_iter().flatten();
        reads.filter(|read| **read != write).any(|read| read.shares_blocks(write))
    })
}

/// A view that a step reads or writes.
struct Use {
    view: View,
    step: usize,
    is_write: bool,
}

/// The highest end of any step, and the highest end of another step.
#[derive(Default)]
struct Ends {
    highest: Option<(usize, usize)>,
    second: usize,
}

impl Ends {
    fn add(&mut self, step: usize, end: usize) {
        match self.highest {
            Some((highest, of)) if of == step => self.highest = Some((highest.max(end), step)),
            Some((highest, _)) if highest >= end => self.second = self.second.max(end),
            before => {
                self.second = self.second.max(before.map_or(0, |(highest, _)| highest));
                self.highest = Some((end, step));
            }
        }
    }

    /// The highest end of the steps other than this one.
    fn end_of_others(&self, step: usize) -> usize {
        match self.highest {
            Some((_, of)) if of == step => self.second,
            Some((highest, _)) => highest,
            None => 0,
        }
    }
}

/// A buffer that has a number in common with another one, of which at least one is written. `uses` are buffers, each with
/// whether it is written.
pub(crate) fn overlapping(
    buffers: &[Buffer],
    uses: impl Iterator<Item = (usize, bool)>,
) -> Option<usize> {
    let mut used: Vec<(usize, bool)> = uses.collect();
    // Each buffer once; that it is written comes first.
    used.sort_unstable_by_key(|&(buffer, is_written)| {
        (buffers[buffer].offset, buffer, !is_written)
    });
    used.dedup_by_key(|&mut (buffer, _)| buffer);
    let (mut end, mut written_end) = (0, 0);
    for (buffer, is_written) in used {
        let std::ops::Range { start, end: own_end } = buffers[buffer].range();
        if start < if is_written { end } else { written_end } {
            return Some(buffer);
        }
        end = end.max(own_end);
        if is_written {
            written_end = written_end.max(own_end);
        }
    }
    None
}

/// A run was stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped")]
pub struct Stopped;

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gives no more threads.
    #[error(transparent)]
    Threads(#[from] TooFewThreads),
    /// The system gives no more memory.
    #[error("cannot get {} MiB of memory", .bytes >> 20)]
    Memory {
        /// What was asked for.
        bytes: usize,
    },
    /// It was stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a program could not be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// It was stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// Input or output have another length than the program's, or its memory is too short.
    #[error("the input, the output or the memory has the wrong length")]
    Length,
    /// The processor does not have the instruction set.
    #[error("this processor does not have {0}")]
    Isa(Isa),
}

/// Times of the steps of a run, summed over threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// For each phase and each of its steps: the time that all threads together spent in it.
    pub steps: Vec<Vec<Duration>>,
    /// Time that all threads together waited for others.
    pub waiting: Duration,
    /// The whole run.
    pub whole: Duration,
}

/// Runs a program any number of times, with its own memory and threads.
pub struct Runner<M = Aligned> {
    program: Arc<Program>,
    isa: Isa,
    arena: M,
    scratch: Vec<M>,
    pool: Pool,
    /// For each phase and thread, the next of the thread's own tasks.
    next: Vec<AtomicUsize>,
}

/// The address of a thread's own memory, or of one that tasks divide among themselves.
#[derive(Clone, Copy)]
struct Shared(*mut f32);

// SAFETY: threads use the memory behind it as the tasks of a checked program do: never the same number at once,
// unless all of them only read it.
unsafe impl Sync for Shared {}

/// The address of memory that is long enough.
fn shared(memory: &mut impl AsMut<[f32]>, len: usize) -> Result<Shared, RunError> {
    let numbers = memory.as_mut();
    if numbers.len() < len { Err(RunError::Length) } else { Ok(Shared(numbers.as_mut_ptr())) }
}

impl Runner {
    /// Allocates memory and starts threads. Much memory takes a while, so it returns early, soon after `stop` is set.
    ///
    /// # Errors
    /// When the system has no more threads or memory, or it was stopped.
    pub fn new(
        program: Arc<Program>,
        isa: Isa,
        threads: usize,
        stop: &AtomicBool,
    ) -> Result<Self, StartError> {
        Self::start(program, isa, threads, |len| {
            let bytes = len.saturating_mul(size_of::<f32>());
            Aligned::try_zeros_until(len, stop).ok_or_else(|| match stop.load(Ordering::Relaxed) {
                true => Stopped.into(),
                false => StartError::Memory { bytes },
            })
        })
    }
}

impl Runner {
    /// The numbers of a buffer.
    pub fn numbers(&self, buffer: usize) -> &[f32] {
        let range = self.program.buffers.get(buffer).map_or(0..0, Buffer::range);
        &self.arena.as_slice()[range]
    }

    /// The numbers of a buffer, to change them.
    pub fn numbers_mut(&mut self, buffer: usize) -> &mut [f32] {
        let range = self.program.buffers.get(buffer).map_or(0..0, Buffer::range);
        &mut self.arena.as_mut_slice()[range]
    }
}

impl<M: AsMut<[f32]>> Runner<M> {
    /// Starts threads, with memory of another kind: `allocate` makes one for so many numbers.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn with_memory(
        program: Arc<Program>,
        isa: Isa,
        threads: usize,
        allocate: impl Fn(usize) -> M,
    ) -> Result<Self, StartError> {
        Self::start(program, isa, threads, |len| Ok(allocate(len)))
    }

    fn start(
        program: Arc<Program>,
        isa: Isa,
        threads: usize,
        allocate: impl Fn(usize) -> Result<M, StartError>,
    ) -> Result<Self, StartError> {
        let arena = allocate(program.arena_len)?;
        let scratch: Result<Vec<M>, StartError> =
            (0..threads.max(1)).map(|_| allocate(program.scratch_len)).collect();
        let scratch = scratch?;
        let pool = Pool::new(threads)?;
        let next =
            (0..program.phases.len() * pool.threads()).map(|_| AtomicUsize::new(0)).collect();
        Ok(Self { isa, arena, scratch, pool, next, program })
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The instruction set.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Runs once. During the run, all threads treat subnormal numbers as zero.
    ///
    /// # Errors
    /// When it was stopped, or the input or output has the wrong length.
    pub fn run(
        &mut self,
        input: &[f32],
        output: &mut [f32],
        stop: &AtomicBool,
    ) -> Result<(), RunError> {
        let feed = Feed { input, labels: &[], rates: Rates::default(), seed: 0 };
        self.run_with(feed, output, stop, None)
    }

    /// Runs once, with the inputs of a training step.
    ///
    /// # Errors
    /// See [`Runner::run`].
    pub fn run_fed(
        &mut self,
        feed: Feed<'_>,
        output: &mut [f32],
        stop: &AtomicBool,
    ) -> Result<(), RunError> {
        self.run_with(feed, output, stop, None)
    }

    /// Runs once and measures the time of each step.
    ///
    /// # Errors
    /// See [`Runner::run`].
    pub fn run_timed(
        &mut self,
        input: &[f32],
        output: &mut [f32],
        stop: &AtomicBool,
    ) -> Result<Times, RunError> {
        let feed = Feed { input, labels: &[], rates: Rates::default(), seed: 0 };
        self.run_fed_timed(feed, output, stop)
    }

    /// Runs once, with the inputs of a training step, and measures the time of each step.
    ///
    /// # Errors
    /// See [`Runner::run`].
    pub fn run_fed_timed(
        &mut self,
        feed: Feed<'_>,
        output: &mut [f32],
        stop: &AtomicBool,
    ) -> Result<Times, RunError> {
        let clocks = Clocks::new(&self.program);
        let start = Instant::now();
        self.run_with(feed, output, stop, Some(&clocks))?;
        let whole = start.elapsed();
        let steps = clocks.times(&self.program);
        let busy: Duration = steps.iter().flatten().sum();
        let threads = u32::try_from(self.pool.threads()).unwrap_or(u32::MAX);
        Ok(Times { steps, waiting: (whole * threads).saturating_sub(busy), whole })
    }

    fn run_with(
        &mut self,
        feed: Feed<'_>,
        output: &mut [f32],
        stop: &AtomicBool,
        clocks: Option<&Clocks>,
    ) -> Result<(), RunError> {
        let program = &*self.program;
        let fits = feed.input.len() == program.input_len
            && output.len() == program.output_len
            && feed.labels.len() == program.labels_len;
        if !fits {
            return Err(RunError::Length);
        }
        if !self.isa.is_available() {
            return Err(RunError::Isa(self.isa));
        }
        self.next.iter().for_each(|next| next.store(0, Ordering::Relaxed));
        let threads = self.pool.threads();
        let (isa, next, barrier) = (self.isa, &self.next, self.pool.barrier());
        let arena = shared(&mut self.arena, program.arena_len)?;
        let output = Shared(output.as_mut_ptr());
        let scratch: Result<Vec<Shared>, RunError> =
            self.scratch.iter_mut().map(|own| shared(own, program.scratch_len)).collect();
        let scratch = scratch?;
        let addresses = (&arena, &output, &scratch);
        self.pool.run(&|thread| {
            let _guard = BreakUp(&barrier);
            let _mode = crate::subnormal::FlushToZero::set();
            let (arena, output, scratch) = addresses;
            let context = Context {
                isa,
                arena: arena.0,
                buffers: &program.buffers,
                feed,
                output: output.0,
                scratch: scratch[thread].0,
                clocks: None,
                stop,
            };
            for (index, stretch) in program.stretches.iter().enumerate() {
                // Who leaves lets the others leave too.
                if index > 0 && !barrier.wait() {
                    return;
                }
                if stretch.is_for_one && thread > 0 {
                    continue;
                }
                for index in stretch.phases.clone() {
                    if context.is_stopped() {
                        return barrier.break_up();
                    }
                    let clocks = clocks.map(|clocks| clocks.phase(index));
                    let next = &next[index * threads..(index + 1) * threads];
                    // SAFETY: the program has checked its steps, the processor has the instruction set, and each task is
                    // taken by one thread. Phases are kept apart by the barrier, or done by one thread.
                    unsafe { run_phase(&program.phases[index], &context, next, thread, clocks) };
                }
            }
        });
        // A thread that left early saw the flag, whatever it is now.
        let is_stopped = stop.load(Ordering::Relaxed) || barrier.is_broken();
        if is_stopped { Err(Stopped.into()) } else { Ok(()) }
    }
}

/// Lets the other threads pass when this one panics.
struct BreakUp<'a>(&'a Barrier);

impl Drop for BreakUp<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.break_up();
        }
    }
}

/// Does tasks of a phase until there are none: first those of this thread, then those of others.
///
/// # Safety
/// See [`Run::run`]; `next` counts the tasks that were taken of each thread's part.
unsafe fn run_phase(
    phase: &[Step],
    context: &Context<'_>,
    next: &[AtomicUsize],
    thread: usize,
    clocks: Option<&[AtomicUsize]>,
) {
    let threads = next.len();
    // Every step is cut into parts by itself, so that a thread finds what it wrote in the phase before.
    for part in (0..threads).map(|part| (thread + part) % threads) {
        // The step of the last task, and the number of tasks in this part of the steps before it. What is taken grows.
        let (mut index, mut before) = (0, 0);
        loop {
            let taken = next[part].fetch_add(1, Ordering::Relaxed);
            let mut found = None;
            while let Some(step) = phase.get(index) {
                let tasks = step.as_run().tasks();
                let own = tasks * part / threads..tasks * (part + 1) / threads;
                if taken - before < own.len() {
                    found = Some((step, own.start + taken - before));
                    break;
                }
                (index, before) = (index + 1, before + own.len());
            }
            let Some((step, task)) = found else { break };
            if context.is_stopped() {
                return;
            }
            if let (Step::Chain(_), Some(_)) = (step, clocks) {
                // Its steps are measured one by one.
                let context = Context { clocks, ..*context };
                // SAFETY: the caller's promise.
                unsafe { step.as_run().run(&context, task) };
                continue;
            }
            let watch = clocks.map(|clocks| Watch::start(&clocks[index]));
            // SAFETY: the caller's promise.
            unsafe { step.as_run().run(context, task) };
            drop(watch);
        }
    }
}

/// Adds the time until it is dropped to a clock.
pub(crate) struct Watch<'a> {
    clock: &'a AtomicUsize,
    start: Instant,
}

impl<'a> Watch<'a> {
    pub(crate) fn start(clock: &'a AtomicUsize) -> Self {
        Self { clock, start: Instant::now() }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let nanoseconds = usize::try_from(self.start.elapsed().as_nanos()).unwrap_or(usize::MAX);
        self.clock.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

/// Nanoseconds of each step; of each step of a chain where a phase is one.
struct Clocks(Vec<Vec<AtomicUsize>>);

impl Clocks {
    fn new(program: &Program) -> Self {
        let of_phase = |phase: &Phase| {
            let steps = match phase.as_slice() {
                [Step::Chain(chain)] => chain.steps().len(),
                steps => steps.len(),
            };
            (0..steps).map(|_| AtomicUsize::new(0)).collect()
        };
        Self(program.phases.iter().map(of_phase).collect())
    }

    fn phase(&self, index: usize) -> &[AtomicUsize] {
        &self.0[index]
    }

    fn times(self, _program: &Program) -> Vec<Vec<Duration>> {
        let time = |clock: AtomicUsize| Duration::from_nanos(clock.into_inner() as u64);
        self.0.into_iter().map(|phase| phase.into_iter().map(time).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        chain::Chain,
        memory::Border,
        step::{Gather, Load},
    };

    fn buffer(offset: usize, blocks: usize) -> Buffer {
        let border = Border::default();
        Buffer { offset, images: 1, blocks, height: 1, width: 1, border, pixel: LANES }
    }

    /// By comparing each pair.
    fn has_conflict(buffers: &[Buffer], phase: &[(View, View)]) -> bool {
        let clash = |a: &View, b: &View| match a.buffer == b.buffer {
            true => a.shares_blocks(b),
            false => buffers[a.buffer].overlaps(&buffers[b.buffer]),
        };
        phase.iter().enumerate().any(|(at, (read, write))| {
            (read != write && clash(read, write))
                || phase[at + 1..].iter().any(|(other_read, other_write)| {
                    clash(write, other_read)
                        || clash(write, other_write)
                        || clash(read, other_write)
                })
        })
    }

    proptest! {
        #[test]
        fn conflicts_are_those_of_pairs(
            offsets in prop::collection::vec(0_usize..12, 4),
            raw in prop::collection::vec(((0_usize..4, 0_usize..3), (0_usize..4, 0_usize..3)), 1..5),
        ) {
            let buffers: Vec<Buffer> =
                offsets.iter().map(|offset| buffer(offset * 3 * LANES, 4)).collect();
            let view = |(buffer, first)| View { buffer, first, blocks: 2 };
            let views: Vec<(View, View)> =
                raw.into_iter().map(|(from, to)| (view(from), view(to))).collect();
            let phase: Vec<Step> = views
                .iter()
                .map(|&(from, to)| Gather::new(&buffers, from, to, vec![0]).into())
                .collect();
            let found = check_phase(&buffers, &phase);
            prop_assert_eq!(found.is_err(), has_conflict(&buffers, &views), "{:?}", views);
        }
    }

    /// Comparing each pair would take minutes.
    #[test]
    fn many_steps_of_a_phase_are_checked_and_run_in_no_time() {
        let count = 100_000;
        let buffers: Vec<Buffer> = (0..count).map(|at| buffer(at * LANES, 1)).collect();
        let load =
            |at| Step::from(Load::new(&buffers, View { buffer: at, first: 0, blocks: 1 }, LANES));
        let mut phase: Vec<Step> = (0..count).map(load).collect();
        assert!(check_phase(&buffers, &phase).is_ok());
        let all = |first: usize| -> Vec<View> {
            (first..first + count).map(|buffer| View { buffer, first: 0, blocks: 1 }).collect()
        };
        assert!(!clashes(&all(0), &all(0)) && !clashes(&all(0), &all(count)));
        phase.push(load(7));
        assert!(check_phase(&buffers, &phase).is_err());
        phase.pop();
        let program = Arc::new(Program::new(buffers.clone(), vec![phase]).unwrap());
        let stop = AtomicBool::new(false);
        let mut runner = Runner::new(program, Isa::best(), 2, &stop).unwrap();
        runner.run(&[7.0; LANES], &mut [], &stop).unwrap();
        assert!(runner.numbers(count - 1).iter().all(|x| *x == 7.0));
        let chain = Chain::new((0..count).map(load).collect(), 1, 1, 1);
        assert!(check_phase(&buffers, &[chain.into()]).is_ok());
        // One number in common with the next buffer.
        let mut moved = buffers.clone();
        moved[5].offset += 1;
        let chain = Chain::new((0..count).map(load).collect(), 1, 1, 1);
        assert!(check_phase(&moved, &[chain.into()]).is_err());
    }
}
