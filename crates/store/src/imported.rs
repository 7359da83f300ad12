//! Tables of results that others wrote: rows of timm's `benchmark.py`, or a user's own accuracies and latencies.

use inceptive_results::{ImportedResult, Record};
use serde::Deserialize;

use crate::{
    StoreError,
    store::Store,
    timm::{ForeignMeasurement, TimmError, read_timm},
};

/// The rows of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum ImportedTable {
    /// Those of timm's `benchmark.py`.
    Timm(Vec<ForeignMeasurement>),
    /// Accuracies and latencies.
    Results(Vec<ImportedResult>),
}

/// The table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It has timm's columns, but a row is wrong.
    #[error(transparent)]
    Timm(#[from] TimmError),
    /// A row is wrong.
    #[error("not a table of results: {0}")]
    Csv(#[from] csv::Error),
    /// There is no column for what a result needs.
    #[error(
        "not a table of results: it has no column `{0}`; it needs `network`, and `top1`, `top5` or `latency_ms`, and may have \
         `fingerprint`, `dataset`, `source` and `note`"
    )]
    Column(&'static str),
    /// A number is none that a network can have.
    #[error("line {line}: {reason}")]
    Value {
        /// The line of the file, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
}

/// A row as it is written; an empty cell is unknown.
#[derive(Deserialize)]
struct Row {
    #[serde(alias = "model", alias = "name")]
    network: String,
    fingerprint: Option<String>,
    dataset: Option<String>,
    top1: Option<f64>,
    top5: Option<f64>,
    latency_ms: Option<f64>,
    source: Option<String>,
    note: Option<String>,
}

impl ImportedTable {
    /// Reads a table; further columns are passed over. Rows without a column `source` are from `source`.
    ///
    /// # Errors
    /// When a column is missing or a row is wrong.
    pub fn read(table: &[u8], source: &str) -> Result<Self, ImportError> {
        // Spreadsheets write a byte order mark.
        let table = table.strip_prefix(b"\xef\xbb\xbf").unwrap_or(table);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(table);
        let header = reader.headers()?.clone();
        let has = |name: &str| header.iter().any(|column| column == name);
        if has("infer_samples_per_sec") {
            return Ok(Self::Timm(read_timm(table)?));
        }
        if !["network", "model", "name"].into_iter().any(has) {
            return Err(ImportError::Column("network"));
        }
        if !["top1", "top5", "latency_ms"].into_iter().any(has) {
            return Err(ImportError::Column("top1"));
        }
        let read = |record: Result<csv::StringRecord, csv::Error>| {
            let record = record?;
            let row: Row = record.deserialize(Some(&header))?;
            let text = |text: Option<String>| text.filter(|text| !text.is_empty());
            let result = ImportedResult {
                network: row.network,
                fingerprint: text(row.fingerprint),
                dataset: text(row.dataset),
                top1: row.top1,
                top5: row.top5,
                latency_ms: row.latency_ms,
                source: text(row.source).unwrap_or_else(|| source.to_owned()),
                note: text(row.note),
            };
            match result.check() {
                Ok(()) => Ok(result),
                Err(reason) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    Err(ImportError::Value { line, reason })
                }
            }
        };
        Ok(Self::Results(reader.records().map(read).collect::<Result<_, ImportError>>()?))
    }

    /// How many rows there are.
    pub const fn len(&self) -> usize {
        match self {
            Self::Timm(rows) => rows.len(),
            Self::Results(rows) => rows.len(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds them to a store, all or none; returns how many were new.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn add_to(&self, store: &mut Store) -> Result<usize, StoreError> {
        match self {
            Self::Timm(rows) => store.append_all(rows),
            Self::Results(rows) => store.append_all(rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ImportedTable, String> {
        ImportedTable::read(text.as_bytes(), "own.csv").map_err(|error| error.to_string())
    }

    #[test]
    fn columns_may_have_any_order_and_be_missing() {
        let text = "\u{feff}note,top1, model ,extra,latency_ms\n\"a, b\",91.25,googlenet,x,\n,,resnet50,, 3.5\n";
        let Ok(ImportedTable::Results(rows)) = read(text) else { panic!("{:?}", read(text)) };
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].top1, rows[0].latency_ms), (Some(91.25), None));
        assert_eq!((rows[0].note.as_deref(), &*rows[0].source), (Some("a, b"), "own.csv"));
        assert_eq!((&*rows[1].network, rows[1].latency_ms), ("resnet50", Some(3.5)));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, expected) in [
            ("top1\n90\n", "no column `network`"),
            ("network,accuracy\na,90\n", "no column `top1`"),
            ("network,top1\na,90\nb,190\n", "line 3: top1 is 190"),
            ("network,top1\na,ninety\n", "invalid float"),
            ("network,top1,top5\na,90,50\n", "line 2: top1 is 90, above top5, 50"),
            ("network,top1\na,\n", "line 2: it has no top1"),
            ("network,top1\n,90\n", "line 2: it names no network"),
            ("network,top1\na,90,1\n", "found record with 3 fields"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn tables_of_timm_are_known_by_their_columns() {
        let text = "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count\na,224,10,100,1,5\n";
        assert!(matches!(read(text), Ok(ImportedTable::Timm(rows)) if rows.len() == 1));
    }
}
