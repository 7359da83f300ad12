//! Several steps, one after the other, for some images at a time, so that the output of a step is still in a cache when
//! the next one reads it.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use crate::{
    memory::{Buffer, View},
    program::{Watch, overlapping},
    run::{Context, Part, Reason, Run},
    step::Step,
};

/// Steps that run one after the other for some images at a time.
#[derive(Debug)]
pub struct Chain {
    steps: Vec<Step>,
    images: usize,
    images_of_part: usize,
    images_at_once: usize,
}

impl Chain {
    /// The tasks are parts of `images_of_part` images. Within a part, all steps process `images_at_once` images, then the
    /// next ones.
    pub fn new(
        steps: Vec<Step>,
        images: usize,
        images_of_part: usize,
        images_at_once: usize,
    ) -> Self {
        let images_of_part = images_of_part.max(1);
        Self { steps, images, images_of_part, images_at_once: images_at_once.max(1) }
    }

    /// Its steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn each(&self) -> impl Iterator<Item = &dyn Run> {
        self.steps.iter().map(Step::as_run)
    }

    /// Whether two tasks could use the same number, and one of them write it.
    ///
    /// Tasks have different images and parts. So a number that is written may be used again only through the same
    /// buffer, where every image, or every part, has its own.
    pub(crate) fn has_conflict(&self, buffers: &[Buffer]) -> bool {
        let reads: Vec<View> = self.each().flat_map(|step| step.reads()).collect();
        let writes: Vec<View> = self.each().flat_map(|step| step.writes()).collect();
        let of_parts: Vec<View> = self.each().flat_map(|step| step.parts()).collect();
        let parts: HashSet<usize> = of_parts.iter().map(|part| part.buffer).collect();
        let mut uses: HashMap<usize, usize> = HashMap::new();
        for view in reads.iter().chain(&writes) {
            *uses.entry(view.buffer).or_default() += 1;
        }
        let has_own_images = |write: &View| buffers[write.buffer].images == self.images;
        // Parts are written by one step, which no other one reads.
        let is_shared = |view: &View| uses.get(&view.buffer).is_some_and(|&count| count > 1);
        let read = reads.iter().map(|view| (view.buffer, false));
        let written = writes.iter().map(|view| (view.buffer, true));
        overlapping(buffers, read.chain(written)).is_some()
            || writes.iter().any(|view| !parts.contains(&view.buffer) && !has_own_images(view))
            || of_parts.iter().any(is_shared)
    }
}

impl Run for Chain {
    fn name(&self) -> &'static str {
        "chain"
    }

    fn reads(&self) -> Vec<View> {
        self.each().flat_map(Run::reads).collect()
    }

    fn writes(&self) -> Vec<View> {
        self.each().flat_map(Run::writes).collect()
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let parts = self.tasks();
        let check = |step: &dyn Run| {
            let has_parts = |view: &View| {
                let buffer = &buffers[view.buffer];
                buffer.images >= parts
            };
            if step.images() != Some(self.images) || !step.parts().iter().all(has_parts) {
                return Some(Reason::Values);
            }
            step.check(buffers)
        };
        self.each().find_map(check)
    }

    fn tasks(&self) -> usize {
        self.images.div_ceil(self.images_of_part)
    }

    fn scratch(&self) -> usize {
        self.each().map(Run::scratch).max().unwrap_or(0)
    }

    fn output_len(&self, buffers: &[Buffer]) -> usize {
        self.each().map(|step| step.output_len(buffers)).max().unwrap_or(0)
    }

    fn input_len(&self, buffers: &[Buffer]) -> usize {
        self.each().map(|step| step.input_len(buffers)).max().unwrap_or(0)
    }

    fn labels_len(&self, buffers: &[Buffer]) -> usize {
        self.each().map(|step| step.labels_len(buffers)).max().unwrap_or(0)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let first = task * self.images_of_part;
        let end = (first + self.images_of_part).min(self.images);
        for start in (first..end).step_by(self.images_at_once) {
            let images: Range<usize> = start..(start + self.images_at_once).min(end);
            let part = Part { index: task, is_first: start == first };
            for (index, step) in self.each().enumerate() {
                if context.is_stopped() {
                    return;
                }
                let watch = context.clocks.map(|clocks| Watch::start(&clocks[index]));
                // SAFETY: the caller's promise; the images and the part are this task's alone.
                unsafe { step.run_images(context, images.clone(), part) };
                drop(watch);
            }
        }
    }
}
