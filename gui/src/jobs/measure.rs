//! Measuring and profiling, as [`inceptive_jobs`] does it.

use std::{ops::ControlFlow, path::PathBuf};

use inceptive_exec::{Description, Machine, PrecisionWish, Protocol, Setup};
use inceptive_jobs::{
    BenchEvent, BenchPlan, Found, Network, ProfilePlan, Request, WeightSource, Workplace, chain,
    choose_among,
};
use inceptive_store::Store;

use super::{Output, Progress, Reporter, Tools, What};
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
    /// Names of the engines.
    pub engines: Vec<String>,
    /// The device of the engines.
    pub device: String,
    /// Images at once; each is profiled apart.
    pub batches: Vec<u32>,
    /// Threads; each is profiled apart; none for as many as there are cores.
    pub threads: Vec<u32>,
    /// Runs that medians are over.
    pub runs: usize,
    /// Where results go.
    pub store: PathBuf,
}

/// Every engine, found or not.
pub(super) fn engines(tools: &Tools) -> Output {
    let states = tools.engines.iter().map(|engine| EngineState {
        name: engine.name(),
        description: engine.describe().map_err(|error| chain(&error)),
    });
    Output::Engines(states.collect())
}

pub(super) fn bench(
    request: &BenchRequest,
    tools: Tools,
    report: &Reporter,
) -> Result<Output, String> {
    let engines = chosen(tools.engines, &request.engines, &request.device, report)?;
    let mut store = Store::open(&request.store).map_err(|error| chain(&error))?;
    let place = Workplace {
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
        precision: PrecisionWish::Fp32,
        device: request.device.clone(),
        protocol: request.protocol,
        paired: false,
    };
    let (mut planned, mut kept) = (1, 0);
    let benched = inceptive_jobs::bench(&plan, &place, &mut store, &mut |event| match event {
        BenchEvent::Planned(count) => planned = count.max(1),
        BenchEvent::Loaded(network) => note_subnormals(network, report),
        BenchEvent::Progress { done, activity, network } => report.progress(Progress {
            share: (done / planned as f64) as f32,
            activity: format!("{activity} {network}"),
        }),
        BenchEvent::Kept(_) => {
            kept += 1;
            report.tell(What::Kept);
        }
        BenchEvent::Wrong(trouble) => report.note(chain(trouble)),
    });
    if report.is_stopped() {
        // What was measured enough is in the store.
        return Err("stopped".to_owned());
    }
    if benched.measurements.is_empty() {
        return Err("nothing was measured".to_owned());
    }
    if kept == 0 {
        return Err("no result could be kept".to_owned());
    }
    Ok(Output::Measured)
}

pub(super) fn profile(
    request: &ProfileRequest,
    tools: Tools,
    report: &Reporter,
) -> Result<Output, String> {
    let engines = chosen(tools.engines, &request.engines, &request.device, report)?;
    let mut store = Store::open(&request.store).map_err(|error| chain(&error))?;
    let threads = threads(&request.threads, &tools.machine);
    let mut steps = Steps::new(report, threads.len() * request.batches.len() * engines.len());
    steps.next("loading")?;
    let named = Request { file: request.file.to_path_buf(), settings: vec![] };
    let network = Network::load(&named, &WeightSource::default()).map_err(|error| chain(&error))?;
    note_subnormals(&network, report);
    let mut kept = 0;
    for threads in threads {
        steps.next("measuring what the machine can do")?;
        let roofline = (tools.roofline)(threads);
        for &batch in &request.batches {
            let (precision, device) = (PrecisionWish::Fp32, request.device.clone());
            let plan = ProfilePlan {
                setup: Setup { batch, threads, precision, device },
                runs: request.runs,
                seed: 0,
                machine: &tools.machine,
                roofline,
            };
            for found in &engines {
                steps.next(&format!("running on {}, batch {batch}", found.engine.name()))?;
                let made = plan.run(&network, found, &mut |share| steps.within(share));
                steps.done += 1;
                match made {
                    Ok(record) => {
                        store.append_profile(&record).map_err(|error| chain(&error))?;
                        kept += 1;
                        report.tell(What::Kept);
                    }
                    Err(trouble) => report.note(chain(&trouble)),
                }
            }
        }
    }
    // Of what was stopped in the last step of all, the runs until then are in the store.
    steps.check()?;
    if kept == 0 { Err("nothing was profiled".to_owned()) } else { Ok(Output::Measured) }
}

/// Says so when many weights are subnormal.
fn note_subnormals(network: &Network, report: &Reporter) {
    if let Some(remark) = network.model.subnormals.remark() {
        report.note(format!("{}: {remark}", network.subject.name));
    }
}

/// How far profiling is, and whether it goes on.
struct Steps<'a> {
    report: &'a Reporter,
    /// Profiles that are wanted.
    planned: usize,
    /// Profiles that were made, or failed.
    done: usize,
    activity: String,
    /// Percent that were told last.
    told: f64,
}

impl<'a> Steps<'a> {
    const fn new(report: &'a Reporter, planned: usize) -> Self {
        Self { report, planned, done: 0, activity: String::new(), told: 0.0 }
    }

    /// Begins something else.
    fn next(&mut self, activity: &str) -> Result<(), String> {
        activity.clone_into(&mut self.activity);
        self.told = self.percent(0.0);
        self.tell();
        self.check()
    }

    /// Goes on with the same profile, of which so much is done; tells it when that can be seen.
    fn within(&mut self, share: f64) -> ControlFlow<()> {
        let percent = self.percent(share);
        if percent >= self.told + 1.0 {
            self.told = percent;
            self.tell();
        }
        match self.report.is_stopped() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 profiles")]
    fn percent(&self, share: f64) -> f64 {
        (self.done as f64 + share) / self.planned.max(1) as f64 * 100.0
    }

    fn tell(&self) {
        let share = (self.told / 100.0) as f32;
        self.report.progress(Progress { share, activity: self.activity.clone() });
    }

    /// Ends the job if somebody wants it to stop.
    fn check(&self) -> Result<(), String> {
        if self.report.is_stopped() { Err("stopped".to_owned()) } else { Ok(()) }
    }
}

/// The engines with these names; those that are not there are told and left out.
fn chosen(
    engines: Vec<Box<dyn inceptive_exec::Engine>>,
    names: &[String],
    device: &str,
    report: &Reporter,
) -> Result<Vec<Found>, String> {
    let (mut found, mut problems) = (vec![], vec![]);
    for engine in engines {
        let name = engine.name().to_owned();
        if !names.contains(&name) {
            continue;
        }
        match choose_among(vec![engine], &[name], device) {
            Ok(one) => found.extend(one),
            Err(error) => problems.push(chain(&error)),
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
        [] => vec![machine.physical_cores.min(machine.logical_cores).max(1)],
        wanted => wanted.to_vec(),
    }
}
