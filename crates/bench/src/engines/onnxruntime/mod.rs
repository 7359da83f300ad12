//! [ONNX Runtime](https://onnxruntime.ai), through its shared library.

mod providers;

use std::{
    collections::HashMap,
    fs,
    path::{Path as FilePath, PathBuf},
    sync::{Arc, OnceLock, atomic::AtomicBool},
    time::Duration,
};

use inceptive_ir::{Graph, Path};
use inceptive_onnx::LrnForm;
use ort::{
    environment::Environment,
    session::{Session as OrtSession, builder::SessionBuilder},
    value::TensorRef,
};
use serde::Deserialize;

use inceptive_results::Precision;

use crate::engine::{
    Description, Engine, EngineError, Model, NodeTime, NodeTimes, NodeTimings, ProgressFn, Session,
    Setup, share,
};
use crate::need::Copies;

use self::providers::Provider;
use super::{
    deep::{self, DeepSession},
    fp32::{Compiled, Fp32Session},
    library::{self, Wanted},
};

const NAME: &str = "onnxruntime";
const CPU: &str = "cpu";

const WANTED: Wanted = Wanted {
    variable: "ORT_DYLIB_PATH",
    package: "onnxruntime",
    folder: "capi",
    stem: "libonnxruntime",
    title: "ONNX Runtime",
    functions: &["OrtGetApiBase"],
};

/// The engine, found or not.
#[derive(Clone, Debug)]
pub struct OnnxRuntime {
    library: Option<PathBuf>,
}

/// A library can only be loaded once into a program.
static LOADED: OnceLock<Result<Loaded, String>> = OnceLock::new();

struct Loaded {
    environment: Environment,
    path: PathBuf,
    version: String,
}

impl OnnxRuntime {
    /// The engine, with the library at `library` if the user named one.
    pub fn new(library: Option<PathBuf>) -> Self {
        Self { library }
    }

    fn loaded(&self) -> Result<&'static Loaded, EngineError> {
        let loaded = LOADED.get_or_init(|| load(self.library.as_deref()));
        let missing = |how: &String| EngineError::Missing { engine: NAME, how: how.clone() };
        loaded.as_ref().map_err(missing)
    }

    fn builder(setup: &Setup, loaded: &Loaded) -> Result<SessionBuilder, EngineError> {
        let builder = OrtSession::builder(&loaded.environment).map_err(failed)?;
        let builder = builder.with_intra_threads(setup.threads as usize).map_err(failed)?;
        // Threads of an idle session would spin on the cores of the measured one.
        let builder =
            builder.with_config_entry("session.force_spinning_stop", "1").map_err(failed)?;
        if setup.device == CPU {
            return Ok(builder);
        }
        match providers::ALL.iter().find(|provider| provider.device == setup.device) {
            Some(provider) => provider.register(builder, &loaded.path).map_err(failed),
            None => {
                let what = format!("device `{}` is", setup.device);
                Err(EngineError::Lacks { engine: NAME, what })
            }
        }
    }
}

fn load(library: Option<&FilePath>) -> Result<Loaded, String> {
    let path = WANTED.find(library)?;
    let environment = library::load(&path, || {
        let builder = ort::init_from(&path).map_err(|error| error.to_string())?;
        builder.with_name(NAME).build().map_err(|error| error.to_string())
    })?;
    environment.set_log_level(ort::logging::LogLevel::Error);
    let version = version(&path);
    Ok(Loaded { environment, path, version })
}

/// The version, from the library's name or the package in its folder.
fn version(path: &FilePath) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if let Some((_, version)) = name.split_once(".so.") {
        return version.to_owned();
    }
    let info = ort::info();
    let commit = info.split("git-commit-id=").nth(1).and_then(|rest| rest.split(',').next());
    commit.map_or_else(|| "unknown".to_owned(), |commit| format!("commit {commit}"))
}

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError::Failed { engine: NAME, message: error.to_string() }
}

impl Engine for OnnxRuntime {
    fn name(&self) -> &'static str {
        NAME
    }

    fn describe(&self) -> Result<Description, EngineError> {
        let loaded = self.loaded()?;
        let others = Provider::there().map(|provider| provider.device);
        Ok(Description {
            version: loaded.version.clone(),
            library: Some(loaded.path.clone()),
            devices: [CPU].into_iter().chain(others).map(str::to_owned).collect(),
            precisions: vec![Precision::Fp32],
            has_node_times: true,
            isa: None,
            flushes_subnormals: None,
            mode: None,
        })
    }

    fn copies(&self) -> Copies {
        Copies::new(1, 3)
    }

    fn compile(
        &self,
        model: &Model,
        setup: &Setup,
        _: &AtomicBool,
    ) -> Result<Box<dyn Session>, EngineError> {
        setup.precision.expect_fp32(NAME)?;
        let loaded = self.loaded()?;
        // The builder stays on the thread that it was made on.
        let prepare = || OnnxRuntimeModel::new(Self::builder(setup, loaded)?, model, setup);
        Ok(Box::new(DeepSession::new(DEEP.stack(model)?, prepare)?))
    }

    fn node_times(
        &self,
        model: &Model,
        setup: &Setup,
        input: Arc<[f32]>,
        runs: usize,
        stop: &AtomicBool,
        listen: &mut ProgressFn<'_>,
    ) -> Result<NodeTimings, EngineError> {
        setup.precision.expect_fp32(NAME)?;
        let folder = tempfile::tempdir().map_err(failed)?;
        let loaded = self.loaded()?;
        let prepare = || {
            let builder = Self::builder(setup, loaded)?;
            let builder = builder.with_profiling(folder.path().join("profile")).map_err(failed)?;
            OnnxRuntimeModel::new(builder, model, setup)
        };
        let mut session = DeepSession::new(DEEP.stack(model)?, prepare)?;
        session.set_input(input)?;
        let all = WARM_UP_RUNS + runs;
        for done in 0..all {
            if listen(share(done, all)).is_break() {
                break;
            }
            session.run(stop)?;
        }
        let file = session.with(|it| it.compiled.session.end_profiling().map_err(failed))?;
        let events: Vec<Event> =
            serde_json::from_slice(&fs::read(file).map_err(failed)?).map_err(failed)?;
        let mut times = by_run(&events, &model.graph);
        let runs = times.split_off(times.len().min(WARM_UP_RUNS));
        Ok(NodeTimings { precision: session.precision(), runs })
    }
}

/// It partitions and frees graphs by walks that call themselves.
const DEEP: deep::Engine =
    deep::Engine { name: NAME, bytes_per_node: 4096, longest_row: 1_000_000 };

/// Runs of a profile that do not count.
const WARM_UP_RUNS: usize = 3;

/// A line of a profile, in Chrome's trace format.
#[derive(Debug, Deserialize)]
struct Event {
    cat: String,
    name: String,
    /// Microseconds.
    #[serde(default)]
    dur: u64,
}

/// Marks of events that are one execution of a node, and of those that are one run.
const KERNEL: &str = "_kernel_time";
const RUN: &str = "model_run";

/// Splits a profile into runs. The event of a run comes after those of its nodes.
fn by_run(events: &[Event], graph: &Graph) -> Vec<NodeTimes> {
    let paths: HashMap<&str, &Path> =
        graph.nodes().map(|(_, node)| (node.path.as_str(), &node.path)).collect();
    let mut runs = Vec::new();
    let mut run = NodeTimes::new();
    for event in events {
        if event.name == RUN {
            runs.push(std::mem::take(&mut run));
        } else if let ("Node", Some(name)) = (event.cat.as_str(), event.name.strip_suffix(KERNEL)) {
            let path = place(name, &paths);
            run.push(NodeTime {
                name: name.to_owned(),
                path,
                fused: vec![],
                time: Duration::from_micros(event.dur),
            });
        }
    }
    runs
}

/// The node of our graph with this name. The engine keeps our names, or appends a word when it rewrites a node.
fn place(name: &str, paths: &HashMap<&str, &Path>) -> Option<Path> {
    let ours = name.split(inceptive_onnx::HELPER).next().unwrap_or(name);
    let ends = ours.rmatch_indices(['_', ' ', '-', ':']).map(|(end, _)| end);
    let mut candidates = std::iter::once(ours.len()).chain(ends).map(|end| &ours[..end]);
    candidates.find_map(|candidate| paths.get(candidate).copied().cloned())
}

struct OnnxRuntimeModel {
    session: OrtSession,
    shape: [usize; 4],
}

impl OnnxRuntimeModel {
    fn new(
        mut builder: SessionBuilder,
        model: &Model,
        setup: &Setup,
    ) -> Result<Fp32Session<Self>, EngineError> {
        let shape = model.input_shape(setup.batch);
        let onnx = model.to_onnx(setup.batch, LrnForm::Operator)?;
        let session = builder.commit_from_memory(&onnx).map_err(failed)?;
        Ok(Fp32Session::new(Self { session, shape }, shape))
    }
}

impl Compiled for OnnxRuntimeModel {
    fn run(&mut self, input: &[f32], _: &AtomicBool) -> Result<(), EngineError> {
        let input = TensorRef::from_array_view((self.shape, input)).map_err(failed)?;
        self.session.run(ort::inputs![input]).map(drop).map_err(failed)
    }

    fn output(&mut self, input: &[f32]) -> Result<Vec<f32>, EngineError> {
        let input = TensorRef::from_array_view((self.shape, input)).map_err(failed)?;
        let outputs = self.session.run(ort::inputs![input]).map_err(failed)?;
        let (_, values) = outputs[0].try_extract_tensor::<f32>().map_err(failed)?;
        Ok(values.to_vec())
    }
}
