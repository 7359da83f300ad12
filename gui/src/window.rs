//! The window of the desktop.

use std::path::Path;

use inceptive_files::Refusal;

use crate::{APP_ID, App, Options};

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
