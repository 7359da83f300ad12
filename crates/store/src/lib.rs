//! The database of results: one append-only SQLite file.
//!
//! A result is on the disk when [`Store::append`] returns, even if the program crashes afterwards. Any number of
//! programs may add and read at the same time. This crate measures nothing and prints nothing.

#![forbid(unsafe_code)]

#[cfg(not(target_family = "wasm"))]
mod beside;
mod error;
mod export;
mod imported;
mod kind;
#[cfg(feature = "parquet")]
mod parquet;
mod schema;
mod store;
mod timm;

pub use error::StoreError;
pub use export::{Cell, Column, ExportError, Format, Table, write};
pub use imported::{ImportError, ImportedTable};
pub use store::{
    Filter, LooseError, LooseRecord, MalformedState, Merged, NewRecords, Position, Rows, Store,
    StoreState, Stored,
};
pub use timm::{ForeignMeasurement, TimmError, read_timm, write_timm};
