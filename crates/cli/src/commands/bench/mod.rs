//! `inceptive bench`.

pub mod text;
mod watch;

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use inceptive_cost::{Cost, Mode};
use inceptive_exec::{
    Candidate, Machine, Measurement, Model, Protocol, Roofline, Setting, Subject, System,
    available_memory, compare, groups, measure,
};
use inceptive_report::numbers::bytes;
use inceptive_store::Store;
use serde_json::json;

use crate::{
    input::{Runnable, Settings, WeightsFrom, read_all, read_runnable},
    machinery::{EngineArguments, Found, all_cores},
    output::{self, Outcome},
};

use watch::{Entry, Watch};

/// Measure latency on this machine.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  inceptive bench architectures/*.yaml
  inceptive bench architectures/googlenet-bn.yaml --engine all --batch 1,8 --threads 1,2
  inceptive bench --compare architectures/googlenet.yaml architectures/googlenet-naive.yaml
  inceptive bench architectures/inception-v3.yaml --budget 20s --json

Networks take turns, so that a noisy machine is unfair to none. Each latency is a median with its 95%
interval and a grade: A can be trusted, D is an order of magnitude. Results go to a store,
inceptive.db, as soon as they are done; see `inceptive results`.")]
pub struct Bench {
    /// Architectures, spaces with --set, or ONNX files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    engine: EngineArguments,
    /// Images at once; several are measured apart
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_value = "1")]
    batch: Vec<NonZeroU32>,
    /// Threads for one run; several are measured apart; all cores without it
    #[arg(long, value_name = "N,..", value_delimiter = ',')]
    threads: Vec<NonZeroU32>,
    /// Time for each candidate, warm-up included, such as 500ms, 10s or 1m
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = budget)]
    budget: Duration,
    /// The most runs of each candidate that count
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = runs)]
    runs: usize,
    /// Compare two files: the ratio of their latencies, from turns in pairs
    #[arg(long)]
    compare: bool,
    /// Print one JSON document with every single time
    #[arg(long)]
    json: bool,
    /// The store that results are added to
    #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
    store: PathBuf,
    #[command(flatten)]
    weights: WeightsFrom,
    #[command(flatten)]
    settings: Settings,
}

fn budget(text: &str) -> Result<Duration, String> {
    let budget = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let allowed = Duration::from_millis(1)..=Duration::from_secs(24 * 60 * 60);
    if allowed.contains(&budget) { Ok(budget) } else { Err("1ms to 1day is allowed".to_owned()) }
}

fn runs(text: &str) -> Result<usize, String> {
    let runs: usize = text.parse().map_err(|error| format!("{error}"))?;
    if (1..=1_000_000).contains(&runs) {
        Ok(runs)
    } else {
        Err("1 to 1000000 is allowed".to_owned())
    }
}

/// Candidates that take turns. Results are safe when their group is done.
const MOST_TOGETHER: usize = 6;

/// A network to measure, and what results say of it.
struct Loaded {
    model: Model,
    subject: Subject,
}

impl Bench {
    /// Measures, keeps each result as soon as it is done, and shows them.
    ///
    /// # Errors
    /// When an engine is not there or the store cannot be used.
    pub fn run(self) -> anyhow::Result<Outcome> {
        if self.compare && self.files.len() != 2 {
            bail!("--compare takes two files, not {}", self.files.len());
        }
        let engines = self.engine.found()?;
        let stop = stop_on_interrupt()?;
        let (readable, failed) = read_all(&self.files, &self.settings);
        if readable.is_empty() || (self.compare && failed) {
            return Ok(Outcome { text: String::new(), failed: true });
        }
        // The store is opened before hours of measuring, not after.
        let store = Store::open(&self.store)?;
        let machine = Machine::read();
        let threads = match self.threads.as_slice() {
            [] => vec![all_cores(&machine)],
            threads => threads.to_vec(),
        };
        let protocol =
            Protocol { budget: self.budget, max_runs: self.runs, seed: self.weights.seed() };
        let setting = Setting { machine: &machine, protocol: &protocol };
        let weight_bytes: Vec<u64> = readable
            .iter()
            .map(|loaded| Cost::new(&loaded.architecture.graph, Mode::Inference).total.weight_bytes)
            .collect();
        let available = available_memory();
        let files: Vec<&PathBuf> =
            readable.iter().map(|loaded| &loaded.architecture.file).collect();
        let setups = engines.len() * self.batch.len() * threads.len();
        let mut watch =
            Watch::new(store, setting, files.len() * setups, self.json, Arc::clone(&stop));
        let rooflines: Vec<Roofline> =
            threads.iter().map(|count| Roofline::measure(count.get())).collect();
        // Two that are compared take turns whatever else.
        let most = if self.compare { 2 } else { (MOST_TOGETHER / engines.len().max(1)).max(1) };
        for group in groups(&weight_bytes, engines.len(), most, available) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let mut loaded = Vec::with_capacity(group.len());
            for at in group {
                if weight_bytes[at] > available {
                    let message = format!(
                        "error: `{}` has {} of weights, but only {} of memory are left",
                        files[at].display(),
                        bytes(weight_bytes[at]),
                        bytes(available)
                    );
                    watch.fail(&message);
                    continue;
                }
                match self.load(files[at]) {
                    Ok(network) => loaded.push(network),
                    Err(error) => watch.fail(&format!("error: {error:#}")),
                }
            }
            self.measure_group(&loaded, &engines, &threads, &rooflines, &mut watch);
        }
        let failed = failed || watch.failed();
        let measurements = watch.finish();
        Ok(Outcome { text: self.show(&measurements)?, failed })
    }

    fn load(&self, file: &Path) -> anyhow::Result<Loaded> {
        let runnable = read_runnable(file, &self.settings, &self.weights)?;
        let Some(Runnable { loaded, graph, weights }) = runnable else {
            bail!("`{}` changed while it was read", file.display());
        };
        let architecture = loaded.architecture;
        let point =
            architecture.point.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let file = file.to_string_lossy();
        let subject = Subject::new(&architecture.name, &file, point, &graph);
        let model =
            Model::new(&architecture.name, &graph, weights).with_context(|| format!("`{file}`"))?;
        Ok(Loaded { model, subject })
    }

    /// Measures networks that take turns, in every setup.
    fn measure_group(
        &self,
        loaded: &[Loaded],
        engines: &[Found],
        threads: &[NonZeroU32],
        rooflines: &[Roofline],
        watch: &mut Watch<'_>,
    ) {
        for &batch in &self.batch {
            for (&threads, &roofline) in threads.iter().zip(rooflines) {
                let mut candidates = Vec::new();
                let mut entries = Vec::new();
                for Loaded { model, subject } in loaded {
                    for Found { engine, description } in engines {
                        let setup = self.engine.setup(batch, threads);
                        candidates.push(Candidate { engine: engine.as_ref(), model, setup });
                        let (subject, description) = (subject.clone(), description.clone());
                        entries.push(Entry { subject, description, roofline });
                    }
                }
                watch.next_group(entries);
                let protocol = *watch.protocol();
                measure(&candidates, &protocol, &System::new(), &mut watch.over(&candidates));
            }
        }
    }

    fn show(&self, measurements: &[Measurement]) -> anyhow::Result<String> {
        let pairs: Vec<(&Measurement, &Measurement)> = match self.compare {
            true => pairs(measurements),
            false => vec![],
        };
        if self.json {
            let compared: Vec<_> = pairs
                .iter()
                .map(|(first, second)| {
                    let comparison = compare(first, second);
                    json!({
                        "first": first.subject.name,
                        "second": second.subject.name,
                        "runtime": first.runtime,
                        "ratio": comparison.ratio,
                        "verdict": text::verdict_name(comparison.verdict),
                    })
                })
                .collect();
            let document = match self.compare {
                true => json!({ "measurements": measurements, "comparisons": compared }),
                false => json!(measurements),
            };
            return Ok(serde_json::to_string_pretty(&document)? + "\n");
        }
        let mut text = text::table(measurements);
        for (first, second) in pairs {
            text.push_str(&text::comparison(first, second));
        }
        Ok(text)
    }
}

/// Measurements of the two files that ran the same way. They may be the same file, to see the noise.
fn pairs(measurements: &[Measurement]) -> Vec<(&Measurement, &Measurement)> {
    let mut pairs = Vec::new();
    for (at, first) in measurements.iter().enumerate() {
        let second = measurements[at + 1..].iter().find(|second| first.runtime == second.runtime);
        pairs.extend(second.map(|second| (first, second)));
    }
    pairs
}

/// The first interrupt asks to stop; the second ends the program, as results before are safe.
fn stop_on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    const INTERRUPTED: i32 = 130;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
        output::warn("stopping: what is measured enough is kept; once more to end at once");
    })?;
    Ok(stop)
}
