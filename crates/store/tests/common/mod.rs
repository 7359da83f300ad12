//! Results to keep.

use std::path::{Path, PathBuf};

use inceptive_ir::{Activation, Graph, NewNode, Op, Shape};
use inceptive_results::{Measurement, NetworkInfo, Runtime, example};

/// A result whose first time is `ms` milliseconds.
pub fn measurement(name: &str, ms: u64) -> Measurement {
    let mut graph = Graph::new(Shape::map(3, 4, 4), None).unwrap();
    let relu = NewNode::new(Op::Activation(Activation::Relu), inceptive_ir::Path::new("relu"));
    graph.add(relu, &[graph.input()]).unwrap();
    let subject = NetworkInfo::new(name, &format!("architectures/{name}.yaml"), vec![], &graph);
    let runtime = Runtime { engine: "mock".to_owned(), batch: 2, threads: 1, ..example::runtime() };
    let ms = f64::from(u32::try_from(ms).unwrap());
    let turns = (0..30_u32).map(|turn| vec![ms + f64::from(turn) * 1e-3]).collect();
    example::measurement(subject, runtime, turns)
}

/// A file for them.
pub fn file(folder: &Path) -> PathBuf {
    folder.join("results with spaces ü.db")
}
