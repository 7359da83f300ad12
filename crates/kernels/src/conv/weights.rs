//! The gradient of a convolution's weights.

use std::{ops::Range, sync::Arc};

use super::{
    Finish, Outermost, Places, Unpack, Widths, Window, check_reads, loops as choose_loops,
    loops::{Loops, TILES_ARE_FASTER},
};
use crate::{
    memory::{Buffer, View},
    run::{Context, Invalid, Part, Reason, Run},
    simd::{Isa, LANES, Simd, Work},
};

/// The weights of a group of blocks for a span of lanes, and where they start.
#[derive(Clone, Copy, Debug)]
struct OfSpan {
    group: usize,
    span: usize,
    start: usize,
}

/// The gradient of a convolution's weights, in the order in which the convolution reads them.
#[derive(Clone, Debug)]
pub struct ConvWeights {
    x: View,
    dy: View,
    /// Numbers of the order of reading, for each part of the images.
    to: View,
    window: Window,
    is_across_images: bool,
    is_by_images: bool,
    loops: Arc<Loops>,
    tasks: Vec<OfSpan>,
    images: usize,
}

impl ConvWeights {
    /// `places.x` is the layer's input; `places.y` the gradient of its output. `to` is a vector of at least
    /// [`Reading::len`](super::Reading::len) numbers, or has one such vector for each part of the images.
    ///
    /// # Errors
    /// When numbers do not fit together.
    pub fn new(
        isa: Isa,
        places: Places<'_>,
        window: Window,
        widths: Widths,
        to: View,
        order: Outermost,
    ) -> Result<Self, Invalid> {
        let Places { buffers, x, y: dy, .. } = places;
        let loops = choose_loops(isa, places, window, widths, Finish::NONE)?;
        let buffer = &buffers[dy.buffer];
        let is_across_images = buffer.height * buffer.width == 1;
        let taps = loops.kernel[0] * loops.kernel[1];
        let mut tasks = Vec::new();
        for (index, group) in loops.order.groups.iter().enumerate() {
            let mut start = group.weights();
            for span in group.spans() {
                tasks.push(OfSpan { group: index, span, start });
                start += loops.order.spans[span].count * taps * group.blocks * LANES;
            }
        }
        Ok(Self {
            x,
            dy,
            to,
            window,
            is_across_images,
            is_by_images: order == Outermost::Images,
            loops: Arc::new(loops),
            tasks,
            images: buffer.images,
        })
    }

    /// The step that sums the parts, and unpacks the sum into the order of the layer's tensor.
    pub fn unpack(&self, tensor: View, adds: bool) -> Unpack {
        Unpack::new(self.to, tensor, adds, Arc::clone(&self.loops))
    }

    /// Computes the gradient of the weights of a group for one span.
    ///
    /// # Safety
    /// See [`Run::run`].
    unsafe fn run_span(
        &self,
        context: &Context<'_>,
        images: Range<usize>,
        OfSpan { group, span, start }: OfSpan,
        Part { index, is_first }: Part,
    ) {
        // SAFETY: the program has checked the views.
        let (x, dy, to) =
            unsafe { (context.place(self.x), context.place(self.dy), context.place(self.to)) };
        let (from, of) = (&x.buffer, &dy.buffer);
        let order = &self.loops.order;
        let group = &order.groups[group];
        let [tap_rows, tap_columns] = self.loops.kernel;
        let taps = tap_rows * tap_columns;
        let span = order.spans[span];
        let row_of = group.blocks * LANES;
        let window = &self.window;
        let inset = window.padding[0] * from.row() + window.padding[1] * from.pixel;
        let first = images.start;
        let (x_step, dy_step, width, count) = if self.is_across_images {
            (from.image(), of.image(), images.len(), 1)
        } else {
            (window.stride[1] * from.pixel, LANES, of.width, images.len())
        };
        let input = x.at(first, 0).wrapping_sub(inset).wrapping_add(span.offset).cast_const();
        let output = to.at(index, 0).wrapping_add(start);
        // Sums stay in registers, as those of tiles do.
        let vectors = (span.count * group.blocks / TILES_ARE_FASTER).max(1);
        for tap in 0..taps {
            let (row, column) = (tap / tap_columns, tap % tap_columns);
            let at =
                row * window.dilation[0] * from.row() + column * window.dilation[1] * from.pixel;
            let mut adds = !is_first;
            for (own, rows, columns) in context.pieces_of_images(count, of.height, width, vectors) {
                let x_row = window.stride[0] * from.row();
                let right = rows.start * x_row + columns.start * x_step;
                let dy_right = rows.start * of.row() + columns.start * dy_step;
                let products = Products {
                    x: input.wrapping_add(own.start * from.image() + at + right),
                    x_step,
                    x_row,
                    x_image: from.image(),
                    dy: dy.at(first + own.start, group.first).wrapping_add(dy_right).cast_const(),
                    dy_step,
                    dy_row: of.row(),
                    dy_plane: of.plane(),
                    dy_image: of.image(),
                    to: output.wrapping_add(tap * span.count * row_of),
                    to_lane: row_of,
                    columns: columns.len(),
                    rows: rows.len(),
                    images: own.len(),
                    adds,
                };
                // SAFETY: the reads were checked with the window, the writes with the length of the view.
                unsafe { products.run(context.isa, span.count, group.blocks) };
                adds = true;
            }
        }
    }
}

impl Run for ConvWeights {
    fn name(&self) -> &'static str {
        "conv weights"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.x, self.dy]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, of) = (&buffers[self.x.buffer], &buffers[self.dy.buffer]);
        let to = &buffers[self.to.buffer];
        let is_valid = from.images == of.images
            && of.images == self.images
            && of.pixel == LANES
            && to.is_rows()
            && (self.is_by_images || to.images == 1)
            && self.to.blocks * LANES >= self.loops.order.len
            && self.loops.order.groups.iter().all(|g| g.first + g.blocks <= self.dy.blocks);
        if !is_valid {
            return Some(Reason::Values);
        }
        check_reads(&self.window, &self.loops, self.x, from, of)
    }

    fn tasks(&self) -> usize {
        if self.is_by_images { self.images } else { self.tasks.len() }
    }

    fn images(&self) -> Option<usize> {
        self.is_by_images.then_some(self.images)
    }

    fn parts(&self) -> Vec<View> {
        if self.is_by_images { vec![self.to] } else { Vec::new() }
    }

    unsafe fn run_images(&self, context: &Context<'_>, images: Range<usize>, part: Part) {
        for task in &self.tasks {
            if context.is_stopped() {
                return;
            }
            // SAFETY: the caller's promise; the numbers of the part are its own.
            unsafe { self.run_span(context, images.clone(), *task, part) };
        }
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let part = Part { index: 0, is_first: true };
        // SAFETY: the caller's promise; the task alone writes the numbers of its group and span.
        unsafe { self.run_span(context, 0..self.images, self.tasks[task], part) };
    }
}

/// Sums of products of lanes of the input and blocks of the output's gradient, over pixels.
#[derive(Clone, Copy, Debug)]
struct Products {
    /// Input at the first lane for the first pixel, and distances of pixels, rows and images.
    x: *const f32,
    x_step: usize,
    x_row: usize,
    x_image: usize,
    /// Gradient at the first pixel of the first block, and distances.
    dy: *const f32,
    dy_step: usize,
    dy_row: usize,
    dy_plane: usize,
    dy_image: usize,
    /// Sums: sixteen for each lane and block; lanes are `to_lane` apart.
    to: *mut f32,
    to_lane: usize,
    columns: usize,
    rows: usize,
    images: usize,
    /// Whether sums go on with what is there.
    adds: bool,
}

/// Products of so many lanes and blocks that their sums stay in registers.
struct Sized<const C: usize, const B: usize>(Products);

/// Adds the products of one lane with every block.
macro_rules! add_products {
    ($s:ident, $sums:ident, $gradients:ident, $input:expr, $c:literal, [$($b:literal)*]) => {
        let input = $s::splat($input);
        $($sums[$c][$b] = $s::mul_add(input, $gradients[$b], $sums[$c][$b]);)*
    };
}

/// The sums of one lane: what is there, or zero.
macro_rules! start_lane {
    ($s:ident, $p:ident, $c:literal, [$($b:literal)*]) => {
        [$(
            if $p.adds { $s::load($p.to.add($c * $p.to_lane + $b * LANES)) } else { $s::splat(0.0) }
        ),*]
    };
}

/// Stores the sums of one lane.
macro_rules! store_lane {
    ($s:ident, $sums:ident, $p:ident, $c:literal, [$($b:literal)*]) => {
        $($s::store($p.to.add($c * $p.to_lane + $b * LANES), $sums[$c][$b]);)*
    };
}

/// The inner loop for some numbers of lanes and blocks, written out so that the sums stay in registers.
macro_rules! products {
    ($b:tt: $($c:tt)*) => { $(products!(@ $c $b $b);)* };
    (@ [$($c:literal)*] [$($b:literal)*] $bs:tt) => {
        impl Work for Sized<{ [$($c),*].len() }, { [$($b),*].len() }> {
            #[inline(always)]
            unsafe fn run<S: Simd>(&self) {
                // What does not fit in the registers is never chosen.
                if [$($c),*].len() * [$($b),*].len() > S::SUMS {
                    return;
                }
                let p = &self.0;
                // SAFETY: the addresses are those that `Products` describes.
                unsafe {
                    let mut sums = [$(start_lane!(S, p, $c, $bs)),*];
                    for image in 0..p.images {
                        for row in 0..p.rows {
                            let mut x = p.x.add(image * p.x_image + row * p.x_row);
                            let mut dy = p.dy.add(image * p.dy_image + row * p.dy_row);
                            for _ in 0..p.columns {
                                let gradients = [$(S::load(dy.wrapping_add($b * p.dy_plane))),*];
                                $(add_products!(S, sums, gradients, *x.add($c), $c, $bs);)*
                                x = x.wrapping_add(p.x_step);
                                dy = dy.wrapping_add(p.dy_step);
                            }
                        }
                    }
                    $(store_lane!(S, sums, p, $c, $bs);)*
                }
            }
        }
    };
}

products!([0]: [0] [0 1] [0 1 2] [0 1 2 3] [0 1 2 3 4 5] [0 1 2 3 4 5 6 7] [0 1 2 3 4 5 6 7 8 9 10 11]
    [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15]);
products!([0 1]: [0] [0 1] [0 1 2] [0 1 2 3] [0 1 2 3 4 5] [0 1 2 3 4 5 6 7] [0 1 2 3 4 5 6 7 8 9 10 11]);

/// Lanes and blocks that the inner loop is compiled for, the largest first.
const LANES_OF_BLOCKS: [&[usize]; 2] = [&[16, 12, 8, 6, 4, 3, 2, 1], &[12, 8, 6, 4, 3, 2, 1]];

impl Products {
    /// Computes so many lanes and blocks, in pieces that fit in the registers.
    ///
    /// # Safety
    /// The processor has the instruction set. Every address that the description gives may be read; those of the sums
    /// may be written, and nothing else uses them meanwhile.
    unsafe fn run(self, isa: Isa, lanes: usize, blocks: usize) {
        let mut block = 0;
        while block < blocks {
            let left = blocks - block;
            let count = left.min(2);
            let sizes = LANES_OF_BLOCKS[count - 1];
            // As many lanes at a time as fit, and pieces of the same size where there are several.
            let most = sizes.iter().find(|&&c| c * count <= isa.sums()).copied().unwrap_or(1);
            let pieces = lanes.div_ceil(most).max(1);
            let even = lanes.div_ceil(pieces);
            let mut lane = 0;
            while lane < lanes {
                let wanted = even.min(lanes - lane);
                let size = sizes.iter().find(|&&c| c <= wanted && c * count <= isa.sums());
                let size = size.copied().unwrap_or(1);
                let piece = Self {
                    x: self.x.wrapping_add(lane),
                    dy: self.dy.wrapping_add(block * self.dy_plane),
                    to: self.to.wrapping_add(lane * self.to_lane + block * LANES),
                    ..self
                };
                // SAFETY: the caller's promise.
                unsafe { piece.run_piece(isa, size, count) };
                lane += size;
            }
            block += count;
        }
    }

    unsafe fn run_piece(self, isa: Isa, lanes: usize, blocks: usize) {
        macro_rules! sizes {
            ($(($c:literal, $b:literal)),*) => {
                match (lanes, blocks) {
                    // SAFETY: the caller's promise.
                    $(($c, $b) => unsafe { isa.run(&Sized::<$c, $b>(self)) },)*
                    // Every number of lanes and blocks is made of those above.
                    _ => {}
                }
            };
        }
        sizes!(
            (1, 1),
            (2, 1),
            (3, 1),
            (4, 1),
            (6, 1),
            (8, 1),
            (12, 1),
            (16, 1),
            (1, 2),
            (2, 2),
            (3, 2),
            (4, 2),
            (6, 2),
            (8, 2),
            (12, 2)
        );
    }
}
