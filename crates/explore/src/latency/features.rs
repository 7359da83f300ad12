//! What the time of a kernel may depend on.

use inceptive_results::{KernelKind, KernelShape};

/// Channels that vector units compute together: kernels compute whole blocks of them.
const BLOCK: u64 = 16;

/// Rows and columns of the tiles that a 3x3 convolution can be computed in by Winograd's method.
const TILE: u64 = 4;

/// Products for each pair of channels of a tile.
const PRODUCTS: u64 = 36;

/// Number of terms of the time of a kernel.
pub(super) const TERMS: usize = 7;

/// Number of features that tell kernels apart.
pub(super) const FEATURES: usize = 9;

/// What the time of a kernel is a sum of, up to a factor each: a constant, multiply-accumulates of whole blocks, those of
/// Winograd's method, numbers that are read, numbers that are written, weights, and rows of blocks.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub(super) fn terms(shape: &KernelShape) -> [f64; TERMS] {
    let blocks = blocks(shape);
    let windows = area(shape.window);
    let places = area_of(shape);
    let padded = blocks * BLOCK;
    let work = match shape.kind {
        KernelKind::Linear | KernelKind::Pointwise | KernelKind::Conv | KernelKind::Grouped => {
            let weights = shape.weights() as f64 / f64::from(shape.outputs.max(1));
            weights * padded as f64 * places as f64
        }
        _ => (windows * padded * places) as f64,
    };
    let tiles = u64::from(shape.to[0]).div_ceil(TILE) * u64::from(shape.to[1]).div_ceil(TILE);
    let winograd = match is_winograd(shape) {
        true => (tiles * PRODUCTS * u64::from(shape.inputs) * padded) as f64,
        false => 0.0,
    };
    [
        1.0,
        work / 1e6,
        winograd / 1e6,
        shape.reads as f64 / 1e6,
        (padded * places) as f64 / 1e6,
        shape.weights() as f64 / 1e6,
        (blocks * u64::from(shape.to[0])) as f64 / 1e3,
    ]
}

/// Features that similar kernels have similar values of, mostly logarithms to the base of 2.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub(super) fn features(shape: &KernelShape) -> [f64; FEATURES] {
    let log = |count: u64| (count.max(1) as f64).log2();
    let padded = (blocks(shape) * BLOCK) as f64;
    [
        log(u64::from(shape.inputs)),
        log(blocks(shape)),
        padded / f64::from(shape.outputs.max(1)),
        log(area(shape.to)),
        log(area(shape.window)),
        log(area(shape.stride)),
        log(shape.reads) - log(area(shape.from) * u64::from(shape.inputs)),
        log(area(shape.dilation)),
        f64::from(u8::from(is_winograd(shape))) + f64::from(u8::from(shape.has_exponential)),
    ]
}

fn blocks(shape: &KernelShape) -> u64 {
    u64::from(shape.outputs).div_ceil(BLOCK)
}

/// Places that a kernel computes a result at.
fn area_of(shape: &KernelShape) -> u64 {
    if shape.kind == KernelKind::Linear { 1 } else { area(shape.to) }
}

/// Whether a convolution is of the kind that Winograd's method can compute.
pub(super) fn is_winograd(shape: &KernelShape) -> bool {
    shape.kind == KernelKind::Conv
        && shape.window == [3, 3]
        && shape.stride == [1, 1]
        && shape.dilation == [1, 1]
}

fn area([height, width]: [u32; 2]) -> u64 {
    u64::from(height) * u64::from(width)
}
