//! What the tests share: the shipped networks and the reference files.

use std::path::{Path, PathBuf};

use inceptive_dsl::{Disk, Failure, Loaded, Setting, load};
use inceptive_ir::Graph;
use serde_json::Value;

fn manifest(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The names of the networks in `architectures/`, in order.
pub fn names() -> Vec<String> {
    let files = std::fs::read_dir(manifest("../../architectures")).unwrap();
    let mut names: Vec<String> = files
        .map(|entry| entry.unwrap().path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "yaml"))
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 26, "{names:?}");
    names
}

/// The graph of `architectures/NAME.yaml`.
pub fn network(name: &str) -> Graph {
    changed(name, &[])
}

/// The same with settings.
pub fn changed(name: &str, settings: &[&str]) -> Graph {
    match loaded(name, settings) {
        Ok(loaded) => loaded.architecture.graph,
        Err(failure) => panic!("{failure}"),
    }
}

/// The network of `architectures/NAME.yaml` with settings, or what is wrong with them.
pub fn loaded(name: &str, settings: &[&str]) -> Result<Loaded, Failure> {
    let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
    let file = manifest("../../architectures").join(name).with_extension("yaml");
    load(&Disk, &file, &settings)
}

/// A file of `tests/reference`.
pub fn reference(file: &str) -> Value {
    let text = std::fs::read_to_string(manifest("tests/reference").join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}
