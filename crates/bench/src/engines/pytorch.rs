//! [PyTorch](https://pytorch.org), in a process of its own.

use std::{
    cell::RefCell,
    error::Error,
    fmt,
    path::PathBuf,
    rc::Rc,
    str::FromStr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use inceptive_pytorch::{
    Module, to_module,
    worker::{Device, Done, Load, Loaded, Part, Ran, Request, Worker, WorkerError},
};
use inceptive_results::{Accelerator, Precision};

use crate::engine::{
    Description, Engine, EngineError, Model, NodeTimings, PrecisionRequest, ProgressFn, Session,
    SessionMemory, Setup,
};

const NAME: &str = "pytorch";

/// Python builds and calls a layer for each node, which takes minutes for very many.
const MAX_NODES: usize = 15_000;

/// Maximum number of runs that are asked for at a time: a request cannot be stopped without ending the process.
const MAX_RUNS: usize = 1000;

/// A session that nobody stops.
static GO_ON: AtomicBool = AtomicBool::new(false);

/// How PyTorch runs networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PyTorchOptions {
    /// The Python that has PyTorch; one is searched for if it is not named.
    pub python: Option<PathBuf>,
    /// How the operators of a network are started.
    pub mode: PyTorchMode,
    /// Whether feature maps and kernels lie in memory pixel by pixel, not channel by channel.
    pub channels_last: bool,
}

/// How PyTorch starts the operators of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PyTorchMode {
    /// One after the other, from Python.
    #[default]
    Eager,
    /// As kernels that `torch.compile` has generated for the network.
    Compile,
    /// As a CUDA graph, which is recorded once and started as a whole.
    Graphs,
}

impl PyTorchMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Eager, Self::Compile, Self::Graphs];

    /// `eager`, `compile` or `graphs`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eager => "eager",
            Self::Compile => "compile",
            Self::Graphs => "graphs",
        }
    }
}

impl fmt::Display for PyTorchMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PyTorchMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == text);
        found.ok_or_else(|| format!("unknown mode `{text}`; use eager, compile or graphs"))
    }
}

/// The engine, found or not. Its process is started when it is first needed, and again after it has ended.
#[derive(Default)]
pub struct PyTorch {
    options: PyTorchOptions,
    process: RefCell<Option<Process>>,
}

type Process = Rc<RefCell<Worker>>;

impl PyTorch {
    /// The engine with these options.
    pub fn new(options: PyTorchOptions) -> Self {
        Self { options, process: RefCell::new(None) }
    }

    fn process(&self, stop: &AtomicBool) -> Result<Process, EngineError> {
        let mut known = self.process.borrow_mut();
        if let Some(process) = known.as_ref().filter(|process| !process.borrow().has_ended()) {
            return Ok(Rc::clone(process));
        }
        let worker = Worker::start(self.options.python.as_deref(), stop).map_err(failed)?;
        Ok(Rc::clone(known.insert(Rc::new(RefCell::new(worker)))))
    }

    /// How networks are run, as results record it.
    fn mode(&self) -> String {
        let layout = if self.options.channels_last { ", channels last" } else { "" };
        format!("{}{layout}", self.options.mode)
    }
}

fn failed(error: WorkerError) -> EngineError {
    match error {
        WorkerError::Missing(how) => EngineError::Missing { engine: NAME, how },
        WorkerError::Stopped => EngineError::Stopped,
        error => {
            let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
            EngineError::Failed { engine: NAME, message: format!("{error}{cause}") }
        }
    }
}

fn lacks(what: String) -> EngineError {
    EngineError::Lacks { engine: NAME, what }
}

/// The precision that networks are run in.
fn precision(request: PrecisionRequest, device: &str) -> Result<Precision, EngineError> {
    match request.exactly().unwrap_or(Precision::Fp32) {
        Precision::Tf32 if !device.starts_with("cuda") => {
            Err(lacks(format!("precision tf32 on device `{device}` is")))
        }
        precision => Ok(precision),
    }
}

impl Engine for PyTorch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn describe(&self) -> Result<Description, EngineError> {
        let process = self.process(&GO_ON)?;
        let process = process.borrow();
        let about = process.about();
        Ok(Description {
            version: about.torch.clone(),
            library: Some(process.python().to_owned()),
            devices: about.devices.iter().map(|device| device.name.clone()).collect(),
            precisions: vec![Precision::Fp32, Precision::Tf32, Precision::Fp16, Precision::Bf16],
            has_node_times: false,
            isa: None,
            flushes_subnormals: None,
            mode: Some(self.mode()),
        })
    }

    fn compile(
        &self,
        model: &Model,
        setup: &Setup,
        stop: &AtomicBool,
    ) -> Result<Box<dyn Session>, EngineError> {
        let PyTorchOptions { mode, channels_last, .. } = self.options;
        let nodes = model.onnx_nodes().all;
        if nodes > MAX_NODES {
            return Err(EngineError::TooManyNodes { engine: NAME, nodes, limit: MAX_NODES });
        }
        if mode == PyTorchMode::Graphs && !setup.device.starts_with("cuda") {
            return Err(lacks(format!("mode graphs on device `{}` is", setup.device)));
        }
        let precision = precision(setup.precision, &setup.device)?;
        let process = self.process(stop)?;
        let device = device(&process.borrow(), &setup.device)?;
        let Module { text, class, keys } = to_module(&model.graph, &model.name);
        let mut payload = vec![Part::Text(&text)];
        for ((path, role), _) in &keys {
            let values = model.weights().get(path, *role);
            payload.push(Part::Floats(values.map_err(|missing| EngineError::Failed {
                engine: NAME,
                message: missing.to_string(),
            })?));
        }
        let tensors: Vec<&str> = keys.iter().map(|(_, key)| key.as_str()).collect();
        let id = process.borrow_mut().new_id();
        let load = Load {
            id,
            source_bytes: text.len(),
            class: &class,
            tensors: &tensors,
            device: &setup.device,
            mode: mode.name(),
            precision: precision.name(),
            channels_last,
            threads: setup.threads,
            input: model.input_shape(setup.batch),
        };
        let loaded = process.borrow_mut().call(Request::Load(&load), &payload, stop);
        let (Loaded { memory_bytes }, _) = loaded.map_err(failed)?;
        Ok(Box::new(PyTorchSession {
            process,
            id,
            precision,
            memory_bytes,
            accelerator: accelerator(device),
            is_finite: None,
        }))
    }

    fn node_times(
        &self,
        _: &Model,
        _: &Setup,
        _: Arc<[f32]>,
        _: usize,
        _: &AtomicBool,
        _: &mut ProgressFn<'_>,
    ) -> Result<NodeTimings, EngineError> {
        Err(lacks("per-node times are".to_owned()))
    }
}

fn device(worker: &Worker, name: &str) -> Result<Device, EngineError> {
    let found = worker.about().devices.iter().find(|device| device.name == name).cloned();
    found.ok_or_else(|| lacks(format!("device `{name}` is")))
}

/// What results say of a device; nothing of the processor, which the machine describes.
fn accelerator(device: Device) -> Option<Accelerator> {
    let Device { hardware, driver, platform, memory_bytes, .. } = device;
    hardware.map(|name| Accelerator { name, driver, platform, memory_bytes, clock_mhz: None })
}

/// A network in the process.
struct PyTorchSession {
    process: Process,
    id: u32,
    precision: Precision,
    memory_bytes: Option<u64>,
    accelerator: Option<Accelerator>,
    is_finite: Option<bool>,
}

impl PyTorchSession {
    fn run_some(&mut self, runs: usize, stop: &AtomicBool) -> Result<Vec<Duration>, EngineError> {
        let request = Request::Run { id: self.id, runs };
        let ran = self.process.borrow_mut().call(request, &[], stop);
        let (Ran { seconds, clock_mhz, is_finite }, _) = ran.map_err(failed)?;
        self.is_finite = Some(is_finite);
        if let (Some(accelerator), Some(now)) = (&mut self.accelerator, clock_mhz) {
            let first = accelerator.clock_mhz.map_or(now, |[first, _]| first);
            accelerator.clock_mhz = Some([first, now]);
        }
        let wrong = |what: String| EngineError::Failed { engine: NAME, message: what };
        if seconds.len() != runs {
            return Err(wrong(format!("{} times of {runs} runs", seconds.len())));
        }
        let time = |seconds: f64| {
            Duration::try_from_secs_f64(seconds).map_err(|_| wrong(format!("a run of {seconds} s")))
        };
        seconds.into_iter().map(time).collect()
    }
}

impl Session for PyTorchSession {
    fn precision(&self) -> Precision {
        self.precision
    }

    fn set_input(&mut self, input: Arc<[f32]>) -> Result<(), EngineError> {
        let request = Request::Input { id: self.id };
        let done = self.process.borrow_mut().call(request, &[Part::Floats(&input)], &GO_ON);
        done.map(|(Done {}, _)| ()).map_err(failed)
    }

    fn run(&mut self, stop: &AtomicBool) -> Result<(), EngineError> {
        self.run_some(1, stop).map(drop)
    }

    fn timed_runs(
        &mut self,
        runs: usize,
        stop: &AtomicBool,
    ) -> Result<Option<Vec<Duration>>, EngineError> {
        let mut times = Vec::with_capacity(runs);
        while times.len() < runs {
            let more = (runs - times.len()).min(MAX_RUNS);
            times.extend(self.run_some(more, stop)?);
        }
        Ok(Some(times))
    }

    fn memory(&self) -> SessionMemory {
        SessionMemory::Elsewhere(self.memory_bytes)
    }

    fn accelerator(&self) -> Option<Accelerator> {
        self.accelerator.clone()
    }

    fn is_output_finite(&self) -> Option<bool> {
        self.is_finite
    }

    fn output(&mut self) -> Result<Vec<f32>, EngineError> {
        let request = Request::Output { id: self.id };
        let output = self.process.borrow_mut().call(request, &[], &GO_ON);
        output.map(|(Done {}, output)| output).map_err(failed)
    }
}

impl Drop for PyTorchSession {
    fn drop(&mut self) {
        let mut process = self.process.borrow_mut();
        if !process.has_ended() {
            // A process that cannot answer is ended with its last network.
            let _ = process.call::<Done>(Request::Drop { id: self.id }, &[], &GO_ON);
        }
    }
}

impl fmt::Debug for PyTorch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PyTorch").field("options", &self.options).finish_non_exhaustive()
    }
}
