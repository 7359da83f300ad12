//! Results as tables for other programs.

mod calibration;
mod common;
mod exploration;
mod imported;
mod measurement;
mod profile;
mod space_count;
mod training;

use std::io;

use inceptive_ir::text as harmless;
use inceptive_results::Record;

use crate::store::Stored;

/// A value of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A name.
    Text(String),
    /// A count.
    Count(u64),
    /// A number.
    Number(f64),
    /// Nothing is known.
    Absent,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One row a result.
    Csv,
    /// An array with everything: every single time, node or epoch.
    Json,
    /// One row a result, with types.
    Parquet,
}

/// Why results cannot be written as a table.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The disk refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The table cannot be written as CSV.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// The table cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The table cannot be written as Parquet.
    #[cfg(feature = "parquet")]
    #[error(transparent)]
    Parquet(#[from] parquet::errors::ParquetError),
    /// This program was built without Parquet.
    #[cfg(not(feature = "parquet"))]
    #[error(
        "this program was built without Parquet; export CSV, or build it with `cargo build --release --features parquet`"
    )]
    NoParquet,
}

/// The kind of values in a column.
#[cfg(feature = "parquet")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Count,
    Number,
}

/// A column: its name, which includes the unit, and its value.
pub struct Column<R> {
    /// Its name.
    pub name: &'static str,
    #[cfg(feature = "parquet")]
    pub(crate) kind: Kind,
    value: fn(&Stored<R>) -> Cell,
}

impl<R> Column<R> {
    /// The value of a result in this column.
    pub fn value(&self, stored: &Stored<R>) -> Cell {
        (self.value)(stored)
    }
}

const fn text<R>(name: &'static str, value: fn(&Stored<R>) -> Cell) -> Column<R> {
    Column {
        name,
        #[cfg(feature = "parquet")]
        kind: Kind::Text,
        value,
    }
}

const fn count<R>(name: &'static str, value: fn(&Stored<R>) -> Cell) -> Column<R> {
    Column {
        name,
        #[cfg(feature = "parquet")]
        kind: Kind::Count,
        value,
    }
}

const fn number<R>(name: &'static str, value: fn(&Stored<R>) -> Cell) -> Column<R> {
    Column {
        name,
        #[cfg(feature = "parquet")]
        kind: Kind::Number,
        value,
    }
}

/// Records that can be written as tables.
pub trait Table: Record {
    /// All columns, in order.
    fn columns() -> Vec<Column<Self>>;
}

/// Writes results as a table.
///
/// # Errors
/// When they cannot be written.
pub fn write<R: Table>(
    format: Format,
    results: &[Stored<R>],
    mut out: impl io::Write + Send,
) -> Result<(), ExportError> {
    match format {
        Format::Csv => csv(results, out),
        #[cfg(feature = "parquet")]
        Format::Parquet => crate::parquet::write(results, out),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => Err(ExportError::NoParquet),
        Format::Json => {
            let mut all = Vec::with_capacity(results.len());
            for stored in results {
                let mut result = serde_json::to_value(&stored.result)?;
                if let Some(map) = result.as_object_mut() {
                    map.insert("id".to_owned(), stored.id.into());
                }
                all.push(result);
            }
            let document = serde_json::to_string_pretty(&all)?;
            out.write_all(harmless::json(&document).as_bytes())?;
            Ok(out.write_all(b"\n")?)
        }
    }
}

fn csv<R: Table>(results: &[Stored<R>], out: impl io::Write) -> Result<(), ExportError> {
    let columns = R::columns();
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(columns.iter().map(|column| column.name))?;
    for stored in results {
        writer.write_record(columns.iter().map(|column| match column.value(stored) {
            Cell::Text(text) => harmless::cell(&text).into_owned(),
            Cell::Count(count) => count.to_string(),
            Cell::Number(number) => number.to_string(),
            Cell::Absent => String::new(),
        }))?;
    }
    Ok(writer.flush()?)
}
