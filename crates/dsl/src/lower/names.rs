//! The names in a list of steps, and the results that they stand for.

use std::{cell::Cell, collections::HashMap};

use inceptive_ir::{Path, Span};

use super::Cursor;
use crate::{
    code::Code,
    diagnostic::Diagnostic,
    scope::Reader,
    step::words,
    yaml::{Node, Value},
};

/// What the input of a list is called in it.
const INPUT: &str = "in";

/// The names in a list of steps. A list inside of another one sees the names of both.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    outer: Option<&'a Self>,
    /// The path of the list.
    path: Path,
    /// The result that the list reads; none in steps of a condition, which read as the list around them does.
    input: Option<Cursor>,
    /// What the inputs of the list are called, if they were given names.
    inputs: Vec<String>,
    taken: HashMap<String, Taken>,
    /// Steps without a name so far, by operator.
    numbered: HashMap<String, usize>,
    /// The name that a step without `from` reads.
    last: Option<String>,
    /// Whether a step reads what is not known, which may be any of them.
    may_all_be_read: Cell<bool>,
}

/// A name that is taken.
#[derive(Debug)]
struct Taken {
    span: Span,
    /// What it stands for; none of a step that is still to come, and of a reserved name.
    result: Option<Cursor>,
    is_read: Cell<bool>,
}

impl Taken {
    fn new(span: Span, result: Option<Cursor>) -> Self {
        Self { span, result, is_read: Cell::new(false) }
    }
}

/// Why a name cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is that of a step that is not computed yet.
    Later(Span),
    /// No step has this name.
    Unknown,
}

/// A result that nothing reads.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) name: String,
    pub(super) span: Span,
    /// Whether it is an input of the list, not a step of it.
    pub(super) is_input: bool,
}

impl<'a> Names<'a> {
    /// The names in a list that sees no other.
    pub(crate) fn of(path: Path, input: Cursor) -> Self {
        Self {
            outer: None,
            path,
            input: Some(input),
            inputs: Vec::new(),
            taken: HashMap::new(),
            numbered: HashMap::new(),
            last: None,
            may_all_be_read: Cell::new(false),
        }
    }

    /// The names in a list inside of another one.
    pub(super) fn inside(outer: &'a Self, path: Path, input: Cursor) -> Self {
        Self { outer: Some(outer), ..Self::of(path, input) }
    }

    /// The names in steps that may or may not be part of a list.
    pub(super) fn maybe_in(outer: &'a Self, input: Cursor) -> Self {
        Self { input: None, ..Self::inside(outer, outer.path.clone(), input) }
    }

    /// The path of the list.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the list reads, unless it says otherwise.
    pub(super) fn input(&self) -> Option<Cursor> {
        self.input
    }

    /// The lists, from this one outwards.
    pub(super) fn lists(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |names| names.outer)
    }

    /// Gives an input of the list a name; the first one is what the first step reads.
    pub(super) fn declare(&mut self, name: &str, span: Span, input: Cursor, reader: &Reader<'_>) {
        self.take(name, span, reader);
        if self.inputs.is_empty() {
            self.last = Some(name.to_owned());
        }
        self.inputs.push(name.to_owned());
        self.taken.insert(name.to_owned(), Taken::new(span, Some(input)));
    }

    /// Takes the names that the steps of a list were given, so that numbering avoids them.
    pub(super) fn reserve(&mut self, steps: &[Node], reader: &Reader<'_>) {
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
        let first = self.taken.insert(name.to_owned(), Taken::new(span, None));
        if let Some(first) = &first {
            let message = format!("the name `{name}` is given twice in one scope");
            let twice = Diagnostic::new(Code::DuplicateName, message);
            reader.sink.push(twice.at(span, "again here").at(first.span, "first here"));
        }
        first.is_none()
    }

    /// A free name for a step without one: `conv`, `conv2`, `conv3`.
    pub(super) fn number(&mut self, word: &str, span: Span) -> String {
        let count = self.numbered.entry(word.to_owned()).or_default();
        let free = loop {
            *count += 1;
            let name = if *count == 1 { word.to_owned() } else { format!("{word}{count}") };
            if !self.taken.contains_key(&name) {
                break name;
            }
        };
        self.taken.insert(free.clone(), Taken::new(span, None));
        free
    }

    /// Notes the result of a step, which the next one reads.
    pub(super) fn finish(&mut self, name: &str, span: Span, result: Cursor) {
        let taken = self.taken.entry(name.to_owned()).or_insert_with(|| Taken::new(span, None));
        taken.result = Some(result);
        self.last = Some(name.to_owned());
    }

    /// Notes that the next step reads something without a name.
    pub(super) fn finish_unnamed(&mut self) {
        self.last = None;
    }

    /// Notes that what came last is read.
    pub(super) fn read_last(&self) {
        if let Some(taken) = self.last.as_ref().and_then(|last| self.taken.get(last)) {
            taken.is_read.set(true);
        }
    }

    /// Notes that every name may be read: which ones is not known.
    pub(super) fn read_any(&self) {
        self.lists().for_each(|names| names.may_all_be_read.set(true));
    }

    /// The result that a name stands for, which is read.
    pub(super) fn read(&self, name: &str) -> Result<Cursor, Unreadable> {
        for names in self.lists() {
            match names.taken.get(name) {
                Some(Taken { result: Some(result), is_read, .. }) => {
                    is_read.set(true);
                    return Ok(*result);
                }
                // What a list around this one calls so is not meant.
                Some(taken) if !names.is_input(name) => return Err(Unreadable::Later(taken.span)),
                _ => {}
            }
            if let Some(input) = names.input.filter(|_| names.is_input(name)) {
                if let Some(taken) = names.inputs.first().and_then(|it| names.taken.get(it)) {
                    taken.is_read.set(true);
                }
                return Ok(input);
            }
        }
        Err(Unreadable::Unknown)
    }

    /// Whether a name stands for the input of this list; the network's own is `input` as well.
    fn is_input(&self, name: &str) -> bool {
        name == INPUT || (name == "input" && self.outer.is_none() && self.path.is_root())
    }

    /// The path of the list that has a step with this name; the step is read.
    pub(super) fn list_of(&self, name: &str) -> Option<&Path> {
        let found = self.lists().find_map(|names| Some((names, names.taken.get(name)?)));
        let (names, taken) = found.filter(|(_, taken)| taken.result.is_some())?;
        taken.is_read.set(true);
        Some(&names.path)
    }

    /// Every name that can be read.
    pub(super) fn known(&self) -> Vec<&str> {
        let of_steps = self.lists().flat_map(|names| {
            let computed = names.taken.iter().filter(|(_, taken)| taken.result.is_some());
            computed.map(|(name, _)| name.as_str())
        });
        let mut known: Vec<&str> = of_steps.chain([INPUT]).collect();
        known.sort_unstable();
        known.dedup();
        known
    }

    /// The names of steps that may be part of the list around them, for [`Names::adopt`].
    pub(super) fn into_maybe(mut self) -> Vec<(String, Span, bool)> {
        self.read_last();
        let results = self.taken.drain().filter(|(_, taken)| taken.result.is_some());
        results.map(|(name, taken)| (name, taken.span, taken.is_read.get())).collect()
    }

    /// Takes names of steps that may be part of the list.
    pub(super) fn adopt(&mut self, maybe: Vec<(String, Span, bool)>, result: Cursor) {
        for (name, span, is_read) in maybe {
            let taken = self.taken.entry(name).or_insert_with(|| Taken::new(span, None));
            taken.result = Some(result);
            taken.is_read.set(taken.is_read.get() || is_read);
        }
    }

    /// The results in the list that nothing reads, in the order of the file. The last one is that of the list.
    pub(super) fn unread(&self) -> Vec<Unread> {
        if self.may_all_be_read.get() {
            return Vec::new();
        }
        self.read_last();
        let unread = |(name, taken): (&String, &Taken)| {
            let is_unread = taken.result.is_some() && !taken.is_read.get();
            let is_input = self.inputs.contains(name);
            is_unread.then(|| Unread { name: name.clone(), span: taken.span, is_input })
        };
        let mut all: Vec<Unread> = self.taken.iter().filter_map(unread).collect();
        all.sort_unstable_by_key(|unread| (unread.span.source, unread.span.start));
        all
    }
}
