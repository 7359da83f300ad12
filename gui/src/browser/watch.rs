//! Noticing that files in the memory of the page change.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    path::{Path, PathBuf},
};

use egui::Context;
use inceptive_files::disk;

/// Never: all files are watched.
pub(crate) type WatchError = Infallible;

/// Watches all files.
pub(crate) struct Watch;

impl Watch {
    /// Watches them from now on.
    pub fn new(_: &Context) -> Result<Self, WatchError> {
        let _ = disk::take_changed();
        Ok(Self)
    }

    /// Watches what it watched before, which is everything.
    pub fn follow<'a>(
        &mut self,
        _: &Path,
        _: impl Iterator<Item = &'a Path>,
    ) -> Result<(), WatchError> {
        Ok(())
    }

    /// The files that changed since the last call.
    pub fn changes(&mut self, _: &Context) -> BTreeSet<PathBuf> {
        disk::take_changed()
    }
}
