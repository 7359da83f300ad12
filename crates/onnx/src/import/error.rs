//! Why a file cannot be read as a network.

use std::{collections::BTreeMap, io};

use inceptive_ir::{GraphError, Path};
use prost::DecodeError;

/// Why a file cannot be read as a network.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The bytes are no ONNX file.
    #[error("not an ONNX file: {0}")]
    Format(#[from] DecodeError),
    /// There is no graph, or nothing in it.
    #[error("the file holds no graph")]
    Empty,
    /// There is more in it than is read.
    #[error("the file has more than {limit} {what}")]
    TooMuch {
        /// The items of which there are too many.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Two values have the same name.
    #[error("`{name}` is the name of two values: {first} and {second}")]
    SameName {
        /// Their name.
        name: String,
        /// What the first is.
        first: &'static str,
        /// What the second is.
        second: &'static str,
    },
    /// The file uses the standard operators in two versions.
    #[error("the file imports two versions of ONNX's operators, {first} and {second}")]
    Opsets {
        /// One of them.
        first: i64,
        /// The other.
        second: i64,
    },
    /// The input cannot be an image.
    #[error("{0}")]
    Input(String),
    /// A node reads a value that is computed after it.
    #[error(
        "the graph is cyclic or not topologically sorted: {op} reads `{input}` before it is computed"
    )]
    Order {
        /// The node's operator.
        op: String,
        /// Its input.
        input: String,
    },
    /// Operators that networks here do not have.
    #[error("{}", list(.0))]
    Unsupported(BTreeMap<String, usize>),
    /// The nodes make no valid network.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// The lines of [`ImportError::Unsupported`].
fn list(unsupported: &BTreeMap<String, usize>) -> String {
    let lines = unsupported.iter().map(|(what, count)| format!("\n  {count} x {what}"));
    format!("these operators are not supported:{}", lines.collect::<String>())
}

/// Why the values of a network's tensors cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    /// The file that holds them cannot be read.
    #[error("weights are in `{location}`, which cannot be read: {error}")]
    Read {
        /// The file, from the folder of the model.
        location: String,
        /// What went wrong.
        #[source]
        error: io::Error,
    },
    /// The file that holds them is too short.
    #[error("`{location}` does not contain the weights of `{path}`")]
    TooShort {
        /// The file, from the folder of the model.
        location: String,
        /// The layer.
        path: Path,
    },
}

/// Why an operator of the file has no counterpart.
#[derive(Clone, Debug, PartialEq)]
pub struct UnsupportedOp(pub(super) Option<String>);

impl UnsupportedOp {
    /// The operator is not known at all.
    pub(super) const UNKNOWN: Self = Self(None);

    /// The operator is known, but this use of it is not read.
    pub(super) fn because(reason: &str) -> Self {
        Self(Some(reason.to_owned()))
    }
}

impl<E: std::error::Error> From<E> for UnsupportedOp {
    fn from(error: E) -> Self {
        Self::because(&error.to_string())
    }
}
