//! Plans of strangers, and folders that are no place for a plan.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{COUNT, TRAIN, done, files, folder, inceptive, records, results, run};

/// Changes the text of a plan.
fn forge(folder: &Path, plan: &str, change: impl FnOnce(&mut Value)) {
    let file = folder.join(plan).join("plan.json");
    let mut text: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut text);
    fs::write(&file, serde_json::to_string(&text).unwrap()).unwrap();
}

/// The content of a file that no message may quote.
const SECRET: &str = "hunter2";

/// Runs a command that has to fail with these words.
fn refused(folder: &Path, arguments: &str, words: &str) {
    let (code, out, error) = run(inceptive(folder, arguments));
    assert_eq!(code, Some(1), "{arguments}: {out}{error}");
    assert!(error.contains(words), "{arguments}: {error}");
    assert!(!format!("{out}{error}").contains(SECRET), "{arguments}: {out}{error}");
}

/// A program that leaves the file `ran`.
fn program(folder: &Path, name: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\ntouch '{}'\n", folder.join("ran").display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_plan_names_no_programs() {
    let folder = folder();
    let folder = folder.path();
    let said =
        done(folder, "bench one.yaml --engine onnxruntime --onnxruntime ./x.so --plan bench");
    assert!(said.contains("worker bench --shard 1/1 --onnxruntime ./x.so"), "{said}");
    let said = done(folder, &format!("{TRAIN} --trainer pytorch --python ./python3 --plan train"));
    assert!(said.contains("worker train --shard 1/1 --python ./python3"), "{said}");
    for plan in ["bench", "train"] {
        let text = fs::read_to_string(folder.join(plan).join("plan.json")).unwrap();
        assert!(!text.contains("x.so") && !text.contains("python3"), "{text}");
        program(folder, &format!("{plan}/inputs/evil"));
    }
    for key in ["onnxruntime", "openvino", "python"] {
        forge(folder, "bench", |plan| {
            plan["work"]["bench"]["engines"][key] = json!("./evil");
        });
        refused(folder, "worker bench --task 0", &format!("unknown field `{key}`"));
        forge(folder, "bench", |plan| {
            let engines = plan["work"]["bench"]["engines"].as_object_mut().unwrap();
            engines.remove(key);
        });
    }
    forge(folder, "train", |plan| plan["work"]["train"]["python"] = json!("./evil"));
    refused(folder, "worker train --task 0", "it names a program");
    assert!(!folder.join("ran").exists());
}

#[test]
fn a_plan_replaces_no_files() {
    let folder = folder();
    let folder = folder.path();
    let mine = [("mine/tasks.txt", "my list"), ("other/inputs/one.yaml", "mine too")];
    for (name, text) in mine {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), text).unwrap();
    }
    for (name, text) in mine {
        let (plan, inner) = name.split_once('/').unwrap();
        refused(folder, &format!("bench one.yaml --plan {plan}"), inner);
        assert_eq!(fs::read_to_string(folder.join(name)).unwrap(), text);
    }
    // What the same plan left when it was interrupted is no obstacle.
    done(folder, "bench one.yaml --plan left");
    let whole = files(&folder.join("left"));
    fs::remove_file(folder.join("left/plan.json")).unwrap();
    fs::write(folder.join("left/inputs/.inceptive-1.part"), "half").unwrap();
    done(folder, "bench one.yaml --plan left");
    fs::remove_file(folder.join("left/inputs/.inceptive-1.part")).ok();
    assert_eq!(files(&folder.join("left")), whole);
}

#[test]
fn a_plan_is_not_written_among_images() {
    let folder = folder();
    let folder = folder.path();
    for class in ["a", "b"] {
        fs::create_dir_all(folder.join("images/train").join(class)).unwrap();
    }
    let train =
        "train one.yaml --data folder:size=16,channels=1=images --recipe recipe.yaml --plan";
    for place in ["images/plan", "images/train/c", "images/train/a/x"] {
        refused(folder, &format!("{train} {place}"), "choose another folder");
        assert!(!folder.join(place).exists());
    }
}

/// Plans of training, measuring and counting, beside a file that none of them lists.
fn plans_beside_a_secret(folder: &Path) {
    fs::write(folder.join("secret.yaml"), format!("{SECRET}: 1\n")).unwrap();
    done(folder, "export one.yaml -o w.safetensors");
    done(folder, &format!("{TRAIN} --plan train"));
    done(folder, "bench one.yaml --weights w.safetensors --engine native --plan bench");
    done(folder, &format!("{COUNT} count --tasks 2"));
}

#[test]
fn a_worker_reads_inputs_only() {
    let folder = folder();
    let folder = folder.path();
    plans_beside_a_secret(folder);
    let places = [
        ("train", "/work/train/requests/0/file"),
        ("train", "/work/train/recipe"),
        ("bench", "/work/bench/plan/requests/0/file"),
        ("bench", "/work/bench/plan/weights/file"),
        ("count", "/work/count/space"),
    ];
    let secret = folder.join("secret.yaml");
    let paths = [secret.to_str().unwrap(), "../../secret.yaml", "unlisted.yaml"];
    for (plan, place) in places {
        fs::copy(&secret, folder.join(plan).join("inputs/unlisted.yaml")).unwrap();
        let file = folder.join(plan).join("plan.json");
        let whole = fs::read(&file).unwrap();
        for path in paths {
            forge(folder, plan, |text| *text.pointer_mut(place).unwrap() = json!(path));
            for command in ["--task 0", "--status"] {
                refused(folder, &format!("worker {plan} {command}"), "not one of its inputs");
            }
            fs::write(&file, &whole).unwrap();
        }
    }
    for path in [secret.to_str().unwrap(), "../../secret.yaml", "./one.yaml", ""] {
        forge(folder, "train", |plan| plan["inputs"][0]["path"] = json!(path));
        refused(folder, "worker train --task 0", "is not in the folder of its inputs");
    }
}

/// Writes an input of a plan, and its SHA-256 into the plan.
fn forge_input(folder: &Path, plan: &str, name: &str, text: &str) {
    fs::write(folder.join(plan).join("inputs").join(name), text).unwrap();
    forge(folder, plan, |plan| {
        let inputs = plan["inputs"].as_array_mut().unwrap();
        let input = inputs.iter_mut().find(|input| input["path"] == name).unwrap();
        let digest = Sha256::digest(text.as_bytes());
        input["sha256"] = json!(digest.iter().map(|it| format!("{it:02x}")).collect::<String>());
    });
}

#[test]
fn inputs_refer_to_inputs_only() {
    let folder = folder();
    let folder = folder.path();
    // Files of a folder with this name may refer to all files in it.
    let around = &folder.join("architectures");
    fs::create_dir(around).unwrap();
    for (name, content) in files(folder) {
        let path = around.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    plans_beside_a_secret(around);
    let secret = fs::read(around.join("secret.yaml")).unwrap();
    for plan in ["train", "bench", "count"] {
        fs::write(around.join(plan).join("inputs/unlisted.yaml"), &secret).unwrap();
    }
    let recipe = around.join("train/inputs/recipe.yaml");
    let good = fs::read_to_string(&recipe).unwrap();
    for path in ["unlisted.yaml", "../../secret.yaml"] {
        forge_input(around, "train", "recipe.yaml", &format!("name: x\nextends: {path}\n"));
        refused(around, "worker train --task 0", "would read `");
        forge_input(around, "train", "recipe.yaml", &good);
        for plan in ["train", "bench"] {
            forge_input(around, plan, "one.yaml", &format!("name: x\nextends: {path}\n"));
            refused(around, &format!("worker {plan} --task 0"), "would read `");
        }
        let space =
            format!("space: x\nbase: ../{path}\nvary: {{w: {{values: [1, 2], default: 1}}}}\n");
        forge_input(around, "count", "spaces/space.yaml", &space);
        refused(around, "worker count --task 0", "would read `");
    }
}

/// A recipe of the program is not replaced by a file, and a file without an ending is no name of the program's.
#[test]
fn a_recipe_is_the_one_that_was_planned() {
    let folder = folder();
    let folder = folder.path();
    let train = "train one.yaml --data shapes:size=16,train=200,test=50 --recipe";
    done(folder, &format!("{train} quick --plan shipped"));
    fs::create_dir(folder.join("shipped/inputs/recipes")).unwrap();
    fs::write(folder.join("shipped/inputs/recipes/quick.yaml"), SECRET).unwrap();
    refused(folder, "worker shipped --task 0", "which is not one of its inputs");

    fs::copy(folder.join("recipe.yaml"), folder.join("quick")).unwrap();
    done(folder, &format!("{train} ./quick --plan own"));
    done(folder, "worker own --task 0");
    done(folder, "results merge own.db own");
    let runs = records(folder, "own.db", "training-runs");
    assert!(runs[0].to_string().contains("\"epochs\":2"), "{runs:?}");
}

/// A link in the folder of a plan may lead to a private file.
#[test]
fn a_link_in_place_of_a_plan_is_not_quoted() {
    let (folder, other) = (folder(), tempfile::tempdir().unwrap());
    let (folder, private) = (folder.path(), other.path().join("private.json"));
    fs::create_dir(folder.join("plan")).unwrap();
    symlink(&private, folder.join("plan/plan.json")).unwrap();
    for content in [format!("\"{SECRET}\""), format!("{{\"inceptive_plan\": \"{SECRET}\"}}")] {
        fs::write(&private, content).unwrap();
        for command in ["worker plan --status", "results merge a.db plan"] {
            refused(folder, command, "it is a link to another file");
        }
    }
}

#[test]
fn the_tasks_that_a_search_leaves_out_are_not_quoted() {
    let folder = folder();
    let folder = folder.path();
    let search = "explore spaces/space.yaml --data shapes:size=16,train=300,test=100 --recipe recipe.yaml --networks 4 \
                  --seeds 1 --engine native --plan search --store search.db";
    done(folder, &format!("{search} --json"));
    fs::write(folder.join("secret"), SECRET).unwrap();
    symlink(folder.join("secret"), folder.join("search/rung-1/left-out.txt")).unwrap();
    refused(folder, search, "line 1 is not the number of a task");
}

#[test]
fn a_worker_writes_into_its_plan_only() {
    let folder = folder();
    let folder = folder.path();
    done(folder, &format!("{TRAIN} --plan train"));
    for place in [folder.join("elsewhere").to_str().unwrap(), "../../x", "results"] {
        forge(folder, "train", |plan| plan["work"]["train"]["folder"] = json!(place));
        refused(folder, "worker train --task 0", "would keep weights in");
    }
    forge(folder, "train", |plan| {
        plan["work"]["train"]["folder"] = json!("trained");
        plan["work"]["train"]["report"] = json!("page");
    });
    refused(folder, "worker train --task 0", "asks for a report");

    // Neither the folder of results nor one in it may lead elsewhere.
    done(folder, &format!("{COUNT} count --tasks 2"));
    done(folder, "worker count --task 0");
    let inner = results(folder, "count")[0].parent().unwrap().to_owned();
    fs::create_dir(folder.join("victim")).unwrap();
    for link in [folder.join("count/results"), inner.clone()] {
        fs::remove_dir_all(folder.join("count/results")).unwrap();
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(folder.join("victim"), &link).unwrap();
        refused(folder, "worker count --task 0", "is a link");
        assert_eq!(fs::read_dir(folder.join("victim")).unwrap().count(), 0);
        fs::remove_file(&link).unwrap();
        fs::create_dir_all(folder.join("count/results")).unwrap();
    }
}

#[test]
fn impossible_numbers_of_tasks_are_refused() {
    let folder = folder();
    let folder = folder.path();
    done(folder, &format!("{COUNT} count --tasks 2"));
    for (size, tasks) in
        [(24_u64, u64::MAX), (24, 1_000_000_000), (24, 25), (24, 0), (u64::MAX, 2), (0, 0)]
    {
        forge(folder, "count", |plan| {
            plan["work"]["count"]["size"] = json!(size);
            plan["work"]["count"]["tasks"] = json!(tasks);
        });
        for command in ["--shard 1/1", "--status", "--missing"] {
            refused(folder, &format!("worker count {command}"), "is not a plan");
        }
    }
    // A space of another size.
    for size in [10, 100_000] {
        forge(folder, "count", |plan| {
            plan["work"]["count"]["size"] = json!(size);
            plan["work"]["count"]["tasks"] = json!(2);
        });
        refused(folder, "worker count --task 0", &format!("has 24 networks, not {size}"));
    }
    done(folder, &format!("{TRAIN} --plan train"));
    forge(folder, "train", |plan| {
        let work = &mut plan["work"]["train"];
        work["seeds"] = (0..4000).collect();
        let requests = vec![work["requests"][0].clone(); 4000];
        work["requests"] = Value::Array(requests);
    });
    refused(folder, "worker train --status", "more than 10000000 tasks");
}

#[test]
fn impossible_batches_and_threads_do_not_end_a_share() {
    let folder = folder();
    let folder = folder.path();
    done(folder, "bench one.yaml --threads 1 --budget 50ms --plan bench");
    for (key, values) in [("batches", json!([0, 1])), ("threads", json!([0]))] {
        let mut before = Value::Null;
        forge(folder, "bench", |plan| {
            before = std::mem::replace(&mut plan["work"]["bench"]["plan"][key], values);
        });
        for command in ["--shard 1/1", "--status"] {
            refused(folder, &format!("worker bench {command}"), "are at least 1");
        }
        forge(folder, "bench", |plan| plan["work"]["bench"]["plan"][key] = before);
    }
    forge(folder, "bench", |plan| {
        plan["work"]["bench"]["plan"]["threads"] = json!([1_000_000, 1]);
    });
    refused(folder, "worker bench --shard 1/1", "this machine starts at most");
    assert_eq!(results(folder, "bench").len(), 1);

    done(folder, &format!("{TRAIN} --plan train"));
    forge(folder, "train", |plan| plan["work"]["train"]["threads"] = json!(1_000_000));
    refused(folder, "worker train --task 0", "this machine starts at most");
    done(folder, "worker train --task 0 --threads 1");
}

/// Writes a result with the name that belongs to its content.
fn put(folder: &Path, plan: &str, result: &Value) {
    let sha256 = |text: &str| -> String {
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let text = serde_json::to_string(result).unwrap();
    let task = format!("{} {}", result["plan"].as_str().unwrap(), result["task"]);
    let id = &sha256(&task)[..32];
    let place = folder.join(plan).join("results").join(&id[..2]);
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join(format!("{id}-{}.json", &sha256(&text)[..32])), text).unwrap();
}

fn result(folder: &Path, plan: &str) -> Value {
    serde_json::from_slice(&fs::read(&results(folder, plan)[0]).unwrap()).unwrap()
}

#[test]
fn results_of_other_plans_and_tasks_do_not_count() {
    let folder = folder();
    let folder = folder.path();
    for (plan, tasks) in [("count", 5), ("other", 6)] {
        done(folder, &format!("{COUNT} {plan} --tasks {tasks}"));
        done(folder, &format!("worker {plan} --task 0"));
    }
    let (own, foreign) = (result(folder, "count"), result(folder, "other"));
    let with = |key: &str, value: Value| {
        let mut changed = own.clone();
        changed[key] = value;
        changed
    };
    put(folder, "count", &foreign);
    put(folder, "count", &with("task", json!(77)));
    let mut empty = with("task", json!(1));
    empty["records"] = json!([]);
    put(folder, "count", &empty);
    let (code, out, error) = run(inceptive(folder, "results merge r.db count"));
    assert_eq!(code, Some(1), "{out}{error}");
    assert_eq!(error.matches("it is not a result of this plan").count(), 2, "{error}");
    assert!(error.contains("it has no records"), "{error}");
    assert!(out.contains("1 task of 5 with a result"), "{out}");
    assert_eq!(records(folder, "r.db", "space-counts").len(), 1);
    let (_, out, error) = run(inceptive(folder, "worker count --status"));
    assert!(out.contains("1 of 5 tasks done"), "{out}");
    assert_eq!(error.matches("is left out").count(), 3, "{error}");
}

#[test]
fn parts_that_overlap_are_not_united() {
    let folder = folder();
    let folder = folder.path();
    done(folder, &format!("{COUNT} count --tasks 3"));
    done(folder, "worker count --task 0");
    let first = result(folder, "count");
    for task in [1, 2] {
        let mut copy = first.clone();
        copy["task"] = json!(task);
        put(folder, "count", &copy);
    }
    refused(
        folder,
        &format!("{COUNT} count --tasks 3"),
        "has a result for networks 0 to 8, not 8 to 16",
    );
}
