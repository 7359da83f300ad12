//! Reading tables of results into a store.

use std::{io, path::Path};

use inceptive_store::{ImportError, ImportedTable, Store, StoreError};

/// Maximum size of an imported table: half a million networks.
const MAX_TABLE_BYTES: u64 = 64 * inceptive_files::MIB;

/// What came of importing a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Rows of the table.
    pub rows: usize,
    /// Those that were not in the store.
    pub added: usize,
    /// The networks that they are of, as the table names them.
    pub networks: Vec<String>,
}

/// A table cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportFileError {
    /// The file cannot be read.
    #[error("cannot read `{file}`")]
    File {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The file is no table of results.
    #[error("`{file}`")]
    Table {
        /// The file.
        file: String,
        /// Why.
        source: ImportError,
    },
    /// The store does not take them.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds the rows of a table to a store, all or none.
///
/// # Errors
/// When the file is no table of results, or the store cannot be written.
pub fn import(file: &Path, store: &Path) -> Result<Imported, ImportFileError> {
    let name = || file.display().to_string();
    let read = inceptive_files::read(file, MAX_TABLE_BYTES);
    let table = read.map_err(|source| ImportFileError::File { file: name(), source })?;
    let source = file.file_name().unwrap_or_default().to_string_lossy();
    let table = ImportedTable::read(&table, &source)
        .map_err(|source| ImportFileError::Table { file: name(), source })?;
    let added = table.add_to(&mut Store::open(store)?)?;
    let networks = match &table {
        ImportedTable::Timm(_) => vec![],
        ImportedTable::Results(rows) => rows.iter().map(|row| row.network.clone()).collect(),
    };
    Ok(Imported { rows: table.len(), added, networks })
}
