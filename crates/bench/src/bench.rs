//! The measuring protocol.
//!
//! 1. Each candidate is loaded, and gets seeded, normally distributed input.
//! 2. It is warmed up until its times settle, or a share of its budget is spent.
//! 3. Candidates take turns (A B C, B C A, C A B, ...) until each has spent its budget. A turn is as many runs
//!    as fit into a thirtieth of the budget; if runs are short, an untimed run before them refills the caches. So
//!    noise affects all candidates equally.
//! 4. The time of every run is saved.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use inceptive_cost::{Cost, Mode};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use inceptive_results::{Accelerator, MIN_PAIRS, Precision, Subnormals, statistics::median};

use crate::engine::{Engine, EngineError, Model, Session, SessionMemory, Setup};
use crate::host::{CpuTime, Host};

/// The limits of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// Time for each candidate, warm-up included, loading not.
    pub budget: Duration,
    /// Maximum number of timed runs per network.
    pub max_runs: usize,
    /// Seed of inputs and of resampling.
    pub seed: u64,
}

impl Default for Protocol {
    fn default() -> Self {
        Self { budget: Duration::from_secs(5), max_runs: 10_000, seed: 0 }
    }
}

/// The largest share of the budget that warming up takes.
const WARM_UP_SHARE: f64 = 0.25;

/// Turns that the budget is divided into.
const TURNS: u32 = 30;

/// Runs in each of the two windows of warm-up times that are compared (fewer if runs are slow), and the largest
/// difference between their medians.
const WINDOW: usize = 4;
const SLOW_WINDOW: usize = 2;
const SETTLED_WITHIN: f64 = 0.03;

/// Turns with fewer runs than this start with an untimed run; in longer turns, the cache misses after another network's
/// turn are negligible.
const SHORT_TURN: f64 = 4.0;

/// Minimum number of runs of a result, regardless of the budget; each may be a separate turn, and a comparison needs
/// this number of turns.
const FEWEST_RUNS: usize = MIN_PAIRS;

/// Minimum number of runs of a result when the measurement is stopped.
const FEWEST_WHEN_STOPPED: usize = 20;

/// Something to measure.
pub struct BenchCase<'a> {
    /// The engine that runs it.
    pub engine: &'a dyn Engine,
    /// The model to run.
    pub model: &'a Model,
    /// How it runs.
    pub setup: Setup,
}

/// The measurements of one network.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The precision that it computed in.
    pub precision: Precision,
    /// Time to load and compile it.
    pub load: Duration,
    /// Maximum growth of this process's memory, or of the memory of the device, while the network was loaded and first run,
    /// in bytes. `None` if it cannot be determined, as when memory freed by other networks was reused.
    pub memory_bytes: Option<u64>,
    /// Runs until its times settled.
    pub warm_up_runs: usize,
    /// Whether they did settle.
    pub settled: bool,
    /// Every time that counts, turn by turn.
    pub turns: Vec<Vec<Duration>>,
    /// Whether it was stopped before its budget was spent.
    pub cut_short: bool,
    /// What else went on.
    pub surroundings: Interference,
    /// The device that it ran on, if that is not the processor and the engine describes it.
    pub accelerator: Option<Accelerator>,
    /// How many of the network's weights are subnormal.
    pub subnormals: Subnormals,
    /// Whether the output of the last run has only finite numbers; `None` if the engine keeps no output.
    pub is_output_finite: Option<bool>,
}

/// What else went on while a group was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interference {
    /// Cores that other programs kept busy, on average.
    pub others_cores: Option<f64>,
    /// Average number of cores that the hypervisor took.
    pub stolen_cores: Option<f64>,
    /// Clock at the start and at the end, in MHz.
    pub clock_mhz: Option<[f64; 2]>,
}

/// Events while measuring.
pub enum Event {
    /// A candidate is being loaded.
    Loading,
    /// A candidate is being warmed up.
    WarmingUp,
    /// A candidate has spent this share of its budget.
    Measuring(f64),
    /// A candidate is done.
    Finished(Box<Run>),
    /// A candidate was stopped before there was enough for a result.
    Abandoned,
    /// A candidate failed; others go on.
    Failed(EngineError),
}

/// Observes the measurement and may stop it.
pub trait Observer {
    /// Something happened to the candidate at this position.
    fn event(&mut self, candidate: usize, event: Event);

    /// Whether to stop; networks with enough runs are still finished.
    fn wants_stop(&self) -> bool;

    /// Set when a run should end early, if its engine can.
    fn stop(&self) -> &AtomicBool;
}

/// Whether no other run should begin.
fn is_stopped(observer: &dyn Observer) -> bool {
    observer.wants_stop() || observer.stop().load(Ordering::Relaxed)
}

/// Measures candidates against each other. Each is reported as soon as it is done.
pub fn measure(
    candidates: &[BenchCase<'_>],
    protocol: &Protocol,
    host: &dyn Host,
    observer: &mut dyn Observer,
) {
    let mut active = Vec::with_capacity(candidates.len());
    for (at, candidate) in candidates.iter().enumerate() {
        if is_stopped(observer) {
            observer.event(at, Event::Abandoned);
            continue;
        }
        observer.event(at, Event::Loading);
        let runner =
            Runner::load(candidate, protocol, host, observer.stop()).and_then(|mut runner| {
                observer.event(at, Event::WarmingUp);
                runner.warm_up(protocol, host, observer.stop())?;
                Ok(runner)
            });
        match runner {
            Ok(runner) => active.push((at, runner)),
            Err(EngineError::Stopped) => observer.event(at, Event::Abandoned),
            Err(error) => observer.event(at, Event::Failed(error)),
        }
    }
    let watch = Watch::start(host);
    let alone = active.len() == 1;
    while !active.is_empty() && !is_stopped(observer) {
        active = round(active, alone, protocol, host, observer, &watch);
        if let Some(first) = active.len().checked_sub(1) {
            active.rotate_right(first);
        }
    }
    for (at, runner) in active {
        observer.event(at, runner.stopped(watch.read(host)));
    }
}

/// One turn of each network; returns those that continue.
fn round(
    active: Vec<(usize, Runner)>,
    alone: bool,
    protocol: &Protocol,
    host: &dyn Host,
    observer: &mut dyn Observer,
    watch: &Watch,
) -> Vec<(usize, Runner)> {
    let mut rest = Vec::with_capacity(active.len());
    for (at, mut runner) in active {
        if is_stopped(observer) {
            rest.push((at, runner));
            continue;
        }
        match runner.turn(alone, protocol, host, observer.stop()) {
            // Its turns before count.
            Err(EngineError::Stopped) => rest.push((at, runner)),
            Err(error) => observer.event(at, Event::Failed(error)),
            Ok(()) if runner.is_done(protocol) => {
                let run = runner.finish(false, watch.read(host));
                observer.event(at, Event::Finished(Box::new(run)));
            }
            Ok(()) => {
                observer.event(at, Event::Measuring(runner.share(protocol)));
                rest.push((at, runner));
            }
        }
    }
    rest
}

/// A candidate that is being measured.
struct Runner {
    session: Box<dyn Session>,
    load: Duration,
    memory_bytes: Option<u64>,
    spent: Duration,
    /// Approximate time of a run.
    pace: Duration,
    warm_up_runs: usize,
    settled: bool,
    turns: Vec<Vec<Duration>>,
    count: usize,
    subnormals: Subnormals,
}

impl Runner {
    fn load(
        candidate: &BenchCase<'_>,
        protocol: &Protocol,
        host: &dyn Host,
        stop: &AtomicBool,
    ) -> Result<Self, EngineError> {
        host.reset_memory_peak();
        let before = host.memory();
        let start = host.now();
        let mut session = candidate.engine.compile(candidate.model, &candidate.setup, stop)?;
        let load = host.now() - start;
        let (batch, seed) = (candidate.setup.batch, protocol.seed);
        let input = random_input_until(candidate.model, batch, seed, stop);
        session.set_input(input.ok_or(EngineError::Stopped)?)?;
        session.run(stop)?;
        let after = host.memory();
        let memory_bytes = match session.memory() {
            SessionMemory::Elsewhere(bytes) => bytes,
            SessionMemory::InProcess => {
                let ends = before.zip(after);
                let grown = ends.map(|(before, after)| after.peak.saturating_sub(before.resident));
                // An engine holds at least the weights. Smaller growth means that memory freed by others was
                // reused, so it is unknown.
                let cost = Cost::new(&candidate.model.graph, Mode::Inference);
                grown.filter(|&bytes| bytes >= cost.total.weight_bytes)
            }
        };
        Ok(Self {
            session,
            load,
            memory_bytes,
            spent: Duration::ZERO,
            pace: Duration::ZERO,
            warm_up_runs: 1,
            settled: false,
            turns: Vec::new(),
            count: 0,
            subnormals: candidate.model.subnormals,
        })
    }

    /// The times of several runs, by the clock of the device if it has one.
    fn timed(
        &mut self,
        runs: usize,
        host: &dyn Host,
        stop: &AtomicBool,
    ) -> Result<Vec<Duration>, EngineError> {
        let start = host.now();
        let times = match self.session.timed_runs(runs, stop)? {
            Some(times) => times,
            None => {
                let mut timed = || {
                    let start = host.now();
                    self.session.run(stop)?;
                    Ok(host.now() - start)
                };
                (0..runs).map(|_| timed()).collect::<Result<_, EngineError>>()?
            }
        };
        // On a fake device, no time passes for the host.
        self.spent += (host.now() - start).max(times.iter().sum());
        Ok(times)
    }

    /// Runs until two neighbouring windows of times have the same median, nearly.
    fn warm_up(
        &mut self,
        protocol: &Protocol,
        host: &dyn Host,
        stop: &AtomicBool,
    ) -> Result<(), EngineError> {
        let limit = protocol.budget.mul_f64(WARM_UP_SHARE);
        let mut times = Vec::new();
        while !self.settled && (self.spent < limit || times.is_empty()) {
            times.extend(self.timed(1, host, stop)?.iter().map(Duration::as_secs_f64));
            self.warm_up_runs += 1;
            let is_slow = limit.as_secs_f64() < times[0] * (2 * WINDOW) as f64;
            self.settled = has_settled(&times, if is_slow { SLOW_WINDOW } else { WINDOW });
        }
        let last = &times[times.len().saturating_sub(WINDOW)..];
        self.pace = Duration::from_secs_f64(median(last).max(1e-9));
        Ok(())
    }

    fn turn(
        &mut self,
        alone: bool,
        protocol: &Protocol,
        host: &dyn Host,
        stop: &AtomicBool,
    ) -> Result<(), EngineError> {
        let target = (protocol.budget / TURNS).as_secs_f64();
        let fitting = target / self.pace.as_secs_f64();
        if !alone && fitting >= SHORT_TURN {
            self.timed(1, host, stop)?;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let runs = fitting.round().clamp(1.0, 1e6) as usize;
        let runs = runs.min(protocol.max_runs.saturating_sub(self.count).max(1));
        let times = self.timed(runs, host, stop)?;
        self.count += times.len();
        self.turns.push(times);
        Ok(())
    }

    fn is_done(&self, protocol: &Protocol) -> bool {
        let enough = self.spent >= protocol.budget && self.count >= FEWEST_RUNS;
        enough || self.count >= protocol.max_runs
    }

    fn share(&self, protocol: &Protocol) -> f64 {
        self.spent.as_secs_f64() / protocol.budget.as_secs_f64()
    }

    fn stopped(self, surroundings: Interference) -> Event {
        if self.count < FEWEST_WHEN_STOPPED {
            return Event::Abandoned;
        }
        Event::Finished(Box::new(self.finish(true, surroundings)))
    }

    fn finish(self, cut_short: bool, surroundings: Interference) -> Run {
        Run {
            precision: self.session.precision(),
            load: self.load,
            memory_bytes: self.memory_bytes,
            warm_up_runs: self.warm_up_runs,
            settled: self.settled,
            turns: self.turns,
            cut_short,
            surroundings,
            accelerator: self.session.accelerator(),
            subnormals: self.subnormals,
            is_output_finite: self.session.is_output_finite(),
        }
    }
}

/// Whether the last two windows have the same median, nearly.
fn has_settled(times: &[f64], window: usize) -> bool {
    let Some(start) = times.len().checked_sub(2 * window) else { return false };
    let (before, after) = times[start..].split_at(window);
    let (before, after) = (median(before), median(after));
    (before - after).abs() <= SETTLED_WITHIN * after
}

/// A batch of normally distributed images. Zeros would be faster on some engines and slower, as denormals, on
/// others.
pub fn random_input(model: &Model, batch: u32, seed: u64) -> Arc<[f32]> {
    random_numbers(model, batch, seed, &AtomicBool::new(false))
}

/// The same; `None` soon after `stop` is set.
pub fn random_input_until(
    model: &Model,
    batch: u32,
    seed: u64,
    stop: &AtomicBool,
) -> Option<Arc<[f32]>> {
    let numbers = random_numbers(model, batch, seed, stop);
    (!stop.load(Ordering::Relaxed)).then_some(numbers)
}

/// Random numbers, and zeros once `stop` is set.
fn random_numbers(model: &Model, batch: u32, seed: u64, stop: &AtomicBool) -> Arc<[f32]> {
    let count: usize = model.input_shape(batch).iter().product();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let number = |_| match stop.load(Ordering::Relaxed) {
        true => 0.0,
        false => StandardNormal.sample(&mut rng),
    };
    // Of a length that is known, they are written where they stay.
    (0..count).map(number).collect()
}

/// What else goes on, from a moment on.
struct Watch {
    time: Duration,
    cpu: Option<CpuTime>,
    clock_mhz: Option<f64>,
}

impl Watch {
    fn start(host: &dyn Host) -> Self {
        Self { time: host.now(), cpu: host.cpu_time(), clock_mhz: host.clock_mhz() }
    }

    fn read(&self, host: &dyn Host) -> Interference {
        let elapsed = (host.now() - self.time).as_secs_f64();
        let cores = |time: Duration| if elapsed > 0.0 { time.as_secs_f64() / elapsed } else { 0.0 };
        let cpu = self.cpu.zip(host.cpu_time());
        let others = |(start, end): (CpuTime, CpuTime)| {
            let (busy, own) =
                (end.busy.saturating_sub(start.busy), end.own.saturating_sub(start.own));
            cores(busy.saturating_sub(own))
        };
        Interference {
            others_cores: cpu.map(others),
            stolen_cores: cpu.map(|(start, end)| cores(end.stolen.saturating_sub(start.stolen))),
            clock_mhz: self.clock_mhz.zip(host.clock_mhz()).map(<[f64; 2]>::from),
        }
    }
}
