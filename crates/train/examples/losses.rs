//! Writes the first steps of a training, for `scripts/training_losses.py` to repeat in PyTorch.
//!
//! `losses NETWORK RECIPE FOLDER [--set KEY=VALUE]...` trains on `shapes` with seed 0 and writes `weights.safetensors`
//! (those at the start) and `steps.json`: images, labels, learning rates and losses of the first twenty steps.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a tool for developers")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use inceptive_data::{Augmenter, Places, epoch_order, load as load_data};
use inceptive_dsl::{Disk, Setting, load};
use inceptive_engine::Isa;
use inceptive_train::{Backend, Machine, Recipe, Task, Trainer, initial_weights};

const STEPS: usize = 20;

fn main() {
    let mut words = env::args().skip(1);
    let [network, recipe, folder] =
        [(); 3].map(|()| PathBuf::from(words.next().expect("NETWORK RECIPE FOLDER")));
    let settings: Vec<Setting> =
        words.filter(|word| word != "--set").map(|word| word.parse().unwrap()).collect();
    let graph = load(&Disk, &network, &settings).unwrap().architecture.graph;
    let recipe = Recipe::load(&Disk, &recipe, &[]).unwrap().0;
    let data = load_data(
        &"shapes:train=2000,test=100".parse().unwrap(),
        &Places::from_env(),
        u64::MAX,
        &AtomicBool::new(false),
    );
    let data = data.unwrap();
    let task = Task { graph: &graph, data: &data, recipe: &recipe, seed: 0 };
    let machine = Machine { threads: 2, isa: Isa::best(), most_bytes: u64::MAX };
    let mut trainer =
        Trainer::new(task, &Backend::Native, machine, &AtomicBool::new(false)).unwrap();
    let partition = trainer.partition().clone();
    let steps = trainer.steps_per_epoch();

    let stats = data.train.channel_stats(&partition.train);
    let augmenter = Augmenter::new(&recipe.augment, data.shape(), &stats, 0).unwrap();
    let batch = recipe.batch as usize;
    let order = epoch_order(&partition.train, 0, 0);
    let mut pixels = vec![0.0; batch * data.shape().pixels()];
    let batches: Vec<_> = (0..)
        .zip(order.chunks_exact(batch).take(STEPS))
        .map(|(step, images)| {
            augmenter.fill(&data.train, images, 0, &mut pixels);
            let label = |image: &u32| data.train.labels()[*image as usize];
            serde_json::json!({
                "images": pixels,
                "labels": images.iter().map(label).collect::<Vec<u16>>(),
                "rate": recipe.rate(step, steps),
            })
        })
        .collect();
    assert_eq!(batches.len(), STEPS);

    let mut losses = vec![];
    trainer
        .epoch(&AtomicBool::new(false), || None, |progress| losses.push(progress.step_loss))
        .unwrap();
    losses.truncate(STEPS);
    let weights = initial_weights(&graph, 0).to_safetensors(&graph).unwrap();
    write(&folder, "weights.safetensors", &weights);
    let document = serde_json::json!({ "batches": batches, "losses": losses, "recipe": recipe });
    write(&folder, "steps.json", document.to_string().as_bytes());
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).unwrap();
}
