//! Random networks against plain loops in double precision, with every instruction set, one image and several, one
//! thread and several.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, atomic::AtomicBool};

use inceptive_engine::{Isa, Options, Plan, PlanError, RunError, Session};
use inceptive_ir::{
    Activation, BatchNorm, Conv, Graph, Linear, Lrn, NewNode, Node, NodeId, Op, Padding, Path,
    Pool, PoolKind, Role, Shape, Size,
};
use inceptive_weights::Weights;
use proptest::prelude::*;

/// A node with what it reads, for one image.
struct Computing<'a> {
    node: &'a Node,
    weights: &'a Weights,
    inputs: &'a [(&'a [f64], Shape)],
    /// The first input, and its channels, rows and columns.
    x: &'a [f64],
    channels: usize,
    height: usize,
    width: usize,
    /// Rows and columns of the output.
    rows: usize,
    columns: usize,
}

/// The values of a node for one image, in the order channels, rows, columns.
fn compute(node: &Node, weights: &Weights, inputs: &[(&[f64], Shape)]) -> Vec<f64> {
    let (x, from) = inputs[0];
    let (size, to) = (from.size(), node.shape.size());
    let of = Computing {
        node,
        weights,
        inputs,
        x,
        channels: from.channels() as usize,
        height: size.height as usize,
        width: size.width as usize,
        rows: to.height as usize,
        columns: to.width as usize,
    };
    match &node.op {
        Op::Input(_) | Op::Dropout { .. } | Op::Flatten => x.to_vec(),
        Op::Conv(conv) => of.conv(conv),
        Op::Linear(_) => of.linear(),
        Op::BatchNorm(norm) => of.batch_norm(norm),
        Op::Lrn(lrn) => of.lrn(lrn),
        Op::Activation(activation) => x.iter().map(|&x| activate(*activation, x)).collect(),
        Op::Pool(pool) => of.pool(pool),
        Op::GlobalPool(kind) => of.global_pool(*kind),
        Op::AdaptiveAvgPool { .. } => of.adaptive_pool(),
        Op::Concat => inputs.iter().flat_map(|(x, _)| x.iter().copied()).collect(),
        Op::Add { scales } => of.sum(scales),
        Op::Multiply => of.product(),
        Op::Softmax => of.softmax(),
        Op::ChannelShuffle { groups } => of.shuffle(*groups as usize),
    }
}

impl Computing<'_> {
    fn tensor(&self, role: Role) -> Option<&[f32]> {
        self.weights.of(self.node, role).ok()
    }

    /// Calls `f` with the channel, row and column of each number of the output.
    fn each(&self, f: impl Fn(usize, usize, usize) -> f64) -> Vec<f64> {
        let area = self.rows * self.columns;
        let cells = (0..self.node.shape.channels() as usize * area).map(|i| {
            let (c, cell) = (i / area, i % area);
            f(c, cell / self.columns, cell % self.columns)
        });
        cells.collect()
    }

    /// A number of the first input.
    fn at(&self, channel: usize, row: usize, column: usize) -> f64 {
        self.x[(channel * self.height + row) * self.width + column]
    }

    fn conv(&self, conv: &Conv) -> Vec<f64> {
        let (kernel, bias) = (self.tensor(Role::Weight).unwrap(), self.tensor(Role::Bias));
        let of_group = self.channels / conv.groups as usize;
        let outs_of_group = (conv.out_channels / conv.groups) as usize;
        let (kh, kw) = (conv.kernel.height as usize, conv.kernel.width as usize);
        let Conv { stride, dilation, padding, .. } = *conv;
        self.each(|o, y, x| {
            let mut sum = bias.map_or(0.0, |bias| f64::from(bias[o]));
            for c in 0..of_group {
                let channel = o / outs_of_group * of_group + c;
                for r in 0..kh {
                    let row = (y * stride.height as usize + r * dilation.height as usize)
                        .wrapping_sub(padding.top as usize);
                    for s in 0..kw {
                        let column = (x * stride.width as usize + s * dilation.width as usize)
                            .wrapping_sub(padding.left as usize);
                        if row < self.height && column < self.width {
                            let weight = kernel[((o * of_group + c) * kh + r) * kw + s];
                            sum += f64::from(weight)
                                * self.x[(channel * self.height + row) * self.width + column];
                        }
                    }
                }
            }
            sum
        })
    }

    fn linear(&self) -> Vec<f64> {
        let (matrix, bias) = (self.tensor(Role::Weight).unwrap(), self.tensor(Role::Bias));
        self.each(|o, _, _| {
            let row = &matrix[o * self.x.len()..][..self.x.len()];
            let sum: f64 = row.iter().zip(self.x).map(|(w, x)| f64::from(*w) * x).sum();
            sum + bias.map_or(0.0, |bias| f64::from(bias[o]))
        })
    }

    fn batch_norm(&self, norm: &BatchNorm) -> Vec<f64> {
        let mean = self.tensor(Role::Mean).unwrap();
        let variance = self.tensor(Role::Variance).unwrap();
        let (gamma, beta) = (self.tensor(Role::Weight), self.tensor(Role::Bias));
        self.each(|c, y, x| {
            let scale = gamma.map_or(1.0, |gamma| f64::from(gamma[c]))
                / (f64::from(variance[c]) + f64::from(norm.eps)).sqrt();
            let centred = self.at(c, y, x) - f64::from(mean[c]);
            centred * scale + beta.map_or(0.0, |beta| f64::from(beta[c]))
        })
    }

    fn lrn(&self, lrn: &Lrn) -> Vec<f64> {
        self.each(|c, y, x| {
            let first = c.saturating_sub((lrn.size as usize - 1) / 2);
            let last = (c + lrn.size as usize / 2).min(self.channels - 1);
            let sum: f64 = (first..=last).map(|c| self.at(c, y, x).powi(2)).sum();
            let base = f64::from(lrn.k) + f64::from(lrn.alpha) / f64::from(lrn.size) * sum;
            self.at(c, y, x) / base.powf(lrn.beta.into())
        })
    }

    fn pool(&self, pool: &Pool) -> Vec<f64> {
        let (height, width) = (self.height as u32, self.width as u32);
        let Padding { top, left, bottom, right } = pool.padding;
        self.each(|c, y, x| {
            let (mut largest, mut sum, mut inside, mut padded) = (f64::NEG_INFINITY, 0.0, 0, 0);
            for r in 0..pool.kernel.height {
                for s in 0..pool.kernel.width {
                    let row = y as u32 * pool.stride.height + r;
                    let column = x as u32 * pool.stride.width + s;
                    padded +=
                        u32::from(row < height + top + bottom && column < width + left + right);
                    let (row, column) = (row.wrapping_sub(top), column.wrapping_sub(left));
                    if row < height && column < width {
                        let value = self.at(c, row as usize, column as usize);
                        largest = largest.max(value);
                        sum += value;
                        inside += 1;
                    }
                }
            }
            match (pool.kind, pool.count_include_pad) {
                (PoolKind::Max, _) => largest,
                (PoolKind::Average, true) => sum / f64::from(padded),
                (PoolKind::Average, false) => sum / f64::from(inside),
            }
        })
    }

    fn global_pool(&self, kind: PoolKind) -> Vec<f64> {
        let area = self.height * self.width;
        self.each(|c, _, _| {
            let map = &self.x[c * area..][..area];
            match kind {
                PoolKind::Max => map.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                PoolKind::Average => map.iter().sum::<f64>() / area as f64,
            }
        })
    }

    fn adaptive_pool(&self) -> Vec<f64> {
        let range =
            |at: usize, from: usize, to: usize| at * from / to..((at + 1) * from).div_ceil(to);
        self.each(|c, y, x| {
            let (ys, xs) = (range(y, self.height, self.rows), range(x, self.width, self.columns));
            let count = (ys.len() * xs.len()) as f64;
            let cells = ys.flat_map(|y| xs.clone().map(move |x| (y, x)));
            cells.map(|(y, x)| self.at(c, y, x)).sum::<f64>() / count
        })
    }

    fn sum(&self, scales: &[f32]) -> Vec<f64> {
        self.each(|c, y, x| {
            let at = (c * self.rows + y) * self.columns + x;
            let terms = self.inputs.iter().enumerate();
            terms.map(|(i, (x, _))| x[at] * scales.get(i).map_or(1.0, |s| f64::from(*s))).sum()
        })
    }

    fn product(&self) -> Vec<f64> {
        self.each(|c, y, x| {
            let at = (c * self.rows + y) * self.columns + x;
            let value = |(x, shape): &(&[f64], Shape)| {
                if shape.size().area() == 1 { x[c] } else { x[at] }
            };
            self.inputs.iter().map(value).product()
        })
    }

    fn softmax(&self) -> Vec<f64> {
        self.each(|c, y, x| {
            let at = |c: usize| self.at(c, y, x).exp();
            at(c) / (0..self.channels).map(at).sum::<f64>()
        })
    }

    fn shuffle(&self, groups: usize) -> Vec<f64> {
        self.each(|c, y, x| self.at(c % groups * (self.channels / groups) + c / groups, y, x))
    }
}

fn activate(activation: Activation, x: f64) -> f64 {
    let hard = (x + 3.0).clamp(0.0, 6.0) / 6.0;
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::HardSigmoid => hard,
        Activation::HardSwish => x * hard,
    }
}

/// The output of a network for one image.
fn reference(graph: &Graph, weights: &Weights, input: &[f32]) -> Vec<f64> {
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
            compute(node, weights, &inputs)
        };
        values.push(value);
    }
    values.swap_remove(graph.output().index())
}

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Compares a network with the reference in every way to run it.
fn check(graph: &Graph, seed: u64) {
    let weights = Weights::seeded(graph, seed);
    let len = graph.node(graph.input()).shape.elements() as usize;
    for batch in [1, 3] {
        let input = numbers(batch * len, seed);
        let right: Vec<f64> =
            input.chunks(len).flat_map(|image| reference(graph, &weights, image)).collect();
        if right.iter().any(|x| !x.is_finite()) {
            return;
        }
        let scale = right.iter().fold(1e-3_f64, |max, x| max.max(x.abs()));
        for isa in Isa::available() {
            for winograd in [false, true] {
                let mut of_one_thread: Option<Vec<u32>> = None;
                for threads in [1, 2, 4] {
                    let options = Options { batch, threads, isa, winograd, most_bytes: u64::MAX };
                    let plan = Arc::new(Plan::new(graph, &weights, options).unwrap());
                    let mut session = Session::new(Arc::clone(&plan)).unwrap();
                    let stop = AtomicBool::new(false);
                    session.run(&input, &stop).unwrap();
                    let output = session.run(&input, &stop).unwrap();
                    assert_eq!(output.len(), right.len());
                    let limit = if winograd { 1e-4 } else { 1e-5 };
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

/// What a random number picks.
struct Picks<'a> {
    numbers: std::slice::Iter<'a, u8>,
}

impl Picks<'_> {
    fn below(&mut self, limit: u32) -> u32 {
        u32::from(self.numbers.next().copied().unwrap_or(0)) % limit
    }

    fn size(&mut self, from: u32, to: u32) -> Size {
        Size::new(from + self.below(to - from + 1), from + self.below(to - from + 1))
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 1
    }
}

/// A random operator on a map, if it fits.
fn operator(picks: &mut Picks<'_>, shape: Shape) -> Op {
    let channels = shape.channels();
    let padding = |picks: &mut Picks<'_>, most: Size| Padding {
        top: picks.below(most.height + 1),
        left: picks.below(most.width + 1),
        bottom: picks.below(most.height + 1),
        right: picks.below(most.width + 1),
    };
    match picks.below(12) {
        0..4 => {
            let (kernel, stride, dilation) = (picks.size(1, 4), picks.size(1, 2), picks.size(1, 2));
            let groups = match picks.below(4) {
                0 => channels,
                1 if channels.is_multiple_of(2) => 2,
                _ => 1,
            };
            let width = groups * (1 + picks.below(if groups == channels { 2 } else { 37 }));
            Op::Conv(Conv {
                kernel,
                out_channels: width,
                stride,
                padding: padding(picks, kernel),
                dilation,
                groups,
                bias: picks.flag(),
            })
        }
        // What Winograd's method computes.
        4 => Op::Conv(Conv {
            kernel: Size::square(3),
            out_channels: 32 + picks.below(40),
            stride: Size::square(1),
            padding: padding(picks, Size::square(1)),
            dilation: Size::square(1),
            groups: 1,
            bias: picks.flag(),
        }),
        5 => Op::BatchNorm(BatchNorm { eps: 1e-3, scale: picks.flag(), center: picks.flag() }),
        6 => Op::Lrn(Lrn { size: 1 + picks.below(6), alpha: 0.5, beta: 0.75, k: 1.0 }),
        7 | 8 => Op::Activation(Activation::ALL[picks.below(6) as usize]),
        9 => {
            let kernel = picks.size(1, 4);
            let kind = if picks.flag() { PoolKind::Max } else { PoolKind::Average };
            Op::Pool(Pool {
                kind,
                kernel,
                stride: picks.size(1, 2),
                padding: padding(picks, Size::new(kernel.height / 2, kernel.width / 2)),
                ceil: picks.flag(),
                count_include_pad: kind == PoolKind::Average && picks.flag(),
            })
        }
        10 if channels.is_multiple_of(2) => Op::ChannelShuffle { groups: 2 },
        10 => Op::Dropout { p: 0.5 },
        _ => Op::Softmax,
    }
}

/// Adds a node; `None` if it does not fit.
fn add(graph: &mut Graph, op: Op, inputs: &[NodeId]) -> Option<NodeId> {
    let name = format!("n{}", graph.len());
    graph.add(NewNode::new(op, Path::new(&name)), inputs).ok()
}

/// A random network: operators that read any earlier node, and joins of those that fit.
fn network(numbers: &[u8]) -> Graph {
    let mut picks = Picks { numbers: numbers.iter() };
    let size = picks.size(5, 20);
    let input = Shape::map(1 + picks.below(20), size.height, size.width);
    let mut graph = Graph::new(input, None).unwrap();
    let mut nodes = vec![graph.input()];
    for _ in 0..3 + picks.below(8) {
        // One of the last few, so that branches form.
        let back = picks.below(3) as usize;
        let at = nodes[nodes.len() - 1 - back.min(nodes.len() - 1)];
        let shape = graph.node(at).shape;
        let alike: Vec<NodeId> = nodes
            .iter()
            .copied()
            .filter(|&other| graph.node(other).shape.size() == shape.size())
            .collect();
        let other = alike[picks.below(alike.len() as u32) as usize];
        let added = match picks.below(9) {
            0 | 1 => add(&mut graph, Op::Concat, &[at, other]),
            2 => {
                let same = graph.node(other).shape == shape && other != at;
                let other = if same { other } else { at };
                add(&mut graph, Op::Add { scales: vec![1.0, 0.5] }, &[other, at])
            }
            3 => add(&mut graph, Op::GlobalPool(PoolKind::Average), &[at])
                .and_then(|gate| add(&mut graph, Op::Activation(Activation::Sigmoid), &[gate]))
                .and_then(|gate| add(&mut graph, Op::Multiply, &[gate, at])),
            _ => {
                let op = operator(&mut picks, shape);
                add(&mut graph, op, &[at])
            }
        };
        nodes.extend(added);
    }
    let last = nodes[nodes.len() - 1];
    let mut end = last;
    match picks.below(4) {
        0 => {
            let flat = add(&mut graph, Op::Flatten, &[last]).unwrap();
            let linear = Op::Linear(Linear { out_features: 5 + picks.below(30), bias: true });
            end = add(&mut graph, linear, &[flat]).unwrap();
        }
        1 => {
            let pooled = add(&mut graph, Op::AdaptiveAvgPool { output: picks.size(1, 3) }, &[last]);
            end = add(&mut graph, Op::Flatten, &[pooled.unwrap()]).unwrap();
        }
        2 => end = add(&mut graph, Op::GlobalPool(PoolKind::Max), &[last]).unwrap(),
        _ => {}
    }
    graph.set_output(end);
    graph
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn random_networks(numbers in prop::collection::vec(any::<u8>(), 120), seed in 1_u64..1000) {
        check(&network(&numbers), seed);
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
        let plan = Plan::new(&graph, &Weights::default(), options(isa)).unwrap();
        let mut session = Session::new(Arc::new(plan)).unwrap();
        let stop = AtomicBool::new(false);
        let input = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 1.0, 0.0, 3.0, 1e-40];
        let output = session.run(&input, &stop).unwrap();
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
    let plan = Arc::new(Plan::new(&graph, &Weights::default(), options).unwrap());
    let mut session = Session::new(plan).unwrap();
    let input = vec![1.0; 2 * 3 * 64];
    let stopped = session.run(&input, &AtomicBool::new(true)).map(<[f32]>::to_vec);
    assert!(matches!(stopped, Err(RunError::Stopped(_))));
    assert!(session.run(&input[1..], &AtomicBool::new(false)).is_err());
    assert_eq!(session.run(&input, &AtomicBool::new(false)).unwrap(), [1.0; 6]);
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
    let plan = Plan::new(&graph, &Weights::seeded(&graph, 1), options).unwrap();
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
        Shape::map(1, 2, 2),
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
    let error = Plan::new(&graph, &Weights::seeded(&graph, 1), options).unwrap_err().to_string();
    assert!(error.contains("its padding makes a map of"), "{error}");
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
        let error = Plan::new(&graph, &weights, options).unwrap_err();
        assert!(matches!(error, PlanError::Memory { .. }), "{error}");
        let options = Options { most_bytes: 5 * most_bytes, ..options };
        assert!(Plan::new(&graph, &weights, options).is_ok());
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
    let error = Plan::new(&graph, &Weights::default(), options).unwrap_err();
    assert!(matches!(error, PlanError::Parts { .. }), "{error}");
    assert!(error.to_string().contains("parts of its concatenations"), "{error}");
}
