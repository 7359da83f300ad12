//! Typed values of keys. One definition of a key serves for reading, for diagnostics and for the JSON Schema.

use std::borrow::Cow;

use inceptive_ir::{Activation, Padding, Size, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    code::Code,
    diagnostic::{Diagnostic, suggestion},
    expr::{Val, ValKind},
    scope::Reader,
    yaml::{Map, Node, Value, shown},
};

/// The largest number that a width, kernel, stride or size may have.
const MAX_COUNT: u32 = 1 << 20;

/// A value of a key.
pub(crate) trait Field: Sized {
    /// Reads it; none, with a report, when it cannot be.
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self>;

    /// The placeholder for a value that is missing or cannot be evaluated, if there is one.
    fn stand_in() -> Option<Self> {
        None
    }
}

/// A value without which the rest can still be checked: `None` if it is wrong or missing, which was reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maybe<T>(pub(crate) Option<T>);

impl<T: Field> Field for Maybe<T> {
    fn read(node: &Node, reader: &Reader<'_>) -> Option<Self> {
        Some(Self(T::read(node, reader)))
    }

    fn stand_in() -> Option<Self> {
        Some(Self(None))
    }
}

impl<T: JsonSchema> JsonSchema for Maybe<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// The value of a key that may be absent or wrong.
pub(crate) fn given<T>(key: &Option<Maybe<T>>) -> Option<&T> {
    key.as_ref()?.0.as_ref()
}

/// The keys of one map, with the maps that provide its defaults.
pub(crate) struct Fields<'a> {
    pub(crate) reader: Reader<'a>,
    /// What the map describes, for messages: `conv`.
    pub(crate) what: &'a str,
    /// The place to report a missing key at.
    pub(crate) span: Span,
    /// The map itself first, then defaults.
    pub(crate) maps: Vec<&'a Map>,
    /// Keys that are known too but were read before.
    pub(crate) resolved: &'static [&'static str],
}

impl Fields<'_> {
    fn find(&self, key: &str) -> Option<&Node> {
        self.maps.iter().find_map(|map| map.get(key))
    }

    /// A key that must be there.
    pub(crate) fn required<T: Field>(&self, key: &str) -> Option<T> {
        match self.find(key) {
            Some(node) => self.read(node),
            None => {
                let message = format!("{} needs the key `{key}`", quoted(self.what));
                let missing = Diagnostic::new(Code::MissingKey, message);
                self.reader.sink.push(missing.at(self.span, format!("`{key}` is missing")));
                T::stand_in()
            }
        }
    }

    /// A key that may be absent or null: outer none means that it is wrong.
    #[expect(clippy::option_option, reason = "wrong, absent and given are three cases")]
    pub(crate) fn optional<T: Field>(&self, key: &str) -> Option<Option<T>> {
        match self.find(key) {
            None | Some(Node { value: Value::Null, .. }) => Some(None),
            Some(node) => self.read(node).map(Some),
        }
    }

    fn read<T: Field>(&self, node: &Node) -> Option<T> {
        match self.reader.substitute(node) {
            Some(node) => T::read(&node, &self.reader),
            None => T::stand_in(),
        }
    }

    /// Reports keys that have no meaning.
    pub(crate) fn refuse_unknown(&self, known: &[&str]) {
        if let Some(map) = self.maps.first() {
            let known: Vec<&str> = known.iter().chain(self.resolved).copied().collect();
            unknown_keys(map, self.what, &known, &self.reader);
        }
    }
}

/// A name in quotes; a description such as `an architecture` as it is.
fn quoted(what: &str) -> String {
    if what.contains(' ') { what.to_owned() } else { format!("`{what}`") }
}

/// Reports the keys of a map that are not known.
pub(crate) fn unknown_keys(map: &Map, what: &str, known: &[&str], reader: &Reader<'_>) {
    for entry in map.0.iter().filter(|entry| !known.contains(&&*entry.key)) {
        if reader.sink.is_full() {
            return;
        }
        let message = format!("unknown key `{}` in {}", entry.key, quoted(what));
        let unknown =
            Diagnostic::new(Code::UnknownKey, message).at(entry.key_span, "not known here");
        reader.sink.push_with(unknown, || suggestion(&entry.key, "keys", known.iter().copied()));
    }
}

/// Defines a struct that is read from a map: `required` keys must be there, `optional` ones may be absent.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            required { $($(#[$req_meta:meta])* $req_key:literal $req:ident: $req_type:ty,)* }
            optional { $($(#[$opt_meta:meta])* $opt_key:literal $opt:ident: $opt_type:ty,)* }
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        $vis struct $name {
            $($(#[$req_meta])* #[schemars(rename = $req_key)] pub(crate) $req: $req_type,)*
            $($(#[$opt_meta])* #[schemars(rename = $opt_key)] pub(crate) $opt: Option<$opt_type>,)*
        }

        impl $name {
            /// Every key.
            pub(crate) const KEYS: &'static [&'static str] = &[$($req_key,)* $($opt_key,)*];

            /// Reads all keys, reporting everything that is wrong.
            pub(crate) fn read(fields: &crate::field::Fields<'_>) -> Option<Self> {
                fields.refuse_unknown(Self::KEYS);
                $(let $req = fields.required($req_key);)*
                $(let $opt = fields.optional($opt_key);)*
                Some(Self { $($req: $req?,)* $($opt: $opt?,)* })
            }
        }
    };
}
pub(crate) use record;

/// Implements [`JsonSchema`] for a field type with an inline schema.
macro_rules! schema {
    ($name:ident, $text:literal, $schema:expr) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_id() -> Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema: Schema = $schema;
                schema.insert("description".to_owned(), $text.into());
                schema
            }
        }
    };
}
pub(crate) use schema;

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

/// `value` as a whole number between `least` and `most`.
fn whole(value: &Val, least: u32, most: u32, node: &Node, reader: &Reader<'_>) -> Option<u32> {
    let ValKind::Number(number) = value.kind else { return reader.wrong_type(node, "a number") };
    let found = match node.text() {
        Some(text) => format!("{}, the value of `{text}`", shown(number)),
        None => shown(number),
    };
    if number.is_finite() && number.fract() != 0.0 {
        let message = format!("expected a whole number, found {found}");
        return reader.report(
            Diagnostic::new(Code::NotWhole, message).at(node.span, "not a whole number").help(
                "say how to round: `floor(...)`, `ceil(...)`, `round(...)` or `round_to(..., 8)`",
            ),
        );
    }
    if !(f64::from(least)..=f64::from(most)).contains(&number) {
        let message = format!("expected a number from {least} to {most}, found {found}");
        return reader
            .report(Diagnostic::new(Code::OutOfRange, message).at(node.span, "out of range"));
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
        match reader.number(node)?.kind {
            ValKind::Number(number)
                if number.is_finite() && number.abs() <= f64::from(f32::MAX) =>
            {
                Some(Self(number))
            }
            _ => {
                let message = format!("expected a finite number, found {}", node.brief());
                reader.report(
                    Diagnostic::new(Code::OutOfRange, message).at(node.span, "out of range"),
                )
            }
        }
    }
}

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
    Norm "normalisation" { "none" => None, "bn" => BatchNorm, }
}

words! {
    /// How branches come together.
    Join "join" { "concat" => Concat, "add" => Add, "multiply" => Multiply, }
}

impl Join {
    /// The name of the node.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Concat => "concat",
            Self::Add => "add",
            Self::Multiply => "multiply",
        }
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
    }
}

impl Act {
    pub(crate) fn activation(self) -> Option<Activation> {
        match self {
            Self::None => None,
            Self::Relu => Some(Activation::Relu),
            Self::Relu6 => Some(Activation::Relu6),
            Self::Sigmoid => Some(Activation::Sigmoid),
            Self::Silu => Some(Activation::Silu),
            Self::HardSigmoid => Some(Activation::HardSigmoid),
            Self::HardSwish => Some(Activation::HardSwish),
        }
    }
}

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
    /// A condition.
    Condition "A condition such as `$stride > 1`."
    Value::Text(_) | Value::Bool(_) => "a condition",
    json_schema!({"type": ["string", "boolean"]})
}
