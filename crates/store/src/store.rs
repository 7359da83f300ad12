//! The file.

mod append;
mod connection;
mod follow;
mod loose;
mod merge;
#[cfg_attr(target_family = "wasm", path = "store/open_in_page.rs")]
mod open;
mod read;
mod state;

use std::path::PathBuf;

use rusqlite::{Connection, params};

use crate::error::{StoreError, explain};

pub use follow::{NewRecords, Position};
pub use loose::{LooseError, LooseRecord};
pub use merge::Merged;
pub use read::{Filter, Rows, Stored};
pub use state::{MalformedState, StoreState};

use open::FileId;

/// The largest result that is kept and read: more than the times of a million runs.
const MAX_RESULT_BYTES: usize = 64 << 20;

/// An open file of results.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
    /// The identity of the open file, even if another file has its name now.
    file: Option<FileId>,
    /// Whether it is in memory, and has no file.
    is_temporary: bool,
}

impl Store {
    /// Limits the file to this number of pages, like a disk quota; for tests.
    #[doc(hidden)]
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        let set = self.connection.pragma_update(None, "max_page_count", pages);
        set.map_err(|error| explain(&self.path, error))
    }

    /// Whether the file has a table: one that was written by an earlier version and is only read has
    /// not got all.
    fn has(&self, table: &str) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        let count = self.connection.query_row(sql, params![table], |row| row.get::<_, i64>(0));
        count.map(|count| count > 0).map_err(|error| explain(&self.path, error))
    }
}
