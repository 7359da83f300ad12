//! Conditions on the counts of a network.

use std::fmt;

use inceptive_results::{Metric, Source};

use crate::{
    diagnostic::suggestion,
    expr::{self, Binary, EvalError, Expr, Lookup, Val, ValKind},
};

/// A condition on counts, such as `params < 8M`.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    text: String,
    expr: Expr,
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Counts by name, as constraints see them.
struct Counts<'a>(&'a dyn Fn(&str) -> Option<f64>);

impl Lookup for Counts<'_> {
    fn lookup(&self, name: &str) -> Result<Val, EvalError> {
        self.0(name).map(Val::number).ok_or_else(|| EvalError::NoVariable(name.to_owned()))
    }
}

/// How far a count may still go until a condition no longer holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin {
    /// What is left; below zero, by how much the condition is missed.
    pub left: f64,
    /// The metric that it is an amount of; `None` of a ratio or another mixture.
    pub metric: Option<Metric>,
}

impl Constraint {
    /// Conditions that are joined by `and`, such as `macs <= 1.5G and params < 7M`; none in an empty text.
    ///
    /// # Errors
    /// What is wrong with the first that is no condition, in one line.
    pub fn all(text: &str) -> Result<Vec<Self>, String> {
        if text.trim().is_empty() {
            return Ok(vec![]);
        }
        let whole = Self::parse(text.trim())?;
        match whole.expr {
            Expr::Binary(Binary::And, ..) => conjuncts(text).into_iter().map(Self::parse).collect(),
            _ => Ok(vec![whole]),
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let expr = expr::parse(text).map_err(|(_, message)| message)?;
        let expr = expr.words_as_variables();
        // Evaluated once to see that the metrics exist and the result is true or false.
        let known = || Metric::from_source(Source::Counted).map(Metric::id);
        match expr.eval(&Counts(&|name| known().any(|id| id == name).then_some(1.0))) {
            Ok(Val { kind: ValKind::Bool(_), .. }) => Ok(Self { text: text.to_owned(), expr }),
            Ok(value) => Err(format!("its value is {}, not true or false", value.describe())),
            Err(EvalError::NoVariable(name)) => {
                Err(format!("there is no count `{name}`; {}", suggestion(&name, "counts", known())))
            }
            Err(EvalError::Undefined(reason)) => Err(reason),
            Err(EvalError::Unknown) => Err("it has no value".to_owned()),
        }
    }

    /// Whether the counts, by the ids of [`Metric`], satisfy the condition; `None` if a count is not known.
    pub fn holds(&self, counts: &dyn Fn(&str) -> Option<f64>) -> Option<bool> {
        match self.expr.eval(&Counts(counts)) {
            Ok(Val { kind: ValKind::Bool(holds), .. }) => Some(holds),
            Ok(_) | Err(_) => None,
        }
    }

    /// How far the counts are from where the condition changes; `None` unless it is a single inequality of numbers that
    /// are known.
    pub fn margin(&self, counts: &dyn Fn(&str) -> Option<f64>) -> Option<Margin> {
        let Expr::Binary(operator, left, right) = &self.expr else { return None };
        let value = |expr: &Expr| match expr.eval(&Counts(counts)) {
            Ok(Val { kind: ValKind::Number(value), .. }) => Some(value),
            _ => None,
        };
        let room = value(right)? - value(left)?;
        let left_over = match operator {
            Binary::Less | Binary::LessEqual => room,
            Binary::Greater | Binary::GreaterEqual => -room,
            _ => return None,
        };
        let metric = match (&**left, &**right) {
            (Expr::Variable(path), bound) | (bound, Expr::Variable(path)) => {
                let mut is_constant = true;
                bound.variables(&mut |_| is_constant = false);
                path[0].parse().ok().filter(|_| is_constant)
            }
            _ => None,
        };
        Some(Margin { left: left_over, metric })
    }
}

/// The parts of a text between the words `and` that are in no parentheses.
fn conjuncts(text: &str) -> Vec<&str> {
    let mut parts = vec![];
    let (mut depth, mut start) = (0_i32, 0);
    let is_word =
        |byte: Option<&u8>| byte.is_some_and(|it| it.is_ascii_alphanumeric() || *it == b'_');
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'a' if depth == 0
                && bytes[at..].starts_with(b"and")
                && !is_word(bytes.get(at + 3))
                && (at == 0 || !is_word(bytes.get(at - 1))) =>
            {
                parts.push(text[start..at].trim());
                start = at + 3;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(name: &str) -> Option<f64> {
        match name {
            "macs" => Some(1.2e9),
            "params" => Some(6e6),
            _ => None,
        }
    }

    #[test]
    fn conditions_are_split_at_and() {
        let texts = |text: &str| -> Vec<String> {
            Constraint::all(text).unwrap().iter().map(ToString::to_string).collect()
        };
        assert!(texts("  ").is_empty());
        assert_eq!(texts("macs <= 1.5G and params<7M"), ["macs <= 1.5G", "params<7M"]);
        assert_eq!(
            texts("(macs < 1G and params < 1M) or acts < 3"),
            ["(macs < 1G and params < 1M) or acts < 3"]
        );
        // `and` binds more tightly than `or`: the parts alone would say something else.
        assert_eq!(texts("macs < 1G or params < 1M and acts < 3").len(), 1);
        for wrong in ["macs <", "macs", "speed < 3", "macs < 1G and"] {
            assert!(Constraint::all(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_left_has_the_unit_of_its_metric() {
        let margin = |text: &str| Constraint::parse(text).unwrap().margin(&counts);
        let of = |left, metric| Some(Margin { left, metric });
        assert_eq!(margin("macs <= 1.5G"), of(0.3e9, Some(Metric::Macs)));
        assert_eq!(margin("1G > macs"), of(-0.2e9, Some(Metric::Macs)));
        assert_eq!(margin("params >= 2 * 4M"), of(-2e6, Some(Metric::Params)));
        assert_eq!(margin("macs / params < 300"), of(100.0, None));
        assert_eq!(margin("macs < 300 * params"), of(0.6e9, None));
        assert_eq!(margin("macs < 1G or params < 1M"), None);
        assert_eq!(margin("acts < 1G"), None);
    }
}
