//! PyTorch as a trainer: the same losses as the native one, a training that moves between them, and failures.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{
    env,
    path::{Path, PathBuf},
};

use common::{GO_ON, NETWORK, data, graph, machine};
use inceptive_data::Dataset;
use inceptive_dsl::Memory;
use inceptive_ir::Graph;
use inceptive_train::{Backend, PyTorch, Recipe, Task, TrainError, Trainer};

/// Maximum difference of losses. Rounding grows from step to step, so it applies to the first few.
const LIMIT: f64 = 1e-3;
const STEPS: usize = 8;

const SGD: &str = "optimizer: {sgd: {momentum: 0.9, nesterov: true}}
weight_decay: 1e-3
label_smoothing: 0.1
average: 0.9";
const ADAMW: &str = "optimizer: adamw
weight_decay: 0.05
clip: 1.0
average: 0.95";

/// PyTorch on the processor, if it is installed; `INCEPTIVE_TEST_ENGINES` says that it has to be.
fn pytorch() -> Option<Backend> {
    let backend = Backend::PyTorch(PyTorch::new(None, "cpu"));
    let (graph, data, recipe) = (network(), data(200, 10), recipe(SGD));
    let task = Task { graph: &graph, data: &data, recipe: &recipe, seed: 0 };
    match Trainer::new(task, &backend, machine(1), &GO_ON).map(drop) {
        Ok(()) => Some(backend),
        Err(TrainError::NoPyTorch(how)) => {
            let wanted = env::var("INCEPTIVE_TEST_ENGINES").unwrap_or_default();
            assert!(!wanted.split_whitespace().any(|name| name == "pytorch"), "{how}");
            println!("skipped: PyTorch is not installed");
            None
        }
        Err(error) => panic!("{error:?}"),
    }
}

/// A network without dropout, whose masks differ between the trainers.
fn network() -> Graph {
    graph(&NETWORK.replace("  - dropout: {p: 0.1}\n", ""))
}

/// The same with an auxiliary head.
fn with_head() -> Graph {
    let head = "auxiliary:\n  - after: a\n    weight: 0.3\n    steps: [gap, flatten, linear fc: {width: 10}]\n";
    graph(&(NETWORK.replace("  - dropout: {p: 0.1}\n", "") + head))
}

fn recipe(more: &str) -> Recipe {
    let text = format!(
        "name: test\nepochs: 2\nbatch: 20\nlearning_rate: 0.01\nvalidation: 0.1\naugment: {{crop: 1, flip: random}}\n{more}\n"
    );
    let files = Memory::default().with("recipe.yaml", text);
    Recipe::load(&files, Path::new("recipe.yaml"), &[]).unwrap().0
}

fn losses(trainer: &mut Trainer<'_>) -> Vec<f64> {
    let mut losses = vec![];
    trainer.epoch(&GO_ON, || None, |progress| losses.push(progress.step_loss)).unwrap();
    losses
}

fn expect_near(found: &[f64], expected: &[f64], about: &str) {
    for (step, (found, expected)) in found.iter().zip(expected).take(STEPS).enumerate() {
        assert!((found - expected).abs() < LIMIT, "{about}, step {step}: {found}, {expected}");
    }
}

#[test]
fn the_first_losses_and_the_evaluation_are_those_of_the_native_trainer() {
    let Some(pytorch) = pytorch() else { return };
    let data = data(300, 100);
    for (name, graph) in [("plain", network()), ("auxiliary head", with_head())] {
        for settings in [SGD, ADAMW] {
            let recipe = recipe(settings);
            let task = Task { graph: &graph, data: &data, recipe: &recipe, seed: 3 };
            let mut own = Trainer::new(task, &Backend::Native, machine(1), &GO_ON).unwrap();
            let mut other = Trainer::new(task, &pytorch, machine(1), &GO_ON).unwrap();
            let about = format!("{name}, {settings}");
            expect_near(&losses(&mut other), &losses(&mut own), &about);
            let ([own_epoch], [epoch]) = (own.history(), other.history()) else {
                unreachable!("one epoch was trained")
            };
            let [own_loss, loss] = [own_epoch, epoch].map(|epoch| epoch.val_loss.unwrap());
            assert!((own_loss - loss).abs() < 10.0 * LIMIT, "{about}: {loss}, {own_loss}");
            // The same weights, evaluated by both.
            let moved = other.checkpoint().unwrap();
            let own = Trainer::resume(task, &Backend::Native, machine(1), &moved, &GO_ON).unwrap();
            let (own, other) = (own.test(&GO_ON).unwrap(), other.test(&GO_ON).unwrap());
            assert!((own.loss - other.loss).abs() < 1e-4, "{about}: {}, {}", own.loss, other.loss);
            assert!((own.top1_percent() - other.top1_percent()).abs() <= 1.0, "{about}");
        }
    }
}

/// The losses of the second epoch, and the last checkpoint.
fn finished(task: Task<'_>, checkpoint: &[u8], backend: &Backend) -> (Vec<f64>, Vec<u8>) {
    let mut trainer = Trainer::resume(task, backend, machine(1), checkpoint, &GO_ON).unwrap();
    let losses = losses(&mut trainer);
    assert!(trainer.is_finished());
    (losses, trainer.checkpoint().unwrap())
}

#[test]
fn a_training_moves_between_the_trainers() {
    let Some(pytorch) = pytorch() else { return };
    let (graph, data) = (with_head(), data(300, 100));
    for settings in [SGD, ADAMW] {
        let recipe = recipe(settings);
        let task = Task { graph: &graph, data: &data, recipe: &recipe, seed: 5 };
        let mut begun = Trainer::new(task, &Backend::Native, machine(1), &GO_ON).unwrap();
        losses(&mut begun);
        let checkpoint = begun.checkpoint().unwrap();
        let (expected, whole) = finished(task, &checkpoint, &Backend::Native);
        // The first epoch by the native trainer, the second by PyTorch.
        let (found, _) = finished(task, &checkpoint, &pytorch);
        expect_near(&found, &expected, settings);
        // Through PyTorch and back: weights, averages and the optimizer's state have kept every bit.
        let passed = Trainer::resume(task, &pytorch, machine(1), &checkpoint, &GO_ON).unwrap();
        let passed = passed.checkpoint().unwrap();
        let (_, back) = finished(task, &passed, &Backend::Native);
        let [whole, back] = [whole, back].map(|bytes| {
            let trainer = Trainer::resume(task, &Backend::Native, machine(1), &bytes, &GO_ON);
            trainer.unwrap().trained().unwrap()
        });
        assert!(whole == back, "{settings}");
    }
}

fn fake() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pytorch/tests/fake_worker.py")
}

fn refused(data: &Dataset, device: &str) -> TrainError {
    let (graph, recipe) = (network(), recipe(SGD));
    let backend = Backend::PyTorch(PyTorch::new(Some(fake()), device));
    let task = Task { graph: &graph, data, recipe: &recipe, seed: 0 };
    Trainer::new(task, &backend, machine(1), &GO_ON).err().unwrap()
}

#[test]
fn what_fails_is_said() {
    let data = data(200, 10);
    let absent = refused(&data, "cuda:3").to_string();
    assert_eq!(absent, "PyTorch has no device `cuda:3` here; it has cpu, cuda");
    let TrainError::PyTorch(full) = refused(&data, "cuda") else { unreachable!("it is full") };
    assert!(full.to_string().starts_with("the device is out of memory"), "{full}");
    let TrainError::PyTorch(dead) = refused(&data, "cpu") else { unreachable!("it dies") };
    assert!(dead.to_string().contains("exit status: 3"), "{dead}");
    let missing = Backend::PyTorch(PyTorch::new(Some("/absent/python".into()), "cpu"));
    let (graph, recipe) = (network(), recipe(SGD));
    let task = Task { graph: &graph, data: &data, recipe: &recipe, seed: 0 };
    let missing = Trainer::new(task, &missing, machine(1), &GO_ON).err().unwrap();
    assert!(matches!(missing, TrainError::NoPyTorch(_)), "{missing}");
}
