//! Stores in the memory of a page, which SQLite reads as a whole. They are only read: what a user adds belongs on a disk.

use std::{io::ErrorKind, path::Path};

use rusqlite::Connection;

use super::{Store, connection::harden};
use crate::error::{StoreError, explain};

/// The largest store that is opened.
const MAX_STORE_BYTES: u64 = 256 * inceptive_files::MIB;

impl Store {
    /// Never opens a file to add to.
    ///
    /// # Errors
    /// Always.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Err(StoreError::ReadOnly(path.to_owned()))
    }

    /// Opens a file to read.
    ///
    /// # Errors
    /// When there is none, or it is not ours, newer or damaged.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let bytes =
            inceptive_files::read(path, MAX_STORE_BYTES).map_err(|error| match error.kind() {
                ErrorKind::NotFound => StoreError::Missing(path.to_owned()),
                _ => StoreError::Read { path: path.to_owned(), error },
            })?;
        let explained = |error| explain(path, error);
        let mut connection = Connection::open_in_memory().map_err(explained)?;
        let (content, length) = (bytes.as_slice(), bytes.len());
        connection.deserialize_read_exact("main", content, length, true).map_err(explained)?;
        harden(&connection).map_err(explained)?;
        let store = Self { path: path.to_owned(), connection, file: None, is_temporary: true };
        match store.check()? {
            0 => Err(StoreError::Missing(path.to_owned())),
            _ => Ok(store),
        }
    }

    /// The store as a file.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn to_file(&self) -> Result<Vec<u8>, StoreError> {
        let bytes =
            self.connection.serialize("main").map_err(|error| explain(&self.path, error))?;
        Ok(bytes.to_vec())
    }

    /// Stays with the store: no other program can replace it.
    pub(super) fn follow_name(&self) -> Result<(), StoreError> {
        debug_assert!(self.is_temporary && self.file.is_none(), "it has no file");
        Ok(())
    }
}

/// The identity of a file, which no store has here.
#[derive(Debug)]
pub(super) struct FileId;
