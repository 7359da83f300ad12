//! The window as its users work with it, by roles and labels.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod browser;
mod common;
mod compare;
mod design;
#[cfg(all(unix, not(target_os = "macos")))]
mod dialogs;
mod explore;
mod files;
mod folders;
mod graph;
mod import;
mod mistakes;
mod onnx;
mod raster;
mod run;
mod screens;
mod session;
mod shortcuts;
mod source;
mod source_completion;
mod source_editing;
mod source_link;
mod targets;
mod tradeoff;
mod train;
