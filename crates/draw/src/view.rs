//! The content of a drawing: the network with some modules closed, as blocks inside of nested modules.

use std::collections::{BTreeSet, HashMap, HashSet};

use inceptive_ir::{Graph, NodeId, Part, Path};

use super::{
    repeat::{Range, Repeats, Representatives},
    steps::{Modules, head_path, modules, step_of},
};

/// Which modules of a network are drawn open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Open {
    /// All of them: every step is drawn.
    All,
    /// Those with fewer path segments than this.
    Above(usize),
    /// These. A module with a single child counts as open, because a box around it would add nothing. A step with its
    /// normalisation and activation is open if its path is one of these.
    These(BTreeSet<Path>),
}

impl Open {
    /// Cut at a depth if there is one.
    pub fn above(depth: Option<usize>) -> Self {
        depth.map_or(Self::All, Self::Above)
    }

    /// Whether the nodes of a step are drawn each by itself.
    fn has_opened(&self, step: &Path) -> bool {
        matches!(self, Self::These(open) if open.contains(step))
    }

    /// The step, or the outermost closed module around it.
    fn cut(&self, step: &Path, modules: &Modules) -> Path {
        match self {
            Self::All => step.clone(),
            Self::Above(depth) => step.truncated(*depth),
            Self::These(open) => {
                let outer = (1..step.depth()).map(|depth| step.truncated(depth));
                let is_closed = |path: &Path| modules.is_real(path) && !open.contains(path);
                outer.into_iter().find(is_closed).unwrap_or_else(|| step.clone())
            }
        }
    }
}

/// Modules to open so that there is something to see: with everything closed some networks are a box or two.
pub fn worth_opening(graph: &Graph) -> BTreeSet<Path> {
    /// Boxes that make a picture, the input included.
    const FEWEST: usize = 5;
    let mut open = BTreeSet::new();
    let all = modules(graph);
    let deepest = all.iter().map(Path::depth).max().unwrap_or(0);
    for depth in 1..=deepest {
        if View::new(graph, &Open::These(open.clone())).blocks.len() >= FEWEST {
            break;
        }
        open.extend(all.iter().filter(|path| path.depth() == depth).cloned());
    }
    open
}

/// A step with its normalisation and activation, or a module that is drawn closed.
#[derive(Debug)]
pub(super) struct Block {
    /// Path of the step or the module.
    pub path: Path,
    /// Its nodes in execution order; at least one. If it stands for repeated ones, their nodes follow.
    pub nodes: Vec<NodeId>,
    /// How often it is in the network.
    pub times: usize,
    /// The repeated modules that it stands for.
    pub range: Option<Range>,
    /// The module around it.
    pub module: usize,
    /// Whether it belongs to an auxiliary head.
    pub is_auxiliary: bool,
    /// Whether it is a module that could be drawn open.
    pub is_module: bool,
    /// Whether it is a step of several nodes that could be drawn each by itself.
    pub is_fused: bool,
}

impl Block {
    /// Its nodes without those of its repetitions.
    pub fn own(&self) -> &[NodeId] {
        &self.nodes[..self.nodes.len() / self.times.max(1)]
    }
}

/// A child of a module, by position in [`View::blocks`] or [`View::modules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Child {
    Block(usize),
    Module(usize),
}

/// An open module, or the complete network.
#[derive(Debug)]
pub(super) struct Module {
    pub path: Path,
    /// The module around it; `None` for the network.
    pub parent: Option<usize>,
    /// In execution order; empty for a module that was dissolved.
    pub children: Vec<Child>,
    /// Its position among the children of the module around it.
    pub place: usize,
    /// Whether there is something of an auxiliary head in it; never for the network.
    pub is_auxiliary: bool,
    /// The repeated modules that it stands for.
    pub range: Option<Range>,
}

impl Module {
    fn new(path: Path, parent: Option<usize>) -> Self {
        let (children, place) = (Vec::new(), 0);
        Self { path, parent, children, place, is_auxiliary: false, range: None }
    }
}

/// The network with some modules closed.
#[derive(Debug)]
pub(super) struct View {
    pub blocks: Vec<Block>,
    /// The network first, every module after the one around it.
    pub modules: Vec<Module>,
    /// Which block reads which, from producer to consumer, sorted, without repetition.
    pub edges: Vec<(usize, usize)>,
}

impl View {
    /// Closes every module that is not open.
    pub fn new(graph: &Graph, open: &Open) -> Self {
        Self::arranged(graph, open, &Repeats::Each)
    }

    /// Closes every module that is not open, and takes repeated ones once.
    pub fn arranged(graph: &Graph, open: &Open, repeats: &Repeats) -> Self {
        let root = Module::new(Path::root(), None);
        let mut view = Self { blocks: Vec::new(), modules: vec![root], edges: Vec::new() };
        let stands_for = Representatives::new(graph, repeats);
        let block_of = view.add_blocks(graph, open, &stands_for);
        view.edges = edges(graph, &block_of, &stands_for);
        for module in &mut view.modules {
            module.range = stands_for.range(&module.path).cloned();
        }
        view.dissolve_single_children();
        view.mark_modules();
        view
    }

    /// Creates the blocks and the modules around them; returns the block of each node.
    fn add_blocks(
        &mut self,
        graph: &Graph,
        open: &Open,
        stands_for: &Representatives,
    ) -> Vec<usize> {
        let known: HashSet<&str> = graph.nodes().map(|(_, node)| node.path.as_str()).collect();
        let steps: Vec<Path> = graph.nodes().map(|(_, node)| step_of(&node.path, &known)).collect();
        let mut sizes: HashMap<&Path, usize> = HashMap::new();
        steps.iter().for_each(|step| *sizes.entry(step).or_default() += 1);
        let around = Modules::of(steps.iter());
        let mut by_path: HashMap<Path, usize> = HashMap::new();
        let mut modules = HashMap::from([(Path::root(), 0)]);
        let mut block_of: Vec<usize> = Vec::with_capacity(graph.len());
        for ((id, node), step) in graph.nodes().zip(&steps) {
            let representative = stands_for.of(id);
            if representative != id {
                // It is earlier in the network.
                let block = block_of[representative.index()];
                self.blocks[block].nodes.push(id);
                block_of.push(block);
                continue;
            }
            let is_several = sizes.get(step).is_some_and(|&size| size > 1);
            let cut = open.cut(step, &around);
            let is_opened = is_several && cut == *step && open.has_opened(step);
            let path = match is_opened {
                true if node.path == *step => head_path(graph, id),
                true => node.path.clone(),
                false => cut,
            };
            let block = match by_path.get(&path) {
                Some(&block) => block,
                None => {
                    let parent = path.parent().unwrap_or_else(Path::root);
                    let module = self.open(&parent, &mut modules);
                    let block = self.blocks.len();
                    self.modules[module].children.push(Child::Block(block));
                    by_path.insert(path.clone(), block);
                    let is_module = around.is_real(&path);
                    self.blocks.push(Block {
                        nodes: Vec::new(),
                        times: stands_for.times(&path),
                        range: stands_for.range(&path).cloned(),
                        module,
                        is_auxiliary: node.part != Part::Main,
                        is_module,
                        is_fused: is_several && !is_module && !is_opened,
                        path,
                    });
                    block
                }
            };
            self.blocks[block].nodes.push(id);
            block_of.push(block);
        }
        block_of
    }

    /// The module with a path, created with those around it if need be.
    fn open(&mut self, path: &Path, known: &mut HashMap<Path, usize>) -> usize {
        let mut missing = Vec::new();
        let mut inner = path.clone();
        let mut around = loop {
            match (known.get(&inner), inner.parent()) {
                (Some(&module), _) => break module,
                (None, Some(parent)) => missing.push(std::mem::replace(&mut inner, parent)),
                (None, None) => break 0,
            }
        };
        for path in missing.into_iter().rev() {
            let module = self.modules.len();
            self.modules[around].children.push(Child::Module(module));
            self.modules.push(Module::new(path.clone(), Some(around)));
            known.insert(path, module);
            around = module;
        }
        around
    }

    /// Removes frames with a single child: the child moves to the module around the frame. Frames that stand for
    /// repeated modules stay.
    fn dissolve_single_children(&mut self) {
        // What stands for a module in the module around it. Inner modules have larger indices, so that a chain of
        // single children dissolves at once.
        let mut stands_for: Vec<Option<Child>> = vec![None; self.modules.len()];
        let resolved = |child: Child, stands_for: &[Option<Child>]| match child {
            Child::Module(module) => stands_for[module].unwrap_or(child),
            Child::Block(_) => child,
        };
        for module in (0..self.modules.len()).rev() {
            let children = std::mem::take(&mut self.modules[module].children);
            let children: Vec<Child> =
                children.into_iter().map(|child| resolved(child, &stands_for)).collect();
            match children.as_slice() {
                &[only] if module > 0 && self.modules[module].range.is_none() => {
                    stands_for[module] = Some(only);
                }
                _ => self.modules[module].children = children,
            }
        }
        for module in 0..self.modules.len() {
            for child in self.modules[module].children.clone() {
                match child {
                    Child::Block(block) => self.blocks[block].module = module,
                    Child::Module(inner) => self.modules[inner].parent = Some(module),
                }
            }
        }
    }

    /// Records the position of each module in its parent, and which modules are parts of auxiliary heads.
    fn mark_modules(&mut self) {
        for module in (0..self.modules.len()).rev() {
            let children = self.modules[module].children.clone();
            let mut is_auxiliary = false;
            for (place, child) in children.into_iter().enumerate() {
                is_auxiliary |= match child {
                    Child::Block(block) => self.blocks[block].is_auxiliary,
                    Child::Module(inner) => {
                        self.modules[inner].place = place;
                        self.modules[inner].is_auxiliary
                    }
                };
            }
            self.modules[module].is_auxiliary = is_auxiliary && module > 0;
        }
    }

    /// A block's name inside of the module that is drawn around it.
    pub fn block_name(&self, block: usize) -> String {
        let Block { path, module, range, .. } = &self.blocks[block];
        match range {
            None => self.name_in(path, *module),
            Some(Range { first, last, .. }) => {
                format!("{} to {last}", self.name_in(first, *module))
            }
        }
    }

    /// A module's name inside of the module that is drawn around it.
    pub fn module_name(&self, module: usize) -> String {
        let Module { path, parent, range, .. } = &self.modules[module];
        let Some(parent) = *parent else { return String::new() };
        match range {
            None => self.name_in(path, parent),
            Some(Range { first, last, count }) => {
                format!("{} to {last}, x {count}", self.name_in(first, parent))
            }
        }
    }

    /// The part of a path that is not already in the name of the module around it.
    fn name_in(&self, path: &Path, module: usize) -> String {
        let around = self.modules[module].path.as_str();
        let rest = path.as_str().strip_prefix(around).unwrap_or(path.as_str());
        match rest.trim_start_matches('/') {
            "" => "network".to_owned(),
            name => name.to_owned(),
        }
    }

    /// The modules around a block, outermost first, beginning with the network.
    pub fn modules_around(&self, block: usize) -> Vec<usize> {
        let mut around = vec![self.blocks[block].module];
        while let Some(parent) = around.last().and_then(|&module| self.modules[module].parent) {
            around.push(parent);
        }
        around.reverse();
        around
    }
}

fn edges(graph: &Graph, block_of: &[usize], stands_for: &Representatives) -> Vec<(usize, usize)> {
    let drawn = graph.ids().filter(|&id| stands_for.of(id) == id);
    let reads = drawn
        .flat_map(|id| graph.inputs(id).into_iter().map(move |input| (input, id)))
        .map(|(from, to)| (block_of[from.index()], block_of[to.index()]))
        .filter(|(from, to)| from != to);
    reads.collect::<BTreeSet<(usize, usize)>>().into_iter().collect()
}
