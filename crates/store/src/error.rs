//! Why results cannot be kept or read.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::{ErrorCode, ffi};

/// Why results cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no file.
    #[error("no results in `{}` yet; run `inceptive bench` first", .0.display())]
    Missing(PathBuf),
    /// The file is something else.
    #[error("`{}` is not a results store; choose another with --store", .0.display())]
    NotOurs(PathBuf),
    /// The file holds something that this program did not put there.
    #[error(
        "`{}` was refused: {difference}. Its schema was changed by another program, which can hide or replace \
         results. Restore it from a copy, or choose another with --store", path.display()
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// The difference, in words.
        difference: String,
    },
    /// A row has a number that this program never gives.
    #[error(
        "`{}` was refused: {table} {id} has a number that another program gave it, so that later results could not be \
         told from earlier ones. Restore it from a copy, or choose another with --store", path.display()
    )]
    Number {
        /// The file.
        path: PathBuf,
        /// Its table.
        table: &'static str,
        /// The number of the row.
        id: i64,
    },
    /// The file is of a later version of this program.
    #[error(
        "`{}` was written by a newer version of this program (schema {found}; this one reads up to {known}); \
         nothing was changed", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// The latest schema that is known.
        known: usize,
    },
    /// The file is broken.
    #[error(
        "`{}` is damaged ({message}); it was not changed. Move it away, or recover what is readable with \
         `sqlite3 FILE .recover`", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's message.
        message: String,
    },
    /// A file beside the store, which holds its latest results or a rollback journal, cannot be used.
    #[error(
        "`{}` cannot be read: {reason}. It belongs to a results store and may hold the latest results; nothing \
         was changed. Restore it, or move it away to continue without it", path.display()
    )]
    Log {
        /// The file beside the store.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The disk is full.
    #[error("disk full: cannot write `{}`; earlier results are saved", .0.display())]
    Full(PathBuf),
    /// The file cannot be written.
    #[error("`{}` cannot be written; choose another with --store", .0.display())]
    ReadOnly(PathBuf),
    /// The file is not written to, because it is a link.
    #[error("cannot write `{}`", path.display())]
    Link {
        /// The file.
        path: PathBuf,
        /// The link and its target.
        #[source]
        error: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        error: io::Error,
    },
    /// The file holds other results than those that are wanted.
    #[error(
        "`{}` lacks the results that `--up-to {wanted}` names: the file was replaced, or results are missing. \
         Use the store of that report, or omit --up-to", path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// The results that are wanted.
        wanted: String,
    },
    /// A row of the file cannot be understood.
    #[error("{table} {id} of `{}` cannot be read: {error}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Its table.
        table: &'static str,
        /// The number of the row.
        id: i64,
        /// The error.
        #[source]
        error: serde_json::Error,
    },
    /// A result cannot be written down.
    #[error("a result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A result has a number that no such result can have.
    #[error("a {name} was not saved in `{}`: {reason}", path.display())]
    Impossible {
        /// The file.
        path: PathBuf,
        /// What such a result is called.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A result was added, but the file does not hold it.
    #[error(
        "a result was not saved: reading it back from `{}` gave different content; choose another store with --store",
        .0.display()
    )]
    NotKept(PathBuf),
    /// A result is larger than any that is read.
    #[error("a result was not saved in `{}`: it is larger than {} MiB", path.display(), limit >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Maximum number of bytes that a result may have.
        limit: usize,
    },
    /// Anything else.
    #[error("`{}`: {error}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// SQLite's error.
        #[source]
        error: rusqlite::Error,
    },
}

/// An error of SQLite in our terms.
pub fn explain(path: &Path, error: rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    // The file of the locks beside the store could not be made as large as it has to be.
    let is_full =
        error.sqlite_error().is_some_and(|it| it.extended_code == ffi::SQLITE_IOERR_SHMSIZE);
    match error.sqlite_error_code() {
        _ if is_full => StoreError::Full(path),
        Some(ErrorCode::DatabaseCorrupt) => {
            StoreError::Damaged { path, message: error.to_string() }
        }
        Some(ErrorCode::NotADatabase) => StoreError::NotOurs(path),
        Some(ErrorCode::DiskFull) => StoreError::Full(path),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            StoreError::ReadOnly(path)
        }
        _ => StoreError::Database { path, error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_in_every_case() {
        let explained = |code| {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            explain(Path::new("store.db"), error)
        };
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE] {
            assert!(matches!(explained(code), StoreError::Full(_)), "{code}");
        }
        assert!(matches!(explained(ffi::SQLITE_IOERR_READ), StoreError::Database { .. }));
    }
}
