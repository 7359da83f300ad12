//! The loops around the tiles of a convolution.

use super::{
    choose::Cut,
    order::{Group, Order},
    tile::{Fetch, Tiles},
};
use crate::simd::{Isa, LANES};

/// Distance of the weights that are fetched ahead where they are read once.
const AHEAD: usize = 4 << 10;

/// Which tiles a convolution is computed in, and what each of them reads.
#[derive(Clone, Debug)]
pub(super) struct Loops {
    pub(super) order: Order,
    pub(super) cut: Cut,
    /// Rows and columns of the kernel; one column if a span covers all of them.
    pub(super) kernel: [usize; 2],
}

/// Where some rows of some images are read and written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Io {
    /// Input at the first tap of the first output pixel.
    pub(super) x: *const f32,
    /// Distances in it: of output pixels, output rows, taps, rows of taps and images.
    pub(super) x_step: usize,
    pub(super) x_row: usize,
    pub(super) x_tap: usize,
    pub(super) x_tap_row: usize,
    pub(super) x_image: usize,
    /// Packed weights, and sixteen numbers for each output block that sums start with.
    pub(super) weights: *const f32,
    pub(super) bias: *const f32,
    /// Whether sums start with what the output holds instead.
    pub(super) adds: bool,
    /// The first output pixel of the first block, and distances.
    pub(super) y: *mut f32,
    pub(super) y_step: usize,
    pub(super) y_row: usize,
    pub(super) y_plane: usize,
    pub(super) y_image: usize,
    /// Added to the sums; null if there is nothing to add.
    pub(super) residual: *const f32,
    pub(super) residual_row: usize,
    pub(super) residual_plane: usize,
    pub(super) residual_image: usize,
    /// The range that results are cut to.
    pub(super) range: (f32, f32),
    pub(super) rows: usize,
    pub(super) images: usize,
}

impl Loops {
    /// Weights to fetch while those of a part are used for so many tiles, and how.
    fn ahead(&self, io: &Io, group: &Group, part: usize, tiles: usize) -> (*const f32, Fetch) {
        let weights = group.parts[part].1;
        let len = self.rows(group, part) * group.blocks * LANES;
        let next = group.parts.get(part + 1).map(|(_, weights)| *weights);
        let at = if tiles == 1 { weights + AHEAD.min(len) } else { next.unwrap_or(weights + len) };
        (io.weights.wrapping_add(at), Fetch::new(tiles, group.blocks))
    }

    /// Lanes of a part at all taps: the rows of weights that each of its tiles reads.
    fn rows(&self, group: &Group, part: usize) -> usize {
        let spans = group.parts[part].0.clone();
        let lanes: usize = self.order.spans[spans].iter().map(|span| span.count).sum();
        lanes * self.kernel[0] * self.kernel[1]
    }

    /// Computes a group of output blocks.
    ///
    /// # Safety
    /// The processor has the instruction set. What `io` describes may be read and written, and nothing else writes what
    /// is read or uses what is written.
    pub(super) unsafe fn run(&self, isa: Isa, io: &Io, group: &Group) {
        let last = group.parts.len() - 1;
        for (part, (spans, weights)) in group.parts.iter().enumerate() {
            let is_last = part == last;
            let cut = self.cut.columns(group.blocks);
            let of_row: usize = cut.iter().map(|columns| columns.tiles).sum();
            let (mut ahead, fetch) = self.ahead(io, group, part, io.images * io.rows * of_row);
            let fetched_by_tile = self.rows(group, part) * fetch.step;
            for image in 0..io.images {
                for columns in cut {
                    let residual = if io.residual.is_null() || !is_last {
                        std::ptr::null()
                    } else {
                        let plane = group.first * io.residual_plane + image * io.residual_image;
                        io.residual.wrapping_add(plane + columns.start * LANES)
                    };
                    let plane = group.first * io.y_plane + image * io.y_image;
                    let tiles = Tiles {
                        x: io.x.wrapping_add(image * io.x_image + columns.start * io.x_step),
                        x_step: io.x_step,
                        x_row: io.x_row,
                        x_tap: io.x_tap,
                        x_tap_row: io.x_tap_row,
                        kernel: self.kernel,
                        spans: self.order.spans[spans.clone()].as_ptr(),
                        span_count: spans.len(),
                        weights: io.weights.wrapping_add(*weights),
                        ahead,
                        fetch,
                        bias: io.bias.wrapping_add(group.first * LANES),
                        goes_on: part > 0 || io.adds,
                        y: io.y.wrapping_add(plane + columns.start * io.y_step),
                        y_step: io.y_step,
                        y_row: io.y_row,
                        y_plane: io.y_plane,
                        residual,
                        residual_step: LANES,
                        residual_row: io.residual_row,
                        residual_plane: io.residual_plane,
                        low: if is_last { io.range.0 } else { f32::NEG_INFINITY },
                        high: if is_last { io.range.1 } else { f32::INFINITY },
                        rows: io.rows,
                        columns: columns.tiles,
                    };
                    // SAFETY: the caller's promise.
                    unsafe { tiles.run(isa, columns.pixels, group.blocks) };
                    ahead = ahead.wrapping_add(io.rows * columns.tiles * fetched_by_tile);
                }
            }
        }
    }
}
