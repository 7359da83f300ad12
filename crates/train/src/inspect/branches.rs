//! The branches of modules, and networks with the output of one branch replaced by zeros.

use std::collections::{BTreeMap, btree_map::Entry};

use inceptive_ir::{
    Conv, Graph, GraphError, NewNode, NodeId, NodeParts, Op, Padding, Path, Role, Shape, Size,
};
use inceptive_weights::Weights;

use crate::error::TrainError;

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

/// Maximum number of nodes of all branches together.
const MOST_NODES: usize = 1 << 24;

/// The branches of all joins, in execution order.
///
/// # Errors
/// When branches contain others so often that their lists of nodes would take much memory.
pub(super) fn branches(graph: &Graph) -> Result<Vec<Branch>, TrainError> {
    branches_up_to(graph, MOST_NODES)
}

fn branches_up_to(graph: &Graph, most: usize) -> Result<Vec<Branch>, TrainError> {
    let mut all = Vec::new();
    let mut count = 0;
    for (join, node) in graph.nodes() {
        let is_join = matches!(node.op, Op::Concat | Op::Add { .. });
        if !is_join || !matches!(node.shape, Shape::Map { .. }) {
            continue;
        }
        let inputs = graph.inputs(join);
        let own = own_nodes(graph, &inputs);
        count += own.iter().map(Vec::len).sum::<usize>();
        if count > most {
            return Err(TrainError::Branches { most });
        }
        for ((input, end), nodes) in inputs.into_iter().enumerate().zip(own) {
            all.push(Branch { join, input, end, nodes });
        }
    }
    Ok(all)
}

/// For each input of a join the nodes that contribute to it and to no other input, in execution order. Visits nodes against the
/// execution order, and only as long as one of them contributes to a single input.
fn own_nodes(graph: &Graph, inputs: &[NodeId]) -> Vec<Vec<NodeId>> {
    // The input that each node contributes to; `None` if there are several.
    let mut reached: BTreeMap<NodeId, Option<usize>> = BTreeMap::new();
    let mut own = vec![Vec::new(); inputs.len()];
    let mut of_one = 0_isize;
    let reach =
        |reached: &mut BTreeMap<NodeId, Option<usize>>, id, input: Option<usize>| match reached
            .entry(id)
        {
            Entry::Vacant(new) => {
                new.insert(input);
                isize::from(input.is_some())
            }
            Entry::Occupied(known) if *known.get() == input => 0,
            Entry::Occupied(mut known) => -isize::from(known.insert(None).is_some()),
        };
    for (input, &id) in inputs.iter().enumerate() {
        of_one += reach(&mut reached, id, Some(input));
    }
    while of_one > 0
        && let Some((id, input)) = reached.pop_last()
    {
        if let Some(input) = input {
            of_one -= 1;
            own[input].push(id);
        }
        for from in graph.inputs(id) {
            of_one += reach(&mut reached, from, input);
        }
    }
    own.iter_mut().for_each(|nodes| nodes.reverse());
    own
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use inceptive_ir::Activation;

    use super::*;

    fn add(graph: &mut Graph, op: Op, from: &[NodeId]) -> NodeId {
        let path = Path::new(&graph.len().to_string());
        graph.add(NewNode::new(op, path), from).unwrap()
    }

    fn relu(graph: &mut Graph, from: NodeId) -> NodeId {
        add(graph, Op::Activation(Activation::Relu), &[from])
    }

    /// Lists of all nodes before each node would take 6 GB.
    #[test]
    fn a_long_chain_takes_little_memory() {
        let mut graph = Graph::new(Shape::map(1, 2, 2), None).unwrap();
        let mut last = graph.input();
        for _ in 0..20_000 {
            let branch = relu(&mut graph, last);
            last = add(&mut graph, Op::Add { scales: vec![1.0; 2] }, &[branch, last]);
        }
        let found = branches(&graph).unwrap();
        assert_eq!(found.len(), 40_000);
        assert!(found.iter().all(|branch| branch.nodes.len() == 1 - branch.input));
    }

    #[test]
    fn branches_within_branches_are_limited() {
        let mut graph = Graph::new(Shape::map(1, 2, 2), None).unwrap();
        let input = graph.input();
        let mut last = relu(&mut graph, input);
        for _ in 0..100 {
            let side = relu(&mut graph, input);
            last = add(&mut graph, Op::Add { scales: vec![1.0; 2] }, &[last, side]);
        }
        assert!(branches(&graph).is_ok());
        let found = branches_up_to(&graph, 5_000);
        assert!(matches!(found, Err(TrainError::Branches { most: 5_000 })));
    }

    #[test]
    fn nodes_of_a_branch_contribute_to_no_other() {
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        let mut graph = Graph::new(Shape::map(1, 2, 2), None).unwrap();
        for _ in 0..200 {
            let all: Vec<NodeId> = graph.ids().collect();
            let count = 1 + random(3);
            let from: Vec<NodeId> = (0..count).map(|_| all[random(all.len())]).collect();
            match count {
                1 => relu(&mut graph, from[0]),
                _ => add(&mut graph, Op::Add { scales: vec![1.0; count] }, &from),
            };
        }
        let mut before: Vec<BTreeSet<NodeId>> = Vec::new();
        for id in graph.ids() {
            let inputs = graph.inputs(id).into_iter();
            let mut all: BTreeSet<NodeId> =
                inputs.flat_map(|id| before[id.index()].clone()).collect();
            all.insert(id);
            before.push(all);
        }
        for Branch { join, input, end, nodes } in branches(&graph).unwrap() {
            let inputs = graph.inputs(join).into_iter().enumerate();
            let others: Vec<NodeId> =
                inputs.filter(|(other, _)| *other != input).map(|(_, id)| id).collect();
            let is_own = |id: &&NodeId| others.iter().all(|it| !before[it.index()].contains(id));
            let expected: Vec<NodeId> =
                before[end.index()].iter().filter(is_own).copied().collect();
            assert_eq!(nodes, expected);
        }
    }
}
