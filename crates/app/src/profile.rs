//! Profiling networks on engines.

use std::ops::ControlFlow;

use inceptive_bench::{
    Copies, MemoryEstimate, PrecisionRequest, Setup, available_memory, random_input,
};
use inceptive_report::batch_and_threads;
use inceptive_results::{KnownRooflines, ProfileRecord, Roofline};
use inceptive_store::{Position, Store, StoreError};

use crate::{
    bench::{BenchContext, Network, Request, TaskError},
    engines::AvailableEngine,
    memory::{Purpose, check_memory, with_batch},
    network::WeightSource,
};

/// What to profile, and how: every network with each number of threads, each batch size and each engine.
#[derive(Clone, Debug)]
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

/// Events while profiling.
pub enum ProfileEvent<'a> {
    /// The number of profiles to make.
    Planned(usize),
    /// A network was read with its weights.
    Loaded(&'a Network),
    /// The number of profiles done, with fractions, and the current activity.
    Progress {
        /// Profiles that are done.
        done: f64,
        /// The current activity, such as `running on rten, batch 1, 2 threads`.
        activity: &'a str,
    },
    /// A profile is in the store.
    Kept(&'a ProfileRecord),
    /// An error; the other networks are still profiled.
    Wrong(&'a TaskError),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Profiled {
    /// Profiles in the order in which they were made.
    pub records: Vec<ProfileRecord>,
    /// Whether something went wrong.
    pub failed: bool,
}

/// Profiles. Each profile is saved in the store before its event is sent. When it is stopped, a profile with enough
/// runs is kept.
pub fn profile(
    plan: &ProfilePlan,
    place: &BenchContext<'_>,
    store: &mut Store,
    listen: &mut dyn FnMut(ProfileEvent<'_>),
) -> Profiled {
    let each = plan.threads.len() * plan.batches.len() * place.engines.len();
    let mut profiler = Profiler {
        plan,
        place,
        store,
        listen,
        rooflines: vec![],
        known: KnownRooflines::default(),
        seen: Position::default(),
        each,
        done: 0,
        told: -1.0,
        must_stop: false,
        profiled: Profiled::default(),
    };
    profiler.tell(ProfileEvent::Planned(each * plan.requests.len()));
    for (at, request) in plan.requests.iter().enumerate() {
        if profiler.wants_stop() {
            break;
        }
        profiler.done = at * each;
        profiler.request(request);
    }
    profiler.profiled
}

struct Profiler<'a> {
    plan: &'a ProfilePlan,
    place: &'a BenchContext<'a>,
    store: &'a mut Store,
    listen: &'a mut dyn FnMut(ProfileEvent<'_>),
    /// What the machine can do with each number of threads that was profiled with.
    rooflines: Vec<Roofline>,
    /// The best of each machine, by what was read of the store.
    known: KnownRooflines,
    /// How far it was read.
    seen: Position,
    /// Profiles of each network.
    each: usize,
    /// Profiles that were made, or failed.
    done: usize,
    /// The last reported progress, in percent.
    told: f64,
    must_stop: bool,
    profiled: Profiled,
}

impl Profiler<'_> {
    fn tell(&mut self, event: ProfileEvent<'_>) {
        (self.listen)(event);
    }

    fn fail(&mut self, trouble: &TaskError) {
        self.profiled.failed = true;
        self.tell(ProfileEvent::Wrong(trouble));
    }

    fn wants_stop(&self) -> bool {
        self.must_stop || self.place.is_stopped()
    }

    /// Reports a new activity.
    fn begin(&mut self, activity: &str) {
        self.told = -1.0;
        self.within(0.0, activity);
    }

    /// Reports the progress of the current profile, if it changed visibly.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
    fn within(&mut self, share: f64, activity: &str) {
        let done = self.done as f64 + share;
        let percent = done / (self.each * self.plan.requests.len()).max(1) as f64 * 100.0;
        if percent >= self.told + 1.0 {
            self.told = percent;
            self.tell(ProfileEvent::Progress { done, activity });
        }
    }

    fn request(&mut self, request: &Request) {
        self.begin(&format!("loading {}", request.file.display()));
        let batch = self.plan.batches.iter().copied().max().unwrap_or(1);
        // One engine has it at a time.
        let copies = Copies::in_turn(self.place.engines.iter().map(|found| found.engine.copies()));
        let purpose = Purpose::Run { batch, copies };
        let network = match Network::load(request, &self.plan.weights, purpose) {
            Ok(network) => network,
            Err(trouble) => return self.fail(&trouble),
        };
        self.tell(ProfileEvent::Loaded(&network));
        for &threads in &self.plan.threads {
            if self.wants_stop() {
                return;
            }
            let roofline = self.roofline(threads);
            for &batch in &self.plan.batches {
                for found in self.place.engines {
                    if self.wants_stop() {
                        return;
                    }
                    let setup = Setup {
                        batch,
                        threads,
                        precision: self.plan.precision,
                        device: self.plan.device.clone(),
                    };
                    match self.one(&network, found, &setup, roofline) {
                        Ok(record) => self.keep(record),
                        Err(trouble) => self.fail(&trouble),
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
        self.begin("measuring the machine's peak");
        let roofline = (self.place.roofline)(threads);
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
        self.begin(&activity);
        let need = MemoryEstimate::new(&model.graph, setup.batch);
        // Our weights are there already.
        let needed = need.to_run(engine.copies()) - need.weights();
        check_memory(|| with_batch(&subject.name, setup.batch), needed, available_memory())?;
        let seed = self.plan.weights.seed;
        let input = random_input(model, setup.batch, seed);
        let label = || format!("{} on {}, {load}", subject.name, engine.name());
        let (place, runs) = (self.place, self.plan.runs);
        let mut listen = |share| {
            self.within(share, &activity);
            match place.is_stopped() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let profiled = inceptive_bench::profile(engine, model, setup, input, runs, &mut listen)
            .map_err(|error| TaskError::Engine { label: label(), error })?
            .ok_or_else(|| TaskError::Abandoned { label: label() })?;
        let runtime =
            inceptive_bench::runtime(engine.name(), &found.description, setup, profiled.precision);
        Ok(ProfileRecord::new(subject.clone(), runtime, roofline, place.machine, seed, profiled))
    }

    /// A profile that cannot be kept is still given at the end.
    fn keep(&mut self, mut record: ProfileRecord) {
        let kept = self.store.append(&record);
        match kept.and_then(|_| self.follow_store()) {
            Ok(()) => {
                self.known.hold(&mut record);
                self.tell(ProfileEvent::Kept(&record));
            }
            Err(error) => {
                self.fail(&TaskError::Store(error));
                self.must_stop = true;
            }
        }
        self.profiled.records.push(record);
    }

    /// Takes in what was added to the store, by this program or another.
    fn follow_store(&mut self) -> Result<(), StoreError> {
        let new = self.store.records_after(&self.seen)?;
        if new.are_all() {
            self.known = KnownRooflines::default();
        }
        self.known.extend(&new.rooflines()?);
        self.seen = new.position().clone();
        Ok(())
    }
}
