//! The report's numbers for other programs.

use std::collections::HashSet;

use inceptive_ir::text::{self, cell};
use inceptive_results::{Measurement, Metric, Published, Record, TrainingRun};
use inceptive_store::{LooseRecord, Stored};
use serde_json::{Map, Value, json};

use crate::{
    axis::{Axis, on_front},
    candidate::NetworkEntry,
    cloud::Cloud,
    layer::{BreakdownMetric, Layer, PartRow, by_layer, by_part},
    networks::Networks,
    picks::Recommendation,
    report::{Analysis, Report},
    training::{TrainedNetwork, TrainingGroup},
    variants::VariantCost,
    way::BenchConfig,
};

/// Latency columns, for the way that most candidates were measured in.
const LATENCY: [&str; 11] = [
    "engine",
    "engine_version",
    "precision",
    "batch",
    "threads",
    "median_ms",
    "low_ms",
    "high_ms",
    "images_per_s",
    "gflops",
    "grade",
];

fn latency(way: Option<&BenchConfig>, candidate: &NetworkEntry) -> Vec<String> {
    let Some(m) = way.and_then(|way| way.of(candidate)) else {
        return vec![String::new(); LATENCY.len()];
    };
    let median = m.latency_ms.median;
    vec![
        m.runtime.engine.clone(),
        m.runtime.engine_version.clone(),
        m.runtime.precision.to_string(),
        m.runtime.batch.to_string(),
        m.runtime.threads.to_string(),
        median.value.to_string(),
        median.low.to_string(),
        median.high.to_string(),
        known(m.images_per_s().value),
        known(m.gflops().value),
        m.grade.to_string(),
    ]
}

/// A number; empty if there is none, as for the rate of a latency of zero.
fn known(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}

/// One row per network; unknown values are empty.
pub(crate) fn csv(report: &Report, findings: &Analysis) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let about =
        ["name", "file", "point", "fingerprint", "input_channels", "input_height", "input_width"];
    let accuracy = ["published_top1", "published_top5", "published_source", "top1_per_mparam"];
    let counts = Metric::costs().map(Metric::id);
    let names = about.into_iter().chain(counts).chain(accuracy).chain(LATENCY);
    let header: Vec<String> = names.map(str::to_owned).collect();
    let rows = report.candidates.iter().map(|candidate| row(candidate, findings.main_way()));
    // Writing to memory cannot fail, and all rows have the header's length.
    for record in std::iter::once(header).chain(rows) {
        let _ = writer.write_record(record.iter().map(|text| cell(text).into_owned()));
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn row(candidate: &NetworkEntry, way: Option<&BenchConfig>) -> Vec<String> {
    let subject = &candidate.subject;
    let mut row = vec![
        candidate.name.clone(),
        subject.file.clone(),
        subject.point.join(" "),
        candidate.fingerprint.clone(),
    ];
    row.extend(subject.input.iter().map(u32::to_string));
    let text = |count: Option<u64>| count.map_or_else(String::new, |count| count.to_string());
    row.extend(Metric::costs().map(|metric| text(candidate.count(metric))));
    let accuracy = candidate.comparable();
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    row.push(number(accuracy.and_then(|accuracy| accuracy.top1)));
    row.push(number(accuracy.and_then(|accuracy| accuracy.top5)));
    row.push(accuracy.map_or_else(String::new, |accuracy| accuracy.source.clone()));
    row.push(number(candidate.density()));
    row.extend(latency(way, candidate));
    row
}

/// Everything that the page shows, as `data.json` has it.
pub fn json(report: &Report, findings: &Analysis) -> String {
    let way = findings.main_way();
    let fronts = [Some(Axis::Macs), Some(Axis::Params), way.map(Axis::Latency)]
        .map(|axis| axis.map_or_else(HashSet::new, |axis| on_front(&report.candidates, axis)));
    let candidates: Vec<Value> = report
        .candidates
        .iter()
        .enumerate()
        .map(|(at, candidate)| {
            let on_front = fronts.each_ref().map(|front| front.contains(&at));
            object(candidate, findings.profiled.as_ref(), on_front)
        })
        .collect();
    let mut document = json!({
        "title": report.title,
        "version": report.version,
        "command": report.command,
        "summary": findings.summary.sentences().collect::<Vec<&String>>(),
        "candidates": candidates,
        "ways": findings.ways.iter().map(way_object).collect::<Vec<Value>>(),
        "training": findings.training.iter().map(training_object).collect::<Vec<Value>>(),
        "picks": findings.picks.iter().map(|pick| pick_object(report, pick)).collect::<Vec<Value>>(),
        "variants": findings.variants.iter().map(|v| variant_object(report, v)).collect::<Vec<Value>>(),
        "spaces": report.clouds.iter().map(cloud_object).collect::<Vec<Value>>(),
        "warnings": report.warnings,
    });
    // Nothing where there is none: reports without searches stay what they were.
    if !report.explorations.is_empty() {
        let explorations = report.explorations.iter().map(|it| json!(it.exploration));
        document["explorations"] = explorations.collect::<Vec<Value>>().into();
    }
    text::json(&format!("{document:#}\n")).into_owned()
}

/// The networks with all results that the page shows, as `networks.json` has them.
pub(crate) fn networks(report: &Report) -> String {
    let mut records = Vec::new();
    for candidate in &report.candidates {
        add(&mut records, &candidate.measured);
        add(&mut records, &candidate.profiles);
        add(&mut records, &candidate.imported);
        add(&mut records, &candidate.trained);
    }
    let searches = report.explorations.iter();
    records.extend(searches.filter_map(|it| LooseRecord::new(&it.exploration).ok()));
    let networks = Networks { records, ..report.networks.clone() };
    // Texts and numbers can always be written.
    let document = serde_json::to_string(&networks).unwrap_or_default();
    text::json(&format!("{document}\n")).into_owned()
}

/// Adds results that can be written as text; others are in no store either.
fn add<R: Record>(records: &mut Vec<LooseRecord>, results: &[Stored<R>]) {
    records.extend(results.iter().filter_map(|stored| LooseRecord::new(&stored.result).ok()));
}

fn object(candidate: &NetworkEntry, profiled: Option<&BenchConfig>, on_front: [bool; 3]) -> Value {
    let subject = &candidate.subject;
    let mut object = json!({
        "name": candidate.name,
        "file": subject.file,
        "point": subject.point,
        "fingerprint": candidate.fingerprint,
        "inference_fingerprint": subject.fingerprint,
        "input": subject.input,
    });
    for metric in Metric::costs() {
        object[metric.id()] = json!(candidate.count(metric));
    }
    let field = candidate.network.as_ref().map(|network| network.cost.receptive_field);
    object["receptive_field"] = field.map_or(Value::Null, |field| {
        json!({
            "size": field.size.map(|size| [size.height, size.width]),
            "stride": field.stride.map(|stride| [stride.height, stride.width]),
            "gated": field.is_gated,
        })
    });
    let comparable = candidate.comparable();
    object["published"] = candidate
        .published
        .iter()
        .map(|accuracy| published_object(accuracy, comparable == Some(accuracy)))
        .collect();
    object["top1_per_mparam"] = json!(candidate.density());
    let [macs, params, latency] = on_front;
    object["on_front"] = json!({"macs": macs, "params": params, "latency": latency});
    object["measurements"] = candidate
        .measured
        .iter()
        .map(|stored| measurement_object(stored.id, &stored.result))
        .collect();
    // Nothing where there is none: reports without imported results stay what they were.
    if !candidate.imported.is_empty() {
        object["imported"] = candidate.imported.iter().map(|stored| json!(stored.result)).collect();
    }
    if !candidate.predicted.is_empty() {
        object["predicted_latency_ms"] = json!(candidate.predicted);
    }
    object["training"] =
        candidate.trained.iter().map(|stored| training_run(&stored.result)).collect();
    let profile = profiled.and_then(|way| way.profile_of(candidate));
    if let Some(network) = &candidate.network {
        let layers = BreakdownMetric::ALL.map(|quantity| {
            let shares = by_layer(network, profile, quantity);
            let shares = shares.map_or(Value::Null, |shares| {
                Layer::ALL
                    .iter()
                    .zip(shares)
                    .map(|(layer, share)| (layer.key().to_owned(), json!(share)))
                    .collect::<Map<_, _>>()
                    .into()
            });
            (quantity.key().to_owned(), shares)
        });
        object["layers"] = layers.into_iter().collect::<Map<_, _>>().into();
        object["modules"] = by_part(network, profile).iter().map(part_object).collect();
    }
    object
}

fn part_object(part: &PartRow) -> Value {
    json!({
        "path": part.path.to_string(),
        "depth": part.depth,
        "output": part.output,
        "params": part.params,
        "macs": part.macs,
        "activation_bytes": part.activation_bytes,
        "time_ns": part.time_ns,
    })
}

fn published_object(accuracy: &Published, is_compared: bool) -> Value {
    let Published { dataset, top1, top5, crops, models, resolution, source, note } = accuracy;
    json!({
        "dataset": dataset,
        "top1": top1,
        "top5": top5,
        "crops": crops,
        "models": models,
        "resolution": resolution,
        "source": source,
        "note": note,
        "compared": is_compared,
    })
}

fn measurement_object(id: i64, m: &Measurement) -> Value {
    let common = json!({
        "id": id,
        "machine": m.machine.id(),
        "engine": m.runtime.engine,
        "engine_version": m.runtime.engine_version,
        "device": m.runtime.device,
        "precision": m.runtime.precision,
        "batch": m.runtime.batch,
        "threads": m.runtime.threads,
        "isa": m.runtime.isa,
        "median_ms": m.latency_ms.median.value,
        "low_ms": m.latency_ms.median.low,
        "high_ms": m.latency_ms.median.high,
        "runs": m.latency_ms.count,
        "images_per_s": m.images_per_s().value,
        "gflops": m.gflops().value,
        "memory_bytes": m.memory_bytes,
        "seed": m.seed,
        "budget_s": m.budget_s,
        "finished_unix_ms": m.finished_unix_ms,
        "grade": m.grade,
        "findings": m.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    with_known(common, [("mode", json!(m.runtime.mode)), ("accelerator", json!(m.accelerator))])
}

/// Adds the keys that have a value, for engines with several modes and devices.
fn with_known(mut object: Value, more: [(&str, Value); 2]) -> Value {
    for (key, value) in more.into_iter().filter(|(_, value)| !value.is_null()) {
        object[key] = value;
    }
    object
}

/// A training run with the keys that other programs rely on, as `inceptive train --json` and `data.json` have it.
pub fn training_run(run: &TrainingRun) -> Value {
    let common = json!({
        "name": run.subject.name,
        "file": run.subject.file,
        "settings": run.subject.point,
        "fingerprint": run.subject.fingerprint,
        "dataset": run.dataset.label,
        "recipe": run.recipe.name,
        "seed": run.seed,
        "epochs": run.epochs,
        "trainer": run.trainer,
        "device": run.device,
        "threads": run.threads,
        "isa": run.isa,
        "images_per_s": run.images_per_s,
        "seconds": run.seconds,
        "train_loss": run.train_loss,
        "val_loss": run.val_loss,
        "val_top1": run.val_top1,
        "test_loss": run.test_loss,
        "test_top1": run.test_top1,
        "test_top5": run.test_top5,
        "checkpoint": run.checkpoint,
        "outcome": run.outcome,
    });
    let of_pytorch =
        [("trainer_version", json!(run.trainer_version)), ("accelerator", json!(run.accelerator))];
    with_known(common, of_pytorch)
}

/// Networks of a data set and a recipe, the best first.
fn training_object(group: &TrainingGroup) -> Value {
    let network = |network: &TrainedNetwork| {
        let accuracy = &network.accuracy;
        json!({
            "name": network.name,
            "candidate": network.at,
            "test_top1": accuracy.top1,
            "interval_over": if accuracy.is_over_seeds() { "seeds" } else { "test images" },
            "test_top1_range": accuracy.range,
            "val_top1": accuracy.val_top1,
            "images_per_s": accuracy.images_per_s,
            "seconds": accuracy.seconds,
            "seeds": accuracy.seeds,
            "diverged": accuracy.diverged,
        })
    };
    let names = |group: &[TrainedNetwork]| -> Vec<String> {
        group.iter().map(|network| network.name.clone()).collect()
    };
    let ties = group.ties.iter().map(|tie| names(&group.networks[tie.clone()]));
    json!({
        "dataset": group.dataset,
        "recipe": group.recipe,
        "networks": group.networks.iter().map(network).collect::<Vec<Value>>(),
        "indistinguishable": ties.collect::<Vec<_>>(),
    })
}

fn way_object(way: &BenchConfig) -> Value {
    json!({
        "label": way.label(),
        "machine": way.machine,
        "machine_id": way.machine.id(),
        "runtime": way.runtime,
        "candidates": way.coverage,
        "peak_gflops": way.best.roofline.peak_gflops,
        "bandwidth_gbps": way.best.roofline.bandwidth_gbps,
        "peak_unix_ms": way.best.peak_unix_ms,
        "bandwidth_unix_ms": way.best.bandwidth_unix_ms,
    })
}

fn pick_object(report: &Report, pick: &Recommendation) -> Value {
    let name = |at: &usize| report.candidates[*at].name.clone();
    json!({
        "what": pick.what,
        "budget": pick.budget,
        "best": name(&pick.best),
        "top1": report.candidates[pick.best].top1(),
        "close": pick.close.iter().map(name).collect::<Vec<String>>(),
    })
}

fn variant_object(report: &Report, variant: &VariantCost) -> Value {
    let [base, changed] = &variant.diff.totals;
    json!({
        "base": report.candidates[variant.base].name,
        "variant": report.candidates[variant.variant].name,
        "yaml": report.candidates[variant.variant].variant.as_ref().map(|variant| &variant.yaml),
        "params": [base.params, changed.params],
        "macs": [base.macs, changed.macs],
        "acts": [base.acts, changed.acts],
        "peak_activation_bytes": variant.diff.peak_bytes,
        "modules_that_differ": variant.diff.modules.iter().map(|module| module.path.to_string()).collect::<Vec<_>>(),
        "latency_ratio": variant.latency,
    })
}

fn cloud_object(cloud: &Cloud) -> Value {
    let points: Vec<Value> = cloud
        .points
        .iter()
        .map(|point| {
            json!([
                point.values,
                point.count(Metric::Params),
                point.count(Metric::Macs),
                point.count(Metric::Acts),
                point.count(Metric::PeakActivationBytes),
                point.is_inside
            ])
        })
        .collect();
    json!({
        "title": cloud.title,
        "file": cloud.file,
        "variables": cloud.variables.iter().map(|(name, values)| (name.clone(), json!(values))).collect::<Map<_, _>>(),
        "constraints": cloud.constraints,
        "objectives": cloud.objectives.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "front": cloud.front(),
        "size": cloud.size.to_string(),
        "seed": cloud.seed,
        "failed": cloud.failed,
        "columns": ["values", "params", "macs", "acts", "peak_activation_bytes", "inside"],
        "points": points,
    })
}
