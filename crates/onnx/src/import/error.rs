//! Why a file cannot be read as a network.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    io,
};

use inceptive_ir::{GraphError, Path};

use super::{image::OpenSides, source::Unread};
use crate::proto::NodeProto;

/// Why a file cannot be read as a network.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The bytes are no ONNX file.
    #[error("not an ONNX file, but {0}")]
    Format(&'static str),
    /// The bytes cannot be read.
    #[error("cannot read the file")]
    Read(#[source] io::Error),
    /// A file beside the model holds values that decide what the network is, and cannot be read.
    #[error("weights are in `{}`, which cannot be read: {error}", short(location))]
    ReadBeside {
        /// The file, from the folder of the model.
        location: String,
        /// What went wrong.
        #[source]
        error: io::Error,
    },
    /// The bytes are the start of a model.
    #[error("the file is cut off: it ends in the middle of the model; copy or download it again")]
    CutOff,
    /// There are no bytes.
    #[error("the file is empty")]
    NoBytes,
    /// There is no graph.
    #[error("the file holds no graph: it is empty, or not an ONNX model")]
    Empty,
    /// The graph has no output.
    #[error("the graph `{}` has no output, so nothing in it would be computed", short(.0))]
    NoOutput(String),
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
    /// There are several inputs.
    #[error(
        "the graph has several inputs ({first}; {second}{}), and only one is supported: export the part that reads one of them, or make one input of them, such as an image with the channels of all",
        and_more(*more)
    )]
    Inputs {
        /// The first, with its dimensions.
        first: String,
        /// The second.
        second: String,
        /// How many others there are.
        more: usize,
    },
    /// The input cannot be an image.
    #[error("{0}")]
    Input(String),
    /// The file leaves the number of channels of its input open.
    #[error("{input}; its number of channels is not known: name it with the {}, such as 3x{}", open.text().0, open.text().1)]
    OpenChannels {
        /// The input with its dimensions.
        input: String,
        /// How its size is named.
        open: OpenSides,
    },
    /// A node reads a value that depends on its own result.
    #[error(
        "the graph is cyclic: {} reads `{}`, which depends on its result",
        short(op),
        short(input)
    )]
    Order {
        /// The node's operator.
        op: String,
        /// Its input.
        input: String,
    },
    /// The file leaves the size of its input open.
    #[error(
        "the input `{}` has no fixed {}: name the size, such as {}{}",
        short(name),
        open.text().0,
        open.text().1,
        also(refusals)
    )]
    OpenSize {
        /// The name of the input.
        name: String,
        /// What is open.
        open: OpenSides,
        /// What else is wrong, with another size.
        refusals: Refusals,
    },
    /// Operators that networks here do not have.
    #[error("{}", list(.0))]
    Unsupported(Refusals),
    /// The nodes make no valid network.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl ImportError {
    /// A size as people write it, if the file can be read once the size of its input is named.
    pub fn open_size(&self) -> Option<String> {
        match self {
            Self::OpenSize { open, .. } => Some(open.text().1.to_owned()),
            Self::OpenChannels { open, .. } => Some(format!("3x{}", open.text().1)),
            _ => None,
        }
    }

    /// Whether the part before what is not supported can be read.
    pub fn can_be_cut(&self) -> bool {
        match self {
            Self::OpenSize { refusals, .. } | Self::Unsupported(refusals) => refusals.can_be_cut,
            _ => false,
        }
    }
}

fn and_more(count: usize) -> String {
    if count == 0 { String::new() } else { format!("; {count} more") }
}

/// Maximum number of operators that are listed.
const MAX_LISTED: usize = 40;

/// Maximum number of characters of a text from a file in a message.
const MAX_CHARACTERS: usize = 200;

/// What of a file is not supported: each kind once, with how often it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    kinds: BTreeMap<String, Refused>,
    /// The nodes whose results others cannot read.
    blamed: BTreeSet<Node>,
    /// Whether a part before all of it can be read.
    pub(super) can_be_cut: bool,
}

/// One kind of what is not supported.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refused {
    count: usize,
    /// The name of the first node.
    first: String,
}

impl Refusals {
    /// Records a node or a tensor. A node whose result several others cannot read is there once.
    pub(super) fn add(&mut self, what: &str, name: &str, refusal: &UnsupportedOp) {
        let (what, name) = match &refusal.of {
            Some(node) if !self.blamed.insert(node.clone()) => return,
            Some(Node { op, name }) => (op.as_str(), name.as_str()),
            None => (what, name),
        };
        let kind = match &refusal.reason {
            None => what.to_owned(),
            Some(reason) => format!("{what}: {reason}"),
        };
        let first = || Refused { count: 0, first: name.to_owned() };
        self.kinds.entry(kind).or_insert_with(first).count += 1;
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// How often a kind is there, as `Slice` or `Slice: along the batch`.
    pub fn count(&self, kind: &str) -> usize {
        self.kinds.get(kind).map_or(0, |refused| refused.count)
    }

    /// The kinds, each with how often it is there and the first node, in lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.kinds.iter().take(MAX_LISTED).map(|(kind, Refused { count, first })| {
            let name = match (first.is_empty(), count) {
                (true, _) => String::new(),
                (_, 1) => format!(" (`{}`)", short(first)),
                _ => format!(" (first `{}`)", short(first)),
            };
            format!("{count} x {}{name}", short(kind))
        })
    }

    /// The kinds as part of a sentence.
    pub(super) fn in_a_sentence(&self) -> String {
        let most = 5;
        let mut lines: Vec<String> = self.lines().take(most).collect();
        if let Some(more) = self.kinds.len().checked_sub(most).filter(|&more| more > 0) {
            lines.push(format!("{more} more kinds"));
        }
        lines.join("; ")
    }
}

/// The lines of [`ImportError::Unsupported`].
fn list(refusals: &Refusals) -> String {
    let mut lines = String::from("these operators are not supported:");
    lines.extend(refusals.lines().map(|line| format!("\n  {line}")));
    if let Some(more) = refusals.kinds.len().checked_sub(MAX_LISTED).filter(|&more| more > 0) {
        lines.push_str(&format!("\n  and {more} more"));
    }
    if refusals.can_be_cut {
        lines.push_str("\nthe part before them can be read");
    }
    lines
}

/// What is wrong beside the size.
fn also(refusals: &Refusals) -> String {
    if refusals.is_empty() { String::new() } else { format!("; also, {}", list(refusals)) }
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
    /// The model itself cannot be read.
    #[error("cannot read the weights")]
    Model(#[source] io::Error),
    /// The file that holds them is too short.
    #[error("`{}` does not contain the weights of `{path}`", short(location))]
    TooShort {
        /// The file, from the folder of the model.
        location: String,
        /// The layer.
        path: Path,
    },
}

impl From<Unread> for ImportError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Model(error) => Self::Read(error),
            Unread::Beside { location, error } => Self::ReadBeside { location, error },
        }
    }
}

impl ValuesError {
    /// Why the values of a layer cannot be read.
    pub(super) fn new(unread: Unread, path: &Path) -> Self {
        match unread {
            Unread::Model(error) => Self::Model(error),
            Unread::Beside { location, error } => match error.kind() {
                io::ErrorKind::UnexpectedEof => Self::TooShort { location, path: path.clone() },
                _ => Self::Read { location, error },
            },
        }
    }
}

/// Values that cannot be read. Why they cannot is an error of the whole file.
pub(super) fn unread() -> UnsupportedOp {
    UnsupportedOp::because("with values that cannot be read")
}

/// Why an operator of the file has no counterpart.
#[derive(Clone, Debug, PartialEq)]
pub struct UnsupportedOp {
    pub(super) reason: Option<String>,
    /// The node that is not supported, if it is not the one that cannot read its result.
    pub(super) of: Option<Node>,
}

/// A node of the file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// Its operator, with the domain if that is not the standard one.
    pub op: String,
    /// Its name, or that of its first result.
    pub name: String,
}

impl Node {
    pub(super) fn new(node: &NodeProto) -> Self {
        let dot = if node.domain.is_empty() { "" } else { "." };
        let name = match node.name.is_empty() {
            true => node.output.first().map_or("", String::as_str),
            false => &node.name,
        };
        Self { op: format!("{}{dot}{}", node.domain, node.op_type), name: name.to_owned() }
    }
}

impl UnsupportedOp {
    /// The operator is not known at all.
    pub(super) const UNKNOWN: Self = Self { reason: None, of: None };

    /// The operator is known, but this use of it is not read.
    pub(super) fn because(reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), of: None }
    }

    /// A result cannot be read because of the node that computes it, for a reason.
    pub(super) fn of(node: Node, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), of: Some(node) }
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
        let of = |kinds: usize| {
            let mut refusals = Refusals::default();
            for at in 0..kinds {
                let name = format!("Op{at:04}{}", "é".repeat(500));
                (0..=at.min(3)).for_each(|_| refusals.add(&name, "n", &UnsupportedOp::UNKNOWN));
            }
            ImportError::Unsupported(refusals).to_string()
        };
        let message = of(3000);
        assert_eq!(message.lines().count(), 1 + MAX_LISTED + 1);
        assert!(message.ends_with("\n  and 2960 more"), "{message}");
        assert!(message.lines().all(|line| line.chars().count() < MAX_CHARACTERS + 40));
        let few = of(MAX_LISTED);
        assert!(!few.contains("more"), "{few}");
        let name = "n".repeat(1 << 20);
        let same = ImportError::SameName { name, first: "an input", second: "another" };
        assert!(same.to_string().len() < 300);
    }
}
