//! Measuring many networks: reading them group by group, and keeping each result as soon as it is done.

use std::sync::atomic::AtomicBool;

use inceptive_bench::{
    BenchCase, Description, Event, MemoryEstimate, Observer, PrecisionRequest, Protocol, Run,
    RunContext, Setup, groups, measure,
};
use inceptive_report::batch_and_threads;
use inceptive_results::{Measurement, NetworkInfo, Roofline};
use inceptive_store::Store;
use serde::{Deserialize, Serialize};

use crate::{
    engines::AvailableEngine,
    error::TaskError,
    measured::{Network, Request},
    memory::{Purpose, check_memory, with_batch},
    network::{WeightSource, expect_file_size, read},
    running::{Found, Running, TaskContext, TaskEvent, TaskOutcome, TaskRecord},
};

/// Candidates that take turns at most. Results are safe when their group is done.
const MAX_INTERLEAVED: usize = 6;

/// What to measure, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchPlan {
    /// The networks.
    pub requests: Vec<Request>,
    /// Their weights.
    pub weights: WeightSource,
    /// Batch sizes; each is benchmarked separately, once.
    pub batches: Vec<u32>,
    /// Threads per inference; each is benchmarked separately, once.
    pub threads: Vec<u32>,
    /// The precision wished for.
    pub precision: PrecisionRequest,
    /// The device.
    pub device: String,
    /// Budgets and seed.
    pub protocol: Protocol,
    /// Whether the two networks must take turns, so that the ratio of their latencies can be computed.
    pub paired: bool,
}

impl BenchPlan {
    /// Some of its networks with one batch size and one number of threads at most. The other networks are not copied.
    pub(crate) fn only(&self, requests: Vec<Request>, batch: u32, threads: Vec<u32>) -> Self {
        Self {
            requests,
            batches: vec![batch],
            threads,
            weights: self.weights.clone(),
            precision: self.precision,
            device: self.device.clone(),
            protocol: self.protocol,
            paired: self.paired,
        }
    }

    /// The largest number of threads.
    fn most_threads(&self) -> u32 {
        self.threads.iter().copied().max().unwrap_or(1)
    }
}

/// Measures latencies. Each result is in the store before it is reported.
pub(crate) fn bench(
    plan: &BenchPlan,
    context: &TaskContext<'_>,
    store: &mut Store,
    listen: &mut dyn FnMut(TaskEvent),
) -> TaskOutcome {
    let plan = &BenchPlan {
        batches: distinct(&plan.batches),
        threads: distinct(&plan.threads),
        ..plan.clone()
    };
    let mut recorder = BenchRecorder {
        plan,
        running: Running::new(context, store, listen),
        candidates: vec![],
        done_before: 0,
        shares: vec![],
        found: vec![],
    };
    let feasible: Vec<FeasibleNetwork<'_>> =
        plan.requests.iter().filter_map(|request| recorder.weigh(request)).collect();
    let batches: usize = feasible.iter().map(|network| network.batches.len()).sum();
    recorder.running.plan(batches * context.engines.len() * plan.threads.len());
    let mut rooflines: Vec<Roofline> = vec![];
    let most =
        if plan.paired { 2 } else { (MAX_INTERLEAVED / context.engines.len().max(1)).max(1) };
    let needs: Vec<MemoryEstimate> = feasible.iter().map(|network| network.need).collect();
    for group in groups(&needs, context.copies(), most, context.available_bytes) {
        if recorder.running.wants_stop() {
            break;
        }
        let networks: Vec<(Network, &[u32])> = feasible[group]
            .iter()
            .filter_map(|network| Some((recorder.load(network)?, &*network.batches)))
            .collect();
        // Measured again for each group, as other programs may have disturbed those before.
        let again = plan.threads.iter().map(|&threads| (context.roofline)(threads, context.stop));
        rooflines = match rooflines.as_slice() {
            [] => again.collect(),
            known => known.iter().zip(again).map(|(old, new)| old.best(new)).collect(),
        };
        recorder.measure_group(&networks, &rooflines);
    }
    recorder.finish()
}

/// Each number once, in the order of its first occurrence.
fn distinct(numbers: &[u32]) -> Vec<u32> {
    let is_first = |(at, number): &(usize, &u32)| !numbers[..*at].contains(number);
    numbers.iter().enumerate().filter(is_first).map(|(_, &number)| number).collect()
}

/// A network that fits into memory.
struct FeasibleNetwork<'r> {
    request: &'r Request,
    /// The memory that it needs with its largest batch.
    need: MemoryEstimate,
    /// Those of the plan that fit.
    batches: Vec<u32>,
}

/// What a result says of a candidate besides its times.
#[derive(Clone)]
struct Entry {
    subject: NetworkInfo,
    description: Description,
    roofline: Roofline,
    engine: &'static str,
    setup: Setup,
}

/// Follows a benchmark: reports its progress and saves its results.
struct BenchRecorder<'a> {
    plan: &'a BenchPlan,
    running: Running<'a>,
    /// The cases of the current group.
    candidates: Vec<Entry>,
    /// Number of cases in earlier groups.
    done_before: usize,
    /// The progress of each case of this group.
    shares: Vec<f64>,
    /// Results with their places in the plan.
    found: Vec<(usize, Measurement)>,
}

impl BenchRecorder<'_> {
    /// Estimates the memory of a network; `None` if it cannot be read or does not fit, or after a stop.
    fn weigh<'r>(&mut self, request: &'r Request) -> Option<FeasibleNetwork<'r>> {
        if self.running.wants_stop() {
            return None;
        }
        let graph = match read(&request.file, &request.settings) {
            Ok(loaded) => loaded.architecture.graph,
            Err(error) => {
                self.running.fail(TaskError::Read(error));
                return None;
            }
        };
        let plan = self.plan;
        let mut batches = Vec::with_capacity(plan.batches.len());
        let context = self.running.context;
        let threads = plan.most_threads();
        if context.copies().needs_file()
            && let Err(error) = expect_file_size(&request.file, &graph)
        {
            self.running.fail(TaskError::Read(error));
            return None;
        }
        let mut largest: Option<(u32, MemoryEstimate)> = None;
        for &batch in &plan.batches {
            let need = MemoryEstimate::new(&graph, batch, threads, context.available_bytes);
            let what = || with_batch(&request.file.to_string_lossy(), batch);
            match check_memory(what, need.to_run(context.copies()), context.available_bytes) {
                Ok(()) => {
                    batches.push(batch);
                    if largest.is_none_or(|(most, _)| most < batch) {
                        largest = Some((batch, need));
                    }
                }
                Err(error) => self.running.fail(TaskError::Read(error.into())),
            }
        }
        largest.map(|(_, need)| FeasibleNetwork { request, need, batches })
    }

    /// Reads a network with its weights; `None` if that fails, or after a stop.
    fn load(&mut self, network: &FeasibleNetwork<'_>) -> Option<Network> {
        if self.running.wants_stop() {
            return None;
        }
        let batch = network.batches.iter().copied().max().unwrap_or(1);
        let (threads, copies) = (self.plan.most_threads(), self.running.context.copies());
        let purpose = Purpose::Run { batch, threads, copies };
        self.running.load(network.request, &self.plan.weights, purpose)
    }

    /// Measures networks that take turns, in every setup.
    fn measure_group(&mut self, networks: &[(Network, &[u32])], rooflines: &[Roofline]) {
        for &batch in &self.plan.batches {
            for (&threads, &roofline) in self.plan.threads.iter().zip(rooflines) {
                let mut candidates = Vec::new();
                let mut entries = Vec::new();
                let fitting = networks.iter().filter(|(_, batches)| batches.contains(&batch));
                for (Network { model, subject, .. }, _) in fitting {
                    for AvailableEngine { engine, description } in self.running.context.engines {
                        let setup = Setup {
                            batch,
                            threads,
                            precision: self.plan.precision,
                            device: self.plan.device.clone(),
                        };
                        entries.push(Entry {
                            subject: subject.clone(),
                            description: description.clone(),
                            roofline,
                            engine: engine.name(),
                            setup: setup.clone(),
                        });
                        candidates.push(BenchCase { engine: engine.as_ref(), model, setup });
                    }
                }
                self.done_before += self.candidates.len();
                self.shares = vec![0.0; entries.len()];
                self.candidates = entries;
                let (protocol, host) = (self.plan.protocol, self.running.context.host);
                measure(&candidates, &protocol, host, self);
            }
        }
    }

    fn progress(&mut self, at: usize, share: f64, activity: &'static str) {
        self.shares[at] = share.clamp(0.0, 1.0);
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
        let done = self.done_before as f64 + self.shares.iter().sum::<f64>();
        let activity = format!("{activity} {}", self.candidates[at].subject.name);
        self.running.progress(done, activity);
    }

    fn keep(&mut self, at: usize, run: &Run) {
        let Entry { subject, description, roofline, engine, setup } = self.candidates[at].clone();
        let machine = self.running.context.machine;
        let conditions = RunContext {
            machine,
            protocol: &self.plan.protocol,
            flushes_subnormals: description.flushes_subnormals,
        };
        let accelerator = run.accelerator.as_ref().map(|accelerator| accelerator.name.clone());
        let runtime =
            inceptive_bench::runtime(engine, &description, &setup, run.precision, accelerator);
        let measurement =
            inceptive_bench::measurement(subject, runtime, roofline, &conditions, run);
        self.running.keep(&measurement, TaskRecord::Measurement);
        self.found.push((self.done_before + at, measurement));
    }

    fn label(&self, at: usize) -> String {
        let Entry { subject, engine, setup, .. } = &self.candidates[at];
        format!("{} on {engine}, {}", subject.name, batch_and_threads(setup.batch, setup.threads))
    }

    fn finish(mut self) -> TaskOutcome {
        self.found.sort_by_key(|(place, _)| *place);
        let measurements = self.found.into_iter().map(|(_, measurement)| measurement).collect();
        self.running.finish(Found { measurements, ..Found::default() })
    }
}

impl Observer for BenchRecorder<'_> {
    fn event(&mut self, at: usize, event: Event) {
        match event {
            Event::Loading => self.progress(at, 0.0, "loading"),
            Event::WarmingUp => self.progress(at, 0.0, "warming up"),
            Event::Measuring(share) => self.progress(at, share, "measuring"),
            Event::Finished(run) => {
                self.progress(at, 1.0, "measured");
                self.keep(at, &run);
            }
            Event::Abandoned => {
                self.progress(at, 1.0, "stopped");
                self.running.fail(TaskError::Abandoned { label: self.label(at) });
            }
            Event::Failed(error) => {
                self.progress(at, 1.0, "failed");
                self.running.fail(TaskError::Engine { label: self.label(at), error });
            }
        }
    }

    fn wants_stop(&self) -> bool {
        self.running.wants_stop()
    }

    fn stop(&self) -> &AtomicBool {
        self.running.context.stop
    }
}
