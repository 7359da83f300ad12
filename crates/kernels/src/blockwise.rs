//! Steps that treat each block of each image by itself.

use crate::{
    memory::{Buffer, View},
    run::{Context, Reason, Run},
    simd::LANES,
};

/// A step that treats each block of each image by itself.
pub(crate) trait Blockwise {
    /// The operator, for tables.
    const NAME: &'static str;

    /// What it reads.
    fn reads(&self) -> Vec<View>;

    /// What it writes.
    fn writes(&self) -> Vec<View>;

    /// Images and blocks.
    fn size(&self) -> (usize, usize);

    /// Numbers of memory that a thread needs for itself.
    fn scratch(&self) -> usize {
        0
    }

    /// Whether its views fit together, but for what [`Run`] checks for every step.
    fn fits(&self, buffers: &[Buffer]) -> bool;

    /// Does one block of one image.
    ///
    /// # Safety
    /// See [`Run::run`].
    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize);
}

impl<T: Blockwise> Run for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn reads(&self) -> Vec<View> {
        Blockwise::reads(self)
    }

    fn writes(&self) -> Vec<View> {
        Blockwise::writes(self)
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        (!self.fits(buffers)).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        let (images, blocks) = self.size();
        images * blocks
    }

    fn scratch(&self) -> usize {
        Blockwise::scratch(self)
    }

    fn images(&self) -> Option<usize> {
        Some(self.size().0)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let (_, blocks) = self.size();
        // SAFETY: the caller's promise.
        unsafe { self.block(context, task / blocks, task % blocks) };
    }
}

/// Images and blocks of a view; none of one that is not there.
pub(crate) fn size_of(buffers: &[Buffer], view: View) -> (usize, usize) {
    (buffers.get(view.buffer).map_or(0, |buffer| buffer.images), view.blocks)
}

/// Whether views are maps of the same size.
pub(crate) fn same_maps(buffers: &[Buffer], views: &[View]) -> bool {
    let size = |view: &View| {
        let buffer = &buffers[view.buffer];
        (buffer.images, buffer.height, buffer.width, buffer.pixel, view.blocks)
    };
    let first = views.first().map(size);
    views.iter().all(|view| Some(size(view)) == first && buffers[view.buffer].pixel == LANES)
}

/// Whether a view has this many blocks of one row of `width` pixels without a border, for so many images.
pub(crate) fn is_table(
    buffers: &[Buffer],
    view: View,
    images: usize,
    blocks: usize,
    width: usize,
) -> bool {
    let buffer = &buffers[view.buffer];
    let border = buffer.border;
    (buffer.images, view.blocks, buffer.height, buffer.width) == (images, blocks, 1, width)
        && buffer.pixel == LANES
        && border.top + border.left + border.bottom + border.right == 0
}
