//! Files of the repository that are made from the program, and keys in its documents.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{root, stdout, yaml_files};

/// The keys that a section of a document lists in the first column of its table.
pub fn documented_keys(document: &str, title: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let lines = text.lines().skip_while(|line| line.trim_start_matches('#').trim() != title);
    let section = lines.skip(1).take_while(|line| !line.starts_with('#'));
    let first_cells = section.filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let keys = first_cells.flat_map(|cell| cell.split(", ").map(|key| key.trim_matches('`')));
    keys.map(ToOwned::to_owned).collect()
}

/// The keys in a JSON document, written as in the documents.
pub fn keys(value: &Value) -> BTreeSet<String> {
    fn add(found: &mut BTreeSet<String>, place: &str, value: &Value) {
        let is_interval = |map: &serde_json::Map<String, Value>| {
            map.keys().collect::<BTreeSet<_>>().iter().eq(&["high", "low", "value"])
        };
        match value {
            Value::Array(all) if all.iter().any(Value::is_object) => {
                all.iter().for_each(|inner| add(found, place, inner));
            }
            Value::Object(map) if !is_interval(map) => {
                let dot = if place.is_empty() { "" } else { "." };
                map.iter()
                    .for_each(|(key, inner)| add(found, &format!("{place}{dot}{key}"), inner));
            }
            _ => {
                found.insert(place.to_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    add(&mut found, "", value);
    found
}

#[test]
fn the_schema_is_up_to_date() {
    let committed = fs::read_to_string(root().join("architectures/schema.json")).unwrap();
    let same = committed == stdout("schema");
    assert!(same, "run: inceptive schema > architectures/schema.json");
    let committed = fs::read_to_string(root().join("recipes/schema.json")).unwrap();
    let same = committed == stdout("schema --recipe");
    assert!(same, "run: inceptive schema --recipe > recipes/schema.json");
}

/// As above, for recipes.
#[test]
fn the_schema_describes_the_shipped_recipes() {
    let schema: serde_json::Value = serde_json::from_str(&stdout("schema --recipe")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value = |text: &str| -> serde_json::Value { serde_yaml::from_str(text).unwrap() };
    for file in yaml_files("recipes") {
        let recipe = value(&fs::read_to_string(root().join(&file)).unwrap());
        let errors: Vec<String> = validator
            .iter_errors(&recipe)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{file}: {errors:#?}");
    }
    let least = "name: x\nepochs: 1\nlearning_rate: 0.1\n";
    for right in [
        "",
        "schedule: one_cycle",
        "schedule: constant",
        "schedule: {step: }",
        "schedule: {step: {at: [0.5]}}",
        "optimizer: {adamw: {beta1: 0.8, eps: }}",
        "optimizer:",
        "augment: {crop: , flip: random}",
        "clip: null",
        "cite: [a, b]",
    ] {
        let recipe = value(&format!("{least}{right}"));
        let errors: Vec<String> =
            validator.iter_errors(&recipe).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{right}: {errors:#?}");
    }
    for wrong in [
        "epoch: 3",
        "batch: 0",
        "schedule: cosin",
        "schedule: {cosine: {peak: 1}}",
        "schedule: {cosine: , step: }",
        "optimizer: {momentum: 0.9}",
        "augment: {flip: vertical}",
        "auxiliary: 1",
    ] {
        assert!(!validator.is_valid(&value(&format!("{least}{wrong}"))), "{wrong}");
    }
    assert!(!validator.is_valid(&value("name: x\nepochs: 3")));
    assert!(validator.is_valid(&value("name: x\nextends: quick.yaml\nepochs: 3")));
}

/// What the program accepts the editor accepts too, and it marks what the program refuses.
#[test]
fn the_schema_describes_the_shipped_files() {
    let schema: serde_json::Value = serde_json::from_str(&stdout("schema")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let folders = ["", "/blocks", "/spaces", "/small"].map(|inner| format!("architectures{inner}"));
    for file in folders.iter().flat_map(|folder| yaml_files(folder)) {
        let text = fs::read_to_string(root().join(&file)).unwrap();
        let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{file}: {errors:#?}");
    }
    for wrong in [
        "{name: x, input: {channels: 3, size: 8}, body: [conv: {kernel: 3, widht: 8}]}",
        "{name: x, input: {channels: 3, size: 8}, body: [], clases: 3}",
        "{name: x, input: {channels: three, size: 8}, body: []}",
        "{name: x, input: {channels: 3, size: 8}, body: [], tail: gapp}",
    ] {
        let value: serde_json::Value = serde_yaml::from_str(wrong).unwrap();
        assert!(!validator.is_valid(&value), "{wrong}");
    }
}
