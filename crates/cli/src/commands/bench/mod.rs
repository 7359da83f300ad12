//! `inceptive bench`.

pub mod text;
pub mod watch;

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use clap::Args;
use inceptive_app::{BenchPlan, Request, Task, TaskContext, plan_bench};
use inceptive_bench::{Protocol, System, available_memory};
use inceptive_results::{Machine, Measurement, compare};
use inceptive_store::Store;
use serde_json::json;

use crate::{
    commands::planned,
    input::{Settings, WeightsFrom},
    machinery::{EngineArguments, positive, thread_count},
    output::{self, Outcome},
};

use watch::Watch;

/// Measure latency on this machine.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive bench architectures/*.yaml
  inceptive bench architectures/googlenet-bn.yaml --engine all --batch 1,8 --threads 1,2
  inceptive bench --compare architectures/googlenet.yaml architectures/googlenet-naive.yaml
  inceptive bench architectures/inception-v3.yaml --budget 20s --json
  inceptive bench architectures/*.yaml --engine pytorch --device cuda --batch 1,64
  inceptive bench architectures/*.yaml --plan my-plan",
    after_help = "Networks take turns, so noise affects all networks equally. Each latency is a median with a 95%
interval and a grade, from A (reliable) to D (order of magnitude only). Each result is saved to
inceptive.db as soon as it is done; see `inceptive results`."
)]
pub struct Bench {
    /// Architectures, spaces with --set, or ONNX files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    engine: EngineArguments,
    /// Batch sizes; each is benchmarked separately
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_value = "1", value_parser = positive)]
    batch: Vec<NonZeroU32>,
    /// Threads per inference; each count is benchmarked separately; default: all cores
    #[arg(long, value_name = "N,..", value_delimiter = ',', value_parser = thread_count)]
    threads: Vec<NonZeroU32>,
    /// Time per network and configuration, including warm-up, such as 500ms, 10s or 1m
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = budget)]
    budget: Duration,
    /// Maximum number of timed runs per network
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = runs)]
    runs: usize,
    /// Compare two networks: run them alternately and measure the ratio of their latencies
    #[arg(long)]
    compare: bool,
    /// Measure nothing: write a plan to this folder, for `inceptive worker` on many machines
    #[arg(long, value_name = "DIR", conflicts_with = "store")]
    plan: Option<PathBuf>,
    /// Print one JSON document with the time of every run
    #[arg(long)]
    json: bool,
    /// Store to save results to
    #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
    store: PathBuf,
    #[command(flatten)]
    weights: WeightsFrom,
    #[command(flatten)]
    settings: Settings,
}

/// A time budget.
pub fn budget(text: &str) -> Result<Duration, String> {
    let budget = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let allowed = Duration::from_millis(1)..=Duration::from_secs(24 * 60 * 60);
    if allowed.contains(&budget) {
        Ok(budget)
    } else {
        Err("must be between 1 ms and 1 day".to_owned())
    }
}

fn runs(text: &str) -> Result<usize, String> {
    let runs: usize = text.parse().map_err(|error| format!("{error}"))?;
    if (1..=1_000_000).contains(&runs) {
        Ok(runs)
    } else {
        Err("must be between 1 and 1000000".to_owned())
    }
}

impl Bench {
    /// Measures, saves each result as soon as it is done, and shows all.
    ///
    /// # Errors
    /// When an engine is not available or the store cannot be used.
    pub fn run(self) -> anyhow::Result<Outcome> {
        if self.compare && self.files.len() != 2 {
            let message = format!("--compare takes two files, not {}", self.files.len());
            return Err(output::usage(message));
        }
        if let Some(folder) = &self.plan {
            return self.write_plan(folder);
        }
        let engines = self.engine.found()?;
        let stop = stop_on_interrupt("finished results are saved")?;
        // The store is opened before hours of measuring, not after.
        let mut store = Store::open(&self.store)?;
        let machine = inceptive_bench::this_machine();
        let context = TaskContext {
            engines: &engines,
            host: &System::new(),
            machine: &machine,
            roofline: &inceptive_bench::measure_roofline,
            available_bytes: available_memory(),
            stop: &stop,
            wait: &inceptive_app::NEVER,
        };
        let watch = Watch::new(self.json, true);
        let task = Task::Bench(self.plan(&machine));
        let outcome = task.run(&context, &mut store, &mut |event| watch.event(&event));
        watch.finish();
        Ok(Outcome { text: self.show(&outcome.measurements)?, failed: outcome.failed })
    }

    /// Writes a plan. The number of threads is that of each worker's machine unless it is given.
    fn write_plan(&self, folder: &Path) -> anyhow::Result<Outcome> {
        let mut plan = self.plan(&inceptive_bench::this_machine());
        if self.threads.is_empty() {
            plan.threads.clear();
        }
        match plan_bench(&plan, self.engine.choice(), folder) {
            Ok(written) => planned::outcome(folder, &written, &self.engine.programs(), self.json),
            Err(error) => output::task_failure(error),
        }
    }

    fn plan(&self, machine: &Machine) -> BenchPlan {
        let request =
            |file: &PathBuf| Request { file: file.clone(), settings: self.settings.all() };
        let counts = |counts: &[NonZeroU32]| counts.iter().map(|count| count.get()).collect();
        BenchPlan {
            requests: self.files.iter().map(request).collect(),
            weights: self.weights.source(),
            batches: counts(&self.batch),
            threads: match self.threads.as_slice() {
                [] => vec![machine.default_threads().get()],
                threads => counts(threads),
            },
            precision: self.engine.precision(),
            device: self.engine.device().to_owned(),
            protocol: Protocol {
                budget: self.budget,
                max_runs: self.runs,
                seed: self.weights.seed(),
            },
            paired: self.compare,
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
                        "first_file": first.subject.file,
                        "second": second.subject.name,
                        "second_file": second.subject.file,
                        "runtime": first.runtime,
                        "ratio": comparison.ratio,
                        "pairs": comparison.pairs,
                        "verdict": text::verdict_name(comparison.verdict),
                    })
                })
                .collect();
            let document = match self.compare {
                true => json!({ "measurements": measurements, "comparisons": compared }),
                false => json!(measurements),
            };
            return Ok(output::json(&document)?);
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

/// The first interrupt asks to stop, and says what is kept; the second quits at once.
pub fn stop_on_interrupt(kept: &'static str) -> anyhow::Result<Arc<AtomicBool>> {
    const INTERRUPTED: i32 = 130;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
        output::warn(&format!("stopping: {kept}; Ctrl-C again quits"));
    })?;
    Ok(stop)
}
