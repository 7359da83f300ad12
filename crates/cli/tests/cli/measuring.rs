//! Measuring through the program, on the embedded engine and a network that takes no time.

use std::{fs, path::Path, process::Command, thread, time::Duration};

use inceptive_results::{ProfileRecord, TrainingOutcome, example::training_run};
use inceptive_store::{Filter, Store};
use serde_json::Value;

use crate::{inceptive, root};

/// Two networks of a few thousand operations.
fn networks(folder: &Path) {
    for (name, width) in [("narrow", 8), ("wide", 64)] {
        let text = format!(
            "name: {name}\ninput: {{channels: 3, size: 16}}\nclasses: 10\nbody:\n  - conv first: {{kernel: 3, width: {width}}}\n  - relu\n  - conv second: {{kernel: 3, width: {width}}}\ntail: gap\n"
        );
        fs::write(folder.join(format!("{name}.yaml")), text).unwrap();
    }
}

/// `inceptive` in a folder of its own.
fn inside(folder: &Path, arguments: &str) -> assert_cmd::Command {
    let mut command = inceptive(arguments);
    command.current_dir(folder);
    command
}

fn success(folder: &Path, arguments: &str) -> String {
    let assert = inside(folder, arguments).assert().success();
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

fn documents(folder: &Path, arguments: &str) -> Value {
    serde_json::from_str(&success(folder, arguments)).unwrap()
}

#[test]
fn results_are_measured_kept_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    networks(folder);
    let measured = documents(
        folder,
        "bench narrow.yaml wide.yaml --batch 1,4,1 --threads 1,1 --budget 60ms --json",
    );
    let measured = measured.as_array().unwrap();
    assert_eq!(measured.len(), 4);
    for result in measured {
        let median = &result["latency_ms"]["median"];
        let [low, value, high] = ["low", "value", "high"].map(|key| median[key].as_f64().unwrap());
        assert!(0.0 < low && low <= value && value <= high, "{median}");
        assert_eq!(result["runtime"]["engine"], "native");
        assert_eq!(result["runtime"]["precision"], "fp32");
        assert!(result["roofline"]["peak_gflops"].as_f64().unwrap() > 0.0);
        assert!(["A", "B", "C", "D"].contains(&result["grade"].as_str().unwrap()));
    }
    assert_eq!(measured[0]["subject"]["name"], "narrow");

    let list = &documents(folder, "results list --json")["measurements"];
    assert_eq!((list.as_array().unwrap().len(), &list[3]["id"]), (4, &4.into()), "{list}");
    assert!(list[3]["median_ms"].as_f64().unwrap() > 0.0);
    let numbers = |key: &str| -> Vec<f64> {
        list.as_array().unwrap().iter().map(|row| row[key].as_f64().unwrap()).collect()
    };
    let highest = numbers("peak_gflops").into_iter().fold(0.0, f64::max);
    assert!(numbers("best_peak_gflops").iter().all(|&best| best == highest), "{list}");
    let shares = numbers("gflops").into_iter().map(|speed| speed / highest);
    assert!(numbers("share_of_peak").into_iter().zip(shares).all(|(a, b)| (a - b).abs() < 1e-9));
    let list = success(folder, "results list");
    assert_eq!(list.lines().count(), 2 + 4, "{list}");
    assert_eq!(success(folder, "results list --model wide").lines().count(), 2 + 2);
    let shown = success(folder, "results show 1");
    assert!(shown.contains("fingerprint") && shown.contains("median_ms"), "{shown}");
    inside(folder, "results show 9").assert().code(1);
    assert_eq!(success(folder, "results export csv").lines().count(), 5);
    let exported = documents(folder, "results export json");
    let turns = &exported[0]["turns_ms"];
    assert!(turns.as_array().unwrap().len() > 1, "every time is kept");
    inside(folder, "results export parquet").assert().code(1);
    let export = "results export parquet -o results.parquet";
    if cfg!(feature = "parquet") {
        success(folder, export);
        assert!(fs::read(folder.join("results.parquet")).unwrap().starts_with(b"PAR1"));
    } else {
        let refused = inside(folder, export).assert().code(1);
        let message = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
        assert!(message.contains("--features parquet"), "{message}");
    }

    let timm = success(folder, "results export timm -o timm.csv")
        + &fs::read_to_string(folder.join("timm.csv")).unwrap();
    assert!(
        timm.starts_with("model,infer_img_size,infer_samples_per_sec,infer_step_time"),
        "{timm}"
    );
    assert_eq!(success(folder, "results import timm.csv --store other.db"), "4 of 4 rows added\n");
    assert_eq!(
        success(folder, "results merge other.db inceptive.db"),
        "inceptive.db: 4 new results\n"
    );
    assert_eq!(
        success(folder, "results merge other.db inceptive.db"),
        "inceptive.db: 0 new results\n"
    );
    let both = success(folder, "results export timm --store other.db");
    assert_eq!(both.lines().count(), 9, "{both}");
}

#[test]
fn a_comparison_names_a_winner_only_when_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    networks(folder.path());
    let compared = documents(
        folder.path(),
        "bench --compare narrow.yaml wide.yaml --threads 1 --batch 8 --budget 2s --json",
    );
    let comparison = &compared["comparisons"][0];
    assert_eq!(comparison["verdict"], "first is faster", "{comparison}");
    assert!(comparison["ratio"]["value"].as_f64().unwrap() < 0.8);
    inside(folder.path(), "bench --compare narrow.yaml").assert().code(2);

    // One pair of turns says nothing, and files tell networks of one name apart.
    fs::copy(folder.path().join("narrow.yaml"), folder.path().join("same.yaml")).unwrap();
    let few = "bench --compare narrow.yaml same.yaml --threads 1 --budget 20ms --runs 1";
    let document = documents(folder.path(), &format!("{few} --json"));
    let comparison = &document["comparisons"][0];
    assert_eq!(comparison["verdict"], "too few turns to tell", "{comparison}");
    assert_eq!(comparison["second_file"], "same.yaml");
    assert!(comparison["ratio"]["low"].is_null() && document["measurements"][0]["grade"] == "D");
    let text = success(folder.path(), few);
    assert!(text.contains("1 pair of turns: too few to tell narrow (narrow.yaml) from"), "{text}");
    assert!(!text.contains("95% interval 1"), "{text}");
}

#[test]
fn a_profile_has_every_node() {
    let folder = tempfile::tempdir().unwrap();
    networks(folder.path());
    let profile = documents(folder.path(), "profile narrow.yaml --threads 1 --runs 3 --json");
    let nodes = profile[0]["nodes"].as_array().unwrap();
    let names: Vec<&str> = nodes.iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"first") && names.contains(&"second"), "{names:?}");
    let shares: f64 = nodes.iter().map(|node| node["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-6);
    // It is kept where reports and the dashboard look for it.
    let store = Store::open_to_read(&folder.path().join("inceptive.db")).unwrap();
    let kept = store.records::<ProfileRecord>(&Filter::default()).unwrap().readable;
    assert_eq!((kept.len(), kept[0].result.profile.runs), (1, 3));
    assert_eq!(kept[0].result.subject.file, "narrow.yaml");
    let text = success(folder.path(), "profile narrow.yaml --threads 1 --runs 3 --by module");
    assert!(text.contains("bound by"), "{text}");
    let list = inside(folder.path(), "results list").assert().success().get_output().clone();
    let (text, note) =
        (String::from_utf8(list.stdout).unwrap(), String::from_utf8(list.stderr).unwrap());
    assert_eq!(text.trim(), "and 2 profiles, which `inceptive report` and the dashboard show");
    assert_eq!(note, "note: `inceptive.db` has no measurements\n");
    // Nothing is measured that cannot be kept, and nothing is kept of what fails.
    inside(folder.path(), "profile narrow.yaml --store no/folder/x.db").assert().code(1);
    inside(folder.path(), "profile missing.yaml --json").assert().code(1).stdout("[]\n");
    let store = Store::open_to_read(&folder.path().join("inceptive.db")).unwrap();
    assert_eq!(store.records::<ProfileRecord>(&Filter::default()).unwrap().readable.len(), 2);
}

#[test]
fn a_profile_holds_rates_against_the_peak() {
    let folder = tempfile::tempdir().unwrap();
    networks(folder.path());
    let profile = documents(folder.path(), "profile narrow.yaml --threads 1 --runs 3 --json");
    let peak = profile[0]["roofline"]["peak_gflops"].as_f64().unwrap();
    let nodes = profile[0]["nodes"].as_array().unwrap();
    for node in nodes.iter().filter(|node| node["flops"].as_u64().unwrap() > 0) {
        let share = node["peak_share"].as_f64().unwrap();
        assert!((share * peak / node["gflops"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{node}");
    }
    // What threads do beside computing has a time, and no work.
    let waiting = nodes.iter().find(|node| node["name"] == "waiting").unwrap();
    assert!(waiting["peak_share"].is_null() && waiting["ops"] == "", "{waiting}");
    let text = success(folder.path(), "profile narrow.yaml --threads 1 --runs 3 --by layer");
    assert!(text.contains("of peak"), "{text}");
}

#[test]
fn what_the_engine_does_with_subnormal_numbers_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    networks(folder.path());
    success(folder.path(), "bench narrow.yaml --budget 100ms --threads 1");
    let list = &documents(folder.path(), "results list --json")["measurements"];
    assert_eq!(list[0]["flushes_subnormals"], "yes", "{list}");
}

#[test]
fn a_plan_is_shown_and_nothing_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    networks(folder.path());
    let command = "profile narrow.yaml --plan --isa portable --threads 1";
    insta::assert_snapshot!(success(folder.path(), command));
    assert!(!folder.path().join("inceptive.db").exists());
    let mut other = inside(folder.path(), "profile narrow.yaml --plan --json");
    other.assert().code(2);
}

#[test]
fn nothing_is_merged_where_a_store_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    inside(folder.path(), "results merge new.db missing.db").assert().code(1).stdout("");
    assert!(!folder.path().join("new.db").exists());
}

#[test]
fn results_that_do_not_match_are_said_to() {
    let folder = tempfile::tempdir().unwrap();
    networks(folder.path());
    success(folder.path(), "bench narrow.yaml --threads 1 --budget 20ms");
    let nothing = "{\n  \"measurements\": [],\n  \"profiles\": [],\n  \"training_runs\": [],\n  \"imported\": [],\n  \"explorations\": [],\n  \"calibrations\": [],\n  \"space_counts\": [],\n  \"timm_rows\": []\n}\n";
    for (command, text) in
        [("results list --model nobody", ""), ("results list --json --model nobody", nothing)]
    {
        let list = inside(folder.path(), command).assert().success().stdout(text);
        let note = String::from_utf8(list.get_output().stderr.clone()).unwrap();
        assert_eq!(note, "note: `inceptive.db` has no measurements that match\n", "{command}");
    }
    let report = "report inceptive.db?model=nobody --store none.db";
    let refused = inside(folder.path(), report).assert().code(1);
    let error = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    assert!(error.contains("`inceptive.db` has no results with model=nobody"), "{error}");
    assert!(error.contains("no report was written") && !folder.path().join("reports").exists());
}

#[test]
fn engines_are_listed_and_missing_ones_say_how_to_get_them() {
    let folder = tempfile::tempdir().unwrap();
    networks(folder.path());
    let mut command = inside(folder.path(), "engines --json");
    let output = command.env("ORT_DYLIB_PATH", "/no/such/library.so").assert().success();
    let engines: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!((&engines[0]["name"], &engines[0]["found"]), (&"native".into(), &true.into()));
    assert_eq!(engines[1]["found"], false);
    let message = engines[1]["message"].as_str().unwrap();
    assert!(message.contains("/no/such/library.so"), "{message}");

    let mut command = inside(folder.path(), "bench narrow.yaml --engine onnxruntime");
    command.env("ORT_DYLIB_PATH", "/no/such/library.so").assert().code(1).stdout("");
    let mut command = inside(folder.path(), "bench narrow.yaml --engine onnxruntime");
    // A library, but another one.
    let own = std::env::current_exe().unwrap();
    command.env("ORT_DYLIB_PATH", own).assert().code(1).stdout("");
    inside(folder.path(), "bench narrow.yaml --engine nonsense").assert().code(2);
    inside(folder.path(), "bench narrow.yaml --device npu").assert().code(2);
    inside(folder.path(), "bench narrow.yaml --batch 0").assert().code(2);
    let many = std::thread::available_parallelism().unwrap().get() * 17;
    let many = format!("bench narrow.yaml --threads {many}");
    inside(folder.path(), &many).assert().code(2);
    inside(folder.path(), "bench narrow.yaml --budget forever").assert().code(2);
    assert!(!folder.path().join("inceptive.db").exists(), "nothing was measured");
}

/// A library that can be loaded but is another one.
#[test]
#[cfg(target_os = "linux")]
fn other_libraries_are_no_engines() {
    let folder = tempfile::tempdir().unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let libc = maps.split_whitespace().find(|word| word.contains("/libc.so")).unwrap();
    let mut command = inside(folder.path(), "engines --json");
    command.env("ORT_DYLIB_PATH", libc).env("OPENVINO_LIB_PATH", libc);
    let output = command.assert().success();
    let engines: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    for (at, expected) in [(1, "is not an ONNX Runtime library"), (2, "is not an OpenVINO library")]
    {
        let message = engines[at]["message"].as_str().unwrap();
        assert!(message.contains(expected) && message.contains(libc), "{message}");
    }
}

#[test]
fn stores_that_cannot_be_used_are_found_out_before_measuring() {
    let folder = tempfile::tempdir().unwrap();
    networks(folder.path());
    fs::write(folder.path().join("notes.txt"), "not a store").unwrap();
    for (store, message) in
        [("notes.txt", "not a results store"), ("no/folder/x.db", "cannot be written")]
    {
        let assert =
            inside(folder.path(), &format!("bench narrow.yaml --store {store}")).assert().code(1);
        let error = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(error.contains(message), "{error}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("notes.txt")).unwrap(), "not a store");
    inside(folder.path(), "results list").assert().code(1);
}

#[test]
fn outputs_of_a_run_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    networks(folder.path());
    let first = success(folder.path(), "run narrow.yaml --batch 2 -o out.safetensors");
    assert!(first.contains("native"), "{first}");
    let again = success(folder.path(), "run narrow.yaml --batch 2 --input out.safetensors");
    assert_eq!(first, again);
    fs::write(folder.path().join("broken.safetensors"), [0xFF; 64]).unwrap();
    let broken = "run narrow.yaml --input broken.safetensors";
    let assert = inside(folder.path(), broken).assert().code(1);
    let error = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert_eq!(error.matches("header too large").count(), 1, "{error}");
    let assert = inside(folder.path(), "run narrow.yaml --input out.safetensors").assert().code(1);
    let error = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(error.contains("[2, 3, 16, 16]") && error.contains("--batch"), "{error}");
}

#[test]
fn training_runs_are_listed_shown_exported_and_merged() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut store = Store::open(&folder.join("inceptive.db")).unwrap();
    let mut diverged = training_run(1, 90.0);
    diverged.outcome =
        TrainingOutcome::Diverged { epoch: 2, step: 150, what: "the loss is NaN".to_owned() };
    (diverged.test_loss, diverged.test_top1, diverged.test_top5) = (None, None, None);
    diverged.confusion.clear();
    store.append_all(&[training_run(0, 90.0), diverged]).unwrap();
    insta::assert_snapshot!(success(folder, "results list"));
    insta::assert_snapshot!(
        "epochs_of_a_training_run",
        success(folder, "results show 1 --kind training-runs")
    );
    let only = success(folder, "results list --kind training-runs");
    assert_eq!(only, success(folder, "results list"));
    assert_eq!(success(folder, "results list --kind measurements"), "");
    let only = documents(folder, "results list --json --kind training-runs");
    assert_eq!(only.as_object().unwrap().len(), 1, "{only}");
    assert_eq!(only["training_runs"].as_array().unwrap().len(), 2);
    let missing = inside(folder, "results show 9 --kind training-runs").assert().code(1);
    let missing = String::from_utf8(missing.get_output().stderr.clone()).unwrap();
    assert!(missing.contains("`inceptive.db` has no training run 9"), "{missing}");

    let list = documents(folder, "results list --json --model example --engine native");
    let runs = list["training_runs"].as_array().unwrap();
    assert_eq!((runs.len(), &runs[0]["test_top1"]), (2, &90.0.into()), "{list}");
    assert_eq!(runs[1]["test_top1"], Value::Null, "{list}");
    assert_eq!(list["measurements"], Value::Array(vec![]));
    let table = success(folder, "results export csv --kind training-runs");
    assert_eq!(table.lines().count(), 3, "{table}");
    let exported = documents(folder, "results export json --kind training-runs");
    assert_eq!(exported[0]["history"].as_array().unwrap().len(), 2);
    inside(folder, "results export timm --kind training-runs").assert().code(1);

    let merged = "inceptive.db: 2 new results\n";
    assert_eq!(success(folder, "results merge other.db inceptive.db"), merged);
    let list = documents(folder, "results list --json --store other.db");
    assert_eq!(list["training_runs"].as_array().unwrap().len(), 2);
}

/// What cannot fit is refused before it is tried, and what fits is still measured.
#[test]
fn more_than_the_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    networks(folder.path());
    for command in [
        "run narrow.yaml --batch 4000000000",
        "profile narrow.yaml --batch 4000000000 --threads 1",
        "bench narrow.yaml --batch 4000000000,1 --threads 1 --budget 20ms",
    ] {
        let assert = inside(folder.path(), command).assert().code(1);
        let error = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(error.contains("batch 4000000000 needs"), "{error}");
        assert!(error.contains("TiB of memory, but only"), "{error}");
    }
    assert_eq!(success(folder.path(), "results list").lines().count(), 3);
    // No file is made for the native engine, so none can be too large.
    let wide = "name: wide\ninput: {channels: 3, size: 8}\nclasses: 2\nbody: [conv a: {kernel: 3, width: 65536}, conv b: {kernel: 9, width: 65536}]\ntail: gap\n";
    fs::write(folder.path().join("wide.yaml"), wide).unwrap();
    for command in ["run wide.yaml", "bench wide.yaml --budget 20ms"] {
        let assert = inside(folder.path(), command).assert().code(1);
        let error = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(error.contains("TiB of memory, but only") && !error.contains("ONNX"), "{error}");
    }
}

/// An image that is no number gives an output that is none, and that is no agreement.
#[test]
fn outputs_that_are_no_numbers_fail_a_run() {
    let folder = tempfile::tempdir().unwrap();
    // Without an activation, which some engines take zero from where they get no number.
    let text = "name: plain\ninput: {channels: 3, size: 8}\nclasses: 2\nbody:\n  - conv c: {kernel: 3, width: 4, act: none}\ntail: gap\n";
    fs::write(folder.path().join("plain.yaml"), text).unwrap();
    success(folder.path(), "run plain.yaml -o in.safetensors");
    let mut bytes = fs::read(folder.path().join("in.safetensors")).unwrap();
    let header = usize::try_from(u64::from_le_bytes(*bytes.first_chunk().unwrap())).unwrap();
    for value in bytes[8 + header..].chunks_mut(4) {
        value.copy_from_slice(&f32::NAN.to_le_bytes());
    }
    fs::write(folder.path().join("in.safetensors"), bytes).unwrap();
    let assert = inside(folder.path(), "run plain.yaml --input in.safetensors").assert().code(1);
    let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    assert!(text.contains("NOT FINITE"), "{text}");
}

/// What one engine computed is shown and written though another one refuses the network.
#[test]
fn an_engine_that_refuses_does_not_take_the_output_of_others_away() {
    let folder = tempfile::tempdir().unwrap();
    let conv = "conv: {kernel: 3, width: 1, stride: 20000, pad: 20000}";
    let text = format!("name: n\ninput: {{channels: 1, size: 2}}\nbody: [{conv}]\ntail: []\n");
    fs::write(folder.path().join("n.yaml"), text).unwrap();
    let command = "run n.yaml --engine native,rten -o out.safetensors";
    let assert = inside(folder.path(), command).assert().code(1);
    let (text, errors) = (&assert.get_output().stdout, &assert.get_output().stderr);
    let (text, errors) = (String::from_utf8_lossy(text), String::from_utf8_lossy(errors));
    assert!(text.contains("rten") && !text.contains("native"), "{text}");
    assert!(errors.contains("native failed"), "{errors}");
    assert!(folder.path().join("out.safetensors").exists());
    let assert = inside(folder.path(), "run n.yaml").assert().code(1);
    assert!(assert.get_output().stdout.is_empty());
}

/// Starts a benchmark that would take a minute.
#[cfg(unix)]
fn long_bench(folder: &Path) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_inceptive"))
        .args(["bench", "narrow.yaml", "wide.yaml", "--batch", "1,2,4,8,16,32", "--threads", "1"])
        .args(["--budget", "500ms"])
        .current_dir(folder)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until the store in a folder holds so many results, while `child` measures.
#[cfg(unix)]
fn wait_for_results(folder: &Path, wanted: usize, child: &mut std::process::Child) -> usize {
    let start = std::time::Instant::now();
    loop {
        // There are no results until the first one is kept.
        let output = inside(folder, "results export json").output().unwrap();
        let results = serde_json::from_slice::<Value>(&output.stdout).ok();
        let kept = results.and_then(|results| Some(results.as_array()?.len())).unwrap_or(0);
        if kept >= wanted {
            return kept;
        }
        assert!(child.try_wait().unwrap().is_none(), "the benchmark ends before {wanted} results");
        assert!(start.elapsed() < Duration::from_secs(300), "no {wanted} results in five minutes");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Killed at any moment, a benchmark leaves a store that opens, with whole results in it.
#[test]
#[cfg(unix)]
fn a_killed_benchmark_loses_nothing_that_was_done() {
    let folder = tempfile::tempdir().unwrap();
    networks(folder.path());
    let mut kept = 0;
    for milliseconds in [0, 130, 410] {
        let mut child = long_bench(folder.path());
        let before = wait_for_results(folder.path(), kept + 1, &mut child);
        thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        kept = documents(folder.path(), "results export json").as_array().unwrap().len();
        assert!(kept >= before, "{kept} after {before}");
    }
}

/// An interrupt keeps what is measured enough, and says what is not.
#[test]
#[cfg(unix)]
fn an_interrupt_keeps_what_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    networks(folder.path());
    let mut child = long_bench(folder.path());
    wait_for_results(folder.path(), 1, &mut child);
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let (text, errors) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("stopping"), "{errors}");
    assert!(!errors.contains("stopped before") || errors.contains("1 thread"), "{errors}");
    let shown = text.lines().filter(|line| line.contains("native  ")).count();
    let kept = documents(folder.path(), "results export json").as_array().unwrap().len();
    assert!(kept > 0 && kept == shown, "{kept} kept\n{text}");
}

/// What `bench` measures every shipped network with.
#[test]
fn the_shipped_modules_run() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["module-naive", "module-reduced"] {
        let file = root().join(format!("architectures/{name}.yaml"));
        let command =
            format!("bench {} --set input.size=4 --budget 20ms --threads 1", file.display());
        assert!(success(folder.path(), &command).contains("GFLOP/s"));
    }
}

/// A small file with a long row of nodes, or a join of many branches, ends nothing but its own measuring.
#[test]
fn deep_networks_end_no_batch() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    networks(folder);
    let head = "input: {channels: 2, size: 4}\ntail: []\n";
    let relus = format!("name: relus\n{head}body: [repeat: {{count: 20000, steps: [relu]}}]\n");
    assert!(relus.len() < 120);
    let branches: Vec<String> = (0..30_000).map(|number| format!("b{number}: []")).collect();
    let join = format!(
        "name: join\n{head}body: [parallel: {{join: add, branches: {{{}}}}}]\n",
        branches.join(", ")
    );
    fs::write(folder.join("relus.yaml"), relus).unwrap();
    fs::write(folder.join("join.yaml"), join).unwrap();
    let bench = "bench narrow.yaml relus.yaml join.yaml wide.yaml --budget 10ms --threads 1";
    let output = inside(folder, bench).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let list = success(folder, "results list");
    for name in ["narrow", "relus", "join", "wide"] {
        assert!(list.contains(name), "{list}{errors}");
    }
    for command in
        ["run", "profile", "export -o deep.onnx", "show --depth 1", "report --out report"]
    {
        for file in ["relus.yaml", "join.yaml"] {
            let output = inside(folder, &format!("{command} {file}")).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 1)), "{command} {file}: {errors}");
        }
    }
}
