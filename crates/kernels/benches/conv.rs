//! GFLOP/s of convolutions by shape, on one thread, and as shares of the measured peak.
//!
//!     cargo bench -p inceptive-kernels --bench conv [-- ISA]
//!
//! It fails when a shape has less than half of its usual share: the same loop can take several times as long when an offset
//! is no constant any more, or a call is not inlined, and no other test notices that.

#![allow(clippy::expect_used, reason = "a benchmark")]

use std::{
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use inceptive_kernels::{
    Isa, LANES,
    activation::Function,
    conv::{Conv, Finish, Places, Segment, Values, Window},
    memory::{Border, Buffer, View},
    probe::multiply_add,
    program::{Program, Runner},
};

/// A name, images, input channels, output channels, side of the map, kernel and stride.
type Shape = (&'static str, usize, usize, usize, usize, [usize; 2], usize);

/// Each with its usual share of the peak, the lowest of the instruction sets.
const SHAPES: [(Shape, f64); 22] = [
    (("1x1 56 64->64", 1, 64, 64, 56, [1, 1], 1), 0.85),
    (("1x1 28 192->64", 1, 192, 64, 28, [1, 1], 1), 0.90),
    (("1x1 28 256->128", 1, 256, 128, 28, [1, 1], 1), 0.90),
    (("1x1 14 512->192", 1, 512, 192, 14, [1, 1], 1), 0.85),
    (("1x1 7 832->384", 1, 832, 384, 7, [1, 1], 1), 0.65),
    (("1x1 17 768->192", 1, 768, 192, 17, [1, 1], 1), 0.85),
    (("3x3 56 64->192", 1, 64, 192, 56, [3, 3], 1), 0.85),
    (("3x3 28 128->192", 1, 128, 192, 28, [3, 3], 1), 0.80),
    (("3x3 14 112->224", 1, 112, 224, 14, [3, 3], 1), 0.80),
    (("3x3 7 160->320", 1, 160, 320, 7, [3, 3], 1), 0.70),
    (("3x3 7 512->512", 1, 512, 512, 7, [3, 3], 1), 0.60),
    (("3x3 28 16->16", 1, 16, 16, 28, [3, 3], 1), 0.90),
    (("3x3 s2 56 128->256", 1, 128, 256, 56, [3, 3], 2), 0.85),
    (("3x3 s2 299 3->32", 1, 3, 32, 299, [3, 3], 2), 0.75),
    (("3x3 224 3->64", 1, 3, 64, 224, [3, 3], 1), 0.75),
    (("7x7 s2 224 3->64", 1, 3, 64, 224, [7, 7], 2), 0.90),
    (("5x5 28 16->32", 1, 16, 32, 28, [5, 5], 1), 0.90),
    (("5x5 14 24->64", 1, 24, 64, 14, [5, 5], 1), 0.85),
    (("1x7 17 192->192", 1, 192, 192, 17, [1, 7], 1), 0.90),
    (("7x1 17 160->160", 1, 160, 160, 17, [7, 1], 1), 0.90),
    (("fc 1 1024->1000", 1, 1024, 1000, 1, [1, 1], 1), 0.08),
    (("fc 64 1024->1000", 64, 1024, 1000, 1, [1, 1], 1), 0.75),
];

fn main() -> ExitCode {
    let isa = std::env::args().find_map(|arg| arg.parse::<Isa>().ok()).unwrap_or(Isa::best());
    let peak = peak_gflops(isa);
    println!("{isa}, peak {peak:.1} GFLOP/s");
    let mut slow = Vec::new();
    for (shape, usual) in SHAPES {
        let is_slow = |gflops: f64| gflops / peak < usual / 2.0;
        let mut gflops = gflops_of(isa, shape);
        if is_slow(gflops) {
            // Another program may have disturbed it.
            gflops = gflops.max(gflops_of(isa, shape));
        }
        println!("{:22} {gflops:7.1} GFLOP/s {:5.1}%", shape.0, 100.0 * gflops / peak);
        if is_slow(gflops) {
            slow.push(shape.0);
        }
    }
    if slow.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("\nTOO SLOW: less than half of the usual share of the peak: {}", slow.join(", "));
    ExitCode::FAILURE
}

/// The best rate of multiply-adds on registers alone.
fn peak_gflops(isa: Isa) -> f64 {
    let rate = |_| {
        let start = Instant::now();
        let operations = multiply_add(isa, 1 << 20);
        operations as f64 / start.elapsed().as_secs_f64() / 1e9
    };
    (0..20).map(rate).fold(0.0, f64::max)
}

fn gflops_of(isa: Isa, (_, images, inputs, outputs, side, kernel, stride): Shape) -> f64 {
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
    let stop = AtomicBool::new(false);
    let mut runner = Runner::new(program, isa, 1, &stop).expect("no threads are needed");
    let (mut best, start) = (Duration::MAX, Instant::now());
    while start.elapsed() < Duration::from_millis(300) {
        let run = Instant::now();
        runner.run(&[], &mut [], &stop).expect("it runs");
        best = best.min(run.elapsed());
    }
    let macs = images * to * to * outputs * inputs * kernel[0] * kernel[1];
    2.0 * macs as f64 / best.as_secs_f64() / 1e9
}
