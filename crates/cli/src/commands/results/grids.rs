//! Results as tables of text.

use inceptive_format::{share, significant};
use inceptive_results::{
    Calibration, CalibrationSample, Exploration, ImportedResult, Measurement, Metric, Objective,
    ProfileRecord, SpaceCount, TrainingRun, date::utc_day,
};
use inceptive_store::Stored;

use crate::{
    commands::bench::text::interval,
    table::{Column, Grid},
};

/// Measurements, one per line.
pub(super) fn measurements(found: &[Stored<Measurement>]) -> String {
    let mut grid = Grid::new(vec![
        Column::Right("id"),
        Column::Left("network"),
        Column::Left("engine"),
        Column::Left("precision"),
        Column::Right("batch"),
        Column::Right("threads"),
        Column::Right("median ms"),
        Column::Right("95% interval"),
        Column::Left("grade"),
        Column::Left("machine"),
    ]);
    for Stored { id, result } in found {
        let median = result.latency_ms.median;
        grid.row(vec![
            id.to_string(),
            result.subject.name_with_point(),
            format!("{} {}", result.runtime.engine, result.runtime.engine_version),
            result.runtime.precision.to_string(),
            result.runtime.batch.to_string(),
            result.runtime.threads.to_string(),
            significant(median.value),
            interval(&median),
            result.grade.to_string(),
            format!("{} ({})", result.machine.cpu, result.machine.id()),
        ]);
    }
    grid.render()
}

/// Profiles, one per line.
pub(super) fn profiles(found: &[Stored<ProfileRecord>]) -> String {
    let mut grid = Grid::new(vec![
        Column::Right("id"),
        Column::Left("network"),
        Column::Left("engine"),
        Column::Left("precision"),
        Column::Right("batch"),
        Column::Right("threads"),
        Column::Right("total ms"),
        Column::Right("parts"),
        Column::Left("machine"),
    ]);
    for Stored { id, result } in found {
        grid.row(vec![
            id.to_string(),
            result.subject.name_with_point(),
            format!("{} {}", result.runtime.engine, result.runtime.engine_version),
            result.runtime.precision.to_string(),
            result.runtime.batch.to_string(),
            result.runtime.threads.to_string(),
            significant(result.profile.total_ms),
            result.profile.nodes.len().to_string(),
            format!("{} ({})", result.machine.cpu, result.machine.id()),
        ]);
    }
    grid.render()
}

/// Training runs, one per line.
pub(super) fn training_runs(found: &[Stored<TrainingRun>]) -> String {
    let mut grid = Grid::new(vec![
        Column::Right("id"),
        Column::Left("network"),
        Column::Left("data"),
        Column::Left("recipe"),
        Column::Right("seed"),
        Column::Right("epochs"),
        Column::Right("test top-1"),
        Column::Right("95% interval"),
        Column::Right("images/s"),
        Column::Left("date"),
        Column::Left("outcome"),
    ]);
    for Stored { id, result } in found {
        let top1 = result.interval_of_test_top1();
        let shown = |percent: f64| Metric::Top1.short(percent);
        grid.row(vec![
            id.to_string(),
            result.subject.name_with_point(),
            result.dataset.label.clone(),
            result.recipe.name.clone(),
            result.seed.to_string(),
            result.epochs.to_string(),
            top1.map_or_else(|| "unknown".to_owned(), |top1| shown(top1.value)),
            top1.map_or_else(
                || "unknown".to_owned(),
                |top1| format!("{:.2} to {}", top1.low, shown(top1.high)),
            ),
            significant(result.images_per_s),
            utc_day(result.finished_unix_ms),
            result.outcome.to_string(),
        ]);
    }
    grid.render()
}

/// Imported results, one per line.
pub(super) fn imported(found: &[Stored<ImportedResult>]) -> String {
    let mut grid = Grid::new(vec![
        Column::Right("id"),
        Column::Left("network"),
        Column::Left("data"),
        Column::Right("top-1"),
        Column::Right("top-5"),
        Column::Right("latency ms"),
        Column::Left("source"),
    ]);
    let number = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), significant);
    for Stored { id, result } in found {
        grid.row(vec![
            id.to_string(),
            result.network.clone(),
            result.dataset.clone().unwrap_or_else(|| "unknown".to_owned()),
            number(result.top1),
            number(result.top5),
            number(result.latency_ms),
            result.source.clone(),
        ]);
    }
    grid.render()
}

/// Counts of parts of spaces, one per line.
pub(super) fn space_counts(found: &[Stored<SpaceCount>]) -> String {
    let mut grid = Grid::new(vec![
        Column::Right("id"),
        Column::Left("space"),
        Column::Right("from"),
        Column::Right("networks"),
        Column::Right("satisfy all"),
        Column::Right("on the front"),
        Column::Left("date"),
    ]);
    for Stored { id, result } in found {
        grid.row(vec![
            id.to_string(),
            result.space.title.clone(),
            result.first.to_string(),
            (result.points - result.refused).to_string(),
            result.feasible.to_string(),
            result.front.len().to_string(),
            utc_day(result.finished_unix_ms),
        ]);
    }
    grid.render()
}

/// Explorations, one per line.
pub(super) fn explorations(found: &[Stored<Exploration>]) -> String {
    let mut grid = Grid::new(vec![
        Column::Right("id"),
        Column::Left("space"),
        Column::Left("objectives"),
        Column::Left("data"),
        Column::Left("recipe"),
        Column::Right("trained"),
        Column::Right("on the front"),
        Column::Right("best top-1"),
        Column::Left("date"),
    ]);
    for Stored { id, result } in found {
        let objectives: Vec<String> =
            result.request.objectives.iter().map(|&it| Objective::from(it).to_string()).collect();
        let front = || result.front();
        let best = front().map(|(_, outcome)| outcome.top1.value).max_by(f64::total_cmp);
        let date = result.finished_unix_ms.map_or_else(|| "not finished".to_owned(), utc_day);
        grid.row(vec![
            id.to_string(),
            result.space.title.clone(),
            objectives.join(", "),
            result.request.dataset.clone(),
            result.request.recipe.clone(),
            result.networks.len().to_string(),
            front().count().to_string(),
            best.map_or_else(String::new, |top1| Metric::Top1.short(top1)),
            date,
        ]);
    }
    grid.render()
}

/// Calibrations, one per line.
pub(super) fn calibrations(found: &[Stored<Calibration>]) -> String {
    let mut grid = Grid::new(vec![
        Column::Right("id"),
        Column::Left("predicts"),
        Column::Left("machine"),
        Column::Right("networks"),
        Column::Right("judged on"),
        Column::Right("within 10%"),
        Column::Right("in the interval"),
        Column::Left("date"),
    ]);
    for Stored { id, result } in found {
        let judgement = &result.judgement;
        grid.row(vec![
            id.to_string(),
            result.runtime.label(),
            result.machine.id(),
            result.fitted.len().to_string(),
            judgement.networks.len().to_string(),
            share(judgement.within_10_percent),
            share(judgement.coverage),
            utc_day(result.finished_unix_ms),
        ]);
    }
    grid.render()
}

/// Networks that were measured for calibrations, one per line.
pub(super) fn calibration_samples(found: &[Stored<CalibrationSample>]) -> String {
    let mut grid = Grid::new(vec![
        Column::Right("id"),
        Column::Left("network"),
        Column::Left("measured with"),
        Column::Right("kernels"),
        Column::Right("latency ms"),
        Column::Left("date"),
    ]);
    for Stored { id, result } in found {
        grid.row(vec![
            id.to_string(),
            result.subject.name_with_point(),
            result.runtime.label(),
            result.kernels.len().to_string(),
            significant(result.latency_ms.value),
            utc_day(result.finished_unix_ms),
        ]);
    }
    grid.render()
}

/// The epochs of a training run, one per line.
pub(super) fn epochs(run: &TrainingRun) -> String {
    let mut grid = Grid::new(vec![
        Column::Right("epoch"),
        Column::Right("loss"),
        Column::Right("top-1"),
        Column::Right("validation loss"),
        Column::Right("validation top-1"),
        Column::Right("learning rate"),
        Column::Right("seconds"),
    ]);
    let maybe = |value: Option<f64>, text: fn(f64) -> String| value.map_or_else(String::new, text);
    let percent = |value| Metric::Top1.short(value);
    for epoch in &run.history {
        grid.row(vec![
            epoch.epoch.to_string(),
            significant(epoch.loss),
            maybe(epoch.train_top1, percent),
            maybe(epoch.val_loss, significant),
            maybe(epoch.val_top1, percent),
            significant(epoch.learning_rate),
            significant(epoch.seconds),
        ]);
    }
    if run.history.is_empty() { String::new() } else { format!("\n{}", grid.render()) }
}
