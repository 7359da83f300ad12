//! Positions of maps that are moved, left out, put between others, or mixed: parts of maps, padding, blocks of pixels as
//! channels, other sizes. Each output row is a weighted sum of input rows, each output column one of input columns, and each
//! output lane is an input lane. So is the gradient.

use std::sync::Arc;

use crate::{
    blockwise::{Blockwise, size_of},
    memory::{Buffer, View},
    run::Context,
    simd::{LANES, Simd, Work},
};

/// The rows, or columns, of the input that each one of the output is a sum of, with their weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taps {
    /// Where those of each row of the output end.
    ends: Vec<usize>,
    /// Rows of the input, with weights.
    all: Vec<(usize, f32)>,
}

impl Taps {
    /// One of these rows of the input, or none, for each row of the output.
    pub fn moved(rows: impl IntoIterator<Item = Option<usize>>) -> Self {
        Self::mixed(rows.into_iter().map(|row| row.map(|row| (row, 1.0))))
    }

    /// Several rows of the input, with their weights, for each row of the output.
    pub fn mixed<T: IntoIterator<Item = (usize, f32)>>(rows: impl IntoIterator<Item = T>) -> Self {
        let mut taps = Self::default();
        for row in rows {
            taps.all.extend(row);
            taps.ends.push(taps.all.len());
        }
        taps
    }

    /// Number of rows of the output.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the output has no rows.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Weights in all.
    pub fn weights(&self) -> usize {
        self.all.len()
    }

    fn of(&self, row: usize) -> &[(usize, f32)] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.all[start..self.ends[row]]
    }

    /// From the output back to `rows` rows of the input.
    #[must_use]
    pub fn transposed(&self, rows: usize) -> Self {
        let mut back = vec![Vec::new(); rows];
        for row in 0..self.len() {
            for &(from, weight) in self.of(row) {
                back[from].push((row, weight));
            }
        }
        Self::mixed(back)
    }

    fn is_within(&self, input: usize, output: usize) -> bool {
        self.len() == output && self.all.iter().all(|(row, _)| *row < input)
    }

    /// Most rows of the input that one of the output is a sum of.
    fn most(&self) -> usize {
        (0..self.len()).map(|row| self.of(row).len()).max().unwrap_or(0)
    }
}

/// What becomes of an input, or of some of its lanes.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Input lane of each output lane from the first one on; `None` of those that have none. Without a list, each lane is
    /// the same one.
    pub lanes: Option<Arc<[Option<usize>]>>,
    /// Rows.
    pub rows: Taps,
    /// Columns.
    pub columns: Taps,
}

impl Part {
    /// From the output back to an input of `blocks` blocks of these rows and columns. No lane of the input may become two.
    #[must_use]
    pub fn transposed(&self, blocks: usize, [rows, columns]: [usize; 2]) -> Self {
        let lanes = self.lanes.as_ref().map(|lanes| {
            let mut back = vec![None; blocks * LANES];
            for (lane, from) in lanes.iter().enumerate() {
                if let Some(back) = from.and_then(|from| back.get_mut(from)) {
                    *back = Some(lane);
                }
            }
            back.into()
        });
        let (rows, columns) = (self.rows.transposed(rows), self.columns.transposed(columns));
        Self { lanes, rows, columns }
    }
}

/// The sum of parts; see the module.
#[derive(Clone, Debug)]
pub struct Resample {
    x: View,
    y: View,
    parts: Arc<[Part]>,
    /// Where no part has a row or a column.
    fill: f32,
    adds: bool,
    size: (usize, usize),
}

impl Resample {
    /// From `x` to `y`; `adds` adds to what is there.
    pub fn new(
        buffers: &[Buffer],
        (x, y): (View, View),
        parts: Arc<[Part]>,
        fill: f32,
        adds: bool,
    ) -> Self {
        Self { x, y, parts, fill, adds, size: size_of(buffers, y) }
    }
}

/// One output row of a block of which each lane is the same lane of the input.
struct Row<'a> {
    part: &'a Part,
    row: usize,
    /// The first pixel of the input's block.
    x: *const f32,
    x_row: usize,
    y: *mut f32,
    columns: std::ops::Range<usize>,
}

impl Work for Row<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        let rows = self.part.rows.of(self.row);
        for column in self.columns.clone() {
            let columns = self.part.columns.of(column);
            // SAFETY: the caller's promise; rows and columns are inside of the input.
            unsafe {
                let y = self.y.add(column * LANES);
                let mut sum = S::load(y);
                for &(row, weight) in rows {
                    for &(from, of_column) in columns {
                        let x = S::load(self.x.add(row * self.x_row + from * LANES));
                        sum = S::mul_add(x, S::splat(weight * of_column), sum);
                    }
                }
                S::store(y, sum);
            }
        }
    }
}

impl Blockwise for Resample {
    const NAME: &'static str = "resample";

    fn reads(&self) -> Vec<View> {
        if self.adds { vec![self.x, self.y] } else { vec![self.x] }
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fits(&self, buffers: &[Buffer]) -> bool {
        let (from, to) = (&buffers[self.x.buffer], &buffers[self.y.buffer]);
        let fits = |part: &Part| {
            let lanes = match &part.lanes {
                None => self.x.blocks == self.y.blocks,
                Some(lanes) => {
                    lanes.len() <= self.y.blocks * LANES
                        && lanes.iter().flatten().all(|lane| *lane < self.x.blocks * LANES)
                }
            };
            lanes
                && part.rows.is_within(from.height, to.height)
                && part.columns.is_within(from.width, to.width)
        };
        self.size == size_of(buffers, self.y)
            && from.images == to.images
            && (from.pixel, to.pixel) == (LANES, LANES)
            && self.x != self.y
            && self.parts.iter().all(fits)
    }

    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the block of the image.
        unsafe {
            let (x, y) = (context.place(self.x), context.place(self.y));
            let Buffer { height, width, .. } = y.buffer;
            for row in 0..height {
                let to = y.pixel(image, block, row, 0);
                if context.is_stopped() {
                    return;
                }
                if !self.adds {
                    for column in 0..width {
                        let is_in = |part: &Part| {
                            !part.rows.of(row).is_empty() && !part.columns.of(column).is_empty()
                        };
                        let start = if self.fill == 0.0 || self.parts.iter().any(is_in) {
                            0.0
                        } else {
                            self.fill
                        };
                        for lane in 0..LANES {
                            to.wrapping_add(column * LANES + lane).write(start);
                        }
                    }
                }
                for part in self.parts.iter().filter(|part| !part.rows.of(row).is_empty()) {
                    let Some(lanes) = &part.lanes else {
                        let taps = part.rows.most() * part.columns.most();
                        for (_, columns) in context.pieces(0..1, width, taps) {
                            context.isa.run(&Row {
                                part,
                                row,
                                x: x.at(image, block),
                                x_row: x.buffer.row(),
                                y: to,
                                columns,
                            });
                        }
                        continue;
                    };
                    let own = lanes.iter().skip(block * LANES).take(LANES).enumerate();
                    for (lane, from) in own.filter_map(|(lane, from)| Some((lane, (*from)?))) {
                        if context.is_stopped() {
                            return;
                        }
                        let from = x.at(image, from / LANES).wrapping_add(from % LANES);
                        for column in 0..width {
                            let at = to.wrapping_add(column * LANES + lane);
                            let mut sum = at.read();
                            for &(row, weight) in part.rows.of(row) {
                                for &(column, of_column) in part.columns.of(column) {
                                    let pixel = row * x.buffer.row() + column * LANES;
                                    sum += from.wrapping_add(pixel).read() * (weight * of_column);
                                }
                            }
                            at.write(sum);
                        }
                    }
                }
            }
            y.clear_border(image, block, 0..height);
        }
    }
}
