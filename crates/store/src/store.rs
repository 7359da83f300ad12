//! The file.

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

use inceptive_results::{BestRoofline, KnownRooflines};
use inceptive_results::{
    Conditions, Machine, Measurement, NetworkInfo, ProfileRecord, Record, Roofline, Runtime,
};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior,
    config::DbConfig, limits::Limit, params, types::ValueRef,
};
use serde::{
    Deserialize,
    de::{DeserializeOwned, Error},
};
use sha2::{Digest, Sha256};

use crate::{
    beside,
    error::{StoreError, explain},
    schema,
    timm::ForeignMeasurement,
};

mod state;

pub use state::{MalformedState, StoreState};

/// How every SQLite file starts.
const HEADER: &[u8; 16] = b"SQLite format 3\0";

/// The largest store that is opened: tens of thousands of results with every single time.
const MAX_STORE_BYTES: u64 = 16 * inceptive_files::GIB;

/// The largest result that is kept and read: more than the times of a million runs.
const MAX_RESULT_BYTES: usize = 64 << 20;

/// How long to wait while another program writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait before trying again.
const PAUSE: Duration = Duration::from_millis(10);

/// A result with its number in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<T> {
    /// The number, from 1.
    pub id: i64,
    /// The result.
    pub result: T,
}

impl<R: Record> Record for Stored<R> {
    fn subject(&self) -> &NetworkInfo {
        self.result.subject()
    }

    fn conditions(&self) -> Conditions<'_> {
        self.result.conditions()
    }

    fn finished_unix_ms(&self) -> u64 {
        self.result.finished_unix_ms()
    }
}

/// The rows of a table. An unreadable row does not prevent the others from being returned.
#[derive(Debug)]
pub struct Rows<T> {
    /// Those that can be understood.
    pub readable: Vec<Stored<T>>,
    /// The errors of the unreadable rows.
    pub unreadable: Vec<StoreError>,
}

/// The outcome of merging another file.
#[derive(Debug)]
pub struct Merged {
    /// How many results were new.
    pub added: usize,
    /// The errors of the rows that were left out because they are unreadable.
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
    /// The state up to which results are read; later results are ignored.
    pub up_to: Option<StoreState>,
}

/// An open file of results.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
    /// The identity of the open file, even if another file has its name now.
    file: Option<FileId>,
}

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
        Ok(Self { path: path.to_owned(), connection, file: FileId::of(path)? })
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "journal_mode", "wal")?;
        // In write-ahead mode only this makes a commit wait for the disk.
        self.connection.pragma_update(None, "synchronous", "full")
    }

    /// Makes it a store of the latest version, wholly or not at all.
    fn migrate(&mut self) -> Result<(), StoreError> {
        let path = &self.path;
        let explained = |error| explain(path, error);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = transaction.map_err(explained)?;
        // Another program may have created it by now, or written other content.
        let version = schema::version(&transaction, path)?;
        schema::migrate(&transaction, version).map_err(explained)?;
        transaction.commit().map_err(explained)
    }

    /// The version of the file if it is a complete store that is not too new; 0 if the file is empty.
    fn check(&self) -> Result<usize, StoreError> {
        // First, because any other query could run code in a manipulated schema; and in one transaction.
        let snapshot = self.connection.unchecked_transaction();
        let snapshot = snapshot.map_err(|error| explain(&self.path, error))?;
        let version = schema::version(&snapshot, &self.path)?;
        drop(snapshot);
        // Unreadable rows are found when they are read; they do not hide the others.
        let check_constraints = |are_checked: bool| {
            let ignored =
                self.connection.pragma_update(None, "ignore_check_constraints", !are_checked);
            ignored.map_err(|error| explain(&self.path, error))
        };
        check_constraints(false)?;
        let state =
            self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        check_constraints(true)?;
        match state {
            Ok(state) if state == "ok" || is_of_a_row(&state) => Ok(version),
            Ok(message) => Err(StoreError::Damaged { path: self.path.clone(), message }),
            // The columns of a row cannot be computed. The pages were all looked at before.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => Ok(version),
            Err(error) => Err(explain(&self.path, error)),
        }
    }

    /// Adds a measurement; when this comes back it is on the disk. False if exactly this one was there already.
    ///
    /// # Errors
    /// When it cannot be written; those before are safe.
    pub fn append(&mut self, measurement: &Measurement) -> Result<bool, StoreError> {
        let json = serde_json::to_string(&measurement.alone())?;
        let row = Row { table: MEASUREMENT, machine: Some(measurement.machine.id()), json };
        self.insert(&[row]).map(|added| added > 0)
    }

    /// Adds a profile, as [`Store::append`] adds a measurement.
    ///
    /// # Errors
    /// When it cannot be written; those before are safe.
    pub fn append_profile(&mut self, profile: &ProfileRecord) -> Result<bool, StoreError> {
        let json = serde_json::to_string(profile)?;
        let row = Row { table: PROFILE, machine: Some(profile.machine.id()), json };
        self.insert(&[row]).map(|added| added > 0)
    }

    /// Adds rows of another program's table, all or none; returns how many were new.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn append_foreign(&mut self, rows: &[ForeignMeasurement]) -> Result<usize, StoreError> {
        let row = |row: &ForeignMeasurement| -> Result<Row, StoreError> {
            Ok(Row { table: FOREIGN, machine: None, json: serde_json::to_string(row)? })
        };
        let rows = rows.iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
        self.insert(&rows)
    }

    /// Limits the file to this number of pages, like a disk quota; for tests.
    #[doc(hidden)]
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        let set = self.connection.pragma_update(None, "max_page_count", pages);
        set.map_err(|error| explain(&self.path, error))
    }

    /// Switches to the file that now has the store's name, and creates it if there is none. A file that was deleted or
    /// replaced while it is open would still take results, and lose them when it is closed.
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

    /// Adds rows, all or none; returns how many were new. All are on the disk when this returns.
    fn insert(&mut self, rows: &[Row]) -> Result<usize, StoreError> {
        self.follow_name()?;
        let path = &self.path;
        let explained = |error| explain(path, error);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = transaction.map_err(explained)?;
        // It may have been changed since it was opened, and cannot be from here on.
        schema::version(&transaction, path)?;
        let mut added = 0;
        for row in rows {
            added += row.insert(&transaction, path)?;
        }
        transaction.commit().map_err(explained)?;
        Ok(added)
    }

    /// The highest limits of each machine, from all results of the file up to `up_to`, ignoring the other conditions of
    /// the filter.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rooflines(&self, filter: &Filter) -> Result<KnownRooflines, StoreError> {
        let mut known = KnownRooflines::default();
        for table in [MEASUREMENT, PROFILE] {
            self.visit(table, UP_TO, params![filter.last_of(table)], |_, json| {
                // An unreadable row is reported when results are read.
                if let Ok(it) = json.and_then(serde_json::from_slice::<ShownLimits>) {
                    known
                        .add(&it.machine, BestRoofline::measured(it.roofline, it.finished_unix_ms));
                }
            })?;
        }
        Ok(known)
    }

    /// Measurements in the order in which they were added, each compared with the highest limits ever measured on its
    /// machine.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn measurements(&self, filter: &Filter) -> Result<Rows<Measurement>, StoreError> {
        let mut found: Rows<Measurement> =
            self.select(MEASUREMENT, filter, |it: &Measurement| {
                (&it.subject, &it.runtime, &it.machine)
            })?;
        let known = self.rooflines(filter)?;
        found.readable.iter_mut().for_each(|stored| known.hold(&mut stored.result));
        Ok(found)
    }

    /// Profiles in the order in which they were added, held against the best too; none in a file of an earlier version.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn profiles(&self, filter: &Filter) -> Result<Rows<ProfileRecord>, StoreError> {
        let mut found: Rows<ProfileRecord> =
            self.select(PROFILE, filter, |it: &ProfileRecord| {
                (&it.subject, &it.runtime, &it.machine)
            })?;
        let known = self.rooflines(filter)?;
        found.readable.iter_mut().for_each(|stored| known.hold_profile(&mut stored.result));
        Ok(found)
    }

    fn select<T: DeserializeOwned>(
        &self,
        table: &'static str,
        filter: &Filter,
        about: impl Fn(&T) -> (&NetworkInfo, &Runtime, &Machine),
    ) -> Result<Rows<T>, StoreError> {
        let mut found = self.read(table, UP_TO, params![filter.last_of(table)])?;
        found.readable.retain(|stored: &Stored<T>| {
            let (subject, runtime, machine) = about(&stored.result);
            filter.wants(subject, runtime, machine)
        });
        Ok(found)
    }

    /// The measurement with a number.
    ///
    /// # Errors
    /// When it, or the file, cannot be read.
    pub fn measurement(&self, id: i64) -> Result<Option<Measurement>, StoreError> {
        let Rows { readable, unreadable } = self.read(MEASUREMENT, "id = ?1", params![id])?;
        match unreadable.into_iter().next() {
            Some(error) => Err(error),
            None => {
                let mut found = readable.into_iter().next().map(|stored: Stored<_>| stored.result);
                if let Some(result) = &mut found {
                    self.rooflines(&Filter::default())?.hold(result);
                }
                Ok(found)
            }
        }
    }

    /// Rows of other programs' tables, in the order in which they were added.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn foreign(&self) -> Result<Rows<ForeignMeasurement>, StoreError> {
        self.read(FOREIGN, "true", params![])
    }

    fn read<T: DeserializeOwned>(
        &self,
        table: &'static str,
        condition: &str,
        values: impl rusqlite::Params,
    ) -> Result<Rows<T>, StoreError> {
        let mut found = Rows { readable: vec![], unreadable: vec![] };
        self.visit(table, condition, values, |id, json| {
            match json.and_then(serde_json::from_slice) {
                Ok(result) => found.readable.push(Stored { id, result }),
                Err(error) => found.unreadable.push(self.unreadable(table, id, error)),
            }
        })?;
        Ok(found)
    }

    fn unreadable(&self, table: &'static str, id: i64, error: serde_json::Error) -> StoreError {
        StoreError::Row { path: self.path.clone(), table, id, error }
    }

    /// Goes through the texts of a table in the order in which they were added. Only the text of a row is read, none
    /// of the columns that are computed from it: one that cannot be computed would end it for all rows.
    fn visit(
        &self,
        table: &'static str,
        condition: &str,
        values: impl rusqlite::Params,
        mut visit: impl FnMut(i64, Result<&[u8], serde_json::Error>),
    ) -> Result<(), StoreError> {
        if !self.has(table)? {
            return Ok(());
        }
        let sql = format!(
            "SELECT id, CASE WHEN octet_length(json) <= {MAX_RESULT_BYTES} THEN json END
            FROM {table} WHERE {condition} ORDER BY id"
        );
        let walk = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare(&sql)?;
            let mut rows = statement.query(values)?;
            while let Some(row) = rows.next()? {
                let json = match row.get_ref(1)? {
                    ValueRef::Text(json) => Ok(json),
                    _ => Err(serde_json::Error::custom("it is not text, or too large")),
                };
                visit(row.get(0)?, json);
            }
            Ok(())
        };
        walk().map_err(|error| explain(&self.path, error))
    }

    /// The rows of a table that can be understood, as they are.
    fn copies<T: DeserializeOwned>(
        &self,
        table: &'static str,
        machine: impl Fn(&T) -> Option<String>,
        merged: &mut Vec<Row>,
        unreadable: &mut Vec<StoreError>,
    ) -> Result<(), StoreError> {
        self.visit(table, "true", params![], |id, json| {
            let row = json.and_then(|json| {
                let machine = machine(&serde_json::from_slice(json)?);
                // As JSON was read from it, it is UTF-8.
                let json = String::from_utf8_lossy(json).into_owned();
                Ok(Row { table, machine, json })
            });
            match row {
                Ok(row) => merged.push(row),
                Err(error) => unreadable.push(self.unreadable(table, id, error)),
            }
        })
    }

    /// Adds everything of another file that can be understood and is not here yet.
    ///
    /// # Errors
    /// When the other cannot be read or this one not be written; nothing is added then.
    pub fn merge(&mut self, other: &Path) -> Result<Merged, StoreError> {
        let other = Self::open_to_read(other)?;
        let (mut rows, mut unreadable) = (vec![], vec![]);
        let of_measurement = |it: &Measurement| Some(it.machine.id());
        let of_profile = |it: &ProfileRecord| Some(it.machine.id());
        other.copies(MEASUREMENT, of_measurement, &mut rows, &mut unreadable)?;
        other.copies(PROFILE, of_profile, &mut rows, &mut unreadable)?;
        other.copies(FOREIGN, |_: &ForeignMeasurement| None, &mut rows, &mut unreadable)?;
        Ok(Merged { added: self.insert(&rows)?, unreadable })
    }

    /// Whether the file has a table: one that was written by an earlier version and is only read has
    /// not got all.
    fn has(&self, table: &str) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        let count = self.connection.query_row(sql, params![table], |row| row.get::<_, i64>(0));
        count.map(|count| count > 0).map_err(|error| explain(&self.path, error))
    }
}

impl Filter {
    /// Number of the last result of a table that is wanted, if there is one.
    fn last_of(&self, table: &str) -> Option<i64> {
        self.up_to.as_ref().map(|state| state.last_of(table))
    }

    /// Whether a result matches the filter, apart from its number.
    fn wants(&self, subject: &NetworkInfo, runtime: &Runtime, machine: &Machine) -> bool {
        let has = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        let Self { model, fingerprint, engine, machine: wanted_machine, up_to: _ } = self;
        model.as_ref().is_none_or(|it| has(&subject.name, it) || has(&subject.file, it))
            && fingerprint.as_ref().is_none_or(|it| *it == subject.fingerprint)
            && engine.as_ref().is_none_or(|it| *it == runtime.engine)
            && wanted_machine.as_ref().is_none_or(|it| *it == machine.id())
    }
}

/// Rows up to a number, if there is one.
const UP_TO: &str = "?1 IS NULL OR id <= ?1";

/// The machine and limits in a result of any kind.
#[derive(Deserialize)]
struct ShownLimits {
    machine: Machine,
    roofline: Roofline,
    finished_unix_ms: u64,
}

/// A result as it is kept.
struct Row {
    table: &'static str,
    /// The name of its machine, in tables that have it.
    machine: Option<String>,
    json: String,
}

impl Row {
    /// Adds it and checks that it was saved; returns how many rows are new.
    fn insert(&self, transaction: &Transaction<'_>, path: &Path) -> Result<usize, StoreError> {
        let Self { table, machine, json } = self;
        if json.len() > MAX_RESULT_BYTES {
            return Err(StoreError::TooLarge { path: path.to_owned(), limit: MAX_RESULT_BYTES });
        }
        let content = content(json);
        let kept = || -> rusqlite::Result<(usize, Option<bool>)> {
            let added = match machine {
                Some(machine) => transaction
                    .prepare(&format!(
                        "INSERT INTO {table} (content, machine, json) VALUES (?1, ?2, ?3)
                        ON CONFLICT (content) DO NOTHING"
                    ))?
                    .execute(params![content, machine, json])?,
                None => transaction
                    .prepare(&format!(
                        "INSERT INTO {table} (content, json) VALUES (?1, ?2)
                        ON CONFLICT (content) DO NOTHING"
                    ))?
                    .execute(params![content, json])?,
            };
            let is_there = transaction
                .prepare(&format!("SELECT json = ?2 FROM {table} WHERE content = ?1"))?
                .query_row(params![content, json], |row| row.get(0))
                .optional()?;
            Ok((added, is_there))
        };
        match kept().map_err(|error| explain(path, error))? {
            (added, Some(true)) => Ok(added),
            _ => Err(StoreError::NotKept(path.to_owned())),
        }
    }
}

const MEASUREMENT: &str = "measurement";
const PROFILE: &str = "profile";
const FOREIGN: &str = "foreign_measurement";

/// The key of a result, derived from its content.
fn content(json: &str) -> String {
    let mut name = String::with_capacity(64);
    for byte in Sha256::digest(json) {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// The identity of a file, which distinguishes it from a later one with the same name.
#[derive(Debug, PartialEq, Eq)]
struct FileId {
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

/// Forbids everything that a file of ours does not need.
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
    ] {
        connection.set_db_config(setting, value)?;
    }
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 64 << 10),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
    ] {
        connection.set_limit(limit, value)?;
    }
    connection.pragma_update(None, "cell_size_check", true)
}

/// A result with its names.
const MAX_ROW_BYTES: i32 = (64 << 20) + (64 << 10);

/// Whether `quick_check` found a value that does not match its column. It reports damaged pages first.
fn is_of_a_row(message: &str) -> bool {
    ["NULL value in ", "NUMERIC value in ", "TEXT value in ", "non-"]
        .into_iter()
        .any(|start| message.starts_with(start))
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
