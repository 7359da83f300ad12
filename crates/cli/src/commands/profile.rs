//! `inceptive profile`.

use std::{num::NonZeroU32, ops::ControlFlow, path::PathBuf};

use anyhow::bail;
use clap::{Args, ValueEnum};
use inceptive_exec::{BestRoofline, Machine, Part, Profile as Profiled, Roofline};
use inceptive_jobs::{Network, ProfilePlan, Request};
use inceptive_report::numbers::{bytes, share, short_count, significant};
use serde_json::{Value, json};

use crate::{
    commands::bench::{
        text::{limits, machine},
        watch::{remark, tell},
    },
    input::{Settings, WeightsFrom},
    machinery::{EngineArguments, all_cores, thread_count},
    output::Outcome,
    table::{Column, Grid},
};

/// Show where a network's time goes.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  inceptive profile architectures/googlenet-bn.yaml --by module
  inceptive profile architectures/inception-v3.yaml --engine onnxruntime --threads 1

Normalisations are folded into the layers before them, as engines do. A part is bound by memory when it
does fewer operations for each byte than the machine's peak over its bandwidth.")]
pub struct Profile {
    /// An architecture, a space with --set, or an ONNX file
    file: PathBuf,
    #[command(flatten)]
    engine: EngineArguments,
    /// Images at once
    #[arg(long, value_name = "N", default_value = "1")]
    batch: NonZeroU32,
    /// Threads for one run; all cores without it
    #[arg(long, value_name = "N", value_parser = thread_count)]
    threads: Option<NonZeroU32>,
    /// Runs that medians are taken over
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// What a row is; both without it
    #[arg(long, value_name = "PART")]
    by: Option<By>,
    /// Path segments of a module
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..))]
    depth: u8,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    weights: WeightsFrom,
    #[command(flatten)]
    settings: Settings,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// A node of the graph
    Layer,
    /// A module: the nodes under a path
    Module,
}

impl Profile {
    /// Profiles the network on each engine that was asked for.
    ///
    /// # Errors
    /// When an engine is not there or cannot say what nodes take.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let mut engines = self.engine.found()?;
        if let [only] = engines.as_slice()
            && !only.description.has_node_times
        {
            bail!("{} cannot say what nodes take; choose another engine", only.engine.name());
        }
        engines.retain(|found| found.description.has_node_times);
        let request = Request { file: self.file.clone(), settings: self.settings.set.clone() };
        let network = match Network::load(&request, &self.weights.source()) {
            Ok(network) => network,
            Err(trouble) => {
                tell(&trouble);
                let text = if self.json { "[]\n" } else { "" };
                return Ok(Outcome { text: text.to_owned(), failed: true });
            }
        };
        remark(&network, &self.weights);
        let about = Machine::read();
        let threads = self.threads.unwrap_or_else(|| all_cores(&about));
        let roofline = Roofline::measure(threads.get());
        let plan = ProfilePlan {
            setup: self.engine.setup(self.batch, threads),
            runs: usize::from(self.runs),
            seed: self.weights.seed(),
            machine: &about,
            roofline,
        };
        let mut documents = Vec::new();
        let mut text = machine(&about) + &limits(&BestRoofline::now(roofline));
        for found in &engines {
            let record = plan.run(&network, found, &mut |_| ControlFlow::Continue(()))?;
            let (engine, version) = (&record.runtime.engine, &record.runtime.engine_version);
            let title = format!("{}, {engine} {version}", record.subject.name);
            text.push_str(&self.page(&title, &record.profile, &roofline));
            let about = json!({
                "name": record.subject.name,
                "engine": engine,
                "engine_version": version,
                "batch": plan.setup.batch,
                "threads": plan.setup.threads,
                "roofline": roofline,
            });
            documents.push(self.document(about, &record.profile, &roofline));
        }
        if self.json {
            text = serde_json::to_string_pretty(&documents)? + "\n";
        }
        Ok(Outcome::new(text))
    }

    fn page(&self, title: &str, profiled: &Profiled, roofline: &Roofline) -> String {
        let mut text = format!(
            "\n{title}: {} ms in all nodes, median of {} runs\n",
            significant(profiled.total_ms),
            profiled.runs
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

    fn document(&self, mut about: Value, profiled: &Profiled, roofline: &Roofline) -> Value {
        let parts = |parts: &[Part]| -> Vec<Value> {
            parts.iter().map(|part| object(part, roofline)).collect()
        };
        about["total_ms"] = profiled.total_ms.into();
        about["runs"] = profiled.runs.into();
        about["modules"] = parts(&profiled.by_module(self.depth.into())).into();
        about["nodes"] = parts(&profiled.nodes).into();
        about
    }
}

fn object(part: &Part, roofline: &Roofline) -> Value {
    json!({
        "name": part.name,
        "ops": part.ops,
        "time_ms": part.time_ms,
        "share": part.share,
        "flops": part.flops,
        "moved_bytes": part.moved_bytes,
        "gflops": part.gflops(),
        "flops_per_byte": part.intensity(),
        "bound": part.bound(roofline).map(|bound| bound.name()),
    })
}

fn table(what: &'static str, parts: &[Part], roofline: &Roofline) -> String {
    let mut grid = Grid::new(vec![
        Column::Left(what),
        Column::Left("operators"),
        Column::Right("ms"),
        Column::Right("share"),
        Column::Right("FLOPs"),
        Column::Right("bytes moved"),
        Column::Right("GFLOP/s"),
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
            known(format!("{:.1}", part.intensity())),
            bound.map_or("", |bound| bound.name()).to_owned(),
        ]);
    }
    grid.render()
}
