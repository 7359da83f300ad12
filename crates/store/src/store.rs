//! The file.

#[cfg(unix)]
use std::os::unix::fs::MetadataExt;
use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use inceptive_exec::{Conditions, Measurement, ProfileRecord, Record, Subject};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params};
use rusqlite_migration::{M, Migrations};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

mod state;

pub use state::{MalformedState, StoreState};

use crate::timm::ForeignMeasurement;

/// Marks a SQLite file as ours: "INCP".
const APPLICATION: i32 = 0x494E_4350;

/// How every SQLite file starts.
const HEADER: &[u8; 16] = b"SQLite format 3\0";

/// How long to wait while another program writes.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait before trying again.
const PAUSE: Duration = Duration::from_millis(10);

/// The schema, in steps; a step that was released is never changed.
static STEPS: [M<'static>; 2] =
    [M::up(include_str!("migrations/1.sql")), M::up(include_str!("migrations/2.sql"))];

/// Why results cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no file.
    #[error("there are no results in `{}` yet: `inceptive bench` makes some", .0.display())]
    Missing(PathBuf),
    /// The file is something else.
    #[error("`{}` is not a store of results; choose another with --store", .0.display())]
    NotOurs(PathBuf),
    /// The file is of a later version of this program.
    #[error(
        "`{}` was written by a newer version of this program (schema {found}, known is {known}); nothing \
         was changed", path.display()
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
        "`{}` is damaged ({message}); it was not changed. Put it aside, or save what can be read with \
         `sqlite3 FILE .recover`", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        message: String,
    },
    /// The disk is full.
    #[error("no room left for `{}`; the results before are safe", .0.display())]
    Full(PathBuf),
    /// The file cannot be written.
    #[error("`{}` cannot be written; choose another with --store", .0.display())]
    ReadOnly(PathBuf),
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The file holds other results than those that are wanted.
    #[error(
        "`{}` does not hold the results that `--up-to {wanted}` names: the file was replaced, or results are missing. \
         Use the store that the report was made from, or leave --up-to out", path.display()
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
        /// What is wrong with it.
        #[source]
        error: serde_json::Error,
    },
    /// A result cannot be written down.
    #[error("a result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Anything else.
    #[error("`{}`: {error}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        error: rusqlite::Error,
    },
}

/// A result with its number in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<T> {
    /// The number, from 1.
    pub id: i64,
    /// The result.
    pub result: T,
}

impl<R: Record> Record for Stored<R> {
    fn subject(&self) -> &Subject {
        self.result.subject()
    }

    fn conditions(&self) -> Conditions<'_> {
        self.result.conditions()
    }

    fn finished_unix_ms(&self) -> u64 {
        self.result.finished_unix_ms()
    }
}

/// What a table of a file holds. A row that cannot be understood is no reason to withhold the others.
#[derive(Debug)]
pub struct Rows<T> {
    /// Those that can be understood.
    pub readable: Vec<Stored<T>>,
    /// What is wrong with each of the others.
    pub unreadable: Vec<StoreError>,
}

/// What was added of another file.
#[derive(Debug)]
pub struct Merged {
    /// How many results were new.
    pub added: usize,
    /// What is wrong with those that were left out, as they cannot be understood.
    pub unreadable: Vec<StoreError>,
}

/// Which results are wanted; everything without a wish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Part of the network's name or file.
    pub model: Option<String>,
    /// The network's fingerprint.
    pub fingerprint: Option<String>,
    /// The engine.
    pub engine: Option<String>,
    /// The machine.
    pub machine: Option<String>,
    /// The last numbers, so that what is added later changes nothing.
    pub up_to: Option<StoreState>,
}

/// An open file of results.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
    /// The file that the connection is of, whatever may have its name by now.
    file: Option<FileId>,
}

impl Store {
    /// Opens a file to add to and read, and makes it if there is none.
    ///
    /// # Errors
    /// When it is not ours, newer, damaged or cannot be written. It is then as it was.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let start = Instant::now();
        loop {
            match Self::open_once(path) {
                // SQLite does not wait by itself while another program makes the file or moves it to a later
                // schema, and the schema's version is read before the lock is taken.
                Err(StoreError::Database { error, .. })
                    if start.elapsed() < patience_for(&error) =>
                {
                    thread::sleep(PAUSE);
                }
                other => return other,
            }
        }
    }

    fn open_once(path: &Path) -> Result<Self, StoreError> {
        let is_new = !holds_something(path)?;
        let connection = Connection::open(path).map_err(|error| explain(path, error))?;
        connection.busy_timeout(PATIENCE).map_err(|error| explain(path, error))?;
        let file = FileId::of(path)?;
        let mut store = Self { path: path.to_owned(), connection, file };
        if !is_new {
            store.check()?;
        }
        store.prepare().map_err(|error| explain(path, error))?;
        migrations().to_latest(&mut store.connection).map_err(|error| match error {
            rusqlite_migration::Error::RusqliteError { err, .. } => explain(path, err),
            other => StoreError::Damaged { path: path.to_owned(), message: other.to_string() },
        })?;
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
        let open = |flags, immutable: bool| -> Result<Self, StoreError> {
            let connection = if immutable {
                let escaped = path
                    .to_string_lossy()
                    .replace('%', "%25")
                    .replace('?', "%3f")
                    .replace('#', "%23");
                Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)
            } else {
                Connection::open_with_flags(path, flags)
            };
            let connection = connection.map_err(|error| explain(path, error))?;
            connection.busy_timeout(PATIENCE).map_err(|error| explain(path, error))?;
            let store = Self { path: path.to_owned(), connection, file: FileId::of(path)? };
            store.check()?;
            Ok(store)
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        match open(flags, false) {
            // Reading takes a lock file beside it, unless nobody can write there.
            Err(StoreError::Full(_) | StoreError::ReadOnly(_) | StoreError::Database { .. }) => {
                open(flags, true)
            }
            other => other,
        }
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "journal_mode", "wal")?;
        // In write-ahead mode only this makes a commit wait for the disk.
        self.connection.pragma_update(None, "synchronous", "full")?;
        self.connection.pragma_update(None, "application_id", APPLICATION)
    }

    /// Whether the file is ours, whole and not too new.
    fn check(&self) -> Result<(), StoreError> {
        let pragma = |name: &str| -> rusqlite::Result<i64> {
            self.connection.pragma_query_value(None, name, |row| row.get(0))
        };
        let explained = |error| explain(&self.path, error);
        let application = pragma("application_id").map_err(explained)?;
        let found =
            usize::try_from(pragma("user_version").map_err(explained)?).unwrap_or(usize::MAX);
        let tables: i64 = self
            .connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(explained)?;
        // Another program may just have made the file and not yet marked it.
        let is_fresh = tables == 0 && found == 0 && application == 0;
        if application != i64::from(APPLICATION) && !is_fresh {
            return Err(StoreError::NotOurs(self.path.clone()));
        }
        if found > STEPS.len() {
            return Err(StoreError::Newer { path: self.path.clone(), found, known: STEPS.len() });
        }
        let state: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(explained)?;
        if state == "ok" {
            return Ok(());
        }
        Err(StoreError::Damaged { path: self.path.clone(), message: state })
    }

    /// Adds a measurement; when this comes back it is on the disk. False if exactly this one was there already.
    ///
    /// # Errors
    /// When it cannot be written; those before are safe.
    pub fn append(&mut self, measurement: &Measurement) -> Result<bool, StoreError> {
        let json = serde_json::to_string(measurement)?;
        let sql = "INSERT OR IGNORE INTO measurement (content, machine, json) VALUES (?1, ?2, ?3)";
        self.insert(|transaction| {
            transaction.execute(sql, params![content(&json), measurement.machine.id(), json])
        })
        .map(|added| added > 0)
    }

    /// Adds a profile, as [`Store::append`] adds a measurement.
    ///
    /// # Errors
    /// When it cannot be written; those before are safe.
    pub fn append_profile(&mut self, profile: &ProfileRecord) -> Result<bool, StoreError> {
        let json = serde_json::to_string(profile)?;
        let sql = "INSERT OR IGNORE INTO profile (content, machine, json) VALUES (?1, ?2, ?3)";
        self.insert(|transaction| {
            transaction.execute(sql, params![content(&json), profile.machine.id(), json])
        })
        .map(|added| added > 0)
    }

    /// Adds rows of another program's table, all or none; gives how many were new.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn append_foreign(&mut self, rows: &[ForeignMeasurement]) -> Result<usize, StoreError> {
        let rows = rows.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        let sql = "INSERT OR IGNORE INTO foreign_measurement (content, json) VALUES (?1, ?2)";
        self.insert(|transaction| {
            let mut statement = transaction.prepare(sql)?;
            rows.iter().map(|json| statement.execute(params![content(json), json])).sum()
        })
    }

    /// Allows the file to grow to so many pages, as a quota of the disk would; for tests.
    #[doc(hidden)]
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        let set = self.connection.pragma_update(None, "max_page_count", pages);
        set.map_err(|error| explain(&self.path, error))
    }

    /// Goes on with the file that has the name now, and makes it if there is none: one that was deleted or replaced
    /// while it is open still takes results, and loses them when it is closed.
    fn follow_name(&mut self) -> Result<(), StoreError> {
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

    fn insert(
        &mut self,
        change: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<usize>,
    ) -> Result<usize, StoreError> {
        self.follow_name()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let added = transaction.and_then(|transaction| {
            let added = change(&transaction)?;
            transaction.commit()?;
            Ok(added)
        });
        added.map_err(|error| explain(&self.path, error))
    }

    /// Measurements in the order in which they were added.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn measurements(&self, filter: &Filter) -> Result<Rows<Measurement>, StoreError> {
        self.select(MEASUREMENT, filter)
    }

    /// Profiles in the order in which they were added; none in a file of an earlier version.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn profiles(&self, filter: &Filter) -> Result<Rows<ProfileRecord>, StoreError> {
        if !self.has(PROFILE)? {
            return Ok(Rows { readable: vec![], unreadable: vec![] });
        }
        self.select(PROFILE, filter)
    }

    fn select<T: DeserializeOwned>(
        &self,
        table: &'static str,
        filter: &Filter,
    ) -> Result<Rows<T>, StoreError> {
        let sql = format!(
            "SELECT id, json FROM {table}
            WHERE (?1 IS NULL OR instr(lower(model), lower(?1)) OR instr(lower(file), lower(?1)))
              AND (?2 IS NULL OR fingerprint = ?2)
              AND (?3 IS NULL OR engine = ?3)
              AND (?4 IS NULL OR machine = ?4)
              AND (?5 IS NULL OR id <= ?5)
            ORDER BY id"
        );
        let Filter { model, fingerprint, engine, machine, up_to } = filter;
        let up_to = up_to.as_ref().map(|state| state.last_of(table));
        self.read(table, &sql, params![model, fingerprint, engine, machine, up_to])
    }

    /// The measurement with a number.
    ///
    /// # Errors
    /// When it, or the file, cannot be read.
    pub fn measurement(&self, id: i64) -> Result<Option<Measurement>, StoreError> {
        let sql = "SELECT id, json FROM measurement WHERE id = ?1";
        let Rows { readable, unreadable } = self.read(MEASUREMENT, sql, params![id])?;
        match unreadable.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(readable.into_iter().next().map(|stored| stored.result)),
        }
    }

    /// Rows of other programs' tables, in the order in which they were added.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn foreign(&self) -> Result<Rows<ForeignMeasurement>, StoreError> {
        self.read(FOREIGN, "SELECT id, json FROM foreign_measurement ORDER BY id", params![])
    }

    fn read<T: DeserializeOwned>(
        &self,
        table: &'static str,
        sql: &str,
        values: impl rusqlite::Params,
    ) -> Result<Rows<T>, StoreError> {
        let rows = self.connection.prepare(sql).and_then(|mut statement| {
            let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<(i64, String)>>>()
        });
        let mut found = Rows { readable: vec![], unreadable: vec![] };
        for (id, json) in rows.map_err(|error| explain(&self.path, error))? {
            match serde_json::from_str(&json) {
                Ok(result) => found.readable.push(Stored { id, result }),
                Err(error) => found.unreadable.push(StoreError::Row {
                    path: self.path.clone(),
                    table,
                    id,
                    error,
                }),
            }
        }
        Ok(found)
    }

    /// The numbers of a table's rows that can be understood.
    fn sound<T: DeserializeOwned>(
        &self,
        table: &'static str,
        unreadable: &mut Vec<StoreError>,
    ) -> Result<Vec<i64>, StoreError> {
        if !self.has(table)? {
            return Ok(vec![]);
        }
        let found: Rows<T> =
            self.read(table, &format!("SELECT id, json FROM {table} ORDER BY id"), [])?;
        unreadable.extend(found.unreadable);
        Ok(found.readable.iter().map(|stored| stored.id).collect())
    }

    /// Adds everything of another file that can be understood and is not here yet.
    ///
    /// # Errors
    /// When the other cannot be read or this one not be written; nothing is added then.
    pub fn merge(&mut self, other: &Path) -> Result<Merged, StoreError> {
        let other = Self::open_to_read(other)?;
        let mut unreadable = Vec::new();
        let sound = [
            other.sound::<Measurement>(MEASUREMENT, &mut unreadable)?,
            other.sound::<ProfileRecord>(PROFILE, &mut unreadable)?,
            other.sound::<ForeignMeasurement>(FOREIGN, &mut unreadable)?,
        ];
        let mut found = Vec::new();
        for ((table, columns), ids) in COLUMNS.into_iter().zip(sound) {
            found.push((table, columns, other.texts(table, columns, &ids)?));
        }
        let added = self.insert(|transaction| {
            let mut added = 0;
            for (table, columns, rows) in &found {
                let places = vec!["?"; columns.split(',').count()].join(", ");
                let sql = format!("INSERT OR IGNORE INTO {table} ({columns}) VALUES ({places})");
                let mut add = transaction.prepare(&sql)?;
                for row in rows {
                    added += add.execute(rusqlite::params_from_iter(row))?;
                }
            }
            Ok(added)
        })?;
        Ok(Merged { added, unreadable })
    }

    /// Whether the file has a table: one that was written by an earlier version and is only read has
    /// not got all.
    fn has(&self, table: &str) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        let count = self.connection.query_row(sql, params![table], |row| row.get::<_, i64>(0));
        count.map(|count| count > 0).map_err(|error| explain(&self.path, error))
    }

    /// Columns of the rows with these numbers.
    fn texts(
        &self,
        table: &str,
        columns: &str,
        ids: &[i64],
    ) -> Result<Vec<Vec<String>>, StoreError> {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let width = columns.split(',').count();
        let sql = format!("SELECT {columns} FROM {table} WHERE id = ?1");
        let rows = self.connection.prepare(&sql).and_then(|mut statement| {
            let row = |row: &rusqlite::Row<'_>| (0..width).map(|at| row.get(at)).collect();
            ids.iter().map(|id| statement.query_row([id], row)).collect()
        });
        rows.map_err(|error| explain(&self.path, error))
    }
}

const MEASUREMENT: &str = "measurement";
const PROFILE: &str = "profile";
const FOREIGN: &str = "foreign_measurement";

/// What is merged: tables with the columns that are not computed.
const COLUMNS: [(&str, &str); 3] = [
    (MEASUREMENT, "content, machine, json"),
    (PROFILE, "content, machine, json"),
    (FOREIGN, "content, json"),
];

fn migrations() -> Migrations<'static> {
    Migrations::from_slice(&STEPS)
}

/// The name of a result by what it says.
fn content(json: &impl AsRef<str>) -> String {
    let digest = Sha256::digest(json.as_ref());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What tells files apart that have the same name one after the other.
#[derive(Debug, PartialEq, Eq)]
struct FileId {
    /// Device and inode. Elsewhere an open file keeps its name.
    #[cfg(unix)]
    numbers: (u64, u64),
}

impl FileId {
    /// The file that has a name; none if it is not there.
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

/// Whether there is a file with something in it, which then is SQLite's.
fn holds_something(path: &Path) -> Result<bool, StoreError> {
    let read = |error| StoreError::Read { path: path.to_owned(), error };
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(read(error)),
    };
    if file.metadata().map_err(read)?.is_dir() {
        return Err(StoreError::NotOurs(path.to_owned()));
    }
    let mut start = Vec::with_capacity(HEADER.len());
    file.by_ref().take(HEADER.len() as u64).read_to_end(&mut start).map_err(read)?;
    match start.as_slice() {
        [] => Ok(false),
        start if start == HEADER => Ok(true),
        _ => Err(StoreError::NotOurs(path.to_owned())),
    }
}

/// How long an error may be another program's doing, which passes: a lock, or a table that it made meanwhile.
fn patience_for(error: &rusqlite::Error) -> Duration {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => PATIENCE,
        Some(ErrorCode::Unknown) => Duration::from_secs(2),
        _ => Duration::ZERO,
    }
}

/// An error of SQLite in our terms.
fn explain(path: &Path, error: rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
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
