//! Numbers.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    code::Code,
    diagnostic::Diagnostic,
    expr::{MAX_COUNT, Requirement, Symbol, Val, ValKind},
    scope::{Reader, at_origin},
    yaml::{Node, shown},
};

use super::keys::{Field, same_schema, schema};

/// A whole number of at least 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Count {
    pub(crate) value: u32,
    /// Whether it was computed from `$in`.
    pub(crate) from_input: bool,
}

schema!(
    Count,
    "A whole number of at least 1, or an expression such as `$c1 * 2`.",
    json_schema!({
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": 1_048_576}, {"type": "string", "pattern": "[$0-9]"}]
    })
);

impl Field for Count {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        let value = reader.number(node)?;
        let from_input = value.from_input;
        whole(&value, 1, MAX_COUNT, node, reader).map(|value| Self { value, from_input })
    }
}

/// Like [`Count`], and may follow from the variables of a space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Width {
    pub(crate) value: u32,
    /// Whether it was computed from `$in`.
    pub(crate) from_input: bool,
    pub(crate) symbol: Option<Symbol>,
}

impl Field for Width {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        let value = reader.number_open(node)?;
        let (from_input, symbol) = (value.from_input, value.symbol);
        if let Some(symbol) = symbol {
            reader.check(Requirement::Width(symbol));
        }
        let value = whole(&value, 1, MAX_COUNT, node, reader)?;
        Some(Self { value, from_input, symbol })
    }
}

same_schema!(Width, Count);

/// `value` as a whole number between `least` and `most`.
fn whole(value: &Val, least: u32, most: u32, node: &Node, reader: &Reader<'_>) -> Option<u32> {
    let ValKind::Number(number) = value.kind else { return reader.wrong_type(node, "a number") };
    let found = match node.text() {
        Some(text) => format!("{}, the value of `{text}`", shown(number)),
        None => shown(number),
    };
    if number.is_finite() && number.fract() != 0.0 {
        let message = format!("expected a whole number, found {found}");
        let broken = Diagnostic::new(Code::NotWhole, message);
        return reader.report(at_origin(broken, value, node, "not a whole number").help(
            "say how to round: `floor(...)`, `ceil(...)`, `round(...)` or `round_to(..., 8)`",
        ));
    }
    if !(f64::from(least)..=f64::from(most)).contains(&number) {
        let message = format!("expected a number from {least} to {most}, found {found}");
        let outside = Diagnostic::new(Code::OutOfRange, message);
        return reader.report(at_origin(outside, value, node, "out of range"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and in range"
    )]
    Some(number as u32)
}

/// A whole number of at least 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Index(pub(crate) u32);

schema!(
    Index,
    "A whole number of at least 0, or an expression.",
    json_schema!({
        "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "[$0-9]"}]
    })
);

impl Field for Index {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        let value = reader.number(node)?;
        whole(&value, 0, MAX_COUNT, node, reader).map(Self)
    }
}

/// A finite number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Real(pub(crate) f64);

schema!(
    Real,
    "A number or an expression.",
    json_schema!({
        "anyOf": [{"type": "number"}, {"type": "string", "pattern": "[$0-9]"}]
    })
);

impl Field for Real {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        finite(&reader.number(node)?, node, reader).map(Self)
    }
}

/// A number, or `none` where there is no limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limit(pub(crate) Option<Real>);

schema!(
    Limit,
    "A number or an expression, or `none`.",
    json_schema!({
        "anyOf": [{"type": "number"}, {"type": "string", "pattern": "[$0-9]"}, {"const": "none"}]
    })
);

impl Field for Limit {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        match node.text() {
            Some("none") => Some(Self(None)),
            _ => Real::read(node, reader).map(|limit| Self(Some(limit))),
        }
    }
}

fn finite(value: &Val, node: &Node, reader: &Reader<'_>) -> Option<f64> {
    match value.kind {
        ValKind::Number(number) if number.is_finite() && number.abs() <= f64::from(f32::MAX) => {
            Some(number)
        }
        _ => {
            let message = format!("expected a finite number, found {}", node.brief());
            reader.report(Diagnostic::new(Code::OutOfRange, message).at(node.span, "out of range"))
        }
    }
}

/// Like [`Real`], and may follow from the variables of a space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Multiplier {
    pub(crate) value: f64,
    pub(crate) symbol: Option<Symbol>,
}

impl Field for Multiplier {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        let value = reader.number_open(node)?;
        if let Some(symbol) = value.symbol {
            reader.check(Requirement::Multiplier(symbol));
        }
        finite(&value, node, reader).map(|number| Self { value: number, symbol: value.symbol })
    }
}

same_schema!(Multiplier, Real);

impl Real {
    /// As attributes store it.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within the range of f32; attributes are f32"
    )]
    pub(crate) fn as_f32(self) -> f32 {
        self.0 as f32
    }
}

/// A number for all channels, or a list with one for each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Factors(pub(crate) Vec<f32>);

schema!(
    Factors,
    "A number, or a list with one for each channel.",
    json_schema!({
        "anyOf": [
            {"type": "number"},
            {"type": "string", "pattern": "[$0-9]"},
            {"type": "array", "minItems": 1, "items": {"type": ["number", "string"]}}
        ]
    })
);

impl Field for Factors {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        let number = |node: &Node| Real::read(node, reader).map(Real::as_f32);
        match node.list() {
            Some(numbers) => numbers.iter().map(number).collect::<Option<_>>().map(Self),
            None => number(node).map(|number| Self(vec![number])),
        }
    }
}
