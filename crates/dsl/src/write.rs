//! Writes networks as YAML: one file without references to others, with everything that was extended, used or set.

use std::sync::Arc;

use inceptive_ir::text;
use serde_yaml::{Mapping, Number, Value as Yaml};

use crate::{
    architecture::Draft,
    document::{RESOLVED_KEYS, without},
    merge::merge,
    yaml::{Entry, Map, Node, Value},
};

/// The text of a network.
pub(crate) fn to_yaml(draft: &Draft) -> Result<String, serde_yaml::Error> {
    let mut map = without(&draft.map, &RESOLVED_KEYS);
    // The last setting wins.
    for (path, span, args) in &draft.overrides {
        let value = |value| Node { span: *span, value };
        let entry = |key: &str, map: Map| Entry {
            key: Arc::from(key),
            key_span: *span,
            value: value(Value::Map(Arc::new(map))),
        };
        let step = Map(vec![entry(path, (**args).clone())]);
        map = merge(&map, &Map(vec![entry("set", step)]));
    }
    serde_yaml::to_string(&mapping(&map))
}

pub(crate) fn mapping(map: &Map) -> Mapping {
    map.0.iter().map(|entry| (Yaml::from(&*text::lines(&entry.key)), yaml(&entry.value))).collect()
}

pub(crate) fn yaml(node: &Node) -> Yaml {
    match &node.value {
        Value::Null => Yaml::Null,
        Value::Bool(flag) => Yaml::Bool(*flag),
        Value::Number(number) => Yaml::Number(exact(*number)),
        Value::Text(text) => Yaml::from(&*text::lines(text)),
        Value::List(items) => Yaml::Sequence(items.iter().map(yaml).collect()),
        Value::Map(map) => Yaml::Mapping(mapping(map)),
    }
}

/// Whole numbers as they were written, without `.0`.
fn exact(number: f64) -> Number {
    #[expect(clippy::cast_possible_truncation, reason = "checked: whole and small")]
    match number.fract() == 0.0 && number.abs() < 2_f64.powi(53) {
        true => Number::from(number as i64),
        false => Number::from(number),
    }
}
