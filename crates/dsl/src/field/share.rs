//! Layers whose tensors another one uses too.

use std::borrow::Cow;

use inceptive_ir::Role;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    code::Code,
    diagnostic::Diagnostic,
    scope::Reader,
    yaml::{Node, Value},
};

use super::{
    keys::{Field, schema, unknown_keys},
    word::Text,
};

/// Roles of tensors, by their keys.
const ROLES: [(&str, Role); 4] = [
    ("weight", Role::Weight),
    ("bias", Role::Bias),
    ("mean", Role::Mean),
    ("variance", Role::Variance),
];

/// The key of a tensor.
pub(crate) fn key_of(role: Role) -> &'static str {
    ROLES.iter().find(|(_, known)| *known == role).map_or("", |(key, _)| key)
}

/// The layers whose tensors a layer uses too, each with the role of the tensor; without one, all of its tensors.
#[derive(Clone, Debug)]
pub(crate) struct Share(pub(crate) Vec<(Option<Role>, Text)>);

schema!(
    Share,
    "Path of a layer whose tensors are used; or, by `weight`, `bias`, `mean` and `variance`, of the layer whose tensor is.",
    json_schema!({
        "anyOf": [
            {"type": ["string", "number"]},
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"enum": ["weight", "bias", "mean", "variance"]},
                "additionalProperties": {"type": ["string", "number"]}
            }
        ]
    })
);

impl Field for Share {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        let map = match &node.value {
            Value::Map(map) if map.0.is_empty() => {
                let message = "`share` needs the path of a layer, or a tensor and a path";
                let missing = Diagnostic::new(Code::MissingKey, message);
                return reader.report(missing.at(node.span, "no tensor"));
            }
            Value::Map(map) => map,
            Value::Text(_) | Value::Number(_) => {
                return Text::read(node, reader).map(|layer| Self(vec![(None, layer)]));
            }
            Value::Null | Value::Bool(_) | Value::List(_) => {
                return reader
                    .wrong_type(node, "the path of a layer, or a map of tensors to paths");
            }
        };
        unknown_keys(map, "share", &ROLES.map(|(key, _)| key), reader);
        let given = ROLES.into_iter().filter_map(|(key, role)| Some((role, map.get(key)?)));
        let layers = given.map(|(role, layer)| {
            let layer = reader.substitute(layer)?;
            Some((Some(role), Text::read(&layer, reader)?))
        });
        layers.collect::<Option<Vec<_>>>().map(Self)
    }
}
