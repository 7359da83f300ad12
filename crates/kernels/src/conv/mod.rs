//! Convolution: one blocked loop for every kernel size, stride, dilation and number of groups.

mod choose;
mod tile;
mod winograd;

use std::{ops::Range, sync::Arc};

use crate::{
    activation::{Function, apply_in_place},
    memory::{Aligned, Border, Buffer, Place, View},
    run::{Context, Invalid, Reason, Run},
    simd::{Isa, LANES},
};
use choose::{Cut, choose};
use tile::{Span, Tiles};
pub use winograd::Winograd;

/// Weights of a group of output blocks that are read again for each tile: more of them do not stay in a cache beside
/// the input.
const WEIGHTS_IN_CACHE: usize = 512 << 10;

/// Bytes of input rows that are read again for each group of output blocks.
const INPUT_IN_CACHE: usize = 384 << 10;

/// Distance of the weights that are fetched ahead where they are read once.
const AHEAD: usize = 4 << 10;

/// Multiply-accumulates of a task, at most, where the shape allows it: a stop is answered between tasks.
const MACS_OF_A_TASK: usize = 64 << 20;

/// A window that slides over a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Step in rows and columns.
    pub stride: [usize; 2],
    /// Distance between taps in rows and columns.
    pub dilation: [usize; 2],
    /// Rows of padding above and columns to the left.
    pub padding: [usize; 2],
}

impl Window {
    /// A single pixel.
    pub const POINT: Self =
        Self { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], padding: [0, 0] };

    /// Rows and columns of zeros that a map of this size needs around it, for so many output rows and columns.
    pub fn border(&self, input: [usize; 2], output: [usize; 2]) -> Border {
        let behind = |axis: usize| {
            let last = (output[axis] - 1) * self.stride[axis]
                + (self.kernel[axis] - 1) * self.dilation[axis];
            (last + 1).saturating_sub(self.padding[axis] + input[axis])
        };
        let [top, left] = self.padding;
        Border { top, left, bottom: behind(0), right: behind(1) }
    }
}

/// Where the channels of a convolution's input lie: blocks of a view, each full but the last of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// The run's first block in the view.
    pub block: usize,
    /// Channels.
    pub channels: usize,
}

/// The values of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// `output x input / groups x rows x columns`.
    pub weights: &'a [f32],
    /// One for each output channel, or none.
    pub bias: Option<&'a [f32]>,
    /// Output channels.
    pub outputs: usize,
    /// Groups.
    pub groups: usize,
}

/// What is done with the sums before they are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finish {
    /// Added first: a view as large as the output.
    pub residual: Option<View>,
    /// Applied last.
    pub function: Function,
}

impl Finish {
    /// Nothing.
    pub const NONE: Self = Self { residual: None, function: Function::Identity };

    /// What is read beside the input's view.
    fn reads(&self, x: View) -> Vec<View> {
        [Some(x), self.residual].into_iter().flatten().collect()
    }

    /// Whether what is added has the size of the output, which is in blocks of sixteen.
    fn fits(&self, buffers: &[Buffer], y: View) -> bool {
        let to = &buffers[y.buffer];
        let same_size = |view: View| {
            let other = &buffers[view.buffer];
            view.blocks == y.blocks
                && (other.images, other.height, other.width, other.pixel)
                    == (to.images, to.height, to.width, LANES)
        };
        to.pixel == LANES && self.residual.is_none_or(same_size)
    }
}

/// Some output blocks that one tile holds.
#[derive(Clone, Debug)]
struct Group {
    first: usize,
    blocks: usize,
    /// Runs of spans whose weights fit in a cache, with where the weights start.
    parts: Vec<(Range<usize>, usize)>,
}

/// A convolution, with bias, sum and activation.
#[derive(Clone, Debug)]
pub struct Conv {
    x: View,
    y: View,
    window: Window,
    finish: Finish,
    /// As maps of one pixel: the images are its columns.
    is_across_images: bool,
    /// Columns of the kernel that are read as one run of lanes.
    merges_taps: bool,
    spans: Vec<Span>,
    groups: Vec<Group>,
    cut: Cut,
    weights: Arc<Aligned>,
    bias: Aligned,
    tasks: Tasks,
}

/// How the work is cut: images, bands of rows, and runs of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tasks {
    images: usize,
    bands: usize,
    rows_of_band: usize,
    runs: usize,
    groups_of_run: usize,
}

/// Where a convolution reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// Every buffer of the program; their offsets do not matter yet.
    pub buffers: &'a [Buffer],
    /// Input.
    pub x: View,
    /// Where the input's channels lie in its view.
    pub segments: &'a [Segment],
    /// Output; its channels fill the view from its first lane on.
    pub y: View,
}

impl Conv {
    /// Packs the weights and cuts the work for an instruction set and a number of threads.
    ///
    /// # Errors
    /// When numbers do not fit together.
    pub fn new(
        isa: Isa,
        threads: usize,
        places: Places<'_>,
        window: Window,
        values: Values<'_>,
        finish: Finish,
    ) -> Result<Self, Invalid> {
        let Places { buffers, x, segments, y } = places;
        let (Some(from), Some(to)) = (buffers.get(x.buffer), buffers.get(y.buffer)) else {
            return Err(Invalid::new("conv", Reason::Buffer));
        };
        let inputs: usize = segments.iter().map(|segment| segment.channels).sum();
        let taps = window.kernel[0] * window.kernel[1];
        let is_valid = values.groups > 0
            && inputs.is_multiple_of(values.groups)
            && values.outputs.is_multiple_of(values.groups)
            && values.weights.len() == values.outputs * (inputs / values.groups) * taps
            && values.bias.is_none_or(|bias| bias.len() == values.outputs)
            && y.blocks == values.outputs.div_ceil(LANES);
        if !is_valid {
            return Err(Invalid::new("conv", Reason::Values));
        }
        let is_across_images = to.height * to.width == 1 && finish.residual.is_none();
        let merges_taps = from.pixel < LANES && window.dilation[1] == 1 && values.groups == 1;
        let width = if is_across_images { to.images } else { to.width };
        let group_outputs = values.outputs / values.groups;
        let most = if values.groups == 1 { 8 } else { (group_outputs / LANES).max(1) };
        let cut = if values.groups == 1 || group_outputs.is_multiple_of(LANES) {
            // Groups of blocks do not cross groups of channels.
            let mut cut =
                choose(isa, width, most.min(y.blocks).max(group_outputs.div_ceil(LANES)), 8);
            cut.blocks = cut.blocks.repeat(values.groups);
            cut
        } else {
            let mut cut = choose(isa, width, 1, 1);
            cut.blocks = vec![1; y.blocks];
            cut
        };
        let packing = Packing { window, values, segments, buffer: from, merges_taps, inputs };
        let (groups, spans, weights) = packing.pack(&cut.blocks);
        let mut bias = Aligned::zeros(y.blocks * LANES);
        if let Some(values) = values.bias {
            bias.as_mut_slice()[..values.len()].copy_from_slice(values);
        }
        let mut conv = Self {
            x,
            y,
            window,
            finish,
            is_across_images,
            merges_taps,
            spans,
            groups,
            cut,
            weights: Arc::new(weights),
            bias,
            tasks: Tasks { images: 1, bands: 1, rows_of_band: 1, runs: 1, groups_of_run: 1 },
        };
        conv.tasks = conv.cut_work(threads, from, to);
        Ok(conv)
    }

    /// Bands of rows whose input stays in a cache while every group of output blocks reads it, and enough tasks for
    /// every thread.
    fn cut_work(&self, threads: usize, from: &Buffer, to: &Buffer) -> Tasks {
        let groups = self.groups.len();
        let lanes: usize = self.spans.iter().map(|span| span.count).sum();
        let taps = self.window.kernel[0] * if self.merges_taps { 1 } else { self.window.kernel[1] };
        let pixel = lanes.max(1) * taps * self.y.blocks * LANES;
        if self.is_across_images {
            // Every task reads other weights; all of them read the same input.
            let wanted = (4 * threads).max(pixel * to.images / MACS_OF_A_TASK).clamp(1, groups);
            let groups_of_run = groups.div_ceil(wanted);
            let runs = groups.div_ceil(groups_of_run);
            return Tasks { images: 1, bands: 1, rows_of_band: 1, runs, groups_of_run };
        }
        let row_bytes = 4 * self.x.blocks * from.row() * self.window.stride[0];
        let in_cache = (INPUT_IN_CACHE / row_bytes.max(1)).max(1);
        let of_task = (MACS_OF_A_TASK / (pixel * to.width).max(1)).max(1);
        let mut rows = in_cache.min(of_task).min(to.height);
        // Enough tasks that the threads end together.
        let wanted = if threads == 1 { 1 } else { 4 * threads };
        let tasks = |rows: usize| to.images * to.height.div_ceil(rows);
        let mut runs = 1;
        if tasks(rows) < wanted {
            let bands = wanted.div_ceil(to.images).min(to.height);
            // Rather rows than groups, which would read the input again: but not fewer than four rows.
            rows = to.height.div_ceil(bands).max(4.min(rows));
            runs = (wanted.div_ceil(tasks(rows))).clamp(1, groups);
        }
        let bands = to.height.div_ceil(rows);
        let rows_of_band = to.height.div_ceil(bands);
        let groups_of_run = groups.div_ceil(runs);
        let runs = groups.div_ceil(groups_of_run);
        let bands = to.height.div_ceil(rows_of_band);
        Tasks { images: to.images, bands, rows_of_band, runs, groups_of_run }
    }

    /// Bytes of packed weights and bias.
    pub fn weight_bytes(&self) -> usize {
        4 * (self.weights.len() + self.bias.len())
    }

    /// The kernel and its tiles, for tables: `3x3 conv, tiles 14x2`.
    pub fn describe(&self) -> String {
        let [rows, columns] = self.window.kernel;
        let blocks = self.groups.first().map_or(1, |group| group.blocks);
        let pixels = self.cut.columns(blocks).first().map_or(1, |columns| columns.pixels);
        format!("{rows}x{columns} conv, tiles {pixels}x{blocks}")
    }

    fn check_reads(&self, from: &Buffer, to: &Buffer) -> Option<Reason> {
        let window = &self.window;
        let needs = window.border([from.height, from.width], [to.height, to.width]);
        if !from.border.covers(needs) {
            return Some(Reason::Border);
        }
        let run = if self.merges_taps { window.kernel[1] * from.pixel } else { from.pixel };
        let plane = from.plane();
        let fits = |span: &Span| {
            let lane = span.offset % plane;
            span.offset / plane < self.x.blocks && lane + span.count <= run
        };
        (!self.spans.iter().all(fits)).then_some(Reason::Values)
    }
}

impl Run for Conv {
    fn name(&self) -> &'static str {
        "conv"
    }

    fn reads(&self) -> Vec<View> {
        self.finish.reads(self.x)
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, to) = (&buffers[self.x.buffer], &buffers[self.y.buffer]);
        if from.images != to.images || !self.finish.fits(buffers, self.y) {
            return Some(Reason::Buffer);
        }
        if !self.cut.is_compiled() {
            return Some(Reason::Values);
        }
        self.check_reads(from, to)
    }

    fn tasks(&self) -> usize {
        self.tasks.images * self.tasks.bands * self.tasks.runs
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let Tasks { bands, rows_of_band, runs, groups_of_run, .. } = self.tasks;
        let (image, rest) = (task / (bands * runs), task % (bands * runs));
        let (band, run) = (rest / runs, rest % runs);
        // SAFETY: the program has checked that the views lie in their buffers, and these in the arena.
        let (x, y) = unsafe { (context.place(self.x), context.place(self.y)) };
        // SAFETY: the same.
        let residual = self.finish.residual.map(|view| unsafe { context.place(view) });
        let rows = if self.is_across_images {
            0..1
        } else {
            band * rows_of_band..((band + 1) * rows_of_band).min(y.buffer.height)
        };
        let groups = run * groups_of_run..((run + 1) * groups_of_run).min(self.groups.len());
        for group in &self.groups[groups] {
            // SAFETY: the caller's promise; this task alone writes these rows of these blocks.
            unsafe {
                self.run_group(
                    context.isa,
                    (&x, &y, residual.as_ref()),
                    image,
                    rows.clone(),
                    group,
                );
            }
        }
    }
}

impl Conv {
    /// Weights to fetch while those of a part are used for so many tiles, and how many lines for each lane.
    fn ahead(
        &self,
        group: &Group,
        part: usize,
        weights: usize,
        tiles: usize,
    ) -> (*const f32, usize) {
        let next = group.parts.get(part + 1).map(|(_, weights)| *weights);
        let lanes: usize =
            self.spans[group.parts[part].0.clone()].iter().map(|span| span.count).sum();
        let rows = self.window.kernel[0] * if self.merges_taps { 1 } else { self.window.kernel[1] };
        let len = lanes * rows * group.blocks * LANES;
        let all = self.weights.as_slice();
        let at = if tiles == 1 { weights + AHEAD.min(len) } else { next.unwrap_or(weights + len) };
        // Fetched once, by the first tiles.
        let lines = if tiles == 1 { group.blocks } else { usize::from(tiles < 64) };
        (all.as_ptr().wrapping_add(at), lines)
    }

    /// Computes some rows of a group of output blocks of an image.
    ///
    /// # Safety
    /// The processor has the instruction set; nothing else writes what is read here, or uses what is written.
    unsafe fn run_group(
        &self,
        isa: Isa,
        (x, y, residual): (&Place, &Place, Option<&Place>),
        image: usize,
        rows: Range<usize>,
        group: &Group,
    ) {
        let (from, to) = (&x.buffer, &y.buffer);
        let window = &self.window;
        let inset = window.padding[0] * from.row() + window.padding[1] * from.pixel;
        let row = rows.start;
        let (low, high) = self.finish.function.range();
        let last = group.parts.len() - 1;
        let images = if self.is_across_images { 0..to.images } else { image..image + 1 };
        for (part, (spans, weights)) in group.parts.iter().enumerate() {
            let is_last = part == last;
            for columns in self.cut.columns(group.blocks) {
                let (step, y_step) = if self.is_across_images {
                    (from.image(), to.image())
                } else {
                    (window.stride[1] * from.pixel, LANES)
                };
                let input = x.at(image, 0).wrapping_sub(inset);
                let input = input.wrapping_add(row * window.stride[0] * from.row());
                let output = y.at(image, group.first).wrapping_add(row * to.row());
                let added = residual.filter(|_| is_last).map(|place| {
                    let at = place.at(image, group.first).wrapping_add(row * place.buffer.row());
                    (at.wrapping_add(columns.start * LANES).cast_const(), place.buffer)
                });
                let (ahead, ahead_lines) =
                    self.ahead(group, part, *weights, rows.len() * columns.tiles);
                let tiles = Tiles {
                    x: input.wrapping_add(columns.start * step).cast_const(),
                    x_step: step,
                    x_row: window.stride[0] * from.row(),
                    x_tap: window.dilation[1] * from.pixel,
                    x_tap_row: window.dilation[0] * from.row(),
                    kernel: [window.kernel[0], if self.merges_taps { 1 } else { window.kernel[1] }],
                    spans: self.spans[spans.clone()].as_ptr(),
                    span_count: spans.len(),
                    weights: self.weights.as_slice()[*weights..].as_ptr(),
                    ahead,
                    ahead_lines,
                    bias: self.bias.as_slice()[group.first * LANES..].as_ptr(),
                    goes_on: part > 0,
                    y: output.wrapping_add(columns.start * y_step),
                    y_step,
                    y_row: to.row(),
                    y_plane: to.plane(),
                    residual: added.map_or(std::ptr::null(), |(at, _)| at),
                    residual_step: LANES,
                    residual_row: added.map_or(0, |(_, buffer)| buffer.row()),
                    residual_plane: added.map_or(0, |(_, buffer)| buffer.plane()),
                    low: if is_last { low } else { f32::NEG_INFINITY },
                    high: if is_last { high } else { f32::INFINITY },
                    rows: rows.len(),
                    columns: columns.tiles,
                };
                // SAFETY: the reads were checked with the window; the writes are in the rows of the view.
                unsafe { tiles.run(isa, columns.pixels, group.blocks) };
            }
        }
        for image in images {
            for block in group.first..group.first + group.blocks {
                // SAFETY: this task alone uses these rows of this block.
                unsafe {
                    apply_in_place(isa, self.finish.function, y, image, block, rows.clone());
                    y.clear_border(image, block, rows.clone());
                }
            }
        }
    }
}

/// What packing needs to know.
struct Packing<'a> {
    window: Window,
    values: Values<'a>,
    segments: &'a [Segment],
    buffer: &'a Buffer,
    merges_taps: bool,
    inputs: usize,
}

impl Packing<'_> {
    /// Groups, the spans that they read, and weights in the order of reading.
    fn pack(&self, blocks: &[usize]) -> (Vec<Group>, Vec<Span>, Aligned) {
        let Values { outputs, groups: channel_groups, .. } = self.values;
        let (of_group, ins_of_group) = (outputs / channel_groups, self.inputs / channel_groups);
        let taps = self.window.kernel[0] * self.window.kernel[1];
        let mut spans = Vec::new();
        let mut groups = Vec::with_capacity(blocks.len());
        // Each group's span and the input channel that it starts with.
        let mut starts: Vec<Vec<(usize, usize)>> = Vec::new();
        let (mut first, mut total) = (0, 0);
        let mut of_last_range = (0..0, 0..0);
        for &blocks in blocks {
            let channels = first * LANES..((first + blocks) * LANES).min(outputs);
            let from = channels.start / of_group * ins_of_group;
            let to = ((channels.end - 1) / of_group + 1) * ins_of_group;
            if of_last_range.0 != (from..to) || spans.is_empty() {
                let start = spans.len();
                let mut of_range = Vec::new();
                for (span, channel) in self.spans(from..to) {
                    spans.push(span);
                    of_range.push((spans.len() - 1, channel));
                }
                of_last_range = (from..to, start..spans.len());
                starts.push(of_range);
            } else {
                starts.push(starts.last().cloned().unwrap_or_default());
            }
            let mut parts: Vec<(Range<usize>, usize)> = Vec::new();
            let mut in_part = 0;
            for span in of_last_range.1.clone() {
                let taps = if self.merges_taps { self.window.kernel[0] } else { taps };
                let len = spans[span].count * taps * blocks * LANES;
                match parts.last_mut() {
                    Some((range, _)) if 4 * (in_part + len) <= WEIGHTS_IN_CACHE => {
                        range.end = span + 1;
                        in_part += len;
                    }
                    _ => {
                        parts.push((span..span + 1, total));
                        in_part = len;
                    }
                }
                total += len;
            }
            groups.push(Group { first, blocks, parts });
            first += blocks;
        }
        let mut weights = Aligned::zeros(total);
        let mut at = weights.as_mut_slice().chunks_exact_mut(LANES);
        for (group, starts) in groups.iter().zip(&starts) {
            for &(span, channel) in starts {
                self.pack_span(group, spans[span].count, channel, &mut at);
            }
        }
        (groups, spans, weights)
    }

    /// Runs of lanes for a range of input channels, each with its first channel.
    fn spans(&self, channels: Range<usize>) -> Vec<(Span, usize)> {
        let mut spans = Vec::new();
        let mut first = 0;
        for segment in self.segments {
            for block in 0..segment.channels.div_ceil(LANES) {
                let of_block =
                    first + block * LANES..first + ((block + 1) * LANES).min(segment.channels);
                let start = of_block.start.max(channels.start);
                let end = of_block.end.min(channels.end);
                if start < end {
                    let plane = (segment.block + block) * self.buffer.plane();
                    let run = if self.merges_taps { self.window.kernel[1] } else { 1 };
                    let offset = plane + start - of_block.start;
                    spans.push((Span { offset, count: (end - start) * run }, start));
                }
            }
            first += segment.channels;
        }
        spans
    }

    /// Packs the weights of a group for one span.
    fn pack_span<'w>(
        &self,
        group: &Group,
        count: usize,
        channel: usize,
        to: &mut impl Iterator<Item = &'w mut [f32]>,
    ) {
        let [rows, columns] = self.window.kernel;
        let run = if self.merges_taps { columns } else { 1 };
        let lanes = count / run;
        for row in 0..rows {
            for column in 0..columns {
                for lane in 0..lanes {
                    for block in group.first..group.first + group.blocks {
                        if let Some(sixteen) = to.next() {
                            self.weights_of(block, channel + lane, [row, column], sixteen);
                        }
                    }
                }
            }
        }
    }

    /// Weights of sixteen output channels for an input channel and a tap.
    fn weights_of(&self, block: usize, input: usize, tap: [usize; 2], sixteen: &mut [f32]) {
        let Values { outputs, groups, weights, .. } = self.values;
        let (of_group, ins_of_group) = (outputs / groups, self.inputs / groups);
        let [rows, columns] = self.window.kernel;
        if groups == 1 {
            // The same without divisions, which would take most of the time.
            let of_output = ins_of_group * rows * columns;
            let first = block * LANES * of_output + (input * rows + tap[0]) * columns + tap[1];
            let count = LANES.min(outputs - block * LANES);
            for (lane, weight) in sixteen.iter_mut().take(count).enumerate() {
                *weight = weights[first + lane * of_output];
            }
            return;
        }
        for (lane, weight) in sixteen.iter_mut().enumerate() {
            let output = block * LANES + lane;
            if output < outputs && output / of_group == input / ins_of_group {
                let row = (output * ins_of_group + input % ins_of_group) * rows + tap[0];
                *weight = weights[row * columns + tap[1]];
            }
        }
    }
}
