//! JSON of what several commands show.

use inceptive_cost::{ReceptiveField, Totals};
use inceptive_ir::{AttributeValue, Op, Shape, Size};
use inceptive_results::Metric;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::{Map, Value, json};

/// An object with long lists in it, whose items are made while they are written.
pub struct Document<'a> {
    /// The entries before those with lists.
    pub head: Map<String, Value>,
    /// The others, by name.
    pub parts: Vec<(&'static str, Part<'a>)>,
}

/// A part of a document that may be long.
pub enum Part<'a> {
    /// A list.
    List(List<'a>),
    /// An object that holds some.
    Object(Document<'a>),
}

/// A list whose items are made while it is written.
pub struct List<'a>(Box<Items<'a>>);

/// Hands out every item.
type Items<'a> = dyn Fn(&mut dyn FnMut(Value)) + 'a;

impl<'a> List<'a> {
    /// A list of what `object` makes of each part.
    pub fn of<T>(parts: impl AsRef<[T]> + 'a, object: impl Fn(&T) -> Value + 'a) -> Part<'a> {
        let items = move |item: &mut dyn FnMut(Value)| {
            parts.as_ref().iter().for_each(|part| item(object(part)));
        };
        Part::List(Self(Box::new(items)))
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::List(list) => list.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let mut written = Ok(());
        (self.0)(&mut |item| {
            if written.is_ok() {
                written = list.serialize_element(&item);
            }
        });
        written?;
        list.end()
    }
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in &self.head {
            map.serialize_entry(key, value)?;
        }
        for (key, part) in &self.parts {
            map.serialize_entry(key, part)?;
        }
        map.end()
    }
}

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

/// A receptive field; null where it is irregular or too large to be counted.
pub fn receptive_field(field: ReceptiveField) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("size".to_owned(), field.size.map_or(Value::Null, size));
    object.insert("stride".to_owned(), field.stride.map_or(Value::Null, size));
    object.insert("gated".to_owned(), json!(field.is_gated));
    object
}

/// An attribute's value.
pub fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Count(count) => json!(count),
        AttributeValue::Number(value) => number(*value),
        AttributeValue::Flag(flag) => json!(flag),
        AttributeValue::Size(value) => size(*value),
        AttributeValue::Padding(pad) => json!([pad.top, pad.left, pad.bottom, pad.right]),
        AttributeValue::Shape(value) => shape(*value),
        AttributeValue::Numbers(numbers) => numbers.iter().map(|&value| number(value)).collect(),
        AttributeValue::Word(word) => json!(word),
        AttributeValue::Text(text) => json!(text),
    }
}

/// The shortest decimal that reads back as the same `f32`: 0.001, not 0.0010000000474974513.
pub fn number(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or(Value::Null, |number| json!(number))
}

/// All attributes of an operator.
pub fn attributes(op: &Op) -> Value {
    let pairs = op.attributes();
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), attribute(value)))
        .collect::<Map<_, _>>()
        .into()
}

/// Counts, under the names that every document uses.
pub fn totals(totals: &Totals) -> Map<String, Value> {
    let count = |metric: Metric| Some((metric.id().to_owned(), json!(metric.total(totals)?)));
    Metric::costs().filter_map(count).collect()
}
