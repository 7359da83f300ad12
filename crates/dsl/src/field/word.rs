//! Words, texts, and true or false.

use std::borrow::Cow;

use inceptive_ir::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    code::Code,
    diagnostic::{Diagnostic, suggestion},
    expr::ValKind,
    scope::Reader,
    yaml::{Node, Value},
};

use super::keys::{Field, schema};

/// True or false.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Flag(pub(crate) bool);

schema!(
    Flag,
    "`true` or `false`, or an expression.",
    json_schema!({
        "anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "\\$"}]
    })
);

impl Field for Flag {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        match reader.scalar(node)?.kind {
            ValKind::Bool(flag) => Some(Self(flag)),
            ValKind::Number(_) | ValKind::Text(_) | ValKind::Node(_) => {
                reader.wrong_type(node, "`true` or `false`")
            }
        }
    }
}

/// Text; numbers are taken as they were written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) span: Span,
}

schema!(Text, "Text.", json_schema!({"type": ["string", "number"]}));

impl Field for Text {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        let text = match &node.value {
            Value::Text(text) => text.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
                return reader.wrong_type(node, "text");
            }
        };
        Some(Self { text, span: node.span })
    }
}

/// Defines a field that is one of a few words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident $what:literal { $($word:literal => $variant:ident,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($variant,)* }

        impl $name {
            const WORDS: &'static [&'static str] = &[$($word),*];
        }

        schema!($name, $what, json_schema!({
            "anyOf": [{"enum": [$($word),*]}, {"type": "string", "pattern": "\\$"}]
        }));

        impl Field for $name {
            fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
                match &*word(node, reader)? {
                    $($word => Some(Self::$variant),)*
                    other => unknown_word(other, $what, Self::WORDS, node, reader),
                }
            }
        }
    };
}

/// The word that a scalar is; YAML's null counts as `none`.
fn word(node: &Node, reader: &Reader<'_>) -> Option<String> {
    match reader.scalar(node)?.kind {
        ValKind::Text(text) => Some(text.to_string()),
        ValKind::Number(_) | ValKind::Bool(_) | ValKind::Node(_) => {
            reader.wrong_type(node, "a word")
        }
    }
}

fn unknown_word<T>(
    word: &str,
    what: &str,
    known: &[&str],
    node: &Node,
    reader: &Reader<'_>,
) -> Option<T> {
    let message = format!("unknown {what} `{word}`");
    let unknown = Diagnostic::new(Code::UnknownWord, message).at(node.span, "not known here");
    reader.sink.push_with(unknown, || suggestion(word, "choices", known.iter().copied()));
    None
}

words! {
    /// Normalisation after a convolution.
    Norm "normalisation" {
        "none" => None,
        "bn" => Batch,
        "group_norm" => Group,
        "instance_norm" => Instance,
        "layer_norm" => Layer,
    }
}

words! {
    /// How branches come together.
    Join "join" {
        "concat" => Concat,
        "add" => Add,
        "mean" => Mean,
        "multiply" => Multiply,
        "max" => Maximum,
    }
}

impl Join {
    /// The name of the node.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Concat => "concat",
            Self::Add | Self::Mean => "add",
            Self::Multiply => "multiply",
            Self::Maximum => "maximum",
        }
    }
}

words! {
    /// How the values between those of a map are made.
    Mode "interpolation" {
        "nearest" => Nearest,
        "bilinear" => Bilinear,
        "bilinear_corners" => BilinearCorners,
    }
}

words! {
    /// The order of the channels that become pixels.
    Order "order" { "channels_first" => ChannelsFirst, "pixels_first" => PixelsFirst, }
}

words! {
    /// An axis of a map.
    Along "axis" { "channels" => Channels, "height" => Height, "width" => Width, }
}

words! {
    /// What stands in padding.
    Filling "padding" {
        "zeros" => Zeros,
        "reflect" => Reflect,
        "edge" => Edge,
        "minus_infinity" => MinusInfinity,
    }
}

words! {
    /// The nonlinearity after a convolution.
    Act "activation" {
        "none" => None,
        "relu" => Relu,
        "relu6" => Relu6,
        "sigmoid" => Sigmoid,
        "silu" => Silu,
        "hard_sigmoid" => HardSigmoid,
        "hard_swish" => HardSwish,
        "leaky_relu" => LeakyRelu,
        "prelu" => Prelu,
        "elu" => Elu,
        "selu" => Selu,
        "gelu" => Gelu,
        "gelu_tanh" => GeluTanh,
        "mish" => Mish,
        "softplus" => Softplus,
        "tanh" => Tanh,
        "clip" => Clip,
    }
}
