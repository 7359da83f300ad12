//! Opening a file, and staying with the one that has its name.

#[cfg(unix)]
use std::os::unix::fs::MetadataExt;
use std::{
    fmt::Write,
    fs,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Store, connection::harden};
use crate::{
    beside,
    error::{StoreError, explain},
    schema,
};

/// How every SQLite file starts.
const HEADER: &[u8; 16] = b"SQLite format 3\0";

/// The largest store that is opened: tens of thousands of results with every single time.
const MAX_STORE_BYTES: u64 = 16 * inceptive_files::GIB;

/// How long to wait while another program writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait before trying again.
const PAUSE: Duration = Duration::from_millis(10);

impl Store {
    /// Opens a file to add to and read, and makes it if there is none. The name is always that of a file, never one
    /// of the names that mean something else to SQLite.
    ///
    /// # Errors
    /// When it is not ours, newer, damaged, a link or cannot be written. It is then as it was.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let link = |error| StoreError::Link { path: path.to_owned(), error };
        inceptive_files::refuse_links(path).map_err(link)?;
        let start = Instant::now();
        loop {
            match Self::open_once(path) {
                // SQLite does not always wait by itself while another program makes the file.
                Err(StoreError::Database { error, .. })
                    if is_busy(&error) && start.elapsed() < BUSY_TIMEOUT =>
                {
                    thread::sleep(PAUSE);
                }
                other => return other,
            }
        }
    }

    fn open_once(path: &Path) -> Result<Self, StoreError> {
        holds_something(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut store = Self::connect(path, &real(path)?, flags)?;
        let version = store.check()?;
        store.prepare().map_err(|error| explain(path, error))?;
        if version < schema::LATEST {
            store.migrate()?;
        }
        Ok(store)
    }

    /// Opens a file to read. It may be on a disk that cannot be written.
    ///
    /// # Errors
    /// When there is none, or it is not ours, newer or damaged.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        if !holds_something(path)? {
            return Err(StoreError::Missing(path.to_owned()));
        }
        let real = real(path)?;
        let open = |name: &Path, flags| {
            let store = Self::connect(path, name, flags)?;
            match store.check()? {
                0 => Err(StoreError::Missing(path.to_owned())),
                _ => Ok(store),
            }
        };
        let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY;
        match open(&real, read_only) {
            // Reading takes a lock file beside it, unless nobody can write there.
            Err(StoreError::Full(_) | StoreError::ReadOnly(_) | StoreError::Database { .. }) => {}
            other => return other,
        }
        match beside::unfinished(&real) {
            None => open(&immutable(&real), read_only | OpenFlags::SQLITE_OPEN_URI),
            // Left by a killed program; its content is written to the store first.
            Some(log) => {
                open(&real, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| match error {
                    StoreError::Full(_) | StoreError::ReadOnly(_) | StoreError::Database { .. } => {
                        StoreError::Log { path: log, reason: CANNOT_WRITE.to_owned() }
                    }
                    other => other,
                })
            }
        }
    }

    /// Opens a file at a path without links; nothing in the file is trusted.
    fn connect(path: &Path, name: &Path, flags: OpenFlags) -> Result<Self, StoreError> {
        beside::check(&real(path)?)?;
        let explained = |error| explain(path, error);
        let connection = Connection::open_with_flags(name, flags).map_err(explained)?;
        harden(&connection).map_err(explained)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(explained)?;
        Ok(Self { path: path.to_owned(), connection, file: FileId::of(path)?, is_temporary: false })
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "journal_mode", "wal")?;
        // In write-ahead mode only this makes a commit wait for the disk.
        self.connection.pragma_update(None, "synchronous", "full")
    }

    /// Switches to the file that now has the store's name, and creates it if there is none. A file that was deleted or
    /// replaced while it is open would still take results, and lose them when it is closed.
    pub(super) fn follow_name(&mut self) -> Result<(), StoreError> {
        if self.is_temporary {
            return Ok(());
        }
        let now = FileId::of(&self.path)?;
        if now.is_some() && now == self.file {
            return Ok(());
        }
        // The log belongs to the name: what the old file left in it would be taken for the new one's. Where that cannot
        // be written back any more, the new file is opened all the same.
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(truncate)", [], |_| Ok(()));
        // Opened before the old one is closed, which is kept if that fails. SQLite sees that a file has moved, and leaves
        // the log that has its name now alone when it closes it.
        *self = Self::open(&self.path)?;
        Ok(())
    }
}

/// The identity of a file, which distinguishes it from a later one with the same name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileId {
    /// Device and inode. Elsewhere an open file keeps its name.
    #[cfg(unix)]
    numbers: (u64, u64),
}

impl FileId {
    /// The file that has a name; `None` if it is not there.
    fn of(path: &Path) -> Result<Option<Self>, StoreError> {
        match fs::metadata(path) {
            #[cfg(unix)]
            Ok(data) => Ok(Some(Self { numbers: (data.dev(), data.ino()) })),
            #[cfg(not(unix))]
            Ok(_) => Ok(Some(Self {})),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::Read { path: path.to_owned(), error }),
        }
    }
}

/// Why a store with a log is not read where nothing can be written.
const CANNOT_WRITE: &str = "reading it needs a writable folder; copy it there with the store";

/// The name of a file without links, which means nothing else to SQLite: `:memory:` and `file:x` are names of files
/// here as any others.
fn real(path: &Path) -> Result<PathBuf, StoreError> {
    let read = |error| StoreError::Read { path: path.to_owned(), error };
    match fs::canonicalize(path) {
        Ok(real) => Ok(real),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(read(error)),
        // It would be made wherever the link points. A file that is there now was made by another program meanwhile.
        Err(_) if fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink()) => {
            Err(read(io::Error::new(ErrorKind::NotFound, "it is a link to a missing file")))
        }
        Err(_) => std::path::absolute(path).map_err(read),
    }
}

/// The name by which SQLite reads a file without locks.
fn immutable(real: &Path) -> PathBuf {
    let mut name = String::from("file:");
    for &byte in real.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
                name.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(name, "%{byte:02x}")),
        }
    }
    name.push_str("?immutable=1");
    PathBuf::from(name)
}

/// Whether there is a file with something in it, which then is SQLite's.
fn holds_something(path: &Path) -> Result<bool, StoreError> {
    let read = |error| StoreError::Read { path: path.to_owned(), error };
    let file = match inceptive_files::open(path, MAX_STORE_BYTES) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            return Err(StoreError::NotOurs(path.to_owned()));
        }
        Err(error) => return Err(read(error)),
    };
    let mut start = Vec::with_capacity(HEADER.len());
    file.take(HEADER.len() as u64).read_to_end(&mut start).map_err(read)?;
    match start.as_slice() {
        [] => Ok(false),
        start if start == HEADER => Ok(true),
        _ => Err(StoreError::NotOurs(path.to_owned())),
    }
}

/// Whether an error is another program's doing, which passes.
fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
