//! The branches of modules, and networks with the output of one branch replaced by zeros.

use std::collections::BTreeSet;

use inceptive_ir::{
    Conv, Graph, GraphError, NewNode, NodeId, NodeParts, Op, Padding, Path, Role, Shape, Size,
};
use inceptive_weights::Weights;

/// A branch: the nodes that feed one input of a join, which is a concatenation or sum of feature maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Branch {
    /// The join.
    pub join: NodeId,
    /// The index of the input.
    pub input: usize,
    /// The node whose output is this input.
    pub end: NodeId,
    /// The nodes that contribute to this input of the join and to no other; empty for an identity shortcut.
    pub nodes: Vec<NodeId>,
}

/// The branches of all joins, in execution order.
pub(super) fn branches(graph: &Graph) -> Vec<Branch> {
    let ancestors = ancestors(graph);
    let mut all = Vec::new();
    for (join, node) in graph.nodes() {
        let is_join = matches!(node.op, Op::Concat | Op::Add { .. });
        if !is_join || !matches!(node.shape, Shape::Map { .. }) {
            continue;
        }
        let inputs = graph.inputs(join);
        for (input, &end) in inputs.iter().enumerate() {
            let others = inputs.iter().enumerate().filter(|(other, _)| *other != input);
            let others: Vec<&BTreeSet<NodeId>> =
                others.map(|(_, id)| &ancestors[id.index()]).collect();
            let is_own = |id: &&NodeId| others.iter().all(|other| !other.contains(id));
            let nodes = ancestors[end.index()].iter().filter(is_own).copied().collect();
            all.push(Branch { join, input, end, nodes });
        }
    }
    all
}

/// For each node, itself and all nodes that it depends on.
fn ancestors(graph: &Graph) -> Vec<BTreeSet<NodeId>> {
    let mut all: Vec<BTreeSet<NodeId>> = Vec::with_capacity(graph.len());
    for id in graph.ids() {
        let inputs = graph.inputs(id);
        let mut own: BTreeSet<NodeId> =
            inputs.iter().flat_map(|input| all[input.index()].iter().copied()).collect();
        own.insert(id);
        all.push(own);
    }
    all
}

/// The name of a branch: the path of its end, cut below the module that joins it, such as `3a/3x3`.
pub(super) fn name(graph: &Graph, branch: &Branch) -> Path {
    let module = module(graph, branch);
    let end = &graph.node(branch.end).path;
    match end.is_within(&module) {
        true => end.truncated(module.depth() + 1),
        false => end.clone(),
    }
}

/// The module that a branch is in: where its join is.
pub(super) fn module(graph: &Graph, branch: &Branch) -> Path {
    graph.node(branch.join).path.parent().unwrap_or(Path::root())
}

/// A network in which a join gets zeros from a branch. A depthwise 1x1 convolution with zero weights is inserted before the
/// join, which works for every kind of branch, shortcuts included.
pub(super) fn without_branch(
    graph: &Graph,
    weights: &Weights,
    branch: &Branch,
) -> Result<(Graph, Weights), GraphError> {
    let (join, end) = (graph.node(branch.join), graph.node(branch.end));
    let channels = end.shape.channels();
    let zero = Op::Conv(Conv {
        kernel: Size::square(1),
        out_channels: channels,
        stride: Size::square(1),
        padding: Padding::default(),
        dilation: Size::square(1),
        groups: channels,
        bias: false,
    });
    let path = join.path.join("zeroed");
    let mut parts = graph.to_parts();
    let place = parts.nodes.len();
    let node = NewNode::new(zero, path.clone());
    parts.nodes.push(NodeParts { node, inputs: vec![branch.end.index()] });
    parts.nodes[branch.join.index()].inputs[branch.input] = place;
    let mut weights = weights.clone();
    weights.set(path, Role::Weight, vec![0.0; channels as usize]);
    Ok((Graph::from_parts(parts)?, weights))
}
