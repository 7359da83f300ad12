//! Runs and measures networks.
//!
//! This crate runs graphs that other crates describe. It saves no results, and prints nothing.

#![forbid(unsafe_code)]

mod agreement;
mod bench;
mod engine;
pub mod engines;
mod grading;
mod groups;
mod host;
mod machine;
mod need;
mod probe;
mod profile;
mod recording;
mod subnormal;

pub use agreement::{allowed_error, relative_error};
pub use bench::{
    BenchCase, Event, Interference, Observer, Protocol, Run, measure, random_input,
    random_input_until,
};
pub use engine::{
    Description, Engine, EngineError, Model, NodeTime, NodeTimes, NodeTimings, PrecisionRequest,
    ProgressFn, Session, SessionMemory, Setup,
};
pub use groups::groups;
pub use host::{CpuTime, FakeHost, Host, Memory, System};
pub use inceptive_engine::{Isa, UnknownIsa};
pub use machine::{available_memory, this_machine};
pub use need::{Copies, MemoryEstimate};
pub use probe::measure_roofline;
pub use profile::profile;
pub use recording::{RunContext, measurement, runtime};
pub use subnormal::count_subnormals;
