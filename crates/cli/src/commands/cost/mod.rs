//! `inceptive cost`.

mod json;
mod text;

use std::{num::NonZeroU32, path::PathBuf};

use anyhow::{Context, bail};
use clap::{Args, CommandFactory, ValueEnum, error::ErrorKind};
use inceptive_app::{LatencyPredictor, PredictError};
use inceptive_bench::{
    Isa, Setup,
    engines::{DEFAULT_ENGINE, EngineOptions},
};
use inceptive_cost::{Convention, Cost, Mode, Reconciliation, reconcile};
use inceptive_dsl::{Architecture, Loaded, Sources};
use inceptive_results::Value;
use inceptive_store::Store;

use super::Arguments;
use crate::{
    input::{ModeName, Settings, read_all},
    machinery::{self, PrecisionName, positive, thread_count},
    output::{self, Outcome, print_json},
};

/// Count parameters, compute, activations, memory and receptive field.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive cost architectures/googlenet.yaml
  inceptive cost architectures/*.yaml
  inceptive cost architectures/googlenet.yaml --by module
  inceptive cost architectures/googlenet.yaml --set 4a.c3=256 --by layer
  inceptive cost architectures/googlenet-bn.yaml --convention fvcore
  inceptive cost architectures/googlenet-bn.yaml --reconcile fvcore,ptflops
  inceptive cost architectures/*.yaml --latency --threads 1
  inceptive cost architectures/*.yaml --json",
    after_help = "MACs are multiply-accumulates of convolutions and linear layers without bias. FLOPs are twice the
MACs plus all other operations. MACs predict latency poorly: measure it with `inceptive bench`, or
predict it with --latency from a model that `inceptive calibrate` has fitted to measurements on this
machine."
)]
pub struct CostArguments {
    /// Architectures, spaces with --set, or ONNX files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one JSON document: an array with an object for each file
    #[arg(long)]
    json: bool,
    /// Batch size
    #[arg(long, value_name = "N", default_value = "1", value_parser = positive)]
    batch: NonZeroU32,
    /// Also print counts per layer, module or operator
    #[arg(long, value_name = "PART")]
    by: Option<By>,
    /// Module depth: 1 for whole modules, 2 for their branches
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..))]
    depth: u8,
    /// Count the network as deployed, or with auxiliary heads and dropout
    #[arg(long, value_name = "MODE", default_value = "inference")]
    mode: ModeName,
    /// Also count by the rules of a tool; `inceptive` stands for the rules of this program
    #[arg(long, value_name = "TOOL", value_parser = clap::builder::PossibleValuesParser::new(names()))]
    convention: Option<String>,
    /// Explain node by node why two tools disagree, for example fvcore,ptflops
    #[arg(long, value_name = "TOOL,TOOL", value_parser = pair)]
    reconcile: Option<Pair>,
    /// Also predict the latency, with a calibration of the store for this engine and number of threads
    #[arg(long)]
    latency: bool,
    #[command(flatten)]
    prediction: PredictionArguments,
    #[command(flatten)]
    settings: Settings,
}

/// What a latency is predicted for.
#[derive(Args, Debug)]
struct PredictionArguments {
    /// Engine that the latency is predicted for, see `inceptive engines`
    #[arg(long, requires = "latency", value_name = "ENGINE", default_value = DEFAULT_ENGINE)]
    engine: String,
    /// Instruction set of the native engine: avx512, avx2, neon or portable; default: the widest of this processor
    #[arg(long, requires = "latency", value_name = "ISA")]
    isa: Option<Isa>,
    /// Precision that the engine computes in
    #[arg(long, requires = "latency", value_name = "PRECISION", default_value = "fp32")]
    precision: PrecisionName,
    /// Device that it runs on
    #[arg(long, requires = "latency", value_name = "DEVICE", default_value = "cpu")]
    device: String,
    /// Threads per inference; default: all cores
    #[arg(long, requires = "latency", value_name = "N", value_parser = thread_count)]
    threads: Option<NonZeroU32>,
    /// Store with calibrations
    #[arg(long, requires = "latency", value_name = "FILE", default_value = "inceptive.db")]
    store: PathBuf,
}

/// What a row of the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// One row per node
    Layer,
    /// One row per module (all nodes under a path)
    Module,
    /// One row per operator
    Op,
}

#[derive(Clone, Copy, Debug)]
struct Pair(Convention, Convention);

fn names() -> [&'static str; 6] {
    Convention::ALL.map(Convention::name)
}

fn pair(text: &str) -> Result<Pair, String> {
    let (a, b) = text.split_once(',').ok_or("must be two tools, such as fvcore,ptflops")?;
    let convention =
        |name: &str| name.trim().parse::<Convention>().map_err(|error| error.to_string());
    Ok(Pair(convention(a)?, convention(b)?))
}

/// A network with its counts, as both outputs show it.
struct Counted {
    architecture: Architecture,
    sources: Sources,
    cost: Cost,
    mode: Mode,
    batch: u32,
    convention: Option<(Convention, u64)>,
    reconciliation: Option<Reconciliation>,
    latency: Option<PredictedLatency>,
}

/// A predicted latency, or why there is none.
type PredictedLatency = Result<Value, PredictError>;

impl CostArguments {
    /// Counts every file; an invalid one is left out and makes the command fail.
    ///
    /// # Errors
    /// When the batch makes counts too large.
    pub fn run(self) -> anyhow::Result<Outcome> {
        self.refuse_training_by_tools();
        let predictor = self.latency.then(|| self.predictor()).transpose()?;
        let (loaded, failed) = read_all(self.mode, &self.files, &self.settings);
        let counted = loaded
            .into_iter()
            .map(|loaded| self.count(loaded, predictor.as_ref()))
            .collect::<anyhow::Result<Vec<Counted>>>()?;
        let depth = self.depth.into();
        if self.json {
            print_json(&json::documents(&counted, self.by, depth))?;
            return Ok(Outcome { failed, ..Outcome::default() });
        }
        Ok(Outcome { text: text::page(&counted, self.by, depth), failed })
    }

    /// The other tools are documented for inference only.
    fn refuse_training_by_tools(&self) {
        let asks_tool = self.convention.is_some() || self.reconcile.is_some();
        if asks_tool && self.mode == ModeName::Training {
            let message =
                "--convention and --reconcile count inference only: remove `--mode training`";
            Arguments::command().error(ErrorKind::ArgumentConflict, message).exit();
        }
    }

    /// What predicts latencies.
    fn predictor(&self) -> anyhow::Result<LatencyPredictor> {
        if self.mode == ModeName::Training || self.batch != NonZeroU32::MIN {
            let message = "--latency predicts inference at batch 1: remove `--mode` and `--batch`";
            Arguments::command().error(ErrorKind::ArgumentConflict, message).exit();
        }
        let PredictionArguments { engine, isa, precision, device, threads, store } =
            &self.prediction;
        let options = EngineOptions { isa: *isa, ..EngineOptions::default() };
        let engines = machinery::found(&options, std::slice::from_ref(engine), device)?;
        let Some(found) = engines.first() else { bail!("there is no engine `{engine}`") };
        let machine = inceptive_bench::this_machine();
        let setup = Setup {
            batch: self.batch.get(),
            threads: threads.unwrap_or_else(|| machine.default_threads()).get(),
            precision: (*precision).into(),
            device: device.clone(),
        };
        if !store.exists() {
            bail!(
                "there is no `{}` with a calibration; run `inceptive calibrate` first",
                store.display()
            );
        }
        let store = Store::open_to_read(store)?;
        let (name, description) = (found.engine.name(), &found.description);
        Ok(LatencyPredictor::open(&store, name, description, &setup, &machine)?)
    }

    fn count(
        &self,
        Loaded { architecture, sources }: Loaded,
        predictor: Option<&LatencyPredictor>,
    ) -> anyhow::Result<Counted> {
        let mode = Mode::from(self.mode);
        let graph = &architecture.graph;
        let cost = Cost::new(graph, mode).scaled(self.batch.get());
        let cost = cost.with_context(|| format!("`{}`", architecture.file.display()))?;
        let convention = self.convention.as_deref().map(str::parse::<Convention>).transpose()?;
        let batch = u64::from(self.batch.get());
        let latency = predictor.map(|predictor| predictor.predict(graph));
        if let Some(Err(error)) = &latency {
            let file = architecture.file.display();
            output::warn(&format!("`{file}`: latency is not predicted: {error}"));
        }
        Ok(Counted {
            latency,
            convention: convention.map(|tool| (tool, tool.total(graph).saturating_mul(batch))),
            reconciliation: self.reconcile.map(|Pair(a, b)| reconcile(graph, a, b)),
            batch: self.batch.get(),
            architecture,
            sources,
            cost,
            mode,
        })
    }
}
