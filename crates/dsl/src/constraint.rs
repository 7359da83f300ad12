//! Conditions on the counts of a network.

use std::fmt;

use inceptive_results::{Metric, Source};

use crate::{
    diagnostic::suggestion,
    expr::{self, EvalError, Expr, Lookup, Val, ValKind},
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

impl Constraint {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let expr = expr::parse(text).map_err(|(_, message)| message)?;
        let expr = expr.words_as_variables();
        // Evaluated once to see that the metrics exist and the result is true or false.
        let known = || Metric::from_source(Source::Counted).map(Metric::id);
        match expr.eval(&Counts(&|name| known().any(|id| id == name).then_some(1.0))) {
            Ok(Val { kind: ValKind::Bool(_), .. }) => Ok(Self { text: text.to_owned(), expr }),
            Ok(value) => Err(format!("it gives {}, not true or false", value.describe())),
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
}
