//! The gradient of a convolution's input.

use std::{ops::Range, sync::Arc};

use super::{
    Finish, Outermost, Pack, Places, Widths, Window,
    choose::{Cut, choose},
    lanes_of,
    loops::{Io, Loops},
    order::{Map, Order, Packed},
};
use crate::{
    memory::{Aligned, Border, Buffer, View},
    run::{Context, Invalid, Part, Reason, Run},
    simd::{Isa, LANES},
};

/// Positions of the input along one axis that the same taps reach: every `step`th from `first` on. Seen from the output,
/// the taps are `distance` apart and follow each other from `origin` on, which moves by one from position to position.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Phase {
    first: usize,
    step: usize,
    count: usize,
    taps: Vec<usize>,
    origin: isize,
    distance: usize,
}

/// The phases of one axis of a window.
fn phases(window: &Window, axis: usize, input: usize, output: usize) -> Vec<Phase> {
    let (kernel, dilation) = (window.kernel[axis], window.dilation[axis]);
    let padding = window.padding[axis];
    // With one output position any stride is right; this one has a tap or none for each input position.
    let step = if output == 1 { input + padding + kernel * dilation } else { window.stride[axis] };
    let phase = |first: usize| {
        let at = |tap: usize| {
            first.cast_signed() + padding.cast_signed() - (tap * dilation).cast_signed()
        };
        let signed = step.cast_signed();
        let taps: Vec<usize> = (0..kernel).rev().filter(|tap| at(*tap) % signed == 0).collect();
        let places: Vec<isize> = taps.iter().map(|tap| at(*tap) / signed).collect();
        let distance = places.get(1).map_or(1, |second| (second - places[0]).unsigned_abs());
        let origin = places.first().copied().unwrap_or(0);
        Phase { first, step, count: (input - first).div_ceil(step), taps, origin, distance }
    };
    (0..step.min(input)).map(phase).collect()
}

impl Phase {
    /// The last position of the output that it reads.
    fn last(&self) -> isize {
        let taps = self.taps.len().max(1) - 1;
        self.origin + (self.count - 1 + taps * self.distance).cast_signed()
    }
}

/// Input pixels that the same taps reach.
#[derive(Clone, Debug)]
struct Pixels {
    rows: Phase,
    columns: Phase,
    loops: Arc<Loops>,
    /// Where its weights start.
    weights: usize,
}

/// The order of the weights before packing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightsOf {
    /// The layer's tensor.
    Tensor,
    /// The order in which the convolution reads them.
    Forward,
}

/// The gradient of a convolution's input: a convolution of the output's gradient with the same weights, for each set of
/// input pixels that the same taps reach.
#[derive(Clone, Debug)]
pub struct ConvData {
    dy: View,
    dx: View,
    window: Window,
    adds: bool,
    is_across_images: bool,
    is_by_images: bool,
    pixels: Vec<Pixels>,
    weights: View,
    zeros: Aligned,
    groups: usize,
    images: usize,
}

impl ConvData {
    /// The border of zeros that the output's gradient needs.
    pub fn border(window: &Window, input: [usize; 2], output: [usize; 2]) -> Border {
        let reach = |axis: usize| {
            let phases = phases(window, axis, input[axis], output[axis]);
            let used = phases.iter().filter(|phase| !phase.taps.is_empty());
            let before = used.clone().map(|phase| (-phase.origin).max(0).unsigned_abs()).max();
            let most = output[axis].cast_signed() - 1;
            let behind = used.map(|phase| (phase.last() - most).max(0).unsigned_abs()).max();
            (before.unwrap_or(0), behind.unwrap_or(0))
        };
        let ((top, bottom), (left, right)) = (reach(0), reach(1));
        Border { top, left, bottom, right }
    }

    /// `places.x` is the layer's input and `places.y` its output; `gradients` are where their gradients lie, in the same
    /// layout. `weights` is a vector of at least [`ConvData::packed_len`] numbers.
    ///
    /// # Errors
    /// When numbers do not fit together.
    pub fn new(
        isa: Isa,
        places: Places<'_>,
        window: Window,
        widths: Widths,
        (weights, adds): (View, bool),
        order: Outermost,
        from: WeightsOf,
    ) -> Result<Self, Invalid> {
        let Places { buffers, x: dx, y: dy, .. } = places;
        let pixels = pixels(isa, places, window, widths, from)?;
        let (input, output) = (&buffers[dx.buffer], &buffers[dy.buffer]);
        let is_across_images = output.height * output.width == 1;
        let groups = pixels.first().map_or(0, |pixels| pixels.loops.order.groups.len());
        Ok(Self {
            dy,
            dx,
            window,
            adds,
            is_across_images,
            is_by_images: order == Outermost::Images && !is_across_images,
            pixels,
            weights,
            zeros: Aligned::zeros(dx.blocks * LANES),
            groups,
            images: input.images,
        })
    }

    /// Number of packed weights.
    ///
    /// # Errors
    /// See [`ConvData::new`].
    pub fn packed_len(
        isa: Isa,
        places: Places<'_>,
        window: Window,
        widths: Widths,
    ) -> Result<usize, Invalid> {
        let pixels = pixels(isa, places, window, widths, WeightsOf::Tensor)?;
        Ok(pixels.last().map_or(0, |last| last.weights + last.loops.order.len))
    }

    /// The step that packs the layer's tensor for this one.
    pub fn pack(&self, tensor: View) -> Pack {
        let loops = self.pixels.iter().map(|p| (Arc::clone(&p.loops), p.weights)).collect();
        Pack::new(tensor, self.weights, loops)
    }

    /// Computes some groups of blocks of some images.
    ///
    /// # Safety
    /// See [`Run::run`].
    unsafe fn run_groups(&self, context: &Context<'_>, images: Range<usize>, groups: Range<usize>) {
        // SAFETY: the program has checked the views.
        let (dy, dx, weights) = unsafe {
            (context.place(self.dy), context.place(self.dx), context.place(self.weights))
        };
        let (from, to) = (&dy.buffer, &dx.buffer);
        let first = images.start;
        for group in groups {
            for pixels in &self.pixels {
                if context.is_stopped() {
                    return;
                }
                let Pixels { rows, columns, loops, weights: start } = pixels;
                if self.adds && (rows.taps.is_empty() || columns.taps.is_empty()) {
                    continue;
                }
                let at =
                    rows.origin * from.row().cast_signed() + columns.origin * LANES.cast_signed();
                let (x_step, y_step, count) = if self.is_across_images {
                    (from.image(), to.image(), 1)
                } else {
                    (LANES, columns.step * LANES, images.len())
                };
                let io = Io {
                    x: dy.at(first, 0).wrapping_offset(at).cast_const(),
                    x_step,
                    x_row: from.row(),
                    x_tap: columns.distance * LANES,
                    x_tap_row: rows.distance * from.row(),
                    x_image: from.image(),
                    weights: weights.at(0, 0).wrapping_add(*start).cast_const(),
                    bias: self.zeros.as_slice().as_ptr(),
                    adds: self.adds,
                    y: dx.at(first, 0).wrapping_add(rows.first * to.row() + columns.first * LANES),
                    y_step,
                    y_row: rows.step * to.row(),
                    y_plane: to.plane(),
                    y_image: to.image(),
                    residual: std::ptr::null(),
                    residual_row: 0,
                    residual_plane: 0,
                    residual_image: 0,
                    range: (f32::NEG_INFINITY, f32::INFINITY),
                    rows: rows.count,
                    images: count,
                };
                // SAFETY: the reads were checked with the phases; the writes are in the view.
                unsafe { loops.run(context, &io, &loops.order.groups[group]) };
            }
            let group = &self.pixels[0].loops.order.groups[group];
            for image in images.clone() {
                for block in group.first..group.first + group.blocks {
                    // SAFETY: this task alone uses the block.
                    unsafe { dx.clear_border(image, block, 0..to.height) };
                }
            }
        }
    }
}

/// The sets of input pixels that the same taps reach, with the same groups of blocks in each.
fn pixels(
    isa: Isa,
    Places { buffers, x, segments, y }: Places<'_>,
    window: Window,
    widths: Widths,
    weights_of: WeightsOf,
) -> Result<Vec<Pixels>, Invalid> {
    let Widths { outputs, groups } = widths;
    let (Some(to), Some(from)) = (buffers.get(x.buffer), buffers.get(y.buffer)) else {
        return Err(Invalid::new("conv data", Reason::Buffer));
    };
    let inputs: usize = segments.iter().map(|segment| segment.channels).sum();
    let is_valid = groups > 0
        && inputs.is_multiple_of(groups)
        && outputs.is_multiple_of(groups)
        && (from.pixel, to.pixel) == (LANES, LANES)
        && y.blocks == outputs.div_ceil(LANES);
    if !is_valid {
        return Err(Invalid::new("conv data", Reason::Values));
    }
    let across = from.height * from.width == 1;
    let rows = phases(&window, 0, to.height, from.height);
    let columns = phases(&window, 1, to.width, from.width);
    let width = |phase: &Phase| if across { to.images } else { phase.count };
    let first = columns.first().map_or(1, width);
    let mut cut: Cut = if groups == 1 {
        choose(isa, first, x.blocks, 8)
    } else {
        let mut cut = choose(isa, first, 1, 1);
        cut.blocks = vec![1; x.blocks];
        cut
    };
    let of_output = inputs / groups * window.kernel[0] * window.kernel[1];
    let lanes = lanes_of(segments, x.blocks);
    let reads = [super::Segment { block: 0, channels: outputs }];
    let mut pixels = Vec::with_capacity(rows.len() * columns.len());
    let mut weights = 0;
    let packed = match weights_of {
        WeightsOf::Tensor => None,
        WeightsOf::Forward => {
            let places = Places { buffers, x, segments, y };
            let forward = super::loops(isa, places, window, widths, Finish::NONE)?;
            let packed = Packed::new(&forward.order, to.plane(), x.blocks);
            Some(packed.ok_or_else(|| Invalid::new("conv data", Reason::Values))?)
        }
    };
    for row in &rows {
        for column in &columns {
            cut = cut.with_width(isa, width(column));
            let side = window.kernel[1];
            let taps = row.taps.iter().map(|r| r * side);
            let taps = taps.flat_map(|first| column.taps.iter().map(move |c| first + c)).collect();
            let map = Map {
                outputs: lanes.clone(),
                output_step: window.kernel[0] * window.kernel[1],
                input_step: of_output,
                taps,
                packed: packed.clone(),
                outputs_of_group: inputs / groups,
                inputs_of_group: outputs / groups,
                is_transposed: true,
                has_one_group: groups == 1,
            };
            let kernel = [row.taps.len(), column.taps.len()];
            let order = Order::new(&cut.blocks, kernel, false, (&reads, from), map);
            let len = order.len;
            let loops = Arc::new(Loops { order, cut: cut.clone(), kernel });
            pixels.push(Pixels { rows: row.clone(), columns: column.clone(), loops, weights });
            weights += len;
        }
    }
    Ok(pixels)
}

impl Run for ConvData {
    fn name(&self) -> &'static str {
        "conv data"
    }

    fn reads(&self) -> Vec<View> {
        let added = self.adds.then_some(self.dx);
        [self.dy, self.weights].into_iter().chain(added).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.dx]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, to) = (&buffers[self.dy.buffer], &buffers[self.dx.buffer]);
        let size = |buffer: &Buffer| [buffer.height, buffer.width];
        if !from.border.covers(Self::border(&self.window, size(to), size(from))) {
            return Some(Reason::Border);
        }
        let plane = from.plane();
        let fits = |pixels: &Pixels| {
            let Pixels { rows, columns, loops, weights } = pixels;
            let in_block = |span: &super::Span| {
                span.offset / plane < self.dy.blocks && span.offset % plane + span.count <= LANES
            };
            rows.first + (rows.count - 1) * rows.step < to.height
                && columns.first + (columns.count - 1) * columns.step < to.width
                && weights + loops.order.len <= self.weights.blocks * LANES
                && loops.order.spans.iter().all(in_block)
                && loops.order.groups.len() == self.groups
                && loops.cut.is_compiled()
        };
        let is_valid = from.images == to.images
            && self.images == to.images
            && (from.pixel, to.pixel) == (LANES, LANES)
            && buffers[self.weights.buffer].is_vector()
            && self.zeros.len() == self.dx.blocks * LANES
            && self.pixels.iter().all(fits);
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        if self.is_by_images { self.images } else { self.groups }
    }

    fn scratch(&self) -> usize {
        let of_loops = self.pixels.iter().map(|pixels| pixels.loops.scratch_to_add());
        if self.adds { of_loops.max().unwrap_or(0) } else { 0 }
    }

    fn images(&self) -> Option<usize> {
        self.is_by_images.then_some(self.images)
    }

    unsafe fn run_images(&self, context: &Context<'_>, images: Range<usize>, _part: Part) {
        // SAFETY: the caller's promise.
        unsafe { self.run_groups(context, images, 0..self.groups) };
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let (images, groups) = if self.is_by_images {
            (task..task + 1, 0..self.groups)
        } else {
            (0..self.images, task..task + 1)
        };
        // SAFETY: the caller's promise; the task alone writes these blocks of these images.
        unsafe { self.run_groups(context, images, groups) };
    }
}
