//! Files that may not be overwritten.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use crate::disk;

/// A file or folder could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", path.display())]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// The system's error, or the rule that was violated.
    #[source]
    pub error: io::Error,
}

/// Files that were read. No output may replace one of them, because it may be the user's only copy.
#[derive(Clone, Debug, Default)]
pub struct InputFiles {
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

impl InputFiles {
    /// These files.
    pub fn of<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Self {
        let mut inputs = Self::default();
        files.into_iter().for_each(|file| inputs.add(file.as_ref()));
        inputs
    }

    /// Adds a file.
    pub fn add(&mut self, file: &Path) {
        self.files.insert(true_path(file));
    }

    /// Adds a folder with too many files to list; nothing may be written to it.
    pub fn add_folder(&mut self, folder: &Path) {
        self.folders.insert(true_path(folder));
    }

    /// Adds a store of results and the files that SQLite keeps beside it, which may hold the latest results.
    pub fn add_store(&mut self, store: &Path) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut file = OsString::from(true_path(store));
            file.push(suffix);
            self.files.insert(file.into());
        }
    }

    /// Adds those of others.
    pub fn extend(&mut self, others: &Self) {
        self.files.extend(others.files.iter().cloned());
        self.folders.extend(others.folders.iter().cloned());
    }

    /// Checks that a file that is to be written is none of them.
    ///
    /// # Errors
    /// When it is.
    pub fn check(&self, output: &Path) -> Result<(), WriteError> {
        let error = |error| WriteError { path: output.to_owned(), error };
        self.allows(output).map_err(error)
    }

    pub(crate) fn allows(&self, output: &Path) -> io::Result<()> {
        let output = true_path(output);
        if self.files.contains(&output) {
            let reason =
                "it is an input of this command and is not overwritten; choose another name";
            return refused(reason.to_owned());
        }
        match output.ancestors().find(|folder| self.folders.contains(*folder)) {
            None => Ok(()),
            Some(folder) => refused(format!(
                "the files in `{}` are inputs of this command; choose another folder",
                folder.display()
            )),
        }
    }
}

/// The absolute path with links resolved, also of a file that is not there yet.
fn true_path(path: &Path) -> PathBuf {
    let beside = || {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Some(disk::canonicalize(folder).ok()?.join(path.file_name()?))
    };
    let found = disk::canonicalize(path).ok().or_else(beside);
    found.unwrap_or_else(|| disk::current_dir().unwrap_or_default().join(path))
}

pub(crate) fn refused<T>(reason: String) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::PermissionDenied, reason))
}
