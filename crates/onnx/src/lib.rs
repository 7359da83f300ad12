//! Networks to and from ONNX.
//!
//! This crate turns graphs into bytes and back; it reads and writes no file, and runs nothing.

#![forbid(unsafe_code)]

mod export;
mod import;
mod proto;

pub use export::{
    Batch, ExportError, HELPER, INPUT, LrnForm, OnnxFile, Opset, Options, WeightType,
    constant_bytes, expect_size, intermediate_bytes, onnx_file, to_onnx,
};
pub use import::{
    ImportError, Imported, InputSize, ModelInfo, OpenSides, OriginalNode, OriginalValue,
    ReadOptions, ReadOutput, Refusals, Source, ValuesError, files_beside, from_onnx,
    from_onnx_with, read_onnx,
};

/// Bytes that parts of which can be shared.
pub use prost::bytes::Bytes;

/// The name of this program, as written in files.
const PRODUCER: &str = "inceptive";
