//! The integers of a quantised file.

use std::collections::HashMap;

use super::attribute::int;
use crate::proto::{DataType, GraphProto, NodeProto, TensorProto};

/// What is known of the integers of a quantised file.
#[derive(Debug, Default)]
pub(super) struct Integers {
    /// The element types of values that are integers of few bits, by name.
    types: HashMap<String, DataType>,
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
        for node in live {
            let Some(output) = node.output.first() else { continue };
            types.extend(result_type(node, &types).map(|kind| (output.clone(), kind)));
        }
        Self { types, ..Self::default() }
    }

    /// The element type of what a node reads at a position, if it is one of integers.
    pub(super) fn type_of(&self, node: &NodeProto, position: usize) -> Option<DataType> {
        self.types.get(node.input.get(position)?).copied()
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
