//! PyTorch modules as text. `scripts/exports.py` runs them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::HashSet, fs, path::Path, time::Instant};

use inceptive_dsl::{Disk, load};
use inceptive_ir::{Activation, Conv, Graph, NewNode, Op, Padding, Path as NodePath, Shape, Size};
use inceptive_pytorch::to_pytorch;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn module(file: &str) -> String {
    let architecture = load(&Disk, &Path::new(ROOT).join(file), &[]).unwrap().architecture;
    to_pytorch(&architecture.graph, &architecture.name)
}

fn conv(out_channels: u32) -> Op {
    Op::Conv(Conv {
        kernel: Size::square(1),
        out_channels,
        stride: Size::square(1),
        padding: Padding::NONE,
        dilation: Size::square(1),
        groups: 1,
        bias: true,
    })
}

/// A chain of operators with these paths.
fn chain(nodes: impl IntoIterator<Item = (Op, String)>) -> Graph {
    let mut graph = Graph::new(Shape::map(3, 8, 8), None).unwrap();
    for (op, path) in nodes {
        let last = graph.output();
        graph.add(NewNode::new(op, NodePath::new(&path)), &[last]).unwrap();
    }
    graph
}

#[test]
fn googlenet() {
    insta::assert_snapshot!(module("architectures/googlenet.yaml"));
}

#[test]
fn every_operator() {
    insta::assert_snapshot!(module("crates/onnx/tests/fixtures/operators.yaml"));
}

#[test]
fn every_shipped_network_has_short_lines_and_each_class_once() {
    let folders = ["architectures", "architectures/small"];
    let entries = folders.map(|folder| fs::read_dir(Path::new(ROOT).join(folder)).unwrap());
    for entry in entries.into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = module(path.to_str().unwrap());
        assert_eq!(text, module(path.to_str().unwrap()), "{}", path.display());
        let long = text.lines().find(|line| line.chars().count() > 100 || line.ends_with(' '));
        assert_eq!(long, None, "{}", path.display());
        let mut classes = HashSet::new();
        let names = text.lines().filter(|line| line.starts_with("class "));
        assert!(names.map(|line| line.split('(').next()).all(|name| classes.insert(name)));
    }
}

#[test]
fn blocks_of_one_structure_share_a_class() {
    let count = |text: &str, what: &str| text.matches(what).count();
    let text = module("architectures/googlenet.yaml");
    assert_eq!(count(&text, " = Inception("), 9);
    assert_eq!(count(&text, " = Head("), 2);
    let text = module("architectures/resnet50.yaml");
    assert_eq!(count(&text, "=Bottleneck("), 12);
    assert_eq!(count(&text, "=BottleneckProject("), 4);
    let text = module("architectures/densenet121.yaml");
    assert_eq!(count(&text, "=Layer("), 58);
}

#[test]
fn what_people_write_stays_inside_of_names_and_strings() {
    let hostile = "\"\"\"\nimport os\n\\\"\"\" $(x) \u{2028}";
    let graph = chain([
        (conv(4), "x\"): import os #".to_owned()),
        (conv(4), "\n\"\"\"import os/'''\n".to_owned()),
        (conv(4), "self".to_owned()),
        (conv(4), String::new()),
        (conv(4), "//".to_owned()),
    ]);
    let text = to_pytorch(&graph, hostile);
    let outside = text.replace("\\\"", "");
    let strings: Vec<&str> = outside.split("\"\"\"").collect();
    assert_eq!(strings.len(), 5, "two docstrings:\n{text}");
    let code = strings.into_iter().step_by(2).collect::<String>();
    for line in code.lines().map(str::trim).filter(|line| line.contains("import")) {
        let is_ours = line.starts_with("import torch") || line.starts_with("from ");
        assert!(is_ours || line.starts_with("self.") || line.starts_with("x = self."), "{line}");
    }
    assert!(text.is_ascii());
}

#[test]
fn large_and_deep_networks_are_written() {
    let relu = || Op::Activation(Activation::Relu);
    let start = Instant::now();
    let deep = "a/".repeat(NodePath::MAX_DEPTH - 2);
    let graph = chain((0..500).map(|at| (relu(), format!("{deep}{}/b{at}", at % 3))));
    assert!(to_pytorch(&graph, "Deep").lines().count() > 500);
    let graph = chain((0..20_000).map(|at| (conv(at % 7 + 1), format!("茎{at}/é"))));
    assert!(to_pytorch(&graph, "Wide").lines().count() > 20_000);
    // The same identifier in Python, which normalises them.
    let twin = |at: u32| format!("{}/{}", at / 2, if at.is_multiple_of(2) { "ﬁ" } else { "fi" });
    let graph = chain((0..20_000).map(|at| (conv(at % 7 + 1), twin(at))));
    assert!(to_pytorch(&graph, "Twins").lines().count() > 10_000);
    assert!(start.elapsed().as_secs() < 60);
}
