//! What the Python package `inceptive` calls: networks, spaces and results as Python values, and the command.
//!
//! The package in `python/` has the public classes; this crate reads, counts and exports for them. Long work runs without
//! Python's lock, and ends soon after Ctrl-C.

#![forbid(unsafe_code)]

mod command;
mod cost;
mod diff;
mod error;
mod interrupt;
mod network;
mod results;
mod space;
mod table;

use pyo3::pymodule;

/// The native part of the package `inceptive`.
#[pymodule(name = "_inceptive")]
mod native {
    #[pymodule_export]
    use super::command::main;
    #[pymodule_export]
    use super::network::Network;
    #[pymodule_export]
    use super::results::results;
    #[pymodule_export]
    use super::space::Space;

    /// The version of the package.
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name that Python expects")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
