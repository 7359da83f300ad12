//! What the tests share: the shipped networks and the reference files.

use std::path::{Path, PathBuf};

use inceptive_dsl::{Disk, Setting, load};
use inceptive_ir::Graph;
use serde_json::Value;

fn manifest(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The graph of `architectures/NAME.yaml`.
pub fn network(name: &str) -> Graph {
    changed(name, &[])
}

/// The same with settings.
pub fn changed(name: &str, settings: &[&str]) -> Graph {
    let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
    let file = manifest("../../architectures").join(name).with_extension("yaml");
    match load(&Disk, &file, &settings) {
        Ok(loaded) => loaded.architecture.graph,
        Err(failure) => panic!("{failure}"),
    }
}

/// A file of `tests/reference`.
pub fn reference(file: &str) -> Value {
    let text = std::fs::read_to_string(manifest("tests/reference").join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}
