//! The weights of a network: random from a seed, or from safetensors, also under the names of other programs; folding of
//! normalisations.
//!
//! This crate turns bytes into tensors and back; it reads and writes no file.

#![forbid(unsafe_code)]

mod foreign;
mod header;
mod mismatch;
mod names;
mod state;
mod tensors;
mod weights;
mod words;

pub use header::{FormatError, Source};
pub use inceptive_ir::Role;
pub use mismatch::Mismatch;
pub use names::Naming;
pub use safetensors::SafeTensorError;
pub use state::{LoadError, MatchBy, Matching, SaveError};
pub use tensors::{
    Named, SafetensorsFile, Tensor, TensorFile, digest_of, tensors_to_safetensors,
    tensors_with_texts,
};
pub use weights::{FoldError, Missing, Slot, Weights, node_slots, slots};
