//! Long tasks: reading networks of every kind, measuring and profiling them.
//!
//! The command line and the dashboard start the same tasks and show them differently. This crate does the work, reports
//! progress as events, and stops on request. It prints nothing and draws nothing.

#![forbid(unsafe_code)]

mod bench;
mod constraints;
mod design;
mod engines;
mod git;
mod inspect;
mod memory;
mod network;
mod profile;
mod recipe;
mod report;
mod space;

pub use bench::{
    BenchContext, BenchEvent, BenchOutcome, BenchPlan, Network, Request, TaskError, bench,
};
pub use constraints::violated_constraints;
pub use design::{NewFile, SaveError, design, save_variant};
pub use engines::{ALL, AvailableEngine, ChoiceError, choose, choose_among};
pub use git::{GitError, GitFiles};
pub use inspect::{Content, Inspected, OverlayFiles, inspect, is_listed, is_network, list};
pub use memory::{OutOfMemory, Purpose, check_memory, with_batch};
pub use network::{
    ReadError, Runnable, WeightSource, files_of, import_notes, is_onnx, own_weights, read,
    read_onnx, read_runnable,
};
pub use profile::{ProfileEvent, ProfilePlan, Profiled, profile};
pub use recipe::{DEFAULT_SAMPLES, ReproCommand};
pub use report::{
    GatherEvent, GatherPlan, Gathered, GoesOn, StoreQuery, error_chain, gather, gather_revision,
    report_on,
};
pub use space::{CloudPlan, cloud};
