//! Measuring and profiling, as [`inceptive_app`] does it.

use std::path::PathBuf;

use inceptive_app::{
    AvailableEngine, BenchContext, BenchEvent, BenchPlan, Network, ProfileEvent, ProfilePlan,
    Request, WeightSource, choose_among, error_chain,
};
use inceptive_bench::{Description, PrecisionRequest, Protocol};
use inceptive_results::Machine;
use inceptive_store::Store;

use super::{JobEvent, Output, Progress, Reporter, Tools};
use crate::model::FilePath;

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
    pub files: Vec<FilePath>,
    /// Names of the engines.
    pub engines: Vec<String>,
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
    pub file: FilePath,
    /// Names of the engines.
    pub engines: Vec<String>,
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
        description: engine.describe().map_err(|error| error_chain(&error)),
    });
    Output::Engines(states.collect())
}

pub(super) fn bench(
    request: &BenchRequest,
    tools: Tools,
    report: &Reporter,
) -> Result<Output, String> {
    let engines = chosen(tools.engines, &request.engines, &request.device, report)?;
    let mut store = Store::open(&request.store).map_err(|error| error_chain(&error))?;
    let place = BenchContext {
        engines: &engines,
        host: tools.host.as_ref(),
        machine: &tools.machine,
        roofline: &tools.roofline,
        available_bytes: tools.available_bytes,
        stop: report.stop_flag(),
    };
    let named = |file: &FilePath| Request { file: file.to_path_buf(), settings: vec![] };
    let plan = BenchPlan {
        requests: request.files.iter().map(named).collect(),
        weights: WeightSource::default(),
        batches: request.batches.clone(),
        threads: threads(&request.threads, &tools.machine),
        precision: PrecisionRequest::Fp32,
        device: request.device.clone(),
        protocol: request.protocol,
        paired: false,
    };
    let (mut planned, mut kept) = (1, 0);
    let benched = inceptive_app::bench(&plan, &place, &mut store, &mut |event| match event {
        BenchEvent::Planned(count) => planned = count.max(1),
        BenchEvent::Loaded(network) => note_subnormals(network, report),
        BenchEvent::Progress { done, activity, network } => report.progress(Progress {
            share: (done / planned as f64) as f32,
            activity: format!("{activity} {network}"),
        }),
        BenchEvent::Kept(_) => {
            kept += 1;
            report.tell(JobEvent::Kept);
        }
        BenchEvent::Wrong(trouble) => report.note(error_chain(trouble)),
    });
    if report.is_stopped() {
        // Finished results are in the store.
        return Err("stopped".to_owned());
    }
    if benched.measurements.is_empty() {
        return Err("nothing was measured".to_owned());
    }
    if kept == 0 {
        return Err("no result could be saved".to_owned());
    }
    Ok(Output::Measured)
}

pub(super) fn profile(
    request: &ProfileRequest,
    tools: Tools,
    report: &Reporter,
) -> Result<Output, String> {
    let engines = chosen(tools.engines, &request.engines, &request.device, report)?;
    let mut store = Store::open(&request.store).map_err(|error| error_chain(&error))?;
    let place = BenchContext {
        engines: &engines,
        host: tools.host.as_ref(),
        machine: &tools.machine,
        roofline: &tools.roofline,
        available_bytes: tools.available_bytes,
        stop: report.stop_flag(),
    };
    let plan = ProfilePlan {
        requests: vec![Request { file: request.file.to_path_buf(), settings: vec![] }],
        weights: WeightSource::default(),
        batches: request.batches.clone(),
        threads: threads(&request.threads, &tools.machine),
        precision: PrecisionRequest::Fp32,
        device: request.device.clone(),
        runs: request.runs,
    };
    let (mut planned, mut kept) = (1, 0);
    inceptive_app::profile(&plan, &place, &mut store, &mut |event| match event {
        ProfileEvent::Planned(count) => planned = count.max(1),
        ProfileEvent::Loaded(network) => note_subnormals(network, report),
        ProfileEvent::Progress { done, activity } => report.progress(Progress {
            share: (done / planned as f64) as f32,
            activity: activity.to_owned(),
        }),
        ProfileEvent::Kept(_) => {
            kept += 1;
            report.tell(JobEvent::Kept);
        }
        ProfileEvent::Wrong(trouble) => report.note(error_chain(trouble)),
    });
    if report.is_stopped() {
        // If it was stopped in the very last step, the runs until then are in the store.
        return Err("stopped".to_owned());
    }
    if kept == 0 { Err("nothing was profiled".to_owned()) } else { Ok(Output::Measured) }
}

/// Adds a note if many weights are subnormal, and one if some are not finite.
fn note_subnormals(network: &Network, report: &Reporter) {
    for finding in network.model.subnormals.findings() {
        report.note(format!("{}: {finding}", network.subject.name));
    }
}

/// The engines with these names; missing engines are reported and left out.
fn chosen(
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
