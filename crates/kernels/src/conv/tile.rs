//! The inner loop of convolutions: a tile of output pixels and blocks of output channels stays in registers while the
//! input is read, one number at a time, and multiplied with rows of sixteen weights.

use std::ops::Range;

use crate::simd::{Isa, LANES, Simd, Work};

/// A run of input lanes that is read at each tap of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Distance from the first block's first lane.
    pub(super) offset: usize,
    /// How many lanes.
    pub(super) count: usize,
}

/// Weights of the next group, or of the next part of this one, are fetched while this one is computed: for each lane of
/// each tile some lines, and then so many numbers further. Evenly over all tiles, since only some lines can be on their
/// way from memory at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fetch {
    pub(super) lines: usize,
    pub(super) step: usize,
}

impl Fetch {
    /// Tiles that read weights often enough that it does not matter where the first one finds them.
    const MANY: usize = 128;

    /// As many weights as so many tiles of `blocks` blocks read.
    pub(super) fn new(tiles: usize, blocks: usize) -> Self {
        let lines = match tiles {
            Self::MANY.. => 0,
            _ if tiles >= blocks => 1,
            _ => blocks,
        };
        Self { lines, step: (blocks * LANES).div_ceil(tiles.max(1)) }
    }
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
    /// Distance from the weights of an output row to those of the next: zero, unless each row has its own.
    pub(super) weights_row: usize,
    /// Weights that are read next, to be fetched meanwhile.
    pub(super) ahead: *const f32,
    pub(super) fetch: Fetch,
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

/// Tiles of `P` pixels by `B` blocks; `STEP` is `x_step` where the compiler knows it, else 0.
struct Sized<const P: usize, const B: usize, const STEP: usize>(Tiles);

/// Computes one tile.
trait Tile {
    /// Pixels and blocks of a tile.
    const SIZE: [usize; 2];

    /// Computes the tile at these addresses, and returns what to fetch ahead next.
    ///
    /// # Safety
    /// See [`Tiles::run`].
    unsafe fn tile<S: Simd>(
        &self,
        x: *const f32,
        weights: *const f32,
        y: *mut f32,
        residual: *const f32,
        ahead: *const f32,
    ) -> *const f32;
}

/// Multiplies a lane of one pixel with the weights of every block, and adds.
macro_rules! multiply_pixel {
    ($s:ident, $sums:ident, $weights:ident, $input:expr, $p:literal, [$($b:literal)*]) => {
        let input = $s::splat($input);
        $($sums[$p][$b] = $s::mul_add(input, $weights[$b], $sums[$p][$b]);)*
    };
}

/// Finishes and stores the sums of one pixel.
macro_rules! store_pixel {
    ($s:ident, $sums:ident, $tiles:ident, $y:ident, $residual:ident, $p:literal, [$($b:literal)*]) => {
        $(
            let mut sum = $sums[$p][$b];
            if !$residual.is_null() {
                let at = $b * $tiles.residual_plane + $p * $tiles.residual_step;
                sum = $s::add(sum, $s::load($residual.add(at)));
            }
            // In this order, NaN stays NaN.
            let cut = $s::min($s::splat($tiles.high), $s::max($s::splat($tiles.low), sum));
            $s::store($y.add($b * $tiles.y_plane + $p * $tiles.y_step), cut);
        )*
    };
}

/// What the sums of one pixel start with.
macro_rules! start_pixel {
    ($s:ident, $tiles:ident, $y:ident, $p:literal, [$($b:literal)*]) => {
        [$(
            if $tiles.goes_on {
                $s::load($y.add($b * $tiles.y_plane + $p * $tiles.y_step))
            } else {
                $s::load($tiles.bias.add($b * LANES))
            }
        ),*]
    };
}

/// The inner loop for one size of tiles, written out: arrays that loops index stay in memory where the compiler does not
/// unroll the loops, and that takes three times as long.
macro_rules! tile {
    ([$($p:literal)*], $b:tt) => { tile!(@ [$($p)*] $b $b); };
    (@ [$($p:literal)*] [$($b:literal)*] $bs:tt) => {
        impl<const STEP: usize> Tile for Sized<{ [$($p),*].len() }, { [$($b),*].len() }, STEP> {
            const SIZE: [usize; 2] = [[$($p),*].len(), [$($b),*].len()];

            #[inline(always)]
            unsafe fn tile<S: Simd>(
                &self,
                x: *const f32,
                mut weights: *const f32,
                y: *mut f32,
                residual: *const f32,
                mut ahead: *const f32,
            ) -> *const f32 {
                let tiles = &self.0;
                let step = if STEP == 0 { tiles.x_step } else { STEP };
                // SAFETY: the addresses are those that `Tiles` describes.
                unsafe {
                    let mut sums = [$(start_pixel!(S, tiles, y, $p, $bs)),*];
                    for span in 0..tiles.span_count {
                        let Span { offset, count } = *tiles.spans.add(span);
                        for row in 0..tiles.kernel[0] {
                            let mut tap = x.add(offset + row * tiles.x_tap_row);
                            for _ in 0..tiles.kernel[1] {
                                for lane in 0..count {
                                    let w = [$(S::load(weights.add($b * LANES))),*];
                                    weights = weights.add(w.len() * LANES);
                                    if tiles.fetch.lines == 1 {
                                        S::prefetch(ahead);
                                        ahead = ahead.wrapping_add(tiles.fetch.step);
                                    } else if tiles.fetch.lines > 1 {
                                        $(S::prefetch(ahead.wrapping_add($b * LANES));)*
                                        ahead = ahead.wrapping_add(tiles.fetch.step);
                                    }
                                    $(multiply_pixel!(S, sums, w, *tap.add($p * step + lane), $p, $bs);)*
                                }
                                tap = tap.add(tiles.x_tap);
                            }
                        }
                    }
                    $(store_pixel!(S, sums, tiles, y, residual, $p, $bs);)*
                }
                ahead
            }
        }
    };
}

/// The inner loops for some numbers of pixels and one number of blocks.
macro_rules! tiles {
    ($bs:tt: $($ps:tt)*) => { $(tile!($ps, $bs);)* };
}

tiles!([0]: [0] [0 1] [0 1 2] [0 1 2 3] [0 1 2 3 4] [0 1 2 3 4 5] [0 1 2 3 4 5 6] [0 1 2 3 4 5 6 7]
    [0 1 2 3 4 5 6 7 8 9] [0 1 2 3 4 5 6 7 8 9 10 11] [0 1 2 3 4 5 6 7 8 9 10 11 12 13]);
tiles!([0 1]: [0] [0 1] [0 1 2] [0 1 2 3] [0 1 2 3 4] [0 1 2 3 4 5] [0 1 2 3 4 5 6] [0 1 2 3 4 5 6 7]
    [0 1 2 3 4 5 6 7 8 9] [0 1 2 3 4 5 6 7 8 9 10 11] [0 1 2 3 4 5 6 7 8 9 10 11 12 13]);
tiles!([0 1 2]: [0] [0 1] [0 1 2] [0 1 2 3] [0 1 2 3 4] [0 1 2 3 4 5] [0 1 2 3 4 5 6] [0 1 2 3 4 5 6 7]);
tiles!([0 1 2 3]: [0] [0 1] [0 1 2] [0 1 2 3] [0 1 2 3 4] [0 1 2 3 4 5] [0 1 2 3 4 5 6]);
tiles!([0 1 2 3 4 5 6 7]: [0] [0 1] [0 1 2]);

impl<const P: usize, const B: usize, const STEP: usize> Work for Sized<P, B, STEP>
where
    Self: Tile,
{
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // Tiles that do not fit in the registers are never chosen.
        let [pixels, blocks] = Self::SIZE;
        if pixels * blocks > S::SUMS && pixels * blocks > 1 {
            return;
        }
        let tiles = &self.0;
        let step = if STEP == 0 { tiles.x_step } else { STEP };
        let mut ahead = tiles.ahead;
        for row in 0..tiles.rows {
            for column in 0..tiles.columns {
                let pixel = column * pixels;
                // SAFETY: the addresses are those that `Tiles` describes.
                unsafe {
                    let residual = if tiles.residual.is_null() {
                        tiles.residual
                    } else {
                        tiles.residual.add(row * tiles.residual_row + pixel * tiles.residual_step)
                    };
                    ahead = self.tile::<S>(
                        tiles.x.add(row * tiles.x_row + pixel * step),
                        tiles.weights.add(row * tiles.weights_row),
                        tiles.y.add(row * tiles.y_row + pixel * tiles.y_step),
                        residual,
                        ahead,
                    );
                }
            }
        }
    }
}

/// Defines which tiles there are and the jump to their loops from one list of pixels and blocks.
macro_rules! sizes {
    ($([$p:literal, $b:literal])*) => {
        /// Output pixels and blocks of the tiles that the loop is compiled for; each number of blocks starts with a single
        /// pixel.
        pub(super) const SIZES: &[[usize; 2]] = &[$([$p, $b]),*];

        impl Tiles {
            /// Nothing is computed for a size that is not in [`SIZES`]: a step that has one is refused before.
            unsafe fn run_with_step<const STEP: usize>(
                self,
                isa: Isa,
                pixels: usize,
                blocks: usize,
            ) {
                match [pixels, blocks] {
                    // SAFETY: the caller's promise.
                    $([$p, $b] => unsafe { isa.run(&Sized::<$p, $b, STEP>(self)) },)*
                    _ => {}
                }
            }
        }
    };
}

sizes!(
    [1, 1] [2, 1] [3, 1] [4, 1] [5, 1] [6, 1] [7, 1] [8, 1] [10, 1] [12, 1] [14, 1]
    [1, 2] [2, 2] [3, 2] [4, 2] [5, 2] [6, 2] [7, 2] [8, 2] [10, 2] [12, 2] [14, 2]
    [1, 3] [2, 3] [3, 3] [4, 3] [5, 3] [6, 3] [7, 3] [8, 3]
    [1, 4] [2, 4] [3, 4] [4, 4] [5, 4] [6, 4] [7, 4]
    [1, 8] [2, 8] [3, 8]
);

impl Tiles {
    /// Some of its rows and of the tiles in each, where tiles have so many pixels.
    pub(super) fn part(&self, rows: Range<usize>, tiles: Range<usize>, pixels: usize) -> Self {
        let pixel = tiles.start * pixels;
        let residual = if self.residual.is_null() {
            self.residual
        } else {
            let at = rows.start * self.residual_row + pixel * self.residual_step;
            self.residual.wrapping_add(at)
        };
        Self {
            x: self.x.wrapping_add(rows.start * self.x_row + pixel * self.x_step),
            weights: self.weights.wrapping_add(rows.start * self.weights_row),
            y: self.y.wrapping_add(rows.start * self.y_row + pixel * self.y_step),
            residual,
            rows: rows.len(),
            columns: tiles.len(),
            ..*self
        }
    }

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
}

/// Pixels of the tiles with so many blocks that are compiled and fit in the registers of an instruction set.
pub(super) fn fitting(isa: Isa, blocks: usize) -> impl Iterator<Item = usize> {
    // With sixteen registers, weights that do not fit beside the sums push sums out, and a tile takes twice as long.
    let has_room = move |pixels: usize| isa != Isa::Avx2 || (pixels + 1) * blocks <= 7;
    let fits = move |&&[pixels, of]: &&[usize; 2]| {
        of == blocks && (pixels * of <= isa.sums() && has_room(pixels) || pixels == 1 && of == 1)
    };
    SIZES.iter().filter(fits).map(|&[pixels, _]| pixels)
}
