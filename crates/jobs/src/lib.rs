//! What takes a while: reading networks of every kind, measuring and profiling them.
//!
//! The command line and the dashboard ask for the same work and show it differently; this crate does the work,
//! tells what happens as values, and stops when it is told to. It prints nothing and draws nothing.

#![forbid(unsafe_code)]

mod bench;
mod constraints;
mod engines;
mod git;
mod memory;
mod network;
mod profile;
mod report;
mod space;

pub use bench::{BenchEvent, BenchPlan, Benched, Network, Request, Trouble, Workplace, bench};
pub use constraints::broken;
pub use engines::{ALL, ChoiceError, Found, choose};
pub use git::{GitError, GitFiles};
pub use memory::{OutOfMemory, check_memory, with_batch};
pub use network::{
    ReadError, Runnable, WeightSource, is_onnx, opset_note, own_weights, read, read_onnx,
    read_runnable,
};
pub use profile::ProfilePlan;
pub use report::{GatherPlan, Gathered, StoreQuery, gather, gather_revision, networks_in};
pub use space::{choices, cloud};
