//! Parts of a network by their paths.

use std::collections::{BTreeSet, HashMap};

use crate::{
    graph::{Graph, NodeId},
    path::Path,
};

/// A module: the nodes at and under a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its path.
    pub path: Path,
    /// Its nodes, in execution order; at least one.
    pub nodes: Vec<NodeId>,
    /// The nodes outside of it that it reads, in execution order.
    pub inputs: Vec<NodeId>,
    /// Its nodes that are read from outside or are a result of the network, in execution order.
    pub outputs: Vec<NodeId>,
}

/// The network with every module at a depth as one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collapsed {
    /// Modules, and nodes whose paths are shorter, in the order of their first nodes.
    pub groups: Vec<Group>,
    /// Which group reads which: (producer, consumer) as positions in `groups`, sorted, without
    /// repetition and without edges inside a group.
    pub edges: Vec<(usize, usize)>,
}

/// A module at the depth of a [`Collapsed`] graph, or a single node outside of modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its path.
    pub path: Path,
    /// Its nodes, in execution order; at least one.
    pub nodes: Vec<NodeId>,
}

impl Graph {
    /// The module at a path; `None` if no node is at or under it.
    pub fn module(&self, path: &Path) -> Option<Module> {
        let is_inside = |id: NodeId| self.node(id).path.is_within(path);
        let nodes: Vec<NodeId> = self.ids().filter(|&id| is_inside(id)).collect();
        if nodes.is_empty() {
            return None;
        }
        let inputs: BTreeSet<NodeId> =
            nodes.iter().flat_map(|&id| self.inputs(id)).filter(|&id| !is_inside(id)).collect();
        let results = self.results();
        let is_output = |&id: &NodeId| {
            results.contains(&id) || self.consumers(id).into_iter().any(|c| !is_inside(c))
        };
        let outputs = nodes.iter().copied().filter(is_output).collect();
        Some(Module { path: path.clone(), inputs: inputs.into_iter().collect(), outputs, nodes })
    }

    /// The nodes grouped by the first `depth` segments of their paths; every node by itself if there
    /// is no depth.
    pub fn collapsed(&self, depth: Option<usize>) -> Collapsed {
        let mut groups: Vec<Group> = Vec::new();
        let mut by_path: HashMap<Path, usize> = HashMap::new();
        let mut group_of = Vec::with_capacity(self.len());
        for (id, node) in self.nodes() {
            let path = depth.map_or_else(|| node.path.clone(), |depth| node.path.truncated(depth));
            let group = *by_path.entry(path.clone()).or_insert_with(|| {
                groups.push(Group { path, nodes: Vec::new() });
                groups.len() - 1
            });
            groups[group].nodes.push(id);
            group_of.push(group);
        }
        let edges: BTreeSet<(usize, usize)> = self
            .ids()
            .flat_map(|id| self.inputs(id).into_iter().map(move |input| (input, id)))
            .map(|(from, to)| (group_of[from.index()], group_of[to.index()]))
            .filter(|(from, to)| from != to)
            .collect();
        Collapsed { groups, edges: edges.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, NewNode, Op, Shape};

    fn branches() -> Graph {
        let mut graph = Graph::new(Shape::map(8, 4, 4), None).unwrap();
        let relu = |path| NewNode::new(Op::Activation(Activation::Relu), Path::new(path));
        let a = graph.add(relu("m/a/relu"), &[graph.input()]).unwrap();
        let b = graph.add(relu("m/b/relu"), &[graph.input()]).unwrap();
        let concat = NewNode::new(Op::Concat, Path::new("m/concat"));
        let concat = graph.add(concat, &[a, b]).unwrap();
        graph.add(relu("relu"), &[concat]).unwrap();
        graph
    }

    fn names(graph: &Graph, ids: &[NodeId]) -> Vec<String> {
        ids.iter().map(|&id| graph.node(id).path.to_string()).collect()
    }

    #[test]
    fn a_module_knows_its_borders() {
        let graph = branches();
        let module = graph.module(&Path::new("m")).unwrap();
        assert_eq!(names(&graph, &module.nodes), ["m/a/relu", "m/b/relu", "m/concat"]);
        assert_eq!(names(&graph, &module.inputs), ["input"]);
        assert_eq!(names(&graph, &module.outputs), ["m/concat"]);
        let whole = graph.module(&Path::root()).unwrap();
        assert_eq!(names(&graph, &whole.outputs), ["relu"]);
        assert!(whole.inputs.is_empty());
        assert_eq!(graph.module(&Path::new("x")), None);
    }

    #[test]
    fn a_collapsed_graph_has_one_group_a_module() {
        let graph = branches();
        let paths = |depth| -> Vec<String> {
            graph.collapsed(depth).groups.iter().map(|group| group.path.to_string()).collect()
        };
        assert_eq!(paths(Some(1)), ["input", "m", "relu"]);
        assert_eq!(paths(Some(2)), ["input", "m/a", "m/b", "m/concat", "relu"]);
        assert_eq!(paths(Some(0)), [""]);
        assert_eq!(paths(None).len(), graph.len());
        assert_eq!(graph.collapsed(Some(1)).edges, [(0, 1), (1, 2)]);
        assert_eq!(graph.collapsed(Some(2)).edges, [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]);
    }
}
