//! How a step is written: `conv reduce: {kernel: 1}` or `relu`.

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

impl Step<'_> {
    /// Whether the operator is an expression, so that it may be one of several.
    pub(crate) fn is_chosen(&self) -> bool {
        self.word.starts_with('$')
    }
}

/// Operator and name of a step. One that is too long is not looked through.
pub(crate) fn words(text: &str) -> (&str, Option<&str>) {
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
