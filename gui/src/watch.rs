//! Noticing that files change.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use egui::Context;
use inceptive_app::is_listed;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::ModifyKind};
use web_time::Instant;

use crate::file::log_of;

/// Changes are reported after this time without further changes: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(120);

/// The paths whose changes are reported: other changes in a folder must not keep the window awake.
#[derive(Default)]
struct Wanted {
    /// Networks in here.
    folder: PathBuf,
    /// These, and their write-ahead logs.
    files: Vec<PathBuf>,
}

impl Wanted {
    fn has(&self, path: &Path) -> bool {
        let is_inside = path.starts_with(&self.folder)
            // A path without an extension may be a folder.
            && (is_listed(path) || path.extension().is_none());
        is_inside
            || self.folder.starts_with(path)
            || self.files.iter().any(|file| path == file || path == log_of(file))
    }
}

/// Why files are not watched.
pub(crate) type WatchError = notify::Error;

/// Watches a folder and the store.
pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    changes: Receiver<PathBuf>,
    pending: BTreeSet<PathBuf>,
    last_change: Instant,
    watched: Vec<PathBuf>,
    wanted: Arc<Mutex<Wanted>>,
}

impl Watch {
    /// Watches nothing yet. Each change makes the window draw a frame.
    pub fn new(ctx: &Context) -> notify::Result<Self> {
        let (sender, changes) = channel();
        let ctx = ctx.clone();
        let wanted: Arc<Mutex<Wanted>> = Arc::default();
        let asked = Arc::clone(&wanted);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            // SQLite sets the owner of its log whenever a store is only read.
            if matches!(
                event.kind,
                EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_))
            ) {
                return;
            }
            let wanted = asked.lock().unwrap_or_else(PoisonError::into_inner);
            for path in event.paths.into_iter().filter(|path| wanted.has(path)) {
                // The window may be closed already.
                let _ = sender.send(path);
                ctx.request_repaint();
            }
        })?;
        let now = Instant::now();
        let pending = BTreeSet::new();
        Ok(Self { watcher, changes, pending, last_change: now, watched: vec![], wanted })
    }

    /// Watches a folder with its subfolders, and the folders of files, instead of the previous ones.
    pub fn follow<'a>(
        &mut self,
        folder: &Path,
        files: impl Iterator<Item = &'a Path>,
    ) -> notify::Result<()> {
        for path in self.watched.drain(..) {
            // It may have been deleted, and is then not watched any more.
            let _ = self.watcher.unwatch(&path);
        }
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = absolute(folder);
        let files: Vec<PathBuf> = files.map(absolute).collect();
        let folders: BTreeSet<PathBuf> = files.iter().map(|file| around(file)).collect();
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) =
            Wanted { folder: folder.clone(), files };
        for folder in folders {
            if self.watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok() {
                self.watched.push(folder);
            }
        }
        self.watcher.watch(&folder, RecursiveMode::Recursive)?;
        self.watched.push(folder);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_do_not_keep_the_window_awake() {
        let wanted = Wanted {
            folder: PathBuf::from("/data/nets"),
            files: vec![PathBuf::from("/data/results.db")],
        };
        for path in ["/data/nets/a.yaml", "/data/nets/more", "/data/nets/more/b.onnx", "/data"] {
            assert!(wanted.has(Path::new(path)), "{path}");
        }
        for path in ["/data/results.db", "/data/results.db-wal"] {
            assert!(wanted.has(Path::new(path)), "{path}");
        }
        for path in ["/data/app.log", "/data/other.yaml", "/data/nets/.x.part", "/data/nets.txt"] {
            assert!(!wanted.has(Path::new(path)), "{path}");
        }
    }
}
