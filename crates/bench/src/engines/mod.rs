//! The engines.

mod deep;
mod library;
pub mod mock;
mod native;
mod onnxruntime;
mod openvino;
#[cfg(feature = "rten")]
mod rten;

use std::path::PathBuf;

use crate::engine::Engine;

pub use native::Native;
pub use onnxruntime::OnnxRuntime;
pub use openvino::OpenVino;
#[cfg(feature = "rten")]
pub use rten::Rten;

/// Paths of engine libraries that the user named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Libraries {
    /// ONNX Runtime's shared library.
    pub onnxruntime: Option<PathBuf>,
    /// OpenVINO's C library.
    pub openvino: Option<PathBuf>,
}

/// The name of the engine that every command uses unless it is told otherwise.
pub const DEFAULT_ENGINE: &str = native::NAME;

/// Every engine, found or not; the default first.
pub fn all(libraries: &Libraries) -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(Native),
        Box::new(OnnxRuntime::new(libraries.onnxruntime.clone())),
        Box::new(OpenVino::new(libraries.openvino.clone())),
        #[cfg(feature = "rten")]
        Box::new(Rten),
    ]
}
