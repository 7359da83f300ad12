//! Measuring networks for a calibration: latencies in turns, and the time of each kernel.

use std::{collections::HashMap, ops::ControlFlow, sync::atomic::AtomicBool, time::Duration};

use inceptive_bench::{
    BenchCase, Event, NodeTimings, Observer, Protocol, Run, Setup, measure, random_input_until,
};
use inceptive_explore::kernels;
use inceptive_results::{
    CalibrationSample, KernelTime,
    statistics::{median, summarize},
    unix_ms,
};

use super::subjects::{Purpose, Subject};
use crate::{
    engines::AvailableEngine, error::TaskError, measured::Network, memory, network::WeightSource,
    running::Running,
};

/// The part of the budget, as a divisor, that the latency of a network may take that a model is fitted to, and its limits.
const PART: u32 = 1500;
const LIMITS: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(400)];

/// By how much the latency of a network may take longer that the model is judged on.
const LONGER: f64 = 2.5;

/// Time for the kernels of a network, as a share of that for its latency, and how many runs that may be.
const PROFILE: f64 = 0.5;
const PROFILE_RUNS: [f64; 2] = [5.0, 50.0];

/// Cores that others may keep busy on average; beyond, a group is measured once more.
const OTHERS: f64 = 0.1;

/// How a group of networks is measured.
pub(super) struct Measuring<'a> {
    pub(super) engine: &'a AvailableEngine,
    pub(super) setup: Setup,
    pub(super) seed: u64,
    /// The time for all networks.
    pub(super) budget: Duration,
    /// The progress so far.
    pub(super) done: f64,
}

impl Measuring<'_> {
    /// Measures networks that take turns; returns the samples with their places in the group.
    pub(super) fn measure(
        &self,
        group: &[Subject],
        running: &mut Running<'_>,
    ) -> Vec<(usize, CalibrationSample)> {
        let start = running.context.host.now();
        let mut networks = vec![];
        for (place, subject) in group.iter().enumerate() {
            if running.wants_stop() {
                return vec![];
            }
            if let Some(network) = self.load(subject, running) {
                networks.push((place, network));
            }
        }
        let mut runs = self.latencies(group, &networks, running);
        if runs.iter().flatten().any(|run| is_disturbed(run.surroundings.others_cores))
            && !running.wants_stop()
        {
            let again = self.latencies(group, &networks, running);
            for (run, again) in runs.iter_mut().zip(again) {
                if again.as_ref().is_some_and(|again| is_quieter(again, run.as_ref())) {
                    *run = again;
                }
            }
        }
        let mut samples = vec![];
        for ((place, network), run) in networks.iter().zip(runs) {
            let Some(run) = run else { continue };
            match self.sample(network, &run, running) {
                Ok(Some(sample)) => samples.push((*place, sample)),
                Ok(None) => return vec![],
                Err(error) => running.fail(error),
            }
        }
        let seconds = (running.context.host.now() - start).as_secs_f64();
        for (_, sample) in &mut samples {
            sample.seconds = seconds / group.len() as f64;
        }
        samples
    }

    /// Time for the latency of a network that the model is fitted to.
    fn latency_budget(&self) -> Duration {
        let [least, most] = LIMITS;
        (self.budget / PART).clamp(least, most)
    }

    fn load(&self, subject: &Subject, running: &mut Running<'_>) -> Option<Network> {
        let name = subject.request.file.display();
        running.progress(self.done, format!("loading {name}"));
        let purpose = memory::Purpose::Run {
            batch: self.setup.batch,
            threads: self.setup.threads,
            copies: running.context.copies(),
        };
        let weights = WeightSource { seed: self.seed, ..WeightSource::default() };
        running.load(&subject.request, &weights, purpose)
    }

    /// The runs of networks that take turns, those that the model is judged on for a longer time.
    fn latencies(
        &self,
        group: &[Subject],
        networks: &[(usize, Network)],
        running: &mut Running<'_>,
    ) -> Vec<Option<Run>> {
        let mut runs: Vec<Option<Run>> = networks.iter().map(|_| None).collect();
        let budget = self.latency_budget();
        let of_judged = budget.mul_f64(LONGER);
        for (purpose, budget) in [(Purpose::Fit, budget), (Purpose::Judge, of_judged)] {
            let chosen: Vec<usize> = (0..networks.len())
                .filter(|&at| group[networks[at].0].purpose == purpose)
                .collect();
            let cases: Vec<BenchCase<'_>> = chosen
                .iter()
                .map(|&at| BenchCase {
                    engine: self.engine.engine.as_ref(),
                    model: &networks[at].1.model,
                    setup: self.setup.clone(),
                })
                .collect();
            let protocol = Protocol { budget, seed: self.seed, ..Protocol::default() };
            let host = running.context.host;
            let mut watch = Watch {
                done: self.done,
                names: chosen.iter().map(|&at| networks[at].1.subject.name_with_point()).collect(),
                engine: self.engine.engine.name(),
                runs: chosen.iter().map(|_| None).collect(),
                running,
            };
            measure(&cases, &protocol, host, &mut watch);
            for (at, run) in chosen.into_iter().zip(watch.runs) {
                runs[at] = run;
            }
        }
        runs
    }

    /// A sample of a network that ran: its latency, and the times of its kernels; `None` when it is stopped.
    fn sample(
        &self,
        network: &Network,
        run: &Run,
        running: &mut Running<'_>,
    ) -> Result<Option<CalibrationSample>, TaskError> {
        let turns: Vec<Vec<f64>> = run
            .turns
            .iter()
            .map(|turn| turn.iter().map(|time| time.as_secs_f64() * 1e3).collect())
            .collect();
        let latency_ms = summarize(&turns, self.seed).median;
        let mut of_graph: Vec<KernelTime> = kernels(&network.model.graph)
            .into_iter()
            .map(|kernel| KernelTime { shape: kernel.shape, time_ms: None })
            .collect();
        if self.engine.description.has_node_times {
            let Some(timings) = self.node_times(network, latency_ms.value, running)? else {
                return Ok(None);
            };
            add_times(network, &timings, &mut of_graph);
        }
        let accelerator = run.accelerator.as_ref().map(|accelerator| accelerator.name.clone());
        let runtime = inceptive_bench::runtime(
            self.engine.engine.name(),
            &self.engine.description,
            &self.setup,
            run.precision,
            accelerator,
        );
        Ok(Some(CalibrationSample {
            subject: network.subject.clone(),
            runtime,
            machine: running.context.machine.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            finished_unix_ms: unix_ms(),
            seed: self.seed,
            seconds: 0.0,
            latency_ms,
            others_cores: run.surroundings.others_cores,
            kernels: of_graph,
        }))
    }

    fn node_times(
        &self,
        network: &Network,
        latency_ms: f64,
        running: &mut Running<'_>,
    ) -> Result<Option<NodeTimings>, TaskError> {
        let stop = running.context.stop;
        let failed = |error| TaskError::Engine {
            label: format!("{} on {}", network.subject.name, self.engine.engine.name()),
            error,
        };
        let Some(input) = random_input_until(&network.model, self.setup.batch, self.seed, stop)
        else {
            return Ok(None);
        };
        let profile_ms = self.latency_budget().as_secs_f64() * 1e3 * PROFILE;
        let [least, most] = PROFILE_RUNS;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let runs = (profile_ms / latency_ms).clamp(least, most) as usize;
        let mut listen = |_| match running.wants_stop() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let (engine, model) = (self.engine.engine.as_ref(), &network.model);
        let timings = engine
            .node_times(model, &self.setup, input, runs, stop, &mut listen)
            .map_err(failed)?;
        Ok((timings.runs.len() == runs).then_some(timings))
    }
}

/// Medians of the times of kernels; a kernel that the engine has no time for takes none.
fn add_times(network: &Network, timings: &NodeTimings, times: &mut [KernelTime]) {
    let graph = &network.model.graph;
    let mut place = HashMap::new();
    for (at, kernel) in kernels(graph).iter().enumerate() {
        place.extend(kernel.nodes.iter().map(|&node| (graph.node(node).path.clone(), at)));
    }
    let mut of_runs: Vec<Vec<f64>> = vec![vec![0.0; timings.runs.len()]; times.len()];
    for (run, nodes) in timings.runs.iter().enumerate() {
        for node in nodes {
            let mut paths = node.path.iter().chain(&node.fused);
            if let Some(&at) = paths.find_map(|path| place.get(path)) {
                of_runs[at][run] += node.time.as_secs_f64() * 1e3;
            }
        }
    }
    for (kernel, runs) in times.iter_mut().zip(of_runs) {
        kernel.time_ms = Some(median(&runs));
    }
}

/// Whether other programs kept so many cores busy that times cannot be trusted.
pub(super) fn is_disturbed(others_cores: Option<f64>) -> bool {
    others_cores.is_some_and(|cores| cores > OTHERS)
}

/// Whether a run was disturbed less than another one.
fn is_quieter(run: &Run, other: Option<&Run>) -> bool {
    let others = |run: &Run| run.surroundings.others_cores.unwrap_or(0.0);
    other.is_none_or(|other| others(run) < others(other))
}

/// Follows the measuring of a group.
struct Watch<'w, 'a> {
    running: &'w mut Running<'a>,
    done: f64,
    names: Vec<String>,
    engine: &'static str,
    runs: Vec<Option<Run>>,
}

impl Observer for Watch<'_, '_> {
    fn event(&mut self, at: usize, event: Event) {
        match event {
            Event::Loading | Event::WarmingUp | Event::Measuring(_) => {
                self.running.progress(self.done, format!("measuring {}", self.names[at]));
            }
            Event::Finished(run) => self.runs[at] = Some(*run),
            Event::Abandoned => {}
            Event::Failed(error) => {
                let label = format!("{} on {}", self.names[at], self.engine);
                self.running.fail(TaskError::Engine { label, error });
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
