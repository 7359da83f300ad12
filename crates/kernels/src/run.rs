//! The interface of all kinds of steps.

use std::{
    fmt,
    ops::Range,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use crate::{
    memory::{Buffer, Place, View},
    simd::Isa,
};

/// A program is inconsistent: an internal error of the code that made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {reason}")]
pub struct Invalid {
    step: &'static str,
    reason: Reason,
}

impl Invalid {
    pub(crate) fn new(step: &'static str, reason: Reason) -> Self {
        Self { step, reason }
    }
}

/// The part of a program that is inconsistent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A view names no buffer, or is not in it, or buffers differ in size.
    Buffer,
    /// The border of the input is too narrow for the window.
    Border,
    /// The numbers of values, channels or groups.
    Values,
    /// Steps of one phase use the same memory.
    Conflict,
    /// A buffer is not in the arena.
    Arena,
    /// The system gives no memory for the packed weights.
    Memory,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buffer => "its views do not fit its buffers",
            Self::Border => "the border of its input is too narrow",
            Self::Values => "its values do not fit its shapes",
            Self::Conflict => "it uses memory that another step of its phase writes",
            Self::Arena => "a buffer is not inside of the arena",
            Self::Memory => "the system gives no memory for its weights",
        })
    }
}

/// The inputs of a run.
#[derive(Clone, Copy, Debug)]
pub struct Feed<'a> {
    /// The network's input, `images x channels x height x width`.
    pub input: &'a [f32],
    /// The right class of each image; empty without a loss.
    pub labels: &'a [u32],
    /// The factors of the optimizer.
    pub rates: Rates,
    /// The seed of random numbers, which also depend on their position.
    pub seed: u64,
}

/// The factors of an optimizer in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Learning rate.
    pub learning: f32,
    /// Weight decay.
    pub decay: f32,
    /// Decay of the moving average of the parameters, if there is one.
    pub average: f32,
    /// Number of steps before this one.
    pub steps: u64,
}

/// Part of the images of a chain of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its number: parts may run at once.
    pub(crate) index: usize,
    /// Whether these are the first images of the part.
    pub(crate) is_first: bool,
}

/// Vectors of sixteen numbers that are computed between two looks at whether a run was stopped, about.
pub(crate) const VECTORS_BETWEEN_LOOKS: usize = 1 << 18;

/// What a step is run with.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) isa: Isa,
    pub(crate) arena: *mut f32,
    pub(crate) buffers: &'a [Buffer],
    pub(crate) feed: Feed<'a>,
    /// The network's output, `images x channels`; of its length.
    pub(crate) output: *mut f32,
    /// Memory of this thread alone.
    pub(crate) scratch: *mut f32,
    /// Nanoseconds of each step of a chain, if they are measured.
    pub(crate) clocks: Option<&'a [AtomicUsize]>,
    /// Set when nobody needs the result any more: long tasks end early, and leave what they have not written as it is.
    pub(crate) stop: &'a AtomicBool,
}

impl Context<'_> {
    /// Where a view lies.
    ///
    /// # Safety
    /// The view is one of a step that the program has checked.
    pub(crate) unsafe fn place(&self, view: View) -> Place {
        // SAFETY: the program has checked that the view lies in the buffer, and the buffer in the arena.
        unsafe { Place::new(self.arena, self.buffers[view.buffer], view) }
    }

    /// Whether the run was stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The same of several images: as many of them together as take not too long, and pieces of those that do.
    pub(crate) fn pieces_of_images(
        &self,
        images: usize,
        rows: usize,
        columns: usize,
        vectors: usize,
    ) -> impl Iterator<Item = (Range<usize>, Range<usize>, Range<usize>)> {
        let of_image = rows.saturating_mul(columns).saturating_mul(vectors).max(1);
        let at_once = (VECTORS_BETWEEN_LOOKS / of_image).max(1);
        (0..images).step_by(at_once).flat_map(move |first| {
            let images = first..(first + at_once).min(images);
            let pieces = self.pieces(0..rows, columns, vectors);
            pieces.map(move |(rows, columns)| (images.clone(), rows, columns))
        })
    }

    /// Cuts rows of so many columns into pieces, whose pixels take `vectors` each: whole rows, and parts of one that takes
    /// long. No more of them follow once the run is stopped.
    pub(crate) fn pieces(&self, rows: Range<usize>, columns: usize, vectors: usize) -> Pieces<'_> {
        let most = VECTORS_BETWEEN_LOOKS / vectors.max(1);
        // Kernels compute some pixels side by side.
        let of_row = if most < PIXELS_AT_ONCE { most.max(1) } else { most - most % PIXELS_AT_ONCE };
        Pieces {
            stop: self.stop,
            rows,
            columns,
            column: 0,
            rows_of_piece: (most / columns.max(1)).max(1),
            columns_of_piece: of_row.min(columns),
        }
    }
}

/// Pixels that kernels compute side by side, at most.
const PIXELS_AT_ONCE: usize = 8;

/// See [`Context::pieces`].
pub(crate) struct Pieces<'a> {
    stop: &'a AtomicBool,
    /// Rows that are left, and the first column of the next piece.
    rows: Range<usize>,
    column: usize,
    columns: usize,
    rows_of_piece: usize,
    columns_of_piece: usize,
}

impl Iterator for Pieces<'_> {
    type Item = (Range<usize>, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let Range { start, end } = self.rows;
        if start >= end || self.columns == 0 || self.stop.load(Ordering::Relaxed) {
            return None;
        }
        if self.columns_of_piece == self.columns {
            self.rows.start = (start + self.rows_of_piece).min(end);
            return Some((start..self.rows.start, 0..self.columns));
        }
        let columns = self.column..(self.column + self.columns_of_piece).min(self.columns);
        self.column = columns.end;
        if self.column == self.columns {
            (self.column, self.rows.start) = (0, start + 1);
        }
        Some((start..start + 1, columns))
    }
}

/// What each kind of step does.
pub(crate) trait Run {
    /// The operator, for tables.
    fn name(&self) -> &'static str;

    /// What it reads.
    fn reads(&self) -> Vec<View>;

    /// What it writes; a view that it also reads is changed in place, each number by one task.
    fn writes(&self) -> Vec<View>;

    /// Checks everything that its addresses depend on but that views lie in buffers.
    fn check(&self, buffers: &[Buffer]) -> Option<Reason>;

    /// Into how many tasks it is cut. Tasks write different numbers and read none that another one writes.
    fn tasks(&self) -> usize;

    /// Numbers of memory that a thread needs for itself.
    fn scratch(&self) -> usize {
        0
    }

    /// Numbers of the network's output that it writes.
    fn output_len(&self, _buffers: &[Buffer]) -> usize {
        0
    }

    /// Numbers of the network's input that it reads.
    fn input_len(&self, _buffers: &[Buffer]) -> usize {
        0
    }

    /// Labels that it reads.
    fn labels_len(&self, _buffers: &[Buffer]) -> usize {
        0
    }

    /// How many images it has, if it uses image `i` of each view that it writes, and of each view of as many images
    /// that it reads, for image `i` alone.
    fn images(&self) -> Option<usize> {
        None
    }

    /// Views with a part of their own for each part of a chain, instead of each image.
    fn parts(&self) -> Vec<View> {
        Vec::new()
    }

    /// Does everything for some images.
    ///
    /// # Safety
    /// See [`Run::run`]; it is for images that [`Run::images`] counts.
    unsafe fn run_images(&self, context: &Context<'_>, images: Range<usize>, _part: Part) {
        let of_image = self.tasks() / self.images().unwrap_or(1).max(1);
        for task in images.start * of_image..images.end * of_image {
            if context.is_stopped() {
                return;
            }
            // SAFETY: the caller's promise; tasks are in the order of images.
            unsafe { self.run(context, task) };
        }
    }

    /// Does one task.
    ///
    /// # Safety
    /// The program has checked the step; the processor has the instruction set; nothing else uses what the task
    /// writes.
    unsafe fn run(&self, context: &Context<'_>, task: usize);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(stop: &AtomicBool) -> Context<'_> {
        Context {
            isa: Isa::best(),
            arena: std::ptr::null_mut(),
            buffers: &[],
            feed: Feed { input: &[], labels: &[], rates: Rates::default(), seed: 0 },
            output: std::ptr::null_mut(),
            scratch: std::ptr::null_mut(),
            clocks: None,
            stop,
        }
    }

    #[test]
    fn images_are_computed_together_where_they_are_small() {
        let stop = AtomicBool::new(false);
        let context = context(&stop);
        let pieces = |images, rows, columns, vectors| {
            context.pieces_of_images(images, rows, columns, vectors).collect::<Vec<_>>()
        };
        assert_eq!(pieces(5, 7, 7, 9), [(0..5, 0..7, 0..7)]);
        assert_eq!(
            pieces(3, 512, 512, 1),
            [(0..1, 0..512, 0..512), (1..2, 0..512, 0..512), (2..3, 0..512, 0..512)]
        );
        assert_eq!(pieces(2, 512, 512, 2).len(), 4);
        for (images, rows, columns, vectors) in
            [(9, 100, 300, 3), (2, 1, 2_000_000, 1), (4, 3, 5, usize::MAX)]
        {
            let all: usize = pieces(images, rows, columns, vectors)
                .into_iter()
                .map(|(images, rows, columns)| images.len() * rows.len() * columns.len())
                .sum();
            assert_eq!(all, images * rows * columns);
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(pieces(9, 100, 300, 3), []);
    }

    #[test]
    fn pieces_are_all_pixels_once_and_take_about_as_long() {
        let stop = AtomicBool::new(false);
        let context = context(&stop);
        for (rows, columns, vectors) in [
            (3..40, 50, 9),
            (0..1, 20_000_000, 1),
            (2..5, 1000, 998_001),
            (0..100, 300, 1000),
            (0..0, 5, 1),
            (1..3, 7, usize::MAX),
        ] {
            let mut next = (rows.start, 0);
            for (own_rows, own_columns) in context.pieces(rows.clone(), columns, vectors) {
                assert_eq!((own_rows.start, own_columns.start), next);
                let pixels = own_rows.len() * own_columns.len();
                assert!(pixels == 1 || pixels * vectors <= VECTORS_BETWEEN_LOOKS);
                let is_whole = own_columns == (0..columns);
                assert!(is_whole || own_rows.len() == 1);
                next = if own_columns.end == columns {
                    (own_rows.end, 0)
                } else {
                    (own_rows.start, own_columns.end)
                };
            }
            assert_eq!(next, (rows.end, 0), "{rows:?} x {columns}");
        }
        let mut pieces = context.pieces(0..1000, 1000, 1000);
        assert!(pieces.next().is_some());
        stop.store(true, Ordering::Relaxed);
        assert_eq!(pieces.next(), None);
    }
}
