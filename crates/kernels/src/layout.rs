//! Conversion of the network's input to blocks, and of results from blocks.

use std::sync::Arc;

use crate::{
    conv::Segment,
    memory::{Buffer, View},
    run::{Context, Reason, Run},
    simd::LANES,
};

/// Rows of an image that one task brings in.
const ROWS_OF_TASK: usize = 32;

/// Copies the network's input, `images x channels x height x width`, to a buffer.
#[derive(Clone, Debug)]
pub struct Load {
    /// The whole buffer.
    pub to: View,
    /// Channels.
    pub channels: usize,
    /// Images of the buffer, and bands of rows of each.
    images: usize,
    bands: usize,
}

impl Load {
    /// Copies this number of channels to a buffer.
    pub fn new(buffers: &[Buffer], to: View, channels: usize) -> Self {
        let buffer = buffers.get(to.buffer);
        let images = buffer.map_or(0, |buffer| buffer.images);
        let bands = buffer.map_or(0, |buffer| buffer.height.div_ceil(ROWS_OF_TASK));
        Self { to, channels, images, bands }
    }
}

impl Run for Load {
    fn name(&self) -> &'static str {
        "load"
    }

    fn reads(&self) -> Vec<View> {
        Vec::new()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let buffer = &buffers[self.to.buffer];
        let fits = self.to.first == 0
            && self.channels <= buffer.blocks * buffer.pixel
            && self.to.blocks == buffer.blocks
            && self.images == buffer.images
            && self.bands == buffer.height.div_ceil(ROWS_OF_TASK);
        (!fits).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.images * self.bands
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    fn input_len(&self, buffers: &[Buffer]) -> usize {
        let Buffer { images, height, width, .. } = buffers[self.to.buffer];
        images * self.channels * height * width
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        // SAFETY: the program has checked the view.
        let to = unsafe { context.place(self.to) };
        let Buffer { blocks, height, width, pixel, .. } = to.buffer;
        let (image, band) = (task / self.bands, task % self.bands);
        let rows = band * ROWS_OF_TASK..((band + 1) * ROWS_OF_TASK).min(height);
        let area = height * width;
        let channels = &context.feed.input[image * self.channels * area..][..self.channels * area];
        for block in 0..blocks {
            for (lane, channel) in
                channels.chunks_exact(area).skip(block * pixel).take(pixel).enumerate()
            {
                for y in rows.clone() {
                    if context.is_stopped() {
                        return;
                    }
                    let row = to.at(image, block).wrapping_add(y * to.buffer.row() + lane);
                    for (x, value) in channel[y * width..][..width].iter().enumerate() {
                        // SAFETY: a pixel of these rows, which this task alone writes.
                        unsafe { row.add(x * pixel).write(*value) };
                    }
                }
            }
            // SAFETY: the border of rows that this task alone writes.
            unsafe { to.clear_border(image, block, rows.clone()) };
        }
    }
}

/// Numbers of a view in the order `channels x height x width`, for each image.
#[derive(Clone, Debug)]
struct InOrder {
    from: View,
    segments: Arc<[Segment]>,
}

impl InOrder {
    fn channels(&self) -> usize {
        self.segments.iter().map(|segment| segment.channels).sum()
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let fits = |segment: &Segment| {
            segment.block + segment.channels.div_ceil(LANES) <= self.from.blocks
        };
        let is_valid = self.segments.iter().all(fits) && buffers[self.from.buffer].pixel == LANES;
        (!is_valid).then_some(Reason::Values)
    }

    /// Calls `put` with the position of each number of an image and the number.
    ///
    /// # Safety
    /// The program has checked the step that this belongs to.
    unsafe fn each(&self, context: &Context<'_>, image: usize, mut put: impl FnMut(usize, f32)) {
        // SAFETY: the caller's promise.
        let from = unsafe { context.place(self.from) };
        let Buffer { height, width, .. } = from.buffer;
        let mut channel = 0;
        for segment in &*self.segments {
            for lane in 0..segment.channels {
                let at = from.at(image, segment.block + lane / LANES).wrapping_add(lane % LANES);
                for y in 0..height {
                    if context.is_stopped() {
                        return;
                    }
                    for x in 0..width {
                        let pixel = at.wrapping_add(y * from.buffer.row() + x * LANES);
                        // SAFETY: a lane of a pixel of the view.
                        put((channel * height + y) * width + x, unsafe { pixel.read() });
                    }
                }
                channel += 1;
            }
        }
    }
}

/// Copies the network's output from a buffer, in the order `images x channels x height x width`.
#[derive(Clone, Debug)]
pub struct Store {
    from: InOrder,
    images: usize,
}

impl Store {
    /// Copies the channels of these segments.
    pub fn new(buffers: &[Buffer], from: View, segments: impl Into<Arc<[Segment]>>) -> Self {
        let images = buffers.get(from.buffer).map_or(0, |buffer| buffer.images);
        Self { from: InOrder { from, segments: segments.into() }, images }
    }
}

impl Run for Store {
    fn name(&self) -> &'static str {
        "store"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.from.from]
    }

    fn writes(&self) -> Vec<View> {
        Vec::new()
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let same = self.images == buffers[self.from.from.buffer].images;
        if same { self.from.check(buffers) } else { Some(Reason::Buffer) }
    }

    fn tasks(&self) -> usize {
        self.images
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    fn output_len(&self, buffers: &[Buffer]) -> usize {
        let Buffer { images, height, width, .. } = buffers[self.from.from.buffer];
        images * self.from.channels() * height * width
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        // SAFETY: the program has checked the view.
        let Buffer { height, width, .. } = unsafe { context.place(self.from.from) }.buffer;
        let to = context.output.wrapping_add(task * self.from.channels() * height * width);
        // SAFETY: the output has room for each number of each image; this task alone writes those of its image.
        unsafe { self.from.each(context, task, |position, value| to.add(position).write(value)) };
    }
}

/// Flattens maps to a vector, in the order `channels x height x width`.
#[derive(Clone, Debug)]
pub struct Flatten {
    from: InOrder,
    to: View,
    images: usize,
}

impl Flatten {
    /// Flattens the channels of these segments into a view of maps of one pixel.
    pub fn new(
        buffers: &[Buffer],
        from: View,
        segments: impl Into<Arc<[Segment]>>,
        to: View,
    ) -> Self {
        let images = buffers.get(from.buffer).map_or(0, |buffer| buffer.images);
        Self { from: InOrder { from, segments: segments.into() }, to, images }
    }
}

impl Run for Flatten {
    fn name(&self) -> &'static str {
        "flatten"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.from.from]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, to) = (&buffers[self.from.from.buffer], &buffers[self.to.buffer]);
        let fits = self.images == from.images
            && to.images == from.images
            && (to.height, to.width, to.pixel) == (1, 1, LANES)
            && to.border == crate::memory::Border::default()
            && self.from.channels() * from.height * from.width <= self.to.blocks * LANES;
        if fits { self.from.check(buffers) } else { Some(Reason::Buffer) }
    }

    fn tasks(&self) -> usize {
        self.images
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        // SAFETY: the program has checked the view; blocks of one pixel without a border follow each other.
        let to = unsafe { context.place(self.to) }.at(task, 0);
        // SAFETY: the view has room for each number; this task alone writes those of its image.
        unsafe { self.from.each(context, task, |position, value| to.add(position).write(value)) };
    }
}

/// Permutes or selects lanes: each lane of the output is one of the input.
#[derive(Clone, Debug)]
pub struct Gather {
    /// What is read.
    pub from: View,
    /// What is written, a map of the same size.
    pub to: View,
    /// For each lane of the output from the first one on, the lane of the input view.
    pub lanes: Arc<[usize]>,
    images: usize,
}

impl Gather {
    /// Moves lanes of maps of the same size.
    pub fn new(buffers: &[Buffer], from: View, to: View, lanes: impl Into<Arc<[usize]>>) -> Self {
        let images = buffers.get(to.buffer).map_or(0, |buffer| buffer.images);
        Self { from, to, lanes: lanes.into(), images }
    }
}

impl Run for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.from]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, to) = (&buffers[self.from.buffer], &buffers[self.to.buffer]);
        let size = |buffer: &Buffer| (buffer.images, buffer.height, buffer.width);
        let fits = size(from) == size(to)
            && self.images == to.images
            && (from.pixel, to.pixel) == (LANES, LANES)
            && self.lanes.len() <= self.to.blocks * LANES
            && self.lanes.iter().all(|lane| *lane < self.from.blocks * LANES);
        (!fits).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.images * self.to.blocks
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        // SAFETY: the program has checked the views.
        let (from, to) = unsafe { (context.place(self.from), context.place(self.to)) };
        let (image, block) = (task / self.to.blocks, task % self.to.blocks);
        let Buffer { height, width, .. } = to.buffer;
        for (lane, source) in self.lanes.iter().skip(block * LANES).take(LANES).enumerate() {
            let input = from.at(image, source / LANES).wrapping_add(source % LANES);
            let output = to.at(image, block).wrapping_add(lane);
            for y in 0..height {
                if context.is_stopped() {
                    return;
                }
                for x in 0..width {
                    // SAFETY: lanes of pixels of the views; this task alone writes those of its block.
                    unsafe {
                        let value = input.add(y * from.buffer.row() + x * LANES).read();
                        output.add(y * to.buffer.row() + x * LANES).write(value);
                    }
                }
            }
        }
        // SAFETY: the border of the block that this task alone writes.
        unsafe { to.clear_border(image, block, 0..height) };
    }
}
