//! Calibrating: measuring networks like those of some spaces or files, and fitting a model that predicts latencies.

mod measuring;
mod subjects;

use std::{collections::HashMap, path::PathBuf, time::Duration};

use inceptive_bench::{MemoryEstimate, PrecisionRequest, Setup};
use inceptive_explore::{fit_latency, judge_latency};
use inceptive_results::{Calibration, CalibrationSample, Machine, Record, unix_ms};
use inceptive_store::{Filter, Store, StoreError};
use serde::{Deserialize, Serialize};

use self::{
    measuring::{Measuring, is_disturbed},
    subjects::{Purpose, Subject, Subjects},
};
use crate::{
    engines::AvailableEngine,
    error::{CalibrateError, TaskError},
    network::read,
    running::{Found, Running, TaskContext, TaskEvent, TaskOutcome, TaskRecord},
};

/// Networks that take turns.
const TOGETHER: usize = 6;

/// Fewest networks that a model is fitted to, and judged on; so many are measured whatever the time.
const FEWEST_FITTED: usize = 10;
const FEWEST_JUDGED: usize = 5;

/// Steps of the progress.
const STEPS: usize = 100;

/// What to calibrate, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibratePlan {
    /// Spaces, networks, and folders of them.
    pub targets: Vec<PathBuf>,
    /// Threads of one run.
    pub threads: u32,
    /// The precision wished for.
    pub precision: PrecisionRequest,
    /// The device.
    pub device: String,
    /// Time for measuring, earlier calls of the same calibration included.
    pub budget: Duration,
    /// The seed that networks are drawn with.
    pub seed: u64,
}

impl CalibratePlan {
    fn setup(&self) -> Setup {
        Setup {
            batch: 1,
            threads: self.threads,
            precision: self.precision,
            device: self.device.clone(),
        }
    }
}

/// Measures networks, fits a model to most of them and judges it on the others. Each measured network is in the store
/// before the next ones are measured, and is not measured again.
pub(crate) fn calibrate(
    plan: &CalibratePlan,
    context: &TaskContext<'_>,
    store: &mut Store,
    listen: &mut dyn FnMut(TaskEvent),
) -> TaskOutcome {
    let mut running = Running::new(context, store, listen);
    let calibration = match context.engines {
        [engine] => calibrated(plan, engine, &mut running),
        _ => Err(CalibrateError::Engines.into()),
    };
    let calibration = calibration.map_err(|error| running.fail(error)).ok();
    running.finish(Found { calibration, ..Found::default() })
}

fn calibrated(
    plan: &CalibratePlan,
    engine: &AvailableEngine,
    running: &mut Running<'_>,
) -> Result<Calibration, TaskError> {
    running.plan(STEPS);
    running.progress(0.0, "choosing networks".to_owned());
    let mut subjects = Subjects::new(&plan.targets, plan.seed)?;
    let known = known_samples(plan, engine, running)?;
    let mut measured =
        Measured { plan, engine, known, spent: 0.0, fitted: vec![], judged: vec![], waiting: None };
    while let Some(group) = measured.next_group(&mut subjects, running) {
        measured.measure(&group, running)?;
        if running.wants_stop() {
            return Err(CalibrateError::Stopped.into());
        }
    }
    running.progress(STEPS as f64, "fitting the model".to_owned());
    let calibration = measured.calibration(running.context.machine)?;
    // The same command again has the same model.
    if let Some(known) = known_calibration(&calibration, running.store())? {
        return Ok(known);
    }
    running.keep(&calibration, TaskRecord::Calibration);
    Ok(calibration)
}

/// Whether two calibrations are of the same networks. Their numbers may differ in the last digit: a time that was read from a
/// store can differ so from the one that was written.
fn is_same(one: &Calibration, other: &Calibration) -> bool {
    let judged = |it: &Calibration| -> Vec<String> {
        it.judgement.networks.iter().map(|network| network.fingerprint.clone()).collect()
    };
    one.key() == other.key()
        && one.budget_s == other.budget_s
        && one.fitted == other.fitted
        && judged(one) == judged(other)
}

fn known_calibration(
    calibration: &Calibration,
    store: &Store,
) -> Result<Option<Calibration>, StoreError> {
    let known = store.records::<Calibration>(&Filter::default())?.readable;
    Ok(known.into_iter().map(|stored| stored.result).rev().find(|it| is_same(calibration, it)))
}

/// The samples of the store that were measured in the same way, by the fingerprints of their networks.
fn known_samples(
    plan: &CalibratePlan,
    engine: &AvailableEngine,
    running: &Running<'_>,
) -> Result<HashMap<String, CalibrationSample>, TaskError> {
    let setup = plan.setup();
    let is_ours = |sample: &CalibrationSample| {
        let precision = setup.precision.exactly().unwrap_or(sample.runtime.precision);
        let accelerator = sample.runtime.accelerator.clone();
        let name = engine.engine.name();
        let runtime =
            inceptive_bench::runtime(name, &engine.description, &setup, precision, accelerator);
        sample.machine == *running.context.machine
            && sample.runtime == runtime
            && sample.version == env!("CARGO_PKG_VERSION")
            && sample.seed == plan.seed
    };
    let all = running.store().records::<CalibrationSample>(&Filter::default())?.readable;
    let ours = all.into_iter().map(|stored| stored.result).filter(is_ours);
    Ok(ours.map(|sample| (sample.subject.fingerprint.clone(), sample)).collect())
}

/// What was measured so far.
struct Measured<'a> {
    plan: &'a CalibratePlan,
    engine: &'a AvailableEngine,
    /// Samples of earlier calls, by fingerprint.
    known: HashMap<String, CalibrationSample>,
    /// Time of measuring, in seconds.
    spent: f64,
    /// With their places among all networks, as these follow from targets and seed.
    fitted: Vec<(usize, CalibrationSample)>,
    judged: Vec<(usize, CalibrationSample)>,
    /// A network that there was no time for.
    waiting: Option<Subject>,
}

impl Measured<'_> {
    fn budget_s(&self) -> f64 {
        self.plan.budget.as_secs_f64()
    }

    /// Whether there is time for another network, or there are too few for a model.
    fn wants_more(&self) -> bool {
        let is_enough = self.fitted.len() >= FEWEST_FITTED && self.judged.len() >= FEWEST_JUDGED;
        self.spent < self.budget_s() || !is_enough
    }

    fn add(&mut self, sample: CalibrationSample, subject: &Subject) {
        self.spent += sample.seconds;
        match subject.purpose {
            Purpose::Fit => self.fitted.push((subject.place, sample)),
            Purpose::Judge => self.judged.push((subject.place, sample)),
        }
    }

    /// The next networks that take turns and fit into memory together; those that are known are taken from the store.
    /// `None` once the time is spent.
    fn next_group(
        &mut self,
        subjects: &mut Subjects,
        running: &Running<'_>,
    ) -> Option<Vec<Subject>> {
        let available = running.context.available_bytes;
        let mut group = vec![];
        let mut needed = 0_u64;
        while group.len() < TOGETHER && !running.wants_stop() {
            let Some(subject) = self.waiting.take().or_else(|| subjects.next()) else { break };
            if let Some(sample) = self.known.remove(&subject.fingerprint) {
                self.add(sample, &subject);
                continue;
            }
            if !self.wants_more() {
                self.waiting = Some(subject);
                break;
            }
            let Ok(loaded) = read(&subject.request.file, &subject.request.settings) else {
                continue;
            };
            let graph = &loaded.architecture.graph;
            let need = MemoryEstimate::new(graph, 1, self.plan.threads, available);
            let need = need.to_run(running.context.copies());
            // What alone needs half of the memory is left out.
            if need > available / 2 {
                continue;
            }
            needed = needed.saturating_add(need);
            group.push(subject);
            if needed > available / 2 {
                break;
            }
        }
        (!group.is_empty()).then_some(group)
    }

    fn measure(&mut self, group: &[Subject], running: &mut Running<'_>) -> Result<(), TaskError> {
        let done = (self.spent / self.budget_s()).min(1.0) * STEPS as f64;
        let measuring = Measuring {
            engine: self.engine,
            setup: self.plan.setup(),
            seed: self.plan.seed,
            budget: self.plan.budget,
            done,
        };
        for (place, sample) in measuring.measure(group, running) {
            running.keep(&sample, TaskRecord::CalibrationSample);
            self.add(sample, &group[place]);
        }
        Ok(())
    }

    /// Fits and judges a model. Networks that other programs disturbed are left out, if enough others remain.
    fn calibration(&mut self, machine: &Machine) -> Result<Calibration, TaskError> {
        for samples in [&mut self.fitted, &mut self.judged] {
            samples.sort_by_key(|(place, _)| *place);
        }
        let all = [&self.fitted, &self.judged]
            .map(|all| all.iter().map(|(_, it)| it).collect::<Vec<_>>());
        let quiet = all.each_ref().map(|all| {
            let quiet = all.iter().copied().filter(|it| !is_disturbed(it.others_cores));
            quiet.collect::<Vec<&CalibrationSample>>()
        });
        let is_enough = |[fitted, judged]: &[Vec<&CalibrationSample>; 2]| {
            fitted.len() >= FEWEST_FITTED && judged.len() >= FEWEST_JUDGED
        };
        let measured = self.fitted.len() + self.judged.len();
        if !is_enough(&all) {
            return Err(CalibrateError::TooFew { measured }.into());
        }
        let [fitted, judged] = if is_enough(&quiet) { quiet } else { all };
        let model = fit_latency(&fitted).ok_or(CalibrateError::NoTimes)?;
        let judgement = judge_latency(&model, &judged).ok_or(CalibrateError::NoTimes)?;
        let kernels = fitted.iter().flat_map(|sample| &sample.kernels);
        Ok(Calibration {
            targets: self.plan.targets.iter().map(|it| it.to_string_lossy().into_owned()).collect(),
            seed: self.plan.seed,
            budget_s: self.budget_s(),
            runtime: fitted[0].runtime.clone(),
            machine: machine.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            finished_unix_ms: unix_ms(),
            fitted: fitted.iter().map(|it| it.subject.fingerprint.clone()).collect(),
            disturbed: (measured - fitted.len() - judged.len()) as u64,
            kernels: kernels.filter(|kernel| kernel.time_ms.is_some()).count() as u64,
            model,
            judgement,
        })
    }
}
