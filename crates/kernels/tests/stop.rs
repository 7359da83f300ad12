//! Runs end soon after they are stopped, also in the midst of tasks that take long; and threads do not wait for each other
//! where only one of them has something to do. Sizes are such that otherwise nobody would wait for the end.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use inceptive_kernels::{
    Isa, LANES,
    activation::Function,
    conv::{
        Conv, ConvData, ConvWeights, Finish, Outermost, Places, Segment, Values, WeightsOf, Widths,
        Window,
    },
    memory::{Border, Buffer, View},
    program::{Program, RunError, Runner, StartError},
    step::{
        Affine, Depthwise, DepthwiseData, DepthwiseWeights, Lrn, LrnBack, LrnFactors, Pool,
        PoolBack, PoolKind, Step,
    },
};

/// Far more time than stopping takes, even in an emulator on a busy machine, and far less than a whole run takes.
const SOON: Duration = Duration::from_secs(10);

/// A map of one row behind others, with columns of zeros to its right.
fn add(buffers: &mut Vec<Buffer>, blocks: usize, width: usize, right: usize) -> View {
    let offset = buffers.last().map_or(0, |last| last.offset + last.len());
    let border = Border { right, ..Border::default() };
    buffers.push(Buffer { offset, images: 1, blocks, height: 1, width, border, pixel: LANES });
    View { buffer: buffers.len() - 1, first: 0, blocks }
}

fn runner(buffers: Vec<Buffer>, phases: Vec<Vec<Step>>, threads: usize) -> Runner {
    let program = Arc::new(Program::new(buffers, phases).unwrap());
    Runner::new(program, Isa::best(), threads, &AtomicBool::new(false)).unwrap()
}

/// How long a run goes on after it is stopped.
fn stopped(what: &str, buffers: Vec<Buffer>, phases: Vec<Vec<Step>>, threads: usize) {
    let mut runner = runner(buffers, phases, threads);
    let stop = AtomicBool::new(false);
    let took = thread::scope(|scope| {
        let run = scope.spawn(|| runner.run(&[], &mut [], &stop));
        thread::sleep(Duration::from_millis(50));
        let start = Instant::now();
        stop.store(true, Ordering::Relaxed);
        assert!(matches!(run.join().unwrap(), Err(RunError::Stopped(_))), "{what}");
        start.elapsed()
    });
    assert!(took < SOON, "{what}: {took:?}");
}

fn row(kernel: usize) -> Window {
    Window { kernel: [1, kernel], ..Window::POINT }
}

#[test]
fn wide_windows_are_stopped_in_the_midst_of_a_row() {
    let (width, kernel) = (1 << 20, 1 << 19);
    for kind in [PoolKind::Max, PoolKind::Average { padding: None }] {
        let mut buffers = Vec::new();
        let x = add(&mut buffers, 1, width, 0);
        let y = add(&mut buffers, 1, width - kernel + 1, 0);
        let pool = Pool::sliding(&buffers, x, y, row(kernel), kind);
        stopped("pool", buffers, vec![vec![pool.into()]], 1);
    }
    let kernel = 1 << 16;
    let mut buffers = Vec::new();
    let x = add(&mut buffers, 1, width, kernel - 1);
    let y = add(&mut buffers, 1, width, 0);
    let (weights, bias) = (vec![0.5; LANES * kernel], vec![0.0; LANES]);
    let function = Function::Identity;
    let step = Depthwise::new(&buffers, (x, y), row(kernel), &weights, &bias, function);
    stopped("depthwise", buffers.clone(), vec![vec![step.into()]], 2);
    let segments = [Segment { block: 0, channels: LANES }];
    let places = Places { buffers: &buffers, x, segments: &segments, y };
    let weights = vec![0.5; LANES * LANES * kernel];
    let values = Values { weights: &weights, bias: None, outputs: LANES, groups: 1 };
    let conv = Conv::new(Isa::best(), 2, places, row(kernel), values, Finish::NONE).unwrap();
    stopped("conv", buffers, vec![vec![conv.into()]], 2);
}

/// A map of one row with a border.
fn add_with(buffers: &mut Vec<Buffer>, width: usize, border: Border) -> View {
    let view = add(buffers, 1, width, 0);
    buffers[view.buffer].border = border;
    view
}

/// A vector of so many blocks.
fn vector(buffers: &mut Vec<Buffer>, blocks: usize) -> View {
    add(buffers, blocks, 1, 0)
}

#[test]
fn gradients_of_wide_windows_are_stopped_in_the_midst_of_a_row() {
    let (width, kernel) = (1 << 20, 1 << 19);
    for kind in [PoolKind::Max, PoolKind::Average { padding: None }] {
        let mut buffers = Vec::new();
        let x = add(&mut buffers, 1, width, 0);
        let y = add(&mut buffers, 1, width - kernel + 1, 0);
        let dz = add(&mut buffers, 1, width - kernel + 1, 0);
        let dx = add(&mut buffers, 1, width, 0);
        let pool = Pool::sliding(&buffers, x, y, row(kernel), kind);
        let back = PoolBack::new(&buffers, pool, dz, dx, false);
        stopped("pool back", buffers, vec![vec![back.into()]], 1);
    }
    let kernel = 1 << 16;
    for stride in [1, 2] {
        let window = Window { stride: [1, stride], ..row(kernel) };
        let output = (width - kernel) / stride + 1;
        let border = DepthwiseData::border(&window, [1, width], [1, output]);
        let mut buffers = Vec::new();
        let dy = add_with(&mut buffers, output, border);
        let x = add(&mut buffers, 1, width, 0);
        let weights = vector(&mut buffers, kernel);
        let data = DepthwiseData::new(&buffers, (dy, x), window, weights, false);
        stopped("depthwise data", buffers.clone(), vec![vec![data.into()]], 1);
        let of_weights = DepthwiseWeights::new(&buffers, x, dy, window, weights);
        stopped("depthwise weights", buffers, vec![vec![of_weights.into()]], 1);
    }
    let window = row(kernel);
    let output = width - kernel + 1;
    let mut buffers = Vec::new();
    let dy = add_with(&mut buffers, output, ConvData::border(&window, [1, width], [1, output]));
    let x = add(&mut buffers, 1, width, 0);
    let weights = vector(&mut buffers, LANES * kernel);
    let segments = [Segment { block: 0, channels: LANES }];
    let places = Places { buffers: &buffers, x, segments: &segments, y: dy };
    let widths = Widths { outputs: LANES, groups: 1 };
    for order in [Outermost::Images, Outermost::Weights] {
        let (isa, to) = (Isa::best(), (weights, false));
        let data =
            ConvData::new(isa, places, window, widths, to, order, WeightsOf::Tensor).unwrap();
        stopped("conv data", buffers.clone(), vec![vec![data.into()]], 1);
        let of_weights = ConvWeights::new(isa, places, window, widths, weights, order).unwrap();
        stopped("conv weights", buffers.clone(), vec![vec![of_weights.into()]], 1);
    }
}

/// A program with two maps of this height and width.
fn program_of_maps(side: usize) -> Arc<Program> {
    let border = Border::default();
    let buffer = |offset| Buffer {
        offset,
        images: 1,
        blocks: 1,
        height: side,
        width: side,
        border,
        pixel: LANES,
    };
    let buffers = vec![buffer(0), buffer(buffer(0).len())];
    let [x, y] = [0, 1].map(|buffer| View { buffer, first: 0, blocks: 1 });
    let step = Affine::new(&buffers, x, y, Function::Relu);
    Arc::new(Program::new(buffers, vec![vec![step.into()]]).unwrap())
}

/// Too little memory is an error, and does not abort the program.
#[test]
fn memory_that_there_is_not_is_refused() {
    let program = program_of_maps(1 << 21);
    let start = Runner::new(Arc::clone(&program), Isa::best(), 2, &AtomicBool::new(false));
    let error = start.err().unwrap().to_string();
    assert_eq!(error, format!("cannot get {} MiB of memory", program.arena_bytes() >> 20));
}

#[test]
fn a_stop_while_memory_is_cleared_is_told_apart_from_missing_memory() {
    let start = Runner::new(program_of_maps(8), Isa::best(), 2, &AtomicBool::new(true));
    assert!(matches!(start.err(), Some(StartError::Stopped(_))));
}

/// Every sum is of all channels.
#[test]
fn a_response_over_all_channels_takes_no_square_of_them() {
    let (blocks, width) = (2048, 8);
    let mut buffers = Vec::new();
    let x = add(&mut buffers, blocks, width, 0);
    let y = add(&mut buffers, blocks, width, 0);
    let channels = blocks * LANES;
    let factors = LrnFactors { channels, size: 2 * channels - 1, alpha: 1.0, beta: 0.75, k: 1.0 };
    let lrn = Lrn::new(&buffers, x, y, factors);
    let mut runner = runner(buffers, vec![vec![lrn.into()]], 1);
    runner.numbers_mut(0).fill(2.0);
    let start = Instant::now();
    runner.run(&[], &mut [], &AtomicBool::new(false)).unwrap();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    // The mean of the squares in the window is that of half of the neighbours.
    let right = 2.0 / (1.0 + 4.0 * channels as f64 / (2 * channels - 1) as f64).powf(0.75);
    for found in runner.numbers(1) {
        assert!((f64::from(*found) - right).abs() < 1e-4, "{found}, not {right}");
    }
}

/// The same on the way back.
#[test]
fn the_gradient_of_a_response_over_all_channels_takes_no_square_of_them() {
    let (blocks, width) = (2048, 8);
    let mut buffers = Vec::new();
    let [x, dz, dx] = [(); 3].map(|()| add(&mut buffers, blocks, width, 0));
    let channels = blocks * LANES;
    let factors = LrnFactors { channels, size: 2 * channels - 1, alpha: 1.0, beta: 0.75, k: 1.0 };
    let back = LrnBack::new(&buffers, (x, dz, dx), factors, false);
    let mut runner = runner(buffers, vec![vec![back.into()]], 1);
    runner.numbers_mut(0).fill(2.0);
    runner.numbers_mut(1).fill(1.0);
    let start = Instant::now();
    runner.run(&[], &mut [], &AtomicBool::new(false)).unwrap();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    let (count, share) = (channels as f64, 1.0 / (2 * channels - 1) as f64);
    let base = 1.0 + share * 4.0 * count;
    let products = count * 2.0 * base.powf(-1.75);
    let right = base.powf(-0.75) - 2.0 * share * 0.75 * 2.0 * products;
    for found in runner.numbers(2) {
        assert!((f64::from(*found) - right).abs() < 1e-4, "{found}, not {right}");
    }
}

/// A chain of small maps, of so many blocks.
fn chain(blocks: usize, phases: usize) -> (Vec<Buffer>, Vec<Vec<Step>>) {
    let mut buffers = Vec::new();
    let views = [add(&mut buffers, blocks, 1, 0), add(&mut buffers, blocks, 1, 0)];
    let step = |at: usize| {
        let (x, y) = (views[at % 2], views[(at + 1) % 2]);
        vec![Affine::new(&buffers, x, y, Function::Sigmoid).into()]
    };
    let phases = (0..phases).map(step).collect();
    (buffers, phases)
}

#[test]
fn many_threads_do_not_meet_where_one_has_something_to_do() {
    let (buffers, phases) = chain(1, 60_000);
    let mut alone = runner(buffers.clone(), phases, 1);
    let mut runner = runner(buffers, chain(1, 60_000).1, 32);
    let start = Instant::now();
    for runner in [&mut alone, &mut runner] {
        runner.run(&[], &mut [], &AtomicBool::new(false)).unwrap();
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert_eq!(runner.numbers(0), alone.numbers(0));
}

#[test]
fn threads_leave_at_once_when_they_are_stopped() {
    let (buffers, phases) = chain(64, 300_000);
    stopped("chain", buffers, phases, 32);
}
