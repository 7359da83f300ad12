//! Parses YAML text into a tree of values with their places.
//!
//! serde_yaml reads the values but not their places. So the text is read twice: a pass over parser events records the
//! place of every value and refuses hostile documents (too deep, too many values behind aliases, duplicate keys) before
//! serde_yaml reads them; then both are joined.

use std::{collections::HashMap, sync::Arc};

use inceptive_ir::Span;
use saphyr_parser::{Event, Parser, Span as Range};

use crate::{
    code::Code,
    diagnostic::{Diagnostic, DiagnosticSink},
};

/// How deep lists and maps may be nested.
const MAX_DEPTH: usize = 64;
/// How many values a document may have, aliases expanded.
const MAX_VALUES: usize = 100_000;
/// How many bytes a text may have: a step in a `repeat` reads its texts again and again.
const MAX_TEXT: usize = 4096;

/// A value and its place. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// A YAML value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(Arc<str>),
    List(Arc<[Node]>),
    Map(Arc<Map>),
}

/// A map in the order of its keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Map(pub(crate) Vec<Entry>);

/// A key, its place, and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Arc<str>,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

impl Map {
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| &*entry.key == key)
    }
}

impl Node {
    pub(crate) fn map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What the value is, for messages: `a number`, `text`.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The value as short text, for messages.
    pub(crate) fn brief(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => shown(*number),
            Value::Text(text) => format!("`{text}`"),
            Value::List(_) | Value::Map(_) => self.kind().to_owned(),
        }
    }
}

/// A number for messages: 1e300 has 301 digits.
pub(crate) fn shown(number: f64) -> String {
    if number.is_finite() && number.abs() >= 1e15 {
        format!("{number:e}")
    } else {
        number.to_string()
    }
}

/// Parses one document; returns it with the number of its values after aliases are expanded. The text begins at byte
/// `start` of its source.
pub(crate) fn parse(
    text: &str,
    source: u32,
    start: u32,
    sink: &DiagnosticSink,
) -> Option<(Node, usize)> {
    let places = Places::new(text, source, start);
    refuse_control_characters(text, &places, sink)?;
    let skeleton = Skeleton::read(text, &places, sink)?;
    let value = match serde_yaml::from_str::<serde_yaml::Value>(text) {
        Ok(value) => value,
        Err(error) => {
            let at = error.location().map_or(skeleton.span(), |at| places.byte_span(at.index()));
            let rest = text.get(at.start.saturating_sub(start) as usize..).unwrap_or("");
            if error.to_string().contains("duplicate entry") && !sink.is_empty() {
                // The pass over events has named both places.
                return None;
            }
            sink.push(match huge_integer(rest) {
                Some(length) => {
                    let number = Span { end: at.start.saturating_add(length), ..at };
                    Diagnostic::new(Code::OutOfRange, "the number is too large")
                        .at(number, "out of range")
                }
                None => Diagnostic::new(Code::YamlSyntax, error.to_string()).at(at, "here"),
            });
            return None;
        }
    };
    join(&skeleton, value, sink).map(|node| (node, skeleton.size()))
}

/// The length of the integer at the start of a text if it fits no 64 bits: serde_yaml's values cannot hold it.
fn huge_integer(text: &str) -> Option<u32> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    u32::try_from(text.len() - digits.len() + count).ok().filter(|_| count >= 19)
}

/// YAML has no control characters but tabs and line ends; an editor does not show others, so they are named.
fn refuse_control_characters(text: &str, places: &Places, sink: &DiagnosticSink) -> Option<()> {
    let allowed = ['\t', '\n', '\r', '\u{85}'];
    let is_bad = |c: char| {
        (c.is_control() && !allowed.contains(&c))
            || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    let Some((at, bad)) = text.char_indices().find(|(_, c)| is_bad(*c)) else { return Some(()) };
    let message = format!("the character {} is not allowed in YAML", bad.escape_unicode());
    let diagnostic = Diagnostic::new(Code::YamlSyntax, message).at(places.byte_span(at), "here");
    sink.push(match bad {
        '\0' => diagnostic.help("save the file as UTF-8; it may be UTF-16, or not text at all"),
        _ => diagnostic.help("delete it; in quotes it is written as an escape such as `\"\\e\"`"),
    });
    None
}

/// A file without any value.
pub(crate) fn no_data(span: Span) -> Diagnostic {
    Diagnostic::new(Code::EmptyFile, "the file holds no data")
        .at(span, "")
        .help("`inceptive explain E004` shows the smallest architecture")
}

fn too_deep(span: Span) -> Diagnostic {
    let message = format!("lists and maps are nested more than {MAX_DEPTH} levels deep");
    Diagnostic::new(Code::TooDeep, message).at(span, "here")
}

/// The usual cause of a message of the YAML parser.
fn syntax_help(info: &str) -> &'static str {
    if info.contains("tab") {
        "indent with spaces"
    } else if info.contains("anchor") {
        "an alias `*name` needs an anchor `&name` on a value before it"
    } else {
        "check for an unclosed bracket or quote, or a missing space after a colon, here or above"
    }
}

/// Turns positions of the parser, in characters, into bytes.
struct Places {
    source: u32,
    /// Where the text begins in its source.
    base: u32,
    length: u32,
    /// Byte of every character; empty for ASCII, where both agree.
    bytes: Vec<u32>,
}

impl Places {
    fn new(text: &str, source: u32, base: u32) -> Self {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let bytes = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(byte, _)| u32::try_from(byte).unwrap_or(length)).collect()
        };
        Self { source, base, length, bytes }
    }

    fn byte(&self, character: usize) -> u32 {
        if self.bytes.is_empty() {
            u32::try_from(character).unwrap_or(self.length).min(self.length)
        } else {
            self.bytes.get(character).copied().unwrap_or(self.length)
        }
    }

    fn span(&self, range: Range) -> Span {
        let (start, end) = (self.byte(range.start.index()), self.byte(range.end.index()));
        self.placed(start, end.max(start))
    }

    fn byte_span(&self, byte: usize) -> Span {
        let start = u32::try_from(byte).unwrap_or(self.length).min(self.length);
        self.placed(start, (start + 1).min(self.length))
    }

    fn placed(&self, start: u32, end: u32) -> Span {
        let within = |byte: u32| byte.saturating_add(self.base);
        Span { source: self.source, start: within(start), end: within(end) }
    }
}

/// The places of a document's values, aliases shared.
#[derive(Clone, Debug)]
enum Skeleton {
    Scalar { span: Span, text: Arc<str> },
    List { span: Span, items: Arc<[Skeleton]>, size: usize },
    Map { span: Span, entries: Arc<[(Skeleton, Skeleton)]>, size: usize },
}

/// A list or map that is being read.
struct Open {
    is_map: bool,
    span: Span,
    anchor: usize,
    items: Vec<Skeleton>,
    size: usize,
}

impl Skeleton {
    fn span(&self) -> Span {
        match self {
            Self::Scalar { span, .. } | Self::List { span, .. } | Self::Map { span, .. } => *span,
        }
    }

    /// Number of values, aliases expanded.
    fn size(&self) -> usize {
        match self {
            Self::Scalar { .. } => 1,
            Self::List { size, .. } | Self::Map { size, .. } => *size,
        }
    }

    fn read(text: &str, places: &Places, sink: &DiagnosticSink) -> Option<Self> {
        let mut reader = Reader { sink, open: vec![], anchors: HashMap::new(), done: None };
        let mut documents = 0;
        for event in Parser::new_from_str(text) {
            let (event, range) = match event {
                Ok(event) => event,
                Err(error) => {
                    let at = places.span(Range::new(*error.marker(), *error.marker()));
                    if error.info().contains("recursion limit") {
                        sink.push(too_deep(at));
                        return None;
                    }
                    let message = format!("the YAML cannot be read: {}", error.info());
                    let diagnostic = Diagnostic::new(Code::YamlSyntax, message).at(at, "here");
                    sink.push(diagnostic.help(syntax_help(error.info())));
                    return None;
                }
            };
            if matches!(event, Event::DocumentStart(_)) {
                documents += 1;
            }
            let span = places.span(range);
            if documents > 1 {
                let message = "the file holds more than one YAML document";
                let second = Diagnostic::new(Code::UnsupportedYaml, message);
                sink.push(
                    second.at(span, "the second one starts here").help("use one file for each"),
                );
                return None;
            }
            reader.event(event, span)?;
        }
        if reader.done.is_none() {
            sink.push(no_data(places.byte_span(0)));
        }
        reader.done
    }
}

struct Reader<'a> {
    sink: &'a DiagnosticSink,
    open: Vec<Open>,
    anchors: HashMap<usize, Skeleton>,
    done: Option<Skeleton>,
}

impl Reader<'_> {
    /// Handles one event; `None` if the document is refused.
    fn event(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        match event {
            Event::Scalar(text, _, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span);
                if text.len() > MAX_TEXT {
                    let message = format!("a text is longer than {} KiB", MAX_TEXT >> 10);
                    return self.refuse(Code::FileTooLarge, &message, span);
                }
                self.close(Skeleton::Scalar { span, text: Arc::from(&*text) }, anchor)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(target) => self.close(target, 0),
                None => self.refuse(Code::YamlSyntax, "the alias refers to itself", span),
            },
            Event::SequenceStart(anchor, tag) => self.start(false, anchor, tag.is_some(), span),
            Event::MappingStart(anchor, tag) => self.start(true, anchor, tag.is_some(), span),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Some(()),
        }
    }

    fn refuse<T>(&self, code: Code, message: &str, span: Span) -> Option<T> {
        self.sink.push(Diagnostic::new(code, message).at(span, "here"));
        None
    }

    fn refuse_tag(&self, tagged: bool, span: Span) {
        if tagged {
            let message = "tags are not supported in architecture files";
            self.sink
                .push(Diagnostic::new(Code::UnsupportedYaml, message).at(span, "remove the tag"));
        }
    }

    fn start(&mut self, is_map: bool, anchor: usize, tagged: bool, span: Span) -> Option<()> {
        self.refuse_tag(tagged, span);
        if self.open.len() >= MAX_DEPTH {
            self.sink.push(too_deep(span));
            return None;
        }
        self.open.push(Open { is_map, span, anchor, items: Vec::new(), size: 1 });
        Some(())
    }

    fn end(&mut self) -> Option<()> {
        let Open { is_map, mut span, anchor, items, size } = self.open.pop()?;
        span.end = items.last().map_or(span.end, |last| last.span().end).max(span.start);
        let skeleton = if is_map {
            let mut entries = Vec::with_capacity(items.len() / 2);
            let mut items = items.into_iter();
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                entries.push((key, value));
            }
            self.check_keys(&entries);
            Skeleton::Map { span, entries: entries.into(), size }
        } else {
            Skeleton::List { span, items: items.into(), size }
        };
        self.close(skeleton, anchor)
    }

    fn check_keys(&self, entries: &[(Skeleton, Skeleton)]) {
        let mut seen: HashMap<&str, Span> = HashMap::with_capacity(entries.len());
        for (key, _) in entries {
            let Skeleton::Scalar { span, text } = key else {
                let message = "keys are words or numbers, not lists or maps";
                self.sink.push(
                    Diagnostic::new(Code::UnsupportedYaml, message)
                        .at(key.span(), "this key")
                        .help("`{c1, r3}` is a map with keys `c1` and `r3`; as a value it needs a key before it"),
                );
                continue;
            };
            if let Some(first) = seen.insert(text, *span) {
                let message = format!("the key `{text}` is given twice");
                let twice = Diagnostic::new(Code::DuplicateKey, message);
                self.sink.push(twice.at(*span, "again here").at(first, "first here"));
            }
        }
    }

    /// Puts a finished value where it belongs.
    fn close(&mut self, value: Skeleton, anchor: usize) -> Option<()> {
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.done = Some(value);
            return Some(());
        };
        parent.size = parent.size.saturating_add(value.size());
        if parent.size > MAX_VALUES {
            let span = value.span();
            let message = format!("the file has more than {MAX_VALUES} values, aliases expanded");
            return self.refuse(Code::TooManyValues, &message, span);
        }
        parent.items.push(value);
        Some(())
    }
}

/// Joins the places with what serde_yaml read.
fn join(skeleton: &Skeleton, value: serde_yaml::Value, sink: &DiagnosticSink) -> Option<Node> {
    use serde_yaml::Value as Yaml;
    let span = skeleton.span();
    let value = match (skeleton, value) {
        (_, Yaml::Null) => Value::Null,
        (_, Yaml::Bool(flag)) => Value::Bool(flag),
        (_, Yaml::Number(number)) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        (_, Yaml::String(text)) => Value::Text(Arc::from(text)),
        (Skeleton::List { items, .. }, Yaml::Sequence(values)) if items.len() == values.len() => {
            let nodes: Option<Vec<Node>> =
                items.iter().zip(values).map(|(item, value)| join(item, value, sink)).collect();
            Value::List(nodes?.into())
        }
        (Skeleton::Map { entries, .. }, Yaml::Mapping(values)) if entries.len() == values.len() => {
            let nodes: Option<Vec<Entry>> = entries
                .iter()
                .zip(values)
                .map(|((key, place), (_, value))| {
                    let Skeleton::Scalar { text, span } = key else { return None };
                    let value = join(place, value, sink)?;
                    Some(Entry { key: Arc::clone(text), key_span: *span, value })
                })
                .collect();
            Value::Map(Arc::new(Map(nodes?)))
        }
        (_, Yaml::Sequence(_) | Yaml::Mapping(_) | Yaml::Tagged(_)) => {
            // The two parsers read the text differently, as with a tag, which is refused already.
            if sink.is_empty() {
                let message = "this part of the YAML is ambiguous";
                sink.push(
                    Diagnostic::new(Code::YamlSyntax, message).at(span, "write it in another way"),
                );
            }
            return None;
        }
    };
    Some(Node { span, value })
}
