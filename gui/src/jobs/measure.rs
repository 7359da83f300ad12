//! Measuring and profiling, as [`inceptive_app`] does it.

use std::path::{Path, PathBuf};

use inceptive_app::{
    AvailableEngine, BenchPlan, ProfilePlan, Request, Task, TaskContext, TaskEvent, TaskOutcome,
    WeightSource, choose_among, error_chain,
};
use inceptive_bench::{Description, PrecisionRequest, Protocol};
use inceptive_results::Machine;
use inceptive_store::Store;

use super::{EngineChoice, JobEvent, Output, Progress, Reporter, Tools};

/// An engine and whether it is here.
#[derive(Clone, Debug)]
pub struct EngineState {
    /// Its name.
    pub name: &'static str,
    /// Its description, or how to install it.
    pub description: Result<Description, String>,
}

/// Networks to measure, and how.
#[derive(Clone, Debug)]
pub struct BenchRequest {
    /// The networks.
    pub networks: Vec<Request>,
    /// Names of the engines.
    pub engines: Vec<String>,
    /// How engines compute that have a choice.
    pub choice: EngineChoice,
    /// The precision.
    pub precision: PrecisionRequest,
    /// The device of the engines.
    pub device: String,
    /// Batch sizes; each is benchmarked separately.
    pub batches: Vec<u32>,
    /// Threads per inference, each benchmarked separately; empty for one per core.
    pub threads: Vec<u32>,
    /// The limits of the measurement.
    pub protocol: Protocol,
    /// Where results go.
    pub store: PathBuf,
}

/// A network to profile, and how.
#[derive(Clone, Debug)]
pub struct ProfileRequest {
    /// The network.
    pub network: Request,
    /// Names of the engines.
    pub engines: Vec<String>,
    /// How engines compute that have a choice.
    pub choice: EngineChoice,
    /// The precision.
    pub precision: PrecisionRequest,
    /// The device of the engines.
    pub device: String,
    /// Batch sizes; each is profiled separately.
    pub batches: Vec<u32>,
    /// Threads per inference, each profiled separately; empty for one per core.
    pub threads: Vec<u32>,
    /// Runs per median.
    pub runs: usize,
    /// Where results go.
    pub store: PathBuf,
}

/// Every engine, found or not.
pub(super) fn engines(tools: &Tools) -> Output {
    let states = tools.engines.iter().map(|engine| EngineState {
        name: engine.name(),
        description: engine.describe().map_err(|error| in_the_window(&error_chain(&error))),
    });
    Output::Engines(states.collect())
}

/// The first way to get an engine: nobody sets variables of the environment for a window.
fn in_the_window(problem: &str) -> String {
    problem.split(", or set ").next().unwrap_or(problem).to_owned()
}

pub(super) fn bench(
    request: &BenchRequest,
    tools: Tools,
    report: &Reporter,
) -> Result<Output, String> {
    let task = Task::Bench(BenchPlan {
        requests: request.networks.clone(),
        weights: WeightSource::default(),
        batches: request.batches.clone(),
        threads: threads(&request.threads, &tools.machine),
        precision: request.precision,
        device: request.device.clone(),
        protocol: request.protocol,
        paired: false,
    });
    let outcome = run(&task, &request.engines, &request.store, tools, report)?;
    match (outcome.measurements.len(), outcome.kept) {
        (0, _) => Err("nothing was measured".to_owned()),
        (_, 0) => Err("no result could be saved".to_owned()),
        _ => Ok(Output::Measured),
    }
}

pub(super) fn profile(
    request: &ProfileRequest,
    tools: Tools,
    report: &Reporter,
) -> Result<Output, String> {
    let task = Task::Profile(ProfilePlan {
        requests: vec![request.network.clone()],
        weights: WeightSource::default(),
        batches: request.batches.clone(),
        threads: threads(&request.threads, &tools.machine),
        precision: request.precision,
        device: request.device.clone(),
        runs: request.runs,
    });
    let outcome = run(&task, &request.engines, &request.store, tools, report)?;
    if outcome.kept == 0 { Err("nothing was profiled".to_owned()) } else { Ok(Output::Measured) }
}

/// Runs a task on the engines with these names. Results finished before a stop are in the store.
fn run(
    task: &Task,
    engines: &[String],
    store: &Path,
    tools: Tools,
    report: &Reporter,
) -> Result<TaskOutcome, String> {
    let engines = chosen(tools.engines, engines, task.device(), report)?;
    let mut store = Store::open(store).map_err(|error| error_chain(&error))?;
    let context = TaskContext {
        engines: &engines,
        host: tools.host.as_ref(),
        machine: &tools.machine,
        roofline: &tools.roofline,
        available_bytes: tools.available_bytes,
        stop: report.stop_flag(),
        wait: &inceptive_app::NEVER,
    };
    let mut planned = 1;
    let outcome = task.run(&context, &mut store, &mut |event| match event {
        TaskEvent::Planned(count) => planned = count.max(1),
        TaskEvent::Loaded { network, notes } => {
            for note in notes {
                report.note(format!("{network}: {}", note.text));
            }
        }
        TaskEvent::Progress { done, activity } => {
            report.progress(Progress { share: (done / planned as f64) as f32, activity });
        }
        TaskEvent::Kept(_) => report.tell(JobEvent::Kept),
        TaskEvent::Training(_) | TaskEvent::Exploring(_) => {}
        TaskEvent::Failed(failure) => report.note(failure.message),
    });
    if report.is_stopped() { Err("stopped".to_owned()) } else { Ok(outcome) }
}

/// The engines with these names; missing engines are reported and left out.
pub(super) fn chosen(
    engines: Vec<Box<dyn inceptive_bench::Engine>>,
    names: &[String],
    device: &str,
    report: &Reporter,
) -> Result<Vec<AvailableEngine>, String> {
    let (mut found, mut problems) = (vec![], vec![]);
    for engine in engines {
        let name = engine.name().to_owned();
        if !names.contains(&name) {
            continue;
        }
        match choose_among(vec![engine], &[name], device) {
            Ok(one) => found.extend(one),
            Err(error) => problems.push(error_chain(&error)),
        }
    }
    if found.is_empty() {
        let text = problems.join("; ");
        return Err(if text.is_empty() { "no engine is chosen".to_owned() } else { text });
    }
    problems.into_iter().for_each(|problem| report.note(problem));
    Ok(found)
}

/// Thread counts; without any, as many as the machine has cores that compute by themselves.
fn threads(wanted: &[u32], machine: &Machine) -> Vec<u32> {
    match wanted {
        [] => vec![machine.default_threads().get()],
        wanted => wanted.to_vec(),
    }
}
