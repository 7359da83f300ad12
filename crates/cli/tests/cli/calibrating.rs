//! `inceptive calibrate` and the predictions that follow from it, as their users run them.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use inceptive_store::{Filter, Store};
use serde_json::Value;

use crate::words;

const BASE: &str = "name: base\nparams: {w: 8, v: 8, n: 1}\ninput: {channels: 1, size: 16}\nclasses: 10\nbody:\n  \
                    - conv: {kernel: 3, width: $w}\n  - maxpool: {kernel: 2, stride: 2}\n  - repeat m:\n      \
                    count: $n\n      steps: [conv: {kernel: 1, width: $v}]\ntail: gap\n";

const SPACE: &str = "space: Widths and depths\nbase: base.yaml\nvary:\n  w: {from: 1, to: 32, step: 1, default: 8}\n  \
                     v: {from: 1, to: 32, step: 1, default: 8}\n  n: {from: 1, to: 6, default: 1}\n";

const CALIBRATE: &str = "calibrate base.yaml space.yaml --threads 1 --budget 1s --store results.db";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("base.yaml", BASE), ("space.yaml", SPACE)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn inceptive(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inceptive"));
    command.args(words(arguments)).current_dir(folder);
    command
}

/// What a command prints, says on standard error, and whether it succeeds.
fn run(folder: &Path, arguments: &str) -> (String, String, bool) {
    let output = inceptive(folder, arguments).output().unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    (out, error, output.status.success())
}

fn done(folder: &Path, arguments: &str) -> String {
    let (out, error, is_done) = run(folder, arguments);
    assert!(is_done, "{arguments}: {error}");
    out
}

fn document(folder: &Path, arguments: &str) -> Value {
    serde_json::from_str(&done(folder, arguments)).unwrap()
}

/// Fingerprints of the networks that were measured, in order.
fn measured(folder: &Path) -> Vec<String> {
    let Ok(store) = Store::open_to_read(&folder.join("results.db")) else { return vec![] };
    let rows = store.records::<inceptive_results::CalibrationSample>(&Filter::default()).unwrap();
    rows.readable.into_iter().map(|stored| stored.result.subject.fingerprint).collect()
}

#[test]
fn a_calibration_that_was_killed_continues_and_its_model_predicts() {
    let folder = folder();
    let folder = folder.path();
    let (_, error, is_done) =
        run(folder, "cost base.yaml --latency --threads 1 --store results.db");
    assert!(!is_done && error.contains("run `inceptive calibrate` first"), "{error}");

    let mut child =
        inceptive(folder, CALIBRATE).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while measured(folder).is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended without a measurement");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = measured(folder);

    let found = document(folder, &format!("{CALIBRATE} --json"));
    let after = measured(folder);
    assert_eq!(after[..before.len()], before);
    let mut distinct = after.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), after.len(), "no network was measured twice");
    let mut keys: Vec<&str> = found.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "batch",
            "budget_s",
            "device",
            "disturbed",
            "engine",
            "engine_version",
            "fitted",
            "interval",
            "isa",
            "judgement",
            "kernels",
            "machine",
            "precision",
            "seed",
            "targets",
            "threads"
        ]
    );
    let judged = found["judgement"]["networks"].as_array().unwrap();
    let count = |value: &Value| value.as_u64().unwrap() as usize;
    let left_out = count(&found["disturbed"]) + count(&found["judgement"]["refused"]);
    assert_eq!(count(&found["fitted"]) + judged.len() + left_out, after.len());
    let text = done(folder, CALIBRATE);
    assert!(text.contains("within 10%") && text.contains("rank correlation"), "{text}");
    assert_eq!(measured(folder), after, "the same command measures nothing more");

    let cost = "cost base.yaml --latency --threads 1 --store results.db";
    let text = done(folder, cost);
    assert!(text.contains("predicted latency") && text.contains("not measured"), "{text}");
    let found = document(folder, &format!("{cost} --json"));
    let latency = &found[0]["predicted_latency_ms"];
    assert_eq!(latency["origin"], "predicted");
    assert!(latency["low"].as_f64() <= latency["value"].as_f64(), "{latency}");
    assert!(latency["model"].as_str().unwrap().starts_with("native "), "{latency}");
    let many = done(folder, "cost base.yaml base.yaml --latency --threads 1 --store results.db");
    assert!(many.contains("predicted ms") && many.contains("Predicted latency: not measured"));

    // Anything else is refused.
    for other in ["--threads 2", "--threads 1 --isa portable"] {
        let (_, error, is_done) =
            run(folder, &format!("cost base.yaml --latency {other} --store results.db"));
        assert!(!is_done && error.contains("`inceptive calibrate --engine native"), "{error}");
    }
    let (_, error, is_done) = run(folder, &format!("{cost} --batch 2"));
    assert!(!is_done && error.contains("at batch 1"), "{error}");
}

#[test]
fn calibrations_are_listed_like_other_results_and_reports_tell_predictions_apart() {
    let folder = folder();
    let folder = folder.path();
    done(folder, CALIBRATE);
    let listed = done(folder, "results list --kind calibrations --store results.db");
    assert!(listed.contains("native") && listed.contains("1 thread"), "{listed}");
    let samples =
        document(folder, "results list --kind calibration-samples --json --store results.db");
    let samples = samples["calibration_samples"].as_array().unwrap();
    assert_eq!(samples.len(), measured(folder).len());
    assert!(samples.iter().all(|it| it["latency_ms"].as_f64() > Some(0.0)));
    let shown = done(folder, "results show 1 --kind calibrations --store results.db");
    assert!(shown.contains("rank_correlation_of_macs"), "{shown}");
    let csv = done(folder, "results export csv --kind calibrations --store results.db");
    assert_eq!(csv.lines().count(), 2);

    done(folder, "report base.yaml --store results.db --out report");
    let page = fs::read_to_string(folder.join("report/index.html")).unwrap();
    assert!(page.contains("These latencies were <b>not measured</b>"), "it says so");
    let data = fs::read_to_string(folder.join("report/data.json")).unwrap();
    let data: Value = serde_json::from_str(&data).unwrap();
    let predicted = &data["candidates"][0]["predicted_latency_ms"][0];
    assert_eq!(predicted["origin"], "predicted");
    assert_eq!(data["candidates"][0]["measurements"], serde_json::json!([]));
}

#[test]
fn what_cannot_be_calibrated_is_told() {
    let folder = folder();
    let folder = folder.path();
    fs::create_dir(folder.join("empty")).unwrap();
    for (arguments, expected) in [
        ("calibrate empty --budget 1s", "no network and no space"),
        ("calibrate missing.yaml --budget 1s", "missing.yaml"),
        ("calibrate base.yaml --budget 1s --engine native,onnxruntime", ""),
    ] {
        let (out, error, is_done) = run(folder, arguments);
        assert!(!is_done && out.is_empty() && error.contains(expected), "{arguments}: {error}");
    }
}
