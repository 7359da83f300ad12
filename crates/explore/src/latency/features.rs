//! What the time of a kernel may depend on.

use inceptive_results::{KernelKind, KernelShape};

/// Channels that vector units compute together: kernels compute whole blocks of them.
const BLOCK: u64 = 16;

/// Rows and columns of the tiles that a 3x3 convolution can be computed in by Winograd's method.
const TILE: u64 = 4;

/// Products for each pair of channels of a tile.
const PRODUCTS: u64 = 36;

/// Fewest channels and tiles, and most numbers of tiles for each number of the result, that engines use that method for.
const FEWEST_CHANNELS: u32 = 32;
const FEWEST_TILES: u64 = 4;
const MOST_COVERED: f64 = 1.8;

/// Columns that kernels compute together at most.
const COLUMNS: u32 = 8;

/// Number of terms of the time of a kernel.
pub(super) const TERMS: usize = 11;

/// Number of features that tell kernels apart.
pub(super) const FEATURES: usize = 12;

/// What the time of a kernel is a sum of, up to a factor each: a constant, multiply-accumulates of whole blocks, those of
/// Winograd's method, numbers that are read and written, weights, and rows of blocks; for Winograd's method, some of them
/// once more.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub(super) fn terms(shape: &KernelShape) -> [f64; TERMS] {
    let blocks = blocks(shape);
    let padded = blocks * BLOCK;
    let places = if shape.kind == KernelKind::Linear { 1 } else { area(shape.to) };
    let work = match shape.kind {
        KernelKind::Linear | KernelKind::Pointwise | KernelKind::Conv | KernelKind::Grouped => {
            let weights = shape.weights() as f64 / f64::from(shape.outputs.max(1));
            weights * padded as f64 * places as f64
        }
        _ => (area(shape.window) * padded * places) as f64,
    };
    let products = (tiles(shape) * PRODUCTS * u64::from(shape.inputs) * padded) as f64;
    let (work, products) = if is_winograd(shape) { (0.0, products) } else { (work, 0.0) };
    let reads = shape.reads as f64 / 1e6;
    let writes = (padded * places) as f64 / 1e6;
    let weights = shape.weights() as f64 / 1e6;
    let rows = (blocks * u64::from(shape.to[0])) as f64 / 1e3;
    let once_more = f64::from(u8::from(is_winograd(shape)));
    [
        1.0,
        work / 1e6,
        products / 1e6,
        reads,
        writes,
        weights,
        rows,
        once_more,
        once_more * reads,
        once_more * writes,
        once_more * weights,
    ]
}

/// Features that similar kernels have similar values of, mostly logarithms to the base of 2. The last one is of the weights of
/// the whole network: if they do not fit into a cache, each kernel reads its own from memory.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub(super) fn features(shape: &KernelShape, of_network: u64) -> [f64; FEATURES] {
    let log = |count: u64| (count.max(1) as f64).log2();
    let flag = |is: bool| f64::from(u8::from(is));
    let padded = (blocks(shape) * BLOCK) as f64;
    let own = area(shape.from) * u64::from(shape.inputs);
    [
        log(u64::from(shape.inputs)),
        log(blocks(shape)),
        padded / f64::from(shape.outputs.max(1)),
        log(area(shape.to)),
        log(area(shape.window)),
        log(area(shape.stride)),
        log(shape.reads) - log(own),
        log(area(shape.dilation)),
        2.0 * flag(is_winograd(shape)) + flag(shape.has_exponential),
        log(u64::from(shape.to[1])),
        f64::from(shape.to[1] % COLUMNS) / f64::from(COLUMNS),
        log(of_network),
    ]
}

/// Weights of all kernels of a network.
pub(super) fn weights_of<'s>(shapes: impl IntoIterator<Item = &'s KernelShape>) -> u64 {
    shapes.into_iter().map(KernelShape::weights).fold(0, u64::saturating_add)
}

fn blocks(shape: &KernelShape) -> u64 {
    u64::from(shape.outputs).div_ceil(BLOCK)
}

fn tiles(shape: &KernelShape) -> u64 {
    u64::from(shape.to[0]).div_ceil(TILE) * u64::from(shape.to[1]).div_ceil(TILE)
}

/// Whether engines compute a convolution by Winograd's method.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn is_winograd(shape: &KernelShape) -> bool {
    let is_plain = shape.kind == KernelKind::Conv
        && shape.window == [3, 3]
        && shape.stride == [1, 1]
        && shape.dilation == [1, 1];
    let tiles = tiles(shape);
    let covered = (tiles * TILE * TILE) as f64 / area(shape.to).max(1) as f64;
    is_plain
        && shape.inputs.min(shape.outputs) >= FEWEST_CHANNELS
        && tiles >= FEWEST_TILES
        && covered < MOST_COVERED
}

fn area([height, width]: [u32; 2]) -> u64 {
    u64::from(height) * u64::from(width)
}
