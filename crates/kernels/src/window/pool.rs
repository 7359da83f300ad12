//! Pooling.

use std::{cell::Cell, ops::Range};

use super::{
    Tasks, fits,
    rows::{PoolRow, SharedRows},
    size,
};
use crate::{
    conv::Window,
    memory::{Buffer, Place, View},
    run::{Context, Reason, Run, VECTORS_BETWEEN_LOOKS},
    simd::LANES,
};

/// The operation of a pool on the numbers in its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The largest.
    Max,
    /// The mean.
    Average {
        /// Whether the zeros of the padding count; then the window's rows and columns beyond this much padding below
        /// and to the right do not.
        padding: Option<[usize; 2]>,
    },
}

/// Which rows or columns of the input each output reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    /// Input positions for each output position.
    pub(crate) windows: Vec<Range<usize>>,
    /// How many positions count in a mean.
    pub(crate) counts: Vec<usize>,
    /// The end of the last window.
    pub(super) end: usize,
    /// Positions of the largest window.
    pub(crate) longest: usize,
    pub(crate) three: Threes,
}

/// Windows of three positions, each `step` behind the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Threes {
    pub(crate) first: usize,
    pub(crate) count: usize,
    pub(crate) step: usize,
}

impl Threes {
    fn new(windows: &[Range<usize>]) -> Self {
        let is_three = |window: &Range<usize>| window.len() == 3;
        let Some(first) = windows.iter().position(is_three) else { return Self::default() };
        let step = windows.get(first + 1).map_or(1, |next| next.start - windows[first].start);
        let follows = |(at, window): (usize, &Range<usize>)| {
            is_three(window) && window.start == windows[first].start + at * step
        };
        let count = windows[first..].iter().enumerate().take_while(|it| follows(*it)).count();
        if matches!(step, 1 | 2) { Self { first, count, step } } else { Self::default() }
    }
}

impl Axis {
    fn new(windows: Vec<Range<usize>>, counts: Vec<usize>) -> Self {
        let end = windows.iter().map(|window| window.end).max().unwrap_or(0);
        let longest = windows.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        Self { three: Threes::new(&windows), end, longest, windows, counts }
    }

    /// Positions of the largest window, if neighbours have positions in common.
    fn shared(&self) -> Option<usize> {
        let has_common = |pair: &[Range<usize>]| pair[0].end > pair[1].start;
        self.windows.windows(2).any(has_common).then_some(self.longest)
    }
}

/// The maximum or the mean of windows of a map.
#[derive(Clone, Debug)]
pub struct Pool {
    pub(crate) x: View,
    pub(crate) y: View,
    pub(crate) is_max: bool,
    pub(crate) rows: Axis,
    pub(crate) columns: Axis,
    /// Rows of a window at most, if windows have rows in common.
    shared_rows: Option<usize>,
    tasks: Tasks,
}

impl Pool {
    /// A sliding window; positions outside of the map are ignored.
    pub fn sliding(buffers: &[Buffer], x: View, y: View, window: Window, kind: PoolKind) -> Self {
        let (from, to) = (size(buffers, x), size(buffers, y));
        let axis = |axis: usize| {
            let [kernel, stride, before] =
                [window.kernel[axis], window.stride[axis], window.padding[axis]];
            let windows = (0..to[axis]).map(|position| {
                let start = position * stride;
                let end = (start + kernel).saturating_sub(before).min(from[axis]);
                start.saturating_sub(before)..end
            });
            let windows: Vec<Range<usize>> = windows.collect();
            let counts = match kind {
                PoolKind::Average { padding: Some(behind) } => (0..to[axis])
                    .map(|position| {
                        let start = position * stride;
                        (start + kernel)
                            .min(before + from[axis] + behind[axis])
                            .saturating_sub(start)
                    })
                    .collect(),
                _ => windows.iter().map(ExactSizeIterator::len).collect(),
            };
            Axis::new(windows, counts)
        };
        Self::new(buffers, (x, y), kind == PoolKind::Max, axis(0), axis(1))
    }

    /// Means of a grid of windows that covers the map, as PyTorch's adaptive pooling; of one window, the whole map.
    pub fn grid(buffers: &[Buffer], x: View, y: View, is_max: bool) -> Self {
        let (from, to) = (size(buffers, x), size(buffers, y));
        let axis = |axis: usize| {
            let (from, to) = (from[axis], to[axis]);
            let window =
                |position: usize| position * from / to..((position + 1) * from).div_ceil(to);
            let windows: Vec<Range<usize>> = (0..to).map(window).collect();
            let counts = windows.iter().map(ExactSizeIterator::len).collect();
            Axis::new(windows, counts)
        };
        Self::new(buffers, (x, y), is_max, axis(0), axis(1))
    }

    fn new(
        buffers: &[Buffer],
        (x, y): (View, View),
        is_max: bool,
        rows: Axis,
        columns: Axis,
    ) -> Self {
        let shared_rows = rows.shared();
        Self { x, y, is_max, rows, columns, shared_rows, tasks: Tasks::new(buffers, y) }
    }
}

impl Run for Pool {
    fn name(&self) -> &'static str {
        if self.is_max { "max pool" } else { "average pool" }
    }

    fn reads(&self) -> Vec<View> {
        vec![self.x]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, to) = (&buffers[self.x.buffer], &buffers[self.y.buffer]);
        let covers = |axis: &Axis, input: usize, output: usize| {
            axis.windows.len() == output
                && axis.counts.len() == output
                && axis.windows.iter().all(|window| window.end <= input)
        };
        let is_valid = fits(buffers, self.x, self.y, self.tasks)
            && self.x != self.y
            && covers(&self.rows, from.height, to.height)
            && covers(&self.columns, from.width, to.width);
        (!is_valid).then_some(Reason::Buffer)
    }

    fn tasks(&self) -> usize {
        self.tasks.count()
    }

    fn images(&self) -> Option<usize> {
        Some(self.tasks.images)
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        // SAFETY: the program has checked the views; this task alone writes the rows of the block.
        unsafe {
            let (x, y) = (context.place(self.x), context.place(self.y));
            let (image, block, rows) = self.tasks.task(task, y.buffer.height);
            let at = (image, block);
            let is_done = self
                .shared_rows
                .is_some_and(|ring| self.shared_rows_of(context, (&x, &y), at, rows.clone(), ring));
            if !is_done {
                self.rows_of(context, (&x, &y), at, rows.clone());
            }
            y.clear_border(image, block, rows);
        }
    }

    fn scratch(&self) -> usize {
        self.shared_rows.map_or(0, |ring| ring * self.columns.windows.len() * LANES)
    }
}

impl Pool {
    /// Returns whether the rows are right: maxima are not if there is a NaN.
    ///
    /// # Safety
    /// See [`Run::run`].
    unsafe fn shared_rows_of(
        &self,
        context: &Context<'_>,
        (x, y): (&Place, &Place),
        (image, block): (usize, usize),
        rows: Range<usize>,
        ring: usize,
    ) -> bool {
        let work = SharedRows {
            pool: self,
            x: x.at(image, block),
            y: y.at(image, block),
            x_row: x.buffer.row(),
            y_row: y.buffer.row(),
            rows,
            reduced: context.scratch,
            ring,
            may_have_nan: Cell::new(false),
            stop: context.stop,
            is_long: self.columns.windows.len() * ring.max(self.columns.longest)
                > VECTORS_BETWEEN_LOOKS,
        };
        // SAFETY: the caller's promise; the scratch memory has room for `ring` rows.
        unsafe { context.isa.run(&work) };
        !work.may_have_nan.get()
    }

    /// # Safety
    /// See [`Run::run`].
    unsafe fn rows_of(
        &self,
        context: &Context<'_>,
        (x, y): (&Place, &Place),
        (image, block): (usize, usize),
        rows: Range<usize>,
    ) {
        let of_window = self.rows.longest * self.columns.longest;
        for (rows, columns) in context.pieces(rows, y.buffer.width, of_window) {
            for row in rows {
                let work = PoolRow {
                    pool: self,
                    x: x.at(image, block),
                    y: y.at(image, block).wrapping_add(row * y.buffer.row()),
                    x_row: x.buffer.row(),
                    row,
                    columns: columns.clone(),
                    stop: (of_window > VECTORS_BETWEEN_LOOKS).then_some(context.stop),
                };
                // SAFETY: the caller's promise.
                unsafe { context.isa.run(&work) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::{
        memory::{Aligned, Border},
        simd::Isa,
    };

    /// A buffer of one block and image.
    fn buffer(offset: usize, [height, width]: [usize; 2]) -> Buffer {
        let border = Border::default();
        Buffer { offset, images: 1, blocks: 1, height, width, border, pixel: LANES }
    }

    /// The result of a pool of a map with and without rows that windows have in common, as bits; whether the former is
    /// right by itself.
    fn both(
        isa: Isa,
        pool: &Pool,
        buffers: &[Buffer],
        values: &[f32],
    ) -> (Vec<u32>, Vec<u32>, bool) {
        let [from, to] = [&buffers[0], &buffers[1]];
        let ring = pool.shared_rows.unwrap();
        let mut scratch = Aligned::zeros(pool.scratch());
        let mut run = |is_shared: bool| {
            let mut arena = Aligned::zeros(to.offset + to.len());
            arena.as_mut_slice()[..from.len()].copy_from_slice(values);
            let context = Context {
                isa,
                arena: arena.as_mut_slice().as_mut_ptr(),
                buffers,
                feed: crate::run::Feed {
                    input: &[],
                    labels: &[],
                    rates: crate::run::Rates::default(),
                    seed: 0,
                },
                output: std::ptr::null_mut(),
                scratch: scratch.as_mut_slice().as_mut_ptr(),
                clocks: None,
                stop: &AtomicBool::new(false),
            };
            // SAFETY: both buffers are in the arena, and the windows in the map; nothing else runs.
            let is_right = unsafe {
                let (x, y) = (context.place(pool.x), context.place(pool.y));
                let rows = 0..to.height;
                if is_shared {
                    pool.shared_rows_of(&context, (&x, &y), (0, 0), rows, ring)
                } else {
                    pool.rows_of(&context, (&x, &y), (0, 0), rows);
                    true
                }
            };
            let bits = arena.as_slice()[to.offset..][..to.len()].iter().map(|x| x.to_bits());
            (bits.collect::<Vec<u32>>(), is_right)
        };
        let ((shared, is_right), (plain, _)) = (run(true), run(false));
        (shared, plain, is_right)
    }

    /// Kernel, stride, padding, and sizes of the map that leave windows at its edges.
    const WINDOWS: [(usize, usize, usize, [usize; 2]); 7] = [
        (3, 1, 1, [7, 7]),
        (3, 1, 0, [28, 9]),
        (3, 2, 1, [14, 15]),
        (3, 2, 0, [9, 3]),
        (2, 1, 0, [5, 6]),
        (5, 1, 2, [13, 4]),
        (5, 3, 2, [11, 17]),
    ];

    fn pool(kind: PoolKind, window: (usize, usize, usize, [usize; 2])) -> (Pool, Vec<Buffer>) {
        let (kernel, stride, padding, size) = window;
        let to = size.map(|size| (size + 2 * padding - kernel) / stride + 1);
        let x = buffer(0, size);
        let buffers = vec![x, buffer(x.len(), to)];
        let view = |buffer| View { buffer, first: 0, blocks: 1 };
        let window = Window {
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1, 1],
            padding: [padding; 2],
        };
        (Pool::sliding(&buffers, view(0), view(1), window, kind), buffers)
    }

    /// Numbers of few values, so that many are equal, with zeros of both signs, infinities and the smallest numbers.
    fn values(len: usize) -> Vec<f32> {
        let few = [0.0, -0.0, -1.0, 1.5, f32::INFINITY, f32::NEG_INFINITY, 1e-45, -1e-45];
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        // Mostly small ones: a large one hides what is beside it.
        (0..len).map(|_| few[(next() % 8 * (next() % 2)) as usize]).collect()
    }

    #[test]
    fn maxima_of_shared_rows_are_the_same_to_the_bit() {
        for isa in Isa::available() {
            for window in WINDOWS {
                let (pool, buffers) = pool(PoolKind::Max, window);
                let mut values = values(buffers[0].len());
                values.iter_mut().filter(|x| x.is_infinite()).for_each(|x| *x = -2.0);
                let (shared, plain, is_right) = both(isa, &pool, &buffers, &values);
                assert!(is_right && shared == plain, "{isa}, {window:?}");
            }
        }
    }

    #[test]
    fn a_nan_anywhere_is_noticed() {
        let window = (3, 1, 1, [4, 5]);
        for isa in Isa::available() {
            let (pool, buffers) = pool(PoolKind::Max, window);
            for at in 0..buffers[0].len() {
                let mut values = vec![1.0; buffers[0].len()];
                values[at] = -f32::NAN;
                assert!(!both(isa, &pool, &buffers, &values).2, "{isa}, {at}");
            }
        }
    }

    #[test]
    fn means_of_shared_rows_are_the_same_within_rounding() {
        for isa in Isa::available() {
            for padding in [None, Some([1, 1])] {
                for window in WINDOWS {
                    let (pool, buffers) = pool(PoolKind::Average { padding }, window);
                    let (shared, plain, _) = both(isa, &pool, &buffers, &values(buffers[0].len()));
                    for (shared, plain) in shared.into_iter().zip(plain) {
                        let [a, b] = [shared, plain].map(f32::from_bits);
                        let is_same = a == b || (a - b).abs() < 1e-6 || a.is_nan() && b.is_nan();
                        assert!(is_same, "{isa}, {window:?}: {a} and {b}");
                    }
                }
            }
        }
    }
}
