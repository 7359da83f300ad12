//! Models of latencies, fitted to times that follow known rules.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use inceptive_explore::{deployed, fit_latency, judge_latency, kernels, predict_latency};
use inceptive_ir::{
    Activation, BatchNorm, Conv, Graph, NewNode, NodeId, Op, Padding, Path, Shape, Size,
};
use inceptive_results::{
    CalibrationSample, KernelKind, KernelShape, KernelTime,
    example::{calibration_sample, kernel},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

/// The time of a kernel in milliseconds, by a rule that no sum of terms is equal to: whole blocks of channels, and a rate
/// that grows with the number of inputs.
fn rule(shape: &KernelShape) -> f64 {
    let blocks = f64::from(shape.outputs.div_ceil(16));
    let places = f64::from(shape.to[0] * shape.to[1]);
    let inputs = f64::from(shape.inputs);
    let slowness = if shape.kind == KernelKind::Pointwise { 1.0 } else { 1.5 };
    let window = f64::from(shape.window[0] * shape.window[1]);
    2e-3 + slowness * blocks * places * window * inputs * 4e-7 * (1.0 + 20.0 / (inputs + 10.0))
}

/// Networks of random kernels. Times of kernels and latencies have noise with these deviations.
fn samples(count: usize, seed: u64, [of_kernel, of_network]: [f64; 2]) -> Vec<CalibrationSample> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let noise = |deviation: f64, rng: &mut ChaCha8Rng| {
        Normal::new(0.0, deviation).unwrap().sample(rng).exp()
    };
    (0..count)
        .map(|_| {
            let mut total = 0.0;
            let kernels = (0..rng.random_range(3..30)).map(|_| {
                let side = [7, 14, 28, 56][rng.random_range(0..4)];
                let channels = |rng: &mut ChaCha8Rng| rng.random_range(2..64_u32) * 4;
                let mut shape = kernel(channels(&mut rng), channels(&mut rng), side);
                if rng.random_bool(0.4) {
                    (shape.kind, shape.window) = (KernelKind::Conv, [3, 3]);
                }
                total += rule(&shape);
                let time = rule(&shape) * noise(of_kernel, &mut rng);
                KernelTime { shape, time_ms: Some(time) }
            });
            let kernels: Vec<KernelTime> = kernels.collect();
            // What an engine needs beside its kernels.
            let latency = (total * 1.08 + 5e-3) * noise(of_network, &mut rng);
            let mut sample = calibration_sample(kernels, latency);
            sample.subject.macs = sample.kernels.iter().map(|it| it.shape.macs()).sum();
            sample.subject.acts = sample.kernels.iter().map(|it| it.shape.writes()).sum();
            sample
        })
        .collect()
}

#[test]
fn it_predicts_what_it_was_not_fitted_to() {
    let known = samples(60, 1, [0.03, 0.01]);
    let model = fit_latency(&known.iter().collect::<Vec<_>>()).unwrap();
    let judgement =
        judge_latency(&model, &samples(60, 2, [0.03, 0.01]).iter().collect::<Vec<_>>()).unwrap();
    assert!(judgement.within_10_percent >= 0.95, "{judgement:?}");
    assert!(judgement.median_error < 0.03, "{judgement:?}");
    assert!(judgement.rank_correlation > judgement.rank_correlation_of_macs, "{judgement:?}");
    assert!(judgement.rank_correlation > judgement.rank_correlation_of_acts, "{judgement:?}");
}

#[test]
fn intervals_hold_the_share_that_they_are_meant_to_hold() {
    let known = samples(80, 3, [0.05, 0.08]);
    let model = fit_latency(&known.iter().collect::<Vec<_>>()).unwrap();
    let judgement =
        judge_latency(&model, &samples(300, 4, [0.05, 0.08]).iter().collect::<Vec<_>>()).unwrap();
    assert!((0.83..=0.97).contains(&judgement.coverage), "{}", judgement.coverage);
    // 1.645 deviations of the noise, which nothing can predict.
    let widths =
        judgement.networks.iter().map(|it| (it.predicted_ms.high / it.predicted_ms.value).ln());
    let mean = widths.sum::<f64>() / judgement.networks.len() as f64;
    assert!((0.11..0.2).contains(&mean), "{mean}");
}

#[test]
fn engines_without_times_of_kernels_are_fitted_by_whole_networks() {
    let without = |samples: Vec<CalibrationSample>| -> Vec<CalibrationSample> {
        let forget = |mut sample: CalibrationSample| {
            sample.kernels.iter_mut().for_each(|kernel| kernel.time_ms = None);
            sample
        };
        samples.into_iter().map(forget).collect()
    };
    let known = without(samples(80, 5, [0.03, 0.01]));
    let model = fit_latency(&known.iter().collect::<Vec<_>>()).unwrap();
    let judgement =
        judge_latency(&model, &without(samples(60, 6, [0.03, 0.01])).iter().collect::<Vec<_>>())
            .unwrap();
    assert!(judgement.median_error < 0.08, "{judgement:?}");
}

#[test]
fn what_is_unlike_is_refused() {
    let known = samples(40, 7, [0.01, 0.01]);
    let model = fit_latency(&known.iter().collect::<Vec<_>>()).unwrap();
    let refused = |shape: KernelShape| predict_latency(&model, &[shape]).unwrap_err().to_string();
    let depthwise = KernelShape { kind: KernelKind::Depthwise, ..kernel(16, 16, 14) };
    assert_eq!(refused(depthwise), "no network with depthwise convolutions was measured");
    assert!(refused(kernel(4096, 4096, 14)).contains("larger or smaller than any"));
    let shapes: Vec<KernelShape> = known[0].kernels.iter().map(|kernel| kernel.shape).collect();
    assert!(predict_latency(&model, &shapes).is_ok());
    assert!(fit_latency(&[]).is_none());
}

#[test]
fn the_same_samples_make_the_same_model() {
    let known = samples(30, 8, [0.02, 0.02]);
    let known: Vec<&CalibrationSample> = known.iter().collect();
    assert_eq!(fit_latency(&known), fit_latency(&known));
}

/// A convolution with a normalisation and a function, and another one whose result is added to it.
#[test]
fn nodes_that_engines_fuse_are_one_kernel() -> Result<(), Box<dyn std::error::Error>> {
    let conv = |kernel: u32, out_channels| {
        Op::Conv(Conv {
            kernel: Size::square(kernel),
            out_channels,
            stride: Size::square(1),
            padding: Padding::symmetric(Size::square(kernel / 2)),
            dilation: Size::square(1),
            groups: 1,
            bias: false,
        })
    };
    let mut graph = Graph::new(Shape::map(8, 6, 6), None)?;
    let input = graph.input();
    let mut add = |name: &str, op: Op, inputs: &[NodeId]| {
        graph.add(NewNode::new(op, Path::new(name)), inputs)
    };
    let norm = Op::BatchNorm(BatchNorm { eps: 1e-3, scale: true, center: true });
    let relu = Op::Activation(Activation::Relu);
    let first = add("first", conv(3, 16), &[input])?;
    let normed = add("first/bn", norm, &[first])?;
    let active = add("first/relu", relu.clone(), &[normed])?;
    let second = add("second", conv(1, 16), &[active])?;
    let sum = add("sum", Op::Add { scales: vec![1.0, 1.0] }, &[second, active])?;
    let after = add("relu", relu, &[sum])?;
    let both = add("both", Op::Concat, &[after, active])?;
    let again = add("again", Op::Concat, &[both, after])?;
    graph.set_output(again);
    let graph = deployed(&graph)?;
    let found = kernels(&graph);
    let names = |at: usize| -> Vec<String> {
        found[at].nodes.iter().map(|&id| graph.node(id).path.to_string()).collect()
    };
    assert_eq!(names(1), ["first", "first/relu"]);
    assert_eq!(names(2), ["second", "sum", "relu"]);
    assert_eq!(found.len(), 5, "the input and two concatenations");
    assert_eq!(found[2].shape.reads, 2 * 16 * 36, "the other term of the sum");
    // `after` has its place in the last concatenation, so the one before copies it.
    assert_eq!([found[3].shape.reads, found[4].shape.reads], [16 * 36, 0]);
    Ok(())
}
