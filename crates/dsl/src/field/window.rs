//! Sizes and paddings of windows.

use std::borrow::Cow;

use inceptive_ir::{Padding, Size};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    code::Code,
    diagnostic::{Diagnostic, suggestion},
    scope::Reader,
    yaml::{Node, Value},
};

use super::{
    keys::{Field, schema},
    number::{Count, Index},
};

/// A height and a width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extent(pub(crate) Size);

schema!(
    Extent,
    "A side (`3`), a height and a width (`[1, 7]` or `1x7`), or an expression.",
    json_schema!({
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": "[$0-9]"},
            {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": ["integer", "string"]}}
        ]
    })
);

impl Field for Extent {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        if let Some([height, width]) = node.list() {
            let (height, width) = (Count::read(height, reader), Count::read(width, reader));
            return Some(Self(Size::new(height?.value, width?.value)));
        }
        if let Some((height, width)) = node.text().and_then(by) {
            let side = |text: &str| {
                let number = Value::Number(text.parse().unwrap_or(f64::NAN));
                Count::read(&Node { span: node.span, value: number }, reader)
            };
            let (height, width) = (side(height), side(width));
            return Some(Self(Size::new(height?.value, width?.value)));
        }
        match node.value {
            Value::Number(_) | Value::Text(_) => {
                Count::read(node, reader).map(|side| Self(Size::square(side.value)))
            }
            _ => {
                reader.wrong_type(node, "a side such as `3`, or height and width such as `[1, 7]`")
            }
        }
    }
}

/// The two numbers of `1x7`.
fn by(text: &str) -> Option<(&str, &str)> {
    let (height, width) = text.split_once('x')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(height) && is_number(width)).then_some((height, width))
}

/// Rows and columns that are added; there may be none, other than in an extent. `0x1` would be a hexadecimal number in YAML.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Added(pub(crate) Size);

schema!(
    Added,
    "A number of both rows and columns (`1`), rows and columns (`[1, 0]`), or an expression.",
    json_schema!({
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": "[$0-9]"},
            {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": ["integer", "string"]}}
        ]
    })
);

impl Field for Added {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        let index = |node: &Node| Index::read(node, reader).map(|index| index.0);
        if let Some([rows, columns]) = node.list() {
            let (height, width) = (index(rows), index(columns));
            return Some(Self(Size::new(height?, width?)));
        }
        match node.value {
            Value::Number(_) | Value::Text(_) => index(node).map(|side| Self(Size::square(side))),
            _ => reader.wrong_type(
                node,
                "a number of rows and columns such as `1`, or rows and columns such as `[1, 0]`",
            ),
        }
    }
}

/// The padding of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pad {
    /// `dilation * (kernel - 1) / 2` on every side, rounded down.
    Half,
    /// As TensorFlow's SAME: the output is the input over the stride, rounded up.
    Same,
    /// A given padding; `valid` is zero.
    By(Padding),
}

schema!(
    Pad,
    "`half` (kernel // 2 on every side), `same` (TensorFlow), `valid` (none), rows and columns, or `[top, left, bottom, right]`.",
    json_schema!({
        "anyOf": [
            {"enum": ["half", "same", "valid"]},
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": "\\$|^[0-9]+x[0-9]+$"},
            {"type": "array", "minItems": 2, "maxItems": 4, "items": {"type": ["integer", "string"]}}
        ]
    })
);

impl Field for Pad {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        let index = |node: &Node| Index::read(node, reader).map(|index| index.0);
        match node.list() {
            Some([rows, columns]) => {
                let (height, width) = (index(rows), index(columns));
                return Some(Self::By(Padding::symmetric(Size::new(height?, width?))));
            }
            Some([top, left, bottom, right]) => {
                let sides = (index(top), index(left), index(bottom), index(right));
                let (top, left, bottom, right) = (sides.0?, sides.1?, sides.2?, sides.3?);
                return Some(Self::By(Padding { top, left, bottom, right }));
            }
            _ => {}
        }
        match (&node.value, node.text()) {
            (_, Some("half")) => Some(Self::Half),
            (_, Some("same")) => Some(Self::Same),
            (_, Some("valid")) => Some(Self::By(Padding::NONE)),
            (_, Some(text)) if by(text).is_some() => {
                Extent::read(node, reader).map(|extent| Self::By(Padding::symmetric(extent.0)))
            }
            (_, Some(text)) if !text.contains('$') => {
                let known = ["half", "same", "valid"];
                let message = format!("`{text}` is not a padding");
                let unknown =
                    Diagnostic::new(Code::UnknownWord, message).at(node.span, "not known");
                reader.report(unknown.help(suggestion(text, "paddings", known)))
            }
            (Value::Number(_) | Value::Text(_), _) => {
                let side = index(node)?;
                Some(Self::By(Padding::symmetric(Size::square(side))))
            }
            _ => {
                reader.wrong_type(node, "`half`, `same`, `valid`, or a number of rows and columns")
            }
        }
    }
}

impl Pad {
    /// The padding of a window over an input of `input`.
    pub(crate) fn resolve(
        self,
        kernel: Size,
        stride: Size,
        dilation: Size,
        input: Size,
    ) -> Padding {
        let reach = |kernel: u32, dilation: u32| kernel.saturating_sub(1).saturating_mul(dilation);
        match self {
            Self::By(padding) => padding,
            Self::Half => Padding::symmetric(Size::new(
                reach(kernel.height, dilation.height) / 2,
                reach(kernel.width, dilation.width) / 2,
            )),
            Self::Same => {
                let total = |input: u32, stride: u32, reach: u32| {
                    let last = (input.div_ceil(stride).max(1) - 1).saturating_mul(stride);
                    last.saturating_add(reach).saturating_add(1).saturating_sub(input)
                };
                let rows =
                    total(input.height, stride.height, reach(kernel.height, dilation.height));
                let columns = total(input.width, stride.width, reach(kernel.width, dilation.width));
                Padding {
                    top: rows / 2,
                    left: columns / 2,
                    bottom: rows - rows / 2,
                    right: columns - columns / 2,
                }
            }
        }
    }
}
