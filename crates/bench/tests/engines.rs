//! Every engine that is found computes the same, on every shipped network.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use inceptive_bench::{
    Engine, EngineError, Isa, Model, PrecisionRequest, Setup, allowed_error,
    engines::{EngineOptions, Native, all},
    random_input, relative_error,
};
use inceptive_dsl::{Disk, Setting, load};
use inceptive_ir::{Activation, Graph, NewNode, Op, Path, Shape, passes};
use inceptive_results::Precision;
use inceptive_weights::Weights;

/// A run that nobody stops.
static GO_ON: AtomicBool = AtomicBool::new(false);

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../architectures")
}

/// The inference graph of a network for inputs of this size, if it takes them.
fn sized(name: &str, size: &str) -> Option<Graph> {
    let setting: Setting = format!("input.size={size}").parse().unwrap();
    let loaded = load(&Disk, &folder().join(name), &[setting]).ok()?;
    Some(passes::inference(&loaded.architecture.graph).unwrap())
}

/// The inference graph at the smallest of a few input sizes that the network takes.
fn small(name: &str) -> Graph {
    let mut sizes = ["32", "64", "96", "128", "224", "256", "299"].into_iter();
    sizes.find_map(|size| sized(name, size)).unwrap_or_else(|| panic!("{name}"))
}

fn setup(batch: u32, precision: PrecisionRequest) -> Setup {
    Setup { batch, threads: 2, precision, device: "cpu".to_owned() }
}

fn output(engine: &dyn Engine, model: &Model, setup: &Setup) -> (Precision, Vec<f32>) {
    let mut session = engine.compile(model, setup, &GO_ON).unwrap();
    session.set_input(random_input(model, setup.batch, 7)).unwrap();
    (session.precision(), session.output().unwrap())
}

/// The relative error, of outputs that say something.
fn error(a: &[f32], b: &[f32]) -> f32 {
    assert!(b.iter().any(|&x| x != 0.0));
    relative_error(a, b)
}

fn names() -> Vec<String> {
    let mut names = Vec::new();
    for inner in ["", "small/"] {
        let entries = fs::read_dir(folder().join(inner)).unwrap();
        let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let files = files.filter(|name| name.ends_with(".yaml"));
        names.extend(files.map(|name| format!("{inner}{name}")));
    }
    // Hundreds of megabytes of fully connected weights; `scripts/engines.py` runs them.
    names.retain(|name| {
        !matches!(name.as_str(), "vgg19.yaml" | "googlenet-fc.yaml" | "googlenet-naive.yaml")
    });
    names.sort();
    assert!(names.len() > 30);
    names
}

/// Found engines, the embedded one first; those that `INCEPTIVE_TEST_ENGINES` names have to be among them.
fn found() -> Vec<Box<dyn Engine>> {
    let mut engines = all(&EngineOptions::default());
    engines.retain(|engine| engine.describe().is_ok());
    let expected = std::env::var("INCEPTIVE_TEST_ENGINES").unwrap_or_default();
    for name in expected.split_whitespace() {
        assert!(engines.iter().any(|engine| engine.name() == name), "{name} was not found");
    }
    engines
}

#[test]
fn engines_agree() {
    let engines = found();
    assert_eq!(engines[0].name(), "native");
    let wish = setup(1, PrecisionRequest::Fp32);
    for name in names() {
        let model = Model::new(&name, &small(&name), Weights::seeded(&small(&name), 3)).unwrap();
        let outputs: Vec<Vec<f32>> = engines
            .iter()
            .map(|engine| {
                let (precision, output) = output(engine.as_ref(), &model, &wish);
                assert_eq!(precision, Precision::Fp32);
                output
            })
            .collect();
        for (engine, other) in engines.iter().zip(&outputs).skip(1) {
            let error = error(other, &outputs[0]);
            assert!(
                error < allowed_error(Precision::Fp32, Precision::Fp32),
                "{name}: {} differs by {error}",
                engine.name()
            );
        }
    }
}

/// Gates over channels and over places, and layers that share all their tensors or some.
#[test]
fn engines_agree_on_gates_and_shared_tensors() {
    engines_agree_on("gates.yaml");
    engines_agree_on("shared_tensors.yaml");
}

fn engines_agree_on(fixture: &str) {
    let path = folder().join("../crates/onnx/tests/fixtures").join(fixture);
    let graph = load(&Disk, &path, &[]).unwrap().architecture.graph;
    let graph = passes::inference(&graph).unwrap();
    let model = Model::new(fixture, &graph, Weights::seeded(&graph, 3)).unwrap();
    let wish = setup(2, PrecisionRequest::Fp32);
    let engines = found();
    let (_, expected) = output(engines[0].as_ref(), &model, &wish);
    for engine in &engines[1..] {
        let (_, other) = output(engine.as_ref(), &model, &wish);
        let error = error(&other, &expected);
        assert!(error < 1e-5, "{fixture}: {} differs by {error}", engine.name());
    }
}

/// The native engine with every instruction set, batch and number of threads, against another one.
#[test]
fn every_instruction_set_computes_the_same() {
    let other = found().into_iter().find(|engine| engine.name() != "native").unwrap();
    for name in names() {
        let graph = small(&name);
        let model = Model::new(&name, &graph, Weights::seeded(&graph, 3)).unwrap();
        for batch in [1, 3, 8] {
            let (_, expected) =
                output(other.as_ref(), &model, &setup(batch, PrecisionRequest::Fp32));
            for isa in Isa::available() {
                let native = Native::new(Some(isa));
                for threads in if batch == 3 { 1..5 } else { 2..3 } {
                    let wish = Setup { threads, ..setup(batch, PrecisionRequest::Fp32) };
                    let (_, output) = output(&native, &model, &wish);
                    let error = error(&output, &expected);
                    assert!(
                        error < 1e-4,
                        "{name}, {isa}, batch {batch}, {threads} threads: {error}"
                    );
                }
            }
        }
    }
}

#[test]
fn default_precision_is_labelled_and_close() {
    let model = Model::new(
        "m",
        &small("googlenet-bn.yaml"),
        Weights::seeded(&small("googlenet-bn.yaml"), 3),
    )
    .unwrap();
    for engine in found() {
        let (_, exact) = output(engine.as_ref(), &model, &setup(1, PrecisionRequest::Fp32));
        let (precision, output) =
            output(engine.as_ref(), &model, &setup(1, PrecisionRequest::EngineDefault));
        let limit = allowed_error(precision, Precision::Fp32);
        let error = error(&output, &exact);
        assert!(error < limit, "{} in {precision}: {error}", engine.name());
        assert!(engine.describe().unwrap().precisions.contains(&precision));
    }
}

/// Folding normalisations changes nothing, and neither do other images of a batch.
#[test]
fn folding_and_batches_keep_the_output() {
    let engine = &all(&EngineOptions::default())[0];
    for name in
        ["inception-v3.yaml", "densenet121.yaml", "mobilenet-v2.yaml", "inception-resnet-v2.yaml"]
    {
        let graph = small(name);
        let weights = Weights::seeded(&graph, 5);
        let model = Model::new(name, &graph, weights.clone()).unwrap();
        let (_, one) = output(engine.as_ref(), &model, &setup(1, PrecisionRequest::Fp32));
        let (_, three) = output(engine.as_ref(), &model, &setup(3, PrecisionRequest::Fp32));
        assert_eq!(three.len(), 3 * one.len());
        let error_in_batch = error(&three[..one.len()], &one);
        assert!(error_in_batch < 1e-5, "{name}: {error_in_batch}");

        let options = inceptive_onnx::Options {
            name: name.to_owned(),
            opset: inceptive_onnx::Opset::DEFAULT,
            batch: inceptive_onnx::Batch::Fixed(1),
            lrn: inceptive_onnx::LrnForm::Arithmetic,
            weights: inceptive_onnx::WeightType::Float32,
        };
        let plain = inceptive_onnx::to_onnx(&graph, &weights, &options).unwrap();
        let unfolded = run_rten(plain, &model);
        let off = error(&unfolded, &one);
        assert!(off < 1e-4, "{name}: {off}");
    }
}

/// The output of an ONNX file in the embedded engine's own interface.
fn run_rten(onnx: Vec<u8>, model: &Model) -> Vec<f32> {
    use rten_tensor::prelude::*;
    let loaded = rten::Model::load(onnx).unwrap();
    let input = random_input(model, 1, 7);
    let input = rten_tensor::NdTensorView::from_data(model.input_shape(1), &*input);
    let output: rten_tensor::Tensor<f32> =
        loaded.run_one(input.into(), None).unwrap().try_into().unwrap();
    output.to_vec()
}

/// A network with many modules, and an image for it.
fn googlenet() -> (Model, Arc<[f32]>) {
    let graph = small("googlenet.yaml");
    let model = Model::new("m", &graph, Weights::seeded(&graph, 3)).unwrap();
    let input = random_input(&model, 1, 7);
    (model, input)
}

/// Found engines that say what nodes take.
fn found_with_node_times() -> impl Iterator<Item = Box<dyn Engine>> {
    found().into_iter().filter(|engine| engine.describe().unwrap().has_node_times)
}

#[test]
fn node_times_name_nodes_of_the_network() {
    let (model, input) = googlenet();
    let wish = setup(1, PrecisionRequest::Fp32);
    for engine in found_with_node_times() {
        let mut listen = |_| ControlFlow::Continue(());
        let runs =
            engine.node_times(&model, &wish, input.clone(), 2, &GO_ON, &mut listen).unwrap().runs;
        assert_eq!(runs.len(), 2);
        let named = runs[1].iter().filter(|node| node.path.is_some()).count();
        assert!(named * 10 > runs[1].len() * 8, "{}: {named} of {}", engine.name(), runs[1].len());
        let paths = runs[1].iter().flat_map(|node| &node.path);
        assert!(paths.clone().all(|path| model.graph.find(path).is_some()));
    }
}

#[test]
fn node_times_go_on_evenly_and_stop_when_told() {
    let (model, input) = googlenet();
    let wish = setup(1, PrecisionRequest::Fp32);
    for engine in found_with_node_times() {
        let mut shares = vec![];
        let mut listen = |share: f64| {
            shares.push(share);
            if share > 0.8 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let runs =
            engine.node_times(&model, &wish, input.clone(), 20, &GO_ON, &mut listen).unwrap().runs;
        assert!((10..20).contains(&runs.len()), "{}: {} runs", engine.name(), runs.len());
        assert!(runs.iter().all(|run| run.len() == runs[0].len()), "whole runs only");
        assert!(shares.windows(2).all(|pair| pair[0] < pair[1] && pair[1] - pair[0] < 0.06));
        assert!(shares[0] < 0.01 && shares[shares.len() - 1] < 0.9, "{}", engine.name());
    }
}

/// A run of many images takes longer than a person waits for an answer.
#[test]
fn the_native_engine_ends_a_run_early() {
    let graph = sized("googlenet.yaml", "224").unwrap();
    let model = Model::new("m", &graph, Weights::seeded(&graph, 3)).unwrap();
    let (engine, wish) = (Native::new(None), setup(32, PrecisionRequest::Fp32));
    let mut session = engine.compile(&model, &wish, &GO_ON).unwrap();
    let stop = AtomicBool::new(false);
    let stopped_after = |run: &mut dyn FnMut()| {
        stop.store(false, Ordering::Relaxed);
        thread::scope(|scope| {
            let stopping = scope.spawn(|| {
                thread::sleep(Duration::from_millis(50));
                stop.store(true, Ordering::Relaxed);
                Instant::now()
            });
            run();
            stopping.join().unwrap().elapsed()
        })
    };
    let start = Instant::now();
    session.run(&GO_ON).unwrap();
    let whole = start.elapsed();
    let waited = stopped_after(&mut || {
        assert!(matches!(session.run(&stop), Err(EngineError::Stopped)));
    });
    assert!(waited < (whole / 2).min(Duration::from_millis(500)), "{waited:?} of {whole:?}");
    session.run(&GO_ON).unwrap();
    let input = random_input(&model, 32, 7);
    let waited = stopped_after(&mut || {
        let mut goes_on = |_| ControlFlow::Continue(());
        let times = engine.node_times(&model, &wish, input.clone(), 1000, &stop, &mut goes_on);
        assert!(times.unwrap().runs.len() < 1000, "the runs before the stop");
    });
    assert!(waited < 2 * whole, "{waited:?}, in which it is compiled");
}

/// The version that results carry is the one that was built in.
#[test]
fn rten_knows_its_version() {
    let lock = fs::read_to_string(folder().join("../Cargo.lock")).unwrap();
    let entry =
        lock.split("[[package]]").find(|entry| entry.contains("name = \"rten\"\n")).unwrap();
    let engines = all(&EngineOptions::default());
    let rten = engines.iter().find(|engine| engine.name() == "rten").unwrap();
    let version = rten.describe().unwrap().version;
    assert!(entry.contains(&format!("version = \"{version}\"")), "{entry}");
}

/// A network of one input and one operator after the other, or one join of as many.
fn deep(nodes: usize, join: Option<Op>) -> Model {
    let mut graph = Graph::new(Shape::map(2, 2, 2), None).unwrap();
    let input = graph.input();
    match join {
        Some(join) => {
            graph.add(NewNode::new(join, Path::new("join")), &vec![input; nodes]).unwrap();
        }
        None => {
            (0..nodes).fold(input, |last, number| {
                let relu = Op::Activation(Activation::Relu);
                graph.add(NewNode::new(relu, Path::new(&format!("relu{number}"))), &[last]).unwrap()
            });
        }
    }
    Model::new("deep", &graph, Weights::default()).unwrap()
}

/// The planners of engines call themselves once for each node of a row: the threads of tests have 2 MiB of stack.
#[test]
fn long_rows_of_nodes_run_or_are_refused() {
    let setup = setup(1, PrecisionRequest::Fp32);
    let sum = Op::Add { scales: vec![1.0; 30_000] };
    let half = Op::Add { scales: vec![0.5; 10_000] };
    for engine in found() {
        for (nodes, join, factor) in [
            (20_000, None, Some(1.0)),
            (30_000, Some(sum.clone()), Some(30_000.0)),
            (10_000, Some(half.clone()), Some(5_000.0)),
            (2_000, Some(Op::Concat), None),
        ] {
            let model = deep(nodes, join);
            let mut session = match engine.compile(&model, &setup, &GO_ON) {
                Ok(session) => session,
                Err(EngineError::TooManyNodes { nodes, limit, .. }) if nodes > limit => continue,
                Err(error) => panic!("{}: {error}", engine.name()),
            };
            session.set_input(vec![1.0; 8].into()).unwrap();
            session.run(&GO_ON).unwrap();
            let output = session.output().unwrap();
            if engine.describe().unwrap().has_node_times {
                let (input, mut goes_on) = (vec![1.0; 8].into(), |_| ControlFlow::Continue(()));
                let times =
                    engine.node_times(&model, &setup, input, 1, &GO_ON, &mut goes_on).unwrap();
                assert_eq!(times.runs.len(), 1, "{}", engine.name());
            }
            if let Some(factor) = factor {
                assert!(error(&output, &[factor; 8]) < 1e-3, "{}: {nodes}", engine.name());
            }
        }
        let error = engine.compile(&deep(99_000, None), &setup, &GO_ON).err();
        assert!(
            error.is_none_or(|error| matches!(error, EngineError::TooManyNodes { .. })),
            "{}",
            engine.name()
        );
    }
}

/// A device that is not there is an error that says what has it, never the processor in its place.
#[test]
fn a_device_that_is_not_there_is_named() {
    let engines = found();
    let Some(engine) = engines.iter().find(|engine| engine.name() == "onnxruntime") else { return };
    let devices = engine.describe().unwrap().devices;
    let graph = small("squeezenet1_1.yaml");
    let model = Model::new("squeezenet", &graph, Weights::seeded(&graph, 3)).unwrap();
    for device in ["cuda", "tensorrt", "migraphx", "coreml", "directml"] {
        if devices.iter().any(|there| there == device) {
            continue;
        }
        let setup = Setup { device: device.to_owned(), ..setup(1, PrecisionRequest::default()) };
        let error = engine.compile(&model, &setup, &GO_ON).map(drop).unwrap_err().to_string();
        let expected = format!("was not built for device `{device}`, which comes with `python3 -m");
        assert!(error.contains(&expected), "{error}");
    }
}
