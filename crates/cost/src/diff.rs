//! What changed between two networks.
//!
//! Nodes are matched by their paths, which come from the names in the YAML: `4a/3x3/reduce` is the same
//! layer in every variant of a network, however much was inserted before it.

use std::collections::HashMap;

use inceptive_ir::{AttributeValue, Graph, NodeId, Path, Shape};

use crate::{
    cost::{Cost, Mode},
    group::{ModuleCost, by_module},
    node::NodeCost,
    totals::Totals,
};

/// What is in one network, the other, or both.
#[derive(Clone, Debug, PartialEq)]
pub enum Change<T> {
    /// Only in the first.
    Removed(T),
    /// Only in the second.
    Added(T),
    /// In both, differently.
    Changed(T, T),
}

impl<T> Change<T> {
    /// The first network's side.
    pub fn before(&self) -> Option<&T> {
        match self {
            Self::Removed(before) | Self::Changed(before, _) => Some(before),
            Self::Added(_) => None,
        }
    }

    /// The second network's side.
    pub fn after(&self) -> Option<&T> {
        match self {
            Self::Added(after) | Self::Changed(_, after) => Some(after),
            Self::Removed(_) => None,
        }
    }
}

/// A node as the diff sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSide {
    /// The operator's name.
    pub op: &'static str,
    /// Its attributes.
    pub attributes: Vec<(&'static str, AttributeValue)>,
    /// Paths of what it reads, in order.
    pub inputs: Vec<Path>,
    /// Shape of its result.
    pub shape: Shape,
    /// Its counts.
    pub totals: Totals,
}

/// A node that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeChange {
    /// Its path.
    pub path: Path,
    /// How.
    pub change: Change<NodeSide>,
}

/// An attribute that differs between two nodes with the same path.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeChange {
    /// Its name.
    pub name: &'static str,
    /// In the first network, if the operator there has it.
    pub before: Option<AttributeValue>,
    /// In the second network, if the operator there has it.
    pub after: Option<AttributeValue>,
}

impl NodeChange {
    /// The attributes that differ; empty for a node that is in one network only.
    pub fn attributes(&self) -> Vec<AttributeChange> {
        let Change::Changed(before, after) = &self.change else { return Vec::new() };
        let value = |side: &NodeSide, name| {
            side.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        };
        let only_after = after.attributes.iter().filter(|(name, _)| value(before, *name).is_none());
        let names = before.attributes.iter().chain(only_after).map(|&(name, _)| name);
        names
            .map(|name| AttributeChange {
                name,
                before: value(before, name),
                after: value(after, name),
            })
            .filter(|change| change.before != change.after)
            .collect()
    }
}

/// A module whose counts or shape differ.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleChange {
    /// Its path.
    pub path: Path,
    /// How.
    pub change: Change<ModuleCost>,
}

/// Everything that differs between two networks.
#[derive(Clone, Debug, PartialEq)]
pub struct Diff {
    /// The nodes that differ: those of the first network in execution order, then those only in the
    /// second.
    pub nodes: Vec<NodeChange>,
    /// The modules that differ, likewise.
    pub modules: Vec<ModuleChange>,
    /// Counts of both networks.
    pub totals: [Totals; 2],
    /// Bytes of results in memory at the peak, of both.
    pub peak_bytes: [u64; 2],
    /// Whether both compute the same, whatever their nodes are called.
    pub same_structure: bool,
}

/// Compares two networks; modules are those `depth` path segments down.
pub fn diff(a: &Graph, b: &Graph, mode: Mode, depth: usize) -> Diff {
    let costs = [Cost::new(a, mode), Cost::new(b, mode)];
    let sides = |graph: &Graph, cost: &Cost| -> Vec<(Path, NodeSide)> {
        cost.nodes.iter().map(|node| (path_of(graph, node.id), side(graph, node))).collect()
    };
    let modules = |graph: &Graph, cost: &Cost| -> Vec<(Path, ModuleCost)> {
        let modules = by_module(graph, cost, depth);
        modules.into_iter().map(|module| (module.path.clone(), module)).collect()
    };
    let nodes = changes(sides(a, &costs[0]), sides(b, &costs[1]), |a, b| a == b);
    let modules = changes(modules(a, &costs[0]), modules(b, &costs[1]), |a, b| {
        a.totals == b.totals && a.output == b.output
    });
    Diff {
        nodes: nodes.into_iter().map(|(path, change)| NodeChange { path, change }).collect(),
        modules: modules.into_iter().map(|(path, change)| ModuleChange { path, change }).collect(),
        totals: [costs[0].total, costs[1].total],
        peak_bytes: [costs[0].peak.bytes, costs[1].peak.bytes],
        same_structure: a.fingerprint() == b.fingerprint(),
    }
}

fn path_of(graph: &Graph, id: NodeId) -> Path {
    graph.node(id).path.clone()
}

fn side(graph: &Graph, cost: &NodeCost) -> NodeSide {
    let node = graph.node(cost.id);
    NodeSide {
        op: node.op.name(),
        attributes: node.op.attributes(),
        inputs: graph.inputs(cost.id).into_iter().map(|input| path_of(graph, input)).collect(),
        shape: node.shape,
        totals: Totals::from(cost),
    }
}

/// Matches by path and keeps what differs.
fn changes<T>(
    before: Vec<(Path, T)>,
    after: Vec<(Path, T)>,
    same: impl Fn(&T, &T) -> bool,
) -> Vec<(Path, Change<T>)> {
    let order: HashMap<Path, usize> =
        after.iter().enumerate().map(|(place, (path, _))| (path.clone(), place)).collect();
    let mut after: Vec<Option<(Path, T)>> = after.into_iter().map(Some).collect();
    let mut changes = Vec::new();
    for (path, before) in before {
        let partner = order.get(&path).and_then(|&place| after[place].take());
        match partner {
            None => changes.push((path, Change::Removed(before))),
            Some((_, after)) if !same(&before, &after) => {
                changes.push((path, Change::Changed(before, after)));
            }
            Some(_) => {}
        }
    }
    changes.extend(after.into_iter().flatten().map(|(path, new)| (path, Change::Added(new))));
    changes
}
