//! Text output of `inceptive explore`.

use std::fmt::Write as _;

use inceptive_app::{SpaceCounts, TableSearch, labels};
use inceptive_dsl::Space;
use inceptive_explore::{
    Finalist, Understood, finalists, judgement_sentence, recommendation, wave_sentences,
};
use inceptive_format::{counted, exact, percent, significant};
use inceptive_results::{Exploration, Metric, Objective, Source, statistics::Estimate};

use crate::table::{Grid, one_line};

/// Networks of a front that are listed.
const MAX_LISTED: usize = 20;

/// A table of columns of names, then of numbers.
fn grid<'t>(
    names: impl IntoIterator<Item = &'t str>,
    numbers: impl IntoIterator<Item = &'t str>,
) -> Grid {
    let owned = |title: &str| title.to_owned();
    Grid::of_names_and_numbers(
        names.into_iter().map(owned).collect(),
        numbers.into_iter().map(owned).collect(),
    )
}

/// A space that was counted.
pub fn counts(space: &Space, counts: &SpaceCounts) -> String {
    let survey = &counts.survey;
    let size = match u64::try_from(space.size()) {
        Ok(size) => exact(size),
        Err(_) => format!("about {:.1e}", space.size() as f64),
    };
    let mut text = one_line(&format!("{} ({})", space.title, space.file.display())) + "\n\n";
    let all = match (counts.is_complete, survey.is_complete) {
        (true, _) => format!("all {size} networks were counted"),
        (false, true) => {
            let drawn = exact(survey.points);
            let evolved = exact(counts.evolved);
            format!(
                "{drawn} of {size} networks, drawn at random, and {evolved} that NSGA-II reached from there were counted"
            )
        }
        (false, false) => {
            format!("stopped: {} of {size} networks were counted", exact(survey.points))
        }
    };
    let _ = writeln!(text, "{all} in {:.2} s", counts.seconds);
    if survey.refused > 0 {
        let _ = writeln!(
            text,
            "{} of them are no network: their values do not fit together",
            exact(survey.refused)
        );
    }
    if !counts.conditions.is_empty() {
        let _ = writeln!(text, "{} satisfy all conditions\n", exact(survey.inside));
        let mut cells = grid(["condition"], ["satisfied by", "fail only this"]);
        for (condition, tally) in counts.conditions.iter().zip(&survey.tallies) {
            cells.row(vec![
                condition.to_string(),
                exact(tally.satisfied),
                exact(tally.only_this_fails),
            ]);
        }
        text.push_str(&cells.render());
    }
    if survey.inside == 0 {
        text.push('\n');
        for reason in counts.reasons(space) {
            text.push_str(&one_line(&reason));
            text.push('\n');
        }
        return text;
    }
    text.push_str(&ranges(counts));
    text.push_str(&front(space, counts));
    text.push_str(&shares(space, counts));
    text
}

fn ranges(counts: &SpaceCounts) -> String {
    let mut cells = grid([""], ["lowest", "highest"]);
    for extremes in counts.survey.extremes.iter().filter(|it| it.metric.is_main()) {
        let metric = extremes.metric;
        let value = |network: &inceptive_explore::Surveyed| {
            network.counts.get(metric).map_or_else(String::new, |count| metric.exact(count))
        };
        cells.row(vec![
            metric.label().to_owned(),
            value(&extremes.lowest),
            value(&extremes.highest),
        ]);
    }
    format!("\n{}", cells.render())
}

/// The Pareto front of the costs.
fn front(space: &Space, counts: &SpaceCounts) -> String {
    let objectives: Vec<Objective> = counts
        .objectives
        .iter()
        .copied()
        .filter(|it| it.metric.source() == Source::Counted)
        .collect();
    if objectives.is_empty() {
        return "\nthere is no objective that is counted, so there is no front: see --objectives\n"
            .to_owned();
    }
    let names: Vec<String> = objectives.iter().map(ToString::to_string).collect();
    let front = &counts.survey.front;
    let networks = counted(front.len(), "network", "networks");
    let mut text = format!("\nPareto front ({}): {networks}", names.join(", "));
    let step = front.len().div_ceil(MAX_LISTED).max(1);
    if step > 1 {
        let _ =
            write!(text, "; {} of them, evenly chosen; --json has all", front.len().div_ceil(step));
    }
    text.push_str("\n\n");
    let metrics = columns(&objectives);
    let titles = metrics.iter().map(|metric| metric.label()).chain(["equal networks"]);
    let mut cells = grid(space.variables.iter().map(|variable| variable.name.as_str()), titles);
    for point in front.iter().step_by(step) {
        let mut row = labels(space, &point.network.choices);
        let count = |metric: &Metric| {
            point.network.counts.get(*metric).map_or_else(String::new, |count| metric.exact(count))
        };
        row.extend(metrics.iter().map(count));
        row.push(exact(point.equal));
        cells.row(row);
    }
    text.push_str(&cells.render());
    text
}

/// The metrics that a table of a front shows: its objectives, then parameters and MACs.
fn columns(objectives: &[Objective]) -> Vec<Metric> {
    let mut metrics: Vec<Metric> = objectives.iter().map(|it| it.metric).collect();
    for metric in [Metric::Params, Metric::Macs] {
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
    metrics
}

/// What each variable decides about.
fn shares(space: &Space, counts: &SpaceCounts) -> String {
    let known: Vec<_> = counts
        .survey
        .shares
        .iter()
        .filter_map(|it| Some((it.metric, it.of_variables.as_ref()?)))
        .collect();
    if known.is_empty() || space.variables.len() < 2 {
        return String::new();
    }
    let mut cells = grid(["variable"], known.iter().map(|(metric, _)| metric.label()));
    for (at, variable) in space.variables.iter().enumerate() {
        let mut row = vec![variable.name.clone()];
        row.extend(known.iter().map(|(_, shares)| percent(shares[at])));
        cells.row(row);
    }
    let mut row = vec!["together".to_owned()];
    row.extend(
        known.iter().map(|(_, shares)| percent((1.0 - shares.iter().sum::<f64>()).max(0.0))),
    );
    cells.row(row);
    format!(
        "\nShare of the variance of each cost over all networks that a variable explains alone; the rest is what they\n\
         explain only together\n\n{}",
        cells.render()
    )
}

/// A search that was finished.
pub fn exploration(exploration: &Exploration) -> String {
    let mut text = how(exploration);
    let finalists = finalists(exploration);
    if finalists.is_empty() {
        text.push_str("\n\nno network was trained to the end\n");
        return text;
    }
    let objectives = exploration.request.objectives.iter().map(|&it| Objective::from(it));
    let names: Vec<String> = objectives.map(|it| it.to_string()).collect();
    let _ = writeln!(text, "\n\nFinalists ({})\n", names.join(", "));
    text.push_str(&compared(exploration, &finalists));
    text.push_str(
        "\nThe probability that a network is Pareto-optimal among the finalists follows from the spread over seeds and the\n\
         intervals of the latencies.",
    );
    if finalists.iter().any(|it| it.tied_with.is_some()) {
        text.push_str(
            " A tie is a network whose accuracy cannot be told apart from that of\none that costs no more.",
        );
    }
    text.push('\n');
    // The condition was checked before the search; that of another version of the program may be unknown to this one.
    if let Ok(Some(found)) = recommendation(exploration, &exploration.preference) {
        let _ = writeln!(text, "\nRecommended: {}.", one_line(&found.reason));
    }
    text.push_str(&understood(&Understood::of(exploration)));
    text
}

/// What was counted and trained.
fn how(exploration: &Exploration) -> String {
    let request = &exploration.request;
    let counted_space = &exploration.counted;
    let mut text =
        one_line(&format!("{} ({})", exploration.space.title, exploration.space.file)) + "\n\n";
    let all = match counted_space.complete {
        true => format!("all {} networks were counted", exact(counted_space.points)),
        false => format!("{} networks, drawn at random, were counted", exact(counted_space.points)),
    };
    let _ = writeln!(
        text,
        "{all} in {:.2} s; {} satisfy all conditions",
        counted_space.seconds,
        exact(counted_space.feasible)
    );
    let rungs: Vec<String> = exploration
        .rungs
        .iter()
        .map(|[epochs, networks]| {
            format!("{networks} for {}", counted(*epochs as usize, "epoch", "epochs"))
        })
        .collect();
    text.push_str(&one_line(&format!(
        "trained on {} with recipe {}: {}; {} finalists with {}",
        request.dataset,
        request.recipe,
        rungs.join(", "),
        exploration.finalists,
        counted(request.seeds as usize, "seed", "seeds")
    )));
    for sentence in wave_sentences(exploration) {
        let _ = write!(text, "\n{sentence}");
    }
    text
}

/// The finalists as a table.
fn compared(exploration: &Exploration, finalists: &[Finalist]) -> String {
    let titles = [
        "parameters",
        "MACs",
        "median ms",
        "test top-1 %",
        "95% interval",
        "seeds",
        "on the front",
        "probability",
    ];
    let names = exploration.space.variables.iter().map(String::as_str);
    let mut cells = grid(["network"].into_iter().chain(names), titles);
    for finalist in finalists {
        let network = &exploration.networks[finalist.network];
        let Some(outcome) = &network.outcome else { continue };
        let front = if outcome.on_front { "yes" } else { "no" };
        let knee = if finalist.is_knee { ", knee" } else { "" };
        let tie =
            finalist.tied_with.map_or_else(String::new, |it| format!(", tie with {}", it + 1));
        let mut row = vec![(finalist.network + 1).to_string()];
        row.extend(network.values.iter().cloned());
        row.extend([
            exact(network.subject.params),
            exact(network.subject.macs),
            outcome.latency_ms.map_or_else(|| "-".to_owned(), |it| significant(it.value)),
            format!("{:.2}", outcome.top1.value),
            format!("{:.2} to {:.2}", outcome.top1.low, outcome.top1.high),
            outcome.seeds.len().to_string(),
            format!("{front}{knee}{tie}"),
            outcome.probability.map_or_else(String::new, percent),
        ]);
        cells.row(row);
    }
    cells.render()
}

/// What the networks say about the variables.
fn understood(understood: &Understood) -> String {
    let sentences = understood.sentences();
    let mut text = String::new();
    if let Some(importance) = &understood.importance {
        let has_good = importance.iter().any(|it| it.among_good.is_some());
        let titles = ["of the variance", "95% interval"];
        let good = ["among the good ones", "95% interval"];
        let mut cells = grid(
            ["variable"],
            titles.into_iter().chain(if has_good { good.to_vec() } else { vec![] }),
        );
        for (name, importance) in understood.variables.iter().zip(importance) {
            let pair = |it: Estimate| {
                [percent(it.value), format!("{} to {}", percent(it.low), percent(it.high))]
            };
            let mut row = vec![name.clone()];
            row.extend(pair(importance.overall));
            row.extend(importance.among_good.into_iter().flat_map(pair));
            cells.row(row);
        }
        let _ = write!(
            text,
            "\nWhat decides about accuracy, by {}\n\n{}",
            counted(understood.networks, "network", "networks"),
            cells.render()
        );
    }
    if !sentences.is_empty() {
        text.push_str(
            "\nWhat each variable does while the others stay as they are (95% intervals)\n\n",
        );
        for sentence in sentences {
            text.push_str(&one_line(&sentence));
            text.push('\n');
        }
    }
    text
}

/// A search with the accuracies of a table.
pub fn table(space: &Space, found: &TableSearch) -> String {
    let mut text = one_line(&format!("{} ({})", space.title, space.file.display())) + "\n\n";
    let _ = writeln!(
        text,
        "the table has {}, of which {} satisfy all conditions; {} were looked up, {} of them chosen by the surrogate",
        counted(found.listed, "network", "networks"),
        exact(found.feasible as u64),
        exact(found.networks.len() as u64),
        exact(found.guided as u64)
    );
    if found.refused > 0 {
        let _ = writeln!(
            text,
            "{} left out: their values do not fit together",
            counted(found.refused, "network of the table is", "networks of the table are")
        );
    }
    for metric in &found.unknown {
        let _ = writeln!(
            text,
            "a table says nothing about {}; it is not an objective here",
            metric.id()
        );
    }
    let names: Vec<String> = found.objectives.iter().map(ToString::to_string).collect();
    let front = found.front();
    let networks = counted(front.len(), "network", "networks");
    let _ = write!(text, "\nPareto front ({}): {networks}", names.join(", "));
    let step = front.len().div_ceil(MAX_LISTED).max(1);
    if step > 1 {
        let _ =
            write!(text, "; {} of them, evenly chosen; --json has all", front.len().div_ceil(step));
    }
    text.push_str("\n\n");
    let metrics: Vec<Metric> =
        columns(&found.objectives).into_iter().filter(|metric| *metric != Metric::Top1).collect();
    let titles =
        ["top-1 %"].into_iter().chain(metrics.iter().map(|metric| metric.label())).chain([""]);
    let mut cells = grid(space.variables.iter().map(|variable| variable.name.as_str()), titles);
    let knee = found.knee.map(|at| &found.networks[at]);
    // The most accurate one is listed in any case.
    for network in front.iter().rev().step_by(step).rev() {
        let mut row = network.values.clone();
        row.push(format!("{:.2}", network.accuracy));
        let count = |metric: &Metric| {
            network.counts.get(*metric).map_or_else(String::new, |it| metric.exact(it))
        };
        row.extend(metrics.iter().map(count));
        row.push(if knee == Some(*network) { "knee" } else { "" }.to_owned());
        cells.row(row);
    }
    text.push_str(&cells.render());
    if let Some(best) = found.best.filter(|_| found.networks.len() < found.feasible) {
        let _ = writeln!(text, "\nThe best network of the table has {best:.2}%.");
    }
    if let Some(judgement) = &found.judgement {
        let used = if judgement.is_good() { "and is used" } else { "and is not used" };
        let _ = write!(text, "\n{} {used}", judgement_sentence(judgement));
        if let Some(ceiling) = found.ceiling {
            let _ = write!(text, "; two seeds of the same networks reach {}", significant(ceiling));
        }
        text.push('\n');
    }
    text.push_str(&understood(&found.understood));
    text
}
