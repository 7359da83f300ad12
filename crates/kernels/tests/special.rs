//! NaN, infinities and subnormal numbers give what IEEE 754 says in every step, but that subnormal ones count as zero; and
//! every number that a step should write is written.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    cell::RefCell,
    sync::{Arc, atomic::AtomicBool},
};

use inceptive_kernels::{
    Isa, LANES,
    activation::Function,
    conv::{
        Conv, ConvData, ConvWeights, Finish, Outermost, Places, Segment, Values, WeightsOf, Widths,
        Window,
    },
    memory::{Aligned, Border, Buffer, View},
    program::{Program, Runner},
    step::{
        Affine, ChannelPool, Depthwise, Flatten, Gather, Joined, Load, Lrn, LrnBack, LrnFactors,
        Pool, PoolKind, Softmax, Step, Store, Term, Winograd,
    },
};

/// More than a block, and no whole blocks.
const CHANNELS: usize = 20;

/// Rows and columns.
const SIDE: usize = 6;

const FUNCTIONS: [Function; 16] = [
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
    Function::SquareRoot,
];

const SPECIAL: [f32; 5] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40, -1e-40];

/// Windows of three by three, as most networks have them.
const WINDOW: Window = Window { kernel: [3, 3], stride: [1, 1], dilation: [1, 1], padding: [1, 1] };

fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|at| ((at * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0).collect()
}

/// One image of `channels x SIDE x SIDE`.
#[derive(Clone)]
struct Image {
    channels: usize,
    values: Vec<f32>,
}

impl Image {
    /// With one special number, in the second block where there is one, and some ordinary zeros.
    fn with(special: f32, channels: usize) -> Self {
        let mut values = numbers(channels * SIDE * SIDE, 1);
        values.iter_mut().step_by(11).for_each(|x| *x = 0.0);
        values[((channels - 2) * SIDE + 2) * SIDE + 3] = special;
        Self { channels, values }
    }

    /// A number as kernels see it.
    fn at(&self, channel: usize, row: usize, column: usize) -> f64 {
        let value = self.values[(channel * SIDE + row) * SIDE + column];
        if value.is_subnormal() { 0.0 } else { f64::from(value) }
    }

    /// What is computed of each number's place.
    fn map(&self, of: impl Fn(usize, usize, usize) -> f64) -> Vec<f64> {
        let places = (0..self.channels * SIDE * SIDE)
            .map(|at| (at / (SIDE * SIDE), at / SIDE % SIDE, at % SIDE));
        places.map(|(channel, row, column)| of(channel, row, column)).collect()
    }

    /// The numbers in the window around a place.
    fn window(&self, channel: usize, row: usize, column: usize) -> Vec<f64> {
        let near = |at: usize| at.saturating_sub(1)..(at + 2).min(SIDE);
        let of_row = |row| near(column).map(move |column| self.at(channel, row, column));
        near(row).flat_map(of_row).collect()
    }
}

/// The larger one, or NaN.
fn max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

fn apply(function: Function, x: f64) -> f64 {
    let hard = (x + 3.0).clamp(0.0, 6.0) / 6.0;
    match function {
        Function::Identity => x,
        Function::Relu => max(x, 0.0),
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

fn buffer(offset: usize, channels: usize, [height, width]: [usize; 2], border: usize) -> Buffer {
    // Tiles of Winograd's method reach over the edge by up to four.
    let wide = if border > 0 { border + 3 } else { 0 };
    let border = Border { top: border, left: border, bottom: wide, right: wide };
    let blocks = channels.div_ceil(LANES);
    Buffer { offset, images: 1, blocks, height, width, border, pixel: LANES }
}

/// Buffers for the input, with a border, and for a result of so many channels and this size.
fn buffers(input: usize, output: usize, size: [usize; 2]) -> Vec<Buffer> {
    let x = buffer(0, input, [SIDE; 2], 1);
    vec![x, buffer(x.len(), output, size, 0)]
}

fn view(buffers: &[Buffer], buffer: usize) -> View {
    View { buffer, first: 0, blocks: buffers[buffer].blocks }
}

fn whole(channels: usize) -> Vec<Segment> {
    vec![Segment { block: 0, channels }]
}

/// Runs steps between loading the input and storing `channels` of the second buffer.
fn run(isa: Isa, buffers: &[Buffer], image: &Image, channels: usize, steps: Vec<Step>) -> Vec<f32> {
    let [x, y] = [0, 1].map(|buffer| view(buffers, buffer));
    let mut phases = vec![vec![Load::new(buffers, x, image.channels).into()]];
    phases.extend(steps.into_iter().map(|step| vec![step]));
    phases.push(vec![Store::new(buffers, y, whole(channels)).into()]);
    let program = Program::new(buffers.to_vec(), phases).unwrap();
    let mut output = vec![0.5; program.output_len()];
    let mut runner = Runner::new(Arc::new(program), isa, 1, &AtomicBool::new(false)).unwrap();
    runner.run(&image.values, &mut output, &AtomicBool::new(false)).unwrap();
    output
}

/// Compares with what is right; `is_ok` accepts other numbers that are not finite.
fn compare(
    what: &str,
    isa: Isa,
    special: f32,
    found: &[f32],
    right: &[f64],
    is_ok: impl Fn(f32, f64) -> bool,
) {
    assert_eq!(found.len(), right.len(), "{what}");
    for (at, (&found, &right)) in found.iter().zip(right).enumerate() {
        let wide = f64::from(found);
        let is_same =
            wide == right || (wide.is_nan() && right.is_nan()) || (wide - right).abs() < 1e-4;
        assert!(
            is_same || is_ok(found, right),
            "{what}, {isa}, {special:e}: {at} is {found}, not {right}"
        );
    }
}

/// Checks a step from the first buffer to the second one, of the same channels and size.
fn check(
    what: &str,
    step: impl Fn(&[Buffer], View, View) -> Step,
    right: impl Fn(&Image) -> Vec<f64>,
) {
    let buffers = buffers(CHANNELS, CHANNELS, [SIDE; 2]);
    let [x, y] = [0, 1].map(|buffer| view(&buffers, buffer));
    for isa in Isa::available() {
        for special in SPECIAL {
            let image = Image::with(special, CHANNELS);
            let found = run(isa, &buffers, &image, CHANNELS, vec![step(&buffers, x, y)]);
            compare(what, isa, special, &found, &right(&image), |_, _| false);
        }
    }
}

/// A convolution of three by three, and what it is by definition.
struct Case {
    inputs: usize,
    outputs: usize,
    groups: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    fn new(inputs: usize, outputs: usize, groups: usize) -> Self {
        let mut weights = numbers(outputs * inputs / groups * 9, 5);
        // An infinity times zero is NaN.
        weights.iter_mut().step_by(13).for_each(|weight| *weight = 0.0);
        Self { inputs, outputs, groups, weights, bias: numbers(outputs, 6) }
    }

    fn values(&self) -> Values<'_> {
        let Self { weights, bias, outputs, groups, .. } = self;
        Values { weights, bias: Some(bias), outputs: *outputs, groups: *groups }
    }

    fn right(&self, image: &Image, function: Function) -> Vec<f64> {
        let (of_group, ins) = (self.outputs / self.groups, self.inputs / self.groups);
        let mut right = Vec::new();
        for output in 0..self.outputs {
            for at in 0..SIDE * SIDE {
                let mut sum = f64::from(self.bias[output]);
                for input in 0..ins {
                    for tap in 0..9 {
                        let row = (at / SIDE + tap / 3).wrapping_sub(1);
                        let column = (at % SIDE + tap % 3).wrapping_sub(1);
                        if row < SIDE && column < SIDE {
                            let x = image.at(output / of_group * ins + input, row, column);
                            sum += x * f64::from(self.weights[(output * ins + input) * 9 + tap]);
                        }
                    }
                }
                right.push(apply(function, sum));
            }
        }
        right
    }
}

#[test]
fn convolutions() {
    for (inputs, outputs, groups) in [(CHANNELS, CHANNELS, 1), (3, 40, 1), (32, 32, 2)] {
        let case = Case::new(inputs, outputs, groups);
        for is_narrow in [false, true] {
            let mut buffers = buffers(inputs, outputs, [SIDE; 2]);
            if is_narrow && inputs < LANES {
                buffers[0].pixel = inputs;
                buffers[1].offset = buffers[0].len().next_multiple_of(LANES);
            }
            let [x, y] = [0, 1].map(|buffer| view(&buffers, buffer));
            let segments = whole(inputs);
            let places = Places { buffers: &buffers, x, segments: &segments, y };
            for isa in Isa::available() {
                for (special, function) in
                    SPECIAL.into_iter().flat_map(|special| FUNCTIONS.map(|f| (special, f)))
                {
                    let finish = Finish { residual: None, function };
                    let step = Conv::new(isa, 1, places, WINDOW, case.values(), finish).unwrap();
                    let image = Image::with(special, inputs);
                    let found = run(isa, &buffers, &image, outputs, vec![step.into()]);
                    let right = case.right(&image, function);
                    let what = format!("conv {inputs} -> {outputs}, {function:?}");
                    compare(&what, isa, special, &found, &right, |_, _| false);
                }
            }
        }
    }
}

/// Groups that share a block of channels are computed together, with zeros as the weights of other groups, and tiles of
/// Winograd's method from sums of their numbers; special numbers spread to nothing else.
#[test]
fn groups_in_a_block_and_tiles_of_winograd_keep_special_numbers_apart() {
    let groups = Case::new(CHANNELS, CHANNELS, 4);
    let plain = Case::new(CHANNELS, CHANNELS, 1);
    let buffers = buffers(CHANNELS, CHANNELS, [SIDE; 2]);
    let [x, y] = [0, 1].map(|buffer| view(&buffers, buffer));
    let segments = whole(CHANNELS);
    let places = Places { buffers: &buffers, x, segments: &segments, y };
    let finish = Finish::NONE;
    for isa in Isa::available() {
        for special in SPECIAL {
            let image = Image::with(special, CHANNELS);
            let of_groups = Conv::new(isa, 1, places, WINDOW, groups.values(), finish).unwrap();
            let tiles = Winograd::new(isa, 1, places, [1, 1], plain.values(), finish).unwrap();
            let stop = AtomicBool::new(false);
            let transformed = tiles.clone().with_transformed_kernels(isa, &stop).unwrap();
            for (what, case, step) in [
                ("groups", &groups, Step::from(of_groups)),
                ("winograd", &plain, tiles.into()),
                ("transformed kernels", &plain, transformed.into()),
            ] {
                let found = run(isa, &buffers, &image, CHANNELS, vec![step]);
                let right = case.right(&image, Function::Identity);
                compare(what, isa, special, &found, &right, |_, _| false);
            }
        }
    }
}

/// Results of one group are the same to the bit, whatever another one reads; for vectors too, and with what is added.
#[test]
fn a_group_does_not_depend_on_what_others_read() {
    let channels = 24;
    let case = Case::new(channels, channels, 8);
    let point = Window { kernel: [1, 1], padding: [0, 0], ..WINDOW };
    let small: Vec<f32> = numbers(channels * 3, 5);
    for isa in Isa::available() {
        for (function, adds) in [(Function::Identity, false), (Function::Relu6, true)] {
            for (window, values) in
                [(WINDOW, case.values()), (point, Values { weights: &small, ..case.values() })]
            {
                let buffers = buffers(channels, channels, [SIDE; 2]);
                let [x, y] = [0, 1].map(|buffer| view(&buffers, buffer));
                let segments = whole(channels);
                let places = Places { buffers: &buffers, x, segments: &segments, y };
                let finish = Finish { residual: adds.then_some(x), function };
                let of = |special: f32| {
                    let step = Conv::new(isa, 1, places, window, values, finish).unwrap();
                    let mut image = Image::with(1.0, channels);
                    image.values[..SIDE].fill(special);
                    run(isa, &buffers, &image, channels, vec![step.into()])
                };
                let finite = of(1.0);
                let of_first = 3 * SIDE * SIDE;
                for special in SPECIAL {
                    let found = of(special);
                    let bits =
                        |of: &[f32]| of[of_first..].iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(&found), bits(&finite), "{isa}, {special}");
                }
            }
        }
    }
}

/// Runs the steps of a gradient on the numbers of buffers, and returns those of `result`.
fn run_on(
    isa: Isa,
    buffers: &[Buffer],
    steps: Vec<Step>,
    numbers: &[(View, &[f32])],
    result: View,
) -> Vec<f32> {
    let phases = steps.into_iter().map(|step| vec![step]).collect();
    let program = Arc::new(Program::new(buffers.to_vec(), phases).unwrap());
    let mut runner = Runner::new(program, isa, 1, &AtomicBool::new(false)).unwrap();
    for (view, numbers) in numbers {
        runner.numbers_mut(view.buffer)[..numbers.len()].copy_from_slice(numbers);
    }
    runner.run(&[], &mut [], &AtomicBool::new(false)).unwrap();
    runner.numbers(result.buffer).to_vec()
}

/// Buffers one behind the other: maps of this size for the first ones, then vectors of so many numbers.
fn places(maps: &[(usize, usize)], vectors: &[usize]) -> (Vec<Buffer>, Vec<View>) {
    let mut buffers: Vec<Buffer> = Vec::new();
    let mut push = |make: &dyn Fn(usize) -> Buffer| {
        let offset = buffers.last().map_or(0, |last| last.offset + last.len());
        buffers.push(make(offset));
    };
    for &(channels, border) in maps {
        push(&|offset| buffer(offset, channels, [SIDE; 2], border));
    }
    for &len in vectors {
        push(&|offset| buffer(offset, len, [1, 1], 0));
    }
    let views = (0..buffers.len()).map(|index| view(&buffers, index)).collect();
    (buffers, views)
}

/// Where a number of an image lies in a buffer.
fn place(of: &Buffer, channel: usize, row: usize, column: usize) -> usize {
    let pixel = (of.border.left + column) * LANES + channel % LANES;
    channel / LANES * of.plane() + (of.border.top + row) * of.row() + pixel
}

/// An image as it lies in a buffer.
fn laid_out(image: &Image, of: &Buffer) -> Vec<f32> {
    let mut numbers = vec![0.0; of.len()];
    for (at, value) in image.values.iter().enumerate() {
        let (channel, row, column) = (at / (SIDE * SIDE), at / SIDE % SIDE, at % SIDE);
        numbers[place(of, channel, row, column)] = *value;
    }
    numbers
}

/// The other way round.
fn read_back(numbers: &[f32], of: &Buffer, channels: usize) -> Vec<f32> {
    let places = (0..channels * SIDE * SIDE)
        .map(|at| place(of, at / (SIDE * SIDE), at / SIDE % SIDE, at % SIDE));
    places.map(|at| numbers[at]).collect()
}

/// The gradients of groups that share a block, also where they are added to others: to the bit what they are whatever
/// another group gets.
#[test]
fn gradients_of_groups_in_a_block_keep_special_numbers_apart() {
    let (channels, groups) = (24, 8);
    let case = Case::new(channels, channels, groups);
    let of_group = channels / groups;
    let widths = Widths { outputs: channels, groups };
    let segments = whole(channels);
    let before = Image { channels, values: numbers(channels * SIDE * SIDE, 9) };
    for isa in Isa::available() {
        for (special, adds) in SPECIAL.into_iter().flat_map(|x| [(x, false), (x, true)]) {
            let len = case.weights.len();
            let (mut buffers, _) = places(&[(channels, 1), (channels, 1)], &[len, len]);
            let [dy, dx, tensor, _] = [0, 1, 2, 3].map(|index| view(&buffers, index));
            let own = Places { buffers: &buffers, x: dx, segments: &segments, y: dy };
            let needed = ConvData::packed_len(isa, own, WINDOW, widths).unwrap();
            buffers[3].blocks = needed.div_ceil(LANES);
            let packed = view(&buffers, 3);
            let own = Places { buffers: &buffers, x: dx, segments: &segments, y: dy };
            let to = (packed, adds);
            for order in [Outermost::Images, Outermost::Weights] {
                let data =
                    ConvData::new(isa, own, WINDOW, widths, to, order, WeightsOf::Tensor).unwrap();
                let of = |special: f32| {
                    let mut image = Image::with(1.0, channels);
                    image.values[..SIDE].fill(special);
                    let given: [(View, &[f32]); 3] = [
                        (dy, &laid_out(&image, &buffers[0])),
                        (dx, &laid_out(&before, &buffers[1])),
                        (tensor, &case.weights),
                    ];
                    let steps = vec![data.pack(tensor).into(), data.clone().into()];
                    let found = run_on(isa, &buffers, steps, &given, dx);
                    (image, read_back(&found, &buffers[1], channels))
                };
                let (_, finite) = of(1.0);
                let (image, found) = of(special);
                let right = before.map(|input, row, column| {
                    let mut sum = if adds { before.at(input, row, column) } else { 0.0 };
                    for (output, tap) in (0..of_group).flat_map(|o| (0..9).map(move |t| (o, t))) {
                        let output = input / of_group * of_group + output;
                        let (row, column) = (row + 1, column + 1);
                        let (row, column) =
                            (row.wrapping_sub(tap / 3), column.wrapping_sub(tap % 3));
                        if row < SIDE && column < SIDE {
                            let at = (output * of_group + input % of_group) * 9 + tap;
                            let dy = image.at(output, row, column);
                            sum += dy * f64::from(case.weights[at]);
                        }
                    }
                    sum
                });
                compare("conv data", isa, special, &found, &right, |_, _| false);
                let others = of_group * SIDE * SIDE;
                let bits =
                    |of: &[f32]| of[others..].iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&found), bits(&finite), "{isa}, {special}, {adds}");
            }
        }
    }
}

/// What one group reads or gets is in its own weights alone.
#[test]
fn gradients_of_weights_of_groups_in_a_block_keep_special_numbers_apart() {
    let (channels, groups) = (24, 8);
    let of_group = channels / groups;
    let widths = Widths { outputs: channels, groups };
    let segments = whole(channels);
    let len = channels * of_group * 9;
    let plain = Image { channels, values: numbers(channels * SIDE * SIDE, 9) };
    for isa in Isa::available() {
        for (special, in_input) in SPECIAL.into_iter().flat_map(|x| [(x, false), (x, true)]) {
            let (mut buffers, _) = places(&[(channels, 1), (channels, 1)], &[len, len]);
            let [x, dy, tensor, _] = [0, 1, 2, 3].map(|index| view(&buffers, index));
            let own = Places { buffers: &buffers, x, segments: &segments, y: dy };
            let needed = Conv::reading_of(isa, own, WINDOW, widths).unwrap().len();
            buffers[3].blocks = needed.div_ceil(LANES);
            let to = view(&buffers, 3);
            let own = Places { buffers: &buffers, x, segments: &segments, y: dy };
            let order = Outermost::Weights;
            let step = ConvWeights::new(isa, own, WINDOW, widths, to, order).unwrap();
            let marked = Image::with(special, channels);
            let (of_x, of_dy) = if in_input { (&marked, &plain) } else { (&plain, &marked) };
            let given: [(View, &[f32]); 2] =
                [(x, &laid_out(of_x, &buffers[0])), (dy, &laid_out(of_dy, &buffers[1]))];
            let steps = vec![step.clone().into(), step.unpack(tensor, false).into()];
            let found = run_on(isa, &buffers, steps, &given, tensor);
            let right: Vec<f64> = (0..len)
                .map(|at| {
                    let (output, input, tap) = (at / 9 / of_group, at / 9 % of_group, at % 9);
                    let input = output / of_group * of_group + input;
                    let mut sum = 0.0;
                    for (row, column) in (0..SIDE * SIDE).map(|at| (at / SIDE, at % SIDE)) {
                        let (above, left) = (row + tap / 3, column + tap % 3);
                        let x = match (above.checked_sub(1), left.checked_sub(1)) {
                            (Some(row), Some(column)) if row < SIDE && column < SIDE => {
                                of_x.at(input, row, column)
                            }
                            _ => 0.0,
                        };
                        sum += x * of_dy.at(output, row, column);
                    }
                    sum
                })
                .collect();
            compare("conv weights", isa, special, &found[..len], &right, |_, _| false);
        }
    }
}

/// Long sums too have their own numbers alone, and no difference of large ones.
#[test]
fn gradients_of_responses() {
    let channels = 200;
    for size in [5, 64, 65, 131, 1000] {
        let factors = LrnFactors { channels, size, alpha: 2.0, beta: 0.75, k: 1.0 };
        let before = ((size - 1) / 2).min(channels);
        let behind = (size - 1 - (size - 1) / 2).min(channels);
        let maps = [(channels, 0), (channels, 0), (channels, 0)];
        let (buffers, views) = places(&maps, &[]);
        let [x, dz, dx] = [views[0], views[1], views[2]];
        let window = |channel: usize, before: usize, behind: usize| {
            channel.saturating_sub(before)..(channel + behind + 1).min(channels)
        };
        for special in [1.0, 1e18, f32::NAN, f32::INFINITY] {
            let values = Image { channels, values: numbers(channels * SIDE * SIDE, 3) };
            let gradient = Image::with(special, channels);
            let step = LrnBack::new(&buffers, (x, dz, dx), factors, false);
            let given: [(View, &[f32]); 2] =
                [(x, &laid_out(&values, &buffers[0])), (dz, &laid_out(&gradient, &buffers[1]))];
            let found = run_on(Isa::best(), &buffers, vec![step.into()], &given, dx);
            let found = read_back(&found, &buffers[2], channels);
            let share = 2.0 / size as f64;
            let base = |channel: usize, row: usize, column: usize| {
                let squares = window(channel, before, behind);
                1.0 + share * squares.map(|c| values.at(c, row, column).powi(2)).sum::<f64>()
            };
            let right = gradient.map(|channel, row, column| {
                let sum: f64 = window(channel, behind, before)
                    .map(|c| {
                        let x = gradient.at(c, row, column) * values.at(c, row, column);
                        x * base(c, row, column).powf(-1.75)
                    })
                    .sum();
                let direct = gradient.at(channel, row, column);
                direct * base(channel, row, column).powf(-0.75)
                    - 1.5 * share * values.at(channel, row, column) * sum
            });
            for (found, right) in found.into_iter().zip(right) {
                let wide = f64::from(found);
                let is_same = (wide.is_nan() && right.is_nan())
                    || wide == right
                    || (wide - right).abs() <= 1e-4 * right.abs().max(1.0);
                assert!(is_same, "size {size}, {special}: {found}, not {right}");
            }
        }
    }
}

/// Kernels that are packed transformed give the same results to the bit.
#[test]
fn transformed_kernels_change_no_result() {
    let case = Case::new(CHANNELS, CHANNELS, 1);
    let buffers = buffers(CHANNELS, CHANNELS, [SIDE; 2]);
    let [x, y] = [0, 1].map(|buffer| view(&buffers, buffer));
    let segments = whole(CHANNELS);
    let places = Places { buffers: &buffers, x, segments: &segments, y };
    let image = Image::with(1.0, CHANNELS);
    for isa in Isa::available() {
        let step = Winograd::new(isa, 1, places, [1, 1], case.values(), Finish::NONE).unwrap();
        let stop = AtomicBool::new(false);
        let transformed = step.clone().with_transformed_kernels(isa, &stop).unwrap();
        let bits = |step: Winograd| {
            let found = run(isa, &buffers, &image, CHANNELS, vec![step.into()]);
            found.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        assert_eq!(bits(step), bits(transformed));
    }
}

/// Numbers near the largest ones overflow in a transform, where the result is still finite.
#[test]
fn tiles_of_winograd_hold_large_numbers() {
    let case = Case::new(CHANNELS, CHANNELS, 1);
    let buffers = buffers(CHANNELS, CHANNELS, [SIDE; 2]);
    let [x, y] = [0, 1].map(|buffer| view(&buffers, buffer));
    let segments = whole(CHANNELS);
    let places = Places { buffers: &buffers, x, segments: &segments, y };
    for isa in Isa::available() {
        for function in [Function::Identity, Function::Relu] {
            let finish = Finish { residual: None, function };
            let step = Winograd::new(isa, 1, places, [1, 1], case.values(), finish).unwrap();
            let mut image = Image::with(1.0, CHANNELS);
            image.values.iter_mut().for_each(|value| *value *= 1e37);
            let found = run(isa, &buffers, &image, CHANNELS, vec![step.into()]);
            let right = case.right(&image, function);
            let largest = right.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            assert!(largest > 1e37 && largest < f64::from(f32::MAX));
            for (found, right) in found.into_iter().zip(right) {
                assert!((f64::from(found) - right).abs() < 1e-5 * largest, "{found}, not {right}");
            }
        }
    }
}

#[test]
fn depthwise_convolutions() {
    let (weights, bias) = (numbers(CHANNELS * 9, 3), numbers(CHANNELS, 4));
    for function in FUNCTIONS {
        check(
            "depthwise",
            |buffers, x, y| {
                Depthwise::new(buffers, (x, y), WINDOW, &weights, &bias, function).into()
            },
            |image| {
                image.map(|channel, row, column| {
                    let mut sum = f64::from(bias[channel]);
                    for tap in 0..9 {
                        let (row, column) = (row + tap / 3, column + tap % 3);
                        if (1..=SIDE).contains(&row) && (1..=SIDE).contains(&column) {
                            let weight = f64::from(weights[channel * 9 + tap]);
                            sum += image.at(channel, row - 1, column - 1) * weight;
                        }
                    }
                    apply(function, sum)
                })
            },
        );
    }
}

#[test]
fn pools() {
    check(
        "max pool",
        |buffers, x, y| Pool::sliding(buffers, x, y, WINDOW, PoolKind::Max).into(),
        |image| {
            image.map(|c, row, column| {
                image.window(c, row, column).into_iter().fold(f64::NEG_INFINITY, max)
            })
        },
    );
    let kind = PoolKind::Average { padding: None };
    check(
        "average pool",
        |buffers, x, y| Pool::sliding(buffers, x, y, WINDOW, kind).into(),
        |image| {
            image.map(|c, row, column| {
                let window = image.window(c, row, column);
                window.iter().sum::<f64>() / window.len() as f64
            })
        },
    );
    for isa in Isa::available() {
        for special in SPECIAL {
            let image = Image::with(special, CHANNELS);
            let buffers = buffers(CHANNELS, CHANNELS, [1, 1]);
            let [x, y] = [0, 1].map(|buffer| view(&buffers, buffer));
            for is_max in [true, false] {
                let step = Pool::grid(&buffers, x, y, is_max).into();
                let found = run(isa, &buffers, &image, CHANNELS, vec![step]);
                let of_channel = |channel: usize| {
                    let places = (0..SIDE * SIDE).map(|at| image.at(channel, at / SIDE, at % SIDE));
                    match is_max {
                        true => places.fold(f64::NEG_INFINITY, max),
                        false => places.sum::<f64>() / (SIDE * SIDE) as f64,
                    }
                };
                let right: Vec<f64> = (0..CHANNELS).map(of_channel).collect();
                compare("global pool", isa, special, &found, &right, |_, _| false);
            }
        }
    }
}

#[test]
fn functions_sums_and_products() {
    let lanes = CHANNELS.next_multiple_of(LANES);
    let [scales, shifts] = [7, 8].map(|seed| {
        let mut aligned = Aligned::zeros(lanes);
        aligned.as_mut_slice().copy_from_slice(&numbers(lanes, seed));
        aligned
    });
    for function in FUNCTIONS {
        check(
            &format!("{function:?}"),
            |buffers, x, y| Affine::new(buffers, x, y, function).into(),
            |image| image.map(|c, row, column| apply(function, image.at(c, row, column))),
        );
        check(
            "affine",
            |buffers, x, y| {
                let affine = Affine::new(buffers, x, y, function);
                affine.with_factors(scales.clone(), shifts.clone()).into()
            },
            |image| {
                image.map(|c, row, column| {
                    let [scale, shift] = [&scales, &shifts].map(|it| f64::from(it.as_slice()[c]));
                    apply(function, image.at(c, row, column) * scale + shift)
                })
            },
        );
        let term = |view, scale| Term { view, scale };
        check(
            "sum",
            |buffers, x, y| {
                Joined::sum(buffers, vec![term(x, 1.0), term(x, -0.5)], y, function).into()
            },
            |image| {
                image.map(|c, row, column| {
                    let x = image.at(c, row, column);
                    apply(function, x - 0.5 * x)
                })
            },
        );
        check(
            "product",
            |buffers, x, y| {
                Joined::product(buffers, vec![term(x, 1.0), term(x, 1.0)], y, function).into()
            },
            |image| image.map(|c, row, column| apply(function, image.at(c, row, column).powi(2))),
        );
    }
}

#[test]
fn softmax_and_local_response_normalisation() {
    check(
        "softmax",
        |buffers, x, y| Softmax::new(buffers, x, y, whole(CHANNELS)).into(),
        |image| {
            image.map(|c, row, column| {
                let all = (0..CHANNELS).map(|c| image.at(c, row, column));
                let largest = all.clone().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = all.map(|x| (x - largest).exp()).sum();
                (image.at(c, row, column) - largest).exp() / sum
            })
        },
    );
    let factors = LrnFactors { channels: CHANNELS, size: 5, alpha: 0.5, beta: 0.75, k: 2.0 };
    check(
        "lrn",
        |buffers, x, y| Lrn::new(buffers, x, y, factors).into(),
        |image| {
            image.map(|c, row, column| {
                let near = c.saturating_sub(2)..(c + 3).min(CHANNELS);
                let sum: f64 = near.map(|c| image.at(c, row, column).powi(2)).sum();
                image.at(c, row, column) * (2.0 + 0.1 * sum).powf(-0.75)
            })
        },
    );
}

#[test]
fn maxima_and_means_over_channels() {
    let buffers = buffers(CHANNELS, 1, [SIDE, SIDE]);
    let [x, y] = [0, 1].map(|buffer| view(&buffers, buffer));
    for (is_max, isa) in
        [true, false].into_iter().flat_map(|max| Isa::available().map(move |isa| (max, isa)))
    {
        for special in SPECIAL {
            let image = Image::with(special, CHANNELS);
            let step = ChannelPool::new(&buffers, (x, y), whole(CHANNELS).into(), is_max).into();
            let found = run(isa, &buffers, &image, 1, vec![step]);
            let right: Vec<f64> = (0..SIDE * SIDE)
                .map(|at| {
                    let all = (0..CHANNELS).map(|c| image.at(c, at / SIDE, at % SIDE));
                    match is_max {
                        true => all.fold(f64::NEG_INFINITY, max),
                        false => all.sum::<f64>() / CHANNELS as f64,
                    }
                })
                .collect();
            let name = if is_max { "channel max" } else { "channel mean" };
            compare(name, isa, special, &found, &right, |_, _| false);
        }
    }
}

#[test]
fn what_only_moves() {
    let lanes: Vec<usize> = (0..CHANNELS).rev().collect();
    check(
        "gather",
        |buffers, x, y| Gather::new(buffers, x, y, lanes.clone()).into(),
        |image| image.map(|c, row, column| image.at(CHANNELS - 1 - c, row, column)),
    );
    let features = CHANNELS * SIDE * SIDE;
    let buffers = buffers(CHANNELS, features, [1, 1]);
    let [x, y] = [0, 1].map(|buffer| view(&buffers, buffer));
    for isa in Isa::available() {
        for special in SPECIAL {
            let image = Image::with(special, CHANNELS);
            let step = Flatten::new(&buffers, x, whole(CHANNELS), y).into();
            let found = run(isa, &buffers, &image, features, vec![step]);
            let right = image.map(|c, row, column| image.at(c, row, column));
            compare("flatten", isa, special, &found, &right, |_, _| false);
        }
    }
}

/// Every step, from a buffer to another one of the same channels and size.
fn every_step(isa: Isa, buffers: &[Buffer], x: View, y: View) -> Vec<(&'static str, Step)> {
    let channels = 2 * LANES;
    let case = Case::new(channels, channels, 1);
    let (weights, bias) = (numbers(channels * 9, 3), numbers(channels, 4));
    let segments = whole(channels);
    let places = Places { buffers, x, segments: &segments, y };
    let conv = Conv::new(isa, 1, places, WINDOW, case.values(), Finish::NONE).unwrap();
    let tiles = Winograd::new(isa, 1, places, [1, 1], case.values(), Finish::NONE).unwrap();
    let pool = |kind| Pool::sliding(buffers, x, y, WINDOW, kind);
    let factors = LrnFactors { channels, size: 5, alpha: 0.5, beta: 0.75, k: 2.0 };
    let terms = || vec![Term { view: x, scale: 1.0 }, Term { view: x, scale: 1.0 }];
    let function = Function::Silu;
    vec![
        ("load", Load::new(buffers, y, channels).into()),
        ("conv", conv.into()),
        ("winograd", tiles.into()),
        ("depthwise", Depthwise::new(buffers, (x, y), WINDOW, &weights, &bias, function).into()),
        ("max pool", pool(PoolKind::Max).into()),
        ("average pool", pool(PoolKind::Average { padding: None }).into()),
        ("affine", Affine::new(buffers, x, y, function).into()),
        ("sum", Joined::sum(buffers, terms(), y, function).into()),
        ("product", Joined::product(buffers, terms(), y, function).into()),
        ("softmax", Softmax::new(buffers, x, y, segments.clone()).into()),
        ("lrn", Lrn::new(buffers, x, y, factors).into()),
        ("gather", Gather::new(buffers, x, y, (0..channels).rev().collect::<Vec<_>>()).into()),
    ]
}

/// A compiler that thinks that nobody sees the stores through a step's pointers may drop them without a word: so all of
/// them are looked at, through the memory that was lent, and nothing else has changed.
#[test]
fn every_number_is_written() {
    let channels = 2 * LANES;
    let x = buffer(0, channels, [SIDE; 2], 1);
    let y = buffer(x.len(), channels, [SIDE; 2], 1);
    // Behind the last one, so that writes there are seen too.
    let rest = buffer(x.len() + y.len(), channels, [1, 1], 0);
    let buffers = [x, y, rest];
    let [from, to] = [0, 1].map(|buffer| view(&buffers, buffer));
    let image = Image { channels, values: numbers(channels * SIDE * SIDE, 1) };
    let untouched = f32::from_bits(0x7fc0_1234);
    for isa in Isa::available() {
        for (what, step) in every_step(isa, &buffers, from, to) {
            let load = Load::new(&buffers, from, channels).into();
            let program = Program::new(buffers.to_vec(), vec![vec![load], vec![step]]).unwrap();
            let mut arena = vec![untouched; program.arena_bytes() / 4];
            let mut scratch = vec![0.0; program.scratch_bytes() / 4];
            let len = arena.len();
            let arena_and_scratch = RefCell::new([Some(&mut *arena), Some(&mut *scratch)]);
            let lend = |of: usize| {
                let which = usize::from(of != len);
                arena_and_scratch.borrow_mut()[which].take().unwrap()
            };
            let mut runner = Runner::with_memory(Arc::new(program), isa, 1, lend).unwrap();
            runner.run(&image.values, &mut [], &AtomicBool::new(false)).unwrap();
            drop(runner);
            let is_written = |at: &usize| arena[*at].to_bits() != untouched.to_bits();
            let written = (0..arena.len()).filter(is_written).count();
            assert_eq!(written, x.len() + y.len(), "{what}, {isa}");
            let is_border = |at: usize| {
                let (row, column) = (at % y.plane() / y.row(), at % y.row() / LANES);
                !(1..=SIDE).contains(&row) || !(1..=SIDE).contains(&column)
            };
            let zeros = (0..y.len()).filter(|&at| is_border(at) && arena[y.offset + at] == 0.0);
            let inside = y.blocks * SIDE * SIDE * LANES;
            assert_eq!(zeros.count(), y.len() - inside, "{what}, {isa}: its border");
        }
    }
}
