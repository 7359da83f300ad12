//! The columns of profiles, without their parts.

use inceptive_results::ProfileRecord;

use super::{
    Cell, Column, Table,
    common::{maybe, place, subject},
    count, number, text,
};

impl Table for ProfileRecord {
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
            number("total_ms", |s| N(s.result.profile.total_ms)),
            count("parts", |s| C(s.result.profile.nodes.len() as u64)),
            count("runs", |s| C(s.result.profile.runs as u64)),
            number("peak_gflops", |s| N(s.result.roofline.peak_gflops)),
            number("bandwidth_gbps", |s| N(s.result.roofline.bandwidth_gbps)),
            count("seed", |s| C(s.result.seed)),
        ];
        let place = place::<Self>(|s| T(s.result.version.clone()));
        subject().into_iter().chain(own).chain(place).collect()
    }
}
