//! What does not fit into the memory that is left is refused before there are any weights of it, and nothing more is
//! loaded after a stop.

use std::{
    error::Error,
    fs,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use inceptive_app::{
    AvailableEngine, BenchPlan, ProfilePlan, Request, Task, TaskContext, TaskEvent, TaskOutcome,
    TaskRecord, WeightSource,
};
use inceptive_bench::{
    Engine, FakeHost, PrecisionRequest, Protocol, engines::mock::Mock, this_machine,
};
use inceptive_results::Roofline;
use inceptive_store::Store;
use serde::{Serialize, de::DeserializeOwned};

/// The same, as another process would read it.
fn as_data<T: Serialize + DeserializeOwned>(value: &T) -> Result<T, serde_json::Error> {
    serde_json::from_str(&serde_json::to_string(value)?)
}

/// Benches networks of one linear layer, by the millions of its weights, on an engine that computes nothing, with so
/// many MiB left, until `most` were loaded. Gives the names of those that were loaded and what went wrong.
fn bench_with(
    millions: &[u32],
    available_mib: u64,
    most: usize,
) -> Result<(Vec<String>, Vec<String>), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let request = |millions: &u32| {
        let file = folder.path().join(format!("n{millions}.yaml"));
        let text = format!(
            "name: n{millions}\ninput: {{channels: 1000, size: 1}}\nbody: [flatten, linear: {{width: {millions}000, bias: false}}]\ntail: []\n"
        );
        fs::write(&file, text).map(|()| Request { file, settings: vec![] })
    };
    let plan = BenchPlan {
        requests: millions.iter().map(request).collect::<Result<_, _>>()?,
        weights: WeightSource::default(),
        batches: vec![1],
        threads: vec![1],
        precision: PrecisionRequest::Fp32,
        device: "cpu".to_owned(),
        protocol: Protocol { budget: Duration::from_millis(100), ..Protocol::default() },
        paired: false,
    };
    let host = FakeHost::default();
    let mock = Mock::new(&host, |_, _| Duration::from_millis(1));
    let description = mock.describe()?;
    let engines = [AvailableEngine { engine: Box::new(mock), description }];
    let stop = AtomicBool::new(false);
    let context = TaskContext {
        engines: &engines,
        host: &host,
        machine: &this_machine(),
        roofline: &|threads, _| Roofline { threads, peak_gflops: 100.0, bandwidth_gbps: 10.0 },
        available_bytes: available_mib << 20,
        stop: &stop,
        wait: &inceptive_app::NEVER,
    };
    let mut store = Store::open(&folder.path().join("results.db"))?;
    let (mut events, mut count) = (vec![], 0);
    let task = as_data(&Task::Bench(plan))?;
    let TaskOutcome { measurements, failed, kept, .. } =
        task.run(&context, &mut store, &mut |event| {
            count += usize::from(matches!(event, TaskEvent::Loaded { .. }));
            stop.store(count == most, Ordering::Relaxed);
            events.push(event);
        });
    let (mut loaded, mut wrong) = (vec![], vec![]);
    let mut saved = 0;
    for event in &events {
        match as_data(event)? {
            TaskEvent::Loaded { network, .. } => loaded.push(network),
            TaskEvent::Failed(failure) => wrong.push(failure.message),
            TaskEvent::Kept(TaskRecord::Measurement(record)) => {
                assert!(measurements.contains(&record));
                saved += 1;
            }
            _ => {}
        }
    }
    assert_eq!(saved, kept);
    assert_eq!(failed, !wrong.is_empty());
    assert!(measurements.len() == loaded.len() || loaded.len() == most);
    Ok((loaded, wrong))
}

/// An engine that does not say how many copies of the weights it has counts as the one that has most: four.
#[test]
fn what_does_not_fit_is_refused_and_others_are_measured() {
    let start = Instant::now();
    // A million weights are 4 MB; 500 million would take a while to make, and more than an ONNX file holds are refused
    // whatever memory is left.
    let (loaded, wrong) = bench_with(&[1, 500, 600, 2], 128, usize::MAX).unwrap();
    assert_eq!(loaded, ["n1", "n2"]);
    let [memory, size] = wrong.as_slice() else { panic!("{wrong:?}") };
    assert!(memory.contains("GiB of memory, but only 128.00 MiB is free"), "{memory}");
    assert!(size.contains("n600.yaml"), "{size}");
    assert!(start.elapsed() < Duration::from_secs(20), "no weights were made");
    // Five copies of 4 MB and what the engine takes for itself: 64 MiB.
    assert_eq!(bench_with(&[1], 84, usize::MAX).unwrap().0.len(), 1);
    assert_eq!(bench_with(&[1], 83, usize::MAX).unwrap().0.len(), 0);
}

#[test]
fn nothing_more_is_loaded_after_a_stop() {
    let (loaded, wrong) = bench_with(&[1, 2, 3], 1024, 1).unwrap();
    assert_eq!(loaded, ["n1"]);
    assert!(matches!(&wrong[..], [error] if error.starts_with("stopped before")), "{wrong:?}");
}

/// A task that is stopped before anything was measured says so, as one does that is stopped in its first network.
#[test]
fn a_task_without_a_result_fails_when_it_is_stopped() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("n.yaml");
    fs::write(&file, "name: n\ninput: {channels: 3, size: 8}\nbody: [relu]\ntail: []\n")?;
    let (requests, weights) = (vec![Request { file, settings: vec![] }], WeightSource::default());
    let (batches, threads, device) = (vec![1], vec![1], "cpu".to_owned());
    let precision = PrecisionRequest::Fp32;
    let profile = Task::Profile(ProfilePlan {
        requests: requests.clone(),
        weights: weights.clone(),
        batches: batches.clone(),
        threads: threads.clone(),
        precision,
        device: device.clone(),
        runs: 20,
    });
    let protocol = Protocol::default();
    let bench = Task::Bench(BenchPlan {
        requests,
        weights,
        batches,
        threads,
        precision,
        device,
        protocol,
        paired: false,
    });
    let host = FakeHost::default();
    let mock = Mock::new(&host, |_, _| Duration::from_millis(1));
    let description = mock.describe()?;
    let engines = [AvailableEngine { engine: Box::new(mock), description }];
    let stop = AtomicBool::new(false);
    let context = TaskContext {
        engines: &engines,
        host: &host,
        machine: &this_machine(),
        roofline: &|threads, _| {
            stop.store(true, Ordering::Relaxed);
            Roofline { threads, peak_gflops: 100.0, bandwidth_gbps: 10.0 }
        },
        available_bytes: 1 << 30,
        stop: &stop,
        wait: &inceptive_app::NEVER,
    };
    let mut store = Store::open(&folder.path().join("results.db"))?;
    for task in [&profile, &bench] {
        // Stopped from the start, and while the limits of the machine are measured.
        for is_stopped in [true, false] {
            stop.store(is_stopped, Ordering::Relaxed);
            let mut wrong = vec![];
            let outcome = task.run(&context, &mut store, &mut |event| {
                if let TaskEvent::Failed(failure) = event {
                    wrong.push(failure.message);
                }
            });
            assert!(outcome.failed && outcome.kept == 0, "{task:?}");
            let [message] = wrong.as_slice() else { panic!("{wrong:?}") };
            assert!(message.starts_with("stopped before the first result"), "{message}");
        }
    }
    Ok(())
}
