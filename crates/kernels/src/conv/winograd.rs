//! Convolution of 3x3 with stride 1 by Winograd's method, F(4x4, 3x3): tiles of 6x6 input pixels and the kernels are
//! transformed, multiplied, and transformed back to 4x4 output pixels, which takes 36 multiplications where direct
//! convolution takes 144 (Lavin and Gray 2016, "Fast algorithms for convolutional neural networks", section 4.2).

use std::{
    cell::{Cell, OnceCell},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    Finish, NEVER, Places, Values, Window,
    choose::{Cut, choose},
    tile::{Fetch, Span, Tiles},
};
use crate::{
    activation::{Function, apply_in_place},
    memory::{Aligned, Border, Buffer, Place, View},
    run::{Context, Invalid, Reason, Run},
    simd::{Isa, LANES, Simd, Work},
};

/// Output rows and columns of a tile.
const SIDE: usize = 4;

/// Products of a tile for each pair of channels: 6 x 6.
const POINTS: usize = 36;

/// Bytes of transformed input of a task: they stay in the second-level cache.
const INPUT_OF_TASK: usize = 1 << 20;

/// Bytes of transformed kernels that stay in the second-level cache from task to task.
const KERNELS_IN_CACHE: usize = 1 << 20;

/// Tiles of a task, at most, where the map has rows of fewer.
const TILES_OF_TASK: usize = 56;

/// Output blocks that are computed at once, at most.
const MOST_BLOCKS: usize = 4;

/// Bytes of the transformed input of a row of tiles, at most: each thread has room for one.
const MOST_OF_ROW: usize = 16 << 20;

/// Bytes of the transformed input of a row of tiles, for so many input blocks and tiles.
fn bytes_of_row(blocks: usize, tiles: usize) -> usize {
    [4 * POINTS * LANES, blocks, tiles].into_iter().fold(1, usize::saturating_mul)
}

/// A 3x3 convolution with stride 1, with bias, sum and activation function.
#[derive(Clone, Debug)]
pub struct Winograd {
    x: View,
    y: View,
    padding: [usize; 2],
    finish: Finish,
    /// The block and the number of lanes of each run of input channels.
    runs: Vec<(usize, usize)>,
    groups: Vec<Group>,
    weights: Arc<Aligned>,
    bias: Aligned,
    images: usize,
    /// Rows and columns of tiles of a map.
    tiles: [usize; 2],
    rows_of_task: usize,
    groups_of_task: usize,
    /// How the tiles of a full task, and of the last one, are cut.
    cuts: [Cut; 2],
}

/// Some output blocks that one tile of registers holds.
#[derive(Clone, Copy, Debug)]
struct Group {
    first: usize,
    blocks: usize,
    /// Where its weights start.
    weights: usize,
}

impl Winograd {
    /// The window that it computes.
    pub fn window(padding: [usize; 2]) -> Window {
        Window { kernel: [3, 3], stride: [1, 1], dilation: [1, 1], padding }
    }

    /// The border of zeros that a map needs, because tiles extend beyond its edge.
    pub fn border(padding: [usize; 2], input: [usize; 2], output: [usize; 2]) -> Border {
        let covered = output.map(|side| side.next_multiple_of(SIDE));
        Self::window(padding).border(input, covered)
    }

    /// Whether it is faster than direct convolution, from measurements. It is not with few channels, where transforms take
    /// longer than products, nor with few tiles, where reading the transformed kernels takes most of the time.
    pub fn is_faster(images: usize, inputs: usize, outputs: usize, output: [usize; 2]) -> bool {
        let tiles = output[0].div_ceil(SIDE) * output[1].div_ceil(SIDE);
        let covered = (tiles * SIDE * SIDE) as f64;
        let waste = covered / (output[0] * output[1]) as f64;
        inputs >= 32 && outputs >= 32 && images * tiles >= 16 && waste < 1.6
    }

    /// Whether a row of tiles of an output of this width is small enough for the memory of a thread.
    pub fn fits(blocks: usize, width: usize) -> bool {
        bytes_of_row(blocks, width.div_ceil(SIDE)) <= MOST_OF_ROW
    }

    /// Numbers of memory that a thread needs for itself, at most: for so many runs of input channels, output blocks and
    /// output rows and columns.
    pub fn most_scratch(images: usize, runs: usize, blocks: usize, output: [usize; 2]) -> usize {
        let tiles = output.map(|side| side.div_ceil(SIDE));
        let rows = even_rows_of_task(images * tiles[0], tiles[1], runs, blocks);
        POINTS * (runs + blocks.min(MOST_BLOCKS)) * rows * tiles[1] * LANES
    }

    /// Transforms the kernels and cuts the work for an instruction set and a number of threads.
    ///
    /// # Errors
    /// When numbers do not fit together.
    pub fn new(
        isa: Isa,
        threads: usize,
        places: Places<'_>,
        padding: [usize; 2],
        values: Values<'_>,
        finish: Finish,
    ) -> Result<Self, Invalid> {
        Self::new_until(isa, threads, places, padding, values, finish, &NEVER)
    }

    /// The same; soon after `stop` is set it ends early, and gives a step whose kernels are not complete.
    ///
    /// # Errors
    /// See [`Winograd::new`].
    pub fn new_until(
        isa: Isa,
        threads: usize,
        places: Places<'_>,
        padding: [usize; 2],
        values: Values<'_>,
        finish: Finish,
        stop: &AtomicBool,
    ) -> Result<Self, Invalid> {
        let Places { buffers, x, segments, y } = places;
        let (Some(from), Some(to)) = (buffers.get(x.buffer), buffers.get(y.buffer)) else {
            return Err(Invalid::new("winograd", Reason::Buffer));
        };
        let inputs: usize = segments.iter().map(|segment| segment.channels).sum();
        let is_valid = values.groups == 1
            && values.weights.len() == values.outputs * inputs * 9
            && values.bias.is_none_or(|bias| bias.len() == values.outputs)
            && y.blocks == values.outputs.div_ceil(LANES)
            && from.pixel == LANES;
        if !is_valid {
            return Err(Invalid::new("winograd", Reason::Values));
        }
        let runs: Vec<(usize, usize)> = segments
            .iter()
            .flat_map(|segment| {
                let blocks = 0..segment.channels.div_ceil(LANES);
                blocks.map(|b| (segment.block + b, (segment.channels - b * LANES).min(LANES)))
            })
            .collect();
        let tiles = [to.height.div_ceil(SIDE), to.width.div_ceil(SIDE)];
        let rows = to.images * tiles[0];
        let rows_of_task = even_rows_of_task(rows, tiles[1], runs.len(), y.blocks);
        let full = choose(isa, rows_of_task * tiles[1], y.blocks, MOST_BLOCKS);
        let left = rows - (rows.div_ceil(rows_of_task) - 1) * rows_of_task;
        // The last one has the same groups of blocks, since their weights are packed once.
        let last = full.with_width(isa, left * tiles[1]);
        let mut bias = Aligned::zeros(y.blocks * LANES);
        if let Some(values) = values.bias {
            bias.as_mut_slice()[..values.len()].copy_from_slice(values);
        }
        let packed = pack(&full.blocks, values, inputs, stop);
        let (groups, weights) = packed.ok_or_else(|| Invalid::new("winograd", Reason::Memory))?;
        let tasks = rows.div_ceil(rows_of_task);
        let wanted = if threads == 1 { 1 } else { 2 * threads };
        let runs_of_groups = wanted.div_ceil(tasks).clamp(1, groups.len().div_ceil(2));
        Ok(Self {
            x,
            y,
            padding,
            finish,
            runs,
            groups_of_task: groups.len().div_ceil(runs_of_groups),
            groups,
            weights: Arc::new(weights),
            bias,
            images: to.images,
            tiles,
            rows_of_task,
            cuts: [full, last],
        })
    }

    /// Bytes of transformed kernels and bias.
    pub fn weight_bytes(&self) -> usize {
        4 * (self.weights.len() + self.bias.len())
    }

    /// The kernel and its tiles, for tables.
    pub fn describe(&self) -> String {
        let blocks = self.groups.first().map_or(1, |group| group.blocks);
        let pixels = self.cuts[0].columns(blocks).first().map_or(1, |columns| columns.pixels);
        format!("3x3 Winograd, tiles {pixels}x{blocks}")
    }

    fn rows(&self) -> usize {
        self.images * self.tiles[0]
    }

    fn runs_of_groups(&self) -> usize {
        self.groups.len().div_ceil(self.groups_of_task)
    }

    /// Numbers of transformed input of a task.
    fn input_len(&self) -> usize {
        POINTS * self.runs.len() * self.rows_of_task * self.tiles[1] * LANES
    }

    /// Numbers of products of a group.
    fn product_len(&self) -> usize {
        let blocks = self.groups.iter().map(|group| group.blocks).max().unwrap_or(0);
        POINTS * blocks * self.rows_of_task * self.tiles[1] * LANES
    }
}

/// As many rows of tiles in each task, but for the last one, about as [`rows_of_task`] says.
fn even_rows_of_task(rows: usize, tiles: usize, runs: usize, blocks: usize) -> usize {
    let most = rows_of_task(rows, tiles, runs * LANES, blocks);
    rows.div_ceil(rows.div_ceil(most))
}

/// Rows of tiles of a task that make the fewest bytes come from beyond the second-level cache: the kernels once for each
/// task, unless they stay there, and the transformed input once for each group of blocks, unless it stays.
fn rows_of_task(rows: usize, tiles: usize, inputs: usize, blocks: usize) -> usize {
    let kernels = 4 * POINTS * inputs * blocks * LANES;
    let kernels = if kernels > KERNELS_IN_CACHE { kernels } else { 0 };
    let bytes = |rows_of_task: usize| {
        let input = 4 * POINTS * inputs * rows_of_task * tiles;
        let readings = if input > INPUT_OF_TASK { blocks.div_ceil(4) } else { 0 };
        rows.div_ceil(rows_of_task) * (kernels + readings * input)
    };
    let most = (TILES_OF_TASK / tiles).clamp(1, rows);
    let in_cache = (INPUT_OF_TASK / (4 * POINTS * inputs * tiles)).clamp(1, most);
    (in_cache..=most).min_by_key(|&rows| bytes(rows)).unwrap_or(in_cache)
}

/// Kernels, transformed: for each group, point, input channel and block, sixteen; not all of them once `stop` is set. None
/// if the system gives no memory.
fn pack(
    blocks: &[usize],
    values: Values<'_>,
    inputs: usize,
    stop: &AtomicBool,
) -> Option<(Vec<Group>, Aligned)> {
    let mut groups = Vec::with_capacity(blocks.len());
    let (mut first, mut total) = (0, 0);
    for &blocks in blocks {
        groups.push(Group { first, blocks, weights: total });
        total += POINTS * inputs * blocks * LANES;
        first += blocks;
    }
    let mut packed = Aligned::try_zeros(total)?;
    let numbers = packed.as_mut_slice();
    for group in &groups {
        for block in 0..group.blocks {
            for lane in 0..LANES {
                let output = (group.first + block) * LANES + lane;
                if output >= values.outputs || stop.load(Ordering::Relaxed) {
                    continue;
                }
                for input in 0..inputs {
                    let kernel = &values.weights[(output * inputs + input) * 9..][..9];
                    for (point, weight) in transform_kernel(kernel).into_iter().enumerate() {
                        let row = (point * inputs + input) * group.blocks + block;
                        numbers[group.weights + row * LANES + lane] = weight;
                    }
                }
            }
        }
    }
    Some((groups, packed))
}

/// `G g G'` of a 3x3 kernel.
#[expect(clippy::cast_possible_truncation, reason = "computed in double precision, kept in single")]
fn transform_kernel(kernel: &[f32]) -> [f32; POINTS] {
    const G: [[f64; 3]; 6] = [
        [0.25, 0.0, 0.0],
        [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
        [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
        [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
        [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
        [0.0, 0.0, 1.0],
    ];
    let rows: [[f64; 3]; 6] = G.map(|g| {
        std::array::from_fn(|column| {
            (0..3).map(|row| g[row] * f64::from(kernel[row * 3 + column])).sum()
        })
    });
    std::array::from_fn(|point| {
        let (row, g) = (rows[point / 6], G[point % 6]);
        (row[0] * g[0] + row[1] * g[1] + row[2] * g[2]) as f32
    })
}

/// Differences of a kernel that was transformed and back, of its largest number, are below this.
const ROUNDING: f64 = 1e-6;

/// The kernel that was transformed, within rounding.
#[expect(clippy::cast_possible_truncation, reason = "computed in double precision, kept in single")]
fn kernel_of(points: &[f32; POINTS]) -> [f32; 9] {
    // From the rows of `G`: four times the first, the difference of the fourth and the fifth, and the last.
    let three = |of: [f64; 6]| [4.0 * of[0], 6.0 * (of[3] - of[4]), of[5]];
    let rows: [[f64; 3]; 6] = std::array::from_fn(|row| {
        three(std::array::from_fn(|column| f64::from(points[row * 6 + column])))
    });
    let columns: [[f64; 3]; 3] =
        std::array::from_fn(|column| three(std::array::from_fn(|row| rows[row][column])));
    let largest = columns.iter().flatten().fold(0.0, |most: f64, x| most.max(x.abs()));
    // An infinity times zero is NaN, so what was zero is zero again.
    let exact = |x: f64| if x.abs() < ROUNDING * largest { 0.0 } else { x as f32 };
    std::array::from_fn(|tap| exact(columns[tap % 3][tap / 3]))
}

/// `B' d` of six numbers.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn transform_input<S: Simd>(d: [S::V; 6]) -> [S::V; 6] {
    // SAFETY: the caller's promise.
    unsafe {
        let (four, five, two) = (S::splat(4.0), S::splat(5.0), S::splat(2.0));
        let minus_four = S::splat(-4.0);
        let a = S::mul_add(minus_four, d[2], d[4]);
        let b = S::mul_add(minus_four, d[1], d[3]);
        let c = S::sub(d[4], d[2]);
        let e = S::mul(two, S::sub(d[3], d[1]));
        let first = S::mul_add(four, d[0], S::sub(d[4], S::mul(five, d[2])));
        let last = S::mul_add(four, d[1], S::sub(d[5], S::mul(five, d[3])));
        [first, S::add(a, b), S::sub(a, b), S::add(c, e), S::sub(c, e), last]
    }
}

/// `A' m` of six numbers.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn transform_output<S: Simd>(m: [S::V; 6]) -> [S::V; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let (two, four, eight) = (S::splat(2.0), S::splat(4.0), S::splat(8.0));
        let (sum, difference) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
        let (outer_sum, outer_difference) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
        [
            S::add(S::add(m[0], sum), outer_sum),
            S::mul_add(two, outer_difference, difference),
            S::mul_add(four, outer_sum, sum),
            S::add(S::mul_add(eight, outer_difference, difference), m[5]),
        ]
    }
}

/// A row of tiles of one input block.
struct InputRow {
    x: *const f32,
    x_row: usize,
    /// The first point of the first tile; tiles follow each other, points are `point` apart.
    to: *mut f32,
    point: usize,
    tiles: usize,
}

impl Work for InputRow {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        for tile in 0..self.tiles {
            let x = self.x.wrapping_add(tile * SIDE * LANES);
            let to = self.to.wrapping_add(tile * LANES);
            // Written out, like the tiles of convolutions, so that all of it stays in registers.
            macro_rules! row {
                ($row:literal, $($column:literal)*) => {
                    transform_input::<S>([$(
                        S::load(x.wrapping_add($row * self.x_row + $column * LANES))
                    ),*])
                };
            }
            macro_rules! column {
                ($rows:ident, $column:literal, $($row:literal)*) => {
                    let points = transform_input::<S>([$($rows[$row][$column]),*]);
                    $(S::store(to.wrapping_add(($row * 6 + $column) * self.point), points[$row]);)*
                };
            }
            // SAFETY: the caller's promise.
            unsafe {
                let rows = [
                    row!(0, 0 1 2 3 4 5),
                    row!(1, 0 1 2 3 4 5),
                    row!(2, 0 1 2 3 4 5),
                    row!(3, 0 1 2 3 4 5),
                    row!(4, 0 1 2 3 4 5),
                    row!(5, 0 1 2 3 4 5),
                ];
                column!(rows, 0, 0 1 2 3 4 5);
                column!(rows, 1, 0 1 2 3 4 5);
                column!(rows, 2, 0 1 2 3 4 5);
                column!(rows, 3, 0 1 2 3 4 5);
                column!(rows, 4, 0 1 2 3 4 5);
                column!(rows, 5, 0 1 2 3 4 5);
            }
        }
    }
}

/// A row of tiles of one output block.
struct OutputRow {
    from: *const f32,
    point: usize,
    tiles: usize,
    y: *mut f32,
    y_row: usize,
    /// Rows and columns of the map from the first tile on.
    rows: usize,
    columns: usize,
    bias: *const f32,
    residual: *const f32,
    residual_row: usize,
    range: (f32, f32),
    /// Set if a result is not finite before it is cut to the range.
    is_not_finite: Cell<bool>,
}

impl OutputRow {
    /// Finishes and stores a pixel, unless it is beyond the map.
    ///
    /// # Safety
    /// See [`Work::run`].
    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, pixel: S::V, row: usize, column: usize, zeros: &mut S::V) {
        if column >= self.columns {
            return;
        }
        // SAFETY: the caller's promise.
        unsafe {
            let mut sum = S::add(pixel, S::load(self.bias));
            if !self.residual.is_null() {
                let at = row * self.residual_row + column * LANES;
                sum = S::add(sum, S::load(self.residual.add(at)));
            }
            // Zero, unless it is not finite.
            *zeros = S::mul_add(sum, S::splat(0.0), *zeros);
            let cut = S::min(S::splat(self.range.1), S::max(S::splat(self.range.0), sum));
            S::store(self.y.add(row * self.y_row + column * LANES), cut);
        }
    }
}

impl Work for OutputRow {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        // SAFETY: the caller's promise.
        let mut zeros = unsafe { S::splat(0.0) };
        for tile in 0..self.tiles {
            let from = self.from.wrapping_add(tile * LANES);
            macro_rules! column {
                ($column:literal, $($row:literal)*) => {
                    transform_output::<S>([$(
                        S::load(from.wrapping_add(($row * 6 + $column) * self.point))
                    ),*])
                };
            }
            macro_rules! row {
                ($columns:ident, $zeros:ident, $row:literal, $($column:literal)*) => {
                    if $row < self.rows {
                        let pixels = transform_output::<S>([$($columns[$column][$row]),*]);
                        self.finish::<S>(pixels[0], $row, tile * SIDE, &mut $zeros);
                        self.finish::<S>(pixels[1], $row, tile * SIDE + 1, &mut $zeros);
                        self.finish::<S>(pixels[2], $row, tile * SIDE + 2, &mut $zeros);
                        self.finish::<S>(pixels[3], $row, tile * SIDE + 3, &mut $zeros);
                    }
                };
            }
            // SAFETY: the caller's promise.
            unsafe {
                let columns = [
                    column!(0, 0 1 2 3 4 5),
                    column!(1, 0 1 2 3 4 5),
                    column!(2, 0 1 2 3 4 5),
                    column!(3, 0 1 2 3 4 5),
                    column!(4, 0 1 2 3 4 5),
                    column!(5, 0 1 2 3 4 5),
                ];
                row!(columns, zeros, 0, 0 1 2 3 4 5);
                row!(columns, zeros, 1, 0 1 2 3 4 5);
                row!(columns, zeros, 2, 0 1 2 3 4 5);
                row!(columns, zeros, 3, 0 1 2 3 4 5);
            }
        }
        let mut lanes = [0.0_f32; LANES];
        // SAFETY: the caller's promise.
        unsafe { S::store(lanes.as_mut_ptr(), zeros) };
        self.is_not_finite.set(lanes.iter().any(|zero| zero.is_nan()));
    }
}

impl Run for Winograd {
    fn name(&self) -> &'static str {
        "winograd"
    }

    fn reads(&self) -> Vec<View> {
        self.finish.reads(self.x)
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, to) = (&buffers[self.x.buffer], &buffers[self.y.buffer]);
        let tiles = [to.height.div_ceil(SIDE), to.width.div_ceil(SIDE)];
        let fits = from.images == to.images
            && (self.images, self.tiles) == (to.images, tiles)
            && from.pixel == LANES
            && self.runs.iter().all(|(block, _)| *block < self.x.blocks)
            && self.finish.fits(buffers, self.y);
        if !fits {
            return Some(Reason::Buffer);
        }
        if !self.cuts.iter().all(Cut::is_compiled) {
            return Some(Reason::Values);
        }
        let size = |buffer: &Buffer| [buffer.height, buffer.width];
        let needs = Self::border(self.padding, size(from), size(to));
        (!from.border.covers(needs)).then_some(Reason::Border)
    }

    fn tasks(&self) -> usize {
        self.rows().div_ceil(self.rows_of_task) * self.runs_of_groups()
    }

    fn scratch(&self) -> usize {
        self.input_len() + self.product_len()
    }

    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let (task, run) = (task / self.runs_of_groups(), task % self.runs_of_groups());
        let rows = task * self.rows_of_task..((task + 1) * self.rows_of_task).min(self.rows());
        let groups =
            run * self.groups_of_task..((run + 1) * self.groups_of_task).min(self.groups.len());
        // SAFETY: the program has checked the views; this task alone writes these rows of these blocks, and the
        // scratch memory is this thread's.
        unsafe {
            self.transform(context, rows.clone());
            for group in &self.groups[groups] {
                if context.is_stopped() {
                    return;
                }
                self.multiply(context, rows.len(), group);
                self.finish(context, rows.clone(), group);
            }
        }
    }
}

impl Winograd {
    /// Image and row of tiles in it.
    fn image_and_row(&self, row: usize) -> (usize, usize) {
        (row / self.tiles[0], row % self.tiles[0])
    }

    /// Transforms the input of some rows of tiles.
    ///
    /// # Safety
    /// See [`Run::run`].
    unsafe fn transform(&self, context: &Context<'_>, rows: Range<usize>) {
        // SAFETY: the program has checked the view.
        let x = unsafe { context.place(self.x) };
        let x_row = x.buffer.row();
        let tiles = rows.len() * self.tiles[1];
        let point = self.runs.len() * tiles * LANES;
        for (index, row) in rows.enumerate() {
            let (image, tile_row) = self.image_and_row(row);
            let inset = self.padding[0] * x_row + self.padding[1] * LANES;
            if context.is_stopped() {
                return;
            }
            for (run, (block, _)) in self.runs.iter().enumerate() {
                let work = InputRow {
                    x: x.at(image, *block)
                        .wrapping_sub(inset)
                        .wrapping_add(tile_row * SIDE * x_row),
                    x_row,
                    to: context.scratch.wrapping_add((run * tiles + index * self.tiles[1]) * LANES),
                    point,
                    tiles: self.tiles[1],
                };
                // SAFETY: the caller's promise; the border covers whole tiles.
                unsafe { context.isa.run(&work) };
            }
        }
    }

    /// Multiplies transformed input of so many rows of tiles with the kernels of a group.
    ///
    /// # Safety
    /// See [`Run::run`]; the input was transformed.
    unsafe fn multiply(&self, context: &Context<'_>, rows: usize, group: &Group) {
        let tiles = rows * self.tiles[1];
        let cut = &self.cuts[usize::from(rows < self.rows_of_task)];
        let of_point = cut.columns(group.blocks).iter().map(|columns| columns.tiles).sum();
        let fetch = Fetch::new(of_point, group.blocks);
        let spans: Vec<Span> = self
            .runs
            .iter()
            .enumerate()
            .map(|(run, (_, lanes))| Span { offset: run * tiles * LANES, count: *lanes })
            .collect();
        let inputs: usize = self.runs.iter().map(|(_, lanes)| lanes).sum();
        let products = context.scratch.wrapping_add(self.input_len());
        let zeros = [0.0; 8 * LANES];
        for point in 0..POINTS {
            if context.is_stopped() {
                return;
            }
            let input = context.scratch.wrapping_add(point * self.runs.len() * tiles * LANES);
            let output = products.wrapping_add(point * group.blocks * tiles * LANES);
            let weights = group.weights + point * inputs * group.blocks * LANES;
            let mut ahead = self.weights.as_slice()[weights..]
                .as_ptr()
                .wrapping_add(inputs * group.blocks * LANES);
            for columns in cut.columns(group.blocks) {
                let work = Tiles {
                    x: input.wrapping_add(columns.start * LANES),
                    x_step: LANES,
                    x_row: 0,
                    x_tap: 0,
                    x_tap_row: 0,
                    kernel: [1, 1],
                    spans: spans.as_ptr(),
                    span_count: spans.len(),
                    weights: self.weights.as_slice()[weights..].as_ptr(),
                    ahead,
                    fetch,
                    bias: zeros.as_ptr(),
                    goes_on: false,
                    y: output.wrapping_add(columns.start * LANES),
                    y_step: LANES,
                    y_row: 0,
                    y_plane: tiles * LANES,
                    residual: std::ptr::null(),
                    residual_step: 0,
                    residual_row: 0,
                    residual_plane: 0,
                    low: f32::NEG_INFINITY,
                    high: f32::INFINITY,
                    rows: 1,
                    columns: columns.tiles,
                };
                // SAFETY: the caller's promise; both parts of the scratch memory have room.
                unsafe { work.run(context.isa, columns.pixels, group.blocks) };
                ahead = ahead.wrapping_add(columns.tiles * inputs * fetch.step);
            }
        }
    }

    /// Transforms the products of a group back, and finishes them.
    ///
    /// # Safety
    /// See [`Run::run`]; the products are there.
    unsafe fn finish(&self, context: &Context<'_>, rows: Range<usize>, group: &Group) {
        // SAFETY: the program has checked the views.
        let y = unsafe { context.place(self.y) };
        // SAFETY: the same.
        let residual = self.finish.residual.map(|view| unsafe { context.place(view) });
        let tiles = rows.len() * self.tiles[1];
        let products = context.scratch.wrapping_add(self.input_len());
        let Buffer { height, width, .. } = y.buffer;
        let kernels: Vec<OnceCell<Vec<f32>>> = vec![OnceCell::new(); group.blocks];
        for (index, row) in rows.enumerate() {
            let (image, tile_row) = self.image_and_row(row);
            let of_map = tile_row * SIDE..((tile_row + 1) * SIDE).min(height);
            for block in 0..group.blocks {
                let added = residual.as_ref().map(|place: &Place| {
                    let at = place.at(image, group.first + block);
                    (at.wrapping_add(of_map.start * place.buffer.row()), place.buffer.row())
                });
                let work = OutputRow {
                    from: products.wrapping_add((block * tiles + index * self.tiles[1]) * LANES),
                    point: group.blocks * tiles * LANES,
                    tiles: self.tiles[1],
                    y: y.at(image, group.first + block).wrapping_add(of_map.start * y.buffer.row()),
                    y_row: y.buffer.row(),
                    rows: of_map.len(),
                    columns: width,
                    bias: self.bias.as_slice()[(group.first + block) * LANES..].as_ptr(),
                    residual: added.map_or(std::ptr::null(), |(at, _)| at.cast_const()),
                    residual_row: added.map_or(0, |(_, row)| row),
                    range: self.finish.function.range(),
                    is_not_finite: Cell::new(false),
                };
                let function: Function = self.finish.function;
                // SAFETY: the caller's promise.
                unsafe {
                    context.isa.run(&work);
                    if work.is_not_finite.get() {
                        let kernels = kernels[block].get_or_init(|| self.kernels(group, block));
                        self.directly(context, &work, (image, tile_row), kernels);
                    }
                    let block = group.first + block;
                    apply_in_place(context, function, &y, image, block, of_map.clone());
                    y.clear_border(image, block, of_map.clone());
                }
            }
        }
    }

    /// Kernels of a block as a convolution reads them: for each run of inputs, row, column and lane, sixteen.
    fn kernels(&self, group: &Group, block: usize) -> Vec<f32> {
        let inputs: usize = self.runs.iter().map(|(_, lanes)| lanes).sum();
        let mut kernels = vec![0.0; 9 * inputs * LANES];
        let transformed = &self.weights.as_slice()[group.weights..];
        let mut first = 0;
        for (_, lanes) in &self.runs {
            for lane in 0..*lanes {
                for output in 0..LANES {
                    let of_point = |point: usize| {
                        let row = (point * inputs + first + lane) * group.blocks + block;
                        transformed[row * LANES + output]
                    };
                    let kernel = kernel_of(&std::array::from_fn(of_point));
                    for (tap, weight) in kernel.into_iter().enumerate() {
                        let row = 9 * first + tap * lanes + lane;
                        kernels[row * LANES + output] = weight;
                    }
                }
            }
            first += lanes;
        }
        kernels
    }

    /// Computes the rows of a row of tiles of one block by definition: in sums of transformed numbers, one that is not
    /// finite spreads over its tile, and large ones overflow.
    ///
    /// # Safety
    /// See [`Run::run`]; `row` writes these rows.
    unsafe fn directly(
        &self,
        context: &Context<'_>,
        row: &OutputRow,
        (image, tile_row): (usize, usize),
        kernels: &[f32],
    ) {
        // SAFETY: the program has checked the view.
        let x = unsafe { context.place(self.x) };
        let (plane, x_row) = (x.buffer.plane(), x.buffer.row());
        let spans: Vec<Span> = self
            .runs
            .iter()
            .map(|(block, lanes)| Span { offset: block * plane, count: *lanes })
            .collect();
        let inset = self.padding[0] * x_row + self.padding[1] * LANES;
        let x = x.at(image, 0).wrapping_sub(inset).wrapping_add(tile_row * SIDE * x_row);
        for columns in choose(context.isa, row.columns, 1, 1).columns(1) {
            let at = columns.start * LANES;
            let work = Tiles {
                x: x.wrapping_add(at).cast_const(),
                x_step: LANES,
                x_row,
                x_tap: LANES,
                x_tap_row: x_row,
                kernel: [3, 3],
                spans: spans.as_ptr(),
                span_count: spans.len(),
                weights: kernels.as_ptr(),
                ahead: kernels.as_ptr(),
                fetch: Fetch { lines: 0, step: 0 },
                bias: row.bias,
                goes_on: false,
                y: row.y.wrapping_add(at),
                y_step: LANES,
                y_row: row.y_row,
                y_plane: 0,
                residual: if row.residual.is_null() {
                    row.residual
                } else {
                    row.residual.wrapping_add(at)
                },
                residual_step: LANES,
                residual_row: row.residual_row,
                residual_plane: 0,
                low: row.range.0,
                high: row.range.1,
                rows: row.rows,
                columns: columns.tiles,
            };
            // SAFETY: the border covers more than the windows reach; the rest is as in `row`.
            unsafe { work.run(context.isa, columns.pixels, 1) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_come_back_from_their_transform() {
        let mut kernel: Vec<f32> = (0_u8..9).map(|at| f32::from(at * 7 % 9) - 3.25).collect();
        (kernel[0], kernel[4]) = (0.0, 0.0);
        for (found, right) in kernel_of(&transform_kernel(&kernel)).into_iter().zip(&kernel) {
            let is_same = if *right == 0.0 { found == 0.0 } else { (found - right).abs() < 2e-6 };
            assert!(is_same, "{found}, not {right}");
        }
    }

    #[test]
    fn rows_of_tiles_that_take_too_much_memory_do_not_fit() {
        assert!(Winograd::fits(4, 3840) && Winograd::fits(128, 224));
        assert!(!Winograd::fits(16, 20_000) && !Winograd::fits(usize::MAX, usize::MAX));
    }

    #[test]
    fn kernels_that_do_not_fit_in_a_cache_are_read_once() {
        // 14x14 with 1504 to 320 channels: 69 MB of kernels, four rows of tiles.
        assert_eq!(rows_of_task(4, 4, 1504, 20), 4);
        // 71x71 with 80 to 192: more kernels than the cache holds, as many tiles as a task may have.
        assert_eq!(rows_of_task(18, 18, 80, 12), 3);
        // 56x56 with 64 to 64: they stay in the cache, and so does the input.
        assert_eq!(rows_of_task(14, 14, 64, 4), 4);
        // Rows of more tiles than a task should have.
        assert_eq!(rows_of_task(100, 100, 64, 4), 1);
    }
}
