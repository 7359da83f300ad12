//! Measuring and profiling, as [`inceptive_jobs`] does it.

use std::{error::Error, path::PathBuf};

use inceptive_exec::{
    Description, Machine, PrecisionWish, Protocol, Roofline, Setup, System, available_memory,
    engines::{self, Libraries},
};
use inceptive_jobs::{
    BenchEvent, BenchPlan, Network, ProfilePlan, Request, WeightSource, Workplace, chain, choose,
};
use inceptive_store::Store;

use super::{Output, Progress, Reporter, What};
use crate::model::FilePath;

/// An engine and whether it is here.
#[derive(Clone, Debug)]
pub struct EngineState {
    /// Its name.
    pub name: &'static str,
    /// What it is, or how to get it.
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
    /// Images at once; each is measured apart.
    pub batches: Vec<u32>,
    /// Threads of one run; each is measured apart; none for as many as there are cores.
    pub threads: Vec<u32>,
    /// How much to measure.
    pub protocol: Protocol,
    /// Where results go.
    pub store: PathBuf,
}

/// A network to profile, and how.
#[derive(Clone, Debug)]
pub struct ProfileRequest {
    /// The network.
    pub file: FilePath,
    /// Name of the engine.
    pub engine: String,
    /// Images at once.
    pub batch: u32,
    /// Threads; none for as many as there are cores.
    pub threads: Option<u32>,
    /// Runs that medians are over.
    pub runs: usize,
    /// Where the result goes.
    pub store: PathBuf,
}

/// Every engine, found or not.
pub(super) fn engines() -> Output {
    let all = engines::all(&Libraries::default());
    let states = all.iter().map(|engine| EngineState {
        name: engine.name(),
        description: engine.describe().map_err(|error| chain(&error)),
    });
    Output::Engines(states.collect())
}

pub(super) fn bench(request: &BenchRequest, report: &Reporter) -> Result<Output, String> {
    let engines = choose(&Libraries::default(), &request.engines, &request.device)
        .map_err(|error| chain(&error))?;
    let mut store = Store::open(&request.store).map_err(|error| chain(&error))?;
    let machine = Machine::read();
    let place = Workplace {
        engines: &engines,
        host: &System::new(),
        machine: &machine,
        roofline: &Roofline::measure,
        available_bytes: available_memory(),
        stop: report.stop_flag(),
    };
    let named = |file: &FilePath| Request { file: file.to_path_buf(), settings: vec![] };
    let plan = BenchPlan {
        requests: request.files.iter().map(named).collect(),
        weights: WeightSource::default(),
        batches: request.batches.clone(),
        threads: match request.threads.as_slice() {
            [] => vec![all_cores(&machine)],
            threads => threads.to_vec(),
        },
        precision: PrecisionWish::Fp32,
        device: request.device.clone(),
        protocol: request.protocol,
        paired: false,
    };
    let mut planned = 1;
    inceptive_jobs::bench(&plan, &place, &mut store, &mut |event| match event {
        BenchEvent::Planned(count) => planned = count.max(1),
        BenchEvent::Loaded(_) => {}
        BenchEvent::Progress { done, activity, network } => report.progress(Progress {
            share: (done / planned as f64) as f32,
            activity: format!("{activity} {network}"),
        }),
        BenchEvent::Kept(_) => report.tell(What::Kept),
        BenchEvent::Wrong(trouble) => report.note(chain(trouble)),
    });
    Ok(Output::Measured)
}

pub(super) fn profile(request: &ProfileRequest, report: &Reporter) -> Result<Output, String> {
    let step = |share, activity: &str| {
        report.progress(Progress { share, activity: activity.to_owned() });
        if report.is_stopped() { Err("stopped".to_owned()) } else { Ok(()) }
    };
    let names = [request.engine.clone()];
    let engines = choose(&Libraries::default(), &names, "cpu").map_err(|error| chain(&error))?;
    let mut store = Store::open(&request.store).map_err(|error| chain(&error))?;
    step(0.05, "loading")?;
    let named = Request { file: request.file.to_path_buf(), settings: vec![] };
    let network = Network::load(&named, &WeightSource::default()).map_err(|error| chain(&error))?;
    step(0.2, "measuring what the machine can do")?;
    let machine = Machine::read();
    let threads = request.threads.unwrap_or_else(|| all_cores(&machine));
    let roofline = Roofline::measure(threads);
    let plan = ProfilePlan {
        setup: Setup {
            batch: request.batch,
            threads,
            precision: PrecisionWish::Fp32,
            device: "cpu".to_owned(),
        },
        runs: request.runs,
        seed: 0,
        machine: &machine,
        roofline,
    };
    step(0.4, "running")?;
    for found in &engines {
        let record = plan.run(&network, found).map_err(|error| chain(&error))?;
        store.append_profile(&record).map_err(|error| chain(&error))?;
        report.tell(What::Kept);
    }
    Ok(Output::Measured)
}

/// As many threads as the machine has cores that compute by themselves.
fn all_cores(machine: &Machine) -> u32 {
    machine.physical_cores.min(machine.logical_cores).max(1)
}
