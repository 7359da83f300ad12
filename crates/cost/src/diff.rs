//! What changed between two networks.
//!
//! Nodes are matched by their paths, which come from the names in the YAML: `4a/3x3/reduce` is the same
//! layer in every variant of a network, however much was inserted before it.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use inceptive_ir::{AttributeValue, AuxiliaryHead, Graph, NodeId, Op, Part, Path, Shape, Shared};

use crate::{
    cost::Cost,
    group::{ModuleCost, by_module},
    mode::Mode,
    node::NodeCost,
    totals::Totals,
};

/// Maximum number of nodes that are compared in place of one node that exists in one network only. Chains of such nodes
/// could collect the inputs of the whole network, and comparing those would take quadratic time.
const MOST_READ_THROUGH: usize = 256;

/// An item of one network, the other, or both.
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
    /// Its operator.
    pub op: Op,
    /// Paths of its inputs, in order.
    pub inputs: Vec<Path>,
    /// Shape of its result.
    pub shape: Shape,
    /// Its tensors that other nodes have too.
    pub shared: Shared,
    /// Its counts.
    pub totals: Totals,
}

impl NodeSide {
    /// The operator's attributes, and the tensors that are shared if there are some.
    fn attributes(&self) -> Vec<(&'static str, AttributeValue)> {
        let mut attributes = self.op.attributes();
        if !self.shared.is_empty() {
            attributes.push(("shares", AttributeValue::Text(self.shared.to_string())));
        }
        attributes
    }
}

/// A node that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeChange {
    /// Its path.
    pub path: Path,
    /// How.
    pub change: Change<Box<NodeSide>>,
    /// Whether it is in both networks but reads different nodes. A node that exists in one network only is looked
    /// through: the nodes that it reads count instead. A node that reads more than 256 nodes through another one is
    /// taken for rewired.
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
    /// Whether it computes the same as before, and only nodes before it were added, removed or renamed.
    pub fn is_consequence(&self) -> bool {
        let Change::Changed(before, after) = &self.change else { return false };
        let own = |side: &NodeSide| (side.op.clone(), side.shape, side.totals, side.shared.clone());
        let same = |a: &NodeSide, b: &NodeSide| own(a) == own(b);
        !self.is_rewired && same(before, after)
    }

    /// The attributes that differ; empty for a node that is in one network only.
    pub fn attributes(&self) -> Vec<AttributeChange> {
        let Change::Changed(before, after) = &self.change else { return Vec::new() };
        let (before, after) = (before.attributes(), after.attributes());
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
    /// Paths of the nodes of the main network that it reads, in execution order.
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
    /// Whether both networks compute the same, apart from the names of nodes.
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
    let shared = |path: &Path| b.find(path).and(a.find(path));
    let reads = [a, b].map(|graph| shared_reads(graph, &shared));
    let node = |(path, change)| {
        let is_rewired = shared(&path).is_some_and(|id| is_rewired(&reads, id));
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

/// The nodes that are compared in place of a node's inputs: nodes of both networks, each once; `None` if there are too
/// many.
type Sources = Option<Vec<NodeId>>;

/// The inputs of the shared nodes of a graph that are shared nodes too, directly or through other nodes. `shared` gives
/// the id that such a node has in both graphs.
fn shared_reads(
    graph: &Graph,
    shared: &dyn Fn(&Path) -> Option<NodeId>,
) -> HashMap<NodeId, Sources> {
    let mut reads = HashMap::new();
    // The nodes to compare in place of each node: itself, or its inputs.
    let mut read_as: Vec<Sources> = Vec::with_capacity(graph.len());
    for (id, node) in graph.nodes() {
        let inputs = graph.inputs(id).into_iter().map(|input| read_as[input.index()].as_deref());
        let sources = inputs.collect::<Option<Vec<_>>>().map(|lists| lists.concat());
        read_as.push(match shared(&node.path) {
            // Something may be added to itself.
            Some(id) => {
                reads.insert(id, sources);
                Some(vec![id])
            }
            None => sources.and_then(each_once),
        });
    }
    reads
}

/// Each node at its first place; `None` if there are too many.
fn each_once(mut nodes: Vec<NodeId>) -> Sources {
    let mut seen = HashSet::with_capacity(nodes.len());
    nodes.retain(|&node| seen.insert(node));
    (nodes.len() <= MOST_READ_THROUGH).then_some(nodes)
}

/// Whether a shared node reads something else in the second network, as far as that is known.
fn is_rewired(reads: &[HashMap<NodeId, Sources>; 2], id: NodeId) -> bool {
    let [before, after] = reads.each_ref().map(|reads| reads.get(&id).and_then(Option::as_ref));
    before.is_none() || before != after
}

fn side(graph: &Graph, cost: &NodeCost) -> Box<NodeSide> {
    let node = graph.node(cost.id);
    Box::new(NodeSide {
        op: node.op.clone(),
        inputs: graph.inputs(cost.id).into_iter().map(|input| path_of(graph, input)).collect(),
        shape: node.shape,
        shared: node.shared.clone(),
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

/// Matches by path or name and keeps the differences.
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

#[cfg(test)]
mod tests {
    use inceptive_ir::{Activation, NewNode};
    use proptest::prelude::*;

    use super::*;

    /// A network of sums and activations: each node by its path and the paths that it reads.
    fn network<'a>(nodes: impl IntoIterator<Item = (String, Vec<&'a str>)>) -> Graph {
        let mut graph = Graph::new(Shape::map(1, 1, 1), None).unwrap();
        for (path, inputs) in nodes {
            let op = match inputs.len() {
                1 => Op::Activation(Activation::Relu),
                count => Op::Add { scales: vec![1.0; count] },
            };
            let inputs: Vec<NodeId> =
                inputs.iter().map(|path| graph.find(&Path::new(path)).unwrap()).collect();
            graph.add(NewNode::new(op, Path::new(&path)), &inputs).unwrap();
        }
        graph
    }

    /// The shared nodes that read something else, by going back from each.
    fn rewired_slowly(a: &Graph, b: &Graph) -> Vec<Path> {
        fn read_as(graph: &Graph, other: &Graph, id: NodeId) -> Vec<Path> {
            let path = path_of(graph, id);
            if other.find(&path).is_some() {
                return vec![path];
            }
            let mut sources = vec![];
            for input in graph.inputs(id) {
                for source in read_as(graph, other, input) {
                    if !sources.contains(&source) {
                        sources.push(source);
                    }
                }
            }
            sources
        }
        let reads = |graph: &Graph, other: &Graph, path: &Path| -> Vec<Path> {
            let inputs = graph.find(path).map(|id| graph.inputs(id)).unwrap_or_default();
            inputs.into_iter().flat_map(|input| read_as(graph, other, input)).collect()
        };
        let paths = a.nodes().map(|(_, node)| &node.path).filter(|path| b.find(path).is_some());
        paths.filter(|path| reads(a, b, path) != reads(b, a, path)).cloned().collect()
    }

    /// A network of which node `n` is called `n`, or `n` with a mark if it is renamed.
    fn random(nodes: &[(bool, usize, usize)], mark: &str) -> Graph {
        let mut names = vec!["input".to_owned()];
        for (number, (is_renamed, ..)) in nodes.iter().enumerate() {
            let mark = if *is_renamed { mark } else { "" };
            names.push(format!("n{number}{mark}"));
        }
        network(nodes.iter().enumerate().map(|(number, &(_, first, second))| {
            let earlier = |at: usize| names[at % (number + 1)].as_str();
            let inputs = match second % 3 {
                0 => vec![earlier(first)],
                _ => vec![earlier(first), earlier(second / 3)],
            };
            (names[number + 1].clone(), inputs)
        }))
    }

    proptest! {
        #[test]
        fn rewired_is_what_going_back_from_each_node_finds(
            nodes in proptest::collection::vec((any::<bool>(), 0..64_usize, 0..64_usize), 1..10),
            others in proptest::collection::vec((0..10_usize, 0..64_usize), 0..3),
        ) {
            let mut changed = nodes.clone();
            for (at, first) in others {
                let at = at % changed.len();
                changed[at].1 = first;
            }
            let (a, b) = (random(&nodes, ""), random(&changed, "b"));
            let shared = |path: &Path| b.find(path).and(a.find(path));
            let reads = [&a, &b].map(|graph| shared_reads(graph, &shared));
            let paths = a.nodes().map(|(id, node)| (id, &node.path));
            let found: Vec<Path> = paths
                .filter(|&(id, path)| shared(path).is_some() && is_rewired(&reads, id))
                .map(|(_, path)| path.clone())
                .collect();
            prop_assert_eq!(found, rewired_slowly(&a, &b));
        }
    }

    /// Sums with the names of a variant, each of the one before and of a node that keeps its name.
    fn sums(count: usize, variant: &str) -> Graph {
        let names: Vec<[String; 2]> = (0..count)
            .map(|number| [format!("own{number}"), format!("{variant}{number}")])
            .collect();
        let mut nodes = vec![];
        let mut last = "input";
        for [own, sum] in &names {
            nodes.extend([(own.clone(), vec!["input"]), (sum.clone(), vec![last, own])]);
            last = sum;
        }
        nodes.push(("end".to_owned(), vec![last]));
        network(nodes)
    }

    #[test]
    fn long_chains_of_renamed_nodes_are_compared() {
        let end_of = |a: &Graph, b: &Graph| {
            let nodes = diff(a, b, Mode::Inference, 1).nodes;
            nodes.into_iter().find(|node| node.path.as_str() == "end").unwrap()
        };
        // The network's input is read as well.
        let fits = MOST_READ_THROUGH - 1;
        assert!(end_of(&sums(fits, "a"), &sums(fits, "b")).is_consequence());
        for too_many in [fits + 1, 20_000] {
            assert!(end_of(&sums(too_many, "a"), &sums(too_many, "b")).is_rewired, "{too_many}");
        }
        let chain = |variant: &str| {
            let names: Vec<String> =
                (0..20_000).map(|number| format!("{variant}{number}")).collect();
            let before = ["input"].into_iter().chain(names.iter().map(String::as_str));
            let nodes = names.iter().cloned().chain(["end".to_owned()]).zip(before);
            network(nodes.map(|(name, before)| (name, vec![before])).collect::<Vec<_>>())
        };
        assert!(end_of(&chain("a"), &chain("b")).is_consequence());
    }
}
