//! Measuring the networks of a report.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use inceptive_app::{BenchPlan, ProfilePlan, Request, Task, TaskContext, TaskEvent, WeightSource};
use inceptive_bench::{Protocol, System, available_memory};
use inceptive_store::Store;

use crate::{commands::bench::watch::Watch, machinery::EngineArguments};

/// Runs per median of a profile.
const PROFILE_RUNS: usize = 3;

/// How networks are measured.
pub struct Measuring<'a> {
    pub engine: &'a EngineArguments,
    pub batches: Vec<u32>,
    pub threads: Vec<u32>,
    pub budget: Duration,
    pub seed: u64,
    pub store: &'a Path,
}

impl Measuring<'_> {
    /// Benchmarks the networks, then profiles them in the first setup on the first engine with per-node timing, until it
    /// is stopped. Saves everything to the store; returns the errors.
    pub fn run(&self, requests: Vec<Request>, stop: &AtomicBool) -> anyhow::Result<Vec<String>> {
        let engines = self.engine.found()?;
        let mut store = Store::open(self.store)?;
        let machine = inceptive_bench::this_machine();
        let threads = match self.threads.as_slice() {
            [] => vec![machine.default_threads().get()],
            threads => threads.to_vec(),
        };
        let context = TaskContext {
            engines: &engines,
            host: &System::new(),
            machine: &machine,
            roofline: &inceptive_bench::measure_roofline,
            available_bytes: available_memory(),
            stop,
            wait: &inceptive_app::NEVER,
        };
        let plan = BenchPlan {
            requests,
            weights: WeightSource { seed: self.seed, ..WeightSource::default() },
            batches: self.batches.clone(),
            threads,
            precision: self.engine.precision(),
            device: self.engine.device().to_owned(),
            protocol: Protocol { budget: self.budget, seed: self.seed, ..Protocol::default() },
            paired: false,
        };
        let mut wrong = Vec::new();
        let watch = Watch::new(false, false);
        let profiling = profile_plan(&plan);
        Task::Bench(plan).run(&context, &mut store, &mut |event| {
            if let TaskEvent::Failed(failure) = &event {
                wrong.push(failure.message.clone());
            }
            watch.event(&event);
        });
        let first = engines.iter().position(|found| found.description.has_node_times);
        if let Some(at) = first.filter(|_| !context.is_stopped()) {
            let context = TaskContext { engines: &engines[at..=at], ..context };
            Task::Profile(profiling).run(&context, &mut store, &mut |event| {
                match &event {
                    // Errors of reading were printed before.
                    TaskEvent::Failed(failure) if failure.is_reading() => return,
                    TaskEvent::Failed(failure) => wrong.push(failure.message.clone()),
                    _ => {}
                }
                watch.event(&event);
            });
        }
        watch.finish();
        if stop.load(Ordering::Relaxed) {
            wrong.push(
                "the measurement was interrupted; only results finished before are shown"
                    .to_owned(),
            );
        }
        Ok(wrong)
    }
}

/// Profiles of each network in the first setup.
fn profile_plan(plan: &BenchPlan) -> ProfilePlan {
    ProfilePlan {
        requests: plan.requests.clone(),
        weights: plan.weights.clone(),
        batches: plan.batches.iter().take(1).copied().collect(),
        threads: plan.threads.iter().take(1).copied().collect(),
        precision: plan.precision,
        device: plan.device.clone(),
        runs: PROFILE_RUNS,
    }
}
