//! The arithmetic of networks: kernels for each instruction set, and programs of kernels that several threads run in one
//! block of memory, the arena.
//!
//! Feature maps are stored as `images x blocks x height x width x 16`: sixteen channels are a block, which fits vector
//! registers for any shape. Each map has a border of zeros that is wide enough for all windows that slide over it. See
//! Georganas et al. 2018, "Anatomy of high-performance deep learning convolutions on SIMD architectures".
//!
//! This is the only crate with `unsafe` code. A [`Program`](program::Program) checks once that every address its steps
//! compute lies in the arena, and that no two tasks that may run at the same time access the same number, unless both only
//! read it. The `unsafe` code of the steps relies on these checks.

pub mod activation;
mod blockwise;
mod chain;
mod channels;
pub mod conv;
mod gradient;
mod layout;
mod loss;
pub mod memory;
mod normalise;
mod numbers;
mod pointwise;
pub mod pool;
pub mod probe;
pub mod program;
mod resample;
mod run;
mod scale;
mod simd;
mod standardise;
pub mod step;
mod subnormal;
mod update;
mod window;

pub use run::{Feed, Invalid, Rates, Reason};
pub use simd::{Isa, LANES, UnknownIsa};
pub use subnormal::FLUSHES_SUBNORMALS;
