//! The input of a file: which it is, its size, and the order of its dimensions.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, VecDeque},
    fmt,
};

use inceptive_ir::{Shape, Size};

use super::{
    attribute::{find, int},
    error::{ImportError, short},
    layout::Layout,
    operator::is_standard,
    origin::element_name,
};
use crate::proto::{GraphProto, NodeProto, ValueInfoProto};

/// The size of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputSize {
    /// Channels, where the file leaves them open.
    pub channels: Option<u32>,
    /// Height and width.
    pub size: Size,
}

/// What a file leaves open of the size of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenSides {
    /// The height or the width of a map.
    Map,
    /// The length of a row.
    Row,
}

impl OpenSides {
    /// What it is, with sizes as people write them.
    pub(super) const fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::Map => ("height and width", "224x224"),
            Self::Row => ("length", "1x1000"),
        }
    }
}

/// The input of a network.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) batch: u64,
    pub(super) shape: Shape,
    /// The order of the values in the file.
    pub(super) layout: Layout,
    /// What the file leaves open of its size, if nothing says what it is.
    pub(super) guessed: Option<OpenSides>,
    /// What differs from the file.
    pub(super) remarks: Vec<String>,
}

/// Element types of images: fp32, fp16, fp64 and bf16, none where the file does not say, and whole numbers of 8 bits.
const READABLE: [i32; 6] = [0, 1, 2, 10, 11, 16];
const UINT8: i32 = 2;

/// The size that an image is taken to have so that a file can be looked through.
const GUESS: u32 = 224;

/// Maximum number of nodes behind the input that are looked at.
const MAX_LOOKED_AT: usize = 64;

impl Image {
    pub(super) fn new(
        input: &ValueInfoProto,
        file: &GraphProto,
        live: &[&NodeProto],
        wanted: Option<InputSize>,
    ) -> Result<Self, ImportError> {
        let tensor = input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
        let kind = tensor.map_or(0, |tensor| tensor.elem_type);
        let name = short(&input.name);
        if !READABLE.contains(&kind) {
            let kind = element_name(kind);
            return Err(ImportError::Input(format!(
                "the input `{name}` has the element type {kind}; it must be floating point or uint8"
            )));
        }
        let dims = tensor.and_then(|tensor| tensor.shape.as_ref());
        let dims: Vec<Option<u32>> = dims.map_or_else(Vec::new, |shape| {
            let size = |value: i64| u32::try_from(value).ok().filter(|&size| size > 0);
            shape.dim.iter().map(|dim| dim.dim_value.and_then(size)).collect()
        });
        let input = Input { name, dims: &dims, file, live, wanted, own_name: &input.name };
        let mut image = input.image()?;
        if kind == UINT8 {
            let remark = format!(
                "the input `{}` is uint8 in the file; here it takes the same numbers as float32",
                input.name
            );
            image.remarks.insert(0, remark);
        }
        Ok(image)
    }
}

/// The input of a file, and what may say which image it is.
struct Input<'f> {
    /// Its name in the file, and as it is shown.
    own_name: &'f str,
    name: Cow<'f, str>,
    /// Its dimensions; none where the file leaves them open.
    dims: &'f [Option<u32>],
    file: &'f GraphProto,
    live: &'f [&'f NodeProto],
    wanted: Option<InputSize>,
}

impl Input<'_> {
    fn image(&self) -> Result<Image, ImportError> {
        let is_row =
            || first_kernel(self.file, self.live).is_some_and(|(kernel, _)| kernel.len() == 3);
        match *self.dims {
            [batch, Some(features)] => {
                let (batch, shape) = (u64::from(batch.unwrap_or(1)), Shape::vector(features));
                let layout = Layout::of(shape, batch);
                Ok(Image { batch, shape, layout, guessed: None, remarks: vec![] })
            }
            [batch, a, b, c] => self.map(u64::from(batch.unwrap_or(1)), [a, b, c]),
            [batch, a, b] if is_row() => self.row(u64::from(batch.unwrap_or(1)), [a, b]),
            [Some(a), Some(b), Some(c)] if starts_with_batch_of_one(self.own_name, self.live) => {
                Ok(self.single(Shape::map(a, b, c)))
            }
            _ => Err(self.refused(
                "; it must be batch x channels x height x width, batch x channels x length, or batch x features",
            )),
        }
    }

    fn described(&self) -> String {
        format!("the input `{}` is {}", self.name, Dims(self.dims))
    }

    fn refused(&self, why: &str) -> ImportError {
        ImportError::Input(self.described() + why)
    }

    fn open_channels(&self, open: OpenSides) -> ImportError {
        ImportError::OpenChannels { input: self.described(), open }
    }

    /// The channels of the file, or those that were asked for where it leaves them open.
    fn channels(&self, own: Option<u32>) -> Result<Option<u32>, ImportError> {
        let wanted = self.wanted.and_then(|wanted| wanted.channels);
        match own.zip(wanted) {
            Some((own, wanted)) if own != wanted => {
                Err(self.refused(&format!(", and cannot have {wanted} channels")))
            }
            _ => Ok(own.or(wanted)),
        }
    }

    /// A map, with the channels before or behind its sides.
    fn map(&self, batch: u64, [a, b, c]: [Option<u32>; 3]) -> Result<Image, ImportError> {
        let is_last = is_channels_last(self.own_name, self.live);
        let [channels, height, width] = if is_last { [c, a, b] } else { [a, b, c] };
        let channels = self.channels(channels)?;
        let channels = channels.or_else(|| first_channels(self.file, self.live));
        let channels = channels.ok_or_else(|| self.open_channels(OpenSides::Map))?;
        let size = self.wanted.map(|wanted| wanted.size);
        if let Some(size) = size
            && (height.is_some_and(|height| height != size.height)
                || width.is_some_and(|width| width != size.width))
        {
            return Err(self.refused(&format!(", and cannot be {size}")));
        }
        let is_open = size.is_none() && (height.is_none() || width.is_none());
        let known = size.unwrap_or_else(|| {
            let other = height.or(width).unwrap_or(GUESS);
            Size::new(height.unwrap_or(other), width.unwrap_or(other))
        });
        let shape = Shape::Map { channels, size: known };
        let own = Layout::of(shape, batch);
        let layout = if is_last { own.permuted(&[0, 2, 3, 1]) } else { None };
        let remark = layout.is_some().then(|| {
            format!(
                "the input `{}` is batch x height x width x channels in the file, and batch x channels x height x width here",
                self.name
            )
        });
        Ok(Image {
            batch,
            shape,
            layout: layout.unwrap_or(own),
            guessed: is_open.then_some(OpenSides::Map),
            remarks: remark.into_iter().collect(),
        })
    }

    /// A row, which is a map of height 1, with the channels before or behind its length.
    fn row(&self, batch: u64, [a, b]: [Option<u32>; 2]) -> Result<Image, ImportError> {
        let is_last = is_channels_last(self.own_name, self.live);
        let (channels, length) = if is_last { (b, a) } else { (a, b) };
        let given = self.wanted.map(|wanted| wanted.size.width);
        let channels = self.channels(channels)?;
        let channels = channels.or_else(|| read_channels(self.file, self.live));
        if length.zip(given).is_some_and(|(length, given)| length != given) {
            return Err(self.refused(", and cannot have another length"));
        }
        let channels = channels.ok_or_else(|| self.open_channels(OpenSides::Row))?;
        let known = length.or(given);
        let shape = Shape::map(channels, 1, known.unwrap_or(GUESS));
        let own = Layout::of(shape, batch);
        let (order, names): (&[usize], &str) = match is_last {
            true => (&[0, 2, 1], "batch x length x channels"),
            false => (&[0, 1, 2], "batch x channels x length"),
        };
        let layout = own.without(2).and_then(|row| row.permuted(order));
        let remark = format!(
            "the input `{}` is {names} in the file, and batch x channels x 1 x length here",
            self.name
        );
        Ok(Image {
            batch,
            shape,
            layout: layout.unwrap_or(own),
            guessed: known.is_none().then_some(OpenSides::Row),
            remarks: vec![remark],
        })
    }

    /// One map without a batch.
    fn single(&self, shape: Shape) -> Image {
        let own = Layout::of(shape, 1);
        let remark = format!(
            "the input `{}` is channels x height x width in the file, and batch x channels x height x width here",
            self.name
        );
        let layout = own.without(0).unwrap_or(own);
        Image { batch: 1, shape, layout, guessed: None, remarks: vec![remark] }
    }
}

/// The nodes that read each value.
fn readers<'a>(live: &[&'a NodeProto]) -> HashMap<&'a str, Vec<&'a NodeProto>> {
    let mut readers: HashMap<&str, Vec<&NodeProto>> = HashMap::new();
    for &node in live {
        for name in &node.input {
            readers.entry(name).or_default().push(node);
        }
    }
    readers
}

/// Whether an input whose channels are moved to the end is worked on channel by channel there, as a normalisation of
/// channels last is. One that a convolution reads then has its sides at the start instead.
pub(super) fn is_worked_on_last(input: &str, live: &[&NodeProto]) -> bool {
    let readers = readers(live);
    let is_turned = |node: &&&NodeProto| {
        let order = find(node, "perm").map(|order| order.ints.as_slice());
        node.op_type == "Transpose" && order == Some(&[0, 2, 3, 1])
    };
    let turned = readers.get(input).into_iter().flatten().find(is_turned);
    let outputs = turned.into_iter().flat_map(|node| &node.output);
    let mut next = outputs.filter_map(|output| readers.get(output.as_str())).flatten().peekable();
    next.peek().is_some()
        && next.all(|node| {
            matches!(node.op_type.as_str(), "LayerNormalization" | "MatMul" | "ReduceMean" | "Sub")
        })
}

/// Whether the first thing that moves the dimensions of an input makes the last one the channels.
fn is_channels_last(input: &str, live: &[&NodeProto]) -> bool {
    let readers = readers(live);
    let mut seen = HashSet::from([input]);
    let mut waiting = VecDeque::from([input]);
    while let Some(name) = waiting.pop_front() {
        for node in readers.get(name).into_iter().flatten() {
            if node.op_type == "Transpose" {
                let order = find(node, "perm").map(|order| order.ints.as_slice());
                if matches!(order, Some([0, 3, 1, 2] | [0, 2, 1])) {
                    return true;
                }
                continue;
            }
            let is_elementwise = is_standard(&node.domain)
                && matches!(
                    node.op_type.as_str(),
                    "Cast"
                        | "Sub"
                        | "Add"
                        | "Mul"
                        | "Div"
                        | "Identity"
                        | "QuantizeLinear"
                        | "DequantizeLinear"
                        | "Clip"
                        | "Neg"
                        | "Pad"
                );
            if let Some(output) = node.output.first().filter(|_| is_elementwise)
                && seen.len() < MAX_LOOKED_AT
                && seen.insert(output)
            {
                waiting.push_back(output);
            }
        }
    }
    false
}

/// Whether what reads an input of three dimensions puts one before them.
fn starts_with_batch_of_one(input: &str, live: &[&NodeProto]) -> bool {
    let mut readers = live.iter().filter(|node| node.input.iter().any(|name| name == input));
    readers.clone().next().is_some() && readers.all(|node| node.op_type == "Unsqueeze")
}

/// The dimensions of the first convolution's kernel, and its groups.
fn first_kernel<'a>(file: &'a GraphProto, live: &[&NodeProto]) -> Option<(&'a [i64], i64)> {
    let conv = live.iter().find(|node| node.op_type == "Conv")?;
    let weight = conv.input.get(1)?;
    let kernel = file.initializer.iter().find(|tensor| tensor.name == *weight)?;
    Some((&kernel.dims, int(conv, "group").unwrap_or(1)))
}

/// The channels that the first convolution reads.
fn read_channels(file: &GraphProto, live: &[&NodeProto]) -> Option<u32> {
    let (kernel, groups) = first_kernel(file, live)?;
    u32::try_from(kernel.get(1)?.checked_mul(groups)?).ok().filter(|&channels| channels > 0)
}

/// The channels that the first convolution reads, if images have so many.
fn first_channels(file: &GraphProto, live: &[&NodeProto]) -> Option<u32> {
    read_channels(file, live).filter(|channels| matches!(channels, 1 | 3 | 4))
}

/// Dimensions as `? x 3 x 224 x 224`.
pub(super) struct Dims<'a>(pub(super) &'a [Option<u32>]);

impl fmt::Display for Dims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("of unknown shape");
        }
        if self.0.len() > 8 {
            return write!(f, "of {} dimensions", self.0.len());
        }
        let dims: Vec<String> = self
            .0
            .iter()
            .map(|dim| dim.map_or_else(|| "?".to_owned(), |dim| dim.to_string()))
            .collect();
        f.write_str(&dims.join(" x "))
    }
}
