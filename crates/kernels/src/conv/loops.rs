//! The loops around the tiles of a convolution.

use std::ops::Range;

use super::{
    choose::Cut,
    order::{Group, GroupsOfBlock, Order},
    tile::{Fetch, Tiles},
};
use crate::{
    run::Context,
    simd::{LANES, Simd, Work},
};

/// Distance of the weights that are fetched ahead where they are read once.
const AHEAD: usize = 4 << 10;

/// How much faster a vector is computed in registers than one that is read and written; more is done between two looks
/// at whether a run was stopped.
pub(super) const TILES_ARE_FASTER: usize = 64;

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

impl Io {
    /// One row of one image.
    fn row(&self, image: usize, row: usize) -> Self {
        let residual = image * self.residual_image + row * self.residual_row;
        Self {
            x: self.x.wrapping_add(image * self.x_image + row * self.x_row),
            y: self.y.wrapping_add(image * self.y_image + row * self.y_row),
            residual: if self.residual.is_null() {
                self.residual
            } else {
                self.residual.wrapping_add(residual)
            },
            rows: 1,
            images: 1,
            ..*self
        }
    }
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

    /// Pixels of a row.
    fn width(&self, blocks: usize) -> usize {
        self.cut.columns(blocks).iter().map(|columns| columns.pixels * columns.tiles).sum()
    }

    /// Numbers of memory that a thread needs where sums start with what the output holds.
    pub(super) fn scratch_to_add(&self) -> usize {
        let is_shared = |group: &Group| self.groups_of(group).is_some();
        if self.order.groups.iter().any(is_shared) { self.width(1) * LANES } else { 0 }
    }

    /// The groups of channels that share a block.
    fn groups_of(&self, group: &Group) -> Option<GroupsOfBlock> {
        if group.blocks == 1 { self.order.groups_of(group.first) } else { None }
    }

    /// Computes a group of output blocks.
    ///
    /// In a block with channels of several groups, those of one group are multiplied by zero for the outputs of another
    /// one, which gives NaN if they are not finite. Where there is a NaN, pixels are computed again without these products.
    ///
    /// # Safety
    /// The processor has the instruction set. What `io` describes may be read and written, and nothing else writes what
    /// is read or uses what is written. Where sums are added to, there is [`Loops::scratch_to_add`].
    pub(super) unsafe fn run(&self, context: &Context<'_>, io: &Io, group: &Group) {
        // SAFETY: the caller's promise.
        unsafe {
            let Some(groups) = self.groups_of(group) else { return self.tiles(context, io, group) };
            if !io.adds {
                self.tiles(context, io, group);
            }
            let width = self.width(1);
            let lanes = (0..group.parts.len()).map(|part| self.rows(group, part)).sum();
            for (image, row) in (0..io.images).flat_map(|i| (0..io.rows).map(move |row| (i, row))) {
                if context.is_stopped() {
                    return;
                }
                let io = io.row(image, row);
                let y = io.y.wrapping_add(group.first * io.y_plane);
                let mut before = std::ptr::null();
                if io.adds {
                    for column in 0..width {
                        let to = context.scratch.add(column * LANES);
                        to.copy_from_nonoverlapping(y.add(column * io.y_step), LANES);
                    }
                    before = context.scratch.cast_const();
                    self.tiles(context, &io, group);
                }
                for (_, columns) in context.pieces(0..1, width, lanes) {
                    let apart =
                        Apart { loops: self, group, groups: &groups, io: &io, before, columns };
                    context.isa.run(&apart);
                }
            }
        }
    }

    /// Computes the tiles of a group of output blocks.
    ///
    /// # Safety
    /// See [`Loops::run`].
    unsafe fn tiles(&self, context: &Context<'_>, io: &Io, group: &Group) {
        let last = group.parts.len() - 1;
        for (part, (spans, weights)) in group.parts.iter().enumerate() {
            let is_last = part == last;
            let cut = self.cut.columns(group.blocks);
            let of_row: usize = cut.iter().map(|columns| columns.tiles).sum();
            let (mut ahead, fetch) = self.ahead(io, group, part, io.images * io.rows * of_row);
            let lanes = self.rows(group, part);
            let fetched_by_tile = lanes * fetch.step;
            for image in 0..io.images {
                for columns in cut {
                    let residual = if io.residual.is_null() || !is_last {
                        std::ptr::null()
                    } else {
                        let plane = group.first * io.residual_plane + image * io.residual_image;
                        io.residual.wrapping_add(plane + columns.start * LANES)
                    };
                    let plane = group.first * io.y_plane + image * io.y_image;
                    let whole = Tiles {
                        x: io.x.wrapping_add(image * io.x_image + columns.start * io.x_step),
                        x_step: io.x_step,
                        x_row: io.x_row,
                        x_tap: io.x_tap,
                        x_tap_row: io.x_tap_row,
                        kernel: self.kernel,
                        spans: self.order.spans[spans.clone()].as_ptr(),
                        span_count: spans.len(),
                        weights: io.weights.wrapping_add(*weights),
                        weights_row: 0,
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
                    let vectors = lanes * group.blocks * columns.pixels / TILES_ARE_FASTER;
                    for (rows, tiles) in context.pieces(0..io.rows, columns.tiles, vectors) {
                        let piece = whole.part(rows, tiles, columns.pixels);
                        // SAFETY: the caller's promise.
                        unsafe { piece.run(context.isa, columns.pixels, group.blocks) };
                    }
                    ahead = ahead.wrapping_add(io.rows * columns.tiles * fetched_by_tile);
                }
            }
        }
    }
}

/// Pixels of a row of a block of several groups, which are computed again if there is a NaN.
struct Apart<'a> {
    loops: &'a Loops,
    group: &'a Group,
    groups: &'a GroupsOfBlock,
    /// The row.
    io: &'a Io,
    /// What sums start with, a pixel for each of the row; null if that is the bias.
    before: *const f32,
    columns: Range<usize>,
}

impl Apart<'_> {
    /// The sums of a pixel, each of the products of its own group, in the order of the tiles.
    #[inline(always)]
    unsafe fn sums<S: Simd>(&self, column: usize) -> S::V {
        let (order, [rows, columns]) = (&self.loops.order, self.loops.kernel);
        // SAFETY: the caller's promise.
        unsafe {
            let zero = S::splat(0.0);
            let mut sum = if self.before.is_null() {
                S::load(self.io.bias.add(self.group.first * LANES))
            } else {
                S::load(self.before.add(column * LANES))
            };
            let x = self.io.x.add(column * self.io.x_step);
            let mut weights = self.io.weights.add(self.group.weights());
            for span in self.group.spans() {
                let offset = order.spans[span].offset;
                for row in 0..rows {
                    for column in 0..columns {
                        let tap = offset + row * self.io.x_tap_row + column * self.io.x_tap;
                        for (lane, input) in order.inputs_of_span(span).enumerate() {
                            let number = S::splat(*x.add(tap + lane));
                            let own = S::load(self.groups.lanes(input).as_ptr());
                            let more = S::mul_add(number, S::load(weights), sum);
                            sum = S::select(S::greater(own, zero), more, sum);
                            weights = weights.add(LANES);
                        }
                    }
                }
            }
            sum
        }
    }
}

impl Work for Apart<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut all = S::splat(0.0);
            let y = self.io.y.add(self.group.first * self.io.y_plane);
            for column in self.columns.clone() {
                all = S::add(all, S::load(y.add(column * self.io.y_step)));
            }
            let mut lanes = [0.0_f32; LANES];
            S::store(lanes.as_mut_ptr(), all);
            if !lanes.iter().any(|sum| sum.is_nan()) {
                return;
            }
            let (low, high) = (S::splat(self.io.range.0), S::splat(self.io.range.1));
            for column in self.columns.clone() {
                let mut sum = self.sums::<S>(column);
                if !self.io.residual.is_null() {
                    let plane = self.group.first * self.io.residual_plane;
                    let residual = self.io.residual.add(plane + column * LANES);
                    sum = S::add(sum, S::load(residual));
                }
                S::store(y.add(column * self.io.y_step), S::min(high, S::max(low, sum)));
            }
        }
    }
}
