//! The requirements for a file to be a store: its application id, its version and exactly the tables of that version.
//!
//! A trigger, view or column that an attacker added would run whenever results are added or read. So a file is used
//! only if its schema equals, word for word, the one that this program creates.

use std::{collections::BTreeSet, path::Path};

use rusqlite::{Connection, Transaction};

use crate::{
    error::{StoreError, explain},
    kind::{KINDS, Kind},
};

/// Marks a SQLite file as ours: "INCP".
const APPLICATION: i32 = 0x494E_4350;

/// The schema, in steps; a step that was released is never changed.
const STEPS: [&str; 9] = [
    include_str!("migrations/1.sql"),
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
    include_str!("migrations/5.sql"),
    include_str!("migrations/6.sql"),
    include_str!("migrations/7.sql"),
    include_str!("migrations/8.sql"),
    include_str!("migrations/9.sql"),
];

/// The version that this program writes.
pub const LATEST: usize = STEPS.len();

/// Maximum number of schema entries that are read, more than any version has.
const MOST_PARTS: usize = 1000;

/// A table, index, trigger or view, as SQLite keeps it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    kind: String,
    name: String,
    table: String,
    sql: Option<String>,
}

/// The version of a file that is ours; 0 for one with nothing in it, which may become ours.
///
/// # Errors
/// When it is not ours, newer, or holds anything else than its version does.
pub fn version(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let explained = |error| explain(path, error);
    let pragma = |name: &str| -> Result<i64, StoreError> {
        connection.pragma_query_value(None, name, |row| row.get(0)).map_err(explained)
    };
    let (application, found) = (pragma("application_id")?, pragma("user_version")?);
    // No version of this program writes a negative one.
    let found = usize::try_from(found).map_err(|_| StoreError::NotOurs(path.to_owned()))?;
    let parts = parts(connection).map_err(explained)?;
    let is_marked = application == i64::from(APPLICATION);
    // A program of an earlier version marked the file first, and could be ended there.
    if parts.is_empty() && found == 0 && (is_marked || application == 0) {
        return Ok(0);
    }
    if !is_marked {
        return Err(StoreError::NotOurs(path.to_owned()));
    }
    if found > LATEST {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: LATEST });
    }
    let expected = made(found).map_err(explained)?;
    match difference(&expected, &parts) {
        None => Ok(found),
        Some(difference) => Err(StoreError::Schema { path: path.to_owned(), difference }),
    }
}

/// The largest number of a row. SQLite numbers them from 1; after one with its largest number, it draws random ones,
/// and the states of a store would name other results.
const MAX_NUMBER: i64 = 1 << 53;

/// Checks that rows have numbers that this program gives them.
///
/// # Errors
/// When one has another.
pub fn expect_numbers(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    for Kind { table, .. } in KINDS {
        if !connection.table_exists(None, *table).map_err(|error| explain(path, error))? {
            continue;
        }
        for end in ["min", "max"] {
            let sql = format!("SELECT {end}(id) FROM {table}");
            let id = connection.query_row(&sql, [], |row| row.get::<_, Option<i64>>(0));
            let id = id.map_err(|error| explain(path, error))?;
            if let Some(id) = id.filter(|id| !(1..=MAX_NUMBER).contains(id)) {
                return Err(StoreError::Number { path: path.to_owned(), table, id });
            }
        }
    }
    Ok(())
}

/// Moves a file to the latest version and marks it, all in one transaction.
///
/// # Errors
/// When SQLite cannot.
pub fn migrate(transaction: &Transaction<'_>, from: usize) -> rusqlite::Result<()> {
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    for step in &STEPS[from.min(LATEST)..] {
        transaction.execute_batch(step)?;
    }
    transaction.execute_batch(&format!("PRAGMA user_version = {LATEST}"))
}

/// What the steps to a version make.
fn made(version: usize) -> rusqlite::Result<BTreeSet<Part>> {
    let connection = Connection::open_in_memory()?;
    for step in &STEPS[..version] {
        connection.execute_batch(step)?;
    }
    parts(&connection)
}

fn parts(connection: &Connection) -> rusqlite::Result<BTreeSet<Part>> {
    let sql = format!("SELECT type, name, tbl_name, sql FROM sqlite_schema LIMIT {MOST_PARTS}");
    let mut statement = connection.prepare(&sql)?;
    let part = |row: &rusqlite::Row<'_>| {
        let (kind, name, table, sql) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(Part { kind, name, table, sql })
    };
    statement.query_map([], part)?.collect()
}

/// The first difference, in words.
fn difference(expected: &BTreeSet<Part>, found: &BTreeSet<Part>) -> Option<String> {
    let same = |part: &Part, all: &BTreeSet<Part>| {
        all.iter().any(|other| (&other.kind, &other.name) == (&part.kind, &part.name))
    };
    if let Some(Part { kind, name, .. }) = found.difference(expected).find(|it| !same(it, expected))
    {
        return Some(format!("unexpected {kind} `{name}`"));
    }
    let part = expected.difference(found).next()?;
    let what = if same(part, found) { "has another definition" } else { "is missing" };
    Some(format!("the {} `{}` {what}", part.kind, part.name))
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;

    /// A kind without a migration, and a migration without a kind, are told here.
    #[test]
    fn every_kind_has_a_table_and_every_table_a_kind() {
        let parts = made(LATEST).unwrap();
        let tables: BTreeSet<&str> =
            parts.iter().filter(|it| it.kind == "table").map(|it| it.name.as_str()).collect();
        assert_eq!(tables, KINDS.iter().map(|kind| kind.table).collect());
    }

    #[test]
    fn rows_of_every_kind_are_kept_once_and_never_changed() {
        let mut connection = Connection::open_in_memory().unwrap();
        let transaction = connection.transaction().unwrap();
        migrate(&transaction, 0).unwrap();
        for kind in KINDS {
            let table = kind.table;
            let sql = match kind.is_ours {
                true => {
                    format!("INSERT INTO {table} (content, json, machine) VALUES (?1, ?2, 'm')")
                }
                false => format!("INSERT INTO {table} (content, json) VALUES (?1, ?2)"),
            };
            assert_eq!(transaction.execute(&sql, params!["a", "{}"]), Ok(1), "{table}");
            for (content, json) in [("a", "{}"), ("b", "no JSON")] {
                assert!(transaction.execute(&sql, params![content, json]).is_err(), "{table}");
            }
            for sql in [format!("UPDATE {table} SET json = '[]'"), format!("DELETE FROM {table}")] {
                let refused = transaction.execute(&sql, []).unwrap_err().to_string();
                assert!(refused.contains("only added"), "{table}: {refused}");
            }
        }
    }
}
