//! Files that are dropped onto the window.

use std::path::{Path, PathBuf};

use egui::Context;

/// Files on their way.
#[derive(Default)]
pub(crate) struct Dropped(());

impl Dropped {
    /// The paths of files that were dropped since the last frame.
    pub fn arrived(&mut self, ctx: &Context, _: &Path) -> Vec<PathBuf> {
        ctx.input(|input| {
            input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect()
        })
    }
}
