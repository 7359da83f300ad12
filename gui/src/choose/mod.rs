//! The file dialog of the system.
//!
//! It is shown by the desktop portal, another program, or by the browser; where there is none, the user types a path.

#[cfg_attr(target_family = "wasm", path = "../browser/dialog.rs")]
mod dialog;

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, Sender, channel},
};

use egui::Context;
use inceptive_files::disk;

/// What is to be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A folder.
    Folder,
    /// A file.
    File,
}

/// What came of a dialog.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// A folder or a file.
    Path(PathBuf),
    /// Nothing: the user closed it.
    Cancelled,
    /// There is no such dialog here.
    Unavailable,
}

/// Shows dialogs, one at a time.
pub(crate) struct Chooser {
    bus: Option<String>,
    sender: Sender<Choice>,
    choices: Receiver<Choice>,
    is_open: bool,
}

impl Chooser {
    /// Dialogs of the portal on a message bus; on that of the session without an address.
    pub fn new(bus: Option<String>) -> Self {
        let (sender, choices) = channel();
        Self { bus, sender, choices, is_open: false }
    }

    /// Shows a dialog that begins in a folder, unless one is shown.
    pub fn show(&mut self, ctx: &Context, wanted: Wanted, folder: &Path) {
        if self.is_open {
            return;
        }
        self.is_open = true;
        let (bus, sender, ctx) = (self.bus.clone(), self.sender.clone(), ctx.clone());
        let folder = disk::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        dialog::show(bus, wanted, folder, move |choice| {
            // The window may be closed already.
            let _ = sender.send(choice);
            ctx.request_repaint();
        });
    }

    /// What was chosen since the last frame.
    pub fn choice(&mut self) -> Option<Choice> {
        let choice = self.choices.try_recv().ok()?;
        self.is_open = false;
        Some(choice)
    }
}
