//! The database of results: one SQLite file that results are only ever added to.
//!
//! A result is on the disk when [`Store::append`] comes back, whatever happens to the program afterwards. Any
//! number of programs may add and read at once. Nothing here measures, and nothing is printed.

#![forbid(unsafe_code)]

mod beside;
mod error;
mod export;
mod kind;
#[cfg(feature = "parquet")]
mod parquet;
mod schema;
mod store;
mod timm;

pub use error::StoreError;
pub use export::{Cell, Column, ExportError, Format, Table, write};
pub use store::{
    Filter, MalformedState, Merged, NewRecords, Position, Rows, Store, StoreState, Stored,
};
pub use timm::{ForeignMeasurement, TimmError, read_timm, write_timm};
