//! Which names an expression can see.

use std::sync::Arc;

use inceptive_ir::{Shape, Span};

use crate::{
    code::Code,
    diagnostic::{Diagnostic, DiagnosticSink, suggestion},
    expr::{self, EvalError, Expr, Lookup, Requirement, Symbol, Tape, Val, ValKind},
    yaml::{Node, Value},
};

/// Minimum size of a value in a list or map, when it is evaluated.
const BYTES_A_VALUE: usize = 4;

/// The input of a step, if it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    /// The shape of the input, and how its channels follow from the variables of a space.
    Known(Shape, Option<Symbol>),
    /// An error before this step, already reported, hides it.
    Unknown,
}

/// A name and its value; `None` if an error, already reported, hides it.
pub(crate) type Named = (Arc<str>, Option<Val>);

/// A frame of named values; frames inside see the frames outside.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    outer: Option<&'a Scope<'a>>,
    values: &'a [Named],
    input: Option<Input>,
    /// Where it is noted how values follow from the variables of a space.
    tape: Option<&'a Tape>,
}

impl<'a> Scope<'a> {
    pub(crate) const EMPTY: Scope<'static> =
        Scope { outer: None, values: &[], input: None, tape: None };

    /// A frame without a parent.
    pub(crate) fn root(values: &'a [Named]) -> Self {
        Self { outer: None, values, input: None, tape: None }
    }

    /// The same names, with a place where it is noted how values follow from the variables of a space.
    pub(crate) fn noting(self, tape: Option<&'a Tape>) -> Self {
        Self { tape, ..self }
    }

    /// Where it is noted how values follow from the variables of a space.
    pub(crate) fn tape(&self) -> Option<&'a Tape> {
        self.tape
    }

    /// A frame inside `self`.
    pub(crate) fn with(&'a self, values: &'a [Named]) -> Self {
        Self { outer: Some(self), values, input: None, tape: self.tape }
    }

    /// The same names, for a step that reads `input`.
    pub(crate) fn reading(&'a self, input: Input) -> Self {
        Self { outer: Some(self), values: &[], input: Some(input), tape: self.tape }
    }

    fn input(&self) -> Option<Input> {
        self.input.or_else(|| self.outer.and_then(Scope::input))
    }

    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.outer.map_or_else(Vec::new, Scope::names);
        names.extend(self.values.iter().map(|(name, _)| &**name));
        if self.input.is_some() && !names.contains(&"in") {
            names.extend(["in", "in_height", "in_width"]);
        }
        names
    }
}

impl Lookup for Scope<'_> {
    fn lookup(&self, name: &str) -> Result<Val, EvalError> {
        if let Some((_, value)) = self.values.iter().find(|(known, _)| **known == *name) {
            return value.clone().ok_or(EvalError::Unknown);
        }
        if let ("in" | "in_height" | "in_width", Some(input)) = (name, self.input()) {
            let Input::Known(shape, channels) = input else { return Err(EvalError::Unknown) };
            let number = match name {
                "in" => shape.channels(),
                "in_height" => shape.size().height,
                _ => shape.size().width,
            };
            let symbol = channels.filter(|_| name == "in");
            return Ok(Val { from_input: true, symbol, ..Val::number(number.into()) });
        }
        match self.outer {
            Some(outer) => outer.lookup(name),
            None => Err(EvalError::NoVariable(name.to_owned())),
        }
    }

    fn tape(&self) -> Option<&Tape> {
        self.tape
    }
}

/// Reads values in a scope and reports errors in them.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) scope: &'a Scope<'a>,
    pub(crate) sink: &'a DiagnosticSink,
}

impl<'a> Reader<'a> {
    pub(crate) fn report<T>(&self, diagnostic: Diagnostic) -> Option<T> {
        self.sink.push(diagnostic);
        None
    }

    pub(crate) fn wrong_type<T>(&self, node: &Node, wanted: &str) -> Option<T> {
        let message = format!("expected {wanted}, found {}", node.brief());
        self.report(Diagnostic::new(Code::WrongType, message).at(node.span, "this value"))
    }

    /// Notes a requirement of the network on the variables of a space.
    pub(crate) fn check(&self, requirement: Requirement) {
        if let Some(tape) = self.tape() {
            tape.check(requirement);
        }
    }

    /// Where it is noted how values follow from the variables of a space.
    fn tape(&self) -> Option<&'a Tape> {
        let tape = self.scope.tape?;
        tape.close_if(!self.sink.is_empty());
        Some(tape)
    }

    /// The value as it is at this point of a space: the variables that it follows from decide about the structure.
    fn decided(&self, value: Val) -> Val {
        if let (Some(symbol), Some(tape)) = (value.symbol, self.tape()) {
            tape.decide(symbol);
        }
        Val { symbol: None, ..value }
    }

    /// The value of an expression, see [`Reader::decided`]; none, with a report, when it has none.
    pub(crate) fn evaluate(&self, text: &str, span: Span) -> Option<Val> {
        self.evaluate_open(text, span).map(|value| self.decided(value))
    }

    /// The value of an expression, which may be a formula; none, with a report, when it has none.
    fn evaluate_open(&self, text: &str, span: Span) -> Option<Val> {
        if !self.sink.may_evaluate(text.len(), span) {
            return None;
        }
        let expr = match expr::parse(text) {
            Ok(expr) => expr,
            Err((at, message)) => {
                let message = format!("the expression `{text}` cannot be read: {message}");
                let at = within(span, text, at, 1);
                return self
                    .report(Diagnostic::new(Code::ExpressionSyntax, message).at(at, "here"));
            }
        };
        match expr.eval(self.scope) {
            Ok(value) => {
                if let Some(mut record) = self.sink.record() {
                    record.value(span, value.describe());
                }
                Some(self.noted(value, &expr))
            }
            // Evaluation stops at the first value that is not known; a mistyped name may come after it.
            Err(EvalError::Unknown | EvalError::NoVariable(_)) => {
                expr.variables(&mut |name| self.expect_variable(name, text, span));
                None
            }
            Err(EvalError::Undefined(reason)) => {
                let message = format!("`{text}` cannot be evaluated: {reason}");
                self.report(Diagnostic::new(Code::Evaluation, message).at(span, "this expression"))
            }
        }
    }

    /// Notes where else a number can be computed; who may use true or false as a formula is not known.
    fn noted(&self, value: Val, expr: &Expr) -> Val {
        match (value.symbol, &value.kind) {
            (Some(symbol), ValKind::Number(_)) => {
                if expr.divides() {
                    self.check(Requirement::Number(symbol));
                }
                value
            }
            _ => self.decided(value),
        }
    }

    fn expect_variable(&self, name: &str, text: &str, span: Span) {
        if !matches!(self.scope.lookup(name), Err(EvalError::NoVariable(_))) {
            return;
        }
        let mut mentions = expr::mentions(text).filter(|(_, mention)| *mention == name);
        let place = mentions.next().map(|(at, _)| within(span, text, at, name.len() + 1));
        let unknown = Diagnostic::new(Code::UnknownVariable, format!("unknown variable `${name}`"));
        let help = || suggestion(name, "variables", self.scope.names());
        self.sink.push_with(unknown.at(place.unwrap_or(span), "not known here"), help);
    }

    /// The value of a scalar, see [`Reader::decided`]: an expression if it mentions a variable, else itself.
    pub(crate) fn scalar(&self, node: &Node) -> Option<Val> {
        self.scalar_open(node).map(|value| self.decided(value))
    }

    /// The value of a scalar, which may be a formula: an expression if it mentions a variable, else itself.
    pub(crate) fn scalar_open(&self, node: &Node) -> Option<Val> {
        match &node.value {
            Value::Text(text) if text.contains('$') => self.evaluate_open(text, node.span),
            _ => Some(Val::from_node(node)),
        }
    }

    /// The value where a number is wanted, see [`Reader::decided`]: any text is an expression.
    pub(crate) fn number(&self, node: &Node) -> Option<Val> {
        self.number_open(node).map(|value| self.decided(value))
    }

    /// The value where a number is wanted, which may be a formula: any text is an expression.
    pub(crate) fn number_open(&self, node: &Node) -> Option<Val> {
        let value = match &node.value {
            Value::Text(text) => self.evaluate_open(text, node.span)?,
            _ => Val::from_node(node),
        };
        match value.kind {
            ValKind::Number(_) => Some(value),
            ValKind::Bool(_) | ValKind::Text(_) | ValKind::Node(_) => {
                let origin = match node.text() {
                    Some(text) if text.contains('$') => format!(", the value of `{text}`"),
                    _ => String::new(),
                };
                let message = format!("expected a number, found {}{origin}", value.describe());
                let wrong = Diagnostic::new(Code::WrongType, message);
                self.report(at_origin(wrong, &value, node, "this value"))
            }
        }
    }

    /// Replaces a `$name` that refers to a list or a map by its value; everything else is unchanged.
    pub(crate) fn substitute(&self, node: &Node) -> Option<Node> {
        match &node.value {
            Value::Text(text) if text.starts_with('$') => {
                let value = self.evaluate_open(text, node.span)?;
                let span = value.origin.unwrap_or(node.span);
                match value.kind {
                    ValKind::Node(inner) => Some(inner),
                    ValKind::Text(text) => Some(Node { span, value: Value::Text(text) }),
                    ValKind::Number(_) | ValKind::Bool(_) => Some(node.clone()),
                }
            }
            _ => Some(node.clone()),
        }
    }

    /// The node with every expression in it evaluated, so that it means the same in any scope.
    pub(crate) fn close(&self, node: &Node) -> Option<Node> {
        let items = node.list().map_or(0, <[Node]>::len);
        let entries = node.map().map_or(0, |map| map.0.len());
        if !self.sink.may_evaluate(BYTES_A_VALUE * (items + entries), node.span) {
            return None;
        }
        let value = match &node.value {
            Value::Text(text) if text.contains('$') => match self.evaluate(text, node.span)?.kind {
                ValKind::Number(number) => Value::Number(number),
                ValKind::Bool(flag) => Value::Bool(flag),
                ValKind::Text(text) => Value::Text(text),
                ValKind::Node(inner) => inner.value,
            },
            Value::List(items) => {
                Value::List(items.iter().map(|item| self.close(item)).collect::<Option<_>>()?)
            }
            Value::Map(map) => {
                let mut closed = (**map).clone();
                for entry in &mut closed.0 {
                    entry.value = self.close(&entry.value)?;
                }
                Value::Map(Arc::new(closed))
            }
            other => other.clone(),
        };
        Some(Node { span: node.span, value })
    }
}

/// Adds the place where a value is written, and that where it is used if it is another one.
pub(crate) fn at_origin(
    diagnostic: Diagnostic,
    value: &Val,
    used: &Node,
    label: &str,
) -> Diagnostic {
    match value.origin.filter(|origin| *origin != used.span) {
        Some(origin) => diagnostic.at(origin, label).at(used.span, "used here"),
        None => diagnostic.at(used.span, label),
    }
}

/// The place of a part of an expression, if the text is in the file as it is (not escaped or quoted); else the place of
/// the whole text.
fn within(span: Span, text: &str, at: usize, length: usize) -> Span {
    if (span.end - span.start) as usize != text.len() {
        return span;
    }
    let byte = |at: usize| span.start + u32::try_from(at.min(text.len())).unwrap_or(0);
    Span { start: byte(at), end: byte(at.saturating_add(length)), ..span }
}
