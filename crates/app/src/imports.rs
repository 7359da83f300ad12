//! Reading tables of results into a store.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    path::Path,
};

use inceptive_results::{ImportedResult, NetworkNames};
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
    /// Rows of networks that are not known.
    pub unknown_rows: usize,
    /// What these rows call their networks.
    pub unknown: BTreeSet<String>,
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

/// Adds the rows of a table to a store, all or none. A row that names one of the known networks is of that graph from
/// then on, whatever its name is; other rows are of every network with the name.
///
/// # Errors
/// When the file is no table of results, or the store cannot be written.
pub fn import(
    file: &Path,
    store: &Path,
    known: &[NetworkNames],
) -> Result<Imported, ImportFileError> {
    let name = || file.display().to_string();
    let read = inceptive_files::read(file, MAX_TABLE_BYTES);
    let table = read.map_err(|source| ImportFileError::File { file: name(), source })?;
    let source = file.file_name().unwrap_or_default().to_string_lossy();
    let mut table = ImportedTable::read(&table, &source)
        .map_err(|source| ImportFileError::Table { file: name(), source })?;
    let unknown: Vec<String> = match &mut table {
        ImportedTable::Timm(_) => vec![],
        ImportedTable::Results(rows) => tie(rows, known),
    };
    let added = table.add_to(&mut Store::open(store)?)?;
    let unknown_rows = unknown.len();
    Ok(Imported { rows: table.len(), added, unknown_rows, unknown: unknown.into_iter().collect() })
}

/// Ties rows to the known networks that they name. Returns the names of the other rows.
fn tie(rows: &mut [ImportedResult], known: &[NetworkNames]) -> Vec<String> {
    let (mut by_name, mut graphs) = (HashMap::<&str, Vec<&NetworkNames>>::new(), BTreeSet::new());
    for network in known {
        graphs.insert(network.training_fingerprint.as_str());
        network.all().for_each(|name| by_name.entry(name).or_default().push(network));
    }
    let mut unknown = vec![];
    for row in rows {
        let named = by_name.get(row.network.as_str());
        let is_known = match &row.fingerprint {
            Some(fingerprint) => graphs.contains(fingerprint.as_str()),
            None => named.is_some(),
        };
        if !is_known {
            unknown.push(row.network.clone());
        } else if row.fingerprint.is_none() {
            row.fingerprint = named.and_then(|named| graph_of(&row.network, named));
        }
    }
    unknown
}

/// The training graph of the networks with a name; `None` if they have several. The names of files come first: they are
/// looked at before titles.
fn graph_of(name: &str, named: &[&NetworkNames]) -> Option<String> {
    let is_stem = |network: &&&NetworkNames| network.stem.as_deref() == Some(name);
    let by_stem: Vec<&NetworkNames> = named.iter().filter(is_stem).copied().collect();
    let networks = if by_stem.is_empty() { named } else { &by_stem };
    let mut graphs = networks.iter().map(|network| &network.training_fingerprint);
    let first = graphs.next()?;
    graphs.all(|other| other == first).then(|| first.clone())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn network(stem: &str, title: &str, digit: char) -> NetworkNames {
        let fingerprint: String = std::iter::repeat_n(digit, 32).collect();
        NetworkNames {
            stem: Some(stem.to_owned()),
            title: title.to_owned(),
            training_fingerprint: fingerprint.clone(),
            fingerprint,
        }
    }

    #[test]
    fn rows_are_tied_to_the_network_that_they_name() {
        let folder = tempfile::tempdir().unwrap();
        let (table, store) = (folder.path().join("own.csv"), folder.path().join("results.db"));
        fs::write(&table, "network,top1\na,1\nB,2\ntwice,3\nother,4\nother,5\n").unwrap();
        let known = [
            network("a", "A", '1'),
            // A title that is also the name of another file.
            network("c", "a", '2'),
            network("b", "B", '3'),
            network("x", "twice", '4'),
            network("y", "twice", '5'),
        ];
        let imported = import(&table, &store, &known).unwrap();
        assert_eq!((imported.rows, imported.added, imported.unknown_rows), (5, 5, 2));
        assert_eq!(imported.unknown, BTreeSet::from(["other".to_owned()]));
        let all = Store::open_to_read(&store).unwrap();
        let all = all.records::<ImportedResult>(&inceptive_store::Filter::default()).unwrap();
        let graph = |place: usize| all.readable[place].result.fingerprint.clone();
        assert_eq!(graph(0).as_ref(), Some(&known[0].training_fingerprint));
        assert_eq!(graph(1).as_ref(), Some(&known[2].training_fingerprint));
        assert_eq!((graph(2), graph(3), graph(4)), (None, None, None));
        // A network that takes the name later has other results.
        assert!(!all.readable[0].result.is_of(&network("a", "A", '9')));
        assert!(all.readable[0].result.is_of(&network("renamed", "Renamed", '1')));
        assert!(all.readable[3].result.is_of(&network("other", "Other", '9')));
    }
}
