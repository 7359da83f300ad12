//! Repeated modules: equal ones in a row, each of which reads the one before it.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

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

    /// What they are called together: the path of the first, up to where the last one differs, and the name of the last
    /// there.
    pub(super) fn range(&self) -> Range {
        let (first, last) = (self.first(), &self.members[self.members.len() - 1]);
        let mut pairs = first.segments().zip(last.segments()).enumerate();
        let differs = pairs.find(|(_, (a, b))| a != b);
        let (depth, last) =
            differs.map_or((first.depth(), last.name()), |(at, (_, b))| (at + 1, b));
        Range { first: first.truncated(depth), last: last.to_owned(), count: self.members.len() }
    }
}

/// As `inception-c/1 to 9`.
impl fmt::Display for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { first, last, .. } = self.range();
        write!(f, "{first} to {last}")
    }
}

/// Equal modules in a row, as they are called.
#[derive(Clone, Debug)]
pub(super) struct Range {
    /// The path of the first.
    pub first: Path,
    /// The name of the last.
    pub last: String,
    /// How many there are.
    pub count: usize,
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
        let inner: Vec<Option<Path>> = children.iter().map(|path| modules.real_in(path)).collect();
        row_by_row(graph, &inner, &members, &mut found);
    }
    found.sort_by_cached_key(|repeat| (repeat.first().depth(), repeat.nodes[0].first().copied()));
    found
}

/// Finds the repeats among the children of a module, those that are modules themselves.
fn row_by_row(
    graph: &Graph,
    children: &[Option<Path>],
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
    for child in children {
        let known = child.as_ref().and_then(|path| Some((path, members.get(path)?)));
        let Some((path, nodes)) = known else {
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
    rolled: HashMap<Path, Range>,
    /// How many modules each stands for, by the path up to where they differ.
    counts: HashMap<Path, usize>,
}

impl Representatives {
    pub fn new(graph: &Graph, repeats: &Repeats) -> Self {
        let mut of: Vec<NodeId> = graph.ids().collect();
        let Repeats::OnceExcept(apart) = repeats else {
            return Self { of, rolled: HashMap::new(), counts: HashMap::new() };
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
        let rolled: HashMap<Path, Range> =
            all.iter().map(|repeat| (repeat.first().clone(), repeat.range())).collect();
        let counts = rolled.values().map(|range| (range.first.clone(), range.count)).collect();
        Self { of, rolled, counts }
    }

    pub fn of(&self, id: NodeId) -> NodeId {
        self.of[id.index()]
    }

    /// The repeated modules that a module stands for.
    pub fn range(&self, path: &Path) -> Option<&Range> {
        self.rolled.get(path)
    }

    /// How often the thing at a path is in the network.
    pub fn times(&self, path: &Path) -> usize {
        if self.counts.is_empty() {
            return 1;
        }
        let around = (1..=path.depth()).map(|depth| path.truncated(depth));
        around.filter_map(|path| self.counts.get(&path)).product()
    }
}
