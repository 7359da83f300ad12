//! What changed between two networks.
//!
//! Nodes are matched by their paths, which come from the names in the YAML: `4a/3x3/reduce` is the same
//! layer in every variant of a network, however much was inserted before it.

use std::{collections::HashMap, hash::Hash};

use inceptive_ir::{AttributeValue, AuxiliaryHead, Graph, NodeId, Op, Part, Path, Shape};

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
    /// What it computes.
    pub op: Op,
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
    pub change: Change<Box<NodeSide>>,
    /// Whether it is in both networks and reads other nodes of both: through a node that is in one network only,
    /// what that node reads counts.
    pub is_rewired: bool,
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
    /// Whether it computes the same from the same, and only what stands between was added, removed or renamed.
    pub fn is_consequence(&self) -> bool {
        let Change::Changed(before, after) = &self.change else { return false };
        let same =
            |a: &NodeSide, b: &NodeSide| (&a.op, a.shape, a.totals) == (&b.op, b.shape, b.totals);
        !self.is_rewired && same(before, after)
    }

    /// The attributes that differ; empty for a node that is in one network only.
    pub fn attributes(&self) -> Vec<AttributeChange> {
        let Change::Changed(before, after) = &self.change else { return Vec::new() };
        let (before, after) = (before.op.attributes(), after.op.attributes());
        let value = |side: &[(&str, AttributeValue)], name| {
            side.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        };
        let only_after = after.iter().filter(|(name, _)| value(&before, *name).is_none());
        let names = before.iter().chain(only_after).map(|&(name, _)| name);
        names
            .map(|name| AttributeChange {
                name,
                before: value(&before, name),
                after: value(&after, name),
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
    pub change: Change<Box<ModuleCost>>,
}

/// An auxiliary head as the diff sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadSide {
    /// Weight of its loss in the training loss.
    pub weight: f32,
    /// Paths of what it reads of the main network, in execution order.
    pub reads: Vec<Path>,
    /// Its counts in training.
    pub totals: Totals,
    /// Its nodes, in execution order.
    pub nodes: Vec<(Path, Box<NodeSide>)>,
}

/// An auxiliary head that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadChange {
    /// Its name.
    pub name: String,
    /// How.
    pub change: Change<HeadSide>,
}

/// Everything that differs between two networks.
#[derive(Clone, Debug, PartialEq)]
pub struct Diff {
    /// The nodes that differ: those of the first network in execution order, then those only in the
    /// second.
    pub nodes: Vec<NodeChange>,
    /// The modules that differ, likewise.
    pub modules: Vec<ModuleChange>,
    /// The auxiliary heads that differ, likewise, in any mode.
    pub heads: Vec<HeadChange>,
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
    let sides = |graph: &Graph, cost: &Cost| -> Vec<(Path, Box<NodeSide>)> {
        cost.nodes.iter().map(|node| (path_of(graph, node.id), side(graph, node))).collect()
    };
    let modules = |graph: &Graph, cost: &Cost| -> Vec<(Path, Box<ModuleCost>)> {
        let modules = by_module(graph, cost, depth);
        modules.into_iter().map(|module| (module.path.clone(), Box::new(module))).collect()
    };
    let nodes = changes(sides(a, &costs[0]), sides(b, &costs[1]), |a, b| a == b);
    let modules = changes(modules(a, &costs[0]), modules(b, &costs[1]), |a, b| {
        a.totals == b.totals && a.output == b.output
    });
    let heads = changes(heads(a), heads(b), |a, b| a == b);
    let is_shared = |path: &Path| a.find(path).is_some() && b.find(path).is_some();
    let reads = [a, b].map(|graph| shared_reads(graph, &is_shared));
    let node = |(path, change)| {
        let is_rewired = is_shared(&path) && reads[0].get(&path) != reads[1].get(&path);
        NodeChange { path, change, is_rewired }
    };
    Diff {
        nodes: nodes.into_iter().map(node).collect(),
        modules: modules.into_iter().map(|(path, change)| ModuleChange { path, change }).collect(),
        heads: heads.into_iter().map(|(name, change)| HeadChange { name, change }).collect(),
        totals: [costs[0].total, costs[1].total],
        peak_bytes: [costs[0].peak.bytes, costs[1].peak.bytes],
        same_structure: a.fingerprint() == b.fingerprint(),
    }
}

fn path_of(graph: &Graph, id: NodeId) -> Path {
    graph.node(id).path.clone()
}

/// What the shared nodes of a graph read, by their paths: shared nodes, directly or through others.
fn shared_reads(graph: &Graph, is_shared: &dyn Fn(&Path) -> bool) -> HashMap<Path, Vec<Path>> {
    let mut reads = HashMap::new();
    // What is read of each node: itself, or what it reads.
    let mut read_as: Vec<Vec<Path>> = Vec::with_capacity(graph.len());
    for (id, node) in graph.nodes() {
        let mut sources: Vec<Path> = vec![];
        for source in graph.inputs(id).into_iter().flat_map(|input| &read_as[input.index()]) {
            // Something may be added to itself; through others each counts once.
            if is_shared(&node.path) || !sources.contains(source) {
                sources.push(source.clone());
            }
        }
        if is_shared(&node.path) {
            reads.insert(node.path.clone(), sources);
            sources = vec![node.path.clone()];
        }
        read_as.push(sources);
    }
    reads
}

fn side(graph: &Graph, cost: &NodeCost) -> Box<NodeSide> {
    let node = graph.node(cost.id);
    Box::new(NodeSide {
        op: node.op.clone(),
        inputs: graph.inputs(cost.id).into_iter().map(|input| path_of(graph, input)).collect(),
        shape: node.shape,
        totals: Totals::from(cost),
    })
}

/// The auxiliary heads by name.
fn heads(graph: &Graph) -> Vec<(String, HeadSide)> {
    let mut sides: Vec<(String, HeadSide)> = graph
        .auxiliary()
        .iter()
        .map(|AuxiliaryHead { name, weight, output: _ }| {
            let (reads, totals, nodes) = (Vec::new(), Totals::default(), Vec::new());
            (name.clone(), HeadSide { weight: *weight, reads, totals, nodes })
        })
        .collect();
    if sides.is_empty() {
        return sides;
    }
    for cost in &Cost::new(graph, Mode::Training).nodes {
        let Part::Auxiliary(number) = graph.node(cost.id).part else { continue };
        let Some((_, head)) = sides.get_mut(number) else { continue };
        for input in graph.inputs(cost.id) {
            let node = graph.node(input);
            if node.part == Part::Main && !head.reads.contains(&node.path) {
                head.reads.push(node.path.clone());
            }
        }
        head.totals += Totals::from(cost);
        head.nodes.push((path_of(graph, cost.id), side(graph, cost)));
    }
    sides
}

/// Matches by path or name and keeps what differs.
fn changes<K: Clone + Eq + Hash, T>(
    before: Vec<(K, T)>,
    after: Vec<(K, T)>,
    same: impl Fn(&T, &T) -> bool,
) -> Vec<(K, Change<T>)> {
    let order: HashMap<K, usize> =
        after.iter().enumerate().map(|(place, (path, _))| (path.clone(), place)).collect();
    let mut after: Vec<Option<(K, T)>> = after.into_iter().map(Some).collect();
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
