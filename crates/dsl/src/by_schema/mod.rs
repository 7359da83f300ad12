//! Files that are checked by the JSON Schema of the type that they become: recipes.
//!
//! The schema is derived from the type, so that the type is the one definition of what a file may say. [`schema`] makes of
//! it what editors get, [`check`] checks a file by it, and [`lay`] lays a file over the one that it extends.

mod check;
mod lay;
mod schema;

use std::path::Path;

use inceptive_ir::Span;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::{
    code::Code,
    diagnostic::{Diagnostic, DiagnosticSink},
    failure::Failure,
    load::{Document, Kind, Loader},
    setting::Setting,
    source::{Files, Sources},
    yaml::{Map, Node},
};
use check::Checker;
use schema::Schema;

pub use schema::schema_of;

/// A type whose files are checked by its JSON Schema. Every key that has no default in the schema's `required` must be
/// given; a choice between words and maps with one key is an enum.
pub trait SchemaFile: DeserializeOwned + JsonSchema {
    /// The kind of file.
    const KIND: Kind;

    /// What the schema cannot say: keys, such as `schedule.step.at`, whose values are wrong, and why.
    fn problems(&self) -> Vec<(&'static str, String)>;
}

/// Reads a file with everything that it extends, and with the settings, such as `schedule.step.factor=0.2`.
///
/// # Errors
/// All diagnostics, when the file or a setting is wrong.
pub fn load_by_schema<T: SchemaFile>(
    files: &dyn Files,
    path: &Path,
    settings: &[Setting],
) -> Result<(T, Sources), Failure> {
    let sink = DiagnosticSink::default();
    let mut loader = Loader::new(files, &sink);
    let read = loader.open(path).and_then(|document| {
        expect_kind(&document, T::KIND, &sink)?;
        read(&document, &mut loader, settings, &sink)
    });
    let sources = loader.sources;
    match read {
        Some(value) if sink.is_empty() => Ok((value, sources)),
        _ => Err(Failure::new(sink.take(), sources)),
    }
}

/// A file without a word of its own kind may be one that extends another.
fn expect_kind(document: &Document, kind: Kind, sink: &DiagnosticSink) -> Option<()> {
    let found = Kind::of(&document.map);
    let is_open = found == Kind::Architecture && !Kind::is_surely_architecture(&document.map);
    if found == kind || is_open {
        return Some(());
    }
    let message = format!("the file is {}, not {}", found.describe(), kind.describe());
    sink.push(Diagnostic::new(Code::WrongKind, message).at(document.span, "here"));
    None
}

fn read<T: SchemaFile>(
    document: &Document,
    loader: &mut Loader<'_>,
    settings: &[Setting],
    sink: &DiagnosticSink,
) -> Option<T> {
    let schema = schema::derived::<T>();
    let schema = Schema(&schema);
    let over = |base: &Map, own: &Map| lay::maps(schema, base, own);
    let mut map = loader.resolve_by(document, T::KIND, &over)?;
    for setting in settings {
        let entry = loader.setting(&setting.key, &setting.value)?;
        map = over(&map, &lay::setting(&entry, sink)?);
    }
    let checker = Checker { sink, what: T::KIND.describe() };
    let json = checker.whole(schema, &map, document.span)?;
    if !sink.is_empty() {
        return None;
    }
    let value = match serde_json::from_value::<T>(Json::Object(json)) {
        Ok(value) => value,
        Err(error) => {
            let message = format!("the file cannot be read: {error}");
            sink.push(Diagnostic::new(Code::WrongType, message).at(document.span, "here"));
            return None;
        }
    };
    for (key, message) in value.problems() {
        let at = place(&map, key).unwrap_or(document.span);
        sink.push(Diagnostic::new(Code::OutOfRange, message).at(at, "this value"));
    }
    Some(value)
}

/// Where the value of a key such as `schedule.step.at` is written, or the innermost map around it.
fn place(map: &Map, key: &str) -> Option<Span> {
    let mut keys = key.split('.');
    let mut node = map.get(keys.next()?)?;
    for key in keys {
        match node.map().and_then(|map| map.get(key)) {
            Some(inner) => node = inner,
            None => break,
        }
    }
    let Node { span, .. } = node;
    Some(*span)
}
