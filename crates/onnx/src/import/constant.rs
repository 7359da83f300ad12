//! Constants of a file, and the few operators that exporters compute them with.

use std::{ops::Range, sync::Arc};

use half::{bf16, f16};

use crate::proto::{DataType, EXTERNAL, TensorProto};

use super::{
    error::UnsupportedOp,
    origin::element_name,
    source::Stored,
    values::{Beside, Data},
};

/// The longest vector of integers that is computed with: shapes, axes, pads.
const MAX_INTS: usize = 1 << 16;

/// Maximum number of values of a constant that a file gives as one number and a shape: as many as fit into a file,
/// which is limited to 2 GiB.
const MAX_SPLAT: usize = 1 << 29;

/// What the values of a constant are, as far as casts and arithmetic depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// Numbers of a floating-point type.
    Float,
    Int32,
    Int64,
    /// 0 and 1.
    Bool,
}

impl Element {
    /// An element type of the file.
    pub fn new(data_type: i64) -> Result<Self, UnsupportedOp> {
        match data_type {
            1 | 10 | 11 | 16 => Ok(Self::Float),
            6 => Ok(Self::Int32),
            7 => Ok(Self::Int64),
            9 => Ok(Self::Bool),
            _ => {
                let name = i32::try_from(data_type).map(element_name);
                let name = name.unwrap_or_else(|_| format!("element type {data_type}"));
                Err(UnsupportedOp::because(&format!("to {name}")))
            }
        }
    }

    const fn of(kind: DataType) -> Self {
        match kind {
            DataType::Int32
            | DataType::Uint8
            | DataType::Int8
            | DataType::Uint16
            | DataType::Int16 => Self::Int32,
            DataType::Int64 | DataType::Uint32 | DataType::Uint64 => Self::Int64,
            DataType::Bool => Self::Bool,
            DataType::Undefined
            | DataType::Float
            | DataType::Float16
            | DataType::Bfloat16
            | DataType::Double => Self::Float,
        }
    }
}

/// Single precision has every integer below this.
const MAX_EXACT: f32 = 16_777_216.0;

/// A tensor whose values are known. Values stay where they are until they are asked for.
#[derive(Clone, Debug)]
pub struct Constant {
    /// Dimensions, outermost first.
    pub dims: Vec<usize>,
    data: Data,
    element: Element,
    /// Where it comes from, even if its dimensions were changed since.
    origin: Option<Origin>,
}

/// Which tensor the values of a constant are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// One with a name in the file.
    File(Arc<str>),
    /// The transpose of such a matrix.
    Transposed(Arc<str>),
    /// A computed one, by its number.
    Computed(usize),
}

impl Origin {
    /// The name of the tensor in the file.
    pub fn name(&self) -> Option<&Arc<str>> {
        match self {
            Self::File(name) | Self::Transposed(name) => Some(name),
            Self::Computed(_) => None,
        }
    }
}

impl Constant {
    /// Reads an initializer or an attribute of a model that is in `stored`.
    pub fn read(tensor: &TensorProto, stored: &Arc<Stored>) -> Result<Self, UnsupportedOp> {
        let broken = || UnsupportedOp::because("a tensor whose values do not fit its shape");
        let dims: Option<Vec<usize>> =
            tensor.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
        let dims = dims.ok_or_else(broken)?;
        let len = element_count(&dims).ok_or_else(broken)?;
        let kind = DataType::try_from(tensor.data_type).unwrap_or(DataType::Undefined);
        let unknown = || UnsupportedOp::because(&format!("of {}", element_name(tensor.data_type)));
        let width = kind.width().ok_or_else(unknown)?;
        let data = if tensor.data_location == EXTERNAL {
            let bytes = (len as u64).checked_mul(width as u64).ok_or_else(broken)?;
            let data = Data::Beside(kind, Arc::clone(stored), beside(tensor, bytes)?);
            return Ok(Self::computed(dims, data, Element::of(kind)));
        } else if let Some(place) = tensor.place() {
            // Numbers in a field of their own are written as raw ones are.
            let fits = match tensor.values_field {
                Some(4) => kind == DataType::Float,
                Some(10) => kind == DataType::Double,
                _ => true,
            };
            if !fits {
                return Err(broken());
            }
            Data::Stored(kind, Arc::clone(stored), place)
        } else if !tensor.raw_data.is_empty() {
            Data::Raw(kind, tensor.raw_data.clone())
        } else {
            match kind {
                DataType::Float => Data::Floats(tensor.float_data.clone().into()),
                DataType::Int64 => Data::Ints(tensor.int64_data.clone().into()),
                DataType::Int32
                | DataType::Uint8
                | DataType::Int8
                | DataType::Uint16
                | DataType::Int16
                | DataType::Bool => {
                    Data::Ints(tensor.int32_data.iter().map(|&i| i64::from(i)).collect())
                }
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bits")]
                DataType::Float16 => Data::Floats(
                    tensor.int32_data.iter().map(|&i| f16::from_bits(i as u16).to_f32()).collect(),
                ),
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bits")]
                DataType::Bfloat16 => Data::Floats(
                    tensor.int32_data.iter().map(|&i| bf16::from_bits(i as u16).to_f32()).collect(),
                ),
                #[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
                DataType::Double => {
                    Data::Floats(tensor.double_data.iter().map(|&x| x as f32).collect())
                }
                DataType::Undefined | DataType::Uint32 | DataType::Uint64 => {
                    return Err(broken());
                }
            }
        };
        let found = match &data {
            Data::Raw(_, bytes) => bytes.len() / width,
            Data::Stored(_, _, place) => {
                usize::try_from((place.end - place.start) / width as u64).unwrap_or(usize::MAX)
            }
            Data::Floats(values) => values.len(),
            Data::Ints(values) => values.len(),
            Data::Splat(_) | Data::Beside(..) | Data::Arranged(_) => len,
        };
        let element = Element::of(kind);
        if found == len { Ok(Self::computed(dims, data, element)) } else { Err(broken()) }
    }

    fn computed(dims: Vec<usize>, data: Data, element: Element) -> Self {
        Self { dims, data, element, origin: None }
    }

    /// What its values are.
    pub const fn element(&self) -> Element {
        self.element
    }

    /// The same values as another type. Those of floating-point types stay as they are; integers are computed where
    /// there are few of them and no type wraps around.
    pub fn cast(&self, to: Element) -> Result<Self, UnsupportedOp> {
        let stays = match to {
            Element::Float => true,
            Element::Int32 => self.element == Element::Int32 || self.element == Element::Bool,
            Element::Int64 => self.element != Element::Float,
            Element::Bool => self.element == Element::Bool,
        };
        if stays {
            return Ok(Self { element: to, ..self.clone() });
        }
        let whole = |value: f32| match to {
            Element::Bool => Some(f32::from(u8::from(value != 0.0))),
            _ => Some(value.trunc()).filter(|value| value.abs() < MAX_EXACT),
        };
        let refusal = || UnsupportedOp::because("of numbers to integers that may round or wrap");
        if let Data::Splat(value) = self.data {
            let data = Data::Splat(whole(value).ok_or_else(refusal)?);
            return Ok(Self::computed(self.dims.clone(), data, to));
        }
        let few = if self.len() > MAX_INTS { None } else { self.floats() };
        #[expect(clippy::cast_possible_truncation, reason = "whole numbers below 2^24")]
        let int = |value| whole(value).map(|value| value as i64);
        let ints: Option<Arc<[i64]>> = few.ok_or_else(refusal)?.into_iter().map(int).collect();
        Ok(Self::computed(self.dims.clone(), Data::Ints(ints.ok_or_else(refusal)?), to))
    }

    /// The same values under a name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.with_origin(Origin::File(name.into()))
    }

    /// The same values as another tensor.
    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// Which tensor it is; `None` for one without a name.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// A vector of integers.
    pub fn ints(values: &[i64]) -> Self {
        Self::computed(vec![values.len()], Data::Ints(values.into()), Element::Int64)
    }

    /// A single number.
    pub fn scalar(value: f32) -> Self {
        Self::computed(vec![], Data::Splat(value), Element::Float)
    }

    /// The same value everywhere.
    pub fn splat(value: f32, dims: &[i64], element: Element) -> Result<Self, UnsupportedOp> {
        let known = dims.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<Vec<_>>>();
        let dims = known.ok_or_else(|| UnsupportedOp::because("a shape with a size below 1"))?;
        match element_count(&dims) {
            Some(..=MAX_SPLAT) => Ok(Self::computed(dims, Data::Splat(value), element)),
            _ => Err(UnsupportedOp::because(&format!(
                "a constant with more than {MAX_SPLAT} values"
            ))),
        }
    }

    /// The same values in another shape.
    pub fn reshaped(&self, dims: Vec<usize>) -> Option<Self> {
        (element_count(&dims)? == self.len()).then(|| Self { dims, ..self.clone() })
    }

    /// The same values as a vector.
    #[must_use]
    pub fn flat(&self) -> Self {
        Self { dims: vec![self.len()], ..self.clone() }
    }

    /// A tensor of numbers, one for each position.
    pub fn tensor(dims: Vec<usize>, values: Vec<f32>) -> Option<Self> {
        (element_count(&dims)? == values.len())
            .then(|| Self::computed(dims, Data::Floats(values.into()), Element::Float))
    }

    /// A tensor of integers, one for each position.
    pub fn integers(dims: Vec<usize>, values: Vec<i64>, element: Element) -> Option<Self> {
        (element_count(&dims)? == values.len())
            .then(|| Self::computed(dims, Data::Ints(values.into()), element))
    }

    /// Numbers.
    pub fn vector(values: &[f32]) -> Self {
        Self::computed(vec![values.len()], Data::Floats(values.into()), Element::Float)
    }

    /// The same values with the dimensions in another order, which has each of them once. They are put into that order
    /// when they are read.
    pub fn permuted(&self, order: &[usize]) -> Option<Self> {
        let dims: Vec<usize> = order.iter().map(|&at| self.dims[at]).collect();
        if let Data::Splat(_) = self.data {
            return Some(Self { dims, origin: None, ..self.clone() });
        }
        let data = self.data.permuted(&self.dims, order)?;
        Some(Self::computed(dims, data, Element::Float))
    }

    /// The same values with the positions of the last dimension exchanged, each at its place.
    pub fn moved(&self, places: &[usize]) -> Option<Self> {
        let data = self.data.moved(&self.dims, places)?;
        Some(Self::computed(self.dims.clone(), data, Element::Float))
    }

    /// The values at some positions of the first dimension of more than one; `None` if they are not one after the other.
    pub fn part(&self, at: usize, positions: Range<usize>) -> Option<Self> {
        let inner: usize = self.dims[at + 1..].iter().product();
        let data = self.data.part(positions.start * inner..positions.end * inner)?;
        let mut dims = self.dims.clone();
        dims[at] = positions.len();
        Some(Self::computed(dims, data, self.element))
    }

    /// Whether its values can be read, as far as the length of a file beside the model says.
    pub fn is_there(&self) -> bool {
        self.data.is_there()
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        element_count(&self.dims).unwrap_or(0)
    }

    /// Whether it is computed as all zeros, as the absent bias in some exports.
    pub fn is_zero_splat(&self) -> bool {
        self.splatted() == Some(0.0)
    }

    /// The number that every value is, if the file gives it as one number.
    pub fn splatted(&self) -> Option<f32> {
        match self.data {
            Data::Splat(value) => Some(value),
            Data::Raw(..)
            | Data::Stored(..)
            | Data::Beside(..)
            | Data::Floats(_)
            | Data::Ints(_)
            | Data::Arranged(_) => None,
        }
    }

    /// The same number everywhere, in the shape of this one.
    #[must_use]
    pub fn filled(&self, value: f32) -> Self {
        Self::computed(self.dims.clone(), Data::Splat(value), Element::Float)
    }

    /// The values as single-precision numbers; `None` where they cannot be read.
    pub fn floats(&self) -> Option<Vec<f32>> {
        self.data.floats(self.len())
    }

    /// The values as integers, if it is a short vector of some.
    pub fn to_ints(&self) -> Option<Vec<i64>> {
        if self.len() > MAX_INTS || self.element == Element::Float {
            return None;
        }
        self.data.ints(self.len())
    }

    /// The value, if it is only one.
    pub fn to_scalar(&self) -> Option<f32> {
        if self.len() != 1 {
            return None;
        }
        self.floats()?.first().copied()
    }
}

/// The place of a tensor with this number of bytes in a file beside the model.
fn beside(tensor: &TensorProto, bytes: u64) -> Result<Beside, UnsupportedOp> {
    let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key);
    let number = |key: &str| entry(key).map(|entry| entry.value.parse::<u64>()).transpose();
    let unnamed = || UnsupportedOp::because("a tensor in an unnamed external file");
    let broken = || {
        UnsupportedOp::because(
            "a tensor whose place in an external file is no number, or too large",
        )
    };
    let location = entry("location").ok_or_else(unnamed)?.value.as_str().into();
    let start = number("offset").map_err(|_| broken())?.unwrap_or(0);
    let length = number("length").map_err(|_| broken())?;
    if length.is_some_and(|length| length != bytes) {
        return Err(UnsupportedOp::because("a tensor whose values do not fit its shape"));
    }
    let end = start.checked_add(bytes).filter(|&end| i64::try_from(end).is_ok());
    let range = start..end.ok_or_else(broken)?;
    Ok(Beside { location, range })
}

/// Number of elements, if it is one that a network can have.
fn element_count(dims: &[usize]) -> Option<usize> {
    let count = dims.iter().try_fold(1_usize, |count, &dim| count.checked_mul(dim))?;
    (count as u64 <= 1 << 40).then_some(count)
}
