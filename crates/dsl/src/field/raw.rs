//! Fields that keep their YAML for later.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    scope::Reader,
    yaml::{Node, Value},
};

use super::keys::{Field, schema};

/// Defines a field that keeps its YAML for later.
macro_rules! raw {
    ($(#[$meta:meta])* $name:ident $text:literal $kind:pat => $wanted:literal, $schema:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub(crate) struct $name(pub(crate) Node);

        schema!($name, $text, $schema);

        impl Field for $name {
            fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
                match node.value {
                    $kind => Some(Self(node.clone())),
                    _ => reader.wrong_type(node, $wanted),
                }
            }
        }
    };
}
pub(crate) use raw;

raw! {
    /// A list of steps.
    Steps "Steps, one after the other."
    Value::List(_) => "a list of steps",
    json_schema!({"type": "array", "items": {"$ref": "#/$defs/Step"}})
}

raw! {
    /// Branches by name.
    Branches "Branches by name; each is a list of steps, `[]` the identity."
    Value::Map(_) => "a map of branches, each a list of steps",
    json_schema!({
        "type": "object",
        "additionalProperties": {"anyOf": [
            {"type": "array", "items": {"$ref": "#/$defs/Step"}}, {"type": "null"}, {"type": "string", "pattern": "\\$"}
        ]}
    })
}

raw! {
    /// Factors by branch.
    Scales "Factor of each branch in the sum; 1 where none is given."
    Value::Map(_) => "a map of factors by branch",
    json_schema!({"type": "object", "additionalProperties": {"type": ["number", "string"]}})
}

raw! {
    /// What a step reads.
    FromKey "What the step reads: the name of a step before it, or `in`, the input of the list; or a list of them. Default: the step before it."
    Value::Text(_) | Value::Number(_) | Value::List(_) => "the name of a step, or a list of names",
    json_schema!({
        "anyOf": [
            {"type": ["string", "number"]},
            {"type": "array", "minItems": 1, "items": {"type": ["string", "number"]}}
        ]
    })
}

raw! {
    /// Names of inputs.
    InputNames "Names of the inputs, for `from`; the first one is what the first step reads."
    Value::List(_) => "a list of names",
    json_schema!({"type": "array", "minItems": 1, "items": {"type": ["string", "number"]}})
}

raw! {
    /// A condition.
    Condition "A condition such as `$stride > 1`."
    Value::Text(_) | Value::Bool(_) => "a condition",
    json_schema!({"type": ["string", "boolean"]})
}
