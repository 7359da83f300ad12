//! The table that timm's `benchmark.py` writes, which others write and read too.

use std::io;

use inceptive_exec::Measurement;
use serde::{Deserialize, Serialize};

/// A row of the table. `param_count` is in millions, `infer_gmacs` and `infer_macts` in 10^9 and 10^6,
/// `infer_step_time` in milliseconds for a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignMeasurement {
    /// The network.
    pub model: String,
    /// Side of the input.
    pub infer_img_size: u32,
    /// Images in a second.
    pub infer_samples_per_sec: f64,
    /// Milliseconds for a batch.
    pub infer_step_time: f64,
    /// Images at once.
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

/// The table cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TimmError {
    /// A row is wrong, or there is none of the columns.
    #[error("not a table as timm's benchmark.py writes it: {0}")]
    Csv(#[from] csv::Error),
    /// The disk refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads a table. Further columns are passed over.
///
/// # Errors
/// When a column is missing or a row is wrong.
pub fn read_timm(table: impl io::Read) -> Result<Vec<ForeignMeasurement>, TimmError> {
    Ok(csv::Reader::from_reader(table).deserialize().collect::<Result<_, _>>()?)
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
    for measurement in measurements {
        writer.serialize(ForeignMeasurement::from(measurement))?;
    }
    for row in foreign {
        writer.serialize(row)?;
    }
    Ok(writer.flush()?)
}

/// A number with so many decimals, as the table has them.
fn rounded(value: f64, decimals: i32) -> f64 {
    let unit = 10_f64.powi(decimals);
    (value * unit).round() / unit
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
