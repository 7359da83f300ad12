//! GFLOP/s of convolutions and of their gradients by shape, on one thread, and as shares of the measured peak.
//!
//!     cargo bench -p inceptive-kernels --bench conv [-- ISA]
//!
//! It fails when a shape has less than half of its usual share: the same loop can take several times as long when an offset
//! stops being a constant, or a call is not inlined, and no other test notices that.

#![allow(clippy::expect_used, reason = "a benchmark")]

use std::{
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
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
    probe::multiply_add,
    program::{Program, Runner},
    step::Step,
};

/// A name, images, input channels, output channels, side of the map, kernel and stride.
type Shape = (&'static str, usize, usize, usize, usize, [usize; 2], usize);

/// Each shape with its usual shares of the peak, the lowest over the instruction sets: for the forward pass, the gradient of
/// the input, and the gradient of the weights.
const SHAPES: [(Shape, [f64; 3]); 22] = [
    (("1x1 56 64->64", 1, 64, 64, 56, [1, 1], 1), [0.85, 0.85, 0.85]),
    (("1x1 28 192->64", 1, 192, 64, 28, [1, 1], 1), [0.90, 0.85, 0.85]),
    (("1x1 28 256->128", 1, 256, 128, 28, [1, 1], 1), [0.90, 0.85, 0.85]),
    (("1x1 14 512->192", 1, 512, 192, 14, [1, 1], 1), [0.85, 0.85, 0.85]),
    (("1x1 7 832->384", 1, 832, 384, 7, [1, 1], 1), [0.65, 0.65, 0.65]),
    (("1x1 17 768->192", 1, 768, 192, 17, [1, 1], 1), [0.85, 0.85, 0.85]),
    (("3x3 56 64->192", 1, 64, 192, 56, [3, 3], 1), [0.85, 0.80, 0.80]),
    (("3x3 28 128->192", 1, 128, 192, 28, [3, 3], 1), [0.80, 0.80, 0.80]),
    (("3x3 14 112->224", 1, 112, 224, 14, [3, 3], 1), [0.80, 0.80, 0.80]),
    (("3x3 7 160->320", 1, 160, 320, 7, [3, 3], 1), [0.70, 0.50, 0.70]),
    (("3x3 7 512->512", 1, 512, 512, 7, [3, 3], 1), [0.60, 0.40, 0.35]),
    (("3x3 28 16->16", 1, 16, 16, 28, [3, 3], 1), [0.90, 0.80, 0.70]),
    (("3x3 s2 56 128->256", 1, 128, 256, 56, [3, 3], 2), [0.85, 0.80, 0.80]),
    (("3x3 s2 299 3->32", 1, 3, 32, 299, [3, 3], 2), [0.75, 0.0, 0.30]),
    (("3x3 224 3->64", 1, 3, 64, 224, [3, 3], 1), [0.75, 0.0, 0.30]),
    (("7x7 s2 224 3->64", 1, 3, 64, 224, [7, 7], 2), [0.90, 0.0, 0.55]),
    (("5x5 28 16->32", 1, 16, 32, 28, [5, 5], 1), [0.90, 0.80, 0.80]),
    (("5x5 14 24->64", 1, 24, 64, 14, [5, 5], 1), [0.85, 0.60, 0.60]),
    (("1x7 17 192->192", 1, 192, 192, 17, [1, 7], 1), [0.90, 0.80, 0.80]),
    (("7x1 17 160->160", 1, 160, 160, 17, [7, 1], 1), [0.90, 0.80, 0.80]),
    (("fc 1 1024->1000", 1, 1024, 1000, 1, [1, 1], 1), [0.08, 0.08, 0.04]),
    (("fc 64 1024->1000", 64, 1024, 1000, 1, [1, 1], 1), [0.75, 0.60, 0.60]),
];

/// The computation of a layer.
#[derive(Clone, Copy, PartialEq)]
enum What {
    Forward,
    Data,
    Weights,
}

fn main() -> ExitCode {
    let isa = std::env::args().find_map(|arg| arg.parse::<Isa>().ok()).unwrap_or(Isa::best());
    let peak = peak_gflops(isa);
    println!("{isa}, peak {peak:.1} GFLOP/s");
    println!("{:22} {:>14} {:>14} {:>14}", "shape", "forward", "data", "weights");
    let mut slow = Vec::new();
    for (shape, usual) in SHAPES {
        print!("{:22}", shape.0);
        for (what, usual) in [What::Forward, What::Data, What::Weights].into_iter().zip(usual) {
            // The first layer of a network needs no gradient of its input.
            if usual == 0.0 {
                print!(" {:>14}", "-");
                continue;
            }
            let is_slow = |gflops: f64| gflops / peak < usual / 2.0;
            let mut gflops = gflops_of(isa, shape, what);
            if is_slow(gflops) {
                // Another program may have disturbed it.
                gflops = gflops.max(gflops_of(isa, shape, what));
            }
            print!(" {gflops:7.1} {:5.1}%", 100.0 * gflops / peak);
            if is_slow(gflops) {
                slow.push(shape.0);
            }
        }
        println!();
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

/// Approximate number of values in a layer's larger map when gradients are measured; about as many as fit into the caches.
const MAP: usize = 1 << 18;

fn gflops_of(isa: Isa, shape: Shape, what: What) -> f64 {
    let (_, mut images, inputs, outputs, side, kernel, stride) = shape;
    let padding = [kernel[0] / 2, kernel[1] / 2];
    let window = Window { kernel, stride: [stride, stride], dilation: [1, 1], padding };
    let to = (side - 1) / stride + 1;
    if what != What::Forward && side > 1 {
        // Training has many images.
        images = (MAP / (inputs * side * side).max(outputs * to * to)).clamp(1, 64);
    }
    let (sides, tos) = ([side, side], [to, to]);
    let border = match what {
        What::Data => Border::default(),
        What::Forward | What::Weights => window.border(sides, tos),
    };
    let pixel = if inputs < LANES { inputs } else { LANES };
    let blocks = inputs.div_ceil(LANES);
    let x = Buffer { offset: 0, images, blocks, height: side, width: side, border, pixel };
    let border = match what {
        What::Data => ConvData::border(&window, sides, tos),
        What::Forward | What::Weights => Border::default(),
    };
    let offset = x.len().next_multiple_of(LANES);
    let blocks = outputs.div_ceil(LANES);
    let y = Buffer { offset, images, blocks, height: to, width: to, border, pixel: LANES };
    let mut buffers = vec![x, y];
    let view = |buffers: &[Buffer], buffer: usize| View {
        buffer,
        first: 0,
        blocks: buffers[buffer].blocks,
    };
    let segments = &[Segment { block: 0, channels: inputs }];
    let widths = Widths { outputs, groups: 1 };
    let (of_x, of_y) = (view(&buffers, 0), view(&buffers, 1));
    // Packed weights, or their gradient.
    let places = Places { buffers: &buffers, x: of_x, segments, y: of_y };
    let packed = match what {
        What::Forward => 0,
        What::Data => ConvData::packed_len(isa, places, window, widths).expect("the shape fits"),
        What::Weights => {
            Conv::reading_of(isa, places, window, widths).expect("the shape fits").len()
        }
    };
    if packed > 0 {
        let offset = y.offset + y.len();
        let blocks = packed.div_ceil(LANES);
        let (border, pixel) = (Border::default(), LANES);
        buffers.push(Buffer { offset, images: 1, blocks, height: 1, width: 1, border, pixel });
    }
    let places = Places { buffers: &buffers, x: of_x, segments, y: of_y };
    let step: Step = match what {
        What::Forward => {
            let weights = vec![0.01; outputs * inputs * kernel[0] * kernel[1]];
            let values = Values { weights: &weights, bias: None, outputs, groups: 1 };
            let finish = Finish { residual: None, function: Function::Relu };
            Conv::new(isa, 1, places, window, values, finish).expect("the shape fits").into()
        }
        What::Data => {
            let to = (view(&buffers, 2), false);
            let (order, from) = (Outermost::Images, WeightsOf::Tensor);
            let data = ConvData::new(isa, places, window, widths, to, order, from);
            data.expect("the shape fits").into()
        }
        What::Weights => {
            let (to, order) = (view(&buffers, 2), Outermost::Weights);
            ConvWeights::new(isa, places, window, widths, to, order).expect("the shape fits").into()
        }
    };
    let program = Program::new(buffers, vec![vec![step]]).expect("the program is valid");
    let program = Arc::new(program);
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
