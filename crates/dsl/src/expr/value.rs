//! Values of expressions.

use std::sync::Arc;

use inceptive_ir::Span;

use super::tape::{Symbol, Tape};
use crate::yaml::{Node, Value as Yaml, shown};

/// The value of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Val {
    pub(crate) kind: ValKind,
    /// Whether it follows from the channels of the input or from the number of classes, which
    /// `width_multiplier` must not multiply (again).
    pub(crate) from_input: bool,
    /// Where it is written; none if it was computed.
    pub(crate) origin: Option<Span>,
    /// How it follows from the variables of a space; none if it does not.
    pub(crate) symbol: Option<Symbol>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValKind {
    Number(f64),
    Bool(bool),
    Text(Arc<str>),
    /// A list, a map or nothing.
    Node(Node),
}

impl Val {
    /// A value that is written nowhere.
    pub(crate) fn new(kind: ValKind) -> Self {
        Self { kind, from_input: false, origin: None, symbol: None }
    }

    pub(crate) fn number(number: f64) -> Self {
        Self::new(ValKind::Number(number))
    }

    pub(crate) fn from_node(node: &Node) -> Self {
        let kind = match &node.value {
            Yaml::Number(number) => ValKind::Number(*number),
            Yaml::Bool(flag) => ValKind::Bool(*flag),
            Yaml::Text(text) => ValKind::Text(Arc::clone(text)),
            Yaml::Null | Yaml::List(_) | Yaml::Map(_) => ValKind::Node(node.clone()),
        };
        Self { origin: Some(node.span), ..Self::new(kind) }
    }

    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            ValKind::Number(number) => shown(*number),
            ValKind::Bool(flag) => flag.to_string(),
            ValKind::Text(text) => format!("`{text}`"),
            ValKind::Node(node) => node.kind().to_owned(),
        }
    }
}

/// Why an expression cannot be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum EvalError {
    /// The value cannot be known because of an error that is reported elsewhere.
    Unknown,
    /// No variable of this name is in scope.
    NoVariable(String),
    /// The operation is not defined.
    Undefined(String),
}

/// Named values for expressions.
pub(crate) trait Lookup {
    fn lookup(&self, name: &str) -> Result<Val, EvalError>;

    /// Where it is noted how values follow from the variables of a space, if it is.
    fn tape(&self) -> Option<&Tape> {
        None
    }
}
