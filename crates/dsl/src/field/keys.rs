//! Keys of a map and how their values are read.

use std::borrow::Cow;

use inceptive_ir::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::{
    code::Code,
    diagnostic::{Diagnostic, nearest, suggestion},
    scope::Reader,
    yaml::{Map, Node, Value},
};

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

/// Implements [`JsonSchema`] for a field that is written like another one.
macro_rules! same_schema {
    ($name:ty, $other:ty $(, $parameter:ident)?) => {
        impl$(<$parameter: JsonSchema>)? JsonSchema for $name {
            fn inline_schema() -> bool {
                <$other>::inline_schema()
            }

            fn schema_name() -> Cow<'static, str> {
                <$other>::schema_name()
            }

            fn schema_id() -> Cow<'static, str> {
                <$other>::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$other>::json_schema(generator)
            }
        }
    };
}
pub(crate) use same_schema;

same_schema!(Maybe<T>, T, T);

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

    /// A key that must be there; `known` are all keys. It is not reported if it is misspelt, as unknown keys are.
    pub(crate) fn required<T: Field>(&self, key: &str, known: &[&str]) -> Option<T> {
        match self.find(key) {
            Some(node) => self.read(node),
            None if is_misspelt(key, known, &self.maps) => T::stand_in(),
            None => {
                self.missing(key);
                T::stand_in()
            }
        }
    }

    /// Reports a key that must be there.
    pub(crate) fn missing(&self, key: &str) {
        let message = format!("{} needs the key `{key}`", quoted(self.what));
        let missing = Diagnostic::new(Code::MissingKey, message);
        self.reader.sink.push(missing.at(self.span, format!("`{key}` is missing")));
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

    /// Whether there are keys that have no meaning.
    pub(crate) fn has_unknown(&self, known: &[&str]) -> bool {
        let is_known = |key: &str| known.contains(&key) || self.resolved.contains(&key);
        self.maps.iter().flat_map(|map| &map.0).any(|entry| !is_known(&entry.key))
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

/// Whether one of the maps has an unknown key that seems to mean `key`.
pub(crate) fn is_misspelt(key: &str, known: &[&str], maps: &[&Map]) -> bool {
    let unknown = maps.iter().flat_map(|map| &map.0).filter(|entry| !known.contains(&&*entry.key));
    unknown.take(MOST_COMPARED).any(|entry| nearest(&entry.key, known.iter().copied()) == [key])
}

/// Maximum number of unknown keys that a missing one is compared with.
const MOST_COMPARED: usize = 100;

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
                $(let $req = fields.required($req_key, Self::KEYS);)*
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
