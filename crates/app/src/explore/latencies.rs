//! The latencies of the networks of a search.

use std::{collections::HashMap, time::Duration};

use inceptive_bench::{PrecisionRequest, Protocol};
use inceptive_results::{Exploration, Measurement};
use inceptive_store::{Filter, Store};

use super::{ExplorePlan, plan::Candidate};
use crate::{
    bench::{BenchPlan, bench},
    error::TaskError,
    exploring::ExploreEvent,
    measured::Request,
    network::WeightSource,
    running::{Running, TaskEvent},
};

/// How often a latency is measured until it is precise.
const ATTEMPTS: usize = 3;

/// Half the width of the widest interval of a precise latency, as a share of the median.
const PRECISE: f64 = 0.1;

/// Time for the latency of a network.
pub(super) const LATENCY_BUDGET: Duration = Duration::from_secs(3);

/// What latencies are measured for.
pub(super) struct Latencies<'s> {
    pub(super) plan: &'s ExplorePlan,
    pub(super) exploration: &'s Exploration,
    pub(super) candidates: &'s [Candidate],
    /// Whether they decide about the front.
    pub(super) decides: bool,
}

fn spread(measurement: &Measurement) -> f64 {
    measurement.latency_ms.median.relative_spread()
}

/// Whether a latency was measured without much disturbance.
pub(super) fn is_precise(measurement: &Measurement) -> bool {
    spread(measurement) <= PRECISE
}

impl Latencies<'_> {
    /// Measures the latencies of networks, those aside that were measured since the plan was made.
    pub(super) fn measure(
        &self,
        networks: &[usize],
        stage: usize,
        running: &mut Running<'_>,
    ) -> Result<HashMap<usize, Measurement>, TaskError> {
        if running.context.engines.is_empty() {
            return Ok(HashMap::new());
        }
        let mut known = self.measured(running.store())?;
        let of = |at: usize| self.candidates[at].network.subject.fingerprint.as_str();
        for _ in 0..if self.decides { ATTEMPTS } else { 1 } {
            let is_good = |at: usize| known.get(of(at)).is_some_and(is_precise);
            let missing: Vec<usize> = networks.iter().copied().filter(|&at| !is_good(at)).collect();
            if missing.is_empty() {
                break;
            }
            running.tell(TaskEvent::Exploring(ExploreEvent::Measuring { networks: missing.len() }));
            let measured = self.measure_once(&missing, stage, running)?;
            // What cannot be measured once cannot be measured again.
            if measured.is_empty() {
                break;
            }
            for measurement in measured {
                let fingerprint = measurement.subject.fingerprint.clone();
                let is_better = known
                    .get(&fingerprint)
                    .is_none_or(|before| spread(&measurement) < spread(before));
                if is_better {
                    known.insert(fingerprint, measurement);
                }
            }
        }
        let doubtful =
            networks.iter().filter(|&&at| known.get(of(at)).is_some_and(|it| !is_precise(it)));
        let doubtful = doubtful.count();
        if doubtful > 0 {
            running.tell(TaskEvent::Exploring(ExploreEvent::Doubtful { networks: doubtful }));
        }
        let latency = |&at: &usize| Some((at, known.get(of(at))?.clone()));
        Ok(networks.iter().filter_map(latency).collect())
    }

    /// Measures the latencies of networks.
    fn measure_once(
        &self,
        networks: &[usize],
        stage: usize,
        running: &mut Running<'_>,
    ) -> Result<Vec<Measurement>, TaskError> {
        let requests: Vec<Request> =
            networks.iter().map(|&at| self.candidates[at].request.clone()).collect();
        let plan = self.bench_plan(requests);
        #[expect(clippy::cast_precision_loss, reason = "few stages")]
        let (before, total) = (stage as f64, networks.len() as f64);
        let outcome = running.within(|context, store, listen| {
            bench(&plan, context, store, &mut |event| match event {
                TaskEvent::Planned(_) | TaskEvent::Loaded { .. } => {}
                TaskEvent::Progress { done, activity } => {
                    listen(TaskEvent::Progress { done: before + done / total, activity });
                }
                other => listen(other),
            })
        });
        match running.wants_stop() {
            true => Err(TaskError::Paused),
            false => Ok(outcome.measurements),
        }
    }

    pub(super) fn bench_plan(&self, requests: Vec<Request>) -> BenchPlan {
        BenchPlan {
            requests,
            weights: WeightSource { seed: self.plan.seed, ..WeightSource::default() },
            batches: vec![1],
            // None are all of the machine, whichever that is.
            threads: match self.plan.latency_threads {
                0 => vec![],
                threads => vec![threads],
            },
            precision: PrecisionRequest::default(),
            device: "cpu".to_owned(),
            protocol: Protocol {
                budget: LATENCY_BUDGET,
                seed: self.plan.seed,
                ..Protocol::default()
            },
            paired: false,
        }
    }

    /// The measurements of this search in the store, by the fingerprints of the networks.
    fn measured(&self, store: &Store) -> Result<HashMap<String, Measurement>, TaskError> {
        let rows = store.records::<Measurement>(&Filter::default())?.readable;
        let since = self.exploration.planned_unix_ms;
        let is_own = |it: &Measurement| {
            it.finished_unix_ms >= since
                && it.machine == self.exploration.machine
                && it.runtime.batch == 1
                && it.runtime.threads == self.plan.latency_threads
                && self.plan.engine.as_ref().is_none_or(|engine| *engine == it.runtime.engine)
        };
        let own = rows.into_iter().map(|stored| stored.result).filter(is_own);
        let mut known: HashMap<String, Measurement> = HashMap::new();
        for measurement in own {
            let before = known.get(&measurement.subject.fingerprint);
            if before.is_none_or(|before| spread(&measurement) < spread(before)) {
                known.insert(measurement.subject.fingerprint.clone(), measurement);
            }
        }
        Ok(known)
    }
}
