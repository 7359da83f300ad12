//! Windows that slide over each channel separately: depthwise convolution and pooling.

mod depthwise;
mod pool;
mod rows;

use std::ops::Range;

use crate::{
    memory::{Buffer, View},
    simd::LANES,
};

pub use depthwise::Depthwise;
pub(crate) use depthwise::DepthwiseRow;
pub use pool::{Pool, PoolKind};

/// Rows of an image that one task computes, at most.
const ROWS_OF_TASK: usize = 28;

/// Tasks of a step that works on blocks of images by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tasks {
    images: usize,
    blocks: usize,
    bands: usize,
}

impl Tasks {
    fn new(buffers: &[Buffer], y: View) -> Self {
        let buffer = buffers.get(y.buffer);
        let bands = buffer.map_or(0, |buffer| buffer.height.div_ceil(ROWS_OF_TASK));
        Self { images: buffer.map_or(0, |buffer| buffer.images), blocks: y.blocks, bands }
    }

    const fn count(self) -> usize {
        self.images * self.blocks * self.bands
    }

    /// Image, block and rows of a task.
    fn task(self, task: usize, height: usize) -> (usize, usize, Range<usize>) {
        let (rest, band) = (task / self.bands, task % self.bands);
        let rows = height.div_ceil(self.bands);
        let rows = (band * rows).min(height)..((band + 1) * rows).min(height);
        (rest / self.blocks, rest % self.blocks, rows)
    }
}

/// Rows and columns of a view.
fn size(buffers: &[Buffer], view: View) -> [usize; 2] {
    buffers.get(view.buffer).map_or([0, 0], |buffer| [buffer.height, buffer.width])
}

/// Whether two views have the same blocks and images.
fn fits(buffers: &[Buffer], x: View, y: View, tasks: Tasks) -> bool {
    let (from, to) = (&buffers[x.buffer], &buffers[y.buffer]);
    x.blocks == y.blocks
        && from.images == to.images
        && (from.pixel, to.pixel) == (LANES, LANES)
        && tasks == Tasks::new(buffers, y)
}
