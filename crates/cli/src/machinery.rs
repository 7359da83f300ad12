//! Engines, as a command line names them.

use std::{
    io,
    num::NonZeroU32,
    path::{self, PathBuf},
};

use clap::{Args, ValueEnum};
use inceptive_app::{AvailableEngine, ChoiceError, EngineChoice, Programs, choose};
use inceptive_bench::{
    Isa, PrecisionRequest, Setup,
    engines::{DEFAULT_ENGINE, EngineOptions, PyTorchMode, PyTorchOptions},
};

use inceptive_results::MAX_THREADS_PER_CORE;

use crate::output;

/// Where programs and libraries of engines are.
#[derive(Args, Clone, Debug, Default)]
pub struct ProgramPaths {
    /// ONNX Runtime's shared library; default: $ORT_DYLIB_PATH, then an installed Python package
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// OpenVINO's C library; default: $OPENVINO_LIB_PATH, then an installed Python package
    #[arg(long, value_name = "FILE")]
    openvino: Option<PathBuf>,
    /// Python with PyTorch; default: the first of $VIRTUAL_ENV, python3 and python that has it
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
}

/// Where programs and libraries of engines are, and how they compute.
#[derive(Args, Clone, Debug, Default)]
pub struct LibraryPaths {
    #[command(flatten)]
    programs: ProgramPaths,
    /// How PyTorch starts operators: eager, compile (torch.compile) or graphs (CUDA graphs)
    #[arg(long, value_name = "MODE", default_value_t)]
    mode: PyTorchMode,
    /// Let feature maps lie in memory pixel by pixel with PyTorch (channels last)
    #[arg(long)]
    channels_last: bool,
    /// Instruction set of the native engine: avx512, avx2, neon or portable; default: the widest of this processor
    #[arg(long, value_name = "ISA")]
    isa: Option<Isa>,
}

/// The precision that a user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PrecisionName {
    /// Single precision on every engine
    #[default]
    Fp32,
    /// The engine's own default; the precision used is recorded
    Default,
    /// Single precision with TF32 products (PyTorch on CUDA devices)
    Tf32,
    /// Half precision (PyTorch, OpenVINO)
    Fp16,
    /// Brain floating point (PyTorch, OpenVINO)
    Bf16,
}

impl From<PrecisionName> for PrecisionRequest {
    fn from(name: PrecisionName) -> Self {
        match name {
            PrecisionName::Fp32 => Self::Fp32,
            PrecisionName::Default => Self::EngineDefault,
            PrecisionName::Tf32 => Self::Tf32,
            PrecisionName::Fp16 => Self::Fp16,
            PrecisionName::Bf16 => Self::Bf16,
        }
    }
}

/// The engine, its device and precision.
#[derive(Args, Clone, Debug)]
pub struct EngineArguments {
    /// Engines, see `inceptive engines`; `all` for every engine found
    #[arg(
        long = "engine",
        value_name = "ENGINE,..",
        value_delimiter = ',',
        default_value = DEFAULT_ENGINE
    )]
    engines: Vec<String>,
    /// Device to run on, such as cpu, cuda or cuda:1; see `inceptive engines`
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    /// Precision to compute in
    #[arg(long, value_name = "PRECISION", default_value = "fp32")]
    precision: PrecisionName,
    #[command(flatten)]
    libraries: LibraryPaths,
}

impl ProgramPaths {
    /// The same for another working folder.
    ///
    /// # Errors
    /// When the working folder is not known.
    pub fn absolute(&self) -> io::Result<Programs> {
        let absolute = |file: &Option<PathBuf>| file.as_deref().map(path::absolute).transpose();
        Ok(Programs {
            onnxruntime: absolute(&self.onnxruntime)?,
            openvino: absolute(&self.openvino)?,
            python: absolute(&self.python)?,
        })
    }
}

impl LibraryPaths {
    /// The same as the engines take them.
    pub fn libraries(&self) -> EngineOptions {
        let Self { programs, mode, channels_last, isa } = self.clone();
        let ProgramPaths { onnxruntime, openvino, python } = programs;
        let pytorch = PyTorchOptions { python, mode, channels_last };
        EngineOptions { onnxruntime, openvino, pytorch, isa }
    }
}

/// The engines with these names that have a device.
///
/// # Errors
/// When one is not known or not found, or does not have the device.
pub fn found(
    options: &EngineOptions,
    names: &[String],
    device: &str,
) -> anyhow::Result<Vec<AvailableEngine>> {
    choose(options, names, device).map_err(|error| match error {
        ChoiceError::Unknown { .. } | ChoiceError::Device { .. } => output::usage(error),
        ChoiceError::Engine(_) => error.into(),
    })
}

impl EngineArguments {
    /// The engines named; all have to be available.
    ///
    /// # Errors
    /// When one is not known or not found, or does not have the device.
    pub fn found(&self) -> anyhow::Result<Vec<AvailableEngine>> {
        found(&self.libraries.libraries(), &self.engines, &self.device)
    }

    /// The engines named, to be found on other machines.
    pub fn choice(&self) -> EngineChoice {
        EngineChoice::new(&self.engines, &self.libraries.libraries())
    }

    /// The programs and libraries named.
    pub fn programs(&self) -> Programs {
        self.libraries.libraries().into()
    }

    /// The precision requested.
    pub fn precision(&self) -> PrecisionRequest {
        self.precision.into()
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

/// A whole number of at least 1.
pub fn positive(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| format!("must be a whole number from 1 to {}", u32::MAX))
}

/// A number of threads.
pub fn thread_count(text: &str) -> Result<NonZeroU32, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = u32::try_from(cores).unwrap_or(u32::MAX).saturating_mul(MAX_THREADS_PER_CORE);
    let count = text.parse().ok().filter(|count: &NonZeroU32| count.get() <= most);
    count.ok_or_else(|| {
        format!("must be a whole number from 1 to {most}, {MAX_THREADS_PER_CORE} per core")
    })
}
