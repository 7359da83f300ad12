//! Convolution: one blocked loop for every kernel size, stride, dilation and number of groups.

mod choose;
mod data;
mod loops;
mod order;
mod pack;
mod tile;
mod weights;
mod winograd;

use std::{
    ops::Range,
    sync::{Arc, atomic::AtomicBool},
};

use crate::{
    activation::{Function, apply_in_place},
    memory::{Aligned, Border, Buffer, Place, View},
    numbers::Numbers,
    run::{Context, Invalid, Part, Reason, Run},
    simd::{Isa, LANES},
};
use choose::{Cut, choose};
pub use data::{ConvData, WeightsOf};
use loops::{Io, Loops};
use order::{Map, NONE, Order};
pub use pack::{Pack, SumParts, Unpack};
use tile::Span;
pub use weights::ConvWeights;
pub use winograd::Winograd;

/// Bytes of input rows that are read again for each group of output blocks.
const INPUT_IN_CACHE: usize = 384 << 10;

/// The same of all images, where nothing else is read again.
const INPUT_OF_IMAGES_IN_CACHE: usize = 1 << 20;

/// Bytes of weights that stay in a cache from image to image.
const WEIGHTS_IN_CACHE: usize = 1 << 20;

/// Multiply-accumulates of a task, at most, where the shape allows it: a stop is answered between tasks.
const MACS_OF_A_TASK: usize = 64 << 20;

/// The flag of what is not stopped.
static NEVER: AtomicBool = AtomicBool::new(false);

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

    /// The border of zeros that a map of this size needs, for an output of a given size.
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

/// The operations on the sums before they are stored.
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

/// A convolution, with bias, sum and activation function.
#[derive(Clone, Debug)]
pub struct Conv {
    x: View,
    y: View,
    window: Window,
    finish: Finish,
    /// As maps of one pixel: the images are its columns.
    is_across_images: bool,
    /// Whether tasks are images, with all rows and groups.
    is_by_images: bool,
    loops: Arc<Loops>,
    weights: Numbers,
    bias: Numbers,
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

/// The outermost loop of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outermost {
    /// Images: their feature maps stay in a cache from one step to the next.
    Images,
    /// Weights: each is read once for all images.
    Weights,
}

/// Packed weights and a bias that other steps write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedNumbers {
    /// A vector of packed weights.
    pub weights: View,
    /// A vector with a number for each output lane, or none.
    pub bias: Option<View>,
}

/// The order in which a convolution reads its weights.
#[derive(Clone, Debug)]
pub struct Reading(Arc<Loops>);

impl Reading {
    /// Number of weights in this order, including zeros for lanes without a channel.
    pub fn len(&self) -> usize {
        self.0.order.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a tensor of this length has all weights, and `packed` room for them.
    fn fits(&self, tensor: &[f32], packed: &[f32]) -> bool {
        tensor.len() >= self.0.order.tensor_len() && packed.len() >= self.len()
    }

    /// Packs a layer's tensor into this order; does nothing if lengths do not match.
    pub fn pack(&self, tensor: &[f32], packed: &mut [f32]) {
        if !self.fits(tensor, packed) {
            return;
        }
        for group in &self.0.order.groups {
            // SAFETY: the lengths were checked.
            unsafe {
                let to = packed.as_mut_ptr().add(group.weights());
                self.0.order.pack(group, tensor.as_ptr(), to, &NEVER);
            }
        }
    }

    /// The inverse of [`Reading::pack`]; does nothing if lengths do not match.
    pub fn unpack(&self, packed: &[f32], tensor: &mut [f32]) {
        if !self.fits(tensor, packed) {
            return;
        }
        for group in &self.0.order.groups {
            // SAFETY: the lengths were checked.
            unsafe {
                let from = packed.as_ptr().add(group.weights());
                self.0.order.unpack(group, from, tensor.as_mut_ptr(), false, &NEVER);
            }
        }
    }
}

/// The layer's numbers of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    /// Output channels.
    pub outputs: usize,
    /// Groups.
    pub groups: usize,
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
        Self::new_until(isa, threads, places, window, values, finish, &NEVER)
    }

    /// The same; soon after `stop` is set it ends early, with an error or a step whose weights are not complete.
    ///
    /// # Errors
    /// See [`Conv::new`].
    pub fn new_until(
        isa: Isa,
        threads: usize,
        places: Places<'_>,
        window: Window,
        values: Values<'_>,
        finish: Finish,
        stop: &AtomicBool,
    ) -> Result<Self, Invalid> {
        let Values { weights, bias, outputs, groups } = values;
        let loops = loops(isa, places, window, Widths { outputs, groups }, finish)?;
        let inputs: usize = places.segments.iter().map(|segment| segment.channels).sum();
        let len = outputs * (inputs / groups) * window.kernel[0] * window.kernel[1];
        if weights.len() != len || bias.is_some_and(|bias| bias.len() != outputs) {
            return Err(Invalid::new("conv", Reason::Values));
        }
        let no_memory = || Invalid::new("conv", Reason::Memory);
        let mut packed = Aligned::try_zeros_until(loops.order.len, stop).ok_or_else(no_memory)?;
        let mut rest = packed.as_mut_slice();
        for (index, group) in loops.order.groups.iter().enumerate() {
            let (to, others) = rest.split_at_mut(loops.order.group_len(index));
            // SAFETY: the tensor has the length that was checked above, and `to` that of the group.
            unsafe { loops.order.pack(group, weights.as_ptr(), to.as_mut_ptr(), stop) };
            rest = others;
        }
        let mut sums = Aligned::zeros(places.y.blocks * LANES);
        if let Some(bias) = bias {
            sums.as_mut_slice()[..bias.len()].copy_from_slice(bias);
        }
        let numbers = (Numbers::own(packed), Numbers::own(sums));
        let mut conv = Self::with_loops(places, window, finish, loops, numbers);
        let Places { buffers, x, y, .. } = places;
        conv.tasks = conv.cut_work(threads, &buffers[x.buffer], &buffers[y.buffer]);
        conv.is_by_images &= conv.tasks.images == buffers[y.buffer].images;
        Ok(conv)
    }

    /// With packed weights and a bias that other steps write.
    ///
    /// # Errors
    /// When numbers do not fit together.
    pub fn shared(
        isa: Isa,
        places: Places<'_>,
        window: Window,
        widths: Widths,
        shared: SharedNumbers,
        order: Outermost,
        function: Function,
    ) -> Result<Self, Invalid> {
        let finish = Finish { residual: None, function };
        let loops = loops(isa, places, window, widths, finish)?;
        let bias = match shared.bias {
            Some(view) => Numbers::Shared(view),
            None => Numbers::own(Aligned::zeros(places.y.blocks * LANES)),
        };
        let numbers = (Numbers::Shared(shared.weights), bias);
        let mut conv = Self::with_loops(places, window, finish, loops, numbers);
        conv.is_by_images = order == Outermost::Images && !conv.is_across_images;
        let to = &places.buffers[places.y.buffer];
        let (rows, groups) = (to.height, conv.loops.order.groups.len());
        let (images, runs, groups_of_run) =
            if conv.is_by_images { (to.images, 1, groups) } else { (1, groups, 1) };
        conv.tasks = Tasks { images, bands: 1, rows_of_band: rows, runs, groups_of_run };
        Ok(conv)
    }

    /// The order in which a convolution with shared weights reads them.
    ///
    /// # Errors
    /// See [`Conv::shared`].
    pub fn reading_of(
        isa: Isa,
        places: Places<'_>,
        window: Window,
        widths: Widths,
    ) -> Result<Reading, Invalid> {
        Ok(Reading(Arc::new(loops(isa, places, window, widths, Finish::NONE)?)))
    }

    /// The step that packs the layer's tensor for this one.
    pub fn pack(&self, tensor: View) -> Option<Pack> {
        let to = self.weights.view()?;
        Some(Pack::new(tensor, to, vec![(Arc::clone(&self.loops), 0)]))
    }

    fn with_loops(
        Places { buffers, x, y, .. }: Places<'_>,
        window: Window,
        finish: Finish,
        loops: Loops,
        (weights, bias): (Numbers, Numbers),
    ) -> Self {
        let is_across_images = is_across_images(&buffers[y.buffer], finish);
        let tasks = Tasks { images: 1, bands: 1, rows_of_band: 1, runs: 1, groups_of_run: 1 };
        Self {
            x,
            y,
            window,
            finish,
            is_across_images,
            is_by_images: !is_across_images,
            loops: Arc::new(loops),
            weights,
            bias,
            tasks,
        }
    }

    /// Whether fewer bytes come from beyond the cache if each group of output blocks is computed for all images before the
    /// next one: then the weights are read once instead of for each image, but the input of all images for each group.
    fn reads_weights_once(&self, from: &Buffer, to: &Buffer) -> bool {
        let weights = 4 * self.loops.order.len;
        let input = 4 * self.x.blocks * from.plane() * to.images;
        if to.images == 1 || weights <= WEIGHTS_IN_CACHE {
            return false;
        }
        let groups = self.loops.order.groups.len();
        let readings = if input > INPUT_OF_IMAGES_IN_CACHE { groups } else { 1 };
        weights + readings * input < to.images * weights + input
    }

    /// Bands of rows whose input stays in a cache while every group of output blocks reads it, and enough tasks for
    /// every thread.
    fn cut_work(&self, threads: usize, from: &Buffer, to: &Buffer) -> Tasks {
        let groups = self.loops.order.groups.len();
        let lanes: usize = self.loops.order.spans.iter().map(|span| span.count).sum();
        let taps = self.loops.kernel[0] * self.loops.kernel[1];
        let pixel = lanes.max(1) * taps * self.y.blocks * LANES;
        if self.is_across_images {
            // Every task reads other weights; all of them read the same input.
            let wanted = (4 * threads).max(pixel * to.images / MACS_OF_A_TASK).clamp(1, groups);
            let groups_of_run = groups.div_ceil(wanted);
            let runs = groups.div_ceil(groups_of_run);
            return Tasks { images: 1, bands: 1, rows_of_band: 1, runs, groups_of_run };
        }
        if self.reads_weights_once(from, to) {
            let macs = pixel * to.images * to.height * to.width;
            let wanted = if threads == 1 { 1 } else { 4 * threads };
            let wanted = wanted.max(macs / MACS_OF_A_TASK).clamp(1, groups);
            let groups_of_run = groups.div_ceil(wanted);
            let runs = groups.div_ceil(groups_of_run);
            return Tasks { images: 1, bands: 1, rows_of_band: to.height, runs, groups_of_run };
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
        4 * (self.loops.order.len + self.y.blocks * LANES)
    }

    /// The kernel and its tiles, for tables: `3x3 conv, tiles 14x2`.
    pub fn describe(&self) -> String {
        let [rows, columns] = self.window.kernel;
        let blocks = self.loops.order.groups.first().map_or(1, |group| group.blocks);
        let pixels = self.loops.cut.columns(blocks).first().map_or(1, |columns| columns.pixels);
        format!("{rows}x{columns} conv, tiles {pixels}x{blocks}")
    }
}

/// Checks that everything that windows of a view reach lies in its buffer.
fn check_reads(
    window: &Window,
    loops: &Loops,
    x: View,
    from: &Buffer,
    to: &Buffer,
) -> Option<Reason> {
    let needs = window.border([from.height, from.width], [to.height, to.width]);
    if !from.border.covers(needs) {
        return Some(Reason::Border);
    }
    let merged = window.kernel[1] / loops.kernel[1].max(1);
    let run = merged * from.pixel;
    let plane = from.plane();
    let fits = |span: &Span| {
        let lane = span.offset % plane;
        span.offset / plane < x.blocks && lane + span.count <= run
    };
    (!loops.order.spans.iter().all(fits)).then_some(Reason::Values)
}

impl Run for Conv {
    fn name(&self) -> &'static str {
        "conv"
    }

    fn reads(&self) -> Vec<View> {
        let numbers = [self.weights.view(), self.bias.view()];
        self.finish.reads(self.x).into_iter().chain(numbers.into_iter().flatten()).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, to) = (&buffers[self.x.buffer], &buffers[self.y.buffer]);
        if from.images != to.images || !self.finish.fits(buffers, self.y) {
            return Some(Reason::Buffer);
        }
        if !self.loops.cut.is_compiled() {
            return Some(Reason::Values);
        }
        let has_numbers = self.weights.has(buffers, self.loops.order.len)
            && self.bias.has(buffers, self.y.blocks * LANES);
        if !has_numbers {
            return Some(Reason::Values);
        }
        check_reads(&self.window, &self.loops, self.x, from, to)
    }

    fn tasks(&self) -> usize {
        self.tasks.images * self.tasks.bands * self.tasks.runs
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let Tasks { images, bands, rows_of_band, runs, groups_of_run } = self.tasks;
        let (image, rest) = (task / (bands * runs), task % (bands * runs));
        let (band, run) = (rest / runs, rest % runs);
        let height = context.buffers[self.y.buffer].height;
        let rows = band * rows_of_band..((band + 1) * rows_of_band).min(height);
        let groups = self.loops.order.groups.len();
        let groups = run * groups_of_run..((run + 1) * groups_of_run).min(groups);
        let all = context.buffers[self.y.buffer].images;
        let images = if images == 1 { 0..all } else { image..image + 1 };
        // SAFETY: the caller's promise; this task alone writes these rows of these blocks.
        unsafe { self.run_groups(context, images, rows, groups) };
    }

    fn images(&self) -> Option<usize> {
        self.is_by_images.then_some(self.tasks.images)
    }

    unsafe fn run_images(&self, context: &Context<'_>, images: Range<usize>, _part: Part) {
        let rows = 0..context.buffers[self.y.buffer].height;
        // SAFETY: the caller's promise; nothing else uses these images.
        unsafe { self.run_groups(context, images, rows, 0..self.loops.order.groups.len()) };
    }
}

impl Conv {
    /// Computes some rows of some groups of output blocks of some images.
    ///
    /// # Safety
    /// The program has checked the step; the processor has the instruction set; nothing else writes what is read here,
    /// or uses what is written.
    unsafe fn run_groups(
        &self,
        context: &Context<'_>,
        images: Range<usize>,
        rows: Range<usize>,
        groups: Range<usize>,
    ) {
        // SAFETY: the program has checked that the views lie in their buffers, and these in the arena.
        let (x, y) = unsafe { (context.place(self.x), context.place(self.y)) };
        // SAFETY: the same.
        let residual = self.finish.residual.map(|view| unsafe { context.place(view) });
        let (from, to) = (&x.buffer, &y.buffer);
        let (window, first) = (&self.window, images.start);
        let inset = window.padding[0] * from.row() + window.padding[1] * from.pixel;
        let down = rows.start * window.stride[0] * from.row();
        let (x_step, y_step, count) = if self.is_across_images {
            (from.image(), to.image(), 1)
        } else {
            (window.stride[1] * from.pixel, LANES, images.len())
        };
        let added = residual.map(|place: Place| {
            let row = rows.start * place.buffer.row();
            (place.at(first, 0).wrapping_add(row).cast_const(), place.buffer)
        });
        // SAFETY: the program has checked the views.
        let (weights, bias) = unsafe { (self.weights.at(context), self.bias.at(context)) };
        let io = Io {
            x: x.at(first, 0).wrapping_sub(inset).wrapping_add(down).cast_const(),
            x_step,
            x_row: window.stride[0] * from.row(),
            x_tap: window.dilation[1] * from.pixel,
            x_tap_row: window.dilation[0] * from.row(),
            x_image: from.image(),
            weights,
            bias,
            adds: false,
            y: y.at(first, 0).wrapping_add(rows.start * to.row()),
            y_step,
            y_row: to.row(),
            y_plane: to.plane(),
            y_image: to.image(),
            residual: added.map_or(std::ptr::null(), |(at, _)| at),
            residual_row: added.map_or(0, |(_, buffer)| buffer.row()),
            residual_plane: added.map_or(0, |(_, buffer)| buffer.plane()),
            residual_image: added.map_or(0, |(_, buffer)| buffer.image()),
            range: self.finish.function.range(),
            rows: rows.len(),
            images: count,
        };
        let function = self.finish.function;
        for group in &self.loops.order.groups[groups] {
            if context.is_stopped() {
                return;
            }
            // SAFETY: the reads were checked with the window; the writes are in the rows of the view.
            unsafe { self.loops.run(context, &io, group) };
            for image in images.clone() {
                for block in group.first..group.first + group.blocks {
                    // SAFETY: this task alone uses these rows of this block.
                    unsafe {
                        apply_in_place(context, function, &y, image, block, rows.clone());
                        y.clear_border(image, block, rows.clone());
                    }
                }
            }
        }
    }
}

/// Whether images are computed like the columns of one map.
fn is_across_images(to: &Buffer, finish: Finish) -> bool {
    to.height * to.width == 1 && finish.residual.is_none()
}

/// Chooses tiles and the order of the weights.
fn loops(
    isa: Isa,
    Places { buffers, x, segments, y }: Places<'_>,
    window: Window,
    Widths { outputs, groups }: Widths,
    finish: Finish,
) -> Result<Loops, Invalid> {
    let (Some(from), Some(to)) = (buffers.get(x.buffer), buffers.get(y.buffer)) else {
        return Err(Invalid::new("conv", Reason::Buffer));
    };
    let inputs: usize = segments.iter().map(|segment| segment.channels).sum();
    let is_valid = groups > 0
        && inputs.is_multiple_of(groups)
        && outputs.is_multiple_of(groups)
        && y.blocks == outputs.div_ceil(LANES);
    if !is_valid {
        return Err(Invalid::new("conv", Reason::Values));
    }
    let merges_taps = from.pixel < LANES && window.dilation[1] == 1 && groups == 1;
    let width = if is_across_images(to, finish) { to.images } else { to.width };
    let cut = cut(isa, width, y.blocks, outputs, groups);
    let [rows, columns] = window.kernel;
    let map = Map {
        outputs: lanes_of(&[Segment { block: 0, channels: outputs }], y.blocks),
        output_step: inputs / groups * rows * columns,
        input_step: rows * columns,
        taps: (0..rows * columns).collect(),
        packed: None,
        outputs_of_group: outputs / groups,
        inputs_of_group: inputs / groups,
        is_transposed: false,
        has_one_group: groups == 1,
    };
    let order = Order::new(&cut.blocks, window.kernel, merges_taps, (segments, from), map);
    let kernel = [rows, if merges_taps { 1 } else { columns }];
    Ok(Loops { order, cut, kernel })
}

/// Tiles for rows of `width` pixels and so many output blocks; groups of blocks do not cross groups of channels.
fn cut(isa: Isa, width: usize, blocks: usize, outputs: usize, groups: usize) -> Cut {
    let of_group = outputs / groups;
    let most = if groups == 1 { 8 } else { (of_group / LANES).max(1) };
    if groups == 1 || of_group.is_multiple_of(LANES) {
        let mut cut = choose(isa, width, most.min(blocks).max(of_group.div_ceil(LANES)), 8);
        cut.blocks = cut.blocks.repeat(groups);
        return cut;
    }
    let mut cut = choose(isa, width, 1, 1);
    cut.blocks = vec![1; blocks];
    cut
}

/// The channel of each lane of so many blocks.
fn lanes_of(segments: &[Segment], blocks: usize) -> Vec<u32> {
    let mut lanes = vec![NONE; blocks * LANES];
    let mut channel = 0;
    for segment in segments {
        for lane in lanes.iter_mut().skip(segment.block * LANES).take(segment.channels) {
            *lane = channel;
            channel += 1;
        }
    }
    lanes
}
