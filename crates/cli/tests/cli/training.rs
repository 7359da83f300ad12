//! `inceptive train` as its users run it: two tiny networks on generated images.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::{
    documents::{documented_keys, keys},
    inceptive,
};

/// Two networks, a recipe of two epochs, and how to train with them.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let network = |name: &str, width: u32| {
        format!(
            "name: {name}\ninput: {{channels: 1, size: 16}}\nclasses: 10\n\
             body:\n  - conv: {{kernel: 3, width: {width}}}\n  - maxpool: {{kernel: 2, stride: 2}}\ntail: gap\n"
        )
    };
    for (name, text) in [
        ("narrow.yaml", network("narrow", 4)),
        ("wide.yaml", network("wide", 8)),
        ("two.yaml", "name: two\nepochs: 2\nlearning_rate: 0.05\nbatch: 50\n".to_owned()),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

const TRAIN: &str = "train narrow.yaml wide.yaml --data shapes:size=16,train=200,test=50 --recipe two.yaml --threads 1";

/// What a command that succeeds prints, and says on standard error.
fn done(folder: &Path, arguments: &str) -> [String; 2] {
    let output = inceptive(arguments).current_dir(folder).output().unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    assert!(output.status.success(), "{arguments}: {error}");
    [out, error]
}

fn document(folder: &Path, arguments: &str) -> Value {
    serde_json::from_str(&done(folder, arguments)[0]).unwrap()
}

/// In a folder of images every folder is a class, also one that a training would create.
#[test]
fn no_output_becomes_a_class_of_the_data_set() {
    let folder = folder();
    let folder = folder.path();
    for image in 0..10_u8 {
        for class in 0..10_u8 {
            let place = folder.join(format!("images/{class}"));
            fs::create_dir_all(&place).unwrap();
            let pixels = [class * 25 + image; 256];
            let file = [b"P5 16 16 255\n", &pixels[..]].concat();
            fs::write(place.join(format!("{image}.pgm")), file).unwrap();
        }
    }
    let inside = folder.join("images");
    let options = "--recipe-set validation=0 --recipe-set epochs=1 --threads 1";
    let from = |place: &Path, up: &str, data: &str, rest: &str| {
        let arguments = format!(
            "train {up}narrow.yaml --data folder:size=16,channels=1={data} --recipe {up}two.yaml {options} {rest}"
        );
        let output = inceptive(&arguments).current_dir(place).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let refused = |(code, text): (Option<i32>, String), words: &str| {
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("is a class of the data set") && text.contains(words), "{text}");
        let folders = fs::read_dir(&inside).unwrap().map(|entry| entry.unwrap().path());
        assert_eq!(folders.filter(|path| path.is_dir()).count(), 10, "{text}");
    };
    let runs = "choose another folder with --out or --store";
    refused(from(folder, "", "images", "--store images/s.db --no-report"), runs);
    refused(from(folder, "", "images", "--out images/runs/1 --no-report"), runs);
    refused(from(folder, "", "images", "--out images/3 --no-report"), runs);
    refused(from(&inside, "../", ".", ""), runs);
    let report = "choose another folder with --report";
    refused(from(&inside, "../", ".", "--out ../runs"), report);
    refused(from(folder, "", "images", "--report images/page"), report);
    // Files in the folder of classes and hidden folders are no classes.
    let (code, text) = from(&inside, "../", ".", "--out .runs --no-report");
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = from(folder, "", "images", "--again");
    assert_eq!(code, Some(0), "{text}");
    assert!(folder.join("trained").is_dir() && folder.join("reports/training").is_dir());
    // A folder `test` beside `train` would become the test split.
    fs::create_dir(folder.join("parts")).unwrap();
    fs::rename(&inside, folder.join("parts/train")).unwrap();
    let (code, text) = from(folder, "", "parts", "--out parts/test --no-report --again");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("is a class of the data set") && !folder.join("parts/test").exists());
    let (code, text) = from(folder, "", "parts", "--out parts/runs --no-report --again");
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn networks_are_trained_compared_and_reported_on() {
    let folder = folder();
    let folder = folder.path();
    let [table, _] = done(folder, &format!("{TRAIN} --seeds 2"));
    for words in [
        "recipe two: 2 epochs, 180 training images, 20 for validation, 50 test images",
        "narrow",
        "wide",
        "Intervals are of the mean over seeds",
        "open reports/training/index.html",
    ] {
        assert!(table.contains(words), "`{words}` is not in {table}");
    }

    let page = fs::read_to_string(folder.join("reports/training/index.html")).unwrap();
    let html = scraper::Html::parse_document(&page);
    let rows = scraper::Selector::parse("#training-table-1 tbody tr").unwrap();
    assert_eq!(html.select(&rows).count(), 2);
    let data: Value =
        serde_json::from_slice(&fs::read(folder.join("reports/training/data.json")).unwrap())
            .unwrap();
    let runs = |at: usize| data["candidates"][at]["training"].as_array().unwrap();
    assert_eq!((runs(0).len(), runs(1).len()), (2, 2));
    assert!(data["command"].as_str().unwrap().contains("--up-to 0+0+4@"), "{data}");

    let again = document(folder, &format!("{TRAIN} --seeds 2 --json"));
    let again = again.as_array().unwrap();
    assert_eq!(again.len(), 4);
    for run in again {
        let values = run.as_object().unwrap().values();
        assert_eq!(values.filter(|value| value.is_null()).count(), 0, "{run}");
    }
    assert!(again.contains(&runs(0)[0]) && again.contains(&runs(1)[1]), "as the report has them");
    let weights = again[0]["checkpoint"].as_str().unwrap();
    assert!(folder.join(weights).is_file(), "{weights}");
    let [_, told] = done(folder, &format!("{TRAIN} --seeds 2 --no-report"));
    assert!(told.contains("already in the store"), "{told}");

    let [list, _] = done(folder, "results list --kind training-runs");
    assert_eq!(list.lines().count(), 2 + 4, "{list}");
    let [table, _] = done(folder, "results export csv --kind training-runs");
    assert_eq!(table.lines().count(), 1 + 4, "{table}");
    let exported = document(folder, "results export json --kind training-runs");
    assert_eq!(exported[0]["history"].as_array().unwrap().len(), 2);
}

#[test]
fn a_report_is_written_only_if_it_is_wanted() {
    let folder = folder();
    let folder = folder.path();
    let train = TRAIN.replace("wide.yaml ", "");
    let [text, _] = done(folder, &format!("{train} --no-report"));
    assert!(text.contains("see --seeds") && !text.contains("open "), "{text}");
    document(folder, &format!("{train} --json"));
    assert!(!folder.join("reports").exists());
    let [text, _] = done(folder, &format!("{train} --report elsewhere"));
    assert!(text.ends_with("open elsewhere/index.html\n"), "{text}");
    // What was trained is shown where no report can be written.
    fs::create_dir(folder.join("mine")).unwrap();
    fs::write(folder.join("mine/index.html"), "mine").unwrap();
    let output = inceptive(&format!("{train} --report mine")).current_dir(folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let [out, error] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    assert!(out.contains("narrow") && error.contains("no report was written to `mine`"), "{error}");
    assert_eq!(fs::read_to_string(folder.join("mine/index.html")).unwrap(), "mine");
}

#[test]
fn the_documented_keys_are_printed() {
    let folder = folder();
    let folder = folder.path();
    let narrow = TRAIN.replace("wide.yaml ", "");
    let mut found = keys(&document(folder, &format!("{narrow} --json")));
    let diverging =
        format!("{narrow} --recipe-set learning_rate=1000 --recipe-set batch=10 --json");
    let output = inceptive(&diverging).current_dir(folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let diverged: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(diverged[0]["outcome"]["state"], "diverged");
    assert_eq!(diverged[0]["test_top1"], Value::Null);
    found.append(&mut keys(&diverged));
    let documented = documented_keys("docs/training.md", "JSON");
    let is_of_pytorch = |key: &String| key == "trainer_version" || key.starts_with("accelerator.");
    let of_native: BTreeSet<String> =
        documented.into_iter().filter(|key| !is_of_pytorch(key)).collect();
    assert_eq!(found, of_native);
}

#[test]
fn networks_of_the_same_name_are_told_apart() {
    let folder = folder();
    let folder = folder.path();
    let text = fs::read_to_string(folder.join("wide.yaml")).unwrap();
    fs::write(folder.join("other.yaml"), text.replace("wide", "narrow")).unwrap();
    let train = TRAIN.replace("wide.yaml", "other.yaml");
    let [table, _] = done(folder, &train);
    let page = fs::read_to_string(folder.join("reports/training/report.md")).unwrap();
    for name in ["narrow (narrow.yaml)", "narrow (other.yaml)"] {
        assert!(table.contains(name), "{name} is not in {table}");
        assert!(page.contains(name), "{name} is not in {page}");
    }
}

#[test]
fn what_is_ignored_or_wrong_is_told() {
    let folder = folder();
    let folder = folder.path();
    let train = TRAIN.replace("wide.yaml ", "") + " --no-report";
    done(folder, &format!("{train} --isa portable"));
    let [_, told] = done(folder, &format!("{train} --isa portable"));
    assert!(!told.contains("trained with"), "{told}");
    let [_, told] = done(folder, &train);
    assert!(!told.contains("trained with"), "{told}");
    // Every processor that this runs on has one of these.
    let other = if cfg!(target_arch = "aarch64") { "neon" } else { "avx2" };
    let [_, told] = done(folder, &format!("{train} --isa {other}"));
    let expected = format!(
        "warning: narrow, seed 0: already in the store, trained with portable, not {other}; --again repeats it"
    );
    assert!(told.contains(&expected), "{told}");
    for data in ["nonsense", "shapes:size=3", "shapes:colour=1", "folder"] {
        let arguments = format!("train narrow.yaml --data {data}");
        let output = inceptive(&arguments).current_dir(folder).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{data}");
    }
}

/// A recipe in the folder of an older report is not replaced by the new one.
#[test]
fn no_report_replaces_the_recipe() {
    let folder = folder();
    let train = "train narrow.yaml --data shapes:size=16,train=200,test=50 --threads 1 --recipe";
    done(folder.path(), &format!("{train} two.yaml"));
    let recipe = folder.path().join("reports/training/report.md");
    fs::copy(folder.path().join("two.yaml"), &recipe).unwrap();
    let before = fs::read(&recipe).unwrap();
    let again = inceptive(&format!("{train} reports/training/report.md"))
        .current_dir(folder.path())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&again.stderr);
    assert!(error.contains("it is an input of this command"), "{error}");
    assert_eq!(fs::read(&recipe).unwrap(), before);
}
