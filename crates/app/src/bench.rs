//! Measuring many networks: reading them group by group, and keeping each result as soon as it is done.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use inceptive_bench::{
    BenchCase, Copies, Description, EngineError, Event, Host, MemoryEstimate, Model, Observer,
    PrecisionRequest, Protocol, Run, RunContext, Setup, groups, measure,
};
use inceptive_dsl::{Architecture, Setting};
use inceptive_report::batch_and_threads;
use inceptive_results::{Machine, Measurement, NetworkInfo, Roofline};
use inceptive_store::{Filter, Store, StoreError};
use inceptive_weights::{FoldError, Matching};

use crate::{
    engines::AvailableEngine,
    memory::{OutOfMemory, Purpose},
    network::{ReadError, Runnable, WeightSource, check_size, read, read_runnable},
};

/// Candidates that take turns at most. Results are safe when their group is done.
const MAX_INTERLEAVED: usize = 6;

/// A network that the user named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its file.
    pub file: PathBuf,
    /// Settings, as given with `--set`.
    pub settings: Vec<Setting>,
}

/// What to measure, and how.
#[derive(Clone, Debug)]
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

/// What the measuring happens on.
pub struct BenchContext<'a> {
    /// The engines.
    pub engines: &'a [AvailableEngine],
    /// The machine right now.
    pub host: &'a dyn Host,
    /// The machine as it always is.
    pub machine: &'a Machine,
    /// Measures the limits of the machine with this number of threads.
    pub roofline: &'a dyn Fn(u32) -> Roofline,
    /// Bytes of memory that are left.
    pub available_bytes: u64,
    /// Set by whoever wants it to stop: finished results are still saved.
    pub stop: &'a AtomicBool,
}

impl BenchContext<'_> {
    /// Copies of the weights of a network that all engines have at once.
    fn copies(&self) -> Copies {
        Copies::together(self.engines.iter().map(|found| found.engine.copies()))
    }

    /// Whether the user asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// An error with one network; the other networks are still processed.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its weights do not fit.
    #[error("`{}`", file.display())]
    Fold {
        /// Its file.
        file: PathBuf,
        /// The cause.
        #[source]
        error: Box<FoldError>,
    },
    /// It is too large for this machine.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// An engine could not run it.
    #[error("{label}: {error}")]
    Engine {
        /// The network and the engine.
        label: String,
        /// The engine's error.
        #[source]
        error: EngineError,
    },
    /// It was stopped before there was a result.
    #[error("stopped before the first result: {label}")]
    Abandoned {
        /// The network and the engine.
        label: String,
    },
    /// Its result could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no network in a folder.
    #[error(
        "no networks in `{}`: it has no architecture or space (.yaml, .yml) and no ONNX file (.onnx); subfolders \
         are not searched", folder.display()
    )]
    NoNetworks {
        /// The folder.
        folder: PathBuf,
    },
    /// No input contains a network.
    #[error("nothing to report; no report was written")]
    NothingToReport,
    /// A store has none of the results that are wanted.
    #[error("`{}` has no results{wishes}", store.display())]
    NoResults {
        /// The store.
        store: PathBuf,
        /// The filter, such as ` with engine=rten`; empty for all results.
        wishes: String,
    },
}

/// Events during a measurement.
pub enum BenchEvent<'a> {
    /// The number of results to measure.
    Planned(usize),
    /// A network was read with its weights.
    Loaded(&'a Network),
    /// The number of results done, with fractions, and the current activity.
    Progress {
        /// Results that are done.
        done: f64,
        /// The current activity, such as `warming up`.
        activity: &'static str,
        /// With which network.
        network: &'a str,
    },
    /// A result is in the store.
    Kept(&'a Measurement),
    /// An error; the other networks are still measured.
    Wrong(&'a TaskError),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct BenchOutcome {
    /// Results in the order of the plan.
    pub measurements: Vec<Measurement>,
    /// Whether something went wrong.
    pub failed: bool,
}

/// Measures. Each result is saved in the store before its event is sent.
pub fn bench(
    plan: &BenchPlan,
    place: &BenchContext<'_>,
    store: &mut Store,
    listen: &mut dyn FnMut(BenchEvent<'_>),
) -> BenchOutcome {
    let plan = &BenchPlan {
        batches: distinct(&plan.batches),
        threads: distinct(&plan.threads),
        ..plan.clone()
    };
    let mut keeper = BenchRecorder {
        plan,
        place,
        store,
        listen,
        candidates: vec![],
        done_before: 0,
        shares: vec![],
        must_stop: false,
        kept: vec![],
        failed: false,
    };
    let weighed: Vec<FeasibleNetwork<'_>> =
        plan.requests.iter().filter_map(|request| keeper.weigh(request)).collect();
    let batches: usize = weighed.iter().map(|weighed| weighed.batches.len()).sum();
    keeper.tell(BenchEvent::Planned(batches * place.engines.len() * plan.threads.len()));
    let mut rooflines: Vec<Roofline> = vec![];
    let most = if plan.paired { 2 } else { (MAX_INTERLEAVED / place.engines.len().max(1)).max(1) };
    let needs: Vec<MemoryEstimate> = weighed.iter().map(|weighed| weighed.need).collect();
    for group in groups(&needs, place.copies(), most, place.available_bytes) {
        if keeper.wants_stop() {
            break;
        }
        let mut networks: Vec<(Network, &[u32])> = Vec::new();
        for weighed in &weighed[group] {
            if keeper.wants_stop() {
                break;
            }
            networks.extend(keeper.load(weighed).map(|network| (network, &*weighed.batches)));
        }
        // Measured again for each group, as other programs may have disturbed those before.
        let again = plan.threads.iter().map(|&threads| (place.roofline)(threads));
        rooflines = match rooflines.as_slice() {
            [] => again.collect(),
            known => known.iter().zip(again).map(|(old, new)| old.best(new)).collect(),
        };
        keeper.measure_group(&networks, &rooflines);
    }
    let mut benched = keeper.finish();
    // The results are in the store by now, unless they could not be saved.
    match store.rooflines(&Filter::default()) {
        Ok(known) => benched.measurements.iter_mut().for_each(|it| known.hold(it)),
        Err(error) => {
            listen(BenchEvent::Wrong(&TaskError::Store(error)));
            benched.failed = true;
        }
    }
    benched
}

/// Each number once, in the order of its first occurrence.
fn distinct(numbers: &[u32]) -> Vec<u32> {
    let is_first = |(at, number): &(usize, &u32)| !numbers[..*at].contains(number);
    numbers.iter().enumerate().filter(is_first).map(|(_, &number)| number).collect()
}

/// A network to measure, with the facts that its results record.
pub struct Network {
    /// The model that runs.
    pub model: Model,
    /// The facts about the network that results record.
    pub subject: NetworkInfo,
    /// The checked architecture.
    pub architecture: Architecture,
    /// How weights from another file were matched; `None` if they are the network's own or random.
    pub matching: Option<Matching>,
}

impl Network {
    /// Reads it with its weights.
    ///
    /// # Errors
    /// When it cannot be read, or weights do not fit.
    pub fn load(
        request: &Request,
        weights: &WeightSource,
        purpose: Purpose,
    ) -> Result<Self, TaskError> {
        let Runnable { loaded, graph, weights, matching, .. } =
            read_runnable(&request.file, &request.settings, weights, purpose)?;
        let architecture = loaded.architecture;
        let point =
            architecture.point.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let file = request.file.to_string_lossy();
        let subject = NetworkInfo::new(&architecture.name, &file, point, &graph);
        let model = Model::new(&architecture.name, &graph, weights).map_err(|error| {
            TaskError::Fold { file: request.file.clone(), error: Box::new(error) }
        })?;
        Ok(Self { model, subject, architecture, matching })
    }
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

/// Saves results and sends events.
struct BenchRecorder<'a> {
    plan: &'a BenchPlan,
    place: &'a BenchContext<'a>,
    store: &'a mut Store,
    listen: &'a mut dyn FnMut(BenchEvent<'_>),
    /// Those that take turns now.
    candidates: Vec<Entry>,
    /// Candidates of earlier groups.
    done_before: usize,
    /// The progress of each network of this group, from 0 to 1.
    shares: Vec<f64>,
    /// Whether results cannot be kept any more: measuring more would lose more.
    must_stop: bool,
    /// Results with their places in the plan.
    kept: Vec<(usize, Measurement)>,
    failed: bool,
}

impl BenchRecorder<'_> {
    fn tell(&mut self, event: BenchEvent<'_>) {
        (self.listen)(event);
    }

    fn fail(&mut self, trouble: &TaskError) {
        self.failed = true;
        self.tell(BenchEvent::Wrong(trouble));
    }

    /// Estimates the memory of a network; `None` if it cannot be read or does not fit, or after a stop.
    fn weigh<'r>(&mut self, request: &'r Request) -> Option<FeasibleNetwork<'r>> {
        if self.wants_stop() {
            return None;
        }
        let graph = match read(&request.file, &request.settings) {
            Ok(loaded) => loaded.architecture.graph,
            Err(error) => {
                self.fail(&TaskError::Read(error));
                return None;
            }
        };
        let plan = self.plan;
        let mut batches = Vec::with_capacity(plan.batches.len());
        let copies = self.place.copies();
        for &batch in &plan.batches {
            let purpose = Purpose::Run { batch, copies };
            match check_size(&request.file, &graph, purpose, self.place.available_bytes) {
                Ok(()) => batches.push(batch),
                Err(error) => self.fail(&TaskError::Read(error)),
            }
        }
        let need = MemoryEstimate::new(&graph, *batches.iter().max()?);
        Some(FeasibleNetwork { request, need, batches })
    }

    fn load(&mut self, weighed: &FeasibleNetwork<'_>) -> Option<Network> {
        let batch = weighed.batches.iter().copied().max().unwrap_or(1);
        let purpose = Purpose::Run { batch, copies: self.place.copies() };
        match Network::load(weighed.request, &self.plan.weights, purpose) {
            Ok(network) => {
                self.tell(BenchEvent::Loaded(&network));
                Some(network)
            }
            Err(trouble) => {
                self.fail(&trouble);
                None
            }
        }
    }

    /// Measures networks that take turns, in every setup.
    fn measure_group(&mut self, networks: &[(Network, &[u32])], rooflines: &[Roofline]) {
        for &batch in &self.plan.batches {
            for (&threads, &roofline) in self.plan.threads.iter().zip(rooflines) {
                let mut candidates = Vec::new();
                let mut entries = Vec::new();
                let fitting = networks.iter().filter(|(_, batches)| batches.contains(&batch));
                for (Network { model, subject, .. }, _) in fitting {
                    for AvailableEngine { engine, description } in self.place.engines {
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
                let (protocol, host) = (self.plan.protocol, self.place.host);
                measure(&candidates, &protocol, host, self);
            }
        }
    }

    fn progress(&mut self, at: usize, share: f64, activity: &'static str) {
        self.shares[at] = share.clamp(0.0, 1.0);
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
        let done = self.done_before as f64 + self.shares.iter().sum::<f64>();
        let network = self.candidates[at].subject.name.clone();
        self.tell(BenchEvent::Progress { done, activity, network: &network });
    }

    /// A result that cannot be kept is still given at the end.
    fn keep(&mut self, at: usize, run: &Run) {
        let Entry { subject, description, roofline, engine, setup } = self.candidates[at].clone();
        let setting = RunContext { machine: self.place.machine, protocol: &self.plan.protocol };
        let runtime = inceptive_bench::runtime(engine, &description, &setup, run.precision);
        let measurement = inceptive_bench::measurement(subject, runtime, roofline, &setting, run);
        match self.store.append(&measurement) {
            Ok(_) => self.tell(BenchEvent::Kept(&measurement)),
            Err(error) => {
                self.fail(&TaskError::Store(error));
                self.must_stop = true;
            }
        }
        self.kept.push((self.done_before + at, measurement));
    }

    fn label(&self, at: usize) -> String {
        let Entry { subject, engine, setup, .. } = &self.candidates[at];
        format!("{} on {engine}, {}", subject.name, batch_and_threads(setup.batch, setup.threads))
    }

    fn finish(mut self) -> BenchOutcome {
        self.kept.sort_by_key(|(place, _)| *place);
        let measurements = self.kept.into_iter().map(|(_, measurement)| measurement).collect();
        BenchOutcome { measurements, failed: self.failed }
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
                self.fail(&TaskError::Abandoned { label: self.label(at) });
            }
            Event::Failed(error) => {
                self.progress(at, 1.0, "failed");
                self.fail(&TaskError::Engine { label: self.label(at), error });
            }
        }
    }

    fn wants_stop(&self) -> bool {
        self.must_stop || self.place.is_stopped()
    }
}
