//! Attributes of ONNX's operators.

use inceptive_ir::{Padding, Size};

use crate::proto::{AttributeProto, AttributeType};

pub(super) fn size(size: Size) -> Vec<i64> {
    vec![i64::from(size.height), i64::from(size.width)]
}

pub(super) fn pads(padding: Padding) -> Vec<i64> {
    [padding.top, padding.left, padding.bottom, padding.right].map(i64::from).to_vec()
}

pub(super) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { i, ..attribute(name, AttributeType::Int) }
}

pub(super) fn ints(name: &str, ints: Vec<i64>) -> AttributeProto {
    AttributeProto { ints, ..attribute(name, AttributeType::Ints) }
}

pub(super) fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { f, ..attribute(name, AttributeType::Float) }
}

pub(super) fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: kind.into(), ..AttributeProto::default() }
}
