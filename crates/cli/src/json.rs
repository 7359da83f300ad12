//! JSON of what several commands show.

use inceptive_cost::{ReceptiveField, Totals};
use inceptive_ir::{AttributeValue, Node, Shape, Size};
use serde_json::{Map, Value, json};

/// A shape as a list: `[channels, height, width]` or `[features]`.
pub fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Map { channels, size } => json!([channels, size.height, size.width]),
        Shape::Vector { features } => json!([features]),
    }
}

/// A size as `[height, width]`.
pub fn size(size: Size) -> Value {
    json!([size.height, size.width])
}

/// A receptive field.
pub fn receptive_field(field: ReceptiveField) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("size".to_owned(), size(field.size));
    object.insert("stride".to_owned(), size(field.stride));
    object
}

/// An attribute's value.
pub fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Count(count) => json!(count),
        AttributeValue::Number(number) => number_of(*number),
        AttributeValue::Flag(flag) => json!(flag),
        AttributeValue::Size(value) => size(*value),
        AttributeValue::Padding(pad) => json!([pad.top, pad.left, pad.bottom, pad.right]),
        AttributeValue::Shape(value) => shape(*value),
        AttributeValue::Numbers(numbers) => {
            numbers.iter().map(|&number| number_of(number)).collect()
        }
        AttributeValue::Word(word) => json!(word),
    }
}

/// The shortest decimal that reads back as the same `f32`: 0.001, not 0.0010000000474974513.
fn number_of(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or(Value::Null, |number| json!(number))
}

/// All attributes of a node's operator.
pub fn attributes(node: &Node) -> Value {
    let pairs = node.op.attributes();
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), attribute(value)))
        .collect::<Map<_, _>>()
        .into()
}

/// Counts, under the names that every document uses.
pub fn totals(totals: &Totals) -> Map<String, Value> {
    let Totals {
        nodes,
        params,
        buffers,
        macs,
        flops,
        acts,
        weight_bytes,
        activation_bytes,
        moved_bytes,
    } = *totals;
    let pairs = [
        ("params", params),
        ("buffers", buffers),
        ("macs", macs),
        ("flops", flops),
        ("acts", acts),
        ("weight_bytes", weight_bytes),
        ("activation_bytes", activation_bytes),
        ("moved_bytes", moved_bytes),
        ("nodes", nodes),
    ];
    pairs.into_iter().map(|(name, count)| (name.to_owned(), json!(count))).collect()
}
