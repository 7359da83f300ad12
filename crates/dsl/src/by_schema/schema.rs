//! JSON Schemas as they are derived, and as editors get them.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value as Json, json};

use super::SchemaFile;

/// The schema of a type, with the schemas of its fields in it.
pub(super) fn derived<T: JsonSchema>() -> Json {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// A part of a derived schema.
#[derive(Clone, Copy)]
pub(super) struct Schema<'a>(pub(super) &'a Json);

/// One of the choices of an enum.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    pub(super) name: &'a str,
    /// Its arguments, if it may have some.
    pub(super) arguments: Option<Schema<'a>>,
}

impl<'a> Schema<'a> {
    /// Whether it allows a type.
    pub(super) fn has_type(self, name: &str) -> bool {
        match self.0.get("type") {
            Some(Json::String(only)) => only == name,
            Some(Json::Array(types)) => types.iter().any(|allowed| allowed == name),
            _ => false,
        }
    }

    /// The choices, if it is one between words and maps with one key.
    pub(super) fn choices(self) -> Option<Vec<Choice<'a>>> {
        if let Some(words) = self.0.get("enum").and_then(Json::as_array) {
            let words = words.iter().filter_map(Json::as_str);
            return Some(words.map(|name| Choice { name, arguments: None }).collect());
        }
        let one_of = self.0.get("oneOf")?.as_array()?;
        Some(one_of.iter().flat_map(|choice| Self(choice).choice()).collect())
    }

    fn choice(self) -> Vec<Choice<'a>> {
        if let Some(name) = self.0.get("const").and_then(Json::as_str) {
            return vec![Choice { name, arguments: None }];
        }
        if let Some(choices) = self.choices() {
            return choices;
        }
        let arguments = self.properties();
        arguments.map(|(name, schema)| Choice { name, arguments: Some(schema) }).collect()
    }

    /// The alternatives, if there are some.
    pub(super) fn alternatives(self) -> Option<impl Iterator<Item = Self> + Clone> {
        Some(self.0.get("anyOf")?.as_array()?.iter().map(Self))
    }

    /// The keys of a map.
    pub(super) fn properties(self) -> impl Iterator<Item = (&'a str, Self)> {
        let properties = self.0.get("properties").and_then(Json::as_object);
        properties.into_iter().flatten().map(|(key, schema)| (key.as_str(), Self(schema)))
    }

    pub(super) fn property(self, key: &str) -> Option<Self> {
        self.0.get("properties")?.get(key).map(Self)
    }

    /// The keys that a map must have.
    pub(super) fn required(self) -> impl Iterator<Item = &'a str> {
        let required = self.0.get("required").and_then(Json::as_array);
        required.into_iter().flatten().filter_map(Json::as_str)
    }

    /// What the items of a list are.
    pub(super) fn items(self) -> Option<Self> {
        self.0.get("items").map(Self)
    }

    /// A limit, such as `minimum`.
    pub(super) fn limit(self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }
}

/// The JSON Schema (draft 2020-12) of a kind of file, for editors: it accepts every file that [`super::load_by_schema`]
/// does. A file that extends another may leave required keys to it, null stands for the default, and a choice whose
/// arguments all have defaults may be a word.
pub fn schema_of<T: SchemaFile>() -> Json {
    let mut schema = derived::<T>();
    loosen(&mut schema);
    let Some(root) = schema.as_object_mut() else { return schema };
    let required = root.insert("required".to_owned(), json!(["name"]));
    root.insert("if".to_owned(), json!({"required": ["extends"]}));
    root.insert("else".to_owned(), json!({"required": required}));
    if let Some(properties) = root.get_mut("properties").and_then(Json::as_object_mut) {
        let text = format!(
            "The file that this one changes: {}, by a path relative to this file.",
            T::KIND.describe()
        );
        properties.insert("extends".to_owned(), json!({"type": "string", "description": text}));
    }
    schema
}

/// Lets null stand for defaults, and words for choices without arguments.
fn loosen(schema: &mut Json) {
    let required: Vec<String> = Schema(schema).required().map(str::to_owned).collect();
    if let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) {
        for (key, property) in properties {
            loosen(property);
            if !required.contains(key) && !Schema(property).has_type("null") {
                let description = property.as_object_mut().and_then(|p| p.remove("description"));
                let inner = property.take();
                *property = json!({"anyOf": [inner, {"type": "null"}]});
                if let (Some(text), Some(property)) = (description, property.as_object_mut()) {
                    property.insert("description".to_owned(), text);
                }
            }
        }
    }
    let Some(choices) = schema.get_mut("oneOf").and_then(Json::as_array_mut) else { return };
    let mut words = Vec::new();
    for choice in choices.iter_mut() {
        loosen(choice);
        let Some(properties) = choice.get_mut("properties").and_then(Json::as_object_mut) else {
            continue;
        };
        for (name, arguments) in properties {
            if Schema(arguments).required().next().is_none() {
                words.push(name.clone());
                let inner = arguments.take();
                *arguments = json!({"anyOf": [inner, {"type": "null"}]});
            }
        }
    }
    if !words.is_empty() {
        choices.push(json!({"enum": words, "description": "With the defaults of its arguments."}));
    }
}
