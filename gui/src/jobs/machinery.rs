//! The engines, and the machine that they run on. Tests replace both.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
};

use inceptive_bench::{
    Engine, Host, System, available_memory,
    engines::{self, EngineOptions},
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

/// Makes tools, on the thread that uses them: engines stay on one.
#[derive(Clone)]
pub struct MeasurementBackend(Arc<dyn Fn() -> Tools + Send + Sync>);

impl MeasurementBackend {
    /// Tools of one's own, for tests.
    pub fn new(make: impl Fn() -> Tools + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    pub(super) fn tools(&self) -> Tools {
        (self.0)()
    }
}

impl Default for MeasurementBackend {
    /// The engines and the machine that there are.
    fn default() -> Self {
        Self::new(|| Tools {
            engines: engines::all(&EngineOptions::default()),
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
