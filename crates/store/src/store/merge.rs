//! Adding what another file holds.

use std::path::Path;

use super::{Store, append::Row, read::EVERYTHING};
use crate::{
    error::StoreError,
    kind::{KINDS, Kind},
};

/// The outcome of merging another file.
#[derive(Debug)]
pub struct Merged {
    /// How many results were new.
    pub added: usize,
    /// The errors of the rows that were left out because they are unreadable.
    pub unreadable: Vec<StoreError>,
}

impl Store {
    /// Adds everything of another file that can be understood and is not here yet.
    ///
    /// # Errors
    /// When the other cannot be read or this one not be written; nothing is added then.
    pub fn merge(&mut self, other: &Path) -> Result<Merged, StoreError> {
        let other = Self::open_to_read(other)?;
        let (mut rows, mut unreadable) = (vec![], vec![]);
        for kind in KINDS {
            other.copies(kind, &mut rows, &mut unreadable)?;
        }
        Ok(Merged { added: self.insert(&rows)?, unreadable })
    }

    /// The rows of a table that can be understood, as they are.
    fn copies(
        &self,
        kind: &'static Kind,
        copied: &mut Vec<Row>,
        unreadable: &mut Vec<StoreError>,
    ) -> Result<(), StoreError> {
        self.visit(kind, EVERYTHING, |id, json| {
            let row = json.and_then(|json| {
                let machine = (kind.machine)(json)?;
                // As JSON was read from it, it is UTF-8.
                Ok(Row { kind, machine, json: String::from_utf8_lossy(json).into_owned() })
            });
            match row {
                Ok(row) => copied.push(row),
                Err(error) => unreadable.push(self.unreadable(kind, id, error)),
            }
        })
    }
}
