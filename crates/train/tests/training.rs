//! A small network learns generated images, stops, and goes on to the same bits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{path::Path, sync::atomic::AtomicBool};

use common::{GO_ON, NETWORK, data, graph, machine};
use inceptive_dsl::Memory;
use inceptive_train::{
    Backend, CheckpointError, Recipe, Task, TrainError, Trainer, initial_weights, recipe::Schedule,
};

fn recipe(more: &str) -> Recipe {
    let batch = if more.is_empty() { 20 } else { 50 };
    let text = format!(
        "name: test\nepochs: 3\nbatch: {batch}\nlearning_rate: 0.05\naverage: 0.9\naugment: {{crop: 1, flip: random}}\n{more}"
    );
    let files = Memory::default().with("recipe.yaml", text);
    Recipe::load(&files, Path::new("recipe.yaml"), &[]).unwrap().0
}

#[test]
fn an_interrupted_training_goes_on_to_the_same_bits() {
    let (graph, recipe, data) = (graph(NETWORK), recipe(""), data(400, 100));
    let task = Task { graph: &graph, data: &data, recipe: &recipe, seed: 7 };
    let mut whole = Trainer::new(task, &Backend::Native, machine(1), &GO_ON).unwrap();
    let mut steps = 0;
    while !whole.is_finished() {
        whole.epoch(&GO_ON, || None, |progress| steps = progress.step).unwrap();
    }
    assert_eq!(whole.history().len(), 3);
    assert_eq!(steps, whole.steps_per_epoch());
    assert_eq!(whole.partition().validation.len(), 40);
    let [first, .., last] = whole.history() else { panic!("three epochs") };
    assert!(last.loss < first.loss, "{:?}", whole.history());
    assert!(last.val_top1.is_some() && last.val_loss.unwrap().is_finite());

    let mut begun = Trainer::new(task, &Backend::Native, machine(2), &GO_ON).unwrap();
    begun.epoch(&GO_ON, || None, |_| {}).unwrap();
    let checkpoint = begun.checkpoint().unwrap();
    let stopped = Trainer::new(task, &Backend::Native, machine(2), &AtomicBool::new(true));
    assert!(matches!(stopped, Err(TrainError::Stopped)));
    // Stopped in the midst of the second epoch, and taken up from the first.
    let stopped = begun.epoch(&AtomicBool::new(true), || None, |_| {});
    assert!(matches!(stopped, Err(TrainError::Stopped)));
    let mut resumed =
        Trainer::resume(task, &Backend::Native, machine(3), &checkpoint, &GO_ON).unwrap();
    assert_eq!(resumed.history().len(), 1);
    while !resumed.is_finished() {
        resumed.epoch(&GO_ON, || None, |_| {}).unwrap();
    }
    assert!(resumed.weights().unwrap() == whole.weights().unwrap());
    let losses = |trainer: &Trainer<'_>| -> Vec<(f64, Option<f64>)> {
        trainer.history().iter().map(|epoch| (epoch.loss, epoch.val_loss)).collect()
    };
    assert_eq!(losses(&resumed), losses(&whole));

    let found = whole.test(&GO_ON).unwrap();
    let confusion = found.confusion.matrix().unwrap();
    assert_eq!((found.images, confusion.iter().sum::<u64>()), (100, 100));
    let diagonal: u64 = (0..10).map(|class| confusion[class * 11]).sum();
    assert_eq!(diagonal as usize, found.top1);
    assert!(found.top1 <= found.top5 && found.top1_percent() <= 100.0);
}

#[test]
fn checkpoints_of_another_training_are_refused() {
    let (graph, recipe, data) = (graph(NETWORK), recipe(""), data(400, 100));
    let task = Task { graph: &graph, data: &data, recipe: &recipe, seed: 1 };
    let checkpoint =
        Trainer::new(task, &Backend::Native, machine(1), &GO_ON).unwrap().checkpoint().unwrap();
    let other = |task: Task<'_>, bytes: &[u8]| {
        Trainer::resume(task, &Backend::Native, machine(1), bytes, &GO_ON)
            .err()
            .unwrap()
            .to_string()
    };
    assert_eq!(
        other(Task { seed: 2, ..task }, &checkpoint),
        "the checkpoint was written with a different seed"
    );
    let slower = Recipe { learning_rate: 0.01, ..recipe.clone() };
    assert_eq!(
        other(Task { recipe: &slower, ..task }, &checkpoint),
        "the checkpoint was written with a different recipe"
    );
    let mut damaged = checkpoint.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert_eq!(other(task, &damaged), "the checkpoint is damaged: it does not match its checksum");
    for len in [0, 8, 100, checkpoint.len() - 1] {
        assert!(
            Trainer::resume(task, &Backend::Native, machine(1), &checkpoint[..len], &GO_ON)
                .is_err()
        );
    }
    let weights = initial_weights(&graph, 1).to_safetensors(&graph).unwrap();
    let error =
        Trainer::resume(task, &Backend::Native, machine(1), &weights, &GO_ON).err().unwrap();
    assert!(matches!(error, CheckpointError::About(None)));
}

#[test]
fn what_does_not_fit_is_said() {
    let data = data(400, 100);
    let error = |network: &str, more: &str| {
        let (graph, recipe) = (graph(network), recipe(more));
        let task = Task { graph: &graph, data: &data, recipe: &recipe, seed: 1 };
        Trainer::new(task, &Backend::Native, machine(1), &GO_ON).err().unwrap().to_string()
    };
    let larger = error(&NETWORK.replace("size: 16", "size: 20"), "");
    assert!(larger.contains("1x20x20") && larger.contains("1x16x16"), "{larger}");
    let classes = error(&NETWORK.replace("classes: 10", "classes: 7"), "");
    assert!(classes.contains("7 outputs") && classes.contains("classes=10"), "{classes}");
    let head = "auxiliary:\n  - {after: pool, weight: 0.3, steps: [gap, flatten, linear fc: {width: 7}]}\n";
    let head = error(&format!("{}{head}", NETWORK.trim_start()), "");
    assert!(head.contains("`aux1` has 7 outputs, but the data set has 10 classes"), "{head}");
    let few = error(NETWORK, "validation: 0.9\n");
    assert!(
        few.contains("batch size 50 is larger than the number of training images, 40"),
        "{few}"
    );
}

#[test]
fn a_loss_that_is_no_number_ends_the_training_with_its_place() {
    let (graph, data) = (graph(NETWORK), data(400, 100));
    let recipe = Recipe { learning_rate: 1e30, average: None, ..recipe("") };
    let task = Task { graph: &graph, data: &data, recipe: &recipe, seed: 1 };
    let mut trainer = Trainer::new(task, &Backend::Native, machine(2), &GO_ON).unwrap();
    let error = (0..3).find_map(|_| trainer.epoch(&GO_ON, || None, |_| {}).err()).unwrap();
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("at step 2 of epoch 1, with learning rate"), "{message}");
    assert!(message.contains("(the output of `a/bn` overflowed)"), "{message}");
}

#[test]
fn the_cause_is_found_from_the_last_checkpoint() {
    let (graph, data) = (graph(NETWORK), data(400, 100));
    // The learning rate overflows in the middle of the second epoch.
    let schedule = Schedule::Step { at: vec![0.5], factor: 1e32 };
    let recipe = Recipe { schedule, ..recipe("") };
    let task = Task { graph: &graph, data: &data, recipe: &recipe, seed: 1 };
    let mut trainer = Trainer::new(task, &Backend::Native, machine(2), &GO_ON).unwrap();
    let start = trainer.checkpoint().unwrap();
    trainer.epoch(&GO_ON, || None, |_| {}).unwrap();
    let checkpoint = trainer.checkpoint().unwrap();
    let message = |last: Option<&[u8]>| {
        let mut trainer =
            Trainer::resume(task, &Backend::Native, machine(2), &checkpoint, &GO_ON).unwrap();
        let error = trainer.epoch(&GO_ON, || last.map(<[u8]>::to_vec), |_| {}).err().unwrap();
        error.to_string()
    };
    let found = message(Some(&checkpoint));
    assert!(found.contains("at step 11 of epoch 2, with learning rate"), "{found}");
    assert!(found.contains("(the output of `a/bn` overflowed)"), "{found}");
    for last in [None, Some(&*start), Some(&checkpoint[..100])] {
        assert!(message(last).contains("(the layer could not be determined)"));
    }
}
