//! PyTorch as an engine: with a made-up process, whose device has a clock of its own, and the real one where it is installed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use inceptive_bench::{
    BenchCase, Description, Engine, EngineError, Event, FakeHost, Model, Observer,
    PrecisionRequest, Protocol, Run, RunContext, Session, SessionMemory, Setup, allowed_error,
    engines::{EngineOptions, Native, PyTorch, PyTorchMode, PyTorchOptions, all},
    measure, random_input, relative_error,
};
use inceptive_dsl::{Disk, load};
use inceptive_ir::{Activation, Graph, NewNode, Op, Path as NodePath, Shape, passes};
use inceptive_results::{Accelerator, Grade, NetworkInfo, Precision, Record, Roofline, example};
use inceptive_weights::Weights;

static GO_ON: AtomicBool = AtomicBool::new(false);

fn fake() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pytorch/tests/fake_worker.py")
}

fn engine(mode: PyTorchMode) -> PyTorch {
    PyTorch::new(PyTorchOptions { python: Some(fake()), mode, channels_last: true })
}

/// A network without weights, whose name says what the made-up process does.
fn model(name: &str) -> Model {
    let mut graph = Graph::new(Shape::map(2, 2, 2), None).unwrap();
    let relu = NewNode::new(Op::Activation(Activation::Relu), NodePath::new("relu"));
    graph.add(relu, &[graph.input()]).unwrap();
    Model::new(name, &graph, Weights::default()).unwrap()
}

fn on(device: &str, precision: PrecisionRequest) -> Setup {
    Setup { batch: 4, threads: 2, precision, device: device.to_owned() }
}

fn refused(engine: &PyTorch, model: &Model, setup: &Setup) -> String {
    engine.compile(model, setup, &GO_ON).err().unwrap().to_string()
}

#[test]
fn a_device_and_a_mode_that_are_not_there_are_refused() {
    let eager = engine(PyTorchMode::Eager);
    let Description { version, devices, mode, .. } = eager.describe().unwrap();
    assert_eq!((version.as_str(), devices), ("9.9.0+fake", vec!["cpu".into(), "cuda".into()]));
    assert_eq!(mode.as_deref(), Some("eager, channels last"));
    let network = model("Network");
    let absent = refused(&eager, &network, &on("cuda:7", PrecisionRequest::Fp32));
    assert_eq!(absent, "device `cuda:7` is not available with pytorch");
    let tf32 = refused(&eager, &network, &on("cpu", PrecisionRequest::Tf32));
    assert!(tf32.contains("precision tf32 on device `cpu`"), "{tf32}");
    let graphs =
        refused(&engine(PyTorchMode::Graphs), &network, &on("cpu", PrecisionRequest::Fp32));
    assert!(graphs.contains("mode graphs on device `cpu`"), "{graphs}");
    let absent = PyTorchOptions { python: Some("/absent".into()), ..PyTorchOptions::default() };
    let absent = PyTorch::new(absent).describe().unwrap_err();
    assert!(matches!(absent, EngineError::Missing { .. }), "{absent}");
    // Other engines refuse what they lack, too.
    let half = on("cpu", PrecisionRequest::Fp16);
    let native = Native::new(None).compile(&network, &half, &GO_ON).err().unwrap();
    assert!(native.to_string().contains("precision fp16"), "{native}");
}

/// Keeps what happens to each candidate.
#[derive(Default)]
struct Log {
    runs: Vec<(usize, Run)>,
    failures: Vec<(usize, String)>,
}

impl Observer for Log {
    fn event(&mut self, candidate: usize, event: Event) {
        match event {
            Event::Finished(run) => self.runs.push((candidate, *run)),
            Event::Failed(error) => self.failures.push((candidate, error.to_string())),
            _ => {}
        }
    }

    fn wants_stop(&self) -> bool {
        false
    }

    fn stop(&self) -> &AtomicBool {
        &GO_ON
    }
}

/// The fake host's clock stands still: all times are those of the device.
#[test]
fn times_are_those_of_the_device_and_failures_do_not_end_the_others() {
    let engine = engine(PyTorchMode::Graphs);
    let models = ["Large", "First", "Dies", "Second", "Third"].map(model);
    let setup = on("cuda", PrecisionRequest::Fp16);
    let case = |model| BenchCase { engine: &engine, model, setup: setup.clone() };
    let cases: Vec<BenchCase<'_>> = models.iter().map(case).collect();
    let protocol = Protocol { budget: Duration::from_secs(1), ..Protocol::default() };
    let mut log = Log::default();
    measure(&cases, &protocol, &FakeHost::default(), &mut log);
    // The first network was in the process that has ended.
    let failed: Vec<usize> = log.failures.iter().map(|(candidate, _)| *candidate).collect();
    assert_eq!(failed, [0, 2, 1], "{:?}", log.failures);
    assert!(log.failures[0].1.contains("out of memory (Tried to allocate 200.00 GiB)"));
    assert!(log.failures[1].1.contains("exit status: 3"), "{:?}", log.failures);
    log.runs.sort_by_key(|(candidate, _)| *candidate);
    assert_eq!(log.runs.iter().map(|(candidate, _)| *candidate).collect::<Vec<_>>(), [3, 4]);
    let run = &log.runs[0].1;
    assert_eq!(
        (run.precision, run.settled, run.memory_bytes.is_some()),
        (Precision::Fp16, true, true)
    );
    let accelerator = Accelerator {
        name: "Fake GPU".to_owned(),
        driver: Some("1.2.3".to_owned()),
        platform: Some("CUDA 9.9".to_owned()),
        memory_bytes: Some(1 << 34),
        clock_mhz: Some([1500.0; 2]),
    };
    assert_eq!(run.accelerator.as_ref(), Some(&accelerator));
    let roofline = Roofline { threads: 2, peak_gflops: 1e-9, bandwidth_gbps: 1.0 };
    let name = Some(accelerator.name.clone());
    let description = engine.describe().unwrap();
    let runtime =
        inceptive_bench::runtime(engine.name(), &description, &setup, run.precision, name);
    let subject = NetworkInfo::new("Second", "m.yaml", vec![], &models[3].graph);
    let context =
        RunContext { machine: &example::machine(), protocol: &protocol, flushes_subnormals: None };
    let measured = inceptive_bench::measurement(subject, runtime, roofline, &context, run);
    assert_eq!(measured.check(), Ok(()));
    assert!((measured.latency_ms.median.value - 2.0).abs() < 1e-9);
    // The limits are those of the processor: nothing follows from them.
    assert_eq!(
        (measured.share_of_peak(), measured.grade),
        (None, Grade::A),
        "{:?}",
        measured.findings
    );
    assert_eq!(measured.runtime.device_and_mode(), "cuda (Fake GPU), graphs, channels last");
    let text = serde_json::to_string(&measured).unwrap();
    assert!(text.contains(r#""mode":"graphs, channels last","accelerator":"Fake GPU""#), "{text}");
}

#[test]
fn a_session_keeps_nothing_of_a_process_that_has_ended() {
    let engine = engine(PyTorchMode::Eager);
    let setup = on("cuda", PrecisionRequest::Bf16);
    let mut first = engine.compile(&model("First"), &setup, &GO_ON).unwrap();
    assert!(matches!(first.memory(), SessionMemory::Elsewhere(Some(_))));
    assert_eq!(first.timed_runs(2500, &GO_ON).unwrap().unwrap().len(), 2500);
    assert_eq!(first.output().unwrap(), [1.0; 4]);
    assert!(refused(&engine, &model("Dies"), &setup).contains("ended unexpectedly"));
    assert!(first.run(&GO_ON).unwrap_err().to_string().contains("ended unexpectedly"));
    let mut next = engine.compile(&model("Endless"), &setup, &GO_ON).unwrap();
    next.run(&GO_ON).unwrap();
    assert_eq!(next.is_output_finite(), Some(false));
}

/// PyTorch on the processor, if it is installed; `INCEPTIVE_TEST_ENGINES` says that it has to be.
fn real(mode: PyTorchMode, channels_last: bool) -> Option<PyTorch> {
    let engine = PyTorch::new(PyTorchOptions { python: None, mode, channels_last });
    let found = engine.describe();
    let wanted = std::env::var("INCEPTIVE_TEST_ENGINES").unwrap_or_default();
    let is_wanted = wanted.split_whitespace().any(|name| name == "pytorch");
    assert!(found.is_ok() || !is_wanted, "{found:?}");
    if found.is_err() {
        println!("skipped: PyTorch is not installed");
    }
    found.ok().map(|_| engine)
}

fn output(session: &mut dyn Session, model: &Model, batch: u32) -> Vec<f32> {
    session.set_input(random_input(model, batch, 7)).unwrap();
    session.output().unwrap()
}

#[test]
fn every_precision_and_layout_computes_the_same() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures/small/bn.yaml");
    let graph = passes::inference(&load(&Disk, &file, &[]).unwrap().architecture.graph).unwrap();
    let model = Model::new("m", &graph, Weights::seeded(&graph, 3)).unwrap();
    let mut native =
        Native::new(None).compile(&model, &on("cpu", PrecisionRequest::Fp32), &GO_ON).unwrap();
    let expected = output(native.as_mut(), &model, 4);
    for channels_last in [false, true] {
        let Some(engine) = real(PyTorchMode::Eager, channels_last) else { return };
        for request in [PrecisionRequest::Fp32, PrecisionRequest::Bf16, PrecisionRequest::Fp16] {
            let setup = on("cpu", request);
            let mut session = engine.compile(&model, &setup, &GO_ON).unwrap();
            let found = output(session.as_mut(), &model, 4);
            let (precision, error) = (session.precision(), relative_error(&found, &expected));
            assert_eq!(Some(precision), request.exactly());
            let limit = allowed_error(precision, Precision::Fp32)
                .max(if precision == Precision::Bf16 { 5e-2 } else { 0.0 });
            assert!(error < limit, "{precision}, channels last {channels_last}: {error}");
            let times = session.timed_runs(3, &GO_ON).unwrap().unwrap();
            assert!(times.len() == 3 && times.iter().all(|time| !time.is_zero()));
            assert_eq!(session.is_output_finite(), Some(true));
        }
    }
}

#[test]
fn it_is_one_of_the_engines() {
    let engines = all(&EngineOptions {
        pytorch: PyTorchOptions { python: Some(fake()), ..PyTorchOptions::default() },
        ..EngineOptions::default()
    });
    let engine = engines.iter().find(|engine| engine.name() == "pytorch").unwrap();
    assert_eq!(engine.describe().unwrap().mode.as_deref(), Some("eager"));
    let input: Arc<[f32]> = vec![0.0; 32].into();
    let mut listen = |_| std::ops::ControlFlow::Continue(());
    let setup = on("cuda", PrecisionRequest::Fp32);
    let times = engine.node_times(&model("Network"), &setup, input, 1, &GO_ON, &mut listen);
    assert!(matches!(times, Err(EngineError::Lacks { .. })));
}
