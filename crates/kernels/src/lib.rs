//! The arithmetic of networks: kernels over one block of memory, for each instruction set, and programs of them that
//! several threads run.
//!
//! Feature maps lie as `images x blocks x height x width x 16`: sixteen channels are a block, so that a vector register
//! holds them whatever the network's shape, and each map has a border of zeros as wide as the windows that slide over
//! it need. See Georganas et al. 2018, "Anatomy of high-performance deep learning convolutions on SIMD architectures".
//!
//! This is the only crate with `unsafe` code. A [`Program`](program::Program) checks once that every address its steps
//! compute lies in the arena and that no two tasks that may run at once touch the same number, unless all only read
//! it; what the steps do later rests on that.

pub mod activation;
mod blockwise;
mod chain;
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
mod run;
mod simd;
pub mod step;
mod subnormal;
mod update;
mod window;

pub use run::{Feed, Invalid, Rates, Reason};
pub use simd::{Isa, LANES, UnknownIsa};
pub use subnormal::FLUSHES_SUBNORMALS;
