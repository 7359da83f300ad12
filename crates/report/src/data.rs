//! The report's numbers for other programs.

use serde_json::{Value, json};

use crate::candidate::{Accuracy, Candidate};

/// Counts of a candidate by the names that `inceptive cost --json` uses.
fn counts(candidate: &Candidate) -> [(&'static str, u64); 10] {
    let total = &candidate.cost.total;
    [
        ("params", total.params),
        ("buffers", total.buffers),
        ("macs", total.macs),
        ("flops", total.flops),
        ("acts", total.acts),
        ("weight_bytes", total.weight_bytes),
        ("activation_bytes", total.activation_bytes),
        ("peak_activation_bytes", candidate.cost.peak.bytes),
        ("moved_bytes", total.moved_bytes),
        ("nodes", total.nodes),
    ]
}

/// One row a candidate; accuracies that are not known are empty.
pub(crate) fn csv(candidates: &[Candidate]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let about = ["name", "file", "fingerprint", "input_channels", "input_height", "input_width"];
    let accuracy = ["published_top1", "published_top5", "published_source"];
    let mut header: Vec<String> = about.map(str::to_owned).to_vec();
    let names = candidates.first().map(counts).unwrap_or_default();
    header.extend(names.iter().map(|(name, _)| (*name).to_owned()));
    header.extend(accuracy.map(str::to_owned));
    let rows = candidates.iter().map(row);
    // Writing to memory cannot fail, and all rows have the header's length.
    for record in std::iter::once(header).chain(rows) {
        let _ = writer.write_record(&record);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn row(candidate: &Candidate) -> Vec<String> {
    let size = candidate.input.size();
    let mut row = vec![
        candidate.name.clone(),
        candidate.file.clone(),
        candidate.fingerprint.clone(),
        candidate.input.channels().to_string(),
        size.height.to_string(),
        size.width.to_string(),
    ];
    row.extend(counts(candidate).iter().map(|(_, count)| count.to_string()));
    let accuracy = candidate.comparable();
    let percent = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    row.push(percent(accuracy.and_then(|accuracy| accuracy.top1)));
    row.push(percent(accuracy.and_then(|accuracy| accuracy.top5)));
    row.push(accuracy.map_or_else(String::new, |accuracy| accuracy.source.clone()));
    row
}

/// All candidates with all published accuracies.
pub(crate) fn json(candidates: &[Candidate]) -> String {
    let objects: Vec<Value> = candidates.iter().map(object).collect();
    format!("{:#}\n", Value::from(objects))
}

fn object(candidate: &Candidate) -> Value {
    let size = candidate.input.size();
    let mut object = json!({
        "name": candidate.name,
        "file": candidate.file,
        "fingerprint": candidate.fingerprint,
        "input": [candidate.input.channels(), size.height, size.width],
    });
    for (name, count) in counts(candidate) {
        object[name] = json!(count);
    }
    let field = candidate.cost.receptive_field;
    object["receptive_field"] = json!({
        "size": [field.size.height, field.size.width],
        "stride": [field.stride.height, field.stride.width],
    });
    let comparable = candidate.comparable();
    let published = candidate.published.iter();
    object["published"] = published
        .map(|accuracy| published_object(accuracy, comparable == Some(accuracy)))
        .collect();
    object
}

fn published_object(accuracy: &Accuracy, is_compared: bool) -> Value {
    let Accuracy { dataset, top1, top5, crops, models, resolution, source, note } = accuracy;
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
