//! Counts by module and by operator.

use std::collections::HashMap;

use inceptive_ir::{Graph, NodeId, Path, Shape};

use crate::{cost::Cost, totals::Totals};

/// Counts of a module.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleCost {
    /// Its path.
    pub path: Path,
    /// Shape of its last result.
    pub output: Shape,
    /// Its counts.
    pub totals: Totals,
    /// Counts of the module around it, for shares.
    pub parent: Totals,
    /// Its nodes that run, in execution order.
    pub nodes: Vec<NodeId>,
}

/// Counts of the modules `depth` path segments down, and of the nodes with shorter paths, in execution
/// order.
pub fn by_module(graph: &Graph, cost: &Cost, depth: usize) -> Vec<ModuleCost> {
    let mut around: HashMap<Path, Totals> = HashMap::new();
    for node in &cost.nodes {
        let mut path = graph.node(node.id).path.truncated(depth);
        while let Some(parent) = path.parent() {
            *around.entry(parent.clone()).or_default() += Totals::from(node);
            path = parent;
        }
    }
    let mut modules = Vec::new();
    for group in graph.collapsed(Some(depth)).groups {
        let costs: Vec<_> = group.nodes.iter().filter_map(|&id| cost.get(id)).collect();
        let Some(last) = costs.last() else { continue };
        let totals: Totals = costs.iter().copied().sum();
        let parent = group.path.parent().and_then(|parent| around.get(&parent).copied());
        modules.push(ModuleCost {
            output: graph.node(last.id).shape,
            totals,
            parent: parent.unwrap_or(totals),
            nodes: costs.iter().map(|cost| cost.id).collect(),
            path: group.path,
        });
    }
    modules
}

/// Counts of all nodes with one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpCost {
    /// The operator's name.
    pub op: &'static str,
    /// Its counts.
    pub totals: Totals,
    /// Its nodes, in execution order.
    pub nodes: Vec<NodeId>,
}

/// Counts by operator, in the order in which operators first occur.
pub fn by_op(graph: &Graph, cost: &Cost) -> Vec<OpCost> {
    let mut ops: Vec<OpCost> = Vec::new();
    for node in &cost.nodes {
        let op = graph.node(node.id).op.name();
        let place = ops.iter().position(|known| known.op == op).unwrap_or_else(|| {
            ops.push(OpCost { op, totals: Totals::default(), nodes: Vec::new() });
            ops.len() - 1
        });
        ops[place].totals += Totals::from(node);
        ops[place].nodes.push(node.id);
    }
    ops
}
