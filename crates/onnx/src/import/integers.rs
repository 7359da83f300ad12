//! The integers of a quantised file.

use std::collections::HashMap;

use super::attribute::int;
use crate::proto::{DataType, GraphProto, NodeProto, TensorProto};

/// Operators whose results have values of their input, in other places.
const MOVING: [&str; 17] = [
    "Concat",
    "DepthToSpace",
    "Dropout",
    "Expand",
    "Flatten",
    "Gather",
    "GatherND",
    "Identity",
    "MaxPool",
    "Reshape",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
];

/// The names of a scale and of a zero point, which may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rounding {
    pub(super) scale: String,
    pub(super) zero: String,
}

impl Rounding {
    /// A scale at a position, and the zero point behind it.
    pub(super) fn at(names: &[String], at: usize) -> Self {
        let name = |at: usize| names.get(at).cloned().unwrap_or_default();
        Self { scale: name(at), zero: name(at + 1) }
    }
}

/// What integers were rounded with; `None` if that is not known, or more than one.
type MadeWith = Option<Rounding>;

/// What is known of the integers of a quantised file.
#[derive(Debug, Default)]
pub(super) struct Integers {
    /// The element types of values that are integers of few bits, by name.
    types: HashMap<String, DataType>,
    /// What values were rounded with, by name.
    made_with: HashMap<String, MadeWith>,
    /// The activations that rounding to integers stood for: for each node that they read, whether they end at 6, and the
    /// activation.
    pub(super) activations: HashMap<(usize, bool), usize>,
    /// Whether rounding sets negative values of the input to 0.
    pub(super) clips_input: bool,
}

impl Integers {
    pub(super) fn new(file: &GraphProto, live: &[&NodeProto]) -> Self {
        let mut types = HashMap::new();
        for tensor in &file.initializer {
            types.extend(integer_type(tensor).map(|kind| (tensor.name.clone(), kind)));
        }
        let mut made_with = HashMap::new();
        for node in live {
            let Some(output) = node.output.first() else { continue };
            if let Some(made) = rounding_of(node, &made_with) {
                made_with.extend(node.output.iter().map(|name| (name.clone(), made.clone())));
            }
            types.extend(result_type(node, &types).map(|kind| (output.clone(), kind)));
        }
        Self { types, made_with, ..Self::default() }
    }

    /// The element type of what a node reads at a position, if it is one of integers.
    pub(super) fn type_of(&self, node: &NodeProto, position: usize) -> Option<DataType> {
        self.types.get(node.input.get(position)?).copied()
    }

    /// What the integers were rounded with that a node reads first; `None` if nothing rounded them: they are numbers.
    pub(super) fn made_with(&self, node: &NodeProto) -> Option<&MadeWith> {
        self.made_with.get(node.input.first()?)
    }

    /// The type of the integers that a node rounds to whose zero point is at a position.
    pub(super) fn rounded_type(&self, node: &NodeProto, zero: usize) -> Option<DataType> {
        rounded_type(node, zero, &self.types)
    }
}

/// The type of a tensor of integers that values may be rounded to.
fn integer_type(tensor: &TensorProto) -> Option<DataType> {
    let kind = DataType::try_from(tensor.data_type).ok()?;
    (limits(kind).is_some() || kind == DataType::Int32).then_some(kind)
}

fn rounded_type(
    node: &NodeProto,
    zero: usize,
    types: &HashMap<String, DataType>,
) -> Option<DataType> {
    match node.input.get(zero).filter(|name| !name.is_empty()) {
        Some(name) => types.get(name).copied(),
        None => match int(node, "output_dtype").filter(|&kind| kind != 0) {
            Some(kind) => DataType::try_from(i32::try_from(kind).ok()?).ok(),
            None => Some(DataType::Uint8),
        },
    }
}

/// What the results of a node were rounded with, if they are integers that something rounded to.
fn rounding_of(node: &NodeProto, made_with: &HashMap<String, MadeWith>) -> Option<MadeWith> {
    match node.op_type.as_str() {
        "QuantizeLinear" => Some(Some(Rounding::at(&node.input, 1))),
        "QLinearConv" => Some(Some(Rounding::at(&node.input, 6))),
        "DynamicQuantizeLinear" => Some(Some(Rounding::at(&node.output, 1))),
        "DequantizeLinear" | "ConvInteger" | "MatMulInteger" | "Cast" | "Shape" => None,
        op => {
            let mut known = node.input.iter().filter_map(|name| made_with.get(name));
            let first = known.next()?;
            let is_one = MOVING.contains(&op) && known.all(|other| other == first);
            Some(first.clone().filter(|_| is_one))
        }
    }
}

/// The type of the first result of a node, if it is one of integers.
fn result_type(node: &NodeProto, types: &HashMap<String, DataType>) -> Option<DataType> {
    match node.op_type.as_str() {
        "Constant" => integer_type(node.attribute.first()?.t.as_ref()?),
        "QuantizeLinear" => rounded_type(node, 2, types),
        "QLinearConv" => rounded_type(node, 7, types),
        "DynamicQuantizeLinear" => Some(DataType::Uint8),
        "Concat" | "Expand" | "Flatten" | "Gather" | "Identity" | "MaxPool" | "Reshape"
        | "Slice" | "Squeeze" | "Transpose" | "Unsqueeze" => {
            types.get(node.input.first()?).copied()
        }
        _ => None,
    }
}

/// The lowest and the highest number of a type that values are rounded to.
pub(super) const fn limits(kind: DataType) -> Option<(f32, f32)> {
    match kind {
        DataType::Int8 => Some((-128.0, 127.0)),
        DataType::Uint8 => Some((0.0, 255.0)),
        DataType::Int16 => Some((-32768.0, 32767.0)),
        DataType::Uint16 => Some((0.0, 65535.0)),
        DataType::Undefined
        | DataType::Float
        | DataType::Int32
        | DataType::Int64
        | DataType::Bool
        | DataType::Float16
        | DataType::Double
        | DataType::Uint32
        | DataType::Uint64
        | DataType::Bfloat16 => None,
    }
}

/// Bytes of the file that are numbers of 8 bits.
pub(super) fn quantised_bytes(file: &GraphProto) -> u64 {
    let bytes = |tensor: &TensorProto| {
        let kind = DataType::try_from(tensor.data_type).unwrap_or(DataType::Undefined);
        match kind {
            DataType::Int8 | DataType::Uint8 => {
                tensor.values_end?.checked_sub(tensor.values_start?)
            }
            _ => None,
        }
    };
    file.initializer.iter().filter_map(bytes).fold(0, u64::saturating_add)
}
