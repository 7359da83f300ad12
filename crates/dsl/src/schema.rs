//! The JSON Schema of the language, for editors.

use inceptive_ir::Activation;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Map, Value, json};

use crate::{
    args::{
        AdaptiveArgs, AvgPoolArgs, BatchNormArgs, BlockArgs, Builtin, ClipArgs, ConvArgs,
        ConvTransposeArgs, DepthwiseArgs, DropoutArgs, EluArgs, GroupNormArgs, IfArgs, JoinArgs,
        L2PoolArgs, LeakyReluArgs, LinearArgs, LrnArgs, MaxPoolArgs, PadArgs, ParallelArgs,
        PlainArgs, PreluArgs, RepeatArgs, RescaleArgs, ResizeArgs, ScaleArgs, ShuffleArgs,
        SliceArgs,
    },
    document::{
        ArchitectureKeys, AuxiliaryKeys, BlockKeys, FcTailKeys, GapTailKeys, InputKeys,
        LibraryKeys, PublishedKeys, SpaceKeys, VariableKeys,
    },
    field::{FromKey, Join},
};

/// The JSON Schema (draft 2020-12) of architectures, spaces and libraries of blocks. Editors complete and
/// check files with it; it accepts every file that Inceptive accepts.
pub fn json_schema() -> Value {
    let mut generator =
        SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).into_generator();
    let mut definitions = Map::new();
    let mut define = |name: &str, schema: Schema| {
        definitions.insert(name.to_owned(), schema.to_value());
    };
    define("Architecture", architecture(&mut generator));
    define("Space", SpaceKeys::json_schema(&mut generator));
    define("Library", LibraryKeys::json_schema(&mut generator));
    define("InputKeys", InputKeys::json_schema(&mut generator));
    define("PublishedKeys", PublishedKeys::json_schema(&mut generator));
    define("BlockKeys", BlockKeys::json_schema(&mut generator));
    define("AuxiliaryKeys", AuxiliaryKeys::json_schema(&mut generator));
    define("VariableKeys", VariableKeys::json_schema(&mut generator));
    define("GapTailKeys", GapTailKeys::json_schema(&mut generator));
    define("FcTailKeys", FcTailKeys::json_schema(&mut generator));
    define("Step", step(&mut generator));
    define("Defaults", defaults(&mut generator));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Inceptive architecture, space or library of blocks",
        "type": "object",
        "if": {"anyOf": [{"required": ["vary"]}, {"required": ["base"]}, {"required": ["space"]}]},
        "then": {"$ref": "#/$defs/Space"},
        "else": {
            "if": {"anyOf": [
                {"required": ["body"]}, {"required": ["extends"]}, {"required": ["name"]},
                {"required": ["input"]}, {"required": ["tail"]}
            ]},
            "then": {"$ref": "#/$defs/Architecture"},
            "else": {"$ref": "#/$defs/Library"}
        },
        "$defs": definitions
    })
}

/// An architecture: a file that extends another one may leave required keys to it.
fn architecture(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = ArchitectureKeys::json_schema(generator);
    schema.remove("required");
    schema.insert("required".to_owned(), json!(["name"]));
    schema.insert("if".to_owned(), json!({"required": ["extends"]}));
    schema.insert("else".to_owned(), json!({"required": ["input", "body"]}));
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(
            "extends".to_owned(),
            json!({"type": "string", "description": "The architecture that this one is a variant of; a path relative to this file."}),
        );
        properties.insert(
            "use".to_owned(),
            json!({
                "description": "Libraries of blocks; paths relative to this file.",
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
            }),
        );
        // A variant may change one size, or remove a key with null.
        properties.insert("input".to_owned(), json!({"$ref": "#/$defs/InputKeys"}));
    }
    nullable(&mut schema);
    schema
}

/// Allows null for every property, which removes it in a file that extends another.
fn nullable(schema: &mut Schema) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for property in properties.values_mut() {
        let inner = property.take();
        *property = json!({"anyOf": [inner, {"type": "null"}]});
    }
}

fn arguments(builtin: Builtin, generator: &mut SchemaGenerator) -> Value {
    let schema = match builtin {
        Builtin::Conv => ConvArgs::json_schema(generator),
        Builtin::Depthwise => DepthwiseArgs::json_schema(generator),
        Builtin::Linear => LinearArgs::json_schema(generator),
        Builtin::MaxPool => MaxPoolArgs::json_schema(generator),
        Builtin::AvgPool => AvgPoolArgs::json_schema(generator),
        Builtin::AdaptiveAvgPool => AdaptiveArgs::json_schema(generator),
        Builtin::BatchNorm => BatchNormArgs::json_schema(generator),
        Builtin::Lrn => LrnArgs::json_schema(generator),
        Builtin::ConvTranspose => ConvTransposeArgs::json_schema(generator),
        Builtin::L2Pool => L2PoolArgs::json_schema(generator),
        Builtin::Prelu => PreluArgs::json_schema(generator),
        Builtin::GroupNorm => GroupNormArgs::json_schema(generator),
        Builtin::InstanceNorm | Builtin::LayerNorm => BatchNormArgs::json_schema(generator),
        Builtin::Scale => ScaleArgs::json_schema(generator),
        Builtin::Rescale => RescaleArgs::json_schema(generator),
        Builtin::Resize => ResizeArgs::json_schema(generator),
        Builtin::SpaceToDepth | Builtin::DepthToSpace => BlockArgs::json_schema(generator),
        Builtin::Slice => SliceArgs::json_schema(generator),
        Builtin::Pad => PadArgs::json_schema(generator),
        Builtin::DropPath => DropoutArgs::json_schema(generator),
        Builtin::Activation(Activation::LeakyRelu { .. }) => LeakyReluArgs::json_schema(generator),
        Builtin::Activation(Activation::Elu { .. }) => EluArgs::json_schema(generator),
        Builtin::Activation(Activation::Clip { .. }) => ClipArgs::json_schema(generator),
        Builtin::GlobalAvgPool
        | Builtin::GlobalMaxPool
        | Builtin::Activation(_)
        | Builtin::Softmax => PlainArgs::json_schema(generator),
        Builtin::Dropout => DropoutArgs::json_schema(generator),
        Builtin::Shuffle => ShuffleArgs::json_schema(generator),
        Builtin::Parallel => ParallelArgs::json_schema(generator),
        Builtin::Repeat => RepeatArgs::json_schema(generator),
        Builtin::If => IfArgs::json_schema(generator),
        Builtin::Join(Join::Add) => JoinArgs::json_schema(generator),
        Builtin::Flatten
        | Builtin::ChannelMax
        | Builtin::ChannelMean
        | Builtin::Join(_)
        | Builtin::Identity
        | Builtin::None => {
            json_schema!({"type": "object", "properties": {}, "additionalProperties": false})
        }
        Builtin::Group => json_schema!({"type": "array", "items": {"$ref": "#/$defs/Step"}}),
    };
    schema.to_value()
}

/// A step: a word, or a map with one key that starts with an operator or a block.
fn step(generator: &mut SchemaGenerator) -> Schema {
    let mut patterns = Map::new();
    let mut properties = Map::new();
    for (name, builtin) in Builtin::ALL {
        let mut arguments = arguments(builtin, generator);
        if builtin != Builtin::If
            && let Some(properties) = arguments.get_mut("properties").and_then(Value::as_object_mut)
        {
            properties.insert("from".to_owned(), FromKey::json_schema(generator).to_value());
        }
        let schema = json!({"anyOf": [arguments, {"type": "null"}]});
        patterns.insert(format!("^{name}\\s"), schema.clone());
        // Named once more as a property, because editors complete properties and not patterns.
        properties.insert(name.to_owned(), schema);
    }
    json_schema!({
        "description": "A step: `operator: {arguments}`, `operator name: {arguments}`, or a word.",
        "anyOf": [
            {"type": "string"},
            {
                "type": "object", "minProperties": 1, "maxProperties": 1,
                "properties": properties,
                "patternProperties": patterns,
                "additionalProperties": {"type": ["object", "null"]}
            }
        ]
    })
}

/// Arguments by built-in step, none of them required.
fn defaults(generator: &mut SchemaGenerator) -> Schema {
    let mut properties = Map::new();
    for (name, builtin) in Builtin::ALL {
        let mut arguments = arguments(builtin, generator);
        if let Some(object) = arguments.as_object_mut() {
            object.remove("required");
        }
        properties.insert(name.to_owned(), json!({"anyOf": [arguments, {"type": "null"}]}));
    }
    json_schema!({"type": "object", "properties": properties, "additionalProperties": false})
}
