//! Weights between the layer's tensor and the order in which kernels read them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{
    loops::Loops,
    order::{Group, Order},
};
use crate::{
    memory::{Buffer, View},
    run::{Context, Reason, Run},
    simd::{LANES, Simd, Work},
};

/// Packs a layer's tensor: into the order in which a convolution, or the gradient of its input, reads it.
#[derive(Clone, Debug)]
pub struct Pack {
    tensor: View,
    to: View,
    /// Loops, and where their weights start.
    loops: Vec<(Arc<Loops>, usize)>,
    /// For each task, loops and a group of them.
    tasks: Vec<(usize, usize)>,
}

impl Pack {
    pub(super) fn new(tensor: View, to: View, loops: Vec<(Arc<Loops>, usize)>) -> Self {
        let groups = |(index, (loops, _)): (usize, &(Arc<Loops>, usize))| {
            (0..loops.order.groups.len()).map(move |group| (index, group)).collect::<Vec<_>>()
        };
        let tasks = loops.iter().enumerate().flat_map(groups).collect();
        Self { tensor, to, loops, tasks }
    }
}

impl Run for Pack {
    fn name(&self) -> &'static str {
        "pack"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.tensor]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let is_vector = |view: View| buffers[view.buffer].is_vector();
        let fits = |(loops, start): &(Arc<Loops>, usize)| {
            start + loops.order.len <= self.to.blocks * LANES
                && loops.order.tensor_len() <= self.tensor.blocks * LANES
        };
        // Loops follow each other, so that tasks write different numbers.
        let mut end = 0;
        let follow = self.loops.iter().all(|(loops, start)| {
            let follows = *start >= end;
            end = start + loops.order.len;
            follows
        });
        let is_valid =
            is_vector(self.tensor) && is_vector(self.to) && self.loops.iter().all(fits) && follow;
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        self.tasks.len()
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let (index, group) = self.tasks[task];
        let (loops, start) = &self.loops[index];
        let group = &loops.order.groups[group];
        // SAFETY: the program has checked the views and the length of the tensor; this task alone writes the weights of
        // the group.
        unsafe {
            let tensor = context.place(self.tensor).at(0, 0).cast_const();
            let to = context.place(self.to).at(0, 0).wrapping_add(start + group.weights());
            let (order, stop) = (&loops.order, context.stop);
            context.isa.run(&Packing { order, group, tensor, to, stop });
        }
    }
}

/// The weights of a group.
struct Packing<'a> {
    order: &'a Order,
    group: &'a Group,
    tensor: *const f32,
    to: *mut f32,
    stop: &'a AtomicBool,
}

impl Work for Packing<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.order.pack(self.group, self.tensor, self.to, self.stop) };
    }
}

/// The gradients of the weights of a group.
struct Unpacking<'a> {
    order: &'a Order,
    group: &'a Group,
    /// The numbers of each part, so far from each other.
    from: *const f32,
    part: usize,
    parts: usize,
    len: usize,
    sums: *mut f32,
    tensor: *mut f32,
    adds: bool,
    stop: &'a AtomicBool,
}

impl Work for Unpacking<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise; numbers of groups are whole rows of sixteen.
        unsafe {
            let Self { order, group, tensor, adds, stop, .. } = *self;
            if self.parts == 1 {
                order.unpack(group, self.from, tensor, adds, stop);
                return;
            }
            let (from, part, parts) = (self.from, self.part, self.parts);
            Summing { from, part, parts, len: self.len, to: self.sums, stop }.run::<S>();
            order.unpack(group, self.sums, tensor, adds, stop);
        }
    }
}

/// Sums the parts of the gradient of a layer's weights, and unpacks the sum: from the order of reading into that of the
/// layer's tensor.
#[derive(Clone, Debug)]
pub struct Unpack {
    from: View,
    tensor: View,
    adds: bool,
    loops: Arc<Loops>,
}

impl Unpack {
    pub(super) fn new(from: View, tensor: View, adds: bool, loops: Arc<Loops>) -> Self {
        Self { from, tensor, adds, loops }
    }
}

impl Run for Unpack {
    fn name(&self) -> &'static str {
        "unpack"
    }

    fn reads(&self) -> Vec<View> {
        if self.adds { vec![self.from, self.tensor] } else { vec![self.from] }
    }

    fn writes(&self) -> Vec<View> {
        vec![self.tensor]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let order = &self.loops.order;
        let is_valid = buffers[self.tensor.buffer].is_vector()
            && buffers[self.from.buffer].is_rows()
            && self.from.blocks * LANES >= order.len
            && self.tensor.blocks * LANES >= order.tensor_len();
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        self.loops.order.groups.len()
    }

    fn scratch(&self) -> usize {
        let order = &self.loops.order;
        (0..order.groups.len()).map(|group| order.group_len(group)).max().unwrap_or(0)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let order = &self.loops.order;
        let group = &order.groups[task];
        // SAFETY: the program has checked the views and the length of the tensor; the scratch memory is this thread's,
        // and this task alone writes the numbers of the outputs of its group.
        unsafe {
            let from = context.place(self.from);
            context.isa.run(&Unpacking {
                order,
                group,
                from: from.at(0, 0).wrapping_add(group.weights()),
                part: from.buffer.image(),
                parts: from.buffer.images,
                len: order.group_len(task),
                sums: context.scratch,
                tensor: context.place(self.tensor).at(0, 0),
                adds: self.adds,
                stop: context.stop,
            });
        }
    }
}

/// The sum of the parts of a vector.
#[derive(Clone, Debug)]
pub struct SumParts {
    from: View,
    to: View,
}

/// Blocks of a task of [`SumParts`].
const BLOCKS_OF_TASK: usize = 256;

impl SumParts {
    /// From as many rows as there are parts to a vector of the same length.
    pub fn new(from: View, to: View) -> Self {
        Self { from, to }
    }
}

impl Run for SumParts {
    fn name(&self) -> &'static str {
        "sum parts"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.from]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let is_valid = buffers[self.to.buffer].is_vector()
            && buffers[self.from.buffer].is_rows()
            && self.from.blocks == self.to.blocks;
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        self.to.blocks.div_ceil(BLOCKS_OF_TASK)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let blocks = BLOCKS_OF_TASK.min(self.to.blocks - task * BLOCKS_OF_TASK);
        // SAFETY: the program has checked the views; this task alone writes its blocks.
        unsafe {
            let from = context.place(self.from);
            context.isa.run(&Summing {
                from: from.at(0, task * BLOCKS_OF_TASK),
                part: from.buffer.image(),
                parts: from.buffer.images,
                len: blocks * LANES,
                to: context.place(self.to).at(0, task * BLOCKS_OF_TASK),
                stop: context.stop,
            });
        }
    }
}

/// Numbers of each part that are summed between two looks at whether a run was stopped.
const BETWEEN_LOOKS: usize = 1 << 16;

/// Rows of numbers that are summed, so far from each other.
struct Summing<'a> {
    from: *const f32,
    part: usize,
    parts: usize,
    len: usize,
    to: *mut f32,
    stop: &'a AtomicBool,
}

impl Work for Summing<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise; there are whole rows of sixteen.
        unsafe {
            for at in (0..self.len).step_by(LANES) {
                if at.is_multiple_of(BETWEEN_LOOKS) && self.stop.load(Ordering::Relaxed) {
                    return;
                }
                let mut sum = S::load(self.from.add(at));
                for part in 1..self.parts {
                    sum = S::add(sum, S::load(self.from.add(part * self.part + at)));
                }
                S::store(self.to.add(at), sum);
            }
        }
    }
}
