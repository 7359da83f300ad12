//! Networks computed by plain loops in double precision, and random networks.

use std::{
    collections::HashMap,
    f64::consts::{PI, SQRT_2},
};

use inceptive_ir::{
    Activation, Axis, BatchNorm, BlockOrder, Conv, ConvTranspose, Graph, Interpolation, Linear,
    Lrn, NewNode, Node, NodeId, Norm, NormOver, Op, PadMode, Padding, Path, Pool, PoolKind,
    Rearrange, Rescale, Resize, ResizeTo, Role, Scale, Shape, Size,
};
use inceptive_weights::{Weights, slots};

/// Weights in double precision.
#[derive(Clone)]
pub struct Values(pub HashMap<(Path, Role), Vec<f64>>);

impl Values {
    pub fn new(graph: &Graph, weights: &Weights) -> Self {
        let values = slots(graph).into_iter().map(|slot| {
            let numbers = weights.get(&slot.path, slot.role).unwrap();
            ((slot.path, slot.role), numbers.iter().map(|x| f64::from(*x)).collect())
        });
        Self(values.collect())
    }

    pub fn of(&self, node: &Node, role: Role) -> Option<&[f64]> {
        self.0.get(&(node.tensor_path(role).clone(), role)).map(Vec::as_slice)
    }
}

/// A node with what it reads, for one image.
struct Computing<'a> {
    node: &'a Node,
    values: &'a Values,
    inputs: &'a [(&'a [f64], Shape)],
    /// The first input, and its channels, rows and columns.
    x: &'a [f64],
    channels: usize,
    height: usize,
    width: usize,
    /// Rows and columns of the output.
    rows: usize,
    columns: usize,
}

/// The values of a node for one image, in the order channels, rows, columns.
pub fn compute(node: &Node, values: &Values, inputs: &[(&[f64], Shape)]) -> Vec<f64> {
    let (x, from) = inputs[0];
    let (size, to) = (from.size(), node.shape.size());
    let of = Computing {
        node,
        values,
        inputs,
        x,
        channels: from.channels() as usize,
        height: size.height as usize,
        width: size.width as usize,
        rows: to.height as usize,
        columns: to.width as usize,
    };
    match &node.op {
        Op::Input(_) | Op::Dropout { .. } | Op::Flatten => x.to_vec(),
        Op::Conv(conv) => of.conv(conv),
        Op::Linear(_) => of.linear(),
        Op::BatchNorm(norm) => of.batch_norm(norm),
        Op::Lrn(lrn) => of.lrn(lrn),
        Op::Activation(activation) => x.iter().map(|&x| activate(*activation, x)).collect(),
        Op::Pool(pool) => of.pool(pool),
        Op::GlobalPool(kind) => of.global_pool(*kind),
        Op::ChannelMax => {
            of.each(|_, y, x| of.over_channels(y, x).fold(f64::NEG_INFINITY, f64::max))
        }
        Op::ChannelMean => {
            of.each(|_, y, x| of.over_channels(y, x).sum::<f64>() / of.channels as f64)
        }
        Op::AdaptiveAvgPool { .. } => of.adaptive_pool(),
        Op::Concat => inputs.iter().flat_map(|(x, _)| x.iter().copied()).collect(),
        Op::Add { scales } => of.sum(scales),
        Op::Multiply => of.product(),
        Op::Softmax => of.softmax(),
        Op::ChannelShuffle { groups } => of.shuffle(*groups as usize),
        Op::DropPath { .. } => x.to_vec(),
        Op::Maximum => of.maximum(),
        Op::ConvTranspose(conv) => of.conv_transpose(conv),
        Op::Norm(norm) => of.norm(norm),
        Op::Prelu { .. } => of.prelu(),
        Op::Scale(_) => of.scale(),
        Op::Rescale(rescale) => of.rescale(rescale),
        Op::Resize(resize) => of.resize(resize),
        Op::Rearrange(rearrange) => of.rearrange(rearrange),
    }
}

impl Computing<'_> {
    fn tensor(&self, role: Role) -> Option<&[f64]> {
        self.values.of(self.node, role)
    }

    /// Calls `f` with the channel, row and column of each number of the output.
    fn each(&self, f: impl Fn(usize, usize, usize) -> f64) -> Vec<f64> {
        let area = self.rows * self.columns;
        let cells = (0..self.node.shape.channels() as usize * area).map(|i| {
            let (c, cell) = (i / area, i % area);
            f(c, cell / self.columns, cell % self.columns)
        });
        cells.collect()
    }

    /// A number of the first input.
    fn at(&self, channel: usize, row: usize, column: usize) -> f64 {
        self.x[(channel * self.height + row) * self.width + column]
    }

    fn conv(&self, conv: &Conv) -> Vec<f64> {
        let (kernel, bias) = (self.tensor(Role::Weight).unwrap(), self.tensor(Role::Bias));
        let of_group = self.channels / conv.groups as usize;
        let outs_of_group = (conv.out_channels / conv.groups) as usize;
        let (kh, kw) = (conv.kernel.height as usize, conv.kernel.width as usize);
        let axis = |position: usize, stride: u32, tap: usize, dilation: u32, padding: u32| {
            (position * stride as usize + tap * dilation as usize).wrapping_sub(padding as usize)
        };
        let Conv { stride, dilation, padding, .. } = *conv;
        self.each(|o, y, x| {
            let mut sum = bias.map_or(0.0, |bias| bias[o]);
            for c in 0..of_group {
                for (r, s) in (0..kh).flat_map(|r| (0..kw).map(move |s| (r, s))) {
                    let row = axis(y, stride.height, r, dilation.height, padding.top);
                    let column = axis(x, stride.width, s, dilation.width, padding.left);
                    if row < self.height && column < self.width {
                        let channel = o / outs_of_group * of_group + c;
                        let weight = kernel[((o * of_group + c) * kh + r) * kw + s];
                        sum += weight * self.at(channel, row, column);
                    }
                }
            }
            sum
        })
    }

    fn linear(&self) -> Vec<f64> {
        let (matrix, bias) = (self.tensor(Role::Weight).unwrap(), self.tensor(Role::Bias));
        self.each(|o, _, _| {
            let row = &matrix[o * self.x.len()..][..self.x.len()];
            let sum: f64 = row.iter().zip(self.x).map(|(w, x)| w * x).sum();
            sum + bias.map_or(0.0, |bias| bias[o])
        })
    }

    fn batch_norm(&self, norm: &BatchNorm) -> Vec<f64> {
        let mean = self.tensor(Role::Mean).unwrap();
        let variance = self.tensor(Role::Variance).unwrap();
        let (gamma, beta) = (self.tensor(Role::Weight), self.tensor(Role::Bias));
        self.each(|c, y, x| {
            let scale =
                gamma.map_or(1.0, |gamma| gamma[c]) / (variance[c] + f64::from(norm.eps)).sqrt();
            let centred = self.at(c, y, x) - mean[c];
            centred * scale + beta.map_or(0.0, |beta| beta[c])
        })
    }

    fn lrn(&self, lrn: &Lrn) -> Vec<f64> {
        self.each(|c, y, x| {
            let first = c.saturating_sub((lrn.size as usize - 1) / 2);
            let last = (c + lrn.size as usize / 2).min(self.channels - 1);
            let sum: f64 = (first..=last).map(|c| self.at(c, y, x).powi(2)).sum();
            let base = f64::from(lrn.k) + f64::from(lrn.alpha) / f64::from(lrn.size) * sum;
            self.at(c, y, x) / base.powf(lrn.beta.into())
        })
    }

    fn pool(&self, pool: &Pool) -> Vec<f64> {
        let (height, width) = (self.height as u32, self.width as u32);
        let Padding { top, left, bottom, right } = pool.padding;
        self.each(|c, y, x| {
            let (mut largest, mut sum, mut inside, mut padded) = (f64::NEG_INFINITY, 0.0, 0, 0);
            let mut squares = 0.0;
            for r in 0..pool.kernel.height {
                for s in 0..pool.kernel.width {
                    let row = y as u32 * pool.stride.height + r * pool.dilation.height;
                    let column = x as u32 * pool.stride.width + s * pool.dilation.width;
                    padded +=
                        u32::from(row < height + top + bottom && column < width + left + right);
                    let (row, column) = (row.wrapping_sub(top), column.wrapping_sub(left));
                    if row < height && column < width {
                        let value = self.at(c, row as usize, column as usize);
                        largest = largest.max(value);
                        sum += value;
                        squares += value * value;
                        inside += 1;
                    }
                }
            }
            match (pool.kind, pool.count_include_pad) {
                (PoolKind::Max, _) => largest,
                (PoolKind::L2, _) => squares.sqrt(),
                (PoolKind::Average, true) => sum / f64::from(padded),
                (PoolKind::Average, false) => sum / f64::from(inside),
            }
        })
    }

    fn global_pool(&self, kind: PoolKind) -> Vec<f64> {
        let area = self.height * self.width;
        self.each(|c, _, _| {
            let map = &self.x[c * area..][..area];
            match kind {
                PoolKind::Max => map.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                PoolKind::Average => map.iter().sum::<f64>() / area as f64,
                PoolKind::L2 => map.iter().map(|x| x * x).sum::<f64>().sqrt(),
            }
        })
    }

    /// The numbers of a pixel.
    fn over_channels(&self, row: usize, column: usize) -> impl Iterator<Item = f64> {
        (0..self.channels).map(move |c| self.at(c, row, column))
    }

    fn adaptive_pool(&self) -> Vec<f64> {
        let range =
            |at: usize, from: usize, to: usize| at * from / to..((at + 1) * from).div_ceil(to);
        self.each(|c, y, x| {
            let (ys, xs) = (range(y, self.height, self.rows), range(x, self.width, self.columns));
            let count = (ys.len() * xs.len()) as f64;
            let cells = ys.flat_map(|y| xs.clone().map(move |x| (y, x)));
            cells.map(|(y, x)| self.at(c, y, x)).sum::<f64>() / count
        })
    }

    /// The value of each input at a place; one of a single channel or pixel stands for all.
    fn broadcast(&self, c: usize, y: usize, x: usize) -> impl Iterator<Item = f64> {
        self.inputs.iter().map(move |(values, shape)| {
            let size = shape.size();
            let c = if shape.channels() == 1 { 0 } else { c };
            let (y, x) = if size.area() == 1 { (0, 0) } else { (y, x) };
            values[(c * size.height as usize + y) * size.width as usize + x]
        })
    }

    fn sum(&self, scales: &[f32]) -> Vec<f64> {
        self.each(|c, y, x| {
            let terms = self.broadcast(c, y, x).enumerate();
            terms.map(|(i, x)| x * scales.get(i).map_or(1.0, |s| f64::from(*s))).sum()
        })
    }

    fn product(&self) -> Vec<f64> {
        self.each(|c, y, x| self.broadcast(c, y, x).product())
    }

    fn maximum(&self) -> Vec<f64> {
        self.each(|c, y, x| self.broadcast(c, y, x).fold(f64::NEG_INFINITY, f64::max))
    }

    /// Every input value times every weight, added where it belongs.
    fn conv_transpose(&self, conv: &ConvTranspose) -> Vec<f64> {
        let (kernel, bias) = (self.tensor(Role::Weight).unwrap(), self.tensor(Role::Bias));
        let (groups, outs) = (conv.groups as usize, (conv.out_channels / conv.groups) as usize);
        let ins = self.channels / groups;
        let (kh, kw) = (conv.kernel.height as usize, conv.kernel.width as usize);
        let mut sums = self.each(|o, _, _| bias.map_or(0.0, |bias| bias[o]));
        let place = |at: usize, stride: u32, tap: usize, dilation: u32, cut: u32| {
            (at * stride as usize + tap * dilation as usize).wrapping_sub(cut as usize)
        };
        let ConvTranspose { stride, dilation, padding, .. } = *conv;
        for c in 0..self.channels {
            for (y, x) in (0..self.height).flat_map(|y| (0..self.width).map(move |x| (y, x))) {
                for (r, s) in (0..kh).flat_map(|r| (0..kw).map(move |s| (r, s))) {
                    let row = place(y, stride.height, r, dilation.height, padding.top);
                    let column = place(x, stride.width, s, dilation.width, padding.left);
                    if row >= self.rows || column >= self.columns {
                        continue;
                    }
                    for o in 0..outs {
                        let weight = kernel[((c * outs + o) * kh + r) * kw + s];
                        let channel = c / ins * outs + o;
                        sums[(channel * self.rows + row) * self.columns + column] +=
                            weight * self.at(c, y, x);
                    }
                }
            }
        }
        sums
    }

    fn norm(&self, norm: &Norm) -> Vec<f64> {
        let (factor, shift) = (self.tensor(Role::Weight), self.tensor(Role::Bias));
        let area = self.height * self.width;
        let among = |c: usize, y: usize, x: usize| -> Vec<f64> {
            let of_group = |count: usize| {
                let first = c / count * count;
                self.x[first * area..][..count * area].to_vec()
            };
            match norm.over {
                NormOver::Channels => (0..self.channels).map(|c| self.at(c, y, x)).collect(),
                NormOver::Instance => of_group(1),
                NormOver::Groups(groups) => of_group(self.channels / groups as usize),
            }
        };
        self.each(|c, y, x| {
            let values = among(c, y, x);
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            let standard = (self.at(c, y, x) - mean) / (variance + f64::from(norm.eps)).sqrt();
            standard * factor.map_or(1.0, |it| it[c]) + shift.map_or(0.0, |it| it[c])
        })
    }

    /// The number of a channel among those of all, or the only one.
    fn of(numbers: Option<&[f64]>, channel: usize, other: f64) -> f64 {
        numbers.map_or(other, |numbers| numbers[if numbers.len() == 1 { 0 } else { channel }])
    }

    fn prelu(&self) -> Vec<f64> {
        let slopes = self.tensor(Role::Weight);
        self.each(|c, y, x| {
            let value = self.at(c, y, x);
            if value > 0.0 { value } else { value * Self::of(slopes, c, 1.0) }
        })
    }

    fn scale(&self) -> Vec<f64> {
        let (factor, shift) = (self.tensor(Role::Weight), self.tensor(Role::Bias));
        self.each(|c, y, x| self.at(c, y, x) * Self::of(factor, c, 1.0) + Self::of(shift, c, 0.0))
    }

    fn rescale(&self, rescale: &Rescale) -> Vec<f64> {
        let number = |numbers: &[f32], channel: usize, other: f64| match numbers {
            [] => other,
            [only] => f64::from(*only),
            all => f64::from(all[channel]),
        };
        self.each(|c, y, x| {
            self.at(c, y, x) * number(&rescale.scale, c, 1.0) + number(&rescale.shift, c, 0.0)
        })
    }

    fn resize(&self, resize: &Resize) -> Vec<f64> {
        let source = |at: usize, from: usize, to: usize| match resize.mode {
            Interpolation::Nearest => (at * from / to) as f64,
            Interpolation::Bilinear => (at as f64 + 0.5) * from as f64 / to as f64 - 0.5,
            Interpolation::BilinearCorners if to == 1 => 0.0,
            Interpolation::BilinearCorners => at as f64 * (from - 1) as f64 / (to - 1) as f64,
        };
        self.each(|c, y, x| {
            let row = source(y, self.height, self.rows).clamp(0.0, (self.height - 1) as f64);
            let column = source(x, self.width, self.columns).clamp(0.0, (self.width - 1) as f64);
            let (mut sum, near) = (0.0, |place: f64, at: f64| (1.0 - (place - at).abs()).max(0.0));
            for y in 0..self.height {
                for x in 0..self.width {
                    sum += near(row, y as f64) * near(column, x as f64) * self.at(c, y, x);
                }
            }
            sum
        })
    }

    fn rearrange(&self, rearrange: &Rearrange) -> Vec<f64> {
        match *rearrange {
            Rearrange::Slice { axis, start, step, .. } => self.each(|c, y, x| {
                let at = |at: usize| start as usize + at * step as usize;
                match axis {
                    Axis::Channels => self.at(at(c), y, x),
                    Axis::Height => self.at(c, at(y), x),
                    Axis::Width => self.at(c, y, at(x)),
                }
            }),
            Rearrange::Pad { padding, mode } => self.each(|c, y, x| {
                let place = |at: usize, before: u32, length: usize| {
                    let (at, length) = (at as i64 - i64::from(before), length as i64);
                    match mode {
                        PadMode::Edge => at.clamp(0, length - 1),
                        PadMode::Reflect if at >= length => 2 * length - 2 - at,
                        PadMode::Reflect => at.abs(),
                        PadMode::Constant(_) => at,
                    }
                };
                let row = place(y, padding.top, self.height);
                let column = place(x, padding.left, self.width);
                let inside = |at: i64, length: usize| (0..length as i64).contains(&at);
                match mode {
                    PadMode::Constant(value)
                        if !inside(row, self.height) || !inside(column, self.width) =>
                    {
                        f64::from(value)
                    }
                    _ => self.at(c, row as usize, column as usize),
                }
            }),
            Rearrange::SpaceToDepth { block, order } => {
                let b = block as usize;
                self.each(|c, y, x| {
                    let (channel, place) = match order {
                        BlockOrder::ChannelsFirst => (c / (b * b), c % (b * b)),
                        BlockOrder::PixelsFirst => (c % self.channels, c / self.channels),
                    };
                    self.at(channel, y * b + place / b, x * b + place % b)
                })
            }
            Rearrange::DepthToSpace { block, order } => {
                let b = block as usize;
                let few = self.channels / (b * b);
                self.each(|c, y, x| {
                    let place = y % b * b + x % b;
                    let channel = match order {
                        BlockOrder::ChannelsFirst => c * b * b + place,
                        BlockOrder::PixelsFirst => place * few + c,
                    };
                    self.at(channel, y / b, x / b)
                })
            }
        }
    }

    fn softmax(&self) -> Vec<f64> {
        self.each(|c, y, x| {
            let at = |c: usize| self.at(c, y, x).exp();
            at(c) / (0..self.channels).map(at).sum::<f64>()
        })
    }

    fn shuffle(&self, groups: usize) -> Vec<f64> {
        self.each(|c, y, x| self.at(c % groups * (self.channels / groups) + c / groups, y, x))
    }
}

fn activate(activation: Activation, x: f64) -> f64 {
    let hard = (x + 3.0).clamp(0.0, 6.0) / 6.0;
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::HardSigmoid => hard,
        Activation::HardSwish => x * hard,
        Activation::LeakyRelu { slope } => {
            if x > 0.0 {
                x
            } else {
                f64::from(slope) * x
            }
        }
        Activation::Elu { alpha } => {
            if x > 0.0 {
                x
            } else {
                f64::from(alpha) * x.exp_m1()
            }
        }
        Activation::Selu => 1.050_700_987 * if x > 0.0 { x } else { 1.673_263_242 * x.exp_m1() },
        Activation::Gelu => x * normal(x),
        Activation::GeluTanh => {
            0.5 * x * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
        }
        Activation::Mish => x * x.exp().ln_1p().tanh(),
        Activation::Softplus => x.exp().ln_1p(),
        Activation::Tanh => x.tanh(),
        Activation::Clip { low, high } => x.clamp(f64::from(low), f64::from(high)),
    }
}

/// The distribution function of the normal distribution, by the series of the error function and its continued fraction.
fn normal(x: f64) -> f64 {
    let z = x.abs() / SQRT_2;
    let tail = if z < 2.0 {
        let (mut term, mut sum) = (z, z);
        for n in 1..60 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        1.0 - 2.0 / PI.sqrt() * sum
    } else {
        let fraction = (1..60).rev().fold(0.0, |fraction, n| f64::from(n) / 2.0 / (z + fraction));
        (-z * z).exp() / PI.sqrt() / (z + fraction)
    };
    if x > 0.0 { 1.0 - tail / 2.0 } else { tail / 2.0 }
}

pub fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// What a random number picks.
struct Picks<'a> {
    numbers: std::slice::Iter<'a, u8>,
    /// What dropout drops.
    dropout: f32,
}

impl Picks<'_> {
    fn below(&mut self, limit: u32) -> u32 {
        u32::from(self.numbers.next().copied().unwrap_or(0)) % limit
    }

    fn size(&mut self, from: u32, to: u32) -> Size {
        Size::new(from + self.below(to - from + 1), from + self.below(to - from + 1))
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 1
    }
}

/// A random operator on a map, if it fits.
fn operator(picks: &mut Picks<'_>, shape: Shape) -> Op {
    let channels = shape.channels();
    let padding = |picks: &mut Picks<'_>, most: Size| Padding {
        top: picks.below(most.height + 1),
        left: picks.below(most.width + 1),
        bottom: picks.below(most.height + 1),
        right: picks.below(most.width + 1),
    };
    match picks.below(22) {
        12 => Op::ConvTranspose(ConvTranspose {
            kernel: picks.size(1, 4),
            out_channels: channels * (1 + picks.below(2)),
            stride: picks.size(1, 3),
            padding: padding(picks, Size::square(1)),
            output_padding: Size::new(picks.below(2), picks.below(2)),
            dilation: picks.size(1, 2),
            groups: if picks.flag() { channels } else { 1 },
            bias: picks.flag(),
        }),
        13 | 14 => Op::Norm(Norm {
            over: match picks.below(4) {
                0 => NormOver::Instance,
                1 => NormOver::Channels,
                2 if channels.is_multiple_of(2) => NormOver::Groups(2),
                _ => NormOver::Groups(1),
            },
            eps: 1e-2,
            scale: picks.flag(),
            center: picks.flag(),
        }),
        15 => Op::Prelu { shared: picks.flag() },
        16 => {
            let (scale, center, shared) = (picks.flag(), picks.flag(), picks.flag());
            Op::Scale(Scale { scale, center, shared })
        }
        17 => {
            let mut numbers = |of: u32| -> Vec<f32> {
                (0..of).map(|_| picks.below(8) as f32 / 4.0 - 0.8).collect()
            };
            let (scale, shift) = match channels % 3 {
                0 => (numbers(1), numbers(channels)),
                1 => (numbers(channels), numbers(0)),
                _ => (numbers(0), numbers(1)),
            };
            Op::Rescale(Rescale { scale, shift })
        }
        18 => {
            let modes =
                [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::BilinearCorners];
            let mode = modes[picks.below(3) as usize];
            let to = match picks.flag() {
                true => ResizeTo::Factor(picks.size(1, 2)),
                false => ResizeTo::Size(picks.size(1, 13)),
            };
            Op::Resize(Resize { to, mode })
        }
        19 => {
            let axis = [Axis::Channels, Axis::Height, Axis::Width][picks.below(3) as usize];
            let length = match axis {
                Axis::Channels => channels,
                Axis::Height => shape.size().height,
                Axis::Width => shape.size().width,
            };
            let (start, step) = (picks.below(length), 1 + picks.below(2));
            let most = (length - 1 - start) / step + 1;
            let count = 1 + picks.below(most);
            Op::Rearrange(Rearrange::Slice { axis, start, count, step })
        }
        20 => {
            let padding = padding(picks, Size::square(2));
            let mode = match picks.below(3) {
                0 => PadMode::Constant(picks.below(3) as f32 / 2.0),
                1 => PadMode::Reflect,
                _ => PadMode::Edge,
            };
            Op::Rearrange(Rearrange::Pad { padding, mode })
        }
        21 => {
            let order =
                if picks.flag() { BlockOrder::ChannelsFirst } else { BlockOrder::PixelsFirst };
            let block = 2;
            Op::Rearrange(if channels.is_multiple_of(4) && picks.flag() {
                Rearrange::DepthToSpace { block, order }
            } else {
                Rearrange::SpaceToDepth { block, order }
            })
        }
        0..4 => {
            let (kernel, stride, dilation) = (picks.size(1, 4), picks.size(1, 2), picks.size(1, 2));
            let groups = match picks.below(4) {
                0 => channels,
                1 if channels.is_multiple_of(2) => 2,
                _ => 1,
            };
            let width = groups * (1 + picks.below(if groups == channels { 2 } else { 37 }));
            Op::Conv(Conv {
                kernel,
                out_channels: width,
                stride,
                padding: padding(picks, kernel),
                dilation,
                groups,
                bias: picks.flag(),
            })
        }
        // What Winograd's method computes.
        4 => Op::Conv(Conv {
            kernel: Size::square(3),
            out_channels: 32 + picks.below(40),
            stride: Size::square(1),
            padding: padding(picks, Size::square(1)),
            dilation: Size::square(1),
            groups: 1,
            bias: picks.flag(),
        }),
        5 => Op::BatchNorm(BatchNorm { eps: 1e-3, scale: picks.flag(), center: picks.flag() }),
        6 => Op::Lrn(Lrn { size: 1 + picks.below(6), alpha: 0.5, beta: 0.75, k: 1.0 }),
        7 | 8 => Op::Activation(Activation::ALL[picks.below(15) as usize]),
        9 => {
            let kernel = picks.size(1, 4);
            let kind = match picks.below(5) {
                0 | 1 => PoolKind::Max,
                2 | 3 => PoolKind::Average,
                _ => PoolKind::L2,
            };
            let is_dilated = kind == PoolKind::Max && picks.below(3) == 0;
            Op::Pool(Pool {
                kind,
                kernel,
                stride: picks.size(1, 2),
                dilation: if is_dilated { picks.size(1, 2) } else { Size::square(1) },
                padding: padding(picks, Size::new(kernel.height / 2, kernel.width / 2)),
                ceil: kind != PoolKind::L2 && picks.flag(),
                count_include_pad: kind == PoolKind::Average && picks.flag(),
            })
        }
        10 if channels.is_multiple_of(2) => Op::ChannelShuffle { groups: 2 },
        10 if picks.flag() => Op::DropPath { p: picks.dropout },
        10 => Op::Dropout { p: picks.dropout },
        _ => Op::Softmax,
    }
}

/// Adds a node; `None` if it does not fit.
pub fn add(graph: &mut Graph, op: Op, inputs: &[NodeId]) -> Option<NodeId> {
    let name = format!("n{}", graph.len());
    graph.add(NewNode::new(op, Path::new(&name)), inputs).ok()
}

/// A random network: operators that read any earlier node, and joins of those that fit.
pub fn network(numbers: &[u8], dropout: f32) -> Graph {
    let mut picks = Picks { numbers: numbers.iter(), dropout };
    let size = picks.size(5, 20);
    let input = Shape::map(1 + picks.below(20), size.height, size.width);
    let mut graph = Graph::new(input, None).unwrap();
    let mut nodes = vec![graph.input()];
    for _ in 0..3 + picks.below(8) {
        // One of the last few, so that branches form.
        let back = picks.below(3) as usize;
        let at = nodes[nodes.len() - 1 - back.min(nodes.len() - 1)];
        let shape = graph.node(at).shape;
        let alike: Vec<NodeId> = nodes
            .iter()
            .copied()
            .filter(|&other| graph.node(other).shape.size() == shape.size())
            .collect();
        let other = alike[picks.below(alike.len() as u32) as usize];
        let added = match picks.below(9) {
            0 | 1 => add(&mut graph, Op::Concat, &[at, other]),
            2 => {
                let same = graph.node(other).shape == shape && other != at;
                let other = if same { other } else { at };
                add(&mut graph, Op::Add { scales: vec![1.0, 0.5] }, &[other, at])
            }
            3 => add(&mut graph, Op::GlobalPool(PoolKind::Average), &[at])
                .and_then(|gate| add(&mut graph, Op::Activation(Activation::Sigmoid), &[gate]))
                .and_then(|gate| match picks.flag() {
                    true => add(&mut graph, Op::Multiply, &[gate, at]),
                    false => add(&mut graph, Op::Add { scales: vec![0.5, 1.0] }, &[gate, at]),
                }),
            // A gate over places.
            4 if picks.flag() => {
                let gate = |kernel: u32| {
                    Op::Conv(Conv {
                        kernel: Size::square(kernel),
                        out_channels: 1,
                        stride: Size::square(1),
                        padding: Padding::symmetric(Size::square(kernel / 2)),
                        dilation: Size::square(1),
                        groups: 1,
                        bias: true,
                    })
                };
                let conv = match picks.below(3) {
                    0 => add(&mut graph, gate(1), &[at]),
                    1 => add(&mut graph, Op::ChannelMax, &[at]),
                    _ => add(&mut graph, Op::ChannelMax, &[at])
                        .zip(add(&mut graph, Op::ChannelMean, &[at]))
                        .and_then(|(max, mean)| add(&mut graph, Op::Concat, &[mean, max]))
                        .and_then(|both| add(&mut graph, gate(3), &[both])),
                };
                conv.and_then(|gate| add(&mut graph, Op::Activation(Activation::Tanh), &[gate]))
                    .and_then(|gate| match picks.flag() {
                        true => add(&mut graph, Op::Multiply, &[at, gate]),
                        false => add(&mut graph, Op::Add { scales: vec![] }, &[gate, at]),
                    })
            }
            5 if graph.node(other).shape == shape && other != at => {
                add(&mut graph, Op::Maximum, &[at, other])
            }
            _ => {
                let op = operator(&mut picks, shape);
                add(&mut graph, op, &[at])
            }
        };
        nodes.extend(added);
    }
    let last = nodes[nodes.len() - 1];
    let mut end = last;
    match picks.below(4) {
        0 => {
            let flat = add(&mut graph, Op::Flatten, &[last]).unwrap();
            let linear = Op::Linear(Linear { out_features: 5 + picks.below(30), bias: true });
            end = add(&mut graph, linear, &[flat]).unwrap();
        }
        1 => {
            let pooled = add(&mut graph, Op::AdaptiveAvgPool { output: picks.size(1, 3) }, &[last]);
            end = add(&mut graph, Op::Flatten, &[pooled.unwrap()]).unwrap();
        }
        2 => end = add(&mut graph, Op::GlobalPool(PoolKind::Max), &[last]).unwrap(),
        _ => {}
    }
    graph.set_output(end);
    graph
}
