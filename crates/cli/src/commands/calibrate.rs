//! `inceptive calibrate`.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use clap::Args;
use inceptive_app::{CalibratePlan, NEVER, Task, TaskContext};
use inceptive_bench::{System, available_memory};
use inceptive_format::{counted, percent, share, significant};
use inceptive_results::{Calibration, JudgedLatency, statistics::median};
use inceptive_store::Store;
use serde_json::{Value, json};

use crate::{
    commands::bench::{budget, stop_on_interrupt, text::machine, watch::Watch},
    machinery::{EngineArguments, thread_count},
    output::{self, Outcome},
    table::{Column, Grid, one_line},
};

/// Networks with the largest errors that are listed.
const WORST: usize = 5;

/// Calibrate predictions of latency on this machine.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive calibrate
  inceptive calibrate architectures/spaces/small-modules.yaml --threads 1
  inceptive calibrate my-space.yaml --engine onnxruntime --budget 20m
  inceptive cost architectures/googlenet.yaml --latency",
    after_help = "Measures networks of the given spaces, and variants of the given networks with other widths and
input sizes, each with the times of its kernels; then fits a model, and judges it on other networks.
Every third network is one to judge on, up to 100. Each result is saved: after Ctrl-C or a crash, the
same command continues. The model predicts latencies for this machine, engine, version, precision,
instruction set and number of threads, and for nothing else."
)]
pub struct Calibrate {
    /// Spaces, networks, and folders of them
    #[arg(value_name = "TARGET", default_value = "architectures")]
    targets: Vec<PathBuf>,
    #[command(flatten)]
    engine: EngineArguments,
    /// Threads per inference; default: all cores
    #[arg(long, value_name = "N", value_parser = thread_count)]
    threads: Option<NonZeroU32>,
    /// Time for measuring, such as 10m; earlier calls of the same command count
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = budget)]
    budget: Duration,
    /// Seed that networks are drawn with
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Store to save measurements and the model to
    #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
    store: PathBuf,
}

impl Calibrate {
    /// Measures networks, fits a model of latencies, and prints how well it predicts.
    ///
    /// # Errors
    /// When the engine is not available, or the store cannot be used.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let engines = self.engine.found()?;
        let stop = stop_on_interrupt("measured networks are saved")?;
        let mut store = Store::open(&self.store)?;
        let about = inceptive_bench::this_machine();
        let context = TaskContext {
            engines: &engines,
            host: &System::new(),
            machine: &about,
            roofline: &inceptive_bench::measure_roofline,
            available_bytes: available_memory(),
            stop: &stop,
            wait: &NEVER,
        };
        let plan = CalibratePlan {
            targets: self.targets.clone(),
            threads: self.threads.unwrap_or_else(|| about.default_threads()).get(),
            precision: self.engine.precision(),
            device: self.engine.device().to_owned(),
            budget: self.budget,
            seed: self.seed,
        };
        let watch = Watch::new(self.json, false);
        let task = Task::Calibrate(plan);
        let outcome = task.run(&context, &mut store, &mut |event| watch.event(&event));
        watch.finish();
        let Some(calibration) = outcome.calibration else {
            return Ok(Outcome { text: String::new(), failed: true });
        };
        let text = match self.json {
            true => output::json(&document(&calibration))?,
            false => page(&calibration),
        };
        // Networks that do not fit are left out, and there is a model without them.
        Ok(Outcome { text, failed: false })
    }
}

fn page(calibration: &Calibration) -> String {
    let judgement = &calibration.judgement;
    let mut text = machine(&calibration.machine);
    text.push_str(&format!(
        "predicts {}, batch {}: fitted to {} with {}\n\n",
        calibration.runtime.label(),
        calibration.runtime.batch,
        counted(calibration.fitted.len(), "network", "networks"),
        counted(calibration.kernels as usize, "kernel", "kernels"),
    ));
    let correlation = |value: Option<f64>| {
        value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.3}"))
    };
    let mut grid = Grid::bare(2);
    let mut row = |name: String, value: String| grid.row(vec![format!("  {name}"), value]);
    let networks = counted(judgement.networks.len(), "other network", "other networks");
    row("judged on".to_owned(), networks);
    row("within 10%".to_owned(), share(judgement.within_10_percent));
    row("in the 90% interval".to_owned(), share(judgement.coverage));
    row("median interval".to_owned(), format!("±{}", percent(interval(calibration))));
    row("median error".to_owned(), share(judgement.median_error));
    row("mean error".to_owned(), share(judgement.mean_error));
    row("rank correlation".to_owned(), correlation(judgement.rank_correlation));
    row("  of MACs".to_owned(), correlation(judgement.rank_correlation_of_macs));
    row("  of activations".to_owned(), correlation(judgement.rank_correlation_of_acts));
    text.push_str(&grid.render());
    if judgement.refused > 0 {
        let networks = counted(judgement.refused as usize, "network is", "networks are");
        text.push_str(&format!("{networks} too unlike the others to be predicted\n"));
    }
    if calibration.disturbed > 0 {
        let networks = counted(calibration.disturbed as usize, "network was", "networks were");
        text.push_str(&format!(
            "{networks} left out, because other programs disturbed the measurement\n"
        ));
    }
    text.push_str("\nlargest errors\n");
    text.push_str(&worst(&judgement.networks));
    text
}

/// The median of the relative half-widths of the intervals of the networks that it was judged on.
fn interval(calibration: &Calibration) -> f64 {
    let networks = calibration.judgement.networks.iter();
    let widths: Vec<f64> = networks.map(|it| it.predicted_ms.relative_spread()).collect();
    median(&widths)
}

/// The networks with the largest errors.
fn worst(networks: &[JudgedLatency]) -> String {
    let error = |network: &JudgedLatency| network.predicted_ms.value / network.measured_ms - 1.0;
    let mut sorted: Vec<&JudgedLatency> = networks.iter().collect();
    sorted.sort_by(|a, b| error(b).abs().total_cmp(&error(a).abs()));
    let mut grid = Grid::new(vec![
        Column::Left("network"),
        Column::Right("measured ms"),
        Column::Right("predicted ms"),
        Column::Right("error"),
    ]);
    for network in sorted.into_iter().take(WORST) {
        grid.row(vec![
            one_line(&network.name),
            significant(network.measured_ms),
            significant(network.predicted_ms.value),
            format!("{:+.1}%", error(network) * 100.0),
        ]);
    }
    grid.render()
}

fn document(calibration: &Calibration) -> Value {
    let judgement = &calibration.judgement;
    json!({
        "targets": calibration.targets,
        "engine": calibration.runtime.engine,
        "engine_version": calibration.runtime.engine_version,
        "isa": calibration.runtime.isa,
        "device": calibration.runtime.device,
        "precision": calibration.runtime.precision,
        "batch": calibration.runtime.batch,
        "threads": calibration.runtime.threads,
        "machine": calibration.machine.id(),
        "seed": calibration.seed,
        "budget_s": calibration.budget_s,
        "fitted": calibration.fitted.len(),
        "disturbed": calibration.disturbed,
        "kernels": calibration.kernels,
        "interval": interval(calibration),
        "judgement": judgement,
    })
}
