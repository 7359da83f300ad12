//! Repeated modules: equal ones in a row, each of which reads the one before it.

use std::collections::{BTreeSet, HashMap};

use inceptive_ir::{Graph, NodeId, Path};

use super::steps::Modules;

/// Which repeated modules are drawn once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// None of them.
    Each,
    /// All but those whose first module has one of these paths.
    OnceExcept(BTreeSet<Path>),
}

/// Equal modules in a row; at least two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Their paths, in execution order.
    pub members: Vec<Path>,
    /// The nodes of each, in the order of its equals.
    nodes: Vec<Vec<NodeId>>,
}

impl Repeat {
    /// The path of the first module, which stands for all of them.
    pub fn first(&self) -> &Path {
        &self.members[0]
    }

    /// The name of the last module, and the number of modules.
    pub(super) fn end(&self) -> (String, usize) {
        let last = self.members.last().map_or("", |path| path.name());
        (last.to_owned(), self.members.len())
    }
}

/// The repeated modules of a network, those around others first.
pub fn repeats(graph: &Graph) -> Vec<Repeat> {
    let modules = Modules::of_graph(graph);
    let mut members: HashMap<Path, Vec<NodeId>> = HashMap::new();
    let mut siblings: HashMap<Path, Vec<Path>> = HashMap::new();
    for (id, node) in graph.nodes() {
        let mut inner = node.path.clone();
        loop {
            if modules.is_real(&inner) {
                members.entry(inner.clone()).or_default().push(id);
            }
            let Some(parent) = inner.parent() else { break };
            let known = siblings.entry(parent.clone()).or_default();
            if known.last() != Some(&inner) {
                known.push(inner);
            }
            inner = parent;
        }
    }
    let mut found = Vec::new();
    for children in siblings.into_values() {
        row_by_row(graph, &children, &members, &mut found);
    }
    found.sort_by_cached_key(|repeat| (repeat.first().depth(), repeat.nodes[0].first().copied()));
    found
}

/// Finds the repeats among the children of a module.
fn row_by_row(
    graph: &Graph,
    children: &[Path],
    members: &HashMap<Path, Vec<NodeId>>,
    found: &mut Vec<Repeat>,
) {
    let mut run: Vec<&Path> = Vec::new();
    let mut result: Option<usize> = None;
    let mut end = |run: &mut Vec<&Path>| {
        if run.len() > 1 {
            let nodes = run.iter().map(|path| members[*path].clone()).collect();
            found.push(Repeat { members: run.iter().map(|&path| path.clone()).collect(), nodes });
        }
        run.clear();
    };
    for path in children {
        let Some(nodes) = members.get(path) else {
            end(&mut run);
            continue;
        };
        let before = run.last().map(|&last| Part { path: last, nodes: &members[last] });
        let step = before.and_then(|before| before.result_for(graph, Part { path, nodes }));
        if step.is_none() || run.len() > 1 && step != result {
            end(&mut run);
        }
        if !run.is_empty() {
            result = step;
        }
        run.push(path);
    }
    end(&mut run);
}

/// A module with its nodes.
#[derive(Clone, Copy)]
struct Part<'a> {
    path: &'a Path,
    nodes: &'a [NodeId],
}

impl Part<'_> {
    /// The place of a node among those of the module.
    fn place(&self, id: NodeId) -> Option<usize> {
        self.nodes.binary_search(&id).ok()
    }

    /// The place of the only node that is read outside of this module, by the `next` one alone, if both are equal.
    fn result_for(&self, graph: &Graph, next: Part<'_>) -> Option<usize> {
        if self.nodes.len() != next.nodes.len() {
            return None;
        }
        let (mut source, mut result) = (None, None);
        for (&a, &b) in self.nodes.iter().zip(next.nodes) {
            let (node, other) = (graph.node(a), graph.node(b));
            let is_equal = node.op == other.op
                && node.shape == other.shape
                && node.part == other.part
                && rest(&node.path, self.path) == rest(&other.path, next.path);
            let (reads, other_reads) = (graph.inputs(a), graph.inputs(b));
            if !is_equal || reads.len() != other_reads.len() {
                return None;
            }
            for (read, other_read) in reads.into_iter().zip(other_reads) {
                match (self.place(read), next.place(other_read)) {
                    (Some(here), Some(there)) if here == there => {}
                    (None, None) => {
                        let from = self.place(other_read)?;
                        if *source.get_or_insert(read) != read
                            || *result.get_or_insert(from) != from
                            || graph.node(read).shape != graph.node(other_read).shape
                        {
                            return None;
                        }
                    }
                    _ => return None,
                }
            }
        }
        let result = result?;
        let is_read_by_next_alone = self.nodes.iter().enumerate().all(|(place, &id)| {
            graph.consumers(id).into_iter().all(|reader| {
                self.place(reader).is_some() || place == result && next.place(reader).is_some()
            })
        });
        is_read_by_next_alone.then_some(result)
    }
}

/// The part of a path that is inside of a module.
fn rest<'p>(path: &'p Path, module: &Path) -> Option<&'p str> {
    path.as_str().strip_prefix(module.as_str())
}

/// The node that stands for each: itself, but in a repeat that is drawn once.
pub(super) struct Representatives {
    of: Vec<NodeId>,
    /// The repeats that are drawn once, by the path of the first module.
    rolled: HashMap<Path, Repeat>,
}

impl Representatives {
    pub fn new(graph: &Graph, repeats: &Repeats) -> Self {
        let mut of: Vec<NodeId> = graph.ids().collect();
        let Repeats::OnceExcept(apart) = repeats else {
            return Self { of, rolled: HashMap::new() };
        };
        let mut all = self::repeats(graph);
        all.retain(|repeat| !apart.contains(repeat.first()));
        // Those around others come last, for they decide which of the inner ones stand for the rest.
        for repeat in all.iter().rev() {
            for copy in &repeat.nodes[1..] {
                for (&own, &first) in copy.iter().zip(&repeat.nodes[0]) {
                    of[own.index()] = first;
                }
            }
        }
        for index in 0..of.len() {
            // An earlier node, whose own is known by now.
            of[index] = of[of[index].index()];
        }
        let rolled = all.into_iter().map(|repeat| (repeat.first().clone(), repeat)).collect();
        Self { of, rolled }
    }

    pub fn of(&self, id: NodeId) -> NodeId {
        self.of[id.index()]
    }

    /// The repeat that a module stands for.
    pub fn repeat(&self, path: &Path) -> Option<&Repeat> {
        self.rolled.get(path)
    }

    /// How often the thing at a path is in the network.
    pub fn times(&self, path: &Path) -> usize {
        if self.rolled.is_empty() {
            return 1;
        }
        let around = (1..=path.depth()).map(|depth| path.truncated(depth));
        around.filter_map(|path| self.repeat(&path)).map(|repeat| repeat.members.len()).product()
    }
}
