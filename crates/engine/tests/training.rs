//! Gradients of random networks against central differences in double precision, and what training steps do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use common::{Values, add, compute, network, numbers};
use inceptive_dsl::{Disk, load};
use inceptive_engine::{
    Isa, PlanError, Rates, Rule, TrainError, TrainOptions, TrainPlan, TrainSession,
};
use inceptive_ir::{
    Activation, AuxiliaryHead, BatchNorm, Conv, Graph, Linear, NodeId, Op, Padding, PoolKind, Role,
    Shape, Size,
};
use inceptive_weights::Weights;
use proptest::prelude::*;

static GO_ON: AtomicBool = AtomicBool::new(false);

const SGD: Rule = Rule::Sgd { momentum: 0.9, nesterov: false };

const STILL: Rates = Rates { learning: 0.0, decay: 0.0, average: 0.0, steps: 0 };

fn options(batch: usize, threads: usize, isa: Isa) -> TrainOptions {
    TrainOptions {
        batch,
        threads,
        isa,
        most_bytes: u64::MAX,
        smoothing: 0.1,
        rule: SGD,
        clip: None,
        momentum: 0.1,
        averages: false,
    }
}

/// The values of every node for a batch, with the statistics of the batch.
fn forward(graph: &Graph, of: &Values, input: &[f64], batch: usize) -> Vec<Vec<f64>> {
    let mut values: Vec<Vec<f64>> = Vec::new();
    for (id, node) in graph.nodes() {
        if matches!(node.op, Op::Input(_)) {
            values.push(input.to_vec());
            continue;
        }
        let inputs = graph.inputs(id);
        let len = |id: NodeId| graph.node(id).shape.elements() as usize;
        let mut of_node = of.clone();
        if let Op::BatchNorm(_) = node.op {
            let (mean, variance) =
                statistics(&values[inputs[0].index()], graph.node(inputs[0]).shape);
            of_node.0.insert((node.tensor_path(Role::Mean).clone(), Role::Mean), mean);
            of_node.0.insert((node.tensor_path(Role::Variance).clone(), Role::Variance), variance);
        }
        let of_image = |image: usize| {
            let inputs: Vec<(&[f64], Shape)> = inputs
                .iter()
                .map(|&input| {
                    let values = &values[input.index()][image * len(input)..][..len(input)];
                    (values, graph.node(input).shape)
                })
                .collect();
            compute(node, &of_node, &inputs)
        };
        let all = (0..batch).flat_map(of_image).collect();
        values.push(all);
    }
    values
}

/// Mean and variance of each channel over a batch.
fn statistics(values: &[f64], shape: Shape) -> (Vec<f64>, Vec<f64>) {
    let (channels, area) = (shape.channels() as usize, shape.size().area() as usize);
    let of_channel = |c: usize| {
        values
            .chunks(channels * area)
            .flat_map(move |image| image[c * area..][..area].iter().copied())
    };
    let count = (values.len() / channels) as f64;
    let mean: Vec<f64> = (0..channels).map(|c| of_channel(c).sum::<f64>() / count).collect();
    let variance = (0..channels)
        .map(|c| of_channel(c).map(|x| (x - mean[c]).powi(2)).sum::<f64>() / count)
        .collect();
    (mean, variance)
}

/// The mean cross-entropy of a result with the labels.
fn cross_entropy(logits: &[f64], labels: &[u32], smoothing: f64) -> f64 {
    let classes = logits.len() / labels.len();
    let of_image = |(logits, &label): (&[f64], &u32)| {
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_sum = largest + logits.iter().map(|x| (x - largest).exp()).sum::<f64>().ln();
        let target = |class: usize| {
            smoothing / classes as f64 + if class == label as usize { 1.0 - smoothing } else { 0.0 }
        };
        logits.iter().enumerate().map(|(c, x)| target(c) * (log_sum - x)).sum::<f64>()
    };
    logits.chunks(classes).zip(labels).map(of_image).sum::<f64>() / labels.len() as f64
}

/// The losses of the result and of the heads, and the one that is trained on.
fn losses(graph: &Graph, of: &Values, input: &[f64], labels: &[u32]) -> (Vec<f64>, f64) {
    let values = forward(graph, of, input, labels.len());
    let logits = |id: NodeId| {
        let id = if matches!(graph.node(id).op, Op::Softmax) { graph.inputs(id)[0] } else { id };
        cross_entropy(&values[id.index()], labels, 0.1)
    };
    let mut all = vec![logits(graph.output())];
    let mut total = all[0];
    for head in graph.auxiliary() {
        let loss = logits(head.output);
        total += f64::from(head.weight) * loss;
        all.push(loss);
    }
    (all, total)
}

/// Compares the gradients of a network with central differences, in every way to run it.
fn check(graph: &Graph, batch: usize, seed: u64) {
    let weights = Weights::seeded(graph, seed);
    let of = Values::new(graph, &weights);
    let len = graph.node(graph.input()).shape.elements() as usize;
    let input = numbers(batch * len, seed);
    let exact: Vec<f64> = input.iter().map(|x| f64::from(*x)).collect();
    let classes = graph.node(graph.output()).shape.channels();
    let labels: Vec<u32> =
        (0..batch as u32).map(|image| (image * 7 + seed as u32) % classes).collect();
    let (right, total) = losses(graph, &of, &exact, &labels);
    if !total.is_finite() {
        return;
    }
    // Along one random direction for each tensor: its sign is that of a random number.
    let mut derivatives = HashMap::new();
    for (key, values) in &of.0 {
        if !key.1.is_learned() {
            continue;
        }
        let direction: Vec<f64> = numbers(values.len(), seed ^ 0x5eed)
            .into_iter()
            .map(|x| if x > 0.0 { 1.0 } else { -1.0 })
            .collect();
        let along = |step: f64| {
            let mut moved = of.clone();
            let values = moved.0.get_mut(key).unwrap();
            values.iter_mut().zip(&direction).for_each(|(value, sign)| *value += step * sign);
            losses(graph, &moved, &exact, &labels).1
        };
        // Two steps: where they disagree, a maximum or a ReLU changes within them.
        let [near, far] = [1e-6, 4e-6].map(|step| (along(step) - along(-step)) / (2.0 * step));
        derivatives.insert(key.clone(), (direction, near, (near - far).abs()));
    }
    for isa in Isa::available() {
        let mut of_one_thread: Option<Vec<u32>> = None;
        for threads in [1, 3] {
            let plan = Arc::new(TrainPlan::new(graph, options(batch, threads, isa)).unwrap());
            let mut session = TrainSession::new(plan, &weights, &GO_ON).unwrap();
            // Twice: the memory is not zero in the second step.
            session.step(&input, &labels, STILL, 1, &GO_ON).unwrap();
            let outcome = session.step(&input, &labels, STILL, 1, &GO_ON).unwrap();
            for (found, right) in outcome.losses.iter().zip(&right) {
                assert!(
                    (found - right).abs() <= 1e-4 * right.abs().max(1.0),
                    "{isa}: a loss of {found}, not {right}"
                );
            }
            let gradients = session.gradients();
            let mut bits = Vec::new();
            for ((path, role), (direction, right, doubt)) in &derivatives {
                let Ok(gradient) = gradients.get(path, *role) else {
                    assert!(right.abs() < 1e-6, "{isa}: no gradient for {path}.{role}\n{graph:?}");
                    continue;
                };
                let along = gradient.iter().zip(direction).map(|(g, d)| f64::from(*g) * d);
                let found: f64 = along.sum();
                let norm = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
                let limit = 2e-3 * (norm + right.abs()) + 2e-5 + 10.0 * doubt;
                assert!(
                    (found - right).abs() <= limit,
                    "{isa}, {threads} threads, batch {batch}: {path}.{role} has {found}, not {right} (norm {norm})\n{graph:?}"
                );
                bits.push((
                    path.to_string(),
                    gradient.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
                ));
            }
            bits.sort_unstable();
            let bits: Vec<u32> = bits.into_iter().flat_map(|(_, bits)| bits).collect();
            match &of_one_thread {
                Some(others) => assert!(*others == bits, "{isa}: threads differ\n{graph:?}"),
                None => of_one_thread = Some(bits),
            }
        }
    }
}

/// Each layer adds to the gradient of a tensor that it has in common with others.
#[test]
fn gradients_of_tensors_that_layers_share() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = folder.join("../onnx/tests/fixtures/shared_tensors.yaml");
    let setting = "input.size=7".parse().unwrap();
    check(&load(&Disk, &file, &[setting]).unwrap().architecture.graph, 5, 3);
}

/// A random network that ends with classes, and perhaps with an auxiliary head.
fn classifier(numbers: &[u8]) -> Graph {
    // What dropout drops is another test's.
    let mut graph = network(&numbers[2..], 0.0);
    let mut end = graph.output();
    if graph.node(end).shape.size().area() != 1 {
        end = add(&mut graph, Op::GlobalPool(PoolKind::Average), &[end]).unwrap();
    }
    if numbers[0].is_multiple_of(3) {
        if matches!(graph.node(end).shape, Shape::Map { .. }) {
            end = add(&mut graph, Op::Flatten, &[end]).unwrap();
        }
        let linear =
            Op::Linear(Linear { out_features: 3 + u32::from(numbers[1] % 20), bias: true });
        end = add(&mut graph, linear, &[end]).unwrap();
    }
    if numbers[0].is_multiple_of(2) {
        end = add(&mut graph, Op::Softmax, &[end]).unwrap();
    }
    graph.set_output(end);
    graph
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]

    #[test]
    fn gradients_of_random_networks(
        numbers in prop::collection::vec(any::<u8>(), 120),
        seed in 1_u64..1000,
        batch in prop::sample::select(vec![2_usize, 5, 19]),
    ) {
        check(&classifier(&numbers), batch, seed);
    }
}

fn conv(kernel: u32, width: u32, stride: u32, groups: u32) -> Op {
    Op::Conv(Conv {
        kernel: Size::square(kernel),
        out_channels: width,
        stride: Size::square(stride),
        padding: Padding::symmetric(Size::square(kernel / 2)),
        dilation: Size::square(1),
        groups,
        bias: false,
    })
}

fn norm() -> Op {
    Op::BatchNorm(BatchNorm { eps: 1e-3, scale: true, center: true })
}

/// A small Inception network with normalisation and an auxiliary head.
fn inception() -> Graph {
    let mut graph = Graph::new(Shape::map(3, 12, 12), None).unwrap();
    let layer = |graph: &mut Graph, op: Op, from: NodeId| {
        let conv = add(graph, op, &[from]).unwrap();
        let norm = add(graph, norm(), &[conv]).unwrap();
        add(graph, Op::Activation(Activation::Relu), &[norm]).unwrap()
    };
    let input = graph.input();
    let stem = layer(&mut graph, conv(3, 20, 2, 1), input);
    let a = layer(&mut graph, conv(1, 8, 1, 1), stem);
    let b = layer(&mut graph, conv(1, 12, 1, 1), stem);
    let b = layer(&mut graph, conv(3, 24, 1, 1), b);
    let c = layer(&mut graph, conv(5, 16, 1, 4), stem);
    let d = layer(&mut graph, conv(3, 20, 1, 20), stem);
    let module = add(&mut graph, Op::Concat, &[a, b, c, d]).unwrap();
    let pooled = add(&mut graph, Op::GlobalPool(PoolKind::Average), &[module]).unwrap();
    let flat = add(&mut graph, Op::Flatten, &[pooled]).unwrap();
    let head = Op::Linear(Linear { out_features: 10, bias: true });
    let auxiliary = add(&mut graph, head.clone(), &[flat]).unwrap();
    let next = layer(&mut graph, conv(3, 40, 2, 1), module);
    let pooled = add(&mut graph, Op::GlobalPool(PoolKind::Average), &[next]).unwrap();
    let flat = add(&mut graph, Op::Flatten, &[pooled]).unwrap();
    let output = add(&mut graph, head, &[flat]).unwrap();
    graph.add_auxiliary(AuxiliaryHead { name: "aux".to_owned(), output: auxiliary, weight: 0.3 });
    graph.set_output(output);
    graph
}

#[test]
fn gradients_of_an_inception_network_with_an_auxiliary_head() {
    check(&inception(), 6, 3);
    check(&inception(), 20, 4);
}

/// Images whose class is the quarter that is bright.
fn images(count: usize, seed: u64) -> (Vec<f32>, Vec<u32>) {
    let mut pixels = numbers(count * 3 * 144, seed);
    let labels: Vec<u32> = (0..count as u32).map(|image| image % 4).collect();
    for (image, label) in pixels.chunks_mut(3 * 144).zip(&labels) {
        let (top, left) = (label / 2 * 6, label % 2 * 6);
        for y in top..top + 6 {
            for x in left..left + 6 {
                image[(y * 12 + x) as usize] += 1.0;
            }
        }
    }
    (pixels, labels)
}

#[test]
fn a_network_learns_and_running_statistics_follow() {
    let graph = inception();
    let weights = Weights::seeded(&graph, 5);
    let (pixels, labels) = images(64, 9);
    for rule in [
        Rule::Sgd { momentum: 0.9, nesterov: true },
        Rule::AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8 },
    ] {
        let learning = if matches!(rule, Rule::Sgd { .. }) { 0.05 } else { 0.003 };
        let options =
            TrainOptions { rule, clip: Some(5.0), averages: true, ..options(64, 2, Isa::best()) };
        let plan = Arc::new(TrainPlan::new(&graph, options).unwrap());
        let mut session = TrainSession::new(plan, &weights, &GO_ON).unwrap();
        let mut outcome = None;
        for steps in 0..60 {
            let rates = Rates { learning, decay: 1e-4, average: 0.9, steps };
            outcome = Some(session.step(&pixels, &labels, rates, steps, &GO_ON).unwrap());
        }
        let outcome = outcome.unwrap();
        assert_eq!((outcome.top1, outcome.top5), (64, 64), "{outcome:?}");
        let (after, averages) = (session.weights(), session.averages());
        for ((path, role), before) in &Values::new(&graph, &weights).0 {
            let now = after.get(path, *role).unwrap();
            assert!(now.iter().all(|x| x.is_finite()));
            assert!(now.iter().zip(before).any(|(a, b)| f64::from(*a) != *b), "{path}.{role}");
            // The average is near, but not the same.
            let average = averages.get(path, *role).unwrap();
            let distance = |(a, b): (&f32, &f32)| (a - b).abs();
            let apart = now.iter().zip(average).map(distance).fold(0.0, f32::max);
            assert!(apart < 0.5 && (apart > 0.0 || !role.is_learned()), "{path}.{role}: {apart}");
        }
    }
}

#[test]
fn weights_and_state_that_are_taken_back_go_on_to_the_same_bits() {
    let graph = inception();
    let (pixels, labels) = images(16, 1);
    let plan = |threads| {
        let options = options(16, threads, Isa::best());
        Arc::new(TrainPlan::new(&graph, options).unwrap())
    };
    let rates = |steps| Rates { learning: 0.1, decay: 5e-4, average: 0.0, steps };
    let weights = Weights::seeded(&graph, 2);
    let mut all = TrainSession::new(plan(1), &weights, &GO_ON).unwrap();
    let mut first = TrainSession::new(plan(2), &weights, &GO_ON).unwrap();
    for steps in 0..6 {
        all.step(&pixels, &labels, rates(steps), steps, &GO_ON).unwrap();
    }
    for steps in 0..3 {
        first.step(&pixels, &labels, rates(steps), steps, &GO_ON).unwrap();
    }
    let mut second = TrainSession::new(plan(3), &first.weights(), &GO_ON).unwrap();
    assert!(second.set_state(&[vec![0.0]]).is_err());
    second.set_state(&first.state()).unwrap();
    for steps in 3..6 {
        second.step(&pixels, &labels, rates(steps), steps, &GO_ON).unwrap();
    }
    assert!(all.weights() == second.weights() && all.state() == second.state());
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let graph = inception();
    let plan = Arc::new(TrainPlan::new(&graph, options(4, 1, Isa::best())).unwrap());
    let mut session = TrainSession::new(plan, &Weights::seeded(&graph, 1), &GO_ON).unwrap();
    let (pixels, _) = images(4, 1);
    let error = session.step(&pixels, &[0, 1, 10, 2], STILL, 0, &GO_ON).unwrap_err();
    assert_eq!(error, TrainError::Label { label: 10, image: 2, classes: 10 });
    assert!(session.step(&pixels, &[0, 1, 2], STILL, 0, &GO_ON).is_err());
    assert!(session.step(&pixels[1..], &[0, 1, 2, 3], STILL, 0, &GO_ON).is_err());
    assert!(session.step(&pixels, &[0, 1, 2, 3], STILL, 0, &AtomicBool::new(true)).is_err());
    let small = TrainOptions { most_bytes: 1 << 20, ..options(64, 1, Isa::best()) };
    assert!(matches!(TrainPlan::new(&graph, small).unwrap_err(), PlanError::Memory { .. }));
    let mut map = Graph::new(Shape::map(3, 12, 12), None).unwrap();
    let input = map.input();
    let output = add(&mut map, conv(3, 4, 1, 1), &[input]).unwrap();
    map.set_output(output);
    let error = TrainPlan::new(&map, options(4, 1, Isa::best())).unwrap_err();
    assert_eq!(error, PlanError::NoClasses);
}
