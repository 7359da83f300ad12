//! The value of an expression in a scope.

use std::sync::Arc;

use super::{
    tape::{Symbol, Tape},
    tree::{Binary, Expr, Function, contains},
    value::{EvalError, Lookup, Val, ValKind},
};

impl Expr {
    /// The value in a scope.
    pub(crate) fn eval(&self, scope: &dyn Lookup) -> Result<Val, EvalError> {
        match self {
            Self::Number(number) => Ok(Val::number(*number)),
            Self::Word(word) => Ok(Val::new(ValKind::Text(Arc::clone(word)))),
            Self::Variable(path) => variable(path, scope),
            Self::Not(inner) => {
                let value = inner.eval(scope)?;
                let flag = truth(&value)?;
                // Whether it is true or false follows from the same numbers.
                Ok(Val { kind: ValKind::Bool(!flag), origin: None, ..value })
            }
            Self::Negate(inner) => {
                let value = inner.eval(scope)?;
                let number = numeric(&value)?;
                let symbol = follows(scope, &[&value], |tape, of| tape.negative(of[0]));
                Ok(Val { kind: ValKind::Number(-number), origin: None, symbol, ..value })
            }
            Self::Binary(operator, left, right) => {
                binary(*operator, &left.eval(scope)?, || right.eval(scope), scope)
            }
            Self::Call(function, arguments) => {
                let values: Result<Vec<Val>, EvalError> =
                    arguments.iter().map(|argument| argument.eval(scope)).collect();
                call(*function, &values?, scope)
            }
        }
    }
}

fn variable(path: &[Arc<str>], scope: &dyn Lookup) -> Result<Val, EvalError> {
    let mut value = scope.lookup(&path[0])?;
    for field in &path[1..] {
        let inner = match &value.kind {
            ValKind::Node(node) => node.map().and_then(|map| map.get(field)),
            ValKind::Number(_) | ValKind::Bool(_) | ValKind::Text(_) => None,
        };
        let Some(inner) = inner else {
            let message = format!("`${}` has no field `{field}`", path[0]);
            return Err(EvalError::Undefined(message));
        };
        value = Val { from_input: value.from_input, ..Val::from_node(inner) };
    }
    Ok(value)
}

fn numeric(value: &Val) -> Result<f64, EvalError> {
    match value.kind {
        ValKind::Number(number) => Ok(number),
        ValKind::Bool(_) | ValKind::Text(_) | ValKind::Node(_) => {
            Err(EvalError::Undefined(format!("{} is not a number", value.describe())))
        }
    }
}

fn truth(value: &Val) -> Result<bool, EvalError> {
    match value.kind {
        ValKind::Bool(flag) => Ok(flag),
        ValKind::Number(_) | ValKind::Text(_) | ValKind::Node(_) => {
            Err(EvalError::Undefined(format!("{} is not true or false", value.describe())))
        }
    }
}

fn words(value: &Val) -> Result<&str, EvalError> {
    match &value.kind {
        ValKind::Text(text) => Ok(text),
        ValKind::Number(_) | ValKind::Bool(_) | ValKind::Node(_) => {
            Err(EvalError::Undefined(format!("{} is not a text", value.describe())))
        }
    }
}

fn binary(
    operator: Binary,
    left: &Val,
    right: impl FnOnce() -> Result<Val, EvalError>,
    scope: &dyn Lookup,
) -> Result<Val, EvalError> {
    if matches!((operator, truth(left)), (Binary::Or, Ok(true)) | (Binary::And, Ok(false))) {
        return Ok(left.clone());
    }
    let right = right()?;
    let from_input = left.from_input || right.from_input;
    let kind = match operator {
        Binary::Or | Binary::And => {
            truth(left)?;
            ValKind::Bool(truth(&right)?)
        }
        Binary::Equal => ValKind::Bool(equal(left, &right)?),
        Binary::Unequal => ValKind::Bool(!equal(left, &right)?),
        Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
            let holds = operator.compares(numeric(left)?, numeric(&right)?);
            ValKind::Bool(holds.unwrap_or_default())
        }
        Binary::Contains => ValKind::Bool(contains(words(left)?, words(&right)?)),
        Binary::Add
        | Binary::Subtract
        | Binary::Multiply
        | Binary::Divide
        | Binary::FloorDivide
        | Binary::Remainder => {
            let number = operator.number(numeric(left)?, numeric(&right)?);
            ValKind::Number(number.ok_or_else(division_by_zero)?)
        }
    };
    let symbol = follows(scope, &[left, &right], |tape, sides| match kind {
        ValKind::Number(_) => tape.binary(operator, sides[0], sides[1]),
        ValKind::Bool(_) | ValKind::Text(_) | ValKind::Node(_) => tape.truth(sides),
    });
    Ok(Val { kind, from_input, origin: None, symbol })
}

/// How a value follows from variables, if one of the values that it is computed from does.
fn follows(
    scope: &dyn Lookup,
    values: &[&Val],
    formula: impl FnOnce(&Tape, &[Symbol]) -> Symbol,
) -> Option<Symbol> {
    let tape = scope.tape()?;
    values.iter().find(|value| value.symbol.is_some())?;
    let symbol = |value: &&Val| match (value.symbol, &value.kind) {
        (Some(symbol), _) => symbol,
        (None, ValKind::Number(number)) => tape.constant(*number),
        (None, ValKind::Bool(_) | ValKind::Text(_) | ValKind::Node(_)) => tape.truth(&[]),
    };
    Some(formula(tape, &values.iter().map(symbol).collect::<Vec<Symbol>>()))
}

fn division_by_zero() -> EvalError {
    EvalError::Undefined("division by zero".to_owned())
}

fn equal(left: &Val, right: &Val) -> Result<bool, EvalError> {
    match (&left.kind, &right.kind) {
        (ValKind::Number(a), ValKind::Number(b)) => Ok(a == b),
        (ValKind::Text(a), ValKind::Text(b)) => Ok(a == b),
        (ValKind::Bool(a), ValKind::Bool(b)) => Ok(a == b),
        (ValKind::Node(_), _) | (_, ValKind::Node(_)) => Ok(false),
        _ => {
            let message =
                format!("{} cannot be compared with {}", left.describe(), right.describe());
            Err(EvalError::Undefined(message))
        }
    }
}

fn call(function: Function, arguments: &[Val], scope: &dyn Lookup) -> Result<Val, EvalError> {
    let from_input = arguments.iter().any(|argument| argument.from_input);
    let numbers: Result<Vec<f64>, EvalError> = arguments.iter().map(numeric).collect();
    let number = function.number(&numbers?).ok_or_else(division_by_zero)?;
    let all: Vec<&Val> = arguments.iter().collect();
    let symbol = follows(scope, &all, |tape, inputs| tape.call(function, inputs));
    Ok(Val { kind: ValKind::Number(number), from_input, origin: None, symbol })
}
