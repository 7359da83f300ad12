//! Random networks against plain loops in double precision, with every instruction set, one image and several, one
//! thread and several.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, atomic::AtomicBool};

use common::{Values, add, compute, network, numbers};
use inceptive_engine::{Isa, Options, Plan, PlanError, RunError, Session};
use inceptive_ir::{
    Activation, AuxiliaryHead, Conv, Graph, NodeId, Op, Padding, PoolKind, Role, Shape, Size,
};
use inceptive_weights::Weights;
use proptest::prelude::*;

static GO_ON: AtomicBool = AtomicBool::new(false);

/// The output of a network for one image.
fn reference(graph: &Graph, of: &Values, input: &[f32]) -> Vec<f64> {
    all_outputs(graph, of, input).swap_remove(graph.output().index())
}

/// The output of each node for one image.
fn all_outputs(graph: &Graph, of: &Values, input: &[f32]) -> Vec<Vec<f64>> {
    let mut values: Vec<Vec<f64>> = Vec::new();
    for (id, node) in graph.nodes() {
        let value = if matches!(node.op, Op::Input(_)) {
            input.iter().map(|x| f64::from(*x)).collect()
        } else {
            let inputs = graph.inputs(id);
            let inputs: Vec<(&[f64], Shape)> = inputs
                .iter()
                .map(|input| (values[input.index()].as_slice(), graph.node(*input).shape))
                .collect();
            compute(node, of, &inputs)
        };
        values.push(value);
    }
    values
}

/// Compares a network with the reference in every way to run it.
fn check(graph: &Graph, seed: u64) {
    let weights = Weights::seeded(graph, seed);
    let values = Values::new(graph, &weights);
    let len = graph.node(graph.input()).shape.elements() as usize;
    for batch in [1, 3] {
        let input = numbers(batch * len, seed);
        let right: Vec<f64> =
            input.chunks(len).flat_map(|image| reference(graph, &values, image)).collect();
        if right.iter().any(|x| !x.is_finite()) {
            return;
        }
        let scale = right.iter().fold(1e-3_f64, |max, x| max.max(x.abs()));
        for isa in Isa::available() {
            for winograd in [false, true] {
                let mut of_one_thread: Option<Vec<u32>> = None;
                for threads in [1, 2, 4] {
                    let options = Options { batch, threads, isa, winograd, most_bytes: u64::MAX };
                    let plan = Arc::new(Plan::new(graph, &weights, options, &GO_ON).unwrap());
                    let needs = Plan::needs(graph, options).unwrap();
                    let maps = needs.maps == plan.activation_bytes() as u64;
                    let scratch = needs.scratch >= plan.scratch_bytes() as u64;
                    let packed = needs.weights >= plan.weight_bytes() as u64;
                    assert!(maps && scratch && packed, "{needs:?}\n{plan}");
                    let mut session = Session::new(Arc::clone(&plan), &GO_ON).unwrap();
                    session.run(&input, &GO_ON).unwrap();
                    let output = session.run(&input, &GO_ON).unwrap();
                    assert_eq!(output.len(), right.len());
                    // Windows that cover a map add up 100,000 products, whose rounding errors grow with the root of their number.
                    let limit = if winograd { 1e-4 } else { 3e-5 };
                    for (found, right) in output.iter().zip(&right) {
                        let error = (f64::from(*found) - right).abs() / scale;
                        assert!(
                            error <= limit,
                            "{isa}, batch {batch}, {threads} threads: {found}, not {right}\n{plan}\n{graph:?}"
                        );
                    }
                    let bits: Vec<u32> = output.iter().map(|x| x.to_bits()).collect();
                    match &of_one_thread {
                        Some(others) => assert!(*others == bits, "threads differ\n{plan}"),
                        None => of_one_thread = Some(bits),
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn random_networks(numbers in prop::collection::vec(any::<u8>(), 120), seed in 1_u64..1000) {
        check(&network(&numbers, 0.5), seed);
    }

    #[test]
    fn outputs_of_all_nodes(numbers in prop::collection::vec(any::<u8>(), 120), seed in 1_u64..1000) {
        check_heads(&network(&numbers, 0.5), seed);
    }
}

/// A network whose maps are so large that a batch is computed in rounds.
#[test]
fn large_maps_are_computed_in_rounds() {
    let mut graph = Graph::new(Shape::map(3, 60, 60), None).unwrap();
    let conv = |kernel, out_channels| {
        let (stride, dilation) = (Size::square(1), Size::square(1));
        let padding = Padding::symmetric(Size::square(kernel / 2));
        Op::Conv(Conv {
            kernel: Size::square(kernel),
            out_channels,
            stride,
            padding,
            dilation,
            groups: 1,
            bias: true,
        })
    };
    let mut last = graph.input();
    for op in [
        conv(3, 24),
        Op::Activation(Activation::Relu),
        conv(1, 24),
        Op::GlobalPool(PoolKind::Average),
        Op::Flatten,
    ] {
        last = add(&mut graph, op, &[last]).unwrap();
    }
    graph.set_output(last);
    let weights = Weights::seeded(&graph, 3);
    let values = Values::new(&graph, &weights);
    let len = graph.node(graph.input()).shape.elements() as usize;
    let batch = 6;
    let input = numbers(batch * len, 3);
    let right: Vec<f64> =
        input.chunks(len).flat_map(|image| reference(&graph, &values, image)).collect();
    let mut outputs = vec![];
    for (threads, at_once) in [(1, 1), (2, 2), (3, 3), (4, 6)] {
        let (isa, most_bytes) = (Isa::best(), u64::MAX);
        let options = Options { batch, threads, isa, winograd: false, most_bytes };
        let plan = Arc::new(Plan::new(&graph, &weights, options, &GO_ON).unwrap());
        assert_eq!(plan.images_at_once(), at_once, "{plan}");
        let needs = Plan::needs(&graph, options).unwrap();
        assert_eq!(needs.output, 4 * right.len() as u64);
        let mut session = Session::new(Arc::clone(&plan), &GO_ON).unwrap();
        assert_eq!(session.run(&input[1..], &GO_ON), Err(RunError::Length));
        let output = session.run(&input, &GO_ON).unwrap().to_vec();
        for (found, right) in output.iter().zip(&right) {
            assert!((f64::from(*found) - right).abs() < 1e-4, "{found}, {right}");
        }
        let times = session.run_timed(&input, &GO_ON).unwrap();
        assert!(times.len() > 3 && times[0].time > std::time::Duration::ZERO);
        assert_eq!(session.last_output(), output);
        outputs.push(output);
    }
    assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]), "threads do not matter");
}

/// Compares the outputs of all nodes, kept as heads, with the reference.
fn check_heads(graph: &Graph, seed: u64) {
    let weights = Weights::seeded(graph, seed);
    let mut kept = graph.clone();
    for (output, node) in graph.nodes() {
        kept.add_auxiliary(AuxiliaryHead { name: node.path.to_string(), output, weight: 0.0 });
    }
    let len = graph.node(graph.input()).shape.elements() as usize;
    let input = numbers(2 * len, seed);
    let values = Values::new(graph, &weights);
    let right: Vec<Vec<Vec<f64>>> =
        input.chunks(len).map(|image| all_outputs(graph, &values, image)).collect();
    let (isa, most_bytes) = (Isa::best(), u64::MAX);
    let options = Options { batch: 2, threads: 2, isa, winograd: false, most_bytes };
    let plan = Arc::new(Plan::new(&kept, &weights, options, &GO_ON).unwrap());
    let mut session = Session::new(plan, &GO_ON).unwrap();
    session.run(&input, &GO_ON).unwrap();
    assert_eq!(session.heads().count(), graph.len());
    let largest = |node: usize| {
        let values = right.iter().flat_map(|image| &image[node]);
        values.fold(1e-3_f64, |max, x| max.max(x.abs()))
    };
    let ids: Vec<NodeId> = graph.nodes().map(|(id, _)| id).collect();
    for (node, found) in session.heads().enumerate() {
        // Where values cancel out, the rounding errors are those of what they were computed from.
        let inputs = graph.inputs(ids[node]);
        let scale = inputs.iter().filter_map(|input| ids.iter().position(|id| id == input));
        let scale = scale.map(largest).fold(largest(node), f64::max);
        let right: Vec<f64> = right.iter().flat_map(|image| &image[node]).copied().collect();
        assert_eq!(found.len(), right.len());
        if right.iter().any(|x| !x.is_finite()) {
            return;
        }
        for (found, right) in found.iter().zip(&right) {
            let error = (f64::from(*found) - right).abs() / scale;
            assert!(error <= 1e-4, "node {node}: {found}, not {right}\n{graph:?}");
        }
    }
}

fn one(shape: Shape, op: Op) -> Graph {
    let mut graph = Graph::new(shape, None).unwrap();
    let input = graph.input();
    add(&mut graph, op, &[input]).unwrap();
    graph
}

/// NaN and infinities give what IEEE 754 says; a ReLU keeps NaN.
#[test]
fn numbers_that_are_none_go_through() {
    let graph = one(Shape::map(2, 2, 2), Op::Activation(Activation::Relu));
    let options = |isa| Options { batch: 1, threads: 1, isa, winograd: true, most_bytes: u64::MAX };
    for isa in Isa::available() {
        let plan = Plan::new(&graph, &Weights::default(), options(isa), &GO_ON).unwrap();
        let mut session = Session::new(Arc::new(plan), &GO_ON).unwrap();
        let input = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 1.0, 0.0, 3.0, 1e-40];
        let output = session.run(&input, &GO_ON).unwrap();
        assert!(output[0].is_nan(), "{isa}");
        // The last one is subnormal, and flushed.
        assert_eq!(&output[1..7], &[f32::INFINITY, 0.0, 0.0, 1.0, 0.0, 3.0]);
        assert!(output[7].abs() <= 1e-40);
    }
}

#[test]
fn a_run_that_is_stopped_ends_with_an_error_and_the_next_one_works() {
    let graph = one(Shape::map(3, 8, 8), Op::GlobalPool(PoolKind::Max));
    let options =
        Options { batch: 2, threads: 2, isa: Isa::best(), winograd: true, most_bytes: u64::MAX };
    let plan = Arc::new(Plan::new(&graph, &Weights::default(), options, &GO_ON).unwrap());
    let mut session = Session::new(plan, &GO_ON).unwrap();
    let input = vec![1.0; 2 * 3 * 64];
    let stopped = session.run(&input, &AtomicBool::new(true)).map(<[f32]>::to_vec);
    assert!(matches!(stopped, Err(RunError::Stopped(_))));
    assert!(session.run(&input[1..], &GO_ON).is_err());
    assert_eq!(session.run(&input, &GO_ON).unwrap(), [1.0; 6]);
}

/// A plan says what was fused and which kernel computes it.
#[test]
fn plans_are_readable() {
    let mut graph = Graph::new(Shape::map(3, 32, 32), None).unwrap();
    let conv = |kernel, width| {
        let pad = Padding::symmetric(Size::square(kernel / 2));
        Op::Conv(Conv {
            kernel: Size::square(kernel),
            out_channels: width,
            stride: Size::square(1),
            padding: pad,
            dilation: Size::square(1),
            groups: 1,
            bias: true,
        })
    };
    let input = graph.input();
    let first = add(&mut graph, conv(3, 32), &[input]).unwrap();
    let first = add(&mut graph, Op::Activation(Activation::Relu), &[first]).unwrap();
    let left = add(&mut graph, conv(1, 16), &[first]).unwrap();
    let right = add(&mut graph, conv(3, 32), &[first]).unwrap();
    let both = add(&mut graph, Op::Concat, &[left, right]).unwrap();
    let last = add(&mut graph, conv(1, 32), &[both]).unwrap();
    let sum = add(&mut graph, Op::Add { scales: vec![1.0, 1.0] }, &[first, last]).unwrap();
    add(&mut graph, Op::Activation(Activation::Relu), &[sum]).unwrap();
    let options =
        Options { batch: 1, threads: 1, isa: Isa::Portable, winograd: true, most_bytes: u64::MAX };
    let plan = Plan::new(&graph, &Weights::seeded(&graph, 1), options, &GO_ON).unwrap();
    let nodes: Vec<Vec<String>> = plan
        .labels()
        .iter()
        .map(|phase| phase.iter().map(|label| label.nodes()).collect())
        .collect();
    assert_eq!(
        nodes,
        [vec!["input"], vec!["n1 + n2"], vec!["n3", "n4"], vec!["n6 + n7 + n8"], vec![""]]
    );
    let text = plan.to_string();
    assert!(text.contains("3x3 Winograd") && text.contains("feature maps"), "{text}");
    // The concatenation and the sum moved nothing.
    assert!(!text.contains("affine") && !text.contains("add"), "{text}");
}

/// A small network whose zeros around a map would take gigabytes.
#[test]
fn padding_that_would_fill_the_memory_is_refused() {
    let graph = one(
        Shape::map(1, 2, 3),
        Op::Conv(Conv {
            kernel: Size::square(3),
            out_channels: 1,
            stride: Size::square(20_000),
            padding: Padding::symmetric(Size::square(20_000)),
            dilation: Size::square(1),
            groups: 1,
            bias: false,
        }),
    );
    let options =
        Options { batch: 1, threads: 1, isa: Isa::best(), winograd: true, most_bytes: u64::MAX };
    let error =
        Plan::new(&graph, &Weights::seeded(&graph, 1), options, &GO_ON).unwrap_err().to_string();
    assert!(error.contains("its padding makes a map of 20003x40003 of 2x3"), "{error}");
}

/// One output is packed as sixteen, and two channels lie in a block of sixteen: more than the weights themselves say.
#[test]
fn packed_weights_that_do_not_fit_are_refused_before_they_are_made() {
    let conv = |out_channels, groups| {
        Op::Conv(Conv {
            kernel: Size::square(101),
            out_channels,
            stride: Size::square(1),
            padding: Padding::symmetric(Size::square(50)),
            dilation: Size::square(1),
            groups,
            bias: false,
        })
    };
    for (channels, op, lanes) in [(3, conv(1, 1), 16 * 3), (2, conv(2, 2), 16)] {
        let graph = one(Shape::map(channels, 4, 4), op);
        let weights = Weights::seeded(&graph, 1);
        let most_bytes = lanes * 101 * 101 * 4;
        let options =
            Options { batch: 1, threads: 1, isa: Isa::best(), winograd: true, most_bytes };
        let error = Plan::new(&graph, &weights, options, &GO_ON).unwrap_err();
        assert!(matches!(error, PlanError::Memory { .. }), "{error}");
        let options = Options { most_bytes: 5 * most_bytes, ..options };
        assert!(Plan::new(&graph, &weights, options, &GO_ON).is_ok());
    }
}

/// Each concatenation of a chain consists of the parts of the one before and one more.
#[test]
fn chains_of_concatenations_whose_lists_would_fill_the_memory_are_refused() {
    let conv = Op::Conv(Conv {
        kernel: Size::square(1),
        out_channels: 1,
        stride: Size::square(1),
        padding: Padding::default(),
        dilation: Size::square(1),
        groups: 1,
        bias: false,
    });
    let mut graph = Graph::new(Shape::map(1, 1, 1), None).unwrap();
    let mut last = graph.input();
    for _ in 0..3000 {
        let new = add(&mut graph, conv.clone(), &[last]).unwrap();
        last = add(&mut graph, Op::Concat, &[last, new]).unwrap();
    }
    let options =
        Options { batch: 1, threads: 1, isa: Isa::best(), winograd: true, most_bytes: u64::MAX };
    let error = Plan::new(&graph, &Weights::default(), options, &GO_ON).unwrap_err();
    assert!(matches!(error, PlanError::Parts { .. }), "{error}");
    assert!(error.to_string().contains("parts of its concatenations"), "{error}");
}

/// Groups of channels are planned one by one: if something were done with all of them for each, nobody would wait for it.
#[test]
fn many_groups_take_a_time_that_grows_with_them_alone() {
    let groups = 1 << 19;
    for (inputs, outputs) in [(1, 2), (3, 1), (2, 2)] {
        let conv = Op::Conv(Conv {
            kernel: Size::square(1),
            out_channels: groups * outputs,
            stride: Size::square(1),
            padding: Padding::symmetric(Size::new(0, 0)),
            dilation: Size::square(1),
            groups,
            bias: false,
        });
        let graph = one(Shape::map(groups * inputs, 1, 1), conv);
        let (_, node) = graph.nodes().last().unwrap();
        let mut weights = Weights::default();
        weights.set(
            node.path.clone(),
            Role::Weight,
            vec![0.5; (groups * outputs * inputs) as usize],
        );
        let isa = Isa::best();
        let options = Options { batch: 1, threads: 2, isa, winograd: true, most_bytes: u64::MAX };
        let plan = Arc::new(Plan::new(&graph, &weights, options, &GO_ON).unwrap());
        let mut session = Session::new(plan, &GO_ON).unwrap();
        let input: Vec<f32> = (0..groups * inputs).map(|at| (at / inputs % 7) as f32).collect();
        let output = session.run(&input, &GO_ON).unwrap();
        let right = |at: usize| (at / outputs as usize % 7) as f32 * 0.5 * inputs as f32;
        assert!(output.iter().enumerate().all(|(at, found)| *found == right(at)));
    }
}

/// Winograd's method has scratch memory for each thread, and there is the output.
#[test]
fn memory_of_threads_counts() {
    let conv = Op::Conv(Conv {
        kernel: Size::square(3),
        out_channels: 64,
        stride: Size::square(1),
        padding: Padding::symmetric(Size::square(1)),
        dilation: Size::square(1),
        groups: 1,
        bias: false,
    });
    let graph = one(Shape::map(64, 56, 56), conv);
    let weights = Weights::seeded(&graph, 1);
    let plan = |threads, most_bytes| {
        let options = Options { batch: 1, threads, isa: Isa::best(), winograd: true, most_bytes };
        Plan::new(&graph, &weights, options, &GO_ON)
    };
    let all = plan(1, u64::MAX).unwrap();
    assert!(all.scratch_bytes() > 1 << 19);
    let needs = |threads| Plan::needs(&graph, Options { threads, ..all.options() }).unwrap();
    let needed = needs(1).total();
    assert_eq!(needs(5).total() - needed, 4 * needs(1).scratch);
    assert_eq!(needs(1).output, 4 * 64 * 56 * 56);
    plan(1, needed).unwrap();
    for (threads, most_bytes) in [(2, needed), (1, needed - 1)] {
        let error = plan(threads, most_bytes).unwrap_err();
        assert!(matches!(error, PlanError::Memory { .. }), "{error}");
    }
}
