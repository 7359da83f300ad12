//! In which order the values of a result lie in the file's tensors.
//!
//! A result of ours is a map, `channels x height x width`, or a vector. The file may hold it in another order, as
//! `height x width x channels`, or with dimensions split or merged. A [`Layout`] says which part of which axis every
//! dimension of the file's tensor is, so that reshapes and transposes that cancel each other vanish, and those that amount to an
//! operator of ours are recognised.

use inceptive_ir::{BlockOrder, Op, Rearrange, Shape, Size};

/// Maximum number of dimensions of a tensor.
pub(super) const MAX_RANK: usize = 8;

/// An axis of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    Batch,
    Channels,
    Height,
    Width,
}

/// Part of an axis: `size` positions, `step` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) axis: Axis,
    pub(super) size: u64,
    pub(super) step: u64,
}

impl Part {
    fn whole(axis: Axis, size: u64) -> Self {
        Self { axis, size, step: 1 }
    }
}

/// For each dimension of a tensor the parts of axes that it is made of, outermost first; none where its size is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout(Vec<Vec<Part>>);

/// What a layout of a result amounts to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    /// Nothing.
    Same,
    /// An operator.
    Op(Op),
    /// A vector as a map of this shape, in the same order.
    Map(Shape),
    /// An order that no operator makes.
    Other,
}

impl Layout {
    /// The layout of a result as it is: `[batch, channels, height, width]` or `[batch, features]`.
    pub(super) fn of(shape: Shape, batch: u64) -> Self {
        let axis = |axis, size: u32| match size {
            1 => vec![],
            size => vec![Part::whole(axis, size.into())],
        };
        let mut dims =
            vec![vec![Part::whole(Axis::Batch, batch)], axis(Axis::Channels, shape.channels())];
        if let Shape::Map { size, .. } = shape {
            dims.extend([axis(Axis::Height, size.height), axis(Axis::Width, size.width)]);
        }
        Self(dims)
    }

    /// Sizes of the dimensions.
    pub(super) fn sizes(&self) -> Vec<i64> {
        let size = |dim: &Vec<Part>| dim.iter().map(|part| part.size).product::<u64>();
        self.0.iter().map(|dim| i64::try_from(size(dim)).unwrap_or(i64::MAX)).collect()
    }

    /// What the dimensions are, as `batch x width x height`, if each is one axis.
    pub(super) fn names(&self) -> Option<String> {
        let mut seen = Vec::new();
        let mut names = Vec::new();
        for dim in &self.0 {
            names.push(match dim[..] {
                [] => "1",
                [Part { axis, .. }] if !seen.contains(&axis) => {
                    seen.push(axis);
                    match axis {
                        Axis::Batch => "batch",
                        Axis::Channels => "channels",
                        Axis::Height => "height",
                        Axis::Width => "width",
                    }
                }
                _ => return None,
            });
        }
        Some(names.join(" x "))
    }

    /// Number of dimensions.
    pub(super) fn rank(&self) -> usize {
        self.0.len()
    }

    /// Number of values.
    fn count(&self) -> u64 {
        self.0.iter().flatten().map(|part| part.size).product()
    }

    /// The same values in other dimensions; `None` where the new ones cut through the old ones.
    pub(super) fn reshaped(&self, sizes: &[i64]) -> Option<Self> {
        if sizes.len() > MAX_RANK {
            return None;
        }
        let mut parts: Vec<Part> = self.0.iter().flatten().copied().rev().collect();
        let mut dims = Vec::with_capacity(sizes.len());
        for &size in sizes {
            let mut left = u64::try_from(size).ok().filter(|&size| size > 0)?;
            let mut dim = Vec::new();
            while let Some(&front) = parts.last() {
                if left == 1 && front.axis != Axis::Batch {
                    break;
                }
                if left.is_multiple_of(front.size) {
                    left /= front.size;
                    let is_merged = left != 1 || !dim.is_empty();
                    if front.axis == Axis::Batch && front.size > 1 && is_merged {
                        return None;
                    }
                    dim.push(front);
                    parts.pop();
                    // A batch of one image is a dimension of its own.
                    if front.axis == Axis::Batch && left == 1 {
                        break;
                    }
                    continue;
                }
                if front.axis == Axis::Batch || !front.size.is_multiple_of(left) {
                    return None;
                }
                let inner = front.size / left;
                dim.push(Part { size: left, step: front.step * inner, ..front });
                *parts.last_mut()? = Part { size: inner, ..front };
                left = 1;
            }
            if left != 1 {
                return None;
            }
            dims.push(merged(dim));
        }
        parts.is_empty().then_some(Self(dims))
    }

    /// The target of a reshape with its 0 and -1 filled in.
    pub(super) fn resolved(&self, target: &[i64], allow_zero: bool) -> Option<Vec<i64>> {
        if target.len() > MAX_RANK || target.iter().filter(|&&size| size == -1).count() > 1 {
            return None;
        }
        let own = self.sizes();
        let fixed = target.iter().enumerate().map(|(at, &size)| match size {
            0 if !allow_zero => own.get(at).copied(),
            -1 => Some(1),
            size => Some(size).filter(|&size| size > 0),
        });
        let fixed: Vec<i64> = fixed.collect::<Option<_>>()?;
        let known = fixed
            .iter()
            .try_fold(1_u64, |all, &size| all.checked_mul(u64::try_from(size).ok()?))?;
        let count = self.count();
        if !count.is_multiple_of(known) || known == 0 {
            return None;
        }
        let fill = i64::try_from(count / known).ok()?;
        let size = |(&size, &fixed): (&i64, &i64)| if size == -1 { fill } else { fixed };
        Some(target.iter().zip(&fixed).map(size).collect())
    }

    /// The dimensions in another order.
    pub(super) fn permuted(&self, order: &[usize]) -> Option<Self> {
        let mut seen = vec![false; self.rank()];
        for &at in order {
            if std::mem::replace(seen.get_mut(at)?, true) {
                return None;
            }
        }
        if order.len() != self.rank() {
            return None;
        }
        Some(Self(order.iter().map(|&at| self.0[at].clone()).collect()))
    }

    /// Without a dimension of size 1. The batch of one image goes into the next dimension.
    pub(super) fn without(&self, at: usize) -> Option<Self> {
        let mut dims = self.0.clone();
        let gone = (at < dims.len()).then(|| dims.remove(at))?;
        match gone[..] {
            [] => {}
            [batch] if batch.axis == Axis::Batch && batch.size == 1 => {
                dims.get_mut(at)?.insert(0, batch);
            }
            _ => return None,
        }
        Some(Self(dims))
    }

    /// With one more dimension of size 1.
    pub(super) fn with_unit(&self, at: usize) -> Option<Self> {
        let mut dims = self.0.clone();
        if at > dims.len() || dims.len() >= MAX_RANK {
            return None;
        }
        // A batch that had gone into this dimension comes out again.
        let batch = dims.get(at).and_then(|dim| dim.first()).copied();
        let comes_out =
            batch.filter(|part| part.axis == Axis::Batch && part.size == 1 && dims[at].len() > 1);
        if comes_out.is_some() {
            dims[at].remove(0);
        }
        dims.insert(at, comes_out.into_iter().collect());
        Some(Self(dims))
    }

    /// A dimension became one value, and stays with size 1.
    pub(super) fn reduced(&self, at: usize) -> Self {
        let mut dims = self.0.clone();
        if let Some(dim) = dims.get_mut(at) {
            dim.clear();
        }
        Self(dims)
    }

    /// The axis that a dimension is all of, among those of a result's shape; `None` if it is of size 1, or part of an axis,
    /// or several.
    pub(super) fn axis(&self, at: usize, shape: Shape) -> Option<Axis> {
        match self.0.get(at)?[..] {
            [Part { axis, size, step: 1 }] if size == length(shape, axis)? => Some(axis),
            _ => None,
        }
    }

    /// The axes that a dimension is all of, in its order.
    pub(super) fn axes(&self, at: usize, shape: Shape) -> Option<Vec<Axis>> {
        let whole = |part: &Part| {
            (part.step == 1 && Some(part.size) == length(shape, part.axis)).then_some(part.axis)
        };
        self.0.get(at)?.iter().map(whole).collect()
    }

    /// The dimension that holds all channels and nothing else.
    pub(super) fn channels(&self, shape: Shape) -> Option<usize> {
        if shape.channels() == 1 {
            return None;
        }
        (0..self.rank()).find(|&at| self.axis(at, shape) == Some(Axis::Channels))
    }

    /// Whether the first dimension is the batch and nothing else.
    pub(super) fn starts_with_batch(&self) -> bool {
        matches!(self.0.first().map(Vec::as_slice), Some([part]) if part.axis == Axis::Batch)
    }

    /// The same layout of a result whose axes have other lengths.
    pub(super) fn resized(&self, from: Shape, to: Shape) -> Option<Self> {
        let axes = [Axis::Channels, Axis::Height, Axis::Width];
        let mut dims = self.0.clone();
        for axis in axes {
            let (old, new) = (length(from, axis).unwrap_or(1), length(to, axis).unwrap_or(1));
            if old == new {
                continue;
            }
            let places: Vec<(usize, usize)> = dims
                .iter()
                .enumerate()
                .flat_map(|(at, dim)| (0..dim.len()).map(move |part| (at, part)))
                .filter(|&(at, part)| dims[at][part].axis == axis)
                .collect();
            match places[..] {
                [(at, part)] if dims[at][part] == Part::whole(axis, old) => match new {
                    1 => {
                        dims[at].remove(part);
                    }
                    new => dims[at][part] = Part::whole(axis, new),
                },
                _ => return None,
            }
        }
        Some(Self(dims))
    }

    /// The layout with an axis that had one position at a dimension that is free.
    pub(super) fn grown(&self, at: usize, axis: Axis, size: u64) -> Option<Self> {
        let mut dims = self.0.clone();
        let dim = dims.get_mut(at).filter(|dim| dim.is_empty())?;
        if size > 1 {
            dim.push(Part::whole(axis, size));
        }
        Some(Self(dims))
    }

    /// The layout of a sum or product, where a dimension of size 1 stands for all positions of the other.
    pub(super) fn joined(&self, other: &Self) -> Option<Self> {
        if self.rank() != other.rank() {
            return None;
        }
        let dim = |(a, b): (&Vec<Part>, &Vec<Part>)| match (a.is_empty(), b.is_empty()) {
            _ if a == b => Some(a.clone()),
            (true, _) => Some(b.clone()),
            (_, true) => Some(a.clone()),
            _ => None,
        };
        Some(Self(self.0.iter().zip(&other.0).map(dim).collect::<Option<_>>()?))
    }

    /// What it amounts to, for a result of this shape.
    pub(super) fn form(&self, shape: Shape, batch: u64) -> Form {
        if *self == Self::of(shape, batch) {
            return Form::Same;
        }
        if !self.starts_with_batch() {
            return Form::Other;
        }
        match (&self.0[1..], shape) {
            ([features], Shape::Map { .. }) if *features == canonical(shape) => {
                Form::Op(Op::Flatten)
            }
            ([channels, height, width], Shape::Map { channels: all, size }) => {
                map_form([channels, height, width], all.into(), size)
            }
            ([channels, height, width], Shape::Vector { features }) => {
                let together =
                    merged([channels, height, width].into_iter().flatten().copied().collect());
                let side = |dim: &[Part]| dim.iter().map(|part| part.size).product::<u64>();
                let sides = [channels, height, width].map(|dim| u32::try_from(side(dim)));
                match sides {
                    [Ok(channels), Ok(height), Ok(width)]
                        if together == canonical(Shape::vector(features)) =>
                    {
                        Form::Map(Shape::map(channels, height, width))
                    }
                    _ => Form::Other,
                }
            }
            _ => Form::Other,
        }
    }

    /// For a layout of a batch and one dimension that has every value: where each of its positions is in the order of
    /// channels, height and width.
    pub(super) fn positions(&self, shape: Shape) -> Option<Vec<usize>> {
        if self.rank() != 2 || !self.starts_with_batch() {
            return None;
        }
        let size = shape.size();
        let stride = |axis| match axis {
            Axis::Batch => None,
            Axis::Channels => Some(size.area()),
            Axis::Height => Some(u64::from(size.width)),
            Axis::Width => Some(1),
        };
        let mut positions = vec![0_usize];
        for part in &self.0[1] {
            let step = usize::try_from(part.step * stride(part.axis)?).ok()?;
            let length = usize::try_from(part.size).ok()?;
            let mut next = Vec::with_capacity(positions.len().checked_mul(length)?);
            for &position in &positions {
                next.extend((0..length).map(|at| position + at * step));
            }
            positions = next;
        }
        Some(positions)
    }

    /// Which axes the three dimensions behind the batch are, for an input whose order is not known yet.
    pub(super) fn behind_batch(&self) -> Option<[&[Part]; 3]> {
        match &self.0[..] {
            [_, a, b, c] if self.starts_with_batch() => Some([a, b, c]),
            _ => None,
        }
    }
}

/// The length of an axis; `None` for the batch, and for rows and columns of a vector.
fn length(shape: Shape, axis: Axis) -> Option<u64> {
    match (axis, shape) {
        (Axis::Batch, _) => None,
        (Axis::Channels, shape) => Some(shape.channels().into()),
        (Axis::Height, Shape::Map { size, .. }) => Some(size.height.into()),
        (Axis::Width, Shape::Map { size, .. }) => Some(size.width.into()),
        (Axis::Height | Axis::Width, Shape::Vector { .. }) => None,
    }
}

/// All values of a result in their order, as one dimension.
fn canonical(shape: Shape) -> Vec<Part> {
    Layout::of(shape, 1).0[1..].iter().flatten().copied().collect()
}

/// Neighbouring parts of an axis as one.
fn merged(parts: Vec<Part>) -> Vec<Part> {
    let mut merged: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match merged.last_mut() {
            Some(last)
                if last.axis == part.axis
                    && part.axis != Axis::Batch
                    && last.step == part.step * part.size =>
            {
                *last = Part { size: last.size * part.size, ..part };
            }
            _ => merged.push(part),
        }
    }
    merged
}

/// What four dimensions amount to that a map was brought into.
fn map_form(dims: [&Vec<Part>; 3], channels: u64, size: Size) -> Form {
    let split = |dims: &[Part], axis: Axis| -> Option<Vec<Part>> {
        dims.iter().all(|part| part.axis == axis).then(|| dims.to_vec())
    };
    let [across, down, along] = dims;
    let whole = |axis: Axis, length: u32| -> Vec<Part> {
        if length == 1 { vec![] } else { vec![Part::whole(axis, length.into())] }
    };
    let (rows, columns) = (whole(Axis::Height, size.height), whole(Axis::Width, size.width));
    if *down == rows && *along == columns {
        return match split(across, Axis::Channels).as_deref() {
            Some(&[inner, outer])
                if outer.step == inner.size
                    && inner.step == 1
                    && inner.size * outer.size == channels =>
            {
                match u32::try_from(outer.size) {
                    Ok(groups) => Form::Op(Op::ChannelShuffle { groups }),
                    Err(_) => Form::Other,
                }
            }
            _ => Form::Other,
        };
    }
    let blocks = |dim: &[Part], outer: &[Part]| -> Option<Part> {
        let (block, before) = dim.split_last()?;
        (block.axis == Axis::Channels && before == outer).then_some(*block)
    };
    if let Some((row, column)) = blocks(down, &rows).zip(blocks(along, &columns))
        && let Some(op) = to_space(across, row, column, channels)
    {
        return Form::Op(op);
    }
    to_depth(across, down, along, channels).map_or(Form::Other, Form::Op)
}

/// Channels that became pixels.
fn to_space(rest: &[Part], row: Part, column: Part, channels: u64) -> Option<Op> {
    let block = u32::try_from(row.size).ok()?;
    let area = row.size.checked_mul(column.size)?;
    if row.size != column.size || !channels.is_multiple_of(area) {
        return None;
    }
    let left = channels / area;
    let with_step = |step: u64| match left {
        1 => rest.is_empty(),
        size => rest == [Part { axis: Axis::Channels, size, step }],
    };
    let steps = [row.step, column.step];
    let order = if with_step(area) && steps == [column.size, 1] {
        BlockOrder::ChannelsFirst
    } else if with_step(1) && steps == [column.size * left, left] {
        BlockOrder::PixelsFirst
    } else {
        return None;
    };
    Some(Op::Rearrange(Rearrange::DepthToSpace { block, order }))
}

/// Pixels that became channels.
fn to_depth(across: &[Part], down: &[Part], along: &[Part], channels: u64) -> Option<Op> {
    let block_of = |dim: &[Part]| match dim {
        [Part { axis, step, .. }] => Some((*axis, *step)),
        _ => None,
    };
    let inner = |axis: Axis| across.iter().find(|part| part.axis == axis).copied();
    let (row, column) = (inner(Axis::Height)?, inner(Axis::Width)?);
    let is_outer = |dim: &[Part], axis: Axis, inner: Part| {
        inner.step == 1 && (dim.is_empty() || block_of(dim) == Some((axis, inner.size)))
    };
    if row.size != column.size
        || !is_outer(down, Axis::Height, row)
        || !is_outer(along, Axis::Width, column)
    {
        return None;
    }
    let own = match channels {
        1 => vec![],
        size => vec![Part::whole(Axis::Channels, size)],
    };
    let block = u32::try_from(row.size).ok()?;
    let order = if *across == [own.clone(), vec![row, column]].concat() {
        BlockOrder::ChannelsFirst
    } else if *across == [vec![row, column], own].concat() {
        BlockOrder::PixelsFirst
    } else {
        return None;
    };
    Some(Op::Rearrange(Rearrange::SpaceToDepth { block, order }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> (Shape, Layout) {
        let shape = Shape::map(12, 6, 4);
        (shape, Layout::of(shape, 1))
    }

    #[test]
    fn reshapes_and_transposes_that_cancel_each_other_vanish() {
        let (shape, layout) = map();
        let last = layout.permuted(&[0, 2, 3, 1]).unwrap();
        assert_eq!((last.sizes(), last.form(shape, 1)), (vec![1, 6, 4, 12], Form::Other));
        let sequence = last.reshaped(&[1, 24, 12]).unwrap();
        let back = sequence.permuted(&[0, 2, 1]).unwrap().reshaped(&[1, 12, 6, 4]).unwrap();
        assert_eq!(back.form(shape, 1), Form::Same);
        assert_eq!(sequence.channels(shape), Some(2));
        assert_eq!(layout.reshaped(&[1, 288]).unwrap().form(shape, 1), Form::Op(Op::Flatten));
        assert_eq!(layout.resolved(&[0, -1, 4], false), Some(vec![1, 72, 4]));
        assert_eq!(layout.reshaped(&[1, 5, 7]), None);
        let without = layout.without(0).unwrap();
        assert_eq!(without.sizes(), [12, 6, 4]);
        assert_eq!(without.with_unit(0).unwrap().form(shape, 1), Form::Same);
    }

    #[test]
    fn transposes_of_parts_are_operators() {
        let (shape, layout) = map();
        let through = |split: &[i64], order: &[usize], join: &[i64]| {
            let split = layout.reshaped(split).unwrap().permuted(order).unwrap();
            split.reshaped(join).unwrap().form(shape, 1)
        };
        let shuffle = through(&[1, 3, 4, 6, 4], &[0, 2, 1, 3, 4], &[1, 12, 6, 4]);
        assert_eq!(shuffle, Form::Op(Op::ChannelShuffle { groups: 3 }));
        let (block, first) = (2, BlockOrder::ChannelsFirst);
        let up = through(&[1, 3, 2, 2, 6, 4], &[0, 1, 4, 2, 5, 3], &[1, 3, 12, 8]);
        assert_eq!(up, Form::Op(Op::Rearrange(Rearrange::DepthToSpace { block, order: first })));
        let order = BlockOrder::PixelsFirst;
        let up = through(&[1, 2, 2, 3, 6, 4], &[0, 3, 4, 1, 5, 2], &[1, 3, 12, 8]);
        assert_eq!(up, Form::Op(Op::Rearrange(Rearrange::DepthToSpace { block, order })));
        let down = through(&[1, 12, 3, 2, 2, 2], &[0, 1, 3, 5, 2, 4], &[1, 48, 3, 2]);
        assert_eq!(down, Form::Op(Op::Rearrange(Rearrange::SpaceToDepth { block, order: first })));
        let down = through(&[1, 12, 3, 2, 2, 2], &[0, 3, 5, 1, 2, 4], &[1, 48, 3, 2]);
        assert_eq!(down, Form::Op(Op::Rearrange(Rearrange::SpaceToDepth { block, order })));
    }

    #[test]
    fn a_flat_layout_knows_where_its_values_are() {
        let shape = Shape::map(2, 1, 3);
        let flat = Layout::of(shape, 1).permuted(&[0, 2, 3, 1]).unwrap().reshaped(&[1, 6]).unwrap();
        assert_eq!(flat.positions(shape), Some(vec![0, 3, 1, 4, 2, 5]));
        let vector = Layout::of(Shape::vector(6), 1).reshaped(&[1, 6, 1, 1]).unwrap();
        assert_eq!(vector.form(Shape::vector(6), 1), Form::Map(Shape::map(6, 1, 1)));
    }
}
