//! Networks to and from ONNX.
//!
//! This crate turns graphs into bytes and back; it reads and writes no file, and runs nothing.

#![forbid(unsafe_code)]

mod export;
mod import;
mod proto;

pub use export::{
    Batch, ExportError, HELPER, INPUT, LrnForm, Opset, Options, constant_bytes, expect_size,
    intermediate_bytes, to_onnx,
};
pub use import::{
    ImportError, Imported, InputSize, ModelInfo, OriginalNode, OriginalValue, ReadOptions,
    ReadOutput, Refusals, ValuesError, files_beside, from_onnx, from_onnx_with,
};

/// The name of this program, as written in files.
const PRODUCER: &str = "inceptive";
