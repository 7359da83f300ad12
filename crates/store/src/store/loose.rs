//! Records outside of a store, as text that says of which kind they are.

use inceptive_results::Record;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Store,
    append::{Row, content},
};
use crate::{
    error::{StoreError, explain},
    kind::{KINDS, Kind, kind_of},
};

/// A record of any kind outside of a store, such as in a file that a task on another machine wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LooseRecord {
    /// The kind: the name of its table.
    kind: String,
    record: Value,
}

/// A record cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum LooseError {
    /// There is no such kind.
    #[error("`{0}` is no kind of record")]
    Kind(String),
    /// Its text is not that of such a record, or has impossible numbers.
    #[error("a {kind} cannot be read: {error}")]
    Record {
        /// The kind.
        kind: &'static str,
        /// The error.
        error: serde_json::Error,
    },
}

impl LooseRecord {
    /// A record as a store keeps it.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn new<R: Record>(record: &R) -> Result<Self, StoreError> {
        let kind = const { kind_of::<R>() };
        let record = serde_json::to_value(&*record.to_keep())?;
        Ok(Self { kind: kind.table.to_owned(), record })
    }

    /// The record, if it is of this kind and can be understood.
    pub fn read<R: Record>(&self) -> Option<R> {
        let is_same = self.kind == const { kind_of::<R>() }.table;
        is_same.then(|| serde_json::from_value(self.record.clone()).ok()).flatten()
    }

    /// Checks that a store can keep it.
    ///
    /// # Errors
    /// When it is of no known kind, or cannot be understood.
    pub fn check(&self) -> Result<(), LooseError> {
        self.row().map(drop)
    }

    fn kind(&self) -> Result<&'static Kind, LooseError> {
        let found = KINDS.iter().find(|kind| kind.table == self.kind);
        found.ok_or_else(|| LooseError::Kind(self.kind.clone()))
    }

    fn row(&self) -> Result<Row, LooseError> {
        let kind = self.kind()?;
        let json = self.record.to_string();
        let machine = (kind.machine)(json.as_bytes())
            .map_err(|error| LooseError::Record { kind: kind.table, error })?;
        Ok(Row { kind, machine, json })
    }
}

impl Store {
    /// Whether the store has exactly this record.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn has_loose(&self, loose: &LooseRecord) -> Result<bool, StoreError> {
        let Ok(Row { kind, json, .. }) = loose.row() else { return Ok(false) };
        if !self.has(kind.table)? {
            return Ok(false);
        }
        let sql = format!("SELECT 1 FROM {} WHERE content = ?1", kind.table);
        let found = self.connection.prepare(&sql).and_then(|mut statement| {
            statement.query_row(params![content(json.as_bytes())], |_| Ok(())).optional()
        });
        found.map(|found| found.is_some()).map_err(|error| explain(&self.path, error))
    }

    /// Adds records, all or none; gives how many were new. Those that cannot be understood are not added.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn append_loose<'l>(
        &mut self,
        records: impl IntoIterator<Item = &'l LooseRecord>,
    ) -> Result<usize, StoreError> {
        let rows: Vec<Row> = records.into_iter().filter_map(|loose| loose.row().ok()).collect();
        self.insert(&rows)
    }
}
