//! The dialog of the desktop. It may be open for a long time, so each has a thread.

#[cfg(all(unix, not(target_os = "macos")))]
mod portal;

use std::{
    path::{Path, PathBuf},
    thread,
};

use super::{Choice, Wanted};

/// Shows a dialog that begins in a folder, and tells what was chosen.
pub(super) fn show(
    bus: Option<String>,
    wanted: Wanted,
    folder: PathBuf,
    tell: impl FnOnce(Choice) + Send + 'static,
) {
    thread::spawn(move || tell(choose(bus.as_deref(), wanted, &folder)));
}

#[cfg(all(unix, not(target_os = "macos")))]
fn choose(bus: Option<&str>, wanted: Wanted, folder: &Path) -> Choice {
    let choice = portal::choose(bus, wanted, folder);
    futures_lite::future::block_on(choice).unwrap_or(Choice::Unavailable)
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn choose(_: Option<&str>, _: Wanted, _: &Path) -> Choice {
    Choice::Unavailable
}
