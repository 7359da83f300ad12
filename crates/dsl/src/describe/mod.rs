//! A network as YAML that a person would have written: repeated modules are blocks, widths that differ between them are
//! parameters, and what most layers have in common is a default.

mod args;
mod blocks;
mod cells;
mod file;
mod layers;
mod list;
mod names;
mod page;
mod runs;
mod shared;
mod tree;
mod writer;

use std::path::Path as FilePath;

use inceptive_ir::{Graph, NodeId};

use crate::{Failure, Memory, load};

/// A network as YAML.
#[derive(Clone, Debug)]
pub struct Described {
    /// The text of the file.
    pub yaml: String,
    /// The network that it describes.
    pub graph: Graph,
    /// For each node of the original, in order, the node of that network that computes the same.
    pub nodes: Vec<NodeId>,
}

/// Why a network cannot be written as YAML.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// It has auxiliary heads.
    #[error("the network has auxiliary heads, which are not written as YAML")]
    Heads,
    /// It has more nodes, or nodes that join more results, than a person reads.
    #[error("{what} are too many for YAML that a person reads; {most} at most")]
    Large {
        /// How many of what it has.
        what: String,
        /// How many are written.
        most: usize,
    },
    /// An output is the input.
    #[error("the network has no layers")]
    Empty,
    /// It is too large, or nested too deeply, for the language.
    #[error("the text would not be read back: {0}")]
    Unreadable(Box<Failure>),
    /// What the text says is not what the network is.
    #[error("the text would describe another network")]
    Differs,
}

/// Maximum number of nodes. The largest networks that are known have a few thousand.
const MOST_NODES: usize = 10_000;

/// Maximum number of results that a node joins. The widest networks that are known join a few dozen.
const MOST_JOINED: usize = 1_000;

/// Repeated structure is searched for in ways that take the square of these numbers.
fn expect_readable(graph: &Graph) -> Result<(), DescribeError> {
    let large = |count: usize, what: &str, most: usize| match count > most {
        true => Err(DescribeError::Large { what: format!("{count} {what}"), most }),
        false => Ok(()),
    };
    large(graph.len(), "nodes", MOST_NODES)?;
    let joined = graph.nodes().map(|(id, _)| graph.inputs(id).len()).max();
    large(joined.unwrap_or(0), "results that a node joins", MOST_JOINED)
}

/// Writes a network as YAML, and reads it back to check that it is the same.
///
/// # Errors
/// When the language cannot say what the network is.
pub fn describe(graph: &Graph, name: &str) -> Result<Described, DescribeError> {
    if !graph.auxiliary().is_empty() {
        return Err(DescribeError::Heads);
    }
    expect_readable(graph)?;
    let layers = layers::Layers::new(graph)?;
    let items = tree::items(&layers);
    let yaml = file::page(&layers, items, name).to_string();
    let place = FilePath::new("model.yaml");
    let files = Memory::default().with(place, yaml.as_str());
    let loaded =
        load(&files, place, &[]).map_err(|failure| DescribeError::Unreadable(failure.into()))?;
    let own = loaded.architecture.graph;
    let nodes = graph.matching(&own).ok_or(DescribeError::Differs)?;
    Ok(Described { yaml, graph: own, nodes })
}
