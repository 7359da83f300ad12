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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Binary {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    /// Whether a text is in another one.
    Contains,
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

impl Binary {
    /// The result of arithmetic; `None` for a division by zero, and for what is no arithmetic.
    pub(crate) fn number(self, left: f64, right: f64) -> Option<f64> {
        let divisor = || (right != 0.0).then_some(right);
        Some(match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / divisor()?,
            Self::FloorDivide => (left / divisor()?).floor(),
            Self::Remainder => left.rem_euclid(divisor()?),
            Self::Or
            | Self::And
            | Self::Equal
            | Self::Unequal
            | Self::Less
            | Self::LessEqual
            | Self::Greater
            | Self::GreaterEqual
            | Self::Contains => return None,
        })
    }

    /// The result of comparing two numbers; `None` for what is no comparison of numbers.
    pub(crate) fn compares(self, left: f64, right: f64) -> Option<bool> {
        Some(match self {
            Self::Equal => left == right,
            Self::Unequal => left != right,
            Self::Less => left < right,
            Self::LessEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterEqual => left >= right,
            Self::Or
            | Self::And
            | Self::Contains
            | Self::Add
            | Self::Subtract
            | Self::Multiply
            | Self::Divide
            | Self::FloorDivide
            | Self::Remainder => return None,
        })
    }
}

impl Function {
    /// Its value; `None` for a division by zero. There are as many numbers as it takes.
    pub(crate) fn number(self, numbers: &[f64]) -> Option<f64> {
        Some(match (self, numbers) {
            (Self::Min, _) => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            (Self::Max, _) => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            (Self::Floor, [number]) => number.floor(),
            (Self::Ceil, [number]) => number.ceil(),
            (Self::Round, [number]) => number.round(),
            (Self::RoundTo, [number, multiple]) if *multiple != 0.0 => {
                (number / multiple).round() * multiple
            }
            (Self::Floor | Self::Ceil | Self::Round | Self::RoundTo, _) => return None,
        })
    }
}

/// Whether a text is in another one, whatever the case of ASCII letters.
pub(crate) fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    part.is_empty() || text.windows(part.len()).any(|place| place.eq_ignore_ascii_case(part))
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

    /// Whether something is divided, which zero cannot do.
    pub(crate) fn divides(&self) -> bool {
        match self {
            Self::Number(_) | Self::Word(_) | Self::Variable(_) => false,
            Self::Not(inner) | Self::Negate(inner) => inner.divides(),
            Self::Binary(Binary::Divide | Binary::FloorDivide | Binary::Remainder, ..)
            | Self::Call(Function::RoundTo, _) => true,
            Self::Binary(_, left, right) => left.divides() || right.divides(),
            Self::Call(_, arguments) => arguments.iter().any(Self::divides),
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
