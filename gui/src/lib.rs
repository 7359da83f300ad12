//! The dashboard: a window on a folder of networks.
//!
//! Screens draw the [`model::Model`] and issue [`command::Command`]s; the [`App`] carries them out after everything is
//! drawn. A long task is a [`jobs::Job`] on a worker thread, whose [`jobs::Event`]s change the model before the next
//! frame. Everything that a library crate can compute is computed there.

#![forbid(unsafe_code)]

pub mod actions;
pub mod app;
pub mod changes;
pub mod choose;
pub mod command;
pub mod drafts;
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
mod watch;

use std::path::{Path, PathBuf};

use inceptive_files::Refusal;

pub use app::App;
pub use pane::Pane;

/// The application id of the window, also the name of the folder for its saved state.
pub const APP_ID: &str = "inceptive";

/// What the window opens with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A folder, or a file to select in its folder; `architectures/` without it.
    pub path: Option<PathBuf>,
    /// The store of results.
    pub store: PathBuf,
    /// Where texts that are not saved are kept for the next run; nowhere without it.
    pub drafts: Option<PathBuf>,
    /// The folder that deleted files are moved to; the trash of the system without it.
    pub trash: Option<PathBuf>,
    /// The message bus where the system's file dialog is; that of the session without it.
    pub bus: Option<String>,
}

/// Opens the window and comes back when it is closed.
///
/// # Errors
/// When there is no display or no OpenGL.
pub fn run(options: Options) -> eframe::Result {
    if let Some(folder) = eframe::storage_dir(APP_ID) {
        check_remembered(&folder.join("app.ron"))?;
    }
    let native = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Inceptive")
            .with_app_id(APP_ID)
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([640.0, 400.0]),
        // There are no gradients that would show bands, and it costs a tenth of a frame without a graphics card.
        dithering: false,
        ..eframe::NativeOptions::default()
    };
    eframe::run_native(APP_ID, native, Box::new(|cc| Ok(Box::new(App::new(cc, options)))))
}

/// The largest file of what the window remembers.
const MAX_REMEMBERED_BYTES: u64 = 64 * inceptive_files::MIB;

/// Checks the size of the file of saved state, because eframe reads it completely.
fn check_remembered(file: &Path) -> eframe::Result {
    match inceptive_files::open(file, MAX_REMEMBERED_BYTES) {
        Err(error) if Refusal::of(&error).is_some() => Err(eframe::Error::AppCreation(
            format!(
                "cannot read `{}`, the saved state of the window: {error}. Delete it",
                file.display()
            )
            .into(),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_window_remembers_is_a_regular_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("app.ron");
        assert!(check_remembered(&file).is_ok(), "there is none yet");
        std::fs::write(&file, "{}").unwrap();
        assert!(check_remembered(&file).is_ok());
        std::fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
        let message = check_remembered(&file).unwrap_err().to_string();
        assert!(message.contains("limit of 64 MiB"), "{message}");
    }
}
