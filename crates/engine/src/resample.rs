//! Which positions of a map become which, for the operators that move or mix them.

use std::sync::Arc;

use inceptive_ir::{
    Axis, BlockOrder, ConvTranspose, Interpolation, PadMode, Pool, Rearrange, Size,
};
use inceptive_kernels::step::{Part, Taps};

use crate::units::Resampled;

impl Resampled {
    /// Each lane stays the same.
    fn of_pixels(rows: Taps, columns: Taps, fill: f32) -> Self {
        Self { parts: Arc::new([Part { lanes: None, rows, columns }]), fill }
    }
}

/// A map of another size.
pub(crate) fn resized(mode: Interpolation, from: Size, to: Size) -> Resampled {
    let along = |from: u32, to: u32| match mode {
        Interpolation::Nearest => {
            let nearest = |at: u32| u64::from(at) * u64::from(from) / u64::from(to);
            Taps::moved((0..to).map(|at| usize::try_from(nearest(at)).ok()))
        }
        Interpolation::Bilinear | Interpolation::BilinearCorners => {
            Taps::mixed((0..to).map(|at| between(mode, at, from, to)))
        }
    };
    let (rows, columns) = (along(from.height, to.height), along(from.width, to.width));
    Resampled::of_pixels(rows, columns, 0.0)
}

/// The two positions around a position of the output, with their weights.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a position inside of the map, and a weight"
)]
fn between(mode: Interpolation, at: u32, from: u32, to: u32) -> [(usize, f32); 2] {
    let (at, last) = (f64::from(at), f64::from(from - 1));
    let place = match mode {
        Interpolation::BilinearCorners if to > 1 => at * last / f64::from(to - 1),
        Interpolation::BilinearCorners => 0.0,
        Interpolation::Bilinear | Interpolation::Nearest => {
            (at + 0.5) * f64::from(from) / f64::from(to) - 0.5
        }
    };
    let place = place.clamp(0.0, last);
    let first = place.floor();
    let share = (place - first) as f32;
    let (first, second) = (first as usize, (first + 1.0).min(last) as usize);
    [(first, 1.0 - share), (second, share)]
}

/// Every position where it is, `count` of them.
fn all(count: u32) -> Taps {
    Taps::moved((0..count as usize).map(Some))
}

/// A part of a map, or a map with more around it, where channels stay what they are.
pub(crate) fn moved(rearrange: &Rearrange, from: Size, to: Size) -> Option<Resampled> {
    match *rearrange {
        Rearrange::Slice { axis, start, count, step } => {
            let taken = Taps::moved((0..count).map(|at| Some((start + at * step) as usize)));
            let (rows, columns) = match axis {
                Axis::Channels => return None,
                Axis::Height => (taken, all(from.width)),
                Axis::Width => (all(from.height), taken),
            };
            Some(Resampled::of_pixels(rows, columns, 0.0))
        }
        Rearrange::Pad { padding, mode } => {
            let along = |before: u32, from: u32, to: u32| {
                Taps::moved((0..to).map(|at| inside(mode, at, before, from)))
            };
            let rows = along(padding.top, from.height, to.height);
            let columns = along(padding.left, from.width, to.width);
            let fill = match mode {
                PadMode::Constant(value) => value,
                PadMode::Reflect | PadMode::Edge => 0.0,
            };
            Some(Resampled::of_pixels(rows, columns, fill))
        }
        Rearrange::SpaceToDepth { .. } | Rearrange::DepthToSpace { .. } => None,
    }
}

/// The position of a map that is at a position of the padded one.
fn inside(mode: PadMode, at: u32, before: u32, length: u32) -> Option<usize> {
    let (at, length) = (i64::from(at) - i64::from(before), i64::from(length));
    let place = match mode {
        PadMode::Constant(_) => Some(at).filter(|at| (0..length).contains(at)),
        PadMode::Edge => Some(at.clamp(0, length - 1)),
        PadMode::Reflect if at < 0 => Some(-at),
        PadMode::Reflect if at >= length => Some(2 * (length - 1) - at),
        PadMode::Reflect => Some(at),
    };
    place.and_then(|place| usize::try_from(place).ok())
}

/// Blocks of pixels as channels, or the reverse: a part for each place in a block. `lanes` are those of the input's channels.
pub(crate) fn in_blocks(
    rearrange: &Rearrange,
    lanes: &[usize],
    channels: usize,
    from: Size,
    to: Size,
) -> Resampled {
    let (block, order, to_depth) = match *rearrange {
        Rearrange::SpaceToDepth { block, order } => (block, order, true),
        Rearrange::DepthToSpace { block, order } => (block, order, false),
        Rearrange::Slice { .. } | Rearrange::Pad { .. } => (1, BlockOrder::ChannelsFirst, true),
    };
    let area = (block * block) as usize;
    // Channels of the map of pixels.
    let few = if to_depth { lanes.len() } else { channels };
    let deep = |channel: usize, place: usize| match order {
        BlockOrder::ChannelsFirst => channel * area + place,
        BlockOrder::PixelsFirst => place * few + channel,
    };
    let part = |place: usize| {
        let (row, column) = (place / block as usize, place % block as usize);
        let along = |from: u32, to: u32, at: usize| {
            if to_depth {
                return Taps::moved((0..to as usize).map(|pixel| {
                    Some(pixel * block as usize + at).filter(|&pixel| pixel < from as usize)
                }));
            }
            Taps::moved(
                (0..to as usize)
                    .map(|pixel| (pixel % block as usize == at).then_some(pixel / block as usize)),
            )
        };
        let mut own = vec![None; channels];
        for channel in 0..few {
            match to_depth {
                true => own[deep(channel, place)] = Some(lanes[channel]),
                false => own[channel] = Some(lanes[deep(channel, place)]),
            }
        }
        Part {
            lanes: Some(own.into()),
            rows: along(from.height, to.height, row),
            columns: along(from.width, to.width, column),
        }
    };
    Resampled { parts: (0..area).map(part).collect(), fill: 0.0 }
}

/// The input of the convolution that a transposed one amounts to, with its size: zeros between pixels, and around them as
/// many as a kernel reaches, less what is cut.
pub(crate) fn spread_out(conv: &ConvTranspose, from: Size, to: Size) -> (Resampled, Size) {
    let along = |from: u32, to: u32, kernel: u32, dilation: u32, stride: u32, cut: u32| {
        let reach = (kernel - 1) * dilation;
        let before = i64::from(reach) - i64::from(cut);
        let taps = Taps::moved((0..to + reach).map(|at| {
            let at = i64::from(at) - before;
            let place = usize::try_from(at / i64::from(stride)).ok()?;
            (at >= 0 && at % i64::from(stride) == 0 && place < from as usize).then_some(place)
        }));
        (taps, to + reach)
    };
    let (kernel, dilation, stride) = (conv.kernel, conv.dilation, conv.stride);
    let (rows, height) = along(
        from.height,
        to.height,
        kernel.height,
        dilation.height,
        stride.height,
        conv.padding.top,
    );
    let (columns, width) =
        along(from.width, to.width, kernel.width, dilation.width, stride.width, conv.padding.left);
    (Resampled::of_pixels(rows, columns, 0.0), Size { height, width })
}

/// The map of each position in the windows of a dilated pool.
pub(crate) fn taps_of_pool(pool: &Pool, from: Size, to: Size) -> Vec<Resampled> {
    let along = |from: u32, to: u32, stride: u32, tap: u32, before: u32| {
        Taps::moved((0..to).map(|at| {
            let at = u64::from(at) * u64::from(stride) + u64::from(tap);
            let at = at.checked_sub(before.into())?;
            usize::try_from(at).ok().filter(|at| *at < from as usize)
        }))
    };
    let mut maps = Vec::new();
    for row in 0..pool.kernel.height {
        for column in 0..pool.kernel.width {
            let (row, column) = (row * pool.dilation.height, column * pool.dilation.width);
            let rows = along(from.height, to.height, pool.stride.height, row, pool.padding.top);
            let columns = along(from.width, to.width, pool.stride.width, column, pool.padding.left);
            maps.push(Resampled::of_pixels(rows, columns, f32::NEG_INFINITY));
        }
    }
    maps
}

/// Kernels of a transposed convolution, `[in, out / groups, height, width]`, in the order of those of the convolution that it
/// amounts to, `[out, in / groups, height, width]`, turned around: the position of each number in the former.
pub(crate) fn turned(conv: &ConvTranspose, inputs: usize) -> Vec<usize> {
    let (outputs, groups) = (conv.out_channels as usize, (conv.groups as usize).max(1));
    let (of_group, outs) = (inputs / groups, outputs / groups);
    let taps = usize::try_from(conv.kernel.area()).unwrap_or(usize::MAX);
    let mut order = Vec::with_capacity(outputs * of_group * taps);
    for output in 0..outputs {
        let (group, own) = (output / outs, output % outs);
        for input in 0..of_group {
            let kernel = (group * of_group + input) * outs + own;
            order.extend((0..taps).rev().map(|tap| kernel * taps + tap));
        }
    }
    order
}
