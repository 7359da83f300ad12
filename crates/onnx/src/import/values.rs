//! Where the values of constants are, and how they are read: in parts, so that neither the bytes of a large tensor nor a
//! second order of its values are in memory as a whole.

use std::{ops::Range, sync::Arc};

use half::{bf16, f16};
use prost::bytes::Bytes;

use super::source::Stored;
use crate::proto::DataType;

/// Where the values of a constant are.
#[derive(Clone, Debug)]
pub enum Data {
    /// Little-endian, row-major.
    Raw(DataType, Bytes),
    /// The same, where the model is.
    Stored(DataType, Arc<Stored>, Range<u64>),
    /// The same, in a file beside the model.
    Beside(DataType, Arc<Stored>, Beside),
    Floats(Arc<[f32]>),
    Ints(Arc<[i64]>),
    /// The same value everywhere.
    Splat(f32),
    Arranged(Arc<Arranged>),
}

/// Values in a file beside the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// Path of the file, from the folder of the model.
    pub location: Arc<str>,
    /// The bytes.
    pub range: Range<u64>,
}

/// Values in another order: that of other dimensions, or with positions of a dimension exchanged. Dimensions of one
/// position are left out.
#[derive(Clone, Debug)]
pub struct Arranged {
    /// The values in their own order.
    of: Data,
    /// The dimensions of that order, outermost first.
    axes: Vec<Axis>,
    /// Which axis each dimension of the result is.
    order: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Axis {
    count: usize,
    /// The position in the result of each position.
    places: Option<Arc<[usize]>>,
}

impl Axis {
    fn place(&self, at: usize) -> usize {
        self.places.as_ref().map_or(at, |places| places[at])
    }
}

/// Values that are read at once.
const AT_ONCE: usize = 1 << 18;

/// Neighbours that are moved before those of the next row are, so that what is written stays in the cache.
const BLOCK: usize = 16;

impl Data {
    /// So many values as single-precision numbers; `None` where they cannot be read.
    pub fn floats(&self, len: usize) -> Option<Vec<f32>> {
        match self {
            Self::Arranged(arranged) => return arranged.floats(),
            Self::Floats(values) => return Some(values.to_vec()),
            Self::Splat(value) => return Some(vec![*value; len]),
            Self::Raw(..) | Self::Stored(..) | Self::Beside(..) | Self::Ints(_) => {}
        }
        if !self.is_there() {
            return None;
        }
        let mut values = Vec::with_capacity(len);
        parts(0..len, AT_ONCE).try_for_each(|part| self.read(part, &mut values))?;
        Some(values)
    }

    /// The values as integers; `None` of others, and where they cannot be read.
    pub fn ints(&self, len: usize) -> Option<Vec<i64>> {
        match self {
            Self::Raw(kind, _) | Self::Stored(kind, ..) | Self::Beside(kind, ..) => {
                whole_numbers(*kind, &self.bytes(*kind, 0..len)?)
            }
            Self::Ints(values) => Some(values.to_vec()),
            #[expect(clippy::cast_possible_truncation, reason = "integers are kept whole")]
            Self::Splat(value) => Some(vec![*value as i64; len]),
            Self::Floats(_) | Self::Arranged(_) => None,
        }
    }

    /// A part of the values, which is read later; `None` of those in another order.
    pub fn part(&self, part: Range<usize>) -> Option<Self> {
        let bytes = |kind: DataType, place: &Range<u64>| {
            let at = |index: usize| place.start.checked_add(index as u64 * kind.width()? as u64);
            let bytes = at(part.start)?..at(part.end)?;
            (bytes.end <= place.end).then_some(bytes)
        };
        Some(match self {
            Self::Raw(kind, _) => Self::Raw(*kind, self.bytes(*kind, part)?),
            Self::Stored(kind, stored, place) => {
                Self::Stored(*kind, Arc::clone(stored), bytes(*kind, place)?)
            }
            Self::Beside(kind, stored, Beside { location, range }) => {
                let (location, range) = (Arc::clone(location), bytes(*kind, range)?);
                Self::Beside(*kind, Arc::clone(stored), Beside { location, range })
            }
            Self::Floats(values) => Self::Floats(values.get(part)?.into()),
            Self::Ints(values) => Self::Ints(values.get(part)?.into()),
            Self::Splat(value) => Self::Splat(*value),
            Self::Arranged(_) => return None,
        })
    }

    /// Whether the file that they are in is as long as the model says. Of other values, it is known.
    pub fn is_there(&self) -> bool {
        match self {
            Self::Beside(_, stored, Beside { location, range }) if !range.is_empty() => {
                stored.read_beside(location, range.end - 1..range.end).is_some()
            }
            Self::Arranged(arranged) => arranged.of.is_there(),
            _ => true,
        }
    }

    /// Appends a part of the values.
    fn read(&self, part: Range<usize>, values: &mut Vec<f32>) -> Option<()> {
        let wanted = values.len() + part.len();
        match self {
            Self::Raw(kind, _) | Self::Stored(kind, ..) | Self::Beside(kind, ..) => {
                decode(*kind, &self.bytes(*kind, part)?, values);
            }
            Self::Floats(all) => values.extend_from_slice(all.get(part)?),
            #[expect(clippy::cast_precision_loss, reason = "weights are single precision")]
            Self::Ints(all) => values.extend(all.get(part)?.iter().map(|&i| i as f32)),
            Self::Splat(value) => values.resize(wanted, *value),
            Self::Arranged(_) => return None,
        }
        (values.len() == wanted).then_some(())
    }

    /// The bytes of a part of the values.
    fn bytes(&self, kind: DataType, part: Range<usize>) -> Option<Bytes> {
        let width = kind.width()?;
        let within = |place: &Range<u64>| {
            let at = |index: usize| place.start.checked_add(index as u64 * width as u64);
            Some(at(part.start)?..at(part.end)?)
        };
        match self {
            Self::Raw(_, bytes) => {
                let part = part.start * width..part.end * width;
                (part.end <= bytes.len()).then(|| bytes.slice(part))
            }
            Self::Stored(_, stored, place) => stored.read(within(place)?),
            Self::Beside(_, stored, Beside { location, range }) => {
                stored.read_beside(location, within(range)?)
            }
            Self::Floats(_) | Self::Ints(_) | Self::Splat(_) | Self::Arranged(_) => None,
        }
    }

    /// The values with their dimensions in another order; `None` if that cannot be described. `order` has each dimension
    /// once.
    pub fn permuted(&self, dims: &[usize], order: &[usize]) -> Option<Self> {
        let Arranged { of, axes, order: own } = self.arranged(dims)?;
        // Which of those dimensions that are kept each one is.
        let kept = |at: usize| dims[..at].iter().filter(|&&dim| dim != 1).count();
        let order = order.iter().filter(|&&at| dims[at] != 1).map(|&at| own[kept(at)]).collect();
        Some(Arranged { of, axes, order }.into())
    }

    /// The values with the positions of their last dimension exchanged: each goes to its place.
    pub fn moved(&self, dims: &[usize], places: &[usize]) -> Option<Self> {
        if dims.last() == Some(&1) {
            return Some(self.clone());
        }
        let mut arranged = self.arranged(dims)?;
        let axis = arranged.axes.get_mut(*arranged.order.last()?)?;
        if axis.count != places.len() || places.iter().any(|&place| place >= axis.count) {
            return None;
        }
        axis.places = Some((0..axis.count).map(|at| places[axis.place(at)]).collect());
        Some(arranged.into())
    }

    /// A description in which the dimensions of the result are these.
    fn arranged(&self, dims: &[usize]) -> Option<Arranged> {
        let kept: Vec<usize> = dims.iter().copied().filter(|&dim| dim != 1).collect();
        match self {
            Self::Arranged(arranged) => {
                let is_same = arranged.dims().eq(kept);
                is_same.then(|| Arranged::clone(arranged))
            }
            _ => {
                let order = (0..kept.len()).collect();
                let axes = kept.into_iter().map(|count| Axis { count, places: None }).collect();
                Some(Arranged { of: self.clone(), axes, order })
            }
        }
    }
}

impl From<Arranged> for Data {
    fn from(arranged: Arranged) -> Self {
        let is_sorted = arranged.order.is_sorted();
        match is_sorted && arranged.axes.iter().all(|axis| axis.places.is_none()) {
            true => arranged.of,
            false => Self::Arranged(Arc::new(arranged)),
        }
    }
}

impl Arranged {
    fn dims(&self) -> impl Iterator<Item = usize> {
        self.order.iter().map(|&at| self.axes[at].count)
    }

    /// How far apart neighbours along each axis are in the result.
    fn steps(&self) -> Vec<usize> {
        let mut steps = vec![0; self.axes.len()];
        let mut step = 1;
        for &at in self.order.iter().rev() {
            steps[at] = step;
            step *= self.axes[at].count;
        }
        steps
    }

    /// The values. They are read in their own order, some rows at a time, and put where they belong.
    fn floats(&self) -> Option<Vec<f32>> {
        let len: usize = self.dims().product();
        let steps = self.steps();
        let (Some((inner, outer)), Some(&step)) = (self.axes.split_last(), steps.last()) else {
            return self.of.floats(len);
        };
        if len == 0 || !self.of.is_there() {
            return (len == 0).then(Vec::new);
        }
        let mut result = vec![0.0; len];
        let mut values = Vec::new();
        for rows in parts(0..len / inner.count, (AT_ONCE / inner.count).max(1)) {
            let starts: Vec<usize> = rows.clone().map(|row| start_of(row, outer, &steps)).collect();
            // Either a part of one row, or whole rows.
            for columns in parts(0..inner.count, AT_ONCE) {
                let from = rows.start * inner.count + columns.start;
                let to = (rows.end - 1) * inner.count + columns.end;
                values.clear();
                self.of.read(from..to, &mut values)?;
                for block in parts(columns.clone(), BLOCK) {
                    let first = block.start - columns.start;
                    for (start, row) in starts.iter().zip(values.chunks(columns.len())) {
                        for (column, value) in block.clone().zip(&row[first..]) {
                            result[start + inner.place(column) * step] = *value;
                        }
                    }
                }
            }
        }
        Some(result)
    }
}

/// Where a row is in the result, by its number.
fn start_of(row: usize, outer: &[Axis], steps: &[usize]) -> usize {
    let mut rest = row;
    let place = |(axis, step): (&Axis, &usize)| {
        let at = rest % axis.count;
        rest /= axis.count;
        axis.place(at) * step
    };
    outer.iter().zip(steps).rev().map(place).sum()
}

/// A range in parts of so many.
fn parts(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(size).map(move |from| from..end.min(from.saturating_add(size)))
}

/// Appends little-endian values as single-precision numbers.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "weights are single precision"
)]
fn decode(kind: DataType, bytes: &[u8], values: &mut Vec<f32>) {
    match kind {
        DataType::Float => {
            values.extend(bytes.as_chunks().0.iter().map(|&x| f32::from_le_bytes(x)))
        }
        DataType::Double => {
            values.extend(bytes.as_chunks().0.iter().map(|&x| f64::from_le_bytes(x) as f32));
        }
        DataType::Float16 => {
            values.extend(bytes.as_chunks().0.iter().map(|&x| f16::from_le_bytes(x).to_f32()));
        }
        DataType::Bfloat16 => {
            values.extend(bytes.as_chunks().0.iter().map(|&x| bf16::from_le_bytes(x).to_f32()));
        }
        DataType::Uint8
        | DataType::Int8
        | DataType::Bool
        | DataType::Uint16
        | DataType::Int16
        | DataType::Int32
        | DataType::Uint32
        | DataType::Int64
        | DataType::Uint64 => {
            let whole = whole_numbers(kind, bytes).unwrap_or_default();
            values.extend(whole.into_iter().map(|value| value as f32));
        }
        DataType::Undefined => {}
    }
}

/// Little-endian integers; `None` of other types, or where one is too large.
fn whole_numbers(kind: DataType, bytes: &[u8]) -> Option<Vec<i64>> {
    match kind {
        DataType::Int64 => {
            Some(bytes.as_chunks().0.iter().map(|&i| i64::from_le_bytes(i)).collect())
        }
        DataType::Int32 => {
            Some(bytes.as_chunks().0.iter().map(|&i| i32::from_le_bytes(i).into()).collect())
        }
        DataType::Int16 => {
            Some(bytes.as_chunks().0.iter().map(|&i| i16::from_le_bytes(i).into()).collect())
        }
        DataType::Uint16 => {
            Some(bytes.as_chunks().0.iter().map(|&i| u16::from_le_bytes(i).into()).collect())
        }
        DataType::Uint32 => {
            Some(bytes.as_chunks().0.iter().map(|&i| u32::from_le_bytes(i).into()).collect())
        }
        DataType::Uint64 => {
            bytes.as_chunks().0.iter().map(|&i| i64::try_from(u64::from_le_bytes(i)).ok()).collect()
        }
        DataType::Int8 => Some(bytes.iter().map(|&i| i8::from_le_bytes([i]).into()).collect()),
        DataType::Uint8 | DataType::Bool => Some(bytes.iter().map(|&i| i.into()).collect()),
        DataType::Undefined
        | DataType::Float
        | DataType::Float16
        | DataType::Bfloat16
        | DataType::Double => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a tensor in another order of dimensions, one after the other.
    fn permuted(values: &[f32], dims: &[usize], order: &[usize]) -> Vec<f32> {
        let to: Vec<usize> = order.iter().map(|&at| dims[at]).collect();
        let value = |index: usize| {
            let mut at = vec![0; dims.len()];
            let mut rest = index;
            for (&axis, &dim) in order.iter().zip(&to).rev() {
                at[axis] = rest % dim;
                rest /= dim;
            }
            values[at.iter().zip(dims).fold(0, |all, (&at, &dim)| all * dim + at)]
        };
        (0..values.len()).map(value).collect()
    }

    #[test]
    fn values_are_read_in_any_order() {
        for (dims, order) in [
            (&[3, 70_001][..], &[1, 0][..]),
            (&[2, 300_000], &[1, 0]),
            (&[70_001, 9], &[1, 0]),
            (&[5, 1, 6, 4], &[3, 2, 0, 1]),
            (&[7, 3, 1, 2], &[2, 0, 3, 1]),
            (&[1, 1], &[1, 0]),
            (&[0, 4], &[1, 0]),
        ] {
            let values: Vec<f32> = (0..dims.iter().product()).map(|at| at as f32).collect();
            let own = Data::Floats(values.clone().into());
            let turned = own.permuted(dims, order).unwrap();
            let expected = permuted(&values, dims, order);
            assert!(turned.floats(values.len()).unwrap() == expected, "{dims:?} {order:?}");
            // And back, which is no order of its own.
            let now: Vec<usize> = order.iter().map(|&at| dims[at]).collect();
            let back: Vec<usize> =
                (0..dims.len()).map(|at| order.iter().position(|&to| to == at).unwrap()).collect();
            let again = turned.permuted(&now, &back).unwrap();
            assert!(
                matches!(again, Data::Floats(_)) && again.floats(values.len()).unwrap() == values
            );
        }
    }

    #[test]
    fn positions_are_exchanged_before_and_after_a_transposition() {
        let values: Vec<f32> = (0..12).map(|at| at as f32).collect();
        let own = Data::Floats(values.clone().into());
        // Rows of three columns: the first goes to the end.
        let moved = own.moved(&[4, 3], &[2, 0, 1]).unwrap();
        let expected = [1, 2, 0, 4, 5, 3, 7, 8, 6, 10, 11, 9].map(|at| at as f32);
        assert_eq!(moved.floats(12).unwrap(), expected);
        let twice = moved.moved(&[4, 3], &[2, 0, 1]).unwrap();
        let expected = [2, 0, 1, 5, 3, 4, 8, 6, 7, 11, 9, 10].map(|at| at as f32);
        assert_eq!(twice.floats(12).unwrap(), expected);
        let turned = moved.permuted(&[4, 3], &[1, 0]).unwrap();
        assert_eq!(
            turned.floats(12).unwrap(),
            [1, 4, 7, 10, 2, 5, 8, 11, 0, 3, 6, 9].map(|at| at as f32)
        );
        let both = turned.moved(&[3, 4], &[3, 2, 1, 0]).unwrap();
        assert_eq!(
            both.floats(12).unwrap(),
            [10, 7, 4, 1, 11, 8, 5, 2, 9, 6, 3, 0].map(|at| at as f32)
        );
        // With other dimensions, only those of one position may come or go.
        assert!(turned.permuted(&[3, 1, 4, 1], &[2, 0, 1, 3]).is_some());
        assert!(turned.permuted(&[2, 6], &[1, 0]).is_none());
        assert!(own.moved(&[4, 3], &[0, 1]).is_none() && own.moved(&[4, 3], &[0, 1, 3]).is_none());
    }
}
