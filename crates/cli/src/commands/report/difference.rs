//! `inceptive report --diff`.

use std::{ops::ControlFlow, path::Path};

use anyhow::{Context, bail};
use inceptive_app::{
    GatherPlan, Gathered, GitFiles, Request, SMALL_SPACE, gather, gather_revision, named_input,
};
use inceptive_files::{leads_out, unfinished};
use inceptive_format::{combinations, counted, exact, significant};
use inceptive_report::{Breach, Changes, Cloud, MetricChange, Snapshot, Threshold, changes};
use inceptive_results::statistics::Estimate;
use serde_json::{Value, json};

use crate::{
    commands::bench::watch::tell,
    output::{self, Outcome},
    table::{Column, Grid, one_line},
};

/// Compares two sides; the command fails if a change exceeds a threshold, or if a threshold has nothing to limit.
pub fn run(
    old: &str,
    new: &str,
    thresholds: &[Threshold],
    as_json: bool,
) -> anyhow::Result<Outcome> {
    let (old, old_failed) = side(old)?;
    let (new, new_failed) = side(new)?;
    let found = changes(&old, &new);
    let broken: Vec<Breach<'_>> =
        thresholds.iter().flat_map(|threshold| threshold.broken(&found)).collect();
    let unchecked: Vec<&Threshold> =
        thresholds.iter().filter(|threshold| threshold.is_unchecked(&found)).collect();
    let text = match as_json {
        true => document(&found, &broken, &unchecked)?,
        false => page(&found, &broken, &unchecked),
    };
    let failed = old_failed || new_failed || !broken.is_empty() || !unchecked.is_empty();
    Ok(Outcome { text, failed })
}

/// Maximum size of `data.json`: tens of thousands of networks.
const MAX_DATA_BYTES: u64 = inceptive_files::GIB;

/// One side: the folder or `data.json` of a report, `REVISION:PATH` of a git repository, or networks on disk.
/// The second result is whether a network could not be read.
fn side(text: &str) -> anyhow::Result<(Snapshot, bool)> {
    let path = Path::new(text);
    if unfinished(path).is_some() {
        bail!("the report in `{text}` is incomplete: it mixes files of two runs; write it again");
    }
    let data = if path.is_dir() { path.join("data.json") } else { path.to_owned() };
    if data.extension().is_some_and(|extension| extension == "json") && data.is_file() {
        let json = inceptive_files::read_text(&data, MAX_DATA_BYTES)
            .with_context(|| format!("cannot read `{}`", data.display()))?;
        return match Snapshot::from_json(&json) {
            Ok(snapshot) => Ok((snapshot, false)),
            // The error may quote a value of a private file.
            Err(_) if leads_out(&data) => {
                bail!(
                    "`{}`: it is a link to a file that is not the data.json of a report",
                    data.display()
                )
            }
            Err(error) => Err(error).with_context(|| format!("`{}`", data.display())),
        };
    }
    let named = named_input(text.as_ref()).with_context(|| format!("`{text}`"))?;
    let Request { file: path, settings } = named;
    let inputs = vec![Request { file: path.clone(), settings: vec![] }];
    let plan = GatherPlan { inputs, settings, samples: 1, seed: 0 };
    if path.exists() {
        let gathered = gather(&plan, &|_| ControlFlow::Continue(()));
        return Ok(snapshot(&gathered.unwrap_or_default()));
    }
    match path.to_str().and_then(|text| text.split_once(':')) {
        Some((revision, inside)) if !revision.is_empty() && !inside.is_empty() => {
            let files = GitFiles::at(revision)?;
            Ok(snapshot(&gather_revision(&files, Path::new(inside), &plan)?))
        }
        _ => bail!("`{text}` is not a report, a network or REVISION:PATH"),
    }
}

fn snapshot(gathered: &Gathered) -> (Snapshot, bool) {
    gathered.troubles.iter().for_each(tell);
    for Cloud { title, size, .. } in gathered.clouds.iter().filter(|it| it.size > SMALL_SPACE) {
        output::warn(&one_line(&format!(
            "note: the networks of the space `{title}` are not compared: it has {} networks, more than {SMALL_SPACE}",
            combinations(*size)
        )));
    }
    (Snapshot::of(&gathered.candidates), !gathered.troubles.is_empty())
}

fn page(found: &Changes, broken: &[Breach<'_>], unchecked: &[&Threshold]) -> String {
    let mut grid = Grid::new(vec![
        Column::Left("network"),
        Column::Left("metric"),
        Column::Right("old"),
        Column::Right("new"),
        Column::Right("change"),
        Column::Left(""),
    ]);
    let mut count = 0;
    for network in &found.networks {
        for metric in &network.metrics {
            count += 1;
            let [old, new, change] = cells(Some(metric.old), metric.new);
            let doubt = if metric.is_certain() { "" } else { "indistinguishable" };
            let label = [metric.metric.id(), metric.way.as_str()].join(" ");
            let cells = vec![
                network.name.clone(),
                label.trim_end().to_owned(),
                old,
                new,
                change,
                doubt.to_owned(),
            ];
            grid.row(cells);
        }
    }
    let mut text = if count > 0 { grid.render() } else { String::new() };
    let mut line = |words: String| text.push_str(&format!("{}\n", one_line(&words)));
    for network in found.networks.iter().filter(|network| !network.modules.is_empty()) {
        line(format!("{}: modules that differ: {}", network.name, network.modules.join(", ")));
    }
    for network in found.networks.iter().filter(|n| n.differs && n.metrics.is_empty()) {
        line(format!("{}: differs, with equal counts", network.name));
    }
    found.removed.iter().for_each(|name| line(format!("removed: {name}")));
    found.added.iter().for_each(|network| line(format!("new: {}", network.name)));
    let same = found.networks.iter().filter(|n| !n.differs && n.metrics.is_empty()).count();
    let all = counted(found.networks.len() + found.added.len(), "network is", "networks are");
    line(format!("{same} of {all} the same"));
    for Breach { threshold, network, old, new, .. } in broken {
        let [before, now, difference] = cells(*old, *new);
        line(match old {
            Some(old) if old == new => {
                format!("exceeded: {threshold}: {network} still has {now}")
            }
            Some(_) => {
                format!(
                    "exceeded: {threshold}: {network} went from {before} to {now} ({difference})"
                )
            }
            None => format!("exceeded: {threshold}: {network} is new with {now}"),
        });
    }
    for threshold in unchecked {
        line(format!("not checked: {threshold}: this metric is not known for any network"));
    }
    text
}

/// The old value, the new value and the change, formatted; empty if there is no old value.
fn cells(old: Option<Estimate>, new: Estimate) -> [String; 3] {
    let percent = match old.map(|old| old.value) {
        None | Some(0.0) => String::new(),
        Some(before) => format!("{:+.2}%", (new.value / before - 1.0) * 100.0),
    };
    let shown = |estimate: Estimate| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        match estimate.low < estimate.high || estimate.value.fract() != 0.0 {
            true if estimate.low < estimate.high => format!(
                "{} ({} to {})",
                significant(estimate.value),
                significant(estimate.low),
                significant(estimate.high)
            ),
            true => estimate.value.to_string(),
            false => exact(estimate.value as u64),
        }
    };
    [old.map_or_else(String::new, shown), shown(new), percent]
}

fn document(
    found: &Changes,
    broken: &[Breach<'_>],
    unchecked: &[&Threshold],
) -> anyhow::Result<String> {
    let metric = |change: &MetricChange| {
        json!({
            "metric": change.metric,
            "way": change.way,
            "old": change.old,
            "new": change.new,
            "certain": change.is_certain(),
        })
    };
    let networks: Vec<Value> = found
        .networks
        .iter()
        .map(|network| {
            json!({
                "name": network.name,
                "differs": network.differs,
                "metrics": network.metrics.iter().map(metric).collect::<Vec<Value>>(),
                "modules": network.modules,
            })
        })
        .collect();
    let broken: Vec<Value> = broken
        .iter()
        .map(|Breach { threshold, network, metric, way, old, new }| {
            let certain = old.is_none_or(|old| !old.overlaps(new));
            let change =
                json!({ "metric": metric, "way": way, "old": old, "new": new, "certain": certain });
            json!({ "threshold": threshold.to_string(), "network": network, "change": change })
        })
        .collect();
    let added: Vec<&str> = found.added.iter().map(|network| network.name.as_str()).collect();
    let unchecked: Vec<String> = unchecked.iter().map(ToString::to_string).collect();
    let document = json!({
        "removed": found.removed,
        "added": added,
        "networks": networks,
        "broken": broken,
        "unchecked": unchecked,
    });
    output::json(&document).context("the changes cannot be written")
}
