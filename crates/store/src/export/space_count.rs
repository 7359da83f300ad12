//! The columns of counts of spaces.

use inceptive_results::{Objective, SpaceCount};

use super::{Cell, Column, Table, count, number, text};

impl Table for SpaceCount {
    fn columns() -> Vec<Column<Self>> {
        use Cell::{Count as C, Number as N, Text as T};
        vec![
            count("id", |s| C(s.id.unsigned_abs())),
            text("space", |s| T(s.result.space.title.clone())),
            text("file", |s| T(s.result.space.file.clone())),
            text("space_sha256", |s| T(s.result.space.fingerprint.clone())),
            count("size", |s| C(s.result.size)),
            count("first", |s| C(s.result.first)),
            count("points", |s| C(s.result.points)),
            count("refused", |s| C(s.result.refused)),
            count("feasible", |s| C(s.result.feasible)),
            text("conditions", |s| T(s.result.conditions.join("; "))),
            text("objectives", |s| {
                let objectives = s.result.objectives.iter();
                let texts: Vec<String> =
                    objectives.map(|&it| Objective::from(it).to_string()).collect();
                T(texts.join("; "))
            }),
            count("front", |s| C(s.result.front.len() as u64)),
            number("seconds", |s| N(s.result.seconds)),
            text("machine", |s| T(s.result.machine.id())),
            text("version", |s| T(s.result.version.clone())),
            count("finished_unix_ms", |s| C(s.result.finished_unix_ms)),
        ]
    }
}
