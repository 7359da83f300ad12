//! Networks to and from ONNX, to PyTorch, and their weights.
//!
//! This crate turns graphs into bytes and text and back; it reads and writes no file, and runs nothing.

#![forbid(unsafe_code)]

mod export;
mod import;
mod proto;
mod pytorch;
mod state;
mod weights;

pub use export::{Batch, ExportError, HELPER, INPUT, LrnForm, Opset, Options, to_onnx};
pub use import::{ImportError, Imported, ValuesError, from_onnx};
pub use inceptive_ir::Role;
pub use pytorch::to_pytorch;
pub use state::{
    LoadError, MatchBy, Matching, Mismatch, SaveError, Tensor, tensor_from_safetensors,
    tensors_to_safetensors,
};
pub use weights::{FoldError, Missing, Slot, Weights, node_slots, slots};

/// Who files say that they were written by.
const PRODUCER: &str = "inceptive";
