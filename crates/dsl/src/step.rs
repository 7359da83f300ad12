//! How a step is written: `conv reduce: {kernel: 1}` or `relu`.

use std::collections::HashMap;

use inceptive_ir::{Span, is_invisible};

use crate::{
    code::Code,
    diagnostic::Diagnostic,
    scope::Reader,
    yaml::{Node, Value},
};

/// The longest name of a step, branch, block or parameter.
const LONGEST_NAME: usize = 100;
/// Bytes of the longest operator and name of a step.
const LONGEST_STEP: usize = 1000;

/// A step before its arguments are read.
pub(crate) struct Step<'a> {
    /// The operator or block; may be an expression.
    pub(crate) word: &'a str,
    pub(crate) name: Option<&'a str>,
    /// The place of operator and name.
    pub(crate) span: Span,
    pub(crate) args: Option<&'a Node>,
}

impl<'a> Step<'a> {
    /// Reads the form of a step.
    pub(crate) fn read(node: &'a Node, reader: &Reader<'_>) -> Option<Self> {
        let (text, span, args) = match &node.value {
            Value::Text(text) => (&**text, node.span, None),
            Value::Map(map) if map.0.len() == 1 => {
                let entry = &map.0[0];
                let args = Some(&entry.value).filter(|args| args.value != Value::Null);
                (&*entry.key, entry.key_span, args)
            }
            Value::Map(map) => {
                let (at, found) = match map.0.get(1) {
                    Some(second) => (second.key_span, format!("a map with {} keys", map.0.len())),
                    None => (node.span, "an empty map".to_owned()),
                };
                let message = format!("a step has one key, its operator, but this is {found}");
                let help = "start every step with `- `, and put its arguments in braces or indent them further";
                return reader.report(
                    Diagnostic::new(Code::MalformedStep, message)
                        .at(at, "not part of a step")
                        .help(help),
                );
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => {
                let message = format!("expected a step, found {}", node.brief());
                let help = "a step is `- relu` or `- conv: {kernel: 3, width: 64}`";
                return reader.report(
                    Diagnostic::new(Code::MalformedStep, message)
                        .at(node.span, "not a step")
                        .help(help),
                );
            }
        };
        let (word, name) = words(text);
        if text.len() > LONGEST_STEP {
            check_name(text, "step", span, reader)?;
        }
        if let Some(name) = name {
            check_name(name, "step", span, reader)?;
        }
        Some(Self { word, name, span, args })
    }
}

/// Operator and name of a step. One that is too long is not looked through.
fn words(text: &str) -> (&str, Option<&str>) {
    if text.len() > LONGEST_STEP {
        return (text, None);
    }
    match text.split_once(char::is_whitespace) {
        Some((word, name)) => (word, Some(name.trim())),
        None => (text, None),
    }
}

/// Reports a name that cannot be part of a path.
pub(crate) fn check_name(name: &str, what: &str, span: Span, reader: &Reader<'_>) -> Option<()> {
    let is_long = name.len() > LONGEST_NAME && name.chars().nth(LONGEST_NAME).is_some();
    let bad = name
        .chars()
        .take(LONGEST_NAME)
        .find(|c| c.is_whitespace() || is_invisible(*c) || "/$=".contains(*c));
    let message = match bad {
        _ if is_long => format!("the name of a {what} has more than {LONGEST_NAME} characters"),
        Some(c) if is_invisible(c) => {
            format!(
                "the name of a {what} cannot contain {}, which is invisible",
                c.escape_unicode()
            )
        }
        Some(c) => format!("the name of a {what} cannot contain `{c}`"),
        None if name.is_empty() => format!("the name of a {what} cannot be empty"),
        None => return Some(()),
    };
    reader.report(Diagnostic::new(Code::InvalidName, message).at(span, "this name"))
}

/// The names that are taken in one scope.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: HashMap<String, Span>,
    /// Steps without a name so far, by operator.
    numbered: HashMap<String, usize>,
}

impl Names {
    /// Takes the names that the steps of a list were given, so that numbering avoids them.
    pub(crate) fn reserve(&mut self, steps: &[Node], reader: &Reader<'_>) {
        for step in steps {
            let key = match &step.value {
                Value::Map(map) => map.0.first().map(|entry| (&*entry.key, entry.key_span)),
                Value::Text(text) => Some((&**text, step.span)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => None,
            };
            let named = key.and_then(|(key, span)| words(key).1.map(|name| (name, span)));
            if let Some((name, span)) = named {
                self.take(name, span, reader);
            }
        }
    }

    /// Takes a name that was given; false, with a report, when it is taken.
    pub(crate) fn take(&mut self, name: &str, span: Span, reader: &Reader<'_>) -> bool {
        let first = self.taken.insert(name.to_owned(), span);
        if let Some(first) = first {
            let message = format!("the name `{name}` is given twice in one scope");
            let twice = Diagnostic::new(Code::DuplicateName, message);
            reader.sink.push(twice.at(span, "again here").at(first, "first here"));
        }
        first.is_none()
    }

    /// A free name for a step without one: `conv`, `conv2`, `conv3`.
    pub(crate) fn number(&mut self, word: &str, span: Span) -> String {
        let count = self.numbered.entry(word.to_owned()).or_default();
        let free = loop {
            *count += 1;
            let name = if *count == 1 { word.to_owned() } else { format!("{word}{count}") };
            if !self.taken.contains_key(&name) {
                break name;
            }
        };
        self.taken.insert(free.clone(), span);
        free
    }
}
