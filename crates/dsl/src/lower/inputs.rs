//! What a step reads: the result before it, or those that its `from` names.

use inceptive_ir::{Path, Span};

use super::{
    Callee, Cursor, Lowering,
    names::{Names, Unreadable},
};
use crate::{
    args::Builtin,
    code::Code,
    diagnostic::{Diagnostic, nearest, suggestion},
    expr::{Val, ValKind},
    field::{Field, FromKey, InputNames},
    scope::Reader,
    step::{Step, check_name},
    yaml::{Map, Node, Value},
};

/// How many names of steps inside of a step are suggested in place of one that does not exist.
const MOST_SUGGESTED: usize = 1000;

/// A name that is written in `from` or `inputs`.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) span: Span,
}

/// What a step reads.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    /// The results; empty if which ones is not known.
    cursors: Vec<Cursor>,
    /// What `from` calls them; empty without it.
    names: Vec<Name>,
    /// Where `from` is written.
    from: Option<Span>,
    /// A place that is not known.
    nowhere: Cursor,
}

impl Inputs {
    /// The result before a step.
    pub(super) fn before(cursor: Cursor) -> Self {
        let nowhere = cursor.unknown();
        Self { cursors: vec![cursor], names: Vec::new(), from: None, nowhere }
    }

    fn unknown(from: Option<Span>, nowhere: Cursor) -> Self {
        Self { cursors: Vec::new(), names: Vec::new(), from, nowhere }
    }

    /// The results, as many as a step reads; if it is not known which, none of them is.
    pub(super) fn cursors(&self, count: usize) -> Vec<Cursor> {
        let missing = count.saturating_sub(self.cursors.len());
        let missing = std::iter::repeat_n(self.nowhere, missing);
        self.cursors.iter().copied().chain(missing).take(count).collect()
    }

    /// The results with their names; none if they are not known, or if there is no `from`.
    pub(super) fn named(&self) -> Option<impl Iterator<Item = (&Name, Cursor)>> {
        let is_known = self.cursors.len() == self.names.len() && !self.names.is_empty();
        is_known.then(|| self.names.iter().zip(self.cursors.iter().copied()))
    }

    /// The first result that there is, which `$in` describes.
    pub(super) fn first(&self) -> Cursor {
        let present = self.cursors.iter().find(|cursor| !cursor.is_absent);
        present.or(self.cursors.first()).copied().unwrap_or(self.nowhere)
    }

    /// Whether `none` leaves nothing to read.
    pub(super) fn are_absent(&self) -> bool {
        !self.cursors.is_empty() && self.cursors.iter().all(|cursor| cursor.is_absent)
    }

    /// Whether `from` says what they are.
    pub(super) fn are_given(&self) -> bool {
        self.from.is_some()
    }
}

/// Where a block or a repetition gives names to its inputs.
fn declaration(map: Option<&Map>) -> Option<&Node> {
    map?.get("inputs")
}

/// The names that a block or a repetition gives to its inputs.
pub(super) fn names_of(inputs: &InputNames, reader: &Reader<'_>) -> Vec<Name> {
    let items = inputs.0.list().unwrap_or_default();
    let name = |item: &Node| {
        let text = match &item.value {
            Value::Text(text) => text.to_string(),
            Value::Number(number) => number.to_string(),
            _ => return reader.wrong_type(item, "the name of an input"),
        };
        check_name(&text, "input", item.span, reader)?;
        Some(Name { text, span: item.span })
    };
    items.iter().filter_map(name).collect()
}

/// Reads `from`: a name, a list of names, or an expression that is one of both.
fn written(node: &Node, reader: &Reader<'_>) -> Option<Vec<Name>> {
    if let Value::List(items) = &node.value {
        let names: Vec<Option<Vec<Name>>> = items.iter().map(|it| written(it, reader)).collect();
        return names.into_iter().collect::<Option<Vec<_>>>().map(|names| names.concat());
    }
    let Val { kind, .. } = reader.scalar(node)?;
    let text = match kind {
        ValKind::Text(text) => text.to_string(),
        ValKind::Number(number) => number.to_string(),
        ValKind::Node(Node { value: value @ Value::List(_), .. }) => {
            return written(&Node { span: node.span, value }, reader);
        }
        ValKind::Bool(_) | ValKind::Node(_) => {
            return reader.wrong_type(node, "the name of a step, or a list of names");
        }
    };
    Some(vec![Name { text, span: node.span }])
}

impl Lowering<'_> {
    /// What a step at a place reads.
    pub(super) fn inputs(
        &self,
        step: &Step<'_>,
        place: &Path,
        before: Cursor,
        names: &Names<'_>,
        reader: &Reader<'_>,
    ) -> Inputs {
        let replaced = self.overrides.get(place).into_iter().flatten();
        let own = step.args.and_then(Node::map);
        let mut from = replaced.filter_map(|entry| entry.args.get("from"));
        let Some(from) = from.next().or_else(|| own?.get("from")) else {
            names.read_last();
            return Inputs::before(before);
        };
        let nowhere = self.nowhere();
        let read = FromKey::read(from, reader).and_then(|FromKey(from)| written(&from, reader));
        let Some(read) = read else {
            names.read_any();
            return Inputs::unknown(Some(from.span), nowhere);
        };
        if read.is_empty() {
            let nothing = Diagnostic::new(Code::WrongInputs, "`from` names no step");
            reader.sink.push(nothing.at(from.span, "empty"));
            return Inputs::unknown(Some(from.span), nowhere);
        }
        let own = place.name();
        let cursors = read.iter().map(|name| self.result(name, own, names, reader)).collect();
        Inputs { cursors, names: read, from: Some(from.span), nowhere }
    }

    /// The result that a step reads under a name.
    fn result(&self, name: &Name, own: &str, names: &Names<'_>, reader: &Reader<'_>) -> Cursor {
        let text = &*name.text;
        let unreadable = match names.read(text) {
            Ok(cursor) => return cursor,
            Err(unreadable) => unreadable,
        };
        if let Some(cursor) = self.result_inside(text, names) {
            return cursor;
        }
        let nowhere = self.nowhere();
        if names.lists().any(|names| self.is_hidden(&names.path().join(text))) {
            return nowhere;
        }
        let diagnostic = |message: String| Diagnostic::new(Code::UnknownPlace, message);
        match unreadable {
            Unreadable::Later(_) if text == own => {
                let itself = diagnostic(format!("`{own}` reads itself"));
                let help = "a step can only read steps before it";
                reader.sink.push(itself.at(name.span, "named here").help(help));
            }
            Unreadable::Later(span) => {
                let message = format!("`{own}` reads `{text}`, which is not computed before it");
                let later = diagnostic(message).at(name.span, "named here");
                let later = later.at(span, format!("`{text}` is here"));
                reader.sink.push(later.help("a step can only read steps before it; move it down"));
            }
            Unreadable::Unknown => {
                // What was meant is not unread as well.
                for meant in nearest(text, names.known()) {
                    let _ = names.read(meant);
                }
                let unknown = diagnostic(format!("there is no step `{text}` to read"));
                let help = || self.names_like(text, names);
                reader.sink.push_with(unknown.at(name.span, "named here"), help);
            }
        }
        nowhere
    }

    /// The result of a step inside of another one, `stage/2`, or what a repetition hands on, `stage.p`.
    fn result_inside(&self, name: &str, names: &Names<'_>) -> Option<Cursor> {
        let path = names.list_of(head(name)?)?.join(name);
        if let Some(&place) = self.places.get(&path) {
            return Some(place);
        }
        let is_unknown = self.is_rehearsal || self.is_hidden(&path);
        match self.is_left_out(&path) {
            true => Some(self.nowhere().absent()),
            false => is_unknown.then(|| self.nowhere()),
        }
    }

    /// What may have been meant by a name that nothing has.
    fn names_like(&self, name: &str, names: &Names<'_>) -> String {
        let list = head(name).and_then(|head| Some((head, names.list_of(head)?)));
        let Some((head, list)) = list else {
            return suggestion(name, "names", names.known());
        };
        let outer = list.join(head);
        let start = outer.as_str().len() - head.len();
        let inside = self.places.range(outer.clone()..).map(|(path, _)| path);
        let inside = inside.take_while(|path| path.as_str().starts_with(outer.as_str()));
        let inside = inside.take(MOST_SUGGESTED).map(|path| &path.as_str()[start..]);
        suggestion(name, "names", inside.collect::<Vec<&str>>())
    }

    /// Reports a number of inputs that a step does not read; then they are not known.
    pub(super) fn expect_count(
        &self,
        inputs: Inputs,
        callee: Option<Callee<'_>>,
        step: &Step<'_>,
        word: &str,
    ) -> Inputs {
        let declaration = match callee {
            None | Some(Callee::Builtin(Builtin::None | Builtin::Join(_))) => return inputs,
            Some(Callee::Builtin(Builtin::Repeat)) => declaration(step.args.and_then(Node::map)),
            Some(Callee::Builtin(_)) => None,
            Some(Callee::Block(block)) => declaration(block.map()),
        };
        let declared = declaration.and_then(Node::list);
        let wanted = declared.map_or(1, <[Node]>::len);
        let given = inputs.cursors.len();
        if given == wanted || given == 0 {
            return inputs;
        }
        let count = |count: usize| match count {
            1 => "1 input".to_owned(),
            count => format!("{count} inputs"),
        };
        let message = format!("`{word}` reads {}, but gets {given}", count(wanted));
        let wrong = Diagnostic::new(Code::WrongInputs, message);
        let wrong = wrong.at(inputs.from.unwrap_or(step.span), "read here");
        let wrong = match declaration {
            Some(declaration) => wrong.at(declaration.span, "declared here"),
            None => wrong,
        };
        self.sink.push(wrong.help(match (wanted, callee) {
            (1, Some(Callee::Builtin(Builtin::Repeat))) => {
                "name what each repetition reads: `inputs: [a, b]`"
            }
            (1, _) => "join them before, with `add`, `concat` or `multiply`",
            _ => "name them all: `from: [a, b]`",
        }));
        Inputs::unknown(inputs.from, self.nowhere())
    }

    /// Reports what nothing in a list reads. That is only known after all of it was gone through, whatever the conditions
    /// in it are.
    pub(super) fn expect_read(&self, names: &Names<'_>) {
        if !self.is_rehearsal {
            return;
        }
        for unread in names.unread() {
            let name = &unread.name;
            if self.outputs.contains(name) {
                continue;
            }
            let (message, help) = match unread.is_input {
                true => (format!("the input `{name}` is never read"), "read it, or remove it"),
                false => (
                    format!("the result of `{name}` is never read"),
                    "name it in the `from` of a later step, or remove it",
                ),
            };
            let diagnostic = Diagnostic::new(Code::UnreadStep, message);
            self.sink.push(diagnostic.at(unread.span, "never read").help(help));
        }
    }
}

/// The step that a name such as `stage/2` or `stage.p` begins with.
fn head(name: &str) -> Option<&str> {
    let inner = name.split_once('/').or_else(|| name.rsplit_once('.'));
    inner.map(|(head, _)| head)
}
