//! A model without the values of its large tensors, which stay where they are.
//!
//! The fields of a file are copied one by one, in pieces of a window; a tensor whose values are one long field gets the
//! place of this field instead. So the memory that reading takes does not grow with the weights.

use std::{io, ops::Range};

use prost::{bytes::Bytes, encoding::encode_varint};

use super::source::Source;

/// Values that take fewer bytes are copied.
const LARGE: u64 = 1 << 12;

/// Bytes that are read at once.
const WINDOW: u64 = 1 << 16;

/// Bytes of a length that is written before the content is known: a number may have leading zeros.
const LENGTH_BYTES: usize = 5;

/// Fields of a tensor with values that are as long in the file as in memory: `float_data`, `raw_data` and `double_data`.
const VALUES: [u64; 3] = [4, 9, 10];

/// Fields of a tensor that say where its values are: the start, the end, and the field. They are our own; those of a file
/// are dropped.
const PLACE: Range<u64> = 1001..1004;

/// Why there is no outline.
#[derive(Debug)]
pub enum OutlineError {
    /// The bytes are no protocol buffer.
    Broken,
    /// They are the start of a model.
    CutOff,
    /// They cannot be read.
    Read(io::Error),
}

/// A message of the format that holds tensors, or is in one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Function,
    Graph,
    Node,
    Attribute,
    Tensor,
}

impl Message {
    /// The message type of a field; `None` where it is copied as it is.
    const fn inner(self, field: u64) -> Option<Self> {
        Some(match (self, field) {
            (Self::Model, 7) => Self::Graph,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            (Self::Graph, 5) | (Self::Attribute, 5) => Self::Tensor,
            _ => return None,
        })
    }
}

/// The model as bytes, in which large tensors have places instead of values.
///
/// # Errors
/// When the bytes are no protocol buffer, or cannot be read.
pub fn outline(source: &dyn Source) -> Result<Vec<u8>, OutlineError> {
    let end = source.bytes();
    let mut reader = Reader { source, at: 0, window: Bytes::new(), start: 0 };
    let mut out = Vec::new();
    match reader.message(Message::Model, end, &mut out) {
        Err(OutlineError::Broken) if reader.ends_in_a_field(end)? => Err(OutlineError::CutOff),
        read => read.map(|()| out),
    }
}

/// The wire type of a field of a model, by its number.
const fn wire_type(field: u64) -> Option<u64> {
    match field {
        1 | 5 => Some(0),
        2..=4 | 6..=8 | 14 | 20 | 25 | 26 => Some(2),
        _ => None,
    }
}

/// A field of a message: its number, where it starts, and its bytes if it has a length.
struct Field {
    tag: u64,
    start: u64,
    content: Option<Range<u64>>,
}

impl Field {
    const fn number(&self) -> u64 {
        self.tag >> 3
    }

    /// Bytes of the values that the field holds.
    fn bytes(&self) -> u64 {
        self.content.as_ref().map_or(0, |content| content.end - content.start)
    }
}

/// What encloses the fields of a group.
const START_GROUP: u64 = 3;
const END_GROUP: u64 = 4;

/// Reads fields one after the other.
struct Reader<'a> {
    source: &'a dyn Source,
    at: u64,
    window: Bytes,
    /// Where the window starts.
    start: u64,
}

impl Reader<'_> {
    fn read(&self, range: Range<u64>) -> Result<Bytes, OutlineError> {
        self.source.read(range).map_err(OutlineError::Read)
    }

    fn byte(&mut self, end: u64) -> Result<u8, OutlineError> {
        if self.at >= end {
            return Err(OutlineError::Broken);
        }
        let place = |at: u64, start: u64| usize::try_from(at.checked_sub(start)?).ok();
        let known = |reader: &Self| reader.window.get(place(reader.at, reader.start)?).copied();
        let byte = match known(self) {
            Some(byte) => byte,
            None => {
                self.start = self.at;
                self.window = self.read(self.at..self.source.bytes().min(self.at + WINDOW))?;
                known(self).ok_or(OutlineError::Broken)?
            }
        };
        self.at += 1;
        Ok(byte)
    }

    fn number(&mut self, end: u64) -> Result<u64, OutlineError> {
        let mut value = 0;
        for position in 0..10 {
            let byte = self.byte(end)?;
            value |= u64::from(byte & 0x7f) << (7 * position);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(OutlineError::Broken)
    }

    fn skip(&mut self, bytes: u64, end: u64) -> Result<Range<u64>, OutlineError> {
        let from = self.at;
        self.at = from.checked_add(bytes).filter(|&to| to <= end).ok_or(OutlineError::Broken)?;
        Ok(from..self.at)
    }

    /// Whether the bytes are fields of a model, the first its version, up to one that is longer than what is left.
    fn ends_in_a_field(&mut self, end: u64) -> Result<bool, OutlineError> {
        self.at = 0;
        let mut is_first = true;
        while self.at < end {
            let tag = match self.number(end) {
                Err(OutlineError::Broken) => return Ok(!is_first && self.at == end),
                tag => tag?,
            };
            if wire_type(tag >> 3) != Some(tag & 7) || is_first && tag >> 3 != 1 {
                return Ok(false);
            }
            match self.value(tag, end) {
                Err(OutlineError::Broken) => return Ok(!is_first),
                value => value?,
            };
            is_first = false;
        }
        Ok(false)
    }

    /// The field that starts here, and goes on after it.
    fn field(&mut self, end: u64) -> Result<Field, OutlineError> {
        let start = self.at;
        let tag = self.number(end)?;
        let mut content = self.value(tag, end)?;
        if tag & 7 == START_GROUP {
            let mut depth = 1_usize;
            while depth > 0 {
                let inner = self.number(end)?;
                match inner & 7 {
                    START_GROUP => depth += 1,
                    END_GROUP => depth -= 1,
                    _ => {
                        self.value(inner, end)?;
                    }
                }
            }
            content = None;
        }
        Ok(Field { tag, start, content })
    }

    /// Goes on after a value; its bytes if it has a length.
    fn value(&mut self, tag: u64, end: u64) -> Result<Option<Range<u64>>, OutlineError> {
        match tag & 7 {
            0 => self.number(end).map(|_| None),
            1 => self.skip(8, end).map(|_| None),
            2 => {
                let length = self.number(end)?;
                self.skip(length, end).map(Some)
            }
            START_GROUP => Ok(None),
            5 => self.skip(4, end).map(|_| None),
            _ => Err(OutlineError::Broken),
        }
    }

    /// Copies a part as it is.
    fn copy(&self, range: Range<u64>, out: &mut Vec<u8>) -> Result<(), OutlineError> {
        let place = |at: u64| usize::try_from(at.checked_sub(self.start)?).ok();
        let known = place(range.start).zip(place(range.end));
        if let Some(bytes) = known.and_then(|(from, to)| self.window.get(from..to)) {
            out.extend_from_slice(bytes);
            return Ok(());
        }
        let mut from = range.start;
        while from < range.end {
            let to = range.end.min(from + WINDOW);
            out.extend_from_slice(&self.read(from..to)?);
            from = to;
        }
        Ok(())
    }

    fn message(&mut self, kind: Message, end: u64, out: &mut Vec<u8>) -> Result<(), OutlineError> {
        if kind == Message::Tensor {
            return self.tensor(end, out);
        }
        while self.at < end {
            let field = self.field(end)?;
            match kind.inner(field.number()).zip(field.content.clone()) {
                None => self.copy(field.start..self.at, out)?,
                Some((inner, content)) => {
                    encode_varint(field.tag, out);
                    let length = out.len();
                    out.extend([0; LENGTH_BYTES]);
                    self.at = content.start;
                    self.message(inner, content.end, out)?;
                    set_length(out, length);
                }
            }
        }
        Ok(())
    }

    /// A tensor, with the place of its values if they are one large field.
    fn tensor(&mut self, end: u64, out: &mut Vec<u8>) -> Result<(), OutlineError> {
        let start = self.at;
        let (mut fields, mut large) = (0_usize, None);
        while self.at < end {
            let field = self.field(end)?;
            if VALUES.contains(&field.number()) {
                fields += 1;
                large = Some(field).filter(|field| field.bytes() >= LARGE);
            }
        }
        let large = large.filter(|_| fields == 1);
        self.at = start;
        while self.at < end {
            let field = self.field(end)?;
            let is_moved = large.as_ref().is_some_and(|large| large.start == field.start);
            if !is_moved && !PLACE.contains(&field.number()) {
                self.copy(field.start..self.at, out)?;
            }
        }
        if let Some(Field { tag, content: Some(content), .. }) = large {
            for (field, value) in PLACE.zip([content.start, content.end, tag >> 3]) {
                encode_varint(field << 3, out);
                encode_varint(value, out);
            }
        }
        Ok(())
    }
}

/// Writes the length of what follows a place where room was left for it.
fn set_length(out: &mut [u8], place: usize) {
    let mut length = out.len() - place - LENGTH_BYTES;
    for byte in &mut out[place..place + LENGTH_BYTES] {
        *byte = 0x80 | u8::try_from(length & 0x7f).unwrap_or(0);
        length >>= 7;
    }
    out[place + LENGTH_BYTES - 1] &= 0x7f;
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::proto::{
        AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto,
    };

    fn outlined(bytes: Vec<u8>) -> Result<ModelProto, OutlineError> {
        let outline = outline(&Bytes::from(bytes))?;
        ModelProto::decode(outline.as_slice()).map_err(|_| OutlineError::Broken)
    }

    fn tensor(bytes: usize) -> TensorProto {
        TensorProto {
            name: format!("t{bytes}"),
            raw_data: vec![7; bytes].into(),
            dims: vec![1, 2],
            data_type: 1,
            ..TensorProto::default()
        }
    }

    /// A model with tensors in every place.
    fn model(tensor: &TensorProto) -> ModelProto {
        let attribute = AttributeProto {
            name: "value".to_owned(),
            t: Some(tensor.clone()),
            ..AttributeProto::default()
        };
        let node = NodeProto { attribute: vec![attribute], ..NodeProto::default() };
        ModelProto {
            producer_name: "somebody".to_owned(),
            graph: Some(GraphProto {
                node: vec![node.clone()],
                initializer: vec![tensor.clone(), self::tensor(3)],
                ..GraphProto::default()
            }),
            functions: vec![FunctionProto { node: vec![node], ..FunctionProto::default() }],
            ..ModelProto::default()
        }
    }

    /// Every tensor of the model.
    fn tensors(model: &mut ModelProto) -> Vec<&mut TensorProto> {
        let graph = model.graph.as_mut().unwrap();
        let nodes = graph.node.iter_mut().chain(&mut model.functions[0].node);
        let inner = nodes.flat_map(|node| node.attribute[0].t.as_mut());
        inner.chain(&mut graph.initializer).collect()
    }

    #[test]
    fn only_large_values_are_replaced_by_their_places() {
        for bytes in [0, 100, usize::try_from(LARGE).unwrap(), 300_000] {
            let original = model(&tensor(bytes));
            let encoded = original.encode_to_vec();
            let mut read = outlined(encoded.clone()).unwrap();
            let mut moved = 0;
            for tensor in tensors(&mut read) {
                if let Some(place) = tensor.place() {
                    assert_eq!((tensor.values_field, tensor.raw_data.len()), (Some(9), 0));
                    let place =
                        usize::try_from(place.start).unwrap()..usize::try_from(place.end).unwrap();
                    tensor.raw_data = encoded[place].to_vec().into();
                    (tensor.values_start, tensor.values_end, tensor.values_field) =
                        (None, None, None);
                    moved += 1;
                }
            }
            assert_eq!(moved, if bytes >= 4096 { 3 } else { 0 }, "{bytes}");
            assert_eq!(read, original);
        }
    }

    #[test]
    fn places_that_a_file_names_are_dropped() {
        let forged = TensorProto {
            values_start: Some(0),
            values_end: Some(1 << 40),
            values_field: Some(9),
            ..tensor(8)
        };
        let mut read = outlined(model(&forged).encode_to_vec()).unwrap();
        assert!(tensors(&mut read).into_iter().all(|tensor| tensor.place().is_none()));
    }

    #[test]
    fn values_in_several_fields_stay() {
        let floats = |count| TensorProto { float_data: vec![0.5; count], ..tensor(0) };
        let both = TensorProto { raw_data: vec![1; 5000].into(), ..floats(5000) };
        for (tensor, expected) in [(floats(10), None), (floats(2000), Some(4)), (both, None)] {
            let mut read = outlined(model(&tensor).encode_to_vec()).unwrap();
            let found: Vec<Option<u32>> =
                tensors(&mut read).iter().map(|tensor| tensor.values_field).collect();
            assert_eq!(found, [expected, expected, expected, None]);
        }
    }

    #[test]
    fn broken_bytes_have_no_outline() {
        let whole = model(&tensor(10_000)).encode_to_vec();
        for cut in [1, 20, whole.len() / 2, whole.len() - 1] {
            assert!(matches!(outlined(whole[..cut].to_vec()), Err(OutlineError::Broken)), "{cut}");
        }
        for bytes in [&[0x3a][..], &[0x3a, 0xff], &[0xff; 20], &[0x3a, 2, 0x0a, 9], &[7], &[0x3b]] {
            assert!(matches!(outlined(bytes.to_vec()), Err(OutlineError::Broken)), "{bytes:?}");
        }
    }

    #[test]
    fn a_source_that_cannot_be_read_is_no_broken_file() {
        #[derive(Debug)]
        struct Short(Bytes);

        impl Source for Short {
            fn bytes(&self) -> u64 {
                self.0.len() as u64 + 1000
            }

            fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
                self.0.read(range)
            }
        }
        let bytes = model(&tensor(200_000)).encode_to_vec();
        assert!(matches!(outline(&Short(bytes.into())), Err(OutlineError::Read(_))));
    }
}
