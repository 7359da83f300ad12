//! Pictures of parts of the window.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
};

use egui::{ColorImage, Context, Rect, ScreenshotCallback, ViewportCommand};

/// Pictures that were asked for, until they are taken.
pub(crate) struct Screenshots {
    sender: Sender<(PathBuf, Arc<ColorImage>)>,
    taken: Receiver<(PathBuf, Arc<ColorImage>)>,
}

impl Default for Screenshots {
    fn default() -> Self {
        let (sender, taken) = channel();
        Self { sender, taken }
    }
}

impl Screenshots {
    /// Takes a picture of a part of the next frame, for a file.
    pub fn take(&self, ctx: &Context, path: PathBuf, part: Rect) {
        let (sender, again, scale) = (self.sender.clone(), ctx.clone(), ctx.pixels_per_point());
        let callback = ScreenshotCallback::new(move |image| {
            // The window may be closed already.
            let _ = sender.send((path, Arc::new(image.region(&part, Some(scale)))));
            again.request_repaint();
        });
        ctx.send_viewport_cmd(ViewportCommand::Screenshot(callback));
    }

    /// Pictures that were taken since the last call.
    pub fn taken(&self) -> impl Iterator<Item = (PathBuf, Arc<ColorImage>)> {
        self.taken.try_iter()
    }
}
