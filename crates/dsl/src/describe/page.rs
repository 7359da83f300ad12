//! YAML text: short maps and lists in a line, long ones over several.

use std::fmt::{self, Write};

/// The longest line.
const WIDTH: usize = 118;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A number, a word or an expression, as it is written.
    Plain(String),
    /// Any text.
    Text(String),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::Plain(text.into())
    }

    /// In a line.
    fn flow(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Text(text) => quoted(text),
            Self::List(items) => {
                format!("[{}]", items.iter().map(Self::flow).collect::<Vec<_>>().join(", "))
            }
            Self::Map(entries) => {
                let entry =
                    |(key, value): &(String, Self)| format!("{}: {}", key_of(key), value.flow());
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// An item of a list in a line: a map of one key needs no braces there.
    fn flow_item(&self) -> String {
        match self {
            Self::Map(entries) if entries.len() == 1 => {
                let (key, value) = &entries[0];
                format!("{}: {}", key_of(key), value.flow_nested())
            }
            other => other.flow_nested(),
        }
    }

    /// In a line, with steps of lists without braces.
    fn flow_nested(&self) -> String {
        match self {
            Self::List(items) => {
                format!("[{}]", items.iter().map(Self::flow_item).collect::<Vec<_>>().join(", "))
            }
            Self::Map(entries) => {
                let entry = |(key, value): &(String, Self)| {
                    format!("{}: {}", key_of(key), value.flow_nested())
                };
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
            other => other.flow(),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            Self::Plain(_) | Self::Text(_) => true,
        }
    }

    /// Writes the value of a key or an item, after `start` characters of its line, whose own lines are indented by `indent`.
    fn write(&self, f: &mut fmt::Formatter<'_>, start: usize, indent: usize) -> fmt::Result {
        let flow = self.flow_nested();
        if self.is_empty() || start + 1 + flow.chars().count() <= WIDTH {
            return writeln!(f, " {flow}");
        }
        match self {
            Self::Plain(_) | Self::Text(_) => writeln!(f, " {flow}"),
            Self::Map(entries) if is_flat(entries) => write_wrapped(f, entries, start, indent),
            Self::Map(entries) => {
                f.write_char('\n')?;
                entries.iter().try_for_each(|(key, value)| write_entry(f, key, value, indent))
            }
            Self::List(items) => {
                f.write_char('\n')?;
                items.iter().try_for_each(|item| write_item(f, item, indent))
            }
        }
    }
}

/// Whether a map has only single values.
fn is_flat(entries: &[(String, Value)]) -> bool {
    entries.iter().all(|(_, value)| matches!(value, Value::Plain(_) | Value::Text(_)))
}

/// A map in braces over several lines.
fn write_wrapped(
    f: &mut fmt::Formatter<'_>,
    entries: &[(String, Value)],
    start: usize,
    indent: usize,
) -> fmt::Result {
    f.write_str(" {")?;
    let mut column = start + 2;
    for (position, (key, value)) in entries.iter().enumerate() {
        let end = if position + 1 == entries.len() { "}" } else { "," };
        let text = format!("{}: {}{end}", key_of(key), value.flow());
        let length = text.chars().count();
        if position > 0 && column + 1 + length > WIDTH {
            write!(f, "\n{:indent$}", "")?;
            column = indent;
        } else if position > 0 {
            f.write_char(' ')?;
            column += 1;
        }
        f.write_str(&text)?;
        column += length;
    }
    f.write_char('\n')
}

fn write_entry(f: &mut fmt::Formatter<'_>, key: &str, value: &Value, indent: usize) -> fmt::Result {
    let key = key_of(key);
    write!(f, "{:indent$}{key}:", "")?;
    value.write(f, indent + key.chars().count() + 1, indent + 2)
}

/// An item of a list: a step, with its arguments behind it.
fn write_item(f: &mut fmt::Formatter<'_>, item: &Value, indent: usize) -> fmt::Result {
    write!(f, "{:indent$}-", "")?;
    let flow = item.flow_item();
    if indent + 2 + flow.chars().count() <= WIDTH {
        return writeln!(f, " {flow}");
    }
    match item {
        Value::Map(entries) if entries.len() == 1 => {
            let (key, value) = &entries[0];
            let key = key_of(key);
            write!(f, " {key}:")?;
            value.write(f, indent + 3 + key.chars().count(), indent + 6)
        }
        other => other.write(f, indent + 1, indent + 2),
    }
}

/// A whole file.
#[derive(Clone, Debug, Default)]
pub(super) struct Page(pub(super) Vec<(String, Value)>);

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (key, value)) in self.0.iter().enumerate() {
            let is_long = matches!(key.as_str(), "defaults" | "blocks" | "body" | "tail");
            if position > 0 && is_long {
                f.write_char('\n')?;
            }
            match (key.as_str(), value) {
                ("body", Value::List(items)) => {
                    writeln!(f, "{key}:")?;
                    items.iter().try_for_each(|item| write_item(f, item, 2))?;
                }
                ("blocks", Value::Map(entries)) => {
                    writeln!(f, "{key}:")?;
                    for (name, block) in entries {
                        writeln!(f, "  {}:", key_of(name))?;
                        if let Value::Map(entries) = block {
                            entries
                                .iter()
                                .try_for_each(|(key, value)| write_block_entry(f, key, value))?;
                        }
                    }
                }
                _ => write_entry(f, key, value, 0)?,
            }
        }
        Ok(())
    }
}

/// A key of a block; each branch and each step has a line of its own.
fn write_block_entry(f: &mut fmt::Formatter<'_>, key: &str, value: &Value) -> fmt::Result {
    match value {
        Value::Map(branches) if key == "branches" => {
            writeln!(f, "    {key}:")?;
            branches.iter().try_for_each(|(name, steps)| write_entry(f, name, steps, 6))
        }
        Value::List(steps) if key == "steps" => {
            writeln!(f, "    {key}:")?;
            steps.iter().try_for_each(|step| write_item(f, step, 6))
        }
        _ => write_entry(f, key, value, 4),
    }
}

/// A key as it is, or in quotes.
fn key_of(key: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./ $".contains(c);
    let starts =
        key.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
    let reads_as_itself =
        !matches!(key, "y" | "n" | "true" | "false" | "null" | "yes" | "no" | "on" | "off");
    match starts && key.chars().all(is_plain) && reads_as_itself {
        true => key.to_owned(),
        false => quoted(key),
    }
}

/// A text in double quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
