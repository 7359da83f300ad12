//! Counts the content of a file before it is decoded: one byte of a hostile file can expand to hundreds of bytes in
//! memory.

use inceptive_ir::Graph;

use super::error::ImportError;

/// Maximum number of operators of a file. Many of them only compute shapes and constants, and do not become nodes.
pub const MOST_OPERATORS: usize = 4 * Graph::MAX_NODES;

/// Maximum number of fields of a file that are decoded: names, attributes, dimensions, and so on.
pub const MOST_FIELDS: usize = 40 * Graph::MAX_NODES;

/// A message of the format whose content is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Shape,
    Pair,
}

impl Message {
    /// The message type of a field; `None` for numbers, texts and skipped fields.
    const fn inner(self, field: u64) -> Option<Self> {
        match (self, field) {
            (Self::Model, 7) => Some(Self::Graph),
            (Self::Graph, 1) => Some(Self::Node),
            (Self::Graph, 5) | (Self::Attribute, 5) => Some(Self::Tensor),
            (Self::Graph, 11..=13) => Some(Self::Value),
            (Self::Node, 5) => Some(Self::Attribute),
            (Self::Model, 8 | 14) | (Self::Graph, 16) | (Self::Node, 9) | (Self::Tensor, 13) => {
                Some(Self::Pair)
            }
            (Self::Value, 2) => Some(Self::Type),
            (Self::Type, 1) => Some(Self::TensorType),
            (Self::TensorType, 2) => Some(Self::Shape),
            (Self::Shape, 1) => Some(Self::Pair),
            _ => None,
        }
    }
}

/// The counts so far.
#[derive(Default)]
struct Census {
    operators: usize,
    fields: usize,
}

/// Checks that a file stays within the limits. Bytes that are not a protocol buffer are left to the decoder.
///
/// # Errors
/// When it exceeds a limit.
pub fn check(bytes: &[u8]) -> Result<(), ImportError> {
    let mut census = Census::default();
    census.message(Message::Model, bytes);
    let counts =
        [("operators", census.operators, MOST_OPERATORS), ("fields", census.fields, MOST_FIELDS)];
    match counts.into_iter().find(|(_, found, limit)| found > limit) {
        None => Ok(()),
        Some((what, _, limit)) => Err(ImportError::TooMuch { what, limit }),
    }
}

impl Census {
    /// Counts a message; messages are at most seven deep. Stops where there is too much already.
    fn message(&mut self, kind: Message, mut rest: &[u8]) {
        while let Some(Field { number, content, after }) = next_field(rest) {
            rest = after;
            self.fields += 1;
            let inner = kind.inner(number);
            self.operators += usize::from(inner == Some(Message::Node));
            if self.fields > MOST_FIELDS || self.operators > MOST_OPERATORS {
                return;
            }
            if let (Some(inner), Some(content)) = (inner, content) {
                self.message(inner, content);
            }
        }
    }
}

/// A field of a message.
pub struct Field<'a> {
    pub number: u64,
    /// Its bytes, if it has a length.
    pub content: Option<&'a [u8]>,
    /// The bytes that follow it.
    pub after: &'a [u8],
}

/// The next field; none at the end of the message or where it is broken.
pub fn next_field(bytes: &[u8]) -> Option<Field<'_>> {
    let (tag, rest) = varint(bytes)?;
    let (content, after) = match tag & 7 {
        START_GROUP => (None, after_group(rest)?),
        _ => value(tag, rest)?,
    };
    Some(Field { number: tag >> 3, content, after })
}

/// The wire types that enclose the fields of a group. Nothing here is one, and the decoder skips them.
const START_GROUP: u64 = 3;
const END_GROUP: u64 = 4;

/// What follows a group, given what follows its start.
fn after_group(mut rest: &[u8]) -> Option<&[u8]> {
    let mut depth = 1_usize;
    while depth > 0 {
        let (tag, after) = varint(rest)?;
        rest = match tag & 7 {
            START_GROUP => {
                depth += 1;
                after
            }
            END_GROUP => {
                depth -= 1;
                after
            }
            _ => value(tag, after)?.1,
        };
    }
    Some(rest)
}

/// The bytes of a value if it has a length, and what follows it.
fn value(tag: u64, rest: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    Some(match tag & 7 {
        0 => (None, varint(rest)?.1),
        1 => (None, rest.get(8..)?),
        2 => {
            let (length, rest) = varint(rest)?;
            let length = usize::try_from(length).ok()?;
            (Some(rest.get(..length)?), rest.get(length..)?)
        }
        5 => (None, rest.get(4..)?),
        _ => return None,
    })
}

/// A variable-length integer (base 128, least significant digit first), and the bytes after it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (position, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(position).ok()?)?;
        if byte < 0x80 {
            return Some((value, &bytes[position + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::proto::{GraphProto, ModelProto, NodeProto};

    fn census(graph: GraphProto) -> Census {
        let model = ModelProto { graph: Some(graph), ..ModelProto::default() };
        let mut census = Census::default();
        census.message(Message::Model, &model.encode_to_vec());
        census
    }

    #[test]
    fn operators_and_fields_are_counted_in_the_bytes() {
        let node = NodeProto {
            input: vec!["a".to_owned(), String::new()],
            output: vec!["b".repeat(300)],
            ..NodeProto::default()
        };
        let counted = census(GraphProto { node: vec![node; 5], ..GraphProto::default() });
        // The graph, five nodes, three names in each.
        assert_eq!((counted.operators, counted.fields), (5, 1 + 5 + 15));
    }

    #[test]
    fn what_would_fill_the_memory_is_refused_before_it_is_decoded() {
        // Two bytes each: a graph with a million empty operators, and with five million empty names.
        for (tag, count, what) in [(0x0a, 1_000_000, "operators"), (0x6a, 5_000_000, "fields")] {
            let graph: Vec<u8> = [tag, 0].repeat(count);
            let mut bytes = vec![0x3a];
            prost::encoding::encode_varint(graph.len() as u64, &mut bytes);
            bytes.extend(graph);
            let error = check(&bytes).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn broken_bytes_end_the_count() {
        for bytes in [&[0x3a][..], &[0x3a, 0xff], &[0xff; 20], &[0x3a, 2, 0x0a, 9], &[7]] {
            assert!(check(bytes).is_ok());
        }
    }
}
