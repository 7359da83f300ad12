//! Running networks and measuring it.
//!
//! This crate runs what other crates describe. It keeps no results, and prints nothing.

#![forbid(unsafe_code)]

mod agreement;
mod bench;
mod best;
mod compare;
pub mod date;
mod engine;
pub mod engines;
mod groups;
mod host;
mod machine;
mod measurement;
mod need;
mod probe;
mod profile;
pub mod program;
mod record;
pub mod statistics;
mod subnormal;
mod trust;

pub use agreement::{allowed_error, relative_error};
pub use bench::{Candidate, Event, Observer, Protocol, Run, Surroundings, measure, random_input};
pub use best::{BestRoofline, KnownRooflines};
pub use compare::{Comparison, Verdict, compare};
pub use engine::{
    Description, Engine, EngineError, Listen, Model, NodeTime, NodeTimes, NodeTimings, Precision,
    PrecisionWish, Session, Setup,
};
pub use groups::groups;
pub use host::{CpuTime, FakeHost, Host, Memory, System};
pub use machine::{Machine, available_memory};
pub use measurement::{Conditions, Held, Measurement, ProfileRecord, Runtime, Setting, Subject};
pub use need::Need;
pub use probe::Roofline;
pub use profile::{Bound, Part, Profile, profile};
pub use subnormal::Subnormals;
pub use record::{Record, latest};
pub use trust::{Finding, Grade};
