//! The value of an expression in a scope.

use std::sync::Arc;

use super::{
    tree::{Binary, Expr, Function, contains},
    value::{EvalError, Lookup, Val, ValKind},
};

impl Expr {
    /// The value in a scope.
    pub(crate) fn eval(&self, scope: &dyn Lookup) -> Result<Val, EvalError> {
        match self {
            Self::Number(number) => Ok(Val::number(*number)),
            Self::Word(word) => {
                Ok(Val { kind: ValKind::Text(Arc::clone(word)), from_input: false, origin: None })
            }
            Self::Variable(path) => variable(path, scope),
            Self::Not(inner) => {
                let value = inner.eval(scope)?;
                let flag = truth(&value)?;
                Ok(Val { kind: ValKind::Bool(!flag), origin: None, ..value })
            }
            Self::Negate(inner) => {
                let value = inner.eval(scope)?;
                let number = numeric(&value)?;
                Ok(Val { kind: ValKind::Number(-number), origin: None, ..value })
            }
            Self::Binary(operator, left, right) => {
                binary(*operator, &left.eval(scope)?, || right.eval(scope))
            }
            Self::Call(function, arguments) => {
                let values: Result<Vec<Val>, EvalError> =
                    arguments.iter().map(|argument| argument.eval(scope)).collect();
                call(*function, &values?)
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
    Ok(Val { kind, from_input, origin: None })
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

fn call(function: Function, arguments: &[Val]) -> Result<Val, EvalError> {
    let from_input = arguments.iter().any(|argument| argument.from_input);
    let numbers: Result<Vec<f64>, EvalError> = arguments.iter().map(numeric).collect();
    let number = function.number(&numbers?).ok_or_else(division_by_zero)?;
    Ok(Val { kind: ValKind::Number(number), from_input, origin: None })
}
