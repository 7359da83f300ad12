//! Which results a store held at some time.

use std::{fmt, str::FromStr};

use rusqlite::params;
use sha2::{Digest, Sha256};

use super::{MEASUREMENT, PROFILE, Store};
use crate::error::{StoreError, explain};

/// Characters of a digest that are kept.
const DIGEST_LENGTH: usize = 12;

/// The state of a store at some time: all results up to a number in each table. Results are only added, so a state
/// always identifies the same results; the digest detects that the file was replaced.
///
/// Its text is `12+3@9f3ac2d1b0aa`: measurements, profiles, digest. The digest may be omitted, and a single number
/// stands for both tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreState {
    /// Number of the last measurement; 0 if there is none.
    pub measurements: i64,
    /// Number of the last profile; 0 if there is none.
    pub profiles: i64,
    /// Beginning of the SHA-256 of all these results; `None` if there are no results, or if it is not to be checked.
    pub digest: Option<String>,
}

impl StoreState {
    /// Number of the last result of a table.
    pub(super) fn last_of(&self, table: &str) -> i64 {
        if table == PROFILE { self.profiles } else { self.measurements }
    }
}

impl fmt::Display for StoreState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.measurements, self.profiles)?;
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

/// The text is no state of a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not MEASUREMENTS+PROFILES@DIGEST, such as `12+3@9f3ac2d1b0aa`; the digest is optional, and one \
     number sets both"
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
        let (measurements, profiles) = match numbers.split_once('+') {
            Some((measurements, profiles)) => (number(measurements)?, number(profiles)?),
            None => (number(numbers)?, number(numbers)?),
        };
        Ok(Self { measurements, profiles, digest: digest.map(str::to_ascii_lowercase) })
    }
}

impl Store {
    /// Which results the store holds.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn state(&self) -> Result<StoreState, StoreError> {
        let everything = StoreState { measurements: i64::MAX, profiles: i64::MAX, digest: None };
        self.state_up_to(&everything)
    }

    /// Which of the results that are named the store holds.
    ///
    /// # Errors
    /// When the file cannot be read, or holds other results than those that the digest is of.
    pub fn state_up_to(&self, wanted: &StoreState) -> Result<StoreState, StoreError> {
        let mut digest = Sha256::new();
        let mut last = |table: &str| -> Result<i64, StoreError> {
            let mut last = 0;
            if !self.has(table)? {
                return Ok(last);
            }
            digest.update(table);
            let sql = format!("SELECT id, content FROM {table} WHERE id <= ?1 ORDER BY id");
            let explained = |error| explain(&self.path, error);
            let mut statement = self.connection.prepare(&sql).map_err(explained)?;
            let mut rows = statement.query(params![wanted.last_of(table)]).map_err(explained)?;
            while let Some(row) = rows.next().map_err(explained)? {
                last = row.get(0).map_err(explained)?;
                digest.update(row.get::<_, String>(1).map_err(explained)?);
            }
            Ok(last)
        };
        let (measurements, profiles) = (last(MEASUREMENT)?, last(PROFILE)?);
        let is_empty = (measurements, profiles) == (0, 0);
        let text: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let digest = (!is_empty).then(|| text[..DIGEST_LENGTH].to_owned());
        if wanted.digest.is_some() && wanted.digest != digest {
            let (path, wanted) = (self.path.clone(), wanted.to_string());
            return Err(StoreError::Changed { path, wanted });
        }
        Ok(StoreState { measurements, profiles, digest })
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
        assert_eq!("7".parse::<StoreState>().unwrap().to_string(), "7+7");
        for text in
            ["", "+", "1+", "-1", "+1", "1+2+3", "1.5", "1+2@", "1+2@9f", "1+2@9f3ac2d1b0ax", "x"]
        {
            assert!(text.parse::<StoreState>().is_err(), "{text}");
        }
    }
}
