//! Why a file cannot be read as a network.

use std::{borrow::Cow, collections::BTreeMap, io};

use inceptive_ir::{GraphError, Path};

/// Why a file cannot be read as a network.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The bytes are no ONNX file.
    #[error(
        "not an ONNX file; export the network as ONNX, or, if the file is YAML, end its name in `.yaml`"
    )]
    Format,
    /// There are no bytes.
    #[error("the file is empty")]
    NoBytes,
    /// There is no graph.
    #[error("the file holds no graph")]
    Empty,
    /// The graph has no output.
    #[error("the graph has no output")]
    NoOutput,
    /// The first output is a constant, or not the first result of a node.
    #[error(
        "the output `{0}` is not the main result of a node: it is a constant, or a second result such as the indices of MaxPool"
    )]
    Result(String),
    /// There is more in it than is read.
    #[error("the file has more than {limit} {what}")]
    TooMuch {
        /// The items of which there are too many.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Two values have the same name.
    #[error("`{}` is the name of two values: {first} and {second}", short(name))]
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
        "the graph is cyclic or not topologically sorted: {} reads `{}` before it is computed",
        short(op),
        short(input)
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

/// Maximum number of operators that are listed.
const MAX_LISTED: usize = 40;

/// Maximum number of characters of a text from a file in a message.
const MAX_CHARACTERS: usize = 200;

/// The lines of [`ImportError::Unsupported`].
fn list(unsupported: &BTreeMap<String, usize>) -> String {
    let mut lines = String::from("these operators are not supported:");
    for (what, count) in unsupported.iter().take(MAX_LISTED) {
        lines.push_str(&format!("\n  {count} x {}", short(what)));
    }
    if let Some(more) = unsupported.len().checked_sub(MAX_LISTED).filter(|&more| more > 0) {
        lines.push_str(&format!("\n  and {more} more"));
    }
    lines
}

/// A text from a file, as long as people read it.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Why the values of a network's tensors cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    /// The file that holds them cannot be read.
    #[error("weights are in `{}`, which cannot be read: {error}", short(location))]
    Read {
        /// The file, from the folder of the model.
        location: String,
        /// What went wrong.
        #[source]
        error: io::Error,
    },
    /// The file that holds them is too short.
    #[error("`{}` does not contain the weights of `{path}`", short(location))]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_operators_has_an_end() {
        let named = |at: usize| (format!("Op{at:04}{}", "é".repeat(500)), at + 1);
        let message = ImportError::Unsupported((0..3000).map(named).collect()).to_string();
        assert_eq!(message.lines().count(), 1 + MAX_LISTED + 1);
        assert!(message.ends_with("\n  and 2960 more"), "{message}");
        assert!(message.lines().all(|line| line.chars().count() < MAX_CHARACTERS + 20));
        let few = ImportError::Unsupported((0..MAX_LISTED).map(named).collect()).to_string();
        assert!(!few.contains("more"), "{few}");
        let name = "n".repeat(1 << 20);
        let same = ImportError::SameName { name, first: "an input", second: "another" };
        assert!(same.to_string().len() < 300);
    }
}
