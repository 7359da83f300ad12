//! Training tasks with PyTorch: failures end no other run, and a run goes on from a checkpoint of the native trainer.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use inceptive_app::{NEVER, Request, Task, TaskContext, TaskEvent, TrainPlan, TrainerName};
use inceptive_bench::System;
use inceptive_results::TrainingRun;
use inceptive_store::Store;

const RECIPE: &str = "name: tiny\nepochs: 2\nbatch: 20\nlearning_rate: 0.05\naverage: 0.9\n";

fn network(name: &str, width: u32) -> String {
    format!(
        "name: {name}\ninput: {{channels: 1, size: 16}}\nclasses: 10\nbody:\n  - conv a: {{kernel: 3, width: {width}}}\ntail: gap\n"
    )
}

fn plan(folder: &Path, trainer: TrainerName) -> TrainPlan {
    let mut requests = vec![];
    for (name, width) in [("one", 8), ("two", 16)] {
        let file = folder.join(format!("{name}.yaml"));
        fs::write(&file, network(name, width)).unwrap();
        requests.push(Request { file, settings: vec![] });
    }
    let recipe = folder.join("tiny.yaml");
    fs::write(&recipe, RECIPE).unwrap();
    TrainPlan {
        requests,
        data: "shapes:size=16,train=200,test=50".to_owned(),
        recipe: recipe.display().to_string(),
        recipe_settings: vec![],
        seeds: vec![0],
        threads: 1,
        side_by_side: Some(1),
        isa: None,
        trainer,
        device: "cpu".to_owned(),
        python: None,
        folder: folder.join("trained"),
        report: None,
        again: false,
        until: None,
    }
}

/// The finished runs, and the messages of what failed.
fn run(folder: &Path, plan: TrainPlan) -> (Vec<TrainingRun>, Vec<String>) {
    let mut store = Store::open(&folder.join("results.db")).unwrap();
    let (machine, stop) = (inceptive_bench::this_machine(), AtomicBool::new(false));
    let context = TaskContext {
        engines: &[],
        host: &System::new(),
        machine: &machine,
        roofline: &inceptive_bench::measure_roofline,
        available_bytes: 1 << 32,
        stop: &stop,
        wait: &NEVER,
    };
    let mut messages = vec![];
    let outcome = Task::Train(plan).run(&context, &mut store, &mut |event| {
        if let TaskEvent::Failed(failure) = event {
            messages.push(failure.message);
        }
    });
    (outcome.training_runs, messages)
}

fn checkpoints(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("trained")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".checkpoint")).collect();
    names.sort();
    names
}

#[test]
fn every_failure_is_told_and_the_next_run_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pytorch/tests/fake_worker.py");
    let failures = |device: &str, python: PathBuf| {
        let plan = TrainPlan {
            device: device.to_owned(),
            python: Some(python),
            ..plan(folder.path(), TrainerName::PyTorch)
        };
        let (runs, messages) = run(folder.path(), plan);
        assert!(runs.is_empty());
        messages
    };
    let full = failures("cuda", fake.clone());
    let [one, two] = full.as_slice() else { panic!("{full:?}") };
    assert!(one.starts_with("one, seed 0: ") && two.starts_with("two, seed 0: "), "{full:?}");
    assert!(one.contains("out of memory") && two.contains("out of memory"), "{full:?}");
    // The process that died with the first network is started again for the second.
    let dead = failures("cpu", fake.clone());
    let all_died = dead.iter().all(|message| message.contains("ended unexpectedly"));
    assert!(dead.len() == 2 && all_died, "{dead:?}");
    let absent = failures("mps", fake);
    assert!(absent.len() == 2 && absent[0].contains("no device `mps`"), "{absent:?}");
    let missing = failures("cpu", "/absent/python".into());
    assert!(missing.len() == 2 && missing[0].contains("PyTorch was not found"), "{missing:?}");
}

#[test]
fn a_run_goes_on_from_a_checkpoint_of_the_native_trainer() {
    let folder = tempfile::tempdir().unwrap();
    let begun = TrainPlan { until: Some(1), ..plan(folder.path(), TrainerName::Native) };
    let (runs, messages) = run(folder.path(), begun);
    assert!(runs.is_empty() && messages.is_empty(), "{messages:?}");
    assert_eq!(checkpoints(folder.path()).len(), 2);
    let (runs, messages) = run(folder.path(), plan(folder.path(), TrainerName::PyTorch));
    let is_wanted = env::var("INCEPTIVE_TEST_ENGINES")
        .is_ok_and(|wanted| wanted.split_whitespace().any(|name| name == "pytorch"));
    if !is_wanted && messages.iter().any(|message| message.contains("PyTorch was not found")) {
        println!("skipped: PyTorch is not installed");
        return;
    }
    assert!(messages.is_empty(), "{messages:?}");
    assert_eq!(runs.len(), 2);
    for run in &runs {
        assert_eq!((run.trainer.as_str(), run.history.len()), ("pytorch", 2));
        assert!(run.trainer_version.is_some() && run.accelerator.is_none());
        assert!(run.history[1].loss < run.history[0].loss, "{:?}", run.history);
        let weights = run.checkpoint.as_ref().unwrap();
        assert!(weights.ends_with("-pytorch-cpu.safetensors"), "{weights}");
    }
    // The native trainer's checkpoints are gone, too.
    assert!(checkpoints(folder.path()).is_empty(), "{:?}", checkpoints(folder.path()));
}
