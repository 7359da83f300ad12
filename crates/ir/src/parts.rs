//! A graph as plain lists, for whoever builds one from the outside or changes one.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::graph::{AuxiliaryHead, Graph, GraphError, NewNode, NodeId, Part};
use crate::op::Op;

/// The nodes of a graph in any order, each with the positions of its inputs in the same list.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// The nodes; exactly one is an [`Op::Input`].
    pub nodes: Vec<NodeParts>,
    /// Position of the node that is the network's output.
    pub output: usize,
    /// Positions of the outputs beside it.
    pub more_outputs: Vec<usize>,
    /// The auxiliary heads.
    pub auxiliary: Vec<HeadParts>,
}

/// A node and its inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeParts {
    /// The node.
    pub node: NewNode,
    /// Positions of its inputs, in their order.
    pub inputs: Vec<usize>,
}

/// An auxiliary head.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadParts {
    /// Its name.
    pub name: String,
    /// Position of the node that outputs its logits.
    pub output: usize,
    /// Weight of its loss in the training loss.
    pub weight: f32,
}

impl Graph {
    /// The graph as lists, in execution order.
    pub fn to_parts(&self) -> Parts {
        let positions = |ids: Vec<NodeId>| ids.into_iter().map(NodeId::index).collect();
        let node = |id| NodeParts {
            node: NewNode::from(self.node(id)),
            inputs: positions(self.inputs(id)),
        };
        let head = |head: &AuxiliaryHead| HeadParts {
            name: head.name.clone(),
            output: head.output.index(),
            weight: head.weight,
        };
        Parts {
            nodes: self.ids().map(node).collect(),
            output: self.output().index(),
            more_outputs: self.outputs().skip(1).map(NodeId::index).collect(),
            auxiliary: self.auxiliary().iter().map(head).collect(),
        }
    }

    /// Builds and validates a graph. Nodes are put into an execution order that keeps the order of
    /// the list wherever it can.
    ///
    /// # Errors
    /// When the lists do not describe a valid graph.
    pub fn from_parts(parts: Parts) -> Result<Self, GraphError> {
        let order = execution_order(&parts.nodes)?;
        let mut ids: Vec<Option<NodeId>> = vec![None; parts.nodes.len()];
        let mut graph: Option<Self> = None;
        for position in order {
            let NodeParts { node, inputs } = &parts.nodes[position];
            let inputs: Vec<NodeId> = inputs.iter().filter_map(|&input| ids[input]).collect();
            let graph = match (&mut graph, &node.op) {
                (None, &Op::Input(shape)) => {
                    let new = graph.insert(Self::new(shape, node.span)?);
                    ids[position] = Some(new.input());
                    continue;
                }
                (Some(graph), _) => graph,
                (None, _) => return Err(GraphError::Inputs { found: 0 }),
            };
            ids[position] = Some(graph.add(node.clone(), &inputs)?);
        }
        let Some(mut graph) = graph else { return Err(GraphError::Inputs { found: 0 }) };
        let id_at = |position: usize| {
            let id = ids.get(position).copied().flatten();
            id.ok_or(GraphError::UnknownOutput { output: position })
        };
        graph.set_output(id_at(parts.output)?);
        for &output in &parts.more_outputs {
            graph.add_output(id_at(output)?);
        }
        for HeadParts { name, output, weight } in parts.auxiliary {
            graph.add_auxiliary(AuxiliaryHead { name, output: id_at(output)?, weight });
        }
        graph.validate()?;
        Ok(graph)
    }

    /// Checks what building alone does not: one input, no node without use, and no node that
    /// reads an auxiliary head from outside of it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), GraphError> {
        let found = self.nodes().filter(|(_, node)| matches!(node.op, Op::Input(_))).count();
        if found != 1 {
            return Err(GraphError::Inputs { found });
        }
        for (id, node) in self.nodes() {
            for input in self.inputs(id) {
                let input = self.node(input);
                if input.part != Part::Main && input.part != node.part {
                    let (path, input) = (node.path.clone(), input.path.clone());
                    return Err(GraphError::ReadsAuxiliary { path, input });
                }
            }
        }
        self.expect_all_used()
    }

    /// Every node of a part must reach an output of that part.
    fn expect_all_used(&self) -> Result<(), GraphError> {
        let mut used = vec![false; self.len()];
        for output in self.outputs() {
            used[output.index()] = true;
        }
        for head in self.auxiliary() {
            used[head.output.index()] = true;
        }
        for id in self.ids().rev() {
            for input in self.inputs(id) {
                used[input.index()] |=
                    used[id.index()] && self.node(input).part == self.node(id).part;
            }
        }
        match self.nodes().find(|(id, _)| !used[id.index()]) {
            None => Ok(()),
            Some((_, node)) => Err(GraphError::Unused { path: node.path.clone() }),
        }
    }
}

/// Kahn's algorithm; of the nodes that are ready, the first of the list comes first.
fn execution_order(nodes: &[NodeParts]) -> Result<Vec<usize>, GraphError> {
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut missing: Vec<usize> = Vec::with_capacity(nodes.len());
    for (position, NodeParts { node, inputs }) in nodes.iter().enumerate() {
        for &input in inputs {
            match readers.get_mut(input) {
                Some(readers) => readers.push(position),
                None => {
                    return Err(GraphError::UnknownInput { path: node.path.clone(), input });
                }
            }
        }
        missing.push(inputs.len());
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..nodes.len()).filter(|&node| missing[node] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(Reverse(next)) = ready.pop() {
        order.push(next);
        for &reader in &readers[next] {
            missing[reader] -= 1;
            if missing[reader] == 0 {
                ready.push(Reverse(reader));
            }
        }
    }
    match missing.iter().position(|&inputs| inputs > 0) {
        None => Ok(order),
        Some(on_circle) => Err(GraphError::Cycle { path: nodes[on_circle].node.path.clone() }),
    }
}
