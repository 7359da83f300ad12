//! Reading records.

use std::ops::RangeInclusive;

use inceptive_results::{BestRoofline, KnownRooflines, Machine, Record, Roofline};
use rusqlite::{params, types::ValueRef};
use serde::{Deserialize, de::Error};

use super::{MAX_RESULT_BYTES, Store, StoreState, append::content};
use crate::{
    error::{StoreError, explain},
    kind::{KINDS, Kind, kind_of, parse},
};

/// A result with its number in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<T> {
    /// The number, from 1.
    pub id: i64,
    /// The result.
    pub result: T,
}

/// The rows of a table. An unreadable row does not prevent the others from being returned.
#[derive(Debug)]
pub struct Rows<T> {
    /// Those that can be understood.
    pub readable: Vec<Stored<T>>,
    /// The errors of the unreadable rows.
    pub unreadable: Vec<StoreError>,
}

/// Which results are wanted; everything without a wish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Part of the network's name or file.
    pub model: Option<String>,
    /// The network's fingerprint.
    pub fingerprint: Option<String>,
    /// The engine.
    pub engine: Option<String>,
    /// The machine.
    pub machine: Option<String>,
    /// The state up to which results are read; later results are ignored.
    pub up_to: Option<StoreState>,
}

/// The numbers of all rows.
pub(super) const EVERYTHING: RangeInclusive<i64> = i64::MIN..=i64::MAX;

/// The machine and limits in a result of any kind.
#[derive(Deserialize)]
struct ShownLimits {
    machine: Machine,
    roofline: Roofline,
    finished_unix_ms: u64,
}

impl Store {
    /// Records of a kind in the order in which they were added, each held against the best that its machine ever
    /// showed; none in a file of an earlier version, which did not know the kind.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn records<R: Record>(&self, filter: &Filter) -> Result<Rows<R>, StoreError> {
        let mut found: Rows<R> = self.read(filter.numbers(const { kind_of::<R>() }))?;
        found.readable.retain(|stored| filter.wants(&stored.result));
        if found.readable.iter().any(|stored| stored.result.roofline().is_some()) {
            let known = self.rooflines(filter)?;
            found.readable.iter_mut().for_each(|stored| known.hold(&mut stored.result));
        }
        Ok(found)
    }

    /// The record of a kind with a number.
    ///
    /// # Errors
    /// When it, or the file, cannot be read.
    pub fn record<R: Record>(&self, id: i64) -> Result<Option<R>, StoreError> {
        let Rows { readable, unreadable } = self.read(id..=id)?;
        if let Some(error) = unreadable.into_iter().next() {
            return Err(error);
        }
        let mut found = readable.into_iter().next().map(|stored: Stored<R>| stored.result);
        if let Some(result) = &mut found {
            self.rooflines(&Filter::default())?.hold(result);
        }
        Ok(found)
    }

    /// The highest limits of each machine, from all results of the file up to `up_to`, ignoring the other conditions of
    /// the filter.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rooflines(&self, filter: &Filter) -> Result<KnownRooflines, StoreError> {
        self.rooflines_of(|kind| filter.numbers(kind))
    }

    /// The best that each machine showed, by the results with these numbers.
    pub(super) fn rooflines_of(
        &self,
        numbers: impl Fn(&Kind) -> RangeInclusive<i64>,
    ) -> Result<KnownRooflines, StoreError> {
        let mut known = KnownRooflines::default();
        for kind in KINDS.iter().filter(|kind| kind.is_ours) {
            self.visit(kind, numbers(kind), |_, json| {
                // An unreadable row is reported when results are read.
                if let Ok(it) = json.and_then(serde_json::from_slice::<ShownLimits>) {
                    known
                        .add(&it.machine, BestRoofline::measured(it.roofline, it.finished_unix_ms));
                }
            })?;
        }
        Ok(known)
    }

    /// The records of a kind with these numbers, as they were added.
    pub(super) fn read<R: Record>(
        &self,
        numbers: RangeInclusive<i64>,
    ) -> Result<Rows<R>, StoreError> {
        let kind = const { kind_of::<R>() };
        let mut found = Rows { readable: vec![], unreadable: vec![] };
        self.visit(kind, numbers, |id, json| match json.and_then(parse) {
            Ok(result) => found.readable.push(Stored { id, result }),
            Err(error) => found.unreadable.push(self.unreadable(kind, id, error)),
        })?;
        Ok(found)
    }

    pub(super) fn unreadable(&self, kind: &Kind, id: i64, error: serde_json::Error) -> StoreError {
        StoreError::Row { path: self.path.clone(), table: kind.table, id, error }
    }

    /// Goes through the texts of a table in the order in which they were added. Only the text of a row and its SHA-256
    /// are read, none of the columns that are computed from it: one that cannot be computed would end it for all rows.
    pub(super) fn visit(
        &self,
        kind: &Kind,
        numbers: RangeInclusive<i64>,
        mut visit: impl FnMut(i64, Result<&[u8], serde_json::Error>),
    ) -> Result<(), StoreError> {
        if !self.has(kind.table)? {
            return Ok(());
        }
        let sql = format!(
            "SELECT id, CASE WHEN octet_length(json) <= {MAX_RESULT_BYTES} THEN json END, content
            FROM {} WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
            kind.table
        );
        let mut walk = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare(&sql)?;
            let mut rows = statement.query(params![numbers.start(), numbers.end()])?;
            while let Some(row) = rows.next()? {
                let json = match row.get_ref(1)? {
                    ValueRef::Text(json)
                        if row.get_ref(2)? == ValueRef::from(content(json).as_str()) =>
                    {
                        Ok(json)
                    }
                    ValueRef::Text(_) => Err(serde_json::Error::custom(
                        "it was changed after it was added: its SHA-256 is another",
                    )),
                    _ => Err(serde_json::Error::custom("it is not text, or too large")),
                };
                visit(row.get(0)?, json);
            }
            Ok(())
        };
        walk().map_err(|error| explain(&self.path, error))
    }
}

impl Filter {
    /// Numbers of the records of a kind that are wanted.
    fn numbers(&self, kind: &Kind) -> RangeInclusive<i64> {
        match &self.up_to {
            Some(state) if kind.is_shown => i64::MIN..=state.last_of(kind),
            _ => EVERYTHING,
        }
    }

    /// Whether a record is wanted, whatever its number. One that says nothing of a network or machine is not, where
    /// certain ones are.
    fn wants<R: Record>(&self, record: &R) -> bool {
        let Self { model, fingerprint, engine, machine, up_to: _ } = self;
        let Some(run) = record.run() else {
            return [model, fingerprint, engine, machine].iter().all(|wish| wish.is_none());
        };
        let has = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        let (name, file) = (&run.subject.name, &run.subject.file);
        model.as_ref().is_none_or(|it| has(name, it) || has(file, it))
            && fingerprint.as_ref().is_none_or(|it| *it == run.subject.fingerprint)
            && engine.as_ref().is_none_or(|it| *it == run.engine)
            && machine.as_ref().is_none_or(|it| *it == run.machine.id())
    }
}
