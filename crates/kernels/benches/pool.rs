//! Time of pools by shape, on one thread, with the rate of reading and writing.
//!
//!     cargo bench -p inceptive-kernels --bench pool [-- ISA]

#![allow(clippy::expect_used, reason = "a benchmark")]

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use inceptive_kernels::{
    Isa, LANES,
    conv::Window,
    memory::{Border, Buffer, View},
    program::{Program, Runner},
    step::{Pool, PoolKind},
};

/// A name, channels, side of the map, kernel, stride and padding.
type Shape = (&'static str, usize, usize, usize, usize, usize);

const SHAPES: [Shape; 8] = [
    ("3x3 s2 112 64", 64, 112, 3, 2, 1),
    ("3x3 s2 56 192", 192, 56, 3, 2, 1),
    ("3x3 s2 28 256", 256, 28, 3, 2, 1),
    ("3x3 s1 28 256", 256, 28, 3, 1, 1),
    ("3x3 s1 14 512", 512, 14, 3, 1, 1),
    ("3x3 s1 7 832", 832, 7, 3, 1, 1),
    ("2x2 s2 28 256", 256, 28, 2, 2, 0),
    ("5x5 s1 13 512", 512, 13, 5, 1, 2),
];

fn main() {
    let isa = std::env::args().find_map(|arg| arg.parse::<Isa>().ok()).unwrap_or(Isa::best());
    println!("{isa}");
    for shape in SHAPES {
        for (name, kind) in
            [("max", PoolKind::Max), ("mean", PoolKind::Average { padding: Some([0, 0]) })]
        {
            let (time, bytes) = best(isa, shape, kind);
            let rate = bytes as f64 / time.as_secs_f64() / 1e9;
            let micros = time.as_secs_f64() * 1e6;
            println!("{:14} {name:5} {micros:8.1} us {rate:7.1} GB/s", shape.0);
        }
    }
}

/// The shortest time of a run, and the bytes that it reads and writes.
fn best(
    isa: Isa,
    (_, channels, side, kernel, stride, padding): Shape,
    kind: PoolKind,
) -> (Duration, usize) {
    let to = (side + 2 * padding - kernel) / stride + 1;
    let blocks = channels / LANES;
    let buffer = |offset: usize, side: usize| Buffer {
        offset,
        images: 1,
        blocks,
        height: side,
        width: side,
        border: Border::default(),
        pixel: LANES,
    };
    let x = buffer(0, side);
    let y = buffer(x.len(), to);
    let bytes = 4 * (x.len() + y.len());
    let buffers = vec![x, y];
    let view = |buffer: usize| View { buffer, first: 0, blocks };
    let window = Window {
        kernel: [kernel; 2],
        stride: [stride; 2],
        dilation: [1, 1],
        padding: [padding; 2],
    };
    let pool = Pool::sliding(&buffers, view(0), view(1), window, kind);
    let program =
        Arc::new(Program::new(buffers, vec![vec![pool.into()]]).expect("the program is valid"));
    let stop = AtomicBool::new(false);
    let mut runner = Runner::new(program, isa, 1, &stop).expect("no threads are needed");
    let (mut best, start) = (Duration::MAX, Instant::now());
    while start.elapsed() < Duration::from_millis(100) {
        let run = Instant::now();
        runner.run(&[], &mut [], &stop).expect("it runs");
        best = best.min(run.elapsed());
    }
    (best, bytes)
}
