//! Measuring the candidates of a report.

use std::{ops::ControlFlow, path::Path, sync::atomic::Ordering, time::Duration};

use inceptive_exec::{Machine, Protocol, Roofline, Setup, System, available_memory};
use inceptive_jobs::{
    BenchPlan, Found, Network, ProfilePlan, Request, Trouble, WeightSource, Workplace, bench, chain,
};
use inceptive_store::Store;

use crate::{
    commands::bench::{stop_on_interrupt, watch::Watch},
    machinery::{EngineArguments, all_cores},
    output,
};

/// Runs that a profile's medians are over.
const PROFILE_RUNS: usize = 5;

/// How candidates are measured.
pub struct Measuring<'a> {
    pub engine: &'a EngineArguments,
    pub batches: Vec<u32>,
    pub threads: Vec<u32>,
    pub budget: Duration,
    pub seed: u64,
    pub store: &'a Path,
}

impl Measuring<'_> {
    /// Measures, and profiles in the first setup on the first engine that can. Everything goes to the store;
    /// what went wrong comes back.
    pub fn run(&self, requests: Vec<Request>) -> anyhow::Result<Vec<String>> {
        let engines = self.engine.found()?;
        let stop = stop_on_interrupt()?;
        let mut store = Store::open(self.store)?;
        let machine = Machine::read();
        let threads = match self.threads.as_slice() {
            [] => vec![all_cores(&machine).get()],
            threads => threads.to_vec(),
        };
        let place = Workplace {
            engines: &engines,
            host: &System::new(),
            machine: &machine,
            roofline: &Roofline::measure,
            available_bytes: available_memory(),
            stop: &stop,
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
        let watch = Watch::new(false, None);
        bench(&plan, &place, &mut store, &mut |event| {
            if let inceptive_jobs::BenchEvent::Wrong(trouble) = &event {
                wrong.push(chain(trouble));
            }
            watch.event(&event);
        });
        self.profile(&plan, &place, &mut store, &watch, &mut wrong);
        watch.finish();
        if stop.load(Ordering::Relaxed) {
            wrong.push(
                "the measuring was interrupted: this is what was measured until then".to_owned(),
            );
        }
        Ok(wrong)
    }

    /// Says where the time of each network goes.
    fn profile(
        &self,
        plan: &BenchPlan,
        place: &Workplace<'_>,
        store: &mut Store,
        watch: &Watch<'_>,
        wrong: &mut Vec<String>,
    ) {
        let can: Option<&Found> = place.engines.iter().find(|e| e.description.has_node_times);
        let (Some(found), [batch, ..], [threads, ..]) =
            (can, plan.batches.as_slice(), plan.threads.as_slice())
        else {
            return;
        };
        let profiling = ProfilePlan {
            setup: Setup {
                batch: *batch,
                threads: *threads,
                precision: plan.precision,
                device: plan.device.clone(),
            },
            runs: PROFILE_RUNS,
            seed: self.seed,
            machine: place.machine,
            roofline: (place.roofline)(*threads),
        };
        watch.restart(plan.requests.len());
        for (at, request) in plan.requests.iter().enumerate() {
            if place.is_stopped() {
                return;
            }
            watch.step(at, "profiling", &request.file.to_string_lossy());
            let mut listen = |_| match place.is_stopped() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            let made = Network::load(request, &plan.weights)
                .and_then(|network| profiling.run(&network, found, &mut listen))
                .and_then(|record| Ok(store.append_profile(&record)?));
            // What cannot be read was told before.
            if let Err(trouble) = made
                && !matches!(trouble, Trouble::Read(_))
            {
                output::error(&trouble);
                wrong.push(chain(&trouble));
            }
        }
    }
}
