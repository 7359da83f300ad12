//! Noticing that files change.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use egui::Context;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// How long nothing may change before changes are told: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(120);

/// Watches a folder and the store.
pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    changes: Receiver<PathBuf>,
    pending: BTreeSet<PathBuf>,
    last_change: Instant,
    watched: Vec<PathBuf>,
}

impl Watch {
    /// Watches nothing yet. Each change makes the window draw a frame.
    pub fn new(ctx: &Context) -> notify::Result<Self> {
        let (sender, changes) = channel();
        let ctx = ctx.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            for path in event.paths {
                // The window may be closed already.
                let _ = sender.send(path);
            }
            ctx.request_repaint();
        })?;
        let now = Instant::now();
        Ok(Self { watcher, changes, pending: BTreeSet::new(), last_change: now, watched: vec![] })
    }

    /// Watches a folder with all that is in it, and the folders of files, instead of what was watched before.
    pub fn follow<'a>(
        &mut self,
        folder: &Path,
        files: impl Iterator<Item = &'a Path>,
    ) -> notify::Result<()> {
        for path in self.watched.drain(..) {
            // It may have been deleted, and is then not watched any more.
            let _ = self.watcher.unwatch(&path);
        }
        let folders: BTreeSet<PathBuf> = files.map(around).collect();
        for folder in folders {
            if self.watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok() {
                self.watched.push(folder);
            }
        }
        self.watcher.watch(folder, RecursiveMode::Recursive)?;
        self.watched.push(folder.to_owned());
        Ok(())
    }

    /// The paths that changed, once it is quiet; looks again later by itself while it is not.
    pub fn changes(&mut self, ctx: &Context) -> BTreeSet<PathBuf> {
        let before = self.pending.len();
        let news: Vec<PathBuf> = self.changes.try_iter().collect();
        if !news.is_empty() {
            self.pending.extend(news);
            self.last_change = Instant::now();
        } else if before == 0 {
            return BTreeSet::new();
        }
        let quiet = self.last_change.elapsed();
        if quiet >= QUIET {
            return std::mem::take(&mut self.pending);
        }
        ctx.request_repaint_after(QUIET - quiet);
        BTreeSet::new()
    }
}

/// The folder that a file is in.
fn around(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
