//! The memory of kernels, and the layout of feature maps in it.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::simd::LANES;

/// Sixteen numbers, at the start of a cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Line([f32; LANES]);

/// Numbers that start at a cache line; zero at first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aligned(Vec<Line>);

impl Aligned {
    /// At least `len` zeros; rounded up to whole blocks of sixteen.
    pub fn zeros(len: usize) -> Self {
        Self::try_zeros(len).unwrap_or_else(|| Self(vec![Line::default(); len.div_ceil(LANES)]))
    }

    /// The same; `None` if the system has no memory for them.
    pub fn try_zeros(len: usize) -> Option<Self> {
        Self::try_zeros_until(len, &AtomicBool::new(false))
    }

    /// The same; `None` soon after `stop` is set too, since many take a while.
    pub fn try_zeros_until(len: usize, stop: &AtomicBool) -> Option<Self> {
        let count = len.div_ceil(LANES);
        let mut lines = Vec::new();
        lines.try_reserve_exact(count).ok()?;
        if size_of::<Line>() * count >= LARGE {
            // Before it is touched for the first time.
            ask_for_huge_pages(lines.as_mut_ptr(), count);
        }
        while lines.len() < count {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            lines.resize((lines.len() + BETWEEN_LOOKS).min(count), Line::default());
        }
        Some(Self(lines))
    }

    /// How many numbers.
    pub fn len(&self) -> usize {
        self.0.len() * LANES
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The numbers.
    pub fn as_slice(&self) -> &[f32] {
        self.0.as_flattened_lines()
    }

    /// The numbers, to change them.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: a `Line` is sixteen numbers without gaps, and the slice is borrowed from the vector.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.len()) }
    }
}

impl AsMut<[f32]> for Aligned {
    fn as_mut(&mut self) -> &mut [f32] {
        self.as_mut_slice()
    }
}

/// Lines that are written between two looks at whether they are still wanted.
const BETWEEN_LOOKS: usize = 1 << 19;

/// Bytes from which memory is asked for in huge pages.
const LARGE: usize = 8 << 20;

/// Asks the system for huge pages, which it finds faster than many small ones; it may not have any.
#[cfg(target_os = "linux")]
fn ask_for_huge_pages(memory: *mut Line, count: usize) {
    const PAGE: usize = 2 << 20;
    let skipped = memory.align_offset(PAGE);
    if let Some(lines) = count.checked_sub(skipped) {
        let bytes = size_of::<Line>() * lines / PAGE * PAGE;
        // SAFETY: this range was allocated, and advice changes nothing in it.
        unsafe {
            libc::madvise(memory.wrapping_add(skipped).cast(), bytes, libc::MADV_HUGEPAGE);
        }
    }
}

/// Other systems decide that themselves.
#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_memory: *mut Line, _count: usize) {}

/// Lines as the numbers in them.
trait AsFlattenedLines {
    fn as_flattened_lines(&self) -> &[f32];
}

impl AsFlattenedLines for [Line] {
    fn as_flattened_lines(&self) -> &[f32] {
        // SAFETY: a `Line` is sixteen numbers without gaps, and the slice is borrowed from this one.
        unsafe { std::slice::from_raw_parts(self.as_ptr().cast(), self.len() * LANES) }
    }
}

/// Rows and columns of zeros around a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Border {
    /// Rows above.
    pub top: usize,
    /// Columns to the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Border {
    /// Wide enough for both.
    pub fn union(self, other: Self) -> Self {
        Self {
            top: self.top.max(other.top),
            left: self.left.max(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.max(other.right),
        }
    }

    /// Whether it is as wide as `other` on each side.
    pub fn covers(self, other: Self) -> bool {
        self.union(other) == self
    }
}

/// A batch of feature maps in the arena: `images x blocks x height x width x pixel` numbers, with a border around each
/// map. A block is sixteen channels; the numbers in lanes without a channel are arbitrary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Buffer {
    /// Its first number in the arena; a multiple of sixteen.
    pub offset: usize,
    /// Batch size.
    pub images: usize,
    /// Blocks of channels.
    pub blocks: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Zeros around each map.
    pub border: Border,
    /// Numbers per pixel: sixteen, or fewer for the only block of an input with few channels.
    pub pixel: usize,
}

impl Buffer {
    /// Numbers from a row to the next.
    pub const fn row(&self) -> usize {
        (self.border.left + self.width + self.border.right) * self.pixel
    }

    /// Numbers from a block to the next.
    pub const fn plane(&self) -> usize {
        (self.border.top + self.height + self.border.bottom) * self.row()
    }

    /// Numbers from an image to the next.
    pub const fn image(&self) -> usize {
        self.blocks * self.plane()
    }

    /// All of its numbers.
    pub const fn len(&self) -> usize {
        self.images * self.image()
    }

    /// Whether it has no numbers.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Distance of the first pixel inside the border from the start of a plane.
    pub const fn inset(&self) -> usize {
        self.border.top * self.row() + self.border.left * self.pixel
    }

    /// Its numbers in the arena.
    pub const fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }

    /// Whether its numbers are one row without gaps.
    pub const fn is_vector(&self) -> bool {
        self.images == 1 && self.is_rows()
    }

    /// Whether the numbers of each image are one row without gaps.
    pub const fn is_rows(&self) -> bool {
        let Border { top, left, bottom, right } = self.border;
        self.height * self.width == 1 && self.pixel == LANES && top + left + bottom + right == 0
    }

    /// Whether two buffers have a number in common.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.offset < other.offset + other.len() && other.offset < self.offset + self.len()
    }
}

/// Some blocks of a buffer, of every image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The buffer, by its position in the program.
    pub buffer: usize,
    /// The first block.
    pub first: usize,
    /// How many blocks.
    pub blocks: usize,
}

impl View {
    /// Whether two views of one buffer, or of two that do not overlap, have a block in common.
    pub(crate) const fn shares_blocks(&self, other: &Self) -> bool {
        self.first < other.first + other.blocks && other.first < self.first + self.blocks
    }
}

/// A view with its buffer and the address of the arena: what kernels compute addresses from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) buffer: Buffer,
    first: usize,
    arena: *mut f32,
}

impl Place {
    /// # Safety
    /// The buffer lies in the arena, and the view in the buffer.
    pub(crate) unsafe fn new(arena: *mut f32, buffer: Buffer, view: View) -> Self {
        Self { buffer, first: view.first, arena }
    }

    /// Address of the first pixel inside the border, of a block of the view.
    #[inline(always)]
    pub(crate) fn at(&self, image: usize, block: usize) -> *mut f32 {
        let Buffer { offset, .. } = self.buffer;
        let plane = image * self.buffer.image() + (self.first + block) * self.buffer.plane();
        self.arena.wrapping_add(offset + plane + self.buffer.inset())
    }

    /// Address of a pixel of a block of sixteen channels.
    #[inline(always)]
    pub(crate) fn pixel(&self, image: usize, block: usize, row: usize, column: usize) -> *mut f32 {
        self.at(image, block).wrapping_add(row * self.buffer.row() + column * LANES)
    }

    /// The numbers of an image of a view, which lie in one row.
    ///
    /// # Safety
    /// The buffer's numbers are rows, the program has checked the view, and nothing writes them as long as they are
    /// used.
    pub(crate) unsafe fn row_of<'a>(&self, image: usize, blocks: usize) -> &'a [f32] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.at(image, 0), blocks * LANES) }
    }

    /// Zeros the border around some rows of a block, and above and below where the rows are the first and the last.
    ///
    /// # Safety
    /// Nothing else reads or writes that border at the same time.
    pub(crate) unsafe fn clear_border(
        &self,
        image: usize,
        block: usize,
        rows: std::ops::Range<usize>,
    ) {
        let Buffer { border, height, width, pixel, .. } = self.buffer;
        let row = self.buffer.row();
        let plane = self.at(image, block).wrapping_sub(self.buffer.inset());
        // SAFETY: all of these are in the plane of a block of the view; nothing else uses them, as the caller says.
        unsafe {
            if rows.start == 0 {
                plane.write_bytes(0, border.top * row);
            }
            if border.left + border.right > 0 {
                for y in rows.clone() {
                    let start = plane.add((border.top + y) * row);
                    start.write_bytes(0, border.left * pixel);
                    start.add((border.left + width) * pixel).write_bytes(0, border.right * pixel);
                }
            }
            if rows.end == height {
                plane.add((border.top + height) * row).write_bytes(0, border.bottom * row);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_aligned_and_rounded_up() {
        let mut memory = Aligned::zeros(17);
        assert_eq!((memory.len(), memory.as_slice().as_ptr().align_offset(64)), (32, 0));
        memory.as_mut_slice()[31] = 1.0;
        assert_eq!(memory.as_slice().iter().sum::<f32>(), 1.0);
        assert!(Aligned::zeros(0).is_empty());
        assert_eq!(Aligned::try_zeros(17), Some(Aligned::zeros(17)));
        assert_eq!(Aligned::try_zeros(usize::MAX / 8), None);
        assert_eq!(Aligned::try_zeros_until(17, &AtomicBool::new(true)), None);
    }

    #[test]
    fn borders_are_cleared_and_nothing_else() {
        let border = Border { top: 1, left: 2, bottom: 3, right: 1 };
        let buffer =
            Buffer { offset: 16, images: 2, blocks: 3, height: 4, width: 5, border, pixel: 16 };
        let mut memory = Aligned::zeros(buffer.offset + buffer.len());
        memory.as_mut_slice().fill(1.0);
        let view = View { buffer: 0, first: 1, blocks: 2 };
        // SAFETY: the memory holds the buffer.
        let place = unsafe { Place::new(memory.as_mut_slice().as_mut_ptr(), buffer, view) };
        // SAFETY: nothing else is running.
        unsafe {
            place.clear_border(1, 1, 0..2);
            place.clear_border(1, 1, 2..4);
        }
        let plane = buffer.offset + buffer.image() + 2 * buffer.plane();
        let zeros = |of: &[f32]| of.iter().filter(|&&x| x == 0.0).count();
        let all = memory.as_slice();
        let around = (8 * 8 - 4 * 5) * 16;
        assert_eq!(zeros(all), around);
        assert_eq!(zeros(&all[plane..plane + buffer.plane()]), around);
        let inside = plane + buffer.inset();
        assert_eq!(zeros(&all[inside..inside + 5 * 16]), 0);
    }
}
