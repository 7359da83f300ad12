//! `inceptive report`.

use std::fs;

use crate::{architectures, inceptive, root};

#[test]
fn a_report_has_all_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a/b");
    let run = || {
        inceptive("report").args(architectures()).arg("--out").arg(&out).assert().success();
        let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(&out)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
            })
            .collect();
        files.sort();
        files
    };
    let files = run();
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "accuracy-macs.svg",
        "data.csv",
        "data.json",
        "report.md",
        "where-macs.svg",
        "where-params.svg",
    ];
    assert_eq!(names, expected);
    assert!(run() == files, "the same input gives the same bytes");
}

#[test]
fn data_agree_with_the_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = "architectures/googlenet-bn.yaml";
    inceptive("report").arg(path).arg("--out").arg(folder.path()).assert().success();
    let csv = fs::read_to_string(folder.path().join("data.csv")).unwrap();
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let header = rows.headers().unwrap().clone();
    let row = rows.records().next().unwrap().unwrap();
    let value =
        |name: &str| row.get(header.iter().position(|known| known == name).unwrap()).unwrap();
    assert_eq!(value("params"), "6624904");
    assert_eq!(value("macs"), "1498376192");
    assert_eq!(value("published_top1"), "69.778");
    let data = fs::read_to_string(folder.path().join("data.json")).unwrap();
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    let counted = crate::json(&format!("cost --json {path}"));
    for key in ["name", "file", "fingerprint", "input", "params", "macs", "flops", "acts", "nodes"]
    {
        assert_eq!(data[0][key], counted[0][key], "{key}");
    }
    assert!(data[0]["published"].as_array().unwrap().iter().any(|entry| entry["compared"] == true));
}

/// Accuracies that do not compare (ensembles, many crops, other sizes) stay off the chart.
#[test]
fn only_comparable_accuracies_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "
name: Ensemble <b>&\"only\"
input: {channels: 3, size: 224}
classes: 10
published:
  - {dataset: imagenet-1k, top1: 99, crops: 144, models: 7, resolution: 224, source: a}
  - {dataset: imagenet-1k, top1: 98, crops: 1, models: 1, resolution: 299, source: b}
  - {dataset: cifar10, top1: 97, crops: 1, models: 1, resolution: 224, source: c}
body: [conv: {kernel: 3, width: 8, stride: 2}]
tail: gap
";
    let file = folder.path().join("network.yaml");
    fs::write(&file, yaml).unwrap();
    inceptive("report").arg(&file).arg("--out").arg(folder.path()).assert().success();
    let page = fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(page.contains("No accuracies that can be compared"), "{page}");
    assert!(!page.contains("<b>"), "{page}");
    let chart = fs::read_to_string(folder.path().join("accuracy-macs.svg")).unwrap();
    assert!(chart.contains("None of these networks"), "{chart}");
    for name in ["where-macs.svg", "where-params.svg"] {
        let svg = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(roxmltree::Document::parse(&svg).is_ok(), "{svg}");
    }
}

#[test]
fn a_file_in_the_way_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    fs::write(&file, "mine").unwrap();
    inceptive("report architectures/nin.yaml --out").arg(&file).assert().code(1);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

/// The committed example is what the README's command makes.
#[test]
fn the_example_is_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    inceptive("report").args(architectures()).arg("--out").arg(folder.path()).assert().success();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let made = entry.unwrap().path();
        let committed = root().join("reports/classics").join(made.file_name().unwrap());
        let same = fs::read(&committed).unwrap_or_default() == fs::read(&made).unwrap();
        assert!(same, "run: inceptive report architectures/*.yaml --out reports/classics");
    }
}
