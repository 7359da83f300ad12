//! The gradient of activation functions; and dropout, whose gradient is dropout with the same mask.

use crate::{
    activation::{Function, GELU, exp, gelu_argument, normal, sigmoid, tanh, tanh_of_softplus},
    blockwise::{Blockwise, same_maps, size_of},
    memory::{Buffer, View},
    run::Context,
    simd::{LANES, Simd, Work},
};

impl Function {
    /// Whether the derivative is computed from the function's result; else it is computed from the argument.
    pub const fn derives_from_result(self) -> bool {
        match self {
            Self::Identity
            | Self::Relu
            | Self::Relu6
            | Self::Clip(..)
            | Self::Sigmoid
            | Self::HardSigmoid
            | Self::Tanh
            | Self::SquareRoot => true,
            Self::Silu
            | Self::HardSwish
            | Self::LeakyRelu(_)
            | Self::Elu(..)
            | Self::Gelu
            | Self::GeluTanh
            | Self::Mish
            | Self::Softplus => false,
        }
    }
}

/// What `with` makes of the derivative of each function, from its result or its argument: compiled once for each.
macro_rules! by_function {
    ($function:expr, $s:ident, $of:ident, $with:ident) => {
        match $function {
            Function::Identity => $with!($s, _of, $s::splat(1.0)),
            Function::Relu => $with!(
                $s,
                $of,
                $s::select($s::greater($of, $s::splat(0.0)), $s::splat(1.0), $s::splat(0.0))
            ),
            Function::Relu6 => $with!($s, $of, inside::<$s>($of, 0.0, 6.0, $s::splat(1.0))),
            Function::Sigmoid => $with!($s, $of, $s::mul($of, $s::sub($s::splat(1.0), $of))),
            Function::HardSigmoid => {
                $with!($s, $of, inside::<$s>($of, 0.0, 1.0, $s::splat(1.0 / 6.0)))
            }
            Function::Silu => $with!($s, $of, {
                let s = sigmoid::<$s>($of);
                $s::mul(s, $s::mul_add($of, $s::sub($s::splat(1.0), s), $s::splat(1.0)))
            }),
            Function::HardSwish => $with!($s, $of, {
                let middle = $s::mul_add($of, $s::splat(1.0 / 3.0), $s::splat(0.5));
                let low = $s::select($s::greater($s::splat(-3.0), $of), $s::splat(0.0), middle);
                $s::select($s::greater($of, $s::splat(3.0)), $s::splat(1.0), low)
            }),
            Function::Clip(low, high) => {
                $with!($s, $of, inside::<$s>($of, low, high, $s::splat(1.0)))
            }
            Function::LeakyRelu(slope) => $with!(
                $s,
                $of,
                $s::select($s::greater($of, $s::splat(0.0)), $s::splat(1.0), $s::splat(slope))
            ),
            Function::Elu(scale, alpha) => $with!($s, $of, {
                let below = $s::mul($s::splat(alpha), exp::<$s>($of));
                $s::mul(
                    $s::splat(scale),
                    $s::select($s::greater($of, $s::splat(0.0)), $s::splat(1.0), below),
                )
            }),
            Function::Gelu => $with!($s, $of, {
                // The density of the normal distribution: 1 / sqrt(2 pi) is its largest value.
                let square = $s::mul($of, $of);
                let power = exp::<$s>($s::mul(square, $s::splat(-0.5)));
                $s::mul_add($s::mul($of, power), $s::splat(0.398_942_3), normal::<$s>($of))
            }),
            Function::GeluTanh => $with!($s, $of, {
                let t = tanh::<$s>(gelu_argument::<$s>($of));
                let square = $s::mul($of, $of);
                let inner = $s::mul_add(square, $s::splat(3.0 * GELU.1), $s::splat(1.0));
                let inner = $s::mul($s::mul(inner, $s::splat(GELU.0)), $of);
                let slope = $s::mul(inner, $s::sub($s::splat(1.0), $s::mul(t, t)));
                $s::mul($s::splat(0.5), $s::add($s::add($s::splat(1.0), t), slope))
            }),
            Function::Mish => $with!($s, $of, {
                let (t, s) = (tanh_of_softplus::<$s>($of), sigmoid::<$s>($of));
                $s::mul_add($s::mul($of, s), $s::sub($s::splat(1.0), $s::mul(t, t)), t)
            }),
            Function::Softplus => $with!($s, $of, sigmoid::<$s>($of)),
            Function::Tanh => $with!($s, $of, $s::sub($s::splat(1.0), $s::mul($of, $of))),
            Function::SquareRoot => $with!($s, $of, {
                let slope = $s::div($s::splat(0.5), $of);
                $s::select($s::greater($of, $s::splat(0.0)), slope, $s::splat(0.0))
            }),
        }
    };
}

/// The value where a number is inside of a range, else zero.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn inside<S: Simd>(of: S::V, low: f32, high: f32, value: S::V) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        let zero = S::splat(0.0);
        let above = S::select(S::greater(of, S::splat(low)), value, zero);
        S::select(S::greater(S::splat(high), of), above, zero)
    }
}

/// The gradient of a function's argument.
#[derive(Clone, Debug)]
pub struct FunctionBack {
    function: Function,
    of: View,
    dz: View,
    to: View,
    adds: bool,
    size: (usize, usize),
}

impl FunctionBack {
    /// `of` is the function's result or its argument, see [`Function::derives_from_result`]; `dz` the gradient of its
    /// result, whose place the gradient of the argument may take.
    pub fn new(
        buffers: &[Buffer],
        function: Function,
        (of, dz, to): (View, View, View),
        adds: bool,
    ) -> Self {
        Self { function, of, dz, to, adds, size: size_of(buffers, to) }
    }
}

/// Rows of a block.
struct Rows {
    function: Function,
    of: *const f32,
    dz: *const f32,
    to: *mut f32,
    of_row: usize,
    dz_row: usize,
    to_row: usize,
    rows: usize,
    columns: usize,
    adds: bool,
}

impl Work for Rows {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        macro_rules! rows {
            ($s:ident, $of:ident, $derivative:expr) => {
                for row in 0..self.rows {
                    for column in 0..self.columns {
                        let at = column * LANES;
                        let $of = $s::load(self.of.add(row * self.of_row + at));
                        let dz = $s::load(self.dz.add(row * self.dz_row + at));
                        let to = self.to.add(row * self.to_row + at);
                        let gradient = $s::mul(dz, $derivative);
                        let sum =
                            if self.adds { $s::add(gradient, $s::load(to)) } else { gradient };
                        $s::store(to, sum);
                    }
                }
            };
        }
        // SAFETY: the caller's promise.
        unsafe { by_function!(self.function, S, of, rows) }
    }
}

impl Blockwise for FunctionBack {
    const NAME: &'static str = "function back";

    fn reads(&self) -> Vec<View> {
        let added = self.adds.then_some(self.to);
        [self.of, self.dz].into_iter().chain(added).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fits(&self, buffers: &[Buffer]) -> bool {
        self.size == size_of(buffers, self.to) && same_maps(buffers, &[self.of, self.dz, self.to])
    }

    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the block of the image.
        unsafe {
            let (of, dz, to) =
                (context.place(self.of), context.place(self.dz), context.place(self.to));
            let Buffer { height, width, .. } = to.buffer;
            for (rows, columns) in context.pieces(0..height, width, 1) {
                let (row, column) = (rows.start, columns.start);
                context.isa.run(&Rows {
                    function: self.function,
                    of: of.pixel(image, block, row, column),
                    dz: dz.pixel(image, block, row, column),
                    to: to.pixel(image, block, row, column),
                    of_row: of.buffer.row(),
                    dz_row: dz.buffer.row(),
                    to_row: to.buffer.row(),
                    rows: rows.len(),
                    columns: columns.len(),
                    adds: self.adds,
                });
            }
            to.clear_border(image, block, 0..height);
        }
    }
}

/// Dropout: sets numbers to zero with a probability `p`, and divides the others by `1 - p`. The mask depends only on the
/// run's seed, the layer and the position, so that the gradient has the same mask.
#[derive(Clone, Debug)]
pub struct Dropout {
    x: View,
    y: View,
    probability: f32,
    layer: u32,
    adds: bool,
    /// Whether all numbers of an image are dropped together.
    of_images: bool,
    size: (usize, usize),
}

impl Dropout {
    /// From `x` to `y`, which may be the same; `layer` identifies the dropout.
    pub fn new(
        buffers: &[Buffer],
        (x, y): (View, View),
        probability: f32,
        layer: u32,
        adds: bool,
    ) -> Self {
        Self { x, y, probability, layer, adds, of_images: false, size: size_of(buffers, y) }
    }

    /// Drops all numbers of an image together: stochastic depth.
    #[must_use]
    pub fn of_images(self) -> Self {
        Self { of_images: true, ..self }
    }
}

/// A random number for each place: 32 bits of a key and a counter, mixed twice.
pub(crate) const fn random(key: u64, counter: u32) -> u32 {
    // The finalizer of MurmurHash3 (Appleby 2011), with the key's halves before and between.
    let mut x = counter ^ (key as u32);
    let mut round = 0;
    while round < 2 {
        x ^= x >> 16;
        x = x.wrapping_mul(0x85eb_ca6b);
        x ^= x >> 13;
        x = x.wrapping_mul(0xc2b2_ae35);
        x ^= x >> 16;
        x = x.wrapping_add((key >> 32) as u32);
        round += 1;
    }
    x
}

/// The key of a layer in a run: SplitMix64 (Steele et al. 2014) of the seed, moved on by the layer.
pub(crate) const fn key_of(seed: u64, layer: u32) -> u64 {
    let mut x = seed.wrapping_add((layer as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Rows of a block of [`Dropout`].
struct DropRows {
    x: *const f32,
    y: *mut f32,
    x_row: usize,
    y_row: usize,
    rows: usize,
    columns: usize,
    key: u64,
    first: u32,
    /// How much each number counts: 0 where all are dropped together.
    each: u32,
    /// Random numbers below this one drop.
    limit: u32,
    scale: f32,
    adds: bool,
}

impl Work for DropRows {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        let mut counter = self.first;
        for row in 0..self.rows {
            for column in 0..self.columns {
                let mut scales = [0.0_f32; LANES];
                for (lane, scale) in scales.iter_mut().enumerate() {
                    let keeps = random(self.key, counter.wrapping_add(lane as u32 * self.each))
                        >= self.limit;
                    *scale = if keeps { self.scale } else { 0.0 };
                }
                counter = counter.wrapping_add(LANES as u32 * self.each);
                // SAFETY: the caller's promise.
                unsafe {
                    let x = S::load(self.x.add(row * self.x_row + column * LANES));
                    let y = self.y.add(row * self.y_row + column * LANES);
                    let before = if self.adds { S::load(y) } else { S::splat(0.0) };
                    S::store(y, S::mul_add(x, S::load(scales.as_ptr()), before));
                }
            }
        }
    }
}

impl Blockwise for Dropout {
    const NAME: &'static str = "dropout";

    fn reads(&self) -> Vec<View> {
        let added = self.adds.then_some(self.y);
        [self.x].into_iter().chain(added).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.y]
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fits(&self, buffers: &[Buffer]) -> bool {
        self.size == size_of(buffers, self.y) && same_maps(buffers, &[self.x, self.y])
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a counter wraps; a probability is a share of all numbers"
    )]
    unsafe fn block(&self, context: &Context<'_>, image: usize, block: usize) {
        // SAFETY: the program has checked the views; this task alone writes the block of the image.
        unsafe {
            let (x, y) = (context.place(self.x), context.place(self.y));
            let Buffer { height, width, .. } = y.buffer;
            let of_block = height * width * LANES;
            let keeps = 1.0 - self.probability;
            let first = (image * self.size.1 + block) * of_block;
            for (rows, columns) in context.pieces(0..height, width, 1) {
                let (row, column) = (rows.start, columns.start);
                // Each number counts, in the order of the block.
                let before = (row * width + column) * LANES;
                let limit = f64::from(self.probability) * 4_294_967_296.0;
                context.isa.run(&DropRows {
                    x: x.pixel(image, block, row, column),
                    y: y.pixel(image, block, row, column),
                    x_row: x.buffer.row(),
                    y_row: y.buffer.row(),
                    rows: rows.len(),
                    columns: columns.len(),
                    key: key_of(context.feed.seed, self.layer),
                    first: if self.of_images { image as u32 } else { (first + before) as u32 },
                    each: u32::from(!self.of_images),
                    limit: limit.min(4_294_967_295.0) as u32,
                    scale: if keeps > 0.0 { 1.0 / keeps } else { 0.0 },
                    adds: self.adds,
                });
            }
            y.clear_border(image, block, 0..height);
        }
    }
}
