//! `inceptive-gui`.

#![forbid(unsafe_code)]

#[cfg(not(target_family = "wasm"))]
mod arguments;

use std::process::ExitCode;

#[cfg(not(target_family = "wasm"))]
fn main() -> ExitCode {
    arguments::run()
}

/// In a browser, the dashboard begins when the page has loaded, and goes on after this.
#[cfg(target_family = "wasm")]
fn main() -> ExitCode {
    inceptive_gui::show();
    ExitCode::SUCCESS
}
