//! Inspection of a network with a dead channel and a zero branch planted in it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::atomic::AtomicBool;

use common::{GO_ON, NETWORK, data, graph, machine};
use inceptive_data::{Augment, Augmenter, Dataset};
use inceptive_ir::{Graph, Path, Role, passes};
use inceptive_train::{
    Images, TrainError, evaluate, initial_weights,
    inspect::{BranchState, InspectionResult, Subject, inspect},
};
use inceptive_weights::Weights;

const BRANCHES: &str = "
name: Branches
input: {channels: 1, size: 16}
classes: 10
defaults: {conv: {norm: bn}}
body:
  - conv stem: {kernel: 3, width: 8, stride: 2}
  - parallel mixed:
      branches:
        1x1: [conv: {kernel: 1, width: 4}]
        3x3: [conv reduce: {kernel: 1, width: 4}, conv: {kernel: 3, width: 6}]
        pool: [maxpool: {kernel: 3, stride: 1, pad: half}]
  - parallel residual:
      branches:
        main: [conv: {kernel: 3, width: 18}]
        shortcut: []
      join: add
tail: gap
auxiliary:
  - after: mixed
    weight: 0.3
    steps: [gap, flatten, linear: {width: $classes}]
";

const CHANNELS: [(&str, usize); 5] = [
    ("stem", 8),
    ("mixed/1x1/conv", 4),
    ("mixed/3x3/reduce", 4),
    ("mixed/3x3/conv", 6),
    ("residual/main/conv", 18),
];

fn bn(weights: &mut Weights, conv: &str, change: impl Fn(&mut [f32], &mut [f32])) {
    let path = Path::new(conv).join("bn");
    let [mut scale, mut shift] =
        [Role::Weight, Role::Bias].map(|role| weights.get(&path, role).unwrap().to_vec());
    change(&mut scale, &mut shift);
    weights.set(path.clone(), Role::Weight, scale);
    weights.set(path, Role::Bias, shift);
}

/// A network with its weights and images.
struct Inspected {
    graph: Graph,
    weights: Weights,
    data: Dataset,
    augmenter: Augmenter,
    test: Vec<u32>,
    train: Vec<u32>,
}

impl Inspected {
    fn new(network: &str) -> Self {
        let (graph, data) = (graph(network), data(300, 150));
        let stats = data.train.channel_stats(&data.train.indices());
        let augmenter = Augmenter::new(&Augment::default(), data.shape(), &stats, 0).unwrap();
        let (test, train) = (data.test.indices(), data.train.indices());
        Self { weights: initial_weights(&graph, 3), graph, data, augmenter, test, train }
    }

    /// The third channel of a layer is never positive; the fourth has a near-zero kernel, but is active; a branch outputs
    /// only zeros.
    fn planted() -> Self {
        let mut all = Self::new(BRANCHES);
        let paths: Vec<String> = all.graph.nodes().map(|(_, node)| node.path.to_string()).collect();
        let has = |path: &&(&str, usize)| paths.iter().any(|known| known == path.0);
        assert_eq!(CHANNELS.iter().filter(has).count(), CHANNELS.len(), "{paths:?}");
        bn(&mut all.weights, "mixed/3x3/conv", |scale, shift| {
            (scale[2], shift[2]) = (0.5, -100.0);
            (scale[3], shift[3]) = (1e-5, 1.0);
        });
        bn(&mut all.weights, "mixed/1x1/conv", |scale, _| scale.fill(0.0));
        all
    }

    /// Feature maps are computed for 70 test images.
    fn subject(&self) -> Subject<'_> {
        let augmenter = &self.augmenter;
        let images = |indices| Images { augmenter, split: &self.data.test, indices };
        Subject {
            graph: &self.graph,
            weights: &self.weights,
            seen: images(&self.test[..70]),
            evaluated: images(&self.test),
            trained: Images { augmenter, split: &self.data.train, indices: &self.train },
        }
    }

    fn inspect(&self) -> InspectionResult {
        inspect(self.subject(), machine(2), &GO_ON, &mut |_| {}).unwrap()
    }
}

#[test]
fn what_is_planted_in_layers_is_found() {
    let found = Inspected::planted().inspect();
    assert_eq!((found.images, found.evaluated, found.trained), (70, 150, 256));
    let layer = |path: &str| found.layer(&Path::new(path)).unwrap();
    for (path, channels) in CHANNELS {
        assert_eq!(layer(path).norms.len(), channels);
        assert!(layer(path).norms.contains(&1.0) || path == "mixed/1x1/conv");
    }
    assert_eq!(layer("mixed/3x3/conv").dead, Some(vec![2]));
    assert_eq!(layer("mixed/3x3/conv").near_zero_channels, 1);
    assert!(layer("mixed/3x3/conv").norms[3] < 1e-3);
    assert_eq!(layer("mixed/1x1/conv").dead, Some(vec![0, 1, 2, 3]));
    assert_eq!(
        (layer("mixed/1x1/conv").near_zero_channels, layer("mixed/1x1/conv").near_zero_weights),
        (4, 1.0)
    );
    assert_eq!(layer("mixed/1x1/conv").effective_rank, Some(0.0));
    assert_eq!(layer("stem").dead, Some(vec![]));
    let rank = layer("stem").effective_rank.unwrap();
    assert!(1.0 < rank && rank <= 8.0, "{rank}");
}

#[test]
fn what_is_planted_in_branches_is_found() {
    let found = Inspected::planted().inspect();
    let names: Vec<&str> = found.branches.iter().map(|branch| branch.name.as_str()).collect();
    assert_eq!(names[..3], ["mixed/1x1", "mixed/3x3", "mixed/pool"]);
    assert_eq!(names[3], "residual/main");
    let branch = |name: &str| found.branches.iter().find(|branch| branch.name == name).unwrap();
    let zeroed = branch("mixed/1x1");
    let BranchState { module, channels, near_zero_channels, dead, gradient, top1_lost, .. } =
        zeroed;
    assert_eq!(
        (module.as_str(), *channels, *near_zero_channels, *dead),
        ("mixed", 4, Some(1.0), Some(1.0))
    );
    // Nothing is lost without it, and where its ReLU is 0, no gradient comes through.
    assert_eq!((top1_lost.value, *gradient), (0.0, Some(0.0)));
    assert_eq!(branch("mixed/3x3").layers, ["mixed/3x3/reduce", "mixed/3x3/conv"]);
    assert_eq!(branch("mixed/3x3").dead, Some(0.1));
    assert!(branch("mixed/3x3").gradient > Some(0.0));
    let pool = branch("mixed/pool");
    assert_eq!((pool.layers.len(), pool.dead, pool.gradient, pool.channels), (0, None, None, 8));
    let shortcut = &found.branches[4];
    assert_eq!(
        (shortcut.join.as_str(), shortcut.input, shortcut.layers.len()),
        ("residual/add", 1, 0)
    );
    assert!(shortcut.nodes.is_empty());
    assert_eq!(pool.nodes, ["mixed/pool/maxpool"]);
    let stem = Path::new("stem");
    assert!(found.branch_of(&stem).is_none());
    assert_eq!(found.branch_of(&Path::new("mixed/3x3/reduce")).unwrap().name, "mixed/3x3");
}

/// The accuracy without a branch is that of a network whose branch has no scale and shift.
#[test]
fn branches_lose_the_accuracy_of_a_network_without_them() {
    let all = Inspected::planted();
    let found = all.inspect();
    let branch = |name: &str| found.branches.iter().find(|branch| branch.name == name).unwrap();
    let plain = passes::inference(&all.graph).unwrap();
    let top1 = |weights: Weights| {
        let images = (&all.augmenter, &all.data.test, all.test.as_slice());
        evaluate(&plain, weights, images, machine(2), &GO_ON).unwrap().top1_percent()
    };
    let without = |conv: &str| {
        let mut weights = all.weights.clone();
        bn(&mut weights, conv, |scale, shift| (scale.fill(0.0), shift.fill(0.0)).1);
        top1(weights)
    };
    assert_eq!(found.top1.value, top1(all.weights.clone()));
    for (name, conv) in [("mixed/3x3", "mixed/3x3/conv"), ("residual/main", "residual/main/conv")] {
        let lost = branch(name).top1_lost;
        assert!((lost.value - (found.top1.value - without(conv))).abs() < 1e-9, "{name}");
        assert!(lost.low <= lost.value && lost.value <= lost.high);
    }
}

#[test]
fn inspections_are_the_same_with_any_number_of_threads_and_can_be_stopped() {
    let all = Inspected::planted();
    let found = all.inspect();
    let one = inspect(all.subject(), machine(1), &GO_ON, &mut |_| {}).unwrap();
    assert_eq!(one, found);
    let json = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<InspectionResult>(&json).unwrap(), found);
    let stopped = inspect(all.subject(), machine(1), &AtomicBool::new(true), &mut |_| {});
    assert!(matches!(stopped, Err(TrainError::Stopped)));
}

/// Progress counts batches and ranks: 8 training steps, 3 batches for feature maps, the rank of each map, and 2 batches for each
/// evaluation, of the network and without each of its branches.
#[test]
fn progress_grows_to_exactly_1() {
    for (network, branches, maps) in [(BRANCHES, 5, 8), (NETWORK, 0, 3)] {
        let mut heard = vec![];
        let all = Inspected::new(network);
        inspect(all.subject(), machine(2), &GO_ON, &mut |share| heard.push(share)).unwrap();
        let batches = 8 + 3 + maps + 2 * (1 + branches);
        let expected: Vec<f64> =
            (1..=batches).map(|done| f64::from(done) / f64::from(batches)).collect();
        assert_eq!(heard, expected, "{} instead of {batches}", heard.len());
        assert!(heard.is_sorted() && heard.last() == Some(&1.0));
    }
}
