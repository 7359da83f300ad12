//! Checking a file by a schema.

use inceptive_ir::Span;
use serde_json::{Map as JsonMap, Value as Json};

use crate::{
    code::Code,
    diagnostic::{Diagnostic, DiagnosticSink, suggestion},
    field::{Fields, is_misspelt},
    scope::{Reader, Scope},
    yaml::{Map, Node, Value, shown},
};

use super::schema::Schema;

/// Checks values and turns them into JSON. A value that is wrong is reported, and none.
pub(super) struct Checker<'a> {
    pub(super) sink: &'a DiagnosticSink,
    /// What the file is, for messages: `a recipe`.
    pub(super) what: &'static str,
}

impl Checker<'_> {
    fn reader(&self) -> Reader<'_> {
        Reader { scope: &Scope::EMPTY, sink: self.sink }
    }

    fn wrong_type(&self, node: &Node, wanted: &str) -> Option<Json> {
        self.reader().wrong_type(node, wanted)
    }

    fn report(&self, code: Code, message: String, at: Span, label: &str) -> Option<Json> {
        self.reader().report(Diagnostic::new(code, message).at(at, label))
    }

    /// The keys of a file.
    pub(super) fn whole(
        &self,
        schema: Schema<'_>,
        map: &Map,
        span: Span,
    ) -> Option<JsonMap<String, Json>> {
        self.keys(schema, map, span, self.what, &["extends"])
    }

    fn keys(
        &self,
        schema: Schema<'_>,
        map: &Map,
        span: Span,
        what: &str,
        resolved: &'static [&'static str],
    ) -> Option<JsonMap<String, Json>> {
        let known: Vec<&str> = schema.properties().map(|(key, _)| key).collect();
        let fields = Fields { reader: self.reader(), what, span, maps: vec![map], resolved };
        fields.refuse_unknown(&known);
        for key in schema.required() {
            if map.get(key).is_none() && !is_misspelt(key, &known, &fields.maps) {
                fields.missing(key);
            }
        }
        let mut values = JsonMap::new();
        let mut is_right = true;
        for (key, schema) in schema.properties() {
            match map.get(key) {
                None | Some(Node { value: Value::Null, .. }) => {}
                Some(node) => match self.value(schema, node, key) {
                    Some(value) => {
                        values.insert(key.to_owned(), value);
                    }
                    None => is_right = false,
                },
            }
        }
        is_right.then_some(values)
    }

    fn value(&self, schema: Schema<'_>, node: &Node, key: &str) -> Option<Json> {
        if schema.choices().is_some() {
            return self.choice(schema, node, key);
        }
        if let Some(mut alternatives) = schema.alternatives() {
            let wanted: Vec<&str> = alternatives.clone().map(wanted).collect();
            return match alternatives.find(|schema| is_type(*schema, &node.value)) {
                Some(schema) => self.value(schema, node, key),
                None => self.wrong_type(node, &wanted.join(" or ")),
            };
        }
        match &node.value {
            Value::Map(map) if schema.has_type("object") => {
                self.keys(schema, map, node.span, key, &[]).map(Json::Object)
            }
            Value::List(items) if schema.has_type("array") => self.list(schema, items, node, key),
            Value::Text(text) if schema.has_type("string") => Some(Json::from(&**text)),
            Value::Bool(flag) if schema.has_type("boolean") => Some(Json::from(*flag)),
            Value::Number(number) if schema.has_type("number") || schema.has_type("integer") => {
                self.number(schema, *number, node)
            }
            _ => self.wrong_type(node, wanted(schema)),
        }
    }

    fn list(&self, schema: Schema<'_>, items: &[Node], node: &Node, key: &str) -> Option<Json> {
        let least = schema.limit("minItems").unwrap_or(0.0);
        let most = schema.limit("maxItems").unwrap_or(f64::MAX);
        if !(least..=most).contains(&(items.len() as f64)) {
            let message =
                format!("expected a list of {least} to {most} values, found {}", items.len());
            return self.report(Code::OutOfRange, message, node.span, "this list");
        }
        let schema = schema.items()?;
        let items: Vec<Option<Json>> =
            items.iter().map(|item| self.value(schema, item, key)).collect();
        items.into_iter().collect::<Option<Vec<Json>>>().map(Json::from)
    }

    fn number(&self, schema: Schema<'_>, number: f64, node: &Node) -> Option<Json> {
        let least = schema.limit("minimum").unwrap_or(f64::MIN);
        let is_whole = schema.has_type("integer");
        let largest = if is_whole { u32::MAX.into() } else { f64::MAX };
        let most = schema.limit("maximum").unwrap_or(largest);
        if is_whole && number.is_finite() && number.fract() != 0.0 {
            let message = format!("expected a whole number, found {}", shown(number));
            return self.report(Code::NotWhole, message, node.span, "not a whole number");
        }
        if !(least..=most).contains(&number) {
            let (least, most) = (shown(least), shown(most));
            let message =
                format!("expected a number from {least} to {most}, found {}", shown(number));
            return self.report(Code::OutOfRange, message, node.span, "out of range");
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole numbers have a range in schemas"
        )]
        Some(if is_whole { Json::from(number as i64) } else { Json::from(number) })
    }

    /// A word, or a map with one key and the arguments of that choice.
    fn choice(&self, schema: Schema<'_>, node: &Node, key: &str) -> Option<Json> {
        let choices = schema.choices().unwrap_or_default();
        let (name, at, arguments) = match &node.value {
            Value::Text(word) => (&**word, node.span, None),
            Value::Map(map) => match &*map.0 {
                [entry] => (&*entry.key, entry.key_span, Some(&entry.value)),
                _ => return self.wrong_type(node, "one word, or a map with one key"),
            },
            _ => return self.wrong_type(node, "a word"),
        };
        let Some(choice) = choices.iter().find(|choice| choice.name == name) else {
            let message = format!("unknown {key} `{name}`");
            let unknown = Diagnostic::new(Code::UnknownWord, message).at(at, "not known here");
            let known = choices.iter().map(|choice| choice.name);
            self.sink.push_with(unknown, || suggestion(name, "choices", known));
            return None;
        };
        let given = arguments.filter(|arguments| arguments.value != Value::Null);
        match (choice.arguments, given) {
            (None, None) => Some(Json::from(name)),
            (None, Some(given)) => {
                let message = format!("`{name}` has no arguments");
                self.report(Code::WrongType, message, given.span, "not allowed")
            }
            (Some(schema), given) => {
                let none = Map::default();
                let (map, span) = match given {
                    None => (&none, at),
                    Some(Node { value: Value::Map(map), span }) => (&**map, *span),
                    Some(other) => return self.wrong_type(other, "a map"),
                };
                let arguments = self.keys(schema, map, span, name, &[])?;
                Some(Json::Object(
                    [(name.to_owned(), Json::Object(arguments))].into_iter().collect(),
                ))
            }
        }
    }
}

fn is_type(schema: Schema<'_>, value: &Value) -> bool {
    schema.has_type(match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
    })
}

/// What a schema wants, for messages.
fn wanted(schema: Schema<'_>) -> &'static str {
    let known = [
        ("object", "a map"),
        ("array", "a list"),
        ("string", "text"),
        ("boolean", "`true` or `false`"),
        ("integer", "a whole number"),
        ("number", "a number"),
    ];
    let found = known.iter().find(|(name, _)| schema.has_type(name));
    found.map_or("another value", |(_, text)| text)
}
