//! Running programs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Phase, Program};
use crate::{
    memory::{Aligned, Buffer},
    pool::{Barrier, Pool, TooFewThreads},
    run::{Context, Feed, Rates},
    simd::Isa,
    step::Step,
};

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
