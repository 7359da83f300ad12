//! Results to keep.

use std::path::{Path, PathBuf};

use inceptive_bench::{
    Engine, PrecisionWish, Protocol, Run, Setting, Setup, Surroundings, engines::mock::Mock,
};
use inceptive_ir::{Activation, Graph, NewNode, Op, Shape};
use inceptive_results::{Machine, Measurement, Roofline, Runtime, Subject};

/// A result whose first time is `ms` milliseconds.
pub fn measurement(name: &str, ms: u64) -> Measurement {
    let mut graph = Graph::new(Shape::map(3, 4, 4), None).unwrap();
    let relu = NewNode::new(Op::Activation(Activation::Relu), inceptive_ir::Path::new("relu"));
    graph.add(relu, &[graph.input()]).unwrap();
    let engine = Mock::new(&inceptive_bench::FakeHost::default(), |_, _| std::time::Duration::ZERO);
    let setup =
        Setup { batch: 2, threads: 1, precision: PrecisionWish::Fp32, device: "cpu".to_owned() };
    let run = Run {
        precision: inceptive_results::Precision::Fp32,
        load: std::time::Duration::from_millis(1),
        memory_bytes: None,
        warm_up_runs: 9,
        settled: true,
        turns: (0..30)
            .map(|turn| vec![std::time::Duration::from_micros(ms * 1000 + turn)])
            .collect(),
        cut_short: false,
        surroundings: Surroundings::default(),
    };
    let subject = Subject::new(name, &format!("architectures/{name}.yaml"), vec![], &graph);
    let about = engine.describe().unwrap();
    let runtime = inceptive_bench::runtime(engine.name(), &about, &setup, run.precision);
    let roofline = Roofline { threads: 1, peak_gflops: 100.0, bandwidth_gbps: 10.0 };
    let (machine, protocol) = (inceptive_results::example::machine(), Protocol::default());
    let setting = Setting { machine: &machine, protocol: &protocol };
    inceptive_bench::measurement(subject, runtime, roofline, &setting, &run)
}

/// A file for them.
pub fn file(folder: &Path) -> PathBuf {
    folder.join("results with spaces ü.db")
}
