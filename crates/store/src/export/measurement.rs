//! The columns of measurements.

use inceptive_results::{Measurement, statistics::Estimate};

use super::{Cell, Column, Table, count, number, text};

impl Table for Measurement {
    fn columns() -> Vec<Column<Self>> {
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
            text("engine_isa", |s| maybe(s.result.runtime.isa.clone(), T)),
            text("flushes_subnormals", |s| {
                maybe(s.result.flushes_subnormals, |is| T(yes_or_no(is)))
            }),
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
            text("virtual", |s| T(yes_or_no(s.result.machine.is_virtual))),
            text("governor", |s| maybe(s.result.machine.governor.clone(), T)),
            text("version", |s| T(s.result.version.clone())),
            count("finished_unix_ms", |s| C(s.result.finished_unix_ms)),
        ]
    }
}

fn yes_or_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
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
