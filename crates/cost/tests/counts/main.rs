//! Counts of the shipped networks, against other tools, papers and themselves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod fields;
mod heads;
mod invariants;
mod papers;
mod tools;
