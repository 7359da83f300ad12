//! Importing tables of the user's own results.

use std::{path::PathBuf, sync::Arc};

use inceptive_app::{Imported, Inspected, error_chain, import as add_rows};

use super::Output;
use crate::file::{FilePath, stem};

/// A table whose rows are to be added to a store.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The table.
    pub table: PathBuf,
    /// The store.
    pub store: PathBuf,
    /// The networks of the list, which its rows may name.
    pub networks: Vec<(FilePath, Arc<Inspected>)>,
    /// Whether a dialog waits for it and shows what went wrong.
    pub has_dialog: bool,
}

/// What came of importing a table.
#[derive(Debug)]
pub struct ImportReading {
    /// The table.
    pub table: PathBuf,
    /// Whether a dialog waits for it and shows what went wrong.
    pub has_dialog: bool,
    /// What was added, or why nothing was.
    pub result: Result<Imported, String>,
}

pub(super) fn import(request: ImportRequest) -> Output {
    let ImportRequest { table, store, networks, has_dialog } = request;
    let names: Vec<_> = networks.iter().map(|(file, network)| network.names(&stem(file))).collect();
    let result = add_rows(&table, &store, &names).map_err(|error| error_chain(&error));
    Output::Imported(ImportReading { table, has_dialog, result })
}
