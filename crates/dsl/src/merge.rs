//! Combining a file with the one that it extends.

use std::rc::Rc;

use crate::yaml::{Entry, Map, Node, Value};

/// Keys that describe one network and never pass to a variant of it.
const NOT_INHERITED: [&str; 3] = ["name", "description", "published"];

/// Keys whose map is a choice of one form, replaced as a whole.
const WHOLE: [&str; 1] = ["tail"];

/// `base` as a variant sees it.
pub(crate) fn inherited(base: &Map) -> Map {
    Map(base.0.iter().filter(|entry| !NOT_INHERITED.contains(&&*entry.key)).cloned().collect())
}

/// `base` changed by `over`: maps merge deeply, other values replace, null removes.
pub(crate) fn merge(base: &Map, over: &Map) -> Map {
    merge_keys(base, over, true)
}

fn merge_keys(base: &Map, over: &Map, null_removes: bool) -> Map {
    let mut merged = base.clone();
    for entry in &over.0 {
        let place = merged.0.iter().position(|known| known.key == entry.key);
        match place {
            Some(at) if null_removes && entry.value.value == Value::Null => {
                merged.0.remove(at);
            }
            Some(at) => {
                let value = merge_values(&merged.0[at].value, entry);
                merged.0[at] = Entry { value, ..entry.clone() };
            }
            None => merged.0.push(entry.clone()),
        }
    }
    merged
}

fn merge_values(base: &Node, over: &Entry) -> Node {
    match (&base.value, &over.value.value) {
        (Value::Map(base), Value::Map(map)) if !WHOLE.contains(&&*over.key) => {
            // A null parameter is one without default, not one to remove.
            let merged = merge_keys(base, map, &*over.key != "params");
            Node { span: over.value.span, value: Value::Map(Rc::new(merged)) }
        }
        _ => over.value.clone(),
    }
}
