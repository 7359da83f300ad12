//! Names of the files that hold values of a file's tensors, wherever in the file they are named: also of tensors that
//! no node reads, and of nodes and subgraphs that are not decoded.

use std::collections::BTreeSet;

use super::{census::next_field, outline::outline, source::Source};

/// A message of the format that holds tensors, or is in one.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Function,
    Graph,
    Node,
    Attribute,
    SparseTensor,
    Tensor,
}

/// The field of a tensor with the place of its values, as pairs of a key and a value.
const EXTERNAL_DATA: u64 = 13;

impl Message {
    /// The message type of a field; `None` where no tensor is in it.
    const fn inner(self, field: u64) -> Option<Self> {
        Some(match (self, field) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => {
                Self::Tensor
            }
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::SparseTensor,
            _ => return None,
        })
    }
}

/// The files that a model names, sorted; none if it cannot be read.
pub fn files_beside(source: &dyn Source) -> BTreeSet<String> {
    outline(source).map(|outline| named_files(&outline)).unwrap_or_default()
}

/// The files that the outline of a model names, sorted.
pub(super) fn named_files(model: &[u8]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // Subgraphs can be nested deeper than calls can be.
    let mut rest = vec![(Message::Model, model)];
    while let Some((kind, bytes)) = rest.pop() {
        for (number, content) in fields(bytes) {
            match kind.inner(number) {
                Some(inner) => rest.push((inner, content)),
                None if matches!(kind, Message::Tensor) && number == EXTERNAL_DATA => {
                    found.extend(location(content));
                }
                None => {}
            }
        }
    }
    found
}

/// The value of a pair whose key is `location`.
fn location(pair: &[u8]) -> Option<String> {
    let text = |wanted| fields(pair).filter(|(number, _)| *number == wanted).last();
    let (_, key) = text(1)?;
    let (_, value) = text(2)?;
    (key == b"location").then(|| String::from_utf8_lossy(value).into_owned())
}

/// The fields with a length, up to the end or to what is broken.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let next = move || {
        let field = next_field(rest)?;
        rest = field.after;
        Some(field)
    };
    std::iter::from_fn(next).filter_map(|field| Some((field.number, field.content?)))
}
