//! Errors as the exception `inceptive.Error`.

use std::{error::Error, path::PathBuf};

use inceptive_app::{ReadError, TaskError, error_chain};
use inceptive_dsl::Failure;
use pyo3::{prelude::*, types::PyType};

/// What is wrong.
#[derive(Debug)]
pub struct Problem {
    text: String,
    diagnostics: Vec<Mistake>,
}

/// A mistake in a file: code, message, help, file, line and column, both from 1.
type Mistake =
    (&'static str, String, Option<String>, Option<PathBuf>, Option<usize>, Option<usize>);

impl Problem {
    /// Something that is no error of its own elsewhere.
    pub const fn said(text: String) -> Self {
        Self { text, diagnostics: vec![] }
    }

    /// An error with its causes.
    pub fn of(error: &dyn Error) -> Self {
        Self::said(error_chain(error))
    }
}

impl From<&Failure> for Problem {
    fn from(failure: &Failure) -> Self {
        let mistake = |diagnostic: &inceptive_dsl::Diagnostic| {
            let place = diagnostic.labels.first();
            let place = place.and_then(|(span, _)| failure.sources.locate(*span));
            (
                diagnostic.code.id(),
                diagnostic.message.clone(),
                diagnostic.help.clone(),
                place.map(|(file, _)| file.to_owned()),
                place.map(|(_, position)| position.line),
                place.map(|(_, position)| position.column),
            )
        };
        let diagnostics = failure.diagnostics.iter().map(mistake).collect();
        Self { text: failure.to_string(), diagnostics }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match &error {
            ReadError::Yaml(failure) => failure.into(),
            other => Self::of(other),
        }
    }
}

impl From<TaskError> for Problem {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Read(error) => error.into(),
            other => Self::of(&other),
        }
    }
}

impl From<Problem> for PyErr {
    fn from(Problem { text, diagnostics }: Problem) -> Self {
        Python::attach(|py| {
            let class = py.import("inceptive._error").and_then(|module| module.getattr("Error"));
            match class.and_then(|class| Ok(class.cast_into::<PyType>()?)) {
                Ok(class) => Self::from_type(class, (text, diagnostics)),
                Err(error) => error,
            }
        })
    }
}
