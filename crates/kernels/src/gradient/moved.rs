//! The gradient of operators that only move numbers.

use std::sync::Arc;

use crate::{
    blockwise::{Blockwise, size_of},
    conv::Segment,
    memory::{Buffer, View},
    run::{Context, Reason, Run},
    simd::LANES,
};

/// The gradient of a map that was flattened in the order `channels x height x width`.
#[derive(Clone, Debug)]
pub struct FlattenBack {
    dz: View,
    to: View,
    adds: bool,
    segments: Arc<[Segment]>,
    images: usize,
}

impl FlattenBack {
    /// `to` is the gradient of the map, whose channels lie in `segments`.
    pub fn new(
        buffers: &[Buffer],
        dz: View,
        to: View,
        segments: Arc<[Segment]>,
        adds: bool,
    ) -> Self {
        Self { dz, to, adds, segments, images: size_of(buffers, to).0 }
    }
}

impl Run for FlattenBack {
    fn name(&self) -> &'static str {
        "flatten back"
    }

    fn reads(&self) -> Vec<View> {
        if self.adds { vec![self.dz, self.to] } else { vec![self.dz] }
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, to) = (&buffers[self.dz.buffer], &buffers[self.to.buffer]);
        let channels: usize = self.segments.iter().map(|segment| segment.channels).sum();
        let fits = |s: &Segment| s.block + s.channels.div_ceil(LANES) <= self.to.blocks;
        let is_valid = self.images == to.images
            && from.images == to.images
            && (from.height, from.width, from.pixel, to.pixel) == (1, 1, LANES, LANES)
            && from.is_rows()
            && channels * to.height * to.width <= self.dz.blocks * LANES
            && self.segments.iter().all(fits);
        (!is_valid).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.images
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    unsafe fn run(&self, context: &Context<'_>, image: usize) {
        // SAFETY: the program has checked the views; this task alone writes the image.
        unsafe {
            let (dz, to) = (context.place(self.dz), context.place(self.to));
            let numbers = dz.row_of(image, self.dz.blocks);
            let Buffer { height, width, .. } = to.buffer;
            let mut channel = 0;
            for segment in &*self.segments {
                for lane in 0..segment.channels {
                    let at = to.at(image, segment.block + lane / LANES).wrapping_add(lane % LANES);
                    for y in 0..height {
                        if context.is_stopped() {
                            return;
                        }
                        for x in 0..width {
                            let pixel = at.wrapping_add(y * to.buffer.row() + x * LANES);
                            let number = numbers[(channel * height + y) * width + x];
                            pixel.write(if self.adds { pixel.read() + number } else { number });
                        }
                    }
                    channel += 1;
                }
            }
            for block in 0..self.to.blocks {
                to.clear_border(image, block, 0..height);
            }
        }
    }
}

/// The gradient of a map whose lanes were moved.
#[derive(Clone, Debug)]
pub struct GatherBack {
    dz: View,
    to: View,
    adds: bool,
    /// For each block of the gradient: its lane, and the lane of `dz` that was read from it.
    lanes: Vec<Vec<(usize, usize)>>,
    size: (usize, usize),
}

impl GatherBack {
    /// `lanes` has, for each lane of `dz` from the first one on, the lane of the input view.
    pub fn new(buffers: &[Buffer], dz: View, to: View, lanes: &[usize], adds: bool) -> Self {
        let mut of_blocks = vec![Vec::new(); to.blocks];
        for (lane, source) in lanes.iter().enumerate() {
            if let Some(block) = of_blocks.get_mut(source / LANES) {
                block.push((source % LANES, lane));
            }
        }
        Self { dz, to, adds, lanes: of_blocks, size: size_of(buffers, to) }
    }
}

impl Blockwise for GatherBack {
    const NAME: &'static str = "gather back";

    fn reads(&self) -> Vec<View> {
        if self.adds { vec![self.dz, self.to] } else { vec![self.dz] }
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fits(&self, buffers: &[Buffer]) -> bool {
        let (from, to) = (&buffers[self.dz.buffer], &buffers[self.to.buffer]);
        let size = |buffer: &Buffer| (buffer.images, buffer.height, buffer.width, buffer.pixel);
        self.size == size_of(buffers, self.to)
            && size(from) == size(to)
            && to.pixel == LANES
            && self.lanes.len() == self.to.blocks
            && self.lanes.iter().flatten().all(|(_, lane)| *lane < self.dz.blocks * LANES)
    }

    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the block of the image.
        unsafe {
            let (dz, to) = (context.place(self.dz), context.place(self.to));
            let Buffer { height, width, .. } = to.buffer;
            for y in 0..height {
                if context.is_stopped() {
                    return;
                }
                let row = to.at(image, block).wrapping_add(y * to.buffer.row());
                if !self.adds {
                    row.write_bytes(0, width * LANES);
                }
                for (lane, from) in &self.lanes[block] {
                    let source = dz.at(image, from / LANES).wrapping_add(from % LANES);
                    let source = source.wrapping_add(y * dz.buffer.row());
                    for x in 0..width {
                        let at = row.wrapping_add(x * LANES + lane);
                        at.write(at.read() + source.wrapping_add(x * LANES).read());
                    }
                }
            }
            to.clear_border(image, block, 0..height);
        }
    }
}
