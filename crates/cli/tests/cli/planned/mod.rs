//! Plans and workers as a cluster runs them: any order, any number of times, killed at any moment.

#[cfg(unix)]
mod hostile;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::words;

const VARIABLES: [&str; 4] =
    ["HQ_ENTRY", "HQ_TASK_ID", "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"];

const BASE: &str = "name: base\nparams: {w: 4, k: 3}\ninput: {channels: 1, size: 16}\nclasses: 10\nbody:\n  \
                    - conv: {kernel: $k, width: $w, pad: same}\n  - maxpool: {kernel: 2, stride: 2}\ntail: gap\n";

const SPACE: &str = "space: Widths and kernels\nbase: ../base.yaml\nvary:\n  w: {from: 4, to: 32, step: 4, default: 4}\n  \
                     k: {values: [1, 3, 5], default: 3}\nwith: {params: {w: $w, k: $k}}\n\
                     objectives: [maximize top1, minimize macs]\n";

const RECIPE: &str = "name: two\nepochs: 2\nlearning_rate: 0.05\nbatch: 50\n";

const COUNT: &str = "explore spaces/space.yaml --costs-only --objectives \"maximize params, minimize macs\" \
                     --where \"macs < 100k\" --plan";

const TRAIN: &str = "train one.yaml two.yaml --data shapes:size=16,train=200,test=50 --recipe recipe.yaml --seeds 2";

/// A folder with networks, a space that refers to a file outside of its own folder, and a recipe.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("spaces")).unwrap();
    let texts = [
        ("base.yaml", BASE.to_owned()),
        ("one.yaml", BASE.replace("name: base", "name: one")),
        ("two.yaml", BASE.replace("name: base", "name: two").replace("w: 4", "w: 8")),
        ("spaces/space.yaml", SPACE.to_owned()),
        ("recipe.yaml", RECIPE.to_owned()),
    ];
    for (name, text) in texts {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn inceptive(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inceptive"));
    command.args(words(arguments)).current_dir(folder);
    VARIABLES.iter().for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// Exit code, standard output and standard error.
fn run(mut command: Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    (output.status.code(), out, error)
}

fn done(folder: &Path, arguments: &str) -> String {
    let (code, out, error) = run(inceptive(folder, arguments));
    assert_eq!(code, Some(0), "{arguments}: {out}{error}");
    out
}

fn document(folder: &Path, arguments: &str) -> Value {
    serde_json::from_str(&done(folder, arguments)).unwrap()
}

/// All files of a folder below some others, with their content.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = vec![];
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let content = fs::read(&path).unwrap();
                    found.push((path.strip_prefix(folder).unwrap().to_owned(), content));
                }
            }
        }
    }
    found.sort();
    found
}

/// The records of a store without what depends on when and where they were made, in an order of their own.
fn records(folder: &Path, store: &str, kind: &str) -> Vec<Value> {
    let mut all = document(folder, &format!("results export json --kind {kind} --store {store}"));
    const TIMES: [&str; 7] =
        ["finished_unix_ms", "seconds", "images_per_s", "checkpoint", "threads", "id", "machine"];
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                TIMES.iter().for_each(|name| {
                    map.remove(*name);
                });
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut all);
    let mut records = all.as_array().unwrap().clone();
    records.sort_by_key(ToString::to_string);
    records
}

fn results(folder: &Path, plan: &str) -> Vec<PathBuf> {
    let results = folder.join(plan).join("results");
    let found = if results.is_dir() { files(&results) } else { vec![] };
    found.into_iter().map(|(path, _)| results.join(path)).collect()
}

#[test]
fn the_same_command_writes_the_same_plan_and_no_other_replaces_it() {
    let folder = folder();
    let folder = folder.path();
    for command in [
        format!("{COUNT} PLAN --tasks 5"),
        format!("{TRAIN} --recipe-set batch=40 --set w=6 --plan PLAN"),
        "bench one.yaml two.yaml --batch 1,4 --plan PLAN".to_owned(),
    ] {
        let [a, b] = ["a", "b"].map(|name| {
            done(folder, &command.replace("PLAN", name));
            files(&folder.join(name))
        });
        assert_eq!(a, b, "{command}");
        let said = done(folder, &command.replace("PLAN", "a"));
        assert!(said.contains("has this plan; 0 of "), "{said}");
        let (code, _, error) = run(inceptive(folder, "bench base.yaml --plan a"));
        assert!(code == Some(1) && error.contains("`a` is another plan"), "{error}");
        // An input that changes makes another plan.
        let before = fs::read(folder.join("base.yaml")).unwrap();
        assert_eq!(files(&folder.join("a")), b, "{command}");
        fs::remove_dir_all(folder.join("a")).unwrap();
        fs::remove_dir_all(folder.join("b")).unwrap();
        assert_eq!(fs::read(folder.join("base.yaml")).unwrap(), before);
    }
    fs::create_dir(folder.join("mine")).unwrap();
    fs::write(folder.join("mine/letter.txt"), "dear").unwrap();
    let (code, _, error) = run(inceptive(folder, "bench base.yaml --plan mine"));
    assert!(code == Some(1) && error.contains("letter.txt"), "{error}");
}

/// A plan has copies of all that it needs: its folder can be moved, and the originals may change.
#[test]
fn a_plan_is_complete_and_its_inputs_do_not_change() {
    let folder = folder();
    let folder = folder.path();
    done(folder, &format!("{COUNT} plan --tasks 3"));
    for name in ["base.yaml", "spaces/space.yaml"] {
        fs::remove_file(folder.join(name)).unwrap();
    }
    fs::create_dir(folder.join("elsewhere")).unwrap();
    fs::rename(folder.join("plan"), folder.join("elsewhere/moved")).unwrap();
    done(folder, "worker elsewhere/moved --shard 1/1");
    done(folder, "results merge r.db elsewhere/moved");
    assert_eq!(records(folder, "r.db", "space-counts")[0]["space"]["file"], "spaces/space.yaml");
    fs::write(folder.join("elsewhere/moved/inputs/base.yaml"), BASE.replace('3', "5")).unwrap();
    let (code, _, error) = run(inceptive(folder, "worker elsewhere/moved --task 0"));
    assert!(code == Some(1) && error.contains("base.yaml` is not the file"), "{error}");
    let (code, _, error) = run(inceptive(folder, "worker spaces --task 0"));
    assert!(code == Some(1) && error.contains("is not a plan"), "{error}");
}

#[test]
fn schedulers_and_users_name_tasks() {
    let folder = folder();
    let folder = folder.path();
    done(folder, &format!("{COUNT} plan --tasks 8"));
    let missing = || {
        let (_, out, _) = run(inceptive(folder, "worker plan --status --json"));
        let status: Value = serde_json::from_str(&out).unwrap();
        let tasks = status["missing"].as_array().unwrap().iter();
        tasks.map(|task| task["task"].as_u64().unwrap()).collect::<Vec<u64>>()
    };
    for (task, name) in VARIABLES.iter().enumerate() {
        let mut command = inceptive(folder, "worker plan");
        command
            .env(name, format!("{task}{}", if *name == "HQ_ENTRY" { " count 0 to 3" } else { "" }));
        let (code, out, error) = run(command);
        assert_eq!((code, out.as_str()), (Some(0), "1 task done\n"), "{name}: {error}");
        assert_eq!(missing(), (task as u64 + 1..8).collect::<Vec<_>>(), "{name}");
    }
    assert_eq!(done(folder, "worker plan --task 4"), "1 task done\n");
    let again = done(folder, "worker plan --task 4");
    assert_eq!(again, "0 tasks done, 1 had a result already\n");
    // Tasks 1, 3, 5 and 7, of which two are done.
    assert_eq!(done(folder, "worker plan --shard 2/2"), "2 tasks done, 2 had a result already\n");
    let (code, out, _) = run(inceptive(folder, "worker plan --status"));
    assert_eq!(code, Some(1));
    assert_eq!(out, "7 of 8 tasks done\ninceptive worker plan --task 6    # count 18 to 21\n");
    assert_eq!(done(folder, "worker plan --missing"), "6 count 18 to 21\n");
    let mut command = inceptive(folder, "worker plan --shards 2");
    command.env("SLURM_ARRAY_TASK_ID", "0");
    assert_eq!(run(command).1, "1 task done, 3 had a result already\n");
    assert_eq!(done(folder, "worker plan --status"), "8 of 8 tasks done\n");
    for (arguments, expected) in [
        ("worker plan", "no task is named"),
        ("worker plan --task 8", "there is no task 8"),
        ("worker plan --shard 3/2", "2/8"),
    ] {
        let (code, _, error) = run(inceptive(folder, arguments));
        assert!(code == Some(2) && error.contains(expected), "{arguments}: {error}");
    }
}

/// What every task would say when it is too late.
#[test]
fn networks_that_do_not_fit_the_images_are_not_planned() {
    let folder = folder();
    let folder = folder.path();
    for (data, expected) in [
        ("shapes:size=24", "the network's input is 1x16x16, but the images are 1x24x24"),
        // It is not there, but its images are known.
        (
            "cifar100",
            "but the images are 3x32x32; use `--set input.channels=3 --set input.size=32`",
        ),
    ] {
        let planned = format!("train one.yaml --data {data} --recipe recipe.yaml --plan plan");
        let (code, _, error) = run(inceptive(folder, &planned));
        assert!(code == Some(1) && error.contains(expected), "{error}");
        assert!(!folder.join("plan").exists());
    }
    let wrong =
        "train one.yaml --set classes=3 --data shapes:size=16 --recipe recipe.yaml --plan plan";
    let (code, _, error) = run(inceptive(folder, wrong));
    assert!(code == Some(1) && error.contains("classes"), "{error}");
}

/// A number of threads in a plan of measurements is what is compared; in others it is a wish.
#[test]
fn a_planned_number_of_threads_is_measured() {
    let folder = folder();
    let folder = folder.path();
    let said =
        done(folder, "bench one.yaml --threads 1,2 --runs 2 --budget 1ms --plan \"my bench\"");
    for expected in [
        "inceptive worker 'my bench' --shard 1/1\n",
        "hq submit --cpus all --array 0-1 inceptive worker 'my bench'\n",
        "sbatch --exclusive --array 0-1 deploy/slurm/worker.sh 'my bench'\n",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    let (code, _, error) = run(inceptive(folder, "worker \"my bench\" --shard 1/1 --threads 1"));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("it measures with 2 threads, and the worker may use 1"), "{error}");
    assert!(error.contains("task 0: bench one.yaml batch 1 threads 1"), "{error}");
    done(folder, "worker \"my bench\" --task 1 --threads 4");
    done(folder, "results merge r.db \"my bench\"");
    let measured = document(folder, "results export json --kind measurements --store r.db");
    let mut threads: Vec<u64> = measured
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["runtime"]["threads"].as_u64().unwrap())
        .collect();
    threads.sort_unstable();
    assert_eq!(threads, [1, 2]);
}

/// The parts of a space say what counting it at once says.
#[test]
fn parts_of_a_space_are_united() {
    let folder = folder();
    let folder = folder.path();
    for (tasks, condition) in [(24, "macs < 100k"), (7, "macs < 100k"), (5, "params < 10")] {
        let command = format!(
            "explore spaces/space.yaml --costs-only --objectives \"maximize params, minimize macs\" --where \"{condition}\" --json"
        );
        let plan = format!("plan-{tasks}");
        let started = document(folder, &format!("{command} --plan {plan} --tasks {tasks}"));
        assert_eq!((started["tasks"].as_u64(), started["done"].as_u64()), (Some(tasks), Some(0)));
        done(folder, &format!("worker {plan} --shard 1/1"));
        let strip = |arguments: &str| {
            // Nothing may satisfy the condition, which is exit code 1.
            let (_, out, error) = run(inceptive(folder, arguments));
            let mut value: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{error}"));
            let object = value.as_object_mut().unwrap();
            for name in ["count_seconds", "variance", "file"] {
                object.remove(name);
            }
            value
        };
        let whole = strip(&command);
        assert_eq!(strip(&format!("{command} --plan {plan} --tasks {tasks}")), whole, "{tasks}");
    }
}

#[test]
fn results_of_tasks_that_ran_twice_count_once_and_torn_ones_are_named() {
    let folder = folder();
    let folder = folder.path();
    done(folder, &format!("{COUNT} plan --tasks 6"));
    done(folder, &format!("{COUNT} serial --tasks 6"));
    done(folder, "worker serial --shard 1/1");
    assert_eq!(
        done(folder, "results merge serial.db serial"),
        "serial: 6 new results; 6 tasks of 6 with a result\n"
    );
    for round in 0..2 {
        // Each round in a copy of the plan, as of two clusters that do not know of each other.
        let copy = folder.join(format!("copy-{round}"));
        for (path, content) in files(&folder.join("plan")) {
            fs::create_dir_all(copy.join(&path).parent().unwrap()).unwrap();
            fs::write(copy.join(path), content).unwrap();
        }
        done(folder, &format!("worker copy-{round} --shard 1/1"));
    }
    let merged = done(folder, "results merge merged.db copy-0 copy-1");
    assert_eq!(
        merged,
        "copy-0, copy-1: 6 new results; 6 tasks of 6 with a result, 6 files left out of tasks that ran again\n"
    );
    let again = done(folder, "results merge merged.db copy-0 copy-1");
    assert!(again.contains("0 new results"), "{again}");
    // Whichever result of a task is there first, no other is added later.
    done(folder, "results merge one.db copy-0");
    for (path, content) in files(&folder.join("copy-1/results")) {
        fs::create_dir_all(folder.join("copy-0/results").join(&path).parent().unwrap()).unwrap();
        fs::write(folder.join("copy-0/results").join(path), content).unwrap();
    }
    let later = done(folder, "results merge one.db copy-0");
    assert!(later.contains("copy-0: 0 new results; 6 tasks of 6"), "{later}");
    let expected = records(folder, "serial.db", "space-counts");
    assert_eq!(records(folder, "merged.db", "space-counts"), expected);
    assert_eq!(records(folder, "one.db", "space-counts"), expected);

    let torn = &results(folder, "serial")[0];
    let content = fs::read(torn).unwrap();
    fs::write(torn, &content[..content.len() - 1]).unwrap();
    let (code, out, error) = run(inceptive(folder, "results merge torn.db serial"));
    assert_eq!(code, Some(1), "{out}");
    assert_eq!(out, "serial: 5 new results; 5 tasks of 6 with a result\n");
    let name = torn.file_name().unwrap().to_string_lossy().into_owned();
    assert!(error.contains(&name) && error.contains("cut off or changed"), "{error}");
    assert_eq!(records(folder, "torn.db", "space-counts").len(), 5);
    // The task is done again, and its result joins the others.
    let (code, out, error) = run(inceptive(folder, "worker serial --shard 1/1"));
    assert_eq!((code, out.as_str()), (Some(0), "1 task done, 5 had a result already\n"), "{error}");
    run(inceptive(folder, "results merge torn.db serial"));
    assert_eq!(records(folder, "torn.db", "space-counts"), expected);
    let single = &results(folder, "copy-1")[0];
    let one = done(folder, &format!("results merge single.db {}", single.display()));
    assert!(one.contains(": 1 new result; 1 task with a result"), "{one}");

    // A plan that cannot be read leaves no store behind.
    fs::create_dir(folder.join("broken")).unwrap();
    fs::write(folder.join("broken/plan.json"), "{").unwrap();
    let (code, _, error) = run(inceptive(folder, "results merge none.db broken"));
    assert!(code != Some(0) && error.contains("is not a plan"), "{error}");
    fs::write(folder.join("broken.json"), "{").unwrap();
    let (code, _, error) = run(inceptive(folder, "results merge none.db broken.json"));
    assert!(code != Some(0) && error.contains("is not the result of a task"), "{error}");
    assert!(!folder.join("none.db").exists());
}

/// Killed at any moment: every file that has the name of a result is whole, and the rest is done later.
#[test]
fn a_killed_worker_leaves_no_part_of_a_result() {
    let folder = folder();
    let folder = folder.path();
    done(folder, &format!("{COUNT} plan --tasks 24"));
    let mut killed = 0;
    for round in 0..60_u64 {
        let mut worker = inceptive(folder, "worker plan --shard 1/1");
        let mut worker = worker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(5 + round * 7 % 40));
        let is_running = worker.try_wait().unwrap().is_none();
        worker.kill().unwrap();
        worker.wait().unwrap();
        killed += u32::from(is_running);
        let (_, out, error) = run(inceptive(folder, "worker plan --status"));
        assert!(!error.contains("left out") && out.contains("of 24 tasks"), "{out}{error}");
    }
    assert!(killed > 0, "none was killed before it was done");
    done(folder, "worker plan --shard 1/1");
    let names: Vec<PathBuf> = results(folder, "plan");
    let whole = names.iter().filter(|name| name.extension().is_some_and(|it| it == "json")).count();
    assert_eq!(whole, 24);
    done(folder, "results merge r.db plan");
    assert_eq!(records(folder, "r.db", "space-counts").len(), 24);
}

#[test]
fn trained_by_workers_is_trained_by_one_program() {
    let folder = folder();
    let folder = folder.path();
    let said = done(folder, &format!("{TRAIN} --plan plan"));
    assert!(said.starts_with("wrote a plan of 4 tasks to plan\n"), "{said}");
    assert_eq!(
        fs::read_to_string(folder.join("plan/tasks.txt")).unwrap(),
        "0 train one.yaml seed 0\n1 train two.yaml seed 0\n2 train one.yaml seed 1\n3 train two.yaml seed 1\n"
    );
    for shard in ["2/3", "1/3", "3/3"] {
        done(folder, &format!("worker plan --shard {shard} --threads 1"));
    }
    done(folder, "results merge cluster.db plan");
    done(folder, &format!("{TRAIN} --store serial.db --no-report"));
    let expected = records(folder, "serial.db", "training-runs");
    assert_eq!(expected.len(), 4);
    assert_eq!(records(folder, "cluster.db", "training-runs"), expected);
    // A merged store is a store as any other: nothing is trained again.
    let (code, _, error) =
        run(inceptive(folder, &format!("{TRAIN} --store cluster.db --no-report")));
    assert!(code == Some(0) && error.contains("4 of 4 runs are already in the store"), "{error}");
}

#[test]
fn latencies_are_measured_by_workers_one_after_the_other() {
    let folder = folder();
    let folder = folder.path();
    done(folder, "bench one.yaml two.yaml --batch 1,2 --threads 1 --budget 20ms --plan plan");
    let workers: Vec<_> = (1..=2)
        .map(|shard| {
            let mut worker = inceptive(folder, &format!("worker plan --shard {shard}/2"));
            worker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut worker in workers {
        assert!(worker.wait().unwrap().success());
    }
    assert_eq!(done(folder, "worker plan --status"), "4 of 4 tasks done\n");
    done(folder, "results merge r.db plan");
    let listed = document(folder, "results list --json --store r.db");
    let measured = listed["measurements"].as_array().unwrap();
    let mut kinds: Vec<(String, u64)> = measured
        .iter()
        .map(|it| (it["model"].as_str().unwrap().to_owned(), it["batch"].as_u64().unwrap()))
        .collect();
    kinds.sort();
    let expected = [("one", 1), ("one", 2), ("two", 1), ("two", 2)];
    assert_eq!(kinds, expected.map(|(name, batch)| (name.to_owned(), batch)));
}

/// Each stage of a search is a plan; at the end it finds what a search in one program finds.
#[test]
fn a_search_goes_on_stage_by_stage() {
    let folder = folder();
    let folder = folder.path();
    let search = "explore spaces/space.yaml --data shapes:size=16,train=300,test=100 --recipe recipe.yaml --networks 4 \
                  --seeds 2 --engine native --threads 1";
    let planned = format!("{search} --plan search --store search.db");
    let (code, _, error) = run(inceptive(folder, &planned.replace("--networks 4", "")));
    assert!(code == Some(1) && error.contains("needs --networks"), "{error}");
    let mut stages = vec![];
    let found = loop {
        let answer = document(folder, &format!("{planned} --json"));
        let Some(plan) = answer["plan"].as_str() else { break answer };
        assert!(stages.len() < 6, "{stages:?}");
        // Nothing is written twice, and nothing goes on before all tasks are done.
        let again = document(folder, &format!("{planned} --json"));
        assert_eq!((again["plan"].as_str(), again["is_new"].as_bool()), (Some(plan), Some(false)));
        done(folder, &format!("worker {plan} --shard 1/1"));
        stages.push(plan.to_owned());
    };
    assert!(stages.len() >= 3 && stages[0] == "search/rung-1", "{stages:?}");
    assert_eq!(stages[stages.len() - 2..], ["search/latencies", "search/seeds"]);
    let whole = document(folder, &format!("{search} --store whole.db --json"));
    let accuracies = |found: &Value| -> Vec<(Value, Value)> {
        let front = found["networks"].as_array().unwrap_or_else(|| panic!("{found}"));
        front.iter().map(|it| (it["values"].clone(), it["top1"].clone())).collect()
    };
    assert_eq!(accuracies(&found), accuracies(&whole));
    // All runs and latencies of the search are in its plans.
    done(folder, "results merge search.db search");
    let runs = records(folder, "search.db", "training-runs");
    assert_eq!(runs, records(folder, "whole.db", "training-runs"));
}

/// A task that always fails does not stop a search for ever.
#[test]
fn a_search_goes_on_without_what_is_missing() {
    let folder = folder();
    let folder = folder.path();
    let planned = "explore spaces/space.yaml --data shapes:size=16,train=300,test=100 --recipe recipe.yaml --networks 4 --seeds 1 \
                   --engine native --threads 1 --plan search --store search.db --json";
    let without = format!("{planned} --without-missing");
    // Nothing is left out of a stage of which nothing was done.
    for _ in 0..2 {
        assert_eq!(document(folder, &without)["plan"], "search/rung-1");
    }
    for task in [0, 1, 3] {
        done(folder, &format!("worker search/rung-1 --task {task}"));
    }
    let waiting = document(folder, planned);
    assert_eq!((&waiting["plan"], &waiting["done"]), (&"search/rung-1".into(), &3.into()));
    let next = document(folder, &without);
    assert_eq!(next["plan"], "search/rung-2");
    // A late result changes nothing about the stages after it.
    done(folder, "worker search/rung-1 --task 2");
    let again = document(folder, planned);
    assert_eq!((&again["plan"], &again["is_new"]), (&next["plan"], &false.into()));
    let found = loop {
        let answer = document(folder, planned);
        let Some(plan) = answer["plan"].as_str() else { break answer };
        done(folder, &format!("worker {plan} --shard 1/1"));
    };
    assert!(found["networks"][2]["rungs"][0].is_null(), "{found}");
    assert!(found["networks"].as_array().unwrap().iter().any(|it| !it["top1"].is_null()));
}
