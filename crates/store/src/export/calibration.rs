//! The columns of calibrations, and of the networks that were measured for them.

use inceptive_results::{Calibration, CalibrationSample};

use super::{
    Cell, Column, Table,
    common::{maybe, place, subject},
    count, number, text,
};

impl Table for CalibrationSample {
    fn columns() -> Vec<Column<Self>> {
        use Cell::{Count as C, Number as N, Text as T};
        let own: Vec<Column<Self>> = vec![
            text("engine", |s| T(s.result.runtime.engine.clone())),
            text("engine_version", |s| T(s.result.runtime.engine_version.clone())),
            text("engine_isa", |s| maybe(s.result.runtime.isa.clone(), T)),
            text("device", |s| T(s.result.runtime.device.clone())),
            text("precision", |s| T(s.result.runtime.precision.to_string())),
            count("batch", |s| C(s.result.runtime.batch.into())),
            count("threads", |s| C(s.result.runtime.threads.into())),
            number("latency_ms", |s| N(s.result.latency_ms.value)),
            number("low_ms", |s| N(s.result.latency_ms.low)),
            number("high_ms", |s| N(s.result.latency_ms.high)),
            number("others_cores", |s| maybe(s.result.others_cores, N)),
            number("seconds", |s| N(s.result.seconds)),
            count("kernels", |s| C(s.result.kernels.len() as u64)),
            count("seed", |s| C(s.result.seed)),
        ];
        let place = place::<Self>(|s| T(s.result.version.clone()));
        subject().into_iter().chain(own).chain(place).collect()
    }
}

impl Table for Calibration {
    fn columns() -> Vec<Column<Self>> {
        use Cell::{Count as C, Number as N, Text as T};
        vec![
            count("id", |s| C(s.id.unsigned_abs())),
            text("engine", |s| T(s.result.runtime.engine.clone())),
            text("engine_version", |s| T(s.result.runtime.engine_version.clone())),
            text("engine_isa", |s| maybe(s.result.runtime.isa.clone(), T)),
            text("device", |s| T(s.result.runtime.device.clone())),
            text("precision", |s| T(s.result.runtime.precision.to_string())),
            count("batch", |s| C(s.result.runtime.batch.into())),
            count("threads", |s| C(s.result.runtime.threads.into())),
            text("targets", |s| T(s.result.targets.join("; "))),
            count("seed", |s| C(s.result.seed)),
            number("budget_s", |s| N(s.result.budget_s)),
            count("fitted", |s| C(s.result.fitted.len() as u64)),
            count("disturbed", |s| C(s.result.disturbed)),
            count("kernels", |s| C(s.result.kernels)),
            count("judged", |s| C(s.result.judgement.networks.len() as u64)),
            count("refused", |s| C(s.result.judgement.refused)),
            number("within_10_percent", |s| N(s.result.judgement.within_10_percent)),
            number("coverage", |s| N(s.result.judgement.coverage)),
            number("median_error", |s| N(s.result.judgement.median_error)),
            number("rank_correlation", |s| maybe(s.result.judgement.rank_correlation, N)),
            number("rank_correlation_of_macs", |s| {
                maybe(s.result.judgement.rank_correlation_of_macs, N)
            }),
            number("rank_correlation_of_acts", |s| {
                maybe(s.result.judgement.rank_correlation_of_acts, N)
            }),
            text("machine", |s| T(s.result.machine.id())),
            text("cpu", |s| T(s.result.machine.cpu.clone())),
            text("version", |s| T(s.result.version.clone())),
            count("finished_unix_ms", |s| C(s.result.finished_unix_ms)),
        ]
    }
}
