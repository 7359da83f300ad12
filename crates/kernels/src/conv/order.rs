//! The order in which a convolution reads its weights, and where each of them lies in the layer's tensor.

use std::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{Segment, tile::Span};
use crate::{memory::Buffer, simd::LANES};

/// Weights of a group of output blocks that are read again for each tile: more of them do not stay in a cache beside
/// the input.
const WEIGHTS_IN_CACHE: usize = 512 << 10;

/// The same of groups of four blocks: a tile of theirs has few pixels, and would wait for weights that come from the
/// second-level cache, so they stay in the first.
const WEIGHTS_IN_FIRST_CACHE: usize = 24 << 10;

/// Output blocks of a group, at most.
const MOST_BLOCKS: usize = 8;

/// Some output blocks that one tile holds.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) first: usize,
    pub(super) blocks: usize,
    /// Runs of spans whose weights fit in a cache, with where the weights start.
    pub(super) parts: Vec<(Range<usize>, usize)>,
}

impl Group {
    /// Every span that it reads.
    pub(super) fn spans(&self) -> Range<usize> {
        let start = self.parts.first().map_or(0, |(spans, _)| spans.start);
        start..self.parts.last().map_or(start, |(spans, _)| spans.end)
    }

    /// Where its weights start.
    pub(super) fn weights(&self) -> usize {
        self.parts.first().map_or(0, |(_, weights)| *weights)
    }
}

/// Which weight of a layer's tensor belongs to an output lane, an input channel and a tap.
#[derive(Clone, Debug)]
pub(super) struct Map {
    /// The channel of each output lane; `NONE` where there is none.
    pub(super) outputs: Vec<u32>,
    /// Distances in the tensor from an output, and from an input channel, to the next.
    pub(super) output_step: usize,
    pub(super) input_step: usize,
    /// The distance of each tap, row by row.
    pub(super) taps: Vec<usize>,
    /// Where weights lie that another order has packed, if they are not taken from the tensor; taps are numbers then.
    pub(super) packed: Option<Packed>,
    /// Outputs and inputs of a group of channels.
    pub(super) outputs_of_group: usize,
    pub(super) inputs_of_group: usize,
    /// Whether outputs are counted inside of their group, and inputs over all groups; else the other way round.
    pub(super) is_transposed: bool,
    /// Whether every channel is in one group.
    pub(super) has_one_group: bool,
}

/// What reads or writes the weights of a row of lanes.
trait Row {
    /// Lanes from the first one on, whose weights are `step` apart in the tensor from `at` on; the others have none.
    fn even(&mut self, lanes: usize, at: usize, step: usize);
    /// A lane whose weight is at `at`.
    fn one(&mut self, lane: usize, at: usize);
}

/// Weights in the order in which a convolution reads them, looked at from its input's side.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// For each block of the input: numbers of lanes before it, and its own; none if nothing is read there.
    spans: Vec<Option<(usize, usize)>>,
    /// For each block of the output: where its group starts, the group's blocks, and its place among them.
    blocks: Vec<(usize, usize, usize)>,
    taps: usize,
}

impl Packed {
    /// Of the weights of an order without groups of channels and without merged taps, which reads blocks that are `plane`
    /// apart; `inputs` is how many blocks the input has.
    pub(super) fn new(order: &Order, plane: usize, inputs: usize) -> Option<Self> {
        let taps = order.kernel[0] * order.kernel[1];
        let mut spans = vec![None; inputs];
        let mut before = 0;
        for span in &order.spans {
            let is_whole = span.offset.is_multiple_of(plane) && order.run == 1;
            if !is_whole || !order.map.has_one_group {
                return None;
            }
            *spans.get_mut(span.offset / plane)? = Some((before, span.count));
            before += span.count;
        }
        let blocks = order.groups.iter().flat_map(|group| {
            (0..group.blocks).map(|block| (group.weights(), group.blocks, block))
        });
        Some(Self { spans, blocks: blocks.collect(), taps })
    }

    /// Lanes of a block of inputs for an output and a tap, where the first of them lies, and how far apart they are.
    #[inline(always)]
    fn row(&self, block: usize, output: usize, tap: usize) -> (usize, usize, usize) {
        let Some((before, lanes)) = self.spans[block] else { return (0, 0, 0) };
        let (start, blocks, own) = self.blocks[output / LANES];
        let step = blocks * LANES;
        let at = start + (before * self.taps + tap * lanes) * step + own * LANES + output % LANES;
        (lanes, at, step)
    }

    /// How many numbers.
    fn len(&self) -> usize {
        let lanes: usize = self.spans.iter().flatten().map(|(_, lanes)| lanes).sum();
        self.blocks.len() * LANES * lanes * self.taps
    }
}

/// An output lane without a channel.
pub(super) const NONE: u32 = u32::MAX;

impl Map {
    /// The output channels that some blocks hold.
    fn channels(&self, blocks: Range<usize>) -> impl Iterator<Item = usize> {
        let lanes = &self.outputs[blocks.start * LANES..blocks.end * LANES];
        lanes.iter().filter(|channel| **channel != NONE).map(|channel| *channel as usize)
    }

    /// The input channels that the outputs of some blocks depend on.
    pub(super) fn inputs_of(&self, blocks: Range<usize>) -> Range<usize> {
        let first = self.channels(blocks.clone()).min().map_or(0, |c| c / self.outputs_of_group);
        let last = self.channels(blocks).max().map_or(0, |c| c / self.outputs_of_group + 1);
        first * self.inputs_of_group..last * self.inputs_of_group
    }

    /// One more than the largest place of a weight, for inputs below `inputs`.
    fn len(&self, inputs: usize) -> usize {
        if let Some(packed) = &self.packed {
            return packed.len();
        }
        let outputs = self.outputs.iter().filter(|channel| **channel != NONE).max();
        let (Some(&output), Some(tap)) = (outputs, self.taps.iter().max()) else { return 0 };
        if inputs == 0 {
            return 0;
        }
        let (output, input) = (output as usize, inputs - 1);
        let (output, input) = if self.has_one_group {
            (output, input)
        } else if self.is_transposed {
            (output.min(self.outputs_of_group - 1), input)
        } else {
            (output, input.min(self.inputs_of_group - 1))
        };
        output * self.output_step + input * self.input_step + tap + 1
    }

    /// The first channel of a block and how many follow, if it holds nothing else from its first lane on.
    fn run_of(&self, block: usize) -> Option<(usize, usize)> {
        let lanes = &self.outputs[block * LANES..(block + 1) * LANES];
        let count = lanes.iter().take_while(|channel| **channel != NONE).count();
        let first = lanes[0] as usize;
        let follows = |(lane, channel): (usize, &u32)| *channel as usize == first + lane;
        let is_run = self.has_one_group
            && lanes[..count].iter().enumerate().all(follows)
            && lanes[count..].iter().all(|channel| *channel == NONE);
        is_run.then_some((if count == 0 { 0 } else { first }, count))
    }

    /// Calls `row` with the lanes of a block that have a weight for this input channel and tap, and where that lies.
    #[inline(always)]
    fn row(
        &self,
        block: usize,
        run: Option<(usize, usize)>,
        input: usize,
        tap: usize,
        row: &mut impl Row,
    ) {
        let tap = self.taps[tap];
        if let Some(packed) = &self.packed {
            let (lanes, at, step) = packed.row(block, input, tap);
            row.even(lanes, at, step);
            return;
        }
        if let Some((first, count)) = run {
            let at = first * self.output_step + input * self.input_step + tap;
            row.even(count, at, self.output_step);
            return;
        }
        let channels = &self.outputs[block * LANES..(block + 1) * LANES];
        let group = input / self.inputs_of_group.max(1);
        for (lane, channel) in channels.iter().enumerate() {
            if *channel == NONE {
                continue;
            }
            let channel = *channel as usize;
            let (output, input) = if self.has_one_group {
                (channel, input)
            } else if channel / self.outputs_of_group != group {
                continue;
            } else if self.is_transposed {
                (channel % self.outputs_of_group, input)
            } else {
                (channel, input % self.inputs_of_group)
            };
            row.one(lane, output * self.output_step + input * self.input_step + tap);
        }
    }
}

/// Takes weights out of a tensor.
struct Taking {
    tensor: *const f32,
    to: *mut f32,
}

impl Row for Taking {
    #[inline(always)]
    fn even(&mut self, lanes: usize, at: usize, step: usize) {
        // SAFETY: who packs promises that every weight of the map lies in the tensor, and that sixteen numbers may be
        // written.
        unsafe {
            let from = self.tensor.add(at);
            if lanes == LANES {
                for lane in 0..LANES {
                    self.to.add(lane).write(from.add(lane * step).read());
                }
                return;
            }
            self.to.write_bytes(0, LANES);
            for lane in 0..lanes {
                self.to.add(lane).write(from.add(lane * step).read());
            }
        }
    }

    #[inline(always)]
    fn one(&mut self, lane: usize, at: usize) {
        // SAFETY: the same.
        unsafe { self.to.add(lane).write(self.tensor.add(at).read()) }
    }
}

/// Brings numbers to their places in a tensor.
struct Giving {
    from: *const f32,
    tensor: *mut f32,
    adds: bool,
}

impl Row for Giving {
    #[inline(always)]
    fn even(&mut self, lanes: usize, at: usize, step: usize) {
        // SAFETY: who unpacks promises that every weight of the map lies in the tensor, and that sixteen numbers may
        // be read.
        unsafe {
            let to = self.tensor.add(at);
            for lane in 0..lanes {
                let to = to.add(lane * step);
                let number = self.from.add(lane).read();
                to.write(if self.adds { to.read() + number } else { number });
            }
        }
    }

    #[inline(always)]
    fn one(&mut self, lane: usize, at: usize) {
        // SAFETY: the same.
        unsafe {
            let (to, number) = (self.tensor.add(at), self.from.add(lane).read());
            to.write(if self.adds { to.read() + number } else { number });
        }
    }
}

/// Groups of channels that share a block.
pub(super) struct GroupsOfBlock {
    first: usize,
    /// Inputs of each group.
    inputs: usize,
    /// For each group, 1 at its lanes.
    lanes: Vec<[f32; LANES]>,
}

impl GroupsOfBlock {
    /// 1 at the output lanes that depend on an input channel.
    pub(super) fn lanes(&self, input: usize) -> &[f32; LANES] {
        let group = (input / self.inputs.max(1)).saturating_sub(self.first);
        &self.lanes[group.min(self.lanes.len() - 1)]
    }
}

/// The channels of each block of segments, and where the block starts.
fn filled_blocks(segments: &[Segment], buffer: &Buffer) -> Vec<(Range<usize>, usize)> {
    let mut first = 0;
    let mut blocks = Vec::new();
    for segment in segments {
        let end = first + segment.channels;
        for block in 0..segment.channels.div_ceil(LANES) {
            let start = first + block * LANES;
            let offset = (segment.block + block) * buffer.plane();
            blocks.push((start..(start + LANES).min(end), offset));
        }
        first = end;
    }
    blocks
}

/// The order in which a convolution reads its weights.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) groups: Vec<Group>,
    pub(super) spans: Vec<Span>,
    /// The input channel that each span starts with.
    first_channels: Vec<usize>,
    /// Rows and columns of taps.
    kernel: [usize; 2],
    /// Columns of taps that one span covers.
    run: usize,
    map: Map,
    /// How many numbers.
    pub(super) len: usize,
}

impl Order {
    /// `blocks` of each group of output blocks; the input's channels lie in `segments` of a view of `buffer`.
    pub(super) fn new(
        blocks: &[usize],
        kernel: [usize; 2],
        merges_taps: bool,
        (segments, buffer): (&[Segment], &Buffer),
        map: Map,
    ) -> Self {
        let run = if merges_taps { kernel[1] } else { 1 };
        let rows_of_span = kernel[0] * kernel[1] / run;
        let mut order = Self {
            groups: Vec::with_capacity(blocks.len()),
            spans: Vec::new(),
            first_channels: Vec::new(),
            kernel,
            run,
            map,
            len: 0,
        };
        let filled = filled_blocks(segments, buffer);
        let mut first = 0;
        let mut of_last = (0..0, 0..0);
        for &blocks in blocks {
            let inputs = order.map.inputs_of(first..first + blocks);
            if of_last.0 != inputs || order.spans.is_empty() {
                let start = order.spans.len();
                order.add_spans(inputs.clone(), &filled);
                of_last = (inputs, start..order.spans.len());
            }
            let mut parts: Vec<(Range<usize>, usize)> = Vec::new();
            let mut in_part = 0;
            let most = if blocks == 4 { WEIGHTS_IN_FIRST_CACHE } else { WEIGHTS_IN_CACHE };
            for span in of_last.1.clone() {
                let len = order.spans[span].count * rows_of_span * blocks * LANES;
                match parts.last_mut() {
                    Some((range, _)) if 4 * (in_part + len) <= most => {
                        range.end = span + 1;
                        in_part += len;
                    }
                    _ => {
                        parts.push((span..span + 1, order.len));
                        in_part = len;
                    }
                }
                order.len += len;
            }
            if parts.is_empty() {
                // Nothing is read: the sums are what they start with.
                parts.push((order.spans.len()..order.spans.len(), order.len));
            }
            order.groups.push(Group { first, blocks, parts });
            first += blocks;
        }
        order
    }

    /// Runs of lanes for a range of input channels, whose blocks are in the order of their channels.
    fn add_spans(&mut self, channels: Range<usize>, filled: &[(Range<usize>, usize)]) {
        if self.kernel.contains(&0) {
            return;
        }
        let first = filled.partition_point(|(of_block, _)| of_block.end <= channels.start);
        let behind =
            filled[first..].iter().take_while(|(of_block, _)| of_block.start < channels.end);
        for (of_block, offset) in behind {
            let start = of_block.start.max(channels.start);
            let end = of_block.end.min(channels.end);
            let offset = offset + start - of_block.start;
            self.spans.push(Span { offset, count: (end - start) * self.run });
            self.first_channels.push(start);
        }
    }

    /// Which output lanes of a block belong to each of its groups of channels, the first group and its inputs; nothing of
    /// a block with channels of one group alone. Other lanes have weights of zero for a group's inputs.
    pub(super) fn groups_of(&self, block: usize) -> Option<GroupsOfBlock> {
        let map = &self.map;
        if map.has_one_group {
            return None;
        }
        let group = |channel: u32| channel as usize / map.outputs_of_group.max(1);
        let lanes = &map.outputs[block * LANES..(block + 1) * LANES];
        let groups =
            lanes.iter().filter(|channel| **channel != NONE).map(|&channel| group(channel));
        let (first, last) = (groups.clone().min()?, groups.max()?);
        if first == last {
            return None;
        }
        let mut lanes_of = vec![[0.0; LANES]; last - first + 1];
        for (lane, &channel) in lanes.iter().enumerate().filter(|(_, channel)| **channel != NONE) {
            lanes_of[group(channel) - first][lane] = 1.0;
        }
        Some(GroupsOfBlock { first, inputs: map.inputs_of_group, lanes: lanes_of })
    }

    /// The input channel that a span starts with, and how many follow; with merged taps, those of all of them.
    pub(super) fn inputs_of_span(&self, span: usize) -> Range<usize> {
        let first = self.first_channels[span];
        first..first + self.spans[span].count
    }

    /// Calls `with` for each row of sixteen weights of a group, in the order of reading: its block, input channel and
    /// tap, and the channels of the block. No more of them follow soon after `stop` is set.
    #[inline(always)]
    fn rows(
        &self,
        group: &Group,
        stop: &AtomicBool,
        mut with: impl FnMut(usize, Option<(usize, usize)>, usize, usize),
    ) {
        let blocks = group.first..group.first + group.blocks;
        let mut runs = [None; MOST_BLOCKS];
        for (run, block) in runs.iter_mut().zip(blocks.clone()) {
            *run = self.map.run_of(block);
        }
        for span in group.spans() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let first = self.first_channels[span];
            let lanes = self.spans[span].count / self.run;
            for tap in 0..self.kernel[0] * self.kernel[1] {
                for input in first..first + lanes {
                    for (block, run) in blocks.clone().zip(runs) {
                        with(block, run, input, tap);
                    }
                }
            }
        }
    }

    /// Weights of a group in the order of reading, from the layer's tensor; not all of them once `stop` is set.
    ///
    /// # Safety
    /// The tensor has [`Order::tensor_len`] numbers, which may be read, and there is room for those of the group.
    #[inline(always)]
    pub(super) unsafe fn pack(
        &self,
        group: &Group,
        tensor: *const f32,
        to: *mut f32,
        stop: &AtomicBool,
    ) {
        let mut row = Taking { tensor, to };
        self.rows(group, stop, |block, run, input, tap| {
            if run.is_none() && self.map.packed.is_none() {
                // SAFETY: the caller's promise.
                unsafe { row.to.write_bytes(0, LANES) };
            }
            self.map.row(block, run, input, tap, &mut row);
            row.to = row.to.wrapping_add(LANES);
        });
    }

    /// The other way round: brings numbers in the order of reading to their places in the layer's tensor, or adds them
    /// to what is there.
    ///
    /// # Safety
    /// See [`Order::pack`]; the tensor's numbers of the group's outputs may be written.
    #[inline(always)]
    pub(super) unsafe fn unpack(
        &self,
        group: &Group,
        from: *const f32,
        tensor: *mut f32,
        adds: bool,
        stop: &AtomicBool,
    ) {
        let mut row = Giving { from, tensor, adds };
        self.rows(group, stop, |block, run, input, tap| {
            self.map.row(block, run, input, tap, &mut row);
            row.from = row.from.wrapping_add(LANES);
        });
    }

    /// Numbers that the layer's tensor has at least.
    pub(super) fn tensor_len(&self) -> usize {
        let inputs = self.first_channels.iter().zip(&self.spans);
        let inputs = inputs.map(|(first, span)| first + span.count / self.run).max();
        self.map.len(inputs.unwrap_or(0))
    }

    /// Numbers of a group.
    pub(super) fn group_len(&self, group: usize) -> usize {
        let end = self.groups.get(group + 1).map_or(self.len, Group::weights);
        end - self.groups[group].weights()
    }
}
