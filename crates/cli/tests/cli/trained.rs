//! Trained networks: `inceptive evaluate` and `inspect`.

use std::{fs, path::Path, sync::atomic::AtomicBool};

use inceptive_bench::Isa;
use inceptive_data::{Dataset, Places, load as load_data};
use inceptive_dsl::{Disk, load};
use inceptive_train::{Backend, Machine, Recipe, Task, Trainer};
use inceptive_weights::{Role, Weights, slots};
use serde_json::Value;

use crate::{
    documents::{documented_keys, keys},
    inceptive, json, stdout,
};

const DATA: &str = "shapes:size=16,train=400,test=130";

const NETWORK: &str = "
name: Tiny
input: {channels: 1, size: 16}
classes: 10
defaults: {conv: {norm: bn}}
body:
  - conv stem: {kernel: 3, width: 8}
  - maxpool pool: {kernel: 2, stride: 2}
  - parallel mixed:
      branches:
        1x1: [conv: {kernel: 1, width: 8}]
        3x3: [conv: {kernel: 3, width: 16}]
        pool: [maxpool: {kernel: 3, stride: 1, pad: half}]
tail: gap
";

fn data() -> Dataset {
    load_data(&DATA.parse().unwrap(), &Places::from_env(), u64::MAX, &AtomicBool::new(false))
        .unwrap()
}

/// Writes a network, and a checkpoint and the weights of a short training; returns test accuracy and loss, and validation accuracy.
fn train(folder: &Path, name: &str, seed: u64) -> (f64, f64, f64) {
    fs::write(folder.join("tiny.yaml"), NETWORK).unwrap();
    let recipe = "name: test\nepochs: 2\nbatch: 20\nlearning_rate: 0.05\naverage: 0.9\n";
    fs::write(folder.join("recipe.yaml"), recipe).unwrap();
    let graph = load(&Disk, &folder.join("tiny.yaml"), &[]).unwrap().architecture.graph;
    let (recipe, _) = Recipe::load(&Disk, &folder.join("recipe.yaml"), &[]).unwrap();
    let data = data();
    let task = Task { graph: &graph, data: &data, recipe: &recipe, seed };
    let machine = Machine { threads: 1, isa: Isa::best(), most_bytes: u64::MAX };
    let stop = AtomicBool::new(false);
    let mut trainer = Trainer::new(task, &Backend::Native, machine, &stop).unwrap();
    while !trainer.is_finished() {
        trainer.epoch(&stop, || None, |_| {}).unwrap();
    }
    fs::write(folder.join(name), trainer.checkpoint().unwrap()).unwrap();
    let weights = name.replace(".safetensors", "-weights.safetensors");
    fs::write(folder.join(weights), trainer.trained().unwrap()).unwrap();
    let test = trainer.test(&stop).unwrap();
    (test.top1_percent(), test.loss, trainer.history()[1].val_top1.unwrap())
}

#[test]
fn a_trained_network_is_evaluated_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (top1, loss, val_top1) = train(folder.path(), "a.safetensors", 1);
    train(folder.path(), "b.safetensors", 2);
    let evaluate = format!("evaluate {} --data {DATA}", path("tiny.yaml"));
    let (a, b) = (path("a.safetensors"), path("b.safetensors"));

    // The same numbers as in training, on every engine.
    let one = json(&format!("{evaluate} --weights {a} --engine native,rten --json"));
    assert_eq!((&one["images"], &one["views"]), (&Value::from(130), &Value::from(1)));
    let [native, other] = &one["engines"].as_array().unwrap()[..] else { panic!("{one}") };
    assert_eq!(
        (native["top1"]["value"].as_f64(), native["loss"]["value"].as_f64()),
        (Some(top1), Some(loss))
    );
    assert_eq!((&native["engine"], &other["engine"]), (&"native".into(), &"rten".into()));
    assert_eq!((&other["agrees"], &other["images_of_another_class"]), (&true.into(), &0.into()));
    assert_eq!(other["top1"], native["top1"]);
    let (low, high) = (&native["top1"]["low"], &native["top1"]["high"]);
    assert!(low.as_f64() < Some(top1) && Some(top1) < high.as_f64(), "{native}");
    let confusion = native["confusion"].as_array().unwrap();
    let counts = confusion.iter().flat_map(|row| row.as_array().unwrap());
    assert_eq!(
        (confusion.len(), counts.map(|count| count.as_u64().unwrap()).sum::<u64>()),
        (10, 130)
    );
    assert_eq!(native["calibration"].as_array().unwrap().len(), 15);
    assert_eq!(one["networks"][0]["statistics_of_images"], 360);
    let training = &one["networks"][0]["training"];
    assert_eq!((&training["averages"], &training["epochs"]), (&true.into(), &2.into()));
    let mut printed = keys(&one);
    printed.insert("networks.training".to_owned());
    // No engine fails here.
    printed.insert("engines.error".to_owned());
    assert_eq!(printed, documented_keys("docs/evaluating.md", "JSON of `evaluate`"));
    // A file of trained weights records neither.
    let weights = json(&format!("{evaluate} --weights {} --json", path("a-weights.safetensors")));
    assert_eq!(weights["engines"][0]["top1"], native["top1"]);
    let training = &weights["networks"][0]["training"];
    assert_eq!((&training["averages"], &training["epochs"]), (&Value::Null, &Value::Null));
    assert_eq!(training["seed"], 1);
    let validation = json(&format!("{evaluate} --weights {a} --split validation --json"));
    assert_eq!(validation["engines"][0]["top1"]["value"], val_top1);
    assert_eq!(validation["images"], 40);

    // The exported weights are those that were evaluated; an ONNX file does not record which images were held out.
    let onnx = path("a.onnx");
    inceptive(&format!("export {} --weights {a} -o {onnx}", path("tiny.yaml"))).assert().success();
    let output = inceptive(&format!("evaluate {onnx} --data {DATA}")).assert().success();
    let notes = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(notes.contains("statistics of all training images"), "{notes}");

    // Several networks and views.
    let text = stdout(&format!("{evaluate} --weights {a} --weights {b} --views 144"));
    assert!(text.contains("130 test images, 144 views of each"), "{text}");
    assert!(
        text.lines().any(|line| line.starts_with("native") && line.contains("together")),
        "{text}"
    );
    assert!(text.contains("by predicted class (columns)"), "{text}");
    let twice = json(&format!("{evaluate} --weights {a} --weights {a} --json"));
    assert_eq!(twice["engines"][0]["right"], native["right"]);

    // What cannot be.
    for (arguments, code, expected) in [
        (
            format!("{evaluate} --weights {a} --weights {b} --split validation"),
            1,
            "different images",
        ),
        (evaluate.clone(), 2, "--weights is missing"),
        (format!("{evaluate} --weights {a} --views 3"), 2, "must be 1, 2, 10 or 144"),
        (format!("{evaluate} --weights {a} --set classes=7"), 1, "the network needs [7, 32]"),
    ] {
        let output = inceptive(&arguments).assert().code(code).get_output().clone();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(expected), "{arguments}: {told}");
    }
}

#[test]
fn the_branches_of_a_trained_network_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    train(folder.path(), "a.safetensors", 1);
    let command =
        format!("inspect {} --weights {} --data {DATA}", path("tiny.yaml"), path("a.safetensors"));
    let evaluated = json(&format!(
        "evaluate {} --weights {} --data {DATA} --split validation --json",
        path("tiny.yaml"),
        path("a.safetensors")
    ));
    let found = json(&format!("{command} --json --svg {}", path("a.svg")));
    assert_eq!(found["top1"], evaluated["engines"][0]["top1"]);
    assert_eq!(keys(&found), documented_keys("docs/evaluating.md", "JSON of `inspect`"));
    assert_eq!((&found["evaluated"], &found["images"]), (&40.into(), &40.into()));
    let branches = found["branches"].as_array().unwrap();
    let names: Vec<&str> = branches.iter().map(|branch| branch["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["mixed/1x1", "mixed/3x3", "mixed/pool"]);
    assert!(branches[1]["gradient"].as_f64() > Some(0.0));
    assert_eq!(branches[2]["gradient"], Value::Null);
    let picture = fs::read_to_string(path("a.svg")).unwrap();
    let drawing = roxmltree::Document::parse(&picture).unwrap();
    let titles = drawing.descendants().filter(|node| node.has_tag_name("title"));
    let told = titles.filter(|node| node.text().unwrap().contains("top-1 lost without the branch"));
    assert_eq!(told.count(), 3);

    let text = stdout(&format!("{command} --layers --split test --images 50"));
    assert!(text.contains("of 130 test images") && text.contains("feature maps of 44"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("mixed/3x3 ")), "{text}");
    assert!(text.lines().any(|line| line.starts_with("stem ")), "{text}");
    let refused = inceptive(&format!("{command} --svg {}", path("tiny.yaml"))).assert().code(1);
    assert!(fs::read_to_string(path("tiny.yaml")).unwrap() == NETWORK, "{refused}");
}

/// Even finite weights may overflow or give NaN; this is an error, not an accuracy of 0.
#[test]
fn outputs_that_are_not_numbers_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("tiny.yaml"), NETWORK).unwrap();
    let graph = load(&Disk, Path::new(&path("tiny.yaml")), &[]).unwrap().architecture.graph;
    let mut weights = Weights::seeded(&graph, 1);
    for slot in slots(&graph).into_iter().filter(|slot| slot.role == Role::Variance) {
        weights.set(slot.path, slot.role, vec![-1.0; slot.shape[0]]);
    }
    fs::write(path("w.safetensors"), weights.to_safetensors(&graph).unwrap()).unwrap();
    for command in ["evaluate", "inspect"] {
        let line = format!(
            "{command} {} --weights {} --data {DATA} --split test --json",
            path("tiny.yaml"),
            path("w.safetensors")
        );
        let output = inceptive(&line).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("outputs NaN for") && told.contains("check the weights"), "{told}");
        assert_eq!(output.status.code(), Some(1));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        if command == "evaluate" {
            let found = &found["engines"][0];
            let sum = |counts: &Value| -> u64 {
                counts.as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum()
            };
            assert_eq!((&found["right"], &found["right_of_five"]), (&0.into(), &0.into()));
            assert_eq!(sum(&found["unpredicted"]), 130);
            assert!(found["confusion"].as_array().unwrap().iter().all(|row| sum(row) == 0));
            let text = inceptive(&line.replace(" --json", "")).output().unwrap().stdout;
            let text = String::from_utf8(text).unwrap();
            assert!(text.lines().any(|line| line.contains("none")), "{text}");
        } else {
            assert_eq!(found["nan_images"], 130);
            let layer = &found["layers"][0];
            assert_eq!((&layer["effective_rank"], &layer["dead"]), (&Value::Null, &Value::Null));
        }
    }
}
