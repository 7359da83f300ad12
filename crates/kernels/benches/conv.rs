//! GFLOP/s of convolutions by shape, on one thread.
//!
//!     cargo bench -p inceptive-kernels [-- ISA]

#![allow(clippy::expect_used, reason = "a benchmark")]

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use inceptive_kernels::{
    Isa, LANES,
    activation::Function,
    conv::{Conv, Finish, Places, Segment, Values, Window},
    memory::{Border, Buffer, View},
    program::{Program, Runner},
};

/// A name, images, input channels, output channels, side of the map, kernel and stride.
type Shape = (&'static str, usize, usize, usize, usize, [usize; 2], usize);

const SHAPES: [Shape; 22] = [
    ("1x1 56 64->64", 1, 64, 64, 56, [1, 1], 1),
    ("1x1 28 192->64", 1, 192, 64, 28, [1, 1], 1),
    ("1x1 28 256->128", 1, 256, 128, 28, [1, 1], 1),
    ("1x1 14 512->192", 1, 512, 192, 14, [1, 1], 1),
    ("1x1 7 832->384", 1, 832, 384, 7, [1, 1], 1),
    ("1x1 17 768->192", 1, 768, 192, 17, [1, 1], 1),
    ("3x3 56 64->192", 1, 64, 192, 56, [3, 3], 1),
    ("3x3 28 128->192", 1, 128, 192, 28, [3, 3], 1),
    ("3x3 14 112->224", 1, 112, 224, 14, [3, 3], 1),
    ("3x3 7 160->320", 1, 160, 320, 7, [3, 3], 1),
    ("3x3 7 512->512", 1, 512, 512, 7, [3, 3], 1),
    ("3x3 28 16->16", 1, 16, 16, 28, [3, 3], 1),
    ("3x3 s2 56 128->256", 1, 128, 256, 56, [3, 3], 2),
    ("3x3 s2 299 3->32", 1, 3, 32, 299, [3, 3], 2),
    ("3x3 224 3->64", 1, 3, 64, 224, [3, 3], 1),
    ("7x7 s2 224 3->64", 1, 3, 64, 224, [7, 7], 2),
    ("5x5 28 16->32", 1, 16, 32, 28, [5, 5], 1),
    ("5x5 14 24->64", 1, 24, 64, 14, [5, 5], 1),
    ("1x7 17 192->192", 1, 192, 192, 17, [1, 7], 1),
    ("7x1 17 160->160", 1, 160, 160, 17, [7, 1], 1),
    ("fc 1 1024->1000", 1, 1024, 1000, 1, [1, 1], 1),
    ("fc 64 1024->1000", 64, 1024, 1000, 1, [1, 1], 1),
];

fn main() {
    let isa = std::env::args().find_map(|arg| arg.parse::<Isa>().ok()).unwrap_or(Isa::best());
    println!("{isa}");
    for shape in SHAPES {
        println!("{:22} {:7.1} GFLOP/s", shape.0, gflops(isa, shape));
    }
}

fn gflops(isa: Isa, (_, images, inputs, outputs, side, kernel, stride): Shape) -> f64 {
    let padding = [kernel[0] / 2, kernel[1] / 2];
    let window = Window { kernel, stride: [stride, stride], dilation: [1, 1], padding };
    let to = (side - 1) / stride + 1;
    let border = window.border([side, side], [to, to]);
    let pixel = if inputs < LANES { inputs } else { LANES };
    let x = Buffer {
        offset: 0,
        images,
        blocks: inputs.div_ceil(LANES),
        height: side,
        width: side,
        border,
        pixel,
    };
    let offset = x.len().next_multiple_of(LANES);
    let blocks = outputs.div_ceil(LANES);
    let y = Buffer {
        offset,
        images,
        blocks,
        height: to,
        width: to,
        border: Border::default(),
        pixel: LANES,
    };
    let buffers = vec![x, y];
    let weights = vec![0.01; outputs * inputs * kernel[0] * kernel[1]];
    let places = Places {
        buffers: &buffers,
        x: View { buffer: 0, first: 0, blocks: x.blocks },
        segments: &[Segment { block: 0, channels: inputs }],
        y: View { buffer: 1, first: 0, blocks },
    };
    let values = Values { weights: &weights, bias: None, outputs, groups: 1 };
    let finish = Finish { residual: None, function: Function::Relu };
    let conv = Conv::new(isa, 1, places, window, values, finish).expect("the shape fits");
    let program =
        Arc::new(Program::new(buffers, vec![vec![conv.into()]]).expect("the program is valid"));
    let mut runner = Runner::new(program, isa, 1).expect("no threads are needed");
    let stop = AtomicBool::new(false);
    let (mut best, start) = (Duration::MAX, Instant::now());
    while start.elapsed() < Duration::from_millis(300) {
        let run = Instant::now();
        runner.run(&[], &mut [], &stop).expect("it runs");
        best = best.min(run.elapsed());
    }
    let macs = images * to * to * outputs * inputs * kernel[0] * kernel[1];
    2.0 * macs as f64 / best.as_secs_f64() / 1e9
}
