//! The kernels of Winograd's method as they are packed.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    super::{Values, tile::Fetch},
    POINTS, ROW,
    transform::{KernelRows, kernel_of},
};
use crate::{
    memory::Aligned,
    simd::{Isa, LANES},
};

/// Numbers of a kernel.
const TAPS: usize = 9;

/// Input channels whose kernels are transformed at once, times output blocks: they stay in the second-level cache, and a row
/// of their points in the first-level cache.
const LANES_AT_ONCE: usize = 64;

/// Tiles of a point that are so few that it matters whether kernels come from memory in time.
const FEW: usize = 8;

/// Runs of input channels whose kernels are transformed at once.
fn runs_at_once(blocks: usize) -> usize {
    (LANES_AT_ONCE / LANES / blocks.max(1)).max(1)
}

/// Numbers from a point to the next of so many kernels that are transformed when they are used. A line more than they take:
/// lines that are a power of two apart displace each other from the first-level cache.
fn point_len(kernels: usize) -> usize {
    (kernels + 1) * LANES
}

/// Numbers of transformed kernels of so many runs of input channels at once.
pub(super) fn scratch_len(runs: usize, blocks: usize) -> usize {
    POINTS * point_len(runs.min(runs_at_once(blocks)) * LANES * blocks)
}

/// Some output blocks that one tile of registers holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) first: usize,
    pub(super) blocks: usize,
}

/// Some input channels.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    pub(super) first: usize,
    pub(super) count: usize,
    /// The runs that they are in.
    pub(super) runs: Range<usize>,
}

/// Transformed kernels: for each point, input channel and block, sixteen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transformed {
    pub(super) start: *const f32,
    /// Numbers from a point to the next.
    pub(super) point: usize,
    /// What is read from memory next.
    pub(super) ahead: *const f32,
}

/// Kernels for each group, input channel and block of the group: sixteen for each number of a kernel. They are transformed
/// when they are used, because transformed kernels are four times as large; or they are packed transformed: for each group,
/// point, input channel and block, sixteen.
#[derive(Clone, Debug)]
pub(super) struct Kernels {
    groups: Vec<Group>,
    /// Lanes of each run of input channels.
    lanes: Vec<usize>,
    is_transformed: bool,
    numbers: Arc<Aligned>,
}

impl Kernels {
    /// Packs kernels for groups of so many blocks; not all of them once `stop` is set. None if the system gives no memory.
    pub(super) fn new(
        blocks: &[usize],
        lanes: Vec<usize>,
        values: Values<'_>,
        stop: &AtomicBool,
    ) -> Option<Self> {
        let inputs: usize = lanes.iter().sum();
        let mut groups = Vec::with_capacity(blocks.len());
        let mut first = 0;
        for &blocks in blocks {
            groups.push(Group { first, blocks });
            first += blocks;
        }
        let mut numbers = Aligned::try_zeros(first * inputs * TAPS * LANES)?;
        let packed = numbers.as_mut_slice();
        for group in &groups {
            let end = values.outputs.min((group.first + group.blocks) * LANES);
            for output in group.first * LANES..end {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let (block, lane) = (output / LANES - group.first, output % LANES);
                let kernels = &values.weights[output * inputs * TAPS..][..inputs * TAPS];
                for (input, kernel) in kernels.chunks_exact(TAPS).enumerate() {
                    let at = group.first * inputs + input * group.blocks + block;
                    let to = &mut packed[at * TAPS * LANES..][..TAPS * LANES];
                    for (tap, weight) in kernel.iter().enumerate() {
                        to[tap * LANES + lane] = *weight;
                    }
                }
            }
        }
        Some(Self { groups, lanes, is_transformed: false, numbers: Arc::new(numbers) })
    }

    /// The same, packed transformed; not all of them once `stop` is set. None if the system gives no memory.
    ///
    /// # Safety
    /// The processor has the instruction set.
    pub(super) unsafe fn transformed(&self, isa: Isa, stop: &AtomicBool) -> Option<Self> {
        let mut numbers = Aligned::try_zeros(self.numbers.len() / TAPS * POINTS)?;
        let mut left = numbers.as_mut_slice();
        for group in &self.groups {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let from = self.of(group, &self.whole());
            let kernels = from.len() / (TAPS * LANES);
            let (to, rest) = left.split_at_mut(POINTS * kernels * LANES);
            left = rest;
            let (from, to, point) = (from.as_ptr(), to.as_mut_ptr(), kernels * LANES);
            // SAFETY: the caller's promise; there are so many kernels, and room for them.
            unsafe { isa.run(&KernelRows { from, to, point, count: kernels }) };
        }
        let (groups, lanes) = (self.groups.clone(), self.lanes.clone());
        Some(Self { groups, lanes, is_transformed: true, numbers: Arc::new(numbers) })
    }

    pub(super) fn are_transformed(&self) -> bool {
        self.is_transformed
    }

    /// Whether none of their numbers is infinite or NaN.
    pub(super) fn are_finite(&self) -> bool {
        self.numbers.as_slice().iter().all(|number| number.is_finite())
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Numbers of all of them.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Numbers of scratch memory that [`Kernels::transform`] needs.
    pub(super) fn scratch_len(&self) -> usize {
        if self.is_transformed {
            return 0;
        }
        let of_group = |group: &Group| scratch_len(self.lanes.len(), group.blocks);
        self.groups.iter().map(of_group).max().unwrap_or(0)
    }

    /// All input channels.
    fn whole(&self) -> Slice {
        Slice { first: 0, count: self.lanes.iter().sum(), runs: 0..self.lanes.len() }
    }

    /// The input channels in parts that are multiplied one after the other.
    pub(super) fn slices(&self, group: &Group) -> Vec<Slice> {
        if self.is_transformed {
            return vec![self.whole()];
        }
        let at_once = runs_at_once(group.blocks);
        let mut slices = Vec::with_capacity(self.lanes.len().div_ceil(at_once));
        let mut first = 0;
        for run in (0..self.lanes.len()).step_by(at_once) {
            let runs = run..(run + at_once).min(self.lanes.len());
            let count = self.lanes[runs.clone()].iter().sum();
            slices.push(Slice { first, count, runs });
            first += count;
        }
        slices
    }

    /// Kernels of a group and some input channels; all of them if they are packed transformed.
    fn of(&self, group: &Group, slice: &Slice) -> &[f32] {
        let inputs: usize = self.lanes.iter().sum();
        let each = if self.is_transformed { POINTS } else { TAPS } * LANES;
        let start = group.first * inputs + slice.first * group.blocks;
        &self.numbers.as_slice()[start * each..][..slice.count * group.blocks * each]
    }

    /// The transformed kernels of a group and some input channels; they are transformed to `scratch`, unless they are packed so.
    ///
    /// # Safety
    /// The processor has the instruction set, and `scratch` has room for [`Kernels::scratch_len`].
    pub(super) unsafe fn transform(
        &self,
        isa: Isa,
        group: &Group,
        slice: &Slice,
        scratch: *mut f32,
    ) -> Transformed {
        let packed = self.of(group, slice);
        let (from, count) = (packed.as_ptr(), slice.count * group.blocks);
        if self.is_transformed {
            let point = count * LANES;
            return Transformed { start: from, point, ahead: from.wrapping_add(ROW * point) };
        }
        let point = point_len(count);
        // SAFETY: the caller's promise; there are so many kernels, and room for them.
        unsafe { isa.run(&KernelRows { from, to: scratch, point, count }) };
        Transformed { start: scratch, point, ahead: from.wrapping_add(packed.len()) }
    }

    /// What is fetched while so many tiles of each point are multiplied.
    pub(super) fn fetch(&self, tiles: usize, blocks: usize) -> Fetch {
        if self.is_transformed {
            return Fetch::new(tiles, blocks);
        }
        let lines = usize::from(tiles < FEW);
        Fetch { lines, step: (TAPS * blocks * LANES).div_ceil(POINTS * tiles.max(1)) }
    }

    /// Kernels of a block as a convolution reads them: for each run of input channels, row, column and lane, sixteen.
    pub(super) fn of_block(&self, group: &Group, block: usize) -> Vec<f32> {
        let whole = self.whole();
        let packed = self.of(group, &whole);
        let mut kernels = vec![0.0; TAPS * whole.count * LANES];
        let mut first = 0;
        for &lanes in &self.lanes {
            for lane in 0..lanes {
                let index = (first + lane) * group.blocks + block;
                for output in 0..LANES {
                    let kernel = self.kernel(packed, whole.count * group.blocks, index, output);
                    for (tap, weight) in kernel.into_iter().enumerate() {
                        let row = TAPS * first + tap * lanes + lane;
                        kernels[row * LANES + output] = weight;
                    }
                }
            }
            first += lanes;
        }
        kernels
    }

    /// One of so many kernels, of one output; within rounding, where they are packed transformed.
    fn kernel(&self, packed: &[f32], count: usize, index: usize, output: usize) -> [f32; TAPS] {
        if self.is_transformed {
            let of_point = |point| packed[(point * count + index) * LANES + output];
            return kernel_of(&std::array::from_fn(of_point));
        }
        std::array::from_fn(|tap| packed[(index * TAPS + tap) * LANES + output])
    }
}
