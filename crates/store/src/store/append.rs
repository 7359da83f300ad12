//! Adding records.

use std::{fmt::Write, path::Path};

use inceptive_results::Record;
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use super::{MAX_RESULT_BYTES, Store};
use crate::{
    error::{StoreError, explain},
    kind::{Kind, kind_of},
    schema,
};

impl Store {
    /// Adds a record; when this comes back it is on the disk. False if exactly this one was there already.
    ///
    /// # Errors
    /// When it cannot be written; those before are safe.
    pub fn append<R: Record>(&mut self, record: &R) -> Result<bool, StoreError> {
        self.append_all(std::slice::from_ref(record)).map(|added| added > 0)
    }

    /// Adds records, all or none; gives how many were new.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn append_all<R: Record>(&mut self, records: &[R]) -> Result<usize, StoreError> {
        let row = |record: &R| -> Result<Row, StoreError> {
            record.check().map_err(|reason| StoreError::Impossible {
                path: self.path.clone(),
                name: R::NAME,
                reason,
            })?;
            Ok(Row {
                kind: const { kind_of::<R>() },
                machine: record.run().map(|run| run.machine.id()),
                json: serde_json::to_string(&record.to_keep())?,
            })
        };
        let rows = records.iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
        self.insert(&rows)
    }

    /// Adds rows, all or none; returns how many were new. All are on the disk when this returns.
    pub(super) fn insert(&mut self, rows: &[Row]) -> Result<usize, StoreError> {
        self.follow_name()?;
        let path = &self.path;
        let explained = |error| explain(path, error);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = transaction.map_err(explained)?;
        // It may have been changed since it was opened, and cannot be from here on.
        schema::version(&transaction, path)?;
        schema::expect_numbers(&transaction, path)?;
        let mut added = 0;
        for row in rows {
            added += row.insert(&transaction, path)?;
        }
        transaction.commit().map_err(explained)?;
        Ok(added)
    }
}

/// A result as it is kept.
pub(super) struct Row {
    pub kind: &'static Kind,
    /// The name of its machine, in tables that have it.
    pub machine: Option<String>,
    pub json: String,
}

impl Row {
    /// Adds it and checks that it was saved; returns how many rows are new.
    fn insert(&self, transaction: &Transaction<'_>, path: &Path) -> Result<usize, StoreError> {
        let Self { kind: Kind { table, .. }, machine, json } = self;
        if json.len() > MAX_RESULT_BYTES {
            return Err(StoreError::TooLarge { path: path.to_owned(), limit: MAX_RESULT_BYTES });
        }
        let content = content(json.as_bytes());
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

/// The key of a result, derived from its content.
pub(super) fn content(json: &[u8]) -> String {
    let mut name = String::with_capacity(64);
    for byte in Sha256::digest(json) {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}
