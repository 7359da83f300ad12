//! Text output of `inceptive train`.

use std::ops::Range;

use inceptive_format::{counted, exact, significant};
use inceptive_results::{
    NetworkFact, RankedNetwork, Ranking, TrainedAccuracy, TrainingRun, distinct_labels,
};

use crate::table::{Column, Grid, one_line};

/// A table of networks, the best first, and the groups of indistinguishable ones.
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
    let network = |run: &&TrainingRun| (run.training_fingerprint.clone(), run.subject.file.clone());
    let ranking = Ranking::new(runs, network, |run| run);
    let names = names(&ranking.networks);
    text.push_str(&grid(&ranking.networks, &names));
    text.push_str(&verdicts(&ranking, &names));
    for (network, name) in ranking.networks.iter().zip(&names) {
        for run in network.runs.iter().filter(|run| !run.is_finished()) {
            text.push_str(&one_line(&format!("{name}, seed {}: {}", run.seed, run.outcome)));
            text.push('\n');
        }
    }
    text.push_str(note(&ranking));
    text
}

/// The names of networks with their settings; to equal names, the file or graph is added.
fn names(networks: &[RankedNetwork<&TrainingRun>]) -> Vec<String> {
    let names = networks.iter().map(|it| it.runs[0].subject.name_with_point()).collect();
    let facts = networks.iter().map(|RankedNetwork { runs, .. }| {
        let TrainingRun { subject, training_fingerprint, .. } = runs[0];
        [NetworkFact::File(&subject.file), NetworkFact::Graph(training_fingerprint)].map(Some)
    });
    distinct_labels(names, &facts.collect::<Vec<_>>())
}

fn grid(networks: &[RankedNetwork<&TrainingRun>], names: &[String]) -> String {
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
    let unknown = || "-".to_owned();
    let percent = |value: Option<f64>| value.map_or_else(unknown, |value| format!("{value:.2}"));
    let ends = |ends: Option<[f64; 2]>| {
        ends.map_or_else(unknown, |[low, high]| format!("{low:.2} to {high:.2}"))
    };
    for (at, (RankedNetwork { runs, accuracy }, name)) in networks.iter().zip(names).enumerate() {
        let subject = &runs[0].subject;
        let TrainedAccuracy { top1, range, val_top1, images_per_s, seconds, seeds, diverged: _ } =
            accuracy;
        grid.row(vec![
            top1.map_or_else(unknown, |_| (at + 1).to_string()),
            name.clone(),
            exact(subject.params),
            exact(subject.macs),
            percent(top1.map(|top1| top1.value)),
            ends(top1.map(|top1| [top1.low, top1.high])),
            ends(*range),
            percent(*val_top1),
            seeds.len().to_string(),
            images_per_s.map_or_else(unknown, significant),
            seconds.map_or_else(unknown, |seconds| format!("{seconds:.1}")),
        ]);
    }
    grid.render()
}

/// Networks whose intervals overlap, in groups.
fn verdicts(ranking: &Ranking<&TrainingRun>, names: &[String]) -> String {
    let line = |group: &Range<usize>| {
        one_line(&format!("indistinguishable: {}", names[group.clone()].join(", "))) + "\n"
    };
    let text: String = ranking.ties.iter().map(line).collect();
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// What the intervals cover.
fn note(ranking: &Ranking<&TrainingRun>) -> &'static str {
    match ranking.networks.iter().any(|network| network.accuracy.is_over_seeds()) {
        false => {
            "\nIntervals cover the number of test images, not differences between seeds, which are larger: see --seeds.\n"
        }
        true => {
            "\nIntervals are of the mean over seeds; ranges are from the lowest to the highest accuracy.\n"
        }
    }
}
