//! `inceptive train` for people.

use std::{cmp::Ordering, fmt::Write};

use inceptive_format::{counted, significant};
use inceptive_results::{TrainingRun, Value, statistics::Estimate};

use crate::table::{Column, Grid, one_line};

/// The runs of a network.
struct Row<'a> {
    first: &'a TrainingRun,
    runs: Vec<&'a TrainingRun>,
    top1: Option<Estimate>,
}

/// A table of networks, the best first, with what cannot be told apart.
pub fn table(runs: &[TrainingRun]) -> String {
    let Some(first) = runs.first() else { return String::new() };
    let mut text = one_line(&format!(
        "{}, recipe {}: {}, {} training images, {} for validation, {} test images",
        first.dataset.label,
        first.recipe.name,
        counted(first.epochs as usize, "epoch", "epochs"),
        first.dataset.training_images,
        first.dataset.validation_images,
        first.dataset.test_images
    )) + "\n\n";
    let rows = ranked(runs);
    text.push_str(&grid(&rows));
    text.push_str(&verdicts(&rows));
    for run in runs.iter().filter(|run| !run.is_finished()) {
        let name = run.subject.name_with_point();
        text.push_str(&one_line(&format!("{name}, seed {}: {}", run.seed, run.outcome)));
        text.push('\n');
    }
    text.push_str(&note(&rows));
    text
}

fn ranked(runs: &[TrainingRun]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = vec![];
    for run in runs {
        let is_same = |row: &&mut Row<'_>| {
            row.first.training_fingerprint == run.training_fingerprint
                && row.first.subject.file == run.subject.file
        };
        match rows.iter_mut().find(is_same) {
            Some(row) => row.runs.push(run),
            None => rows.push(Row { first: run, runs: vec![run], top1: None }),
        }
    }
    for row in &mut rows {
        row.top1 = Value::trained_top1(&row.runs).map(|value| value.estimate);
    }
    let value = |row: &Row<'_>| row.top1.map_or(f64::NEG_INFINITY, |top1| top1.value);
    rows.sort_by(|a, b| value(b).partial_cmp(&value(a)).unwrap_or(Ordering::Equal));
    rows
}

fn grid(rows: &[Row<'_>]) -> String {
    let mut grid = Grid::new(vec![
        Column::Right("rank"),
        Column::Left("network"),
        Column::Right("params"),
        Column::Right("MACs"),
        Column::Right("test top-1 %"),
        Column::Right("95% interval"),
        Column::Right("range"),
        Column::Right("validation %"),
        Column::Right("seeds"),
        Column::Right("images/s"),
        Column::Right("seconds"),
    ]);
    for (at, row) in rows.iter().enumerate() {
        let finished: Vec<&TrainingRun> =
            row.runs.iter().copied().filter(|run| run.is_finished()).collect();
        let mean = |read: &dyn Fn(&TrainingRun) -> Option<f64>| {
            let values: Vec<f64> = finished.iter().filter_map(|run| read(run)).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let tested = finished.iter().filter_map(|run| run.test_top1);
        let (low, high) =
            tested.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        let percent = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2}"));
        grid.row(vec![
            row.top1.map_or("-".to_owned(), |_| (at + 1).to_string()),
            row.first.subject.name_with_point(),
            significant(row.first.subject.params as f64),
            significant(row.first.subject.macs as f64),
            percent(row.top1.map(|top1| top1.value)),
            row.top1.map_or("-".to_owned(), |it| format!("{:.2} to {:.2}", it.low, it.high)),
            if finished.len() > 1 { format!("{low:.2} to {high:.2}") } else { "-".to_owned() },
            percent(mean(&|run| run.val_top1)),
            finished.len().to_string(),
            mean(&|run| Some(run.images_per_s)).map_or("-".to_owned(), significant),
            mean(&|run| Some(run.seconds))
                .map_or("-".to_owned(), |seconds| format!("{seconds:.1}")),
        ]);
    }
    grid.render()
}

/// Neighbours in the ranking whose intervals overlap, in groups.
fn verdicts(rows: &[Row<'_>]) -> String {
    let known: Vec<(&Row<'_>, Estimate)> =
        rows.iter().filter_map(|row| Some((row, row.top1?))).collect();
    let mut text = String::new();
    let mut at = 0;
    while at < known.len() {
        let (best, top1) = known[at];
        let others: Vec<String> = known[at + 1..]
            .iter()
            .take_while(|(_, other)| top1.overlaps(other))
            .map(|(row, _)| row.first.subject.name_with_point())
            .collect();
        if !others.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{}",
                one_line(&format!(
                    "indistinguishable from {}: {}",
                    best.first.subject.name_with_point(),
                    others.join(", ")
                ))
            );
        }
        at += others.len() + 1;
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// What the intervals are of.
fn note(rows: &[Row<'_>]) -> String {
    let seeds = rows.iter().map(|row| row.runs.len()).max().unwrap_or(0);
    match seeds {
        0 | 1 => "\nIntervals show what other test images would change; other seeds change more: see --seeds.\n",
        _ => "\nIntervals are of the mean over seeds; ranges are of the seeds.\n",
    }
    .to_owned()
}
