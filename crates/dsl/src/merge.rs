//! Combining a file with the one that it extends.

use std::{collections::HashMap, sync::Arc};

use crate::yaml::{Entry, Map, Node, Value};

/// Keys that describe one network and never pass to a variant of it.
const NOT_INHERITED: [&str; 4] = ["name", "description", "notes", "published"];

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
    let mut merged: Vec<Option<Entry>> = base.0.iter().cloned().map(Some).collect();
    let mut places: HashMap<Arc<str>, usize> =
        base.0.iter().enumerate().map(|(place, entry)| (Arc::clone(&entry.key), place)).collect();
    for entry in &over.0 {
        let place = *places.entry(Arc::clone(&entry.key)).or_insert_with(|| {
            merged.push(None);
            merged.len() - 1
        });
        merged[place] = match merged[place].take() {
            Some(_) if null_removes && entry.value.value == Value::Null => None,
            Some(known) => {
                Some(Entry { value: merge_values(&known.value, entry), ..entry.clone() })
            }
            None => Some(entry.clone()),
        };
    }
    Map(merged.into_iter().flatten().collect())
}

fn merge_values(base: &Node, over: &Entry) -> Node {
    match (&base.value, &over.value.value) {
        (Value::Map(base), Value::Map(map)) if !WHOLE.contains(&&*over.key) => {
            // A null parameter is one without default, not one to remove.
            let merged = merge_keys(base, map, &*over.key != "params");
            Node { span: over.value.span, value: Value::Map(Arc::new(merged)) }
        }
        _ => over.value.clone(),
    }
}
