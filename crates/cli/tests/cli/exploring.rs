//! `inceptive explore` and `compare-spaces` as their users run them: a small space on generated images.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::words;

const BASE: &str = "name: base\nparams: {w: 4, k: 3}\ninput: {channels: 1, size: 16}\nclasses: 10\nbody:\n  \
                    - conv: {kernel: $k, width: $w, pad: same}\n  - maxpool: {kernel: 2, stride: 2}\ntail: gap\n";

const SPACE: &str = "space: Widths and kernels\nbase: base.yaml\nvary:\n  w: {from: 4, to: 24, step: 4, default: 4}\n  \
                     k: {values: [1, 3, 5], default: 3}\nwith: {params: {w: $w, k: $k}}\n\
                     objectives: [maximize top1, minimize macs]\n";

const OTHER: &str = "space: Wider\nbase: base.yaml\nvary:\n  w: {from: 32, to: 48, step: 4, default: 32}\n  \
                     k: {values: [5, 7], default: 5}\nwith: {params: {w: $w, k: $k}}\n";

const RECIPE: &str = "name: two\nepochs: 2\nlearning_rate: 0.05\nbatch: 50\n";

const SEARCH: &str = "explore space.yaml --data shapes:size=16,train=300,test=100 --recipe two.yaml --networks 4 --seeds 2 \
                      --threads 1 --engine native --store results.db";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("base.yaml", BASE), ("space.yaml", SPACE), ("other.yaml", OTHER), ("two.yaml", RECIPE)]
    {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The program with arguments, in a process that can be killed.
fn inceptive(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inceptive"));
    command.args(words(arguments));
    command
}

/// What a command prints, says on standard error, and whether it succeeds.
fn run(folder: &Path, arguments: &str) -> (String, String, bool) {
    let output = inceptive(arguments).current_dir(folder).output().unwrap();
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

/// Starts a command again and again, and kills it after so many milliseconds.
fn kill_after(folder: &Path, arguments: &str, milliseconds: &[u64]) {
    for &milliseconds in milliseconds {
        let mut child = inceptive(arguments)
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn all_networks_are_counted_and_what_excludes_them_is_told() {
    let folder = folder();
    let folder = folder.path();
    let found = document(folder, "explore space.yaml --costs-only --objectives params,macs --json");
    assert_eq!((found["points"].as_u64(), found["complete"].as_bool()), (Some(18), Some(true)));
    let front = found["front"].as_array().unwrap();
    assert_eq!(front.len(), 1, "the narrowest with the smallest kernel is the least in both");
    assert_eq!(front[0]["values"], serde_json::json!({ "w": "4", "k": "1" }));
    // As `cost` counts it.
    let cost = document(folder, "cost space.yaml --set w=4 --set k=1 --json");
    assert_eq!(front[0]["macs"], cost[0]["macs"], "{cost}");
    let (out, _, is_done) = run(folder, "explore space.yaml --costs-only --where \"params < 10\"");
    assert!(
        !is_done && out.contains("no network has params < 10; the closest has 58 with w=4, k=1"),
        "{out}"
    );
}

#[test]
fn members_of_the_front_become_files_that_are_these_networks() {
    let folder = folder();
    let folder = folder.path();
    let arguments = "explore space.yaml --costs-only --objectives \"maximize params, minimize macs\" --save best";
    let out = done(folder, arguments);
    assert!(out.contains("wrote ") && out.contains("best-1.yaml"), "{out}");
    let listed = document(
        folder,
        "explore space.yaml --costs-only --objectives \"maximize params, minimize macs\" --json",
    );
    let cost = document(folder, "cost best-1.yaml --json");
    assert_eq!(cost[0]["macs"], listed["front"][0]["macs"]);
    // Files are not replaced.
    let (_, error, is_done) = run(folder, arguments);
    assert!(!is_done && error.contains("best-1.yaml"), "{error}");
}

#[test]
fn what_cannot_be_explored_is_told() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("bad.csv"), "w,k,accuracy\n4,1,50\n5,1,60\n").unwrap();
    fs::write(folder.join("no.csv"), "w,accuracy\n4,50\n").unwrap();
    fs::write(folder.join("twice.csv"), "w,k,accuracy,seed\n4,1,50,0\n4,1,51,0\n").unwrap();
    fs::write(folder.join("again.csv"), "w,k,accuracy\n4,1,50\n4,1,99\n").unwrap();
    fs::write(folder.join("columns.csv"), "w,k,accuracy,accuracy\n4,1,50,60\n").unwrap();
    fs::write(folder.join("seed.csv"), "w,k,accuracy,seed\n4,1,50,x\n").unwrap();
    fs::write(folder.join("empty.csv"), "w,k,accuracy\n").unwrap();
    fs::write(folder.join("percent.csv"), "w,k,accuracy\n4,1,150\n").unwrap();
    fs::write(folder.join("smooth.csv"), "w,k,accuracy\n4,1,50\n8,1,51\n").unwrap();
    let smooth = BASE.replace("pad: same}", "pad: same, act: silu}");
    fs::write(folder.join("smooth-base.yaml"), smooth).unwrap();
    let smooth = SPACE.replace("base: base.yaml", "base: smooth-base.yaml");
    fs::write(folder.join("smooth.yaml"), smooth).unwrap();
    for (arguments, expected) in [
        ("base.yaml --costs-only", "is a single network, not a space"),
        ("missing.yaml --costs-only", "missing.yaml"),
        ("space.yaml --costs-only --where \"width < 3\"", "width"),
        ("space.yaml --costs-only --objectives speed", "there is no metric `speed`"),
        ("space.yaml", "--data"),
        (
            "space.yaml --data shapes:size=16 --budget 1s --recipe two.yaml --engine native",
            "are needed",
        ),
        (
            "space.yaml --data shapes:size=16 --networks 4 --recipe two.yaml --recipe-set validation=0 --engine native",
            "validation",
        ),
        ("space.yaml --data shapes:size=16 --recommend \"speed < 3\"", "speed"),
        ("space.yaml --data shapes:size=16 --weights top1", "`top1` has no `=`"),
        ("space.yaml --data shapes:size=16 --weights top5=1", "a search does not find `top5`"),
        ("space.yaml --data shapes:size=16 --weights top1=-1", "no weight of 0 or more"),
        ("space.yaml --accuracies bad.csv", "line 3: `w` has no value `5` in the space"),
        ("space.yaml --accuracies no.csv", "it has no column `k`; its columns are w, accuracy"),
        ("space.yaml --accuracies twice.csv", "line 3: the network has another row with seed `0`"),
        (
            "space.yaml --accuracies again.csv",
            "line 3: the network has another row; a column `seed`",
        ),
        ("space.yaml --accuracies columns.csv", "it has several columns `accuracy`"),
        ("space.yaml --accuracies seed.csv", "line 2: the seed `x` is no whole number"),
        ("space.yaml --costs-only --save \"a\u{1b}b\"", "is not a file name"),
        ("space.yaml --costs-only --save -", "is not a file name"),
        ("space.yaml --costs-only --save \"\"", "a value is required"),
        ("space.yaml --accuracies empty.csv", "it has no rows"),
        ("space.yaml --accuracies percent.csv", "line 2: the accuracy `150` is no percentage"),
        ("space.yaml --accuracies missing.csv", "missing.csv"),
        ("space.yaml --accuracies bad.csv --scores grasp", "there is no score `grasp`"),
        ("space.yaml --costs-only --scores naswot", "cannot be used with"),
        (
            "smooth.yaml --accuracies smooth.csv --scores synflow,naswot",
            "the network 4, 1 has no score: NASWOT compares what ReLUs do, and the network has none",
        ),
    ] {
        let (_, error, is_done) = run(folder, &format!("explore {arguments}"));
        assert!(!is_done && error.contains(expected), "{arguments}: {error}");
        assert!(!error.contains("panicked"), "{error}");
    }
}

/// The accuracies of a table replace training: all of them, or as many as may be looked up.
#[test]
fn a_table_of_accuracies_is_searched_without_training() {
    let folder = folder();
    let folder = folder.path();
    let mut table = "k,seed,w,accuracy\n".to_owned();
    for width in (4..=24).step_by(4) {
        for (kernel, bonus) in [("1", 0), ("3", 20), ("5", 10)] {
            for seed in 0..2 {
                let accuracy = f64::from(width + bonus) + f64::from(seed) / 10.0;
                table.push_str(&format!("{kernel},{seed},{width}.0,{accuracy}\n"));
            }
        }
    }
    fs::write(folder.join("table.csv"), table).unwrap();
    let found = document(folder, "explore space.yaml --accuracies table.csv --json");
    assert_eq!((found["listed"].as_u64(), found["looked_up"].as_u64()), (Some(18), Some(18)));
    assert_eq!(found["best_top1"].as_f64(), Some(44.05), "the mean of two seeds");
    let front: Vec<&str> = found["front"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["values"]["k"].as_str().unwrap())
        .collect();
    assert!(!front.contains(&"5"), "larger and worse than 3: {front:?}");
    let variables = &found["understood"]["variables"];
    assert!(
        (variables["w"]["top1"]["change"]["value"].as_f64().unwrap() - 20.0).abs() < 1e-6,
        "{variables}"
    );
    assert!(variables["k"]["importance"]["value"].as_f64().unwrap() > 0.3, "{variables}");
    let some =
        document(folder, "explore space.yaml --accuracies table.csv --networks 12 --seed 3 --json");
    assert_eq!(some["looked_up"].as_u64(), Some(12));
    assert_eq!(
        some,
        document(folder, "explore space.yaml --accuracies table.csv --networks 12 --seed 3 --json")
    );
    // Scores of untrained networks are judged beside the number of parameters; each counts once, whatever the order.
    let with_scores = |more| {
        document(
            folder,
            &format!("explore space.yaml --accuracies table.csv --json --scores {more}"),
        )
    };
    let scored = with_scores("synflow,naswot,synflow");
    assert_eq!(scored, with_scores("naswot,synflow --threads 1"));
    let judged = scored["surrogate"]["scores"].as_array().unwrap();
    let names: Vec<&Value> = judged.iter().map(|score| &score["score"]).collect();
    assert_eq!(names, ["naswot", "synflow"]);
    for score in judged {
        assert!(score["correlation"].as_f64().unwrap().abs() <= 1.0, "{score}");
    }
    let text =
        done(folder, "explore space.yaml --accuracies table.csv --networks 12 --scores synflow");
    assert!(text.contains(", of SynFlow: "), "{text}");
    let text = done(
        folder,
        "explore space.yaml --accuracies table.csv --networks 12 --where \"macs < 100k\"",
    );
    assert!(text.contains("12 were looked up") && text.contains("w, from 4 to "), "{text}");
}

/// What an exploration says, without times.
fn essence(mut document: Value) -> Value {
    for key in ["count_seconds", "budget_s", "measured"] {
        document.as_object_mut().unwrap().remove(key);
    }
    for list in ["front", "networks"] {
        for network in document[list].as_array_mut().unwrap() {
            for key in ["latency_ms", "latency_interval"] {
                network.as_object_mut().unwrap().remove(key);
            }
        }
    }
    // It repeats one of the networks.
    document["recommendation"].as_object_mut().unwrap().remove("network");
    document
}

/// Each network takes minutes to score, and the request to stop comes in the middle of the first ones.
#[cfg(unix)]
#[test]
fn scores_of_a_table_stop_soon_after_the_request() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("base.yaml"), BASE.replace("size: 16", "size: 600")).unwrap();
    let rows: String = (4..=24)
        .step_by(4)
        .flat_map(|w| [1, 3, 5].map(|k| format!("{w},{k},{}\n", 50 + w + k)))
        .collect();
    fs::write(folder.join("table.csv"), format!("w,k,accuracy\n{rows}")).unwrap();
    let base = fs::read_to_string(folder.join("base.yaml")).unwrap();
    let slow = base.replace("maxpool: {kernel: 2,", "maxpool: {kernel: 99,");
    fs::write(folder.join("base.yaml"), slow).unwrap();
    let search =
        "explore space.yaml --accuracies table.csv --networks 16 --scores synflow --store a.db";
    let mut child = inceptive(search)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(4));
    assert!(child.try_wait().unwrap().is_none(), "it has not ended before");
    let start = std::time::Instant::now();
    let signal = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(signal.success());
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(10) {
            child.kill().unwrap();
            panic!("it does not stop");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// However often a search is killed, it ends as if it had not been, and a finished one is not repeated.
#[test]
fn a_killed_search_goes_on_to_the_same_result() {
    let whole = folder();
    let expected = essence(document(whole.path(), &format!("{SEARCH} --json")));
    assert_eq!(expected["trained"].as_u64(), Some(4));
    let accuracies = |of: &Value| {
        of["networks"].as_array().unwrap().iter().filter(|it| !it["top1"].is_null()).count()
    };
    assert!(accuracies(&expected) >= 3, "{expected}");
    for member in expected["front"].as_array().unwrap() {
        let probability = member["probability"].as_f64().unwrap();
        assert!(
            (0.0..=1.0).contains(&probability)
                && member["top1_seeds"].as_array().unwrap().len() == 2
        );
    }

    let killed = folder();
    let killed = killed.path();
    kill_after(killed, &format!("{SEARCH} --json"), &[300, 900, 2500]);
    let found = essence(document(killed, &format!("{SEARCH} --json")));
    assert_eq!(found, expected);

    // A finished search is shown again, from the store; lists, exports and reports have it.
    let (again, said, _) = run(killed, &format!("{SEARCH} --json"));
    assert_eq!(essence(serde_json::from_str(&again).unwrap()), expected);
    assert!(!said.contains("epoch 1 of 2"), "{said}");
    let list = done(killed, "results list --kind explorations --store results.db");
    assert!(list.contains("Widths and kernels"), "{list}");
    let csv = done(killed, "results export csv --kind explorations --store results.db");
    assert!(csv.lines().nth(1).unwrap().contains("Widths and kernels"), "{csv}");
    done(killed, "report space.yaml --store results.db --out report");
    let page = fs::read_to_string(killed.join("report/index.html")).unwrap();
    assert!(page.contains("id=\"explorations\""), "the report on the space has the search");
    assert!(killed.join("report/exploration-1-found.svg").exists());
    let text = done(killed, SEARCH);
    assert!(text.contains("Finalists") && text.contains("probability"), "{text}");
    assert!(text.contains("\nRecommended: network "), "{text}");

    // Another wish chooses again among the finalists, and stays with the search.
    let wish = document(
        killed,
        &format!("{SEARCH} --recommend \"params > 1\" --weights top1=2,params=0.5 --json"),
    );
    let chosen = &wish["recommendation"];
    assert_eq!(chosen["condition"].as_str(), Some("params > 1"));
    assert_eq!(chosen["weights"]["params"].as_f64(), Some(0.5));
    assert!(chosen["network"]["on_front"].as_bool().unwrap(), "{chosen}");
    assert_eq!(document(killed, &format!("{SEARCH} --json"))["recommendation"], *chosen);
    let text = done(killed, &format!("{SEARCH} --recommend \"params < 1\""));
    assert!(text.contains("on the front satisfies `params < 1`; there, parameters is "), "{text}");
}

/// Networks are chosen in waves where there are enough of them; killed in the middle of one, a search ends as if it had not been.
#[test]
fn a_search_in_waves_goes_on_to_the_same_result() {
    let space = SPACE.replace("to: 24, step: 4", "to: 24, step: 2");
    let search = SEARCH.replace(
        "--networks 4 --seeds 2",
        "--recipe-set epochs=4 --networks 14 --seeds 3 --scores naswot,synflow",
    );
    let start = || {
        let folder = folder();
        fs::write(folder.path().join("space.yaml"), &space).unwrap();
        folder
    };
    let whole = start();
    let expected = essence(document(whole.path(), &format!("{search} --json")));
    let waves = expected["waves"].as_array().unwrap();
    let sizes: Vec<u64> = waves.iter().map(|wave| wave["networks"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [10, 4]);
    assert_eq!(
        (&waves[0]["chosen_by_surrogate"], &waves[0]["surrogate"]),
        (&0.into(), &Value::Null)
    );
    for wave in &waves[1..] {
        let is_used = wave["surrogate"]["is_used"].as_bool().unwrap();
        assert!(is_used || wave["chosen_by_surrogate"] == 0, "{wave}");
        assert!(wave["surrogate"]["networks"].as_u64().unwrap() >= 10, "{wave}");
        assert_eq!(wave["surrogate"]["scores"].as_array().unwrap().len(), 2, "{wave}");
    }
    let correlation = expected["correlation_of_seeds"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&correlation), "{correlation}");
    let mut values: Vec<String> = expected["networks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["values"].to_string())
        .collect();
    values.sort();
    values.dedup();
    assert_eq!(values.len(), 14, "no network twice");

    let killed = start();
    let killed = killed.path();
    kill_after(killed, &format!("{search} --json"), &[600, 1500, 2500, 3000]);
    assert_eq!(essence(document(killed, &format!("{search} --json"))), expected);
    let text = done(killed, &search);
    assert!(text.contains("\nNetworks 1 to 10 were chosen by cost and values\n"), "{text}");
    assert!(text.contains("cross-validated on 10 networks"), "{text}");
    assert!(text.contains(", of NASWOT: "), "{text}");
    done(killed, "report space.yaml --store results.db --out report");
    let page = fs::read_to_string(killed.join("report/index.html")).unwrap();
    assert!(page.contains("How the networks were chosen"), "{page}");

    // The same stage by stage, with plans for other machines.
    let planned = format!("{} --plan search --json", search.replace("results.db", "planned.db"));
    let mut stages = vec![];
    while stages.last().is_none_or(|stage| stage != "search/rung-2") {
        assert!(stages.len() < 3, "{stages:?}");
        let answer = document(killed, &planned);
        let plan = answer["plan"].as_str().unwrap().to_owned();
        if plan != "search/rung-2" {
            done(killed, &format!("worker {plan} --shard 1/1"));
        }
        stages.push(plan);
    }
    assert_eq!(stages, ["search/rung-1", "search/rung-1-wave-2", "search/rung-2"]);
    let tasks = fs::read_to_string(killed.join("search/rung-1-wave-2/tasks.txt")).unwrap();
    for network in &expected["networks"].as_array().unwrap()[10..] {
        let [w, k] = ["w", "k"].map(|name| network["values"][name].as_str().unwrap());
        assert!(tasks.contains(&format!(" w={w} k={k} seed")), "{tasks}");
    }
}

#[test]
fn spaces_are_compared_by_random_networks() {
    let folder = folder();
    let folder = folder.path();
    let arguments = "compare-spaces space.yaml other.yaml --data shapes:size=16,train=300,test=100 --recipe two.yaml --networks 5 \
                     --threads 1 --store results.db";
    let found = document(folder, &format!("{arguments} --json"));
    for space in found["spaces"].as_array().unwrap() {
        assert_eq!(space["top1"].as_array().unwrap().len(), 5, "{space}");
        let last = space["distribution"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last[1].as_f64(), Some(1.0));
    }
    let mean = &found["mean"];
    let [low, high] = [0, 1].map(|at| mean["interval"][at].as_f64().unwrap());
    assert!(low <= high && (0.0..=1.0).contains(&mean["confidence"].as_f64().unwrap()), "{mean}");
    let text = done(folder, arguments);
    assert!(
        text.contains("Mean of all networks: ") && text.contains("with a confidence of"),
        "{text}"
    );
    let (_, error, is_done) = run(folder, &arguments.replace("--networks 5", "--networks 3"));
    assert!(!is_done && error.contains("4 are needed at least"), "{error}");
    let (_, error, is_done) = run(folder, &format!("{arguments} --where \"params < 10\""));
    assert!(!is_done && error.contains("no network of `Widths and kernels` satisfies"), "{error}");
}
