//! Ways to run networks: a machine, an engine, a precision, a batch and a number of threads. Latencies are
//! only compared within one way.

use std::collections::HashMap;

use inceptive_results::BestRoofline;
use inceptive_results::{Conditions, Machine, Measurement, ProfileRecord, Record, Runtime};

use crate::candidate::NetworkEntry;
use inceptive_format::counted;

/// A way to run networks.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchConfig {
    /// The machine.
    pub machine: Machine,
    /// The engine and its settings.
    pub runtime: Runtime,
    /// The highest limits ever measured on the machine with this number of threads.
    pub best: BestRoofline,
    /// How many candidates were measured so.
    pub coverage: usize,
}

impl BenchConfig {
    /// The conditions that times must share to belong to this configuration.
    pub const fn conditions(&self) -> Conditions<'_> {
        Conditions { machine: &self.machine, runtime: &self.runtime }
    }

    /// Whether something was measured so.
    pub fn is_of(&self, measurement: &Measurement) -> bool {
        self.conditions() == measurement.key()
    }

    /// The candidate's measurement. For many ways there is a `WayIndex`.
    pub fn of<'c>(&self, candidate: &'c NetworkEntry) -> Option<&'c Measurement> {
        candidate.measured.iter().map(|stored| &stored.result).find(|m| self.is_of(m))
    }

    /// The candidate's profile.
    pub fn profile_of<'c>(&self, candidate: &'c NetworkEntry) -> Option<&'c ProfileRecord> {
        let mut found = candidate.profiles.iter().map(|stored| &stored.result);
        found.find(|p| p.key() == self.conditions())
    }

    /// In words: `rten 0.27.0, fp32, batch 1, 2 threads`.
    pub fn label(&self) -> String {
        let Runtime {
            engine,
            engine_version,
            device,
            precision,
            batch,
            threads,
            isa,
            mode,
            accelerator,
        } = &self.runtime;
        let version = engine_version.split(['-', '+']).next().unwrap_or_default();
        let device = match accelerator {
            Some(accelerator) => format!(" on {device} ({accelerator})"),
            None if device == "cpu" => String::new(),
            None => format!(" on {device}"),
        };
        let mode = mode.as_ref().map_or_else(String::new, |mode| format!(", {mode}"));
        let load = batch_and_threads(*batch, *threads);
        let isa = isa.as_ref().map_or_else(String::new, |isa| format!(", {isa}"));
        format!("{engine} {version}{device}{mode}, {precision}{isa}, {load}")
    }
}

/// The places of ways by their conditions, so that one does not look through all measurements for each way.
pub(crate) struct WayIndex<'w> {
    places: HashMap<Conditions<'w>, usize>,
}

impl<'w> WayIndex<'w> {
    pub(crate) fn new(ways: &'w [BenchConfig]) -> Self {
        let places = ways.iter().enumerate().map(|(place, way)| (way.conditions(), place));
        Self { places: places.collect() }
    }

    /// The candidate's measurements in these ways, as [`BenchConfig::of`] finds them, with the places of their ways,
    /// in the order of the ways.
    pub(crate) fn measurements<'c>(
        &self,
        candidate: &'c NetworkEntry,
    ) -> Vec<(usize, &'c Measurement)> {
        let all = candidate.measured.iter().map(|stored| &stored.result);
        let mut found: Vec<(usize, &Measurement)> =
            all.filter_map(|m| Some((*self.places.get(&m.key())?, m))).collect();
        found.sort_by_key(|(place, _)| *place);
        found.dedup_by_key(|(place, _)| *place);
        found
    }
}

/// `batch 1, 2 threads`.
pub fn batch_and_threads(batch: u32, threads: u32) -> String {
    format!("batch {batch}, {}", counted(threads as usize, "thread", "threads"))
}

/// All ways that candidates were measured in: those with most candidates first, then those with a batch of
/// one, then the faster.
pub fn ways(candidates: &[NetworkEntry]) -> Vec<BenchConfig> {
    let measured = candidates.iter().flat_map(|candidate| &candidate.measured);
    ways_of(measured.map(|stored| &stored.result))
}

/// All ways that networks were measured in, in the order of [`ways`]; of each network and way one measurement.
pub fn ways_of<'m>(measurements: impl Iterator<Item = &'m Measurement>) -> Vec<BenchConfig> {
    let mut ways: Vec<(BenchConfig, f64)> = Vec::new();
    let mut places: HashMap<Conditions<'m>, usize> = HashMap::new();
    for m in measurements {
        let place = *places.entry(m.key()).or_insert(ways.len());
        match ways.get_mut(place) {
            Some((way, total_ms)) => {
                way.coverage += 1;
                way.best = way.best.best(m.best_roofline());
                *total_ms += m.latency_ms.median.value;
            }
            None => {
                let way = BenchConfig {
                    machine: m.machine.clone(),
                    runtime: m.runtime.clone(),
                    best: m.best_roofline(),
                    coverage: 1,
                };
                ways.push((way, m.latency_ms.median.value));
            }
        }
    }
    share_limits(&mut ways);
    ways.sort_by(|(a, a_ms), (b, b_ms)| {
        let by_batch = (a.runtime.batch != 1).cmp(&(b.runtime.batch != 1));
        b.coverage.cmp(&a.coverage).then(by_batch).then(a_ms.total_cmp(b_ms))
    });
    ways.into_iter().map(|(way, _)| way).collect()
}

/// The configuration in which most networks were profiled. It may differ from the main configuration, because not every
/// engine supports per-node timing.
pub fn profiled_way(candidates: &[NetworkEntry]) -> Option<BenchConfig> {
    let profiles = candidates.iter().flat_map(|candidate| &candidate.profiles);
    profiled_ways(profiles.map(|stored| &stored.result)).into_iter().next()
}

/// All ways that networks were profiled in, those with most networks first, of those with as many the one with the
/// latest profile; of each network and way one profile.
pub fn profiled_ways<'p>(profiles: impl Iterator<Item = &'p ProfileRecord>) -> Vec<BenchConfig> {
    let mut ways: Vec<(BenchConfig, u64)> = Vec::new();
    let mut places: HashMap<Conditions<'p>, usize> = HashMap::new();
    for p in profiles {
        let place = *places.entry(p.key()).or_insert(ways.len());
        match ways.get_mut(place) {
            Some((way, latest)) => {
                way.coverage += 1;
                *latest = p.finished_unix_ms.max(*latest);
            }
            None => {
                let way = BenchConfig {
                    machine: p.machine.clone(),
                    runtime: p.runtime.clone(),
                    best: p.best_roofline(),
                    coverage: 1,
                };
                ways.push((way, p.finished_unix_ms));
            }
        }
    }
    ways.sort_by_key(|(way, latest)| std::cmp::Reverse((way.coverage, *latest)));
    ways.into_iter().map(|(way, _)| way).collect()
}

/// A machine's limits do not depend on the engine: the highest of all counts.
fn share_limits(ways: &mut [(BenchConfig, f64)]) {
    let mut limits: HashMap<(Machine, u32), BestRoofline> = HashMap::new();
    for (way, _) in ways.iter() {
        let key = (way.machine.clone(), way.best.roofline.threads);
        let limit = limits.entry(key).or_insert(way.best);
        *limit = limit.best(way.best);
    }
    for (way, _) in ways {
        let key = (way.machine.clone(), way.best.roofline.threads);
        way.best = limits.get(&key).map_or(way.best, |limit| way.best.best(*limit));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use inceptive_ir::{Activation, Graph, NewNode, Op, Path, Shape};
    use inceptive_results::{NetworkInfo, Roofline, example, latest};

    use super::*;

    /// Quadratic work on whole machines would take minutes.
    #[test]
    fn thousands_of_machines_are_no_problem() {
        let mut graph = Graph::new(Shape::map(3, 4, 4), None).unwrap();
        let relu = NewNode::new(Op::Activation(Activation::Relu), Path::new("relu"));
        graph.add(relu, &[graph.input()]).unwrap();
        let subject = NetworkInfo::new("m", "m.yaml", vec![], &graph);
        let one = example::measurement(subject, example::runtime(), vec![vec![1.0; 3]; 3]);
        // Of each machine one with a low and one with a high peak, by different engines.
        let all: Vec<Measurement> = (0..20_000_u32)
            .map(|at| {
                let mut m = one.clone();
                m.machine.memory_bytes += u64::from(at / 2);
                m.runtime.engine = format!("engine {}", at % 2);
                let peak_gflops = f64::from(1 + at % 2);
                m.roofline = Roofline { peak_gflops, ..m.roofline };
                m
            })
            .collect();
        let start = Instant::now();
        let ways = ways_of(latest(&all, |m| m).into_iter());
        assert_eq!(ways.len(), all.len());
        assert!(ways.iter().all(|way| way.coverage == 1 && way.best.roofline.peak_gflops == 2.0));
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}
