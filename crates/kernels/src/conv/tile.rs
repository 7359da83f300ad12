//! The inner loop of convolutions: a tile of output pixels and blocks of output channels stays in registers while the
//! input is read, one number at a time, and multiplied with rows of sixteen weights.

use crate::simd::{Isa, LANES, Simd, Work};

/// Output pixels of a tile that the loop is compiled for.
pub(super) const PIXELS: [usize; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14];

/// Output blocks of a tile that the loop is compiled for.
pub(super) const BLOCKS: [usize; 5] = [1, 2, 3, 4, 8];

/// A run of input lanes that is read at each tap of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Distance from the first block's first lane.
    pub(super) offset: usize,
    /// How many lanes.
    pub(super) count: usize,
}

/// What the inner loop computes: some rows of tiles of one group of output blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles {
    /// Input at the first tap of the first output pixel.
    pub(super) x: *const f32,
    /// Distances in the input: from an output pixel to the next, from an output row to the next, from a tap to the
    /// next and from a row of taps to the next.
    pub(super) x_step: usize,
    pub(super) x_row: usize,
    pub(super) x_tap: usize,
    pub(super) x_tap_row: usize,
    /// Rows and columns of the kernel.
    pub(super) kernel: [usize; 2],
    pub(super) spans: *const Span,
    pub(super) span_count: usize,
    /// Weights: for each span, row and column of the kernel and lane, sixteen for each output block.
    pub(super) weights: *const f32,
    /// Weights that are read next, to be fetched meanwhile: so many lines for each lane of a tile.
    pub(super) ahead: *const f32,
    pub(super) ahead_lines: usize,
    /// Sixteen for each output block; sums start with them, unless they go on with what the output holds.
    pub(super) bias: *const f32,
    pub(super) goes_on: bool,
    /// Output at the first pixel, and distances in it.
    pub(super) y: *mut f32,
    pub(super) y_step: usize,
    pub(super) y_row: usize,
    pub(super) y_plane: usize,
    /// Added to the sums; null if there is nothing to add.
    pub(super) residual: *const f32,
    pub(super) residual_step: usize,
    pub(super) residual_row: usize,
    pub(super) residual_plane: usize,
    /// Results are kept in this range.
    pub(super) low: f32,
    pub(super) high: f32,
    /// Rows of the output, and tiles in each.
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// The inner loop for tiles of `P` pixels by `B` blocks; `STEP` is `x_step` where the compiler knows it, else 0.
struct Sized<const P: usize, const B: usize, const STEP: usize>(Tiles);

impl<const P: usize, const B: usize, const STEP: usize> Sized<P, B, STEP> {
    #[expect(
        clippy::needless_range_loop,
        reason = "the two numbers index several arrays of registers"
    )]
    #[inline(always)]
    unsafe fn tile<S: Simd>(
        &self,
        x: *const f32,
        y: *mut f32,
        residual: *const f32,
        mut ahead: *const f32,
    ) -> *const f32 {
        let tiles = &self.0;
        let step = if STEP == 0 { tiles.x_step } else { STEP };
        // SAFETY: the addresses are those that `Tiles` describes.
        unsafe {
            let mut sums = [[S::splat(0.0); P]; B];
            for b in 0..B {
                let bias = S::load(tiles.bias.add(b * LANES));
                for p in 0..P {
                    sums[b][p] = if tiles.goes_on {
                        S::load(y.add(b * tiles.y_plane + p * tiles.y_step))
                    } else {
                        bias
                    };
                }
            }
            let mut weights = tiles.weights;
            for span in 0..tiles.span_count {
                let Span { offset, count } = *tiles.spans.add(span);
                for row in 0..tiles.kernel[0] {
                    let mut tap = x.add(offset + row * tiles.x_tap_row);
                    for _ in 0..tiles.kernel[1] {
                        for lane in 0..count {
                            let mut w = [S::splat(0.0); B];
                            for b in 0..B {
                                w[b] = S::load(weights.add(b * LANES));
                            }
                            weights = weights.add(B * LANES);
                            if tiles.ahead_lines == 1 {
                                S::prefetch(ahead);
                                ahead = ahead.wrapping_add(LANES);
                            } else if tiles.ahead_lines > 1 {
                                for b in 0..B {
                                    S::prefetch(ahead.wrapping_add(b * LANES));
                                }
                                ahead = ahead.wrapping_add(B * LANES);
                            }
                            for p in 0..P {
                                let input = S::splat(*tap.add(p * step + lane));
                                for b in 0..B {
                                    sums[b][p] = S::mul_add(input, w[b], sums[b][p]);
                                }
                            }
                        }
                        tap = tap.add(tiles.x_tap);
                    }
                }
            }
            let (low, high) = (S::splat(tiles.low), S::splat(tiles.high));
            for b in 0..B {
                for p in 0..P {
                    let mut sum = sums[b][p];
                    if !residual.is_null() {
                        let add = b * tiles.residual_plane + p * tiles.residual_step;
                        sum = S::add(sum, S::load(residual.add(add)));
                    }
                    // In this order, NaN stays NaN.
                    let clamped = S::min(high, S::max(low, sum));
                    S::store(y.add(b * tiles.y_plane + p * tiles.y_step), clamped);
                }
            }
        }
        ahead
    }
}

impl<const P: usize, const B: usize, const STEP: usize> Work for Sized<P, B, STEP> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // Tiles that do not fit in the registers are never chosen.
        if P * B > S::SUMS && P * B > 1 {
            return;
        }
        let tiles = &self.0;
        let step = if STEP == 0 { tiles.x_step } else { STEP };
        let mut ahead = tiles.ahead;
        for row in 0..tiles.rows {
            for column in 0..tiles.columns {
                let pixel = column * P;
                // SAFETY: the addresses are those that `Tiles` describes.
                unsafe {
                    let residual = if tiles.residual.is_null() {
                        tiles.residual
                    } else {
                        tiles.residual.add(row * tiles.residual_row + pixel * tiles.residual_step)
                    };
                    ahead = self.tile::<S>(
                        tiles.x.add(row * tiles.x_row + pixel * step),
                        tiles.y.add(row * tiles.y_row + pixel * tiles.y_step),
                        residual,
                        ahead,
                    );
                }
            }
        }
    }
}

impl Tiles {
    /// Computes the tiles of so many pixels by so many blocks.
    ///
    /// # Safety
    /// The processor has the instruction set. Every address that the description gives may be read; those of the
    /// output may be written, and nothing else uses them meanwhile.
    pub(super) unsafe fn run(self, isa: Isa, pixels: usize, blocks: usize) {
        // SAFETY: the caller's promise is that of each of these.
        unsafe {
            match self.x_step {
                16 => self.run_with_step::<16>(isa, pixels, blocks),
                32 => self.run_with_step::<32>(isa, pixels, blocks),
                _ => self.run_with_step::<0>(isa, pixels, blocks),
            }
        }
    }

    unsafe fn run_with_step<const STEP: usize>(self, isa: Isa, pixels: usize, blocks: usize) {
        macro_rules! sizes {
            ($(($p:literal, $b:literal)),*) => {
                match (pixels, blocks) {
                    // SAFETY: the caller's promise.
                    $(($p, $b) => unsafe { isa.run(&Sized::<$p, $b, STEP>(self)) },)*
                    _ => unreachable!("tiles of {pixels} pixels by {blocks} blocks are not compiled"),
                }
            };
        }
        sizes!(
            (1, 1),
            (2, 1),
            (3, 1),
            (4, 1),
            (5, 1),
            (6, 1),
            (7, 1),
            (8, 1),
            (10, 1),
            (12, 1),
            (14, 1),
            (1, 2),
            (2, 2),
            (3, 2),
            (4, 2),
            (5, 2),
            (6, 2),
            (7, 2),
            (8, 2),
            (10, 2),
            (12, 2),
            (14, 2),
            (1, 3),
            (2, 3),
            (3, 3),
            (4, 3),
            (5, 3),
            (6, 3),
            (7, 3),
            (8, 3),
            (1, 4),
            (2, 4),
            (3, 4),
            (4, 4),
            (5, 4),
            (6, 4),
            (7, 4),
            (1, 8),
            (2, 8),
            (3, 8)
        );
    }
}

/// Whether tiles of so many pixels by so many blocks are compiled and fit in the registers of an instruction set.
pub(super) fn fits(isa: Isa, pixels: usize, blocks: usize) -> bool {
    let is_compiled = match blocks {
        1 | 2 => true,
        3 => pixels <= 8,
        4 => pixels <= 7,
        _ => pixels <= 3,
    };
    is_compiled && (pixels * blocks <= isa.sums() || pixels == 1 && blocks == 1)
}
