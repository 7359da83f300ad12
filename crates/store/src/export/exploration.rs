//! The columns of explorations.

use inceptive_results::{Exploration, Objective};

use super::{Cell, Column, Table, common::maybe, count, number, text};

impl Table for Exploration {
    fn columns() -> Vec<Column<Self>> {
        use Cell::{Count as C, Number as N, Text as T};
        vec![
            count("id", |s| C(s.id.unsigned_abs())),
            text("space", |s| T(s.result.space.title.clone())),
            text("file", |s| T(s.result.space.file.clone())),
            text("space_sha256", |s| T(s.result.space.fingerprint.clone())),
            text("size", |s| T(s.result.counted.size.clone())),
            count("points", |s| C(s.result.counted.points)),
            count("feasible", |s| C(s.result.counted.feasible)),
            text("conditions", |s| T(s.result.request.conditions.join("; "))),
            text("objectives", |s| {
                let objectives = s.result.request.objectives.iter();
                let texts: Vec<String> =
                    objectives.map(|&it| Objective::from(it).to_string()).collect();
                T(texts.join("; "))
            }),
            text("dataset", |s| T(s.result.request.dataset.clone())),
            text("recipe", |s| T(s.result.request.recipe.clone())),
            number("budget_s", |s| maybe(s.result.request.budget_s, N)),
            count("trained", |s| C(s.result.networks.len() as u64)),
            count("seeds", |s| C(u64::from(s.result.request.seeds))),
            count("front", |s| C(s.result.front().count() as u64)),
            number("best_top1", |s| maybe(best(&s.result), N)),
            text("machine", |s| T(s.result.machine.id())),
            text("version", |s| T(s.result.version.clone())),
            count("planned_unix_ms", |s| C(s.result.planned_unix_ms)),
            count("finished_unix_ms", |s| maybe(s.result.finished_unix_ms, C)),
        ]
    }
}

/// The best accuracy on the front.
fn best(exploration: &Exploration) -> Option<f64> {
    exploration.front().map(|(_, outcome)| outcome.top1.value).max_by(f64::total_cmp)
}
