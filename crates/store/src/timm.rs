//! The table that timm's `benchmark.py` writes, which others write and read too.

use std::io;

use inceptive_ir::text::cell;
use inceptive_results::{Measurement, Record, Run};
use serde::{Deserialize, Serialize, Serializer};

/// A row of the table. `param_count` is in millions, `infer_gmacs` and `infer_macts` in 10^9 and 10^6,
/// `infer_step_time` in milliseconds for a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignMeasurement {
    /// The network.
    pub model: String,
    /// Side of the input.
    pub infer_img_size: u32,
    /// Images in a second; an empty cell where it is not finite, as for a time that is too short to divide by.
    #[serde(serialize_with = "finite")]
    pub infer_samples_per_sec: f64,
    /// Milliseconds for a batch.
    pub infer_step_time: f64,
    /// Batch size.
    pub infer_batch_size: u32,
    /// Parameters in millions.
    pub param_count: f64,
    /// Multiply-accumulates in 10^9 for one image.
    #[serde(default)]
    pub infer_gmacs: Option<f64>,
    /// Outputs of convolutions and linear layers in 10^6 for one image.
    #[serde(default)]
    pub infer_macts: Option<f64>,
}

impl Record for ForeignMeasurement {
    const TABLE: &'static str = "foreign_measurement";
    const NAME: &'static str = "row";
    const PLURAL: &'static str = "rows";
    const IS_OURS: bool = false;

    type Key<'r> = (&'r str, u32, u32);

    fn key(&self) -> Self::Key<'_> {
        (&self.model, self.infer_img_size, self.infer_batch_size)
    }

    fn run(&self) -> Option<Run<'_>> {
        None
    }
}

/// The table cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TimmError {
    /// A row is wrong, or there is none of the columns.
    #[error("not a results table of timm's benchmark.py: {0}")]
    Csv(#[from] csv::Error),
    /// A number that nothing measured can have.
    #[error("line {line}: invalid value {value} in column {column}")]
    Value {
        /// The line of the file, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// The number.
        value: f64,
    },
    /// The disk refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ForeignMeasurement {
    /// A column with a number that nothing measured can have: sizes, times and rates are above zero, counts
    /// are rounded to it at worst, and all are finite.
    fn impossible(&self) -> Option<(&'static str, f64)> {
        let above_zero = [
            ("infer_img_size", self.infer_img_size.into()),
            ("infer_samples_per_sec", self.infer_samples_per_sec),
            ("infer_step_time", self.infer_step_time),
            ("infer_batch_size", self.infer_batch_size.into()),
        ];
        let counts = [
            ("param_count", self.param_count),
            ("infer_gmacs", self.infer_gmacs.unwrap_or_default()),
            ("infer_macts", self.infer_macts.unwrap_or_default()),
        ];
        let wrong = |value: f64| !value.is_finite() || value < 0.0;
        let mut all = above_zero.iter().chain(&counts).copied();
        all.find(|&(_, value)| wrong(value))
            .or_else(|| above_zero.into_iter().find(|&(_, value)| value == 0.0))
    }
}

/// Reads a table. Further columns are passed over.
///
/// # Errors
/// When a column is missing or a row is wrong.
pub fn read_timm(table: impl io::Read) -> Result<Vec<ForeignMeasurement>, TimmError> {
    let mut reader = csv::Reader::from_reader(table);
    let header = reader.headers()?.clone();
    let read = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record?;
        let row: ForeignMeasurement = record.deserialize(Some(&header))?;
        match row.impossible() {
            None => Ok(row),
            Some((column, value)) => {
                let line = record.position().map_or(0, csv::Position::line);
                Err(TimmError::Value { line, column, value })
            }
        }
    };
    reader.records().map(read).collect()
}

/// Writes measurements, and rows that were read before, as a table.
///
/// # Errors
/// When it cannot be written.
pub fn write_timm<'a>(
    measurements: impl IntoIterator<Item = &'a Measurement>,
    foreign: &[ForeignMeasurement],
    out: impl io::Write,
) -> Result<(), TimmError> {
    let mut writer = csv::Writer::from_writer(out);
    let rows = measurements.into_iter().map(ForeignMeasurement::from);
    for row in rows.chain(foreign.iter().cloned()) {
        let model = cell(&row.model).into_owned();
        writer.serialize(ForeignMeasurement { model, ..row })?;
    }
    Ok(writer.flush()?)
}

/// A finite number; anything else is an empty cell.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference; on 64 bits only")]
fn finite<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match value.is_finite() {
        true => serializer.serialize_f64(*value),
        false => serializer.serialize_none(),
    }
}

/// A number with this number of decimals, as in the table. One that is too large for that has none anyway.
fn rounded(value: f64, decimals: i32) -> f64 {
    let unit = 10_f64.powi(decimals);
    let scaled = (value * unit).round();
    if scaled.is_finite() { scaled / unit } else { value }
}

#[expect(clippy::cast_precision_loss, reason = "rounded to a few decimals anyway")]
impl From<&Measurement> for ForeignMeasurement {
    fn from(measurement: &Measurement) -> Self {
        let subject = &measurement.subject;
        let stem = std::path::Path::new(&subject.file).file_stem().unwrap_or_default();
        let mut words = vec![stem.to_string_lossy().into_owned()];
        words.extend(subject.point.iter().cloned());
        Self {
            model: words.join(" "),
            infer_img_size: subject.input[1],
            infer_samples_per_sec: rounded(measurement.images_per_s().value, 2),
            infer_step_time: rounded(measurement.latency_ms.median.value, 3),
            infer_batch_size: measurement.runtime.batch,
            param_count: rounded(subject.params as f64 / 1e6, 2),
            infer_gmacs: Some(rounded(subject.macs as f64 / 1e9, 2)),
            infer_macts: Some(rounded(subject.acts as f64 / 1e6, 2)),
        }
    }
}
