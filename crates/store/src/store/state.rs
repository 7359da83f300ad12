//! Which results a store held at some time.

use std::{fmt, str::FromStr};

use rusqlite::{params, types::ValueRef};
use sha2::{Digest, Sha256};

use super::Store;
use crate::{
    error::{StoreError, explain},
    kind::{KINDS, Kind},
};

/// Characters of a digest that are kept.
const DIGEST_LENGTH: usize = 12;

/// Kinds of the first releases. Their numbers are in every text, and the names of their tables in every digest; those
/// of later kinds only where there are such records, so that what was written before these kinds stays what it is.
const FIRST_KINDS: usize = 2;

/// The number of the last row of each table; 0 if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LastNumbers([i64; KINDS.len()]);

impl LastNumbers {
    /// The number of the last row of a kind.
    pub(super) fn of(&self, kind: &Kind) -> i64 {
        let mut all = KINDS.iter().zip(self.0);
        all.find(|(it, _)| it.table == kind.table).map_or(0, |(_, last)| last)
    }

    fn set(&mut self, kind: &Kind, number: i64) {
        for (it, last) in KINDS.iter().zip(&mut self.0) {
            if it.table == kind.table {
                *last = number;
            }
        }
    }
}

/// The state of a store at some time: all results up to a number in each table. Results are only added, so a state
/// always identifies the same results; the digest detects that the file was replaced.
///
/// Its text is `12+3@9f3ac2d1b0aa`: measurements, profiles, what further kinds there are, digest. Kinds at the end of
/// which there are none are left out, and so may be the digest; a single number stands for all tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreState {
    last: LastNumbers,
    /// Beginning of the SHA-256 of all these results; `None` if there are no results, or if it is not to be checked.
    digest: Option<String>,
}

impl StoreState {
    /// Number of the last result of a kind; 0 if there is none.
    pub(super) fn last_of(&self, kind: &Kind) -> i64 {
        self.last.of(kind)
    }
}

/// The kinds that a state counts.
fn counted() -> impl DoubleEndedIterator<Item = &'static Kind> {
    KINDS.iter().filter(|kind| kind.is_shown)
}

impl fmt::Display for StoreState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbers: Vec<i64> = counted().map(|kind| self.last.of(kind)).collect();
        while numbers.len() > FIRST_KINDS && numbers.last() == Some(&0) {
            numbers.pop();
        }
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        f.write_str(&numbers.join("+"))?;
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

/// The text is no state of a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not {kinds}@DIGEST, such as `12+3@9f3ac2d1b0aa`; the digest is optional, and a single number applies to all tables",
    kinds = counted().map(|kind| kind.plural.to_uppercase()).collect::<Vec<_>>().join("+")
)]
pub struct MalformedState(String);

impl FromStr for StoreState {
    type Err = MalformedState;

    fn from_str(text: &str) -> Result<Self, MalformedState> {
        let malformed = || MalformedState(text.to_owned());
        let (numbers, digest) = match text.split_once('@') {
            Some((numbers, digest)) => (numbers, Some(digest)),
            None => (text, None),
        };
        let is_digest = |digest: &str| {
            digest.len() == DIGEST_LENGTH && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(malformed());
        }
        let number = |text: &str| {
            let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| text.parse::<i64>().ok()).flatten().ok_or_else(malformed)
        };
        let numbers = numbers.split('+').map(number).collect::<Result<Vec<i64>, _>>()?;
        let number_of = |place: usize| match numbers.as_slice() {
            [all] => *all,
            numbers => numbers.get(place).copied().unwrap_or(0),
        };
        if numbers.len() > counted().count() {
            return Err(malformed());
        }
        let mut last = LastNumbers::default();
        for (place, kind) in counted().enumerate() {
            last.set(kind, number_of(place));
        }
        Ok(Self { last, digest: digest.map(str::to_ascii_lowercase) })
    }
}

impl Store {
    /// Which results the store holds.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn state(&self) -> Result<StoreState, StoreError> {
        self.state_of(|_| i64::MAX)
    }

    /// Which of the results that are named the store holds.
    ///
    /// # Errors
    /// When the file cannot be read, or holds other results than those that the digest is of.
    pub fn state_up_to(&self, wanted: &StoreState) -> Result<StoreState, StoreError> {
        let state = self.state_of(|kind| wanted.last_of(kind))?;
        if wanted.digest.is_some() && wanted.digest != state.digest {
            let (path, wanted) = (self.path.clone(), wanted.to_string());
            return Err(StoreError::Changed { path, wanted });
        }
        Ok(state)
    }

    fn state_of(&self, up_to: impl Fn(&Kind) -> i64) -> Result<StoreState, StoreError> {
        let (last, digest) = self.digest(counted(), up_to)?;
        Ok(StoreState { last, digest: digest.map(|text| text[..DIGEST_LENGTH].to_owned()) })
    }

    /// The last rows up to a number in the tables of some kinds, and the SHA-256 of all rows up to them; none if there
    /// are none.
    pub(super) fn digest(
        &self,
        kinds: impl Iterator<Item = &'static Kind>,
        up_to: impl Fn(&Kind) -> i64,
    ) -> Result<(LastNumbers, Option<String>), StoreError> {
        let explained = |error| explain(&self.path, error);
        let is_first = |kind: &Kind| counted().take(FIRST_KINDS).any(|it| it.table == kind.table);
        let (mut digest, mut found) = (Sha256::new(), LastNumbers::default());
        for kind in kinds {
            if !self.has(kind.table)? {
                continue;
            }
            let sql = format!("SELECT id, content FROM {} WHERE id <= ?1 ORDER BY id", kind.table);
            let mut statement = self.connection.prepare(&sql).map_err(explained)?;
            let mut rows = statement.query(params![up_to(kind)]).map_err(explained)?;
            let mut is_named = is_first(kind);
            if is_named {
                digest.update(kind.table);
            }
            let mut last = 0;
            while let Some(row) = rows.next().map_err(explained)? {
                if !is_named {
                    digest.update(kind.table);
                    is_named = true;
                }
                last = row.get(0).map_err(explained)?;
                // A row whose name is no text is unreadable, but counts.
                if let ValueRef::Text(name) | ValueRef::Blob(name) =
                    row.get_ref(1).map_err(explained)?
                {
                    digest.update(name);
                }
            }
            found.set(kind, last);
        }
        let is_empty = found == LastNumbers::default();
        let text: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok((found, (!is_empty).then_some(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_as_they_are_written() {
        for text in ["0+0", "12+3", "12+3@9f3ac2d1b0aa", "0+7@000000000000"] {
            assert_eq!(text.parse::<StoreState>().unwrap().to_string(), text);
        }
        let every = |number: &str, kinds: usize| vec![number; kinds].join("+");
        let kinds = counted().count();
        assert_eq!("7".parse::<StoreState>().unwrap().to_string(), every("7", kinds));
        let too_many = every("7", kinds + 1);
        for text in
            ["", "+", "1+", "-1", "+1", &too_many, "1.5", "1+2@", "1+2@9f", "1+2@9f3ac2d1b0ax", "x"]
        {
            assert!(text.parse::<StoreState>().is_err(), "{text}");
        }
    }
}
