//! The kinds of records that a store keeps.

use inceptive_results::{
    Calibration, CalibrationSample, Exploration, ImportedResult, Measurement, ProfileRecord,
    Record, SpaceCount, TrainingRun,
};
use serde::de::Error as _;
use serde_json::Error;

use crate::timm::ForeignMeasurement;

/// All kinds, in the order of their numbers in a [`crate::StoreState`]; a new one goes to the end.
pub(crate) const KINDS: &[Kind] = &[
    Kind::of::<Measurement>(),
    Kind::of::<ProfileRecord>(),
    Kind::of::<ForeignMeasurement>(),
    Kind::of::<TrainingRun>(),
    Kind::of::<ImportedResult>(),
    Kind::of::<Exploration>(),
    Kind::of::<CalibrationSample>(),
    Kind::of::<Calibration>(),
    Kind::of::<SpaceCount>(),
];

/// What is common to the records of a table.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The table.
    pub table: &'static str,
    /// What several records are called.
    pub plural: &'static str,
    /// Whether this program makes them.
    pub is_ours: bool,
    /// Whether reports show them.
    pub is_shown: bool,
    /// The machine that a record is of, if it can be understood.
    pub machine: fn(&[u8]) -> Result<Option<String>, Error>,
}

impl Kind {
    const fn of<R: Record>() -> Self {
        Self {
            table: R::TABLE,
            plural: R::PLURAL,
            is_ours: R::IS_OURS,
            is_shown: R::IS_SHOWN,
            machine: machine::<R>,
        }
    }
}

fn machine<R: Record>(json: &[u8]) -> Result<Option<String>, Error> {
    let record: R = parse(json)?;
    Ok(record.run().map(|run| run.machine.id()))
}

/// A record from its text. Its numbers can be those of such a record, and its counts fit into columns of whole numbers,
/// so that it can be added to any store.
pub(crate) fn parse<R: Record>(json: &[u8]) -> Result<R, Error> {
    let record: R = serde_json::from_slice(json)?;
    if let Some(run) = record.run() {
        for count in [run.subject.params, run.subject.macs, run.finished_unix_ms] {
            if i64::try_from(count).is_err() {
                return Err(Error::custom(format!("the number {count} is too large")));
            }
        }
    }
    record.check().map_err(Error::custom)?;
    Ok(record)
}

/// The kind of a record. To be computed while compiling, so that what is not in the list is no record of a store.
pub(crate) const fn kind_of<R: Record>() -> &'static Kind {
    let mut place = 0;
    loop {
        assert!(place < KINDS.len(), "this kind of record is missing in `KINDS`");
        if is_same(KINDS[place].table.as_bytes(), R::TABLE.as_bytes()) {
            return &KINDS[place];
        }
        place += 1;
    }
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}
