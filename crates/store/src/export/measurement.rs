//! The columns of measurements.

use inceptive_results::{Accelerator, Measurement, statistics::Estimate};

use super::{
    Cell, Column, Table,
    common::{maybe, place, subject, yes_or_no},
    count, number, text,
};
use crate::store::Stored;

impl Table for Measurement {
    fn columns() -> Vec<Column<Self>> {
        use Cell::{Count as C, Number as N, Text as T};
        let own: Vec<Column<Self>> = vec![
            text("engine", |s| T(s.result.runtime.engine.clone())),
            text("engine_version", |s| T(s.result.runtime.engine_version.clone())),
            text("engine_isa", |s| maybe(s.result.runtime.isa.clone(), T)),
            text("flushes_subnormals", |s| {
                maybe(s.result.flushes_subnormals, |is| T(yes_or_no(is)))
            }),
            text("device", |s| T(s.result.runtime.device.clone())),
            text("mode", |s| maybe(s.result.runtime.mode.clone(), T)),
            text("accelerator", |s| maybe(s.result.runtime.accelerator.clone(), T)),
            text("accelerator_driver", |s| of_device(s, |device| device.driver.clone().map(T))),
            text("accelerator_platform", |s| of_device(s, |device| device.platform.clone().map(T))),
            count("accelerator_memory_bytes", |s| {
                of_device(s, |device| device.memory_bytes.map(C))
            }),
            number("accelerator_clock_start_mhz", |s| {
                of_device(s, |device| Some(N(device.clock_mhz?[0])))
            }),
            number("accelerator_clock_end_mhz", |s| {
                of_device(s, |device| Some(N(device.clock_mhz?[1])))
            }),
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
            number("share_of_peak", |s| maybe(s.result.share_of_peak(), N)),
            number("best_peak_gflops", |s| N(s.result.best_roofline().roofline.peak_gflops)),
            count("best_peak_unix_ms", |s| C(s.result.best_roofline().peak_unix_ms)),
            number("peak_gflops", |s| N(s.result.roofline.peak_gflops)),
            number("bandwidth_gbps", |s| N(s.result.roofline.bandwidth_gbps)),
            number("load_ms", |s| N(s.result.load_ms)),
            count("memory_bytes", |s| maybe(s.result.memory_bytes, C)),
            text("grade", |s| T(s.result.grade.to_string())),
            text("findings", |s| {
                let messages: Vec<String> =
                    s.result.findings.iter().map(ToString::to_string).collect();
                T(messages.join("; "))
            }),
            count("warm_up_runs", |s| C(s.result.warm_up_runs as u64)),
            number("others_cores", |s| maybe(s.result.others_cores, N)),
            number("stolen_cores", |s| maybe(s.result.stolen_cores, N)),
            number("clock_start_mhz", |s| maybe(s.result.clock_mhz, |mhz| N(mhz[0]))),
            number("clock_end_mhz", |s| maybe(s.result.clock_mhz, |mhz| N(mhz[1]))),
            number("budget_s", |s| N(s.result.budget_s)),
            count("seed", |s| C(s.result.seed)),
        ];
        let place = place::<Self>(|s| T(s.result.version.clone()));
        subject().into_iter().chain(own).chain(place).collect()
    }
}

/// A fact about the accelerator, if there was one.
fn of_device(
    stored: &Stored<Measurement>,
    fact: impl FnOnce(&Accelerator) -> Option<Cell>,
) -> Cell {
    stored.result.accelerator.as_ref().and_then(fact).unwrap_or(Cell::Absent)
}

/// An end of an interval.
fn end(estimate: &Estimate, end: fn(&Estimate) -> f64) -> Cell {
    maybe(estimate.has_interval().then(|| end(estimate)), Cell::Number)
}
