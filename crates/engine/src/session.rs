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
        let len = plan.program.output_len();
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
        self.runner.run(input, &mut self.output, stop)?;
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
        let times = self.runner.run_timed(input, &mut self.output, stop)?;
        let threads = u32::try_from(self.plan.options.threads).unwrap_or(u32::MAX).max(1);
        let labels = self.plan.labels.iter().flatten();
        let mut steps: Vec<StepTime> = labels
            .zip(times.steps.iter().flatten())
            .map(|(label, time)| StepTime { label: Some(label.clone()), time: *time / threads })
            .collect();
        steps.push(StepTime { label: None, time: times.waiting / threads });
        Ok(steps)
    }
}
