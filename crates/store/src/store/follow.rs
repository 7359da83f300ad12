//! Reading what came since the last time.

use std::ops::RangeInclusive;

use inceptive_results::{KnownRooflines, Record};
use rusqlite::Transaction;

use super::{Rows, Store, state::LastNumbers};
use crate::{
    error::{StoreError, explain},
    kind::{KINDS, Kind, kind_of},
};

/// How far a reader has read a store, in all its tables; the default is not at all. It holds for the file that it was
/// taken of and for copies of that: any other is read from its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    last: LastNumbers,
    /// SHA-256 of all rows up to there; none if there are none.
    digest: Option<String>,
}

/// What a store holds beyond a position, as it is at one moment.
#[derive(Debug)]
pub struct NewRecords<'s> {
    store: &'s Store,
    /// Until it is dropped, what others add is not seen.
    _snapshot: Transaction<'s>,
    /// The position after which they come; none if they are all.
    after: Option<Position>,
    position: Position,
}

impl Store {
    /// What came after a position. Where the file does not hold what was read before, since it was replaced or results
    /// are missing, that is everything.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn records_after(&self, seen: &Position) -> Result<NewRecords<'_>, StoreError> {
        let snapshot = self.connection.unchecked_transaction();
        let snapshot = snapshot.map_err(|error| explain(&self.path, error))?;
        let position = self.position(|_| i64::MAX)?;
        let is_start = *seen == Position::default();
        let goes_on =
            !is_start && (*seen == position || self.position(|kind| seen.last.of(kind))? == *seen);
        let after = goes_on.then(|| seen.clone());
        Ok(NewRecords { store: self, _snapshot: snapshot, after, position })
    }

    /// The position after the rows up to a number in each table.
    fn position(&self, up_to: impl Fn(&Kind) -> i64) -> Result<Position, StoreError> {
        let (last, digest) = self.digest(KINDS.iter(), up_to)?;
        Ok(Position { last, digest })
    }
}

impl NewRecords<'_> {
    /// Whether they are all of the store, so that nothing counts that was read before.
    pub const fn are_all(&self) -> bool {
        self.after.is_none()
    }

    /// How far a reader has read once it has taken them.
    pub const fn position(&self) -> &Position {
        &self.position
    }

    /// Those of a kind, in the order in which they were added and as they were measured: they, and those before, have
    /// to be held against the best of all [`NewRecords::rooflines`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of<R: Record>(&self) -> Result<Rows<R>, StoreError> {
        self.store.read(self.numbers(const { kind_of::<R>() }))
    }

    /// The best that each machine showed by these.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rooflines(&self) -> Result<KnownRooflines, StoreError> {
        self.store.rooflines_of(|kind| self.numbers(kind))
    }

    fn numbers(&self, kind: &Kind) -> RangeInclusive<i64> {
        let after = self.after.as_ref().map(|position| position.last.of(kind));
        after.map_or(i64::MIN, |last| last.saturating_add(1))..=self.position.last.of(kind)
    }
}
