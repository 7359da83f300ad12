//! Values that are set from outside.

use std::{str::FromStr, sync::Arc};

use inceptive_ir::Span;
use serde::{Deserialize, Serialize};

use crate::{
    architecture::{Draft, with_parameter},
    code::Code,
    diagnostic::{Diagnostic, DiagnosticSink, suggestion},
    document::{SETTABLE, without},
    load::Document,
    lower::block::declared,
    merge::merge,
    source::Sources,
    yaml::{Entry, Map, Node, Value},
};

/// A value that is set from outside: `width=0.75` or `4a.c3=256`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The key: a parameter, variable, top-level key, or argument of a step.
    pub key: String,
    /// Its value, as YAML.
    pub value: String,
}

/// The text is not `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not KEY=VALUE, such as width=0.75 or 4a.c3=256")]
pub struct MalformedSetting(String);

impl FromStr for Setting {
    type Err = MalformedSetting;

    fn from_str(text: &str) -> Result<Self, MalformedSetting> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() && !value.trim().is_empty() => {
                Ok(Self { key: key.trim().to_owned(), value: value.trim().to_owned() })
            }
            _ => Err(MalformedSetting(text.to_owned())),
        }
    }
}

/// An architecture with the settings applied.
pub(crate) struct Changed {
    pub(crate) draft: Draft,
    pub(crate) point: Vec<(String, String)>,
}

/// Applies settings: parameters by name, top-level keys by path, arguments of steps as `step.key`.
pub(crate) fn set(
    mut map: Map,
    entries: &[Entry],
    variables: &[&str],
    document: &Document,
    sources: &Sources,
    sink: &DiagnosticSink,
) -> Changed {
    let mut overrides = Vec::new();
    let mut point = Vec::new();
    for entry in entries {
        let params = map.get("params").map(declared).unwrap_or_default();
        if params.iter().any(|param| param.key == entry.key) {
            map = with_parameter(&map, entry);
        } else if let Some(change) = top_level(entry) {
            map = merge(&map, &change);
        } else if let Some((step, key)) = entry.key.rsplit_once('.') {
            let (step_span, key_span) = parts(entry, step);
            let argument = Entry { key: key.into(), key_span, ..entry.clone() };
            overrides.push((step.to_owned(), step_span, Arc::new(Map(vec![argument]))));
        } else {
            unknown_setting(entry, &params, variables, sink);
            continue;
        }
        let written = sources.get(entry.key_span.source).and_then(|source| {
            let (_, value) = source.text.split_once('=')?;
            Some(value.to_owned())
        });
        point.push((entry.key.to_string(), written.unwrap_or_default()));
    }
    if !point.is_empty() {
        // A changed network is not the one whose accuracy was published.
        map = without(&map, &["published"]);
    }
    Changed { draft: Draft { map, span: document.span, overrides }, point }
}

/// The places of the step and of the argument in the key of a setting.
fn parts(entry: &Entry, step: &str) -> (Span, Span) {
    let Span { source, start, end } = entry.key_span;
    let dot = start.saturating_add(u32::try_from(step.len()).unwrap_or(u32::MAX)).min(end);
    (Span { source, start, end: dot }, Span { source, start: (dot + 1).min(end), end })
}

/// The change of a top-level key.
pub(crate) fn top_level(entry: &Entry) -> Option<Map> {
    if !SETTABLE.contains(&&*entry.key) {
        return None;
    }
    Some(match entry.key.split_once('.') {
        None => Map(vec![entry.clone()]),
        Some((outer, inner)) => {
            let inner = Entry { key: inner.into(), ..entry.clone() };
            let value = Value::Map(Arc::new(Map(vec![inner])));
            let value = Node { span: entry.value.span, value };
            Map(vec![Entry { key: outer.into(), value, ..entry.clone() }])
        }
    })
}

fn unknown_setting(entry: &Entry, params: &[Entry], variables: &[&str], sink: &DiagnosticSink) {
    let mut known: Vec<&str> = SETTABLE.to_vec();
    known.extend(params.iter().map(|param| &*param.key));
    known.extend(variables);
    known.sort_unstable();
    known.dedup();
    let message = format!("`{}` cannot be set", entry.key);
    let unknown =
        Diagnostic::new(Code::UnknownSetting, message).at(entry.key_span, "not known here");
    let help = suggestion(&entry.key, "settings", known);
    sink.push(unknown.help(format!("{help}; arguments of steps are written `4a.c3=256`")));
}
