//! Every step against plain loops in double precision, on random shapes and every instruction set; in memory beside
//! guard pages.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod guard;

use std::sync::{Arc, atomic::AtomicBool};

use guard::{Guarded, Side};

use inceptive_kernels::{
    Isa, LANES,
    activation::Function,
    conv::{Conv, Finish, Places, Segment, Values, Window},
    memory::{Border, Buffer, View},
    program::{Program, Runner},
    step::{
        Affine, ChannelPool, Depthwise, Flatten, Gather, Joined, Load, Lrn, LrnFactors, Pool,
        PoolKind, Softmax, Step, Store, Term, Winograd,
    },
};
use proptest::prelude::*;

/// A batch of maps, `images x channels x height x width`.
#[derive(Clone, Debug)]
struct Maps {
    shape: [usize; 4],
    values: Vec<f32>,
}

impl Maps {
    fn random(shape: [usize; 4], seed: u32) -> Self {
        let mut state = seed.wrapping_mul(2_654_435_761) ^ 0x9e37_79b9;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let values = (0..shape.iter().product()).map(|_| next()).collect();
        Self { shape, values }
    }

    fn at(&self, [n, c, y, x]: [usize; 4]) -> f64 {
        let [_, channels, height, width] = self.shape;
        f64::from(self.values[((n * channels + c) * height + y) * width + x])
    }

    /// Maps of `shape`, each number by a function of its place.
    fn from_fn(shape: [usize; 4], f: impl Fn([usize; 4]) -> f64) -> Self {
        let [images, channels, height, width] = shape;
        let mut values = Vec::new();
        for n in 0..images {
            for c in 0..channels {
                for y in 0..height {
                    for x in 0..width {
                        values.push(f([n, c, y, x]) as f32);
                    }
                }
            }
        }
        Self { shape, values }
    }
}

/// Buffers in a row.
#[derive(Default)]
struct Memory(Vec<Buffer>);

impl Memory {
    fn add(&mut self, shape: [usize; 4], border: Border, pixel: usize) -> View {
        let offset = self.0.last().map_or(0, |last| last.offset + last.len());
        let offset = offset.next_multiple_of(LANES);
        let [images, channels, height, width] = shape;
        let blocks = channels.div_ceil(LANES);
        self.0.push(Buffer { offset, images, blocks, height, width, border, pixel });
        View { buffer: self.0.len() - 1, first: 0, blocks }
    }
}

fn whole(channels: usize) -> Vec<Segment> {
    vec![Segment { block: 0, channels }]
}

/// Runs steps one after the other, with every instruction set and several numbers of threads, and compares the output
/// with what is expected.
fn check(
    memory: &Memory,
    input: &Maps,
    expected: &Maps,
    tolerance: f64,
    steps: impl Fn(Isa, usize) -> Vec<Step>,
) {
    let mut bits: Option<Vec<u32>> = None;
    for isa in Isa::available() {
        for (threads, side) in [(1, Side::End), (3, Side::Start), (2, Side::End)] {
            let phases = steps(isa, threads).into_iter().map(|step| vec![step]).collect();
            let program = Arc::new(Program::new(memory.0.clone(), phases).unwrap());
            let allocate = |len| Guarded::zeros(len, side);
            let mut runner = Runner::with_memory(program, isa, threads, allocate).unwrap();
            let mut input = Guarded::copy(&input.values, side);
            let mut output = Guarded::copy(&vec![f32::NAN; expected.values.len()], side);
            let output = output.as_mut();
            let stop = AtomicBool::new(false);
            // Twice: the memory is not zero in the second run.
            for _ in 0..2 {
                runner.run(input.as_mut(), output, &stop).unwrap();
            }
            let scale = expected.values.iter().fold(1e-3_f64, |max, x| max.max(f64::from(x.abs())));
            for (index, (found, right)) in output.iter().zip(&expected.values).enumerate() {
                let error = (f64::from(*found) - f64::from(*right)).abs() / scale;
                assert!(
                    error <= tolerance,
                    "{isa}, {threads} threads: {index} is {found}, not {right} ({error:e})"
                );
            }
            let these: Vec<u32> = output.iter().map(|x| x.to_bits()).collect();
            match &bits {
                Some(others) if threads > 1 => assert!(*others == these, "{isa}: threads differ"),
                _ => bits = Some(these),
            }
        }
    }
}

#[derive(Clone, Debug)]
struct ConvCase {
    images: usize,
    group_inputs: usize,
    group_outputs: usize,
    groups: usize,
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    /// Above, to the left, below, to the right.
    padding: [usize; 4],
    has_bias: bool,
    has_residual: bool,
    function: Function,
    seed: u32,
}

fn function() -> impl Strategy<Value = Function> {
    prop::sample::select(vec![
        Function::Identity,
        Function::Relu,
        Function::Relu6,
        Function::Sigmoid,
        Function::Silu,
        Function::HardSigmoid,
        Function::HardSwish,
        Function::Clip(-0.5, 1.5),
        Function::LeakyRelu(0.1),
        Function::Elu(1.1, 1.5),
        Function::Gelu,
        Function::GeluTanh,
        Function::Mish,
        Function::Softplus,
        Function::Tanh,
    ])
}

fn conv_case() -> impl Strategy<Value = ConvCase> {
    let pair = |range: std::ops::RangeInclusive<usize>| [range.clone(), range];
    let widths = prop_oneof![
        (1_usize..40, 1_usize..70, Just(1_usize)),
        (1_usize..5, 1_usize..5, 1_usize..20),
        (Just(16_usize), prop::sample::select(vec![16_usize, 24, 32]), 1_usize..4),
    ];
    let flags = (any::<bool>(), any::<bool>(), function(), any::<u32>());
    (
        1_usize..4,
        widths,
        pair(1..=19),
        pair(1..=5),
        pair(1..=3),
        pair(1..=2),
        [0_usize..3, 0..3, 0..3, 0..3],
        flags,
    )
        .prop_map(
            |(
                images,
                (group_inputs, group_outputs, groups),
                size,
                kernel,
                stride,
                dilation,
                padding,
                flags,
            )| {
                let (has_bias, has_residual, function, seed) = flags;
                ConvCase {
                    images,
                    group_inputs,
                    group_outputs,
                    groups,
                    size,
                    kernel,
                    stride,
                    dilation,
                    padding,
                    has_bias,
                    has_residual,
                    function,
                    seed,
                }
            },
        )
        .prop_filter("the window fits", |case| {
            (0..2).all(|axis| {
                let extent = (case.kernel[axis] - 1) * case.dilation[axis] + 1;
                case.size[axis] + case.padding[axis] + case.padding[axis + 2] >= extent
            })
        })
}

fn apply(function: Function, x: f64) -> f64 {
    let hard = ((x + 3.0).clamp(0.0, 6.0)) / 6.0;
    match function {
        Function::Identity => x,
        Function::Relu => x.max(0.0),
        Function::Relu6 => x.clamp(0.0, 6.0),
        Function::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Function::Silu => x / (1.0 + (-x).exp()),
        Function::HardSigmoid => hard,
        Function::HardSwish => x * hard,
        Function::Clip(low, high) => x.clamp(f64::from(low), f64::from(high)),
        Function::LeakyRelu(slope) if x <= 0.0 => x * f64::from(slope),
        Function::LeakyRelu(_) => x,
        Function::Elu(scale, alpha) if x <= 0.0 => f64::from(scale) * f64::from(alpha) * x.exp_m1(),
        Function::Elu(scale, _) => f64::from(scale) * x,
        Function::Gelu => x * normal(x),
        Function::GeluTanh => 0.5 * x * (1.0 + (0.797_884_56 * (x + 0.044_715 * x.powi(3))).tanh()),
        Function::Mish => x * softplus(x).tanh(),
        Function::Softplus => softplus(x),
        Function::Tanh => x.tanh(),
        Function::SquareRoot if x <= 0.0 => 0.0,
        Function::SquareRoot => x.sqrt(),
    }
}

/// `ln(1 + e^x)`.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The distribution function of the normal distribution, by the series of the error function and its continued fraction.
fn normal(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let tail = if z < 2.0 {
        let (mut term, mut sum) = (z, z);
        for n in 1..60 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        1.0 - 2.0 / std::f64::consts::PI.sqrt() * sum
    } else {
        let mut fraction = 0.0;
        for n in (1..60).rev() {
            fraction = f64::from(n) / 2.0 / (z + fraction);
        }
        (-z * z).exp() / std::f64::consts::PI.sqrt() / (z + fraction)
    };
    if x.is_nan() {
        x
    } else if x > 0.0 {
        1.0 - tail / 2.0
    } else {
        tail / 2.0
    }
}

impl ConvCase {
    fn outputs(&self) -> usize {
        self.group_outputs * self.groups
    }

    fn input_shape(&self) -> [usize; 4] {
        [self.images, self.group_inputs * self.groups, self.size[0], self.size[1]]
    }

    fn output_shape(&self) -> [usize; 4] {
        let positions = |axis: usize| {
            let extent = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            let padded = self.size[axis] + self.padding[axis] + self.padding[axis + 2];
            (padded - extent) / self.stride[axis] + 1
        };
        [self.images, self.outputs(), positions(0), positions(1)]
    }

    fn window(&self) -> Window {
        let [top, left, ..] = self.padding;
        let Self { kernel, stride, dilation, .. } = *self;
        Window { kernel, stride, dilation, padding: [top, left] }
    }

    fn weights(&self) -> Maps {
        let [rows, columns] = self.kernel;
        Maps::random([self.outputs(), self.group_inputs, rows, columns], self.seed ^ 7)
    }

    fn bias(&self) -> Maps {
        Maps::random([1, self.outputs(), 1, 1], self.seed ^ 9)
    }

    /// The sum that one output number is.
    fn sum(&self, input: &Maps, weights: &Maps, [n, o, y, x]: [usize; 4]) -> f64 {
        let group = o / self.group_outputs;
        let mut sum = 0.0;
        for c in 0..self.group_inputs {
            for r in 0..self.kernel[0] {
                for s in 0..self.kernel[1] {
                    let row =
                        (y * self.stride[0] + r * self.dilation[0]).wrapping_sub(self.padding[0]);
                    let column =
                        (x * self.stride[1] + s * self.dilation[1]).wrapping_sub(self.padding[1]);
                    if row < self.size[0] && column < self.size[1] {
                        let channel = group * self.group_inputs + c;
                        sum += input.at([n, channel, row, column]) * weights.at([o, c, r, s]);
                    }
                }
            }
        }
        sum
    }
}

/// Compares a convolution, with what is added before its function, with its definition.
fn check_convolution(case: &ConvCase) {
    let input = Maps::random(case.input_shape(), case.seed);
    let (weights, bias) = (case.weights(), case.bias());
    let shape = case.output_shape();
    let residual = Maps::random(shape, case.seed ^ 3);
    let expected = Maps::from_fn(shape, |at| {
        let bias = if case.has_bias { bias.at([0, at[1], 0, 0]) } else { 0.0 };
        let sum = case.sum(&input, &weights, at) + bias;
        // The residual is the convolution's own output, computed before.
        let sum = if case.has_residual { 2.0 * sum } else { sum };
        apply(case.function, sum)
    });
    drop(residual);
    let mut memory = Memory::default();
    let window = case.window();
    let output = [shape[2], shape[3]];
    let pixel =
        if shape[0] % 2 == 1 && case.input_shape()[1] < 8 { case.input_shape()[1] } else { LANES };
    let x = memory.add(case.input_shape(), window.border(case.size, output), pixel);
    let residual = memory.add(shape, Border::default(), LANES);
    let border = Border { top: 1, left: 2, bottom: 0, right: 1 };
    let y = memory.add(shape, border, LANES);
    let segments = whole(case.input_shape()[1]);
    check(&memory, &input, &expected, 2e-5, |isa, threads| {
        let conv = |y, finish| {
            let places = Places { buffers: &memory.0, x, segments: &segments, y };
            let values = Values {
                weights: &weights.values,
                bias: case.has_bias.then_some(&*bias.values),
                outputs: case.outputs(),
                groups: case.groups,
            };
            Conv::new(isa, threads, places, window, values, finish).unwrap()
        };
        let mut steps: Vec<Step> = vec![Load::new(&memory.0, x, case.input_shape()[1]).into()];
        if case.has_residual {
            steps.push(conv(residual, Finish::NONE).into());
        }
        let added = case.has_residual.then_some(residual);
        steps.push(conv(y, Finish { residual: added, function: case.function }).into());
        steps.push(Store::new(&memory.0, y, whole(case.outputs())).into());
        steps
    });
}

/// As many as `PROPTEST_CASES` says, for checks that take long.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn convolutions(case in conv_case()) {
        check_convolution(&case);
    }

    #[test]
    fn convolutions_by_winograds_method(case in conv_case()) {
        let case = ConvCase {
            group_inputs: case.group_inputs * case.groups,
            group_outputs: case.group_outputs * case.groups,
            groups: 1,
            kernel: [3, 3],
            stride: [1, 1],
            dilation: [1, 1],
            // Results of a narrow range are compared to as many digits of it, while sums are rounded by their own size.
            function: match case.function {
                Function::Clip(..) | Function::Tanh => Function::Identity,
                other => other,
            },
            ..case
        };
        let is_large = |axis: usize| case.size[axis] + case.padding[axis] + case.padding[axis + 2] >= 3;
        prop_assume!(is_large(0) && is_large(1));
        let input = Maps::random(case.input_shape(), case.seed);
        let (weights, bias) = (case.weights(), case.bias());
        let shape = case.output_shape();
        let expected = Maps::from_fn(shape, |at| {
            let bias = if case.has_bias { bias.at([0, at[1], 0, 0]) } else { 0.0 };
            let sum = case.sum(&input, &weights, at) + bias;
            apply(case.function, if case.has_residual { 2.0 * sum } else { sum })
        });
        let mut memory = Memory::default();
        let padding = case.window().padding;
        let border = Winograd::border(padding, case.size, [shape[2], shape[3]]);
        let x = memory.add(case.input_shape(), border, LANES);
        let residual = memory.add(shape, Border::default(), LANES);
        let y = memory.add(shape, Border { top: 1, left: 2, bottom: 0, right: 1 }, LANES);
        let segments = whole(case.input_shape()[1]);
        check(&memory, &input, &expected, 1e-4, |isa, threads| {
            let conv = |y, finish| {
                let places = Places { buffers: &memory.0, x, segments: &segments, y };
                let values = Values {
                    weights: &weights.values,
                    bias: case.has_bias.then_some(&*bias.values),
                    outputs: case.outputs(),
                    groups: 1,
                };
                let conv = Winograd::new(isa, threads, places, padding, values, finish).unwrap();
                let is_transformed = case.seed.is_multiple_of(2);
                if is_transformed {
                    conv.with_transformed_kernels(isa, &AtomicBool::new(false)).unwrap()
                } else {
                    conv
                }
            };
            let mut steps: Vec<Step> = vec![Load::new(&memory.0, x, case.input_shape()[1]).into()];
            if case.has_residual {
                steps.push(conv(residual, Finish::NONE).into());
            }
            let added = case.has_residual.then_some(residual);
            steps.push(conv(y, Finish { residual: added, function: case.function }).into());
            steps.push(Store::new(&memory.0, y, whole(case.outputs())).into());
            steps
        });
    }

    #[test]
    fn depthwise_convolutions(case in conv_case()) {
        let case = ConvCase { groups: case.group_inputs * case.groups, group_inputs: 1, group_outputs: 1, ..case };
        let input = Maps::random(case.input_shape(), case.seed);
        let (weights, bias) = (case.weights(), case.bias());
        let shape = case.output_shape();
        let expected = Maps::from_fn(shape, |at| {
            apply(case.function, case.sum(&input, &weights, at) + bias.at([0, at[1], 0, 0]))
        });
        let mut memory = Memory::default();
        let window = case.window();
        let x = memory.add(case.input_shape(), window.border(case.size, [shape[2], shape[3]]), LANES);
        let y = memory.add(shape, Border { top: 0, left: 1, bottom: 2, right: 0 }, LANES);
        check(&memory, &input, &expected, 2e-5, |_, _| vec![
            Load::new(&memory.0, x, shape[1]).into(),
            Depthwise::new(&memory.0, (x, y), window, &weights.values, &bias.values, case.function).into(),
            Store::new(&memory.0, y, whole(shape[1])).into(),
        ]);
    }

    #[test]
    fn pools(case in conv_case(), kind in 0..3, ceil in any::<bool>()) {
        let dilation = [1, 1];
        let padding = [0, 1, 2, 3].map(|side| case.padding[side].min(case.kernel[side % 2] / 2));
        let case = ConvCase { dilation, padding, ..case };
        for axis in 0..2 {
            prop_assume!(case.size[axis] + padding[axis] + padding[axis + 2] >= case.kernel[axis]);
        }
        let input = Maps::random(case.input_shape(), case.seed);
        let mut shape = case.output_shape();
        shape[1] = case.input_shape()[1];
        for axis in 0..2 {
            let room = case.size[axis] + padding[axis] + padding[axis + 2] - case.kernel[axis];
            let last = shape[axis + 2] * case.stride[axis];
            if ceil && !room.is_multiple_of(case.stride[axis]) && last < case.size[axis] + padding[axis] {
                shape[axis + 2] += 1;
            }
        }
        let expected = Maps::from_fn(shape, |[n, c, y, x]| {
            let (mut largest, mut sum, mut inside, mut padded) = (f64::NEG_INFINITY, 0.0, 0, 0);
            for r in 0..case.kernel[0] {
                for s in 0..case.kernel[1] {
                    let row = y * case.stride[0] + r;
                    let column = x * case.stride[1] + s;
                    let is_padded = row < case.size[0] + padding[0] + padding[2]
                        && column < case.size[1] + padding[1] + padding[3];
                    padded += usize::from(is_padded);
                    let (row, column) = (row.wrapping_sub(padding[0]), column.wrapping_sub(padding[1]));
                    if row < case.size[0] && column < case.size[1] {
                        let value = input.at([n, c, row, column]);
                        largest = largest.max(value);
                        sum += value;
                        inside += 1;
                    }
                }
            }
            match kind {
                0 => largest,
                1 => sum / f64::from(inside),
                _ => sum / padded as f64,
            }
        });
        prop_assume!(expected.values.iter().all(|value| value.is_finite()));
        let mut memory = Memory::default();
        let x = memory.add(case.input_shape(), Border::default(), LANES);
        let y = memory.add(shape, Border { top: 1, left: 1, bottom: 1, right: 1 }, LANES);
        let kind = match kind {
            0 => PoolKind::Max,
            1 => PoolKind::Average { padding: None },
            _ => PoolKind::Average { padding: Some([padding[2], padding[3]]) },
        };
        check(&memory, &input, &expected, 2e-5, |_, _| vec![
            Load::new(&memory.0, x, shape[1]).into(),
            Pool::sliding(&memory.0, x, y, case.window(), kind).into(),
            Store::new(&memory.0, y, whole(shape[1])).into(),
        ]);
    }

    #[test]
    fn grids_of_means(size in [1_usize..12, 1..12], output in [1_usize..5, 1..5], channels in 1_usize..40, seed in any::<u32>()) {
        let input = Maps::random([2, channels, size[0], size[1]], seed);
        let range = |axis: usize, position: usize| {
            position * size[axis] / output[axis]..((position + 1) * size[axis]).div_ceil(output[axis])
        };
        let expected = Maps::from_fn([2, channels, output[0], output[1]], |[n, c, y, x]| {
            let (rows, columns) = (range(0, y), range(1, x));
            let count = (rows.len() * columns.len()) as f64;
            let cells = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
            cells.map(|(row, column)| input.at([n, c, row, column])).sum::<f64>() / count
        });
        let mut memory = Memory::default();
        let x = memory.add(input.shape, Border::default(), LANES);
        let y = memory.add(expected.shape, Border::default(), LANES);
        check(&memory, &input, &expected, 1e-5, |_, _| vec![
            Load::new(&memory.0, x, channels).into(),
            Pool::grid(&memory.0, x, y, false).into(),
            Store::new(&memory.0, y, whole(channels)).into(),
        ]);
    }

    #[test]
    fn sums_products_and_affine_functions(
        shape in [1_usize..3, 1..50, 1..9, 1..9], function in function(), scale in -2.0_f32..2.0, seed in any::<u32>()
    ) {
        let input = Maps::random(shape, seed);
        let [_, channels, ..] = shape;
        let scales = Maps::random([1, channels.next_multiple_of(LANES), 1, 1], seed ^ 5);
        let shifts = Maps::random([1, channels.next_multiple_of(LANES), 1, 1], seed ^ 6);
        let mean = |n: usize, c: usize| {
            let cells = (0..shape[2]).flat_map(|y| (0..shape[3]).map(move |x| [n, c, y, x]));
            cells.map(|at| input.at(at)).sum::<f64>() / (shape[2] * shape[3]) as f64
        };
        let affine = |at: [usize; 4]| {
            apply(function, input.at(at) * scales.at([0, at[1], 0, 0]) + shifts.at([0, at[1], 0, 0]))
        };
        let expected = Maps::from_fn(shape, |at| {
            let product = affine(at) * mean(at[0], at[1]);
            apply(function, product + f64::from(scale) * input.at(at))
        });
        let mut memory = Memory::default();
        let x = memory.add(shape, Border { top: 1, left: 0, bottom: 1, right: 2 }, LANES);
        let y = memory.add(shape, Border { top: 0, left: 1, bottom: 0, right: 0 }, LANES);
        let gate = memory.add([shape[0], channels, 1, 1], Border::default(), LANES);
        let aligned = |maps: &Maps| {
            let mut aligned = inceptive_kernels::memory::Aligned::zeros(maps.values.len());
            aligned.as_mut_slice().copy_from_slice(&maps.values);
            aligned
        };
        let term = |view, scale| Term { view, scale };
        check(&memory, &input, &expected, 2e-5, |_, _| vec![
            Load::new(&memory.0, x, channels).into(),
            Pool::grid(&memory.0, x, gate, false).into(),
            Affine::new(&memory.0, x, y, function).with_factors(aligned(&scales), aligned(&shifts)).into(),
            Joined::product(&memory.0, vec![term(y, 1.0), term(gate, 1.0)], y, Function::Identity).into(),
            Joined::sum(&memory.0, vec![term(y, 1.0), term(x, scale)], y, function).into(),
            Store::new(&memory.0, y, whole(channels)).into(),
        ]);
    }

    #[test]
    fn softmax_and_local_response_normalisation(
        shape in [1_usize..3, 1..50, 1..5, 1..5], size in 1_usize..9, beta in 0.1_f32..1.0, seed in any::<u32>()
    ) {
        let input = Maps::random(shape, seed);
        let channels = shape[1];
        let normalised = Maps::from_fn(shape, |[n, c, y, x]| {
            let first = c.saturating_sub((size - 1) / 2);
            let last = (c + size / 2).min(channels - 1);
            let sum: f64 = (first..=last).map(|c| input.at([n, c, y, x]).powi(2)).sum();
            let base = 1.5 + 0.7 / size as f64 * sum;
            input.at([n, c, y, x]) * base.powf(-f64::from(beta))
        });
        let expected = Maps::from_fn(shape, |[n, c, y, x]| {
            let sum: f64 = (0..channels).map(|c| normalised.at([n, c, y, x]).exp()).sum();
            normalised.at([n, c, y, x]).exp() / sum
        });
        let mut memory = Memory::default();
        let x = memory.add(shape, Border::default(), LANES);
        let y = memory.add(shape, Border { top: 0, left: 1, bottom: 0, right: 0 }, LANES);
        let factors = LrnFactors { channels, size, alpha: 0.7, beta, k: 1.5 };
        check(&memory, &input, &expected, 1e-5, |_, _| vec![
            Load::new(&memory.0, x, channels).into(),
            Lrn::new(&memory.0, x, y, factors).into(),
            Softmax::new(&memory.0, y, x, whole(channels)).into(),
            Store::new(&memory.0, x, whole(channels)).into(),
        ]);
    }

    #[test]
    fn channels_become_one(
        shape in [1_usize..3, 1..70, 1..6, 1..6], gap in 0_usize..20, is_max in any::<bool>(), seed in any::<u32>()
    ) {
        let input = Maps::random(shape, seed);
        let [images, channels, height, width] = shape;
        let expected = Maps::from_fn([images, 1, height, width], |[n, _, y, x]| {
            let all = (0..channels).map(|c| input.at([n, c, y, x]));
            match is_max {
                true => all.fold(f64::NEG_INFINITY, f64::max),
                false => all.sum::<f64>() / channels as f64,
            }
        });
        // The first channels in blocks of their own, as concatenation in place leaves them.
        let first = gap.min(channels - 1);
        let segments = match first {
            0 => whole(channels),
            _ => vec![
                Segment { block: 0, channels: first },
                Segment { block: first.div_ceil(LANES), channels: channels - first },
            ],
        };
        let lanes: Vec<usize> = (0..first)
            .chain(std::iter::repeat_n(0, first.next_multiple_of(LANES) - first))
            .chain(first..channels)
            .collect();
        let mut memory = Memory::default();
        let x = memory.add(shape, Border::default(), LANES);
        let border = Border { top: 1, left: 2, bottom: 0, right: 1 };
        let gaps = memory.add([images, lanes.len(), height, width], border, LANES);
        let y = memory.add([images, 1, height, width], border, LANES);
        check(&memory, &input, &expected, 1e-6, |_, _| vec![
            Load::new(&memory.0, x, channels).into(),
            Gather::new(&memory.0, x, gaps, lanes.clone()).into(),
            ChannelPool::new(&memory.0, (gaps, y), segments.clone().into(), is_max).into(),
            Store::new(&memory.0, y, whole(1)).into(),
        ]);
    }

    #[test]
    fn lanes_move_and_maps_become_vectors(shape in [1_usize..3, 1..50, 1..5, 1..5], seed in any::<u32>()) {
        let input = Maps::random(shape, seed);
        let [images, channels, height, width] = shape;
        let features = channels * height * width;
        let expected = Maps::from_fn([images, features, 1, 1], |[n, f, ..]| {
            let (c, y, x) = (f / (height * width), f / width % height, f % width);
            input.at([n, channels - 1 - c, y, x])
        });
        let mut memory = Memory::default();
        let x = memory.add(shape, Border::default(), LANES);
        let reversed = memory.add(shape, Border { top: 1, left: 1, bottom: 1, right: 1 }, LANES);
        let y = memory.add([images, features, 1, 1], Border::default(), LANES);
        check(&memory, &input, &expected, 0.0, |_, _| vec![
            Load::new(&memory.0, x, channels).into(),
            Gather::new(&memory.0, x, reversed, (0..channels).rev().collect::<Vec<_>>()).into(),
            Flatten::new(&memory.0, reversed, whole(channels), y).into(),
            Store::new(&memory.0, y, whole(features)).into(),
        ]);
    }
}

/// Weights that are read once for all images, since they do not stay in a cache from image to image.
#[test]
fn large_weights_of_several_images() {
    check_convolution(&ConvCase {
        images: 3,
        group_inputs: 40,
        group_outputs: 900,
        groups: 1,
        size: [3, 2],
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        padding: [1; 4],
        has_bias: true,
        has_residual: true,
        function: Function::Relu,
        seed: 5,
    });
}

/// A convolution reads runs of channels with gaps between them, as concatenation in place leaves them.
#[test]
fn channels_with_gaps() {
    let (shape, segments) = (
        [2, 20, 6, 9],
        vec![Segment { block: 0, channels: 5 }, Segment { block: 1, channels: 15 }],
    );
    let input = Maps::random(shape, 1);
    let weights = Maps::random([24, 20, 3, 3], 2);
    let case = ConvCase {
        images: 2,
        group_inputs: 20,
        group_outputs: 24,
        groups: 1,
        size: [6, 9],
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        padding: [1; 4],
        has_bias: false,
        has_residual: false,
        function: Function::Identity,
        seed: 1,
    };
    let expected = Maps::from_fn([2, 24, 6, 9], |at| case.sum(&input, &weights, at));
    let mut memory = Memory::default();
    let border = Border { top: 1, left: 1, bottom: 1, right: 1 };
    let x = memory.add(shape, Border::default(), LANES);
    let gaps = memory.add([2, 32, 6, 9], border, LANES);
    let y = memory.add([2, 24, 6, 9], border, LANES);
    let lanes: Vec<usize> = (0..5).chain(std::iter::repeat_n(0, 11)).chain(5..20).collect();
    check(&memory, &input, &expected, 1e-5, |isa, threads| {
        let places = Places { buffers: &memory.0, x: gaps, segments: &segments, y };
        let values = Values { weights: &weights.values, bias: None, outputs: 24, groups: 1 };
        vec![
            Load::new(&memory.0, x, 20).into(),
            Gather::new(&memory.0, x, gaps, lanes.clone()).into(),
            Conv::new(isa, threads, places, case.window(), values, Finish::NONE).unwrap().into(),
            Store::new(&memory.0, y, whole(24)).into(),
        ]
    });
}
