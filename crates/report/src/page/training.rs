//! The page's section on trained networks.

use std::collections::BTreeSet;

use askama::{Template, filters::HtmlSafe};
use inceptive_draw::chart::Figure;
use inceptive_format::{counted, decimals, exact, significant};
use inceptive_results::{TrainingRun, date::utc_day, statistics::Estimate};
use serde_json::Value;

use super::{
    UNKNOWN,
    picture::{Picture, Place, at},
    scale::{Scale, float},
    shown::Shown,
    table::{Cell, Column, Content, Row, Table},
    words::{Name, plain_name, prose},
};
use crate::{
    axis::Axis,
    candidate::NetworkEntry,
    report::Analysis,
    training::{MOST_GROUPS, TrainedNetwork, TrainingGroup},
};

/// Maximum number of rows of a table, and of groups of indistinguishable networks.
const MOST_ROWS: usize = 200;
const MOST_TIES: usize = 40;

/// Maximum number of settings of a recipe that are shown.
const MOST_SETTINGS: usize = 60;

/// Keys of a recipe that do not affect training.
const ABOUT: [&str; 3] = ["name", "description", "cite"];

/// The section about training.
#[derive(Template)]
#[template(path = "training.html")]
pub(super) struct Training {
    groups: Vec<Group>,
    left_out: Option<String>,
}

impl HtmlSafe for Training {}

/// The networks of a data set and a recipe.
struct Group {
    title: String,
    facts: Vec<(&'static str, String)>,
    table: Table,
    left_out: Option<String>,
    /// Whether at least two networks have an accuracy.
    is_ranking: bool,
    /// Groups of indistinguishable networks, each in the order of accuracy.
    ties: Vec<Vec<(Name, String)>>,
    curves: Vec<Picture>,
    trained: Vec<Picture>,
}

impl Training {
    pub fn new(
        candidates: &[NetworkEntry],
        findings: &Analysis,
        shown: &Shown,
        figures: &[Figure],
    ) -> Option<Self> {
        let all = &findings.training;
        let group = |(place, group): (usize, &TrainingGroup)| Group {
            title: plain_name(&group.label()),
            facts: facts(group, candidates),
            table: table(group, candidates, findings, (place, shown)),
            left_out: left_out(group.networks.len(), MOST_ROWS, ["network", "networks"]),
            is_ranking: group.networks.iter().filter(|it| it.accuracy.top1.is_some()).count() > 1,
            ties: ties(group),
            curves: at(figures, Place::Curves(place)),
            trained: at(figures, Place::Trained(place)),
        };
        let words = ["pair of data set and recipe", "pairs of data set and recipe"];
        (!all.is_empty()).then(|| Self {
            groups: all.iter().take(MOST_GROUPS).enumerate().map(group).collect(),
            left_out: left_out(all.len(), MOST_GROUPS, words),
        })
    }
}

fn left_out(count: usize, most: usize, [one, many]: [&str; 2]) -> Option<String> {
    (count > most).then(|| counted(count - most, one, many))
}

/// The data set, the recipe, and the environment of the training runs.
pub(super) fn facts(
    group: &TrainingGroup,
    candidates: &[NetworkEntry],
) -> Vec<(&'static str, String)> {
    let runs = || group.networks.iter().flat_map(|network| network.runs(candidates));
    let distinct = |text: fn(&TrainingRun) -> String| {
        let texts: BTreeSet<String> = runs().map(text).collect();
        prose(&texts.into_iter().collect::<Vec<String>>().join("; "))
    };
    let data = &group.dataset;
    let images = format!(
        "{} for training, {} for validation, {} for the test; {}",
        exact(data.training_images),
        exact(data.validation_images),
        exact(data.test_images),
        counted(data.classes as usize, "class", "classes")
    );
    vec![
        ("data", prose(&data.label)),
        ("images", images),
        ("recipe", prose(&group.recipe.name)),
        ("settings", prose(&settings(&group.recipe.content).join(", "))),
        (
            "trained with",
            distinct(|run| {
                let threads = counted(run.threads as usize, "thread", "threads");
                let version = run.trainer_version.iter().map(|version| format!(" {version}"));
                let hardware = run.accelerator.as_ref().map(|it| format!(" ({})", it.name));
                let isa = [run.isa.as_str()].into_iter().filter(|isa| !isa.is_empty());
                format!(
                    "{}{} on {}{}, {}{threads}",
                    run.trainer,
                    version.collect::<String>(),
                    run.device,
                    hardware.unwrap_or_default(),
                    isa.map(|isa| format!("{isa}, ")).collect::<String>()
                )
            }),
        ),
        ("machine", distinct(|run| format!("{} ({})", run.machine.cpu, run.machine.id()))),
        ("finished", distinct(|run| utc_day(run.finished_unix_ms))),
    ]
}

/// The settings of a recipe, such as `optimizer.sgd.momentum = 0.9`.
fn settings(content: &Value) -> Vec<String> {
    fn add(found: &mut Vec<String>, key: &str, value: &Value) {
        if found.len() >= MOST_SETTINGS {
            return;
        }
        match value {
            Value::Null => {}
            Value::Object(map) => {
                for (name, value) in map {
                    let is_outer = key.is_empty();
                    if !(is_outer && ABOUT.contains(&name.as_str())) {
                        let key = if is_outer { name.clone() } else { format!("{key}.{name}") };
                        add(found, &key, value);
                    }
                }
            }
            Value::String(text) => found.push(format!("{key} = {text}")),
            other => found.push(format!("{key} = {other}")),
        }
    }
    let mut found = Vec::new();
    add(&mut found, "", content);
    found
}

fn table(
    group: &TrainingGroup,
    candidates: &[NetworkEntry],
    findings: &Analysis,
    (place, shown): (usize, &Shown),
) -> Table {
    let networks = &group.networks[..group.networks.len().min(MOST_ROWS)];
    let subject = |network: &TrainedNetwork| &candidates[network.at].subject;
    let params = Scale::counts(networks.iter().map(|it| subject(it).params));
    let macs = Scale::counts(networks.iter().map(|it| subject(it).macs));
    let axes = [Some(Axis::Macs), findings.main_way().map(Axis::Latency)];
    let fronts = axes.map(|axis| axis.map(|axis| group.on_front(candidates, axis)));
    let row = |(at, network): (usize, &TrainedNetwork)| {
        let accuracy = &network.accuracy;
        let percent = |value: Option<f64>| {
            value.map_or_else(Cell::unknown, |value| Cell::number(decimals(value, 2), value))
        };
        let plain = |value: Option<f64>| {
            value.map_or_else(Cell::unknown, |value| Cell::number(significant(value), value))
        };
        let count = |scale: &Scale, count: u64| {
            Cell::number(scale.count(count), float(count)).with_title(exact(count))
        };
        let over = match (accuracy.top1, accuracy.is_over_seeds()) {
            (None, _) => UNKNOWN,
            (_, true) => "seeds",
            (_, false) => "images",
        };
        let is_on = |front: &Option<std::collections::HashSet<usize>>| {
            front.as_ref().is_some_and(|front| front.contains(&at))
        };
        let marks: Vec<&str> = ["MACs", "ms"]
            .into_iter()
            .zip(&fronts)
            .filter(|(_, front)| is_on(front))
            .map(|(name, _)| name)
            .collect();
        let on = float(marks.len() as u64);
        Row::new(vec![
            Cell::new(Content::Links(vec![(Name::new(&network.name), shown.link(network.at))])),
            match accuracy.top1 {
                Some(_) => Cell::number((at + 1).to_string(), float(at as u64 + 1)),
                None => Cell::unknown(),
            },
            percent(accuracy.top1.map(|top1| top1.value)),
            interval(accuracy.top1),
            Cell::text(over),
            range(accuracy.range),
            verdict(group, at),
            Cell::new(Content::Marks(marks)).sorted_by(-on),
            percent(accuracy.val_top1),
            count(&params, subject(network).params),
            count(&macs, subject(network).macs),
            plain(accuracy.images_per_s),
            plain(accuracy.seconds),
            seeds(network),
        ])
    };
    Table {
        id: format!("training-table-{}", place + 1),
        label: format!("Trained networks, {}", plain_name(&group.label())),
        columns: columns(&params, &macs),
        rows: networks.iter().enumerate().map(row).collect(),
        is_sortable: true,
    }
}

fn columns(params: &Scale, macs: &Scale) -> Vec<Column> {
    vec![
        Column::text("network"),
        Column::number("rank", "", "Place by mean test top-1"),
        Column::trained("test top-1", "Mean over the seeds"),
        Column::number(
            "95% interval",
            "%",
            "Networks with overlapping intervals are indistinguishable",
        ),
        Column {
            hint: "Whether the interval is of the mean over seeds, or of the test images",
            ..Column::text("interval of")
        },
        Column::number("range", "of seeds, %", "Lowest and highest test top-1 of the seeds"),
        Column {
            hint: "Compared with the networks before and after it",
            ..Column::text("verdict")
        },
        Column {
            hint: "Pareto-optimal in trained accuracy against MACs or latency, among these networks",
            ..Column::text("Pareto-optimal")
        },
        Column::number("validation", "top-1, %", "Mean over the seeds, after the last epoch"),
        Column::number("params", params.unit, "Learned values"),
        Column::number(
            "MACs",
            macs.unit,
            "Multiply-accumulates of convolutions and linear layers for one image",
        ),
        Column::number("images", "/s", "Images per second in training steps; mean over the seeds"),
        Column::number("time", "s", "Duration of a run; mean over the seeds"),
        Column::number("seeds", "", "Number of runs that finished, and that diverged"),
    ]
}

fn interval(top1: Option<Estimate>) -> Cell {
    top1.map_or_else(Cell::unknown, |Estimate { low, high, .. }| {
        Cell::number(format!("{}–{}", decimals(low, 2), decimals(high, 2)), high - low)
    })
}

fn range(range: Option<[f64; 2]>) -> Cell {
    range.map_or_else(Cell::unknown, |[low, high]| {
        Cell::number(format!("{}–{}", decimals(low, 2), decimals(high, 2)), high - low)
    })
}

fn seeds(network: &TrainedNetwork) -> Cell {
    let (finished, diverged) = (network.accuracy.seeds.len(), network.accuracy.diverged);
    let text = match diverged {
        0 => finished.to_string(),
        _ => format!("{finished}, {diverged} diverged"),
    };
    Cell::number(text, float(finished as u64))
}

fn verdict(group: &TrainingGroup, place: usize) -> Cell {
    if group.networks[place].accuracy.top1.is_none() {
        return Cell::text(UNKNOWN);
    }
    let others: Vec<String> = group.tied_with(place).map(|it| plain_name(&it.name)).collect();
    match others.is_empty() {
        true => Cell::text("distinct"),
        false => Cell::text("indistinguishable").with_title(format!("from {}", others.join(", "))),
    }
}

fn ties(group: &TrainingGroup) -> Vec<Vec<(Name, String)>> {
    let shown = |network: &TrainedNetwork| {
        let percent = network.accuracy.top1.map_or_else(String::new, |top1| {
            let [value, low, high] = [top1.value, top1.low, top1.high].map(|it| decimals(it, 2));
            format!("{value}%, {low}–{high}")
        });
        (Name::new(&network.name), percent)
    };
    let groups = group.ties.iter().take(MOST_TIES);
    groups
        .map(|tie| group.networks[tie.clone()].iter().take(MOST_ROWS).map(shown).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_what_a_recipe_does() {
        let recipe = serde_json::json!({
            "name": "n", "cite": ["a"], "epochs": 2, "clip": null,
            "optimizer": {"sgd": {"momentum": 0.9}}, "schedule": "constant"
        });
        assert_eq!(
            settings(&recipe),
            ["epochs = 2", "optimizer.sgd.momentum = 0.9", "schedule = constant"]
        );
    }
}
