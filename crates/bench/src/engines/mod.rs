//! The engines.

#[cfg(not(target_family = "wasm"))]
mod deep;
mod fp32;
#[cfg(not(target_family = "wasm"))]
mod library;
pub mod mock;
mod native;
#[cfg(not(target_family = "wasm"))]
mod onnxruntime;
#[cfg(not(target_family = "wasm"))]
mod openvino;
mod pytorch;
#[cfg(feature = "rten")]
mod rten;

use std::path::PathBuf;

use inceptive_engine::Isa;

use crate::engine::Engine;

pub use native::Native;
pub use pytorch::{PyTorch, PyTorchMode, PyTorchOptions};
#[cfg(feature = "rten")]
pub use rten::Rten;
#[cfg(not(target_family = "wasm"))]
pub use {onnxruntime::OnnxRuntime, openvino::OpenVino};

/// What the user said about engines: paths of their libraries, and how they compute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineOptions {
    /// ONNX Runtime's shared library.
    pub onnxruntime: Option<PathBuf>,
    /// OpenVINO's C library.
    pub openvino: Option<PathBuf>,
    /// PyTorch.
    pub pytorch: PyTorchOptions,
    /// The instruction set of the native engine; the widest of the processor unless it is named.
    pub isa: Option<Isa>,
}

/// The name of the engine that every command uses unless it is told otherwise.
pub const DEFAULT_ENGINE: &str = native::NAME;

/// Every engine, found or not; the default first.
pub fn all(options: &EngineOptions) -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(Native::new(options.isa)),
        #[cfg(not(target_family = "wasm"))]
        Box::new(OnnxRuntime::new(options.onnxruntime.clone())),
        #[cfg(not(target_family = "wasm"))]
        Box::new(OpenVino::new(options.openvino.clone())),
        Box::new(PyTorch::new(options.pytorch.clone())),
        #[cfg(feature = "rten")]
        Box::new(Rten),
    ]
}
