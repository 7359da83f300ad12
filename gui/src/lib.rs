//! The dashboard: a window on a folder of networks.
//!
//! Screens draw the [`model::Model`] and issue [`command::Command`]s; the [`App`] carries them out after everything is
//! drawn. A long task is a [`jobs::Job`] on a worker thread, whose [`jobs::Event`]s change the model before the next
//! frame. Everything that a library crate can compute is computed there.

#![forbid(unsafe_code)]

pub mod actions;
pub mod app;
#[cfg(target_family = "wasm")]
mod browser;
pub mod changes;
pub mod choose;
pub mod command;
pub mod drafts;
#[cfg_attr(target_family = "wasm", path = "browser/dropped.rs")]
mod dropped;
pub mod file;
pub mod format;
pub mod inspection;
pub mod jobs;
pub mod model;
mod onnx_settings;
mod palette;
mod pane;
pub mod panels;
pub mod results;
mod screenshot;
mod session;
mod shortcuts;
mod status;
mod targets;
mod templates;
pub mod theme;
mod tiles;
#[cfg_attr(target_family = "wasm", path = "browser/watch.rs")]
mod watch;
#[cfg(not(target_family = "wasm"))]
mod window;

use std::path::PathBuf;

pub use app::App;
#[cfg(target_family = "wasm")]
pub use browser::show;
pub use pane::Pane;
#[cfg(not(target_family = "wasm"))]
pub use window::run;

/// Whether this is the dashboard in a page of a browser, where files are in memory and nothing can be run.
pub const IN_BROWSER: bool = cfg!(target_family = "wasm");

/// The application id of the window, also the name of the folder for its saved state.
pub const APP_ID: &str = "inceptive";

/// What the window opens with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A folder, or a file to select in its folder; `architectures/` without it.
    pub path: Option<PathBuf>,
    /// A file of the folder to select.
    pub selected: Option<PathBuf>,
    /// The store of results.
    pub store: PathBuf,
    /// Where texts that are not saved are kept for the next run; nowhere without it.
    pub drafts: Option<PathBuf>,
    /// The folder that deleted files are moved to; the trash of the system without it.
    pub trash: Option<PathBuf>,
    /// The message bus where the system's file dialog is; that of the session without it.
    pub bus: Option<String>,
}
