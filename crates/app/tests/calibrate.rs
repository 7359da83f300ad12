//! Calibrations that are interrupted continue, and predictions are given for the conditions that were calibrated alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::HashSet,
    error::Error,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use inceptive_app::{
    AvailableEngine, CalibratePlan, LatencyPredictor, PredictError, Task, TaskContext, TaskEvent,
    TaskOutcome, TaskRecord, read,
};
use inceptive_bench::{
    Engine, FakeHost, PrecisionRequest, Setup, engines::mock::Mock, this_machine,
};
use inceptive_results::{Calibration, CalibrationSample, Machine, OriginKind, Roofline};
use inceptive_store::{Filter, Store};

/// A space of a thousand networks, and a network that is not in it.
fn write_targets(folder: &Path) -> std::io::Result<()> {
    let net = "name: net\ninput: {channels: 3, size: 8}\nclasses: 4\nparams: {a: 8, b: 8, n: 2}\n\
               body:\n  - conv a: {kernel: 3, width: $a}\n  - repeat m:\n      count: $n\n      \
               steps: [conv: {kernel: 1, width: $b}]\ntail: gap\n";
    fs::write(folder.join("net.yaml"), net)?;
    let space = "space: nets\nbase: net.yaml\nvary:\n  a: {from: 1, to: 16, step: 1, default: 8}\n  \
                 b: {from: 1, to: 16, step: 1, default: 8}\n  n: {from: 1, to: 4, default: 2}\n";
    fs::write(folder.join("space.yaml"), space)
}

struct Fixture {
    folder: tempfile::TempDir,
    host: FakeHost,
    engines: [AvailableEngine; 1],
    machine: Machine,
}

impl Fixture {
    /// An engine that takes a millisecond for each node, and as long for a network.
    fn new() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        write_targets(folder.path())?;
        let host = FakeHost::default();
        let mock = Mock::new(&host, |model, _| {
            let nodes = u32::try_from(model.graph.len() - 1).unwrap();
            Duration::from_millis(1) * nodes
        });
        let description = mock.describe()?;
        let engines = [AvailableEngine { engine: Box::new(mock), description }];
        Ok(Self { folder, host, engines, machine: this_machine() })
    }

    fn plan(&self, budget: Duration) -> CalibratePlan {
        CalibratePlan {
            targets: vec![self.folder.path().to_owned()],
            threads: 1,
            precision: PrecisionRequest::Fp32,
            device: "cpu".to_owned(),
            budget,
            seed: 7,
        }
    }

    fn store(&self) -> Store {
        Store::open(&self.folder.path().join("results.db")).unwrap()
    }

    /// Calibrates until so many networks were saved; returns what failed too.
    fn run(&self, plan: CalibratePlan, most: usize) -> (TaskOutcome, Vec<String>) {
        let stop = AtomicBool::new(false);
        let context = TaskContext {
            engines: &self.engines,
            host: &self.host,
            machine: &self.machine,
            roofline: &|threads, _| Roofline { threads, peak_gflops: 100.0, bandwidth_gbps: 10.0 },
            available_bytes: 1 << 30,
            stop: &stop,
            wait: &inceptive_app::NEVER,
        };
        let (mut kept, mut wrong) = (0, vec![]);
        let task = Task::Calibrate(plan);
        let outcome = task.run(&context, &mut self.store(), &mut |event| match event {
            TaskEvent::Kept(TaskRecord::CalibrationSample(_)) => {
                kept += 1;
                stop.store(kept >= most, Ordering::Relaxed);
            }
            TaskEvent::Failed(failure) => wrong.push(failure.message),
            _ => {}
        });
        (outcome, wrong)
    }

    fn samples(&self) -> Vec<CalibrationSample> {
        let rows = self.store().records::<CalibrationSample>(&Filter::default()).unwrap();
        assert!(rows.unreadable.is_empty());
        rows.readable.into_iter().map(|stored| stored.result).collect()
    }

    fn predictor(
        &self,
        setup: &Setup,
        machine: &Machine,
    ) -> Result<LatencyPredictor, PredictError> {
        let [AvailableEngine { engine, description }] = &self.engines;
        LatencyPredictor::open(&self.store(), engine.name(), description, setup, machine)
    }
}

fn setup(threads: u32) -> Setup {
    let precision = PrecisionRequest::Fp32;
    Setup { batch: 1, threads, precision, device: "cpu".to_owned() }
}

#[test]
fn an_interrupted_calibration_continues_and_repeats_nothing() -> Result<(), Box<dyn Error>> {
    let fixture = Fixture::new()?;
    let plan = fixture.plan(Duration::from_secs(4));
    let (stopped, wrong) = fixture.run(plan.clone(), 9);
    assert!(stopped.calibration.is_none() && stopped.failed);
    assert!(wrong.iter().any(|it| it.contains("the same command continues")), "{wrong:?}");
    let before = fixture.samples();
    assert!((9..15).contains(&before.len()), "{}", before.len());

    let (finished, wrong) = fixture.run(plan.clone(), usize::MAX);
    let calibration = finished.calibration.ok_or_else(|| format!("{wrong:?}"))?;
    let after = fixture.samples();
    assert_eq!(after[..before.len()], before);
    assert_eq!(finished.kept, after.len() - before.len() + 1, "the new ones and the model");
    let networks: HashSet<&str> = after.iter().map(|it| &*it.subject.fingerprint).collect();
    assert_eq!(networks.len(), after.len(), "each was measured once");
    let spent: f64 = after.iter().map(|sample| sample.seconds).sum();
    assert!((4.0..6.0).contains(&spent), "{spent} s");
    let judged = &calibration.judgement.networks;
    let refused = calibration.judgement.refused as usize;
    assert_eq!(calibration.fitted.len() + judged.len() + refused, after.len());
    assert!(judged.iter().all(|it| !calibration.fitted.contains(&it.fingerprint)));

    // Everything is there already.
    let (again, _) = fixture.run(plan, usize::MAX);
    let again_found = again.calibration.ok_or("no model")?;
    assert_eq!(again.kept, 0);
    assert_eq!(again_found.finished_unix_ms, calibration.finished_unix_ms);
    assert_eq!(again_found.fitted, calibration.fitted);
    Ok(())
}

#[test]
fn a_larger_budget_goes_on_and_another_seed_begins_anew() -> Result<(), Box<dyn Error>> {
    let fixture = Fixture::new()?;
    let (short, wrong) = fixture.run(fixture.plan(Duration::from_millis(200)), usize::MAX);
    let few = short.calibration.ok_or_else(|| format!("{wrong:?}"))?;
    let count = fixture.samples().len();
    let split = (few.fitted.len(), few.judgement.networks.len(), few.judgement.refused);
    assert!((15..22).contains(&count), "as many as a model needs: {count}, {split:?}");
    let (long, _) = fixture.run(fixture.plan(Duration::from_secs(4)), usize::MAX);
    let first = long.calibration.ok_or("no model")?;
    assert_eq!(long.kept, fixture.samples().len() - count + 1);
    let other = CalibratePlan { seed: 8, ..fixture.plan(Duration::from_secs(4)) };
    let (other, _) = fixture.run(other, usize::MAX);
    assert_ne!(other.calibration.ok_or("no model")?.fitted, first.fitted);
    Ok(())
}

#[test]
fn too_few_networks_are_told() -> Result<(), Box<dyn Error>> {
    let fixture = Fixture::new()?;
    let space = fixture.folder.path().join("tiny.yaml");
    fs::write(
        &space,
        "space: tiny\nbase: net.yaml\nvary:\n  a: {values: [4, 8, 12], default: 8}\n",
    )?;
    let plan = CalibratePlan { targets: vec![space], ..fixture.plan(Duration::from_secs(4)) };
    let (found, wrong) = fixture.run(plan, usize::MAX);
    assert!(found.calibration.is_none() && found.failed);
    assert!(wrong.iter().any(|it| it.contains("only 3 different networks")), "{wrong:?}");
    Ok(())
}

#[test]
fn predictions_are_for_what_was_calibrated_alone() -> Result<(), Box<dyn Error>> {
    let fixture = Fixture::new()?;
    let refusal = fixture.predictor(&setup(1), &fixture.machine).unwrap_err().to_string();
    assert!(refusal.contains("`inceptive calibrate --engine mock --threads 1`"), "{refusal}");
    fixture.run(fixture.plan(Duration::from_secs(4)), usize::MAX);

    let predictor = fixture.predictor(&setup(1), &fixture.machine)?;
    let network = read(&fixture.folder.path().join("net.yaml"), &["n=3".parse()?])?;
    let value = predictor.predict(&network.architecture.graph)?;
    assert_eq!(value.origin.kind(), OriginKind::Predicted);
    let truth = network.architecture.graph.len() as f64 - 1.0;
    assert!((value.estimate.value / truth - 1.0).abs() < 0.1, "{value:?} of {truth}");

    let other_machine = Machine { cpu: "another".to_owned(), ..fixture.machine.clone() };
    for refused in [
        fixture.predictor(&setup(2), &fixture.machine),
        fixture.predictor(&Setup { batch: 8, ..setup(1) }, &fixture.machine),
        fixture
            .predictor(&Setup { precision: PrecisionRequest::Bf16, ..setup(1) }, &fixture.machine),
        fixture.predictor(&setup(1), &other_machine),
    ] {
        let refusal = refused.unwrap_err().to_string();
        assert!(refusal.contains("the store has calibrations for mock 1"), "{refusal}");
    }
    let mut other = fixture;
    other.engines[0].description.isa = Some("avx2".to_owned());
    assert!(other.predictor(&setup(1), &other.machine).is_err(), "another instruction set");
    other.engines[0].description.isa = None;
    other.engines[0].description.version = "2".to_owned();
    assert!(other.predictor(&setup(1), &other.machine).is_err(), "another version of the engine");
    Ok(())
}

/// A calibration on another version of this program is not used.
#[test]
fn calibrations_of_other_versions_are_not_used() -> Result<(), Box<dyn Error>> {
    let fixture = Fixture::new()?;
    let (found, _) = fixture.run(fixture.plan(Duration::from_secs(4)), usize::MAX);
    let calibration = found.calibration.ok_or("no model")?;
    let file = fixture.folder.path().join("other.db");
    let old = Calibration { version: "0.0.1".to_owned(), ..calibration };
    let mut store = Store::open(&file)?;
    store.append(&old)?;
    let [AvailableEngine { engine, description }] = &fixture.engines;
    let found = |store: &Store| {
        LatencyPredictor::open(store, engine.name(), description, &setup(1), &fixture.machine)
    };
    assert!(found(&store).is_err());
    store.append(&Calibration { version: env!("CARGO_PKG_VERSION").to_owned(), ..old })?;
    assert!(found(&store).is_ok());
    Ok(())
}
