//! Running a plan.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use inceptive_kernels::program::Runner;
pub use inceptive_kernels::program::{RunError, StartError as SessionError};

use crate::{
    options::Options,
    plan::{Label, Plan},
};

/// A plan with memory and threads.
pub struct Session {
    plan: Arc<Plan>,
    runner: Runner,
    output: Vec<f32>,
}

/// The time of a step in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepTime {
    /// The step; `None` for the time that threads waited for each other.
    pub label: Option<Label>,
    /// Its share of the run's time: what all threads together spent, divided by their number.
    pub time: Duration,
}

impl Session {
    /// Allocates memory and starts threads. It returns early, soon after `stop` is set.
    ///
    /// # Errors
    /// When the system has no more threads or memory, or it was stopped.
    pub fn new(plan: Arc<Plan>, stop: &AtomicBool) -> Result<Self, SessionError> {
        let Options { isa, threads, .. } = plan.options();
        let runner = Runner::new(Arc::clone(&plan.program), isa, threads, stop)?;
        let len = plan.program.output_len().saturating_mul(plan.rounds);
        let mut output = Vec::new();
        let bytes = len.saturating_mul(size_of::<f32>());
        output.try_reserve_exact(len).map_err(|_| SessionError::Memory { bytes })?;
        output.resize(len, 0.0);
        Ok(Self { plan, runner, output })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The output of the last run; zeros before the first one.
    pub fn last_output(&self) -> &[f32] {
        &self.output
    }

    /// The outputs of the auxiliary heads in the last run, each `batch x channels x height x width` numbers.
    pub fn heads(&self) -> impl Iterator<Item = Vec<f32>> {
        self.plan.heads.iter().filter_map(|head| {
            let buffer = self.plan.program.buffers().get(head.view.buffer)?;
            Some(head.read(buffer, self.runner.numbers(head.view.buffer)))
        })
    }

    /// Runs once: `batch x channels x height x width` numbers in, `batch x classes` out. It ends early soon after `stop`
    /// is set.
    ///
    /// # Errors
    /// When it was stopped, or the input has another length.
    pub fn run(&mut self, input: &[f32], stop: &AtomicBool) -> Result<&[f32], RunError> {
        for (input, output) in rounds(&self.plan, input, &mut self.output)? {
            self.runner.run(input, output, stop)?;
        }
        Ok(&self.output)
    }

    /// Runs once and measures each step in its place.
    ///
    /// # Errors
    /// See [`Session::run`].
    pub fn run_timed(
        &mut self,
        input: &[f32],
        stop: &AtomicBool,
    ) -> Result<Vec<StepTime>, RunError> {
        let threads = u32::try_from(self.plan.options.threads).unwrap_or(u32::MAX).max(1);
        let labels = self.plan.labels.iter().flatten().cloned().map(Some).chain([None]);
        let mut steps: Vec<StepTime> =
            labels.map(|label| StepTime { label, time: Duration::ZERO }).collect();
        for (input, output) in rounds(&self.plan, input, &mut self.output)? {
            let times = self.runner.run_timed(input, output, stop)?;
            let times = times.steps.iter().flatten().chain([&times.waiting]);
            for (step, time) in steps.iter_mut().zip(times) {
                step.time += *time / threads;
            }
        }
        Ok(steps)
    }
}

/// The parts of the input and of the output that each round of a plan reads and writes.
fn rounds<'r>(
    plan: &Plan,
    input: &'r [f32],
    output: &'r mut [f32],
) -> Result<impl Iterator<Item = (&'r [f32], &'r mut [f32])>, RunError> {
    let (reads, writes) = (plan.program.input_len(), plan.program.output_len());
    if input.len() != reads.saturating_mul(plan.rounds) {
        return Err(RunError::Length);
    }
    Ok(input.chunks_exact(reads.max(1)).zip(output.chunks_exact_mut(writes.max(1))))
}
