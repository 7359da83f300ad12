//! Parsed expressions.

use std::sync::Arc;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Number(f64),
    /// A word or a quoted text.
    Word(Arc<str>),
    /// `$name.field.field`.
    Variable(Vec<Arc<str>>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    Call(Function, Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Min,
    Max,
    Floor,
    Ceil,
    Round,
    RoundTo,
}

impl Function {
    pub(super) const ALL: [(&'static str, Self); 6] = [
        ("min", Self::Min),
        ("max", Self::Max),
        ("floor", Self::Floor),
        ("ceil", Self::Ceil),
        ("round", Self::Round),
        ("round_to", Self::RoundTo),
    ];
}

impl Expr {
    /// Calls `visit` with the name of every variable, fields left out.
    pub(crate) fn variables(&self, visit: &mut impl FnMut(&str)) {
        match self {
            Self::Number(_) | Self::Word(_) => {}
            Self::Variable(path) => visit(&path[0]),
            Self::Not(inner) | Self::Negate(inner) => inner.variables(visit),
            Self::Binary(_, left, right) => {
                left.variables(visit);
                right.variables(visit);
            }
            Self::Call(_, arguments) => arguments.iter().for_each(|a| a.variables(visit)),
        }
    }

    /// The expression with every bare word read as the variable of that name.
    pub(crate) fn words_as_variables(self) -> Self {
        let boxed = |inner: Box<Self>| Box::new(inner.words_as_variables());
        match self {
            Self::Number(_) | Self::Variable(_) => self,
            Self::Word(word) => Self::Variable(vec![word]),
            Self::Not(inner) => Self::Not(boxed(inner)),
            Self::Negate(inner) => Self::Negate(boxed(inner)),
            Self::Binary(operator, left, right) => {
                Self::Binary(operator, boxed(left), boxed(right))
            }
            Self::Call(function, arguments) => {
                Self::Call(function, arguments.into_iter().map(Self::words_as_variables).collect())
            }
        }
    }
}
