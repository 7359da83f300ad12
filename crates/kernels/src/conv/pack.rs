//! Weights between the layer's tensor and the order in which kernels read them.

use std::sync::Arc;

use super::{loops::Loops, order::Group};
use crate::{
    memory::{Buffer, View},
    run::{Context, Reason, Run},
    simd::LANES,
};

/// Brings a layer's tensor into the order in which a convolution, or the gradient of its input, reads it.
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
        let len = loops.order.group_len(group);
        let group: &Group = &loops.order.groups[group];
        // SAFETY: the program has checked the views; this task alone writes the weights of the group.
        unsafe {
            let tensor = context.place(self.tensor).row_of(0, self.tensor.blocks);
            let to = context.place(self.to).at(0, 0).wrapping_add(start + group.weights());
            loops.order.pack(group, tensor, std::slice::from_raw_parts_mut(to, len));
        }
    }
}

/// Sums the parts of the gradient of a layer's weights, and brings them from the order of reading into that of the
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
        let (start, len) = (group.weights(), order.group_len(task));
        // SAFETY: the program has checked the views; the scratch memory is this thread's, and this task alone writes
        // the numbers of the outputs of its group.
        unsafe {
            let from = context.place(self.from);
            let sums = std::slice::from_raw_parts_mut(context.scratch, len);
            for part in 0..from.buffer.images {
                let numbers = &from.row_of(part, self.from.blocks)[start..start + len];
                if part == 0 {
                    sums.copy_from_slice(numbers);
                } else {
                    sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
                }
            }
            let tensor = context.place(self.tensor).at(0, 0);
            let adds = self.adds;
            order.unpack(group, |at, packed| {
                let to = tensor.wrapping_add(at);
                let sum = sums[packed - start];
                to.write(if adds { to.read() + sum } else { sum });
            });
        }
    }
}
