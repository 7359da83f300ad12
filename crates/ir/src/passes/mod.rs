//! Rewrites: a pass reads a graph and returns a [`Rewrite`]; [`Graph::apply`] carries it out.
//!
//! | pass | what it changes | why |
//! |---|---|---|
//! | [`drop_auxiliary`] | removes the auxiliary heads | they exist for training only |
//! | [`drop_dropout`] | lets readers of a dropout read its input | it is the identity at inference |
//! | [`fold_batch_norm`] | merges a normalisation into the layer before it, as a bias | fewer passes over memory |
//!
//! [`inference`] is the first two, in this order, and gives the deployed network. Folding comes after it, because a
//! dropped dropout can bring a normalisation next to its convolution. [`sibling_pointwise`] changes
//! nothing: it lists what could be merged.

mod batch_norm;
mod dropping;
mod siblings;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    graph::{Graph, GraphError, NodeId, Part},
    op::Op,
    parts::{HeadParts, NodeParts, Parts},
};

pub use batch_norm::{Folded, fold_batch_norm};
pub use dropping::{drop_auxiliary, drop_dropout};
pub use siblings::{Siblings, sibling_pointwise};

/// A change of a graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rewrite {
    /// Nodes that get another operator.
    pub replaced: BTreeMap<NodeId, Op>,
    /// Nodes with one input that vanish: whoever reads them reads their input.
    pub bypassed: BTreeSet<NodeId>,
    /// Whether the auxiliary heads vanish.
    pub drops_auxiliary: bool,
}

impl Rewrite {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Graph {
    /// The graph after a change. Paths, spans and the order of what remains stay.
    ///
    /// # Errors
    /// When the changed graph would not be valid; `self` is untouched in any case.
    pub fn apply(&self, rewrite: &Rewrite) -> Result<Self, GraphError> {
        let kept: Vec<NodeId> = self
            .ids()
            .filter(|id| !rewrite.bypassed.contains(id))
            .filter(|&id| !rewrite.drops_auxiliary || self.node(id).part == Part::Main)
            .collect();
        let mut position = vec![0; self.len()];
        for (new, id) in kept.iter().enumerate() {
            position[id.index()] = new;
        }
        let sources = self.sources(rewrite);
        let position_of = |id: NodeId| position[sources[id.index()].index()];
        let nodes = kept.iter().map(|&id| {
            let mut node = crate::NewNode::from(self.node(id));
            if let Some(op) = rewrite.replaced.get(&id) {
                node.op = op.clone();
            }
            NodeParts { node, inputs: self.inputs(id).into_iter().map(position_of).collect() }
        });
        let heads = self.auxiliary().iter().filter(|_| !rewrite.drops_auxiliary);
        Self::from_parts(Parts {
            nodes: nodes.collect(),
            output: position_of(self.output()),
            more_outputs: self.outputs().skip(1).map(position_of).collect(),
            auxiliary: heads
                .map(|head| HeadParts {
                    name: head.name.clone(),
                    output: position_of(head.output),
                    weight: head.weight,
                })
                .collect(),
        })
    }

    /// For every node, the node itself, or its replacement if it is removed.
    fn sources(&self, rewrite: &Rewrite) -> Vec<NodeId> {
        let mut sources: Vec<NodeId> = self.ids().collect();
        for id in &rewrite.bypassed {
            if let Some(&input) = self.inputs(*id).first() {
                sources[id.index()] = sources[input.index()];
            }
        }
        sources
    }
}

/// The network with its first output only: without the nodes that lead to other outputs.
///
/// # Errors
/// When the graph was not valid.
pub fn first_output(graph: &Graph) -> Result<Graph, GraphError> {
    let parts = graph.to_parts();
    if parts.more_outputs.is_empty() {
        return Ok(graph.clone());
    }
    let mut is_used = vec![false; parts.nodes.len()];
    is_used[parts.output] = true;
    parts.auxiliary.iter().for_each(|head| is_used[head.output] = true);
    for at in (0..parts.nodes.len()).rev() {
        if is_used[at] {
            parts.nodes[at].inputs.iter().for_each(|&input| is_used[input] = true);
        }
    }
    let mut places = vec![0; parts.nodes.len()];
    let mut kept = Vec::new();
    for (at, node) in parts.nodes.into_iter().enumerate().filter(|(at, _)| is_used[*at]) {
        places[at] = kept.len();
        let inputs = node.inputs.iter().map(|&input| places[input]).collect();
        kept.push(NodeParts { inputs, ..node });
    }
    let heads = parts.auxiliary.into_iter();
    Graph::from_parts(Parts {
        nodes: kept,
        output: places[parts.output],
        more_outputs: vec![],
        auxiliary: heads.map(|head| HeadParts { output: places[head.output], ..head }).collect(),
    })
}

/// The network that is deployed: without auxiliary heads and dropout.
///
/// # Errors
/// When the graph was not valid.
pub fn inference(graph: &Graph) -> Result<Graph, GraphError> {
    const PASSES: [fn(&Graph) -> Rewrite; 2] = [drop_auxiliary, drop_dropout];
    let mut graph = graph.clone();
    for pass in PASSES {
        graph = graph.apply(&pass(&graph))?;
    }
    Ok(graph)
}
