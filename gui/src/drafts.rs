//! Unsaved texts, stored on the disk until they are saved.
//!
//! Each window has its own file and holds a lock on it as long as it is open. A window that opens takes over the files
//! of windows that were closed or crashed, and leaves those of open windows alone.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use inceptive_files::{InputFiles, WriteError, replace_file};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::changes::History;

/// A text that was not saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its file, wherever the program is started next.
    pub file: PathBuf,
    /// The text.
    pub text: String,
    /// The text of the file that it began with.
    pub base: Option<String>,
    /// How it was made of another network.
    #[serde(default)]
    pub design: Option<DraftDesign>,
}

/// How a network was made of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftDesign {
    /// The file of the other one.
    pub from: PathBuf,
    /// The name of the network.
    pub name: String,
    /// The settings.
    pub history: History,
}

/// Where a window keeps its drafts.
#[derive(Debug)]
pub struct DraftKeeper {
    file: PathBuf,
    /// Locked as long as the window is open; removed with it.
    _lock: NamedTempFile,
    /// The number of the latest drafts that were written.
    latest: Mutex<u64>,
}

impl DraftKeeper {
    /// Creates a file for this window in a folder, and takes over the drafts of windows that are no longer open.
    ///
    /// # Errors
    /// When the folder cannot be created or written to.
    pub fn open(folder: &Path) -> io::Result<(Self, Vec<Draft>)> {
        fs::create_dir_all(folder)?;
        let lock =
            tempfile::Builder::new().prefix("window-").suffix(".lock").tempfile_in(folder)?;
        lock.as_file().lock()?;
        let file = lock.path().with_extension("json");
        let keeper = Self { file, _lock: lock, latest: Mutex::new(0) };
        remove_stale_locks(folder);
        let left = left_behind(folder);
        let drafts: Vec<Draft> = left.iter().flat_map(|left| left.drafts.clone()).collect();
        keeper.keep(0, &drafts).map_err(|error| error.error)?;
        for left in left {
            // Its drafts are kept here by now; one that stays is taken over once more next time.
            let _ = fs::remove_file(&left.file);
            let _ = fs::remove_file(left.file.with_extension("lock"));
        }
        Ok((keeper, drafts))
    }

    /// Writes drafts, unless later ones were written already.
    ///
    /// # Errors
    /// When the system does not take them.
    pub fn keep(&self, number: u64, drafts: &[Draft]) -> Result<(), WriteError> {
        // Nothing panics while it is locked.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if number < *latest {
            return Ok(());
        }
        *latest = number;
        let failed = |error| WriteError { path: self.file.clone(), error };
        if drafts.is_empty() {
            return match fs::remove_file(&self.file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        }
        let text = serde_json::to_vec(drafts).map_err(|error| failed(error.into()))?;
        replace_file(&self.file, &text, &InputFiles::default())
    }
}

/// No lock is so old and not held yet by its window.
const STALE: Duration = Duration::from_secs(60);

/// Removes locks of windows that were killed and had no drafts.
fn remove_stale_locks(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let is_old = |path: &Path| {
        let modified = fs::symlink_metadata(path).and_then(|about| about.modified()).ok();
        let age = modified.and_then(|time| SystemTime::now().duration_since(time).ok());
        age.is_some_and(|age| age > STALE)
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_lock = path.extension().is_some_and(|it| it == "lock");
        if is_lock
            && !path.with_extension("json").exists()
            && is_old(&path)
            && File::open(&path).is_ok_and(|lock| lock.try_lock().is_ok())
        {
            // Another window may have removed it just now.
            let _ = fs::remove_file(&path);
        }
    }
}

/// A draft file of a window that is no longer open.
struct Left {
    file: PathBuf,
    drafts: Vec<Draft>,
    /// Prevents other windows from taking it over.
    _lock: File,
}

/// Maximum size of a window's drafts: some hundred texts of the largest size.
const MAX_BYTES: u64 = 256 * inceptive_files::MIB;

/// The readable draft files of closed windows; others are left where they are.
fn left_behind(folder: &Path) -> Vec<Left> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let drafts = files.filter(|path| path.extension().is_some_and(|it| it == "json"));
    let mut left: Vec<Left> = drafts
        .filter_map(|file| {
            let lock = file.with_extension("lock");
            // To open a pipe would wait for whoever reads it.
            if fs::metadata(&lock).is_ok_and(|lock| !lock.is_file()) {
                return None;
            }
            let lock = File::options().create(true).truncate(false).write(true).open(lock).ok()?;
            lock.try_lock().ok()?;
            let drafts =
                serde_json::from_slice(&inceptive_files::read(&file, MAX_BYTES).ok()?).ok()?;
            Some(Left { file, drafts, _lock: lock })
        })
        .collect();
    left.sort_by(|a, b| a.file.cmp(&b.file));
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: &str) -> Draft {
        Draft {
            file: PathBuf::from(name),
            text: format!("text of {name}"),
            base: None,
            design: None,
        }
    }

    #[test]
    fn what_a_closed_window_left_is_taken_over_once() {
        let folder = tempfile::tempdir().unwrap();
        let (first, none) = DraftKeeper::open(folder.path()).unwrap();
        assert!(none.is_empty());
        first.keep(1, &[draft("/a.yaml")]).unwrap();
        drop(first);
        let (second, taken) = DraftKeeper::open(folder.path()).unwrap();
        assert_eq!(taken, [draft("/a.yaml")]);
        // Also if it crashes before it saves anything.
        drop(second);
        let (third, taken) = DraftKeeper::open(folder.path()).unwrap();
        assert_eq!(taken, [draft("/a.yaml")]);
        third.keep(1, &[]).unwrap();
        drop(third);
        assert!(DraftKeeper::open(folder.path()).unwrap().1.is_empty());
    }

    #[test]
    fn locks_of_killed_windows_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - 2 * STALE;
        let lock = |name: &str| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(old).unwrap();
            file
        };
        drop(lock("window-killed.lock"));
        let held = lock("window-open.lock");
        held.lock().unwrap();
        let (keeper, _) = DraftKeeper::open(folder.path()).unwrap();
        assert!(!folder.path().join("window-killed.lock").exists());
        assert!(folder.path().join("window-open.lock").exists());
        assert!(keeper.file.with_extension("lock").exists());
    }

    #[test]
    fn windows_that_are_open_keep_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let (first, _) = DraftKeeper::open(folder.path()).unwrap();
        first.keep(1, &[draft("/a.yaml")]).unwrap();
        let (second, taken) = DraftKeeper::open(folder.path()).unwrap();
        assert!(taken.is_empty());
        second.keep(1, &[draft("/b.yaml")]).unwrap();
        drop(first);
        drop(second);
        let (_third, mut taken) = DraftKeeper::open(folder.path()).unwrap();
        taken.sort_by(|a, b| a.file.cmp(&b.file));
        assert_eq!(taken, [draft("/a.yaml"), draft("/b.yaml")]);
    }

    #[test]
    fn later_drafts_are_not_overwritten_by_earlier_ones() {
        let folder = tempfile::tempdir().unwrap();
        let (keeper, _) = DraftKeeper::open(folder.path()).unwrap();
        keeper.keep(2, &[draft("/late.yaml")]).unwrap();
        keeper.keep(1, &[draft("/early.yaml")]).unwrap();
        drop(keeper);
        assert_eq!(DraftKeeper::open(folder.path()).unwrap().1, [draft("/late.yaml")]);
    }

    #[test]
    fn what_cannot_be_read_stays_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("window-x.json");
        fs::write(&path, "[{\"file\": 3").unwrap();
        assert!(DraftKeeper::open(folder.path()).unwrap().1.is_empty());
        assert!(path.is_file());
        let file = folder.path().join("no folder");
        fs::write(&file, "").unwrap();
        assert!(DraftKeeper::open(&file).is_err());
    }
}
