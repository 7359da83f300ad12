//! The connection to SQLite: what it may do, and what it must hold.

use std::path::PathBuf;

use rusqlite::{Connection, ErrorCode, TransactionBehavior, config::DbConfig, limits::Limit};

use super::Store;
use crate::{
    error::{StoreError, explain},
    schema,
};

/// A result with its names.
const MAX_ROW_BYTES: i32 = (64 << 20) + (64 << 10);

impl Store {
    /// A store in memory, which is gone when it is dropped.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn temporary() -> Result<Self, StoreError> {
        let path = PathBuf::from("memory");
        let explained = |error| explain(&path, error);
        let connection = Connection::open_in_memory().map_err(explained)?;
        harden(&connection).map_err(explained)?;
        let mut store = Self { path, connection, file: None, is_temporary: true };
        store.migrate()?;
        Ok(store)
    }

    /// Makes it a store of the latest version, wholly or not at all.
    pub(super) fn migrate(&mut self) -> Result<(), StoreError> {
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
    pub(super) fn check(&self) -> Result<usize, StoreError> {
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
            Ok(state) if state == "ok" || is_of_a_row(&state) => {}
            Ok(message) => return Err(StoreError::Damaged { path: self.path.clone(), message }),
            // The pages were all looked at before.
            Err(error) if is_of_columns(&error) => {}
            Err(error) => return Err(explain(&self.path, error)),
        }
        schema::expect_numbers(&self.connection, &self.path)?;
        Ok(version)
    }
}

/// Forbids everything that a file of ours does not need.
pub(super) fn harden(connection: &Connection) -> rusqlite::Result<()> {
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

/// Whether `quick_check` found a value that does not match its column. It reports damaged pages first.
fn is_of_a_row(message: &str) -> bool {
    ["NULL value in ", "NUMERIC value in ", "TEXT value in ", "non-"]
        .into_iter()
        .any(|start| message.starts_with(start))
}

/// Whether the columns of a row cannot be computed from its text, or have values of another type than theirs.
fn is_of_columns(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::Unknown
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::TooBig
        )
    )
}
