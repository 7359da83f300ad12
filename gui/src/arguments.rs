//! The arguments of the program.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use inceptive_gui::Options;

/// The dashboard: see a network's graph, edit it, weigh it against others, measure it.
#[derive(Parser)]
#[command(name = "inceptive-gui", version)]
struct Arguments {
    /// A folder of networks, or one file; architectures/ without it
    path: Option<PathBuf>,
    /// The store of results
    #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
    store: PathBuf,
}

/// Opens the window that the arguments ask for.
pub fn run() -> ExitCode {
    let Arguments { path, store } = Arguments::parse();
    let drafts = eframe::storage_dir(inceptive_gui::APP_ID).map(|folder| folder.join("drafts"));
    match inceptive_gui::run(Options { path, store, drafts, ..Options::default() }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", described(&error));
            ExitCode::FAILURE
        }
    }
}

/// Why the window did not open, and what to do.
fn described(error: &eframe::Error) -> String {
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    match error {
        eframe::Error::WinitEventLoop(_) if cfg!(target_os = "linux") && !has_display => {
            "no display was found: start the dashboard in a desktop session, over `ssh -X`, or with `xvfb-run`; \
             `inceptive report` writes pages without a display"
                .to_owned()
        }
        eframe::Error::WinitEventLoop(_) | eframe::Error::Winit(_) if cfg!(target_os = "linux") => {
            // Before the reason stands a place in the source of a library.
            let error = error.to_string();
            let reason = error.rsplit(": ").next().unwrap_or_default();
            format!("no window can be opened; check $DISPLAY or $WAYLAND_DISPLAY: {reason}")
        }
        _ => error.to_string(),
    }
}
