//! Combining a file with the one that it extends.

use std::{collections::HashMap, sync::Arc};

use crate::yaml::{Entry, Map, Node, Value};

/// Keys that describe one network and never pass to a variant of it.
const NOT_INHERITED: [&str; 4] = ["name", "description", "notes", "published"];

/// Keys whose map selects one of several forms, and is replaced as a whole.
const WHOLE: [&str; 1] = ["tail"];

/// `base` as a variant sees it.
pub(crate) fn inherited(base: &Map) -> Map {
    Map(base.0.iter().filter(|entry| !NOT_INHERITED.contains(&&*entry.key)).cloned().collect())
}

/// `base` changed by `over`: maps merge deeply, other values replace, null removes.
pub(crate) fn merge(base: &Map, over: &Map) -> Map {
    merge_keys(base, over, true)
}

/// `base` changed by one map after the other.
pub(crate) fn merge_all<'a>(base: &Map, overs: impl Iterator<Item = &'a Map>) -> Map {
    let mut merged = Merging::new(base);
    overs.for_each(|over| merged.lay(over, true));
    merged.finish()
}

fn merge_keys(base: &Map, over: &Map, null_removes: bool) -> Map {
    let mut merged = Merging::new(base);
    merged.lay(over, null_removes);
    merged.finish()
}

/// A map that others are laid over.
struct Merging {
    entries: Vec<Option<Entry>>,
    places: HashMap<Arc<str>, usize>,
}

impl Merging {
    fn new(base: &Map) -> Self {
        let keys = base.0.iter().map(|entry| Arc::clone(&entry.key));
        Self {
            entries: base.0.iter().cloned().map(Some).collect(),
            places: keys.zip(0..).collect(),
        }
    }

    fn lay(&mut self, over: &Map, null_removes: bool) {
        for entry in &over.0 {
            let place = *self.places.entry(Arc::clone(&entry.key)).or_insert_with(|| {
                self.entries.push(None);
                self.entries.len() - 1
            });
            self.entries[place] = match self.entries[place].take() {
                Some(_) if null_removes && entry.value.value == Value::Null => None,
                Some(known) => {
                    Some(Entry { value: merge_values(&known.value, entry), ..entry.clone() })
                }
                None => Some(entry.clone()),
            };
        }
    }

    fn finish(self) -> Map {
        Map(self.entries.into_iter().flatten().collect())
    }
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
