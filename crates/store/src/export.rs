//! Results as tables for other programs.

use std::io;

use inceptive_ir::text as harmless;
use inceptive_results::{Measurement, statistics::Estimate};

use crate::store::Stored;

/// A value of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A name.
    Text(String),
    /// A count.
    Count(u64),
    /// A number.
    Number(f64),
    /// Nothing is known.
    Absent,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One row a result.
    Csv,
    /// An array with everything, every single time included.
    Json,
    /// One row a result, with types.
    Parquet,
}

/// Why results cannot be written as a table.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The disk refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The table cannot be written as CSV.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// The table cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The table cannot be written as Parquet.
    #[cfg(feature = "parquet")]
    #[error(transparent)]
    Parquet(#[from] parquet::errors::ParquetError),
    /// This program was built without Parquet.
    #[cfg(not(feature = "parquet"))]
    #[error(
        "this program was built without Parquet; export CSV, or build it with `cargo build --release --features parquet`"
    )]
    NoParquet,
}

/// The kind of values in a column.
#[cfg(feature = "parquet")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Count,
    Number,
}

/// A column: its name, which includes the unit, and its value.
pub struct Column {
    /// Its name.
    pub name: &'static str,
    #[cfg(feature = "parquet")]
    pub(crate) kind: Kind,
    value: fn(&Stored<Measurement>) -> Cell,
}

impl Column {
    /// The value of a result in this column.
    pub fn value(&self, stored: &Stored<Measurement>) -> Cell {
        (self.value)(stored)
    }
}

const fn text(name: &'static str, value: fn(&Stored<Measurement>) -> Cell) -> Column {
    Column {
        name,
        #[cfg(feature = "parquet")]
        kind: Kind::Text,
        value,
    }
}

const fn count(name: &'static str, value: fn(&Stored<Measurement>) -> Cell) -> Column {
    Column {
        name,
        #[cfg(feature = "parquet")]
        kind: Kind::Count,
        value,
    }
}

const fn number(name: &'static str, value: fn(&Stored<Measurement>) -> Cell) -> Column {
    Column {
        name,
        #[cfg(feature = "parquet")]
        kind: Kind::Number,
        value,
    }
}

fn maybe<T>(value: Option<T>, cell: impl FnOnce(T) -> Cell) -> Cell {
    value.map_or(Cell::Absent, cell)
}

/// An end of an interval.
fn end(estimate: &Estimate, end: fn(&Estimate) -> f64) -> Cell {
    maybe(estimate.has_interval().then(|| end(estimate)), Cell::Number)
}

fn words(words: &[String]) -> Cell {
    Cell::Text(words.join(" "))
}

/// All columns, in order.
pub fn columns() -> Vec<Column> {
    use Cell::{Count as C, Number as N, Text as T};
    vec![
        count("id", |s| C(s.id.unsigned_abs())),
        text("model", |s| T(s.result.subject.name.clone())),
        text("file", |s| T(s.result.subject.file.clone())),
        text("point", |s| words(&s.result.subject.point)),
        text("fingerprint", |s| T(s.result.subject.fingerprint.clone())),
        count("input_channels", |s| C(s.result.subject.input[0].into())),
        count("input_height", |s| C(s.result.subject.input[1].into())),
        count("input_width", |s| C(s.result.subject.input[2].into())),
        count("params", |s| C(s.result.subject.params)),
        count("macs", |s| C(s.result.subject.macs)),
        count("flops", |s| C(s.result.subject.flops)),
        count("acts", |s| C(s.result.subject.acts)),
        text("engine", |s| T(s.result.runtime.engine.clone())),
        text("engine_version", |s| T(s.result.runtime.engine_version.clone())),
        text("device", |s| T(s.result.runtime.device.clone())),
        text("precision", |s| T(s.result.runtime.precision.to_string())),
        count("batch", |s| C(s.result.runtime.batch.into())),
        count("threads", |s| C(s.result.runtime.threads.into())),
        number("median_ms", |s| N(s.result.latency_ms.median.value)),
        number("low_ms", |s| end(&s.result.latency_ms.median, |median| median.low)),
        number("high_ms", |s| end(&s.result.latency_ms.median, |median| median.high)),
        number("mean_ms", |s| N(s.result.latency_ms.mean)),
        number("deviation_ms", |s| N(s.result.latency_ms.deviation)),
        number("min_ms", |s| N(s.result.latency_ms.min)),
        number("max_ms", |s| N(s.result.latency_ms.max)),
        count("runs", |s| C(s.result.latency_ms.count as u64)),
        count("low_outliers", |s| C(s.result.latency_ms.low_outliers as u64)),
        count("high_outliers", |s| C(s.result.latency_ms.high_outliers as u64)),
        number("images_per_s", |s| N(s.result.images_per_s().value)),
        number("gflops", |s| N(s.result.gflops().value)),
        number("share_of_peak", |s| N(s.result.share_of_peak())),
        number("best_peak_gflops", |s| N(s.result.best_roofline().roofline.peak_gflops)),
        count("best_peak_unix_ms", |s| C(s.result.best_roofline().peak_unix_ms)),
        number("peak_gflops", |s| N(s.result.roofline.peak_gflops)),
        number("bandwidth_gbps", |s| N(s.result.roofline.bandwidth_gbps)),
        number("load_ms", |s| N(s.result.load_ms)),
        count("memory_bytes", |s| maybe(s.result.memory_bytes, C)),
        text("grade", |s| T(s.result.grade.to_string())),
        text("findings", |s| {
            let messages: Vec<String> = s.result.findings.iter().map(ToString::to_string).collect();
            T(messages.join("; "))
        }),
        count("warm_up_runs", |s| C(s.result.warm_up_runs as u64)),
        number("others_cores", |s| maybe(s.result.others_cores, N)),
        number("stolen_cores", |s| maybe(s.result.stolen_cores, N)),
        number("clock_start_mhz", |s| maybe(s.result.clock_mhz, |mhz| N(mhz[0]))),
        number("clock_end_mhz", |s| maybe(s.result.clock_mhz, |mhz| N(mhz[1]))),
        number("budget_s", |s| N(s.result.budget_s)),
        count("seed", |s| C(s.result.seed)),
        text("machine", |s| T(s.result.machine.id())),
        text("cpu", |s| T(s.result.machine.cpu.clone())),
        count("physical_cores", |s| C(s.result.machine.physical_cores.into())),
        count("logical_cores", |s| C(s.result.machine.logical_cores.into())),
        text("isa", |s| words(&s.result.machine.isa)),
        count("l1d_bytes", |s| maybe(s.result.machine.l1d_bytes, C)),
        count("l2_bytes", |s| maybe(s.result.machine.l2_bytes, C)),
        count("l3_bytes", |s| maybe(s.result.machine.l3_bytes, C)),
        count("machine_memory_bytes", |s| C(s.result.machine.memory_bytes)),
        text("os", |s| T(s.result.machine.os.clone())),
        text("kernel", |s| T(s.result.machine.kernel.clone())),
        text("arch", |s| T(s.result.machine.arch.clone())),
        text("virtual", |s| T(if s.result.machine.is_virtual { "yes" } else { "no" }.to_owned())),
        text("governor", |s| maybe(s.result.machine.governor.clone(), T)),
        text("version", |s| T(s.result.version.clone())),
        count("finished_unix_ms", |s| C(s.result.finished_unix_ms)),
    ]
}

/// Writes results as a table.
///
/// # Errors
/// When they cannot be written.
pub fn write(
    format: Format,
    results: &[Stored<Measurement>],
    mut out: impl io::Write + Send,
) -> Result<(), ExportError> {
    match format {
        Format::Csv => csv(results, out),
        #[cfg(feature = "parquet")]
        Format::Parquet => crate::parquet::write(results, out),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => Err(ExportError::NoParquet),
        Format::Json => {
            let mut all = Vec::with_capacity(results.len());
            for stored in results {
                let mut result = serde_json::to_value(&stored.result)?;
                if let Some(map) = result.as_object_mut() {
                    map.insert("id".to_owned(), stored.id.into());
                }
                all.push(result);
            }
            let document = serde_json::to_string_pretty(&all)?;
            out.write_all(harmless::json(&document).as_bytes())?;
            Ok(out.write_all(b"\n")?)
        }
    }
}

fn csv(results: &[Stored<Measurement>], out: impl io::Write) -> Result<(), ExportError> {
    let columns = columns();
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(columns.iter().map(|column| column.name))?;
    for stored in results {
        writer.write_record(columns.iter().map(|column| match column.value(stored) {
            Cell::Text(text) => harmless::cell(&text).into_owned(),
            Cell::Count(count) => count.to_string(),
            Cell::Number(number) => number.to_string(),
            Cell::Absent => String::new(),
        }))?;
    }
    Ok(writer.flush()?)
}
