//! The columns of imported results.

use inceptive_results::ImportedResult;

use super::{Cell, Column, Table, common::maybe, count, number, text};

impl Table for ImportedResult {
    fn columns() -> Vec<Column<Self>> {
        use Cell::{Count as C, Number as N, Text as T};
        vec![
            count("id", |s| C(s.id.unsigned_abs())),
            text("network", |s| T(s.result.network.clone())),
            text("fingerprint", |s| maybe(s.result.fingerprint.clone(), T)),
            text("dataset", |s| maybe(s.result.dataset.clone(), T)),
            number("top1", |s| maybe(s.result.top1, N)),
            number("top5", |s| maybe(s.result.top5, N)),
            number("latency_ms", |s| maybe(s.result.latency_ms, N)),
            text("source", |s| T(s.result.source.clone())),
            text("note", |s| maybe(s.result.note.clone(), T)),
        ]
    }
}
