//! Files that are dropped onto the page. Their content is read and kept in the open folder.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, Sender, channel},
};

use egui::Context;
use inceptive_files::disk;
use wasm_bindgen_futures::spawn_local;

/// Files on their way.
pub(crate) struct Dropped {
    sender: Sender<PathBuf>,
    read: Receiver<PathBuf>,
}

impl Default for Dropped {
    fn default() -> Self {
        let (sender, read) = channel();
        Self { sender, read }
    }
}

impl Dropped {
    /// The paths of files that were dropped, and read since the last frame.
    pub fn arrived(&mut self, ctx: &Context, folder: &Path) -> Vec<PathBuf> {
        for file in ctx.input(|input| input.raw.dropped_files.clone()) {
            let path = folder.join(file.path().file_name().unwrap_or_default());
            let (sender, ctx) = (self.sender.clone(), ctx.clone());
            spawn_local(async move {
                // A file that cannot be read, such as a folder, is not there.
                if let Ok(bytes) = file.bytes_async().await
                    && disk::write(&path, bytes).is_ok()
                {
                    // The page may be closed already.
                    let _ = sender.send(path);
                    ctx.request_repaint();
                }
            });
        }
        self.read.try_iter().collect()
    }
}
