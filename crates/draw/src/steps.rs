//! Steps, such as a convolution with its normalisation and activation, and the modules around them.

use std::collections::{BTreeSet, HashMap, HashSet};

use inceptive_ir::{Graph, NodeId, Path};

/// The step that a node is part of: the outermost node whose path leads to it.
pub(super) fn step_of(path: &Path, steps: &HashSet<&str>) -> Path {
    let text = path.as_str();
    let outer = text.match_indices('/').map(|(end, _)| &text[..end]);
    outer.into_iter().find(|outer| steps.contains(outer)).map_or_else(|| path.clone(), Path::new)
}

/// The path of the first node of a step that is drawn open, inside of the step: `4a/3x3/conv` for the convolution at
/// `4a/3x3`, whose frame has that path.
pub fn head_path(graph: &Graph, head: NodeId) -> Path {
    let node = graph.node(head);
    let mut path = node.path.join(node.op.name());
    while graph.find(&path).is_some() {
        path = Path::new(&format!("{path}_"));
    }
    path
}

/// The node whose card has a path: also the first one of a step that is drawn open. `None` for modules.
pub fn node_at(graph: &Graph, path: &Path) -> Option<NodeId> {
    graph.find(path).or_else(|| {
        let head = graph.find(&path.parent()?)?;
        (head_path(graph, head) == *path).then_some(head)
    })
}

/// What the modules of a network hold: names of the steps and modules right inside each.
pub(super) struct Modules(HashMap<Path, BTreeSet<Path>>);

impl Modules {
    pub fn of<'a>(steps: impl Iterator<Item = &'a Path>) -> Self {
        let mut children: HashMap<Path, BTreeSet<Path>> = HashMap::new();
        for step in steps {
            let mut inner = step.clone();
            while let Some(around) = inner.parent() {
                let is_new = children.entry(around.clone()).or_default().insert(inner);
                if !is_new {
                    break;
                }
                inner = around;
            }
        }
        Self(children)
    }

    /// Those of a network.
    pub fn of_graph(graph: &Graph) -> Self {
        let known: HashSet<&str> = graph.nodes().map(|(_, node)| node.path.as_str()).collect();
        let steps: Vec<Path> = graph.nodes().map(|(_, node)| step_of(&node.path, &known)).collect();
        Self::of(steps.iter())
    }

    /// The module at a path, or the one in it that has several things inside, if nothing else is around that one.
    pub fn real_in(&self, path: &Path) -> Option<Path> {
        let mut path = path.clone();
        while !self.is_real(&path) {
            let mut children = self.0.get(&path)?.iter();
            path = children.next().filter(|_| children.next().is_none())?.clone();
        }
        Some(path)
    }

    /// Whether there is a module with several things inside at a path.
    pub fn is_real(&self, path: &Path) -> bool {
        !path.is_root() && self.0.get(path).is_some_and(|children| children.len() > 1)
    }
}

/// The modules of a network that can be open or closed, outer ones before inner ones.
pub fn modules(graph: &Graph) -> Vec<Path> {
    let modules = Modules::of_graph(graph);
    let mut paths: Vec<Path> =
        modules.0.keys().filter(|path| modules.is_real(path)).cloned().collect();
    paths.sort_by_cached_key(|path| (path.depth(), path.clone()));
    paths
}

/// The nodes of each step of a network, both in execution order.
pub fn steps(graph: &Graph) -> Vec<Vec<NodeId>> {
    let known: HashSet<&str> = graph.nodes().map(|(_, node)| node.path.as_str()).collect();
    let mut places: HashMap<Path, usize> = HashMap::new();
    let mut steps: Vec<Vec<NodeId>> = Vec::new();
    for (id, node) in graph.nodes() {
        let place = *places.entry(step_of(&node.path, &known)).or_insert(steps.len());
        if place == steps.len() {
            steps.push(Vec::new());
        }
        steps[place].push(id);
    }
    steps
}
