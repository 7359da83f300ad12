//! Running networks and measuring it.
//!
//! This crate runs what other crates describe. It keeps no results, and prints nothing.

#![forbid(unsafe_code)]

mod clock;
mod engine;
pub mod engines;

pub use clock::{Clock, FakeClock, SystemClock};
pub use engine::{
    Description, Engine, EngineError, Model, NodeTime, NodeTimes, Precision, PrecisionWish,
    Session, Setup,
};
