//! The engines, and the machine that they run on. Tests replace both.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
};

use inceptive_bench::{
    Engine, Host, Isa, System, available_memory,
    engines::{self, EngineOptions, PyTorchMode, PyTorchOptions},
};
use inceptive_results::{Machine, Roofline};

/// The tools that a job measures with.
pub struct Tools {
    /// Every engine, found or not; the default first.
    pub engines: Vec<Box<dyn Engine>>,
    /// The machine right now.
    pub host: Box<dyn Host>,
    /// The machine as it always is.
    pub machine: Machine,
    /// Measures the limits of the machine with this number of threads.
    pub roofline: fn(u32, &AtomicBool) -> Roofline,
    /// Bytes of memory that are left.
    pub available_bytes: u64,
}

/// How engines compute that have a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineChoice {
    /// The instruction set of the native engine; `None` for the widest.
    pub isa: Option<Isa>,
    /// How PyTorch starts the operators of a network.
    pub mode: PyTorchMode,
    /// Whether feature maps lie in PyTorch's memory pixel by pixel.
    pub channels_last: bool,
}

/// Makes tools, on the thread that uses them: engines stay on one.
#[derive(Clone)]
pub struct MeasurementBackend(Arc<dyn Fn(EngineChoice) -> Tools + Send + Sync>);

impl MeasurementBackend {
    /// Custom tools, for tests; made for what is chosen.
    pub fn new(make: impl Fn(EngineChoice) -> Tools + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// The tools with engines that compute as chosen.
    pub fn tools(&self, choice: EngineChoice) -> Tools {
        (self.0)(choice)
    }
}

impl Default for MeasurementBackend {
    /// The engines and the machine that there are.
    fn default() -> Self {
        Self::new(|EngineChoice { isa, mode, channels_last }| Tools {
            engines: engines::all(&EngineOptions {
                isa,
                pytorch: PyTorchOptions { mode, channels_last, ..PyTorchOptions::default() },
                ..EngineOptions::default()
            }),
            host: Box::new(System::new()),
            machine: inceptive_bench::this_machine(),
            roofline: inceptive_bench::measure_roofline,
            available_bytes: available_memory(),
        })
    }
}

impl fmt::Debug for MeasurementBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeasurementBackend")
    }
}
