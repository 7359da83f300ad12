//! The learned numbers of a network: seeded, from safetensors, under the names of other programs, folded.
//!
//! This crate turns bytes into tensors and back; it reads and writes no file.

#![forbid(unsafe_code)]

mod state;
mod weights;

pub use inceptive_ir::Role;
pub use state::{
    LoadError, MatchBy, Matching, Mismatch, SaveError, Tensor, tensor_from_safetensors,
    tensors_to_safetensors,
};
pub use weights::{FoldError, Missing, Slot, Weights, node_slots, slots};
