//! Convolution of 3x3 with stride 1 by Winograd's method, F(4x4, 3x3): tiles of 6x6 input pixels and the kernels are
//! transformed, multiplied, and transformed back to 4x4 output pixels, which takes 36 multiplications where direct
//! convolution takes 144 (Lavin and Gray 2016, "Fast algorithms for convolutional neural networks", section 4.2).

mod kernels;
mod transform;

use std::{
    cell::{Cell, OnceCell},
    ops::Range,
    sync::atomic::AtomicBool,
};

use super::{
    Finish, NEVER, Places, Values, Window,
    choose::{Cut, choose},
    tile::{Fetch, Span, Tiles},
};
use crate::{
    activation::{Function, apply_in_place},
    memory::{Aligned, Border, Buffer, Place, View},
    run::{Context, Invalid, Reason, Run},
    simd::{Isa, LANES},
};
use kernels::{Group, Kernels, Slice, Transformed, scratch_len};
use transform::{InputRow, OutputRow};

/// Output rows and columns of a tile.
const SIDE: usize = 4;

/// Products of a row of a tile for each pair of channels.
const ROW: usize = 6;

/// Products of a tile for each pair of channels.
const POINTS: usize = ROW * ROW;

/// Bytes of transformed input of a task: they stay in the second-level cache.
const INPUT_OF_TASK: usize = 1 << 20;

/// Bytes of transformed kernels that stay in the second-level cache from task to task.
const KERNELS_IN_CACHE: usize = 1 << 20;

/// Tiles of a task, at most, where the map has rows of fewer: with more, kernels are transformed less often, but each thread needs more memory.
const TILES_OF_TASK: usize = 48;

/// Output blocks that are computed at once, at most.
const MOST_BLOCKS: usize = 4;

/// Bytes of the transformed input of a row of tiles, at most: each thread has room for one.
const MOST_OF_ROW: usize = 16 << 20;

/// Bytes of the transformed input of a row of tiles, for so many input blocks and tiles.
fn bytes_of_row(blocks: usize, tiles: usize) -> usize {
    [4 * POINTS * LANES, blocks, tiles].into_iter().fold(1, usize::saturating_mul)
}

/// Tiles of a map.
fn tiles(output: [usize; 2]) -> usize {
    output[0].div_ceil(SIDE) * output[1].div_ceil(SIDE)
}

/// A 3x3 convolution with stride 1, with bias, sum and activation function.
#[derive(Clone, Debug)]
pub struct Winograd {
    x: View,
    y: View,
    padding: [usize; 2],
    finish: Finish,
    /// The block and the number of lanes of each run of input channels.
    runs: Vec<(usize, usize)>,
    kernels: Kernels,
    bias: Aligned,
    images: usize,
    /// Rows and columns of tiles of a map.
    tiles: [usize; 2],
    rows_of_task: usize,
    groups_of_task: usize,
    /// How the tiles of a full task, and of the last one, are cut.
    cuts: [Cut; 2],
}

impl Winograd {
    /// The window that it computes.
    pub fn window(padding: [usize; 2]) -> Window {
        Window { kernel: [3, 3], stride: [1, 1], dilation: [1, 1], padding }
    }

    /// The border of zeros that a map needs, because tiles extend beyond its edge.
    pub fn border(padding: [usize; 2], input: [usize; 2], output: [usize; 2]) -> Border {
        let covered = output.map(|side| side.next_multiple_of(SIDE));
        Self::window(padding).border(input, covered)
    }

    /// Whether it is faster than direct convolution, from measurements. It is not with few channels, where transforms take
    /// longer than products, nor with few tiles, where transforming the kernels takes most of the time.
    pub fn is_faster(images: usize, inputs: usize, outputs: usize, output: [usize; 2]) -> bool {
        let tiles = tiles(output);
        let covered = (tiles * SIDE * SIDE) as f64;
        let waste = covered / (output[0] * output[1]) as f64;
        inputs >= 32 && outputs >= 32 && images * tiles >= 4 && waste < 1.8
    }

    /// Whether it is faster with kernels that are packed transformed. It is not with few tiles, where reading four times as
    /// many numbers takes longer than transforming them.
    pub fn is_faster_if_transformed(images: usize, output: [usize; 2]) -> bool {
        images * tiles(output) >= 16
    }

    /// Whether a row of tiles of an output of this width is small enough for the memory of a thread.
    pub fn fits(blocks: usize, width: usize) -> bool {
        bytes_of_row(blocks, width.div_ceil(SIDE)) <= MOST_OF_ROW
    }

    /// Numbers of memory that a thread needs for itself, at most: for so many runs of input channels, output blocks and
    /// output rows and columns.
    pub fn most_scratch(images: usize, runs: usize, blocks: usize, output: [usize; 2]) -> usize {
        let tiles = output.map(|side| side.div_ceil(SIDE));
        let rows = even_rows_of_task(images * tiles[0], tiles[1], runs, blocks);
        let blocks = blocks.min(MOST_BLOCKS);
        let kernels = (1..=blocks).map(|blocks| scratch_len(runs, blocks)).max().unwrap_or(0);
        POINTS * (runs + blocks) * rows * tiles[1] * LANES + kernels
    }

    /// Packs the kernels and cuts the work for an instruction set and a number of threads.
    ///
    /// # Errors
    /// When numbers do not fit together.
    pub fn new(
        isa: Isa,
        threads: usize,
        places: Places<'_>,
        padding: [usize; 2],
        values: Values<'_>,
        finish: Finish,
    ) -> Result<Self, Invalid> {
        Self::new_until(isa, threads, places, padding, values, finish, &NEVER)
    }

    /// The same; soon after `stop` is set it ends early, and gives a step whose kernels are not complete.
    ///
    /// # Errors
    /// See [`Winograd::new`].
    pub fn new_until(
        isa: Isa,
        threads: usize,
        places: Places<'_>,
        padding: [usize; 2],
        values: Values<'_>,
        finish: Finish,
        stop: &AtomicBool,
    ) -> Result<Self, Invalid> {
        let Places { buffers, x, segments, y } = places;
        let (Some(from), Some(to)) = (buffers.get(x.buffer), buffers.get(y.buffer)) else {
            return Err(Invalid::new("winograd", Reason::Buffer));
        };
        let inputs: usize = segments.iter().map(|segment| segment.channels).sum();
        let is_valid = values.groups == 1
            && values.weights.len() == values.outputs * inputs * 9
            && values.bias.is_none_or(|bias| bias.len() == values.outputs)
            && y.blocks == values.outputs.div_ceil(LANES)
            && from.pixel == LANES;
        if !is_valid {
            return Err(Invalid::new("winograd", Reason::Values));
        }
        let runs: Vec<(usize, usize)> = segments
            .iter()
            .flat_map(|segment| {
                let blocks = 0..segment.channels.div_ceil(LANES);
                blocks.map(|b| (segment.block + b, (segment.channels - b * LANES).min(LANES)))
            })
            .collect();
        let lanes = runs.iter().map(|(_, lanes)| *lanes).collect();
        let tiles = [to.height.div_ceil(SIDE), to.width.div_ceil(SIDE)];
        let rows = to.images * tiles[0];
        let rows_of_task = even_rows_of_task(rows, tiles[1], runs.len(), y.blocks);
        let full = choose(isa, rows_of_task * tiles[1], y.blocks, MOST_BLOCKS);
        let left = rows - (rows.div_ceil(rows_of_task) - 1) * rows_of_task;
        // The last one has the same groups of blocks, since their weights are packed once.
        let last = full.with_width(isa, left * tiles[1]);
        let mut bias = Aligned::zeros(y.blocks * LANES);
        if let Some(values) = values.bias {
            bias.as_mut_slice()[..values.len()].copy_from_slice(values);
        }
        let kernels = Kernels::new(&full.blocks, lanes, values, stop)
            .ok_or_else(|| Invalid::new("winograd", Reason::Memory))?;
        let groups = kernels.groups().len();
        let tasks = rows.div_ceil(rows_of_task);
        let wanted = if threads == 1 { 1 } else { 2 * threads };
        let runs_of_groups = wanted.div_ceil(tasks).clamp(1, groups.div_ceil(2));
        Ok(Self {
            x,
            y,
            padding,
            finish,
            runs,
            groups_of_task: groups.div_ceil(runs_of_groups),
            kernels,
            bias,
            images: to.images,
            tiles,
            rows_of_task,
            cuts: [full, last],
        })
    }

    /// The same with kernels that are packed transformed, so that they are read and not transformed by each task: four times
    /// as large. They stay as they are if one is too large to be transformed. Soon after `stop` is set it ends early, and
    /// gives a step whose kernels are not complete.
    ///
    /// # Errors
    /// When the processor lacks the instruction set, or the system gives no memory.
    pub fn with_transformed_kernels(self, isa: Isa, stop: &AtomicBool) -> Result<Self, Invalid> {
        if !isa.is_available() {
            return Err(Invalid::new("winograd", Reason::Values));
        }
        // SAFETY: the processor has the instruction set.
        let kernels = unsafe { self.kernels.transformed(isa, stop) };
        let kernels = kernels.ok_or_else(|| Invalid::new("winograd", Reason::Memory))?;
        let kernels = if kernels.are_finite() { kernels } else { self.kernels };
        Ok(Self { kernels, ..self })
    }

    /// Bytes of packed kernels and bias.
    pub fn weight_bytes(&self) -> usize {
        4 * (self.kernels.len() + self.bias.len())
    }

    /// The kernel and its tiles, for tables.
    pub fn describe(&self) -> String {
        let blocks = self.kernels.groups().first().map_or(1, |group| group.blocks);
        let pixels = self.cuts[0].columns(blocks).first().map_or(1, |columns| columns.pixels);
        let kernels = if self.kernels.are_transformed() { ", transformed kernels" } else { "" };
        format!("3x3 Winograd, tiles {pixels}x{blocks}{kernels}")
    }

    fn rows(&self) -> usize {
        self.images * self.tiles[0]
    }

    fn runs_of_groups(&self) -> usize {
        self.kernels.groups().len().div_ceil(self.groups_of_task)
    }

    /// Numbers of transformed input of a task.
    fn input_len(&self) -> usize {
        POINTS * self.runs.len() * self.rows_of_task * self.tiles[1] * LANES
    }

    /// Output blocks of a group, at most.
    fn most_blocks(&self) -> usize {
        self.kernels.groups().iter().map(|group| group.blocks).max().unwrap_or(0)
    }

    /// Numbers of products of a group.
    fn product_len(&self) -> usize {
        POINTS * self.most_blocks() * self.rows_of_task * self.tiles[1] * LANES
    }
}

/// As many rows of tiles in each task, but for the last one, about as [`rows_of_task`] says.
fn even_rows_of_task(rows: usize, tiles: usize, runs: usize, blocks: usize) -> usize {
    let most = rows_of_task(rows, tiles, runs * LANES, blocks);
    rows.div_ceil(rows.div_ceil(most))
}

/// Rows of tiles of a task that make the fewest bytes come from beyond the second-level cache: the kernels once for each
/// task, unless they stay there, and the transformed input once for each group of blocks, unless it stays. Kernels that are
/// transformed when they are used count as much: that takes about as long as reading them.
fn rows_of_task(rows: usize, tiles: usize, inputs: usize, blocks: usize) -> usize {
    let kernels = 4 * POINTS * inputs * blocks * LANES;
    let kernels = if kernels > KERNELS_IN_CACHE { kernels } else { 0 };
    let bytes = |rows_of_task: usize| {
        let input = 4 * POINTS * inputs * rows_of_task * tiles;
        let readings = if input > INPUT_OF_TASK { blocks.div_ceil(4) } else { 0 };
        rows.div_ceil(rows_of_task) * (kernels + readings * input)
    };
    let most = (TILES_OF_TASK / tiles).clamp(1, rows);
    let in_cache = (INPUT_OF_TASK / (4 * POINTS * inputs * tiles)).clamp(1, most);
    (in_cache..=most).min_by_key(|&rows| bytes(rows)).unwrap_or(in_cache)
}

impl Run for Winograd {
    fn name(&self) -> &'static str {
        "winograd"
    }

    fn reads(&self) -> Vec<View> {
        self.finish.reads(self.x)
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, to) = (&buffers[self.x.buffer], &buffers[self.y.buffer]);
        let tiles = [to.height.div_ceil(SIDE), to.width.div_ceil(SIDE)];
        let fits = from.images == to.images
            && (self.images, self.tiles) == (to.images, tiles)
            && from.pixel == LANES
            && self.runs.iter().all(|(block, _)| *block < self.x.blocks)
            && self.finish.fits(buffers, self.y);
        if !fits {
            return Some(Reason::Buffer);
        }
        if !self.cuts.iter().all(Cut::is_compiled) {
            return Some(Reason::Values);
        }
        let size = |buffer: &Buffer| [buffer.height, buffer.width];
        let needs = Self::border(self.padding, size(from), size(to));
        (!from.border.covers(needs)).then_some(Reason::Border)
    }

    fn tasks(&self) -> usize {
        self.rows().div_ceil(self.rows_of_task) * self.runs_of_groups()
    }

    fn scratch(&self) -> usize {
        self.input_len() + self.product_len() + self.kernels.scratch_len()
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let (task, run) = (task / self.runs_of_groups(), task % self.runs_of_groups());
        let rows = task * self.rows_of_task..((task + 1) * self.rows_of_task).min(self.rows());
        let groups = run * self.groups_of_task
            ..((run + 1) * self.groups_of_task).min(self.kernels.groups().len());
        // SAFETY: the program has checked the views; this task alone writes these rows of these blocks, and the
        // scratch memory is this thread's.
        unsafe {
            self.transform(context, rows.clone());
            for group in &self.kernels.groups()[groups] {
                if context.is_stopped() {
                    return;
                }
                self.multiply(context, rows.len(), group);
                self.finish(context, rows.clone(), group);
            }
        }
    }
}

impl Winograd {
    /// Image and row of tiles in it.
    fn image_and_row(&self, row: usize) -> (usize, usize) {
        (row / self.tiles[0], row % self.tiles[0])
    }

    /// Transforms the input of some rows of tiles.
    ///
    /// # Safety
    /// See [`Run::run`].
    unsafe fn transform(&self, context: &Context<'_>, rows: Range<usize>) {
        // SAFETY: the program has checked the view.
        let x = unsafe { context.place(self.x) };
        let x_row = x.buffer.row();
        let tiles = rows.len() * self.tiles[1];
        let point = self.runs.len() * tiles * LANES;
        for (index, row) in rows.enumerate() {
            let (image, tile_row) = self.image_and_row(row);
            let inset = self.padding[0] * x_row + self.padding[1] * LANES;
            if context.is_stopped() {
                return;
            }
            for (run, (block, _)) in self.runs.iter().enumerate() {
                let work = InputRow {
                    x: x.at(image, *block)
                        .wrapping_sub(inset)
                        .wrapping_add(tile_row * SIDE * x_row),
                    x_row,
                    to: context.scratch.wrapping_add((run * tiles + index * self.tiles[1]) * LANES),
                    point,
                    tiles: self.tiles[1],
                };
                // SAFETY: the caller's promise; the border covers whole tiles.
                unsafe { context.isa.run(&work) };
            }
        }
    }

    /// Multiplies transformed input of so many rows of tiles with the kernels of a group, some input channels after the
    /// other.
    ///
    /// # Safety
    /// See [`Run::run`]; the input was transformed.
    unsafe fn multiply(&self, context: &Context<'_>, rows: usize, group: &Group) {
        let tiles = rows * self.tiles[1];
        let spans: Vec<Span> = self
            .runs
            .iter()
            .enumerate()
            .map(|(run, (_, lanes))| Span { offset: run * tiles * LANES, count: *lanes })
            .collect();
        let scratch = context.scratch.wrapping_add(self.input_len() + self.product_len());
        for slice in self.kernels.slices(group) {
            if context.is_stopped() {
                return;
            }
            // SAFETY: the caller's promise; there is room behind the products.
            unsafe {
                let kernels = self.kernels.transform(context.isa, group, &slice, scratch);
                self.multiply_slice(context, rows, group, (&slice, kernels), &spans);
            }
        }
    }

    /// Multiplies some input channels with their kernels, and adds to the products of those before.
    ///
    /// # Safety
    /// See [`Run::run`]; input and kernels were transformed.
    unsafe fn multiply_slice(
        &self,
        context: &Context<'_>,
        rows: usize,
        group: &Group,
        (slice, kernels): (&Slice, Transformed),
        spans: &[Span],
    ) {
        let tiles = rows * self.tiles[1];
        let columns = self.cuts[usize::from(rows < self.rows_of_task)].columns(group.blocks);
        let of_point = columns.iter().map(|columns| columns.tiles).sum();
        let fetch = self.kernels.fetch(of_point, group.blocks);
        let mut ahead = kernels.ahead;
        let spans = &spans[slice.runs.clone()];
        let zeros = [0.0; 8 * LANES];
        let (x_row, y_row) = (self.runs.len() * tiles * LANES, group.blocks * tiles * LANES);
        let products = context.scratch.wrapping_add(self.input_len());
        // Kernels of a row of points stay in a cache while its tiles are computed.
        for point in (0..POINTS).step_by(ROW) {
            if context.is_stopped() {
                return;
            }
            for columns in columns {
                let at = columns.start * LANES;
                let work = Tiles {
                    x: context.scratch.wrapping_add(point * x_row + at),
                    x_step: LANES,
                    x_row,
                    x_tap: 0,
                    x_tap_row: 0,
                    kernel: [1, 1],
                    spans: spans.as_ptr(),
                    span_count: spans.len(),
                    weights: kernels.start.wrapping_add(point * kernels.point),
                    weights_row: kernels.point,
                    ahead,
                    fetch,
                    bias: zeros.as_ptr(),
                    goes_on: slice.first > 0,
                    y: products.wrapping_add(point * y_row + at),
                    y_step: LANES,
                    y_row,
                    y_plane: tiles * LANES,
                    residual: std::ptr::null(),
                    residual_step: 0,
                    residual_row: 0,
                    residual_plane: 0,
                    low: f32::NEG_INFINITY,
                    high: f32::INFINITY,
                    rows: ROW,
                    columns: columns.tiles,
                };
                // SAFETY: the caller's promise; each part of the scratch memory has room.
                unsafe { work.run(context.isa, columns.pixels, group.blocks) };
                ahead = ahead.wrapping_add(ROW * columns.tiles * slice.count * fetch.step);
            }
        }
    }

    /// Transforms the products of a group back, and finishes them.
    ///
    /// # Safety
    /// See [`Run::run`]; the products are there.
    unsafe fn finish(&self, context: &Context<'_>, rows: Range<usize>, group: &Group) {
        // SAFETY: the program has checked the views.
        let y = unsafe { context.place(self.y) };
        // SAFETY: the same.
        let residual = self.finish.residual.map(|view| unsafe { context.place(view) });
        let tiles = rows.len() * self.tiles[1];
        let products = context.scratch.wrapping_add(self.input_len());
        let Buffer { height, width, .. } = y.buffer;
        let kernels: Vec<OnceCell<Vec<f32>>> = vec![OnceCell::new(); group.blocks];
        for (index, row) in rows.enumerate() {
            let (image, tile_row) = self.image_and_row(row);
            let of_map = tile_row * SIDE..((tile_row + 1) * SIDE).min(height);
            for block in 0..group.blocks {
                let added = residual.as_ref().map(|place: &Place| {
                    let at = place.at(image, group.first + block);
                    (at.wrapping_add(of_map.start * place.buffer.row()), place.buffer.row())
                });
                let work = OutputRow {
                    from: products.wrapping_add((block * tiles + index * self.tiles[1]) * LANES),
                    point: group.blocks * tiles * LANES,
                    tiles: self.tiles[1],
                    y: y.at(image, group.first + block).wrapping_add(of_map.start * y.buffer.row()),
                    y_row: y.buffer.row(),
                    rows: of_map.len(),
                    columns: width,
                    bias: self.bias.as_slice()[(group.first + block) * LANES..].as_ptr(),
                    residual: added.map_or(std::ptr::null(), |(at, _)| at.cast_const()),
                    residual_row: added.map_or(0, |(_, row)| row),
                    range: self.finish.function.range(),
                    is_not_finite: Cell::new(false),
                };
                let function: Function = self.finish.function;
                // SAFETY: the caller's promise.
                unsafe {
                    context.isa.run(&work);
                    if work.is_not_finite.get() {
                        let kernels =
                            kernels[block].get_or_init(|| self.kernels.of_block(group, block));
                        self.directly(context, &work, (image, tile_row), kernels);
                    }
                    let block = group.first + block;
                    apply_in_place(context, function, &y, image, block, of_map.clone());
                    y.clear_border(image, block, of_map.clone());
                }
            }
        }
    }

    /// Computes the rows of a row of tiles of one block by definition: in sums of transformed numbers, one that is not
    /// finite spreads over its tile, and large ones overflow.
    ///
    /// # Safety
    /// See [`Run::run`]; `row` writes these rows.
    unsafe fn directly(
        &self,
        context: &Context<'_>,
        row: &OutputRow,
        (image, tile_row): (usize, usize),
        kernels: &[f32],
    ) {
        // SAFETY: the program has checked the view.
        let x = unsafe { context.place(self.x) };
        let (plane, x_row) = (x.buffer.plane(), x.buffer.row());
        let spans: Vec<Span> = self
            .runs
            .iter()
            .map(|(block, lanes)| Span { offset: block * plane, count: *lanes })
            .collect();
        let inset = self.padding[0] * x_row + self.padding[1] * LANES;
        let x = x.at(image, 0).wrapping_sub(inset).wrapping_add(tile_row * SIDE * x_row);
        for columns in choose(context.isa, row.columns, 1, 1).columns(1) {
            let at = columns.start * LANES;
            let work = Tiles {
                x: x.wrapping_add(at).cast_const(),
                x_step: LANES,
                x_row,
                x_tap: LANES,
                x_tap_row: x_row,
                kernel: [3, 3],
                spans: spans.as_ptr(),
                span_count: spans.len(),
                weights: kernels.as_ptr(),
                weights_row: 0,
                ahead: kernels.as_ptr(),
                fetch: Fetch { lines: 0, step: 0 },
                bias: row.bias,
                goes_on: false,
                y: row.y.wrapping_add(at),
                y_step: LANES,
                y_row: row.y_row,
                y_plane: 0,
                residual: if row.residual.is_null() {
                    row.residual
                } else {
                    row.residual.wrapping_add(at)
                },
                residual_step: LANES,
                residual_row: row.residual_row,
                residual_plane: 0,
                low: row.range.0,
                high: row.range.1,
                rows: row.rows,
                columns: columns.tiles,
            };
            // SAFETY: the border covers more than the windows reach; the rest is as in `row`.
            unsafe { work.run(context.isa, columns.pixels, 1) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_tiles_that_take_too_much_memory_do_not_fit() {
        assert!(Winograd::fits(4, 3840) && Winograd::fits(128, 224));
        assert!(!Winograd::fits(16, 20_000) && !Winograd::fits(usize::MAX, usize::MAX));
    }

    #[test]
    fn kernels_that_do_not_fit_in_a_cache_are_read_once() {
        // 14x14 with 1504 to 320 channels: 69 MB of kernels, four rows of tiles.
        assert_eq!(rows_of_task(4, 4, 1504, 20), 4);
        // 71x71 with 80 to 192: more kernels than the cache holds, as many tiles as a task may have.
        assert_eq!(rows_of_task(18, 18, 80, 12), 2);
        // 56x56 with 64 to 64: they stay in the cache, and so does the input.
        assert_eq!(rows_of_task(14, 14, 64, 4), 3);
        // Rows of more tiles than a task should have.
        assert_eq!(rows_of_task(100, 100, 64, 4), 1);
    }
}
