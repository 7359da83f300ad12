//! `inceptive profile`.

use std::{num::NonZeroU32, path::PathBuf};

use anyhow::bail;
use clap::{Args, ValueEnum};
use inceptive_app::{AvailableEngine, ProfilePlan, Purpose, Request, Runnable, Task, TaskContext};
use inceptive_bench::{Copies, Model, System, available_memory};
use inceptive_format::{bytes, counted, share, short_count, significant};
use inceptive_results::{NodeProfile, Profile as Profiled, ProfileRecord, Roofline};
use inceptive_store::Store;
use serde_json::{Value, json};

use crate::{
    commands::bench::{
        stop_on_interrupt,
        text::{limits, machine},
        watch::Watch,
    },
    input::{Settings, WeightsFrom, read_runnable},
    machinery::{EngineArguments, positive, thread_count},
    output::{self, Outcome},
    table::{Column, Grid},
};

/// Measure the time of each node and module.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive profile architectures/googlenet-bn.yaml --by module
  inceptive profile architectures/inception-v3.yaml --engine onnxruntime --threads 1
  inceptive profile architectures/googlenet-bn.yaml --plan",
    after_help = "Batch normalisations are folded into the layers before them, as engines do. A node is memory bound
if its FLOPs per byte are below the machine's peak FLOP/s over its bandwidth. Shares of the peak
refer to the highest peak measured on this machine. Profiles are saved to inceptive.db, where
reports and the dashboard find them."
)]
pub struct Profile {
    /// An architecture, a space with --set, or an ONNX file
    file: PathBuf,
    #[command(flatten)]
    engine: EngineArguments,
    /// Batch size
    #[arg(long, value_name = "N", default_value = "1", value_parser = positive)]
    batch: NonZeroU32,
    /// Threads per inference; default: all cores
    #[arg(long, value_name = "N", value_parser = thread_count)]
    threads: Option<NonZeroU32>,
    /// Runs per median
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Which table to print; default: both
    #[arg(long, value_name = "PART")]
    by: Option<By>,
    /// Module depth: 1 for whole modules, 2 for their branches
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..))]
    depth: u8,
    /// Print the native engine's plan without measuring: phases, kernels, fused nodes, buffers
    #[arg(long, conflicts_with_all = ["by", "depth", "runs", "json", "store"])]
    plan: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Store to save profiles to
    #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
    store: PathBuf,
    #[command(flatten)]
    weights: WeightsFrom,
    #[command(flatten)]
    settings: Settings,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// One row per node
    Layer,
    /// One row per module (all nodes under a path)
    Module,
}

impl Profile {
    /// Profiles the network on each engine, and saves each profile as soon as it is done.
    ///
    /// # Errors
    /// When an engine is not available or does not support per-node timing, or the store cannot be used.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let mut engines = self.engine.found()?;
        if self.plan {
            return self.plans(&engines);
        }
        if let [only] = engines.as_slice()
            && !only.description.has_node_times
        {
            bail!("{} does not support per-node timing; choose another engine", only.engine.name());
        }
        for found in &engines {
            if !found.description.has_node_times {
                let name = found.engine.name();
                output::warn(&format!("{name} does not support per-node timing; it is left out"));
            }
        }
        engines.retain(|found| found.description.has_node_times);
        if engines.is_empty() {
            bail!("none of these engines supports per-node timing; choose another one");
        }
        let stop = stop_on_interrupt("finished results are saved")?;
        let mut store = Store::open(&self.store)?;
        let about = inceptive_bench::this_machine();
        let context = TaskContext {
            engines: &engines,
            host: &System::new(),
            machine: &about,
            roofline: &inceptive_bench::measure_roofline,
            available_bytes: available_memory(),
            stop: &stop,
            wait: &inceptive_app::NEVER,
        };
        let threads = self.threads.unwrap_or_else(|| about.default_threads());
        let plan = ProfilePlan {
            requests: vec![Request { file: self.file.clone(), settings: self.settings.all() }],
            weights: self.weights.source(),
            batches: vec![self.batch.get()],
            threads: vec![threads.get()],
            precision: self.engine.precision(),
            device: self.engine.device().to_owned(),
            runs: usize::from(self.runs),
        };
        let watch = Watch::new(self.json, true);
        let task = Task::Profile(plan);
        let outcome = task.run(&context, &mut store, &mut |event| watch.event(&event));
        watch.finish();
        let text = match self.json {
            true => {
                let documents: Vec<Value> =
                    outcome.profiles.iter().map(|record| self.document(record)).collect();
                output::json(&documents)?
            }
            false => self.pages(&outcome.profiles),
        };
        Ok(Outcome { text, failed: outcome.failed })
    }

    /// How each engine would compute the network.
    fn plans(&self, engines: &[AvailableEngine]) -> anyhow::Result<Outcome> {
        let copies = Copies::in_turn(engines.iter().map(|found| found.engine.copies()));
        let threads =
            self.threads.unwrap_or_else(|| inceptive_bench::this_machine().default_threads());
        let purpose = Purpose::Run { batch: self.batch.get(), threads: threads.get(), copies };
        let runnable = read_runnable(&self.file, &self.settings, &self.weights, purpose);
        let Some(Runnable { loaded, graph, weights, .. }) = runnable else {
            return Ok(Outcome { text: String::new(), failed: true });
        };
        let name = &loaded.architecture.name;
        let model = Model::new(name, &graph, weights)?;
        let setup = self.engine.setup(self.batch, threads);
        let mut pages = Vec::with_capacity(engines.len());
        for AvailableEngine { engine, description } in engines {
            let plan = engine.plan(&model, &setup)?;
            pages.push(format!("{name}, {} {}\n{plan}", engine.name(), description.version));
        }
        Ok(Outcome::new(pages.join("\n")))
    }

    fn pages(&self, records: &[ProfileRecord]) -> String {
        let Some(first) = records.first() else { return String::new() };
        let mut text = machine(&first.machine) + &limits(&first.best_roofline());
        for record in records {
            let (engine, version) = (&record.runtime.engine, &record.runtime.engine_version);
            let title = format!("{}, {engine} {version}", record.subject.name);
            text.push_str(&self.page(&title, &record.profile, &record.best_roofline().roofline));
        }
        text
    }

    fn page(&self, title: &str, profiled: &Profiled, roofline: &Roofline) -> String {
        let mut text = format!(
            "\n{title}: {} ms in all nodes, median of {}\n",
            significant(profiled.total_ms),
            counted(profiled.runs, "run", "runs")
        );
        if self.by != Some(By::Layer) {
            text.push('\n');
            text.push_str(&table("module", &profiled.by_module(self.depth.into()), roofline));
        }
        if self.by != Some(By::Module) {
            text.push('\n');
            text.push_str(&table("node", &profiled.nodes, roofline));
        }
        text
    }

    fn document(&self, record: &ProfileRecord) -> Value {
        let (profiled, roofline) = (&record.profile, &record.best_roofline().roofline);
        let parts = |parts: &[NodeProfile]| -> Vec<Value> {
            parts.iter().map(|part| object(part, roofline)).collect()
        };
        json!({
            "name": record.subject.name,
            "engine": record.runtime.engine,
            "engine_version": record.runtime.engine_version,
            "batch": record.runtime.batch,
            "threads": record.runtime.threads,
            "roofline": roofline,
            "total_ms": profiled.total_ms,
            "runs": profiled.runs,
            "modules": parts(&profiled.by_module(self.depth.into())),
            "nodes": parts(&profiled.nodes),
        })
    }
}

fn object(part: &NodeProfile, roofline: &Roofline) -> Value {
    json!({
        "name": part.name,
        "ops": part.ops,
        "time_ms": part.time_ms,
        "share": part.share,
        "flops": part.flops,
        "moved_bytes": part.moved_bytes,
        "gflops": part.gflops(),
        "peak_share": part.peak_share(roofline),
        "flops_per_byte": part.intensity(),
        "bound": part.bound(roofline).map(|bound| bound.name()),
    })
}

fn table(what: &'static str, parts: &[NodeProfile], roofline: &Roofline) -> String {
    let mut grid = Grid::new(vec![
        Column::Left(what),
        Column::Left("operators"),
        Column::Right("ms"),
        Column::Right("share"),
        Column::Right("FLOPs"),
        Column::Right("memory traffic"),
        Column::Right("GFLOP/s"),
        Column::Right("of peak"),
        Column::Right("FLOPs/byte"),
        Column::Left("bound by"),
    ]);
    for part in parts {
        let bound = part.bound(roofline);
        let known = |text: String| if bound.is_some() { text } else { String::new() };
        grid.row(vec![
            part.name.clone(),
            part.ops.clone(),
            format!("{:.3}", part.time_ms),
            share(part.share),
            known(short_count(part.flops)),
            known(bytes(part.moved_bytes)),
            known(format!("{:.1}", part.gflops())),
            part.peak_share(roofline).map_or_else(String::new, share),
            known(format!("{:.1}", part.intensity())),
            bound.map_or("", |bound| bound.name()).to_owned(),
        ]);
    }
    grid.render()
}
