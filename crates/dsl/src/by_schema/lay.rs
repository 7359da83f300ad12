//! Laying a file over the one that it extends, and settings over both.

use std::sync::Arc;

use inceptive_ir::Span;

use crate::{
    code::Code,
    diagnostic::{Diagnostic, DiagnosticSink},
    yaml::{Entry, Map, Node, Value},
};

use super::schema::Schema;

/// How deep the key of a setting may go.
const MAX_KEYS: usize = 16;

/// `base` changed by `over`: maps merge deeply, other values replace, null removes. Another choice of an enum replaces the
/// first one with its arguments.
pub(super) fn maps(schema: Schema<'_>, base: &Map, over: &Map) -> Map {
    let mut entries = base.0.clone();
    for entry in &over.0 {
        let place = entries.iter().position(|known| known.key == entry.key);
        match place {
            None => entries.push(entry.clone()),
            Some(place) if entry.value.value == Value::Null => {
                entries.remove(place);
            }
            Some(place) => {
                let inner = schema.property(&entry.key);
                let value =
                    inner.and_then(|inner| both(inner, &entries[place].value, &entry.value));
                let value = value.unwrap_or_else(|| entry.value.clone());
                entries[place] = Entry { value, ..entry.clone() };
            }
        }
    }
    Map(entries)
}

/// Two maps as one; none when the second one replaces the first.
fn both(schema: Schema<'_>, base: &Node, over: &Node) -> Option<Node> {
    let (base, map) = (base.map()?, over.map()?);
    let merged = match schema.choices() {
        None => maps(schema, base, map),
        Some(choices) => {
            let ([old], [new]) = (&*base.0, &*map.0) else { return None };
            let choice = choices.iter().find(|choice| *choice.name == *new.key)?;
            if old.key != new.key {
                return None;
            }
            let value = both(choice.arguments?, &old.value, &new.value)?;
            Map(vec![Entry { value, ..new.clone() }])
        }
    };
    Some(Node { span: over.span, value: Value::Map(Arc::new(merged)) })
}

/// A setting with a key such as `schedule.step.factor`, as maps in each other.
pub(super) fn setting(entry: &Entry, sink: &DiagnosticSink) -> Option<Map> {
    let count = entry.key.split('.').count();
    if count > MAX_KEYS || &*entry.key == "extends" {
        let message = format!("`{}` cannot be set", entry.key);
        let unknown = Diagnostic::new(Code::UnknownSetting, message);
        let help = "keys are those of a file, and keys in maps are written `schedule.step.factor`";
        sink.push(unknown.at(entry.key_span, "not a key").help(help));
        return None;
    }
    let mut value = entry.value.clone();
    let mut end = entry.key.len();
    for (index, key) in entry.key.rsplit('.').enumerate() {
        let start = end - key.len();
        let at = |offset: usize| entry.key_span.start + u32::try_from(offset).unwrap_or(0);
        let key_span = Span { start: at(start), end: at(end), ..entry.key_span };
        let map = Map(vec![Entry { key: key.into(), key_span, value }]);
        if index + 1 == count {
            return Some(map);
        }
        value = Node { span: entry.value.span, value: Value::Map(Arc::new(map)) };
        end = start.saturating_sub(1);
    }
    None
}
