//! Profiling networks on engines.

use std::ops::ControlFlow;

use inceptive_bench::{
    Copies, MemoryEstimate, PrecisionRequest, Setup, available_memory, random_input_until,
};
use inceptive_report::batch_and_threads;
use inceptive_results::{ProfileRecord, Roofline};
use inceptive_store::Store;
use serde::{Deserialize, Serialize};

use crate::{
    engines::AvailableEngine,
    error::TaskError,
    measured::{Network, Request},
    memory::{Purpose, check_memory, with_batch},
    network::WeightSource,
    running::{Found, Running, TaskContext, TaskEvent, TaskOutcome, TaskRecord},
};

/// What to profile, and how: every network with each number of threads, each batch size and each engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfilePlan {
    /// The networks.
    pub requests: Vec<Request>,
    /// Their weights; the seed is that of inputs too.
    pub weights: WeightSource,
    /// Batch sizes; each is profiled separately.
    pub batches: Vec<u32>,
    /// Threads of one run; each is profiled apart.
    pub threads: Vec<u32>,
    /// The precision wished for.
    pub precision: PrecisionRequest,
    /// The device.
    pub device: String,
    /// Runs per median.
    pub runs: usize,
}

/// Profiles networks. Each profile is in the store before it is reported. After a stop, a profile is made of the runs
/// until then, if there are enough.
pub(crate) fn profile(
    plan: &ProfilePlan,
    context: &TaskContext<'_>,
    store: &mut Store,
    listen: &mut dyn FnMut(TaskEvent),
) -> TaskOutcome {
    let each = plan.threads.len() * plan.batches.len() * context.engines.len();
    let mut profiler = Profiler {
        plan,
        running: Running::new(context, store, listen),
        rooflines: vec![],
        done: 0,
        found: vec![],
    };
    profiler.running.plan(each * plan.requests.len());
    for (at, request) in plan.requests.iter().enumerate() {
        if profiler.running.wants_stop() {
            break;
        }
        profiler.done = at * each;
        profiler.request(request);
    }
    profiler.running.finish(Found { profiles: profiler.found, ..Found::default() })
}

struct Profiler<'a> {
    plan: &'a ProfilePlan,
    running: Running<'a>,
    /// The limits of the machine for each number of threads so far.
    rooflines: Vec<Roofline>,
    /// Profiles that were made, or failed.
    done: usize,
    found: Vec<ProfileRecord>,
}

impl Profiler<'_> {
    /// Reports the progress of the current profile.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
    fn progress(&mut self, share: f64, activity: &str) {
        self.running.progress(self.done as f64 + share, activity.to_owned());
    }

    fn request(&mut self, request: &Request) {
        self.progress(0.0, &format!("loading {}", request.file.display()));
        let batch = self.plan.batches.iter().copied().max().unwrap_or(1);
        // One engine has it at a time.
        let engines = self.running.context.engines;
        let copies = Copies::in_turn(engines.iter().map(|found| found.engine.copies()));
        let threads = self.plan.threads.iter().copied().max().unwrap_or(1);
        let purpose = Purpose::Run { batch, threads, copies };
        let Some(network) = self.running.load(request, &self.plan.weights, purpose) else { return };
        for &threads in &self.plan.threads {
            if self.running.wants_stop() {
                return;
            }
            let roofline = self.roofline(threads);
            for &batch in &self.plan.batches {
                for found in engines {
                    if self.running.wants_stop() {
                        return;
                    }
                    let setup = Setup {
                        batch,
                        threads,
                        precision: self.plan.precision,
                        device: self.plan.device.clone(),
                    };
                    match self.one(&network, found, &setup, roofline) {
                        Ok(record) => {
                            self.running.keep(&record, TaskRecord::Profile);
                            self.found.push(record);
                        }
                        Err(error) => self.running.fail(error),
                    }
                    self.done += 1;
                }
            }
        }
    }

    fn roofline(&mut self, threads: u32) -> Roofline {
        if let Some(known) = self.rooflines.iter().find(|known| known.threads == threads) {
            return *known;
        }
        self.progress(0.0, "measuring the machine's peak");
        let context = self.running.context;
        let roofline = (context.roofline)(threads, context.stop);
        self.rooflines.push(roofline);
        roofline
    }

    /// Profiles one network on one engine.
    fn one(
        &mut self,
        network: &Network,
        found: &AvailableEngine,
        setup: &Setup,
        roofline: Roofline,
    ) -> Result<ProfileRecord, TaskError> {
        let Network { model, subject, .. } = network;
        let engine = found.engine.as_ref();
        let load = batch_and_threads(setup.batch, setup.threads);
        let activity = format!("running {} on {}, {load}", subject.name, engine.name());
        self.progress(0.0, &activity);
        // Our weights are there already.
        let available = available_memory();
        let need = MemoryEstimate::new(&model.graph, setup.batch, setup.threads, available);
        let needed = need.to_run(engine.copies()) - need.weights();
        check_memory(|| with_batch(&subject.name, setup.batch), needed, available)?;
        let seed = self.plan.weights.seed;
        let label = || format!("{} on {}, {load}", subject.name, engine.name());
        let (context, runs) = (self.running.context, self.plan.runs);
        let input = random_input_until(model, setup.batch, seed, context.stop)
            .ok_or_else(|| TaskError::Abandoned { label: label() })?;
        let mut listen = |share| {
            self.progress(share, &activity);
            match context.is_stopped() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let stop = context.stop;
        let profiled =
            inceptive_bench::profile(engine, model, setup, input, runs, stop, &mut listen)
                .map_err(|error| TaskError::Engine { label: label(), error })?
                .ok_or_else(|| TaskError::Abandoned { label: label() })?;
        let runtime = inceptive_bench::runtime(
            engine.name(),
            &found.description,
            setup,
            profiled.precision,
            None,
        );
        Ok(ProfileRecord::new(subject.clone(), runtime, roofline, context.machine, seed, profiled))
    }
}
