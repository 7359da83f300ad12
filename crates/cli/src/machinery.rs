//! Engines, as a command line names them.

use std::{num::NonZeroU32, path::PathBuf};

use clap::{Args, ValueEnum};
use inceptive_app::{AvailableEngine, ChoiceError, choose};
use inceptive_bench::{
    PrecisionRequest, Setup,
    engines::{DEFAULT_ENGINE, Libraries},
};

use crate::output;

/// Where libraries of engines are.
#[derive(Args, Clone, Debug, Default)]
pub struct LibraryPaths {
    /// ONNX Runtime's shared library; else $ORT_DYLIB_PATH, else that of an installed Python package
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// OpenVINO's C library; else $OPENVINO_LIB_PATH, else that of an installed Python package
    #[arg(long, value_name = "FILE")]
    openvino: Option<PathBuf>,
}

/// The precision that a user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PrecisionName {
    /// Single precision on every engine
    #[default]
    Fp32,
    /// Whatever the engine chooses; what that is stands in every result
    Default,
}

/// What runs networks, and how.
#[derive(Args, Clone, Debug)]
pub struct EngineArguments {
    /// Engine to run on, see `inceptive engines`; `all` for every one that is found
    #[arg(long = "engine", value_name = "ENGINE", default_value = DEFAULT_ENGINE)]
    engines: Vec<String>,
    /// Device of the engine
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    /// Precision to compute in
    #[arg(long, value_name = "PRECISION", default_value = "fp32")]
    precision: PrecisionName,
    #[command(flatten)]
    libraries: LibraryPaths,
}

impl LibraryPaths {
    /// Where they are.
    pub fn libraries(&self) -> Libraries {
        let Self { onnxruntime, openvino } = self.clone();
        Libraries { onnxruntime, openvino }
    }
}

impl EngineArguments {
    /// The engines that were asked for; all have to be there.
    ///
    /// # Errors
    /// When one is not known or not found, or does not have the device.
    pub fn found(&self) -> anyhow::Result<Vec<AvailableEngine>> {
        choose(&self.libraries.libraries(), &self.engines, &self.device).map_err(
            |error| match error {
                ChoiceError::Unknown { .. } | ChoiceError::Device { .. } => output::usage(error),
                ChoiceError::Engine(_) => error.into(),
            },
        )
    }

    /// The precision wished for.
    pub fn precision(&self) -> PrecisionRequest {
        match self.precision {
            PrecisionName::Fp32 => PrecisionRequest::Fp32,
            PrecisionName::Default => PrecisionRequest::EngineDefault,
        }
    }

    /// The device.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// How networks run, for one batch and number of threads.
    pub fn setup(&self, batch: NonZeroU32, threads: NonZeroU32) -> Setup {
        Setup {
            batch: batch.get(),
            threads: threads.get(),
            precision: self.precision(),
            device: self.device.clone(),
        }
    }
}

/// Threads for each core that an engine can be asked for. Those of far more than there are cores wait for each
/// other, so that one run takes minutes, whatever the budget is.
const MOST_THREADS_A_CORE: u32 = 16;

/// A number of threads.
pub fn thread_count(text: &str) -> Result<NonZeroU32, String> {
    let count: NonZeroU32 = text.parse().map_err(|error| format!("{error}"))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = u32::try_from(cores).unwrap_or(u32::MAX).saturating_mul(MOST_THREADS_A_CORE);
    if count.get() <= most {
        Ok(count)
    } else {
        Err(format!("1 to {most} is allowed, {MOST_THREADS_A_CORE} for each core"))
    }
}
