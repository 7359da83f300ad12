//! The command `inceptive`.

use std::{ffi::OsString, panic};

use pyo3::prelude::*;

/// The exit code of a program that panicked.
const PANICKED: u8 = 101;

/// Does what the arguments ask for, the first of which is the name of the command; returns the exit code.
#[pyfunction]
pub fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    // The message was printed already.
    py.detach(|| panic::catch_unwind(|| inceptive_cli::run(arguments)).unwrap_or(PANICKED))
}
