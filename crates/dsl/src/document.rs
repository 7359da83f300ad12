//! The keys of architectures, spaces and libraries.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use inceptive_results::Published;

use crate::{
    code::Code,
    diagnostic::Diagnostic,
    field::{
        Count, Extent, Field, Fields, Flag, Join, Maybe, Multiplier, Real, Scales, Steps, Text,
        raw, record, schema,
    },
    scope::Reader,
    yaml::{Map, Node, Value},
};

record! {
    /// One network.
    pub(crate) struct ArchitectureKeys {
        required {
            /// Its name.
            "name" name: Maybe<Text>,
            /// The network's input.
            "input" input: Maybe<InputKey>,
            /// The steps of the network, up to its tail.
            "body" body: Maybe<Steps>,
        }
        optional {
            /// A description, in a sentence or two.
            "description" description: Maybe<Text>,
            /// Notes for readers of reports: a text or a list of texts.
            "notes" notes: Maybe<Texts>,
            /// The paper or code that it comes from.
            "cite" cite: Maybe<Texts>,
            /// Published accuracies.
            "published" published: Maybe<PublishedList>,
            /// Number of classes.
            "classes" classes: Maybe<Count>,
            /// Named values for expressions, with their defaults; `--set name=value` changes them.
            "params" params: Maybe<Params>,
            /// Multiplies every convolution's width that is not computed from `$in`; default 1.
            "width_multiplier" width_multiplier: Maybe<Multiplier>,
            /// Multiplied widths are rounded to multiples of this number, as MobileNet does; default 8.
            "width_divisor" width_divisor: Maybe<Count>,
            /// Default arguments of built-in steps in this file.
            "defaults" defaults: Maybe<DefaultsKey>,
            /// Blocks, by name.
            "blocks" blocks: Maybe<Blocks>,
            /// The classifier at the end: `gap`, `fc`, either with arguments, or a list of steps.
            "tail" tail: Maybe<TailKey>,
            /// Paths of the steps whose results the network outputs, the one first that commands take which need one; default:
            /// the last one.
            "outputs" outputs: Maybe<OutputList>,
            /// Auxiliary classifiers on inner layers, for training only.
            "auxiliary" auxiliary: Maybe<AuxiliaryList>,
            /// Arguments of named steps to replace, by path.
            "set" set: Maybe<SetKey>,
        }
    }
}

/// Keys that `extends` and `use` resolve before an architecture is read.
pub(crate) const RESOLVED_KEYS: [&str; 2] = ["extends", "use"];

/// Top-level keys that can be set.
pub(crate) const SETTABLE: [&str; 8] = [
    "name",
    "classes",
    "tail",
    "width_multiplier",
    "width_divisor",
    "auxiliary",
    "input.size",
    "input.channels",
];

record! {
    /// A file of blocks for other files to `use`.
    pub(crate) struct LibraryKeys {
        required {
            /// The blocks, by name.
            "blocks" blocks: Blocks,
        }
        optional {
            /// A description of the blocks.
            "description" description: Text,
            /// The paper or code that they come from.
            "cite" cite: Texts,
        }
    }
}

record! {
    /// A space of networks.
    pub(crate) struct SpaceKeys {
        required {
            /// Its title.
            "space" space: Text,
            /// The architecture to vary; a path relative to this file.
            "base" base: Text,
            /// The variables, by name.
            "vary" vary: Vary,
        }
        optional {
            /// A description, in a sentence or two.
            "description" description: Text,
            /// Notes for readers of reports: a text or a list of texts.
            "notes" notes: Texts,
            /// Changes to the base, as in a file that extends it; may use the variables.
            "with" with: Overrides,
            /// Conditions that networks must satisfy, such as `params < 8M`.
            "constraints" constraints: ConstraintList,
            /// Objectives, such as `minimize macs`.
            "objectives" objectives: ConstraintList,
        }
    }
}

record! {
    /// A variable of a space.
    pub(crate) struct VariableKeys {
        required {
        }
        optional {
            /// The values: a list, or a map from labels to values.
            "values" values: Domain,
            /// First number of a range.
            "from" from: Real,
            /// Last number of a range.
            "to" to: Real,
            /// Step of a range.
            "step" step: Real,
            /// The default value; the first one if omitted.
            "default" default: Anything,
        }
    }
}

record! {
    /// A block: steps with a name and parameters.
    pub(crate) struct BlockKeys {
        required {
        }
        optional {
            /// A description.
            "description" description: Text,
            /// Parameters with their defaults; null if a value is required.
            "params" params: Params,
            /// Names of the inputs, where there are several; a call gives them with `from`.
            "inputs" inputs: crate::field::InputNames,
            /// Steps, one after the other.
            "steps" steps: Maybe<Steps>,
            /// Parallel branches, instead of `steps`.
            "branches" branches: crate::field::Branches,
            /// How the branches are joined; default `concat`.
            "join" join: Maybe<Join>,
            /// Factors of the branches, for `join: add` only.
            "scale" scale: Maybe<Scales>,
            /// Steps after the join.
            "then" then: Maybe<Steps>,
        }
    }
}

record! {
    /// A published accuracy.
    pub(crate) struct PublishedKeys {
        required {
            /// The data set, for example `imagenet-1k`.
            "dataset" dataset: Text,
            /// The source of the accuracy.
            "source" source: Text,
        }
        optional {
            /// Top-1 accuracy in percent.
            "top1" top1: Real,
            /// Top-5 accuracy in percent.
            "top5" top5: Real,
            /// Averaged crops per image; default 1.
            "crops" crops: Count,
            /// Averaged networks; default 1.
            "models" models: Count,
            /// Height and width of a crop, in pixels.
            "resolution" resolution: Count,
            /// A note on the accuracy.
            "note" note: Text,
        }
    }
}

record! {
    /// The input of a network.
    pub(crate) struct InputKeys {
        required {
            /// Channels.
            "channels" channels: Count,
            /// Height and width.
            "size" size: Extent,
        }
        optional {
        }
    }
}

record! {
    /// An auxiliary head.
    pub(crate) struct AuxiliaryKeys {
        required {
            /// Path of the step whose output it reads.
            "after" after: Maybe<Text>,
            /// Its steps.
            "steps" steps: Maybe<Steps>,
        }
        optional {
            /// Its name; `aux1`, `aux2`, ... by default.
            "name" name: Maybe<Text>,
            /// Weight of the head's loss; default 0.3.
            "weight" weight: Maybe<Real>,
        }
    }
}

record! {
    /// Global average pooling and one linear layer.
    pub(crate) struct GapTailKeys {
        required {
        }
        optional {
            /// Dropout before the linear layer; default none.
            "dropout" dropout: Real,
            /// Whether the linear layer has a bias; default true.
            "bias" bias: Flag,
            /// Whether a softmax follows; default false.
            "softmax" softmax: Flag,
            /// Whether the reference implementation pools with a function, not a module.
            "functional" functional: Flag,
        }
    }
}

record! {
    /// Fully connected layers.
    pub(crate) struct FcTailKeys {
        required {
        }
        optional {
            /// Widths of the hidden layers; default `[4096, 4096]`.
            "widths" widths: Widths,
            /// Dropout after each hidden layer; default 0.5.
            "dropout" dropout: Real,
            /// Whether a softmax follows; default false.
            "softmax" softmax: Flag,
        }
    }
}

raw! {
    /// Channels and size of the input.
    InputKey "Channels and size of the input."
    Value::Map(_) => "a map with `channels` and `size`",
    json_schema!({"$ref": "#/$defs/InputKeys"})
}

raw! {
    /// A text or a list of texts.
    Texts "The source, such as a paper or code, or a list of them."
    Value::Text(_) | Value::List(_) => "text or a list of texts",
    json_schema!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
}

raw! {
    /// A list of published accuracies.
    PublishedList "Published accuracies."
    Value::List(_) => "a list of accuracies",
    json_schema!({"type": "array", "items": {"$ref": "#/$defs/PublishedKeys"}})
}

raw! {
    /// Named values.
    Params "Names with their defaults; null if a value is required."
    Value::Map(_) | Value::List(_) => "a map of names, or a list of them",
    json_schema!({"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "string"}}]})
}

raw! {
    /// Default arguments by built-in step.
    DefaultsKey "Default arguments of built-in steps in this file."
    Value::Map(_) => "a map from built-in steps to arguments",
    json_schema!({"$ref": "#/$defs/Defaults"})
}

raw! {
    /// Blocks by name.
    Blocks "Blocks, by name."
    Value::Map(_) => "a map from names to blocks",
    json_schema!({"type": "object", "additionalProperties": {"$ref": "#/$defs/BlockKeys"}})
}

raw! {
    /// The classifier.
    TailKey "The classifier at the end."
    Value::Text(_) | Value::Map(_) | Value::List(_) => "`gap`, `fc`, either with arguments, or a list of steps",
    json_schema!({"anyOf": [
        {"enum": ["gap", "fc"]},
        {"type": "string", "pattern": "^\\$"},
        {"type": "object", "additionalProperties": false, "properties": {
            "gap": {"$ref": "#/$defs/GapTailKeys"}, "fc": {"$ref": "#/$defs/FcTailKeys"}
        }},
        {"type": "array", "items": {"$ref": "#/$defs/Step"}}
    ]})
}

raw! {
    /// Paths of steps.
    OutputList "Paths of the steps whose results the network outputs."
    Value::List(_) => "a list of paths of steps",
    json_schema!({"type": "array", "items": {"type": "string"}, "minItems": 1})
}

raw! {
    /// Auxiliary heads.
    AuxiliaryList "Auxiliary classifiers on inner layers, for training only."
    Value::List(_) => "a list of heads",
    json_schema!({"type": "array", "items": {"$ref": "#/$defs/AuxiliaryKeys"}})
}

raw! {
    /// Arguments by path of a step.
    SetKey "Arguments to replace in named steps, by path: `{4a: {c3: 256}}`."
    Value::Map(_) => "a map from paths of steps to arguments",
    json_schema!({"type": "object", "additionalProperties": {"type": "object"}})
}

raw! {
    /// The variables of a space.
    Vary "The variables, by name."
    Value::Map(_) => "a map from names to variables",
    json_schema!({"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/$defs/VariableKeys"}})
}

raw! {
    /// The values of a variable.
    Domain "The values: a list, or a map from labels to values."
    Value::List(_) | Value::Map(_) => "a list of values, or a map from labels to values",
    json_schema!({"type": ["array", "object"]})
}

/// Any value.
#[derive(Clone, Debug)]
pub(crate) struct Anything(pub(crate) Node);

schema!(Anything, "A value.", json_schema!({}));

impl Field for Anything {
    fn read(node: &Node, _: &Reader<'_>) -> Option<Self> {
        Some(Self(node.clone()))
    }
}

raw! {
    /// Changes to an architecture.
    Overrides "Changes to the base, as in a file that extends it; may use the variables."
    Value::Map(_) => "a map of an architecture's keys",
    json_schema!({"type": "object"})
}

raw! {
    /// Conditions on counts.
    ConstraintList "Conditions such as `params < 8M`."
    Value::List(_) => "a list of texts",
    json_schema!({"type": "array", "items": {"type": "string"}})
}

raw! {
    /// Widths of hidden layers.
    Widths "Widths of the hidden layers."
    Value::List(_) => "a list of widths",
    json_schema!({"type": "array", "items": {"type": ["integer", "string"]}})
}

/// Reads a list of published accuracies.
pub(crate) fn published(list: &PublishedList, reader: &Reader<'_>) -> Vec<Published> {
    let items = list.0.list().unwrap_or_default();
    items.iter().filter_map(|item| one_published(item, reader)).collect()
}

fn one_published(node: &Node, reader: &Reader<'_>) -> Option<Published> {
    let keys = PublishedKeys::read(&fields(node, "published", *reader)?)?;
    if keys.top1.is_none() && keys.top5.is_none() {
        let message = "`published` needs the key `top1` or `top5`";
        let missing = Diagnostic::new(Code::MissingKey, message);
        return reader.report(missing.at(node.span, "no accuracy here"));
    }
    for (key, accuracy) in [("top1", keys.top1), ("top5", keys.top5)] {
        if let Some(Real(percent)) = accuracy.filter(|a| !(0.0..=100.0).contains(&a.0)) {
            let message = format!("an accuracy is a percentage from 0 to 100, not {percent}");
            let written = node.map().and_then(|map| map.get(key)).unwrap_or(node);
            return reader.report(
                Diagnostic::new(Code::OutOfRange, message).at(written.span, "out of range"),
            );
        }
    }
    Some(Published {
        dataset: keys.dataset.text,
        top1: keys.top1.map(|value| value.0),
        top5: keys.top5.map(|value| value.0),
        crops: keys.crops.map_or(1, |count| count.value),
        models: keys.models.map_or(1, |count| count.value),
        resolution: keys.resolution.map(|count| count.value),
        source: keys.source.text,
        note: keys.note.map(|note| note.text),
    })
}

/// A text or a list of texts.
pub(crate) fn texts(cite: &Texts, reader: &Reader<'_>) -> Vec<String> {
    let items = cite.0.list().unwrap_or(std::slice::from_ref(&cite.0));
    items.iter().filter_map(|item| Text::read(item, reader)).map(|text| text.text).collect()
}

/// The keys of a map, without defaults; none, with a report, when the node is no map.
pub(crate) fn fields<'a>(node: &'a Node, what: &'a str, reader: Reader<'a>) -> Option<Fields<'a>> {
    match &node.value {
        Value::Map(map) => {
            Some(Fields { reader, what, span: node.span, maps: vec![map], resolved: &[] })
        }
        _ => reader.wrong_type(node, "a map"),
    }
}

/// A map's keys before `known` ones are taken out.
pub(crate) fn without(map: &Map, taken: &[&str]) -> Map {
    Map(map.0.iter().filter(|entry| !taken.contains(&&*entry.key)).cloned().collect())
}
